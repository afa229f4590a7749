/**
 * Scenarios with crashes: a script of steps is played by one process after the other on the same store and chain; each may die at a given port
 * call, and the next goes on where it stopped. Whoever got no answer asks again. At the end everything drains and the properties are
 * checked. Owns no expectation of its own but that each step comes to its end.
 */
import { expect } from "chai";
import type { Draft } from "../../src/domain/draft.ts";
import type { Address, Word } from "../../src/domain/hex.ts";
import { isEnded } from "../../src/domain/lifecycle.ts";
import type { Intent, IntentState } from "../../src/domain/intent.ts";
import type { PlannerLimits } from "../../src/pipeline/plan.ts";
import type { Store } from "../../src/pipeline/ports.ts";
import type { SenderLimits } from "../../src/pipeline/send.ts";
import { openSqlite } from "../../src/store/sqlite.ts";
import { createFaults, type Fault, type Faults } from "./faults.ts";
import { createModelChain, type ModelChain } from "./model-chain.ts";
import { createModelSigner, encoder, funder, laneA, laneB } from "./model-codec.ts";
import { createHouse, createManualClock, type House, type ManualClock } from "./pipeline.ts";
import { checkProperties } from "./properties.ts";
import type { Sabotage } from "./sim-node.ts";
import { createWitness, type Witness } from "./witness.ts";

export interface World {
  readonly store: Store;
  readonly model: ModelChain;
  readonly clock: ManualClock;
  readonly witness: Witness;
  /** What every process is given in place of the ports. */
  readonly spoil: Sabotage;
}

export interface Step {
  /** What clients send; sent again until they are told. */
  readonly drafts?: readonly Draft[];
  /** What happens in the world before, once. */
  readonly before?: (world: World) => void;
  /** What happens in the world once clients were told, and before the node works on. */
  readonly meanwhile?: (world: World) => void;
  /** The keeper takes its turn as well. */
  readonly keeps?: true;
  /** When the next step may begin; by default once all drafts are in a block. */
  readonly until?: (world: World) => Promise<boolean>;
}

export interface Scenario {
  readonly name: string;
  /** Minted in the first block. */
  readonly funds: ReadonlyMap<Address, bigint>;
  /** Played by a process of its own that meets no fault. */
  readonly prologue?: readonly Step[];
  readonly steps: readonly Step[];
  /** Digest → how it may end; everything else settles (P11). */
  readonly ends?: ReadonlyMap<Word, readonly IntentState[]>;
  readonly planner?: Partial<PlannerLimits>;
  readonly sender?: Partial<SenderLimits>;
  /** Every process holds the funder's key as well. */
  readonly hasFunder?: true;
  /** What must hold besides the properties, when everything is final. */
  readonly check?: (world: World) => void;
  /** For the proof that the enumeration would tell. */
  readonly sabotage?: () => Sabotage;
}

export interface Run {
  /** Port calls of the first process. */
  readonly calls: number;
  /** Whether every fault happened. */
  readonly struck: boolean;
  readonly intents: readonly Intent[];
  /** Codes of the processes' notices, and why intents were held. */
  readonly notices: readonly string[];
  /** Attempts that another one of their slot replaced. */
  readonly replaced: number;
}

const digests = new WeakMap<Draft, Word>();
export function digestOf(draft: Draft): Word {
  const known = digests.get(draft) ?? encoder.encode(draft).facts.digest;
  digests.set(draft, known);
  return known;
}

/** Turns a step may take: a fault costs a few seconds of backoff, a poison row some halvings. */
const maxTurns = 30;
const maxDrainTurns = 120;
const signer = createModelSigner();

async function attempt(work: () => Promise<unknown>): Promise<void> {
  await work().catch(() => undefined);
}

/** A new process: everything it remembers is new, the store and the chain are not. */
function startProcess(world: World, faults: Faults, scenario: Scenario): House {
  const watched = world.witness.watch({ store: world.store, chain: world.model });
  const ports = world.spoil({ ...watched, signer });
  return createHouse({
    store: faults.wrap("store", ports.store),
    chain: faults.wrap("chain", ports.chain),
    signer: {
      lanes: [laneA, laneB],
      ...(scenario.hasFunder === true ? { funder } : {}),
      sign: faults.wrap("signer", ports.signer).sign,
    },
    clock: world.clock,
    sender: { rebroadcastMs: 500, ...scenario.sender },
    funder: { maxFeePerGas: limitFee },
    planner: { maxFeePerGas: limitFee, ...scenario.planner },
  });
}
const limitFee = 10_000n;

/** One process after the other: the n-th meets the n-th fault. */
function createSuccession(world: World, scenario: Scenario, planned: readonly Fault[]) {
  const all: Faults[] = [];
  const notices: string[] = [];
  let house: House | null = null;
  async function next(): Promise<House> {
    const faults = createFaults(planned[all.length] ?? null);
    all.push(faults);
    const started = startProcess(world, faults, scenario);
    house = started;
    await attempt(() => started.follower.tick());
    return started;
  }
  return {
    all,
    notices,
    async current(): Promise<House> {
      if (house !== null && all.at(-1)?.dead === false) return house;
      if (house !== null) notices.push(...house.notices.map(({ code }) => code));
      return next();
    },
    finish(): void {
      if (house !== null) notices.push(...house.notices.map(({ code }) => code));
    },
  };
}
type Succession = ReturnType<typeof createSuccession>;

async function isIncluded(draft: Draft, { store, witness }: World): Promise<boolean> {
  const digest = digestOf(draft);
  if (!witness.told.has(digest)) return false;
  const intent = await store.findByDigest(digest);
  return intent !== null && (intent.state === "included" || isEnded(intent.state));
}

async function isStepOver(step: Step, world: World): Promise<boolean> {
  const { drafts = [], until } = step;
  if (listUntold(step, world).length > 0) return false;
  if (until !== undefined) return until(world);
  for (const draft of drafts) if (!(await isIncluded(draft, world))) return false;
  return true;
}

const listUntold = ({ drafts = [] }: Step, { witness }: World): readonly Draft[] =>
  drafts.filter((draft) => !witness.told.has(digestOf(draft)));

/** One turn of all loops, and a block. */
async function turn(step: Step, world: World, { house, onTold }: { house: House; onTold?: () => void }): Promise<void> {
  const { model, clock, witness } = world;
  const untold = listUntold(step, world);
  if (untold.length > 0) await attempt(async () => witness.note(await house.intake.submit(untold, null)));
  if (step.keeps === true) await attempt(() => house.keeper.tick());
  if (listUntold(step, world).length === 0) onTold?.();
  await attempt(() => house.planner.tick());
  await attempt(() => house.funder.tick());
  await attempt(() => house.sender.tick());
  model.mine();
  clock.advance(1_000);
  await attempt(() => house.follower.tick());
}

async function playStep(step: Step, world: World, succession: Succession): Promise<void> {
  step.before?.(world);
  let isTold = false;
  const onTold = (): void => {
    if (!isTold) step.meanwhile?.(world);
    isTold = true;
  };
  for (let turns = 0; turns < maxTurns; turns++) {
    await turn(step, world, { house: await succession.current(), onTold });
    if (await isStepOver(step, world)) return;
  }
  throw new Error(`P7: a step did not come to its end in ${maxTurns} turns`);
}

/** Until nothing is left, and then until the last of it is final. */
async function drainAll(world: World, succession: Succession): Promise<House> {
  const { store, model } = world;
  for (let turns = 0; ; turns++) {
    const { accepted, planned, sent, included } = await store.countByState();
    const left = accepted + planned + sent + included;
    if (left === 0 && model.pending === 0) break;
    expect(turns, `P7: everything drains; ${left} are left`).to.be.lessThan(maxDrainTurns);
    await turn({}, world, { house: await succession.current() });
  }
  for (let i = 0; i < 3; i++) await turn({}, world, { house: await succession.current() });
  return succession.current();
}

export async function play(scenario: Scenario, faults: readonly Fault[]): Promise<Run> {
  const model = createModelChain(scenario.funds);
  const clock = createManualClock();
  const witness = createWitness({ maxFeePerGas: limitFee });
  const store = await openSqlite({ folder: "", durability: "memory", now: clock.now });
  try {
    const spoil = scenario.sabotage?.() ?? ((ports) => ports);
    const world: World = { store, model, clock, witness, spoil };
    const before = createSuccession(world, scenario, []);
    for (const step of scenario.prologue ?? []) await playStep(step, world, before);
    const succession = createSuccession(world, scenario, faults);
    for (const step of scenario.steps) await playStep(step, world, succession);
    const calls = succession.all[0]?.calls ?? 0;
    const { reconciler } = await drainAll(world, succession);
    const intents = await checkProperties({ store, model, witness, reconciler, lanes: [laneA, laneB, funder] });
    scenario.check?.(world);
    for (const { digest, kind, state } of intents) {
      const ends = scenario.ends?.get(digest) ?? ["settled"];
      expect(ends, `P11: ${kind} ${digest} ended ${state}`).to.include(state);
    }
    succession.finish();
    const struck = faults.every((_, index) => succession.all[index]?.struck === true);
    const { events } = await store.readEvents({ after: 0n, limit: 1_000 });
    const held = events.filter(({ type }) => type === "held").map(({ body }) => String(body["reason"]));
    const replaced = witness.committed.size - model.transactionsOf([laneA, laneB, funder]).length;
    return { calls, struck, intents, notices: [...succession.notices, ...held], replaced };
  } finally {
    await store.close();
  }
}
