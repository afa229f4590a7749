/**
 * A devnet for a program: started as its own process on free ports in a folder of its own, and ended with it. Owns finding the ports and
 * reading the ready line; used by the benchmark and by the end-to-end tests.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import { createInterface } from "node:readline";
import { locateProgram } from "./child.ts";
import type { Links, Ready } from "./screen.ts";

export interface SpawnOptions {
  readonly data: string;
  readonly args?: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
}

export type ReadyLine = Ready & { readonly links: Links };

export interface SpawnedDevnet extends ReadyLine {
  /** Standard output after the ready line, line by line. */
  readonly lines: readonly string[];
  /** Everything on standard error so far. */
  notes(): string;
  /** Resolves with the exit code when the devnet has ended. */
  readonly ended: Promise<number | null>;
  stop(): Promise<number | null>;
}

/** A port that was free a moment ago. */
export async function findFreePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

/** Resolves when the devnet is ready; throws with its own words when it ends before. */
export async function spawnDevnet({ data, args = [], env = {} }: SpawnOptions): Promise<SpawnedDevnet> {
  const ports = ["--port", String(await findFreePort()), "--chain-port", String(await findFreePort())];
  const child = spawn(
    process.execPath,
    [
      "--disable-warning=ExperimentalWarning",
      locateProgram("scripts/devnet"),
      "--json",
      "--data",
      data,
      ...ports,
      ...args,
    ],
    { env: { ...process.env, ...env }, stdio: ["ignore", "pipe", "pipe", "ipc"] },
  );
  child.channel?.unref();
  if (child.stdout === null || child.stderr === null) throw new Error("the devnet has no output");
  let notes = "";
  child.stderr.on("data", (chunk: Buffer) => {
    notes = (notes + chunk.toString()).slice(-100_000);
  });
  const ended = once(child, "exit").then(([code]) => code as number | null);
  const lines: string[] = [];
  const output = createInterface({ input: child.stdout });
  const first = new Promise<string>((resolve) => {
    output.on("line", (line) => {
      if (lines.push(line) === 1) resolve(line);
    });
  });
  const line = await Promise.race([first, ended]);
  if (typeof line !== "string") throw new Error(`the devnet ended before it was ready (exit ${line}):\n${notes}`);
  lines.length = 0;
  return {
    ...(JSON.parse(line) as ReadyLine),
    lines,
    notes: () => notes,
    ended,
    stop: () => {
      child.kill("SIGTERM");
      return ended;
    },
  };
}
