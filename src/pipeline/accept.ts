/**
 * Accept: decides on drafts. Owns the order of the checks, the signing of orders with the node's own role keys, and the live-intent
 * cap. Promises that every reason is named, that a refusal creates nothing, and that an outcome `created` or `existing` is durable
 * before it is returned. Never asks the chain for anything but what the follower already knows.
 */
import assert, { AssertionError } from "node:assert";
import type { Draft, OrderDraft, UnsignedOrder } from "../domain/draft.ts";
import type { Address, Word } from "../domain/hex.ts";
import { coinsOf, judgeDraft, type PolicyContext, roleOf, type ValidityLimits } from "../domain/policy.ts";
import type { Intent } from "../domain/intent.ts";
import { accepted, type Outcome, type Rejection, refused } from "../domain/rejection.ts";
import { judgeMinimum, type Minimums, type SponsorBudget, toSponsored } from "../domain/sponsorship.ts";
import { createGatherer, defaultGatherLimits, type Gatherer, type GatherLimits } from "./gather.ts";
import type {
  AcceptItem,
  AcceptOutcome,
  Clock,
  Deployment,
  EncodedDraft,
  Encoder,
  HeadView,
  Idempotency,
  Intake,
  OrderSigner,
  Recoverer,
  Store,
} from "./ports.ts";

export interface IntakeLimits {
  readonly validity: ValidityLimits;
  /** Milliseconds without a new block after which block time is not trusted. */
  readonly maxHeadAgeMs: number;
  /** Unfinished intents at which intake answers `queue_full`. */
  readonly maxLiveIntents: number;
  /** Drafts of one submission. */
  readonly maxDrafts: number;
  readonly gather: GatherLimits;
  /** Smallest amounts and gas that the node pays for its users; null: no bound. */
  readonly sponsorship: { readonly minimums: Minimums; readonly budget: SponsorBudget } | null;
}

const day = 86_400;

/** The contracts' own caps: 30 days for redemptions, quotes and attestations, 90 and 180 for payments, 180 for claims. Orders live as long as transfers may. */
export const defaultIntakeLimits: IntakeLimits = {
  validity: {
    transfer: day,
    order: day,
    redemption: 30 * day,
    claim: 180 * day,
    capture: 90 * day,
    refund: 180 * day,
    quote: 30 * day,
    attestation: 30 * day,
  },
  maxHeadAgeMs: 30_000,
  maxLiveIntents: 100_000,
  maxDrafts: 1_000,
  gather: defaultGatherLimits,
  sponsorship: null,
};

export interface IntakeParts {
  readonly store: Store;
  readonly encoder: Encoder;
  readonly recoverer: Recoverer;
  readonly orderSigner: OrderSigner;
  readonly deployment: Deployment;
  readonly head: HeadView;
  readonly clock: Clock;
  readonly limits: IntakeLimits;
  /** Called after every commit, for whoever waits for work or news. */
  readonly wake?: () => void;
}
interface Parts extends IntakeParts {
  readonly gatherer: Gatherer;
  readonly live: LiveCount;
}

/** A draft on its way through the checks. */
interface Candidate {
  readonly reasons: Rejection[];
  encoded: EncodedDraft | null;
}

const storageUnavailable: Rejection = {
  code: "storage_unavailable",
  subject: "store",
  remedy: "Send the same request again: it acts at most once.",
};

/** The store could not answer: the request is refused as retryable. A broken invariant is not that, and is thrown on. */
class StorageUnavailable extends Error {
  override readonly name = "StorageUnavailable";
}

async function fromStore<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (cause) {
    if (cause instanceof AssertionError) throw cause;
    throw new StorageUnavailable("the store did not answer", { cause });
  }
}

function toStale(head: HeadView, limits: IntakeLimits): Rejection | null {
  const age = head.ageMs();
  if (head.latest !== null && age <= limits.maxHeadAgeMs) return null;
  const actual = Number.isFinite(age) ? `${Math.round(age)} ms` : "unknown";
  const remedy = "Wait until the node sees new blocks, then send the same request again.";
  return { code: "chain_stale", subject: "head", actual, limit: `${limits.maxHeadAgeMs} ms`, remedy };
}

type LiveCount = ReturnType<typeof createLiveCount>;

/** The count of unfinished intents, at most a second old, and what was accepted since. */
function createLiveCount({ store, clock, limits }: IntakeParts) {
  let counted = 0;
  let since = Number.NEGATIVE_INFINITY;
  let running: Promise<void> | null = null;
  async function recount(): Promise<void> {
    const states = await fromStore(store.countByState());
    counted = states.accepted + states.planned + states.sent + states.included;
    since = clock.monotonic();
  }
  return {
    async check(more: number): Promise<Rejection | null> {
      if (clock.monotonic() - since >= 1_000) {
        running ??= recount().finally(() => {
          running = null;
        });
        await running;
      }
      if (counted + more <= limits.maxLiveIntents) return null;
      const remedy = "Wait until intents have settled, then send the same request again.";
      return {
        code: "queue_full",
        subject: "intents",
        actual: String(counted),
        limit: String(limits.maxLiveIntents),
        remedy,
      };
    },
    add(created: number): void {
      counted += created;
    },
  };
}

type Subject = { readonly of: "redemption" | "agreement" | "quote"; readonly id: Word };

/** The redemption, claim, payment or quote that a draft is a step of; null where it is of none. */
function toSubject(draft: Draft, encoder: Encoder): Subject | null {
  switch (draft.kind) {
    case "cancel-redemption":
    case "accept":
    case "approve":
    case "reject":
    case "mark-sent":
    case "confirm":
    case "dispute":
    case "resolve":
    case "reclaim":
      return { of: "redemption", id: draft.id };
    case "claim":
    case "decline-claim":
    case "cancel-claim":
    case "reclaim-claim":
      return { of: "agreement", id: draft.id };
    case "capture":
    case "void":
    case "refund":
    case "dispute-payment":
    case "resolve-payment":
    case "reclaim-payment":
      return { of: "agreement", id: encoder.agreementId({ kind: "payment", terms: draft.terms }) };
    case "swap":
    case "cancel-quote":
      return { of: "quote", id: encoder.agreementId({ kind: "quote", terms: draft.terms }) };
    default:
      return null;
  }
}

/** What the node knows of it. */
async function readKnown(subject: Subject | null, { store, deployment }: Parts) {
  if (subject === null) return {};
  const { of, id } = subject;
  if (of === "redemption") return { redemption: await fromStore(store.readRedemption(id)) };
  if (of === "agreement") return { agreement: await fromStore(store.readAgreement(id)) };
  return { quoteEnd: await fromStore(store.readQuoteEnd(deployment.swap, id)) };
}

interface Encoded {
  readonly subject: Subject | null;
  readonly encoded: EncodedDraft | null;
  readonly reasons: readonly Rejection[];
}

/** What does not fit the chain's fields is malformed; a coin that is none of ours is not encoded. */
function encode(draft: Draft, coins: ReadonlySet<Address>, encoder: Encoder): Encoded {
  let subject: Subject | null = null;
  try {
    subject = toSubject(draft, encoder);
    const isOurs = coinsOf(draft).every((coin) => coins.has(coin));
    return { subject, encoded: isOurs ? encoder.encode(draft) : null, reasons: [] };
  } catch (error) {
    const actual = error instanceof Error ? error.message : String(error);
    const remedy = "Correct the named field.";
    return { subject, encoded: null, reasons: [{ code: "request_malformed", subject: draft.kind, actual, remedy }] };
  }
}

/** Encodes and checks the policy. */
async function examine(draft: Draft, context: PolicyContext, parts: Parts): Promise<Candidate> {
  const { head, encoder, limits } = parts;
  const stale = toStale(head, limits);
  const { subject, encoded, reasons } = encode(draft, context.coins, encoder);
  const known = await readKnown(subject, parts);
  // Without a block there is no time to judge by: staleness alone is then the answer.
  const judged = head.latest === null ? [] : judgeDraft(draft, { ...context, ...known });
  const minimums = limits.sponsorship?.minimums;
  const small = encoded === null || minimums === undefined ? [] : judgeMinimum(encoded.facts, minimums);
  return { reasons: [...(stale === null ? [] : [stale]), ...judged, ...small, ...reasons], encoded };
}

/** Recovers all signers in one call and refuses what its signers did not sign. Contract wallets cannot sign here yet. */
async function checkSignatures(candidates: readonly Candidate[], recoverer: Recoverer): Promise<void> {
  const signed = candidates.flatMap((candidate) =>
    (candidate.encoded?.consents ?? []).map((consent, _, all) => ({ candidate, consent, isOnly: all.length === 1 })),
  );
  if (signed.length === 0) return;
  const signers = await recoverer.recover(signed.map(({ consent: { digest, signature } }) => ({ digest, signature })));
  signed.forEach(({ candidate, consent: { signer }, isOnly }, index) => {
    const actual = signers[index] ?? null;
    if (actual === signer) return;
    const remedy = "Sign exactly these values, for this chain and contract, with the signer's own key (ECDSA, low s).";
    candidate.reasons.push({
      code: "signature_invalid",
      // Where two must sign, whose it is.
      subject: isOnly ? "signature" : signer,
      actual: actual ?? "not a signature",
      limit: signer,
      remedy,
    });
    candidate.encoded = null;
  });
}

/**
 * What is refused now may be known already: the same digest is the same resource, whatever time it is. Only a valid signature
 * reaches this question.
 */
async function refuseOrFind({ reasons, encoded }: Candidate, store: Store): Promise<AcceptOutcome> {
  const intent = encoded === null ? null : await fromStore(store.findByDigest(encoded.facts.digest));
  return intent === null ? { kind: "refused", reasons } : { kind: "existing", intent };
}

/** Every contract of the deployment but its coins. */
function contractsOf(deployment: Deployment): ReadonlySet<Address> {
  const { authority, treasury, redemptions, claims, commerce, swap, registry, dispatcher } = deployment;
  return new Set([authority, treasury, redemptions, claims, commerce, swap, registry, dispatcher]);
}

async function decide(drafts: readonly Draft[], idempotency: Idempotency | null, parts: Parts) {
  const { store, recoverer, gatherer, deployment, head, limits, live } = parts;
  const context: PolicyContext = {
    blockTime: head.latest?.time ?? 0,
    coins: new Set(deployment.coins.map((coin) => coin.address)),
    contracts: contractsOf(deployment),
    validity: limits.validity,
    redemption: null,
    agreement: null,
    quoteEnd: null,
  };
  const candidates: Candidate[] = [];
  for (const draft of drafts) candidates.push(await examine(draft, context, parts));
  await checkSignatures(candidates, recoverer);
  const crowded = await live.check(drafts.length);
  if (crowded !== null) for (const candidate of candidates) candidate.reasons.push(crowded);

  const outcomes: AcceptOutcome[] = [];
  const items: { readonly at: number; readonly item: AcceptItem }[] = [];
  for (const [at, candidate] of candidates.entries()) {
    if (candidate.reasons.length === 0 && candidate.encoded !== null) {
      const { facts } = candidate.encoded;
      const sponsored = limits.sponsorship === null ? null : toSponsored(facts);
      items.push({ at, item: { facts, idempotency, sponsored } });
    } else outcomes[at] = await refuseOrFind(candidate, store);
  }
  if (items.length === 0) return outcomes;
  const committed = await fromStore(gatherer.commit(items.map(({ item }) => item)));
  assert.equal(committed.length, items.length, "the store answers once per item");
  live.add(committed.filter(({ kind }) => kind === "created").length);
  for (const [index, outcome] of committed.entries()) outcomes[items[index]?.at ?? 0] = outcome;
  return outcomes;
}

function refuseAll(drafts: readonly Draft[], reason: Rejection): readonly AcceptOutcome[] {
  return drafts.map(() => ({ kind: "refused", reasons: [reason] }));
}

async function submit(drafts: readonly Draft[], key: Idempotency | null, parts: Parts) {
  const { store, gatherer, limits } = parts;
  if (drafts.length > limits.maxDrafts) {
    const [actual, limit] = [String(drafts.length), String(limits.maxDrafts)];
    const remedy = "Send fewer items at a time.";
    return refuseAll(drafts, { code: "batch_too_large", subject: "items", actual, limit, remedy });
  }
  const idempotency = drafts.length === 1 ? key : null;
  const full = gatherer.enter(drafts.length);
  if (full !== null) return refuseAll(drafts, full);
  try {
    const found = idempotency === null ? null : await fromStore(store.findIdempotent(idempotency));
    if (found?.kind === "hit") return toExisting(found.intent);
    if (found?.kind === "reused") {
      const remedy = "Use a new Idempotency-Key for a new request.";
      return refuseAll(drafts, { code: "idempotency_key_reused", subject: idempotency?.key ?? "", remedy });
    }
    return await decide(drafts, idempotency, parts);
  } catch (error) {
    if (error instanceof StorageUnavailable) return refuseAll(drafts, storageUnavailable);
    throw error;
  } finally {
    gatherer.leave(drafts.length);
  }
}

function toExisting(intent: Intent): readonly AcceptOutcome[] {
  return [{ kind: "existing", intent }];
}

async function signOrder(order: UnsignedOrder, parts: Parts): Promise<Outcome<OrderDraft>> {
  const { orderSigner, encoder, deployment } = parts;
  const role = roleOf[order.kind];
  if (role === null) {
    const remedy = "The holder signs this; no role of the node may.";
    return refused({ code: "signer_not_permitted", subject: order.kind, remedy });
  }
  if (!deployment.coins.some((coin) => coin.address === order.coin)) {
    const remedy = "Use the address of a coin that /v1/network lists.";
    return refused({ code: "coin_unknown", subject: order.coin, remedy });
  }
  const signer = orderSigner.addressOf(role);
  if (signer === null) {
    const remedy = `Send the order with the ${role}'s signature, or configure the ${role}'s key.`;
    return refused({ code: "order_signer_missing", subject: role, remedy });
  }
  const signature = await orderSigner.sign(role, encoder.toTyped(order));
  return accepted({ ...order, signer, signature });
}

/**
 * `submit` keeps input order. An Idempotency-Key names one resource, so it counts for a submission of one draft; in a longer
 * one each item's digest is its identity. A store that does not answer is `storage_unavailable`, never an exception.
 */
export function createIntake(options: IntakeParts): Intake {
  const { store, clock, limits, wake = () => undefined } = options;
  const gatherer = createGatherer({ store, clock, limits: limits.gather, budget: limits.sponsorship?.budget, wake });
  const parts: Parts = { ...options, gatherer, live: createLiveCount(options) };
  return {
    submit: (drafts, idempotency) => submit(drafts, idempotency, parts),
    signOrder: (order) => signOrder(order, parts),
  };
}
