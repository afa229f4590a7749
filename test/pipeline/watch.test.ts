/**
 * What a process sees of a store that others write: the head's age, and a wake-up for everything that is new, once.
 */
import { expect } from "chai";
import type { BlockRef } from "../../src/domain/facts.ts";
import type { Store } from "../../src/pipeline/ports.ts";
import { createWatch } from "../../src/pipeline/watch.ts";
import { createManualClock } from "../support/pipeline.ts";

const block = (number: number): BlockRef => ({
  number,
  hash: `0x${String(number).padStart(64, "0")}`,
  parent: `0x${String(number - 1).padStart(64, "0")}`,
  time: number,
});

function createStage() {
  const clock = createManualClock();
  const state = {
    latest: null as BlockRef | null,
    final: null as BlockRef | null,
    newest: 0n,
    wakes: 0,
    kept: new Map<number, BlockRef>(),
  };
  const store: Pick<Store, "readBlock" | "readCursor" | "readEvents"> = {
    readBlock: async (number) => state.kept.get(number) ?? null,
    readCursor: async () => ({ latest: state.latest, final: state.final }),
    readEvents: async () => ({ events: [], oldest: 1n, newest: state.newest }),
  };
  const watch = createWatch({ store, clock, wake: () => void state.wakes++ });
  return { clock, state, watch };
}

describe("Watch", () => {
  it("shows the head that another process wrote", async () => {
    const { state, watch } = createStage();
    expect([watch.latest, watch.final]).to.deep.equal([null, null]);
    state.latest = block(3);
    state.final = block(1);
    await watch.tick();
    expect([watch.latest, watch.final]).to.deep.equal([block(3), block(1)]);
  });

  it("does not take the first head it sees for a new one: nobody knows how long it has stood there", async () => {
    const { clock, state, watch } = createStage();
    state.latest = block(3);
    await watch.tick();
    expect(watch.ageMs()).to.equal(Number.POSITIVE_INFINITY);
    state.latest = block(4);
    await watch.tick();
    expect(watch.ageMs()).to.equal(0);
    clock.advance(700);
    await watch.tick();
    expect(watch.ageMs(), "the same head again").to.equal(700);
  });

  it("wakes once for each new head, final block and event, and not for nothing", async () => {
    const { state, watch } = createStage();
    const look = async (change: Partial<typeof state>): Promise<number> => {
      Object.assign(state, change, { wakes: 0 });
      await watch.tick();
      return state.wakes;
    };
    await look({ latest: block(1) });
    expect(await look({ latest: block(2) })).to.equal(1);
    expect(await look({ final: block(1) })).to.equal(1);
    expect(await look({ newest: 5n })).to.equal(1);
    expect(await look({})).to.equal(0);
    expect(await look({ latest: block(3), final: block(2), newest: 9n })).to.equal(1);
  });

  it("counts a reorg to a lower block as a new head", async () => {
    const { state, watch } = createStage();
    for (const number of [5, 6, 4]) {
      state.latest = block(number);
      await watch.tick();
    }
    expect([watch.latest?.number, watch.ageMs()]).to.deep.equal([4, 0]);
  });

  it("counts reorgs: lower, of the same height, one higher on another parent, or over a jump, and nothing else", async () => {
    const { state, watch } = createStage();
    const other = (number: number): BlockRef => ({ ...block(number), hash: `0x${"f".repeat(62)}${10 + number}` });
    const look = async (latest: BlockRef, kept: readonly BlockRef[] = []): Promise<number> => {
      state.latest = latest;
      state.kept = new Map(kept.map((ref) => [ref.number, ref]));
      await watch.tick();
      return watch.reorgs;
    };
    expect(await look(block(5)), "the first").to.equal(0);
    expect(await look(block(6)), "on top").to.equal(0);
    expect(await look(block(9), [block(6)]), "a jump").to.equal(0);
    expect(await look(block(20)), "a jump over what is final").to.equal(0);
    expect(await look(other(20)), "the same height").to.equal(1);
    expect(await look(block(19)), "lower").to.equal(2);
    expect(await look({ ...block(20), parent: other(19).hash }), "another parent").to.equal(3);
    expect(await look(block(25), [other(20)]), "a jump over what was replaced").to.equal(4);
  });
});
