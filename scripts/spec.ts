/**
 * `npm run spec`: writes the generated pages. `docs/SPEC.md`: every test title in order, the specification an auditor reads first.
 * `docs/states.md`: the lifecycle table and its diagram. `--check` compares instead of writing and exits 1 when a page is stale.
 */
import { globSync, readFileSync, writeFileSync } from "node:fs";
import Mocha from "mocha";
import { toFunctionSelector, toFunctionSignature, type Abi } from "viem";
import { redemptionEscrowAbi, stablecoinAbi, treasuryAbi, vaspRegistryAbi } from "../src/chain/abi.ts";
import { roles, slowDelays } from "../src/chain/roles.ts";
import { intentEdges, intentStates } from "../src/domain/lifecycle.ts";

/** Folders in reading order: contracts first, then the node in the order data flows. */
const order = ["contracts", "domain", "pipeline", "chain", "store", "http", "scripts", "e2e", ""];

function rank(file: string): string {
  const index = order.findIndex((folder) => file.startsWith(`test/${folder}${folder === "" ? "" : "/"}`));
  return `${String(index).padStart(2, "0")} ${file}`;
}

/** A randomised suite prints its seed in its title; the page does not. */
function toTitle(title: string): string {
  return title.replace(/ \(seed[= ][^)]*\)/i, "");
}

function titles(suite: Mocha.Suite, depth: number): string[] {
  const lines: string[] = [];
  for (const test of suite.tests) lines.push(`${"  ".repeat(depth)}- ${toTitle(test.title)}`);
  for (const child of suite.suites) {
    lines.push(`${"  ".repeat(depth)}- **${toTitle(child.title)}**`, ...titles(child, depth + 1));
  }
  return lines;
}

async function mochaPages(): Promise<string[]> {
  const lines: string[] = [];
  const files = globSync("test/**/*.test.ts").map((file) => file.replaceAll("\\", "/"));
  for (const file of files.toSorted((a, b) => (rank(a) < rank(b) ? -1 : 1))) {
    const mocha = new Mocha({ dryRun: true });
    mocha.addFile(file);
    await mocha.loadFilesAsync();
    lines.push(`\n## ${file}\n`, ...titles(mocha.suite, 0));
  }
  return lines;
}

/** Names of Solidity fuzz tests and invariants, as the runner finds them. */
function solidityPages(): string[] {
  const lines: string[] = [];
  for (const file of globSync("test/invariants/*.t.sol").toSorted()) {
    const names = [...readFileSync(file, "utf8").matchAll(/function ((?:test|invariant)\w*)\s*\(/g)].map(
      (match) => match[1],
    );
    if (names.length > 0) lines.push(`\n## ${file.replaceAll("\\", "/")}\n`, ...names.map((name) => `- ${name}`));
  }
  return lines;
}

function statesPage(): string {
  const rows = Object.entries(intentStates).map(([state, when]) => {
    const next = intentEdges.filter((edge) => edge.from === state).map((edge) => edge.to);
    return `| \`${state}\` | ${when} | ${next.length === 0 ? "–" : [...new Set(next)].map((to) => `\`${to}\``).join(", ")} |`;
  });
  const edges = intentEdges.map(
    (edge) => `| \`${edge.from}\` → \`${edge.to}\` | ${edge.step}${edge.back ? ", back" : ""} | ${edge.when} |`,
  );
  const arrows = intentEdges.map((edge) => `  ${edge.from} ${edge.back ? "-.->" : "-->"} ${edge.to}`);
  return [
    "# States of an intent",
    "",
    "Generated from `src/domain/lifecycle.ts` by `npm run spec`.",
    "",
    "| state | entered | goes to |",
    "|---|---|---|",
    ...rows,
    "",
    "| edge | step | when |",
    "|---|---|---|",
    ...edges,
    "",
    "```mermaid",
    "flowchart LR",
    ...arrows,
    "```",
    "",
  ].join("\n");
}

const abis: Readonly<Record<string, Abi>> = {
  COIN: stablecoinAbi,
  TREASURY: treasuryAbi,
  REDEMPTION: redemptionEscrowAbi,
  VASP: vaspRegistryAbi,
};

/** One row per cell: a role on a function. */
function rolesPage(): string {
  const rows = roles.flatMap((role) =>
    role.cells.map((cell) => {
      const [contract = "", name = ""] = cell.split(".");
      const abi = abis[contract] ?? [];
      const item = abi.find((entry) => entry.type === "function" && entry.name === name);
      if (item?.type !== "function") throw new Error(`${cell} is not a function`);
      const signed = `${name}BySig`;
      const hasForm = abi.some((entry) => entry.type === "function" && entry.name === signed);
      const delay = role.slow ? `${slowDelays.production / 86_400} days` : "none";
      const signature = toFunctionSignature(item);
      return `| ${contract.toLowerCase()}.${name} | ${role.name} | ${role.holders.join(", ")} | \`${signature}\` | \`${toFunctionSelector(signature)}\` | ${hasForm ? `\`${signed}\`` : "–"} | ${delay} | ${role.guardian ?? "–"} |`;
    }),
  );
  return [
    "# Roles",
    "",
    "Generated from `src/chain/roles.ts` by `npm run spec`. The same table wires a deployment, and `npx hardhat roles` compares it with a chain.",
    "",
    "One `AccessManager` holds every role; a contract asks it who may call what. A cell is one role on one function. Where a signed form is named,",
    "the role's own key signs an order and anyone submits it; the order is valid only while that key could make the call itself without a",
    "delay, so a role with a delay acts by direct call alone. A guardian can stop what is scheduled and nothing else.",
    "",
    "| cell | role | held by | function | selector | signed form | delay | guardian |",
    "|---|---|---|---|---|---|---|---|",
    ...rows,
    "",
    "Not in the grid, on purpose:",
    "",
    "- `treasury.mint` and `mintBySig` ask the dealer's own word in the Treasury (`setDealer`), not the manager.",
    "- `coin.mint` asks for the one treasury address, `coin.payFrom` for a flagged escrow.",
    "- `setAuthority` always reverts: coin, Treasury and escrow keep their manager for good.",
    "- A second administrator with the longest possible delay exists only to cancel what the first has scheduled.",
    "- Everything else needs no role. A changing function that the table does not name and that is restricted belongs to ADMIN.",
    "",
    `In a devnet the ${slowDelays.production / 86_400} days are ${slowDelays.devnet} seconds, and the deployment says so.`,
    "",
  ].join("\n");
}

const pages: Readonly<Record<string, string>> = {
  "docs/ROLES.md": rolesPage(),
  "docs/states.md": statesPage(),
  "docs/SPEC.md": [
    "# Specification: every test title",
    "",
    "Generated by `npm run spec` from the tests themselves; each line is executed by `npm test`.",
    ...(await mochaPages()),
    ...solidityPages(),
    "",
  ].join("\n"),
};

let stale = 0;
for (const [path, text] of Object.entries(pages)) {
  if (!process.argv.includes("--check")) {
    writeFileSync(path, text);
    process.stdout.write(`${path}: ${text.split("\n").length} lines\n`);
    continue;
  }
  let found = "";
  try {
    found = readFileSync(path, "utf8");
  } catch {
    // A page that is not there is stale.
  }
  if (found === text) continue;
  stale++;
  process.stderr.write(`${path} is stale: run npm run spec\n`);
}
process.exit(stale === 0 ? 0 : 1);
