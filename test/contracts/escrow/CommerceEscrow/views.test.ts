import { expect } from "chai";
import { AbiCoder, ZeroHash, id, keccak256 } from "ethers";
import type { CommerceWorld } from "../../../support/commerce.ts";
import { LARGEST, TYPES, deployCommerce, differing, reach, withTerms } from "../../../support/commerce.ts";
import { createLoader } from "../../../support/treasury.ts";

const load = await createLoader(deployCommerce);

describe("CommerceEscrow's views", () => {
  let w: CommerceWorld;

  beforeEach(async () => {
    w = await load();
  });

  it("idOf is the digest a wallet computes, before and after it is authorized", async () => {
    expect(await w.escrow.idOf(w.terms)).to.equal(w.id);
    await reach(w, "captured");
    expect(await w.escrow.idOf(w.terms)).to.equal(w.id);
  });

  for (const { name, type } of TYPES.Payment)
    it(`idOf changes with ${name}`, async () => {
      const other = await withTerms(w, { [name]: differing(type, w.terms[name as keyof typeof w.terms]) });
      expect(await w.escrow.idOf(other.terms)).to.equal(other.id).and.not.to.equal(w.id);
    });

  it("paymentOf is all zeros for an unknown id", async () => {
    expect(await w.escrow.paymentOf(w.id)).to.deep.equal([0n, 0n, 0n, 0n, 0n, false]);
  });

  it("refundNonceOf is keccak256(abi.encode(id, keccak256('refund'), refunded))", async () => {
    for (const refunded of [0n, 1n, LARGEST]) {
      const types = ["bytes32", "bytes32", "uint256"];
      const expected = keccak256(AbiCoder.defaultAbiCoder().encode(types, [w.id, id("refund"), refunded]));
      expect(await w.escrow.refundNonceOf(w.id, refunded)).to.equal(expected);
    }
    expect(await w.escrow.refundNonceOf(ZeroHash, 0n)).to.not.equal(await w.escrow.refundNonceOf(w.id, 0n));
  });

  const fees: [bigint, bigint, bigint][] = [
    [0n, 10_000n, 0n],
    [39n, 250n, 0n],
    [40n, 250n, 1n],
    [79n, 250n, 1n],
    [80n, 250n, 2n],
    [1n, 9_999n, 0n],
    [1n, 10_000n, 1n],
    [LARGEST, 10_000n, LARGEST],
    [LARGEST, 1n, LARGEST / 10_000n],
  ];
  for (const [captured, feeBps, fee] of fees)
    it(`feeOf(${captured}, ${feeBps}) is ${fee}`, async () => {
      expect(await w.escrow.feeOf(captured, feeBps)).to.equal(fee);
    });
});
