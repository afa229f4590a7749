/**
 * The contracts beside the model of them in `test/model/`: random operations happen in both, and after every step outcome, events and state
 * are the same. SEED replays a run, MODEL_RUNS plays more decks than one.
 */
import { expect } from "chai";
import { accountOf } from "../../model/coin.ts";
import { isInstrumented } from "../../support/treasury.ts";
import { type Frame, Refusal, refuse } from "../../model/frame.ts";
import { createHands, makeSmall, misplaced, missing, playHand, tabulate } from "./deck.ts";
import { METHODS } from "./methods.ts";
import { type Card, createTally, type Models, playCards } from "./play.ts";
import { installReader } from "./sight.ts";
import { setStage, type Stage } from "./stage.ts";

const seed = Number(process.env["SEED"] ?? Date.now() % 2 ** 31);
const runs = Number(process.env["MODEL_RUNS"] ?? 1);
/** Decks more that may be played until everything was reached: chance may hide an error from one deck, hardly from this many. */
const MORE = 12;

/** The smallest sequences that ever showed a difference, or that reach what a rule stands or falls with. They stay equal for good. */
const KEPT: Record<string, Card[]> = {
  "a credit after the escrow lost its coins": [{ dealer: "redemption.withdrawCredit", aim: 0, seed: 1 }],
  "the end of the window lane": [{ dealer: "coin.skipNonces", aim: 1, seed: 1 }],
  "a second capture and a decision at another rate": [{ dealer: "another rate", aim: 0, seed: 1 }],
  "a burn that waits": [{ dealer: "redemption.burnPending", aim: 1, seed: 1 }],
};

/** The model with one operation changed. */
function spoilt(name: keyof typeof METHODS, change: (act: (c: Frame) => void, c: Frame) => void): Models {
  const model = (c: Frame, ...args: never[]) => change(() => METHODS[name].model(c, ...args), c);
  return { ...METHODS, [name]: { model } };
}

const FAULTS: Record<string, Models> = {
  "forgets an event": spoilt("coin.transfer", (act, c) => {
    act(c);
    c.world.log.pop();
  }),
  "loses a unit of somebody else": spoilt("coin.transfer", (act, c) => {
    act(c);
    accountOf(c.world.coins.get(c.self)!, c.world.owners.keys().next().value!).balance -= 1n;
  }),
  "lets everything through": spoilt("coin.transfer", (act, c) => {
    try {
      act(c);
    } catch {
      c.world.log = [];
    }
  }),
  "tells an error with another number": spoilt("coin.transfer", (act, c) => {
    try {
      act(c);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      refuse(error.error, ...error.args.slice(0, -1), 7n);
    }
  }),
};

describe("the model", function () {
  this.timeout(0);
  let stage: Stage;

  before(async function () {
    // Played on the contracts as they are deployed; instrumented ones answer the same, many times slower.
    if (isInstrumented()) this.skip();
    stage = await setStage();
    await installReader(stage);
  });

  it("is equal to the contracts after every step, in outcome, events and state, with every operation and every error", async () => {
    console.log(`      seed ${seed}`);
    const tally = createTally();
    for (let run = 0; run < runs + MORE; run++) {
      for (const hand of createHands(stage, seed + run)) {
        if (run < runs || missing(stage, tally).length > 0) await playHand(stage, hand, { tally });
      }
    }
    console.log(tabulate(tally));
    expect(missing(stage, tally)).to.deep.equal([]);
    expect(misplaced(stage, tally)).to.deep.equal([]);
  });

  for (const [name, cards] of Object.entries(KEPT)) {
    it(`is equal to the contracts in a kept sequence: ${name}`, async () => {
      await playCards(stage, cards);
    });
  }

  for (const [name, models] of Object.entries(FAULTS)) {
    it(`is found out, by the fewest cards, when it ${name}`, async () => {
      const others = ["coin.approve", "coin.mint", "claims.open"].map((dealer) => ({ dealer, aim: 0, seed: 1 }));
      // one that goes through and one of more than the payer has
      const culprits = [0, 11].map((aim) => ({ dealer: "coin.transfer", aim, seed: 1 }));
      const error = await makeSmall(stage, [...others, ...culprits], models).then(
        () => undefined,
        (found: unknown) => found as Error,
      );
      expect(error, "no difference was found").to.be.instanceOf(Error);
      const small = /Counterexample: \[(\[.*\])\]/.exec(error!.message)?.[1] ?? "";
      expect(small.match(/"dealer"/g)).to.have.lengthOf(1);
      expect(small).to.contain('"dealer":"coin.transfer"');
    });
  }
});
