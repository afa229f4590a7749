import { expect } from "chai";
import { Wallet, ZeroAddress, id } from "ethers";
import type { ClaimOrder, ClaimWorld } from "../../../support/claim.ts";
import {
  CLAIMED,
  FUNDS,
  GAS_FLOOR,
  LATER,
  STATE,
  claim,
  creditedFrom,
  deployClaim,
  deployRule,
  exit,
  expectRefused,
  idOf,
  open,
  orderOf,
  paidFrom,
  reach,
  readClaim,
  signStep,
  statesExcept,
} from "../../../support/claim.ts";
import { at, createLoader, now } from "../../../support/treasury.ts";

const load = await createLoader(deployClaim);
const loadRule = await createLoader(deployRule);

describe("ClaimEscrow.claim", () => {
  let w: ClaimWorld;
  const send = (order: ClaimOrder, link: string, attestor: string) =>
    w.escrow.connect(w.relayer).claim(order, link, attestor);

  beforeEach(async () => {
    w = await load();
  });

  describe("requires", () => {
    for (const [state, number] of statesExcept("open")) {
      it(`reverts with ClaimStateInvalid(id, ${number}) when it is ${state} [CLAIM-2]`, async () => {
        await reach(w, state);
        await expectRefused(claim(w), w.escrow, "ClaimStateInvalid", w.id, number);
      });
    }

    for (const early of [1n, 0n]) {
      it(`claims ${early} seconds before the order's deadline`, async () => {
        await open(w);
        const deadline = (await now(w.connection)) + 100n;
        await at(w.connection, deadline - early);
        await claim(w, { changes: { deadline } });
      });
    }

    it("reverts with ClaimOrderExpired(d, d + 1)", async () => {
      await open(w);
      const deadline = (await now(w.connection)) + 100n;
      await at(w.connection, deadline + 1n);
      await expectRefused(claim(w, { changes: { deadline } }), w.escrow, "ClaimOrderExpired", deadline, deadline + 1n);
    });

    const nobodies: [string, () => Promise<string>][] = [
      ["the zero address", async () => ZeroAddress],
      ["the escrow itself", () => w.escrow.getAddress()],
      ["the coin", () => w.coin.getAddress()],
    ];
    for (const [title, nobody] of nobodies) {
      it(`reverts with ClaimRecipientInvalid(recipient) for ${title}`, async () => {
        await open(w);
        const recipient = await nobody();
        await expectRefused(claim(w, { changes: { recipient } }), w.escrow, "ClaimRecipientInvalid", recipient);
      });
    }

    it("claims one second before expiry", async () => {
      await open(w);
      await at(w.connection, w.terms.expiry - 1n);
      await claim(w);
    });

    for (const late of [0n, 1n]) {
      it(`reverts with ClaimDeadlinePassed(expiry, expiry + ${late})`, async () => {
        await open(w);
        const { expiry } = w.terms;
        await at(w.connection, expiry + late);
        await expectRefused(claim(w), w.escrow, "ClaimDeadlinePassed", expiry, expiry + late);
      });
    }

    it("reverts with ClaimSignatureInvalid(linkKey) when another key signed for the link", async () => {
      await open(w);
      const sent = send(orderOf(w), await signStep(w, "ClaimTo", { key: w.sender }), await signStep(w, "AttestClaim"));
      await expectRefused(sent, w.escrow, "ClaimSignatureInvalid", w.link.address);
    });

    it("reverts with ClaimSignatureInvalid(attestor) when another key signed for the attestor", async () => {
      await open(w);
      const sent = send(orderOf(w), await signStep(w, "ClaimTo"), await signStep(w, "AttestClaim", { key: w.link }));
      await expectRefused(sent, w.escrow, "ClaimSignatureInvalid", w.attestor.address);
    });

    it("reverts with ClaimSignatureInvalid(attestor) when the attestor signed the link key's order", async () => {
      await open(w);
      const sent = send(orderOf(w), await signStep(w, "ClaimTo"), await signStep(w, "ClaimTo", { key: w.attestor }));
      await expectRefused(sent, w.escrow, "ClaimSignatureInvalid", w.attestor.address);
    });

    it("reverts with EscrowGasTooLow(available, 250000) with less gas than the floor", async () => {
      await open(w);
      const enough = await w.escrow
        .connect(w.relayer)
        .claim.estimateGas(orderOf(w), await signStep(w, "ClaimTo"), await signStep(w, "AttestClaim"));
      await expectRefused(
        exit(w, "claim", { options: { gasLimit: enough - 5_000n } }),
        w.escrow,
        "EscrowGasTooLow",
        (available: bigint) => available > GAS_FLOOR - 10_000n && available < GAS_FLOOR,
        GAS_FLOOR,
      );
    });
  });

  describe("ensures", () => {
    it("the recipient has the coins, the claim is claimed, nothing else changes", async () => {
      await open(w);
      const before = await readClaim(w);
      await claim(w);
      expect(await readClaim(w)).to.deep.equal(paidFrom(before, "claim"));
    });

    it("without an attestor the link's key alone claims, whatever stands in the attestor's place", async () => {
      const terms = { ...w.terms, attestor: ZeroAddress };
      w = { ...w, terms, id: await idOf(w.escrow, terms) };
      await open(w);
      const before = await readClaim(w);
      await send(orderOf(w), await signStep(w, "ClaimTo"), "0x1234");
      expect(await readClaim(w)).to.deep.equal(paidFrom(before, "claim"));
    });

    it("the sender may claim its own coins with a copy of the key", async () => {
      await open(w);
      await claim(w, { changes: { recipient: w.sender.address } });
      expect(await w.coin.balanceOf(w.sender)).to.equal(FUNDS);
      expect(await w.escrow.stateOf(w.id)).to.equal(STATE.claimed);
    });

    it("a link's key that is a contract signs by ERC-1271", async () => {
      const owner = new Wallet(id("owner of the link"));
      const wallet = await w.connection.ethers.deployContract("CoinMockWallet", [owner.address]);
      const terms = { ...w.terms, linkKey: await wallet.getAddress() };
      w = { ...w, terms, id: await idOf(w.escrow, terms), link: owner };
      await open(w);
      await claim(w);
      expect(await w.coin.balanceOf(w.recipient)).to.equal(CLAIMED);
    });

    it("works under every pause of the coin", async () => {
      await open(w);
      await w.coin.pause(63);
      const before = await readClaim(w);
      await claim(w);
      expect(await readClaim(w)).to.deep.equal(paidFrom(before, "claim"));
    });

    it("where the coin refuses to pay, the recipient has a credit of the sender's coins [ESCROW-3]", async () => {
      const rule = await loadRule();
      await open(rule);
      await rule.coin.refuse(rule.sender, rule.recipient, true);
      const before = await readClaim(rule);
      await claim(rule);
      expect(await readClaim(rule)).to.deep.equal(creditedFrom(before, "claim"));
    });
  });

  describe("emits", () => {
    it("ClaimMoved from Open to Claimed with the link's key as actor, and the coin's Transfer", async () => {
      await open(w);
      await expect(claim(w))
        .to.emit(w.escrow, "ClaimMoved")
        .withArgs(w.id, w.link.address, STATE.open, STATE.claimed, CLAIMED, w.recipient.address)
        .and.to.emit(w.coin, "Transfer")
        .withArgs(await w.escrow.getAddress(), w.recipient.address, CLAIMED)
        .and.to.not.emit(w.escrow, "EscrowCredited");
    });

    it("EscrowCredited(id, coin, recipient, sender, amount) beside it for a credit", async () => {
      const rule = await loadRule();
      await open(rule);
      await rule.coin.refuse(rule.sender, rule.recipient, true);
      await expect(claim(rule))
        .to.emit(rule.escrow, "ClaimMoved")
        .withArgs(rule.id, rule.link.address, STATE.open, STATE.claimed, CLAIMED, rule.recipient.address)
        .and.to.emit(rule.escrow, "EscrowCredited")
        .withArgs(rule.id, await rule.coin.getAddress(), rule.recipient.address, rule.sender.address, CLAIMED);
    });
  });

  it("an order's deadline beyond the expiry does not lengthen the claim", async () => {
    await open(w);
    await at(w.connection, w.terms.expiry);
    await expectRefused(
      claim(w, { changes: { deadline: LATER } }),
      w.escrow,
      "ClaimDeadlinePassed",
      w.terms.expiry,
      w.terms.expiry,
    );
  });
});
