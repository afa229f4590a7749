import { expect } from "chai";
import type { PaymentTotals } from "../../../src/domain/agreement.ts";
import { type Hex, toWord, type Word } from "../../../src/domain/hex.ts";
import { parseId } from "../../../src/domain/identifier.ts";
import type { AgreementStep, AgreementToSign } from "../../../src/http/agreements.ts";
import type { Payment } from "../../../src/http/payments.ts";
import type { Problem } from "../../../src/http/schemas.ts";
import { spellAddress } from "../../../src/http/spelling.ts";
import { createPaymentTerms, putPayment, toBody } from "../../support/fake-escrows.ts";
import {
  ana,
  badSignature,
  blockTime,
  coin,
  commerce,
  createFakeNode,
  type FakeNode,
  goodSignature,
  keyOf,
  logIn,
  luis,
  quetzal,
} from "../../support/fake-node.ts";

const terms = createPaymentTerms({ coin, other: quetzal, from: ana, to: luis, now: blockTime });
const otherSignature: Hex = `0x${"22".repeat(65)}`;
const hour = String(blockTime + 3_600);
const deadline = blockTime + 60;

describe("http/routes/payments", () => {
  let node: FakeNode;
  let id: Word;
  beforeEach(async () => {
    node = await createFakeNode();
    id = node.deps.encoder.agreementId({ kind: "payment", terms });
  });
  afterEach(() => node.app.close());

  const post = (url: string, payload?: object) =>
    node.app.inject({ method: "POST", url, ...(payload === undefined ? {} : { payload }) });
  const authorize = (changes: object = { signature: goodSignature }, termChanges: object = {}) =>
    post("/v1/payments", { coin: "XUS", terms: { ...toBody(terms, "coin"), ...termChanges }, ...changes });
  const step = (path: string, payload?: object) => post(`/v1/payments/${id}/${path}`, payload);
  const read = async (of: string = id) => (await node.app.inject({ url: `/v1/payments/${of}` })).json<Payment>();
  const put = (totals: Partial<PaymentTotals> = {}, fee = 0n) =>
    putPayment(node.state.kept, { id, escrow: commerce, terms, totals, fee });
  const sequenceOf = (of: string) => parseId(of)?.sequence ?? -1n;

  describe("POST /v1/payments", () => {
    it("answers with the payer's authorization to sign when the signature is missing, and creates nothing", async () => {
      const answer = await authorize({});
      expect(answer.statusCode, answer.body).to.equal(200);
      const { agreementId, typedData, second } = answer.json<AgreementToSign>();
      expect([agreementId, typedData.primaryType, second]).to.deep.equal([id, "ReceiveWithAuthorization", undefined]);
      expect(typedData.message).to.deep.equal({
        from: ana,
        to: commerce,
        value: "3000000",
        validAfter: "0",
        validBefore: String(terms.authorizeBy),
        nonce: id,
      });
      expect(node.state.submitted).to.have.length(0);
    });

    it("authorizes with the signature; the same digest is the same payment", async () => {
      const answer = await authorize();
      expect(answer.statusCode, answer.body).to.equal(202);
      const made = answer.json<Payment>();
      expect(made.id).to.match(/^pay_/);
      expect(made).to.deep.include({
        kind: "authorize",
        paymentId: id,
        state: "none",
        payer: spellAddress(ana),
        merchant: spellAddress(luis),
        amount: "3000000",
        captured: "0",
        remaining: "0",
        minFeeBps: 50,
        maxFeeBps: 100,
        reclaimFrom: null,
        pending: [],
      });
      expect(node.state.submitted).to.deep.equal([{ kind: "authorize", terms, signature: goodSignature }]);
      expect((await authorize({ signature: otherSignature })).json<Payment>().id).to.equal(made.id);
      node.settle(sequenceOf(made.id));
      expect((await authorize()).statusCode).to.equal(200);
    });

    const capture = { amount: "3000000" };

    it("charge: answers with what payer and merchant sign, at the least rate of the terms", async () => {
      const answer = await authorize({ capture: { order: capture } });
      expect(answer.statusCode, answer.body).to.equal(200);
      const { typedData, second } = answer.json<AgreementToSign>();
      expect([typedData.primaryType, second?.primaryType]).to.deep.equal(["ReceiveWithAuthorization", "Capture"]);
      expect(second?.domain).to.include({ name: "Remesa Commerce", verifyingContract: commerce });
      expect(second?.message).to.deep.equal({
        id,
        amount: "3000000",
        captured: "0",
        voided: "0",
        feeBps: "50",
        voidRest: false,
        deadline: hour,
      });
    });

    it("charge: with one of two signatures nothing is created yet", async () => {
      const half = await authorize({ capture: { order: capture }, signature: goodSignature });
      expect([half.statusCode, half.json<AgreementToSign>().agreementId]).to.deep.equal([200, id]);
      const merchants = { order: { ...capture, deadline }, signature: otherSignature };
      expect((await authorize({ capture: merchants })).statusCode).to.equal(200);
      expect(node.state.submitted).to.have.length(0);
    });

    it("charge: with both it captures in the same transaction, and a repeat is the same", async () => {
      const given = {
        capture: { order: { ...capture, feeBps: 80, voidRest: true, deadline }, signature: otherSignature },
        signature: goodSignature,
      };
      const answer = await authorize(given);
      expect(answer.statusCode, answer.body).to.equal(202);
      expect(answer.json<Payment>()).to.include({ kind: "charge" });
      expect(node.state.submitted).to.deep.equal([
        {
          kind: "charge",
          terms,
          signature: goodSignature,
          capture: { amount: 3_000_000n, captured: 0n, voided: 0n, feeBps: 80, voidRest: true, deadline },
          merchantSignature: otherSignature,
        },
      ]);
      expect((await authorize(given)).json<Payment>().id).to.equal(answer.json<Payment>().id);
    });

    it("charge: refuses the merchant's signature without its deadline, and a wrong one", async () => {
      const without = { capture: { order: capture, signature: otherSignature }, signature: goodSignature };
      expect((await authorize(without)).json<Problem>().errors[0]?.subject).to.equal("order.deadline");
      const wrong = { capture: { order: { ...capture, deadline }, signature: badSignature }, signature: goodSignature };
      expect((await authorize(wrong)).json<Problem>().code).to.equal("signature_invalid");
    });

    it("refuses another chain, another coin, unknown fields and terms out of shape", async () => {
      expect((await authorize({ chainId: 2 })).json<Problem>().code).to.equal("chain_id_wrong");
      expect((await authorize({ coin: "XEU" })).json<Problem>().code).to.equal("coin_unknown");
      expect((await authorize({ signature: badSignature })).json<Problem>().code).to.equal("signature_invalid");
      for (const [changes, termChanges] of [
        [{ note: "x" }, {}],
        [{}, { note: "x" }],
        [{}, { coin }],
        [{}, { maxFeeBps: 10_001 }],
        [{}, { minFeeBps: -1 }],
        [{}, { merchant: undefined }],
        [{ capture: {} }, {}],
        [{ capture: { order: { ...capture, note: "x" } } }, {}],
        [{ capture: { order: capture, signer: luis } }, {}],
      ]) {
        expect((await authorize(changes, termChanges)).json<Problem>().code).to.equal("request_malformed");
      }
      expect(node.state.intents.size).to.equal(0);
    });
  });

  describe("GET /v1/payments/{id}", () => {
    it("shows totals, fees, what remains and when it may be reclaimed, by either id", async () => {
      const made = (await authorize()).json<Payment>();
      put({ captured: 1_000_000n, voided: 500_000n, refunded: 200_000n }, 5_000n);
      const found = await read();
      expect(await read(made.id)).to.deep.equal(found);
      expect(found).to.include({
        id: made.id,
        state: "authorized",
        captured: "1000000",
        voided: "500000",
        refunded: "200000",
        fees: "5000",
        remaining: "1500000",
        reclaimFrom: new Date(terms.captureBy * 1_000).toISOString(),
      });
      expect(found.steps.map((taken) => taken.step)).to.deep.equal(["authorize", "capture"]);
    });

    it("lets a dispute last fifteen days longer", async () => {
      put({ disputed: true });
      const reclaimFrom = new Date((terms.captureBy + 15 * 86_400) * 1_000).toISOString();
      expect(await read()).to.include({ state: "disputed", reclaimFrom });
    });

    it("has nothing to reclaim once closed", async () => {
      put({ captured: 2_000_000n, voided: 1_000_000n });
      expect(await read()).to.include({ state: "closed", remaining: "0", reclaimFrom: null, intent: null, id });
    });

    it("waits for the end of the authorization", async () => {
      const made = (await authorize()).json<Payment>();
      const waiting = node.app.inject({ url: `/v1/payments/${made.id}?wait=5` });
      await new Promise((resolve) => setTimeout(resolve, 20));
      put();
      node.settle(sequenceOf(made.id));
      expect((await waiting).json<Payment>().state).to.equal("authorized");
    });

    it("refuses what it does not know, and a claim's id", async () => {
      expect((await node.app.inject({ url: `/v1/payments/${toWord(5n)}` })).json<Problem>().code).to.equal(
        "agreement_unknown",
      );
      put();
      const answer = await node.app.inject({ url: `/v1/claims/${id}` });
      expect([answer.statusCode, answer.json<Problem>().code]).to.deep.equal([404, "agreement_unknown"]);
    });
  });

  describe("GET /v1/accounts/{address}/payments", () => {
    const list = (account: string, token: string) =>
      node.app.inject({ url: `/v1/accounts/${account}/payments`, headers: { authorization: `Bearer ${token}` } });

    it("shows payer and merchant theirs, and a role every account's", async () => {
      put();
      for (const [account, token] of [
        [ana, await logIn(node)],
        [luis, keyOf("auditor")],
      ] as const) {
        expect((await list(account, token)).json()).to.deep.equal({ data: [await read()] });
      }
    });

    it("shows nobody another's", async () => {
      expect((await list(luis, await logIn(node))).json<Problem>().code).to.equal("forbidden");
      expect((await node.app.inject({ url: `/v1/accounts/${ana}/payments` })).statusCode).to.equal(401);
    });
  });

  /** Each signed step: what it asks for, what is signed, and the draft that reaches intake. */
  const steps = [
    {
      path: "capture",
      kind: "capture",
      order: { amount: "400000" },
      stated: { captured: "1000000", voided: "500000" },
      struct: "Capture",
      message: { amount: "400000", captured: "1000000", voided: "500000", feeBps: "50", voidRest: false },
      draft: {
        order: { amount: 400_000n, captured: 1_000_000n, voided: 500_000n, feeBps: 50, voidRest: false, deadline },
      },
    },
    {
      path: "void",
      kind: "void",
      order: { amount: "400000" },
      stated: { captured: "1000000", voided: "500000" },
      struct: "Void",
      message: { amount: "400000", captured: "1000000", voided: "500000" },
      draft: { order: { amount: 400_000n, captured: 1_000_000n, voided: 500_000n, deadline }, disputed: false },
    },
    {
      path: "dispute",
      kind: "dispute-payment",
      order: {},
      stated: { captured: "1000000", voided: "500000" },
      struct: "DisputePayment",
      message: { captured: "1000000", voided: "500000" },
      draft: { captured: 1_000_000n, voided: 500_000n, deadline },
    },
    {
      path: "resolve",
      kind: "resolve-payment",
      order: { toMerchant: "700000" },
      stated: { captured: "1000000", voided: "500000" },
      struct: "ResolvePayment",
      message: { toMerchant: "700000", captured: "1000000", voided: "500000", feeBps: "50" },
      draft: { toMerchant: 700_000n, captured: 1_000_000n, voided: 500_000n, feeBps: 50, deadline },
    },
  ] as const;

  for (const { path, kind, order, stated, struct, message, draft } of steps) {
    describe(`POST /v1/payments/{id}/${path}`, () => {
      beforeEach(() => put({ captured: 1_000_000n, voided: 500_000n }, 5_000n));
      const full = { order: { ...order, ...stated, deadline }, signature: goodSignature };

      it("answers with the typed data at the totals of the newest block, and creates nothing", async () => {
        const answer = await step(path, { order });
        expect(answer.statusCode, answer.body).to.equal(200);
        const { agreementId, typedData } = answer.json<AgreementToSign>();
        expect([agreementId, typedData.primaryType]).to.deep.equal([id, struct]);
        expect(typedData.message).to.deep.equal({ id, ...message, deadline: hour });
        expect(node.state.submitted).to.have.length(0);
      });

      it("takes the signature, once per digest: also when a block has moved the totals on", async () => {
        const answer = await step(path, full);
        expect(answer.statusCode, answer.body).to.equal(202);
        const made = answer.json<AgreementStep>();
        expect(made).to.include({ kind, agreementId: id, state: "accepted" });
        expect(made.id).to.match(/^stp_/);
        expect(node.state.submitted).to.deep.equal([{ kind, terms, ...draft, signature: goodSignature }]);
        expect((await read()).pending.map(({ id: one }) => one)).to.deep.equal([made.id]);
        put({ captured: 1_400_000n, voided: 500_000n }, 7_000n);
        expect((await step(path, full)).json<AgreementStep>().id).to.equal(made.id);
        node.settle(sequenceOf(made.id));
        expect((await step(path, full)).statusCode).to.equal(200);
      });

      it("meets another step from the same totals in flight", async () => {
        await step(path, full);
        const other = { ...full, order: { ...full.order, deadline: deadline + 1 } };
        expect((await step(path, other)).json<Problem>().code).to.equal("step_in_flight");
      });

      for (const missing of ["deadline", "captured", "voided"]) {
        it(`refuses a signature without the ${missing} it is for`, async () => {
          const answer = await step(path, { ...full, order: { ...full.order, [missing]: undefined } });
          expect(answer.statusCode).to.equal(400);
          expect(answer.json<Problem>().errors[0]?.subject).to.equal(`order.${missing}`);
        });
      }

      it("refuses a wrong signature, another chain, unknown fields and an unknown payment", async () => {
        expect((await step(path, { ...full, signature: badSignature })).json<Problem>().code).to.equal(
          "signature_invalid",
        );
        expect((await step(path, { ...full, chainId: 1 })).json<Problem>().code).to.equal("chain_id_wrong");
        expect((await step(path, { ...full, merchant: luis })).statusCode).to.equal(400);
        expect((await step(path, { order: { ...full.order, to: luis } })).statusCode).to.equal(400);
        const unknown = await post(`/v1/payments/${toWord(5n)}/${path}`, { order });
        expect([unknown.statusCode, unknown.json<Problem>().code]).to.deep.equal([404, "agreement_unknown"]);
        expect(node.state.intents.size).to.equal(0);
      });
    });
  }

  it("dispute needs no body to say what to sign; void says that it leaves a dispute", async () => {
    put({ disputed: true });
    expect((await step("dispute")).statusCode).to.equal(200);
    await step("void", { order: { amount: "1", captured: "0", voided: "0", deadline }, signature: goodSignature });
    expect(node.state.submitted[0]).to.include({ kind: "void", disputed: true });
  });

  it("refuses steps of a payment that is not on chain yet", async () => {
    await authorize();
    expect((await step("capture", { order: { amount: "1" } })).json<Problem>().code).to.equal("agreement_unknown");
    expect((await step("reclaim")).json<Problem>().code).to.equal("agreement_unknown");
  });

  describe("POST /v1/payments/{id}/refund", () => {
    beforeEach(() => put({ captured: 1_000_000n, refunded: 200_000n }));

    it("answers with the merchant's authorization to sign, under the refund's nonce", async () => {
      const answer = await step("refund", { order: { amount: "300000" } });
      expect(answer.statusCode, answer.body).to.equal(200);
      const { typedData } = answer.json<AgreementToSign>();
      expect(typedData.primaryType).to.equal("ReceiveWithAuthorization");
      const { nonce, ...rest } = typedData.message;
      expect(rest).to.deep.equal({
        from: luis,
        to: commerce,
        value: "300000",
        validAfter: "0",
        validBefore: String(terms.refundBy),
      });
      expect(nonce)
        .to.match(/^0x[0-9a-f]{64}$/)
        .and.not.equal(id);
      expect(node.state.submitted).to.have.length(0);
    });

    it("takes the signature with the total refunded before, once per digest", async () => {
      const body = { order: { amount: "300000", refunded: "200000" }, signature: goodSignature };
      const answer = await step("refund", body);
      expect(answer.statusCode, answer.body).to.equal(202);
      expect(answer.json<AgreementStep>()).to.include({ kind: "refund", agreementId: id, amount: "300000" });
      expect(node.state.submitted).to.deep.equal([
        { kind: "refund", terms, amount: 300_000n, refunded: 200_000n, signature: goodSignature },
      ]);
      put({ captured: 1_000_000n, refunded: 500_000n });
      expect((await step("refund", body)).json<AgreementStep>().id).to.equal(answer.json<AgreementStep>().id);
    });

    it("refuses a signature without that total, a wrong one and unknown fields", async () => {
      const without = await step("refund", { order: { amount: "300000" }, signature: goodSignature });
      expect(without.json<Problem>().errors[0]?.subject).to.equal("order.refunded");
      const order = { amount: "300000", refunded: "200000" };
      expect((await step("refund", { order, signature: badSignature })).json<Problem>().code).to.equal(
        "signature_invalid",
      );
      expect((await step("refund", { order: { ...order, deadline } })).statusCode).to.equal(400);
    });
  });

  describe("POST /v1/payments/{id}/reclaim", () => {
    it("returns the remainder for anyone who asks, once: also when a block has done it", async () => {
      put({ captured: 1_000_000n });
      const first = await step("reclaim");
      expect(first.statusCode, first.body).to.equal(202);
      expect(node.state.submitted).to.deep.equal([
        { kind: "reclaim-payment", terms, captured: 1_000_000n, voided: 0n, disputed: false },
      ]);
      const made = first.json<AgreementStep>();
      expect((await step("reclaim", {})).json<AgreementStep>().id).to.equal(made.id);
      put({ captured: 1_000_000n, voided: 2_000_000n });
      node.state.refusal = [{ code: "agreement_state_invalid", subject: id, remedy: "It is closed." }];
      for (const change of [node.include, node.settle]) {
        change(sequenceOf(made.id));
        const again = await step("reclaim");
        expect([again.statusCode, again.json<AgreementStep>().id]).to.deep.equal([200, made.id]);
      }
    });

    it("refuses a body with anything in it, and what intake refuses", async () => {
      put();
      expect((await step("reclaim", { amount: "1" })).statusCode).to.equal(400);
      node.state.refusal = [{ code: "not_yet_valid", subject: "captureBy", remedy: "Wait." }];
      expect((await step("reclaim")).json<Problem>().code).to.equal("not_yet_valid");
    });
  });
});
