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

/** One look at every open payment; the first is waited for, so that a quiet node is not asked in a tight loop. */
async function lookAgain(
  client: Client,
  open: readonly PaymentOutcome[],
  watch: Watch,
): Promise<readonly PaymentOutcome[]> {
  const seen = new Map<string, Transfer>();
  const look = async (id: string, wait: number): Promise<void> => {
    seen.set(id, await persist(() => client.get<Transfer>(`/v1/transfers/${id}?wait=${wait}`), watch));
  };
  const [first, ...rest] = open.flatMap(({ transfer }) => transfer?.id ?? []);
  if (first !== undefined) await look(first, 5);
  const queue = rest.values();
  const work = async (): Promise<void> => {
    for (const id of queue) await look(id, 0);
  };
  await Promise.all(Array.from({ length: lookups }, work));
  return open.map((outcome) => ({ ...outcome, transfer: seen.get(outcome.transfer?.id ?? "") ?? outcome.transfer }));
}

/**
 * Submits all payments and watches them until each has ended. Returns outcomes in the order given; some are still open when the time in
 * which the last of them can act, and patience after it, are over.
 */
export async function submitPayments(
  client: Client,
  payments: readonly SignedPayment[],
  watch: Watch,
): Promise<readonly PaymentOutcome[]> {
  const outcomes = new Map<string, PaymentOutcome>();
  const report = (): void => {
    const list = [...outcomes.values()];
    watch.onProgress({ submitted: list.length, ended: list.filter((outcome) => !isOpen(outcome)).length });
  };
  for (let at = 0; at < payments.length; at += batchSize) {
    for (const outcome of await submitBatch(client, payments.slice(at, at + batchSize), watch)) {
      outcomes.set(outcome.payment.digest, outcome);
    }
    report();
  }
  for (;;) {
    const open = [...outcomes.values()].filter(isOpen);
    if (open.length === 0) break;
    const last = Math.max(...open.map(({ payment }) => payment.authorization.validBefore));
    if (Date.now() / 1_000 > last + finalityGraceSeconds + watch.patienceSeconds) break;
    for (const outcome of await lookAgain(client, open, watch)) outcomes.set(outcome.payment.digest, outcome);
    report();
    if ([...outcomes.values()].filter(isOpen).length === open.length) await pause();
  }
  return payments.flatMap((payment) => outcomes.get(payment.digest) ?? []);
}
