/**
 * What goes wrong at a PostgreSQL server, and whether trying again can help. Owns that verdict for this engine. Promises that what says nothing
 * about our data (a restart, a full disk, a lock, a lost connection) is retryable, and that broken invariants pass through unchanged.
 */
import pg from "pg";
import { StoreFault } from "../fault.ts";

/**
 * SQLSTATE classes and codes that say nothing about our data: connection (08), resources (53), operator's doing and timeouts (57), system (58),
 * serialization and deadlock (40), a lock not granted in time (55P03), a server that is read-only for now (25006).
 */
const transient = /^(08|53|57|58|40|55P03|25006)/;

/** The transaction was the victim of another: run again, it can succeed at once. */
export function isConflict(error: unknown): boolean {
  return error instanceof pg.DatabaseError && (error.code === "40001" || error.code === "40P01");
}

/** Wraps the server's answer; everything else passes through unchanged. */
export function toFault(step: string, error: unknown): unknown {
  if (!(error instanceof pg.DatabaseError)) return error;
  const code = error.code ?? "";
  const message = `${code}: ${error.message}`;
  return new StoreFault({ step, message, retryable: transient.test(code), cause: error });
}

/** Waits for the driver. What it throws that is not the server's answer is about the connection: it may be back the next time. */
export async function fromDriver<T>(step: string, answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof pg.DatabaseError) throw error;
    const message = error instanceof Error ? error.message : String(error);
    throw new StoreFault({ step, message: `no connection: ${message}`, retryable: true, cause: error });
  }
}
