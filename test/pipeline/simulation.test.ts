/**
 * The simulation: some lives of the node from fresh seeds, and the proof that it would tell. A failure names its seed; `SEED` or
 * `npm run simulate -- --seed` replays it. Fails when a guard of the pipeline goes: each deliberate bug of `support/sabotage.ts` is one.
 */
import { randomBytes } from "node:crypto";
import { expect } from "chai";
import { sabotages } from "../support/sabotage.ts";
import { simulate } from "../support/simulation.ts";

/** Every run of the tests has seeds of its own. */
const seed = process.env["SEED"] ?? randomBytes(4).toString("hex");
const lives = 6;
/** Lives within which each deliberate bug must be found; these are fixed, so that the proof is the same everywhere. */
const maxLives = 12;

describe("simulation", function () {
  this.timeout(300_000);

  it("P1 to P14, P18, P19: hold when faults stop, whatever the order of port calls and whatever failed before", async () => {
    console.log(`        seed ${seed}`);
    const happened = new Set<string>();
    for (let life = 1; life <= lives; life++) {
      for (const what of (await simulate({ seed: `${seed}-${life}` })).happened.keys()) happened.add(what);
    }
    expect([...happened], "what these lives went through").to.include.members(["dies before", "lost", "reorg"]);
  });

  it("P8: a reorg below the final block halts the node; it sends nothing new and what ended stays", async () => {
    for (let life = 1; life <= 2; life++) await simulate({ seed: `${seed}-deep-${life}`, deep: true });
  });

  it("replays: one seed gives one sequence of port calls, another seed another", async () => {
    const faultyMs = 10_000;
    const first = await simulate({ seed, faultyMs });
    const again = await simulate({ seed, faultyMs });
    const other = await simulate({ seed: `${seed}-other`, faultyMs });
    expect([again.trace, again.calls]).to.deep.equal([first.trace, first.calls]);
    expect(other.trace).to.not.equal(first.trace);
  });

  for (const [bug, sabotage] of Object.entries(sabotages)) {
    it(`finds out that ${bug}`, async () => {
      let found: string | null = null;
      for (let life = 1; life <= maxLives && found === null; life++) {
        found = await simulate({ seed: `sabotage-${life}`, sabotage }).then(
          () => null,
          (error: unknown) => (error instanceof Error ? error.message : String(error)),
        );
      }
      expect(found, `in ${maxLives} lives`).to.not.equal(null);
      console.log(`        ${found?.replaceAll(/\s+/g, " ").slice(0, 110)}`);
    });
  }
});
