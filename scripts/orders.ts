/**
 * Asking the node for one privileged step and seeing it through. Owns the way from a request to its final evidence and what is said on the
 * screen about it. Promises that asking again with the same content finds the first request instead of making a second one.
 */
import { endStates, type Living, persist, type Session, waitUntilEnded } from "./session.ts";
import type { OutputOptions } from "./terminal/options.ts";
import { Refusal } from "./terminal/refusal.ts";
import { type Cell, formatBlock, formatState, showResult } from "./terminal/screen.ts";
import type { Terminal } from "./terminal/terminal.ts";

/** A node that restarts is back within seconds; longer silence is told. */
export const orderPatienceSeconds = 20;

export interface OrderRequest {
  /** Where the order is posted. */
  readonly path: string;
  /** Where it is read back by its id; by default where it was posted. */
  readonly readAt?: string;
  readonly body: unknown;
  readonly idempotencyKey: string;
}

/** Posts an order and waits until it has ended or the wait is over. */
export async function placeOrder(
  session: Session,
  request: OrderRequest & { readonly waitSeconds: number; readonly patienceSeconds?: number },
): Promise<Living> {
  const { path, readAt = path, body, idempotencyKey, waitSeconds, patienceSeconds = orderPatienceSeconds } = request;
  const placed = await persist(() => session.client.post<Living>(path, body, { idempotencyKey }), { patienceSeconds });
  if (endStates.includes(placed.state) || waitSeconds === 0) return placed;
  return waitUntilEnded(session.client, { path: `${readAt}/${placed.id}`, waitSeconds, patienceSeconds });
}

/** The lines that tell how far something has come. */
export function describeLife(terminal: Terminal, living: Living): readonly (readonly [string, Cell])[] {
  const { evidence } = living;
  return [
    ["id", living.id],
    ["state", formatState(terminal, living.state) + (living.reason === null ? "" : ` (${living.reason})`)],
    ...(evidence === null
      ? []
      : ([
          ["transaction", evidence.transaction],
          ["block", `${evidence.block}, log ${evidence.logIndex}`],
        ] as const)),
  ];
}

/** Refuses what has not settled, so that a script that goes on after this verb may rely on it. */
export function requireSettled(living: Living): void {
  if (living.state === "settled") return;
  const because = living.reason === null ? "" : `: ${living.reason}`;
  throw new Refusal(
    endStates.includes(living.state)
      ? {
          reason: `${living.id} ended ${living.state}${because}`,
          remedy: "Nothing was done. Remove the cause, then run it again with --attempt 2.",
        }
      : {
          reason: `${living.id} is ${living.state}${because}, not final yet`,
          remedy: "Run the same again to look: nothing is done twice.",
        },
  );
}

/** Shows what would be asked, or asks and shows what came of it. Refuses unless it settled (or nobody waits). */
export async function runOrder(
  terminal: Terminal,
  session: Session,
  options: OutputOptions & {
    readonly request: OrderRequest;
    readonly facts: readonly (readonly [string, Cell])[];
    readonly waitSeconds: number;
    readonly dryRun?: true;
  },
): Promise<void> {
  const { request, facts, waitSeconds } = options;
  if (options.dryRun === true) {
    showResult(terminal, options, {
      value: { dryRun: true, request },
      text: `${formatBlock(terminal, facts)}Dry run: nothing was asked.\n`,
    });
    return;
  }
  const living = await placeOrder(session, { ...request, waitSeconds });
  showResult(terminal, options, {
    value: living,
    text: formatBlock(terminal, [...facts, ...describeLife(terminal, living)]),
  });
  if (waitSeconds > 0) requireSettled(living);
}
