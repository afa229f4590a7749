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
} from "../../../support/redemption.ts";
import { at, createLoader } from "../../../support/treasury.ts";

const load = await createLoader(deployRedemption);

describe("RedemptionEscrow.reject", () => {
  let w: RedemptionWorld;
  const reject = (caller = w.agent) => w.escrow.connect(caller).reject(w.id, REASON);

  beforeEach(async () => {
    w = await load();
  });

  describe("requires", () => {
    it("reverts with AccessManagedUnauthorized(holder) for the holder", async () => {
      await reach(w, "locked");
      await expect(reject(w.holder))
        .to.be.revertedWithCustomError(w.escrow, "AccessManagedUnauthorized")
        .withArgs(w.holder.address);
    });

    for (const [state, number] of statesExcept("locked", "accepted")) {
      it(`reverts with RedemptionStateInvalid(id, ${number}) when it is ${state}`, async () => {
        await reach(w, state);
        await expect(reject()).to.be.revertedWithCustomError(w.escrow, "RedemptionStateInvalid").withArgs(w.id, number);
      });
    }

    for (const state of ["locked", "accepted"] as const) {
      it(`rejects a redemption that is ${state} one second before its deadline`, async () => {
        const deadline = await reachOpen(w, state);
        await at(w.connection, deadline - 1n);
        await reject();
      });

      for (const late of [0n, 1n]) {
        it(`reverts with RedemptionDeadlinePassed(d, d + ${late}) when it is ${state}`, async () => {
          const deadline = await reachOpen(w, state);
          await at(w.connection, deadline + late);
          await expect(reject())
            .to.be.revertedWithCustomError(w.escrow, "RedemptionDeadlinePassed")
            .withArgs(deadline, deadline + late);
        });
      }
    }
  });

  describe("ensures", () => {
    for (const state of ["locked", "accepted"] as const) {
      it(`the holder has the coins back from ${state}, nothing else changes`, async () => {
        await reach(w, state);
        const before = await readRedemption(w);
        await reject();
        expect(await readRedemption(w)).to.deep.equal(returnedFrom(before, state));
      });
    }
  });

  describe("emits", () => {
    for (const state of ["locked", "accepted"] as const) {
      it(`RedemptionMoved from ${state} to returned with the reason and the agent as actor`, async () => {
        await reach(w, state);
        await expect(reject())
          .to.emit(w.escrow, "RedemptionMoved")
          .withArgs(w.id, w.agent.address, STATE[state], STATE.returned, REDEEMED, REASON);
      });
    }
  });
});
