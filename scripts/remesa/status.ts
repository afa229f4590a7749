/**
 * `remesa status`: the node on one screen: is it up, does it see the chain, what is in flight, can the lanes pay for gas, do the books agree.
 * Reads only; exit code 1 when the node is not ready.
 */
import type { Command } from "commander";
import { formatEther } from "ethers";
import type { Lanes, Network as NetworkView, ReconciliationView } from "../../src/http/views.ts";
import { ProblemError } from "../../src/http/client.ts";
import { openSession, type Session } from "../session.ts";
import { addNodeOptions, declareVerb, type NodeOptions } from "../terminal/options.ts";
import { Refusal } from "../terminal/refusal.ts";
import { type Cell, formatBlock, formatTable, shorten, showResult } from "../terminal/screen.ts";
import type { Terminal } from "../terminal/terminal.ts";

interface Status {
  readonly url: string;
  readonly data: string | null;
  readonly network: NetworkView;
  /** Null when ready, else why not. */
  readonly notReady: string | null;
  readonly lanes: Lanes;
  readonly reconciliation: ReconciliationView | null;
}

async function readStatus(session: Session): Promise<Status> {
  const { client, url, folder } = session;
  const network = await client.get<NetworkView>("/v1/network");
  const orNull = async <T>(path: string): Promise<T | string> => {
    try {
      return await client.get<T>(path);
    } catch (error) {
      if (error instanceof ProblemError && (error.status === 503 || error.status === 404))
        return `${error.code}: ${error.detail}`;
      throw error;
    }
  };
  const ready = await orNull<object>("/ready");
  const found = await orNull<ReconciliationView>("/v1/reconciliation");
  return {
    url,
    data: folder,
    network,
    notReady: typeof ready === "string" ? ready : null,
    lanes: await client.get<Lanes>("/v1/lanes"),
    reconciliation: typeof found === "string" ? null : found,
  };
}

function describeBooks(terminal: Terminal, found: ReconciliationView | null): string {
  if (found === null) return terminal.colours.yellow("not compared yet");
  const at = `at block ${found.block}`;
  return found.agrees
    ? `${terminal.colours.green("bank, books and chain agree")} ${at}`
    : `${terminal.colours.red("DO NOT AGREE")} ${at}: ${found.differences.length} differences, see \`remesa reconcile\``;
}

function formatStatus(terminal: Terminal, status: Status): string {
  const { green, red } = terminal.colours;
  const { network, lanes } = status;
  const finality = network.finality === "finalized" ? "the chain's own" : `${network.finality.depth} blocks deep`;
  const live = ["accepted", "planned", "sent", "included"].map((state) => `${state} ${lanes.intents[state] ?? 0}`);
  const facts: readonly (readonly [string, Cell])[] = [
    ["node", `${status.url}  ${status.notReady === null ? green("ready") : red(`not ready (${status.notReady})`)}`],
    ["data", status.data ?? "unknown"],
    [
      "chain",
      `${network.chainId}, block ${network.latest?.number ?? "none"}, final ${network.final?.number ?? "none"}`,
    ],
    ["finality", finality],
    ["coins", network.coins.map(({ symbol, address }) => `${symbol} ${address}`).join(", ")],
    ["in flight", live.join("  ")],
    ["settled", lanes.intents["settled"] ?? 0],
    ["books", describeBooks(terminal, status.reconciliation)],
    [
      "sending",
      lanes.halted === null ? green("on") : red(`HALTED since ${lanes.halted.since}: ${lanes.halted.reason}`),
    ],
  ];
  const table = formatTable(terminal, {
    head: ["lane", "state", "gas balance", "open", "head slot"],
    rows: lanes.lanes.map(({ address, state, gasBalance, open, slots }) => [
      address,
      state,
      gasBalance === null ? "unknown" : `${Number(formatEther(gasBalance)).toFixed(4)} ETH`,
      open,
      slots[0] === undefined
        ? ""
        : `nonce ${slots[0].nonce} ${slots[0].state}, ${shorten(slots[0].attempts.at(-1)?.hash ?? "")}`,
    ]),
    right: [2, 3],
  });
  return `${formatBlock(terminal, facts)}\n${table}`;
}

async function runStatus(terminal: Terminal, options: NodeOptions): Promise<void> {
  const session = openSession(terminal, options, ["auditor", "operator", "approver"]);
  let status: Status;
  try {
    status = await readStatus(session);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new Refusal({
      reason: `no node answers at ${session.url}`,
      remedy: "Start it with `npm start`, or name the right one with --url.",
    });
  }
  showResult(terminal, options, { value: status, text: formatStatus(terminal, status) });
  if (status.notReady === null) return;
  throw new Refusal({
    reason: `the node is not ready: ${status.notReady}`,
    remedy: "Look at its log and at the chain.",
  });
}

export function addStatus(program: Command, terminal: Terminal): void {
  const verb = declareVerb(program, {
    name: "status",
    summary: "the node on one screen",
    example: "status --url http://127.0.0.1:3000",
  });
  addNodeOptions(verb).action((options: NodeOptions) => runStatus(terminal, options));
}
