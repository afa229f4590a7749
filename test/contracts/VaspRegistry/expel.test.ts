import { expect } from "chai";
import { ZeroHash } from "ethers";
import type { VaspWorld } from "../../support/vasp.ts";
import { ALPHA, BETA, LEAVE_DELAY, UNKNOWN, deployVasps, readVasps } from "../../support/vasp.ts";
import { at, createLoader, now } from "../../support/treasury.ts";

const load = await createLoader(deployVasps);

describe("VaspRegistry.expel", () => {
  let w: VaspWorld;
  let time: bigint;

  beforeEach(async () => {
    w = await load();
    time = (await now(w.connection)) + 100n;
    await at(w.connection, time);
  });

  describe("requires", () => {
    for (const vasp of [0n, UNKNOWN]) {
      it(`reverts with VaspUnknown(${vasp})`, async () => {
        await expect(w.registry.connect(w.operator).expel(vasp, w.payee))
          .to.be.revertedWithCustomError(w.registry, "VaspUnknown")
          .withArgs(vasp);
      });
    }

    it("reverts with VaspAdminOnly(key, operator) for a compliance key", async () => {
      await expect(w.registry.connect(w.key).expel(ALPHA, w.payee))
        .to.be.revertedWithCustomError(w.registry, "VaspAdminOnly")
        .withArgs(w.key.address, w.operator.address);
    });

    it("reverts with VaspNotMember(holder, 1) for an account without family", async () => {
      await expect(w.registry.connect(w.operator).expel(ALPHA, w.holder))
        .to.be.revertedWithCustomError(w.registry, "VaspNotMember")
        .withArgs(w.holder.address, ALPHA);
    });

    it("reverts with VaspNotMember(payee, 2) for a member of another family", async () => {
      await expect(w.registry.connect(w.otherOperator).expel(BETA, w.payee))
        .to.be.revertedWithCustomError(w.registry, "VaspNotMember")
        .withArgs(w.payee.address, BETA);
    });

    it("reverts with VaspAlreadyLeaving(payee, leaveAt): the admin cannot put the leaving off", async () => {
      await w.registry.connect(w.payee).announceLeave();
      await expect(w.registry.connect(w.operator).expel(ALPHA, w.payee))
        .to.be.revertedWithCustomError(w.registry, "VaspAlreadyLeaving")
        .withArgs(w.payee.address, time + LEAVE_DELAY);
    });
  });

  describe("ensures", () => {
    it("leaving can be completed a day from now, nothing else changes [VASP-4]", async () => {
      const before = await readVasps(w);
      await w.registry.connect(w.operator).expel(ALPHA, w.payee);
      expect(await readVasps(w)).to.deep.equal({
        ...before,
        leaveAt: { ...before.leaveAt, payee: time + LEAVE_DELAY },
      });
    });
  });

  describe("emits", () => {
    it("VaspLeaving with the admin as the actor and no consent", async () => {
      await expect(w.registry.connect(w.operator).expel(ALPHA, w.payee))
        .to.emit(w.registry, "VaspLeaving")
        .withArgs(ALPHA, w.payee.address, w.operator.address, time + LEAVE_DELAY, ZeroHash);
    });
  });
});
