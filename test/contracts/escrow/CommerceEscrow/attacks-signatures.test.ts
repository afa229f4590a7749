/**
 * The attacks of the list of threats on ids, terms and signatures.
 */
import { expect } from "chai";
import { Signature, ZeroAddress, ZeroHash, dataSlice, id, zeroPadValue } from "ethers";
import type { AnyWorld, CommerceWorld, OrderedStep, Terms } from "../../../support/commerce.ts";
import {
  AMOUNT,
  BPS,
  CLOSED,
  FUNDS,
  LATER,
  MAX_BPS,
  ORDERED_STEPS,
  TYPES,
  argumentsOf,
  authorize,
  deployCommerce,
  differing,
  dispute,
  signerOf,
  orderFor,
  paid,
  reach,
  readPayment,
  send,
  signOrder,
  signPayment,
  signRefund,
  withTerms,
} from "../../../support/commerce.ts";
import { at, createLoader, domainOf, fields, mirrored } from "../../../support/treasury.ts";

const load = await createLoader(deployCommerce);
const reclaim = (w: AnyWorld) => w.escrow.connect(w.stranger).reclaim(w.terms);

describe("CommerceEscrow and attacks on its signatures", () => {
  let w: CommerceWorld;

  beforeEach(async () => {
    w = await load();
  });

  /** Expects that a step is refused for its signature. */
  const invalid = async (step: OrderedStep, call: Promise<unknown>) =>
    expect(call).to.be.revertedWithCustomError(w.escrow, "CommerceSignatureInvalid").withArgs(w.terms[signerOf(step)]);

  describe("attack 8: unbounded bytes grief the sponsor", () => {
    for (const step of ORDERED_STEPS)
      it(`${step} does not even ask a contract about a signature of 4,097 bytes`, async () => {
        const wallet = await w.connection.ethers.deployContract("CoinMockWallet", [w.stranger]);
        await wallet.setAnswer(1);
        const other = await withTerms(w, { [signerOf(step)]: await wallet.getAddress() });
        await w.coin.mint(wallet, FUNDS);
        await authorize(other);
        if (step === "resolve") await dispute(other);
        await expect(send(other, step, {}, { forge: () => `0x${"00".repeat(4_097)}` }))
          .to.be.revertedWithCustomError(w.escrow, "CommerceSignatureInvalid")
          .withArgs(await wallet.getAddress());
        await send(other, step, {}, { forge: () => `0x${"00".repeat(4_096)}` });
      });

    for (const [title, answer] of [
      ["a bomb", 6],
      ["all its gas burned", 8],
    ] as const)
      it(`a merchant that answers with ${title} costs its sponsor under 300,000 gas and captures nothing`, async () => {
        const wallet = await w.connection.ethers.deployContract("CoinMockWallet", [w.merchant]);
        await wallet.setAnswer(answer);
        const other = await withTerms(w, { merchant: await wallet.getAddress() });
        await authorize(other);
        const sent = send(other, "capture", {}, { key: w.stranger, gasLimit: 300_000n });
        await expect(sent)
          .to.be.revertedWithCustomError(w.escrow, "CommerceSignatureInvalid")
          .withArgs(await wallet.getAddress());
      });
  });

  describe("attack 10: reuse after a terminal state, and squatting an id", () => {
    for (const situation of CLOSED.filter((name) => name !== "reclaimed"))
      it(`the same terms and signature revert with CommerceAlreadyAuthorized(id) when it is ${situation}`, async () => {
        await reach(w, situation);
        await expect(authorize(w)).to.be.revertedWithCustomError(w.escrow, "CommerceAlreadyAuthorized").withArgs(w.id);
      });

    it("a payment that was reclaimed is past the time of its terms", async () => {
      await reach(w, "reclaimed");
      await expect(authorize(w))
        .to.be.revertedWithCustomError(w.escrow, "CommerceDeadlinePassed")
        .withArgs(w.terms.authorizeBy, (time: bigint) => time > w.terms.captureBy);
    });

    it("nobody takes an id without the payer's signature, and who submits it first has no part in it", async () => {
      await expect(authorize(w, { key: w.stranger }))
        .to.be.revertedWithCustomError(w.coin, "StablecoinSignatureInvalid")
        .withArgs(w.payer.address);
      await expect(authorize(await withTerms(w, { payer: w.stranger.address }), { key: w.stranger }))
        .to.be.revertedWithCustomError(w.coin, "ERC20InsufficientBalance")
        .withArgs(w.stranger.address, 0n, AMOUNT);
      await w.escrow.connect(w.stranger).authorize(w.terms, await signPayment(w));
      expect((await readPayment(w)).authorized).to.equal(AMOUNT);
    });

    it("the authorization of one payment pays no other", async () => {
      const other = await withTerms(w, { salt: id("salt 2") });
      await expect(w.escrow.authorize(other.terms, await signPayment(w)))
        .to.be.revertedWithCustomError(w.coin, "StablecoinSignatureInvalid")
        .withArgs(w.payer.address);
    });
  });

  describe("attack 11: every term changed one by one", () => {
    const terms = TYPES.Payment.map(({ name, type }) => [name as keyof Terms, type] as const);
    const change = (name: keyof Terms, type: string) => withTerms(w, { [name]: differing(type, w.terms[name]) });

    for (const [name, type] of terms) {
      it(`authorize reverts with another ${name} than was signed`, async () => {
        const other = await change(name, type);
        const refusal = w.escrow.connect(w.relayer).authorize(other.terms, await signPayment(w));
        if (name === "coin")
          await expect(refusal).to.be.revertedWithCustomError(w.escrow, "EscrowCoinUnknown").withArgs(other.terms.coin);
        else
          await expect(refusal)
            .to.be.revertedWithCustomError(w.coin, "StablecoinSignatureInvalid")
            .withArgs(other.terms.payer);
      });

      it(`every step reverts with CommerceUnknown(id) with another ${name} than was authorized`, async () => {
        await reach(w, "partly captured and disputed");
        const other = await change(name, type);
        const before = await readPayment(w);
        const signature = await signRefund(w, 1n, 0n);
        const unknown = async (call: Promise<unknown>) =>
          expect(call).to.be.revertedWithCustomError(w.escrow, "CommerceUnknown").withArgs(other.id);
        await unknown(reclaim(other));
        await unknown(dispute(other));
        await unknown(w.escrow.refund(other.terms, 1n, 0n, signature));
        for (const step of ORDERED_STEPS) {
          const [, order, signed] = await argumentsOf(w, step);
          await unknown(w.escrow.getFunction(step)(other.terms, order, signed));
        }
        expect(await readPayment(w)).to.deep.equal(before);
      });
    }

    for (const step of ["capture", "void", "resolve"] as const) {
      const type = ({ capture: "Capture", void: "Void", resolve: "ResolvePayment" } as const)[step];
      for (const { name, type: kind } of TYPES[type])
        it(`${step} reverts with another ${name} than was signed`, async () => {
          await reach(w, step === "resolve" ? "disputed" : "authorized");
          const order = await orderFor(w, step);
          const signature = await signOrder(w, step, order);
          const changed = { ...order, [name]: differing(kind, order[name]) };
          const call = w.escrow.getFunction(step)(w.terms, changed, signature);
          if (name === "id")
            await expect(call)
              .to.be.revertedWithCustomError(w.escrow, "CommerceOrderMismatch")
              .withArgs(changed["id"], w.id);
          else await invalid(step, call);
        });
    }
  });

  describe("attack 12: a plain signed transfer into the escrow", () => {
    const transfer = fields(
      "address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce",
    );
    const signTransfer = async (nonce: string) => {
      const to = await w.escrow.getAddress();
      const message = { from: w.payer.address, to, value: AMOUNT, validAfter: 0n, validBefore: LATER, nonce };
      const domain = await domainOf(w.coin, "Remesa Dollar");
      const signature = await w.payer.signTypedData(domain, { TransferWithAuthorization: transfer }, message);
      return [message.from, to, AMOUNT, 0n, LATER, nonce, signature] as const;
    };

    it("reverts with StablecoinEscrowRefusesCredit(escrow), under the id of a payment too", async () => {
      for (const nonce of [id("another"), w.id, zeroPadValue("0x", 32)]) {
        const call = w.coin.getFunction(
          "transferWithAuthorization(address,address,uint256,uint256,uint256,bytes32,bytes)",
        );
        await expect(call(...(await signTransfer(nonce))))
          .to.be.revertedWithCustomError(w.coin, "StablecoinEscrowRefusesCredit")
          .withArgs(await w.escrow.getAddress());
      }
    });

    it("a plain transfer and one under an allowance are refused as well", async () => {
      const refused = async (call: Promise<unknown>) =>
        expect(call)
          .to.be.revertedWithCustomError(w.coin, "StablecoinEscrowRefusesCredit")
          .withArgs(await w.escrow.getAddress());
      await refused(w.coin.connect(w.payer).transfer(w.escrow, 1n));
      await w.coin.connect(w.payer).approve(w.stranger, 1n);
      await refused(w.coin.connect(w.stranger).transferFrom(w.payer, w.escrow, 1n));
    });
  });

  describe("attack 18: replay across chain, contract and wallet", () => {
    for (const step of ORDERED_STEPS) {
      it(`${step} reverts for a signature of another chain and of another escrow`, async () => {
        await reach(w, step === "resolve" ? "disputed" : "authorized");
        const twin = await w.connection.ethers.deployContract("CommerceEscrow", [[w.coin]]);
        for (const domain of [{ chainId: 1n }, { verifyingContract: await twin.getAddress() }])
          await invalid(step, send(w, step, {}, { domain }));
      });
    }

    it("a payer's authorization for another escrow or chain reverts with StablecoinSignatureInvalid(payer)", async () => {
      const twin = await w.connection.ethers.deployContract("CommerceEscrow", [[w.coin]]);
      for (const bend of [{ signed: { to: await twin.getAddress() } }, { domain: { chainId: 1n } }])
        await expect(authorize(w, bend))
          .to.be.revertedWithCustomError(w.coin, "StablecoinSignatureInvalid")
          .withArgs(w.payer.address);
    });

    it("an owner's signature for one of its wallets captures nothing for the other", async () => {
      const wallets = [];
      for (let index = 0; index < 2; index++) {
        const wallet = await w.connection.ethers.deployContract("CoinMockWallet", [w.merchant]);
        wallets.push(await withTerms(w, { merchant: await wallet.getAddress() }));
      }
      const [one, two] = wallets as [CommerceWorld, CommerceWorld];
      await authorize(one);
      await authorize(two);
      const [, order, signature] = await argumentsOf(one, "capture");
      await expect(w.escrow.capture(two.terms, order as never, signature))
        .to.be.revertedWithCustomError(w.escrow, "CommerceOrderMismatch")
        .withArgs(one.id, two.id);
      await expect(w.escrow.capture(two.terms, { ...(order as object), id: two.id } as never, signature))
        .to.be.revertedWithCustomError(w.escrow, "CommerceSignatureInvalid")
        .withArgs(two.terms.merchant);
    });

    it("an order of one kind is none of another", async () => {
      await authorize(w);
      const order = await orderFor(w, "void");
      const signature = await signOrder(w, "capture", { ...order, feeBps: BPS, voidRest: false });
      await expect(w.escrow.void(w.terms, order as never, signature))
        .to.be.revertedWithCustomError(w.escrow, "CommerceSignatureInvalid")
        .withArgs(w.merchant.address);
    });
  });

  describe("attack 19: malleable, compact and zero-signer signatures", () => {
    const zeros = () => `0x${"00".repeat(65)}`;
    const forgeries: [string, (signature: string) => string][] = [
      ["mirrored", mirrored],
      ["compact", (signature) => Signature.from(signature).compactSerialized],
      [
        "with v of 0 or 1",
        (signature) => dataSlice(signature, 0, 64) + (Signature.from(signature).yParity === 0 ? "00" : "01"),
      ],
      ["all zeros", zeros],
      ["empty", () => "0x"],
    ];
    for (const step of ORDERED_STEPS)
      for (const [title, forge] of forgeries)
        it(`${step} reverts with CommerceSignatureInvalid for a signature that is ${title}`, async () => {
          await reach(w, step === "resolve" ? "disputed" : "authorized");
          await invalid(step, send(w, step, {}, { forge }));
        });

    it("no signature is of an arbiter that is not there: CommerceSignatureInvalid(0)", async () => {
      const plain = await withTerms(w, { arbiter: ZeroAddress });
      await authorize(plain);
      for (const forge of [zeros, () => "0x", (signature: string) => signature])
        await expect(send(plain, "resolve", {}, { forge }))
          .to.be.revertedWithCustomError(w.escrow, "CommerceSignatureInvalid")
          .withArgs(ZeroAddress);
    });
  });

  describe("attack 30: the zero address", () => {
    it("the constructor reverts with EscrowCoinInvalid(0)", async () => {
      await expect(w.connection.ethers.deployContract("CommerceEscrow", [[ZeroAddress]]))
        .to.be.revertedWithCustomError(w.escrow, "EscrowCoinInvalid")
        .withArgs(ZeroAddress);
    });

    const parties: [keyof Terms, () => [typeof w.coin | typeof w.escrow, string, unknown[]]][] = [
      ["coin", () => [w.escrow, "EscrowCoinUnknown", [ZeroAddress]]],
      ["payer", () => [w.coin, "StablecoinSignatureInvalid", [ZeroAddress]]],
      ["merchant", () => [w.escrow, "CommerceMerchantInvalid", [ZeroAddress]]],
      ["feeReceiver", () => [w.escrow, "CommerceFeeTermsInvalid", [w.terms.minFeeBps, MAX_BPS, ZeroAddress]]],
    ];
    for (const [name, refusal] of parties)
      it(`authorize reverts for the ${name}`, async () => {
        const other = await withTerms(w, { [name]: ZeroAddress });
        const [target, error, args] = refusal();
        const signature = name === "coin" ? "0x" : await signPayment(other);
        await expect(w.escrow.authorize(other.terms, signature))
          .to.be.revertedWithCustomError(target, error)
          .withArgs(...args);
      });

    it("as arbiter it means that nobody can dispute, and the payer is never kept waiting", async () => {
      const plain = await withTerms(w, { arbiter: ZeroAddress });
      await authorize(plain);
      await expect(dispute(plain)).to.be.revertedWithCustomError(w.escrow, "CommerceNotDisputable").withArgs(plain.id);
      await at(w.connection, w.terms.captureBy);
      const before = await readPayment(plain);
      await reclaim(plain);
      expect(await readPayment(plain)).to.deep.equal(paid(before, { rest: AMOUNT }));
    });

    it("as salt zero is a salt like any other", async () => {
      await authorize(await withTerms(w, { salt: ZeroHash }));
      await authorize(w);
    });
  });
});
