/**
 * The world of the registry's tests: two families with an admin and a compliance key each, two coins, and named actors. The
 * first coin is a mock that keeps what it is told; the second is the mock's front before a real coin, so that freezes and escrows
 * are those of the real one. Owns the typed structs of the registry as ethers wants them and the behaviours its signatures
 * share. Promises a fresh state for each `load`; never sends from an actor that a test did not name.
 */
import { expect } from "chai";
import type { ContractTransactionResponse, Signer, TypedDataDomain, TypedDataField } from "ethers";
import { Signature, ZeroAddress, ZeroHash, id, zeroPadValue } from "ethers";
import type {
  AccessManager,
  CoinMockEscrow,
  Stablecoin,
  VaspMockCoin,
  VaspMockFront,
  VaspRegistry,
} from "../../types/ethers-contracts/index.js";
import { type Account, type Connection, assign, domainOf, fields, mirrored, now } from "./treasury.ts";

export const ROLES = { registrar: 1n, freezer: 2n } as const;
export const WHOLE = 2n ** 256n - 1n;
export const AMOUNT = 1_234_567_891n;
/** The two families; `UNKNOWN` is the first id not given away. */
export const ALPHA = 1n;
export const BETA = 2n;
export const UNKNOWN = 3n;
export const ALPHA_DOMAIN = "alpha.example";
export const ALPHA_URL = "https://alpha.example/travel";
export const BETA_DOMAIN = "wallets.beta-1.example";
export const BETA_URL = "";
export const MAX_ID = 65_535n;
export const LEAVE_DELAY = 86_400n;
export const MAX_KEY_TERM = 366n * 86_400n;
export const MAX_ATTESTATION = 30n * 86_400n;
export const CASE = id("case 1");
export const OTHER_CASE = id("case 2");
export const JOIN_ID = id("join 1");
export const LEAVE_ID = id("leave 1");
export const ATTESTATION_ID = id("attestation 1");
export const OTHER_ATTESTATION_ID = id("attestation 2");
export const REFERENCE = id("what the operators exchanged");
/** A deadline that no test comes near. */
export const FAR = 4_000_000_000n;

export const VASP_TYPES = {
  JoinVasp: fields("address account,uint256 vasp,bytes32 joinId,uint256 deadline"),
  LeaveVasp: fields("address account,bytes32 leaveId,uint256 deadline"),
  TravelAttestation: fields(
    "uint256 vasp,bytes32 attestationId,address coin,address payer,address payee,uint256 amount,bytes32 ref,uint256 validUntil",
  ),
} as const;

const ACTORS = [
  "admin",
  "registrar",
  "freezer",
  "operator",
  "otherOperator",
  "key",
  "nextKey",
  "otherKey",
  "payer",
  "payee",
  "holder",
  "treasury",
  "relayer",
  "stranger",
] as const;

/** `payee` is a member of family ALPHA, `payer` of BETA, `holder` of none. */
export interface VaspWorld extends Record<(typeof ACTORS)[number], Account> {
  connection: Connection;
  manager: AccessManager;
  registry: VaspRegistry;
  /** A coin whose escrows and treasury a test sets. */
  coin: VaspMockCoin;
  /** The front of `real`, the registry's second coin. */
  front: VaspMockFront;
  real: Stablecoin;
  /** An escrow of the real coin. */
  escrow: CoinMockEscrow;
  /** When the keys of the world begin and end. */
  keyFrom: bigint;
  keyUntil: bigint;
}

export interface Joining {
  account: string;
  vasp: bigint;
  joinId: string;
  deadline: bigint;
}

export interface Leaving {
  account: string;
  leaveId: string;
  deadline: bigint;
}

export interface Attestation {
  vasp: bigint;
  attestationId: string;
  coin: string;
  payer: string;
  payee: string;
  amount: bigint;
  ref: string;
  validUntil: bigint;
}

export async function deployVasps(connection: Connection): Promise<VaspWorld> {
  const { ethers } = connection;
  const signers = await ethers.getSigners();
  const actors = Object.fromEntries(ACTORS.map((name, index) => [name, signers[index]])) as Record<
    (typeof ACTORS)[number],
    Account
  >;
  const manager = (await ethers.deployContract("AccessManager", [actors.admin])) as unknown as AccessManager;
  const real = (await ethers.deployContract("Stablecoin", [
    manager,
    "Remesa Dollar",
    "XUS",
    "1",
  ])) as unknown as Stablecoin;
  const coin = (await ethers.deployContract("VaspMockCoin")) as unknown as VaspMockCoin;
  const front = (await ethers.deployContract("VaspMockFront", [real])) as unknown as VaspMockFront;
  const escrow = (await ethers.deployContract("CoinMockEscrow", [real])) as unknown as CoinMockEscrow;
  const registry = (await ethers.deployContract("VaspRegistry", [
    manager,
    [coin, front],
  ])) as unknown as VaspRegistry;
  await real.setTreasury(actors.treasury);
  await real.flagEscrow(escrow);
  await assign(manager, { target: real, functions: ["freeze", "unfreeze"], role: ROLES.freezer });
  await assign(manager, { target: registry, functions: ["register"], role: ROLES.registrar });
  await assign(manager, {
    target: registry,
    functions: ["suspend", "reinstate", "cascadeFreeze"],
    role: ROLES.freezer,
  });
  await manager.grantRole(ROLES.registrar, actors.registrar, 0);
  await manager.grantRole(ROLES.freezer, actors.freezer, 0);
  await manager.grantRole(ROLES.freezer, front, 0);
  await registry.connect(actors.registrar).register(actors.operator, ALPHA_DOMAIN, ALPHA_URL);
  await registry.connect(actors.registrar).register(actors.otherOperator, BETA_DOMAIN, BETA_URL);
  const keyFrom = await now(connection);
  const keyUntil = keyFrom + 300n * 86_400n;
  await registry.connect(actors.operator).setComplianceKey(ALPHA, actors.key, keyFrom, keyUntil);
  await registry.connect(actors.otherOperator).setComplianceKey(BETA, actors.otherKey, keyFrom, keyUntil);
  const w = { connection, manager, registry, coin, front, real, escrow, keyFrom, keyUntil, ...actors };
  await join(w, { account: actors.payee.address, joinId: id("the payee's") }, { account: actors.payee });
  const belonging = { account: actors.payer.address, vasp: BETA, joinId: id("the payer's") };
  await join(w, belonging, { account: actors.payer, key: actors.otherKey });
  return w;
}

/** The consent of `holder` to belong to ALPHA. */
export function toJoining(w: VaspWorld, changes: Partial<Joining> = {}): Joining {
  return { account: w.holder.address, vasp: ALPHA, joinId: JOIN_ID, deadline: FAR, ...changes };
}

/** The word of `payee` that it leaves ALPHA. */
export function toLeaving(w: VaspWorld, changes: Partial<Leaving> = {}): Leaving {
  return { account: w.payee.address, leaveId: LEAVE_ID, deadline: FAR, ...changes };
}

/** ALPHA's word about a payment of `AMOUNT` in the first coin from `payer` to `payee`, good for a day. */
export async function toAttestation(w: VaspWorld, changes: Partial<Attestation> = {}): Promise<Attestation> {
  return {
    vasp: ALPHA,
    attestationId: ATTESTATION_ID,
    coin: await w.coin.getAddress(),
    payer: w.payer.address,
    payee: w.payee.address,
    amount: AMOUNT,
    ref: REFERENCE,
    validUntil: (await now(w.connection)) + 86_400n,
    ...changes,
  };
}

/** Signs one of the typed structs under the registry's domain, or a bent one. */
export async function signVasp(
  w: VaspWorld,
  signer: Signer,
  type: keyof typeof VASP_TYPES,
  message: object,
  domain: TypedDataDomain = {},
): Promise<string> {
  const types = { [type]: [...VASP_TYPES[type]] };
  return signer.signTypedData({ ...(await domainOf(w.registry, "Remesa Vasps")), ...domain }, types, { ...message });
}

/** Makes an account a member, with both signatures. */
export async function join(
  w: VaspWorld,
  changes: Partial<Joining> = {},
  signers: { account?: Signer; key?: Account } = {},
): Promise<ContractTransactionResponse> {
  const terms = toJoining(w, changes);
  const key = signers.key ?? w.key;
  const accountSignature = await signVasp(w, signers.account ?? w.holder, "JoinVasp", terms);
  const keySignature = await signVasp(w, key, "JoinVasp", terms);
  return w.registry.connect(w.relayer).join(terms, accountSignature, key, keySignature);
}

/** Attests by the compliance key's own call. */
export async function attest(w: VaspWorld, changes: Partial<Attestation> = {}): Promise<ContractTransactionResponse> {
  return w.registry.connect(w.key).attest(await toAttestation(w, changes));
}

/** Asks for a payment as the first coin does, and says what the registry answered. */
export async function pay(
  w: VaspWorld,
  { payer = w.payer.address, payee = w.payee.address, amount = AMOUNT, coin = w.coin as VaspMockCoin | VaspMockFront } = {},
): Promise<boolean> {
  await coin.pay(w.registry, payer, payee, amount);
  return coin.answer();
}

export async function suspend(w: VaspWorld, vasp: bigint): Promise<void> {
  await w.registry.connect(w.freezer).suspend(vasp);
}

/** Everything the registry and its coins know in these tests; a test compares before with after. */
export async function readVasps(w: VaspWorld) {
  const { registry } = w;
  const members = { payer: w.payer, payee: w.payee, holder: w.holder };
  const ofEach = async <T>(read: (account: Account) => Promise<T>) => {
    const values = await Promise.all(Object.entries(members).map(async ([name, who]) => [name, await read(who)] as const));
    return Object.fromEntries(values) as Record<keyof typeof members, T>;
  };
  const frozen = async (coin: VaspMockCoin | VaspMockFront, account: Account) => {
    const { frozenWhole, frozen: part } = await coin.accountOf(account);
    const [caseId, until] = await coin.freezeCaseOf(account);
    return { amount: frozenWhole ? WHOLE : part, caseId, until };
  };
  return {
    count: await registry.vaspCount(),
    alpha: await readOperator(w, ALPHA),
    beta: await readOperator(w, BETA),
    unknown: await readOperator(w, UNKNOWN),
    domains: [await registry.idOfDomain(ALPHA_DOMAIN), await registry.idOfDomain(BETA_DOMAIN)],
    key: [...(await registry.keyOf(ALPHA, w.key))],
    nextKey: [...(await registry.keyOf(ALPHA, w.nextKey))],
    otherKey: [...(await registry.keyOf(BETA, w.otherKey))],
    family: await ofEach((account) => registry.vaspOf(account)),
    coinFamily: await ofEach((account) => w.coin.families(account)),
    frontFamily: await ofEach((account) => w.front.families(account)),
    told: [await w.coin.told(), await w.front.told()],
    leaveAt: await ofEach((account) => registry.leaveAt(account)),
    joinUsed: await registry.consentUsed(w.holder, JOIN_ID),
    leaveUsed: await registry.consentUsed(w.payee, LEAVE_ID),
    waiting: [...(await registry.attestationOf(w.coin, w.payer, w.payee, AMOUNT))],
    waitingOther: [...(await registry.attestationOf(w.front, w.payer, w.payee, AMOUNT))],
    waitingBack: [...(await registry.attestationOf(w.coin, w.payee, w.payer, AMOUNT))],
    attested: await registry.attestationUsed(ALPHA, ATTESTATION_ID),
    otherAttested: await registry.attestationUsed(ALPHA, OTHER_ATTESTATION_ID),
    betaAttested: await registry.attestationUsed(BETA, ATTESTATION_ID),
    frozen: await ofEach((account) => frozen(w.coin, account)),
    frontFrozen: await ofEach((account) => frozen(w.front, account)),
    freezes: await w.coin.freezes(),
  };
}

export async function readOperator(w: VaspWorld, vasp: bigint) {
  const { admin, offeredAdmin, domain, baseUrl, suspended } = await w.registry.operatorOf(vasp);
  return { admin, offeredAdmin, domain, baseUrl, suspended };
}

/** What is known of a family that is not known. */
export const NOBODY = {
  admin: ZeroAddress,
  offeredAdmin: ZeroAddress,
  domain: "",
  baseUrl: "",
  suspended: false,
} as const;

/** What a test may bend about a signature that would otherwise be right. */
export interface Bend {
  /** Who really signs. */
  key?: Signer;
  /** Members changed after signing. */
  changed?: Record<string, unknown>;
  /** Parts of the domain signed under. */
  domain?: TypedDataDomain;
  /** Changes the signature itself. */
  forge?: (signature: string) => string;
}

export interface ConsentSpec {
  /** The present world; read when a test runs. */
  world: () => VaspWorld;
  members: readonly TypedDataField[];
  /** Who has to sign. */
  signer: (w: VaspWorld) => Account;
  /** Signs, bent as told, and submits. */
  send: (bend: Bend) => Promise<ContractTransactionResponse>;
  /** Whom a changed `account` names instead; passes the checks before the signature. */
  other?: (w: VaspWorld) => Account;
  /** Whether `account` is who has to sign. */
  signs?: boolean;
  /** Put up before a change of `vasp`, so that nothing but the signature is wrong with it. */
  prepare?: (w: VaspWorld) => Promise<unknown>;
}

/** Another value for a member, with which every check but that of the signature still passes. */
function different(member: TypedDataField): unknown {
  if (member.name === "vasp") return BETA;
  if (member.type === "address") return zeroPadValue("0x99", 20);
  if (member.type === "bytes32") return id("another");
  return member.name === "amount" ? AMOUNT + 1n : FAR + 1n;
}

/** The `requires` that every signature of the registry shares. */
export function itRequiresSignatureOf(who: string, spec: ConsentSpec): void {
  const refused = async (bend: Bend, signer = spec.signer(spec.world()).address) => {
    await expect(spec.send(bend))
      .to.be.revertedWithCustomError(spec.world().registry, "OrderSignatureInvalid")
      .withArgs(signer);
  };

  it(`reverts with OrderSignatureInvalid(${who}) when another key signed`, async () => {
    await refused({ key: spec.world().stranger });
  });

  for (const member of spec.members) {
    it(`reverts with OrderSignatureInvalid(${who}) when ${member.name} changed after signing`, async () => {
      const w = spec.world();
      await spec.prepare?.(w);
      const value = member.name === "account" ? spec.other?.(w).address : different(member);
      const signer = member.name === "account" && spec.signs === true ? (value as string) : undefined;
      await refused({ changed: { [member.name]: value } }, signer);
    });
  }

  it(`reverts with OrderSignatureInvalid(${who}) for another chain`, async () => {
    await refused({ domain: { chainId: 1n } });
  });

  it(`reverts with OrderSignatureInvalid(${who}) for another contract`, async () => {
    await refused({ domain: { verifyingContract: spec.world().relayer.address } });
  });

  for (const [form, forge] of FORGERIES) {
    it(`reverts with OrderSignatureInvalid(${who}) for ${form}`, async () => {
      await refused({ forge });
    });
  }
}

/** Ways of writing a signature that do not count. */
export const FORGERIES: readonly (readonly [string, (signature: string) => string])[] = [
  ["the mirrored signature", mirrored],
  ["a compact signature", (signature) => Signature.from(signature).compactSerialized],
  ["one that recovers to zero", () => `${ZeroHash}${ZeroHash.slice(2)}1b`],
  ["no signature", () => "0x"],
];
