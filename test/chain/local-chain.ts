/**
 * A chain of its own for a test: Hardhat's node or anvil as a child process on a free port. Owns its life; promises that stopping ends exactly
 * that process and what it started, also when the test failed. No side effects on loading.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { createRpc, type Rpc } from "../../src/chain/rpc.ts";
import type { Hex } from "../../src/domain/hex.ts";

export type Client = "hardhat" | "anvil";

export interface LocalChain {
  readonly url: string;
  readonly rpc: Rpc;
  stop(): Promise<void>;
}

/** Keys of the first development accounts, rich on both clients. */
export const richKeys: readonly [Hex, Hex, Hex] = [
  "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80",
  "0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d",
  "0x5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a",
];

const startMs = 30_000;

async function findPort(): Promise<number> {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}

function toCommand(client: Client, port: number): readonly string[] {
  const hardhat = ["node_modules/hardhat/dist/src/cli.js", "node", "--hostname", "127.0.0.1", "--port", `${port}`];
  if (client === "hardhat") return [process.execPath, ...hardhat];
  const anvil = [
    "node_modules/.bin/anvil",
    "--host",
    "127.0.0.1",
    "--port",
    `${port}`,
    "--chain-id",
    "31337",
    "--silent",
  ];
  // without it the state after every block would be written below the home folder and stay there
  return [...anvil, "--prune-history", "1000"];
}

/** Starts a chain that mines every transaction at once. `args` are the client's own. */
export async function startLocalChain(client: Client, args: readonly string[] = []): Promise<LocalChain> {
  const port = await findPort();
  const [command = "", ...rest] = toCommand(client, port);
  // a group of its own: the package's anvil is a wrapper around the binary, and both have to go
  const child = spawn(command, [...rest, ...args], { stdio: "ignore", detached: true });
  const endGroup = (): void => {
    if (child.pid === undefined) return;
    try {
      process.kill(-child.pid, "SIGKILL");
    } catch {
      // the group is gone already
    }
  };
  process.once("exit", endGroup);
  const url = `http://127.0.0.1:${port}`;
  const rpc = createRpc({ url, timeoutMs: 10_000 });
  const stop = async (): Promise<void> => {
    process.off("exit", endGroup);
    const isRunning = child.exitCode === null && child.signalCode === null;
    const ended = isRunning ? once(child, "exit") : null;
    endGroup();
    await ended;
  };
  const end = performance.now() + startMs;
  while (performance.now() < end && child.exitCode === null) {
    try {
      await rpc.ask("eth_chainId");
      return { url, rpc, stop };
    } catch {
      await new Promise((resolve) => {
        setTimeout(resolve, 100);
      });
    }
  }
  await stop();
  throw new Error(`${client} did not start`);
}
