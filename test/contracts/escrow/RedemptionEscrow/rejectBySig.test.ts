import { expect } from "chai";
import type { RedemptionWorld } from "../../../support/redemption.ts";
import {
  REASON,
  REDEEMED,
  STATE,
  deployRedemption,
  reach,
  reachOpen,
  readRedemption,
  returnedFrom,
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

describe("RedemptionEscrow.rejectBySig", () => {
  let w: RedemptionWorld;
  /** The agent's order against a redemption in that state. */
  const orderAgainst = (state: bigint) =>
    stepOrder(() => w, { type: "RejectOrder", submit: "rejectBySig", extra: { state, reason: REASON } });
  const spec = orderAgainst(STATE.locked);

  describe("requires", () => {
    beforeEach(async () => {
      w = await load();
      await reach(w, "locked");
    });

    itRequiresDeadline(spec);
    itRequiresRole(spec, { role: ROLES.agent, restricted: "reject" });
    itRequiresSignature(spec);

    it("reverts with RedemptionStateInvalid(id, 5) for the same order again", async () => {
      await sendOrder(spec);
      await expect(sendOrder(spec))
        .to.be.revertedWithCustomError(w.escrow, "RedemptionStateInvalid")
        .withArgs(w.id, STATE.returned);
    });
  });

  describe("requires the state", () => {
    beforeEach(async () => {
      w = await load();
    });

    for (const named of ["locked", "accepted"] as const) {
      for (const [state, number] of statesExcept(named)) {
        it(`reverts with RedemptionStateInvalid(id, ${number}) when the order names ${named} and it is ${state}`, async () => {
          await reach(w, state);
          await expect(sendOrder(orderAgainst(STATE[named])))
            .to.be.revertedWithCustomError(w.escrow, "RedemptionStateInvalid")
            .withArgs(w.id, number);
        });
      }
    }

    for (const [state, number] of statesExcept("locked", "accepted")) {
      it(`reverts with RedemptionStateInvalid(id, ${number}) when the order names ${state}, which nothing rejects`, async () => {
        await reach(w, state);
        await expect(sendOrder(orderAgainst(number)))
          .to.be.revertedWithCustomError(w.escrow, "RedemptionStateInvalid")
          .withArgs(w.id, number);
      });
    }

    for (const state of ["locked", "accepted"] as const) {
      for (const late of [0n, 1n]) {
        it(`reverts with RedemptionDeadlinePassed(d, d + ${late}) when it is ${state}`, async () => {
          const deadline = await reachOpen(w, state);
          await at(w.connection, deadline + late);
          await expect(sendOrder(orderAgainst(STATE[state])))
            .to.be.revertedWithCustomError(w.escrow, "RedemptionDeadlinePassed")
            .withArgs(deadline, deadline + late);
        });
      }
    }
  });

  describe("ensures", () => {
    for (const state of ["locked", "accepted"] as const) {
      it(`the holder has the coins back from ${state}, nothing else changes`, async () => {
        w = await load();
        await reach(w, state);
        const before = await readRedemption(w);
        await sendOrder(orderAgainst(STATE[state]));
        expect(await readRedemption(w)).to.deep.equal(returnedFrom(before, state));
      });
    }
  });

  describe("emits", () => {
    it("RedemptionMoved from Locked to Returned with the reason and the signer as actor", async () => {
      w = await load();
      await reach(w, "locked");
      await expect(sendOrder(spec))
        .to.emit(w.escrow, "RedemptionMoved")
        .withArgs(w.id, w.agent.address, STATE.locked, STATE.returned, REDEEMED, REASON);
    });
  });
});
