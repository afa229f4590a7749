/**
 * What each step of a payment costs: whole transactions, as the receipts say, in an escrow in use. The ceilings are the present cost and a little.
 */
import { expect } from "chai";
import type { ContractTransactionResponse } from "ethers";
import { id } from "ethers";
import type { CommerceWorld } from "../../../support/commerce.ts";
import {
  AMOUNT,
  FUNDS,
  authorize,
  charge,
  deployCommerce,
  dispute,
  freeze,
  reach,
  refund,
  send,
  withTerms,
} from "../../../support/commerce.ts";
import type { Connection } from "../../../support/treasury.ts";
import { at, createLoader, isInstrumented } from "../../../support/treasury.ts";

/** All parties hold coins and so does the escrow, from another payment, so that no step pays for a new account or a new book. */
const deployBusy = async (connection: Connection): Promise<CommerceWorld> => {
  const w = await deployCommerce(connection);
  await w.coin.mint(w.feeReceiver, FUNDS);
  await authorize(await withTerms(w, { salt: id("salt 2") }));
  return w;
};
const load = await createLoader(deployBusy);

describe("CommerceEscrow gas", () => {
  let w: CommerceWorld;
  const all = { amount: AMOUNT };
  const steps: [string, bigint, () => Promise<ContractTransactionResponse>][] = [
    ["authorize", 119_000n, () => authorize(w)],
    ["capture a part, the first", 86_000n, () => reach(w, "authorized").then(() => send(w, "capture"))],
    ["capture a part, a later one", 86_000n, () => reach(w, "partly captured").then(() => send(w, "capture"))],
    ["capture all", 86_000n, () => reach(w, "authorized").then(() => send(w, "capture", all))],
    [
      "capture and void the rest",
      99_000n,
      () => reach(w, "authorized").then(() => send(w, "capture", { voidRest: true })),
    ],
    ["charge all", 154_000n, () => charge(w, all)],
    ["void a part", 71_000n, () => reach(w, "authorized").then(() => send(w, "void"))],
    ["void all", 71_000n, () => reach(w, "authorized").then(() => send(w, "void", all))],
    [
      "reclaim",
      64_000n,
      async () => {
        await at(w.connection, await reach(w, "authorized"));
        return w.escrow.connect(w.stranger).reclaim(w.terms);
      },
    ],
    ["refund, the first", 127_000n, () => reach(w, "captured").then(() => refund(w, 5n))],
    ["refund, a later one", 107_000n, () => reach(w, "partly refunded").then(() => refund(w, 5n))],
    ["dispute", 37_000n, () => reach(w, "authorized").then(() => dispute(w))],
    ["disputeBySig", 43_000n, () => reach(w, "authorized").then(() => send(w, "disputeBySig"))],
    ["resolve", 98_000n, () => reach(w, "disputed").then(() => send(w, "resolve"))],
    [
      "capture all while the merchant is frozen",
      86_000n,
      async () => {
        await reach(w, "authorized");
        await freeze(w, w.merchant.address);
        return send(w, "capture", all);
      },
    ],
  ];

  for (const [name, ceiling, step] of steps)
    it(`${name} costs at most ${ceiling} gas`, async () => {
      w = await load();
      const receipt = await (await step()).wait();
      console.log(`      ${name} ${receipt!.gasUsed}`);
      if (!isInstrumented()) expect(receipt!.gasUsed).to.be.at.most(ceiling);
    });
});
