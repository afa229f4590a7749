/**
 * Terms of claims, payments and swaps as their parties make them, against viem: ids are digests of the terms, every signature is of the struct that
 * the contract checks, and the link's key is in no term.
 */
import { expect } from "chai";
import { Wallet } from "ethers";
import { encodeAbiParameters, hashTypedData, keccak256, type Hex, toHex, verifyTypedData } from "viem";
import { digestOf, signStruct, tagHandle, toLegNonce, toRefundNonce } from "../../scripts/payments/parties.ts";
import {
  createClaim,
  createPayment,
  createQuote,
  formatLink,
  parseLink,
  signTakersLeg,
  toTermsId,
} from "../../scripts/payments/terms.ts";
import { Refusal } from "../../scripts/terminal/refusal.ts";
import { type Address, toLower, type Word, zeroAddress } from "../../src/domain/hex.ts";
import { domainOf, type PrimaryType, typedStructs } from "../../src/domain/signatures.ts";
import { chainId, coin, deployment, quetzal } from "../support/payments.ts";

const { block: _, ...contracts } = deployment;
const network = { ...contracts, blockTime: null };
const now = 1_800_000_000;
const sender = new Wallet(`0x${"a1".repeat(32)}`);
const other = new Wallet(`0x${"b2".repeat(32)}`);

/** As docs/SIGNATURES.md names them. */
const domains: Partial<Record<(typeof domainOf)[PrimaryType], readonly [string, Address]>> = {
  claim: ["Remesa Claims", deployment.claims],
  commerce: ["Remesa Commerce", deployment.commerce],
  swap: ["Remesa Swap", deployment.swap],
  registry: ["Remesa Vasps", deployment.registry],
};

function typed(primaryType: PrimaryType, message: Record<string, unknown>, of = coin) {
  const [name, verifyingContract] = domains[domainOf[primaryType]] ?? [of.name, of.address];
  const domain = { name, version: "1", chainId, verifyingContract };
  return { domain, primaryType, types: { [primaryType]: [...typedStructs[primaryType]] }, message } as never;
}
const isSigned = (by: Wallet, signature: Hex, ...what: Parameters<typeof typed>) =>
  verifyTypedData({ ...(typed(...what) as object), address: by.address, signature } as never);
const receive = (by: Wallet, to: Address, rest: { value: bigint; validBefore: number; nonce: Word }) => ({
  from: by.address,
  to,
  validAfter: 0n,
  ...rest,
  validBefore: BigInt(rest.validBefore),
});

describe("createClaim", () => {
  const wish = { coin: coin.address, amount: "25000000", to: "+50255501234", attestor: zeroAddress };
  const create = () => createClaim(network, sender, { ...wish, cancelFrom: now + 60, expiry: now + 600 });

  it("has the digest of its terms as id, and the sender's word for exactly that", async () => {
    const { id, terms, signature } = await create();
    expect(id).to.equal(hashTypedData(typed("Claim", terms)));
    const message = receive(sender, deployment.claims, { value: 25_000_000n, validBefore: terms.expiry, nonce: id });
    expect(await isSigned(sender, signature, "ReceiveWithAuthorization", message)).to.equal(true);
  });

  it("names the address of the link's key, whose secret is in no term and new every time", async () => {
    const [one, two] = [await create(), await create()];
    expect(one.terms.linkKey).to.equal(toLower(new Wallet(one.linkSecret).address));
    expect(one.linkSecret).to.not.equal(two.linkSecret);
    expect(JSON.stringify({ terms: one.terms, signature: one.signature, id: one.id })).to.not.include(
      one.linkSecret.slice(2),
    );
  });

  it("tags the recipient's handle with bytes that are new every time", async () => {
    const [one, two] = [await create(), await create()];
    expect(one.terms.handle).to.not.equal(two.terms.handle);
    const encoded = encodeAbiParameters([{ type: "bytes32" }, { type: "string" }], [one.blinding, wish.to]);
    expect([one.terms.handle, tagHandle(one.blinding, wish.to)]).to.deep.equal([
      keccak256(encoded),
      keccak256(encoded),
    ]);
  });
});

describe("a claim's link", () => {
  it("is read back as it was written", () => {
    const link = { id: `0x${"12".repeat(32)}` as Word, linkSecret: `0x${"34".repeat(32)}` as Word };
    expect(parseLink(`${formatLink(link)}\n`)).to.deep.equal(link);
  });

  for (const text of [
    "",
    "remesa:claim/0x12",
    `remesa:claim/0x${"12".repeat(32)}`,
    `0x${"12".repeat(32)}#${"34".repeat(32)}`,
  ]) {
    it(`is refused as "${text.slice(0, 20)}"`, () => {
      expect(() => parseLink(text)).to.throw(Refusal, "the link is not remesa:claim/<id>#<key>");
    });
  }
});

describe("createPayment", () => {
  const wish = {
    coin: coin.address,
    merchant: toLower(other.address),
    amount: "100000000",
    feeReceiver: zeroAddress,
    minFeeBps: 0,
    maxFeeBps: 50,
    arbiter: zeroAddress,
    authorizeBy: now + 60,
    captureBy: now + 600,
    refundBy: now + 6_000,
  };

  it("has the digest of its terms as id, and the payer's word until authorizeBy", async () => {
    const { id, terms, signature, capture } = await createPayment(network, sender, wish);
    expect(capture).to.equal(null);
    expect(id).to.equal(hashTypedData(typed("Payment", terms)));
    const message = receive(sender, deployment.commerce, { value: 100_000_000n, validBefore: now + 60, nonce: id });
    expect(await isSigned(sender, signature, "ReceiveWithAuthorization", message)).to.equal(true);
  });

  it("carries the merchant's capture for a charge, which expects nothing captured or voided", async () => {
    const order = { amount: "100000000", feeBps: 10, voidRest: false, deadline: now + 60 };
    const { id, capture } = await createPayment(network, sender, wish, { wallet: other, order });
    expect(capture?.order).to.deep.equal(order);
    const message = { id, ...order, amount: 100_000_000n, captured: 0n, voided: 0n };
    expect(await isSigned(other, capture?.signature ?? "0x", "Capture", message)).to.equal(true);
  });

  it("gives every refund a nonce of its own, as the contract makes it", () => {
    const id = `0x${"77".repeat(32)}` as Word;
    const encoded = (refunded: bigint): Hex =>
      encodeAbiParameters(
        [{ type: "bytes32" }, { type: "bytes32" }, { type: "uint256" }],
        [id, keccak256(toHex("refund")), refunded],
      );
    expect(toRefundNonce(id, 0n)).to.equal(keccak256(encoded(0n)));
    expect(toRefundNonce(id, 5n)).to.equal(keccak256(encoded(5n)));
  });
});

describe("createQuote", () => {
  const wish = {
    taker: toLower(other.address),
    sellCoin: coin.address,
    sellAmount: "100000000",
    buyCoin: quetzal.address,
    buyAmount: "775000000",
    validBefore: now + 600,
  };
  const nonce = (id: Word, side: bigint): Word =>
    keccak256(encodeAbiParameters([{ type: "bytes32" }, { type: "uint256" }], [id, side]));

  it("has the digest of its terms as id, and each side's word for its own leg in its own coin", async () => {
    const record = await createQuote(network, sender, wish);
    const { id, terms, signature } = record;
    expect([id, toTermsId(network, "Quote", terms)]).to.deep.equal(Array(2).fill(hashTypedData(typed("Quote", terms))));
    expect([toLegNonce(id, 1), toLegNonce(id, 2)]).to.deep.equal([nonce(id, 1n), nonce(id, 2n)]);
    const leg = (by: Wallet, value: bigint, side: bigint) =>
      receive(by, deployment.swap, { value, validBefore: now + 600, nonce: nonce(id, side) });
    const maker = leg(sender, 100_000_000n, 1n);
    expect(await isSigned(sender, signature, "ReceiveWithAuthorization", maker)).to.equal(true);
    const taken = await signTakersLeg(network, other, record);
    expect(await isSigned(other, taken, "ReceiveWithAuthorization", leg(other, 775_000_000n, 2n), quetzal)).to.equal(
      true,
    );
  });

  it("has another id when any term changes, so that a taker sees terms that were swapped under an id", async () => {
    const { id, terms } = await createQuote(network, sender, wish);
    for (const change of [{ sellAmount: "99999999" }, { buyAmount: "775000001" }, { sellCoin: quetzal.address }]) {
      expect(toTermsId(network, "Quote", { ...terms, ...change })).to.not.equal(id);
    }
  });
});

describe("signStruct", () => {
  it("signs under the contract that owns the struct, and for a coin's struct under that coin", async () => {
    const id = `0x${"77".repeat(32)}` as Word;
    const struct = { primaryType: "CancelClaim", message: { id, deadline: now } } as const;
    expect(await isSigned(sender, await signStruct(network, sender, struct), "CancelClaim", struct.message)).to.equal(
      true,
    );
    expect(digestOf(network, struct)).to.equal(hashTypedData(typed("CancelClaim", { id, deadline: BigInt(now) })));
    expect(() => digestOf(network, { primaryType: "ReceiveWithAuthorization", message: {} })).to.throw(RangeError);
  });
});
