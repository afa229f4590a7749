/**
 * The model of the registry of wallet operators, as far as the travel rule reaches: keys, members, attestations, suspension. To be
 * read beside IVaspRegistry.sol. Owns who belongs to which family and which payments are attested. Leaves out what the travel
 * rule does not ask about (what it does ask is in `families.ts`): domains, addresses of services, the change of an operator's admin, freezing a family.
 */
import { setVasp } from "./coin.ts";
import { type Member, type Operator, paymentOf, vaspOf } from "./families.ts";
import {
  type Address,
  type Bytes32,
  DAY,
  digestOf,
  emit,
  type Frame,
  into,
  isSigned,
  NOTHING,
  refuse,
  requireDeadline,
  requireRole,
  type Signature,
  ZERO,
} from "./frame.ts";
import type { StructName } from "./structs.ts";

const MAX_KEY_TERM = 366n * DAY;
const LEAVE_DELAY = DAY;
const MAX_ATTESTATION = 30n * DAY;

export interface Join {
  account: Address;
  vasp: bigint;
  joinId: Bytes32;
  deadline: bigint;
}

export interface Leave {
  account: Address;
  leaveId: Bytes32;
  deadline: bigint;
}

export interface Attestation {
  vasp: bigint;
  attestationId: Bytes32;
  coin: Address;
  payer: Address;
  payee: Address;
  amount: bigint;
  ref: Bytes32;
  validUntil: bigint;
}

// ------------------------------------------------------------------------------------------------ the checks

function requireKnown(c: Frame, id: bigint): Operator {
  return c.world.registry.operators.get(id) ?? refuse("VaspUnknown", id);
}

function requireAdmin(c: Frame, id: bigint): Operator {
  const operator = requireKnown(c, id);
  if (c.caller !== operator.admin) refuse("VaspAdminOnly", c.caller, operator.admin);
  return operator;
}

function requireActive(c: Frame, id: bigint): void {
  if (requireKnown(c, id).suspended) refuse("VaspSuspended", id);
}

function requireKey(c: Frame, id: bigint, key: Address): void {
  const term = requireKnown(c, id).keys.get(key) ?? { from: 0n, until: 0n };
  if (c.world.time < term.from || c.world.time >= term.until) refuse("VaspKeyInvalid", id, key, c.world.time);
}

function requireSignature(c: Frame, signer: Address, type: StructName, message: object, signature: Signature): void {
  const digest = digestOf(c.world, c.self, type, message);
  if (!isSigned(c.world, signer, digest, signature)) refuse("OrderSignatureInvalid", signer);
}

function requireConsent(c: Frame, address: Address, id: Bytes32): void {
  if (id === NOTHING || c.world.registry.consents.has(`${address} ${id}`)) refuse("VaspConsentUsed", address, id);
}

/** Neither zero, nor one of our coins, nor treasury or escrow of any. */
function requireOrdinary(c: Frame, address: Address): void {
  const { registry, coins } = c.world;
  const isOffice = registry.coins.some((at) => {
    const coin = coins.get(at);
    return coin?.treasury === address || coin?.accounts.get(address)?.escrow === true;
  });
  if (address === ZERO || registry.coins.includes(address) || isOffice) refuse("VaspAccountInvalid", address);
}

/** A member, of `vasp` unless that is 0, that has not announced its leaving. */
function requireStaying(c: Frame, address: Address, vasp: bigint): Member {
  const member = c.world.registry.members.get(address);
  if (member === undefined || (vasp !== 0n && member.vasp !== vasp)) return refuse("VaspNotMember", address, vasp);
  if (member.leaveAt !== 0n) refuse("VaspAlreadyLeaving", address, member.leaveAt);
  return member;
}

// ------------------------------------------------------------------------------------------------------- keys

function setTerm(c: Frame, id: bigint, key: Address, from: bigint, until: bigint): void {
  const { keys } = requireKnown(c, id);
  const old = keys.get(key) ?? { from: 0n, until: 0n };
  emit(c, "VaspKeyChanged", id, key, old.from, old.until, from, until);
  keys.set(key, { from, until });
}

export function setComplianceKey(c: Frame, id: bigint, key: Address, from: bigint, until: bigint): void {
  requireAdmin(c, id);
  if (key === ZERO) refuse("VaspKeyInvalid", id, key, c.world.time);
  const limit = c.world.time + MAX_KEY_TERM;
  if (from >= until || until > limit) refuse("VaspKeyTermInvalid", from, until, limit);
  setTerm(c, id, key, from, until);
}

export function revokeComplianceKey(c: Frame, id: bigint, key: Address): void {
  requireAdmin(c, id);
  setTerm(c, id, key, 0n, 0n);
}

// ---------------------------------------------------------------------------------------------------- members

export function join(c: Frame, terms: Join, accountSignature: Signature, key: Address, keySignature: Signature): void {
  const { account, vasp, joinId } = terms;
  requireDeadline(c, terms.deadline);
  requireActive(c, vasp);
  requireOrdinary(c, account);
  const current = vaspOf(c.world.registry, account);
  if (current !== 0n) refuse("VaspAlreadyMember", account, current);
  requireConsent(c, account, joinId);
  requireKey(c, vasp, key);
  requireSignature(c, account, "JoinVasp", terms, accountSignature);
  requireSignature(c, key, "JoinVasp", terms, keySignature);
  c.world.registry.consents.add(`${account} ${joinId}`);
  c.world.registry.members.set(account, { vasp, leaveAt: 0n });
  emit(c, "VaspJoined", vasp, account, key, joinId);
  tellCoins(c, account, vasp);
}

function tellCoins(c: Frame, address: Address, vasp: bigint): void {
  for (const coin of c.world.registry.coins) setVasp(into(c, coin), address, vasp);
}

/** `leaveId` is the consent, or none. */
function announce(
  c: Frame,
  { actor, leaveId }: { actor: Address; leaveId: Bytes32 },
  address: Address,
  member: Member,
): void {
  member.leaveAt = c.world.time + LEAVE_DELAY;
  emit(c, "VaspLeaving", member.vasp, address, actor, member.leaveAt, leaveId);
}

export function announceLeave(c: Frame): void {
  announce(c, { actor: c.caller, leaveId: NOTHING }, c.caller, requireStaying(c, c.caller, 0n));
}

export function leaveBySig(c: Frame, terms: Leave, signature: Signature): void {
  requireDeadline(c, terms.deadline);
  const member = requireStaying(c, terms.account, 0n);
  requireConsent(c, terms.account, terms.leaveId);
  requireSignature(c, terms.account, "LeaveVasp", terms, signature);
  c.world.registry.consents.add(`${terms.account} ${terms.leaveId}`);
  announce(c, { actor: terms.account, leaveId: terms.leaveId }, terms.account, member);
}

export function expel(c: Frame, id: bigint, address: Address): void {
  requireAdmin(c, id);
  announce(c, { actor: c.caller, leaveId: NOTHING }, address, requireStaying(c, address, id));
}

export function completeLeave(c: Frame, address: Address): void {
  const member = c.world.registry.members.get(address) ?? refuse("VaspNotMember", address, 0n);
  if (member.leaveAt === 0n) refuse("VaspNotLeaving", address);
  if (c.world.time < member.leaveAt) refuse("VaspLeaveTooEarly", member.leaveAt, c.world.time);
  c.world.registry.members.delete(address);
  emit(c, "VaspLeft", member.vasp, address);
  tellCoins(c, address, 0n);
}

// ----------------------------------------------------------------------------------------------- attestations

function attestUnder(c: Frame, a: Attestation): void {
  const { registry, time } = c.world;
  if (!registry.coins.includes(a.coin)) refuse("VaspCoinUnknown", a.coin);
  if (vaspOf(registry, a.payee) !== a.vasp) refuse("VaspNotMember", a.payee, a.vasp);
  if (registry.attestations.has(`${a.vasp} ${a.attestationId}`)) {
    refuse("VaspAttestationUsed", a.vasp, a.attestationId);
  }
  if (time >= a.validUntil) refuse("VaspAttestationExpired", a.validUntil, time);
  const limit = time + MAX_ATTESTATION;
  if (a.validUntil > limit) refuse("VaspAttestationTooLong", a.validUntil, limit);

  // those of another family and those that ended do not count; of the others the earliest end holds for all
  const payment = paymentOf(a.coin, a.payer, a.payee, a.amount);
  const before = registry.waiting.get(payment);
  const counts = before !== undefined && before.vasp === a.vasp && time < before.until;
  const until = counts && before.until < a.validUntil ? before.until : a.validUntil;
  registry.waiting.set(payment, { count: counts ? before.count + 1n : 1n, until, vasp: a.vasp });
  registry.attestations.add(`${a.vasp} ${a.attestationId}`);
  emit(c, "TravelAttested", a.vasp, a.attestationId, a.coin, a.payer, a.payee, a.amount, a.ref, a.validUntil);
}

export function attest(c: Frame, attestation: Attestation): void {
  requireActive(c, attestation.vasp);
  requireKey(c, attestation.vasp, c.caller);
  attestUnder(c, attestation);
}

export function attestBySig(c: Frame, attestation: Attestation, key: Address, signature: Signature): void {
  requireActive(c, attestation.vasp);
  requireKey(c, attestation.vasp, key);
  requireSignature(c, key, "TravelAttestation", attestation, signature);
  attestUnder(c, attestation);
}

export function withdrawAttestations(
  c: Frame,
  vasp: bigint,
  coin: Address,
  payer: Address,
  payee: Address,
  amount: bigint,
): void {
  requireKey(c, vasp, c.caller);
  const payment = paymentOf(coin, payer, payee, amount);
  const waiting = c.world.registry.waiting.get(payment);
  if (waiting?.vasp !== vasp) return refuse("VaspAttestationMissing", vasp, coin, payer, payee, amount);
  c.world.registry.waiting.delete(payment);
  emit(c, "TravelAttestationsWithdrawn", vasp, c.caller, coin, payer, payee, amount, waiting.count);
}

// ------------------------------------------------------------------------------------------------- suspension

function setSuspended(c: Frame, id: bigint, suspended: boolean): void {
  const operator = requireKnown(c, id);
  emit(c, "VaspSuspendedChanged", id, c.caller, operator.suspended, suspended);
  operator.suspended = suspended;
}

export function suspend(c: Frame, id: bigint): void {
  requireRole(c, "suspend");
  setSuspended(c, id, true);
}

export function reinstate(c: Frame, id: bigint): void {
  requireRole(c, "reinstate");
  setSuspended(c, id, false);
}
