/** Burning: a role, and only of one's own balance. */
import { expect } from "chai";
import { ZeroAddress } from "ethers";
import {
  changed,
  eventsOf,
  FUNDS,
  freeze,
  fundEscrow,
  loadWorld,
  type Observed,
  observe,
  PAUSE,
  pause,
  VALUE,
  type World,
} from "../../support/coin.ts";

describe("Stablecoin.burn", () => {
  let world: World;

  beforeEach(async () => {
    world = await loadWorld();
  });

  const burn = (amount = VALUE) => world.coin.connect(world.burner).burn(amount);

  describe("requires", () => {
    it("reverts with AccessManagedUnauthorized(payer) for a holder without the role", async () => {
      await expect(world.coin.connect(world.payer).burn(1n))
        .to.be.revertedWithCustomError(world.coin, "AccessManagedUnauthorized")
        .withArgs(world.payer.address);
    });

    it("reverts with StablecoinPaused(8) while burning is paused", async () => {
      await pause(world, PAUSE.burn);
      await expect(burn()).to.be.revertedWithCustomError(world.coin, "StablecoinPaused").withArgs(8n);
    });

    it("reverts with StablecoinFrozen(burner) when the caller is frozen whole", async () => {
      await freeze(world, world.burner);
      await expect(burn(0n))
        .to.be.revertedWithCustomError(world.coin, "StablecoinFrozen")
        .withArgs(world.burner.address);
    });

    it("reverts with ERC20InsufficientBalance(burner, balance, balance + 1)", async () => {
      await expect(burn(FUNDS + 1n))
        .to.be.revertedWithCustomError(world.coin, "ERC20InsufficientBalance")
        .withArgs(world.burner.address, FUNDS, FUNDS + 1n);
    });

    it("reverts with ERC20InsufficientUnfrozen(burner, value - 1, value)", async () => {
      await freeze(world, world.burner, FUNDS - VALUE + 1n);
      await expect(burn())
        .to.be.revertedWithCustomError(world.coin, "ERC20InsufficientUnfrozen")
        .withArgs(world.burner.address, VALUE - 1n, VALUE);
    });
  });

  describe("ensures", () => {
    async function expectBurned(holder: Observed, amount: bigint, act: () => Promise<unknown>): Promise<void> {
      const before = await observe(world);
      await act();
      const after = changed(before, (state) => {
        state.accounts[holder].balance -= amount;
        state.totalSupply -= amount;
      });
      expect(await observe(world)).to.deep.equal(after);
    }

    it("destroys the amount", async () => expectBurned("burner", VALUE, () => burn()));

    it("destroys 0", async () => expectBurned("burner", 0n, () => burn(0n)));

    it("destroys the whole balance", async () => expectBurned("burner", FUNDS, () => burn(FUNDS)));

    it("destroys all that is not frozen", async () => {
      await freeze(world, world.burner, FUNDS - VALUE);
      await expectBurned("burner", VALUE, () => burn());
    });

    it("destroys what an escrow holds", async () => {
      await fundEscrow(world, VALUE);
      await expectBurned("escrow", VALUE, () => world.escrow.burn(VALUE));
    });

    it("goes on under all the other pause bits", async () => {
      await pause(world, 63n - PAUSE.burn);
      await expectBurned("burner", VALUE, () => burn());
    });
  });

  describe("emits", () => {
    it("Transfer to zero", async () => {
      const events = await eventsOf(world, burn());
      expect(events).to.deep.equal([["Transfer", world.burner.address, ZeroAddress, VALUE]]);
    });
  });
});
