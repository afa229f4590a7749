/**
 * The two ways a leg of payments goes: through the node (HTTP in, settled in the books), and past it (the same rows in the same `settle`
 * batches, sent raw). Owns when the clock starts and stops; a leg that does not end whole, to the last payment, is an error and never a figure.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { privateKeyToAccount } from "viem/accounts";
import { encodeSettle } from "../../src/chain/encode.ts";
import { createRpc, type Rpc } from "../../src/chain/rpc.ts";
import type { Address, Hex } from "../../src/domain/hex.ts";
import type { Client } from "../../src/http/client.ts";
import type { BatchResult } from "../../src/http/schemas.ts";
import type { Signed } from "./crowd.ts";
import type { Usage } from "./processes.ts";

const settleTimeoutSeconds = 600;
/** Payments whose own times are read after the leg. */
const samples = 1_000;
/** 21,000, calldata at 16 gas a byte, and the row itself with room: existing payees and window nonces take about 20,000. */
const rowGas = 30_000n;
/** EIP-7825. */
const transactionGasCap = 16_777_216n;
const pollMs = 20;

/** What each process has used so far; null where the system does not tell. */
export type Used = Readonly<Record<"node" | "chain" | "client" | "database", Usage | null>>;

/** Where a leg's clock started or stopped: monotonic microseconds, the same in every process of the machine. */
export interface Mark {
  readonly at: bigint;
  readonly used: Used;
}

export interface LegResult {
  readonly seconds: number;
  /** Readings at both ends of the clock: what is read for the table afterwards is in none of the figures. */
  readonly before: Mark;
  readonly after: Mark;
  readonly payments: number;
  /** Milliseconds: per request of one batch, and per payment from its request to the end. Empty where there is nothing to measure. */
  readonly acceptMs: readonly number[];
  readonly settleMs: readonly number[];
  readonly gasPerPayment: number;
  readonly blocks: number;
  readonly transactions: number;
}

export interface Stage {
  readonly client: Client;
  /** Where the next request goes. */
  readonly nextUrl: () => string;
  readonly rpcUrl: string;
  readonly chainId: number;
  readonly coin: Address;
  /** Payments per request and rows per `settle`. */
  readonly batch: number;
  /** Requests without an answer, at most. What was accepted waits in the node, as everything waits in the bare chain's pool. */
  readonly inFlight: number;
  readonly depth: number;
  /** Reads what every process has used. */
  readonly readUsed: () => Used;
}

function mark({ readUsed }: Stage): Mark {
  return { at: process.hrtime.bigint() / 1_000n, used: readUsed() };
}

const toSeconds = (before: Mark, after: Mark): number => Number(after.at - before.at) / 1e6;

function toBatches<T>(items: readonly T[], size: number): readonly (readonly T[])[] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, i) => items.slice(i * size, (i + 1) * size));
}

async function readHeight(rpc: Rpc): Promise<number> {
  return Number(await rpc.ask<Hex>("eth_blockNumber"));
}

/** Gas, blocks and transactions from after `first` to `last`. Only the leg's own transactions are in there. */
async function readBlocks(
  rpc: Rpc,
  first: number,
  last: number,
): Promise<{ gas: bigint; blocks: number; transactions: number }> {
  const numbers = Array.from({ length: last - first }, (_, i) => `0x${(first + 1 + i).toString(16)}`);
  const answers = await rpc.read(
    numbers.map((number) => ({ method: "eth_getBlockByNumber", params: [number, false] })),
  );
  let gas = 0n;
  let transactions = 0;
  for (const answer of answers) {
    if (!answer.ok) throw new Error(`a block of the leg cannot be read: ${answer.message}`);
    const block = answer.result as { gasUsed: Hex; transactions: readonly Hex[] };
    gas += BigInt(block.gasUsed);
    transactions += block.transactions.length;
  }
  return { gas, blocks: numbers.length, transactions };
}

interface Placed {
  readonly id: string;
  readonly acceptMs: number;
}

/** Sends one batch and returns what it placed. */
async function placeBatch(stage: Stage, texts: readonly string[], acceptMs: number[]): Promise<readonly Placed[]> {
  const started = performance.now();
  const answer = await fetch(`${stage.nextUrl()}/v1/transfers/batch`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: `{"transfers":[${texts.join(",")}]}`,
  });
  const result = (await answer.json()) as BatchResult;
  if (answer.status !== 202)
    throw new Error(`a batch was answered ${answer.status}: ${JSON.stringify(result).slice(0, 300)}`);
  const took = performance.now() - started;
  acceptMs.push(took);
  return result.outcomes.map((outcome) => {
    if (outcome.outcome === "refused") throw new Error(`a payment was refused: ${outcome.problem.detail}`);
    return { id: outcome.transfer.id, acceptMs: took };
  });
}

async function countSettled(client: Client): Promise<{ settled: number; live: number }> {
  const { intents } = await client.get<{ intents: Record<string, number> }>("/v1/lanes");
  const live = ["accepted", "planned", "sent", "included"].reduce((sum, state) => sum + (intents[state] ?? 0), 0);
  return { settled: intents["settled"] ?? 0, live };
}

/** Every payment of the leg is settled when nothing lives any more and that many more are settled than before. */
async function waitSettled(client: Client, wanted: number): Promise<void> {
  for (
    const deadline = performance.now() + settleTimeoutSeconds * 1_000;
    performance.now() < deadline;
    await sleep(pollMs)
  ) {
    const { settled, live } = await countSettled(client);
    if (live > 0) continue;
    if (settled !== wanted) throw new Error(`${settled} payments are settled, not ${wanted}`);
    return;
  }
  throw new Error(`not settled within ${settleTimeoutSeconds} s`);
}

/** From its request to its end: the request's own time, and what the node recorded between acceptance and end. */
async function sampleSettleMs(client: Client, placed: readonly Placed[]): Promise<readonly number[]> {
  const step = Math.max(1, Math.floor(placed.length / samples));
  const chosen = placed.filter((_, i) => i % step === 0);
  const times: number[] = [];
  for (const group of toBatches(chosen, 20)) {
    const read = group.map(async ({ id, acceptMs }) => {
      const { createdAt, endedAt } = await client.get<{ createdAt: string; endedAt: string }>(`/v1/transfers/${id}`);
      return acceptMs + Date.parse(endedAt) - Date.parse(createdAt);
    });
    times.push(...(await Promise.all(read)));
  }
  return times;
}

/** Payments per request of an open leg: what a busy wallet operator gathers in a moment. */
const openBatch = 20;

/** Sends every batch when it is due, whatever has become of those before. */
async function sendOnTime(
  stage: Stage,
  batches: readonly (readonly string[])[],
  rate: { readonly perSecond: number; readonly acceptMs: number[] },
): Promise<readonly Placed[]> {
  const started = performance.now();
  const sent: Promise<readonly Placed[]>[] = [];
  for (const [i, texts] of batches.entries()) {
    const due = started + (i * openBatch * 1_000) / rate.perSecond;
    if (due > performance.now()) await sleep(due - performance.now());
    sent.push(placeBatch(stage, texts, rate.acceptMs));
  }
  return (await Promise.all(sent)).flat();
}

/** Payments through the node at a given rate, open loop: a node that falls behind is not waited for, and its settle times tell. */
export async function runOpenLeg(stage: Stage, signed: readonly Signed[], perSecond: number): Promise<LegResult> {
  const texts = toBatches(
    signed.map(({ text }) => text),
    openBatch,
  );
  const acceptMs: number[] = [];
  const sendAll = () => sendOnTime(stage, texts, { perSecond, acceptMs });
  return runThroughNode(stage, { payments: signed.length, acceptMs, sendAll });
}

/** Payments through the node: from the first request to the moment the last one is settled in the books. */
export async function runNodeLeg(stage: Stage, signed: readonly Signed[]): Promise<LegResult> {
  const queue = toBatches(
    signed.map(({ text }) => text),
    stage.batch,
  ).values();
  const acceptMs: number[] = [];
  const sendAll = async (): Promise<readonly Placed[]> => {
    const placed: Placed[] = [];
    await Promise.all(
      Array.from({ length: stage.inFlight }, async () => {
        for (const texts of queue) placed.push(...(await placeBatch(stage, texts, acceptMs)));
      }),
    );
    return placed;
  };
  return runThroughNode(stage, { payments: signed.length, acceptMs, sendAll });
}

interface Sending {
  readonly payments: number;
  readonly acceptMs: readonly number[];
  readonly sendAll: () => Promise<readonly Placed[]>;
}

/** Both kinds of leg: from the first request to the moment the last payment is settled in the books. */
async function runThroughNode(stage: Stage, { payments, acceptMs, sendAll }: Sending): Promise<LegResult> {
  const rpc = createRpc({ url: stage.rpcUrl });
  const { settled } = await countSettled(stage.client);
  const first = await readHeight(rpc);
  const before = mark(stage);
  const placed = await sendAll();
  await waitSettled(stage.client, settled + payments);
  const after = mark(stage);
  const { gas, blocks, transactions } = await readBlocks(rpc, first, await readHeight(rpc));
  const settleMs = await sampleSettleMs(stage.client, placed);
  const gasPerPayment = Number(gas) / payments;
  const seconds = toSeconds(before, after);
  return { seconds, before, after, payments, acceptMs, settleMs, gasPerPayment, blocks, transactions };
}

async function signSettles(stage: Stage, signed: readonly Signed[], senderKey: Hex): Promise<readonly Hex[]> {
  const sender = privateKeyToAccount(senderKey);
  const rpc = createRpc({ url: stage.rpcUrl });
  const nonce = Number(await rpc.ask<Hex>("eth_getTransactionCount", sender.address, "latest"));
  const raws: Hex[] = [];
  for (const [i, rows] of toBatches(
    signed.map(({ row }) => row),
    stage.batch,
  ).entries()) {
    const data = encodeSettle(rows);
    const wanted = 21_000n + BigInt(data.length / 2) * 16n + BigInt(rows.length) * rowGas;
    const gas = wanted < transactionGasCap ? wanted : transactionGasCap;
    const fees = { maxFeePerGas: 100_000_000_000n, maxPriorityFeePerGas: 1_000_000_000n };
    raws.push(
      await sender.signTransaction({ to: stage.coin, data, gas, nonce: nonce + i, chainId: stage.chainId, ...fees }),
    );
  }
  return raws;
}

interface Receipt {
  readonly status: Hex;
  readonly blockNumber: Hex;
  readonly logs: readonly unknown[];
}

/** Payments past the node: from the first raw transaction to the block that makes the last one final. The node stands still meanwhile. */
export async function runBareLeg(stage: Stage, signed: readonly Signed[], senderKey: Hex): Promise<LegResult> {
  const rpc = createRpc({ url: stage.rpcUrl });
  const raws = await signSettles(stage, signed, senderKey);
  const first = await readHeight(rpc);
  const before = mark(stage);
  const answers = await rpc.write(raws.map((raw) => ({ method: "eth_sendRawTransaction", params: [raw] })));
  const hashes = answers.map((answer) => {
    if (answer instanceof Error || !answer.ok) throw new Error(`a raw settle was not taken: ${answer.message}`);
    return answer.result as Hex;
  });
  const lastHash = hashes.at(-1);
  for (const deadline = performance.now() + settleTimeoutSeconds * 1_000; ; await sleep(pollMs)) {
    if (performance.now() > deadline) throw new Error(`the bare chain did not finish within ${settleTimeoutSeconds} s`);
    const receipt = await rpc.ask<Receipt | null>("eth_getTransactionReceipt", lastHash);
    if (receipt !== null && (await readHeight(rpc)) >= Number(receipt.blockNumber) + stage.depth) break;
  }
  const after = mark(stage);
  const { gas, blocks, transactions } = await readBlocks(rpc, first, await readHeight(rpc));
  await assertSettled(rpc, hashes, signed.length);
  const gasPerPayment = Number(gas) / signed.length;
  const seconds = toSeconds(before, after);
  return {
    seconds,
    before,
    after,
    payments: signed.length,
    acceptMs: [],
    settleMs: [],
    gasPerPayment,
    blocks,
    transactions,
  };
}

/** Two logs per settled row, one per skipped row: the sum says whether any was skipped. */
async function assertSettled(rpc: Rpc, hashes: readonly Hex[], payments: number): Promise<void> {
  let logs = 0;
  for (const hash of hashes) {
    const receipt = await rpc.ask<Receipt | null>("eth_getTransactionReceipt", hash);
    if (receipt?.status !== "0x1") throw new Error(`the raw settle ${hash} did not succeed`);
    logs += receipt.logs.length;
  }
  if (logs !== 2 * payments) throw new Error(`the bare chain settled ${logs / 2} of ${payments} payments`);
}
