/**
 * `remesa pay`: submits signed payments and waits until each has ended. Goes on while the node is killed and restarted. Promises a result line
 * for every payment, with its evidence on the chain or the reason, and exit code 0 only when every one of them settled.
 */
import type { Command } from "commander";
import { readSignedPayments, replaceFile, type SignedPayment } from "../payments/signed.ts";
import { type PaymentOutcome, submitPayments } from "../payments/submit.ts";
import { announceOutage, fetchNetwork, type Network, openSession, type Session } from "../session.ts";
import {
  addDryRun,
  addNodeOptions,
  type ChangeOptions,
  declareVerb,
  type NodeOptions,
  readWhole,
} from "../terminal/options.ts";
import { createProgress } from "../terminal/progress.ts";
import { Refusal } from "../terminal/refusal.ts";
import { formatMoney, formatState, formatTable, showResult } from "../terminal/screen.ts";
import type { Terminal } from "../terminal/terminal.ts";

interface PayOptions extends NodeOptions, ChangeOptions {
  readonly patience: string;
  readonly out?: string;
}

/** Payments shown one by one on the screen; the result file has all of them. */
const shownFailures = 20;

/** `settled`, another end, a live state, or `refused`. */
function toState({ transfer, problem }: PaymentOutcome): string {
  return problem === null ? (transfer?.state ?? "unfinished") : "refused";
}

/** Our nonces follow from payer and reference, so here these codes say more than they do in general. */
const nonceReasons: Readonly<Record<string, string>> = {
  nonce_used: "this payer and reference was paid or cancelled before",
  nonce_in_use: "another signature for this payer and reference is on its way",
};

/** Why it did not settle, with amounts as people write them where the node gives base units. */
function describeReason({ payment, transfer, problem }: PaymentOutcome, network: Network): string {
  if (problem === null) return transfer?.reason ?? "";
  const known = nonceReasons[problem.code];
  if (known !== undefined) return `${problem.code}: ${known}`;
  const coin = network.coins.find(({ address }) => address === payment.coin);
  const { actual, limit } = problem.errors[0] ?? {};
  if (problem.code !== "insufficient_funds" || coin === undefined || actual === undefined || limit === undefined) {
    return `${problem.code}: ${problem.detail}`;
  }
  const [available, asked] = [formatMoney(BigInt(actual), coin), formatMoney(BigInt(limit), coin)];
  return `${problem.code}: ${available} available, ${asked} asked for`;
}

function toResultLine(outcome: PaymentOutcome): string {
  const { payment, transfer, problem } = outcome;
  const line = {
    line: payment.line,
    reference: payment.reference,
    digest: payment.digest,
    id: transfer?.id ?? null,
    state: toState(outcome),
    reason: transfer?.reason ?? null,
    evidence: transfer?.evidence ?? null,
    refusal: problem === null ? null : { code: problem.code, detail: problem.detail, retryable: problem.retryable },
  };
  return `${JSON.stringify(line)}\n`;
}

/** Refuses a file of another chain or coin before anything is sent. */
function checkNetwork(payments: readonly SignedPayment[], network: Network): void {
  const stranger = payments.find(
    ({ chainId, coin }) => chainId !== network.chainId || network.coins.every(({ address }) => address !== coin),
  );
  if (stranger === undefined) return;
  throw new Refusal({
    reason: `line ${stranger.line} is signed for chain ${stranger.chainId} and coin ${stranger.coin}`,
    remedy: `This node settles on chain ${network.chainId}: sign the file for its deployment.`,
  });
}

/** Submits, watches, writes the result file. */
export async function payFile(
  terminal: Terminal,
  session: Session,
  options: { readonly file: string; readonly out: string; readonly patienceSeconds: number },
): Promise<readonly PaymentOutcome[]> {
  const payments = readSignedPayments(options.file);
  const onOutage = announceOutage(terminal);
  checkNetwork(payments, await fetchNetwork(session.client, { patienceSeconds: options.patienceSeconds, onOutage }));
  const progress = createProgress(terminal, { label: "paying", total: payments.length });
  let counts = { submitted: 0, ended: 0 };
  try {
    const { outcomes, interruption } = await submitPayments(session.client, payments, {
      patienceSeconds: options.patienceSeconds,
      onProgress(now) {
        counts = now;
        progress.show(now.ended, `${now.submitted} submitted`);
      },
      onOutage(reason) {
        onOutage(reason);
        progress.show(counts.ended, `${counts.submitted} submitted, trying again: ${reason}`);
      },
    });
    replaceFile(options.out, outcomes.map(toResultLine));
    if (interruption !== null) throw interruption;
    return outcomes;
  } finally {
    progress.end();
  }
}

function sumAmounts(outcomes: readonly PaymentOutcome[]): bigint {
  return outcomes.reduce((sum, { payment }) => sum + BigInt(payment.authorization.value), 0n);
}

/** Counts and sums by state and coin. */
export function formatOutcomes(terminal: Terminal, outcomes: readonly PaymentOutcome[], network: Network): string {
  const states = [...new Set(outcomes.map(toState))].toSorted();
  const rows = network.coins.flatMap((coin) =>
    states.flatMap((state) => {
      const own = outcomes.filter((outcome) => toState(outcome) === state && outcome.payment.coin === coin.address);
      const amount = formatMoney(sumAmounts(own), coin);
      return own.length === 0 ? [] : [[formatState(terminal, state), own.length, amount]];
    }),
  );
  return formatTable(terminal, { head: ["state", "payments", "amount"], rows, right: [1, 2] });
}

/** The payments that did not settle, with the reason. Empty when all did. */
export function formatUnsettled(terminal: Terminal, outcomes: readonly PaymentOutcome[], network: Network): string {
  const open = outcomes.filter((outcome) => toState(outcome) !== "settled");
  if (open.length === 0) return "";
  const rows = open
    .slice(0, shownFailures)
    .map((outcome) => [
      outcome.payment.line,
      outcome.payment.reference,
      formatState(terminal, toState(outcome)),
      describeReason(outcome, network),
    ]);
  const rest = open.length > rows.length ? `… and ${open.length - rows.length} more\n` : "";
  return `\n${formatTable(terminal, { head: ["line", "reference", "state", "reason"], rows, right: [0] })}${rest}`;
}

async function runPay(terminal: Terminal, file: string, options: PayOptions): Promise<void> {
  const patienceSeconds = readWhole(options.patience, { name: "--patience", least: 0, most: 86_400 });
  const session = openSession(terminal, options, ["operator"]);
  const out = options.out ?? `${file}.result.jsonl`;
  const network = await fetchNetwork(session.client, { patienceSeconds, onOutage: announceOutage(terminal) });
  if (options.dryRun === true) {
    const payments = readSignedPayments(file);
    checkNetwork(payments, network);
    const outcomes = payments.map((payment) => ({ payment, transfer: null, problem: null }));
    showResult(terminal, options, {
      value: { dryRun: true, payments: payments.length },
      text: `${formatOutcomes(terminal, outcomes, network)}Dry run: nothing was submitted.\n`,
    });
    return;
  }
  const outcomes = await payFile(terminal, session, { file, out, patienceSeconds });
  const settled = outcomes.filter((outcome) => toState(outcome) === "settled").length;
  const table = formatOutcomes(terminal, outcomes, network);
  showResult(terminal, options, {
    value: { payments: outcomes.length, settled, out },
    text: `${table}${formatUnsettled(terminal, outcomes, network)}\nresult  ${out}\n`,
  });
  if (settled === outcomes.length) return;
  throw new Refusal({
    reason: `${outcomes.length - settled} of ${outcomes.length} payments did not settle`,
    remedy: `See ${out}. Running it again is safe: nothing is paid twice.`,
  });
}

export function addPay(program: Command, terminal: Terminal): void {
  const verb = declareVerb(program, {
    name: "pay",
    summary: "submit signed payments and wait until each has ended",
    example: "pay payments.jsonl",
  });
  addDryRun(addNodeOptions(verb))
    .argument("<payments.jsonl>", "what `remesa sign` wrote")
    .option("--out <file>", "where results go, one line per payment; default: <payments.jsonl>.result.jsonl")
    .option("--patience <seconds>", "how long to go on while the node does not answer", "600")
    .action((file: string, options: PayOptions) => runPay(terminal, file, options));
}
