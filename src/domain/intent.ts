/**
 * An intent: one signed wish of one party, and the single-use fence on chain that it will consume. Owns the nouns of the pipeline;
 * promises that an intent's facts never change after acceptance: only its state does.
 */
import type { Address, Hex, Word } from "./hex.ts";

/**
 * What an intent asks for.
 * `transfer`, `cancel`: the coin's holder · `mint`: a dealer's order · `lock`, `cancel-redemption`: the redeeming holder ·
 * `accept`, `reject`, `mark-sent`, `confirm`: the bank desk's agent · `attest`, `minting`, `freeze`, `unfreeze`: a role's order ·
 * `reclaim`: nobody's, a public exit whose deadline has passed.
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
  | "unfreeze";

/**
 * The single-use thing on chain. `scope` is the contract that keeps it, `subject` whose it is, `key` which one:
 * - coin, payer, nonce: an EIP-3009 authorization (`transfer`, `cancel`, `lock`, whose nonce is the redemption id);
 * - Treasury, zero address, deposit id (`mint`);
 * - escrow, zero address, id with the state to leave in its last byte replaced (`stepFence`): a redemption step;
 * - target, signer, order id (`attest`, `minting`, `freeze`, `unfreeze`).
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
  | "redemption_state_invalid"
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
export const redemptionStates = ["none", "locked", "accepted", "sent", "burned", "returned"] as const;
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
