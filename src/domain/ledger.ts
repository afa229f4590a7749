/**
 * Double entry. Owns how a movement becomes ledger entries: two lines that sum to zero, per coin. Accounts are `wallet:<address>` and the
 * contra account `issued`, whose balance is minus the coin's supply. Entries are never edited: they are written once, from final
 * movements alone.
 */
import { type Address, zeroAddress } from "./hex.ts";
import type { Movement } from "./facts.ts";

/** `issued`, or `wallet:` and a lowercase address. */
export type LedgerAccount = "issued" | `wallet:${Address}`;

export interface LedgerLine {
  readonly account: LedgerAccount;
  readonly coin: Address;
  /** Base units; negative leaves the account. */
  readonly amount: bigint;
}

export function toLedgerAccount(address: Address): LedgerAccount {
  return address === zeroAddress ? "issued" : `wallet:${address}`;
}

/** The two lines of a movement. Their sum is zero. */
export function toLines(
  movement: Pick<Movement, "coin" | "from" | "to" | "amount">,
): readonly [LedgerLine, LedgerLine] {
  const { coin, from, to, amount } = movement;
  return [
    { account: toLedgerAccount(from), coin, amount: -amount },
    { account: toLedgerAccount(to), coin, amount },
  ];
}
