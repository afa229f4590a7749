/**
 * `npm run bench`: how many payments a second, and at what cost. Brings up a devnet of its own in a temporary folder, signs everything
 * beforehand and runs node, bare chain, node, so that a slow machine slows all three. Talks to 127.0.0.1 only, stops by itself, and prints
 * the conditions beside every figure. A leg that does not settle to the last payment is an error, not a figure.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import Table from "cli-table3";
import { generatePrivateKey, privateKeyToAccount } from "viem/accounts";
import { readCredentials, readDeployment } from "../src/config.ts";
import { type Address, type Hex, toLower } from "../src/domain/hex.ts";
import type { Client } from "../src/http/client.ts";
import type { BatchResult } from "../src/http/schemas.ts";
import { type Crowd, createCrowd } from "./bench/crowd.ts";
import { type LegResult, runBareLeg, runNodeLeg, type Stage, type Used } from "./bench/legs.ts";
import { summarizeProfiles, toProfileOptions } from "./bench/profile.ts";
import { readUsage } from "./bench/processes.ts";
import { readTail } from "./devnet/child.ts";
import { createOperator, deposit, openReserves } from "./devnet/demo.ts";
import { findDeployerKey, fund, readBlockTime } from "./devnet/rpc.ts";
import { type SpawnedDevnet, spawnDevnet } from "./devnet/spawn.ts";
import { createNonce } from "./devnet/wallet.ts";
import { type Living, waitUntilEnded } from "./session.ts";

const blockMs = 250;
const depth = 2;
/** Base units each payer begins with: far more than it pays. */
const openingUnits = 1_000_000_000n;
const validSeconds = 7_200;

const help = `npm run bench [-- options]: settled payments per second, through the node and past it.

  --payments <n>      payments per leg, three legs (20000)
  --batch <n>         payments per request and rows per settle, 700 at most (500)
  --in-flight <n>     requests under way at a time (8)
  --chain <client>    hardhat (default) or anvil
  --profile <folder>  keep V8's profiles there, and say where the node's processor time goes; slows everything
  --json              one JSON object instead of tables

Example: npm run bench -- --payments 5000 --chain anvil
`;

interface Options {
  readonly payments: number;
  readonly batch: number;
  readonly inFlight: number;
  readonly chain: "hardhat" | "anvil";
  readonly json: boolean;
  readonly profile: string | null;
}

function readWhole(name: string, text: string, most: number): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > most) throw new Error(`--${name} ${text}: 1 to ${most}`);
  return value;
}

function readOptions(args: readonly string[]): Options | null {
  const { values } = parseArgs({
    args: [...args],
    options: {
      payments: { type: "string", default: "20000" },
      batch: { type: "string", default: "500" },
      "in-flight": { type: "string", default: "8" },
      chain: { type: "string", default: "hardhat" },
      profile: { type: "string" },
      json: { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) return null;
  const { chain } = values;
  if (chain !== "hardhat" && chain !== "anvil") throw new Error(`--chain ${chain}: hardhat or anvil`);
  return {
    payments: readWhole("payments", values.payments, 1_000_000),
    batch: readWhole("batch", values.batch, 700),
    inFlight: readWhole("in-flight", values["in-flight"], 64),
    chain,
    json: values.json,
    profile: values.profile === undefined ? null : resolve(values.profile),
  };
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

interface Fund {
  readonly client: Client;
  readonly crowd: Crowd;
  readonly coin: Address;
  readonly validBefore: number;
}

/** One deposit, and from it an opening balance for every payer: not part of any figure. */
async function openAccounts({ client, crowd, coin, validBefore }: Fund): Promise<void> {
  await openReserves(client, coin);
  const source = crowd.createPayer();
  const amount = openingUnits * BigInt(crowd.payers.length);
  await deposit(client, { coin, name: "benchmark", to: source.address, amount });
  for (let from = 0; from < crowd.payers.length; from += 500) {
    const texts = crowd.payers.slice(from, from + 500).map(({ address }) => {
      const authorization = {
        from: source.address,
        to: address,
        value: openingUnits,
        validAfter: 0,
        validBefore,
        nonce: createNonce(),
      };
      return crowd.sign({ kind: "transfer", coin, authorization, memo: null, reference: null }, source).text;
    });
    const body: unknown = JSON.parse(`{"transfers":[${texts.join(",")}]}`);
    const { outcomes } = await client.post<BatchResult>("/v1/transfers/batch", body);
    for (const outcome of outcomes) {
      if (outcome.outcome === "refused") throw new Error(`an opening balance was refused: ${outcome.problem.detail}`);
      const path = `/v1/transfers/${outcome.transfer.id}`;
      const { state } = await waitUntilEnded<Living>(client, { path, waitSeconds: 120, patienceSeconds: 30 });
      if (state !== "settled") throw new Error(`an opening balance is ${state}`);
    }
  }
}

function readAll({ pids }: SpawnedDevnet): Used {
  return {
    node: readUsage(pids.node),
    chain: pids.chain === null ? null : readUsage(pids.chain),
    client: readUsage(process.pid),
  };
}

interface Leg extends LegResult {
  readonly name: "node" | "bare chain";
}

async function measure(name: Leg["name"], run: () => Promise<LegResult>): Promise<Leg> {
  say(`${name}: running`);
  return { ...(await run()), name };
}

/** After it stood still the node reads what it missed: that work belongs to no leg. */
async function waitCaughtUp(client: Client, rpcUrl: string): Promise<void> {
  const target = await readBlockTime(rpcUrl);
  for (let tries = 0; tries < 1_200; tries++) {
    const { final } = await client.get<{ final: { time: string } | null }>("/v1/network");
    if (final !== null && Date.parse(final.time) / 1_000 > target) return;
    await sleep(100);
  }
  throw new Error("the node did not catch up with the bare chain within 120 s");
}

async function runLegs(options: Options, devnet: SpawnedDevnet): Promise<readonly Leg[]> {
  const { rpcUrl, chainId, data } = devnet;
  const credentials = readCredentials(data);
  const deployment = readDeployment(data);
  const coin = deployment.coins[0]?.address;
  if (coin === undefined) throw new Error("the deployment has no coin");
  const client = createOperator(credentials);
  const crowd = await createCrowd({ deployment, payments: options.payments, batch: options.batch });
  const validBefore = (await readBlockTime(rpcUrl)) + validSeconds;
  say(`${crowd.payers.length} payers: opening balances`);
  await openAccounts({ client, crowd, coin, validBefore });
  say(`signing ${3 * options.payments} payments`);
  const [a1 = [], b = [], a2 = []] = [0, 1, 2].map((leg) =>
    crowd.signLeg(leg, { count: options.payments, coin, validBefore }),
  );
  const senderKey: Hex = generatePrivateKey();
  const sender = toLower(privateKeyToAccount(senderKey).address);
  await fund({ url: rpcUrl, deployerKey: findDeployerKey(chainId), accounts: [sender] });
  const { batch, inFlight } = options;
  const readUsed = () => readAll(devnet);
  const stage: Stage = { client, rpcUrl, chainId, coin, batch, inFlight, depth, readUsed };

  const legs = [await measure("node", () => runNodeLeg(stage, a1))];
  process.kill(devnet.pids.node, "SIGSTOP");
  try {
    legs.push(await measure("bare chain", () => runBareLeg(stage, b, senderKey)));
  } finally {
    process.kill(devnet.pids.node, "SIGCONT");
  }
  await waitCaughtUp(client, rpcUrl);
  legs.push(await measure("node", () => runNodeLeg(stage, a2)));
  const { agrees, block } = await client.get<{ agrees: boolean; block: number }>("/v1/reconciliation?fresh=true");
  if (!agrees) throw new Error(`bank, books and chain do not agree at block ${block}`);
  return legs;
}

function percentile(values: readonly number[], part: number): number | null {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? null;
}

function summarize(leg: Leg, options: Options): Record<string, unknown> {
  const round = (value: number | null, digits = 0): number | null =>
    value === null ? null : Number(value.toFixed(digits));
  const cpuMicros = (name: keyof Used): number | null => {
    const [before, after] = [leg.before.used[name], leg.after.used[name]];
    if (before === null || after === null) return null;
    return ((after.cpuSeconds - before.cpuSeconds) * 1e6) / leg.payments;
  };
  return {
    leg: leg.name,
    payments: leg.payments,
    seconds: round(leg.seconds, 2),
    settledPerSecond: round(leg.payments / leg.seconds),
    acceptMs: { p50: round(percentile(leg.acceptMs, 0.5)), p99: round(percentile(leg.acceptMs, 0.99)) },
    settleMs: { p50: round(percentile(leg.settleMs, 0.5)), p99: round(percentile(leg.settleMs, 0.99)) },
    gasPerPayment: round(leg.gasPerPayment),
    transactions: leg.transactions,
    blocks: leg.blocks,
    cpuMicrosPerPayment: {
      node: round(cpuMicros("node")),
      chain: round(cpuMicros("chain")),
      client: round(cpuMicros("client")),
    },
    memoryMb: {
      node: round(leg.after.used.node?.residentMb ?? null),
      chain: round(leg.after.used.chain?.residentMb ?? null),
    },
    conditions: { chain: options.chain, blockMs, depth, batch: options.batch, requestsInFlight: options.inFlight },
  };
}

/** Settled per second through the node (both legs together) over the bare chain's. */
function toRatio(legs: readonly Leg[]): number {
  const node = legs.filter(({ name }) => name === "node");
  const bare = legs.find(({ name }) => name === "bare chain");
  const rate = (some: readonly Leg[]): number =>
    some.reduce((sum, { payments }) => sum + payments, 0) / some.reduce((sum, { seconds }) => sum + seconds, 0);
  return bare === undefined ? 0 : rate(node) / rate([bare]);
}

function print(legs: readonly Leg[], options: Options): void {
  const rows = legs.map((leg) => summarize(leg, options));
  const machine = `${cpus().length} × ${cpus()[0]?.model ?? "unknown processor"}`;
  const ratio = Number(toRatio(legs).toFixed(3));
  if (options.json) {
    process.stdout.write(`${JSON.stringify({ machine, node: process.version, ratio, legs: rows })}\n`);
    return;
  }
  const pair = (value: unknown): string => {
    const { p50, p99 } = value as { p50: number | null; p99: number | null };
    return p50 === null ? "–" : `${p50} / ${p99}`;
  };
  const triple = (value: unknown): string =>
    Object.values(value as Record<string, number | null>)
      .map((n) => n ?? "–")
      .join(" / ");
  const table = new Table({
    head: [
      "leg",
      "settled/s",
      "accept ms p50 / p99",
      "settle ms p50 / p99",
      "gas/payment",
      "CPU µs/payment node / chain / client",
      "MB node / chain",
      "conditions",
    ],
    style: { head: [], border: [], compact: true },
  });
  const conditions = `${options.chain}, block ${blockMs} ms, depth ${depth}, batch ${options.batch} × ${options.inFlight}`;
  for (const row of rows) {
    table.push([
      String(row["leg"]),
      String(row["settledPerSecond"]),
      pair(row["acceptMs"]),
      pair(row["settleMs"]),
      String(row["gasPerPayment"]),
      triple(row["cpuMicrosPerPayment"]),
      triple(row["memoryMb"]),
      conditions,
    ]);
  }
  process.stdout.write(
    `${machine}, Node ${process.version}, ${options.payments} payments per leg\n${table.toString()}\n`,
  );
  process.stdout.write(`through the node / bare chain: ${ratio} (${conditions}); bank, books and chain agree\n`);
}

/** Groups that take less are one line. */
const leastMicros = 2;

/** Where the node's time went, both node legs together. The profiles are there once the devnet has ended. */
function printProfile(legs: readonly Leg[], folder: string): void {
  const node = legs.filter(({ name }) => name === "node");
  const payments = node.reduce((sum, leg) => sum + leg.payments, 0);
  const windows = node.map(({ before, after }) => [before.at, after.at] as const);
  const times = summarizeProfiles({ folder, program: "/src/main.ts", windows });
  const table = new Table({ head: ["called by", "µs/payment"], style: { head: [], border: [], compact: true } });
  let rest = 0;
  for (const { group, micros } of times) {
    if (micros / payments < leastMicros) rest += micros;
    else table.push([group, (micros / payments).toFixed(1)]);
  }
  table.push(["everything else", (rest / payments).toFixed(1)]);
  process.stdout.write(
    `the node's self time, sampled, by the nearest file of ours on the stack\n${table.toString()}\n`,
  );
}

async function main(): Promise<number> {
  let options: Options | null;
  try {
    options = readOptions(process.argv.slice(2));
  } catch (error) {
    say(`${error instanceof Error ? error.message : String(error)}\n\n${help}`);
    return 64;
  }
  if (options === null) {
    process.stdout.write(help);
    return 0;
  }
  const folder = mkdtempSync(join(tmpdir(), "remesa-bench-"));
  const { profile } = options;
  const env = {
    BATCH_ROWS: String(options.batch),
    MAX_LIVE_INTENTS: "1000000",
    LOG_LEVEL: "warn",
    ...(profile === null ? {} : { NODE_OPTIONS: toProfileOptions(profile) }),
  };
  let devnet: SpawnedDevnet | null = null;
  const clean = async (): Promise<void> => {
    await devnet?.stop();
    rmSync(folder, { recursive: true, force: true });
  };
  for (const signal of ["SIGINT", "SIGTERM"] as const)
    process.once(signal, () => void clean().then(() => process.exit(130)));
  try {
    say(`starting a devnet (${options.chain})`);
    devnet = await spawnDevnet({ data: join(folder, "data"), args: ["--chain", options.chain, "--no-demo"], env });
    const legs = await runLegs(options, devnet);
    print(legs, options);
    await devnet.stop();
    if (profile !== null) printProfile(legs, profile);
    return 0;
  } catch (error) {
    say(`the benchmark stopped: ${error instanceof Error ? error.message : String(error)}`);
    if (devnet !== null) say(`the end of the node's log:\n${readTail(join(devnet.links.logs, "node.log"), 5)}`);
    return 1;
  } finally {
    await clean();
  }
}

process.exit(await main());
