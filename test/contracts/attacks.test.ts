/**
 * The attack list of docs/THREATS.md: that every number has its tests and the page names the files they are in; and those attacks
 * that only make sense across contracts, against the whole network as a deployment wires it. The rest stands beside the contract
 * it concerns.
 */
import { expect } from "chai";
import { globSync, readFileSync } from "node:fs";
import type { BaseContract, ContractTransactionResponse } from "ethers";
import { MaxUint256, Wallet, ZeroAddress, ZeroHash, id } from "ethers";
import { CLAIM_TYPES, expectAllOrNothing, idOf as idOfClaim } from "../support/claim.ts";
import { TYPES as COMMERCE_TYPES } from "../support/commerce.ts";
import {
  DOMAIN,
  FUNDS,
  LATER,
  LIMIT,
  type NetworkWorld,
  PAYEE_FAMILY,
  PAYER_FAMILY,
  type Person,
  attest,
  deployNetwork,
  signFor,
  signPull,
  waiting,
} from "../support/network.ts";
import { REDEMPTION_TYPES, idOf as idOfRedemption } from "../support/redemption.ts";
import { QUOTE_TYPES, idOf as idOfQuote, legNonceOf } from "../support/swap.ts";
import { at, createLoader, domainOf, now } from "../support/treasury.ts";

const DAY = 86_400n;
const ALL_PAUSES = 63n;
const CASE = id("case 1");
/** At the limit, in whole cents. */
const AMOUNT = LIMIT;
const FEE_BPS = 100n;

const load = await createLoader(deployNetwork);

describe("The attack list of docs/THREATS.md", () => {
  const folder = "test/contracts/";
  const found = new Map<number, string[]>();
  for (const file of globSync(`${folder}**/*.test.ts`).toSorted()) {
    const source = readFileSync(file, "utf8");
    for (const [, number] of source.matchAll(/\b(?:it|describe)\(\s*["'`]attack (\d+):/g)) {
      const files = found.get(Number(number)) ?? [];
      if (!files.includes(file)) found.set(Number(number), [...files, file]);
    }
  }
  const page = readFileSync("docs/THREATS.md", "utf8");
  const rows = [...page.matchAll(/^\| (\d+) \| ([^|]+) \| ([^|]+) \|$/gm)];

  it("has the numbers 1 to 32, each once", () => {
    expect(rows.map(([, number]) => Number(number))).to.deep.equal(Array.from({ length: 32 }, (_, i) => i + 1));
    expect([...found.keys()].filter((number) => number < 1 || number > 32)).to.deep.equal([]);
  });

  for (let number = 1; number <= 32; number++) {
    it(`names for attack ${number} the files with its tests, of which there are some`, () => {
      const files = (found.get(number) ?? []).map((file) => file.slice(folder.length));
      expect(files).not.to.deep.equal([]);
      const named = [...(rows[number - 1]?.[3] ?? "").matchAll(/`([^`]+)`/g)].map((match) => match[1]!);
      expect(named.toSorted()).to.deep.equal(files.toSorted());
    });
  }
});

/** Terms by which the payer's coins end with the payee: a claim, a payment, a refund; and a redemption, which leads back. */
interface Deal {
  id: string;
  escrow: BaseContract;
  /** Takes the coins in. */
  take: () => Promise<ContractTransactionResponse>;
  /** The call that pays out to the other side. */
  pay: { target: BaseContract; data: string };
  /** The first moment at which anyone gives the coins back, and how. */
  end: { time: bigint; call: () => Promise<ContractTransactionResponse> };
}

const link = new Wallet(id("the key inside the link"));

async function claimDeal(w: NetworkWorld, amount = AMOUNT): Promise<Deal> {
  const start = await now(w.connection);
  const terms = {
    coin: await w.coins[0].getAddress(),
    sender: w.people.payer.address,
    amount,
    linkKey: link.address,
    attestor: ZeroAddress,
    handle: ZeroHash,
    cancelFrom: start + DAY,
    expiry: start + 7n * DAY,
    salt: id("salt 1"),
  };
  const nonce = await idOfClaim(w.claims, terms);
  const pull = { from: "payer", to: w.claims, value: amount, validBefore: terms.expiry, nonce } as const;
  const signature = await signPull(w, pull);
  const order = { id: nonce, recipient: w.people.payee.address, deadline: LATER };
  const members = CLAIM_TYPES.ClaimTo;
  const linked = await signFor(w, { key: link, contract: "claims", type: "ClaimTo", members, message: order });
  return {
    id: nonce,
    escrow: w.claims,
    take: () => w.claims.open(terms, signature),
    pay: { target: w.claims, data: w.claims.interface.encodeFunctionData("claim", [order, linked, "0x"]) },
    end: { time: terms.expiry, call: () => w.claims.connect(w.stranger).reclaim(nonce) },
  };
}

async function paymentTerms(w: NetworkWorld, amount: bigint, feeBps: bigint) {
  const start = await now(w.connection);
  const terms = {
    coin: await w.coins[0].getAddress(),
    payer: w.people.payer.address,
    merchant: w.people.payee.address,
    amount,
    feeReceiver: feeBps === 0n ? ZeroAddress : w.people.holder.address,
    minFeeBps: 0n,
    maxFeeBps: feeBps,
    arbiter: ZeroAddress,
    authorizeBy: start + 7n * DAY,
    captureBy: start + 7n * DAY,
    refundBy: start + 30n * DAY,
    salt: id("salt 1"),
  };
  return { terms, nonce: await w.commerce.idOf(terms) };
}

/** `refund` gives all of it back: from the merchant, by its own authorization, to the payer. */
async function paymentDeal(
  w: NetworkWorld,
  amount = AMOUNT,
  feeBps = 0n,
): Promise<Deal & { refund: () => Promise<ContractTransactionResponse> }> {
  const { terms, nonce } = await paymentTerms(w, amount, feeBps);
  const pull = { from: "payer", to: w.commerce, value: amount, validBefore: terms.authorizeBy, nonce } as const;
  const signature = await signPull(w, pull);
  const order = { id: nonce, amount, captured: 0n, voided: 0n, feeBps, voidRest: false, deadline: LATER };
  const members = COMMERCE_TYPES.Capture;
  const key = w.people.payee;
  const signed = await signFor(w, { key, contract: "commerce", type: "Capture", members, message: order });
  const step = await w.commerce.refundNonceOf(nonce, 0n);
  const { refundBy: validBefore } = terms;
  const back = await signPull(w, { from: "payee", to: w.commerce, value: amount, validBefore, nonce: step });
  return {
    refund: () => w.commerce.refund(terms, amount, 0n, back),
    id: nonce,
    escrow: w.commerce,
    take: () => w.commerce.authorize(terms, signature),
    pay: { target: w.commerce, data: w.commerce.interface.encodeFunctionData("capture", [terms, order, signed]) },
    end: { time: terms.captureBy, call: () => w.commerce.connect(w.stranger).reclaim(terms) },
  };
}

async function redemptionDeal(w: NetworkWorld, amount = AMOUNT): Promise<Deal> {
  const start = await now(w.connection);
  const terms = {
    coin: await w.coins[0].getAddress(),
    holder: w.people.payer.address,
    amount,
    payout: id("payout"),
    acceptBy: start + 7n * DAY,
    payoutBy: start + 8n * DAY,
    finalBy: start + 9n * DAY,
    salt: id("salt 1"),
  };
  const nonce = await idOfRedemption(w.redemptions, terms);
  const pull = { from: "payer", to: w.redemptions, value: amount, validBefore: terms.acceptBy, nonce } as const;
  const signature = await signPull(w, pull);
  const order = { id: nonce, deadline: LATER };
  const members = REDEMPTION_TYPES.CancelRedemption;
  const key = w.people.payer;
  const wish = await signFor(w, { key, contract: "redemptions", type: "CancelRedemption", members, message: order });
  const data = w.redemptions.interface.encodeFunctionData("cancelBySig", [nonce, LATER, wish]);
  return {
    id: nonce,
    escrow: w.redemptions,
    take: () => w.redemptions.lock(terms, signature),
    pay: { target: w.redemptions, data },
    end: { time: terms.acceptBy, call: () => w.redemptions.connect(w.stranger).reclaim(nonce) },
  };
}

const DEALS = { claim: claimDeal, payment: paymentDeal, redemption: redemptionDeal } as const;
/** Those whose coins go from one family to the other. */
const CROSSING = ["claim", "payment"] as const;

/** The payer sells dollars for the payee's quetzales. */
async function quoteOf(w: NetworkWorld) {
  const quote = {
    maker: w.people.payer.address,
    taker: w.people.payee.address,
    sellCoin: await w.coins[0].getAddress(),
    sellAmount: AMOUNT,
    buyCoin: await w.coins[1].getAddress(),
    buyAmount: AMOUNT + 1n,
    validBefore: (await now(w.connection)) + DAY,
    salt: id("salt 1"),
  };
  const nonce = await idOfQuote(w.swap, quote);
  const { validBefore } = quote;
  const own = { to: w.swap, validBefore };
  const legs = [
    await signPull(w, { ...own, from: "payer", value: quote.sellAmount, nonce: legNonceOf(nonce, "maker") }),
    await signPull(w, { ...own, from: "payee", value: quote.buyAmount, nonce: legNonceOf(nonce, "taker"), coin: 1 }),
  ] as const;
  return { quote, nonce, legs };
}

/** Both attestations of the swap: each coin's payee belongs to another family. */
async function attestSwap(w: NetworkWorld): Promise<void> {
  await attest(w, { amount: AMOUNT });
  await attest(w, { amount: AMOUNT + 1n, payer: "payee", payee: "payer", coin: 1, vasp: PAYER_FAMILY });
}

async function send(w: NetworkWorld, { pay }: Deal): Promise<ContractTransactionResponse> {
  return w.lane.sendTransaction({ to: await pay.target.getAddress(), data: pay.data }) as never;
}

/** What an attack could change: everybody's coins in both, and what the escrows owe. */
async function read(w: NetworkWorld) {
  const escrows = [w.redemptions, w.claims, w.commerce, w.swap];
  const people = Object.values(w.people);
  const { custody } = w.members;
  return Promise.all(
    w.coins.map(async (coin) => ({
      people: await Promise.all(people.map((person) => coin.balanceOf(person))),
      custody: await coin.balanceOf(custody),
      lane: await coin.balanceOf(w.lane),
      escrows: await Promise.all(escrows.map((escrow) => coin.balanceOf(escrow))),
      held: await Promise.all(escrows.map((escrow) => escrow.held(coin))),
      payeeCredits: await Promise.all(escrows.map((e) => e.creditOf(coin, w.people.payer, w.people.payee))),
      payerCredits: await Promise.all(escrows.map((e) => e.creditOf(coin, w.people.payee, w.people.payer))),
      returnCredits: await Promise.all(escrows.map((e) => e.creditOf(coin, w.people.payer, w.people.payer))),
      attested: await w.registry.attestationOf(coin, w.people.payer, w.people.payee, AMOUNT),
    })),
  );
}

const balance = (w: NetworkWorld, person: Person, coin: 0 | 1 = 0) => w.coins[coin].balanceOf(w.people[person]);

async function freeze(w: NetworkWorld, person: Person, amount = MaxUint256): Promise<void> {
  for (const coin of w.coins) {
    await coin.connect(w.members.freezer).freeze(w.people[person].address, amount, CASE, LATER);
  }
}

async function pauseAll(w: NetworkWorld): Promise<void> {
  for (const coin of w.coins) await coin.connect(w.members.pauser).pause(ALL_PAUSES);
}

async function creditOf(w: NetworkWorld, deal: Deal, payer: Person, party: Person): Promise<bigint> {
  const escrow = deal.escrow as NetworkWorld["claims"];
  return escrow.creditOf(w.coins[0], w.people[payer], w.people[party]);
}

function withdraw(w: NetworkWorld, escrow: BaseContract, payer: Person, party: Person) {
  const known = escrow.connect(w.stranger) as NetworkWorld["claims"];
  return known.withdrawCredit(w.coins[0], w.people[payer], w.people[party]);
}

describe("Attacks across contracts", () => {
  let w: NetworkWorld;

  beforeEach(async () => {
    w = await load();
  });

  describe("attack 31: the travel rule dodged through an escrow", () => {
    for (const name of CROSSING) {
      it(`attack 31: a ${name} at the limit that nobody attested is a credit until somebody does`, async () => {
        const deal = await DEALS[name](w);
        await deal.take();
        await send(w, deal);
        expect(await balance(w, "payee")).to.equal(FUNDS);
        expect(await creditOf(w, deal, "payer", "payee")).to.equal(AMOUNT);
        await expect(withdraw(w, deal.escrow, "payer", "payee"))
          .to.be.revertedWithCustomError(w.coins[0], "StablecoinAttestationMissing")
          .withArgs(w.people.payer.address, w.people.payee.address, AMOUNT);
        await attest(w, { amount: AMOUNT });
        await withdraw(w, deal.escrow, "payer", "payee");
        expect(await balance(w, "payee")).to.equal(FUNDS + AMOUNT);
        expect(await waiting(w, AMOUNT)).to.equal(0n);
      });

      it(`attack 31: a ${name} at the limit uses one attestation, once`, async () => {
        await attest(w, { amount: AMOUNT });
        const deal = await DEALS[name](w);
        await deal.take();
        await send(w, deal);
        expect(await balance(w, "payee")).to.equal(FUNDS + AMOUNT);
        expect(await waiting(w, AMOUNT)).to.equal(0n);
      });

      it(`attack 31: a ${name} does not use what was attested for another amount`, async () => {
        await attest(w, { amount: AMOUNT + 1n });
        const deal = await DEALS[name](w);
        await deal.take();
        await send(w, deal);
        expect(await creditOf(w, deal, "payer", "payee")).to.equal(AMOUNT);
        expect(await waiting(w, AMOUNT + 1n)).to.equal(1n);
      });

      it(`attack 31: a ${name} of one unit below the limit is paid, and uses nothing`, async () => {
        await attest(w, { amount: AMOUNT - 1n });
        const deal = await DEALS[name](w, AMOUNT - 1n);
        await deal.take();
        await send(w, deal);
        expect(await balance(w, "payee")).to.equal(FUNDS + AMOUNT - 1n);
        expect(await waiting(w, AMOUNT - 1n)).to.equal(1n);
      });

      it(`attack 31: an attested ${name} into a family that was suspended waits until it is reinstated`, async () => {
        await attest(w, { amount: AMOUNT });
        await w.registry.connect(w.members.freezer).suspend(PAYEE_FAMILY);
        const deal = await DEALS[name](w);
        await deal.take();
        await send(w, deal);
        expect(await creditOf(w, deal, "payer", "payee")).to.equal(AMOUNT);
        await w.registry.connect(w.members.freezer).reinstate(PAYEE_FAMILY);
        await withdraw(w, deal.escrow, "payer", "payee");
        expect(await balance(w, "payee")).to.equal(FUNDS + AMOUNT);
      });

      it(`attack 31: leaving the family after a ${name} was funded helps nobody for 24 hours`, async () => {
        const deal = await DEALS[name](w);
        await deal.take();
        const terms = { account: w.people.payer.address, leaveId: id("leave 1"), deadline: LATER };
        const key = w.people.payer;
        await w.registry.leaveBySig(
          terms,
          await signFor(w, { key, contract: "registry", type: "LeaveVasp", message: terms }),
        );
        const leaveAt = await w.registry.leaveAt(w.people.payer);
        await at(w.connection, leaveAt - 1n);
        await expect(w.registry.completeLeave(w.people.payer))
          .to.be.revertedWithCustomError(w.registry, "VaspLeaveTooEarly")
          .withArgs(leaveAt, leaveAt - 1n);
        await send(w, deal);
        expect(await creditOf(w, deal, "payer", "payee")).to.equal(AMOUNT);
      });
    }

    for (const name of Object.keys(DEALS) as (keyof typeof DEALS)[]) {
      it(`attack 31: a ${name} that goes back to its payer is no payment, and uses nothing`, async () => {
        await attest(w, { amount: AMOUNT });
        const deal = await DEALS[name](w);
        await deal.take();
        await at(w.connection, deal.end.time);
        await deal.end.call();
        expect(await balance(w, "payer")).to.equal(FUNDS);
        expect(await waiting(w, AMOUNT)).to.equal(1n);
      });
    }

    it("attack 31: a refund is a payment of the merchant to the payer, and asks the payer's operator", async () => {
      await attest(w, { amount: AMOUNT });
      const deal = await paymentDeal(w);
      await deal.take();
      await send(w, deal);
      await deal.refund();
      expect(await creditOf(w, deal, "payee", "payer")).to.equal(AMOUNT);
      await expect(withdraw(w, w.commerce, "payee", "payer"))
        .to.be.revertedWithCustomError(w.coins[0], "StablecoinAttestationMissing")
        .withArgs(w.people.payee.address, w.people.payer.address, AMOUNT);
      await attest(w, { amount: AMOUNT, payer: "payee", payee: "payer", vasp: PAYER_FAMILY });
      await withdraw(w, w.commerce, "payee", "payer");
      expect(await balance(w, "payer")).to.equal(FUNDS);
    });

    for (const missing of ["both", "the maker's payment", "the taker's payment"] as const) {
      it(`attack 31: a swap without an attestation of ${missing} moves nothing and uses none`, async () => {
        if (missing === "the taker's payment") await attest(w, { amount: AMOUNT });
        if (missing === "the maker's payment") {
          await attest(w, { amount: AMOUNT + 1n, payer: "payee", payee: "payer", coin: 1, vasp: PAYER_FAMILY });
        }
        const { quote, legs } = await quoteOf(w);
        const before = await read(w);
        const [coin, from, to, amount] =
          missing === "the taker's payment"
            ? [w.coins[1], quote.taker, quote.maker, AMOUNT + 1n]
            : [w.coins[0], quote.maker, quote.taker, AMOUNT];
        await expect(w.swap.swap(quote, ...legs))
          .to.be.revertedWithCustomError(coin, "StablecoinAttestationMissing")
          .withArgs(from, to, amount);
        expect(await read(w)).to.deep.equal(before);
      });
    }

    it("attack 31: a swap that both operators know of uses one attestation each way", async () => {
      await attestSwap(w);
      const { quote, legs } = await quoteOf(w);
      await w.swap.swap(quote, ...legs);
      expect(await balance(w, "payee")).to.equal(FUNDS + AMOUNT);
      expect(await balance(w, "payer", 1)).to.equal(FUNDS + AMOUNT + 1n);
      expect(await waiting(w, AMOUNT)).to.equal(0n);
      expect(await waiting(w, AMOUNT + 1n, { payer: "payee", payee: "payer", coin: 1 })).to.equal(0n);
    });

    it("attack 31: nobody but a coin uses an attestation: VaspCoinUnknown(caller)", async () => {
      await attest(w, { amount: AMOUNT });
      await expect(w.registry.connect(w.stranger).useAttestation(w.people.payer, w.people.payee, AMOUNT))
        .to.be.revertedWithCustomError(w.registry, "VaspCoinUnknown")
        .withArgs(w.stranger.address);
      expect(await waiting(w, AMOUNT)).to.equal(1n);
    });
  });

  describe("attack 2: a party frozen in the coin: the other leg is paid all the same", () => {
    for (const frozen of ["payer", "payee", "holder"] as const) {
      it(`attack 2: with the ${frozen} frozen, merchant and fee receiver of a payment are paid`, async () => {
        await attest(w, { amount: AMOUNT - AMOUNT / 100n });
        const deal = await paymentDeal(w, AMOUNT, FEE_BPS);
        await deal.take();
        await freeze(w, frozen);
        await send(w, deal);
        expect(await balance(w, "payee")).to.equal(FUNDS + AMOUNT - AMOUNT / 100n);
        expect(await balance(w, "holder")).to.equal(FUNDS + AMOUNT / 100n);
        expect(await w.coins[0].balanceOf(w.commerce)).to.equal(0n);
      });
    }

    for (const name of CROSSING) {
      it(`attack 2: the payee of a ${name} that is frozen is paid, and what it got can be seized`, async () => {
        await attest(w, { amount: AMOUNT });
        const deal = await DEALS[name](w);
        await deal.take();
        await freeze(w, "payee");
        await send(w, deal);
        const { payee } = w.people;
        await w.coins[0].connect(w.members.seizer).seize(payee, FUNDS + AMOUNT, CASE);
        expect(await w.coins[0].balanceOf(w.members.custody)).to.equal(FUNDS + AMOUNT);
        expect(await balance(w, "payee")).to.equal(0n);
      });
    }

    for (const name of Object.keys(DEALS) as (keyof typeof DEALS)[]) {
      it(`attack 2: the payer of a ${name} that is frozen has its coins back at the end, still frozen`, async () => {
        const deal = await DEALS[name](w);
        await deal.take();
        await freeze(w, "payer");
        await at(w.connection, deal.end.time);
        await deal.end.call();
        expect(await balance(w, "payer")).to.equal(FUNDS);
        const { frozenWhole } = await w.coins[0].accountOf(w.people.payer);
        expect(frozenWhole).to.equal(true);
      });
    }
  });

  describe("attack 20: frozen funds leave through an escrow", () => {
    const pulls: [string, Person, () => Promise<() => Promise<unknown>>][] = [
      ["a claim opened", "payer", async () => (await claimDeal(w)).take],
      ["a payment authorized", "payer", async () => (await paymentDeal(w)).take],
      ["a redemption locked", "payer", async () => (await redemptionDeal(w)).take],
      [
        "a swap, as maker",
        "payer",
        async () => {
          await attestSwap(w);
          const { quote, legs } = await quoteOf(w);
          return () => w.swap.swap(quote, ...legs);
        },
      ],
      [
        "a swap, as taker",
        "payee",
        async () => {
          await attestSwap(w);
          const { quote, legs } = await quoteOf(w);
          return () => w.swap.swap(quote, ...legs);
        },
      ],
      [
        "a refund",
        "payee",
        async () => {
          const deal = await paymentDeal(w);
          await deal.take();
          await send(w, deal);
          return deal.refund;
        },
      ],
    ];
    for (const [title, person, prepare] of pulls) {
      const coin = title === "a swap, as taker" ? 1 : 0;
      const needed = coin === 1 ? AMOUNT + 1n : AMOUNT;

      it(`attack 20: ${title} by an account frozen whole reverts with StablecoinFrozen(${person})`, async () => {
        const pull = await prepare();
        await freeze(w, person);
        const before = await read(w);
        await expect(pull())
          .to.be.revertedWithCustomError(w.coins[coin], "StablecoinFrozen")
          .withArgs(w.people[person].address);
        expect(await read(w)).to.deep.equal(before);
      });

      it(`attack 20: ${title} takes not one unit of what is frozen in part`, async () => {
        const pull = await prepare();
        const free = needed - 1n;
        await freeze(w, person, (await balance(w, person, coin)) - free);
        const before = await read(w);
        await expect(pull())
          .to.be.revertedWithCustomError(w.coins[coin], "ERC20InsufficientUnfrozen")
          .withArgs(w.people[person].address, free, needed);
        expect(await read(w)).to.deep.equal(before);
      });
    }

    for (const name of Object.keys(DEALS) as (keyof typeof DEALS)[]) {
      it(`attack 20: a ${name} pays out what it took in before the freeze, and nothing of the payer's beside`, async () => {
        await attest(w, { amount: AMOUNT });
        const deal = await DEALS[name](w);
        await deal.take();
        await freeze(w, "payer");
        await send(w, deal);
        expect(await balance(w, "payer")).to.equal(name === "redemption" ? FUNDS : FUNDS - AMOUNT);
        expect(await w.coins[0].balanceOf(await deal.escrow.getAddress())).to.equal(0n);
      });
    }
  });

  describe("attack 25: starved gas through dispatcher, escrow, coin and registry", () => {
    const payouts: [string, () => Promise<{ target: BaseContract; data: string }>][] = [
      ...CROSSING.map((name): [string, () => Promise<Deal["pay"]>] => [
        `a ${name} across families`,
        async () => {
          await attest(w, { amount: AMOUNT });
          const deal = await DEALS[name](w);
          await deal.take();
          return deal.pay;
        },
      ]),
      [
        "a redemption taken back",
        async () => {
          const deal = await redemptionDeal(w);
          await deal.take();
          return deal.pay;
        },
      ],
      [
        "a credit across families withdrawn",
        async () => {
          const deal = await claimDeal(w);
          await deal.take();
          await send(w, deal);
          await attest(w, { amount: AMOUNT });
          const args = [w.coins[0], w.people.payer, w.people.payee] as const;
          const addresses = await Promise.all(args.map((each) => each.getAddress()));
          return {
            target: w.claims,
            data: w.claims.interface.encodeFunctionData("withdrawCredit", addresses as never),
          };
        },
      ],
      [
        "a swap across families",
        async () => {
          await attestSwap(w);
          const { quote, legs } = await quoteOf(w);
          return { target: w.swap, data: w.swap.interface.encodeFunctionData("swap", [quote, ...legs]) };
        },
      ],
    ];
    for (const [title, prepare] of payouts) {
      it(`attack 25: ${title} happens in full or not at all, whatever gas its call is given`, async function () {
        this.timeout(180_000);
        const { target, data } = await prepare();
        const to = await target.getAddress();
        const execute = async (gasLimit: bigint) => {
          const sent = await w.dispatcher
            .connect(w.lane)
            .execute([{ target: to, gasLimit, data }], { gasLimit: 2_000_000n });
          const receipt = await sent.wait();
          const outcomes = (receipt?.logs ?? []).map((log) => w.dispatcher.interface.parseLog(log));
          const outcome = outcomes.find((event) => event?.name === "Dispatched");
          if (outcome?.args["success"] !== true) throw new Error("the call failed");
        };
        const snapshot = await w.connection.networkHelpers.takeSnapshot();
        await execute(1_000_000n);
        const all = await read(w);
        await snapshot.restore();
        await expectAllOrNothing(w.connection, { send: execute, read: () => read(w), all });
      });
    }
  });

  describe("attack 28: pausing runs down a deadline without an exit", () => {
    for (const name of Object.keys(DEALS) as (keyof typeof DEALS)[]) {
      it(`attack 28: with everything paused a stranger ends a ${name} at its deadline, and the payer is paid`, async () => {
        const deal = await DEALS[name](w);
        await deal.take();
        await pauseAll(w);
        await at(w.connection, deal.end.time);
        await deal.end.call();
        expect(await balance(w, "payer")).to.equal(FUNDS);
      });

      it(`attack 28: with everything paused a ${name} is paid out in time as ever`, async () => {
        await attest(w, { amount: AMOUNT });
        const deal = await DEALS[name](w);
        await deal.take();
        await pauseAll(w);
        await send(w, deal);
        const party = name === "redemption" ? "payer" : "payee";
        expect(await balance(w, party)).to.equal(name === "redemption" ? FUNDS : FUNDS + AMOUNT);
      });
    }

    it("attack 28: with everything paused a confirmed redemption is over; its burn waits and cannot be undone", async () => {
      const deal = await redemptionDeal(w);
      await deal.take();
      const desk = w.redemptions.connect(w.members.agent);
      await desk.accept(deal.id);
      await desk.markSent(deal.id, id("a bank reference"));
      await pauseAll(w);
      await desk.confirm(deal.id, id("a bank reference"));
      expect(await w.redemptions.toBurn(w.coins[0])).to.equal(AMOUNT);
      await at(w.connection, deal.end.time + 40n * DAY);
      await expect(deal.end.call())
        .to.be.revertedWithCustomError(w.redemptions, "RedemptionStateInvalid")
        .withArgs(deal.id, 4n);
      await w.coins[0].connect(w.members.unpauser).unpause(ALL_PAUSES);
      await w.redemptions.connect(w.stranger).burnPending(w.coins[0]);
      expect(await w.coins[0].balanceOf(w.redemptions)).to.equal(0n);
    });

    it("attack 28: with everything paused a swap holds nothing, and its maker withdraws the quote", async () => {
      const { quote, nonce } = await quoteOf(w);
      await pauseAll(w);
      const domain = await domainOf(w.swap, DOMAIN.swap);
      const types = { CancelQuote: [...QUOTE_TYPES.CancelQuote] };
      const wish = await w.people.payer.signTypedData(domain, types, { id: nonce, deadline: LATER });
      await w.swap.connect(w.stranger).cancelBySig(quote, LATER, wish);
      expect(await w.swap.quoteUsed(nonce)).to.equal(true);
      for (const coin of w.coins) expect(await coin.balanceOf(w.swap)).to.equal(0n);
    });
  });
});
