import { expect } from "chai";
import { ZeroAddress, ZeroHash } from "ethers";
import {
  AUTHORIZATION,
  DAY,
  FUNDS,
  LARGEST,
  callForm,
  cancelInCoin,
  expectRefused,
  freeze,
} from "../../../support/claim.ts";
import type { Quote, SwapWorld } from "../../../support/swap.ts";
import {
  BOUGHT,
  SIDE,
  SIDES,
  SOLD,
  deploySwap,
  idOf,
  legNonceOf,
  readSwap,
  signLeg,
  swap,
  swappedFrom,
  withQuote,
} from "../../../support/swap.ts";
import { at, createLoader, domainOf, now } from "../../../support/treasury.ts";

const load = await createLoader(deploySwap);

describe("FxSwap.swap", () => {
  let w: SwapWorld;
  const swapWith = async (changes: Partial<Quote>) => swap(await withQuote(w, changes));

  beforeEach(async () => {
    w = await load();
  });

  describe("requires", () => {
    for (const [coin, amount] of [
      ["sellCoin", "sellAmount"],
      ["buyCoin", "buyAmount"],
    ] as const) {
      it(`reverts with EscrowCoinUnknown(coin) for a ${coin} that is not listed`, async () => {
        const sent = swapWith({ [coin]: w.stranger.address });
        await expectRefused(sent, w.fx, "EscrowCoinUnknown", w.stranger.address);
      });

      for (const value of [0n, LARGEST + 1n]) {
        it(`reverts with EscrowAmountOutOfBounds(${value}, 2^63 - 1) for ${amount}`, async () => {
          await expectRefused(swapWith({ [amount]: value }), w.fx, "EscrowAmountOutOfBounds", value, LARGEST);
        });
      }
    }

    it("swaps one base unit for one", async () => {
      await swapWith({ sellAmount: 1n, buyAmount: 1n });
    });

    it("reverts with FxSameCoin(coin) for two legs in one coin", async () => {
      await expectRefused(swapWith({ buyCoin: w.quote.sellCoin }), w.fx, "FxSameCoin", w.quote.sellCoin);
    });

    for (const side of SIDES) {
      it(`reverts with FxPartyInvalid(0) for no ${side}`, async () => {
        await expectRefused(swapWith({ [side]: ZeroAddress }), w.fx, "FxPartyInvalid", ZeroAddress);
      });
    }

    it("reverts with FxPartyInvalid(maker) for a maker that is its own taker", async () => {
      await expectRefused(swapWith({ taker: w.quote.maker }), w.fx, "FxPartyInvalid", w.quote.maker);
    });

    it("swaps one second before validBefore", async () => {
      await at(w.connection, w.quote.validBefore - 1n);
      await swap(w);
    });

    for (const late of [0n, 1n]) {
      it(`reverts with FxQuoteExpired(validBefore, validBefore + ${late}) [SWAP-4]`, async () => {
        const { validBefore } = w.quote;
        await at(w.connection, validBefore + late);
        await expectRefused(swap(w), w.fx, "FxQuoteExpired", validBefore, validBefore + late);
      });
    }

    for (const early of [0n, 1n]) {
      it(`swaps a quote valid for 30 days less ${early} seconds`, async () => {
        const time = (await now(w.connection)) + 10n;
        await at(w.connection, time);
        await swapWith({ validBefore: time + 30n * DAY - early });
      });
    }

    it("reverts with FxQuoteTooLong(limit + 1, limit) one second beyond 30 days", async () => {
      const time = (await now(w.connection)) + 10n;
      const limit = time + 30n * DAY;
      await at(w.connection, time);
      await expectRefused(swapWith({ validBefore: limit + 1n }), w.fx, "FxQuoteTooLong", limit + 1n, limit);
    });

    it("reverts with FxQuoteUsed(id) for a quote that was carried out [SWAP-1]", async () => {
      await swap(w);
      await expectRefused(swap(w), w.fx, "FxQuoteUsed", w.id);
    });

    it("reverts with FxQuoteUsed(id) for a quote that was cancelled [SWAP-1]", async () => {
      await w.fx.connect(w.maker).cancel(w.quote);
      await expectRefused(swap(w), w.fx, "FxQuoteUsed", w.id);
    });

    describe("the coins' authorizations, so the coins' own errors", () => {
      it("reverts with StablecoinSignatureInvalid(maker) for somebody else's signature in the maker's place", async () => {
        const sent = w.fx.swap(w.quote, await signLeg(w, "maker", { key: w.taker }), await signLeg(w, "taker"));
        await expectRefused(sent, w.sell, "StablecoinSignatureInvalid", w.maker.address);
      });

      it("reverts with StablecoinSignatureInvalid(taker) for somebody else's signature in the taker's place", async () => {
        const sent = w.fx.swap(w.quote, await signLeg(w, "maker"), await signLeg(w, "taker", { key: w.maker }));
        await expectRefused(sent, w.buy, "StablecoinSignatureInvalid", w.taker.address);
      });

      it("reverts with StablecoinSignatureInvalid(maker) when the signatures change places", async () => {
        const sent = w.fx.swap(w.quote, await signLeg(w, "taker"), await signLeg(w, "maker"));
        await expectRefused(sent, w.sell, "StablecoinSignatureInvalid", w.maker.address);
      });

      it("reverts with ERC20InsufficientBalance(maker, funds, funds + 1)", async () => {
        const sent = swapWith({ sellAmount: FUNDS + 1n });
        await expectRefused(sent, w.sell, "ERC20InsufficientBalance", w.maker.address, FUNDS, FUNDS + 1n);
      });

      it("reverts with ERC20InsufficientBalance(taker, funds, funds + 1)", async () => {
        const sent = swapWith({ buyAmount: FUNDS + 1n });
        await expectRefused(sent, w.buy, "ERC20InsufficientBalance", w.taker.address, FUNDS, FUNDS + 1n);
      });

      for (const side of SIDES) {
        it(`reverts with StablecoinFrozen(${side}) for a ${side} that is frozen in the coin it pays`, async () => {
          const coin = side === "maker" ? w.sell : w.buy;
          await freeze(coin, w[side].address);
          await expectRefused(swap(w), coin, "StablecoinFrozen", w[side].address);
        });

        it(`reverts with StablecoinPaused(2) while the ${side}'s coin stops signed payments`, async () => {
          const coin = side === "maker" ? w.sell : w.buy;
          await coin.pause(2);
          await expectRefused(swap(w), coin, "StablecoinPaused", 2n);
        });

        it(`reverts with StablecoinAuthorizationUsed(${side}, nonce) for a leg cancelled in its coin`, async () => {
          const coin = side === "maker" ? w.sell : w.buy;
          const nonce = legNonceOf(w.id, side);
          const name = side === "maker" ? "Remesa Dollar" : "Remesa Quetzal";
          await cancelInCoin(coin, { name, key: w[side], nonce });
          await expectRefused(swap(w), coin, "StablecoinAuthorizationUsed", w[side].address, nonce);
        });
      }
    });
  });

  describe("ensures", () => {
    it("each has what the other gave, the quote is used, nothing stays here and nothing else changes [SWAP-2] [SWAP-3]", async () => {
      const before = await readSwap(w);
      await swap(w);
      expect(await readSwap(w)).to.deep.equal(swappedFrom(before));
    });

    it("both authorizations are spent in their coins", async () => {
      await swap(w);
      expect(await w.sell.authorizationState(w.maker, legNonceOf(w.id, "maker"))).to.equal(true);
      expect(await w.buy.authorizationState(w.taker, legNonceOf(w.id, "taker"))).to.equal(true);
    });

    it("the id and the nonces of the legs are those a wallet computes", async () => {
      expect(await w.fx.idOf(w.quote)).to.equal(w.id);
      for (const side of SIDES) expect(await w.fx.legNonceOf(w.id, SIDE[side])).to.equal(legNonceOf(w.id, side));
      const signatures = [await signLeg(w, "maker"), await signLeg(w, "taker")] as const;
      expect(await w.fx.connect(w.relayer).swap.staticCall(w.quote, ...signatures)).to.equal(w.id);
    });

    it("two quotes that are equal apart from their salt are two", async () => {
      await w.buy.mint(w.taker, BOUGHT);
      await swap(w);
      await swapWith({ salt: ZeroHash });
      expect(await w.sell.balanceOf(w.taker)).to.equal(2n * SOLD);
      expect(await w.buy.balanceOf(w.maker)).to.equal(2n * BOUGHT);
    });

    it("the opposite direction is a quote of its own", async () => {
      await swap(w);
      const back = await withQuote(w, {
        maker: w.quote.taker,
        taker: w.quote.maker,
        salt: ZeroHash,
      });
      expect(back.id).to.not.equal(w.id);
      const sent = w.fx.swap(
        back.quote,
        await signLeg(back, "maker", { key: w.taker }),
        await signLeg(back, "taker", { key: w.maker }),
      );
      await sent;
      expect(await w.sell.balanceOf(w.maker)).to.equal(FUNDS);
      expect(await w.buy.balanceOf(w.taker)).to.equal(FUNDS);
    });

    it("contract accounts on both sides swap by ERC-1271", async () => {
      const deploy = async (owner: string) =>
        (await w.connection.ethers.deployContract("CoinMockWallet", [owner])).getAddress();
      const [maker, taker] = [await deploy(w.maker.address), await deploy(w.taker.address)];
      await w.sell.mint(maker, SOLD);
      await w.buy.mint(taker, BOUGHT);
      await swapWith({ maker, taker });
      expect(await w.sell.balanceOf(taker)).to.equal(SOLD);
      expect(await w.buy.balanceOf(maker)).to.equal(BOUGHT);
    });

    it("a party frozen whole in the coin that it receives receives it, frozen", async () => {
      await freeze(w.buy, w.maker.address);
      const before = await readSwap(w);
      await swap(w);
      expect(await readSwap(w)).to.deep.equal(swappedFrom(before));
      await expectRefused(w.buy.connect(w.maker).transfer(w.stranger, 1n), w.buy, "StablecoinFrozen", w.maker.address);
    });

    it("a maker that pays with a window nonce in the same block keeps both", async () => {
      expect(await idOf(w.fx, w.quote)).to.equal(w.id);
      const domain = await domainOf(w.sell, "Remesa Dollar");
      const message = {
        from: w.maker.address,
        to: w.stranger.address,
        value: 5n,
        validAfter: 0n,
        validBefore: w.quote.validBefore,
        nonce: ZeroHash,
      };
      const signature = await w.maker.signTypedData(domain, { TransferWithAuthorization: AUTHORIZATION }, message);
      await callForm(w.sell, "transfer", [...Object.values(message), signature]);
      await swap(w);
      expect(await w.sell.balanceOf(w.maker)).to.equal(FUNDS - SOLD - 5n);
    });
  });

  describe("emits", () => {
    it("Swapped(id, maker, taker, sellCoin, sellAmount, buyCoin, buyAmount), and each coin its two Transfers", async () => {
      const { maker, taker, sellCoin, sellAmount, buyCoin, buyAmount } = w.quote;
      const fx = await w.fx.getAddress();
      await expect(swap(w))
        .to.emit(w.fx, "Swapped")
        .withArgs(w.id, maker, taker, sellCoin, sellAmount, buyCoin, buyAmount)
        .and.to.emit(w.sell, "Transfer")
        .withArgs(maker, fx, sellAmount)
        .and.to.emit(w.sell, "Transfer")
        .withArgs(fx, taker, sellAmount)
        .and.to.emit(w.buy, "Transfer")
        .withArgs(taker, fx, buyAmount)
        .and.to.emit(w.buy, "Transfer")
        .withArgs(fx, maker, buyAmount)
        .and.to.not.emit(w.fx, "EscrowCredited");
    });
  });
});
