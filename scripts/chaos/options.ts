/**
 * What `npm run chaos` understands. Owns the options, their defaults and the sentences for wrong ones; promises that nothing has been started or
 * written when an option is wrong.
 */
import { randomInt } from "node:crypto";
import { parseArgs } from "node:util";
import { events as everyEvent } from "./events.ts";

const kinds: readonly string[] = everyEvent.map(({ kind }) => kind);
const mostNodes = 4;

export interface ChaosOptions {
  readonly minutes: number;
  readonly seed: number;
  readonly chain: "hardhat" | "anvil";
  readonly store: "sqlite" | "postgres";
  /** Nodes on one database; one where the store is SQLite. */
  readonly nodes: number;
  /** Only these kinds, each at least once; null: every kind that is possible. */
  readonly events: readonly string[] | null;
  readonly json: boolean;
  /** Leaves the folder with the logs where it is. */
  readonly keep: boolean;
}

export const help = `npm run chaos [-- options]: a real node under payments, killed, stopped, cut off, reorganized; then judged by the chain.

  --minutes <n>       how long things go wrong (2); draining and judging come after that
  --seed <n>          repeats the order of events (random, printed)
  --chain <client>    hardhat (default) or anvil
  --store <engine>    sqlite (default), or postgres: a server of the run's own, which is restarted, too
  --nodes <n>         with postgres: nodes on one database, 1 to 4 (2)
  --events <kinds>    only these, with commas between, each at least once
  --keep              leave the temporary folder with the logs
  --json              one JSON object instead of a table

Events: ${kinds.join(", ")}.

Exit code 0: no accepted payment was lost, doubled or ended falsely. 1: one was, or the run could not be finished. 64: wrong options.

Example: npm run chaos -- --minutes 10 --seed 7
`;

function readNodes(text: string | undefined, store: string): number {
  const nodes = Number(text ?? (store === "postgres" ? 2 : 1));
  if (!Number.isInteger(nodes) || nodes < 1 || nodes > mostNodes) throw new Error(`--nodes ${text}: 1 to ${mostNodes}`);
  if (nodes > 1 && store !== "postgres") throw new Error(`--nodes ${text}: several nodes need --store postgres`);
  return nodes;
}

function readEvents(text: string | undefined): readonly string[] | null {
  if (text === undefined) return null;
  const chosen = [...new Set(text.split(",").map((kind) => kind.trim()))];
  const unknown = chosen.find((kind) => !kinds.includes(kind));
  if (unknown !== undefined) throw new Error(`--events ${unknown}: one of ${kinds.join(", ")}`);
  return chosen;
}

/** Reads the command line; null asks for help. Throws an Error with a sentence when it is wrong. */
export function readOptions(args: readonly string[]): ChaosOptions | null {
  const { values } = parseArgs({
    args: [...args],
    options: {
      minutes: { type: "string", default: "2" },
      seed: { type: "string" },
      chain: { type: "string", default: "hardhat" },
      store: { type: "string", default: "sqlite" },
      nodes: { type: "string" },
      events: { type: "string" },
      keep: { type: "boolean", default: false },
      json: { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) return null;
  const { chain, store } = values;
  if (chain !== "hardhat" && chain !== "anvil") throw new Error(`--chain ${chain}: hardhat or anvil`);
  if (store !== "sqlite" && store !== "postgres") throw new Error(`--store ${store}: sqlite or postgres`);
  const minutes = Number(values.minutes);
  if (!(minutes > 0 && minutes <= 1_440)) throw new Error(`--minutes ${values.minutes}: above 0, at most 1440`);
  const seed = values.seed === undefined ? randomInt(2 ** 32) : Number(values.seed);
  if (!Number.isInteger(seed) || seed < 0 || seed >= 2 ** 32)
    throw new Error(`--seed ${values.seed}: a whole number below 2^32`);
  const { json, keep } = values;
  const [nodes, events] = [readNodes(values.nodes, store), readEvents(values.events)];
  return { minutes, seed, chain, store, nodes, events, json, keep };
}
