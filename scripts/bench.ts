/**
 * `npm run bench`: how many payments a second, and at what cost. Brings up a devnet of its own in a temporary folder, signs everything
 * beforehand and runs node, bare chain, node, so that a slow machine slows all three. Talks to 127.0.0.1 only, stops by itself, and prints
 * the conditions beside every figure. A leg that does not settle to the last payment is an error, not a figure.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { generatePrivateKey, privateKeyToAccount } from "viem/accounts";
import { readCredentials, readDeployment } from "../src/config.ts";
import { type Address, type Hex, toLower } from "../src/domain/hex.ts";
import type { Client } from "../src/http/client.ts";
import type { BatchResult } from "../src/http/schemas.ts";
import { type Crowd, createCrowd, type Signed } from "./bench/crowd.ts";
import { openHistory } from "./bench/history.ts";
import { type LegResult, runBareLeg, runNodeLeg, runOpenLeg, type Stage, type Used } from "./bench/legs.ts";
import { help, type Options, readOptions } from "./bench/options.ts";
import { readFamilyUsage, readUsage, readUsages } from "./bench/processes.ts";
import { toProfileOptions } from "./bench/profile.ts";
import { depth, type Leg, print, printLimit, printProfile } from "./bench/report.ts";
import { type Cluster, hasPostgres, openCluster } from "../test/store/cluster.ts";
import { readTail } from "./devnet/child.ts";
import { createOperator, deposit, openReserves } from "./devnet/demo.ts";
import { findDeployerKey, fund, readBlockTime } from "./devnet/rpc.ts";
import { type NodeProcess, superviseNode } from "./devnet/node.ts";
import { findFreePort, type SpawnedDevnet, spawnDevnet } from "./devnet/spawn.ts";
import { createNonce } from "./devnet/wallet.ts";
import { type Living, waitUntilEnded } from "./session.ts";

/** Base units each payer begins with: far more than it pays. */
const openingUnits = 1_000_000_000n;
const validSeconds = 7_200;

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

/** What runs for one benchmark. */
interface House {
  readonly devnet: SpawnedDevnet;
  /** The nodes beside the devnet's own. */
  readonly others: readonly (NodeProcess & { readonly url: string })[];
  /** The server's process where the store is PostgreSQL and the server ours. */
  readonly database: number | null;
}

const nodesOf = ({ devnet, others }: House): readonly number[] => [devnet.pids.node, ...others.map(({ pid }) => pid())];

function readAll(house: House): Used {
  const { chain } = house.devnet.pids;
  return {
    node: readUsages(nodesOf(house)),
    chain: chain === null ? null : readUsage(chain),
    client: readUsage(process.pid),
    database: house.database === null ? null : readFamilyUsage(house.database),
  };
}

async function measure(name: string, run: () => Promise<LegResult>): Promise<Leg> {
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

/** Everything a measurement is made with. */
interface Bench {
  readonly options: Options;
  readonly house: House;
  readonly stage: Stage;
  readonly coin: Address;
  /** What was signed for each leg. */
  readonly legs: readonly (readonly Signed[])[];
}

const legOf = ({ legs }: Bench, index: number): readonly Signed[] => legs[index] ?? [];

/** Node, bare chain, node. */
async function runThree(bench: Bench): Promise<readonly Leg[]> {
  const { house, stage } = bench;
  const { devnet } = house;
  const senderKey: Hex = generatePrivateKey();
  const sender = toLower(privateKeyToAccount(senderKey).address);
  await fund({ url: devnet.rpcUrl, deployerKey: findDeployerKey(devnet.chainId), accounts: [sender] });
  const legs = [await measure("node", () => runNodeLeg(stage, legOf(bench, 0)))];
  for (const pid of nodesOf(house)) process.kill(pid, "SIGSTOP");
  try {
    legs.push(await measure("bare chain", () => runBareLeg(stage, legOf(bench, 1), senderKey)));
  } finally {
    for (const pid of nodesOf(house)) process.kill(pid, "SIGCONT");
  }
  await waitCaughtUp(stage.client, devnet.rpcUrl);
  legs.push(await measure("node", () => runNodeLeg(stage, legOf(bench, 2))));
  return legs;
}

/** 10,000, 100,000 … and the wanted count itself. */
function toSteps(stored: number): readonly number[] {
  const steps: number[] = [];
  for (let step = 10_000; step < stored; step *= 10) steps.push(step);
  return [...steps, stored];
}

/** One leg per size of the store. */
async function runStored(bench: Bench): Promise<readonly Leg[]> {
  const { options, house, stage, coin } = bench;
  const history = openHistory({ folder: house.devnet.data, coin, most: options.stored });
  const legs: Leg[] = [];
  try {
    for (const [index, step] of toSteps(options.stored).entries()) {
      say(`${step} finished payments`);
      await history.grow(step);
      // A node adds every line of its ledger up once, then the new ones: those it has never seen belong to no leg.
      await stage.client.get("/v1/reconciliation?fresh=true");
      legs.push(await measure(`node, ${step} stored`, () => runNodeLeg(stage, legOf(bench, index))));
    }
  } finally {
    history.close();
  }
  return legs;
}

/** As fast as it goes, then at a part of that rate. */
async function runRate(bench: Bench): Promise<readonly Leg[]> {
  const { options, stage } = bench;
  const top = await measure("node", () => runNodeLeg(stage, legOf(bench, 0)));
  const rate = Math.round((options.rate * top.payments) / top.seconds);
  return [top, await measure(`node, open at ${rate}/s`, () => runOpenLeg(stage, legOf(bench, 1), rate))];
}

async function runLegs(options: Options, house: House): Promise<readonly Leg[]> {
  const { rpcUrl, chainId, data, url } = house.devnet;
  const credentials = readCredentials(data);
  const deployment = readDeployment(data);
  const coin = deployment.coins[0]?.address;
  if (coin === undefined) throw new Error("the deployment has no coin");
  const client = createOperator(credentials);
  const crowd = await createCrowd({ deployment, payments: options.payments, batch: options.batch });
  const validBefore = (await readBlockTime(rpcUrl)) + validSeconds;
  say(`${crowd.payers.length} payers: opening balances`);
  await openAccounts({ client, crowd, coin, validBefore });
  const count = options.stored > 0 ? toSteps(options.stored).length : options.rate > 0 ? 2 : 3;
  say(`signing ${count * options.payments} payments`);
  const signed = Array.from({ length: count }, (_, leg) =>
    crowd.signLeg(leg, { count: options.payments, coin, validBefore }),
  );
  const { batch, inFlight } = options;
  const readUsed = () => readAll(house);
  const urls = [url, ...house.others.map((other) => other.url)];
  let turn = 0;
  const nextUrl = () => urls[turn++ % urls.length] ?? url;
  const stage: Stage = { client, nextUrl, rpcUrl, chainId, coin, batch, inFlight, depth, readUsed };
  const bench: Bench = { options, house, stage, coin, legs: signed };
  const run = options.stored > 0 ? runStored : options.rate > 0 ? runRate : runThree;
  const legs = await run(bench);
  const { agrees, block } = await client.get<{ agrees: boolean; block: number }>("/v1/reconciliation?fresh=true");
  if (!agrees) throw new Error(`bank, books and chain do not agree at block ${block}`);
  return legs;
}

/** Another node on the same database, on a port of its own. */
async function startOther(devnet: SpawnedDevnet, env: Readonly<Record<string, string>>): Promise<House["others"][0]> {
  const port = await findFreePort();
  const node = superviseNode({
    folder: devnet.data,
    port,
    rpcUrl: devnet.rpcUrl,
    log: join(devnet.links.logs, `node-${port}.log`),
    env,
    onRestart: (why) => say(`a node ended (${why}) and was started again: the figures are worth nothing`),
  });
  await node.whenReady();
  return { ...node, url: `http://127.0.0.1:${port}` };
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
  let devnet: SpawnedDevnet | null = null;
  let cluster: Cluster | null = null;
  const others: House["others"][0][] = [];
  const stop = async (): Promise<void> => {
    await Promise.all(others.map((other) => other.stop()));
    await devnet?.stop();
  };
  const clean = async (): Promise<void> => {
    await stop();
    await cluster?.stop();
    rmSync(folder, { recursive: true, force: true });
  };
  for (const signal of ["SIGINT", "SIGTERM"] as const)
    process.once(signal, () => void clean().then(() => process.exit(130)));
  try {
    if (options.store === "postgres") {
      if (!hasPostgres()) throw new Error("there is no PostgreSQL here: install Debian's postgresql");
      cluster = await openCluster({ isDurable: true });
    }
    const env = {
      BATCH_ROWS: String(options.batch),
      MAX_LIVE_INTENTS: "1000000",
      LOG_LEVEL: "warn",
      ...(cluster === null ? {} : { DATABASE_URL: await cluster.createDatabase() }),
      ...(profile === null ? {} : { NODE_OPTIONS: toProfileOptions(profile) }),
    };
    say(`starting a devnet (${options.chain})`);
    devnet = await spawnDevnet({ data: join(folder, "data"), args: ["--chain", options.chain, "--no-demo"], env });
    while (others.length < options.nodes - 1) others.push(await startOther(devnet, env));
    const legs = await runLegs(options, { devnet, others, database: cluster?.pid ?? null });
    print(legs, options);
    const last = legs.at(-1);
    if (options.rate > 0 && last !== undefined) printLimit(last);
    await stop();
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
