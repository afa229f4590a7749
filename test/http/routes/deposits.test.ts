import { expect } from "chai";
import { encodeAbiParameters, keccak256 } from "viem";
import { toWord } from "../../../src/domain/hex.ts";
import { parseId } from "../../../src/domain/identifier.ts";
import type { Deposit, Problem } from "../../../src/http/schemas.ts";
import {
  ana,
  blockTime,
  coin,
  createFakeNode,
  type FakeNode,
  goodSignature,
  keyOf,
  luis,
  roleAddress,
} from "../../support/fake-node.ts";

const payload = { coin: "XUS", depositId: toWord(50n), to: ana, amount: "2500000" };
const signed = { signer: roleAddress, signature: goodSignature, deadline: blockTime + 60 };

describe("http/routes/deposits", () => {
  let node: FakeNode;
  beforeEach(async () => {
    node = await createFakeNode();
  });
  afterEach(() => node.app.close());

  const post = (body: object, key: string | null = "k1", role: "operator" | "approver" = "operator") =>
    node.app.inject({
      method: "POST",
      url: "/v1/deposits",
      payload: body,
      headers: { authorization: `Bearer ${keyOf(role)}`, ...(key === null ? {} : { "idempotency-key": key }) },
    });

  describe("POST /v1/deposits, signed by the node", () => {
    it("mints with a deadline of one hour of block time", async () => {
      const answer = await post(payload);
      expect(answer.statusCode, answer.body).to.equal(202);
      expect(answer.json<Deposit>()).to.include({
        kind: "mint",
        depositId: toWord(50n),
        amount: "2500000",
        state: "accepted",
        validUntil: new Date((blockTime + 3_601) * 1_000).toISOString(),
      });
      expect(node.state.signed).to.deep.equal([
        { kind: "mint", coin, depositId: toWord(50n), to: ana, amount: 2_500_000n, deadline: blockTime + 3_600 },
      ]);
    });

    it("needs an Idempotency-Key", async () => {
      const answer = await post(payload, null);
      expect(answer.statusCode).to.equal(400);
      expect(answer.json<Problem>().code).to.equal("idempotency_key_missing");
      expect(node.state.signed).to.have.length(0);
    });

    for (const key of ["", "with space", "a".repeat(256), "é"]) {
      it(`refuses the Idempotency-Key ${JSON.stringify(key.slice(0, 12))}`, async () => {
        const answer = await post(payload, key);
        expect(answer.statusCode).to.equal(400);
      });
    }

    it("answers a repeat with the same id and status, says so, and signs nothing new", async () => {
      const first = await post(payload);
      node.state.head = { ...(node.state.head ?? never()), time: blockTime + 30 };
      const again = await post({ amount: "2500000", to: ana, depositId: toWord(50n), coin: "XUS" });
      expect(again.statusCode).to.equal(202);
      expect(again.headers["idempotency-hit"]).to.equal("true");
      expect(first.headers["idempotency-hit"]).to.equal(undefined);
      expect(again.json<Deposit>().id).to.equal(first.json<Deposit>().id);
      expect(node.state.signed).to.have.length(1);
      node.settle(parseId(first.json<Deposit>().id)?.sequence ?? -1n);
      const ended = await post(payload);
      expect(ended.statusCode).to.equal(202);
      expect(ended.json<Deposit>()).to.include({ id: first.json<Deposit>().id, state: "settled" });
    });

    it("refuses the key for another body", async () => {
      await post(payload);
      const answer = await post({ ...payload, amount: "2500001" });
      expect(answer.statusCode).to.equal(422);
      expect(answer.json<Problem>().code).to.equal("idempotency_key_reused");
    });

    it("refuses a second request while the first is in flight", async () => {
      const { promise, resolve } = Promise.withResolvers<void>();
      node.state.gate = promise;
      const first = post(payload);
      await new Promise((later) => setTimeout(later, 20));
      const second = await post(payload);
      expect(second.statusCode).to.equal(409);
      expect(second.json<Problem>()).to.include({ code: "idempotency_in_flight", retryable: true });
      resolve();
      expect((await first).statusCode).to.equal(202);
      expect(node.state.signed).to.have.length(1);
    });

    it("scopes the key to the API key", async () => {
      const twoDesks = await createFakeNode({
        apiKeys: [
          { name: "a", role: "operator", key: "operator-a-0123456789" },
          { name: "b", role: "operator", key: "operator-b-0123456789" },
        ],
      });
      const ask = (key: string, depositId: string) =>
        twoDesks.app.inject({
          method: "POST",
          url: "/v1/deposits",
          payload: { ...payload, depositId },
          headers: { authorization: `Bearer ${key}`, "idempotency-key": "same" },
        });
      expect((await ask("operator-a-0123456789", toWord(1n))).statusCode).to.equal(202);
      expect((await ask("operator-b-0123456789", toWord(2n))).statusCode).to.equal(202);
      expect(twoDesks.state.signed).to.have.length(2);
      await twoDesks.app.close();
    });

    it("is one resource for one deposit under any key", async () => {
      const first = (await post(payload, "k1")).json<Deposit>();
      const second = await post(payload, "k2");
      expect(second.statusCode).to.equal(202);
      expect(second.json<Deposit>().id).to.equal(first.id);
      expect(node.state.signed).to.have.length(1);
    });

    it("refuses another amount or payee under a deposit id, whether it lives or has settled", async () => {
      const first = (await post(payload)).json<Deposit>();
      for (const change of [{ amount: "1" }, { to: luis }]) {
        const answer = await post({ ...payload, ...change }, `k-${JSON.stringify(change).length}`);
        expect(answer.statusCode).to.equal(409);
        expect(answer.json<Problem>().code).to.equal("deposit_conflict");
      }
      node.settle(parseId(first.id)?.sequence ?? -1n);
      expect((await post({ ...payload, amount: "1" }, "k9")).statusCode).to.equal(409);
      expect(node.state.signed).to.have.length(1);
    });

    it("mints a deposit whose first order expired unused", async () => {
      const first = (await post(payload)).json<Deposit>();
      const sequence = parseId(first.id)?.sequence ?? -1n;
      const intent = node.state.intents.get(sequence) ?? never();
      node.state.intents.set(sequence, { ...intent, state: "expired", endedAt: 1 });
      node.state.head = { ...(node.state.head ?? never()), time: blockTime + 4_000 };
      const second = await post(payload, "k2");
      expect(second.statusCode).to.equal(202);
      expect(second.json<Deposit>().id).to.not.equal(first.id);
    });

    it("says so when the dealer's key is not configured", async () => {
      node.state.missingRoles = ["dealer"];
      const answer = await post(payload);
      expect(answer.statusCode).to.equal(422);
      expect(answer.json<Problem>().code).to.equal("order_signer_missing");
    });

    it("answers chain_stale before the first block", async () => {
      node.state.head = null;
      const answer = await post(payload);
      expect(answer.statusCode).to.equal(503);
      expect(answer.json<Problem>()).to.include({ code: "chain_stale", retryable: true });
    });

    it("compares evidence with the deposit id", async () => {
      const evidence = { account: "GT82TRAJ01020000001210029690", reference: "2026-11-22/17" };
      const depositId = keccak256(
        encodeAbiParameters([{ type: "string" }, { type: "string" }], [evidence.account, evidence.reference]),
      );
      expect((await post({ ...payload, depositId, evidence })).statusCode).to.equal(202);
      const wrong = await post({ ...payload, depositId: toWord(51n), evidence }, "k2");
      expect(wrong.statusCode).to.equal(400);
      expect(wrong.json<Problem>().errors[0]).to.include({ subject: "depositId", limit: depositId });
    });
  });

  describe("POST /v1/deposits, signed by a dealer", () => {
    it("needs no Idempotency-Key: its digest is its identity", async () => {
      const first = await post({ ...payload, ...signed }, null);
      expect(first.statusCode, first.body).to.equal(202);
      expect(node.state.signed).to.have.length(0);
      expect(node.state.submitted[0]).to.include({ signer: roleAddress, deadline: blockTime + 60 });
      const again = await post({ ...payload, ...signed }, null);
      expect(again.statusCode).to.equal(202);
      expect(again.headers["idempotency-hit"]).to.equal(undefined);
      expect(again.json<Deposit>().id).to.equal(first.json<Deposit>().id);
    });

    for (const missing of ["signer", "deadline"] as const) {
      it(`refuses a signature without ${missing}`, async () => {
        const answer = await post({ ...payload, ...signed, [missing]: undefined }, null);
        expect(answer.statusCode).to.equal(400);
        expect(answer.json<Problem>().errors[0]?.subject).to.equal(missing);
      });
    }

    it("refuses a signer without signature rather than signing for another", async () => {
      const answer = await post({ ...payload, signer: roleAddress });
      expect(answer.statusCode).to.equal(400);
      expect(answer.json<Problem>().errors[0]?.subject).to.equal("signature");
    });
  });

  describe("GET /v1/deposits/{id}", () => {
    it("finds a deposit by its id and by its deposit id", async () => {
      const made = (await post(payload)).json<Deposit>();
      expect(made.id).to.match(/^dep_/);
      for (const id of [made.id, made.depositId, made.depositId.toUpperCase().replace("0X", "0x")]) {
        expect((await node.app.inject({ url: `/v1/deposits/${id}` })).json<Deposit>()).to.deep.equal(made);
      }
    });

    it("refuses unknown ones", async () => {
      for (const id of [toWord(99n), "dep_0000000000000", "tr_0000000000000"]) {
        expect((await node.app.inject({ url: `/v1/deposits/${id}` })).statusCode).to.equal(404);
      }
    });
  });
});

function never(): never {
  throw new Error("the fake has none");
}
