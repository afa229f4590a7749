/**
 * Logs of our contracts as they are read: topics, words, neighbours, and what has to be asked beside them. Owns which events are read at all;
 * every topic comes from the ABI, so that a changed event is missed by a test and not by the books. Pure.
 */
import { toEventSelector } from "viem";
import type { BlockFacts, BlockRef, FenceConsumed } from "../domain/facts.ts";
import type { Address, Word } from "../domain/hex.ts";
import type { Fence } from "../domain/intent.ts";
import type { Deployment } from "../pipeline/ports.ts";
import {
  claimEscrowAbi,
  commerceEscrowAbi,
  fxSwapAbi,
  redemptionEscrowAbi,
  stablecoinAbi,
  treasuryAbi,
  vaspRegistryAbi,
} from "./abi.ts";
import { ChainFault } from "./rpc.ts";

/** A log as JSON-RPC writes it, as far as it is read here. */
export interface RawLog {
  readonly address: string;
  readonly topics: readonly string[];
  readonly data: string;
  readonly transactionHash: string;
  readonly logIndex: string;
}

/** What the escrow keeps of a redemption: enough to tell a return by decision from one by deadline. */
export interface KeptTerms {
  readonly holder: Address;
  readonly acceptBy: number;
  readonly payoutBy: number;
  readonly finalBy: number;
}

/** What the escrow keeps of a payment. Base units. */
export interface KeptPayment {
  readonly authorized: bigint;
  readonly captured: bigint;
  readonly voided: bigint;
  readonly disputed: boolean;
}

/** Answers to what logs do not say; see `findQuestions`. */
export interface Answers {
  /** Transaction → its sender. */
  readonly senders: ReadonlyMap<Word, Address>;
  /** Accounts frozen whole at this block, of those asked about: coin and account joined. */
  readonly frozenWhole: ReadonlySet<string>;
  /** What may not leave an account after this block: coin and account joined; null when frozen whole. */
  readonly frozen: ReadonlyMap<string, bigint | null>;
  readonly redemptions: ReadonlyMap<Word, KeptTerms>;
  /** Payments as they stood before this block. */
  readonly payments: ReadonlyMap<Word, KeptPayment>;
  /** When accounts were to leave their family, before this block. */
  readonly leaveTimes: ReadonlyMap<Address, bigint>;
}

export interface Log {
  readonly address: Address;
  readonly topics: readonly Word[];
  /** Data as words, without `0x`. */
  readonly data: string;
  readonly transaction: Word;
  readonly logIndex: number;
}

type AbiEvent = { readonly type: string; readonly name?: string };

function topicOf(abi: readonly AbiEvent[], name: string): Word {
  const item = abi.find((entry) => entry.type === "event" && entry.name === name);
  if (item === undefined) throw new Error(`the ABI has no event ${name}`);
  return toEventSelector(item as never);
}

/** First topic of every event that is read. */
export const topics = {
  transfer: topicOf(stablecoinAbi, "Transfer"),
  used: topicOf(stablecoinAbi, "AuthorizationUsed"),
  cancelled: topicOf(stablecoinAbi, "AuthorizationCanceled"),
  memo: topicOf(stablecoinAbi, "Memo"),
  rowSkipped: topicOf(stablecoinAbi, "RowSkipped"),
  disbursed: topicOf(stablecoinAbi, "Disbursed"),
  noncesSkipped: topicOf(stablecoinAbi, "NoncesSkipped"),
  frozen: topicOf(stablecoinAbi, "Frozen"),
  unfrozen: topicOf(stablecoinAbi, "Unfrozen"),
  freezeReleased: topicOf(stablecoinAbi, "FreezeReleased"),
  seized: topicOf(stablecoinAbi, "Seized"),
  orderUsed: topicOf(stablecoinAbi, "OrderUsed"),
  minted: topicOf(treasuryAbi, "Minted"),
  returnMinted: topicOf(treasuryAbi, "ReturnMinted"),
  mintApproved: topicOf(treasuryAbi, "MintApproved"),
  locked: topicOf(redemptionEscrowAbi, "RedemptionLocked"),
  moved: topicOf(redemptionEscrowAbi, "RedemptionMoved"),
  redemptionApproved: topicOf(redemptionEscrowAbi, "RedemptionApproved"),
  credited: topicOf(redemptionEscrowAbi, "EscrowCredited"),
  claimOpened: topicOf(claimEscrowAbi, "ClaimOpened"),
  claimMoved: topicOf(claimEscrowAbi, "ClaimMoved"),
  paymentAuthorized: topicOf(commerceEscrowAbi, "PaymentAuthorized"),
  paymentMoved: topicOf(commerceEscrowAbi, "PaymentMoved"),
  swapped: topicOf(fxSwapAbi, "Swapped"),
  quoteCancelled: topicOf(fxSwapAbi, "QuoteCancelled"),
  joined: topicOf(vaspRegistryAbi, "VaspJoined"),
  leaving: topicOf(vaspRegistryAbi, "VaspLeaving"),
  left: topicOf(vaspRegistryAbi, "VaspLeft"),
  attested: topicOf(vaspRegistryAbi, "TravelAttested"),
  attestationUsed: topicOf(vaspRegistryAbi, "TravelAttestationUsed"),
} as const;

export function parseLog(raw: RawLog): Log {
  return {
    address: raw.address.toLowerCase() as Address,
    topics: raw.topics.map((topic) => topic.toLowerCase() as Word),
    data: raw.data.slice(2).toLowerCase(),
    transaction: raw.transactionHash.toLowerCase() as Word,
    logIndex: Number(raw.logIndex),
  };
}

/** Evidence that does not hold together: nothing is decided on it, the block is read again. */
export function torn(log: Log, message: string): ChainFault {
  return new ChainFault("evidence", {
    step: "decode",
    message: `${message} at log ${log.logIndex} of ${log.transaction}`,
  });
}

export function topicAt(log: Log, index: number): Word {
  const topic = log.topics[index];
  if (topic === undefined) throw torn(log, "a topic is missing");
  return topic;
}

/** An indexed address. */
export function addressAt(log: Log, index: number): Address {
  return `0x${topicAt(log, index).slice(26)}`;
}

export function wordAt(log: Log, index: number): Word {
  const word = log.data.slice(64 * index, 64 * index + 64);
  if (word.length !== 64) throw torn(log, "data is cut short");
  return `0x${word}`;
}

export function numberAt(log: Log, index: number): bigint {
  return BigInt(wordAt(log, index));
}

/** Seconds, or a rate: what fits a number. */
export function smallAt(log: Log, index: number): number {
  return Number(numberAt(log, index));
}

/** An address in the data. */
export function partyAt(log: Log, index: number): Address {
  return `0x${wordAt(log, index).slice(26)}`;
}

export const firstTopic = (log: Log | undefined): Word | undefined => log?.topics[0];

type Facts = {
  -readonly [K in Exclude<keyof BlockFacts, "block" | "slots">]: BlockFacts[K] extends readonly (infer T)[]
    ? T[]
    : never;
};

/** A block while it is decoded. */
export interface Scene {
  readonly block: BlockRef;
  readonly logs: readonly Log[];
  readonly deployment: Deployment;
  /** Our contracts. The Treasury may mint coins of another deployment: their payments are not in these logs. */
  readonly ours: ReadonlySet<Address>;
  readonly answers: Answers;
  readonly facts: Facts;
  /** Log index → fence that explains the Transfer there, and its memo. A fence of null: explained, by nobody's intent. */
  readonly causes: Map<number, { readonly fence: Fence | null; readonly memo: Word | null }>;
  /** Rows skipped inside a disbursement: their authorization was used all the same. */
  readonly passed: Set<number>;
  /** Payments as they stand at this point of the block. */
  readonly payments: Map<Word, KeptPayment>;
}

/**
 * Place of the log directly after this one in the same transaction, or −1: only then do two logs belong together. The registry may say in
 * between that an attestation was used; that belongs to the payment.
 */
export function nextOf({ logs }: Scene, index: number): number {
  let at = index;
  for (;;) {
    const log = logs[at];
    const next = logs[at + 1];
    if (log === undefined || next === undefined) return -1;
    if (next.transaction !== log.transaction || next.logIndex !== log.logIndex + 1) return -1;
    at++;
    if (firstTopic(next) !== topics.attestationUsed) return at;
  }
}

/** The log directly after, in the sense of `nextOf`. */
export function followerOf(scene: Scene, index: number): Log | undefined {
  return scene.logs[nextOf(scene, index)];
}

/** The log directly before this one in the same transaction. */
export function leaderOf({ logs }: Scene, index: number): Log | undefined {
  const log = logs[index];
  const previous = logs[index - 1];
  if (log === undefined || previous === undefined) return undefined;
  return previous.transaction === log.transaction && previous.logIndex + 1 === log.logIndex ? previous : undefined;
}

export function at(log: Log): { readonly transaction: Word; readonly logIndex: number } {
  return { transaction: log.transaction, logIndex: log.logIndex };
}

function byOf(scene: Scene, log: Log): Address {
  const sender = scene.answers.senders.get(log.transaction);
  if (sender === undefined) throw torn(log, "nobody said who sent the transaction");
  return sender;
}

export function consume(scene: Scene, log: Log, options: Pick<FenceConsumed, "fence" | "how" | "match">): void {
  scene.facts.fences.push({ ...at(log), ...options, by: byOf(scene, log) });
}

/** The payments an escrow makes directly after a step, and what it credits where a coin refuses: each payment is the step's. */
export function explainPayments(
  scene: Scene,
  { index, escrow, fence }: { index: number; escrow: Address; fence: Fence },
): void {
  for (let next = nextOf(scene, index); next !== -1; next = nextOf(scene, next)) {
    const log = scene.logs[next] as Log;
    const isPayment = firstTopic(log) === topics.transfer && addressAt(log, 1) === escrow;
    const isCredit = firstTopic(log) === topics.credited && log.address === escrow;
    if (!isPayment && !isCredit) return;
    if (isPayment) scene.causes.set(log.logIndex, { fence, memo: null });
  }
}
