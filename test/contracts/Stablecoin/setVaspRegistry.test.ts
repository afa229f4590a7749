/** The registry of wallet operators, which alone sets families and attests. */
import { expect } from "chai";
import { type Addressable, ZeroAddress } from "ethers";
import { changed, eventsOf, join, limitTravel, loadWorld, observe, type World } from "../../support/coin.ts";

describe("Stablecoin.setVaspRegistry", () => {
  let world: World;

  beforeEach(async () => {
    world = await loadWorld();
  });

  const set = (next: Addressable | string) => world.coin.connect(world.treasurer).setVaspRegistry(next);

  describe("requires", () => {
    it("reverts with AccessManagedUnauthorized(stranger) without the role", async () => {
      await expect(world.coin.connect(world.stranger).setVaspRegistry(world.stranger))
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
    it("the new registry sets families, the old one no longer, every account keeps its own, and nothing else changes", async () => {
      const { coin, payer, registry, stranger } = world;
      await join(world, payer, 3n);
      const before = await observe(world);
      await set(stranger);
      const after = changed(before, (state) => {
        state.registry = stranger.address;
      });
      expect(await observe(world)).to.deep.equal(after);
      await coin.connect(stranger).setVasp(payer, 4n);
      await expect(registry.setVasp(payer, 5n))
        .to.be.revertedWithCustomError(coin, "StablecoinCallerNotRegistry")
        .withArgs(registry.target, stranger.address);
      expect((await coin.accountOf(payer)).vasp).to.equal(4n);
    });

    it("only the new registry is asked", async () => {
      const { coin, ethers, payee, payer, registry } = world;
      await join(world, payer, 1n);
      await join(world, payee, 2n);
      await limitTravel(world, 0n);
      const next = await ethers.deployContract("CoinMockRegistry", [coin.target]);
      await set(next);
      await coin.connect(payer).transfer(payee, 1n);
      expect([await registry.asked(), await next.asked()]).to.deep.equal([0n, 1n]);
    });
  });

  describe("emits", () => {
    it("VaspRegistryChanged with the old and the new one", async () => {
      const old = await world.registry.getAddress();
      const events = await eventsOf(world, set(world.stranger));
      expect(events).to.deep.equal([["VaspRegistryChanged", old, world.stranger.address]]);
    });
  });
});
