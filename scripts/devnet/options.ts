/**
 * What `npm start` understands. Owns the options, their defaults and the sentences for wrong ones; promises that nothing has been started or
 * written when an option is wrong.
 */
import { parseArgs } from "node:util";

export type ChainClient = "hardhat" | "anvil" | "none";

export interface DevnetOptions {
  readonly port: number;
  readonly chainPort: number;
  readonly chain: ChainClient;
  /** Null: `.remesa/<chain id>` under the current folder. */
  readonly data: string | null;
  readonly fresh: boolean;
  readonly demo: boolean;
  readonly json: boolean;
  readonly unkind: boolean;
  /** Seconds until `--unkind` ends by itself; null: until Ctrl-C. */
  readonly forSeconds: number | null;
}

export const help = `npm start [-- options]: a payments network on a local chain, in the foreground; Ctrl-C stops it.

  --port <n>          the node's port (3000)
  --chain-port <n>    the chain's port (8545)
  --chain <client>    hardhat (default), anvil, or none: attach to a chain that is already running
                      (none takes RPC_URL, and on a chain without the usual test accounts DEPLOYER_KEY)
  --data <folder>     where this network lives (.remesa/<chain id>)
  --fresh             set the folder aside under a dated name and begin a new one
  --no-demo           no demo deposits and payments
  --json              one JSON line when ready, for programs
  --unkind            keep killing the node while payments flow, and show that nothing is lost or paid twice
  --for <seconds>     end --unkind after that long; exit 2 if bank, books and chain do not agree

Example: npm start -- --unkind --for 60
`;

function readPort(name: string, text: string): number {
  const port = Number(text);
  if (!/^\d+$/.test(text) || port < 1 || port > 65_535) throw new Error(`--${name} ${text}: a port is 1 to 65535`);
  return port;
}

/** Reads the command line; null asks for help. Throws an Error with a sentence when it is wrong. */
export function readOptions(args: readonly string[]): DevnetOptions | null {
  const { values } = parseArgs({
    args: [...args],
    options: {
      port: { type: "string", default: "3000" },
      "chain-port": { type: "string", default: "8545" },
      chain: { type: "string", default: "hardhat" },
      data: { type: "string" },
      fresh: { type: "boolean", default: false },
      "no-demo": { type: "boolean", default: false },
      json: { type: "boolean", default: false },
      unkind: { type: "boolean", default: false },
      for: { type: "string" },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) return null;
  const { chain } = values;
  if (chain !== "hardhat" && chain !== "anvil" && chain !== "none") {
    throw new Error(`--chain ${chain}: one of hardhat, anvil, none`);
  }
  if (values.for !== undefined && !values.unkind) throw new Error("--for belongs to --unkind");
  if (values.unkind && values["no-demo"]) throw new Error("--unkind needs the demo's wallets: leave --no-demo away");
  const seconds = values.for === undefined ? null : Number(values.for);
  if (seconds !== null && !(seconds >= 1 && seconds <= 86_400)) throw new Error("--for: 1 to 86400 seconds");
  const port = readPort("port", values.port);
  const chainPort = readPort("chain-port", values["chain-port"]);
  if (port === chainPort) throw new Error(`--port and --chain-port are both ${port}`);
  return {
    port,
    chainPort,
    chain,
    data: values.data ?? null,
    fresh: values.fresh,
    demo: !values["no-demo"],
    json: values.json,
    unkind: values.unkind,
    forSeconds: seconds,
  };
}
