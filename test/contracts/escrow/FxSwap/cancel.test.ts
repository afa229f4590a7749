import { expect } from "chai";
import { expectRefused } from "../../../support/claim.ts";
import type { SwapWorld } from "../../../support/swap.ts";
import { deploySwap, readSwap, swap } from "../../../support/swap.ts";
import { at, createLoader } from "../../../support/treasury.ts";

const load = await createLoader(deploySwap);

describe("FxSwap.cancel", () => {
  let w: SwapWorld;
  const cancel = (caller = w.maker) => w.fx.connect(caller).cancel(w.quote);

  beforeEach(async () => {
    w = await load();
  });

  describe("requires", () => {
    it("reverts with FxQuoteUsed(id) for a quote that was carried out [SWAP-1]", async () => {
      await swap(w);
      await expectRefused(cancel(), w.fx, "FxQuoteUsed", w.id);
    });

    it("reverts with FxQuoteUsed(id) the second time [SWAP-1]", async () => {
      await cancel();
      await expectRefused(cancel(), w.fx, "FxQuoteUsed", w.id);
    });

    for (const name of ["taker", "relayer", "admin"] as const) {
      it(`reverts with FxMakerOnly(${name}, maker)`, async () => {
        await expectRefused(cancel(w[name]), w.fx, "FxMakerOnly", w[name].address, w.maker.address);
      });
    }

    it("cancels a quote that has expired, and one nobody could carry out", async () => {
      await at(w.connection, w.quote.validBefore);
      await cancel();
      await w.fx.connect(w.maker).cancel({ ...w.quote, sellAmount: 0n, buyCoin: w.quote.sellCoin });
    });
  });

  describe("ensures", () => {
    it("the quote is used, and nothing else changes [SWAP-4]", async () => {
      const before = await readSwap(w);
      await cancel();
      expect(await readSwap(w)).to.deep.equal({ ...before, used: true });
    });

    it("works under every pause of both coins", async () => {
      await w.sell.pause(63);
      await w.buy.pause(63);
      await cancel();
      expect(await w.fx.quoteUsed(w.id)).to.equal(true);
    });
  });

  describe("emits", () => {
    it("QuoteCancelled(id, maker)", async () => {
      await expect(cancel()).to.emit(w.fx, "QuoteCancelled").withArgs(w.id, w.maker.address);
    });
  });
});
