/**
 * The node under the devnet: started on its folder, started again when it dies. Owns the environment it gets and the patience with which it
 * is restarted; promises one node at a time, and that a node which cannot come up is given up with its last words instead of
 * being restarted for ever. A restart is the same start: recovery needs nothing from here.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { type Child, type Ended, readTail, startChild } from "./child.ts";
import { DevnetError } from "./folder.ts";

/** Waits between restarts: doubled from the first to the last, and forgotten once the node has been up for a while. */
const firstPauseMs = 200;
const lastPauseMs = 5_000;
const steadyMs = 20_000;
/** Starts in a row that never became ready. */
const patience = 6;
const readyTimeoutMs = 60_000;

export interface NodeOptions {
  readonly folder: string;
  readonly port: number;
  readonly rpcUrl: string;
  readonly log: string;
  /** Variables of docs/CONFIG.md that differ from a devnet's. */
  readonly env?: Readonly<Record<string, string>>;
  /** Called once per unplanned end, before the restart. */
  readonly onRestart: (why: string) => void;
}

export interface NodeProcess {
  /** Process id of the node that runs now. */
  pid(): number;
  /** Unplanned ends so far. */
  restarts(): number;
  /** Resolves when the running node answers that it is ready; throws DevnetError when it does not. */
  whenReady(): Promise<void>;
  /** Rejects with the reason when the node is given up. Never resolves. */
  readonly failed: Promise<never>;
  signal(name: NodeJS.Signals): void;
  /** Ends the node without a restart. */
  stop(): Promise<void>;
}

/** What a devnet's node is told. The caller's own variables win over these defaults, the devnet's facts win over both. */
function createEnvironment(options: NodeOptions): NodeJS.ProcessEnv {
  return {
    SANDBOX: "1",
    FINALITY: "depth:2",
    BLOCK_INTERVAL_MS: "250",
    RATE_LIMIT_PER_MINUTE: "600000",
    // Few accounts: comparing them is cheap, and whoever watches wants to see it.
    RECONCILE_SECONDS: "2",
    ...process.env,
    ...options.env,
    // Shells export HOST for themselves; a devnet with printed keys stays on the loopback interface.
    HOST: "127.0.0.1",
    PORT: String(options.port),
    RPC_URL: options.rpcUrl,
    REMESA_DATA: options.folder,
  };
}

function explain({ code, signal }: Ended): string {
  return signal === null ? `exit ${code}` : signal;
}

async function isReady(port: number): Promise<boolean> {
  try {
    const answer = await fetch(`http://127.0.0.1:${port}/ready`, { signal: AbortSignal.timeout(2_000) });
    return answer.ok;
  } catch {
    return false;
  }
}

/** True once the node answers; false when it has ended or does not answer in time. */
async function waitReady(node: Child, port: number): Promise<boolean> {
  const ended = node.ended.then(() => true);
  for (const deadline = performance.now() + readyTimeoutMs; performance.now() < deadline; ) {
    if (await isReady(port)) return true;
    if (await Promise.race([ended, sleep(50).then(() => false)])) return false;
  }
  return false;
}

interface Watched {
  child: Child;
  restarts: number;
  stopping: boolean;
  /** The end was asked for through `signal`, so it says nothing about the node. */
  killed: boolean;
}

/** Starts the node again until it is stopped; returns the reason when it is given up. */
async function keepRunning(watched: Watched, options: NodeOptions, launch: () => Child): Promise<DevnetError | null> {
  let pause = firstPauseMs;
  for (let failures = 0; ; ) {
    const started = performance.now();
    const ready = waitReady(watched.child, options.port);
    const ended = await watched.child.ended;
    if (watched.stopping) return null;
    failures = (await ready) || watched.killed ? 0 : failures + 1;
    watched.killed = false;
    // Wrong configuration does not get better by itself.
    if (ended.code === 2 || failures >= patience) {
      const words = readTail(options.log, 8);
      return new DevnetError(`the node does not come up (${explain(ended)}); the end of ${options.log}:\n${words}`);
    }
    watched.restarts++;
    options.onRestart(explain(ended));
    await sleep(pause);
    const steady = performance.now() - started > steadyMs;
    pause = steady || failures === 0 ? firstPauseMs : Math.min(pause * 2, lastPauseMs);
    if (watched.stopping) return null;
    watched.child = launch();
  }
}

export function superviseNode(options: NodeOptions): NodeProcess {
  const env = createEnvironment(options);
  const launch = (): Child => startChild({ program: "src/main", args: [], env, log: options.log });
  const watched: Watched = { child: launch(), restarts: 0, stopping: false, killed: false };
  const watching = keepRunning(watched, options, launch);
  const failed = watching.then((reason) => (reason === null ? new Promise<never>(() => {}) : Promise.reject(reason)));
  // Whoever waits for it sees the reason; nobody waiting is not an error of its own.
  failed.catch(() => {});
  return {
    pid: () => watched.child.pid,
    restarts: () => watched.restarts,
    failed,
    async whenReady() {
      for (const deadline = performance.now() + readyTimeoutMs; performance.now() < deadline; await sleep(50)) {
        if (await Promise.race([isReady(options.port), failed])) return;
      }
      throw new DevnetError(`the node was not ready within ${readyTimeoutMs / 1000} s; see ${options.log}`);
    },
    signal(name) {
      watched.killed = true;
      watched.child.signal(name);
    },
    async stop() {
      watched.stopping = true;
      await watched.child.stop();
      await watching;
    },
  };
}
