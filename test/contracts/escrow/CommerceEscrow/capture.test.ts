import { expect } from "chai";
import type { CommerceWorld } from "../../../support/commerce.ts";
import {
  AMOUNT,
  BPS,
  CLOSED,
  GAS_FLOOR,
  MAX_BPS,
  MIN_BPS,
  PART,
  STEP,
  argumentsOf,
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

describe("CommerceEscrow.capture", () => {
  let w: CommerceWorld;

  beforeEach(async () => {
    w = await load();
    await authorize(w);
  });

  describe("requires", () => {
    itRequiresOrder(() => w, "capture");

    it("reverts with CommerceDisputed(id) while a dispute is open", async () => {
      await dispute(w);
      await expect(send(w, "capture")).to.be.revertedWithCustomError(w.escrow, "CommerceDisputed").withArgs(w.id);
    });

    it("captures one second before captureBy", async () => {
      await at(w.connection, w.terms.captureBy - 1n);
      await send(w, "capture");
    });

    for (const late of [0n, 1n])
      it(`reverts with CommerceDeadlinePassed(captureBy, captureBy + ${late})`, async () => {
        await at(w.connection, w.terms.captureBy + late);
        await expect(send(w, "capture"))
          .to.be.revertedWithCustomError(w.escrow, "CommerceDeadlinePassed")
          .withArgs(w.terms.captureBy, w.terms.captureBy + late);
      });

    it("reverts with CommerceStateChanged(id, PART, 0) for an order given before another capture", async () => {
      await send(w, "capture");
      await expect(send(w, "capture", { captured: 0n }))
        .to.be.revertedWithCustomError(w.escrow, "CommerceStateChanged")
        .withArgs(w.id, PART, 0n);
    });

    it("reverts with CommerceStateChanged(id, 0, PART) for an order given before a void", async () => {
      await send(w, "void");
      await expect(send(w, "capture", { voided: 0n }))
        .to.be.revertedWithCustomError(w.escrow, "CommerceStateChanged")
        .withArgs(w.id, 0n, PART);
    });

    it("reverts with CommerceZeroAmount()", async () => {
      await expect(send(w, "capture", { amount: 0n }))
        .to.be.revertedWithCustomError(w.escrow, "CommerceZeroAmount")
        .withArgs();
    });

    for (const amount of [1n, AMOUNT - 1n, AMOUNT])
      it(`captures ${amount}`, async () => {
        await send(w, "capture", { amount });
      });

    it("reverts with CommerceAmountExceeded(id, AMOUNT + 1, AMOUNT)", async () => {
      await expect(send(w, "capture", { amount: AMOUNT + 1n }))
        .to.be.revertedWithCustomError(w.escrow, "CommerceAmountExceeded")
        .withArgs(w.id, AMOUNT + 1n, AMOUNT);
    });

    it("reverts with CommerceAmountExceeded(id, rest + 1, rest) after a capture and a void", async () => {
      await send(w, "capture");
      await send(w, "void", { amount: 7n });
      const rest = AMOUNT - PART - 7n;
      await expect(send(w, "capture", { amount: rest + 1n }))
        .to.be.revertedWithCustomError(w.escrow, "CommerceAmountExceeded")
        .withArgs(w.id, rest + 1n, rest);
      await send(w, "capture", { amount: rest });
    });

    for (const situation of CLOSED.filter((name) => name !== "reclaimed"))
      it(`reverts with CommerceAmountExceeded(id, 1, 0) when it is ${situation}`, async () => {
        const other = await withTerms(w, { salt: w.id });
        await reach(other, situation);
        await expect(send(other, "capture", { amount: 1n }))
          .to.be.revertedWithCustomError(w.escrow, "CommerceAmountExceeded")
          .withArgs(other.id, 1n, 0n);
      });

    for (const feeBps of [MIN_BPS, MAX_BPS])
      it(`captures at the bound of ${feeBps}`, async () => {
        await send(w, "capture", { feeBps });
      });

    for (const feeBps of [MIN_BPS - 1n, MAX_BPS + 1n, 2n ** 256n - 1n])
      it(`reverts with CommerceFeeOutOfBounds(${feeBps}, ${MIN_BPS}, ${MAX_BPS})`, async () => {
        await expect(send(w, "capture", { feeBps }))
          .to.be.revertedWithCustomError(w.escrow, "CommerceFeeOutOfBounds")
          .withArgs(feeBps, MIN_BPS, MAX_BPS);
      });

    for (const feeBps of [BPS - 1n, BPS + 1n])
      it(`reverts with CommerceFeeFixed(${feeBps}, ${BPS}) for another rate than the first`, async () => {
        await send(w, "capture");
        await expect(send(w, "capture", { feeBps }))
          .to.be.revertedWithCustomError(w.escrow, "CommerceFeeFixed")
          .withArgs(feeBps, BPS);
      });

    it("reverts with CommerceFeeFixed(1, 0) where the first capture was free", async () => {
      const free = await withTerms(w, { minFeeBps: 0n });
      await authorize(free);
      await send(free, "capture", { feeBps: 0n });
      await expect(send(free, "capture", { feeBps: 1n }))
        .to.be.revertedWithCustomError(w.escrow, "CommerceFeeFixed")
        .withArgs(1n, 0n);
    });

    it("reverts with EscrowGasTooLow(available, 250000) with less gas than the floor", async () => {
      await expect(send(w, "capture", {}, { gasLimit: 300_000n }))
        .to.be.revertedWithCustomError(w.escrow, "EscrowGasTooLow")
        .withArgs((available: bigint) => available < GAS_FLOOR, GAS_FLOOR);
    });
  });

  describe("ensures", () => {
    const verified = async (order: Record<string, unknown>, change: { amount: bigint; fee: bigint; rest?: bigint }) => {
      const before = await readPayment(w);
      await send(w, "capture", order);
      expect(await readPayment(w)).to.deep.equal(paid(before, change));
    };

    it("merchant and fee receiver have their parts, the rest remains, nothing else changes", async () => {
      await verified({}, { amount: PART, fee: feeOf(PART) });
    });

    it("the whole is captured and the payment closed", async () => {
      await verified({ amount: AMOUNT }, { amount: AMOUNT, fee: feeOf(AMOUNT) });
    });

    it("with voidRest the payer has all that remained", async () => {
      await verified({ voidRest: true }, { amount: PART, fee: feeOf(PART), rest: AMOUNT - PART });
    });

    it("with voidRest and nothing left over the payer has nothing", async () => {
      await verified({ amount: AMOUNT, voidRest: true }, { amount: AMOUNT, fee: feeOf(AMOUNT) });
    });

    it("the fee of a later capture is what the fee on the total rose by", async () => {
      await send(w, "capture", { amount: 39n });
      expect(feeOf(39n)).to.equal(0n);
      await verified({ amount: 1n }, { amount: 1n, fee: 1n });
    });

    it("a capture that is all fee leaves nothing for the merchant", async () => {
      const all = await withTerms(w, { maxFeeBps: 10_000n });
      await authorize(all);
      const before = await readPayment(all);
      await send(all, "capture", { feeBps: 10_000n });
      const after = await readPayment(all);
      expect(after).to.deep.equal({ ...paid(before, { amount: PART, fee: PART }), feeBps: 10_000n });
    });

    it("a capture after a refund leaves the refunded total as it is", async () => {
      await send(w, "capture");
      await refund(w, PART);
      await verified({}, { amount: PART, fee: feeOf(2n * PART) - feeOf(PART) });
    });

    it("where the coin refuses, each party has a credit for its part [ESCROW-3]", async () => {
      const hostile = await loadHostile();
      await authorize(hostile);
      await hostile.coin.setRefusing(true);
      const before = await readPayment(hostile);
      await send(hostile, "capture", { voidRest: true });
      expect(await readPayment(hostile)).to.deep.equal(
        credited(before, { amount: PART, fee: feeOf(PART), rest: AMOUNT - PART }),
      );
    });

    for (const party of ["payer", "merchant", "feeReceiver"] as const)
      it(`all three are paid while the ${party} is frozen`, async () => {
        await freeze(w, w[party].address);
        await verified({ voidRest: true }, { amount: PART, fee: feeOf(PART), rest: AMOUNT - PART });
      });

    it("a merchant that is a contract signs by ERC-1271", async () => {
      const wallet = await w.connection.ethers.deployContract("CoinMockWallet", [w.merchant]);
      const shop = await withTerms(w, { merchant: await wallet.getAddress() });
      await authorize(shop);
      const before = await readPayment(shop);
      await send(shop, "capture");
      expect(await readPayment(shop)).to.deep.equal(paid(before, { amount: PART, fee: feeOf(PART) }));
    });
  });

  describe("emits", () => {
    it("PaymentMoved with the merchant as actor, the fee and the totals, and no credit", async () => {
      await expect(send(w, "capture"))
        .to.emit(w.escrow, "PaymentMoved")
        .withArgs(w.id, w.merchant.address, STEP.capture, PART, feeOf(PART), PART, 0n, 0n)
        .and.to.not.emit(w.escrow, "EscrowCredited");
    });

    it("PaymentMoved with the totals after earlier steps, the refunded one too", async () => {
      await send(w, "capture");
      await refund(w, 5n);
      await send(w, "void", { amount: 7n });
      const fee = feeOf(2n * PART) - feeOf(PART);
      await expect(send(w, "capture", { voidRest: true }))
        .to.emit(w.escrow, "PaymentMoved")
        .withArgs(w.id, w.merchant.address, STEP.capture, PART, fee, 2n * PART, AMOUNT - 2n * PART, 5n);
    });

    it("EscrowCredited(id, coin, party, payer, amount) for each party that cannot be paid", async () => {
      const hostile = await loadHostile();
      await authorize(hostile);
      await hostile.coin.setRefusing(true);
      const { coin, payer, merchant, feeReceiver } = hostile.terms;
      const fee = feeOf(PART);
      const call = hostile.escrow.connect(hostile.relayer).getFunction("capture");
      await expect(call(...(await argumentsOf(hostile, "capture", { voidRest: true }))))
        .to.emit(hostile.escrow, "EscrowCredited")
        .withArgs(hostile.id, coin, merchant, payer, PART - fee)
        .and.to.emit(hostile.escrow, "EscrowCredited")
        .withArgs(hostile.id, coin, feeReceiver, payer, fee)
        .and.to.emit(hostile.escrow, "EscrowCredited")
        .withArgs(hostile.id, coin, payer, payer, AMOUNT - PART);
    });
  });
});
