/**
 * Plan: ready intents → committed slots. Owns when a plan is made, what it may cost and how poison is found. Promises that nothing is
 * planned while halted, above the fee cap or beyond a lane's room; an outage is never blamed on an intent.
 */
import type { Address } from "../domain/hex.ts";
import { maxTransactionBytes, protocolGasCap, toBackoffMs } from "../domain/plan.ts";
import type { Chain, Clock, Fees, HeadView, Notify, OpenSlot, ReadyIntent, Store } from "./ports.ts";
import { createCosts, type Lanes, SignFault } from "./sign.ts";
import { accountOf, halvePlan, type Hold, type LaneRoom, planSlots, type SlotPlan } from "./slots.ts";

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
}

export const defaultPlannerLimits: PlannerLimits = {
  rows: 250,
  unminedSlots: 16,
  openSlots: 1_000,
  maxFeePerGas: 500_000_000_000n,
  lingerMs: 100,
  ready: 4_000,
  simulations: 64,
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

/** What a tick may spend, read at most once per block. */
interface Market {
  readonly fees: Fees;
  readonly gas: bigint;
  readonly balances: ReadonlyMap<Address, bigint>;
}

function createMarket({ chain, lanes, head }: PlannerParts): () => Promise<Market> {
  let market: Market | null = null;
  let block: string | null = null;
  return async () => {
    if (market !== null && block !== null && block === head.latest?.hash) return market;
    const seen = head.latest?.hash ?? null;
    const [fees, limit] = [await chain.fees(), await chain.gasLimit()];
    const balances = new Map<Address, bigint>();
    for (const lane of lanes.addresses) balances.set(lane, await chain.gasBalance(lane));
    // Nine tenths of a block: a transaction that needs all of it waits for an empty one.
    const gas = (limit * 9n) / 10n;
    market = { fees, gas: gas < protocolGasCap ? gas : protocolGasCap, balances };
    block = seen;
    return market;
  };
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
}

interface Budget {
  readonly fees: Fees;
  readonly rooms: readonly LaneRoom[];
  /** Wei each lane has left once everything on its way is paid. */
  readonly purses: Map<Address, bigint>;
}

function uniqueAccounts(ready: readonly ReadyIntent[]) {
  const accounts = new Map<string, { readonly coin: Address; readonly address: Address }>();
  for (const item of ready) {
    const account = accountOf(item);
    if (account !== null) accounts.set(`${account.coin}:${account.address}`, account);
  }
  return [...accounts.values()];
}

export function createPlanner(parts: PlannerParts): Planner {
  const { store, lanes, clock, head, limits, wake, notify } = parts;
  const readMarket = createMarket(parts);
  const toCosts = createCosts();
  let pages = 1;
  let running: Promise<number> | null = null;

  /** What each lane can still take and pay. */
  async function readBudget(market: Market): Promise<Budget> {
    const rooms: LaneRoom[] = [];
    const purses = new Map<Address, bigint>();
    const unmined: OpenSlot[] = [];
    for (const { address } of await lanes.current()) {
      const open = await store.readOpenSlots(address, limits.openSlots);
      const pending = open.filter(({ state }) => state === "signed" || state === "sent");
      unmined.push(...pending);
      const slots = Math.min(limits.unminedSlots - pending.length, limits.openSlots - open.length);
      rooms.push({ address, slots: Math.max(0, slots), busy: pending.length > 0 });
    }
    const costs = toCosts(unmined);
    for (const { address } of rooms) {
      purses.set(address, (market.balances.get(address) ?? 0n) - (costs.get(address) ?? 0n));
    }
    return { fees: market.fees, rooms, purses };
  }

  async function commitOne(plan: SlotPlan, fees: Fees): Promise<boolean> {
    try {
      return await lanes.commit({ plan, fees, at: clock.now() });
    } catch (error) {
      if (!(error instanceof SignFault)) throw error;
      notify({ step: "sign", code: "not_signed", subject: plan.lane, detail: String(error.cause) });
      return false;
    }
  }

  async function commitAll(planned: readonly SlotPlan[], budget: Budget) {
    const left = new Map(budget.rooms.map(({ address, slots }) => [address, slots]));
    const vetting = createVetting(parts);
    const closed = new Set<Address>();
    let committed = 0;
    for (const whole of planned) {
      if (closed.has(whole.lane)) continue;
      for (const plan of await vetting.vet(whole)) {
        const room = left.get(plan.lane) ?? 0;
        const purse = (budget.purses.get(plan.lane) ?? 0n) - plan.gas * budget.fees.maxFeePerGas;
        if (purse < 0n) {
          const detail = `short of ${-purse} wei for the next slot`;
          notify({ step: "plan", code: "lane_out_of_gas", subject: plan.lane, detail });
        }
        const fits = room > 0 && purse >= 0n;
        if (!fits || !(await commitOne(plan, budget.fees))) {
          // Nothing later may overtake it on its lane.
          closed.add(plan.lane);
          break;
        }
        left.set(plan.lane, room - 1);
        budget.purses.set(plan.lane, purse);
        committed += 1;
      }
    }
    return { committed, holds: vetting.holds };
  }

  async function plan(): Promise<number> {
    const latest = head.latest;
    if (latest === null || (await store.readHalt()) !== null) return 0;
    const limit = limits.ready * pages;
    const ready = await store.readReady({ now: clock.now(), limit });
    if (ready.length === 0) {
      pages = 1;
      return 0;
    }
    const market = await readMarket();
    const { fees } = market;
    if (fees.maxFeePerGas > limits.maxFeePerGas) {
      const detail = `${fees.maxFeePerGas} wei per gas, the cap is ${limits.maxFeePerGas}`;
      notify({ step: "plan", code: "fees_above_cap", subject: "fees", detail });
      return 0;
    }
    const budget = await readBudget(market);
    const accounts = await store.readAccounts(uniqueAccounts(ready));
    const { plans, holds } = planSlots({
      ready,
      accounts,
      lanes: budget.rooms,
      limits: { rows: limits.rows, gas: market.gas, bytes: maxTransactionBytes },
      blockTime: latest.time,
      now: clock.now(),
      lingerMs: limits.lingerMs,
    });
    const done = await commitAll(plans, budget);
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
  };
}
