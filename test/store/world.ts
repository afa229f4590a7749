/**
 * A small world for store tests: addresses, intents, a chain that is only a list of blocks, and a store that is watched. Promises that every
 * change of an intent's state is seen and is an edge of the lifecycle table. No test runs here.
 */
import { expect } from "chai";
import type { BlockFacts, BlockRef, FenceConsumed, Movement, SlotMined } from "../../src/domain/facts.ts";
import { type Address, toWord, type Word, zeroAddress } from "../../src/domain/hex.ts";
import type { Fence, Intent, IntentFacts, IntentState } from "../../src/domain/intent.ts";
import { hasEdge } from "../../src/domain/lifecycle.ts";
import type { AcceptItem, AcceptOutcome, Lane, Store } from "../../src/pipeline/ports.ts";

export const toAddress = (n: number): Address => `0x${n.toString(16).padStart(40, "0")}`;
export const toHash = (kind: string, n: number | bigint): Word =>
  `0x${Buffer.from(kind).toString("hex").padEnd(24, "0").slice(0, 24)}${BigInt(n).toString(16).padStart(40, "0")}`;

export const coin = toAddress(0xc0);
export const treasury = toAddress(0x7e);
export const escrow = toAddress(0xe5);
export const ana = toAddress(0xa1);
export const luis = toAddress(0x15);
export const stranger = toAddress(0x57);
export const lane = toAddress(0x1a);
/** A bitmap nonce: not of the sliding window. */
export const wide = (n: number): Word => toWord((1n << 200n) + BigInt(n));
/** Unix seconds at block 0; a block every second. */
export const genesisTime = 1_700_000_000;
export const wallTime = genesisTime * 1_000;
export const farFuture = genesisTime + 1_000_000;

let digests = 0;
export function nextDigest(): Word {
  digests += 1;
  return toHash("digest", digests);
}

export function transferFacts(change: Partial<IntentFacts> & { nonce?: Word } = {}): IntentFacts {
  const { nonce = wide(digests + 1), ...rest } = change;
  const payer = rest.payer ?? ana;
  return {
    kind: "transfer",
    digest: nextDigest(),
    fence: { scope: coin, subject: payer, key: nonce },
    coin,
    payer,
    payee: luis,
    amount: 10n,
    validAfter: 0,
    validBefore: farFuture,
    memo: null,
    subject: null,
    action: { kind: "row", coin, row: "0x01ff" },
    reference: null,
    ...rest,
  };
}

export function cancelFacts(of: Pick<IntentFacts, "fence">): IntentFacts {
  const call = { kind: "call", to: coin, data: "0x5a049a70", gas: 80_000n } as const;
  return transferFacts({ kind: "cancel", fence: of.fence, payer: null, payee: null, amount: 0n, action: call });
}

export function mintFacts(depositId: Word, change: Partial<IntentFacts> = {}): IntentFacts {
  return transferFacts({
    kind: "mint",
    fence: { scope: treasury, subject: zeroAddress, key: depositId },
    payer: null,
    payee: ana,
    subject: depositId,
    action: { kind: "call", to: treasury, data: "0xabcd", gas: 200_000n },
    ...change,
  });
}

export function orderFacts(kind: "freeze" | "attest", signer: Address, orderId: Word): IntentFacts {
  return transferFacts({
    kind,
    fence: { scope: kind === "freeze" ? coin : treasury, subject: signer, key: orderId },
    payer: null,
    payee: ana,
    amount: 0n,
    subject: orderId,
    action: { kind: "call", to: coin, data: "0xfe", gas: 100_000n },
  });
}

type At = { transaction: Word; logIndex: number };

/** What a settled row leaves in the logs. */
export function toConsumed(facts: IntentFacts, at: At & { by?: Address }): FenceConsumed {
  const { payee, amount, memo, fence } = facts;
  const match = { ...(payee === null ? {} : { payee }), amount, memo };
  return { fence, how: "used", match, transaction: at.transaction, logIndex: at.logIndex, by: at.by ?? lane };
}

export function toCancelled(fence: Fence, at: At & { by?: Address }): FenceConsumed {
  return { fence, how: "cancelled", match: {}, ...at, by: at.by ?? lane };
}

export function toMovement(facts: IntentFacts, at: At): Movement {
  const from = facts.payer ?? zeroAddress;
  const kind = from === zeroAddress ? "mint" : "transfer";
  const { payee, amount, memo, fence } = facts;
  return { kind, coin: facts.coin, from, to: payee ?? zeroAddress, amount, memo, fence, ...at };
}

type Changes = Partial<Omit<BlockFacts, "block">>;

/** Blocks one after the other; `fork` makes other hashes at the same heights. */
export function createBlocks() {
  let refs: BlockRef[] = [];
  let fork = 0;
  const ref = (number: number, parent: Word): BlockRef => ({
    number,
    hash: toHash(`block${fork}`, number),
    parent,
    time: genesisTime + number,
  });
  return {
    get head(): BlockRef | undefined {
      return refs.at(-1);
    },
    next(changes: Changes = {}, time?: number): BlockFacts {
      const parent = refs.at(-1);
      const number = (parent?.number ?? 0) + 1;
      const next = ref(number, parent?.hash ?? toHash("genesis", 0));
      const block = time === undefined ? next : { ...next, time };
      refs.push(block);
      const nothing = {
        movements: [],
        fences: [],
        skips: [],
        freezes: [],
        nonceSkips: [],
        redemptions: [],
        agreements: [],
        slots: [],
      };
      return { ...nothing, ...changes, block };
    },
    rewind(number: number): void {
      refs = refs.filter((block) => block.number <= number);
      fork += 1;
    },
  };
}

const mutating: ReadonlySet<string> = new Set([
  "acceptBatch",
  "commitPlan",
  "hold",
  "markSent",
  "abandonSlots",
  "applyBlock",
  "revertTo",
  "finalize",
]);

/** The store with every state change of every intent it created observed. */
export function watch(store: Store): { store: Store; edges: Set<string> } {
  const states = new Map<bigint, IntentState>();
  const edges = new Set<string>();
  async function look(): Promise<void> {
    for (const [sequence, before] of states) {
      const now = (await store.readIntent(sequence))?.state;
      expect(now, `P1: intent ${sequence} is gone`).to.not.equal(undefined);
      if (now === undefined || now === before) continue;
      expect(hasEdge(before, now), `edge ${before} → ${now}`).to.equal(true);
      edges.add(`${before} → ${now}`);
      states.set(sequence, now);
    }
  }
  const watched = new Proxy(store, {
    get(target, name: keyof Store) {
      const verb = target[name] as (...values: unknown[]) => Promise<unknown>;
      if (!mutating.has(name)) return verb;
      return async (...values: unknown[]) => {
        const result = await verb(...values);
        if (name === "acceptBatch") {
          for (const outcome of result as AcceptOutcome[]) {
            if (outcome.kind === "created") states.set(outcome.intent.sequence, outcome.intent.state);
          }
        }
        await look();
        return result;
      };
    },
  });
  return { store: watched, edges };
}

/** One lane, funded accounts and the steps of the pipeline in one call each. */
export async function createWorld(raw: Store) {
  const { store, edges } = watch(raw);
  const blocks = createBlocks();
  const [opened] = await store.openLanes([{ address: lane, chainNonce: 0 }]);
  if (opened === undefined) throw new Error("no lane");
  let current: Lane = opened;
  let hashes = 0;
  let log = 0;
  const at = (): number => wallTime + (blocks.head?.number ?? 0) * 1_000;

  const world = {
    store,
    edges,
    blocks,
    at,
    nextLog: (): number => log++,
    nextHash(): Word {
      hashes += 1;
      return toHash("tx", hashes);
    },
    apply: (changes: Changes = {}, time?: number) => store.applyBlock(blocks.next(changes, time), at()),
    /** Mints to an account outside the node. */
    async fund(account: Address, amount: bigint): Promise<void> {
      const transaction = world.nextHash();
      const movement = { kind: "mint", coin, from: zeroAddress, to: account, amount, memo: null, fence: null } as const;
      await world.apply({ movements: [{ ...movement, transaction, logIndex: world.nextLog() }] });
    },
    async acceptOne(facts: IntentFacts, idempotency: AcceptItem["idempotency"] = null): Promise<AcceptOutcome> {
      const [outcome] = await store.acceptBatch([{ facts, idempotency }], at());
      if (outcome === undefined) throw new Error("no outcome");
      return outcome;
    },
    async accept(facts: IntentFacts): Promise<Intent> {
      const outcome = await world.acceptOne(facts);
      if (outcome.kind !== "created") throw new Error(`not created: ${JSON.stringify(outcome, replacer)}`);
      return outcome.intent;
    },
    /** Commits a slot with these intents and returns it. */
    async plan(...intents: readonly Pick<Intent, "sequence">[]) {
      const nonce = current.nextNonce;
      const attempt = { hash: world.nextHash(), raw: "0x02f8", maxFeePerGas: 3n, maxPriorityFeePerGas: 1n } as const;
      const items = intents.map(({ sequence }) => sequence);
      const kind = "settle" as const;
      const slot = { lane, nonce, epoch: current.epoch, kind, items, attempt, at: at() };
      expect(await store.commitPlan(slot)).to.equal(true);
      current = { ...current, nextNonce: nonce + 1 };
      return slot;
    },
    async send(...intents: readonly Pick<Intent, "sequence">[]) {
      const slot = await world.plan(...intents);
      await store.markSent([slot.attempt.hash], at());
      return slot;
    },
    mined(slot: { nonce: number; attempt: { hash: Word } }, change: Partial<SlotMined> = {}): SlotMined {
      const transaction = slot.attempt.hash;
      return {
        lane,
        nonce: slot.nonce,
        transaction,
        succeeded: true,
        gasUsed: 21_000n,
        gasPrice: 2n,
        reason: null,
        ...change,
      };
    },
    /** Facts of intents carried out in one transaction. */
    settled(
      intents: readonly IntentFacts[],
      transaction: Word,
      by: Address = lane,
    ): Pick<BlockFacts, "fences" | "movements"> {
      const fences: FenceConsumed[] = [];
      const movements: Movement[] = [];
      for (const facts of intents) {
        fences.push(toConsumed(facts, { transaction, logIndex: world.nextLog(), by }));
        if (facts.amount > 0n) movements.push(toMovement(facts, { transaction, logIndex: world.nextLog() }));
      }
      return { fences, movements };
    },
    /** A block in which this slot's intents were all carried out. */
    settle: (slot: { nonce: number; attempt: { hash: Word } }, ...intents: readonly IntentFacts[]) =>
      world.apply({ ...world.settled(intents, slot.attempt.hash), slots: [world.mined(slot)] }),
    /** Makes everything applied so far final. */
    finalize: () => store.finalize(blocks.head?.number ?? 0, at()),
    async reorgTo(number: number): Promise<void> {
      await store.revertTo(number, at());
      blocks.rewind(number);
    },
    read: async (intent: Pick<Intent, "sequence">): Promise<Intent> => {
      const found = await store.readIntent(intent.sequence);
      if (found === null) throw new Error("no such intent");
      return found;
    },
    account: async (address: Address) => {
      const [account] = await store.readAccounts([{ coin, address }]);
      if (account === undefined) throw new Error("no account");
      return account;
    },
    async eventTypes(intent: Pick<Intent, "sequence">): Promise<readonly string[]> {
      const { events } = await store.readEvents({ after: 0n, limit: 10_000 });
      return events.filter((event) => event.intent === intent.sequence).map((event) => event.type);
    },
  };
  return world;
}

export type World = Awaited<ReturnType<typeof createWorld>>;

export function replacer(_: string, value: unknown): unknown {
  return typeof value === "bigint" ? value.toString() : value;
}

/** Codes of a refusal; empty when it was not refused. */
export function codesOf(outcome: AcceptOutcome): readonly string[] {
  return outcome.kind === "refused" ? outcome.reasons.map((reason) => reason.code) : [];
}
