import { expect } from "chai";
import { ZeroAddress, ZeroHash, id } from "ethers";
import type { RedemptionWorld, Terms } from "../../../support/redemption.ts";
import {
  CENT,
  FUNDS,
  REDEEMED,
  STATE,
  deployRedemption,
  freezeHolder,
  idOf,
  lock,
  reach,
  readRedemption,
  signLock,
  statesExcept,
} from "../../../support/redemption.ts";
import { DAY, at, createLoader, now } from "../../../support/treasury.ts";

const load = await createLoader(deployRedemption);
const LARGEST = 2n ** 63n - 1n;

describe("RedemptionEscrow.lock", () => {
  let w: RedemptionWorld;
  const lockWith = (changes: Partial<Terms>) => lock(w, { ...w.terms, ...changes });

  beforeEach(async () => {
    w = await load();
  });

  describe("requires", () => {
    it("reverts with EscrowCoinUnknown(coin) for a coin that is not listed", async () => {
      const signature = await signLock(w);
      await expect(w.escrow.lock({ ...w.terms, coin: w.stranger.address }, signature))
        .to.be.revertedWithCustomError(w.escrow, "EscrowCoinUnknown")
        .withArgs(w.stranger.address);
    });

    it("reverts with EscrowAmountOutOfBounds(0, 2^63 - 1)", async () => {
      await expect(lockWith({ amount: 0n }))
        .to.be.revertedWithCustomError(w.escrow, "EscrowAmountOutOfBounds")
        .withArgs(0n, LARGEST);
    });

    it("reverts with EscrowAmountOutOfBounds(2^63, 2^63 - 1)", async () => {
      await expect(lockWith({ amount: LARGEST + 1n }))
        .to.be.revertedWithCustomError(w.escrow, "EscrowAmountOutOfBounds")
        .withArgs(LARGEST + 1n, LARGEST);
    });

    it("locks one cent", async () => {
      await lockWith({ amount: CENT });
    });

    for (const amount of [1n, CENT - 1n, CENT + 1n, LARGEST]) {
      it(`reverts with RedemptionNotWholeCents(${amount})`, async () => {
        await expect(lockWith({ amount }))
          .to.be.revertedWithCustomError(w.escrow, "RedemptionNotWholeCents")
          .withArgs(amount);
      });
    }

    it("locks one second before acceptBy", async () => {
      await at(w.connection, w.terms.acceptBy - 1n);
      await lock(w);
    });

    for (const [title, late] of [
      ["acceptBy", 0n],
      ["acceptBy + 1", 1n],
    ] as const) {
      it(`reverts with RedemptionDeadlinePassed(acceptBy, ${title})`, async () => {
        await at(w.connection, w.terms.acceptBy + late);
        await expect(lock(w))
          .to.be.revertedWithCustomError(w.escrow, "RedemptionDeadlinePassed")
          .withArgs(w.terms.acceptBy, w.terms.acceptBy + late);
      });
    }

    it("reverts with RedemptionDeadlinePassed(0, now) for deadlines left unset", async () => {
      const time = (await now(w.connection)) + 10n;
      await at(w.connection, time);
      await expect(lockWith({ acceptBy: 0n, payoutBy: 0n, finalBy: 0n }))
        .to.be.revertedWithCustomError(w.escrow, "RedemptionDeadlinePassed")
        .withArgs(0n, time);
    });

    it("locks with deadlines one second apart", async () => {
      await lockWith({ payoutBy: w.terms.acceptBy + 1n, finalBy: w.terms.acceptBy + 2n });
    });

    it("reverts with RedemptionDeadlinesUnordered for payoutBy = acceptBy", async () => {
      const { acceptBy, finalBy } = w.terms;
      await expect(lockWith({ payoutBy: acceptBy }))
        .to.be.revertedWithCustomError(w.escrow, "RedemptionDeadlinesUnordered")
        .withArgs(acceptBy, acceptBy, finalBy);
    });

    it("reverts with RedemptionDeadlinesUnordered for finalBy = payoutBy", async () => {
      const { acceptBy, payoutBy } = w.terms;
      await expect(lockWith({ finalBy: payoutBy }))
        .to.be.revertedWithCustomError(w.escrow, "RedemptionDeadlinesUnordered")
        .withArgs(acceptBy, payoutBy, payoutBy);
    });

    for (const early of [0n, 1n]) {
      it(`locks with finalBy in 30 days less ${early} seconds`, async () => {
        const time = (await now(w.connection)) + 10n;
        await at(w.connection, time);
        await lockWith({ finalBy: time + 30n * DAY - early });
      });
    }

    it("reverts with RedemptionDeadlineTooFar(limit + 1, limit) one second beyond 30 days", async () => {
      const time = (await now(w.connection)) + 10n;
      const limit = time + 30n * DAY;
      await at(w.connection, time);
      await expect(lockWith({ finalBy: limit + 1n }))
        .to.be.revertedWithCustomError(w.escrow, "RedemptionDeadlineTooFar")
        .withArgs(limit + 1n, limit);
    });

    it("reverts with EscrowIdTooLow(2^40 - 1, 2^40) for an id among the window nonces", async () => {
      const harness = await w.connection.ethers.deployContract("EscrowHarness", [[w.coin]]);
      const toId = (number: bigint) => `0x${number.toString(16).padStart(64, "0")}`;
      await harness.getFunction("checkId")(toId(2n ** 40n));
      await expect(harness.getFunction("checkId")(toId(2n ** 40n - 1n)))
        .to.be.revertedWithCustomError(w.escrow, "EscrowIdTooLow")
        .withArgs(toId(2n ** 40n - 1n), 2n ** 40n);
    });

    for (const [state, number] of statesExcept("none")) {
      it(`reverts with RedemptionStateInvalid(id, ${number}) for terms that are ${state} [REDEMPTION-1]`, async () => {
        await reach(w, state);
        await expect(lock(w)).to.be.revertedWithCustomError(w.escrow, "RedemptionStateInvalid").withArgs(w.id, number);
      });
    }

    describe("the coin's authorization, so the coin's own errors", () => {
      const bends: [string, (terms: Terms) => Partial<Terms>][] = [
        ["holder", () => ({ holder: w.stranger.address })],
        ["amount", ({ amount }) => ({ amount: amount + CENT })],
        ["payout", () => ({ payout: id("another bank account") })],
        ["acceptBy", ({ acceptBy }) => ({ acceptBy: acceptBy + 1n })],
        ["payoutBy", ({ payoutBy }) => ({ payoutBy: payoutBy + 1n })],
        ["finalBy", ({ finalBy }) => ({ finalBy: finalBy + 1n })],
        ["salt", () => ({ salt: ZeroHash })],
      ];
      for (const [member, bend] of bends) {
        it(`reverts with StablecoinSignatureInvalid(holder) when ${member} changed after signing`, async () => {
          const terms = { ...w.terms, ...bend(w.terms) };
          await expect(w.escrow.lock(terms, await signLock(w)))
            .to.be.revertedWithCustomError(w.coin, "StablecoinSignatureInvalid")
            .withArgs(terms.holder);
        });
      }

      it("reverts with StablecoinSignatureInvalid(0) for the zero address as the holder", async () => {
        await expect(w.escrow.lock({ ...w.terms, holder: ZeroAddress }, await signLock(w)))
          .to.be.revertedWithCustomError(w.coin, "StablecoinSignatureInvalid")
          .withArgs(ZeroAddress);
      });

      it("reverts with ERC20InsufficientBalance(holder, funds, funds + 1 cent)", async () => {
        await expect(lockWith({ amount: FUNDS + CENT }))
          .to.be.revertedWithCustomError(w.coin, "ERC20InsufficientBalance")
          .withArgs(w.holder.address, FUNDS, FUNDS + CENT);
      });

      it("reverts with StablecoinFrozen(holder) for a frozen holder", async () => {
        await freezeHolder(w);
        await expect(lock(w)).to.be.revertedWithCustomError(w.coin, "StablecoinFrozen").withArgs(w.holder.address);
      });

      it("reverts with StablecoinPaused(2) while signed payments are paused", async () => {
        await w.coin.pause(2);
        await expect(lock(w)).to.be.revertedWithCustomError(w.coin, "StablecoinPaused").withArgs(2);
      });

      it("a plain signed transfer into the escrow is refused with StablecoinEscrowRefusesCredit(escrow)", async () => {
        await expect(w.coin.connect(w.holder).transfer(w.escrow, REDEEMED))
          .to.be.revertedWithCustomError(w.coin, "StablecoinEscrowRefusesCredit")
          .withArgs(await w.escrow.getAddress());
      });
    });
  });

  describe("ensures", () => {
    it("the redemption is locked and held, the holder has the amount less, nothing else changes", async () => {
      const before = await readRedemption(w);
      await lock(w);
      expect(await readRedemption(w)).to.deep.equal({
        ...before,
        state: STATE.locked,
        holder: before.holder - REDEEMED,
        escrow: before.escrow + REDEEMED,
        held: before.held + REDEEMED,
        locked: before.locked + REDEEMED,
      });
    });

    it("the terms can be read back", async () => {
      await lock(w);
      const { coin, holder, amount, acceptBy, payoutBy, finalBy } = w.terms;
      expect(await w.escrow.redemptionOf(w.id)).to.deep.equal([
        STATE.locked,
        coin,
        holder,
        amount,
        acceptBy,
        payoutBy,
        finalBy,
      ]);
    });

    it("an unknown id reads as nothing", async () => {
      expect(await w.escrow.redemptionOf(w.id)).to.deep.equal([0n, ZeroAddress, ZeroAddress, 0n, 0n, 0n, 0n]);
    });

    it("the id is the digest of the terms that a wallet computes", async () => {
      expect(await w.escrow.idOf(w.terms)).to.equal(w.id);
      expect(await w.escrow.connect(w.relayer).lock.staticCall(w.terms, await signLock(w))).to.equal(w.id);
    });

    it("the authorization is spent in the coin", async () => {
      await lock(w);
      expect(await w.coin.authorizationState(w.holder, w.id)).to.equal(true);
    });

    it("two equal redemptions apart from their salt act only on themselves", async () => {
      const twin = { ...w.terms, salt: id("salt 2") };
      await lock(w);
      await lock(w, twin);
      await w.escrow.connect(w.agent).accept(await idOf(w.escrow, twin));
      expect(await w.escrow.stateOf(w.id)).to.equal(STATE.locked);
      const reading = await readRedemption(w);
      expect([reading.locked, reading.accepted, reading.held]).to.deep.equal([REDEEMED, REDEEMED, 2n * REDEEMED]);
    });

    it("a contract account locks by ERC-1271", async () => {
      const wallet = await w.connection.ethers.deployContract("CoinMockWallet", [w.holder]);
      const holder = await wallet.getAddress();
      await w.treasury.connect(w.dealer).mint(w.coin, id("funds of the wallet"), holder, FUNDS);
      const terms = { ...w.terms, holder };
      await w.escrow.connect(w.relayer).lock(terms, await signLock(w, { terms }));
      expect(await w.escrow.stateOf(await idOf(w.escrow, terms))).to.equal(STATE.locked);
    });
  });

  describe("emits", () => {
    it("RedemptionLocked with the full terms, and RedemptionMoved from None with the caller as actor", async () => {
      const { coin, holder, amount, payout, acceptBy, payoutBy, finalBy, salt } = w.terms;
      await expect(lock(w))
        .to.emit(w.escrow, "RedemptionLocked")
        .withArgs(w.id, holder, coin, amount, payout, acceptBy, payoutBy, finalBy, salt)
        .and.to.emit(w.escrow, "RedemptionMoved")
        .withArgs(w.id, w.relayer.address, STATE.none, STATE.locked, amount, ZeroHash);
    });
  });
});
