/**
 * One open SQLite database and its transactions. Owns the pragmas, the write transaction and the tallies of intents per state. Promises
 * that a transaction holds nothing but SQL, that what failed is rolled back as a whole, and that a committed one is on disk before the
 * call returns.
 */
import Database from "better-sqlite3";
import { Kysely, SqliteDialect } from "kysely";
import type { IntentState } from "../domain/intent.ts";
import { hasEdge } from "../domain/lifecycle.ts";
import { assertInvariant, toFault } from "./fault.ts";
import type { Tables } from "./schema.ts";

export interface Engine {
  readonly database: Database.Database;
  readonly kysely: Kysely<Tables>;
  /** Runs `work` in one write transaction; the lock is taken at once, so nothing read inside can change before the commit. */
  write<T>(step: string, work: () => T): Promise<T>;
  /** Runs `work` against one snapshot. */
  read<T>(step: string, work: () => T): Promise<T>;
  /** Counts `count` intents moving from one state to another (null: coming into being). Checks the edge against the table. */
  tally(from: IntentState | null, to: IntentState, count?: number): void;
}

/** Pages of 4 kB in the write-ahead log before it is folded back: 16 MB, so that the folding is rare and still short. */
const checkpointPages = 4_000;

/** Opens the file and sets everything that is set per connection. `:memory:` keeps nothing. */
export function openDatabase(path: string): Database.Database {
  const database = new Database(path, { timeout: 5_000 });
  database.defaultSafeIntegers(true);
  database.pragma("journal_mode = WAL");
  // FULL: in write-ahead mode every commit is synced before it returns. The commit is the acknowledgement.
  database.pragma("synchronous = FULL");
  database.pragma("foreign_keys = ON");
  database.pragma("trusted_schema = OFF");
  database.pragma("temp_store = MEMORY");
  database.pragma("cache_size = -65536");
  database.pragma(`wal_autocheckpoint = ${checkpointPages}`);
  database.pragma("journal_size_limit = 67108864");
  return database;
}

export function createEngine(database: Database.Database): Engine {
  const kysely = new Kysely<Tables>({ dialect: new SqliteDialect({ database }) });
  const shifts = new Map<IntentState, number>();
  const begin = { write: "BEGIN IMMEDIATE", read: "BEGIN" } as const;
  let addTally: Database.Statement<[number, string]> | null = null;

  function flushTallies(): void {
    // Lazily: the table does not exist before the first migration has run.
    addTally ??= database.prepare("UPDATE tallies SET count = count + ? WHERE state = ?");
    for (const [state, count] of shifts) if (count !== 0) addTally.run(count, state);
  }

  function run<T>(options: { step: string; mode: "read" | "write"; work: () => T }): T {
    shifts.clear();
    try {
      database.exec(begin[options.mode]);
      const result = options.work();
      flushTallies();
      database.exec("COMMIT");
      return result;
    } catch (error) {
      // SQLite rolls back by itself after some errors, a full disk among them.
      if (database.inTransaction) database.exec("ROLLBACK");
      throw toFault(options.step, error);
    }
  }

  return {
    database,
    kysely,
    write: async (step, work) => run({ step, mode: "write", work }),
    read: async (step, work) => run({ step, mode: "read", work }),
    tally(from, to, count = 1) {
      assertInvariant(from === null ? to === "accepted" : hasEdge(from, to), "P3", `there is no edge ${from} → ${to}`);
      if (from !== null) shifts.set(from, (shifts.get(from) ?? 0) - count);
      shifts.set(to, (shifts.get(to) ?? 0) + count);
    },
  };
}
