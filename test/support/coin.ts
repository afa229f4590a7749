/**
 * The coin's test world: one deployment with every role in other hands, and helpers that sign and lay out what holders and
 * roles sign. Promises the shapes of docs/SIGNATURES.md, written apart from the node's own code so that the two check each
 * other. Never asserts and never runs anything by itself.
 */
import type { HardhatEthers, HardhatEthersSigner } from "@nomicfoundation/hardhat-ethers/types";
import {
  type Addressable,
  concat,
  type ContractTransactionResponse,
  dataSlice,
  keccak256,
  Signature,
  type Signer,
  toBeHex,
  zeroPadValue,
} from "ethers";
import { network } from "hardhat";
import type {} from "../../types/ethers-contracts/hardhat.d.ts";
import type {
  AccessManager,
  CoinMockEscrow,
  CoinMockRegistry,
  CoinMockWallet,
  Stablecoin,
} from "../../types/ethers-contracts/index.js";

/** Role ids of the test world; the names are those of docs/ROLES.md. */
export const ROLE = {
  freezer: 1n,
  pauser: 2n,
  unpauser: 3n,
  burner: 4n,
  treasurer: 5n,
  registrar: 6n,
  seizer: 7n,
  governor: 8n,
} as const;

/** Delay of the roles of the slow freezer and the slow seizer, in seconds. */
export const ROLE_DELAY = 3_600n;

/** The pause bits of the coin. */
export const PAUSE = { transfer: 1n, authorization: 2n, mint: 4n, burn: 8n, freeze: 16n, seize: 32n } as const;

/** The answers of the mock registry, in the order of its enum. */
export const ANSWER = { yes: 0n, no: 1n, reenter: 2n, burnGas: 3n, revert: 4n, garbage: 5n } as const;

export const WHOLE = 2n ** 256n - 1n;
export const MAX_UINT64 = 2n ** 64n - 1n;
export const SUPPLY_CAP = 2n ** 63n - 1n;
/** Window nonces are below this. */
export const WINDOW_NONCES = 2n ** 40n;
export const MAX_BASE = WINDOW_NONCES - 64n;
/** 1,234.567891 coins, as in the gas table. */
export const VALUE = 1_234_567_891n;
export const FUNDS = 1_000_000_000_000n;
export const CASE = `0x${"c1".repeat(32)}`;
export const OTHER_CASE = `0x${"c2".repeat(32)}`;
export const NO_CASE = `0x${"00".repeat(32)}`;
export const MEMO = `0x${"4d".repeat(32)}`;
/** A bitmap nonce as other wallets make them. */
export const WIDE_NONCE = `0x${"b1".repeat(32)}`;

const AUTHORIZATION = [
  { name: "from", type: "address" },
  { name: "to", type: "address" },
  { name: "value", type: "uint256" },
  { name: "validAfter", type: "uint256" },
  { name: "validBefore", type: "uint256" },
  { name: "nonce", type: "bytes32" },
];

/** The typed structs of the coin; each key is also the primary type. */
export const TYPES = {
  TransferWithAuthorization: AUTHORIZATION,
  ReceiveWithAuthorization: AUTHORIZATION,
  TransferWithMemo: [...AUTHORIZATION, { name: "memo", type: "bytes32" }],
  CancelAuthorization: [
    { name: "authorizer", type: "address" },
    { name: "nonce", type: "bytes32" },
  ],
  SkipNonces: [
    { name: "account", type: "address" },
    { name: "newBase", type: "uint256" },
    { name: "deadline", type: "uint256" },
  ],
  Permit: [
    { name: "owner", type: "address" },
    { name: "spender", type: "address" },
    { name: "value", type: "uint256" },
    { name: "nonce", type: "uint256" },
    { name: "deadline", type: "uint256" },
  ],
  Disburse: [
    { name: "from", type: "address" },
    { name: "total", type: "uint256" },
    { name: "rowsHash", type: "bytes32" },
    { name: "validAfter", type: "uint256" },
    { name: "validBefore", type: "uint256" },
    { name: "nonce", type: "bytes32" },
  ],
  SeizeOrder: [
    { name: "orderId", type: "bytes32" },
    { name: "account", type: "address" },
    { name: "amount", type: "uint256" },
    { name: "caseId", type: "bytes32" },
    { name: "deadline", type: "uint256" },
  ],
  FreezeOrder: [
    { name: "orderId", type: "bytes32" },
    { name: "account", type: "address" },
    { name: "amount", type: "uint256" },
    { name: "caseId", type: "bytes32" },
    { name: "until", type: "uint256" },
    { name: "deadline", type: "uint256" },
  ],
  UnfreezeOrder: [
    { name: "orderId", type: "bytes32" },
    { name: "account", type: "address" },
    { name: "caseId", type: "bytes32" },
    { name: "deadline", type: "uint256" },
  ],
} as const;

export interface Terms {
  from: string;
  to: string;
  value: bigint;
  validAfter: bigint;
  validBefore: bigint;
  nonce: string;
  memo?: string;
}

export interface Domain {
  name: string;
  version: string;
  chainId: bigint;
  verifyingContract: string;
}

/**
 * Everybody in the world, by role. `slowFreezer` and `slowSeizer` have roles with a delay; `treasurer` names the holders of
 * the coin's offices; `custody` is where seized coins go.
 */
const ACTORS = [
  "admin",
  "treasury",
  "freezer",
  "slowFreezer",
  "pauser",
  "unpauser",
  "burner",
  "treasurer",
  "registrar",
  "payer",
  "payee",
  "spender",
  "relayer",
  "stranger",
  "seizer",
  "slowSeizer",
  "governor",
  "custody",
] as const;
type Actors = Record<(typeof ACTORS)[number], HardhatEthersSigner>;

export interface World extends Actors {
  ethers: HardhatEthers;
  time: TimeHelpers;
  coin: Stablecoin;
  manager: AccessManager;
  domain: Domain;
  /** A contract account whose owner is the payer. */
  wallet: CoinMockWallet;
  escrow: CoinMockEscrow;
  /** A second deployment of the escrow's code that is not flagged. */
  unflagged: CoinMockEscrow;
  /** The registry of wallet operators, which says yes unless told otherwise. */
  registry: CoinMockRegistry;
}

interface TimeHelpers {
  latest(): Promise<number>;
  increase(seconds: number | bigint): Promise<number>;
  setNextBlockTimestamp(timestamp: number | bigint): Promise<void>;
}

/** A window nonce or any other number as the 32 bytes that are signed. */
export function toNonce(number: bigint): string {
  return zeroPadValue(toBeHex(number), 32);
}

/** Loads the world; every call gives the same fresh state. */
export async function loadWorld(): Promise<World> {
  const { networkHelpers } = await network.getOrCreate();
  const world = await networkHelpers.loadFixture(deployWorld);
  // the chain's clock ran on since the world was made: a new block makes the latest time the present
  await networkHelpers.mine();
  return world;
}

async function deployWorld(): Promise<World> {
  const { ethers, networkHelpers } = await network.getOrCreate();
  const signers = await ethers.getSigners();
  const all = Object.fromEntries(ACTORS.map((name, index) => [name, signers[index]])) as Actors;

  const manager = await ethers.deployContract("AccessManager", [all.admin.address]);
  const coin = await ethers.deployContract("Stablecoin", [manager.target, "Remesa Dollar", "XUS", "1"]);
  await grantRoles(manager, coin, all);
  await coin.connect(all.treasurer).setTreasury(all.treasury.address);

  const wallet = await ethers.deployContract("CoinMockWallet", [all.payer.address]);
  const escrow = await ethers.deployContract("CoinMockEscrow", [coin.target]);
  const unflagged = await ethers.deployContract("CoinMockEscrow", [coin.target]);
  const registry = await ethers.deployContract("CoinMockRegistry", [coin.target]);
  await coin.connect(all.treasurer).setCustody(all.custody.address);
  await coin.connect(all.treasurer).setVaspRegistry(registry);
  await coin.connect(all.registrar).flagEscrow(escrow.target);
  await manager.grantRole(ROLE.burner, escrow.target, 0);
  for (const holder of [all.payer, all.payee, all.burner, wallet]) {
    await coin.connect(all.treasury).mint(holder, FUNDS);
  }
  const { chainId } = await ethers.provider.getNetwork();
  const domain = { name: "Remesa Dollar", version: "1", chainId, verifyingContract: await coin.getAddress() };
  const time = networkHelpers.time;
  return { ethers, time, coin, manager, domain, wallet, escrow, unflagged, registry, ...all };
}

type Restricted =
  | "freeze"
  | "unfreeze"
  | "pause"
  | "unpause"
  | "burn"
  | "setTreasury"
  | "setCustody"
  | "setVaspRegistry"
  | "flagEscrow"
  | "seize"
  | "setTravelRuleLimit";

async function grantRoles(manager: AccessManager, coin: Stablecoin, actors: Actors): Promise<void> {
  const grid: [bigint, HardhatEthersSigner, Restricted[]][] = [
    [ROLE.freezer, actors.freezer, ["freeze", "unfreeze"]],
    [ROLE.pauser, actors.pauser, ["pause"]],
    [ROLE.unpauser, actors.unpauser, ["unpause"]],
    [ROLE.burner, actors.burner, ["burn"]],
    [ROLE.treasurer, actors.treasurer, ["setTreasury", "setCustody", "setVaspRegistry"]],
    [ROLE.registrar, actors.registrar, ["flagEscrow"]],
    [ROLE.seizer, actors.seizer, ["seize"]],
    [ROLE.governor, actors.governor, ["setTravelRuleLimit"]],
  ];
  for (const [role, member, names] of grid) {
    const selectors = names.map((name) => coin.interface.getFunction(name).selector);
    await manager.setTargetFunctionRole(coin.target, selectors, role);
    await manager.grantRole(role, member.address, 0);
  }
  await manager.grantRole(ROLE.freezer, actors.slowFreezer.address, ROLE_DELAY);
  await manager.grantRole(ROLE.seizer, actors.slowSeizer.address, ROLE_DELAY);
}

/** Terms of a plain payment from payer to payee that is valid now; `changes` says what is different. */
export async function createTerms(world: World, changes: Partial<Terms> = {}): Promise<Terms> {
  const now = BigInt(await world.time.latest());
  return {
    from: world.payer.address,
    to: world.payee.address,
    value: VALUE,
    validAfter: 0n,
    validBefore: now + 3_600n,
    nonce: toNonce(0n),
    ...changes,
  };
}

/** Signs one of the typed structs under the coin's domain. */
export async function sign(
  world: Pick<World, "domain">,
  signer: Signer,
  type: keyof typeof TYPES,
  message: object,
): Promise<string> {
  const types = { [type]: [...TYPES[type]] };
  return signer.signTypedData(world.domain, types, message as Record<string, unknown>);
}

export interface Row extends Terms {
  /** 65 bytes make a compact row; anything goes into a long one when `long` is set. */
  signature: string;
  long?: boolean;
}

/** One row of `settle`; the kind follows from what the row holds. */
export function encodeRow(row: Row): string {
  const isWide = BigInt(row.nonce) >= WINDOW_NONCES;
  const kind =
    1 +
    (isWide ? 2 : 0) +
    (row.memo === undefined ? 0 : 4) +
    (row.validAfter === 0n ? 0 : 8) +
    (row.long === true ? 16 : 0);
  const parts = [
    toBeHex(kind, 1),
    row.from,
    row.to,
    toBeHex(row.value, 8),
    toBeHex(row.validBefore, 5),
    isWide ? row.nonce : toBeHex(BigInt(row.nonce), 5),
  ];
  if (row.validAfter !== 0n) parts.push(toBeHex(row.validAfter, 5));
  if (row.memo !== undefined) parts.push(row.memo);
  if (row.long === true) {
    parts.push(toBeHex((row.signature.length - 2) / 2, 2), row.signature);
  } else {
    const { r, yParityAndS } = Signature.from(row.signature);
    parts.push(r, yParityAndS);
  }
  return concat(parts);
}

/** Signs terms as a row does: with a memo as `TransferWithMemo`. */
export async function signRow(world: World, signer: Signer, terms: Terms, long = false): Promise<string> {
  const type = terms.memo === undefined ? "TransferWithAuthorization" : "TransferWithMemo";
  const signature = await sign(world, signer, type, terms);
  return encodeRow({ ...terms, signature, long });
}

/** A payee of `disburse`. */
export interface Payee {
  to: string;
  value: bigint;
}

/** The rows of `disburse`. */
export function encodePayees(payees: readonly Payee[]): string {
  return concat(payees.flatMap(({ to, value }) => [to, toBeHex(value, 8)]));
}

/** What a payer of many signs, and the rows that go with it. */
export interface Disbursement {
  from: string;
  total: bigint;
  rows: string;
  validAfter: bigint;
  validBefore: bigint;
  nonce: string;
}

/** A disbursement of the payer that is valid now; `changes` says what is different. */
export async function createDisbursement(
  world: World,
  payees: readonly Payee[],
  changes: Partial<Disbursement> = {},
): Promise<Disbursement> {
  return {
    from: world.payer.address,
    total: payees.reduce((sum, { value }) => sum + value, 0n),
    rows: encodePayees(payees),
    validAfter: 0n,
    validBefore: (await now(world)) + 3_600n,
    nonce: toNonce(0n),
    ...changes,
  };
}

/** Signs a disbursement. */
export async function signDisbursement(
  world: Pick<World, "domain">,
  signer: Signer,
  { rows, ...terms }: Disbursement,
): Promise<string> {
  return sign(world, signer, "Disburse", { ...terms, rowsHash: keccak256(rows) });
}

/** The arguments of `disburse`, before the signature. */
export function toDisburseArguments(d: Disbursement): [string, bigint, string, bigint, bigint, string] {
  return [d.from, d.total, d.rows, d.validAfter, d.validBefore, d.nonce];
}

/** An account's word, decoded here and not by the coin. */
export interface Word {
  balance: bigint;
  frozen: bigint;
  nonceBase: bigint;
  nonceWindow: bigint;
  vasp: bigint;
  flags: bigint;
}

export const FROZEN_WHOLE = 1n;
export const ESCROW = 2n;

export function decodeWord(word: bigint): Word {
  const take = (shift: bigint, bits: bigint) => (word >> shift) & (2n ** bits - 1n);
  return {
    balance: take(0n, 64n),
    frozen: take(64n, 64n),
    nonceBase: take(128n, 40n),
    nonceWindow: take(168n, 64n),
    vasp: take(232n, 16n),
    flags: take(248n, 8n),
  };
}

const OBSERVED = [
  "payer",
  "payee",
  "spender",
  "relayer",
  "stranger",
  "burner",
  "treasury",
  "wallet",
  "escrow",
  "unflagged",
  "coin",
  "custody",
] as const;
export type Observed = (typeof OBSERVED)[number];

/** Everything the coin keeps of everybody in the world, so that a test can say what changed and that nothing else did. */
export interface State {
  accounts: Record<Observed, Word>;
  cases: Record<Observed, { caseId: string; until: bigint }>;
  allowance: bigint;
  wideSpent: boolean;
  totalSupply: bigint;
  paused: bigint;
  travelLimit: bigint;
  treasury: string;
  custody: string;
  registry: string;
  permits: Record<"payer" | "wallet", bigint>;
}

export async function observe(world: World): Promise<State> {
  const { coin, payer, spender, wallet } = world;
  const accounts: Partial<State["accounts"]> = {};
  const cases: Partial<State["cases"]> = {};
  for (const name of OBSERVED) {
    accounts[name] = decodeWord(await coin.wordOf(world[name]));
    const { caseId, until } = await coin.freezeCaseOf(world[name]);
    cases[name] = { caseId, until };
  }
  const word = await coin.coinWord();
  return {
    accounts: accounts as State["accounts"],
    cases: cases as State["cases"],
    allowance: await coin.allowance(payer, spender),
    wideSpent: await coin.authorizationState(payer, WIDE_NONCE),
    totalSupply: word & MAX_UINT64,
    paused: (word >> 64n) & 0xffn,
    travelLimit: word >> 72n,
    treasury: await coin.treasury(),
    custody: await coin.custody(),
    registry: await coin.vaspRegistry(),
    permits: { payer: await coin.nonces(payer), wallet: await coin.nonces(wallet) },
  };
}

/** The state a test expects: `before` with the changes made by `edit`. */
export function changed(before: State, edit: (state: State) => void): State {
  const state = structuredClone(before);
  edit(state);
  return state;
}

/** Moves an amount in an expected state. */
export function move(state: State, from: Observed, to: Observed, amount: bigint): void {
  state.accounts[from].balance -= amount;
  state.accounts[to].balance += amount;
}

/** All events of a transaction that the coin emitted, in order: the name, then the arguments. */
export async function eventsOf(world: World, sent: Promise<ContractTransactionResponse>): Promise<unknown[][]> {
  const receipt = await (await sent).wait();
  return (receipt?.logs ?? []).map((log) => {
    const parsed = world.coin.interface.parseLog(log);
    return parsed === null ? ["?"] : [parsed.name, ...parsed.args.toArray()];
  });
}

/** The coin's overloaded functions, by form. */
export const FORM = {
  transferVrs: "transferWithAuthorization(address,address,uint256,uint256,uint256,bytes32,uint8,bytes32,bytes32)",
  transferBytes: "transferWithAuthorization(address,address,uint256,uint256,uint256,bytes32,bytes)",
  receiveVrs: "receiveWithAuthorization(address,address,uint256,uint256,uint256,bytes32,uint8,bytes32,bytes32)",
  receiveBytes: "receiveWithAuthorization(address,address,uint256,uint256,uint256,bytes32,bytes)",
  cancelVrs: "cancelAuthorization(address,bytes32,uint8,bytes32,bytes32)",
  cancelBytes: "cancelAuthorization(address,bytes32,bytes)",
  skip: "skipNonces(uint256)",
  skipSigned: "skipNonces(address,uint256,uint256,bytes)",
  permitVrs: "permit(address,address,uint256,uint256,uint8,bytes32,bytes32)",
  permitBytes: "permit(address,address,uint256,uint256,bytes)",
} as const;

/** The arguments of the forms with `(v, r, s)` or bytes, before the signature. */
export function toArguments(terms: Terms): [string, string, bigint, bigint, bigint, string] {
  return [terms.from, terms.to, terms.value, terms.validAfter, terms.validBefore, terms.nonce];
}

/** Splits 65 bytes of signature without judging them. */
export function toVrs(signature: string): [number, string, string] {
  return [Number(dataSlice(signature, 64, 65)), dataSlice(signature, 0, 32), dataSlice(signature, 32, 64)];
}

/** Makes `account` a delegated one (EIP-7702) whose code is that of `target`. */
export async function delegate(world: World, account: string, target: string): Promise<void> {
  await world.ethers.provider.send("hardhat_setCode", [account, concat(["0xef0100", target])]);
}

/** The four bytes by which a row names its error. */
export function reasonOf(world: Pick<World, "coin">, name: string): string {
  const fragment = world.coin.interface.getError(name);
  if (fragment === null) throw new Error(`no such error: ${name}`);
  return fragment.selector;
}

/** The time of the latest block. */
export async function now(world: World): Promise<bigint> {
  return BigInt(await world.time.latest());
}

/** Freezes `amount` of an account for an hour under the common case. */
export async function freeze(world: World, account: Addressable, amount = WHOLE): Promise<void> {
  await world.coin.connect(world.freezer).freeze(account, amount, CASE, (await now(world)) + 3_600n);
}

/** Pauses bits of the coin. */
export async function pause(world: World, bits: bigint): Promise<void> {
  await world.coin.connect(world.pauser).pause(bits);
}

/** Puts coins into the escrow the way escrows take them in. */
export async function fundEscrow(world: World, amount: bigint): Promise<void> {
  await world.coin.connect(world.payer).approve(world.escrow, amount);
  await world.escrow.pull(world.payer, amount);
}

/** Puts an account into the family of a wallet operator. */
export async function join(world: World, account: Addressable | string, vasp: bigint): Promise<void> {
  await world.registry.setVasp(account, vasp);
}

/** Sets the amount from which on a payment between families needs an attestation. */
export async function limitTravel(world: World, limit: bigint): Promise<void> {
  await world.coin.connect(world.governor).setTravelRuleLimit(limit);
}
