/**
 * What is refused of claims, payments and quotes: each check differs from an acceptable draft in one thing, at its boundary and beside it.
 */
import { expect } from "chai";
import type { AgreementDraft, CaptureOrder, Draft } from "../../src/domain/draft.ts";
import { disputeSeconds, toPaymentState } from "../../src/domain/agreement.ts";
import { zeroAddress } from "../../src/domain/hex.ts";
import { judgeDraft } from "../../src/domain/policy.ts";
import type { KnownAgreement, PolicyContext } from "../../src/domain/reasons.ts";
import { defaultIntakeLimits } from "../../src/pipeline/accept.ts";
import {
  blockStart,
  captureOrder,
  claimId,
  claimTerms,
  paymentTerms,
  quoteTerms,
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
import { claims, coin, commerce, secondCoin, wallet } from "../support/model-names.ts";

const day = 86_400;
const deadline = blockStart + 50;

function judge(draft: Draft, changes: Partial<PolicyContext> = {}): readonly (readonly [string, string])[] {
  const context: PolicyContext = {
    blockTime: blockStart,
    coins: new Set([coin, secondCoin]),
    contracts: new Set([claims, commerce]),
    validity: defaultIntakeLimits.validity,
    redemption: null,
    agreement: null,
    quoteEnd: null,
    ...changes,
  };
  return judgeDraft(draft, context).map(({ code, subject }) => [code, subject] as const);
}

const claim = claimTerms();
const payment = paymentTerms();
const openClaim = (state = "open", terms = claim): { agreement: KnownAgreement } => ({
  agreement: { agreement: { kind: "claim", terms }, state, totals: null, steps: [] },
});

interface Totals {
  readonly captured?: bigint;
  readonly voided?: bigint;
  readonly refunded?: bigint;
  readonly disputed?: boolean;
  readonly fee?: bigint;
}
function known(changes: Totals = {}, terms = payment): { agreement: KnownAgreement } {
  const { captured = 0n, voided = 0n, refunded = 0n, disputed = false, fee = 0n } = changes;
  const totals = { captured, voided, refunded, disputed };
  const state = toPaymentState(terms.amount, totals);
  return { agreement: { agreement: { kind: "payment", terms }, state, totals, steps: [{ fee }] } };
}

describe("open-claim", () => {
  const open = (changes: Parameters<typeof claimTerms>[0], context = {}) =>
    judge(signOpenClaim(claimTerms(changes)), context);

  it("finds nothing against ordinary terms", () => {
    expect(open({})).to.deep.equal([]);
  });

  it("refuses an unknown coin, a zero amount and a missing link key", () => {
    expect(open({ coin: wallet(5) })).to.deep.equal([["coin_unknown", wallet(5)]]);
    expect(open({ amount: 0n })).to.deep.equal([["amount_zero", "amount"]]);
    expect(open({ linkKey: zeroAddress })).to.deep.equal([["request_malformed", "linkKey"]]);
  });

  it("expires later than now, in 180 days at most, and is not cancelled later than that", () => {
    expect(open({ expiry: blockStart + 1, cancelFrom: 0 })).to.deep.equal([]);
    expect(open({ expiry: blockStart, cancelFrom: 0 })).to.deep.equal([["expired", "expiry"]]);
    expect(open({ expiry: blockStart + 180 * day })).to.deep.equal([]);
    expect(open({ expiry: blockStart + 180 * day + 1 })).to.deep.equal([["deadline_invalid", "expiry"]]);
    expect(open({ cancelFrom: claim.expiry })).to.deep.equal([]);
    expect(open({ cancelFrom: claim.expiry + 1 })).to.deep.equal([["deadline_invalid", "cancelFrom"]]);
  });
});

describe("a step of a claim", () => {
  const steps: Readonly<Record<string, AgreementDraft>> = {
    claim: signClaim(claim, wallet(7), deadline),
    decline: signEndClaim("decline-claim", claim, deadline),
    reclaim: { kind: "reclaim-claim", id: claimId(claim), coin },
  };

  it("needs a claim that the node has seen, and open", () => {
    for (const [name, step] of Object.entries(steps)) {
      const blockTime = name === "reclaim" ? claim.expiry : blockStart;
      expect(judge(step, { blockTime, ...known() }), name).to.deep.include(["agreement_unknown", claimId(claim)]);
      expect(judge(step, { ...openClaim("claimed") }), name).to.deep.equal([
        ["agreement_state_invalid", claimId(claim)],
      ]);
    }
  });

  it("acts before expiry, and is reclaimed from then on", () => {
    const at = (blockTime: number) => ({ ...openClaim(), blockTime });
    const late = signClaim(claim, wallet(7), claim.expiry);
    expect(judge(late, at(claim.expiry - 1))).to.deep.equal([]);
    expect(judge(late, at(claim.expiry))).to.deep.equal([["deadline_invalid", "expiry"]]);
    expect(judge(steps["reclaim"] ?? expect.fail(), at(claim.expiry - 1))).to.deep.equal([
      ["deadline_invalid", "expiry"],
    ]);
    expect(judge(steps["reclaim"] ?? expect.fail(), at(claim.expiry))).to.deep.equal([]);
  });

  it("is cancelled by its sender from cancelFrom on", () => {
    const cancel = signEndClaim("cancel-claim", claim, claim.expiry);
    const at = (blockTime: number) => ({ ...openClaim(), blockTime });
    expect(judge(cancel, at(claim.cancelFrom - 1))).to.deep.equal([["deadline_invalid", "cancelFrom"]]);
    expect(judge(cancel, at(claim.cancelFrom))).to.deep.equal([]);
    expect(judge({ ...cancel, signer: wallet(9) }, at(claim.cancelFrom))).to.deep.equal([
      ["signer_not_permitted", wallet(9)],
    ]);
  });

  it("is taken or declined by the link's key alone", () => {
    for (const step of [signClaim(claim, wallet(7), deadline), signEndClaim("decline-claim", claim, deadline)]) {
      expect(judge({ ...step, signer: claim.sender }, openClaim())).to.deep.equal([
        ["signer_not_permitted", claim.sender],
      ]);
    }
  });

  it("names a recipient that is no contract of the network, and the claim's coin", () => {
    for (const barred of [zeroAddress, coin, secondCoin, claims, commerce]) {
      expect(judge(signClaim(claim, barred, deadline), openClaim())).to.deep.equal([["payee_invalid", barred]]);
    }
    const other = { ...signClaim(claim, wallet(7), deadline), coin: secondCoin };
    expect(judge(other, openClaim())).to.deep.equal([["coin_unknown", secondCoin]]);
  });

  it("carries the attestor's word where one was agreed, and nobody's where none was", () => {
    const attested = claimTerms({ attestor: wallet(30) });
    const draft = signClaim(attested, wallet(7), deadline);
    expect(judge(draft, openClaim("open", attested))).to.deep.equal([]);
    expect(judge({ ...draft, attestor: null }, openClaim("open", attested))).to.deep.equal([
      ["signer_not_permitted", "attestor"],
    ]);
    const word = { signer: wallet(31), signature: "0x" } as const;
    expect(judge({ ...draft, attestor: word }, openClaim("open", attested))).to.deep.equal([
      ["signer_not_permitted", wallet(31)],
    ]);
    expect(judge({ ...signClaim(claim, wallet(7), deadline), attestor: word }, openClaim())).to.deep.equal([
      ["signer_not_permitted", wallet(31)],
    ]);
  });

  it("has a deadline of its own, inclusive, a day away at most", () => {
    const at = (value: number) => judge(signEndClaim("decline-claim", claim, value), openClaim());
    expect(at(blockStart)).to.deep.equal([]);
    expect(at(blockStart - 1)).to.deep.equal([["expired", "deadline"]]);
    expect(at(blockStart + day)).to.deep.equal([]);
    expect(at(blockStart + day + 1)).to.deep.equal([["validity_too_long", "deadline"]]);
  });
});

describe("authorize", () => {
  const authorize = (changes: Parameters<typeof paymentTerms>[0]) => judge(signAuthorize(paymentTerms(changes)));

  it("finds nothing against ordinary terms", () => {
    expect(authorize({})).to.deep.equal([]);
  });

  it("refuses a zero amount, a merchant that is a contract, nobody, or the payer", () => {
    expect(authorize({ amount: 0n })).to.deep.equal([["amount_zero", "amount"]]);
    for (const merchant of [zeroAddress, commerce, coin, payment.payer]) {
      expect(authorize({ merchant })).to.deep.equal([["payee_invalid", merchant]]);
    }
  });

  it("bounds the fee, and names who receives it", () => {
    expect(authorize({ minFeeBps: 300 })).to.deep.equal([]);
    expect(authorize({ minFeeBps: 301 })).to.deep.equal([["fee_invalid", "maxFeeBps"]]);
    expect(authorize({ maxFeeBps: 10_000 })).to.deep.equal([]);
    expect(authorize({ maxFeeBps: 10_001 })).to.deep.equal([["fee_invalid", "maxFeeBps"]]);
    expect(authorize({ feeReceiver: zeroAddress })).to.deep.equal([["fee_invalid", "feeReceiver"]]);
    expect(authorize({ feeReceiver: zeroAddress, maxFeeBps: 0 })).to.deep.equal([]);
    expect(authorize({ feeReceiver: commerce })).to.deep.equal([["payee_invalid", commerce]]);
  });

  it("orders its deadlines: authorizeBy ahead, captureBy in 90 days and refundBy in 180 at most", () => {
    const { authorizeBy, captureBy } = payment;
    expect(authorize({ authorizeBy: blockStart + 1 })).to.deep.equal([]);
    expect(authorize({ authorizeBy: blockStart })).to.deep.equal([["expired", "authorizeBy"]]);
    expect(authorize({ captureBy: authorizeBy, refundBy: authorizeBy })).to.deep.equal([]);
    expect(authorize({ captureBy: authorizeBy - 1 })).to.deep.equal([["deadline_invalid", "captureBy"]]);
    expect(authorize({ refundBy: captureBy - 1 })).to.deep.equal([["deadline_invalid", "captureBy"]]);
    const far = { refundBy: blockStart + 180 * day };
    expect(authorize({ ...far, captureBy: blockStart + 90 * day })).to.deep.equal([]);
    expect(authorize({ ...far, captureBy: blockStart + 90 * day + 1 })).to.deep.equal([
      ["deadline_invalid", "captureBy"],
    ]);
    expect(authorize({ refundBy: blockStart + 180 * day + 1 })).to.deep.equal([["deadline_invalid", "refundBy"]]);
  });
});

describe("charge", () => {
  const charge = (changes: Partial<CaptureOrder>) => judge(signCharge(payment, captureOrder(changes)));

  it("is judged as the authorization and a first capture at once", () => {
    expect(charge({})).to.deep.equal([]);
    expect(charge({ captured: 1n })).to.deep.equal([["agreement_state_invalid", "captured"]]);
    expect(charge({ amount: 501n })).to.deep.equal([["amount_exceeded", "amount"]]);
    expect(charge({ feeBps: 301 })).to.deep.equal([["fee_invalid", "feeBps"]]);
  });
});

describe("capture", () => {
  const capture = (changes: Partial<CaptureOrder>, context: object = known()) =>
    judge(signCapture(payment, captureOrder(changes)), context);

  it("needs a payment that the node has seen and that is not disputed", () => {
    expect(capture({})).to.deep.equal([]);
    expect(capture({}, {})).to.deep.equal([["agreement_unknown", "terms"]]);
    expect(capture({}, openClaim())).to.deep.equal([["agreement_unknown", "terms"]]);
    expect(capture({}, known({ disputed: true }))).to.deep.equal([["agreement_state_invalid", "state"]]);
  });

  it("expects the totals that the chain has", () => {
    const context = known({ captured: 100n, voided: 50n, fee: 1n });
    expect(capture({ captured: 100n, voided: 50n }, context)).to.deep.equal([]);
    expect(capture({ captured: 99n, voided: 50n }, context)).to.deep.equal([["agreement_state_invalid", "captured"]]);
    expect(capture({ captured: 100n, voided: 51n }, context)).to.deep.equal([["agreement_state_invalid", "captured"]]);
  });

  it("takes one base unit to everything that is left", () => {
    const context = known({ captured: 100n, voided: 50n, fee: 1n });
    const rest = (amount: bigint) => capture({ captured: 100n, voided: 50n, amount }, context);
    expect(rest(350n)).to.deep.equal([]);
    expect(rest(351n)).to.deep.equal([["amount_exceeded", "amount"]]);
    expect(rest(0n)).to.deep.equal([["amount_zero", "amount"]]);
  });

  it("charges within the bounds, and the rate of the first capture ever after", () => {
    expect(capture({ feeBps: 300 })).to.deep.equal([]);
    expect(capture({ feeBps: 301 })).to.deep.equal([["fee_invalid", "feeBps"]]);
    const context = known({ captured: 100n, fee: 1n });
    expect(capture({ captured: 100n, feeBps: 100 }, context)).to.deep.equal([]);
    expect(capture({ captured: 100n, feeBps: 300 }, context)).to.deep.equal([["fee_invalid", "feeBps"]]);
  });

  it("comes before captureBy", () => {
    const at = (blockTime: number) => ({ ...known(), blockTime });
    const late = { deadline: payment.captureBy };
    expect(capture(late, at(payment.captureBy - 1))).to.deep.equal([]);
    expect(capture(late, at(payment.captureBy))).to.deep.equal([["deadline_invalid", "captureBy"]]);
  });
});

describe("void", () => {
  const order = { amount: 10n, captured: 0n, voided: 0n, deadline: payment.captureBy };

  it("gives back what is left, at the totals and the dispute that the chain has", () => {
    expect(judge(signVoid(payment, order), known())).to.deep.equal([]);
    expect(judge(signVoid(payment, order))).to.deep.equal([["agreement_unknown", "terms"]]);
    expect(judge(signVoid(payment, { ...order, amount: 501n }), known())).to.deep.equal([
      ["amount_exceeded", "amount"],
    ]);
    expect(judge(signVoid(payment, { ...order, amount: 0n }), known())).to.deep.equal([["amount_zero", "amount"]]);
    expect(judge(signVoid(payment, order), known({ disputed: true }))).to.deep.equal([
      ["agreement_state_invalid", "captured"],
    ]);
    expect(judge(signVoid(payment, { ...order, disputed: true }), known({ disputed: true }))).to.deep.equal([]);
  });

  it("comes before captureBy, and while disputed fifteen days later", () => {
    const late = { ...order, deadline: payment.captureBy + disputeSeconds };
    const at = (blockTime: number, disputed: boolean) =>
      judge(signVoid(payment, { ...late, disputed }), { ...known({ disputed }), blockTime }).map(([code]) => code);
    expect(at(payment.captureBy, false)).to.include("deadline_invalid");
    expect(at(payment.captureBy + disputeSeconds - 1, true)).to.deep.equal([]);
    expect(at(payment.captureBy + disputeSeconds, true)).to.deep.equal(["deadline_invalid"]);
  });
});

describe("refund", () => {
  it("gives back what was captured, once, before refundBy", () => {
    const context = known({ captured: 200n, refunded: 50n });
    expect(judge(signRefund(payment, 150n, 50n), context)).to.deep.equal([]);
    expect(judge(signRefund(payment, 150n, 50n))).to.deep.equal([["agreement_unknown", "terms"]]);
    expect(judge(signRefund(payment, 151n, 50n), context)).to.deep.equal([["amount_exceeded", "amount"]]);
    expect(judge(signRefund(payment, 0n, 50n), context)).to.deep.equal([["amount_zero", "amount"]]);
    expect(judge(signRefund(payment, 1n, 0n), context)).to.deep.equal([["agreement_state_invalid", "refunded"]]);
    const at = (blockTime: number) => judge(signRefund(payment, 1n, 50n), { ...context, blockTime });
    expect(at(payment.refundBy - 1)).to.deep.equal([]);
    expect(at(payment.refundBy)).to.deep.equal([["deadline_invalid", "refundBy"]]);
  });
});

describe("a dispute of a payment", () => {
  const dispute = (changes: object = {}, terms = payment) =>
    ({
      kind: "dispute-payment",
      terms,
      captured: 0n,
      voided: 0n,
      deadline: payment.captureBy,
      signature: "0x",
      ...changes,
    }) as const;
  const resolve = (changes: object = {}) =>
    ({ ...dispute(), kind: "resolve-payment", toMerchant: 100n, feeBps: 100, ...changes }) as const;

  it("is opened where an arbiter was agreed, of what is left, before captureBy", () => {
    expect(judge(dispute(), known())).to.deep.equal([]);
    expect(judge(dispute())).to.deep.equal([["agreement_unknown", "terms"]]);
    const without = paymentTerms({ arbiter: zeroAddress });
    expect(judge(dispute({}, without), known({}, without))).to.deep.equal([["agreement_state_invalid", "arbiter"]]);
    expect(judge(dispute(), known({ disputed: true }))).to.deep.equal([["agreement_state_invalid", "state"]]);
    expect(judge(dispute({ voided: 1n }), known())).to.deep.equal([["agreement_state_invalid", "captured"]]);
    expect(judge(dispute(), { ...known(), blockTime: payment.captureBy })).to.deep.equal([
      ["deadline_invalid", "captureBy"],
    ]);
  });

  it("is resolved by division of what is left, within fifteen days of captureBy", () => {
    const context = known({ disputed: true });
    expect(judge(resolve(), context)).to.deep.equal([]);
    expect(judge(resolve({ toMerchant: 500n }), context)).to.deep.equal([]);
    expect(judge(resolve({ toMerchant: 0n }), context)).to.deep.equal([]);
    expect(judge(resolve({ toMerchant: 501n }), context)).to.deep.equal([["amount_exceeded", "toMerchant"]]);
    expect(judge(resolve({ feeBps: 301 }), context)).to.deep.equal([["fee_invalid", "feeBps"]]);
    expect(judge(resolve({ captured: 1n }), context)).to.deep.equal([["agreement_state_invalid", "captured"]]);
    expect(judge(resolve(), known())).to.deep.equal([["agreement_state_invalid", "state"]]);
    const end = payment.captureBy + disputeSeconds;
    const at = (blockTime: number) => judge(resolve({ deadline: end }), { ...context, blockTime });
    expect(at(end - 1)).to.deep.equal([]);
    expect(at(end)).to.deep.equal([["deadline_invalid", "captureBy"]]);
  });
});

describe("reclaim-payment", () => {
  const reclaim = (changes: Totals = {}) =>
    ({ kind: "reclaim-payment", terms: payment, captured: 0n, voided: 0n, disputed: false, ...changes }) as const;

  it("sends back what is left from captureBy on, of a disputed payment fifteen days later", () => {
    const end = payment.captureBy + disputeSeconds;
    const at = (blockTime: number, disputed: boolean) =>
      judge(reclaim({ disputed }), { ...known({ disputed }), blockTime });
    expect(at(payment.captureBy - 1, false)).to.deep.equal([["deadline_invalid", "captureBy"]]);
    expect(at(payment.captureBy, false)).to.deep.equal([]);
    expect(at(end - 1, true)).to.deep.equal([["deadline_invalid", "captureBy"]]);
    expect(at(end, true)).to.deep.equal([]);
  });

  it("expects the totals and the dispute that the chain has, and something left", () => {
    const blockTime = payment.captureBy;
    expect(judge(reclaim(), { blockTime })).to.deep.equal([["agreement_unknown", "terms"]]);
    expect(judge(reclaim({ captured: 1n }), { ...known(), blockTime })).to.deep.equal([
      ["agreement_state_invalid", "captured"],
    ]);
    const closed = { captured: 400n, voided: 100n };
    expect(judge(reclaim(closed), { ...known(closed), blockTime })).to.deep.equal([
      ["agreement_state_invalid", "state"],
    ]);
  });
});

describe("a quote", () => {
  const swap = (changes: Parameters<typeof quoteTerms>[0], context = {}) =>
    judge(signSwap(quoteTerms(changes)), context);

  it("swaps two of our coins between two parties", () => {
    expect(swap({})).to.deep.equal([]);
    expect(swap({ sellCoin: wallet(5), buyCoin: wallet(6) })).to.deep.equal([
      ["coin_unknown", wallet(5)],
      ["coin_unknown", wallet(6)],
    ]);
    expect(swap({ buyCoin: coin })).to.deep.equal([["request_malformed", "buyCoin"]]);
    expect(swap({ sellAmount: 0n })).to.deep.equal([["amount_zero", "sellAmount"]]);
    expect(swap({ buyAmount: 0n })).to.deep.equal([["amount_zero", "buyAmount"]]);
    expect(swap({ taker: wallet(1) })).to.deep.equal([["payee_invalid", wallet(1)]]);
    expect(swap({ taker: zeroAddress })).to.deep.equal([["payee_invalid", zeroAddress]]);
    expect(swap({ maker: commerce })).to.deep.equal([["payee_invalid", commerce]]);
  });

  it("is valid for thirty days at most and not used up", () => {
    expect(swap({ validBefore: blockStart + 1 })).to.deep.equal([]);
    expect(swap({ validBefore: blockStart })).to.deep.equal([["expired", "validBefore"]]);
    expect(swap({ validBefore: blockStart + 30 * day })).to.deep.equal([]);
    expect(swap({ validBefore: blockStart + 30 * day + 1 })).to.deep.equal([["deadline_invalid", "validBefore"]]);
    for (const quoteEnd of ["swap", "cancel-quote"]) {
      expect(swap({}, { quoteEnd })).to.deep.equal([["quote_state_invalid", "terms"]]);
    }
  });

  it("is cancelled while it could still be swapped", () => {
    const cancel = (context: Partial<PolicyContext> = {}) =>
      judge(signCancelQuote(quoteTerms(), blockStart + 400), context);
    expect(cancel()).to.deep.equal([]);
    expect(cancel({ quoteEnd: "swap" })).to.deep.equal([["quote_state_invalid", "terms"]]);
    expect(cancel({ blockTime: quoteTerms().validBefore })).to.deep.equal([["expired", "validBefore"]]);
  });
});

describe("wallet operators", () => {
  const order = { coin, deadline, signer: wallet(3), signature: "0x" } as const;
  const join = { ...order, kind: "join", account: wallet(1), vasp: 1, joinId: coin, accountSignature: "0x" } as const;

  it("join: an operator's number, a person's account, a deadline", () => {
    expect(judge(join)).to.deep.equal([]);
    expect(judge({ ...join, vasp: 0 })).to.deep.equal([["vasp_unknown", "vasp"]]);
    expect(judge({ ...join, vasp: 65_535 })).to.deep.equal([]);
    expect(judge({ ...join, vasp: 65_536 })).to.deep.equal([["vasp_unknown", "vasp"]]);
    expect(judge({ ...join, account: claims })).to.deep.equal([["payee_invalid", claims]]);
    expect(judge({ ...join, deadline: blockStart - 1 })).to.deep.equal([["expired", "deadline"]]);
  });

  it("leave has a deadline, complete-leave waits for its moment", () => {
    const leave = { kind: "leave", coin, account: wallet(1), leaveId: coin, deadline, signature: "0x" } as const;
    expect(judge(leave)).to.deep.equal([]);
    expect(judge({ ...leave, deadline: blockStart - 1 })).to.deep.equal([["expired", "deadline"]]);
    const complete = { kind: "complete-leave", coin, account: wallet(1), leaveAt: blockStart } as const;
    expect(judge(complete)).to.deep.equal([]);
    expect(judge({ ...complete, leaveAt: blockStart + 1 })).to.deep.equal([["deadline_invalid", "leaveAt"]]);
  });

  it("travel-attest: an amount between two people, for thirty days at most", () => {
    const parties = { payer: wallet(1), payee: wallet(2), amount: 5n, reference: coin, vasp: 1, attestationId: coin };
    const attest = { ...order, ...parties, kind: "travel-attest", validUntil: blockStart + 30 * day } as const;
    expect(judge(attest)).to.deep.equal([]);
    expect(judge({ ...attest, validUntil: blockStart + 30 * day + 1 })).to.deep.equal([
      ["deadline_invalid", "validUntil"],
    ]);
    expect(judge({ ...attest, validUntil: blockStart })).to.deep.equal([["expired", "validUntil"]]);
    expect(judge({ ...attest, amount: 0n })).to.deep.equal([["amount_zero", "amount"]]);
    expect(judge({ ...attest, payee: coin })).to.deep.equal([["payee_invalid", coin]]);
    expect(judge({ ...attest, payer: zeroAddress })).to.deep.equal([["payee_invalid", zeroAddress]]);
    expect(judge({ ...attest, vasp: 0 })).to.deep.equal([["vasp_unknown", "vasp"]]);
  });

  it("seize and approve-mint: a deadline, an amount, an account of a person", () => {
    const seize = { ...order, kind: "seize", orderId: coin, account: wallet(1), amount: 5n, caseId: coin } as const;
    expect(judge(seize)).to.deep.equal([]);
    expect(judge({ ...seize, amount: 0n })).to.deep.equal([["amount_zero", "amount"]]);
    expect(judge({ ...seize, account: claims })).to.deep.equal([["payee_invalid", claims]]);
    expect(judge({ ...seize, deadline: blockStart - 1 })).to.deep.equal([["expired", "deadline"]]);
    const approve = { ...order, kind: "approve-mint", mintKey: coin } as const;
    expect(judge(approve)).to.deep.equal([]);
    expect(judge({ ...approve, deadline: blockStart - 1 })).to.deep.equal([["expired", "deadline"]]);
  });
});
