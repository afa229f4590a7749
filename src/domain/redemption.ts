/**
 * The deadlines of a redemption: until when the steps of each state act, and from when on anyone sends the coins back. Pure; times are Unix
 * seconds, half-open.
 */
import { disputeSeconds } from "./agreement.ts";
import type { LeavableState } from "./draft.ts";
import type { RedemptionTerms } from "./facts.ts";
import type { RedemptionState } from "./intent.ts";

/** True for the states that something leaves: the coins are still in the escrow. */
export function isLeavable(state: RedemptionState): state is LeavableState {
  return state === "locked" || state === "accepted" || state === "sent" || state === "disputed";
}

/** The end of a state and the field of the terms that says so; a dispute has time beyond the last deadline. */
export function endOf(
  state: LeavableState,
  { acceptBy, payoutBy, finalBy }: RedemptionTerms,
): { readonly field: string; readonly at: number } {
  switch (state) {
    case "locked":
      return { field: "acceptBy", at: acceptBy };
    case "accepted":
      return { field: "payoutBy", at: payoutBy };
    case "sent":
      return { field: "finalBy", at: finalBy };
    case "disputed":
      return { field: "finalBy", at: finalBy + disputeSeconds };
  }
}
