import { expect } from "chai";
import type { CommerceWorld } from "../../../support/commerce.ts";
import {
  AMOUNT,
  ARBITRATION,
  BPS,
  CLOSED,
  GAS_FLOOR,
  MAX_BPS,
  MIN_BPS,
  PART,
  STEP,
  authorize,
  credited,
  deployCommerce,
  deployHostile,
  dispute,
  feeOf,
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

describe("CommerceEscrow.resolve", () => {
  let w: CommerceWorld;

  beforeEach(async () => {
    w = await load();
    await reach(w, "disputed");
  });

  describe("requires", () => {
    itRequiresOrder(() => w, "resolve");

    for (const situation of ["authorized", "partly captured", ...CLOSED.slice(0, -1)] as const)
      it(`reverts with CommerceNotDisputed(id) when it is ${situation}`, async () => {
        const other = await withTerms(w, { salt: w.id });
        await reach(other, situation as "authorized");
        await expect(send(other, "resolve"))
          .to.be.revertedWithCustomError(w.escrow, "CommerceNotDisputed")
          .withArgs(other.id);
      });

    it("resolves one second before captureBy and 15 days", async () => {
      await at(w.connection, w.terms.captureBy + ARBITRATION - 1n);
      await send(w, "resolve");
    });

    for (const late of [0n, 1n])
      it(`reverts with CommerceDeadlinePassed(d, d + ${late}) from captureBy and 15 days on`, async () => {
        const deadline = w.terms.captureBy + ARBITRATION;
        await at(w.connection, deadline + late);
        await expect(send(w, "resolve"))
          .to.be.revertedWithCustomError(w.escrow, "CommerceDeadlinePassed")
          .withArgs(deadline, deadline + late);
      });

    it("reverts with CommerceStateChanged(id, 0, PART) for an order given before a void", async () => {
      await send(w, "void");
      await expect(send(w, "resolve", { voided: 0n }))
        .to.be.revertedWithCustomError(w.escrow, "CommerceStateChanged")
        .withArgs(w.id, 0n, PART);
    });

    it("reverts with CommerceStateChanged(id, PART, 0) for an order given before a capture", async () => {
      const other = await withTerms(w, { salt: w.id });
      await reach(other, "partly captured and disputed");
      await expect(send(other, "resolve", { captured: 0n }))
        .to.be.revertedWithCustomError(w.escrow, "CommerceStateChanged")
        .withArgs(other.id, PART, 0n);
    });

    for (const toMerchant of [0n, 1n, AMOUNT - 1n, AMOUNT])
      it(`resolves with ${toMerchant} to the merchant`, async () => {
        await send(w, "resolve", { toMerchant });
      });

    it("reverts with CommerceAmountExceeded(id, AMOUNT + 1, AMOUNT)", async () => {
      await expect(send(w, "resolve", { toMerchant: AMOUNT + 1n }))
        .to.be.revertedWithCustomError(w.escrow, "CommerceAmountExceeded")
        .withArgs(w.id, AMOUNT + 1n, AMOUNT);
    });

    it("reverts with CommerceAmountExceeded(id, rest + 1, rest) after a void", async () => {
      await send(w, "void");
      const rest = AMOUNT - PART;
      await expect(send(w, "resolve", { toMerchant: rest + 1n }))
        .to.be.revertedWithCustomError(w.escrow, "CommerceAmountExceeded")
        .withArgs(w.id, rest + 1n, rest);
    });

    for (const feeBps of [MIN_BPS, MAX_BPS])
      it(`resolves at the bound of ${feeBps}`, async () => {
        await send(w, "resolve", { feeBps });
      });

    for (const toMerchant of [0n, PART])
      for (const feeBps of [MIN_BPS - 1n, MAX_BPS + 1n])
        it(`reverts with CommerceFeeOutOfBounds(${feeBps}, ${MIN_BPS}, ${MAX_BPS}) for ${toMerchant}`, async () => {
          await expect(send(w, "resolve", { toMerchant, feeBps }))
            .to.be.revertedWithCustomError(w.escrow, "CommerceFeeOutOfBounds")
            .withArgs(feeBps, MIN_BPS, MAX_BPS);
        });

    for (const feeBps of [BPS - 1n, BPS + 1n])
      it(`reverts with CommerceFeeFixed(${feeBps}, ${BPS}) for another rate than the first`, async () => {
        const other = await withTerms(w, { salt: w.id });
        await reach(other, "partly captured and disputed");
        await expect(send(other, "resolve", { feeBps }))
          .to.be.revertedWithCustomError(w.escrow, "CommerceFeeFixed")
          .withArgs(feeBps, BPS);
      });

    it("reverts with EscrowGasTooLow(available, 250000) with less gas than the floor", async () => {
      await expect(send(w, "resolve", {}, { gasLimit: 300_000n }))
        .to.be.revertedWithCustomError(w.escrow, "EscrowGasTooLow")
        .withArgs((available: bigint) => available < GAS_FLOOR, GAS_FLOOR);
    });
  });

  describe("ensures", () => {
    const verified = async (toMerchant: bigint) => {
      const before = await readPayment(w);
      await send(w, "resolve", { toMerchant });
      const rest = AMOUNT - before.captured - before.voided - toMerchant;
      const fee = feeOf(before.captured + toMerchant) - feeOf(before.captured);
      expect(await readPayment(w)).to.deep.equal({ ...paid(before, { amount: toMerchant, fee, rest }), disputed: false });
    };

    for (const [title, toMerchant] of [
      ["a part", PART],
      ["all", AMOUNT],
      ["nothing", 0n],
    ] as const)
      it(`the merchant has ${title} less the fee, the payer the rest, nothing remains, nothing else changes`, async () => {
        await verified(toMerchant);
      });

    it("after captures and voids it divides what remains, and the fee is that of the total", async () => {
      w = await withTerms(w, { salt: w.id });
      await reach(w, "partly captured and disputed");
      await send(w, "void", { amount: 7n });
      await verified(PART);
    });

    it("where the coin refuses, each party has a credit for its part [ESCROW-3]", async () => {
      const hostile = await loadHostile();
      await reach(hostile, "disputed");
      await hostile.coin.setRefusing(true);
      const before = await readPayment(hostile);
      await send(hostile, "resolve");
      expect(await readPayment(hostile)).to.deep.equal(
        credited(before, { amount: PART, fee: feeOf(PART), rest: AMOUNT - PART }),
      );
    });

    for (const party of ["payer", "merchant", "feeReceiver"] as const)
      it(`all three are paid while the ${party} is frozen`, async () => {
        await freeze(w, w[party].address);
        await verified(PART);
      });

    it("an arbiter that is a contract signs by ERC-1271", async () => {
      const wallet = await w.connection.ethers.deployContract("CoinMockWallet", [w.arbiter]);
      w = await withTerms(w, { arbiter: await wallet.getAddress() });
      await authorize(w);
      await dispute(w);
      await verified(PART);
    });
  });

  describe("emits", () => {
    it("PaymentMoved with the arbiter as actor, what went to the merchant, the fee and the totals", async () => {
      const other = await withTerms(w, { salt: w.id });
      await reach(other, "partly captured and disputed");
      await refund(other, 5n);
      const fee = feeOf(2n * PART) - feeOf(PART);
      await expect(send(other, "resolve"))
        .to.emit(w.escrow, "PaymentMoved")
        .withArgs(other.id, w.arbiter.address, STEP.resolve, PART, fee, 2n * PART, AMOUNT - 2n * PART, 5n)
        .and.to.not.emit(w.escrow, "EscrowCredited");
    });

    it("EscrowCredited(id, coin, party, payer, amount) for each party that cannot be paid", async () => {
      const hostile = await loadHostile();
      await reach(hostile, "disputed");
      await hostile.coin.setRefusing(true);
      const { coin, payer, merchant, feeReceiver } = hostile.terms;
      const fee = feeOf(PART);
      await expect(send(hostile, "resolve"))
        .to.emit(hostile.escrow, "EscrowCredited")
        .withArgs(hostile.id, coin, merchant, payer, PART - fee)
        .and.to.emit(hostile.escrow, "EscrowCredited")
        .withArgs(hostile.id, coin, feeReceiver, payer, fee)
        .and.to.emit(hostile.escrow, "EscrowCredited")
        .withArgs(hostile.id, coin, payer, payer, AMOUNT - PART);
    });
  });
});
