import { expect } from "chai";
import type { VaspWorld } from "../../support/vasp.ts";
import { ALPHA, BETA, UNKNOWN, attest, deployVasps, readVasps } from "../../support/vasp.ts";
import { createLoader } from "../../support/treasury.ts";

const load = await createLoader(deployVasps);

describe("VaspRegistry.suspend", () => {
  let w: VaspWorld;

  beforeEach(async () => {
    w = await load();
  });

  describe("requires", () => {
    for (const caller of ["operator", "registrar", "stranger"] as const) {
      it(`reverts with AccessManagedUnauthorized(${caller})`, async () => {
        await expect(w.registry.connect(w[caller]).suspend(ALPHA))
          .to.be.revertedWithCustomError(w.registry, "AccessManagedUnauthorized")
          .withArgs(w[caller].address);
      });
    }

    for (const vasp of [0n, UNKNOWN]) {
      it(`reverts with VaspUnknown(${vasp})`, async () => {
        await expect(w.registry.connect(w.freezer).suspend(vasp))
          .to.be.revertedWithCustomError(w.registry, "VaspUnknown")
          .withArgs(vasp);
      });
    }
  });

  describe("ensures", () => {
    it("the family is suspended, nothing else changes: members and attestations stay", async () => {
      await attest(w);
      const before = await readVasps(w);
      await w.registry.connect(w.freezer).suspend(ALPHA);
      expect(await readVasps(w)).to.deep.equal({ ...before, alpha: { ...before.alpha, suspended: true } });
    });

    it("another family is suspended apart from it", async () => {
      await w.registry.connect(w.freezer).suspend(BETA);
      const after = await readVasps(w);
      expect([after.alpha.suspended, after.beta.suspended]).to.deep.equal([false, true]);
    });

    it("the admin may still rotate its keys", async () => {
      await w.registry.connect(w.freezer).suspend(ALPHA);
      await w.registry.connect(w.operator).revokeComplianceKey(ALPHA, w.key);
      await w.registry.connect(w.operator).setComplianceKey(ALPHA, w.nextKey, w.keyFrom, w.keyUntil);
      const after = await readVasps(w);
      expect([after.key, after.nextKey]).to.deep.equal([
        [0n, 0n],
        [w.keyFrom, w.keyUntil],
      ]);
    });
  });

  describe("emits", () => {
    it("VaspSuspendedChanged with the freezer as the actor", async () => {
      await expect(w.registry.connect(w.freezer).suspend(ALPHA))
        .to.emit(w.registry, "VaspSuspendedChanged")
        .withArgs(ALPHA, w.freezer.address, false, true);
    });

    it("VaspSuspendedChanged also when nothing changes", async () => {
      await w.registry.connect(w.freezer).suspend(ALPHA);
      await expect(w.registry.connect(w.freezer).suspend(ALPHA))
        .to.emit(w.registry, "VaspSuspendedChanged")
        .withArgs(ALPHA, w.freezer.address, true, true);
    });
  });
});
