import { expect } from "chai";
import { ZeroAddress } from "ethers";
import type { VaspWorld } from "../../support/vasp.ts";
import { ALPHA, BETA, UNKNOWN, deployVasps, readVasps } from "../../support/vasp.ts";
import { createLoader } from "../../support/treasury.ts";

const load = await createLoader(deployVasps);

describe("VaspRegistry.acceptAdmin", () => {
  let w: VaspWorld;

  beforeEach(async () => {
    w = await load();
    await w.registry.connect(w.operator).offerAdmin(ALPHA, w.stranger);
  });

  describe("requires", () => {
    for (const vasp of [0n, UNKNOWN]) {
      it(`reverts with VaspUnknown(${vasp})`, async () => {
        await expect(w.registry.connect(w.stranger).acceptAdmin(vasp))
          .to.be.revertedWithCustomError(w.registry, "VaspUnknown")
          .withArgs(vasp);
      });
    }

    it("reverts with VaspAdminOnly(operator, stranger) for the admin itself", async () => {
      await expect(w.registry.connect(w.operator).acceptAdmin(ALPHA))
        .to.be.revertedWithCustomError(w.registry, "VaspAdminOnly")
        .withArgs(w.operator.address, w.stranger.address);
    });

    it("reverts with VaspAdminOnly(stranger, 0) where nothing is offered", async () => {
      await expect(w.registry.connect(w.stranger).acceptAdmin(BETA))
        .to.be.revertedWithCustomError(w.registry, "VaspAdminOnly")
        .withArgs(w.stranger.address, ZeroAddress);
    });

    it("reverts with VaspAdminOnly(stranger, 0) for an offer accepted before", async () => {
      await w.registry.connect(w.stranger).acceptAdmin(ALPHA);
      await expect(w.registry.connect(w.stranger).acceptAdmin(ALPHA))
        .to.be.revertedWithCustomError(w.registry, "VaspAdminOnly")
        .withArgs(w.stranger.address, ZeroAddress);
    });
  });

  describe("ensures", () => {
    it("the caller is the admin and no offer is left, nothing else changes", async () => {
      const before = await readVasps(w);
      await w.registry.connect(w.stranger).acceptAdmin(ALPHA);
      expect(await readVasps(w)).to.deep.equal({
        ...before,
        alpha: { ...before.alpha, admin: w.stranger.address, offeredAdmin: ZeroAddress },
      });
    });

    it("the old admin has no say any more", async () => {
      await w.registry.connect(w.stranger).acceptAdmin(ALPHA);
      await expect(w.registry.connect(w.operator).setBaseUrl(ALPHA, ""))
        .to.be.revertedWithCustomError(w.registry, "VaspAdminOnly")
        .withArgs(w.operator.address, w.stranger.address);
      await w.registry.connect(w.stranger).setBaseUrl(ALPHA, "");
    });
  });

  describe("emits", () => {
    it("VaspAdminChanged with the old and the new admin", async () => {
      await expect(w.registry.connect(w.stranger).acceptAdmin(ALPHA))
        .to.emit(w.registry, "VaspAdminChanged")
        .withArgs(ALPHA, w.operator.address, w.stranger.address);
    });
  });
});
