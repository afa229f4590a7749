/**
 * Fund: gives lanes that run low gas money out of the funder's key. Owns when a lane is given some and how much. A transfer is a slot like any
 * other: committed before it is sent, followed until final, and until then its lane gets no other. Promises that no lane waits for the funder
 * but one that is out of gas itself, and that nothing is given while halted, above the fee cap, or beyond the day's bound.
 */
import type { Address } from "../domain/hex.ts";
import type { Chain, Clock, Funding, Notify, OpenSlot, Store } from "./ports.ts";
import { createCosts, type FundPlan, type Lanes, type Purse, readBytes, SignFault, weiPerGwei } from "./sign.ts";

export interface FunderLimits {
  /** Gwei: a lane that has less is topped up. */
  readonly low: bigint;
  /** Gwei given at a time. */
  readonly topUp: bigint;
  /** Gwei given in any 24 hours. */
  readonly perDay: bigint;
  /** Gas limit of a transfer. */
  readonly gas: bigint;
  /** Wei per gas. */
  readonly maxFeePerGas: bigint;
  /** The funder's slots that are not mined; nodes keep few pending transactions per sender. */
  readonly unminedSlots: number;
}

export interface FunderParts {
  readonly store: Pick<Store, "readHalt" | "readOpenSlots" | "sumFunded">;
  readonly chain: Pick<Chain, "fees" | "gasBalance">;
  readonly lanes: Pick<Lanes, "purse" | "commit">;
  /** Lanes that could not pay for their next slot, whatever they have. */
  readonly short: () => ReadonlySet<Address>;
  readonly clock: Pick<Clock, "now">;
  readonly limits: FunderLimits;
  readonly wake: () => void;
  readonly notify: Notify;
}

export interface Funder {
  /** Looks once at every lane. Returns how many transfers were committed. Throws when store or chain are out. */
  tick(): Promise<number>;
}

const dayMs = 86_400_000;
/** More than the funder can have open: one for each lane. */
const openSlots = 200;

const isUnmined = ({ state }: OpenSlot): boolean => state === "signed" || state === "sent";

export function createFunder(parts: FunderParts): Funder {
  const { store, chain, lanes, short, clock, limits, wake, notify } = parts;
  const toCosts = createCosts();
  let alarm: string | null = null;
  let running: Promise<number> | null = null;

  /** Says it when it begins, not every time it is found again. */
  function raise(code: string, { subject, detail }: { subject: Address; detail: string }): void {
    if (alarm !== code) notify({ step: "fund", code, subject, detail });
    alarm = code;
  }

  /**
   * Lanes that are low and have nothing on its way. The slots were read before the balances are: what was on its way then is waited for, and what
   * was final by then is in the balance.
   */
  async function findLow(purse: Purse, open: readonly OpenSlot[]): Promise<readonly Address[]> {
    const served = new Set(open.flatMap(({ attempts }) => attempts.map(({ raw }) => readBytes(raw).to)));
    const low: Address[] = [];
    for (const { address, state } of purse.lanes) {
      if (served.has(address)) continue;
      if (state === "paused" && !(await store.readOpenSlots(address, openSlots)).some(isUnmined)) continue;
      const balance = await chain.gasBalance(address);
      if (balance < limits.low * weiPerGwei || short().has(address)) low.push(address);
    }
    return low;
  }

  async function commit(plan: FundPlan, fees: Awaited<ReturnType<Chain["fees"]>>): Promise<boolean> {
    try {
      return await lanes.commit({ plan, fees, at: clock.now() });
    } catch (error) {
      if (!(error instanceof SignFault)) throw error;
      notify({ step: "sign", code: "not_signed", subject: plan.lane, detail: String(error.cause) });
      return false;
    }
  }

  async function fund(): Promise<number> {
    const purse = await lanes.purse();
    if (purse === null || (await store.readHalt()) !== null) return 0;
    const { funder } = purse;
    const open = await store.readOpenSlots(funder, openSlots);
    const unmined = open.filter(isUnmined);
    const low = await findLow(purse, open);
    if (low.length === 0) return 0;
    const fees = await chain.fees();
    // The planner says so; the lanes could not use it anyway.
    if (fees.maxFeePerGas > limits.maxFeePerGas) return 0;
    const cost = limits.topUp * weiPerGwei + limits.gas * fees.maxFeePerGas;
    let left = (await chain.gasBalance(funder)) - (toCosts(unmined).get(funder) ?? 0n);
    const since = clock.now() - dayMs;
    let given = await store.sumFunded(since);
    let committed = 0;
    for (const to of low.slice(0, Math.max(0, limits.unminedSlots - unmined.length))) {
      if (given + limits.topUp > limits.perDay) {
        raise("funder_capped", {
          subject: funder,
          detail: `${given} gwei of ${limits.perDay} given in 24 hours; ${to} waits`,
        });
        break;
      }
      if (left < cost) {
        raise("funder_empty", { subject: funder, detail: `short of ${cost - left} wei; ${to} waits` });
        break;
      }
      const funding: Funding = { to, gwei: limits.topUp, bound: { since, most: limits.perDay } };
      // Nothing was written: what was believed is old, and read anew in the next tick.
      if (!(await commit({ kind: "fund", lane: funder, funding, gas: limits.gas }, fees))) break;
      alarm = null;
      left -= cost;
      given += limits.topUp;
      committed += 1;
      notify({ step: "fund", code: "lane_topped_up", subject: to, detail: `${limits.topUp} gwei from ${funder}` });
    }
    if (committed > 0) wake();
    return committed;
  }

  return {
    tick() {
      running ??= fund().finally(() => {
        running = null;
      });
      return running;
    },
  };
}
