import { expect } from "chai";
import type { TypedDataDomain } from "viem";
import { privateKeyToAccount } from "viem/accounts";
import type { QuoteTerms } from "../../../src/domain/agreement.ts";
import { type Hex, toWord, type Word, zeroWord } from "../../../src/domain/hex.ts";
import { parseId } from "../../../src/domain/identifier.ts";
import type { AgreementStep, AgreementToSign } from "../../../src/http/agreements.ts";
import type { Quote } from "../../../src/http/quotes.ts";
import type { Problem } from "../../../src/http/schemas.ts";
import { spellAddress } from "../../../src/http/spelling.ts";
import { createQuoteTerms, toBody } from "../../support/fake-escrows.ts";
import {
  ana,
  anaKey,
  badSignature,
  blockTime,
  coin,
  createFakeNode,
  type FakeNode,
  goodSignature,
  luis,
  quetzal,
  swap,
} from "../../support/fake-node.ts";

const terms = createQuoteTerms({ coin, other: quetzal, from: ana, to: luis, now: blockTime });
/** Order of secp256k1: s and order − s make the same signer. */
const curveOrder = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;

/** The same signature in its other form, which the chain refuses. */
function mirror(signature: Hex): Hex {
  const s = (curveOrder - BigInt(`0x${signature.slice(66, 130)}`)).toString(16).padStart(64, "0");
  return `${signature.slice(0, 66)}${s}${signature.endsWith("1b") ? "1c" : "1b"}` as Hex;
}

describe("http/routes/quotes", () => {
  let node: FakeNode;
  let id: Word;
  let signature: Hex;
  beforeEach(async () => {
    node = await createFakeNode();
    id = idOf(terms);
    signature = await signAsAna({});
  });
  afterEach(() => node.app.close());

  const idOf = (of: QuoteTerms) => node.deps.encoder.agreementId({ kind: "quote", terms: of });
  const post = (url: string, payload?: object) =>
    node.app.inject({ method: "POST", url, ...(payload === undefined ? {} : { payload }) });
  const ask = (changes: object = {}, termChanges: object = {}) =>
    post("/v1/quotes", { terms: { ...toBody(terms), ...termChanges }, ...changes });
  const offer = () => ask({ signature });
  const read = async () => (await node.app.inject({ url: `/v1/quotes/${id}` })).json<Quote>();
  const at = (time: number) => {
    node.state.head = { number: 1, hash: zeroWord, parent: zeroWord, time };
  };
  const act = (path: string, payload?: object) => post(`/v1/quotes/${id}/${path}`, payload);
  const refusalOf = async (answer: Promise<{ json: <T>() => T }>) => (await answer).json<Problem>();

  /** Signs what the node says is to be signed, as a wallet does. */
  async function signAsAna(termChanges: object): Promise<Hex> {
    const { typedData } = (await ask({}, termChanges)).json<AgreementToSign>();
    const { EIP712Domain: _, ...types } = typedData.types;
    const { domain, primaryType, message } = typedData;
    return privateKeyToAccount(anaKey).signTypedData({
      domain: domain as TypedDataDomain,
      types,
      primaryType,
      message,
    });
  }

  describe("POST /v1/quotes", () => {
    it("answers with what maker and taker sign when the signature is missing, and keeps nothing", async () => {
      const answer = await ask();
      expect(answer.statusCode, answer.body).to.equal(200);
      const { agreementId, typedData, second } = answer.json<AgreementToSign>();
      expect(agreementId).to.equal(id);
      const { nonce: makers, ...sells } = typedData.message;
      const { nonce: takers, ...buys } = second?.message ?? {};
      const common = { to: swap, validAfter: "0", validBefore: String(terms.validBefore) };
      expect(sells).to.deep.equal({ from: ana, value: "1000000", ...common });
      expect(buys).to.deep.equal({ from: luis, value: "7800000", ...common });
      expect(makers).to.not.equal(takers);
      expect([typedData.domain.verifyingContract, second?.domain.verifyingContract]).to.deep.equal([
        coin,
        spellAddress(quetzal),
      ]);
      expect(node.state.kept.quotes.size).to.equal(0);
    });

    it("keeps the offer with the maker's signature, moves nothing, and gives the signature to nobody", async () => {
      const answer = await offer();
      expect(answer.statusCode, answer.body).to.equal(201);
      expect(answer.json<Quote>()).to.deep.include({
        id,
        kind: "quote",
        state: "open",
        maker: spellAddress(ana),
        taker: spellAddress(luis),
        sellCoin: coin,
        buyCoin: spellAddress(quetzal),
        sellAmount: "1000000",
        buyAmount: "7800000",
        steps: [],
      });
      expect(node.state.kept.quotes.get(id)).to.include({ makerSignature: signature });
      expect([...node.state.submitted, ...node.state.intents]).to.have.length(0);
      expect(answer.body).to.not.include(signature.slice(2, 60));
      expect(JSON.stringify(await read())).to.not.include(signature.slice(2, 60));
    });

    it("names coins by symbol or address: the same terms are the same offer", async () => {
      await offer();
      const again = await ask({ signature }, { sellCoin: "XUS", buyCoin: "XGT" });
      expect([again.statusCode, again.json<Quote>().id]).to.deep.equal([200, id]);
      expect(node.state.kept.quotes.size).to.equal(1);
    });

    it("takes the short form of the signature as intake does", async () => {
      const s = BigInt(`0x${signature.slice(66, 130)}`) | (signature.endsWith("1c") ? 1n << 255n : 0n);
      const short = `${signature.slice(0, 66)}${s.toString(16).padStart(64, "0")}`;
      expect((await ask({ signature: short })).statusCode).to.equal(201);
    });

    for (const [name, wrong] of [
      ["somebody else's", (): Hex => goodSignature],
      ["one that is none", (): Hex => badSignature],
      ["the maker's in the form the chain refuses, which would block the offer for good", (of: Hex) => mirror(of)],
    ] as const) {
      it(`refuses a signature: ${name}`, async () => {
        const problem = await refusalOf(ask({ signature: wrong(signature) }));
        expect([problem.code, problem.errors[0]?.limit]).to.deep.equal(["signature_invalid", ana]);
        expect(node.state.kept.quotes.size).to.equal(0);
      });
    }

    for (const [name, change, code] of [
      ["no amount to sell", { sellAmount: "0" }, "request_malformed"],
      ["no amount to buy", { buyAmount: "0" }, "request_malformed"],
      ["one coin against itself", { buyCoin: coin }, "request_malformed"],
      ["a maker who is the taker", { taker: ana }, "request_malformed"],
      ["an end that is now", { validBefore: blockTime }, "expired"],
      ["an end in more than 30 days", { validBefore: blockTime + 30 * 86_400 + 1 }, "validity_too_long"],
      ["more than the maker has free", { sellAmount: "3500001" }, "insufficient_funds"],
    ] as const) {
      it(`refuses ${name}`, async () => {
        const signed = await signAsAna(change);
        expect((await refusalOf(ask({ signature: signed }, change))).code).to.equal(code);
        expect(node.state.kept.quotes.size).to.equal(0);
      });
    }

    it("takes all that the maker has free, for 30 days", async () => {
      const change = { sellAmount: "3500000", validBefore: blockTime + 30 * 86_400 };
      expect((await ask({ signature: await signAsAna(change) }, change)).statusCode).to.equal(201);
    });

    it("refuses a maker that has too many open offers", async () => {
      node.state.kept.room = false;
      expect(await refusalOf(offer())).to.include({ code: "queue_full", status: 503 });
    });

    it("refuses another chain, unknown coins and unknown fields", async () => {
      expect((await refusalOf(ask({ chainId: 2 }))).code).to.equal("chain_id_wrong");
      expect((await refusalOf(ask({}, { buyCoin: "XEU" }))).code).to.equal("coin_unknown");
      for (const [changes, termChanges] of [
        [{ note: "x" }, {}],
        [{}, { note: "x" }],
        [{}, { taker: undefined }],
        [{ makerSignature: goodSignature }, {}],
      ]) {
        expect((await refusalOf(ask(changes, termChanges))).code).to.equal("request_malformed");
      }
    });
  });

  describe("GET /v1/quotes/{id}", () => {
    it("is open until its end, and expired from then on", async () => {
      await offer();
      at(terms.validBefore - 1);
      expect((await read()).state).to.equal("open");
      at(terms.validBefore);
      expect((await read()).state).to.equal("expired");
    });

    it("is accepting while the swap lives, swapped or cancelled once the chain says so", async () => {
      await offer();
      await act("accept", { signature: goodSignature });
      expect((await read()).state).to.equal("accepting");
      expect((await read()).steps.map(({ kind }) => kind)).to.deep.equal(["swap"]);
      for (const [end, state] of [
        ["swap", "swapped"],
        ["cancel-quote", "cancelled"],
      ] as const) {
        node.state.kept.quoteEnds.set(id, end);
        expect((await read()).state).to.equal(state);
      }
    });

    it("stays open while only its cancellation is on the way", async () => {
      await offer();
      await act("cancel", { order: { deadline: blockTime + 60 }, signature: goodSignature });
      expect((await read()).state).to.equal("open");
    });

    it("refuses what it does not know, and ids of the node's own", async () => {
      for (const unknown of [toWord(5n), "quo_0000000000000"]) {
        const answer = await node.app.inject({ url: `/v1/quotes/${unknown}` });
        expect([answer.statusCode, answer.json<Problem>().code]).to.deep.equal([404, "quote_unknown"]);
      }
    });
  });

  describe("POST /v1/quotes/{id}/accept", () => {
    beforeEach(offer);

    it("answers with the taker's leg to sign, with or without a body", async () => {
      for (const answer of [await act("accept"), await act("accept", {})]) {
        expect(answer.statusCode, answer.body).to.equal(200);
        const { agreementId, typedData, second } = answer.json<AgreementToSign>();
        expect([agreementId, second, typedData.message["from"]]).to.deep.equal([id, undefined, luis]);
      }
      expect(node.state.submitted).to.have.length(0);
    });

    it("submits both legs with both signatures; the same quote is swapped once", async () => {
      const answer = await act("accept", { signature: goodSignature });
      expect(answer.statusCode, answer.body).to.equal(202);
      const step = answer.json<AgreementStep>();
      expect(step).to.include({ kind: "swap", agreementId: id });
      expect(step.id).to.match(/^quo_/);
      expect(node.state.submitted).to.deep.equal([
        { kind: "swap", terms, makerSignature: signature, takerSignature: goodSignature },
      ]);
      expect((await act("accept", { signature: goodSignature })).json<AgreementStep>().id).to.equal(step.id);
      node.settle(parseId(step.id)?.sequence ?? -1n);
      node.state.kept.quoteEnds.set(id, "swap");
      expect((await act("accept", { signature: goodSignature })).statusCode).to.equal(200);
    });

    it("asks nobody to sign what is used up or has expired", async () => {
      node.state.kept.quoteEnds.set(id, "cancel-quote");
      expect((await refusalOf(act("accept"))).errors[0]).to.include({
        code: "quote_state_invalid",
        actual: "cancelled",
      });
      node.state.kept.quoteEnds.clear();
      at(terms.validBefore);
      expect((await refusalOf(act("accept"))).code).to.equal("expired");
    });

    it("refuses a wrong signature, another chain, unknown fields and an unknown quote", async () => {
      expect((await refusalOf(act("accept", { signature: badSignature }))).code).to.equal("signature_invalid");
      expect((await refusalOf(act("accept", { chainId: 1 }))).code).to.equal("chain_id_wrong");
      expect((await refusalOf(act("accept", { taker: luis }))).code).to.equal("request_malformed");
      expect((await refusalOf(post(`/v1/quotes/${toWord(5n)}/accept`))).code).to.equal("quote_unknown");
      expect(node.state.intents.size).to.equal(0);
    });
  });

  describe("POST /v1/quotes/{id}/cancel", () => {
    beforeEach(offer);
    const order = { deadline: blockTime + 60 };

    it("answers with the typed data first, then takes the maker's signature, once per digest", async () => {
      const first = await act("cancel");
      expect(first.statusCode, first.body).to.equal(200);
      const { typedData } = first.json<AgreementToSign>();
      expect([typedData.primaryType, typedData.message]).to.deep.equal([
        "CancelQuote",
        { id, deadline: String(blockTime + 3_600) },
      ]);
      expect(node.state.submitted).to.have.length(0);
      const second = await act("cancel", { order, signature: goodSignature });
      expect(second.statusCode, second.body).to.equal(202);
      expect(second.json<AgreementStep>()).to.include({ kind: "cancel-quote", agreementId: id });
      expect(node.state.submitted).to.deep.equal([{ kind: "cancel-quote", terms, ...order, signature: goodSignature }]);
      const again = await act("cancel", { order, signature: goodSignature });
      expect(again.json<AgreementStep>().id).to.equal(second.json<AgreementStep>().id);
    });

    it("meets the swap on its way", async () => {
      await act("accept", { signature: goodSignature });
      expect((await refusalOf(act("cancel", { order, signature: goodSignature }))).code).to.equal("step_in_flight");
    });

    it("refuses a signature without its deadline, a wrong one and unknown fields", async () => {
      const without = await refusalOf(act("cancel", { signature: goodSignature }));
      expect(without.errors[0]?.subject).to.equal("order.deadline");
      expect((await refusalOf(act("cancel", { order, signature: badSignature }))).code).to.equal("signature_invalid");
      expect((await refusalOf(act("cancel", { order, maker: ana }))).code).to.equal("request_malformed");
    });
  });
});
