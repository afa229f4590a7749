import { expect } from "chai";
import type { HostileWorld, Reading } from "../../../support/commerce.ts";
import {
  AMOUNT,
  PART,
  authorize,
  deployHostile,
  feeOf,
  plus,
  readPayment,
  refund,
  send,
  withTerms,
} from "../../../support/commerce.ts";
import { createLoader } from "../../../support/treasury.ts";

const load = await createLoader(deployHostile);

describe("CommerceEscrow.withdrawCredit", () => {
  let w: HostileWorld;
  const withdraw = (payer: string, party: string) =>
    w.escrow.connect(w.stranger).withdrawCredit(w.terms.coin, payer, party);

  beforeEach(async () => {
    w = await load();
    await authorize(w);
    await authorize(await withTerms(w, { salt: w.id }));
    await w.coin.setRefusing(true);
    await send(w, "capture", { voidRest: true });
    await refund(w, 5n);
    await w.coin.setRefusing(false);
  });

  describe("requires", () => {
    it("reverts with EscrowNoCredit(coin, payer, stranger) for a party with none", async () => {
      await expect(withdraw(w.terms.payer, w.stranger.address))
        .to.be.revertedWithCustomError(w.escrow, "EscrowNoCredit")
        .withArgs(w.terms.coin, w.terms.payer, w.stranger.address);
    });

    it("reverts with EscrowNoCredit(coin, merchant, merchant): a credit is kept under who had paid it in", async () => {
      const { coin, merchant } = w.terms;
      await expect(withdraw(merchant, merchant))
        .to.be.revertedWithCustomError(w.escrow, "EscrowNoCredit")
        .withArgs(coin, merchant, merchant);
    });

    it("reverts with EscrowNoCredit(coin, payer, merchant) the second time", async () => {
      const { coin, payer, merchant } = w.terms;
      await withdraw(payer, merchant);
      await expect(withdraw(payer, merchant))
        .to.be.revertedWithCustomError(w.escrow, "EscrowNoCredit")
        .withArgs(coin, payer, merchant);
    });

    it("reverts with the coin's own error while it goes on refusing, and the credit stays", async () => {
      await w.coin.setRefusing(true);
      const before = await readPayment(w);
      await expect(withdraw(w.terms.payer, w.terms.merchant))
        .to.be.revertedWithCustomError(w.coin, "HostileCoinRefused")
        .withArgs();
      expect(await readPayment(w)).to.deep.equal(before);
    });
  });

  describe("ensures", () => {
    const fee = feeOf(PART);
    const cases: [string, "payer" | "merchant", "payer" | "merchant" | "feeReceiver", keyof Reading, bigint][] = [
      ["the merchant has its part of a capture", "payer", "merchant", "merchantCredit", PART - fee],
      ["the fee receiver has the fee", "payer", "feeReceiver", "feeCredit", fee],
      ["the payer has what was given back", "payer", "payer", "payerCredit", AMOUNT - PART],
      ["the payer has what the merchant refunded", "merchant", "payer", "refundCredit", 5n],
    ];
    for (const [title, payer, party, credit, amount] of cases)
      it(`${title}, called for by a stranger; the other credits and payments stay`, async () => {
        const before = await readPayment(w);
        expect(before[credit]).to.equal(amount);
        await withdraw(w.terms[payer], w.terms[party]);
        expect(await readPayment(w)).to.deep.equal(
          plus(before, { [party]: amount, [credit]: -amount, escrow: -amount, held: -amount }),
        );
      });
  });

  describe("emits", () => {
    it("EscrowCreditWithdrawn(coin, payer, party, amount)", async () => {
      const { coin, payer, merchant } = w.terms;
      await expect(withdraw(payer, merchant))
        .to.emit(w.escrow, "EscrowCreditWithdrawn")
        .withArgs(coin, payer, merchant, PART - feeOf(PART));
    });
  });
});
