/**
 * `remesa attest`: states the reserves that a bank report shows. The node signs with the attestor's key where it holds it. The chain keeps the
 * report's hash, never the report; minting stays below the amount stated last. Promises to ask for nothing that the chain would never take.
 */
import { readFileSync } from "node:fs";
import type { Command } from "commander";
import { keccak256 } from "ethers";
import { type Word, zeroAddress } from "../../src/domain/hex.ts";
import { type Client, ProblemError } from "../../src/http/client.ts";
import { orderPatienceSeconds, type OrderRequest, runOrder } from "../orders.ts";
import type { Coin } from "../payments/check.ts";
import { deriveKey, fetchNetwork, findCoin, openSession, persist } from "../session.ts";
import { type ActOptions, addActOptions, declareVerb, readAct, readAmount, readTime } from "../terminal/options.ts";
import { Refusal } from "../terminal/refusal.ts";
import { formatMoney, formatTime } from "../terminal/screen.ts";
import type { Terminal } from "../terminal/terminal.ts";
import { fetchReconciliation } from "./reconcile.ts";

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

/**
 * True when the node knows an order under this Idempotency-Key. Asks with a coin that cannot be: a known key refuses another body, and with an
 * unknown one the coin is refused, so that asking never makes an order.
 */
async function isKnown(client: Client, { path, body, idempotencyKey }: OrderRequest): Promise<boolean> {
  const { kind, order } = body as { readonly kind: string; readonly order: object };
  const probe = { kind, order: { ...order, coin: zeroAddress } };
  const options = { patienceSeconds: orderPatienceSeconds };
  try {
    await persist(() => client.post(path, probe, { idempotencyKey }), options);
  } catch (error) {
    if (!(error instanceof ProblemError)) throw error;
    if (error.code === "idempotency_key_reused") return true;
    if (error.code === "coin_unknown") return false;
    throw error;
  }
  throw new Error("the node took an order for a coin that does not exist");
}

/** Moment of the last attestation at the newest final block, Unix seconds; null before the first. */
async function fetchLastAsOf(client: Client, coin: Coin): Promise<number | null> {
  const { coins } = await fetchReconciliation(client, orderPatienceSeconds);
  const bankAsOf = coins.find((candidate) => candidate.coin.toLowerCase() === coin.address)?.bankAsOf ?? null;
  return bankAsOf === null ? null : Math.floor(Date.parse(bankAsOf) / 1_000);
}

/** The chain takes no statement that is not newer than the last: the node would hold such an order until it expires. */
async function requireNewer(
  client: Client,
  options: { readonly coin: Coin; readonly asOf: number; readonly request: OrderRequest },
): Promise<void> {
  const { coin, asOf, request } = options;
  const last = await fetchLastAsOf(client, coin);
  if (last === null || asOf > last || (await isKnown(client, request))) return;
  throw new Refusal({
    reason: `--as-of ${formatTime(asOf)} is not newer than ${formatTime(last)}, the moment of the last attestation`,
    remedy: "Attest a newer report, with its moment as --as-of: the chain takes no statement that is not newer.",
  });
}

async function runAttest(terminal: Terminal, options: AttestOptions): Promise<void> {
  const { waitSeconds, attempt } = readAct(options);
  const asOf = readTime(options.asOf, "--as-of");
  const session = openSession(terminal, options, ["operator"]);
  const coin = findCoin(await fetchNetwork(session.client), options.currency);
  const amount = readAmount(options.amount, coin);
  const reportHash = hashReport(options.report);
  const request = {
    path: "/v1/orders",
    body: { kind: "attest", order: { coin: coin.symbol, amount: `${amount}`, asOf, reportHash } },
    idempotencyKey: deriveKey("attest", [coin.address, amount, asOf, reportHash, attempt]),
  };
  await requireNewer(session.client, { coin, asOf, request });
  await runOrder(terminal, session, {
    ...options,
    waitSeconds,
    request,
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
