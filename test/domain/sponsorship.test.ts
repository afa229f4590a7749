/**
 * Whose gas the node pays: which kinds count, against whom, and the smallest amounts. What the counts bound is in the store's own suite.
 */
import { expect } from "chai";
import { type Address, type Hex, toWord, zeroAddress } from "../../src/domain/hex.ts";
import type { IntentFacts, IntentKind } from "../../src/domain/intent.ts";
import { toRowGas, toSettleGas } from "../../src/domain/plan.ts";
import {
  defaultMinimums,
  judgeMinimum,
  minimumKinds,
  refuseSponsorship,
  toSponsored,
} from "../../src/domain/sponsorship.ts";

const ana: Address = `0x${"a1".repeat(20)}`;
const scope: Address = `0x${"c0".repeat(20)}`;
const row: Hex = `0x00${"11".repeat(140)}`;
const call = { kind: "call", to: scope, data: "0x", gas: 90_000n } as const;

function facts(kind: IntentKind, change: Partial<IntentFacts> = {}) {
  const fence = { scope, subject: ana, key: toWord(1n) };
  return { kind, payer: ana, fence, action: call, amount: 0n, ...change };
}

describe("toSponsored", () => {
  it("counts a transfer's row as if it travelled alone to a payee without a balance", () => {
    const sponsored = toSponsored(facts("transfer", { action: { kind: "row", coin: scope, row } }));
    expect(sponsored).to.deep.equal({
      payer: ana,
      gas: toSettleGas(toRowGas(row, { payeeKnown: false, reverted: false })),
    });
  });

  it("counts a call's own gas, against the account whose fence it is where nobody pays", () => {
    expect(toSponsored(facts("cancel", { payer: null }))).to.deep.equal({ payer: ana, gas: 90_000n });
  });

  it("counts in the hour alone what no account stands behind", () => {
    const fence = { scope, subject: zeroAddress, key: toWord(1n) };
    expect(toSponsored(facts("cancel-quote", { payer: null, fence }))).to.deep.equal({ payer: null, gas: 90_000n });
  });

  const free: readonly IntentKind[] = [
    "freeze",
    "seize",
    "attest",
    "mint",
    "accept",
    "confirm",
    "reclaim",
    "claim",
    "cancel-claim",
    "cancel-redemption",
    "reclaim-payment",
    "dispute",
    "complete-leave",
  ];
  for (const kind of free) {
    it(`never counts ${kind}: neither an order nor a way out depends on what others sent`, () => {
      expect(toSponsored(facts(kind))).to.equal(null);
    });
  }
});

describe("judgeMinimum", () => {
  for (const kind of minimumKinds) {
    it(`refuses a ${kind} one unit below its minimum, and takes it at the minimum`, () => {
      const minimums = { ...defaultMinimums, [kind]: 500n };
      expect(judgeMinimum(facts(kind, { amount: 500n }), minimums)).to.deep.equal([]);
      const [reason] = judgeMinimum(facts(kind, { amount: 499n }), minimums);
      expect(reason).to.include({ code: "amount_below_minimum", subject: kind, actual: "499", limit: "500" });
    });
  }

  it("asks nothing of kinds that move nothing", () => {
    expect(judgeMinimum(facts("cancel"), defaultMinimums)).to.deep.equal([]);
  });

  it("asks more of what enters an escrow than of a transfer, unless it is told otherwise", () => {
    for (const kind of minimumKinds) {
      if (kind !== "transfer") expect(defaultMinimums[kind] > defaultMinimums.transfer).to.equal(true);
    }
  });
});

describe("refuseSponsorship", () => {
  const found = { subject: ana, used: 10n, wanted: 5n, limit: 12n, at: Date.UTC(2026, 10, 22, 18, 30) } as const;

  it("says when a payer's day begins again, in UTC", () => {
    const refusal = refuseSponsorship({ ...found, scope: "payer" });
    expect(refusal).to.include({ code: "sponsor_budget_exhausted", subject: ana, actual: "15 gas", limit: "12 gas" });
    expect(refusal.extra).to.deep.equal({
      scope: "payer",
      renewsAt: "2026-11-23T00:00:00.000Z",
      retryAfterSeconds: 19_800,
    });
  });

  it("says when everybody's hour begins again", () => {
    const refusal = refuseSponsorship({ ...found, subject: "everybody", scope: "hour" });
    expect(refusal.extra).to.deep.equal({
      scope: "hour",
      renewsAt: "2026-11-22T19:00:00.000Z",
      retryAfterSeconds: 1_800,
    });
  });
});
