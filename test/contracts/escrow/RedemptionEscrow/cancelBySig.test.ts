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
  returnedFrom,
  signWish,
  statesExcept,
} from "../../../support/redemption.ts";
import { at, createLoader, mirrored, now } from "../../../support/treasury.ts";

const load = await createLoader(deployRedemption);

describe("RedemptionEscrow.cancelBySig", () => {
  let w: RedemptionWorld;
  const send = (signature: string, deadline = LATER) =>
    w.escrow.connect(w.relayer).cancelBySig(w.id, deadline, signature);

  beforeEach(async () => {
    w = await load();
  });

  describe("requires", () => {
    for (const [state, number] of statesExcept("locked")) {
      it(`reverts with RedemptionStateInvalid(id, ${number}) when it is ${state}`, async () => {
        await reach(w, state);
        await expect(send(await signWish(w)))
          .to.be.revertedWithCustomError(w.escrow, "RedemptionStateInvalid")
          .withArgs(w.id, number);
      });
    }

    for (const early of [1n, 0n]) {
      it(`cancels ${early} seconds before the order's deadline`, async () => {
        await reach(w, "locked");
        const deadline = (await now(w.connection)) + 100n;
        const signature = await signWish(w, { deadline });
        await at(w.connection, deadline - early);
        await send(signature, deadline);
      });
    }

    it("reverts with OrderExpired(d, d + 1)", async () => {
      await reach(w, "locked");
      const deadline = (await now(w.connection)) + 100n;
      const signature = await signWish(w, { deadline });
      await at(w.connection, deadline + 1n);
      await expect(send(signature, deadline))
        .to.be.revertedWithCustomError(w.escrow, "OrderExpired")
        .withArgs(deadline, deadline + 1n);
    });

    const forgeries: [string, () => Promise<string>][] = [
      ["of the agent", () => signWish(w, { key: w.agent })],
      ["over another id", () => signWish(w, { redemption: id("another") })],
      ["over another deadline", () => signWish(w, { deadline: LATER + 1n })],
      ["for another chain", () => signWish(w, { chainId: 1n })],
      ["mirrored", async () => mirrored(await signWish(w))],
      ["in compact form", async () => Signature.from(await signWish(w)).compactSerialized],
      ["that is empty", async () => "0x"],
    ];
    for (const [title, forge] of forgeries) {
      it(`reverts with OrderSignatureInvalid(holder) for a signature ${title}`, async () => {
        await reach(w, "locked");
        await expect(send(await forge()))
          .to.be.revertedWithCustomError(w.escrow, "OrderSignatureInvalid")
          .withArgs(w.holder.address);
      });
    }

    it("cancels one second before acceptBy", async () => {
      await reach(w, "locked");
      await at(w.connection, w.terms.acceptBy - 1n);
      await send(await signWish(w));
    });

    for (const late of [0n, 1n]) {
      it(`reverts with RedemptionDeadlinePassed(acceptBy, acceptBy + ${late})`, async () => {
        await reach(w, "locked");
        await at(w.connection, w.terms.acceptBy + late);
        await expect(send(await signWish(w)))
          .to.be.revertedWithCustomError(w.escrow, "RedemptionDeadlinePassed")
          .withArgs(w.terms.acceptBy, w.terms.acceptBy + late);
      });
    }
  });

  describe("ensures", () => {
    it("the holder has the coins back, the redemption is returned, nothing else changes", async () => {
      await reach(w, "locked");
      const before = await readRedemption(w);
      await send(await signWish(w));
      expect(await readRedemption(w)).to.deep.equal(returnedFrom(before, "locked"));
    });
  });

  describe("emits", () => {
    it("RedemptionMoved from Locked to Returned with the holder as actor", async () => {
      await reach(w, "locked");
      await expect(send(await signWish(w)))
        .to.emit(w.escrow, "RedemptionMoved")
        .withArgs(w.id, w.holder.address, STATE.locked, STATE.returned, REDEEMED, ZeroHash);
    });
  });
});
