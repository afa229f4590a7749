/**
 * The EIP-55 spelling of addresses, fast. Owns the same rule as `domain/hex.ts`, whose hash takes 30 µs for an address it has not met lately: with
 * a payer and a payee per payment that would be a seventh of what a payment costs. Here it is one call of the WebAssembly hash.
 */
import { createKeccak } from "hash-wasm";
import { type Address, type Hex, isHexOf, toLower } from "../domain/hex.ts";

/** One instance, used synchronously from `init` to `digest`. */
const keccak = await createKeccak(256);

/** Spellings kept per generation: 2 MB in all, and more payers than pay at a time. */
const kept = 8_192;
let young = new Map<Address, Hex>();
let old = new Map<Address, Hex>();

/** Lowercase in, checksummed out. Who pays or is paid is so again soon, and every answer names the coin: the last spellings are kept. */
export function spellAddress(address: Address): Hex {
  let text = young.get(address);
  if (text !== undefined) return text;
  text = old.get(address) ?? spell(address);
  // A full generation becomes the old one: what is still asked for moves on, the rest goes.
  if (young.size >= kept) [old, young] = [young, new Map()];
  young.set(address, text);
  return text;
}

function spell(address: Address): Hex {
  const digits = address.slice(2);
  const hash = keccak.init().update(digits).digest("hex");
  let text = "0x";
  for (let i = 0; i < digits.length; i++) {
    const digit = digits.charAt(i);
    // A hash digit of 8 or more: the letter is written large.
    text += hash.charAt(i) > "7" ? digit.toUpperCase() : digit;
  }
  return text as Hex;
}

/** Reads an address: one case throughout carries no checksum, mixed case must match it. Null when it is not an address. */
export function readAddress(text: string): Address | null {
  if (!isHexOf(text, 20)) return null;
  const digits = text.slice(2);
  const lower = toLower(text);
  if (digits === digits.toLowerCase() || digits === digits.toUpperCase()) return lower;
  return spellAddress(lower) === text ? lower : null;
}
