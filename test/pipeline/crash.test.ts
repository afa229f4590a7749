/**
 * Crash enumeration: each scenario is played once and its port calls are counted; then the process dies before, dies after, and loses the answer
 * of every single one. The next process on the same store and chain must bring everything to its end: P1 to P7, P9 to P12 and P19 hold each
 * time. Fails when bytes leave before they are committed, which is played as a proof.
 */
import { once } from "node:events";
import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import { expect } from "chai";
import type { IntentKind } from "../../src/domain/intent.ts";
import { roleOf } from "../../src/domain/policy.ts";
import { play, type Scenario } from "../support/crash.ts";
import type { Share, ShareResult } from "../support/crash-worker.ts";
import { sabotages } from "../support/sabotage.ts";
import { scenarios } from "../support/scenarios.ts";

/** Threads that share the calls of a scenario; no more than a small machine has cores. */
const threads = Math.min(4, availableParallelism());

async function run(share: Share): Promise<ShareResult> {
  const worker = new Worker(new URL("../support/crash-worker.ts", import.meta.url), { workerData: share });
  const [result] = (await once(worker, "message")) as [ShareResult];
  return result;
}

/** Strikes every call of the scenario in every way; returns the number of faults that struck. */
async function enumerate({ name: scenario }: Scenario, calls: number): Promise<number> {
  const shares = Array.from({ length: threads }, (_, index) => ({ scenario, calls, first: index + 1, of: threads }));
  const results = await Promise.all(shares.map(run));
  for (const { failure } of results) if (failure !== null) throw new Error(failure);
  return results.reduce((sum, result) => sum + result.run, 0);
}

describe("crash enumeration", function () {
  this.timeout(600_000);
  const settled = new Set<IntentKind>();

  for (const scenario of scenarios) {
    it(`${scenario.name}: ends right after a fault at every port call, before it, after it, and with its answer lost`, async () => {
      const { calls, intents } = await play(scenario, []);
      expect(calls, "port calls").to.be.within(40, 199);
      for (const { kind, state } of intents) if (state === "settled") settled.add(kind);
      const struck = await enumerate(scenario, calls);
      console.log(`        ${calls} port calls × 3 = ${calls * 3} faults, ${struck} run`);
      expect(struck).to.equal(calls * 3);
    });
  }

  it("would tell that bytes are sent before they are committed", async () => {
    const [honest] = scenarios;
    const sabotage = sabotages["bytes are sent before they are committed"];
    if (honest === undefined || sabotage === undefined) expect.fail("a scenario and a bug");
    const { calls } = await play(honest, []);
    let found: string | null = null;
    for (let at = 1; at <= calls && found === null; at++) {
      found = await play({ ...honest, sabotage }, [{ at, mode: "after" }]).then(
        () => null,
        (error: unknown) => (error instanceof Error ? error.message : String(error)),
      );
    }
    expect(found).to.include("P4");
  });

  it("covers every kind of intent, a skipped row, a reorg, repricing, and a lane out of gas that is topped up", async () => {
    expect([...settled].toSorted()).to.deep.equal(Object.keys(roleOf).toSorted());
    const told = new Set<string>();
    let replaced = 0;
    for (const scenario of scenarios) {
      const run = await play(scenario, []);
      for (const notice of run.notices) told.add(notice);
      replaced += run.replaced;
    }
    expect([...told]).to.include.members([
      "reorg",
      "lane_out_of_gas",
      "lane_topped_up",
      "insufficient_funds",
      "reverted",
      "travel_rule",
    ]);
    expect(replaced, "attempts that were repriced").to.be.greaterThan(0);
  });
});
