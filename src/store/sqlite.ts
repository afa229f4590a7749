/**
 * The embedded engine of the store port: one SQLite database in the data folder, one process at a time. Owns opening, locking, migrating
 * and closing. Promises that what a verb acknowledged is on disk, and that a second process on the folder is refused. Every verb is one
 * transaction; no callback of the caller ever runs inside one.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Store } from "../pipeline/ports.ts";
import { createAccounts } from "./accounts.ts";
import { createAgreements } from "./agreements.ts";
import { createBlocks } from "./blocks.ts";
import { createChronicle } from "./chronicle.ts";
import { createEngine, openDatabase } from "./engine.ts";
import { createEvents } from "./events.ts";
import { createExits } from "./exits.ts";
import { toFault } from "./fault.ts";
import { createHalts } from "./halts.ts";
import { createIntake } from "./intake.ts";
import { createLaneStates } from "./lanes.ts";
import { lockFolder } from "./lock.ts";
import { createPosting } from "./posting.ts";
import { createQuotes } from "./quotes.ts";
import { createReads } from "./reads.ts";
import { createRedemptions } from "./redemptions.ts";
import { migrate } from "./schema.ts";
import { createSlots } from "./slots.ts";
import { createWebhooks } from "./webhooks.ts";
import { createWork } from "./work.ts";

export { StoreFault, StoreLockedError } from "./fault.ts";

export interface SqliteOptions {
  /** The data folder: `remesa.db` and `lock.db` live in it. Created when missing. */
  readonly folder: string;
  /** `full`: on disk, synced at every commit. `memory`: nothing on disk, no lock, for tests. */
  readonly durability?: "full" | "memory";
  /** Wall clock for the few events whose verb carries no time. */
  readonly now?: () => number;
  /** Events kept before the oldest go. */
  readonly eventsKept?: bigint;
}

/** Name of the database in the data folder. */
export const databaseFile = "remesa.db";

/** Opens the store. Throws StoreLockedError when another process has the folder, StoreFault when the database cannot be opened. */
export async function openSqlite(options: SqliteOptions): Promise<Store> {
  const inMemory = options.durability === "memory";
  if (!inMemory) mkdirSync(options.folder, { recursive: true });
  const unlock = inMemory ? () => {} : lockFolder(options.folder);
  try {
    const database = openDatabase(inMemory ? ":memory:" : join(options.folder, databaseFile));
    try {
      const engine = createEngine(database);
      await migrate(engine.kysely);
      return assemble(engine, options, unlock);
    } catch (error) {
      database.close();
      throw error;
    }
  } catch (error) {
    unlock();
    throw toFault("open", error);
  }
}

function assemble(engine: ReturnType<typeof createEngine>, options: SqliteOptions, unlock: () => void): Store {
  const { database } = engine;
  const accounts = createAccounts(engine);
  const chronicle = createChronicle(engine);
  const events = createEvents(engine, options.eventsKept);
  const exits = createExits(engine);
  const agreements = createAgreements(engine, { events, exits });
  const redemptions = createRedemptions(engine, { events, exits });
  const quotes = createQuotes(engine);
  const { offerQuote, readQuote, readQuoteEnd } = quotes;
  const work = createWork(engine, events);
  const slots = createSlots(engine, { work, now: options.now ?? Date.now });
  const parts = { accounts, agreements, chronicle, events, exits, quotes, redemptions, slots, work };
  const { openLanes, readReady, commitPlan, sumFunded, readOpenSlots, markSent, addAttempt, abandonSlots, hold } =
    slots;
  return {
    openLanes,
    readReady,
    commitPlan,
    sumFunded,
    readOpenSlots,
    markSent,
    addAttempt,
    abandonSlots,
    hold,
    offerQuote,
    readQuote,
    readQuoteEnd,
    ...createIntake(engine, parts),
    ...createBlocks(engine, parts),
    ...createPosting(engine, parts),
    ...createReads(engine, parts),
    ...createHalts(engine, events),
    ...createLaneStates(engine),
    ...createWebhooks(engine),
    async backup(path) {
      try {
        await database.backup(path);
      } catch (error) {
        throw toFault("backup", error);
      }
    },
    async close() {
      if (!database.open) return;
      database.close();
      unlock();
    },
  };
}
