/**
 * The coin as a naive contract model: balances, freezes, the nonce window bit by bit, wide nonces, deposits. Written from
 * docs/SIGNATURES.md and the contract's specification, apart from the node's own arithmetic, so that the two check each other.
 */
import type {
  AgreementMoved,
  FenceConsumed,
  FreezeChanged,
  Movement,
  RedemptionMoved,
  RowSkipped,
} from "../../src/domain/facts.ts";
import { type Address, type Word, zeroAddress } from "../../src/domain/hex.ts";
import { type HeldReason, isWindowNonce } from "../../src/domain/intent.ts";
import { type CoinCall, type ModelRow, signDigest, transferDigest, treasury } from "./model-codec.ts";
import { coin as firstCoin } from "./model-names.ts";

export interface CoinAccount {
  balance: bigint;
  /** Null when frozen whole. */
  frozen: bigint | null;
  base: bigint;
  /** Consumed nonces at or above the base. */
  window: bigint[];
}

export interface CoinState {
  readonly address: Address;
  readonly accounts: Map<Address, CoinAccount>;
  /** `account:nonce` of consumed wide nonces, and deposit ids. */
  readonly used: Set<string>;
  supply: bigint;
  paused: boolean;
  /** Memo of a row that makes a whole batch revert. */
  readonly poison: Set<Word>;
  /** The travel rule: `payer:payee` pairs that need an attestation, and how many each has left. */
  readonly attested: Map<string, number>;
}

export interface Log {
  readonly movements: Movement[];
  readonly fences: FenceConsumed[];
  readonly skips: RowSkipped[];
  readonly agreements: AgreementMoved[];
  readonly redemptions: RedemptionMoved[];
  readonly freezes: FreezeChanged[];
}

export function createCoin(address: Address = firstCoin): CoinState {
  const nothing = { accounts: new Map(), used: new Set<string>(), poison: new Set<Word>(), attested: new Map() };
  return { address, ...nothing, supply: 0n, paused: false };
}

export function createLog(): Log {
  return { movements: [], fences: [], skips: [], agreements: [], redemptions: [], freezes: [] };
}

export function copyCoin(state: CoinState): CoinState {
  return structuredClone(state);
}

export function accountIn(state: CoinState, address: Address): CoinAccount {
  const found = state.accounts.get(address) ?? { balance: 0n, frozen: 0n, base: 0n, window: [] };
  state.accounts.set(address, found);
  return found;
}

export function judgeNonce(state: CoinState, from: Address, nonce: Word): HeldReason | null {
  if (!isWindowNonce(nonce)) return state.used.has(`${from}:${nonce}`) ? "nonce_used" : null;
  const { base, window } = accountIn(state, from);
  const number = BigInt(nonce);
  if (number < base || window.includes(number)) return "nonce_used";
  return number >= base + 64n ? "nonce_out_of_window" : null;
}

export function consume(state: CoinState, from: Address, nonce: Word): void {
  if (!isWindowNonce(nonce)) {
    state.used.add(`${from}:${nonce}`);
    return;
  }
  const account = accountIn(state, from);
  account.window.push(BigInt(nonce));
  while (account.window.includes(account.base)) {
    account.window = account.window.filter((used) => used !== account.base);
    account.base += 1n;
  }
}

/** Why the coin would skip this row at that time; in the contract's order of checks. */
export function judgeRow(
  state: CoinState,
  { authorization, memo, signature }: ModelRow,
  time: number,
): HeldReason | null {
  const { from, to, value, validAfter, validBefore, nonce } = authorization;
  if (time <= validAfter) return "not_yet_valid";
  if (time >= validBefore) return "expired";
  if (signature !== signDigest(from, transferDigest(state.address, authorization, memo))) return "signature_invalid";
  const payer = accountIn(state, from);
  if (payer.frozen === null) return "payer_frozen";
  if (payer.balance - payer.frozen < value) return "insufficient_funds";
  if (to === zeroAddress || to === state.address) return "payee_invalid";
  return judgeNonce(state, from, nonce) ?? (state.attested.get(`${from}:${to}`) === 0 ? "travel_rule" : null);
}

/** What a transaction runs in. */
export interface Context {
  readonly state: CoinState;
  readonly log: Log;
  readonly time: number;
  readonly hash: Word;
  readonly by: Address;
  readonly nextIndex: () => number;
}

export function move(
  context: Context,
  movement: Pick<Movement, "kind" | "from" | "to" | "amount" | "memo" | "fence">,
): void {
  const { state, log, hash, nextIndex } = context;
  if (movement.from === zeroAddress) state.supply += movement.amount;
  else accountIn(state, movement.from).balance -= movement.amount;
  if (movement.to === zeroAddress) state.supply -= movement.amount;
  else accountIn(state, movement.to).balance += movement.amount;
  log.movements.push({ ...movement, coin: state.address, transaction: hash, logIndex: nextIndex() });
}

/** Runs rows one after the other. False: the whole call reverted and changed nothing. */
export function settleRows(context: Context, rows: readonly ModelRow[]): boolean {
  const { state, log, time, hash, by, nextIndex } = context;
  if (state.paused || rows.some(({ memo }) => memo !== null && state.poison.has(memo))) return false;
  for (const row of rows) {
    const { from, to, value, nonce } = row.authorization;
    const fence = { scope: state.address, subject: from, key: nonce };
    const reason = judgeRow(state, row, time);
    if (reason !== null) {
      log.skips.push({ fence, reason, transaction: hash, logIndex: nextIndex() });
      continue;
    }
    consume(state, from, nonce);
    const left = state.attested.get(`${from}:${to}`);
    if (left !== undefined) state.attested.set(`${from}:${to}`, left - 1);
    const match = { payee: to, amount: value, memo: row.memo };
    log.fences.push({ fence, how: "used", match, by, transaction: hash, logIndex: nextIndex() });
    move(context, { kind: "transfer", from, to, amount: value, memo: row.memo, fence });
  }
  return true;
}

/** Why a call would revert; null when it would not. */
export function judgeCall(state: CoinState, call: CoinCall): HeldReason | null {
  if (call.kind === "cancel") return judgeNonce(state, call.authorizer, call.nonce);
  return state.used.has(call.depositId) ? "nonce_used" : null;
}

/** Runs a call; returns why it reverted, null when it did not. */
export function runCall(context: Context, call: CoinCall): HeldReason | null {
  const { state, log, hash, by, nextIndex } = context;
  const reason = judgeCall(state, call);
  if (reason !== null) return reason;
  if (call.kind === "cancel") {
    consume(state, call.authorizer, call.nonce);
    const fence = { scope: state.address, subject: call.authorizer, key: call.nonce };
    log.fences.push({ fence, how: "cancelled", match: {}, by, transaction: hash, logIndex: nextIndex() });
    return null;
  }
  state.used.add(call.depositId);
  const amount = BigInt(call.amount);
  const fence = { scope: treasury, subject: zeroAddress, key: call.depositId };
  move(context, { kind: "mint", from: zeroAddress, to: call.to, amount, memo: null, fence });
  log.fences.push({
    fence,
    how: "used",
    match: { payee: call.to, amount },
    by,
    transaction: hash,
    logIndex: nextIndex(),
  });
  return null;
}
