import { expect } from "chai";
import { ZeroHash } from "ethers";
import type { RedemptionWorld } from "../../../support/redemption.ts";
import {
  REDEEMED,
  STATE,
  deployRedemption,
  reach,
  readRedemption,
  statesExcept,
  stepOrder,
} from "../../../support/redemption.ts";
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

describe("RedemptionEscrow.acceptBySig", () => {
  let w: RedemptionWorld;
  const spec = stepOrder(() => w, { type: "AcceptOrder", submit: "acceptBySig" });

  describe("requires", () => {
    beforeEach(async () => {
      w = await load();
      await reach(w, "locked");
    });

    itRequiresDeadline(spec);
    itRequiresRole(spec, { role: ROLES.agent, restricted: "accept" });
    itRequiresSignature(spec);

    it("reverts with RedemptionStateInvalid(id, 2) for the same order again", async () => {
      await sendOrder(spec);
      await expect(sendOrder(spec))
        .to.be.revertedWithCustomError(w.escrow, "RedemptionStateInvalid")
        .withArgs(w.id, STATE.accepted);
    });

    for (const late of [0n, 1n]) {
      it(`reverts with RedemptionDeadlinePassed(acceptBy, acceptBy + ${late})`, async () => {
        await at(w.connection, w.terms.acceptBy + late);
        await expect(sendOrder(spec))
          .to.be.revertedWithCustomError(w.escrow, "RedemptionDeadlinePassed")
          .withArgs(w.terms.acceptBy, w.terms.acceptBy + late);
      });
    }
  });

  describe("requires the state", () => {
    for (const [state, number] of statesExcept("locked")) {
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
    it("the redemption is accepted, the coins stay, nothing else changes", async () => {
      w = await load();
      await reach(w, "locked");
      const before = await readRedemption(w);
      await sendOrder(spec);
      expect(await readRedemption(w)).to.deep.equal({
        ...before,
        state: STATE.accepted,
        locked: before.locked - REDEEMED,
        accepted: before.accepted + REDEEMED,
      });
    });
  });

  describe("emits", () => {
    it("RedemptionMoved from Locked to Accepted with the signer as actor", async () => {
      w = await load();
      await reach(w, "locked");
      await expect(sendOrder(spec))
        .to.emit(w.escrow, "RedemptionMoved")
        .withArgs(w.id, w.agent.address, STATE.locked, STATE.accepted, REDEEMED, ZeroHash);
    });
  });
});
