/**
 * The engine of the store port for several processes: one PostgreSQL database that each of them opens. Owns opening, migrating and closing.
 * Promises the outcomes of the embedded engine, verb by verb; that what a verb acknowledged is on the server's disk; and that no callback of
 * the caller ever runs inside a transaction.
 */
import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import type { Leases, Store } from "../pipeline/ports.ts";
import { createBlocks } from "./postgres/blocks.ts";
import { dump } from "./postgres/dump.ts";
import { createEngine, prepare, type Transaction } from "./postgres/engine.ts";
import { createEvents, leaveEvents } from "./postgres/events.ts";
import { createHalts } from "./postgres/halts.ts";
import { createIntake } from "./postgres/intake.ts";
import { createLaneStates } from "./postgres/lanes.ts";
import { createLeases } from "./postgres/leases.ts";
import { migrate } from "./postgres/migrate.ts";
import { createPosting } from "./postgres/posting.ts";
import { createQuotes } from "./postgres/quotes.ts";
import { createReads } from "./postgres/reads.ts";
import { createSlots } from "./postgres/slots.ts";
import { createWebhooks } from "./postgres/webhooks.ts";

export interface PostgresOptions {
  /** `postgres://user:password@host:port/database`. The database exists; its tables are made here. */
  readonly url: string;
  /** Connections at most; a server allows 100 by default, all processes together. */
  readonly connections?: number;
  /** Wall clock for the few events whose verb carries no time. */
  readonly now?: () => number;
  /** Events kept before the oldest go. */
  readonly eventsKept?: bigint;
}

const defaultConnections = 10;

const addEnded = prepare(
  `UPDATE tallies t SET count = t.count + v.count FROM unnest($1::text[], $2::bigint[]) AS v (state, count)
   WHERE t.state = v.state`,
);

/** What a transaction has collected on its way. */
async function flush(tx: Transaction): Promise<void> {
  await leaveEvents(tx, tx.events);
  if (tx.ended.size > 0) await tx.run(addEnded, [[...tx.ended.keys()], [...tx.ended.values()]]);
}

/** Opens the store and what shares its database: leases. Throws StoreFault when the database cannot be opened or a newer program wrote it. */
export async function openPostgres(options: PostgresOptions): Promise<Store & { readonly leases: Leases }> {
  const { url, connections = defaultConnections, now = Date.now, eventsKept } = options;
  const engine = createEngine({ url, connections, flush });
  try {
    await migrate(engine);
  } catch (error) {
    await engine.close();
    throw error;
  }
  const events = createEvents(engine, eventsKept);
  let closing: Promise<void> | null = null;
  return {
    ...createSlots(engine, now),
    ...createLaneStates(engine),
    ...createQuotes(engine),
    ...createIntake(engine),
    ...createBlocks(engine),
    ...createPosting(engine),
    ...createReads(engine, events),
    ...createHalts(engine),
    ...createWebhooks(engine),
    // A person who looks at the table sees which process it is.
    leases: createLeases(engine, `${hostname()} ${process.pid} ${randomUUID()}`),
    backup: (path) => dump(url, path),
    close() {
      closing ??= engine.close();
      return closing;
    },
  };
}
