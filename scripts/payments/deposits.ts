/**
 * A deposits file: entries of the issuer's bank account that become coins. Owns its columns, its checks and the deposit id. Promises that an
 * entry mints at most once, ever: its id follows from the bank's own reference and is single-use on the chain.
 */
import { AbiCoder, keccak256 } from "ethers";
import { parseAmount } from "../../src/domain/amount.ts";
import { type Address, parseAddress, type Word, zeroAddress } from "../../src/domain/hex.ts";
import { Refusal } from "../terminal/refusal.ts";
import { checkHeader, type Coin, explainAmount } from "./check.ts";
import { parseCsv } from "./csv.ts";

export const depositColumns = ["account", "entry", "payee", "amount", "currency"] as const;
/** A bank's day; more is split. */
const depositsLimit = 10_000;
const shownProblems = 20;

export interface Deposit {
  /** The issuer's bank account and the bank's reference of the entry on it. */
  readonly account: string;
  readonly entry: string;
  readonly to: Address;
  /** Base units. */
  readonly amount: bigint;
  readonly coin: Coin;
}

/** `keccak256(abi.encode(bank account, entry reference))`: no two pairs share one, however they are split. */
export function toDepositId(deposit: Pick<Deposit, "account" | "entry">): Word {
  return keccak256(AbiCoder.defaultAbiCoder().encode(["string", "string"], [deposit.account, deposit.entry])) as Word;
}

function explainLabel(text: string, name: string): string | null {
  if (text === "" || text.length > 140) return `${name} has ${text.length} characters, 1 to 140 are allowed`;
  return /\p{Cc}/u.test(text) ? `${name} has control characters` : null;
}

function explainPayee(text: string): string | null {
  const payee = parseAddress(text);
  if (payee === null) return `payee "${text}" is not an address with a right checksum`;
  return payee === zeroAddress ? "payee is the zero address" : null;
}

/** Checks one deposit; returns it, or everything that is wrong with it. */
export function checkDeposit(fields: readonly string[], coins: readonly Coin[]): Deposit | readonly string[] {
  const [account = "", entry = "", payee = "", amountText = "", currency = ""] = fields;
  const coin = coins.find(({ symbol }) => symbol === currency);
  const problems = [
    fields.length === depositColumns.length
      ? null
      : `${fields.length} columns where ${depositColumns.length} are expected`,
    explainLabel(account, "account"),
    explainLabel(entry, "entry"),
    explainPayee(payee),
    explainAmount(amountText, coin?.decimals),
    coin === undefined ? `currency "${currency}" is unknown` : null,
  ].filter((problem) => problem !== null);
  const to = parseAddress(payee);
  const amount = parseAmount(amountText, coin?.decimals);
  if (problems.length > 0 || to === null || amount === null || coin === undefined) return problems;
  return { account, entry, to, amount, coin };
}

/**
 * Reads a deposits file. One bad row refuses the whole file: it is a copy of a bank statement, and a statement that is wrong in one line
 * is not trusted in the others.
 */
export function readDeposits(text: string, coins: readonly Coin[]): readonly Deposit[] {
  const [header, ...records] = parseCsv(text);
  checkHeader(header, depositColumns);
  const deposits = new Map<Word, Deposit>();
  const problems: string[] = [];
  for (const record of records) {
    const checked = record.problem === null ? checkDeposit(record.fields, coins) : [record.problem];
    if (!("to" in checked)) {
      problems.push(`line ${record.line}: ${checked.join("; ")}`);
      continue;
    }
    const id = toDepositId(checked);
    if (deposits.has(id)) problems.push(`line ${record.line}: entry ${checked.entry} is in the file already`);
    deposits.set(id, checked);
  }
  if (records.length > depositsLimit) problems.push(`${records.length} deposits, at most ${depositsLimit} are read`);
  if (problems.length > 0) {
    const rest = problems.length > shownProblems ? `\n  … and ${problems.length - shownProblems} more` : "";
    throw new Refusal({
      reason: `${problems.length} rows are wrong:\n  ${problems.slice(0, shownProblems).join("\n  ")}${rest}`,
      remedy: "Correct the file against the bank statement; nothing was minted.",
    });
  }
  return [...deposits.values()];
}
