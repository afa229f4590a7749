/**
 * What goes wrong in the store, and whether trying again can help. Owns the verdict "retryable": nobody above decides it again. Promises
 * that a fault changed nothing: every verb is one transaction, rolled back as a whole. A broken invariant is not a fault but an
 * assertion: the process is to stop, and restart and reconcile are the recovery.
 */
import { AssertionError } from "node:assert";
import Database from "better-sqlite3";

/** A verb that could not be carried out. `retryable`: the same call may succeed later, as when the disk was full. */
export class StoreFault extends Error {
  override readonly name = "StoreFault";
  /** The store verb. */
  readonly step: string;
  readonly retryable: boolean;
  constructor(options: { step: string; message: string; retryable: boolean; cause?: unknown }) {
    super(`${options.step}: ${options.message}`, { cause: options.cause });
    this.step = options.step;
    this.retryable = options.retryable;
  }
}

/** Another process owns the data folder. Two nodes on one folder would both acknowledge payments, so the second never opens. */
export class StoreLockedError extends Error {
  override readonly name = "StoreLockedError";
  readonly folder: string;
  constructor(folder: string) {
    super(`${folder} is in use by another process: stop that node first, or choose another data folder`);
    this.folder = folder;
  }
}

/** Codes of SQLite that say nothing about our data: the disk, the file system or another reader was in the way. */
const transient = /^SQLITE_(BUSY|LOCKED|FULL|IOERR|READONLY|CANTOPEN|NOMEM|PROTOCOL)/;

/** Wraps what the driver threw; assertions and our own errors pass through unchanged. */
export function toFault(step: string, error: unknown): unknown {
  if (!(error instanceof Database.SqliteError)) return error;
  return new StoreFault({
    step,
    message: `${error.code}: ${error.message}`,
    retryable: transient.test(error.code),
    cause: error,
  });
}

/** Throws an assertion error that names the invariant (`P1` … `P20`) when `condition` is false. */
export function assertInvariant(condition: boolean, invariant: `P${number}`, message: string): asserts condition {
  if (!condition) throw new AssertionError({ message: `${invariant}: ${message}`, stackStartFn: assertInvariant });
}
