import { expect } from "chai";
import { ZeroAddress } from "ethers";
import type { VaspWorld } from "../../support/vasp.ts";
import { deployVasps } from "../../support/vasp.ts";
import { createLoader, domainOf } from "../../support/treasury.ts";

const load = await createLoader(deployVasps);

describe("VaspRegistry.constructor", () => {
  let w: VaspWorld;
  const deploy = (coins: unknown[]) => w.connection.ethers.deployContract("VaspRegistry", [w.manager, coins]);
  const createCoins = (count: number) =>
    Promise.all(Array.from({ length: count }, () => w.connection.ethers.deployContract("VaspMockCoin")));

  beforeEach(async () => {
    w = await load();
  });

  describe("requires", () => {
    it("accepts no coin at all", async () => {
      const registry = await deploy([]);
      expect([...(await registry.getFunction("coins")())]).to.deep.equal([]);
    });

    it("accepts 16 coins", async () => {
      const registry = await deploy(await createCoins(16));
      expect(await registry.getFunction("coins")()).to.have.lengthOf(16);
    });

    it("reverts with VaspListTooLong(17, 16)", async () => {
      await expect(deploy(await createCoins(17)))
        .to.be.revertedWithCustomError(w.registry, "VaspListTooLong")
        .withArgs(17, 16);
    });

    it("reverts with VaspCoinInvalid(relayer) for an account without code", async () => {
      await expect(deploy([w.coin, w.relayer]))
        .to.be.revertedWithCustomError(w.registry, "VaspCoinInvalid")
        .withArgs(w.relayer.address);
    });

    it("reverts with VaspCoinInvalid(0)", async () => {
      await expect(deploy([ZeroAddress]))
        .to.be.revertedWithCustomError(w.registry, "VaspCoinInvalid")
        .withArgs(ZeroAddress);
    });

    it("reverts with VaspCoinInvalid(coin) for a coin listed twice", async () => {
      await expect(deploy([w.coin, w.front, w.coin]))
        .to.be.revertedWithCustomError(w.registry, "VaspCoinInvalid")
        .withArgs(await w.coin.getAddress());
    });
  });

  describe("ensures", () => {
    it("coins and authority are those given, and there is no family", async () => {
      const registry = await deploy([w.front, w.coin]);
      expect([...(await registry.getFunction("coins")())]).to.deep.equal([
        await w.front.getAddress(),
        await w.coin.getAddress(),
      ]);
      expect(await registry.getFunction("authority")()).to.equal(await w.manager.getAddress());
      expect(await registry.getFunction("vaspCount")()).to.equal(0n);
    });

    it("the domain is Remesa Vasps, version 1", async () => {
      const { name, version, chainId, verifyingContract } = await w.registry.eip712Domain();
      expect({ name, version, chainId, verifyingContract }).to.deep.equal(await domainOf(w.registry, "Remesa Vasps"));
    });

    it("the authority stays for good: setAuthority reverts with AuthorityFixed(manager)", async () => {
      await expect(w.registry.connect(w.admin).setAuthority(w.stranger))
        .to.be.revertedWithCustomError(w.registry, "AuthorityFixed")
        .withArgs(await w.manager.getAddress());
    });
  });
});
