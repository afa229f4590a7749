/**
 * What each step of a redemption costs: whole transactions, as the receipts say. The ceilings are the present cost and a little.
 */
import { expect } from "chai";
import type { ContractTransactionResponse } from "ethers";
import type { RedemptionWorld } from "../../../support/redemption.ts";
import {
  BANK_REFERENCE,
  REASON,
  deployRedemption,
  lock,
  reach,
  signWish,
  stepOrder,
  LATER,
} from "../../../support/redemption.ts";
import { at, createLoader, isInstrumented, sendOrder } from "../../../support/treasury.ts";

const load = await createLoader(deployRedemption);

describe("RedemptionEscrow gas", () => {
  let w: RedemptionWorld;
  const extra = { bankReference: BANK_REFERENCE };
  const world = () => w;
  const steps: [string, bigint, () => Promise<ContractTransactionResponse>][] = [
    ["lock", 160_000n, () => lock(w)],
    ["cancel", 60_000n, () => reach(w, "locked").then(() => w.escrow.connect(w.holder).cancel(w.id))],
    [
      "cancelBySig",
      66_000n,
      () =>
        reach(w, "locked").then(async () => w.escrow.connect(w.relayer).cancelBySig(w.id, LATER, await signWish(w))),
    ],
    [
      "acceptBySig",
      60_000n,
      () => reach(w, "locked").then(() => sendOrder(stepOrder(world, { type: "AcceptOrder", submit: "acceptBySig" }))),
    ],
    [
      "rejectBySig",
      81_000n,
      () =>
        reach(w, "accepted").then(() =>
          sendOrder(
            stepOrder(world, { type: "RejectOrder", submit: "rejectBySig", extra: { state: 2n, reason: REASON } }),
          ),
        ),
    ],
    [
      "markSentBySig",
      61_000n,
      () =>
        reach(w, "accepted").then(() =>
          sendOrder(stepOrder(world, { type: "MarkSentOrder", submit: "markSentBySig", extra })),
        ),
    ],
    [
      "confirmBySig",
      90_000n,
      () =>
        reach(w, "sent").then(() =>
          sendOrder(stepOrder(world, { type: "ConfirmOrder", submit: "confirmBySig", extra })),
        ),
    ],
    [
      "reclaim",
      60_000n,
      async () => {
        await reach(w, "sent");
        await at(w.connection, w.terms.finalBy);
        return w.escrow.connect(w.stranger).reclaim(w.id);
      },
    ],
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
