import { expect } from "chai";
import { ZeroAddress } from "ethers";
import type { RedemptionWorld } from "../../support/redemption.ts";
import { deployRedemption } from "../../support/redemption.ts";
import { createLoader, readTreasury } from "../../support/treasury.ts";

const load = await createLoader(deployRedemption);

describe("Treasury.setRedemptions", () => {
  let w: RedemptionWorld;
  let escrow: string;

  beforeEach(async () => {
    w = await load();
    escrow = await w.escrow.getAddress();
    await w.treasury.setRedemptions(w.coin, ZeroAddress);
  });

  describe("requires", () => {
    it("reverts with AccessManagedUnauthorized(agent) without the role", async () => {
      await expect(w.treasury.connect(w.agent).setRedemptions(w.coin, escrow))
        .to.be.revertedWithCustomError(w.treasury, "AccessManagedUnauthorized")
        .withArgs(w.agent.address);
    });

    it("reverts with TreasuryEscrowUnknown(coin, stranger) for an account the coin has not flagged", async () => {
      await expect(w.treasury.setRedemptions(w.coin, w.stranger))
        .to.be.revertedWithCustomError(w.treasury, "TreasuryEscrowUnknown")
        .withArgs(await w.coin.getAddress(), w.stranger.address);
    });
  });

  describe("ensures", () => {
    it("the escrow is named, and unnamed by zero, nothing else changes", async () => {
      const before = await readTreasury(w);
      await w.treasury.setRedemptions(w.coin, escrow);
      expect(await readTreasury(w)).to.deep.equal({ ...before, redemptions: escrow });
      await w.treasury.setRedemptions(w.coin, ZeroAddress);
      expect(await readTreasury(w)).to.deep.equal(before);
    });
  });

  describe("emits", () => {
    it("RedemptionsChanged(coin, 0, escrow), then (coin, escrow, 0)", async () => {
      const coin = await w.coin.getAddress();
      await expect(w.treasury.setRedemptions(coin, escrow))
        .to.emit(w.treasury, "RedemptionsChanged")
        .withArgs(coin, ZeroAddress, escrow);
      await expect(w.treasury.setRedemptions(coin, ZeroAddress))
        .to.emit(w.treasury, "RedemptionsChanged")
        .withArgs(coin, escrow, ZeroAddress);
    });
  });
});
