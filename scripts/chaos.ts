/**
 * `npm run chaos`: a real node or several, a real chain and bad providers between them, while payments flow and things go wrong by a seed. Owns the order: start,
 * trouble, peace, judgement by the chain's own logs. Bounded by `--minutes` and the limits below; always ends its processes and removes its folder.
 */
import { setTimeout as sleep } from "node:timers/promises";
import Table from "cli-table3";
import { type Audit, isClean, judgePayments, readFacts } from "./chaos/audit.ts";
import { playEvents } from "./chaos/events.ts";
import { type ChaosOptions, help, readOptions } from "./chaos/options.ts";
import { createPayers, type Payers } from "./chaos/payers.ts";
import { createRandom } from "./chaos/random.ts";
import { finality, openStage, type Stage } from "./chaos/stage.ts";
import { createStranger } from "./chaos/stranger.ts";
import { readHeight } from "./devnet/rpc.ts";
import type { Client } from "../src/http/client.ts";
import { persist } from "./session.ts";

const blockMs = 250;
/** A held payment is looked at again within a minute; twice that, and some. */
const drainSeconds = 150;
const agreeSeconds = 60;

interface Report {
  readonly seed: number;
  readonly minutes: number;
  readonly chain: string;
  readonly store: string;
  readonly nodes: number;
  readonly audit: Audit;
  readonly events: Readonly<Record<string, number>>;
  readonly restarts: number;
  /** Accepted payments that a stranger sent to the chain as well. */
  readonly overtaken: number;
  /** What the nodes warned of, by code. */
  readonly warnings: Readonly<Record<string, number>>;
  /** Whether books and chain agree in the end, as every node says. */
  readonly agrees: boolean;
  /** The reason of a halt, if new sends are halted. */
  readonly halted: string | null;
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

interface Statement {
  readonly agrees: boolean;
  readonly halted?: { readonly reason: string } | null;
}

/** The wall clocks stay where they are: nothing may depend on them. */
async function makePeace(stage: Stage): Promise<void> {
  stage.disk?.free();
  for (const { proxy, process: node } of stage.nodes) {
    proxy.mood = null;
    proxy.trap = null;
    node.signal("SIGCONT");
  }
  await Promise.all(stage.nodes.map((node) => node.process.whenReady()));
}

/** Past what is final, so that nothing the audit reads can be taken back. */
async function waitFinal(stage: Stage): Promise<void> {
  const height = await readHeight(stage.chainUrl);
  for (let tries = 0; tries < 200 && (await readHeight(stage.chainUrl)) <= height + finality; tries++) await sleep(100);
}

async function readStatement(client: Client): Promise<Statement> {
  const ask = () => client.get<Statement>("/v1/reconciliation?fresh=true");
  return persist(ask, { patienceSeconds: agreeSeconds });
}

async function trouble(stage: Stage, payers: Payers, options: ChaosOptions, started: number) {
  const isEnough = new AbortController();
  const paying = payers.pay(isEnough.signal);
  const random = createRandom(options.seed);
  const scene = { stage, payers, random, blockMs, canPause: options.chain === "hardhat", moved: 0 };
  const note = (line: string): void =>
    say(`${((performance.now() - started) / 1_000).toFixed(1).padStart(7)} s  ${line}`);
  const over = AbortSignal.timeout(options.minutes * 60_000);
  const events = await playEvents(scene, { chosen: options.events, over, note });
  isEnough.abort();
  await makePeace(stage);
  await paying;
  return events;
}

async function runStage(stage: Stage, options: ChaosOptions, restarts: () => number): Promise<Report> {
  const started = performance.now();
  const from = await readHeight(stage.chainUrl);
  // The payers draw from a sequence of their own: how fast they are must not change what goes wrong.
  const random = createRandom(options.seed ^ 0x5eed);
  const stranger = await createStranger(stage, options.seed);
  const payers = await createPayers(stage, { seed: options.seed, random, stranger });
  say(`seed ${options.seed}: payments flow, things go wrong for ${options.minutes} minutes`);
  if (options.store === "sqlite" && stage.disk === null)
    say("no disk can be mounted here: the disk is never full in this run");
  const events = await trouble(stage, payers, options, started);
  say(`peace; waiting for ${payers.payments.length} payments to end`);
  await payers.waitEnded(drainSeconds);
  await waitFinal(stage);
  await payers.compare();
  const audit = judgePayments(
    payers.payments,
    await readFacts({ url: stage.chainUrl, coin: stage.coin.address, from }),
  );
  const statements = await Promise.all(stage.nodes.map(({ client }) => readStatement(client)));
  const { seed, minutes, chain, store, nodes } = options;
  return {
    seed,
    minutes,
    chain,
    store,
    nodes,
    audit,
    events: Object.fromEntries(events),
    restarts: restarts(),
    overtaken: stranger.count,
    warnings: stage.countWarnings(),
    agrees: statements.every(({ agrees }) => agrees),
    halted: statements.find(({ halted }) => halted?.reason !== undefined)?.halted?.reason ?? null,
  };
}

function tell(counts: Readonly<Record<string, number>>): string {
  return Object.entries(counts)
    .map(([code, count]) => `${code} ${count}`)
    .join(", ");
}

function print(report: Report, json: boolean): void {
  if (json) {
    process.stdout.write(`${JSON.stringify(report)}\n`);
    return;
  }
  const { audit, events } = report;
  const table = new Table({ style: { head: [], border: [], compact: true } });
  const rows: readonly (readonly [string, string | number])[] = [
    [
      "seed, minutes, chain, store, nodes",
      [report.seed, report.minutes, report.chain, report.store, report.nodes].join(", "),
    ],
    ["asked / accepted / refused", `${audit.asked} / ${audit.accepted} / ${audit.refused} ${tell(audit.refusals)}`],
    ["settled / expired", `${audit.settled} / ${audit.expired}`],
    ["lost", audit.lost],
    ["doubled", audit.doubled],
    ["ended falsely", audit.falseEnds],
    ["never answered", audit.unanswered],
    ["told differently by the nodes", audit.disputed],
    ["sent by a stranger, too", report.overtaken],
    ["restarts of nodes", report.restarts],
    ...Object.entries(events),
    ["the nodes warned of", tell(report.warnings)],
    ["books and chain agree", report.agrees ? "yes" : "NO"],
  ];
  table.push(...rows.map(([name, value]) => [name, String(value)]));
  process.stdout.write(`${table.toString()}\n`);
  for (const finding of audit.findings) process.stdout.write(`${finding}\n`);
  if (report.halted !== null) process.stdout.write(`halted: ${report.halted}\n`);
}

async function run(options: ChaosOptions, stopper: AbortSignal): Promise<number> {
  let restarts = 0;
  let stage: Stage | null = null;
  const stopped = new Promise<never>((_, refuse) => {
    stopper.addEventListener("abort", () => refuse(new Error("it was told to")), { once: true });
  });
  stopped.catch(() => undefined);
  try {
    say(`starting a chain (${options.chain}) and ${options.nodes === 1 ? "a node" : `${options.nodes} nodes`}`);
    stage = await openStage({ ...options, onRestart: () => void restarts++ });
    const report = await Promise.race([runStage(stage, options, () => restarts), stage.failed, stopped]);
    print(report, options.json);
    return isClean(report.audit) && report.agrees && report.halted === null ? 0 : 1;
  } catch (error) {
    say(`the run stopped (seed ${options.seed}): ${error instanceof Error ? error.message : String(error)}`);
    if (stage !== null) say(`the end of the logs:\n${stage.lastWords()}`);
    return 1;
  } finally {
    if (options.keep && stage !== null) say(`logs: ${stage.folder}`);
    await stage?.close();
  }
}

async function main(): Promise<number> {
  let options: ChaosOptions | null;
  try {
    options = readOptions(process.argv.slice(2));
  } catch (error) {
    say(`${error instanceof Error ? error.message : String(error)}\n\n${help}`);
    return 64;
  }
  if (options === null) {
    process.stdout.write(help);
    return 0;
  }
  const stopper = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => stopper.abort());
  process.on("disconnect", () => stopper.abort());
  process.channel?.unref();
  return run(options, stopper.signal);
}

process.exit(await main());
