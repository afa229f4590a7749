/**
 * JSON-RPC against a server that misbehaves: late, gone, too big, out of order, half an answer. Reads are repeated and bounded, writes
 * never; nothing that went wrong on the way is ever taken for an answer.
 */
import { once } from "node:events";
import { createServer, type Server, type ServerResponse } from "node:http";
import { expect } from "chai";
import { ChainFault, createRpc, type Rpc, unwrap } from "../../src/chain/rpc.ts";
import { classifySend } from "../../src/chain/node.ts";

interface Request {
  readonly id: number;
  readonly method: string;
}
type Behaviour = (requests: readonly Request[], response: ServerResponse) => void;

const answer = (response: ServerResponse, body: unknown, status = 200): void => {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
};
const result = ({ id, method }: Request): unknown => ({ jsonrpc: "2.0", id, result: method });

describe("createRpc", () => {
  let server: Server;
  let url: string;
  let seen: (readonly Request[])[] = [];
  /** What happens to the next exchanges; the last one stays. */
  let script: Behaviour[] = [];

  before(async () => {
    server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("end", () => {
        const parsed = JSON.parse(Buffer.concat(chunks).toString()) as Request | Request[];
        const requests = Array.isArray(parsed) ? parsed : [parsed];
        seen.push(requests);
        const behaviour = script.length > 1 ? script.shift() : script[0];
        behaviour?.(requests, response);
      });
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    if (address === null || typeof address === "string") throw new Error("no port");
    url = `http://127.0.0.1:${address.port}`;
  });
  after(() => {
    server.closeAllConnections();
    server.close();
  });
  beforeEach(() => {
    seen = [];
  });

  const rpc = (): Rpc => createRpc({ url, timeoutMs: 150, maxResponseBytes: 1_000 });
  const good: Behaviour = (requests, response) =>
    answer(response, requests.length === 1 ? result(requests[0] as Request) : requests.map(result));
  const cut: Behaviour = (_, response) => void response.destroy();
  const silent: Behaviour = () => {};
  const names = (count: number): { method: string; params: [] }[] =>
    Array.from({ length: count }, (_, i) => ({ method: `m${i}`, params: [] }));

  async function faultOf(promise: Promise<unknown>): Promise<ChainFault> {
    try {
      await promise;
    } catch (error) {
      if (error instanceof ChainFault) return error;
      throw error;
    }
    throw new Error("nothing was thrown");
  }

  it("puts the answers of a batch into the order of its requests", async () => {
    script = [(requests, response) => answer(response, requests.map(result).toReversed())];
    const answers = await rpc().read(names(3));
    expect(answers.map((one) => unwrap(one, "test"))).to.deep.equal(["m0", "m1", "m2"]);
  });

  it("sends at most a hundred requests in one body", async () => {
    script = [
      (requests, response) =>
        answer(
          response,
          requests.map(({ id }) => ({ id, result: 1 })),
        ),
    ];
    const answers = await createRpc({ url }).read(names(250));
    expect(answers).to.have.length(250);
    expect(seen.map((requests) => requests.length)).to.deep.equal([100, 100, 50]);
  });

  it("sends at most a million bytes in one body, in order, and a larger request alone", async () => {
    script = [good];
    const sizes = [400_000, 400_000, 400_000, 1_500_000, 10];
    const requests = sizes.map((size, i) => ({ method: `m${i}`, params: ["x".repeat(size)] }));
    const answers = await createRpc({ url, timeoutMs: 5_000 }).write(requests);
    expect(answers.map((one) => unwrap(one as Exclude<typeof one, ChainFault>, "test"))).to.deep.equal(
      requests.map(({ method }) => method),
    );
    expect(seen.map((bodies) => bodies.map(({ method }) => method))).to.deep.equal([
      ["m0", "m1"],
      ["m2"],
      ["m3"],
      ["m4"],
    ]);
  });

  it("asks nothing when there is nothing to ask", async () => {
    expect(await rpc().read([])).to.deep.equal([]);
    expect(await rpc().write([])).to.deep.equal([]);
    expect(seen).to.have.length(0);
  });

  it("repeats a read that was cut off, and one that came too late", async () => {
    script = [cut, silent, good];
    expect(await rpc().ask("m0")).to.equal("m0");
    expect(seen).to.have.length(3);
  });

  it("gives a read up after three attempts", async () => {
    script = [cut];
    expect((await faultOf(rpc().ask("m0"))).kind).to.equal("transport");
    expect(seen).to.have.length(3);
  });

  it("calls silence a timeout", async () => {
    script = [silent];
    const fault = await faultOf(rpc().ask("m0"));
    expect([fault.kind, fault.step, fault.retryable]).to.deep.equal(["timeout", "m0", true]);
  });

  it("never repeats a write", async () => {
    script = [cut];
    const answers = await rpc().write(names(2));
    expect(answers.map((one) => one instanceof ChainFault && one.kind)).to.deep.equal(["transport", "transport"]);
    expect(seen).to.have.length(1);
  });

  it("keeps what was answered before a write was cut off", async () => {
    script = [
      (requests, response) =>
        answer(
          response,
          requests.map(({ id }) => ({ id, result: 1 })),
        ),
      cut,
    ];
    const answers = await createRpc({ url }).write(names(101));
    expect(answers.slice(0, 100).every((one) => !(one instanceof ChainFault) && one.ok)).to.equal(true);
    expect(answers[100]).to.be.instanceOf(ChainFault);
  });

  it("returns an error answer as a value, and throws it where a result was needed", async () => {
    script = [
      (requests, response) =>
        answer(response, { id: requests[0]?.id, error: { code: 3, message: "no", data: "0x12" } }),
    ];
    expect(await rpc().read(names(1))).to.deep.equal([{ ok: false, code: 3, message: "no", data: "0x12" }]);
    expect((await faultOf(rpc().ask("m0"))).kind).to.equal("answer");
    expect(seen).to.have.length(2);
  });

  it("refuses an answer above the limit, announced or not, and does not ask again", async () => {
    const big = "x".repeat(2_000);
    script = [(_, response) => answer(response, { id: 0, result: big })];
    expect((await faultOf(rpc().ask("m0"))).kind).to.equal("oversize");
    script = [
      (_, response) => {
        response.writeHead(200);
        response.write(`{"id":0,"result":"`);
        response.end(`${big}"}`);
      },
    ];
    const fault = await faultOf(rpc().ask("m0"));
    expect([fault.kind, fault.retryable]).to.deep.equal(["oversize", false]);
    expect(seen).to.have.length(2);
  });

  const malformed: readonly [string, Behaviour, string][] = [
    ["text", (_, response) => void response.end("upstream connect error"), "malformed"],
    ["an HTML page with status 502", (_, response) => void response.writeHead(502).end("<html>"), "http"],
    ["an object that is no answer", (_, response) => answer(response, {}), "malformed"],
    ["a status without an error", (_, response) => answer(response, { result: 1 }, 503), "http"],
  ];
  for (const [title, behaviour, kind] of malformed) {
    it(`takes ${title} for no answer`, async () => {
      script = [behaviour];
      expect((await faultOf(rpc().ask("m0"))).kind).to.equal(kind);
    });
  }

  it("takes a batch with one answer missing for no answer", async () => {
    script = [(requests, response) => answer(response, requests.slice(1).map(result))];
    expect((await faultOf(rpc().read(names(2)))).kind).to.equal("malformed");
  });

  it("takes one error for a whole batch for no answer", async () => {
    script = [(_, response) => answer(response, { id: null, error: { code: -32600, message: "batches are off" } })];
    expect((await faultOf(rpc().read(names(2)))).kind).to.equal("http");
  });

  it("follows no redirect", async () => {
    script = [(_, response) => void response.writeHead(307, { location: url }).end()];
    expect((await faultOf(rpc().ask("m0"))).kind).to.equal("transport");
  });
});

describe("classifySend", () => {
  const funds = "Insufficient funds for gas * price + value";
  const refusal = { ok: false, code: -32003, message: funds, data: undefined } as const;

  it("takes only a hash for an answer", () => {
    const hash = `0x${"AB".repeat(32)}`;
    expect(classifySend({ ok: true, result: hash }, "anvil/v1.7.1")).to.deep.equal({
      kind: "answered",
      hash: hash.toLowerCase(),
    });
    expect(classifySend({ ok: true, result: null }, "anvil/v1.7.1").kind).to.equal("unknown");
    expect(classifySend({ ok: true, result: "0x12" }, "anvil/v1.7.1").kind).to.equal("unknown");
  });

  it("takes a client's exact words for a refusal, and nothing else", () => {
    expect(classifySend(refusal, "anvil/v1.7.1").kind).to.equal("refused");
    for (const client of ["", "anvil/v2.0.0", "Geth/v1.15", "HardhatNetwork/3.18.0/edr"]) {
      expect(classifySend(refusal, client).kind, client).to.equal("unknown");
    }
    expect(classifySend({ ...refusal, code: -32000 }, "anvil/v1.7.1").kind).to.equal("unknown");
    expect(classifySend({ ...refusal, message: `${funds}!` }, "anvil/v1.7.1").kind).to.equal("unknown");
  });

  it("takes a revert, a used nonce, a known transaction and a timeout for maybe sent", () => {
    const client = "HardhatNetwork/3.18.0/@nomicfoundation/edr/0.3.8";
    const reverted = {
      ok: false,
      code: 3,
      message: "Transaction reverted without a reason string",
      data: "0x",
    } as const;
    const low = {
      ok: false,
      code: -32000,
      message: "Nonce too low. Expected nonce to be 1 but got 0.",
      data: undefined,
    } as const;
    expect(classifySend(reverted, client).kind).to.equal("unknown");
    expect(classifySend(low, client).kind).to.equal("unknown");
    expect(classifySend({ ...refusal, message: "transaction already imported" }, "anvil/v1.7.1").kind).to.equal(
      "unknown",
    );
    expect(classifySend(new ChainFault("timeout", { step: "send", message: "late" }), client).kind).to.equal("unknown");
  });
});
