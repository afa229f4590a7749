/**
 * The mutation operators on small sources, the names of mutants, samples and scores. The sources are compiled for their syntax tree; no
 * mutant is run here.
 */
import { expect } from "chai";
import { applyEdit, listMutants, type Mutant, type Node } from "../../scripts/mutate/operators.ts";
import { type Ground, listMutated, readAll, sample, suitesOf } from "../../scripts/mutate/plan.ts";
import { findStale, formatScore, type Judged, keepVerdicts, scoreOf } from "../../scripts/mutate/report.ts";
import { buildSettings, compile, compileSound } from "../../scripts/solidity.ts";

const wrap = (body: string): string => `// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;
library Math { function min(uint256 a, uint256 b) internal pure returns (uint256) { return a < b ? a : b; } }
/// @dev Longer than its letters: ≤ 2^63 − 1.
contract Sample {
    event Done(address from, address to);
    error Refused(uint256 actual, uint256 limit);
    uint256 internal total;
    modifier guarded() { if (total > 9) revert Refused(total, 9); _; }
${body}
}
`;

function mutantsOf(body: string): readonly Mutant[] {
  const content = wrap(body);
  const { sources } = compileSound({ "Sample.sol": { content } }, buildSettings, { "*": { "": ["ast"] } });
  const head = wrap("").split("\n").length - 3;
  return listMutants({ source: "Sample.sol", content, ast: sources["Sample.sol"]?.ast as Node }).filter(
    ({ line }) => line > head,
  );
}

/** `operator: after` of each mutant of a body. */
const changesOf = (body: string): string[] => mutantsOf(body).map(({ operator, after }) => `${operator}: ${after}`);

describe("listMutants", () => {
  it("moves every comparison to its neighbours and each number by one", () => {
    expect(changesOf("function f(uint256 a) external pure returns (bool r) {\n r = a < 10;\n}")).to.have.members([
      "assignment: 0;",
      "relational: r = a <= 10;",
      "relational: r = a >= 10;",
      "constant: r = a < 11;",
    ]);
  });

  it("finds the sign between its sides, not in a comment there", () => {
    const [first] = mutantsOf(
      "function f(uint256 a) external pure returns (bool) {\n return a /* < ≤ */ < 10;\n}",
    ).filter(({ operator }) => operator === "relational");
    expect(first?.after).to.equal("return a /* < ≤ */ <= 10;");
  });

  it("takes a guard away and turns it round", () => {
    const changes = changesOf("function f(uint256 a) external pure {\n if (a == 7) revert Refused(a, 7);\n}");
    expect(changes).to.include.members([
      "guard: if (false) revert Refused(a, 7);",
      "negation: if (!(a == 7)) revert Refused(a, 7);",
      "relational: if (a != 7) revert Refused(a, 7);",
    ]);
    expect(changes).not.to.include("guard: if (true) revert Refused(a, 7);");
  });

  it("takes assignments, events, calls and modifiers away", () => {
    const body = `function f(address a, address b) external guarded {
 total = 1;
 emit Done(a, b);
 g();
}
function g() internal {}`;
    expect(changesOf(body)).to.include.members([
      "modifier: function f(address a, address b) external {",
      "assignment: 0;",
      "event: 0;",
      "call: 0;",
    ]);
  });

  it("exchanges neighbours of one type, and no others", () => {
    expect(
      changesOf("function f(address a, address b) external {\n emit Done(a, b);\n}").filter((change) =>
        change.startsWith("arguments"),
      ),
    ).to.deep.equal(["arguments: emit Done(b, a);"]);
    expect(
      changesOf(
        "function f(address a, uint256 b) external pure returns (bytes memory) {\n return abi.encode(a, b);\n}",
      ),
    ).to.deep.equal([]);
  });

  it("does not exchange what a function takes either way round", () => {
    const body = "function f(uint256 a, uint256 b) external pure returns (uint256 r) {\n r = Math.min(a, b);\n}";
    expect(changesOf(body)).to.deep.equal(["assignment: 0;"]);
  });

  it("answers with another value of the same type", () => {
    expect(
      changesOf("function f(bool a, address b) external pure returns (bool, address) {\n return (a, b);\n}"),
    ).to.deep.equal(["return: return (!(a), b);", "return: return (a, address(uint160(b) ^ 1));"]);
  });

  it("reaches into assembly", () => {
    const body = "function f(uint256 a) external pure returns (uint256 r) {\n assembly {\n r := shl(2, a)\n }\n}";
    expect(changesOf(body)).to.have.members(["assembly: {}", "assembly: r := shr(2, a)", "assembly: r := shl(3, a)"]);
  });

  it("makes only changes that the compiler can read, most of which it takes", () => {
    const body = `function f(uint256 a, uint256 b) external guarded returns (uint256 sum) {
 for (uint256 i = 0; i < 3 && a != b; ++i) { sum += a << i; }
 if (sum > 100) { total = sum; } else { delete total; }
 return sum % 7 | (b & 3);
}`;
    const content = wrap(body);
    const results = mutantsOf(body).map((mutant) => {
      const { errors = [] } = compile({ "Sample.sol": { content: applyEdit(content, mutant) } }, buildSettings, {
        "*": { "*": ["abi"] },
      });
      return errors.filter(({ severity }) => severity === "error").map(({ message }) => message);
    });
    expect(results.length).to.be.greaterThan(25);
    expect(results.flat()).to.deep.equal([]);
  });

  it("keeps a mutant's name while its function moves, and tells two alike apart", () => {
    const body = "function f(uint256 a) external {\n total = a + 1;\n total = a + 1;\n}";
    const here = mutantsOf(body).map(({ id }) => id);
    const moved = mutantsOf(`uint256 internal other;\n\n${body}`).map(({ id }) => id);
    expect(new Set(here).size).to.equal(here.length);
    expect(moved).to.deep.equal(here);
  });
});

describe("suitesOf", () => {
  it("has every source with code judged by some suite", () => {
    const sources = readAll();
    const mutated = listMutated();
    expect(mutated).to.include("contracts/Stablecoin.sol");
    expect(mutated.filter((path) => /mocks|interfaces/.test(path))).to.deep.equal([]);
    expect(mutated.filter((path) => suitesOf(path, sources).length === 0)).to.deep.equal([]);
  });

  it("has a base judged by each contract made of it, without gas and golden files", () => {
    const suites = suitesOf("contracts/libraries/SignedOrders.sol", readAll());
    expect(suites.map(({ name }) => name)).to.include.members(["Treasury", "Stablecoin", "RedemptionEscrow"]);
    expect(suites.flatMap(({ files }) => files).filter((file) => /(gas|golden)\.test\.ts$/.test(file))).to.deep.equal(
      [],
    );
  });
});

describe("sample", () => {
  const items = Array.from({ length: 100 }, (_, index) => index);

  it("is the same for the same seed, in order, and another for another", () => {
    const first = sample(items, { count: 10, seed: "a" });
    expect(sample(items, { count: 10, seed: "a" })).to.deep.equal(first);
    expect(first).to.have.length(10);
    expect(first).to.deep.equal(first.toSorted((a, b) => a - b));
    expect(sample(items, { count: 10, seed: "b" })).not.to.deep.equal(first);
  });

  it("is everything when as much is asked for", () => {
    expect(sample(items, { count: 100, seed: "a" })).to.deep.equal(items);
  });
});

describe("keepVerdicts", () => {
  const fact = { function: "f", line: 1, operator: "guard", before: "a", after: "b", seconds: 1 } as const;
  const mutants: Judged[] = [
    { ...fact, id: "by x", state: "killed", killer: { file: "x.test.ts", title: "t" } },
    { ...fact, id: "by y", state: "killed", killer: { file: "y.test.ts", title: "t" } },
    { ...fact, id: "late", state: "timeout" },
    { ...fact, id: "alive", state: "survived" },
    { ...fact, id: "told", state: "explained", reason: "r" },
    { ...fact, id: "refused", state: "invalid" },
    { ...fact, id: "same", state: "same-code" },
  ];
  const ground: Ground = { code: "c", files: { "x.test.ts": "1", "y.test.ts": "1" } };
  const kept = (now: Ground): string[] => keepVerdicts({ ground, mutants }, now).map(({ id }) => id);

  it("keeps all but what took too long while nothing changed, and nothing when the code did or there is none", () => {
    expect(kept(ground)).to.deep.equal(["by x", "by y", "alive", "told", "refused", "same"]);
    expect(kept({ ...ground, code: "d" })).to.deep.equal([]);
    expect(keepVerdicts(undefined, ground)).to.deep.equal([]);
  });

  it("keeps a kill while its killer's file is as it was, and no verdict that rests on all tests", () => {
    const files = { "x.test.ts": "1", "y.test.ts": "2", "z.test.ts": "1" };
    expect(kept({ ...ground, files })).to.deep.equal(["by x", "refused", "same"]);
    expect(kept({ ...ground, files: { ...ground.files, "z.test.ts": "1" } })).to.deep.equal([
      "by x",
      "by y",
      "refused",
      "same",
    ]);
  });
});

describe("scoreOf", () => {
  const judged = (state: Judged["state"], id: string = state): Judged => ({
    id,
    function: "f",
    line: 1,
    operator: "guard",
    before: "a",
    after: "b",
    state,
    seconds: 2,
  });

  it("counts what hangs as noticed, and neither what does not compile nor what is the same code", () => {
    const mutants = (["killed", "timeout", "survived", "explained", "invalid", "same-code"] as const).map((state) =>
      judged(state),
    );
    expect(scoreOf({ mutants, total: 10 })).to.deep.equal({
      killed: 2,
      explained: 1,
      survived: 1,
      judged: 4,
      total: 8,
      seconds: 12,
    });
    expect(formatScore("x", scoreOf({ mutants, total: 10 }))).to.match(
      /66\.7 % {2}2 killed, 1 explained, 1 survived, 4 judged \(of 8\), 3\.0 s each$/,
    );
  });

  it("finds an explanation whose mutant is gone", () => {
    const entry = { id: "1", source: "s", function: "f", before: "a", after: "b", why: "w" };
    const mutant = { ...judged("killed", "2"), source: "s", start: 0, length: 0, replacement: "" };
    expect(findStale([entry, { ...entry, id: "2" }], [mutant])).to.deep.equal([entry]);
  });
});
