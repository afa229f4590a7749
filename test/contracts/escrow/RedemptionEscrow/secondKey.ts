/**
 * What marking a redemption sent requires of the second key, for the call and the signed order alike.
 */
import { expect } from "chai";
import type { ContractTransactionResponse } from "ethers";
import type { RedemptionWorld } from "../../../support/redemption.ts";
import { REDEEMED, STATE } from "../../../support/redemption.ts";
import { DELAY, ROLES } from "../../../support/treasury.ts";

export interface Marking {
  /** The present world with an accepted redemption; read when a test runs. */
  world: () => RedemptionWorld;
  /** Marks it sent by the way that is tested, as the agent. */
  markSent: () => Promise<ContractTransactionResponse>;
}

export function itRequiresSecondKey({ world, markSent }: Marking): void {
  const setLimit = (limit: bigint) => world().escrow.setSecondKeyLimit(world().coin, limit);
  const missing = async (limit: bigint) => {
    await expect(markSent())
      .to.be.revertedWithCustomError(world().escrow, "RedemptionApprovalMissing")
      .withArgs(world().id, REDEEMED, limit);
  };

  it("needs no second key for an amount one unit below the limit", async () => {
    await setLimit(REDEEMED + 1n);
    await markSent();
  });

  for (const above of [0n, 1n]) {
    it(`reverts with RedemptionApprovalMissing(id, amount, limit) at the limit + ${above} [REDEMPTION-7]`, async () => {
      await setLimit(REDEEMED - above);
      await missing(REDEEMED - above);
    });
  }

  it("reverts with RedemptionApprovalMissing(id, amount, limit) when the approver lost its role since", async () => {
    await setLimit(REDEEMED);
    await world().escrow.connect(world().cosigner).approve(world().id);
    await world().manager.revokeRole(ROLES.cosigner, world().cosigner);
    await missing(REDEEMED);
  });

  it("reverts with RedemptionSameKey(agent) when the agent approved it too", async () => {
    const w = world();
    await setLimit(REDEEMED);
    await w.manager.grantRole(ROLES.cosigner, w.agent, 0);
    await w.escrow.connect(w.agent).approve(w.id);
    await expect(markSent()).to.be.revertedWithCustomError(w.escrow, "RedemptionSameKey").withArgs(w.agent.address);
  });

  for (const delay of [0n, DELAY]) {
    it(`marks it sent with the approval of a cosigner whose role has a delay of ${delay}`, async () => {
      const w = world();
      await setLimit(REDEEMED);
      await w.escrow.connect(w.cosigner).approve(w.id);
      await w.manager.grantRole(ROLES.cosigner, w.cosigner, delay);
      await markSent();
      expect(await w.escrow.stateOf(w.id)).to.equal(STATE.sent);
    });
  }
}
