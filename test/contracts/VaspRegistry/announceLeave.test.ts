import { expect } from "chai";
import { ZeroHash } from "ethers";
import type { VaspWorld } from "../../support/vasp.ts";
import { ALPHA, LEAVE_DELAY, attest, deployVasps, pay, readVasps, suspend } from "../../support/vasp.ts";
import { at, createLoader, now } from "../../support/treasury.ts";

const load = await createLoader(deployVasps);

describe("VaspRegistry.announceLeave", () => {
  let w: VaspWorld;
  let time: bigint;

  beforeEach(async () => {
    w = await load();
    time = (await now(w.connection)) + 100n;
    await at(w.connection, time);
  });

  describe("requires", () => {
    it("reverts with VaspNotMember(holder, 0) for an account without family", async () => {
      await expect(w.registry.connect(w.holder).announceLeave())
        .to.be.revertedWithCustomError(w.registry, "VaspNotMember")
        .withArgs(w.holder.address, 0);
    });

    it("reverts with VaspAlreadyLeaving(payee, leaveAt) for one that is leaving", async () => {
      await w.registry.connect(w.payee).announceLeave();
      await expect(w.registry.connect(w.payee).announceLeave())
        .to.be.revertedWithCustomError(w.registry, "VaspAlreadyLeaving")
        .withArgs(w.payee.address, time + LEAVE_DELAY);
    });
  });

  describe("ensures", () => {
    it("leaving can be completed a day from now, nothing else changes [VASP-4]", async () => {
      const before = await readVasps(w);
      await w.registry.connect(w.payee).announceLeave();
      expect(await readVasps(w)).to.deep.equal({
        ...before,
        leaveAt: { ...before.leaveAt, payee: time + LEAVE_DELAY },
      });
    });

    it("until then the account is a member like any other", async () => {
      await w.registry.connect(w.payee).announceLeave();
      await attest(w);
      expect(await pay(w)).to.equal(true);
    });

    it("a member of a suspended family may leave", async () => {
      await suspend(w, ALPHA);
      await w.registry.connect(w.payee).announceLeave();
      expect(await w.registry.leaveAt(w.payee)).to.be.greaterThan(time + LEAVE_DELAY);
    });
  });

  describe("emits", () => {
    it("VaspLeaving with the account as the actor and no consent", async () => {
      await expect(w.registry.connect(w.payee).announceLeave())
        .to.emit(w.registry, "VaspLeaving")
        .withArgs(ALPHA, w.payee.address, w.payee.address, time + LEAVE_DELAY, ZeroHash);
    });
  });
});
