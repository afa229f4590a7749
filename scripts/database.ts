/**
 * The node's database file as backup and restore see it: opened beside the running node, copied consistently, checked, never changed. Owns
 * what makes a file a Remesa database and how it is described; knows nothing of what the tables mean.
 */
import { createHash } from "node:crypto";
import { chmodSync, closeSync, existsSync, fsyncSync, openSync, readSync, rmSync, statSync } from "node:fs";
import Database from "better-sqlite3";
import { Refusal } from "./terminal/refusal.ts";

export const databaseName = "remesa.db";
/** Held exclusively by a node as long as it runs. */
export const lockName = "lock.db";
/** Pages copied at a time; between two steps the node's writes go on. */
const pagesPerStep = 2_000;
const readBytes = 1024 * 1024;

export interface DatabaseFacts {
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
  readonly intents: number;
  /** Intents that had not ended: a node that opens the copy goes on with them. */
  readonly unfinished: number;
  /** Chain identity it is bound to, as the node wrote it; null when it never saw a chain. */
  readonly identity: string | null;
}

function open(path: string): Database.Database {
  if (!existsSync(path)) throw new Refusal({ reason: `${path} does not exist`, remedy: "Check the file's name." });
  try {
    return new Database(path, { readonly: true, fileMustExist: true, timeout: 5_000 });
  } catch (error) {
    throw new Refusal({
      reason: `${path} cannot be opened: ${(error as Error).message}`,
      remedy: "Check its permissions.",
    });
  }
}

function hashFile(path: string): string {
  const hash = createHash("sha256");
  const file = openSync(path, "r");
  const buffer = Buffer.alloc(readBytes);
  for (let count = readSync(file, buffer); count > 0; count = readSync(file, buffer))
    hash.update(buffer.subarray(0, count));
  closeSync(file);
  return hash.digest("hex");
}

function count(database: Database.Database, table: "intents" | "intent_work"): number {
  return database.prepare(`SELECT count(*) FROM ${table}`).pluck().get() as number;
}

/** Checks a database page by page and describes it; refuses one that is damaged or not a node's. */
export function inspectDatabase(path: string): DatabaseFacts {
  const database = open(path);
  try {
    const verdict = database.pragma("integrity_check", { simple: true });
    if (verdict !== "ok") throw new Error(String(verdict));
    const identity = database.prepare("SELECT value FROM meta WHERE key = 'chain'").pluck().get();
    const [intents, unfinished] = [count(database, "intents"), count(database, "intent_work")];
    return {
      path,
      bytes: statSync(path).size,
      sha256: hashFile(path),
      intents,
      unfinished,
      identity: typeof identity === "string" ? identity : null,
    };
  } catch (error) {
    throw new Refusal({
      reason: `${path} is not a sound Remesa database: ${(error as Error).message}`,
      remedy: "Use another backup; this one cannot be trusted.",
    });
  } finally {
    database.close();
  }
}

function flush(path: string): void {
  const file = openSync(path, "r+");
  fsyncSync(file);
  closeSync(file);
}

/** Copies a database consistently while a node may be writing to it; the copy is one file, mode 0600, flushed to disk. */
export async function copyDatabase(
  from: string,
  to: string,
  onProgress: (done: number, total: number) => void,
): Promise<void> {
  const source = open(from);
  try {
    rmSync(to, { force: true });
    await source.backup(to, {
      progress({ totalPages, remainingPages }) {
        onProgress(totalPages - remainingPages, totalPages);
        return pagesPerStep;
      },
    });
    chmodSync(to, 0o600);
    const copy = new Database(to);
    // One file that can be carried away: nothing is left in a write-ahead log beside it.
    copy.pragma("journal_mode = DELETE");
    copy.close();
    flush(to);
  } catch (error) {
    rmSync(to, { force: true });
    throw new Refusal({
      reason: `${from} could not be copied: ${(error as Error).message}`,
      remedy: "Check that there is room and that both folders can be written.",
    });
  } finally {
    source.close();
  }
}

/** Takes the lock that a running node holds; refuses when one does. Returns the function that gives it back. */
export function lockDatabase(path: string): () => void {
  const lock = new Database(path, { timeout: 0 });
  try {
    lock.pragma("journal_mode = DELETE");
    lock.exec("BEGIN EXCLUSIVE");
  } catch (error) {
    lock.close();
    if (!(error instanceof Database.SqliteError) || !error.code.startsWith("SQLITE_BUSY")) throw error;
    throw new Refusal({
      reason: "a node is running on this data folder",
      remedy: "Stop the node first, then restore.",
    });
  }
  return () => void lock.close();
}
