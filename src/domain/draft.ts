/**
 * Drafts: what a client asks for, read and typed but not yet decided. Owns the shapes that travel from the HTTP routes to `accept`; one per
 * intent kind. A draft with a signature becomes an intent; one without is signed by the role's own key where that key is configured.
 */
import type { ClaimTerms, PaymentTerms, QuoteTerms } from "./agreement.ts";
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
export type OrderRole =
  | "dealer"
  | "attestor"
  | "issuer"
  | "freezer"
  | "agent"
  | "seizer"
  | "approver"
  | "cosigner"
  | "arbiter";

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

/** The states of a redemption that something leaves. */
export type LeavableState = "locked" | "accepted" | "sent" | "disputed";

/**
 * A step of a redemption: `cancel-redemption` and `dispute` are the holder's, `approve` the second key's, `resolve` the arbiter's, the others
 * the agent's.
 */
export interface StepDraft extends Ordered {
  readonly kind:
    | "cancel-redemption"
    | "accept"
    | "approve"
    | "reject"
    | "mark-sent"
    | "confirm"
    | "dispute"
    | "resolve";
  readonly id: Word;
  readonly coin: Address;
  /** The state the step leaves; `approve` stays in it. */
  readonly from: LeavableState;
  /** Bank reference, or reason of a rejection; zero word otherwise. */
  readonly reference: Word;
  /** For `resolve` alone: the money arrived. */
  readonly paid?: boolean;
}

/** A public exit whose deadline has passed; needs no signature. */
export interface ReclaimDraft {
  readonly kind: "reclaim";
  readonly id: Word;
  readonly coin: Address;
  readonly from: LeavableState;
}

export interface OpenClaimDraft {
  readonly kind: "open-claim";
  readonly terms: ClaimTerms;
  /** The sender's ReceiveWithAuthorization whose nonce is the claim's id. */
  readonly signature: Hex;
}

export interface ClaimDraft {
  readonly kind: "claim";
  readonly id: Word;
  readonly coin: Address;
  readonly recipient: Address;
  readonly deadline: number;
  /** The link key; must be the one of the terms. */
  readonly signer: Address;
  readonly signature: Hex;
  /** The attestor's AttestClaim where the terms name one. */
  readonly attestor: { readonly signer: Address; readonly signature: Hex } | null;
}

/** `decline-claim` is signed by the link key, `cancel-claim` by the sender. */
export interface EndClaimDraft extends Ordered {
  readonly kind: "decline-claim" | "cancel-claim";
  readonly id: Word;
  readonly coin: Address;
}

/** A public exit whose deadline has passed; needs no signature. */
export interface ReclaimClaimDraft {
  readonly kind: "reclaim-claim";
  readonly id: Word;
  readonly coin: Address;
}

/** What a capture asks for; `captured` and `voided` are the totals it expects to find. Base units; rate in hundredths of a percent. */
export interface CaptureOrder {
  readonly amount: bigint;
  readonly captured: bigint;
  readonly voided: bigint;
  readonly feeBps: number;
  readonly voidRest: boolean;
  /** Unix seconds, inclusive. */
  readonly deadline: number;
}

export interface AuthorizeDraft {
  readonly kind: "authorize";
  readonly terms: PaymentTerms;
  /** The payer's ReceiveWithAuthorization whose nonce is the payment's id. */
  readonly signature: Hex;
}

export interface ChargeDraft {
  readonly kind: "charge";
  readonly terms: PaymentTerms;
  readonly signature: Hex;
  readonly capture: CaptureOrder;
  readonly merchantSignature: Hex;
}

/** The full terms travel with each step: the escrow keeps only their digest. */
export interface CaptureDraft {
  readonly kind: "capture";
  readonly terms: PaymentTerms;
  readonly order: CaptureOrder;
  /** The merchant's. */
  readonly signature: Hex;
}

export interface VoidDraft {
  readonly kind: "void";
  readonly terms: PaymentTerms;
  readonly order: Omit<CaptureOrder, "feeBps" | "voidRest">;
  /** Whether it is disputed now: part of the state the step leaves. */
  readonly disputed: boolean;
  readonly signature: Hex;
}

export interface RefundDraft {
  readonly kind: "refund";
  readonly terms: PaymentTerms;
  readonly amount: bigint;
  /** Total refunded before. */
  readonly refunded: bigint;
  /** The merchant's ReceiveWithAuthorization whose nonce is the refund's. */
  readonly signature: Hex;
}

export interface DisputePaymentDraft {
  readonly kind: "dispute-payment";
  readonly terms: PaymentTerms;
  readonly captured: bigint;
  readonly voided: bigint;
  readonly deadline: number;
  /** The payer's. */
  readonly signature: Hex;
}

export interface ResolvePaymentDraft {
  readonly kind: "resolve-payment";
  readonly terms: PaymentTerms;
  readonly toMerchant: bigint;
  readonly captured: bigint;
  readonly voided: bigint;
  readonly feeBps: number;
  readonly deadline: number;
  /** The arbiter's. */
  readonly signature: Hex;
}

/** A public exit whose deadline has passed; needs no signature. The totals are those it expects. */
export interface ReclaimPaymentDraft {
  readonly kind: "reclaim-payment";
  readonly terms: PaymentTerms;
  readonly captured: bigint;
  readonly voided: bigint;
  readonly disputed: boolean;
}

export interface SwapDraft {
  readonly kind: "swap";
  readonly terms: QuoteTerms;
  readonly makerSignature: Hex;
  readonly takerSignature: Hex;
}

export interface CancelQuoteDraft {
  readonly kind: "cancel-quote";
  readonly terms: QuoteTerms;
  readonly deadline: number;
  /** The maker's. */
  readonly signature: Hex;
}

/** An account becomes a wallet operator's: both sign the same JoinVasp. `signer` is the operator's compliance key. */
export interface JoinDraft extends Ordered {
  readonly kind: "join";
  readonly coin: Address;
  readonly account: Address;
  readonly vasp: number;
  readonly joinId: Word;
  readonly accountSignature: Hex;
}

export interface LeaveDraft {
  readonly kind: "leave";
  readonly coin: Address;
  readonly account: Address;
  readonly leaveId: Word;
  readonly deadline: number;
  readonly signature: Hex;
}

/** A public exit: leaving takes effect `leaveAt`. */
export interface CompleteLeaveDraft {
  readonly kind: "complete-leave";
  readonly coin: Address;
  readonly account: Address;
  /** Unix seconds. */
  readonly leaveAt: number;
}

/** A wallet operator's word about a payee of its family. `signer` is its compliance key. */
export interface TravelAttestDraft {
  readonly kind: "travel-attest";
  readonly vasp: number;
  readonly attestationId: Word;
  readonly coin: Address;
  readonly payer: Address;
  readonly payee: Address;
  readonly amount: bigint;
  /** Commitment to the data the operators exchanged; never the data. */
  readonly reference: Word;
  /** Unix seconds, exclusive. */
  readonly validUntil: number;
  readonly signer: Address;
  readonly signature: Hex;
}

export interface SeizeDraft extends Ordered {
  readonly kind: "seize";
  readonly orderId: Word;
  readonly coin: Address;
  readonly account: Address;
  readonly amount: bigint;
  readonly caseId: Word;
}

/** An approver's word on a large mint, known by the Treasury's mint key. */
export interface ApproveMintDraft extends Ordered {
  readonly kind: "approve-mint";
  readonly coin: Address;
  readonly mintKey: Word;
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

export type OrderDraft =
  | MintDraft
  | StepDraft
  | AttestDraft
  | MintingDraft
  | FreezeDraft
  | UnfreezeDraft
  | SeizeDraft
  | ApproveMintDraft;
export type AgreementDraft =
  | OpenClaimDraft
  | ClaimDraft
  | EndClaimDraft
  | ReclaimClaimDraft
  | AuthorizeDraft
  | ChargeDraft
  | CaptureDraft
  | VoidDraft
  | RefundDraft
  | DisputePaymentDraft
  | ResolvePaymentDraft
  | ReclaimPaymentDraft
  | SwapDraft
  | CancelQuoteDraft;
export type FamilyDraft = JoinDraft | LeaveDraft | CompleteLeaveDraft | TravelAttestDraft;
export type Draft = TransferDraft | CancelDraft | LockDraft | ReclaimDraft | AgreementDraft | FamilyDraft | OrderDraft;
type Without<T> = T extends unknown ? Omit<T, "signer" | "signature"> : never;
/** An order that waits for its role's signature. */
export type UnsignedOrder = Without<OrderDraft>;
