/**
 * The table at which operations are dealt: chance from a seed, and an aim. Owns how a dealer says what is good and what is bad about each
 * choice. Promises that the same seed and aim deal the same operation on the same world, and that at most one choice is bad on
 * purpose; what comes of it, the model says.
 */
import { id } from "ethers";
import { type Account, accountOf, availableOf, type Coin, MAX_SKIP, WINDOW_NONCES } from "../../model/coin.ts";
import { type Address, type Bytes32, digestOf, type Signature, type World } from "../../model/frame.ts";
import type { StructName } from "../../model/structs.ts";
import type { MethodName } from "./methods.ts";
import type { Seen } from "./sight.ts";
import { COIN, HOLDERS, type Stage } from "./stage.ts";

/** One call, before it is known how it ends. */
export interface Step {
  method: MethodName;
  from: Address;
  to: Address;
  args: readonly unknown[];
  time: bigint;
}

/** Deals an operation and whatever has to happen before it. Each step is played before the dealer goes on. */
export type Dealer = (g: Table) => Generator<Step, void, void>;
/** A dealer of something that other dealers build on. */
export type Maker<T> = Generator<Step, T, void>;

interface Felt {
  world: World;
  random: () => number;
  fresh: number;
}

export interface Table {
  readonly stage: Stage;
  readonly at: Stage["at"];
  readonly seen: Seen;
  readonly felt: Felt;
  readonly seed: number;
  /** The number of the bad choice to take; 0 is none. */
  readonly aim: number;
  /** Bad choices offered so far. */
  readonly offered: { count: number };
}

/** Numbers in [0, 1) from a seed (mulberry32). */
function createRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

export function createTable(given: { stage: Stage; world: World; seen: Seen; seed: number; aim: number }): Table {
  const { stage, world, seen, seed, aim } = given;
  const felt = { world, random: createRandom(seed), fresh: 0 };
  return { stage, at: stage.at, seen, seed, aim, felt, offered: { count: 0 } };
}

/** The same table for what has to happen before: nothing is bad on purpose. */
export function plain(g: Table): Table {
  return { ...g, aim: 0 };
}

/** The same table for a part of an operation, such as a row: now and then one of its choices is bad. */
export function loose(g: Table, most: number): Table {
  const aim = chance(g, 0.5) ? 1 + Math.floor(g.felt.random() * most) : 0;
  return { ...g, aim, offered: { count: 0 } };
}

// ------------------------------------------------------------------------------------------------ chance and aim

export function chance(g: Table, likelihood: number): boolean {
  return g.felt.random() < likelihood;
}

export function pick<T>(g: Table, list: readonly T[]): T {
  const found = list[Math.floor(g.felt.random() * list.length)];
  if (found === undefined) throw new Error("nothing to pick from");
  return found;
}

/** The good choice, or the bad one that is aimed at. */
export function or<T>(g: Table, good: T, ...bads: (() => T)[]): T {
  if (g.aim === 0) return good;
  const index = g.aim - 1 - g.offered.count;
  g.offered.count += bads.length;
  return bads[index]?.() ?? good;
}

/** A number from `low` to `high`. */
export function between(g: Table, low: bigint, high: bigint): bigint {
  return low + BigInt(Math.floor(g.felt.random() * Number(high - low + 1n)));
}

/** 32 bytes that were never dealt before. */
export function fresh(g: Table): Bytes32 {
  g.felt.fresh += 1;
  return id(`${g.seed} ${g.felt.fresh} ${g.felt.world.time}`);
}

// ------------------------------------------------------------------------------------------------------- time

/** When the next step happens unless it waits. */
export function now(g: Table): bigint {
  return g.felt.world.time + 1n;
}

/** Now, or the second before, of or after one of `deadlines`; never the past. */
export function around(g: Table, ...deadlines: bigint[]): bigint {
  const bads = deadlines.flatMap((deadline) => [-1n, 0n, 1n].map((offset) => () => deadline + offset));
  return notBefore(g, or(g, now(g), ...bads));
}

export function notBefore(g: Table, time: bigint): bigint {
  return time > now(g) ? time : now(g);
}

// ---------------------------------------------------------------------------------------------------- accounts

export function coinAt(g: Table, coin: Address): Coin {
  const found = g.felt.world.coins.get(coin);
  if (found === undefined) throw new Error(`no coin at ${coin}`);
  return found;
}

export function accountAt(g: Table, coin: Address, address: Address): Account {
  return accountOf(coinAt(g, coin), address);
}

export function pickCoin(g: Table): Address {
  return pick(g, [g.at.xus, g.at.xgt]);
}

export function holders(g: Table): Address[] {
  return HOLDERS.map((name) => g.at[name]);
}

export function pickHolder(g: Table, ...not: Address[]): Address {
  return pick(
    g,
    holders(g).filter((holder) => !not.includes(holder)),
  );
}

/** Coins below the limit of the travel rule. */
export function pickAmount(g: Table): bigint {
  return between(g, 1n, 180n * COIN);
}

/** A holder of `amount` that may be spent, other than `not`. */
export function* funded(g: Table, coin: Address, amount: bigint, ...not: Address[]): Maker<Address> {
  const all = holders(g).filter((holder) => !not.includes(holder));
  const free = all.filter((holder) => accountAt(g, coin, holder).freeze === 0n);
  const holder = free.length > 0 ? pick(g, free) : pick(g, all);
  yield* fund(g, coin, amount, holder);
  return holder;
}

/** Makes sure that `holder` can spend `amount`. */
export function* fund(g: Table, coin: Address, amount: bigint, holder: Address): Maker<void> {
  const { freeze, caseId } = accountAt(g, coin, holder);
  if (freeze !== 0n) yield call(g, g.at.freezer, coin, "coin.unfreeze", [holder, caseId]);
  if (availableOf(accountAt(g, coin, holder)) >= amount) return;
  yield call(g, g.at.treasury, coin, "coin.mint", [holder, amount * 4n]);
}

/** Who can be paid, and who cannot. */
export function pickPayee(g: Table, coin: Address, from: Address): Address {
  const { ice, claims } = g.at;
  const zero = `0x${"00".repeat(20)}`;
  return or(
    g,
    pickHolder(g, from),
    () => zero,
    () => coin,
    () => ice,
    () => claims,
    () => from,
  );
}

/** `good` or an amount at one of the limits of what `from` can pay. */
export function limits(g: Table, coin: Address, from: Address, good: bigint): bigint {
  const { balance } = accountAt(g, coin, from);
  const { travelLimit } = coinAt(g, coin);
  const edges = [0n, balance, balance + 1n, travelLimit === 0n ? 0n : travelLimit - 1n, travelLimit, travelLimit + 1n];
  return or(g, good, ...edges.map((edge) => () => edge));
}

// ------------------------------------------------------------------------------------------ signatures and nonces

/** The signature of `signer` on `digest`; or of a stranger, or on something else. */
export function signed(g: Table, signer: Address, digest: Bytes32): Signature {
  const owner = g.felt.world.owners.get(signer) ?? signer;
  const key = g.stage.keys.has(owner) ? owner : g.at.stranger;
  return or(
    g,
    { key, digest },
    () => ({ key: g.at.stranger, digest }),
    () => ({ key, digest: id(digest) }),
  );
}

export function sign(g: Table, contract: Address, signer: Address, type: StructName, message: object): Signature {
  return signed(g, signer, digestOf(g.felt.world, contract, type, message));
}

/** An unspent nonce of either lane; or one that is spent, the window's last, or the first beyond. */
export function pickNonce(g: Table, coin: Address, from: Address): bigint {
  const { base, spent } = accountAt(g, coin, from);
  const wide = BigInt(fresh(g));
  const good = base > MAX_SKIP || chance(g, 0.3) ? wide : base;
  const used = [...spent];
  const chosen = or(
    g,
    chance(g, 0.3) ? good + 2n : good,
    () => used.at(-1) ?? WINDOW_NONCES - 1n,
    () => used.find((nonce) => nonce >= WINDOW_NONCES) ?? base + 1n,
    () => (base === 0n ? 1n : base - 1n),
    () => base + 63n,
    () => base + 64n,
  );
  g.seen.nonces.add(`${coin} ${from} ${chosen}`);
  return chosen;
}

// ------------------------------------------------------------------------------------------------------ calls

export function call(
  g: Table,
  from: Address,
  to: Address,
  method: MethodName,
  args: readonly unknown[],
  time = now(g),
): Step {
  return { from, to, method, args, time };
}

/** An inclusive deadline that is far away; or this second, or the last. */
export function pickDeadline(g: Table, far: bigint): bigint {
  return or(
    g,
    far,
    () => now(g),
    () => now(g) - 1n,
  );
}
