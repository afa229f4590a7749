/**
 * What the node refuses before it promises anything. Owns the rules that need only the draft, the block time and what the node
 * already knows; promises to name every reason, not the first. Signatures, nonces, funds and identity are decided elsewhere.
 */
import { centUnits } from "./amount.ts";
import type { Draft, LockDraft, MintDraft, OrderRole, ReclaimDraft, StepDraft, TransferDraft } from "./draft.ts";
import type { RedemptionTerms } from "./facts.ts";
import { type Address, zeroAddress } from "./hex.ts";
import type { IntentKind, RedemptionState } from "./intent.ts";
import type { Rejection } from "./rejection.ts";

/** Seconds. */
export interface ValidityLimits {
  /** Longest a transfer may stay valid after now, so that holds drain. */
  readonly transfer: number;
  /** Longest deadline of a signed order. */
  readonly order: number;
  /** The escrow's own cap on a redemption's last deadline. */
  readonly redemption: number;
}

export interface PolicyContext {
  /** Time of the newest block, Unix seconds. */
  readonly blockTime: number;
  readonly coins: ReadonlySet<Address>;
  readonly treasury: Address;
  readonly redemptions: Address;
  readonly validity: ValidityLimits;
  /** The redemption a step is about; null when the node knows none. */
  readonly redemption: { readonly terms: RedemptionTerms; readonly state: RedemptionState } | null;
}

/** The role whose order an intent of this kind is; null where it is a holder's or nobody's. */
export const roleOf: Readonly<Record<IntentKind, OrderRole | null>> = {
  transfer: null,
  cancel: null,
  mint: "dealer",
  lock: null,
  "cancel-redemption": null,
  accept: "agent",
  reject: "agent",
  "mark-sent": "agent",
  confirm: "agent",
  reclaim: null,
  attest: "attestor",
  minting: "issuer",
  freeze: "freezer",
  unfreeze: "freezer",
};

/** States each redemption step may leave, and the deadline of that state. */
const leaves: Readonly<Record<StepDraft["kind"] | "reclaim", readonly RedemptionState[]>> = {
  "cancel-redemption": ["locked"],
  accept: ["locked"],
  reject: ["locked", "accepted"],
  "mark-sent": ["accepted"],
  confirm: ["sent"],
  reclaim: ["locked", "accepted", "sent"],
};

const deadlineOf = { locked: "acceptBy", accepted: "payoutBy", sent: "finalBy" } as const;

function reason(
  code: Rejection["code"],
  subject: string,
  remedy: string,
  compared: Partial<Rejection> = {},
): Rejection {
  return { code, subject, remedy, ...compared };
}

function compare(actual: number | bigint, limit: number | bigint): { actual: string; limit: string } {
  return { actual: String(actual), limit: String(limit) };
}

function judgeAmount(amount: bigint): Rejection[] {
  return amount > 0n ? [] : [reason("amount_zero", "amount", "Send an amount above zero.", compare(amount, 1n))];
}

function judgePayee(payee: Address, context: PolicyContext): Rejection[] {
  const barred = [zeroAddress, ...context.coins, context.treasury, context.redemptions];
  return barred.includes(payee)
    ? [reason("payee_invalid", payee, "Name an account of a person or a business, not a contract of the network.")]
    : [];
}

function judgeDeadline(deadline: number, context: PolicyContext): Rejection[] {
  const { blockTime, validity } = context;
  if (deadline < blockTime) {
    return [reason("expired", "deadline", "Sign the order with a later deadline.", compare(deadline, blockTime))];
  }
  const latest = blockTime + validity.order;
  return deadline > latest
    ? [reason("validity_too_long", "deadline", "Sign the order with an earlier deadline.", compare(deadline, latest))]
    : [];
}

function judgeTransfer({ authorization }: TransferDraft, context: PolicyContext): Rejection[] {
  const { to, value, validAfter, validBefore } = authorization;
  const { blockTime, validity } = context;
  const reasons = [...judgeAmount(value), ...judgePayee(to, context)];
  const latest = blockTime + validity.transfer;
  if (validBefore <= blockTime) {
    reasons.push(
      reason(
        "expired",
        "validBefore",
        "Sign again, with the same nonce, valid for longer.",
        compare(validBefore, blockTime),
      ),
    );
  } else if (validBefore > latest) {
    reasons.push(
      reason("validity_too_long", "validBefore", "Sign with an earlier validBefore.", compare(validBefore, latest)),
    );
  }
  if (validAfter + 1 >= validBefore) {
    const remedy = "Sign with validAfter at least two seconds before validBefore: both are exclusive.";
    reasons.push(reason("not_yet_valid", "validAfter", remedy, compare(validAfter, validBefore)));
  }
  return reasons;
}

function judgeLock({ terms }: LockDraft, context: PolicyContext): Rejection[] {
  const { acceptBy, payoutBy, finalBy } = terms;
  const { blockTime, validity } = context;
  const reasons = judgeAmount(terms.amount);
  if (terms.amount % centUnits !== 0n) {
    const remedy = `Redeem whole cents: a multiple of ${centUnits} base units.`;
    reasons.push(reason("amount_not_whole_cents", "amount", remedy, compare(terms.amount, centUnits)));
  }
  if (acceptBy <= blockTime) {
    reasons.push(reason("expired", "acceptBy", "Sign terms with later deadlines.", compare(acceptBy, blockTime)));
  }
  if (!(acceptBy < payoutBy && payoutBy < finalBy)) {
    const remedy = "Order the deadlines: acceptBy before payoutBy before finalBy.";
    reasons.push(reason("deadline_invalid", "payoutBy", remedy, { actual: `${acceptBy} ${payoutBy} ${finalBy}` }));
  }
  const latest = blockTime + validity.redemption;
  if (finalBy > latest) {
    reasons.push(
      reason("deadline_invalid", "finalBy", "Sign terms with an earlier finalBy.", compare(finalBy, latest)),
    );
  }
  return reasons;
}

function judgeStep(draft: StepDraft | ReclaimDraft, context: PolicyContext): Rejection[] {
  const { redemption, blockTime } = context;
  const reasons = draft.kind === "reclaim" ? [] : judgeDeadline(draft.deadline, context);
  if (redemption === null) {
    reasons.push(reason("redemption_unknown", draft.id, "Check the id, and wait until the lock is in a block."));
    return reasons;
  }
  const { terms, state } = redemption;
  if (state !== draft.from || !leaves[draft.kind].includes(draft.from)) {
    const remedy = `Read the redemption: it must be ${leaves[draft.kind].join(" or ")} for this step.`;
    reasons.push(reason("redemption_state_invalid", draft.id, remedy, { actual: state, limit: draft.from }));
  } else {
    const deadline = terms[deadlineOf[draft.from]];
    const passed = blockTime >= deadline;
    if (draft.kind === "reclaim" ? !passed : passed) {
      const remedy = passed ? "The deadline passed: the coins can only be reclaimed." : "Wait for the deadline.";
      reasons.push(reason("deadline_invalid", deadlineOf[draft.from], remedy, compare(blockTime, deadline)));
    }
  }
  if (draft.coin !== terms.coin) {
    reasons.push(reason("coin_unknown", draft.coin, "Name the coin of the redemption.", { limit: terms.coin }));
  }
  if (draft.kind === "cancel-redemption" && draft.signer !== terms.holder) {
    const remedy = "Only the holder takes a redemption back.";
    reasons.push(reason("signer_not_permitted", draft.signer, remedy, { limit: terms.holder }));
  }
  return reasons;
}

function judgeMint(draft: MintDraft, context: PolicyContext): Rejection[] {
  return [...judgeAmount(draft.amount), ...judgePayee(draft.to, context), ...judgeDeadline(draft.deadline, context)];
}

function judgeKind(draft: Draft, context: PolicyContext): Rejection[] {
  switch (draft.kind) {
    case "transfer":
      return judgeTransfer(draft, context);
    case "cancel":
      return [];
    case "mint":
      return judgeMint(draft, context);
    case "lock":
      return judgeLock(draft, context);
    case "cancel-redemption":
    case "accept":
    case "reject":
    case "mark-sent":
    case "confirm":
    case "reclaim":
      return judgeStep(draft, context);
    case "attest": {
      const { asOf, deadline } = draft;
      const reasons = judgeDeadline(deadline, context);
      if (asOf <= context.blockTime) return reasons;
      const remedy = "Attest reserves as of a time that has passed.";
      return [...reasons, reason("not_yet_valid", "asOf", remedy, compare(asOf, context.blockTime))];
    }
    case "freeze": {
      const reasons = [...judgePayee(draft.account, context), ...judgeDeadline(draft.deadline, context)];
      if (draft.amount !== null) reasons.push(...judgeAmount(draft.amount));
      if (draft.until > context.blockTime) return reasons;
      const remedy = "Let the freeze end later than now.";
      return [...reasons, reason("deadline_invalid", "until", remedy, compare(draft.until, context.blockTime))];
    }
    case "minting":
    case "unfreeze":
      return judgeDeadline(draft.deadline, context);
  }
}

/** The coin a draft is about. */
export function coinOf(
  draft: Pick<Draft, "kind"> & ({ readonly coin: Address } | { readonly terms: RedemptionTerms }),
): Address {
  return "terms" in draft ? draft.terms.coin : draft.coin;
}

/** Every reason to refuse a draft that needs no signature, no nonce and no balance to see. Empty: nothing stands against it. */
export function judgeDraft(draft: Draft, context: PolicyContext): readonly Rejection[] {
  const coin = coinOf(draft);
  const reasons = judgeKind(draft, context);
  return context.coins.has(coin)
    ? reasons
    : [reason("coin_unknown", coin, "Use the address of a coin that /v1/network lists."), ...reasons];
}
