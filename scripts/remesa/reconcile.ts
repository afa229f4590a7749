/**
 * `remesa reconcile`: asks the node for a fresh statement that bank, books and chain agree at one final block, to the base unit. Exit code 2 when
 * they do not, with every difference. Changes nothing.
 */
import type { Command } from "commander";
import type { Client } from "../../src/http/client.ts";
import type { ReconciliationView } from "../../src/http/views.ts";
import { fetchNetwork, type Network, openSession, persist } from "../session.ts";
import { addNodeOptions, declareVerb, type NodeOptions } from "../terminal/options.ts";
import { exitCodes, Refusal } from "../terminal/refusal.ts";
import { formatBlock, formatMoney, formatTable, showResult } from "../terminal/screen.ts";
import type { Terminal } from "../terminal/terminal.ts";

/** A statement made now. */
export function fetchReconciliation(client: Client, patienceSeconds: number): Promise<ReconciliationView> {
  return persist(() => client.get<ReconciliationView>("/v1/reconciliation?fresh=true"), { patienceSeconds });
}

function decimalsOf(network: Network, symbol: string): number {
  return network.coins.find((coin) => coin.symbol === symbol)?.decimals ?? 0;
}

function formatStatement(terminal: Terminal, found: ReconciliationView, network: Network): string {
  const { green, red } = terminal.colours;
  const coins = found.coins.map((coin) => {
    const money = (units: string): string =>
      formatMoney(BigInt(units), { symbol: coin.symbol, decimals: decimalsOf(network, coin.symbol) });
    return [money(coin.bank), money(coin.outstanding), money(coin.books), money(coin.chain), coin.accounts];
  });
  const table = formatTable(terminal, {
    head: ["bank attests", "owed to holders", "books say issued", "supply on chain", "accounts"],
    rows: coins,
    right: [0, 1, 2, 3, 4],
  });
  const verdict = found.agrees ? green("bank, books and chain agree") : red("bank, books and chain do NOT agree");
  const block = formatBlock(terminal, [
    ["block", `${found.block}  ${found.blockTime}`],
    ["hash", found.blockHash],
    ...(found.halted === null ? [] : ([["halted", red(found.halted.reason)]] as const)),
  ]);
  return `${verdict}\n\n${table}\n${block}`;
}

function formatDifferences(terminal: Terminal, found: ReconciliationView, network: Network): string {
  if (found.differences.length === 0) return "";
  const rows = found.differences.map(({ kind, coin, account, books, chain }) => {
    const known = network.coins.find(({ address }) => address === coin.toLowerCase());
    const money = (units: string): string =>
      known === undefined ? `${units} base units` : formatMoney(BigInt(units), known);
    return [kind, account ?? "", money(books), money(chain), money(`${BigInt(chain) - BigInt(books)}`)];
  });
  const head = ["differs", "account", "books", "chain", "chain less books"];
  return `\n${formatTable(terminal, { head, rows, right: [2, 3, 4] })}`;
}

/** The statement, and below it every difference with the account, both amounts and the currency. */
export function formatReconciliation(terminal: Terminal, found: ReconciliationView, network: Network): string {
  return formatStatement(terminal, found, network) + formatDifferences(terminal, found, network);
}

/** Refuses with exit code 2 when the statement names a difference. */
export function requireAgreement(found: ReconciliationView): void {
  if (found.agrees) return;
  const { length } = found.differences;
  throw new Refusal({
    reason: `bank, books and chain do not agree at block ${found.block}: ${length} difference${length === 1 ? "" : "s"}`,
    remedy: "The node sends nothing new until someone looked and resumed it; see docs/OPERATING.md.",
    exitCode: exitCodes.disagree,
  });
}

async function runReconcile(terminal: Terminal, options: NodeOptions): Promise<void> {
  const session = openSession(terminal, options, ["auditor", "operator", "approver"]);
  const network = await fetchNetwork(session.client);
  const found = await fetchReconciliation(session.client, 0);
  showResult(terminal, options, { value: found, text: formatReconciliation(terminal, found, network) });
  requireAgreement(found);
}

export function addReconcile(program: Command, terminal: Terminal): void {
  const verb = declareVerb(program, {
    name: "reconcile",
    summary: "say whether bank, books and chain agree; exit code 2 when not",
    example: "reconcile --json",
  });
  addNodeOptions(verb).action((options: NodeOptions) => runReconcile(terminal, options));
}
