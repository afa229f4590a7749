/**
 * The loops that keep a node going. Owns how a loop is repeated, what wakes it, and what a fault or a broken invariant does to it. Never decides
 * what a turn does.
 */
import { AssertionError } from "node:assert";
import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "./log.ts";
import type { Tenure } from "./pipeline/lease.ts";

/** Pause after a loop's turn threw: a store or chain that is out is asked again, not hammered. */
export const faultPauseMs = 1_000;
/** Six looks at each lease before it runs out. */
const leasePauseMs = 500;
/** Between looks at which lanes there are: a person moves them. */
const lanesPauseMs = 500;
/** Between looks at what other processes wrote; it bounds what one of them waits for another's commit. */
const watchPauseMs = 25;
/** Between looks at what there is to send to webhooks: they hear of an event about so much later. */
const deliverPauseMs = 250;

/** Between looks at what the lanes have: a transfer takes some blocks anyway. */
const fundPauseMs = 1_000;

export interface Loop {
  readonly name: string;
  /** Where several processes share a store: the loop runs in the one that holds this lease. */
  readonly tenure?: Tenure;
  /** Returns true when there is more to do at once. */
  readonly turn: () => Promise<boolean>;
  readonly pauseMs: () => number;
}

/** Runs a loop until `signal`; a fault is logged, told to `onFault`, and the turn repeated; a broken invariant ends the process. */
export async function runLoop(
  loop: Loop,
  options: { signal: AbortSignal; log: Logger; bell: () => Promise<void>; onFault?: (error: unknown) => Promise<void> },
) {
  const { signal, log, bell, onFault } = options;
  while (!signal.aborted) {
    try {
      if (loop.tenure?.held() !== false && (await loop.turn())) continue;
      await Promise.race([sleep(loop.pauseMs(), undefined, { signal }).catch(() => undefined), bell()]);
    } catch (error) {
      if (error instanceof AssertionError) throw error;
      log.error(
        { loop: loop.name, error: error instanceof Error ? (error.stack ?? error.message) : String(error) },
        "turn failed",
      );
      await onFault?.(error);
      await sleep(faultPauseMs, undefined, { signal }).catch(() => undefined);
    }
  }
}

/** A bell that any number of sleepers can wait for. */
export function createBell(): { ring(): void; next(): Promise<void> } {
  let current = Promise.withResolvers<void>();
  return {
    ring() {
      const rung = current;
      current = Promise.withResolvers<void>();
      rung.resolve();
    },
    next: () => current.promise,
  };
}

/** One step per turn, at a steady pace. */
function repeat(loop: Omit<Loop, "turn">, step: () => Promise<unknown>): Loop {
  return {
    ...loop,
    async turn() {
      await step();
      return false;
    },
  };
}

export function toLeaseLoop(tenure: Tenure): Loop {
  return repeat({ name: `lease ${tenure.name}`, pauseMs: () => leasePauseMs }, () => tenure.tick());
}

export function toWatchLoop(watch: { tick(): Promise<void> }): Loop {
  return repeat({ name: "watch", pauseMs: () => watchPauseMs }, () => watch.tick());
}

/** Gives lanes gas money under the senders' lease: only who sends knows what is on its way. */
export function toFundLoop(funder: { tick(): Promise<number> }, tenure: Tenure): Loop {
  return repeat({ name: "fund", tenure, pauseMs: () => fundPauseMs }, () => funder.tick());
}

/** Its turns only start what there is to send: a webhook that takes its time keeps no turn waiting. */
export function toDeliverLoop(deliverer: { tick(): Promise<void> }, tenure: Tenure): Loop {
  return repeat({ name: "deliver", tenure, pauseMs: () => deliverPauseMs }, () => deliverer.tick());
}

/** On a shared store: a lane that another process moved is followed here, too. */
export function toLanesLoop(lanes: { refresh(): Promise<void> }): Loop {
  return repeat({ name: "lanes", pauseMs: () => lanesPauseMs }, () => lanes.refresh());
}
