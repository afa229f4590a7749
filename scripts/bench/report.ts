/**
 * What `npm run bench` prints. Owns the columns and their rounding; every figure stands beside the conditions it was measured under.
 */
import { cpus } from "node:os";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import Table from "cli-table3";
import type { LegResult, Used } from "./legs.ts";
import type { Options } from "./options.ts";
import { drawFlame } from "./flame.ts";
import { foldProfiles, summarizeProfiles } from "./profile.ts";

export const blockMs = 250;
export const depth = 2;

export interface Leg extends LegResult {
  readonly name: string;
}

function percentile(values: readonly number[], part: number): number | null {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? null;
}

function summarize(leg: Leg, options: Options): Record<string, unknown> {
  const round = (value: number | null, digits = 0): number | null =>
    value === null ? null : Number(value.toFixed(digits));
  const cpuMicros = (name: keyof Used): number | null => {
    const [before, after] = [leg.before.used[name], leg.after.used[name]];
    if (before === null || after === null) return null;
    return ((after.cpuSeconds - before.cpuSeconds) * 1e6) / leg.payments;
  };
  return {
    leg: leg.name,
    payments: leg.payments,
    seconds: round(leg.seconds, 2),
    settledPerSecond: round(leg.payments / leg.seconds),
    acceptMs: { p50: round(percentile(leg.acceptMs, 0.5)), p99: round(percentile(leg.acceptMs, 0.99)) },
    settleMs: { p50: round(percentile(leg.settleMs, 0.5)), p99: round(percentile(leg.settleMs, 0.99)) },
    gasPerPayment: round(leg.gasPerPayment),
    transactions: leg.transactions,
    blocks: leg.blocks,
    cpuMicrosPerPayment: {
      node: round(cpuMicros("node")),
      chain: round(cpuMicros("chain")),
      client: round(cpuMicros("client")),
      ...(options.store === "postgres" ? { database: round(cpuMicros("database")) } : {}),
    },
    memoryMb: {
      node: round(leg.after.used.node?.residentMb ?? null),
      chain: round(leg.after.used.chain?.residentMb ?? null),
    },
    conditions: {
      chain: options.chain,
      store: options.store,
      nodes: options.nodes,
      blockMs,
      depth,
      batch: options.batch,
      requestsInFlight: options.inFlight,
    },
  };
}

/** Settled per second through the node (both legs together) over the bare chain's. */
function toRatio(legs: readonly Leg[]): number {
  const node = legs.filter(({ name }) => name === "node");
  const bare = legs.find(({ name }) => name === "bare chain");
  const rate = (some: readonly Leg[]): number =>
    some.reduce((sum, { payments }) => sum + payments, 0) / some.reduce((sum, { seconds }) => sum + seconds, 0);
  return bare === undefined ? 0 : rate(node) / rate([bare]);
}

/** What a payment cannot be faster than: final after `depth` blocks, and on average half a block each to get in and to be seen. */
export function printLimit(leg: Leg): void {
  const limit = (depth + 2) * blockMs;
  const p99 = percentile(leg.settleMs, 0.99) ?? 0;
  process.stdout.write(
    `${leg.name}: accepted to settled p99 ${p99.toFixed(0)} ms, finality delay and two block intervals are ${limit} ms\n`,
  );
}

export function print(legs: readonly Leg[], options: Options): void {
  const rows = legs.map((leg) => summarize(leg, options));
  const machine = `${cpus().length} × ${cpus()[0]?.model ?? "unknown processor"}`;
  const ratio = Number(toRatio(legs).toFixed(3));
  if (options.json) {
    process.stdout.write(`${JSON.stringify({ machine, node: process.version, ratio, legs: rows })}\n`);
    return;
  }
  const pair = (value: unknown): string => {
    const { p50, p99 } = value as { p50: number | null; p99: number | null };
    return p50 === null ? "–" : `${p50} / ${p99}`;
  };
  const triple = (value: unknown): string =>
    Object.values(value as Record<string, number | null>)
      .map((n) => n ?? "–")
      .join(" / ");
  const table = new Table({
    head: [
      "leg",
      "settled/s",
      "accept ms p50 / p99",
      "settle ms p50 / p99",
      "gas/payment",
      `CPU µs/payment node / chain / client${options.store === "postgres" ? " / database" : ""}`,
      "MB node / chain",
      "conditions",
    ],
    style: { head: [], border: [], compact: true },
  });
  const engine = options.store === "sqlite" ? "" : `, postgres × ${options.nodes}`;
  const conditions = `${options.chain}${engine}, block ${blockMs} ms, depth ${depth}, batch ${options.batch} × ${options.inFlight}`;
  for (const row of rows) {
    table.push([
      String(row["leg"]),
      String(row["settledPerSecond"]),
      pair(row["acceptMs"]),
      pair(row["settleMs"]),
      String(row["gasPerPayment"]),
      triple(row["cpuMicrosPerPayment"]),
      triple(row["memoryMb"]),
      conditions,
    ]);
  }
  process.stdout.write(
    `${machine}, Node ${process.version}, ${options.payments} payments per leg\n${table.toString()}\n`,
  );
  const compared = ratio === 0 ? "" : `through the node / bare chain: ${ratio} (${conditions}); `;
  process.stdout.write(`${compared}bank, books and chain agree\n`);
}

/** Groups that take less are one line. */
const leastMicros = 2;

/** Where the node's time went, both node legs together. The profiles are there once the devnet has ended. */
export function printProfile(legs: readonly Leg[], folder: string): void {
  const node = legs.filter(({ name }) => name !== "bare chain");
  const payments = node.reduce((sum, leg) => sum + leg.payments, 0);
  const windows = node.map(({ before, after }) => [before.at, after.at] as const);
  const profiled = { folder, program: "/src/main.ts", windows };
  const times = summarizeProfiles(profiled);
  const table = new Table({ head: ["called by", "µs/payment"], style: { head: [], border: [], compact: true } });
  let rest = 0;
  for (const { group, micros } of times) {
    if (micros / payments < leastMicros) rest += micros;
    else table.push([group, (micros / payments).toFixed(1)]);
  }
  table.push(["everything else", (rest / payments).toFixed(1)]);
  process.stdout.write(
    `the node's self time, sampled, by the nearest file of ours on the stack\n${table.toString()}\n`,
  );
  const path = join(folder, "flame.svg");
  const title = `the node while ${payments} payments settle: width is sampled time, hover for µs per payment`;
  writeFileSync(path, drawFlame(foldProfiles(profiled), { title, payments }));
  process.stdout.write(`flame graph: ${path}\n`);
}
