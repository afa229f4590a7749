/**
 * The terminal as a port: what verbs print to, read secrets from, and know of the environment. Results go to stdout, everything else to
 * stderr, so that a pipe carries results alone. Colours only where a person looks (NO_COLOR is honoured); secrets are never echoed.
 */
import picocolors from "picocolors";
import { askHidden } from "../../src/chain/passphrase.ts";

type Colours = ReturnType<typeof picocolors.createColors>;

export interface Terminal {
  readonly env: Readonly<NodeJS.ProcessEnv>;
  /** Folder in which the default data folder `.remesa/<chainId>/` is looked for. */
  readonly folder: string;
  readonly colours: Colours;
  /** True when stderr is a person's terminal: progress is drawn there. */
  readonly live: boolean;
  /** A result, to stdout. */
  write(text: string): void;
  /** Anything else, to stderr. */
  note(text: string): void;
  /** Asks for a secret without echo. Null when nobody is there to answer. */
  askSecret(question: string): Promise<string | null>;
}

/** The process's own terminal. */
export function createTerminal(): Terminal {
  const { env, stdout, stderr } = process;
  const coloured = !env["NO_COLOR"] && (stdout.isTTY === true || Boolean(env["FORCE_COLOR"]));
  return {
    env,
    folder: process.cwd(),
    colours: picocolors.createColors(coloured),
    live: stderr.isTTY === true && env["TERM"] !== "dumb",
    write: (text) => void stdout.write(text),
    note: (text) => void stderr.write(text),
    askSecret: askHidden,
  };
}
