/**
 * `remesa restore`: puts a backup in place of a data folder's database. Works without the node, and only while none runs there. Promises that the
 * old folder is moved aside under a dated name, never deleted, and that nothing changes unless the backup is sound.
 */
import { cpSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Command } from "commander";
import { copyDatabase, databaseName, inspectDatabase, lockDatabase, lockName } from "../database.ts";
import { addDryRun, type ChangeOptions, declareVerb } from "../terminal/options.ts";
import { Refusal } from "../terminal/refusal.ts";
import { formatBlock, showResult } from "../terminal/screen.ts";
import type { Terminal } from "../terminal/terminal.ts";
import { formatDatabase } from "./backup.ts";

interface RestoreOptions extends ChangeOptions {
  readonly from: string;
  readonly data: string;
}

/** `2026-11-22T12-30-05Z`: a time that is a file name everywhere. */
function nameTime(): string {
  return new Date()
    .toISOString()
    .replace(/\.\d+Z$/, "Z")
    .replaceAll(":", "-");
}

/** Files of the database and its lock: they stay with the folder that is moved aside. */
function isDatabaseFile(name: string): boolean {
  return name.startsWith(databaseName) || name.startsWith(lockName);
}

/** Chain of the folder's database; null when there is none, or when it cannot be read: a damaged one is why people restore. */
function readIdentity(folder: string): string | null {
  const current = join(folder, databaseName);
  if (!existsSync(current)) return null;
  try {
    return inspectDatabase(current).identity;
  } catch (error) {
    if (error instanceof Refusal) return null;
    throw error;
  }
}

/** Refuses a backup of another chain than the one the folder belongs to. */
function requireSameChain(backup: string | null, folder: string): void {
  const current = readIdentity(folder);
  if (current === null || backup === null || current === backup) return;
  throw new Refusal({
    reason: "the backup belongs to another chain than the data folder",
    remedy: "Restore it into a folder of its own with --data.",
  });
}

/** Builds the restored folder beside the old one, then exchanges the two. Returns where the old one went. */
async function exchange(from: string, folder: string): Promise<string | null> {
  const prepared = `${folder}.restoring`;
  rmSync(prepared, { recursive: true, force: true });
  mkdirSync(prepared, { recursive: true, mode: 0o700 });
  await copyDatabase(from, join(prepared, databaseName), () => {});
  inspectDatabase(join(prepared, databaseName));
  if (!existsSync(folder)) {
    renameSync(prepared, folder);
    return null;
  }
  for (const name of readdirSync(folder).filter((entry) => !isDatabaseFile(entry))) {
    cpSync(join(folder, name), join(prepared, name), { recursive: true, preserveTimestamps: true });
  }
  const aside = `${folder}.aside-${nameTime()}`;
  renameSync(folder, aside);
  renameSync(prepared, folder);
  return aside;
}

async function runRestore(terminal: Terminal, options: RestoreOptions): Promise<void> {
  const folder = resolve(options.data);
  const facts = inspectDatabase(options.from);
  const lock = join(folder, lockName);
  const unlock = existsSync(lock) ? lockDatabase(lock) : () => {};
  try {
    requireSameChain(facts.identity, folder);
    const aside = options.dryRun === true ? null : await exchange(options.from, folder);
    const done = options.dryRun === true ? "dry run, nothing was changed" : folder;
    showResult(terminal, options, {
      value: { ...facts, folder, aside, dryRun: options.dryRun === true },
      text:
        formatDatabase(terminal, facts) +
        formatBlock(terminal, [
          ["restored", done],
          ["set aside", aside ?? "nothing"],
          ["next", "start the node: it reads the chain again from the backup's last final block"],
        ]),
    });
  } finally {
    unlock();
  }
}

export function addRestore(program: Command, terminal: Terminal): void {
  const verb = declareVerb(program, {
    name: "restore",
    summary: "put a backup in place; the old folder is set aside",
    example: "restore --from remesa-2026-11-22.db --data .remesa/31337",
  });
  addDryRun(verb)
    .requiredOption("--from <file>", "what `remesa backup` wrote")
    .requiredOption("--data <folder>", "data folder to restore; moved aside under a dated name if it exists")
    .action((options: RestoreOptions) => runRestore(terminal, options));
}
