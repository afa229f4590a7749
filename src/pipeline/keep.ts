/**
 * Keep: takes the public exits whose deadline has passed, so that nobody's money waits for somebody to notice. Owns which of them to try and when
 * again. Promises to hold no privilege: it submits drafts that need no signature, through the same intake as anyone, and a second keeper
 * anywhere does no harm. Never decides whether an exit is due: policy and chain do.
 */
import type { Draft } from "../domain/draft.ts";
import type { Word } from "../domain/hex.ts";
import { isEnded } from "../domain/lifecycle.ts";
import { toBackoffMs } from "../domain/plan.ts";
import type { AcceptOutcome, Clock, DueExit, HeadView, Intake, Notify, Store } from "./ports.ts";

export interface KeeperLimits {
  /** Exits submitted per turn: users' own intents are never crowded out. */
  readonly exits: number;
  /** Exits that wait after a refusal, at most; beyond it the oldest are tried again early. */
  readonly waiting: number;
}

export const defaultKeeperLimits: KeeperLimits = { exits: 50, waiting: 1_000 };

export interface KeeperParts {
  readonly store: Pick<Store, "listDue" | "readRedemption" | "readAgreement">;
  readonly intake: Pick<Intake, "submit">;
  readonly head: Pick<HeadView, "latest">;
  readonly clock: Clock;
  readonly limits: KeeperLimits;
  readonly notify: Notify;
}

export interface Keeper {
  /** Submits what is due and not waiting. Returns how many exits were newly accepted. */
  tick(): Promise<number>;
}

/** The exit as a draft; null when what it would end has moved meanwhile. */
async function toDraft({ kind, id }: DueExit, store: KeeperParts["store"]): Promise<Draft | null> {
  if (kind === "reclaim") {
    const redemption = await store.readRedemption(id);
    if (redemption === null) return null;
    const { state, terms } = redemption;
    const isOpen = state === "locked" || state === "accepted" || state === "sent" || state === "disputed";
    return isOpen ? { kind, id, coin: terms.coin, from: state } : null;
  }
  const stored = await store.readAgreement(id);
  if (stored === null) return null;
  const { agreement, totals } = stored;
  if (agreement.kind === "claim") return { kind: "reclaim-claim", id, coin: agreement.terms.coin };
  if (totals === null) return null;
  const { captured, voided, disputed } = totals;
  return { kind: "reclaim-payment", terms: agreement.terms, captured, voided, disputed };
}

/** Why nothing new came of it; null when something did, or it is on its way already. */
function explain(outcome: AcceptOutcome | undefined): string | null {
  if (outcome === undefined) return "no outcome";
  if (outcome.kind === "refused") return outcome.reasons.map(({ code }) => code).join();
  return isEnded(outcome.intent.state) ? outcome.intent.state : null;
}

export function createKeeper({ store, intake, head, clock, limits, notify }: KeeperParts): Keeper {
  const waiting = new Map<Word, { readonly tries: number; readonly until: number }>();
  let running: Promise<number> | null = null;

  function wait(id: Word, why: string): void {
    const tries = (waiting.get(id)?.tries ?? 0) + 1;
    waiting.delete(id);
    if (waiting.size >= limits.waiting) for (const oldest of [...waiting.keys()].slice(0, 1)) waiting.delete(oldest);
    waiting.set(id, { tries, until: clock.monotonic() + toBackoffMs(tries) });
    notify({ step: "keep", code: "exit_refused", subject: id, detail: why });
  }

  /** Forgets what is due no more. */
  function forget(due: readonly DueExit[]): void {
    const listed = new Set(due.map(({ id }) => id));
    for (const id of waiting.keys()) if (!listed.has(id)) waiting.delete(id);
  }

  async function keep(): Promise<number> {
    const { latest } = head;
    if (latest === null) return 0;
    // Those that wait are listed too: the limit leaves room for as many others.
    const limit = limits.exits + waiting.size;
    const due = await store.listDue({ now: latest.time, limit });
    forget(due);
    const now = clock.monotonic();
    const chosen: { readonly id: Word; readonly draft: Draft }[] = [];
    for (const exit of due) {
      if (chosen.length === limits.exits) break;
      if ((waiting.get(exit.id)?.until ?? now) > now) continue;
      const draft = await toDraft(exit, store);
      if (draft !== null) chosen.push({ id: exit.id, draft });
    }
    if (chosen.length === 0) return 0;
    const outcomes = await intake.submit(
      chosen.map(({ draft }) => draft),
      null,
    );
    let created = 0;
    for (const [index, { id }] of chosen.entries()) {
      const outcome = outcomes[index];
      const why = explain(outcome);
      if (why !== null) wait(id, why);
      else waiting.delete(id);
      if (outcome?.kind === "created") created += 1;
    }
    return created;
  }

  return {
    tick() {
      running ??= keep().finally(() => {
        running = null;
      });
      return running;
    },
  };
}
