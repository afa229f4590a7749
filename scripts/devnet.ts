/**
 * `npm start`: a payments network on a local chain, in the foreground. Owns the order in which chain, contracts, node and demo come up and
 * go down; promises one line that begins with `ready` when everything answers, and that nothing it started outlives it. A folder of
 * another chain is set aside, never deleted.
 */
import { existsSync } from "node:fs";
import { createServer } from "node:net";
import { join, resolve } from "node:path";
import { privateKeyToAccount } from "viem/accounts";
import { deploy } from "../src/chain/deploy.ts";
import { type Credentials, roleNames } from "../src/config.ts";
import { type Address, type Hex, toLower } from "../src/domain/hex.ts";
import type { ChainReady } from "./devnet/chain.ts";
import { type Child, readTail, startChild } from "./devnet/child.ts";
import { playDemo } from "./devnet/demo.ts";
import {
  DevnetError,
  type Folder,
  openFolder,
  prepareCredentials,
  readGenesis,
  writeGenesis,
} from "./devnet/folder.ts";
import { type NodeProcess, superviseNode } from "./devnet/node.ts";
import { type DevnetOptions, help, readOptions } from "./devnet/options.ts";
import { findDeployerKey, fund, readChain, readHeight } from "./devnet/rpc.ts";
import { formatReady, formatReadyJson, type Ready, toLinks } from "./devnet/screen.ts";
import { runUnkind } from "./devnet/unkind.ts";

const localChainId = 31_337;
/** From 1,000.00 on a payment between two wallet operators' families needs an attestation. Base units. */
const travelRuleLimit = 1_000_000_000n;
/** Anvil's blocks, so that the network goes on where it was stopped. */
const anvilState = "anvil.json";

/** What runs, so that it can be ended in the right order from wherever we are. */
const running: { folder: Folder | null; chain: Child | null; minerPid: number; node: NodeProcess | null } = {
  folder: null,
  chain: null,
  minerPid: 0,
  node: null,
};

interface LocalChain {
  readonly folder: Folder;
  readonly rpcUrl: string;
  readonly chainId: number;
}

/** Progress goes to standard error: standard output carries the ready line alone, for programs. */
function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

let stopping: Promise<void> | null = null;

/** Node first: it finishes what it is doing while the chain still answers. Safe to call again. */
function stopAll(): Promise<void> {
  stopping ??= (async () => {
    await running.node?.stop();
    await running.chain?.stop();
    running.folder?.release();
  })();
  return stopping;
}

async function assertFree(port: number, option: string): Promise<void> {
  await new Promise<void>((settle, refuse) => {
    const probe = createServer();
    probe.once("error", () => {
      refuse(new DevnetError(`port ${port} is in use: end that program or give --${option} <another port>`));
    });
    probe.listen({ port, host: "127.0.0.1", exclusive: true }, () => probe.close(() => settle()));
  });
}

function setAside(folder: Folder, why: string): void {
  const name = folder.setAside();
  if (name !== null) say(`the folder ${folder.path} ${why}: set aside as ${name}`);
}

function openData(options: DevnetOptions, chainId: number): Folder {
  const folder = openFolder(resolve(options.data ?? join(".remesa", String(chainId))));
  running.folder = folder;
  if (options.fresh) setAside(folder, "is replaced (--fresh)");
  return folder;
}

function bindFolder(folder: Folder, genesis: Hex): void {
  const known = readGenesis(folder.path);
  if (known !== null && known !== genesis) setAside(folder, "belongs to another chain");
  writeGenesis(folder.path, genesis);
}

async function attachChain(options: DevnetOptions): Promise<LocalChain> {
  const rpcUrl = process.env["RPC_URL"] ?? `http://127.0.0.1:${options.chainPort}`;
  const { id, genesis } = await readChain(rpcUrl);
  const folder = openData(options, id);
  bindFolder(folder, genesis);
  return { folder, rpcUrl, chainId: id };
}

async function startChain(options: DevnetOptions): Promise<LocalChain> {
  await assertFree(options.chainPort, "chain-port");
  const folder = openData(options, localChainId);
  const state = join(folder.path, anvilState);
  if (options.chain === "hardhat") setAside(folder, "belongs to a chain that is gone (Hardhat's node keeps nothing)");
  else if (!existsSync(state)) setAside(folder, "belongs to a chain that is gone");
  const log = join(folder.path, "logs", "chain.log");
  const args = ["--client", options.chain, "--port", String(options.chainPort)];
  if (options.chain === "anvil") args.push("--state", state);
  const chain = startChild({ program: "scripts/devnet/chain", args, env: process.env, log });
  running.chain = chain;
  const ready = (await chain.spoke) as ChainReady | null;
  if (ready === null) throw new DevnetError(`the chain does not start; the end of ${log}:\n${readTail(log, 8)}`);
  running.minerPid = ready.pid;
  const rpcUrl = `http://127.0.0.1:${options.chainPort}`;
  const { genesis } = await readChain(rpcUrl);
  bindFolder(folder, genesis);
  return { folder, rpcUrl, chainId: localChainId };
}

const addressOf = (key: Hex): Address => toLower(privateKeyToAccount(key).address);

/** Contracts on the chain and gas for everyone who sends; a network that is already there is left as it is. */
async function prepareContracts({ rpcUrl, chainId, folder }: LocalChain, credentials: Credentials): Promise<void> {
  const deployerKey = findDeployerKey(chainId);
  const roles = roleNames.flatMap((role) => {
    const key = credentials.roles[role];
    return key === undefined ? [] : [[role, addressOf(key)] as const];
  });
  await fund({
    url: rpcUrl,
    deployerKey,
    accounts: [...credentials.lanes.map(addressOf), ...roles.map(([, at]) => at)],
  });
  const had = existsSync(join(folder.path, "remesa.db"));
  const { outcome } = await deploy({
    rpcUrl,
    deployerKey,
    roleAddresses: Object.fromEntries(roles),
    outFolder: folder.path,
    devnet: true,
    travelRuleLimit,
  });
  // The node would refuse the new addresses, and rightly so: its books are about the old ones.
  if (had && outcome === "deployed") {
    throw new DevnetError(`the contracts are not those of ${folder.path} any more: start again with --fresh`);
  }
}

async function startNode(options: DevnetOptions, chain: LocalChain): Promise<NodeProcess> {
  const node = superviseNode({
    folder: chain.folder.path,
    port: options.port,
    rpcUrl: chain.rpcUrl,
    log: join(chain.folder.path, "logs", "node.log"),
    onRestart: (why) => {
      if (!options.unkind) say(`the node ended (${why}); started again on the same folder`);
    },
  });
  running.node = node;
  await node.whenReady();
  return node;
}

/** Ends with a sentence when the chain dies: without it there is nothing to settle on, and Hardhat's node cannot come back. */
async function watchChain(): Promise<never> {
  const { chain, minerPid } = running;
  const never = new Promise<never>(() => {});
  if (chain === null) return never;
  const { code, signal } = await chain.ended;
  if (stopping !== null) return never;
  if (minerPid !== chain.pid) endQuietly(minerPid);
  throw new DevnetError(`the chain ended (${signal ?? `exit ${code}`}); see ${chain.log}`);
}

function endQuietly(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It is gone already.
  }
}

async function run(options: DevnetOptions): Promise<number> {
  await assertFree(options.port, "port");
  say(options.chain === "none" ? "attaching to the chain" : `starting the chain (${options.chain})`);
  const chain = await (options.chain === "none" ? attachChain(options) : startChain(options));
  const chainDied = watchChain();
  chainDied.catch(() => {});
  const url = `http://127.0.0.1:${options.port}`;
  const credentials = prepareCredentials(chain.folder.path, url);
  say("deploying the contracts");
  await Promise.race([prepareContracts(chain, credentials), chainDied]);
  say("starting the node");
  const node = await Promise.race([startNode(options, chain), chainDied]);
  if (options.demo) {
    say("playing the demo: reserves, deposits, two wallet operators, a few payments");
    await Promise.race([playDemo({ credentials, rpcUrl: chain.rpcUrl }), chainDied, node.failed]);
  }
  const ready: Ready = {
    url,
    rpcUrl: chain.rpcUrl,
    chainId: chain.chainId,
    chain: options.chain,
    data: chain.folder.path,
    block: await readHeight(chain.rpcUrl),
    demo: options.demo,
    travelRuleLimit: travelRuleLimit.toString(),
    pids: { devnet: process.pid, chain: running.minerPid || null, node: node.pid() },
  };
  const links = toLinks(ready, credentials);
  process.stdout.write(`${options.json ? formatReadyJson(ready, links) : formatReady(ready, links)}\n`);
  if (!options.unkind) return Promise.race([chainDied, node.failed]);
  drains = true;
  const unkind = runUnkind({
    node,
    credentials,
    rpcUrl: chain.rpcUrl,
    forSeconds: options.forSeconds,
    stopped,
    json: options.json,
  });
  return (await Promise.race([unkind, chainDied, node.failed])) ? 0 : 2;
}

/** Aborted by the first signal, or when the process that started us is gone. */
const stopper = new AbortController();
const stopped = stopper.signal;

/** True while unkind runs: it ends by itself, lets the payments in flight settle and says whether everything agrees. */
let drains = false;
let firstStop = 0;

/** The first request to stop is kind; one that comes a second later is not. A terminal and the bootstrap may both deliver the first. */
function onStop(): void {
  const again = stopped.aborted && performance.now() - firstStop > 1_000;
  if (!stopped.aborted) firstStop = performance.now();
  stopper.abort();
  if ((drains && !again) || stopping !== null) return;
  say("stopping");
  void stopAll().then(() => process.exit(0));
}

async function main(): Promise<void> {
  let options: DevnetOptions | null;
  try {
    options = readOptions(process.argv.slice(2));
  } catch (error) {
    say(`${error instanceof Error ? error.message : String(error)}\n\n${help}`);
    process.exit(64);
  }
  if (options === null) {
    process.stdout.write(help);
    return;
  }
  const chosen = options;
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, onStop);
  process.on("disconnect", () => {
    drains = false;
    onStop();
  });
  process.channel?.unref();
  // Whoever read our output may be gone; that is no reason to leave the network half stopped.
  for (const stream of [process.stdout, process.stderr]) stream.on("error", () => {});
  let code = 1;
  try {
    code = await run(chosen);
  } catch (error) {
    if (stopping === null) say(error instanceof DevnetError ? error.message : `the devnet failed: ${describe(error)}`);
  }
  if (stopping === null) {
    await stopAll();
    process.exit(code);
  }
}

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

await main();
