import { expect } from "chai";
import type { CommerceWorld, Situation } from "../../../support/commerce.ts";
import {
  AMOUNT,
  ARBITRATION,
  CLOSED,
  GAS_FLOOR,
  PART,
  STEP,
  authorize,
  credited,
  deployCommerce,
  deployHostile,
  dispute,
  freeze,
  itRequiresOrder,
  paid,
  reach,
  readPayment,
  refund,
  send,
  withTerms,
} from "../../../support/commerce.ts";
import { at, createLoader } from "../../../support/treasury.ts";

const load = await createLoader(deployCommerce);
const loadHostile = await createLoader(deployHostile);

describe("CommerceEscrow.void", () => {
  let w: CommerceWorld;

  beforeEach(async () => {
    w = await load();
    await authorize(w);
  });

  describe("requires", () => {
    itRequiresOrder(() => w, "void");

    for (const [title, extra] of [
      ["captureBy", 0n],
      ["captureBy and 15 days while disputed", ARBITRATION],
    ] as const) {
      const begin = async () => {
        if (extra > 0n) await dispute(w);
        return w.terms.captureBy + extra;
      };

      it(`voids one second before ${title}`, async () => {
        await at(w.connection, (await begin()) - 1n);
        await send(w, "void");
      });

      for (const late of [0n, 1n])
        it(`reverts with CommerceDeadlinePassed(d, d + ${late}) from ${title} on`, async () => {
          const deadline = await begin();
          await at(w.connection, deadline + late);
          await expect(send(w, "void"))
            .to.be.revertedWithCustomError(w.escrow, "CommerceDeadlinePassed")
            .withArgs(deadline, deadline + late);
        });
    }

    it("reverts with CommerceStateChanged(id, PART, 0) for an order given before a capture", async () => {
      await send(w, "capture");
      await expect(send(w, "void", { captured: 0n }))
        .to.be.revertedWithCustomError(w.escrow, "CommerceStateChanged")
        .withArgs(w.id, PART, 0n);
    });

    it("reverts with CommerceStateChanged(id, 0, PART) for an order given before another void", async () => {
      await send(w, "void");
      await expect(send(w, "void", { voided: 0n }))
        .to.be.revertedWithCustomError(w.escrow, "CommerceStateChanged")
        .withArgs(w.id, 0n, PART);
    });

    it("reverts with CommerceZeroAmount()", async () => {
      await expect(send(w, "void", { amount: 0n }))
        .to.be.revertedWithCustomError(w.escrow, "CommerceZeroAmount")
        .withArgs();
    });

    for (const amount of [1n, AMOUNT - 1n, AMOUNT])
      it(`voids ${amount}`, async () => {
        await send(w, "void", { amount });
      });

    it("reverts with CommerceAmountExceeded(id, AMOUNT + 1, AMOUNT)", async () => {
      await expect(send(w, "void", { amount: AMOUNT + 1n }))
        .to.be.revertedWithCustomError(w.escrow, "CommerceAmountExceeded")
        .withArgs(w.id, AMOUNT + 1n, AMOUNT);
    });

    for (const situation of CLOSED.filter((name) => name !== "reclaimed"))
      it(`reverts with CommerceAmountExceeded(id, 1, 0) when it is ${situation}`, async () => {
        const other = await withTerms(w, { salt: w.id });
        await reach(other, situation);
        await expect(send(other, "void", { amount: 1n }))
          .to.be.revertedWithCustomError(w.escrow, "CommerceAmountExceeded")
          .withArgs(other.id, 1n, 0n);
      });

    it("reverts with EscrowGasTooLow(available, 250000) with less gas than the floor", async () => {
      await expect(send(w, "void", {}, { gasLimit: 280_000n }))
        .to.be.revertedWithCustomError(w.escrow, "EscrowGasTooLow")
        .withArgs((available: bigint) => available < GAS_FLOOR, GAS_FLOOR);
    });
  });

  describe("ensures", () => {
    const verified = async (amount: bigint) => {
      const before = await readPayment(w);
      await send(w, "void", { amount });
      expect(await readPayment(w)).to.deep.equal(paid(before, { rest: amount }));
    };

    for (const [title, amount] of [
      ["a part", PART],
      ["the whole", AMOUNT],
    ] as const)
      it(`the payer has ${title} back, nothing else changes`, async () => {
        await verified(amount);
      });

    it("what was captured and the rate stay, and all that remains can be given back", async () => {
      await send(w, "capture");
      await verified(AMOUNT - PART);
    });

    it("an open dispute stays open while something remains, and is over when nothing does", async () => {
      await dispute(w);
      await verified(PART);
      expect((await readPayment(w)).disputed).to.equal(true);
      await verified(AMOUNT - PART);
      expect((await readPayment(w)).disputed).to.equal(false);
    });

    it("a frozen payer is paid, and what it got stays frozen", async () => {
      await freeze(w, w.payer.address);
      await verified(PART);
      await expect(w.coin.connect(w.payer).transfer(w.stranger, 1n))
        .to.be.revertedWithCustomError(w.coin, "StablecoinFrozen")
        .withArgs(w.payer.address);
    });

    it("where the coin refuses, the payer has a credit [ESCROW-3]", async () => {
      const hostile = await loadHostile();
      await authorize(hostile);
      await hostile.coin.setRefusing(true);
      const before = await readPayment(hostile);
      await send(hostile, "void");
      expect(await readPayment(hostile)).to.deep.equal(credited(before, { rest: PART }));
    });
  });

  describe("emits", () => {
    const totals: [Situation, bigint, bigint, bigint][] = [
      ["authorized", 0n, PART, 0n],
      ["partly captured", PART, PART, 0n],
      ["partly refunded", PART, PART, 1n],
      ["partly voided", 0n, 2n * PART, 0n],
    ];
    for (const [situation, captured, voided, refunded] of totals)
      it(`PaymentMoved with the merchant as actor and the totals when it is ${situation}`, async () => {
        const other = await withTerms(w, { salt: w.id });
        await reach(other, situation);
        await expect(send(other, "void"))
          .to.emit(w.escrow, "PaymentMoved")
          .withArgs(other.id, w.merchant.address, STEP.void, PART, 0n, captured, voided, refunded)
          .and.to.not.emit(w.escrow, "EscrowCredited");
      });

    it("EscrowCredited(id, coin, payer, payer, amount) beside it for a credit", async () => {
      const hostile = await loadHostile();
      await authorize(hostile);
      await hostile.coin.setRefusing(true);
      const { coin, payer } = hostile.terms;
      await expect(send(hostile, "void"))
        .to.emit(hostile.escrow, "EscrowCredited")
        .withArgs(hostile.id, coin, payer, payer, PART);
    });
  });
});
