/** Allowances: who may be allowed what, and that taking one back always works. */
import { expect } from "chai";
import { ZeroAddress } from "ethers";
import { changed, eventsOf, freeze, loadWorld, observe, PAUSE, pause, WHOLE, type World } from "../../support/coin.ts";

describe("Stablecoin.approve", () => {
  let world: World;

  beforeEach(async () => {
    world = await loadWorld();
  });

  const approve = (spender: string, amount: bigint) => world.coin.connect(world.payer).approve(spender, amount);

  describe("requires", () => {
    it("reverts with StablecoinPaused(1) for 1 unit while transfers are paused", async () => {
      await pause(world, PAUSE.transfer);
      await expect(approve(world.spender.address, 1n))
        .to.be.revertedWithCustomError(world.coin, "StablecoinPaused")
        .withArgs(1n);
    });

    it("reverts with ERC20InvalidSpender(0)", async () => {
      await expect(approve(ZeroAddress, 1n))
        .to.be.revertedWithCustomError(world.coin, "ERC20InvalidSpender")
        .withArgs(ZeroAddress);
    });
  });

  describe("ensures", () => {
    async function expectAllowed(amount: bigint): Promise<void> {
      const before = await observe(world);
      await approve(world.spender.address, amount);
      const after = changed(before, (state) => {
        state.allowance = amount;
      });
      expect(await observe(world)).to.deep.equal(after);
    }

    it("sets the allowance", async () => expectAllowed(1n));

    it("sets an allowance beyond the supply", async () => expectAllowed(WHOLE));

    it("replaces an allowance", async () => {
      await expectAllowed(5n);
      await expectAllowed(4n);
    });

    it("takes an allowance back while transfers are paused and the owner is frozen", async () => {
      await approve(world.spender.address, 5n);
      await freeze(world, world.payer);
      await pause(world, PAUSE.transfer);
      await expectAllowed(0n);
    });

    it("returns true", async () => {
      const { coin, payer, spender } = world;
      expect(await coin.connect(payer).approve.staticCall(spender.address, 1n)).to.equal(true);
    });
  });

  describe("emits", () => {
    it("Approval", async () => {
      const events = await eventsOf(world, approve(world.spender.address, 7n));
      expect(events).to.deep.equal([["Approval", world.payer.address, world.spender.address, 7n]]);
    });
  });
});
