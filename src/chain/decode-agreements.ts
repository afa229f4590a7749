/**
 * Claims, payments and swaps in a block's logs: which step of which agreement, which fence it left, and which coins it moved. Owns the
 * reading of these escrows' events. Throws when logs that belong together are torn apart.
 */
import {
  claimFence,
  claimStates,
  type ClaimState,
  type ClaimTerms,
  paymentFence,
  type PaymentStep,
  paymentSteps,
  type PaymentTerms,
  toDivisionMemo,
  toPaymentState,
} from "../domain/agreement.ts";
import { type Word, zeroAddress } from "../domain/hex.ts";
import type { Fence, IntentKind } from "../domain/intent.ts";
import type { Consumption } from "../domain/lifecycle.ts";
import {
  addressAt,
  at,
  consume,
  explainPayments,
  firstTopic,
  type KeptPayment,
  leaderOf,
  type Log,
  nextOf,
  numberAt,
  partyAt,
  type Scene,
  smallAt,
  topicAt,
  topics,
  torn,
  wordAt,
} from "./logs.ts";

/** The log right before, where it told the terms of this id. */
function termsBefore(scene: Scene, { log, index, topic }: { log: Log; index: number; topic: Word }): Log {
  const previous = leaderOf(scene, index);
  const told = previous !== undefined && firstTopic(previous) === topic && topicAt(previous, 1) === topicAt(log, 1);
  if (!told || previous.address !== log.address) throw torn(log, "an agreement was made without its terms");
  return previous;
}

function claimTermsFrom(log: Log): ClaimTerms {
  return {
    coin: addressAt(log, 3),
    sender: addressAt(log, 2),
    amount: numberAt(log, 0),
    linkKey: partyAt(log, 1),
    attestor: partyAt(log, 2),
    handle: wordAt(log, 3),
    cancelFrom: smallAt(log, 4),
    expiry: smallAt(log, 5),
    salt: wordAt(log, 6),
  };
}

const claimSteps: Readonly<Record<Exclude<ClaimState, "none">, { readonly step: string; readonly kind: IntentKind }>> =
  {
    open: { step: "open", kind: "open-claim" },
    claimed: { step: "claim", kind: "claim" },
    declined: { step: "decline", kind: "decline-claim" },
    cancelled: { step: "cancel", kind: "cancel-claim" },
    reclaimed: { step: "reclaim", kind: "reclaim-claim" },
  };

export function decodeClaimMoved(scene: Scene, log: Log, index: number): void {
  const id = topicAt(log, 1);
  const state = claimStates[smallAt(log, 1)];
  if (state === undefined || state === "none") throw torn(log, "an unknown claim state");
  const { step, kind } = claimSteps[state];
  const isOpening = state === "open";
  const opened = isOpening ? termsBefore(scene, { log, index, topic: topics.claimOpened }) : null;
  const party = partyAt(log, 3);
  scene.facts.agreements.push({
    ...at(log),
    id,
    escrow: log.address,
    actor: addressAt(log, 2),
    ...(party === zeroAddress ? {} : { party }),
    step,
    state,
    amount: numberAt(log, 2),
    fee: 0n,
    totals: null,
    terms: opened === null ? null : { kind: "claim", terms: claimTermsFrom(opened) },
  });
  // opening consumes the coin's fence, which the coin's own log tells
  if (isOpening) return;
  const fence = claimFence(log.address, id);
  explainPayments(scene, { index, escrow: log.address, fence });
  const match = state === "claimed" ? { kinds: [kind], payee: party } : { kinds: [kind] };
  consume(scene, log, { fence, how: "used", match });
}

function paymentTermsFrom(log: Log): PaymentTerms {
  return {
    coin: partyAt(log, 0),
    payer: addressAt(log, 2),
    merchant: addressAt(log, 3),
    amount: numberAt(log, 1),
    feeReceiver: partyAt(log, 2),
    minFeeBps: smallAt(log, 3),
    maxFeeBps: smallAt(log, 4),
    arbiter: partyAt(log, 5),
    authorizeBy: smallAt(log, 6),
    captureBy: smallAt(log, 7),
    refundBy: smallAt(log, 8),
    salt: wordAt(log, 9),
  };
}

/** The kind that each step carries out; those of null consume a fence of the coin, which the coin's own log tells. */
const paymentKinds: Readonly<Record<Exclude<PaymentStep, "none">, IntentKind | null>> = {
  authorize: null,
  capture: "capture",
  void: "void",
  reclaim: "reclaim-payment",
  refund: null,
  dispute: "dispute-payment",
  resolve: "resolve-payment",
};

/** Whether it is disputed after a step: a payment of which nothing is left has no open dispute, and a decision ends it. */
function isDisputedAfter(step: PaymentStep, before: boolean, isLeft: boolean): boolean {
  if (step === "dispute") return true;
  return step === "resolve" ? false : before && isLeft;
}

export function decodePaymentMoved(scene: Scene, log: Log, index: number): void {
  const id = topicAt(log, 1);
  const step = paymentSteps[smallAt(log, 0)];
  if (step === undefined || step === "none") throw torn(log, "an unknown step of a payment");
  const authorized = step === "authorize" ? termsBefore(scene, { log, index, topic: topics.paymentAuthorized }) : null;
  const terms = authorized === null ? null : paymentTermsFrom(authorized);
  const start: KeptPayment | null =
    terms === null ? null : { authorized: terms.amount, captured: 0n, voided: 0n, disputed: false };
  const before = start ?? scene.payments.get(id);
  if (before === undefined) throw torn(log, "nobody said where the payment stood");
  const [amount, fee, captured, voided, refunded] = [1, 2, 3, 4, 5].map((word) => numberAt(log, word)) as [
    bigint,
    bigint,
    bigint,
    bigint,
    bigint,
  ];
  const isLeft = captured + voided < before.authorized;
  const disputed = isDisputedAfter(step, before.disputed, isLeft);
  scene.payments.set(id, { authorized: before.authorized, captured, voided, disputed });
  const totals = { captured, voided, refunded, disputed };
  scene.facts.agreements.push({
    ...at(log),
    id,
    escrow: log.address,
    actor: addressAt(log, 2),
    step,
    state: toPaymentState(before.authorized, totals),
    amount,
    fee,
    totals,
    terms: terms === null ? null : { kind: "payment", terms },
  });
  const kind = paymentKinds[step];
  if (kind === null) return;
  const fence = paymentFence(log.address, id, before);
  explainPayments(scene, { index, escrow: log.address, fence });
  // a dispute asks for no amount: the log says what is left
  const told = step === "dispute" ? {} : { amount };
  const memo = step === "capture" || step === "resolve" ? toDivisionMemo({ captured, voided, fee }) : null;
  consume(scene, log, { fence, how: "used", match: { kinds: [kind], ...told, memo } });
}

/** Kinds of intent, and what one of them is told by beside the others. */
type Carried = Pick<Consumption["match"], "memos"> & { readonly kinds: readonly IntentKind[] };

/**
 * What an authorization to the commerce escrow carries out: told by the step before it, and for a charge by the capture right after it,
 * which may be another than the one that was asked for. A charge also authorizes. Null where neither is told: somebody else's payment to
 * the escrow.
 */
export function findCarried(scene: Scene, index: number, payment: number): Carried | null {
  const step = leaderOf(scene, index);
  if (step === undefined || firstTopic(step) !== topics.paymentMoved) return null;
  if (paymentSteps[smallAt(step, 0)] === "refund") return { kinds: ["refund"] };
  const after = scene.logs[nextOf(scene, payment)];
  const isCaptured =
    after !== undefined &&
    firstTopic(after) === topics.paymentMoved &&
    topicAt(after, 1) === topicAt(step, 1) &&
    paymentSteps[smallAt(after, 0)] === "capture";
  if (!isCaptured) return { kinds: ["authorize"] };
  const [fee, captured, voided] = [numberAt(after, 2), numberAt(after, 3), numberAt(after, 4)];
  return { kinds: ["authorize", "charge"], memos: { charge: toDivisionMemo({ captured, voided, fee }) } };
}

/** Coins that move in a swap: two in, two out. */
const swapPayments = 4;

export function decodeSwapped(scene: Scene, log: Log, index: number): void {
  const fence: Fence = { scope: log.address, subject: zeroAddress, key: topicAt(log, 1) };
  let seen = 0;
  for (let next = nextOf(scene, index); next !== -1 && seen < swapPayments; next = nextOf(scene, next)) {
    const other = scene.logs[next] as Log;
    if (firstTopic(other) !== topics.transfer) continue;
    const isOurs = addressAt(other, 1) === log.address || addressAt(other, 2) === log.address;
    if (!isOurs) throw torn(log, "a swap is not followed by its payments");
    scene.causes.set(other.logIndex, { fence, memo: null });
    seen++;
  }
  if (seen < swapPayments) throw torn(log, "a swap is not followed by its payments");
  const match = { kinds: ["swap" as const], payee: addressAt(log, 2), amount: numberAt(log, 3) };
  consume(scene, log, { fence, how: "used", match });
}

export function decodeQuoteCancelled(scene: Scene, log: Log): void {
  const fence: Fence = { scope: log.address, subject: zeroAddress, key: topicAt(log, 1) };
  consume(scene, log, { fence, how: "cancelled", match: { kinds: ["cancel-quote"] } });
}
