import { expect } from "chai";
import { ZeroHash, id } from "ethers";
import type { RedemptionWorld } from "../../../support/redemption.ts";
import {
  DISPUTE_TERM,
  GAS_FLOOR,
  OPEN_STATES,
  REDEEMED,
  STATE,
  deployHostile,
  deployRedemption,
  expectAllOrNothing,
  freezeHolder,
  idOf,
  lock,
  reach,
  reachOpen,
  readRedemption,
  returnedFrom,
  statesExcept,
} from "../../../support/redemption.ts";
import { at, createLoader } from "../../../support/treasury.ts";

const load = await createLoader(deployRedemption);
const loadHostile = await createLoader(deployHostile);

describe("RedemptionEscrow.reclaim", () => {
  let w: RedemptionWorld;
  /** A random address: the operator and the holder are gone. */
  const reclaim = () => w.escrow.connect(w.stranger).reclaim(w.id);

  beforeEach(async () => {
    w = await load();
  });

  describe("requires", () => {
    for (const [state, number] of statesExcept(...OPEN_STATES)) {
      it(`reverts with RedemptionStateInvalid(id, ${number}) when it is ${state}`, async () => {
        await reach(w, state);
        await at(w.connection, w.terms.finalBy + DISPUTE_TERM);
        await expect(reclaim())
          .to.be.revertedWithCustomError(w.escrow, "RedemptionStateInvalid")
          .withArgs(w.id, number);
      });
    }

    for (const state of OPEN_STATES) {
      it(`reverts with RedemptionDeadlineNotReached(d, d - 1) when it is ${state}`, async () => {
        const deadline = await reachOpen(w, state);
        await at(w.connection, deadline - 1n);
        await expect(reclaim())
          .to.be.revertedWithCustomError(w.escrow, "RedemptionDeadlineNotReached")
          .withArgs(deadline, deadline - 1n);
      });

      for (const late of [0n, 1n]) {
        it(`acts at d + ${late} when it is ${state}, called by a stranger`, async () => {
          const deadline = await reachOpen(w, state);
          await at(w.connection, deadline + late);
          await reclaim();
        });
      }
    }

    it("reverts with EscrowGasTooLow(available, 250000) with less gas than the floor", async () => {
      const deadline = await reachOpen(w, "sent");
      await at(w.connection, deadline);
      const enough = await w.escrow.connect(w.stranger).reclaim.estimateGas(w.id);
      await at(w.connection, deadline + 1n);
      await expect(w.escrow.connect(w.stranger).reclaim(w.id, { gasLimit: enough - 5_000n }))
        .to.be.revertedWithCustomError(w.escrow, "EscrowGasTooLow")
        .withArgs((available: bigint) => available > GAS_FLOOR - 10_000n && available < GAS_FLOOR, GAS_FLOOR);
    });
  });

  describe("ensures", () => {
    for (const state of OPEN_STATES) {
      it(`the holder has the coins back from ${state}, nothing else changes`, async () => {
        const deadline = await reachOpen(w, state);
        await at(w.connection, deadline);
        const before = await readRedemption(w);
        await reclaim();
        expect(await readRedemption(w)).to.deep.equal(returnedFrom(before, state));
      });

      it(`a pause of everything does not run down the deadline of a redemption that is ${state}`, async () => {
        const deadline = await reachOpen(w, state);
        await w.coin.pause(63);
        await at(w.connection, deadline);
        const before = await readRedemption(w);
        await reclaim();
        expect(await readRedemption(w)).to.deep.equal(returnedFrom(before, state));
      });

      it(`a frozen holder has the coins back from ${state}, where they stay frozen`, async () => {
        const deadline = await reachOpen(w, state);
        await freezeHolder(w);
        await at(w.connection, deadline);
        const before = await readRedemption(w);
        await reclaim();
        expect(await readRedemption(w)).to.deep.equal(returnedFrom(before, state));
        await expect(w.coin.connect(w.holder).transfer(w.stranger, 1n))
          .to.be.revertedWithCustomError(w.coin, "StablecoinFrozen")
          .withArgs(w.holder.address);
      });

      it(`where the coin refuses to pay, the holder has a credit from ${state} [ESCROW-3]`, async () => {
        const hostile = await loadHostile();
        const deadline = await reachOpen(hostile, state);
        await hostile.coin.setRefusing(true);
        await at(hostile.connection, deadline);
        const before = await readRedemption(hostile);
        await hostile.escrow.connect(hostile.stranger).reclaim(hostile.id);
        expect(await readRedemption(hostile)).to.deep.equal({
          ...before,
          state: STATE.returned,
          credit: before.credit + REDEEMED,
          [state]: before[state] - REDEEMED,
        });
      });
    }

    it("a coin that burns its gas makes the call revert, and a credit only where gas is plenty", async () => {
      const hostile = await loadHostile();
      const deadline = await reachOpen(hostile, "locked");
      await hostile.coin.setBurningGas(true);
      await at(hostile.connection, deadline);
      const before = await readRedemption(hostile);
      await expect(hostile.escrow.connect(hostile.stranger).reclaim(hostile.id, { gasLimit: 400_000n })).to.be.revert(
        hostile.connection.ethers,
      );
      expect(await readRedemption(hostile)).to.deep.equal(before);
      await hostile.escrow.connect(hostile.stranger).reclaim(hostile.id, { gasLimit: 16_000_000n });
      expect(await hostile.escrow.creditOf(hostile.coin, hostile.holder, hostile.holder)).to.equal(REDEEMED);
    });

    it("gas decides only between all and nothing, at every limit [ESCROW-4]", async () => {
      await reach(w, "locked");
      await at(w.connection, w.terms.acceptBy);
      const before = await readRedemption(w);
      await expectAllOrNothing(w, {
        send: (gasLimit) => w.escrow.connect(w.stranger).reclaim(w.id, { gasLimit }),
        all: returnedFrom(before, "locked"),
      });
    });

    it("a holder that became an escrow has a credit", async () => {
      const wallet = await w.connection.ethers.deployContract("CoinMockWallet", [w.holder]);
      const holder = await wallet.getAddress();
      await w.treasury.connect(w.dealer).mint(w.coin, id("funds of the wallet"), holder, REDEEMED);
      const terms = { ...w.terms, holder };
      await lock(w, terms);
      await w.coin.flagEscrow(holder);
      await at(w.connection, terms.acceptBy);
      await w.escrow.connect(w.stranger).reclaim(await idOf(w.escrow, terms));
      expect(await w.escrow.creditOf(w.coin, holder, holder)).to.equal(REDEEMED);
      expect(await w.escrow.held(w.coin)).to.equal(REDEEMED);
    });
  });

  describe("emits", () => {
    for (const state of OPEN_STATES) {
      it(`RedemptionMoved from ${state} to returned with the caller as actor`, async () => {
        const deadline = await reachOpen(w, state);
        await at(w.connection, deadline);
        await expect(reclaim())
          .to.emit(w.escrow, "RedemptionMoved")
          .withArgs(w.id, w.stranger.address, STATE[state], STATE.returned, REDEEMED, ZeroHash)
          .and.to.not.emit(w.escrow, "EscrowCredited");
      });
    }

    it("EscrowCredited(id, coin, holder, holder, amount) beside it for a credit", async () => {
      const hostile = await loadHostile();
      const deadline = await reachOpen(hostile, "locked");
      await hostile.coin.setRefusing(true);
      await at(hostile.connection, deadline);
      await expect(hostile.escrow.connect(hostile.stranger).reclaim(hostile.id))
        .to.emit(hostile.escrow, "RedemptionMoved")
        .withArgs(hostile.id, hostile.stranger.address, STATE.locked, STATE.returned, REDEEMED, ZeroHash)
        .and.to.emit(hostile.escrow, "EscrowCredited")
        .withArgs(
          hostile.id,
          await hostile.coin.getAddress(),
          hostile.holder.address,
          hostile.holder.address,
          REDEEMED,
        );
    });
  });
});
