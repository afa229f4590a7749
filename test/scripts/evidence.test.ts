/** Rounds of fuzzing and the pages of the evidence folder, from what runners print. */
import { expect } from "chai";
import { formatIndex, formatMutants, readRunCounts } from "../../scripts/evidence/index.ts";
import { readRound, seedOf, sumRounds } from "../../scripts/fuzz/rounds.ts";

describe("readRound", () => {
  it("counts what passed", () => {
    expect(readRound("  ✔ a\n\n  12 passing\n", 0)).to.deep.equal({ passed: 12, failed: 0, failure: "" });
  });

  it("keeps everything from the failures on", () => {
    const output = "  ✔ a\n\n\u001b[32m  11 passing\u001b[0m\n  1 failing\n\n  1) invariant_coin\n  calldata=f(1)\n";
    expect(readRound(output, 1)).to.deep.equal({
      passed: 11,
      failed: 1,
      failure: "1 failing\n\n  1) invariant_coin\n  calldata=f(1)",
    });
  });

  it("takes a run that counted nothing for a failure", () => {
    expect(readRound("could not load", 1)).to.deep.equal({ passed: 0, failed: 1, failure: "could not load" });
    expect(readRound("", 0).failed).to.equal(1);
  });
});

describe("seedOf", () => {
  it("begins with the seed given; the others follow from it and differ", () => {
    const seeds = [1, 2, 3, 4].map((round) => seedOf("0x01", round));
    expect(seeds[0]).to.equal("0x01");
    expect(new Set(seeds).size).to.equal(4);
    expect(seeds.slice(1).every((seed) => /^0x[0-9a-f]{32}$/.test(seed))).to.equal(true);
    expect(seedOf("0x01", 4)).to.equal(seeds[3]);
  });
});

describe("sumRounds", () => {
  it("adds the rounds up", () => {
    expect(
      sumRounds([
        { passed: 3, failed: 0 },
        { passed: 2, failed: 1 },
      ]),
    ).to.equal("2 rounds, 5 passed, 1 failed");
  });
});

describe("readRunCounts", () => {
  it("reads the runs of every suite", () => {
    const output = "  ✔ invariant_coin() (runs: 256, calls: 25600, reverts: 0)\n  ✔ test_plain()\n";
    expect(readRunCounts(output)).to.deep.equal(["✔ invariant_coin() (runs: 256, calls: 25600, reverts: 0)"]);
  });
});

describe("formatIndex", () => {
  const facts = { commit: "abc", isDirty: false, date: "today", seed: "0x1" };
  const step = { file: "gas.txt", about: "gas", command: "node x", note: "3 passed, 0 failed" };

  it("names every file with how it was made", () => {
    const page = formatIndex({ ...facts, steps: [{ ...step, state: "made", seconds: 4 }] });
    expect(page).to.include("| [gas.txt](gas.txt) | gas | `node x` | made, 4 s | 3 passed, 0 failed |");
    expect(page).to.include("Everything that was run passed.");
  });

  it("says what failed, what is missing and that the tree was not clean", () => {
    const page = formatIndex({
      ...facts,
      isDirty: true,
      steps: [
        { ...step, state: "FAILED" },
        { file: "mutants.txt", about: "mutants", state: "left out", note: "no report yet" },
      ],
    });
    expect(page).to.include("**1 of the runs failed: gas.txt.**");
    expect(page).to.include("| mutants.txt | mutants | – | left out | no report yet |");
    expect(page).to.include("with changes that are not committed");
  });
});

describe("formatMutants", () => {
  const mutant = { id: "i", function: "f", line: 7, operator: "guard", before: "a", after: "b", seconds: 1 } as const;
  const report = {
    compiler: "c",
    suites: {},
    sources: {
      "a.sol": {
        commit: "c1",
        date: "d1",
        ground: { code: "p", files: {} },
        isControlled: true,
        total: 2,
        mutants: [{ ...mutant, state: "survived" as const }],
      },
    },
  };

  it("gives each source its own commit, calls an old one old and lists what is open", () => {
    const page = formatMutants(report, () => false);
    expect(page).to.include("commit c1, d1, OLD: source or tests have changed since");
    expect(page).to.include("1 survivors without an explanation:\ni  a.sol:7\n  - a\n  + b");
    expect(formatMutants(report, () => true)).not.to.include("OLD");
  });
});
