import { expect } from "chai";
import { toWord } from "../../../src/domain/hex.ts";
import type { Deposit, Problem } from "../../../src/http/schemas.ts";
import { ana, blockTime, coin, createFakeNode, type FakeNode, quetzal } from "../../support/fake-node.ts";

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

    it("hands out every coin", async () => {
      const answer = await ask({ coin: "XGT" });
      expect(answer.statusCode, answer.body).to.equal(202);
      expect(node.state.signed[0]).to.include({ kind: "mint", coin: quetzal });
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
    const move = (seconds: number) => post("/sandbox/time", { seconds });

    it("moves block time on, and says what it is now", async () => {
      expect((await move(3_600)).json()).to.deep.equal({ seconds: 3_600, blockTime: "2027-01-15T09:00:00.000Z" });
      expect(node.state.moved).to.deep.equal([3_600]);
    });

    it("answers only when the node has seen it, so that the next request is judged by the new time", async () => {
      node.state.followMs = 150;
      const before = performance.now();
      expect((await move(60)).statusCode).to.equal(200);
      expect(performance.now() - before).to.be.greaterThan(140);
      expect(node.state.head?.time).to.equal(blockTime + 60);
    });

    it("goes on waiting while blocks come that are not as late", async () => {
      node.state.followMs = null;
      const moving = move(60);
      let answered = false;
      void moving.then(() => (answered = true));
      while (node.state.moved.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
      const see = async (time: number) => {
        node.state.head = { number: 101, hash: toWord(101n), parent: toWord(100n), time };
        await new Promise((resolve) => setTimeout(resolve, 100));
      };
      await see(blockTime + 59);
      expect(answered).to.equal(false);
      await see(blockTime + 61);
      expect((await moving).json()).to.deep.equal({ seconds: 60, blockTime: "2027-01-15T08:01:01.000Z" });
    });

    it("moves one after the other, so that each sees its own move", async () => {
      node.state.followMs = 20;
      const answers = await Promise.all([move(60), move(60), move(60)]);
      expect(answers.map((answer) => answer.json<{ blockTime: string }>().blockTime)).to.deep.equal([
        "2027-01-15T08:01:00.000Z",
        "2027-01-15T08:02:00.000Z",
        "2027-01-15T08:03:00.000Z",
      ]);
    });

    it("answers chain_stale when the node has not seen it for five seconds, and says not to repeat it blindly", async () => {
      let ms = 0;
      const hasty = await createFakeNode({ clock: { now: () => Date.now(), monotonic: () => (ms += 100) } });
      hasty.state.followMs = null;
      const answer = await hasty.app.inject({ method: "POST", url: "/sandbox/time", payload: { seconds: 60 } });
      await hasty.app.close();
      expect(answer.statusCode).to.equal(503);
      expect(ms).to.be.within(5_000, 6_000);
      const problem = answer.json<Problem>();
      expect([problem.code, problem.retryable]).to.deep.equal(["chain_stale", true]);
      expect(problem.errors[0]).to.include({
        subject: "head",
        actual: "2027-01-15T08:00:00.000Z",
        limit: "2027-01-15T08:01:00.000Z",
      });
      expect(problem.errors[0]?.remedy).to.include("was moved").and.include("moves it further");
      expect(hasty.state.moved).to.deep.equal([60]);
    });

    it("moves nothing before the first block", async () => {
      node.state.head = null;
      const answer = await move(60);
      expect([answer.statusCode, answer.json<Problem>().code]).to.deep.equal([503, "chain_stale"]);
      expect(node.state.moved).to.deep.equal([]);
    });

    it("goes on after the chain refused once", async () => {
      let calls = 0;
      const flaky = await createFakeNode({
        sandbox: {
          async increaseTime(seconds) {
            if (calls++ === 0) throw new Error("the chain does not move its clock");
            flaky.state.head = { number: 101, hash: toWord(101n), parent: toWord(100n), time: blockTime + seconds };
          },
        },
      });
      const ask = () => flaky.app.inject({ method: "POST", url: "/sandbox/time", payload: { seconds: 60 } });
      expect([(await ask()).statusCode, (await ask()).statusCode]).to.deep.equal([500, 200]);
      await flaky.app.close();
    });

    it("never back, and at most 181 days: past the longest deadline of any escrow", async () => {
      for (const seconds of [0, -5, 1.5, 15_638_401, "60"]) {
        expect((await post("/sandbox/time", { seconds })).statusCode).to.equal(400);
      }
      expect((await post("/sandbox/time", { seconds: 15_638_400 })).statusCode).to.equal(200);
      expect(node.state.moved).to.deep.equal([15_638_400]);
    });
  });
});
