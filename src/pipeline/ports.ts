/**
 * The ports of the pipeline: everything outside it, as narrow interfaces. `chain/` and `store/` implement them, tests fake them, and
 * nothing else crosses. Each call is a point where the process may die; each is safe to repeat. No transaction callback leaves
 * the store, and a failing item is an outcome of its batch, never an exception that rolls its group back.
 */
import type { AgreementTerms, PaymentTotals, QuoteTerms } from "../domain/agreement.ts";
import type { Draft, OrderDraft, OrderRole, UnsignedOrder } from "../domain/draft.ts";
import type { BlockFacts, BlockRef, RedemptionTerms } from "../domain/facts.ts";
import type { Address, Hex, Word } from "../domain/hex.ts";
import type {
  Evidence,
  Fence,
  HeldReason,
  Intent,
  IntentFacts,
  IntentKind,
  IntentState,
  RedemptionState,
} from "../domain/intent.ts";
import type { LaneMove, LaneRole, LaneState } from "../domain/lane.ts";
import type { SlotState } from "../domain/lifecycle.ts";
import type { Reconciliation } from "../domain/reconciliation.ts";
import type { Outcome, Rejection } from "../domain/rejection.ts";
import type { TypedMessage } from "../domain/signatures.ts";
import type { SponsorBudget, Sponsored } from "../domain/sponsorship.ts";
import type { Delivery, DisabledReason, NewWebhook, Webhook } from "../domain/webhook.ts";

// ——— time ———

export interface Clock {
  /** Wall clock, Unix milliseconds: for displays, logs and keys; never for validity, which is block time. */
  now(): number;
  /** Monotonic milliseconds: for backoff and timeouts. */
  monotonic(): number;
  /** Resolves after `ms`; bounded waits only. */
  sleep(ms: number): Promise<void>;
}

// ——— chain ———

/** What the chain answered to a broadcast. Only `refused`, an exact and tested rule of the client, is more than "maybe sent". */
export type SendAnswer =
  | { readonly kind: "answered"; readonly hash: Hex }
  | { readonly kind: "unknown"; readonly message: string }
  | { readonly kind: "refused"; readonly message: string };

/** EIP-1559 fields, wei per gas. */
export interface Fees {
  readonly maxFeePerGas: bigint;
  readonly maxPriorityFeePerGas: bigint;
}

export interface ChainIdentity {
  readonly chainId: number;
  readonly genesis: Word;
  /** Hash of the code at each of our addresses. */
  readonly code: Readonly<Record<Address, Word>>;
}

/** A coin account as the chain has it at one block. */
export interface ChainAccount {
  readonly balance: bigint;
  /** Base units that may not leave; null when frozen whole. */
  readonly frozen: bigint | null;
  readonly nonceBase: bigint;
  /** Bit i set: nonce base + i is consumed. */
  readonly nonceWindow: bigint;
  readonly vasp: number;
  readonly escrow: boolean;
}

/** Endpoints call different blocks final: whichever is right, nothing may be decided on either. */
export interface Disagreement {
  readonly disagreement: string;
}

export interface Chain {
  identity(): Promise<ChainIdentity>;
  /** The newest block. */
  head(): Promise<BlockRef>;
  /** Height that counts as final for this head under the configured finality; −1 when none does. Or: several sources differ below it. */
  finalNumber(head: BlockRef): Promise<number | Disagreement>;
  block(number: number): Promise<BlockRef | null>;
  /** One block decoded. `attempts`: hash of every open attempt → its slot. Null when the chain no longer has that block. */
  readBlock(ref: BlockRef, attempts: ReadonlyMap<Word, SlotKey>): Promise<BlockFacts | null>;
  /** Broadcasts in order; one answer per item. Never throws for a single item. */
  send(raws: readonly Hex[]): Promise<readonly SendAnswer[]>;
  /** Transactions of `lane` in blocks up to `number`. */
  transactionCount(lane: Address, number: number): Promise<number>;
  /** Wei. */
  gasBalance(lane: Address): Promise<bigint>;
  fees(): Promise<Fees>;
  /** Gas limit of the newest block, at most the protocol's cap per transaction. */
  gasLimit(): Promise<bigint>;
  readAccounts(coin: Address, accounts: readonly Address[], number: number): Promise<readonly ChainAccount[]>;
  totalSupply(coin: Address, number: number): Promise<bigint>;
  /** Attested reserves and what they must cover, from the Treasury. */
  coverage(
    coin: Address,
    number: number,
  ): Promise<{ attested: bigint; asOf: number; outstanding: bigint; mintable: boolean }>;
  /** True when the fence is consumed at that block. */
  isFenceConsumed(intent: Pick<IntentFacts, "kind" | "fence" | "subject">, number: number): Promise<boolean>;
  /** A wallet operator by its number; null where there is none. Newest block. */
  readVasp(id: number): Promise<Vasp | null>;
  /** When an account that announced it leaves its family, Unix seconds; null while it has not. Newest block. */
  readLeaving(account: Address): Promise<number | null>;
  /** What the Treasury knows of a dealer and of the approvals of a mint. Newest block. */
  readDealer(dealer: Address): Promise<{ readonly tier: number; readonly available: bigint }>;
  /** Runs a call without sending it; null when it would succeed, else why not. */
  simulate(call: { to: Address; data: Hex; gas: bigint }): Promise<HeldReason | null>;
}

/** A wallet operator as the registry has it. */
export interface Vasp {
  readonly id: number;
  readonly admin: Address;
  readonly domain: string;
  readonly baseUrl: string;
  readonly suspended: boolean;
}

/** Recovers signers in bulk. Null where the signature is not a valid low-s ECDSA signature. */
export interface Recoverer {
  recover(items: readonly { readonly digest: Word; readonly signature: Hex }[]): Promise<readonly (Address | null)[]>;
}

/** Holds the lanes' keys. Signs only calls to our contracts, value 0, fees under the cap; with the funder's key only gas money for its lanes. */
export interface LaneSigner {
  readonly lanes: readonly Address[];
  /** Who gives them gas money; none of them. */
  readonly funder?: Address;
  /** Those of them that are only stored when the store first sees them: each waits to take another one's place. */
  readonly spare?: ReadonlySet<Address>;
  sign(transaction: LaneTransaction): Promise<{ readonly raw: Hex; readonly hash: Word }>;
}

export interface LaneTransaction extends Fees {
  readonly lane: Address;
  readonly nonce: number;
  readonly to: Address;
  readonly data: Hex;
  readonly gas: bigint;
  /** Wei, from the funder alone; left out: none. */
  readonly value?: bigint;
}

// ——— store ———

export interface SlotKey {
  readonly lane: Address;
  readonly nonce: number;
}

export interface Idempotency {
  /** The API key's owner. */
  readonly owner: string;
  readonly key: string;
  /** Hash of method, path and body. */
  readonly requestHash: Word;
}

export interface AcceptItem {
  readonly facts: IntentFacts;
  readonly idempotency: Idempotency | null;
  /** What it takes from the gas budget once it is created; left out or null: nothing. */
  readonly sponsored?: Sponsored | null;
}

/**
 * `created` and `existing` carry the intent; `existing` is the same digest seen before, or a repeated Idempotency-Key.
 * `refused` created nothing.
 */
export type AcceptOutcome =
  | { readonly kind: "created"; readonly intent: Intent }
  | { readonly kind: "existing"; readonly intent: Intent }
  | { readonly kind: "refused"; readonly reasons: readonly Rejection[] };

/** What the books and the hot tables know of a coin account. Base units. */
export interface StoredAccount {
  readonly coin: Address;
  readonly address: Address;
  /** From every movement seen, final or not. */
  readonly balance: bigint;
  /** From final movements. */
  readonly posted: bigint;
  /** Promised to unfinished intents. */
  readonly held: bigint;
  /** Null when frozen whole. */
  readonly frozen: bigint | null;
  readonly nonceBase: bigint;
  /** Consumed window nonces at or above the base. */
  readonly consumed: readonly bigint[];
  /** Window nonces of live intents. */
  readonly live: readonly bigint[];
  /**
   * What is on its way under window nonces, intents planned or sent and in no block: these nonces and what is held for them. The planner counts
   * on them as if they were mined; what it does not know of, the chain skips.
   */
  readonly inFlight: { readonly nonces: readonly bigint[]; readonly amount: bigint };
}

/** An accepted intent that may be planned now. */
export interface ReadyIntent {
  readonly sequence: bigint;
  readonly kind: IntentKind;
  readonly fence: Fence;
  readonly coin: Address;
  readonly payer: Address | null;
  readonly payee: Address | null;
  readonly amount: bigint;
  readonly validAfter: number;
  readonly validBefore: number;
  readonly action: Action;
  /** How often it came back from a slot that reverted: batches around it are halved that many times. */
  readonly reverts: number;
  /** Times it was held; for backoff. */
  readonly holds: number;
  /** True when the payee has a balance already: a credit to it costs less gas. */
  readonly payeeKnown: boolean;
}
type Action = IntentFacts["action"];

/** A slot with its committed bytes: what `commitPlan` writes in one transaction. */
export interface PlannedSlot extends SlotKey {
  readonly epoch: bigint;
  readonly kind: "settle" | "call" | "fund";
  readonly items: readonly bigint[];
  readonly attempt: NewAttempt;
  readonly at: number;
  /** Of kind `fund`, whose items are none. */
  readonly funding?: Funding;
}

/** Gas money for a lane, and what all of it together may be. */
export interface Funding {
  readonly to: Address;
  readonly gwei: bigint;
  /** No more than `most` gwei committed after `since`, wall milliseconds, this one included. */
  readonly bound: { readonly since: number; readonly most: bigint };
}

export interface NewAttempt extends Fees {
  readonly hash: Word;
  readonly raw: Hex;
}

export interface OpenSlot extends SlotKey {
  readonly state: SlotState;
  readonly kind: "settle" | "call" | "fund" | "empty";
  readonly attempts: readonly (NewAttempt & { readonly sentAt: number | null })[];
}

export interface Lane {
  readonly address: Address;
  readonly epoch: bigint;
  readonly nextNonce: number;
}

/** A lane as the store has it, whether or not this process has its key. */
export interface StoredLane extends Lane {
  readonly role: LaneRole;
  readonly state: LaneState;
  /** Who moved it into its state and when, wall milliseconds; null while it has its first one. */
  readonly moved: { readonly by: string; readonly at: number } | null;
}

/** One published fact. `sequence` is the resume point of the event stream. */
export interface PublishedEvent {
  readonly sequence: bigint;
  readonly intent: bigint | null;
  readonly type: string;
  readonly accounts: readonly Address[];
  readonly body: Readonly<Record<string, unknown>>;
  /** Unix milliseconds. */
  readonly at: number;
}

export interface StoredRedemption {
  readonly id: Word;
  readonly escrow: Address;
  readonly terms: RedemptionTerms;
  readonly state: RedemptionState;
  readonly steps: readonly (Evidence & {
    from: RedemptionState;
    to: RedemptionState;
    actor: Address;
    reference: Word;
    time: number;
  })[];
}

/** A claim or a payment as the chain tells it: terms, and the steps it took. */
export interface StoredAgreement {
  readonly id: Word;
  readonly escrow: Address;
  readonly agreement: AgreementTerms;
  /** Of a claim: a ClaimState; of a payment: a PaymentState. */
  readonly state: string;
  /** Of a payment; null for a claim. */
  readonly totals: PaymentTotals | null;
  readonly steps: readonly (Evidence & {
    readonly step: string;
    readonly state: string;
    readonly actor: Address;
    readonly amount: bigint;
    readonly fee: bigint;
    /** Unix seconds. */
    readonly time: number;
  })[];
}

/** A quote its maker signed and a taker may accept. It is no intent yet: nothing can reach the chain without the taker. */
export interface StoredQuote {
  readonly id: Word;
  readonly terms: QuoteTerms;
  readonly makerSignature: Hex;
  /** Unix milliseconds. */
  readonly offeredAt: number;
}

/** A public exit whose deadline has passed at `now`: anyone may take it. */
export interface DueExit {
  readonly kind: "reclaim" | "reclaim-claim" | "reclaim-payment";
  readonly id: Word;
  readonly due: number;
}

export interface StoredMovement extends Evidence {
  readonly kind: "transfer" | "mint" | "burn";
  readonly coin: Address;
  readonly from: Address;
  readonly to: Address;
  readonly amount: bigint;
  readonly memo: Word | null;
  readonly intent: bigint | null;
  readonly final: boolean;
  readonly time: number;
}

/** One intent with everything the store knows of its way: for `trace`. */
export interface Trace {
  readonly intent: Intent;
  readonly slots: readonly (OpenSlot & {
    readonly index: number;
    readonly size: number;
    readonly committedAt: number;
    readonly gasUsed: bigint | null;
  })[];
  readonly movements: readonly StoredMovement[];
  readonly lines: readonly { readonly account: string; readonly amount: bigint }[];
  readonly events: readonly PublishedEvent[];
}

export interface Halt {
  readonly reason: string;
  readonly since: number;
}

/** What a round of sending to one webhook came to. */
export interface DeliveryRound {
  readonly webhook: string;
  /** As it was read: another one by now means that somebody else moved it. */
  readonly revision: number;
  readonly cursor: bigint;
  readonly failures: number;
  readonly lastError: string | null;
  readonly disabled: DisabledReason | null;
  /** Events no longer kept that it met. */
  readonly missed: bigint;
  /** Sequences of deliveries that waited and arrived. */
  readonly done: readonly bigint[];
  /** Those that wait now: new ones, and known ones with another time to try. */
  readonly waiting: readonly Delivery[];
}

/** `replay` sends again what follows `after`, which lies at or before the cursor. */
export type WebhookChange =
  | { readonly kind: "enable" }
  | { readonly kind: "replay"; readonly after: bigint }
  | { readonly kind: "remove" };

/** Webhooks and what waits for them. Without one, nothing is ever written. */
export interface WebhookStore {
  /** One per owner and Idempotency-Key: `known` when there is. `full`: as many exist, of this owner or altogether. */
  addWebhook(
    webhook: NewWebhook,
    limits: { readonly perOwner: number; readonly total: number },
  ): Promise<"created" | "known" | "full">;
  /** All of them, oldest first, with their secrets. */
  readWebhooks(): Promise<readonly Webhook[]>;
  /** What waits for one webhook, by sequence. */
  readDeliveries(webhook: string): Promise<readonly Delivery[]>;
  /** One conditional transaction; false: the webhook was moved meanwhile, and nothing was written. */
  recordDeliveries(round: DeliveryRound): Promise<boolean>;
  /** False: there is none, or its cursor lies before `after`. */
  changeWebhook(id: string, change: WebhookChange): Promise<boolean>;
}

export interface Store extends WebhookStore {
  /** Raises the epoch of every lane: what an earlier owner signed but did not commit is dead. `chainNonces` from the latest block. */
  openLanes(lanes: readonly { readonly address: Address; readonly chainNonce: number }[]): Promise<readonly Lane[]>;
  /** Every lane ever used or stored, in address order. */
  readLanes(): Promise<readonly StoredLane[]>;
  /** Takes lanes in that are not known yet, epoch 0 and nonce 0; known ones stay as they are. */
  addLanes(
    lanes: readonly { readonly address: Address; readonly state: "stored" | "active"; readonly role?: LaneRole }[],
  ): Promise<void>;
  /**
   * One conditional write; false: the lane is in none of the states, or not idle where it must be, and nothing changed. A lane that gas money is
   * on its way to is not idle.
   */
  moveLane(move: LaneMove & { readonly address: Address; readonly by: string; readonly at: number }): Promise<boolean>;
  /** Binds the folder to a chain: writes the identity the first time, afterwards returns the stored one. */
  bindChain(identity: ChainIdentity): Promise<ChainIdentity>;

  /**
   * Intake: identity by digest, one live intent per fence, balance hold; all or nothing per call, one outcome per item in order. With a
   * budget, created intents are counted in the same transaction, and one that does not fit is refused: `sponsor_budget_exhausted`.
   */
  acceptBatch(items: readonly AcceptItem[], at: number, budget?: SponsorBudget): Promise<readonly AcceptOutcome[]>;
  /** Looks an Idempotency-Key up before any work is done. */
  findIdempotent(
    idempotency: Idempotency,
  ): Promise<{ kind: "none" } | { kind: "hit"; intent: Intent } | { kind: "reused" }>;

  /** Accepted, not held back, oldest first, at most `limit`. `now` is wall milliseconds, against backoff; who would wait longer than any hold is ready. */
  readReady(options: { readonly now: number; readonly limit: number }): Promise<readonly ReadyIntent[]>;
  readAccounts(
    accounts: readonly { readonly coin: Address; readonly address: Address }[],
  ): Promise<readonly StoredAccount[]>;
  /**
   * Writes nonce, slot, items, raw bytes, hash and states, guarded by the lane's epoch and next nonce, and by its being active. Gas money also
   * by its bound, by the other lane's not being retired, and by no other slot's giving it any that is not final. False: nothing written.
   */
  commitPlan(slot: PlannedSlot): Promise<boolean>;
  /** Gwei of gas money committed after `since`, wall milliseconds, whatever became of it. */
  sumFunded(since: number): Promise<bigint>;
  /** Marks intents as waiting for a reason, not to be planned before `until` (wall milliseconds). */
  hold(
    items: readonly { readonly sequence: bigint; readonly reason: HeldReason; readonly until: number }[],
  ): Promise<void>;

  /** Slots that are not final, by nonce, at most `limit`. */
  readOpenSlots(lane: Address, limit: number): Promise<readonly OpenSlot[]>;
  /** Records that bytes were handed to the chain; moves slot and intents to `sent`. */
  markSent(hashes: readonly Word[], at: number): Promise<void>;
  /** A further attempt for the same nonce. */
  addAttempt(slot: SlotKey & { readonly epoch: bigint; readonly attempt: NewAttempt }): Promise<boolean>;
  /** Closes slots whose nonce the final chain has passed without any of our attempts; their unfinished intents go back. */
  abandonSlots(lane: Address, belowNonce: number): Promise<number>;

  /** The newest and the newest final block applied. */
  readCursor(): Promise<{ readonly latest: BlockRef | null; readonly final: BlockRef | null }>;
  /** The applied block at that height, while it is not final. */
  readBlock(number: number): Promise<BlockRef | null>;
  /** Applies one block in one transaction. Its parent must be the latest applied block, or the store must be empty. */
  applyBlock(facts: BlockFacts, at: number): Promise<void>;
  /** Undoes every applied block above `number`; refuses below the final one. */
  revertTo(number: number, at: number): Promise<void>;
  /** Makes blocks up to `number` final: ends intents, posts movements to the ledger. Returns how many intents ended. */
  finalize(number: number, at: number): Promise<number>;

  readIntent(sequence: bigint): Promise<Intent | null>;
  findByDigest(digest: Word): Promise<Intent | null>;
  listIntents(query: {
    readonly account?: Address;
    readonly kinds?: readonly IntentKind[];
    readonly subject?: Word;
    readonly before?: bigint;
    readonly limit: number;
  }): Promise<readonly Intent[]>;
  listMovements(query: { readonly account?: Address; readonly limit: number }): Promise<readonly StoredMovement[]>;
  readRedemption(id: Word): Promise<StoredRedemption | null>;
  readAgreement(id: Word): Promise<StoredAgreement | null>;
  /** Newest first; those that name the account as a party. */
  listAgreements(query: {
    readonly kind: AgreementTerms["kind"];
    readonly account: Address;
    readonly limit: number;
  }): Promise<readonly StoredAgreement[]>;
  /** Redemptions, claims and payments that anyone may end at that block time, oldest deadline first, without those whose exit is on its way. */
  listDue(query: { readonly now: number; readonly limit: number }): Promise<readonly DueExit[]>;
  /** Keeps a maker's quote; the same id again changes nothing. False: the maker has `limit` open quotes. Drops those expired at `now`. */
  offerQuote(quote: StoredQuote, bounds: { readonly now: number; readonly limit: number }): Promise<boolean>;
  readQuote(id: Word): Promise<StoredQuote | null>;
  /** How the fence of a quote was consumed, final or not; null while it was not. */
  readQuoteEnd(swap: Address, id: Word): Promise<"swap" | "cancel-quote" | null>;
  readTrace(sequence: bigint): Promise<Trace | null>;
  /** Events after a sequence, oldest first. `oldest` is the first one still kept. */
  readEvents(query: { readonly after: bigint; readonly limit: number; readonly account?: Address }): Promise<{
    readonly events: readonly PublishedEvent[];
    readonly oldest: bigint;
    readonly newest: bigint;
  }>;
  countByState(): Promise<Readonly<Record<IntentState, number>>>;

  /** Every account with a non-zero posted balance, in address order, after `after`: the books at the final block. */
  readPosted(query: { readonly coin: Address; readonly after: Address | null; readonly limit: number }): Promise<{
    readonly final: BlockRef | null;
    readonly balances: readonly { readonly address: Address; readonly posted: bigint }[];
  }>;
  /** Of one escrow and coin at the newest block: what its open redemptions, claims and payments add up to, and its balance. */
  sumEscrow(query: { readonly escrow: Address; readonly coin: Address }): Promise<{
    readonly open: bigint;
    readonly balance: bigint;
  }>;
  /** Sums over the ledger of one coin: both are zero and minus the supply when the books are right. */
  sumLedger(coin: Address): Promise<{ readonly sum: bigint; readonly issued: bigint }>;

  readHalt(): Promise<Halt | null>;
  halt(reason: string, at: number): Promise<void>;
  resume(by: string, at: number): Promise<void>;

  /** A consistent copy of the database while it is in use, written to `path`. */
  backup(path: string): Promise<void>;
  close(): Promise<void>;
}

/**
 * Who runs which loop where several processes share one store. A convenience, never a guard: whoever wrongly believes to hold a lease does no
 * harm, because the store's own guards decide.
 */
export interface Leases {
  /** Takes a lease that nobody holds, for `ms` by the store's clock. Its epoch, which rises with each change of owner; null: another has it. */
  acquire(name: string, ms: number): Promise<bigint | null>;
  /** Holds it `ms` longer from now. False: it was lost. */
  renew(name: string, epoch: bigint, ms: number): Promise<boolean>;
  /** Gives it back at once. */
  release(name: string, epoch: bigint): Promise<void>;
}

// ——— encoding and orders ———

/** A signature that a draft carries, to be checked before anything is promised. */
export interface Consent {
  readonly signer: Address;
  readonly digest: Word;
  readonly signature: Hex;
}

/** A draft as the chain will see it, with who must have signed which digest: none for a public exit, two where two must agree. */
export interface EncodedDraft {
  readonly facts: IntentFacts;
  readonly consents: readonly Consent[];
}

/** Turns drafts into intents: digest, fence, row bytes or call data. Pure and synchronous. */
export interface Encoder {
  encode(draft: Draft): EncodedDraft;
  /**
   * The struct to sign for a draft whose signature is missing. Where two sign, `by` says whose: `second` is the attestor of a claim, the
   * merchant of a charge, the taker of a swap, the account that joins.
   */
  toTyped(draft: Draft | UnsignedOrder, by?: "first" | "second"): TypedMessage;
  /** Id of a redemption: the digest of its terms. */
  redemptionId(terms: RedemptionTerms): Word;
  /** Id of a claim, payment or quote: the digest of its terms. */
  agreementId(agreement: AgreementTerms | { readonly kind: "quote"; readonly terms: QuoteTerms }): Word;
  /** The Treasury's key of a large mint: what approvers sign. */
  mintKey(mint: {
    readonly dealer: Address;
    readonly coin: Address;
    readonly depositId: Word;
    readonly to: Address;
    readonly amount: bigint;
  }): Word;
}

/** Role keys the node itself may sign orders with; the devnet configures all, production as few as it likes. */
export interface OrderSigner {
  /** The role's address, or null when its key is not configured. */
  addressOf(role: OrderRole): Address | null;
  sign(role: OrderRole, typed: TypedMessage): Promise<Hex>;
}

/** Addresses of one deployment. All lowercase. */
export interface Deployment {
  readonly chainId: number;
  readonly authority: Address;
  readonly treasury: Address;
  readonly redemptions: Address;
  readonly claims: Address;
  readonly commerce: Address;
  readonly swap: Address;
  readonly registry: Address;
  readonly dispatcher: Address;
  readonly coins: readonly {
    readonly symbol: string;
    readonly name: string;
    readonly version: string;
    readonly decimals: number;
    readonly address: Address;
  }[];
  /** Block in which the first contract was deployed: the follower starts there. */
  readonly block: number;
}

// ——— notices ———

/** Something an operator may want to know; for logs and metrics, nothing depends on it. */
export interface Notice {
  readonly step: "accept" | "plan" | "fund" | "sign" | "send" | "confirm" | "post" | "reconcile" | "keep" | "deliver";
  readonly code: string;
  /** A lane, a block, a coin. */
  readonly subject: string;
  readonly detail: string;
}
export type Notify = (notice: Notice) => void;

// ——— webhooks ———

/** Signs and sends over HTTP, to public addresses only where there is more than a devnet. */
export interface Courier {
  /** Why nothing may be sent to a url; null when it may. */
  refuse(url: string): Promise<string | null>;
  /** Bounded in time; never throws. `gone`: whoever answers there wants nothing any more. */
  carry(parcel: {
    readonly url: string;
    readonly secret: string;
    readonly id: string;
    readonly body: string;
  }): Promise<{ readonly ok: true } | { readonly ok: false; readonly why: string; readonly gone: boolean }>;
}

// ——— what the surfaces use ———

export interface Intake {
  /** Decides on drafts; one outcome per draft in order; 202 may be answered once this resolves. */
  submit(drafts: readonly Draft[], idempotency: Idempotency | null): Promise<readonly AcceptOutcome[]>;
  /** Signs an order with the role's configured key; refused with `order_signer_missing` where there is none. */
  signOrder(order: UnsignedOrder): Promise<Outcome<OrderDraft>>;
}

/** Wakes waiters after commits. Losing a wake-up only costs latency: every waiter also looks again by itself. */
export interface Publisher {
  /** Resolves with the intent when it has ended, or with its current state after `ms`. Null when there is none. */
  waitUntilEnded(sequence: bigint, ms: number): Promise<Intent | null>;
  /** Calls back after every commit that may have published events. Returns the unsubscribe function. */
  subscribe(listener: () => void): () => void;
}

export interface Reconciler {
  /** Newest finished statement, or null before the first. */
  latest(): Reconciliation | null;
  /** Makes a new statement now; a difference halts new sends. */
  run(): Promise<Reconciliation>;
}

/** What the follower knows of the chain's head, without asking it. */
export interface HeadView {
  /** Null before the first block was applied. */
  readonly latest: BlockRef | null;
  readonly final: BlockRef | null;
  /** How often blocks were seen replaced since this process began. */
  readonly reorgs: number;
  /** Milliseconds since a new block was last seen. */
  ageMs(): number;
}

/** Devnet only: moves the chain's clock. */
export interface Sandbox {
  /** Raises the time of the next block by that many seconds. */
  increaseTime(seconds: number): Promise<void>;
}
