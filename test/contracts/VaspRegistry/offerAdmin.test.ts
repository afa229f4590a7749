import { expect } from "chai";
import { ZeroAddress } from "ethers";
import type { VaspWorld } from "../../support/vasp.ts";
import { ALPHA, UNKNOWN, deployVasps, readVasps } from "../../support/vasp.ts";
import { createLoader } from "../../support/treasury.ts";

const load = await createLoader(deployVasps);

describe("VaspRegistry.offerAdmin", () => {
  let w: VaspWorld;

  beforeEach(async () => {
    w = await load();
  });

  describe("requires", () => {
    for (const vasp of [0n, UNKNOWN]) {
      it(`reverts with VaspUnknown(${vasp})`, async () => {
        await expect(w.registry.connect(w.operator).offerAdmin(vasp, w.stranger))
          .to.be.revertedWithCustomError(w.registry, "VaspUnknown")
          .withArgs(vasp);
      });
    }

    it("reverts with VaspAdminOnly(otherOperator, operator) for another family's admin", async () => {
      await expect(w.registry.connect(w.otherOperator).offerAdmin(ALPHA, w.stranger))
        .to.be.revertedWithCustomError(w.registry, "VaspAdminOnly")
        .withArgs(w.otherOperator.address, w.operator.address);
    });
  });

  describe("ensures", () => {
    it("the offer stands and the admin stays, nothing else changes", async () => {
      const before = await readVasps(w);
      await w.registry.connect(w.operator).offerAdmin(ALPHA, w.stranger);
      expect(await readVasps(w)).to.deep.equal({
        ...before,
        alpha: { ...before.alpha, offeredAdmin: w.stranger.address },
      });
    });

    it("a new offer replaces the one before, and zero takes it back", async () => {
      const before = await readVasps(w);
      await w.registry.connect(w.operator).offerAdmin(ALPHA, w.stranger);
      await w.registry.connect(w.operator).offerAdmin(ALPHA, w.relayer);
      expect((await readVasps(w)).alpha.offeredAdmin).to.equal(w.relayer.address);
      await w.registry.connect(w.operator).offerAdmin(ALPHA, ZeroAddress);
      expect(await readVasps(w)).to.deep.equal(before);
    });
  });

  describe("emits", () => {
    it("VaspAdminOffered with the admin and the one it is offered to", async () => {
      await expect(w.registry.connect(w.operator).offerAdmin(ALPHA, w.stranger))
        .to.emit(w.registry, "VaspAdminOffered")
        .withArgs(ALPHA, w.operator.address, w.stranger.address);
    });
  });
});
