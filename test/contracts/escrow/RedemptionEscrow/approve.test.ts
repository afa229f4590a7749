import { expect } from "chai";
import { ZeroAddress } from "ethers";
import type { RedemptionWorld } from "../../../support/redemption.ts";
import { deployRedemption, reach, readRedemption, statesExcept } from "../../../support/redemption.ts";
import { DELAY, ROLES, at, createLoader } from "../../../support/treasury.ts";

const load = await createLoader(deployRedemption);

describe("RedemptionEscrow.approve", () => {
  let w: RedemptionWorld;
  const approve = (caller = w.cosigner) => w.escrow.connect(caller).approve(w.id);

  beforeEach(async () => {
    w = await load();
  });

  describe("requires", () => {
    it("reverts with AccessManagedUnauthorized(agent) for the agent", async () => {
      await reach(w, "accepted");
      await expect(approve(w.agent))
        .to.be.revertedWithCustomError(w.escrow, "AccessManagedUnauthorized")
        .withArgs(w.agent.address);
    });

    for (const [state, number] of statesExcept("accepted")) {
      it(`reverts with RedemptionStateInvalid(id, ${number}) when it is ${state}`, async () => {
        await reach(w, state);
        await expect(approve())
          .to.be.revertedWithCustomError(w.escrow, "RedemptionStateInvalid")
          .withArgs(w.id, number);
      });
    }

    it("approves one second before payoutBy", async () => {
      await reach(w, "accepted");
      await at(w.connection, w.terms.payoutBy - 1n);
      await approve();
    });

    for (const late of [0n, 1n]) {
      it(`reverts with RedemptionDeadlinePassed(payoutBy, payoutBy + ${late})`, async () => {
        await reach(w, "accepted");
        await at(w.connection, w.terms.payoutBy + late);
        await expect(approve())
          .to.be.revertedWithCustomError(w.escrow, "RedemptionDeadlinePassed")
          .withArgs(w.terms.payoutBy, w.terms.payoutBy + late);
      });
    }

    it("reverts with RedemptionAlreadyApproved(id, cosigner) the second time", async () => {
      await reach(w, "accepted");
      await approve();
      await expect(approve())
        .to.be.revertedWithCustomError(w.escrow, "RedemptionAlreadyApproved")
        .withArgs(w.id, w.cosigner.address);
    });

    it("reverts with RedemptionAlreadyApproved(id, cosigner) for another cosigner, while the first may approve", async () => {
      await reach(w, "accepted");
      await approve();
      await w.manager.grantRole(ROLES.cosigner, w.stranger, 0);
      await w.manager.grantRole(ROLES.cosigner, w.cosigner, DELAY);
      await expect(approve(w.stranger))
        .to.be.revertedWithCustomError(w.escrow, "RedemptionAlreadyApproved")
        .withArgs(w.id, w.cosigner.address);
    });
  });

  describe("ensures", () => {
    it("the caller is the approver, nothing else changes", async () => {
      await reach(w, "accepted");
      const before = await readRedemption(w);
      expect(before.approver).to.equal(ZeroAddress);
      await approve();
      expect(await readRedemption(w)).to.deep.equal({ ...before, approver: w.cosigner.address });
    });

    it("another cosigner takes the place of one that lost its role", async () => {
      await reach(w, "accepted");
      await approve();
      await w.manager.revokeRole(ROLES.cosigner, w.cosigner);
      await w.manager.grantRole(ROLES.cosigner, w.stranger, 0);
      await approve(w.stranger);
      expect(await w.escrow.approverOf(w.id)).to.equal(w.stranger.address);
    });
  });

  describe("emits", () => {
    it("RedemptionApproved(id, cosigner)", async () => {
      await reach(w, "accepted");
      await expect(approve()).to.emit(w.escrow, "RedemptionApproved").withArgs(w.id, w.cosigner.address);
    });
  });
});
