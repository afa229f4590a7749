/**
 * Dealers of swaps between the two coins.
 */
import { type Address, type Bytes32, DAY, ZERO } from "../../model/frame.ts";
import { legNonceOf, type Quote, quoteIdOf } from "../../model/swap.ts";
import { across, attested } from "./deal-registry.ts";
import type { MethodName } from "./methods.ts";
import { FAR } from "./stage.ts";
import {
  around,
  between,
  call,
  coinAt,
  type Dealer,
  fresh,
  fund,
  funded,
  type Maker,
  now,
  or,
  pickAmount,
  pickCoin,
  pickDeadline,
  plain,
  sign,
  type Table,
} from "./table.ts";

/** A quote whose parties have the coins; or with one thing wrong. */
function* pickQuote(g: Table): Maker<{ quote: Quote; id: Bytes32 }> {
  const sellCoin = pickCoin(g);
  const buyCoin = sellCoin === g.at.xus ? g.at.xgt : g.at.xus;
  const [sellAmount, buyAmount] = [pickAmount(g), pickAmount(g)];
  const maker = yield* funded(plain(g), sellCoin, sellAmount);
  const taker = yield* funded(plain(g), buyCoin, buyAmount, maker);
  const validBefore = now(g) + between(g, 30n, DAY);
  const limit = now(g) + 30n * DAY;
  const quote = {
    maker: or(
      g,
      maker,
      () => ZERO,
      () => g.at.ice,
    ),
    taker: or(
      g,
      taker,
      () => ZERO,
      () => maker,
    ),
    sellCoin: or(g, sellCoin, () => g.at.stranger),
    sellAmount: or(
      g,
      sellAmount,
      () => 0n,
      () => 2n ** 63n,
    ),
    buyCoin: or(
      g,
      buyCoin,
      () => sellCoin,
      () => g.at.stranger,
    ),
    buyAmount: or(
      g,
      buyAmount,
      () => 0n,
      () => 2n ** 63n - 1n,
    ),
    validBefore: or(
      g,
      validBefore,
      () => limit,
      () => limit + 1n,
      () => now(g) + 1n,
      () => now(g),
    ),
    salt: fresh(g),
  };
  const id = quoteIdOf(g.felt.world, g.at.swap, quote);
  g.seen.quotes.add(id);
  return { quote, id };
}

function leg(g: Table, coin: Address, a: { from: Address; value: bigint; validBefore: bigint; nonce: Bytes32 }) {
  const at = g.felt.world.coins.has(coin) ? coin : g.at.xus;
  g.seen.nonces.add(`${at} ${a.from} ${BigInt(a.nonce)}`);
  return sign(g, at, a.from, "ReceiveWithAuthorization", { ...a, to: g.at.swap, validAfter: 0n });
}

function* trade(g: Table, { quote, id }: { quote: Quote; id: Bytes32 }, time = now(g)): Maker<void> {
  const { maker, taker, sellCoin, sellAmount, buyCoin, buyAmount, validBefore } = quote;
  const sold = { from: maker, value: sellAmount, validBefore, nonce: legNonceOf(id, 1n) };
  const bought = { from: taker, value: buyAmount, validBefore, nonce: legNonceOf(id, 2n) };
  const [own, theirs] = [leg(g, sellCoin, sold), leg(g, buyCoin, bought)];
  yield call(g, g.at.stranger, g.at.swap, "swap.swap", [quote, own, theirs], time);
}

const swap: Dealer = function* (g) {
  const found = yield* pickQuote(g);
  yield* trade(g, found, around(g, found.quote.validBefore));
  if (or(g, false, () => true)) yield* trade(plain(g), found);
};

/** Both ways under the travel rule: attested both, one or none. */
const swapAcross: Dealer = function* (g) {
  const { xus, xgt, swap: at } = g.at;
  const [maker, taker] = yield* across(plain(g));
  const [sellAmount, buyAmount] = [coinAt(g, xus).travelLimit, coinAt(g, xgt).travelLimit];
  yield* fund(plain(g), xus, sellAmount, maker);
  yield* fund(plain(g), xgt, buyAmount, taker);
  const makerWay = { coin: xus, payer: maker, payee: taker, amount: sellAmount };
  const takerWay = { coin: xgt, payer: taker, payee: maker, amount: buyAmount };
  if (or(g, true, () => false)) yield* attested(plain(g), makerWay);
  if (or(g, true, () => false)) yield* attested(plain(g), takerWay);
  const terms = { maker, taker, sellCoin: xus, sellAmount, buyCoin: xgt, buyAmount };
  const quote = { ...terms, validBefore: now(g) + DAY, salt: fresh(g) };
  const id = quoteIdOf(g.felt.world, at, quote);
  g.seen.quotes.add(id);
  yield* trade(g, { quote, id });
};

const cancel: Dealer = function* (g) {
  const { quote } = yield* pickQuote(plain(g));
  const caller = or(g, quote.maker, () => g.at.stranger);
  yield call(g, caller, g.at.swap, "swap.cancel", [quote]);
  if (or(g, false, () => true)) yield call(g, caller, g.at.swap, "swap.cancel", [quote]);
};

const cancelBySig: Dealer = function* (g) {
  const { quote, id } = yield* pickQuote(plain(g));
  const deadline = pickDeadline(g, FAR);
  const signature = sign(g, g.at.swap, quote.maker, "CancelQuote", { id, deadline });
  yield call(g, g.at.stranger, g.at.swap, "swap.cancelBySig", [quote, deadline, signature]);
  if (or(g, false, () => true)) yield* trade(plain(g), { quote, id });
};

export const SWAP_DEALERS: Partial<Record<MethodName | "swap across", Dealer>> = {
  "swap.swap": swap,
  "swap across": swapAcross,
  "swap.cancel": cancel,
  "swap.cancelBySig": cancelBySig,
};
