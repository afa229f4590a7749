/**
 * `remesa seize`: moves frozen coins to the custody account under a court's case. The node signs with the seizer's key where it holds it.
 * Promises that one case, account and amount is seized once; the chain refuses what is not frozen under that case.
 */
import type { Command } from "commander";
import { formatAddress } from "../../src/domain/hex.ts";
import { runOrder } from "../orders.ts";
import { deriveKey, fetchNetwork, findCoin, openSession } from "../session.ts";
import {
  type ActOptions,
  addActOptions,
  declareVerb,
  readAct,
  readAddress,
  readAmount,
  readWord,
} from "../terminal/options.ts";
import { formatMoney } from "../terminal/screen.ts";
import type { Terminal } from "../terminal/terminal.ts";

interface SeizeOptions extends ActOptions {
  readonly amount: string;
  readonly currency: string;
  readonly case: string;
}

async function runSeize(terminal: Terminal, account: string, options: SeizeOptions): Promise<void> {
  const { waitSeconds, attempt } = readAct(options);
  const address = readAddress(account, "account");
  const caseId = readWord(options.case, "--case");
  const session = openSession(terminal, options, ["operator"]);
  const coin = findCoin(await fetchNetwork(session.client), options.currency);
  const amount = readAmount(options.amount, coin);
  await runOrder(terminal, session, {
    ...options,
    waitSeconds,
    request: {
      path: "/v1/orders",
      body: { kind: "seize", order: { coin: coin.symbol, account: address, amount: `${amount}`, caseId } },
      idempotencyKey: deriveKey("seize", [coin.address, address, amount, caseId, attempt]),
    },
    facts: [
      ["seize", formatMoney(amount, coin)],
      ["account", formatAddress(address)],
      ["case", options.case],
    ],
  });
}

export function addSeize(program: Command, terminal: Terminal): void {
  const verb = declareVerb(program, {
    name: "seize",
    summary: "move frozen coins to custody under a case",
    example: "seize 0x249C68Fdee94518F3C453E2cefB5a74062214634 --case C-2026-17 --amount 250.00",
  });
  addActOptions(verb)
    .argument("<account>", "address of the account; it must be frozen under this case")
    .requiredOption("--case <id>", "the case it was frozen under")
    .requiredOption("--amount <amount>", "how much; at most what is frozen")
    .option("--currency <symbol>", "the coin", "XUS")
    .addHelpText("after", "\nTo seize the same amount a second time under the same case, give --attempt 2.")
    .action((account: string, options: SeizeOptions) => runSeize(terminal, account, options));
}
