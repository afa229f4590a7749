/** The payment with a signed memo: the common behaviours; that the memo is signed is among them. */
import { loadWorld, MEMO, sign, toArguments } from "../../support/coin.ts";
import { createTerms } from "../../support/coin.ts";
import { expect } from "chai";
import { describeEscrowPayer, describePayment, type Form } from "./behaviours.ts";

const FORM: Form = {
  title: "(bytes)",
  type: "TransferWithMemo",
  isPull: false,
  isRow: false,
  submit: ({ coin, relayer }, terms, signature) =>
    coin.connect(relayer).transferWithMemo(...toArguments(terms), terms.memo ?? "", signature),
};

describe("Stablecoin.transferWithMemo", () => {
  describePayment(FORM);
  describeEscrowPayer(FORM);

  it("reverts with StablecoinSignatureInvalid(from) when a payment without memo was signed", async () => {
    const world = await loadWorld();
    const terms = await createTerms(world);
    const signature = await sign(world, world.payer, "TransferWithAuthorization", terms);
    await expect(FORM.submit(world, { ...terms, memo: MEMO }, signature))
      .to.be.revertedWithCustomError(world.coin, "StablecoinSignatureInvalid")
      .withArgs(terms.from);
  });
});
