import { expect } from "chai";
import type { VaspWorld } from "../../support/vasp.ts";
import { ALPHA, BETA, LEAVE_DELAY, attest, deployVasps, join, pay, readVasps } from "../../support/vasp.ts";
import { at, createLoader, now } from "../../support/treasury.ts";

const load = await createLoader(deployVasps);

describe("VaspRegistry.completeLeave", () => {
  let w: VaspWorld;
  let leaveAt: bigint;
  const complete = (account = w.payee) => w.registry.connect(w.stranger).completeLeave(account);

  beforeEach(async () => {
    w = await load();
    const time = (await now(w.connection)) + 100n;
    leaveAt = time + LEAVE_DELAY;
    await at(w.connection, time);
    await w.registry.connect(w.payee).announceLeave();
  });

  describe("requires", () => {
    it("reverts with VaspNotMember(holder, 0) for an account without family", async () => {
      await expect(complete(w.holder))
        .to.be.revertedWithCustomError(w.registry, "VaspNotMember")
        .withArgs(w.holder.address, 0);
    });

    it("reverts with VaspNotLeaving(payer) for one that announced nothing", async () => {
      await expect(complete(w.payer))
        .to.be.revertedWithCustomError(w.registry, "VaspNotLeaving")
        .withArgs(w.payer.address);
    });

    it("reverts with VaspLeaveTooEarly(leaveAt, leaveAt - 1) [VASP-4]", async () => {
      await at(w.connection, leaveAt - 1n);
      await expect(complete())
        .to.be.revertedWithCustomError(w.registry, "VaspLeaveTooEarly")
        .withArgs(leaveAt, leaveAt - 1n);
    });

    for (const after of [0n, 1n]) {
      it(`acts ${after} seconds after 24 hours`, async () => {
        await at(w.connection, leaveAt + after);
        await complete();
        expect(await w.registry.vaspOf(w.payee)).to.equal(0n);
      });
    }

    it("reverts with VaspNotMember(payee, 0) the second time", async () => {
      await at(w.connection, leaveAt);
      await complete();
      await expect(complete())
        .to.be.revertedWithCustomError(w.registry, "VaspNotMember")
        .withArgs(w.payee.address, 0);
    });
  });

  describe("ensures", () => {
    it("the account belongs to no family here and in both coins, nothing else changes [VASP-2]", async () => {
      await attest(w);
      const before = await readVasps(w);
      await at(w.connection, leaveAt);
      await complete();
      expect(await readVasps(w)).to.deep.equal({
        ...before,
        family: { ...before.family, payee: 0n },
        coinFamily: { ...before.coinFamily, payee: 0n },
        frontFamily: { ...before.frontFamily, payee: 0n },
        told: [before.told[0]! + 1n, before.told[1]! + 1n],
        leaveAt: { ...before.leaveAt, payee: 0n },
      });
    });

    it("the account may join another family, and is not leaving it", async () => {
      await at(w.connection, leaveAt);
      await complete();
      await join(w, { account: w.payee.address, vasp: BETA }, { account: w.payee, key: w.otherKey });
      expect(await w.registry.vaspOf(w.payee)).to.equal(BETA);
      expect(await w.registry.leaveAt(w.payee)).to.equal(0n);
    });

    it("attestations for it stay unused unless it joins the same family again", async () => {
      await attest(w, { validUntil: leaveAt + 1_000n });
      await at(w.connection, leaveAt);
      await complete();
      expect(await pay(w)).to.equal(false);
      await join(w, { account: w.payee.address }, { account: w.payee });
      expect(await pay(w)).to.equal(true);
    });
  });

  describe("emits", () => {
    it("VaspLeft, and VaspChanged from each coin", async () => {
      await at(w.connection, leaveAt);
      await expect(complete())
        .to.emit(w.registry, "VaspLeft")
        .withArgs(ALPHA, w.payee.address)
        .and.to.emit(w.coin, "VaspChanged")
        .withArgs(w.payee.address, ALPHA, 0)
        .and.to.emit(w.front, "VaspChanged")
        .withArgs(w.payee.address, ALPHA, 0);
    });
  });
});
