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
}

export const defaultLeaseLimits: LeaseLimits = { leaseMs: 3_000, marginMs: 500 };

export interface Tenure {
  readonly name: string;
  /** True while the lease is surely this process's. */
  held(): boolean;
  /** Takes the lease or renews it; call several times per lease. Throws when the store is out: the belief then runs out by itself. */
  tick(): Promise<void>;
  release(): Promise<void>;
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

  const held = (): boolean => epoch !== null && clock.monotonic() < until;

  async function tick(): Promise<void> {
    const end = clock.monotonic() + limits.leaseMs - limits.marginMs;
    if (epoch !== null && held()) {
      if (await leases.renew(name, epoch, limits.leaseMs)) until = end;
      else epoch = null;
      return;
    }
    epoch = null;
    const taken = await leases.acquire(name, limits.leaseMs);
    if (taken === null) return;
    gained();
    epoch = taken;
    until = end;
  }

  return {
    name,
    held,
    tick,
    async release() {
      const last = epoch;
      epoch = null;
      if (last !== null) await leases.release(name, last);
    },
  };
}
