/**
 * `npm start` as processes: it comes up, survives the node's death, goes on where it stopped, and leaves nothing behind. Real chain, real node,
 * real signals.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { findFreePort } from "../../scripts/devnet/spawn.ts";
import { eventually, runNode } from "../support/command.ts";
import { startDevnet, type TestDevnet } from "../support/devnet.ts";

interface AccountView {
  readonly coins: readonly { readonly balance: string }[];
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

async function expectGone(pids: readonly number[]): Promise<void> {
  await eventually("every process is gone", async () => pids.every((pid) => !isAlive(pid)), 15_000);
}

function pidsOf({ pids }: TestDevnet): readonly number[] {
  return [pids.devnet, pids.node, ...(pids.chain === null ? [] : [pids.chain])];
}

async function readBalances(devnet: TestDevnet): Promise<readonly (string | undefined)[]> {
  const accounts = devnet.keys.wallets.map(({ address }) =>
    devnet.as(null).get<AccountView>(`/v1/accounts/${address}`),
  );
  return (await Promise.all(accounts)).map(({ coins }) => coins[0]?.balance);
}

/** After the demo: 12,500 and 800 less and more 245.50 and 12.25. */
const afterDemo = ["12266750000", "1033250000"];

describe("npm start", function () {
  this.timeout(240_000);
  let root: string;
  let devnet: TestDevnet | null = null;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "remesa-start-"));
  });
  afterEach(async () => {
    await devnet?.stop();
    devnet = null;
    rmSync(root, { recursive: true, force: true });
  });

  it("serves the page and the demo's money, and stops on SIGTERM with exit code 0 and no process left", async () => {
    devnet = await startDevnet({ data: root });
    const page = await fetch(devnet.url);
    expect(page.status).to.equal(200);
    expect(await page.text()).to.include("<title>Remesa");
    expect(devnet.links.page.startsWith(`${devnet.url}/#key=`)).to.equal(true);
    expect(await readBalances(devnet)).to.deep.equal(afterDemo);
    const started = performance.now();
    expect(await devnet.stop()).to.equal(0);
    expect(performance.now() - started).to.be.lessThan(12_000);
    await expectGone(pidsOf(devnet));
  });

  it("leaves no process when it is killed itself", async () => {
    devnet = await startDevnet({ data: root, args: ["--no-demo"] });
    process.kill(devnet.pids.devnet, "SIGKILL");
    await expectGone(pidsOf(devnet));
  });

  it("leaves no anvil when it is killed itself", async () => {
    devnet = await startDevnet({ data: root, args: ["--no-demo", "--chain", "anvil"] });
    process.kill(devnet.pids.devnet, "SIGKILL");
    await expectGone(pidsOf(devnet));
  });

  it("starts a killed node again alone, on the same folder, and says so", async () => {
    devnet = await startDevnet({ data: root });
    const { url, pids } = devnet;
    process.kill(pids.node, "SIGKILL");
    await expectGone([pids.node]);
    await eventually("the node answers again", async () => (await fetch(`${url}/ready`).catch(() => null))?.ok);
    expect(await readBalances(devnet)).to.deep.equal(afterDemo);
    expect(isAlive(pids.chain ?? 0)).to.equal(true);
    expect(devnet.notes()).to.include("the node ended (SIGKILL); started again on the same folder");
  });

  it("ends with exit code 1 and a sentence when the chain dies", async () => {
    devnet = await startDevnet({ data: root, args: ["--no-demo"] });
    process.kill(devnet.pids.chain ?? 0, "SIGKILL");
    expect(await devnet.ended).to.equal(1);
    expect(devnet.notes()).to.include("the chain ended (SIGKILL)");
    await expectGone(pidsOf(devnet));
  });

  it("goes on where it stopped on anvil, and plays the demo only once", async () => {
    devnet = await startDevnet({ data: root, args: ["--chain", "anvil"] });
    const before = devnet.keys;
    expect(await devnet.stop()).to.equal(0);
    devnet = await startDevnet({ data: root, args: ["--chain", "anvil"] });
    expect(devnet.keys.wallets).to.deep.equal(before.wallets);
    expect(await readBalances(devnet)).to.deep.equal(afterDemo);
    expect(devnet.notes()).to.not.include("set aside");
  });

  it("keeps anvil from writing the state after every block below the home folder", async () => {
    const home = mkdtempSync(join(tmpdir(), "remesa-home-"));
    const port = await findFreePort();
    const args = ["scripts/devnet/chain.ts", "--client", "anvil", "--port", `${port}`, "--block-ms", "250"];
    const chain = spawn(process.execPath, args, {
      env: { ...process.env, HOME: home },
      stdio: ["ignore", "ignore", "inherit", "ipc"],
    });
    try {
      await once(chain, "message");
      const mine = { jsonrpc: "2.0", id: 1, method: "anvil_mine", params: ["0x5dc"] };
      const headers = { "content-type": "application/json" };
      const answer = await fetch(`http://127.0.0.1:${port}`, { method: "POST", headers, body: JSON.stringify(mine) });
      expect(await answer.json()).to.not.have.property("error");
      chain.kill("SIGTERM");
      await once(chain, "exit");
      expect(readdirSync(home, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())).to.be.empty;
    } finally {
      chain.kill("SIGKILL");
      rmSync(home, { recursive: true, force: true });
    }
  });

  it("sets the folder of a chain that is gone aside, whole", async () => {
    devnet = await startDevnet({ data: root, args: ["--no-demo"] });
    await devnet.stop();
    devnet = await startDevnet({ data: root, args: ["--no-demo"] });
    const aside = readdirSync(root).filter((name) => name.startsWith("data."));
    expect(aside).to.have.length(1);
    expect(existsSync(join(root, aside[0] ?? "", "remesa.db"))).to.equal(true);
    expect(devnet.notes()).to.include(`set aside as ${join(root, aside[0] ?? "")}`);
  });

  it("attaches to a running chain with --chain none and leaves it running", async () => {
    devnet = await startDevnet({ data: root, args: ["--no-demo", "--chain", "anvil"] });
    const second = await startDevnet({
      data: join(root, "second"),
      args: ["--chain", "none"],
      env: { RPC_URL: devnet.rpcUrl },
    });
    expect(second.pids.chain).to.equal(null);
    expect(await readBalances(second)).to.deep.equal(afterDemo);
    expect(await second.stop()).to.equal(0);
    expect(isAlive(devnet.pids.chain ?? 0)).to.equal(true);
  });

  it("refuses a folder that another devnet uses", async () => {
    devnet = await startDevnet({ data: root, args: ["--no-demo"] });
    const ports = ["--port", String(await findFreePort()), "--chain-port", String(await findFreePort())];
    const { code, stderr } = await runNode(["scripts/devnet.ts", "--data", devnet.data, ...ports]);
    expect(code).to.equal(1);
    expect(stderr).to.include("is in use by another devnet");
  });

  for (const option of ["port", "chain-port"]) {
    it(`refuses a --${option} in use with exit code 1, touching nothing`, async () => {
      const server = createServer();
      const port = await new Promise<number>((resolve) => {
        server.listen(0, "127.0.0.1", () => resolve((server.address() as { port: number }).port));
      });
      const data = join(root, "data");
      const { code, stderr } = await runNode(["scripts/devnet.ts", "--data", data, `--${option}`, String(port)]);
      server.close();
      expect(code).to.equal(1);
      expect(stderr).to.include(`port ${port} is in use: end that program or give --${option} <another port>`);
      expect(existsSync(data)).to.equal(false);
    });
  }

  it("answers wrong options with exit code 64 and the help", async () => {
    const { code, stderr } = await runNode(["scripts/devnet.ts", "--chain", "ganache"]);
    expect(code).to.equal(64);
    expect(stderr).to.include("one of hardhat, anvil, none").and.to.include("--unkind");
  });

  it("--unkind kills the node while payments flow: nothing is lost, nothing paid twice, everything agrees", async () => {
    devnet = await startDevnet({ data: root, args: ["--unkind", "--for", "15"] });
    expect(await devnet.ended, devnet.notes()).to.equal(0);
    const tally = JSON.parse(devnet.lines.at(-1) ?? "{}") as Record<string, unknown>;
    expect(tally).to.include({ agrees: true, inFlight: 0 });
    expect(tally["kills"]).to.be.greaterThan(1);
    expect(tally["accepted"]).to.be.greaterThan(10);
    expect(tally["settled"]).to.equal(tally["accepted"]);
  });
});
