/**
 * The specification of planning: order, limits, the nonce window and the checks that save gas. Properties run over random books and random
 * intents against the naive coin of test/support/model-coin.ts; the seed is printed and can be set with SEED.
 */
import { expect } from "chai";
import fc from "fast-check";
import { type Address, toWord, zeroAddress } from "../../src/domain/hex.ts";
import { countSettleBytes, maxTransactionBytes } from "../../src/domain/plan.ts";
import type { ReadyIntent, StoredAccount } from "../../src/pipeline/ports.ts";
import { halvePlan, laneOf, planSlots, type SlotInputs } from "../../src/pipeline/slots.ts";
import {
  coin,
  decodeSettle,
  encoder,
  laneA,
  laneB,
  signCancel,
  signTransfer,
  treasury,
  wallet,
} from "../support/model-codec.ts";
import { accountIn, createCoin, judgeRow, type Log, settleRows } from "../support/model-coin.ts";

const blockTime = 1_000_000;
const now = 1_800_000_000_000;
const seed = Number(process.env["SEED"] ?? Date.now() % 1_000_000);

interface Wish {
  readonly sequence: number;
  readonly payer?: number;
  readonly nonce?: bigint;
  readonly amount?: bigint;
  readonly validAfter?: number;
  readonly validBefore?: number;
  readonly reverts?: number;
  readonly holds?: number;
  readonly payeeKnown?: boolean;
}

function pay(wish: Wish): ReadyIntent {
  const { sequence, payer = 1, nonce = BigInt(sequence), amount = 1n, validAfter = 0 } = wish;
  const validBefore = wish.validBefore ?? blockTime + 3_600;
  const authorization = {
    from: wallet(payer),
    to: wallet(99),
    value: amount,
    validAfter,
    validBefore,
    nonce: toWord(nonce),
  };
  const { facts } = encoder.encode(signTransfer(authorization));
  const { reverts = 0, holds = 0, payeeKnown = true } = wish;
  return { ...facts, sequence: BigInt(sequence), reverts, holds, payeeKnown };
}

function cancel(sequence: number, nonce: bigint, payer = 1): ReadyIntent {
  const { facts } = encoder.encode(signCancel(wallet(payer), nonce));
  return { ...facts, sequence: BigInt(sequence), reverts: 0, holds: 0, payeeKnown: true };
}

function book(payer: number, changes: Partial<StoredAccount> = {}): StoredAccount {
  const empty = { posted: 0n, held: 0n, frozen: 0n, nonceBase: 0n, consumed: [], live: [] };
  return { coin, address: wallet(payer), balance: 1_000n, ...empty, ...changes };
}

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

    it("splits a batch into two that carry the same rows", () => {
      const [whole] = plan([1, 2, 3].map((sequence) => pay({ sequence }))).plans;
      if (whole === undefined) throw new Error("one plan");
      const halves = halvePlan(whole);
      expect(sequences(halves)).to.deep.equal([[1, 2], [3]]);
      expect(halves.flatMap(({ data }) => decodeSettle(data))).to.deep.equal(decodeSettle(whole.data));
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

  describe(`properties (SEED=${seed})`, () => {
    const wish = fc.record({
      payer: fc.integer({ min: 1, max: 4 }),
      nonce: fc.oneof(fc.bigInt({ min: 0n, max: 140n }), fc.bigInt({ min: 1n << 50n, max: (1n << 50n) + 5n })),
      amount: fc.bigInt({ min: 1n, max: 300n }),
      reverts: fc.oneof(
        { weight: 6, arbitrary: fc.constant(0) },
        { weight: 1, arbitrary: fc.integer({ min: 1, max: 4 }) },
      ),
      payeeKnown: fc.boolean(),
      validAfter: fc.constantFrom(0, 0, 0, blockTime + 5),
    });
    const state = fc.record({
      balance: fc.bigInt({ min: 0n, max: 3_000n }),
      frozen: fc.constantFrom(0n, 0n, 100n, null),
      nonceBase: fc.bigInt({ min: 0n, max: 40n }),
      consumed: fc.uniqueArray(fc.bigInt({ min: 1n, max: 63n }), { maxLength: 20 }),
      flying: fc.uniqueArray(fc.bigInt({ min: 1n, max: 40n }), { maxLength: 5 }),
    });
    const scenario = fc.record({
      wishes: fc.uniqueArray(wish, { maxLength: 60, selector: ({ payer, nonce }) => `${payer}:${nonce}` }),
      states: fc.array(state, { minLength: 4, maxLength: 4 }),
      rows: fc.integer({ min: 1, max: 20 }),
      slots: fc.integer({ min: 0, max: 6 }),
      lanes: fc.integer({ min: 1, max: 2 }),
    });

    function build(input: typeof scenario extends fc.Arbitrary<infer T> ? T : never) {
      const ready = input.wishes.map((each, index) => pay({ sequence: index + 1, ...each }));
      const accounts = input.states.map(({ balance, frozen, nonceBase, consumed, flying }, index) => {
        const used = consumed.map((offset) => nonceBase + offset);
        const nonces = flying.map((offset) => nonceBase + offset).filter((nonce) => !used.includes(nonce));
        const live = ready.filter(({ payer }) => payer === wallet(index + 1)).map(({ fence }) => BigInt(fence.key));
        const inFlight = { nonces, amount: BigInt(nonces.length) };
        return book(index + 1, { balance, frozen, nonceBase, consumed: used, live: [...live, ...nonces], inFlight });
      });
      const lanes = [laneA, laneB]
        .slice(0, input.lanes)
        .map((address) => ({ address, slots: input.slots, busy: false }));
      const limits = { rows: input.rows, gas: 400_000n, bytes: 1_500 };
      return { ready, accounts, lanes, limits, blockTime, now, lingerMs: 0 };
    }

    it("never exceeds rows, gas, bytes or the lane's room, and plans or holds nothing twice", () => {
      fc.assert(
        fc.property(scenario, (input) => {
          const inputs = build(input);
          const { plans, holds } = planSlots(inputs);
          const all = [
            ...plans.flatMap(({ items }) => items.map(({ sequence }) => sequence)),
            ...holds.map((hold) => hold.sequence),
          ];
          expect(new Set(all).size).to.equal(all.length);
          for (const each of plans) {
            expect(each.items.length).to.be.within(1, inputs.limits.rows);
            expect(each.gas <= inputs.limits.gas).to.equal(true);
            expect((each.data.length - 2) / 2).to.be.at.most(inputs.limits.bytes);
          }
          for (const { address, slots } of inputs.lanes) {
            expect(plans.filter(({ lane }) => lane === address).length).to.be.at.most(slots);
          }
        }),
        { seed, numRuns: 300 },
      );
    });

    it("plans the window nonces of an account ascending, over all slots of its one lane", () => {
      fc.assert(
        fc.property(scenario, (input) => {
          const { plans } = planSlots(build(input));
          for (const payer of [1, 2, 3, 4]) {
            const mine = plans.filter(({ items }) => items.some((item) => item.payer === wallet(payer)));
            expect(new Set(mine.map(({ lane }) => lane)).size).to.be.at.most(1);
            const nonces = mine.flatMap(({ items }) => items.filter((item) => item.payer === wallet(payer)));
            const window = nonces.map(({ fence }) => BigInt(fence.key)).filter((nonce) => nonce < 1n << 40n);
            expect(window).to.deep.equal(window.toSorted((a, b) => (a < b ? -1 : 1)));
          }
        }),
        { seed, numRuns: 300 },
      );
    });

    it("plans only rows that a naive coin settles once what is on its way has settled", () => {
      fc.assert(
        fc.property(scenario, (input) => {
          const inputs = build(input);
          const naive = createCoin();
          for (const { address, balance, frozen, nonceBase, consumed, inFlight } of inputs.accounts) {
            const account = accountIn(naive, address);
            Object.assign(account, { balance: balance - (inFlight?.amount ?? 0n), frozen, base: nonceBase });
            account.window.push(...consumed, ...(inFlight?.nonces ?? []));
            while (account.window.includes(account.base)) {
              account.window = account.window.filter((nonce) => nonce !== account.base);
              account.base += 1n;
            }
          }
          for (const { data } of planSlots(inputs).plans) {
            const rows = decodeSettle(data);
            const log: Log = { movements: [], fences: [], skips: [] };
            const context = { state: naive, log, time: blockTime, hash: toWord(1n), by: laneA, nextIndex: () => 0 };
            expect(settleRows(context, rows)).to.equal(true);
            expect(log.skips.map(({ reason }) => reason)).to.deep.equal([]);
          }
        }),
        { seed, numRuns: 300 },
      );
    });

    it("holds only rows that a naive coin would skip right now", () => {
      fc.assert(
        fc.property(scenario, (input) => {
          const inputs = build({ ...input, slots: 0, states: input.states.map((each) => ({ ...each, flying: [] })) });
          const byPayer = new Map(inputs.accounts.map((account) => [account.address, account]));
          const ready = inputs.ready.filter(
            (item, index, all) => all.findIndex(({ payer }) => payer === item.payer) === index,
          );
          for (const { sequence } of planSlots({ ...inputs, ready }).holds) {
            const item = ready.find((each) => each.sequence === sequence);
            const account = byPayer.get(item?.payer ?? zeroAddress);
            if (item?.action.kind !== "row" || account === undefined) throw new Error("a held row of a known account");
            const naive = createCoin();
            const { balance, frozen, nonceBase: base, consumed } = account;
            Object.assign(accountIn(naive, account.address), { balance, frozen, base, window: [...consumed] });
            const [row] = decodeSettle(
              planSlots({ ...inputs, ready: [], accounts: [] }).plans[0]?.data ?? toOneRow(item),
            );
            if (row === undefined) throw new Error("one row");
            expect(judgeRow(naive, row, blockTime)).to.not.equal(null);
          }
        }),
        { seed, numRuns: 300 },
      );
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

/** Call data of one item, planned with all the money and time in the world. */
function toOneRow(item: ReadyIntent) {
  const rich = book(1, { address: item.payer ?? zeroAddress, balance: 1n << 60n, nonceBase: 0n });
  const nonce = BigInt(item.fence.key);
  const accounts = [{ ...rich, nonceBase: nonce < 1n << 40n ? nonce : 0n }];
  const { plans } = plan([item], { accounts, blockTime: item.validAfter + 1 });
  const data = plans[0]?.data;
  if (data === undefined) throw new Error("a plan");
  return data;
}
