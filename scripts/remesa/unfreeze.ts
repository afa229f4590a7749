/**
 * `remesa unfreeze`: releases an account that was frozen under a case. The node signs with the freezer's key where it holds it. Changes nothing
 * but the freeze.
 */
import type { Command } from "commander";
import { formatAddress } from "../../src/domain/hex.ts";
import { runOrder } from "../orders.ts";
import { deriveKey, fetchNetwork, findCoin, openSession } from "../session.ts";
import { type ActOptions, addActOptions, declareVerb, readAct, readAddress, readWord } from "../terminal/options.ts";
import type { Terminal } from "../terminal/terminal.ts";

interface UnfreezeOptions extends ActOptions {
  readonly currency: string;
  readonly case: string;
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
