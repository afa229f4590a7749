import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { expect } from "chai";
import { createClient, ProblemError } from "../../src/http/client.ts";
import type { Problem, Transfer } from "../../src/http/schemas.ts";
import { createFakeNode, createTransfer, type FakeNode, keyOf, listen } from "../support/fake-node.ts";

async function errorOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => null,
    (error: unknown) => error,
  );
}

describe("http/client", () => {
  let node: FakeNode;
  let url: string;
  before(async () => {
    node = await createFakeNode();
    url = await listen(node);
  });
  after(() => node.app.close());

  it("reads and posts with its key and the Idempotency-Key", async () => {
    const client = createClient({ url: `${url}/`, key: keyOf("operator") });
    expect(await client.get("/health")).to.include({ status: "ok" });
    const body = { kind: "minting", order: { coin: "XUS", enabled: true } };
    const first = await client.post<{ id: string }>("/v1/orders", body, { idempotencyKey: "k" });
    expect((await client.post<{ id: string }>("/v1/orders", body, { idempotencyKey: "k" })).id).to.equal(first.id);
    expect((await client.get<Transfer>(`/v1/orders/${first.id}`)).id).to.equal(first.id);
  });

  it("throws the node's refusal with code, reasons, extras and remedy", async () => {
    const client = createClient({ url });
    await client.post("/v1/transfers", createTransfer());
    const error = await errorOf(client.post("/v1/transfers", createTransfer({}, { value: "3" })));
    expect(error).to.be.instanceOf(ProblemError);
    const problem = error as ProblemError;
    expect(problem).to.include({ status: 409, code: "nonce_in_use", retryable: false, remedy: "Use a free nonce." });
    expect(problem.problem["freeNonces"]).to.have.length(2);
  });

  describe("with something else at the URL", () => {
    let foreign: Server;
    let answer: { status: number; body: string } = { status: 200, body: "" };
    before(async () => {
      foreign = createServer((_request, response) => {
        response.writeHead(answer.status).end(answer.body);
      });
      await new Promise<void>((resolve) => foreign.listen(0, "127.0.0.1", resolve));
    });
    after(() => foreign.close());
    const ask = () =>
      errorOf(createClient({ url: `http://127.0.0.1:${(foreign.address() as AddressInfo).port}` }).get("/health"));

    for (const [name, given, retryable] of [
      ["a gateway's page", { status: 502, body: "<html>Bad Gateway</html>" }, true],
      ["a page where JSON should be", { status: 200, body: "<html>hello</html>" }, false],
      ["JSON that is no problem", { status: 404, body: '{"error":"x"}' }, false],
    ] as const) {
      it(`tells ${name} as a problem`, async () => {
        answer = given;
        const error = await ask();
        expect(error).to.be.instanceOf(ProblemError);
        expect(error).to.include({ status: given.status, retryable });
        expect((error as { problem: Problem }).problem.type).to.equal("about:blank");
      });
    }
  });

  it("passes on what fetch throws when nobody answers", async () => {
    const error = await errorOf(createClient({ url: "http://127.0.0.1:1" }).get("/health"));
    expect(error).to.be.instanceOf(TypeError);
  });
});
