/**
 * Two nodes on one PostgreSQL database and one chain, as processes: payments go to both, one is killed with SIGKILL while it leads, and every
 * payment settles exactly once. Needs a server, as the store's suite does; skipped where there is none.
 */
import { join } from "node:path";
import { expect } from "chai";
import { erc20Abi } from "viem";
import { type Child, startChild } from "../../scripts/devnet/child.ts";
import { connect, readBlockTime } from "../../scripts/devnet/rpc.ts";
import { findFreePort } from "../../scripts/devnet/spawn.ts";
import { type CoinFacts, createNonce, signTransfer } from "../../scripts/devnet/wallet.ts";
import { readDeployment } from "../../src/config.ts";
import type { Address } from "../../src/domain/hex.ts";
import { type Client, createClient } from "../../src/http/client.ts";
import type { TransferRequest } from "../../src/http/schemas.ts";
import { type Cluster, hasPostgres, openCluster } from "../store/cluster.ts";
import { eventually } from "../support/command.ts";
import { startDevnet, type TestDevnet } from "../support/devnet.ts";

interface TransferView {
  readonly id: string;
  readonly state: string;
}

/** Base units of each payment. */
const value = 1_000n;
const payments = 120;
/** Requests at a time, both nodes together. */
const hands = 6;

describe("two nodes on one database", function () {
  this.timeout(300_000);
  let cluster: Cluster;
  let url: string;
  let devnet: TestDevnet;
  let second: Child;
  let other: Client;
  let coin: CoinFacts;

  before(async function () {
    if (!hasPostgres()) this.skip();
    cluster = await openCluster();
    url = await cluster.createDatabase();
    const env = { DATABASE_URL: url };
    devnet = await startDevnet({ env });
    coin = readDeployment(devnet.data).coins[0] as CoinFacts;
    const port = await findFreePort();
    second = startChild({
      program: "src/main",
      args: [],
      env: {
        ...process.env,
        ...env,
        HOST: "127.0.0.1",
        PORT: String(port),
        RPC_URL: devnet.rpcUrl,
        REMESA_DATA: devnet.data,
        FINALITY: "depth:2",
        BLOCK_INTERVAL_MS: "250",
        RATE_LIMIT_PER_MINUTE: "600000",
      },
      log: join(devnet.data, "logs", "second.log"),
    });
    other = createClient({ url: `http://127.0.0.1:${port}` });
    await eventually("the second node is ready", async () =>
      fetch(`http://127.0.0.1:${port}/ready`).then(
        ({ ok }) => ok,
        () => false,
      ),
    );
  });
  after(async () => {
    await second?.stop();
    await devnet?.remove();
    await cluster?.stop();
  });

  async function sign(): Promise<TransferRequest> {
    const [ana, luis] = devnet.keys.wallets;
    if (ana === undefined || luis === undefined) throw new Error("no wallets");
    const validBefore = (await readBlockTime(devnet.rpcUrl)) + 3_600;
    return signTransfer({
      chainId: devnet.chainId,
      coin,
      payer: ana,
      to: luis.address,
      value,
      validBefore,
      nonce: createNonce(),
    });
  }

  /** Submits until it is answered: by one node, and where that one is gone by the other. The same signature again is the same payment. */
  async function submit(body: TransferRequest, turn: number): Promise<string> {
    const nodes = [devnet.as(null), other];
    for (let tries = turn; ; tries++) {
      const node = nodes[tries % nodes.length];
      const answer = await node?.post<TransferView>("/v1/transfers", body).catch(() => null);
      if (answer !== null && answer !== undefined) return answer.id;
      if (tries > turn + 200) throw new Error("no node answers");
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  const balanceOf = (account: Address) =>
    connect(devnet.rpcUrl).readContract({
      address: coin.address,
      abi: erc20Abi,
      functionName: "balanceOf",
      args: [account],
    });
  const readEpoch = async (name: string): Promise<number> => {
    const [row] = await cluster.run(url, `SELECT epoch::int AS epoch FROM leases WHERE name = '${name}'`);
    return Number(row?.["epoch"]);
  };

  it("P1 P2 P7: settles every payment once when the node that leads is killed in the middle", async () => {
    const luis = devnet.keys.wallets[1]?.address ?? "0x";
    const before = await balanceOf(luis);
    const bodies = await Promise.all(Array.from({ length: payments }, sign));
    const epoch = await readEpoch("send");
    const ids: string[] = [];
    let next = 0;
    const hand = async (): Promise<void> => {
      for (let turn = next++; turn < bodies.length; turn = next++) {
        const body = bodies[turn];
        if (body !== undefined) ids.push(await submit(body, turn));
        if (turn === payments / 3) process.kill(devnet.pids.node, "SIGKILL");
      }
    };
    await Promise.all(Array.from({ length: hands }, hand));
    expect(new Set(ids).size, "one payment per signature").to.equal(payments);
    for (const id of ids) {
      await eventually(`${id} is settled`, async () => {
        const read = await other.get<TransferView>(`/v1/transfers/${id}?wait=20`).catch(() => null);
        if (read !== null) expect(["expired", "cancelled", "superseded"]).to.not.include(read.state);
        return read?.state === "settled";
      });
    }
    expect((await balanceOf(luis)) - before).to.equal(value * BigInt(payments));
    expect(await readEpoch("send"), "the sender's lease went on").to.be.greaterThan(epoch);
  });

  it("P9: both make a statement that agrees, and both know every payment", async () => {
    // The devnet has started the first node again.
    for (const client of [other, devnet.as(null)]) {
      await eventually("a statement that agrees", async () => {
        const statement = await client.get<{ agrees: boolean }>("/v1/reconciliation").catch(() => null);
        return statement?.agrees === true;
      });
    }
    const states = await cluster.run(url, "SELECT outcome, count(*)::int AS count FROM intents GROUP BY outcome");
    expect(states.map(({ outcome }) => outcome)).to.deep.equal(["settled"]);
    const twice = await cluster.run(
      url,
      "SELECT intent FROM movements WHERE intent IS NOT NULL AND kind = 'transfer' GROUP BY intent HAVING count(*) > 1",
    );
    expect(twice).to.deep.equal([]);
  });
});
