/**
 * A block's logs as facts, in log order. Pure: everything that had to be asked (who sent a transaction, whose freeze, which deadline) comes
 * in with the logs. Promises that every fence is told with what the log says of payee, amount, memo or digest, so that a
 * payment of somebody else under the same nonce is never taken for ours. Throws when logs that belong together are torn apart.
 */
import { toEventSelector } from "viem";
import type { BlockFacts, BlockRef, FenceConsumed, RedemptionTerms, SlotMined } from "../domain/facts.ts";
import { type Address, type Word, zeroAddress, zeroWord } from "../domain/hex.ts";
import { type Fence, type IntentKind, type RedemptionState, redemptionStates, stepFence } from "../domain/intent.ts";
import type { Deployment } from "../pipeline/ports.ts";
import { redemptionEscrowAbi, stablecoinAbi, treasuryAbi } from "./abi.ts";
import { errorMeanings, nameError } from "./errors.ts";
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

/** Answers to what logs do not say; see `findQuestions`. */
export interface Answers {
  /** Transaction → its sender. */
  readonly senders: ReadonlyMap<Word, Address>;
  /** Accounts frozen whole at this block, of those asked about: coin and account joined. */
  readonly frozenWhole: ReadonlySet<string>;
  readonly redemptions: ReadonlyMap<Word, KeptTerms>;
}

interface Log {
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

/** First topic of every event that is read. From the ABIs, so that a changed event is missed by a test and not by the books. */
export const topics = {
  transfer: topicOf(stablecoinAbi, "Transfer"),
  used: topicOf(stablecoinAbi, "AuthorizationUsed"),
  cancelled: topicOf(stablecoinAbi, "AuthorizationCanceled"),
  memo: topicOf(stablecoinAbi, "Memo"),
  rowSkipped: topicOf(stablecoinAbi, "RowSkipped"),
  noncesSkipped: topicOf(stablecoinAbi, "NoncesSkipped"),
  frozen: topicOf(stablecoinAbi, "Frozen"),
  unfrozen: topicOf(stablecoinAbi, "Unfrozen"),
  freezeReleased: topicOf(stablecoinAbi, "FreezeReleased"),
  orderUsed: topicOf(stablecoinAbi, "OrderUsed"),
  minted: topicOf(treasuryAbi, "Minted"),
  locked: topicOf(redemptionEscrowAbi, "RedemptionLocked"),
  moved: topicOf(redemptionEscrowAbi, "RedemptionMoved"),
} as const;

const wholeAccount = (1n << 256n) - 1n;

function parseLog(raw: RawLog): Log {
  return {
    address: raw.address.toLowerCase() as Address,
    topics: raw.topics.map((topic) => topic.toLowerCase() as Word),
    data: raw.data.slice(2).toLowerCase(),
    transaction: raw.transactionHash.toLowerCase() as Word,
    logIndex: Number(raw.logIndex),
  };
}

function torn(log: Log, message: string): ChainFault {
  return new ChainFault("evidence", {
    step: "decode",
    message: `${message} at log ${log.logIndex} of ${log.transaction}`,
  });
}

function topicAt(log: Log, index: number): Word {
  const topic = log.topics[index];
  if (topic === undefined) throw torn(log, "a topic is missing");
  return topic;
}

function addressAt(log: Log, index: number): Address {
  return `0x${topicAt(log, index).slice(26)}`;
}

function wordAt(log: Log, index: number): Word {
  const word = log.data.slice(64 * index, 64 * index + 64);
  if (word.length !== 64) throw torn(log, "data is cut short");
  return `0x${word}`;
}

function numberAt(log: Log, index: number): bigint {
  return BigInt(wordAt(log, index));
}

function stateAt(log: Log, index: number): RedemptionState {
  const state = redemptionStates[Number(numberAt(log, index))];
  if (state === undefined) throw torn(log, "an unknown redemption state");
  return state;
}

/** The log directly after this one in the same transaction, or undefined: only then do two logs belong together. */
function followerOf(logs: readonly Log[], index: number): Log | undefined {
  const log = logs[index];
  const next = logs[index + 1];
  if (log === undefined || next === undefined) return undefined;
  return next.transaction === log.transaction && next.logIndex === log.logIndex + 1 ? next : undefined;
}

const firstTopic = (log: Log | undefined): Word | undefined => log?.topics[0];

/** What has to be asked of the chain before logs can be decoded. */
export interface Questions {
  readonly transactions: readonly Word[];
  /** Rows skipped because somebody is frozen: was it the payer? */
  readonly payers: readonly { readonly coin: Address; readonly account: Address }[];
  readonly redemptions: readonly { readonly escrow: Address; readonly id: Word }[];
}

/** Sender of a transaction where the evidence needs it, freezes behind skipped rows, deadlines behind returns. */
export function findQuestions(raws: readonly RawLog[], known: (transaction: Word) => boolean): Questions {
  const transactions = new Set<Word>();
  const payers = new Map<string, { coin: Address; account: Address }>();
  const redemptions = new Map<Word, { escrow: Address; id: Word }>();
  for (const raw of raws) {
    const topic = raw.topics[0]?.toLowerCase();
    if (topic === topics.transfer || topic === topics.memo) continue;
    const log = parseLog(raw);
    const isConsumption =
      topic === topics.used ||
      topic === topics.cancelled ||
      topic === topics.minted ||
      topic === topics.orderUsed ||
      topic === topics.moved;
    if (isConsumption && !known(log.transaction)) transactions.add(log.transaction);
    if (topic === topics.rowSkipped && nameError(wordAt(log, 0)) === "StablecoinFrozen") {
      const account = addressAt(log, 2);
      payers.set(log.address + account, { coin: log.address, account });
    }
    if (topic === topics.moved && stateAt(log, 1) === "returned") {
      redemptions.set(topicAt(log, 1), { escrow: log.address, id: topicAt(log, 1) });
    }
  }
  return {
    transactions: [...transactions],
    payers: [...payers.values()],
    redemptions: [...redemptions.values()],
  };
}

type Facts = {
  -readonly [K in Exclude<keyof BlockFacts, "block" | "slots">]: BlockFacts[K] extends readonly (infer T)[]
    ? T[]
    : never;
};

interface Scene {
  readonly block: BlockRef;
  readonly logs: readonly Log[];
  /** Our contracts. The Treasury may mint coins of another deployment: their payments are not in these logs. */
  readonly ours: ReadonlySet<Address>;
  readonly answers: Answers;
  readonly facts: Facts;
  /** Log index → fence that explains the Transfer there, and its memo. */
  readonly causes: Map<number, { readonly fence: Fence; readonly memo: Word | null }>;
}

function at(log: Log): { readonly transaction: Word; readonly logIndex: number } {
  return { transaction: log.transaction, logIndex: log.logIndex };
}

function byOf(scene: Scene, log: Log): Address {
  const sender = scene.answers.senders.get(log.transaction);
  if (sender === undefined) throw torn(log, "nobody said who sent the transaction");
  return sender;
}

function consume(scene: Scene, log: Log, options: Pick<FenceConsumed, "fence" | "how" | "match">): void {
  scene.facts.fences.push({ ...at(log), ...options, by: byOf(scene, log) });
}

/** An authorization was used: the payment directly after it says by whom, to whom, how much; the log after that, with which memo. */
function decodeUsed(scene: Scene, log: Log, index: number): void {
  const payer = addressAt(log, 1);
  const transfer = followerOf(scene.logs, index);
  const isPayment =
    transfer !== undefined &&
    firstTopic(transfer) === topics.transfer &&
    transfer.address === log.address &&
    addressAt(transfer, 1) === payer;
  if (!isPayment) throw torn(log, "a used authorization is not followed by its payment");
  const follower = followerOf(scene.logs, index + 1);
  const memo =
    firstTopic(follower) === topics.memo && follower?.address === log.address ? topicAt(follower as Log, 1) : null;
  const fence: Fence = { scope: log.address, subject: payer, key: topicAt(log, 2) };
  scene.causes.set(transfer.logIndex, { fence, memo });
  const match = { payee: addressAt(transfer, 2), amount: numberAt(transfer, 0), memo };
  consume(scene, log, { fence, how: "used", match });
}

function decodeTransfer(scene: Scene, log: Log): void {
  const from = addressAt(log, 1);
  const to = addressAt(log, 2);
  const cause = scene.causes.get(log.logIndex);
  scene.facts.movements.push({
    ...at(log),
    kind: from === zeroAddress ? "mint" : to === zeroAddress ? "burn" : "transfer",
    coin: log.address,
    from,
    to,
    amount: numberAt(log, 0),
    memo: cause?.memo ?? null,
    fence: cause?.fence ?? null,
  });
}

function decodeMinted(scene: Scene, log: Log, index: number): void {
  const fence: Fence = { scope: log.address, subject: zeroAddress, key: topicAt(log, 1) };
  const match = { payee: addressAt(log, 3), amount: numberAt(log, 1) };
  const follower = followerOf(scene.logs, index);
  const coin: Address = `0x${wordAt(log, 0).slice(26)}`;
  if (scene.ours.has(coin)) {
    if (follower === undefined || firstTopic(follower) !== topics.transfer || follower.address !== coin) {
      throw torn(log, "a mint is not followed by its payment");
    }
    scene.causes.set(follower.logIndex, { fence, memo: null });
  }
  consume(scene, log, { fence, how: "used", match });
}

/** Which kinds of intent can have made this step. Deadlines are half-open, so a return belongs to exactly one side. */
function kindsOf(scene: Scene, log: Log): readonly IntentKind[] {
  const from = stateAt(log, 0);
  const to = stateAt(log, 1);
  if (to === "accepted") return ["accept"];
  if (to === "sent") return ["mark-sent"];
  if (to === "burned") return ["confirm"];
  const terms = scene.answers.redemptions.get(topicAt(log, 1));
  if (terms === undefined) throw torn(log, "nobody said what the redemption's deadlines are");
  const deadline = from === "locked" ? terms.acceptBy : from === "accepted" ? terms.payoutBy : terms.finalBy;
  if (scene.block.time >= deadline) return ["reclaim"];
  const cancelled = from === "locked" && addressAt(log, 2) === terms.holder && wordAt(log, 3) === zeroWord;
  return cancelled ? ["cancel-redemption"] : ["reject"];
}

function termsFrom(log: Log): RedemptionTerms {
  return {
    coin: addressAt(log, 3),
    holder: addressAt(log, 2),
    amount: numberAt(log, 0),
    payout: wordAt(log, 1),
    acceptBy: Number(numberAt(log, 2)),
    payoutBy: Number(numberAt(log, 3)),
    finalBy: Number(numberAt(log, 4)),
    salt: wordAt(log, 5),
  };
}

function decodeMoved(scene: Scene, log: Log, index: number): void {
  const id = topicAt(log, 1);
  const from = stateAt(log, 0);
  const to = stateAt(log, 1);
  const previous = followerOf(scene.logs, index - 1) === log ? scene.logs[index - 1] : undefined;
  const isCreation = from === "none";
  const told = previous !== undefined && firstTopic(previous) === topics.locked && topicAt(previous, 1) === id;
  if (isCreation && !told) throw torn(log, "a redemption was created without its terms");
  const terms = isCreation && told ? termsFrom(previous) : null;
  const step = { id, escrow: log.address, actor: addressAt(log, 2), from, to, reference: wordAt(log, 3), terms };
  scene.facts.redemptions.push({ ...at(log), ...step });
  // creation consumes the coin's fence, which the coin's own log tells
  if (isCreation) return;
  const fence = stepFence(log.address, id, from);
  const payment = followerOf(scene.logs, index);
  if (payment !== undefined && firstTopic(payment) === topics.transfer && addressAt(payment, 1) === log.address) {
    scene.causes.set(payment.logIndex, { fence, memo: null });
  }
  consume(scene, log, { fence, how: "used", match: { kinds: kindsOf(scene, log) } });
}

function decodeSkipped(scene: Scene, log: Log): void {
  const account = addressAt(log, 2);
  const name = nameError(wordAt(log, 0));
  const isPayeeFrozen = name === "StablecoinFrozen" && !scene.answers.frozenWhole.has(log.address + account);
  const reason = isPayeeFrozen ? "payee_frozen" : name === null ? "reverted" : errorMeanings[name].held;
  scene.facts.skips.push({
    ...at(log),
    fence: { scope: log.address, subject: account, key: topicAt(log, 3) },
    reason,
  });
}

function decodeFreeze(scene: Scene, log: Log): void {
  // Frozen: oldAmount, amount, until; the two others lift whatever there was
  const amount = firstTopic(log) === topics.frozen ? numberAt(log, 1) : 0n;
  const frozen = amount === wholeAccount ? null : amount;
  scene.facts.freezes.push({ ...at(log), coin: log.address, account: addressAt(log, 1), frozen });
}

function decodeLog(scene: Scene, log: Log, index: number): void {
  switch (firstTopic(log)) {
    case topics.transfer:
      return decodeTransfer(scene, log);
    case topics.used:
      return decodeUsed(scene, log, index);
    case topics.cancelled:
      return consume(scene, log, {
        fence: { scope: log.address, subject: addressAt(log, 1), key: topicAt(log, 2) },
        how: "cancelled",
        match: {},
      });
    case topics.rowSkipped:
      return decodeSkipped(scene, log);
    case topics.noncesSkipped:
      scene.facts.nonceSkips.push({
        ...at(log),
        coin: log.address,
        account: addressAt(log, 1),
        oldBase: numberAt(log, 0),
        newBase: numberAt(log, 1),
      });
      return;
    case topics.frozen:
    case topics.unfrozen:
    case topics.freezeReleased:
      return decodeFreeze(scene, log);
    case topics.orderUsed:
      return consume(scene, log, {
        fence: { scope: log.address, subject: addressAt(log, 1), key: topicAt(log, 2) },
        how: "used",
        match: { digest: wordAt(log, 0) },
      });
    case topics.minted:
      return decodeMinted(scene, log, index);
    case topics.moved:
      return decodeMoved(scene, log, index);
    default:
      return;
  }
}

/** The facts of one block. `raws` are all logs of our contracts in it; anybody else's are dropped. */
export function decodeBlock(options: {
  readonly block: BlockRef;
  readonly raws: readonly RawLog[];
  readonly deployment: Deployment;
  readonly answers: Answers;
  readonly slots: readonly SlotMined[];
}): BlockFacts {
  const { block, raws, deployment, answers, slots } = options;
  const ours = new Set([deployment.treasury, deployment.redemptions, ...deployment.coins.map((coin) => coin.address)]);
  const logs = raws
    .map(parseLog)
    .filter((log) => ours.has(log.address))
    .sort((a, b) => a.logIndex - b.logIndex);
  const facts: Facts = { movements: [], fences: [], skips: [], freezes: [], nonceSkips: [], redemptions: [] };
  const scene: Scene = { block, logs, ours, answers, facts, causes: new Map() };
  logs.forEach((log, index) => decodeLog(scene, log, index));
  return { block, ...facts, slots };
}
