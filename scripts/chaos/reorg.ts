/**
 * Reorgs of a chaos run: the chain's newest blocks are taken back and others follow. Owns making them real: other hashes, dropped transactions, after the
 * nodes had applied what is taken back. Never reaches what is final.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { Hex } from "../../src/domain/hex.ts";
import { createRpc } from "../../src/chain/rpc.ts";
import type { Network as NetworkView } from "../../src/http/views.ts";
import { persist } from "../session.ts";
import { pickNode, type Scene } from "./scene.ts";
import { finality } from "./stage.ts";

/** A chain that stands still waits so long for a node that is behind; block time is not stale before. */
const pausedMs = 15_000;
/** One that goes on has soon left the blocks behind. */
const runningMs = 3_000;

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

/** True once the nodes have applied the block, so that they have something to take back. */
async function waitSeen(scene: Scene, height: number): Promise<boolean> {
  const { client } = pickNode(scene);
  const deadline = performance.now() + (scene.canPause ? pausedMs : runningMs);
  while (performance.now() < deadline) {
    const { latest } = await persist(() => client.get<NetworkView>("/v1/network"), { patienceSeconds: 10 });
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
export async function reorganize(scene: Scene): Promise<string | null> {
  for (let tries = 0; tries < 5; tries++) {
    const happened = await replaceBlocks(scene);
    if (happened !== null) return happened;
  }
  return null;
}
