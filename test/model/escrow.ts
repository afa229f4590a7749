/**
 * The model of what all escrows share, to be read beside IEscrow.sol: coins come in by a signed authorization whose nonce is the id, and
 * go out as a payment or, where the coin refuses, as a credit. Owns the books: what is held and what is credited to whom.
 */
import { burn, payFrom, receiveWithAuthorization } from "./coin.ts";
import {
  type Address,
  type Bytes32,
  emit,
  type Frame,
  into,
  MAX_AMOUNT,
  Refusal,
  refuse,
  type Signature,
} from "./frame.ts";

export interface Books {
  coins: Address[];
  /** All that is owed, by coin. */
  held: Map<Address, bigint>;
  /** By `creditKey`. */
  credits: Map<string, bigint>;
}

export function creditKey(coin: Address, payer: Address, party: Address): string {
  return `${coin} ${payer} ${party}`;
}

export function booksOf(c: Frame): Books {
  const books = c.world.books.get(c.self);
  if (books === undefined) throw new Error(`no escrow at ${c.self}`);
  return books;
}

function addHeld(c: Frame, coin: Address, amount: bigint): void {
  const { held } = booksOf(c);
  held.set(coin, (held.get(coin) ?? 0n) + amount);
}

export function requireTerms(c: Frame, coin: Address, amount: bigint): void {
  if (!booksOf(c).coins.includes(coin)) refuse("EscrowCoinUnknown", coin);
  if (amount === 0n || amount > MAX_AMOUNT) refuse("EscrowAmountOutOfBounds", amount, MAX_AMOUNT);
}

/** A payment into the escrow that `from` signed under the nonce `id`. */
export interface Intake {
  id: Bytes32;
  coin: Address;
  from: Address;
  amount: bigint;
  validBefore: bigint;
}

export function take(c: Frame, { id, coin, from, amount, validBefore }: Intake, signature: Signature): void {
  addHeld(c, coin, amount);
  const a = { from, to: c.self, value: amount, validAfter: 0n, validBefore, nonce: BigInt(id) };
  receiveWithAuthorization(into(c, coin), a, signature);
}

/** Coins that `payer` had paid in and that are due to `party`. */
export interface Due {
  id: Bytes32;
  coin: Address;
  payer: Address;
  party: Address;
  amount: bigint;
}

export function pay(c: Frame, { coin, payer, party, amount }: Omit<Due, "id">): void {
  payFrom(into(c, coin), payer, party, amount);
  addHeld(c, coin, -amount);
}

export function payOrCredit(c: Frame, due: Due): void {
  if (due.amount === 0n) return;
  if (succeeds(() => pay(c, due))) return;
  const { credits } = booksOf(c);
  const key = creditKey(due.coin, due.payer, due.party);
  credits.set(key, (credits.get(key) ?? 0n) + due.amount);
  emit(c, "EscrowCredited", due.id, due.coin, due.party, due.payer, due.amount);
}

export function burnHeld(c: Frame, coin: Address, amount: bigint): void {
  burn(into(c, coin), amount);
  addHeld(c, coin, -amount);
}

/** Whether the coin did it. A call of the coin that refuses has written nothing: it checks before it writes. */
export function succeeds(act: () => void): boolean {
  try {
    act();
    return true;
  } catch (error) {
    if (error instanceof Refusal) return false;
    throw error;
  }
}

export function withdrawCredit(c: Frame, coin: Address, payer: Address, party: Address): void {
  const { credits } = booksOf(c);
  const amount = credits.get(creditKey(coin, payer, party)) ?? 0n;
  if (amount === 0n) refuse("EscrowNoCredit", coin, payer, party);
  credits.delete(creditKey(coin, payer, party));
  emit(c, "EscrowCreditWithdrawn", coin, payer, party, amount);
  pay(c, { coin, payer, party, amount });
}
