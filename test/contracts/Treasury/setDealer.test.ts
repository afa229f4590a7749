import { expect } from "chai";
import { ZeroAddress } from "ethers";
import type { TreasuryWorld } from "../../support/treasury.ts";
import { createLoader, deployTreasury, readTreasury } from "../../support/treasury.ts";

const load = await createLoader(deployTreasury);

describe("Treasury.setDealer", () => {
  let w: TreasuryWorld;

  beforeEach(async () => {
    w = await load();
  });

  describe("requires", () => {
    it("reverts with AccessManagedUnauthorized(stranger) without the role", async () => {
      await expect(w.treasury.connect(w.stranger).setDealer(w.stranger, true))
        .to.be.revertedWithCustomError(w.treasury, "AccessManagedUnauthorized")
        .withArgs(w.stranger.address);
    });

    it("reverts with TreasuryDealerUnknown(0) for the zero address", async () => {
      await expect(w.treasury.setDealer(ZeroAddress, true))
        .to.be.revertedWithCustomError(w.treasury, "TreasuryDealerUnknown")
        .withArgs(ZeroAddress);
    });
  });

  describe("ensures", () => {
    it("an enabled dealer is known, nothing else changes", async () => {
      const before = await readTreasury(w);
      await w.treasury.setDealer(w.stranger, true);
      expect(await readTreasury(w)).to.deep.equal({ ...before, strangerEnabled: true });
    });

    it("a disabled dealer is unknown, nothing else changes", async () => {
      const before = await readTreasury(w);
      await w.treasury.setDealer(w.dealer, false);
      expect(await readTreasury(w)).to.deep.equal({ ...before, enabled: false });
    });
  });

  describe("emits", () => {
    it("DealerChanged(stranger, false, true) on enabling", async () => {
      await expect(w.treasury.setDealer(w.stranger, true))
        .to.emit(w.treasury, "DealerChanged")
        .withArgs(w.stranger.address, false, true);
    });

    it("DealerChanged(dealer, true, false) on disabling", async () => {
      await expect(w.treasury.setDealer(w.dealer, false))
        .to.emit(w.treasury, "DealerChanged")
        .withArgs(w.dealer.address, true, false);
    });

    it("DealerChanged(dealer, true, true) when nothing changes", async () => {
      await expect(w.treasury.setDealer(w.dealer, true))
        .to.emit(w.treasury, "DealerChanged")
        .withArgs(w.dealer.address, true, true);
    });
  });
});
