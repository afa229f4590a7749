/**
 * The world of the commerce escrow's tests: a coin, the escrow, a funded payer, and right terms with a merchant, a fee and an
 * arbiter. Owns the typed structs of the escrow as ethers wants them and the behaviours that its signed orders share. Promises
 * that every step is sent by the relayer, who has no say, and that `readPayment` shows everything a step may touch.
 */
import { expect } from "chai";
import type { ContractTransactionResponse, Signer, TypedDataDomain } from "ethers";
import { MaxUint256, Signature, TypedDataEncoder, ZeroAddress, ZeroHash, id, keccak256 } from "ethers";
import type { CommerceEscrow, HostileCoin, Stablecoin } from "../../types/ethers-contracts/index.js";
import type { Account, Connection } from "./treasury.ts";
import { DOLLAR, at, domainOf, fields, mirrored, now } from "./treasury.ts";

export const STEP = { authorize: 1n, capture: 2n, void: 3n, reclaim: 4n, refund: 5n, dispute: 6n, resolve: 7n } as const;

export const FUNDS = 10_000n * DOLLAR;
/** A prime, so that no rate divides it. */
export const AMOUNT = 1_000_000_007n;
/** What one step moves where it does not move all. */
export const PART = 333_333_333n;
export const MIN_BPS = 100n;
export const BPS = 250n;
export const MAX_BPS = 300n;
export const DAY = 86_400n;
/** How much longer a disputed payment waits for its arbiter. */
export const ARBITRATION = 15n * DAY;
export const LARGEST = 2n ** 63n - 1n;
/** The gas without which no payment is tried. */
export const GAS_FLOOR = 250_000n;
/** Far enough for every test. */
export const LATER = 4_000_000_000n;

export const TYPES = {
  Payment: fields(
    "address coin,address payer,address merchant,uint256 amount,address feeReceiver,uint256 minFeeBps,uint256 maxFeeBps,address arbiter,uint256 authorizeBy,uint256 captureBy,uint256 refundBy,bytes32 salt",
  ),
  Capture: fields(
    "bytes32 id,uint256 amount,uint256 captured,uint256 voided,uint256 feeBps,bool voidRest,uint256 deadline",
  ),
  Void: fields("bytes32 id,uint256 amount,uint256 captured,uint256 voided,uint256 deadline"),
  DisputePayment: fields("bytes32 id,uint256 captured,uint256 voided,uint256 deadline"),
  ResolvePayment: fields(
    "bytes32 id,uint256 toMerchant,uint256 captured,uint256 voided,uint256 feeBps,uint256 deadline",
  ),
} as const;

const RECEIVE = fields("address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce");

export interface Terms {
  coin: string;
  payer: string;
  merchant: string;
  amount: bigint;
  feeReceiver: string;
  minFeeBps: bigint;
  maxFeeBps: bigint;
  arbiter: string;
  authorizeBy: bigint;
  captureBy: bigint;
  refundBy: bigint;
  salt: string;
}

const ACTORS = ["admin", "payer", "merchant", "feeReceiver", "arbiter", "relayer", "stranger"] as const;

export interface CommerceWorld<Coin = Stablecoin> extends Record<(typeof ACTORS)[number], Account> {
  connection: Connection;
  coin: Coin;
  escrow: CommerceEscrow;
  terms: Terms;
  /** The id of `terms`. */
  id: string;
}

/** As the ordinary world, but the escrow's coin is one that misbehaves when told to. */
export type HostileWorld = CommerceWorld<HostileCoin>;
export type AnyWorld = CommerceWorld | HostileWorld;

export async function deployCommerce(connection: Connection): Promise<CommerceWorld> {
  const { ethers } = connection;
  const manager = await ethers.deployContract("AccessManager", [(await ethers.getSigners())[0]!]);
  const arguments_ = [manager, "Remesa Dollar", "XUS", "1"];
  const coin = (await ethers.deployContract("Stablecoin", arguments_)) as unknown as Stablecoin;
  const w = await deployEscrow(connection, coin);
  await coin.flagEscrow(w.escrow);
  await coin.setTreasury(w.admin);
  for (const holder of [w.payer, w.merchant]) await coin.mint(holder, FUNDS);
  return w;
}

export async function deployHostile(connection: Connection): Promise<HostileWorld> {
  const coin = (await connection.ethers.deployContract("HostileCoin")) as unknown as HostileCoin;
  const w = await deployEscrow(connection, coin);
  for (const holder of [w.payer, w.merchant]) await coin.mint(holder, FUNDS);
  return w;
}

async function deployEscrow<Coin extends Stablecoin | HostileCoin>(
  connection: Connection,
  coin: Coin,
): Promise<CommerceWorld<Coin>> {
  const { ethers } = connection;
  const signers = await ethers.getSigners();
  const actors = Object.fromEntries(ACTORS.map((name, index) => [name, signers[index]!]));
  const all = actors as Record<(typeof ACTORS)[number], Account>;
  const escrow = (await ethers.deployContract("CommerceEscrow", [[coin]])) as unknown as CommerceEscrow;
  const start = await now(connection);
  const terms: Terms = {
    coin: await coin.getAddress(),
    payer: all.payer.address,
    merchant: all.merchant.address,
    amount: AMOUNT,
    feeReceiver: all.feeReceiver.address,
    minFeeBps: MIN_BPS,
    maxFeeBps: MAX_BPS,
    arbiter: all.arbiter.address,
    authorizeBy: start + DAY,
    captureBy: start + 7n * DAY,
    refundBy: start + 30n * DAY,
    salt: id("salt 1"),
  };
  return withTerms({ connection, coin, escrow, terms, id: ZeroHash, ...all }, {});
}

/** The same world about another payment: that of the changed terms. Its id is computed as a wallet does, apart from the contract. */
export async function withTerms<World extends AnyWorld>(w: World, changes: Partial<Terms>): Promise<World> {
  const terms = { ...w.terms, ...changes };
  const domain = await domainOf(w.escrow, "Remesa Commerce");
  return { ...w, terms, id: TypedDataEncoder.hash(domain, { Payment: TYPES.Payment }, terms) };
}

/** What a test may bend about a signature that would otherwise be right. */
export interface Bend {
  /** Who really signs. */
  key?: Signer;
  /** Members of the signed struct alone. */
  signed?: Record<string, unknown>;
  domain?: TypedDataDomain;
  /** Changes the signature itself. */
  forge?: (signature: string) => string;
}

/** The payer's one signature: the coin's authorization whose nonce is the id of the terms. */
export async function signPayment(w: AnyWorld, bend: Bend = {}): Promise<string> {
  const { payer: from, amount: value, authorizeBy: validBefore } = w.terms;
  return signReceive(w, { from, value, validBefore, nonce: w.id }, { key: w.payer, ...bend });
}

/** The merchant's signature for a refund, given when `refunded` had been refunded. */
export async function signRefund(w: AnyWorld, amount: bigint, refunded: bigint, bend: Bend = {}): Promise<string> {
  const nonce = await w.escrow.refundNonceOf(w.id, refunded);
  const { merchant: from, refundBy: validBefore } = w.terms;
  return signReceive(w, { from, value: amount, validBefore, nonce }, { key: w.merchant, ...bend });
}

async function signReceive(w: AnyWorld, message: Record<string, unknown>, bend: Bend): Promise<string> {
  const domain = { ...(await domainOf(w.coin, "Remesa Dollar")), ...bend.domain };
  const to = await w.escrow.getAddress();
  const signed = { to, validAfter: 0n, ...message, ...bend.signed };
  const signature = await bend.key!.signTypedData(domain, { ReceiveWithAuthorization: RECEIVE }, signed);
  return bend.forge === undefined ? signature : bend.forge(signature);
}

export async function authorize(w: AnyWorld, bend: Bend = {}): Promise<ContractTransactionResponse> {
  return w.escrow.connect(w.relayer).authorize(w.terms, await signPayment(w, bend));
}

/** The steps that a party orders by a typed struct of this escrow. */
const ORDERS = {
  capture: { type: "Capture", signer: "merchant", order: { amount: PART, feeBps: BPS, voidRest: false } },
  void: { type: "Void", signer: "merchant", order: { amount: PART } },
  resolve: { type: "ResolvePayment", signer: "arbiter", order: { toMerchant: PART, feeBps: BPS } },
  disputeBySig: { type: "DisputePayment", signer: "payer", order: {} },
} as const;
export type OrderedStep = keyof typeof ORDERS;
export const ORDERED_STEPS = Object.keys(ORDERS) as OrderedStep[];

export type Order = Record<string, unknown>;

/** A right order for a step at the present totals, with changes. */
export async function orderFor(w: AnyWorld, step: OrderedStep, changes: Order = {}): Promise<Order> {
  const { captured, voided } = await w.escrow.paymentOf(w.id);
  return { id: w.id, captured, voided, ...ORDERS[step].order, deadline: LATER, ...changes };
}

export async function signOrder(w: AnyWorld, step: OrderedStep, order: Order, bend: Bend = {}): Promise<string> {
  const { type, signer } = ORDERS[step];
  const domain = { ...(await domainOf(w.escrow, "Remesa Commerce")), ...bend.domain };
  const key = bend.key ?? w[signer];
  const signature = await key.signTypedData(domain, { [type]: [...TYPES[type]] }, { ...order, ...bend.signed });
  return bend.forge === undefined ? signature : bend.forge(signature);
}

/** The arguments of a step: the terms, what the order says, the signature. */
export async function argumentsOf(w: AnyWorld, step: OrderedStep, changes: Order = {}, bend: Bend = {}) {
  const order = await orderFor(w, step, changes);
  const signature = await signOrder(w, step, order, bend);
  return [w.terms, step === "disputeBySig" ? order["deadline"] : order, signature] as const;
}

/** Signs and submits a step at the present totals; `gasLimit` only where a test wants one. */
export async function send(
  w: AnyWorld,
  step: OrderedStep,
  changes: Order = {},
  bend: Bend & { gasLimit?: bigint } = {},
): Promise<ContractTransactionResponse> {
  const overrides = bend.gasLimit === undefined ? {} : { gasLimit: bend.gasLimit };
  const call = w.escrow.connect(w.relayer).getFunction(step);
  return call(...(await argumentsOf(w, step, changes, bend)), overrides);
}

export async function charge(w: AnyWorld, changes: Order = {}, bend: Bend = {}): Promise<ContractTransactionResponse> {
  const order = await orderFor(w, "capture", changes);
  const signature = await signOrder(w, "capture", order, bend);
  return w.escrow.connect(w.relayer).charge(w.terms, await signPayment(w), order as never, signature);
}

export async function refund(
  w: AnyWorld,
  amount = PART,
  { refunded, ...bend }: Bend & { refunded?: bigint } = {},
): Promise<ContractTransactionResponse> {
  const before = refunded ?? (await w.escrow.paymentOf(w.id)).refunded;
  return w.escrow.connect(w.relayer).refund(w.terms, amount, before, await signRefund(w, amount, before, bend));
}

export async function dispute(w: AnyWorld): Promise<ContractTransactionResponse> {
  return w.escrow.connect(w.payer).dispute(w.terms);
}

/** How far a payment has come. The open ones first; of the others nothing remains. */
const PATHS = {
  authorized: [],
  "partly captured": [(w: AnyWorld) => send(w, "capture")],
  "partly voided": [(w: AnyWorld) => send(w, "void")],
  "partly refunded": [(w: AnyWorld) => send(w, "capture"), (w: AnyWorld) => refund(w, 1n)],
  disputed: [dispute],
  "partly captured and disputed": [(w: AnyWorld) => send(w, "capture"), dispute],
  captured: [(w: AnyWorld) => send(w, "capture", { amount: w.terms.amount })],
  "captured with the rest voided": [(w: AnyWorld) => send(w, "capture", { voidRest: true })],
  voided: [(w: AnyWorld) => send(w, "void", { amount: w.terms.amount })],
  resolved: [dispute, (w: AnyWorld) => send(w, "resolve")],
  reclaimed: [
    async (w: AnyWorld) => {
      await at(w.connection, w.terms.captureBy);
      return w.escrow.connect(w.stranger).reclaim(w.terms);
    },
  ],
} as const;
export type Situation = keyof typeof PATHS;
export const SITUATIONS = Object.keys(PATHS) as Situation[];
export const OPEN = SITUATIONS.slice(0, 6);
export const CLOSED = SITUATIONS.slice(6);

/** Brings the world's payment into a situation and gives the moment at which anyone may reclaim it. */
export async function reach(w: AnyWorld, situation: Situation): Promise<bigint> {
  await authorize(w);
  for (const step of PATHS[situation]) await step(w);
  return w.terms.captureBy + (situation.endsWith("disputed") ? ARBITRATION : 0n);
}

/** Everything a step may touch; a test compares before with after. */
export async function readPayment(w: AnyWorld) {
  const [authorized, captured, voided, refunded, feeBps, disputed] = await w.escrow.paymentOf(w.id);
  const { coin, payer, merchant, feeReceiver, arbiter } = w.terms;
  const balance = (account: string) => w.coin.balanceOf(account);
  return {
    ...{ authorized, captured, voided, refunded, feeBps, disputed },
    payer: await balance(payer),
    merchant: await balance(merchant),
    feeReceiver: await balance(feeReceiver),
    arbiter: await balance(arbiter),
    relayer: await balance(w.relayer.address),
    stranger: await balance(w.stranger.address),
    escrow: await w.coin.balanceOf(w.escrow),
    held: await w.escrow.held(coin),
    payerCredit: await w.escrow.creditOf(coin, payer, payer),
    merchantCredit: await w.escrow.creditOf(coin, payer, merchant),
    feeCredit: await w.escrow.creditOf(coin, payer, feeReceiver),
    refundCredit: await w.escrow.creditOf(coin, merchant, payer),
  };
}

export type Reading = Awaited<ReturnType<typeof readPayment>>;

/** Puts amounts on top of a reading. */
export function plus(reading: Reading, changes: { [Name in keyof Reading]?: bigint }): Reading {
  const result: Record<string, unknown> = { ...reading };
  for (const [name, change] of Object.entries(changes)) result[name] = (result[name] as bigint) + change;
  return result as Reading;
}

/** What a reading becomes when `amount` is captured, of which `fee`, and `rest` given back. */
export function paid(before: Reading, { amount = 0n, fee = 0n, rest = 0n }): Reading {
  const after = plus(before, {
    ...{ captured: amount, voided: rest, merchant: amount - fee, feeReceiver: fee, payer: rest },
    ...{ escrow: -amount - rest, held: -amount - rest },
  });
  return settled(amount > 0n ? { ...after, feeBps: BPS } : after);
}

/** The same where the coin refuses: credits in place of payments. */
export function credited(before: Reading, { amount = 0n, fee = 0n, rest = 0n }): Reading {
  const after = plus(before, {
    ...{ captured: amount, voided: rest, merchantCredit: amount - fee, feeCredit: fee, payerCredit: rest },
  });
  return settled(amount > 0n ? { ...after, feeBps: BPS } : after);
}

/** A payment of which nothing remains has no open dispute. */
function settled(reading: Reading): Reading {
  const open = reading.captured + reading.voided < reading.authorized;
  return { ...reading, disputed: reading.disputed && open };
}

export function feeOf(captured: bigint, feeBps = BPS): bigint {
  return (captured * feeBps) / 10_000n;
}

/** Freezes an account whole in the coin. */
export async function freeze(w: CommerceWorld, account: string): Promise<void> {
  await w.coin.freeze(account, MaxUint256, id("case 1"), LATER);
}

/** A value of the same type that is not the one given and breaks no rule of the terms. */
export function differing(type: string, value: unknown): unknown {
  if (type === "address") return "0x0000000000000000000000000000000000000099";
  if (type === "bool") return value !== true;
  return type === "bytes32" ? keccak256(value as string) : (value as bigint) + 1n;
}

/** The `requires` that every order of this escrow shares: for this payment, in time, of its signer over all it says. */
export function itRequiresOrder(world: () => CommerceWorld, step: OrderedStep): void {
  const { type, signer } = ORDERS[step];
  const byOrder = step !== "disputeBySig";

  it("reverts with CommerceUnknown(id) for terms that were never authorized", async () => {
    const w = await withTerms(world(), { salt: id("salt 2") });
    await expect(send(w, step)).to.be.revertedWithCustomError(w.escrow, "CommerceUnknown").withArgs(w.id);
  });

  if (byOrder)
    it("reverts with CommerceOrderMismatch(another, id) for an order about another payment", async () => {
      const w = world();
      await expect(send(w, step, { id: id("another") }))
        .to.be.revertedWithCustomError(w.escrow, "CommerceOrderMismatch")
        .withArgs(id("another"), w.id);
    });

  for (const early of [1n, 0n])
    it(`acts ${early} seconds before the order's deadline`, async () => {
      const w = world();
      const deadline = (await now(w.connection)) + 100n;
      await at(w.connection, deadline - early);
      await send(w, step, { deadline });
    });

  it("reverts with CommerceOrderExpired(d, d + 1)", async () => {
    const w = world();
    const deadline = (await now(w.connection)) + 100n;
    await at(w.connection, deadline + 1n);
    await expect(send(w, step, { deadline }))
      .to.be.revertedWithCustomError(w.escrow, "CommerceOrderExpired")
      .withArgs(deadline, deadline + 1n);
  });

  const refused = async (bend: Bend) => {
    const w = world();
    await expect(send(w, step, {}, bend))
      .to.be.revertedWithCustomError(w.escrow, "CommerceSignatureInvalid")
      .withArgs(w.terms[signer]);
  };

  it(`reverts with CommerceSignatureInvalid(${signer}) when another key signed`, async () => {
    await refused({ key: world().stranger });
  });

  for (const { name, type: kind } of TYPES[type])
    it(`reverts with CommerceSignatureInvalid(${signer}) when ${name} was signed otherwise`, async () => {
      const order = await orderFor(world(), step);
      await refused({ signed: { [name]: differing(kind, order[name]) } });
    });

  const forgeries: [string, () => Bend][] = [
    ["for another chain", () => ({ domain: { chainId: 1n } })],
    ["for another contract", () => ({ domain: { verifyingContract: world().stranger.address } })],
    ["that is mirrored", () => ({ forge: mirrored })],
    ["in compact form", () => ({ forge: (signature) => Signature.from(signature).compactSerialized })],
    ["that is empty", () => ({ forge: () => "0x" })],
  ];
  for (const [title, bend] of forgeries)
    it(`reverts with CommerceSignatureInvalid(${signer}) for a signature ${title}`, async () => {
      await refused(bend());
    });
}

/** The zero address as a party, for the tests that leave one out. */
export const NOBODY = ZeroAddress;
