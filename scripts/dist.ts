/**
 * Compiles what the package ships into `dist/`: the node, the verbs and their types, as JavaScript, because Node refuses TypeScript under
 * node_modules. Run by npm before it packs. Owns the list of entry points; everything they import comes along.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";

const entries = ["src/index.ts", "src/main.ts", "src/chain/abi.ts", "scripts/remesa.ts"];

rmSync("dist", { recursive: true, force: true });
mkdirSync("cache", { recursive: true });
writeFileSync(
  "cache/tsconfig.dist.json",
  JSON.stringify({
    extends: "../tsconfig.json",
    compilerOptions: { noEmit: false, declaration: true, rootDir: "..", outDir: "../dist", types: ["node"] },
    include: [],
    files: entries.map((entry) => `../${entry}`),
  }),
);
const { status } = spawnSync(process.execPath, ["node_modules/ts7/bin/tsc", "--project", "cache/tsconfig.dist.json"], {
  stdio: "inherit",
});
process.exit(status ?? 1);
