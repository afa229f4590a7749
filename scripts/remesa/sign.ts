/**
 * `remesa sign`: turns a payments file into signed payments, offline. Each payer's wallet comes from one encrypted keystore. Promises that good
 * rows are signed whatever the bad ones are, that every bad row is told with its line and reasons, and that the same input gives
 * the same bytes.
 */
import { existsSync, rmSync } from "node:fs";
import type { Command } from "commander";
import { openKeystore, readPassphrase } from "../keystore.ts";
import { formatCsvRecord } from "../payments/csv.ts";
import { checkPayments, type Payment, paymentColumns, type RefusedRow } from "../payments/check.ts";
import { readText, replaceFile, type SignedPayment, signPayment } from "../payments/signed.ts";
import { type Network, readNetwork } from "../session.ts";
import { addDryRun, type ChangeOptions, declareVerb, readExpiry, readWhole } from "../terminal/options.ts";
import { createProgress } from "../terminal/progress.ts";
import { Refusal } from "../terminal/refusal.ts";
import { formatBlock, formatMoney, formatTable, showResult } from "../terminal/screen.ts";
import type { Terminal } from "../terminal/terminal.ts";

interface SignOptions extends ChangeOptions {
  readonly keystore: string;
  readonly passphraseFile?: string;
  readonly out: string;
  readonly deployment?: string;
  readonly expires?: string;
  readonly accounts: string;
}

/** Rows shown on the screen; the file beside the output has all of them. */
const shownRefusals = 20;

export interface SignedFile {
  readonly signed: readonly SignedPayment[];
  readonly refused: readonly RefusedRow[];
  readonly total: bigint;
}

async function signAll(
  terminal: Terminal,
  options: { payments: readonly Payment[]; chainId: number; wallets: Parameters<typeof signPayment>[1]["wallets"] },
): Promise<readonly SignedPayment[]> {
  const progress = createProgress(terminal, { label: "signing", total: options.payments.length });
  const signed: SignedPayment[] = [];
  for (const payment of options.payments) {
    signed.push(await signPayment(payment, options));
    progress.show(signed.length);
  }
  progress.end();
  return signed;
}

function writeRefused(path: string, refused: readonly RefusedRow[]): void {
  if (refused.length === 0) {
    rmSync(path, { force: true });
    return;
  }
  const rows = refused.map(({ line, reasons, fields }) => formatCsvRecord([`${line}`, reasons.join("; "), ...fields]));
  replaceFile(path, [formatCsvRecord(["line", "reasons", ...paymentColumns]), ...rows]);
}

/** Signs a payments file and writes `out` and, where rows were refused, `<out>.refused.csv`. Prints nothing but progress. */
export async function signFile(
  terminal: Terminal,
  options: {
    readonly file: string;
    readonly keystore: string;
    readonly passphrase: string;
    readonly out: string;
    readonly network: Pick<Network, "chainId" | "coins">;
    /** Unix seconds. */
    readonly now: number;
    readonly expires: number | null;
    readonly accounts?: number;
    readonly dryRun?: boolean;
  },
): Promise<SignedFile> {
  const { network, out, now, expires, accounts } = options;
  const text = readText(options.file);
  const wallets = await openKeystore({
    path: options.keystore,
    passphrase: options.passphrase,
    ...(accounts === undefined ? {} : { accounts }),
  });
  const { payments, refused } = checkPayments(text, { coins: network.coins, wallets, now, expires });
  const signed = await signAll(terminal, { payments, wallets, chainId: network.chainId });
  if (options.dryRun !== true) {
    replaceFile(
      out,
      signed.map((payment) => `${JSON.stringify(payment)}\n`),
    );
    writeRefused(`${out}.refused.csv`, refused);
  }
  return { signed, refused, total: payments.reduce((sum, { value }) => sum + value, 0n) };
}

function formatRefused(terminal: Terminal, refused: readonly RefusedRow[]): string {
  const { red } = terminal.colours;
  const lines = refused
    .slice(0, shownRefusals)
    .map(({ line, reasons }) => `${red(`line ${line}`)}: ${reasons.join("; ")}\n`);
  const rest = refused.length - lines.length;
  return lines.join("") + (rest > 0 ? `… and ${rest} more\n` : "");
}

function formatSummary(
  terminal: Terminal,
  summary: { file: string; out: string; network: Network; result: SignedFile },
): string {
  const { file, out, network, result } = summary;
  const totals = network.coins.map((coin) => {
    const own = result.signed.filter((payment) => payment.coin === coin.address);
    const sum = own.reduce((total, { authorization }) => total + BigInt(authorization.value), 0n);
    return [own.length, formatMoney(sum, coin)] as const;
  });
  const block = formatBlock(terminal, [
    ["file", file],
    ["chain", network.chainId],
    ["refused", result.refused.length],
    ["written", out],
    ...(result.refused.length > 0 ? ([["refused rows", `${out}.refused.csv`]] as const) : []),
  ]);
  return `${formatTable(terminal, { head: ["signed", "amount"], rows: totals, right: [0, 1] })}\n${block}`;
}

async function runSign(terminal: Terminal, file: string, options: SignOptions): Promise<void> {
  const accounts = readWhole(options.accounts, { name: "--accounts", least: 1, most: 100_000 });
  const now = Math.floor(Date.now() / 1000);
  const expires = options.expires === undefined ? null : readExpiry(options.expires, now);
  const network = await readNetwork(terminal, options);
  if (!existsSync(file)) throw new Refusal({ reason: `${file} does not exist`, remedy: "Check the file's name." });
  const result = await signFile(terminal, {
    file,
    keystore: options.keystore,
    passphrase: await readPassphrase(terminal, options),
    out: options.out,
    network,
    now,
    expires,
    accounts,
    dryRun: options.dryRun === true,
  });
  const out = options.dryRun === true ? "nothing (dry run)" : options.out;
  showResult(terminal, options, {
    value: { signed: result.signed.length, refused: result.refused, out: options.dryRun === true ? null : options.out },
    text: formatSummary(terminal, { file, out, network, result }),
  });
  if (result.refused.length === 0) return;
  terminal.note(formatRefused(terminal, result.refused));
  throw new Refusal({
    reason: `${result.refused.length} of ${result.refused.length + result.signed.length} rows were refused; the others are signed`,
    remedy: `Correct them in the payments file and sign it again: what was paid already cannot be paid twice.`,
  });
}

const explanation = `
The file has the header ${paymentColumns.join(",")}.
  reference  unique per payer, 1 to 140 characters: the same payer and reference can settle at most once, ever,
             because the nonce is keccak256(abi.encode("remesa.payment", coin, payer, reference)).
             Correcting, re-ordering, signing again and sending again are therefore safe.
  payer      customer:<index>, the wallet m/44'/60'/0'/0/<index>; or its address
  payee      address; mixed case must carry a right EIP-55 checksum
  amount     decimal, above zero, no grouping: 1234.50
  currency   a coin's symbol
  expiry     RFC 3339 with zone; empty: --expires. The node accepts up to 24 hours ahead unless configured otherwise.
  memo       text of at most 31 bytes, or 0x and 64 hex digits; public on the chain; may be empty

Exit code 0 when every row was signed, 1 when some were refused: the good ones are written all the same.`;

export function addSign(program: Command, terminal: Terminal): void {
  const verb = declareVerb(program, {
    name: "sign",
    summary: "sign a payments file, offline",
    example: "sign payments.csv --keystore treasury.json --expires 2026-12-01T00:00:00Z --out payments.jsonl",
  });
  addDryRun(verb)
    .argument("<payments.csv>", "the payments file")
    .requiredOption("--keystore <file>", "encrypted keystore of the payers")
    .requiredOption("--out <file.jsonl>", "where the signed payments go; refused rows go to <file.jsonl>.refused.csv")
    .option("--passphrase-file <file>", "file with the passphrase; else REMESA_PASSPHRASE, else a prompt")
    .option(
      "--deployment <folder or url>",
      "folder with deployment.json, or a node's URL; default: the newest .remesa/<chainId>/",
    )
    .option("--expires <time>", "for rows without an expiry: RFC 3339, or +12h for hours from now (not repeatable)")
    .option("--accounts <count>", "wallets searched for payers given by address", "1000")
    .addHelpText("after", explanation)
    .action((file: string, options: SignOptions) => runSign(terminal, file, options));
}
