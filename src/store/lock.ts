/**
 * The lock of a data folder. Owns `lock.db`, a database of its own whose exclusive lock is held while the store is open. The operating
 * system releases it when the process dies, however it dies, so there is no stale lock and nothing to clean up. Never holds data.
 */
import { join } from "node:path";
import Database from "better-sqlite3";
import type { Leases } from "../pipeline/ports.ts";
import { StoreLockedError } from "./fault.ts";

/** Takes the folder's lock or throws StoreLockedError. Returns the function that gives it back. */
export function lockFolder(folder: string): () => void {
  // No waiting: a folder in use is a mistake to report now, not a queue to stand in.
  const database = new Database(join(folder, "lock.db"), { timeout: 0 });
  try {
    // A rollback journal: in write-ahead mode an exclusive transaction does not keep others from opening theirs.
    database.pragma("journal_mode = DELETE");
    database.exec("BEGIN EXCLUSIVE");
  } catch (error) {
    database.close();
    if (error instanceof Database.SqliteError && error.code.startsWith("SQLITE_BUSY"))
      throw new StoreLockedError(folder);
    throw error;
  }
  return () => {
    database.close();
  };
}

/** One process has the folder, so it has every lease in it: the lock is the lease. */
export const soleLeases: Leases = {
  acquire: async () => 1n,
  renew: async () => true,
  release: async () => {},
};
