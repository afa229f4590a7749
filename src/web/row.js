/**
 * One payment on the page: its row and how it shows a state. Owns the four steps people see and which state lights up which of them; knows
 * nothing of the list around it.
 */
import { formatAmount, shorten } from "./money.js";

const steps = ["accepted", "sent", "included", "settled"];
/** What a state lights up. `planned` is committed but not handed over yet: nobody outside sees a difference. */
export const rank = {
  accepted: 0,
  planned: 0,
  sent: 1,
  included: 2,
  settled: 3,
  cancelled: 3,
  superseded: 3,
  expired: 3,
};
export const ended = new Set(["settled", "cancelled", "superseded", "expired"]);

export function createRow(template, payment, { nameOf, coinOf }) {
  const row = template.content.firstElementChild.cloneNode(true);
  const coin = coinOf(payment.coin);
  const show = (address) => nameOf(address) ?? shorten(address);
  row.querySelector(".amount").textContent = formatAmount(payment.amount, coin.decimals);
  row.querySelector(".unit").textContent = coin.symbol;
  row.querySelector(".from").textContent = payment.payer === null ? "deposit" : show(payment.payer);
  row.querySelector(".to").textContent = show(payment.payee);
  row.title = payment.id;
  return row;
}

export function showState(row, { state, reason, acceptedAt, endedAt }) {
  const at = rank[state];
  const isOver = ended.has(state);
  const waits = reason !== null && !isOver;
  row.dataset.state = state;
  row.classList.toggle("held", waits);
  row.classList.toggle("ended-otherwise", isOver && state !== "settled");
  for (const [i, chip] of [...row.querySelectorAll(".track li")].entries()) {
    chip.classList.toggle("done", i <= at);
    chip.classList.toggle("now", i === at);
    chip.textContent = i === steps.length - 1 && isOver ? state : steps[i];
    if (i === at) chip.setAttribute("aria-current", "step");
    else chip.removeAttribute("aria-current");
  }
  row.querySelector(".note").textContent = waits ? `waits: ${reason.replaceAll("_", " ")}` : "";
  const time = row.querySelector("time");
  time.dateTime = new Date(acceptedAt).toISOString();
  time.textContent =
    state === "settled" && endedAt !== null
      ? `in ${((endedAt - acceptedAt) / 1000).toFixed(1)} s`
      : new Date(acceptedAt).toLocaleTimeString("en", { hour12: false });
}
