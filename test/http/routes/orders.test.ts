import { expect } from "chai";
import { toWord } from "../../../src/domain/hex.ts";
import type { Order, Problem } from "../../../src/http/schemas.ts";
import {
  ana,
  blockTime,
  coin,
  createFakeNode,
  type FakeNode,
  goodSignature,
  keyOf,
  roleAddress,
} from "../../support/fake-node.ts";

const orders = {
  attest: { coin: "XUS", amount: "9000000", reportHash: toWord(3n) },
  minting: { coin: "XUS", enabled: true },
  freeze: { coin: "XUS", account: ana, amount: null, caseId: "case 7", until: blockTime + 86_400 },
  unfreeze: { coin: "XUS", account: ana, caseId: "case 7" },
  seize: { coin: "XUS", account: ana, amount: "700", caseId: "case 7" },
} as const;
type Kind = keyof typeof orders;
const kinds = Object.keys(orders) as Kind[];
const caseSeven = `0x${Buffer.from("case 7").toString("hex").padEnd(64, "0")}`;

describe("http/routes/orders", () => {
  let node: FakeNode;
  beforeEach(async () => {
    node = await createFakeNode();
  });
  afterEach(() => node.app.close());

  const post = (body: object, key: string | null = "k1") =>
    node.app.inject({
      method: "POST",
      url: "/v1/orders",
      payload: body,
      headers: { authorization: `Bearer ${keyOf("operator")}`, ...(key === null ? {} : { "idempotency-key": key }) },
    });

  describe("POST /v1/orders, signed by the node", () => {
    const expected = {
      attest: { kind: "attest", coin, amount: 9_000_000n, reportHash: toWord(3n), asOf: blockTime },
      minting: { kind: "minting", coin, enabled: true },
      freeze: { kind: "freeze", coin, account: ana, amount: null, caseId: caseSeven, until: blockTime + 86_400 },
      unfreeze: { kind: "unfreeze", coin, account: ana, caseId: caseSeven },
      seize: { kind: "seize", coin, account: ana, amount: 700n, caseId: caseSeven },
    };
    for (const kind of kinds) {
      it(`${kind}: signs exactly what was asked, for one hour`, async () => {
        const answer = await post({ kind, order: orders[kind] });
        expect(answer.statusCode, answer.body).to.equal(202);
        const { orderId, ...order } = (node.state.signed[0] ?? {}) as unknown as Record<string, unknown>;
        expect(order).to.deep.equal({ ...expected[kind], deadline: blockTime + 3_600 });
        expect(answer.json<Order>()).to.include({ kind, orderId, state: "accepted" });
        expect(answer.json<Order>().id).to.match(/^ord_/);
      });

      it(`${kind}: a repeat finds it and signs nothing new`, async () => {
        const first = (await post({ kind, order: orders[kind] })).json<Order>();
        node.state.head = { number: 101, hash: toWord(1n), parent: toWord(2n), time: blockTime + 9 };
        const again = await post({ kind, order: orders[kind] });
        expect(again.headers["idempotency-hit"]).to.equal("true");
        expect(again.json<Order>().id).to.equal(first.id);
        expect(node.state.signed).to.have.length(1);
      });

      it(`${kind}: needs an Idempotency-Key`, async () => {
        const answer = await post({ kind, order: orders[kind] }, null);
        expect(answer.json<Problem>().code).to.equal("idempotency_key_missing");
      });
    }

    it("derives the order id from the API key and the Idempotency-Key alone", async () => {
      const ids: unknown[] = [];
      for (const key of ["k1", "k1", "k2"]) {
        const fresh = await createFakeNode();
        await fresh.app.inject({
          method: "POST",
          url: "/v1/orders",
          payload: { kind: "minting", order: orders.minting },
          headers: { authorization: `Bearer ${keyOf("operator")}`, "idempotency-key": key },
        });
        ids.push((fresh.state.signed[0] as { orderId?: string }).orderId);
        await fresh.app.close();
      }
      expect(ids[0]).to.match(/^0x[0-9a-f]{64}$/);
      expect(ids[0]).to.equal(ids[1]);
      expect(ids[0]).to.not.equal(ids[2]);
    });

    it("keeps an amount of a partial freeze", async () => {
      await post({ kind: "freeze", order: { ...orders.freeze, amount: "5" } });
      expect(node.state.signed[0]).to.include({ amount: 5n });
    });
  });

  describe("POST /v1/orders, signed by the role", () => {
    const full = {
      attest: { ...orders.attest, asOf: blockTime - 5 },
      minting: orders.minting,
      freeze: orders.freeze,
      unfreeze: orders.unfreeze,
      seize: orders.seize,
    };
    const ids = { orderId: toWord(44n), deadline: blockTime + 60 };
    for (const kind of kinds) {
      it(`${kind}: needs no Idempotency-Key and passes the signature on`, async () => {
        const body = { kind, order: { ...full[kind], ...ids }, signer: roleAddress, signature: goodSignature };
        const answer = await post(body, null);
        expect(answer.statusCode, answer.body).to.equal(202);
        expect(node.state.signed).to.have.length(0);
        expect(node.state.submitted[0]).to.include({ ...ids, kind, signer: roleAddress, signature: goodSignature });
        expect((await post(body, null)).json<Order>().id).to.equal(answer.json<Order>().id);
      });
    }

    for (const missing of ["orderId", "deadline", "asOf"] as const) {
      it(`refuses a signed attestation without ${missing}`, async () => {
        const order = { ...full.attest, ...ids, [missing]: undefined };
        const answer = await post({ kind: "attest", order, signer: roleAddress, signature: goodSignature }, null);
        expect(answer.statusCode).to.equal(400);
        expect(answer.json<Problem>().errors[0]?.subject).to.equal(`order.${missing}`);
      });
    }
  });

  it("refuses unknown kinds, unknown fields and fields of another kind", async () => {
    for (const body of [
      { kind: "burn", order: orders.minting },
      { kind: "approve-mint", order: orders.minting },
      { kind: "seize", order: { ...orders.seize, amount: null } },
      { kind: "minting", order: { ...orders.minting, account: ana } },
      { kind: "minting", order: orders.minting, note: "x" },
      { kind: "minting", order: { ...orders.minting, enabled: "true" } },
      { order: orders.minting },
    ]) {
      const answer = await post(body);
      expect(answer.statusCode, answer.body).to.equal(400);
    }
    expect(node.state.signed).to.have.length(0);
  });

  it("refuses another chain", async () => {
    expect((await post({ kind: "minting", order: orders.minting, chainId: 1 })).json<Problem>().code).to.equal(
      "chain_id_wrong",
    );
  });

  describe("POST /v1/approvals", () => {
    const mint = { coin: "XUS", depositId: toWord(3n), to: ana, amount: "600000000" };
    const approve = (
      payload: object,
      role: "operator" | "approver" | "auditor" = "approver",
      key: string | null = "a",
    ) =>
      node.app.inject({
        method: "POST",
        url: "/v1/approvals",
        payload,
        headers: { authorization: `Bearer ${keyOf(role)}`, ...(key === null ? {} : { "idempotency-key": key }) },
      });
    const keyOfMint = (changes: object = {}) =>
      node.deps.encoder.mintKey({
        coin,
        dealer: roleAddress,
        depositId: toWord(3n),
        to: ana,
        amount: 600_000_000n,
        ...changes,
      });

    it("approves exactly this mint of the node's own dealer, once per Idempotency-Key", async () => {
      const answer = await approve({ mint });
      expect(answer.statusCode, answer.body).to.equal(202);
      const made = answer.json<Order>();
      expect(made).to.include({ kind: "approve-mint", orderId: keyOfMint(), account: null });
      expect(node.state.signed).to.deep.equal([
        { kind: "approve-mint", coin, mintKey: keyOfMint(), deadline: blockTime + 3_600 },
      ]);
      const again = await approve({ mint });
      expect([again.json<Order>().id, again.headers["idempotency-hit"]]).to.deep.equal([made.id, "true"]);
      expect((await approve({ mint: { ...mint, amount: "600000001" } })).statusCode).to.equal(422);
    });

    it("approves the mint of a dealer that is named", async () => {
      expect((await approve({ mint: { ...mint, dealer: ana } })).statusCode).to.equal(202);
      expect(node.state.signed[0]).to.include({ mintKey: keyOfMint({ dealer: ana }) });
    });

    it("is not for whoever began the mint", async () => {
      for (const role of ["operator", "auditor"] as const) {
        const answer = await approve({ mint }, role);
        expect([answer.statusCode, answer.json<Problem>().code]).to.deep.equal([403, "forbidden"]);
      }
      expect(node.state.signed).to.have.length(0);
    });

    it("passes an approver's own signature on, once per digest", async () => {
      const body = { mint, deadline: blockTime + 60, signer: roleAddress, signature: goodSignature };
      const answer = await approve(body, "approver", null);
      expect(answer.statusCode, answer.body).to.equal(202);
      expect(node.state.submitted[0]).to.include({
        signer: roleAddress,
        mintKey: keyOfMint(),
        deadline: body.deadline,
      });
      expect((await approve(body, "approver", null)).json<Order>().id).to.equal(answer.json<Order>().id);
    });

    it("refuses what it cannot approve", async () => {
      expect((await approve({ mint }, "approver", null)).json<Problem>().code).to.equal("idempotency_key_missing");
      expect((await approve({ mint, chainId: 1 })).json<Problem>().code).to.equal("chain_id_wrong");
      expect((await approve({ mint: { ...mint, coin: "XEU" } })).json<Problem>().code).to.equal("coin_unknown");
      for (const body of [
        {},
        { mint: { ...mint, note: "x" } },
        { mint, note: "x" },
        { mint, signature: goodSignature },
        { mint, signer: roleAddress, signature: goodSignature },
      ]) {
        expect((await approve(body)).json<Problem>().code).to.equal("request_malformed");
      }
      node.state.missingRoles = ["dealer"];
      expect((await approve({ mint })).json<Problem>().errors[0]).to.include({
        code: "order_signer_missing",
        subject: "mint.dealer",
      });
    });
  });

  describe("GET /v1/orders/{id}", () => {
    it("shows an order to every API key", async () => {
      const made = (await post({ kind: "freeze", order: orders.freeze })).json<Order>();
      for (const role of ["operator", "approver", "auditor"] as const) {
        const headers = { authorization: `Bearer ${keyOf(role)}` };
        expect((await node.app.inject({ url: `/v1/orders/${made.id}`, headers })).json()).to.deep.equal(made);
      }
    });
  });
});
