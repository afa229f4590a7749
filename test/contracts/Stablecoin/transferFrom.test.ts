/** Payments under an allowance: the spender's own checks, then the transfer checks. */
import { expect } from "chai";
import { ZeroAddress } from "ethers";
import {
  changed,
  eventsOf,
  FUNDS,
  freeze,
  loadWorld,
  move,
  observe,
  PAUSE,
  pause,
  VALUE,
  WHOLE,
  type World,
} from "../../support/coin.ts";

describe("Stablecoin.transferFrom", () => {
  let world: World;

  beforeEach(async () => {
    world = await loadWorld();
    await world.coin.connect(world.payer).approve(world.spender, VALUE);
  });

  const transferFrom = (to: string, amount = VALUE) => {
    return world.coin.connect(world.spender).transferFrom(world.payer.address, to, amount);
  };

  describe("requires", () => {
    it("reverts with StablecoinPaused(1) while transfers are paused", async () => {
      await pause(world, PAUSE.transfer);
      await expect(transferFrom(world.payee.address))
        .to.be.revertedWithCustomError(world.coin, "StablecoinPaused")
        .withArgs(1n);
    });

    it("reverts with StablecoinFrozen(spender) when the spender is frozen whole", async () => {
      await freeze(world, world.spender);
      await expect(transferFrom(world.payee.address))
        .to.be.revertedWithCustomError(world.coin, "StablecoinFrozen")
        .withArgs(world.spender.address);
    });

    it("reverts with ERC20InsufficientAllowance(spender, allowance, allowance + 1)", async () => {
      await expect(transferFrom(world.payee.address, VALUE + 1n))
        .to.be.revertedWithCustomError(world.coin, "ERC20InsufficientAllowance")
        .withArgs(world.spender.address, VALUE, VALUE + 1n);
    });

    it("reverts with StablecoinFrozen(payer) when the payer is frozen whole", async () => {
      await freeze(world, world.payer);
      await expect(transferFrom(world.payee.address))
        .to.be.revertedWithCustomError(world.coin, "StablecoinFrozen")
        .withArgs(world.payer.address);
    });

    it("reverts with StablecoinEscrowRefusesDebit(escrow) under the allowance of an escrow", async () => {
      const data = world.coin.interface.encodeFunctionData("approve", [world.spender.address, WHOLE]);
      await world.escrow.call(data);
      await expect(world.coin.connect(world.spender).transferFrom(world.escrow, world.payee, 0n))
        .to.be.revertedWithCustomError(world.coin, "StablecoinEscrowRefusesDebit")
        .withArgs(world.escrow);
    });

    it("reverts with ERC20InsufficientBalance(payer, balance, balance + 1)", async () => {
      await world.coin.connect(world.payer).approve(world.spender, WHOLE);
      await expect(transferFrom(world.payee.address, FUNDS + 1n))
        .to.be.revertedWithCustomError(world.coin, "ERC20InsufficientBalance")
        .withArgs(world.payer.address, FUNDS, FUNDS + 1n);
    });

    it("reverts with ERC20InsufficientUnfrozen(payer, value - 1, value)", async () => {
      await freeze(world, world.payer, FUNDS - VALUE + 1n);
      await expect(transferFrom(world.payee.address))
        .to.be.revertedWithCustomError(world.coin, "ERC20InsufficientUnfrozen")
        .withArgs(world.payer.address, VALUE - 1n, VALUE);
    });

    it("reverts with ERC20InvalidReceiver(0)", async () => {
      await expect(transferFrom(ZeroAddress))
        .to.be.revertedWithCustomError(world.coin, "ERC20InvalidReceiver")
        .withArgs(ZeroAddress);
    });

    it("reverts with StablecoinFrozen(payee) when the payee is frozen whole", async () => {
      await freeze(world, world.payee);
      await expect(transferFrom(world.payee.address))
        .to.be.revertedWithCustomError(world.coin, "StablecoinFrozen")
        .withArgs(world.payee.address);
    });

    it("reverts with StablecoinEscrowRefusesCredit(escrow) when somebody else pays an escrow", async () => {
      await expect(transferFrom(await world.escrow.getAddress()))
        .to.be.revertedWithCustomError(world.coin, "StablecoinEscrowRefusesCredit")
        .withArgs(world.escrow);
    });
  });

  describe("ensures", () => {
    it("moves the amount and takes it off the allowance", async () => {
      const before = await observe(world);
      await transferFrom(world.payee.address, VALUE - 1n);
      const after = changed(before, (state) => {
        move(state, "payer", "payee", VALUE - 1n);
        state.allowance = 1n;
      });
      expect(await observe(world)).to.deep.equal(after);
    });

    it("leaves an allowance without limit as it is", async () => {
      await world.coin.connect(world.payer).approve(world.spender, WHOLE);
      const before = await observe(world);
      await transferFrom(world.payee.address);
      const after = changed(before, (state) => move(state, "payer", "payee", VALUE));
      expect(await observe(world)).to.deep.equal(after);
    });

    it("takes from an allowance one below no limit", async () => {
      await world.coin.connect(world.payer).approve(world.spender, WHOLE - 1n);
      await transferFrom(world.payee.address);
      expect(await world.coin.allowance(world.payer, world.spender)).to.equal(WHOLE - 1n - VALUE);
    });

    it("takes 0 without an allowance", async () => {
      const before = await observe(world);
      await world.coin.connect(world.stranger).transferFrom(world.payer, world.payee, 0n);
      expect(await observe(world)).to.deep.equal(before);
    });

    it("lets a spender whose own coins are partly frozen take from others", async () => {
      await freeze(world, world.spender, 1n);
      const before = await observe(world);
      await transferFrom(world.payee.address);
      const after = changed(before, (state) => {
        move(state, "payer", "payee", VALUE);
        state.allowance = 0n;
      });
      expect(await observe(world)).to.deep.equal(after);
    });

    it("lets an escrow pull", async () => {
      await world.coin.connect(world.payer).approve(world.escrow, VALUE);
      const before = await observe(world);
      await world.escrow.pull(world.payer, VALUE);
      expect(await observe(world)).to.deep.equal(changed(before, (state) => move(state, "payer", "escrow", VALUE)));
    });

    it("returns true", async () => {
      const { coin, payee, payer, spender } = world;
      expect(await coin.connect(spender).transferFrom.staticCall(payer, payee, VALUE)).to.equal(true);
    });
  });

  describe("emits", () => {
    it("Transfer and no Approval", async () => {
      const events = await eventsOf(world, transferFrom(world.payee.address));
      expect(events).to.deep.equal([["Transfer", world.payer.address, world.payee.address, VALUE]]);
    });
  });
});
