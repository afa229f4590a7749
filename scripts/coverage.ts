/**
 * Runs the contract tests under coverage and holds `contracts/`, interfaces and mocks aside, to 100 % of lines and statements. Passes the
 * runner's output on, names every source that falls short, and fails when a source is missing from the report.
 */
import { spawn } from "node:child_process";
import { globSync } from "node:fs";

const sources = globSync("contracts/**/*.sol")
  .map((path) => path.replaceAll("\\", "/"))
  .filter((path) => !/^contracts\/(interfaces|mocks)\//.test(path));

const child = spawn(process.execPath, ["node_modules/hardhat/dist/src/cli.js", "test", "mocha", "--coverage"], {
  stdio: ["ignore", "pipe", "inherit"],
});
let output = "";
child.stdout.on("data", (chunk: Buffer) => {
  output += chunk.toString();
  process.stdout.write(chunk);
});
const code = await new Promise<number>((resolve) => child.on("close", (status) => resolve(status ?? 1)));

/** The report's table: source → line % and statement %. */
const rows = new Map(
  [...output.replace(/\u001b\[[0-9;]*m/g, "").matchAll(/║ (contracts\/\S+) +│ +([\d.]+) +│ +([\d.]+) /g)].map(
    ([, source = "", lines = "", statements = ""]) => [
      source,
      { lines: Number(lines), statements: Number(statements) },
    ],
  ),
);
const short = sources.filter((source) => {
  const row = rows.get(source);
  return row === undefined || row.lines !== 100 || row.statements !== 100;
});
for (const source of short)
  process.stderr.write(`${source} is not covered: ${JSON.stringify(rows.get(source) ?? "not in the report")}\n`);
process.stdout.write(
  `${sources.length - short.length} of ${sources.length} contracts are covered, line by line and statement by statement\n`,
);
process.exit(code === 0 && short.length === 0 ? 0 : 1);
