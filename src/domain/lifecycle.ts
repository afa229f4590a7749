/**
 * The life of an intent and of a slot, as tables. This is the only source of states and edges: the store guards its writes with
 * them, the documentation and its diagram are generated from them. Promises that nothing accepted ever "fails": an intent ends only by
 * finalized proof that its authorization can no longer act.
 */
import type { Address, Word } from "./hex.ts";
import type { EndState, IntentFacts, IntentState, LiveState } from "./intent.ts";

export interface Edge<S extends string> {
  readonly from: S;
  readonly to: S;
  /** The pipeline step that takes the edge. */
  readonly step: "plan" | "send" | "confirm";
  /** When it is taken. */
  readonly when: string;
  /** True for the edges that go back. */
  readonly back?: true;
}

/** Every state, when it is entered. */
export const intentStates: Readonly<Record<IntentState, string>> = {
  accepted: "the durable commit of the intent; again after a skip, a revert or a slot that became final without it",
  planned: "its row or call is in the committed bytes of a slot",
  sent: "the slot's bytes were handed to the chain at least once",
  included: "its fence was consumed by it in a block that is not final yet",
  settled: "the block that consumed the fence for this intent is final",
  cancelled: "the block in which a cancellation consumed the fence is final",
  superseded: "the block in which another authorization consumed the fence is final",
  expired: "a final block's time reached validBefore and the fence was unused there",
};

export const intentEdges: readonly Edge<IntentState>[] = [
  { from: "accepted", to: "planned", step: "plan", when: "the slot that carries it is committed" },
  { from: "planned", to: "sent", step: "send", when: "the slot's bytes are handed to the chain" },
  { from: "accepted", to: "included", step: "confirm", when: "a stranger submitted it first" },
  { from: "planned", to: "included", step: "confirm", when: "a block consumed its fence for it" },
  { from: "sent", to: "included", step: "confirm", when: "a block consumed its fence for it" },
  { from: "included", to: "settled", step: "confirm", when: "that block is final" },
  { from: "accepted", to: "cancelled", step: "confirm", when: "a cancellation of its fence is final" },
  { from: "planned", to: "cancelled", step: "confirm", when: "a cancellation of its fence is final" },
  { from: "sent", to: "cancelled", step: "confirm", when: "a cancellation of its fence is final" },
  { from: "accepted", to: "superseded", step: "confirm", when: "another use of its fence is final" },
  { from: "planned", to: "superseded", step: "confirm", when: "another use of its fence is final" },
  { from: "sent", to: "superseded", step: "confirm", when: "another use of its fence is final" },
  { from: "accepted", to: "expired", step: "confirm", when: "final block time ≥ validBefore, fence unused" },
  { from: "planned", to: "expired", step: "confirm", when: "final block time ≥ validBefore, fence unused" },
  { from: "sent", to: "expired", step: "confirm", when: "final block time ≥ validBefore, fence unused" },
  {
    from: "included",
    to: "sent",
    step: "confirm",
    when: "a reorg removed the block and its slot is still open",
    back: true,
  },
  {
    from: "included",
    to: "accepted",
    step: "confirm",
    when: "a reorg removed the block and no open slot carries it",
    back: true,
  },
  {
    from: "planned",
    to: "accepted",
    step: "confirm",
    when: "its slot was mined without it: skipped or reverted",
    back: true,
  },
  {
    from: "sent",
    to: "accepted",
    step: "confirm",
    when: "its slot was mined without it: skipped or reverted",
    back: true,
  },
];

export const liveStates: readonly LiveState[] = ["accepted", "planned", "sent", "included"];
export const endStates: readonly EndState[] = ["settled", "cancelled", "superseded", "expired"];

/** True when the intent has ended: nothing can happen to it any more. */
export function isEnded(state: IntentState): state is EndState {
  return (endStates as readonly IntentState[]).includes(state);
}

/** True when the table has this edge. */
export function hasEdge(from: IntentState, to: IntentState): boolean {
  return intentEdges.some((edge) => edge.from === from && edge.to === to);
}

/** A lane's nonce. `signed`: bytes committed · `sent`: handed to the chain · `mined`: in a block · `final`: that block is final. */
export type SlotState = "signed" | "sent" | "mined" | "final";

/** How a fence was consumed on chain, as far as the logs tell. */
export interface Consumption {
  readonly how: "used" | "cancelled";
  /** What the consuming event says; null where the event carries nothing to compare. */
  readonly match: {
    readonly payee?: Address;
    readonly amount?: bigint;
    readonly memo?: Word | null;
    /** The memo of one kind among several that this event carries out; goes before `memo`. */
    readonly memos?: Readonly<Partial<Record<IntentFacts["kind"], Word>>>;
    readonly digest?: Word;
    /**
     * The kinds of intent this event carries out: needed wherever one fence serves several kinds (steps of a redemption, claim or payment, a
     * quote), and at every fence of the registry, whose keys are kept apart from the coins' nonces by it.
     */
    readonly kinds?: readonly IntentFacts["kind"][];
  };
}

/** Kinds that use up another intent's fence so that it can no longer act. */
export const cancelKinds: ReadonlySet<IntentFacts["kind"]> = new Set(["cancel", "cancel-quote"]);

/**
 * What the consumption of its fence means for an intent: carried out, cancelled, or overtaken by something else that used the
 * same fence. Compares payee, amount and memo, not only the nonce; an order is compared by digest, a step by its kind and by
 * what it did beside the amount, which its intent keeps as the memo.
 */
export function judgeConsumption(
  intent: Pick<IntentFacts, "kind" | "payee" | "amount" | "memo" | "digest">,
  consumption: Consumption,
): "settled" | "cancelled" | "superseded" {
  const isCancel = cancelKinds.has(intent.kind);
  if (consumption.how === "cancelled") return isCancel ? "settled" : "cancelled";
  const { payee, amount, digest, kinds } = consumption.match;
  const memo = consumption.match.memos?.[intent.kind] ?? consumption.match.memo;
  const same =
    (payee === undefined || payee === intent.payee) &&
    (amount === undefined || amount === intent.amount) &&
    (memo === undefined || memo === intent.memo) &&
    (digest === undefined || digest === intent.digest) &&
    (kinds === undefined ? !isCancel : kinds.includes(intent.kind));
  return same ? "settled" : "superseded";
}
