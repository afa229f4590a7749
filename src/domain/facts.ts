/**
 * What a block says about us, decoded: movements of our coins, fences consumed, rows skipped, our slots mined. The chain adapter
 * produces these, the store applies them, and neither knows the other.
 */
import type { AgreementTerms, PaymentTotals } from "./agreement.ts";
import type { Address, Word } from "./hex.ts";
import type { Fence, HeldReason, RedemptionState } from "./intent.ts";
import type { Consumption } from "./lifecycle.ts";

export interface BlockRef {
  readonly number: number;
  readonly hash: Word;
  readonly parent: Word;
  /** Unix seconds. */
  readonly time: number;
}

interface At {
  readonly transaction: Word;
  readonly logIndex: number;
  /** Sender of the transaction, where the adapter knows it. */
  readonly by?: Address;
}

/** One change of balances, whoever caused it. A mint has `from`, a burn has `to` = the zero address. */
export interface Movement extends At {
  readonly kind: "transfer" | "mint" | "burn";
  readonly coin: Address;
  readonly from: Address;
  readonly to: Address;
  /** Base units. */
  readonly amount: bigint;
  readonly memo: Word | null;
  /** The fence whose consumption caused it, when the log before says so. */
  readonly fence: Fence | null;
}

export interface FenceConsumed extends At, Consumption {
  readonly fence: Fence;
  readonly by: Address;
}

/** A row of `settle` that was skipped: nothing changed on chain. */
export interface RowSkipped extends At {
  readonly fence: Fence;
  readonly reason: HeldReason;
}

/** The account's freeze after this block's event. `frozen` is null when the account is frozen whole. */
export interface FreezeChanged extends At {
  readonly coin: Address;
  readonly account: Address;
  readonly frozen: bigint | null;
}

/** The holder killed every nonce below `newBase`. */
export interface NoncesSkipped extends At {
  readonly coin: Address;
  readonly account: Address;
  readonly oldBase: bigint;
  readonly newBase: bigint;
}

export interface RedemptionMoved extends At {
  readonly id: Word;
  readonly escrow: Address;
  readonly actor: Address;
  readonly from: RedemptionState;
  readonly to: RedemptionState;
  readonly reference: Word;
  /** The full terms, at creation only. */
  readonly terms: RedemptionTerms | null;
}

/** A step of a claim or of a payment. */
export interface AgreementMoved extends At {
  readonly id: Word;
  readonly escrow: Address;
  readonly actor: Address;
  /** Whom the step pays, where the event says so: the recipient of a claim, from then on one of its parties. */
  readonly party?: Address;
  /** `open`, `claim`, `decline`, `cancel`, `reclaim`; or a step of a payment. */
  readonly step: string;
  /** The state after it. */
  readonly state: string;
  /** Base units of this step, the fee among them. */
  readonly amount: bigint;
  readonly fee: bigint;
  /** Of a payment, after the step; null for a claim. */
  readonly totals: PaymentTotals | null;
  /** The full terms, at creation only. */
  readonly terms: AgreementTerms | null;
}

/** What the holder signed. Times are Unix seconds, amount in base units. */
export interface RedemptionTerms {
  readonly coin: Address;
  readonly holder: Address;
  readonly amount: bigint;
  /** Salted commitment to the bank account. */
  readonly payout: Word;
  readonly acceptBy: number;
  readonly payoutBy: number;
  readonly finalBy: number;
  readonly salt: Word;
}

/** A transaction of one of our lanes found in the block. */
export interface SlotMined {
  readonly lane: Address;
  readonly nonce: number;
  readonly transaction: Word;
  /** False when the transaction reverted. */
  readonly succeeded: boolean;
  readonly gasUsed: bigint;
  /** Wei per gas. */
  readonly gasPrice: bigint;
  /** Why a reverted call reverted, when the revert data says so. */
  readonly reason: HeldReason | null;
}

/** Everything one block says about us, in log order. */
export interface BlockFacts {
  readonly block: BlockRef;
  readonly movements: readonly Movement[];
  readonly fences: readonly FenceConsumed[];
  readonly skips: readonly RowSkipped[];
  readonly freezes: readonly FreezeChanged[];
  readonly nonceSkips: readonly NoncesSkipped[];
  readonly redemptions: readonly RedemptionMoved[];
  readonly agreements: readonly AgreementMoved[];
  readonly slots: readonly SlotMined[];
}
