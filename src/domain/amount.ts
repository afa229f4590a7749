/**
 * Money. Amounts are `bigint` base units in code and decimal strings of base units in JSON; a `number` never holds one. Owns the
 * reading and writing of the form people use (`1,234.56 XUS`); nothing here rounds: what does not fit is refused.
 */

/** The coin's supply cap, 2^63 − 1 base units: no credit can overflow and both databases hold any amount as a signed 64-bit integer. */
export const maxAmount = (1n << 63n) - 1n;
/** Decimal places of every Remesa coin. */
export const coinDecimals = 6;
/** Base units of one cent: banks have two decimal places, so redemptions are multiples of this. */
export const centUnits = 10_000n;

/**
 * Reads a decimal amount such as `1234.5` into base units. Accepts digits with at most `decimals` places; no sign, no exponent,
 * no grouping. Returns null when the text is not such an amount or exceeds `maxAmount`.
 */
export function parseAmount(text: string, decimals: number = coinDecimals): bigint | null {
  const match = /^(\d{1,13})(?:\.(\d+))?$/.exec(text);
  if (match === null) return null;
  const fraction = match[2] ?? "";
  if (fraction.length > decimals) return null;
  const units = BigInt((match[1] ?? "0") + fraction.padEnd(decimals, "0"));
  return units > maxAmount ? null : units;
}

/** Reads base units written as a decimal integer string, 0 … `maxAmount`. Returns null for anything else. */
export function parseUnits(text: string): bigint | null {
  if (!/^(0|[1-9]\d{0,18})$/.test(text)) return null;
  const units = BigInt(text);
  return units > maxAmount ? null : units;
}

/** Writes base units with grouped thousands and at least two decimal places: `1234500000n` → `1,234.50`. Exact, never rounded. */
export function formatAmount(units: bigint, decimals: number = coinDecimals): string {
  const sign = units < 0n ? "-" : "";
  const digits = (units < 0n ? -units : units).toString().padStart(decimals + 1, "0");
  const whole = digits.slice(0, -decimals).replace(/\B(?=(\d{3})+$)/g, ",");
  const fraction = digits.slice(-decimals).replace(/0+$/, "").padEnd(2, "0");
  return `${sign}${whole}.${fraction}`;
}
