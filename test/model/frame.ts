/**
 * What every contract of the model stands on: the world, a call's frame, refusing and telling, and who signed what. Owns the state of
 * the world as plain data, so that a copy of it is a copy of everything. Promises no I/O, no clock and no cryptography beyond
 * hashing: a signature is a note of who signed which digest, and the test makes the real one of it.
 */
import { concat, keccak256, toBeHex, TypedDataEncoder } from "ethers";
import type { Payment } from "./commerce.ts";
import type { Claim } from "./claims.ts";
import type { Coin } from "./coin.ts";
import type { Books } from "./escrow.ts";
import type { Redemptions } from "./redemption.ts";
import type { Registry } from "./families.ts";
import { STRUCTS, type StructName } from "./structs.ts";

export type Address = string;
/** 32 bytes as hex: an id, a hash, a reference. */
export type Bytes32 = string;

export const ZERO: Address = `0x${"00".repeat(20)}`;
export const NOTHING: Bytes32 = `0x${"00".repeat(32)}`;
export const DAY = 86_400n;
/** 2^256 − 1: without limit, the whole account, never. */
export const WHOLE = 2n ** 256n - 1n;
/** The largest amount of any coin in existence. */
export const MAX_AMOUNT = 2n ** 63n - 1n;

/** `key` signed `digest`; whether that is what was wanted, `isSigned` says. */
export interface Signature {
  key: Address;
  digest: Bytes32;
}

/** What an event or an error carries. A function or an error by name stands for its selector. */
export type Value = bigint | string | boolean | { selectorOf: string };

export interface Entry {
  contract: Address;
  event: string;
  args: readonly Value[];
}

export interface World {
  chainId: bigint;
  /** The time of the block that the present call is in. */
  time: bigint;
  /** Events of the present call. */
  log: Entry[];
  /** The EIP-712 name of each contract. */
  names: Map<Address, string>;
  /** Contract wallets and the key whose signature each accepts. */
  owners: Map<Address, Address>;
  /** `contract function account`: the account may call it at once. */
  powers: Set<string>;
  /** `contract signer id`: the order was used. */
  orders: Set<string>;
  coins: Map<Address, Coin>;
  registry: Registry;
  /** The books of each escrow. */
  books: Map<Address, Books>;
  claims: Map<Bytes32, Claim>;
  payments: Map<Bytes32, Payment>;
  quotes: Set<Bytes32>;
  redemptions: Redemptions;
}

/** One call: who calls which contract, and the world it acts on. */
export interface Frame {
  world: World;
  self: Address;
  caller: Address;
}

/** What a call reverts with. */
export class Refusal extends Error {
  readonly error: string;
  readonly args: readonly Value[];

  constructor(error: string, args: readonly Value[]) {
    super(error);
    this.error = error;
    this.args = args;
  }
}

export function refuse(error: string, ...args: Value[]): never {
  throw new Refusal(error, args);
}

export function emit(c: Frame, event: string, ...args: Value[]): void {
  c.world.log.push({ contract: c.self, event, args });
}

/** The frame of a call that the called contract makes itself. */
export function into(c: Frame, contract: Address): Frame {
  return { world: c.world, self: contract, caller: c.self };
}

/** Carries out a transaction on a copy: the new world, or the old one and why nothing changed. */
export function transact(world: World, act: (next: World) => void): { world: World; refusal?: Refusal } {
  const next = structuredClone(world);
  next.log = [];
  try {
    act(next);
    return { world: next };
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return { world: { ...world, time: next.time, log: [] }, refusal: error };
  }
}

export function toWord(number: bigint): Bytes32 {
  return toBeHex(number, 32);
}

// ------------------------------------------------------------------------------------------------- signatures

const encoders = new Map<StructName, TypedDataEncoder>();
const separators = new Map<string, string>();

/** What is signed when `type` with the members `message` is signed for a contract. */
export function digestOf(world: World, contract: Address, type: StructName, message: object): Bytes32 {
  const encoder = encoders.get(type) ?? new TypedDataEncoder({ [type]: [...STRUCTS[type]] });
  encoders.set(type, encoder);
  const name = world.names.get(contract) ?? "";
  const key = `${name} ${contract} ${world.chainId}`;
  const separator =
    separators.get(key) ??
    TypedDataEncoder.hashDomain({ name, version: "1", chainId: world.chainId, verifyingContract: contract });
  separators.set(key, separator);
  return keccak256(concat(["0x1901", separator, encoder.hash(message as Record<string, unknown>)]));
}

/** A key signs for itself and for the contract wallet it owns. */
export function isSigned(world: World, signer: Address, digest: Bytes32, { key, digest: signed }: Signature): boolean {
  return signed === digest && (key === signer || key === world.owners.get(signer));
}

// ------------------------------------------------------------------------------------------------------ roles

export function power(contract: Address, name: string, account: Address): string {
  return `${contract} ${name} ${account}`;
}

export function requireRole(c: Frame, name: string): void {
  if (!c.world.powers.has(power(c.self, name, c.caller))) refuse("AccessManagedUnauthorized", c.caller);
}

/** An order's deadline is inclusive. */
export function requireDeadline(c: Frame, deadline: bigint, error = "OrderExpired"): void {
  if (c.world.time > deadline) refuse(error, deadline, c.world.time);
}

/** An order whose signer could make the call `name` itself, at once. Returns its digest. */
export function requireOrder(
  c: Frame,
  { name, type, message }: { name: string; type: StructName; message: { deadline: bigint } },
  signer: Address,
  signature: Signature,
): Bytes32 {
  requireDeadline(c, message.deadline);
  if (!c.world.powers.has(power(c.self, name, signer))) refuse("OrderNotPermitted", signer, { selectorOf: name });
  const digest = digestOf(c.world, c.self, type, message);
  if (!isSigned(c.world, signer, digest, signature)) refuse("OrderSignatureInvalid", signer);
  return digest;
}

/** As `requireOrder` for an order with an id of its own, which is used once per signer. */
export function spendOrder(
  c: Frame,
  order: { name: string; type: StructName; message: { deadline: bigint; orderId: Bytes32 } },
  signer: Address,
  signature: Signature,
): void {
  const { deadline, orderId } = order.message;
  requireDeadline(c, deadline);
  if (c.world.orders.has(power(c.self, signer, orderId))) refuse("OrderAlreadyUsed", signer, orderId);
  const digest = requireOrder(c, order, signer, signature);
  c.world.orders.add(power(c.self, signer, orderId));
  emit(c, "OrderUsed", signer, orderId, digest);
}
