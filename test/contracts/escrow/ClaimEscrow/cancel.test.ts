import { expect } from "chai";
import type { ClaimWorld } from "../../../support/claim.ts";
import {
  CLAIMED,
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
  statesExcept,
} from "../../../support/claim.ts";
import { at, createLoader } from "../../../support/treasury.ts";

const load = await createLoader(deployClaim);
const loadRule = await createLoader(deployRule);

describe("ClaimEscrow.cancel", () => {
  let w: ClaimWorld;
  const cancel = (caller = w.sender) => w.escrow.connect(caller).cancel(w.id);

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

    for (const name of ["recipient", "attestor", "relayer", "admin"] as const) {
      it(`reverts with ClaimSenderOnly(${name}, sender)`, async () => {
        await open(w);
        await at(w.connection, w.terms.cancelFrom);
        await expectRefused(cancel(w[name]), w.escrow, "ClaimSenderOnly", w[name].address, w.sender.address);
      });
    }

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
      await exit(w, "cancel");
      expect(await readClaim(w)).to.deep.equal(paidFrom(before, "cancel"));
    });

    it("works under every pause of the coin", async () => {
      await open(w);
      await w.coin.pause(63);
      const before = await readClaim(w);
      await exit(w, "cancel");
      expect(await readClaim(w)).to.deep.equal(paidFrom(before, "cancel"));
    });

    it("where the coin refuses to pay, the sender has a credit [ESCROW-3]", async () => {
      const rule = await loadRule();
      await open(rule);
      await rule.coin.refuse(rule.sender, rule.sender, true);
      const before = await readClaim(rule);
      await exit(rule, "cancel");
      expect(await readClaim(rule)).to.deep.equal(creditedFrom(before, "cancel"));
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
