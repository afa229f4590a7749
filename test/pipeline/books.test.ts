/**
 * The specification of posting, reconciling and publishing: what must balance, which difference is called what, and that a waiter is
 * answered when its intent ends or its time is up.
 */
import { expect } from "chai";
import { AssertionError } from "node:assert";
import type { Store } from "../../src/pipeline/ports.ts";
import { createBooksCheck } from "../../src/pipeline/post.ts";
import { createPublisher } from "../../src/pipeline/publish.ts";
import { createReconciler } from "../../src/pipeline/reconcile.ts";
import { zeroAddress } from "../../src/domain/hex.ts";
import { coin, deployment, secondCoin, wallet } from "../support/model-codec.ts";
import { claims } from "../support/model-names.ts";
import { accountIn } from "../support/model-coin.ts";
import { createManualClock } from "../support/pipeline.ts";
import { createTown, funds, payment } from "../support/town.ts";

describe("createBooksCheck", () => {
  const check = async (sums: { sum: bigint; issued: bigint }, every = 1) => {
    const halts: string[] = [];
    let asked = 0;
    const store = {
      sumLedger: async () => {
        asked += 1;
        return sums;
      },
      readHalt: async () => null,
      halt: async (reason: string) => void halts.push(reason),
    };
    const books = createBooksCheck({ store, deployment, clock: createManualClock(), every, notify: () => undefined });
    const sound = [await books.check(1), await books.check(2)];
    return { sound, halts: halts.length, asked };
  };

  it("is content when all lines sum to zero and issued is not above zero", async () => {
    expect(await check({ sum: 0n, issued: 0n })).to.deep.equal({ sound: [true, true], halts: 0, asked: 4 });
    expect(await check({ sum: 0n, issued: -5n })).to.deep.equal({ sound: [true, true], halts: 0, asked: 4 });
  });

  it("halts when the lines do not sum to zero, or more was burned than issued", async () => {
    expect(await check({ sum: 1n, issued: -5n })).to.deep.equal({ sound: [false, false], halts: 4, asked: 4 });
    expect(await check({ sum: 0n, issued: 1n })).to.deep.equal({ sound: [false, false], halts: 4, asked: 4 });
  });

  it("asks of every coin, once in so many blocks", async () => {
    expect((await check({ sum: 0n, issued: 0n }, 2)).asked).to.equal(2);
  });

  it("a payment makes two lines that sum to zero, and moves exactly its amount", async () => {
    const town = await createTown();
    const intent = await town.accept(payment(1));
    await town.settle();
    const trace = await town.store.readTrace(intent.sequence);
    expect(trace?.lines.map(({ amount }) => amount)).to.have.members([-100n, 100n]);
    expect(await town.store.sumLedger(coin)).to.deep.equal({ sum: 0n, issued: -6n * funds });
  });
});

describe("Reconciler.run", () => {
  async function settledTown() {
    const town = await createTown();
    await town.accept(payment(1));
    await town.settle();
    await town.block(3);
    return town;
  }
  const kinds = (statement: { differences: readonly { kind: string; books: bigint; chain: bigint }[] }) =>
    statement.differences.map(({ kind, books, chain }) => [kind, books, chain]);

  it("agrees: bank, books and chain at one final block, to the base unit", async () => {
    const town = await settledTown();
    expect(town.house.reconciler.latest()).to.equal(null);
    const statement = await town.house.reconciler.run();
    expect(statement.agrees).to.equal(true);
    const final = town.house.follower.final;
    expect([statement.block, statement.blockHash]).to.deep.equal([final?.number, final?.hash]);
    const [totals] = statement.coins;
    expect([totals?.books, totals?.chain, totals?.outstanding, totals?.accounts]).to.deep.equal([
      6_000n,
      6_000n,
      6_000n,
      7,
    ]);
    expect(town.house.reconciler.latest()).to.equal(statement);
    expect(await town.store.readHalt()).to.equal(null);
  });

  it("account: a holder has another balance on chain than in the books; halts and says where", async () => {
    const town = await settledTown();
    // What no event told.
    const chain = {
      ...town.model,
      readAccounts: async (...args: Parameters<typeof town.model.readAccounts>) =>
        (await town.model.readAccounts(...args)).map((account, index) => {
          return args[1][index] === wallet(2) ? { ...account, balance: account.balance - 1n } : account;
        }),
    };
    const reconciler = createReconciler({
      store: town.store,
      chain,
      deployment,
      clock: town.clock,
      notify: () => undefined,
    });
    const statement = await reconciler.run();
    expect(statement.agrees).to.equal(false);
    expect(statement.differences).to.deep.equal([
      { kind: "account", coin, account: wallet(2), books: funds, chain: funds - 1n },
    ]);
    expect((await town.store.readHalt())?.reason).to.include(wallet(2));
  });

  it("supply: the chain has issued another amount than the books", async () => {
    const town = await settledTown();
    const totalSupply = async (of: string) => (of === coin ? 6_001n : 0n);
    const chain = { ...town.model, totalSupply };
    const reconciler = createReconciler({
      store: town.store,
      chain,
      deployment,
      clock: town.clock,
      notify: () => undefined,
    });
    expect(kinds(await reconciler.run())).to.deep.equal([["supply", 6_000n, 6_001n]]);
  });

  it("ledger: the lines do not sum to zero", async () => {
    const town = await settledTown();
    const broken = { sum: 2n, issued: -6_000n };
    const sumLedger: Store["sumLedger"] = async (of) => (of === coin ? broken : { sum: 0n, issued: 0n });
    const store: Store = { ...town.store, sumLedger };
    const reconciler = createReconciler({
      store,
      chain: town.model,
      deployment,
      clock: town.clock,
      notify: () => undefined,
    });
    expect(kinds(await reconciler.run())).to.deep.equal([["ledger", 2n, 0n]]);
  });

  it("reserves: the bank attests less than is outstanding", async () => {
    const town = await settledTown();
    town.model.attested = 5_999n;
    expect(kinds(await town.house.reconciler.run())).to.deep.equal([["reserves", 5_999n, 6_000n]]);
    expect((await town.store.readHalt())?.reason).to.include("reserves");
  });

  it("escrow: an escrow has less than what is open in it; having more is none, credits lie there too", async () => {
    const town = await settledTown();
    const kept = (open: bigint, balance: bigint): Store => ({
      ...town.store,
      sumEscrow: async ({ escrow, coin: of }) =>
        escrow === claims && of === coin ? { open, balance } : { open: 0n, balance: 0n },
    });
    const run = (store: Store) =>
      createReconciler({ store, chain: town.model, deployment, clock: town.clock, notify: () => undefined }).run();
    expect((await run(kept(5n, 5n))).agrees).to.equal(true);
    expect((await run(kept(5n, 6n))).agrees).to.equal(true);
    expect((await run(kept(5n, 4n))).differences).to.deep.equal([
      { kind: "escrow", coin, account: claims, books: 5n, chain: 4n },
    ]);
    expect((await town.store.readHalt())?.reason).to.include("escrow");
  });

  it("covers both coins, each with its own totals", async () => {
    const town = await settledTown();
    town.model.move(zeroAddress, wallet(2), 700n);
    await town.block(5);
    const { agrees, coins } = await town.house.reconciler.run();
    expect(agrees).to.equal(true);
    expect(coins.map(({ coin: of, books, chain }) => [of, books, chain])).to.deep.equal([
      [coin, 6_000n, 6_000n],
      [secondCoin, 700n, 700n],
    ]);
  });

  it("money that moved outside the node is in the books too", async () => {
    const town = await settledTown();
    town.model.move(wallet(2), wallet(60), 300n);
    await town.block(5);
    const statement = await town.house.reconciler.run();
    expect([statement.agrees, statement.coins[0]?.accounts]).to.deep.equal([true, 8]);
  });

  it("compares more accounts than one page holds", async () => {
    const town = await settledTown();
    for (let payee = 100; payee < 350; payee++) town.model.move(wallet(3), wallet(payee), 1n);
    await town.block(5);
    expect((await town.house.reconciler.run()).coins[0]?.accounts).to.equal(257);
  });

  it("a difference seen once only is none: it is read again before it counts", async () => {
    const town = await settledTown();
    let lies = 1;
    const chain = {
      ...town.model,
      totalSupply: async (...args: Parameters<typeof town.model.totalSupply>) => {
        lies -= 1;
        return lies === 0 ? 1n : town.model.totalSupply(...args);
      },
    };
    const reconciler = createReconciler({
      store: town.store,
      chain,
      deployment,
      clock: town.clock,
      notify: () => undefined,
    });
    expect((await reconciler.run()).agrees).to.equal(true);
  });

  it("an account seen wrong once only is none either", async () => {
    const town = await settledTown();
    let lies = 1;
    const chain = {
      ...town.model,
      readAccounts: async (...args: Parameters<typeof town.model.readAccounts>) => {
        const accounts = await town.model.readAccounts(...args);
        lies -= 1;
        return lies === 0 ? accounts.map((account) => ({ ...account, balance: 0n })) : accounts;
      },
    };
    const reconciler = createReconciler({
      store: town.store,
      chain,
      deployment,
      clock: town.clock,
      notify: () => undefined,
    });
    expect((await reconciler.run()).agrees).to.equal(true);
    expect(lies, "it was read twice").to.equal(-1);
  });

  it("makes no statement on totals of a block that is not on the chain, with no accounts to compare", async () => {
    const town = await settledTown();
    const chain = { ...town.model, block: async () => null };
    const store: Store = {
      ...town.store,
      readPosted: async () => ({ final: town.house.follower.final, balances: [] }),
    };
    const reconciler = createReconciler({ store, chain, deployment, clock: town.clock, notify: () => undefined });
    const error: unknown = await reconciler.run().catch((caught: unknown) => caught);
    expect(error).to.be.instanceOf(AssertionError);
  });

  it("makes no statement when the final block is not on the chain it reads", async () => {
    const town = await settledTown();
    const chain = { ...town.model, block: async () => null };
    const reconciler = createReconciler({
      store: town.store,
      chain,
      deployment,
      clock: town.clock,
      notify: () => undefined,
    });
    const error: unknown = await reconciler.run().catch((caught: unknown) => caught);
    expect(error).to.be.instanceOf(AssertionError);
    expect(await town.store.readHalt()).to.equal(null);
    expect(reconciler.latest()).to.equal(null);
  });

  it("the model's books can disagree: the check can fail", async () => {
    const town = await settledTown();
    accountIn(town.model.coin, wallet(2)).balance += 1n;
    await town.block(4);
    expect(kinds(await town.house.reconciler.run())).to.deep.equal([["account", funds, funds + 1n]]);
  });
});

describe("Publisher", () => {
  it("answers with null for no intent, at once for one that has ended", async () => {
    const town = await createTown();
    expect(await town.house.publisher.waitUntilEnded(1n, 60_000)).to.equal(null);
    const intent = await town.accept(payment(1));
    await town.settle();
    const before = town.clock.monotonic();
    expect((await town.house.publisher.waitUntilEnded(intent.sequence, 60_000))?.state).to.equal("settled");
    expect(town.clock.monotonic()).to.equal(before);
  });

  it("answers with the current state when the time is up", async () => {
    const town = await createTown();
    const intent = await town.accept(payment(1));
    const before = town.clock.monotonic();
    expect((await town.house.publisher.waitUntilEnded(intent.sequence, 2_500))?.state).to.equal("accepted");
    expect(town.clock.monotonic() - before).to.equal(2_500);
  });

  for (const [way, few] of [
    ["each waiter looking at its own intent", 1],
    ["the events saying whom they concern", 0],
  ] as const) {
    it(`answers by the bell, without waiting for its next look: ${way}`, async () => {
      const town = await createTown();
      const intent = await town.accept(payment(1));
      const still = { ...createManualClock(), sleep: () => new Promise<void>(() => undefined) };
      const limits = { waiters: 10, pollMs: 1_000, page: 2, few };
      const publisher = createPublisher({ store: town.store, clock: still, limits });
      const waiting = publisher.waitUntilEnded(intent.sequence, 60_000);
      for (let i = 0; i < 10; i++) await new Promise<void>((resolve) => setImmediate(resolve));
      await town.settle();
      publisher.wake();
      expect((await waiting)?.state).to.equal("settled");
    });
  }

  it("hears the bell beyond the few after it was rung for the few", async () => {
    const town = await createTown();
    const first = await town.accept(payment(1));
    const still = { ...createManualClock(), sleep: () => new Promise<void>(() => undefined) };
    const limits = { waiters: 10, pollMs: 1_000, page: 2, few: 1 };
    const publisher = createPublisher({ store: town.store, clock: still, limits });
    const turn = async () => {
      for (let i = 0; i < 10; i++) await new Promise<void>((resolve) => setImmediate(resolve));
    };
    const waiting = [publisher.waitUntilEnded(first.sequence, 60_000)];
    await turn();
    publisher.wake();
    const second = await town.accept(payment(2));
    waiting.push(publisher.waitUntilEnded(second.sequence, 60_000));
    await turn();
    await town.settle();
    publisher.wake();
    expect((await Promise.all(waiting)).map((intent) => intent?.state)).to.deep.equal(["settled", "settled"]);
  });

  it("a lost wake-up costs one poll", async () => {
    const town = await createTown();
    const intent = await town.accept(payment(1));
    const publisher = createPublisher({
      store: town.store,
      clock: town.clock,
      limits: { waiters: 10, pollMs: 1_000, page: 500, few: 0 },
    });
    const waiting = publisher.waitUntilEnded(intent.sequence, 60_000);
    await town.settle();
    expect((await waiting)?.state).to.equal("settled");
  });

  it("takes no more waiters than its bound: the next is answered at once", async () => {
    const town = await createTown();
    const intent = await town.accept(payment(1));
    const still = { ...createManualClock(), sleep: () => new Promise<void>(() => undefined) };
    const publisher = createPublisher({
      store: town.store,
      clock: still,
      limits: { waiters: 1, pollMs: 1_000, page: 500, few: 0 },
    });
    void publisher.waitUntilEnded(intent.sequence, 60_000);
    expect((await publisher.waitUntilEnded(intent.sequence, 60_000))?.state).to.equal("accepted");
  });

  it("calls subscribers after each commit until they leave", async () => {
    const town = await createTown();
    let calls = 0;
    const leave = town.house.publisher.subscribe(() => {
      calls += 1;
    });
    await town.accept(payment(1));
    expect(calls).to.equal(1);
    await town.house.planner.tick();
    expect(calls).to.equal(2);
    leave();
    await town.accept(payment(2));
    expect(calls).to.equal(2);
  });
});
