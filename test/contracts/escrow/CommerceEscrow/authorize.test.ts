import { expect } from "chai";
import { ZeroAddress, ZeroHash } from "ethers";
import type { CommerceWorld, HostileWorld, Terms } from "../../../support/commerce.ts";
import {
  AMOUNT,
  CLOSED,
  DAY,
  FUNDS,
  LARGEST,
  MAX_BPS,
  OPEN,
  STEP,
  authorize,
  deployCommerce,
  deployHostile,
  freeze,
  plus,
  reach,
  readPayment,
  signPayment,
  withTerms,
} from "../../../support/commerce.ts";
import { at, createLoader, now } from "../../../support/treasury.ts";

const load = await createLoader(deployCommerce);
const loadHostile = await createLoader(deployHostile);

describe("CommerceEscrow.authorize", () => {
  let w: CommerceWorld;
  const authorizeWith = async (changes: Partial<Terms>) => authorize(await withTerms(w, changes));

  beforeEach(async () => {
    w = await load();
  });

  describe("requires", () => {
    it("reverts with EscrowCoinUnknown(coin) for a coin that is not listed", async () => {
      const { terms } = await withTerms(w, { coin: w.stranger.address });
      await expect(w.escrow.authorize(terms, await signPayment(w)))
        .to.be.revertedWithCustomError(w.escrow, "EscrowCoinUnknown")
        .withArgs(w.stranger.address);
    });

    for (const [title, amount] of [
      ["0", 0n],
      ["2^63", LARGEST + 1n],
    ] as const)
      it(`reverts with EscrowAmountOutOfBounds(${title}, 2^63 - 1)`, async () => {
        await expect(authorizeWith({ amount }))
          .to.be.revertedWithCustomError(w.escrow, "EscrowAmountOutOfBounds")
          .withArgs(amount, LARGEST);
      });

    for (const amount of [1n, FUNDS])
      it(`authorizes ${amount}`, async () => {
        await authorizeWith({ amount });
      });

    it("reverts with the coin's ERC20InsufficientBalance for the largest amount there can be", async () => {
      await expect(authorizeWith({ amount: LARGEST }))
        .to.be.revertedWithCustomError(w.coin, "ERC20InsufficientBalance")
        .withArgs(w.payer.address, FUNDS, LARGEST);
    });

    const nobodies: [string, () => Promise<string>][] = [
      ["zero", async () => ZeroAddress],
      ["the payer", async () => w.payer.address],
      ["the escrow", () => w.escrow.getAddress()],
    ];
    for (const [title, of] of nobodies)
      it(`reverts with CommerceMerchantInvalid(merchant) for ${title}`, async () => {
        const merchant = await of();
        await expect(authorizeWith({ merchant }))
          .to.be.revertedWithCustomError(w.escrow, "CommerceMerchantInvalid")
          .withArgs(merchant);
      });

    const fees: [string, bigint, bigint, () => Promise<string>][] = [
      ["no receiver", 0n, 1n, async () => ZeroAddress],
      ["the escrow as receiver", 0n, 1n, () => w.escrow.getAddress()],
      ["the escrow as receiver of nothing", 0n, 0n, () => w.escrow.getAddress()],
      ["a lowest rate above the highest", 101n, 100n, async () => w.feeReceiver.address],
      ["a rate above the whole", 0n, 10_001n, async () => w.feeReceiver.address],
    ];
    for (const [title, minFeeBps, maxFeeBps, of] of fees)
      it(`reverts with CommerceFeeTermsInvalid(${minFeeBps}, ${maxFeeBps}, receiver) for ${title}`, async () => {
        const feeReceiver = await of();
        await expect(authorizeWith({ minFeeBps, maxFeeBps, feeReceiver }))
          .to.be.revertedWithCustomError(w.escrow, "CommerceFeeTermsInvalid")
          .withArgs(minFeeBps, maxFeeBps, feeReceiver);
      });

    for (const [minFeeBps, maxFeeBps] of [
      [100n, 100n],
      [0n, 10_000n],
      [10_000n, 10_000n],
    ] as const)
      it(`authorizes with rates from ${minFeeBps} to ${maxFeeBps}`, async () => {
        await authorizeWith({ minFeeBps, maxFeeBps });
      });

    it("authorizes without a receiver where there is no fee", async () => {
      await authorizeWith({ minFeeBps: 0n, maxFeeBps: 0n, feeReceiver: ZeroAddress });
    });

    it("authorizes one second before authorizeBy", async () => {
      await at(w.connection, w.terms.authorizeBy - 1n);
      await authorize(w);
    });

    for (const late of [0n, 1n])
      it(`reverts with CommerceDeadlinePassed(authorizeBy, authorizeBy + ${late})`, async () => {
        await at(w.connection, w.terms.authorizeBy + late);
        await expect(authorize(w))
          .to.be.revertedWithCustomError(w.escrow, "CommerceDeadlinePassed")
          .withArgs(w.terms.authorizeBy, w.terms.authorizeBy + late);
      });

    const orders: [string, (terms: Terms) => Partial<Terms>][] = [
      ["captureBy before authorizeBy", ({ authorizeBy }) => ({ captureBy: authorizeBy - 1n })],
      ["refundBy before captureBy", ({ captureBy }) => ({ refundBy: captureBy - 1n })],
    ];
    for (const [title, change] of orders)
      it(`reverts with CommerceDeadlinesUnordered(authorizeBy, captureBy, refundBy) for ${title}`, async () => {
        const { terms } = await withTerms(w, change(w.terms));
        await expect(authorizeWith(terms))
          .to.be.revertedWithCustomError(w.escrow, "CommerceDeadlinesUnordered")
          .withArgs(terms.authorizeBy, terms.captureBy, terms.refundBy);
      });

    it("authorizes with all deadlines at one moment", async () => {
      const { authorizeBy } = w.terms;
      await authorizeWith({ captureBy: authorizeBy, refundBy: authorizeBy });
    });

    for (const [name, days] of [
      ["captureBy", 90n],
      ["refundBy", 180n],
    ] as const) {
      const termsOf = (deadline: bigint) => ({ refundBy: deadline, [name]: deadline });

      it(`authorizes with ${name} exactly ${days} days away`, async () => {
        const time = (await now(w.connection)) + 100n;
        await at(w.connection, time);
        await authorizeWith(termsOf(time + days * DAY));
      });

      it(`reverts with CommerceDeadlineTooFar(limit + 1, limit) with ${name} ${days} days and a second away`, async () => {
        const time = (await now(w.connection)) + 100n;
        const limit = time + days * DAY;
        await at(w.connection, time);
        await expect(authorizeWith(termsOf(limit + 1n)))
          .to.be.revertedWithCustomError(w.escrow, "CommerceDeadlineTooFar")
          .withArgs(limit + 1n, limit);
      });
    }

    for (const situation of [...OPEN, ...CLOSED].filter((name) => name !== "reclaimed"))
      it(`reverts with CommerceAlreadyAuthorized(id) when it is ${situation}`, async () => {
        await reach(w, situation);
        await expect(authorize(w))
          .to.be.revertedWithCustomError(w.escrow, "CommerceAlreadyAuthorized")
          .withArgs(w.id);
      });

    it("reverts with the coin's StablecoinSignatureInvalid(payer) when another key signed", async () => {
      await expect(authorize(w, { key: w.stranger }))
        .to.be.revertedWithCustomError(w.coin, "StablecoinSignatureInvalid")
        .withArgs(w.payer.address);
    });

    for (const [name, value] of [
      ["validAfter", 1n],
      ["validBefore", 4_000_000_000n],
      ["value", AMOUNT + 1n],
    ] as const)
      it(`reverts with the coin's StablecoinSignatureInvalid(payer) when ${name} was signed otherwise`, async () => {
        await expect(authorize(w, { signed: { [name]: value } }))
          .to.be.revertedWithCustomError(w.coin, "StablecoinSignatureInvalid")
          .withArgs(w.payer.address);
      });

    it("reverts with the coin's StablecoinAuthorizationUsed(payer, id) when the payer cancelled it", async () => {
      const { chainId } = await w.connection.ethers.provider.getNetwork();
      const domain = { name: "Remesa Dollar", version: "1", chainId, verifyingContract: w.terms.coin };
      const types = {
        CancelAuthorization: [
          { name: "authorizer", type: "address" },
          { name: "nonce", type: "bytes32" },
        ],
      };
      const signature = await w.payer.signTypedData(domain, types, { authorizer: w.payer.address, nonce: w.id });
      await w.coin.getFunction("cancelAuthorization(address,bytes32,bytes)")(w.payer, w.id, signature);
      await expect(authorize(w))
        .to.be.revertedWithCustomError(w.coin, "StablecoinAuthorizationUsed")
        .withArgs(w.payer.address, w.id);
    });

    it("reverts with the coin's StablecoinFrozen(payer) for a frozen payer", async () => {
      await freeze(w, w.payer.address);
      await expect(authorize(w))
        .to.be.revertedWithCustomError(w.coin, "StablecoinFrozen")
        .withArgs(w.payer.address);
    });

    for (const skew of [-1n, 1n])
      it(`reverts with EscrowBalanceMismatch when the coin brings ${skew} too much`, async () => {
        const hostile: HostileWorld = await loadHostile();
        await hostile.coin.setSkew(skew);
        await expect(authorize(hostile))
          .to.be.revertedWithCustomError(hostile.escrow, "EscrowBalanceMismatch")
          .withArgs(hostile.terms.coin, AMOUNT, AMOUNT + skew);
      });
  });

  describe("ensures", () => {
    it("all of the amount remains and is held, the payer has it less, nothing else changes", async () => {
      const before = await readPayment(w);
      await authorize(w);
      expect(await readPayment(w)).to.deep.equal(
        plus(before, { authorized: AMOUNT, payer: -AMOUNT, escrow: AMOUNT, held: AMOUNT }),
      );
    });

    it("gives the id back", async () => {
      expect(await w.escrow.authorize.staticCall(w.terms, await signPayment(w))).to.equal(w.id);
    });

    it("a second payment that differs by its salt is one of its own", async () => {
      await reach(w, "partly captured");
      const before = await readPayment(w);
      await authorizeWith({ salt: ZeroHash });
      expect(await readPayment(w)).to.deep.equal(
        plus(before, { payer: -AMOUNT, escrow: AMOUNT, held: AMOUNT }),
      );
    });
  });

  describe("emits", () => {
    it("PaymentAuthorized with the full terms, and PaymentMoved with the payer as actor", async () => {
      const { coin, payer, merchant, amount, feeReceiver, minFeeBps, arbiter, salt } = w.terms;
      const { authorizeBy, captureBy, refundBy } = w.terms;
      const fees = [feeReceiver, minFeeBps, MAX_BPS];
      await expect(authorize(w))
        .to.emit(w.escrow, "PaymentAuthorized")
        .withArgs(w.id, payer, merchant, coin, amount, ...fees, arbiter, authorizeBy, captureBy, refundBy, salt)
        .and.to.emit(w.escrow, "PaymentMoved")
        .withArgs(w.id, payer, STEP.authorize, amount, 0n, 0n, 0n, 0n);
    });
  });
});
