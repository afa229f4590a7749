import { expect } from "chai";
import { id } from "ethers";
import type { CommerceWorld, HostileWorld, Situation } from "../../../support/commerce.ts";
import {
  AMOUNT,
  GAS_FLOOR,
  PART,
  STEP,
  authorize,
  deployCommerce,
  deployHostile,
  dispute,
  freeze,
  plus,
  reach,
  readPayment,
  refund,
  send,
  signRefund,
  withTerms,
} from "../../../support/commerce.ts";
import { at, createLoader } from "../../../support/treasury.ts";

const load = await createLoader(deployCommerce);
const loadHostile = await createLoader(deployHostile);

describe("CommerceEscrow.refund", () => {
  let w: CommerceWorld;

  beforeEach(async () => {
    w = await load();
    await authorize(w);
    await send(w, "capture");
  });

  describe("requires", () => {
    it("reverts with CommerceUnknown(id) for terms that were never authorized", async () => {
      const other = await withTerms(w, { salt: id("salt 2") });
      await expect(refund(other)).to.be.revertedWithCustomError(w.escrow, "CommerceUnknown").withArgs(other.id);
    });

    it("reverts with CommerceRefundedChanged(id, 0) for a refund given at another total", async () => {
      await expect(refund(w, 1n, { refunded: 1n }))
        .to.be.revertedWithCustomError(w.escrow, "CommerceRefundedChanged")
        .withArgs(w.id, 0n);
    });

    it("reverts with CommerceRefundedChanged(id, 5) for a refund given before another", async () => {
      await refund(w, 5n);
      await expect(refund(w, 7n, { refunded: 0n }))
        .to.be.revertedWithCustomError(w.escrow, "CommerceRefundedChanged")
        .withArgs(w.id, 5n);
    });

    it("reverts with CommerceZeroAmount()", async () => {
      await expect(refund(w, 0n)).to.be.revertedWithCustomError(w.escrow, "CommerceZeroAmount").withArgs();
    });

    for (const amount of [1n, PART - 1n, PART])
      it(`refunds ${amount}`, async () => {
        await refund(w, amount);
      });

    it("reverts with CommerceAmountExceeded(id, PART + 1, PART) above what was captured", async () => {
      await expect(refund(w, PART + 1n))
        .to.be.revertedWithCustomError(w.escrow, "CommerceAmountExceeded")
        .withArgs(w.id, PART + 1n, PART);
    });

    it("reverts with CommerceAmountExceeded(id, limit + 1, limit) above what is not yet refunded", async () => {
      await refund(w, 5n);
      await expect(refund(w, PART - 4n))
        .to.be.revertedWithCustomError(w.escrow, "CommerceAmountExceeded")
        .withArgs(w.id, PART - 4n, PART - 5n);
      await refund(w, PART - 5n);
    });

    for (const situation of ["authorized", "voided"] as const)
      it(`reverts with CommerceAmountExceeded(id, 1, 0) when it is ${situation}`, async () => {
        const other = await withTerms(w, { salt: id("salt 2") });
        await reach(other, situation);
        await expect(refund(other, 1n))
          .to.be.revertedWithCustomError(w.escrow, "CommerceAmountExceeded")
          .withArgs(other.id, 1n, 0n);
      });

    it("refunds one second before refundBy", async () => {
      await at(w.connection, w.terms.refundBy - 1n);
      await refund(w);
    });

    for (const late of [0n, 1n])
      it(`reverts with CommerceDeadlinePassed(refundBy, refundBy + ${late})`, async () => {
        await at(w.connection, w.terms.refundBy + late);
        await expect(refund(w))
          .to.be.revertedWithCustomError(w.escrow, "CommerceDeadlinePassed")
          .withArgs(w.terms.refundBy, w.terms.refundBy + late);
      });

    it("reverts with the coin's StablecoinSignatureInvalid(merchant) when another key signed", async () => {
      await expect(refund(w, PART, { key: w.payer }))
        .to.be.revertedWithCustomError(w.coin, "StablecoinSignatureInvalid")
        .withArgs(w.merchant.address);
    });

    for (const [name, value] of [
      ["value", PART + 1n],
      ["validAfter", 1n],
      ["validBefore", 4_000_000_000n],
      ["nonce", id("another")],
    ] as const)
      it(`reverts with the coin's StablecoinSignatureInvalid(merchant) when ${name} was signed otherwise`, async () => {
        await expect(refund(w, PART, { signed: { [name]: value } }))
          .to.be.revertedWithCustomError(w.coin, "StablecoinSignatureInvalid")
          .withArgs(w.merchant.address);
      });

    it("reverts with the coin's ERC20InsufficientBalance when the merchant has spent the coins", async () => {
      const balance = await w.coin.balanceOf(w.merchant);
      await w.coin.connect(w.merchant).transfer(w.stranger, balance - PART + 1n);
      await expect(refund(w))
        .to.be.revertedWithCustomError(w.coin, "ERC20InsufficientBalance")
        .withArgs(w.merchant.address, PART - 1n, PART);
    });

    it("reverts with the coin's StablecoinFrozen(merchant) for a frozen merchant", async () => {
      await freeze(w, w.merchant.address);
      await expect(refund(w))
        .to.be.revertedWithCustomError(w.coin, "StablecoinFrozen")
        .withArgs(w.merchant.address);
    });

    for (const skew of [-1n, 1n])
      it(`reverts with EscrowBalanceMismatch when the coin brings ${skew} too much`, async () => {
        const hostile: HostileWorld = await loadHostile();
        await reach(hostile, "partly captured");
        await hostile.coin.setSkew(skew);
        await expect(refund(hostile))
          .to.be.revertedWithCustomError(hostile.escrow, "EscrowBalanceMismatch")
          .withArgs(hostile.terms.coin, AMOUNT, AMOUNT + skew);
      });

    it("reverts with EscrowGasTooLow(available, 250000) with less gas than the floor", async () => {
      const signature = await signRefund(w, PART, 0n);
      await expect(w.escrow.connect(w.relayer).refund(w.terms, PART, 0n, signature, { gasLimit: 330_000n }))
        .to.be.revertedWithCustomError(w.escrow, "EscrowGasTooLow")
        .withArgs((available: bigint) => available < GAS_FLOOR, GAS_FLOOR);
    });
  });

  describe("ensures", () => {
    const verified = async (world: CommerceWorld, amount: bigint) => {
      const before = await readPayment(world);
      await refund(world, amount);
      expect(await readPayment(world)).to.deep.equal(
        plus(before, { refunded: amount, merchant: -amount, payer: amount }),
      );
    };

    for (const [title, amounts] of [
      ["a part", [5n]],
      ["all that was captured", [PART]],
      ["all in three parts", [5n, 7n, PART - 12n]],
    ] as const)
      it(`the payer has ${title} from the merchant, nothing else changes`, async () => {
        for (const amount of amounts) await verified(w, amount);
      });

    const situations: Situation[] = ["captured", "captured with the rest voided", "resolved"];
    for (const situation of situations)
      it(`what was captured is refunded when it is ${situation}`, async () => {
        const other = await withTerms(w, { salt: id("salt 2") });
        await reach(other, situation);
        await verified(other, PART);
      });

    it("an open dispute about the rest stays open", async () => {
      await dispute(w);
      await verified(w, PART);
      expect((await readPayment(w)).disputed).to.equal(true);
    });

    it("a frozen payer is paid", async () => {
      await freeze(w, w.payer.address);
      await verified(w, PART);
    });

    it("where the coin refuses, the payer has a credit of the merchant's coins [ESCROW-3]", async () => {
      const hostile = await loadHostile();
      await reach(hostile, "partly captured");
      await hostile.coin.setRefusing(true);
      const before = await readPayment(hostile);
      await refund(hostile);
      expect(await readPayment(hostile)).to.deep.equal(
        plus(before, { refunded: PART, merchant: -PART, escrow: PART, held: PART, refundCredit: PART }),
      );
    });
  });

  describe("emits", () => {
    it("PaymentMoved with the merchant as actor and the totals", async () => {
      await refund(w, 5n);
      await expect(refund(w, 7n))
        .to.emit(w.escrow, "PaymentMoved")
        .withArgs(w.id, w.merchant.address, STEP.refund, 7n, 0n, PART, 0n, 12n)
        .and.to.not.emit(w.escrow, "EscrowCredited");
    });

    it("EscrowCredited(id, coin, payer, merchant, amount) beside it for a credit", async () => {
      const hostile = await loadHostile();
      await reach(hostile, "partly captured");
      await hostile.coin.setRefusing(true);
      const { coin, payer, merchant } = hostile.terms;
      await expect(refund(hostile))
        .to.emit(hostile.escrow, "EscrowCredited")
        .withArgs(hostile.id, coin, payer, merchant, PART);
    });
  });
});
