/**
 * Properties of planning over random books and intents, against the naive coin of test/support/model-coin.ts. The seed is printed in
 * the title and can be set with SEED.
 */
import { expect } from "chai";
import fc from "fast-check";
import { toWord, zeroAddress } from "../../src/domain/hex.ts";
import { maxTransactionBytes } from "../../src/domain/plan.ts";
import type { ReadyIntent } from "../../src/pipeline/ports.ts";
import { planSlots } from "../../src/pipeline/slots.ts";
import { decodeSettle, laneA, laneB, wallet } from "../support/model-codec.ts";
import { accountIn, createCoin, createLog, judgeRow, settleRows } from "../support/model-coin.ts";
import { blockTime, book, now, pay } from "../support/ready.ts";

const seed = Number(process.env["SEED"] ?? Date.now() % 1_000_000);

describe(`planSlots, for any books and intents (SEED=${seed})`, () => {
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
    const lanes = [laneA, laneB].slice(0, input.lanes).map((address) => ({ address, slots: input.slots, busy: false }));
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
          const log = createLog();
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

/** Call data of one item, planned with all the money and time in the world. */
function toOneRow(item: ReadyIntent) {
  const rich = book(1, { address: item.payer ?? zeroAddress, balance: 1n << 60n, nonceBase: 0n });
  const nonce = BigInt(item.fence.key);
  const accounts = [{ ...rich, nonceBase: nonce < 1n << 40n ? nonce : 0n }];
  const limits = { rows: 1, gas: 15_000_000n, bytes: maxTransactionBytes };
  const lanes = [{ address: laneA, slots: 1, busy: false }];
  const { plans } = planSlots({
    ready: [item],
    accounts,
    lanes,
    limits,
    blockTime: item.validAfter + 1,
    now,
    lingerMs: 0,
  });
  const data = plans[0]?.data;
  if (data === undefined) throw new Error("a plan");
  return data;
}
