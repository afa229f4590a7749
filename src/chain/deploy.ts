/**
 * Puts a network's contracts on any EVM chain and wires them. Owns the order of the steps and `deployment.json`; promises that running it
 * again changes nothing, that an interrupted run is taken up where it stopped, and that it ends only after proving that the role
 * grid is the table's and no administrator acts without delay. Never overwrites the file of another chain.
 */
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Abi, encodeDeployData, encodeFunctionData, getContractAddress } from "viem";
import type { Address, Hex, Word } from "../domain/hex.ts";
import type { Deployment } from "../pipeline/ports.ts";
import {
  accessManagerAbi,
  claimEscrowAbi,
  commerceEscrowAbi,
  dispatcherAbi,
  fxSwapAbi,
  redemptionEscrowAbi,
  stablecoinAbi,
  treasuryAbi,
  vaspRegistryAbi,
} from "./abi.ts";
import { type ContractName, isBuild, readBuild } from "./build.ts";
import { createDeployer, type Deployer } from "./deployer.ts";
import { createGridReader, type GridMember } from "./grid.ts";
import { adminRole, cancelOnlyDelay, delayOf, findRole, type RoleMember, roleMembers } from "./roles.ts";
import { createRpc, type Rpc, unwrap } from "./rpc.ts";
import { toCallRequest } from "./views.ts";
import { type Invocation, listGrid, listWiring, type Plan, type Step, toGrant } from "./wiring.ts";

export interface DeployOptions {
  readonly rpcUrl: string;
  /** Without a key the node's first unlocked account deploys. */
  readonly deployerKey?: Hex | undefined;
  /** Who holds which role. All of them, all different, outside a devnet; in a devnet at least `admin`. */
  readonly roleAddresses: Readonly<Partial<Record<RoleMember, Address>>>;
  /** Where `deployment.json` is written. */
  readonly outFolder: string;
  /** Shortens the slow roles' delays, switches minting on and registers the wallet operators whose keys are given. */
  readonly devnet?: boolean;
  /** Base units from which on a payment between two operators' families needs an attestation; by default the rule is off. */
  readonly travelRuleLimit?: bigint;
  /** Progress, one line per step. */
  readonly report?: (line: string) => void;
}

export interface DeployResult {
  readonly deployment: Deployment;
  readonly outcome: "deployed" | "unchanged";
  readonly members: readonly GridMember[];
}

/** Why a deployment is refused or cannot go on; the message says what to do. */
export class DeployError extends Error {
  override readonly name = "DeployError";
}

/** The coins: a dollar and a quetzal, six decimals each. */
export const coins = [
  { name: "Remesa Dollar", symbol: "XUS", version: "1", decimals: 6 },
  { name: "Remesa Quetzal", symbol: "XGT", version: "1", decimals: 6 },
] as const;
/** Seconds an attestation supports minting. A devnet's clock is moved by days, so there it is the longest the Treasury takes. */
const attestationLifetimes = { production: 7n * 86_400n, devnet: 45n * 86_400n } as const;

const abis: Readonly<Record<ContractName, Abi>> = {
  AccessManager: accessManagerAbi,
  Stablecoin: stablecoinAbi,
  Treasury: treasuryAbi,
  VaspRegistry: vaspRegistryAbi,
  RedemptionEscrow: redemptionEscrowAbi,
  ClaimEscrow: claimEscrowAbi,
  CommerceEscrow: commerceEscrowAbi,
  FxSwap: fxSwapAbi,
  Dispatcher: dispatcherAbi,
};

/** One contract of the network: its artifact, and for a coin its symbol, which tells two of one artifact apart. */
type PlaceName = Exclude<ContractName, "Stablecoin"> | (typeof coins)[number]["symbol"];

/** Contracts created so far, written before the next step: what an interrupted run leaves behind. */
interface Progress {
  readonly genesis: Word;
  readonly deployer: Address;
  block: number | null;
  readonly contracts: Partial<Record<PlaceName, Address>>;
}

const fileName = "deployment.json";
const progressName = "deployment.progress.json";

function readJson<T>(path: string): T | null {
  return existsSync(path) ? (JSON.parse(readFileSync(path, "utf8")) as T) : null;
}

/** Written beside and renamed, so that a crash leaves the old file or the new one. */
function writeJson(path: string, value: unknown): void {
  writeFileSync(`${path}.new`, `${JSON.stringify(value, null, 2)}\n`);
  renameSync(`${path}.new`, path);
}

function addressesOf(deployment: Deployment): readonly (readonly [ContractName, Address])[] {
  return [
    ["AccessManager", deployment.authority],
    ...deployment.coins.map(({ address }) => ["Stablecoin", address] as const),
    ["Treasury", deployment.treasury],
    ["VaspRegistry", deployment.registry],
    ["RedemptionEscrow", deployment.redemptions],
    ["ClaimEscrow", deployment.claims],
    ["CommerceEscrow", deployment.commerce],
    ["FxSwap", deployment.swap],
    ["Dispatcher", deployment.dispatcher],
  ];
}

/** Our addresses whose code is not the build's; empty when all are. */
export async function findForeignCode(rpc: Rpc, deployment: Deployment): Promise<readonly string[]> {
  const contracts = addressesOf(deployment);
  const codes = await rpc.read(
    contracts.map(([, address]) => ({ method: "eth_getCode", params: [address, "latest"] })),
  );
  return contracts.flatMap(([name, address], i) => {
    const code = unwrap<Hex>(codes[i], "eth_getCode");
    if (isBuild(readBuild(name), code)) return [];
    return [`${name} at ${address}: ${code === "0x" ? "no code" : "other code than the build's"}`];
  });
}

/** Everything wrong with the role addresses, before anything is sent. */
function checkRoles(options: DeployOptions): void {
  const { roleAddresses, devnet = false } = options;
  const required: readonly RoleMember[] = devnet ? ["admin"] : roleMembers;
  const missing = required.filter((member) => roleAddresses[member] === undefined);
  if (missing.length > 0) throw new DeployError(`no address for ${missing.join(", ")}`);
  if (devnet) return;
  const given = roleMembers.map((member) => roleAddresses[member]);
  if (new Set(given).size !== given.length) throw new DeployError("two roles share an address: one power per key");
}

/** What was deployed into this folder before: null when nothing was, or when a devnet's chain is gone and its file was set aside. */
async function findEarlier(rpc: Rpc, chainId: number, options: DeployOptions): Promise<Deployment | null> {
  const path = join(options.outFolder, fileName);
  const earlier = readJson<Deployment>(path);
  if (earlier === null) return null;
  const foreign = earlier.chainId === chainId ? await findForeignCode(rpc, earlier) : ["another chain id"];
  if (foreign.length === 0) return earlier;
  if (options.devnet !== true) {
    throw new DeployError(`${path} belongs to another deployment (${foreign.join("; ")}): choose another folder`);
  }
  const aside = `deployment.${new Date().toISOString().replace(/[:.]/g, "-")}.json`;
  renameSync(path, join(options.outFolder, aside));
  options.report?.(`${fileName} belongs to another chain or build: set aside as ${aside}`);
  return null;
}

interface Site {
  readonly rpc: Rpc;
  readonly deployer: Deployer;
  readonly options: DeployOptions;
  readonly devnet: boolean;
  readonly report: (line: string) => void;
}

interface Placement {
  readonly place: PlaceName;
  readonly contract: ContractName;
  /** Constructor arguments, once the addresses of those before are known. */
  readonly args: (at: (place: PlaceName) => Address) => readonly unknown[];
}

/** In order of creation: each knows those before it. */
function placements(site: Site): readonly Placement[] {
  const lifetime = site.devnet ? attestationLifetimes.devnet : attestationLifetimes.production;
  const place = (contract: Exclude<ContractName, "Stablecoin">, args: Placement["args"]): Placement => {
    return { place: contract, contract, args };
  };
  const both = (at: Parameters<Placement["args"]>[0]): readonly Address[] => coins.map(({ symbol }) => at(symbol));
  return [
    place("AccessManager", () => [site.deployer.address]),
    ...coins.map(({ name, symbol, version }): Placement => {
      return { place: symbol, contract: "Stablecoin", args: (at) => [at("AccessManager"), name, symbol, version] };
    }),
    place("Treasury", (at) => [at("AccessManager"), lifetime]),
    place("VaspRegistry", (at) => [at("AccessManager"), both(at)]),
    place("RedemptionEscrow", (at) => [at("AccessManager"), both(at)]),
    place("ClaimEscrow", (at) => [both(at)]),
    place("CommerceEscrow", (at) => [both(at)]),
    place("FxSwap", (at) => [both(at)]),
    place("Dispatcher", () => []),
  ];
}

async function readProgress(site: Site): Promise<Progress> {
  const genesis = (await site.rpc.ask<{ readonly hash: Word }>("eth_getBlockByNumber", "0x0", false)).hash;
  const left = readJson<Progress>(join(site.options.outFolder, progressName));
  const isOurs = left !== null && left.genesis === genesis && left.deployer === site.deployer.address;
  return isOurs ? left : { genesis, deployer: site.deployer.address, block: null, contracts: {} };
}

/** Creates what an earlier run did not. Addresses follow from the deployer's nonce, and are on disk before anything is sent. */
async function placeAll(site: Site, chainId: number): Promise<Deployment> {
  const progress = await readProgress(site);
  const { contracts } = progress;
  const at = (place: PlaceName): Address => {
    const address = contracts[place];
    if (address === undefined) throw new DeployError(`${place} has no address yet`);
    return address;
  };
  const missing: Placement[] = [];
  for (const placement of placements(site)) {
    const known = contracts[placement.place];
    const code = known === undefined ? "0x" : await site.rpc.ask<Hex>("eth_getCode", known, "latest");
    // a contract that knows a missing one is created anew as well
    if (missing.length > 0 || !isBuild(readBuild(placement.contract), code)) missing.push(placement);
  }
  const first = await site.deployer.nextNonce();
  for (const [i, { place }] of missing.entries()) {
    const address = getContractAddress({ from: site.deployer.address, nonce: BigInt(first + i) });
    contracts[place] = address.toLowerCase() as Address;
  }
  const path = join(site.options.outFolder, progressName);
  if (missing.length > 0) {
    progress.block = Math.min(progress.block ?? Infinity, Number(await site.rpc.ask<Hex>("eth_blockNumber")));
    writeJson(path, progress);
  }
  const sendings = missing.map(({ contract, args }) => ({
    to: null,
    data: encodeDeployData({ abi: abis[contract], bytecode: readBuild(contract).bytecode, args: args(at) }),
  }));
  await site.deployer.send(sendings);
  for (const { place } of missing) site.report(`${place} at ${at(place)}`);
  const deployment = toDeployment(chainId, progress.block ?? 0, at);
  const foreign = await findForeignCode(site.rpc, deployment);
  if (foreign.length > 0)
    throw new DeployError(`another transaction of the deployer came between: ${foreign.join("; ")}`);
  return deployment;
}

function toDeployment(chainId: number, block: number, at: (place: PlaceName) => Address): Deployment {
  return {
    chainId,
    authority: at("AccessManager"),
    treasury: at("Treasury"),
    redemptions: at("RedemptionEscrow"),
    claims: at("ClaimEscrow"),
    commerce: at("CommerceEscrow"),
    swap: at("FxSwap"),
    registry: at("VaspRegistry"),
    dispatcher: at("Dispatcher"),
    coins: coins.map((coin) => ({ ...coin, address: at(coin.symbol) })),
    block,
  };
}

function encode(abi: Abi, [functionName, ...args]: Invocation): Hex {
  return encodeFunctionData({ abi, functionName, args });
}

/** The steps the chain does not show as done. */
async function findUndone(site: Site, steps: readonly Step[]): Promise<readonly Step[]> {
  const answers = await site.rpc.read(
    steps.map(({ view }) => toCallRequest({ to: view.to, data: encode(view.abi, view.call) }, "latest")),
  );
  return steps.filter(({ done, mask }, i) => {
    const words = unwrap<string>(answers[i], "eth_call").slice(2).match(/.{64}/g) ?? [];
    const read = words.map((word, j) =>
      j === 0 && mask !== undefined ? BigInt(`0x${word}`) & mask : BigInt(`0x${word}`),
    );
    return !done.every((value, j) => read[j] === value);
  });
}

async function take(site: Site, steps: readonly Step[]): Promise<void> {
  const undone = await findUndone(site, steps);
  await site.deployer.send(undone.map(({ to, abi, call }) => ({ to, data: encode(abi, call) })));
  const [failed] = await findUndone(site, undone);
  if (failed !== undefined) throw new DeployError(`${failed.what}: sent, but the chain does not say so`);
  for (const { what } of undone) site.report(what);
}

/** Administration is handed over last: the deployer keeps nothing. */
async function handOver(site: Site, deployment: Deployment): Promise<void> {
  const { admin, canceller = site.options.roleAddresses.pauser } = site.options.roleAddresses;
  const manager = { to: deployment.authority, abi: accessManagerAbi };
  const name = "ADMIN";
  const delay = delayOf(findRole(name), site.devnet);
  const steps: Step[] = [];
  if (canceller !== undefined && canceller !== admin) {
    steps.push(toGrant(deployment, { role: adminRole, name, account: canceller, delay: cancelOnlyDelay }));
  }
  steps.push(toGrant(deployment, { role: adminRole, name, account: admin as Address, delay }));
  const { address } = site.deployer;
  if (address !== admin && address !== canceller) {
    steps.push({
      what: "the deployer is no administrator any more",
      ...manager,
      call: ["renounceRole", adminRole, address],
      view: { ...manager, call: ["hasRole", adminRole, address] },
      done: [0n],
    });
  }
  await take(site, steps);
}

/** The end of every deployment: what the chain says now, not what was sent. */
async function prove(site: Site, deployment: Deployment): Promise<readonly GridMember[]> {
  const foreign = await findForeignCode(site.rpc, deployment);
  const { members, differences } = await createGridReader({ rpc: site.rpc, deployment }).read(site.devnet);
  // a devnet may leave roles without a key
  const real = site.devnet ? differences.filter((difference) => !difference.startsWith("nobody holds")) : differences;
  const wrong = [...foreign, ...real];
  if (wrong.length > 0) throw new DeployError(`the deployment is not what it should be:\n${wrong.join("\n")}`);
  return members;
}

/** Deploys, or takes up, or finds everything in place. */
export async function deploy(options: DeployOptions): Promise<DeployResult> {
  const { outFolder, devnet = false, report = () => {} } = options;
  checkRoles(options);
  mkdirSync(outFolder, { recursive: true });
  const rpc = createRpc({ url: options.rpcUrl });
  const chainId = Number(await rpc.ask<Hex>("eth_chainId"));
  const earlier = await findEarlier(rpc, chainId, options);
  const deployer = await createDeployer({ rpc, chainId, key: options.deployerKey });
  const site: Site = { rpc, deployer, options, devnet, report };
  if (earlier !== null) return { deployment: earlier, outcome: "unchanged", members: await prove(site, earlier) };

  // what an interrupted run has sent is on chain before anything is decided
  await deployer.waitUntilIdle();
  const deployment = await placeAll(site, chainId);
  const { timestamp } = await rpc.ask<{ readonly timestamp: Hex }>("eth_getBlockByNumber", "latest", false);
  const { roleAddresses, travelRuleLimit = null } = options;
  const plan: Plan = { roleAddresses, devnet, travelRuleLimit, deployer: deployer.address, time: Number(timestamp) };
  await take(site, listWiring(plan, deployment));
  await take(site, listGrid(plan, deployment));
  await handOver(site, deployment);
  const members = await prove(site, deployment);
  writeJson(join(outFolder, fileName), deployment);
  rmSync(join(outFolder, progressName), { force: true });
  return { deployment, outcome: "deployed", members };
}
