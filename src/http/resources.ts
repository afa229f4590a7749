/**
 * Intents as resources. Owns which prefix each kind has and how its facts are written for other programs; promises that signatures, raw
 * bytes and other people's notes never leave.
 */
import { disputeSeconds } from "../domain/agreement.ts";
import { type Address, type Word } from "../domain/hex.ts";
import { formatId, type Prefix, parseId, prefixes } from "../domain/identifier.ts";
import type { Evidence, Intent, IntentKind } from "../domain/intent.ts";
import { isEnded } from "../domain/lifecycle.ts";
import type { Halt, PublishedEvent, StoredRedemption } from "../pipeline/ports.ts";
import { type Caller, isInsider } from "./auth.ts";
import type { Cancellation, Deposit, Order, Redemption, Step, Transfer } from "./schemas.ts";
import type { PublicEvent } from "./published.ts";
import { spellAddress } from "./spelling.ts";

export const prefixOf: Readonly<Record<IntentKind, Prefix>> = {
  transfer: prefixes.transfer,
  cancel: prefixes.cancellation,
  mint: prefixes.deposit,
  lock: prefixes.redemption,
  "cancel-redemption": prefixes.step,
  accept: prefixes.step,
  reject: prefixes.step,
  "mark-sent": prefixes.step,
  confirm: prefixes.step,
  reclaim: prefixes.step,
  attest: prefixes.order,
  minting: prefixes.order,
  freeze: prefixes.order,
  unfreeze: prefixes.order,
  seize: prefixes.order,
  "approve-mint": prefixes.order,
  approve: prefixes.step,
  dispute: prefixes.step,
  resolve: prefixes.step,
  "open-claim": prefixes.claim,
  claim: prefixes.step,
  "decline-claim": prefixes.step,
  "cancel-claim": prefixes.step,
  "reclaim-claim": prefixes.step,
  authorize: prefixes.payment,
  charge: prefixes.payment,
  capture: prefixes.step,
  void: prefixes.step,
  refund: prefixes.step,
  "dispute-payment": prefixes.step,
  "resolve-payment": prefixes.step,
  "reclaim-payment": prefixes.step,
  swap: prefixes.quote,
  "cancel-quote": prefixes.step,
  join: prefixes.membership,
  leave: prefixes.membership,
  "complete-leave": prefixes.membership,
  "travel-attest": prefixes.attestation,
};

export const stepKinds = [
  "accept",
  "approve",
  "reject",
  "mark-sent",
  "confirm",
  "dispute",
  "resolve",
  "cancel-redemption",
  "reclaim",
] as const;

export function toId(intent: Pick<Intent, "kind" | "sequence">): string {
  return formatId(prefixOf[intent.kind], intent.sequence);
}

/** The sequence behind an id with one of these prefixes; null for anything else. */
export function toSequence(id: string, ...wanted: readonly Prefix[]): bigint | null {
  const parsed = parseId(id);
  return parsed !== null && wanted.includes(parsed.prefix) ? parsed.sequence : null;
}

/** RFC 3339 from Unix milliseconds. */
export function toTime(ms: number): string {
  return new Date(ms).toISOString();
}

/** Year 9999: beyond it RFC 3339 has no dates, and nobody waits for them. */
const lastSecond = 253_402_300_799;

/** RFC 3339 from Unix seconds; null for "never". */
export function toTimeOfSeconds(seconds: number): string | null {
  return seconds > lastSecond ? null : toTime(seconds * 1_000);
}

function toAddress(address: Address | null): string {
  if (address === null) throw new Error("a fact that its kind must have is missing");
  return spellAddress(address);
}

function toWordOf(word: Word | null): string {
  if (word === null) throw new Error("a fact that its kind must have is missing");
  return word;
}

export function toEvidence({ transaction, blockNumber, blockHash, logIndex, by }: Evidence) {
  return { transaction, block: blockNumber, blockHash, logIndex, by: spellAddress(by) };
}

export function toLife(intent: Intent) {
  return {
    id: toId(intent),
    state: intent.state,
    held: intent.reason !== null && !isEnded(intent.state),
    reason: intent.reason,
    coin: spellAddress(intent.coin),
    digest: intent.digest,
    createdAt: toTime(intent.acceptedAt),
    endedAt: intent.endedAt === null ? null : toTime(intent.endedAt),
    evidence: intent.evidence === null ? null : toEvidence(intent.evidence),
  };
}

export function toTransfer(intent: Intent, caller: Caller): Transfer {
  return {
    ...toLife(intent),
    kind: "transfer",
    authorization: {
      from: toAddress(intent.payer),
      to: toAddress(intent.payee),
      value: intent.amount.toString(),
      validAfter: intent.validAfter,
      validBefore: intent.validBefore,
      nonce: intent.fence.key,
    },
    memo: intent.memo,
    ...(isInsider(caller, [intent.payer, intent.payee]) ? { reference: intent.reference } : {}),
  };
}

export function toCancellation(intent: Intent): Cancellation {
  return {
    ...toLife(intent),
    kind: "cancel",
    authorizer: spellAddress(intent.fence.subject),
    nonce: intent.fence.key,
  };
}

export function toDeposit(intent: Intent): Deposit {
  return {
    ...toLife(intent),
    kind: "mint",
    depositId: toWordOf(intent.subject),
    to: toAddress(intent.payee),
    amount: intent.amount.toString(),
    validUntil: toTimeOfSeconds(intent.validBefore),
  };
}

export function toOrder(intent: Intent): Order {
  return {
    ...toLife(intent),
    kind: intent.kind as Order["kind"],
    orderId: toWordOf(intent.subject),
    signer: spellAddress(intent.fence.subject),
    account: intent.payee === null ? null : spellAddress(intent.payee),
    validUntil: toTimeOfSeconds(intent.validBefore),
  };
}

export function toStep(intent: Intent): Step {
  return {
    ...toLife(intent),
    kind: intent.kind as Step["kind"],
    redemptionId: toWordOf(intent.subject),
    validUntil: toTimeOfSeconds(intent.validBefore),
  };
}

export interface RedemptionParts {
  readonly redemptionId: Word;
  /** The lock, when this node accepted it. */
  readonly lock: Intent | null;
  /** What the chain has, once it has it. */
  readonly stored: StoredRedemption | null;
  readonly pending: readonly Intent[];
  /** Block time, Unix seconds; null before the first block. */
  readonly now: number | null;
}

/** Who may get the coins out without the desk, until or from when. Times are exact: one side's `before` is the other's `from`. */
function toExits({ stored, now }: RedemptionParts): Redemption["exits"] {
  if (stored === null) return [];
  const { acceptBy, payoutBy, finalBy } = stored.terms;
  const ended = { none: null, burned: null, returned: null };
  const deadline = {
    locked: acceptBy,
    accepted: payoutBy,
    sent: finalBy,
    disputed: finalBy + disputeSeconds,
    ...ended,
  };
  const due = deadline[stored.state];
  if (due === null) return [];
  const passed = now !== null && now >= due;
  const at = toTimeOfSeconds(due);
  const reclaim = { step: "reclaim", by: "anyone", from: at, before: null, open: passed } as const;
  const cancel = { step: "cancel", by: "holder", from: null, before: at, open: now !== null && !passed } as const;
  if (stored.state === "locked") return [cancel, reclaim];
  return stored.state === "sent" ? [{ ...cancel, step: "dispute" }, reclaim] : [reclaim];
}

/** Needs the lock or the chain's record, at least one of them. */
export function toRedemption(parts: RedemptionParts): Redemption {
  const { redemptionId, lock, stored, pending } = parts;
  const terms = stored?.terms;
  const acceptBy = terms?.acceptBy ?? lock?.validBefore;
  if (acceptBy === undefined) throw new Error("a redemption that is neither accepted nor on chain");
  return {
    id: lock === null ? redemptionId : toId(lock),
    kind: "lock",
    redemptionId,
    state: stored?.state ?? "none",
    intent: lock === null ? null : toLife(lock),
    coin: toAddress(terms?.coin ?? lock?.coin ?? null),
    holder: toAddress(terms?.holder ?? lock?.payer ?? null),
    amount: (terms?.amount ?? lock?.amount ?? 0n).toString(),
    payout: terms?.payout ?? null,
    acceptBy: toTimeOfSeconds(acceptBy) ?? "",
    payoutBy: terms === undefined ? null : toTimeOfSeconds(terms.payoutBy),
    finalBy: terms === undefined ? null : toTimeOfSeconds(terms.finalBy),
    steps: (stored?.steps ?? []).map((taken) => ({
      ...toEvidence(taken),
      from: taken.from,
      to: taken.to,
      actor: spellAddress(taken.actor),
      reference: taken.reference,
      at: toTime(taken.time * 1_000),
    })),
    pending: pending.filter((intent) => !isEnded(intent.state)).map(toStep),
    exits: toExits(parts),
  };
}

function isEvidence(value: unknown): value is Evidence {
  return typeof value === "object" && value !== null && "blockNumber" in value && "transaction" in value;
}

/** `kind` is the kind of the intent it is about, null when it is about none. */
export function toEvent(event: PublishedEvent, kind: IntentKind | null): PublicEvent {
  return {
    sequence: event.sequence.toString(),
    id: event.intent === null || kind === null ? null : formatId(prefixOf[kind], event.intent),
    type: event.type,
    at: toTime(event.at),
    accounts: event.accounts.map(spellAddress),
    // Evidence looks the same wherever it is told.
    data: Object.fromEntries(
      Object.entries(event.body).map(([name, value]) => [name, isEvidence(value) ? toEvidence(value) : value]),
    ),
  };
}

export function toHalt(halt: Halt | null): { reason: string; since: string } | null {
  return halt === null ? null : { reason: halt.reason, since: toTime(halt.since) };
}
