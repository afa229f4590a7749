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
import { accessManagerAbi, redemptionEscrowAbi, stablecoinAbi, treasuryAbi } from "./abi.ts";
import { type ContractName, isBuild, readBuild } from "./build.ts";
import { createDeployer, type Deployer } from "./deployer.ts";
import { createGridReader, type GridMember } from "./grid.ts";
import {
  adminRole,
  cancelOnlyDelay,
  delayOf,
  findRole,
  listCells,
  type RoleMember,
  roleMembers,
  roles,
} from "./roles.ts";
import { createRpc, type Rpc, unwrap } from "./rpc.ts";
import { toCallRequest } from "./views.ts";

export interface DeployOptions {
  readonly rpcUrl: string;
  /** Without a key the node's first unlocked account deploys. */
  readonly deployerKey?: Hex | undefined;
  /** Who holds which role. All of them, all different, outside a devnet; in a devnet at least `admin`. */
  readonly roleAddresses: Readonly<Partial<Record<RoleMember, Address>>>;
  /** Where `deployment.json` is written. */
  readonly outFolder: string;
  /** Shortens the slow roles' delays and switches minting on. */
  readonly devnet?: boolean;
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

/** The dollar coin. */
const coin = { name: "Remesa Dollar", symbol: "XUS", version: "1", decimals: 6 } as const;
/** Seconds an attestation supports minting. A devnet's clock is moved by days, so there it is the longest the Treasury takes. */
const attestationLifetimes = { production: 7n * 86_400n, devnet: 45n * 86_400n } as const;

const abis: Readonly<Record<ContractName, Abi>> = {
  AccessManager: accessManagerAbi,
  Stablecoin: stablecoinAbi,
  Treasury: treasuryAbi,
  RedemptionEscrow: redemptionEscrowAbi,
};

/** Contracts created so far, written before the next step: what an interrupted run leaves behind. */
interface Progress {
  readonly genesis: Word;
  readonly deployer: Address;
  block: number | null;
  readonly contracts: Partial<Record<ContractName, Address>>;
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
    ["RedemptionEscrow", deployment.redemptions],
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
  readonly name: ContractName;
  /** Constructor arguments, once the addresses of those before are known. */
  readonly args: (at: (name: ContractName) => Address) => readonly unknown[];
}

/** In order of creation: each knows those before it. */
function placements(site: Site): readonly Placement[] {
  const lifetime = site.devnet ? attestationLifetimes.devnet : attestationLifetimes.production;
  return [
    { name: "AccessManager", args: () => [site.deployer.address] },
    { name: "Stablecoin", args: (at) => [at("AccessManager"), coin.name, coin.symbol, coin.version] },
    { name: "Treasury", args: (at) => [at("AccessManager"), lifetime] },
    { name: "RedemptionEscrow", args: (at) => [at("AccessManager"), [at("Stablecoin")]] },
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
  const at = (name: ContractName): Address => {
    const address = contracts[name];
    if (address === undefined) throw new DeployError(`${name} has no address yet`);
    return address;
  };
  const missing: Placement[] = [];
  for (const placement of placements(site)) {
    const known = contracts[placement.name];
    const code = known === undefined ? "0x" : await site.rpc.ask<Hex>("eth_getCode", known, "latest");
    // a contract that knows a missing one is created anew as well
    if (missing.length > 0 || !isBuild(readBuild(placement.name), code)) missing.push(placement);
  }
  const first = await site.deployer.nextNonce();
  for (const [i, { name }] of missing.entries()) {
    const address = getContractAddress({ from: site.deployer.address, nonce: BigInt(first + i) });
    contracts[name] = address.toLowerCase() as Address;
  }
  const path = join(site.options.outFolder, progressName);
  if (missing.length > 0) {
    progress.block = Math.min(progress.block ?? Infinity, Number(await site.rpc.ask<Hex>("eth_blockNumber")));
    writeJson(path, progress);
  }
  const sendings = missing.map(({ name, args }) => ({
    to: null,
    data: encodeDeployData({ abi: abis[name], bytecode: readBuild(name).bytecode, args: args(at) }),
  }));
  await site.deployer.send(sendings);
  for (const { name } of missing) site.report(`${name} at ${at(name)}`);
  const addresses = { authority: at("AccessManager"), treasury: at("Treasury"), redemptions: at("RedemptionEscrow") };
  const deployment = {
    chainId,
    ...addresses,
    coins: [{ ...coin, address: at("Stablecoin") }],
    block: progress.block ?? 0,
  };
  const foreign = await findForeignCode(site.rpc, deployment);
  if (foreign.length > 0)
    throw new DeployError(`another transaction of the deployer came between: ${foreign.join("; ")}`);
  return deployment;
}

/** A call that is made only while a view says it is needed: what makes a second run send nothing. */
interface Step {
  readonly what: string;
  readonly to: Address;
  readonly abi: Abi;
  readonly call: readonly [string, ...unknown[]];
  readonly view: { readonly to: Address; readonly abi: Abi; readonly call: readonly [string, ...unknown[]] };
  /** The view's first words once the step is done. */
  readonly done: readonly bigint[];
}

function encode(abi: Abi, [functionName, ...args]: readonly [string, ...unknown[]]): Hex {
  return encodeFunctionData({ abi, functionName, args });
}

/** The steps the chain does not show as done. */
async function findUndone(site: Site, steps: readonly Step[]): Promise<readonly Step[]> {
  const answers = await site.rpc.read(
    steps.map(({ view }) => toCallRequest({ to: view.to, data: encode(view.abi, view.call) }, "latest")),
  );
  return steps.filter(({ done }, i) => {
    const words = unwrap<string>(answers[i], "eth_call").slice(2).match(/.{64}/g) ?? [];
    return !done.every((value, j) => words[j] !== undefined && BigInt(`0x${words[j]}`) === value);
  });
}

async function take(site: Site, steps: readonly Step[]): Promise<void> {
  const undone = await findUndone(site, steps);
  await site.deployer.send(undone.map(({ to, abi, call }) => ({ to, data: encode(abi, call) })));
  const [failed] = await findUndone(site, undone);
  if (failed !== undefined) throw new DeployError(`${failed.what}: sent, but the chain does not say so`);
  for (const { what } of undone) site.report(what);
}

/** What the contracts must know of each other. Done while the deployer is still the administrator. */
function wiring(site: Site, deployment: Deployment): readonly Step[] {
  const { treasury, redemptions } = deployment;
  const { dealer } = site.options.roleAddresses;
  const toTreasury = { to: treasury, abi: treasuryAbi };
  const steps = deployment.coins.flatMap(({ address, symbol }): readonly Step[] => {
    const toCoin = { to: address, abi: stablecoinAbi };
    return [
      {
        what: `${symbol} is minted by the Treasury`,
        ...toCoin,
        call: ["setTreasury", treasury],
        view: { ...toCoin, call: ["treasury"] },
        done: [BigInt(treasury)],
      },
      {
        what: `${symbol} knows the redemption escrow`,
        ...toCoin,
        call: ["flagEscrow", redemptions],
        view: { ...toCoin, call: ["isEscrow", redemptions] },
        done: [1n],
      },
      {
        what: `the Treasury leaves sent redemptions of ${symbol} out of its coverage`,
        ...toTreasury,
        call: ["setRedemptions", address, redemptions],
        view: { ...toTreasury, call: ["redemptionsOf", address] },
        done: [BigInt(redemptions)],
      },
      ...(site.devnet
        ? [
            {
              what: `devnet: minting of ${symbol} is on`,
              ...toTreasury,
              call: ["setMinting", address, true] as const,
              view: { ...toTreasury, call: ["mintingEnabled", address] as const },
              done: [1n],
            },
          ]
        : []),
    ];
  });
  if (dealer === undefined) return steps;
  const admission: Step = {
    what: `${dealer} is a dealer`,
    ...toTreasury,
    call: ["setDealer", dealer, true],
    view: { ...toTreasury, call: ["dealerOf", dealer] },
    done: [1n],
  };
  return [...steps, admission];
}

/** The table, cell by cell and member by member. */
function grid(site: Site, deployment: Deployment): readonly Step[] {
  const manager = { to: deployment.authority, abi: accessManagerAbi };
  const cells = listCells(deployment)
    .filter(({ role }) => role !== adminRole)
    .map(
      ({ id, target, selector, role }): Step => ({
        what: `${id} belongs to role ${role}`,
        ...manager,
        call: ["setTargetFunctionRole", target, [selector], role],
        view: { ...manager, call: ["getTargetFunctionRole", target, selector] },
        done: [role],
      }),
    );
  const guards = roles.flatMap((role): readonly Step[] => {
    if (role.guardian === null) return [];
    const guardian = findRole(role.guardian).id;
    const view = { ...manager, call: ["getRoleGuardian", role.id] as const };
    const call = ["setRoleGuardian", role.id, guardian] as const;
    return [{ what: `${role.name} can be stopped by ${role.guardian}`, ...manager, call, view, done: [guardian] }];
  });
  const grants = roles.flatMap((role): readonly Step[] => {
    const account = role.member === "escrow" ? deployment.redemptions : site.options.roleAddresses[role.member];
    if (account === undefined || role.id === adminRole) return [];
    return [grant(deployment, { role: role.id, name: role.name, account, delay: delayOf(role, site.devnet) })];
  });
  return [...cells, ...guards, ...grants];
}

function grant(
  deployment: Deployment,
  { role, name, account, delay }: { role: bigint; name: string; account: Address; delay: number },
): Step {
  const manager = { to: deployment.authority, abi: accessManagerAbi };
  return {
    what: `${account} holds ${name}${delay > 0 ? ` with a delay of ${delay} s` : ""}`,
    ...manager,
    call: ["grantRole", role, account, delay],
    view: { ...manager, call: ["hasRole", role, account] },
    done: [1n, BigInt(delay)],
  };
}

/** Administration is handed over last: the deployer keeps nothing. */
async function handOver(site: Site, deployment: Deployment): Promise<void> {
  const { admin, canceller = site.options.roleAddresses.pauser } = site.options.roleAddresses;
  const manager = { to: deployment.authority, abi: accessManagerAbi };
  const name = "ADMIN";
  const delay = delayOf(findRole(name), site.devnet);
  const steps: Step[] = [];
  if (canceller !== undefined && canceller !== admin) {
    steps.push(grant(deployment, { role: adminRole, name, account: canceller, delay: cancelOnlyDelay }));
  }
  steps.push(grant(deployment, { role: adminRole, name, account: admin as Address, delay }));
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

  const deployment = await placeAll(site, chainId);
  await take(site, wiring(site, deployment));
  await take(site, grid(site, deployment));
  await handOver(site, deployment);
  const members = await prove(site, deployment);
  writeJson(join(outFolder, fileName), deployment);
  rmSync(join(outFolder, progressName), { force: true });
  return { deployment, outcome: "deployed", members };
}
