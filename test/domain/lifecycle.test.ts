/**
 * The lifecycle table as a graph, and the judgement of who consumed a fence.
 */
import { expect } from "chai";
import fc from "fast-check";
import type { IntentKind, IntentState } from "../../src/domain/intent.ts";
import {
  type Consumption,
  endStates,
  hasEdge,
  intentEdges,
  intentStates,
  isEnded,
  judgeConsumption,
  liveStates,
} from "../../src/domain/lifecycle.ts";
import { seeded } from "./seed.ts";

const states = Object.keys(intentStates) as IntentState[];

describe("the lifecycle table", () => {
  it("names every state once, as live or ended", () => {
    expect([...liveStates, ...endStates].sort()).to.deep.equal([...states].sort());
    for (const state of states) expect(isEnded(state)).to.equal((endStates as readonly string[]).includes(state));
  });

  it("has each edge once, between states it names", () => {
    const edges = intentEdges.map(({ from, to }) => `${from} → ${to}`);
    expect(new Set(edges).size).to.equal(edges.length);
    for (const { from, to } of intentEdges) expect(states).to.include.members([from, to]);
  });

  it("has no state called failed", () => {
    expect(states).to.not.include("failed");
  });

  it("P3: lets nothing leave an end", () => {
    for (const end of endStates) for (const to of states) expect(hasEdge(end, to)).to.equal(false);
  });

  it("P3: lets only confirm, which sees final blocks, take the edges into an end", () => {
    for (const { to, step } of intentEdges) if (isEnded(to)) expect(step).to.equal("confirm");
  });

  it("settles only what was included", () => {
    expect(intentEdges.filter(({ to }) => to === "settled").map(({ from }) => from)).to.deep.equal(["included"]);
  });

  it("P1: reaches every state from accepted, and an end from every live state", () => {
    const reach = (from: IntentState): ReadonlySet<IntentState> => {
      const seen = new Set<IntentState>([from]);
      for (const state of seen) for (const edge of intentEdges) if (edge.from === state) seen.add(edge.to);
      return seen;
    };
    expect([...reach("accepted")].sort()).to.deep.equal([...states].sort());
    for (const live of liveStates) expect([...reach(live)].some(isEnded), live).to.equal(true);
  });

  it("marks as back edges exactly those that lead to an earlier live state", () => {
    const order = (state: IntentState): number => (liveStates as readonly IntentState[]).indexOf(state);
    for (const { from, to, back } of intentEdges) {
      expect(back === true, `${from} → ${to}`).to.equal(!isEnded(to) && order(to) < order(from));
    }
  });

  it("answers hasEdge from the table, for all pairs", () => {
    for (const from of states) {
      for (const to of states) {
        expect(hasEdge(from, to)).to.equal(intentEdges.some((edge) => edge.from === from && edge.to === to));
      }
    }
  });
});

describe("judgeConsumption", () => {
  const intent = {
    kind: "transfer" as IntentKind,
    payee: "0x01" as const,
    amount: 5n,
    memo: null,
    digest: "0xd1" as const,
  };
  const used = (match: Consumption["match"]): Consumption => ({ how: "used", match });

  it("settles what matches on payee, amount and memo", () => {
    expect(judgeConsumption(intent, used({ payee: "0x01", amount: 5n, memo: null }))).to.equal("settled");
  });

  for (const [name, match] of [
    ["payee", { payee: "0x02", amount: 5n, memo: null }],
    ["amount", { payee: "0x01", amount: 6n, memo: null }],
    ["memo", { payee: "0x01", amount: 5n, memo: "0xaa" }],
    ["digest", { digest: "0xd2" }],
    ["kind", { kinds: ["lock"] }],
  ] as const) {
    it(`supersedes what differs only in the ${name}`, () => {
      expect(judgeConsumption(intent, used(match))).to.equal("superseded");
    });
  }

  it("compares the memo of a kind that has one of its own, and no other kind's", () => {
    const match = { kinds: ["authorize", "charge"], memo: null, memos: { charge: "0xc1" } } as const;
    const charge = { ...intent, kind: "charge" as const };
    expect(judgeConsumption({ ...charge, memo: "0xc1" }, used(match))).to.equal("settled");
    expect(judgeConsumption({ ...charge, memo: "0xc2" }, used(match))).to.equal("superseded");
    expect(judgeConsumption(charge, used(match))).to.equal("superseded");
    expect(judgeConsumption({ ...intent, kind: "authorize" }, used(match))).to.equal("settled");
  });

  it("compares only what the event says", () => {
    expect(judgeConsumption(intent, used({}))).to.equal("settled");
    expect(judgeConsumption(intent, used({ digest: "0xd1" }))).to.equal("settled");
    expect(judgeConsumption({ ...intent, kind: "accept" }, used({ kinds: ["accept", "reclaim"] }))).to.equal("settled");
  });

  it("settles a cancellation by a cancellation and supersedes it by a use", () => {
    const cancel = { ...intent, kind: "cancel" as const };
    expect(judgeConsumption(cancel, { how: "cancelled", match: {} })).to.equal("settled");
    expect(judgeConsumption(cancel, used({}))).to.equal("superseded");
    expect(judgeConsumption(intent, { how: "cancelled", match: {} })).to.equal("cancelled");
  });

  it("judges a swap and the cancellation of its quote by which of them used it up", () => {
    const swap = { ...intent, kind: "swap" as const };
    const cancel = { ...intent, kind: "cancel-quote" as const };
    expect(judgeConsumption(swap, used({ kinds: ["swap"] }))).to.equal("settled");
    expect(judgeConsumption(cancel, used({ kinds: ["swap"] }))).to.equal("superseded");
    expect(judgeConsumption(cancel, used({}))).to.equal("superseded");
    for (const how of ["used", "cancelled"] as const) {
      expect(judgeConsumption(cancel, { how, match: { kinds: ["cancel-quote"] } })).to.equal("settled");
    }
    expect(judgeConsumption(swap, { how: "cancelled", match: { kinds: ["cancel-quote"] } })).to.equal("cancelled");
  });

  it("P2: never settles both an intent and the cancellation of it", () => {
    const match = fc.record(
      {
        payee: fc.constantFrom("0x01", "0x02"),
        amount: fc.bigInt({ min: 4n, max: 6n }),
        memo: fc.constantFrom(null, "0xaa"),
      },
      { requiredKeys: [] },
    );
    const consumption = fc.record({ how: fc.constantFrom("used", "cancelled"), match });
    fc.assert(
      fc.property(consumption, (one) => {
        const both = [intent, { ...intent, kind: "cancel" as const }].map((facts) =>
          judgeConsumption(facts, one as Consumption),
        );
        expect(both.filter((verdict) => verdict === "settled").length).to.be.at.most(1);
        expect(both).to.not.include(undefined);
      }),
      seeded(),
    );
  });
});
