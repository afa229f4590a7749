import { expect } from "chai";
import { TypedDataEncoder, ZeroAddress, ZeroHash } from "ethers";
import type { ClaimWorld } from "../../../support/claim.ts";
import { deployClaim, expectRefused } from "../../../support/claim.ts";
import { createLoader, domainOf, isInstrumented } from "../../../support/treasury.ts";

const load = await createLoader(deployClaim);

describe("ClaimEscrow.constructor", () => {
  let w: ClaimWorld;
  const deploy = (coins: unknown[]) => w.connection.ethers.deployContract("ClaimEscrow", [coins]);

  beforeEach(async () => {
    w = await load();
  });

  describe("requires", () => {
    it("reverts with EscrowCoinInvalid(0) for the zero address in the list", async () => {
      await expectRefused(deploy([w.coin, ZeroAddress]), w.escrow, "EscrowCoinInvalid", ZeroAddress);
    });

    it("reverts with EscrowCoinInvalid(account) for an account without code", async () => {
      await expectRefused(deploy([w.stranger]), w.escrow, "EscrowCoinInvalid", w.stranger.address);
    });

    it("reverts with EscrowCoinInvalid(coin) for a coin listed twice", async () => {
      const coin = await w.coin.getAddress();
      await expectRefused(deploy([coin, coin]), w.escrow, "EscrowCoinInvalid", coin);
    });
  });

  describe("ensures", () => {
    it("the coins are those given", async () => {
      expect(await w.escrow.coins()).to.deep.equal([await w.coin.getAddress()]);
    });

    it("the domain is that of docs/SIGNATURES.md", async () => {
      const address = await w.escrow.getAddress();
      const domain = await w.escrow.eip712Domain();
      expect(domain).to.deep.equal(["0x0f", "Remesa Claims", "1", 31337n, address, ZeroHash, []]);
      const expected = TypedDataEncoder.hashDomain(await domainOf(w.escrow, "Remesa Claims"));
      expect(await w.escrow.DOMAIN_SEPARATOR()).to.equal(expected);
    });

    it("the code stays below 23,500 bytes", async () => {
      const code = await w.connection.ethers.provider.getCode(w.escrow);
      console.log(`      ${(code.length - 2) / 2} bytes`);
      if (!isInstrumented()) expect((code.length - 2) / 2).to.be.at.most(23_500);
    });
  });
});
