/**
 * Writes the payment and deposit files of `examples/`. Owns what is in them: 1,000 payments between 100 customers with a few rows that are wrong
 * on purpose. Deterministic: the same bytes every time, on every machine; run `node scripts/examples.ts` after a change here.
 */
import { realpathSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { id } from "ethers";
import { formatAmount } from "../src/domain/amount.ts";
import { formatAddress } from "../src/domain/hex.ts";
import { createWallets } from "./keystore.ts";
import { paymentColumns } from "./payments/check.ts";
import { formatCsvRecord } from "./payments/csv.ts";
import { depositColumns } from "./payments/deposits.ts";

/** Known to everyone who reads this: its wallets exist for the examples only, and nothing of value may ever be sent to them. */
export const examplePhrase = "boil drink they limit much season club exhaust cargo swing fork goose";
/** Opens `examples/keystore.json`; as public as the phrase. */
export const examplePassphrase = "remesa examples only";
export const customers = 100;
export const paymentCount = 1_000;
/** The customer with many rows: an employer paying wages. */
export const employer = 1;
export const employerRows = 200;
/** Line of the file on which the employer's rows begin; the third of them asks for more than the employer has. */
export const employerLine = 402;

const cent = 10_000n;
const bankAccount = "GT82TRAJ01020000001210029690";

/** Lines of `remittances.csv` that are wrong on purpose, and what is wrong with each. */
export const badLines = {
  wrongChecksum: 58,
  negative: 137,
  sevenDecimals: 251,
  overspend: employerLine + 2,
  duplicate: 693,
  expired: 847,
} as const;

/** A number from 0 to `limit` − 1 that depends on its name alone. */
function pick(name: string, limit: number): number {
  return Number(BigInt(id(`remesa example ${name}`)) % BigInt(limit));
}

interface Row {
  readonly reference: string;
  readonly payer: number;
  readonly payee: number;
  /** Base units. */
  readonly amount: bigint;
  readonly memo: string;
}

const purposes = [
  "rent",
  "school fees",
  "medicine",
  "groceries",
  "family",
  "gracias mamá",
  "repair",
  "loan",
  "",
] as const;

/** Remittances are mostly between 40 and 400, often round; wages between 380 and 620. */
function pickAmount(name: string, isWage: boolean): bigint {
  if (isWage) return BigInt(38_000 + pick(`${name} wage`, 24_000)) * cent;
  const whole = 40 + pick(`${name} whole`, 360);
  const round = pick(`${name} round`, 3) === 0;
  return BigInt(round ? Math.ceil(whole / 10) * 1_000 : whole * 100 + pick(`${name} cents`, 100)) * cent;
}

function createRow(line: number): Row {
  const name = `row ${line}`;
  const isWage = line >= employerLine && line < employerLine + employerRows;
  const number = `${line - 1}`.padStart(4, "0");
  // Customers 2 … 100 pay in turn, so each of them has rows; whom they pay is drawn, never themselves.
  const payer = isWage ? employer : 2 + ((line * 37) % (customers - 1));
  const payee = 1 + ((payer + pick(`${name} payee`, customers - 1)) % customers);
  const memo = isWage ? "wages" : (purposes[pick(`${name} memo`, purposes.length)] ?? "");
  return { reference: `${isWage ? "WAGE" : "REM"}-${number}`, payer, payee, amount: pickAmount(name, isWage), memo };
}

function listRows(): readonly Row[] {
  return Array.from({ length: paymentCount }, (_, index) => createRow(index + 2));
}

function isGood(line: number): boolean {
  return !Object.values<number>(badLines).includes(line);
}

/** What each customer's good rows sum to, base units; index 0 is unused. */
function sumSpending(): readonly bigint[] {
  const spending = Array.from({ length: customers + 1 }, () => 0n);
  for (const [index, { payer, amount }] of listRows().entries()) {
    if (isGood(index + 2)) spending[payer] = (spending[payer] ?? 0n) + amount;
  }
  return spending;
}

/** Swaps the case of one letter: the digits are right, the checksum is not. */
function breakChecksum(address: string): string {
  const at = address.slice(2).search(/[a-f]/i) + 2;
  const letter = address.charAt(at);
  const swapped = letter === letter.toLowerCase() ? letter.toUpperCase() : letter.toLowerCase();
  return address.slice(0, at) + swapped + address.slice(at + 1);
}

function writeDecimal(units: bigint): string {
  return formatAmount(units).replaceAll(",", "");
}

/** `remittances.csv`. Expiry is empty in good rows: `--expires` decides, so that the file works on any day. */
export function createRemittances(): string {
  const wallets = createWallets(examplePhrase);
  const rows = listRows().map(({ reference, payer, payee, amount, memo }, index) => {
    const line = index + 2;
    const address = formatAddress(wallets.addressAt(payee));
    const duplicated = listRowBefore(line);
    return formatCsvRecord([
      line === badLines.duplicate ? duplicated.reference : reference,
      `customer:${line === badLines.duplicate ? duplicated.payer : payer}`,
      line === badLines.wrongChecksum ? breakChecksum(address) : address,
      writeAmount(line, amount),
      "XUS",
      line === badLines.expired ? "2020-01-31T18:00:00Z" : "",
      memo,
    ]);
  });
  return formatCsvRecord(paymentColumns) + rows.join("");
}

/** The row a duplicate repeats: the one just before it. */
function listRowBefore(line: number): Row {
  return createRow(line - 1);
}

function writeAmount(line: number, amount: bigint): string {
  if (line === badLines.negative) return `-${writeDecimal(amount)}`;
  if (line === badLines.sevenDecimals) return `${writeDecimal(amount)}00001`;
  // Nobody in the examples can ever hold that much: it is more than all deposits together.
  return line === badLines.overspend ? "5000000.00" : writeDecimal(amount);
}

/** `deposits.csv`: one opening deposit per customer, what the good rows need and a little more, in whole tens. */
export function createDeposits(): string {
  const wallets = createWallets(examplePhrase);
  const spending = sumSpending();
  const rows = Array.from({ length: customers }, (_, index) => {
    const customer = index + 1;
    const ten = 1_000n * cent;
    const amount = (((spending[customer] ?? 0n) + 25n * 100n * cent) / ten + 1n) * ten;
    return formatCsvRecord([
      bankAccount,
      `OPEN-${`${customer}`.padStart(3, "0")}`,
      formatAddress(wallets.addressAt(customer)),
      writeDecimal(amount),
      "XUS",
    ]);
  });
  return formatCsvRecord(depositColumns) + rows.join("");
}

if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const folder = join(dirname(fileURLToPath(import.meta.url)), "..", "examples");
  writeFileSync(join(folder, "remittances.csv"), createRemittances());
  writeFileSync(join(folder, "deposits.csv"), createDeposits());
}
