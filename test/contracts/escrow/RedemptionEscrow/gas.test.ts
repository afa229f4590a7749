/**
 * What each step of a redemption costs: whole transactions, as the receipts say. The ceilings are the present cost and a little.
 */
import { expect } from "chai";
import type { ContractTransactionResponse } from "ethers";
import type { RedemptionWorld, StateName } from "../../../support/redemption.ts";
import {
  BANK_REFERENCE,
  DISPUTE_TERM,
  GROUNDS,
  LATER,
  REASON,
  deployHostile,
  deployRedemption,
  lock,
  reach,
  signWish,
  stepOrder,
} from "../../../support/redemption.ts";
import type { REDEMPTION_TYPES } from "../../../support/redemption.ts";
import { at, createLoader, isInstrumented, sendOrder } from "../../../support/treasury.ts";

const load = await createLoader(deployRedemption);
const loadHostile = await createLoader(deployHostile);

describe("RedemptionEscrow gas", () => {
  let w: RedemptionWorld;
  const extra = { bankReference: BANK_REFERENCE };
  const world = () => w;
  type Step = () => Promise<ContractTransactionResponse>;
  const from = (state: StateName, step: Step) => async () => {
    await reach(w, state);
    return step();
  };
  const order = (
    type: keyof typeof REDEMPTION_TYPES,
    submit: string,
    { extra, signer = "agent" }: { extra?: Record<string, unknown>; signer?: "agent" | "cosigner" | "arbiter" } = {},
  ) => sendOrder(stepOrder(world, { type, submit, signer, ...(extra === undefined ? {} : { extra }) }));
  const desk = () => w.escrow.connect(w.agent);
  const resolution = (paid: boolean) => ({ extra: { paid, ref: GROUNDS }, signer: "arbiter" as const });
  const steps: [string, bigint, Step][] = [
    ["lock", 160_000n, () => lock(w)],
    ["cancel", 60_000n, from("locked", () => w.escrow.connect(w.holder).cancel(w.id))],
    [
      "cancelBySig",
      66_000n,
      from("locked", async () => w.escrow.connect(w.relayer).cancelBySig(w.id, LATER, await signWish(w))),
    ],
    ["accept", 54_000n, from("locked", () => desk().accept(w.id))],
    ["acceptBySig", 60_000n, from("locked", () => order("AcceptOrder", "acceptBySig"))],
    ["reject", 75_000n, from("accepted", () => desk().reject(w.id, REASON))],
    [
      "rejectBySig",
      82_000n,
      from("accepted", () => order("RejectOrder", "rejectBySig", { extra: { state: 2n, reason: REASON } })),
    ],
    ["approve", 67_000n, from("accepted", () => w.escrow.connect(w.cosigner).approve(w.id))],
    ["approveBySig", 73_000n, from("accepted", () => order("ApproveOrder", "approveBySig", { signer: "cosigner" }))],
    ["markSent", 57_000n, from("accepted", () => desk().markSent(w.id, BANK_REFERENCE))],
    ["markSentBySig", 64_000n, from("accepted", () => order("MarkSentOrder", "markSentBySig", { extra }))],
    [
      "markSent with a second key",
      66_000n,
      from("accepted", async () => {
        await w.escrow.setSecondKeyLimit(w.coin, 0n);
        await w.escrow.connect(w.cosigner).approve(w.id);
        return desk().markSent(w.id, BANK_REFERENCE);
      }),
    ],
    ["confirm", 84_000n, from("sent", () => desk().confirm(w.id, BANK_REFERENCE))],
    ["confirmBySig", 91_000n, from("sent", () => order("ConfirmOrder", "confirmBySig", { extra }))],
    ["dispute", 58_000n, from("sent", () => w.escrow.connect(w.holder).dispute(w.id))],
    [
      "disputeBySig",
      64_000n,
      from("sent", async () =>
        w.escrow.connect(w.relayer).disputeBySig(w.id, LATER, await signWish(w, { type: "DisputeRedemption" })),
      ),
    ],
    ["resolve as paid", 84_000n, from("disputed", () => w.escrow.connect(w.arbiter).resolve(w.id, true, GROUNDS))],
    ["resolve as not paid", 75_000n, from("disputed", () => w.escrow.connect(w.arbiter).resolve(w.id, false, GROUNDS))],
    ["resolveBySig as paid", 91_000n, from("disputed", () => order("ResolveOrder", "resolveBySig", resolution(true)))],
    [
      "reclaim",
      60_000n,
      from("sent", async () => {
        await at(w.connection, w.terms.finalBy);
        return w.escrow.connect(w.stranger).reclaim(w.id);
      }),
    ],
    [
      "reclaim of a dispute",
      61_000n,
      from("disputed", async () => {
        await at(w.connection, w.terms.finalBy + DISPUTE_TERM);
        return w.escrow.connect(w.stranger).reclaim(w.id);
      }),
    ],
    [
      "burnPending",
      63_000n,
      from("sent", async () => {
        await w.coin.pause(8);
        await desk().confirm(w.id, BANK_REFERENCE);
        await w.coin.unpause(8);
        return w.escrow.connect(w.stranger).burnPending(w.coin);
      }),
    ],
    [
      "withdrawCredit",
      51_000n,
      async () => {
        const hostile = await loadHostile();
        await reach(hostile, "locked");
        await hostile.coin.setRefusing(true);
        await at(hostile.connection, hostile.terms.acceptBy);
        await hostile.escrow.reclaim(hostile.id);
        await hostile.coin.setRefusing(false);
        return hostile.escrow.connect(hostile.stranger).withdrawCredit(hostile.coin, hostile.holder, hostile.holder);
      },
    ],
    ["setSecondKeyLimit", 64_000n, () => w.escrow.setSecondKeyLimit(w.coin, 1n)],
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
