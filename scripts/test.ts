/**
 * `npm test`: the whole contract with CI, stage after stage. Owns the order of the stages and the closing count; promises that it ends with
 * `N passed, N failed` and exits 0 only when nothing failed. A stage that runs no tests counts as one: it passed or it failed.
 * `-- --only unit|contracts|invariants|e2e|checks` runs one group by hand. The slowest stage runs beside the others.
 */
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { globSync } from "node:fs";
import { parseArgs } from "node:util";

interface Stage {
  readonly name: string;
  readonly group: "checks" | "unit" | "contracts" | "invariants" | "e2e";
  readonly command: readonly string[];
  /** Which runner's closing lines hold the counts. */
  readonly counts: "none" | "mocha" | "hardhat";
  /** Begun before all others and run beside them: it builds in a place of its own. What it printed is shown when its turn comes. */
  readonly isBeside?: boolean;
}

const bin = (name: string): string => `node_modules/.bin/${name}`;
const hardhat = ["node", "node_modules/hardhat/dist/src/cli.js"];
const mocha = (pattern: string): readonly string[] => ["node", "node_modules/mocha/bin/mocha.js", pattern];

const stages: readonly Stage[] = [
  {
    name: "format",
    group: "checks",
    counts: "none",
    command: [
      bin("biome"),
      "format",
      "--error-on-warnings",
      "src",
      "scripts",
      "test",
      "hardhat.config.ts",
      "package.json",
      "tsconfig.json",
    ],
  },
  {
    name: "format Solidity",
    group: "checks",
    counts: "none",
    command: [bin("prettier"), "--check", "contracts/**/*.sol", "test/**/*.sol"],
  },
  { name: "lint", group: "checks", counts: "none", command: [bin("oxlint"), "--type-aware", "src", "scripts", "test"] },
  {
    name: "lint Solidity",
    group: "checks",
    counts: "none",
    command: [bin("solhint"), "--max-warnings", "0", "contracts/**/*.sol"],
  },
  { name: "compile", group: "checks", counts: "none", command: [...hardhat, "build"] },
  { name: "ABIs are fresh", group: "checks", counts: "none", command: ["node", "scripts/abi.ts", "--check"] },
  {
    name: "typecheck",
    group: "checks",
    counts: "none",
    command: ["node", "node_modules/ts7/bin/tsc", "--project", "."],
  },
  { name: "specification is fresh", group: "checks", counts: "none", command: ["node", "scripts/spec.ts", "--check"] },
  { name: "tidy", group: "checks", counts: "mocha", command: mocha("test/tidy.test.ts") },
  {
    name: "unit",
    group: "unit",
    counts: "mocha",
    command: mocha("test/{domain,pipeline,chain,store,http,scripts}/**/*.test.ts"),
  },
  // Instrumented code costs more gas and has other sizes: these files run on the contracts as they are deployed.
  {
    name: "gas, sizes, layout and the model",
    group: "contracts",
    counts: "hardhat",
    command: [...hardhat, "test", "mocha", ...globSync("test/contracts/**/{gas,golden,model}.test.ts")],
  },
  { name: "lemmas are proven", group: "invariants", counts: "none", command: ["node", "scripts/prove.ts"] },
  { name: "invariants", group: "invariants", counts: "hardhat", command: [...hardhat, "test", "solidity"] },
  { name: "end to end", group: "e2e", counts: "mocha", command: mocha("test/e2e/**/*.test.ts") },
  {
    name: "contracts under coverage",
    group: "contracts",
    counts: "hardhat",
    command: ["node", "scripts/coverage.ts"],
    isBeside: true,
  },
];

interface Result {
  readonly stage: Stage;
  readonly passed: number;
  readonly failed: number;
  readonly seconds: number;
}

/** Reads the counts a runner printed: `12 passing`, `1 failing`, `3 failed`. */
function readCounts(output: string): { passed: number; failed: number } {
  const plain = output.replace(/\u001b\[[0-9;]*m/g, "");
  const sum = (pattern: RegExp): number =>
    [...plain.matchAll(pattern)].reduce((total, match) => total + Number(match[1]), 0);
  return { passed: sum(/^\s*(\d+) passing\b/gm), failed: sum(/^\s*(\d+) (?:failing|failed)\b/gm) };
}

function announce(stage: Stage): void {
  process.stdout.write(
    `\n— ${stage.name}${stage.group === "invariants" ? ` (seed ${process.env["FUZZ_SEED"]})` : ""}\n`,
  );
}

/** Runs a stage to its end; `show` takes what it prints as it comes. */
async function run(stage: Stage, show: (chunk: Buffer) => void): Promise<Result> {
  const started = performance.now();
  const [command = "", ...args] = stage.command;
  const { code, output } = await new Promise<{ code: number; output: string }>((resolve) => {
    const child = spawn(command === "node" ? process.execPath : command, args, {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, FORCE_COLOR: process.stdout.isTTY ? "1" : "0", NODE_NO_WARNINGS: "1" },
    });
    let output = "";
    const take = (chunk: Buffer): void => {
      output += chunk.toString();
      show(chunk);
    };
    child.stdout.on("data", take);
    child.stderr.on("data", take);
    child.on("error", (error) => resolve({ code: 1, output: String(error) }));
    child.on("close", (status) => resolve({ code: status ?? 1, output }));
  });
  const seconds = (performance.now() - started) / 1000;
  if (stage.counts === "none") return { stage, passed: code === 0 ? 1 : 0, failed: code === 0 ? 0 : 1, seconds };
  const counts = readCounts(output);
  // A runner that failed without counting a failure (it could not load, or ran nothing) is one failure.
  const silent = counts.failed === 0 && (code !== 0 || counts.passed === 0);
  return { stage, passed: counts.passed, failed: silent ? 1 : counts.failed, seconds };
}

// Every run fuzzes from a seed of its own, printed; the same seed gives the same sequences again.
process.env["FUZZ_SEED"] ??= `0x${randomBytes(16).toString("hex")}`;

const { values } = parseArgs({ options: { only: { type: "string" } } });
const chosen = stages.filter((stage) => values.only === undefined || stage.group === values.only);
if (chosen.length === 0) {
  process.stderr.write(`no such group: ${values.only}; one of checks, unit, contracts, invariants, e2e\n`);
  process.exit(64);
}
const results: Result[] = [];
const beside = new Map(
  chosen
    .filter(({ isBeside }) => isBeside)
    .map((stage) => {
      const printed: Buffer[] = [];
      return [stage, { printed, result: run(stage, (chunk) => printed.push(chunk)) }];
    }),
);
for (const stage of chosen) {
  announce(stage);
  const begun = beside.get(stage);
  results.push(await (begun?.result ?? run(stage, (chunk) => process.stdout.write(chunk))));
  for (const chunk of begun?.printed ?? []) process.stdout.write(chunk);
}

process.stdout.write("\n");
for (const { stage, passed, failed, seconds } of results) {
  const mark = failed === 0 ? "ok  " : "FAIL";
  process.stdout.write(
    `${mark} ${stage.name.padEnd(24)} ${seconds.toFixed(1).padStart(7)} s   ${passed} passed, ${failed} failed\n`,
  );
}
const total = (key: "passed" | "failed"): number => results.reduce((sum, result) => sum + result[key], 0);
process.stdout.write(`\n${total("passed")} passed, ${total("failed")} failed\n`);
process.exitCode = total("failed") === 0 ? 0 : 1;
