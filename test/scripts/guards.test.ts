/**
 * The list of guards cannot rot: every text stands exactly once, every test exists, every failure has a guard, and the page names them all. The
 * scales themselves are tried on a guard, on an edit that changes nothing, and on edits that are no program.
 */
import { readFileSync } from "node:fs";
import { expect } from "chai";
import { countText, listTitles, openBench } from "../../scripts/guards/judge.ts";
import type { Guard } from "../../scripts/guards/guard.ts";
import { allFailures, guards } from "../../scripts/guards/list.ts";

const read = (path: string): string => readFileSync(path, "utf8");

describe("the guards", function () {
  this.timeout(180_000);

  it("have ids of their own, and every failure seen elsewhere has one", () => {
    const ids = guards.map(({ id }) => id);
    expect(new Set(ids).size).to.equal(ids.length);
    const guarded = new Set(guards.map(({ failure }) => failure));
    expect(allFailures.filter((failure) => !guarded.has(failure))).to.deep.equal([]);
    expect(allFailures).to.have.length(22);
  });

  it("stand exactly once in their files, and each edit changes something", () => {
    const wrong = guards.filter(({ file, text, without }) => countText(read(file), text) !== 1 || text === without);
    expect(wrong.map(({ id }) => id)).to.deep.equal([]);
  });

  it("name tests that exist, under the failure they are about", async () => {
    const titles = await listTitles([...new Set(guards.map(({ test }) => test.file))]);
    expect(titles.length).to.be.greaterThan(30);
    const unknown = guards.filter(({ test }) => !titles.some((title) => title.endsWith(test.title)));
    expect(unknown.map(({ id }) => id)).to.deep.equal([]);
    const strange = guards.filter(({ failure, test }) => !new RegExp(`\\b${failure}\\b.*:`).test(test.title));
    expect(strange.map(({ id }) => id)).to.deep.equal([]);
  });

  it("are all in the auditor's table, with their tests", () => {
    const rows = read("docs/AUDIT.md").split("\n");
    const missing = guards.filter(({ failure, id, test }) => {
      const row = rows.find((line) => line.startsWith(`| ${failure} |`) && line.includes(`\`${id}\``));
      return row === undefined || !row.includes(test.title);
    });
    expect(missing.map(({ id }) => id)).to.deep.equal([]);
  });

  it("are weighed truly: gone is red, unchanged is green, no program is broken, not there is missing", async () => {
    const [guard] = guards.filter(({ id }) => id === "unknown-is-maybe-sent");
    if (guard === undefined) throw new Error("the guard is gone");
    const untouched = read(guard.file);
    const unchanged: Guard = { ...guard, id: "unchanged", without: `${guard.text} // the same` };
    const unnamed: Guard = { ...guard, id: "unnamed", without: 'if (nobody.kind === "refused") {' };
    const bench = openBench();
    try {
      expect([...(await bench.findUntyped([guard, unchanged, unnamed])).keys()]).to.deep.equal(["unnamed"]);
      const states = [];
      const untitled = { ...guard, test: { ...guard.test, title: "a test that nobody wrote" } };
      const absent = { ...guard, text: "a text that nobody wrote" };
      for (const tried of [guard, unchanged, untitled, absent]) states.push((await bench.judge(tried)).state);
      expect(states).to.deep.equal(["red", "green", "broken", "missing"]);
      expect((await bench.judge(unchanged)).state, "nothing is left of the edits before").to.equal("green");
    } finally {
      bench.remove();
    }
    expect(read(guard.file), "the checkout is not touched").to.equal(untouched);
  });
});
