import { expect } from "chai";
import { MaxUint256 } from "ethers";
import type { RedemptionWorld } from "../../../support/redemption.ts";
import {
  BANK_REFERENCE,
  REDEEMED,
  STATE,
  deployRedemption,
  reach,
  readRedemption,
} from "../../../support/redemption.ts";
import { createLoader } from "../../../support/treasury.ts";

const load = await createLoader(deployRedemption);

describe("RedemptionEscrow.setSecondKeyLimit", () => {
  let w: RedemptionWorld;

  beforeEach(async () => {
    w = await load();
  });

  describe("requires", () => {
    it("reverts with AccessManagedUnauthorized(agent) without the role", async () => {
      await expect(w.escrow.connect(w.agent).setSecondKeyLimit(w.coin, 1n))
        .to.be.revertedWithCustomError(w.escrow, "AccessManagedUnauthorized")
        .withArgs(w.agent.address);
    });

    it("reverts with EscrowCoinUnknown(stranger) for a coin that is not listed", async () => {
      await expect(w.escrow.setSecondKeyLimit(w.stranger, 1n))
        .to.be.revertedWithCustomError(w.escrow, "EscrowCoinUnknown")
        .withArgs(w.stranger.address);
    });
  });

  describe("ensures", () => {
    for (const limit of [0n, 1n, REDEEMED, MaxUint256]) {
      it(`the limit is ${limit}, nothing else changes`, async () => {
        const before = await readRedemption(w);
        expect(before.limit).to.equal(MaxUint256);
        await w.escrow.setSecondKeyLimit(w.coin, limit);
        expect(await readRedemption(w)).to.deep.equal({ ...before, limit });
      });
    }

    it("it is off again with 2^256 - 1", async () => {
      await reach(w, "accepted");
      await w.escrow.setSecondKeyLimit(w.coin, 0n);
      await w.escrow.setSecondKeyLimit(w.coin, MaxUint256);
      await w.escrow.connect(w.agent).markSent(w.id, BANK_REFERENCE);
      expect(await w.escrow.stateOf(w.id)).to.equal(STATE.sent);
    });
  });

  describe("emits", () => {
    it("RedemptionSecondKeyLimitChanged(coin, 2^256 - 1, 7), then (coin, 7, 7)", async () => {
      const coin = await w.coin.getAddress();
      await expect(w.escrow.setSecondKeyLimit(coin, 7n))
        .to.emit(w.escrow, "RedemptionSecondKeyLimitChanged")
        .withArgs(coin, MaxUint256, 7n);
      await expect(w.escrow.setSecondKeyLimit(coin, 7n))
        .to.emit(w.escrow, "RedemptionSecondKeyLimitChanged")
        .withArgs(coin, 7n, 7n);
    });
  });
});
