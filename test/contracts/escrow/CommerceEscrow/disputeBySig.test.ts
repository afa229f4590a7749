import { expect } from "chai";
import { ZeroAddress } from "ethers";
import type { CommerceWorld } from "../../../support/commerce.ts";
import {
  AMOUNT,
  CLOSED,
  PART,
  STEP,
  authorize,
  deployCommerce,
  dispute,
  itRequiresOrder,
  reach,
  readPayment,
  send,
  withTerms,
} from "../../../support/commerce.ts";
import { at, createLoader } from "../../../support/treasury.ts";

const load = await createLoader(deployCommerce);

describe("CommerceEscrow.disputeBySig", () => {
  let w: CommerceWorld;

  beforeEach(async () => {
    w = await load();
    await authorize(w);
  });

  describe("requires", () => {
    itRequiresOrder(() => w, "disputeBySig");

    for (const step of ["capture", "void"] as const)
      it(`reverts with CommerceSignatureInvalid(payer) for a signature given before a ${step}`, async () => {
        await send(w, step);
        await expect(send(w, "disputeBySig", { captured: 0n, voided: 0n }))
          .to.be.revertedWithCustomError(w.escrow, "CommerceSignatureInvalid")
          .withArgs(w.payer.address);
      });

    it("reverts with CommerceNotDisputable(id) where the terms name no arbiter", async () => {
      const plain = await withTerms(w, { arbiter: ZeroAddress });
      await authorize(plain);
      await expect(send(plain, "disputeBySig"))
        .to.be.revertedWithCustomError(w.escrow, "CommerceNotDisputable")
        .withArgs(plain.id);
    });

    it("reverts with CommerceDisputed(id) while a dispute is open", async () => {
      await dispute(w);
      await expect(send(w, "disputeBySig")).to.be.revertedWithCustomError(w.escrow, "CommerceDisputed").withArgs(w.id);
    });

    it("disputes one second before captureBy", async () => {
      await at(w.connection, w.terms.captureBy - 1n);
      await send(w, "disputeBySig");
    });

    for (const late of [0n, 1n])
      it(`reverts with CommerceDeadlinePassed(captureBy, captureBy + ${late})`, async () => {
        await at(w.connection, w.terms.captureBy + late);
        await expect(send(w, "disputeBySig"))
          .to.be.revertedWithCustomError(w.escrow, "CommerceDeadlinePassed")
          .withArgs(w.terms.captureBy, w.terms.captureBy + late);
      });

    for (const situation of CLOSED.filter((name) => name !== "reclaimed"))
      it(`reverts with CommerceNothingLeft(id) when it is ${situation}`, async () => {
        const other = await withTerms(w, { salt: w.id });
        await reach(other, situation);
        await expect(send(other, "disputeBySig"))
          .to.be.revertedWithCustomError(w.escrow, "CommerceNothingLeft")
          .withArgs(other.id);
      });
  });

  describe("ensures", () => {
    it("the dispute is open, nothing else changes", async () => {
      const before = await readPayment(w);
      await send(w, "disputeBySig");
      expect(await readPayment(w)).to.deep.equal({ ...before, disputed: true });
    });
  });

  describe("emits", () => {
    it("PaymentMoved with the payer as actor, what remains and the totals", async () => {
      await send(w, "void");
      await expect(send(w, "disputeBySig"))
        .to.emit(w.escrow, "PaymentMoved")
        .withArgs(w.id, w.payer.address, STEP.dispute, AMOUNT - PART, 0n, 0n, PART, 0n);
    });
  });
});
