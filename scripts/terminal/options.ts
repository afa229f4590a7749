/**
 * Options that several verbs take, under one name and with one meaning, and the reading of their values. Owns how a verb declares itself:
 * every one has a summary and one example, every value is checked before anything is done.
 */
import type { Command } from "commander";
import { parseAmount } from "../../src/domain/amount.ts";
import { type Address, isHexOf, parseAddress, toLower, type Word } from "../../src/domain/hex.ts";
import { parseMemo, parseTime } from "../payments/check.ts";
import { toUsage } from "./refusal.ts";

export interface OutputOptions {
  readonly json?: true;
}

export interface ChangeOptions extends OutputOptions {
  readonly dryRun?: true;
}

export interface NodeOptions extends OutputOptions {
  readonly url?: string;
  readonly key?: string;
  readonly data?: string;
}

/** Declares a verb that is only the first word of several. */
export function declareGroup(program: Command, facts: { name: string; summary: string; example: string }): Command {
  return program
    .command(facts.name)
    .summary(facts.summary)
    .description(`${facts.summary.charAt(0).toUpperCase()}${facts.summary.slice(1)}.`)
    .addHelpText("after", `\nExample:\n  $ remesa ${facts.example}\n`);
}

/** Declares a verb. The example is shown by its --help. */
export function declareVerb(program: Command, facts: { name: string; summary: string; example: string }): Command {
  return program
    .command(facts.name)
    .summary(facts.summary)
    .description(`${facts.summary.charAt(0).toUpperCase()}${facts.summary.slice(1)}.`)
    .option("--json", "print the result as JSON")
    .addHelpText("after", `\nExample:\n  $ remesa ${facts.example}\n`);
}

export function addNodeOptions(verb: Command): Command {
  return verb
    .option("--url <url>", "the node; default: REMESA_URL, else the data folder's")
    .option("--key <key>", "API key; default: REMESA_KEY, else the data folder's for the role this verb needs")
    .option("--data <folder>", "data folder of the node; default: the newest .remesa/<chainId>/");
}

export function addDryRun(verb: Command): Command {
  return verb.option("--dry-run", "check everything and say what would be done, change nothing");
}

/** A whole number within bounds. */
export function readWhole(text: string, option: { name: string; least: number; most: number }): number {
  const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= option.least && value <= option.most) return value;
  throw toUsage(`${option.name} is "${text}", not a whole number from ${option.least} to ${option.most}`);
}

export function readAddress(text: string, name: string): Address {
  const address = parseAddress(text);
  if (address === null) throw toUsage(`${name} "${text}" is not an address with a right checksum`);
  return address;
}

/** An amount above zero, in base units. */
export function readAmount(text: string, coin: { symbol: string; decimals: number }): bigint {
  const units = parseAmount(text, coin.decimals);
  if (units !== null && units > 0n) return units;
  throw toUsage(`"${text}" is not an amount of ${coin.symbol} above zero with at most ${coin.decimals} decimal places`);
}

/** Unix seconds from an RFC 3339 time. */
export function readTime(text: string, name: string): number {
  const time = parseTime(text);
  if (time === null) throw toUsage(`${name} "${text}" is not an RFC 3339 time such as 2026-11-22T18:00:00Z`);
  return time;
}

/** Unix seconds from an RFC 3339 time, or from `+12h`: that many hours from now. */
export function readExpiry(text: string, now: number): number {
  const hours = /^\+(\d{1,4})h$/.exec(text)?.[1];
  return hours === undefined ? readTime(text, "--expires") : now + Number(hours) * 3_600;
}

const unitSeconds: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400 };

/** Unix seconds from an RFC 3339 time, or from `+30m`, `+12h`, `+7d`: that long after now. */
export function readMoment(text: string, option: { readonly name: string; readonly now: number }): number {
  const [, count = "", unit = ""] = /^\+(\d{1,6})([smhd])$/.exec(text) ?? [];
  const seconds = unitSeconds[unit];
  return seconds === undefined ? readTime(text, option.name) : option.now + Number(count) * seconds;
}

/** A text of at most 31 bytes, or `0x` and 64 hex digits, as 32 bytes. */
export function readWord(text: string, name: string): Word {
  const memo = parseMemo(text);
  if ("word" in memo && memo.word !== null) return memo.word;
  throw toUsage(`${name} "${text}" is neither a text of 1 to 31 bytes nor 0x and 64 hexadecimal digits`);
}

/** 32 bytes of hexadecimal text. */
export function readDigest(text: string, name: string): Word {
  if (!isHexOf(text, 32)) throw toUsage(`${name} "${text}" is not 0x and 64 hexadecimal digits`);
  return toLower(text);
}

export interface ActOptions extends NodeOptions, ChangeOptions {
  readonly wait: string;
  readonly attempt: string;
}

/** Options of verbs that ask the node to do something on the chain. */
export function addActOptions(verb: Command): Command {
  return addDryRun(addNodeOptions(verb))
    .option("--wait <seconds>", "how long to wait for it to be final; 0 does not wait", "300")
    .option("--attempt <n>", "ask anew after an earlier attempt expired; the same number never acts twice", "1");
}

export function readAct(options: ActOptions): { readonly waitSeconds: number; readonly attempt: number } {
  return {
    waitSeconds: readWhole(options.wait, { name: "--wait", least: 0, most: 86_400 }),
    attempt: readWhole(options.attempt, { name: "--attempt", least: 1, most: 1_000 }),
  };
}
