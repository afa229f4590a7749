/**
 * What the Hardhat tasks do: decode an account, hold the roles against the table, hold deployed code against the build. Owns what is printed
 * and the exit code: 1 when the chain is not what it should be. Reads the chain and files; sends nothing.
 */
import { join } from "node:path";
import type { HardhatRuntimeEnvironment } from "hardhat/types/hre";
import { findForeignCode } from "../src/chain/deploy.ts";
import { createGridReader, nameRole } from "../src/chain/grid.ts";
import { createRpc, type Rpc } from "../src/chain/rpc.ts";
import { createViews } from "../src/chain/views.ts";
import { readDeployment } from "../src/config.ts";
import { formatAmount } from "../src/domain/amount.ts";
import { formatAddress, type Hex, parseAddress } from "../src/domain/hex.ts";
import type { Deployment } from "../src/pipeline/ports.ts";

const localChainId = 31_337;

interface Network {
  readonly rpc: Rpc;
  readonly deployment: Deployment;
}

/** A network that outlives the command: the one named, else RPC_URL, else localhost. */
export async function openNetwork(hre: HardhatRuntimeEnvironment, data: string): Promise<Network> {
  const network = hre.config.networks[hre.globalOptions.network ?? "localhost"];
  const url =
    process.env["RPC_URL"] ?? (network?.type === "http" ? await network.url.getUrl() : "http://127.0.0.1:8545");
  const rpc = createRpc({ url });
  const chainId = Number(await rpc.ask<Hex>("eth_chainId"));
  const deployment = readDeployment(data === "" ? join(".remesa", String(chainId)) : data);
  if (deployment.chainId !== chainId) {
    throw new Error(`the deployment is for chain ${deployment.chainId}, the node is on ${chainId}`);
  }
  return { rpc, deployment };
}

/** The account's window as people read it: which nonces are spent, which are free. */
function formatNonces(base: bigint, window: bigint): string {
  const spent: bigint[] = [];
  for (let i = 0n; i < 64n; i++) if (((window >> i) & 1n) === 1n) spent.push(base + i);
  return `${base} to ${base + 63n}${spent.length === 0 ? "" : `, spent: ${spent.join(" ")}`}`;
}

export async function printAccount({ rpc, deployment }: Network, text: string): Promise<void> {
  const address = parseAddress(text);
  if (address === null) throw new Error(`${text} is not an address`);
  const views = createViews({ rpc, deployment });
  const number = Number(await rpc.ask<Hex>("eth_blockNumber"));
  console.log(`${formatAddress(address)} at block ${number}`);
  for (const { symbol, address: coin } of deployment.coins) {
    const [account] = await views.readAccounts(coin, [address], number);
    if (account === undefined) throw new Error("the chain did not answer");
    const { balance, frozen, nonceBase, nonceWindow, vasp, escrow } = account;
    const rows: readonly (readonly [string, string])[] = [
      ["balance", `${formatAmount(balance)} ${symbol}`],
      ["frozen", frozen === null ? "the whole account" : `${formatAmount(frozen)} ${symbol}`],
      ["nonces", formatNonces(nonceBase, nonceWindow)],
      ["vasp", vasp === 0 ? "none" : String(vasp)],
      ["escrow", escrow ? "yes" : "no"],
    ];
    for (const [name, value] of rows) console.log(`  ${name.padEnd(10)}${value}`);
  }
}

export async function printRoles({ rpc, deployment }: Network, production: boolean): Promise<void> {
  const devnet = deployment.chainId === localChainId && !production;
  const { cells, members, differences } = await createGridReader({ rpc, deployment }).read(devnet);
  for (const { id, role } of cells) {
    if (role !== 0n) console.log(`  ${id.padEnd(36)}${nameRole(role)}`);
  }
  for (const { role, account, delay } of members) {
    console.log(`  ${role.padEnd(12)}${formatAddress(account)}  ${delay === 0 ? "at once" : `after ${delay} s`}`);
  }
  if (differences.length === 0) {
    console.log(`the chain is what the table says${devnet ? ", with a devnet's delays" : ""}`);
    return;
  }
  for (const difference of differences) console.error(`DIFFERENCE: ${difference}`);
  process.exitCode = 1;
}

export async function printVerification({ rpc, deployment }: Network): Promise<void> {
  const foreign = await findForeignCode(rpc, deployment);
  if (foreign.length === 0) {
    console.log("every contract runs the code of this build, immutables aside");
    return;
  }
  for (const difference of foreign) console.error(`DIFFERENCE: ${difference}`);
  process.exitCode = 1;
}
