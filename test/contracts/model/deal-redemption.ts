/**
 * Dealers of redemptions: locking, each step of the desk by call and by order, the second key, disputes, and what waits to be burned.
 */
import { id } from "ethers";
import { PAUSE } from "../../model/coin.ts";
import { type Address, type Bytes32, DAY, digestOf } from "../../model/frame.ts";
import {
  deadlineOf,
  REDEMPTION_STATE,
  redemptionIdOf,
  type RedemptionState,
  type RedemptionTerms,
} from "../../model/redemption.ts";
import type { StructName } from "../../model/structs.ts";
import type { MethodName } from "./methods.ts";
import { FAR } from "./stage.ts";
import {
  accountAt,
  around,
  between,
  call,
  chance,
  type Dealer,
  fresh,
  fund,
  funded,
  type Maker,
  notBefore,
  now,
  or,
  pickAmount,
  pickCoin,
  pickDeadline,
  plain,
  sign,
  signed,
  type Table,
} from "./table.ts";

const CENT = 10_000n;

interface Locked {
  id: Bytes32;
  terms: RedemptionTerms;
}

/** Locks a redemption; or tries to, with one thing wrong. */
function* lockTerms(g: Table, given: { coin?: Address } = {}): Maker<Locked> {
  const { redemption, stranger } = g.at;
  const coin = given.coin ?? pickCoin(g);
  const amount = (pickAmount(g) / CENT + 1n) * CENT;
  const holder = yield* funded(plain(g), coin, amount);
  const start = now(g);
  const acceptBy = or(
    g,
    start + between(g, 100n, DAY),
    () => start + 1n,
    () => start,
  );
  const payoutBy = or(g, acceptBy + between(g, 100n, DAY), () => acceptBy);
  const limit = start + 30n * DAY;
  const finalBy = or(
    g,
    payoutBy + between(g, 100n, DAY),
    () => payoutBy,
    () => limit,
    () => limit + 1n,
  );
  const terms = {
    coin: or(g, coin, () => stranger),
    holder: or(g, holder, () => g.at.ice),
    amount: or(
      g,
      amount,
      () => 0n,
      () => amount + 1n,
      () => 2n ** 63n,
    ),
    payout: fresh(g),
    acceptBy,
    payoutBy,
    finalBy,
    salt: fresh(g),
  };
  const locked = { id: redemptionIdOf(g.felt.world, redemption, terms), terms };
  g.seen.redemptions.add(locked.id);
  g.seen.nonces.add(`${coin} ${terms.holder} ${BigInt(locked.id)}`);
  const a = { from: terms.holder, to: redemption, value: terms.amount, validAfter: 0n, validBefore: acceptBy };
  const signature = sign(g, coin, terms.holder, "ReceiveWithAuthorization", { ...a, nonce: locked.id });
  const time = around(g, acceptBy);
  yield call(g, stranger, redemption, "redemption.lock", [terms, signature], time);
  if (or(g, false, () => true)) yield call(g, stranger, redemption, "redemption.lock", [terms, signature]);
  return locked;
}

const lock: Dealer = function* (g) {
  yield* lockTerms(g);
};

/** A redemption brought into a state the honest way. */
function* reach(g: Table, state: RedemptionState, given: { coin?: Address } = {}): Maker<Locked> {
  const { redemption, agent, both, cosigner } = g.at;
  const found = yield* lockTerms(g, given);
  if (state === "locked") return found;
  yield call(g, agent, redemption, "redemption.accept", [found.id]);
  if (state === "accepted") return found;
  const limit = g.felt.world.redemptions.limits.get(found.terms.coin);
  if (limit !== undefined && found.terms.amount >= limit) {
    yield call(g, cosigner, redemption, "redemption.approve", [found.id]);
  }
  yield call(g, chance(g, 0.5) ? agent : both, redemption, "redemption.markSent", [found.id, fresh(g)]);
  if (state === "sent") return found;
  yield call(g, found.terms.holder, redemption, "redemption.dispute", [found.id]);
  return found;
}

/** A redemption in `state`, its id and its deadline; or one in another state, or none. */
function* pickIn(g: Table, state: RedemptionState): Maker<Locked & { deadline: bigint }> {
  const other = state === "sent" ? "locked" : "sent";
  const isOther = or(g, false, () => true);
  const found = yield* reach(plain(g), isOther ? other : state);
  const named = or(g, found.id, () => id("no redemption"));
  g.seen.redemptions.add(named);
  const known = g.felt.world.redemptions.byId.get(found.id);
  return { ...found, id: named, deadline: (known === undefined ? undefined : deadlineOf(known)) ?? 0n };
}

interface Desk {
  method: MethodName;
  state: RedemptionState;
  role: Address;
  /** Arguments after the id. */
  args?: readonly unknown[];
}

function* byCall(g: Table, { method, state, role, args = [] }: Desk): Maker<void> {
  const found = yield* pickIn(g, state);
  const caller = or(g, role, () => g.at.stranger);
  yield call(g, caller, g.at.redemption, method, [found.id, ...args], around(g, found.deadline));
}

interface Order extends Omit<Desk, "args"> {
  type: StructName;
  members?: object;
}

/** As by call, by an order; or by one that is expired, of a stranger, badly signed. */
function* byOrder(g: Table, { method, type, state, role, members = {} }: Order): Maker<void> {
  const found = yield* pickIn(g, state);
  const order = { id: found.id, ...members, deadline: pickDeadline(g, FAR) };
  const signer = or(g, role, () => g.at.stranger);
  const signature = signed(g, signer, digestOf(g.felt.world, g.at.redemption, type, order));
  const time = around(g, found.deadline);
  yield call(g, g.at.stranger, g.at.redemption, method, [order, signer, signature], time);
}

const accept: Dealer = function* (g) {
  yield* byCall(g, { method: "redemption.accept", state: "locked", role: g.at.agent });
};
const acceptBySig: Dealer = function* (g) {
  const [method, type, state] = ["redemption.acceptBySig", "AcceptOrder", "locked"] as const;
  yield* byOrder(g, { method, type, state, role: g.at.agent });
};
const reject: Dealer = function* (g) {
  const state = chance(g, 0.5) ? "locked" : "accepted";
  yield* byCall(g, { method: "redemption.reject", state, role: g.at.agent, args: [id("the reason")] });
};
const rejectBySig: Dealer = function* (g) {
  const state = chance(g, 0.5) ? "locked" : "accepted";
  const named =
    REDEMPTION_STATE[
      or<RedemptionState>(
        g,
        state,
        () => "sent",
        () => (state === "locked" ? "accepted" : "locked"),
      )
    ];
  const members = { state: named, reason: id("the reason") };
  const [method, type] = ["redemption.rejectBySig", "RejectOrder"] as const;
  yield* byOrder(g, { method, type, state, role: g.at.agent, members });
};
const approve: Dealer = function* (g) {
  yield* byCall(g, { method: "redemption.approve", state: "accepted", role: g.at.cosigner });
};
const approveBySig: Dealer = function* (g) {
  const [method, type, state] = ["redemption.approveBySig", "ApproveOrder", "accepted"] as const;
  yield* byOrder(g, { method, type, state, role: g.at.cosigner });
};
/** A second approval of the same redemption. */
const approveTwice: Dealer = function* (g) {
  const { redemption, cosigner, both } = g.at;
  const found = yield* reach(plain(g), "accepted");
  yield call(g, cosigner, redemption, "redemption.approve", [found.id]);
  yield call(
    g,
    or(g, both, () => cosigner),
    redemption,
    "redemption.approve",
    [found.id],
  );
};
const markSent: Dealer = function* (g) {
  yield* byCall(g, { method: "redemption.markSent", state: "accepted", role: g.at.agent, args: [fresh(g)] });
};
const markSentBySig: Dealer = function* (g) {
  const [method, type, state] = ["redemption.markSentBySig", "MarkSentOrder", "accepted"] as const;
  yield* byOrder(g, { method, type, state, role: g.at.agent, members: { bankReference: fresh(g) } });
};
/** At the limit of the second key: approved by another, by the same, by nobody; at the limit, above and below. */
const markSentAtLimit: Dealer = function* (g) {
  const { redemption, governor, cosigner, both } = g.at;
  const found = yield* reach(plain(g), "accepted");
  const { coin, amount } = found.terms;
  const limit = or(
    g,
    amount,
    () => amount + 1n,
    () => amount - 1n,
  );
  yield call(g, governor, redemption, "redemption.setSecondKeyLimit", [coin, limit]);
  const approver = or<Address | undefined>(
    g,
    cosigner,
    () => both,
    () => undefined,
  );
  if (approver !== undefined) yield call(g, approver, redemption, "redemption.approve", [found.id]);
  yield call(g, both, redemption, "redemption.markSent", [found.id, fresh(g)]);
};
const confirm: Dealer = function* (g) {
  yield* byCall(g, { method: "redemption.confirm", state: "sent", role: g.at.agent, args: [fresh(g)] });
};
const confirmBySig: Dealer = function* (g) {
  const [method, type, state] = ["redemption.confirmBySig", "ConfirmOrder", "sent"] as const;
  yield* byOrder(g, { method, type, state, role: g.at.agent, members: { bankReference: fresh(g) } });
};
const resolve: Dealer = function* (g) {
  const args = [chance(g, 0.5), fresh(g)];
  yield* byCall(g, { method: "redemption.resolve", state: "disputed", role: g.at.arbiter, args });
};
const resolveBySig: Dealer = function* (g) {
  const members = { paid: chance(g, 0.5), ref: fresh(g) };
  const [method, type, state] = ["redemption.resolveBySig", "ResolveOrder", "disputed"] as const;
  yield* byOrder(g, { method, type, state, role: g.at.arbiter, members });
};

/** What the holder does itself, by call. */
function byHolder(method: MethodName, state: RedemptionState): Dealer {
  return function* (g) {
    const found = yield* pickIn(g, state);
    const caller = or(g, found.terms.holder, () => g.at.stranger);
    yield call(g, caller, g.at.redemption, method, [found.id], around(g, found.deadline));
  };
}

/** The same by the holder's signature. */
function byHolderSigned(method: MethodName, type: StructName, state: RedemptionState): Dealer {
  return function* (g) {
    const found = yield* pickIn(g, state);
    const deadline = pickDeadline(g, FAR);
    const message = { id: found.id, deadline };
    const signature = sign(g, g.at.redemption, found.terms.holder, type, message);
    const time = around(g, found.deadline);
    yield call(g, g.at.stranger, g.at.redemption, method, [found.id, deadline, signature], time);
  };
}

function reclaim(state: RedemptionState): Dealer {
  return function* (g) {
    const found = yield* pickIn(g, state);
    const end = found.deadline;
    const time = or(
      g,
      end,
      () => end - 1n,
      () => end + 1n,
      () => now(g),
    );
    yield call(g, g.at.stranger, g.at.redemption, "redemption.reclaim", [found.id], notBefore(g, time));
  };
}

/** Confirmed while the coin's burning is paused: the amount waits and is burned later. */
const burnPending: Dealer = function* (g) {
  const { redemption, pauser, agent, stranger } = g.at;
  const found = yield* reach(plain(g), "sent");
  const { coin } = found.terms;
  yield call(g, pauser, coin, "coin.pause", [PAUSE.burn]);
  yield call(g, agent, redemption, "redemption.confirm", [found.id, fresh(g)]);
  const isPaused = or(g, false, () => true);
  if (!isPaused) yield call(g, pauser, coin, "coin.unpause", [PAUSE.burn]);
  yield call(g, stranger, redemption, "redemption.burnPending", [coin]);
  if (isPaused) yield call(g, pauser, coin, "coin.unpause", [PAUSE.burn]);
  yield call(g, stranger, redemption, "redemption.burnPending", [coin]);
};

const setSecondKeyLimit: Dealer = function* (g) {
  const coin = pickCoin(g);
  const limit = or(
    g,
    100n * 1_000_000n,
    () => 0n,
    () => 2n ** 256n - 1n,
  );
  const caller = or(g, g.at.governor, () => g.at.stranger);
  yield call(g, caller, g.at.redemption, "redemption.setSecondKeyLimit", [or(g, coin, () => g.at.stranger), limit]);
  yield call(g, g.at.governor, g.at.redemption, "redemption.setSecondKeyLimit", [coin, 2n ** 256n - 1n]);
};

/** A return goes to its payer, which nothing refuses: there is no credit unless the escrow's coins are gone. */
const withdrawCredit: Dealer = function* (g) {
  const { redemption, agent, stranger } = g.at;
  const coin = g.at.xgt;
  const found = yield* reach(plain(g), "locked", { coin });
  const spare = accountAt(g, coin, redemption).balance;
  // as if the coin had lost them: what the escrow holds is burned under it by its own power
  yield call(g, redemption, coin, "coin.burn", [spare]);
  yield call(g, agent, redemption, "redemption.reject", [found.id, id("the reason")]);
  const { holder } = found.terms;
  if (or(g, true, () => false)) {
    yield* fund(plain(g), coin, spare, g.at.treasury);
    yield* refill(plain(g), coin, spare);
  }
  yield call(g, stranger, redemption, "redemption.withdrawCredit", [coin, or(g, holder, () => agent), holder]);
  if (accountAt(g, coin, redemption).balance < spare) yield* refill(plain(g), coin, spare);
};

/** Gives an escrow coins that it owes nobody: only the escrow itself can take them in. */
function* refill(g: Table, coin: Address, amount: bigint): Maker<void> {
  const { redemption, treasury } = g.at;
  yield* fund(g, coin, amount, treasury);
  yield call(g, treasury, coin, "coin.approve", [redemption, amount]);
  yield call(g, redemption, coin, "coin.transferFrom", [treasury, redemption, amount]);
}

export const REDEMPTION_DEALERS: Record<string, Dealer> = {
  "redemption.lock": lock,
  "redemption.cancel": byHolder("redemption.cancel", "locked"),
  "redemption.cancelBySig": byHolderSigned("redemption.cancelBySig", "CancelRedemption", "locked"),
  "redemption.accept": accept,
  "redemption.acceptBySig": acceptBySig,
  "redemption.reject": reject,
  "redemption.rejectBySig": rejectBySig,
  "redemption.approve": approve,
  "redemption.approveBySig": approveBySig,
  "approve twice": approveTwice,
  "redemption.markSent": markSent,
  "redemption.markSentBySig": markSentBySig,
  "mark sent at the limit": markSentAtLimit,
  "redemption.confirm": confirm,
  "redemption.confirmBySig": confirmBySig,
  "redemption.dispute": byHolder("redemption.dispute", "sent"),
  "redemption.disputeBySig": byHolderSigned("redemption.disputeBySig", "DisputeRedemption", "sent"),
  "redemption.resolve": resolve,
  "redemption.resolveBySig": resolveBySig,
  "reclaim locked": reclaim("locked"),
  "reclaim accepted": reclaim("accepted"),
  "reclaim sent": reclaim("sent"),
  "reclaim disputed": reclaim("disputed"),
  "redemption.burnPending": burnPending,
  "redemption.setSecondKeyLimit": setSecondKeyLimit,
  "redemption.withdrawCredit": withdrawCredit,
};
