import { expect } from "chai";
import { toWord, type Word, zeroWord } from "../../../src/domain/hex.ts";
import { parseId } from "../../../src/domain/identifier.ts";
import type { RedemptionState } from "../../../src/domain/intent.ts";
import type { Problem, Redemption, Step, ToSign } from "../../../src/http/schemas.ts";
import {
  ana,
  badSignature,
  blockTime,
  coin,
  createFakeNode,
  escrow,
  type FakeNode,
  goodSignature,
  keyOf,
  lane,
  roleAddress,
  terms,
  termsBody,
} from "../../support/fake-node.ts";

const label = (text: string): string => `0x${Buffer.from(text).toString("hex").padEnd(64, "0")}`;

describe("http/routes/redemptions", () => {
  let node: FakeNode;
  let redemptionId: Word;
  beforeEach(async () => {
    node = await createFakeNode();
    redemptionId = node.deps.encoder.redemptionId(terms);
  });
  afterEach(() => node.app.close());

  const lock = (changes: object = { signature: goodSignature }) =>
    node.app.inject({ method: "POST", url: "/v1/redemptions", payload: { coin: "XUS", terms: termsBody, ...changes } });
  const take = (id: string, step: string, payload: object = {}, key: string | null = "k1") =>
    node.app.inject({
      method: "POST",
      url: `/v1/redemptions/${id}/${step}`,
      payload,
      headers: { authorization: `Bearer ${keyOf("operator")}`, ...(key === null ? {} : { "idempotency-key": key }) },
    });
  const read = async (id: string) => (await node.app.inject({ url: `/v1/redemptions/${id}` })).json<Redemption>();

  /** The chain has the redemption in this state. */
  function put(state: RedemptionState): void {
    const evidence = { blockNumber: 100, blockHash: toWord(100n), transaction: toWord(5n), logIndex: 1, by: lane };
    const step = {
      ...evidence,
      from: "none",
      to: "locked",
      actor: lane,
      reference: zeroWord,
      time: blockTime,
    } as const;
    node.state.redemptions.set(redemptionId, { id: redemptionId, escrow, terms, state, steps: [step] });
  }

  describe("POST /v1/redemptions", () => {
    it("answers with the typed data to sign when the signature is missing, and creates nothing", async () => {
      const answer = await lock({});
      expect(answer.statusCode, answer.body).to.equal(200);
      const { typedData, redemptionId: id } = answer.json<ToSign>();
      expect(id).to.equal(redemptionId);
      expect(typedData.primaryType).to.equal("ReceiveWithAuthorization");
      expect(typedData.domain).to.include({ chainId: 31_337 });
      expect(Object.keys(typedData.types)).to.deep.equal(["EIP712Domain", "ReceiveWithAuthorization"]);
      expect(typedData.message).to.deep.equal({
        from: ana,
        to: escrow,
        value: "2000000",
        validAfter: "0",
        validBefore: String(terms.acceptBy),
        nonce: redemptionId,
      });
      expect(node.state.submitted).to.have.length(0);
    });

    it("locks with the signature; the same again is the same", async () => {
      const answer = await lock();
      expect(answer.statusCode, answer.body).to.equal(202);
      const made = answer.json<Redemption>();
      expect(made.id).to.match(/^red_/);
      expect(made).to.deep.include({
        redemptionId,
        state: "none",
        amount: "2000000",
        steps: [],
        exits: [],
        payout: null,
      });
      expect(made.intent).to.include({ state: "accepted" });
      expect(node.state.submitted[0]).to.deep.equal({ kind: "lock", terms, signature: goodSignature });
      expect((await lock()).json<Redemption>().id).to.equal(made.id);
      node.settle(parseId(made.id)?.sequence ?? -1n);
      expect((await lock()).statusCode).to.equal(200);
    });

    it("refuses terms about another coin, unknown fields and another chain", async () => {
      expect((await lock({ terms: { ...termsBody, coin: "XEU" } })).statusCode).to.equal(422);
      expect((await lock({ terms: { ...termsBody, bank: "x" } })).statusCode).to.equal(400);
      expect((await lock({ chainId: 2 })).json<Problem>().code).to.equal("chain_id_wrong");
    });
  });

  describe("GET /v1/redemptions/{id}", () => {
    it("shows state, terms, steps and exits, by either id", async () => {
      const { id } = (await lock()).json<Redemption>();
      put("locked");
      const found = await read(id);
      expect(await read(redemptionId)).to.deep.equal(found);
      expect(found).to.include({ state: "locked", payout: terms.payout });
      expect(found.steps[0]).to.include({ from: "none", to: "locked", block: 100 });
      const acceptBy = new Date(terms.acceptBy * 1_000).toISOString();
      expect(found.exits).to.deep.equal([
        { step: "cancel", by: "holder", from: null, before: acceptBy, open: true },
        { step: "reclaim", by: "anyone", from: acceptBy, before: null, open: false },
      ]);
    });

    for (const [state, deadline] of [
      ["locked", terms.acceptBy],
      ["accepted", terms.payoutBy],
      ["sent", terms.finalBy],
      ["disputed", terms.finalBy + 15 * 86_400],
    ] as const) {
      it(`opens reclaim exactly at the deadline of ${state}`, async () => {
        put(state);
        const openAt = async (time: number) => {
          node.state.head = { number: 1, hash: zeroWord, parent: zeroWord, time };
          return (await read(redemptionId)).exits.filter((exit) => exit.open).map((exit) => exit.step);
        };
        const before = { locked: ["cancel"], accepted: [], sent: ["dispute"], disputed: [] }[state];
        expect(await openAt(deadline - 1)).to.deep.equal(before);
        expect(await openAt(deadline)).to.deep.equal(["reclaim"]);
      });
    }

    for (const state of ["burned", "returned"] as const) {
      it(`has no exit once ${state}`, async () => {
        put(state);
        expect((await read(redemptionId)).exits).to.deep.equal([]);
      });
    }

    it("shows one that somebody else locked, under its 32-byte id", async () => {
      put("locked");
      expect(await read(redemptionId)).to.include({ id: redemptionId, intent: null, state: "locked" });
    });

    it("shows steps on their way and drops them when they have ended", async () => {
      put("locked");
      const step = (await take(redemptionId, "accept")).json<Step>();
      expect((await read(redemptionId)).pending.map(({ id, kind }) => [id, kind])).to.deep.equal([[step.id, "accept"]]);
      node.settle(parseId(step.id)?.sequence ?? -1n);
      expect((await read(redemptionId)).pending).to.deep.equal([]);
    });

    it("refuses what it does not know", async () => {
      const unknown = await node.app.inject({ url: `/v1/redemptions/${toWord(5n)}` });
      expect(unknown.statusCode).to.equal(404);
      expect(unknown.json<Problem>().code).to.equal("redemption_unknown");
      expect((await node.app.inject({ url: "/v1/redemptions/red_0000000000000" })).statusCode).to.equal(404);
    });
  });

  describe("the desk's steps", () => {
    const steps = [
      { path: "accept", state: "locked", payload: {}, reference: zeroWord },
      { path: "reject", state: "locked", payload: { order: { reason: "closed" } }, reference: label("closed") },
      { path: "reject", state: "accepted", payload: { order: { reason: toWord(9n) } }, reference: toWord(9n) },
      { path: "mark-sent", state: "accepted", payload: { order: { bankReference: "B1" } }, reference: label("B1") },
      { path: "confirm", state: "sent", payload: { order: { bankReference: "B1" } }, reference: label("B1") },
    ] as const;

    for (const { path, state, payload, reference } of steps) {
      it(`${path} from ${state}: the node signs, once per Idempotency-Key`, async () => {
        put(state);
        const answer = await take(redemptionId, path, payload);
        expect(answer.statusCode, answer.body).to.equal(202);
        expect(answer.json<Step>()).to.include({ kind: path, redemptionId });
        expect(answer.json<Step>().id).to.match(/^stp_/);
        expect(node.state.signed).to.deep.equal([
          { kind: path, id: redemptionId, coin, from: state, reference, deadline: blockTime + 3_600 },
        ]);
        put("burned");
        const again = await take(redemptionId, path, payload);
        expect(again.headers["idempotency-hit"]).to.equal("true");
        expect(again.json<Step>().id).to.equal(answer.json<Step>().id);
        expect(node.state.signed).to.have.length(1);
      });

      it(`${path} from ${state}: the agent's own signature is passed on`, async () => {
        put(state);
        const deadline = blockTime + 60;
        const given = "order" in payload ? payload.order : {};
        const body = { order: { ...given, deadline }, signer: roleAddress, signature: goodSignature };
        const answer = await take(redemptionId, path, body, null);
        expect(answer.statusCode, answer.body).to.equal(202);
        expect(node.state.submitted[0]).to.deep.equal({
          kind: path,
          id: redemptionId,
          coin,
          from: state,
          reference,
          deadline,
          signer: roleAddress,
          signature: goodSignature,
        });
      });

      it(`${path} from ${state}: needs an Idempotency-Key, and a deadline with a signature`, async () => {
        put(state);
        expect((await take(redemptionId, path, payload, null)).json<Problem>().code).to.equal(
          "idempotency_key_missing",
        );
        const unsigned = { ...payload, signer: roleAddress, signature: goodSignature };
        const answer = await take(redemptionId, path, unsigned, null);
        expect(answer.statusCode).to.equal(400);
        expect(answer.json<Problem>().errors[0]?.subject).to.equal("order.deadline");
      });
    }

    it("accept needs no body", async () => {
      put("locked");
      const headers = { authorization: `Bearer ${keyOf("operator")}`, "idempotency-key": "k" };
      const answer = await node.app.inject({ method: "POST", url: `/v1/redemptions/${redemptionId}/accept`, headers });
      expect(answer.statusCode, answer.body).to.equal(202);
    });

    it("a second key for the same step meets the first one in flight", async () => {
      put("locked");
      await take(redemptionId, "accept", {}, "k1");
      const answer = await take(redemptionId, "accept", { order: { deadline: blockTime + 7 } }, "k2");
      expect(answer.statusCode).to.equal(409);
      expect(answer.json<Problem>().code).to.equal("step_in_flight");
    });

    it("reject refuses what has ended and what is not on chain yet", async () => {
      put("returned");
      const ended = await take(redemptionId, "reject", { order: { reason: "x" } });
      expect(ended.statusCode).to.equal(409);
      expect(ended.json<Problem>().errors[0]).to.include({ code: "redemption_state_invalid", actual: "returned" });
      node.state.redemptions.clear();
      await lock();
      const early = await take(redemptionId, "reject", { order: { reason: "x" } }, "k2");
      expect(early.json<Problem>().errors[0]).to.include({ code: "redemption_state_invalid", actual: "none" });
    });

    it("refuses a bank reference longer than 31 bytes that is no word", async () => {
      put("accepted");
      const answer = await take(redemptionId, "mark-sent", { order: { bankReference: "a".repeat(32) } });
      expect(answer.statusCode).to.equal(400);
    });
  });

  describe("the second keys", () => {
    const approve = (payload: object = {}, role: "operator" | "approver" | "auditor" = "approver", path = "approve") =>
      node.app.inject({
        method: "POST",
        url: `/v1/redemptions/${redemptionId}/${path}`,
        payload,
        headers: { authorization: `Bearer ${keyOf(role)}`, "idempotency-key": "second" },
      });
    const decision = { order: { paid: false, reference: "no trace" } };

    it("approve: the approver's key, and the node signs once per Idempotency-Key", async () => {
      put("accepted");
      const answer = await approve();
      expect(answer.statusCode, answer.body).to.equal(202);
      expect(answer.json<Step>()).to.include({ kind: "approve", redemptionId });
      expect(node.state.signed).to.deep.equal([
        {
          kind: "approve",
          id: redemptionId,
          coin,
          from: "accepted",
          reference: zeroWord,
          deadline: blockTime + 3_600,
        },
      ]);
      expect((await approve()).json<Step>().id).to.equal(answer.json<Step>().id);
      expect(node.state.signed).to.have.length(1);
    });

    it("approve: whoever sends the payout, the operator's key, may not", async () => {
      put("accepted");
      for (const role of ["operator", "auditor"] as const) {
        const answer = await approve({}, role);
        expect([answer.statusCode, answer.json<Problem>().code]).to.deep.equal([403, "forbidden"]);
      }
      expect(node.state.submitted).to.have.length(0);
    });

    for (const paid of [true, false]) {
      it(`resolve, ${paid ? "paid" : "returned"}: the approver's key, by the arbiter's order`, async () => {
        put("disputed");
        const answer = await approve({ order: { paid, reference: "no trace" } }, "approver", "resolve");
        expect(answer.statusCode, answer.body).to.equal(202);
        expect(node.state.signed[0]).to.deep.include({
          kind: "resolve",
          from: "disputed",
          paid,
          reference: label("no trace"),
        });
      });
    }

    it("resolve: the operator's key may not", async () => {
      put("disputed");
      expect((await approve(decision, "operator", "resolve")).statusCode).to.equal(403);
    });

    it("resolve: refuses a decision without a side, unknown fields, and a signature without its deadline", async () => {
      put("disputed");
      for (const payload of [
        {},
        { order: { reference: "x" } },
        { order: { paid: "yes", reference: "x" } },
        { order: { ...decision.order, amount: "1" } },
        { ...decision, note: "x" },
        { ...decision, signer: roleAddress, signature: goodSignature },
      ]) {
        expect((await approve(payload, "approver", "resolve")).statusCode).to.equal(400);
      }
      expect(node.state.submitted).to.have.length(0);
    });

    it("resolve: the arbiter's own signature is passed on, once per digest", async () => {
      put("disputed");
      const order = { ...decision.order, deadline: blockTime + 60 };
      const body = { order, signer: roleAddress, signature: goodSignature };
      const first = await approve(body, "approver", "resolve");
      expect(first.statusCode, first.body).to.equal(202);
      expect(node.state.submitted[0]).to.include({ kind: "resolve", paid: false, signer: roleAddress });
      expect((await approve(body, "approver", "resolve")).json<Step>().id).to.equal(first.json<Step>().id);
      expect(node.state.signed).to.have.length(0);
    });
  });

  describe("POST /v1/redemptions/{id}/dispute", () => {
    it("answers with the typed data first, then takes the holder's signature", async () => {
      put("sent");
      const first = await take(redemptionId, "dispute", {}, null);
      expect(first.statusCode, first.body).to.equal(200);
      const { typedData } = first.json<ToSign>();
      expect(typedData.primaryType).to.equal("DisputeRedemption");
      expect(typedData.message).to.deep.equal({ id: redemptionId, deadline: String(blockTime + 3_600) });
      expect(node.state.submitted).to.have.length(0);
      const body = { order: { deadline: blockTime + 3_600 }, signature: goodSignature };
      const second = await take(redemptionId, "dispute", body, null);
      expect(second.statusCode, second.body).to.equal(202);
      expect(node.state.submitted[0]).to.deep.include({ kind: "dispute", signer: ana, from: "sent" });
      expect((await take(redemptionId, "dispute", body, null)).json<Step>().id).to.equal(second.json<Step>().id);
    });

    it("refuses a signature without its deadline, and a wrong one", async () => {
      put("sent");
      expect((await take(redemptionId, "dispute", { signature: goodSignature }, null)).statusCode).to.equal(400);
      const body = { order: { deadline: blockTime + 60 }, signature: badSignature };
      expect((await take(redemptionId, "dispute", body, null)).json<Problem>().code).to.equal("signature_invalid");
    });
  });

  describe("POST /v1/redemptions/{id}/cancel", () => {
    it("answers with the typed data first, then takes the holder's signature", async () => {
      put("locked");
      const first = await take(redemptionId, "cancel", {}, null);
      expect(first.statusCode, first.body).to.equal(200);
      const { typedData } = first.json<ToSign>();
      expect(typedData.primaryType).to.equal("CancelRedemption");
      expect(typedData.message).to.deep.equal({ id: redemptionId, deadline: String(blockTime + 3_600) });
      const deadline = Number(typedData.message["deadline"]);
      const second = await take(redemptionId, "cancel", { order: { deadline }, signature: goodSignature }, null);
      expect(second.statusCode, second.body).to.equal(202);
      expect(node.state.submitted[0]).to.deep.include({
        kind: "cancel-redemption",
        signer: ana,
        from: "locked",
        deadline,
      });
    });

    it("refuses a signature without the deadline it is for", async () => {
      put("locked");
      const answer = await take(redemptionId, "cancel", { signature: goodSignature }, null);
      expect(answer.statusCode).to.equal(400);
      expect(answer.json<Problem>().errors[0]?.subject).to.equal("order.deadline");
    });
  });

  describe("POST /v1/redemptions/{id}/reclaim", () => {
    const reclaim = () => node.app.inject({ method: "POST", url: `/v1/redemptions/${redemptionId}/reclaim` });

    for (const state of ["locked", "accepted", "sent", "disputed"] as const) {
      it(`leaves ${state} for anyone who asks, once`, async () => {
        put(state);
        const first = await reclaim();
        expect(first.statusCode, first.body).to.equal(202);
        expect(node.state.submitted).to.deep.equal([{ kind: "reclaim", id: redemptionId, coin, from: state }]);
        const { id } = first.json<Step>();
        expect((await reclaim()).json<Step>().id).to.equal(id);
        put("returned");
        node.include(parseId(id)?.sequence ?? -1n);
        expect((await reclaim()).json<Step>()).to.include({ id, state: "included" });
        node.settle(parseId(id)?.sequence ?? -1n);
        const ended = await reclaim();
        expect(ended.statusCode).to.equal(200);
        expect(ended.json<Step>()).to.include({ id, state: "settled" });
      });
    }

    it("refuses what has ended otherwise", async () => {
      put("burned");
      const answer = await reclaim();
      expect(answer.statusCode).to.equal(409);
      expect(answer.json<Problem>().code).to.equal("redemption_state_invalid");
    });
  });
});
