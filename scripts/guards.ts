/**
 * `npm run mutate -- --guards`: takes the guards of the node out one by one, in a copy, and shows that the test of the failure each one prevents turns
 * red. Exits 1 when a test stays green, a guard's text is gone, or a test is red on unchanged code. `--only F7,F8` takes some.
 */
import { parseArgs } from "node:util";
import Table from "cli-table3";
import { type Bench, openBench, type Verdict } from "./guards/judge.ts";
import type { Guard } from "./guards/guard.ts";
import { guards } from "./guards/list.ts";

interface Judged extends Verdict {
  readonly guard: Guard;
  readonly seconds: number;
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** What is red before anything was taken out. */
async function findRed(bench: Bench, chosen: readonly Guard[]): Promise<readonly string[]> {
  const red: string[] = [];
  for (const file of new Set(chosen.map(({ test }) => test.file))) {
    const passing = await bench.listPassing(file);
    const titles = new Set(chosen.filter(({ test }) => test.file === file).map(({ test }) => test.title));
    for (const title of titles) if (!passing.some((full) => full.endsWith(title))) red.push(`${file}: ${title}`);
  }
  return red;
}

async function judgeAll(bench: Bench, chosen: readonly Guard[]): Promise<readonly Judged[]> {
  const untyped = await bench.findUntyped(chosen);
  const judged: Judged[] = [];
  for (const guard of chosen) {
    const started = performance.now();
    const wrong = untyped.get(guard.id);
    const verdict: Verdict = wrong === undefined ? await bench.judge(guard) : { state: "broken", why: wrong };
    judged.push({ ...verdict, guard, seconds: (performance.now() - started) / 1_000 });
    say(`${verdict.state.padEnd(8)} ${guard.failure.padEnd(8)} ${guard.id}`);
  }
  return judged;
}

function format(judged: readonly Judged[]): string {
  const table = new Table({ head: ["", "guard", "without it", "s"], style: { head: [], border: [], compact: true } });
  for (const { guard, state, why, seconds } of judged) {
    const short = why.length > 88 ? `${why.slice(0, 87)}…` : why;
    table.push([guard.failure, guard.id, `${state}: ${short}`, seconds.toFixed(1)]);
  }
  return table.toString();
}

/** Returns the exit code. */
export async function runGuards(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: { guards: { type: "boolean" }, only: { type: "string", default: "" } },
  });
  const only = values.only.split(",").filter((name) => name !== "");
  const chosen = guards.filter(({ id, failure }) => only.length === 0 || only.includes(failure) || only.includes(id));
  if (chosen.length === 0) {
    say(`no such guard: ${values.only}`);
    return 64;
  }
  const bench = openBench();
  const stop = (): void => {
    bench.remove();
    process.exit(143);
  };
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, stop);
  try {
    const red = await findRed(bench, chosen);
    for (const line of red) say(`red on unchanged code: ${line}`);
    if (red.length > 0) return 1;
    const judged = await judgeAll(bench, chosen);
    const noticed = judged.filter(({ state }) => state === "red").length;
    process.stdout.write(`${format(judged)}\n${noticed} of ${judged.length} guards are noticed when they are gone\n`);
    return noticed === judged.length ? 0 : 1;
  } finally {
    bench.remove();
  }
}
