import { expect } from "chai";
import { ZeroAddress, id } from "ethers";
import type { ClaimWorld, Terms } from "../../../support/claim.ts";
import {
  CLAIMED,
  DAY,
  FUNDS,
  LARGEST,
  STATE,
  deployClaim,
  expectRefused,
  freeze,
  idOf,
  open,
  openedFrom,
  reach,
  readClaim,
  signOpen,
  statesExcept,
} from "../../../support/claim.ts";
import { at, createLoader, now } from "../../../support/treasury.ts";

const load = await createLoader(deployClaim);

describe("ClaimEscrow.open", () => {
  let w: ClaimWorld;
  const openWith = (changes: Partial<Terms>) => open(w, { ...w.terms, ...changes });

  beforeEach(async () => {
    w = await load();
  });

  describe("requires", () => {
    it("reverts with EscrowCoinUnknown(coin) for a coin that is not listed", async () => {
      const signature = await signOpen(w);
      const sent = w.escrow.open({ ...w.terms, coin: w.stranger.address }, signature);
      await expectRefused(sent, w.escrow, "EscrowCoinUnknown", w.stranger.address);
    });

    for (const amount of [0n, LARGEST + 1n]) {
      it(`reverts with EscrowAmountOutOfBounds(${amount}, 2^63 - 1)`, async () => {
        await expectRefused(openWith({ amount }), w.escrow, "EscrowAmountOutOfBounds", amount, LARGEST);
      });
    }

    it("opens with one base unit", async () => {
      await openWith({ amount: 1n });
    });

    it("reverts with ClaimLinkKeyMissing()", async () => {
      await expect(openWith({ linkKey: ZeroAddress }))
        .to.be.revertedWithCustomError(w.escrow, "ClaimLinkKeyMissing")
        .withArgs();
    });

    it("opens one second before expiry", async () => {
      await at(w.connection, w.terms.expiry - 1n);
      await open(w);
    });

    for (const late of [0n, 1n]) {
      it(`reverts with ClaimDeadlinePassed(expiry, expiry + ${late})`, async () => {
        const { expiry } = w.terms;
        await at(w.connection, expiry + late);
        await expectRefused(open(w), w.escrow, "ClaimDeadlinePassed", expiry, expiry + late);
      });
    }

    for (const early of [0n, 1n]) {
      it(`opens with an expiry in 180 days less ${early} seconds`, async () => {
        const time = (await now(w.connection)) + 10n;
        await at(w.connection, time);
        await openWith({ expiry: time + 180n * DAY - early });
      });
    }

    it("reverts with ClaimExpiryTooFar(limit + 1, limit) one second beyond 180 days", async () => {
      const time = (await now(w.connection)) + 10n;
      const limit = time + 180n * DAY;
      await at(w.connection, time);
      await expectRefused(openWith({ expiry: limit + 1n }), w.escrow, "ClaimExpiryTooFar", limit + 1n, limit);
    });

    for (const early of [0n, 1n]) {
      it(`opens with cancelFrom = expiry - ${early}`, async () => {
        await openWith({ cancelFrom: w.terms.expiry - early });
      });
    }

    it("reverts with ClaimCancelAfterExpiry(expiry + 1, expiry)", async () => {
      const { expiry } = w.terms;
      const sent = openWith({ cancelFrom: expiry + 1n });
      await expectRefused(sent, w.escrow, "ClaimCancelAfterExpiry", expiry + 1n, expiry);
    });

    for (const [state, number] of statesExcept("none", "reclaimed")) {
      it(`reverts with ClaimStateInvalid(id, ${number}) for terms that are ${state} [CLAIM-1]`, async () => {
        await reach(w, state);
        await expectRefused(open(w), w.escrow, "ClaimStateInvalid", w.id, number);
      });
    }

    it("reverts with ClaimDeadlinePassed(expiry, expiry + 9) for terms that are reclaimed [CLAIM-1]", async () => {
      await reach(w, "reclaimed");
      const { expiry } = w.terms;
      await at(w.connection, expiry + 9n);
      await expectRefused(open(w), w.escrow, "ClaimDeadlinePassed", expiry, expiry + 9n);
    });

    describe("the coin's authorization, so the coin's own errors", () => {
      it("reverts with StablecoinSignatureInvalid(sender) for somebody else's signature", async () => {
        const sent = w.escrow.open(w.terms, await signOpen(w, { key: w.stranger }));
        await expectRefused(sent, w.coin, "StablecoinSignatureInvalid", w.sender.address);
      });

      it("reverts with StablecoinSignatureInvalid(0) for the zero address as the sender", async () => {
        const sent = w.escrow.open({ ...w.terms, sender: ZeroAddress }, await signOpen(w));
        await expectRefused(sent, w.coin, "StablecoinSignatureInvalid", ZeroAddress);
      });

      it("reverts with StablecoinAuthorizationUsed(sender, id) for an authorization cancelled in the coin", async () => {
        const cancel = w.coin.interface.getFunction("cancelAuthorization(address,bytes32,bytes)");
        const domain = {
          name: "Remesa Dollar",
          version: "1",
          chainId: 31337n,
          verifyingContract: await w.coin.getAddress(),
        };
        const types = {
          CancelAuthorization: [
            { name: "authorizer", type: "address" },
            { name: "nonce", type: "bytes32" },
          ],
        };
        const signature = await w.sender.signTypedData(domain, types, { authorizer: w.sender.address, nonce: w.id });
        await w.coin.getFunction(cancel.format())(w.sender, w.id, signature);
        await expectRefused(open(w), w.coin, "StablecoinAuthorizationUsed", w.sender.address, w.id);
      });

      it("reverts with ERC20InsufficientBalance(sender, funds, funds + 1)", async () => {
        const sent = openWith({ amount: FUNDS + 1n });
        await expectRefused(sent, w.coin, "ERC20InsufficientBalance", w.sender.address, FUNDS, FUNDS + 1n);
      });

      it("reverts with StablecoinFrozen(sender) for a frozen sender", async () => {
        await freeze(w.coin, w.sender.address);
        await expectRefused(open(w), w.coin, "StablecoinFrozen", w.sender.address);
      });

      it("reverts with StablecoinPaused(2) while signed payments are paused", async () => {
        await w.coin.pause(2);
        await expectRefused(open(w), w.coin, "StablecoinPaused", 2n);
      });
    });
  });

  describe("ensures", () => {
    it("the claim is open and held under its terms, the sender has the amount less, nothing else changes", async () => {
      const before = await readClaim(w);
      await open(w);
      expect(await readClaim(w)).to.deep.equal(openedFrom(before, w.terms));
    });

    it("a claim without an attestor, never to be cancelled, keeps just that", async () => {
      const terms = { ...w.terms, attestor: ZeroAddress, cancelFrom: w.terms.expiry };
      w = { ...w, terms, id: await idOf(w.escrow, terms) };
      const before = await readClaim(w);
      await open(w);
      expect(await readClaim(w)).to.deep.equal(openedFrom(before, terms));
    });

    it("an unknown id reads as nothing", async () => {
      expect(await w.escrow.stateOf(w.id)).to.equal(STATE.none);
      const nothing = [STATE.none, ZeroAddress, ZeroAddress, 0n, ZeroAddress, ZeroAddress, 0n, 0n];
      expect(await w.escrow.claimOf(w.id)).to.deep.equal(nothing);
    });

    it("the id is the digest of the terms that a wallet computes", async () => {
      expect(await w.escrow.idOf(w.terms)).to.equal(w.id);
      expect(await w.escrow.connect(w.relayer).open.staticCall(w.terms, await signOpen(w))).to.equal(w.id);
    });

    it("the authorization is spent in the coin", async () => {
      await open(w);
      expect(await w.coin.authorizationState(w.sender, w.id)).to.equal(true);
    });

    it("two claims that are equal apart from their salt are two", async () => {
      const twin = { ...w.terms, salt: id("salt 2") };
      await open(w);
      await open(w, twin);
      expect(await w.escrow.held(w.coin)).to.equal(2n * CLAIMED);
      expect(await w.escrow.stateOf(await idOf(w.escrow, twin))).to.equal(STATE.open);
    });

    it("a contract account opens by ERC-1271", async () => {
      const wallet = await w.connection.ethers.deployContract("CoinMockWallet", [w.sender]);
      const sender = await wallet.getAddress();
      await w.coin.mint(sender, FUNDS);
      const terms = { ...w.terms, sender };
      await open(w, terms);
      expect(await w.escrow.stateOf(await idOf(w.escrow, terms))).to.equal(STATE.open);
      expect(await w.coin.balanceOf(sender)).to.equal(FUNDS - CLAIMED);
    });
  });

  describe("emits", () => {
    it("ClaimOpened with the full terms, and ClaimMoved from None with the caller as actor and no party", async () => {
      const { coin, sender, amount, linkKey, attestor, handle, cancelFrom, expiry, salt } = w.terms;
      await expect(open(w))
        .to.emit(w.escrow, "ClaimOpened")
        .withArgs(w.id, sender, coin, amount, linkKey, attestor, handle, cancelFrom, expiry, salt)
        .and.to.emit(w.escrow, "ClaimMoved")
        .withArgs(w.id, w.relayer.address, STATE.none, STATE.open, amount, ZeroAddress);
    });
  });
});
