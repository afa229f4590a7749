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
} from "../../../support/redemption.ts";
import { at, createLoader } from "../../../support/treasury.ts";
import { itRequiresSecondKey } from "./secondKey.ts";

const load = await createLoader(deployRedemption);

describe("RedemptionEscrow.markSent", () => {
  let w: RedemptionWorld;
  const markSent = (caller = w.agent) => w.escrow.connect(caller).markSent(w.id, BANK_REFERENCE);

  beforeEach(async () => {
    w = await load();
  });

  describe("requires", () => {
    it("reverts with AccessManagedUnauthorized(holder) for the holder", async () => {
      await reach(w, "accepted");
      await expect(markSent(w.holder))
        .to.be.revertedWithCustomError(w.escrow, "AccessManagedUnauthorized")
        .withArgs(w.holder.address);
    });

    for (const [state, number] of statesExcept("accepted")) {
      it(`reverts with RedemptionStateInvalid(id, ${number}) when it is ${state}`, async () => {
        await reach(w, state);
        await expect(markSent())
          .to.be.revertedWithCustomError(w.escrow, "RedemptionStateInvalid")
          .withArgs(w.id, number);
      });
    }

    it("marks it sent one second before payoutBy", async () => {
      await reach(w, "accepted");
      await at(w.connection, w.terms.payoutBy - 1n);
      await markSent();
    });

    for (const late of [0n, 1n]) {
      it(`reverts with RedemptionDeadlinePassed(payoutBy, payoutBy + ${late})`, async () => {
        await reach(w, "accepted");
        await at(w.connection, w.terms.payoutBy + late);
        await expect(markSent())
          .to.be.revertedWithCustomError(w.escrow, "RedemptionDeadlinePassed")
          .withArgs(w.terms.payoutBy, w.terms.payoutBy + late);
      });
    }

    describe("of the second key", () => {
      beforeEach(() => reach(w, "accepted"));
      itRequiresSecondKey({ world: () => w, markSent });
    });
  });

  describe("ensures", () => {
    it("the redemption is sent, the coins stay, nothing else changes", async () => {
      await reach(w, "accepted");
      const before = await readRedemption(w);
      await markSent();
      expect(await readRedemption(w)).to.deep.equal({
        ...before,
        state: STATE.sent,
        accepted: before.accepted - REDEEMED,
        sent: before.sent + REDEEMED,
      });
    });
  });

  describe("emits", () => {
    it("RedemptionMoved from Accepted to Sent with the bank reference and the agent as actor", async () => {
      await reach(w, "accepted");
      await expect(markSent())
        .to.emit(w.escrow, "RedemptionMoved")
        .withArgs(w.id, w.agent.address, STATE.accepted, STATE.sent, REDEEMED, BANK_REFERENCE);
    });
  });
});
