/**
 * The processes of a chaos run: a chain, a node with its surface, and the bad provider between them, in a temporary folder on free ports. Owns starting
 * them in order and ending them whatever happens; promises that nothing it started or mounted outlives `close`.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { privateKeyToAccount } from "viem/accounts";
import { deploy } from "../../src/chain/deploy.ts";
import { roleNames } from "../../src/config.ts";
import { type Address, type Hex, toLower } from "../../src/domain/hex.ts";
import type { Client } from "../../src/http/client.ts";
import { type Child, readTail, startChild } from "../devnet/child.ts";
import { type Cluster, hasPostgres, openCluster } from "../../test/store/cluster.ts";
import { createOperator, openReserves } from "../devnet/demo.ts";
import { prepareCredentials } from "../devnet/folder.ts";
import { type NodeProcess, superviseNode } from "../devnet/node.ts";
import { findDeployerKey, fund, readChain } from "../devnet/rpc.ts";
import { findFreePort } from "../devnet/spawn.ts";
import type { CoinFacts } from "../devnet/wallet.ts";
import { fetchNetwork } from "../session.ts";
import { type Disk, mountDisk } from "./disk.ts";
import { type Proxy, startProxy } from "./proxy.ts";

/** Blocks; even. Reorgs go up to one less: room for a node that is behind, on a chain that cannot pause. */
export const finality = 8;
/** Payments are far below it. */
const travelRuleLimit = 1_000_000_000_000n;

export interface StageOptions {
  readonly chain: "hardhat" | "anvil";
  readonly store: "sqlite" | "postgres";
  readonly keep: boolean;
  readonly onRestart: (why: string) => void;
}

export interface Stage {
  readonly client: Client;
  readonly chainId: number;
  readonly coin: CoinFacts;
  /** The chain itself, past the bad provider. */
  readonly chainUrl: string;
  readonly proxy: Proxy;
  readonly node: NodeProcess;
  /** Null where no disk could be mounted, and where the store is not in a folder. */
  readonly disk: Disk | null;
  /** Ends the database's server as a crash would and starts it again; null where there is none, or it is not ours. */
  readonly crashDatabase: (() => void) | null;
  readonly folder: string;
  /** The node's folder in it. */
  readonly data: string;
  /** Rejects when chain or node are gone for good. */
  readonly failed: Promise<never>;
  /** The end of the node's log. */
  lastWords(): string;
  /** How often the node warned, by code. */
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

/** Lines of a log by their `code`. */
function countCodes(log: string): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const [, code = ""] of readFileSync(log, "utf8").matchAll(/"code":"([a-z_]+)"/g)) {
    counts[code] = (counts[code] ?? 0) + 1;
  }
  return counts;
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
    const cluster = options.store === "postgres" ? await startDatabase() : null;
    closing.add(() => cluster?.stop());
    const { child: chain, url: chainUrl } = await startChain(options, folder);
    closing.add(() => chain.stop());
    const proxy = await startProxy(chainUrl);
    closing.add(() => proxy.close());
    const port = await findFreePort();
    const credentials = await prepare({ chainUrl, data, url: `http://127.0.0.1:${port}` });
    const log = join(folder, "logs", "node.log");
    const database = cluster === null ? {} : { DATABASE_URL: await cluster.createDatabase() };
    const env = { FINALITY: `depth:${finality}`, LOG_LEVEL: "info", ...database };
    const node = superviseNode({ folder: data, port, rpcUrl: proxy.url, log, env, onRestart: options.onRestart });
    closing.add(() => {
      // A stopped process does not hear that it should end.
      node.signal("SIGCONT");
      return node.stop();
    });
    await node.whenReady();
    const client = createOperator(credentials);
    const network = await fetchNetwork(client);
    const coin = network.coins[0];
    if (coin === undefined) throw new Error("the network has no coin");
    await openReserves(client, coin.address);
    const gone = chain.ended.then((): never => {
      throw new Error(`the chain ended:\n${readTail(chain.log, 8)}`);
    });
    const failed = Promise.race([gone, node.failed]);
    failed.catch(() => undefined);
    const { close } = closing;
    const crashDatabase = cluster?.crash ?? null;
    const said = { lastWords: () => readTail(log, 12), countWarnings: () => countCodes(log) };
    return {
      client,
      chainId: network.chainId,
      coin,
      chainUrl,
      proxy,
      node,
      disk,
      crashDatabase,
      folder,
      data,
      failed,
      ...said,
      close,
    };
  } catch (error) {
    await closing.close();
    throw error;
  }
}
