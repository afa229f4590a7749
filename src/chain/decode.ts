/**
 * A block's logs as facts, in log order. Pure: everything that had to be asked (who sent a transaction, whose freeze, which deadline) comes
 * in with the logs. Promises that every fence is told with what the log says of payee, amount, memo, digest or kind, so that what
 * somebody else did under the same fence is never taken for ours. Throws when logs that belong together are torn apart.
 */
import { disputeSeconds } from "../domain/agreement.ts";
import type { BlockFacts, BlockRef, RedemptionTerms, SlotMined } from "../domain/facts.ts";
import { type Address, toWord, zeroAddress, zeroWord } from "../domain/hex.ts";
import {
  approvalFence,
  type Fence,
  type IntentKind,
  type RedemptionState,
  redemptionStates,
  stepFence,
} from "../domain/intent.ts";
import type { Consumption } from "../domain/lifecycle.ts";
import type { Deployment } from "../pipeline/ports.ts";
import {
  decodeClaimMoved,
  decodePaymentMoved,
  decodeQuoteCancelled,
  decodeSwapped,
  findCarried,
} from "./decode-agreements.ts";
import { errorMeanings, nameError } from "./errors.ts";
import { toAttestedMemo, toOperatorSubject } from "./families.ts";
import {
  addressAt,
  type Answers,
  at,
  consume,
  explainPayments,
  firstTopic,
  followerOf,
  leaderOf,
  type Log,
  nextOf,
  numberAt,
  parseLog,
  partyAt,
  type RawLog,
  type Scene,
  smallAt,
  topicAt,
  topics,
  torn,
  wordAt,
} from "./logs.ts";

const wholeAccount = (1n << 256n) - 1n;

function stateAt(log: Log, index: number): RedemptionState {
  const state = redemptionStates[smallAt(log, index)];
  if (state === undefined) throw torn(log, "an unknown redemption state");
  return state;
}

/**
 * The end of a disbursement that this use of an authorization begins: one authorization, many payees, some of them skipped. −1 where
 * it begins none.
 */
function findDisbursed(scene: Scene, log: Log, index: number): number {
  for (let next = nextOf(scene, index); next !== -1; next = nextOf(scene, next)) {
    const other = scene.logs[next] as Log;
    if (other.address !== log.address) return -1;
    const topic = firstTopic(other);
    if (topic === topics.disbursed) {
      return topicAt(other, 1) === topicAt(log, 1) && topicAt(other, 2) === topicAt(log, 2) ? next : -1;
    }
    const isRow = topic === topics.transfer && topicAt(other, 1) === topicAt(log, 1);
    const isSkip = topic === topics.rowSkipped && topicAt(other, 3) === topicAt(log, 2);
    if (!isRow && !isSkip) return -1;
  }
  return -1;
}

/** Consumed with no single payee, so that no intent but a disbursement could be it: the payee told is nobody's. */
function decodeDisbursement(scene: Scene, log: Log, { index, end }: { index: number; end: number }): void {
  const fence: Fence = { scope: log.address, subject: addressAt(log, 1), key: topicAt(log, 2) };
  for (let next = nextOf(scene, index); next !== end; next = nextOf(scene, next)) {
    const row = scene.logs[next] as Log;
    if (firstTopic(row) === topics.transfer) scene.causes.set(row.logIndex, { fence, memo: null });
    else scene.passed.add(row.logIndex);
  }
  const paid = numberAt(scene.logs[end] as Log, 1);
  consume(scene, log, { fence, how: "used", match: { payee: zeroAddress, amount: paid, memo: null } });
}

/** An authorization was used: the payment directly after it says by whom, to whom, how much; the log after that, with which memo. */
function decodeUsed(scene: Scene, log: Log, index: number): void {
  const end = findDisbursed(scene, log, index);
  if (end !== -1) return decodeDisbursement(scene, log, { index, end });
  const payer = addressAt(log, 1);
  const payment = nextOf(scene, index);
  const transfer = scene.logs[payment];
  const isPayment =
    transfer !== undefined &&
    firstTopic(transfer) === topics.transfer &&
    transfer.address === log.address &&
    addressAt(transfer, 1) === payer;
  if (!isPayment) throw torn(log, "a used authorization is not followed by its payment");
  const follower = followerOf(scene, payment);
  const memo =
    firstTopic(follower) === topics.memo && follower?.address === log.address ? topicAt(follower as Log, 1) : null;
  const fence: Fence = { scope: log.address, subject: payer, key: topicAt(log, 2) };
  // a swap explains all its payments by its quote
  if (!scene.causes.has(transfer.logIndex)) scene.causes.set(transfer.logIndex, { fence, memo });
  const payee = addressAt(transfer, 2);
  const carried = payee === scene.deployment.commerce ? findCarried(scene, index, payment) : null;
  if (carried?.kinds.includes("refund") === true) explainPayments(scene, { index: payment, escrow: payee, fence });
  const match: Consumption["match"] = {
    payee,
    amount: numberAt(transfer, 0),
    memo,
    ...carried,
  };
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

/** The payment of a mint: right after what the Treasury says of it, or right before, where it says so once the coin has not refused. */
function findMint(scene: Scene, log: Log, index: number): Log {
  const coin = partyAt(log, 0);
  const isIt = (other: Log | undefined): other is Log =>
    other !== undefined &&
    firstTopic(other) === topics.transfer &&
    other.address === coin &&
    addressAt(other, 1) === zeroAddress &&
    addressAt(other, 2) === addressAt(log, 3) &&
    numberAt(other, 0) === numberAt(log, 1) &&
    !scene.causes.has(other.logIndex);
  const found = [leaderOf(scene, index), followerOf(scene, index)].find(isIt);
  if (found === undefined) throw torn(log, "a mint is not beside its payment");
  return found;
}

/** A deposit's mint is somebody's intent; a returned payout's is not. */
function decodeMinted(scene: Scene, log: Log, index: number): void {
  const isDeposit = firstTopic(log) === topics.minted;
  const fence: Fence | null = isDeposit ? { scope: log.address, subject: zeroAddress, key: topicAt(log, 1) } : null;
  if (scene.ours.has(partyAt(log, 0))) {
    scene.causes.set(findMint(scene, log, index).logIndex, { fence, memo: null });
  }
  if (fence === null) return;
  consume(scene, log, { fence, how: "used", match: { payee: addressAt(log, 3), amount: numberAt(log, 1) } });
}

/** Which kinds of intent can have made this step. Deadlines are half-open, so a return belongs to exactly one side. */
function kindsOf(scene: Scene, log: Log): readonly IntentKind[] {
  const from = stateAt(log, 0);
  const to = stateAt(log, 1);
  if (to === "accepted") return ["accept"];
  if (to === "sent") return ["mark-sent"];
  if (to === "disputed") return ["dispute"];
  if (to === "burned") return [from === "disputed" ? "resolve" : "confirm"];
  const terms = scene.answers.redemptions.get(topicAt(log, 1));
  if (terms === undefined) throw torn(log, "nobody said what the redemption's deadlines are");
  const deadlines: Readonly<Partial<Record<RedemptionState, number>>> = {
    locked: terms.acceptBy,
    accepted: terms.payoutBy,
    sent: terms.finalBy,
    disputed: terms.finalBy + disputeSeconds,
  };
  if (scene.block.time >= (deadlines[from] ?? Infinity)) return ["reclaim"];
  if (from === "disputed") return ["resolve"];
  const cancelled = from === "locked" && addressAt(log, 2) === terms.holder && wordAt(log, 3) === zeroWord;
  return cancelled ? ["cancel-redemption"] : ["reject"];
}

function termsFrom(log: Log): RedemptionTerms {
  return {
    coin: addressAt(log, 3),
    holder: addressAt(log, 2),
    amount: numberAt(log, 0),
    payout: wordAt(log, 1),
    acceptBy: smallAt(log, 2),
    payoutBy: smallAt(log, 3),
    finalBy: smallAt(log, 4),
    salt: wordAt(log, 5),
  };
}

/** Steps whose log refers to something outside, which their order signed: a reason, a bank's reference, grounds. */
const referredKinds: ReadonlySet<IntentKind> = new Set(["reject", "mark-sent", "confirm", "resolve"]);

function decodeMoved(scene: Scene, log: Log, index: number): void {
  const id = topicAt(log, 1);
  const from = stateAt(log, 0);
  const to = stateAt(log, 1);
  const previous = leaderOf(scene, index);
  const isCreation = from === "none";
  const told = previous !== undefined && firstTopic(previous) === topics.locked && topicAt(previous, 1) === id;
  if (isCreation && !told) throw torn(log, "a redemption was created without its terms");
  const terms = isCreation && told ? termsFrom(previous) : null;
  const step = { id, escrow: log.address, actor: addressAt(log, 2), from, to, reference: wordAt(log, 3), terms };
  scene.facts.redemptions.push({ ...at(log), ...step });
  // creation consumes the coin's fence, which the coin's own log tells
  if (isCreation) return;
  const fence = stepFence(log.address, id, from);
  explainPayments(scene, { index, escrow: log.address, fence });
  const kinds = kindsOf(scene, log);
  // of a decision, the side it fell on
  const side = kinds.includes("resolve") ? { payee: to === "burned" ? zeroAddress : log.address } : {};
  // of the steps that say why, what they said
  const referred = kinds.filter((kind) => referredKinds.has(kind)).map((kind) => [kind, step.reference] as const);
  const memos = referred.length === 0 ? {} : { memos: Object.fromEntries(referred) };
  consume(scene, log, { fence, how: "used", match: { kinds, ...side, ...memos } });
}

function decodeSkipped(scene: Scene, log: Log): void {
  if (scene.passed.has(log.logIndex)) return;
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

/** What was seized was frozen, and is no more: the account's own word says what is left. */
function decodeSeized(scene: Scene, log: Log): void {
  const account = addressAt(log, 1);
  const frozen = scene.answers.frozen.get(log.address + account);
  if (frozen === undefined) throw torn(log, "nobody said what is still frozen");
  scene.facts.freezes.push({ ...at(log), coin: log.address, account, frozen });
}

function decodeOrder(scene: Scene, log: Log, index: number): void {
  const fence: Fence = { scope: log.address, subject: addressAt(log, 1), key: topicAt(log, 2) };
  const next = nextOf(scene, index);
  const isSeizure =
    firstTopic(scene.logs[next]) === topics.transfer && firstTopic(followerOf(scene, next)) === topics.seized;
  if (isSeizure) scene.causes.set((scene.logs[next] as Log).logIndex, { fence, memo: null });
  consume(scene, log, { fence, how: "used", match: { digest: wordAt(log, 0) } });
}

/** Left: the fence is the moment from which on it was to be, which the log does not say. */
function decodeLeft(scene: Scene, log: Log): void {
  const account = addressAt(log, 2);
  const time = scene.answers.leaveTimes.get(account);
  if (time === undefined || time === 0n) throw torn(log, "nobody said when the account was to leave");
  const fence = { scope: log.address, subject: account, key: toWord(time) };
  consume(scene, log, { fence, how: "used", match: { kinds: ["complete-leave"] } });
}

function decodeJoined(scene: Scene, log: Log): void {
  const fence = { scope: log.address, subject: addressAt(log, 2), key: wordAt(log, 1) };
  consume(scene, log, { fence, how: "used", match: { kinds: ["join"], memo: topicAt(log, 1) } });
}

/** Announced by a consent; without one no fence was used. */
function decodeLeaving(scene: Scene, log: Log): void {
  const key = wordAt(log, 1);
  if (key === zeroWord) return;
  const fence = { scope: log.address, subject: addressAt(log, 2), key };
  consume(scene, log, { fence, how: "used", match: { kinds: ["leave"] } });
}

function decodeAttested(scene: Scene, log: Log): void {
  const subject = toOperatorSubject(BigInt(topicAt(log, 1)));
  const fence = { scope: log.address, subject, key: topicAt(log, 2) };
  const [coin, payer, ref] = [partyAt(log, 0), partyAt(log, 1), wordAt(log, 4)];
  const memo = toAttestedMemo({ coin, payer, ref, validUntil: numberAt(log, 5) });
  const match = { kinds: ["travel-attest" as const], payee: partyAt(log, 2), amount: numberAt(log, 3), memo };
  consume(scene, log, { fence, how: "used", match });
}

type Decoder = (scene: Scene, log: Log, index: number) => void;

/** How each event that stands for itself is read. Those read beside others have no row. */
const decoders: ReadonlyMap<string, Decoder> = new Map<string, Decoder>([
  [topics.used, decodeUsed],
  [
    topics.cancelled,
    (scene, log) => {
      const fence = { scope: log.address, subject: addressAt(log, 1), key: topicAt(log, 2) };
      consume(scene, log, { fence, how: "cancelled", match: {} });
    },
  ],
  [topics.rowSkipped, decodeSkipped],
  [
    topics.noncesSkipped,
    (scene, log) => {
      const bases = { oldBase: numberAt(log, 0), newBase: numberAt(log, 1) };
      scene.facts.nonceSkips.push({ ...at(log), coin: log.address, account: addressAt(log, 1), ...bases });
    },
  ],
  [topics.frozen, decodeFreeze],
  [topics.unfrozen, decodeFreeze],
  [topics.freezeReleased, decodeFreeze],
  [topics.seized, decodeSeized],
  [topics.orderUsed, decodeOrder],
  [topics.minted, decodeMinted],
  [topics.returnMinted, decodeMinted],
  [
    topics.mintApproved,
    (scene, log) => {
      const fence = { scope: log.address, subject: addressAt(log, 2), key: topicAt(log, 1) };
      consume(scene, log, { fence, how: "used", match: { kinds: ["approve-mint"] } });
    },
  ],
  [topics.moved, decodeMoved],
  [
    topics.redemptionApproved,
    (scene, log) => {
      const fence = approvalFence(log.address, topicAt(log, 1));
      consume(scene, log, { fence, how: "used", match: { kinds: ["approve"], payee: addressAt(log, 2) } });
    },
  ],
  [topics.claimMoved, decodeClaimMoved],
  [topics.paymentMoved, decodePaymentMoved],
  [topics.swapped, decodeSwapped],
  [topics.quoteCancelled, decodeQuoteCancelled],
  [topics.joined, decodeJoined],
  [topics.leaving, decodeLeaving],
  [topics.left, decodeLeft],
  [topics.attested, decodeAttested],
]);

/** Contracts of a deployment whose logs are read, in the order of their creation. */
export function listWatched(deployment: Deployment): readonly Address[] {
  const { coins, treasury, registry, redemptions, claims, commerce, swap } = deployment;
  return [...coins.map((coin) => coin.address), treasury, registry, redemptions, claims, commerce, swap];
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
  const ours = new Set(listWatched(deployment));
  const logs = raws
    .map(parseLog)
    .filter((log) => ours.has(log.address))
    .sort((a, b) => a.logIndex - b.logIndex);
  const facts: Scene["facts"] = {
    movements: [],
    fences: [],
    skips: [],
    freezes: [],
    nonceSkips: [],
    redemptions: [],
    agreements: [],
  };
  const payments = new Map(answers.payments);
  const scene: Scene = {
    block,
    logs,
    deployment,
    ours,
    answers,
    facts,
    causes: new Map(),
    passed: new Set(),
    payments,
  };
  logs.forEach((log, index) => decoders.get(firstTopic(log) ?? "")?.(scene, log, index));
  // last, because what explains a payment may stand behind it
  for (const log of logs) if (firstTopic(log) === topics.transfer) decodeTransfer(scene, log);
  return { block, ...facts, slots };
}
