/**
 * A scheduler of port calls: every call of every task waits here until the seed says that it is its turn, one at a time. Owns the virtual
 * clock, which moves when nobody has a call to make, and now and then before. The order of calls is the only thing chance decides here,
 * and it is written down: the same seed gives the same trace.
 */
import { createHash } from "node:crypto";
import { setImmediate } from "node:timers/promises";
import type { ManualClock } from "./pipeline.ts";
import type { Random } from "./random.ts";

/** Whose calls they are. The calls of a dead actor are never answered: what waited for them never goes on. */
export interface Actor {
  readonly name: string;
  alive: boolean;
}

/** What befalls a call: it fails before it is made, its answer is lost, or its caller dies before or after. */
export type Mishap = "none" | "before" | "lost" | "dies before" | "dies after";

export interface Scheduler {
  readonly steps: number;
  /** Hash of the sequence of calls so far. */
  trace(): string;
  /** Lets `work` be done when it is its turn. */
  call<T>(actor: Actor, name: string, work: () => Promise<T> | T): Promise<T>;
  /** Wraps a port whose functions are calls of that actor. */
  wrap<T extends object>(actor: Actor, name: string, port: T): T;
  clockOf(actor: Actor): ManualClock;
  /** Runs until `until`, looked at between any two calls. Throws when that took more than `limit` calls. */
  run(options: { readonly until: () => boolean; readonly limit: number; readonly what: string }): Promise<void>;
}

interface Pending {
  readonly actor: Actor;
  readonly name: string;
  readonly work: () => unknown;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

interface Sleeper {
  readonly actor: Actor;
  readonly until: number;
  readonly wake: () => void;
}

export function createScheduler(options: {
  readonly random: Random;
  /** Decided for each call when it is its turn. */
  readonly befall: (actor: Actor, name: string) => Mishap;
}): Scheduler {
  const { random, befall } = options;
  const hash = createHash("sha256");
  const start = 1_800_000_000_000;
  let pending: Pending[] = [];
  let sleepers: Sleeper[] = [];
  let elapsed = 0;
  let skewed = 0;
  let steps = 0;

  function call<T>(actor: Actor, name: string, work: () => Promise<T> | T): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      pending.push({ actor, name, work, resolve: resolve as (value: unknown) => void, reject });
    });
  }

  function sleep(actor: Actor, ms: number): Promise<void> {
    return new Promise((wake) => {
      sleepers.push({ actor, until: elapsed + ms, wake });
    });
  }

  async function perform({ actor, name, work, resolve, reject }: Pending): Promise<void> {
    const mishap = befall(actor, name);
    hash.update(`${actor.name} ${name} ${mishap}\n`);
    if (mishap === "dies before") actor.alive = false;
    if (mishap === "before") reject(new Error(`${name}: no connection`));
    if (mishap === "before" || mishap === "dies before") return;
    try {
      const value = await work();
      if (mishap === "dies after") actor.alive = false;
      else if (mishap === "lost") reject(new Error(`${name}: the answer was lost`));
      else resolve(value);
    } catch (error) {
      reject(error);
    }
  }

  /** Time goes on to the next moment somebody waits for. */
  function wakeNext(): boolean {
    if (sleepers.length === 0) return false;
    elapsed = Math.max(
      elapsed,
      sleepers.reduce((least, { until }) => Math.min(least, until), Number.POSITIVE_INFINITY),
    );
    const due = sleepers.filter(({ until }) => until <= elapsed);
    sleepers = sleepers.filter(({ until }) => until > elapsed);
    hash.update(`${elapsed}\n`);
    for (const { wake } of due) wake();
    return true;
  }

  async function step(): Promise<boolean> {
    const isIdle = pending.length === 0;
    if (isIdle || random.chance(0.02)) {
      if (wakeNext()) return true;
      if (isIdle) return false;
    }
    const [chosen] = pending.splice(random.below(pending.length), 1);
    if (chosen !== undefined) await perform(chosen);
    return true;
  }

  return {
    get steps() {
      return steps;
    },
    trace: () => hash.copy().digest("hex"),
    call,
    wrap(actor, name, port) {
      return new Proxy(port, {
        get(target, property, receiver) {
          const value: unknown = Reflect.get(target, property, receiver);
          if (typeof value !== "function") return value;
          return (...args: unknown[]) =>
            call(actor, `${name}.${String(property)}`, () => Reflect.apply(value, target, args) as unknown);
        },
      });
    },
    clockOf: (actor) => ({
      now: () => start + elapsed + skewed,
      monotonic: () => elapsed,
      sleep: (ms) => sleep(actor, ms),
      advance(ms) {
        elapsed += ms;
      },
      skew(ms) {
        skewed += ms;
      },
    }),
    async run({ until, limit, what }) {
      for (const end = steps + limit; ; steps++) {
        // Everything that the last answer set in motion runs up to its next call.
        await setImmediate();
        pending = pending.filter(({ actor }) => actor.alive);
        sleepers = sleepers.filter(({ actor }) => actor.alive);
        if (until()) return;
        if (steps >= end) throw new Error(`P7: ${what} took more than ${limit} calls`);
        if (!(await step())) throw new Error(`${what}: nobody has anything left to do`);
      }
    },
  };
}
