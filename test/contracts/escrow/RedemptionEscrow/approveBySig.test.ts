import { expect } from "chai";
import type { RedemptionWorld } from "../../../support/redemption.ts";
import { deployRedemption, reach, readRedemption, statesExcept, stepOrder } from "../../../support/redemption.ts";
import {
  ROLES,
  at,
  createLoader,
  itRequiresDeadline,
  itRequiresRole,
  itRequiresSignature,
  sendOrder,
} from "../../../support/treasury.ts";

const load = await createLoader(deployRedemption);

describe("RedemptionEscrow.approveBySig", () => {
  let w: RedemptionWorld;
  const spec = stepOrder(() => w, { type: "ApproveOrder", submit: "approveBySig", signer: "cosigner" });

  describe("requires", () => {
    beforeEach(async () => {
      w = await load();
      await reach(w, "accepted");
    });

    itRequiresDeadline(spec);
    itRequiresRole(spec, { role: ROLES.cosigner, restricted: "approve" });
    itRequiresSignature(spec);

    for (const late of [0n, 1n]) {
      it(`reverts with RedemptionDeadlinePassed(payoutBy, payoutBy + ${late})`, async () => {
        await at(w.connection, w.terms.payoutBy + late);
        await expect(sendOrder(spec))
          .to.be.revertedWithCustomError(w.escrow, "RedemptionDeadlinePassed")
          .withArgs(w.terms.payoutBy, w.terms.payoutBy + late);
      });
    }

    it("reverts with RedemptionAlreadyApproved(id, cosigner) for the same order again", async () => {
      await sendOrder(spec);
      await expect(sendOrder(spec))
        .to.be.revertedWithCustomError(w.escrow, "RedemptionAlreadyApproved")
        .withArgs(w.id, w.cosigner.address);
    });
  });

  describe("requires the state", () => {
    for (const [state, number] of statesExcept("accepted")) {
      it(`reverts with RedemptionStateInvalid(id, ${number}) when it is ${state}`, async () => {
        w = await load();
        await reach(w, state);
        await expect(sendOrder(spec))
          .to.be.revertedWithCustomError(w.escrow, "RedemptionStateInvalid")
          .withArgs(w.id, number);
      });
    }
  });

  describe("ensures", () => {
    it("the signer is the approver, nothing else changes", async () => {
      w = await load();
      await reach(w, "accepted");
      const before = await readRedemption(w);
      await sendOrder(spec);
      expect(await readRedemption(w)).to.deep.equal({ ...before, approver: w.cosigner.address });
    });
  });

  describe("emits", () => {
    it("RedemptionApproved(id, cosigner)", async () => {
      w = await load();
      await reach(w, "accepted");
      await expect(sendOrder(spec)).to.emit(w.escrow, "RedemptionApproved").withArgs(w.id, w.cosigner.address);
    });
  });
});
