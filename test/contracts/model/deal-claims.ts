/**
 * Dealers of claims: links with coins in them, and every way out of one. Also of credits, which all escrows have.
 */
import { id } from "ethers";
import { type ClaimTerms, claimIdOf } from "../../model/claims.ts";
import { type Address, type Bytes32, DAY, ZERO } from "../../model/frame.ts";
import type { MethodName } from "./methods.ts";
import { across, attested } from "./deal-registry.ts";
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
  now,
  or,
  pickAmount,
  pickCoin,
  pickDeadline,
  pickHolder,
  plain,
  sign,
  type Table,
} from "./table.ts";

const LIMIT = 180n * DAY;

interface Opened {
  id: Bytes32;
  terms: ClaimTerms;
}

/** Opens a claim; or tries to, with one thing wrong. */
export function* openClaim(g: Table, given: { sender?: Address; amount?: bigint; coin?: Address } = {}): Maker<Opened> {
  const { claims, stranger, link, attestor } = g.at;
  const coin = given.coin ?? pickCoin(g);
  const amount = given.amount ?? pickAmount(g);
  if (given.sender !== undefined) yield* fund(plain(g), coin, amount, given.sender);
  const sender = given.sender ?? (yield* funded(plain(g), coin, amount));
  const from = now(g);
  const expiry = or(
    g,
    from + between(g, 60n, 5n * DAY),
    () => from + LIMIT,
    () => from + LIMIT + 1n,
    () => from + 1n,
    () => from,
  );
  const terms = {
    coin: or(g, coin, () => stranger),
    sender: or(g, sender, () => g.at.ice),
    amount: or(
      g,
      amount,
      () => 0n,
      () => 2n ** 63n,
      () => 2n ** 63n - 1n,
    ),
    linkKey: or(g, link, () => ZERO),
    attestor: chance(g, 0.5) ? attestor : ZERO,
    handle: fresh(g),
    cancelFrom: or(
      g,
      chance(g, 0.5) ? 0n : from + 30n,
      () => expiry,
      () => expiry + 1n,
    ),
    expiry,
    salt: fresh(g),
  };
  const opened = { id: claimIdOf(g.felt.world, claims, terms), terms };
  g.seen.claims.add(opened.id);
  g.seen.nonces.add(`${coin} ${terms.sender} ${BigInt(opened.id)}`);
  const a = { from: terms.sender, to: claims, value: terms.amount, validAfter: 0n, validBefore: expiry };
  const signature = sign(g, coin, terms.sender, "ReceiveWithAuthorization", { ...a, nonce: opened.id });
  yield call(g, stranger, claims, "claims.open", [terms, signature]);
  if (or(g, false, () => true)) yield call(g, stranger, claims, "claims.open", [terms, signature]);
  return opened;
}

const open: Dealer = function* (g) {
  yield* openClaim(g);
};

/** An open claim and its id; or the id of one that is closed, or of none. */
function* pickClaim(g: Table): Maker<Opened> {
  const found = yield* openClaim(plain(g));
  const closed = [...g.felt.world.claims].find(([, { state }]) => state !== "open")?.[0];
  const wrong = or<Bytes32>(
    g,
    found.id,
    () => closed ?? id("no claim"),
    () => id("no claim"),
  );
  g.seen.claims.add(wrong);
  return { ...found, id: wrong };
}

const claim: Dealer = function* (g) {
  const { claims, stranger, swap, ice } = g.at;
  const found = yield* pickClaim(g);
  const { terms } = found;
  const order = {
    id: found.id,
    recipient: or(
      g,
      pickHolder(g),
      () => ZERO,
      () => claims,
      () => terms.coin,
      () => swap,
      () => ice,
    ),
    deadline: pickDeadline(g, FAR),
  };
  const own = sign(g, claims, terms.linkKey, "ClaimTo", order);
  const theirs = sign(g, claims, g.at.attestor, "AttestClaim", order);
  yield call(g, stranger, claims, "claims.claim", [order, own, theirs], around(g, terms.expiry));
};

const decline: Dealer = function* (g) {
  const { claims, stranger } = g.at;
  const found = yield* pickClaim(g);
  const deadline = pickDeadline(g, FAR);
  const signature = sign(g, claims, found.terms.linkKey, "DeclineClaim", { id: found.id, deadline });
  const time = around(g, found.terms.expiry);
  yield call(g, stranger, claims, "claims.decline", [found.id, deadline, signature], time);
};

const cancel: Dealer = function* (g) {
  const found = yield* pickClaim(g);
  const { sender, cancelFrom, expiry } = found.terms;
  const caller = or(g, sender, () => g.at.stranger);
  const time = or(g, cancelFrom, () => now(g));
  yield call(
    g,
    caller,
    g.at.claims,
    "claims.cancel",
    [found.id],
    or(g, time, () => around(g, cancelFrom, expiry)),
  );
};

const cancelAtDeadline: Dealer = function* (g) {
  const found = yield* pickClaim(plain(g));
  const { sender, cancelFrom, expiry } = found.terms;
  yield call(g, sender, g.at.claims, "claims.cancel", [found.id], around(g, cancelFrom, expiry));
};

const cancelBySig: Dealer = function* (g) {
  const { claims, stranger } = g.at;
  const found = yield* pickClaim(g);
  const { sender, cancelFrom, expiry } = found.terms;
  const deadline = pickDeadline(g, FAR);
  const signature = sign(g, claims, sender, "CancelClaim", { id: found.id, deadline });
  const late = around(g, cancelFrom, expiry);
  const time = late === now(g) && g.aim === 0 ? cancelFrom : late;
  yield call(g, stranger, claims, "claims.cancelBySig", [found.id, deadline, signature], time);
};

const reclaim: Dealer = function* (g) {
  const found = yield* pickClaim(g);
  const { expiry } = found.terms;
  const time = or(
    g,
    expiry,
    () => expiry - 1n,
    () => expiry + 1n,
    () => now(g),
  );
  yield call(g, g.at.stranger, g.at.claims, "claims.reclaim", [found.id], time);
};

/** A claim that could not be paid to its recipient, who is of another family, is withdrawn once the payment is attested. */
export function* credited(g: Table): Maker<{ coin: Address; payer: Address; party: Address; amount: bigint }> {
  const { claims, stranger } = g.at;
  const coin = pickCoin(g);
  const [payer, party] = yield* across(g);
  const amount = coinAt(g, coin).travelLimit + between(g, 0n, 1_000_000n);
  const found = yield* openClaim(g, { sender: payer, amount, coin });
  const order = { id: found.id, recipient: party, deadline: FAR };
  const own = sign(g, claims, found.terms.linkKey, "ClaimTo", order);
  const theirs = sign(g, claims, g.at.attestor, "AttestClaim", order);
  yield call(g, stranger, claims, "claims.claim", [order, own, theirs]);
  const credit = g.felt.world.books.get(claims)!.credits.get(`${coin} ${payer} ${party}`) ?? amount;
  return { coin, payer, party, amount: credit };
}

const withdrawCredit: Dealer = function* (g) {
  const { coin, payer, party, amount } = yield* credited(plain(g));
  if (or(g, true, () => false)) yield* attested(plain(g), { coin, payer, payee: party, amount });
  const args = [coin, or(g, payer, () => g.at.ice), or(g, party, () => g.at.stranger)];
  yield call(g, g.at.stranger, g.at.claims, "claims.withdrawCredit", args);
};

export const CLAIM_DEALERS: Partial<Record<MethodName | "cancel at its deadlines", Dealer>> = {
  "claims.open": open,
  "claims.claim": claim,
  "claims.decline": decline,
  "claims.cancel": cancel,
  "cancel at its deadlines": cancelAtDeadline,
  "claims.cancelBySig": cancelBySig,
  "claims.reclaim": reclaim,
  "claims.withdrawCredit": withdrawCredit,
};
