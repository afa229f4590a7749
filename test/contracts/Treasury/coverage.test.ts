import { expect } from "chai";
import { ZeroAddress } from "ethers";
import type { RedemptionWorld } from "../../support/redemption.ts";
import { BANK_REFERENCE, FUNDS, REDEEMED, deployRedemption, reach } from "../../support/redemption.ts";
import { RESERVES, at, createLoader } from "../../support/treasury.ts";

const load = await createLoader(deployRedemption);

describe("Treasury.coverage", () => {
  let w: RedemptionWorld;

  beforeEach(async () => {
    w = await load();
  });

  for (const state of ["none", "locked", "accepted"] as const) {
    it(`counts a redemption that is ${state} as outstanding`, async () => {
      await reach(w, state);
      expect(await w.treasury.coverage(w.coin)).to.deep.equal([RESERVES, FUNDS]);
    });
  }

  it("leaves out a redemption that is sent", async () => {
    await reach(w, "sent");
    expect(await w.treasury.coverage(w.coin)).to.deep.equal([RESERVES, FUNDS - REDEEMED]);
  });

  it("counts a disputed redemption as outstanding again", async () => {
    await reach(w, "disputed");
    expect(await w.treasury.coverage(w.coin)).to.deep.equal([RESERVES, FUNDS]);
  });

  it("stays the same when the redemption is burned", async () => {
    await reach(w, "burned");
    expect(await w.treasury.coverage(w.coin)).to.deep.equal([RESERVES, FUNDS - REDEEMED]);
  });

  it("stays the same while the burn waits", async () => {
    await reach(w, "sent");
    await w.coin.pause(8);
    await w.escrow.connect(w.agent).confirm(w.id, BANK_REFERENCE);
    expect(await w.treasury.coverage(w.coin)).to.deep.equal([RESERVES, FUNDS - REDEEMED]);
  });

  it("counts a sent redemption again once it was returned", async () => {
    await reach(w, "sent");
    await at(w.connection, w.terms.finalBy);
    await w.escrow.reclaim(w.id);
    expect(await w.treasury.coverage(w.coin)).to.deep.equal([RESERVES, FUNDS]);
  });

  it("counts the whole supply where no escrow is named", async () => {
    await reach(w, "sent");
    await w.treasury.setRedemptions(w.coin, ZeroAddress);
    expect(await w.treasury.coverage(w.coin)).to.deep.equal([RESERVES, FUNDS]);
  });
});
