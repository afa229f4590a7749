/**
 * The specification of intake: what is refused and why, that every reason is named, that a repeat is the same resource, and how concurrent
 * requests share a commit.
 */
import { expect } from "chai";
import type { Draft, LockDraft, StepDraft, TransferDraft } from "../../src/domain/draft.ts";
import { toWord, type Word, zeroAddress, zeroWord } from "../../src/domain/hex.ts";
import { judgeDraft, type PolicyContext, roleOf } from "../../src/domain/policy.ts";
import { createIntake, defaultIntakeLimits } from "../../src/pipeline/accept.ts";
import type { AcceptOutcome, Idempotency, Store } from "../../src/pipeline/ports.ts";
import {
  coin,
  dealer,
  deployment,
  encoder,
  orderSigner,
  recoverer,
  redemptions,
  signMint,
  treasury,
  wallet,
} from "../support/model-codec.ts";
import { createTown, funds, payment } from "../support/town.ts";

const blockTime = 1_000_000;
const day = 86_400;
const id: Word = toWord(0xabcn << 200n);
const terms = {
  coin,
  holder: wallet(1),
  amount: 50_000n,
  payout: zeroWord,
  acceptBy: blockTime + day,
  payoutBy: blockTime + 5 * day,
  finalBy: blockTime + 15 * day,
  salt: zeroWord,
};

function codes(draft: Draft, changes: Partial<PolicyContext> = {}): readonly (readonly [string, string])[] {
  const context: PolicyContext = {
    blockTime,
    coins: new Set([coin]),
    contracts: new Set([treasury, redemptions]),
    validity: defaultIntakeLimits.validity,
    redemption: null,
    agreement: null,
    quoteEnd: null,
    ...changes,
  };
  return judgeDraft(draft, context).map(({ code, subject }) => [code, subject] as const);
}

function transfer(changes: Partial<TransferDraft["authorization"]> = {}): TransferDraft {
  return payment(1, { validBefore: blockTime + 60, ...changes });
}

function step(kind: StepDraft["kind"], from: StepDraft["from"], changes: Partial<StepDraft> = {}): StepDraft {
  const signature = `0x${"1".repeat(128)}` as const;
  return {
    kind,
    id,
    coin,
    from,
    reference: zeroWord,
    deadline: blockTime + 60,
    signer: wallet(1),
    signature,
    ...changes,
  };
}

describe("judgeDraft", () => {
  it("finds nothing against an ordinary transfer", () => {
    expect(codes(transfer())).to.deep.equal([]);
  });

  it("names every reason, not the first", () => {
    const draft = { ...transfer({ value: 0n, to: zeroAddress, validBefore: blockTime }), coin: wallet(5) };
    expect(codes(draft).map(([code]) => code)).to.deep.equal([
      "coin_unknown",
      "amount_zero",
      "payee_invalid",
      "expired",
    ]);
  });

  it("amount_zero", () => {
    expect(codes(transfer({ value: 0n }))).to.deep.equal([["amount_zero", "amount"]]);
    expect(codes(transfer({ value: 1n }))).to.deep.equal([]);
  });

  it("payee_invalid for zero, the coin, the treasury and the escrow; the payer may pay itself", () => {
    for (const to of [zeroAddress, coin, treasury, redemptions])
      expect(codes(transfer({ to }))).to.deep.equal([["payee_invalid", to]]);
    expect(codes(transfer({ to: wallet(1) }))).to.deep.equal([]);
  });

  it("expired when block time has reached validBefore", () => {
    expect(codes(transfer({ validBefore: blockTime }))).to.deep.equal([["expired", "validBefore"]]);
    expect(codes(transfer({ validBefore: blockTime + 1 }))).to.deep.equal([]);
  });

  it("validity_too_long above the longest validity, by block time", () => {
    expect(codes(transfer({ validBefore: blockTime + day }))).to.deep.equal([]);
    expect(codes(transfer({ validBefore: blockTime + day + 1 }))).to.deep.equal([["validity_too_long", "validBefore"]]);
  });

  it("not_yet_valid when no second lies between validAfter and validBefore", () => {
    expect(codes(transfer({ validAfter: blockTime + 59 }))).to.deep.equal([["not_yet_valid", "validAfter"]]);
    expect(codes(transfer({ validAfter: blockTime + 58 }))).to.deep.equal([]);
  });

  it("a mint: zero amount, barred payee, deadline inclusive and bounded", () => {
    const mint = (changes: object) =>
      signMint({ depositId: id, to: wallet(2), amount: 1n, deadline: blockTime, ...changes });
    expect(codes(mint({}))).to.deep.equal([]);
    expect(codes(mint({ deadline: blockTime - 1 }))).to.deep.equal([["expired", "deadline"]]);
    expect(codes(mint({ deadline: blockTime + day }))).to.deep.equal([]);
    expect(codes(mint({ deadline: blockTime + day + 1 }))).to.deep.equal([["validity_too_long", "deadline"]]);
    expect(codes(mint({ amount: 0n, to: coin })).map(([code]) => code)).to.deep.equal(["amount_zero", "payee_invalid"]);
  });

  it("a lock: whole cents, ordered deadlines, the last at most 30 days away", () => {
    const lock = (changes: Partial<LockDraft["terms"]>): LockDraft => ({
      kind: "lock",
      terms: { ...terms, ...changes },
      signature: "0x",
    });
    expect(codes(lock({}))).to.deep.equal([]);
    expect(codes(lock({ amount: 50_001n }))).to.deep.equal([["amount_not_whole_cents", "amount"]]);
    expect(codes(lock({ amount: 0n }))).to.deep.equal([["amount_zero", "amount"]]);
    expect(codes(lock({ acceptBy: blockTime }))).to.deep.equal([["expired", "acceptBy"]]);
    expect(codes(lock({ payoutBy: terms.acceptBy }))).to.deep.equal([["deadline_invalid", "payoutBy"]]);
    expect(codes(lock({ finalBy: terms.payoutBy }))).to.deep.equal([["deadline_invalid", "payoutBy"]]);
    expect(codes(lock({ finalBy: blockTime + 30 * day }))).to.deep.equal([]);
    expect(codes(lock({ finalBy: blockTime + 30 * day + 1 }))).to.deep.equal([["deadline_invalid", "finalBy"]]);
  });

  describe("a step of a redemption", () => {
    const at = (state: "locked" | "accepted" | "sent" | "disputed" | "burned" | "returned") => ({
      redemption: { terms, state },
    });

    it("redemption_unknown", () => {
      expect(codes(step("accept", "locked"))).to.deep.equal([["redemption_unknown", id]]);
    });

    it("leaves exactly the states the escrow lets it leave", () => {
      const allowed = [
        ["accept", "locked"],
        ["reject", "locked"],
        ["reject", "accepted"],
        ["mark-sent", "accepted"],
        ["confirm", "sent"],
        ["cancel-redemption", "locked"],
        ["approve", "accepted"],
        ["dispute", "sent"],
        ["resolve", "disputed"],
      ].map(String);
      const kinds = [
        "accept",
        "approve",
        "reject",
        "mark-sent",
        "confirm",
        "cancel-redemption",
        "dispute",
        "resolve",
      ] as const;
      for (const kind of kinds) {
        for (const from of ["locked", "accepted", "sent", "disputed"] as const) {
          const expected = allowed.includes(String([kind, from])) ? [] : [["redemption_state_invalid", id]];
          expect(codes(step(kind, from, { paid: true }), at(from)), `${kind} from ${from}`).to.deep.equal(expected);
        }
      }
    });

    it("redemption_state_invalid when the state is another one by now", () => {
      expect(codes(step("accept", "locked"), at("accepted"))).to.deep.equal([["redemption_state_invalid", id]]);
      expect(codes(step("confirm", "sent"), at("burned"))).to.deep.equal([["redemption_state_invalid", id]]);
    });

    it("deadline_invalid: the desk acts before the state's deadline, reclaim from it on", () => {
      const reclaim = { kind: "reclaim", id, coin, from: "locked" } as const;
      const early = { ...at("locked"), blockTime: terms.acceptBy - 1 };
      const late = { ...at("locked"), blockTime: terms.acceptBy };
      const accept = step("accept", "locked", { deadline: terms.acceptBy });
      expect(codes(accept, early)).to.deep.equal([]);
      expect(codes(accept, late)).to.deep.equal([["deadline_invalid", "acceptBy"]]);
      expect(codes(reclaim, early)).to.deep.equal([["deadline_invalid", "acceptBy"]]);
      expect(codes(reclaim, late)).to.deep.equal([]);
    });

    it("signer_not_permitted: only the holder takes it back or disputes it", () => {
      for (const [kind, from] of [
        ["cancel-redemption", "locked"],
        ["dispute", "sent"],
      ] as const) {
        expect(codes(step(kind, from, { signer: wallet(2) }), at(from))).to.deep.equal([
          ["signer_not_permitted", wallet(2)],
        ]);
      }
    });

    it("deadline_invalid: a dispute ends fifteen days after the last deadline, from then on anyone reclaims", () => {
      const end = terms.finalBy + 15 * day;
      const resolve = step("resolve", "disputed", { deadline: end, paid: false });
      const reclaim = { kind: "reclaim", id, coin, from: "disputed" } as const;
      const early = { ...at("disputed"), blockTime: end - 1 };
      const late = { ...at("disputed"), blockTime: end };
      expect(codes(resolve, early)).to.deep.equal([]);
      expect(codes(resolve, late)).to.deep.equal([["deadline_invalid", "finalBy"]]);
      expect(codes(reclaim, early)).to.deep.equal([["deadline_invalid", "finalBy"]]);
      expect(codes(reclaim, late)).to.deep.equal([]);
    });

    it("request_malformed: the arbiter says whether the money arrived", () => {
      expect(codes(step("resolve", "disputed"), at("disputed"))).to.deep.equal([["request_malformed", "paid"]]);
    });
  });

  it("freeze and attest: a freeze ends later than now, reserves are attested as of the past", () => {
    const order = { orderId: id, coin, deadline: blockTime + 60, signer: wallet(3), signature: "0x" } as const;
    const freeze = {
      ...order,
      kind: "freeze",
      account: wallet(2),
      amount: null,
      caseId: id,
      until: blockTime + 1,
    } as const;
    expect(codes(freeze)).to.deep.equal([]);
    expect(codes({ ...freeze, until: blockTime })).to.deep.equal([["deadline_invalid", "until"]]);
    expect(codes({ ...freeze, amount: 0n })).to.deep.equal([["amount_zero", "amount"]]);
    const attest = { ...order, kind: "attest", amount: 0n, asOf: blockTime, reportHash: id } as const;
    expect(codes(attest)).to.deep.equal([]);
    expect(codes({ ...attest, asOf: blockTime + 1 })).to.deep.equal([["not_yet_valid", "asOf"]]);
  });
});

const refusals = (outcomes: readonly AcceptOutcome[]) =>
  outcomes.map((outcome) =>
    outcome.kind === "refused" ? outcome.reasons.map(({ code }) => code).join() : outcome.kind,
  );

describe("Intake.submit", () => {
  it("creates, in input order, and refuses in between", async () => {
    const { house } = await createTown();
    const drafts = [payment(1), payment(2, { value: 0n }), payment(3), payment(4, { value: funds + 1n })];
    expect(refusals(await house.intake.submit(drafts, null))).to.deep.equal([
      "created",
      "amount_zero",
      "created",
      "insufficient_funds",
    ]);
  });

  it("signature_invalid beside every other reason, for another signer, other values, or no signature", async () => {
    const { house } = await createTown();
    const forged = { ...payment(1), signature: payment(2).signature };
    const changed = { ...payment(1), authorization: { ...payment(1).authorization, value: 101n } };
    const contract = { ...payment(1), signature: `0x${"00".repeat(96)}` as const };
    const both = { ...payment(1, { value: 0n }), signature: "0x" as const };
    expect(refusals(await house.intake.submit([forged, changed, contract, both], null))).to.deep.equal([
      "signature_invalid",
      "signature_invalid",
      "signature_invalid",
      "amount_zero,signature_invalid",
    ]);
  });

  it("a refusal creates nothing", async () => {
    const { house, store } = await createTown();
    await house.intake.submit([payment(1, { value: 0n }), payment(2, { validBefore: 1 })], null);
    expect(await store.listIntents({ limit: 10 })).to.deep.equal([]);
  });

  it("chain_stale when no block was seen for too long, and before the first; a repeat is still answered", async () => {
    const town = await createTown();
    const draft = payment(1);
    await town.accept(draft);
    town.clock.advance(30_000);
    expect(refusals(await town.house.intake.submit([draft, payment(2)], null))).to.deep.equal([
      "existing",
      "chain_stale",
    ]);
    town.model.mine();
    await town.house.follower.tick();
    expect(refusals(await town.house.intake.submit([payment(2)], null))).to.deep.equal(["created"]);
    expect(refusals(await town.restart().intake.submit([payment(3)], null))).to.deep.equal(["chain_stale"]);
  });

  it("the signature of a refused repeat is checked before the resource is shown", async () => {
    const town = await createTown();
    const draft = payment(1);
    await town.accept(draft);
    town.clock.advance(60_000);
    const forged = { ...draft, signature: payment(2).signature };
    expect(refusals(await town.house.intake.submit([forged], null))).to.deep.equal(["chain_stale,signature_invalid"]);
  });

  it("an Idempotency-Key answers with its resource, and refuses another request under it", async () => {
    const { house } = await createTown();
    const key = (request: bigint): Idempotency => ({ owner: "bank", key: "k1", requestHash: toWord(request) });
    const order = { depositId: toWord(3n), to: wallet(2), amount: 5n, deadline: blockTime + 60 };
    expect(refusals(await house.intake.submit([signMint(order)], key(1n)))).to.deep.equal(["created"]);
    expect(
      refusals(await house.intake.submit([signMint({ ...order, deadline: blockTime + 61 })], key(1n))),
    ).to.deep.equal(["existing"]);
    expect(refusals(await house.intake.submit([signMint(order)], key(2n)))).to.deep.equal(["idempotency_key_reused"]);
  });

  it("queue_full at the cap of live intents, and again open once they have settled", async () => {
    const town = await createTown({ intake: { maxLiveIntents: 2 } });
    await town.accept(payment(1));
    await town.accept(payment(2));
    expect(refusals(await town.house.intake.submit([payment(3)], null))).to.deep.equal(["queue_full"]);
    await town.block(5);
    expect(refusals(await town.house.intake.submit([payment(3)], null))).to.deep.equal(["created"]);
  });

  it("queue_full when more wait than the queue holds; batch_too_large above the batch limit", async () => {
    const gather = { waitMs: 2, group: 500, queue: 3 };
    const { house } = await createTown({ intake: { gather, maxDrafts: 4 } });
    const results = await Promise.all([
      house.intake.submit([payment(1), payment(2)], null),
      house.intake.submit([payment(3), payment(4)], null),
    ]);
    expect(results.map(refusals)).to.deep.equal([
      ["created", "created"],
      ["queue_full", "queue_full"],
    ]);
    expect(refusals(await house.intake.submit([payment(3)], null))).to.deep.equal(["created"]);
    const many = [1, 2, 3, 4, 5].map((payer) => payment(payer));
    expect(new Set(refusals(await house.intake.submit(many, null)))).to.deep.equal(new Set(["batch_too_large"]));
  });

  it("storage_unavailable for every draft when any question to the store fails", async () => {
    for (const verb of ["acceptBatch", "countByState", "findIdempotent"] as const) {
      const broken = (store: Store): Store => ({ ...store, [verb]: () => Promise.reject(new Error("disk")) });
      const { house } = await createTown({ wrapStore: broken });
      const key = { owner: "bank", key: "k", requestHash: zeroWord };
      expect(refusals(await house.intake.submit([payment(1)], key)), verb).to.deep.equal(["storage_unavailable"]);
    }
  });

  it("a broken invariant of the store is thrown, not answered", async () => {
    const { AssertionError } = await import("node:assert");
    const broken = (store: Store): Store => ({
      ...store,
      acceptBatch: () => Promise.reject(new AssertionError({ message: "P1" })),
    });
    const { house } = await createTown({ wrapStore: broken });
    const error: unknown = await house.intake.submit([payment(1)], null).catch((caught: unknown) => caught);
    expect(error).to.be.instanceOf(AssertionError);
  });

  it("malformed when the encoder cannot carry a value", async () => {
    const { house, store, clock } = await createTown();
    const narrow = { ...encoder, encode: () => expect.fail("value exceeds 8 bytes") };
    const limits = defaultIntakeLimits;
    const intake = createIntake({
      store,
      encoder: narrow,
      recoverer,
      orderSigner,
      deployment,
      head: house.follower,
      clock,
      limits,
    });
    expect(refusals(await intake.submit([payment(1)], null))).to.deep.equal(["request_malformed"]);
  });
});

describe("Intake.signOrder", () => {
  const order = { kind: "mint", coin, depositId: id, to: wallet(2), amount: 5n, deadline: blockTime + 60 } as const;

  it("signs with the role's key", async () => {
    const { house } = await createTown();
    const signed = await house.intake.signOrder(order);
    expect(signed.ok && [signed.value.kind, signed.value.signer]).to.deep.equal(["mint", dealer]);
  });

  it("order_signer_missing without the key, coin_unknown, signer_not_permitted for what only a holder signs", async () => {
    const { house } = await createTown();
    const code = async (unsigned: Parameters<typeof house.intake.signOrder>[0]) => {
      const signed = await house.intake.signOrder(unsigned);
      return signed.ok ? "signed" : signed.reasons.map((reason) => reason.code).join();
    };
    const minting = { kind: "minting", orderId: id, coin, enabled: true, deadline: blockTime + 60 } as const;
    expect(await code(minting)).to.equal("order_signer_missing");
    expect(await code({ ...order, coin: wallet(9) })).to.equal("coin_unknown");
    const { signer: _signer, signature: _signature, ...cancel } = step("cancel-redemption", "locked");
    expect(await code(cancel)).to.equal("signer_not_permitted");
  });

  it("knows whose order each kind is: a role's, a holder's or nobody's", () => {
    const ofRoles = Object.entries(roleOf).filter(([, role]) => role !== null);
    expect(Object.fromEntries(ofRoles)).to.deep.equal({
      mint: "dealer",
      accept: "agent",
      approve: "cosigner",
      reject: "agent",
      "mark-sent": "agent",
      confirm: "agent",
      resolve: "arbiter",
      attest: "attestor",
      minting: "issuer",
      freeze: "freezer",
      unfreeze: "freezer",
      seize: "seizer",
      "approve-mint": "approver",
    });
  });
});
