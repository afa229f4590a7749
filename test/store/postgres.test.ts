/**
 * The PostgreSQL engine: the shared behaviour suite, and what only an engine for several processes has: races, leases, migrations at once, and a
 * server that goes away. Needs a server; where there is none everything here is skipped, and the first title says what to do about it.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import type { AcceptOutcome, PublishedEvent, Store } from "../../src/pipeline/ports.ts";
import { StoreFault } from "../../src/store/fault.ts";
import { openPostgres, type PostgresOptions } from "../../src/store/postgres.ts";
import { lockSpace, locks } from "../../src/store/postgres/engine.ts";
import { migrations } from "../../src/store/postgres/schema.ts";
import { describeStore } from "./behaviour.ts";
import { type Cluster, findPrograms, hasPostgres, openCluster } from "./cluster.ts";
import {
  ana,
  codesOf,
  coin,
  createWorld,
  lane,
  luis,
  mintFacts,
  toAddress,
  toHash,
  transferFacts,
  wallTime,
  wide,
} from "./world.ts";

type Shared = Awaited<ReturnType<typeof openPostgres>>;

async function catchError(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => null,
    (error: unknown) => error,
  );
}

const kindsOf = (outcomes: readonly (AcceptOutcome | undefined)[]): readonly string[] =>
  outcomes.map((outcome) => outcome?.kind ?? "none").sort();

describe("PostgreSQL store", function () {
  this.timeout(240_000);
  let cluster: Cluster;
  /** The database of most tests, emptied before each. */
  let shared: string;
  const opened: Store[] = [];
  const made: string[] = [];

  before(async function () {
    if (!hasPostgres()) this.skip();
    cluster = await openCluster();
    shared = await cluster.createDatabase();
    await (await openPostgres({ url: shared })).close();
  });
  after(async () => {
    if (hasPostgres()) await cluster.stop();
  });
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((store) => store.close()));
    for (const url of made.splice(0)) await cluster.dropDatabase(url);
  });

  /** A database for this test alone. */
  async function create(): Promise<string> {
    const url = await cluster.createDatabase();
    made.push(url);
    return url;
  }
  async function reuse(): Promise<string> {
    await cluster.emptyDatabase(shared);
    return shared;
  }

  async function open(url: string, options: Partial<PostgresOptions> = {}): Promise<Shared> {
    const store = await openPostgres({ url, connections: 4, now: () => 1, ...options });
    opened.push(store);
    return store;
  }
  const openNew = async (): Promise<Shared> => open(await reuse());

  /** Two processes' stores on one database, Ana with that much money, and one lane. */
  async function openTwo(funds: bigint) {
    const url = await reuse();
    const [first, second] = [await open(url), await open(url)];
    const world = await createWorld(first);
    await world.fund(ana, funds);
    return { url, first, second, world };
  }

  it("has a server: where it is skipped, install Debian's postgresql or set REMESA_TEST_POSTGRES to a server's url", async () => {
    expect(await (await openNew()).countByState()).to.include({ accepted: 0, settled: 0 });
  });

  describeStore("as every engine", openNew);

  describe("two processes", () => {
    it("P2: accept one of two payments that race for one fence", async () => {
      const { first, second, world } = await openTwo(1_000n);
      for (let round = 0; round < 10; round++) {
        const nonce = wide(7_000 + round);
        const pay = (store: Store) =>
          store.acceptBatch([{ facts: transferFacts({ nonce }), idempotency: null }], world.at());
        const outcomes = (await Promise.all([pay(first), pay(second)])).flat();
        expect(kindsOf(outcomes)).to.deep.equal(["created", "refused"]);
        const refused = outcomes.find(({ kind }) => kind === "refused");
        expect(refused === undefined ? [] : codesOf(refused)).to.deep.equal(["nonce_in_use"]);
      }
      expect((await world.account(ana)).held).to.equal(100n);
    });

    it("P2: accept one of two mints that race for one deposit, where no account is locked", async () => {
      const { first, second, world } = await openTwo(0n);
      for (let round = 0; round < 10; round++) {
        const mint = (store: Store) =>
          store.acceptBatch([{ facts: mintFacts(toHash("deposit", 100 + round)), idempotency: null }], world.at());
        expect(kindsOf((await Promise.all([mint(first), mint(second)])).flat())).to.deep.equal(["created", "refused"]);
      }
      expect((await first.countByState()).accepted).to.equal(10);
    });

    it("P10: find one intent for one digest and one key, whichever was faster", async () => {
      const { first, second, world } = await openTwo(1_000n);
      for (let round = 0; round < 10; round++) {
        const idempotency = { owner: "bank", key: `k${round}`, requestHash: toHash("request", round) };
        const item = { facts: transferFacts(), idempotency };
        const outcomes = await Promise.all([first, second].map((store) => store.acceptBatch([item], world.at())));
        expect(kindsOf(outcomes.flat())).to.deep.equal(["created", "existing"]);
        const sequences = outcomes.flat().map((one) => (one.kind === "refused" ? null : one.intent.sequence));
        expect(sequences[0]).to.equal(sequences[1]);
      }
    });

    it("promise one balance once", async () => {
      const { first, second, world } = await openTwo(100n);
      const pay = (store: Store) =>
        store.acceptBatch([{ facts: transferFacts({ amount: 60n }), idempotency: null }], world.at());
      const outcomes = (await Promise.all([pay(first), pay(second)])).flat();
      expect(kindsOf(outcomes)).to.deep.equal(["created", "refused"]);
      const refused = outcomes.find(({ kind }) => kind === "refused");
      expect(refused === undefined ? [] : codesOf(refused)).to.deep.equal(["insufficient_funds"]);
    });

    it("give every intent a sequence of its own", async () => {
      const { first, second } = await openTwo(0n);
      const accept = (store: Store, from: number) =>
        store.acceptBatch(
          Array.from({ length: 20 }, (_, i) => ({ facts: mintFacts(toHash("deposit", from + i)), idempotency: null })),
          wallTime,
        );
      const rounds = [0, 1, 2, 3].flatMap((round) => [accept(first, 40 * round), accept(second, 40 * round + 20)]);
      const outcomes = (await Promise.all(rounds)).flat();
      const sequences = outcomes.map((one) => (one.kind === "created" ? one.intent.sequence : null));
      expect(new Set(sequences).size).to.equal(160);
    });

    it("P7: come through batches that name the same payers in opposite orders", async () => {
      const { first, second, world } = await openTwo(0n);
      const payers = Array.from({ length: 20 }, (_, i) => toAddress(0x9000 + i));
      for (const payer of payers) await world.fund(payer, 1_000n);
      const batch = (order: readonly (typeof payers)[number][]) =>
        order.map((payer) => ({ facts: transferFacts({ payer, amount: 1n }), idempotency: null }));
      const rounds = Array.from({ length: 10 }, () => [
        first.acceptBatch(batch(payers), world.at()),
        second.acceptBatch(batch(payers.toReversed()), world.at()),
      ]);
      const outcomes = (await Promise.all(rounds.flat())).flat();
      expect(new Set(kindsOf(outcomes))).to.deep.equal(new Set(["created"]));
    });

    it("P3: judge an intent accepted in the moment its fence is consumed, or refuse it", async () => {
      const { first, second, world } = await openTwo(1_000n);
      const seen = new Set<string>();
      for (let round = 0; round < 15; round++) {
        const facts = transferFacts({ amount: 1n });
        const block = world.blocks.next(world.settled([facts], world.nextHash()));
        const accepting = second.acceptBatch([{ facts, idempotency: null }], world.at());
        const [outcomes] = await Promise.all([accepting, first.applyBlock(block, world.at())]);
        const [outcome] = outcomes;
        if (outcome?.kind === "created") {
          // What was accepted was seen by the block: it is not left waiting for a fence that is spent.
          expect((await first.readIntent(outcome.intent.sequence))?.state).to.equal("included");
        } else {
          expect(outcome === undefined ? [] : codesOf(outcome)).to.deep.equal(["nonce_used"]);
        }
        seen.add(outcome?.kind ?? "none");
      }
      expect(seen.has("none")).to.equal(false);
    });

    it("F1: commit one of two plans for one nonce", async () => {
      const { first, second, world } = await openTwo(1_000n);
      const [opened] = await first.openLanes([{ address: lane, chainNonce: 0 }]);
      if (opened === undefined) throw new Error("no lane");
      for (let nonce = 0; nonce < 8; nonce++) {
        const plan = async (store: Store) => {
          const intent = await world.accept(transferFacts({ amount: 1n }));
          const attempt = { hash: world.nextHash(), raw: "0x02", maxFeePerGas: 1n, maxPriorityFeePerGas: 1n } as const;
          const slot = { lane, nonce, epoch: opened.epoch, kind: "settle", items: [intent.sequence], attempt } as const;
          return () => store.commitPlan({ ...slot, at: world.at() });
        };
        const [one, two] = [await plan(first), await plan(second)];
        expect((await Promise.all([one(), two()])).filter(Boolean)).to.have.length(1);
      }
      expect(await first.readOpenSlots(lane, 99)).to.have.length(8);
    });

    it("plan one intent into one slot, whatever lanes want it", async () => {
      const { first, second, world } = await openTwo(1_000n);
      for (let round = 0; round < 5; round++) {
        const lanes = [toAddress(0x1a10 + round), toAddress(0x1a50 + round)] as const;
        await first.openLanes(lanes.map((address) => ({ address, chainNonce: 0 })));
        const both = [await world.accept(transferFacts()), await world.accept(transferFacts())];
        const items = both.map(({ sequence }) => sequence);
        const plan = (store: Store, address: (typeof lanes)[number], order: readonly bigint[]) => {
          const attempt = { hash: world.nextHash(), raw: "0x02", maxFeePerGas: 1n, maxPriorityFeePerGas: 1n } as const;
          const slot = { lane: address, nonce: 0, epoch: 1n, kind: "settle", items: order, attempt } as const;
          return store.commitPlan({ ...slot, at: world.at() });
        };
        const done = await Promise.all([plan(first, lanes[0], items), plan(second, lanes[1], items.toReversed())]);
        expect(done.filter(Boolean)).to.have.length(1);
        for (const { sequence } of both) expect((await first.readTrace(sequence))?.slots).to.have.length(1);
      }
    });

    it("F21: the former owner of a lane commits nothing more, neither a plan nor a further attempt", async () => {
      const { first, second, world } = await openTwo(1_000n);
      const planned = await world.plan(await world.accept(transferFacts()));
      const later = await world.accept(transferFacts());
      await second.openLanes([{ address: lane, chainNonce: 0 }]);
      const attempt = { hash: world.nextHash(), raw: "0x02", maxFeePerGas: 9n, maxPriorityFeePerGas: 1n } as const;
      const { epoch, at, kind } = planned;
      const stale = { lane, epoch, kind, at, nonce: 1, items: [later.sequence], attempt };
      expect(await first.commitPlan(stale)).to.equal(false);
      expect(await first.addAttempt({ lane, epoch, nonce: 0, attempt })).to.equal(false);
      expect((await first.readIntent(later.sequence))?.state).to.equal("accepted");
    });

    it("apply a block once when both follow the chain", async () => {
      const { first, second, world } = await openTwo(100n);
      for (let round = 0; round < 8; round++) {
        const block = world.blocks.next();
        await Promise.all([first.applyBlock(block, world.at()), second.applyBlock(block, world.at())]);
        const ended = Promise.all([first, second].map((store) => store.finalize(block.block.number, world.at())));
        await ended;
      }
      expect((await second.readCursor()).final?.number).to.equal(9);
      expect((await second.sumLedger(coin)).issued).to.equal(-100n);
    });

    it("number events one after the other: whoever reads waits for whoever is numbering", async () => {
      const { url, first, world } = await openTwo(100n);
      await world.accept(transferFacts({ amount: 1n }));
      const holding = cluster.run(url, `SELECT pg_advisory_lock(${lockSpace}, ${locks.publish}), pg_sleep(1)`);
      const isHeld = `SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND objid = ${locks.publish} AND granted`;
      while ((await cluster.run(url, isHeld)).length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
      const started = performance.now();
      expect((await first.readEvents({ after: 0n, limit: 9 })).events).to.have.length(1);
      expect(performance.now() - started).to.be.greaterThan(300);
      await holding;
    });

    it("F17: read every event once and in order, whoever wrote it and however late it was committed", async () => {
      const { first, second, world } = await openTwo(10_000n);
      let isWriting = true;
      // Two at a time on each: whoever reads also numbers, and they get in each other's way.
      const follow = async (store: Store): Promise<readonly PublishedEvent[]> => {
        const read: PublishedEvent[] = [];
        for (let more = true; more; ) {
          more = isWriting;
          const page = await store.readEvents({ after: read.at(-1)?.sequence ?? 0n, limit: 7 });
          read.push(...page.events);
          more ||= page.events.length > 0;
        }
        return read;
      };
      const reading = Promise.all([first, second, first, second].map(follow));
      const write = async (store: Store) => {
        for (let i = 0; i < 25; i++) {
          const items = [
            transferFacts({ amount: 1n }),
            mintFacts(toHash("event", Math.trunc(performance.now() * 1e6))),
          ];
          await store.acceptBatch(
            items.map((facts) => ({ facts, idempotency: null })),
            world.at(),
          );
        }
      };
      await Promise.all([write(first), write(second), write(first), write(second)]).finally(() => {
        isWriting = false;
      });
      const { accepted } = await first.countByState();
      for (const read of await reading) {
        expect(read.map(({ sequence }) => sequence)).to.deep.equal(read.map((_, index) => BigInt(index + 1)));
        expect(read.length).to.equal(accepted);
        expect(new Set(read.map(({ intent }) => intent)).size).to.equal(accepted);
      }
    });
  });

  describe("leases", () => {
    it("have one owner at a time, and an epoch that rises with each change", async () => {
      const { first, second } = await openTwo(0n);
      const epoch = await first.leases.acquire("send", 60_000);
      expect(epoch).to.equal(1n);
      expect(await second.leases.acquire("send", 60_000)).to.equal(null);
      expect(await second.leases.acquire("keep", 60_000), "another name").to.equal(1n);
      expect(await first.leases.renew("send", 1n, 60_000)).to.equal(true);
      expect(await second.leases.renew("send", 1n, 60_000), "not its own").to.equal(false);
      await second.leases.release("send", 1n);
      expect(await second.leases.acquire("send", 60_000), "released by a stranger").to.equal(null);
      await first.leases.release("send", 1n);
      expect(await second.leases.acquire("send", 60_000)).to.equal(2n);
      await second.leases.release("send", 2n);
      expect(await first.leases.acquire("send", 60_000)).to.equal(3n);
      expect(await first.leases.renew("send", 1n, 60_000), "its own, of an earlier epoch").to.equal(false);
      expect(await first.leases.renew("send", 3n, 60_000)).to.equal(true);
    });

    it("F22: run out by the database's clock when nobody renews them", async () => {
      const { first, second } = await openTwo(0n);
      await first.leases.acquire("send", 200);
      expect(await second.leases.acquire("send", 200)).to.equal(null);
      await new Promise((resolve) => setTimeout(resolve, 300));
      expect(await first.leases.renew("send", 1n, 60_000), "too late").to.equal(false);
      expect(await second.leases.acquire("send", 60_000)).to.equal(2n);
    });

    it("go to one of several who ask at once", async () => {
      const { first, second } = await openTwo(0n);
      const asked = [first, second, first, second].map(({ leases }) => leases.acquire("confirm", 60_000));
      expect((await Promise.all(asked)).filter((epoch) => epoch !== null)).to.deep.equal([1n]);
    });
  });

  describe("the database", () => {
    it("is migrated once by processes that start at once", async () => {
      const url = await create();
      const stores = await Promise.all([open(url), open(url), open(url), open(url)]);
      expect(await cluster.run(url, "SELECT name FROM migrations")).to.deep.equal(
        migrations.map(({ name }) => ({ name })),
      );
      expect((await stores[3]?.countByState())?.accepted).to.equal(0);
    });

    it("P17: is refused by a program older than what changed it", async () => {
      const url = await create();
      await (await openPostgres({ url })).close();
      await cluster.run(url, "INSERT INTO migrations (name) VALUES ('9999-future')");
      const error = await catchError(open(url));
      expect(error).to.be.instanceOf(StoreFault);
      expect([(error as StoreFault).step, (error as StoreFault).retryable]).to.deep.equal(["open", false]);
      expect(String(error)).to.match(/9999-future/);
    });

    it("is as it was after closing and opening, and lanes get a new epoch", async () => {
      const { url, first, world } = await openTwo(100n);
      const settled = await world.accept(transferFacts({ amount: 10n }));
      await world.settle(await world.send(settled), settled);
      await world.finalize();
      await world.send(await world.accept(transferFacts({ amount: 20n })));
      const read = async (store: Store) => ({
        intents: await store.listIntents({ limit: 9 }),
        accounts: await store.readAccounts([{ coin, address: ana }]),
        slots: await store.readOpenSlots(lane, 9),
        cursor: await store.readCursor(),
        events: await store.readEvents({ after: 0n, limit: 99 }),
        sums: await store.sumLedger(coin),
        counts: await store.countByState(),
      });
      const before = await read(first);
      await first.close();
      const again = await open(url);
      expect(await read(again)).to.deep.equal(before);
      const [reopened] = await again.openLanes([{ address: lane, chainNonce: 0 }]);
      expect([reopened?.epoch, reopened?.nextNonce]).to.deep.equal([2n, 2]);
    });

    it("P1: keeps nothing of a batch that failed half way", async () => {
      const { first, world } = await openTwo(100n);
      const good = { facts: transferFacts({ amount: 10n }), idempotency: null };
      // Negative amounts never get this far; if one did, the database itself refuses it, and the whole batch with it.
      const bad = { facts: transferFacts({ amount: -1n }), idempotency: null };
      const error = await catchError(first.acceptBatch([good, bad], world.at()));
      expect(error).to.be.instanceOf(StoreFault);
      expect([(error as StoreFault).step, (error as StoreFault).retryable]).to.deep.equal(["acceptBatch", false]);
      expect((await world.account(ana)).held).to.equal(0n);
      expect(await first.findByDigest(good.facts.digest)).to.equal(null);
    });

    it("keeps the facts of an intent and the ledger from being edited, whoever tries", async () => {
      const { url, world } = await openTwo(100n);
      await world.accept(transferFacts({ amount: 10n }));
      await world.finalize();
      const refusal = async (text: string) => String(await catchError(cluster.run(url, text)));
      expect(await refusal("UPDATE intents SET amount = 1")).to.match(/the facts of an intent never change/);
      expect(await refusal("UPDATE ledger_entries SET amount = 1")).to.match(/never edited/);
      expect(await refusal("DELETE FROM ledger_entries")).to.match(/never deleted/);
      expect(await refusal("TRUNCATE ledger_entries")).to.match(/never deleted/);
    });

    it("F20: waits for the disk at every commit, whatever the server's default is", async () => {
      const url = await create();
      await cluster.run(url, `ALTER DATABASE ${new URL(url).pathname.slice(1)} SET synchronous_commit = off`);
      const store = await open(url);
      // A trigger writes down what the acknowledged transaction itself had.
      await cluster.run(url, "CREATE TABLE noted (setting text)");
      await cluster.run(
        url,
        `CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS
         $$ BEGIN INSERT INTO noted VALUES (current_setting('synchronous_commit')); RETURN NULL; END $$`,
      );
      await cluster.run(url, "CREATE TRIGGER noting AFTER INSERT ON intents EXECUTE FUNCTION note()");
      await store.acceptBatch([{ facts: mintFacts(toHash("deposit", 1)), idempotency: null }], 1);
      expect(await cluster.run(url, "SELECT setting FROM noted")).to.deep.equal([{ setting: "on" }]);
    });

    it("removes the oldest events beyond the bound and says which is the oldest kept", async () => {
      const url = await reuse();
      const store = await open(url, { eventsKept: 5n });
      const world = await createWorld(store);
      await world.fund(ana, 100n);
      for (let i = 0; i < 8; i++) await world.accept(transferFacts({ amount: 1n }));
      const { events, oldest, newest } = await store.readEvents({ after: 0n, limit: 99 });
      expect([events.length, oldest, newest]).to.deep.equal([5, 4n, 8n]);
    });

    it("P16: keeps no rows of finished work in the hot tables", async () => {
      const { url, first, world } = await openTwo(100n);
      for (let i = 0; i < 5; i++) {
        const nonce = `0x${i.toString(16).padStart(64, "0")}` as const;
        const intent = await world.accept(transferFacts({ amount: 1n, nonce }));
        await world.settle(await world.send(intent), intent);
      }
      await world.finalize();
      await first.readEvents({ after: 0n, limit: 1 });
      for (const table of ["intent_work", "account_changes", "fences", "outbox"]) {
        expect([table, await cluster.run(url, `SELECT * FROM ${table}`)]).to.deep.equal([table, []]);
      }
      expect(await cluster.run(url, "SELECT * FROM blocks")).to.have.length(1);
    });

    it("is copied while it is in use, and the copy opens as a store", async function () {
      const programs = findPrograms();
      if (spawnSync("pg_dump", ["--version"]).status !== 0 || programs === null) this.skip();
      const { first, world } = await openTwo(100n);
      const intent = await world.accept(transferFacts({ amount: 10n }));
      const folder = mkdtempSync(join(tmpdir(), "remesa-dump-"));
      try {
        const path = join(folder, "copy.dump");
        await first.backup(path);
        await world.accept(transferFacts({ amount: 20n }));
        const target = await create();
        const restored = spawnSync(join(programs, "pg_restore"), ["--no-owner", `--dbname=${target}`, path]);
        expect(restored.status, String(restored.stderr)).to.equal(0);
        const copy = await open(target);
        expect((await copy.readAccounts([{ coin, address: ana }]))[0]?.held).to.equal(10n);
        expect((await copy.readIntent(intent.sequence))?.state).to.equal("accepted");
        const failed = await catchError(first.backup(join(folder, "nowhere", "copy.dump")));
        expect(failed).to.be.instanceOf(StoreFault);
        expect(existsSync(join(folder, "copy.dump.partial"))).to.equal(false);
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    });

    it("is not opened where there is no server, and the fault is worth another try", async () => {
      const error = await catchError(openPostgres({ url: "postgres://remesa@127.0.0.1:1/nothing" }));
      expect(error).to.be.instanceOf(StoreFault);
      expect((error as StoreFault).retryable).to.equal(true);
    });

    it("F20 P7: keeps what was acknowledged when the server crashes under load, and goes on when it is back", async function () {
      if (cluster.crash === null) this.skip();
      const { first, second, world } = await openTwo(1_000_000n);
      const acknowledged: bigint[] = [];
      const faults: unknown[] = [];
      let isOver = false;
      // Both loops end by themselves, also where the server never comes back.
      const end = performance.now() + 60_000;
      const work = async (store: Store) => {
        while (!isOver && performance.now() < end) {
          const facts = transferFacts({ amount: 1n, payee: luis });
          await store.acceptBatch([{ facts, idempotency: null }], world.at()).then(
            ([one]) => one?.kind === "created" && acknowledged.push(one.intent.sequence),
            async (error: unknown) => {
              faults.push(error);
              await new Promise((resolve) => setTimeout(resolve, 50));
            },
          );
        }
      };
      const working = Promise.all([work(first), work(second)]);
      const reach = async (count: number) => {
        while (acknowledged.length < count && performance.now() < end)
          await new Promise((resolve) => setTimeout(resolve, 5));
      };
      await reach(20);
      cluster.crash();
      const before = acknowledged.length;
      await reach(before + 20);
      isOver = true;
      await working;
      expect(acknowledged.length, "it went on").to.be.at.least(before + 20);
      expect(faults.length).to.be.greaterThan(0);
      for (const fault of faults) {
        expect(fault).to.be.instanceOf(StoreFault);
        expect((fault as StoreFault).retryable, String(fault)).to.equal(true);
      }
      const kept = new Set((await first.listIntents({ limit: 100_000 })).map(({ sequence }) => sequence));
      expect(acknowledged.filter((sequence) => !kept.has(sequence))).to.deep.equal([]);
      expect((await first.countByState()).accepted).to.equal(kept.size);
    });
  });
});
