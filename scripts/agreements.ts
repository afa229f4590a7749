/**
 * Seeing an agreement through: opening it, taking a step, waiting until nothing of it is pending. Owns the rule by which running a verb twice
 * does nothing twice: look first, wait for what is on its way, act only on what is still to be done, look again.
 */
import { type Client, ProblemError } from "../src/http/client.ts";
import { orderPatienceSeconds, requireSettled } from "./orders.ts";
import { endStates, type Living, persist } from "./session.ts";
import { Refusal } from "./terminal/refusal.ts";
import { type Cell, formatBlock, formatState, formatTable, shorten } from "./terminal/screen.ts";
import type { Terminal } from "./terminal/terminal.ts";

/** What claims, payments, quotes and redemptions have in common as resources. */
export interface Agreement {
  readonly id: string;
  readonly state: string;
  readonly intent?: Living | null;
  /** Steps accepted by the node that have not ended. */
  readonly pending?: readonly KnownStep[];
  /** Of a quote: every step, ended ones among them. */
  readonly steps: readonly object[];
}
export type KnownStep = Living & { readonly kind: string };

/** A step as the chain tells it. */
export interface TakenStep {
  readonly step: string;
  readonly block: number;
  readonly transaction: string;
  readonly at: string;
  readonly amount: string;
}

const pollMs = 300;
const patience = { patienceSeconds: orderPatienceSeconds };

export function readAgreement<T>(client: Client, path: string): Promise<T> {
  return persist(() => client.get<T>(path), patience);
}

/** As `readAgreement`; null when the node knows none. */
export async function findAgreement<T>(client: Client, path: string): Promise<T | null> {
  try {
    return await readAgreement<T>(client, path);
  } catch (error) {
    if (error instanceof ProblemError && error.status === 404) return null;
    throw error;
  }
}

/** Looks until `isDone`, or until the wait is over; returns what it is then. */
export async function watch<T>(
  client: Client,
  options: { readonly path: string; readonly waitSeconds: number; readonly isDone: (found: T) => boolean },
): Promise<T> {
  const until = performance.now() + options.waitSeconds * 1_000;
  for (;;) {
    const found = await readAgreement<T>(client, options.path);
    if (options.isDone(found) || performance.now() > until) return found;
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
}

/** Opens an agreement, or finds that it is open, and waits until that is final. Refuses when its opening came to nothing. */
export async function openAgreement<T extends Agreement>(
  client: Client,
  options: { readonly collection: string; readonly id: string; readonly body: unknown; readonly waitSeconds: number },
): Promise<T> {
  const { collection, id, body, waitSeconds } = options;
  const path = `${collection}/${id}`;
  const known = await findAgreement<T>(client, path);
  const posted = known ?? (await persist(() => client.post<T>(collection, body), patience));
  if (waitSeconds === 0) return posted;
  const isDone = ({ intent = null }: T): boolean => intent === null || endStates.includes(intent.state);
  const found = isDone(posted) ? posted : await watch<T>(client, { path, waitSeconds, isDone });
  const { intent = null } = found;
  if (intent !== null) requireSettled(intent);
  return found;
}

export interface StepOptions<T extends Agreement> {
  /** The agreement's own path. */
  readonly path: string;
  /** The sub-resource that takes the step. */
  readonly step: string;
  /** Kinds of intent that are this step. */
  readonly kinds: readonly string[];
  readonly isDone: (found: T) => boolean;
  /** The step's body, made for the state it will leave. */
  readonly make: (found: T) => Promise<unknown>;
  readonly waitSeconds: number;
}

/** Steps of these kinds that are on their way. */
function listPending<T extends Agreement>({ pending, steps }: T, kinds: readonly string[]): readonly KnownStep[] {
  const known = pending ?? (steps as readonly KnownStep[]);
  return known.filter(({ kind, state }) => kinds.includes(kind) && !endStates.includes(state));
}

/** Takes a step unless it was taken before, and waits until nothing of it is pending. */
export async function takeStep<T extends Agreement>(client: Client, options: StepOptions<T>): Promise<T> {
  const { path, step, kinds, waitSeconds } = options;
  const isQuiet = (found: T): boolean => listPending(found, kinds).length === 0;
  const wait = () => watch<T>(client, { path, waitSeconds, isDone: isQuiet });
  const before = await wait();
  if (options.isDone(before)) return before;
  if (isQuiet(before)) {
    const body = await options.make(before);
    await persist(() => client.post(`${path}/${step}`, body), patience);
  }
  const after = await wait();
  if (options.isDone(after) || waitSeconds === 0) return after;
  const why = listPending(after, kinds)[0]?.reason ?? null;
  const because = why === null ? "" : `: ${why}`;
  throw new Refusal(
    isQuiet(after)
      ? { reason: `${step} of ${after.id} ended without effect; it is ${after.state}`, remedy: "Run it again." }
      : {
          reason: `${step} of ${after.id} is not final yet${because}; it is ${after.state}`,
          remedy: "Run the same again to look: nothing is done twice.",
        },
  );
}

/** Names and values, the opening's life, and the steps on chain. */
export function formatAgreement(
  terminal: Terminal,
  facts: {
    readonly pairs: readonly (readonly [string, Cell])[];
    readonly state: string;
    readonly intent?: Living | null;
    readonly steps: readonly TakenStep[];
    readonly money: (units: string) => string;
  },
): string {
  const { pairs, state, intent = null, steps, money } = facts;
  const opening = intent === null ? [] : [["opening", formatState(terminal, intent.state)] as const];
  const block = formatBlock(terminal, [...pairs, ["state", formatState(terminal, state)], ...opening]);
  if (steps.length === 0) return block;
  const rows = steps.map(({ step, amount, block: number, transaction, at }) => [
    step,
    money(amount),
    number,
    shorten(transaction),
    at,
  ]);
  return `${block}\n${formatTable(terminal, { head: ["step", "amount", "block", "transaction", "at"], rows, right: [1, 2] })}`;
}
