/** Pausing: a role of its own, bits that add up. */
import { expect } from "chai";
import { changed, eventsOf, loadWorld, observe, PAUSE, type World } from "../../support/coin.ts";

describe("Stablecoin.pause", () => {
  let world: World;

  beforeEach(async () => {
    world = await loadWorld();
  });

  const pause = (bits: bigint) => world.coin.connect(world.pauser).pause(bits);

  describe("requires", () => {
    it("reverts with AccessManagedUnauthorized(unpauser) for the role that does the opposite", async () => {
      await expect(world.coin.connect(world.unpauser).pause(1n))
        .to.be.revertedWithCustomError(world.coin, "AccessManagedUnauthorized")
        .withArgs(world.unpauser.address);
    });

    for (const bits of [0n, 64n, 255n, 2n ** 256n - 1n]) {
      it(`reverts with StablecoinPauseBitsInvalid(${bits}, 63)`, async () => {
        await expect(pause(bits))
          .to.be.revertedWithCustomError(world.coin, "StablecoinPauseBitsInvalid")
          .withArgs(bits, 63n);
      });
    }
  });

  describe("ensures", () => {
    async function expectPaused(bits: bigint, paused: bigint): Promise<void> {
      const before = await observe(world);
      await pause(bits);
      const after = changed(before, (state) => {
        state.paused = paused;
      });
      expect(await observe(world)).to.deep.equal(after);
      expect(await world.coin.pausedBits()).to.equal(paused);
    }

    for (const [name, bit] of Object.entries(PAUSE)) {
      it(`pauses the ${name} bit alone`, async () => expectPaused(bit, bit));
    }

    it("pauses all bits at once", async () => expectPaused(63n, 63n));

    it("adds to what is paused", async () => {
      await expectPaused(PAUSE.mint, 4n);
      await expectPaused(PAUSE.burn | PAUSE.mint, 12n);
      await expectPaused(PAUSE.burn, 12n);
    });
  });

  describe("emits", () => {
    it("PauseChanged with the old and the new bits", async () => {
      await pause(PAUSE.mint);
      const events = await eventsOf(world, pause(PAUSE.burn));
      expect(events).to.deep.equal([["PauseChanged", world.pauser.address, 4n, 12n]]);
    });
  });
});
