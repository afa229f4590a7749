/** The one address that mints. */
import { expect } from "chai";
import { type Addressable, ZeroAddress } from "ethers";
import { changed, eventsOf, loadWorld, observe, type World } from "../../support/coin.ts";

describe("Stablecoin.setTreasury", () => {
  let world: World;

  beforeEach(async () => {
    world = await loadWorld();
  });

  const setTreasury = (next: Addressable | string) => world.coin.connect(world.treasurer).setTreasury(next);

  describe("requires", () => {
    it("reverts with AccessManagedUnauthorized(treasury) for the treasury itself", async () => {
      await expect(world.coin.connect(world.treasury).setTreasury(world.stranger))
        .to.be.revertedWithCustomError(world.coin, "AccessManagedUnauthorized")
        .withArgs(world.treasury.address);
    });

    it("reverts with StablecoinAccountInvalid(0)", async () => {
      await expect(setTreasury(ZeroAddress))
        .to.be.revertedWithCustomError(world.coin, "StablecoinAccountInvalid")
        .withArgs(ZeroAddress);
    });

    for (const name of ["coin", "escrow"] as const) {
      it(`reverts with StablecoinAccountInvalid(${name})`, async () => {
        await expect(setTreasury(world[name]))
          .to.be.revertedWithCustomError(world.coin, "StablecoinAccountInvalid")
          .withArgs(world[name]);
      });
    }
  });

  describe("ensures", () => {
    it("the new treasury mints, the old one no longer, and nothing else changes", async () => {
      const before = await observe(world);
      await setTreasury(world.stranger);
      const after = changed(before, (state) => {
        state.treasury = world.stranger.address;
      });
      expect(await observe(world)).to.deep.equal(after);
      await world.coin.connect(world.stranger).mint(world.payee, 1n);
      await expect(world.coin.connect(world.treasury).mint(world.payee, 1n))
        .to.be.revertedWithCustomError(world.coin, "StablecoinCallerNotTreasury")
        .withArgs(world.treasury.address, world.stranger.address);
    });
  });

  describe("emits", () => {
    it("TreasuryChanged with the old and the new one", async () => {
      const events = await eventsOf(world, setTreasury(world.stranger));
      expect(events).to.deep.equal([["TreasuryChanged", world.treasury.address, world.stranger.address]]);
    });
  });
});
