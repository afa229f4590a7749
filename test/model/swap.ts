/**
 * The model of the swap, to be read beside IFxSwap.sol. Owns which quotes are used; nothing else stays here between two calls.
 */
import { AbiCoder, keccak256 } from "ethers";
import { pay, requireTerms, take } from "./escrow.ts";
import {
  type Address,
  type Bytes32,
  DAY,
  digestOf,
  emit,
  type Frame,
  isSigned,
  refuse,
  requireDeadline,
  type Signature,
  type World,
  ZERO,
} from "./frame.ts";

const LONGEST_TERM = 30n * DAY;

export interface Quote {
  maker: Address;
  taker: Address;
  sellCoin: Address;
  sellAmount: bigint;
  buyCoin: Address;
  buyAmount: bigint;
  validBefore: bigint;
  salt: Bytes32;
}

export function quoteIdOf(world: World, escrow: Address, quote: Quote): Bytes32 {
  return digestOf(world, escrow, "Quote", quote);
}

/** Side 1 is the maker's, side 2 the taker's. */
export function legNonceOf(id: Bytes32, side: bigint): Bytes32 {
  return keccak256(AbiCoder.defaultAbiCoder().encode(["bytes32", "uint256"], [id, side]));
}

function requireUnused(c: Frame, quote: Quote): Bytes32 {
  const id = quoteIdOf(c.world, c.self, quote);
  if (c.world.quotes.has(id)) refuse("FxQuoteUsed", id);
  return id;
}

export function swap(c: Frame, quote: Quote, makerSignature: Signature, takerSignature: Signature): void {
  const { maker, taker, sellCoin, sellAmount, buyCoin, buyAmount, validBefore } = quote;
  requireTerms(c, sellCoin, sellAmount);
  requireTerms(c, buyCoin, buyAmount);
  if (sellCoin === buyCoin) refuse("FxSameCoin", sellCoin);
  if (maker === ZERO) refuse("FxPartyInvalid", maker);
  if (taker === ZERO || taker === maker) refuse("FxPartyInvalid", taker);
  if (c.world.time >= validBefore) refuse("FxQuoteExpired", validBefore, c.world.time);
  const limit = c.world.time + LONGEST_TERM;
  if (validBefore > limit) refuse("FxQuoteTooLong", validBefore, limit);
  const id = requireUnused(c, quote);

  c.world.quotes.add(id);
  emit(c, "Swapped", id, maker, taker, sellCoin, sellAmount, buyCoin, buyAmount);
  const sold = { id: legNonceOf(id, 1n), coin: sellCoin, from: maker, amount: sellAmount, validBefore };
  const bought = { id: legNonceOf(id, 2n), coin: buyCoin, from: taker, amount: buyAmount, validBefore };
  take(c, sold, makerSignature);
  take(c, bought, takerSignature);
  pay(c, { coin: sellCoin, payer: maker, party: taker, amount: sellAmount });
  pay(c, { coin: buyCoin, payer: taker, party: maker, amount: buyAmount });
}

export function cancel(c: Frame, quote: Quote): void {
  const id = requireUnused(c, quote);
  if (c.caller !== quote.maker) refuse("FxMakerOnly", c.caller, quote.maker);
  c.world.quotes.add(id);
  emit(c, "QuoteCancelled", id, quote.maker);
}

export function cancelBySig(c: Frame, quote: Quote, deadline: bigint, signature: Signature): void {
  const id = requireUnused(c, quote);
  requireDeadline(c, deadline, "FxOrderExpired");
  const digest = digestOf(c.world, c.self, "CancelQuote", { id, deadline });
  if (!isSigned(c.world, quote.maker, digest, signature)) refuse("FxSignatureInvalid", quote.maker);
  c.world.quotes.add(id);
  emit(c, "QuoteCancelled", id, quote.maker);
}
