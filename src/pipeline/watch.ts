/**
 * Watch: what other processes wrote to a store that several share. Owns this process's view of the head when another may be following the chain.
 * Promises to look again by itself, so that nothing depends on being told; never writes. A head counts as new when it changes, not when it
 * is first seen: it may have stood there for long.
 */
import type { BlockRef } from "../domain/facts.ts";
import type { Clock, HeadView, Store } from "./ports.ts";

export interface Watch extends HeadView {
  /** Looks once; wakes those who wait when there is something new. Throws when the store is out. */
  tick(): Promise<void>;
}

/** Above every event's sequence: asking after it answers where the stream stands. */
const beyond = (1n << 62n) - 1n;

export function createWatch(parts: {
  readonly store: Pick<Store, "readBlock" | "readCursor" | "readEvents">;
  readonly clock: Pick<Clock, "monotonic">;
  readonly wake: () => void;
}): Watch {
  const { store, clock, wake } = parts;
  let view: { readonly latest: BlockRef | null; readonly final: BlockRef | null } = { latest: null, final: null };
  let newest: bigint | null = null;
  let seenAt = Number.NEGATIVE_INFINITY;
  let reorgs = 0;

  /** Of the head seen before: what came on top says so by itself, after a jump the store does. One that is final was not replaced. */
  async function isReplaced(before: BlockRef, latest: BlockRef): Promise<boolean> {
    if (latest.number <= before.number) return true;
    if (latest.number === before.number + 1) return latest.parent !== before.hash;
    const there = await store.readBlock(before.number);
    return there !== null && there.hash !== before.hash;
  }

  return {
    get latest() {
      return view.latest;
    },
    get final() {
      return view.final;
    },
    get reorgs() {
      return reorgs;
    },
    ageMs: () => clock.monotonic() - seenAt,
    async tick() {
      const before = view;
      const now = await store.readCursor();
      const isNewHead = now.latest?.hash !== before.latest?.hash;
      if (isNewHead && before.latest !== null) {
        if (now.latest === null || (await isReplaced(before.latest, now.latest))) reorgs += 1;
        seenAt = clock.monotonic();
      }
      view = now;
      const stream = (await store.readEvents({ after: beyond, limit: 1 })).newest;
      const isNews = isNewHead || view.final?.hash !== before.final?.hash || stream !== newest;
      newest = stream;
      if (isNews) wake();
    },
  };
}
