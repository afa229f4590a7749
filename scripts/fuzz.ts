/**
 * `npm run fuzz -- --minutes N`: runs the Solidity invariants and fuzz tests again and again, each round from a fresh seed that it prints.
 * Owns the record of rounds in `coverage/fuzz/`; exits 1 at the first failing round, whose seed, counterexample and sequence are written
 * down there. Options: `--seed S` (of the first round), `--files a,b`. Ends within the minutes but for the round that is under way.
 */
import { execFileSync, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { appendFileSync, mkdirSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { readRound, seedOf, sumRounds, type Round } from "./fuzz/rounds.ts";

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "10" },
    seed: { type: "string", default: `0x${randomBytes(16).toString("hex")}` },
    files: { type: "string", default: "" },
  },
});
const minutes = Number(values.minutes);
if (!(minutes > 0)) {
  process.stderr.write(`--minutes wants a number above 0, not ${values.minutes}\n`);
  process.exit(64);
}
if (!/^0x[0-9a-f]{1,64}$/i.test(values.seed)) {
  process.stderr.write(`--seed wants 0x and up to 64 hexadecimal digits, not ${values.seed}\n`);
  process.exit(64);
}
const files = values.files.split(",").filter((file) => file !== "");
const commit = execFileSync("git", ["describe", "--always", "--dirty", "--abbrev=12"], { encoding: "utf8" }).trim();
mkdirSync("coverage/fuzz", { recursive: true });
const record = `coverage/fuzz/${new Date().toISOString().replace(/[:.]/g, "-")}.jsonl`;

let stopped = false;
/** One run of the suites; null when it was stopped. */
function run(seed: string, compile: boolean): Promise<Round | null> {
  return new Promise((resolve) => {
    const args = ["test", "solidity", ...(compile ? [] : ["--no-compile"]), ...files];
    const child = spawn(process.execPath, ["node_modules/hardhat/dist/src/cli.js", ...args], {
      env: { ...process.env, FUZZ_SEED: seed, FORCE_COLOR: "0", NODE_NO_WARNINGS: "1" },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = "";
    const take = (chunk: Buffer): void => void (output += chunk.toString());
    child.stdout.on("data", take);
    child.stderr.on("data", take);
    const stop = (): void => {
      stopped = true;
      child.kill("SIGKILL");
    };
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, stop);
    child.on("close", (code) => {
      for (const signal of ["SIGINT", "SIGTERM"] as const) process.off(signal, stop);
      resolve(stopped ? null : readRound(output, code ?? 1));
    });
  });
}

const started = Date.now();
const rounds: Round[] = [];
for (let round = 1; Date.now() - started < minutes * 60_000; round++) {
  const seed = seedOf(values.seed, round);
  const began = Date.now();
  const found = await run(seed, round === 1);
  if (found === null) break;
  rounds.push(found);
  const seconds = Math.round((Date.now() - began) / 1000);
  const { passed, failed } = found;
  process.stdout.write(`round ${round}  seed ${seed}  ${passed} passed, ${failed} failed  ${seconds} s\n`);
  appendFileSync(record, `${JSON.stringify({ commit, round, seed, passed, failed, seconds, files })}\n`);
  if (failed === 0) continue;
  const path = `coverage/fuzz/failure-${seed}.txt`;
  const again = `FUZZ_SEED=${seed} npx hardhat test solidity ${files.join(" ")}`.trim();
  writeFileSync(path, `commit ${commit}\nagain: ${again}\n\n${found.failure}\n`);
  process.stdout.write(`${found.failure}\n\nwritten to ${path}\nagain: ${again}\n`);
  break;
}
process.stdout.write(`${sumRounds(rounds)}; record: ${record}\n`);
const hasFailed = rounds.some(({ failed }) => failed > 0);
process.exit(hasFailed ? 1 : stopped ? 143 : rounds.length === 0 ? 1 : 0);
