/**
 * Claims, payments and swaps over the real embedded store and the model chain: what is signed settles once, the books follow, what two must
 * agree on needs both, and the travel rule only makes an intent wait.
 */
import { expect } from "chai";
import type { Draft } from "../../src/domain/draft.ts";
import { zeroAddress } from "../../src/domain/hex.ts";
import type { Intent } from "../../src/domain/intent.ts";
import {
  blockStart,
  captureOrder,
  claimId,
  claimTerms,
  paymentId,
  paymentTerms,
  quoteId,
  quoteTerms,
  signAttestation,
  signAuthorize,
  signCancelQuote,
  signCapture,
  signCharge,
  signClaim,
  signEndClaim,
  signOpenClaim,
  signRefund,
  signSwap,
  signVoid,
} from "../support/model-agreements.ts";
import { accountIn } from "../support/model-coin.ts";
import { claims, coin, commerce, secondCoin, swap, wallet } from "../support/model-names.ts";
import { submitOne } from "../support/pipeline.ts";
import { createTown, funds, payment } from "../support/town.ts";

type Town = Awaited<ReturnType<typeof createTown>>;

/** Accepts, settles, and fails when it does not end settled. */
async function carryOut(town: Town, draft: Draft): Promise<Intent> {
  const intent = await town.accept(draft);
  expect(await town.settle()).to.equal(0);
  const ended = await town.read(intent);
  expect(ended.state, draft.kind).to.equal("settled");
  return ended;
}

async function refusal(town: Town, draft: Draft): Promise<readonly (readonly [string, string])[]> {
  const outcome = await submitOne(town.house, draft);
  return outcome.kind === "refused" ? outcome.reasons.map(({ code, subject }) => [code, subject] as const) : [];
}

const balance = (town: Town, index: number): bigint => accountIn(town.model.coin, wallet(index)).balance;

async function agrees(town: Town): Promise<void> {
  await town.block(3);
  const { differences } = await town.house.reconciler.run();
  expect(differences).to.deep.equal([]);
}

describe("a claim", () => {
  it("is opened, claimed by the link's key, and paid once", async () => {
    const town = await createTown();
    const terms = claimTerms({ attestor: wallet(30) });
    const opened = await carryOut(town, signOpenClaim(terms));
    expect(opened.subject).to.equal(claimId(terms));
    expect(balance(town, 1)).to.equal(funds - 100n);
    expect(await town.store.sumEscrow({ escrow: claims, coin })).to.deep.equal({ open: 100n, balance: 100n });
    const claimed = await carryOut(town, signClaim(terms, wallet(7), blockStart + 100));
    expect(balance(town, 7)).to.equal(100n);
    const stored = await town.store.readAgreement(claimId(terms));
    expect([stored?.state, stored?.agreement.terms, stored?.totals]).to.deep.equal(["claimed", terms, null]);
    expect(stored?.steps.map(({ step, state, amount }) => [step, state, amount])).to.deep.equal([
      ["open", "open", 100n],
      ["claim", "claimed", 100n],
    ]);
    expect(await town.store.sumEscrow({ escrow: claims, coin })).to.deep.equal({ open: 0n, balance: 0n });
    const { events } = await town.store.readEvents({ after: 0n, limit: 99, account: wallet(7) });
    const told = events.filter(({ type }) => type === "claim");
    expect(told.map(({ body, intent }) => [body["step"], intent])).to.deep.equal([["claim", claimed.sequence]]);
    const movements = (await town.store.readTrace(claimed.sequence))?.movements;
    expect(movements?.map(({ to, amount }) => [to, amount])).to.deep.equal([[wallet(7), 100n]]);
    await agrees(town);
  });

  it("needs every signature: the link's and the attestor's, and says whose is wrong", async () => {
    const town = await createTown();
    const terms = claimTerms({ attestor: wallet(30) });
    await carryOut(town, signOpenClaim(terms));
    const draft = signClaim(terms, wallet(7), blockStart + 100);
    const other = signClaim(terms, wallet(8), blockStart + 100);
    expect(await refusal(town, { ...draft, attestor: other.attestor })).to.deep.equal([
      ["signature_invalid", wallet(30)],
    ]);
    expect(await refusal(town, { ...other, attestor: draft.attestor, signature: draft.signature })).to.deep.equal([
      ["signature_invalid", terms.linkKey],
      ["signature_invalid", wallet(30)],
    ]);
    expect(
      await refusal(town, { ...signOpenClaim(claimTerms({ salt: terms.handle })), signature: "0x" }),
    ).to.deep.equal([["signature_invalid", "signature"]]);
  });

  it("is left once: while one step is on its way another is refused, afterwards the state is another", async () => {
    const town = await createTown();
    const terms = claimTerms();
    await carryOut(town, signOpenClaim(terms));
    const intent = await town.accept(signEndClaim("decline-claim", terms, blockStart + 100));
    expect(await refusal(town, signClaim(terms, wallet(7), blockStart + 100))).to.deep.equal([
      ["step_in_flight", claimId(terms)],
    ]);
    expect(await town.settle()).to.equal(0);
    expect((await town.read(intent)).state).to.equal("settled");
    expect(balance(town, 1)).to.equal(funds);
    expect(await refusal(town, signClaim(terms, wallet(7), blockStart + 100))).to.deep.equal([
      ["agreement_state_invalid", claimId(terms)],
    ]);
  });

  it("holds the sender's money from acceptance on, and no more than there is", async () => {
    const town = await createTown();
    await town.accept(signOpenClaim(claimTerms({ amount: 700n })));
    expect((await town.store.readAccounts([{ coin, address: wallet(1) }]))[0]?.held).to.equal(700n);
    const second = signOpenClaim(claimTerms({ amount: 400n, salt: `0x${"22".repeat(32)}` }));
    expect((await refusal(town, second)).map(([code]) => code)).to.deep.equal(["insufficient_funds"]);
  });
});

describe("a commerce payment", () => {
  const capture = (amount: bigint, captured: bigint, voided = 0n) =>
    signCapture(paymentTerms(), captureOrder({ amount, captured, voided }));

  it("is authorized, captured twice, voided in part, refunded in part; every unit ends where it was signed for", async () => {
    const town = await createTown();
    const terms = paymentTerms();
    const id = paymentId(terms);
    await carryOut(town, signAuthorize(terms));
    expect(await refusal(town, capture(100n, 1n))).to.deep.equal([["agreement_state_invalid", "captured"]]);
    await carryOut(town, capture(200n, 0n));
    const second = await carryOut(town, capture(150n, 200n));
    const rest = { amount: 50n, captured: 350n, voided: 0n, deadline: blockStart + 150 };
    await carryOut(town, signVoid(terms, rest));
    await carryOut(town, signRefund(terms, 80n, 0n));
    // 100 basis points of 350 base units, rounded down in all: 3.
    expect([balance(town, 1), balance(town, 2), balance(town, 800)]).to.deep.equal([
      funds - 500n + 50n + 80n,
      funds + 350n - 3n - 80n,
      3n,
    ]);
    const stored = await town.store.readAgreement(id);
    expect([stored?.state, stored?.totals]).to.deep.equal([
      "authorized",
      { captured: 350n, voided: 50n, refunded: 80n, disputed: false },
    ]);
    expect(stored?.steps.map(({ step, amount, fee }) => [step, amount, fee])).to.deep.equal([
      ["authorize", 500n, 0n],
      ["capture", 200n, 2n],
      ["capture", 150n, 1n],
      ["void", 50n, 0n],
      ["refund", 80n, 0n],
    ]);
    expect(await town.store.sumEscrow({ escrow: commerce, coin })).to.deep.equal({ open: 100n, balance: 100n });
    const trace = await town.store.readTrace(second.sequence);
    expect(trace?.movements.map(({ to, amount }) => [to, amount])).to.deep.equal([
      [wallet(2), 149n],
      [wallet(800), 1n],
    ]);
    for (const party of [wallet(1), wallet(2), wallet(800), wallet(801)]) {
      const { events } = await town.store.readEvents({ after: 0n, limit: 99, account: party });
      expect(
        events.filter(({ type }) => type === "payment"),
        party,
      ).to.have.length(5);
      const listed = await town.store.listAgreements({ kind: "payment", account: party, limit: 9 });
      expect(listed.map(({ id: of }) => of)).to.deep.equal([id]);
    }
    await agrees(town);
  });

  it("is charged in one step: authorized, captured and the rest given back, as one intent's work", async () => {
    const town = await createTown();
    const terms = paymentTerms();
    const draft = signCharge(terms, captureOrder({ amount: 300n, voidRest: true }));
    expect(await refusal(town, { ...draft, merchantSignature: draft.signature })).to.deep.equal([
      ["signature_invalid", terms.merchant],
    ]);
    const charged = await carryOut(town, draft);
    const stored = await town.store.readAgreement(paymentId(terms));
    expect([stored?.state, stored?.totals?.captured, stored?.totals?.voided]).to.deep.equal(["closed", 300n, 200n]);
    const { events } = await town.store.readEvents({ after: 0n, limit: 99 });
    const told = events.filter(({ type }) => type === "payment");
    expect(told.map(({ body, intent }) => [body["step"], intent])).to.deep.equal([
      ["authorize", charged.sequence],
      ["capture", charged.sequence],
    ]);
    const trace = await town.store.readTrace(charged.sequence);
    expect(trace?.movements.map(({ to, amount }) => [to, amount])).to.deep.equal([
      [commerce, 500n],
      [wallet(2), 297n],
      [wallet(800), 3n],
      [wallet(1), 200n],
    ]);
    await agrees(town);
  });

  it("refuses a second capture for totals that are being changed, and one for totals that are no longer there", async () => {
    const town = await createTown();
    const terms = paymentTerms();
    await carryOut(town, signAuthorize(terms));
    const first = await town.accept(capture(200n, 0n));
    expect(await refusal(town, capture(100n, 0n))).to.have.length(1);
    expect(await town.settle()).to.equal(0);
    expect((await town.read(first)).state).to.equal("settled");
    expect(await refusal(town, capture(100n, 0n))).to.deep.equal([["agreement_state_invalid", "captured"]]);
  });
});

describe("a swap", () => {
  async function createMarket() {
    const town = await createTown();
    town.model.move(zeroAddress, wallet(2), 1_000n);
    await town.block(3);
    return town;
  }
  const second = (town: Town, index: number): bigint => accountIn(town.model.second, wallet(index)).balance;

  it("moves both coins or none, and uses its quote up", async () => {
    const town = await createMarket();
    const terms = quoteTerms();
    await carryOut(town, signSwap(terms));
    expect([balance(town, 1), balance(town, 2)]).to.deep.equal([funds - 100n, funds + 100n]);
    expect([second(town, 1), second(town, 2)]).to.deep.equal([780n, 220n]);
    expect(await town.store.readQuoteEnd(swap, quoteId(terms))).to.equal("swap");
    expect(await refusal(town, signCancelQuote(terms, blockStart + 200))).to.deep.equal([
      ["quote_state_invalid", "terms"],
    ]);
    await agrees(town);
    const books = await town.store.readAccounts([{ coin: secondCoin, address: wallet(1) }]);
    expect(books[0]?.posted).to.equal(780n);
  });

  it("needs both legs, and waits while the taker cannot pay", async () => {
    const town = await createMarket();
    const draft = signSwap(quoteTerms());
    expect(await refusal(town, { ...draft, takerSignature: draft.makerSignature })).to.deep.equal([
      ["signature_invalid", wallet(2)],
    ]);
    const dear = await town.accept(signSwap(quoteTerms({ buyAmount: 1_001n })));
    await town.block(3);
    expect([(await town.read(dear)).state, (await town.read(dear)).reason]).to.deep.equal([
      "accepted",
      "insufficient_funds",
    ]);
    expect(balance(town, 1), "nothing moved").to.equal(funds);
  });

  it("is cancelled by its maker even while it is on its way; only one of the two settles", async () => {
    const town = await createMarket();
    const terms = quoteTerms();
    const swapped = await town.accept(signSwap(terms));
    const cancelled = await town.accept(signCancelQuote(terms, blockStart + 200));
    expect(await town.settle()).to.equal(0);
    expect([(await town.read(swapped)).state, (await town.read(cancelled)).state]).to.deep.equal([
      "cancelled",
      "settled",
    ]);
    expect(balance(town, 1)).to.equal(funds);
    expect(await town.store.readQuoteEnd(swap, quoteId(terms))).to.equal("cancel-quote");
  });
});

describe("the travel rule", () => {
  it("refuses nothing: the payment waits, and goes as soon as its payee is attested, long before its backoff ends", async () => {
    const town = await createTown();
    const pair = { payer: wallet(1), payee: wallet(21) };
    town.model.coin.attested.set(`${pair.payer}:${pair.payee}`, 0);
    const intent = await town.accept(payment(1));
    const other = await town.accept(payment(2));
    await town.block(8);
    const waiting = await town.read(intent);
    expect([waiting.state, waiting.reason]).to.deep.equal(["accepted", "travel_rule"]);
    expect((await town.read(other)).state).to.equal("settled");
    const ready = async () => (await town.store.readReady({ now: town.clock.now(), limit: 9 })).length;
    // Skipped again and again: by now it waits for longer than the attestation takes.
    await town.accept(signAttestation({ ...pair, amount: 99n }));
    await town.round();
    town.model.mine();
    await town.house.follower.tick();
    expect(await ready(), "another amount helps nothing").to.equal(0);
    await town.accept(signAttestation({ ...pair, amount: 100n }, `0x${"66".repeat(32)}`));
    await town.round();
    town.model.mine();
    await town.house.follower.tick();
    expect(await ready()).to.equal(1);
    expect(await town.settle()).to.equal(0);
    expect((await town.read(intent)).state).to.equal("settled");
  });
});
