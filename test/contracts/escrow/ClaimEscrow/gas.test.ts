/**
 * What each step of a claim costs: whole transactions, as the receipts say. The ceilings are the present cost and a little.
 */
import { expect } from "chai";
import type { ContractTransactionResponse } from "ethers";
import { ZeroAddress } from "ethers";
import type { ClaimWorld } from "../../../support/claim.ts";
import { deployClaim, deployRule, exit, idOf, open } from "../../../support/claim.ts";
import { createLoader, isInstrumented } from "../../../support/treasury.ts";

const load = await createLoader(deployClaim);
const loadRule = await createLoader(deployRule);

describe("ClaimEscrow gas", () => {
  let w: ClaimWorld;
  const openFirst = (step: () => Promise<ContractTransactionResponse>) => open(w).then(step);
  /** As most claims are: the link's key alone. */
  const dropAttestor = async () => {
    const terms = { ...w.terms, attestor: ZeroAddress };
    w = { ...w, terms, id: await idOf(w.escrow, terms) };
  };
  const steps: [string, bigint, () => Promise<ContractTransactionResponse>][] = [
    ["open", 160_000n, () => dropAttestor().then(() => open(w))],
    ["open with an attestor", 183_000n, () => open(w)],
    ["claim", 89_500n, () => dropAttestor().then(() => openFirst(() => exit(w, "claim")))],
    ["claim with an attestor", 93_500n, () => openFirst(() => exit(w, "claim"))],
    ["decline", 67_500n, () => openFirst(() => exit(w, "decline"))],
    ["cancel", 60_000n, () => openFirst(() => exit(w, "cancel"))],
    ["cancelBySig", 66_000n, () => openFirst(() => exit(w, "cancelBySig"))],
    ["reclaim", 59_500n, () => openFirst(() => exit(w, "reclaim"))],
    [
      "withdrawCredit",
      65_500n,
      async () => {
        const rule = await loadRule();
        await open(rule);
        await rule.coin.refuse(rule.sender, rule.recipient, true);
        await exit(rule, "claim");
        await rule.coin.refuse(rule.sender, rule.recipient, false);
        return rule.escrow.connect(rule.stranger).withdrawCredit(rule.coin, rule.sender, rule.recipient);
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
