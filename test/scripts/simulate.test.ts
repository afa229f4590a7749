/**
 * `npm run simulate`: a printed seed is all that is needed to live a life again, and what is no seed is refused.
 */
import { expect } from "chai";
import { live, nameOf, parseKind } from "../../scripts/simulate/lives.ts";
import { runNode } from "../support/command.ts";

describe("npm run simulate", function () {
  this.timeout(120_000);

  it("names its lives: most whole, every fifth a double crash, every tenth a deep reorg", () => {
    const kinds = Array.from({ length: 10 }, (_, index) => parseKind(nameOf("b", index + 1)));
    expect(kinds).to.deep.equal(["life", "life", "life", "life", "crash", "life", "life", "life", "life", "deep"]);
    expect([parseKind("b-1"), nameOf("b", 7)]).to.deep.equal([null, "life:b-7"]);
  });

  it("lives a crash again from its name alone, and prints what it did", async () => {
    const name = "crash:0badcafe-5";
    const told = await live(name);
    const { code, stdout } = await runNode(["scripts/simulate.ts", "--seed", name]);
    expect([code, stdout]).to.deep.equal([0, `ok    ${name}  ${told}\n1 passed, 0 failed\n`]);
  });

  it("refuses what is no seed and no number with exit code 64", async () => {
    for (const args of [
      ["--seed", "5"],
      ["--seeds", "0"],
      ["--minutes", "soon"],
    ]) {
      expect((await runNode(["scripts/simulate.ts", ...args])).code, args.join(" ")).to.equal(64);
    }
  });
});
