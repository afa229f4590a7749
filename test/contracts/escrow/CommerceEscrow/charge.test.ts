import { expect } from "chai";
import { id } from "ethers";
import type { CommerceWorld } from "../../../support/commerce.ts";
import {
  AMOUNT,
  MAX_BPS,
  PART,
  STEP,
  authorize,
  charge,
  deployCommerce,
  feeOf,
  orderFor,
  paid,
  plus,
  readPayment,
  send,
  signOrder,
  signPayment,
  withTerms,
} from "../../../support/commerce.ts";
import { at, createLoader } from "../../../support/treasury.ts";

const load = await createLoader(deployCommerce);

describe("CommerceEscrow.charge", () => {
  let w: CommerceWorld;

  beforeEach(async () => {
    w = await load();
  });

  describe("requires", () => {
    it("reverts with CommerceDeadlinePassed(authorizeBy, authorizeBy) as authorize does", async () => {
      await at(w.connection, w.terms.authorizeBy);
      await expect(charge(w))
        .to.be.revertedWithCustomError(w.escrow, "CommerceDeadlinePassed")
        .withArgs(w.terms.authorizeBy, w.terms.authorizeBy);
    });

    it("reverts with CommerceAlreadyAuthorized(id), and the same order captures", async () => {
      await authorize(w);
      await expect(charge(w)).to.be.revertedWithCustomError(w.escrow, "CommerceAlreadyAuthorized").withArgs(w.id);
      await send(w, "capture");
    });

    it("reverts with the coin's StablecoinSignatureInvalid(payer) without the payer's signature", async () => {
      const order = await orderFor(w, "capture");
      const signature = await signOrder(w, "capture", order);
      const forged = await signPayment(w, { key: w.merchant });
      await expect(w.escrow.charge(w.terms, forged, order as never, signature))
        .to.be.revertedWithCustomError(w.coin, "StablecoinSignatureInvalid")
        .withArgs(w.payer.address);
    });

    it("reverts with CommerceOrderMismatch(another, id) for an order about another payment", async () => {
      await expect(charge(w, { id: id("another") }))
        .to.be.revertedWithCustomError(w.escrow, "CommerceOrderMismatch")
        .withArgs(id("another"), w.id);
    });

    it("reverts with CommerceSignatureInvalid(merchant) without the merchant's signature", async () => {
      await expect(charge(w, {}, { key: w.payer }))
        .to.be.revertedWithCustomError(w.escrow, "CommerceSignatureInvalid")
        .withArgs(w.merchant.address);
    });

    it("reverts with CommerceStateChanged(id, 0, 0) for an order given at other totals", async () => {
      await expect(charge(w, { captured: 1n }))
        .to.be.revertedWithCustomError(w.escrow, "CommerceStateChanged")
        .withArgs(w.id, 0n, 0n);
    });

    it("reverts with CommerceAmountExceeded(id, AMOUNT + 1, AMOUNT)", async () => {
      await expect(charge(w, { amount: AMOUNT + 1n }))
        .to.be.revertedWithCustomError(w.escrow, "CommerceAmountExceeded")
        .withArgs(w.id, AMOUNT + 1n, AMOUNT);
    });
  });

  describe("ensures", () => {
    it("merchant and fee receiver have the whole from the payer, nothing else changes", async () => {
      const before = await readPayment(w);
      await charge(w, { amount: AMOUNT });
      const authorized = plus(before, { authorized: AMOUNT, payer: -AMOUNT, escrow: AMOUNT, held: AMOUNT });
      expect(await readPayment(w)).to.deep.equal(paid(authorized, { amount: AMOUNT, fee: feeOf(AMOUNT) }));
    });

    it("a part is captured, and with voidRest the payer keeps the rest", async () => {
      const before = await readPayment(w);
      await charge(w, { voidRest: true });
      const authorized = plus(before, { authorized: AMOUNT, payer: -AMOUNT, escrow: AMOUNT, held: AMOUNT });
      const change = { amount: PART, fee: feeOf(PART), rest: AMOUNT - PART };
      expect(await readPayment(w)).to.deep.equal(paid(authorized, change));
    });

    it("a refused capture authorizes nothing", async () => {
      const before = await readPayment(w);
      await expect(charge(w, { feeBps: MAX_BPS + 1n })).to.be.revert(w.connection.ethers);
      expect(await readPayment(w)).to.deep.equal(before);
      await authorize(w);
    });

    it("gives the id back", async () => {
      const other = await withTerms(w, { salt: id("salt 2") });
      const order = await orderFor(other, "capture");
      const signature = await signOrder(other, "capture", order);
      const given = await w.escrow.charge.staticCall(other.terms, await signPayment(other), order as never, signature);
      expect(given).to.equal(other.id);
    });
  });

  describe("emits", () => {
    it("PaymentAuthorized, then PaymentMoved for each of the two steps", async () => {
      await expect(charge(w))
        .to.emit(w.escrow, "PaymentAuthorized")
        .and.to.emit(w.escrow, "PaymentMoved")
        .withArgs(w.id, w.payer.address, STEP.authorize, AMOUNT, 0n, 0n, 0n, 0n)
        .and.to.emit(w.escrow, "PaymentMoved")
        .withArgs(w.id, w.merchant.address, STEP.capture, PART, feeOf(PART), PART, 0n, 0n);
    });
  });
});
