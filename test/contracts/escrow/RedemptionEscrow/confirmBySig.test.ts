import { expect } from "chai";
import type { RedemptionWorld } from "../../../support/redemption.ts";
import {
  BANK_REFERENCE,
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

describe("RedemptionEscrow.confirmBySig", () => {
  let w: RedemptionWorld;
  const extra = { bankReference: BANK_REFERENCE };
  const spec = stepOrder(() => w, { type: "ConfirmOrder", submit: "confirmBySig", extra });

  describe("requires", () => {
    beforeEach(async () => {
      w = await load();
      await reach(w, "sent");
    });

    itRequiresDeadline(spec);
    itRequiresRole(spec, { role: ROLES.agent, restricted: "confirm" });
    itRequiresSignature(spec);

    it("reverts with RedemptionStateInvalid(id, 4) for the same order again", async () => {
      await sendOrder(spec);
      await expect(sendOrder(spec))
        .to.be.revertedWithCustomError(w.escrow, "RedemptionStateInvalid")
        .withArgs(w.id, STATE.burned);
    });

    for (const late of [0n, 1n]) {
      it(`reverts with RedemptionDeadlinePassed(finalBy, finalBy + ${late})`, async () => {
        await at(w.connection, w.terms.finalBy + late);
        await expect(sendOrder(spec))
          .to.be.revertedWithCustomError(w.escrow, "RedemptionDeadlinePassed")
          .withArgs(w.terms.finalBy, w.terms.finalBy + late);
      });
    }
  });

  describe("requires the state", () => {
    for (const [state, number] of statesExcept("sent")) {
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
    it("the coins are burned, the redemption is burned, nothing else changes", async () => {
      w = await load();
      await reach(w, "sent");
      const before = await readRedemption(w);
      await sendOrder(spec);
      expect(await readRedemption(w)).to.deep.equal({
        ...before,
        state: STATE.burned,
        escrow: before.escrow - REDEEMED,
        supply: before.supply - REDEEMED,
        held: before.held - REDEEMED,
        sent: before.sent - REDEEMED,
      });
    });
  });

  describe("emits", () => {
    it("RedemptionMoved from Sent to Burned with the bank reference and the signer as actor", async () => {
      w = await load();
      await reach(w, "sent");
      await expect(sendOrder(spec))
        .to.emit(w.escrow, "RedemptionMoved")
        .withArgs(w.id, w.agent.address, STATE.sent, STATE.burned, REDEEMED, BANK_REFERENCE);
    });
  });
});
