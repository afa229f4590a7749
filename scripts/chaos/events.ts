/**
 * What goes wrong: the events of a chaos run. Owns each one from its beginning to the moment everything is allowed to work again; each is bounded in
 * time. Events come one after another in an order that follows from the seed; when exactly they meet the payments does not.
 */
import { strict as assert } from "node:assert";
import { setTimeout as sleep } from "node:timers/promises";
import type { Hex } from "../../src/domain/hex.ts";
import { createRpc } from "../../src/chain/rpc.ts";
import type { Network as NetworkView } from "../../src/http/views.ts";
import { persist } from "../session.ts";
import type { Payers } from "./payers.ts";
import { moods, type Trap } from "./proxy.ts";
import type { Random } from "./random.ts";
import { finality, type Stage } from "./stage.ts";

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

/**
 * Calls at which the node is killed: a broadcast, the evidence of a block, the price before a plan; and where it opens its lanes after a start,
 * so that it dies while it recovers from having died.
 */
const points: readonly (Pick<Trap, "method" | "when"> & { readonly starting?: true })[] = [
  { method: "eth_sendRawTransaction", when: "before" },
  { method: "eth_sendRawTransaction", when: "after" },
  { method: "eth_getTransactionReceipt", when: "after" },
  { method: "eth_getBlockByNumber", when: "after" },
  { method: "eth_maxPriorityFeePerGas", when: "after" },
  { method: "eth_getTransactionCount", when: "before", starting: true },
  { method: "eth_getCode", when: "after", starting: true },
];
const trapMs = 3_000;
/** A chain that stands still waits so long for a node that is behind; block time is not stale before. */
const pausedMs = 15_000;
/** A node that was killed is up again within that time. */
const startMs = 20_000;
/** The chain's clock is moved at most that far in a run: an hour is what most payments have. */
const mostMovedSeconds = 1_500;

/** Kills the node and waits until it answers again. */
async function kill({ stage }: Scene): Promise<void> {
  stage.node.signal("SIGKILL");
  // It is gone before the next question is asked.
  await sleep(100);
  await stage.node.whenReady();
}

async function killAtRandom(scene: Scene): Promise<string> {
  await sleep(scene.random.within(0, 500));
  await kill(scene);
  return "killed";
}

/** Waits for one call and kills the node there; null when it was not made in time. */
async function killAt({ stage }: Scene, { method, when, starting }: (typeof points)[number]): Promise<string | null> {
  const sprung = Promise.withResolvers<boolean>();
  stage.proxy.trap = {
    method,
    when,
    spring: () => {
      stage.node.signal("SIGKILL");
      sprung.resolve(true);
    },
  };
  if (starting === true) stage.node.signal("SIGKILL");
  const hit = await Promise.race([sprung.promise, sleep(starting === true ? startMs : trapMs, false)]);
  stage.proxy.trap = null;
  if (hit || starting === true) await sleep(100);
  await stage.node.whenReady();
  if (!hit) return null;
  return `killed ${when} ${method}${starting === true ? ", while starting after a kill" : ""}`;
}

/** A call that is not made these seconds, as when there is nothing to send after a reorg, leaves the turn to another. */
async function killAtPoint(scene: Scene): Promise<string | null> {
  for (const point of scene.random.shuffle(points)) {
    const happened = await killAt(scene, point);
    if (happened !== null) return happened;
  }
  return null;
}

/** In the middle of accepting: some milliseconds after a payment was sent. */
async function killAtAccept(scene: Scene): Promise<string | null> {
  const { payers, random } = scene;
  const sent = Promise.withResolvers<boolean>();
  const lateMs = random.within(0, 6);
  payers.onSubmit = () => sent.resolve(true);
  const hit = await Promise.race([sent.promise, sleep(trapMs, false)]);
  payers.onSubmit = null;
  if (!hit) return null;
  await sleep(lateMs);
  await kill(scene);
  return `killed ${lateMs} ms after a payment was sent`;
}

async function stopAndContinue({ stage, random }: Scene): Promise<string> {
  const ms = random.within(500, 4_000);
  stage.node.signal("SIGSTOP");
  await sleep(ms);
  stage.node.signal("SIGCONT");
  return `stopped for ${ms} ms`;
}

async function spoilProvider({ stage, random }: Scene, mood: (typeof moods)[number]): Promise<string> {
  const ms = random.within(800, 4_000);
  const before = stage.proxy.spoiled;
  stage.proxy.mood = mood;
  await sleep(ms);
  stage.proxy.mood = null;
  return `provider ${mood} for ${ms} ms, ${stage.proxy.spoiled - before} answers`;
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
  await stage.node.whenReady();
  return `disk full for ${ms} ms`;
}

async function restartDatabase({ stage }: Scene): Promise<string> {
  const started = performance.now();
  stage.crashDatabase?.();
  await stage.node.whenReady();
  return `the database's server crashed and was back after ${Math.round(performance.now() - started)} ms`;
}

async function moveClock(scene: Scene): Promise<string | null> {
  const seconds = scene.random.within(20, 300);
  if (scene.moved + seconds > mostMovedSeconds) return null;
  scene.moved += seconds;
  await createRpc({ url: scene.stage.chainUrl }).ask("evm_increaseTime", seconds);
  return `the chain's clock moved ${seconds} s ahead`;
}

/** Hashes of the blocks from `first` to `last`. */
async function readHashes(url: string, first: number, last: number): Promise<readonly (Hex | null)[]> {
  const hashes: (Hex | null)[] = [];
  for (let number = first; number <= last; number++) {
    const params = [`0x${number.toString(16)}`, false] as const;
    const block = await createRpc({ url }).ask<{ hash: Hex } | null>("eth_getBlockByNumber", ...params);
    hashes.push(block?.hash ?? null);
  }
  return hashes;
}

async function waitHeight({ stage, blockMs }: Scene, height: number): Promise<number> {
  const rpc = createRpc({ url: stage.chainUrl });
  for (let tries = 0; tries < 400; tries++) {
    const now = Number(await rpc.ask<Hex>("eth_blockNumber"));
    if (now >= height) return now;
    await sleep(blockMs / 8);
  }
  throw new Error(`the chain did not reach block ${height}`);
}

/** True once the node has applied the block, so that it has something to take back. */
async function waitSeen({ stage, canPause }: Scene, height: number): Promise<boolean> {
  const deadline = performance.now() + (canPause ? pausedMs : trapMs);
  while (performance.now() < deadline) {
    const { latest } = await persist(() => stage.client.get<NetworkView>("/v1/network"), { patienceSeconds: 10 });
    if ((latest?.number ?? 0) >= height) return true;
    await sleep(50);
  }
  return false;
}

/**
 * Takes the newest blocks back and lets others follow: their transactions are dropped and their times differ. The node has to bring the payments
 * in them to the chain again. Null where the node did not see them in time, or the chain went on too far for a reorg above what is final.
 */
async function replaceBlocks(scene: Scene): Promise<string | null> {
  const { stage, random, blockMs, canPause } = scene;
  const rpc = createRpc({ url: stage.chainUrl });
  const before = await waitHeight(scene, 0);
  const snapshot = await rpc.ask<Hex>("evm_snapshot");
  const reached = await waitHeight(scene, before + random.within(2, finality / 2));
  if (canPause) await rpc.ask("evm_setIntervalMining", 0);
  let known: readonly (Hex | null)[] = [];
  let top = 0;
  try {
    const isSeen = await waitSeen(scene, reached);
    top = await waitHeight(scene, 0);
    if (!isSeen || top - before >= finality) return null;
    known = await readHashes(stage.chainUrl, before, top);
    await rpc.ask("evm_revert", snapshot);
    await rpc.ask("evm_increaseTime", 1);
  } finally {
    if (canPause) await rpc.ask("evm_setIntervalMining", blockMs);
  }
  await waitHeight(scene, top);
  const now = await readHashes(stage.chainUrl, before, top);
  const depth = known.filter((hash, index) => hash !== now[index]).length;
  if (depth === 0) throw new Error("a reorg changed nothing: its blocks have the same hashes");
  return `${depth} blocks replaced`;
}

/** A chain that cannot pause may have gone on too far: tried again. */
async function reorganize(scene: Scene): Promise<string | null> {
  for (let tries = 0; tries < 5; tries++) {
    const happened = await replaceBlocks(scene);
    if (happened !== null) return happened;
  }
  return null;
}

/** Every kind of event. */
export const events: readonly Event[] = [
  { kind: "kill", play: killAtRandom },
  { kind: "kill at a call", play: killAtPoint },
  { kind: "kill while accepting", play: killAtAccept },
  { kind: "stop and continue", play: stopAndContinue },
  ...moods.map((mood): Event => ({ kind: `provider ${mood}`, play: (scene) => spoilProvider(scene, mood) })),
  { kind: "reorg", play: reorganize },
  { kind: "disk full", play: fillDisk, isPossible: ({ disk }) => disk !== null },
  { kind: "database restarts", play: restartDatabase, isPossible: ({ crashDatabase }) => crashDatabase !== null },
  { kind: "chain's clock", play: moveClock },
];

/** Plays events until `over`, in rounds: each kind once in some order, then again in another. Returns how often each could be played. */
export async function playEvents(
  scene: Scene,
  options: { readonly over: AbortSignal; readonly note: (line: string) => void },
): Promise<ReadonlyMap<string, number>> {
  const { random } = scene;
  const possible = events.filter(({ isPossible }) => isPossible === undefined || isPossible(scene.stage));
  const played = new Map<string, number>(possible.map(({ kind }) => [kind, 0]));
  let round: Event[] = [];
  const pause = (): Promise<unknown> =>
    sleep(random.within(200, 1_500), undefined, { signal: options.over }).catch(() => undefined);
  for (await pause(); !options.over.aborted; await pause()) {
    if (round.length === 0) round = random.shuffle(possible);
    const event = round.shift() ?? assert.fail("there are events");
    const happened = await event.play(scene);
    if (happened !== null) played.set(event.kind, (played.get(event.kind) ?? 0) + 1);
    options.note(`${event.kind}: ${happened ?? "not possible now"}`);
  }
  return played;
}
