/**
 * The published history. Owns `outbox`, where transactions leave what they changed, and `events`, where it stands numbered. Promises that numbers
 * are given after the commit, under one lock and without a hole, so that whoever has read up to n has missed nothing before n; whoever
 * reads publishes first what is waiting. Bodies are those of the embedded engine.
 */
import { setImmediate } from "node:timers/promises";
import type { Address } from "../../domain/hex.ts";
import type { PublishedEvent } from "../../pipeline/ports.ts";
import {
  type EventRow,
  eventColumns,
  eventsKept,
  eventTables,
  joinAddresses,
  type NewEvent,
  toEvent,
} from "../events.ts";
import { toBlob, toBlobOrNull } from "../rows.ts";
import { type Engine, lockSpace, locks, prepare, type Session } from "./engine.ts";
import { toColumns } from "./types.ts";

/** Events published in one transaction. */
const publishSlice = 5_000;
/** Events removed per publishing at most, so that a long backlog never makes one transaction long. */
const pruneSlice = 5_000n;
/** Events looked through at a time for one account's. */
const scanSlice = 10_000n;

const leave = prepare(
  `INSERT INTO outbox (intent, type, account, counterparty, others, detail, at)
   SELECT * FROM unnest($1::bigint[], $2::text[], $3::bytea[], $4::bytea[], $5::bytea[], $6::text[], $7::bigint[])`,
);
const standOf = prepare(
  `SELECT EXISTS (SELECT 1 FROM outbox) AS waiting, (SELECT min(sequence) FROM events) AS oldest,
     (SELECT max(sequence) FROM events) AS newest`,
);
const lock = prepare(`SELECT pg_advisory_xact_lock(${lockSpace}, ${locks.publish})`);
const publishNext = prepare(
  `WITH taken AS (
     DELETE FROM outbox WHERE id IN (SELECT id FROM outbox ORDER BY id LIMIT ${publishSlice}) RETURNING *
   )
   INSERT INTO events (sequence, intent, type, account, counterparty, others, detail, at)
   SELECT (SELECT coalesce(max(sequence), 0) FROM events) + row_number() OVER (ORDER BY id),
     intent, type, account, counterparty, others, detail, at
   FROM taken`,
);
const boundsOf = prepare(
  "SELECT (SELECT min(sequence) FROM events) AS oldest, (SELECT max(sequence) FROM events) AS newest",
);
const remove = prepare("DELETE FROM events WHERE sequence < $1");
const byIntent = prepare(`SELECT ${eventColumns} FROM ${eventTables} WHERE e.intent = $1 ORDER BY e.sequence`);
const all = prepare(`SELECT ${eventColumns} FROM ${eventTables} WHERE e.sequence > $1 ORDER BY e.sequence LIMIT $2`);
const ofAccount = prepare(
  `SELECT ${eventColumns} FROM ${eventTables}
   WHERE e.sequence > $1 AND e.sequence <= $2
     AND (e.account = $3 OR e.counterparty = $3 OR position($3::bytea IN e.others) > 0)
   ORDER BY e.sequence LIMIT $4`,
);

/** Leaves events in the outbox of their transaction. */
export async function leaveEvents(session: Session, events: readonly NewEvent[]): Promise<void> {
  if (events.length === 0) return;
  const columns = toColumns(
    events,
    ({ intent }) => intent,
    ({ type }) => type,
    ({ account }) => toBlobOrNull(account),
    ({ counterparty }) => toBlobOrNull(counterparty),
    ({ others = [] }) => joinAddresses(others),
    ({ detail }) => (detail === null ? null : JSON.stringify(detail)),
    ({ at }) => at,
  );
  await session.run(leave, columns);
}

interface Stand {
  readonly waiting: boolean;
  readonly oldest: bigint | null;
  readonly newest: bigint | null;
}

async function readBounds(session: Session): Promise<{ oldest: bigint; newest: bigint }> {
  const row = await session.get<{ oldest: bigint | null; newest: bigint | null }>(boundsOf);
  return { oldest: row?.oldest ?? 1n, newest: row?.newest ?? 0n };
}

interface Page {
  readonly events: readonly PublishedEvent[];
  readonly oldest: bigint;
  readonly newest: bigint;
}

export interface Events {
  /** Numbers what is waiting, and drops the oldest beyond the bound. */
  publish(): Promise<unknown>;
  /** Published ones only: publish first. */
  ofIntent(session: Session, sequence: bigint): Promise<readonly PublishedEvent[]>;
  readAfter(query: { readonly after: bigint; readonly limit: number; readonly account?: Address }): Promise<Page>;
}

export function createEvents(engine: Engine, kept: bigint = eventsKept): Events {
  /** Where the stream stands once what was waiting is published. */
  async function publish(): Promise<{ oldest: bigint; newest: bigint }> {
    for (;;) {
      const [row] = await engine.all<Stand>("readEvents", standOf);
      if (row?.waiting !== true) return { oldest: row?.oldest ?? 1n, newest: row?.newest ?? 0n };
      await engine.write({ step: "readEvents", stand: "apart" }, async (tx) => {
        await tx.run(lock);
        await tx.run(publishNext);
        await prune(tx);
      });
    }
  }

  /** Removes the oldest beyond the bound, a slice at a time. */
  async function prune(session: Session): Promise<void> {
    const { oldest, newest } = await readBounds(session);
    const keepFrom = newest - kept + 1n;
    if (keepFrom <= oldest) return;
    await session.run(remove, [keepFrom < oldest + pruneSlice ? keepFrom : oldest + pruneSlice]);
  }

  /** Looks through one slice after the other up to `newest`, and lets others work in between. */
  async function scan(query: { after: bigint; limit: number; account: Address }): Promise<Page> {
    const { oldest, newest } = await engine.read("readEvents", readBounds);
    const found: PublishedEvent[] = [];
    let from = query.after < oldest ? oldest - 1n : query.after;
    while (from < newest && found.length < query.limit) {
      const to = from + scanSlice < newest ? from + scanSlice : newest;
      const values = [from, to, toBlob(query.account), query.limit - found.length];
      found.push(...(await engine.all<EventRow>("readEvents", ofAccount, values)).map(toEvent));
      from = to;
      if (from < newest) await setImmediate();
    }
    return { events: found, oldest, newest };
  }

  return {
    publish,
    ofIntent: async (session, sequence) => (await session.all<EventRow>(byIntent, [sequence])).map(toEvent),
    async readAfter({ after, limit, account }) {
      const stand = await publish();
      if (after >= stand.newest) return { events: [], ...stand };
      if (account !== undefined) return scan({ after, limit, account });
      return engine.read("readEvents", async (session) => ({
        events: (await session.all<EventRow>(all, [after, limit])).map(toEvent),
        ...(await readBounds(session)),
      }));
    },
  };
}
