/**
 * The whole network as a deployment wires it: two coins, the Treasury, the registry, four escrows and the dispatcher, every role
 * with the key the table names, administration handed over. Owns the order of things; the steps themselves are the deployment's
 * own. Promises that nobody is left with a power the role table does not give. Never asserts.
 */
import type { BaseContract, Signer } from "ethers";
import { Wallet, id } from "ethers";
import { type EncodeFunctionDataParameters, encodeFunctionData } from "viem";
import { adminRole, cancelOnlyDelay, delayOf, findRole, roleMembers } from "../../src/chain/roles.ts";
import { type Plan, type Step, listGrid, listWiring, toGrant } from "../../src/chain/wiring.ts";
import type { Address } from "../../src/domain/hex.ts";
import type { Deployment } from "../../src/pipeline/ports.ts";
import type {
  AccessManager,
  ClaimEscrow,
  CommerceEscrow,
  Dispatcher,
  FxSwap,
  RedemptionEscrow,
  Stablecoin,
  Treasury,
  VaspRegistry,
} from "../../types/ethers-contracts/index.js";
import { AUTHORIZATION } from "./claim.ts";
import { type Account, type Connection, domainOf, now } from "./treasury.ts";
import { VASP_TYPES } from "./vasp.ts";

export type Member = (typeof roleMembers)[number];

/** The domains of everything that takes signatures. */
export const DOMAIN = {
  treasury: "Remesa Treasury",
  registry: "Remesa Vasps",
  redemptions: "Remesa Redemption",
  claims: "Remesa Claims",
  commerce: "Remesa Commerce",
  swap: "Remesa Swap",
} as const;
export const COINS = [
  { name: "Remesa Dollar", symbol: "XUS" },
  { name: "Remesa Quetzal", symbol: "XGT" },
] as const;

export const FUNDS = 1_000_000_000_000n;
/** The travel-rule limit of both coins: 1,000. */
export const LIMIT = 1_000_000_000n;
/** Far enough for every test. */
export const LATER = 4_000_000_000n;
export const LIFETIME = 86_400n;
export const PAYER_FAMILY = 1n;
export const PAYEE_FAMILY = 2n;

/** People with keys that only sign: the payer of one family, the payee of another, and two of none. */
const PEOPLE = ["payer", "payee", "holder", "bystander"] as const;
export type Person = (typeof PEOPLE)[number];

export interface NetworkWorld {
  connection: Connection;
  deployment: Deployment;
  manager: AccessManager;
  coins: readonly [Stablecoin, Stablecoin];
  treasury: Treasury;
  registry: VaspRegistry;
  redemptions: RedemptionEscrow;
  claims: ClaimEscrow;
  commerce: CommerceEscrow;
  swap: FxSwap;
  dispatcher: Dispatcher;
  /** The key of each member of the role table. */
  members: Record<Member, Account>;
  /** Placed everything; was the administrator, and is nothing any more. */
  deployer: Account;
  /** A key the relayer sends from: it was given nothing. */
  lane: Account;
  stranger: Account;
  /** Admin of both families, and their compliance key. */
  operator: Account;
  people: Record<Person, Wallet>;
}

export async function deployNetwork(connection: Connection): Promise<NetworkWorld> {
  const { ethers } = connection;
  const [deployer, lane, stranger, operator, ...keys] = (await ethers.getSigners()) as [
    Account,
    Account,
    Account,
    Account,
    ...Account[],
  ];
  const members = Object.fromEntries(roleMembers.map((name, i) => [name, keys[i]!])) as Record<Member, Account>;
  const place = async <Contract>(name: string, args: unknown[] = []): Promise<Contract> =>
    (await ethers.deployContract(name, args)) as unknown as Contract;
  const manager = await place<AccessManager>("AccessManager", [deployer]);
  const coins = [
    await place<Stablecoin>("Stablecoin", [manager, COINS[0].name, COINS[0].symbol, "1"]),
    await place<Stablecoin>("Stablecoin", [manager, COINS[1].name, COINS[1].symbol, "1"]),
  ] as const;
  const contracts = {
    treasury: await place<Treasury>("Treasury", [manager, LIFETIME]),
    registry: await place<VaspRegistry>("VaspRegistry", [manager, [...coins]]),
    redemptions: await place<RedemptionEscrow>("RedemptionEscrow", [manager, [...coins]]),
    claims: await place<ClaimEscrow>("ClaimEscrow", [[...coins]]),
    commerce: await place<CommerceEscrow>("CommerceEscrow", [[...coins]]),
    swap: await place<FxSwap>("FxSwap", [[...coins]]),
    dispatcher: await place<Dispatcher>("Dispatcher"),
  };
  const people = Object.fromEntries(PEOPLE.map((name) => [name, new Wallet(id(`the key of the ${name}`))]));
  const world = { connection, manager, coins, ...contracts, members, deployer, lane, stranger, operator };
  const deployment = await describe(world);
  const w: NetworkWorld = { ...world, deployment, people: people as Record<Person, Wallet> };
  await endow(w);
  await wire(w);
  return w;
}

async function describe(w: Omit<NetworkWorld, "deployment" | "people">): Promise<Deployment> {
  const at = async (contract: BaseContract) => (await contract.getAddress()) as Address;
  return {
    chainId: 31_337,
    authority: await at(w.manager),
    treasury: await at(w.treasury),
    redemptions: await at(w.redemptions),
    claims: await at(w.claims),
    commerce: await at(w.commerce),
    swap: await at(w.swap),
    registry: await at(w.registry),
    dispatcher: await at(w.dispatcher),
    coins: await Promise.all(
      COINS.map(async (coin, i) => ({ ...coin, version: "1", decimals: 6, address: await at(w.coins[i]!) })),
    ),
    block: 0,
  };
}

/** What the tests find there: funded people and two families. Done while the deployer still may. */
async function endow(w: NetworkWorld): Promise<void> {
  for (const coin of w.coins) {
    await coin.setTreasury(w.deployer);
    for (const name of PEOPLE) await coin.mint(w.people[name], FUNDS);
  }
  const from = await now(w.connection);
  for (const [i, name] of ["north.example", "south.example"].entries()) {
    await w.registry.register(w.operator, name, "");
    await w.registry.connect(w.operator).setComplianceKey(i + 1, w.operator, from, from + 365n * 86_400n);
  }
}

async function wire(w: NetworkWorld): Promise<void> {
  const plan: Plan = {
    roleAddresses: Object.fromEntries(roleMembers.map((name) => [name, w.members[name].address as Address])),
    devnet: false,
    travelRuleLimit: LIMIT,
    deployer: w.deployer.address as Address,
    time: Number(await now(w.connection)),
  };
  const { admin, canceller } = w.members;
  const delay = delayOf(findRole("ADMIN"), false);
  const named = { role: adminRole, name: "ADMIN" };
  const steps: Step[] = [
    ...listWiring(plan, w.deployment),
    ...listGrid(plan, w.deployment),
    toGrant(w.deployment, { ...named, account: canceller.address as Address, delay: cancelOnlyDelay }),
    toGrant(w.deployment, { ...named, account: admin.address as Address, delay }),
  ];
  for (const { to, abi, call } of steps) {
    const [functionName, ...args] = call;
    const data = encodeFunctionData({ abi, functionName, args } as unknown as EncodeFunctionDataParameters);
    await w.deployer.sendTransaction({ to, data });
  }
  for (const [i, person] of (["payer", "payee"] as const).entries()) await join(w, person, BigInt(i + 1));
  await w.manager.renounceRole(adminRole, w.deployer);
}

/** Makes a person a member of a family, with both signatures. */
export async function join(w: NetworkWorld, person: Person, vasp: bigint): Promise<void> {
  const terms = { account: w.people[person].address, vasp, joinId: id(`${person} joins ${vasp}`), deadline: LATER };
  const sign = (key: Signer) => signFor(w, { key, contract: "registry", type: "JoinVasp", message: terms });
  const signatures = [await sign(w.people[person]), await sign(w.operator)] as const;
  await w.registry.connect(w.lane).join(terms, signatures[0], w.operator, signatures[1]);
}

/** A typed struct signed under the domain of one of the contracts; `members` where it is none of the registry's. */
export async function signFor(
  w: NetworkWorld,
  {
    key,
    contract,
    type,
    members = VASP_TYPES[type as keyof typeof VASP_TYPES],
    message,
  }: {
    key: Signer;
    contract: keyof typeof DOMAIN;
    type: string;
    members?: readonly { name: string; type: string }[];
    message: object;
  },
): Promise<string> {
  const domain = await domainOf(w[contract], DOMAIN[contract]);
  return key.signTypedData(domain, { [type]: [...members] }, { ...message });
}

/** A person's authorization for an escrow to take coins in. */
export async function signPull(
  w: NetworkWorld,
  {
    from,
    to,
    value,
    validBefore,
    nonce,
    coin = 0,
  }: { from: Person; to: BaseContract; value: bigint; validBefore: bigint; nonce: string; coin?: 0 | 1 },
): Promise<string> {
  const key = w.people[from];
  const message = { from: key.address, to: await to.getAddress(), value, validAfter: 0n, validBefore, nonce };
  const domain = await domainOf(w.coins[coin], COINS[coin].name);
  return key.signTypedData(domain, { ReceiveWithAuthorization: [...AUTHORIZATION] }, message);
}

/** The payee's operator says that it knows of one payment. Each has an id of its own. */
export async function attest(
  w: NetworkWorld,
  {
    payer = "payer",
    payee = "payee",
    amount,
    coin = 0,
    vasp = PAYEE_FAMILY,
  }: { payer?: Person; payee?: Person; amount: bigint; coin?: 0 | 1; vasp?: bigint },
): Promise<void> {
  await w.registry.connect(w.operator).attest({
    vasp,
    attestationId: id(`${vasp} ${payer} ${payee} ${amount} ${await now(w.connection)}`),
    coin: w.coins[coin],
    payer: w.people[payer].address,
    payee: w.people[payee].address,
    amount,
    ref: id("what the operators exchanged"),
    validUntil: (await now(w.connection)) + 20n * 86_400n,
  });
}

/** How many attestations of a payment wait. */
export async function waiting(
  w: NetworkWorld,
  amount: bigint,
  { payer = "payer" as Person, payee = "payee" as Person, coin = 0 as 0 | 1 } = {},
): Promise<bigint> {
  const [count] = await w.registry.attestationOf(
    w.coins[coin],
    w.people[payer].address,
    w.people[payee].address,
    amount,
  );
  return count;
}
