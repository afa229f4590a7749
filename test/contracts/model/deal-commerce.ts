/**
 * Dealers of payments to merchants: authorizing, capturing in parts, giving back, refunding, disputing.
 */
import { id } from "ethers";
import {
  ARBITRATION,
  endOf,
  type Payment,
  type PaymentTerms,
  paymentIdOf,
  refundNonceOf,
  remainingOf,
} from "../../model/commerce.ts";
import { type Address, type Bytes32, DAY, ZERO } from "../../model/frame.ts";
import { across, attested } from "./deal-registry.ts";
import type { MethodName } from "./methods.ts";
import { FAR } from "./stage.ts";
import {
  around,
  between,
  call,
  chance,
  coinAt,
  type Dealer,
  fresh,
  fund,
  funded,
  type Maker,
  notBefore,
  now,
  or,
  pick,
  pickAmount,
  pickCoin,
  pickDeadline,
  plain,
  sign,
  type Table,
} from "./table.ts";

interface Authorized {
  id: Bytes32;
  terms: PaymentTerms;
}
interface Given {
  coin?: Address;
  payer?: Address;
  merchant?: Address;
  amount?: bigint;
}

/** Terms of a payment; or with one thing wrong. */
function* pickTerms(g: Table, given: Given = {}): Maker<PaymentTerms> {
  const { merchant, receiver, arbiter, commerce, xus } = g.at;
  const coin = given.coin ?? pickCoin(g);
  const amount = given.amount ?? pickAmount(g);
  if (given.payer !== undefined) yield* fund(plain(g), coin, amount, given.payer);
  const payer = given.payer ?? (yield* funded(plain(g), coin, amount));
  const start = now(g);
  const authorizeBy = or(
    g,
    start + between(g, 10n, 100n),
    () => start + 1n,
    () => start,
  );
  const later = authorizeBy + between(g, 60n, 3n * DAY);
  const captureBy = or(
    g,
    later,
    () => authorizeBy - 1n,
    () => start + 90n * DAY,
    () => start + 90n * DAY + 1n,
  );
  const latest = captureBy + 20n * DAY;
  const refundBy = or(
    g,
    latest,
    () => captureBy - 1n,
    () => start + 180n * DAY,
    () => start + 180n * DAY + 1n,
  );
  return {
    coin: or(g, coin, () => g.at.stranger),
    payer,
    merchant: or(
      g,
      given.merchant ?? merchant,
      () => ZERO,
      () => payer,
      () => commerce,
    ),
    amount: or(
      g,
      amount,
      () => 0n,
      () => 2n ** 63n,
    ),
    feeReceiver: or(
      g,
      receiver,
      () => ZERO,
      () => commerce,
      () => xus,
    ),
    minFeeBps: or(g, 100n, () => 301n),
    maxFeeBps: or(g, 300n, () => 10_001n),
    arbiter: or(g, arbiter, () => ZERO),
    authorizeBy,
    captureBy,
    refundBy,
    salt: fresh(g),
  };
}

function pull(g: Table, terms: PaymentTerms, { nonce, from, value, validBefore }: Pull): ReturnType<typeof sign> {
  const a = { from, to: g.at.commerce, value, validAfter: 0n, validBefore, nonce };
  const coin = g.felt.world.coins.has(terms.coin) ? terms.coin : g.at.xus;
  g.seen.nonces.add(`${coin} ${from} ${BigInt(nonce)}`);
  return sign(g, coin, from, "ReceiveWithAuthorization", a);
}
interface Pull {
  nonce: Bytes32;
  from: Address;
  value: bigint;
  validBefore: bigint;
}

function authorizationOf(g: Table, terms: PaymentTerms): { id: Bytes32; signature: ReturnType<typeof sign> } {
  const payment = paymentIdOf(g.felt.world, g.at.commerce, terms);
  g.seen.payments.add(payment);
  const { payer: from, amount: value, authorizeBy: validBefore } = terms;
  return { id: payment, signature: pull(g, terms, { nonce: payment, from, value, validBefore }) };
}

export function* authorizePayment(g: Table, given: Given = {}): Maker<Authorized> {
  const terms = yield* pickTerms(g, given);
  const { id: payment, signature } = authorizationOf(g, terms);
  const time = around(g, terms.authorizeBy);
  yield call(g, g.at.stranger, g.at.commerce, "commerce.authorize", [terms, signature], time);
  if (or(g, false, () => true)) {
    yield call(g, g.at.stranger, g.at.commerce, "commerce.authorize", [terms, signature]);
  }
  return { id: payment, terms };
}

const paymentAt = (g: Table, payment: Bytes32): Payment | undefined => g.felt.world.payments.get(payment);

/** The totals that an order names, and the id; or others. */
function named(g: Table, payment: Bytes32): { id: Bytes32; captured: bigint; voided: bigint; deadline: bigint } {
  const { captured = 0n, voided = 0n } = paymentAt(g, payment) ?? {};
  return {
    id: or(g, payment, () => id("another payment")),
    captured: or(g, captured, () => captured + 1n),
    voided: or(g, voided, () => voided + 1n),
    deadline: pickDeadline(g, FAR),
  };
}

/** A payment of which something remains, captured in part or not; or its terms changed so that it is unknown. */
function* open(g: Table, isParted = chance(g, 0.5)): Maker<Authorized> {
  const found = yield* authorizePayment(plain(g));
  if (isParted) yield* capturePart(plain(g), found);
  return { ...found, terms: or(g, found.terms, () => ({ ...found.terms, salt: id("another salt") })) };
}

function* capturePart(g: Table, { id: payment, terms }: Authorized, amount?: bigint): Maker<void> {
  const { captured = 0n, voided = 0n } = paymentAt(g, payment) ?? {};
  const part = amount ?? terms.amount / 3n + 1n;
  const order = { id: payment, amount: part, captured, voided, feeBps: 250n, voidRest: false, deadline: FAR };
  const signature = sign(g, g.at.commerce, terms.merchant, "Capture", order);
  yield call(g, g.at.stranger, g.at.commerce, "commerce.capture", [terms, order, signature]);
}

function* dispute(g: Table, { terms }: Authorized): Maker<void> {
  yield call(g, terms.payer, g.at.commerce, "commerce.dispute", [terms]);
}

const capture: Dealer = function* (g) {
  const found = yield* open(g);
  const isDisputed = or(g, false, () => true);
  if (isDisputed) yield* dispute(plain(g), found);
  const payment = paymentAt(g, found.id);
  const remaining = payment === undefined ? 1n : remainingOf(payment);
  const order = {
    ...named(g, found.id),
    amount: or(
      g,
      between(g, 1n, remaining),
      () => 0n,
      () => remaining,
      () => remaining + 1n,
    ),
    feeBps: or(
      g,
      250n,
      () => 99n,
      () => 100n,
      () => 300n,
      () => 301n,
    ),
    voidRest: or(g, chance(g, 0.3), () => true),
  };
  const { commerce, stranger } = g.at;
  const signature = sign(g, commerce, found.terms.merchant, "Capture", order);
  const time = around(g, found.terms.captureBy);
  yield call(g, stranger, commerce, "commerce.capture", [found.terms, order, signature], time);
};

/** The second capture of a payment at another rate than the first; or the decision on its dispute. */
const anotherRate: Dealer = function* (g) {
  const { commerce, stranger, merchant, arbiter } = g.at;
  const { id: payment, terms } = yield* open(plain(g), true);
  const { id: named, ...totals } = { ...totalsOf(g, payment), feeBps: 100n, deadline: FAR };
  const order = { id: named, amount: 1n, voidRest: false, ...totals };
  const signature = sign(g, commerce, merchant, "Capture", order);
  yield call(g, stranger, commerce, "commerce.capture", [terms, order, signature]);
  yield* dispute(plain(g), { id: payment, terms });
  const decision = { id: named, toMerchant: 0n, ...totals };
  const decided = sign(g, commerce, arbiter, "ResolvePayment", decision);
  yield call(g, stranger, commerce, "commerce.resolve", [terms, decision, decided]);
};

function totalsOf(g: Table, payment: Bytes32): { id: Bytes32; captured: bigint; voided: bigint } {
  const { captured = 0n, voided = 0n } = paymentAt(g, payment) ?? {};
  return { id: payment, captured, voided };
}

const charge: Dealer = function* (g) {
  const terms = yield* pickTerms(plain(g));
  const { id: payment, signature } = authorizationOf(g, terms);
  const order = {
    ...named(g, payment),
    amount: or(
      g,
      terms.amount,
      () => 0n,
      () => terms.amount + 1n,
    ),
    feeBps: or(
      g,
      250n,
      () => 99n,
      () => 301n,
    ),
    voidRest: chance(g, 0.3),
  };
  const own = sign(g, g.at.commerce, terms.merchant, "Capture", order);
  yield call(g, g.at.stranger, g.at.commerce, "commerce.charge", [terms, signature, order, own]);
};

const voidPayment: Dealer = function* (g) {
  const found = yield* open(g);
  if (
    or(
      g,
      false,
      () => true,
      () => true,
    )
  )
    yield* dispute(plain(g), found);
  const payment = paymentAt(g, found.id);
  const remaining = payment === undefined ? 1n : remainingOf(payment);
  const order = {
    ...named(g, found.id),
    amount: or(
      g,
      between(g, 1n, remaining),
      () => 0n,
      () => remaining,
      () => remaining + 1n,
    ),
  };
  const { commerce, stranger } = g.at;
  const signature = sign(g, commerce, found.terms.merchant, "Void", order);
  const time = around(g, payment === undefined ? 0n : endOf(payment));
  yield call(g, stranger, commerce, "commerce.void", [found.terms, order, signature], time);
};

const reclaim: Dealer = function* (g) {
  const found = yield* open(g);
  if (or(g, chance(g, 0.3), () => true)) yield* dispute(plain(g), found);
  if (or(g, false, () => true)) yield* captureAll(plain(g), found);
  const payment = paymentAt(g, found.id);
  const end = payment === undefined ? 0n : endOf(payment);
  const time = or(
    g,
    end,
    () => end - 1n,
    () => end + 1n,
    () => now(g),
  );
  yield call(g, g.at.stranger, g.at.commerce, "commerce.reclaim", [found.terms], notBefore(g, time));
};

function* captureAll(g: Table, found: Authorized): Maker<void> {
  const payment = paymentAt(g, found.id);
  if (payment !== undefined) yield* capturePart(g, found, remainingOf(payment));
}

const refund: Dealer = function* (g) {
  const found = yield* open(g, true);
  const { captured = 0n, refunded = 0n } = paymentAt(g, found.id) ?? {};
  const { coin, merchant, refundBy } = found.terms;
  yield* fund(plain(g), coin, captured, merchant);
  if (chance(g, 0.3)) yield* refundPart(plain(g), found, captured / 4n + 1n);
  const before = paymentAt(g, found.id)?.refunded ?? refunded;
  const rest = captured - before;
  const amount = or(
    g,
    rest === 0n ? 1n : between(g, 1n, rest),
    () => 0n,
    () => rest,
    () => rest + 1n,
  );
  const total = or(g, before, () => before + 1n);
  const nonce = refundNonceOf(found.id, total);
  const signature = pull(g, found.terms, { nonce, from: merchant, value: amount, validBefore: refundBy });
  const time = around(g, refundBy);
  yield call(g, g.at.stranger, g.at.commerce, "commerce.refund", [found.terms, amount, total, signature], time);
};

function* refundPart(g: Table, { id: payment, terms }: Authorized, amount: bigint): Maker<void> {
  const refunded = paymentAt(g, payment)?.refunded ?? 0n;
  const nonce = refundNonceOf(payment, refunded);
  const { merchant: from, refundBy: validBefore } = terms;
  const signature = pull(g, terms, { nonce, from, value: amount, validBefore });
  yield call(g, g.at.stranger, g.at.commerce, "commerce.refund", [terms, amount, refunded, signature]);
}

/** A payment that can be disputed; or without an arbiter, disputed already, or of which nothing is left. */
function* disputable(g: Table): Maker<Authorized> {
  const hasArbiter = or(g, true, () => false);
  if (!hasArbiter) {
    const terms = { ...(yield* pickTerms(plain(g))), arbiter: ZERO };
    const { id: payment, signature } = authorizationOf(plain(g), terms);
    yield call(g, g.at.stranger, g.at.commerce, "commerce.authorize", [terms, signature]);
    return { id: payment, terms };
  }
  const found = yield* open(g);
  if (or(g, false, () => true)) yield* dispute(plain(g), found);
  if (or(g, false, () => true)) yield* captureAll(plain(g), found);
  return found;
}

const disputeByCall: Dealer = function* (g) {
  const { terms } = yield* disputable(g);
  const caller = or(g, terms.payer, () => g.at.stranger);
  yield call(g, caller, g.at.commerce, "commerce.dispute", [terms], around(g, terms.captureBy));
};

const disputeBySig: Dealer = function* (g) {
  const found = yield* disputable(g);
  const { captured = 0n, voided = 0n } = paymentAt(g, found.id) ?? {};
  const deadline = pickDeadline(g, FAR);
  const message = { id: found.id, captured: or(g, captured, () => captured + 1n), voided, deadline };
  const signature = sign(g, g.at.commerce, found.terms.payer, "DisputePayment", message);
  const time = around(g, found.terms.captureBy);
  yield call(g, g.at.stranger, g.at.commerce, "commerce.disputeBySig", [found.terms, deadline, signature], time);
};

const resolve: Dealer = function* (g) {
  const found = yield* open(g);
  if (or(g, true, () => false)) yield* dispute(plain(g), found);
  const payment = paymentAt(g, found.id);
  const remaining = payment === undefined ? 1n : remainingOf(payment);
  const order = {
    ...named(g, found.id),
    toMerchant: or(
      g,
      between(g, 0n, remaining),
      () => 0n,
      () => remaining,
      () => remaining + 1n,
    ),
    feeBps: or(
      g,
      250n,
      () => 99n,
      () => 200n,
      () => 301n,
    ),
  };
  const { commerce, stranger, arbiter } = g.at;
  const signature = sign(g, commerce, arbiter, "ResolvePayment", order);
  const time = around(g, found.terms.captureBy + ARBITRATION);
  yield call(g, stranger, commerce, "commerce.resolve", [found.terms, order, signature], time);
};

/** A capture that the merchant, of another family, cannot be paid waits for it; so do the fees of a receiver that cannot be paid. */
const withdrawCredit: Dealer = function* (g) {
  const coin = pickCoin(g);
  const [payer, merchant] = yield* across(plain(g));
  const amount = (coinAt(g, coin).travelLimit * 11n) / 10n + pick(g, [0n, 1n, 999n]);
  const found = yield* authorizePayment(plain(g), { coin, payer, merchant, amount });
  yield* capturePart(plain(g), found, amount);
  const books = g.felt.world.books.get(g.at.commerce)!;
  const credit = books.credits.get(`${coin} ${payer} ${merchant}`) ?? 1n;
  const due = { coin, payer, payee: merchant, amount: credit };
  if (or(g, true, () => false)) yield* attested(plain(g), due);
  const args = [coin, or(g, payer, () => g.at.ice), merchant];
  yield call(g, g.at.stranger, g.at.commerce, "commerce.withdrawCredit", args);
};

const authorize: Dealer = function* (g) {
  yield* authorizePayment(g);
};

export const COMMERCE_DEALERS: Partial<Record<MethodName | "another rate", Dealer>> = {
  "commerce.authorize": authorize,
  "commerce.capture": capture,
  "another rate": anotherRate,
  "commerce.charge": charge,
  "commerce.void": voidPayment,
  "commerce.reclaim": reclaim,
  "commerce.refund": refund,
  "commerce.dispute": disputeByCall,
  "commerce.disputeBySig": disputeBySig,
  "commerce.resolve": resolve,
  "commerce.withdrawCredit": withdrawCredit,
};
