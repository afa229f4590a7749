/**
 * What fits into one transaction. Owns the call data of `settle`, the gas a row is given, the sliding nonce window as the coin
 * moves it, and the backoff of what has to wait. Pure arithmetic: promises upper bounds, never exact figures.
 */
import { toFunctionSelector } from "viem";
import type { Hex } from "./hex.ts";
import { windowSize } from "./intent.ts";

/** EIP-7825: no transaction may ask for more. */
export const protocolGasCap = 16_777_216n;
/** Public nodes refuse transactions above 128 kB; the margin is for the envelope around the call data. */
export const maxTransactionBytes = 120_000;

/**
 * Gas of a transaction before its rows: 21,000 to exist, and 9,000 for dispatch, the reentrancy and pause checks and the ABI frame
 * (68 bytes of it call data). Measured contracts need under 5,000.
 */
const transactionGas = 30_000n;
/** Per row, an existing payee and a window nonce, without call data: measured 18,600 in batches of 100; the margin is for short batches. */
const rowGas = 26_000n;
/** A storage slot that goes from zero to something: 20,000, and 2,100 for touching it cold. */
const newSlotGas = 22_100n;
/** The extra log of a memo: 375 × 3 topics and the reading of it. */
const memoGas = 1_500n;
/** Asking the registry for an attestation and using it up: six cold slots and accounts, one write, one log; rounded up. */
const travelGas = 30_000n;
/** EIP-2028, every byte counted as non-zero. */
const byteGas = 16n;

const wideNonceBit = 0x02;
const memoBit = 0x04;

/** Bytes of hexadecimal text. */
export function countBytes(hex: Hex): number {
  return (hex.length - 2) / 2;
}

/**
 * Gas that one row can need at most, its call data included. `payeeKnown`: its balance word exists already; `reverted`: it was in a batch
 * that reverted. Which rows the travel rule asks about only the chain knows; the margins of a batch carry those of a few dozen, and a batch of
 * more is planned once again with room for all.
 */
export function toRowGas(row: Hex, { payeeKnown, reverted }: { payeeKnown: boolean; reverted: boolean }): bigint {
  const kind = Number.parseInt(row.slice(2, 4), 16);
  let gas = rowGas + byteGas * BigInt(countBytes(row));
  if (!payeeKnown) gas += newSlotGas;
  if (reverted) gas += travelGas;
  if ((kind & wideNonceBit) !== 0) gas += newSlotGas;
  if ((kind & memoBit) !== 0) gas += memoGas;
  return gas;
}

/** Gas limit of a `settle` with rows that need `rows` in total. */
export function toSettleGas(rows: bigint): bigint {
  return transactionGas + rows;
}

/** Bytes of call data of a `settle` whose rows have `rows` bytes in total. */
export function countSettleBytes(rows: number): number {
  return 4 + 32 + 32 + Math.ceil(rows / 32) * 32;
}

const settleSelector = toFunctionSelector("settle(bytes)").slice(2);

/** Call data of `settle(bytes)`: the rows one after the other, as `docs/SIGNATURES.md` lays them out. */
export function toSettleData(rows: readonly Hex[]): Hex {
  const body = rows.map((row) => row.slice(2)).join("");
  const bytes = body.length / 2;
  const frame = (32).toString(16).padStart(64, "0") + bytes.toString(16).padStart(64, "0");
  return `0x${settleSelector}${frame}${body.padEnd(Math.ceil(bytes / 32) * 64, "0")}`;
}

/** The sliding window of one account while a plan is made. `consumed` holds the nonces at or above the base. */
export interface NonceWindow {
  base: bigint;
  readonly consumed: Set<bigint>;
}

/** Consumes a nonce and moves the base over everything consumed, as the coin does. The nonce is inside the window. */
export function consumeNonce(window: NonceWindow, nonce: bigint): void {
  window.consumed.add(nonce);
  while (window.consumed.delete(window.base)) window.base += 1n;
}

/** The window an account will have once `consumed` are: only those at or above the base count. */
export function openWindow(base: bigint, consumed: readonly bigint[]): NonceWindow {
  const window: NonceWindow = { base, consumed: new Set(consumed.filter((nonce) => nonce >= base)) };
  while (window.consumed.delete(window.base)) window.base += 1n;
  return window;
}

/**
 * What the window says of a nonce. `gap`: it lies ahead because a nonce below it was never signed (`known` says which were);
 * `ahead`: it lies ahead, and every nonce in its way is on its way.
 */
export function judgeNonce(
  window: NonceWindow,
  nonce: bigint,
  known: ReadonlySet<bigint>,
): "open" | "used" | "gap" | "ahead" {
  if (nonce < window.base || window.consumed.has(nonce)) return "used";
  if (nonce < window.base + windowSize) return "open";
  for (let missing = window.base; missing <= nonce - windowSize; missing += 1n) {
    if (!window.consumed.has(missing) && !known.has(missing)) return "gap";
  }
  return "ahead";
}

/** No intent waits longer than this for another look. A longer wait was written by a clock that stood elsewhere, and is not waited for. */
export const longestHoldMs = 60_000;

/** Milliseconds before an intent that was held `holds` times is looked at again: 1 s, doubling, 60 s at most. */
export function toBackoffMs(holds: number): number {
  return Math.min(longestHoldMs, 1_000 * 2 ** Math.min(holds, 6));
}
