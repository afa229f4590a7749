/**
 * Publish: tells those who wait that something was committed. Owns the waiters and their bound. The events themselves are rows the store
 * wrote with the state change; this is only the bell. Promises nothing that a lost wake-up could break: every waiter also looks
 * again by itself.
 */
import { isEnded } from "../domain/lifecycle.ts";
import type { Intent } from "../domain/intent.ts";
import type { Clock, Publisher, Store } from "./ports.ts";

export interface PublisherLimits {
  /** Requests that may wait at a time; more are answered at once with the current state. */
  readonly waiters: number;
  /** Milliseconds after which a waiter looks again without having been woken. */
  readonly pollMs: number;
  /** Events read per page. */
  readonly page: number;
  /** Up to so many waiters each look at their own intent; beyond it the events are read, to see whom they concern. */
  readonly few: number;
}

/** Looking at an intent costs as much as reading half an event, and a batch of payments is a thousand events. */
export const defaultPublisherLimits: PublisherLimits = { waiters: 10_000, pollMs: 1_000, page: 500, few: 64 };

export interface Bell extends Publisher {
  /** Rings after a commit. Never throws, never waits. */
  wake(): void;
}

export function createPublisher(parts: {
  readonly store: Pick<Store, "readIntent" | "readEvents">;
  readonly clock: Clock;
  readonly limits: PublisherLimits;
}): Bell {
  const { store, clock, limits } = parts;
  const listeners = new Set<() => void>();
  const waiters = new Map<bigint, Set<() => void>>();
  let count = 0;
  let cursor: Promise<bigint> | null = null;
  let reading = false;
  let again = false;

  /** Where the event stream stands; read when the first waiter comes, before it looks at its intent. */
  function readStart(): Promise<bigint> {
    cursor ??= store.readEvents({ after: (1n << 62n) - 1n, limit: 1 }).then(({ newest }) => newest);
    return cursor;
  }

  /** Wakes the waiters whose intents have news. */
  async function ring(): Promise<void> {
    do {
      again = false;
      for (let full = true; full && cursor !== null; ) {
        const after = await cursor;
        const { events } = await store.readEvents({ after, limit: limits.page });
        for (const { intent } of events) {
          if (intent !== null) for (const resolve of waiters.get(intent) ?? []) resolve();
        }
        const last = events.at(-1);
        if (last !== undefined && cursor !== null) cursor = Promise.resolve(last.sequence);
        full = events.length === limits.page;
      }
    } while (again);
  }

  function wake(): void {
    for (const listener of listeners) listener();
    if (count <= limits.few) {
      cursor = null;
      for (const seats of waiters.values()) for (const resolve of seats) resolve();
      return;
    }
    again = true;
    if (reading) return;
    reading = true;
    // A failed look costs the waiters one poll.
    void ring()
      .catch(() => undefined)
      .finally(() => {
        reading = false;
      });
  }

  function join(sequence: bigint): { readonly news: Promise<void>; leave(): void } {
    const { promise, resolve } = Promise.withResolvers<void>();
    const set = waiters.get(sequence) ?? new Set();
    waiters.set(sequence, set.add(resolve));
    return {
      news: promise,
      leave() {
        set.delete(resolve);
        if (set.size === 0 && waiters.get(sequence) === set) waiters.delete(sequence);
      },
    };
  }

  async function wait(sequence: bigint, ms: number): Promise<Intent | null> {
    const end = clock.monotonic() + ms;
    await readStart().catch(() => {
      cursor = null;
    });
    for (;;) {
      const seat = join(sequence);
      try {
        const intent = await store.readIntent(sequence);
        const left = end - clock.monotonic();
        if (intent === null || isEnded(intent.state) || left <= 0) return intent;
        await Promise.race([seat.news, clock.sleep(Math.min(left, limits.pollMs))]);
      } finally {
        seat.leave();
      }
    }
  }

  return {
    wake,
    async waitUntilEnded(sequence, ms) {
      if (count >= limits.waiters) return store.readIntent(sequence);
      count += 1;
      try {
        return await wait(sequence, ms);
      } finally {
        count -= 1;
      }
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}
