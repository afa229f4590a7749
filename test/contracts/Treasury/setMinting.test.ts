import { expect } from "chai";
import type { TreasuryWorld } from "../../support/treasury.ts";
import { createLoader, deployTreasury, readTreasury } from "../../support/treasury.ts";

const load = await createLoader(deployTreasury);

describe("Treasury.setMinting", () => {
  let w: TreasuryWorld;
  const set = (enabled: boolean, caller = w.guardian) => w.treasury.connect(caller).setMinting(w.coin, enabled);

  beforeEach(async () => {
    w = await load();
  });

  describe("requires", () => {
    it("reverts with AccessManagedUnauthorized(dealer) without the role", async () => {
      await expect(set(false, w.dealer))
        .to.be.revertedWithCustomError(w.treasury, "AccessManagedUnauthorized")
        .withArgs(w.dealer.address);
    });
  });

  describe("ensures", () => {
    it("minting is off and on again, nothing else changes", async () => {
      const before = await readTreasury(w);
      await set(false);
      expect(await readTreasury(w)).to.deep.equal({ ...before, minting: false });
      await set(true);
      expect(await readTreasury(w)).to.deep.equal(before);
    });

    it("another coin keeps its switch", async () => {
      await w.treasury.connect(w.guardian).setMinting(w.stranger, true);
      await set(false);
      expect(await w.treasury.mintingEnabled(w.stranger)).to.equal(true);
    });
  });

  describe("emits", () => {
    it("MintingChanged(coin, guardian, true, false)", async () => {
      await expect(set(false))
        .to.emit(w.treasury, "MintingChanged")
        .withArgs(await w.coin.getAddress(), w.guardian.address, true, false);
    });

    it("MintingChanged(coin, guardian, true, true) when nothing changes", async () => {
      await expect(set(true))
        .to.emit(w.treasury, "MintingChanged")
        .withArgs(await w.coin.getAddress(), w.guardian.address, true, true);
    });
  });
});
