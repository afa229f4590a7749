/**
 * The processes of a chaos run: a chain, one node or several with their surfaces, and a bad provider before each, in a temporary folder on free ports. Owns
 * starting them in order and ending them whatever happens; promises that nothing it started or mounted outlives `close`.
 */
import { strict as assert } from "node:assert";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { privateKeyToAccount } from "viem/accounts";
import { deploy } from "../../src/chain/deploy.ts";
import { roleNames } from "../../src/config.ts";
import { type Address, type Hex, toLower } from "../../src/domain/hex.ts";
import { type Child, readTail, startChild } from "../devnet/child.ts";
import { type Cluster, hasPostgres, openCluster } from "../../test/store/cluster.ts";
import { openReserves } from "../devnet/demo.ts";
import { prepareCredentials } from "../devnet/folder.ts";
import { findDeployerKey, fund, readChain } from "../devnet/rpc.ts";
import { findFreePort } from "../devnet/spawn.ts";
import type { CoinFacts } from "../devnet/wallet.ts";
import { fetchNetwork } from "../session.ts";
import { type Disk, mountDisk } from "./disk.ts";
import { countCodes, type StageNode, startNodes } from "./nodes.ts";

/** Blocks; even. Reorgs go up to one less: room for a node that is behind, on a chain that cannot pause. */
export const finality = 8;
/** Payments are far below it. */
const travelRuleLimit = 1_000_000_000_000n;

export interface StageOptions {
  readonly chain: "hardhat" | "anvil";
  readonly store: "sqlite" | "postgres";
  /** How many share the database; one where the store is in a folder. */
  readonly nodes: number;
  readonly keep: boolean;
  readonly onRestart: (why: string) => void;
}

/** Who runs a loop. */
export interface Lease {
  readonly epoch: number;
  readonly node: StageNode;
}

export interface Stage {
  readonly nodes: readonly StageNode[];
  readonly chainId: number;
  readonly coin: CoinFacts;
  /** The chain itself, past the bad providers. */
  readonly chainUrl: string;
  /** Null where no disk could be mounted, and where the store is not in a folder. */
  readonly disk: Disk | null;
  /** Ends the database's server as a crash would and starts it again; null where there is none, or it is not ours. */
  readonly crashDatabase: (() => void) | null;
  /** The running lease of that name, as the database has it; null while nobody holds it, and where there is no database. */
  readonly readLease: (name: string) => Promise<Lease | null>;
  readonly folder: string;
  /** The nodes' folder in it. */
  readonly data: string;
  /** Rejects when chain or a node are gone for good. */
  readonly failed: Promise<never>;
  /** The end of the nodes' logs. */
  lastWords(): string;
  /** How often the nodes warned, by code. */
  countWarnings(): Readonly<Record<string, number>>;
  close(): Promise<void>;
}

const addressOf = (key: Hex): Address => toLower(privateKeyToAccount(key).address);

/** Ends what was started, the last first. */
function createClosing(): { add(close: () => unknown): void; close(): Promise<void> } {
  const steps: (() => unknown)[] = [];
  let closing: Promise<void> | null = null;
  return {
    add: (step) => void steps.unshift(step),
    close() {
      closing ??= (async () => {
        for (const step of steps) await (async () => step())().catch(() => undefined);
      })();
      return closing;
    },
  };
}

async function startChain(options: StageOptions, folder: string): Promise<{ child: Child; url: string }> {
  const port = await findFreePort();
  const args = ["--client", options.chain, "--port", String(port)];
  const log = join(folder, "logs", "chain.log");
  const child = startChild({ program: "scripts/devnet/chain", args, env: process.env, log });
  if ((await child.spoke) === null) throw new Error(`the chain does not start:\n${readTail(log, 8)}`);
  return { child, url: `http://127.0.0.1:${port}` };
}

async function startDatabase(): Promise<Cluster> {
  if (!hasPostgres())
    throw new Error(
      "there is no PostgreSQL here: install Debian's postgresql, or name a server in REMESA_TEST_POSTGRES",
    );
  return openCluster();
}

async function prepare(options: { chainUrl: string; data: string; url: string }) {
  const { chainUrl, data, url } = options;
  const credentials = prepareCredentials(data, url);
  const { id } = await readChain(chainUrl);
  const deployerKey = findDeployerKey(id);
  const roles = roleNames.flatMap((role) => {
    const key = credentials.roles[role];
    return key === undefined ? [] : [[role, addressOf(key)] as const];
  });
  const accounts = [...credentials.lanes.map(addressOf), ...roles.map(([, at]) => at)];
  await fund({ url: chainUrl, deployerKey, accounts });
  const roleAddresses = Object.fromEntries(roles);
  await deploy({ rpcUrl: chainUrl, deployerKey, roleAddresses, outFolder: data, devnet: true, travelRuleLimit });
  return credentials;
}

/** A lease's owner names its process. */
function createLeaseReader(database: { readonly cluster: Cluster; readonly url: string } | null) {
  return async (name: string, nodes: readonly StageNode[]): Promise<Lease | null> => {
    if (database === null) return null;
    const text = `SELECT owner, epoch::int AS epoch FROM leases WHERE name = '${name}' AND until > clock_timestamp()`;
    const [row] = await database.cluster.run(database.url, text);
    const [, pid] = String(row?.["owner"] ?? "").split(" ");
    const node = nodes.find(({ process: one }) => String(one.pid()) === pid);
    return node === undefined ? null : { node, epoch: Number(row?.["epoch"]) };
  };
}

async function openDatabase(options: StageOptions, onStart: (close: () => unknown) => void) {
  if (options.store === "sqlite") return null;
  const cluster = await startDatabase();
  onStart(() => cluster.stop());
  return { cluster, url: await cluster.createDatabase() };
}

/** Everything up and answering, reserves attested. Throws with the last words of what did not come up, with nothing left behind. */
export async function openStage(options: StageOptions): Promise<Stage> {
  const closing = createClosing();
  const folder = mkdtempSync(join(tmpdir(), "remesa-chaos-"));
  closing.add(() => options.keep || rmSync(folder, { recursive: true, force: true }));
  try {
    const data = join(folder, "data");
    mkdirSync(data);
    const disk = options.store === "sqlite" ? mountDisk(data) : null;
    closing.add(() => disk?.close());
    const database = await openDatabase(options, closing.add);
    const { child: chain, url: chainUrl } = await startChain(options, folder);
    closing.add(() => chain.stop());
    const ports: number[] = [];
    while (ports.length < options.nodes) ports.push(await findFreePort());
    const credentials = await prepare({ chainUrl, data, url: `http://127.0.0.1:${ports[0]}` });
    const env = {
      FINALITY: `depth:${finality}`,
      LOG_LEVEL: "info",
      ...(database === null ? {} : { DATABASE_URL: database.url }),
    };
    const { onRestart } = options;
    const nodes = await startNodes({ ports, folder, data, chainUrl, credentials, env, onRestart }, closing.add);
    const [first = assert.fail("there is a node")] = nodes;
    const { chainId, coins } = await fetchNetwork(first.client);
    const [coin = assert.fail("the network has a coin")] = coins;
    await openReserves(first.client, coin.address);
    const gone = chain.ended.then((): never => {
      throw new Error(`the chain ended:\n${readTail(chain.log, 8)}`);
    });
    const failed = Promise.race([gone, ...nodes.map((node) => node.process.failed)]);
    failed.catch(() => undefined);
    const readOwner = createLeaseReader(database);
    return {
      nodes,
      chainId,
      coin,
      chainUrl,
      disk,
      folder,
      data,
      failed,
      crashDatabase: database?.cluster.crash ?? null,
      readLease: (name) => readOwner(name, nodes),
      lastWords: () => nodes.map(({ name, log }) => `${name}:\n${readTail(log, 12)}`).join("\n"),
      countWarnings: () => countCodes(nodes),
      close: closing.close,
    };
  } catch (error) {
    await closing.close();
    throw error;
  }
}
