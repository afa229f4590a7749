import { expect } from "chai";
import type { VaspWorld } from "../../support/vasp.ts";
import { ALPHA, UNKNOWN, attest, deployVasps, join, pay, readVasps } from "../../support/vasp.ts";
import { createLoader } from "../../support/treasury.ts";

const load = await createLoader(deployVasps);

describe("VaspRegistry.reinstate", () => {
  let w: VaspWorld;

  beforeEach(async () => {
    w = await load();
    await attest(w);
    await w.registry.connect(w.freezer).suspend(ALPHA);
  });

  describe("requires", () => {
    for (const caller of ["operator", "registrar", "stranger"] as const) {
      it(`reverts with AccessManagedUnauthorized(${caller})`, async () => {
        await expect(w.registry.connect(w[caller]).reinstate(ALPHA))
          .to.be.revertedWithCustomError(w.registry, "AccessManagedUnauthorized")
          .withArgs(w[caller].address);
      });
    }

    for (const vasp of [0n, UNKNOWN]) {
      it(`reverts with VaspUnknown(${vasp})`, async () => {
        await expect(w.registry.connect(w.freezer).reinstate(vasp))
          .to.be.revertedWithCustomError(w.registry, "VaspUnknown")
          .withArgs(vasp);
      });
    }
  });

  describe("ensures", () => {
    it("the family is not suspended, nothing else changes", async () => {
      const before = await readVasps(w);
      expect(before.alpha.suspended).to.equal(true);
      await w.registry.connect(w.freezer).reinstate(ALPHA);
      expect(await readVasps(w)).to.deep.equal({ ...before, alpha: { ...before.alpha, suspended: false } });
    });

    it("it admits again, and what it had attested counts", async () => {
      await w.registry.connect(w.freezer).reinstate(ALPHA);
      await join(w);
      expect(await w.registry.vaspOf(w.holder)).to.equal(ALPHA);
      expect(await pay(w)).to.equal(true);
    });
  });

  describe("emits", () => {
    it("VaspSuspendedChanged with the freezer as the actor", async () => {
      await expect(w.registry.connect(w.freezer).reinstate(ALPHA))
        .to.emit(w.registry, "VaspSuspendedChanged")
        .withArgs(ALPHA, w.freezer.address, true, false);
    });

    it("VaspSuspendedChanged also when nothing changes", async () => {
      await w.registry.connect(w.freezer).reinstate(ALPHA);
      await expect(w.registry.connect(w.freezer).reinstate(ALPHA))
        .to.emit(w.registry, "VaspSuspendedChanged")
        .withArgs(ALPHA, w.freezer.address, false, false);
    });
  });
});
