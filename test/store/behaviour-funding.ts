/**
 * Gas money on a real store: which of a funder's slots are written at all. Each guard is in the commit itself: one transfer that is not final for
 * each lane, none to a retired lane or to what is no lane, and no more than the bound in a day, whoever asks at once.
 */
import { expect } from "chai";
import type { Address } from "../../src/domain/hex.ts";
import { laneMoves } from "../../src/domain/lane.ts";
import type { Funding, Lane } from "../../src/pipeline/ports.ts";
import { type OpenStore, withStore } from "./harness.ts";
import { createWorld, lane, toAddress, wallTime, type World } from "./world.ts";

const funder = toAddress(0xf0);
const second = toAddress(0x92);
const third = toAddress(0x93);

interface Purse {
  /** Tries to commit a transfer at the funder's next nonce; its slot when it was written. */
  give(to: Address, changes?: Partial<{ gwei: bigint; at: number; most: bigint; since: number }>): Promise<Slot | null>;
  readonly lane: Lane;
}
type Slot = ReturnType<typeof toSlot>;

function toSlot(world: World, funding: Funding, { nonce, epoch, at }: { nonce: number; epoch: bigint; at: number }) {
  const attempt = { hash: world.nextHash(), raw: "0x02f8", maxFeePerGas: 3n, maxPriorityFeePerGas: 1n } as const;
  return { lane: funder, nonce, epoch, kind: "fund" as const, items: [], attempt, at, funding };
}

async function openPurse({ store, ...world }: World): Promise<Purse> {
  await store.addLanes([
    { address: funder, state: "active", role: "funder" },
    { address: second, state: "active" },
    { address: third, state: "stored" },
  ]);
  const [opened] = await store.openLanes([{ address: funder, chainNonce: 0 }]);
  let current = opened ?? expect.fail("a lane");
  return {
    get lane() {
      return current;
    },
    async give(to, { gwei = 10n, at = wallTime, most = 100n, since = wallTime - 1_000 } = {}) {
      const { nextNonce: nonce, epoch } = current;
      const slot = toSlot({ store, ...world }, { to, gwei, bound: { since, most } }, { nonce, epoch, at });
      if (!(await store.commitPlan(slot))) return null;
      current = { ...current, nextNonce: nonce + 1 };
      return slot;
    },
  };
}

export function describeFunding(open: OpenStore): void {
  const test = (title: string, body: (world: World, purse: Purse) => Promise<void>) =>
    it(
      title,
      withStore(open, async (store) => {
        const world = await createWorld(store);
        await body(world, await openPurse(world));
      }),
    );
  const mine = (world: World, slot: Slot) => world.apply({ slots: [{ ...world.mined(slot), lane: funder }] });

  describe("commitPlan of gas money", () => {
    test("writes nonce, bytes and amount, and no intent", async ({ store }, purse) => {
      const slot = (await purse.give(lane)) ?? expect.fail("written");
      expect(await store.readOpenSlots(funder, 9)).to.deep.equal([
        { lane: funder, nonce: 0, state: "signed", kind: "fund", attempts: [{ ...slot.attempt, sentAt: null }] },
      ]);
      expect(await store.sumFunded(0)).to.equal(10n);
    });

    test("waits until the one before it for the same lane is final; the other lanes' do not", async (world, purse) => {
      const first = (await purse.give(lane)) ?? expect.fail("written");
      expect(await purse.give(lane), "signed").to.equal(null);
      expect(await purse.give(second), "another lane's").to.not.equal(null);
      await world.store.markSent([first.attempt.hash], wallTime);
      expect(await purse.give(lane), "sent").to.equal(null);
      await mine(world, first);
      expect(await purse.give(lane), "mined").to.equal(null);
      await world.finalize();
      expect(await purse.give(lane), "final").to.not.equal(null);
      expect((await world.store.readLanes()).find(({ address }) => address === funder)?.nextNonce).to.equal(3);
    });

    test("waits again for one that a reorg took back", async (world, purse) => {
      await world.apply();
      const first = (await purse.give(lane)) ?? expect.fail("written");
      const { number } = world.blocks.head ?? expect.fail("a block");
      await mine(world, first);
      await world.reorgTo(number);
      const [slot] = await world.store.readOpenSlots(funder, 9);
      expect([slot?.state, slot?.kind]).to.deep.equal(["sent", "fund"]);
      expect(await purse.give(lane)).to.equal(null);
    });

    test("goes to no retired lane, no funder and no stranger", async (world, purse) => {
      const retire = { ...laneMoves.retire, address: third, by: "desk", at: 7 };
      expect(await world.store.moveLane(retire)).to.equal(true);
      for (const to of [third, funder, toAddress(0xbad)]) expect(await purse.give(to), to).to.equal(null);
      expect(await world.store.sumFunded(0)).to.equal(0n);
      expect(await world.store.readOpenSlots(funder, 9)).to.deep.equal([]);
    });

    test("a lane that gas money is on its way to is not idle", async (world, purse) => {
      const slot = (await purse.give(third)) ?? expect.fail("written");
      const retire = { ...laneMoves.retire, address: third, by: "desk", at: 7 };
      expect(await world.store.moveLane(retire)).to.equal(false);
      await mine(world, slot);
      await world.finalize();
      expect(await world.store.moveLane(retire)).to.equal(true);
    });

    test("goes up to the bound, to the last gwei, and begins anew a day later", async ({ store }, purse) => {
      expect(await purse.give(lane, { gwei: 60n })).to.not.equal(null);
      expect(await purse.give(second, { gwei: 41n })).to.equal(null);
      expect(await purse.give(second, { gwei: 40n })).to.not.equal(null);
      expect(await purse.give(third, { gwei: 1n })).to.equal(null);
      expect(await purse.give(third, { gwei: 1n, since: wallTime, at: wallTime + 1 })).to.not.equal(null);
      expect([await store.sumFunded(wallTime - 1), await store.sumFunded(wallTime)]).to.deep.equal([101n, 1n]);
    });

    test("is not written by a former owner, nor while the funder is paused", async ({ store }, purse) => {
      await store.openLanes([{ address: funder, chainNonce: 0 }]);
      expect(await purse.give(lane)).to.equal(null);
      const [opened] = await store.openLanes([{ address: funder, chainNonce: 0 }]);
      Object.assign(purse.lane, opened);
      await store.moveLane({ ...laneMoves.pause, address: funder, by: "desk", at: 7 });
      expect(await purse.give(lane)).to.equal(null);
      expect(await store.sumFunded(0)).to.equal(0n);
    });

    test("is written once by those who ask at once", async (world, purse) => {
      const at = { nonce: 0, epoch: purse.lane.epoch, at: wallTime };
      const funding = { to: lane, gwei: 10n, bound: { since: 0, most: 1_000n } };
      const asked = Array.from({ length: 8 }, (_, nonce) => toSlot(world, funding, { ...at, nonce: nonce % 2 }));
      const done = await Promise.all(asked.map((slot) => world.store.commitPlan(slot)));
      expect(done.filter(Boolean).length).to.equal(1);
      expect(await world.store.sumFunded(0)).to.equal(10n);
    });

    test("one whose nonce other bytes used is over, and counts as given", async (world, purse) => {
      expect(await purse.give(lane)).to.not.equal(null);
      expect(await world.store.abandonSlots(funder, 1)).to.equal(1);
      expect(await world.store.readOpenSlots(funder, 9)).to.deep.equal([]);
      expect(await purse.give(lane)).to.not.equal(null);
      expect(await world.store.sumFunded(0)).to.equal(20n);
    });
  });
}
