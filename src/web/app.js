/**
 * The page: two wallets, one proof, what is in escrow, one list. Owns what is on screen and when it is read again; asks the node for everything and computes
 * nothing about money itself. Without a key in the link it shows what is public and says how to see the rest.
 */
import { createEscrow } from "./escrow.js";
import { createFeed } from "./feed.js";
import { formatAmount } from "./money.js";
import { followEvents, readJson, Refused } from "./node.js";

const byId = (id) => document.getElementById(id);
const link = new URLSearchParams(location.hash.slice(1));
const key = link.get("key");
/** `name:country:address,…` */
const people = (link.get("people") ?? "")
  .split(",")
  .map((text) => text.split(":"))
  .filter((parts) => parts.length === 3 && /^0x[0-9a-fA-F]{40}$/.test(parts[2]))
  .map(([name, country, address]) => ({ name, country, address: address.toLowerCase() }));

const coins = new Map();
const coinOf = (address) => coins.get(address.toLowerCase()) ?? { symbol: "", decimals: 6 };
/** What an escrow is to people: the thing it keeps. */
const escrows = new Map();
const nameOf = (address) => people.find((person) => person.address === address)?.name ?? escrows.get(address) ?? null;

function notify(text) {
  byId("notice").textContent = text;
  byId("notice").hidden = text === "";
}

function showLink(state) {
  byId("link").dataset.state = state;
  byId("link-text").textContent = {
    live: "live",
    lost: "reconnecting",
    refused: "not allowed",
    public: "public facts only",
  }[state];
}

// ——— wallets ———

const cards = new Map();

function createCard(person) {
  const card = byId("person").content.firstElementChild.cloneNode(true);
  card.querySelector(".avatar").textContent = person.name.slice(0, 1);
  card.querySelector(".name").textContent = person.name;
  card.querySelector(".country").textContent = person.country;
  card.querySelector(".address").textContent = person.address;
  byId("people").append(card);
  cards.set(person.address, { card, balance: null });
}

async function refreshPerson({ address }) {
  const entry = cards.get(address);
  const account = await readJson(`/v1/accounts/${address}`, key);
  const [held, ...others] = account.coins;
  if (held === undefined) return;
  entry.card.querySelector(".others").textContent = others
    .map((other) => `${formatAmount(other.balance, coinOf(other.coin).decimals)} ${other.symbol}`)
    .join(" · ");
  const { decimals } = coinOf(held.coin);
  const balance = BigInt(held.balance);
  entry.card.querySelector(".amount").textContent = formatAmount(balance, decimals);
  entry.card.querySelector(".unit").textContent = held.symbol;
  entry.card.querySelector(".holds").textContent =
    BigInt(held.held) > 0n
      ? `${formatAmount(held.held, decimals)} ${held.symbol} promised to payments on their way`
      : "";
  if (entry.balance !== null && entry.balance !== balance) {
    entry.card.classList.remove("up", "down");
    void entry.card.offsetWidth;
    entry.card.classList.add(balance > entry.balance ? "up" : "down");
  }
  entry.balance = balance;
}

// ——— proof ———

/** The three sides of one coin, in its row. */
function showTrio(row, coin) {
  const { decimals } = coinOf(coin.coin);
  for (const [name, units] of [
    ["bank", coin.bank],
    ["books", coin.books],
    ["supply", coin.chain],
  ]) {
    row.querySelector(`.${name}`).textContent = `${formatAmount(units, decimals)} ${coin.symbol}`;
  }
  const [bank, books] = [BigInt(coin.bank), BigInt(coin.books)];
  row.querySelector(".bank-sign").textContent = bank === books ? "=" : bank > books ? "≥" : "<";
}

function showProof(statement) {
  const proof = byId("proof");
  proof.dataset.state = statement.agrees ? "agrees" : "differs";
  byId("badge").textContent = statement.agrees
    ? `agree at block ${statement.block.toLocaleString("en")}`
    : "do not agree";
  const trios = byId("trios");
  while (trios.childElementCount < statement.coins.length) {
    trios.append(byId("trio").content.firstElementChild.cloneNode(true));
  }
  for (const [i, coin] of statement.coins.entries()) showTrio(trios.children[i], coin);
  const accounts = statement.coins.reduce((sum, coin) => sum + coin.accounts, 0);
  const holders = `${accounts.toLocaleString("en")} holding${accounts === 1 ? "" : "s"}`;
  byId("proof-text").textContent = statement.agrees
    ? `Compared for ${holders} at a final block, to the smallest unit.`
    : statement.differences
        .slice(0, 3)
        .map((difference) => `${difference.kind}: books ${difference.books}, chain ${difference.chain}`)
        .join(" · ");
  if (statement.halted !== null) notify(`New sends are halted: ${statement.halted.reason}`);
}

// ——— reading again ———

/** Runs `work` every `ms` while the page is visible; a failing round is tried again in the next. */
function repeat(ms, work) {
  let busy = false;
  const round = async () => {
    if (busy || document.hidden) return;
    busy = true;
    await work().catch(() => {});
    busy = false;
  };
  void round();
  setInterval(round, ms);
}

const stale = new Set(people);

async function start() {
  if (key === null) {
    showLink("public");
    notify("This is the public view. Open the link that npm start printed to see money moving.");
  }
  const network = await readJson("/v1/network", null);
  for (const coin of network.coins) coins.set(coin.address.toLowerCase(), coin);
  for (const [name, word] of [
    ["claims", "a claim"],
    ["commerce", "a payment"],
    ["redemptions", "a redemption"],
    ["swap", "a swap"],
  ]) {
    escrows.set(network.contracts[name].toLowerCase(), word);
  }
  byId("chain").textContent = String(network.chainId);
  people.forEach(createCard);

  const escrow = createEscrow({
    list: byId("kept"),
    section: byId("escrow"),
    exits: byId("exits"),
    template: byId("kept-row"),
    coinOf,
    nameOf,
    readLists,
  });
  repeat(1_000, async () => {
    const { latest } = await readJson("/v1/network", null);
    if (latest === null) return;
    byId("block").textContent = latest.number.toLocaleString("en");
    byId("time").textContent = `${latest.time.slice(0, 10)} ${latest.time.slice(11, 19)}`;
    escrow.setTime(Date.parse(latest.time));
    escrow.setExits((await readJson("/v1/exits", null)).data);
  });
  if (key !== null) repeat(500, escrow.refresh);
  repeat(400, async () => {
    const round = [...stale];
    stale.clear();
    for (const person of round) {
      await refreshPerson(person).catch(() => stale.add(person));
    }
  });
  repeat(2_000, async () => showProof(await readJson("/v1/reconciliation", key)));
  if (key !== null) await followPayments(escrow);
}

/** Claims and payments the wallets are parties of. */
async function readLists() {
  const read = async (name) => {
    const pages = await Promise.all(people.map(({ address }) => readJson(`/v1/accounts/${address}/${name}`, key)));
    return pages.flatMap(({ data }) => data);
  };
  const [claims, payments] = await Promise.all([read("claims"), read("payments")]);
  return { claims, payments };
}

/** What the wallets paid and received before this page was opened, oldest first. */
async function readHistory() {
  const pages = await Promise.all(
    people.map(({ address }) => readJson(`/v1/accounts/${address}/transfers?pageSize=20`, key)),
  );
  const resources = new Map(pages.flatMap(({ data }) => data).map((resource) => [resource.id, resource]));
  return [...resources.values()].sort((a, b) => Date.parse(a.createdAt) - Date.parse(b.createdAt)).slice(-20);
}

async function followPayments(escrow) {
  // A claim or a payment is read with the intent that opened it; the others are their own.
  const readState = (id) =>
    readJson(`/v1/intents/${id}`, key).then(
      (resource) => resource.intent ?? resource,
      () => null,
    );
  const parts = { list: byId("feed"), empty: byId("empty"), tally: byId("tally"), template: byId("payment") };
  const feed = createFeed({ ...parts, nameOf, coinOf, readState });
  repeat(700, feed.refresh);
  for (const resource of await readHistory().catch(() => [])) feed.remember(resource);
  await followEvents({
    key,
    after: null,
    onLink: (state) => {
      showLink(state);
      if (state === "live") {
        people.forEach((person) => stale.add(person));
        escrow.touch();
      }
      if (state === "refused") notify("The node does not know this key. Open the link that npm start printed last.");
    },
    onEvent: (event) => {
      feed.onEvent(event);
      if (event.type === "claim" || event.type === "payment") escrow.touch();
      if (event.type === "accepted" && event.data.kind !== "transfer") return;
      for (const person of people)
        if (event.accounts.some((account) => account.toLowerCase() === person.address)) stale.add(person);
    },
  });
}

start().catch((error) => {
  notify(error instanceof Refused ? `The node answers: ${error.code}` : "The node does not answer. Is it running?");
  setTimeout(() => location.reload(), 3_000);
});
