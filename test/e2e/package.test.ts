/**
 * The published package: packed, installed in an empty folder, run from there. What a person gets from npm, without the checkout beside it.
 */
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { expect } from "chai";
import { runCommand } from "../support/command.ts";

describe("the packed package", function () {
  this.timeout(600_000);
  let folder: string;
  after(() => rmSync(folder, { recursive: true, force: true }));

  const run = (...command: string[]) => runCommand(command, { cwd: folder });

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), "remesa-package-"));
    const packed = await runCommand(["npm", "pack", "--pack-destination", folder], { timeoutMs: 300_000 });
    expect(packed.code, packed.stderr).to.equal(0);
    const tarball = readdirSync(folder).find((name) => name.endsWith(".tgz")) ?? "";
    writeFileSync(join(folder, "package.json"), '{"private":true,"type":"module"}\n');
    const installed = await run(
      "npm",
      "install",
      "--prefer-offline",
      "--no-audit",
      "--no-fund",
      resolve(folder, tarball),
    );
    expect(installed.code, installed.stderr).to.equal(0);
  });

  it("npx remesa --help shows the verbs", async () => {
    const { code, stdout, stderr } = await run("npx", "remesa", "--help");
    expect(code, stderr).to.equal(0);
    expect(stdout).to.include("Usage: remesa <verb>").and.to.include("settle").and.to.include("reconcile");
  });

  it("a wrong verb ends with exit code 64", async () => {
    expect((await run("npx", "remesa", "fly")).code).to.equal(64);
  });

  it("exports the client, the typed structs and the ABIs", async () => {
    const script = `import { createClient, typedStructs, formatAmount } from "remesa";
      import { stablecoinAbi } from "remesa/abi";
      console.log(typeof createClient, typedStructs.MintOrder.length, formatAmount(1500000n), stablecoinAbi.some((e) => e.name === "settle"));`;
    const { stdout, stderr } = await run(process.execPath, "--input-type=module", "-e", script);
    expect(stdout.trim(), stderr).to.equal("function 5 1.50 true");
  });

  it("runs the node, which says what its configuration lacks and ends with exit code 2", async () => {
    const { code, stderr } = await run(process.execPath, "node_modules/remesa/dist/src/main.js");
    expect(code).to.equal(2);
    expect(stderr).to.include("deployment.json: cannot be read");
  });

  it("ships no tests, no sources in TypeScript and no keys", async () => {
    const { stdout } = await run("find", "node_modules/remesa", "-type", "f");
    const odd = stdout.split("\n").filter((path) => /\.test\.|(?<!\.d)\.ts$|credentials|\.env/.test(path));
    expect(odd).to.deep.equal([]);
  });
});
