/**
 * The model of the redemption escrow, to be read beside IRedemptionEscrow.sol. Owns the redemptions: each is its terms, a state and
 * its approver; and what is confirmed but not yet burned.
 */
import { burnHeld, payOrCredit, requireTerms, succeeds, take } from "./escrow.ts";
import {
  type Address,
  type Bytes32,
  DAY,
  digestOf,
  emit,
  type Frame,
  isSigned,
  MAX_AMOUNT,
  NOTHING,
  power,
  refuse,
  requireDeadline,
  requireOrder,
  requireRole,
  type Signature,
  WHOLE,
  type World,
  ZERO,
} from "./frame.ts";
import type { StructName } from "./structs.ts";

const CENT = 10_000n;
const LONGEST_TERM = 30n * DAY;
const DISPUTE_TERM = 15n * DAY;
export const REDEMPTION_STATE = {
  none: 0n,
  locked: 1n,
  accepted: 2n,
  sent: 3n,
  burned: 4n,
  returned: 5n,
  disputed: 6n,
} as const;
export type RedemptionState = keyof typeof REDEMPTION_STATE;

export interface RedemptionTerms {
  coin: Address;
  holder: Address;
  amount: bigint;
  payout: Bytes32;
  acceptBy: bigint;
  payoutBy: bigint;
  finalBy: bigint;
  salt: Bytes32;
}

export interface Redemption {
  terms: RedemptionTerms;
  state: RedemptionState;
  approver: Address;
}

export interface Redemptions {
  byId: Map<Bytes32, Redemption>;
  /** By coin: confirmed and not yet burned. */
  toBurn: Map<Address, bigint>;
  /** By coin: from this amount on a second key is needed; absent is never. */
  limits: Map<Address, bigint>;
}

export interface StepOrder {
  id: Bytes32;
  deadline: bigint;
}

export function redemptionIdOf(world: World, escrow: Address, terms: RedemptionTerms): Bytes32 {
  return digestOf(world, escrow, "Redemption", terms);
}

/** When the state falls to `reclaim`; undefined where it never does. */
export function deadlineOf({ state, terms }: Redemption): bigint | undefined {
  switch (state) {
    case "locked":
      return terms.acceptBy;
    case "accepted":
      return terms.payoutBy;
    case "sent":
      return terms.finalBy;
    case "disputed":
      return terms.finalBy + DISPUTE_TERM;
    default:
      return undefined;
  }
}

// -------------------------------------------------------------------------------------------------- the checks

function requireState(c: Frame, id: Bytes32, ...states: RedemptionState[]): Redemption {
  const found = c.world.redemptions.byId.get(id);
  if (found !== undefined && states.includes(found.state)) return found;
  return refuse("RedemptionStateInvalid", id, REDEMPTION_STATE[found?.state ?? "none"]);
}

function requireBefore(c: Frame, deadline: bigint): void {
  if (c.world.time >= deadline) refuse("RedemptionDeadlinePassed", deadline, c.world.time);
}

/** In one of `states` and before its deadline. */
function requireTimely(c: Frame, id: Bytes32, ...states: RedemptionState[]): Redemption {
  const found = requireState(c, id, ...states);
  requireBefore(c, deadlineOf(found) ?? 0n);
  return found;
}

function requireHolder(c: Frame, { terms }: Redemption): void {
  if (c.caller !== terms.holder) refuse("RedemptionHolderOnly", c.caller, terms.holder);
}

interface HolderOrder {
  type: StructName;
  id: Bytes32;
  deadline: bigint;
}

function requireHolderSigned(
  c: Frame,
  { terms: { holder } }: Redemption,
  { type, id, deadline }: HolderOrder,
  signature: Signature,
): void {
  requireDeadline(c, deadline);
  const digest = digestOf(c.world, c.self, type, { id, deadline });
  if (!isSigned(c.world, holder, digest, signature)) refuse("OrderSignatureInvalid", holder);
}

/** An approval counts as long as its giver could give it again. */
function isApproved(c: Frame, { approver }: Redemption): boolean {
  return approver !== ZERO && c.world.powers.has(power(c.self, "approve", approver));
}

// --------------------------------------------------------------------------------------------------- the moves

interface Move {
  id: Bytes32;
  actor: Address;
  ref?: Bytes32;
}

function move(c: Frame, found: Redemption, to: RedemptionState, { id, actor, ref = NOTHING }: Move): void {
  const from = REDEMPTION_STATE[found.state];
  found.state = to;
  emit(c, "RedemptionMoved", id, actor, from, REDEMPTION_STATE[to], found.terms.amount, ref);
}

function giveBack(c: Frame, found: Redemption, step: Move): void {
  const { coin, holder, amount } = found.terms;
  move(c, found, "returned", step);
  payOrCredit(c, { id: step.id, coin, payer: holder, party: holder, amount });
}

/** Cannot fail: what the coin does not burn now waits for `burnPending`. */
function burnOrDefer(c: Frame, found: Redemption, step: Move): void {
  const { coin, amount } = found.terms;
  move(c, found, "burned", step);
  if (succeeds(() => burnHeld(c, coin, amount))) return;
  const { toBurn } = c.world.redemptions;
  toBurn.set(coin, (toBurn.get(coin) ?? 0n) + amount);
  emit(c, "RedemptionBurnDeferred", step.id, coin, amount);
}

// --------------------------------------------------------------------------------------------------- the holder

export function lock(c: Frame, terms: RedemptionTerms, signature: Signature): void {
  const { coin, holder, amount, payout, acceptBy, payoutBy, finalBy, salt } = terms;
  requireTerms(c, coin, amount);
  if (amount % CENT !== 0n) refuse("RedemptionNotWholeCents", amount);
  requireBefore(c, acceptBy);
  if (acceptBy >= payoutBy || payoutBy >= finalBy) {
    refuse("RedemptionDeadlinesUnordered", acceptBy, payoutBy, finalBy);
  }
  const limit = c.world.time + LONGEST_TERM;
  if (finalBy > limit) refuse("RedemptionDeadlineTooFar", finalBy, limit);
  const id = redemptionIdOf(c.world, c.self, terms);
  const known = c.world.redemptions.byId.get(id);
  if (known !== undefined) refuse("RedemptionStateInvalid", id, REDEMPTION_STATE[known.state]);

  const found: Redemption = { terms, state: "none", approver: ZERO };
  c.world.redemptions.byId.set(id, found);
  emit(c, "RedemptionLocked", id, holder, coin, amount, payout, acceptBy, payoutBy, finalBy, salt);
  move(c, found, "locked", { id, actor: c.caller });
  take(c, { id, coin, from: holder, amount, validBefore: acceptBy }, signature);
}

export function cancel(c: Frame, id: Bytes32): void {
  requireHolder(c, requireState(c, id, "locked"));
  giveBack(c, requireTimely(c, id, "locked"), { id, actor: c.caller });
}

export function cancelBySig(c: Frame, id: Bytes32, deadline: bigint, signature: Signature): void {
  const found = requireState(c, id, "locked");
  requireHolderSigned(c, found, { type: "CancelRedemption", id, deadline }, signature);
  giveBack(c, requireTimely(c, id, "locked"), { id, actor: found.terms.holder });
}

export function dispute(c: Frame, id: Bytes32): void {
  requireHolder(c, requireState(c, id, "sent"));
  move(c, requireTimely(c, id, "sent"), "disputed", { id, actor: c.caller });
}

export function disputeBySig(c: Frame, id: Bytes32, deadline: bigint, signature: Signature): void {
  const found = requireState(c, id, "sent");
  requireHolderSigned(c, found, { type: "DisputeRedemption", id, deadline }, signature);
  move(c, requireTimely(c, id, "sent"), "disputed", { id, actor: found.terms.holder });
}

// ----------------------------------------------------------------------- the desk, the second key, the arbiter

function acceptAs(c: Frame, step: Move): void {
  move(c, requireTimely(c, step.id, "locked"), "accepted", step);
}

function rejectAs(c: Frame, step: Move): void {
  giveBack(c, requireTimely(c, step.id, "locked", "accepted"), step);
}

function approveAs(c: Frame, { id, actor }: Move): void {
  const found = requireTimely(c, id, "accepted");
  if (isApproved(c, found)) refuse("RedemptionAlreadyApproved", id, found.approver);
  found.approver = actor;
  emit(c, "RedemptionApproved", id, actor);
}

function markSentAs(c: Frame, step: Move): void {
  const found = requireTimely(c, step.id, "accepted");
  const { coin, amount } = found.terms;
  const limit = c.world.redemptions.limits.get(coin) ?? WHOLE;
  if (amount >= limit) {
    if (!isApproved(c, found)) refuse("RedemptionApprovalMissing", step.id, amount, limit);
    if (found.approver === step.actor) refuse("RedemptionSameKey", step.actor);
  }
  move(c, found, "sent", step);
}

function confirmAs(c: Frame, step: Move): void {
  burnOrDefer(c, requireTimely(c, step.id, "sent"), step);
}

function resolveAs(c: Frame, paid: boolean, step: Move): void {
  const found = requireTimely(c, step.id, "disputed");
  if (paid) burnOrDefer(c, found, step);
  else giveBack(c, found, step);
}

export function accept(c: Frame, id: Bytes32): void {
  requireRole(c, "accept");
  acceptAs(c, { id, actor: c.caller });
}

export function acceptBySig(c: Frame, order: StepOrder, signer: Address, signature: Signature): void {
  requireOrder(c, { name: "accept", type: "AcceptOrder", message: order }, signer, signature);
  acceptAs(c, { id: order.id, actor: signer });
}

export function reject(c: Frame, id: Bytes32, reason: Bytes32): void {
  requireRole(c, "reject");
  rejectAs(c, { id, actor: c.caller, ref: reason });
}

export type RejectOrder = StepOrder & { state: bigint; reason: Bytes32 };

export function rejectBySig(c: Frame, order: RejectOrder, signer: Address, signature: Signature): void {
  requireOrder(c, { name: "reject", type: "RejectOrder", message: order }, signer, signature);
  const state = REDEMPTION_STATE[c.world.redemptions.byId.get(order.id)?.state ?? "none"];
  if (state !== order.state) refuse("RedemptionStateInvalid", order.id, state);
  rejectAs(c, { id: order.id, actor: signer, ref: order.reason });
}

export function approve(c: Frame, id: Bytes32): void {
  requireRole(c, "approve");
  approveAs(c, { id, actor: c.caller });
}

export function approveBySig(c: Frame, order: StepOrder, signer: Address, signature: Signature): void {
  requireOrder(c, { name: "approve", type: "ApproveOrder", message: order }, signer, signature);
  approveAs(c, { id: order.id, actor: signer });
}

export function markSent(c: Frame, id: Bytes32, bankReference: Bytes32): void {
  requireRole(c, "markSent");
  markSentAs(c, { id, actor: c.caller, ref: bankReference });
}

export type BankOrder = StepOrder & { bankReference: Bytes32 };

export function markSentBySig(c: Frame, order: BankOrder, signer: Address, signature: Signature): void {
  requireOrder(c, { name: "markSent", type: "MarkSentOrder", message: order }, signer, signature);
  markSentAs(c, { id: order.id, actor: signer, ref: order.bankReference });
}

export function confirm(c: Frame, id: Bytes32, bankReference: Bytes32): void {
  requireRole(c, "confirm");
  confirmAs(c, { id, actor: c.caller, ref: bankReference });
}

export function confirmBySig(c: Frame, order: BankOrder, signer: Address, signature: Signature): void {
  requireOrder(c, { name: "confirm", type: "ConfirmOrder", message: order }, signer, signature);
  confirmAs(c, { id: order.id, actor: signer, ref: order.bankReference });
}

export function resolve(c: Frame, id: Bytes32, paid: boolean, ref: Bytes32): void {
  requireRole(c, "resolve");
  resolveAs(c, paid, { id, actor: c.caller, ref });
}

export type ResolveOrder = StepOrder & { paid: boolean; ref: Bytes32 };

export function resolveBySig(c: Frame, order: ResolveOrder, signer: Address, signature: Signature): void {
  requireOrder(c, { name: "resolve", type: "ResolveOrder", message: order }, signer, signature);
  resolveAs(c, order.paid, { id: order.id, actor: signer, ref: order.ref });
}

// ----------------------------------------------------------------------------------------------------- anybody

export function reclaim(c: Frame, id: Bytes32): void {
  const found = requireState(c, id, "locked", "accepted", "sent", "disputed");
  const deadline = deadlineOf(found) ?? 0n;
  if (c.world.time < deadline) refuse("RedemptionDeadlineNotReached", deadline, c.world.time);
  giveBack(c, found, { id, actor: c.caller });
}

export function burnPending(c: Frame, coin: Address): void {
  const amount = c.world.redemptions.toBurn.get(coin) ?? 0n;
  if (amount === 0n) refuse("RedemptionNothingToBurn", coin);
  c.world.redemptions.toBurn.delete(coin);
  emit(c, "RedemptionPendingBurned", coin, c.caller, amount);
  burnHeld(c, coin, amount);
}

export function setSecondKeyLimit(c: Frame, coin: Address, limit: bigint): void {
  requireRole(c, "setSecondKeyLimit");
  requireTerms(c, coin, MAX_AMOUNT);
  emit(c, "RedemptionSecondKeyLimitChanged", coin, c.world.redemptions.limits.get(coin) ?? WHOLE, limit);
  c.world.redemptions.limits.set(coin, limit);
}
