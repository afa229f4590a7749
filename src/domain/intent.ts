/**
 * An intent: one signed wish of one party, and the single-use fence on chain that it will consume. Owns the nouns of the pipeline;
 * promises that an intent's facts never change after acceptance: only its state does.
 */
import type { Address, Hex, Word } from "./hex.ts";

/**
 * What an intent asks for.
 * `transfer`, `cancel`: the coin's holder · `mint`: a dealer's order · `lock`, `cancel-redemption`, `dispute`: the redeeming holder ·
 * `accept`, `reject`, `mark-sent`, `confirm`: the bank desk's agent, `approve` its second key, `resolve` the arbiter ·
 * `open-claim`, `cancel-claim`: the sender, `claim`, `decline-claim`: the key in the link ·
 * `authorize`, `charge`, `dispute-payment`: the payer, `capture`, `void`, `refund`: the merchant, `resolve-payment`: its arbiter ·
 * `swap`: maker and taker, `cancel-quote`: the maker ·
 * `join`: an account and its wallet operator, `leave`: the account, `travel-attest`: a wallet operator ·
 * `attest`, `minting`, `freeze`, `unfreeze`, `seize`, `approve-mint`: a role's order ·
 * `reclaim`, `reclaim-claim`, `reclaim-payment`, `complete-leave`: nobody's, public exits whose deadline has passed.
 */
export type IntentKind =
  | "transfer"
  | "cancel"
  | "mint"
  | "lock"
  | "cancel-redemption"
  | "accept"
  | "reject"
  | "mark-sent"
  | "confirm"
  | "reclaim"
  | "attest"
  | "minting"
  | "freeze"
  | "unfreeze"
  | "seize"
  | "approve-mint"
  | "approve"
  | "dispute"
  | "resolve"
  | "open-claim"
  | "claim"
  | "decline-claim"
  | "cancel-claim"
  | "reclaim-claim"
  | "authorize"
  | "charge"
  | "capture"
  | "void"
  | "refund"
  | "dispute-payment"
  | "resolve-payment"
  | "reclaim-payment"
  | "swap"
  | "cancel-quote"
  | "join"
  | "leave"
  | "complete-leave"
  | "travel-attest";

/**
 * The single-use thing on chain. `scope` is the contract that keeps it, `subject` whose it is, `key` which one:
 * - coin, payer, nonce: an EIP-3009 authorization (`transfer`, `cancel`, `lock`, whose nonce is the redemption id);
 * - Treasury, zero address, deposit id (`mint`);
 * - escrow, zero address, id with the state to leave in its last byte replaced (`stepFence`): a redemption step;
 * - target, signer, order id (`attest`, `minting`, `freeze`, `unfreeze`, `seize`);
 * - Treasury, approver, mint key (`approve-mint`); redemption escrow, zero address, `approvalFence` (`approve`);
 * - coin, payer or merchant, nonce, as a transfer (`open-claim`, `authorize`, `charge`: the id; `refund`: its nonce);
 * - claim escrow, zero address, id (`claimFence`): the one step out of the open claim;
 * - commerce escrow, the id and what is left (`paymentFence`): a step that changes what is left of a payment;
 * - swap, zero address, quote id (`swap`, `cancel-quote`);
 * - registry, account, consent id (`join`, `leave`); registry, account, the moment of leaving (`complete-leave`);
 *   registry, the operator's number as an address, attestation id (`travel-attest`).
 */
export interface Fence {
  readonly scope: Address;
  readonly subject: Address;
  readonly key: Word;
}

/** How the chain carries an intent out: as one row among many, or as one self-authenticating call. */
export type Action =
  | { readonly kind: "row"; readonly coin: Address; readonly row: Hex }
  | { readonly kind: "call"; readonly to: Address; readonly data: Hex; readonly gas: bigint };

/** What was signed, as the node needs it. Immutable. */
export interface IntentFacts {
  readonly kind: IntentKind;
  /** EIP-712 digest of what was signed: the identity of the intent. */
  readonly digest: Word;
  readonly fence: Fence;
  readonly coin: Address;
  /** Whose balance goes down; null when nobody's does. The amount is held for this account from acceptance until inclusion. */
  readonly payer: Address | null;
  /** Whose balance goes up, or whom the order is about. */
  readonly payee: Address | null;
  /** Base units; 0n where the kind moves nothing. */
  readonly amount: bigint;
  /** Unix seconds, exclusive as in EIP-3009. */
  readonly validAfter: number;
  /** Unix seconds; from this block time on the authorization can no longer act. */
  readonly validBefore: number;
  /**
   * Of a transfer, what was signed. Of other kinds what tells one from another under the same fence, beside payee and amount: what a capture
   * or a decision does with the rest, what a redemption's step refers to, whose family an account joins, what was attested. Null where
   * nothing more can differ.
   */
  readonly memo: Word | null;
  /** The resource this belongs to: the redemption id, deposit id, order id; null for transfers. */
  readonly subject: Word | null;
  readonly action: Action;
  /** The client's own note, never on chain; 140 characters at most. */
  readonly reference: string | null;
}

export type LiveState = "accepted" | "planned" | "sent" | "included";
export type EndState = "settled" | "cancelled" | "superseded" | "expired";
export type IntentState = LiveState | EndState;

/** Where on chain an intent was carried out. */
export interface Evidence {
  readonly blockNumber: number;
  readonly blockHash: Word;
  readonly transaction: Word;
  readonly logIndex: number;
  /** Sender of the transaction that carried it: one of our lanes, or a stranger. */
  readonly by: Address;
}

export interface Intent extends IntentFacts {
  /** The store's time-ordered key; outside it is an id such as `tr_…`. */
  readonly sequence: bigint;
  readonly state: IntentState;
  /** Why an unfinished intent waits, or the last reason an expired one was skipped. A code of `HeldReason`. */
  readonly reason: HeldReason | null;
  readonly evidence: Evidence | null;
  /** Unix milliseconds, wall clock. */
  readonly acceptedAt: number;
  readonly endedAt: number | null;
}

/** Why an unfinished intent is not on its way. The names are those of the contract's errors; `reverted` is anything else. */
export type HeldReason =
  | "not_yet_valid"
  | "expired"
  | "signature_invalid"
  | "payer_frozen"
  | "insufficient_funds"
  | "payee_invalid"
  | "nonce_used"
  | "nonce_out_of_window"
  | "nonce_gap"
  | "payee_frozen"
  | "travel_rule"
  | "paused"
  | "reserves_exceeded"
  | "attestation_stale"
  | "minting_off"
  | "dealer_limit"
  | "approval_missing"
  | "redemption_state_invalid"
  | "agreement_state_invalid"
  | "fee_invalid"
  | "vasp_invalid"
  | "deadline_passed"
  | "signer_not_permitted"
  | "reverted";

/** 2^40: below it a nonce is a window nonce. */
export const windowNonceLimit = 1n << 40n;
/** Nonces the sliding window spans. */
export const windowSize = 64n;

/** True for nonces of the sliding window; false for bitmap nonces. */
export function isWindowNonce(nonce: Word): boolean {
  return BigInt(nonce) < windowNonceLimit;
}

/** States of a redemption, in the contract's numbering. */
export const redemptionStates = ["none", "locked", "accepted", "sent", "burned", "returned", "disputed"] as const;
export type RedemptionState = (typeof redemptionStates)[number];

/**
 * The fence of one redemption step: leaving `from`. Each state is left once and never entered again, so the fence is
 * single-use. The key is the id with its last byte replaced by the state's number: ids are digests, so it collides with nothing.
 */
export function stepFence(escrow: Address, id: Word, from: RedemptionState): Fence {
  const state = redemptionStates.indexOf(from).toString(16).padStart(2, "0");
  return {
    scope: escrow,
    subject: "0x0000000000000000000000000000000000000000",
    key: `${id.slice(0, -2)}${state}` as Word,
  };
}

/** The fence of a second key's approval: given at most once, in the accepted state. */
export function approvalFence(escrow: Address, id: Word): Fence {
  return { scope: escrow, subject: "0x0000000000000000000000000000000000000000", key: `${id.slice(0, -2)}ff` as Word };
}
