/**
 * `remesa freeze`: stops an amount, or everything, from leaving an account until a date. The node signs with the freezer's key where it holds
 * it. Promises to say so when the same order acted before and the account has been released since.
 */
import type { Command } from "commander";
import { type Address, formatAddress } from "../../src/domain/hex.ts";
import type { Account } from "../../src/http/views.ts";
import { runOrder } from "../orders.ts";
import type { Coin } from "../payments/check.ts";
import { deriveKey, fetchNetwork, findCoin, openSession, type Session } from "../session.ts";
import {
  type ActOptions,
  addActOptions,
  declareVerb,
  readAct,
  readAddress,
  readAmount,
  readTime,
  readWord,
} from "../terminal/options.ts";
import { Refusal } from "../terminal/refusal.ts";
import { formatMoney, formatTime } from "../terminal/screen.ts";
import type { Terminal } from "../terminal/terminal.ts";

interface FreezeOptions extends ActOptions {
  readonly amount?: string;
  readonly currency: string;
  readonly case: string;
  readonly until: string;
}

/** Refuses when the account is not frozen as asked: the same order acted before, and someone released or changed it since. */
async function requireFrozen(
  session: Session,
  asked: { account: Address; coin: Coin; amount: bigint | null },
): Promise<void> {
  const account = await session.client.get<Account>(`/v1/accounts/${asked.account}`);
  const found = account.coins.find(({ symbol }) => symbol === asked.coin.symbol);
  if (found?.frozenWhole === true) return;
  const frozen = BigInt(found?.frozen ?? "0");
  if (asked.amount !== null && frozen >= asked.amount) return;
  throw new Refusal({
    reason: `the order acted once, but the account has only ${formatMoney(frozen, asked.coin)} frozen now`,
    remedy: "It was released or changed since. To freeze it again, run the same with --attempt 2.",
  });
}

async function runFreeze(terminal: Terminal, account: string, options: FreezeOptions): Promise<void> {
  const { waitSeconds, attempt } = readAct(options);
  const address = readAddress(account, "account");
  const until = readTime(options.until, "--until");
  const caseId = readWord(options.case, "--case");
  const session = openSession(terminal, options, ["operator"]);
  const coin = findCoin(await fetchNetwork(session.client), options.currency);
  const amount = options.amount === undefined ? null : readAmount(options.amount, coin);
  await runOrder(terminal, session, {
    ...options,
    waitSeconds,
    request: {
      path: "/v1/orders",
      body: {
        kind: "freeze",
        order: { coin: coin.symbol, account: address, amount: amount === null ? null : `${amount}`, caseId, until },
      },
      idempotencyKey: deriveKey("freeze", [coin.address, address, amount, caseId, until, attempt]),
    },
    facts: [
      ["freeze", amount === null ? `everything in ${coin.symbol}` : formatMoney(amount, coin)],
      ["account", formatAddress(address)],
      ["case", options.case],
      ["until", formatTime(until)],
    ],
  });
  if (options.dryRun !== true && waitSeconds > 0) await requireFrozen(session, { account: address, coin, amount });
}

export function addFreeze(program: Command, terminal: Terminal): void {
  const verb = declareVerb(program, {
    name: "freeze",
    summary: "stop an amount, or everything, from leaving an account",
    example:
      "freeze 0x249C68Fdee94518F3C453E2cefB5a74062214634 --case C-2026-17 --until 2026-12-22T00:00:00Z --amount 250.00",
  });
  addActOptions(verb)
    .argument("<account>", "address of the account")
    .requiredOption("--case <id>", "case number, at most 31 bytes, public on the chain: never a name")
    .requiredOption("--until <time>", "RFC 3339; from then on anyone may release it")
    .option("--amount <amount>", "how much may not leave; default: everything")
    .option("--currency <symbol>", "the coin", "XUS")
    .addHelpText("after", "\nTo freeze again with the same case, amount and date after a release, give --attempt 2.")
    .action((account: string, options: FreezeOptions) => runFreeze(terminal, account, options));
}
