/**
 * One guard on the scales: a copy of the sources in a temporary folder, the guard taken out there, its test run. Owns the copy and the verdict;
 * never touches the checkout. A test that does not run, or an edit that does not compile, proves nothing: that is `broken`.
 */
import { spawn } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { Guard } from "./guard.ts";

/** A test that needs this long without its guard is hanging; the slowest needs seconds. */
const testMs = 20_000;
const runMs = 120_000;

/**
 * `red`: the test noticed. `green`: it did not. `missing`: the text is not there exactly once. `broken`: the test did not run, or the edit
 * does not compile.
 */
export interface Verdict {
  readonly state: "red" | "green" | "missing" | "broken";
  /** The failure's first line, or what went wrong. */
  readonly why: string;
}

interface TestReport {
  readonly title: string;
  readonly passed: boolean;
  /** First line of the failure. */
  readonly why: string;
}

export interface Bench {
  /** Runs a test file on the unchanged copy. Returns the titles that passed. */
  listPassing(file: string): Promise<readonly string[]>;
  /** Guards whose edit does not compile, with the compiler's words. All are compiled at once, each as a file beside the one it changes. */
  findUntyped(guards: readonly Guard[]): Promise<ReadonlyMap<string, string>>;
  judge(guard: Guard): Promise<Verdict>;
  remove(): void;
}

export function countText(content: string, text: string): number {
  return content.split(text).length - 1;
}

/** Titles of every test in the files, with those of their groups before them, without running any. */
export async function listTitles(files: readonly string[]): Promise<readonly string[]> {
  return (await runMocha({ folder: process.cwd(), args: ["--dry-run", ...files] })).map(({ title }) => title);
}

/** Runs Node to its end and returns what it printed on standard output. */
async function run(folder: string, args: readonly string[]): Promise<string> {
  const env = { ...process.env, NODE_NO_WARNINGS: "1", NO_COLOR: "1", FORCE_COLOR: "0" };
  const child = spawn(process.execPath, args, {
    cwd: folder,
    env,
    stdio: ["ignore", "pipe", "ignore"],
    timeout: runMs,
    killSignal: "SIGKILL",
  });
  let output = "";
  child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
  await new Promise<void>((done) => child.once("close", () => done()).once("error", () => done()));
  return output;
}

/** Runs tests and reads mocha's report; empty when no test ran. Lines: `ok 1 title` or `not ok 1 title`, the failure's words below it. */
async function runMocha({ folder, args }: { readonly folder: string; readonly args: readonly string[] }) {
  const mocha = resolve("node_modules/mocha/bin/mocha.js");
  const output = await run(folder, [mocha, "--reporter", "tap", "--timeout", String(testMs), ...args]);
  const reports: TestReport[] = [];
  const lines = output.split("\n");
  for (const [index, line] of lines.entries()) {
    const [, not, title] = /^(not )?ok \d+ (.*)$/.exec(line) ?? [];
    if (title === undefined) continue;
    const why = not === undefined ? "" : (lines[index + 1] ?? "").trim();
    reports.push({ title, passed: not === undefined, why });
  }
  return reports;
}

/** Copies what the tests need; the packages and compiled contracts are linked. */
export function openBench(): Bench {
  const folder = mkdtempSync(join(tmpdir(), "remesa-guards-"));
  for (const name of ["src", "test", "scripts", "package.json", "tsconfig.json"]) {
    cpSync(name, join(folder, name), { recursive: true });
  }
  for (const name of ["node_modules", "artifacts"]) {
    if (existsSync(name)) symlinkSync(resolve(name), join(folder, name), "junction");
  }

  async function listPassing(file: string): Promise<readonly string[]> {
    return (await runMocha({ folder, args: [file] })).filter(({ passed }) => passed).map(({ title }) => title);
  }

  async function findUntyped(guards: readonly Guard[]): Promise<ReadonlyMap<string, string>> {
    const copies = guards.map(({ id, file, text, without }) => {
      const path = join(folder, file).replace(/\.ts$/, `-without-${id}.ts`);
      writeFileSync(
        path,
        readFileSync(join(folder, file), "utf8").replace(text, () => without),
      );
      return path;
    });
    // What only the guard used is unused without it.
    const loose = ["--noUnusedLocals", "false", "--noUnusedParameters", "false"];
    const config = join(folder, "tsconfig.guards.json");
    writeFileSync(config, JSON.stringify({ extends: "./tsconfig.json", include: ["src"] }));
    const output = await run(folder, [
      resolve("node_modules/ts7/bin/tsc"),
      "--project",
      config,
      "--pretty",
      "false",
      ...loose,
    ]);
    for (const path of copies) rmSync(path);
    const wrong = new Map<string, string>();
    for (const line of output.split("\n").filter((words) => words.includes("error TS"))) {
      const [, id] = /-without-([a-z0-9-]+)\.ts\(/.exec(line) ?? [];
      if (id === undefined) throw new Error(`the sources do not compile: ${line}`);
      wrong.set(id, line.replace(/^.*?: error /, ""));
    }
    return wrong;
  }

  async function judge({ file, text, without, test }: Guard): Promise<Verdict> {
    const path = join(folder, file);
    const content = existsSync(path) ? readFileSync(path, "utf8") : "";
    const count = countText(content, text);
    if (count !== 1) return { state: "missing", why: `its text stands ${count} times in ${file}` };
    writeFileSync(
      path,
      content.replace(text, () => without),
    );
    try {
      const reports = await runMocha({ folder, args: ["--fgrep", test.title, test.file] });
      const failed = reports.find(({ passed }) => !passed);
      if (failed !== undefined) return { state: "red", why: failed.why };
      return reports.length > 0
        ? { state: "green", why: "the test passes without the guard" }
        : { state: "broken", why: "the test did not run" };
    } finally {
      writeFileSync(path, content);
    }
  }

  return { listPassing, findUntyped, judge, remove: () => rmSync(folder, { recursive: true, force: true }) };
}
