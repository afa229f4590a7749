/**
 * The stage: the same small cast on a fresh chain and in the model. Owns who plays which part and with what everybody begins. Promises
 * that addresses, keys and times are the same in every run, so that a seed replays, and that both sides begin equal.
 */
import { computeAddress, Contract, type ContractRunner, id, type Interface, SigningKey } from "ethers";
import { network } from "hardhat";
import { accountOf, type Coin } from "../../model/coin.ts";
import type { Books } from "../../model/escrow.ts";
import { type Address, DAY, power, WHOLE, type World, ZERO } from "../../model/frame.ts";

type Provider = Awaited<ReturnType<typeof network.create>>["provider"];
export const COIN = 1_000_000n;
export const FUNDS = 10_000n * COIN;
/** What the stage is set at: 2033, whatever the clock says. */
export const START = 2_000_000_000n;
/** A deadline that nobody comes near. */
export const FAR = 4_000_000_000n;
export const TRAVEL_LIMIT = 500n * COIN;
export const CASE = id("the case of the frozen");
const CHAIN_ID = 31_337n;

/** Five holders; then two whose freezes stay; then the roles. */
export const HOLDERS = ["ana", "bea", "carl", "dora", "wallet"] as const;
const KEYS = [
  ...HOLDERS.slice(0, 4),
  "owner",
  "ice",
  "thin",
  "treasury",
  "freezer",
  "pauser",
  "seizer",
  "governor",
  "custody",
  "vault",
  "agent",
  "cosigner",
  "both",
  "arbiter",
  "attestor",
  "link",
  "merchant",
  "receiver",
  "operator",
  "operator2",
  "key",
  "key2",
  "stranger",
] as const;
type Name = (typeof KEYS)[number] | "wallet";
export const CONTRACTS = ["xus", "xgt", "registry", "claims", "commerce", "swap", "redemption"] as const;
export type ContractName = (typeof CONTRACTS)[number];

const SOURCES: Record<ContractName, string> = {
  xus: "Stablecoin",
  xgt: "Stablecoin",
  registry: "VaspRegistry",
  claims: "ClaimEscrow",
  commerce: "CommerceEscrow",
  swap: "FxSwap",
  redemption: "RedemptionEscrow",
};
const DOMAINS: Record<ContractName, string> = {
  xus: "Remesa Dollar",
  xgt: "Remesa Quetzal",
  registry: "Remesa Vasps",
  claims: "Remesa Claims",
  commerce: "Remesa Commerce",
  swap: "Remesa Swap",
  redemption: "Remesa Redemption",
};

/** contract, function, who may call it at once. */
const POWERS: [ContractName, string, Name | ContractName][] = [
  ...(["xus", "xgt"] as const).flatMap((coin): [ContractName, string, Name | ContractName][] => [
    ...(["treasury", "ice", "thin", "redemption"] as const).map((name): [ContractName, string, Name | ContractName] => [
      coin,
      "burn",
      name,
    ]),
    [coin, "freeze", "freezer"],
    [coin, "unfreeze", "freezer"],
    [coin, "seize", "seizer"],
    [coin, "pause", "pauser"],
    [coin, "unpause", "pauser"],
    [coin, "setTravelRuleLimit", "governor"],
    [coin, "setCustody", "governor"],
  ]),
  ["registry", "suspend", "freezer"],
  ["registry", "reinstate", "freezer"],
  ["redemption", "accept", "agent"],
  ["redemption", "reject", "agent"],
  ["redemption", "markSent", "agent"],
  ["redemption", "markSent", "both"],
  ["redemption", "confirm", "agent"],
  ["redemption", "approve", "cosigner"],
  ["redemption", "approve", "both"],
  ["redemption", "resolve", "arbiter"],
  ["redemption", "setSecondKeyLimit", "governor"],
];

export interface Stage {
  provider: Provider;
  at: Record<Name | ContractName, Address>;
  /** The key of each address that has one. */
  keys: ReadonlyMap<Address, SigningKey>;
  interfaces: Record<ContractName, Interface>;
  nameOf: (value: unknown) => string | undefined;
  /** The model of what was just deployed. */
  world: World;
}

type Deploy = (name: string, args: readonly unknown[]) => Promise<Contract>;

export async function setStage(): Promise<Stage> {
  const { ethers, provider } = await network.create();
  await provider.request({ method: "evm_setNextBlockTimestamp", params: [Number(START)] });
  const [admin] = await ethers.getSigners();
  const runner = admin as unknown as ContractRunner;
  const { at, keys } = await inviteCast(provider);
  const deploy: Deploy = async (name, args) => {
    const contract = await ethers.deployContract(name, [...args]);
    return new Contract(await contract.getAddress(), contract.interface, runner);
  };
  const manager = await deploy("AccessManager", [admin!.address]);
  const deployed = await deployAll(deploy, manager);
  for (const name of CONTRACTS) at[name] = await deployed[name].getAddress();
  at["wallet"] = await (await deploy("CoinMockWallet", [at["owner"]])).getAddress();
  for (const name of [...CONTRACTS, "wallet"]) await impersonate(provider, at[name]!);

  const stage = {
    provider,
    at: at as Stage["at"],
    keys,
    interfaces: Object.fromEntries(CONTRACTS.map((name) => [name, deployed[name].interface])) as Stage["interfaces"],
    nameOf: (value: unknown) => Object.entries(at).find(([, address]) => address === value)?.[0],
  };
  await grant(manager, deployed, stage.at);
  await furnish(deployed, stage.at, admin!.address);
  await playFurnishing(stage);
  const latest = await ethers.provider.getBlock("latest");
  return { ...stage, world: createWorld(stage.at, BigInt(latest!.timestamp)) };
}

async function impersonate(provider: Provider, address: Address): Promise<void> {
  await provider.request({ method: "hardhat_setBalance", params: [address, `0x${(10n ** 24n).toString(16)}`] });
  await provider.request({ method: "hardhat_impersonateAccount", params: [address] });
}

async function inviteCast(
  provider: Provider,
): Promise<{ at: Record<string, Address>; keys: Map<Address, SigningKey> }> {
  const at: Record<string, Address> = {};
  const keys = new Map<Address, SigningKey>();
  for (const name of KEYS) {
    const key = new SigningKey(id(`the key of ${name}`));
    const address = computeAddress(key);
    at[name] = address;
    keys.set(address, key);
    await impersonate(provider, address);
  }
  return { at, keys };
}

type Deployed = Record<ContractName, Contract>;

async function deployAll(deploy: Deploy, manager: Contract): Promise<Deployed> {
  const deployed: Partial<Deployed> = {};
  deployed.xus = await deploy("Stablecoin", [manager, DOMAINS.xus, "XUS", "1"]);
  deployed.xgt = await deploy("Stablecoin", [manager, DOMAINS.xgt, "XGT", "1"]);
  const coins = [deployed.xus, deployed.xgt];
  for (const name of ["registry", "claims", "commerce", "swap", "redemption"] as const) {
    const isManaged = name === "registry" || name === "redemption";
    deployed[name] = await deploy(SOURCES[name], isManaged ? [manager, coins] : [coins]);
  }
  return deployed as Deployed;
}

/** One role per entry of POWERS' functions: who may call what is exactly the list. */
async function grant(manager: Contract, deployed: Deployed, at: Stage["at"]): Promise<void> {
  const roles = new Map<string, bigint>();
  for (const [contract, name, member] of POWERS) {
    const cell = `${contract} ${name}`;
    const known = roles.get(cell);
    const role = known ?? BigInt(roles.size + 1);
    roles.set(cell, role);
    const { selector } = deployed[contract].interface.getFunction(name)!;
    if (known === undefined) await manager["setTargetFunctionRole"]!(at[contract], [selector], role);
    await manager["grantRole"]!(role, at[member], 0);
  }
}

async function furnish(deployed: Deployed, at: Stage["at"], admin: Address): Promise<void> {
  const { registry } = deployed;
  for (const coin of [deployed.xus, deployed.xgt]) {
    await coin["setTreasury"]!(admin);
    for (const name of [...HOLDERS, "ice", "thin", "treasury", "merchant"] as const) {
      await coin["mint"]!(at[name], FUNDS);
    }
    await coin["setTreasury"]!(at.treasury);
    await coin["setVaspRegistry"]!(at.registry);
    for (const name of ["claims", "commerce", "swap", "redemption"] as const) await coin["flagEscrow"]!(at[name]);
  }
  await registry["register"]!(at.operator, "one.example", "");
  await registry["register"]!(at.operator2, "two.example", "");
}

/** What only the cast may do. */
async function playFurnishing({ provider, at, interfaces }: Omit<Stage, "world">): Promise<void> {
  const call = async (from: Address, to: "xus" | "xgt", name: string, args: readonly unknown[]) => {
    const data = interfaces[to].encodeFunctionData(name, args);
    await provider.request({ method: "eth_sendTransaction", params: [{ from, to: at[to], data }] });
  };
  for (const coin of ["xus", "xgt"] as const) {
    await call(at.freezer, coin, "freeze", [at.ice, WHOLE, CASE, FAR]);
    await call(at.freezer, coin, "freeze", [at.thin, FUNDS - 100n * COIN, CASE, FAR]);
    await call(at.governor, coin, "setTravelRuleLimit", [TRAVEL_LIMIT]);
  }
  await call(at.governor, "xus", "setCustody", [at.custody]);
}

// ------------------------------------------------------------------------------------------------- the model

function createWorld(at: Stage["at"], time: bigint): World {
  const coins = [at.xus, at.xgt];
  const escrows = [at.claims, at.commerce, at.swap, at.redemption];
  const books = (): Books => ({ coins: [...coins], held: new Map(), credits: new Map() });
  const operator = (admin: Address) => ({ admin, suspended: false, keys: new Map() });
  return {
    chainId: CHAIN_ID,
    time,
    log: [],
    names: new Map(CONTRACTS.map((name) => [at[name], DOMAINS[name]])),
    owners: new Map([[at.wallet, at.owner]]),
    powers: new Set(POWERS.map(([contract, name, member]) => power(at[contract], name, at[member]))),
    orders: new Set(),
    coins: new Map(coins.map((coin) => [coin, createCoin(at, coin === at.xus ? at.custody : ZERO)])),
    registry: {
      address: at.registry,
      coins,
      operators: new Map([
        [1n, operator(at.operator)],
        [2n, operator(at.operator2)],
      ]),
      members: new Map(),
      consents: new Set(),
      attestations: new Set(),
      waiting: new Map(),
    },
    books: new Map(escrows.map((escrow) => [escrow, books()])),
    claims: new Map(),
    payments: new Map(),
    quotes: new Set(),
    redemptions: { byId: new Map(), toBurn: new Map(), limits: new Map() },
  };
}

function createCoin(at: Stage["at"], custody: Address): Coin {
  const funded = [...HOLDERS, "ice", "thin", "treasury", "merchant"] as const;
  const coin: Coin = {
    accounts: new Map(),
    supply: FUNDS * BigInt(funded.length),
    paused: 0n,
    travelLimit: TRAVEL_LIMIT,
    treasury: at.treasury,
    custody,
    registry: at.registry,
  };
  for (const name of funded) accountOf(coin, at[name]).balance = FUNDS;
  for (const name of ["claims", "commerce", "swap", "redemption"] as const) accountOf(coin, at[name]).escrow = true;
  Object.assign(accountOf(coin, at.ice), { freeze: WHOLE, caseId: CASE, until: FAR });
  Object.assign(accountOf(coin, at.thin), { freeze: FUNDS - 100n * COIN, caseId: CASE, until: FAR });
  return coin;
}

export const KEY_TERM = 360n * DAY;
