/** Unpausing: a role of its own, and only of the bits named. */
import { expect } from "chai";
import { changed, eventsOf, loadWorld, observe, PAUSE, type World } from "../../support/coin.ts";

describe("Stablecoin.unpause", () => {
  let world: World;

  beforeEach(async () => {
    world = await loadWorld();
    await world.coin.connect(world.pauser).pause(63n);
  });

  const unpause = (bits: bigint) => world.coin.connect(world.unpauser).unpause(bits);

  describe("requires", () => {
    it("reverts with AccessManagedUnauthorized(pauser) for the role that does the opposite", async () => {
      await expect(world.coin.connect(world.pauser).unpause(1n))
        .to.be.revertedWithCustomError(world.coin, "AccessManagedUnauthorized")
        .withArgs(world.pauser.address);
    });

    for (const bits of [0n, 64n, 255n, 2n ** 256n - 1n]) {
      it(`reverts with StablecoinPauseBitsInvalid(${bits}, 63)`, async () => {
        await expect(unpause(bits))
          .to.be.revertedWithCustomError(world.coin, "StablecoinPauseBitsInvalid")
          .withArgs(bits, 63n);
      });
    }
  });

  describe("ensures", () => {
    async function expectPaused(bits: bigint, paused: bigint): Promise<void> {
      const before = await observe(world);
      await unpause(bits);
      const after = changed(before, (state) => {
        state.paused = paused;
      });
      expect(await observe(world)).to.deep.equal(after);
      expect(await world.coin.pausedBits()).to.equal(paused);
    }

    for (const [name, bit] of Object.entries(PAUSE)) {
      it(`lets the ${name} bit alone go on`, async () => expectPaused(bit, 63n - bit));
    }

    it("lets all bits go on at once", async () => expectPaused(63n, 0n));

    it("leaves bits that are not paused", async () => {
      await expectPaused(PAUSE.mint, 59n);
      await expectPaused(PAUSE.mint, 59n);
    });
  });

  describe("emits", () => {
    it("PauseChanged with the old and the new bits", async () => {
      const events = await eventsOf(world, unpause(PAUSE.transfer));
      expect(events).to.deep.equal([["PauseChanged", world.unpauser.address, 63n, 62n]]);
    });
  });
});
