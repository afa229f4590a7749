/**
 * The language of the model chain for claims, payments, quotes and attestations: how those drafts become calls, fences and consents there, and
 * how tests sign them. Stands beside model-codec.ts; ids and digests are hashes of the values' text.
 */
import {
  type ClaimTerms,
  claimFence,
  type PaymentTerms,
  paymentFence,
  type QuoteTerms,
} from "../../src/domain/agreement.ts";
import type { AgreementDraft, CaptureOrder, Draft, TravelAttestDraft } from "../../src/domain/draft.ts";
import { type Address, type Hex, toWord, type Word, zeroAddress, zeroWord } from "../../src/domain/hex.ts";
import type { Fence } from "../../src/domain/intent.ts";
import type { Consent, EncodedDraft } from "../../src/pipeline/ports.ts";
import { claims, coin, commerce, neverExpires, registry, secondCoin, signDigest, swap, wallet } from "./model-names.ts";
import { formatValue, hashOf } from "./model-text.ts";

export type ModelStep = AgreementDraft | TravelAttestDraft;

export const claimId = (terms: ClaimTerms): Word => hashOf("Claim", terms);
export const paymentId = (terms: PaymentTerms): Word => hashOf("Payment", terms);
export const quoteId = (terms: QuoteTerms): Word => hashOf("Quote", terms);
export const refundNonce = (id: Word, refunded: bigint): Word => hashOf("refund", id, refunded);
export const legNonce = (id: Word, side: 1 | 2): Word => hashOf("leg", id, side);

/** ReceiveWithAuthorization of the model. */
export function receiveDigest(parts: {
  readonly coin: Address;
  readonly from: Address;
  readonly to: Address;
  readonly value: bigint;
  readonly validBefore: number;
  readonly nonce: Word;
}): Word {
  const { coin: of, from, to, value, validBefore, nonce } = parts;
  return hashOf("Receive", of, from, to, value, validBefore, nonce);
}

function openDigest(terms: ClaimTerms): Word {
  const { coin: of, sender: from, amount: value, expiry: validBefore } = terms;
  return receiveDigest({ coin: of, from, to: claims, value, validBefore, nonce: claimId(terms) });
}

function authorizeDigest(terms: PaymentTerms): Word {
  const { coin: of, payer: from, amount: value, authorizeBy: validBefore } = terms;
  return receiveDigest({ coin: of, from, to: commerce, value, validBefore, nonce: paymentId(terms) });
}

function legDigests(terms: QuoteTerms): readonly [Word, Word] {
  const { maker, taker, sellCoin, sellAmount, buyCoin, buyAmount, validBefore } = terms;
  const id = quoteId(terms);
  const leg = { to: swap, validBefore };
  return [
    receiveDigest({ ...leg, coin: sellCoin, from: maker, value: sellAmount, nonce: legNonce(id, 1) }),
    receiveDigest({ ...leg, coin: buyCoin, from: taker, value: buyAmount, nonce: legNonce(id, 2) }),
  ];
}

/** Digest of a step that is an order of its own. */
function orderDigest(name: string, id: Word, ...values: readonly unknown[]): Word {
  return hashOf(name, id, ...values);
}

const captureDigest = (id: Word, order: CaptureOrder): Word => orderDigest("Capture", id, order);

/** The fence each step consumes. */
export function fenceOf(step: ModelStep): Fence {
  switch (step.kind) {
    case "open-claim":
      return { scope: step.terms.coin, subject: step.terms.sender, key: claimId(step.terms) };
    case "claim":
    case "decline-claim":
    case "cancel-claim":
    case "reclaim-claim":
      return claimFence(claims, step.id);
    case "authorize":
    case "charge":
      return { scope: step.terms.coin, subject: step.terms.payer, key: paymentId(step.terms) };
    case "capture":
      return paymentFence(commerce, paymentId(step.terms), { ...step.order, disputed: false });
    case "void":
      return paymentFence(commerce, paymentId(step.terms), { ...step.order, disputed: step.disputed });
    case "refund":
      return {
        scope: step.terms.coin,
        subject: step.terms.merchant,
        key: refundNonce(paymentId(step.terms), step.refunded),
      };
    case "dispute-payment":
      return paymentFence(commerce, paymentId(step.terms), { ...step, disputed: false });
    case "resolve-payment":
      return paymentFence(commerce, paymentId(step.terms), { ...step, disputed: true });
    case "reclaim-payment":
      return paymentFence(commerce, paymentId(step.terms), step);
    case "swap":
    case "cancel-quote":
      return { scope: swap, subject: zeroAddress, key: quoteId(step.terms) };
    case "travel-attest":
      return { scope: registry, subject: `0x${step.vasp.toString(16).padStart(40, "0")}`, key: step.attestationId };
  }
}

type Facts = EncodedDraft["facts"];
type Shape = Pick<Facts, "digest" | "coin" | "subject" | "validBefore"> & Partial<Facts> & { consents: Consent[] };

function toShape(step: ModelStep): Shape {
  switch (step.kind) {
    case "open-claim": {
      const { terms, signature } = step;
      const digest = openDigest(terms);
      const moves = { payer: terms.sender, payee: claims, amount: terms.amount, validBefore: terms.expiry };
      const consents = [{ signer: terms.sender, digest, signature }];
      return { digest, coin: terms.coin, subject: claimId(terms), ...moves, consents };
    }
    case "claim": {
      const { id, recipient, deadline, signer, signature, attestor } = step;
      const digest = orderDigest("ClaimTo", id, recipient, deadline);
      const second = orderDigest("AttestClaim", id, recipient, deadline);
      const consents = [{ signer, digest, signature }];
      if (attestor !== null) consents.push({ ...attestor, digest: second });
      return { digest, coin: step.coin, subject: id, payee: recipient, validBefore: deadline + 1, consents };
    }
    case "decline-claim":
    case "cancel-claim": {
      const { id, deadline, signer, signature } = step;
      const digest = orderDigest(step.kind, id, deadline);
      const consents = [{ signer, digest, signature }];
      return { digest, coin: step.coin, subject: id, validBefore: deadline + 1, consents };
    }
    case "reclaim-claim":
      return {
        digest: orderDigest(step.kind, step.id),
        coin: step.coin,
        subject: step.id,
        validBefore: neverExpires,
        consents: [],
      };
    case "swap": {
      const { terms, makerSignature, takerSignature } = step;
      const [make, take] = legDigests(terms);
      const consents = [
        { signer: terms.maker, digest: make, signature: makerSignature },
        { signer: terms.taker, digest: take, signature: takerSignature },
      ];
      const moves = { payer: terms.maker, payee: terms.taker, amount: terms.sellAmount };
      const id = quoteId(terms);
      return { digest: id, coin: terms.sellCoin, subject: id, ...moves, validBefore: terms.validBefore, consents };
    }
    case "cancel-quote": {
      const { terms, deadline, signature } = step;
      const id = quoteId(terms);
      const digest = orderDigest("CancelQuote", id, deadline);
      const consents = [{ signer: terms.maker, digest, signature }];
      return { digest, coin: terms.sellCoin, subject: id, validBefore: deadline + 1, consents };
    }
    case "travel-attest": {
      const { attestationId, payee, amount, validUntil, signer, signature } = step;
      const digest = attestDigest(step);
      const consents = [{ signer, digest, signature }];
      return { digest, coin: step.coin, subject: attestationId, payee, amount, validBefore: validUntil, consents };
    }
    default:
      return toPaymentShape(step);
  }
}

function toPaymentShape(step: Extract<ModelStep, { terms: PaymentTerms }>): Shape {
  const { terms } = step;
  const subject = paymentId(terms);
  const base = { coin: terms.coin, subject };
  switch (step.kind) {
    case "authorize":
    case "charge": {
      const digest = authorizeDigest(terms);
      const moves = { payer: terms.payer, payee: commerce, amount: terms.amount, validBefore: terms.authorizeBy };
      const consents = [{ signer: terms.payer, digest, signature: step.signature }];
      if (step.kind === "charge") {
        const second = captureDigest(subject, step.capture);
        consents.push({ signer: terms.merchant, digest: second, signature: step.merchantSignature });
      }
      return { ...base, digest, ...moves, consents };
    }
    case "refund": {
      const nonce = refundNonce(subject, step.refunded);
      const { merchant: from, refundBy: validBefore } = terms;
      const digest = receiveDigest({ coin: terms.coin, from, to: commerce, value: step.amount, validBefore, nonce });
      const consents = [{ signer: from, digest, signature: step.signature }];
      return { ...base, digest, payer: from, payee: commerce, amount: step.amount, validBefore, consents };
    }
    case "capture":
    case "void": {
      const { order, signature } = step;
      const digest = step.kind === "capture" ? captureDigest(subject, step.order) : orderDigest("Void", subject, order);
      const consents = [{ signer: terms.merchant, digest, signature }];
      return { ...base, digest, validBefore: order.deadline + 1, consents };
    }
    case "dispute-payment":
    case "resolve-payment": {
      const { kind, deadline, signature } = step;
      const digest = orderDigest(kind, subject, step.captured, step.voided, deadline);
      const signer = kind === "dispute-payment" ? terms.payer : terms.arbiter;
      return { ...base, digest, validBefore: deadline + 1, consents: [{ signer, digest, signature }] };
    }
    case "reclaim-payment": {
      const digest = orderDigest(step.kind, subject, step.captured, step.voided, step.disputed);
      return { ...base, digest, validBefore: neverExpires, consents: [] };
    }
  }
}

const targetOf = (step: ModelStep): Address => {
  if (step.kind === "travel-attest") return registry;
  if (step.kind === "swap" || step.kind === "cancel-quote") return swap;
  return step.kind.endsWith("claim") ? claims : commerce;
};

export function encodeStep(step: ModelStep): EncodedDraft {
  const { consents, ...shape } = toShape(step);
  const none = { payer: null, payee: null, amount: 0n, validAfter: 0, memo: null, reference: null } as const;
  const data: Hex = `0xca11ca12${Buffer.from(formatValue(step)).toString("hex")}`;
  const action = { kind: "call", to: targetOf(step), data, gas: 400_000n } as const;
  return { facts: { ...none, kind: step.kind, fence: fenceOf(step), ...shape, action }, consents };
}

export function isStep(draft: Draft): draft is ModelStep {
  return modelSteps.has(draft.kind);
}

const modelSteps: ReadonlySet<Draft["kind"]> = new Set<ModelStep["kind"]>([
  "open-claim",
  "claim",
  "decline-claim",
  "cancel-claim",
  "reclaim-claim",
  "authorize",
  "charge",
  "capture",
  "void",
  "refund",
  "dispute-payment",
  "resolve-payment",
  "reclaim-payment",
  "swap",
  "cancel-quote",
  "travel-attest",
]);

// ——— signing ———

export const blockStart = 1_000_000;
const linkKey = wallet(900);

export function claimTerms(changes: Partial<ClaimTerms> = {}): ClaimTerms {
  return {
    coin,
    sender: wallet(1),
    amount: 100n,
    linkKey,
    attestor: zeroAddress,
    handle: zeroWord,
    cancelFrom: blockStart + 100,
    expiry: blockStart + 200,
    salt: toWord(1n),
    ...changes,
  };
}

export function signOpenClaim(terms: ClaimTerms): Extract<Draft, { kind: "open-claim" }> {
  return { kind: "open-claim", terms, signature: signDigest(terms.sender, openDigest(terms)) };
}

export function signClaim(terms: ClaimTerms, recipient: Address, deadline: number): Extract<Draft, { kind: "claim" }> {
  const id = claimId(terms);
  const signature = signDigest(terms.linkKey, orderDigest("ClaimTo", id, recipient, deadline));
  const confirmed = orderDigest("AttestClaim", id, recipient, deadline);
  const attestor =
    terms.attestor === zeroAddress
      ? null
      : { signer: terms.attestor, signature: signDigest(terms.attestor, confirmed) };
  return { kind: "claim", id, coin: terms.coin, recipient, deadline, signer: terms.linkKey, signature, attestor };
}

export function signEndClaim(
  kind: "decline-claim" | "cancel-claim",
  terms: ClaimTerms,
  deadline: number,
): Extract<Draft, { kind: "decline-claim" | "cancel-claim" }> {
  const id = claimId(terms);
  const signer = kind === "decline-claim" ? terms.linkKey : terms.sender;
  const signature = signDigest(signer, orderDigest(kind, id, deadline));
  return { kind, id, coin: terms.coin, deadline, signer, signature };
}

export function paymentTerms(changes: Partial<PaymentTerms> = {}): PaymentTerms {
  return {
    coin,
    payer: wallet(1),
    merchant: wallet(2),
    amount: 500n,
    feeReceiver: wallet(800),
    minFeeBps: 0,
    maxFeeBps: 300,
    arbiter: wallet(801),
    authorizeBy: blockStart + 100,
    captureBy: blockStart + 200,
    refundBy: blockStart + 400,
    salt: toWord(1n),
    ...changes,
  };
}

export function signAuthorize(terms: PaymentTerms): Extract<Draft, { kind: "authorize" }> {
  return { kind: "authorize", terms, signature: signDigest(terms.payer, authorizeDigest(terms)) };
}

export function captureOrder(changes: Partial<CaptureOrder> = {}): CaptureOrder {
  const none = { captured: 0n, voided: 0n, feeBps: 100, voidRest: false };
  return { amount: 200n, ...none, deadline: blockStart + 150, ...changes };
}

export function signCharge(terms: PaymentTerms, capture: CaptureOrder): Extract<Draft, { kind: "charge" }> {
  const merchantSignature = signDigest(terms.merchant, captureDigest(paymentId(terms), capture));
  return { ...signAuthorize(terms), kind: "charge", capture, merchantSignature };
}

export function signCapture(terms: PaymentTerms, order: CaptureOrder): Extract<Draft, { kind: "capture" }> {
  return {
    kind: "capture",
    terms,
    order,
    signature: signDigest(terms.merchant, captureDigest(paymentId(terms), order)),
  };
}

export function signVoid(
  terms: PaymentTerms,
  { disputed = false, ...order }: Extract<Draft, { kind: "void" }>["order"] & { disputed?: boolean },
): Extract<Draft, { kind: "void" }> {
  const signature = signDigest(terms.merchant, orderDigest("Void", paymentId(terms), order));
  return { kind: "void", terms, order, disputed, signature };
}

export function signRefund(terms: PaymentTerms, amount: bigint, refunded: bigint): Extract<Draft, { kind: "refund" }> {
  const { merchant: from, refundBy: validBefore } = terms;
  const nonce = refundNonce(paymentId(terms), refunded);
  const digest = receiveDigest({ coin: terms.coin, from, to: commerce, value: amount, validBefore, nonce });
  return { kind: "refund", terms, amount, refunded, signature: signDigest(from, digest) };
}

/** What a step of a payment expects to find, and until when it may be carried out. */
interface Found {
  readonly captured: bigint;
  readonly voided: bigint;
  readonly deadline: number;
}

export function signDispute(terms: PaymentTerms, found: Found): Extract<Draft, { kind: "dispute-payment" }> {
  const { captured, voided, deadline } = found;
  const digest = orderDigest("dispute-payment", paymentId(terms), captured, voided, deadline);
  return { kind: "dispute-payment", terms, ...found, signature: signDigest(terms.payer, digest) };
}

export function signResolve(
  terms: PaymentTerms,
  order: Found & { readonly toMerchant: bigint; readonly feeBps: number },
): Extract<Draft, { kind: "resolve-payment" }> {
  const { captured, voided, deadline } = order;
  const digest = orderDigest("resolve-payment", paymentId(terms), captured, voided, deadline);
  return { kind: "resolve-payment", terms, ...order, signature: signDigest(terms.arbiter, digest) };
}

export function quoteTerms(changes: Partial<QuoteTerms> = {}): QuoteTerms {
  return {
    maker: wallet(1),
    taker: wallet(2),
    sellCoin: coin,
    sellAmount: 100n,
    buyCoin: secondCoin,
    buyAmount: 780n,
    validBefore: blockStart + 300,
    salt: toWord(1n),
    ...changes,
  };
}

export function signSwap(terms: QuoteTerms): Extract<Draft, { kind: "swap" }> {
  const [make, take] = legDigests(terms);
  const makerSignature = signDigest(terms.maker, make);
  return { kind: "swap", terms, makerSignature, takerSignature: signDigest(terms.taker, take) };
}

export function signCancelQuote(terms: QuoteTerms, deadline: number): Extract<Draft, { kind: "cancel-quote" }> {
  const signature = signDigest(terms.maker, orderDigest("CancelQuote", quoteId(terms), deadline));
  return { kind: "cancel-quote", terms, deadline, signature };
}

function attestDigest({ vasp, attestationId, coin: of, payer, payee, amount, validUntil }: TravelAttestDraft): Word {
  return hashOf("Attest", vasp, attestationId, of, payer, payee, amount, validUntil);
}

export function signAttestation(
  about: Pick<TravelAttestDraft, "payer" | "payee" | "amount">,
  attestationId: Word = toWord(5n),
): TravelAttestDraft {
  const signer = wallet(950);
  const unsigned = {
    vasp: 2,
    attestationId,
    coin,
    ...about,
    reference: zeroWord,
    validUntil: blockStart + 500,
    signer,
  };
  const draft = { kind: "travel-attest", ...unsigned, signature: "0x" } as const;
  return { ...draft, signature: signDigest(signer, attestDigest(draft)) };
}
