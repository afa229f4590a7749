/**
 * The list of payments. Owns its rows: one per payment, newest first, a bounded number; each moves through accepted, sent, included, settled
 * as the node says so. Work is gathered per frame, so that a thousand events a second cost one update.
 */
import { createRow, ended, rank, showState } from "./row.js";

const rowLimit = 40;
/** What moves money from or to a wallet by itself; the steps of what an escrow keeps are told there. */
const kinds = new Set(["transfer", "mint", "lock", "open-claim", "authorize", "charge", "swap"]);

export function createFeed({ list, empty, tally, template, nameOf, coinOf, readState }) {
  const payments = new Map();
  /** Ids that were accepted while this page was open and have not ended; bounded by what the node lets live. */
  const open = new Set();
  const counts = { settled: 0, otherwise: 0 };
  const times = [];
  const dirty = new Set();
  let scheduled = false;

  function draw() {
    scheduled = false;
    for (const payment of dirty) drawRow(payment);
    dirty.clear();
    empty.hidden = list.childElementCount > 0;
    drawTally();
  }

  function touch(payment) {
    dirty.add(payment);
    if (scheduled) return;
    scheduled = true;
    requestAnimationFrame(draw);
  }

  function drawTally() {
    const parts = [`${counts.settled.toLocaleString("en")} settled`, `${open.size.toLocaleString("en")} on their way`];
    if (counts.otherwise > 0) parts.push(`${counts.otherwise} ended otherwise`);
    if (times.length > 0) {
      const sorted = [...times].sort((a, b) => a - b);
      parts.push(`settled in ${(sorted[sorted.length >> 1] / 1000).toFixed(1)} s (median of the last ${times.length})`);
    }
    const seen = open.size + counts.settled + counts.otherwise > 0;
    tally.textContent = seen ? `since you opened this page: ${parts.join(" · ")}` : "";
  }

  function drawRow(payment) {
    if (payment.row === null) {
      payment.row = createRow(template, payment, { nameOf, coinOf });
      list.prepend(payment.row);
    }
    showState(payment.row, payment);
  }

  function add(payment) {
    payments.set(payment.id, payment);
    if (payments.size > rowLimit) {
      const [oldest] = payments.values();
      payments.delete(oldest.id);
      dirty.delete(oldest);
      oldest.row?.remove();
    }
    touch(payment);
  }

  /** A payment from before this page was opened. */
  function remember(resource) {
    if (payments.has(resource.id)) return;
    const { from, to, value } = resource.authorization;
    add({
      id: resource.id,
      coin: resource.coin.toLowerCase(),
      payer: from.toLowerCase(),
      payee: to.toLowerCase(),
      amount: value,
      state: resource.state,
      reason: resource.held ? resource.reason : null,
      acceptedAt: Date.parse(resource.createdAt),
      endedAt: resource.endedAt === null ? null : Date.parse(resource.endedAt),
      row: null,
    });
  }

  function onEvent({ id, type, at, data }) {
    if (!kinds.has(data.kind)) return;
    const when = Date.parse(at);
    if (type === "accepted" && !payments.has(id)) {
      open.add(id);
      const { coin, payer, payee, amount } = data;
      return add({
        id,
        coin,
        payer,
        payee,
        amount,
        state: "accepted",
        reason: null,
        acceptedAt: when,
        endedAt: null,
        row: null,
      });
    }
    if (ended.has(type) && open.delete(id)) counts[type === "settled" ? "settled" : "otherwise"]++;
    const payment = payments.get(id);
    if (payment === undefined || ended.has(payment.state)) return;
    if (type === "held") payment.reason = data.reason ?? "waiting";
    else if (type === "back") payment.state = data.to ?? "accepted";
    else if (type in rank) {
      payment.state = type;
      payment.reason = null;
    }
    if (ended.has(type)) {
      payment.endedAt = when;
      times.push(when - payment.acceptedAt);
      if (times.length > 200) times.shift();
    }
    touch(payment);
  }

  /**
   * Being sent is not published as an event, and what a payment did between history and stream is in neither: the few rows that have not
   * ended are asked for.
   */
  async function refresh() {
    const waiting = [...payments.values()].filter((payment) => !ended.has(payment.state)).slice(-5);
    for (const payment of waiting) {
      const resource = await readState(payment.id);
      if (resource === null || ended.has(payment.state) || rank[resource.state] <= rank[payment.state]) continue;
      payment.state = resource.state;
      payment.reason = resource.held ? resource.reason : null;
      payment.endedAt = resource.endedAt === null ? null : Date.parse(resource.endedAt);
      touch(payment);
    }
  }

  return { onEvent, remember, refresh };
}
