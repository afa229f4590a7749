/**
 * Hexadecimal text: addresses, 32-byte words and raw bytes as the chain writes them. Owns their spelling: everything inside
 * the node is lowercase; the EIP-55 checksum is verified where a person typed an address and restored where one reads it.
 */
import { getAddress, isAddress } from "viem";

/** `0x` followed by an even number of lowercase hexadecimal digits. */
export type Hex = `0x${string}`;
/** 20 bytes, lowercase. */
export type Address = Hex;
/** 32 bytes, lowercase: a digest, a nonce, an id. */
export type Word = Hex;

export const zeroAddress: Address = "0x0000000000000000000000000000000000000000";
export const zeroWord: Word = `0x${"0".repeat(64)}`;

/** True for `0x` and exactly `bytes` bytes of hexadecimal text, either case. */
export function isHexOf(text: string, bytes: number): text is Hex {
  return text.length === 2 + bytes * 2 && /^0x[0-9a-fA-F]*$/.test(text);
}

/** Lowercases hexadecimal text; the caller has checked its shape. */
export function toLower(text: string): Hex {
  return text.toLowerCase() as Hex;
}

/**
 * Reads an address written by a person or a program. All-lowercase and all-uppercase digits carry no checksum and are accepted; mixed
 * case must match EIP-55. Returns null when it is not an address.
 */
export function parseAddress(text: string): Address | null {
  if (!isHexOf(text, 20)) return null;
  const digits = text.slice(2);
  if (digits === digits.toLowerCase() || digits === digits.toUpperCase()) return toLower(text);
  return isAddress(text, { strict: true }) ? toLower(text) : null;
}

/** The EIP-55 spelling, for people. */
export function formatAddress(address: Address): Hex {
  return getAddress(address);
}

/** A non-negative integer as 32 big-endian bytes. */
export function toWord(value: bigint): Word {
  return `0x${value.toString(16).padStart(64, "0")}`;
}
