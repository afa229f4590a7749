import { expect } from "chai";
import { TypedDataEncoder, ZeroAddress, ZeroHash } from "ethers";
import type { CommerceWorld } from "../../../support/commerce.ts";
import { deployCommerce } from "../../../support/commerce.ts";
import { createLoader, domainOf, isInstrumented } from "../../../support/treasury.ts";

const load = await createLoader(deployCommerce);

describe("CommerceEscrow.constructor", () => {
  let w: CommerceWorld;
  const deploy = (coins: unknown[]) => w.connection.ethers.deployContract("CommerceEscrow", [coins]);

  beforeEach(async () => {
    w = await load();
  });

  describe("requires", () => {
    it("reverts with EscrowCoinInvalid(0) for the zero address in the list", async () => {
      await expect(deploy([w.coin, ZeroAddress]))
        .to.be.revertedWithCustomError(w.escrow, "EscrowCoinInvalid")
        .withArgs(ZeroAddress);
    });

    it("reverts with EscrowCoinInvalid(account) for an account without code", async () => {
      await expect(deploy([w.stranger]))
        .to.be.revertedWithCustomError(w.escrow, "EscrowCoinInvalid")
        .withArgs(w.stranger.address);
    });

    it("reverts with EscrowCoinInvalid(coin) for a coin listed twice", async () => {
      await expect(deploy([w.coin, w.coin]))
        .to.be.revertedWithCustomError(w.escrow, "EscrowCoinInvalid")
        .withArgs(w.terms.coin);
    });
  });

  describe("ensures", () => {
    it("the coins are those given", async () => {
      expect(await w.escrow.coins()).to.deep.equal([w.terms.coin]);
    });

    it("the domain is that of docs/SIGNATURES.md", async () => {
      const address = await w.escrow.getAddress();
      const domain = await w.escrow.eip712Domain();
      expect(domain).to.deep.equal(["0x0f", "Remesa Commerce", "1", 31337n, address, ZeroHash, []]);
      const expected = TypedDataEncoder.hashDomain(await domainOf(w.escrow, "Remesa Commerce"));
      expect(await w.escrow.DOMAIN_SEPARATOR()).to.equal(expected);
    });

    it("the code stays below 23,500 bytes", async () => {
      const code = await w.connection.ethers.provider.getCode(w.escrow);
      console.log(`      ${(code.length - 2) / 2} bytes`);
      if (!isInstrumented()) expect((code.length - 2) / 2).to.be.at.most(23_500);
    });
  });
});
