/**
 * `remesa settle`: plays a whole day on the files of `examples/`: attest, deposit, sign, pay, redeem, reconcile. Owns the order and the day's
 * folder, in which every choice that depends on the moment is kept. Promises that running it again does nothing twice, and that exactly the
 * rows that are wrong on purpose are refused.
 */
import { existsSync, mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Command } from "commander";
import { z } from "zod";
import { formatAddress } from "../../src/domain/hex.ts";
import type { Client } from "../../src/http/client.ts";
import { badLines, examplePassphrase } from "../examples.ts";
import { openKeystore } from "../keystore.ts";
import { orderPatienceSeconds, placeOrder, requireSettled } from "../orders.ts";
import { type Deposit, readDeposits } from "../payments/deposits.ts";
import { createRedemption, readRecord, writeRecord } from "../payments/redemption.ts";
import { readSignedPayments, readText, replaceFile } from "../payments/signed.ts";
import type { PaymentOutcome } from "../payments/submit.ts";
import {
  announceOutage,
  deriveKey,
  fetchNetwork,
  findCoin,
  type Network,
  openSession,
  readNow,
  type Session,
} from "../session.ts";
import {
  addDryRun,
  addNodeOptions,
  type ChangeOptions,
  declareVerb,
  type NodeOptions,
  readWhole,
  readWord,
} from "../terminal/options.ts";
import { Refusal } from "../terminal/refusal.ts";
import { formatMoney, showResult } from "../terminal/screen.ts";
import type { Terminal } from "../terminal/terminal.ts";
import { hashReport } from "./attest.ts";
import { mintDeposits } from "./deposit.ts";
import { formatOutcomes, formatUnsettled, payFile } from "./pay.ts";
import { fetchReconciliation, formatReconciliation, requireAgreement } from "./reconcile.ts";
import { lockCoins, takeStep } from "./redeem.ts";
import { signFile } from "./sign.ts";

interface SettleOptions extends NodeOptions, ChangeOptions {
  readonly patience: string;
  readonly work?: string;
}

/** What the example bank says it holds: well above all opening deposits. Base units. */
const attested = 1_000_000n * 1_000_000n;
/** Payments act within this time of the day's beginning; the node accepts up to a day. */
const validHours = 12;
const waitSeconds = 300;
/** Who redeems, how much, to which account: what is left of that customer's opening deposit allows it. */
const redeemer = {
  customer: 2,
  units: 20_000_000n,
  account: "GT36BANR0101000000009876543210",
  reference: "R-0002",
} as const;
const bankReference = "WIRE-0001";

const daySchema = z.strictObject({
  /** Moment of the attestation and end of the payments' validity; Unix seconds. */
  asOf: z.int(),
  expires: z.int(),
  /** Base units the bank attests. */
  attested: z.string(),
});
type Day = z.infer<typeof daySchema>;

interface Scene {
  readonly terminal: Terminal;
  readonly session: Session;
  readonly client: Client;
  readonly network: Network;
  readonly examples: string;
  /** The day's folder. */
  readonly work: string;
  readonly day: Day;
  readonly patienceSeconds: number;
}

/** The examples folder of this package: some folders above this file, from the sources as from the build. */
function findExamples(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  for (let depth = 0; depth < 5; depth++, folder = dirname(folder)) {
    const examples = join(folder, "examples");
    if (existsSync(join(examples, "remittances.csv"))) return examples;
  }
  throw new Refusal({
    reason: "the examples are not there",
    remedy: "Run it from a checkout or an installed package.",
  });
}

/** The day as it began: read back when it began before, so that a second run asks for exactly the same. */
async function beginDay(client: Client, work: string, network: Network): Promise<Day> {
  const path = join(work, "day.json");
  if (existsSync(path)) {
    const known = daySchema.safeParse(JSON.parse(readText(path)));
    if (known.success) return known.data;
    throw new Refusal({ reason: `${path} is not a day's file`, remedy: "Move the folder away to begin a new day." });
  }
  const { coins } = await fetchReconciliation(client, orderPatienceSeconds);
  // The bank's word never falls below what it said before: other demos may have deposited on this chain.
  const before = coins.reduce((most, { bank }) => (BigInt(bank) > most ? BigInt(bank) : most), 0n);
  const lastAsOf = Math.max(0, ...coins.map(({ bankAsOf }) => (bankAsOf === null ? 0 : Date.parse(bankAsOf) / 1_000)));
  const day = {
    // The chain refuses a statement from the future, and one that is not newer than the last.
    asOf: Math.max((network.blockTime ?? readNow(network)) - 1, lastAsOf + 1),
    expires: readNow(network) + validHours * 3_600,
    attested: `${before + attested}`,
  };
  mkdirSync(work, { recursive: true, mode: 0o700 });
  replaceFile(path, [`${JSON.stringify(day, null, 2)}\n`]);
  return day;
}

function say(terminal: Terminal, step: string, text: string): void {
  terminal.note(`${terminal.colours.bold(step.padEnd(10))} ${text}\n`);
}

async function attestReserves({ terminal, session, network, examples, day, patienceSeconds }: Scene): Promise<void> {
  const coin = findCoin(network, "XUS");
  const minting = { kind: "minting", order: { coin: coin.symbol, enabled: true } };
  const reportHash = hashReport(join(examples, "reserves.txt"));
  const attest = { kind: "attest", order: { coin: coin.symbol, amount: day.attested, asOf: day.asOf, reportHash } };
  for (const body of [minting, attest]) {
    const idempotencyKey = deriveKey("settle", [body.kind, coin.address, day.asOf]);
    requireSettled(
      await placeOrder(session, { path: "/v1/orders", body, idempotencyKey, waitSeconds, patienceSeconds }),
    );
  }
  say(terminal, "attest", `the bank holds ${formatMoney(BigInt(day.attested), coin)}`);
}

async function depositOpenings({ terminal, session, network, examples, patienceSeconds }: Scene): Promise<void> {
  const deposits = readDeposits(readText(join(examples, "deposits.csv")), network.coins);
  const outcomes = await mintDeposits(terminal, session, { deposits, waitSeconds, attempt: 1, patienceSeconds });
  const open = outcomes.filter(({ living }) => living?.state !== "settled");
  if (open.length > 0) {
    throw new Refusal({
      reason: `${open.length} deposits did not settle, the first: ${open[0]?.refusal ?? open[0]?.living?.state}`,
      remedy: "Look at `remesa status`, then run settle again: nothing is minted twice.",
    });
  }
  const total = deposits.reduce((sum: bigint, { amount }: Deposit) => sum + amount, 0n);
  say(terminal, "deposit", `${deposits.length} opening deposits, ${formatMoney(total, findCoin(network, "XUS"))}`);
}

/** Signs once; afterwards the same file is paid, so that a second day never makes second signatures. */
async function signRemittances({ terminal, network, examples, work, day }: Scene): Promise<string> {
  const out = join(work, "remittances.jsonl");
  if (existsSync(out)) {
    say(terminal, "sign", `${readSignedPayments(out).length} payments were signed before: ${out}`);
    return out;
  }
  const { signed, refused } = await signFile(terminal, {
    file: join(examples, "remittances.csv"),
    keystore: join(examples, "keystore.json"),
    passphrase: examplePassphrase,
    out,
    network,
    now: Math.floor(Date.now() / 1_000),
    expires: day.expires,
  });
  say(terminal, "sign", `${signed.length} payments signed, ${refused.length} rows refused`);
  for (const { line, reasons } of refused) say(terminal, "", `line ${line}: ${reasons.join("; ")}`);
  requireExactly(
    refused.map(({ line }) => line),
    Object.values(badLines).filter((line) => line !== badLines.overspend),
  );
  return out;
}

/** Refuses when other lines than the expected ones were turned down. */
function requireExactly(found: readonly number[], expected: readonly number[]): void {
  const surprises = [
    ...found.filter((line) => !expected.includes(line)),
    ...expected.filter((line) => !found.includes(line)),
  ];
  if (surprises.length === 0) return;
  throw new Refusal({
    reason: `lines ${surprises.slice(0, 10).join(", ")} of remittances.csv did not end as examples/README.md says`,
    remedy: "See the result file in the day's folder; running settle again is safe.",
  });
}

async function payRemittances(scene: Scene, file: string): Promise<readonly PaymentOutcome[]> {
  const { terminal, session, network, patienceSeconds } = scene;
  const outcomes = await payFile(terminal, session, { file, out: `${file}.result.jsonl`, patienceSeconds });
  const settled = outcomes.filter(({ transfer }) => transfer?.state === "settled");
  say(terminal, "pay", `${settled.length} of ${outcomes.length} settled`);
  terminal.note(formatOutcomes(terminal, outcomes, network) + formatUnsettled(terminal, outcomes, network));
  requireExactly(
    outcomes.filter(({ transfer }) => transfer?.state !== "settled").map(({ payment }) => payment.line),
    [badLines.overspend],
  );
  return outcomes;
}

async function redeemSome({ terminal, client, network, examples, work }: Scene): Promise<string> {
  const path = join(work, `${redeemer.reference}.json`);
  const coin = findCoin(network, "XUS");
  const wallets = await openKeystore({ path: join(examples, "keystore.json"), passphrase: examplePassphrase });
  const record =
    readRecord(path) ??
    (await createRedemption({
      wallet: wallets.at(redeemer.customer),
      network,
      coin,
      amount: redeemer.units,
      account: redeemer.account,
      reference: redeemer.reference,
      now: readNow(network),
    }));
  writeRecord(path, record);
  const locked = await lockCoins(client, record, waitSeconds);
  if (locked.intent !== null) requireSettled(locked.intent);
  const label = readWord(bankReference, "bank reference");
  for (const step of ["accept", "mark-sent", "confirm"] as const) {
    await takeStep(client, { id: locked.id, step, label: step === "accept" ? null : label, waitSeconds, attempt: 1 });
  }
  const holder = formatAddress(record.terms.holder);
  say(terminal, "redeem", `${formatMoney(redeemer.units, coin)} of ${holder} paid out and burned: ${locked.id}`);
  return locked.id;
}

async function runSettle(terminal: Terminal, options: SettleOptions): Promise<void> {
  const patienceSeconds = readWhole(options.patience, { name: "--patience", least: 0, most: 86_400 });
  const session = openSession(terminal, options, ["operator"]);
  const { client } = session;
  const network = await fetchNetwork(client, { patienceSeconds, onOutage: announceOutage(terminal) });
  const work = options.work ?? join(session.folder ?? ".", "settle");
  if (options.dryRun === true) {
    const text = `Would attest, deposit, sign, pay, redeem and reconcile on chain ${network.chainId}, and keep the day in ${work}.\n`;
    showResult(terminal, options, { value: { dryRun: true, chainId: network.chainId, work }, text });
    return;
  }
  const day = await beginDay(client, work, network);
  const scene = { terminal, session, client, network, examples: findExamples(), work, day, patienceSeconds };
  await attestReserves(scene);
  await depositOpenings(scene);
  const outcomes = await payRemittances(scene, await signRemittances(scene));
  const redemption = await redeemSome(scene);
  const found = await fetchReconciliation(client, patienceSeconds);
  const settled = outcomes.filter(({ transfer }) => transfer?.state === "settled").length;
  showResult(terminal, options, {
    value: { payments: outcomes.length, settled, redemption, work, reconciliation: found },
    text: `\n${formatReconciliation(terminal, found, network)}`,
  });
  requireAgreement(found);
}

export function addSettle(program: Command, terminal: Terminal): void {
  const verb = declareVerb(program, {
    name: "settle",
    summary: "play a whole day on the files of examples/",
    example: "settle",
  });
  addDryRun(addNodeOptions(verb))
    .option("--work <folder>", "the day's folder; default: settle/ in the data folder")
    .option("--patience <seconds>", "how long to go on while the node does not answer", "600")
    .addHelpText(
      "after",
      "\nRunning it again, also after it was stopped, does nothing twice. For the devnet: its keys are public.",
    )
    .action((options: SettleOptions) => runSettle(terminal, options));
}
