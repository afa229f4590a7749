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
  idOf,
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

describe("ClaimEscrow.cancelBySig", () => {
  let w: ClaimWorld;
  const cancel = async (deadline = LATER) =>
    w.escrow
      .connect(w.relayer)
      .cancelBySig(w.id, deadline, await signStep(w, "CancelClaim", { message: { deadline } }));

  beforeEach(async () => {
    w = await load();
  });

  describe("requires", () => {
    for (const [state, number] of statesExcept("open")) {
      it(`reverts with ClaimStateInvalid(id, ${number}) when it is ${state} [CLAIM-2]`, async () => {
        await reach(w, state);
        await expectRefused(cancel(), w.escrow, "ClaimStateInvalid", w.id, number);
      });
    }

    for (const early of [1n, 0n]) {
      it(`cancels ${early} seconds before the order's deadline`, async () => {
        await open(w);
        const deadline = w.terms.cancelFrom + 100n;
        await at(w.connection, deadline - early);
        await cancel(deadline);
      });
    }

    it("reverts with ClaimOrderExpired(d, d + 1)", async () => {
      await open(w);
      const deadline = (await now(w.connection)) + 100n;
      await at(w.connection, deadline + 1n);
      await expectRefused(cancel(deadline), w.escrow, "ClaimOrderExpired", deadline, deadline + 1n);
    });

    for (const name of ["link", "attestor", "recipient", "relayer"] as const) {
      it(`reverts with ClaimSignatureInvalid(sender) for a signature of the ${name}`, async () => {
        await open(w);
        const sent = w.escrow.cancelBySig(w.id, LATER, await signStep(w, "CancelClaim", { key: w[name] }));
        await expectRefused(sent, w.escrow, "ClaimSignatureInvalid", w.sender.address);
      });
    }

    it("reverts with ClaimSignatureInvalid(sender) for the sender's signature of a DeclineClaim", async () => {
      await open(w);
      const sent = w.escrow.cancelBySig(w.id, LATER, await signStep(w, "DeclineClaim", { key: w.sender }));
      await expectRefused(sent, w.escrow, "ClaimSignatureInvalid", w.sender.address);
    });

    it("reverts with ClaimDeadlineNotReached(cancelFrom, cancelFrom - 1)", async () => {
      await open(w);
      const { cancelFrom } = w.terms;
      await at(w.connection, cancelFrom - 1n);
      await expectRefused(cancel(), w.escrow, "ClaimDeadlineNotReached", cancelFrom, cancelFrom - 1n);
    });

    for (const late of [0n, 1n]) {
      it(`cancels at cancelFrom + ${late}`, async () => {
        await open(w);
        await at(w.connection, w.terms.cancelFrom + late);
        await cancel();
      });
    }

    it("cancels one second before expiry", async () => {
      await open(w);
      await at(w.connection, w.terms.expiry - 1n);
      await cancel();
    });

    for (const late of [0n, 1n]) {
      it(`reverts with ClaimDeadlinePassed(expiry, expiry + ${late})`, async () => {
        await open(w);
        const { expiry } = w.terms;
        await at(w.connection, expiry + late);
        await expectRefused(cancel(), w.escrow, "ClaimDeadlinePassed", expiry, expiry + late);
      });
    }
  });

  describe("ensures", () => {
    it("the sender has the coins back, the claim is cancelled, nothing else changes", async () => {
      await open(w);
      const before = await readClaim(w);
      await exit(w, "cancelBySig");
      expect(await readClaim(w)).to.deep.equal(paidFrom(before, "cancelBySig"));
    });

    it("a sender that is a contract signs by ERC-1271", async () => {
      const wallet = await w.connection.ethers.deployContract("CoinMockWallet", [w.sender]);
      const sender = await wallet.getAddress();
      await w.coin.mint(sender, CLAIMED);
      const terms = { ...w.terms, sender };
      w = { ...w, terms, id: await idOf(w.escrow, terms) };
      await open(w);
      await exit(w, "cancelBySig");
      expect(await w.coin.balanceOf(sender)).to.equal(CLAIMED);
    });

    it("where the coin refuses to pay, the sender has a credit [ESCROW-3]", async () => {
      const rule = await loadRule();
      await open(rule);
      await rule.coin.refuse(rule.sender, rule.sender, true);
      const before = await readClaim(rule);
      await exit(rule, "cancelBySig");
      expect(await readClaim(rule)).to.deep.equal(creditedFrom(before, "cancelBySig"));
    });
  });

  describe("emits", () => {
    it("ClaimMoved from Open to Cancelled with the sender as actor and as party", async () => {
      await open(w);
      await at(w.connection, w.terms.cancelFrom);
      await expect(cancel())
        .to.emit(w.escrow, "ClaimMoved")
        .withArgs(w.id, w.sender.address, STATE.open, STATE.cancelled, CLAIMED, w.sender.address)
        .and.to.emit(w.coin, "Transfer")
        .withArgs(await w.escrow.getAddress(), w.sender.address, CLAIMED);
    });
  });
});
