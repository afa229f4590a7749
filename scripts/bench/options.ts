/**
 * What `npm run bench` is told. Owns the options, their bounds and the help text.
 */
import { resolve } from "node:path";
import { parseArgs } from "node:util";

export const help = `npm run bench [-- options]: settled payments per second, through the node and past it.

  --payments <n>      payments per leg, three legs (20000)
  --stored <n>        instead: a leg with 10,000, one with 100,000 … one with <n> finished payments in the store
  --rate <part>       instead: a leg as fast as it goes, then one at that part of its rate, sent whatever has become of those before
  --batch <n>         payments per request and rows per settle, 700 at most (500)
  --in-flight <n>     requests without an answer at a time (2)
  --store <engine>    sqlite (default) or postgres: a server of its own that syncs every commit
  --nodes <n>         nodes on one database, requests in turn; with --store postgres (1)
  --chain <client>    hardhat (default) or anvil
  --profile <folder>  keep V8's profiles there, and say where the node's processor time goes; slows everything
  --json              one JSON object instead of tables

Example: npm run bench -- --payments 5000 --chain anvil
`;

export interface Options {
  readonly payments: number;
  readonly batch: number;
  readonly inFlight: number;
  readonly chain: "hardhat" | "anvil";
  readonly store: "sqlite" | "postgres";
  readonly nodes: number;
  readonly json: boolean;
  readonly profile: string | null;
  /** Finished payments in the last leg's store; 0: no such legs. */
  readonly stored: number;
  /** Part of the top rate; 0: no such leg. */
  readonly rate: number;
}

function readWhole(name: string, text: string, most: number): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > most) throw new Error(`--${name} ${text}: 1 to ${most}`);
  return value;
}

export function readOptions(args: readonly string[]): Options | null {
  const { values } = parseArgs({
    args: [...args],
    options: {
      payments: { type: "string", default: "20000" },
      batch: { type: "string", default: "500" },
      "in-flight": { type: "string", default: "2" },
      chain: { type: "string", default: "hardhat" },
      store: { type: "string", default: "sqlite" },
      nodes: { type: "string", default: "1" },
      profile: { type: "string" },
      stored: { type: "string" },
      rate: { type: "string" },
      json: { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) return null;
  const { chain } = values;
  if (chain !== "hardhat" && chain !== "anvil") throw new Error(`--chain ${chain}: hardhat or anvil`);
  const { store } = values;
  if (store !== "sqlite" && store !== "postgres") throw new Error(`--store ${store}: sqlite or postgres`);
  const nodes = readWhole("nodes", values.nodes, 8);
  if (nodes > 1 && store === "sqlite")
    throw new Error("--nodes needs --store postgres: one process opens a SQLite store");
  if (store === "postgres" && values.stored !== undefined) throw new Error("--stored writes its history into SQLite");
  const rate = values.rate === undefined ? 0 : Number(values.rate);
  if (!(rate >= 0 && rate <= 2)) throw new Error(`--rate ${values.rate}: above 0, at most 2`);
  if (rate > 0 && values.stored !== undefined) throw new Error("--rate and --stored are two different measurements");
  return {
    stored: values.stored === undefined ? 0 : readWhole("stored", values.stored, 10_000_000),
    rate,
    payments: readWhole("payments", values.payments, 1_000_000),
    batch: readWhole("batch", values.batch, 700),
    inFlight: readWhole("in-flight", values["in-flight"], 64),
    chain,
    store,
    nodes,
    json: values.json,
    profile: values.profile === undefined ? null : resolve(values.profile),
  };
}
