import { expect } from "chai";
import type { Deposit, Problem } from "../../../src/http/schemas.ts";
import { ana, blockTime, coin, createFakeNode, type FakeNode } from "../../support/fake-node.ts";

describe("http/routes/sandbox", () => {
  let node: FakeNode;
  beforeEach(async () => {
    node = await createFakeNode();
  });
  afterEach(() => node.app.close());
  const post = (url: string, payload: object, headers: Record<string, string> = {}) =>
    node.app.inject({ method: "POST", url, payload, headers });
  const ask = (changes: object = {}, headers: Record<string, string> = {}) =>
    post("/sandbox/faucet", { coin: "XUS", to: ana, amount: "1000000", ...changes }, headers);

  describe("POST /sandbox/faucet", () => {
    it("mints through a dealer's order while reserves suffice", async () => {
      const answer = await ask();
      expect(answer.statusCode, answer.body).to.equal(202);
      expect(answer.json<Deposit>()).to.include({ amount: "1000000", state: "accepted" });
      expect(node.state.signed.map(({ kind }) => kind)).to.deep.equal(["mint"]);
    });

    it("attests reserves first when they do not", async () => {
      node.state.attested = 0n;
      await ask();
      expect(node.state.signed.map(({ kind }) => kind)).to.deep.equal(["attest", "mint"]);
      expect(node.state.signed[0]).to.deep.include({ coin, asOf: blockTime, amount: 1_000_000n + 10_000_000_000_000n });
    });

    it("hands out again on every call without a key, and once per key with one", async () => {
      const first = (await ask()).json<Deposit>();
      expect((await ask()).json<Deposit>().id).to.not.equal(first.id);
      const keyed = (await ask({}, { "idempotency-key": "k" })).json<Deposit>();
      const again = await ask({}, { "idempotency-key": "k" });
      expect(again.json<Deposit>().id).to.equal(keyed.id);
      expect(again.headers["idempotency-hit"]).to.equal("true");
      expect(node.state.intents.size).to.equal(3);
    });

    it("refuses another amount under the same key", async () => {
      await ask({}, { "idempotency-key": "k" });
      const answer = await ask({ amount: "2" }, { "idempotency-key": "k" });
      expect(answer.statusCode).to.equal(422);
      expect(answer.json<Problem>().code).to.equal("idempotency_key_reused");
    });

    it("attests once for many who ask together", async () => {
      node.state.attested = 0n;
      const answers = await Promise.all(Array.from({ length: 5 }, () => ask()));
      expect(answers.map(({ statusCode }) => statusCode)).to.deep.equal([202, 202, 202, 202, 202]);
      expect(node.state.intents.size).to.equal(6);
    });

    it("goes on after a refusal", async () => {
      node.state.missingRoles = ["dealer"];
      expect((await ask()).statusCode).to.equal(422);
      node.state.missingRoles = [];
      expect((await ask()).statusCode).to.equal(202);
    });

    it("hands out its limit and not a unit more", async () => {
      expect((await ask({ amount: "10000000000" })).statusCode).to.equal(202);
      const over = await ask({ amount: "10000000001" });
      expect(over.statusCode).to.equal(400);
      expect(over.json<Problem>().errors[0]).to.include({ subject: "amount", limit: "10000000000" });
    });
  });

  describe("POST /sandbox/time", () => {
    it("moves block time on", async () => {
      expect((await post("/sandbox/time", { seconds: 3_600 })).json()).to.deep.equal({ seconds: 3_600 });
      expect(node.state.moved).to.deep.equal([3_600]);
    });

    it("never back, and at most 30 days", async () => {
      for (const seconds of [0, -5, 1.5, 2_592_001, "60"]) {
        expect((await post("/sandbox/time", { seconds })).statusCode).to.equal(400);
      }
      expect((await post("/sandbox/time", { seconds: 2_592_000 })).statusCode).to.equal(200);
      expect(node.state.moved).to.deep.equal([2_592_000]);
    });
  });
});
