/**
 * What the encodings of all kinds of draft share: the shape of one, the structs it signs, how a call is written, and how much gas each kind
 * is given. Owns the gas limits. Pure; the tables of kinds are in `encode-*.ts`, their sum in `encode.ts`.
 */
import { type Abi, encodeFunctionData } from "viem";
import type { Draft } from "../domain/draft.ts";
import type { Address, Hex, Word } from "../domain/hex.ts";
import type { Action, IntentFacts, IntentKind } from "../domain/intent.ts";
import type { PrimaryType, TypedMessage } from "../domain/signatures.ts";
import type { Deployment } from "../pipeline/ports.ts";
import { parseSignature, toLong } from "./recover.ts";

/** Later than any block: what needs no deadline of its own. The first second that no longer fits a row. */
export const never = 2 ** 40;

type OfKind<D, K> = D extends { readonly kind: infer L } ? (K extends L ? D : never) : never;
/** The draft of a kind. */
export type DraftOf<K extends IntentKind> = OfKind<Draft, K>;
/** A draft before it is signed. */
export type Unsigned<D> = D extends unknown ? Omit<D, "signer" | "signature"> : never;

/** A struct to sign; `coin` says whose domain where it is a coin's. */
export interface Struct {
  readonly primaryType: PrimaryType;
  readonly coin: Address;
  readonly message: TypedMessage["message"];
}

/** Who must have signed one of the structs, in their order, and how. */
export interface Party {
  readonly signer: Address;
  readonly signature: Hex;
}

export interface Tools {
  readonly deployment: Deployment;
  digestOf(struct: Struct): Word;
  /** Of the bytes of these, one after the other. */
  keccak(...parts: readonly Hex[]): Word;
}

/** Fence, parties, times and subject of a draft, apart from how it is carried out. */
export type Outline = Omit<IntentFacts, "kind" | "digest" | "coin" | "action">;

/** How one kind of draft becomes an intent. */
export interface Encoding<D> {
  coin(draft: Unsigned<D>): Address;
  /** What is signed: one struct, two where two must agree, none for a public exit. */
  structs(draft: Unsigned<D>, tools: Tools): readonly Struct[];
  /** Who must have signed them; fewer than structs where one is not asked for. */
  parties(draft: D): readonly Party[];
  /** The intent's identity where it is not the digest of the first struct. */
  identify?(draft: Unsigned<D>, tools: Tools): Word;
  outline(draft: D, tools: Tools): Outline;
  /** How the chain carries it out; `structs` are those above. */
  act(draft: D, tools: Tools, structs: readonly Struct[]): Action;
}
export type Encodings<K extends IntentKind> = { readonly [L in K]: Encoding<DraftOf<L>> };

/** What every kind has in common when nothing moves. */
export const still = { payer: null, payee: null, amount: 0n, validAfter: 0, memo: null, reference: null } as const;

/** A signature as a call carries it: plain 65 bytes where it is ECDSA, whatever a contract wants to see otherwise. */
export function toCallSignature(signature: Hex): Hex {
  const parsed = parseSignature(signature);
  return parsed === null ? signature : `0x${toLong(parsed)}`;
}

/** One self-authenticating call with the gas of its kind. */
export function toCall(
  kind: IntentKind,
  target: { readonly to: Address; readonly abi: Abi },
  [functionName, ...args]: readonly [string, ...unknown[]],
): Action {
  const { to, abi } = target;
  return { kind: "call", to, data: encodeFunctionData({ abi, functionName, args }), gas: gasLimits[kind] };
}

/** The holder's word that an escrow may take coins, valid from the beginning of time. */
export function toReceive(take: {
  readonly coin: Address;
  readonly from: Address;
  readonly to: Address;
  readonly value: bigint;
  readonly validBefore: number;
  readonly nonce: Word;
}): Struct {
  const { coin, from, to, value, validBefore, nonce } = take;
  const message = { from, to, value, validAfter: 0n, validBefore: BigInt(validBefore), nonce };
  return { primaryType: "ReceiveWithAuthorization", coin, message };
}

/** The struct of a step on something known by its id, signed under a deadline. */
export function toStep(
  primaryType: PrimaryType,
  step: { readonly id: Word; readonly coin: Address; readonly deadline: number },
  rest: TypedMessage["message"] = {},
): Struct {
  const { id, coin, deadline } = step;
  return { primaryType, coin, message: { id, ...rest, deadline: BigInt(deadline) } };
}

/** The message of the first struct, as calls carry it. */
export function orderOf([struct]: readonly Struct[]): TypedMessage["message"] {
  if (struct === undefined) throw new RangeError("nothing is signed");
  return struct.message;
}

/** Asking a contract signer: its allowance, the 64th part a call keeps back and the access, as `Signatures.sol` has them. */
const contractSignerGas = 160_000n;
/** What an escrow wants to see before it tries a payment or a burn, as `Escrow.sol` has it, with the 64th part kept back. */
const escrowGas = 260_000n;

/** Gas of a call: its own use with every slot new, the signatures it checks, and whether coins leave an escrow. */
interface Room {
  readonly own: bigint;
  readonly signatures: 0 | 1 | 2;
  readonly pays?: true;
}

/** `own` is the measured use, rounded up by a quarter. */
const rooms: Readonly<Record<IntentKind, Room>> = {
  transfer: { own: 130_000n, signatures: 1 },
  cancel: { own: 75_000n, signatures: 1 },
  mint: { own: 190_000n, signatures: 1 },
  lock: { own: 270_000n, signatures: 1 },
  "cancel-redemption": { own: 110_000n, signatures: 1, pays: true },
  accept: { own: 90_000n, signatures: 1 },
  approve: { own: 90_000n, signatures: 1 },
  reject: { own: 110_000n, signatures: 1, pays: true },
  "mark-sent": { own: 100_000n, signatures: 1 },
  confirm: { own: 130_000n, signatures: 1, pays: true },
  dispute: { own: 100_000n, signatures: 1 },
  resolve: { own: 140_000n, signatures: 1, pays: true },
  reclaim: { own: 110_000n, signatures: 0, pays: true },
  attest: { own: 110_000n, signatures: 1 },
  minting: { own: 110_000n, signatures: 1 },
  freeze: { own: 160_000n, signatures: 1 },
  unfreeze: { own: 110_000n, signatures: 1 },
  seize: { own: 180_000n, signatures: 1 },
  "approve-mint": { own: 150_000n, signatures: 1 },
  "open-claim": { own: 340_000n, signatures: 1 },
  claim: { own: 180_000n, signatures: 2, pays: true },
  "decline-claim": { own: 160_000n, signatures: 1, pays: true },
  "cancel-claim": { own: 160_000n, signatures: 1, pays: true },
  "reclaim-claim": { own: 160_000n, signatures: 0, pays: true },
  authorize: { own: 270_000n, signatures: 1 },
  charge: { own: 430_000n, signatures: 2, pays: true },
  capture: { own: 260_000n, signatures: 1, pays: true },
  void: { own: 160_000n, signatures: 1, pays: true },
  refund: { own: 260_000n, signatures: 1, pays: true },
  "dispute-payment": { own: 100_000n, signatures: 1 },
  "resolve-payment": { own: 260_000n, signatures: 1, pays: true },
  "reclaim-payment": { own: 160_000n, signatures: 0, pays: true },
  swap: { own: 430_000n, signatures: 2 },
  "cancel-quote": { own: 100_000n, signatures: 1 },
  join: { own: 260_000n, signatures: 2 },
  leave: { own: 120_000n, signatures: 1 },
  "complete-leave": { own: 130_000n, signatures: 0 },
  "travel-attest": { own: 160_000n, signatures: 1 },
};

function toGas({ own, signatures, pays }: Room): bigint {
  return own + BigInt(signatures) * contractSignerGas + (pays === true ? escrowGas : 0n);
}

/** What a call of each kind is kept beside its own use: contract signers, and the escrow's floor. */
export const gasReserves = Object.fromEntries(
  Object.entries(rooms).map(([kind, room]) => [kind, toGas({ ...room, own: 0n })]),
) as Readonly<Record<IntentKind, bigint>>;

/**
 * Gas limit of each kind. A limit costs nothing but room in a block, and a call that runs out of gas would be blamed on its intent.
 */
export const gasLimits = Object.fromEntries(
  Object.entries(rooms).map(([kind, room]) => [kind, toGas(room)]),
) as Readonly<Record<IntentKind, bigint>>;
