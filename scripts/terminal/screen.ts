/**
 * What results look like: aligned tables without rules, name-and-value blocks, amounts with their currency, times in UTC. Owns the choice
 * between text for people and JSON for machines; promises that both say the same and that amounts are never rounded.
 */
import Table from "cli-table3";
import { formatAmount } from "../../src/domain/amount.ts";
import type { Terminal } from "./terminal.ts";

export type Cell = string | number;

const noRules = {
  top: "",
  "top-mid": "",
  "top-left": "",
  "top-right": "",
  bottom: "",
  "bottom-mid": "",
  "bottom-left": "",
  "bottom-right": "",
  left: "",
  "left-mid": "",
  mid: "",
  "mid-mid": "",
  right: "",
  "right-mid": "",
  middle: "  ",
};

export interface TableFacts {
  readonly head: readonly string[];
  readonly rows: readonly (readonly Cell[])[];
  /** Columns set flush right: amounts and counts. */
  readonly right?: readonly number[];
}

/** An aligned table, one line per row, no trailing blanks. */
export function formatTable(terminal: Terminal, facts: TableFacts): string {
  const table = new Table({
    chars: noRules,
    style: { head: [], border: [], "padding-left": 0, "padding-right": 0 },
    colAligns: facts.head.map((_, column) => (facts.right?.includes(column) ? "right" : "left")),
  });
  if (facts.head.some((title) => title !== "")) table.push(facts.head.map((title) => terminal.colours.dim(title)));
  for (const row of facts.rows) table.push([...row]);
  return `${table
    .toString()
    .split("\n")
    .map((line) => line.trimEnd())
    .join("\n")}\n`;
}

/** Names flush left, values beside them. */
export function formatBlock(terminal: Terminal, pairs: readonly (readonly [string, Cell])[]): string {
  return formatTable(terminal, {
    head: ["", ""],
    rows: pairs.map(([name, value]) => [terminal.colours.dim(name), value]),
  });
}

/** `1,234.50 XUS`. */
export function formatMoney(units: bigint, coin: { readonly symbol: string; readonly decimals: number }): string {
  return `${formatAmount(units, coin.decimals)} ${coin.symbol}`;
}

/** Unix seconds as `2026-11-22 18:00:00Z`. */
export function formatTime(seconds: number): string {
  return new Date(seconds * 1000)
    .toISOString()
    .replace("T", " ")
    .replace(/\.\d+Z$/, "Z");
}

/** `0x1234…cdef`: enough to recognise, never to copy; whole values are in the JSON. */
export function shorten(hex: string): string {
  return hex.length <= 14 ? hex : `${hex.slice(0, 8)}…${hex.slice(-4)}`;
}

export function formatState(terminal: Terminal, state: string): string {
  const { green, yellow, red } = terminal.colours;
  if (state === "settled" || state === "ok" || state === "burned") return green(state);
  if (["cancelled", "superseded", "expired", "refused", "unfinished", "returned"].includes(state)) return red(state);
  return yellow(state);
}

function toPlain(_key: string, value: unknown): unknown {
  return typeof value === "bigint" ? value.toString() : value;
}

export interface Result {
  /** For machines; bigints become decimal strings. */
  readonly value: unknown;
  /** For people; ends with a newline. */
  readonly text: string;
}

/** Prints a result in the form that was asked for. */
export function showResult(terminal: Terminal, options: { json?: boolean | undefined }, result: Result): void {
  terminal.write(options.json === true ? `${JSON.stringify(result.value, toPlain, 2)}\n` : result.text);
}
