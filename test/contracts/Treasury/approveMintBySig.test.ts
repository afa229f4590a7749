import { expect } from "chai";
import { id } from "ethers";
import type { OrderSpec, TreasuryWorld } from "../../support/treasury.ts";
import {
  ORDER_TYPES,
  ROLES,
  at,
  createLoader,
  deployTreasury,
  itRequiresDeadline,
  itRequiresRole,
  itRequiresSignature,
  now,
  readTreasury,
  sendOrder,
} from "../../support/treasury.ts";

const load = await createLoader(deployTreasury);
const KEY = id("mint key 1");

describe("Treasury.approveMintBySig", () => {
  let w: TreasuryWorld;
  const spec: OrderSpec<TreasuryWorld> = {
    world: () => w,
    target: ({ treasury }) => treasury,
    domainName: "Remesa Treasury",
    type: "ApproveMintOrder",
    members: ORDER_TYPES.ApproveMintOrder,
    signer: ({ approvers }) => approvers[0],
    order: async () => ({ mintKey: KEY, deadline: 4_000_000_000n }),
    submit: "approveMintBySig",
  };

  beforeEach(async () => {
    w = await load();
  });

  describe("requires", () => {
    itRequiresDeadline(spec);
    itRequiresRole(spec, { role: ROLES.approver, restricted: "approveMint" });
    itRequiresSignature(spec);

    it("reverts with TreasuryAlreadyApproved(key, approver) for the same order again", async () => {
      await sendOrder(spec);
      await expect(sendOrder(spec))
        .to.be.revertedWithCustomError(w.treasury, "TreasuryAlreadyApproved")
        .withArgs(KEY, w.approvers[0].address);
    });

    it("reverts with TreasuryAlreadyApproved(key, approver) after the call", async () => {
      await w.treasury.connect(w.approvers[0]).approveMint(KEY);
      await expect(sendOrder(spec))
        .to.be.revertedWithCustomError(w.treasury, "TreasuryAlreadyApproved")
        .withArgs(KEY, w.approvers[0].address);
    });
  });

  describe("ensures", () => {
    it("the signer's approval stands with its moment, nothing else changes", async () => {
      const before = await readTreasury(w);
      const time = (await now(w.connection)) + 100n;
      await at(w.connection, time);
      await sendOrder(spec);
      expect(await w.treasury.approvalsOf(KEY)).to.deep.equal([[w.approvers[0].address, time]]);
      expect(await readTreasury(w)).to.deep.equal(before);
    });
  });

  describe("emits", () => {
    it("MintApproved(key, signer, 1)", async () => {
      await expect(sendOrder(spec)).to.emit(w.treasury, "MintApproved").withArgs(KEY, w.approvers[0].address, 1n);
    });
  });
});
