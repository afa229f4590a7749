/** The one address that seized coins go to. */
import { expect } from "chai";
import { type Addressable, ZeroAddress } from "ethers";
import { CASE, changed, eventsOf, freeze, loadWorld, observe, type World } from "../../support/coin.ts";

describe("Stablecoin.setCustody", () => {
  let world: World;

  beforeEach(async () => {
    world = await loadWorld();
  });

  const set = (next: Addressable | string) => world.coin.connect(world.treasurer).setCustody(next);

  describe("requires", () => {
    it("reverts with AccessManagedUnauthorized(stranger) without the role", async () => {
      await expect(world.coin.connect(world.stranger).setCustody(world.stranger))
        .to.be.revertedWithCustomError(world.coin, "AccessManagedUnauthorized")
        .withArgs(world.stranger.address);
    });

    it("reverts with StablecoinAccountInvalid(0)", async () => {
      await expect(set(ZeroAddress))
        .to.be.revertedWithCustomError(world.coin, "StablecoinAccountInvalid")
        .withArgs(ZeroAddress);
    });

    for (const name of ["coin", "escrow"] as const) {
      it(`reverts with StablecoinAccountInvalid(${name})`, async () => {
        await expect(set(world[name]))
          .to.be.revertedWithCustomError(world.coin, "StablecoinAccountInvalid")
          .withArgs(world[name]);
      });
    }
  });

  describe("ensures", () => {
    it("what is seized goes to the new account, what was seized stays, and nothing else changes", async () => {
      const { coin, custody, payer, seizer, stranger } = world;
      await freeze(world, payer);
      await coin.connect(seizer).seize(payer, 5n, CASE);
      const before = await observe(world);
      await set(stranger);
      const after = changed(before, (state) => {
        state.custody = stranger.address;
      });
      expect(await observe(world)).to.deep.equal(after);
      await coin.connect(seizer).seize(payer, 7n, CASE);
      expect([await coin.balanceOf(custody), await coin.balanceOf(stranger)]).to.deep.equal([5n, 7n]);
    });

    it("takes an account that is frozen whole, though nothing is seized to it then", async () => {
      await freeze(world, world.stranger);
      await set(world.stranger);
      expect(await world.coin.custody()).to.equal(world.stranger.address);
    });
  });

  describe("emits", () => {
    it("CustodyChanged with the old and the new one", async () => {
      const old = await world.custody.getAddress();
      const events = await eventsOf(world, set(world.stranger));
      expect(events).to.deep.equal([["CustodyChanged", old, world.stranger.address]]);
    });
  });
});
