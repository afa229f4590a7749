/**
 * `remesa backup`: a consistent copy of the node's database in one file, while the node runs or not. Works without the node. Promises that the
 * copy was checked before it gets its name, that nothing is overwritten, and that no key is in it.
 */
import { existsSync, linkSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Command } from "commander";
import { copyDatabase, type DatabaseFacts, databaseName, inspectDatabase } from "../database.ts";
import { requireDataFolder } from "../session.ts";
import { addDryRun, type ChangeOptions, declareVerb } from "../terminal/options.ts";
import { createProgress } from "../terminal/progress.ts";
import { Refusal } from "../terminal/refusal.ts";
import { formatBlock, showResult } from "../terminal/screen.ts";
import type { Terminal } from "../terminal/terminal.ts";

interface BackupOptions extends ChangeOptions {
  readonly data?: string;
  readonly out: string;
}

export function formatDatabase(terminal: Terminal, facts: DatabaseFacts): string {
  return formatBlock(terminal, [
    ["file", facts.path],
    ["size", `${facts.bytes} bytes`],
    ["sha256", facts.sha256],
    ["intents", `${facts.intents}, of which ${facts.unfinished} had not ended`],
  ]);
}

/** Gives the finished copy its name; fails when that name is taken, even if it was taken just now. */
function publish(partial: string, out: string): void {
  try {
    linkSync(partial, out);
  } catch (error) {
    throw new Refusal({
      reason: existsSync(out) ? `${out} exists already` : `${out} cannot be written: ${(error as Error).message}`,
      remedy: "Choose another --out: a backup is never overwritten.",
    });
  } finally {
    rmSync(partial, { force: true });
  }
}

async function runBackup(terminal: Terminal, options: BackupOptions): Promise<void> {
  const source = join(requireDataFolder(terminal, options), databaseName);
  const { out } = options;
  if (existsSync(out)) {
    throw new Refusal({
      reason: `${out} exists already`,
      remedy: "Choose another --out: a backup is never overwritten.",
    });
  }
  if (options.dryRun === true) {
    const facts = inspectDatabase(source);
    showResult(terminal, options, {
      value: facts,
      text: `${formatDatabase(terminal, facts)}Dry run: nothing was written.\n`,
    });
    return;
  }
  const partial = `${out}.partial`;
  const progress = createProgress(terminal, { label: "backup", total: 100 });
  await copyDatabase(source, partial, (done, total) =>
    progress.show(Math.floor((done * 100) / Math.max(1, total)), "%"),
  );
  progress.end();
  const facts = inspectDatabase(partial);
  publish(partial, out);
  const named = { ...facts, path: out };
  showResult(terminal, options, { value: named, text: formatDatabase(terminal, named) });
}

export function addBackup(program: Command, terminal: Terminal): void {
  const verb = declareVerb(program, {
    name: "backup",
    summary: "copy the node's database while it runs",
    example: "backup --out remesa-2026-11-22.db",
  });
  addDryRun(verb)
    .requiredOption("--out <file>", "the copy; never overwritten")
    .option("--data <folder>", "data folder of the node; default: the newest .remesa/<chainId>/")
    .addHelpText(
      "after",
      "\nCredentials and redemption records are not in it: keep a copy of the data folder's other files too.",
    )
    .action((options: BackupOptions) => runBackup(terminal, options));
}
