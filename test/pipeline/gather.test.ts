/**
 * The specification of group commit: concurrent submissions share a commit, none is split, and a failure stays with whom it concerns.
 */
import { expect } from "chai";
import { createGatherer } from "../../src/pipeline/gather.ts";
import type { AcceptItem, AcceptOutcome } from "../../src/pipeline/ports.ts";
import { encoder } from "../support/model-codec.ts";
import { createManualClock } from "../support/pipeline.ts";
import { payment } from "../support/town.ts";

describe("createGatherer", () => {
  type Batch = readonly AcceptItem[];
  const item = (payer: number): AcceptItem => ({
    facts: encoder.encode(payment(payer)).facts,
    idempotency: null,
  });
  const answer = (items: Batch): readonly AcceptOutcome[] =>
    items.map(({ facts }) => ({ kind: "refused", reasons: [{ code: "internal", subject: facts.digest, remedy: "" }] }));

  function gather(acceptBatch: (items: Batch) => Promise<readonly AcceptOutcome[]>, group = 500) {
    const limits = { waitMs: 2, group, queue: 10_000 };
    return createGatherer({ store: { acceptBatch }, clock: createManualClock(), limits, wake: () => undefined });
  }
  const subjects = (outcomes: readonly AcceptOutcome[]) =>
    outcomes.map((outcome) => (outcome.kind === "refused" ? outcome.reasons[0]?.subject : ""));

  it("stores concurrent submissions in one commit and answers each with its own, in order", async () => {
    const sizes: number[] = [];
    const gatherer = gather(async (items) => {
      sizes.push(items.length);
      return answer(items);
    });
    const submissions = [[item(1), item(2)], [item(3)], [item(4), item(5)]];
    const outcomes = await Promise.all(submissions.map((items) => gatherer.commit(items)));
    expect(sizes).to.deep.equal([5]);
    expect(outcomes.map(subjects)).to.deep.equal(submissions.map((items) => items.map(({ facts }) => facts.digest)));
  });

  it("never splits a submission, also one larger than a group", async () => {
    const sizes: number[] = [];
    const gatherer = gather(async (items) => {
      sizes.push(items.length);
      return answer(items);
    }, 3);
    const five = [1, 2, 3, 4, 5].map(item);
    await Promise.all([gatherer.commit([item(6)]), gatherer.commit(five), gatherer.commit([item(1), item(2)])]);
    expect(sizes).to.deep.equal([1, 5, 2]);
  });

  it("tries each submission of a failed group alone: one that cannot be stored fails alone", async () => {
    const poison = item(1).facts.digest;
    const gatherer = gather(async (items) => {
      if (items.some(({ facts }) => facts.digest === poison)) throw new Error("cannot be stored");
      return answer(items);
    });
    const results = await Promise.allSettled([gatherer.commit([item(1)]), gatherer.commit([item(2)])]);
    expect(results.map(({ status }) => status)).to.deep.equal(["rejected", "fulfilled"]);
  });

  it("rests twice as long as the last commit took, 25 ms at most, and not for one who comes later", async () => {
    const clock = createManualClock();
    const slept: number[] = [];
    let took = 0;
    const gatherer = createGatherer({
      store: {
        acceptBatch: async (items) => {
          clock.advance(took);
          return answer(items);
        },
      },
      clock: {
        ...clock,
        sleep: (ms) => {
          slept.push(ms);
          return clock.sleep(ms);
        },
      },
      limits: { waitMs: 2, group: 500, queue: 10_000 },
      wake: () => undefined,
    });
    for (const ms of [5, 4, 40, 1]) {
      took = ms;
      await gatherer.commit([item(1)]);
    }
    clock.advance(10);
    await gatherer.commit([item(1)]);
    expect(slept).to.deep.equal([2, 10, 8, 25, 2]);
  });

  it("goes on after a failure", async () => {
    let fail = true;
    const gatherer = gather(async (items) => {
      if (fail) throw new Error("once");
      return answer(items);
    });
    await gatherer.commit([item(1)]).catch(() => undefined);
    fail = false;
    expect(await gatherer.commit([item(1)])).to.have.length(1);
  });
});
