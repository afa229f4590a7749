/**
 * Where a passphrase comes from: a file that only its owner can read, a variable, an open file descriptor, or whoever sits at the terminal. Owns
 * the spelling of these sources and the refusal of secrets that lie open. Promises that the passphrase is never echoed and never in an error; a variable is removed once it was read, so
 * that child processes do not inherit it.
 */
import { readFileSync, statSync } from "node:fs";

/** Why a keystore was not opened. The message is a sentence for whoever runs the program, and holds no secret. */
export class KeystoreRefused extends Error {
  override readonly name = "KeystoreRefused";
  readonly why: "unreadable" | "not_a_keystore" | "wrong_passphrase" | "single_key" | "open_to_others";
  constructor(why: KeystoreRefused["why"], message: string) {
    super(message);
    this.why = why;
  }
}

/** Refuses a secret's file that anybody but its owner can read. `what` begins the sentence. */
export function requirePrivate(path: string, what: string): void {
  let mode: number;
  try {
    mode = statSync(path).mode;
  } catch {
    throw new KeystoreRefused("unreadable", `${what} ${path} cannot be read`);
  }
  // Windows has no such modes; everything reads as open there.
  if (process.platform !== "win32" && (mode & 0o077) !== 0) {
    throw new KeystoreRefused("open_to_others", `${what} ${path} can be read by others: run chmod 600 on it`);
  }
}

export type PassphraseSource =
  | { readonly kind: "file"; readonly path: string }
  | { readonly kind: "env"; readonly name: string }
  | { readonly kind: "fd"; readonly number: number }
  | { readonly kind: "prompt" };

/** Reads `file:<path>`, `env:<NAME>`, `fd:<n>` (3 or above) or `prompt`; null when the text has another form. */
export function parsePassphraseSource(text: string): PassphraseSource | null {
  if (text === "prompt") return { kind: "prompt" };
  const [, kind, value = ""] = /^(file|env|fd):(.+)$/s.exec(text) ?? [];
  if (kind === "file") return { kind, path: value };
  if (kind === "env") return /^[A-Za-z_][A-Za-z0-9_]*$/.test(value) ? { kind, name: value } : null;
  // 0 to 2 are the program's own streams.
  return kind === "fd" && /^([3-9]|[1-9]\d{1,3})$/.test(value) ? { kind, number: Number(value) } : null;
}

const ctrlC = "\u0003";
const ctrlD = "\u0004";

/** Reads one line from the terminal in raw mode, echoing nothing; null when nobody sits there. */
export function askHidden(question: string): Promise<string | null> {
  const { stdin, stderr } = process;
  if (!stdin.isTTY) return Promise.resolve(null);
  stderr.write(question);
  return new Promise((resolve) => {
    let typed = "";
    const finish = (answer: string | null): void => {
      stdin.off("data", onData);
      stdin.setRawMode(false);
      stdin.pause();
      stderr.write("\n");
      resolve(answer);
    };
    const onData = (chunk: string): void => {
      for (const character of chunk) {
        if (character === "\r" || character === "\n") return finish(typed);
        if (character === ctrlC || character === ctrlD) return finish(null);
        typed = character === "\u007f" || character === "\b" ? typed.slice(0, -1) : typed + character;
      }
    };
    stdin.setEncoding("utf8");
    stdin.setRawMode(true);
    stdin.resume();
    stdin.on("data", onData);
  });
}

export interface PassphraseReach {
  readonly env: NodeJS.ProcessEnv;
  /** Default: the process's own terminal. */
  readonly ask?: (question: string) => Promise<string | null>;
  /** Whose passphrase a person is asked for. */
  readonly of?: string;
}

function readLine(source: number | string, what: string): string {
  try {
    return readFileSync(source, "utf8").replace(/\r?\n$/, "");
  } catch {
    throw new KeystoreRefused("unreadable", `${what} cannot be read`);
  }
}

/** The passphrase, one trailing line break left out. Throws KeystoreRefused when there is none. */
export async function readPassphrase(
  source: PassphraseSource,
  { env, ask = askHidden, of = "the lanes' keystore" }: PassphraseReach,
): Promise<string> {
  let passphrase: string | null;
  switch (source.kind) {
    case "file":
      requirePrivate(source.path, "the passphrase file");
      passphrase = readLine(source.path, `the passphrase file ${source.path}`);
      break;
    case "env":
      passphrase = env[source.name] ?? null;
      delete env[source.name];
      break;
    case "fd":
      passphrase = readLine(source.number, `file descriptor ${source.number}`);
      break;
    case "prompt":
      passphrase = await ask(`Passphrase of ${of}: `);
      break;
  }
  if (passphrase !== null && passphrase !== "") return passphrase;
  const missing =
    source.kind === "prompt" ? "nobody typed a passphrase" : `there is no passphrase in ${nameOf(source)}`;
  throw new KeystoreRefused("unreadable", missing);
}

function nameOf(source: Exclude<PassphraseSource, { kind: "prompt" }>): string {
  if (source.kind === "file") return source.path;
  return source.kind === "env" ? `the variable ${source.name}` : `file descriptor ${source.number}`;
}
