/**
 * What the events of a chaos run have in common: the scene they play in and how a node is chosen, ended and waited for. Owns no event. Every wait is bounded;
 * a bound that is reached ends the run, as a node that does not come back should.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { StageNode } from "./nodes.ts";
import type { Payers } from "./payers.ts";
import type { Random } from "./random.ts";
import type { Lease, Stage } from "./stage.ts";

export interface Scene {
  readonly stage: Stage;
  readonly payers: Payers;
  readonly random: Random;
  readonly blockMs: number;
  /** Whether the chain can stop mining while it is being changed. */
  readonly canPause: boolean;
  /** Seconds the chain's clock was moved ahead so far. */
  moved: number;
}

/** One thing that can go wrong. `play` returns what happened, in a few words; null when it could not be done this time. */
export interface Event {
  readonly kind: string;
  readonly play: (scene: Scene) => Promise<string | null>;
  /** Left out where not so. */
  readonly isPossible?: (stage: Stage) => boolean;
}

/** A process that was killed is gone at once; one that was asked to stop has its calls to finish. */
const endMs = 20_000;
/** A lease lasts three seconds, and those who want it look twice a second. */
const takeoverMs = 15_000;

export function pickNode({ stage, random }: Scene): StageNode {
  return random.pick(stage.nodes);
}

export const hasSeveral = ({ nodes }: Stage): boolean => nodes.length > 1;

/** Waits until another process than `pid` is in its place and answers that it is ready. */
export async function waitReplaced(node: StageNode, pid: number): Promise<void> {
  for (const end = performance.now() + endMs; node.process.pid() === pid; await sleep(20)) {
    if (performance.now() > end) throw new Error(`${node.name} was still there ${endMs} ms after it should have ended`);
  }
  await node.process.whenReady();
}

/** Ends a node and waits until it is back. */
export async function restart(node: StageNode, signal: "SIGKILL" | "SIGTERM"): Promise<void> {
  const pid = node.process.pid();
  node.process.signal(signal);
  await waitReplaced(node, pid);
}

/** Who holds the lease, once somebody does; null where nobody takes it in time. */
export async function waitLease(stage: Stage, name: string): Promise<Lease | null> {
  for (const end = performance.now() + takeoverMs; performance.now() < end; await sleep(100)) {
    const lease = await stage.readLease(name);
    if (lease !== null) return lease;
  }
  return null;
}

/** Waits until another node than the one of `before` holds the lease under a later epoch. */
export async function waitTakeover(stage: Stage, name: string, before: Lease): Promise<Lease> {
  for (const end = performance.now() + takeoverMs; performance.now() < end; await sleep(100)) {
    const now = await stage.readLease(name);
    if (now !== null && now.node !== before.node && now.epoch > before.epoch) return now;
  }
  throw new Error(`nobody took the lease ${name} of ${before.node.name} within ${takeoverMs} ms`);
}
