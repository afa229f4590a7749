/** The way out of an escrow: its own checks, and what no pause and no freeze of others can stop. */
import { expect } from "chai";
import { type Addressable, ZeroAddress } from "ethers";
import {
  changed,
  eventsOf,
  freeze,
  fundEscrow,
  loadWorld,
  move,
  type Observed,
  observe,
  pause,
  VALUE,
  type World,
} from "../../support/coin.ts";

describe("Stablecoin.payFrom", () => {
  let world: World;

  beforeEach(async () => {
    world = await loadWorld();
    await fundEscrow(world, VALUE);
  });

  const pay = (to: Addressable | string, amount = VALUE) => world.escrow.payFrom(world.payer, to, amount);

  describe("requires", () => {
    it("reverts with StablecoinCallerNotEscrow(payer) for a holder", async () => {
      await expect(world.coin.connect(world.payer).payFrom(world.payer, world.payee, 0n))
        .to.be.revertedWithCustomError(world.coin, "StablecoinCallerNotEscrow")
        .withArgs(world.payer.address);
    });

    it("reverts with StablecoinCallerNotEscrow(unflagged) for the same code without the flag", async () => {
      await expect(world.unflagged.payFrom(world.payer, world.payee, 0n))
        .to.be.revertedWithCustomError(world.coin, "StablecoinCallerNotEscrow")
        .withArgs(world.unflagged);
    });

    it("reverts with StablecoinAccountInvalid(0) without a payer", async () => {
      await expect(world.escrow.payFrom(ZeroAddress, world.payee, 1n))
        .to.be.revertedWithCustomError(world.coin, "StablecoinAccountInvalid")
        .withArgs(ZeroAddress);
    });

    it("reverts with ERC20InsufficientBalance(escrow, balance, balance + 1)", async () => {
      await expect(pay(world.payee, VALUE + 1n))
        .to.be.revertedWithCustomError(world.coin, "ERC20InsufficientBalance")
        .withArgs(world.escrow, VALUE, VALUE + 1n);
    });

    it("reverts with ERC20InvalidReceiver(0)", async () => {
      await expect(pay(ZeroAddress))
        .to.be.revertedWithCustomError(world.coin, "ERC20InvalidReceiver")
        .withArgs(ZeroAddress);
    });

    it("reverts with ERC20InvalidReceiver(coin)", async () => {
      await expect(pay(world.coin))
        .to.be.revertedWithCustomError(world.coin, "ERC20InvalidReceiver")
        .withArgs(world.coin);
    });

    it("reverts with StablecoinEscrowRefusesCredit(other) when the payee is another escrow", async () => {
      await world.coin.connect(world.registrar).flagEscrow(world.unflagged);
      await expect(pay(world.unflagged))
        .to.be.revertedWithCustomError(world.coin, "StablecoinEscrowRefusesCredit")
        .withArgs(world.unflagged);
    });
  });

  describe("ensures", () => {
    async function expectPaid(to: Observed, amount = VALUE): Promise<void> {
      const before = await observe(world);
      await pay(world[to], amount);
      expect(await observe(world)).to.deep.equal(changed(before, (state) => move(state, "escrow", to, amount)));
    }

    it("pays the payee", async () => expectPaid("payee"));

    it("pays back the payer", async () => expectPaid("payer"));

    it("pays 0", async () => expectPaid("payee", 0n));

    it("pays a new account", async () => expectPaid("stranger"));

    it("leaves the balance when the escrow pays itself", async () => expectPaid("escrow"));

    it("pays a payee that is frozen whole, where the coins stay", async () => {
      await freeze(world, world.payee);
      await expectPaid("payee");
      await expect(world.coin.connect(world.payee).transfer(world.payer, 1n))
        .to.be.revertedWithCustomError(world.coin, "StablecoinFrozen")
        .withArgs(world.payee.address);
    });

    it("pays while the payer is frozen whole and everything is paused", async () => {
      await freeze(world, world.payer);
      await pause(world, 63n);
      await expectPaid("payee");
    });
  });

  describe("emits", () => {
    it("Transfer from the escrow and nothing else", async () => {
      const events = await eventsOf(world, pay(world.payee));
      expect(events).to.deep.equal([["Transfer", world.escrow.target, world.payee.address, VALUE]]);
    });
  });
});
