/**
 * Drafts about redemptions: the lock, the steps of holder, bank desk, second key and arbiter, and the public exit. Owns their structs, fences
 * and calls. Pure.
 */
import type { LockDraft, StepDraft } from "../domain/draft.ts";
import type { RedemptionTerms } from "../domain/facts.ts";
import { type Address, type Word, zeroAddress } from "../domain/hex.ts";
import { approvalFence, redemptionStates, stepFence } from "../domain/intent.ts";
import type { PrimaryType, TypedMessage } from "../domain/signatures.ts";
import type { Deployment } from "../pipeline/ports.ts";
import { redemptionEscrowAbi } from "./abi.ts";
import {
  type Encoding,
  type Encodings,
  never,
  orderOf,
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

export type RedemptionKind = StepDraft["kind"] | "lock" | "reclaim";

export function toRedemptionStruct(terms: RedemptionTerms): Struct {
  const { coin, holder, amount, payout, salt } = terms;
  const times = {
    acceptBy: BigInt(terms.acceptBy),
    payoutBy: BigInt(terms.payoutBy),
    finalBy: BigInt(terms.finalBy),
  };
  return { primaryType: "Redemption", coin, message: { coin, holder, amount, payout, ...times, salt } };
}

const at = (deployment: Deployment) => ({ to: deployment.redemptions, abi: redemptionEscrowAbi });

interface StepForm {
  readonly primaryType: PrimaryType;
  readonly functionName: string;
  /** The holder's steps take id, deadline and signature; a role's take the order, its signer and the signature. */
  readonly by: "holder" | "role";
  readonly rest?: (draft: Unsigned<StepDraft>) => TypedMessage["message"];
}

const bankReference = ({ reference }: Unsigned<StepDraft>) => ({ bankReference: reference });

const steps: Readonly<Record<StepDraft["kind"], StepForm>> = {
  "cancel-redemption": { primaryType: "CancelRedemption", functionName: "cancelBySig", by: "holder" },
  accept: { primaryType: "AcceptOrder", functionName: "acceptBySig", by: "role" },
  approve: { primaryType: "ApproveOrder", functionName: "approveBySig", by: "role" },
  reject: {
    primaryType: "RejectOrder",
    functionName: "rejectBySig",
    by: "role",
    rest: ({ from, reference }) => ({ state: BigInt(redemptionStates.indexOf(from)), reason: reference }),
  },
  "mark-sent": { primaryType: "MarkSentOrder", functionName: "markSentBySig", by: "role", rest: bankReference },
  confirm: { primaryType: "ConfirmOrder", functionName: "confirmBySig", by: "role", rest: bankReference },
  dispute: { primaryType: "DisputeRedemption", functionName: "disputeBySig", by: "holder" },
  resolve: {
    primaryType: "ResolveOrder",
    functionName: "resolveBySig",
    by: "role",
    rest: ({ paid = false, reference }) => ({ paid, ref: reference }),
  },
};

/**
 * Whom a step is about, so that the log can tell apart what one fence and kind leave open: the holder of its own steps, the second key of
 * an approval; of a decision the zero address where it burns, the escrow where it gives back.
 */
function payeeOf(draft: StepDraft, deployment: Deployment): Address | null {
  switch (draft.kind) {
    case "cancel-redemption":
    case "dispute":
    case "approve":
      return draft.signer;
    case "resolve":
      return draft.paid === true ? zeroAddress : deployment.redemptions;
    default:
      return null;
  }
}

function toStepEncoding(kind: StepDraft["kind"]): Encoding<StepDraft> {
  const { primaryType, functionName, by, rest } = steps[kind];
  return {
    coin: ({ coin }) => coin,
    structs: (draft) => [toStep(primaryType, draft, rest?.(draft))],
    parties: ({ signer, signature }) => [{ signer, signature }],
    outline(draft, { deployment }): Outline {
      const { id, from, deadline } = draft;
      const { redemptions } = deployment;
      const fence = kind === "approve" ? approvalFence(redemptions, id) : stepFence(redemptions, id, from);
      // what the order refers to is in the log: another reason or bank reference is another step
      const memo = rest === undefined ? null : draft.reference;
      return { ...still, fence, payee: payeeOf(draft, deployment), memo, validBefore: deadline + 1, subject: id };
    },
    act(draft, { deployment }, structs) {
      const signature = toCallSignature(draft.signature);
      const args = by === "holder" ? [draft.id, BigInt(draft.deadline)] : [orderOf(structs), draft.signer];
      return toCall(kind, at(deployment), [functionName, ...args, signature]);
    },
  };
}

/** A redemption's id: the digest of its terms. */
export function toRedemptionId(terms: RedemptionTerms, tools: Tools): Word {
  return tools.digestOf(toRedemptionStruct(terms));
}

const lock: Encoding<LockDraft> = {
  coin: ({ terms }) => terms.coin,
  structs({ terms }, tools) {
    const { coin, holder, amount, acceptBy } = terms;
    const to = tools.deployment.redemptions;
    const nonce = toRedemptionId(terms, tools);
    return [toReceive({ coin, from: holder, to, value: amount, validBefore: acceptBy, nonce })];
  },
  parties: ({ terms, signature }) => [{ signer: terms.holder, signature }],
  outline({ terms }, tools) {
    const { coin, holder, amount, acceptBy } = terms;
    const id = toRedemptionId(terms, tools);
    const fence = { scope: coin, subject: holder, key: id };
    const parties = { payer: holder, payee: tools.deployment.redemptions, amount };
    return { ...still, fence, ...parties, validBefore: acceptBy, subject: id };
  },
  act({ terms, signature }, { deployment }) {
    return toCall("lock", at(deployment), ["lock", toRedemptionStruct(terms).message, toCallSignature(signature)]);
  },
};

export const redemptionEncodings: Encodings<RedemptionKind> = {
  lock,
  "cancel-redemption": toStepEncoding("cancel-redemption"),
  accept: toStepEncoding("accept"),
  approve: toStepEncoding("approve"),
  reject: toStepEncoding("reject"),
  "mark-sent": toStepEncoding("mark-sent"),
  confirm: toStepEncoding("confirm"),
  dispute: toStepEncoding("dispute"),
  resolve: toStepEncoding("resolve"),
  reclaim: {
    coin: ({ coin }) => coin,
    structs: () => [],
    parties: () => [],
    // signed by nobody: what identifies it is which state of which redemption it ends
    identify({ id, from }, { deployment, keccak }) {
      const state = redemptionStates.indexOf(from).toString(16).padStart(2, "0");
      return keccak(deployment.redemptions, id, `0x${state}`);
    },
    outline({ id, from }, { deployment }) {
      return { ...still, fence: stepFence(deployment.redemptions, id, from), validBefore: never, subject: id };
    },
    act: ({ id }, { deployment }) => toCall("reclaim", at(deployment), ["reclaim", id]),
  },
};
