/**
 * `npm run golden`: compares the golden files in `test/golden/` with the contracts as built and names each fact that differs; exits 1 on a
 * difference. `-- --write` rewrites them instead. The same comparison runs in `npm test`.
 */
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { measureGasGrid } from "../test/support/gas-grid.ts";
import { compare, formatPage, type Page, pages, pathOf, readLayouts, readPage, readSizes } from "./golden/pages.ts";

const { values } = parseArgs({ options: { write: { type: "boolean", default: false } } });

const make: Readonly<Record<Page, () => Promise<object> | object>> = {
  layout: readLayouts,
  sizes: readSizes,
  gas: measureGasGrid,
};

let differing = 0;
for (const page of pages) {
  const present = await make[page]();
  const committed = existsSync(pathOf(page)) ? readPage(page) : {};
  const lines = compare(committed, JSON.parse(JSON.stringify(present)));
  differing += lines.length;
  process.stdout.write(`${pathOf(page)}: ${lines.length === 0 ? "as committed" : `${lines.length} lines differ`}\n`);
  for (const line of lines) process.stdout.write(`  ${line}\n`);
  if (!values.write || lines.length === 0) continue;
  mkdirSync("test/golden", { recursive: true });
  writeFileSync(pathOf(page), formatPage(present));
}
process.exit(values.write || differing === 0 ? 0 : 1);
