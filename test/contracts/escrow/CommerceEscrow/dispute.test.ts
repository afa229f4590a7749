import { expect } from "chai";
import { ZeroAddress, id } from "ethers";
import type { CommerceWorld, Situation } from "../../../support/commerce.ts";
import {
  AMOUNT,
  CLOSED,
  PART,
  STEP,
  authorize,
  deployCommerce,
  dispute,
  reach,
  readPayment,
  send,
  withTerms,
} from "../../../support/commerce.ts";
import { at, createLoader } from "../../../support/treasury.ts";

const load = await createLoader(deployCommerce);

describe("CommerceEscrow.dispute", () => {
  let w: CommerceWorld;

  beforeEach(async () => {
    w = await load();
  });

  describe("requires", () => {
    it("reverts with CommerceUnknown(id) for terms that were never authorized", async () => {
      await expect(dispute(w)).to.be.revertedWithCustomError(w.escrow, "CommerceUnknown").withArgs(w.id);
    });

    for (const caller of ["merchant", "arbiter", "stranger"] as const)
      it(`reverts with CommercePayerOnly(${caller}, payer)`, async () => {
        await authorize(w);
        await expect(w.escrow.connect(w[caller]).dispute(w.terms))
          .to.be.revertedWithCustomError(w.escrow, "CommercePayerOnly")
          .withArgs(w[caller].address, w.payer.address);
      });

    it("reverts with CommerceNotDisputable(id) where the terms name no arbiter", async () => {
      const plain = await withTerms(w, { arbiter: ZeroAddress });
      await authorize(plain);
      await expect(dispute(plain))
        .to.be.revertedWithCustomError(w.escrow, "CommerceNotDisputable")
        .withArgs(plain.id);
    });

    for (const situation of ["disputed", "partly captured and disputed"] as const)
      it(`reverts with CommerceDisputed(id) when it is ${situation}`, async () => {
        await reach(w, situation);
        await expect(dispute(w)).to.be.revertedWithCustomError(w.escrow, "CommerceDisputed").withArgs(w.id);
      });

    it("disputes one second before captureBy", async () => {
      await authorize(w);
      await at(w.connection, w.terms.captureBy - 1n);
      await dispute(w);
    });

    for (const late of [0n, 1n])
      it(`reverts with CommerceDeadlinePassed(captureBy, captureBy + ${late})`, async () => {
        await authorize(w);
        await at(w.connection, w.terms.captureBy + late);
        await expect(dispute(w))
          .to.be.revertedWithCustomError(w.escrow, "CommerceDeadlinePassed")
          .withArgs(w.terms.captureBy, w.terms.captureBy + late);
      });

    for (const situation of CLOSED.filter((name) => name !== "reclaimed"))
      it(`reverts with CommerceNothingLeft(id) when it is ${situation}`, async () => {
        await reach(w, situation);
        await expect(dispute(w)).to.be.revertedWithCustomError(w.escrow, "CommerceNothingLeft").withArgs(w.id);
      });

    it("disputes the last unit", async () => {
      await authorize(w);
      await send(w, "capture", { amount: AMOUNT - 1n });
      await dispute(w);
    });
  });

  describe("ensures", () => {
    for (const situation of ["authorized", "partly captured", "partly voided", "partly refunded"] as Situation[])
      it(`the dispute is open when it was ${situation}, nothing else changes`, async () => {
        await reach(w, situation);
        const before = await readPayment(w);
        await dispute(w);
        expect(await readPayment(w)).to.deep.equal({ ...before, disputed: true });
      });

    it("another payment of the same parties is not disputed", async () => {
      await authorize(w);
      const other = await withTerms(w, { salt: id("salt 2") });
      await authorize(other);
      const before = await readPayment(other);
      await dispute(w);
      expect(await readPayment(other)).to.deep.equal(before);
    });
  });

  describe("emits", () => {
    it("PaymentMoved with the payer as actor, what remains and the totals", async () => {
      await reach(w, "partly refunded");
      await expect(dispute(w))
        .to.emit(w.escrow, "PaymentMoved")
        .withArgs(w.id, w.payer.address, STEP.dispute, AMOUNT - PART, 0n, PART, 0n, 1n);
    });
  });
});
