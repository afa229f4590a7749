/** The end of a freeze, which anyone may enforce. */
import { expect } from "chai";
import {
  CASE,
  eventsOf,
  freeze,
  loadWorld,
  now,
  observe,
  pause,
  VALUE,
  WHOLE,
  type World,
} from "../../support/coin.ts";

describe("Stablecoin.releaseExpired", () => {
  let world: World;

  beforeEach(async () => {
    world = await loadWorld();
  });

  const release = () => world.coin.connect(world.stranger).releaseExpired(world.payer);

  async function freezeUntil(end: bigint, amount = WHOLE): Promise<void> {
    await world.coin.connect(world.freezer).freeze(world.payer, amount, CASE, end);
  }

  describe("requires", () => {
    it("reverts with StablecoinNotFrozen(payer) without a freeze", async () => {
      await expect(release())
        .to.be.revertedWithCustomError(world.coin, "StablecoinNotFrozen")
        .withArgs(world.payer.address);
    });

    it("reverts with StablecoinFreezeNotEnded(payer, t, t - 1) one second before the end", async () => {
      const end = (await now(world)) + 100n;
      await freezeUntil(end);
      await world.time.setNextBlockTimestamp(end - 1n);
      await expect(release())
        .to.be.revertedWithCustomError(world.coin, "StablecoinFreezeNotEnded")
        .withArgs(world.payer.address, end, end - 1n);
    });
  });

  describe("ensures", () => {
    for (const [title, amount, delay] of [
      ["a part at the end itself", VALUE, 0n],
      ["the whole one second later", WHOLE, 1n],
    ] as const) {
      it(`lifts the freeze of ${title} and nothing else`, async () => {
        const before = await observe(world);
        const end = (await now(world)) + 100n;
        await freezeUntil(end, amount);
        await world.time.setNextBlockTimestamp(end + delay);
        await release();
        expect(await observe(world)).to.deep.equal(before);
      });
    }

    it("works while everything is paused", async () => {
      await freeze(world, world.payer);
      await pause(world, 63n);
      await world.time.increase(3_600);
      await release();
      expect((await world.coin.accountOf(world.payer)).frozenWhole).to.equal(false);
    });
  });

  describe("emits", () => {
    for (const amount of [VALUE, WHOLE]) {
      it(`FreezeReleased with the amount ${amount}`, async () => {
        const end = (await now(world)) + 100n;
        await freezeUntil(end, amount);
        await world.time.increase(100);
        const events = await eventsOf(world, release());
        expect(events).to.deep.equal([["FreezeReleased", world.payer.address, CASE, amount, end]]);
      });
    }
  });
});
