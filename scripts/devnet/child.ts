/**
 * A process under the devnet. Owns starting it on a leash, with its output in a log file, and ending it: SIGTERM first, SIGKILL after a
 * bound. Each runs in a process group of its own, so that Ctrl-C in a terminal reaches the devnet alone and the order of stopping is ours.
 */
import { spawn } from "node:child_process";
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, renameSync, statSync } from "node:fs";
import { dirname, extname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
/** `.ts` in a checkout, `.js` in the published package. */
const extension = extname(fileURLToPath(import.meta.url));
/** A log above this is moved to `<name>.1` when its process starts again. */
const logLimitBytes = 16 * 1024 * 1024;
const stopPatienceMs = 8_000;

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface Child {
  readonly pid: number;
  readonly log: string;
  /** Resolves with the first message the process sends; null when it ended without one. */
  readonly spoke: Promise<unknown>;
  readonly ended: Promise<Ended>;
  /** Ends the process: SIGTERM, then SIGKILL. Resolves when it is gone. */
  stop(): Promise<void>;
  /** Sends a signal as it is. */
  signal(name: NodeJS.Signals): void;
}

export interface ChildOptions {
  /** Path from the project's root, without its extension: `src/main`. */
  readonly program: string;
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  readonly log: string;
}

/** The file of a program in this build. */
export function locateProgram(program: string): string {
  return join(here, "..", "..", `${program}${extension}`);
}

function openLog(path: string): number {
  mkdirSync(dirname(path), { recursive: true });
  if (existsSync(path) && statSync(path).size > logLimitBytes) renameSync(path, `${path}.1`);
  return openSync(path, "a", 0o600);
}

/** The last lines of a log, for the sentence that says why a process ended. */
export function readTail(path: string, lines: number): string {
  if (!existsSync(path)) return "";
  return readFileSync(path, "utf8").trimEnd().split("\n").slice(-lines).join("\n");
}

export function startChild({ program, args, env, log }: ChildOptions): Child {
  const output = openLog(log);
  const leash = pathToFileURL(join(here, `leash${extension}`)).href;
  const child = spawn(
    process.execPath,
    ["--disable-warning=ExperimentalWarning", "--import", leash, locateProgram(program), ...args],
    { env, detached: true, windowsHide: true, stdio: ["ignore", output, output, "ipc"] },
  );
  closeSync(output);
  const ended = new Promise<Ended>((resolve) => {
    child.once("exit", (code, signal) => resolve({ code, signal }));
    child.once("error", () => resolve({ code: 1, signal: null }));
  });
  const spoke = Promise.race([
    new Promise<unknown>((resolve) => child.once("message", resolve)),
    ended.then((): unknown => null),
  ]);
  const stop = async (): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) child.kill("SIGTERM");
    const timer = setTimeout(() => child.kill("SIGKILL"), stopPatienceMs);
    await ended;
    clearTimeout(timer);
  };
  return { pid: child.pid ?? 0, log, spoke, ended, stop, signal: (name) => void child.kill(name) };
}
