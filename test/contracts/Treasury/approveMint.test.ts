import { expect } from "chai";
import { ZeroHash, id } from "ethers";
import type { TreasuryWorld } from "../../support/treasury.ts";
import { ROLES, at, createLoader, deployTreasury, now, readTreasury } from "../../support/treasury.ts";

const load = await createLoader(deployTreasury);
const KEY = id("mint key 1");
const OTHER_KEY = id("mint key 2");

describe("Treasury.approveMint", () => {
  let w: TreasuryWorld;
  const approve = (caller = w.approvers[0], mintKey = KEY) => w.treasury.connect(caller).approveMint(mintKey);
  /** Gives the role to as many of the chain's accounts as are needed and lets them approve. */
  const fill = async (count: number) => {
    const accounts = (await w.connection.ethers.getSigners()).slice(1, count + 1);
    for (const account of accounts) {
      await w.manager.grantRole(ROLES.approver, account, 0);
      await approve(account);
    }
  };

  beforeEach(async () => {
    w = await load();
  });

  describe("requires", () => {
    it("reverts with AccessManagedUnauthorized(dealer) without the role", async () => {
      await expect(approve(w.dealer))
        .to.be.revertedWithCustomError(w.treasury, "AccessManagedUnauthorized")
        .withArgs(w.dealer.address);
    });

    it("reverts with TreasuryAlreadyApproved(key, approver) the second time", async () => {
      await approve();
      await approve(w.approvers[1]);
      await expect(approve())
        .to.be.revertedWithCustomError(w.treasury, "TreasuryAlreadyApproved")
        .withArgs(KEY, w.approvers[0].address);
    });

    it("takes the sixteenth approval", async () => {
      await fill(16);
      expect(await w.treasury.approvalsOf(KEY)).to.have.lengthOf(16);
    });

    it("reverts with TreasuryApprovalsFull(key, 16) for the seventeenth", async () => {
      await fill(16);
      const last = (await w.connection.ethers.getSigners())[17]!;
      await w.manager.grantRole(ROLES.approver, last, 0);
      await expect(approve(last)).to.be.revertedWithCustomError(w.treasury, "TreasuryApprovalsFull").withArgs(KEY, 16n);
    });
  });

  describe("ensures", () => {
    it("the approvals stand in order with their moments, other keys have none, nothing else changes", async () => {
      const before = await readTreasury(w);
      const time = (await now(w.connection)) + 100n;
      await at(w.connection, time);
      await approve();
      await at(w.connection, time + 50n);
      await approve(w.approvers[1]);
      expect(await w.treasury.approvalsOf(KEY)).to.deep.equal([
        [w.approvers[0].address, time],
        [w.approvers[1].address, time + 50n],
      ]);
      expect(await w.treasury.approvalsOf(OTHER_KEY)).to.deep.equal([]);
      expect(await readTreasury(w)).to.deep.equal(before);
    });

    it("an approval stays on record when its giver loses the role", async () => {
      await approve();
      await w.manager.revokeRole(ROLES.approver, w.approvers[0]);
      expect(await w.treasury.approvalsOf(KEY)).to.have.lengthOf(1);
    });

    it("the keys of a mint and of a batch differ, and with every part of them", async () => {
      const { treasury, dealer, coin, payee, stranger } = w;
      const keys = await Promise.all([
        treasury.mintKeyOf(dealer, coin, ZeroHash, payee, 1n),
        treasury.mintKeyOf(stranger, coin, ZeroHash, payee, 1n),
        treasury.mintKeyOf(dealer, stranger, ZeroHash, payee, 1n),
        treasury.mintKeyOf(dealer, coin, KEY, payee, 1n),
        treasury.mintKeyOf(dealer, coin, ZeroHash, stranger, 1n),
        treasury.mintKeyOf(dealer, coin, ZeroHash, payee, 2n),
        treasury.batchKeyOf(dealer, coin, ZeroHash),
        treasury.batchKeyOf(stranger, coin, ZeroHash),
        treasury.batchKeyOf(dealer, stranger, ZeroHash),
        treasury.batchKeyOf(dealer, coin, KEY),
      ]);
      expect(new Set(keys).size).to.equal(keys.length);
    });
  });

  describe("emits", () => {
    it("MintApproved(key, approver, 1), then (key, approver, 2)", async () => {
      for (const [i, approver] of w.approvers.slice(0, 2).entries()) {
        await expect(approve(approver))
          .to.emit(w.treasury, "MintApproved")
          .withArgs(KEY, approver.address, BigInt(i + 1));
      }
    });
  });
});
