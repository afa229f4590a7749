/**
 * Who pays gas for whom: the node for its users, within a budget. Owns which kinds of intent count, whose budget they count against, how much, and
 * the smallest amount worth the gas. Pure; the store keeps the counts and decides in the transaction that accepts.
 *
 * What a role orders and what ends something that was paid for when it began (a claim, a redemption, a dispute, a public exit) never counts: a
 * freeze or a way out must not depend on how much others have sent.
 */
import { ownerOf } from "./agreement.ts";
import { type Address, type Hex, zeroAddress } from "./hex.ts";
import type { IntentFacts, IntentKind } from "./intent.ts";
import { toRowGas, toSettleGas } from "./plan.ts";
import { compare, reason } from "./reasons.ts";
import type { Rejection } from "./rejection.ts";

/** Whether a kind counts. A new kind does not compile until this is decided. */
const counts: Readonly<Record<IntentKind, boolean>> = {
  transfer: true,
  cancel: true,
  lock: true,
  "open-claim": true,
  authorize: true,
  charge: true,
  capture: true,
  refund: true,
  swap: true,
  "cancel-quote": true,
  join: true,
  leave: true,
  mint: false,
  "cancel-redemption": false,
  accept: false,
  reject: false,
  "mark-sent": false,
  confirm: false,
  reclaim: false,
  attest: false,
  minting: false,
  freeze: false,
  unfreeze: false,
  seize: false,
  "approve-mint": false,
  approve: false,
  dispute: false,
  resolve: false,
  claim: false,
  "decline-claim": false,
  "cancel-claim": false,
  "reclaim-claim": false,
  void: false,
  "dispute-payment": false,
  "resolve-payment": false,
  "reclaim-payment": false,
  "complete-leave": false,
  "travel-attest": false,
};

/** Kinds with a smallest amount: those that begin something. Base units. */
export const minimumKinds = ["transfer", "lock", "open-claim", "authorize", "charge", "swap"] as const;
export type Minimums = Readonly<Record<(typeof minimumKinds)[number], bigint>>;

/** One unit is no bound: transfers of a devnet may be as small as they like. What enters an escrow comes back in a second transaction: a cent. */
export const defaultMinimums: Minimums = {
  transfer: 1n,
  lock: 10_000n,
  "open-claim": 10_000n,
  authorize: 10_000n,
  charge: 10_000n,
  swap: 10_000n,
};

/** What an intent takes from the budget. `payer` null: it counts in the hour alone, because nobody's account stands behind it. */
export interface Sponsored {
  readonly payer: Address | null;
  readonly gas: bigint;
}

/** Gas, per UTC day and payer, and per UTC hour for everybody. */
export interface SponsorBudget {
  readonly payerPerDay: bigint;
  /** For a payer of whom nothing has settled yet. */
  readonly newPayerPerDay: bigint;
  readonly perHour: bigint;
}

export const dayMs = 86_400_000;
export const hourMs = 3_600_000;

function gasOf(action: IntentFacts["action"]): bigint {
  // As if it travelled alone to a payee without a balance: more than it can use in any batch.
  const alone = (row: Hex) => toSettleGas(toRowGas(row, { payeeKnown: false, reverted: false }));
  return action.kind === "row" ? alone(action.row) : action.gas;
}

/** What the budget is asked for; null where the kind does not count. */
export function toSponsored(facts: Pick<IntentFacts, "kind" | "payer" | "fence" | "action">): Sponsored | null {
  if (!counts[facts.kind]) return null;
  return { payer: ownerOf(facts), gas: gasOf(facts.action) };
}

/** The reason when the amount is below what its kind must have. */
export function judgeMinimum(facts: Pick<IntentFacts, "kind" | "amount">, minimums: Minimums): readonly Rejection[] {
  const kind = minimumKinds.find((one) => one === facts.kind);
  if (kind === undefined || facts.amount >= minimums[kind]) return [];
  const remedy = "Send at least that much, or hand the signed authorization to the contract yourself.";
  return [reason("amount_below_minimum", kind, remedy, compare(facts.amount, minimums[kind]))];
}

/** The refusal of one that does not fit. `used` and `limit` are gas, `wanted` is the intent's own. */
export function refuseSponsorship(found: {
  readonly subject: Address | "everybody";
  readonly scope: "payer" | "new payer" | "hour";
  readonly used: bigint;
  readonly wanted: bigint;
  readonly limit: bigint;
  /** Unix milliseconds. */
  readonly at: number;
}): Rejection {
  const { subject, scope, used, wanted, limit, at } = found;
  const period = scope === "hour" ? hourMs : dayMs;
  const renews = (Math.floor(at / period) + 1) * period;
  // oxlint-disable-next-line no-restricted-globals -- writes a given time down and reads no clock
  const renewsAt = new Date(renews).toISOString();
  return {
    code: "sponsor_budget_exhausted",
    subject,
    actual: `${used + wanted} gas`,
    limit: `${limit} gas`,
    remedy: `Send the same request again after ${renewsAt}, or hand the signed authorization to the contract yourself.`,
    extra: { scope, renewsAt, retryAfterSeconds: Math.ceil((renews - at) / 1_000) },
  };
}

/** What was counted before a batch. */
export interface Counts {
  /** Gas of this hour. */
  readonly hour: bigint;
  /** Gas of this day. */
  dayOf(payer: Address): bigint;
  /** Asked only where it makes a difference. */
  isNew(payer: Address): boolean;
}

/** What one batch takes from the budget. */
export interface Tab {
  /** Why it does not fit into what is left; null when it does. */
  judge(sponsored: Sponsored): Rejection | null;
  add(sponsored: Sponsored): void;
  /** What was added: gas in all, and by payer in address order. */
  sum(): { readonly hour: bigint; readonly days: readonly { readonly payer: Address; readonly gas: bigint }[] };
}

/** Opens the tab of a batch. `at`: Unix milliseconds. */
export function openTab(options: {
  readonly budget: SponsorBudget;
  readonly counts: Counts;
  readonly at: number;
}): Tab {
  const { budget, counts, at } = options;
  const days = new Map<Address, { readonly before: bigint; sum: bigint }>();
  let hour = counts.hour;

  function dayOf(payer: Address): { readonly before: bigint; sum: bigint } {
    const known = days.get(payer);
    if (known !== undefined) return known;
    const before = counts.dayOf(payer);
    const day = { before, sum: before };
    days.set(payer, day);
    return day;
  }

  return {
    judge({ payer, gas }) {
      if (hour + gas > budget.perHour) {
        const found = { subject: "everybody", scope: "hour", used: hour, limit: budget.perHour } as const;
        return refuseSponsorship({ ...found, wanted: gas, at });
      }
      if (payer === null || payer === zeroAddress) return null;
      const { sum } = dayOf(payer);
      const found = { subject: payer, used: sum, wanted: gas, at };
      if (sum + gas > budget.payerPerDay) {
        return refuseSponsorship({ ...found, scope: "payer", limit: budget.payerPerDay });
      }
      if (sum + gas <= budget.newPayerPerDay || !counts.isNew(payer)) return null;
      return refuseSponsorship({ ...found, scope: "new payer", limit: budget.newPayerPerDay });
    },
    add({ payer, gas }) {
      hour += gas;
      if (payer !== null && payer !== zeroAddress) dayOf(payer).sum += gas;
    },
    sum() {
      const raised = [...days].flatMap(([payer, { before, sum }]) =>
        sum > before ? [{ payer, gas: sum - before }] : [],
      );
      return { hour: hour - counts.hour, days: raised.sort((a, b) => (a.payer < b.payer ? -1 : 1)) };
    },
  };
}
