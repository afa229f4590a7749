/**
 * What the node refuses before it promises anything. Owns the rules that need only the draft, the block time and what the node
 * already knows; promises to name every reason, not the first. Signatures, nonces, funds and identity are decided elsewhere, and the
 * travel rule by the chain: an intent that meets it waits.
 */
import {
  judgeAuthorize,
  judgeCancelQuote,
  judgeCapture,
  judgeCharge,
  judgeClaimStep,
  judgeDispute,
  judgeOpenClaim,
  judgeReclaimPayment,
  judgeRefund,
  judgeResolve,
  judgeSwap,
  judgeVoid,
} from "./agreements.ts";
import { centUnits } from "./amount.ts";
import type {
  AttestDraft,
  Draft,
  FreezeDraft,
  LeavableState,
  LockDraft,
  OrderRole,
  ReclaimDraft,
  StepDraft,
  TransferDraft,
} from "./draft.ts";
import { judgeFamily } from "./families.ts";
import type { Address } from "./hex.ts";
import type { IntentKind } from "./intent.ts";
import {
  compare,
  judgeAmount,
  judgeDeadline,
  judgeMoment,
  judgePayee,
  judgeSigner,
  type PolicyContext,
  reason,
} from "./reasons.ts";
import { endOf } from "./redemption.ts";
import type { Rejection } from "./rejection.ts";

export type { PolicyContext, ValidityLimits } from "./reasons.ts";

/** The role whose order an intent of this kind is; null where it is a party's own, or nobody's. */
export const roleOf: Readonly<Record<IntentKind, OrderRole | null>> = {
  transfer: null,
  cancel: null,
  mint: "dealer",
  lock: null,
  "cancel-redemption": null,
  accept: "agent",
  approve: "cosigner",
  reject: "agent",
  "mark-sent": "agent",
  confirm: "agent",
  dispute: null,
  resolve: "arbiter",
  reclaim: null,
  attest: "attestor",
  minting: "issuer",
  freeze: "freezer",
  unfreeze: "freezer",
  seize: "seizer",
  "approve-mint": "approver",
  "open-claim": null,
  claim: null,
  "decline-claim": null,
  "cancel-claim": null,
  "reclaim-claim": null,
  authorize: null,
  charge: null,
  capture: null,
  void: null,
  refund: null,
  "dispute-payment": null,
  "resolve-payment": null,
  "reclaim-payment": null,
  swap: null,
  "cancel-quote": null,
  join: null,
  leave: null,
  "complete-leave": null,
  "travel-attest": null,
};

/** States each redemption step may leave; `approve` stays in the one it names. */
const leaves: Readonly<Record<StepDraft["kind"] | "reclaim", readonly LeavableState[]>> = {
  "cancel-redemption": ["locked"],
  accept: ["locked"],
  approve: ["accepted"],
  reject: ["locked", "accepted"],
  "mark-sent": ["accepted"],
  confirm: ["sent"],
  dispute: ["sent"],
  resolve: ["disputed"],
  reclaim: ["locked", "accepted", "sent", "disputed"],
};

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
  const { redemption } = context;
  const reasons = draft.kind === "reclaim" ? [] : judgeDeadline(draft.deadline, context);
  if (draft.kind === "resolve" && draft.paid === undefined) {
    reasons.push(reason("request_malformed", "paid", "Say whether the money arrived."));
  }
  if (redemption === null) {
    reasons.push(reason("redemption_unknown", draft.id, "Check the id, and wait until the lock is in a block."));
    return reasons;
  }
  const { terms, state } = redemption;
  if (state !== draft.from || !leaves[draft.kind].includes(draft.from)) {
    const remedy = `Read the redemption: it must be ${leaves[draft.kind].join(" or ")} for this step.`;
    reasons.push(reason("redemption_state_invalid", draft.id, remedy, { actual: state, limit: draft.from }));
  } else {
    const side = draft.kind === "reclaim" ? "from" : "before";
    reasons.push(...judgeMoment({ ...endOf(draft.from, terms), side }, context));
  }
  if (draft.coin !== terms.coin) {
    reasons.push(reason("coin_unknown", draft.coin, "Name the coin of the redemption.", { limit: terms.coin }));
  }
  const isHolders = draft.kind === "cancel-redemption" || draft.kind === "dispute";
  if (isHolders) reasons.push(...judgeSigner(draft.signer, terms.holder, "the redemption's holder"));
  return reasons;
}

function judgeAttest({ asOf, deadline }: AttestDraft, context: PolicyContext): Rejection[] {
  const reasons = judgeDeadline(deadline, context);
  if (asOf <= context.blockTime) return reasons;
  const remedy = "Attest reserves as of a time that has passed.";
  return [...reasons, reason("not_yet_valid", "asOf", remedy, compare(asOf, context.blockTime))];
}

function judgeFreeze(draft: FreezeDraft, context: PolicyContext): Rejection[] {
  const reasons = [...judgePayee(draft.account, context), ...judgeDeadline(draft.deadline, context)];
  if (draft.amount !== null) reasons.push(...judgeAmount(draft.amount));
  if (draft.until > context.blockTime) return reasons;
  const remedy = "Let the freeze end later than now.";
  return [...reasons, reason("deadline_invalid", "until", remedy, compare(draft.until, context.blockTime))];
}

type Judges = { readonly [K in IntentKind]: (draft: Draft & { kind: K }, context: PolicyContext) => Rejection[] };

const judges: Judges = {
  transfer: judgeTransfer,
  cancel: () => [],
  mint: (draft, context) => [
    ...judgeAmount(draft.amount),
    ...judgePayee(draft.to, context),
    ...judgeDeadline(draft.deadline, context),
  ],
  lock: judgeLock,
  "cancel-redemption": judgeStep,
  accept: judgeStep,
  approve: judgeStep,
  reject: judgeStep,
  "mark-sent": judgeStep,
  confirm: judgeStep,
  dispute: judgeStep,
  resolve: judgeStep,
  reclaim: judgeStep,
  attest: judgeAttest,
  minting: ({ deadline }, context) => judgeDeadline(deadline, context),
  freeze: judgeFreeze,
  unfreeze: ({ deadline }, context) => judgeDeadline(deadline, context),
  seize: (draft, context) => [
    ...judgeAmount(draft.amount),
    ...judgePayee(draft.account, context),
    ...judgeDeadline(draft.deadline, context),
  ],
  "approve-mint": ({ deadline }, context) => judgeDeadline(deadline, context),
  "open-claim": judgeOpenClaim,
  claim: judgeClaimStep,
  "decline-claim": judgeClaimStep,
  "cancel-claim": judgeClaimStep,
  "reclaim-claim": judgeClaimStep,
  authorize: judgeAuthorize,
  charge: judgeCharge,
  capture: judgeCapture,
  void: judgeVoid,
  refund: judgeRefund,
  "dispute-payment": judgeDispute,
  "resolve-payment": judgeResolve,
  "reclaim-payment": judgeReclaimPayment,
  swap: judgeSwap,
  "cancel-quote": judgeCancelQuote,
  join: judgeFamily,
  leave: judgeFamily,
  "complete-leave": judgeFamily,
  "travel-attest": judgeFamily,
};

function judgeKind<K extends IntentKind>(kind: K, draft: Draft & { kind: K }, context: PolicyContext): Rejection[] {
  return judges[kind](draft, context);
}

/** The coins a draft is about: two of a quote, else one. */
export function coinsOf(draft: Draft): readonly Address[] {
  if (!("terms" in draft)) return [draft.coin];
  return "sellCoin" in draft.terms ? [draft.terms.sellCoin, draft.terms.buyCoin] : [draft.terms.coin];
}

/** Every reason to refuse a draft that needs no signature, no nonce and no balance to see. Empty: nothing stands against it. */
export function judgeDraft(draft: Draft, context: PolicyContext): readonly Rejection[] {
  const unknown = coinsOf(draft).filter((coin) => !context.coins.has(coin));
  return [
    ...unknown.map((coin) => reason("coin_unknown", coin, "Use the address of a coin that /v1/network lists.")),
    ...judgeKind(draft.kind, draft, context),
  ];
}
