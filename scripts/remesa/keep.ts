/**
 * `remesa keep`: takes every public exit whose deadline has passed, so that nobody's money waits for somebody to notice. Needs no key and holds no
 * privilege: it asks what anyone may ask, and a second keeper anywhere does no harm.
 */
import type { Command } from "commander";
import { type Agreement, watch } from "../agreements.ts";
import { orderPatienceSeconds } from "../orders.ts";
import type { Exits } from "../payments/resources.ts";
import { endStates, openSession, persist, type Session, toRefusal } from "../session.ts";
import { addActOptions, type ActOptions, declareVerb, readAct, readWhole } from "../terminal/options.ts";
import { Refusal } from "../terminal/refusal.ts";
import { formatState, formatTable, shorten, showResult } from "../terminal/screen.ts";
import type { Terminal } from "../terminal/terminal.ts";

interface KeepOptions extends ActOptions {
  readonly watch?: true;
  readonly every: string;
}

type Exit = Exits["data"][number];

interface Taken extends Exit {
  /** The agreement's state afterwards, or why it was refused. */
  readonly outcome: string;
  readonly refused: boolean;
}

const patience = { patienceSeconds: orderPatienceSeconds };

function listExits(session: Session): Promise<Exits> {
  return persist(() => session.client.get<Exits>("/v1/exits"), patience);
}

/** Takes one exit and waits until it is final. */
async function takeExit(session: Session, exit: Exit, waitSeconds: number): Promise<Taken> {
  try {
    await persist(() => session.client.post(exit.post, {}), patience);
    const path = exit.post.replace(/\/reclaim$/, "");
    const isDone = ({ pending = [] }: Agreement): boolean =>
      pending.every(({ kind, state }) => kind !== exit.kind || endStates.includes(state));
    const { state } = await watch<Agreement>(session.client, { path, waitSeconds, isDone });
    return { ...exit, outcome: state, refused: false };
  } catch (error) {
    const refusal = toRefusal(error);
    if (refusal === null) throw error;
    return { ...exit, outcome: refusal.message, refused: true };
  }
}

/** One round. Each exit is asked for before any is waited for, so that they share blocks. */
async function keepOnce(session: Session, waitSeconds: number): Promise<readonly Taken[]> {
  const { data } = await listExits(session);
  return Promise.all(data.map((exit) => takeExit(session, exit, waitSeconds)));
}

function formatTaken(terminal: Terminal, taken: readonly Taken[]): string {
  if (taken.length === 0) return "Nothing is due.\n";
  return formatTable(terminal, {
    head: ["exit", "id", "due since", "state"],
    rows: taken.map(({ kind, id, since, outcome, refused }) => [
      kind,
      shorten(id),
      since,
      refused ? terminal.colours.red(outcome) : formatState(terminal, outcome),
    ]),
  });
}

async function runKeep(terminal: Terminal, options: KeepOptions): Promise<void> {
  const { waitSeconds } = readAct(options);
  const pauseMs = readWhole(options.every, { name: "--every", least: 1, most: 86_400 }) * 1_000;
  const session = openSession(terminal, options, []);
  if (options.dryRun === true) {
    const { data } = await listExits(session);
    const rows = data.map(({ kind, id, since }) => [kind, shorten(id), since]);
    const table =
      rows.length === 0 ? "Nothing is due.\n" : formatTable(terminal, { head: ["exit", "id", "due since"], rows });
    return showResult(terminal, options, {
      value: { dryRun: true, due: data },
      text: `${table}Dry run: nothing was asked.\n`,
    });
  }
  for (;;) {
    const taken = await keepOnce(session, waitSeconds);
    if (taken.length > 0 || options.watch !== true) {
      showResult(terminal, options, { value: taken, text: formatTaken(terminal, taken) });
    }
    if (options.watch !== true) {
      const refused = taken.filter((exit) => exit.refused);
      if (refused.length === 0) return;
      throw new Refusal({
        reason: `${refused.length} of ${taken.length} exits were refused`,
        remedy: "See the last column: another keeper may have been faster. Run it again.",
      });
    }
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
}

export function addKeep(program: Command, terminal: Terminal): void {
  const verb = declareVerb(program, {
    name: "keep",
    summary: "take every exit whose deadline has passed; needs no key",
    example: "keep --watch",
  });
  addActOptions(verb)
    .option("--watch", "go on until Ctrl-C")
    .option("--every <seconds>", "with --watch: pause between rounds", "10")
    .addHelpText("after", "\nAnyone may run it, against any node of the network: every exit pays whom its terms name.")
    .action((options: KeepOptions) => runKeep(terminal, options));
}
