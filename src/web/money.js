/**
 * Amounts as people read them. Base units stay BigInt; nothing is rounded. The same spelling as the node's own.
 */
export function formatAmount(units, decimals) {
  const value = BigInt(units);
  const digits = (value < 0n ? -value : value).toString().padStart(decimals + 1, "0");
  const whole = digits.slice(0, -decimals).replace(/\B(?=(\d{3})+$)/g, ",");
  const fraction = digits.slice(-decimals).replace(/0+$/, "").padEnd(2, "0");
  return `${value < 0n ? "-" : ""}${whole}.${fraction}`;
}

/** `0x1234…cdef`. */
export function shorten(address) {
  return `${address.slice(0, 6)}…${address.slice(-4)}`;
}
