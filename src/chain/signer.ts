/**
 * Keys: the lanes', the funder's and the roles'. Owns what each key may sign: a lane only calls of the node's kinds to our contracts, without
 * value and under the fee cap; the funder only gas money for these lanes, and a role only its own orders, each under a daily cap. Anything else throws: a program that asks for it is broken or
 * taken over. Keys are never returned, logged or put into an error.
 */
import { decodeFunctionData, toFunctionSelector, toFunctionSignature } from "viem";
import type { OrderRole } from "../domain/draft.ts";
import type { Address, Hex, Word } from "../domain/hex.ts";
import type { PrimaryType, TypedMessage } from "../domain/signatures.ts";
import type { Deployment, LaneSigner, LaneTransaction, OrderSigner } from "../pipeline/ports.ts";
import {
  claimEscrowAbi,
  commerceEscrowAbi,
  dispatcherAbi,
  fxSwapAbi,
  redemptionEscrowAbi,
  stablecoinAbi,
  treasuryAbi,
  vaspRegistryAbi,
} from "./abi.ts";
import { type Curve, loadCurve } from "./curve.ts";
import { createDigest, type Keccak, loadKeccak, toHex } from "./digest.ts";
import { toAddress } from "./recover.ts";
import { encodeTransaction } from "./transaction.ts";

/** What was asked of a key that it must not do. */
export class SigningRefused extends Error {
  override readonly name = "SigningRefused";
}

/** EIP-7825: no transaction may have more gas. */
const transactionGasCap = 16_777_216n;

/** The self-authenticating calls: everything a lane does for others, nothing that would act for the lane itself. */
const allowed = {
  coin: [
    "settle",
    "transferWithAuthorization",
    "transferWithMemo",
    "cancelAuthorization",
    "disburse",
    "freezeBySig",
    "unfreezeBySig",
    "seizeBySig",
    "releaseExpired",
  ],
  treasury: ["mintBySig", "mintBatchBySig", "mintReturnBySig", "approveMintBySig", "attestBySig", "setMintingBySig"],
  redemptions: [
    "lock",
    "cancelBySig",
    "acceptBySig",
    "approveBySig",
    "rejectBySig",
    "markSentBySig",
    "confirmBySig",
    "disputeBySig",
    "resolveBySig",
    "reclaim",
    "burnPending",
    "withdrawCredit",
  ],
  claims: ["open", "claim", "decline", "cancelBySig", "reclaim", "withdrawCredit"],
  commerce: [
    "authorize",
    "charge",
    "capture",
    "void",
    "refund",
    "disputeBySig",
    "resolve",
    "reclaim",
    "withdrawCredit",
  ],
  swap: ["swap", "cancelBySig"],
  registry: ["join", "leaveBySig", "completeLeave", "attestBySig"],
  dispatcher: ["execute"],
} as const;

/** What a lane may call on each contract of a deployment. */
function createPolicy(deployment: Deployment): (to: Address, data: Hex) => boolean {
  const { treasury, redemptions, claims, commerce, swap, registry, dispatcher } = deployment;
  const selectors = new Map<Address, ReadonlySet<string>>([
    [treasury, selectorsOf(treasuryAbi, allowed.treasury)],
    [redemptions, selectorsOf(redemptionEscrowAbi, allowed.redemptions)],
    [claims, selectorsOf(claimEscrowAbi, allowed.claims)],
    [commerce, selectorsOf(commerceEscrowAbi, allowed.commerce)],
    [swap, selectorsOf(fxSwapAbi, allowed.swap)],
    [registry, selectorsOf(vaspRegistryAbi, allowed.registry)],
    [dispatcher, selectorsOf(dispatcherAbi, allowed.dispatcher)],
    ...deployment.coins.map(({ address }) => [address, selectorsOf(stablecoinAbi, allowed.coin)] as const),
  ]);
  return (to, data) => {
    if (selectors.get(to)?.has(data.slice(0, 10)) !== true) return false;
    if (to !== dispatcher) return true;
    // the calls it carries are held to the same table, and none of them is another list
    const { args } = decodeFunctionData({ abi: dispatcherAbi, data });
    return args[0].every(({ target, data: inner }) => {
      const at = target.toLowerCase() as Address;
      return at !== dispatcher && selectors.get(at)?.has(inner.slice(0, 10)) === true;
    });
  };
}

type AbiItem = { readonly type: string; readonly name?: string };

function selectorsOf(abi: readonly AbiItem[], names: readonly string[]): ReadonlySet<string> {
  const functions = abi.filter((item) => item.type === "function" && names.includes(item.name ?? ""));
  const missing = names.filter((name) => !functions.some((item) => item.name === name));
  if (missing.length > 0) throw new Error(`the ABI has no ${missing.join(", ")}`);
  return new Set(functions.map((item) => toFunctionSelector(toFunctionSignature(item as never))));
}

interface KeyPair {
  readonly address: Address;
  readonly key: Uint8Array;
}

function toPair(curve: Curve, keccak: Keccak, key: Hex): KeyPair {
  const bytes = Buffer.from(key.slice(2), "hex");
  if (bytes.length !== 32) throw new RangeError("a private key has 32 bytes");
  return { address: toAddress(keccak, curve.publicKey(bytes)), key: bytes };
}

const bytesOf = (hex: Hex): Buffer => Buffer.from(hex.slice(2), "hex");

export interface LaneSignerOptions {
  readonly keys: readonly Hex[];
  /** Keys that wait: their lanes are only stored until one takes another's place. */
  readonly spareKeys?: readonly Hex[];
  readonly deployment: Deployment;
  /** Wei per gas. */
  readonly maxFeePerGas: bigint;
  readonly funder?: FunderOptions | undefined;
}

export interface FunderOptions {
  readonly key: Hex;
  /** Wei given at a time, at most. */
  readonly topUp: bigint;
  /** Wei given in any 24 hours, at most. Kept in memory here: a restart begins a new day. The store keeps its own count. */
  readonly perDay: bigint;
  /** Wall clock, Unix milliseconds. */
  readonly now?: () => number;
}

/** A plain transfer takes 21,000; where data is charged as gas, as on rollups, somewhat more. What is not used is not paid. */
export const transferGas = 100_000n;

/** What the funder may give: plain transfers to `lanes`, each and all together under their caps. Throws SigningRefused. */
function createGiving(options: FunderOptions, lanes: { has(address: Address): boolean }) {
  const { topUp, perDay, now = Date.now } = options;
  /** By nonce, oldest first: the same nonce signed again gives once. */
  const given = new Map<number, { readonly value: bigint; readonly at: number }>();

  function count(nonce: number, value: bigint): void {
    const time = now();
    let sum = value;
    for (const [old, entry] of given) {
      if (time - entry.at >= dayMs) given.delete(old);
      else if (old !== nonce) sum += entry.value;
    }
    if (sum > perDay) throw new SigningRefused(`${sum} wei in a day are above the cap of ${perDay}`);
    const before = given.get(nonce);
    if (before === undefined || before.value < value) given.set(nonce, { value, at: before?.at ?? time });
  }

  return ({ to, data, value = 0n, gas, nonce }: LaneTransaction): void => {
    if (data !== "0x") throw new SigningRefused("the funder calls nothing");
    if (!lanes.has(to)) throw new SigningRefused(`${to} is not a lane of this node`);
    if (value <= 0n || value > topUp) throw new SigningRefused(`${value} wei is outside 1 to ${topUp}`);
    if (gas > transferGas) throw new SigningRefused(`${gas} gas is more than a transfer takes`);
    count(nonce, value);
  };
}

/** Signs for lanes and their funder. A call to itself without data is allowed too: it uses up a nonce and does nothing else. */
export async function createLaneSigner(options: LaneSignerOptions): Promise<LaneSigner> {
  const { keys, spareKeys = [], deployment, maxFeePerGas } = options;
  const curve = await loadCurve();
  const keccak = await loadKeccak();
  const first = keys.map((key) => toPair(curve, keccak, key));
  const later = spareKeys.map((key) => toPair(curve, keccak, key));
  const pairs = new Map([...first, ...later].map((pair) => [pair.address, pair.key]));
  const spare = new Set(later.map(({ address }) => address));
  for (const { address } of first) spare.delete(address);
  const isAllowed = createPolicy(deployment);
  const giver = options.funder === undefined ? null : toPair(curve, keccak, options.funder.key);
  if (giver !== null && pairs.has(giver.address)) throw new SigningRefused("the funder's key is a lane's key");
  const checkGift = options.funder === undefined ? null : createGiving(options.funder, new Set(pairs.keys()));

  function check(transaction: LaneTransaction): Uint8Array {
    const { lane, nonce, to, data, gas, value = 0n } = transaction;
    const isGiver = giver !== null && lane === giver.address;
    const key = isGiver ? giver.key : pairs.get(lane);
    if (key === undefined) throw new SigningRefused(`${lane} is not a lane of this node`);
    if (!Number.isSafeInteger(nonce) || nonce < 0) throw new SigningRefused(`${nonce} is not a nonce`);
    const isNoOp = to === lane && data === "0x" && value === 0n;
    if (!isGiver && value !== 0n) throw new SigningRefused("a lane gives no value away");
    if (!isGiver && !isNoOp && !isAllowed(to, data)) {
      throw new SigningRefused(`a lane does not call ${data.slice(0, 10)} of ${to}`);
    }
    if (gas <= 0n || gas > transactionGasCap)
      throw new SigningRefused(`${gas} gas is outside 1 to ${transactionGasCap}`);
    if (transaction.maxFeePerGas > maxFeePerGas) {
      throw new SigningRefused(`${transaction.maxFeePerGas} wei per gas is above the cap of ${maxFeePerGas}`);
    }
    if (transaction.maxPriorityFeePerGas > transaction.maxFeePerGas) {
      throw new SigningRefused("the priority fee is above the fee itself");
    }
    // Last: what is refused for another reason is not counted.
    if (isGiver && !isNoOp) checkGift?.(transaction);
    return key;
  }

  async function sign(transaction: LaneTransaction): Promise<{ readonly raw: Hex; readonly hash: Word }> {
    const key = check(transaction);
    const digest = keccak(encodeTransaction(transaction, deployment.chainId, null));
    const raw = encodeTransaction(transaction, deployment.chainId, curve.sign(digest, key));
    return { raw: toHex(raw), hash: toHex(keccak(raw)) };
  }

  return { lanes: [...pairs.keys()], spare, sign, ...(giver === null ? {} : { funder: giver.address }) };
}

/** The structs each role signs, and no others. */
const orderTypes: Readonly<Record<OrderRole, readonly PrimaryType[]>> = {
  dealer: ["MintOrder"],
  attestor: ["AttestOrder"],
  issuer: ["MintingOrder"],
  freezer: ["FreezeOrder", "UnfreezeOrder"],
  agent: ["AcceptOrder", "RejectOrder", "MarkSentOrder", "ConfirmOrder"],
  seizer: ["SeizeOrder"],
  approver: ["ApproveMintOrder"],
  cosigner: ["ApproveOrder"],
  arbiter: ["ResolveOrder"],
};

export interface OrderLimits {
  /** Base units a dealer's key signs for in any 24 hours. Kept in memory: a restart begins a new day. */
  readonly mintPerDay?: bigint;
  /** Wall clock, Unix milliseconds. */
  readonly now?: () => number;
}

/** The highest dealer tier: 500 million dollars. */
const defaultMintPerDay = 500_000_000n * 1_000_000n;
const dayMs = 86_400_000;

/** Signs orders with the role keys a node was given; a role without a key has no address. */
export async function createOrderSigner(
  roleKeys: Readonly<Partial<Record<OrderRole, Hex | undefined>>>,
  limits: OrderLimits = {},
): Promise<OrderSigner> {
  const { mintPerDay = defaultMintPerDay, now = Date.now } = limits;
  const curve = await loadCurve();
  const keccak = await loadKeccak();
  const digestOf = createDigest(keccak);
  const pairs = new Map<OrderRole, KeyPair>();
  for (const role of Object.keys(orderTypes) as OrderRole[]) {
    const key = roleKeys[role];
    if (key !== undefined) pairs.set(role, toPair(curve, keccak, key));
  }
  /** Mint orders of the last 24 hours, oldest first: the same order asked for again counts once. */
  const minted = new Map<Word, { readonly amount: bigint; readonly at: number }>();

  function countMint(digest: Word, amount: bigint): void {
    const time = now();
    for (const [old, { at }] of minted) {
      if (time - at < dayMs) break;
      minted.delete(old);
    }
    if (minted.has(digest)) return;
    let sum = amount;
    for (const entry of minted.values()) sum += entry.amount;
    if (sum > mintPerDay) throw new SigningRefused(`${sum} base units in a day are above the cap of ${mintPerDay}`);
    minted.set(digest, { amount, at: time });
  }

  return {
    addressOf: (role) => pairs.get(role)?.address ?? null,
    async sign(role: OrderRole, typed: TypedMessage): Promise<Hex> {
      const pair = pairs.get(role);
      if (pair === undefined) throw new SigningRefused(`no key for the role ${role}`);
      if (!orderTypes[role].includes(typed.primaryType)) {
        throw new SigningRefused(`the ${role} does not sign ${typed.primaryType}`);
      }
      const digest = digestOf(typed);
      if (typed.primaryType === "MintOrder") countMint(digest, typed.message["amount"] as bigint);
      const { signature, recovery } = curve.sign(bytesOf(digest), pair.key);
      return `${toHex(signature)}${recovery === 0 ? "1b" : "1c"}`;
    },
  };
}
