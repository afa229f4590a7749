import { expect } from "chai";
import { LATER, expectRefused } from "../../../support/claim.ts";
import type { SwapWorld } from "../../../support/swap.ts";
import { deploySwap, readSwap, signCancel, swap, withQuote } from "../../../support/swap.ts";
import { at, createLoader, now } from "../../../support/treasury.ts";

const load = await createLoader(deploySwap);

describe("FxSwap.cancelBySig", () => {
  let w: SwapWorld;
  const cancel = async (deadline = LATER) =>
    w.fx.connect(w.relayer).cancelBySig(w.quote, deadline, await signCancel(w, { message: { deadline } }));

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

    for (const early of [1n, 0n]) {
      it(`cancels ${early} seconds before the order's deadline`, async () => {
        const deadline = (await now(w.connection)) + 100n;
        await at(w.connection, deadline - early);
        await cancel(deadline);
      });
    }

    it("reverts with FxOrderExpired(d, d + 1)", async () => {
      const deadline = (await now(w.connection)) + 100n;
      await at(w.connection, deadline + 1n);
      await expectRefused(cancel(deadline), w.fx, "FxOrderExpired", deadline, deadline + 1n);
    });

    for (const name of ["taker", "relayer", "stranger"] as const) {
      it(`reverts with FxSignatureInvalid(maker) for a signature of the ${name}`, async () => {
        const sent = w.fx.cancelBySig(w.quote, LATER, await signCancel(w, { key: w[name] }));
        await expectRefused(sent, w.fx, "FxSignatureInvalid", w.maker.address);
      });
    }
  });

  describe("ensures", () => {
    it("the quote is used, and nothing else changes [SWAP-4]", async () => {
      const before = await readSwap(w);
      await cancel();
      expect(await readSwap(w)).to.deep.equal({ ...before, used: true });
    });

    it("a maker that is a contract signs by ERC-1271", async () => {
      const wallet = await w.connection.ethers.deployContract("CoinMockWallet", [w.maker]);
      w = await withQuote(w, { maker: await wallet.getAddress() });
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
