/**
 * What "bank, books and chain agree" means, as a value. Owns the statement that `reconcile` makes about one final block; to the base unit, with
 * every difference named.
 */
import type { Address, Word } from "./hex.ts";

export interface Difference {
  /**
   * `account`: books against chain, one holder · `supply`: books against chain, all of them · `ledger`: entries do not sum to zero ·
   * `reserves`: bank against chain · `escrow`: an escrow has less than its open redemptions, claims and payments add up to.
   */
  readonly kind: "account" | "supply" | "ledger" | "reserves" | "escrow";
  readonly coin: Address;
  readonly account: Address | null;
  /** Base units: what each side says. */
  readonly books: bigint;
  readonly chain: bigint;
}

export interface Reconciliation {
  readonly block: number;
  readonly blockHash: Word;
  /** Unix seconds. */
  readonly blockTime: number;
  readonly agrees: boolean;
  readonly coins: readonly {
    readonly coin: Address;
    readonly symbol: string;
    /** Attested reserves: the bank's word. Base units. */
    readonly bank: bigint;
    /** Unix seconds of the attestation; 0 when there is none. */
    readonly bankAsOf: number;
    /** What the ledger says was issued. */
    readonly books: bigint;
    /** totalSupply at the block. */
    readonly chain: bigint;
    /** totalSupply less redemptions already sent by the bank: what the reserves must cover. */
    readonly outstanding: bigint;
    readonly accounts: number;
    /** What each escrow keeps for what is open, and has: it may have more, what it could not pay is credited there. Newest block. */
    readonly escrows: readonly { readonly escrow: Address; readonly open: bigint; readonly balance: bigint }[];
  }[];
  readonly differences: readonly Difference[];
}
