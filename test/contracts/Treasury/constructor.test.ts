import { expect } from "chai";
import { TypedDataEncoder } from "ethers";
import type { TreasuryWorld } from "../../support/treasury.ts";
import { LIFETIME, createLoader, deployTreasury, domainOf, isInstrumented } from "../../support/treasury.ts";

const load = await createLoader(deployTreasury);

describe("Treasury.constructor", () => {
  let w: TreasuryWorld;

  beforeEach(async () => {
    w = await load();
  });

  describe("requires", () => {
    it("reverts with TreasuryLifetimeOutOfBounds(3599, 3600, 3888000) for a lifetime too short", async () => {
      await expect(w.connection.ethers.deployContract("Treasury", [w.manager, 3_599n]))
        .to.be.revertedWithCustomError(w.treasury, "TreasuryLifetimeOutOfBounds")
        .withArgs(3_599n, 3_600n, 3_888_000n);
    });
  });

  describe("ensures", () => {
    it("the domain is that of docs/SIGNATURES.md", async () => {
      const domain = await w.treasury.eip712Domain();
      expect(domain).to.deep.equal([
        "0x0f",
        "Remesa Treasury",
        "1",
        31337n,
        await w.treasury.getAddress(),
        `0x${"00".repeat(32)}`,
        [],
      ]);
      const expected = TypedDataEncoder.hashDomain(await domainOf(w.treasury, "Remesa Treasury"));
      expect(await w.treasury.DOMAIN_SEPARATOR()).to.equal(expected);
    });

    it("a coin nobody has spoken of cannot be minted", async () => {
      expect(await w.treasury.mintingEnabled(w.stranger)).to.equal(false);
      expect(await w.treasury.attestation(w.stranger)).to.deep.equal([0n, 0n, 0n]);
      expect(await w.treasury.redemptionsOf(w.stranger)).to.equal(`0x${"00".repeat(20)}`);
    });

    it("the authority is kept for ever: setAuthority reverts with AuthorityFixed(manager)", async () => {
      expect(await w.treasury.authority()).to.equal(await w.manager.getAddress());
      await expect(w.treasury.setAuthority(w.stranger))
        .to.be.revertedWithCustomError(w.treasury, "AuthorityFixed")
        .withArgs(await w.manager.getAddress());
    });

    it("setAuthority reverts with AuthorityFixed(manager) through the manager too", async () => {
      const call = w.treasury.interface.encodeFunctionData("setAuthority", [w.stranger.address]);
      await expect(w.manager.execute(w.treasury, call)).to.be.revert(w.connection.ethers);
      await expect(w.manager.updateAuthority(w.treasury, w.manager))
        .to.be.revertedWithCustomError(w.treasury, "AuthorityFixed")
        .withArgs(await w.manager.getAddress());
    });

    it("the code stays below 23,500 bytes", async () => {
      const code = await w.connection.ethers.provider.getCode(w.treasury);
      if (!isInstrumented()) expect((code.length - 2) / 2).to.be.at.most(23_500);
    });
  });

  describe("emits", () => {
    it("AttestationLifetimeChanged(0, lifetime)", async () => {
      await expect(w.treasury.deploymentTransaction())
        .to.emit(w.treasury, "AttestationLifetimeChanged")
        .withArgs(0n, LIFETIME);
    });
  });
});
