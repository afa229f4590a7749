/** EIP-3009 transfers in both forms: the common behaviours, and what only these forms can meet. */
import { expect } from "chai";
import { concat, toBeHex } from "ethers";
import {
  createTerms,
  FORM,
  loadWorld,
  reasonOf,
  sign,
  toArguments,
  toNonce,
  toVrs,
  VALUE,
} from "../../support/coin.ts";
import { describeEscrowPayer, describePayment, type Form } from "./behaviours.ts";

const ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;

const VRS: Form = {
  title: "(v, r, s)",
  type: "TransferWithAuthorization",
  isPull: false,
  isRow: false,
  submit: ({ coin, relayer }, terms, signature) =>
    coin.connect(relayer)[FORM.transferVrs](...toArguments(terms), ...toVrs(signature)),
};
const BYTES: Form = {
  ...VRS,
  title: "(bytes)",
  submit: ({ coin, relayer }, terms, signature) =>
    coin.connect(relayer)[FORM.transferBytes](...toArguments(terms), signature),
};

describe("Stablecoin.transferWithAuthorization", () => {
  for (const form of [VRS, BYTES]) {
    describePayment(form);
    describeEscrowPayer(form);

    it(`${form.title}: refuses with ERC20InsufficientBalance a value beyond 64 bits`, async () => {
      const world = await loadWorld();
      const terms = await createTerms(world, { value: 2n ** 64n });
      const signature = await sign(world, world.payer, form.type, terms);
      await expect(form.submit(world, terms, signature))
        .to.be.revertedWithCustomError(world.coin, "ERC20InsufficientBalance")
        .withArgs(terms.from, 1_000_000_000_000n, 2n ** 64n);
    });

    it(`${form.title}: refuses with StablecoinSignatureInvalid(from) the mirrored signature with high s`, async () => {
      const world = await loadWorld();
      const terms = await createTerms(world);
      const [v, r, s] = toVrs(await sign(world, world.payer, form.type, terms));
      const mirrored = concat([r, toBeHex(ORDER - BigInt(s), 32), toBeHex(v === 27 ? 28 : 27)]);
      await expect(form.submit(world, terms, mirrored))
        .to.be.revertedWithCustomError(world.coin, "StablecoinSignatureInvalid")
        .withArgs(terms.from);
    });

    it(`${form.title}: refuses with StablecoinSignatureInvalid(0) when the payer is zero and nothing recovers`, async () => {
      const world = await loadWorld();
      const terms = await createTerms(world, { from: `0x${"00".repeat(20)}`, value: 0n });
      await expect(form.submit(world, terms, concat([toNonce(1n), toNonce(1n), "0x1d"])))
        .to.be.revertedWithCustomError(world.coin, "StablecoinSignatureInvalid")
        .withArgs(terms.from);
    });

    it(`${form.title}: lets an escrow pull by submitting the payment to itself`, async () => {
      const world = await loadWorld();
      const terms = await createTerms(world, { to: await world.escrow.getAddress() });
      const signature = await sign(world, world.payer, form.type, terms);
      const populated = await world.coin[FORM.transferBytes].populateTransaction(...toArguments(terms), signature);
      await world.escrow.call(populated.data);
      expect(await world.coin.balanceOf(world.escrow)).to.equal(VALUE);
    });
  }

  it("(bytes): refuses with StablecoinSignatureInvalid(from) the compact form, which belongs into rows", async () => {
    const world = await loadWorld();
    const terms = await createTerms(world);
    const signature = world.ethers.Signature.from(await sign(world, world.payer, BYTES.type, terms));
    await expect(BYTES.submit(world, terms, signature.compactSerialized))
      .to.be.revertedWithCustomError(world.coin, "StablecoinSignatureInvalid")
      .withArgs(terms.from);
  });

  it("names its errors by the selectors that rows report", async () => {
    const world = await loadWorld();
    expect(reasonOf(world, "StablecoinAuthorizationUsed")).to.equal(
      world.ethers.id("StablecoinAuthorizationUsed(address,bytes32)").slice(0, 10),
    );
  });
});
