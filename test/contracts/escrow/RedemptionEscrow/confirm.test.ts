import { expect } from "chai";
import { ZeroAddress } from "ethers";
import type { RedemptionWorld } from "../../../support/redemption.ts";
import {
  BANK_REFERENCE,
  GAS_FLOOR,
  REDEEMED,
  STATE,
  deployHostile,
  deployRedemption,
  expectAllOrNothing,
  freezeHolder,
  reach,
  readRedemption,
  statesExcept,
} from "../../../support/redemption.ts";
import { ROLES, at, createLoader } from "../../../support/treasury.ts";

const load = await createLoader(deployRedemption);
const loadHostile = await createLoader(deployHostile);

describe("RedemptionEscrow.confirm", () => {
  let w: RedemptionWorld;
  const confirm = (caller = w.agent) => w.escrow.connect(caller).confirm(w.id, BANK_REFERENCE);
  const itDefers = (title: string, obstruct: () => Promise<unknown>) => {
    it(`the amount waits to be burned and the redemption is burned all the same while ${title}`, async () => {
      await reach(w, "sent");
      await obstruct();
      const before = await readRedemption(w);
      await confirm();
      expect(await readRedemption(w)).to.deep.equal({
        ...before,
        state: STATE.burned,
        sent: before.sent - REDEEMED,
        toBurn: before.toBurn + REDEEMED,
      });
    });
  };

  beforeEach(async () => {
    w = await load();
  });

  describe("requires", () => {
    it("reverts with AccessManagedUnauthorized(holder) for the holder", async () => {
      await reach(w, "sent");
      await expect(confirm(w.holder))
        .to.be.revertedWithCustomError(w.escrow, "AccessManagedUnauthorized")
        .withArgs(w.holder.address);
    });

    for (const [state, number] of statesExcept("sent")) {
      it(`reverts with RedemptionStateInvalid(id, ${number}) when it is ${state} [REDEMPTION-2]`, async () => {
        await reach(w, state);
        await expect(confirm())
          .to.be.revertedWithCustomError(w.escrow, "RedemptionStateInvalid")
          .withArgs(w.id, number);
      });
    }

    it("confirms one second before finalBy", async () => {
      await reach(w, "sent");
      await at(w.connection, w.terms.finalBy - 1n);
      await confirm();
    });

    for (const late of [0n, 1n]) {
      it(`reverts with RedemptionDeadlinePassed(finalBy, finalBy + ${late})`, async () => {
        await reach(w, "sent");
        await at(w.connection, w.terms.finalBy + late);
        await expect(confirm())
          .to.be.revertedWithCustomError(w.escrow, "RedemptionDeadlinePassed")
          .withArgs(w.terms.finalBy, w.terms.finalBy + late);
      });
    }

    it("reverts with EscrowGasTooLow(available, 250000) with less gas than the floor", async () => {
      await reach(w, "sent");
      const enough = await w.escrow.connect(w.agent).confirm.estimateGas(w.id, BANK_REFERENCE);
      await expect(w.escrow.connect(w.agent).confirm(w.id, BANK_REFERENCE, { gasLimit: enough - 5_000n }))
        .to.be.revertedWithCustomError(w.escrow, "EscrowGasTooLow")
        .withArgs((available: bigint) => available > GAS_FLOOR - 10_000n && available < GAS_FLOOR, GAS_FLOOR);
    });

    it("reverts with RedemptionStateInvalid(id, 5) for a late confirmation: nothing is both returned and burned", async () => {
      await reach(w, "sent");
      await at(w.connection, w.terms.finalBy);
      await w.escrow.connect(w.stranger).reclaim(w.id);
      const before = await readRedemption(w);
      await expect(confirm())
        .to.be.revertedWithCustomError(w.escrow, "RedemptionStateInvalid")
        .withArgs(w.id, STATE.returned);
      expect(await readRedemption(w)).to.deep.equal(before);
    });
  });

  describe("ensures", () => {
    it("the coins are burned, the redemption is burned, nothing else changes", async () => {
      await reach(w, "sent");
      const before = await readRedemption(w);
      await confirm();
      expect(await readRedemption(w)).to.deep.equal({
        ...before,
        state: STATE.burned,
        escrow: before.escrow - REDEEMED,
        supply: before.supply - REDEEMED,
        held: before.held - REDEEMED,
        sent: before.sent - REDEEMED,
      });
    });

    it("a frozen holder changes nothing about it", async () => {
      await reach(w, "sent");
      await freezeHolder(w);
      await confirm();
      expect(await w.escrow.stateOf(w.id)).to.equal(STATE.burned);
      expect(await w.escrow.toBurn(w.coin)).to.equal(0n);
    });

    itDefers("burning is paused in the coin", () => w.coin.pause(8));
    itDefers("every function of the coin is paused", () => w.coin.pause(63));
    itDefers("the escrow's role to burn is revoked", () => w.manager.revokeRole(ROLES.burner, w.escrow));
    itDefers("the escrow's role to burn has a delay", () => w.manager.grantRole(ROLES.burner, w.escrow, 3_600));

    it("gas decides only between burned and nothing, at every limit [ESCROW-4]", async () => {
      await reach(w, "sent");
      const before = await readRedemption(w);
      await expectAllOrNothing(w, {
        send: (gasLimit) => w.escrow.connect(w.agent).confirm(w.id, BANK_REFERENCE, { gasLimit }),
        all: {
          ...before,
          state: STATE.burned,
          escrow: before.escrow - REDEEMED,
          supply: before.supply - REDEEMED,
          held: before.held - REDEEMED,
          sent: before.sent - REDEEMED,
        },
      });
    });

    it("nothing is returned after the burn was put off, not even at finalBy", async () => {
      await reach(w, "sent");
      await w.coin.pause(8);
      await confirm();
      await at(w.connection, w.terms.finalBy);
      await expect(w.escrow.reclaim(w.id))
        .to.be.revertedWithCustomError(w.escrow, "RedemptionStateInvalid")
        .withArgs(w.id, STATE.burned);
    });

    it("a coin that refuses to burn for its own reasons only puts it off", async () => {
      const hostile = await loadHostile();
      await reach(hostile, "sent");
      await hostile.coin.setRefusing(true);
      await hostile.escrow.connect(hostile.agent).confirm(hostile.id, BANK_REFERENCE);
      expect(await hostile.escrow.toBurn(hostile.coin)).to.equal(REDEEMED);
    });
  });

  describe("emits", () => {
    it("RedemptionMoved from Sent to Burned with the bank reference, and the coin's Transfer to zero", async () => {
      await reach(w, "sent");
      await expect(confirm())
        .to.emit(w.escrow, "RedemptionMoved")
        .withArgs(w.id, w.agent.address, STATE.sent, STATE.burned, REDEEMED, BANK_REFERENCE)
        .and.to.emit(w.coin, "Transfer")
        .withArgs(await w.escrow.getAddress(), ZeroAddress, REDEEMED);
    });

    it("RedemptionBurnDeferred(id, coin, amount) beside it when the burn waits", async () => {
      await reach(w, "sent");
      await w.coin.pause(8);
      await expect(confirm())
        .to.emit(w.escrow, "RedemptionMoved")
        .withArgs(w.id, w.agent.address, STATE.sent, STATE.burned, REDEEMED, BANK_REFERENCE)
        .and.to.emit(w.escrow, "RedemptionBurnDeferred")
        .withArgs(w.id, await w.coin.getAddress(), REDEEMED);
    });
  });
});
