/**
 * One simulated life of the node from a seed: clients, nodes that die and come back, sometimes two at once, and a chain and a provider at their
 * worst, all in the order of port calls that the seed decides. Then faults stop, everything must drain, and the properties are checked. Any
 * failure names its seed; the same seed gives the same sequence of calls.
 */
import { createHash } from "node:crypto";
import { expect } from "chai";
import type { Address } from "../../src/domain/hex.ts";
import type { Intent } from "../../src/domain/intent.ts";
import { openSqlite } from "../../src/store/sqlite.ts";
import { createModelChain, type ModelChain } from "./model-chain.ts";
import { createModelSigner, laneA, laneB, wallet } from "./model-codec.ts";
import { createHouse } from "./pipeline.ts";
import { checkProperties, listAll } from "./properties.ts";
import { createRandom, type Random } from "./random.ts";
import { type Actor, createScheduler, type Scheduler } from "./scheduler.ts";
import { type Crowd, startCrowd } from "./sim-clients.ts";
import { type Ports, type Sabotage, type SimNode, startNode } from "./sim-node.ts";
import {
  befallIn,
  calmDown,
  count,
  showUnkindly,
  type SimWorld,
  startChain,
  startClockJumps,
  startMarket,
} from "./sim-world.ts";
import { createWitness, type Witness } from "./witness.ts";

export interface SimOptions {
  readonly seed: string;
  /** Virtual milliseconds in which things go wrong. */
  readonly faultyMs?: number;
  /** A reorg of finality's depth and more: the node must halt. */
  readonly deep?: boolean;
  readonly sabotage?: () => Sabotage;
}

export interface SimResult {
  readonly seed: string;
  /** Hash of the sequence of port calls. */
  readonly trace: string;
  readonly calls: number;
  readonly nodes: number;
  /** `kind:state` → how many. */
  readonly ended: ReadonlyMap<string, number>;
  /** What went wrong on the way, and how often. */
  readonly happened: ReadonlyMap<string, number>;
}

const depth = 4;
const maxFeePerGas = 10_000n;
const lanes = [laneA, laneB];
/** Virtual milliseconds of calm after which whatever still waits is left to expire. */
const mercyMs = 60_000;
/** Calls of a whole life: five times what one takes. */
const maxCalls = 25_000;

interface Life {
  readonly world: SimWorld;
  readonly witness: Witness;
  readonly nodes: SimNode[];
  readonly broken: string[];
  started: number;
}

function fund(): ReadonlyMap<Address, bigint> {
  return new Map(Array.from({ length: 10 }, (_, index) => [wallet(index + 1), index < 8 ? 1_000n : 20_000n]));
}

function createWorld(random: Random, model: ModelChain): SimWorld {
  const actor: Actor = { name: "world", alive: true };
  const happened = new Map<string, number>();
  const world: SimWorld = {
    model,
    random,
    actor,
    calm: false,
    still: false,
    happened,
    scheduler: createScheduler({ random, befall: (whose) => befallIn(world, whose) }),
  };
  return world;
}

/** Nodes come back when the last has died; now and then a second one starts while the first still runs, which then dies later. */
async function watchOver(life: Life, start: () => SimNode): Promise<void> {
  const { world, nodes } = life;
  const clock = world.scheduler.clockOf(world.actor);
  while (world.actor.alive) {
    const alive = nodes.filter(({ actor }) => actor.alive);
    if (alive.length === 0) nodes.push(start());
    else if (alive.length > 1 && (world.calm || world.random.chance(0.3))) {
      const [oldest] = alive;
      if (oldest !== undefined) oldest.actor.alive = false;
    } else if (!world.calm && world.random.chance(0.1)) {
      nodes.push(start());
      count(world, "two nodes at once");
    }
    await clock.sleep(1_000);
  }
}

/** Asks until `isDone`; a halt ends the life. */
async function wait(life: Life, options: { ms: number; isDone: () => Promise<boolean> }): Promise<void> {
  const { world } = life;
  const clock = world.scheduler.clockOf(world.actor);
  do await clock.sleep(options.ms);
  while (!(await options.isDone()));
}

interface Stage {
  over: boolean;
  error: unknown;
}

/** Runs the stages of a life as one more task of the schedule. */
async function runThrough(scheduler: Scheduler, script: () => Promise<void>): Promise<void> {
  const stage: Stage = { over: false, error: null };
  void script()
    .catch((error: unknown) => {
      stage.error = error ?? new Error("the script failed");
    })
    .finally(() => {
      stage.over = true;
    });
  await scheduler.run({ until: () => stage.over, limit: maxCalls, what: "the simulation" });
  if (stage.error !== null) throw stage.error;
}

function countEnds(all: readonly Intent[]): ReadonlyMap<string, number> {
  const ended = new Map<string, number>();
  for (const { kind, state } of all) ended.set(`${kind}:${state}`, (ended.get(`${kind}:${state}`) ?? 0) + 1);
  return ended;
}

/** A reorg below the final block: the node says so and sends nothing new, and nothing that ended changes. */
async function goDeep(life: Life, store: Ports["store"]): Promise<void> {
  const { world, witness, nodes, broken } = life;
  const { model } = world;
  const { final } = await store.readCursor();
  const before = (await listAll(store)).filter(({ endedAt }) => endedAt !== null);
  calmDown(world);
  model.reorg(model.height - (final ?? expect.fail("a final block")).number + 1, { drop: true });
  await wait(life, { ms: 1_000, isDone: async () => (await store.readHalt()) !== null });
  const committed = witness.committed.size;
  await wait(life, { ms: 20_000, isDone: async () => true });
  expect((await store.readHalt())?.reason, "P8: the halt says why").to.include("below the final block");
  expect(witness.committed.size, "P8: nothing new is sent").to.equal(committed);
  for (const { sequence, state } of before) {
    expect((await store.readIntent(sequence))?.state, "P8: what ended stays").to.equal(state);
  }
  for (const { actor } of nodes) actor.alive = false;
  // The process may stop over it as well; nothing else may be broken.
  expect([...broken.filter((message) => /^P\d/.test(message)), ...witness.breaches]).to.deep.equal([]);
}

/** From the end of the faults until everything is final. */
async function comeToRest(life: Life, { store, crowd }: { store: Ports["store"]; crowd: Crowd }): Promise<void> {
  const { world, broken, witness } = life;
  const { model } = world;
  const clock = world.scheduler.clockOf(world.actor);
  calmDown(world);
  const since = clock.monotonic();
  let jumps = 0;
  await wait(life, {
    ms: 1_000,
    async isDone() {
      expect([...broken, ...witness.breaches].slice(0, 3).join("; "), "breaches").to.equal("");
      expect((await store.readHalt())?.reason ?? null, "P9: nothing halts").to.equal(null);
      if (clock.monotonic() - since > mercyMs * (jumps + 1) && jumps < 3) {
        jumps += 1;
        model.interval = 50_000;
        model.mine();
        model.interval = 1;
      }
      const { accepted, planned, sent, included } = await store.countByState();
      return crowd.busy === 0 && accepted + planned + sent + included === 0 && model.pending === 0;
    },
  });
  world.still = true;
  model.mine(depth + 1);
  await wait(life, {
    ms: 500,
    isDone: async () => (await store.readCursor()).final?.number === model.height - depth,
  });
}

export async function simulate({ seed, faultyMs = 30_000, deep = false, sabotage }: SimOptions): Promise<SimResult> {
  const random = createRandom(seed);
  const model = createModelChain(fund(), depth);
  const world = createWorld(random, model);
  const { scheduler } = world;
  const clock = scheduler.clockOf(world.actor);
  const store = await openSqlite({ folder: "", durability: "memory", now: clock.now });
  const witness = createWitness({ maxFeePerGas });
  const life: Life = { world, witness, nodes: [], broken: [], started: 0 };
  const spoil = sabotage?.() ?? ((ports: Ports) => ports);
  const signer = createModelSigner();

  function start(): SimNode {
    life.started += 1;
    const watched = witness.watch({ store, chain: showUnkindly(world) });
    const onBroken = (message: string): void => {
      count(world, "stopped by an assertion");
      if (/^P\d/.test(message)) life.broken.push(message);
    };
    const ports = spoil({ ...watched, signer });
    return startNode({ name: `node ${life.started}`, scheduler, ports, maxFeePerGas, onBroken });
  }

  const nodes = (): readonly SimNode[] => life.nodes.filter(({ actor }) => actor.alive);
  const crowd: Crowd = { world, witness, store, nodes, busy: 0 };
  try {
    void watchOver(life, start);
    startChain(world, depth);
    startMarket(world);
    startClockJumps(world);
    startCrowd(crowd);
    await runThrough(scheduler, async () => {
      await clock.sleep(faultyMs);
      if (deep) return goDeep(life, store);
      return comeToRest(life, { store, crowd });
    });
    const { reconciler } = createHouse({ store, chain: model, clock });
    const all = deep ? await listAll(store) : await checkProperties({ store, model, witness, reconciler, lanes });
    const trace = createHash("sha256")
      .update(scheduler.trace())
      .update(model.blocks.at(-1)?.ref.hash ?? "");
    return {
      seed,
      trace: trace.digest("hex"),
      calls: scheduler.steps,
      nodes: life.started,
      ended: countEnds(all),
      happened: world.happened,
    };
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new Error(`seed ${seed}, ${scheduler.steps} calls, ${life.started} nodes: ${why}`, { cause: error });
  } finally {
    world.actor.alive = false;
    for (const { actor } of life.nodes) actor.alive = false;
    await store.close();
  }
}
