import { expect } from "chai";
import type { ClaimWorld } from "../../../support/claim.ts";
import {
  CLAIMED,
  LATER,
  STATE,
  creditedFrom,
  deployClaim,
  deployRule,
  exit,
  expectRefused,
  open,
  paidFrom,
  reach,
  readClaim,
  signStep,
  statesExcept,
} from "../../../support/claim.ts";
import { at, createLoader, now } from "../../../support/treasury.ts";

const load = await createLoader(deployClaim);
const loadRule = await createLoader(deployRule);

describe("ClaimEscrow.decline", () => {
  let w: ClaimWorld;
  const decline = async (deadline = LATER) =>
    w.escrow.connect(w.relayer).decline(w.id, deadline, await signStep(w, "DeclineClaim", { message: { deadline } }));

  beforeEach(async () => {
    w = await load();
  });

  describe("requires", () => {
    for (const [state, number] of statesExcept("open")) {
      it(`reverts with ClaimStateInvalid(id, ${number}) when it is ${state} [CLAIM-2]`, async () => {
        await reach(w, state);
        await expectRefused(decline(), w.escrow, "ClaimStateInvalid", w.id, number);
      });
    }

    for (const early of [1n, 0n]) {
      it(`declines ${early} seconds before the order's deadline`, async () => {
        await open(w);
        const deadline = (await now(w.connection)) + 100n;
        await at(w.connection, deadline - early);
        await decline(deadline);
      });
    }

    it("reverts with ClaimOrderExpired(d, d + 1)", async () => {
      await open(w);
      const deadline = (await now(w.connection)) + 100n;
      await at(w.connection, deadline + 1n);
      await expectRefused(decline(deadline), w.escrow, "ClaimOrderExpired", deadline, deadline + 1n);
    });

    it("declines one second before expiry", async () => {
      await open(w);
      await at(w.connection, w.terms.expiry - 1n);
      await decline();
    });

    for (const late of [0n, 1n]) {
      it(`reverts with ClaimDeadlinePassed(expiry, expiry + ${late})`, async () => {
        await open(w);
        const { expiry } = w.terms;
        await at(w.connection, expiry + late);
        await expectRefused(decline(), w.escrow, "ClaimDeadlinePassed", expiry, expiry + late);
      });
    }

    for (const name of ["CancelClaim", "ClaimTo"] as const) {
      it(`reverts with ClaimSignatureInvalid(linkKey) for the key's ${name}`, async () => {
        await open(w);
        const signature = await signStep(w, name, { key: w.link });
        const sent = w.escrow.decline(w.id, LATER, signature);
        await expectRefused(sent, w.escrow, "ClaimSignatureInvalid", w.link.address);
      });
    }

    it("reverts with ClaimSignatureInvalid(linkKey) for the attestor's signature", async () => {
      await open(w);
      const sent = w.escrow.decline(w.id, LATER, await signStep(w, "DeclineClaim", { key: w.attestor }));
      await expectRefused(sent, w.escrow, "ClaimSignatureInvalid", w.link.address);
    });
  });

  describe("ensures", () => {
    it("the sender has the coins back, the claim is declined, nothing else changes", async () => {
      await open(w);
      const before = await readClaim(w);
      await decline();
      expect(await readClaim(w)).to.deep.equal(paidFrom(before, "decline"));
    });

    it("works under every pause of the coin", async () => {
      await open(w);
      await w.coin.pause(63);
      const before = await readClaim(w);
      await decline();
      expect(await readClaim(w)).to.deep.equal(paidFrom(before, "decline"));
    });

    it("where the coin refuses to pay, the sender has a credit [ESCROW-3]", async () => {
      const rule = await loadRule();
      await open(rule);
      await rule.coin.refuse(rule.sender, rule.sender, true);
      const before = await readClaim(rule);
      await exit(rule, "decline");
      expect(await readClaim(rule)).to.deep.equal(creditedFrom(before, "decline"));
    });
  });

  describe("emits", () => {
    it("ClaimMoved from Open to Declined with the link's key as actor and the sender as party", async () => {
      await open(w);
      await expect(decline())
        .to.emit(w.escrow, "ClaimMoved")
        .withArgs(w.id, w.link.address, STATE.open, STATE.declined, CLAIMED, w.sender.address)
        .and.to.emit(w.coin, "Transfer")
        .withArgs(await w.escrow.getAddress(), w.sender.address, CLAIMED)
        .and.to.not.emit(w.escrow, "EscrowCredited");
    });
  });
});
