/**
 * The model of the commerce escrow, to be read beside ICommerceEscrow.sol. Owns the payments: each is its terms and the totals so far.
 */
import { AbiCoder, id as hashText, keccak256 } from "ethers";
import { payOrCredit, requireTerms, take } from "./escrow.ts";
import {
  type Address,
  type Bytes32,
  DAY,
  digestOf,
  emit,
  type Frame,
  isSigned,
  refuse,
  requireDeadline,
  type Signature,
  type World,
  ZERO,
} from "./frame.ts";
import type { StructName } from "./structs.ts";

const WHOLE_BPS = 10_000n;
const LONGEST_CAPTURE = 90n * DAY;
const LONGEST_REFUND = 180n * DAY;
export const ARBITRATION = 15n * DAY;
const STEP = { authorize: 1n, capture: 2n, void: 3n, reclaim: 4n, refund: 5n, dispute: 6n, resolve: 7n } as const;

export interface PaymentTerms {
  coin: Address;
  payer: Address;
  merchant: Address;
  amount: bigint;
  feeReceiver: Address;
  minFeeBps: bigint;
  maxFeeBps: bigint;
  arbiter: Address;
  authorizeBy: bigint;
  captureBy: bigint;
  refundBy: bigint;
  salt: Bytes32;
}

export interface Payment {
  terms: PaymentTerms;
  captured: bigint;
  voided: bigint;
  refunded: bigint;
  /** The rate of the first capture; 0 before. */
  feeBps: bigint;
  disputed: boolean;
}

export interface VoidOrder {
  id: Bytes32;
  amount: bigint;
  captured: bigint;
  voided: bigint;
  deadline: bigint;
}
export type CaptureOrder = VoidOrder & { feeBps: bigint; voidRest: boolean };
export type ResolveOrder = Omit<VoidOrder, "amount"> & { toMerchant: bigint; feeBps: bigint };

export function paymentIdOf(world: World, escrow: Address, terms: PaymentTerms): Bytes32 {
  return digestOf(world, escrow, "Payment", terms);
}

export function refundNonceOf(id: Bytes32, refunded: bigint): Bytes32 {
  const words = ["bytes32", "bytes32", "uint256"];
  return keccak256(AbiCoder.defaultAbiCoder().encode(words, [id, hashText("refund"), refunded]));
}

export function remainingOf({ terms, captured, voided }: Payment): bigint {
  return terms.amount - captured - voided;
}

function feeOf(captured: bigint, feeBps: bigint): bigint {
  return (captured * feeBps) / WHOLE_BPS;
}

/** When what remains falls to `reclaim`. */
export function endOf({ terms, disputed }: Payment): bigint {
  return disputed ? terms.captureBy + ARBITRATION : terms.captureBy;
}

// -------------------------------------------------------------------------------------------------- the checks

/** A payment is found by its terms alone. */
function requireKnown(c: Frame, terms: PaymentTerms): { id: Bytes32; payment: Payment } {
  const id = paymentIdOf(c.world, c.self, terms);
  const payment = c.world.payments.get(id) ?? refuse("CommerceUnknown", id);
  return { id, payment };
}

function requireBefore(c: Frame, deadline: bigint): void {
  if (c.world.time >= deadline) refuse("CommerceDeadlinePassed", deadline, c.world.time);
}

function requireNear(c: Frame, deadline: bigint, term: bigint): void {
  if (deadline > c.world.time + term) refuse("CommerceDeadlineTooFar", deadline, c.world.time + term);
}

interface Wanted {
  id: Bytes32;
  signer: Address;
  type: StructName;
  order: { id: Bytes32; deadline: bigint };
}

function requireOrder(c: Frame, { id, signer, type, order }: Wanted, signature: Signature): void {
  if (order.id !== id) refuse("CommerceOrderMismatch", order.id, id);
  requireDeadline(c, order.deadline, "CommerceOrderExpired");
  const digest = digestOf(c.world, c.self, type, order);
  if (!isSigned(c.world, signer, digest, signature)) refuse("CommerceSignatureInvalid", signer);
}

function requireTotals(id: Bytes32, payment: Payment, order: { captured: bigint; voided: bigint }): void {
  const { captured, voided } = payment;
  if (order.captured !== captured || order.voided !== voided) refuse("CommerceStateChanged", id, captured, voided);
}

function requireAmount(id: Bytes32, amount: bigint, limit: bigint): void {
  if (amount === 0n) refuse("CommerceZeroAmount");
  if (amount > limit) refuse("CommerceAmountExceeded", id, amount, limit);
}

function requireRate({ terms, captured, feeBps: fixed }: Payment, feeBps: bigint): void {
  const { minFeeBps, maxFeeBps } = terms;
  if (feeBps < minFeeBps || feeBps > maxFeeBps) refuse("CommerceFeeOutOfBounds", feeBps, minFeeBps, maxFeeBps);
  if (captured > 0n && feeBps !== fixed) refuse("CommerceFeeFixed", feeBps, fixed);
}

// --------------------------------------------------------------------------------------------------- the steps

interface Moved {
  id: Bytes32;
  actor: Address;
  step: keyof typeof STEP;
  amount: bigint;
  fee?: bigint;
}

function emitMoved(c: Frame, { captured, voided, refunded }: Payment, moved: Moved): void {
  const { id, actor, step, amount, fee = 0n } = moved;
  emit(c, "PaymentMoved", id, actor, STEP[step], amount, fee, captured, voided, refunded);
}

export function authorize(c: Frame, terms: PaymentTerms, signature: Signature): void {
  const { coin, payer, merchant, amount, feeReceiver, minFeeBps, maxFeeBps, arbiter } = terms;
  const { authorizeBy, captureBy, refundBy, salt } = terms;
  requireTerms(c, coin, amount);
  if ([ZERO, payer, c.self].includes(merchant)) refuse("CommerceMerchantInvalid", merchant);
  const isUnpayable = feeReceiver === c.self || (feeReceiver === ZERO && maxFeeBps > 0n);
  if (isUnpayable || minFeeBps > maxFeeBps || maxFeeBps > WHOLE_BPS) {
    refuse("CommerceFeeTermsInvalid", minFeeBps, maxFeeBps, feeReceiver);
  }
  requireBefore(c, authorizeBy);
  if (authorizeBy > captureBy || captureBy > refundBy) {
    refuse("CommerceDeadlinesUnordered", authorizeBy, captureBy, refundBy);
  }
  requireNear(c, captureBy, LONGEST_CAPTURE);
  requireNear(c, refundBy, LONGEST_REFUND);
  const id = paymentIdOf(c.world, c.self, terms);
  if (c.world.payments.has(id)) refuse("CommerceAlreadyAuthorized", id);

  const payment = { terms, captured: 0n, voided: 0n, refunded: 0n, feeBps: 0n, disputed: false };
  c.world.payments.set(id, payment);
  const fees = [feeReceiver, minFeeBps, maxFeeBps];
  const times = [authorizeBy, captureBy, refundBy];
  emit(c, "PaymentAuthorized", id, payer, merchant, coin, amount, ...fees, arbiter, ...times, salt);
  emitMoved(c, payment, { id, actor: payer, step: "authorize", amount });
  take(c, { id, coin, from: payer, amount, validBefore: authorizeBy }, signature);
}

/** Captures `amount` and gives `rest` back: the totals, the event, then each party apart. */
function divide(
  c: Frame,
  payment: Payment,
  { feeBps, rest, ...moved }: Omit<Moved, "fee"> & { feeBps: bigint; rest: bigint },
): void {
  const { id, amount } = moved;
  const { coin, payer, merchant, feeReceiver } = payment.terms;
  const fee = feeOf(payment.captured + amount, feeBps) - feeOf(payment.captured, feeBps);
  if (amount > 0n) payment.feeBps = feeBps;
  payment.captured += amount;
  payment.voided += rest;
  if (remainingOf(payment) === 0n) payment.disputed = false;
  emitMoved(c, payment, { ...moved, fee });
  payOrCredit(c, { id, coin, payer, party: merchant, amount: amount - fee });
  payOrCredit(c, { id, coin, payer, party: feeReceiver, amount: fee });
  payOrCredit(c, { id, coin, payer, party: payer, amount: rest });
}

export function capture(c: Frame, terms: PaymentTerms, order: CaptureOrder, signature: Signature): void {
  const { id, payment } = requireKnown(c, terms);
  const { amount, feeBps } = order;
  requireOrder(c, { id, signer: terms.merchant, type: "Capture", order }, signature);
  if (payment.disputed) refuse("CommerceDisputed", id);
  requireBefore(c, terms.captureBy);
  requireTotals(id, payment, order);
  requireAmount(id, amount, remainingOf(payment));
  requireRate(payment, feeBps);
  const rest = order.voidRest ? remainingOf(payment) - amount : 0n;
  divide(c, payment, { id, actor: terms.merchant, step: "capture", amount, feeBps, rest });
}

export function charge(
  c: Frame,
  terms: PaymentTerms,
  payerSignature: Signature,
  order: CaptureOrder,
  merchantSignature: Signature,
): void {
  authorize(c, terms, payerSignature);
  capture(c, terms, order, merchantSignature);
}

/** Gives `amount` back to the payer that was not captured. */
function giveBack(c: Frame, payment: Payment, moved: Moved): void {
  const { coin, payer } = payment.terms;
  payment.voided += moved.amount;
  if (remainingOf(payment) === 0n) payment.disputed = false;
  emitMoved(c, payment, moved);
  payOrCredit(c, { id: moved.id, coin, payer, party: payer, amount: moved.amount });
}

export function voidPayment(c: Frame, terms: PaymentTerms, order: VoidOrder, signature: Signature): void {
  const { id, payment } = requireKnown(c, terms);
  requireOrder(c, { id, signer: terms.merchant, type: "Void", order }, signature);
  requireBefore(c, endOf(payment));
  requireTotals(id, payment, order);
  requireAmount(id, order.amount, remainingOf(payment));
  giveBack(c, payment, { id, actor: terms.merchant, step: "void", amount: order.amount });
}

export function reclaim(c: Frame, terms: PaymentTerms): void {
  const { id, payment } = requireKnown(c, terms);
  const remaining = remainingOf(payment);
  if (remaining === 0n) refuse("CommerceNothingLeft", id);
  const end = endOf(payment);
  if (c.world.time < end) refuse("CommerceDeadlineNotReached", end, c.world.time);
  giveBack(c, payment, { id, actor: c.caller, step: "reclaim", amount: remaining });
}

export function refund(c: Frame, terms: PaymentTerms, amount: bigint, refunded: bigint, signature: Signature): void {
  const { id, payment } = requireKnown(c, terms);
  const { coin, payer, merchant, refundBy } = terms;
  if (payment.refunded !== refunded) refuse("CommerceRefundedChanged", id, payment.refunded);
  requireAmount(id, amount, payment.captured - refunded);
  requireBefore(c, refundBy);
  payment.refunded += amount;
  emitMoved(c, payment, { id, actor: merchant, step: "refund", amount });
  const nonce = refundNonceOf(id, refunded);
  take(c, { id: nonce, coin, from: merchant, amount, validBefore: refundBy }, signature);
  payOrCredit(c, { id, coin, payer: merchant, party: payer, amount });
}

function disputeAs(c: Frame, id: Bytes32, payment: Payment): void {
  if (payment.terms.arbiter === ZERO) refuse("CommerceNotDisputable", id);
  if (payment.disputed) refuse("CommerceDisputed", id);
  requireBefore(c, payment.terms.captureBy);
  const amount = remainingOf(payment);
  if (amount === 0n) refuse("CommerceNothingLeft", id);
  payment.disputed = true;
  emitMoved(c, payment, { id, actor: payment.terms.payer, step: "dispute", amount });
}

export function dispute(c: Frame, terms: PaymentTerms): void {
  const { id, payment } = requireKnown(c, terms);
  if (c.caller !== terms.payer) refuse("CommercePayerOnly", c.caller, terms.payer);
  disputeAs(c, id, payment);
}

export function disputeBySig(c: Frame, terms: PaymentTerms, deadline: bigint, signature: Signature): void {
  const { id, payment } = requireKnown(c, terms);
  const { captured, voided } = payment;
  const order = { id, captured, voided, deadline };
  requireOrder(c, { id, signer: terms.payer, type: "DisputePayment", order }, signature);
  disputeAs(c, id, payment);
}

export function resolve(c: Frame, terms: PaymentTerms, order: ResolveOrder, signature: Signature): void {
  const { id, payment } = requireKnown(c, terms);
  const { toMerchant: amount, feeBps } = order;
  requireOrder(c, { id, signer: terms.arbiter, type: "ResolvePayment", order }, signature);
  if (!payment.disputed) refuse("CommerceNotDisputed", id);
  requireBefore(c, terms.captureBy + ARBITRATION);
  requireTotals(id, payment, order);
  const remaining = remainingOf(payment);
  if (amount > remaining) refuse("CommerceAmountExceeded", id, amount, remaining);
  requireRate(payment, feeBps);
  divide(c, payment, { id, actor: terms.arbiter, step: "resolve", amount, feeBps, rest: remaining - amount });
}
