/**
 * A terminal for tests: keeps what is written, answers questions from a list, is nobody's screen. No side effects on import.
 */
import picocolors from "picocolors";
import { run } from "../../scripts/remesa.ts";
import type { Terminal } from "../../scripts/terminal/terminal.ts";

export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs a command line in this process. `answers` are what a person types, in order; none: nobody is there. */
export async function runRemesa(
  args: readonly string[],
  options: { env?: NodeJS.ProcessEnv; folder?: string; answers?: readonly string[] } = {},
): Promise<Ran> {
  const answers = [...(options.answers ?? [])];
  let out = "";
  let err = "";
  const terminal: Terminal = {
    env: options.env ?? {},
    folder: options.folder ?? "/nonexistent",
    colours: picocolors.createColors(false),
    live: false,
    write: (text) => {
      out += text;
    },
    note: (text) => {
      err += text;
    },
    askSecret: () => Promise.resolve(answers.shift() ?? null),
  };
  const code = await run(args, terminal);
  return { code, out, err };
}
