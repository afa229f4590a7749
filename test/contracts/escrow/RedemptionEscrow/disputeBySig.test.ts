import { expect } from "chai";
import { Signature, ZeroHash, id } from "ethers";
import type { RedemptionWorld } from "../../../support/redemption.ts";
import {
  LATER,
  REDEEMED,
  STATE,
  deployRedemption,
  reach,
  readRedemption,
  signWish,
  statesExcept,
} from "../../../support/redemption.ts";
import { at, createLoader, mirrored, now } from "../../../support/treasury.ts";

const type = "DisputeRedemption";
const load = await createLoader(deployRedemption);

describe("RedemptionEscrow.disputeBySig", () => {
  let w: RedemptionWorld;
  const send = (signature: string, deadline = LATER) =>
    w.escrow.connect(w.relayer).disputeBySig(w.id, deadline, signature);

  beforeEach(async () => {
    w = await load();
  });

  describe("requires", () => {
    for (const [state, number] of statesExcept("sent")) {
      it(`reverts with RedemptionStateInvalid(id, ${number}) when it is ${state}`, async () => {
        await reach(w, state);
        await expect(send(await signWish(w, { type })))
          .to.be.revertedWithCustomError(w.escrow, "RedemptionStateInvalid")
          .withArgs(w.id, number);
      });
    }

    for (const early of [1n, 0n]) {
      it(`disputes ${early} seconds before the order's deadline`, async () => {
        await reach(w, "sent");
        const deadline = (await now(w.connection)) + 100n;
        const signature = await signWish(w, { type, deadline });
        await at(w.connection, deadline - early);
        await send(signature, deadline);
      });
    }

    it("reverts with OrderExpired(d, d + 1)", async () => {
      await reach(w, "sent");
      const deadline = (await now(w.connection)) + 100n;
      const signature = await signWish(w, { type, deadline });
      await at(w.connection, deadline + 1n);
      await expect(send(signature, deadline))
        .to.be.revertedWithCustomError(w.escrow, "OrderExpired")
        .withArgs(deadline, deadline + 1n);
    });

    const forgeries: [string, () => Promise<string>][] = [
      ["of the agent", () => signWish(w, { type, key: w.agent })],
      ["of a wish to cancel", () => signWish(w)],
      ["over another id", () => signWish(w, { type, redemption: id("another") })],
      ["over another deadline", () => signWish(w, { type, deadline: LATER + 1n })],
      ["for another chain", () => signWish(w, { type, chainId: 1n })],
      ["mirrored", async () => mirrored(await signWish(w, { type }))],
      ["in compact form", async () => Signature.from(await signWish(w, { type })).compactSerialized],
      ["that is empty", async () => "0x"],
    ];
    for (const [title, forge] of forgeries) {
      it(`reverts with OrderSignatureInvalid(holder) for a signature ${title}`, async () => {
        await reach(w, "sent");
        await expect(send(await forge()))
          .to.be.revertedWithCustomError(w.escrow, "OrderSignatureInvalid")
          .withArgs(w.holder.address);
      });
    }

    it("disputes one second before finalBy", async () => {
      await reach(w, "sent");
      await at(w.connection, w.terms.finalBy - 1n);
      await send(await signWish(w, { type }));
    });

    for (const late of [0n, 1n]) {
      it(`reverts with RedemptionDeadlinePassed(finalBy, finalBy + ${late})`, async () => {
        await reach(w, "sent");
        await at(w.connection, w.terms.finalBy + late);
        await expect(send(await signWish(w, { type })))
          .to.be.revertedWithCustomError(w.escrow, "RedemptionDeadlinePassed")
          .withArgs(w.terms.finalBy, w.terms.finalBy + late);
      });
    }
  });

  describe("ensures", () => {
    it("the redemption is disputed, the coins stay, nothing else changes", async () => {
      await reach(w, "sent");
      const before = await readRedemption(w);
      await send(await signWish(w, { type }));
      expect(await readRedemption(w)).to.deep.equal({
        ...before,
        state: STATE.disputed,
        sent: before.sent - REDEEMED,
        disputed: before.disputed + REDEEMED,
      });
    });
  });

  describe("emits", () => {
    it("RedemptionMoved from Sent to Disputed with the holder as actor", async () => {
      await reach(w, "sent");
      await expect(send(await signWish(w, { type })))
        .to.emit(w.escrow, "RedemptionMoved")
        .withArgs(w.id, w.holder.address, STATE.sent, STATE.disputed, REDEEMED, ZeroHash);
    });
  });
});
