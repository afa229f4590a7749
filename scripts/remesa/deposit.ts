/**
 * `remesa deposit`: mints coins for entries of the issuer's bank account: one given by options, or a file of them. The node signs with the
 * dealer's key where it holds it. Promises that an entry mints at most once, however often and under whatever amount it is asked.
 */
import type { Command } from "commander";
import { formatAddress } from "../../src/domain/hex.ts";
import { type OrderRequest, placeOrder } from "../orders.ts";
import { checkDeposit, type Deposit, readDeposits, toDepositId } from "../payments/deposits.ts";
import { readText } from "../payments/signed.ts";
import { deriveKey, fetchNetwork, type Living, openSession, type Session, toRefusal } from "../session.ts";
import { type ActOptions, addActOptions, declareVerb, readAct } from "../terminal/options.ts";
import { createProgress } from "../terminal/progress.ts";
import { Refusal, toUsage } from "../terminal/refusal.ts";
import { formatMoney, formatState, formatTable, showResult } from "../terminal/screen.ts";
import type { Terminal } from "../terminal/terminal.ts";

interface DepositOptions extends ActOptions {
  readonly account?: string;
  readonly entry?: string;
  readonly to?: string;
  readonly amount?: string;
  readonly currency: string;
}

export interface DepositOutcome {
  readonly deposit: Deposit;
  readonly living: Living | null;
  /** Why it was refused; null when it was accepted. */
  readonly refusal: string | null;
}

/** Deposits asked for at the same time: enough to fill blocks, far below the node's limits. */
const inFlight = 16;

function toRequest(deposit: Deposit, attempt: number): OrderRequest {
  const depositId = toDepositId(deposit);
  const { coin, to, amount, account, entry } = deposit;
  return {
    path: "/v1/deposits",
    body: { coin: coin.symbol, depositId, to, amount: `${amount}`, evidence: { account, reference: entry } },
    idempotencyKey: deriveKey("deposit", [coin.address, depositId, to, amount, attempt]),
  };
}

/** Mints for all deposits, several at a time, and sees each one through. In the order given. */
export async function mintDeposits(
  terminal: Terminal,
  session: Session,
  options: { deposits: readonly Deposit[]; waitSeconds: number; attempt: number; patienceSeconds?: number },
): Promise<readonly DepositOutcome[]> {
  const { deposits, attempt } = options;
  const outcomes = new Map<Deposit, DepositOutcome>();
  const progress = createProgress(terminal, { label: "deposits", total: deposits.length });
  const queue = deposits.values();
  const work = async (): Promise<void> => {
    for (const deposit of queue) {
      try {
        const living = await placeOrder(session, { ...toRequest(deposit, attempt), ...options });
        outcomes.set(deposit, { deposit, living, refusal: null });
      } catch (error) {
        const refusal = toRefusal(error);
        if (refusal === null) throw error;
        outcomes.set(deposit, { deposit, living: null, refusal: `${refusal.message} ${refusal.remedy}` });
      }
      progress.show(outcomes.size);
    }
  };
  try {
    await Promise.all(Array.from({ length: inFlight }, work));
  } finally {
    progress.end();
  }
  return deposits.flatMap((deposit) => outcomes.get(deposit) ?? []);
}

/** Either a file, or one deposit by all of its options. */
function checkForm(file: string | undefined, options: DepositOptions): void {
  const given = [options.account, options.entry, options.to, options.amount].filter((value) => value !== undefined);
  if (file === undefined ? given.length === 4 : given.length === 0) return;
  throw toUsage("name either a file, or all of --account, --entry, --to and --amount");
}

function chooseDeposits(
  file: string | undefined,
  options: DepositOptions,
  coins: Parameters<typeof checkDeposit>[1],
): readonly Deposit[] {
  if (file !== undefined) return readDeposits(readText(file), coins);
  const { account = "", entry = "", to = "", amount = "", currency } = options;
  const checked = checkDeposit([account, entry, to, amount, currency], coins);
  if ("to" in checked) return [checked];
  throw toUsage(checked.join("; "));
}

/** One line per deposit: state, id or reason. */
export function formatDeposits(terminal: Terminal, outcomes: readonly DepositOutcome[]): string {
  return formatTable(terminal, {
    head: ["entry", "payee", "amount", "state", ""],
    rows: outcomes.map(({ deposit, living, refusal }) => [
      deposit.entry,
      formatAddress(deposit.to),
      formatMoney(deposit.amount, deposit.coin),
      formatState(terminal, living?.state ?? "refused"),
      refusal ?? living?.id ?? "",
    ]),
    right: [2],
  });
}

async function runDeposit(terminal: Terminal, file: string | undefined, options: DepositOptions): Promise<void> {
  const { waitSeconds, attempt } = readAct(options);
  checkForm(file, options);
  const session = openSession(terminal, options, ["operator"]);
  const deposits = chooseDeposits(file, options, (await fetchNetwork(session.client)).coins);
  if (options.dryRun === true) {
    showResult(terminal, options, {
      value: { dryRun: true, requests: deposits.map((deposit) => toRequest(deposit, attempt)) },
      text: `${formatTable(terminal, {
        head: ["entry", "payee", "amount"],
        rows: deposits.map(({ entry, to, amount, coin }) => [entry, formatAddress(to), formatMoney(amount, coin)]),
        right: [2],
      })}Dry run: nothing was asked.\n`,
    });
    return;
  }
  const outcomes = await mintDeposits(terminal, session, { deposits, waitSeconds, attempt });
  showResult(terminal, options, {
    value: outcomes.map(({ deposit, living, refusal }) => ({
      ...deposit,
      coin: deposit.coin.symbol,
      ...living,
      refusal,
    })),
    text: formatDeposits(terminal, outcomes),
  });
  const open = outcomes.filter(({ living }) => living === null || (waitSeconds > 0 && living.state !== "settled"));
  if (open.length === 0) return;
  throw new Refusal({
    reason: `${open.length} of ${outcomes.length} deposits did not settle`,
    remedy: "See the last column. Running it again is safe: what was minted is not minted twice.",
  });
}

export function addDeposit(program: Command, terminal: Terminal): void {
  const verb = declareVerb(program, {
    name: "deposit",
    summary: "mint coins for entries of the bank account",
    example: "deposit examples/deposits.csv",
  });
  addActOptions(verb)
    .argument("[deposits.csv]", "file with the header account,entry,payee,amount,currency")
    .option("--account <account>", "one deposit: the issuer's bank account")
    .option("--entry <reference>", "one deposit: the bank's reference of the entry")
    .option("--to <address>", "one deposit: who is credited")
    .option("--amount <amount>", "one deposit: decimal amount")
    .option("--currency <symbol>", "one deposit: the coin", "XUS")
    .action((file: string | undefined, options: DepositOptions) => runDeposit(terminal, file, options));
}
