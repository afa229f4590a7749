/** How lemmas are read and how the checker's messages become a verdict. The proofs themselves are a stage of `npm test`. */
import { globSync, readFileSync } from "node:fs";
import { expect } from "chai";
import { isExpected, judge, type Lemma, readLemmas } from "../../scripts/prove/lemmas.ts";

const lemma: Lemma = { source: "a.sol", name: "A", notice: "n", assertions: 2, isControl: false };
const safe = { severity: "info", errorCode: "9576", message: "CHC: Assertion violation check is safe!" } as const;
const doubt = {
  severity: "warning",
  errorCode: "6328",
  message: "CHC: Assertion violation might happen here.",
} as const;
const shown = {
  severity: "warning",
  errorCode: "6328",
  message: "CHC: Assertion violation happens here.\nCounterexample:\na = 1",
} as const;

describe("readLemmas", () => {
  it("reads each contract with its notice and the number of its assertions", () => {
    const content = `/// @title A
/// @notice Holds
/// always.
/// @dev More.
contract A {
    function f() external pure {
        // assert(never);
        assert(true);
        assert(1 == 1);
    }
}

/// @title B
/// @notice False.
/// @custom:refuted
contract B {
    function f() external pure { assert(false); }
}
`;
    expect(readLemmas("a.sol", content)).to.deep.equal([
      { source: "a.sol", name: "A", notice: "Holds always.", assertions: 2, isControl: false },
      { source: "a.sol", name: "B", notice: "False.", assertions: 1, isControl: true },
    ]);
  });

  it("finds every contract of test/lemmas, each with an assertion, and exactly one control", () => {
    const paths = globSync("test/lemmas/*.sol");
    const lemmas = paths.flatMap((path) => readLemmas(path, readFileSync(path, "utf8")));
    const contracts = paths.flatMap((path) => [...readFileSync(path, "utf8").matchAll(/^contract /gm)]);
    expect(lemmas).to.have.length(contracts.length);
    expect(lemmas.filter(({ assertions, notice }) => assertions === 0 || notice === "")).to.deep.equal([]);
    expect(lemmas.filter(({ isControl }) => isControl)).to.have.length(1);
  });
});

describe("judge", () => {
  it("is proven only when every assertion is", () => {
    expect(judge(lemma, [safe, safe]).verdict).to.equal("proven");
    expect(judge(lemma, [safe]).verdict).to.equal("not proven");
    expect(judge(lemma, []).verdict).to.equal("not proven");
    expect(judge({ ...lemma, assertions: 0 }, []).verdict).to.equal("not proven");
  });

  it("is refuted by a counterexample alone; a doubt is not proven", () => {
    expect(judge(lemma, [safe, shown])).to.deep.equal({ verdict: "refuted", detail: "Counterexample:\na = 1" });
    expect(judge(lemma, [safe, doubt]).verdict).to.equal("not proven");
  });

  it("is not proven when the source does not compile", () => {
    expect(judge(lemma, [{ severity: "error", message: "broken" }])).to.deep.equal({
      verdict: "not proven",
      detail: "broken",
    });
  });

  it("expects proofs, and the refutation of the control", () => {
    expect(isExpected(lemma, "proven")).to.equal(true);
    expect(isExpected(lemma, "out of time")).to.equal(false);
    expect(isExpected({ ...lemma, isControl: true }, "refuted")).to.equal(true);
    expect(isExpected({ ...lemma, isControl: true }, "proven")).to.equal(false);
  });
});
