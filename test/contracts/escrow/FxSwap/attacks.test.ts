import { expect } from "chai";
import type { TypedDataDomain } from "ethers";
import { Signature, Wallet, ZeroAddress, ZeroHash, hexlify, randomBytes } from "ethers";
import type { ClaimMockCoin, FxSwap, HostileCoin } from "../../../../types/ethers-contracts/index.js";
import {
  AUTHORIZATION,
  DAY,
  LARGEST,
  LATER,
  callForm,
  differing,
  expectAllOrNothing,
  expectRefused,
  freeze,
} from "../../../support/claim.ts";
import type { Quote, Side, SwapWorld } from "../../../support/swap.ts";
import {
  BOUGHT,
  QUOTE_TYPES,
  SIDES,
  SOLD,
  deployHostileSwap,
  deployRuleSwap,
  deploySwap,
  expectUntouched,
  idOf,
  legNonceOf,
  legOf,
  readSwap,
  signCancel,
  signLeg,
  swap,
  swappedFrom,
  withQuote,
} from "../../../support/swap.ts";
import { at, createLoader, domainOf, mirrored, now } from "../../../support/treasury.ts";

const load = await createLoader(deploySwap);
const loadHostile = await createLoader(deployHostileSwap);
const loadRule = await createLoader(deployRuleSwap);

/** The attacks seen against comparable contracts, numbered alike in the tests of every contract. */
describe("FxSwap attacks", () => {
  let w: SwapWorld;
  const coinOf = (side: Side) => (side === "maker" ? w.sell : w.buy);
  /** Swaps with the one side's signature replaced. */
  const swapWith = async (side: Side, signature: string, quote = w.quote) =>
    side === "maker"
      ? w.fx.swap(quote, signature, await signLeg(w, "taker"))
      : w.fx.swap(quote, await signLeg(w, "maker"), signature);

  beforeEach(async () => {
    w = await load();
  });

  describe("attack 1: hostile coins call back into every function", () => {
    let hostile: SwapWorld<HostileCoin, HostileCoin>;
    const callbacks: [string, () => Promise<unknown[]>][] = [
      ["swap", async () => [{ ...hostile.quote, salt: ZeroHash }, "0x", "0x"]],
      ["cancel", async () => [hostile.quote]],
      ["cancelBySig", async () => [hostile.quote, LATER, await signCancel(hostile)]],
      ["withdrawCredit", async () => [hostile.quote.sellCoin, hostile.maker.address, hostile.taker.address]],
    ];

    beforeEach(async () => {
      hostile = await loadHostile();
    });

    for (const coin of ["sell", "buy"] as const) {
      for (const [inner, args] of callbacks) {
        it(`attack 1: the ${coin} coin's call of ${inner} is answered with EscrowReentered()`, async () => {
          const data = hostile.fx.interface.encodeFunctionData(inner as "swap", (await args()) as never);
          await hostile[coin].setCallback(hostile.fx, data);
          const before = await readSwap(hostile);
          await swap(hostile);
          expect(await hostile[coin].answer()).to.equal(hostile.fx.interface.encodeErrorResult("EscrowReentered"));
          expect(await readSwap(hostile)).to.deep.equal(swappedFrom(before));
        });
      }

      it(`attack 1: a call back on the way out of the ${coin} coin is answered alike`, async () => {
        const rule = await loadRule();
        const data = rule.fx.interface.encodeFunctionData("cancelBySig", [rule.quote, LATER, await signCancel(rule)]);
        await rule[coin].setCallback(rule.fx, data, true);
        const before = await readSwap(rule);
        await swap(rule);
        expect(await rule[coin].answer()).to.equal(rule.fx.interface.encodeErrorResult("EscrowReentered"));
        expect(await readSwap(rule)).to.deep.equal(swappedFrom(before));
      });

      it(`attack 1: the swap reverts with EscrowReentered() when the ${coin} coin passes the answer on`, async () => {
        const data = hostile.fx.interface.encodeFunctionData("cancel", [hostile.quote]);
        await hostile[coin].setCallback(hostile.fx, data);
        await hostile[coin].setPassing(true);
        await expectUntouched(hostile, async () => {
          await expect(swap(hostile)).to.be.revertedWithCustomError(hostile.fx, "EscrowReentered").withArgs();
        });
      });
    }
  });

  describe("attack 2: a party frozen: neither leg moves, and nobody is stuck", () => {
    for (const side of SIDES) {
      it(`attack 2: a ${side} frozen in the coin it pays undoes the whole`, async () => {
        await freeze(coinOf(side), w[side].address);
        await expectUntouched(w, () => expectRefused(swap(w), coinOf(side), "StablecoinFrozen", w[side].address));
      });

      it(`attack 2: a ${side} frozen in the coin it receives is paid, and so is the other`, async () => {
        await freeze(coinOf(side === "maker" ? "taker" : "maker"), w[side].address);
        const before = await readSwap(w);
        await swap(w);
        expect(await readSwap(w)).to.deep.equal(swappedFrom(before));
      });
    }
  });

  describe("attack 4: a payout that fails in silence undoes the whole", () => {
    for (const [coin, amount] of [
      ["sell", SOLD],
      ["buy", BOUGHT],
    ] as const) {
      it(`attack 4: the ${coin} coin that moves nothing and says nothing: EscrowBalanceMismatch(coin, 0, amount)`, async () => {
        const rule = await loadRule();
        await rule[coin].swallow(true);
        const args = [await rule[coin].getAddress(), 0n, amount];
        await expectUntouched(rule, () => expectRefused(swap(rule), rule.fx, "EscrowBalanceMismatch", ...args));
      });

      it(`attack 4: the ${coin} coin that refuses: its own error, and no credit`, async () => {
        const hostile = await loadHostile();
        await hostile[coin].setRefusing(true);
        await expectUntouched(hostile, () => expectRefused(swap(hostile), hostile[coin], "HostileCoinRefused"));
      });
    }
  });

  describe("attack 5: a coin that takes a fee on the way is refused", () => {
    for (const [coin, amount] of [
      ["sell", SOLD],
      ["buy", BOUGHT],
    ] as const) {
      for (const skew of [-1n, 1n]) {
        it(`attack 5: the ${coin} coin reverts with EscrowBalanceMismatch(coin, amount, amount + ${skew})`, async () => {
          const hostile = await loadHostile();
          await hostile[coin].setSkew(skew);
          const args = [await hostile[coin].getAddress(), amount, amount + skew];
          await expectUntouched(hostile, () =>
            expectRefused(swap(hostile), hostile.fx, "EscrowBalanceMismatch", ...args),
          );
        });
      }
    }
  });

  describe("attack 7: zero amounts", () => {
    for (const amount of ["sellAmount", "buyAmount"] as const) {
      it(`attack 7: a ${amount} of 0 reverts with EscrowAmountOutOfBounds(0, 2^63 - 1)`, async () => {
        const free = await withQuote(w, { [amount]: 0n });
        await expectUntouched(w, () => expectRefused(swap(free), w.fx, "EscrowAmountOutOfBounds", 0n, LARGEST));
      });
    }
  });

  describe("attack 8: unbounded bytes and endless signers cannot grief whoever pays for the gas", () => {
    const lengthy = hexlify(randomBytes(20_000));

    for (const side of SIDES) {
      it(`attack 8: 20,000 bytes in the ${side}'s place are refused unread`, async () => {
        await expectUntouched(w, () =>
          expectRefused(swapWith(side, lengthy), coinOf(side), "StablecoinSignatureInvalid", w[side].address),
        );
      });

      for (const [answer, name] of [
        [6, "answers with a bomb"],
        [8, "burns all its gas"],
      ] as const) {
        it(`attack 8: a contract as ${side} that ${name} is refused within its allowance`, async () => {
          const wallet = await w.connection.ethers.deployContract("CoinMockWallet", [w[side].address]);
          await wallet.getFunction("setAnswer")(answer);
          const party = await wallet.getAddress();
          await coinOf(side).mint(party, 2n * BOUGHT);
          const contract = await withQuote(w, { [side]: party });
          await expectUntouched(contract, async () => {
            const sent = swap(contract, { gasLimit: 700_000n });
            await expectRefused(sent, coinOf(side), "StablecoinSignatureInvalid", party);
          });
          const block = await w.connection.ethers.provider.getBlock("latest");
          const receipt = await w.connection.ethers.provider.getTransactionReceipt(block!.transactions[0]!);
          expect(receipt!.gasUsed).to.be.lessThan(450_000n);
        });
      }
    }

    it("attack 8: 20,000 bytes withdraw no quote: FxSignatureInvalid(maker)", async () => {
      const sent = w.fx.cancelBySig(w.quote, LATER, lengthy);
      await expectRefused(sent, w.fx, "FxSignatureInvalid", w.maker.address);
    });
  });

  describe("attack 9: signatures copied from the mempool", () => {
    it("attack 9: a stranger that sends them first carries out the quote between the two it names", async () => {
      const before = await readSwap(w);
      await w.fx.connect(w.stranger).swap(w.quote, await signLeg(w, "maker"), await signLeg(w, "taker"));
      expect(await readSwap(w)).to.deep.equal(swappedFrom(before));
    });

    for (const side of SIDES) {
      it(`attack 9: a stranger in the ${side}'s place is refused by the other's signature`, async () => {
        const coin = side === "maker" ? w.sell : w.buy;
        const other: Side = side === "maker" ? "taker" : "maker";
        await coin.mint(w.stranger, 2n * BOUGHT);
        const stolen = await withQuote(w, { [side]: w.stranger.address });
        const mine = await signLeg(stolen, side, { key: w.stranger });
        const theirs = await signLeg(w, other);
        const send = () =>
          side === "maker" ? w.fx.swap(stolen.quote, mine, theirs) : w.fx.swap(stolen.quote, theirs, mine);
        await expectUntouched(w, () =>
          expectRefused(send(), coinOf(other), "StablecoinSignatureInvalid", w[other].address),
        );
      });

      it(`attack 9: the ${side}'s leg alone moves nothing outside: StablecoinCallerNotPayee(stranger, swap)`, async () => {
        const leg = Object.values(await legOf(w, side));
        const sent = callForm(coinOf(side).connect(w.stranger), "receive", [...leg, await signLeg(w, side)]);
        const args = [w.stranger.address, await w.fx.getAddress()];
        await expectRefused(sent, coinOf(side), "StablecoinCallerNotPayee", ...args);
      });
    }
  });

  describe("attack 10: reuse of a quote, a leg or a salt; squatting", () => {
    it("attack 10: a quote that was carried out is carried out no more: FxQuoteUsed(id) [SWAP-1]", async () => {
      await swap(w);
      await expectUntouched(w, () => expectRefused(swap(w), w.fx, "FxQuoteUsed", w.id));
    });

    it("attack 10: nobody else withdraws a quote, nor one that only looks like it", async () => {
      const sent = w.fx.connect(w.stranger).cancel(w.quote);
      await expectRefused(sent, w.fx, "FxMakerOnly", w.stranger.address, w.maker.address);
      await w.fx.connect(w.stranger).cancel({ ...w.quote, maker: w.stranger.address });
      const before = await readSwap(w);
      await swap(w);
      expect(await readSwap(w)).to.deep.equal(swappedFrom(before));
    });

    for (const side of SIDES) {
      it(`attack 10: the ${side}'s leg of one quote is none of the same with another salt`, async () => {
        const signature = await signLeg(w, side);
        const twin = await withQuote(w, { salt: ZeroHash });
        const other = await signLeg(twin, side === "maker" ? "taker" : "maker");
        const send = () =>
          side === "maker" ? w.fx.swap(twin.quote, signature, other) : w.fx.swap(twin.quote, other, signature);
        await expectUntouched(w, () =>
          expectRefused(send(), coinOf(side), "StablecoinSignatureInvalid", w[side].address),
        );
      });
    }

    it("attack 10: a maker's leg never serves as a taker's: the sides have nonces of their own", async () => {
      expect(legNonceOf(w.id, "maker")).to.not.equal(legNonceOf(w.id, "taker"));
      const changed = { nonce: legNonceOf(w.id, "taker") };
      const sent = swapWith("maker", await signLeg(w, "maker", { changed }));
      await expectRefused(sent, w.sell, "StablecoinSignatureInvalid", w.maker.address);
    });
  });

  describe("attack 11: every term changed one by one after signing", () => {
    for (const { name, type } of QUOTE_TYPES.Quote) {
      it(`attack 11: swap reverts when ${name} changed`, async () => {
        const value = differing(type, w.quote[name as keyof Quote]);
        const quote = { ...w.quote, [name]: value } as Quote;
        await expectUntouched(w, async () => {
          const sent = w.fx.swap(quote, await signLeg(w, "maker"), await signLeg(w, "taker"));
          if (name.endsWith("Coin")) await expectRefused(sent, w.fx, "EscrowCoinUnknown", value);
          else await expectRefused(sent, w.sell, "StablecoinSignatureInvalid", quote.maker);
        });
      });

      it(`attack 11: cancelBySig reverts when ${name} changed`, async () => {
        const quote = { ...w.quote, [name]: differing(type, w.quote[name as keyof Quote]) } as Quote;
        const sent = w.fx.cancelBySig(quote, LATER, await signCancel(w));
        await expectRefused(sent, w.fx, "FxSignatureInvalid", quote.maker);
        expect(await w.fx.quoteUsed(await idOf(w.fx, quote))).to.equal(false);
      });
    }

    it("attack 11: swap reverts when the coins changed places", async () => {
      const { sellCoin, buyCoin } = w.quote;
      const quote = { ...w.quote, sellCoin: buyCoin, buyCoin: sellCoin };
      const send = async () => w.fx.swap(quote, await signLeg(w, "maker"), await signLeg(w, "taker"));
      await expectUntouched(w, () => expectRefused(send(), w.buy, "StablecoinSignatureInvalid", w.maker.address));
    });

    for (const side of SIDES) {
      for (const { name, type } of AUTHORIZATION) {
        it(`attack 11: swap reverts when the ${side}'s leg was over another ${name}`, async () => {
          const changed = { [name]: differing(type, (await legOf(w, side))[name]) };
          const signature = await signLeg(w, side, { changed });
          await expectUntouched(w, () =>
            expectRefused(swapWith(side, signature), coinOf(side), "StablecoinSignatureInvalid", w[side].address),
          );
        });
      }
    }

    for (const { name, type } of QUOTE_TYPES.CancelQuote) {
      it(`attack 11: cancelBySig reverts when the order was over another ${name}`, async () => {
        const of: Record<string, unknown> = { id: w.id, deadline: LATER };
        const signature = await signCancel(w, { message: { [name]: differing(type, of[name]) } });
        const sent = w.fx.cancelBySig(w.quote, LATER, signature);
        await expectRefused(sent, w.fx, "FxSignatureInvalid", w.maker.address);
      });
    }
  });

  describe("attack 12: coins sent to the swap past a quote are refused, so its balance is always nothing", () => {
    for (const side of SIDES) {
      it(`attack 12: the ${side}'s transfer reverts with StablecoinEscrowRefusesCredit(swap)`, async () => {
        const sent = coinOf(side).connect(w[side]).transfer(w.fx, 1n);
        await expectRefused(sent, coinOf(side), "StablecoinEscrowRefusesCredit", await w.fx.getAddress());
      });

      it(`attack 12: the ${side}'s plain signed transfer reverts with StablecoinEscrowRefusesCredit(swap)`, async () => {
        const coin = coinOf(side);
        const message = await legOf(w, side);
        const domain = await domainOf(coin, side === "maker" ? "Remesa Dollar" : "Remesa Quetzal");
        const signature = await w[side].signTypedData(domain, { TransferWithAuthorization: AUTHORIZATION }, message);
        const sent = callForm(coin, "transfer", [...Object.values(message), signature]);
        await expectRefused(sent, coin, "StablecoinEscrowRefusesCredit", await w.fx.getAddress());
      });
    }
  });

  describe("attack 13: every time at d - 1, d and d + 1", () => {
    for (const offset of [-1n, 0n, 1n]) {
      it(`attack 13: at validBefore + ${offset} the swap ${offset < 0n ? "acts" : "is too late"} [SWAP-4]`, async () => {
        const { validBefore } = w.quote;
        await at(w.connection, validBefore + offset);
        const sent = swap(w);
        if (offset < 0n) await sent;
        else await expectRefused(sent, w.fx, "FxQuoteExpired", validBefore, validBefore + offset);
      });

      it(`attack 13: a quote valid for 30 days + ${offset} is ${offset > 0n ? "too long" : "carried out"}`, async () => {
        const time = (await now(w.connection)) + 10n;
        const limit = time + 30n * DAY;
        const long = await withQuote(w, { validBefore: limit + offset });
        await at(w.connection, time);
        const sent = swap(long);
        if (offset <= 0n) await sent;
        else await expectRefused(sent, w.fx, "FxQuoteTooLong", limit + offset, limit);
      });

      it(`attack 13: at its own deadline + ${offset} a cancellation ${offset > 0n ? "is too late" : "acts"}`, async () => {
        const deadline = (await now(w.connection)) + 100n;
        const signature = await signCancel(w, { message: { deadline } });
        await at(w.connection, deadline + offset);
        const sent = w.fx.cancelBySig(w.quote, deadline, signature);
        if (offset <= 0n) await sent;
        else await expectRefused(sent, w.fx, "FxOrderExpired", deadline, deadline + offset);
      });
    }
  });

  describe("attack 14: times left unset", () => {
    it("attack 14: a validBefore of 0 reverts with FxQuoteExpired(0, now)", async () => {
      const unset = await withQuote(w, { validBefore: 0n });
      const time = (await now(w.connection)) + 10n;
      await at(w.connection, time);
      await expectRefused(swap(unset), w.fx, "FxQuoteExpired", 0n, time);
    });

    it("attack 14: a deadline of 0 reverts with FxOrderExpired(0, now)", async () => {
      const signature = await signCancel(w, { message: { deadline: 0n } });
      const time = (await now(w.connection)) + 10n;
      await at(w.connection, time);
      await expectRefused(w.fx.cancelBySig(w.quote, 0n, signature), w.fx, "FxOrderExpired", 0n, time);
    });
  });

  describe("attack 15: the other party, or whoever submits, is gone", () => {
    it("attack 15: nothing is ever held, so a maker whose taker is gone has all its coins [SWAP-3]", async () => {
      const before = await readSwap(w);
      await at(w.connection, w.quote.validBefore);
      await w.connection.networkHelpers.mine();
      expect(await readSwap(w)).to.deep.equal(before);
      expect(before.sell.held + before.buy.held + before.sell.fx + before.buy.fx).to.equal(0n);
    });

    it("attack 15: a random address carries out what both signed", async () => {
      const nobody = Wallet.createRandom().connect(w.connection.ethers.provider);
      await w.stranger.sendTransaction({ to: nobody, value: 10n ** 18n });
      const before = await readSwap(w);
      await w.fx.connect(nobody).swap(w.quote, await signLeg(w, "maker"), await signLeg(w, "taker"));
      expect(await readSwap(w)).to.deep.equal(swappedFrom(before));
    });
  });

  describe("attack 16: whoever brings the parties together is compromised", () => {
    it("attack 16: there is no fee, no owner and no role: each function's caller has no say", async () => {
      const names = w.fx.interface.fragments.filter(({ type }) => type === "function").map((f) => f.format());
      expect(names.filter((name) => /fee|owner|authority|role|pause/i.test(name))).to.deep.equal([]);
      const sent = w.fx.connect(w.admin).cancel(w.quote);
      await expectRefused(sent, w.fx, "FxMakerOnly", w.admin.address, w.maker.address);
    });

    it("attack 16: one side's signature in both places moves nothing", async () => {
      const maker = await signLeg(w, "maker");
      const send = () => w.fx.swap(w.quote, maker, maker);
      await expectUntouched(w, () => expectRefused(send(), w.buy, "StablecoinSignatureInvalid", w.taker.address));
    });
  });

  describe("attack 18: replay across chain, contract and wallet", () => {
    const bends: [string, () => Promise<TypedDataDomain>][] = [
      ["chain", async () => ({ chainId: 1n })],
      ["contract", async () => ({ verifyingContract: w.stranger.address })],
      ["name", async () => ({ name: "Remesa Claims" })],
      ["version", async () => ({ version: "2" })],
    ];
    for (const [title, bend] of bends) {
      it(`attack 18: a cancellation for another ${title} reverts`, async () => {
        const sent = w.fx.cancelBySig(w.quote, LATER, await signCancel(w, { domain: await bend() }));
        await expectRefused(sent, w.fx, "FxSignatureInvalid", w.maker.address);
      });

      for (const side of SIDES) {
        it(`attack 18: the ${side}'s leg for another ${title} reverts`, async () => {
          const signature = await signLeg(w, side, { domain: await bend() });
          await expectUntouched(w, () =>
            expectRefused(swapWith(side, signature), coinOf(side), "StablecoinSignatureInvalid", w[side].address),
          );
        });
      }
    }

    it("attack 18: the same quote and legs mean nothing to a second swap contract", async () => {
      const other = (await w.connection.ethers.deployContract("FxSwap", [[w.sell, w.buy]])) as unknown as FxSwap;
      await w.sell.flagEscrow(other);
      await w.buy.flagEscrow(other);
      const send = async () => other.swap(w.quote, await signLeg(w, "maker"), await signLeg(w, "taker"));
      await expectUntouched(w, () => expectRefused(send(), w.sell, "StablecoinSignatureInvalid", w.maker.address));
      expect(await other.idOf(w.quote)).to.not.equal(w.id);
    });

    it("attack 18: a wallet's leg is no other wallet's of the same owner", async () => {
      const deploy = async () => {
        const wallet = await w.connection.ethers.deployContract("CoinMockWallet", [w.maker.address]);
        await w.sell.mint(wallet, SOLD);
        return withQuote(w, { maker: await wallet.getAddress() });
      };
      const [first, second] = [await deploy(), await deploy()];
      const sent = w.fx.swap(second.quote, await signLeg(first, "maker"), await signLeg(second, "taker"));
      await expectRefused(sent, w.sell, "StablecoinSignatureInvalid", second.quote.maker);
      await swap(first);
      expect(await w.fx.quoteUsed(second.id)).to.equal(false);
    });
  });

  describe("attack 19: malleable, compact, foreign and empty signatures; the zero signer", () => {
    const forgeries: [string, (signature: string) => string][] = [
      ["mirrored", mirrored],
      ["in compact form", (signature) => Signature.from(signature).compactSerialized],
      ["with a v of 0", (signature) => `${signature.slice(0, -2)}00`],
      ["all zeros", () => `0x${"00".repeat(65)}`],
      ["one byte too long", (signature) => `${signature}00`],
      ["empty", () => "0x"],
    ];
    for (const [title, forge] of forgeries) {
      for (const side of SIDES) {
        it(`attack 19: a ${side}'s leg that is ${title} reverts`, async () => {
          const signature = forge(await signLeg(w, side));
          await expectUntouched(w, () =>
            expectRefused(swapWith(side, signature), coinOf(side), "StablecoinSignatureInvalid", w[side].address),
          );
        });
      }

      it(`attack 19: a cancellation that is ${title} reverts`, async () => {
        const sent = w.fx.cancelBySig(w.quote, LATER, forge(await signCancel(w)));
        await expectRefused(sent, w.fx, "FxSignatureInvalid", w.maker.address);
      });
    }

    it("attack 19: a quote whose maker is zero, which any broken signature would match, is withdrawn by nobody", async () => {
      const quote = { ...w.quote, maker: ZeroAddress };
      const sent = w.fx.cancelBySig(quote, LATER, `0x${"00".repeat(65)}`);
      await expectRefused(sent, w.fx, "FxSignatureInvalid", ZeroAddress);
    });
  });

  describe("attack 25: starved gas does all or nothing", () => {
    it("attack 25: swap under every gas limit [SWAP-5]", async function () {
      this.timeout(120_000);
      await expectAllOrNothing(w.connection, {
        send: (gasLimit) => swap(w, { gasLimit }),
        read: () => readSwap(w),
        all: swappedFrom(await readSwap(w)),
      });
    });
  });

  describe("attack 30: the zero address in every place", () => {
    for (const [name, error] of [
      ["maker", "FxPartyInvalid"],
      ["taker", "FxPartyInvalid"],
      ["sellCoin", "EscrowCoinUnknown"],
      ["buyCoin", "EscrowCoinUnknown"],
    ] as const) {
      it(`attack 30: swap with the zero address as ${name} reverts with ${error}(0)`, async () => {
        const empty = await withQuote(w, { [name]: ZeroAddress });
        await expectUntouched(w, () => expectRefused(swap(empty), w.fx, error, ZeroAddress));
      });
    }

    it("attack 30: the zero address among the coins reverts with EscrowCoinInvalid(0)", async () => {
      const sent = w.connection.ethers.deployContract("FxSwap", [[w.sell, ZeroAddress]]);
      await expectRefused(sent, w.fx, "EscrowCoinInvalid", ZeroAddress);
    });
  });

  describe("attack 31: the travel rule is not dodged through a swap", () => {
    let rule: SwapWorld<ClaimMockCoin, ClaimMockCoin>;

    beforeEach(async () => {
      rule = await loadRule();
    });

    for (const [coin, payer, payee, amount] of [
      ["sell", "maker", "taker", SOLD],
      ["buy", "taker", "maker", BOUGHT],
    ] as const) {
      it(`attack 31: the rule is asked from ${payer} to ${payee}, and its refusal undoes the whole`, async () => {
        await rule[coin].refuse(rule[payer], rule[payee], true);
        const args = [rule[payer].address, rule[payee].address, amount];
        await expectUntouched(rule, () => expectRefused(swap(rule), rule[coin], "ClaimMockCoinRefused", ...args));
      });

      it(`attack 31: once the rule from ${payer} to ${payee} is met the same signatures swap`, async () => {
        const signatures = [await signLeg(rule, "maker"), await signLeg(rule, "taker")] as const;
        await rule[coin].refuse(rule[payer], rule[payee], true);
        const args = [rule[payer].address, rule[payee].address, amount];
        await expectRefused(rule.fx.swap(rule.quote, ...signatures), rule[coin], "ClaimMockCoinRefused", ...args);
        await rule[coin].refuse(rule[payer], rule[payee], false);
        const before = await readSwap(rule);
        await rule.fx.swap(rule.quote, ...signatures);
        expect(await readSwap(rule)).to.deep.equal(swappedFrom(before));
      });

      it(`attack 31: the rule in the other direction does not stop the ${coin} coin`, async () => {
        await rule[coin].refuse(rule[payee], rule[payer], true);
        const before = await readSwap(rule);
        await swap(rule);
        expect(await readSwap(rule)).to.deep.equal(swappedFrom(before));
      });
    }

    it("attack 31: a split into two quotes is refused twice", async () => {
      await rule.sell.refuse(rule.maker, rule.taker, true);
      for (const salt of [rule.quote.salt, ZeroHash]) {
        const half = await withQuote(rule, { sellAmount: SOLD / 2n, salt });
        const args = [rule.maker.address, rule.taker.address, SOLD / 2n];
        await expectUntouched(half, () => expectRefused(swap(half), rule.sell, "ClaimMockCoinRefused", ...args));
      }
    });
  });
});
