/**
 * Where a process can die: every call of a port. Wraps ports, counts their calls, and at one of them crashes before it, after it, or
 * loses its answer. After a crash nothing of the process reaches a port again. Calls that are no I/O pass uncounted.
 */
export type FaultMode = "before" | "after" | "lost";
export const faultModes: readonly FaultMode[] = ["before", "after", "lost"];

export interface Fault {
  /** The call to strike, counted from 1. */
  readonly at: number;
  readonly mode: FaultMode;
}

/** The process is gone. */
export class Crash extends Error {
  override readonly name = "Crash";
}

export interface Faults {
  readonly calls: number;
  readonly names: readonly string[];
  /** True once the fault has happened. */
  readonly struck: boolean;
  readonly dead: boolean;
  wrap<T extends object>(name: string, port: T): T;
}

/** Null strikes none. */
export function createFaults(fault: Fault | null): Faults {
  const names: string[] = [];
  let struck = false;
  let dead = false;

  function crash(): never {
    struck = true;
    dead = true;
    throw new Crash("the process died");
  }

  async function call(name: string, work: () => unknown): Promise<unknown> {
    if (dead) throw new Crash("a dead process calls nothing");
    names.push(name);
    if (fault === null || names.length !== fault.at) return work();
    if (fault.mode === "before") crash();
    await work();
    if (fault.mode === "after") crash();
    struck = true;
    throw new Error("the answer was lost");
  }

  return {
    get calls() {
      return names.length;
    },
    names,
    get struck() {
      return struck;
    },
    get dead() {
      return dead;
    },
    wrap(name, port) {
      return new Proxy(port, {
        get(target, property, receiver) {
          const value: unknown = Reflect.get(target, property, receiver);
          if (typeof value !== "function") return value;
          return (...args: unknown[]) => call(`${name}.${String(property)}`, () => Reflect.apply(value, target, args));
        },
      });
    },
  };
}
