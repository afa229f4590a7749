/**
 * The attacks that audits and incidents of comparable contracts teach, each by its number in the list of threats: here those on coins, amounts
 * and gas. Those on signatures and on deadlines have files of their own.
 */
import { expect } from "chai";
import type { ContractTransactionResponse } from "ethers";
import type { AnyWorld, CommerceWorld, HostileWorld, OrderedStep, Situation } from "../../../support/commerce.ts";
import {
  AMOUNT,
  LARGEST,
  ORDERED_STEPS,
  PART,
  argumentsOf,
  authorize,
  charge,
  credited,
  deployCommerce,
  deployHostile,
  dispute,
  feeOf,
  freeze,
  orderFor,
  paid,
  plus,
  reach,
  readPayment,
  refund,
  send,
  signOrder,
  signPayment,
  signRefund,
  withTerms,
} from "../../../support/commerce.ts";
import { at, createLoader } from "../../../support/treasury.ts";

const load = await createLoader(deployCommerce);
const loadHostile = await createLoader(deployHostile);
/** A step that pays somebody: where it starts, what it does, and how it divides the amount. */
interface Payout {
  name: string;
  from: Situation;
  run: (w: AnyWorld, gasLimit?: bigint) => Promise<ContractTransactionResponse>;
  parts: { amount?: bigint; fee?: bigint; rest?: bigint };
}

const reclaim = (w: AnyWorld, gasLimit?: bigint) =>
  w.escrow.connect(w.stranger).reclaim(w.terms, gasLimit === undefined ? {} : { gasLimit });
const ordered =
  (step: OrderedStep, order: Record<string, unknown> = {}) =>
  (w: AnyWorld, gasLimit?: bigint) =>
    send(w, step, order, gasLimit === undefined ? {} : { gasLimit });

const SPLIT = { amount: PART, fee: feeOf(PART), rest: AMOUNT - PART };
const PAYOUTS: Payout[] = [
  { name: "capture", from: "authorized", run: ordered("capture", { voidRest: true }), parts: SPLIT },
  { name: "void", from: "authorized", run: ordered("void"), parts: { rest: PART } },
  { name: "void while disputed", from: "disputed", run: ordered("void"), parts: { rest: PART } },
  { name: "resolve", from: "disputed", run: ordered("resolve"), parts: SPLIT },
  { name: "reclaim", from: "authorized", run: reclaim, parts: { rest: AMOUNT } },
  { name: "reclaim after a dispute", from: "disputed", run: reclaim, parts: { rest: AMOUNT } },
];

/** Brings a payment to where a payout starts, at a time when it may happen. */
async function prepare(w: AnyWorld, { from, name }: Payout): Promise<void> {
  const end = await reach(w, from);
  if (name.startsWith("reclaim")) await at(w.connection, end);
}

describe("CommerceEscrow and attacks on its coins", () => {
  let w: CommerceWorld;
  let hostile: HostileWorld;

  beforeEach(async () => {
    w = await load();
  });

  describe("attack 1: a hostile coin re-enters every function", () => {
    const inner = async (name: string): Promise<string> => {
      const { terms, escrow } = hostile;
      if (name === "authorize") return escrow.interface.encodeFunctionData(name, [terms, "0x"]);
      if (name === "reclaim" || name === "dispute")
        return escrow.interface.encodeFunctionData(name as "reclaim", [terms]);
      if (name === "refund") return escrow.interface.encodeFunctionData(name, [terms, 1n, 0n, "0x"]);
      const { coin, payer, merchant } = terms;
      if (name === "withdrawCredit") return escrow.interface.encodeFunctionData(name, [coin, payer, merchant]);
      const order = await orderFor(hostile, "capture");
      if (name === "charge") return escrow.interface.encodeFunctionData(name, [terms, "0x", order as never, "0x"]);
      const given = await argumentsOf(hostile, name as OrderedStep);
      return escrow.interface.encodeFunctionData(name as "void", given as never);
    };
    const outers: [string, Situation | undefined, () => Promise<unknown>][] = [
      ["authorize", undefined, () => authorize(hostile)],
      ["charge", undefined, () => charge(hostile)],
      ["capture", "authorized", () => send(hostile, "capture")],
      ["void", "authorized", () => send(hostile, "void")],
      ["refund", "partly captured", () => refund(hostile)],
      ["resolve", "disputed", () => send(hostile, "resolve")],
      ["reclaim", "authorized", () => at(hostile.connection, hostile.terms.captureBy).then(() => reclaim(hostile))],
      [
        "withdrawCredit",
        "authorized",
        async () => {
          await hostile.coin.setRefusing(true);
          await send(hostile, "void");
          await hostile.coin.setRefusing(false);
          const { coin, payer } = hostile.terms;
          await hostile.escrow.withdrawCredit(coin, payer, payer);
        },
      ],
    ];
    const inners = ["authorize", "charge", "refund", "reclaim", "dispute", ...ORDERED_STEPS, "withdrawCredit"];

    for (const [outer, situation, call] of outers)
      it(`${outer} answers each of the ${inners.length} functions with EscrowReentered()`, async () => {
        hostile = await loadHostile();
        if (situation !== undefined) await reach(hostile, situation);
        for (const name of inners) {
          const snapshot = await hostile.connection.networkHelpers.takeSnapshot();
          await hostile.coin.setCallback(hostile.escrow, await inner(name));
          await call();
          const answer = hostile.escrow.interface.encodeErrorResult("EscrowReentered");
          expect(await hostile.coin.answer(), name).to.equal(answer);
          await snapshot.restore();
        }
      });

    it("authorize reverts with EscrowReentered() when the coin passes the answer on", async () => {
      hostile = await loadHostile();
      await hostile.coin.setCallback(hostile.escrow, await inner("reclaim"));
      await hostile.coin.setPassing(true);
      await expect(authorize(hostile)).to.be.revertedWithCustomError(hostile.escrow, "EscrowReentered").withArgs();
    });
  });

  describe("attack 2: each party frozen in each state, the other legs are still paid", () => {
    for (const payout of PAYOUTS)
      for (const party of ["payer", "merchant", "feeReceiver", "arbiter"] as const)
        it(`${payout.name} pays everybody while the ${party} is frozen`, async () => {
          await prepare(w, payout);
          await freeze(w, w[party].address);
          const before = await readPayment(w);
          await payout.run(w);
          expect(await readPayment(w)).to.deep.equal(paid(before, payout.parts));
        });

    for (const [party, credit] of [
      ["merchant", "merchantCredit"],
      ["feeReceiver", "feeCredit"],
    ] as const)
      for (const step of ["capture", "resolve"] as const)
        it(`${step} credits a ${party} that the coin refuses for good, and pays the other two`, async () => {
          const wallet = await w.connection.ethers.deployContract("CoinMockWallet", [w.merchant]);
          const other = await withTerms(w, { [party]: await wallet.getAddress() });
          await reach(other, step === "resolve" ? "disputed" : "authorized");
          await w.coin.flagEscrow(wallet);
          const before = await readPayment(other);
          await send(other, step, step === "capture" ? { voidRest: true } : {});
          const expected = paid(before, SPLIT);
          const part = expected[party] - before[party];
          expect(await readPayment(other)).to.deep.equal(
            plus(expected, { [party]: -part, [credit]: part, escrow: part, held: part }),
          );
        });
  });

  describe("attack 3: a fee split over many tiny captures", () => {
    for (const feeBps of [100n, 137n, 299n])
      it(`40 captures of 25 units cost at ${feeBps} what one of 1,000 does`, async () => {
        await authorize(w);
        const before = await readPayment(w);
        for (let index = 0; index < 40; index++) await send(w, "capture", { amount: 25n, feeBps });
        const after = await readPayment(w);
        const fee = feeOf(1_000n, feeBps);
        expect(feeOf(25n, feeBps), "one tiny capture alone would be free").to.equal(0n);
        expect(after.feeReceiver - before.feeReceiver).to.equal(fee);
        expect(after.merchant - before.merchant).to.equal(1_000n - fee);
      });
  });

  describe("attack 4: a payout fails in silence", () => {
    for (const payout of PAYOUTS) {
      it(`${payout.name} reverts with EscrowBalanceMismatch when the coin says yes and takes nothing`, async () => {
        hostile = await loadHostile();
        await prepare(hostile, payout);
        await hostile.coin.setSkew(1n);
        const first = payout.parts.amount === undefined ? payout.parts.rest! : PART - feeOf(PART);
        await expect(payout.run(hostile))
          .to.be.revertedWithCustomError(hostile.escrow, "EscrowBalanceMismatch")
          .withArgs(hostile.terms.coin, AMOUNT - first, AMOUNT - first + 1n);
      });
    }
  });

  describe("attack 5: a coin that takes a fee on transfer", () => {
    it("authorize reverts with EscrowBalanceMismatch(coin, AMOUNT, AMOUNT - 1)", async () => {
      hostile = await loadHostile();
      await hostile.coin.setSkew(-1n);
      await expect(authorize(hostile))
        .to.be.revertedWithCustomError(hostile.escrow, "EscrowBalanceMismatch")
        .withArgs(hostile.terms.coin, AMOUNT, AMOUNT - 1n);
    });

    it("refund reverts with EscrowBalanceMismatch(coin, expected, expected - 1)", async () => {
      hostile = await loadHostile();
      await reach(hostile, "captured");
      await hostile.coin.setSkew(-1n);
      await hostile.coin.mint(hostile.escrow, 1n);
      await expect(refund(hostile))
        .to.be.revertedWithCustomError(hostile.escrow, "EscrowBalanceMismatch")
        .withArgs(hostile.terms.coin, PART + 1n, PART);
    });
  });

  describe("attack 6: an amount chosen by a front-runner", () => {
    for (const [step, member, signer] of [
      ["capture", "amount", "merchant"],
      ["void", "amount", "merchant"],
      ["resolve", "toMerchant", "arbiter"],
    ] as const)
      it(`${step} reverts with CommerceSignatureInvalid(${signer}) for another amount than was signed`, async () => {
        await reach(w, step === "resolve" ? "disputed" : "authorized");
        for (const signed of [PART - 1n, PART + 1n, AMOUNT])
          await expect(send(w, step, {}, { signed: { [member]: signed } }))
            .to.be.revertedWithCustomError(w.escrow, "CommerceSignatureInvalid")
            .withArgs(w.terms[signer]);
      });

    it("refund reverts with StablecoinSignatureInvalid(merchant) for another amount than was signed", async () => {
      await reach(w, "captured");
      const signature = await signRefund(w, PART, 0n);
      for (const amount of [PART - 1n, PART + 1n])
        await expect(w.escrow.connect(w.stranger).refund(w.terms, amount, 0n, signature))
          .to.be.revertedWithCustomError(w.coin, "StablecoinSignatureInvalid")
          .withArgs(w.merchant.address);
    });

    it("a stranger who submits everybody's signatures first changes nothing but the sender", async () => {
      const before = await readPayment(w);
      const order = await orderFor(w, "capture");
      const given = [w.terms, order as never, await signOrder(w, "capture", order)] as const;
      await w.escrow.connect(w.stranger).authorize(w.terms, await signPayment(w));
      await w.escrow.connect(w.stranger).capture(...given);
      const authorized = plus(before, { authorized: AMOUNT, payer: -AMOUNT, escrow: AMOUNT, held: AMOUNT });
      expect(await readPayment(w)).to.deep.equal(paid(authorized, { amount: PART, fee: feeOf(PART) }));
    });
  });

  describe("attack 7: zero amounts everywhere", () => {
    const zeros: [string, Situation | undefined, string, () => unknown[], () => Promise<unknown>][] = [
      [
        "authorize",
        undefined,
        "EscrowAmountOutOfBounds",
        () => [0n, LARGEST],
        () => withTerms(w, { amount: 0n }).then((zero) => authorize(zero)),
      ],
      ["capture", "authorized", "CommerceZeroAmount", () => [], () => send(w, "capture", { amount: 0n })],
      ["void", "authorized", "CommerceZeroAmount", () => [], () => send(w, "void", { amount: 0n })],
      ["void", "disputed", "CommerceZeroAmount", () => [], () => send(w, "void", { amount: 0n })],
      ["refund", "captured", "CommerceZeroAmount", () => [], () => refund(w, 0n)],
      ["dispute", "captured", "CommerceNothingLeft", () => [w.id], () => dispute(w)],
      ["reclaim", "captured", "CommerceNothingLeft", () => [w.id], () => reclaim(w)],
    ];
    for (const [step, situation, error, args, run] of zeros)
      it(`${step} of nothing reverts with ${error} when it is ${situation ?? "new"}`, async () => {
        if (situation !== undefined) await reach(w, situation);
        await expect(run())
          .to.be.revertedWithCustomError(w.escrow, error)
          .withArgs(...args());
      });

    it("resolve with nothing for the merchant gives all back and fixes no rate", async () => {
      await reach(w, "disputed");
      const before = await readPayment(w);
      await send(w, "resolve", { toMerchant: 0n });
      expect(await readPayment(w)).to.deep.equal(paid(before, { rest: AMOUNT }));
    });
  });

  describe("attack 25: starved gas", () => {
    for (const payout of PAYOUTS)
      it(`${payout.name} does all or nothing under every limit, and never makes a credit [ESCROW-4]`, async () => {
        await prepare(w, payout);
        await w.connection.networkHelpers.mine();
        const nothing = await readPayment(w);
        const all = paid(nothing, payout.parts);
        const outcomes = new Set<boolean>();
        for (let gasLimit = 60_000n; gasLimit <= 560_000n; gasLimit += 10_000n) {
          const snapshot = await w.connection.networkHelpers.takeSnapshot();
          const done = await payout.run(w, gasLimit).then(
            () => true,
            () => false,
          );
          expect(await readPayment(w), `${gasLimit} gas`).to.deep.equal(done ? all : nothing);
          outcomes.add(done);
          await snapshot.restore();
        }
        expect(outcomes.size, "some limits suffice and some do not").to.equal(2);
      });

    it("a merchant's contract that cannot be asked for want of gas reverts with SignaturesGasTooLow", async () => {
      const wallet = await w.connection.ethers.deployContract("CoinMockWallet", [w.merchant]);
      const other = await withTerms(w, { merchant: await wallet.getAddress() });
      await authorize(other);
      await expect(send(other, "capture", {}, { gasLimit: 190_000n }))
        .to.be.revertedWithCustomError(w.escrow, "SignaturesGasTooLow")
        .withArgs((available: bigint) => available < 156_000n, 156_000n);
    });
  });

  describe("attack 31: a coin that refuses to pay, as the travel rule makes it", () => {
    for (const payout of PAYOUTS)
      it(`${payout.name} credits each party under who had paid in, and each is paid later`, async () => {
        hostile = await loadHostile();
        const end = await reach(hostile, payout.from);
        await hostile.coin.setRefusing(true);
        if (payout.name.startsWith("reclaim")) await at(hostile.connection, end);
        const before = await readPayment(hostile);
        await payout.run(hostile);
        expect(await readPayment(hostile)).to.deep.equal(credited(before, payout.parts));

        await hostile.coin.setRefusing(false);
        const { coin, payer, merchant, feeReceiver } = hostile.terms;
        for (const party of [payer, merchant, feeReceiver])
          if ((await hostile.escrow.creditOf(coin, payer, party)) > 0n)
            await hostile.escrow.connect(hostile.stranger).withdrawCredit(coin, payer, party);
        expect(await readPayment(hostile)).to.deep.equal(paid(before, payout.parts));
      });

    it("a refund that is refused is the payer's credit of the merchant's coins", async () => {
      hostile = await loadHostile();
      await reach(hostile, "captured");
      await hostile.coin.setRefusing(true);
      const before = await readPayment(hostile);
      await refund(hostile);
      const change = { refunded: PART, merchant: -PART, escrow: PART, held: PART, refundCredit: PART };
      expect(await readPayment(hostile)).to.deep.equal(plus(before, change));
    });
  });
});
