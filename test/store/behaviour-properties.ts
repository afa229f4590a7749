/**
 * Random operations on a real store against a naive model of balances, holds and books. The seed is printed; a failing case is replayed with
 * SEED=<n>.
 */
import { expect } from "chai";
import fc from "fast-check";
import { type Address, toWord } from "../../src/domain/hex.ts";
import type { Intent } from "../../src/domain/intent.ts";
import { isEnded } from "../../src/domain/lifecycle.ts";
import type { AcceptItem, AcceptOutcome, Store } from "../../src/pipeline/ports.ts";
import { type OpenStore, withStore } from "./harness.ts";
import {
  ana,
  cancelFacts,
  codesOf,
  coin,
  createWorld,
  genesisTime,
  luis,
  stranger,
  toCancelled,
  toMovement,
  transferFacts,
  type World,
} from "./world.ts";

const people = [ana, luis, stranger] as const;
const person = fc.constantFrom(...people);
const amount = fc.bigInt({ min: 0n, max: 40n });
const pick = fc.nat({ max: 1_000 });

/** One random operation. `pick` chooses among what exists at that moment. */
const operation = fc.oneof(
  fc.record({ do: fc.constant("fund" as const), who: person, amount }),
  fc.record({
    do: fc.constant("accept" as const),
    who: person,
    payee: person,
    amount,
    nonce: fc.nat({ max: 80 }),
    short: fc.boolean(),
  }),
  fc.record({ do: fc.constant("send" as const), count: fc.integer({ min: 1, max: 3 }) }),
  fc.record({
    do: fc.constant("mine" as const),
    fate: fc.constantFrom("settle" as const, "skip" as const, "revert" as const),
  }),
  fc.record({
    do: fc.constant("stranger" as const),
    pick,
    how: fc.constantFrom("settle" as const, "cancel" as const, "overtake" as const),
  }),
  fc.record({ do: fc.constant("outside" as const), who: person, payee: person, amount }),
  fc.record({ do: fc.constant("freeze" as const), who: person, frozen: fc.option(amount) }),
  fc.record({ do: fc.constant("reorg" as const), depth: fc.integer({ min: 1, max: 3 }) }),
  fc.record({ do: fc.constant("finalize" as const), depth: fc.nat({ max: 2 }) }),
);
type Operation = typeof operation extends fc.Arbitrary<infer T> ? T : never;

/** What the model knows of one block: the balances after it. */
interface Snapshot {
  readonly number: number;
  readonly balances: ReadonlyMap<Address, bigint>;
  readonly consumed: ReadonlySet<string>;
}

/** The naive model: whole copies per block instead of deltas and undo rows. */
function createModel() {
  let stack: Snapshot[] = [{ number: 0, balances: new Map(), consumed: new Set() }];
  let final = 0;
  const top = (): Snapshot => stack.at(-1) as Snapshot;
  return {
    get number() {
      return top().number;
    },
    get final() {
      return final;
    },
    balance: (who: Address): bigint => top().balances.get(who) ?? 0n,
    posted: (who: Address): bigint => stack.find(({ number }) => number === final)?.balances.get(who) ?? 0n,
    isConsumed: (key: string): boolean => top().consumed.has(key),
    base(who: Address): bigint {
      let base = 0n;
      while (top().consumed.has(who + toWord(base))) base++;
      return base;
    },
    push(moves: readonly { from: Address | null; to: Address; amount: bigint }[], consumed: readonly string[] = []) {
      const balances = new Map(top().balances);
      for (const { from, to, amount: moved } of moves) {
        if (from !== null) balances.set(from, (balances.get(from) ?? 0n) - moved);
        balances.set(to, (balances.get(to) ?? 0n) + moved);
      }
      stack.push({ number: top().number + 1, balances, consumed: new Set([...top().consumed, ...consumed]) });
    },
    revertTo(number: number) {
      stack = stack.filter((one) => one.number <= number);
    },
    finalize(number: number) {
      final = Math.max(final, number);
    },
  };
}

type Model = ReturnType<typeof createModel>;
interface Run {
  readonly world: World;
  readonly model: Model;
  readonly intents: Intent[];
  /** Slots whose bytes the chain has not mined, by nonce; and those it has, with the block. */
  readonly open: SentSlot[];
  readonly mined: (SentSlot & { readonly block: number })[];
  readonly freezes: Map<Address, { number: number; frozen: bigint | null }[]>;
}

interface SentSlot {
  readonly slot: Awaited<ReturnType<World["send"]>>;
  readonly items: readonly Intent[];
}

const keyOf = (intent: Pick<Intent, "fence">): string => intent.fence.subject + intent.fence.key;
const move = (one: Intent) => ({ from: one.payer, to: one.payee as Address, amount: one.amount });

async function mine({ world, model, open, mined }: Run, fate: "settle" | "skip" | "revert"): Promise<void> {
  const next = open.shift();
  if (next === undefined) return;
  const { slot, items } = next;
  const transaction = slot.attempt.hash;
  // As on chain: a row whose nonce is spent, or whose payer is short, is skipped whatever was wanted.
  const done = items.filter((one) => fate === "settle" && !model.isConsumed(keyOf(one)));
  const skips = items
    .filter((one) => fate !== "revert" && !done.includes(one))
    .map(({ fence }) => ({ fence, transaction, logIndex: world.nextLog(), reason: "insufficient_funds" as const }));
  await world.apply({
    ...world.settled(done, transaction),
    skips,
    slots: [world.mined(slot, { succeeded: fate !== "revert" })],
  });
  model.push(done.map(move), done.map(keyOf));
  mined.push({ ...next, block: model.number });
}

async function bySomeone(
  { world, model, intents }: Run,
  choice: { pick: number; how: "settle" | "cancel" | "overtake" },
) {
  const free = intents.filter((one) => !model.isConsumed(keyOf(one)));
  const intent = free[choice.pick % Math.max(1, free.length)];
  if (intent === undefined) return;
  const transaction = world.nextHash();
  if (choice.how === "cancel") {
    await world.apply({ fences: [toCancelled(intent.fence, { transaction, logIndex: world.nextLog() })] });
    model.push([], [keyOf(intent)]);
    return;
  }
  const done = choice.how === "settle" ? intent : { ...intent, amount: intent.amount + 1n };
  await world.apply(world.settled([done], transaction, stranger));
  model.push([move(done)], [keyOf(intent)]);
}

async function accept(
  { world, intents }: Run,
  { who, payee, amount: value, nonce, short }: Extract<Operation, { do: "accept" }>,
) {
  const validBefore = short ? genesisTime + (world.blocks.head?.number ?? 0) + 3 : genesisTime + 100_000;
  const facts = transferFacts({ payer: who, payee, amount: value, nonce: toWord(BigInt(nonce)), validBefore });
  const outcome = await world.acceptOne(facts);
  if (outcome.kind === "created") intents.push(outcome.intent);
}

async function step(run: Run, operation: Operation): Promise<void> {
  const { world, model, open, freezes } = run;
  switch (operation.do) {
    case "fund":
      await world.fund(operation.who, operation.amount);
      model.push([{ from: null, to: operation.who, amount: operation.amount }]);
      return;
    case "accept":
      return accept(run, operation);
    case "send": {
      const ready = await world.store.readReady({ now: Number.MAX_SAFE_INTEGER, limit: operation.count });
      const items = await Promise.all(ready.map((one) => world.read(one)));
      if (items.length > 0) open.push({ slot: await world.send(...items), items });
      return;
    }
    case "mine":
      return mine(run, operation.fate);
    case "stranger":
      return bySomeone(run, operation);
    case "outside": {
      const facts = transferFacts({ payer: operation.who, payee: operation.payee, amount: operation.amount });
      const at = { transaction: world.nextHash(), logIndex: world.nextLog() };
      await world.apply({ movements: [{ ...toMovement(facts, at), fence: null }] });
      model.push([{ from: operation.who, to: operation.payee, amount: operation.amount }]);
      return;
    }
    case "freeze": {
      const { who: account, frozen } = operation;
      await world.apply({
        freezes: [{ coin, account, frozen, transaction: world.nextHash(), logIndex: world.nextLog() }],
      });
      model.push([]);
      freezes.set(account, [...(freezes.get(account) ?? []), { number: model.number, frozen }]);
      return;
    }
    case "reorg": {
      const number = Math.max(model.final, model.number - operation.depth);
      await world.reorgTo(number);
      model.revertTo(number);
      // The bytes of the undone blocks are still known to the network: they are mined again, before later nonces.
      const undone = run.mined.filter(({ block }) => block > number);
      open.unshift(...undone);
      run.mined.splice(run.mined.length - undone.length);
      for (const [who, history] of freezes)
        freezes.set(
          who,
          history.filter((one) => one.number <= number),
        );
      return;
    }
    case "finalize": {
      const number = model.number - operation.depth;
      if (number < 1) return;
      await world.store.finalize(number, world.at());
      model.finalize(number);
    }
  }
}

async function check({ world, model, intents, freezes }: Run): Promise<void> {
  let ledger = 0n;
  for (const who of people) {
    const account = await world.account(who);
    const states = await Promise.all(intents.filter(({ payer }) => payer === who).map((one) => world.read(one)));
    const held = states
      .filter(({ state }) => !isEnded(state) && state !== "included")
      .reduce((sum, one) => sum + one.amount, 0n);
    expect(account.balance, `balance of ${who}`).to.equal(model.balance(who));
    expect(account.posted, `posted of ${who}`).to.equal(model.posted(who));
    expect(account.held, `held of ${who}`).to.equal(held);
    expect(account.nonceBase, `base of ${who}`).to.equal(model.base(who));
    expect(account.frozen, `frozen of ${who}`).to.equal(
      freezes.get(who)?.at(-1) === undefined ? 0n : freezes.get(who)?.at(-1)?.frozen,
    );
    ledger += account.posted;
  }
  expect(await world.store.sumLedger(coin)).to.deep.equal({ sum: 0n, issued: -ledger });
  const settled = (await Promise.all(intents.map((one) => world.read(one)))).filter(({ state }) => state === "settled");
  expect(new Set(settled.map(keyOf)).size, "P2: one settlement per fence").to.equal(settled.length);
  const counts = await world.store.countByState();
  expect(
    Object.values(counts).reduce((a, b) => a + b),
    "P1",
  ).to.equal(intents.length);
}

/** One item of a batch: the same wish may come twice, and its cancellation beside it. */
const wish = fc.record({
  who: person,
  payee: person,
  amount,
  nonce: fc.nat({ max: 12 }),
  cancels: fc.nat({ max: 3 }).map((n) => n === 0),
  repeats: fc.option(pick, { freq: 1 }),
});
type Wish = typeof wish extends fc.Arbitrary<infer T> ? T : never;

function toItems(wishes: readonly Wish[]): readonly AcceptItem[] {
  const items: AcceptItem[] = [];
  for (const { who, payee, amount: units, nonce, cancels, repeats } of wishes) {
    const before = repeats === null ? undefined : items[repeats % Math.max(1, items.length)];
    const facts = transferFacts({ payer: who, payee, amount: units, nonce: toWord(BigInt(nonce)) });
    items.push(before ?? { facts: cancels ? cancelFacts(facts) : facts, idempotency: null });
  }
  return items;
}

/** A store in which some nonces are used, one is on its way, and everybody has a little. */
async function createHistory(store: Store): Promise<World> {
  const world = await createWorld(store);
  for (const who of people) await world.fund(who, 60n);
  const used = [0n, 2n].map((nonce) => transferFacts({ payer: ana, nonce: toWord(nonce) }));
  const intents = [];
  for (const facts of used) intents.push(await world.accept(facts));
  await world.settle(await world.send(...intents), ...used);
  await world.accept(transferFacts({ payer: luis, nonce: toWord(1n) }));
  return world;
}

function describeBatches(open: OpenStore): void {
  it("P10: a batch decides as its items would one after the other", async function () {
    this.timeout(120_000);
    const seed = Number(process.env["SEED"] ?? Date.now() % 2 ** 31);
    console.log(`      seed ${seed}`);
    const property = fc.asyncProperty(fc.array(wish, { minLength: 8, maxLength: 30 }), async (wishes) => {
      const items = toItems(wishes);
      const say = (outcomes: readonly AcceptOutcome[]) =>
        outcomes.map((outcome) => (outcome.kind === "refused" ? codesOf(outcome).join() : outcome.kind));
      // One store after the other: an engine may have only one to open.
      const play = async (batches: readonly (typeof items)[]) => {
        const store = await open();
        try {
          const world = await createHistory(store);
          const decided: string[] = [];
          for (const batch of batches) decided.push(...say(await store.acceptBatch(batch, world.at())));
          const accounts = [];
          for (const who of people) accounts.push(await world.account(who));
          return { decided, accounts, counts: await store.countByState() };
        } finally {
          await store.close();
        }
      };
      expect(await play([items])).to.deep.equal(await play(items.map((item) => [item])));
    });
    await fc.assert(property, { seed, numRuns: 25 });
  });
}

export function describeProperties(open: OpenStore): void {
  describeBatches(open);

  it("P1 P2 P9 P19: any order of operations leaves what a naive model says", async function () {
    this.timeout(120_000);
    const seed = Number(process.env["SEED"] ?? Date.now() % 2 ** 31);
    console.log(`      seed ${seed}`);
    const property = fc.asyncProperty(fc.array(operation, { minLength: 10, maxLength: 60 }), async (operations) => {
      await withStore(open, async (store) => {
        const world = await createWorld(store);
        const run: Run = { world, model: createModel(), intents: [], open: [], mined: [], freezes: new Map() };
        for (const one of operations) {
          await step(run, one);
          await check(run);
        }
      })();
    });
    await fc.assert(property, { seed, numRuns: 60 });
  });
}
