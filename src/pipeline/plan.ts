/**
 * Plan: ready intents → committed slots. Owns when a plan is made, what it may cost and how poison is found. Promises that nothing is
 * planned while halted, above the fee cap or beyond a lane's room; an outage is never blamed on an intent.
 */
import type { Address } from "../domain/hex.ts";
import { maxTransactionBytes, protocolGasCap, toBackoffMs } from "../domain/plan.ts";
import type { Chain, Clock, Fees, HeadView, Notify, OpenSlot, ReadyIntent, Store } from "./ports.ts";
import { createCosts, type Lanes, SignFault } from "./sign.ts";
import { accountOf, halvePlan, type Hold, planSlots, type SlotPlan } from "./slots.ts";

export interface PlannerLimits {
  /** Rows of one `settle`. */
  readonly rows: number;
  /** Slots of a lane that are not mined; nodes keep few pending transactions per sender (geth: 16 are always kept). */
  readonly unminedSlots: number;
  /** Slots of a lane that are not final: bounds the hot tables and the follower's look-ups. */
  readonly openSlots: number;
  /** Wei per gas. */
  readonly maxFeePerGas: bigint;
  /** Milliseconds a short batch may wait while its lane is busy: fewer, larger transactions. */
  readonly lingerMs: number;
  /** Intents read at a time. */
  readonly ready: number;
  /** Simulations per tick. */
  readonly simulations: number;
  /** Milliseconds for which prices and gas balances are believed although blocks have come since. */
  readonly marketMs: number;
}

export const defaultPlannerLimits: PlannerLimits = {
  rows: 250,
  unminedSlots: 16,
  openSlots: 1_000,
  maxFeePerGas: 500_000_000_000n,
  lingerMs: 100,
  ready: 4_000,
  simulations: 64,
  // Four blocks of the fastest chain this runs on; what `fees` offers survives five full ones. A busy chain answers late, and all wait for it.
  marketMs: 1_000,
};

/** Pages grow up to this factor while a lane without room fills them, so that it cannot hide the others' work. */
const maxPages = 16;
/** Simulations that may fail for reasons of the provider before the tick gives up. */
const maxFaults = 3;

export interface PlannerParts {
  readonly store: Store;
  readonly chain: Chain;
  readonly lanes: Lanes;
  readonly clock: Clock;
  readonly head: HeadView;
  readonly limits: PlannerLimits;
  readonly wake: () => void;
  readonly notify: Notify;
}

/** What can be spent, read at most once per block. */
interface Market {
  readonly fees: Fees;
  readonly gas: bigint;
  readonly balances: ReadonlyMap<Address, bigint>;
  /** Monotonic milliseconds. */
  readonly readAt: number;
}

async function readMarket({ chain, clock }: PlannerParts, active: readonly Address[]): Promise<Market> {
  const readAt = clock.monotonic();
  const [fees, limit, ...purses] = await Promise.all([
    chain.fees(),
    chain.gasLimit(),
    ...active.map((lane) => chain.gasBalance(lane)),
  ]);
  const balances = new Map(active.map((lane, i) => [lane, purses[i] ?? 0n]));
  // Nine tenths of a block: a transaction that needs all of it waits for an empty one.
  const gas = (limit * 9n) / 10n;
  return { fees, gas: gas < protocolGasCap ? gas : protocolGasCap, balances, readAt };
}

/** Lets plans through that would succeed; finds out which items of the others would not. Never throws for the provider's faults. */
function createVetting({ chain, clock, limits, notify }: PlannerParts) {
  const holds: Hold[] = [];
  let left = limits.simulations;
  let faults = 0;

  async function simulate({ to, data, gas }: SlotPlan): Promise<Hold["reason"] | null | "unknown"> {
    if (left === 0 || faults >= maxFaults) return "unknown";
    left -= 1;
    try {
      return await chain.simulate({ to, data, gas });
    } catch (error) {
      faults += 1;
      notify({ step: "plan", code: "simulation_failed", subject: to, detail: String(error) });
      return "unknown";
    }
  }

  /** A call is always tried first; rows only when something among them has reverted before. */
  async function vet(plan: SlotPlan): Promise<readonly SlotPlan[]> {
    const isSuspect = plan.kind === "call" || plan.items.some(({ reverts }) => reverts > 0);
    const reason = isSuspect ? await simulate(plan) : null;
    if (reason === null) return [plan];
    if (reason === "unknown") return [];
    // A paused coin stops every row alike: there is no poison to look for.
    if (plan.items.length > 1 && reason !== "paused") {
      const [first, second] = halvePlan(plan);
      return [...(await vet(first)), ...(await vet(second))];
    }
    for (const { sequence, holds: count } of plan.items) {
      holds.push({ sequence, reason, until: clock.now() + toBackoffMs(count) });
    }
    return [];
  }

  return { vet, holds };
}

export interface Planner {
  /** Makes one plan and commits its slots. Returns how many were committed. Throws when store, chain or signer are out. */
  tick(): Promise<number>;
  /** Lanes that could not pay for their next slot when it was last planned. */
  short(): ReadonlySet<Address>;
}

/** What a lane can still take and pay; kept for one block, lowered by what is committed meanwhile, zero once it could not pay. */
interface LaneBudget {
  slots: number;
  busy: boolean;
  /** Wei left once everything on its way is paid. */
  purse: bigint;
}
interface Budget {
  /** Slots are on their way that were planned for other lanes than these. */
  readonly moving: boolean;
  readonly market: Market;
  readonly lanes: ReadonlyMap<Address, LaneBudget>;
}

function uniqueAccounts(ready: readonly ReadyIntent[]) {
  const accounts = new Map<string, { readonly coin: Address; readonly address: Address }>();
  for (const item of ready) {
    const account = accountOf(item);
    if (account !== null) accounts.set(`${account.coin}:${account.address}`, account);
  }
  return [...accounts.values()];
}

/**
 * Accounts stick to lanes, and another set of lanes gives many of them another one. What was on its way at the change is waited for, so that an
 * account's order stands: until it is mined, `isMoving` is true. A process that begins while lanes are paused or drained waits once as well.
 */
function createMoves({ store, lanes, limits }: PlannerParts): (active: readonly Address[]) => Promise<boolean> {
  let members: string | null = null;
  let left: ReadonlySet<string> = new Set();

  async function readUnmined(): Promise<ReadonlySet<string>> {
    const unmined = new Set<string>();
    for (const lane of await lanes.watched("lane")) {
      for (const { nonce, state } of await store.readOpenSlots(lane, limits.openSlots)) {
        if (state === "signed" || state === "sent") unmined.add(`${lane}:${nonce}`);
      }
    }
    return unmined;
  }

  return async (active) => {
    const now = active.join();
    const watched = await lanes.watched("lane");
    const isOther = members === null ? watched.length !== active.length : members !== now;
    if (isOther) left = await readUnmined();
    else if (left.size > 0) {
      const unmined = await readUnmined();
      left = new Set([...left].filter((slot) => unmined.has(slot)));
    }
    members = now;
    return left.size > 0;
  };
}

export function createPlanner(parts: PlannerParts): Planner {
  const { store, lanes, clock, head, limits, wake, notify } = parts;
  const toCosts = createCosts();
  let pages = 1;
  let budget: { readonly block: string; readonly value: Budget } | null = null;
  let running: Promise<number> | null = null;
  const isMoving = createMoves(parts);
  const short = new Set<Address>();

  /** Slots are mined with blocks, and committed here: between two blocks the last reading, lowered, stays true. */
  async function readBudget(block: string): Promise<Budget> {
    if (budget?.block === block) return budget.value;
    const active = (await lanes.current()).map(({ address }) => address);
    const before = budget?.value;
    const isFresh =
      before !== undefined &&
      clock.monotonic() - before.market.readAt < limits.marketMs &&
      active.every((lane) => before.market.balances.has(lane));
    const market = isFresh ? before.market : await readMarket(parts, active);
    const read = new Map<Address, LaneBudget>();
    const unmined: OpenSlot[] = [];
    for (const address of active) {
      const open = await store.readOpenSlots(address, limits.openSlots);
      const pending = open.filter(({ state }) => state === "signed" || state === "sent");
      unmined.push(...pending);
      const slots = Math.min(limits.unminedSlots - pending.length, limits.openSlots - open.length);
      const purse = market.balances.get(address) ?? 0n;
      read.set(address, { slots: Math.max(0, slots), busy: pending.length > 0, purse });
    }
    const costs = toCosts(unmined);
    for (const [address, lane] of read) {
      const known = isFresh ? before.lanes.get(address)?.purse : undefined;
      // An old balance does not know what was mined since; what was believed then, lowered by every commit, cannot be too much.
      lane.purse = known ?? lane.purse - (costs.get(address) ?? 0n);
    }
    // Who is short is found out with each block's budget.
    short.clear();
    budget = { block, value: { market, lanes: read, moving: await isMoving(active) } };
    return budget.value;
  }

  async function commitOne(plan: SlotPlan, { market, lanes: left }: Budget): Promise<boolean> {
    const lane = left.get(plan.lane);
    if (lane === undefined || lane.slots === 0) return false;
    const cost = plan.gas * market.fees.maxFeePerGas;
    if (lane.purse < cost) {
      const detail = `short of ${cost - lane.purse} wei for the next slot`;
      notify({ step: "plan", code: "lane_out_of_gas", subject: plan.lane, detail });
      lane.slots = 0;
      short.add(plan.lane);
      return false;
    }
    short.delete(plan.lane);
    try {
      const committed = await lanes.commit({ plan, fees: market.fees, at: clock.now() });
      // Nothing was written: what was believed of the lane, or of the intents, is old.
      if (!committed) budget = null;
      else Object.assign(lane, { slots: lane.slots - 1, busy: true, purse: lane.purse - cost });
      return committed;
    } catch (error) {
      budget = null;
      if (!(error instanceof SignFault)) throw error;
      notify({ step: "sign", code: "not_signed", subject: plan.lane, detail: String(error.cause) });
      return false;
    }
  }

  async function commitAll(planned: readonly SlotPlan[], left: Budget) {
    const vetting = createVetting(parts);
    const closed = new Set<Address>();
    let committed = 0;
    for (const whole of planned) {
      if (closed.has(whole.lane)) continue;
      for (const plan of await vetting.vet(whole)) {
        if (!(await commitOne(plan, left))) {
          // Nothing later may overtake it on its lane.
          closed.add(plan.lane);
          break;
        }
        committed += 1;
      }
    }
    return { committed, holds: vetting.holds };
  }

  /** No more than the lanes can take, twice over: some of it will be held. */
  function toReadLimit(block: string): number {
    if (budget?.block !== block) return limits.ready * pages;
    let slots = 0;
    for (const lane of budget.value.lanes.values()) slots += lane.slots;
    return slots === 0 ? 0 : Math.min(limits.ready, Math.max(500, slots * limits.rows * 2)) * pages;
  }

  async function plan(): Promise<number> {
    const latest = head.latest;
    const limit = latest === null ? 0 : toReadLimit(latest.hash);
    if (latest === null || limit === 0 || (await store.readHalt()) !== null) return 0;
    const ready = await store.readReady({ now: clock.now(), limit });
    if (ready.length === 0) {
      pages = 1;
      short.clear();
      return 0;
    }
    const left = await readBudget(latest.hash);
    if (left.lanes.size === 0) {
      notify({ step: "plan", code: "no_active_lane", subject: "lanes", detail: `${ready.length} intents wait` });
      return 0;
    }
    const { fees, gas } = left.market;
    if (fees.maxFeePerGas > limits.maxFeePerGas) {
      const detail = `${fees.maxFeePerGas} wei per gas, the cap is ${limits.maxFeePerGas}`;
      notify({ step: "plan", code: "fees_above_cap", subject: "fees", detail });
      return 0;
    }
    const { plans, holds } = planSlots({
      ready,
      accounts: await store.readAccounts(uniqueAccounts(ready)),
      lanes: [...left.lanes].map(([address, { slots, busy }]) => ({ address, slots, busy })),
      moving: left.moving,
      limits: { rows: limits.rows, gas, bytes: maxTransactionBytes },
      blockTime: latest.time,
      now: clock.now(),
      lingerMs: limits.lingerMs,
    });
    const done = await commitAll(plans, left);
    const all = [...holds, ...done.holds];
    if (all.length > 0) await store.hold(all);
    pages = ready.length === limit && done.committed === 0 ? Math.min(pages * 2, maxPages) : 1;
    if (done.committed > 0 || all.length > 0) wake();
    return done.committed;
  }

  return {
    tick() {
      running ??= plan().finally(() => {
        running = null;
      });
      return running;
    },
    short: () => short,
  };
}
