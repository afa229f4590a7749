/**
 * Who pays gas for whom: the node for its users, within a budget. Owns which kinds of intent count, whose budget they count against, how much, and
 * the smallest amount worth the gas. Pure; the store keeps the counts and decides in the transaction that accepts.
 *
 * What a role orders and what ends something that was paid for when it began (a claim, a redemption, a dispute, a public exit) never counts: a
 * freeze or a way out must not depend on how much others have sent.
 */
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
  const { subject } = facts.fence;
  const payer = facts.payer ?? (subject === zeroAddress ? null : subject);
  return { payer, gas: gasOf(facts.action) };
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
  const renewsAt = new Date((Math.floor(at / period) + 1) * period).toISOString();
  return {
    code: "sponsor_budget_exhausted",
    subject,
    actual: `${used + wanted} gas`,
    limit: `${limit} gas`,
    remedy: `Send the same request again after ${renewsAt}, or hand the signed authorization to the contract yourself.`,
    extra: { scope, renewsAt },
  };
}
