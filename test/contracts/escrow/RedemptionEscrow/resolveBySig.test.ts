import { expect } from "chai";
import type { RedemptionWorld } from "../../../support/redemption.ts";
import {
  DISPUTE_TERM,
  GROUNDS,
  REDEEMED,
  STATE,
  burnedFrom,
  deployRedemption,
  reach,
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

describe("RedemptionEscrow.resolveBySig", () => {
  let w: RedemptionWorld;
  const specOf = (paid: boolean) =>
    stepOrder(() => w, {
      type: "ResolveOrder",
      submit: "resolveBySig",
      extra: { paid, ref: GROUNDS },
      signer: "arbiter",
    });
  const spec = specOf(true);

  describe("requires", () => {
    beforeEach(async () => {
      w = await load();
      await reach(w, "disputed");
    });

    itRequiresDeadline(spec);
    itRequiresRole(spec, { role: ROLES.arbiter, restricted: "resolve" });
    itRequiresSignature(spec);

    for (const paid of [true, false]) {
      const state = paid ? STATE.burned : STATE.returned;
      it(`reverts with RedemptionStateInvalid(id, ${state}) for the same order again`, async () => {
        await sendOrder(specOf(paid));
        await expect(sendOrder(specOf(paid)))
          .to.be.revertedWithCustomError(w.escrow, "RedemptionStateInvalid")
          .withArgs(w.id, state);
      });
    }

    for (const late of [0n, 1n]) {
      it(`reverts with RedemptionDeadlinePassed(finalBy + 15 days, the same + ${late})`, async () => {
        const deadline = w.terms.finalBy + DISPUTE_TERM;
        await at(w.connection, deadline + late);
        await expect(sendOrder(spec))
          .to.be.revertedWithCustomError(w.escrow, "RedemptionDeadlinePassed")
          .withArgs(deadline, deadline + late);
      });
    }
  });

  describe("requires the state", () => {
    for (const [state, number] of statesExcept("disputed")) {
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
    it("paid: the coins are burned, the redemption is burned, nothing else changes", async () => {
      w = await load();
      await reach(w, "disputed");
      const before = await readRedemption(w);
      await sendOrder(spec);
      expect(await readRedemption(w)).to.deep.equal(burnedFrom(before, "disputed"));
    });

    it("not paid: the holder has the coins back, the redemption is returned, nothing else changes", async () => {
      w = await load();
      await reach(w, "disputed");
      const before = await readRedemption(w);
      await sendOrder(specOf(false));
      expect(await readRedemption(w)).to.deep.equal(returnedFrom(before, "disputed"));
    });
  });

  describe("emits", () => {
    for (const paid of [true, false]) {
      const to = paid ? "burned" : "returned";
      it(`RedemptionMoved from Disputed to ${to} with the grounds and the signer as actor`, async () => {
        w = await load();
        await reach(w, "disputed");
        await expect(sendOrder(specOf(paid)))
          .to.emit(w.escrow, "RedemptionMoved")
          .withArgs(w.id, w.arbiter.address, STATE.disputed, STATE[to], REDEEMED, GROUNDS);
      });
    }
  });
});
