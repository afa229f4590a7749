/**
 * Signed payments through the node: submitted in batches, then watched until each has ended. Owns patience: the node may be killed and
 * restarted at any moment. Promises that whatever is submitted again is the same payment (its identity is what was signed), and that
 * nothing is called settled without the node's evidence.
 */
import type { Client } from "../../src/http/client.ts";
import type { BatchResult, Problem, Transfer, TransferRequest } from "../../src/http/schemas.ts";
import { endStates, persist } from "../session.ts";
import type { SignedPayment } from "./signed.ts";

/** Half of what the node takes: an answer that is lost costs half as much to repeat. */
export const batchSize = 500;
/** Payments looked at at the same time. */
const lookups = 8;
/** Looks in vain before one sweep gives up. */
const vainLooks = 32;
/** Seconds the first payment of a sweep is waited for. */
const longestWait = 5;
const pauseMs = 250;
/** Finality may come that much later than the last block in which a payment can act. */
const finalityGraceSeconds = 120;

/** How one payment stands. `problem`: the node refused it. Both null: not submitted. */
export interface PaymentOutcome {
  readonly payment: SignedPayment;
  readonly transfer: Transfer | null;
  readonly problem: Problem | null;
}

export interface Watch {
  readonly patienceSeconds: number;
  /** Called after every step: how many were submitted and how many have ended. */
  readonly onProgress: (counts: { readonly submitted: number; readonly ended: number }) => void;
  readonly onOutage: (reason: string) => void;
}

function toRequest(payment: SignedPayment): TransferRequest {
  const { coin, authorization, memo, signature, reference, chainId } = payment;
  return { coin, authorization, memo, signature, reference, chainId };
}

function toOutcome(payment: SignedPayment, item: BatchResult["outcomes"][number] | undefined): PaymentOutcome {
  if (item === undefined) throw new Error(`the node answered nothing for line ${payment.line}`);
  if (item.outcome === "refused") return { payment, transfer: null, problem: item.problem };
  if (item.transfer.digest !== payment.digest) {
    throw new Error(`the node answered with another payment for line ${payment.line}: ${item.transfer.digest}`);
  }
  return { payment, transfer: item.transfer, problem: null };
}

async function pause(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, pauseMs));
}

/** Submits one batch; items the node could not take just now are submitted again until patience ends. */
async function submitBatch(
  client: Client,
  batch: readonly SignedPayment[],
  watch: Watch,
): Promise<readonly PaymentOutcome[]> {
  const outcomes = new Map<SignedPayment, PaymentOutcome>();
  const until = performance.now() + watch.patienceSeconds * 1_000;
  for (let open = batch; open.length > 0; ) {
    const body = { transfers: open.map(toRequest) };
    const result = await persist(() => client.post<BatchResult>("/v1/transfers/batch", body), watch);
    for (const [index, payment] of open.entries()) {
      outcomes.set(payment, toOutcome(payment, result.outcomes[index]));
    }
    open = open.filter((payment) => outcomes.get(payment)?.problem?.retryable === true);
    if (open.length === 0 || performance.now() > until) break;
    watch.onOutage(outcomes.get(open[0] as SignedPayment)?.problem?.code ?? "busy");
    await pause();
  }
  return batch.flatMap((payment) => outcomes.get(payment) ?? []);
}

function isOpen({ transfer }: PaymentOutcome): boolean {
  return transfer !== null && !endStates.includes(transfer.state);
}

/**
 * Looks at open payments in the order given, the first one patiently, until enough of them are found open still: payments settle roughly
 * in order, so looking further is mostly in vain. Returns what was seen, by digest.
 */
async function lookAgain(
  client: Client,
  open: readonly PaymentOutcome[],
  watch: Watch,
): Promise<ReadonlyMap<string, PaymentOutcome>> {
  const seen = new Map<string, PaymentOutcome>();
  let vain = 0;
  const look = async (outcome: PaymentOutcome, wait: number): Promise<void> => {
    const path = `/v1/transfers/${outcome.transfer?.id}?wait=${wait}`;
    const found = { ...outcome, transfer: await persist(() => client.get<Transfer>(path), watch) };
    seen.set(outcome.payment.digest, found);
    if (isOpen(found)) vain++;
  };
  const [first, ...rest] = open;
  if (first !== undefined) await look(first, longestWait);
  const queue = rest.values();
  const work = async (): Promise<void> => {
    for (const outcome of queue) {
      await look(outcome, 0);
      if (vain >= vainLooks) return;
    }
  };
  await Promise.all(Array.from({ length: lookups }, work));
  return seen;
}

/** Watches until every payment has ended, or until the last of them can act no more and patience is over. */
async function watchPayments(
  client: Client,
  outcomes: Map<string, PaymentOutcome>,
  watch: Watch & { readonly report: () => void },
): Promise<void> {
  let open = [...outcomes.values()].filter(isOpen);
  while (open.length > 0) {
    const last = Math.max(...open.map(({ payment }) => payment.authorization.validBefore));
    if (Date.now() / 1_000 > last + finalityGraceSeconds + watch.patienceSeconds) return;
    const seen = await lookAgain(client, open, watch);
    for (const [digest, outcome] of seen) outcomes.set(digest, outcome);
    watch.report();
    // Those not looked at come first next time, so that a few that wait for long hide nobody.
    const unseen = open.filter(({ payment }) => !seen.has(payment.digest));
    const still = [...seen.values()].filter(isOpen);
    open = [...unseen, ...still];
    if (still.length === seen.size) await pause();
  }
}

export interface Submitted {
  /** One per payment, in the order given. */
  readonly outcomes: readonly PaymentOutcome[];
  /** What ended the work early, when something did: what is known so far is in `outcomes` all the same. */
  readonly interruption: unknown;
}

/**
 * Submits all payments and watches them until each has ended. Some are still open when the time in which the last of them can act, and
 * patience after it, are over, or when the node stays silent for longer than patience.
 */
export async function submitPayments(
  client: Client,
  payments: readonly SignedPayment[],
  watch: Watch,
): Promise<Submitted> {
  const outcomes = new Map<string, PaymentOutcome>();
  const report = (): void => {
    const list = [...outcomes.values()];
    watch.onProgress({ submitted: list.length, ended: list.filter((outcome) => !isOpen(outcome)).length });
  };
  let interruption: unknown = null;
  try {
    for (let at = 0; at < payments.length; at += batchSize) {
      for (const outcome of await submitBatch(client, payments.slice(at, at + batchSize), watch)) {
        outcomes.set(outcome.payment.digest, outcome);
      }
      report();
    }
    await watchPayments(client, outcomes, { ...watch, report });
  } catch (error) {
    interruption = error;
  }
  const unknown = { transfer: null, problem: null };
  return {
    outcomes: payments.map((payment) => outcomes.get(payment.digest) ?? { payment, ...unknown }),
    interruption,
  };
}
