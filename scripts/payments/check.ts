/**
 * A payments file, checked row by row. Owns what each column means and every reason a row is refused; all reasons of a row are told, not the
 * first. Promises that a bad row never stops the good ones, and that the same payer and reference can settle at most once, ever.
 */
import { AbiCoder, keccak256 } from "ethers";
import { coinDecimals, parseAmount } from "../../src/domain/amount.ts";
import { type Address, isHexOf, parseAddress, toLower, type Word, zeroAddress } from "../../src/domain/hex.ts";
import { windowNonceLimit } from "../../src/domain/intent.ts";
import { parseCustomer, type Wallets } from "../keystore.ts";
import { Refusal } from "../terminal/refusal.ts";
import { type CsvRecord, parseCsv } from "./csv.ts";

export const paymentColumns = ["reference", "payer", "payee", "amount", "currency", "expiry", "memo"] as const;
/** A file beyond this is split: it bounds memory, and a night's run that failed is looked at in parts. */
export const paymentsLimit = 100_000;
/** The node keeps that many characters of a reference. */
const referenceLength = 140;
const memoBytes = 31;

export interface Coin {
  readonly symbol: string;
  readonly name: string;
  readonly version: string;
  readonly decimals: number;
  readonly address: Address;
}

/** A row that may be signed. Times are Unix seconds, value in base units. */
export interface Payment {
  readonly line: number;
  readonly reference: string;
  /** Derivation index of the payer's wallet. */
  readonly index: number;
  readonly coin: Coin;
  readonly from: Address;
  readonly to: Address;
  readonly value: bigint;
  readonly validBefore: number;
  readonly nonce: Word;
  readonly memo: Word | null;
}

export interface RefusedRow {
  readonly line: number;
  readonly reasons: readonly string[];
  readonly fields: readonly string[];
}

export interface CheckContext {
  readonly coins: readonly Coin[];
  readonly wallets: Wallets;
  /** Unix seconds, wall clock: signing is offline, the node judges again by block time. */
  readonly now: number;
  /** Unix seconds for rows whose expiry is empty; null when none was given. */
  readonly expires: number | null;
}

/**
 * The nonce of a payment: keccak256(abi.encode("remesa.payment", coin, payer, reference)), a bitmap nonce. It depends on nothing that a
 * correction changes (amount, payee, memo, expiry, order of rows), so whatever is signed again or sent again, the chain lets one
 * payment per payer and reference through. Bitmap nonces act in any order: one bad row leaves no hole for the next ones to wait at.
 */
export function toPaymentNonce(facts: { coin: Address; payer: Address; reference: string }): Word {
  const encoded = AbiCoder.defaultAbiCoder().encode(
    ["string", "address", "address", "string"],
    ["remesa.payment", facts.coin, facts.payer, facts.reference],
  );
  const nonce = toLower(keccak256(encoded));
  // A digest below 2^40 would be read as a window nonce; its chance is 2^-216, and the chain would refuse the row.
  if (BigInt(nonce) < windowNonceLimit) throw new Error(`nonce of ${facts.reference} is a window nonce`);
  return nonce;
}

/** Reads an RFC 3339 time with its zone into Unix seconds; null when it is none. Fractions of a second are refused, but for `.000`, as the node writes times. */
export function parseTime(text: string): number | null {
  const match = /^(\d{4})-(\d\d)-(\d\d)[Tt](?:[01]\d|2[0-3]):\d\d:\d\d(?:\.0{1,9})?(?:[Zz]|[+-]\d\d:\d\d)$/.exec(text);
  const milliseconds = Date.parse(text.toUpperCase());
  if (match === null || Number.isNaN(milliseconds)) return null;
  // Date.parse turns 31 June into 1 July; a date that does not exist is a mistake, not a wish.
  const [year, month, day] = match.slice(1, 4).map(Number) as [number, number, number];
  const days = new Date(Date.UTC(year, month, 0)).getUTCDate();
  return day > days ? null : milliseconds / 1000;
}

/** What is wrong with an amount; null when nothing is. */
export function explainAmount(text: string, decimals: number = coinDecimals): string | null {
  if (text.startsWith("-")) return `amount ${text} is negative`;
  const places = /^\d+\.(\d+)$/.exec(text)?.[1]?.length ?? 0;
  if (places > decimals) return `amount ${text} has ${places} decimal places, the coin has ${decimals}`;
  if (!/^\d+(\.\d+)?$/.test(text)) return `amount "${text}" is not a number such as 1234.50`;
  const units = parseAmount(text, decimals);
  if (units === null) return `amount ${text} is more than the coin can hold`;
  return units === 0n ? "amount is zero" : null;
}

/** A text of at most 31 bytes, left-aligned, or `0x` and 32 bytes. Null for the empty text; a string in `problem` otherwise. */
export function parseMemo(text: string): { word: Word | null } | { problem: string } {
  if (text === "") return { word: null };
  if (/^0x/i.test(text)) {
    return isHexOf(text, 32) ? { word: toLower(text) } : { problem: "memo begins with 0x but is not 32 bytes of hex" };
  }
  if (/\p{Cc}/u.test(text)) return { problem: "memo has control characters" };
  const bytes = Buffer.from(text, "utf8");
  if (bytes.length > memoBytes) return { problem: `memo has ${bytes.length} bytes, at most ${memoBytes} fit` };
  return { word: `0x${bytes.toString("hex").padEnd(64, "0")}` };
}

/** Collects what is wrong with a row while its columns are read. */
interface Reading {
  readonly reasons: string[];
  refuse(reason: string): null;
}

function startReading(): Reading {
  const reasons: string[] = [];
  return {
    reasons,
    refuse(reason) {
      reasons.push(reason);
      return null;
    },
  };
}

function readReference(text: string, { refuse }: Reading): string | null {
  if (text === "") return refuse("reference is empty");
  if (/\p{Cc}/u.test(text)) return refuse("reference has control characters");
  if (text.length > referenceLength) {
    return refuse(`reference has ${text.length} characters, at most ${referenceLength} are kept`);
  }
  return text;
}

function readPayer(text: string, { refuse }: Reading, wallets: Wallets): number | null {
  const index = parseCustomer(text);
  if (index !== null) return index;
  const address = parseAddress(text);
  if (address === null)
    return refuse(`payer "${text}" is neither customer:<index> nor an address with a right checksum`);
  return wallets.find(address) ?? refuse(`payer ${text} is not a wallet of the keystore`);
}

function readPayee(text: string, { refuse }: Reading, coins: readonly Coin[]): Address | null {
  const payee = parseAddress(text);
  if (payee === null) {
    const mixed = isHexOf(text, 20);
    return refuse(mixed ? `payee ${text} has a wrong checksum: mistyped?` : `payee "${text}" is not an address`);
  }
  if (payee === zeroAddress) return refuse("payee is the zero address");
  if (coins.some((coin) => coin.address === payee)) return refuse("payee is the coin's own contract");
  return payee;
}

function readExpiry(text: string, { refuse }: Reading, { expires, now }: CheckContext): number | null {
  const expiry = text === "" ? expires : parseTime(text);
  if (expiry === null) {
    return refuse(
      text === "" ? "no expiry: fill the column or give --expires" : `expiry "${text}" is not an RFC 3339 time`,
    );
  }
  if (expiry <= now) return refuse(`expiry ${new Date(expiry * 1000).toISOString()} is in the past`);
  return expiry;
}

function readRow(record: CsvRecord, context: CheckContext): Payment | RefusedRow {
  const reading = startReading();
  const { refuse, reasons } = reading;
  if (record.problem !== null) return { line: record.line, fields: record.fields, reasons: [record.problem] };
  if (record.fields.length !== paymentColumns.length) {
    refuse(`${record.fields.length} columns where ${paymentColumns.length} are expected`);
    return { line: record.line, fields: record.fields, reasons };
  }
  const [referenceText, payerText, payeeText, amountText, currency, expiryText, memoText] = record.fields as readonly [
    string,
    string,
    string,
    string,
    string,
    string,
    string,
  ];
  const reference = readReference(referenceText, reading);
  const index = readPayer(payerText, reading, context.wallets);
  const to = readPayee(payeeText, reading, context.coins);
  const coin = context.coins.find(({ symbol }) => symbol === currency) ?? null;
  const amountProblem = explainAmount(amountText, coin?.decimals);
  if (amountProblem !== null) refuse(amountProblem);
  if (coin === null) refuse(`currency "${currency}" is unknown; the deployment has ${listSymbols(context.coins)}`);
  const validBefore = readExpiry(expiryText, reading, context);
  const memo = parseMemo(memoText);
  if ("problem" in memo) refuse(memo.problem);
  const value = parseAmount(amountText, coin?.decimals);
  if (
    reasons.length > 0 ||
    reference === null ||
    index === null ||
    to === null ||
    coin === null ||
    value === null ||
    validBefore === null ||
    "problem" in memo
  ) {
    return { line: record.line, fields: record.fields, reasons };
  }
  const from = context.wallets.addressAt(index);
  const nonce = toPaymentNonce({ coin: coin.address, payer: from, reference });
  return { line: record.line, reference, index, coin, from, to, value, validBefore, nonce, memo: memo.word };
}

function listSymbols(coins: readonly Coin[]): string {
  return coins.map(({ symbol }) => symbol).join(", ");
}

/** Checks the header, which must be there and in this order; refuses the whole file otherwise. */
export function checkHeader(record: CsvRecord | undefined, columns: readonly string[]): void {
  const found = record?.problem === null ? record.fields.join(",") : "";
  if (found === columns.join(",")) return;
  throw new Refusal({
    reason: `the first line is "${found}"`,
    remedy: `Begin the file with the header ${columns.join(",")}`,
  });
}

/** Reads a payments file: the rows that may be signed, and the refused ones with their reasons, both in the order of the file. */
export function checkPayments(
  text: string,
  context: CheckContext,
): { readonly payments: readonly Payment[]; readonly refused: readonly RefusedRow[] } {
  const [header, ...records] = parseCsv(text);
  checkHeader(header, paymentColumns);
  if (records.length > paymentsLimit) {
    throw new Refusal({
      reason: `the file has ${records.length} payments, at most ${paymentsLimit} are read`,
      remedy: "Split it into several files.",
    });
  }
  const payments: Payment[] = [];
  const refused: RefusedRow[] = [];
  const lines = new Map<Word, number>();
  for (const record of records) {
    const row = readRow(record, context);
    if ("reasons" in row) {
      refused.push(row);
      continue;
    }
    const first = lines.get(row.nonce);
    if (first === undefined) {
      lines.set(row.nonce, row.line);
      payments.push(row);
    } else {
      const reason = `reference ${row.reference} of this payer is on line ${first} already`;
      refused.push({ line: row.line, fields: record.fields, reasons: [reason] });
    }
  }
  return { payments, refused };
}
