import { expect } from "chai";
import { toWord } from "../../../src/domain/hex.ts";
import { parseId } from "../../../src/domain/identifier.ts";
import type { BatchResult, Cancellation, Problem, Transfer, TransferPage } from "../../../src/http/schemas.ts";
import {
  ana,
  badSignature,
  blockTime,
  coin,
  createFakeNode,
  createTransfer,
  type FakeNode,
  goodSignature,
  keyOf,
  lane,
  logIn,
  luis,
} from "../../support/fake-node.ts";

const sequenceOf = (id: string): bigint => parseId(id)?.sequence ?? -1n;
const operator = { authorization: `Bearer ${keyOf("operator")}` };

describe("http/routes/transfers", () => {
  let node: FakeNode;
  beforeEach(async () => {
    node = await createFakeNode();
  });
  afterEach(() => node.app.close());

  const post = (payload: object, headers: Record<string, string> = {}) =>
    node.app.inject({ method: "POST", url: "/v1/transfers", payload, headers });
  const batch = (transfers: unknown) =>
    node.app.inject({ method: "POST", url: "/v1/transfers/batch", payload: { transfers } });
  const read = (id: string, query = "", headers: Record<string, string> = {}) =>
    node.app.inject({ url: `/v1/transfers/${id}${query}`, headers });

  describe("POST /v1/transfers", () => {
    it("answers 202 with the resource", async () => {
      const answer = await post(createTransfer({ memo: toWord(8n) }));
      expect(answer.statusCode).to.equal(202);
      const { id, digest, ...rest } = answer.json<Transfer>();
      expect(id).to.match(/^tr_[0-9a-z]{13}$/);
      expect(digest).to.match(/^0x[0-9a-f]{64}$/);
      expect(rest).to.deep.equal({
        state: "accepted",
        held: false,
        reason: null,
        coin,
        createdAt: "2027-01-15T08:00:00.000Z",
        endedAt: null,
        evidence: null,
        kind: "transfer",
        authorization: {
          from: "0x19E7E376E7C213B7E7e7e46cc70A5dD086DAff2A",
          to: "0xB100000000000000000000000000000000000002",
          value: "1500000",
          validAfter: 0,
          validBefore: blockTime + 3_600,
          nonce: toWord(6n),
        },
        memo: toWord(8n),
      });
    });

    it("hands intake exactly what was sent", async () => {
      await post(createTransfer({ coin: "XUS", reference: "rent" }));
      expect(node.state.submitted).to.deep.equal([
        {
          kind: "transfer",
          coin,
          authorization: {
            from: ana,
            to: luis,
            value: 1_500_000n,
            validAfter: 0,
            validBefore: blockTime + 3_600,
            nonce: toWord(6n),
          },
          memo: null,
          signature: goodSignature,
          reference: "rent",
        },
      ]);
    });

    it("answers only after intake has resolved", async () => {
      const { promise, resolve } = Promise.withResolvers<void>();
      node.state.gate = promise;
      let answered = false;
      const answer = post(createTransfer()).then((done) => {
        answered = true;
        return done;
      });
      await new Promise((later) => setTimeout(later, 30));
      expect(node.state.submitted).to.have.length(1);
      expect(answered).to.equal(false);
      resolve();
      expect((await answer).statusCode).to.equal(202);
    });

    it("answers a repeated digest with the same resource: 202 while it lives, 200 when it has ended", async () => {
      const first = (await post(createTransfer())).json<Transfer>();
      const again = await post(createTransfer(), operator);
      expect(again.statusCode).to.equal(202);
      expect(again.json<Transfer>().id).to.equal(first.id);
      node.settle(sequenceOf(first.id));
      const ended = await post(createTransfer());
      expect(ended.statusCode).to.equal(200);
      expect(ended.json<Transfer>()).to.include({ id: first.id, state: "settled" });
      expect(node.state.intents.size).to.equal(1);
    });

    it("refuses another digest on a live nonce with 409 and free nonces", async () => {
      await post(createTransfer());
      const answer = await post(createTransfer({}, { value: "2" }));
      expect(answer.statusCode).to.equal(409);
      expect(answer.json<Problem>()).to.deep.include({ code: "nonce_in_use", freeNonces: [toWord(1n), toWord(2n)] });
    });

    it("shows the reference to parties and roles only", async () => {
      const sent = await post(createTransfer({ reference: "rent" }));
      const { id } = sent.json<Transfer>();
      const wallet = { authorization: `Bearer ${await logIn(node)}` };
      expect(sent.json<Transfer>()).to.not.have.property("reference");
      expect((await read(id)).json<Transfer>()).to.not.have.property("reference");
      expect((await read(id, "", wallet)).json<Transfer>().reference).to.equal("rent");
      expect((await read(id, "", operator)).json<Transfer>().reference).to.equal("rent");
    });

    it("never shows the signature", async () => {
      const { id } = (await post(createTransfer())).json<Transfer>();
      expect((await read(id, "", operator)).body).to.not.include(goodSignature.slice(2, 40));
    });

    describe("refuses before intake", () => {
      for (const [name, body, status, code, subject] of [
        ["a missing signature", createTransfer({ signature: undefined }), 400, "request_malformed", "signature"],
        ["an unknown field", createTransfer({ fee: "1" }), 400, "request_malformed", "body"],
        ["an unknown field inside", createTransfer({}, { gas: 1 }), 400, "request_malformed", "authorization"],
        ["an amount as a number", createTransfer({}, { value: 1 }), 400, "request_malformed", "authorization.value"],
        [
          "an amount with a fraction",
          createTransfer({}, { value: "1.5" }),
          400,
          "request_malformed",
          "authorization.value",
        ],
        ["a negative amount", createTransfer({}, { value: "-1" }), 400, "request_malformed", "authorization.value"],
        [
          "an amount of 2^63",
          createTransfer({}, { value: "9223372036854775808" }),
          400,
          "request_malformed",
          "authorization.value",
        ],
        [
          "a wrong checksum",
          createTransfer({}, { to: "0x5aaeb6053F3E94C9b9A09f33669435E7Ef1BeAed" }),
          400,
          "request_malformed",
          "authorization.to",
        ],
        ["a short nonce", createTransfer({}, { nonce: "0x06" }), 400, "request_malformed", "authorization.nonce"],
        [
          "a time in milliseconds and a half",
          createTransfer({}, { validBefore: 1.5 }),
          400,
          "request_malformed",
          "authorization.validBefore",
        ],
        ["a memo that is text", createTransfer({ memo: "hi" }), 400, "request_malformed", "memo"],
        [
          "a reference of 141 characters",
          createTransfer({ reference: "a".repeat(141) }),
          400,
          "request_malformed",
          "reference",
        ],
        ["a reference with a line feed", createTransfer({ reference: "a\nb" }), 400, "request_malformed", "reference"],
        ["an unknown coin symbol", createTransfer({ coin: "XEU" }), 422, "coin_unknown", "coin"],
        ["an unknown coin address", createTransfer({ coin: luis }), 422, "coin_unknown", "coin"],
        ["another chain in the body", createTransfer({ chainId: 1 }), 422, "chain_id_wrong", "chainId"],
        ["another chain in the authorization", createTransfer({}, { chainId: 1 }), 422, "chain_id_wrong", "chainId"],
      ] as const) {
        it(name, async () => {
          const answer = await post(body);
          expect(answer.statusCode, answer.body).to.equal(status);
          const problem = answer.json<Problem>();
          expect(problem.code).to.equal(code);
          expect(problem.errors[0]?.subject).to.equal(subject);
          expect(node.state.submitted).to.have.length(0);
        });
      }
    });

    it("takes the right chain id and leaves it out of what was signed", async () => {
      expect((await post(createTransfer({ chainId: 31_337 }, { chainId: 31_337 }))).statusCode).to.equal(202);
      expect(node.state.submitted[0]).to.not.have.nested.property("authorization.chainId");
    });

    it("refuses what the signer did not sign", async () => {
      const answer = await post(createTransfer({ signature: badSignature }));
      expect(answer.statusCode).to.equal(422);
      expect(answer.json<Problem>().code).to.equal("signature_invalid");
    });
  });

  describe("POST /v1/transfers/batch", () => {
    const many = (count: number) =>
      Array.from({ length: count }, (_, n) => createTransfer({}, { nonce: toWord(2n ** 50n + BigInt(n)) }));

    it("answers one outcome per item, in input order, bad neighbours or not", async () => {
      const known = createTransfer({}, { nonce: toWord(9n) });
      await post(known);
      const answer = await batch([
        createTransfer(),
        { nonsense: true },
        known,
        createTransfer({ signature: badSignature }, { nonce: toWord(10n) }),
        "text",
        createTransfer({ coin: "XEU" }),
        createTransfer({}, { value: "7" }),
        createTransfer({}, { nonce: toWord(11n) }),
      ]);
      expect(answer.statusCode).to.equal(202);
      const { outcomes } = answer.json<BatchResult>();
      expect(outcomes.map((one) => (one.outcome === "refused" ? one.problem.code : one.outcome))).to.deep.equal([
        "created",
        "request_malformed",
        "existing",
        "signature_invalid",
        "request_malformed",
        "coin_unknown",
        "nonce_in_use",
        "created",
      ]);
      const last = outcomes[7];
      expect(last?.outcome === "created" && last.transfer.authorization.nonce).to.equal(toWord(11n));
    });

    it("hands intake all good items in one call, so that they share one commit", async () => {
      let calls = 0;
      const { intake } = node.deps;
      const counted = await createFakeNode({
        intake: {
          ...intake,
          submit: (drafts, key) => {
            calls++;
            return intake.submit(drafts, key);
          },
        },
      });
      const answer = await counted.app.inject({
        method: "POST",
        url: "/v1/transfers/batch",
        payload: { transfers: many(5) },
      });
      expect(answer.statusCode).to.equal(202);
      expect(calls).to.equal(1);
      await counted.app.close();
    });

    it("takes 1,000 and refuses 1,001 as a whole", async () => {
      expect((await batch(many(1_000))).json<BatchResult>().outcomes).to.have.length(1_000);
      const over = await batch(many(1_001));
      expect(over.statusCode).to.equal(413);
      expect(over.json<Problem>()).to.include({ code: "batch_too_large" });
      expect(node.state.submitted).to.have.length(1_000);
    }).timeout(10_000);

    it("refuses an empty batch, no batch and a batch with more to it", async () => {
      for (const payload of [{ transfers: [] }, {}, { transfers: {} }, { transfers: many(1), atomically: true }]) {
        const answer = await node.app.inject({ method: "POST", url: "/v1/transfers/batch", payload });
        expect(answer.statusCode, answer.body).to.equal(400);
        expect(answer.json<Problem>().code).to.equal("request_malformed");
      }
    });

    it("takes 2 MiB and refuses more", async () => {
      const send = (bytes: number) => {
        const payload = `{"transfers":["${"a".repeat(bytes - 18)}"]}`;
        const headers = { "content-type": "application/json" };
        return node.app.inject({ method: "POST", url: "/v1/transfers/batch", payload, headers });
      };
      expect((await send(2 * 1_048_576)).statusCode).to.equal(202);
      expect((await send(2 * 1_048_576 + 1)).statusCode).to.equal(413);
    });

    it("writes resources that the documented schema accepts", async () => {
      const { batchResult } = await import("../../../src/http/schemas.ts");
      const answer = await batch([createTransfer(), { nonsense: true }]);
      expect(batchResult.strict().parse(answer.json())).to.deep.equal(answer.json());
    });
  });

  describe("GET /v1/transfers/{id}", () => {
    it("shows the evidence of the end", async () => {
      const { id } = (await post(createTransfer())).json<Transfer>();
      node.settle(sequenceOf(id));
      expect((await read(id)).json<Transfer>()).to.deep.include({
        state: "settled",
        held: false,
        endedAt: "2027-01-15T08:00:02.000Z",
        evidence: { transaction: toWord(5n), block: 101, blockHash: toWord(101n), logIndex: 3, by: lane },
      });
    });

    it("says why an unfinished transfer waits, and why an expired one was last skipped", async () => {
      const { id } = (await post(createTransfer())).json<Transfer>();
      const intent = node.state.intents.get(sequenceOf(id));
      if (intent === undefined) throw new Error("not accepted");
      node.state.intents.set(intent.sequence, { ...intent, reason: "insufficient_funds" });
      expect((await read(id)).json()).to.include({ state: "accepted", held: true, reason: "insufficient_funds" });
      node.state.intents.set(intent.sequence, {
        ...intent,
        state: "expired",
        reason: "insufficient_funds",
        endedAt: 1,
      });
      expect((await read(id)).json()).to.include({ state: "expired", held: false, reason: "insufficient_funds" });
    });

    it("waits for the end", async () => {
      const { id } = (await post(createTransfer())).json<Transfer>();
      setTimeout(() => node.settle(sequenceOf(id)), 50);
      const started = performance.now();
      expect((await read(id, "?wait=30")).json<Transfer>().state).to.equal("settled");
      expect(performance.now() - started).to.be.within(40, 5_000);
    });

    it("answers with the present state at the end of the wait", async () => {
      const { id } = (await post(createTransfer())).json<Transfer>();
      const started = performance.now();
      const answer = await read(id, "?wait=1");
      expect(answer.statusCode).to.equal(200);
      expect(answer.json<Transfer>().state).to.equal("accepted");
      expect(performance.now() - started).to.be.greaterThan(950);
    });

    for (const wait of ["31", "-1", "1.5", "x"]) {
      it(`refuses to wait ${wait} seconds`, async () => {
        const { id } = (await post(createTransfer())).json<Transfer>();
        expect((await read(id, `?wait=${wait}`)).statusCode).to.equal(400);
      });
    }

    it("refuses ids of nothing, of another kind and of another spelling", async () => {
      const { id } = (await post(createTransfer())).json<Transfer>();
      for (const other of ["tr_0000000000000", id.replace("tr_", "dep_"), id.toUpperCase(), "1", toWord(1n)]) {
        const answer = await read(other);
        expect(answer.statusCode, other).to.equal(404);
        expect(answer.json<Problem>().code).to.equal("not_found");
      }
    });
  });

  describe("GET /v1/accounts/{address}/transfers", () => {
    const list = (query = "", address = ana) =>
      node.app.inject({ url: `/v1/accounts/${address}/transfers${query}`, headers: operator });

    it("pages newest first without losing or repeating one", async () => {
      const ids: string[] = [];
      for (let n = 0n; n < 5n; n++) {
        ids.unshift((await post(createTransfer({}, { nonce: toWord(20n + n) }))).json<Transfer>().id);
      }
      const seen: string[] = [];
      let query = "?pageSize=2";
      const sizes: number[] = [];
      for (;;) {
        const page = (await list(query)).json<TransferPage>();
        seen.push(...page.data.map(({ id }) => id));
        sizes.push(page.data.length);
        expect(page.hasMore).to.equal(page.next !== null);
        if (page.next === null) break;
        query = `?pageSize=2&cursor=${page.next}`;
      }
      expect(seen).to.deep.equal(ids);
      expect(sizes).to.deep.equal([2, 2, 1]);
    });

    it("shows the payee the same transfer", async () => {
      const { id } = (await post(createTransfer())).json<Transfer>();
      expect((await list("", luis)).json<TransferPage>().data.map((one) => one.id)).to.deep.equal([id]);
    });

    it("refuses page sizes beyond 100 and cursors of its own invention", async () => {
      for (const query of ["?pageSize=0", "?pageSize=101", "?page=2"])
        expect((await list(query)).statusCode).to.equal(400);
      expect((await list("?cursor=tr_x")).statusCode).to.equal(404);
    });
  });

  describe("cancellations", () => {
    const payload = { coin, authorizer: ana, nonce: toWord(6n), signature: goodSignature };
    const cancel = (changes: object = {}) =>
      node.app.inject({ method: "POST", url: "/v1/cancellations", payload: { ...payload, ...changes } });

    it("is accepted while the transfer it cancels lives, and is found again", async () => {
      await post(createTransfer());
      const answer = await cancel();
      expect(answer.statusCode).to.equal(202);
      const made = answer.json<Cancellation>();
      expect(made.id).to.match(/^can_/);
      expect(made).to.include({ kind: "cancel", nonce: toWord(6n), state: "accepted" });
      expect((await cancel()).json<Cancellation>().id).to.equal(made.id);
      const found = await node.app.inject({ url: `/v1/cancellations/${made.id}` });
      expect(found.json()).to.deep.equal(made);
    });

    it("refuses a wrong signature, another chain and an unknown field", async () => {
      expect((await cancel({ signature: badSignature })).statusCode).to.equal(422);
      expect((await cancel({ chainId: 5 })).json<Problem>().code).to.equal("chain_id_wrong");
      expect((await cancel({ to: luis })).statusCode).to.equal(400);
    });
  });
});
