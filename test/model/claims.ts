/**
 * The model of the claim escrow, to be read beside IClaimEscrow.sol. Owns the claims: each is its terms and a state.
 */
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

const LONGEST_TERM = 180n * DAY;
export const CLAIM_STATE = { none: 0n, open: 1n, claimed: 2n, declined: 3n, cancelled: 4n, reclaimed: 5n } as const;
type State = keyof typeof CLAIM_STATE;

export interface ClaimTerms {
  coin: Address;
  sender: Address;
  amount: bigint;
  linkKey: Address;
  attestor: Address;
  handle: Bytes32;
  cancelFrom: bigint;
  expiry: bigint;
  salt: Bytes32;
}

export interface Claim {
  terms: ClaimTerms;
  state: State;
}

export interface ClaimTo {
  id: Bytes32;
  recipient: Address;
  deadline: bigint;
}

export function claimIdOf(world: World, escrow: Address, terms: ClaimTerms): Bytes32 {
  return digestOf(world, escrow, "Claim", terms);
}

function requireOpen(c: Frame, id: Bytes32): Claim {
  const claim = c.world.claims.get(id);
  if (claim?.state !== "open") return refuse("ClaimStateInvalid", id, CLAIM_STATE[claim?.state ?? "none"]);
  return claim;
}

function requireBefore(c: Frame, deadline: bigint): void {
  if (c.world.time >= deadline) refuse("ClaimDeadlinePassed", deadline, c.world.time);
}

function requireFrom(c: Frame, deadline: bigint): void {
  if (c.world.time < deadline) refuse("ClaimDeadlineNotReached", deadline, c.world.time);
}

function requireSignature(c: Frame, signer: Address, type: StructName, message: object, signature: Signature): void {
  const digest = digestOf(c.world, c.self, type, message);
  if (!isSigned(c.world, signer, digest, signature)) refuse("ClaimSignatureInvalid", signer);
}

/** The one way out: whose coins they were is always the sender, whoever they go to. */
function close(c: Frame, id: Bytes32, to: State, actor: Address, party: Address): void {
  const claim = requireOpen(c, id);
  const { coin, sender, amount } = claim.terms;
  claim.state = to;
  emit(c, "ClaimMoved", id, actor, CLAIM_STATE.open, CLAIM_STATE[to], amount, party);
  payOrCredit(c, { id, coin, payer: sender, party, amount });
}

export function open(c: Frame, terms: ClaimTerms, signature: Signature): void {
  requireTerms(c, terms.coin, terms.amount);
  if (terms.linkKey === ZERO) refuse("ClaimLinkKeyMissing");
  requireBefore(c, terms.expiry);
  const limit = c.world.time + LONGEST_TERM;
  if (terms.expiry > limit) refuse("ClaimExpiryTooFar", terms.expiry, limit);
  if (terms.cancelFrom > terms.expiry) refuse("ClaimCancelAfterExpiry", terms.cancelFrom, terms.expiry);
  const id = claimIdOf(c.world, c.self, terms);
  const known = c.world.claims.get(id);
  if (known !== undefined) refuse("ClaimStateInvalid", id, CLAIM_STATE[known.state]);

  c.world.claims.set(id, { terms, state: "open" });
  const { coin, sender, amount, linkKey, attestor, handle, cancelFrom, expiry, salt } = terms;
  emit(c, "ClaimOpened", id, sender, coin, amount, linkKey, attestor, handle, cancelFrom, expiry, salt);
  emit(c, "ClaimMoved", id, c.caller, CLAIM_STATE.none, CLAIM_STATE.open, amount, ZERO);
  take(c, { id, coin, from: sender, amount, validBefore: expiry }, signature);
}

export function claim(c: Frame, order: ClaimTo, linkSignature: Signature, attestorSignature: Signature): void {
  const { coin, expiry, linkKey, attestor } = requireOpen(c, order.id).terms;
  requireDeadline(c, order.deadline, "ClaimOrderExpired");
  if ([ZERO, c.self, coin].includes(order.recipient)) refuse("ClaimRecipientInvalid", order.recipient);
  requireBefore(c, expiry);
  requireSignature(c, linkKey, "ClaimTo", order, linkSignature);
  if (attestor !== ZERO) requireSignature(c, attestor, "AttestClaim", order, attestorSignature);
  close(c, order.id, "claimed", linkKey, order.recipient);
}

export function decline(c: Frame, id: Bytes32, deadline: bigint, linkSignature: Signature): void {
  const { expiry, linkKey, sender } = requireOpen(c, id).terms;
  requireDeadline(c, deadline, "ClaimOrderExpired");
  requireBefore(c, expiry);
  requireSignature(c, linkKey, "DeclineClaim", { id, deadline }, linkSignature);
  close(c, id, "declined", linkKey, sender);
}

function cancelAs(c: Frame, id: Bytes32): void {
  const { cancelFrom, expiry, sender } = requireOpen(c, id).terms;
  requireFrom(c, cancelFrom);
  requireBefore(c, expiry);
  close(c, id, "cancelled", sender, sender);
}

export function cancel(c: Frame, id: Bytes32): void {
  const { sender } = requireOpen(c, id).terms;
  if (c.caller !== sender) refuse("ClaimSenderOnly", c.caller, sender);
  cancelAs(c, id);
}

export function cancelBySig(c: Frame, id: Bytes32, deadline: bigint, signature: Signature): void {
  const { sender } = requireOpen(c, id).terms;
  requireDeadline(c, deadline, "ClaimOrderExpired");
  requireSignature(c, sender, "CancelClaim", { id, deadline }, signature);
  cancelAs(c, id);
}

export function reclaim(c: Frame, id: Bytes32): void {
  const { expiry, sender } = requireOpen(c, id).terms;
  requireFrom(c, expiry);
  close(c, id, "reclaimed", c.caller, sender);
}
