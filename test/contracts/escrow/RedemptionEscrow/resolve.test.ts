import { expect } from "chai";
import type { RedemptionWorld } from "../../../support/redemption.ts";
import {
  DISPUTE_TERM,
  GAS_FLOOR,
  GROUNDS,
  REDEEMED,
  STATE,
  burnedFrom,
  deployHostile,
  deployRedemption,
  expectAllOrNothing,
  freezeHolder,
  reach,
  readRedemption,
  returnedFrom,
  statesExcept,
} from "../../../support/redemption.ts";
import { at, createLoader } from "../../../support/treasury.ts";

const load = await createLoader(deployRedemption);
const loadHostile = await createLoader(deployHostile);

describe("RedemptionEscrow.resolve", () => {
  let w: RedemptionWorld;
  const resolve = (paid: boolean, caller = w.arbiter) => w.escrow.connect(caller).resolve(w.id, paid, GROUNDS);

  beforeEach(async () => {
    w = await load();
  });

  describe("requires", () => {
    for (const who of ["agent", "holder", "cosigner"] as const) {
      it(`reverts with AccessManagedUnauthorized(${who}) for the ${who}`, async () => {
        await reach(w, "disputed");
        await expect(resolve(true, w[who]))
          .to.be.revertedWithCustomError(w.escrow, "AccessManagedUnauthorized")
          .withArgs(w[who].address);
      });
    }

    for (const [state, number] of statesExcept("disputed")) {
      it(`reverts with RedemptionStateInvalid(id, ${number}) when it is ${state} [REDEMPTION-2]`, async () => {
        await reach(w, state);
        for (const paid of [true, false]) {
          await expect(resolve(paid))
            .to.be.revertedWithCustomError(w.escrow, "RedemptionStateInvalid")
            .withArgs(w.id, number);
        }
      });
    }

    for (const paid of [true, false]) {
      it(`resolves as ${paid ? "paid" : "not paid"} one second before finalBy + 15 days`, async () => {
        await reach(w, "disputed");
        await at(w.connection, w.terms.finalBy + DISPUTE_TERM - 1n);
        await resolve(paid);
      });

      for (const late of [0n, 1n]) {
        it(`reverts with RedemptionDeadlinePassed(d, d + ${late}) for ${paid ? "paid" : "not paid"}`, async () => {
          await reach(w, "disputed");
          const deadline = w.terms.finalBy + DISPUTE_TERM;
          await at(w.connection, deadline + late);
          await expect(resolve(paid))
            .to.be.revertedWithCustomError(w.escrow, "RedemptionDeadlinePassed")
            .withArgs(deadline, deadline + late);
        });
      }

      it(`reverts with EscrowGasTooLow(available, 250000) for ${paid ? "paid" : "not paid"} below the floor`, async () => {
        await reach(w, "disputed");
        const enough = await w.escrow.connect(w.arbiter).resolve.estimateGas(w.id, paid, GROUNDS);
        await expect(w.escrow.connect(w.arbiter).resolve(w.id, paid, GROUNDS, { gasLimit: enough - 5_000n }))
          .to.be.revertedWithCustomError(w.escrow, "EscrowGasTooLow")
          .withArgs((available: bigint) => available > GAS_FLOOR - 10_000n && available < GAS_FLOOR, GAS_FLOOR);
      });
    }
  });

  describe("ensures", () => {
    it("paid: the coins are burned, the redemption is burned, nothing else changes", async () => {
      await reach(w, "disputed");
      const before = await readRedemption(w);
      await resolve(true);
      expect(await readRedemption(w)).to.deep.equal(burnedFrom(before, "disputed"));
    });

    it("not paid: the holder has the coins back, the redemption is returned, nothing else changes", async () => {
      await reach(w, "disputed");
      const before = await readRedemption(w);
      await resolve(false);
      expect(await readRedemption(w)).to.deep.equal(returnedFrom(before, "disputed"));
    });

    it("paid while burning is paused: the amount waits to be burned", async () => {
      await reach(w, "disputed");
      await w.coin.pause(8);
      const before = await readRedemption(w);
      await resolve(true);
      expect(await readRedemption(w)).to.deep.equal({
        ...before,
        state: STATE.burned,
        disputed: before.disputed - REDEEMED,
        toBurn: before.toBurn + REDEEMED,
      });
    });

    it("not paid while everything is paused and the holder frozen: the coins go back all the same", async () => {
      await reach(w, "disputed");
      await freezeHolder(w);
      await w.coin.pause(63);
      const before = await readRedemption(w);
      await resolve(false);
      expect(await readRedemption(w)).to.deep.equal(returnedFrom(before, "disputed"));
    });

    it("not paid where the coin refuses to pay: the holder has a credit [ESCROW-3]", async () => {
      const hostile = await loadHostile();
      await reach(hostile, "disputed");
      await hostile.coin.setRefusing(true);
      const before = await readRedemption(hostile);
      await hostile.escrow.connect(hostile.arbiter).resolve(hostile.id, false, GROUNDS);
      expect(await readRedemption(hostile)).to.deep.equal({
        ...before,
        state: STATE.returned,
        disputed: before.disputed - REDEEMED,
        credit: before.credit + REDEEMED,
      });
    });

    for (const paid of [true, false]) {
      it(`gas decides only between all and nothing, at every limit, for ${paid ? "paid" : "not paid"} [ESCROW-4]`, async () => {
        await reach(w, "disputed");
        const before = await readRedemption(w);
        await expectAllOrNothing(w, {
          send: (gasLimit) => w.escrow.connect(w.arbiter).resolve(w.id, paid, GROUNDS, { gasLimit }),
          all: paid ? burnedFrom(before, "disputed") : returnedFrom(before, "disputed"),
        });
      });
    }
  });

  describe("emits", () => {
    for (const paid of [true, false]) {
      const to = paid ? "burned" : "returned";
      it(`RedemptionMoved from Disputed to ${to} with the grounds and the arbiter as actor`, async () => {
        await reach(w, "disputed");
        await expect(resolve(paid))
          .to.emit(w.escrow, "RedemptionMoved")
          .withArgs(w.id, w.arbiter.address, STATE.disputed, STATE[to], REDEEMED, GROUNDS);
      });
    }

    it("RedemptionBurnDeferred(id, coin, amount) beside it when the burn waits", async () => {
      await reach(w, "disputed");
      await w.coin.pause(8);
      await expect(resolve(true))
        .to.emit(w.escrow, "RedemptionBurnDeferred")
        .withArgs(w.id, await w.coin.getAddress(), REDEEMED);
    });

    it("EscrowCredited(id, coin, holder, holder, amount) beside it for a credit", async () => {
      const hostile = await loadHostile();
      await reach(hostile, "disputed");
      await hostile.coin.setRefusing(true);
      const { address } = hostile.holder;
      await expect(hostile.escrow.connect(hostile.arbiter).resolve(hostile.id, false, GROUNDS))
        .to.emit(hostile.escrow, "EscrowCredited")
        .withArgs(hostile.id, await hostile.coin.getAddress(), address, address, REDEEMED);
    });
  });
});
