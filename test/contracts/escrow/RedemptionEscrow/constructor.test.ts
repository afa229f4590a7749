import { expect } from "chai";
import { TypedDataEncoder, ZeroAddress, ZeroHash } from "ethers";
import type { RedemptionWorld } from "../../../support/redemption.ts";
import { deployRedemption } from "../../../support/redemption.ts";
import { createLoader, domainOf, isInstrumented } from "../../../support/treasury.ts";

const load = await createLoader(deployRedemption);

describe("RedemptionEscrow.constructor", () => {
  let w: RedemptionWorld;
  const deploy = (coins: unknown[]) => w.connection.ethers.deployContract("RedemptionEscrow", [w.manager, coins]);

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
        .withArgs(await w.coin.getAddress());
    });
  });

  describe("ensures", () => {
    it("the coins are those given", async () => {
      expect(await w.escrow.coins()).to.deep.equal([await w.coin.getAddress()]);
    });

    it("the domain is that of docs/SIGNATURES.md", async () => {
      const address = await w.escrow.getAddress();
      const domain = await w.escrow.eip712Domain();
      expect(domain).to.deep.equal(["0x0f", "Remesa Redemption", "1", 31337n, address, ZeroHash, []]);
      const expected = TypedDataEncoder.hashDomain(await domainOf(w.escrow, "Remesa Redemption"));
      expect(await w.escrow.DOMAIN_SEPARATOR()).to.equal(expected);
    });

    it("the authority is kept for ever: setAuthority reverts with AuthorityFixed(manager)", async () => {
      const manager = await w.manager.getAddress();
      await expect(w.escrow.setAuthority(w.stranger))
        .to.be.revertedWithCustomError(w.escrow, "AuthorityFixed")
        .withArgs(manager);
      await expect(w.manager.updateAuthority(w.escrow, w.manager))
        .to.be.revertedWithCustomError(w.escrow, "AuthorityFixed")
        .withArgs(manager);
    });

    it("the code stays below 23,500 bytes", async () => {
      const code = await w.connection.ethers.provider.getCode(w.escrow);
      if (!isInstrumented()) expect((code.length - 2) / 2).to.be.at.most(23_500);
    });
  });
});
