/**
 * The specification of planning: order, limits, the nonce window and the checks that save gas.
 */
import { expect } from "chai";
import { type Address, toWord, zeroAddress } from "../../src/domain/hex.ts";
import { countSettleBytes, maxTransactionBytes } from "../../src/domain/plan.ts";
import type { ReadyIntent, StoredAccount } from "../../src/pipeline/ports.ts";
import { halvePlan, laneOf, planSlots, type SlotInputs } from "../../src/pipeline/slots.ts";
import { decodeSettle, laneA, laneB, treasury } from "../support/model-codec.ts";
import {
  claimTerms,
  paymentTerms,
  quoteTerms,
  signAuthorize,
  signCancelQuote,
  signClaim,
  signOpenClaim,
  signRefund,
  signSwap,
} from "../support/model-agreements.ts";
import { blockTime, book, cancel, now, pay, wish, type Wish } from "../support/ready.ts";

function plan(ready: readonly ReadyIntent[], changes: Partial<SlotInputs> = {}) {
  return planSlots({
    ready,
    accounts: [1, 2, 3, 4].map((payer) => book(payer)),
    lanes: [{ address: laneA, slots: 16, busy: false }],
    limits: { rows: 250, gas: 15_000_000n, bytes: maxTransactionBytes },
    blockTime,
    now,
    lingerMs: 0,
    ...changes,
  });
}

const sequences = (plans: readonly { items: readonly ReadyIntent[] }[]) =>
  plans.map(({ items }) => items.map(({ sequence }) => Number(sequence)));

describe("planSlots", () => {
  describe("order", () => {
    it("keeps the order of acceptance whatever order the intents are given in", () => {
      const ready = [pay({ sequence: 3, payer: 3 }), pay({ sequence: 1, payer: 2 }), pay({ sequence: 2, payer: 1 })];
      expect(sequences(plan(ready).plans)).to.deep.equal([[1, 2, 3]]);
    });

    it("lets one account's window nonces ascend over the places that account has", () => {
      const ready = [
        pay({ sequence: 1, nonce: 5n }),
        pay({ sequence: 2, payer: 2 }),
        pay({ sequence: 3, nonce: 4n }),
        pay({ sequence: 4, nonce: 3n }),
      ];
      expect(sequences(plan(ready).plans)).to.deep.equal([[4, 2, 3, 1]]);
    });

    it("puts what an account signed after a call behind that call", () => {
      const ready = [pay({ sequence: 1, nonce: 0n }), cancel(2, 1n), pay({ sequence: 3, nonce: 2n })];
      const { plans } = plan(ready);
      expect(sequences(plans)).to.deep.equal([[1], [2], [3]]);
      expect(plans.map(({ kind }) => kind)).to.deep.equal(["settle", "call", "settle"]);
    });

    it("keeps an account on one lane", () => {
      const lanes = [laneA, laneB];
      for (let payer = 1; payer < 50; payer++) {
        const chosen = new Set([1, 2, 3].map((sequence) => laneOf(pay({ sequence, payer }), lanes)));
        expect(chosen.size).to.equal(1);
      }
    });

    it("spreads accounts over the lanes, independent of the order the lanes are listed in", () => {
      const count = new Map<Address, number>();
      for (let payer = 1; payer <= 400; payer++) {
        const lane = laneOf(pay({ sequence: 1, payer }), [laneA, laneB]);
        expect(laneOf(pay({ sequence: 1, payer }), [laneB, laneA])).to.equal(lane);
        count.set(lane, (count.get(lane) ?? 0) + 1);
      }
      expect(count.get(laneA)).to.be.within(120, 280);
    });

    it("leaves everything of an account behind its first intent that finds no room", () => {
      const ready = [pay({ sequence: 1 }), cancel(2, 2n), pay({ sequence: 3 }), pay({ sequence: 4, payer: 2 })];
      const { plans, holds } = plan(ready, { lanes: [{ address: laneA, slots: 1, busy: false }] });
      expect(sequences(plans)).to.deep.equal([[1, 4]]);
      expect(holds).to.deep.equal([]);
    });
  });

  describe("limits", () => {
    it("starts another slot above the row limit", () => {
      const ready = [1, 2, 3, 4, 5].map((sequence) => pay({ sequence }));
      const limits = { rows: 2, gas: 15_000_000n, bytes: maxTransactionBytes };
      expect(sequences(plan(ready, { limits }).plans)).to.deep.equal([[1, 2], [3, 4], [5]]);
    });

    it("starts another slot above the gas limit, and counts more gas for a new payee and a wide nonce", () => {
      const wide = 1n << 200n;
      const gasOf = (wish: Partial<Wish>) => plan([pay({ sequence: 1, ...wish })]).plans[0]?.gas ?? 0n;
      const known = gasOf({});
      expect(gasOf({ payeeKnown: false }) - known).to.equal(22_100n);
      expect(gasOf({ nonce: wide }) - known).to.equal(22_100n + 27n * 16n);
      const limits = { rows: 250, gas: known + 30_000n, bytes: maxTransactionBytes };
      const ready = [1, 2, 3].map((sequence) => pay({ sequence }));
      expect(sequences(plan(ready, { limits }).plans)).to.deep.equal([[1, 2], [3]]);
      const fresh = ready.map((item) => ({ ...item, payeeKnown: false }));
      expect(sequences(plan(fresh, { limits }).plans)).to.deep.equal([[1], [2], [3]]);
    });

    it("starts another slot above the byte limit", () => {
      const ready = [1, 2, 3].map((sequence) => pay({ sequence }));
      const limits = { rows: 250, gas: 15_000_000n, bytes: countSettleBytes(2 * 123) };
      expect(sequences(plan(ready, { limits }).plans)).to.deep.equal([[1, 2], [3]]);
    });

    it("fills no more slots than the lane has room for", () => {
      const ready = [1, 2, 3, 4].map((sequence) => cancel(sequence, BigInt(sequence), sequence));
      expect(plan(ready, { lanes: [{ address: laneA, slots: 3, busy: false }] }).plans).to.have.length(3);
    });

    it("lets a short young batch wait while its lane is busy, and no longer than that", () => {
      const young = pay({ sequence: now * 2 ** 20, nonce: 0n });
      const busy = [{ address: laneA, slots: 16, busy: true }];
      expect(plan([young], { lanes: busy, lingerMs: 100 }).plans).to.deep.equal([]);
      expect(plan([young], { lanes: busy, lingerMs: 100, now: now + 101 }).plans).to.have.length(1);
      expect(plan([young], { lingerMs: 100 }).plans).to.have.length(1);
    });

    it("P13: lets no batch wait for a time that a clock which was set back has yet to reach", () => {
      const young = pay({ sequence: now * 2 ** 20, nonce: 0n });
      const busy = [{ address: laneA, slots: 16, busy: true }];
      expect(plan([young], { lanes: busy, lingerMs: 100, now: now - 600_000 }).plans).to.have.length(1);
    });
  });

  describe("poison", () => {
    it("halves the batch around what reverted, once per revert", () => {
      const limits = { rows: 8, gas: 15_000_000n, bytes: maxTransactionBytes };
      const batch = (reverts: number) => Array.from({ length: 8 }, (_, i) => pay({ sequence: i + 1, reverts }));
      const sizes = (reverts: number) => plan(batch(reverts), { limits }).plans.map(({ items }) => items.length);
      expect(sizes(0)).to.deep.equal([8]);
      expect(sizes(1)).to.deep.equal([4, 4]);
      expect(sizes(2)).to.deep.equal([2, 2, 2, 2]);
      expect(sizes(3)).to.deep.equal(Array(8).fill(1));
      expect(sizes(40)).to.deep.equal(Array(8).fill(1));
    });

    it("puts no intent that never reverted into a batch with one that did", () => {
      const ready = [pay({ sequence: 1, reverts: 1 }), pay({ sequence: 2, reverts: 1 }), pay({ sequence: 3 })];
      expect(sequences(plan(ready).plans)).to.deep.equal([[1, 2], [3]]);
    });

    it("gives a row of a reverted batch the gas of a travel-rule question, alone and in a half", () => {
      const gasOf = (reverts: number) => plan([pay({ sequence: 1, reverts })]).plans.map(({ gas }) => gas);
      const [[plain = 0n], [suspect = 0n]] = [gasOf(0), gasOf(1)];
      expect(suspect - plain).to.equal(30_000n);
      const [pair] = plan([1, 2].map((sequence) => pay({ sequence, reverts: 1 }))).plans;
      if (pair === undefined) throw new Error("one plan");
      expect(halvePlan(pair).map(({ gas }) => gas)).to.deep.equal([suspect, suspect]);
    });

    it("splits a batch into two that carry the same rows", () => {
      const [whole] = plan([1, 2, 3].map((sequence) => pay({ sequence }))).plans;
      if (whole === undefined) throw new Error("one plan");
      const halves = halvePlan(whole);
      expect(sequences(halves)).to.deep.equal([[1, 2], [3]]);
      expect(halves.flatMap(({ data }) => decodeSettle(data))).to.deep.equal(decodeSettle(whole.data));
    });
  });

  describe("agreements", () => {
    const deadline = blockTime + 100;

    it("are calls of their own, each in a slot, in the order of acceptance; a window nonce does not order them", () => {
      const ready = [
        pay({ sequence: 1, nonce: 9n }),
        wish(2, signOpenClaim(claimTerms())),
        wish(3, signClaim(claimTerms(), claimTerms().linkKey, deadline)),
        pay({ sequence: 4, nonce: 8n }),
      ];
      const { plans, holds } = plan(ready);
      expect(plans.map(({ kind, items }) => [kind, items.map(({ sequence }) => Number(sequence))])).to.deep.equal([
        ["settle", [4]],
        ["call", [2]],
        ["call", [3]],
        ["settle", [1]],
      ]);
      expect(holds).to.deep.equal([]);
    });

    it("spend their payer's balance like a payment: claim, authorization, refund and swap", () => {
      const drafts = [
        signOpenClaim(claimTerms({ amount: 1_001n })),
        signAuthorize(paymentTerms({ amount: 1_001n })),
        signRefund(paymentTerms({ merchant: claimTerms().sender }), 1_001n, 0n),
        signSwap(quoteTerms({ sellAmount: 1_001n })),
      ];
      for (const draft of drafts) {
        const held = plan([wish(1, draft)]).holds.map(({ reason }) => reason);
        expect(held, draft.kind).to.deep.equal(["insufficient_funds"]);
      }
      const ready = [wish(1, signOpenClaim(claimTerms({ amount: 700n }))), pay({ sequence: 2, amount: 400n })];
      expect(plan(ready).holds.map(({ sequence }) => sequence)).to.deep.equal([2n]);
    });

    it("are left alone while their cancellation is ready too", () => {
      const terms = quoteTerms();
      const ready = [wish(1, signSwap(terms)), wish(2, signCancelQuote(terms, deadline))];
      expect(sequences(plan(ready).plans)).to.deep.equal([[2]]);
    });
  });

  describe("holds", () => {
    const reasonOf = (item: ReadyIntent, account: Partial<StoredAccount> = {}) =>
      plan([item], { accounts: [book(1, account)] }).holds.map(({ reason, until }) => [reason, until - now]);

    it("insufficient_funds: the balance less the freeze does not cover it", () => {
      expect(reasonOf(pay({ sequence: 1, amount: 1_000n }))).to.deep.equal([]);
      expect(reasonOf(pay({ sequence: 1, amount: 1_001n }))).to.deep.equal([["insufficient_funds", 1_000]]);
      expect(reasonOf(pay({ sequence: 1, amount: 901n }), { frozen: 100n })).to.deep.equal([
        ["insufficient_funds", 1_000],
      ]);
    });

    it("insufficient_funds: what is on its way is counted as gone", () => {
      const inFlight = { nonces: [], amount: 400n };
      expect(reasonOf(pay({ sequence: 1, amount: 600n }), { inFlight })).to.deep.equal([]);
      expect(reasonOf(pay({ sequence: 1, amount: 601n }), { inFlight })).to.deep.equal([["insufficient_funds", 1_000]]);
    });

    it("insufficient_funds holds the one that is too large and blocks none of the account's others", () => {
      const ready = [
        pay({ sequence: 1, amount: 600n }),
        pay({ sequence: 2, amount: 500n }),
        pay({ sequence: 3, amount: 400n }),
      ];
      const { plans, holds } = plan(ready);
      expect(sequences(plans)).to.deep.equal([[1, 3]]);
      expect(holds.map(({ sequence }) => sequence)).to.deep.equal([2n]);
    });

    it("payer_frozen: the account is frozen whole", () => {
      expect(reasonOf(pay({ sequence: 1 }), { frozen: null })).to.deep.equal([["payer_frozen", 1_000]]);
    });

    it("not_yet_valid until validAfter has passed in block time, a minute at most", () => {
      expect(reasonOf(pay({ sequence: 1, validAfter: blockTime - 1 }))).to.deep.equal([]);
      expect(reasonOf(pay({ sequence: 1, validAfter: blockTime }))).to.deep.equal([["not_yet_valid", 1_000]]);
      expect(reasonOf(pay({ sequence: 1, validAfter: blockTime + 600 }))).to.deep.equal([["not_yet_valid", 60_000]]);
    });

    it("expired: block time reached validBefore, finality ends it", () => {
      expect(reasonOf(pay({ sequence: 1, validBefore: blockTime + 1 }))).to.deep.equal([]);
      expect(reasonOf(pay({ sequence: 1, validBefore: blockTime }))).to.deep.equal([["expired", 1_000]]);
    });

    it("nonce_used: the nonce lies below the base or is consumed", () => {
      expect(reasonOf(pay({ sequence: 1, nonce: 4n }), { nonceBase: 5n })).to.deep.equal([["nonce_used", 1_000]]);
      expect(reasonOf(pay({ sequence: 1, nonce: 7n }), { nonceBase: 5n, consumed: [7n] })).to.deep.equal([
        ["nonce_used", 1_000],
      ]);
    });

    it("nonce_gap: it lies ahead of the window behind a nonce that nobody signed", () => {
      expect(reasonOf(pay({ sequence: 1, nonce: 63n }))).to.deep.equal([]);
      expect(reasonOf(pay({ sequence: 1, nonce: 64n }), { live: [64n] })).to.deep.equal([["nonce_gap", 1_000]]);
    });

    it("nonce_out_of_window: it lies ahead, and what is in its way is live", () => {
      const inFlight = { nonces: [], amount: 0n };
      expect(reasonOf(pay({ sequence: 1, nonce: 64n }), { live: [0n, 64n], inFlight })).to.deep.equal([
        ["nonce_out_of_window", 1_000],
      ]);
    });

    it("waits twice as long every time, a minute at most", () => {
      const waits = [0, 1, 2, 5, 6, 7, 1_000].map((holds) => {
        const [hold] = plan([pay({ sequence: 1, amount: 5_000n, holds })]).holds;
        return (hold?.until ?? 0) - now;
      });
      expect(waits).to.deep.equal([1_000, 2_000, 4_000, 32_000, 60_000, 60_000, 60_000]);
    });
  });

  describe("the window", () => {
    it("moves over earlier rows of the same plan", () => {
      const ready = [pay({ sequence: 1, nonce: 0n }), pay({ sequence: 2, nonce: 64n })];
      expect(sequences(plan(ready, { accounts: [book(1, { live: [0n, 64n] })] }).plans)).to.deep.equal([[1, 2]]);
    });

    it("moves over what is on its way", () => {
      const inFlight = { nonces: [0n], amount: 1n };
      const accounts = [book(1, { live: [0n, 64n], inFlight })];
      expect(sequences(plan([pay({ sequence: 2, nonce: 64n })], { accounts }).plans)).to.deep.equal([[2]]);
    });

    it("leaves a transfer alone whose cancellation is ready or on its way", () => {
      expect(sequences(plan([pay({ sequence: 1, nonce: 3n }), cancel(2, 3n)]).plans)).to.deep.equal([[2]]);
      const accounts = [book(1, { live: [3n], inFlight: { nonces: [3n], amount: 0n } })];
      expect(plan([pay({ sequence: 1, nonce: 3n })], { accounts })).to.deep.equal({ plans: [], holds: [] });
    });
  });

  it("gives a mint a slot of its own and asks nothing of an account", () => {
    const action = { kind: "call", to: treasury, data: "0xca11ca11", gas: 150_000n } as const;
    const fence = { scope: treasury, subject: zeroAddress, key: toWord(7n) };
    const mint: ReadyIntent = { ...pay({ sequence: 1 }), kind: "mint", payer: null, fence, action };
    const { plans } = plan([mint], { accounts: [] });
    expect(plans).to.deep.equal([
      { kind: "call", lane: laneA, to: treasury, data: action.data, gas: action.gas, items: [mint] },
    ]);
  });
});
