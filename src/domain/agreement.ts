/**
 * Agreements: terms that their parties sign and an escrow keeps, beside redemptions: a claim (money to a person without a wallet yet), a
 * payment (authorize, capture, refund) and a quote (one coin against another). Owns their terms, states and the fences of their
 * steps. Pure; amounts are base units, times Unix seconds, half-open: from a deadline on the other side may act.
 */
import { type Address, type Word, zeroAddress } from "./hex.ts";
import type { Fence, IntentFacts, IntentKind } from "./intent.ts";

/** What the sender of a claim signed. */
export interface ClaimTerms {
  readonly coin: Address;
  readonly sender: Address;
  readonly amount: bigint;
  /** Address of the key in the link: it names the recipient, or declines. */
  readonly linkKey: Address;
  /** Who must confirm the recipient as well, such as the sender of a one-time code; the zero address: nobody. */
  readonly attestor: Address;
  /** Salted tag of the recipient's handle; made anew for every claim. */
  readonly handle: Word;
  /** From then on the sender may take it back. */
  readonly cancelFrom: number;
  /** From then on anyone sends it back, and it can no longer be claimed. */
  readonly expiry: number;
  readonly salt: Word;
}

/** What the payer of a payment signed. */
export interface PaymentTerms {
  readonly coin: Address;
  readonly payer: Address;
  readonly merchant: Address;
  readonly amount: bigint;
  readonly feeReceiver: Address;
  /** Hundredths of a percent of what is captured. */
  readonly minFeeBps: number;
  readonly maxFeeBps: number;
  /** Who decides a dispute; the zero address: disputes were not agreed. */
  readonly arbiter: Address;
  readonly authorizeBy: number;
  readonly captureBy: number;
  readonly refundBy: number;
  readonly salt: Word;
}

/** What maker and taker of a swap sign, each with the authorization of its leg. */
export interface QuoteTerms {
  readonly maker: Address;
  readonly taker: Address;
  readonly sellCoin: Address;
  readonly sellAmount: bigint;
  readonly buyCoin: Address;
  readonly buyAmount: bigint;
  readonly validBefore: number;
  readonly salt: Word;
}

/** Terms of what an escrow holds. A quote is no agreement of this list: nothing is held, it is carried out or not. */
export type AgreementTerms =
  | { readonly kind: "claim"; readonly terms: ClaimTerms }
  | { readonly kind: "payment"; readonly terms: PaymentTerms };
export type AgreementKind = AgreementTerms["kind"];

/** States of a claim, in the contract's numbering. */
export const claimStates = ["none", "open", "claimed", "declined", "cancelled", "reclaimed"] as const;
export type ClaimState = (typeof claimStates)[number];

/** Steps of a payment, in the contract's numbering; there is no step 0. */
export const paymentSteps = [
  "none",
  "authorize",
  "capture",
  "void",
  "reclaim",
  "refund",
  "dispute",
  "resolve",
] as const;
export type PaymentStep = (typeof paymentSteps)[number];

/** `authorized`: something is left to capture, void or reclaim · `disputed`: it waits for the arbiter · `closed`: nothing is left. */
export type PaymentState = "authorized" | "disputed" | "closed";

/** What became of a payment so far, cumulative base units. */
export interface PaymentTotals {
  readonly captured: bigint;
  readonly voided: bigint;
  readonly refunded: bigint;
  readonly disputed: boolean;
}

/** Seconds that a dispute adds to the time after which anyone may send the rest back. */
export const disputeSeconds = 15 * 86_400;

export function toPaymentState(amount: bigint, { captured, voided, disputed }: PaymentTotals): PaymentState {
  if (captured + voided >= amount) return "closed";
  return disputed ? "disputed" : "authorized";
}

/** From when on anyone may end it, Unix seconds; null when it has ended. */
export function dueOf(agreement: AgreementTerms, state: string): number | null {
  if (agreement.kind === "claim") return state === "open" ? agreement.terms.expiry : null;
  const { captureBy } = agreement.terms;
  if (state === "authorized") return captureBy;
  return state === "disputed" ? captureBy + disputeSeconds : null;
}

/** The fence of a step that leaves the open claim: it is left once. */
export function claimFence(escrow: Address, id: Word): Fence {
  return { scope: escrow, subject: zeroAddress, key: id };
}

/** Eight bytes; amounts are below 2^63, and what no terms allow is cut, because it is refused before it is kept. */
const toDigits = (value: bigint): string => BigInt.asUintN(64, value).toString(16).padStart(16, "0");

/**
 * The fence of a step that changes what is left of a payment. Captured and voided only rise and a dispute is opened once, so no state
 * comes back. The subject is the id's first 20 bytes; the key its other 12, the two totals and the dispute, filled up with zeros. The
 * whole id is in it: two payments whose ids somebody made alike in part never share a fence.
 */
export function paymentFence(escrow: Address, id: Word, totals: Omit<PaymentTotals, "refunded">): Fence {
  const { captured, voided, disputed } = totals;
  const state = `${toDigits(captured)}${toDigits(voided)}${disputed ? "01" : "00"}`;
  return { scope: escrow, subject: `0x${id.slice(2, 42)}`, key: `0x${id.slice(42)}${state.padEnd(40, "0")}` };
}

/** Kinds whose fence is of `paymentFence`: its subject is nobody's account. */
export const paymentStepKinds: ReadonlySet<IntentKind> = new Set([
  "capture",
  "void",
  "dispute-payment",
  "resolve-payment",
  "reclaim-payment",
]);

/** Whom an intent is of: who pays, or else whose authorization its fence is about; null where that is nobody's account. */
export function ownerOf(facts: Pick<IntentFacts, "kind" | "payer" | "fence">): Address | null {
  const { subject } = facts.fence;
  const isNobody = subject === zeroAddress || paymentStepKinds.has(facts.kind);
  return facts.payer ?? (isNobody ? null : subject);
}

/** What a fence of `paymentFence` says: the id, what was captured and voided together, and whether it was disputed. */
export function parsePaymentFence({ subject, key }: Fence): { id: Word; ended: bigint; disputed: boolean } {
  const [captured, voided] = [key.slice(26, 42), key.slice(42, 58)].map((digits) => BigInt(`0x${digits}`));
  return {
    id: `0x${subject.slice(2)}${key.slice(2, 26)}`,
    ended: (captured ?? 0n) + (voided ?? 0n),
    disputed: key.slice(58, 60) === "01",
  };
}

/**
 * What a capture or a decision does beside its own amount, as the memo it is matched by: captured and voided in all afterwards, and the fee
 * of this step. Two orders that leave the same state but charge or give back differently differ here.
 */
export function toDivisionMemo(after: {
  readonly captured: bigint;
  readonly voided: bigint;
  readonly fee: bigint;
}): Word {
  return `0x${toDigits(after.captured)}${toDigits(after.voided)}${toDigits(after.fee)}${"0".repeat(16)}`;
}

/** Hundredths of a percent in a whole. */
const wholeBps = 10_000n;

/** All fees of a payment at this rate: of its captured total, rounded down once. */
export function feeOf(captured: bigint, feeBps: number): bigint {
  return (captured * BigInt(feeBps)) / wholeBps;
}
