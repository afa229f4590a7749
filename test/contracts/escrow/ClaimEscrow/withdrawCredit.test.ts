import { expect } from "chai";
import { id } from "ethers";
import type { ClaimMockCoin } from "../../../../types/ethers-contracts/index.js";
import type { ClaimWorld } from "../../../support/claim.ts";
import { CLAIMED, claim, deployRule, expectRefused, open, readClaim } from "../../../support/claim.ts";
import { createLoader } from "../../../support/treasury.ts";

const load = await createLoader(deployRule);

describe("ClaimEscrow.withdrawCredit", () => {
  let w: ClaimWorld<ClaimMockCoin>;
  let coin: string;
  const withdraw = (payer = w.sender, party = w.recipient) =>
    w.escrow.connect(w.stranger).withdrawCredit(w.coin, payer, party);

  beforeEach(async () => {
    w = await load();
    coin = await w.coin.getAddress();
    await open(w);
    await open(w, { ...w.terms, salt: id("a claim that stays open") });
    await w.coin.refuse(w.sender, w.recipient, true);
    await claim(w);
    await w.coin.refuse(w.sender, w.recipient, false);
  });

  describe("requires", () => {
    it("reverts with EscrowNoCredit(coin, sender, stranger) for a party with none", async () => {
      const sent = withdraw(w.sender, w.stranger);
      await expectRefused(sent, w.escrow, "EscrowNoCredit", coin, w.sender.address, w.stranger.address);
    });

    it("reverts with EscrowNoCredit(coin, stranger, recipient) for another payer's coins", async () => {
      const sent = withdraw(w.stranger, w.recipient);
      await expectRefused(sent, w.escrow, "EscrowNoCredit", coin, w.stranger.address, w.recipient.address);
    });

    it("reverts with EscrowNoCredit(coin, sender, recipient) the second time", async () => {
      await withdraw();
      await expectRefused(withdraw(), w.escrow, "EscrowNoCredit", coin, w.sender.address, w.recipient.address);
    });

    it("reverts with the coin's own error while it goes on refusing, and the credit stays", async () => {
      await w.coin.refuse(w.sender, w.recipient, true);
      const before = await readClaim(w);
      await expectRefused(withdraw(), w.coin, "ClaimMockCoinRefused", w.sender.address, w.recipient.address, CLAIMED);
      expect(await readClaim(w)).to.deep.equal(before);
    });
  });

  describe("ensures", () => {
    it("the recipient, called for by a stranger, has the credit; open claims and everything else stay", async () => {
      const before = await readClaim(w);
      await withdraw();
      expect(await readClaim(w)).to.deep.equal({
        ...before,
        recipient: before.recipient + CLAIMED,
        escrow: before.escrow - CLAIMED,
        held: before.held - CLAIMED,
        creditOfRecipient: 0n,
      });
    });
  });

  describe("emits", () => {
    it("EscrowCreditWithdrawn(coin, sender, recipient, amount)", async () => {
      await expect(withdraw())
        .to.emit(w.escrow, "EscrowCreditWithdrawn")
        .withArgs(coin, w.sender.address, w.recipient.address, CLAIMED);
    });
  });
});
