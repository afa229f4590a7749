/**
 * What goes wrong: every kind of event of a chaos run, and the order they come in. Owns the provider's moods, the disk, the database and the chain's clock;
 * each is bounded in time. Events come one after another in an order that follows from the seed; when exactly they meet the payments does not.
 */
import { strict as assert } from "node:assert";
import { setTimeout as sleep } from "node:timers/promises";
import { createRpc } from "../../src/chain/rpc.ts";
import {
  killAll,
  killAtAccept,
  killAtPoint,
  killAtRandom,
  moveWallClock,
  rollRestarts,
  stopAndContinue,
  stopSender,
} from "./processes.ts";
import { moods } from "./proxy.ts";
import { reorganize } from "./reorg.ts";
import { type Event, hasSeveral, pickNode, type Scene, waitLease, waitTakeover } from "./scene.ts";

/** The chain's clock is moved at most that far in a run: an hour is what most payments have. */
const mostMovedSeconds = 1_500;
/** What one node does is what another may have to do when it cannot. */
const duties = ["confirm", "send"] as const;

/** One node's provider, or everybody's. */
async function spoilProvider(scene: Scene, mood: (typeof moods)[number]): Promise<string> {
  const { stage, random } = scene;
  const ms = random.within(800, 4_000);
  const isOne = !hasSeveral(stage) || random.happens(0.5);
  // One that works for all, where somebody does: the others ask the chain for little.
  const chosen = isOne ? [(await stage.readLease(random.pick(duties)))?.node ?? pickNode(scene)] : stage.nodes;
  const count = (): number => chosen.reduce((sum, { proxy }) => sum + proxy.spoiled, 0);
  const before = count();
  for (const { proxy } of chosen) proxy.mood = mood;
  await sleep(ms);
  for (const { proxy } of chosen) proxy.mood = null;
  const whose = isOne ? chosen[0]?.name : "everybody";
  return `provider ${mood} for ${whose}, ${ms} ms, ${count() - before} answers`;
}

/** A node that works for all loses the chain, and it alone: the others have to go on without it. */
async function cutOneOff({ stage, random }: Scene): Promise<string | null> {
  const duty = random.pick(duties);
  const before = await waitLease(stage, duty);
  if (before === null) return null;
  const [started, ms] = [performance.now(), random.within(0, 3_000)];
  before.node.proxy.mood = "cut";
  try {
    const next = await waitTakeover(stage, duty, before);
    await sleep(ms);
    const cutMs = Math.round(performance.now() - started);
    return `${before.node.name} cut off the chain for ${cutMs} ms, ${next.node.name} took ${duty}`;
  } finally {
    before.node.proxy.mood = null;
  }
}

async function fillDisk({ stage, random }: Scene): Promise<string | null> {
  if (stage.disk === null) return null;
  const ms = random.within(800, 4_000);
  try {
    stage.disk.fill();
    await sleep(ms);
  } finally {
    stage.disk.free();
  }
  await Promise.all(stage.nodes.map((node) => node.process.whenReady()));
  return `disk full for ${ms} ms`;
}

async function restartDatabase({ stage }: Scene): Promise<string> {
  const started = performance.now();
  stage.crashDatabase?.();
  await Promise.all(stage.nodes.map((node) => node.process.whenReady()));
  return `the database's server crashed and was back after ${Math.round(performance.now() - started)} ms`;
}

async function moveClock(scene: Scene): Promise<string | null> {
  const seconds = scene.random.within(20, 300);
  if (scene.moved + seconds > mostMovedSeconds) return null;
  scene.moved += seconds;
  await createRpc({ url: scene.stage.chainUrl }).ask("evm_increaseTime", seconds);
  return `the chain's clock moved ${seconds} s ahead`;
}

/** Every kind of event. */
export const events: readonly Event[] = [
  { kind: "kill", play: killAtRandom },
  { kind: "kill all", play: killAll, isPossible: hasSeveral },
  { kind: "kill at a call", play: killAtPoint },
  { kind: "kill while accepting", play: killAtAccept },
  { kind: "stop and continue", play: stopAndContinue },
  { kind: "stop the sender", play: stopSender, isPossible: hasSeveral },
  { kind: "rolling restart", play: rollRestarts },
  { kind: "wall clock", play: moveWallClock },
  ...moods.map((mood): Event => ({ kind: `provider ${mood}`, play: (scene) => spoilProvider(scene, mood) })),
  { kind: "cut one off", play: cutOneOff, isPossible: hasSeveral },
  { kind: "reorg", play: reorganize },
  { kind: "disk full", play: fillDisk, isPossible: ({ disk }) => disk !== null },
  { kind: "database restarts", play: restartDatabase, isPossible: ({ crashDatabase }) => crashDatabase !== null },
  { kind: "chain's clock", play: moveClock },
];

export interface PlayOptions {
  /** Kinds to choose from, of which each is played at least once; null: all that are possible. */
  readonly chosen: readonly string[] | null;
  readonly over: AbortSignal;
  readonly note: (line: string) => void;
}

/** So often a kind that was asked for is tried before the run goes on without it. */
const tries = 5;

/**
 * Plays events until `over`, in rounds: each kind once in some order, then again in another. Kinds that were asked for are all played, however late it gets.
 * Returns how often each could be played.
 */
export async function playEvents(scene: Scene, options: PlayOptions): Promise<ReadonlyMap<string, number>> {
  const { random } = scene;
  const { chosen, over, note } = options;
  const isChosen = ({ kind }: Event): boolean => chosen === null || chosen.includes(kind);
  const possible = events.filter(({ isPossible }) => isPossible === undefined || isPossible(scene.stage));
  const kinds = possible.filter(isChosen);
  const played = new Map<string, number>(kinds.map(({ kind }) => [kind, 0]));
  let round: Event[] = [];
  let left = chosen === null ? 0 : kinds.length * tries;
  const isOver = (): boolean => over.aborted && (left <= 0 || [...played.values()].every((times) => times > 0));
  const pause = (): Promise<unknown> =>
    sleep(random.within(200, 1_500), undefined, { signal: over }).catch(() => undefined);
  for (await pause(); !isOver(); await pause()) {
    if (round.length === 0) round = random.shuffle(kinds);
    const event = round.shift() ?? assert.fail("there are events");
    left -= 1;
    const happened = await event.play(scene);
    if (happened !== null) played.set(event.kind, (played.get(event.kind) ?? 0) + 1);
    note(`${event.kind}: ${happened ?? "not possible now"}`);
  }
  return played;
}
