/**
 * The attacks of the list of threats on deadlines, on absent or compromised parties, and on consents given before.
 */
import { expect } from "chai";
import { MaxUint256 } from "ethers";
import type { AnyWorld, CommerceWorld, OrderedStep, Situation } from "../../../support/commerce.ts";
import {
  AMOUNT,
  LATER,
  MAX_BPS,
  OPEN,
  ORDERED_STEPS,
  PART,
  argumentsOf,
  authorize,
  deployCommerce,
  dispute,
  signerOf,
  feeOf,
  orderFor,
  paid,
  reach,
  readPayment,
  refund,
  send,
  signOrder,
  signRefund,
  withTerms,
} from "../../../support/commerce.ts";
import { at, createLoader, now } from "../../../support/treasury.ts";

const load = await createLoader(deployCommerce);
const reclaim = (w: AnyWorld) => w.escrow.connect(w.stranger).reclaim(w.terms);

describe("CommerceEscrow and attacks on its deadlines and consents", () => {
  let w: CommerceWorld;

  beforeEach(async () => {
    w = await load();
  });

  /** Expects that a step is refused for its signature. */
  const invalid = async (step: OrderedStep, call: Promise<unknown>) =>
    expect(call).to.be.revertedWithCustomError(w.escrow, "CommerceSignatureInvalid").withArgs(w.terms[signerOf(step)]);

  describe("attack 13: every deadline at d - 1, d and d + 1", () => {
    const acts = async (call: Promise<unknown>) =>
      call.then(
        () => true,
        () => false,
      );
    const sides: [string, Situation, (end: bigint) => bigint, (() => Promise<unknown>)[]][] = [
      [
        "captureBy",
        "authorized",
        (end) => end,
        [() => send(w, "capture"), () => send(w, "void"), () => dispute(w), () => send(w, "disputeBySig")],
      ],
      ["captureBy and 15 days", "disputed", (end) => end, [() => send(w, "resolve"), () => send(w, "void")]],
    ];
    for (const [name, situation, endOf, steps] of sides)
      for (const offset of [-1n, 0n, 1n])
        it(`at ${name} ${offset < 0n ? "- 1" : `+ ${offset}`} ${offset < 0n ? "its own side" : "a stranger"} alone acts`, async () => {
          const deadline = endOf(await reach(w, situation));
          for (const step of [...steps, () => reclaim(w)]) {
            const snapshot = await w.connection.networkHelpers.takeSnapshot();
            const isStranger = !steps.includes(step);
            await at(w.connection, deadline + offset);
            expect(await acts(step())).to.equal(offset < 0n ? !isStranger : isStranger);
            await snapshot.restore();
          }
        });

    for (const [name, situation, run] of [
      ["authorizeBy", undefined, () => authorize(w)],
      ["refundBy", "captured", () => refund(w)],
    ] as const)
      for (const offset of [-1n, 0n, 1n])
        it(`${name} ${offset < 0n ? "- 1" : `+ ${offset}`} is ${offset < 0n ? "in" : "too late, and the money stays where it is"}`, async () => {
          if (situation !== undefined) await reach(w, situation);
          const before = await readPayment(w);
          await at(w.connection, w.terms[name] + offset);
          expect(await acts(run())).to.equal(offset < 0n);
          if (offset >= 0n) expect(await readPayment(w)).to.deep.equal(before);
        });

    for (const step of ORDERED_STEPS)
      for (const offset of [-1n, 0n, 1n])
        it(`the order of ${step} at its deadline ${offset < 0n ? "- 1" : `+ ${offset}`}: the last second counts`, async () => {
          await reach(w, step === "resolve" ? "disputed" : "authorized");
          const deadline = (await now(w.connection)) + 100n;
          await at(w.connection, deadline + offset);
          expect(await acts(send(w, step, { deadline }))).to.equal(offset <= 0n);
        });
  });

  describe("attack 14: unset timestamps", () => {
    it("authorize reverts with CommerceDeadlinePassed(0, now) without authorizeBy", async () => {
      await expect(authorize(await withTerms(w, { authorizeBy: 0n })))
        .to.be.revertedWithCustomError(w.escrow, "CommerceDeadlinePassed")
        .withArgs(0n, (time: bigint) => time > 0n);
    });

    for (const name of ["captureBy", "refundBy"] as const)
      it(`authorize reverts with CommerceDeadlinesUnordered without ${name}`, async () => {
        const { terms, ...rest } = await withTerms(w, { [name]: 0n });
        await expect(authorize({ terms, ...rest }))
          .to.be.revertedWithCustomError(w.escrow, "CommerceDeadlinesUnordered")
          .withArgs(terms.authorizeBy, terms.captureBy, terms.refundBy);
      });

    for (const name of ["captureBy", "refundBy"] as const)
      it(`authorize reverts with CommerceDeadlineTooFar(2^256 - 1, limit) with ${name} for ever`, async () => {
        const other = await withTerms(w, { refundBy: MaxUint256, [name]: MaxUint256 });
        await expect(authorize(other))
          .to.be.revertedWithCustomError(w.escrow, "CommerceDeadlineTooFar")
          .withArgs(MaxUint256, (limit: bigint) => limit < LATER);
      });

    for (const step of ORDERED_STEPS)
      it(`${step} reverts with CommerceOrderExpired(0, now) without a deadline`, async () => {
        await reach(w, step === "resolve" ? "disputed" : "authorized");
        await expect(send(w, step, { deadline: 0n }))
          .to.be.revertedWithCustomError(w.escrow, "CommerceOrderExpired")
          .withArgs(0n, (time: bigint) => time > 0n);
      });
  });

  describe("attack 15: everybody is gone", () => {
    for (const situation of OPEN)
      it(`a random address ends a payment that is ${situation}, and the payer alone is paid`, async () => {
        await at(w.connection, await reach(w, situation));
        const before = await readPayment(w);
        await reclaim(w);
        const rest = before.authorized - before.captured - before.voided;
        const after = await readPayment(w);
        expect(after).to.deep.equal(paid(before, { rest }));
        expect(after.held).to.equal(0n);
      });
  });

  describe("attack 16: the merchant's key or the relayer is compromised", () => {
    it("dust captures cost the payer no more than it authorized, and nobody but the parties gains", async () => {
      const small = await withTerms(w, { amount: 12n });
      await authorize(small);
      const before = await readPayment(small);
      for (let index = 0; index < 12; index++) await send(small, "capture", { amount: 1n });
      await expect(send(small, "capture", { amount: 1n }))
        .to.be.revertedWithCustomError(w.escrow, "CommerceAmountExceeded")
        .withArgs(small.id, 1n, 0n);
      expect(await readPayment(small)).to.deep.equal(paid(before, { amount: 12n, fee: feeOf(12n) }));
    });

    it("an early void pays the payer alone", async () => {
      await authorize(w);
      const before = await readPayment(w);
      await send(w, "void", { amount: AMOUNT });
      expect(await readPayment(w)).to.deep.equal(paid(before, { rest: AMOUNT }));
    });

    it("no fee above the payer's bound and none to another receiver", async () => {
      await authorize(w);
      await expect(send(w, "capture", { feeBps: MAX_BPS + 1n }))
        .to.be.revertedWithCustomError(w.escrow, "CommerceFeeOutOfBounds")
        .withArgs(MAX_BPS + 1n, w.terms.minFeeBps, MAX_BPS);
      const greedy = await withTerms(w, { feeReceiver: w.relayer.address });
      const order = await orderFor(w, "capture");
      await expect(w.escrow.capture(greedy.terms, order as never, await signOrder(w, "capture", order)))
        .to.be.revertedWithCustomError(w.escrow, "CommerceUnknown")
        .withArgs(greedy.id);
    });

    it("no capture past a dispute, and the arbiter decides", async () => {
      await authorize(w);
      await dispute(w);
      await expect(send(w, "capture")).to.be.revertedWithCustomError(w.escrow, "CommerceDisputed").withArgs(w.id);
      const before = await readPayment(w);
      await send(w, "resolve", { toMerchant: 0n });
      expect(await readPayment(w)).to.deep.equal(paid(before, { rest: AMOUNT }));
    });

    for (const step of ORDERED_STEPS)
      it(`the relayer's own signature moves nothing: ${step}`, async () => {
        await reach(w, step === "resolve" ? "disputed" : "authorized");
        const before = await readPayment(w);
        await invalid(step, send(w, step, {}, { key: w.relayer }));
        expect(await readPayment(w)).to.deep.equal(before);
      });
  });

  describe("attack 17: a double refund, a refund above the capture, a stale consent", () => {
    it("the same refund again reverts with CommerceRefundedChanged(id, PART)", async () => {
      await reach(w, "captured");
      const signature = await signRefund(w, PART, 0n);
      await w.escrow.refund(w.terms, PART, 0n, signature);
      await expect(w.escrow.refund(w.terms, PART, 0n, signature))
        .to.be.revertedWithCustomError(w.escrow, "CommerceRefundedChanged")
        .withArgs(w.id, PART);
    });

    it("the same signature at the new total reverts with StablecoinSignatureInvalid(merchant)", async () => {
      await reach(w, "captured");
      const signature = await signRefund(w, PART, 0n);
      await w.escrow.refund(w.terms, PART, 0n, signature);
      await expect(w.escrow.refund(w.terms, PART, PART, signature))
        .to.be.revertedWithCustomError(w.coin, "StablecoinSignatureInvalid")
        .withArgs(w.merchant.address);
    });

    it("refunds together never pass what was captured", async () => {
      await reach(w, "partly captured");
      await refund(w, PART - 1n);
      await expect(refund(w, 2n))
        .to.be.revertedWithCustomError(w.escrow, "CommerceAmountExceeded")
        .withArgs(w.id, 2n, 1n);
      await refund(w, 1n);
      await expect(refund(w, 1n))
        .to.be.revertedWithCustomError(w.escrow, "CommerceAmountExceeded")
        .withArgs(w.id, 1n, 0n);
    });

    for (const [stale, first, situation] of [
      ["capture", "capture", "authorized"],
      ["capture", "void", "authorized"],
      ["void", "capture", "authorized"],
      ["void", "void", "authorized"],
      ["resolve", "void", "disputed"],
    ] as const)
      it(`a ${stale} signed before a ${first} reverts with CommerceStateChanged`, async () => {
        await reach(w, situation);
        const given = await argumentsOf(w, stale);
        await send(w, first);
        const { captured, voided } = await readPayment(w);
        await expect(w.escrow.getFunction(stale)(...given))
          .to.be.revertedWithCustomError(w.escrow, "CommerceStateChanged")
          .withArgs(w.id, captured, voided);
      });
  });
});
