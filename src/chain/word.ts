/**
 * The coin's storage words, read: everything the coin keeps of an account in 256 bits. Owns the bit layout on this side; the test
 * compares it with the contract's own reading. Pure.
 */
import type { ChainAccount } from "../pipeline/ports.ts";

/** Bits of each field, least significant first, as `AccountWord.sol` lays them out. */
const layout = { balance: 64n, frozen: 64n, nonceBase: 40n, nonceWindow: 64n, vasp: 16n, flags: 8n } as const;

const flagFrozenWhole = 1n;
const flagEscrow = 2n;

/** Reads `wordOf(account)`. */
export function parseAccountWord(word: bigint): ChainAccount {
  let rest = word;
  const take = (bits: bigint): bigint => {
    const field = rest & ((1n << bits) - 1n);
    rest >>= bits;
    return field;
  };
  const balance = take(layout.balance);
  const frozen = take(layout.frozen);
  const nonceBase = take(layout.nonceBase);
  const nonceWindow = take(layout.nonceWindow);
  const vasp = Number(take(layout.vasp));
  const flags = take(layout.flags);
  return {
    balance,
    frozen: (flags & flagFrozenWhole) === 0n ? frozen : null,
    nonceBase,
    nonceWindow,
    vasp,
    escrow: (flags & flagEscrow) !== 0n,
  };
}
