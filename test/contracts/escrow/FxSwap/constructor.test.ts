import { expect } from "chai";
import { TypedDataEncoder, ZeroAddress, ZeroHash } from "ethers";
import { expectRefused } from "../../../support/claim.ts";
import type { SwapWorld } from "../../../support/swap.ts";
import { deploySwap } from "../../../support/swap.ts";
import { createLoader, domainOf, isInstrumented } from "../../../support/treasury.ts";

const load = await createLoader(deploySwap);

describe("FxSwap.constructor", () => {
  let w: SwapWorld;
  const deploy = (coins: unknown[]) => w.connection.ethers.deployContract("FxSwap", [coins]);

  beforeEach(async () => {
    w = await load();
  });

  describe("requires", () => {
    it("reverts with EscrowCoinInvalid(0) for the zero address in the list", async () => {
      await expectRefused(deploy([w.sell, ZeroAddress]), w.fx, "EscrowCoinInvalid", ZeroAddress);
    });

    it("reverts with EscrowCoinInvalid(account) for an account without code", async () => {
      await expectRefused(deploy([w.sell, w.stranger]), w.fx, "EscrowCoinInvalid", w.stranger.address);
    });

    it("reverts with EscrowCoinInvalid(coin) for a coin listed twice", async () => {
      const coin = await w.sell.getAddress();
      await expectRefused(deploy([coin, w.buy, coin]), w.fx, "EscrowCoinInvalid", coin);
    });
  });

  describe("ensures", () => {
    it("the coins are those given", async () => {
      expect(await w.fx.coins()).to.deep.equal([await w.sell.getAddress(), await w.buy.getAddress()]);
    });

    it("the domain is that of docs/SIGNATURES.md", async () => {
      const address = await w.fx.getAddress();
      const domain = await w.fx.eip712Domain();
      expect(domain).to.deep.equal(["0x0f", "Remesa Swap", "1", 31337n, address, ZeroHash, []]);
      const expected = TypedDataEncoder.hashDomain(await domainOf(w.fx, "Remesa Swap"));
      expect(await w.fx.DOMAIN_SEPARATOR()).to.equal(expected);
    });

    it("the code stays below 23,500 bytes", async () => {
      const code = await w.connection.ethers.provider.getCode(w.fx);
      console.log(`      ${(code.length - 2) / 2} bytes`);
      if (!isInstrumented()) expect((code.length - 2) / 2).to.be.at.most(23_500);
    });
  });
});
