/**
 * A lease as one process believes in it: never longer than the database does, whatever the clocks, the answers and the sleeps are.
 */
import { expect } from "chai";
import { createTenure, createWithdrawal, defaultLeaseLimits } from "../../src/pipeline/lease.ts";
import type { Leases } from "../../src/pipeline/ports.ts";
import { createManualClock, type ManualClock } from "../support/pipeline.ts";

const { leaseMs, marginMs, asideMs } = defaultLeaseLimits;

/** The database's side: its own clock, moved with the process's or apart from it. */
function createDesk(clock: ManualClock) {
  const table = new Map<string, { owner: string; epoch: bigint; until: number }>();
  let isOut = false;
  let answerMs = 0;
  /** The desk acts, and then the answer takes its time. */
  async function answer<T>(act: () => T): Promise<T> {
    if (isOut) throw new Error("out");
    const result = act();
    clock.advance(answerMs);
    return result;
  }
  const of = (owner: string): Leases => ({
    acquire: (name, ms) =>
      answer(() => {
        const row = table.get(name);
        if (row !== undefined && row.until > clock.monotonic()) return null;
        const epoch = (row?.epoch ?? 0n) + 1n;
        table.set(name, { owner, epoch, until: clock.monotonic() + ms });
        return epoch;
      }),
    renew: (name, epoch, ms) =>
      answer(() => {
        const row = table.get(name);
        if (row?.owner !== owner || row.epoch !== epoch || row.until <= clock.monotonic()) return false;
        row.until = clock.monotonic() + ms;
        return true;
      }),
    release: (name, epoch) =>
      answer(() => {
        const row = table.get(name);
        if (row?.owner === owner && row.epoch === epoch) row.until = clock.monotonic();
      }),
  });
  return {
    of,
    table,
    setOut(out: boolean) {
      isOut = out;
    },
    setAnswerMs(ms: number) {
      answerMs = ms;
    },
  };
}

function createTwo() {
  const clock = createManualClock();
  const desk = createDesk(clock);
  const gains: string[] = [];
  const [first, second] = ["first", "second"].map((owner) =>
    createTenure({
      name: "send",
      leases: desk.of(owner),
      clock,
      limits: defaultLeaseLimits,
      gained: () => void gains.push(owner),
    }),
  );
  if (first === undefined || second === undefined) throw new Error("no tenures");
  return { clock, desk, gains, first, second };
}

describe("Tenure", () => {
  it("is held by one of two, for as long as it is renewed", async () => {
    const { clock, gains, first, second } = createTwo();
    for (let turn = 0; turn < 20; turn++) {
      await first.tick();
      await second.tick();
      expect([first.held(), second.held()]).to.deep.equal([true, false]);
      clock.advance(leaseMs / 3);
    }
    expect(gains).to.deep.equal(["first"]);
  });

  it("F22: goes to the other when it is not renewed, and the belief has ended before", async () => {
    const { clock, gains, first, second } = createTwo();
    await first.tick();
    clock.advance(leaseMs - marginMs - 1);
    expect(first.held()).to.equal(true);
    clock.advance(1);
    expect(first.held()).to.equal(false);
    await second.tick();
    expect(second.held(), "the lease itself still runs").to.equal(false);
    clock.advance(marginMs);
    await second.tick();
    expect([first.held(), second.held()]).to.deep.equal([false, true]);
    expect(gains).to.deep.equal(["first", "second"]);
  });

  it("counts from the question, not from an answer that was long on its way", async () => {
    const { desk, first } = createTwo();
    desk.setAnswerMs(leaseMs);
    await first.tick();
    expect(first.held()).to.equal(false);
  });

  it("tells of every gain, also of one after a sleep in which nobody else came", async () => {
    const { clock, gains, first } = createTwo();
    await first.tick();
    clock.advance(10 * leaseMs);
    expect(first.held()).to.equal(false);
    await first.tick();
    expect([first.held(), gains]).to.deep.equal([true, ["first", "first"]]);
  });

  it("ends when the renewal says that it was lost", async () => {
    const { desk, first } = createTwo();
    await first.tick();
    desk.table.set("send", { owner: "second", epoch: 2n, until: Number.POSITIVE_INFINITY });
    await first.tick();
    expect(first.held()).to.equal(false);
  });

  it("P7: outlives a store that is out for less than the lease, and not one that is out for longer", async () => {
    const { clock, desk, first } = createTwo();
    await first.tick();
    desk.setOut(true);
    clock.advance(1_000);
    expect(await first.tick().catch((error: unknown) => String(error))).to.equal("Error: out");
    expect(first.held()).to.equal(true);
    clock.advance(leaseMs);
    expect(first.held()).to.equal(false);
    desk.setOut(false);
    await first.tick();
    expect(first.held()).to.equal(true);
  });

  it("P13: does not care where the wall clock stands", async () => {
    const { clock, first } = createTwo();
    await first.tick();
    clock.skew(600_000);
    expect(first.held()).to.equal(true);
    clock.skew(-1_200_000);
    clock.advance(leaseMs);
    expect(first.held()).to.equal(false);
  });

  it("is free for the other at once when it is released", async () => {
    const { first, second } = createTwo();
    await first.tick();
    await first.release();
    expect(first.held()).to.equal(false);
    await second.tick();
    expect(second.held()).to.equal(true);
    await first.release();
    expect(second.held(), "a second release takes nothing away").to.equal(true);
  });
});

describe("Tenure.cede", () => {
  it("leaves it to the other, and takes it up again where there is none", async () => {
    const { clock, gains, first, second } = createTwo();
    await first.tick();
    await first.cede();
    expect(first.held()).to.equal(false);
    clock.advance(asideMs - 1);
    await first.tick();
    expect(first.held(), "it stands aside").to.equal(false);
    clock.advance(1);
    await first.tick();
    expect(first.held(), "nobody came").to.equal(true);
    await first.cede();
    await second.tick();
    clock.advance(asideMs);
    await first.tick();
    expect([first.held(), second.held()]).to.deep.equal([false, true]);
    expect(gains).to.deep.equal(["first", "first", "second"]);
  });

  it("holds also against an answer that was on its way", async () => {
    const { first, second, gains } = createTwo();
    const asked = first.tick();
    await first.cede();
    await asked;
    expect([first.held(), gains]).to.deep.equal([false, []]);
    await second.tick();
    expect(second.held()).to.equal(true);
  });
});

describe("createWithdrawal", () => {
  function createFaulty() {
    const { clock, desk, first, second } = createTwo();
    return { clock, desk, first, second, fault: createWithdrawal({ tenures: [first], clock }) };
  }

  it("P7: a process that cannot reach the chain cedes what it holds at the second fault within a minute", async () => {
    const { clock, first, second, fault } = createFaulty();
    await first.tick();
    await fault();
    clock.advance(499);
    await fault();
    expect(first.held(), "one fault is anybody's, also when two loops meet it").to.equal(true);
    clock.advance(1);
    await fault();
    await second.tick();
    expect([first.held(), second.held()]).to.deep.equal([false, true]);
  });

  it("bears faults that are further apart, and counts anew after it ceded", async () => {
    const { clock, first, fault } = createFaulty();
    await first.tick();
    for (let faults = 0; faults < 3; faults++) {
      await fault();
      clock.advance(60_001);
      await first.tick();
      expect(first.held()).to.equal(true);
    }
    await fault();
    clock.advance(1_000);
    await fault();
    expect(first.held()).to.equal(false);
    clock.advance(asideMs);
    await first.tick();
    await fault();
    expect(first.held()).to.equal(true);
  });

  it("does not mind a store that is out, too", async () => {
    const { clock, desk, first, fault } = createFaulty();
    await first.tick();
    desk.setOut(true);
    await fault();
    clock.advance(1_000);
    await fault();
    expect(first.held()).to.equal(false);
  });
});
