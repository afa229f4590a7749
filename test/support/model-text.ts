/**
 * Values as text on the model chain: what its calls carry and its digests are of. JSON that keeps bigints apart from text; the order of the
 * fields is part of a value.
 */
import { keccak256, stringToHex } from "viem";
import type { Word } from "../../src/domain/hex.ts";

const tagged = (_: string, value: unknown): unknown => (typeof value === "bigint" ? `${value}n` : value);
const untagged = (_: string, value: unknown): unknown =>
  typeof value === "string" && /^\d+n$/.test(value) ? BigInt(value.slice(0, -1)) : value;

export function formatValue(value: unknown): string {
  return JSON.stringify(value, tagged);
}

export function readValue(text: string): unknown {
  return JSON.parse(text, untagged);
}

/** A struct's digest: its name and its values. */
export function hashOf(name: string, ...values: readonly unknown[]): Word {
  return keccak256(stringToHex(JSON.stringify([name, values], tagged)));
}
