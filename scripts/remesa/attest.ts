/**
 * `remesa attest`: states the reserves that a bank report shows. The node signs with the attestor's key where it holds it. The chain keeps the
 * report's hash, never the report; minting stays below the amount stated last.
 */
import { readFileSync } from "node:fs";
import type { Command } from "commander";
import { keccak256 } from "ethers";
import type { Word } from "../../src/domain/hex.ts";
import { runOrder } from "../orders.ts";
import { deriveKey, fetchNetwork, findCoin, openSession } from "../session.ts";
import { type ActOptions, addActOptions, declareVerb, readAct, readAmount, readTime } from "../terminal/options.ts";
import { Refusal } from "../terminal/refusal.ts";
import { formatMoney, formatTime } from "../terminal/screen.ts";
import type { Terminal } from "../terminal/terminal.ts";

interface AttestOptions extends ActOptions {
  readonly amount: string;
  readonly currency: string;
  readonly asOf: string;
  readonly report: string;
}

/** keccak256 of the report's bytes. */
export function hashReport(path: string): Word {
  try {
    return keccak256(readFileSync(path)) as Word;
  } catch {
    throw new Refusal({ reason: `${path} cannot be read`, remedy: "Name the bank's report with --report <file>." });
  }
}

async function runAttest(terminal: Terminal, options: AttestOptions): Promise<void> {
  const { waitSeconds, attempt } = readAct(options);
  const asOf = readTime(options.asOf, "--as-of");
  const session = openSession(terminal, options, ["operator"]);
  const coin = findCoin(await fetchNetwork(session.client), options.currency);
  const amount = readAmount(options.amount, coin);
  const reportHash = hashReport(options.report);
  await runOrder(terminal, session, {
    ...options,
    waitSeconds,
    request: {
      path: "/v1/orders",
      body: { kind: "attest", order: { coin: coin.symbol, amount: `${amount}`, asOf, reportHash } },
      idempotencyKey: deriveKey("attest", [coin.address, amount, asOf, reportHash, attempt]),
    },
    facts: [
      ["attest", formatMoney(amount, coin)],
      ["as of", formatTime(asOf)],
      ["report", `${options.report}, ${reportHash}`],
    ],
  });
}

export function addAttest(program: Command, terminal: Terminal): void {
  const verb = declareVerb(program, {
    name: "attest",
    summary: "state the reserves that a bank report shows",
    example: "attest --amount 1000000.00 --as-of 2026-11-22T12:00:00Z --report statement.xml",
  });
  addActOptions(verb)
    .requiredOption("--amount <amount>", "reserves, decimal")
    .requiredOption("--as-of <time>", "moment of the report, RFC 3339; later than that of the last attestation")
    .requiredOption("--report <file>", "the report; only its keccak256 goes to the chain")
    .option("--currency <symbol>", "the coin", "XUS")
    .action((options: AttestOptions) => runAttest(terminal, options));
}
