import { expect } from "chai";
import { admit, admitTo, type Caller, createAuth, isInsider } from "../../src/http/auth.ts";
import { RejectedError } from "../../src/http/problem.ts";
import {
  createClaimTerms,
  createPaymentTerms,
  createQuoteTerms,
  putClaim,
  putPayment,
  toBody,
} from "../support/fake-escrows.ts";
import {
  ana,
  apiKeys,
  blockTime,
  claims,
  coin,
  commerce,
  createFakeNode,
  createTransfer,
  type FakeNode,
  keyOf,
  logIn,
  lane,
  luis,
  quetzal,
  terms,
} from "../support/fake-node.ts";

function codeOf(act: () => unknown): string {
  try {
    act();
    return "admitted";
  } catch (error) {
    if (error instanceof RejectedError) return error.message;
    throw error;
  }
}

const at = (time: { ms: number }) => ({ now: () => 1_800_000_000_000 + time.ms, monotonic: () => time.ms });

describe("http/auth", () => {
  describe("createAuth", () => {
    it("knows a key by its role and a stable id that does not reveal it", () => {
      const auth = createAuth(apiKeys, at({ ms: 0 }));
      const caller = auth.identify(`Bearer ${apiKeys[0]?.key}`);
      expect(caller).to.include({ kind: "key", name: "desk", role: "operator" });
      expect(caller).to.deep.equal(createAuth(apiKeys, at({ ms: 5 })).identify(`bearer ${apiKeys[0]?.key}`));
      expect(JSON.stringify(caller)).to.not.include(apiKeys[0]?.key);
    });

    for (const [name, header] of [
      ["an unknown key", "Bearer operator-key-0123456789abcdeX"],
      ["a prefix of a key", "Bearer operator-key"],
      ["another scheme", "Basic b3BlcmF0b3I6eA=="],
      ["an empty token", "Bearer "],
      ["a token of 513 characters", `Bearer ${"a".repeat(513)}`],
    ] as const) {
      it(`refuses ${name}`, () => {
        expect(codeOf(() => createAuth(apiKeys, at({ ms: 0 })).identify(header))).to.equal("unauthorized");
      });
    }

    it("takes no header for no caller", () => {
      expect(createAuth(apiKeys, at({ ms: 0 })).identify(undefined)).to.deep.equal({ kind: "none" });
    });

    it("knows a session for one hour, not a millisecond longer", () => {
      const time = { ms: 0 };
      const auth = createAuth([], at(time));
      const { token, expiresAt } = auth.openSession(ana);
      expect(expiresAt).to.equal(1_800_003_600_000);
      time.ms = 3_599_999;
      expect(auth.identify(`Bearer ${token}`)).to.deep.equal({ kind: "wallet", address: ana });
      time.ms = 3_600_000;
      expect(codeOf(() => auth.identify(`Bearer ${token}`))).to.equal("unauthorized");
    });

    it("keeps 10,000 sessions and ends the oldest beyond", () => {
      const auth = createAuth([], at({ ms: 0 }));
      const tokens = Array.from({ length: 10_001 }, () => auth.openSession(ana).token);
      expect(codeOf(() => auth.identify(`Bearer ${tokens[0]}`))).to.equal("unauthorized");
      expect(codeOf(() => auth.identify(`Bearer ${tokens[1]}`))).to.equal("admitted");
      expect(codeOf(() => auth.identify(`Bearer ${tokens[10_000]}`))).to.equal("admitted");
    }).timeout(10_000);
  });

  describe("admit", () => {
    const key = (role: "operator" | "approver" | "auditor"): Caller => ({ kind: "key", id: "1", name: "n", role });
    const callers = {
      none: { kind: "none" },
      wallet: { kind: "wallet", address: ana },
      auditor: key("auditor"),
      approver: key("approver"),
      operator: key("operator"),
    } as const satisfies Record<string, Caller>;
    const table = {
      public: { none: "admitted", wallet: "admitted", auditor: "admitted", approver: "admitted", operator: "admitted" },
      login: {
        none: "unauthorized",
        wallet: "admitted",
        auditor: "admitted",
        approver: "admitted",
        operator: "admitted",
      },
      reader: {
        none: "unauthorized",
        wallet: "forbidden",
        auditor: "admitted",
        approver: "admitted",
        operator: "admitted",
      },
      operator: {
        none: "unauthorized",
        wallet: "forbidden",
        auditor: "forbidden",
        approver: "forbidden",
        operator: "admitted",
      },
      approver: {
        none: "unauthorized",
        wallet: "forbidden",
        auditor: "forbidden",
        approver: "admitted",
        operator: "forbidden",
      },
    } as const;
    for (const access of Object.keys(table) as (keyof typeof table)[]) {
      for (const caller of Object.keys(callers) as (keyof typeof callers)[]) {
        const outcome = table[access][caller];
        it(`${access} route, ${caller}: ${outcome}`, () => {
          expect(codeOf(() => admit(callers[caller], access))).to.equal(outcome);
        });
      }
    }

    it("shows a wallet its own account and no other", () => {
      expect(codeOf(() => admitTo(callers.wallet, ana))).to.equal("admitted");
      expect(codeOf(() => admitTo(callers.wallet, luis))).to.equal("forbidden");
      expect(isInsider(callers.none, [ana, null])).to.equal(false);
      expect(isInsider(callers.wallet, [luis, ana])).to.equal(true);
      expect(isInsider(callers.auditor, [])).to.equal(true);
    });
  });

  describe("every route", () => {
    const callers = ["none", "wallet", "auditor", "approver", "operator"] as const;
    const scene = { coin, other: quetzal, from: ana, to: luis, now: blockTime };
    const claimTerms = createClaimTerms(scene);
    const paymentTerms = createPaymentTerms(scene);
    const quoteTerms = createQuoteTerms(scene);
    const all = { none: true, wallet: true, auditor: true, approver: true, operator: true };
    const login = { ...all, none: false };
    const reader = { ...login, wallet: false };
    const operator = { ...reader, auditor: false, approver: false };
    const approver = { ...reader, auditor: false, operator: false };
    const order = { coin: "XUS", amount: "5", reportHash: "report" };
    /** Route → who gets past the gate. Bodies are right, so that only the login can refuse. */
    const table: readonly (readonly [string, Record<(typeof callers)[number], boolean>, unknown?])[] = [
      ["GET /health", all],
      ["GET /ready", all],
      ["GET /metrics", all],
      ["GET /openapi.json", all],
      ["GET /docs", all],
      ["GET /v1/network", all],
      [`GET /v1/accounts/${ana}`, all],
      [`GET /v1/accounts/${ana}/transfers`, login],
      [`GET /v1/accounts/${luis}/transfers`, reader],
      ["POST /v1/transfers", all, createTransfer()],
      ["POST /v1/transfers/batch", all, { transfers: [createTransfer()] }],
      ["GET /v1/transfers/TRANSFER", all],
      [
        "POST /v1/cancellations",
        all,
        { coin: "XUS", authorizer: ana, nonce: `0x${"1".repeat(64)}`, signature: createTransfer().signature },
      ],
      ["GET /v1/cancellations/CANCELLATION", all],
      ["POST /v1/deposits", operator, { coin: "XUS", depositId: `0x${"1".repeat(64)}`, to: ana, amount: "5" }],
      ["GET /v1/deposits/DEPOSIT", all],
      ["POST /v1/redemptions", all, { coin: "XUS", terms: { ...terms, coin: undefined, amount: "2000000" } }],
      ["GET /v1/redemptions/REDEMPTION", all],
      ["POST /v1/redemptions/REDEMPTION/accept", operator, {}],
      ["POST /v1/redemptions/REDEMPTION/reject", operator, { order: { reason: "closed account" } }],
      ["POST /v1/redemptions/REDEMPTION/mark-sent", operator, { order: { bankReference: "b1" } }],
      ["POST /v1/redemptions/REDEMPTION/confirm", operator, { order: { bankReference: "b1" } }],
      ["POST /v1/redemptions/REDEMPTION/approve", approver, {}],
      ["POST /v1/redemptions/REDEMPTION/resolve", approver, { order: { paid: true, reference: "r1" } }],
      ["POST /v1/redemptions/REDEMPTION/dispute", all, {}],
      ["POST /v1/redemptions/REDEMPTION/cancel", all, {}],
      ["POST /v1/redemptions/REDEMPTION/reclaim", all, {}],
      ["POST /v1/orders", operator, { kind: "attest", order }],
      [
        "POST /v1/approvals",
        approver,
        { mint: { coin: "XUS", depositId: `0x${"4".repeat(64)}`, to: ana, amount: "5" } },
      ],
      ["GET /v1/orders/ORDER", reader],
      ["POST /v1/claims", all, { coin: "XUS", terms: toBody(claimTerms, "coin") }],
      ["GET /v1/claims/CLAIM", all],
      [`GET /v1/accounts/${ana}/claims`, login],
      [`GET /v1/accounts/${luis}/claims`, reader],
      ["POST /v1/claims/CLAIM/claim", all, { order: { recipient: luis } }],
      ["POST /v1/claims/CLAIM/decline", all, {}],
      ["POST /v1/claims/CLAIM/cancel", all, {}],
      ["POST /v1/claims/CLAIM/reclaim", all, {}],
      ["POST /v1/payments", all, { coin: "XUS", terms: toBody(paymentTerms, "coin") }],
      ["GET /v1/payments/PAYMENT", all],
      [`GET /v1/accounts/${ana}/payments`, login],
      [`GET /v1/accounts/${luis}/payments`, reader],
      ["POST /v1/payments/PAYMENT/capture", all, { order: { amount: "1" } }],
      ["POST /v1/payments/PAYMENT/void", all, { order: { amount: "1" } }],
      ["POST /v1/payments/PAYMENT/refund", all, { order: { amount: "1" } }],
      ["POST /v1/payments/PAYMENT/dispute", all, {}],
      ["POST /v1/payments/PAYMENT/resolve", all, { order: { toMerchant: "1" } }],
      ["POST /v1/payments/PAYMENT/reclaim", all, {}],
      ["POST /v1/quotes", all, { terms: toBody(quoteTerms) }],
      ["GET /v1/quotes/QUOTE", all],
      ["POST /v1/quotes/QUOTE/accept", all, {}],
      ["POST /v1/quotes/QUOTE/cancel", all, {}],
      [
        "POST /v1/attestations",
        all,
        {
          coin: "XUS",
          attestation: {
            vasp: 1,
            attestationId: `0x${"5".repeat(64)}`,
            payer: ana,
            payee: luis,
            amount: "5",
            reference: "r",
            validUntil: 1_800_000_100,
          },
          signer: luis,
        },
      ],
      ["GET /v1/attestations/ATTESTATION", all],
      ["GET /v1/vasps/VASP", all],
      ["POST /v1/vasps/VASP/members", all, { account: ana, joinId: `0x${"6".repeat(64)}`, signer: luis }],
      ["GET /v1/memberships/MEMBERSHIP", all],
      [`POST /v1/accounts/${ana}/leave`, all, { leaveId: `0x${"7".repeat(64)}` }],
      [`POST /v1/accounts/${ana}/complete-leave`, all, {}],
      ["GET /v1/exits", all],
      ["GET /v1/reconciliation", all],
      ["GET /v1/reconciliation?fresh=true", reader],
      ["GET /v1/lanes", reader],
      [`POST /v1/lanes/${lane}/pause`, operator, {}],
      [`POST /v1/lanes/${lane}/resume`, operator, {}],
      [`POST /v1/lanes/${lane}/drain`, operator, {}],
      [`POST /v1/lanes/${lane}/rotate`, operator, {}],
      [`POST /v1/lanes/${lane}/retire`, operator, {}],
      ["GET /v1/intents/TRANSFER", all],
      ["GET /v1/intents/ORDER", reader],
      ["GET /v1/intents/TRANSFER/trace", all],
      ["GET /v1/intents/DEPOSIT/trace", login],
      ["GET /v1/intents/ORDER/trace", reader],
      ["POST /v1/resume", operator, { reason: "looked at it" }],
      ["GET /v1/events?after=x", login],
      ["POST /v1/webhook-endpoints", login, { url: "https://hook.example/" }],
      ["GET /v1/webhook-endpoints", login],
      ["GET /v1/webhook-endpoints/WEBHOOK", login],
      ["POST /v1/webhook-endpoints/WEBHOOK/enable", login, {}],
      ["POST /v1/webhook-endpoints/WEBHOOK/replay", login, { after: "0" }],
      ["DELETE /v1/webhook-endpoints/WEBHOOK", login],
      [`GET /v1/login?address=${ana}`, all],
      ["POST /v1/login", all, { message: "m", signature: createTransfer().signature }],
      ["POST /sandbox/faucet", all, { coin: "XUS", to: ana, amount: "5" }],
      ["POST /sandbox/time", all, { seconds: 60 }],
    ];
    let node: FakeNode;
    let ids: Record<string, string>;
    let token: string;
    let counter = 0;

    before(async () => {
      node = await createFakeNode();
      const post = async (url: string, payload: unknown) => {
        const headers = { authorization: `Bearer ${keyOf("operator")}`, "idempotency-key": `k${++counter}` };
        const answer = await node.app.inject({ method: "POST", url, payload: payload as object, headers });
        expect(answer.statusCode, answer.body).to.equal(202);
        return answer.json<{ id: string }>().id;
      };
      const { signature } = createTransfer();
      ids = {
        TRANSFER: await post("/v1/transfers", createTransfer({}, { nonce: `0x${"2".repeat(64)}` })),
        CANCELLATION: await post("/v1/cancellations", {
          coin: "XUS",
          authorizer: ana,
          nonce: `0x${"2".repeat(64)}`,
          signature,
        }),
        DEPOSIT: await post("/v1/deposits", { coin: "XUS", depositId: `0x${"3".repeat(64)}`, to: ana, amount: "5" }),
        ORDER: await post("/v1/orders", { kind: "attest", order }),
        REDEMPTION: await post("/v1/redemptions", {
          coin: "XUS",
          terms: { ...terms, coin: undefined, amount: "2000000" },
          signature,
        }),
      };
      const { encoder } = node.deps;
      const { kept } = node.state;
      const claim = encoder.agreementId({ kind: "claim", terms: claimTerms });
      const payment = encoder.agreementId({ kind: "payment", terms: paymentTerms });
      const quote = encoder.agreementId({ kind: "quote", terms: quoteTerms });
      putClaim(kept, { id: claim, escrow: claims, terms: claimTerms, state: "open" });
      putPayment(kept, { id: payment, escrow: commerce, terms: paymentTerms });
      kept.quotes.set(quote, { id: quote, terms: quoteTerms, makerSignature: signature, offeredAt: 0 });
      Object.assign(ids, { CLAIM: claim, PAYMENT: payment, QUOTE: quote, VASP: "1" });
      token = await logIn(node);
    });
    after(() => node.app.close());

    it("stands in this table", () => {
      const routes = Object.entries(node.app.swagger().paths ?? {}).flatMap(([path, item]) =>
        Object.keys(item ?? {}).map((method) => `${method.toUpperCase()} ${path.replaceAll(/\{\w+\}/g, "*")}`),
      );
      const listed = table.map(([route]) => {
        const [method, url = ""] = route.split(" ");
        const path = url.split("?")[0]?.replaceAll(/0x[0-9a-f]{40}|[A-Z]{4,}/g, "*");
        return `${method} ${path}`;
      });
      expect(routes.length).to.be.greaterThan(30);
      expect(routes.filter((route) => !listed.includes(route))).to.deep.equal([]);
    });

    for (const [route, expected, payload] of table) {
      for (const caller of callers) {
        it(`${route}, ${caller}: ${expected[caller] ? "admitted" : caller === "none" ? "401" : "403"}`, async () => {
          const [method, pattern = ""] = route.split(" ");
          const url = pattern.replaceAll(/[A-Z]{4,}/g, (name) => ids[name] ?? name);
          const key = apiKeys.find(({ role }) => role === caller)?.key ?? (caller === "wallet" ? token : undefined);
          const headers: Record<string, string> = { "idempotency-key": `m${++counter}` };
          if (key !== undefined) headers["authorization"] = `Bearer ${key}`;
          const answer = await node.app.inject({
            method: method as "GET",
            url,
            headers,
            ...(payload === undefined ? {} : { payload: payload as object }),
          });
          // The login route refuses wrong signatures with 401 itself: not the gate's word.
          const gate =
            answer.statusCode === 401 || answer.statusCode === 403
              ? answer.json<{ errors: [{ subject: string }] }>().errors[0].subject
              : "";
          if (expected[caller]) expect(gate, answer.body).to.not.equal("authorization");
          else expect(answer.statusCode, answer.body).to.equal(caller === "none" ? 401 : 403);
        });
      }
    }

    it("refuses a wrong key even where none is needed", async () => {
      const answer = await node.app.inject({ url: "/health", headers: { authorization: "Bearer wrong" } });
      expect(answer.statusCode).to.equal(401);
      expect(answer.headers["www-authenticate"]).to.equal("Bearer");
    });
  });
});
