/**
 * The contracts beside the model of them: random operations happen in both, and after every step everything is the same. SEED replays a
 * run, MODEL_RUNS plays more than the default.
 */
import { expect } from "chai";
import fc from "fast-check";
import { METHODS } from "./methods.ts";
import { type Card, countAims, createTally, DEALERS, Difference, playCards, type Tally } from "./play.ts";
import { installReader } from "./sight.ts";
import { CONTRACTS, setStage, type Stage } from "./stage.ts";

const seed = Number(process.env["SEED"] ?? Date.now() % 2 ** 31);
const runs = Number(process.env["MODEL_RUNS"] ?? 3);
/** Good operations of each dealer in a run. */
const GOOD = 2;

/** The whole deck: every dealer well, and once with each of its bad choices. */
function createDeck(stage: Stage): Omit<Card, "seed">[] {
  return Object.keys(DEALERS).flatMap((dealer) => {
    const aims = countAims(stage, dealer);
    const good = Array.from({ length: GOOD }, () => ({ dealer, aim: 0 }));
    return [...good, ...Array.from({ length: aims }, (_, index) => ({ dealer, aim: index + 1 }))];
  });
}

/** The deck in any order, each card with its own chance. Shrinks to fewer cards. */
function arbitraryCards(stage: Stage): fc.Arbitrary<Card[]> {
  const deck = createDeck(stage);
  const order = fc.shuffledSubarray([...deck.keys()], { minLength: 0, maxLength: deck.length });
  const whole = fc.shuffledSubarray([...deck.keys()], { minLength: deck.length, maxLength: deck.length });
  void order;
  return fc
    .tuple(whole, fc.nat(2 ** 31 - 1))
    .map(([indexes, salt]) => indexes.map((index) => ({ ...deck[index]!, seed: (salt + index * 7_919) >>> 0 })));
}

function show(tally: Tally): string {
  const lines = (map: ReadonlyMap<string, unknown>, told: (value: never) => string) =>
    [...map].toSorted(([a], [b]) => a.localeCompare(b)).map(([name, value]) => `      ${name} ${told(value as never)}`);
  return [
    `      ${tally.steps} steps`,
    ...lines(tally.methods, ({ done, refused }: { done: number; refused: number }) => `${done} done, ${refused} refused`),
    ...lines(tally.errors, (times: number) => `${times} times`),
    `      reasons of skipped rows: ${[...tally.skipped].map(([name, times]) => `${name} ${times}`).join(", ")}`,
  ].join("\n");
}

describe("the model", function () {
  this.timeout(0);
  let stage: Stage;

  before(async () => {
    stage = await setStage();
    await installReader(stage);
  });

  it("x", async () => {
    const tally = createTally();
    console.log(`      seed ${seed}`);
    const [cards] = fc.sample(arbitraryCards(stage), { seed, numRuns: 1 });
    console.log(cards!.length);
    const t = Date.now();
    try {
      for (let r = 0; r < runs; r++) await playCards(stage, cards!, tally);
    } finally {
      console.log(Date.now() - t, "ms", show(tally));
    }
    expect(Difference).to.not.equal(undefined);
    expect(METHODS).to.not.equal(undefined);
    expect(CONTRACTS).to.not.equal(undefined);
  });
});
