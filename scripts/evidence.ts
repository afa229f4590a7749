/**
 * `npm run evidence`: one folder for an auditor, with an `index.md` that says how each file came to be. Owns the list of what belongs there;
 * promises that every file is the output of a run made now, a page proven fresh, or the newest report under the commit it names. Options:
 * `--out FOLDER` (default `coverage/evidence`), `--skip a,b` (leaves steps out, and the index says so). Exits 1 when a run failed.
 */
import { execFileSync, spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { copyFileSync, existsSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { parseArgs } from "node:util";
import { formatIndex, formatMutants, readRunCounts, type Step } from "./evidence/index.ts";
import { readRound } from "./fuzz/rounds.ts";
import { listDeployed } from "./golden/pages.ts";
import { fingerprint, groundOf, readAll } from "./mutate/plan.ts";
import { explainedPath, readReport, reportPath } from "./mutate/report.ts";
import { compilerVersion } from "./solidity.ts";

const { values } = parseArgs({
  options: { out: { type: "string", default: "coverage/evidence" }, skip: { type: "string", default: "" } },
});
const skipped = new Set(values.skip.split(",").filter((name) => name !== ""));
const out = values.out;
const seed = process.env["FUZZ_SEED"] ?? `0x${randomBytes(16).toString("hex")}`;
const git = (...args: string[]): string => execFileSync("git", args, { encoding: "utf8" }).trim();
const commit = git("rev-parse", "HEAD");
const isDirty = git("status", "--porcelain") !== "";
const date = new Date().toISOString();
const steps: Step[] = [];

rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });

/** Runs a command to its end and keeps all it printed. */
async function run(step: { name: string; file: string; about: string; command: readonly string[] }): Promise<string> {
  const { name, file, about } = step;
  const command = step.command.join(" ");
  if (skipped.has(name)) {
    steps.push({ file, about, command, state: "left out", note: `--skip ${name}` });
    return "";
  }
  process.stdout.write(`${name} …\n`);
  const started = performance.now();
  const [first = "", ...args] = step.command;
  const { code, output } = await new Promise<{ code: number; output: string }>((resolve) => {
    const child = spawn(first === "node" ? process.execPath : first, args, {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, FUZZ_SEED: seed, FORCE_COLOR: "0", NODE_NO_WARNINGS: "1" },
    });
    const end = (): void => void child.kill("SIGKILL");
    process.once("exit", end);
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (chunk: Buffer) => (output += chunk.toString()));
    }
    child.on("close", (status) => {
      process.off("exit", end);
      resolve({ code: status ?? 1, output: output.replace(/\u001b\[[0-9;]*m/g, "") });
    });
  });
  writeFileSync(join(out, file), `$ ${command}\ncommit ${commit}\nseed ${seed}\n\n${output}\nexit code ${code}\n`);
  const counts = readRound(output, code);
  const closing = output.trim().split("\n").at(-1)?.trim() ?? "";
  const note = counts.passed > 0 ? `${counts.passed} passed, ${counts.failed} failed` : closing;
  const seconds = Math.round((performance.now() - started) / 1000);
  steps.push({ file, about, command, state: code === 0 ? "made" : "FAILED", note, seconds });
  return output;
}
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(143));

function copy(from: string, about: string, note: string): void {
  const file = basename(from);
  if (!existsSync(from)) {
    steps.push({ file, about, state: "left out", note: `${from} is not there` });
    return;
  }
  copyFileSync(from, join(out, file));
  steps.push({ file, about, state: "copied", note });
}

function versions(): void {
  const lock = JSON.parse(readFileSync("package-lock.json", "utf8")) as {
    packages: Record<string, { version: string }>;
  };
  const named = ["hardhat", "@openzeppelin/contracts", "solc", "ethers", "viem", "mocha", "solhint"];
  const hash = (path: string): string => createHash("sha256").update(readFileSync(path)).digest("hex");
  const lines = [
    `commit ${commit}${isDirty ? " with changes that are not committed" : ""}`,
    `node ${process.version} ${process.platform} ${process.arch}`,
    `compiler ${compilerVersion()}`,
    ...named.map((name) => `${name} ${lock.packages[`node_modules/${name}`]?.version}`),
    `package-lock.json sha256 ${hash("package-lock.json")}`,
    "",
    "sources, sha256",
    ...globSync("contracts/**/*.sol")
      .toSorted()
      .map((path) => `${hash(path)}  ${path.replaceAll("\\", "/")}`),
    "",
    "deployed code as built, immutable values left zero, sha256",
    ...listDeployed().map(({ contractName, deployedBytecode }) => {
      const bytes = Buffer.from(deployedBytecode.slice(2), "hex");
      return `${createHash("sha256").update(bytes).digest("hex")}  ${contractName}`;
    }),
    "",
  ];
  writeFileSync(join(out, "versions.txt"), lines.join("\n"));
  steps.push({ file: "versions.txt", about: "tools, sources and built code, with hashes", state: "made", note: "" });
}

function mutants(): void {
  const about = "mutation run: what the unit tests notice";
  if (!existsSync(reportPath)) {
    steps.push({ file: "mutants.txt", about, command: "npm run mutate", state: "left out", note: "no report yet" });
    return;
  }
  const report = readReport(compilerVersion());
  const sources = readAll();
  const isCurrent = (source: string): boolean => {
    const ground = report.sources[source]?.ground;
    if (sources[source] === undefined || ground === undefined) return false;
    return fingerprint(ground) === fingerprint(groundOf(source, sources));
  };
  writeFileSync(join(out, "mutants.txt"), formatMutants(report, isCurrent));
  copyFileSync(reportPath, join(out, "mutants-report.json"));
  const sections = Object.keys(report.sources);
  const old = sections.filter((source) => !isCurrent(source));
  const commits = [...new Set(Object.values(report.sources).map((section) => section.commit))].join(", ");
  const note = `${sections.length} sources, of commit ${commits}${old.length === 0 ? "" : `; OLD: ${old.join(", ")}`}`;
  steps.push({ file: "mutants.txt", about, command: "npm run mutate", state: "copied", note });
  copy(explainedPath, "mutants that no test can tell apart, each with the reason", "of this commit");
}

const hardhat = ["node", "node_modules/hardhat/dist/src/cli.js"];
versions();
await run({
  name: "spec",
  file: "fresh.txt",
  about: "the generated pages are those of the sources",
  command: ["node", "scripts/spec.ts", "--check"],
});
const fresh = steps.at(-1)?.state === "made" ? "proven fresh, see fresh.txt" : "NOT proven fresh, see fresh.txt";
copy("docs/SPEC.md", "every test title in order: the specification", fresh);
copy("docs/ROLES.md", "who may do what", fresh);
copy("docs/INVARIANTS.md", "what holds after every step, and where it is proven", "written page");
copy("docs/THREATS.md", "threats and what stands against them", "written page");
copy("docs/SIGNATURES.md", "everything that is signed", "written page");
const gasFiles = globSync("test/contracts/**/{gas,golden}.test.ts").map((path) => path.replaceAll("\\", "/"));
await run({
  name: "gas",
  file: "gas.txt",
  about: "gas beside its ceilings, sizes, golden files",
  command: [...hardhat, "test", "mocha", ...gasFiles],
});
for (const page of globSync("test/golden/{layout,sizes,gas}.json").toSorted()) {
  copy(page.replaceAll("\\", "/"), `golden ${basename(page, ".json")}`, "compared in gas.txt");
}
await run({
  name: "coverage",
  file: "coverage.txt",
  about: "unit tests of the contracts, line and statement coverage",
  command: ["node", "scripts/coverage.ts"],
});
if (!skipped.has("coverage")) copy("coverage/lcov.info", "the same line by line", "made by coverage.txt");
const invariants = await run({
  name: "invariants",
  file: "invariants.txt",
  about: "stateful invariants and fuzz tests",
  command: [...hardhat, "test", "solidity"],
});
const counts = readRunCounts(invariants);
if (counts.length > 0) {
  writeFileSync(join(out, "invariant-runs.txt"), `seed ${seed}\n${counts.join("\n")}\n`);
  steps.push({ file: "invariant-runs.txt", about: "runs of each suite", state: "made", note: `from invariants.txt` });
}
await run({
  name: "proofs",
  file: "proofs.txt",
  about: "lemmas proven by the model checker",
  command: ["node", "scripts/prove.ts"],
});
mutants();
for (const record of globSync("coverage/fuzz/*.jsonl").toSorted().slice(-1)) {
  copy(
    record.replaceAll("\\", "/"),
    "newest long fuzzing, one line to a round with its commit and seed",
    "of the commit in each line",
  );
}
writeFileSync(join(out, "index.md"), formatIndex({ commit, isDirty, date, seed, steps }));
const failed = steps.filter(({ state }) => state === "FAILED");
for (const { file, state, note } of steps) process.stdout.write(`${state.padEnd(9)} ${file.padEnd(24)} ${note}\n`);
process.stdout.write(`\n${join(out, "index.md")}: ${steps.length} files, ${failed.length} failed\n`);
process.exit(failed.length === 0 ? 0 : 1);
