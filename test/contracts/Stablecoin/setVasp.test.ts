/** Families: set by the registry alone, on accounts that can have one. */
import { expect } from "chai";
import { type Addressable, ZeroAddress } from "ethers";
import {
  changed,
  createTerms,
  eventsOf,
  freeze,
  loadWorld,
  type Observed,
  observe,
  pause,
  signRow,
  toNonce,
  VALUE,
  type World,
} from "../../support/coin.ts";

describe("Stablecoin.setVasp", () => {
  let world: World;

  beforeEach(async () => {
    world = await loadWorld();
  });

  const set = (account: Addressable | string, vasp: bigint) => world.registry.setVasp(account, vasp);

  describe("requires", () => {
    it("reverts with StablecoinCallerNotRegistry(treasurer, registry) for anybody else", async () => {
      await expect(world.coin.connect(world.treasurer).setVasp(world.payer, 1n))
        .to.be.revertedWithCustomError(world.coin, "StablecoinCallerNotRegistry")
        .withArgs(world.treasurer.address, world.registry.target);
    });

    it("reverts with StablecoinCallerNotRegistry(admin, 0) while there is no registry", async () => {
      const { admin, ethers, manager, payer } = world;
      const fresh = await ethers.deployContract("Stablecoin", [manager.target, "Remesa Quetzal", "XGT", "1"]);
      await expect(fresh.connect(admin).setVasp(payer, 1n))
        .to.be.revertedWithCustomError(fresh, "StablecoinCallerNotRegistry")
        .withArgs(admin.address, ZeroAddress);
    });

    it("reverts with StablecoinAccountInvalid(0)", async () => {
      await expect(set(ZeroAddress, 1n))
        .to.be.revertedWithCustomError(world.coin, "StablecoinAccountInvalid")
        .withArgs(ZeroAddress);
    });

    for (const name of ["coin", "treasury", "escrow"] as const) {
      it(`reverts with StablecoinAccountInvalid(${name})`, async () => {
        await expect(set(world[name], 1n))
          .to.be.revertedWithCustomError(world.coin, "StablecoinAccountInvalid")
          .withArgs(world[name]);
      });
    }

    for (const vasp of [65_536n, 2n ** 256n - 1n]) {
      it(`reverts with StablecoinVaspInvalid(${vasp}, 65535)`, async () => {
        await expect(set(world.payer, vasp))
          .to.be.revertedWithCustomError(world.coin, "StablecoinVaspInvalid")
          .withArgs(vasp, 65_535n);
      });
    }
  });

  describe("ensures", () => {
    async function expectSet(account: Observed, vasp: bigint): Promise<void> {
      const before = await observe(world);
      await set(world[account], vasp);
      const after = changed(before, (state) => {
        state.accounts[account].vasp = vasp;
      });
      expect(await observe(world)).to.deep.equal(after);
    }

    for (const vasp of [1n, 65_535n]) {
      it(`sets the family ${vasp} and nothing else`, async () => expectSet("payer", vasp));
    }

    it("replaces a family and takes it away", async () => {
      await expectSet("payer", 65_535n);
      await expectSet("payer", 2n);
      await expectSet("payer", 0n);
    });

    it("keeps the freeze and the family apart", async () => {
      await freeze(world, world.payer, VALUE);
      await expectSet("payer", 65_535n);
      await freeze(world, world.payer);
      await expectSet("payer", 0n);
    });

    it("keeps its neighbours in the account's word: the last nonce of the window and the flags", async () => {
      const terms = await createTerms(world, { nonce: toNonce(63n), value: 1n });
      await world.coin.connect(world.relayer).settle(await signRow(world, world.payer, terms));
      await freeze(world, world.payer);
      for (const vasp of [65_535n, 32_768n, 1n, 0n]) await expectSet("payer", vasp);
    });

    it("works while everything is paused, and on an account that holds nothing", async () => {
      await pause(world, 63n);
      await expectSet("stranger", 3n);
    });

    it("takes the custody account", async () => expectSet("custody", 3n));
  });

  describe("emits", () => {
    it("VaspChanged with the old and the new one", async () => {
      expect(await eventsOf(world, set(world.payer, 3n))).to.deep.equal([["VaspChanged", world.payer.address, 0n, 3n]]);
      expect(await eventsOf(world, set(world.payer, 4n))).to.deep.equal([["VaspChanged", world.payer.address, 3n, 4n]]);
    });
  });
});
