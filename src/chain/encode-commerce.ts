/**
 * Drafts about payments to merchants and about swaps. Owns their structs, fences and calls. A step that changes what is left of a payment
 * consumes the state it leaves; a refund is the merchant's own payment; a swap is two payments or none. Pure.
 */
import {
  disputeSeconds,
  feeOf,
  paymentFence,
  type PaymentTerms,
  type QuoteTerms,
  toDivisionMemo,
} from "../domain/agreement.ts";
import type { AuthorizeDraft, CaptureOrder, ChargeDraft, RefundDraft } from "../domain/draft.ts";
import { type Address, toWord, type Word, zeroAddress } from "../domain/hex.ts";
import type { TypedMessage } from "../domain/signatures.ts";
import type { Deployment } from "../pipeline/ports.ts";
import { commerceEscrowAbi, fxSwapAbi } from "./abi.ts";
import {
  type Encodings,
  never,
  type Outline,
  still,
  type Struct,
  toCall,
  toCallSignature,
  type Tools,
  toReceive,
  toStep,
  type Unsigned,
} from "./encoding.ts";

export type CommerceKind =
  | "authorize"
  | "charge"
  | "capture"
  | "void"
  | "refund"
  | "dispute-payment"
  | "resolve-payment"
  | "reclaim-payment"
  | "swap"
  | "cancel-quote";

export function toPaymentStruct(terms: PaymentTerms): Struct {
  const { coin, payer, merchant, amount, feeReceiver, arbiter, salt } = terms;
  const rates = { minFeeBps: BigInt(terms.minFeeBps), maxFeeBps: BigInt(terms.maxFeeBps) };
  const times = {
    authorizeBy: BigInt(terms.authorizeBy),
    captureBy: BigInt(terms.captureBy),
    refundBy: BigInt(terms.refundBy),
  };
  const message = { coin, payer, merchant, amount, feeReceiver, ...rates, arbiter, ...times, salt };
  return { primaryType: "Payment", coin, message };
}

export function toPaymentId(terms: PaymentTerms, tools: Tools): Word {
  return tools.digestOf(toPaymentStruct(terms));
}

export function toQuoteStruct(terms: QuoteTerms): Struct {
  const { maker, taker, sellCoin, sellAmount, buyCoin, buyAmount, salt } = terms;
  const validBefore = BigInt(terms.validBefore);
  const message = { maker, taker, sellCoin, sellAmount, buyCoin, buyAmount, validBefore, salt };
  return { primaryType: "Quote", coin: sellCoin, message };
}

export function toQuoteId(terms: QuoteTerms, tools: Tools): Word {
  return tools.digestOf(toQuoteStruct(terms));
}

const commerce = (deployment: Deployment) => ({ to: deployment.commerce, abi: commerceEscrowAbi });
const exchange = (deployment: Deployment) => ({ to: deployment.swap, abi: fxSwapAbi });
const coinOf = ({ terms }: { readonly terms: PaymentTerms }): Address => terms.coin;
const termsOf = (terms: PaymentTerms): TypedMessage["message"] => toPaymentStruct(terms).message;
const step = (terms: PaymentTerms, tools: Tools, deadline: number) => {
  return { id: toPaymentId(terms, tools), coin: terms.coin, deadline };
};

type Opening = AuthorizeDraft | ChargeDraft;

function toPayerStruct({ terms }: Unsigned<Opening>, tools: Tools): Struct {
  const { coin, payer, amount, authorizeBy } = terms;
  const to = tools.deployment.commerce;
  return toReceive({
    coin,
    from: payer,
    to,
    value: amount,
    validBefore: authorizeBy,
    nonce: toPaymentId(terms, tools),
  });
}

function toOpeningOutline({ terms }: Opening, tools: Tools): Outline {
  const { coin, payer, amount, authorizeBy } = terms;
  const id = toPaymentId(terms, tools);
  const fence = { scope: coin, subject: payer, key: id };
  return { ...still, fence, payer, payee: tools.deployment.commerce, amount, validBefore: authorizeBy, subject: id };
}

function toCaptureStruct(terms: PaymentTerms, order: CaptureOrder, tools: Tools): Struct {
  const { amount, captured, voided, feeBps, voidRest, deadline } = order;
  const rest = { amount, captured, voided, feeBps: BigInt(feeBps), voidRest };
  return toStep("Capture", step(terms, tools, deadline), rest);
}

/** What a step that changes the rest of a payment has in common with its like. */
function toStepOutline(
  terms: PaymentTerms,
  tools: Tools,
  left: { readonly captured: bigint; readonly voided: bigint; readonly disputed: boolean },
): Omit<Outline, "validBefore"> {
  const id = toPaymentId(terms, tools);
  const fence = paymentFence(tools.deployment.commerce, id, left);
  return { ...still, fence, subject: id };
}

/** What an order does with the rest, in the words of the log that will tell it; `rest` is given back to the payer. */
function toDivision(order: {
  readonly amount: bigint;
  readonly captured: bigint;
  readonly voided: bigint;
  readonly feeBps: number;
  readonly rest: bigint;
}): Word {
  const captured = order.captured + order.amount;
  const fee = feeOf(captured, order.feeBps) - feeOf(order.captured, order.feeBps);
  return toDivisionMemo({ captured, voided: order.voided + order.rest, fee });
}

/** Of a capture: with `voidRest` all that is left goes back. */
function toCaptureMemo({ amount: authorized }: PaymentTerms, order: CaptureOrder): Word {
  const { amount, captured, voided, voidRest } = order;
  return toDivision({ ...order, rest: voidRest ? authorized - captured - voided - amount : 0n });
}

function toRefundStruct({ terms, amount, refunded }: Unsigned<RefundDraft>, tools: Tools): Struct {
  const { coin, merchant, refundBy } = terms;
  const marker = tools.keccak(`0x${Buffer.from("refund").toString("hex")}`);
  const nonce = tools.keccak(toPaymentId(terms, tools), marker, toWord(refunded));
  const to = tools.deployment.commerce;
  return toReceive({ coin, from: merchant, to, value: amount, validBefore: refundBy, nonce });
}

/** One side of a swap; the maker's is 1, the taker's 2. */
function toLeg(terms: QuoteTerms, side: 1 | 2, tools: Tools): Struct {
  const nonce = tools.keccak(toQuoteId(terms, tools), toWord(BigInt(side)));
  const { validBefore } = terms;
  const to = tools.deployment.swap;
  return side === 1
    ? toReceive({ coin: terms.sellCoin, from: terms.maker, to, value: terms.sellAmount, validBefore, nonce })
    : toReceive({ coin: terms.buyCoin, from: terms.taker, to, value: terms.buyAmount, validBefore, nonce });
}

const quoteFence = (terms: QuoteTerms, tools: Tools) => {
  return { scope: tools.deployment.swap, subject: zeroAddress, key: toQuoteId(terms, tools) };
};

export const commerceEncodings: Encodings<CommerceKind> = {
  authorize: {
    coin: coinOf,
    structs: (draft, tools) => [toPayerStruct(draft, tools)],
    parties: ({ terms, signature }) => [{ signer: terms.payer, signature }],
    outline: toOpeningOutline,
    act({ terms, signature }, { deployment }) {
      return toCall("authorize", commerce(deployment), ["authorize", termsOf(terms), toCallSignature(signature)]);
    },
  },
  charge: {
    coin: coinOf,
    structs: (draft, tools) => [toPayerStruct(draft, tools), toCaptureStruct(draft.terms, draft.capture, tools)],
    parties: ({ terms, signature, merchantSignature }) => [
      { signer: terms.payer, signature },
      { signer: terms.merchant, signature: merchantSignature },
    ],
    outline(draft, tools) {
      const outline = toOpeningOutline(draft, tools);
      const memo = toCaptureMemo(draft.terms, draft.capture);
      return { ...outline, memo, validBefore: Math.min(outline.validBefore, draft.capture.deadline + 1) };
    },
    act({ terms, signature, merchantSignature }, { deployment }, [, order]) {
      const signatures = [toCallSignature(signature), order?.message, toCallSignature(merchantSignature)];
      return toCall("charge", commerce(deployment), ["charge", termsOf(terms), ...signatures]);
    },
  },
  capture: {
    coin: coinOf,
    structs: ({ terms, order }, tools) => [toCaptureStruct(terms, order, tools)],
    parties: ({ terms, signature }) => [{ signer: terms.merchant, signature }],
    outline({ terms, order }, tools) {
      const moved = { payee: terms.merchant, amount: order.amount, memo: toCaptureMemo(terms, order) };
      const validBefore = Math.min(terms.captureBy, order.deadline + 1);
      return { ...toStepOutline(terms, tools, { ...order, disputed: false }), ...moved, validBefore };
    },
    act({ terms, signature }, { deployment }, [order]) {
      const args = [termsOf(terms), order?.message, toCallSignature(signature)];
      return toCall("capture", commerce(deployment), ["capture", ...args]);
    },
  },
  void: {
    coin: coinOf,
    structs({ terms, order }, tools) {
      const { amount, captured, voided, deadline } = order;
      return [toStep("Void", step(terms, tools, deadline), { amount, captured, voided })];
    },
    parties: ({ terms, signature }) => [{ signer: terms.merchant, signature }],
    outline({ terms, order, disputed }, tools) {
      const moved = { payee: terms.payer, amount: order.amount };
      const end = terms.captureBy + (disputed ? disputeSeconds : 0);
      const validBefore = Math.min(end, order.deadline + 1);
      return { ...toStepOutline(terms, tools, { ...order, disputed }), ...moved, validBefore };
    },
    act({ terms, signature }, { deployment }, [order]) {
      const args = [termsOf(terms), order?.message, toCallSignature(signature)];
      return toCall("void", commerce(deployment), ["void", ...args]);
    },
  },
  refund: {
    coin: coinOf,
    structs: (draft, tools) => [toRefundStruct(draft, tools)],
    parties: ({ terms, signature }) => [{ signer: terms.merchant, signature }],
    outline(draft, tools) {
      const { terms, amount } = draft;
      const key = toRefundStruct(draft, tools).message["nonce"] as Word;
      const fence = { scope: terms.coin, subject: terms.merchant, key };
      const parties = { payer: terms.merchant, payee: tools.deployment.commerce, amount };
      return { ...still, fence, ...parties, validBefore: terms.refundBy, subject: toPaymentId(terms, tools) };
    },
    act({ terms, amount, refunded, signature }, { deployment }) {
      const args = [termsOf(terms), amount, refunded, toCallSignature(signature)];
      return toCall("refund", commerce(deployment), ["refund", ...args]);
    },
  },
  "dispute-payment": {
    coin: coinOf,
    structs({ terms, captured, voided, deadline }, tools) {
      return [toStep("DisputePayment", step(terms, tools, deadline), { captured, voided })];
    },
    parties: ({ terms, signature }) => [{ signer: terms.payer, signature }],
    outline(draft, tools) {
      const { terms, deadline } = draft;
      const validBefore = Math.min(terms.captureBy, deadline + 1);
      return { ...toStepOutline(terms, tools, { ...draft, disputed: false }), payee: terms.payer, validBefore };
    },
    act({ terms, deadline, signature }, { deployment }) {
      const args = [termsOf(terms), BigInt(deadline), toCallSignature(signature)];
      return toCall("dispute-payment", commerce(deployment), ["disputeBySig", ...args]);
    },
  },
  "resolve-payment": {
    coin: coinOf,
    structs({ terms, toMerchant, captured, voided, feeBps, deadline }, tools) {
      const rest = { toMerchant, captured, voided, feeBps: BigInt(feeBps) };
      return [toStep("ResolvePayment", step(terms, tools, deadline), rest)];
    },
    parties: ({ terms, signature }) => [{ signer: terms.arbiter, signature }],
    outline(draft, tools) {
      const { terms, toMerchant, captured, voided, deadline } = draft;
      const validBefore = Math.min(terms.captureBy + disputeSeconds, deadline + 1);
      const rest = terms.amount - captured - voided - toMerchant;
      const memo = toDivision({ ...draft, amount: toMerchant, rest });
      const moved = { payee: terms.merchant, amount: toMerchant, memo };
      return { ...toStepOutline(terms, tools, { ...draft, disputed: true }), ...moved, validBefore };
    },
    act({ terms, signature }, { deployment }, [order]) {
      const args = [termsOf(terms), order?.message, toCallSignature(signature)];
      return toCall("resolve-payment", commerce(deployment), ["resolve", ...args]);
    },
  },
  "reclaim-payment": {
    coin: coinOf,
    structs: () => [],
    parties: () => [],
    // signed by nobody: what identifies it is which state of which payment it ends
    identify({ terms, captured, voided, disputed }, tools) {
      const { commerce: escrow } = tools.deployment;
      const id = toPaymentId(terms, tools);
      const { subject, key } = paymentFence(escrow, id, { captured, voided, disputed });
      return tools.keccak(escrow, id, subject, key);
    },
    outline(draft, tools) {
      const { terms, captured, voided } = draft;
      const moved = { payee: terms.payer, amount: terms.amount - captured - voided };
      return { ...toStepOutline(terms, tools, draft), ...moved, validBefore: never };
    },
    act({ terms }, { deployment }) {
      return toCall("reclaim-payment", commerce(deployment), ["reclaim", termsOf(terms)]);
    },
  },
  swap: {
    coin: ({ terms }) => terms.buyCoin,
    structs: ({ terms }, tools) => [toLeg(terms, 1, tools), toLeg(terms, 2, tools)],
    parties: ({ terms, makerSignature, takerSignature }) => [
      { signer: terms.maker, signature: makerSignature },
      { signer: terms.taker, signature: takerSignature },
    ],
    identify: ({ terms }, tools) => toQuoteId(terms, tools),
    // the taker asks for it, so the amount is held of the taker's coins; the maker's are the maker's to have
    outline({ terms }, tools) {
      const { taker, maker, buyAmount, validBefore } = terms;
      const parties = { payer: taker, payee: maker, amount: buyAmount };
      return { ...still, fence: quoteFence(terms, tools), ...parties, validBefore, subject: toQuoteId(terms, tools) };
    },
    act({ terms, makerSignature, takerSignature }, { deployment }) {
      const signatures = [toCallSignature(makerSignature), toCallSignature(takerSignature)];
      return toCall("swap", exchange(deployment), ["swap", toQuoteStruct(terms).message, ...signatures]);
    },
  },
  "cancel-quote": {
    coin: ({ terms }) => terms.sellCoin,
    structs({ terms, deadline }, tools) {
      return [toStep("CancelQuote", { id: toQuoteId(terms, tools), coin: terms.sellCoin, deadline })];
    },
    parties: ({ terms, signature }) => [{ signer: terms.maker, signature }],
    outline({ terms, deadline }, tools) {
      const subject = toQuoteId(terms, tools);
      return { ...still, fence: quoteFence(terms, tools), payee: terms.maker, validBefore: deadline + 1, subject };
    },
    act({ terms, deadline, signature }, { deployment }) {
      const args = [toQuoteStruct(terms).message, BigInt(deadline), toCallSignature(signature)];
      return toCall("cancel-quote", exchange(deployment), ["cancelBySig", ...args]);
    },
  },
};
