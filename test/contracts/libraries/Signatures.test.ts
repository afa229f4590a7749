/** How a signature is judged when the account has code: every answer a contract can give, through the coin. */
import { expect } from "chai";
import { concat, dataSlice } from "ethers";
import {
  createTerms,
  delegate,
  FORM,
  loadWorld,
  sign,
  signRow,
  type Terms,
  toArguments,
  toVrs,
  type World,
} from "../../support/coin.ts";

/** The ways of the mock wallet, in the order of its enum. */
const ANSWERS = [
  ["honest", false],
  ["always yes", true],
  ["with a wrong magic value", false],
  ["with the magic value and dirt behind it", false],
  ["with 4 bytes", false],
  ["with 64 bytes", false],
  ["with 40,000 bytes", false],
  ["by reverting", false],
  ["by burning all its gas", false],
] as const;

describe("Signatures.isValid", () => {
  let world: World;
  let terms: Terms;

  beforeEach(async () => {
    world = await loadWorld();
    terms = await createTerms(world, { from: await world.wallet.getAddress() });
  });

  const submit = (signature: string) => world.coin[FORM.transferBytes](...toArguments(terms), signature);

  async function expectInvalid(sent: Promise<unknown>): Promise<void> {
    await expect(sent).to.be.revertedWithCustomError(world.coin, "StablecoinSignatureInvalid").withArgs(terms.from);
  }

  for (const [index, [title, isYes]] of ANSWERS.entries()) {
    it(`${isYes ? "accepts" : "refuses"} a stranger's signature when the contract answers ${title}`, async () => {
      await world.wallet.setAnswer(index);
      const signature = await sign(world, world.stranger, "TransferWithAuthorization", terms);
      if (isYes) await submit(signature);
      else await expectInvalid(submit(signature));
    });
  }

  for (const length of [0, 1, 31, 32, 33, 64, 66, 4_096]) {
    it(`shows a contract ${length} bytes as they are`, async () => {
      await world.wallet.setAnswer(1);
      await submit(`0x${"5a".repeat(length)}`);
      expect(await world.coin.authorizationState(terms.from, terms.nonce)).to.equal(true);
    });
  }

  it("refuses 4,097 bytes without asking", async () => {
    await world.wallet.setAnswer(1);
    await expectInvalid(submit(`0x${"5a".repeat(4_097)}`));
  });

  it("shows a contract the 65 bytes of a (v, r, s) signature", async () => {
    const vrs = toVrs(await sign(world, world.payer, "TransferWithAuthorization", terms));
    await world.coin[FORM.transferVrs](...toArguments(terms), ...vrs);
    expect(await world.coin.authorizationState(terms.from, terms.nonce)).to.equal(true);
  });

  it("refuses 65 bytes with v 0 or 1, which contracts other than the coin accept", async () => {
    const plain = await createTerms(world);
    const signature = await sign(world, world.payer, "TransferWithAuthorization", plain);
    const v = Number(dataSlice(signature, 64)) - 27;
    const raw = concat([dataSlice(signature, 0, 64), `0x0${v}`]);
    await expect(world.coin[FORM.transferBytes](...toArguments(plain), raw))
      .to.be.revertedWithCustomError(world.coin, "StablecoinSignatureInvalid")
      .withArgs(plain.from);
  });

  it("accepts what the delegate of an account accepts", async () => {
    const owned = await world.ethers.deployContract("CoinMockWallet", [world.stranger.address]);
    await delegate(world, world.payer.address, `${owned.target}`);
    terms = await createTerms(world);
    await submit(await sign(world, world.stranger, "TransferWithAuthorization", terms));
    expect(await world.coin.authorizationState(terms.from, terms.nonce)).to.equal(true);
  });

  it("does not carry a wallet's signature over to another wallet of the same owner", async () => {
    const signature = await sign(world, world.payer, "TransferWithAuthorization", terms);
    const twin = await world.ethers.deployContract("CoinMockWallet", [world.payer.address]);
    terms = { ...terms, from: await twin.getAddress() };
    await expectInvalid(submit(signature));
  });

  it("reverts with SignaturesGasTooLow(available, 156000) when the question cannot be funded", async () => {
    const signature = await sign(world, world.payer, "TransferWithAuthorization", terms);
    const signatures = await world.ethers.getContractAt("Signatures", world.coin);
    const sent = world.coin[FORM.transferBytes](...toArguments(terms), signature, { gasLimit: 185_000n });
    await expect(sent)
      .to.be.revertedWithCustomError(signatures, "SignaturesGasTooLow")
      .withArgs((available: bigint) => available > 100_000n && available < 156_000n, 156_000n);
  });

  it("asks in a row, too", async () => {
    await world.coin.settle(await signRow(world, world.payer, terms));
    expect(await world.coin.authorizationState(terms.from, terms.nonce)).to.equal(true);
  });
});
