/**
 * `npm run prove`: has the compiler's model checker prove the lemmas in `test/lemmas/`, each in a process of its own with a kill timer. Owns
 * the time limit and the verdict; exits 1 unless every lemma is proven and the control, false on purpose, is refuted. `-- --seconds N` sets
 * the limit per lemma, `--lemma X` picks one. Writes `coverage/proofs.json`.
 */
import { spawn } from "node:child_process";
import { globSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { isExpected, judge, type Lemma, readLemmas, type Verdict } from "./prove/lemmas.ts";
import { type CompilerMessage, compilerVersion } from "./solidity.ts";

const { values } = parseArgs({
  // Seconds each on a free core; the rest is for a machine that has other work.
  options: { seconds: { type: "string", default: "240" }, lemma: { type: "string" } },
});
const limit = Number(values.seconds);
const child = fileURLToPath(new URL("./prove/child.ts", import.meta.url));

/** The checker's messages; null when the time is up. */
function ask({ source, name }: Lemma): Promise<readonly CompilerMessage[] | null> {
  return new Promise((resolve, reject) => {
    const asked = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", child, source, name], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    let output = "";
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      asked.kill("SIGKILL");
    }, limit * 1000);
    const end = (): void => void asked.kill("SIGKILL");
    process.once("exit", end);
    asked.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
    asked.on("close", (code) => {
      clearTimeout(timer);
      process.off("exit", end);
      if (isLate) resolve(null);
      else if (code === 0) resolve(JSON.parse(output) as readonly CompilerMessage[]);
      else reject(new Error(`${name}: the checker ended with ${code}`));
    });
  });
}
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(143));

const lemmas = globSync("test/lemmas/*.sol")
  .map((path) => path.replaceAll("\\", "/"))
  .toSorted()
  .flatMap((path) => readLemmas(path, readFileSync(path, "utf8")))
  .filter(({ name }) => values.lemma === undefined || name === values.lemma);
if (!lemmas.some(({ isControl }) => !isControl)) {
  process.stderr.write("no lemma to prove\n");
  process.exit(64);
}

const results: (Lemma & { verdict: Verdict; detail: string; seconds: number; isExpected: boolean })[] = [];
async function prove(lemma: Lemma): Promise<void> {
  const started = performance.now();
  const messages = await ask(lemma);
  const found = messages === null ? { verdict: "out of time" as const, detail: `${limit} s` } : judge(lemma, messages);
  const seconds = Math.round((performance.now() - started) / 100) / 10;
  const isGood = isExpected(lemma, found.verdict);
  results.push({ ...lemma, ...found, seconds, isExpected: isGood });
  const note = lemma.isControl ? "refuted, as it must be" : found.verdict;
  process.stdout.write(
    `${isGood ? "ok  " : "FAIL"} ${lemma.name.padEnd(20)} ${`${seconds.toFixed(1)} s`.padStart(8)}  ${isGood ? note : `${found.verdict}: ${found.detail}`}\n     ${lemma.notice}\n`,
  );
}

// Two at a time: each is a process that keeps one core busy.
const waiting = [...lemmas];
await Promise.all(
  [1, 2].map(async () => {
    for (let lemma = waiting.shift(); lemma !== undefined; lemma = waiting.shift()) await prove(lemma);
  }),
);
results.sort((a, b) => (a.name < b.name ? -1 : 1));
mkdirSync("coverage", { recursive: true });
writeFileSync(
  "coverage/proofs.json",
  `${JSON.stringify({ compiler: compilerVersion(), date: new Date().toISOString(), secondsAtMost: limit, lemmas: results }, null, 1)}\n`,
);
const open = results.filter((result) => !result.isExpected);
const proven = results.filter(({ verdict }) => verdict === "proven");
process.stdout.write(
  `\n${proven.length} lemmas proven without a bound on inputs or steps, ${open.length} not as they must be\n`,
);
process.exit(open.length === 0 ? 0 : 1);
