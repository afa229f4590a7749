/**
 * Drafts: what a client asks for, read and typed but not yet decided. Owns the shapes that travel from the HTTP routes to `accept`; one per
 * intent kind. A draft with a signature becomes an intent; one without is signed by the role's own key where that key is configured.
 */
import type { RedemptionTerms } from "./facts.ts";
import type { Address, Hex, Word } from "./hex.ts";

/** The six fields of EIP-3009. Times are Unix seconds, value in base units. */
export interface Authorization {
  readonly from: Address;
  readonly to: Address;
  readonly value: bigint;
  readonly validAfter: number;
  readonly validBefore: number;
  readonly nonce: Word;
}

/** The role whose key signs an order. */
export type OrderRole = "dealer" | "attestor" | "issuer" | "freezer" | "agent";

interface Ordered {
  /** Unix seconds, inclusive. */
  readonly deadline: number;
  readonly signer: Address;
  readonly signature: Hex;
}

export interface TransferDraft {
  readonly kind: "transfer";
  readonly coin: Address;
  readonly authorization: Authorization;
  readonly memo: Word | null;
  readonly signature: Hex;
  readonly reference: string | null;
}

export interface CancelDraft {
  readonly kind: "cancel";
  readonly coin: Address;
  readonly authorizer: Address;
  readonly nonce: Word;
  readonly signature: Hex;
}

export interface MintDraft extends Ordered {
  readonly kind: "mint";
  readonly coin: Address;
  readonly depositId: Word;
  readonly to: Address;
  readonly amount: bigint;
}

export interface LockDraft {
  readonly kind: "lock";
  readonly terms: RedemptionTerms;
  /** The holder's ReceiveWithAuthorization whose nonce is the redemption id. */
  readonly signature: Hex;
}

/** A step of a redemption; `cancel-redemption` is the holder's, the others the agent's. */
export interface StepDraft extends Ordered {
  readonly kind: "cancel-redemption" | "accept" | "reject" | "mark-sent" | "confirm";
  readonly id: Word;
  readonly coin: Address;
  /** The state the step leaves. */
  readonly from: "locked" | "accepted" | "sent";
  /** Bank reference, or reason of a rejection; zero word otherwise. */
  readonly reference: Word;
}

/** A public exit whose deadline has passed; needs no signature. */
export interface ReclaimDraft {
  readonly kind: "reclaim";
  readonly id: Word;
  readonly coin: Address;
  readonly from: "locked" | "accepted" | "sent";
}

export interface AttestDraft extends Ordered {
  readonly kind: "attest";
  readonly orderId: Word;
  readonly coin: Address;
  readonly amount: bigint;
  /** Unix seconds. */
  readonly asOf: number;
  readonly reportHash: Word;
}

export interface MintingDraft extends Ordered {
  readonly kind: "minting";
  readonly orderId: Word;
  readonly coin: Address;
  readonly enabled: boolean;
}

export interface FreezeDraft extends Ordered {
  readonly kind: "freeze";
  readonly orderId: Word;
  readonly coin: Address;
  readonly account: Address;
  /** Base units; null freezes the account whole. */
  readonly amount: bigint | null;
  readonly caseId: Word;
  /** Unix seconds: from then on anyone may release the freeze. */
  readonly until: number;
}

export interface UnfreezeDraft extends Ordered {
  readonly kind: "unfreeze";
  readonly orderId: Word;
  readonly coin: Address;
  readonly account: Address;
  readonly caseId: Word;
}

export type OrderDraft = MintDraft | StepDraft | AttestDraft | MintingDraft | FreezeDraft | UnfreezeDraft;
export type Draft = TransferDraft | CancelDraft | LockDraft | ReclaimDraft | OrderDraft;
type Without<T> = T extends unknown ? Omit<T, "signer" | "signature"> : never;
/** An order that waits for its role's signature. */
export type UnsignedOrder = Without<OrderDraft>;
