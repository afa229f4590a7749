/**
 * Finished history for a benchmark: payments as the store's verbs would have left them, written past the verbs because a million of them one by
 * one would take longer than all the rest. Owns the rows of every table that a settled payment leaves behind. Promises books that still agree
 * with the chain: rings of accounts pay each other the same amount, so every balance ends at zero. The node's reconciliation is the check.
 */
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import Database from "better-sqlite3";
import { firstSequence } from "../../src/domain/identifier.ts";
import type { Address } from "../../src/domain/hex.ts";
import { eventsKept } from "../../src/store/events.ts";
import { databaseFile } from "../../src/store/sqlite.ts";

/** Accounts of the ring: each pays its neighbour, then the next round begins. */
const ring = 10_000;
/** Payments of one slot and of one transaction here: short, because the node writes to the same file meanwhile. */
const perSlot = 500;
const rowBytes = 123;
/** An hour per million payments, ending before anything that is accepted now. */
const spanMs = 3_600_000;
const eventsPerPayment = 3;

export interface History {
  /** Adds finished payments until there are `count` of them. */
  grow(count: number): Promise<void>;
  close(): void;
}

const blob = (digits: string): string => `CAST(${digits} AS BLOB)`;
/** Number `n` of a slot's payments: 0 … perSlot − 1. */
const numbers = `WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < ${perSlot} - 1)`;

function prepare(database: Database.Database) {
  // :first is the number of the slot's first payment over all, :base the sequence number of payment 0.
  const at = "(:first + n.i)";
  const pairs = `n JOIN bench_ring p ON p.k = ${at} % ${ring} JOIN bench_ring q ON q.k = (${at} + 1) % ${ring}`;
  const fence = blob(`x'00' || :coin || p.address || unhex(printf('%064x', ${at} / ${ring}))`);
  return {
    intents: database.prepare(
      `${numbers} INSERT INTO intents (sequence, kind, digest, fence, coin, payer, payee, amount, valid_after, valid_before, action, target,
         data, gas, accepted_at, outcome, ended_at, block_number, block_hash, transaction_hash, log_index, sender)
       SELECT :base + ${at}, 'transfer', randomblob(32), ${fence}, :coin, p.address, q.address, 1234567, 0, :time / 1000 + 3600, 'row', :coin,
         randomblob(${rowBytes}), 0, :time, 'settled', :time + 2000, 0, :block, :transaction, 2 * ${at}, :lane FROM ${pairs}`,
    ),
    movements: database.prepare(
      `${numbers} INSERT INTO movements (kind, payer, payee, amount, intent, block_number, block_hash, time, log_index, transaction_hash, sender,
         final)
       SELECT 'transfer', p.id, q.id, 1234567, :base + ${at}, 0, :block, :time / 1000, 2 * ${at} + 1, :transaction, :lane, 1 FROM ${pairs}`,
    ),
    lines: database.prepare(
      `INSERT INTO ledger_entries (movement, account, amount)
       SELECT id, payer, -amount FROM movements WHERE block_number = 0 AND log_index >= :log AND log_index < :log + 2 * ${perSlot}
       UNION ALL
       SELECT id, payee, amount FROM movements WHERE block_number = 0 AND log_index >= :log AND log_index < :log + 2 * ${perSlot}`,
    ),
    slot: database.prepare(
      `INSERT INTO slots (lane, nonce, kind, state, size, committed_at, sent_at, block_number, transaction_hash, succeeded, gas_used, gas_price)
       VALUES (:lane, :nonce, 'settle', 'final', ${perSlot}, :time, :time, 0, :transaction, 1, 10000000, 1000000000)`,
    ),
    attempt: database.prepare(
      `INSERT INTO attempts (hash, slot, position, raw, max_fee_per_gas, max_priority_fee_per_gas, sent_at)
       VALUES (:transaction, :slot, 0, randomblob(${perSlot * rowBytes}), 1000000000, 1000000000, :time)`,
    ),
    items: database.prepare(
      `${numbers} INSERT INTO slot_items (slot, position, intent) SELECT :slot, i, :base + :first + i FROM n`,
    ),
    events: database.prepare(
      `${numbers} INSERT INTO events (intent, type, account, counterparty, at)
       SELECT :base + ${at}, t.value, p.address, q.address, :time FROM ${pairs}
       CROSS JOIN json_each('["accepted","included","settled"]') t ORDER BY t.key, n.i`,
    ),
    bases: database.prepare(`UPDATE accounts SET nonce_base = :rounds WHERE id IN (SELECT id FROM bench_ring)`),
    tally: database.prepare(`UPDATE tallies SET count = count + ${perSlot} WHERE state = 'settled'`),
  };
}

/** Accounts that nobody has, in the order in which they pay. */
function addRing(database: Database.Database, coin: Buffer): void {
  database.exec("CREATE TEMP TABLE bench_ring (k INTEGER PRIMARY KEY, id INTEGER NOT NULL, address BLOB NOT NULL)");
  const add = database.prepare("INSERT INTO accounts (coin, address) VALUES (?, ?)");
  const number = database.prepare("INSERT INTO temp.bench_ring (k, id, address) VALUES (?, ?, ?)");
  database.transaction(() => {
    for (let k = 0; k < ring; k++) {
      const address = randomBytes(20);
      number.run(k, add.run(coin, address).lastInsertRowid, address);
    }
  })();
}

/** Opens the store's file beside a running node; `most` is how many payments it will be told to hold. */
export function openHistory(options: {
  readonly folder: string;
  readonly coin: Address;
  readonly most: number;
}): History {
  const database = new Database(join(options.folder, databaseFile), { timeout: 30_000 });
  database.pragma("synchronous = OFF");
  database.pragma("cache_size = -65536");
  const coin = Buffer.from(options.coin.slice(2), "hex");
  const lane = randomBytes(20);
  const start = Date.now() - spanMs - 60_000;
  const base = firstSequence(start);
  addRing(database, coin);
  database.prepare("INSERT INTO lanes (address, epoch, next_nonce) VALUES (?, 0, 0)").run(lane);
  const sql = prepare(database);
  let stored = 0;

  // Every number as a bigint: the driver binds the others as floating-point values.
  const addSlot = database.transaction((at: number) => {
    const time = BigInt(start + Math.floor((spanMs * at) / options.most));
    const first = BigInt(at);
    const [block, transaction] = [randomBytes(32), randomBytes(32)];
    const shared = { coin, lane, base, first, time, block, transaction };
    sql.intents.run(shared);
    sql.movements.run(shared);
    sql.lines.run({ log: 2n * first });
    const slot = sql.slot.run({ lane, nonce: first / BigInt(perSlot), time, transaction }).lastInsertRowid;
    sql.attempt.run({ transaction, slot, time });
    sql.items.run({ slot, base, first });
    // As many as a node keeps: what it would have removed by now is not written.
    if (BigInt(options.most - at) * BigInt(eventsPerPayment) <= eventsKept) sql.events.run({ coin, base, first, time });
    sql.tally.run();
  });

  return {
    async grow(count) {
      // Whole rounds only: in between, somebody has paid and not been paid.
      for (const goal = Math.ceil(count / ring) * ring; stored < goal; stored += perSlot) {
        addSlot(stored);
        // This may take minutes: connections that the node closes meanwhile must be seen to close.
        await setImmediate();
      }
      sql.bases.run({ rounds: BigInt(stored / ring) });
      // What was written in one go is not in the log of a node that lived through it.
      database.pragma("wal_checkpoint(PASSIVE)");
    },
    close: () => database.close(),
  };
}
