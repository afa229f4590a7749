/**
 * `remesa unfreeze`: releases an account that was frozen under a case. The node signs with the freezer's key where it holds it. Changes nothing
 * but the freeze.
 */
import type { Command } from "commander";
import { type Address, formatAddress } from "../../src/domain/hex.ts";
import type { Account } from "../../src/http/views.ts";
import { runOrder } from "../orders.ts";
import type { Coin } from "../payments/check.ts";
import { deriveKey, fetchNetwork, findCoin, openSession, type Session } from "../session.ts";
import { type ActOptions, addActOptions, declareVerb, readAct, readAddress, readWord } from "../terminal/options.ts";
import { Refusal } from "../terminal/refusal.ts";
import { formatMoney } from "../terminal/screen.ts";
import type { Terminal } from "../terminal/terminal.ts";

interface UnfreezeOptions extends ActOptions {
  readonly currency: string;
  readonly case: string;
}

/** Refuses when something is frozen still: the same order acted before, and the account was frozen again since. */
async function requireReleased(session: Session, asked: { account: Address; coin: Coin }): Promise<void> {
  const account = await session.client.get<Account>(`/v1/accounts/${asked.account}`);
  const found = account.coins.find(({ symbol }) => symbol === asked.coin.symbol);
  const frozen = BigInt(found?.frozen ?? "0");
  if (frozen === 0n && found?.frozenWhole !== true) return;
  throw new Refusal({
    reason: `the order acted once, but ${found?.frozenWhole === true ? "everything" : formatMoney(frozen, asked.coin)} is frozen now`,
    remedy: "It was frozen again since. To release it again, run the same with --attempt 2.",
  });
}

async function runUnfreeze(terminal: Terminal, account: string, options: UnfreezeOptions): Promise<void> {
  const { waitSeconds, attempt } = readAct(options);
  const address = readAddress(account, "account");
  const caseId = readWord(options.case, "--case");
  const session = openSession(terminal, options, ["operator"]);
  const coin = findCoin(await fetchNetwork(session.client), options.currency);
  await runOrder(terminal, session, {
    ...options,
    waitSeconds,
    request: {
      path: "/v1/orders",
      body: { kind: "unfreeze", order: { coin: coin.symbol, account: address, caseId } },
      idempotencyKey: deriveKey("unfreeze", [coin.address, address, caseId, attempt]),
    },
    facts: [
      ["unfreeze", coin.symbol],
      ["account", formatAddress(address)],
      ["case", options.case],
    ],
  });
  if (options.dryRun !== true && waitSeconds > 0) await requireReleased(session, { account: address, coin });
}

export function addUnfreeze(program: Command, terminal: Terminal): void {
  const verb = declareVerb(program, {
    name: "unfreeze",
    summary: "release a frozen account",
    example: "unfreeze 0x249C68Fdee94518F3C453E2cefB5a74062214634 --case C-2026-17",
  });
  addActOptions(verb)
    .argument("<account>", "address of the account")
    .requiredOption("--case <id>", "the case it was frozen under")
    .option("--currency <symbol>", "the coin", "XUS")
    .addHelpText("after", "\nTo release a second time under the same case, give --attempt 2.")
    .action((account: string, options: UnfreezeOptions) => runUnfreeze(terminal, account, options));
}
