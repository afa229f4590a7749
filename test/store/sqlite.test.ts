/**
 * The embedded engine: the shared behaviour suite, and what only an engine with a disk has: the folder's lock, durability, crashes, backups.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import Database from "better-sqlite3";
import { expect } from "chai";
import { openDatabase } from "../../src/store/engine.ts";
import { databaseFile, openSqlite, StoreFault, StoreLockedError } from "../../src/store/sqlite.ts";
import { describeStore } from "./behaviour.ts";
import { ana, codesOf, coin, createWorld, escrow, lane, mintFacts, toHash, transferFacts } from "./world.ts";

describeStore("SQLite store, in memory", () => openSqlite({ folder: "", durability: "memory", now: () => 1 }));

async function catchError(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => null,
    (error: unknown) => error,
  );
}

describe("SQLite store, on disk", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "remesa-store-"));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  it("P20 F21: refuses a second opening of one folder and opens again after closing", async () => {
    const store = await openSqlite({ folder });
    const error = await catchError(openSqlite({ folder }));
    expect(error).to.be.instanceOf(StoreLockedError);
    expect((error as StoreLockedError).folder).to.equal(folder);
    await store.close();
    await (await openSqlite({ folder })).close();
  });

  it("P20: refuses a folder that another process has, until that process is killed", async () => {
    const child = startIntake(folder);
    await child.line();
    expect(await catchError(openSqlite({ folder }))).to.be.instanceOf(StoreLockedError);
    await child.kill();
    await (await openSqlite({ folder })).close();
  });

  it("F20: syncs every commit to the disk and checks foreign keys", () => {
    const database = openDatabase(join(folder, databaseFile));
    const pragma = (name: string) => database.pragma(name, { simple: true });
    // 2 is FULL: in write-ahead mode NORMAL would sync only at checkpoints, and lose acknowledged commits with the power.
    expect([pragma("synchronous"), pragma("journal_mode"), pragma("foreign_keys")]).to.deep.equal([2n, "wal", 1n]);
    database.close();
  });

  it("F20: keeps every acknowledged batch, whole, when the process is killed with SIGKILL", async function () {
    this.timeout(30_000);
    const child = startIntake(folder);
    let acknowledged = 0;
    // The child prints how many intents were acknowledged so far; it is killed in the middle of its work.
    while (acknowledged < 200) acknowledged = Number(await child.line());
    await child.kill();
    const store = await openSqlite({ folder });
    const { accepted } = await store.countByState();
    const listed = await store.listIntents({ limit: 100_000 });
    await store.close();
    expect(accepted).to.be.at.least(acknowledged);
    expect(listed.length).to.equal(accepted);
    expect(accepted % batchSize, "a batch is durable as a whole or not at all").to.equal(0);
  });

  it("is as it was after closing and opening: intents, holds, slots, blocks, events", async () => {
    const first = await openSqlite({ folder });
    const world = await createWorld(first);
    await world.fund(ana, 100n);
    const settled = await world.accept(transferFacts({ amount: 10n }));
    await world.settle(await world.send(settled), settled);
    await world.finalize();
    const open = await world.accept(transferFacts({ amount: 20n }));
    await world.send(open);
    const read = async (store: typeof first) => ({
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
    const second = await openSqlite({ folder });
    expect(await read(second)).to.deep.equal(before);
    const [next] = await second.acceptBatch([{ facts: mintFacts(toHash("deposit", 1)), idempotency: null }], 0);
    expect(next?.kind === "created" && next.intent.sequence > open.sequence, "sequences go on rising").to.equal(true);
    const [reopened] = await second.openLanes([{ address: lane, chainNonce: 0 }]);
    expect([reopened?.epoch, reopened?.nextNonce]).to.deep.equal([2n, 2]);
    await second.close();
  });

  it("P1: leaves nothing behind of a batch that failed half way", async () => {
    const store = await openSqlite({ folder });
    const world = await createWorld(store);
    await world.fund(ana, 100n);
    const good = { facts: transferFacts({ amount: 10n }), idempotency: null };
    // Negative amounts never get this far; if one did, the database itself refuses it, and the whole batch with it.
    const bad = { facts: transferFacts({ amount: -1n }), idempotency: null };
    const error = await catchError(store.acceptBatch([good, bad], world.at()));
    expect(error).to.be.instanceOf(StoreFault);
    expect([(error as StoreFault).step, (error as StoreFault).retryable]).to.deep.equal(["acceptBatch", false]);
    expect((await world.account(ana)).held).to.equal(0n);
    expect(await store.findByDigest(good.facts.digest)).to.equal(null);
    expect((await store.countByState()).accepted).to.equal(0);
    await store.close();
  });

  it("keeps the facts of an intent and the ledger from being edited, whoever tries", async () => {
    const store = await openSqlite({ folder });
    const world = await createWorld(store);
    await world.fund(ana, 100n);
    await world.accept(transferFacts({ amount: 10n }));
    await world.finalize();
    await store.close();
    const database = new Database(join(folder, databaseFile));
    const run = (sql: string) => () => database.exec(sql);
    expect(run("UPDATE intents SET amount = 1")).to.throw(/the facts of an intent never change/);
    expect(run("UPDATE ledger_entries SET amount = 1")).to.throw(/never edited/);
    expect(run("DELETE FROM ledger_entries")).to.throw(/never deleted/);
    database.close();
  });

  it("copies itself while it is in use, and the copy opens as a store", async () => {
    const store = await openSqlite({ folder });
    const world = await createWorld(store);
    await world.fund(ana, 100n);
    const intent = await world.accept(transferFacts({ amount: 10n }));
    const copy = join(folder, "copy");
    await store.backup(join(folder, "copy.db"));
    await world.accept(transferFacts({ amount: 20n }));
    await store.close();
    expect(existsSync(join(folder, "copy.db"))).to.equal(true);
    mkdirSync(copy);
    renameSync(join(folder, "copy.db"), join(copy, databaseFile));
    const restored = await openSqlite({ folder: copy });
    expect((await restored.readAccounts([{ coin, address: ana }]))[0]?.held).to.equal(10n);
    expect((await restored.readIntent(intent.sequence))?.state).to.equal("accepted");
    await restored.close();
  });

  it("removes the oldest events beyond the bound and says which is the oldest kept", async () => {
    const store = await openSqlite({ folder, eventsKept: 5n });
    const world = await createWorld(store);
    await world.fund(ana, 100n);
    for (let i = 0; i < 8; i++) await world.accept(transferFacts({ amount: 1n }));
    await world.finalize();
    const { events, oldest, newest } = await store.readEvents({ after: 0n, limit: 99 });
    expect([events.length, oldest, newest]).to.deep.equal([5, 4n, 8n]);
    await store.close();
  });

  it("P16: keeps no rows of finished work in the hot tables", async () => {
    const store = await openSqlite({ folder });
    const world = await createWorld(store);
    await world.fund(ana, 100n);
    for (let i = 0; i < 5; i++) {
      const nonce = `0x${i.toString(16).padStart(64, "0")}` as const;
      const intent = await world.accept(transferFacts({ amount: 1n, nonce }));
      await world.settle(await world.send(intent), intent);
    }
    await world.finalize();
    await store.close();
    const database = new Database(join(folder, databaseFile));
    const count = (table: string) => database.prepare(`SELECT count(*) FROM ${table}`).pluck().get();
    const hot = ["intent_work", "account_changes", "fences"].map((table) => [table, count(table)]);
    expect(hot).to.deep.equal([
      ["intent_work", 0],
      ["account_changes", 0],
      ["fences", 0],
    ]);
    expect(count("blocks")).to.equal(1);
    database.close();
  });

  it("brings a folder of the first schema to the newest: what is in escrow then has its exit", async () => {
    const store = await openSqlite({ folder });
    const world = await createWorld(store);
    const terms = { coin, holder: ana, amount: 50n, payout: toHash("p", 1), salt: toHash("s", 1) };
    const dates = { acceptBy: 10, payoutBy: 20, finalBy: 30 };
    const moved = (id: number, from: "none" | "locked", to: "locked" | "accepted" | "returned", logIndex: number) => ({
      id: toHash("redemption", id),
      escrow,
      actor: ana,
      from,
      to,
      reference: toHash("r", 1),
      terms: from === "none" ? { ...terms, ...dates } : null,
      transaction: toHash("tx", 900 + logIndex),
      logIndex,
    });
    const locked = [1, 2, 3].map((id) => moved(id, "none", "locked", id));
    const later = [moved(2, "locked", "accepted", 4), moved(3, "locked", "returned", 5)];
    await world.apply({ redemptions: [...locked, ...later] });
    const before = [await store.listDue({ now: 99, limit: 9 }), await store.sumEscrow({ escrow, coin })];
    await store.close();
    const database = new Database(join(folder, databaseFile));
    for (const table of ["agreement_parties", "agreement_steps", "agreements", "exits", "quotes"]) {
      database.exec(`DROP TABLE ${table}`);
    }
    database.exec("DROP INDEX work_travel; ALTER TABLE events DROP COLUMN others");
    for (const table of ["sponsored_days", "sponsored_hours", "deliveries", "webhooks"])
      database.exec(`DROP TABLE ${table}`);
    for (const index of ["slots_funding", "slots_funded"]) database.exec(`DROP INDEX ${index}`);
    for (const column of ["beneficiary", "gwei"]) database.exec(`ALTER TABLE slots DROP COLUMN ${column}`);
    for (const column of ["role", "state", "moved_by", "moved_at"])
      database.exec(`ALTER TABLE lanes DROP COLUMN ${column}`);
    database.exec("DELETE FROM kysely_migration WHERE name <> '0001-first'");
    database.close();
    const again = await openSqlite({ folder });
    const after = [await again.listDue({ now: 99, limit: 9 }), await again.sumEscrow({ escrow, coin })];
    expect(after).to.deep.equal(before);
    expect(after[0]).to.deep.equal([
      { kind: "reclaim", id: toHash("redemption", 1), due: 10 },
      { kind: "reclaim", id: toHash("redemption", 2), due: 20 },
    ]);
    await again.close();
  });

  it("remembers over a restart what it promised to pay for", async () => {
    const budget = { payerPerDay: 100n, newPayerPerDay: 100n, perHour: 1_000n };
    const toItem = () => {
      const facts = transferFacts({ amount: 1n });
      return { facts, idempotency: null, sponsored: { payer: facts.payer, gas: 60n } };
    };
    const first = await openSqlite({ folder });
    await (await createWorld(first)).fund(ana, 1_000n);
    const [taken] = await first.acceptBatch([toItem()], 1, budget);
    expect(taken?.kind).to.equal("created");
    await first.close();
    const second = await openSqlite({ folder });
    const [refused] = await second.acceptBatch([toItem()], 2, budget);
    expect(refused?.kind).to.equal("refused");
    await second.close();
  });

  it("refuses a folder that a newer version wrote", async () => {
    await (await openSqlite({ folder })).close();
    const database = new Database(join(folder, databaseFile));
    database.exec("INSERT INTO kysely_migration (name, timestamp) VALUES ('9999-future', '2100-01-01')");
    database.close();
    expect(String(await catchError(openSqlite({ folder })))).to.match(/9999-future/);
    const reopened = await catchError(openSqlite({ folder }));
    expect(reopened, "the lock was given back").to.not.be.instanceOf(StoreLockedError);
  });

  it("accepts no double acceptance across a restart: the digest is known", async () => {
    const facts = mintFacts(toHash("deposit", 3));
    const first = await openSqlite({ folder });
    await first.acceptBatch([{ facts, idempotency: null }], 1);
    await first.close();
    const second = await openSqlite({ folder });
    const [again] = await second.acceptBatch([{ facts, idempotency: null }], 2);
    expect(again?.kind).to.equal("existing");
    const [other] = await second.acceptBatch([{ facts: mintFacts(toHash("deposit", 3)), idempotency: null }], 3);
    expect(other === undefined ? [] : codesOf(other)).to.deep.equal(["deposit_conflict"]);
    await second.close();
  });
});

/** Items per batch of the child process. */
const batchSize = 20;

/** A child process that accepts batches without end and prints the number acknowledged after each. */
function startIntake(folder: string) {
  const script = fileURLToPath(new URL("./intake-child.ts", import.meta.url));
  const child = spawn(process.execPath, [script, folder, String(batchSize)], { stdio: ["ignore", "pipe", "inherit"] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    async line(): Promise<string> {
      const { value, done } = await lines.next();
      if (done === true) throw new Error("the child ended early");
      return value;
    },
    async kill(): Promise<void> {
      const closed = once(child, "exit");
      child.kill("SIGKILL");
      await closed;
    },
  };
}
