import { expect } from "chai";
import type { ClaimWorld } from "../../../support/claim.ts";
import {
  CLAIMED,
  GAS_FLOOR,
  STATE,
  creditedFrom,
  deployClaim,
  deployHostile,
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
const loadHostile = await createLoader(deployHostile);

describe("ClaimEscrow.reclaim", () => {
  let w: ClaimWorld;
  /** A random address: the sender is gone. */
  const reclaim = () => w.escrow.connect(w.stranger).reclaim(w.id);

  beforeEach(async () => {
    w = await load();
  });

  describe("requires", () => {
    for (const [state, number] of statesExcept("open")) {
      it(`reverts with ClaimStateInvalid(id, ${number}) when it is ${state} [CLAIM-2]`, async () => {
        await reach(w, state);
        await at(w.connection, w.terms.expiry + 1n);
        await expectRefused(reclaim(), w.escrow, "ClaimStateInvalid", w.id, number);
      });
    }

    it("reverts with ClaimDeadlineNotReached(expiry, expiry - 1)", async () => {
      await open(w);
      const { expiry } = w.terms;
      await at(w.connection, expiry - 1n);
      await expectRefused(reclaim(), w.escrow, "ClaimDeadlineNotReached", expiry, expiry - 1n);
    });

    for (const late of [0n, 1n]) {
      it(`reclaims at expiry + ${late}, called by a stranger`, async () => {
        await open(w);
        await at(w.connection, w.terms.expiry + late);
        await reclaim();
      });
    }

    it("reverts with EscrowGasTooLow(available, 250000) with less gas than the floor", async () => {
      await open(w);
      await at(w.connection, w.terms.expiry);
      const enough = await w.escrow.connect(w.stranger).reclaim.estimateGas(w.id);
      await at(w.connection, w.terms.expiry + 1n);
      await expectRefused(
        w.escrow.connect(w.stranger).reclaim(w.id, { gasLimit: enough - 5_000n }),
        w.escrow,
        "EscrowGasTooLow",
        (available: bigint) => available > GAS_FLOOR - 10_000n && available < GAS_FLOOR,
        GAS_FLOOR,
      );
    });
  });

  describe("ensures", () => {
    it("the sender has the coins back, the claim is reclaimed, nothing else changes", async () => {
      await open(w);
      const before = await readClaim(w);
      await exit(w, "reclaim");
      expect(await readClaim(w)).to.deep.equal(paidFrom(before, "reclaim"));
    });

    it("a second call in the same transaction is judged by itself, not as a re-entry", async () => {
      await open(w);
      await at(w.connection, w.terms.expiry);
      const dispatcher = await w.connection.ethers.deployContract("Dispatcher");
      const call = {
        target: await w.escrow.getAddress(),
        gasLimit: 1_000_000n,
        data: w.escrow.interface.encodeFunctionData("reclaim", [w.id]),
      };
      const ended = w.escrow.interface.encodeErrorResult("ClaimStateInvalid", [w.id, STATE.reclaimed]);
      await expect(dispatcher.connect(w.stranger).execute([call, call]))
        .to.emit(dispatcher, "Dispatched")
        .withArgs(0n, call.target, true, "0x")
        .to.emit(dispatcher, "Dispatched")
        .withArgs(1n, call.target, false, ended);
    });

    it("a pause of everything does not run down the deadline", async () => {
      await open(w);
      await w.coin.pause(63);
      const before = await readClaim(w);
      await exit(w, "reclaim");
      expect(await readClaim(w)).to.deep.equal(paidFrom(before, "reclaim"));
    });

    it("where the coin refuses to pay, the sender has a credit [ESCROW-3]", async () => {
      const rule = await loadRule();
      await open(rule);
      await rule.coin.refuse(rule.sender, rule.sender, true);
      const before = await readClaim(rule);
      await exit(rule, "reclaim");
      expect(await readClaim(rule)).to.deep.equal(creditedFrom(before, "reclaim"));
    });

    it("a coin that burns its gas makes the call revert, and a credit only where gas is plenty", async () => {
      const hostile = await loadHostile();
      await open(hostile);
      await hostile.coin.setBurningGas(true);
      const before = await readClaim(hostile);
      await expect(exit(hostile, "reclaim", { options: { gasLimit: 400_000n } })).to.be.revert(
        hostile.connection.ethers,
      );
      expect(await readClaim(hostile)).to.deep.equal(before);
      await exit(hostile, "reclaim", { options: { gasLimit: 16_000_000n } });
      expect(await readClaim(hostile)).to.deep.equal(creditedFrom(before, "reclaim"));
    });
  });

  describe("emits", () => {
    it("ClaimMoved from Open to Reclaimed with the caller as actor and the sender as party", async () => {
      await open(w);
      await at(w.connection, w.terms.expiry);
      await expect(reclaim())
        .to.emit(w.escrow, "ClaimMoved")
        .withArgs(w.id, w.stranger.address, STATE.open, STATE.reclaimed, CLAIMED, w.sender.address)
        .and.to.emit(w.coin, "Transfer")
        .withArgs(await w.escrow.getAddress(), w.sender.address, CLAIMED);
    });

    it("EscrowCredited(id, coin, sender, sender, amount) beside it for a credit", async () => {
      const rule = await loadRule();
      await open(rule);
      await rule.coin.refuse(rule.sender, rule.sender, true);
      await at(rule.connection, rule.terms.expiry);
      await expect(rule.escrow.connect(rule.stranger).reclaim(rule.id))
        .to.emit(rule.escrow, "EscrowCredited")
        .withArgs(rule.id, await rule.coin.getAddress(), rule.sender.address, rule.sender.address, CLAIMED);
    });
  });
});
