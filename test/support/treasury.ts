/**
 * The world of the Treasury's tests: a manager with one role per power, a coin, the Treasury that mints it, and named actors.
 * Owns the typed structs of the Treasury as ethers wants them and the behaviours that every signed order shares. Promises a
 * fresh state for each `load`; never sends from an actor that a test did not name.
 */
import { expect } from "chai";
import type { BaseContract, ContractTransactionResponse, Signer, TypedDataDomain, TypedDataField } from "ethers";
import { Signature, ZeroHash, concat, getBytes, hexlify, id, keccak256, toBeHex, zeroPadValue } from "ethers";
import hre, { network } from "hardhat";
import type { AccessManager, Stablecoin, Treasury } from "../../types/ethers-contracts/index.js";

export type Connection = Awaited<ReturnType<typeof network.create>>;
export type Account = Awaited<ReturnType<Connection["ethers"]["getSigners"]>>[number];

/** Base units in one dollar coin. */
export const DOLLAR = 1_000_000n;
export const AMOUNT = 1_234_567_891n;
export const RESERVES = 1_000_000n * DOLLAR;
export const LIFETIME = 86_400n;
export const DEPOSIT = id("bank account 1, entry 1");
export const OTHER_DEPOSIT = id("bank account 1, entry 2");
export const REPORT = id("report 1");
export const DAY = 86_400n;
export const HOUR = 3_600n;
/** What the bucket of each tier holds; the first is closed. */
export const TIERS = [0n, 500_000n, 5_000_000n, 50_000_000n, 500_000_000n].map((coins) => coins * DOLLAR);
/** The tier the dealer of the tests is in, and what its bucket holds: more than the reserves. */
export const TIER = 2n;
export const BUCKET = 5_000_000n * DOLLAR;
/** The gas without which no row of a batch is tried. */
export const ROW_GAS_FLOOR = 250_000n;
/** The seconds of delay a role gets where a test wants one. */
export const DELAY = 3_600n;

/** Role ids of the tests' manager; one per power. */
export const ROLES = {
  issuer: 1n,
  attestor: 2n,
  guardian: 3n,
  burner: 4n,
  agent: 5n,
  pauser: 6n,
  freezer: 7n,
  approver: 8n,
  cosigner: 9n,
  arbiter: 10n,
} as const;

export const ORDER_TYPES = {
  MintOrder: fields("address coin,bytes32 depositId,address to,uint256 amount,uint256 deadline"),
  MintBatchOrder: fields("address coin,bytes32 rowsHash,uint256 deadline"),
  MintReturnOrder: fields("address coin,bytes32 redemptionId,uint256 amount,uint256 deadline"),
  ApproveMintOrder: fields("bytes32 mintKey,uint256 deadline"),
  AttestOrder: fields("bytes32 orderId,address coin,uint256 amount,uint256 asOf,bytes32 reportHash,uint256 deadline"),
  MintingOrder: fields("bytes32 orderId,address coin,bool enabled,uint256 deadline"),
} as const;

export interface TreasuryWorld {
  connection: Connection;
  manager: AccessManager;
  coin: Stablecoin;
  treasury: Treasury;
  admin: Account;
  dealer: Account;
  attestor: Account;
  guardian: Account;
  payee: Account;
  relayer: Account;
  stranger: Account;
  /** Three accounts that may approve mints. */
  approvers: readonly [Account, Account, Account];
  /** The moment of the attestation in force. */
  asOf: bigint;
}

/** Splits the members of a type string into what ethers wants. */
export function fields(members: string): TypedDataField[] {
  return members.split(",").map((member) => {
    const [type, name] = member.split(" ") as [string, string];
    return { name, type };
  });
}

/** True where code is counted, which costs gas of its own: ceilings mean nothing there. */
export const isInstrumented = (): boolean => hre.globalOptions.coverage;

let shared: Promise<Connection> | undefined;

/** One chain for every file; fixtures put it back. */
export function connect(): Promise<Connection> {
  shared ??= network.create();
  return shared;
}

/** Names the function that puts the chain back to `deploy`'s result. */
export async function createLoader<World>(
  deploy: (connection: Connection) => Promise<World>,
): Promise<() => Promise<World>> {
  const connection = await connect();
  const fixture = () => deploy(connection);
  return () => connection.networkHelpers.loadFixture(fixture);
}

export async function deployTreasury(connection: Connection): Promise<TreasuryWorld> {
  const { ethers } = connection;
  const signers = await ethers.getSigners();
  const approvers = [signers[12]!, signers[13]!, signers[14]!] as const;
  const [admin, dealer, attestor, guardian, payee, relayer, stranger] = signers as [
    Account,
    Account,
    Account,
    Account,
    Account,
    Account,
    Account,
  ];
  const manager = (await ethers.deployContract("AccessManager", [admin])) as unknown as AccessManager;
  const treasury = (await ethers.deployContract("Treasury", [manager, LIFETIME])) as unknown as Treasury;
  const coin = (await ethers.deployContract("Stablecoin", [
    manager,
    "Remesa Dollar",
    "XUS",
    "1",
  ])) as unknown as Stablecoin;
  await coin.setTreasury(treasury);
  await assign(manager, {
    target: treasury,
    functions: ["setDealer", "setRedemptions", "announceSunset"],
    role: ROLES.issuer,
  });
  await assign(manager, { target: treasury, functions: ["approveMint"], role: ROLES.approver });
  await assign(manager, { target: treasury, functions: ["attest"], role: ROLES.attestor });
  await assign(manager, {
    target: treasury,
    functions: ["setMinting", "setAttestationLifetime"],
    role: ROLES.guardian,
  });
  await manager.grantRole(ROLES.issuer, admin, 0);
  await manager.grantRole(ROLES.attestor, attestor, 0);
  await manager.grantRole(ROLES.guardian, guardian, 0);
  for (const approver of approvers) await manager.grantRole(ROLES.approver, approver, 0);
  await treasury.setDealer(dealer, TIER);
  await treasury.connect(guardian).setMinting(coin, true);
  const asOf = await now(connection);
  await treasury.connect(attestor).attest(coin, RESERVES, asOf, REPORT);
  const actors = { admin, dealer, attestor, guardian, payee, relayer, stranger, approvers };
  return { connection, manager, coin, treasury, ...actors, asOf };
}

/** Puts functions of a target under a role. */
export async function assign(
  manager: AccessManager,
  { target, functions, role }: { target: BaseContract; functions: string[]; role: bigint },
): Promise<void> {
  const selectors = functions.map((name) => target.interface.getFunction(name)!.selector);
  await manager.setTargetFunctionRole(target, selectors, role);
}

/** The time of the newest block. */
export async function now(connection: Connection): Promise<bigint> {
  return BigInt(await connection.networkHelpers.time.latest());
}

/** Makes the next block one of `time`. */
export async function at(connection: Connection, time: bigint): Promise<void> {
  await connection.networkHelpers.time.setNextBlockTimestamp(time);
}

export async function domainOf(contract: BaseContract, name: string): Promise<TypedDataDomain> {
  return { name, version: "1", chainId: 31337n, verifyingContract: await contract.getAddress() };
}

/** Everything the Treasury and its coin know in these tests; a test compares before with after. */
export async function readTreasury(w: TreasuryWorld) {
  const [attested, asOf, staleAt] = await w.treasury.attestation(w.coin);
  const [tier, bucket] = await w.treasury.dealerOf(w.dealer);
  const [strangerTier, strangerBucket] = await w.treasury.dealerOf(w.stranger);
  return {
    supply: await w.coin.totalSupply(),
    payee: await w.coin.balanceOf(w.payee),
    dealer: await w.coin.balanceOf(w.dealer),
    relayer: await w.coin.balanceOf(w.relayer),
    treasury: await w.coin.balanceOf(w.treasury),
    attested,
    asOf,
    staleAt,
    lifetime: await w.treasury.attestationLifetime(),
    minting: await w.treasury.mintingEnabled(w.coin),
    tier,
    bucket,
    strangerTier,
    strangerBucket,
    deposit: await w.treasury.depositUsed(DEPOSIT),
    otherDeposit: await w.treasury.depositUsed(OTHER_DEPOSIT),
    redemptions: await w.treasury.redemptionsOf(w.coin),
    sunset: await w.treasury.sunsetOf(w.coin),
  };
}

/** A row of a batch. */
export interface Row {
  depositId: string;
  to: string;
  amount: bigint;
}

/** Packs rows as the Treasury reads them: depositId 32, to 20, amount 8. */
export function packRows(rows: readonly Row[]): string {
  return concat(rows.flatMap(({ depositId, to, amount }) => [depositId, to, toBeHex(amount, 8)]));
}

/** So many rows to one payee, each for its own deposit. */
export function createRows(
  count: number,
  { to, amount = AMOUNT, first = 0 }: { to: string; amount?: bigint; first?: number },
): Row[] {
  return Array.from({ length: count }, (_, i) => ({ depositId: id(`batch deposit ${first + i}`), to, amount }));
}

/** The first approvers, as many as told, approve a key one after the other; gives the moment of the last approval. */
export async function approveKey(w: TreasuryWorld, mintKey: string, count: number): Promise<bigint> {
  for (const approver of w.approvers.slice(0, count)) await w.treasury.connect(approver).approveMint(mintKey);
  return now(w.connection);
}

/** What a test may bend about an order that would otherwise be right. */
export interface OrderBend {
  /** Who really signs. */
  key?: Signer;
  /** Whose signature it is said to be. */
  claimed?: string;
  /** Members as signed. */
  signed?: Record<string, unknown>;
  /** Members changed after signing. */
  changed?: Record<string, unknown>;
  /** Parts of the domain signed under. */
  domain?: TypedDataDomain;
  /** Changes the signature itself. */
  forge?: (signature: string) => string;
}

export interface OrderSpec<World extends { connection: Connection }> {
  /** The present world; read when a test runs. */
  world: () => World;
  /** The contract's key in the world and the name of its domain. */
  target: (w: World) => BaseContract;
  domainName: string;
  type: string;
  members: readonly TypedDataField[];
  /** Who may sign. */
  signer: (w: World) => Account;
  /** A right order; its deadline is replaced where a test wants another. */
  order: (w: World) => Promise<Record<string, unknown>>;
  /** The function that takes the order. */
  submit: string;
  /** What the function takes between the signer and the signature. */
  attached?: (w: World) => unknown[];
}

/** Signs and submits an order, bent as told. */
export async function sendOrder<World extends { connection: Connection; relayer: Account }>(
  spec: OrderSpec<World>,
  bend: OrderBend = {},
): Promise<ContractTransactionResponse> {
  const w = spec.world();
  const target = spec.target(w);
  const signed = { ...(await spec.order(w)), ...bend.signed };
  const domain = { ...(await domainOf(target, spec.domainName)), ...bend.domain };
  const key = bend.key ?? spec.signer(w);
  const plain = await key.signTypedData(domain, { [spec.type]: [...spec.members] }, signed);
  const signature = bend.forge === undefined ? plain : bend.forge(plain);
  const claimed = bend.claimed ?? (await spec.signer(w).getAddress());
  const sender = target.connect(w.relayer) as BaseContract;
  const attached = spec.attached === undefined ? [] : spec.attached(w);
  return sender.getFunction(spec.submit)({ ...signed, ...bend.changed }, claimed, ...attached, signature);
}

/** The `requires` that every order shares, from its deadline to its signature. `restricted` names the function it stands for. */
export function itRequiresDeadline<World extends { connection: Connection; relayer: Account }>(
  spec: OrderSpec<World>,
): void {
  for (const [title, offset] of [
    ["acts one second before its deadline", -1n],
    ["acts at its deadline", 0n],
  ] as const) {
    it(title, async () => {
      const deadline = (await now(spec.world().connection)) + 100n;
      await at(spec.world().connection, deadline + offset);
      await sendOrder(spec, { signed: { deadline } });
    });
  }

  it("reverts with OrderExpired(d, d + 1)", async () => {
    const { connection } = spec.world();
    const deadline = (await now(connection)) + 100n;
    await at(connection, deadline + 1n);
    await expect(sendOrder(spec, { signed: { deadline } }))
      .to.be.revertedWithCustomError(spec.target(spec.world()), "OrderExpired")
      .withArgs(deadline, deadline + 1n);
  });
}

export function itRequiresRole<World extends { connection: Connection; relayer: Account; manager: AccessManager }>(
  spec: OrderSpec<World>,
  { role, restricted }: { role: bigint; restricted: string },
): void {
  const refused = async (bend: OrderBend, who: string) => {
    const target = spec.target(spec.world());
    const { selector } = target.interface.getFunction(restricted)!;
    await expect(sendOrder(spec, bend))
      .to.be.revertedWithCustomError(target, "OrderNotPermitted")
      .withArgs(who, selector);
  };

  it("reverts with OrderNotPermitted(relayer, selector) for a signer without the role", async () => {
    const { relayer } = spec.world();
    await refused({ key: relayer, claimed: relayer.address }, relayer.address);
  });

  it("reverts with OrderNotPermitted(signer, selector) for a signer with a delay", async () => {
    const w = spec.world();
    const signer = spec.signer(w);
    await w.manager.grantRole(role, signer, DELAY);
    await refused({}, signer.address);
  });

  it("reverts with OrderNotPermitted(signer, selector) for a revoked role", async () => {
    const w = spec.world();
    const signer = spec.signer(w);
    await w.manager.revokeRole(role, signer);
    await refused({}, signer.address);
  });
}

export function itRequiresSignature<World extends { connection: Connection; relayer: Account }>(
  spec: OrderSpec<World>,
): void {
  const refused = async (bend: OrderBend) => {
    const w = spec.world();
    const claimed = bend.claimed ?? spec.signer(w).address;
    await expect(sendOrder(spec, bend))
      .to.be.revertedWithCustomError(spec.target(w), "OrderSignatureInvalid")
      .withArgs(claimed);
  };

  it("reverts with OrderSignatureInvalid(signer) when another key signed", async () => {
    await refused({ key: spec.world().relayer });
  });

  for (const member of spec.members) {
    it(`reverts with OrderSignatureInvalid(signer) when ${member.name} changed after signing`, async () => {
      const order = await spec.order(spec.world());
      await refused({ changed: { [member.name]: differing(member.type, order[member.name]) } });
    });
  }

  it("reverts with OrderSignatureInvalid(signer) for another chain", async () => {
    await refused({ domain: { chainId: 1n } });
  });

  it("reverts with OrderSignatureInvalid(signer) for another contract", async () => {
    await refused({ domain: { verifyingContract: spec.world().relayer.address } });
  });

  it("reverts with OrderSignatureInvalid(signer) for the mirrored signature", async () => {
    await refused({ forge: mirrored });
  });

  it("reverts with OrderSignatureInvalid(signer) for a compact signature", async () => {
    await refused({ forge: (signature) => Signature.from(signature).compactSerialized });
  });

  it("reverts with OrderSignatureInvalid(signer) for no signature", async () => {
    await refused({ forge: () => "0x" });
  });
}

/** The same point with the other `s`: what malleability would accept. */
export function mirrored(signature: string): string {
  const order = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
  const bytes = getBytes(signature);
  const s = order - BigInt(hexlify(bytes.slice(32, 64)));
  return hexlify(bytes.slice(0, 32)) + toBeHex(s, 32).slice(2) + (bytes[64] === 27 ? "1c" : "1b");
}

/** A value of the same type that is not the one given. */
function differing(type: string, value: unknown): unknown {
  switch (type) {
    case "address":
      return zeroPadValue("0x99", 20);
    case "bool":
      return value !== true;
    case "bytes32":
      return value === ZeroHash ? id("another") : keccak256(value as string);
    default:
      return (value as bigint) + 1n;
  }
}
