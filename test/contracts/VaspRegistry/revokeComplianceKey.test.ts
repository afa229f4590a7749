import { expect } from "chai";
import type { VaspWorld } from "../../support/vasp.ts";
import { ALPHA, UNKNOWN, attest, deployVasps, join, readVasps, toAttestation } from "../../support/vasp.ts";
import { at, createLoader, now } from "../../support/treasury.ts";

const load = await createLoader(deployVasps);

describe("VaspRegistry.revokeComplianceKey", () => {
  let w: VaspWorld;

  beforeEach(async () => {
    w = await load();
  });

  describe("requires", () => {
    for (const vasp of [0n, UNKNOWN]) {
      it(`reverts with VaspUnknown(${vasp})`, async () => {
        await expect(w.registry.connect(w.operator).revokeComplianceKey(vasp, w.key))
          .to.be.revertedWithCustomError(w.registry, "VaspUnknown")
          .withArgs(vasp);
      });
    }

    it("reverts with VaspAdminOnly(otherOperator, operator)", async () => {
      await expect(w.registry.connect(w.otherOperator).revokeComplianceKey(ALPHA, w.key))
        .to.be.revertedWithCustomError(w.registry, "VaspAdminOnly")
        .withArgs(w.otherOperator.address, w.operator.address);
    });
  });

  describe("ensures", () => {
    it("the key has no term, nothing else changes: attestations given stay", async () => {
      await attest(w);
      const before = await readVasps(w);
      expect(before.waiting[0]).to.equal(1n);
      await w.registry.connect(w.operator).revokeComplianceKey(ALPHA, w.key);
      expect(await readVasps(w)).to.deep.equal({ ...before, key: [0n, 0n] });
    });

    it("what the key signs counts for nothing", async () => {
      await w.registry.connect(w.operator).revokeComplianceKey(ALPHA, w.key);
      const time = (await now(w.connection)) + 100n;
      await at(w.connection, time);
      await expect(join(w)).to.be.revertedWithCustomError(w.registry, "VaspKeyInvalid").withArgs(ALPHA, w.key.address, time);
      await at(w.connection, time + 100n);
      const attestation = await toAttestation(w);
      await expect(w.registry.connect(w.key).attest(attestation))
        .to.be.revertedWithCustomError(w.registry, "VaspKeyInvalid")
        .withArgs(ALPHA, w.key.address, time + 100n);
    });
  });

  describe("emits", () => {
    it("VaspKeyChanged with the term that ended", async () => {
      await expect(w.registry.connect(w.operator).revokeComplianceKey(ALPHA, w.key))
        .to.emit(w.registry, "VaspKeyChanged")
        .withArgs(ALPHA, w.key.address, w.keyFrom, w.keyUntil, 0, 0);
    });

    it("VaspKeyChanged also for a key that had none", async () => {
      await expect(w.registry.connect(w.operator).revokeComplianceKey(ALPHA, w.stranger))
        .to.emit(w.registry, "VaspKeyChanged")
        .withArgs(ALPHA, w.stranger.address, 0, 0, 0, 0);
    });
  });
});
