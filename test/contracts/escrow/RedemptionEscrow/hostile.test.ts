import { expect } from "chai";
import {
  LATER,
  BANK_REFERENCE,
  REASON,
  REDEEMED,
  STATE,
  deployHostile,
  lock,
  reach,
  signLock,
} from "../../../support/redemption.ts";
import type { HostileWorld, StateName } from "../../../support/redemption.ts";
import { ROLES, at, createLoader } from "../../../support/treasury.ts";

const load = await createLoader(deployHostile);

/** What the escrow must survive of a coin that breaks its promises. */
describe("RedemptionEscrow and a hostile coin", () => {
  let w: HostileWorld;

  beforeEach(async () => {
    w = await load();
  });

  describe("calling back into every function", () => {
    const order = { id: BANK_REFERENCE, state: 1n, reason: REASON, bankReference: BANK_REFERENCE, deadline: LATER };
    const callbacks: [string, () => Promise<unknown[]>][] = [
      ["lock", async () => [{ ...w.terms, salt: REASON }, await signLock(w)]],
      ["cancelBySig", async () => [w.id, LATER, "0x"]],
      ["cancel", async () => [w.id]],
      ["acceptBySig", async () => [order, w.agent.address, "0x"]],
      ["rejectBySig", async () => [order, w.agent.address, "0x"]],
      ["markSentBySig", async () => [order, w.agent.address, "0x"]],
      ["confirmBySig", async () => [order, w.agent.address, "0x"]],
      ["reclaim", async () => [w.id]],
      ["burnPending", async () => [await w.coin.getAddress()]],
      ["withdrawCredit", async () => [await w.coin.getAddress(), w.holder.address]],
    ];
    const calls: [string, StateName, () => Promise<unknown>][] = [
      ["lock", "none", () => lock(w)],
      ["reject", "locked", () => w.escrow.connect(w.agent).reject(w.id, REASON)],
      ["confirm", "sent", () => w.escrow.connect(w.agent).confirm(w.id, BANK_REFERENCE)],
    ];

    for (const [outer, state, call] of calls) {
      for (const [inner, args] of callbacks) {
        it(`${outer} answers ${inner} with EscrowReentered()`, async () => {
          await reach(w, state);
          const data = w.escrow.interface.encodeFunctionData(inner as "lock", (await args()) as never);
          await w.coin.setCallback(w.escrow, data);
          await call();
          expect(await w.coin.answer()).to.equal(w.escrow.interface.encodeErrorResult("EscrowReentered"));
        });
      }
    }

    for (const [inner, args] of [
      ["accept", []],
      ["reject", [REASON]],
      ["markSent", [BANK_REFERENCE]],
      ["confirm", [BANK_REFERENCE]],
    ] as const) {
      it(`a coin that holds the agent's role is answered EscrowReentered() by ${inner}`, async () => {
        await w.manager.grantRole(ROLES.agent, w.coin, 0);
        const data = w.escrow.interface.encodeFunctionData(inner as "accept", [w.id, ...args] as never);
        await w.coin.setCallback(w.escrow, data);
        await lock(w);
        expect(await w.coin.answer()).to.equal(w.escrow.interface.encodeErrorResult("EscrowReentered"));
      });
    }

    it("lock reverts with EscrowReentered() when the coin passes the answer on", async () => {
      await w.coin.setCallback(w.escrow, w.escrow.interface.encodeFunctionData("reclaim", [w.id]));
      await w.coin.setPassing(true);
      await expect(lock(w)).to.be.revertedWithCustomError(w.escrow, "EscrowReentered").withArgs();
    });
  });

  describe("moving another amount than it was told", () => {
    for (const skew of [-1n, 1n]) {
      it(`lock reverts with EscrowBalanceMismatch(coin, amount, amount + ${skew}) on the way in`, async () => {
        await w.coin.setSkew(skew);
        await expect(lock(w))
          .to.be.revertedWithCustomError(w.escrow, "EscrowBalanceMismatch")
          .withArgs(await w.coin.getAddress(), REDEEMED, REDEEMED + skew);
      });
    }

    it("reclaim reverts with EscrowBalanceMismatch(coin, 0, 1) on the way out", async () => {
      await reach(w, "locked");
      await w.coin.setSkew(1n);
      await at(w.connection, w.terms.acceptBy);
      await expect(w.escrow.reclaim(w.id))
        .to.be.revertedWithCustomError(w.escrow, "EscrowBalanceMismatch")
        .withArgs(await w.coin.getAddress(), 0n, 1n);
    });

    it("confirm reverts with EscrowBalanceMismatch(coin, 0, 1) on the burn", async () => {
      await reach(w, "sent");
      await w.coin.setSkew(1n);
      await expect(w.escrow.connect(w.agent).confirm(w.id, BANK_REFERENCE))
        .to.be.revertedWithCustomError(w.escrow, "EscrowBalanceMismatch")
        .withArgs(await w.coin.getAddress(), 0n, 1n);
      expect(await w.escrow.stateOf(w.id)).to.equal(STATE.sent);
    });
  });
});
