import { expect } from "chai";
import { ZeroHash } from "ethers";
import type { RedemptionWorld } from "../../../support/redemption.ts";
import {
  REDEEMED,
  STATE,
  deployRedemption,
  freezeHolder,
  reach,
  readRedemption,
  statesExcept,
} from "../../../support/redemption.ts";
import { at, createLoader } from "../../../support/treasury.ts";

const load = await createLoader(deployRedemption);

describe("RedemptionEscrow.dispute", () => {
  let w: RedemptionWorld;
  const dispute = (caller = w.holder) => w.escrow.connect(caller).dispute(w.id);

  beforeEach(async () => {
    w = await load();
  });

  describe("requires", () => {
    for (const [state, number] of statesExcept("sent")) {
      it(`reverts with RedemptionStateInvalid(id, ${number}) when it is ${state} [REDEMPTION-2]`, async () => {
        await reach(w, state);
        await expect(dispute())
          .to.be.revertedWithCustomError(w.escrow, "RedemptionStateInvalid")
          .withArgs(w.id, number);
      });
    }

    it("reverts with RedemptionHolderOnly(agent, holder) for the agent", async () => {
      await reach(w, "sent");
      await expect(dispute(w.agent))
        .to.be.revertedWithCustomError(w.escrow, "RedemptionHolderOnly")
        .withArgs(w.agent.address, w.holder.address);
    });

    it("disputes one second before finalBy", async () => {
      await reach(w, "sent");
      await at(w.connection, w.terms.finalBy - 1n);
      await dispute();
    });

    for (const late of [0n, 1n]) {
      it(`reverts with RedemptionDeadlinePassed(finalBy, finalBy + ${late})`, async () => {
        await reach(w, "sent");
        await at(w.connection, w.terms.finalBy + late);
        await expect(dispute())
          .to.be.revertedWithCustomError(w.escrow, "RedemptionDeadlinePassed")
          .withArgs(w.terms.finalBy, w.terms.finalBy + late);
      });
    }
  });

  describe("ensures", () => {
    it("the redemption is disputed, the coins stay, nothing else changes", async () => {
      await reach(w, "sent");
      const before = await readRedemption(w);
      await dispute();
      expect(await readRedemption(w)).to.deep.equal({
        ...before,
        state: STATE.disputed,
        sent: before.sent - REDEEMED,
        disputed: before.disputed + REDEEMED,
      });
    });

    it("works under every pause of the coin and for a frozen holder", async () => {
      await reach(w, "sent");
      await freezeHolder(w);
      await w.coin.pause(63);
      await dispute();
      expect(await w.escrow.stateOf(w.id)).to.equal(STATE.disputed);
    });
  });

  describe("emits", () => {
    it("RedemptionMoved from Sent to Disputed with the holder as actor", async () => {
      await reach(w, "sent");
      await expect(dispute())
        .to.emit(w.escrow, "RedemptionMoved")
        .withArgs(w.id, w.holder.address, STATE.sent, STATE.disputed, REDEEMED, ZeroHash);
    });
  });
});
