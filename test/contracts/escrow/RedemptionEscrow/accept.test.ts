import { expect } from "chai";
import { ZeroHash } from "ethers";
import type { RedemptionWorld } from "../../../support/redemption.ts";
import { REDEEMED, STATE, deployRedemption, reach, readRedemption, statesExcept } from "../../../support/redemption.ts";
import { at, createLoader } from "../../../support/treasury.ts";

const load = await createLoader(deployRedemption);

describe("RedemptionEscrow.accept", () => {
  let w: RedemptionWorld;
  const accept = (caller = w.agent) => w.escrow.connect(caller).accept(w.id);

  beforeEach(async () => {
    w = await load();
  });

  describe("requires", () => {
    it("reverts with AccessManagedUnauthorized(holder) for the holder", async () => {
      await reach(w, "locked");
      await expect(accept(w.holder))
        .to.be.revertedWithCustomError(w.escrow, "AccessManagedUnauthorized")
        .withArgs(w.holder.address);
    });

    for (const [state, number] of statesExcept("locked")) {
      it(`reverts with RedemptionStateInvalid(id, ${number}) when it is ${state}`, async () => {
        await reach(w, state);
        await expect(accept()).to.be.revertedWithCustomError(w.escrow, "RedemptionStateInvalid").withArgs(w.id, number);
      });
    }

    it("accepts one second before acceptBy", async () => {
      await reach(w, "locked");
      await at(w.connection, w.terms.acceptBy - 1n);
      await accept();
    });

    for (const late of [0n, 1n]) {
      it(`reverts with RedemptionDeadlinePassed(acceptBy, acceptBy + ${late})`, async () => {
        await reach(w, "locked");
        await at(w.connection, w.terms.acceptBy + late);
        await expect(accept())
          .to.be.revertedWithCustomError(w.escrow, "RedemptionDeadlinePassed")
          .withArgs(w.terms.acceptBy, w.terms.acceptBy + late);
      });
    }
  });

  describe("ensures", () => {
    it("the redemption is accepted, the coins stay, nothing else changes", async () => {
      await reach(w, "locked");
      const before = await readRedemption(w);
      await accept();
      expect(await readRedemption(w)).to.deep.equal({
        ...before,
        state: STATE.accepted,
        locked: before.locked - REDEEMED,
        accepted: before.accepted + REDEEMED,
      });
    });
  });

  describe("emits", () => {
    it("RedemptionMoved from Locked to Accepted with the agent as actor", async () => {
      await reach(w, "locked");
      await expect(accept())
        .to.emit(w.escrow, "RedemptionMoved")
        .withArgs(w.id, w.agent.address, STATE.locked, STATE.accepted, REDEEMED, ZeroHash);
    });
  });
});
