/**
 * Hardhat's own habits: its node, its `run`, and our tasks, typed as the documentation types them. The node is Hardhat's as it comes, mining
 * on every transaction.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { findFreePort } from "../../scripts/devnet/spawn.ts";
import { readDeployment } from "../../src/config.ts";
import { eventually, runNode } from "../support/command.ts";

const cli = "node_modules/hardhat/dist/src/cli.js";

describe("Hardhat's own habits", function () {
  this.timeout(180_000);
  let data: string;
  let node: ChildProcess;
  let rpcUrl: string;

  const hardhat = (...args: string[]) =>
    runNode([cli, ...args], { env: { RPC_URL: rpcUrl, REMESA_DATA: data }, timeoutMs: 120_000 });

  before(async () => {
    data = mkdtempSync(join(tmpdir(), "remesa-hardhat-"));
    const port = await findFreePort();
    rpcUrl = `http://127.0.0.1:${port}`;
    node = spawn(process.execPath, [cli, "node", "--port", String(port)], { stdio: "ignore" });
    await eventually("hardhat node answers", async () => {
      const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "eth_chainId", params: [] });
      const headers = { "content-type": "application/json" };
      return (await fetch(rpcUrl, { method: "POST", body, headers }).catch(() => null))?.ok;
    });
  });
  after(() => {
    node.kill("SIGKILL");
    rmSync(data, { recursive: true, force: true });
  });

  it("npx hardhat run scripts/deploy.ts --network localhost deploys and writes deployment.json", async () => {
    const { code, stdout, stderr } = await hardhat("run", "scripts/deploy.ts", "--network", "localhost");
    expect(code, stderr).to.equal(0);
    expect(stdout).to.include("deployed").and.to.include("no administrator can act without a delay");
    expect(readDeployment(data).coins.map((coin) => coin.symbol)).to.deep.equal(["XUS", "XGT"]);
  });

  it("run again it changes nothing and says so", async () => {
    const before = readDeployment(data);
    const { code, stdout } = await hardhat("run", "scripts/deploy.ts", "--network", "localhost");
    expect([code, readDeployment(data)]).to.deep.equal([0, before]);
    expect(stdout).to.include("everything is in place: nothing was sent");
  });

  it("npx hardhat account decodes an account's word", async () => {
    const { code, stdout } = await hardhat(
      "account",
      readDeployment(data).redemptions,
      "--data",
      data,
      "--network",
      "localhost",
    );
    expect(code).to.equal(0);
    expect(stdout)
      .to.match(/escrow/)
      .and.to.match(/balance/);
  });

  it("npx hardhat roles finds the chain as the table says", async () => {
    const { code, stdout, stderr } = await hardhat("roles", "--data", data, "--network", "localhost");
    expect(code, stdout + stderr).to.equal(0);
  });

  it("npx hardhat verify-deployment finds the code as built", async () => {
    const { code, stdout, stderr } = await hardhat("verify-deployment", "--data", data, "--network", "localhost");
    expect(code, stdout + stderr).to.equal(0);
    expect(stdout).to.include("every contract runs the code of this");
  });
});
