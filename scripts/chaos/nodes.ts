/**
 * The nodes of a chaos run: one, or several on one database. Owns starting each on a port of its own, with a bad provider and a wall clock of its own, and
 * ending it whatever was done to it. Knows nothing of payments.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Credentials } from "../../src/config.ts";
import type { Client } from "../../src/http/client.ts";
import { createOperator } from "../devnet/demo.ts";
import { type NodeProcess, superviseNode } from "../devnet/node.ts";
import { type Proxy, startProxy } from "./proxy.ts";
import { createWallClock, type WallClock } from "./wall.ts";

/** One node and what can be done to it. */
export interface StageNode {
  /** `node 1` and so on. */
  readonly name: string;
  /** As the bank's operator. */
  readonly client: Client;
  readonly process: NodeProcess;
  /** Between this node and the chain. */
  readonly proxy: Proxy;
  readonly clock: WallClock;
  readonly log: string;
}

export interface NodesOptions {
  /** One port for each node. */
  readonly ports: readonly number[];
  /** Logs and clocks go here. */
  readonly folder: string;
  /** What all nodes share. */
  readonly data: string;
  readonly chainUrl: string;
  readonly credentials: Credentials;
  readonly env: Readonly<Record<string, string>>;
  readonly onRestart: (why: string) => void;
}

/** Starts them all at once; each is handed to `onStart` before the next, so that it can be ended. Resolves when all are ready. */
export async function startNodes(
  options: NodesOptions,
  onStart: (close: () => Promise<void>) => void,
): Promise<readonly StageNode[]> {
  const { ports, folder, data, chainUrl, credentials, env, onRestart } = options;
  const nodes: StageNode[] = [];
  for (const [index, port] of ports.entries()) {
    const proxy = await startProxy(chainUrl);
    onStart(() => proxy.close());
    const clock = createWallClock(join(folder, `clock-${index + 1}`));
    const log = join(folder, "logs", `node-${index + 1}.log`);
    const environment = { ...env, ...clock.env };
    const node = superviseNode({ folder: data, port, rpcUrl: proxy.url, log, env: environment, onRestart });
    onStart(() => {
      // A stopped process does not hear that it should end.
      node.signal("SIGCONT");
      return node.stop();
    });
    const client = createOperator({ ...credentials, url: `http://127.0.0.1:${port}` });
    nodes.push({ name: `node ${index + 1}`, client, process: node, proxy, clock, log });
  }
  await Promise.all(nodes.map((node) => node.process.whenReady()));
  return nodes;
}

/** How often the nodes warned, by code. */
export function countCodes(nodes: readonly StageNode[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const { log } of nodes) {
    for (const [, code = ""] of readFileSync(log, "utf8").matchAll(/"code":"([a-z_]+)"/g)) {
      counts[code] = (counts[code] ?? 0) + 1;
    }
  }
  return counts;
}
