/**
 * Agreements: terms that their parties sign and an escrow keeps, beside redemptions: a claim (money to a person without a wallet yet), a
 * payment (authorize, capture, refund) and a quote (one coin against another). Owns their terms, states and the fences of their
 * steps. Pure; amounts are base units, times Unix seconds, half-open: from a deadline on the other side may act.
 */
import { type Address, type Word, zeroAddress } from "./hex.ts";
import type { Fence } from "./intent.ts";

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

/**
 * The fence of a step that changes what is left of a payment. Captured and voided only rise and a dispute is opened once, so no state
 * comes back; the key is the id's first 15 bytes, the two totals and the dispute, and collides with nothing but its like.
 */
export function paymentFence(escrow: Address, id: Word, totals: Omit<PaymentTotals, "refunded">): Fence {
  const digits = (value: bigint, bytes: number) => value.toString(16).padStart(2 * bytes, "0");
  const { captured, voided, disputed } = totals;
  const key: Word = `0x${id.slice(2, 32)}${digits(captured, 8)}${digits(voided, 8)}${disputed ? "01" : "00"}`;
  return { scope: escrow, subject: zeroAddress, key };
}
