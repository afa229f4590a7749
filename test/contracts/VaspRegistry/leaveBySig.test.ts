import { expect } from "chai";
import { ZeroHash, id } from "ethers";
import type { Bend, Leaving, VaspWorld } from "../../support/vasp.ts";
import {
  ALPHA,
  LEAVE_DELAY,
  LEAVE_ID,
  VASP_TYPES,
  deployVasps,
  itRequiresSignatureOf,
  join,
  readVasps,
  signVasp,
  toLeaving,
} from "../../support/vasp.ts";
import { at, createLoader, now } from "../../support/treasury.ts";

const load = await createLoader(deployVasps);

describe("VaspRegistry.leaveBySig", () => {
  let w: VaspWorld;
  const send = async ({ key = w.payee, changed = {}, domain = {}, forge = (signature) => signature }: Bend = {}) => {
    const signature = await signVasp(w, key, "LeaveVasp", toLeaving(w), domain);
    return w.registry.connect(w.relayer).leaveBySig(toLeaving(w, changed as Partial<Leaving>), forge(signature));
  };
  const leave = async (changes: Partial<Leaving> = {}, signer = w.payee) => {
    const terms = toLeaving(w, changes);
    return w.registry.connect(w.relayer).leaveBySig(terms, await signVasp(w, signer, "LeaveVasp", terms));
  };

  beforeEach(async () => {
    w = await load();
  });

  describe("requires", () => {
    for (const [title, offset] of [
      ["acts one second before its deadline", -1n],
      ["acts at its deadline", 0n],
    ] as const) {
      it(title, async () => {
        const deadline = (await now(w.connection)) + 100n;
        await at(w.connection, deadline + offset);
        await leave({ deadline });
        expect(await w.registry.leaveAt(w.payee)).to.equal(deadline + offset + LEAVE_DELAY);
      });
    }

    it("reverts with OrderExpired(d, d + 1)", async () => {
      const deadline = (await now(w.connection)) + 100n;
      await at(w.connection, deadline + 1n);
      await expect(leave({ deadline }))
        .to.be.revertedWithCustomError(w.registry, "OrderExpired")
        .withArgs(deadline, deadline + 1n);
    });

    it("reverts with VaspNotMember(holder, 0) for an account without family", async () => {
      await expect(leave({ account: w.holder.address }, w.holder))
        .to.be.revertedWithCustomError(w.registry, "VaspNotMember")
        .withArgs(w.holder.address, 0);
    });

    it("reverts with VaspAlreadyLeaving(payee, leaveAt), also with another id", async () => {
      const time = (await now(w.connection)) + 100n;
      await at(w.connection, time);
      await leave();
      await expect(leave({ leaveId: id("leave 2") }))
        .to.be.revertedWithCustomError(w.registry, "VaspAlreadyLeaving")
        .withArgs(w.payee.address, time + LEAVE_DELAY);
    });

    it("reverts with VaspConsentUsed(payee, leaveId) after leaving and joining again [VASP-3]", async () => {
      await leave();
      await w.connection.networkHelpers.time.increase(86_400);
      await w.registry.completeLeave(w.payee);
      await join(w, { account: w.payee.address }, { account: w.payee });
      await expect(leave())
        .to.be.revertedWithCustomError(w.registry, "VaspConsentUsed")
        .withArgs(w.payee.address, LEAVE_ID);
    });

    it("reverts with VaspConsentUsed(payee, id) for the id of a joining [VASP-3]", async () => {
      await expect(leave({ leaveId: id("the payee's") }))
        .to.be.revertedWithCustomError(w.registry, "VaspConsentUsed")
        .withArgs(w.payee.address, id("the payee's"));
    });

    it("reverts with VaspConsentUsed(payee, 0) for the id zero [VASP-3]", async () => {
      await expect(leave({ leaveId: ZeroHash }))
        .to.be.revertedWithCustomError(w.registry, "VaspConsentUsed")
        .withArgs(w.payee.address, ZeroHash);
    });

    itRequiresSignatureOf("account", {
      world: () => w,
      members: VASP_TYPES.LeaveVasp,
      signer: ({ payee }) => payee,
      send,
      other: ({ payer }) => payer,
      signs: true,
    });
  });

  describe("ensures", () => {
    it("leaving can be completed a day from now and the id is used, nothing else changes [VASP-4]", async () => {
      const before = await readVasps(w);
      const time = (await now(w.connection)) + 100n;
      await at(w.connection, time);
      await leave();
      expect(await readVasps(w)).to.deep.equal({
        ...before,
        leaveAt: { ...before.leaveAt, payee: time + LEAVE_DELAY },
        leaveUsed: true,
      });
    });
  });

  describe("emits", () => {
    it("VaspLeaving with the account as the actor and its consent", async () => {
      const time = (await now(w.connection)) + 100n;
      await at(w.connection, time);
      await expect(leave())
        .to.emit(w.registry, "VaspLeaving")
        .withArgs(ALPHA, w.payee.address, w.payee.address, time + LEAVE_DELAY, LEAVE_ID);
    });
  });
});
