/**
 * `remesa redeem`: locks a holder's coins for a payout to a bank account, and takes the bank desk's steps; beside them
 * the second key's approval, the holder's dispute and the arbiter's decision.
 * Promises that the same reference is one redemption, however often it is run, and that steps already taken are passed over.
 */
import { join } from "node:path";
import type { Command } from "commander";
import { coinDecimals } from "../../src/domain/amount.ts";
import { formatAddress, toLower, type Word } from "../../src/domain/hex.ts";
import type { Client } from "../../src/http/client.ts";
import type { Redemption } from "../../src/http/schemas.ts";
import { orderPatienceSeconds, requireSettled } from "../orders.ts";
import { signStruct } from "../payments/parties.ts";
import {
  commitPayout,
  createRedemption,
  readRecord,
  type RedemptionRecord,
  requireSame,
  writeRecord,
} from "../payments/redemption.ts";
import {
  deriveKey,
  endStates,
  fetchNetwork,
  findCoin,
  openSession,
  persist,
  readNow,
  type Session,
} from "../session.ts";
import { type ActOptions, addActOptions, declareVerb, readAct, readAmount, readWord } from "../terminal/options.ts";
import { Refusal, toUsage } from "../terminal/refusal.ts";
import { formatBlock, formatMoney, formatState, formatTable, showResult, shorten } from "../terminal/screen.ts";
import type { Terminal } from "../terminal/terminal.ts";
import { addWalletOptions, openWallet, type WalletOptions } from "../wallets.ts";
import { approvePayout } from "./approve.ts";

interface RedeemOptions extends ActOptions, WalletOptions {
  readonly amount?: string;
  readonly account?: string;
  readonly currency: string;
  readonly steps?: string;
  readonly bankReference?: string;
  readonly reason?: string;
  readonly decision?: string;
  readonly records?: string;
}

/** The desk's four; the holder's `dispute`; and the second keys': `approve` before the wire, `resolve` of a dispute. */
const stepNames = ["accept", "approve", "mark-sent", "confirm", "reject", "dispute", "resolve"] as const;
type AnyStep = (typeof stepNames)[number];
export type StepName = Exclude<AnyStep, "approve" | "dispute" | "resolve">;

type State = Redemption["state"];
interface Target {
  readonly to: State;
  /** States that are past it. */
  readonly past: readonly State[];
}

/** The state each step leads to; `approve` changes none, and what `resolve` leads to is the decision. */
const targets: Readonly<Record<StepName | "dispute", Target>> = {
  accept: { to: "accepted", past: ["sent", "disputed", "burned"] },
  "mark-sent": { to: "sent", past: ["disputed", "burned"] },
  confirm: { to: "burned", past: [] },
  reject: { to: "returned", past: [] },
  dispute: { to: "disputed", past: ["returned"] },
};
const pollMs = 300;

function readSteps(text: string | undefined): readonly AnyStep[] {
  if (text === undefined) return [];
  if (text === "all") return ["accept", "mark-sent", "confirm"];
  return text.split(",").map((name) => {
    const step = stepNames.find((known) => known === name);
    if (step === undefined) throw toUsage(`--steps has "${name}"; the steps are ${stepNames.join(", ")}, or all`);
    return step;
  });
}

function readRedemption(client: Client, id: string): Promise<Redemption> {
  return persist(() => client.get<Redemption>(`/v1/redemptions/${id}`), { patienceSeconds: orderPatienceSeconds });
}

/** Looks until `isDone`, or until the wait is over; returns what it is then. */
async function watchRedemption(
  client: Client,
  options: { id: string; waitSeconds: number; isDone: (redemption: Redemption) => boolean },
): Promise<Redemption> {
  const until = performance.now() + options.waitSeconds * 1_000;
  for (;;) {
    const redemption = await readRedemption(client, options.id);
    if (options.isDone(redemption) || performance.now() > until) return redemption;
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
}

/** True when the lock has ended, one way or the other, or was never ours. */
function isLockDecided({ intent }: Redemption): boolean {
  return intent === null || endStates.includes(intent.state);
}

/** Locks the coins of a record's terms, or finds that they are locked, and waits until that is final. */
export async function lockCoins(client: Client, record: RedemptionRecord, waitSeconds: number): Promise<Redemption> {
  const body = { coin: record.coin, terms: record.terms, signature: record.signature, chainId: record.chainId };
  const posted = await persist(() => client.post<Redemption>("/v1/redemptions", body), {
    patienceSeconds: orderPatienceSeconds,
  });
  if (isLockDecided(posted) || waitSeconds === 0) return posted;
  return watchRedemption(client, { id: posted.id, waitSeconds, isDone: isLockDecided });
}

function toStepBody(step: StepName, label: string | null): unknown {
  if (step === "accept") return {};
  return { order: step === "reject" ? { reason: label } : { bankReference: label } };
}

interface StepOptions {
  readonly id: string;
  readonly step: AnyStep;
  readonly target: Target;
  /** Made only when the step is still to be taken. */
  readonly make: (before: Redemption) => Promise<unknown>;
  readonly idempotencyKey?: (before: Redemption) => string;
  readonly waitSeconds: number;
}

/** Takes a step unless it was taken before, and waits until nothing of it is pending. */
async function take(client: Client, options: StepOptions): Promise<Redemption> {
  const { id, step, target, waitSeconds } = options;
  const isPast = ({ state }: Redemption): boolean => state === target.to || target.past.includes(state);
  const isQuiet = ({ pending }: Redemption): boolean => pending.every(({ kind }) => kind !== step);
  const before = await readRedemption(client, id);
  if (!isPast(before) && (options.idempotencyKey !== undefined || isQuiet(before))) {
    const body = await options.make(before);
    const key = options.idempotencyKey?.(before);
    const named = key === undefined ? {} : { idempotencyKey: key };
    await persist(() => client.post(`/v1/redemptions/${id}/${step}`, body, named), {
      patienceSeconds: orderPatienceSeconds,
    });
  }
  const after = await watchRedemption(client, { id, waitSeconds, isDone: isQuiet });
  if (isPast(after) || waitSeconds === 0) return after;
  throw new Refusal({
    reason: isQuiet(after)
      ? `${step} of ${id} ended without effect; the redemption is ${after.state}`
      : `${step} of ${id} is not final yet; the redemption is ${after.state}`,
    remedy: isQuiet(after) ? "Run it again with --attempt 2." : "Run the same again to look: nothing is done twice.",
  });
}

/** Takes one step of the bank desk; the node signs it. */
export function takeStep(
  client: Client,
  options: { id: string; step: StepName; label: string | null; waitSeconds: number; attempt: number },
): Promise<Redemption> {
  const { step, label, attempt } = options;
  return take(client, {
    ...options,
    target: targets[step],
    make: async () => toStepBody(step, label),
    idempotencyKey: ({ redemptionId }) => deriveKey(step, [redemptionId, label, attempt]),
  });
}

interface PlannedStep {
  readonly step: AnyStep;
  readonly label: string | null;
}

interface Desk {
  readonly terminal: Terminal;
  readonly session: Session;
  readonly options: RedeemOptions;
}

/** The holder says that the money did not arrive. */
async function dispute({ terminal, session, options }: Desk, id: string, waitSeconds: number): Promise<Redemption> {
  const network = await fetchNetwork(session.client);
  const wallet = await openWallet(terminal, session, options);
  const make = async ({ redemptionId }: Redemption): Promise<unknown> => {
    const order = { deadline: readNow(network) + 3_600 };
    const message = { id: redemptionId as Word, ...order };
    return { order, signature: await signStruct(network, wallet, { primaryType: "DisputeRedemption", message }) };
  };
  return take(session.client, { id, step: "dispute", target: targets.dispute, make, waitSeconds });
}

/** Any step, by whoever takes it: the second keys act under the approver's API key. */
async function takeAny(desk: Desk, { step, label }: PlannedStep, id: string): Promise<Redemption> {
  const { terminal, session, options } = desk;
  const { waitSeconds, attempt } = readAct(options);
  if (step === "dispute") return dispute(desk, id, waitSeconds);
  if (step !== "approve" && step !== "resolve") {
    return takeStep(session.client, { id, step, label, waitSeconds, attempt });
  }
  const second = openSession(terminal, options, ["approver"]);
  if (step === "approve") {
    const approval = await approvePayout(second, { id, waitSeconds, attempt });
    if (waitSeconds > 0) requireSettled(approval);
    return readRedemption(session.client, id);
  }
  const paid = options.decision === "paid";
  return take(second.client, {
    id,
    step,
    target: { to: paid ? "burned" : "returned", past: [] },
    make: async () => ({ order: { paid, reference: label } }),
    idempotencyKey: ({ redemptionId }) => deriveKey(step, [redemptionId, paid, label, attempt]),
    waitSeconds,
  });
}

function toRecordPath(session: Session, reference: string, options: RedeemOptions): string {
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(reference)) {
    throw toUsage(`reference "${reference}" is not 1 to 64 letters, digits, dots, dashes or underscores`);
  }
  const folder = options.records ?? (session.folder === null ? "redemptions" : join(session.folder, "redemptions"));
  return join(folder, `${reference}.json`);
}

/** The record of a reference: the one on disk, or a new one when the options say all it needs. */
async function prepareRecord(
  terminal: Terminal,
  session: Session,
  request: { readonly reference: string; readonly options: RedeemOptions },
): Promise<RedemptionRecord> {
  const { reference, options } = request;
  const path = toRecordPath(session, reference, options);
  const known = readRecord(path);
  const { amount: amountText, account } = options;
  if (amountText === undefined || account === undefined || options.wallet === undefined) {
    if (known !== null) return known;
    throw toUsage(`there is no redemption ${reference} yet: give --amount, --account and --wallet`);
  }
  const network = await fetchNetwork(session.client);
  const coin = findCoin(network, options.currency);
  const amount = readAmount(amountText, coin);
  const wallet = await openWallet(terminal, session, options);
  if (known !== null) {
    requireSame(known, { holder: toLower(wallet.address), amount, account, chainId: network.chainId });
    return known;
  }
  const record = await createRedemption({ wallet, network, coin, amount, account, reference, now: readNow(network) });
  if (options.dryRun !== true) writeRecord(path, record);
  return record;
}

function formatRedemption(terminal: Terminal, redemption: Redemption, record: RedemptionRecord): string {
  const { terms } = record;
  const block = formatBlock(terminal, [
    ["redemption", redemption.id],
    ["reference", record.reference],
    ["holder", formatAddress(terms.holder)],
    ["amount", formatMoney(BigInt(terms.amount), { symbol: record.coin, decimals: coinDecimals })],
    ["account", record.account],
    ["state", formatState(terminal, redemption.state)],
    ["lock", redemption.intent === null ? "by a stranger" : formatState(terminal, redemption.intent.state)],
  ]);
  const steps = redemption.steps.map((step) => [step.from, step.to, step.block, shorten(step.transaction), step.at]);
  return steps.length === 0
    ? block
    : `${block}\n${formatTable(terminal, { head: ["from", "to", "block", "transaction", "at"], rows: steps, right: [2] })}`;
}

function chooseLabel(step: AnyStep, options: RedeemOptions): string | null {
  if (step === "accept" || step === "approve" || step === "dispute") return null;
  const { decision } = options;
  if (step === "resolve" && decision !== "paid" && decision !== "returned") {
    throw toUsage("resolve needs --decision paid or --decision returned");
  }
  const returns = step === "reject" || (step === "resolve" && decision === "returned");
  const option = returns ? "--reason" : "--bank-reference";
  const text = returns ? options.reason : options.bankReference;
  if (text === undefined) throw toUsage(`${step} needs ${option}`);
  return readWord(text, option);
}

/** The state in which nothing of the steps is left to do: the last one's, where it ends the redemption. */
function toEnd(steps: readonly PlannedStep[], decision: string | undefined): State | null {
  const last = steps.at(-1)?.step;
  if (last === "confirm") return "burned";
  if (last === "reject") return "returned";
  return last === "resolve" ? (decision === "paid" ? "burned" : "returned") : null;
}

async function runRedeem(terminal: Terminal, reference: string, options: RedeemOptions): Promise<void> {
  const { waitSeconds } = readAct(options);
  const steps = readSteps(options.steps).map((step) => ({ step, label: chooseLabel(step, options) }));
  const session = openSession(terminal, options, ["operator"]);
  const record = await prepareRecord(terminal, session, { reference, options });
  // The desk pays the account in the record: it must be the one the holder committed to on the chain.
  if (commitPayout(record.blinding, record.account) !== record.terms.payout) {
    throw new Refusal({
      reason: "the bank account is not the one in the terms",
      remedy: "Ask the holder; do not pay.",
    });
  }
  if (options.dryRun === true) {
    const { account: _, blinding: __, ...shown } = record;
    showResult(terminal, options, {
      value: { dryRun: true, redemption: shown, steps },
      text: `Would lock ${record.terms.amount} base units and take: ${steps.map(({ step }) => step).join(", ") || "no step"}.\n`,
    });
    return;
  }
  let redemption = await lockCoins(session.client, record, waitSeconds);
  if (waitSeconds > 0 && redemption.intent !== null && redemption.intent.state !== "settled") {
    throw new Refusal({
      reason: `the lock is ${redemption.intent.state}${redemption.intent.reason === null ? "" : `: ${redemption.intent.reason}`}`,
      remedy: endStates.includes(redemption.intent.state)
        ? "No coins moved. Make a new redemption with a new --reference."
        : "Run the same again to look: nothing is done twice.",
    });
  }
  const left = redemption.state === toEnd(steps, options.decision) ? [] : steps;
  for (const planned of left) redemption = await takeAny({ terminal, session, options }, planned, redemption.id);
  showResult(terminal, options, { value: redemption, text: formatRedemption(terminal, redemption, record) });
}

export function addRedeem(program: Command, terminal: Terminal): void {
  const verb = declareVerb(program, {
    name: "redeem",
    summary: "lock coins for a payout to a bank account; take the bank desk's steps",
    example: 'redeem R-2026-0017 --wallet Luis --amount 25.00 --account "GT82 TRAJ 0102 0000 0012 1002 9690"',
  });
  addWalletOptions(addActOptions(verb), "the holder's wallet")
    .argument("<reference>", "your reference; the same one is the same redemption, always")
    .option("--amount <amount>", "decimal, whole cents")
    .option("--account <text>", "bank account; kept in the record, on the chain only as a blinded hash")
    .option("--currency <symbol>", "the coin", "XUS")
    .option("--steps <list>", "steps to take: accept,mark-sent,confirm (all), reject, approve, dispute, resolve")
    .option("--bank-reference <text>", "for mark-sent, confirm and resolve: the bank's reference, at most 31 bytes")
    .option("--reason <text>", "for reject and resolve: a code, at most 31 bytes, public")
    .option("--decision <decision>", "for resolve: paid, or returned")
    .option("--records <folder>", "where records are kept; default: redemptions/ in the data folder")
    .addHelpText(
      "after",
      "  $ remesa redeem R-2026-0017 --steps all --bank-reference WIRE-88\n\n" +
        "The record keeps the account and what hides it; mark-sent comes before the wire leaves the bank, confirm after it arrived.",
    )
    .action((reference: string, options: RedeemOptions) => runRedeem(terminal, reference, options));
}
