/**
 * The local chain as a process of its own: Hardhat's node in this process, or anvil beside it. Owns how it mines: a block every interval,
 * empty ones too, with timestamps that may repeat inside a second, so that block time follows real time and an idle chain still becomes
 * final. Says `ready` to the process that started it; listens on the loopback interface only.
 */
import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";

const chainId = 31_337;
/** Room for three full transactions at the protocol's cap of 16,777,216 gas per transaction, and a little more. */
const blockGasLimit = 60_000_000;
/** States anvil keeps, in memory: as far as a node that was away may read back. */
const keptStates = 1000;

/** What the chain tells its starter. `pid` is the process that does the mining. */
export interface ChainReady {
  readonly ready: true;
  readonly pid: number;
}

interface ChainOptions {
  readonly port: number;
  readonly blockMs: number;
  /** Where anvil keeps its blocks; Hardhat's node keeps nothing on disk. */
  readonly state: string | null;
}

function sayReady(pid: number): void {
  process.send?.({ ready: true, pid } satisfies ChainReady);
}

async function runHardhat({ port, blockMs }: ChainOptions): Promise<void> {
  const { createHardhatRuntimeEnvironment } = await import("hardhat/hre");
  const hre = await createHardhatRuntimeEnvironment({
    networks: {
      node: {
        type: "edr-simulated",
        chainType: "l1",
        hardfork: "osaka",
        chainId,
        blockGasLimit,
        allowBlocksWithSameTimestamp: true,
        mining: { auto: false, interval: blockMs, mempool: { order: "fifo" } },
      },
    },
  });
  const server = await hre.network.createServer("node", "127.0.0.1", port);
  await server.listen();
  process.on("SIGTERM", () => process.exit(0));
  sayReady(process.pid);
}

/** The native program itself: the package's own command is a wrapper that would leave it behind when killed. */
function locateAnvil(): string {
  const architecture = process.arch === "x64" ? "amd64" : process.arch;
  const name = `@foundry-rs/anvil-${process.platform}-${architecture}`;
  const folder = dirname(createRequire(import.meta.url).resolve(`${name}/package.json`));
  return join(folder, "bin", process.platform === "win32" ? "anvil.exe" : "anvil");
}

async function isAnswering(url: string): Promise<boolean> {
  const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "eth_blockNumber", params: [] });
  try {
    const answer = await fetch(url, { method: "POST", headers: { "content-type": "application/json" }, body });
    return answer.ok;
  } catch {
    return false;
  }
}

async function runAnvil({ port, blockMs, state }: ChainOptions): Promise<void> {
  const flags = ["--silent", "--host", "127.0.0.1", "--port", String(port), "--chain-id", String(chainId)];
  flags.push("--block-time", String(blockMs / 1000), "--gas-limit", String(blockGasLimit));
  flags.push("--hardfork", "osaka", "--order", "fifo");
  // Unasked, it writes the state after every block below the home folder and leaves it there: gigabytes in an hour of payments.
  flags.push("--prune-history", String(keptStates));
  // Written every second: a chain that was killed comes back at most a second old, and the node says so if that is too old.
  if (state !== null) flags.push("--state", state, "--state-interval", "1");
  const anvil = spawn(locateAnvil(), flags, { stdio: ["ignore", "inherit", "inherit"] });
  anvil.once("error", (error) => {
    process.stderr.write(`anvil cannot be started: ${error.message}\n`);
    process.exit(1);
  });
  anvil.once("exit", (code) => process.exit(code ?? 1));
  process.on("exit", () => anvil.kill("SIGKILL"));
  process.on("SIGTERM", () => anvil.kill("SIGTERM"));
  for (let tries = 0; tries < 200; tries++) {
    if (await isAnswering(`http://127.0.0.1:${port}`)) return sayReady(anvil.pid ?? 0);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  process.stderr.write("anvil did not answer within 10 s\n");
  process.exit(1);
}

const { values } = parseArgs({
  options: {
    client: { type: "string" },
    port: { type: "string" },
    "block-ms": { type: "string", default: "250" },
    state: { type: "string" },
  },
});
const options = { port: Number(values.port), blockMs: Number(values["block-ms"]), state: values.state ?? null };
await (values.client === "anvil" ? runAnvil(options) : runHardhat(options));
