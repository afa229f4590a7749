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
import { itRequiresSecondKey } from "./secondKey.ts";

const load = await createLoader(deployRedemption);

describe("RedemptionEscrow.markSentBySig", () => {
  let w: RedemptionWorld;
  const spec = stepOrder(() => w, {
    type: "MarkSentOrder",
    submit: "markSentBySig",
    extra: { bankReference: BANK_REFERENCE },
  });

  describe("requires", () => {
    beforeEach(async () => {
      w = await load();
      await reach(w, "accepted");
    });

    itRequiresDeadline(spec);
    itRequiresRole(spec, { role: ROLES.agent, restricted: "markSent" });
    itRequiresSignature(spec);

    it("reverts with RedemptionStateInvalid(id, 3) for the same order again", async () => {
      await sendOrder(spec);
      await expect(sendOrder(spec))
        .to.be.revertedWithCustomError(w.escrow, "RedemptionStateInvalid")
        .withArgs(w.id, STATE.sent);
    });

    for (const late of [0n, 1n]) {
      it(`reverts with RedemptionDeadlinePassed(payoutBy, payoutBy + ${late})`, async () => {
        await at(w.connection, w.terms.payoutBy + late);
        await expect(sendOrder(spec))
          .to.be.revertedWithCustomError(w.escrow, "RedemptionDeadlinePassed")
          .withArgs(w.terms.payoutBy, w.terms.payoutBy + late);
      });
    }

    itRequiresSecondKey({ world: () => w, markSent: () => sendOrder(spec) });
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
    it("the redemption is sent, the coins stay, nothing else changes", async () => {
      w = await load();
      await reach(w, "accepted");
      const before = await readRedemption(w);
      await sendOrder(spec);
      expect(await readRedemption(w)).to.deep.equal({
        ...before,
        state: STATE.sent,
        accepted: before.accepted - REDEEMED,
        sent: before.sent + REDEEMED,
      });
    });
  });

  describe("emits", () => {
    it("RedemptionMoved from Accepted to Sent with the bank reference and the signer as actor", async () => {
      w = await load();
      await reach(w, "accepted");
      await expect(sendOrder(spec))
        .to.emit(w.escrow, "RedemptionMoved")
        .withArgs(w.id, w.agent.address, STATE.accepted, STATE.sent, REDEEMED, BANK_REFERENCE);
    });
  });
});
