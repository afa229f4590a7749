/**
 * What the node refuses of wallet operators' drafts: joining, leaving and attesting. Owns the checks that need only the draft and the block
 * time; who holds a valid key, who is a member and who is suspended is the registry's to say, on chain.
 */
import type { CompleteLeaveDraft, FamilyDraft, TravelAttestDraft } from "./draft.ts";
import {
  compare,
  judgeAhead,
  judgeAmount,
  judgeDeadline,
  judgeMoment,
  judgePayee,
  type PolicyContext,
  reason,
} from "./reasons.ts";
import type { Rejection } from "./rejection.ts";

/** The account word has 16 bits for the operator's number; zero means none. */
const largestVasp = 65_535;

function judgeVasp(vasp: number): Rejection[] {
  if (Number.isInteger(vasp) && vasp >= 1 && vasp <= largestVasp) return [];
  const remedy = "Name an operator by the number the registry gave it.";
  return [reason("vasp_unknown", "vasp", remedy, compare(vasp, largestVasp))];
}

function judgeAttestation(draft: TravelAttestDraft, context: PolicyContext): Rejection[] {
  const { vasp, payer, payee, amount, validUntil } = draft;
  return [
    ...judgeVasp(vasp),
    ...judgeAmount(amount),
    ...judgePayee(payer, context),
    ...judgePayee(payee, context),
    ...judgeAhead({ field: "validUntil", at: validUntil, longest: context.validity.attestation }, context),
  ];
}

function judgeCompleteLeave({ leaveAt }: CompleteLeaveDraft, context: PolicyContext): Rejection[] {
  return judgeMoment({ field: "leaveAt", at: leaveAt, side: "from" }, context);
}

export function judgeFamily(draft: FamilyDraft, context: PolicyContext): Rejection[] {
  switch (draft.kind) {
    case "join":
      return [
        ...judgeVasp(draft.vasp),
        ...judgePayee(draft.account, context),
        ...judgeDeadline(draft.deadline, context),
      ];
    case "leave":
      return judgeDeadline(draft.deadline, context);
    case "complete-leave":
      return judgeCompleteLeave(draft, context);
    case "travel-attest":
      return judgeAttestation(draft, context);
  }
}
