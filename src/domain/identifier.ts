/**
 * Resource ids: a prefix that names the kind and a time-ordered number in Crockford base 32, so ids sort by age as text. Owns the
 * mapping between the store's integer key and the id outside; the number is milliseconds × 2^20 plus a counter, inside 63 bits.
 */
const alphabet = "0123456789abcdefghjkmnpqrstvwxyz";
const digits = 13;

/** Prefix of each kind of resource. */
export const prefixes = {
  transfer: "tr",
  deposit: "dep",
  redemption: "red",
  order: "ord",
  step: "stp",
  cancellation: "can",
  claim: "clm",
  payment: "pay",
  quote: "quo",
  attestation: "att",
  membership: "mem",
} as const;
export type Prefix = (typeof prefixes)[keyof typeof prefixes];

/** The first sequence number of a millisecond; 2^20 more follow before the next one. */
export function firstSequence(timeMs: number): bigint {
  return BigInt(Math.trunc(timeMs)) << 20n;
}

/** `tr_` + 13 base-32 digits. */
export function formatId(prefix: Prefix, sequence: bigint): string {
  let text = "";
  for (let rest = sequence, i = 0; i < digits; i++, rest >>= 5n) text = alphabet.charAt(Number(rest & 31n)) + text;
  return `${prefix}_${text}`;
}

/** Reads an id back. Returns null when the text is not an id or its prefix is not one of ours. */
export function parseId(id: string): { prefix: Prefix; sequence: bigint } | null {
  const match = /^([a-z]{2,3})_([0-9a-hjkmnp-tv-z]{13})$/.exec(id);
  const prefix = Object.values(prefixes).find((known) => known === match?.[1]);
  if (match === null || prefix === undefined) return null;
  let sequence = 0n;
  for (const digit of match[2] ?? "") sequence = (sequence << 5n) | BigInt(alphabet.indexOf(digit));
  return sequence < 1n << 63n ? { prefix, sequence } : null;
}
