import { expect } from "chai";
import { ZeroHash, id, toBeHex, Wallet } from "ethers";
import type { VaspWorld } from "../../support/vasp.ts";
import {
  ALPHA,
  BETA,
  CASE,
  OTHER_CASE,
  ROLES,
  UNKNOWN,
  WHOLE,
  deployVasps,
  join,
  readVasps,
  suspend,
} from "../../support/vasp.ts";
import { at, createLoader, isInstrumented, now } from "../../support/treasury.ts";

const load = await createLoader(deployVasps);

describe("VaspRegistry.cascadeFreeze", () => {
  let w: VaspWorld;
  let until: bigint;
  const cascade = ({
    vasp = ALPHA,
    accounts = [w.payee.address],
    caseId = CASE,
    end = until,
    caller = w.freezer,
  } = {}) => w.registry.connect(caller).cascadeFreeze(vasp, accounts, caseId, end);
  /** Makes members of ALPHA of as many new accounts. */
  const admit = async (count: number) => {
    const accounts: string[] = [];
    for (let i = 0; i < count; i += 1) {
      const account = new Wallet(toBeHex(0x1000 + i, 32));
      await join(w, { account: account.address, joinId: id("bulk") }, { account });
      accounts.push(account.address);
    }
    return accounts;
  };

  beforeEach(async () => {
    w = await load();
    until = (await now(w.connection)) + 100_000n;
    await w.manager.grantRole(ROLES.freezer, w.registry, 0);
    await suspend(w, ALPHA);
  });

  describe("requires", () => {
    for (const caller of ["operator", "registrar", "stranger"] as const) {
      it(`reverts with AccessManagedUnauthorized(${caller})`, async () => {
        await expect(cascade({ caller: w[caller] }))
          .to.be.revertedWithCustomError(w.registry, "AccessManagedUnauthorized")
          .withArgs(w[caller].address);
      });
    }

    for (const vasp of [0n, UNKNOWN]) {
      it(`reverts with VaspUnknown(${vasp})`, async () => {
        await expect(cascade({ vasp })).to.be.revertedWithCustomError(w.registry, "VaspUnknown").withArgs(vasp);
      });
    }

    it("reverts with VaspNotSuspended(2)", async () => {
      await expect(cascade({ vasp: BETA, accounts: [w.payer.address] }))
        .to.be.revertedWithCustomError(w.registry, "VaspNotSuspended")
        .withArgs(BETA);
    });

    it("accepts no account at all and changes nothing", async () => {
      const before = await readVasps(w);
      await cascade({ accounts: [] });
      expect(await readVasps(w)).to.deep.equal(before);
    });

    it("reverts with VaspListTooLong(101, 100)", async () => {
      await expect(cascade({ accounts: Array<string>(101).fill(w.payee.address) }))
        .to.be.revertedWithCustomError(w.registry, "VaspListTooLong")
        .withArgs(101, 100);
    });

    for (const [title, account] of [
      ["a member of another family", "payer"],
      ["an account without family", "holder"],
    ] as const) {
      it(`reverts with VaspNotMember(${account}, 1) for ${title}, and freezes none`, async () => {
        const before = await readVasps(w);
        await expect(cascade({ accounts: [w.payee.address, w[account].address] }))
          .to.be.revertedWithCustomError(w.registry, "VaspNotMember")
          .withArgs(w[account].address, ALPHA);
        expect(await readVasps(w)).to.deep.equal(before);
      });
    }

    it("passes on StablecoinFreezeEndInvalid(now, now) of the coin", async () => {
      const time = (await now(w.connection)) + 100n;
      await at(w.connection, time);
      await expect(cascade({ end: time }))
        .to.be.revertedWithCustomError(w.real, "StablecoinFreezeEndInvalid")
        .withArgs(time, time);
    });

    it("passes on StablecoinCaseMissing(payee) of the coin", async () => {
      await expect(cascade({ caseId: ZeroHash }))
        .to.be.revertedWithCustomError(w.real, "StablecoinCaseMissing")
        .withArgs(w.payee.address);
    });
  });

  describe("ensures", () => {
    it("the account is frozen whole in both coins, nothing else changes", async () => {
      const before = await readVasps(w);
      await cascade();
      const whole = { amount: WHOLE, caseId: CASE, until };
      expect(await readVasps(w)).to.deep.equal({
        ...before,
        frozen: { ...before.frozen, payee: whole },
        frontFrozen: { ...before.frontFrozen, payee: whole },
        freezes: before.freezes + 1n,
      });
    });

    it("an account frozen whole in one coin keeps that case and is frozen in the other", async () => {
      await w.real.connect(w.freezer).freeze(w.payee, WHOLE, OTHER_CASE, until + 1n);
      const before = await readVasps(w);
      await cascade();
      expect(await readVasps(w)).to.deep.equal({
        ...before,
        frozen: { ...before.frozen, payee: { amount: WHOLE, caseId: CASE, until } },
        freezes: before.freezes + 1n,
      });
    });

    it("an account frozen in part is frozen whole under the new case", async () => {
      await w.real.connect(w.freezer).freeze(w.payee, 5n, OTHER_CASE, until + 1n);
      await cascade();
      expect((await readVasps(w)).frontFrozen.payee).to.deep.equal({ amount: WHOLE, caseId: CASE, until });
    });

    it("an account named twice is frozen once", async () => {
      await cascade({ accounts: [w.payee.address, w.payee.address] });
      expect((await readVasps(w)).freezes).to.equal(1n);
    });

    it("a member that is leaving is frozen, and stays so after it left", async () => {
      await w.registry.connect(w.payee).announceLeave();
      await cascade({ end: until + 200_000n });
      await w.connection.networkHelpers.time.increase(86_400);
      await w.registry.completeLeave(w.payee);
      const after = await readVasps(w);
      expect(after.family.payee).to.equal(0n);
      expect(after.frontFrozen.payee.amount).to.equal(WHOLE);
    });

    it("100 accounts in two coins fit one transaction of 2^24 gas", async function () {
      await w.registry.connect(w.freezer).reinstate(ALPHA);
      const accounts = await admit(100);
      await suspend(w, ALPHA);
      const receipt = (await (await cascade({ accounts })).wait())!;
      expect(await w.coin.freezes()).to.equal(100n);
      for (const account of accounts) expect((await w.real.accountOf(account)).frozenWhole).to.equal(true);
      if (!isInstrumented()) expect(receipt.gasUsed).to.be.lessThan(2n ** 24n);
    });
  });

  describe("emits", () => {
    it("Frozen from the coin", async () => {
      await expect(cascade()).to.emit(w.real, "Frozen").withArgs(w.payee.address, CASE, ZeroHash, 0, WHOLE, until);
    });

    it("nothing itself", async () => {
      const receipt = (await (await cascade()).wait())!;
      const registry = await w.registry.getAddress();
      expect(receipt.logs).to.have.lengthOf(1);
      expect(receipt.logs.filter(({ address }) => address === registry)).to.deep.equal([]);
    });
  });
});
