/** Minting: one caller, one cap, and payees that may receive. */
import { expect } from "chai";
import { type Addressable, ZeroAddress } from "ethers";
import {
  ANSWER,
  changed,
  eventsOf,
  FUNDS,
  freeze,
  join,
  limitTravel,
  loadWorld,
  type Observed,
  observe,
  PAUSE,
  pause,
  SUPPLY_CAP,
  VALUE,
  WHOLE,
  type World,
} from "../../support/coin.ts";

/** What the world starts with: four funded accounts. */
const SUPPLY = 4n * FUNDS;

describe("Stablecoin.mint", () => {
  let world: World;

  beforeEach(async () => {
    world = await loadWorld();
  });

  const mint = (to: Addressable | string, amount = VALUE) => world.coin.connect(world.treasury).mint(to, amount);

  describe("requires", () => {
    it("reverts with StablecoinCallerNotTreasury(admin, treasury) for anybody else, the admin included", async () => {
      await expect(world.coin.connect(world.admin).mint(world.payee, 1n))
        .to.be.revertedWithCustomError(world.coin, "StablecoinCallerNotTreasury")
        .withArgs(world.admin.address, world.treasury.address);
    });

    it("reverts with StablecoinPaused(4) while minting is paused", async () => {
      await pause(world, PAUSE.mint);
      await expect(mint(world.payee)).to.be.revertedWithCustomError(world.coin, "StablecoinPaused").withArgs(4n);
    });

    it("reverts with ERC20InvalidReceiver(0)", async () => {
      await expect(mint(ZeroAddress))
        .to.be.revertedWithCustomError(world.coin, "ERC20InvalidReceiver")
        .withArgs(ZeroAddress);
    });

    it("reverts with ERC20InvalidReceiver(coin)", async () => {
      await expect(mint(world.coin))
        .to.be.revertedWithCustomError(world.coin, "ERC20InvalidReceiver")
        .withArgs(world.coin);
    });

    it("reverts with StablecoinSupplyCapExceeded(cap + 1, cap) one unit above the cap", async () => {
      await expect(mint(world.payee, SUPPLY_CAP - SUPPLY + 1n))
        .to.be.revertedWithCustomError(world.coin, "StablecoinSupplyCapExceeded")
        .withArgs(SUPPLY_CAP + 1n, SUPPLY_CAP);
    });

    it("reverts with StablecoinSupplyCapExceeded(2^256 - 1, cap) for an amount that would overflow", async () => {
      await expect(mint(world.payee, WHOLE))
        .to.be.revertedWithCustomError(world.coin, "StablecoinSupplyCapExceeded")
        .withArgs(WHOLE, SUPPLY_CAP);
    });

    it("reverts with StablecoinFrozen(payee) when the payee is frozen whole", async () => {
      await freeze(world, world.payee);
      await expect(mint(world.payee))
        .to.be.revertedWithCustomError(world.coin, "StablecoinFrozen")
        .withArgs(world.payee.address);
    });

    it("reverts with StablecoinEscrowRefusesCredit(escrow) when the payee is an escrow", async () => {
      await expect(mint(world.escrow))
        .to.be.revertedWithCustomError(world.coin, "StablecoinEscrowRefusesCredit")
        .withArgs(world.escrow);
    });
  });

  describe("ensures", () => {
    async function expectMinted(to: Observed, amount: bigint): Promise<void> {
      const before = await observe(world);
      await mint(world[to], amount);
      const after = changed(before, (state) => {
        state.accounts[to].balance += amount;
        state.totalSupply += amount;
      });
      expect(await observe(world)).to.deep.equal(after);
    }

    it("creates the amount for a holder", async () => expectMinted("payee", VALUE));

    it("creates the amount for a new account", async () => expectMinted("stranger", VALUE));

    it("creates the amount for the treasury itself", async () => expectMinted("treasury", VALUE));

    it("creates 0", async () => expectMinted("payee", 0n));

    it("fills the supply up to the cap", async () => {
      await expectMinted("payee", SUPPLY_CAP - SUPPLY);
      expect(await world.coin.totalSupply()).to.equal(SUPPLY_CAP);
    });

    it("creates for a payee whose coins are partly frozen", async () => {
      await freeze(world, world.payee, FUNDS);
      await expectMinted("payee", VALUE);
    });

    it("returns the supply afterwards", async () => {
      const { coin, payee, treasury } = world;
      expect(await coin.connect(treasury).mint.staticCall(payee, VALUE)).to.equal(SUPPLY + VALUE);
    });

    it("asks nobody for an attestation between families", async () => {
      await join(world, world.payee, 1n);
      await limitTravel(world, 0n);
      await world.registry.setAnswer(ANSWER.no);
      await expectMinted("payee", VALUE);
      expect(await world.registry.asked()).to.equal(0n);
    });

    it("goes on under all the other pause bits", async () => {
      await pause(world, 63n - PAUSE.mint);
      await expectMinted("payee", VALUE);
    });
  });

  describe("emits", () => {
    it("Transfer from zero", async () => {
      const events = await eventsOf(world, mint(world.payee));
      expect(events).to.deep.equal([["Transfer", ZeroAddress, world.payee.address, VALUE]]);
    });
  });
});
