/**
 * What is kept in escrow: claims and payments with their deadline, and the exits that have come due. Owns its rows and their words; all its
 * times are block time, so that moving the clock of a devnet moves them. Asks for lists again only when an event says that one changed.
 */
import { formatAmount, shorten } from "./money.js";

const rowLimit = 20;
const endings = {
  claimed: () => "taken",
  declined: (sender) => `declined: back with ${sender}`,
  cancelled: (sender) => `taken back by ${sender}`,
  reclaimed: (sender) => `expired: back with ${sender}`,
};

const units = [
  ["d", 86_400],
  ["h", 3_600],
  ["min", 60],
  ["s", 1],
];

/** "in 2 d 3 h", "in 45 s", "now": its two largest units. Both are Unix milliseconds. */
export function formatWait(until, now) {
  let rest = Math.ceil((until - now) / 1_000);
  if (rest <= 0) return "now";
  const first = units.findIndex(([, length]) => rest >= length);
  const parts = [];
  for (const [unit, length] of units.slice(first, first + 2)) {
    const count = Math.floor(rest / length);
    if (count > 0) parts.push(`${count} ${unit}`);
    rest %= length;
  }
  return `in ${parts.join(" ")}`;
}

/** Who, how much, how far, and until when. `open` is what the escrow still has; `due` from when anyone sends it back. */
function readClaim(claim, show) {
  const isOpen = claim.state === "open";
  return {
    id: claim.claimId,
    word: "claim",
    coin: claim.coin,
    amount: claim.amount,
    from: claim.sender,
    to: null,
    open: isOpen,
    state: claim.state,
    told: isOpen ? "open" : (endings[claim.state]?.(show(claim.sender)) ?? claim.state),
    due: isOpen ? Date.parse(claim.expiry) : null,
  };
}

function readPayment(payment, decimals) {
  const part = (word, units) => (BigInt(units) > 0n ? [`${word} ${formatAmount(units, decimals)}`] : []);
  const parts = [
    ...part("captured", payment.captured),
    ...part("returned", payment.voided),
    ...part("refunded", payment.refunded),
  ];
  const isOpen = payment.state !== "closed";
  return {
    id: payment.paymentId,
    word: "payment",
    coin: payment.coin,
    amount: isOpen ? payment.remaining : payment.amount,
    from: payment.payer,
    to: payment.merchant,
    open: isOpen,
    state: payment.state,
    told: [...(isOpen ? [payment.state] : []), ...parts].join(", "),
    due: payment.reclaimFrom === null ? null : Date.parse(payment.reclaimFrom),
  };
}

function fill(row, { thing, coin, show, now }) {
  row.dataset.state = thing.open ? "open" : "ended";
  row.title = thing.id;
  row.querySelector(".amount").textContent = formatAmount(thing.amount, coin.decimals);
  row.querySelector(".unit").textContent = coin.symbol;
  row.querySelector(".kind").textContent = thing.word;
  row.querySelector(".from").textContent = show(thing.from);
  row.querySelector(".to").textContent = thing.to === null ? "whoever has the link" : show(thing.to);
  row.querySelector(".told").textContent = thing.told;
  const time = row.querySelector("time");
  const isDue = thing.due !== null && now !== null && now >= thing.due;
  row.classList.toggle("due", isDue);
  if (thing.due === null) {
    time.removeAttribute("datetime");
    time.textContent = "";
    return;
  }
  time.dateTime = new Date(thing.due).toISOString();
  time.textContent = isDue ? "due: goes back now" : `goes back ${now === null ? "" : formatWait(thing.due, now)}`;
}

/** `readLists` answers with the claims and payments of the page's people. */
export function createEscrow({ list, section, exits, template, coinOf, nameOf, readLists }) {
  let things = [];
  let isStale = true;
  let now = null;
  const show = (address) => nameOf(address.toLowerCase()) ?? shorten(address);

  function draw() {
    // What is open first, by its deadline; then what ended last.
    const open = things.filter((thing) => thing.open).sort((a, b) => (a.due ?? 0) - (b.due ?? 0));
    const shown = [...open, ...things.filter((thing) => !thing.open)].slice(0, rowLimit);
    while (list.childElementCount > shown.length) list.lastElementChild.remove();
    while (list.childElementCount < shown.length) list.append(template.content.firstElementChild.cloneNode(true));
    for (const [i, thing] of shown.entries()) fill(list.children[i], { thing, coin: coinOf(thing.coin), show, now });
    section.hidden = shown.length === 0 && exits.textContent === "";
  }

  return {
    touch() {
      isStale = true;
    },
    /** Block time, Unix milliseconds. */
    setTime(time) {
      now = time;
      draw();
    },
    /** Exits that anyone may take now. */
    setExits(due) {
      exits.textContent = due.length === 0 ? "" : `${due.length} due: the node sends back what nobody else does`;
      draw();
    },
    async refresh() {
      if (!isStale) return;
      isStale = false;
      try {
        const { claims, payments } = await readLists();
        const found = new Map();
        for (const claim of claims) found.set(claim.claimId, readClaim(claim, show));
        for (const payment of payments) {
          found.set(payment.paymentId, readPayment(payment, coinOf(payment.coin).decimals));
        }
        things = [...found.values()];
        draw();
      } catch (error) {
        isStale = true;
        throw error;
      }
    },
  };
}
