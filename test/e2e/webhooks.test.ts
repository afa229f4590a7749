/**
 * P15 with real processes: a receiver on this machine hears of a payment's way in order, signed, although it fails once and the node is killed with
 * SIGKILL; what it is told is what the event stream tells.
 */
import { createHmac } from "node:crypto";
import { createServer, type IncomingHttpHeaders, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { expect } from "chai";
import { readBlockTime } from "../../scripts/devnet/rpc.ts";
import { type CoinFacts, createNonce, signTransfer } from "../../scripts/devnet/wallet.ts";
import { readDeployment } from "../../src/config.ts";
import type { PublicEvent } from "../../src/http/published.ts";
import type { WebhookCreated, WebhookView } from "../../src/http/webhooks.ts";
import { eventually } from "../support/command.ts";
import { startDevnet, type TestDevnet } from "../support/devnet.ts";

interface Received {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  readonly event: PublicEvent;
  readonly status: number;
}

const way = ["accepted", "included", "settled"];

describe("webhooks from a running node", function () {
  this.timeout(300_000);
  let devnet: TestDevnet;
  let receiver: Server;
  let secret: string;
  let id: string;
  const received: Received[] = [];
  /** How often the receiver still answers 500. */
  let failing = 0;

  before(async () => {
    receiver = createServer((request, response) => {
      let body = "";
      request.setEncoding("utf8").on("data", (part: string) => (body += part));
      request.on("end", () => {
        const status = failing > 0 ? 500 : 200;
        failing = Math.max(0, failing - 1);
        received.push({ headers: request.headers, body, event: JSON.parse(body) as PublicEvent, status });
        response.writeHead(status).end();
      });
    });
    await new Promise<void>((resolve) => receiver.listen(0, "127.0.0.1", resolve));
    devnet = await startDevnet();
  });
  after(async () => {
    await devnet?.remove();
    receiver.closeAllConnections();
    await new Promise((resolve) => receiver.close(resolve));
  });

  async function call<T>(method: string, path: string, body?: object): Promise<{ status: number; body: T }> {
    const operator = devnet.keys.apiKeys.find(({ role }) => role === "operator")?.key ?? "";
    const answer = await fetch(`${devnet.url}/v1/webhook-endpoints${path}`, {
      method,
      headers: {
        authorization: `Bearer ${operator}`,
        "idempotency-key": createNonce(),
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: answer.status, body: (await answer.json()) as T };
  }

  async function pay(): Promise<string> {
    const [ana, luis] = devnet.keys.wallets;
    if (ana === undefined || luis === undefined) throw new Error("no wallets");
    const validBefore = (await readBlockTime(devnet.rpcUrl)) + 3_600;
    const body = await signTransfer({
      chainId: devnet.chainId,
      coin: readDeployment(devnet.data).coins[0] as CoinFacts,
      payer: ana,
      to: luis.address,
      value: 1_000n,
      validBefore,
      nonce: createNonce(),
    });
    return (await devnet.as(null).post<{ id: string }>("/v1/transfers", body)).id;
  }

  const of = (transfer: string) => received.filter(({ event }) => event.id === transfer);
  const arrived = (transfer: string) => of(transfer).filter(({ status }) => status === 200);
  const settles = (transfer: string) =>
    eventually(`${transfer} is told as settled`, async () =>
      arrived(transfer).some(({ event }) => event.type === "settled"),
    );
  const typesOf = (list: readonly Received[]) => list.map(({ event }) => event.type);

  /** What a receiver has to check. */
  function verify({ headers, body }: Received): boolean {
    const signed = `${headers["webhook-id"]}.${headers["webhook-timestamp"]}.${body}`;
    const key = Buffer.from(secret.slice("whsec_".length), "base64");
    const age = Math.abs(Date.now() / 1_000 - Number(headers["webhook-timestamp"]));
    const expected = `v1,${createHmac("sha256", key).update(signed).digest("base64")}`;
    return age < 300 && headers["webhook-signature"] === expected;
  }

  it("tells a payment's way in order, signed, as the event stream does", async () => {
    const { port } = receiver.address() as AddressInfo;
    const account = devnet.keys.wallets[1]?.address;
    const created = await call<WebhookCreated>("POST", "", { url: `http://127.0.0.1:${port}/`, account });
    expect(created.status).to.equal(201);
    ({ id } = created.body);
    secret = created.body.secret ?? "";
    const transfer = await pay();
    await settles(transfer);
    expect(typesOf(of(transfer))).to.deep.equal(way);
    expect(of(transfer).map(verify)).to.deep.equal([true, true, true]);
    expect(new Set(of(transfer).map(({ headers }) => headers["webhook-id"])).size).to.equal(3);
    const streamed: PublicEvent[] = [];
    const ending = new AbortController();
    for await (const event of devnet.as("auditor").events({ after: "0", signal: ending.signal })) {
      if (event.id === transfer) streamed.push(event);
      if (streamed.length === 3) break;
    }
    ending.abort();
    expect(of(transfer).map(({ event }) => event)).to.deep.equal(streamed);
  });

  it("P15: sends again under the same id what was refused, and nothing of that payment before it", async () => {
    failing = 1;
    const transfer = await pay();
    await settles(transfer);
    const told = of(transfer);
    expect(told.map(({ event, status }) => [event.type, status])).to.deep.equal([
      ["accepted", 500],
      ["accepted", 200],
      ["included", 200],
      ["settled", 200],
    ]);
    expect(told[0]?.headers["webhook-id"]).to.equal(told[1]?.headers["webhook-id"]);
    expect(told[0]?.body).to.equal(told[1]?.body);
    expect(told.map(verify)).to.deep.equal([true, true, true, true]);
  });

  it("P15: goes on when the node was killed: each event at least once, first arrivals in order", async () => {
    const transfers: string[] = [];
    for (let n = 0; n < 5; n++) transfers.push(await pay());
    process.kill(devnet.pids.node, "SIGKILL");
    for (const transfer of transfers) {
      await settles(transfer);
      const ids = arrived(transfer).map(({ headers }) => headers["webhook-id"]);
      const firsts = arrived(transfer).filter(({ headers }, index) => ids.indexOf(headers["webhook-id"]) === index);
      expect(typesOf(firsts)).to.deep.equal(way);
    }
  });

  it("replays with the same ids", async () => {
    const before = new Map(received.map(({ event, headers }) => [event.sequence, headers["webhook-id"]]));
    const newest = Math.max(...received.map(({ event }) => Number(event.sequence)));
    await eventually("all is sent", async () => {
      const { body } = await call<WebhookView>("GET", `/${id}`);
      return body.waiting === 0 && Number(body.position) >= newest;
    });
    received.length = 0;
    expect((await call("POST", `/${id}/replay`, { after: "0" })).status).to.equal(200);
    const isAgain = (sequence: string) => received.some(({ event }) => event.sequence === sequence);
    await eventually("all is sent again", async () => [...before.keys()].every(isAgain));
    expect(before.size).to.be.at.least(21);
    for (const [sequence, webhookId] of before) {
      const again = received.find(({ event }) => event.sequence === sequence);
      expect(again?.headers["webhook-id"], sequence).to.equal(webhookId);
    }
  });

  it("sends nothing more once the webhook is removed", async () => {
    expect((await call("DELETE", `/${id}`)).status).to.equal(200);
    await new Promise((resolve) => setTimeout(resolve, 500));
    received.length = 0;
    const transfer = await pay();
    await eventually("it is settled", async () => {
      const { state } = await devnet.as(null).get<{ state: string }>(`/v1/transfers/${transfer}?wait=10`);
      return state === "settled";
    });
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    expect(received).to.deep.equal([]);
    expect((await call<{ data: unknown[] }>("GET", "")).body.data).to.deep.equal([]);
  });
});
