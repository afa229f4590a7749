/**
 * What each step of a swap costs: whole transactions, as the receipts say. The ceilings are the present cost and a little.
 */
import { expect } from "chai";
import type { ContractTransactionResponse } from "ethers";
import { LATER } from "../../../support/claim.ts";
import type { SwapWorld } from "../../../support/swap.ts";
import { deploySwap, signCancel, swap } from "../../../support/swap.ts";
import { createLoader, isInstrumented } from "../../../support/treasury.ts";

const load = await createLoader(deploySwap);

describe("FxSwap gas", () => {
  let w: SwapWorld;
  const steps: [string, bigint, () => Promise<ContractTransactionResponse>][] = [
    [
      "swap between accounts that hold both coins",
      185_500n,
      async () => {
        await w.buy.mint(w.maker, 1n);
        await w.sell.mint(w.taker, 1n);
        return swap(w);
      },
    ],
    ["swap between accounts that hold one coin each", 220_000n, () => swap(w)],
    ["cancel", 51_000n, () => w.fx.connect(w.maker).cancel(w.quote)],
    ["cancelBySig", 57_000n, async () => w.fx.connect(w.relayer).cancelBySig(w.quote, LATER, await signCancel(w))],
  ];

  for (const [name, ceiling, step] of steps) {
    it(`${name} costs at most ${ceiling} gas`, async () => {
      w = await load();
      const receipt = await (await step()).wait();
      console.log(`      ${name} ${receipt!.gasUsed}`);
      if (!isInstrumented()) expect(receipt!.gasUsed).to.be.at.most(ceiling);
    });
  }
});
