import { expect } from "chai";
import { parseId } from "../../../src/domain/identifier.ts";
import type { Deposit, Problem, Transfer } from "../../../src/http/schemas.ts";
import type { Lanes, ReconciliationView, TraceView } from "../../../src/http/views.ts";
import {
  createClaimTerms,
  createPaymentTerms,
  createQuoteTerms,
  putClaim,
  putPayment,
  toBody,
} from "../../support/fake-escrows.ts";
import {
  ana,
  blockTime,
  claims,
  coin,
  commerce,
  createFakeNode,
  createTransfer,
  type FakeNode,
  goodSignature,
  keyOf,
  lane,
  logIn,
  luis,
  quetzal,
  statement,
  termsBody,
} from "../../support/fake-node.ts";

const auditor = { authorization: `Bearer ${keyOf("auditor")}` };
const operator = { authorization: `Bearer ${keyOf("operator")}` };

describe("http/routes/operations", () => {
  let node: FakeNode;
  beforeEach(async () => {
    node = await createFakeNode();
  });
  afterEach(() => node.app.close());
  const get = (url: string, headers: Record<string, string> = {}) => node.app.inject({ url, headers });
  const post = async <T>(url: string, payload: object, headers: Record<string, string> = {}): Promise<T> =>
    (
      await node.app.inject({
        method: "POST",
        url,
        payload,
        headers: { ...operator, "idempotency-key": "k", ...headers },
      })
    ).json<T>();

  describe("GET /v1/reconciliation", () => {
    it("shows the newest statement to the unit", async () => {
      node.state.statement = {
        ...statement,
        agrees: false,
        differences: [
          { kind: "account", coin, account: luis, books: -1n, chain: 2n },
          { kind: "escrow", coin, account: claims, books: 3n, chain: 2n },
        ],
      };
      node.state.halt = { reason: "differs", since: 0 };
      expect((await get("/v1/reconciliation")).json<ReconciliationView>()).to.deep.include({
        block: 90,
        agrees: false,
        differences: [
          { kind: "account", coin, account: "0xB100000000000000000000000000000000000002", books: "-1", chain: "2" },
          { kind: "escrow", coin, account: claims, books: "3", chain: "2" },
        ],
        coins: [
          {
            coin,
            symbol: "XUS",
            bank: "10",
            bankAsOf: "2027-01-15T08:00:00.000Z",
            books: "9",
            chain: "9",
            outstanding: "9",
            accounts: 2,
            escrows: [{ escrow: claims, open: "3", balance: "4" }],
          },
        ],
        halted: { reason: "differs", since: "1970-01-01T00:00:00.000Z" },
      });
      expect(node.state.statements).to.equal(0);
    });

    it("has nothing to show before the first", async () => {
      expect((await get("/v1/reconciliation")).statusCode).to.equal(404);
    });

    it("makes one statement for all who ask at the same time", async () => {
      const answers = await Promise.all([1, 2, 3].map(() => get("/v1/reconciliation?fresh=true", auditor)));
      expect(answers.map(({ statusCode }) => statusCode)).to.deep.equal([200, 200, 200]);
      expect(node.state.statements).to.equal(1);
      await get("/v1/reconciliation?fresh=true", auditor);
      expect(node.state.statements).to.equal(2);
    });

    it("makes none for those who may not ask", async () => {
      expect((await get("/v1/reconciliation?fresh=true")).statusCode).to.equal(401);
      expect(node.state.statements).to.equal(0);
    });
  });

  describe("GET /v1/lanes", () => {
    it("shows gas and open slots, and no raw bytes", async () => {
      const answer = await get("/v1/lanes", auditor);
      expect(answer.json<Lanes>().lanes[0]).to.deep.include({
        address: lane,
        gasBalance: "1000000000000000000",
        open: 1,
      });
      expect(answer.json<Lanes>().lanes[0]?.slots[0]).to.include({ nonce: 7, state: "sent" });
      expect(answer.body).to.not.include("deadbeef");
    });

    it("goes on without the chain", async () => {
      const chain = { ...node.deps.chain, gasBalance: () => Promise.reject(new Error("no chain")) };
      const other = await createFakeNode({ chain });
      const answer = await other.app.inject({ url: "/v1/lanes", headers: auditor });
      expect(answer.json<Lanes>().lanes[0]?.gasBalance).to.equal(null);
      await other.app.close();
    });
  });

  describe("GET /v1/intents/{id}", () => {
    it("shows each kind as its resource", async () => {
      const made: { id: string }[] = [
        await post<Transfer>("/v1/transfers", createTransfer()),
        await post<Deposit>("/v1/deposits", { coin: "XUS", depositId: `0x${"1".repeat(64)}`, to: ana, amount: "1" }),
        await post<{ id: string }>("/v1/redemptions", { coin: "XUS", terms: termsBody, signature: goodSignature }),
        await post<{ id: string }>(
          "/v1/orders",
          { kind: "minting", order: { coin: "XUS", enabled: true } },
          { "idempotency-key": "o" },
        ),
        await post<{ id: string }>("/v1/cancellations", {
          coin: "XUS",
          authorizer: ana,
          nonce: `0x${"9".repeat(64)}`,
          signature: goodSignature,
        }),
      ];
      const { encoder } = node.deps;
      const scene = { coin, other: quetzal, from: ana, to: luis, now: blockTime };
      const [claimTerms, paymentTerms, quoteTerms] = [
        createClaimTerms(scene),
        createPaymentTerms(scene),
        createQuoteTerms(scene),
      ];
      const claim = encoder.agreementId({ kind: "claim", terms: claimTerms });
      const payment = encoder.agreementId({ kind: "payment", terms: paymentTerms });
      const quote = encoder.agreementId({ kind: "quote", terms: quoteTerms });
      const signature = goodSignature;
      for (const body of [
        { terms: toBody(claimTerms, "coin"), to: "claims" },
        { terms: toBody(paymentTerms, "coin"), to: "payments" },
      ]) {
        made.push(await post(`/v1/${body.to}`, { coin: "XUS", terms: body.terms, signature }));
      }
      putClaim(node.state.kept, { id: claim, escrow: claims, terms: claimTerms, state: "open" });
      putPayment(node.state.kept, { id: payment, escrow: commerce, terms: paymentTerms });
      node.state.kept.quotes.set(quote, { id: quote, terms: quoteTerms, makerSignature: signature, offeredAt: 0 });
      node.state.leaving.set(ana, blockTime);
      const capture = { amount: "1", captured: "0", voided: "0", deadline: blockTime + 60 };
      made.push(
        await post(`/v1/claims/${claim}/reclaim`, {}),
        await post(`/v1/payments/${payment}/capture`, { order: capture, signature }),
        await post(`/v1/quotes/${quote}/accept`, { signature }),
        await post(`/v1/accounts/${ana}/complete-leave`, {}),
      );
      const charged = { ...toBody(paymentTerms, "coin"), salt: `0x${"c".repeat(64)}` };
      const order = { amount: "1", deadline: blockTime + 60 };
      made.push(await post("/v1/payments", { coin: "XUS", terms: charged, signature, capture: { order, signature } }));
      expect(made.map(({ id }) => id.split("_")[0])).to.deep.equal([
        "tr",
        "dep",
        "red",
        "ord",
        "can",
        "clm",
        "pay",
        "stp",
        "stp",
        "quo",
        "mem",
        "pay",
      ]);
      for (const resource of made) {
        const found = await get(`/v1/intents/${resource.id}`, operator);
        expect(found.statusCode, found.body).to.equal(200);
        expect(found.json<{ id: string }>().id).to.equal(resource.id);
      }
    });
  });

  describe("GET /v1/intents/{id}/trace", () => {
    let id: string;
    beforeEach(async () => {
      ({ id } = await post<Transfer>("/v1/transfers", createTransfer({ reference: "rent" })));
      const intent = parseId(id)?.sequence ?? -1n;
      node.settle(intent);
      node.publish({ intent, type: "settled", accounts: [ana, luis], body: { kind: "transfer" }, at: 0 });
    });

    it("shows a role the whole way", async () => {
      const trace = (await get(`/v1/intents/${id}/trace`, auditor)).json<TraceView>();
      expect(trace.resource).to.include({ id, state: "settled", reference: "rent" });
      expect(trace.slots[0]).to.deep.include({ lane, nonce: 7, index: 0, size: 2, gasUsed: "21000" });
      expect(trace.lines).to.deep.equal([{ account: `wallet:${ana}`, amount: "-5" }]);
      expect(trace.events?.[0]).to.include({ id, type: "settled" });
    });

    it("shows a party the whole way", async () => {
      const trace = (
        await get(`/v1/intents/${id}/trace`, { authorization: `Bearer ${await logIn(node)}` })
      ).json<TraceView>();
      expect(trace.lines).to.have.length(1);
    });

    it("shows everyone a transfer's public part", async () => {
      const answer = await get(`/v1/intents/${id}/trace`);
      const trace = answer.json<TraceView>();
      expect(trace.slots).to.have.length(1);
      expect(trace).to.not.have.any.keys("lines", "events");
      expect(answer.body).to.not.include("rent").and.to.not.include("deadbeef");
    });
  });

  describe("POST /v1/resume", () => {
    it("records who and why, once", async () => {
      node.state.halt = { reason: "books differ", since: 0 };
      expect(await post("/v1/resume", { reason: "counted again" })).to.deep.equal({
        resumed: true,
        halt: { reason: "books differ", since: "1970-01-01T00:00:00.000Z" },
      });
      expect(node.state.resumed).to.deep.equal(["desk: counted again"]);
      expect(await post("/v1/resume", { reason: "counted again" })).to.deep.equal({ resumed: false, halt: null });
      expect(node.state.resumed).to.have.length(1);
    });

    it("needs a reason", async () => {
      node.state.halt = { reason: "books differ", since: 0 };
      for (const payload of [{}, { reason: "" }, { reason: "a\nb c" }]) {
        expect((await post<Problem>("/v1/resume", payload)).code).to.equal("request_malformed");
      }
      expect(node.state.resumed).to.have.length(0);
    });
  });
});
