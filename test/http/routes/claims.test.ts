import { expect } from "chai";
import { type ClaimTerms } from "../../../src/domain/agreement.ts";
import { type Hex, toWord, type Word, zeroAddress, zeroWord } from "../../../src/domain/hex.ts";
import { parseId } from "../../../src/domain/identifier.ts";
import type { AgreementStep, AgreementToSign } from "../../../src/http/agreements.ts";
import type { Claim } from "../../../src/http/claims.ts";
import type { Problem } from "../../../src/http/schemas.ts";
import { spellAddress } from "../../../src/http/spelling.ts";
import { createClaimTerms, putClaim, toBody } from "../../support/fake-escrows.ts";
import {
  ana,
  badSignature,
  blockTime,
  claims,
  coin,
  createFakeNode,
  type FakeNode,
  goodSignature,
  keyOf,
  logIn,
  luis,
  quetzal,
} from "../../support/fake-node.ts";

const terms = createClaimTerms({ coin, other: quetzal, from: ana, to: luis, now: blockTime });
const otherSignature: Hex = `0x${"22".repeat(65)}`;

describe("http/routes/claims", () => {
  let node: FakeNode;
  let id: Word;
  beforeEach(async () => {
    node = await createFakeNode();
    id = node.deps.encoder.agreementId({ kind: "claim", terms });
  });
  afterEach(() => node.app.close());

  const post = (url: string, payload?: object) =>
    node.app.inject({ method: "POST", url, ...(payload === undefined ? {} : { payload }) });
  const open = (changes: object = { signature: goodSignature }, termChanges: object = {}) =>
    post("/v1/claims", { coin: "XUS", terms: { ...toBody(terms, "coin"), ...termChanges }, ...changes });
  const read = async (of: string = id) => (await node.app.inject({ url: `/v1/claims/${of}` })).json<Claim>();
  const put = (state: string, of: ClaimTerms = terms) =>
    putClaim(node.state.kept, {
      id: node.deps.encoder.agreementId({ kind: "claim", terms: of }),
      escrow: claims,
      terms: of,
      state,
    });
  const at = (time: number) => {
    node.state.head = { number: 1, hash: zeroWord, parent: zeroWord, time };
  };
  const sequenceOf = (of: string) => parseId(of)?.sequence ?? -1n;

  describe("POST /v1/claims", () => {
    it("answers with the sender's authorization to sign when the signature is missing, and creates nothing", async () => {
      const answer = await open({});
      expect(answer.statusCode, answer.body).to.equal(200);
      const { agreementId, typedData, second } = answer.json<AgreementToSign>();
      expect(agreementId).to.equal(id);
      expect(second).to.equal(undefined);
      expect(typedData.primaryType).to.equal("ReceiveWithAuthorization");
      expect(typedData.domain).to.deep.equal({
        name: "Remesa Dollar",
        version: "1",
        chainId: 31_337,
        verifyingContract: coin,
      });
      expect(typedData.message).to.deep.equal({
        from: ana,
        to: claims,
        value: "2000000",
        validAfter: "0",
        validBefore: String(terms.expiry),
        nonce: id,
      });
      expect(node.state.submitted).to.have.length(0);
    });

    it("opens with the signature; the same digest is the same claim, whatever its signature looks like", async () => {
      const answer = await open();
      expect(answer.statusCode, answer.body).to.equal(202);
      const made = answer.json<Claim>();
      expect(made.id).to.match(/^clm_/);
      expect(made).to.deep.include({
        kind: "open-claim",
        claimId: id,
        state: "none",
        amount: "2000000",
        sender: spellAddress(ana),
        linkKey: spellAddress(terms.linkKey),
        attestor: spellAddress(terms.attestor),
        expiry: new Date(terms.expiry * 1_000).toISOString(),
        steps: [],
        pending: [],
      });
      expect(made.intent).to.include({ state: "accepted" });
      expect(node.state.submitted).to.deep.equal([{ kind: "open-claim", terms, signature: goodSignature }]);
      expect((await open({ signature: otherSignature })).json<Claim>().id).to.equal(made.id);
      node.settle(sequenceOf(made.id));
      expect((await open()).statusCode).to.equal(200);
      expect(node.state.intents.size).to.equal(1);
    });

    it("takes nobody for the attestor where none is named", async () => {
      const answer = await open({ signature: goodSignature }, { attestor: undefined });
      expect(answer.json<Claim>().attestor).to.equal(null);
      expect(node.state.submitted[0]).to.deep.include({ terms: { ...terms, attestor: zeroAddress } });
    });

    it("refuses what intake refuses, another chain, another coin and unknown fields", async () => {
      expect((await open({ signature: badSignature })).json<Problem>().code).to.equal("signature_invalid");
      expect((await open({ chainId: 2 })).json<Problem>().code).to.equal("chain_id_wrong");
      expect((await open({ coin: "XEU" })).json<Problem>().code).to.equal("coin_unknown");
      for (const [changes, termChanges] of [
        [{ note: "x" }, {}],
        [{}, { note: "x" }],
        [{}, { coin }],
        [{}, { amount: 5 }],
        [{}, { amount: "-5" }],
        [{}, { linkKey: "0x1" }],
        [{}, { expiry: "soon" }],
        [{}, { handle: "+502" }],
        [{ signature: "0x11" }, {}],
      ]) {
        expect((await open(changes, termChanges)).json<Problem>().code).to.equal("request_malformed");
      }
      node.state.refusal = [{ code: "deadline_invalid", subject: "expiry", remedy: "Sign another." }];
      expect((await open()).json<Problem>().code).to.equal("deadline_invalid");
      expect(node.state.intents.size).to.equal(0);
    });
  });

  describe("GET /v1/claims/{id}", () => {
    it("shows state, terms, steps and exits, by either id", async () => {
      const made = (await open()).json<Claim>();
      put("open");
      const found = await read();
      expect(await read(made.id)).to.deep.equal(found);
      expect(found).to.include({ id: made.id, claimId: id, state: "open", handle: terms.handle });
      expect(found.steps).to.have.length(1);
      expect(found.steps[0]).to.include({ step: "open", state: "open", amount: "2000000", fee: "0", block: 100 });
    });

    it("opens each exit exactly at its deadline", async () => {
      put("open");
      const openAt = async (time: number) => {
        at(time);
        return (await read()).exits.filter((exit) => exit.open).map(({ step, by }) => `${step} by ${by}`);
      };
      const link = ["claim by link key", "decline by link key"];
      expect(await openAt(terms.cancelFrom - 1)).to.deep.equal(link);
      expect(await openAt(terms.cancelFrom)).to.deep.equal([...link, "cancel by sender"]);
      expect(await openAt(terms.expiry - 1)).to.deep.equal([...link, "cancel by sender"]);
      expect(await openAt(terms.expiry)).to.deep.equal(["reclaim by anyone"]);
    });

    for (const state of ["claimed", "declined", "cancelled", "reclaimed"]) {
      it(`has no exit once ${state}`, async () => {
        put(state);
        const found = await read();
        expect([found.state, found.exits]).to.deep.equal([state, []]);
      });
    }

    it("shows one that somebody else opened, under its 32-byte id", async () => {
      put("open");
      expect(await read()).to.include({ id, intent: null, state: "open" });
    });

    it("waits for the end of the opening", async () => {
      const made = (await open()).json<Claim>();
      const waiting = node.app.inject({ url: `/v1/claims/${made.id}?wait=5` });
      await new Promise((resolve) => setTimeout(resolve, 20));
      put("open");
      node.settle(sequenceOf(made.id));
      const found = (await waiting).json<Claim>();
      expect([found.state, found.intent?.state]).to.deep.equal(["open", "settled"]);
    });

    it("refuses what it does not know", async () => {
      const unknown = await node.app.inject({ url: `/v1/claims/${toWord(5n)}` });
      expect([unknown.statusCode, unknown.json<Problem>().code]).to.deep.equal([404, "agreement_unknown"]);
      for (const other of ["clm_0000000000000", "pay_0000000000000", "x"]) {
        expect((await node.app.inject({ url: `/v1/claims/${other}` })).statusCode).to.equal(404);
      }
    });
  });

  describe("GET /v1/accounts/{address}/claims", () => {
    const list = async (account: string, token: string) =>
      node.app.inject({ url: `/v1/accounts/${account}/claims`, headers: { authorization: `Bearer ${token}` } });

    it("shows an account its own, and a role every account's", async () => {
      put("open");
      for (const token of [await logIn(node), keyOf("auditor")]) {
        const answer = await list(ana, token);
        expect(answer.statusCode, answer.body).to.equal(200);
        expect(answer.json<{ data: Claim[] }>().data).to.deep.equal([await read()]);
      }
      expect((await list(luis, keyOf("auditor"))).json()).to.deep.equal({ data: [] });
    });

    it("shows nobody another's", async () => {
      expect((await list(luis, await logIn(node))).json<Problem>().code).to.equal("forbidden");
      expect((await node.app.inject({ url: `/v1/accounts/${ana}/claims` })).statusCode).to.equal(401);
    });
  });

  describe("POST /v1/claims/{id}/claim", () => {
    const take = (changes: object = {}, of: string = id) =>
      post(`/v1/claims/${of}/claim`, { order: { recipient: luis }, ...changes });
    const deadline = blockTime + 60;
    const order = { recipient: luis, deadline };

    it("answers with what link key and attestor sign", async () => {
      put("open");
      const answer = await take();
      expect(answer.statusCode, answer.body).to.equal(200);
      const { agreementId, typedData, second } = answer.json<AgreementToSign>();
      expect([agreementId, typedData.primaryType, second?.primaryType]).to.deep.equal([id, "ClaimTo", "AttestClaim"]);
      const message = { id, recipient: luis, deadline: String(blockTime + 3_600) };
      expect([typedData.message, second?.message]).to.deep.equal([message, message]);
      expect(typedData.domain).to.include({ name: "Remesa Claims", verifyingContract: claims });
      expect(node.state.submitted).to.have.length(0);
    });

    it("asks for one signature where the terms name no attestor", async () => {
      const plain = { ...terms, attestor: zeroAddress };
      put("open", plain);
      const answer = await take({}, node.deps.encoder.agreementId({ kind: "claim", terms: plain }));
      expect(answer.json<AgreementToSign>().second).to.equal(undefined);
    });

    it("takes the claim with both signatures, once per digest", async () => {
      put("open");
      const answer = await take({ order, signature: goodSignature, attestorSignature: otherSignature });
      expect(answer.statusCode, answer.body).to.equal(202);
      expect(answer.json<AgreementStep>()).to.include({ kind: "claim", agreementId: id, state: "accepted" });
      expect(node.state.submitted).to.deep.equal([
        {
          kind: "claim",
          id,
          coin,
          ...order,
          signer: terms.linkKey,
          signature: goodSignature,
          attestor: { signer: terms.attestor, signature: otherSignature },
        },
      ]);
      const again = await take({ order, signature: goodSignature, attestorSignature: otherSignature });
      expect(again.json<AgreementStep>().id).to.equal(answer.json<AgreementStep>().id);
      expect((await read()).pending.map(({ kind }) => kind)).to.deep.equal(["claim"]);
    });

    it("meets another recipient's claim in flight", async () => {
      put("open");
      await take({ order, signature: goodSignature, attestorSignature: otherSignature });
      const other = {
        order: { recipient: ana, deadline },
        signature: goodSignature,
        attestorSignature: otherSignature,
      };
      expect((await take(other)).json<Problem>().code).to.equal("step_in_flight");
    });

    it("leaves a missing attestor to intake, and never takes the link key for it", async () => {
      put("open");
      await take({ order, signature: goodSignature });
      expect(node.state.submitted[0]).to.include({ attestor: null });
    });

    it("refuses a signature without its deadline, no recipient, unknown fields, and what is not on chain", async () => {
      await open();
      expect((await take({ order, signature: goodSignature })).json<Problem>().code).to.equal("agreement_unknown");
      put("open");
      const unsigned = (await take({ signature: goodSignature })).json<Problem>();
      expect([unsigned.code, unsigned.errors[0]?.subject]).to.deep.equal(["request_malformed", "order.deadline"]);
      for (const body of [
        { order: {} },
        { order: { ...order, amount: "1" } },
        { order, signer: luis },
        { order, attestor: ana },
      ]) {
        expect((await take(body)).json<Problem>().code).to.equal("request_malformed");
      }
      expect((await take({ chainId: 1 })).json<Problem>().code).to.equal("chain_id_wrong");
      const bad = { order, signature: goodSignature, attestorSignature: badSignature };
      expect((await take(bad)).json<Problem>().code).to.equal("signature_invalid");
      expect(node.state.intents.size).to.equal(1);
    });
  });

  for (const { path, kind, struct, signer } of [
    { path: "decline", kind: "decline-claim", struct: "DeclineClaim", signer: terms.linkKey },
    { path: "cancel", kind: "cancel-claim", struct: "CancelClaim", signer: ana },
  ] as const) {
    describe(`POST /v1/claims/{id}/${path}`, () => {
      const end = (payload?: object) => post(`/v1/claims/${id}/${path}`, payload);

      it("answers with the typed data first, with or without a body", async () => {
        put("open");
        for (const answer of [await end(), await end({})]) {
          expect(answer.statusCode, answer.body).to.equal(200);
          const { typedData } = answer.json<AgreementToSign>();
          expect(typedData.primaryType).to.equal(struct);
          expect(typedData.message).to.deep.equal({ id, deadline: String(blockTime + 3_600) });
        }
        expect(node.state.submitted).to.have.length(0);
      });

      it("takes the signature of whom the terms name, once per digest", async () => {
        put("open");
        const body = { order: { deadline: blockTime + 60 }, signature: goodSignature };
        const answer = await end(body);
        expect(answer.statusCode, answer.body).to.equal(202);
        expect(answer.json<AgreementStep>()).to.include({ kind, agreementId: id });
        expect(node.state.submitted[0]).to.deep.equal({
          kind,
          id,
          coin,
          signer,
          deadline: blockTime + 60,
          signature: goodSignature,
        });
        expect((await end(body)).json<AgreementStep>().id).to.equal(answer.json<AgreementStep>().id);
      });

      it("refuses a signature without its deadline, a wrong one and unknown fields", async () => {
        put("open");
        expect((await end({ signature: goodSignature })).json<Problem>().errors[0]?.subject).to.equal("order.deadline");
        const order = { deadline: blockTime + 60 };
        expect((await end({ order, signature: badSignature })).json<Problem>().code).to.equal("signature_invalid");
        expect((await end({ order, recipient: luis })).json<Problem>().code).to.equal("request_malformed");
        expect((await end({ order, chainId: 1 })).json<Problem>().code).to.equal("chain_id_wrong");
        expect(node.state.intents.size).to.equal(0);
      });
    });
  }

  describe("POST /v1/claims/{id}/reclaim", () => {
    it("returns it for anyone who asks, once: also when a block has done it", async () => {
      put("open");
      const first = await post(`/v1/claims/${id}/reclaim`);
      expect(first.statusCode, first.body).to.equal(202);
      expect(node.state.submitted).to.deep.equal([{ kind: "reclaim-claim", id, coin }]);
      const step = first.json<AgreementStep>();
      expect((await post(`/v1/claims/${id}/reclaim`, {})).json<AgreementStep>().id).to.equal(step.id);
      put("reclaimed");
      node.state.refusal = [{ code: "agreement_state_invalid", subject: id, remedy: "It has ended." }];
      for (const change of [node.include, node.settle]) {
        change(sequenceOf(step.id));
        const again = await post(`/v1/claims/${id}/reclaim`);
        expect([again.statusCode, again.json<AgreementStep>().id]).to.deep.equal([200, step.id]);
      }
    });

    it("refuses a body with anything in it, what intake refuses and what it does not know", async () => {
      put("open");
      expect((await post(`/v1/claims/${id}/reclaim`, { to: luis })).statusCode).to.equal(400);
      node.state.refusal = [{ code: "not_yet_valid", subject: "expiry", remedy: "Wait." }];
      expect((await post(`/v1/claims/${id}/reclaim`)).json<Problem>().code).to.equal("not_yet_valid");
      expect((await post(`/v1/claims/${toWord(5n)}/reclaim`)).statusCode).to.equal(404);
    });
  });
});
