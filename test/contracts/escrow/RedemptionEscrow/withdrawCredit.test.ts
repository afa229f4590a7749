import { expect } from "chai";
import type { HostileWorld } from "../../../support/redemption.ts";
import { REDEEMED, deployHostile, lock, reachOpen, readRedemption } from "../../../support/redemption.ts";
import { REPORT, at, createLoader } from "../../../support/treasury.ts";

const load = await createLoader(deployHostile);

describe("RedemptionEscrow.withdrawCredit", () => {
  let w: HostileWorld;
  const withdraw = () => w.escrow.connect(w.stranger).withdrawCredit(w.coin, w.holder, w.holder);

  beforeEach(async () => {
    w = await load();
    const deadline = await reachOpen(w, "locked");
    await lock(w, { ...w.terms, salt: REPORT });
    await w.coin.setRefusing(true);
    await at(w.connection, deadline);
    await w.escrow.reclaim(w.id);
    await w.coin.setRefusing(false);
  });

  describe("requires", () => {
    it("reverts with EscrowNoCredit(coin, holder, stranger) for a party with none", async () => {
      await expect(w.escrow.withdrawCredit(w.coin, w.holder, w.stranger))
        .to.be.revertedWithCustomError(w.escrow, "EscrowNoCredit")
        .withArgs(await w.coin.getAddress(), w.holder.address, w.stranger.address);
    });

    it("reverts with EscrowNoCredit(coin, stranger, holder) for a payer who paid nothing in", async () => {
      await expect(w.escrow.withdrawCredit(w.coin, w.stranger, w.holder))
        .to.be.revertedWithCustomError(w.escrow, "EscrowNoCredit")
        .withArgs(await w.coin.getAddress(), w.stranger.address, w.holder.address);
    });

    it("reverts with EscrowNoCredit(coin, holder, holder) the second time", async () => {
      await withdraw();
      await expect(withdraw())
        .to.be.revertedWithCustomError(w.escrow, "EscrowNoCredit")
        .withArgs(await w.coin.getAddress(), w.holder.address, w.holder.address);
    });

    it("reverts with the coin's own error while it goes on refusing, and the credit stays", async () => {
      await w.coin.setRefusing(true);
      await expect(withdraw()).to.be.revertedWithCustomError(w.coin, "HostileCoinRefused").withArgs();
      expect(await w.escrow.creditOf(w.coin, w.holder, w.holder)).to.equal(REDEEMED);
    });

    for (const skew of [-1n, 1n]) {
      it(`reverts with EscrowBalanceMismatch when the coin moves ${skew} too much`, async () => {
        await w.coin.setSkew(skew);
        await expect(withdraw())
          .to.be.revertedWithCustomError(w.escrow, "EscrowBalanceMismatch")
          .withArgs(await w.coin.getAddress(), REDEEMED, REDEEMED + skew);
      });
    }
  });

  describe("ensures", () => {
    it("the holder, called for by a stranger, has the credit, other redemptions and everything else stay", async () => {
      const before = await readRedemption(w);
      await withdraw();
      expect(await readRedemption(w)).to.deep.equal({
        ...before,
        holder: before.holder + REDEEMED,
        escrow: before.escrow - REDEEMED,
        held: before.held - REDEEMED,
        credit: 0n,
      });
    });
  });

  describe("emits", () => {
    it("EscrowCreditWithdrawn(coin, holder, holder, amount)", async () => {
      await expect(withdraw())
        .to.emit(w.escrow, "EscrowCreditWithdrawn")
        .withArgs(await w.coin.getAddress(), w.holder.address, w.holder.address, REDEEMED);
    });
  });
});
