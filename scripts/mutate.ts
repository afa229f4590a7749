/**
 * `npm run mutate`: changes the contracts one small piece at a time and asks the unit tests whether they notice. Owns the order of the work
 * and the verdict: exits 1 when a mutant survives that `test/golden/mutants.json` does not explain. Options: `--contract X` (names of
 * sources, comma-separated), `--sample N`, `--seed S`, `--minutes N`, `--resume` (judges what was not judged, and again what changed tests
 * might tell otherwise). Stopped at any time, it leaves a whole report. `--guards` takes the node's guards out instead: scripts/guards.ts.
 */
import { execFileSync, fork, type ChildProcess } from "node:child_process";
import { basename } from "node:path";
import { parseArgs } from "node:util";
import { runGuards } from "./guards.ts";
import { applyEdit, listMutants, type Mutant, type Node } from "./mutate/operators.ts";
import { fingerprint, groundOf, listMutated, readAll, sample, type Suite, suitesOf } from "./mutate/plan.ts";
import { type Answer, profiles, type Request, type TestName, type Baseline } from "./mutate/protocol.ts";
import {
  type Explained,
  findStale,
  formatScore,
  keepVerdicts,
  type Judged,
  readExplained,
  readReport,
  reportPath,
  scoreOf,
  type Section,
  writeReport,
} from "./mutate/report.ts";
import { buildSettings, compileSound, compilerVersion } from "./solidity.ts";

if (process.argv.includes("--guards")) process.exit(await runGuards(process.argv.slice(2)));

const { values } = parseArgs({
  options: {
    contract: { type: "string", default: "" },
    sample: { type: "string" },
    seed: { type: "string", default: "1" },
    minutes: { type: "string", default: "1440" },
    resume: { type: "boolean", default: false },
  },
});

/** Past this a worker is replaced: test files leave chains behind. */
const MUTANTS_PER_WORKER = 200;
/** Tests that lately noticed a change, tried before whole files. */
const HINTS = 12;
/** A mutant that makes a suite this many times slower is hanging. */
const PATIENCE = 4;
/** A machine that others use, too, was seen to be six times slower than when the suite was timed. */
const LEAST_PATIENCE_MS = 300_000;
const BASELINE_MS = 1_200_000;

const say = (line: string): void => void process.stdout.write(`${line}\n`);
const deadline = Date.now() + Number(values.minutes) * 60_000;
let stopped = false;

// ——— the worker ———

let worker: ChildProcess | undefined;
let judgedByWorker = 0;

function endWorker(): void {
  worker?.kill("SIGKILL");
  worker = undefined;
  judgedByWorker = 0;
}

/** The worker's next message; when it took too long or died, which of the two, and the worker is gone. */
function nextAnswer(from: ChildProcess, patienceMs: number): Promise<Answer | "late" | "dead"> {
  return new Promise((resolve) => {
    const end = (answer: Answer | "late" | "dead"): void => {
      clearTimeout(timer);
      from.off("message", onMessage).off("exit", onExit);
      if (typeof answer === "string") endWorker();
      resolve(answer);
    };
    const onMessage = (message: unknown): void => end(message as Answer);
    const onExit = (): void => end("dead");
    const timer = setTimeout(() => end("late"), patienceMs);
    from.on("message", onMessage).on("exit", onExit);
  });
}

/** Asks the worker; null when it took too long. A worker that dies is replaced once: what kills two is a fault of the run. */
async function ask(request: Request, patienceMs: number): Promise<Answer | null> {
  for (let attempt = 1; ; attempt++) {
    const answer = await askOnce(request, patienceMs);
    if (answer === "late" || stopped) return null;
    if (answer !== "dead") return answer;
    if (attempt === 2) throw new Error("the worker died twice on one request");
  }
}

async function askOnce(request: Request, patienceMs: number): Promise<Answer | "late" | "dead"> {
  if (worker === undefined) {
    worker = fork(new URL("./mutate/worker.ts", import.meta.url), [], {
      execArgv: ["--disable-warning=ExperimentalWarning", "--max-old-space-size=4096"],
      env: { ...process.env, HARDHAT_DISABLE_TELEMETRY: "true", NODE_NO_WARNINGS: "1" },
      stdio: ["ignore", "ignore", "inherit", "ipc"],
    });
    if (typeof (await nextAnswer(worker, 120_000)) === "string" && !stopped)
      throw new Error("the worker did not start");
  }
  const asked = worker;
  if (asked === undefined) return "dead";
  asked.send(request);
  return nextAnswer(asked, patienceMs);
}

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.on(signal, () => {
    stopped = true;
    endWorker();
  });
}
process.on("exit", endWorker);

// ——— the work ———

const sources = readAll();
const report = readReport(compilerVersion());
const explained = new Map(readExplained().map((entry) => [entry.id, entry]));
const commit = execFileSync("git", ["describe", "--always", "--dirty", "--abbrev=12"], { encoding: "utf8" }).trim();
const names = values.contract.split(",").filter((name) => name !== "");
const chosen = listMutated().filter((path) => names.length === 0 || names.includes(basename(path, ".sol")));
const unknown = names.filter((name) => !chosen.some((path) => basename(path, ".sol") === name));
if (unknown.length > 0) {
  process.stderr.write(`no such contract: ${unknown.join(", ")}\n`);
  process.exit(64);
}

const trees = compileSound(sources, buildSettings, { "*": { "": ["ast"] } });
const baselines = new Map<string, Baseline>();
/** Tests that noticed a change, the latest first, with the function it was in. */
const kills = new Map<string, { readonly test: TestName; readonly place: string }[]>();

/** Runs a suite on unchanged code until a profile is found under which every test passes, else takes the one with the fewest failures. */
async function prepare(suite: Suite): Promise<Baseline> {
  const known = baselines.get(suite.name);
  if (known !== undefined) return known;
  const print = fingerprint(groundOf(suite.targets[0]?.source ?? "", sources));
  const old = report.suites[suite.name];
  if (values.resume && old?.fingerprint === print) {
    const kept = { profile: old.profile, excluded: old.excluded, files: old.files };
    baselines.set(suite.name, kept);
    return kept;
  }
  let best: { baseline: Baseline; tests: number } | undefined;
  for (const profile of Object.keys(profiles)) {
    const answer = await ask({ kind: "baseline", suite, profile }, BASELINE_MS);
    if (stopped) break;
    if (answer?.kind !== "baseline") throw new Error(`${suite.name}: the tests did not end on unchanged code`);
    if (answer.error !== undefined) {
      say(`  ${suite.name}, ${profile}: does not compile: ${answer.error.split("\n")[0]}`);
      continue;
    }
    const failed = answer.baseline.excluded.length;
    if (best === undefined || failed < best.baseline.excluded.length) best = answer;
    if (failed === 0) break;
    say(`  ${suite.name}, ${profile}: ${failed} of ${answer.tests} tests fail on unchanged code`);
  }
  if (best === undefined) throw new Error(`${suite.name}: no profile compiles`);
  const { baseline, tests } = best;
  const seconds = Object.values(baseline.files).reduce((sum, ms) => sum + ms, 0) / 1000;
  report.suites[suite.name] = { ...baseline, tests, seconds, fingerprint: print };
  say(
    `  ${suite.name}: ${tests} tests in ${seconds.toFixed(0)} s with ${baseline.profile}, ${baseline.excluded.length} set aside`,
  );
  baselines.set(suite.name, baseline);
  return baseline;
}

function hintsFor(suite: Suite, place: string): readonly TestName[] {
  const known = kills.get(suite.name) ?? [];
  const near = known.filter((kill) => kill.place === place);
  const far = known.filter((kill) => kill.place !== place);
  return [...near.slice(0, HINTS - 4), ...far].slice(0, HINTS).map(({ test }) => test);
}

function remember(suite: string, place: string, test: TestName): void {
  const others = (kills.get(suite) ?? []).filter(
    (kill) => kill.place !== place || kill.test.title !== test.title || kill.test.file !== test.file,
  );
  kills.set(suite, [{ test, place }, ...others].slice(0, 400));
}

/** The function's own file first, then those that noticed most, then the quick ones. */
function orderFiles(suite: Suite, place: string, baseline: Baseline): readonly string[] {
  const noticed = (file: string): number =>
    (kills.get(suite.name) ?? []).filter(({ test }) => test.file === file).length;
  const rank = (file: string): number =>
    basename(file, ".test.ts") === place.replace(/^_+/, "") ? -Infinity : -noticed(file);
  const cost = (file: string): number => baseline.files[file] ?? 0;
  return suite.files.toSorted((a, b) => {
    const [first, second] = [rank(a), rank(b)];
    return first === second ? cost(a) - cost(b) : first - second;
  });
}

async function judge(mutant: Mutant, suites: readonly Suite[]): Promise<Judged | null> {
  const content = applyEdit(sources[mutant.source]?.content ?? "", mutant);
  const { id, line, operator, before, after, source } = mutant;
  const fact = { id, function: mutant.function, line, operator, before, after };
  const started = performance.now();
  const seconds = (): number => Math.round((performance.now() - started) / 100) / 10;
  const prepared = [];
  let patience = 0;
  for (const suite of suites) {
    const baseline = await prepare(suite);
    patience += Object.values(baseline.files).reduce((sum, ms) => sum + ms, 0) * PATIENCE;
    prepared.push({
      suite: { ...suite, files: orderFiles(suite, mutant.function, baseline) },
      profile: baseline.profile,
      excluded: baseline.excluded,
      hints: hintsFor(suite, mutant.function),
    });
  }
  const limit = Math.max(patience, LEAST_PATIENCE_MS);
  const answer = await ask({ kind: "judge", source, content, suites: prepared }, limit);
  if (stopped) return null;
  if (++judgedByWorker >= MUTANTS_PER_WORKER) endWorker();
  if (answer?.kind !== "judge") return { ...fact, state: "timeout", seconds: seconds() };
  const { verdict } = answer;
  if (verdict.state === "invalid") return { ...fact, state: "invalid", reason: verdict.reason, seconds: seconds() };
  if (verdict.state === "killed") {
    remember(verdict.suite, mutant.function, verdict.killer);
    return { ...fact, state: "killed", killer: verdict.killer, seconds: seconds() };
  }
  const compared = await ask({ kind: "compare", source, content, suites }, LEAST_PATIENCE_MS);
  if (stopped) return null;
  const isSame = compared?.kind === "judge" && compared.verdict.state === "same-code";
  if (isSame) return { ...fact, state: "same-code", seconds: seconds() };
  const why = explained.get(id)?.why;
  return why === undefined
    ? { ...fact, state: "survived", seconds: seconds() }
    : { ...fact, state: "explained", reason: why, seconds: seconds() };
}

/**
 * Two controls by the worker that judged the others: code that cannot be deployed must be noticed, unchanged code must not. When either goes
 * wrong, no verdict counts.
 */
async function control(source: string, suites: readonly Suite[]): Promise<boolean> {
  const prepared = [];
  for (const suite of suites) {
    const { profile, excluded } = await prepare(suite);
    prepared.push({ suite, profile, excluded, hints: [] });
  }
  const content = sources[source]?.content ?? "";
  for (const isBroken of [true, false]) {
    const request = { kind: "judge", source, content, always: true, isBroken, suites: prepared } as const;
    const answer = await ask(request, BASELINE_MS);
    if (stopped) return false;
    if (answer?.kind === "judge" && answer.verdict.state === (isBroken ? "killed" : "survived")) continue;
    say(`  CONTROL FAILED on ${isBroken ? "broken" : "unchanged"} code: ${JSON.stringify(answer)}`);
    return false;
  }
  return true;
}

function describe(judged: Judged): string {
  const { state, id, line, operator, before, after, killer } = judged;
  return `${state.padEnd(9)} ${id} :${line} ${operator}\n            - ${before}\n            + ${after}${killer === undefined ? "" : `\n            by ${killer.title}`}`;
}

/** One source from its first mutant to its last; true when nothing is left open. */
async function run(source: string): Promise<boolean> {
  const suites = suitesOf(source, sources);
  const content = sources[source]?.content ?? "";
  const all = listMutants({ source, content, ast: trees.sources[source]?.ast as Node });
  const picked =
    values.sample === undefined ? all : sample(all, { count: Number(values.sample), seed: `${values.seed}${source}` });
  say(`\n${source}: ${picked.length} of ${all.length} mutants, judged by ${suites.map(({ name }) => name).join(", ")}`);
  if (suites.length === 0) {
    say("  no test judges this source");
    return all.length === 0;
  }
  const ground = groundOf(source, sources);
  const old = report.sources[source];
  const listed = new Set(all.map(({ id }) => id));
  const kept = (values.resume ? keepVerdicts(old, ground) : []).filter(({ id }) => listed.has(id));
  const isWhole = kept.length > 0 && kept.length === old?.mutants.length;
  const section: Section = {
    commit,
    date: new Date().toISOString(),
    ground,
    total: all.length,
    ...(values.sample === undefined ? {} : { seed: values.seed }),
    isControlled: isWhole && old.isControlled,
    mutants: kept.map(refresh),
  };
  for (const { killer, function: place } of section.mutants) {
    const suite = suites.find(({ files }) => killer !== undefined && files.includes(killer.file));
    if (killer !== undefined && suite !== undefined) remember(suite.name, place, killer);
  }
  report.sources[source] = section;
  let hasJudged = !section.isControlled && section.mutants.length > 0;
  const done = new Set(section.mutants.map(({ id }) => id));
  for (const mutant of picked) {
    if (done.has(mutant.id)) continue;
    if (stopped || Date.now() > deadline) break;
    const judged = await judge(mutant, suites);
    if (judged === null) break;
    hasJudged = true;
    section.mutants.push(judged);
    writeReport(report);
    if (judged.state === "survived" || judged.state === "timeout") say(`  ${describe(judged)}`);
    else if (process.stdout.isTTY)
      process.stdout.write(`  ${section.mutants.length}/${picked.length} ${judged.state}\r`);
  }
  // A run that is stopped keeps its verdicts; they count once a later run's controls have ended well.
  const isControlled = hasJudged ? !stopped && (await control(source, suites)) : section.isControlled;
  section.isControlled = isControlled;
  if (!isControlled && !stopped) section.mutants.length = 0;
  writeReport(report);
  const stale = findStale(
    [...explained.values()].filter((entry) => entry.source === source),
    all,
  );
  for (const entry of stale) say(`  stale explanation ${entry.id}: ${entry.before} → ${entry.after}`);
  say(`  ${formatScore(basename(source), scoreOf(section))}`);
  return isControlled && stale.length === 0 && section.mutants.every(({ state }) => state !== "survived") && !stopped;
}

/** A kept verdict with the explanations as they are now. */
function refresh(judged: Judged): Judged {
  if (judged.state !== "survived" && judged.state !== "explained") return judged;
  const { reason: _, ...rest } = judged;
  const entry: Explained | undefined = explained.get(judged.id);
  return entry === undefined ? { ...rest, state: "survived" } : { ...rest, state: "explained", reason: entry.why };
}

let isClean = true;
for (const source of chosen) {
  if (stopped || Date.now() > deadline) break;
  isClean = (await run(source)) && isClean;
}
endWorker();

say(`\nreport: ${reportPath}, commit ${commit}`);
const scores = chosen.flatMap((source) => {
  const section = report.sources[source];
  return section === undefined ? [] : [[source, scoreOf(section)] as const];
});
for (const [source, score] of scores) say(formatScore(source, score));
const sum = (key: keyof ReturnType<typeof scoreOf>): number =>
  scores.reduce((total, [, score]) => total + score[key], 0);
say(
  formatScore("in all", {
    killed: sum("killed"),
    explained: sum("explained"),
    survived: sum("survived"),
    judged: sum("judged"),
    total: sum("total"),
    seconds: sum("seconds"),
  }),
);
if (stopped) say("stopped; go on with --resume");
process.exit(stopped ? 143 : isClean ? 0 : 1);
