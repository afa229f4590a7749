import { expect } from "chai";
import { ZeroHash } from "ethers";
import type { RedemptionWorld } from "../../../support/redemption.ts";
import {
  REDEEMED,
  STATE,
  deployRedemption,
  reach,
  readRedemption,
  returnedFrom,
  statesExcept,
} from "../../../support/redemption.ts";
import { at, createLoader } from "../../../support/treasury.ts";

const load = await createLoader(deployRedemption);

describe("RedemptionEscrow.cancel", () => {
  let w: RedemptionWorld;
  const cancel = (caller = w.holder) => w.escrow.connect(caller).cancel(w.id);

  beforeEach(async () => {
    w = await load();
  });

  describe("requires", () => {
    for (const [state, number] of statesExcept("locked")) {
      it(`reverts with RedemptionStateInvalid(id, ${number}) when it is ${state}`, async () => {
        await reach(w, state);
        await expect(cancel()).to.be.revertedWithCustomError(w.escrow, "RedemptionStateInvalid").withArgs(w.id, number);
      });
    }

    it("reverts with RedemptionHolderOnly(agent, holder) for the agent", async () => {
      await reach(w, "locked");
      await expect(cancel(w.agent))
        .to.be.revertedWithCustomError(w.escrow, "RedemptionHolderOnly")
        .withArgs(w.agent.address, w.holder.address);
    });

    it("cancels one second before acceptBy", async () => {
      await reach(w, "locked");
      await at(w.connection, w.terms.acceptBy - 1n);
      await cancel();
    });

    for (const late of [0n, 1n]) {
      it(`reverts with RedemptionDeadlinePassed(acceptBy, acceptBy + ${late})`, async () => {
        await reach(w, "locked");
        await at(w.connection, w.terms.acceptBy + late);
        await expect(cancel())
          .to.be.revertedWithCustomError(w.escrow, "RedemptionDeadlinePassed")
          .withArgs(w.terms.acceptBy, w.terms.acceptBy + late);
      });
    }
  });

  describe("ensures", () => {
    it("the holder has the coins back, the redemption is returned, nothing else changes", async () => {
      await reach(w, "locked");
      const before = await readRedemption(w);
      await cancel();
      expect(await readRedemption(w)).to.deep.equal(returnedFrom(before, "locked"));
    });

    it("works under every pause of the coin", async () => {
      await reach(w, "locked");
      await w.coin.pause(63);
      const before = await readRedemption(w);
      await cancel();
      expect(await readRedemption(w)).to.deep.equal(returnedFrom(before, "locked"));
    });
  });

  describe("emits", () => {
    it("RedemptionMoved from Locked to Returned with the holder as actor, and the coin's Transfer", async () => {
      await reach(w, "locked");
      await expect(cancel())
        .to.emit(w.escrow, "RedemptionMoved")
        .withArgs(w.id, w.holder.address, STATE.locked, STATE.returned, REDEEMED, ZeroHash)
        .and.to.emit(w.coin, "Transfer")
        .withArgs(await w.escrow.getAddress(), w.holder.address, REDEEMED);
    });
  });
});
