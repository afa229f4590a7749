/** EIP-3009 receipts in both forms: the common behaviours, and that nobody but the payee can submit one. */
import { expect } from "chai";
import { createTerms, FORM, loadWorld, PAUSE, pause, sign, toArguments, toVrs, VALUE } from "../../support/coin.ts";
import { describePayment, type Form } from "./behaviours.ts";

const VRS: Form = {
  title: "(v, r, s)",
  type: "ReceiveWithAuthorization",
  isPull: true,
  isRow: false,
  submit: ({ coin, payee }, terms, signature) =>
    coin.connect(payee)[FORM.receiveVrs](...toArguments(terms), ...toVrs(signature)),
};
const BYTES: Form = {
  ...VRS,
  title: "(bytes)",
  submit: ({ coin, payee }, terms, signature) =>
    coin.connect(payee)[FORM.receiveBytes](...toArguments(terms), signature),
};

describe("Stablecoin.receiveWithAuthorization", () => {
  for (const form of [VRS, BYTES]) {
    describePayment(form);

    it(`${form.title}: reverts with StablecoinCallerNotPayee(payee, to) when somebody else is to be paid`, async () => {
      const world = await loadWorld();
      const terms = await createTerms(world, { to: world.spender.address });
      const signature = await sign(world, world.payer, form.type, terms);
      await expect(form.submit(world, terms, signature))
        .to.be.revertedWithCustomError(world.coin, "StablecoinCallerNotPayee")
        .withArgs(world.payee.address, world.spender.address);
    });

    it(`${form.title}: reverts with StablecoinPaused(2) before it looks at the caller`, async () => {
      const world = await loadWorld();
      const terms = await createTerms(world, { to: world.spender.address });
      const signature = await sign(world, world.payer, form.type, terms);
      await pause(world, PAUSE.authorization);
      await expect(form.submit(world, terms, signature))
        .to.be.revertedWithCustomError(world.coin, "StablecoinPaused")
        .withArgs(PAUSE.authorization);
    });
  }

  for (const name of ["receiveVrs", "receiveBytes"] as const) {
    it(`lets an escrow pull by ${name}`, async () => {
      const world = await loadWorld();
      const terms = await createTerms(world, { to: await world.escrow.getAddress() });
      const signature = await sign(world, world.payer, "ReceiveWithAuthorization", terms);
      const { data } =
        name === "receiveVrs"
          ? await world.coin[FORM.receiveVrs].populateTransaction(...toArguments(terms), ...toVrs(signature))
          : await world.coin[FORM.receiveBytes].populateTransaction(...toArguments(terms), signature);
      await world.escrow.call(data);
      expect(await world.coin.balanceOf(world.escrow)).to.equal(VALUE);
    });
  }
});
