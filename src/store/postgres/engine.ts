/**
 * Connections to one PostgreSQL database and the transactions on them. Owns the pool, the locks that keep verbs apart, and repeating a
 * transaction that another one got in the way of. Promises that a transaction holds nothing but SQL, that what failed is rolled back as a
 * whole, and that a committed one is on the server's disk before the call returns.
 */
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import type { EndState, IntentState } from "../../domain/intent.ts";
import { hasEdge, isEnded } from "../../domain/lifecycle.ts";
import type { NewEvent } from "../events.ts";
import { assertInvariant, StoreFault } from "../fault.ts";
import { fromDriver, isConflict, toFault } from "./fault.ts";
import { types, type Value } from "./types.ts";

/** One SQL text, parsed by each connection once. */
export interface Statement {
  readonly name: string;
  readonly text: string;
}

let statements = 0;

export function prepare(text: string): Statement {
  statements += 1;
  return { name: `remesa_${statements}`, text };
}

/** Runs statements one after the other, all on one connection. */
export interface Session {
  all<R extends object>(statement: Statement, values?: readonly Value[]): Promise<readonly R[]>;
  get<R extends object>(statement: Statement, values?: readonly Value[]): Promise<R | undefined>;
  /** How many rows it wrote. */
  run(statement: Statement, values?: readonly Value[]): Promise<number>;
}

/** A transaction that writes. Events and counts are collected and written last, in one statement each. */
export interface Transaction extends Session {
  readonly events: NewEvent[];
  readonly ended: Map<EndState, number>;
  /** Checks the edge against the table and counts what ends; what is live is counted in `intent_work`. */
  move(from: IntentState | null, to: IntentState): void;
}

/**
 * How a verb stands to the others. `beside`: with others of its kind, guarded by conditional writes. `alone`: the chain moves under nobody's
 * feet; an intent could else be accepted in the very moment in which a block consumes its fence, and neither would see the other. `apart`:
 * touches nothing that the others guard, and waits for none of them.
 */
export type Stand = "beside" | "alone" | "apart";

export interface Engine {
  write<T>(
    options: { readonly step: string; readonly stand: Stand },
    work: (tx: Transaction) => Promise<T>,
  ): Promise<T>;
  /** Runs `work` against one snapshot. */
  read<T>(step: string, work: (session: Session) => Promise<T>): Promise<T>;
  /** One statement: it is its own transaction. */
  all<R extends object>(step: string, statement: Statement, values?: readonly Value[]): Promise<readonly R[]>;
  /** Whole transactions as plain text, for what takes no parameters; the last statement's rows. */
  script<R extends object>(step: string, text: string): Promise<readonly R[]>;
  close(): Promise<void>;
}

/** Advisory locks of this program in its database: `(lockSpace, n)`. */
export const lockSpace = 0x52656d65;
export const locks = { books: 1, publish: 2, quotes: 3, webhooks: 4 } as const;

/** Thrown inside a transaction whose reads were overtaken: it is rolled back and run again. */
export const overtaken = new Error("overtaken by another transaction");

/** Times a transaction is run at most. Conflicts are rare, and each try sees what the last one met. */
const maxTries = 8;
const triesPauseMs = 5;

/** Bounds of one connection, milliseconds. A process that was stopped in a transaction must not hold the others up for longer. */
const connectMs = 5_000;
const statementMs = 30_000;
const idleInTransactionMs = 10_000;

export interface EngineOptions {
  readonly url: string;
  /** Connections at most. */
  readonly connections: number;
  /** Writes what a transaction has collected; runs last in it. */
  readonly flush: (tx: Transaction) => Promise<void>;
}

const begins: Readonly<Record<Stand | "read", string>> = {
  // synchronous_commit on, whatever the server's default: the commit is the acknowledgement.
  beside: `BEGIN; SET LOCAL synchronous_commit = on; SELECT pg_advisory_xact_lock_shared(${lockSpace}, ${locks.books})`,
  alone: `BEGIN; SET LOCAL synchronous_commit = on; SELECT pg_advisory_xact_lock(${lockSpace}, ${locks.books})`,
  apart: "BEGIN; SET LOCAL synchronous_commit = on",
  read: "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
};

function createSession(client: pg.ClientBase, step: string): Session {
  const query = (statement: Statement, values: readonly Value[] = []) =>
    fromDriver(step, client.query({ name: statement.name, text: statement.text, values: [...values] }));
  return {
    all: async <R extends object>(statement: Statement, values?: readonly Value[]) =>
      (await query(statement, values)).rows as R[],
    get: async <R extends object>(statement: Statement, values?: readonly Value[]) =>
      (await query(statement, values)).rows[0] as R | undefined,
    run: async (statement, values) => (await query(statement, values)).rowCount ?? 0,
  };
}

function createTransaction(session: Session): Transaction {
  const ended = new Map<EndState, number>();
  return {
    ...session,
    events: [],
    ended,
    move(from, to) {
      assertInvariant(from === null ? to === "accepted" : hasEdge(from, to), "P3", `there is no edge ${from} → ${to}`);
      if (isEnded(to)) ended.set(to, (ended.get(to) ?? 0) + 1);
    },
  };
}

export function createEngine(options: EngineOptions): Engine {
  const pool = new pg.Pool({
    connectionString: options.url,
    max: options.connections,
    connectionTimeoutMillis: connectMs,
    statement_timeout: statementMs,
    query_timeout: 2 * statementMs,
    idle_in_transaction_session_timeout: idleInTransactionMs,
    keepAlive: true,
    application_name: "remesa",
    types,
  });
  // An idle connection that the server closed: the pool has dropped it already, the next verb takes another.
  pool.on("error", () => undefined);

  async function inside<T>(
    { step, begin }: { step: string; begin: string },
    work: (session: Session) => Promise<T>,
  ): Promise<T> {
    const client = await fromDriver(step, pool.connect());
    // A connection that breaks while it is ours rejects its statement as well; without a listener it would end the process.
    const ignore = (): void => undefined;
    client.on("error", ignore);
    let broken: Error | null = null;
    try {
      await fromDriver(step, client.query(begin));
      const result = await work(createSession(client, step));
      const { command } = await fromDriver(step, client.query("COMMIT"));
      // The server answers the COMMIT of a transaction in which a statement failed with ROLLBACK, and calls that no error.
      assertInvariant(command === "COMMIT", "P1", `${step} was rolled back instead of committed`);
      return result;
    } catch (error) {
      await client.query("ROLLBACK").catch((cause: unknown) => {
        broken = cause instanceof Error ? cause : new Error(String(cause));
      });
      throw error;
    } finally {
      client.off("error", ignore);
      client.release(broken ?? undefined);
    }
  }

  async function repeat<T>(step: string, work: () => Promise<T>): Promise<T> {
    for (let tries = 1; ; tries++) {
      try {
        return await work();
      } catch (error) {
        const again = error === overtaken || isConflict(error);
        if (!again) throw toFault(step, error);
        if (tries === maxTries) {
          const message = `given up after ${maxTries} tries: other transactions were faster`;
          throw new StoreFault({ step, message, retryable: true, cause: error });
        }
        await sleep(triesPauseMs * tries);
      }
    }
  }

  return {
    write: ({ step, stand }, work) =>
      repeat(step, () =>
        inside({ step, begin: begins[stand] }, async (session) => {
          const tx = createTransaction(session);
          const result = await work(tx);
          await options.flush(tx);
          return result;
        }),
      ),
    read: (step, work) => repeat(step, () => inside({ step, begin: begins.read }, work)),
    all: <R extends object>(step: string, statement: Statement, values: readonly Value[] = []) =>
      repeat(step, async () => {
        const { name, text } = statement;
        return (await fromDriver(step, pool.query({ name, text, values: [...values] }))).rows as R[];
      }),
    script: <R extends object>(step: string, text: string) =>
      repeat(step, async () => {
        const results = (await fromDriver(step, pool.query(text))) as unknown as pg.QueryResult | pg.QueryResult[];
        const withRows = [results].flat().filter(({ rows }) => rows.length > 0);
        return (withRows.at(-1)?.rows ?? []) as R[];
      }),
    async close() {
      await pool.end();
    },
  };
}
