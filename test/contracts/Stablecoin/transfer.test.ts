/** Plain payments: the transfer checks by call, in their order, and all that they leave alone. */
import { expect } from "chai";
import { ZeroAddress } from "ethers";
import {
  changed,
  eventsOf,
  FUNDS,
  freeze,
  fundEscrow,
  loadWorld,
  move,
  type Observed,
  observe,
  PAUSE,
  pause,
  VALUE,
  type World,
} from "../../support/coin.ts";

describe("Stablecoin.transfer", () => {
  let world: World;

  beforeEach(async () => {
    world = await loadWorld();
  });

  const transfer = (to: string, amount = VALUE) => world.coin.connect(world.payer).transfer(to, amount);

  describe("requires", () => {
    it("reverts with StablecoinPaused(1) while transfers are paused", async () => {
      await pause(world, PAUSE.transfer);
      await expect(transfer(world.payee.address, 0n))
        .to.be.revertedWithCustomError(world.coin, "StablecoinPaused")
        .withArgs(1n);
    });

    it("reverts with StablecoinFrozen(payer) when the payer is frozen whole", async () => {
      await freeze(world, world.payer);
      await expect(transfer(world.payee.address, 0n))
        .to.be.revertedWithCustomError(world.coin, "StablecoinFrozen")
        .withArgs(world.payer.address);
    });

    it("reverts with StablecoinEscrowRefusesDebit(escrow) when the payer is an escrow", async () => {
      const data = world.coin.interface.encodeFunctionData("transfer", [world.payee.address, 0n]);
      await expect(world.escrow.call(data))
        .to.be.revertedWithCustomError(world.coin, "StablecoinEscrowRefusesDebit")
        .withArgs(world.escrow);
    });

    it("reverts with ERC20InsufficientBalance(payer, balance, balance + 1)", async () => {
      await expect(transfer(world.payee.address, FUNDS + 1n))
        .to.be.revertedWithCustomError(world.coin, "ERC20InsufficientBalance")
        .withArgs(world.payer.address, FUNDS, FUNDS + 1n);
    });

    it("reverts with ERC20InsufficientUnfrozen(payer, 99, 100) when all but 99 is frozen", async () => {
      await freeze(world, world.payer, FUNDS - 99n);
      await expect(transfer(world.payee.address, 100n))
        .to.be.revertedWithCustomError(world.coin, "ERC20InsufficientUnfrozen")
        .withArgs(world.payer.address, 99n, 100n);
    });

    it("reverts with ERC20InsufficientUnfrozen(payer, 0, 1) when more than the balance is frozen", async () => {
      await freeze(world, world.payer, FUNDS + 1n);
      await expect(transfer(world.payee.address, 1n))
        .to.be.revertedWithCustomError(world.coin, "ERC20InsufficientUnfrozen")
        .withArgs(world.payer.address, 0n, 1n);
    });

    it("reverts with ERC20InvalidReceiver(0)", async () => {
      await expect(transfer(ZeroAddress))
        .to.be.revertedWithCustomError(world.coin, "ERC20InvalidReceiver")
        .withArgs(ZeroAddress);
    });

    it("reverts with ERC20InvalidReceiver(coin)", async () => {
      await expect(transfer(await world.coin.getAddress()))
        .to.be.revertedWithCustomError(world.coin, "ERC20InvalidReceiver")
        .withArgs(world.coin);
    });

    it("reverts with StablecoinFrozen(payee) when the payee is frozen whole", async () => {
      await freeze(world, world.payee);
      await expect(transfer(world.payee.address, 0n))
        .to.be.revertedWithCustomError(world.coin, "StablecoinFrozen")
        .withArgs(world.payee.address);
    });

    it("reverts with StablecoinEscrowRefusesCredit(escrow) when the payee is an escrow", async () => {
      await expect(transfer(await world.escrow.getAddress(), 0n))
        .to.be.revertedWithCustomError(world.coin, "StablecoinEscrowRefusesCredit")
        .withArgs(world.escrow);
    });
  });

  describe("ensures", () => {
    async function expectMoved(to: Observed, amount: bigint): Promise<void> {
      const before = await observe(world);
      await transfer(await world[to].getAddress(), amount);
      expect(await observe(world)).to.deep.equal(changed(before, (state) => move(state, "payer", to, amount)));
    }

    it("moves the amount", async () => expectMoved("payee", VALUE));

    it("moves an amount of 0", async () => expectMoved("payee", 0n));

    it("moves the whole balance", async () => expectMoved("payee", FUNDS));

    it("opens the account of a new payee", async () => expectMoved("stranger", 1n));

    it("leaves the balance of a payer that pays itself", async () => expectMoved("payer", FUNDS));

    it("moves all that is not frozen", async () => {
      await freeze(world, world.payer, FUNDS - VALUE);
      await expectMoved("payee", VALUE);
    });

    it("pays a payee whose coins are partly frozen", async () => {
      await freeze(world, world.payee, FUNDS);
      await expectMoved("payee", VALUE);
    });

    it("goes on under all the other pause bits", async () => {
      await pause(world, PAUSE.authorization | PAUSE.mint | PAUSE.burn | PAUSE.freeze | PAUSE.seize);
      await expectMoved("payee", VALUE);
    });

    it("pays nothing out of what the payer put into an escrow", async () => {
      await fundEscrow(world, VALUE);
      await expectMoved("payee", FUNDS - VALUE);
    });

    it("returns true", async () => {
      const { coin, payee, payer } = world;
      expect(await coin.connect(payer).transfer.staticCall(payee.address, VALUE)).to.equal(true);
    });
  });

  describe("emits", () => {
    for (const [title, to, amount] of [
      ["a payment", "payee", VALUE],
      ["a payment of 0", "payee", 0n],
      ["a payment to oneself", "payer", VALUE],
    ] as const) {
      it(`one Transfer for ${title}`, async () => {
        const events = await eventsOf(world, transfer(world[to].address, amount));
        expect(events).to.deep.equal([["Transfer", world.payer.address, world[to].address, amount]]);
      });
    }
  });
});
