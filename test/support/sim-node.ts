/**
 * A node in the simulation: the pipeline's loops as main.ts runs them, over scheduled ports. Owns nothing that outlives it; dies with its actor,
 * and by itself when an assertion fails.
 */
import { AssertionError } from "node:assert";
import type { LaneSigner, Store } from "../../src/pipeline/ports.ts";
import type { ModelChain } from "./model-chain.ts";
import { createHouse, type House } from "./pipeline.ts";
import type { Actor, Scheduler } from "./scheduler.ts";

export interface Ports {
  readonly store: Store;
  readonly chain: ModelChain;
  readonly signer: LaneSigner;
}

/** A deliberate bug: what the node is given in place of a port. Made once per life, so it may remember. */
export type Sabotage = (ports: Ports) => Ports;

export interface SimNode {
  readonly actor: Actor;
  readonly house: House;
}

const pollMs = 500;
const faultPauseMs = 1_000;

/** `onBroken` is told of an assertion that failed, after which the node is dead. */
export function startNode(options: {
  readonly name: string;
  readonly scheduler: Scheduler;
  readonly ports: Ports;
  readonly maxFeePerGas: bigint;
  readonly onBroken: (message: string) => void;
}): SimNode {
  const { name, scheduler, ports, maxFeePerGas, onBroken } = options;
  const actor: Actor = { name, alive: true };
  const clock = scheduler.clockOf(actor);
  const house = createHouse({
    store: scheduler.wrap(actor, "store", ports.store),
    chain: scheduler.wrap(actor, "chain", ports.chain),
    signer: { lanes: ports.signer.lanes, sign: scheduler.wrap(actor, "signer", ports.signer).sign },
    clock,
    planner: { maxFeePerGas, lingerMs: 100, unminedSlots: 4, rows: 6 },
    sender: { maxFeePerGas, repriceBlocks: 2 },
  });
  let bell = Promise.withResolvers<void>();
  house.publisher.subscribe(() => {
    bell.resolve();
    bell = Promise.withResolvers<void>();
  });

  async function loop(pauseMs: number, turn: () => Promise<boolean>, wakes = false): Promise<void> {
    while (actor.alive) {
      try {
        if (await turn()) continue;
        await (wakes ? Promise.race([clock.sleep(pauseMs), bell.promise]) : clock.sleep(pauseMs));
      } catch (error) {
        if (error instanceof AssertionError) {
          actor.alive = false;
          return onBroken(error.message);
        }
        await clock.sleep(faultPauseMs);
      }
    }
  }

  void loop(pollMs, async () => (await house.follower.tick()) === 64);
  const planAndSend = async (): Promise<boolean> => {
    const planned = await house.planner.tick();
    return (await house.sender.tick()) > 0 && planned > 0;
  };
  void loop(pollMs, planAndSend, true);
  void loop(2_000, async () => {
    await house.keeper.tick();
    return false;
  });
  void loop(10_000, async () => {
    if (house.follower.final !== null) await house.reconciler.run();
    return false;
  });
  return { actor, house };
}
