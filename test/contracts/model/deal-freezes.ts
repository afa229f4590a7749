/**
 * Dealers of what roles do in the coin: freezing, lifting, seizing and pausing, by call and by order.
 */
import { id } from "ethers";
import { PAUSE, seizableOf } from "../../model/coin.ts";
import { type Address, type Bytes32, DAY, digestOf, NOTHING, WHOLE, ZERO } from "../../model/frame.ts";
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
  holders,
  type Maker,
  now,
  or,
  pick,
  pickAmount,
  pickCoin,
  pickDeadline,
  pickHolder,
  plain,
  signed,
  type Step,
  type Table,
} from "./table.ts";

interface Freeze {
  account: Address;
  amount: bigint;
  caseId: Bytes32;
  until: bigint;
}

/** A freeze of a holder; or with one thing wrong. No more than two holders are frozen at a time. */
function* pickFreeze(g: Table, coin: Address): Maker<Freeze> {
  const frozen = holders(g).filter((holder) => accountAt(g, coin, holder).freeze !== 0n);
  if (frozen.length > 1) yield* fund(plain(g), coin, 0n, frozen[0]!);
  const max = 2n ** 64n;
  return {
    account: or(
      g,
      pickHolder(g),
      () => ZERO,
      () => g.at.claims,
      () => frozen.at(-1) ?? g.at.ice,
    ),
    amount: or(
      g,
      chance(g, 0.5) ? WHOLE : pickAmount(g),
      () => 0n,
      () => max - 1n,
      () => max,
      () => WHOLE - 1n,
    ),
    caseId: or(g, fresh(g), () => NOTHING),
    until: or(
      g,
      now(g) + between(g, 60n, 3n * DAY),
      () => now(g) + 1n,
      () => now(g),
      () => now(g) - 1n,
    ),
  };
}

/** An account frozen under a case that has not ended. */
function* frozenAccount(g: Table, coin: Address): Maker<Address> {
  const account = pickHolder(g);
  yield* fund(g, coin, pickAmount(g), account);
  const amount = chance(g, 0.5) ? WHOLE : pickAmount(g);
  yield call(g, g.at.freezer, coin, "coin.freeze", [account, amount, fresh(g), now(g) + between(g, 60n, DAY)]);
  return account;
}

const freeze: Dealer = function* (g) {
  const coin = pickCoin(g);
  const { account, amount, caseId, until } = yield* pickFreeze(g, coin);
  const caller = or(g, g.at.freezer, () => g.at.stranger);
  yield call(g, caller, coin, "coin.freeze", [account, amount, caseId, until]);
};

interface Order {
  coin: Address;
  type: StructName;
  method: MethodName;
  role: Address;
  terms: object;
}

/** An order by its role's key; or by a stranger, expired, used before, badly signed. */
function* ordered(g: Table, { coin, type, method, role, terms }: Order, time?: bigint): Generator<Step, void, void> {
  const used = [...g.felt.world.orders].find((key) => key.startsWith(`${coin} ${role} `))?.split(" ")[2];
  const order = {
    ...terms,
    orderId: or(g, fresh(g), () => used ?? fresh(g)),
    deadline: pickDeadline(g, FAR),
  };
  const signer = or(g, role, () => g.at.stranger);
  const signature = signed(g, signer, digestOf(g.felt.world, coin, type, order));
  g.seen.orders.add(`${coin} ${signer} ${order.orderId}`);
  yield call(g, g.at.stranger, coin, method, [order, signer, signature], time);
}

const freezeBySig: Dealer = function* (g) {
  const coin = pickCoin(g);
  const terms = yield* pickFreeze(g, coin);
  const order = { coin, type: "FreezeOrder", method: "coin.freezeBySig", role: g.at.freezer, terms } as const;
  yield* ordered(g, order);
};

/** The account and the case of a freeze; or one that does not exist. */
function* pickCase(g: Table, coin: Address): Maker<{ account: Address; caseId: Bytes32 }> {
  const frozen = yield* frozenAccount(plain(g), coin);
  const account = or(
    g,
    frozen,
    () => g.at.stranger,
    () => g.at.claims,
  );
  return { account, caseId: or(g, accountAt(g, coin, frozen).caseId, () => id("another case")) };
}

const unfreeze: Dealer = function* (g) {
  const coin = pickCoin(g);
  const { account, caseId } = yield* pickCase(g, coin);
  const caller = or(g, g.at.freezer, () => g.at.stranger);
  const time = around(g, accountAt(g, coin, account).until);
  yield call(g, caller, coin, "coin.unfreeze", [account, caseId], time);
};

const unfreezeBySig: Dealer = function* (g) {
  const coin = pickCoin(g);
  const terms = yield* pickCase(g, coin);
  const order = { coin, type: "UnfreezeOrder", method: "coin.unfreezeBySig", role: g.at.freezer, terms } as const;
  yield* ordered(g, order);
};

const releaseExpired: Dealer = function* (g) {
  const coin = pickCoin(g);
  const frozen = yield* frozenAccount(plain(g), coin);
  const { until } = accountAt(g, coin, frozen);
  const time = or(
    g,
    until,
    () => until - 1n,
    () => until + 1n,
  );
  yield call(g, g.at.stranger, coin, "coin.releaseExpired", [or(g, frozen, () => g.at.stranger)], time);
};

/** What to seize, and when: within a freeze; or one unit too much, nothing, too late, from whom nothing is seized. */
function* pickSeizure(g: Table): Maker<{ coin: Address; terms: object; time: bigint }> {
  const coin = or(g, g.at.xus, () => g.at.xgt);
  const { account: frozen, caseId } = yield* pickCase(g, coin);
  const { custody } = g.felt.world.coins.get(coin)!;
  const account = or(g, frozen, () => custody);
  const limit = seizableOf(accountAt(g, coin, account));
  const good = limit === 0n ? 1n : between(g, 1n, limit > 100n * 1_000_000n ? limit / 2n : limit);
  const amount = or(
    g,
    good,
    () => 0n,
    () => limit,
    () => limit + 1n,
  );
  const time = around(g, accountAt(g, coin, frozen).until);
  return { coin, terms: { account, amount, caseId }, time };
}

/** Freezes custody while something is seized, where that is the aim. */
function* withCustody(g: Table, seizure: () => Generator<Step, void, void>): Generator<Step, void, void> {
  const { custody } = g.felt.world.coins.get(g.at.xus)!;
  const isFrozen = or(g, false, () => true);
  if (isFrozen) yield call(g, g.at.freezer, g.at.xus, "coin.freeze", [custody, WHOLE, id("custody"), FAR]);
  yield* seizure();
  if (isFrozen) yield call(g, g.at.freezer, g.at.xus, "coin.unfreeze", [custody, id("custody")]);
}

const seize: Dealer = function* (g) {
  const { coin, terms, time } = yield* pickSeizure(g);
  const { account, amount, caseId } = terms as { account: Address; amount: bigint; caseId: Bytes32 };
  const caller = or(g, g.at.seizer, () => g.at.stranger);
  yield* withCustody(g, function* () {
    const from = time > now(g) ? time : now(g);
    yield call(g, caller, coin, "coin.seize", [account, amount, caseId], from);
  });
};

const seizeBySig: Dealer = function* (g) {
  const { coin, terms, time } = yield* pickSeizure(g);
  const order = { coin, type: "SeizeOrder", method: "coin.seizeBySig", role: g.at.seizer, terms } as const;
  yield* ordered(g, order, time);
};

/** Stops something, deals what it stops and what it does not, and lets it go on. */
export function createPause(others: () => readonly Dealer[], stopped: Record<string, () => readonly Dealer[]>): Dealer {
  return function* (g) {
    const coin = pickCoin(g);
    const name = pick(g, Object.keys(PAUSE)) as keyof typeof PAUSE;
    const bits = or(
      g,
      PAUSE[name],
      () => 0n,
      () => 64n,
      () => 63n,
    );
    yield call(
      g,
      or(g, g.at.pauser, () => g.at.stranger),
      coin,
      "coin.pause",
      [bits],
    );
    const own = { ...plain(g) };
    for (let count = 0; count < 3; count++) {
      yield* pick(g, chance(g, 0.8) ? stopped[name]!() : others())(own);
    }
    const paused = g.felt.world.coins.get(coin)!.paused;
    if (paused !== 0n) yield call(g, g.at.pauser, coin, "coin.unpause", [paused]);
  };
}

const unpause: Dealer = function* (g) {
  const bits = or(
    g,
    pick(g, Object.values(PAUSE)),
    () => 0n,
    () => 64n,
  );
  yield call(
    g,
    or(g, g.at.pauser, () => g.at.stranger),
    pickCoin(g),
    "coin.unpause",
    [bits],
  );
};

export const FREEZE_DEALERS: Partial<Record<MethodName, Dealer>> = {
  "coin.freeze": freeze,
  "coin.freezeBySig": freezeBySig,
  "coin.unfreeze": unfreeze,
  "coin.unfreezeBySig": unfreezeBySig,
  "coin.releaseExpired": releaseExpired,
  "coin.seize": seize,
  "coin.seizeBySig": seizeBySig,
  "coin.unpause": unpause,
};
