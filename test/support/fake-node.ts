/**
 * A node for tests of its surface: typed fakes of the ports, in memory, around the real encoder. Owns just enough behaviour that identity,
 * conflicts and ends can be observed over HTTP; its intake decides nothing about signatures except that one beginning with `0xbad` is
 * invalid. No side effects on import.
 */
import { pino } from "pino";
import { privateKeyToAccount } from "viem/accounts";
import { createEncoder } from "../../src/chain/encode.ts";
import { createRecoverer } from "../../src/chain/recover.ts";
import type { Draft, OrderRole, UnsignedOrder } from "../../src/domain/draft.ts";
import type { BlockRef, RedemptionTerms } from "../../src/domain/facts.ts";
import { type Address, type Hex, toWord, type Word } from "../../src/domain/hex.ts";
import { firstSequence } from "../../src/domain/identifier.ts";
import type { Fence, HeldReason, Intent, IntentState } from "../../src/domain/intent.ts";
import { isEnded } from "../../src/domain/lifecycle.ts";
import { roleOf } from "../../src/domain/policy.ts";
import type { Reconciliation } from "../../src/domain/reconciliation.ts";
import type { Rejection } from "../../src/domain/rejection.ts";
import type { Webhook } from "../../src/domain/webhook.ts";
import type { ApiKey } from "../../src/http/auth.ts";
import { createCourier } from "../../src/http/courier.ts";
import type { ServerDeps } from "../../src/http/deps.ts";
import { createServer } from "../../src/http/server.ts";
import type {
  AcceptOutcome,
  Chain,
  Deployment,
  Encoder,
  Halt,
  Idempotency,
  Intake,
  OrderSigner,
  PublishedEvent,
  Publisher,
  Store,
  StoredAccount,
  StoredLane,
  StoredRedemption,
  Trace,
  Vasp,
} from "../../src/pipeline/ports.ts";
import { createLaneDesk } from "../../src/pipeline/lanes.ts";
import { createEscrowReads, createKept, type Kept } from "./fake-escrows.ts";
import { createFakeWebhooks } from "./fake-webhooks.ts";

export const coin: Address = "0x1000000000000000000000000000000000000001";
export const treasury: Address = "0x1000000000000000000000000000000000000002";
export const escrow: Address = "0x1000000000000000000000000000000000000003";
export const authority: Address = "0x1000000000000000000000000000000000000004";
export const claims: Address = "0x1000000000000000000000000000000000000005";
export const commerce: Address = "0x1000000000000000000000000000000000000006";
export const swap: Address = "0x1000000000000000000000000000000000000007";
export const registry: Address = "0x1000000000000000000000000000000000000008";
export const dispatcher: Address = "0x1000000000000000000000000000000000000009";
export const quetzal: Address = "0x100000000000000000000000000000000000000a";
export const lane: Address = "0x2000000000000000000000000000000000000001";
/** A lane whose key waits to take another one's place. */
export const spareLane: Address = "0x2000000000000000000000000000000000000002";
export const roleAddress: Address = "0x3000000000000000000000000000000000000001";
/** Ana can log in: this is her key, and it guards nothing. */
export const anaKey: Hex = `0x${"1".repeat(64)}`;
export const ana: Address = "0x19e7e376e7c213b7e7e7e46cc70a5dd086daff2a";
export const luis: Address = "0xb100000000000000000000000000000000000002";
export const goodSignature: Hex = `0x${"11".repeat(65)}`;
export const badSignature: Hex = `0xbad0${"11".repeat(63)}`;
/** Block time, Unix seconds. */
export const blockTime = 1_800_000_000;

export const deployment: Deployment = {
  chainId: 31_337,
  authority,
  treasury,
  redemptions: escrow,
  claims,
  commerce,
  swap,
  registry,
  dispatcher,
  coins: [
    { symbol: "XUS", name: "Remesa Dollar", version: "1", decimals: 6, address: coin },
    { symbol: "XGT", name: "Remesa Quetzal", version: "1", decimals: 6, address: quetzal },
  ],
  block: 0,
};

export const apiKeys: readonly (ApiKey & { readonly role: "operator" | "approver" | "auditor" })[] = [
  { name: "desk", role: "operator", key: "operator-key-0123456789abcdef" },
  { name: "second", role: "approver", key: "approver-key-0123456789abcdef" },
  { name: "audit", role: "auditor", key: "auditor-key-0123456789abcdef" },
];

function unused(name: string) {
  return (): never => {
    throw new Error(`the surface must not call ${name}`);
  };
}

/** The memory behind the fakes; tests reach in here. */
export interface FakeState {
  lanes: readonly StoredLane[];
  readonly intents: Map<bigint, Intent>;
  readonly keys: Map<string, { hash: Word; intent: bigint }>;
  readonly redemptions: Map<Word, StoredRedemption>;
  /** Claims, payments, quotes and what is due. */
  readonly kept: Kept;
  readonly vasps: Map<number, Vasp>;
  readonly leaving: Map<Address, number>;
  /** What the chain says to a call that is tried out; null: it would succeed. */
  simulated: HeldReason | null;
  readonly events: PublishedEvent[];
  readonly webhooks: Webhook[];
  /** Drafts that reached intake, and orders the node signed. */
  readonly submitted: Draft[];
  readonly signed: UnsignedOrder[];
  readonly resumed: string[];
  readonly moved: number[];
  /** Milliseconds until the follower sees a block after the chain's clock was moved; null: it never does. */
  followMs: number | null;
  halt: Halt | null;
  head: BlockRef | null;
  headAgeMs: number;
  statement: Reconciliation | null;
  statements: number;
  /** Added to every next draft's reasons. */
  refusal: readonly Rejection[];
  /** Thrown by every store call while set. */
  fault: Error | null;
  /** Resolved before intake answers, so that a test can look in between. */
  gate: Promise<void> | null;
  missingRoles: readonly OrderRole[];
  attested: bigint;
  oldestEvent: bigint;
  readonly listeners: Set<() => void>;
}

function findLive(state: FakeState, fence: Fence, kind: Intent["kind"]): Intent | undefined {
  return [...state.intents.values()].find(
    (intent) =>
      intent.fence.key === fence.key &&
      intent.fence.subject === fence.subject &&
      intent.fence.scope === fence.scope &&
      (intent.kind === "cancel") === (kind === "cancel") &&
      (!isEnded(intent.state) || intent.state === "settled"),
  );
}

function toConflict(live: Intent): Rejection {
  const subject = live.fence.key;
  if (live.kind === "mint") return { code: "deposit_conflict", subject, remedy: "Follow the other order." };
  if (live.kind === "transfer") {
    return { code: "nonce_in_use", subject, remedy: "Use a free nonce.", extra: { freeNonces: ["1", "2"] } };
  }
  return { code: "step_in_flight", subject, remedy: "Wait for it." };
}

function createIntake(state: FakeState, encoder: Encoder, orderSigner: OrderSigner): Intake {
  let counter = 0n;

  function decide(draft: Draft, key: Idempotency | null): AcceptOutcome {
    const { facts, consents } = encoder.encode(draft);
    const known = [...state.intents.values()].find((intent) => intent.digest === facts.digest);
    if (consents.some(({ signature }) => signature.startsWith("0xbad"))) {
      return { kind: "refused", reasons: [{ code: "signature_invalid", subject: "signature", remedy: "Sign again." }] };
    }
    if (known !== undefined) return { kind: "existing", intent: known };
    const live = findLive(state, facts.fence, facts.kind);
    const reasons = live === undefined ? state.refusal : [...state.refusal, toConflict(live)];
    if (reasons.length > 0) return { kind: "refused", reasons };
    const sequence = firstSequence(1_800_000_000_000) + ++counter;
    const life = { sequence, state: "accepted", reason: null, evidence: null, endedAt: null } as const;
    const intent: Intent = { ...facts, ...life, acceptedAt: 1_800_000_000_000 };
    state.intents.set(sequence, intent);
    if (key !== null) state.keys.set(`${key.owner} ${key.key}`, { hash: key.requestHash, intent: sequence });
    return { kind: "created", intent };
  }

  return {
    async submit(drafts, key) {
      state.submitted.push(...drafts);
      await state.gate;
      return drafts.map((draft) => decide(draft, key));
    },
    async signOrder(order) {
      const role = roleOf[order.kind];
      if (role === null) throw new Error(`no role signs ${order.kind}`);
      const signer = orderSigner.addressOf(role);
      if (signer === null) {
        return { ok: false, reasons: [{ code: "order_signer_missing", subject: role, remedy: "Send it signed." }] };
      }
      state.signed.push(order);
      return { ok: true, value: { ...order, signer, signature: goodSignature } as never };
    },
  };
}

function createAccount(account: { readonly coin: Address; readonly address: Address }): StoredAccount {
  const { address } = account;
  return {
    ...account,
    balance: 5_000_000n,
    posted: 5_000_000n,
    held: 1_000_000n,
    frozen: address === luis ? null : 500_000n,
    nonceBase: 3n,
    consumed: [4n],
    live: [5n],
    inFlight: { nonces: [], amount: 0n },
  };
}

function createStore(state: FakeState): Store {
  const guard = (): void => {
    if (state.fault !== null) throw state.fault;
  };
  const sorted = () => [...state.intents.values()].sort((a, b) => (a.sequence > b.sequence ? -1 : 1));
  const names = [
    "openLanes",
    "bindChain",
    "acceptBatch",
    "readReady",
    "commitPlan",
    "sumFunded",
    "hold",
    "markSent",
    "addAttempt",
    "abandonSlots",
    "readCursor",
    "readBlock",
    "applyBlock",
    "revertTo",
    "finalize",
    "readPosted",
    "sumLedger",
    "sumEscrow",
    "halt",
    "addLanes",
    "backup",
    "close",
  ] as const;
  const rest = Object.fromEntries(names.map((name) => [name, unused(name)])) as Record<(typeof names)[number], never>;
  return {
    ...rest,
    async findIdempotent({ owner, key, requestHash }) {
      guard();
      const found = state.keys.get(`${owner} ${key}`);
      if (found === undefined) return { kind: "none" };
      const intent = state.intents.get(found.intent);
      return found.hash === requestHash && intent !== undefined ? { kind: "hit", intent } : { kind: "reused" };
    },
    async readAccounts(accounts) {
      guard();
      return accounts.map(createAccount);
    },
    readOpenSlots: async () => [
      {
        lane,
        nonce: 7,
        state: "sent",
        kind: "settle",
        attempts: [{ hash: toWord(9n), raw: "0xdeadbeef", maxFeePerGas: 2n, maxPriorityFeePerGas: 1n, sentAt: 1_000 }],
      },
    ],
    async readIntent(sequence) {
      guard();
      return state.intents.get(sequence) ?? null;
    },
    findByDigest: async (digest) => sorted().find((intent) => intent.digest === digest) ?? null,
    async listIntents({ account, kinds, subject, before, limit }) {
      guard();
      return sorted()
        .filter((intent) => account === undefined || intent.payer === account || intent.payee === account)
        .filter((intent) => kinds === undefined || kinds.includes(intent.kind))
        .filter((intent) => subject === undefined || intent.subject === subject)
        .filter((intent) => before === undefined || intent.sequence < before)
        .slice(0, limit);
    },
    readLanes: async () => state.lanes,
    async moveLane({ address, from, to, by, at }) {
      const found = state.lanes.find((one) => one.address === address && from.includes(one.state));
      if (found === undefined) return false;
      state.lanes = state.lanes.map((one) => (one === found ? { ...one, state: to, moved: { by, at } } : one));
      return true;
    },
    listMovements: async () => [],
    ...createEscrowReads(state.kept),
    ...createFakeWebhooks(state.webhooks),
    readRedemption: async (id) => state.redemptions.get(id) ?? null,
    async readTrace(sequence): Promise<Trace | null> {
      const intent = state.intents.get(sequence);
      if (intent === undefined) return null;
      const [slot] = await this.readOpenSlots(lane, 1);
      if (slot === undefined) return null;
      return {
        intent,
        slots: [{ ...slot, index: 0, size: 2, committedAt: 1_000, gasUsed: 21_000n }],
        movements: [],
        lines: [{ account: `wallet:${ana}`, amount: -5n }],
        events: state.events.filter((event) => event.intent === sequence),
      };
    },
    async readEvents({ after, limit, account }) {
      guard();
      const events = state.events
        .filter((event) => event.sequence > after)
        .filter((event) => account === undefined || event.accounts.includes(account))
        .slice(0, limit);
      return { events, oldest: state.oldestEvent, newest: state.events.at(-1)?.sequence ?? 0n };
    },
    async countByState() {
      const states: IntentState[] = [
        "accepted",
        "planned",
        "sent",
        "included",
        "settled",
        "cancelled",
        "superseded",
        "expired",
      ];
      const counts = states.map((one) => [one, sorted().filter((intent) => intent.state === one).length]);
      return Object.fromEntries(counts) as Record<IntentState, number>;
    },
    async readHalt() {
      guard();
      return state.halt;
    },
    async resume(by) {
      state.resumed.push(by);
      state.halt = null;
    },
  };
}

function createChain(state: FakeState): Chain {
  const names = [
    "identity",
    "head",
    "finalNumber",
    "block",
    "readBlock",
    "send",
    "transactionCount",
    "fees",
    "gasLimit",
    "isFenceConsumed",
    "readDealer",
  ] as const;
  const rest = Object.fromEntries(names.map((name) => [name, unused(name)])) as Record<(typeof names)[number], never>;
  return {
    ...rest,
    simulate: async () => state.simulated,
    readVasp: async (id) => state.vasps.get(id) ?? null,
    readLeaving: async (account) => state.leaving.get(account) ?? null,
    gasBalance: async () => 10n ** 18n,
    readAccounts: async () => [{ balance: 0n, frozen: 0n, nonceBase: 0n, nonceWindow: 0n, vasp: 7, escrow: false }],
    totalSupply: async () => 1_000_000n,
    coverage: async () => ({ attested: state.attested, asOf: blockTime - 60, outstanding: 1_000_000n, mintable: true }),
  };
}

function createPublisher(state: FakeState): Publisher {
  return {
    async waitUntilEnded(sequence, ms) {
      const until = performance.now() + ms;
      for (;;) {
        const intent = state.intents.get(sequence) ?? null;
        if (intent === null || isEnded(intent.state) || performance.now() >= until) return intent;
        // Unreferenced: a poll that nobody waits for any more does not keep the test run alive.
        await new Promise((resolve) => setTimeout(resolve, 5).unref());
      }
    },
    subscribe(listener) {
      state.listeners.add(listener);
      return () => state.listeners.delete(listener);
    },
  };
}

function createState(): FakeState {
  return {
    lanes: [
      { address: lane, epoch: 3n, nextNonce: 8, role: "lane", state: "active", moved: null },
      { address: spareLane, epoch: 0n, nextNonce: 0, role: "lane", state: "stored", moved: null },
    ],
    intents: new Map(),
    keys: new Map(),
    redemptions: new Map(),
    kept: createKept(),
    vasps: new Map(),
    leaving: new Map(),
    simulated: null,
    events: [],
    webhooks: [],
    submitted: [],
    signed: [],
    resumed: [],
    moved: [],
    followMs: 5,
    halt: null,
    head: { number: 100, hash: toWord(100n), parent: toWord(99n), time: blockTime },
    headAgeMs: 10,
    statement: null,
    statements: 0,
    refusal: [],
    fault: null,
    gate: null,
    missingRoles: [],
    attested: 10n ** 15n,
    oldestEvent: 1n,
    listeners: new Set(),
  };
}

export const statement: Reconciliation = {
  block: 90,
  blockHash: toWord(90n),
  blockTime,
  agrees: true,
  coins: [
    {
      coin,
      symbol: "XUS",
      bank: 10n,
      bankAsOf: blockTime,
      books: 9n,
      chain: 9n,
      outstanding: 9n,
      accounts: 2,
      escrows: [{ escrow: claims, open: 3n, balance: 4n }],
    },
  ],
  differences: [],
};

const evidence = { blockNumber: 101, blockHash: toWord(101n), transaction: toWord(5n), logIndex: 3, by: lane };

export interface FakeNode {
  readonly state: FakeState;
  readonly deps: ServerDeps;
  readonly app: Awaited<ReturnType<typeof createServer>>;
  /** A block carries an intent out. */
  include(sequence: bigint): void;
  /** Ends an intent as settled, with evidence. */
  settle(sequence: bigint): void;
  /** Publishes an event and wakes the streams. */
  publish(event: Omit<PublishedEvent, "sequence">): void;
}

/** A server on fakes. Close `app` after use. */
export async function createFakeNode(overrides: Partial<ServerDeps> = {}): Promise<FakeNode> {
  const state = createState();
  const encoder = await createEncoder(deployment);
  const orderSigner: OrderSigner = {
    addressOf: (role) => (state.missingRoles.includes(role) ? null : roleAddress),
    sign: unused("orderSigner.sign"),
  };
  const store = createStore(state);
  const chain = overrides.chain ?? createChain(state);
  const laneDesk = createLaneDesk({
    store,
    chain,
    lanes: { refresh: async () => undefined },
    signer: { lanes: [lane, spareLane] },
    clock: { now: () => 1_800_000_000_000 },
    wake: () => undefined,
    notify: () => undefined,
  });
  const deps: ServerDeps = {
    store,
    chain,
    laneDesk,
    courier: createCourier({ devnet: false, clock: { now: () => 0 }, resolve: async () => ["93.184.216.34"] }),
    intake: createIntake(state, encoder, orderSigner),
    encoder,
    recoverer: await createRecoverer(),
    publisher: createPublisher(state),
    reconciler: {
      latest: () => state.statement,
      async run() {
        state.statements++;
        await new Promise((resolve) => setTimeout(resolve, 20));
        return statement;
      },
    },
    head: {
      get latest() {
        return state.head;
      },
      get final() {
        return state.head;
      },
      reorgs: 0,
      ageMs: () => state.headAgeMs,
    },
    orderSigner,
    deployment,
    lanes: [lane],
    apiKeys,
    sandbox: {
      async increaseTime(seconds) {
        state.moved.push(seconds);
        const { head, followMs } = state;
        if (head === null || followMs === null) return;
        const next = { number: head.number + 1, hash: toWord(BigInt(head.number + 1)), parent: head.hash };
        setTimeout(() => (state.head = { ...next, time: head.time + seconds }), followMs).unref();
      },
    },
    network: { blockIntervalMs: 250, finality: { depth: 2 } },
    limits: {
      requestsPerMinute: 10_000,
      maxHeadAgeMs: 30_000,
      maxValiditySeconds: 86_400,
      faucetUnits: 10_000_000_000n,
    },
    version: "0.1.0",
    logger: pino({ level: "silent" }),
    webRoot: null,
    loginHosts: null,
    clock: { now: () => Date.now(), monotonic: () => performance.now() },
    ...overrides,
  };
  const app = await createServer(deps);
  return {
    state,
    deps,
    app,
    include(sequence) {
      const intent = state.intents.get(sequence);
      if (intent === undefined) throw new Error("no such intent");
      state.intents.set(sequence, { ...intent, state: "included", evidence });
    },
    settle(sequence) {
      const intent = state.intents.get(sequence);
      if (intent === undefined) throw new Error("no such intent");
      state.intents.set(sequence, { ...intent, state: "settled", evidence, endedAt: 1_800_000_002_000 });
    },
    publish(event) {
      const sequence = (state.events.at(-1)?.sequence ?? 0n) + 1n;
      state.events.push({ ...event, sequence });
      for (const listener of state.listeners) listener();
    },
  };
}

/** Opens a port and returns the server's URL. */
export function listen({ app }: FakeNode): Promise<string> {
  return app.listen({ port: 0, host: "127.0.0.1" });
}

/** Ana's bearer token, through the login routes. */
export async function logIn({ app }: FakeNode): Promise<string> {
  const headers = { host: "localhost:3000" };
  const challenge = await app.inject({ url: `/v1/login?address=${ana}`, headers });
  const { message } = challenge.json<{ message: string }>();
  const signature = await privateKeyToAccount(anaKey).signMessage({ message });
  const session = await app.inject({ method: "POST", url: "/v1/login", headers, payload: { message, signature } });
  return session.json<{ token: string }>().token;
}

export function keyOf(role: "operator" | "approver" | "auditor"): string {
  const found = apiKeys.find((key) => key.role === role);
  if (found === undefined) throw new Error(`no ${role}`);
  return found.key;
}

/** A transfer request that is right in every respect; tests change one thing. */
export function createTransfer(changes: Record<string, unknown> = {}, authorization: Record<string, unknown> = {}) {
  return {
    coin,
    authorization: {
      from: ana,
      to: luis,
      value: "1500000",
      validAfter: 0,
      validBefore: blockTime + 3_600,
      nonce: toWord(6n),
      ...authorization,
    },
    signature: goodSignature,
    ...changes,
  };
}

export const terms: RedemptionTerms = {
  coin,
  holder: ana,
  amount: 2_000_000n,
  payout: toWord(77n),
  acceptBy: blockTime + 1_000,
  payoutBy: blockTime + 2_000,
  finalBy: blockTime + 3_000,
  salt: toWord(78n),
};
/** The terms as JSON. */
export const termsBody = { ...terms, coin: undefined, amount: terms.amount.toString() };
