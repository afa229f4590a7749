/**
 * Settlement rows: the byte layout of `docs/SIGNATURES.md`, one authorization in as few bytes as it can be said. Pure text work on
 * hexadecimal digits. Answers null for what a row cannot carry; the caller then makes a call of its own.
 */
import type { Authorization } from "../domain/draft.ts";
import type { Hex, Word } from "../domain/hex.ts";
import { isWindowNonce } from "../domain/intent.ts";
import { parseSignature, toCompact } from "./recover.ts";

const kindRow = 0x01;
const kindWideNonce = 0x02;
const kindMemo = 0x04;
const kindValidAfter = 0x08;
const kindLongSignature = 0x10;

/** Five bytes of seconds or of a window nonce. */
const fiveBytes = 2 ** 40;
/** Eight bytes of base units. */
const eightBytes = 1n << 64n;
/** The longest signature a row may carry, in bytes; the contract refuses the whole batch beyond. */
const longestSignature = 4_096;

function toDigits(value: bigint | number, bytes: number): string {
  return value.toString(16).padStart(2 * bytes, "0");
}

/** The row of one signed transfer, or null when a number or the signature does not fit the layout. */
export function encodeRow(options: {
  readonly authorization: Authorization;
  readonly memo: Word | null;
  readonly signature: Hex;
}): Hex | null {
  const { authorization, memo, signature } = options;
  const { from, to, value, validAfter, validBefore, nonce } = authorization;
  const length = signature.length / 2 - 1;
  if (value >= eightBytes || validAfter >= fiveBytes || validBefore >= fiveBytes || length > longestSignature)
    return null;

  const parsed = parseSignature(signature);
  const window = isWindowNonce(nonce);
  const kind =
    kindRow |
    (window ? 0 : kindWideNonce) |
    (memo === null ? 0 : kindMemo) |
    (validAfter === 0 ? 0 : kindValidAfter) |
    (parsed === null ? kindLongSignature : 0);

  return `0x${toDigits(kind, 1)}${from.slice(2)}${to.slice(2)}${toDigits(value, 8)}${toDigits(validBefore, 5)}${
    window ? nonce.slice(-10) : nonce.slice(2)
  }${validAfter === 0 ? "" : toDigits(validAfter, 5)}${memo === null ? "" : memo.slice(2)}${
    parsed === null ? toDigits(length, 2) + signature.slice(2).toLowerCase() : toCompact(parsed)
  }`;
}
