/**
 * Post: what the books must satisfy after every posting. The lines themselves are written by the store inside `finalize`, from final
 * movements alone (`domain/ledger`); this file owns the check that they balance, coin by coin. Promises to halt new sends when
 * they do not; never corrects an entry.
 */
import type { Clock, Deployment, Notify, Store } from "./ports.ts";

/** Blocks between two checks: the sums read every account of a coin, which is cheap but not free. */
export const defaultCheckEvery = 16;

export interface BooksCheck {
  /** Called with each new final block; checks when enough of them have passed. Returns false when the books are broken. */
  check(finalNumber: number): Promise<boolean>;
}

/**
 * Every movement posts two lines that sum to zero, so per coin all lines sum to zero, and nobody but `issued` may be below zero:
 * `issued` is minus the supply, hence never above zero (P9, the part that needs no chain).
 */
export function createBooksCheck(parts: {
  readonly store: Pick<Store, "sumLedger" | "readHalt" | "halt">;
  readonly deployment: Pick<Deployment, "coins">;
  readonly clock: Clock;
  readonly every: number;
  readonly notify: Notify;
}): BooksCheck {
  const { store, deployment, clock, every, notify } = parts;
  let last = Number.NEGATIVE_INFINITY;

  async function check(finalNumber: number): Promise<boolean> {
    if (finalNumber - last < every) return true;
    let sound = true;
    for (const { address, symbol } of deployment.coins) {
      const { sum, issued } = await store.sumLedger(address);
      if (sum === 0n && issued <= 0n) continue;
      sound = false;
      const reason = `P9: the books of ${symbol} at block ${finalNumber} sum to ${sum} with ${issued} issued`;
      notify({ step: "post", code: "books_broken", subject: address, detail: reason });
      if ((await store.readHalt()) === null) await store.halt(reason, clock.now());
    }
    last = finalNumber;
    return sound;
  }

  return { check };
}
