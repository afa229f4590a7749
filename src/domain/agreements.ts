/**
 * What the node refuses of claims, payments and quotes before it promises anything. Owns the escrows' own checks, done earlier and without
 * gas, against the terms and what the chain was last seen to hold; promises every reason. The travel rule is never a reason here: only
 * the chain knows who has been attested.
 */
import { type ClaimTerms, disputeSeconds, dueOf, feeOf, type PaymentTerms, type PaymentTotals } from "./agreement.ts";
import type {
  AuthorizeDraft,
  CancelQuoteDraft,
  CaptureDraft,
  CaptureOrder,
  ChargeDraft,
  ClaimDraft,
  DisputePaymentDraft,
  EndClaimDraft,
  OpenClaimDraft,
  ReclaimClaimDraft,
  ReclaimPaymentDraft,
  RefundDraft,
  ResolvePaymentDraft,
  SwapDraft,
  VoidDraft,
} from "./draft.ts";
import { type Address, zeroAddress } from "./hex.ts";
import {
  compare,
  judgeAhead,
  judgeAmount,
  judgeDeadline,
  judgeMoment,
  judgePayee,
  judgeSigner,
  type PolicyContext,
  reason,
} from "./reasons.ts";
import type { Rejection } from "./rejection.ts";

/** Hundredths of a percent in a whole. */
const wholeBps = 10_000;

// ——— claims ———

export function judgeOpenClaim({ terms }: OpenClaimDraft, context: PolicyContext): Rejection[] {
  const { linkKey, cancelFrom, expiry } = terms;
  const reasons = judgeAmount(terms.amount);
  if (linkKey === zeroAddress) {
    reasons.push(reason("request_malformed", "linkKey", "Make a key for the link and name its address."));
  }
  reasons.push(...judgeAhead({ field: "expiry", at: expiry, longest: context.validity.claim }, context));
  if (cancelFrom > expiry) {
    const remedy = "Let the sender take it back from the expiry on or earlier.";
    reasons.push(reason("deadline_invalid", "cancelFrom", remedy, compare(cancelFrom, expiry)));
  }
  return reasons;
}

/** Who takes the claim: the link's key names it, and the attestor of the terms confirms it. */
function judgeTaker(draft: ClaimDraft, terms: ClaimTerms): Rejection[] {
  const reasons = judgeSigner(draft.signer, terms.linkKey, "the link's key");
  const isAgreed = terms.attestor !== zeroAddress;
  if (draft.attestor === null) {
    if (!isAgreed) return reasons;
    const remedy = "Add the attestor's signature: the sender asked for it.";
    return [...reasons, reason("signer_not_permitted", "attestor", remedy, { limit: terms.attestor })];
  }
  return [...reasons, ...judgeSigner(draft.attestor.signer, terms.attestor, "the attestor of the terms")];
}

/** A step out of the open claim. */
export function judgeClaimStep(
  draft: ClaimDraft | EndClaimDraft | ReclaimClaimDraft,
  context: PolicyContext,
): Rejection[] {
  const reasons = draft.kind === "reclaim-claim" ? [] : judgeDeadline(draft.deadline, context);
  if (draft.kind === "claim") reasons.push(...judgePayee(draft.recipient, context));
  const known = context.agreement;
  if (known?.agreement.kind !== "claim") {
    const remedy = "Check the id, and wait until the claim is in a block.";
    return [...reasons, reason("agreement_unknown", draft.id, remedy)];
  }
  const { terms } = known.agreement;
  if (draft.coin !== terms.coin) {
    reasons.push(reason("coin_unknown", draft.coin, "Name the coin of the claim.", { limit: terms.coin }));
  }
  if (known.state !== "open") {
    const remedy = "Read the claim: it has ended.";
    reasons.push(reason("agreement_state_invalid", draft.id, remedy, { actual: known.state, limit: "open" }));
  } else {
    const side = draft.kind === "reclaim-claim" ? "from" : "before";
    reasons.push(...judgeMoment({ field: "expiry", at: terms.expiry, side }, context));
    if (draft.kind === "cancel-claim") {
      reasons.push(...judgeMoment({ field: "cancelFrom", at: terms.cancelFrom, side: "from" }, context));
    }
  }
  if (draft.kind === "claim") reasons.push(...judgeTaker(draft, terms));
  if (draft.kind === "decline-claim") reasons.push(...judgeSigner(draft.signer, terms.linkKey, "the link's key"));
  if (draft.kind === "cancel-claim") reasons.push(...judgeSigner(draft.signer, terms.sender, "the claim's sender"));
  return reasons;
}

// ——— payments ———

function judgeFeeTerms({ minFeeBps, maxFeeBps, feeReceiver }: PaymentTerms, context: PolicyContext): Rejection[] {
  const isOrdered = minFeeBps >= 0 && minFeeBps <= maxFeeBps && maxFeeBps <= wholeBps;
  if (!isOrdered) {
    const remedy = `Order the bounds: 0 ≤ minFeeBps ≤ maxFeeBps ≤ ${wholeBps}.`;
    return [reason("fee_invalid", "maxFeeBps", remedy, { actual: `${minFeeBps} ${maxFeeBps}` })];
  }
  if (feeReceiver === zeroAddress) {
    if (maxFeeBps === 0) return [];
    return [reason("fee_invalid", "feeReceiver", "Name who receives the fee, or allow none.", { actual: feeReceiver })];
  }
  return judgePayee(feeReceiver, context);
}

export function judgeAuthorize({ terms }: AuthorizeDraft | ChargeDraft, context: PolicyContext): Rejection[] {
  const { merchant, payer, authorizeBy, captureBy, refundBy } = terms;
  const { validity } = context;
  const reasons = [...judgeAmount(terms.amount), ...judgePayee(merchant, context)];
  if (merchant === payer) reasons.push(reason("payee_invalid", merchant, "Name a merchant other than the payer."));
  reasons.push(...judgeFeeTerms(terms, context));
  reasons.push(...judgeAhead({ field: "authorizeBy", at: authorizeBy }, context));
  if (!(authorizeBy <= captureBy && captureBy <= refundBy)) {
    const remedy = "Order the deadlines: authorizeBy, captureBy, refundBy.";
    reasons.push(
      reason("deadline_invalid", "captureBy", remedy, { actual: `${authorizeBy} ${captureBy} ${refundBy}` }),
    );
  } else if (authorizeBy > context.blockTime) {
    reasons.push(...judgeAhead({ field: "captureBy", at: captureBy, longest: validity.capture }, context));
    reasons.push(...judgeAhead({ field: "refundBy", at: refundBy, longest: validity.refund }, context));
  }
  return reasons;
}

/** What the order of a step expects to find, against what the chain was seen to hold. */
interface Expected {
  readonly captured: bigint;
  readonly voided: bigint;
  readonly disputed?: boolean;
}

function formatTotals({ captured, voided, disputed }: Expected): string {
  return `captured ${captured}, voided ${voided}${disputed === true ? ", disputed" : ""}`;
}

/** The payment a step is about, with its totals; else the one reason that there is none. */
function findPayment({ agreement }: PolicyContext) {
  if (agreement?.agreement.kind === "payment" && agreement.totals !== null) {
    const fees = agreement.steps.reduce((sum, { fee }) => sum + fee, 0n);
    return { ok: true, state: agreement.state, totals: agreement.totals, fees } as const;
  }
  const remedy = "Check the terms, and wait until the authorization is in a block.";
  return { ok: false, reasons: [reason("agreement_unknown", "terms", remedy)] } as const;
}

function judgeTotals(expected: Expected, totals: PaymentTotals): Rejection[] {
  const { captured, voided, disputed = totals.disputed } = expected;
  const same = captured === totals.captured && voided === totals.voided && disputed === totals.disputed;
  if (same) return [];
  const remedy = "Read the payment and sign for what has been captured and voided by now.";
  const compared = { actual: formatTotals(totals), limit: formatTotals(expected) };
  return [reason("agreement_state_invalid", "captured", remedy, compared)];
}

function judgeState(actual: string, wanted: "authorized" | "disputed"): Rejection[] {
  if (actual === wanted) return [];
  const remedy = `Read the payment: it must be ${wanted} for this step.`;
  return [reason("agreement_state_invalid", "state", remedy, { actual, limit: wanted })];
}

function judgeWithin(amount: bigint, limit: bigint, field = "amount"): Rejection[] {
  if (amount <= limit) return [];
  return [reason("amount_exceeded", field, "Ask for no more than what is left.", compare(amount, limit))];
}

/** The rate lies within the signed bounds, and is the one that earlier captures were charged at. */
function judgeRate(
  feeBps: number,
  { minFeeBps, maxFeeBps }: PaymentTerms,
  taken: { captured: bigint; fees: bigint },
): Rejection[] {
  if (feeBps < minFeeBps || feeBps > maxFeeBps) {
    const compared = { actual: String(feeBps), limit: `${minFeeBps} ${maxFeeBps}` };
    return [reason("fee_invalid", "feeBps", "Charge within the bounds that the payer signed.", compared)];
  }
  // All fees are one formula on the captured total, so a rate that gives another sum is another rate.
  const fees = feeOf(taken.captured, feeBps);
  if (fees === taken.fees) return [];
  return [
    reason("fee_invalid", "feeBps", "The first capture fixed the rate: charge the same.", compare(feeBps, taken.fees)),
  ];
}

const nothing: PaymentTotals = { captured: 0n, voided: 0n, refunded: 0n, disputed: false };

function judgeOrder(
  { terms, order }: { terms: PaymentTerms; order: CaptureOrder },
  { totals, fees }: { totals: PaymentTotals; fees: bigint },
  context: PolicyContext,
): Rejection[] {
  return [
    ...judgeDeadline(order.deadline, context),
    ...judgeTotals(order, totals),
    ...judgeAmount(order.amount),
    ...judgeWithin(order.amount, terms.amount - totals.captured - totals.voided),
    ...judgeRate(order.feeBps, terms, { captured: totals.captured, fees }),
  ];
}

export function judgeCharge(draft: ChargeDraft, context: PolicyContext): Rejection[] {
  const order = { terms: draft.terms, order: draft.capture };
  return [...judgeAuthorize(draft, context), ...judgeOrder(order, { totals: nothing, fees: 0n }, context)];
}

export function judgeCapture(draft: CaptureDraft, context: PolicyContext): Rejection[] {
  const payment = findPayment(context);
  if (!payment.ok) return [...judgeDeadline(draft.order.deadline, context), ...payment.reasons];
  const end = { field: "captureBy", at: draft.terms.captureBy, side: "before" } as const;
  return [
    ...judgeOrder(draft, payment, context),
    ...judgeState(payment.state, "authorized"),
    ...judgeMoment(end, context),
  ];
}

/** From then on what is left is anyone's to send back; while nothing is left, the deadline of the terms. */
function endOf(terms: PaymentTerms, state: string): number {
  return dueOf({ kind: "payment", terms }, state) ?? terms.captureBy;
}

export function judgeVoid({ terms, order, disputed }: VoidDraft, context: PolicyContext): Rejection[] {
  const reasons = [...judgeDeadline(order.deadline, context), ...judgeAmount(order.amount)];
  const payment = findPayment(context);
  if (!payment.ok) return [...reasons, ...payment.reasons];
  const { totals, state } = payment;
  const { captured, voided } = order;
  return [
    ...reasons,
    ...judgeTotals({ captured, voided, disputed }, totals),
    ...judgeWithin(order.amount, terms.amount - totals.captured - totals.voided),
    ...judgeMoment({ field: "captureBy", at: endOf(terms, state), side: "before" }, context),
  ];
}

export function judgeRefund({ terms, amount, refunded }: RefundDraft, context: PolicyContext): Rejection[] {
  const reasons = judgeAmount(amount);
  const payment = findPayment(context);
  if (!payment.ok) return [...reasons, ...payment.reasons];
  const { totals } = payment;
  if (refunded !== totals.refunded) {
    const remedy = "Read the payment and sign for what has been refunded by now.";
    reasons.push(reason("agreement_state_invalid", "refunded", remedy, compare(totals.refunded, refunded)));
  }
  return [
    ...reasons,
    ...judgeWithin(amount, totals.captured - totals.refunded),
    ...judgeMoment({ field: "refundBy", at: terms.refundBy, side: "before" }, context),
  ];
}

export function judgeDispute(draft: DisputePaymentDraft, context: PolicyContext): Rejection[] {
  const { terms } = draft;
  const reasons = judgeDeadline(draft.deadline, context);
  if (terms.arbiter === zeroAddress) {
    const remedy = "These terms name nobody who could decide: agree with the merchant.";
    reasons.push(reason("agreement_state_invalid", "arbiter", remedy));
  }
  const payment = findPayment(context);
  if (!payment.ok) return [...reasons, ...payment.reasons];
  return [
    ...reasons,
    ...judgeState(payment.state, "authorized"),
    ...judgeTotals({ captured: draft.captured, voided: draft.voided }, payment.totals),
    ...judgeMoment({ field: "captureBy", at: terms.captureBy, side: "before" }, context),
  ];
}

export function judgeResolve(draft: ResolvePaymentDraft, context: PolicyContext): Rejection[] {
  const { terms, toMerchant, feeBps } = draft;
  const reasons = judgeDeadline(draft.deadline, context);
  const payment = findPayment(context);
  if (!payment.ok) return [...reasons, ...payment.reasons];
  const { totals, fees } = payment;
  const end = { field: "captureBy", at: terms.captureBy + disputeSeconds, side: "before" } as const;
  return [
    ...reasons,
    ...judgeState(payment.state, "disputed"),
    ...judgeTotals({ captured: draft.captured, voided: draft.voided }, totals),
    ...judgeWithin(toMerchant, terms.amount - totals.captured - totals.voided, "toMerchant"),
    ...judgeRate(feeBps, terms, { captured: totals.captured, fees }),
    ...judgeMoment(end, context),
  ];
}

export function judgeReclaimPayment(draft: ReclaimPaymentDraft, context: PolicyContext): Rejection[] {
  const payment = findPayment(context);
  if (!payment.ok) return [...payment.reasons];
  const { captured, voided, disputed } = draft;
  const reasons = judgeTotals({ captured, voided, disputed }, payment.totals);
  if (payment.state === "closed") {
    const remedy = "Nothing is left of this payment: there is nothing to reclaim.";
    return [...reasons, reason("agreement_state_invalid", "state", remedy, { actual: "closed" })];
  }
  const end = { field: "captureBy", at: endOf(draft.terms, payment.state), side: "from" } as const;
  return [...reasons, ...judgeMoment(end, context)];
}

// ——— quotes ———

function judgeQuoteEnd({ quoteEnd }: PolicyContext): Rejection[] {
  if (quoteEnd === null) return [];
  const actual = quoteEnd === "swap" ? "swapped" : "cancelled";
  return [
    reason("quote_state_invalid", "terms", "Ask for a new quote: this one is used up.", { actual, limit: "open" }),
  ];
}

function judgeParties(maker: Address, taker: Address, context: PolicyContext): Rejection[] {
  const reasons = [...judgePayee(maker, context), ...judgePayee(taker, context)];
  if (maker === taker) reasons.push(reason("payee_invalid", taker, "Swap with somebody else."));
  return reasons;
}

export function judgeSwap({ terms }: SwapDraft, context: PolicyContext): Rejection[] {
  const { maker, taker, sellCoin, buyCoin } = terms;
  const reasons = [...judgeAmount(terms.sellAmount, "sellAmount"), ...judgeAmount(terms.buyAmount, "buyAmount")];
  if (sellCoin === buyCoin) {
    reasons.push(reason("request_malformed", "buyCoin", "Swap one coin against another.", { actual: buyCoin }));
  }
  return [
    ...reasons,
    ...judgeParties(maker, taker, context),
    ...judgeAhead({ field: "validBefore", at: terms.validBefore, longest: context.validity.quote }, context),
    ...judgeQuoteEnd(context),
  ];
}

export function judgeCancelQuote({ terms, deadline }: CancelQuoteDraft, context: PolicyContext): Rejection[] {
  return [
    ...judgeDeadline(deadline, context),
    ...judgeAhead({ field: "validBefore", at: terms.validBefore }, context),
    ...judgeQuoteEnd(context),
  ];
}
