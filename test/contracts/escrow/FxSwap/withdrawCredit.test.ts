import { expect } from "chai";
import { expectRefused } from "../../../support/claim.ts";
import type { SwapWorld } from "../../../support/swap.ts";
import { deploySwap, readSwap, swap } from "../../../support/swap.ts";
import { createLoader } from "../../../support/treasury.ts";

const load = await createLoader(deploySwap);

/** A swap never leaves a credit, so there is never one to withdraw. */
describe("FxSwap.withdrawCredit", () => {
  let w: SwapWorld;

  beforeEach(async () => {
    w = await load();
  });

  describe("requires", () => {
    for (const swapped of [false, true]) {
      it(`reverts with EscrowNoCredit(coin, payer, party) ${swapped ? "after" : "before"} a swap [SWAP-3]`, async () => {
        if (swapped) await swap(w);
        const before = await readSwap(w);
        for (const coin of [w.sell, w.buy]) {
          for (const [payer, party] of [
            [w.maker, w.taker],
            [w.taker, w.maker],
            [w.maker, w.maker],
            [w.taker, w.taker],
          ] as const) {
            const sent = w.fx.connect(w.stranger).withdrawCredit(coin, payer, party);
            const args = [await coin.getAddress(), payer.address, party.address];
            await expectRefused(sent, w.fx, "EscrowNoCredit", ...args);
          }
        }
        expect(await readSwap(w)).to.deep.equal(before);
      });
    }
  });
});
