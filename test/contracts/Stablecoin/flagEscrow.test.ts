/** Registering an escrow: who can be one, and what the coin does for and against it from then on. */
import { expect } from "chai";
import type { Addressable } from "ethers";
import {
  CASE,
  changed,
  createTerms,
  delegate,
  ESCROW,
  eventsOf,
  FORM,
  freeze,
  join,
  loadWorld,
  observe,
  sign,
  type World,
} from "../../support/coin.ts";

describe("Stablecoin.flagEscrow", () => {
  let world: World;

  beforeEach(async () => {
    world = await loadWorld();
  });

  const flag = (account: Addressable) => world.coin.connect(world.registrar).flagEscrow(account);

  async function expectNotClean(account: Addressable): Promise<void> {
    const word = await world.coin.wordOf(account);
    await expect(flag(account))
      .to.be.revertedWithCustomError(world.coin, "StablecoinEscrowNotClean")
      .withArgs(account, word);
  }

  describe("requires", () => {
    it("reverts with AccessManagedUnauthorized(treasurer) for another role", async () => {
      await expect(world.coin.connect(world.treasurer).flagEscrow(world.unflagged))
        .to.be.revertedWithCustomError(world.coin, "AccessManagedUnauthorized")
        .withArgs(world.treasurer.address);
    });

    for (const name of ["coin", "treasury", "custody", "registry"] as const) {
      it(`reverts with StablecoinAccountInvalid(${name})`, async () => {
        await expect(flag(world[name]))
          .to.be.revertedWithCustomError(world.coin, "StablecoinAccountInvalid")
          .withArgs(world[name]);
      });
    }

    it("reverts with StablecoinEscrowCodeInvalid(stranger) without code", async () => {
      await expect(flag(world.stranger))
        .to.be.revertedWithCustomError(world.coin, "StablecoinEscrowCodeInvalid")
        .withArgs(world.stranger.address);
    });

    it("reverts with StablecoinEscrowCodeInvalid(stranger) for a delegated account", async () => {
      await delegate(world, world.stranger.address, `${world.unflagged.target}`);
      await expect(flag(world.stranger))
        .to.be.revertedWithCustomError(world.coin, "StablecoinEscrowCodeInvalid")
        .withArgs(world.stranger.address);
    });

    it("reverts with StablecoinEscrowNotClean(account, word) with a balance of 1", async () => {
      await world.coin.connect(world.payer).transfer(world.unflagged, 1n);
      await expectNotClean(world.unflagged);
    });

    it("reverts with StablecoinEscrowNotClean(account, word) with 1 unit frozen", async () => {
      await freeze(world, world.unflagged, 1n);
      await expectNotClean(world.unflagged);
    });

    it("reverts with StablecoinEscrowNotClean(account, word) when frozen whole", async () => {
      await freeze(world, world.unflagged);
      await expectNotClean(world.unflagged);
    });

    it("reverts with StablecoinEscrowNotClean(account, word) with a case under which nothing is left frozen", async () => {
      const { coin, payer, seizer, unflagged } = world;
      await coin.connect(payer).transfer(unflagged, 1n);
      await freeze(world, unflagged, 1n);
      await coin.connect(seizer).seize(unflagged, 1n, CASE);
      expect(await coin.wordOf(unflagged)).to.equal(0n);
      await expectNotClean(unflagged);
    });

    it("reverts with StablecoinEscrowNotClean(account, word) with a family", async () => {
      await join(world, world.unflagged, 1n);
      await expectNotClean(world.unflagged);
    });

    it("reverts with StablecoinEscrowNotClean(account, word) for an escrow", async () => {
      await expectNotClean(world.escrow);
    });
  });

  describe("ensures", () => {
    it("sets the flag and nothing else", async () => {
      const before = await observe(world);
      await flag(world.unflagged);
      const after = changed(before, (state) => {
        state.accounts.unflagged.flags = ESCROW;
      });
      expect(await observe(world)).to.deep.equal(after);
      expect(await world.coin.isEscrow(world.unflagged)).to.equal(true);
    });

    it("takes an account that has spent nonces", async () => {
      const wallet = await world.ethers.deployContract("CoinMockWallet", [world.payer.address]);
      const terms = await createTerms(world, { from: await wallet.getAddress() });
      const message = { authorizer: terms.from, nonce: terms.nonce };
      const signature = await sign(world, world.payer, "CancelAuthorization", message);
      await world.coin[FORM.cancelBytes](message.authorizer, message.nonce, signature);
      await flag(wallet);
      const { escrow, nonceBase } = await world.coin.accountOf(wallet);
      expect([escrow, nonceBase]).to.deep.equal([true, 1n]);
    });
  });

  describe("emits", () => {
    it("EscrowFlagged", async () => {
      const events = await eventsOf(world, flag(world.unflagged));
      expect(events).to.deep.equal([["EscrowFlagged", world.unflagged.target]]);
    });
  });
});
