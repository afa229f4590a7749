import { expect } from "chai";
import { id } from "ethers";
import type { CommerceWorld } from "../../../support/commerce.ts";
import {
  CLOSED,
  GAS_FLOOR,
  OPEN,
  STEP,
  authorize,
  credited,
  deployCommerce,
  deployHostile,
  freeze,
  paid,
  reach,
  readPayment,
  withTerms,
} from "../../../support/commerce.ts";
import { at, createLoader } from "../../../support/treasury.ts";

const load = await createLoader(deployCommerce);
const loadHostile = await createLoader(deployHostile);

describe("CommerceEscrow.reclaim", () => {
  let w: CommerceWorld;
  /** A random address: merchant, payer and operator are gone. */
  const reclaim = () => w.escrow.connect(w.stranger).reclaim(w.terms);
  const restOf = ({ authorized, captured, voided }: { authorized: bigint; captured: bigint; voided: bigint }) =>
    authorized - captured - voided;

  beforeEach(async () => {
    w = await load();
  });

  describe("requires", () => {
    it("reverts with CommerceUnknown(id) for terms that were never authorized", async () => {
      await authorize(w);
      const other = await withTerms(w, { salt: id("salt 2") });
      await at(w.connection, w.terms.captureBy);
      await expect(w.escrow.reclaim(other.terms))
        .to.be.revertedWithCustomError(w.escrow, "CommerceUnknown")
        .withArgs(other.id);
    });

    for (const situation of CLOSED)
      it(`reverts with CommerceNothingLeft(id) when it is ${situation}`, async () => {
        await at(w.connection, (await reach(w, situation)) + 1n);
        await expect(reclaim()).to.be.revertedWithCustomError(w.escrow, "CommerceNothingLeft").withArgs(w.id);
      });

    for (const situation of OPEN) {
      it(`reverts with CommerceDeadlineNotReached(d, d - 1) when it is ${situation}`, async () => {
        const deadline = await reach(w, situation);
        await at(w.connection, deadline - 1n);
        await expect(reclaim())
          .to.be.revertedWithCustomError(w.escrow, "CommerceDeadlineNotReached")
          .withArgs(deadline, deadline - 1n);
      });

      for (const late of [0n, 1n])
        it(`acts at d + ${late} when it is ${situation}, called by a stranger`, async () => {
          await at(w.connection, (await reach(w, situation)) + late);
          await reclaim();
        });
    }

    it("reverts with EscrowGasTooLow(available, 250000) with less gas than the floor", async () => {
      await at(w.connection, await reach(w, "authorized"));
      await expect(w.escrow.connect(w.stranger).reclaim(w.terms, { gasLimit: 280_000n }))
        .to.be.revertedWithCustomError(w.escrow, "EscrowGasTooLow")
        .withArgs((available: bigint) => available < GAS_FLOOR, GAS_FLOOR);
    });
  });

  describe("ensures", () => {
    for (const situation of OPEN) {
      it(`the payer has all that remained when it is ${situation}, no dispute is open, nothing else changes`, async () => {
        await at(w.connection, await reach(w, situation));
        const before = await readPayment(w);
        await reclaim();
        expect(await readPayment(w)).to.deep.equal(paid(before, { rest: restOf(before) }));
      });

      it(`a pause of everything does not run down the deadline of a payment that is ${situation}`, async () => {
        const deadline = await reach(w, situation);
        await w.coin.pause(63);
        await at(w.connection, deadline);
        const before = await readPayment(w);
        await reclaim();
        expect(await readPayment(w)).to.deep.equal(paid(before, { rest: restOf(before) }));
      });
    }

    it("a frozen payer is paid", async () => {
      const deadline = await reach(w, "authorized");
      await freeze(w, w.payer.address);
      await at(w.connection, deadline);
      const before = await readPayment(w);
      await reclaim();
      expect(await readPayment(w)).to.deep.equal(paid(before, { rest: w.terms.amount }));
    });

    it("where the coin refuses, the payer has a credit [ESCROW-3]", async () => {
      const hostile = await loadHostile();
      await at(hostile.connection, await reach(hostile, "partly captured"));
      await hostile.coin.setRefusing(true);
      await at(hostile.connection, hostile.terms.captureBy + 1n);
      const before = await readPayment(hostile);
      await hostile.escrow.connect(hostile.stranger).reclaim(hostile.terms);
      expect(await readPayment(hostile)).to.deep.equal(credited(before, { rest: restOf(before) }));
    });
  });

  describe("emits", () => {
    for (const situation of OPEN)
      it(`PaymentMoved with the caller as actor and the totals when it is ${situation}`, async () => {
        await at(w.connection, await reach(w, situation));
        const { captured, authorized, refunded, ...before } = await readPayment(w);
        const rest = restOf({ captured, authorized, ...before });
        await expect(reclaim())
          .to.emit(w.escrow, "PaymentMoved")
          .withArgs(w.id, w.stranger.address, STEP.reclaim, rest, 0n, captured, authorized - captured, refunded)
          .and.to.not.emit(w.escrow, "EscrowCredited");
      });

    it("EscrowCredited(id, coin, payer, payer, amount) beside it for a credit", async () => {
      const hostile = await loadHostile();
      await reach(hostile, "authorized");
      await hostile.coin.setRefusing(true);
      await at(hostile.connection, hostile.terms.captureBy);
      const { coin, payer, amount } = hostile.terms;
      await expect(hostile.escrow.reclaim(hostile.terms))
        .to.emit(hostile.escrow, "EscrowCredited")
        .withArgs(hostile.id, coin, payer, payer, amount);
    });
  });
});
