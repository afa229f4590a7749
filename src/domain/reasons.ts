/**
 * What the rules of every kind of draft have in common: the context they judge by and the reasons that recur. Owns no rule of its own kind;
 * promises that a reason carries what was found and the limit it met. Pure.
 */
import type { AgreementTerms, PaymentTotals } from "./agreement.ts";
import { type Address, zeroAddress } from "./hex.ts";
import type { RedemptionTerms } from "./facts.ts";
import type { RedemptionState } from "./intent.ts";
import type { Rejection } from "./rejection.ts";

/** Seconds. */
export interface ValidityLimits {
  /** Longest a transfer may stay valid after now, so that holds drain. */
  readonly transfer: number;
  /** Longest deadline of a signed order. */
  readonly order: number;
  /** The escrow's own cap on a redemption's last deadline. */
  readonly redemption: number;
  /** The escrow's own cap on a claim's expiry. */
  readonly claim: number;
  /** The escrow's own caps on a payment's last capture and last refund. */
  readonly capture: number;
  readonly refund: number;
  /** The swap's own cap on a quote. */
  readonly quote: number;
  /** The registry's own cap on an attestation. */
  readonly attestation: number;
}

/** A claim or payment as far as the rules need it. */
export interface KnownAgreement {
  readonly agreement: AgreementTerms;
  readonly state: string;
  readonly totals: PaymentTotals | null;
  /** What its steps did, for the fees taken so far. */
  readonly steps: readonly { readonly fee: bigint }[];
}

export interface PolicyContext {
  /** Time of the newest block, Unix seconds. */
  readonly blockTime: number;
  readonly coins: ReadonlySet<Address>;
  /** Every contract of the network: none of them is anybody's account. */
  readonly contracts: ReadonlySet<Address>;
  readonly validity: ValidityLimits;
  /** The redemption a step is about; null when the node knows none. */
  readonly redemption: { readonly terms: RedemptionTerms; readonly state: RedemptionState } | null;
  /** The claim or payment a step is about; null when the node knows none. */
  readonly agreement: KnownAgreement | null;
  /** How the quote that a draft is about was used up; null while it was not. */
  readonly quoteEnd: "swap" | "cancel-quote" | null;
}

export function reason(
  code: Rejection["code"],
  subject: string,
  remedy: string,
  compared: Partial<Rejection> = {},
): Rejection {
  return { code, subject, remedy, ...compared };
}

export function compare(actual: number | bigint, limit: number | bigint): { actual: string; limit: string } {
  return { actual: String(actual), limit: String(limit) };
}

export function judgeAmount(amount: bigint, field = "amount"): Rejection[] {
  return amount > 0n ? [] : [reason("amount_zero", field, "Send an amount above zero.", compare(amount, 1n))];
}

export function judgePayee(payee: Address, { coins, contracts }: PolicyContext): Rejection[] {
  return payee === zeroAddress || coins.has(payee) || contracts.has(payee)
    ? [reason("payee_invalid", payee, "Name an account of a person or a business, not a contract of the network.")]
    : [];
}

/** An order's own deadline: inclusive, and not too far away. */
export function judgeDeadline(deadline: number, { blockTime, validity }: PolicyContext): Rejection[] {
  if (deadline < blockTime) {
    return [reason("expired", "deadline", "Sign the order with a later deadline.", compare(deadline, blockTime))];
  }
  const latest = blockTime + validity.order;
  return deadline > latest
    ? [reason("validity_too_long", "deadline", "Sign the order with an earlier deadline.", compare(deadline, latest))]
    : [];
}

/** A time of the terms that must lie ahead, by `longest` seconds at most. */
export function judgeAhead(
  time: { readonly field: string; readonly at: number; readonly longest?: number },
  { blockTime }: PolicyContext,
): Rejection[] {
  const { field, at, longest } = time;
  if (at <= blockTime) return [reason("expired", field, `Sign with a later ${field}.`, compare(at, blockTime))];
  if (longest === undefined || at <= blockTime + longest) return [];
  return [reason("deadline_invalid", field, `Sign with an earlier ${field}.`, compare(at, blockTime + longest))];
}

/** A half-open deadline of a state: `before` it one side acts, `from` it on the other. */
export function judgeMoment(
  moment: { readonly field: string; readonly at: number; readonly side: "before" | "from" },
  { blockTime }: PolicyContext,
): Rejection[] {
  const { field, at, side } = moment;
  const passed = blockTime >= at;
  if (passed === (side === "from")) return [];
  const remedy = passed ? "The deadline passed: read what may be done now." : "Wait for the deadline.";
  return [reason("deadline_invalid", field, remedy, compare(blockTime, at))];
}

export function judgeSigner(signer: Address, expected: Address, who: string): Rejection[] {
  if (signer === expected) return [];
  return [reason("signer_not_permitted", signer, `Only ${who} signs this.`, { limit: expected })];
}
