/**
 * The page: two wallets, one proof, one list. Owns what is on screen and when it is read again; asks the node for everything and computes
 * nothing about money itself. Without a key in the link it shows what is public and says how to see the rest.
 */
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
const nameOf = (address) => people.find((person) => person.address === address)?.name ?? null;

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
  const [held] = account.coins;
  if (held === undefined) return;
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

function showProof(statement) {
  const [first] = statement.coins;
  const { decimals } = coinOf(first.coin);
  const proof = byId("proof");
  proof.dataset.state = statement.agrees ? "agrees" : "differs";
  byId("badge").textContent = statement.agrees
    ? `agree at block ${statement.block.toLocaleString("en")}`
    : "do not agree";
  for (const [id, field] of [
    ["bank", "bank"],
    ["books", "books"],
    ["supply", "chain"],
  ]) {
    byId(id).textContent = `${formatAmount(first[field], decimals)} ${first.symbol}`;
  }
  byId("bank-sign").textContent =
    BigInt(first.bank) === BigInt(first.books) ? "=" : BigInt(first.bank) > BigInt(first.books) ? "≥" : "<";
  const holders = `${first.accounts.toLocaleString("en")} holder${first.accounts === 1 ? "" : "s"}`;
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
  byId("chain").textContent = String(network.chainId);
  people.forEach(createCard);

  repeat(1_000, async () => {
    const { block } = await readJson("/health", null);
    byId("block").textContent = block === null ? "–" : block.toLocaleString("en");
  });
  repeat(400, async () => {
    const round = [...stale];
    stale.clear();
    for (const person of round) {
      await refreshPerson(person).catch(() => stale.add(person));
    }
  });
  repeat(2_000, async () => showProof(await readJson("/v1/reconciliation", key)));
  if (key !== null) await followPayments();
}

/** What the wallets paid and received before this page was opened, oldest first. */
async function readHistory() {
  const pages = await Promise.all(
    people.map(({ address }) => readJson(`/v1/accounts/${address}/transfers?pageSize=20`, key)),
  );
  const resources = new Map(pages.flatMap(({ data }) => data).map((resource) => [resource.id, resource]));
  return [...resources.values()].sort((a, b) => Date.parse(a.createdAt) - Date.parse(b.createdAt)).slice(-20);
}

async function followPayments() {
  const readState = (id) => readJson(`/v1/transfers/${id}`, key).catch(() => null);
  const parts = { list: byId("feed"), empty: byId("empty"), tally: byId("tally"), template: byId("payment") };
  const feed = createFeed({ ...parts, nameOf, coinOf, readState });
  repeat(700, feed.refresh);
  for (const resource of await readHistory().catch(() => [])) feed.remember(resource);
  await followEvents({
    key,
    after: null,
    onLink: (state) => {
      showLink(state);
      if (state === "live") people.forEach((person) => stale.add(person));
      if (state === "refused") notify("The node does not know this key. Open the link that npm start printed last.");
    },
    onEvent: (event) => {
      feed.onEvent(event);
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
