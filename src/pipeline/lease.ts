/**
 * Lease: which of several processes runs a loop. Owns what this process believes of one lease. Promises that the belief ends before the lease
 * does, however long an answer took or the process slept: it is counted by the monotonic clock from the moment of asking. Losing a lease
 * costs a pause; no payment depends on it.
 */
import type { Clock, Leases } from "./ports.ts";

export interface LeaseLimits {
  /** Milliseconds a lease lasts without being renewed: how long a loop stands still when its process was killed. */
  readonly leaseMs: number;
  /** Milliseconds by which the belief ends earlier: what the two clocks may drift apart in one lease. */
  readonly marginMs: number;
  /** Milliseconds for which a lease that was ceded is left to others: three of their looks at it. */
  readonly asideMs: number;
}

export const defaultLeaseLimits: LeaseLimits = { leaseMs: 3_000, marginMs: 500, asideMs: 1_500 };

export interface Tenure {
  readonly name: string;
  /** True while the lease is surely this process's. */
  held(): boolean;
  /** Takes the lease or renews it; call several times per lease. Throws when the store is out: the belief then runs out by itself. */
  tick(): Promise<void>;
  release(): Promise<void>;
  /** Gives it back and leaves it to others for a while. */
  cede(): Promise<void>;
}

export function createTenure(parts: {
  readonly name: string;
  readonly leases: Leases;
  readonly clock: Pick<Clock, "monotonic">;
  readonly limits: LeaseLimits;
  /** Called each time the lease was newly taken, before `held` says so: what was believed under an earlier one may be out of date. */
  readonly gained: () => void;
}): Tenure {
  const { name, leases, clock, limits, gained } = parts;
  let epoch: bigint | null = null;
  let until = Number.NEGATIVE_INFINITY;
  let asideUntil = Number.NEGATIVE_INFINITY;

  const held = (): boolean => epoch !== null && clock.monotonic() < until;

  async function tick(): Promise<void> {
    const end = clock.monotonic() + limits.leaseMs - limits.marginMs;
    if (epoch !== null && held()) {
      if (await leases.renew(name, epoch, limits.leaseMs)) until = end;
      else epoch = null;
      return;
    }
    epoch = null;
    if (clock.monotonic() < asideUntil) return;
    const taken = await leases.acquire(name, limits.leaseMs);
    if (taken === null) return;
    if (clock.monotonic() < asideUntil) return leases.release(name, taken);
    gained();
    epoch = taken;
    until = end;
  }

  async function release(): Promise<void> {
    const last = epoch;
    epoch = null;
    if (last !== null) await leases.release(name, last);
  }

  return {
    name,
    held,
    tick,
    release,
    async cede() {
      asideUntil = clock.monotonic() + limits.asideMs;
      await release();
    },
  };
}

/** Faults within it have one cause: several loops ask the same provider. */
const sameFaultMs = 500;
/** One fault is anybody's; another within this time is a provider that is away from this process, and perhaps from no other. */
const faultWindowMs = 60_000;

/**
 * What a process does about a chain that it cannot reach: it cedes all it holds, for another may reach it. Returns what to call at each fault. Where
 * nobody else is there it takes everything up again, and nothing was lost but a pause.
 */
export function createWithdrawal(parts: {
  readonly tenures: readonly Pick<Tenure, "cede">[];
  readonly clock: Pick<Clock, "monotonic">;
}): () => Promise<void> {
  const { tenures, clock } = parts;
  let first = Number.NEGATIVE_INFINITY;

  return async () => {
    const since = clock.monotonic() - first;
    if (since < sameFaultMs) return;
    if (since > faultWindowMs) {
      first = clock.monotonic();
      return;
    }
    first = Number.NEGATIVE_INFINITY;
    // What cannot be given back because the store is out as well runs out by itself.
    await Promise.allSettled(tenures.map((tenure) => tenure.cede()));
  };
}
