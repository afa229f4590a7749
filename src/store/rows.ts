/**
 * Between the domain's values and the columns that hold them. Owns the conversions: hexadecimal text to bytes and back, fences to one key,
 * rows to intents. Promises that what is read equals what was written; never touches the database.
 */
import { AssertionError } from "node:assert";
import type { Address, Hex } from "../domain/hex.ts";
import {
  type Evidence,
  type Fence,
  type HeldReason,
  type Intent,
  type IntentFacts,
  type IntentKind,
  type IntentState,
  windowNonceLimit,
} from "../domain/intent.ts";
import { zeroAddress } from "../domain/hex.ts";

export function toBlob(hex: Hex): Buffer {
  return Buffer.from(hex.slice(2), "hex");
}

export function toBlobOrNull(hex: Hex | null): Buffer | null {
  return hex === null ? null : toBlob(hex);
}

export function toHex(blob: Buffer): Hex {
  return `0x${blob.toString("hex")}`;
}

function toHexOrNull(blob: Buffer | null): Hex | null {
  return blob === null ? null : toHex(blob);
}

/**
 * Orders keep their ids apart from authorizations: a freezer's order 5 and the same address's payment nonce 5 are two fences, although
 * scope, subject and key are equal; and the moment at which an account leaves its operator is neither, though somebody may sign a consent
 * under the same number. The first byte of a stored fence says which of them it is.
 */
export type FenceSpace = "plain" | "order" | "leaving";

const spaceBytes: Readonly<Record<FenceSpace, string>> = { plain: "00", order: "01", leaving: "02" };
const orderKinds: ReadonlySet<IntentKind> = new Set([
  "attest",
  "minting",
  "freeze",
  "unfreeze",
  "seize",
  "join",
  "leave",
  "travel-attest",
]);
const windowKinds: ReadonlySet<IntentKind> = new Set(["transfer", "cancel", "lock"]);

export function spaceOf(kind: IntentKind): FenceSpace {
  if (kind === "complete-leave") return "leaving";
  return orderKinds.has(kind) ? "order" : "plain";
}

/** Namespace ‖ scope ‖ subject ‖ key, 73 bytes, as hexadecimal text. */
export function toFenceHex(fence: Fence, space: FenceSpace): Hex {
  return `0x${spaceBytes[space]}${fence.scope.slice(2)}${fence.subject.slice(2)}${fence.key.slice(2)}`;
}

/** The first 41 bytes of an authorization's stored fence, space ‖ coin ‖ account, as digits. */
export function toOwnerHex(coin: Address, account: Address): string {
  return spaceBytes.plain + coin.slice(2) + account.slice(2);
}

/** The same as stored. */
export function toFenceBlob(fence: Fence, space: FenceSpace): Buffer {
  const blob = toBlob(toFenceHex(fence, space));
  if (blob.length !== 73) throw new AssertionError({ message: `a fence is 72 bytes: ${JSON.stringify(fence)}` });
  return blob;
}

/** Reads a stored fence written as hexadecimal text. */
export function toFence(stored: Hex): Fence {
  return { scope: `0x${stored.slice(4, 44)}`, subject: `0x${stored.slice(44, 84)}`, key: `0x${stored.slice(84)}` };
}

/** The nonce when this fence is one of an account's sliding window, else null. */
export function findWindowNonce(fence: Fence): bigint | null {
  if (fence.subject === zeroAddress) return null;
  const nonce = BigInt(fence.key);
  return nonce < windowNonceLimit ? nonce : null;
}

/** Above every window nonce: a base that no account reaches, for fences that have none. */
export const noBase = 1n << 62n;

/** The same for an intent: only kinds whose fence is an EIP-3009 authorization have window nonces. */
export function windowNonceOf(facts: Pick<IntentFacts, "kind" | "fence">): bigint | null {
  return windowKinds.has(facts.kind) ? findWindowNonce(facts.fence) : null;
}

/** First and last-plus-one stored fence of an account's window nonces `from` ≤ nonce < `to`. */
export function toWindowRange(options: {
  readonly coin: Address;
  readonly account: Address;
  readonly from: bigint;
  readonly to: bigint;
}): readonly [Buffer, Buffer] {
  const bound = (nonce: bigint): Buffer => {
    const blob = Buffer.alloc(73);
    blob.write(options.coin.slice(2) + options.account.slice(2), 1, "hex");
    blob.writeBigUInt64BE(nonce, 65);
    return blob;
  };
  return [bound(options.from), bound(options.to)];
}

export interface EvidenceRow {
  block_number: bigint | null;
  block_hash: Buffer | null;
  transaction_hash: Buffer | null;
  log_index: bigint | null;
  sender: Buffer | null;
}

export function toEvidence(row: EvidenceRow): Evidence | null {
  const { block_number, block_hash, transaction_hash, log_index, sender } = row;
  if (block_number === null || block_hash === null || transaction_hash === null) return null;
  if (log_index === null || sender === null) return null;
  return {
    blockNumber: Number(block_number),
    blockHash: toHex(block_hash),
    transaction: toHex(transaction_hash),
    logIndex: Number(log_index),
    by: toHex(sender),
  };
}

/** One row of `intentColumns`: the intent beside its row of unfinished work, when it has one. */
export interface IntentRow extends EvidenceRow {
  sequence: bigint;
  kind: string;
  digest: Buffer;
  fence: Buffer;
  coin: Buffer;
  payer: Buffer | null;
  payee: Buffer | null;
  amount: bigint;
  valid_after: bigint;
  valid_before: bigint;
  memo: Buffer | null;
  subject: Buffer | null;
  action: string;
  target: Buffer;
  data: Buffer;
  gas: bigint;
  reference: string | null;
  accepted_at: bigint;
  outcome: string | null;
  reason: string | null;
  ended_at: bigint | null;
  work_state: string | null;
  work_reason: string | null;
  work_block_number: bigint | null;
  work_block_hash: Buffer | null;
  work_transaction_hash: Buffer | null;
  work_log_index: bigint | null;
  work_sender: Buffer | null;
}

export const intentColumns = `
  i.sequence, i.kind, i.digest, i.fence, i.coin, i.payer, i.payee, i.amount, i.valid_after, i.valid_before, i.memo, i.subject,
  i.action, i.target, i.data, i.gas, i.reference, i.accepted_at, i.outcome, i.reason, i.ended_at, i.block_number, i.block_hash,
  i.transaction_hash, i.log_index, i.sender, w.state AS work_state, w.reason AS work_reason,
  w.block_number AS work_block_number, w.block_hash AS work_block_hash, w.transaction_hash AS work_transaction_hash,
  w.log_index AS work_log_index, w.sender AS work_sender`;

export interface ActionRow {
  action: string;
  target: Buffer;
  data: Buffer;
  gas: bigint;
}

export function toAction(row: ActionRow): IntentFacts["action"] {
  return row.action === "row"
    ? { kind: "row", coin: toHex(row.target), row: toHex(row.data) }
    : { kind: "call", to: toHex(row.target), data: toHex(row.data), gas: row.gas };
}

/** The state outside: the outcome when it has ended, else that of its work. */
export function toIntent(row: IntentRow): Intent {
  const state = (row.outcome ?? row.work_state) as IntentState | null;
  if (state === null) throw new AssertionError({ message: `P1: intent ${row.sequence} has neither work nor outcome` });
  return {
    sequence: row.sequence,
    kind: row.kind as IntentKind,
    digest: toHex(row.digest),
    fence: toFence(toHex(row.fence)),
    coin: toHex(row.coin),
    payer: toHexOrNull(row.payer),
    payee: toHexOrNull(row.payee),
    amount: row.amount,
    validAfter: Number(row.valid_after),
    validBefore: Number(row.valid_before),
    memo: toHexOrNull(row.memo),
    subject: toHexOrNull(row.subject),
    action: toAction(row),
    reference: row.reference,
    state,
    reason: toReason(row, state),
    evidence: toShownEvidence(row, state),
    acceptedAt: Number(row.accepted_at),
    endedAt: row.ended_at === null ? null : Number(row.ended_at),
  };
}

// A reason explains waiting. While an intent is on its way or carried out it has none, though its last one is kept for `expired`.
function toReason(row: IntentRow, state: IntentState): HeldReason | null {
  if (row.outcome !== null) return row.reason as HeldReason | null;
  return state === "accepted" ? (row.work_reason as HeldReason | null) : null;
}

// A verdict that is not final yet is no evidence: until then only an inclusion is shown.
function toShownEvidence(row: IntentRow, state: IntentState): Evidence | null {
  if (row.outcome !== null) return toEvidence(row);
  if (state !== "included") return null;
  return toEvidence({
    block_number: row.work_block_number,
    block_hash: row.work_block_hash,
    transaction_hash: row.work_transaction_hash,
    log_index: row.work_log_index,
    sender: row.work_sender,
  });
}

/** Key of an account in maps of one batch; sorting by it is the order in which batches touch accounts. */
export function toAccountKey(coin: Address, address: Address): string {
  return `${coin}${address}`;
}
