import { expect } from "chai";
import { ZeroAddress } from "ethers";
import type { RedemptionWorld } from "../../../support/redemption.ts";
import {
  BANK_REFERENCE,
  REDEEMED,
  deployRedemption,
  lock,
  reach,
  readRedemption,
} from "../../../support/redemption.ts";
import { createLoader } from "../../../support/treasury.ts";

const load = await createLoader(deployRedemption);

describe("RedemptionEscrow.burnPending", () => {
  let w: RedemptionWorld;
  const burnPending = () => w.escrow.connect(w.stranger).burnPending(w.coin);

  beforeEach(async () => {
    w = await load();
    await reach(w, "sent");
    await w.coin.pause(8);
    await w.escrow.connect(w.agent).confirm(w.id, BANK_REFERENCE);
  });

  describe("requires", () => {
    it("reverts with RedemptionNothingToBurn(coin) when nothing waits", async () => {
      await expect(w.escrow.burnPending(w.stranger))
        .to.be.revertedWithCustomError(w.escrow, "RedemptionNothingToBurn")
        .withArgs(w.stranger.address);
    });

    it("reverts with RedemptionNothingToBurn(coin) the second time", async () => {
      await w.coin.unpause(8);
      await burnPending();
      await expect(burnPending())
        .to.be.revertedWithCustomError(w.escrow, "RedemptionNothingToBurn")
        .withArgs(await w.coin.getAddress());
    });

    it("reverts with the coin's StablecoinPaused(8) while burning is paused, and the amount goes on waiting", async () => {
      await expect(burnPending()).to.be.revertedWithCustomError(w.coin, "StablecoinPaused").withArgs(8);
      expect(await w.escrow.toBurn(w.coin)).to.equal(REDEEMED);
    });
  });

  describe("ensures", () => {
    it("what waited is burned, other redemptions and everything else stay", async () => {
      await lock(w, { ...w.terms, salt: BANK_REFERENCE });
      await w.coin.unpause(8);
      const before = await readRedemption(w);
      await burnPending();
      expect(await readRedemption(w)).to.deep.equal({
        ...before,
        escrow: before.escrow - REDEEMED,
        supply: before.supply - REDEEMED,
        held: before.held - REDEEMED,
        toBurn: before.toBurn - REDEEMED,
      });
    });
  });

  describe("emits", () => {
    it("RedemptionPendingBurned(coin, caller, amount) and the coin's Transfer to zero", async () => {
      await w.coin.unpause(8);
      await expect(burnPending())
        .to.emit(w.escrow, "RedemptionPendingBurned")
        .withArgs(await w.coin.getAddress(), w.stranger.address, REDEEMED)
        .and.to.emit(w.coin, "Transfer")
        .withArgs(await w.escrow.getAddress(), ZeroAddress, REDEEMED);
    });
  });
});
