/**
 * Deploys the network's contracts: `npx hardhat run scripts/deploy.ts --network localhost`, or `node scripts/deploy.ts`. Owns reading the
 * environment and printing the outcome. Writes `<data>/deployment.json`; run again it says that everything is in place.
 *
 * RPC_URL (default: the network named to Hardhat, or http://127.0.0.1:8545) · DEPLOYER_KEY (default: the node's first unlocked account) ·
 * ROLE_ADMIN, ROLE_CANCELLER, ROLE_DEALER … addresses (default, in a devnet: the node's other accounts) · REMESA_DATA (default
 * .remesa/<chain id>) · DEVNET=0|1 (default 1 on chain 31337): short delays, minting on · TRAVEL_RULE_LIMIT (base units; default: off).
 */
import { join } from "node:path";
import { deploy, DeployError, type DeployResult } from "../src/chain/deploy.ts";
import { operatorMembers, type RoleMember, roleMembers } from "../src/chain/roles.ts";
import { createRpc } from "../src/chain/rpc.ts";
import { type Address, formatAddress, type Hex, isHexOf, parseAddress, toLower } from "../src/domain/hex.ts";

const localChainId = 31_337;

/** The URL of the network named with `--network`, when Hardhat runs this file. */
async function findHardhatUrl(): Promise<string | undefined> {
  if (!/hardhat/.test(process.argv[1] ?? "")) return undefined;
  const { default: hre } = await import("hardhat");
  const network = hre.config.networks[hre.globalOptions.network ?? "default"];
  if (network?.type === "http") return network.url.getUrl();
  throw new DeployError("name a network that outlives this command, such as `--network localhost`");
}

function readRoles(unlocked: readonly Address[], devnet: boolean): Partial<Record<RoleMember, Address>> {
  const addresses: Partial<Record<RoleMember, Address>> = {};
  for (const [i, member] of [...roleMembers, ...operatorMembers].entries()) {
    const variable = `ROLE_${member.toUpperCase()}`;
    const given = process.env[variable];
    const parsed = given === undefined ? null : parseAddress(given);
    if (given !== undefined && parsed === null) throw new DeployError(`${variable} is not an address`);
    const address = parsed ?? (devnet ? unlocked[i + 1] : undefined);
    if (address !== undefined) addresses[member] = toLower(address);
  }
  return addresses;
}

function readKey(): Hex | undefined {
  const key = process.env["DEPLOYER_KEY"];
  if (key !== undefined && !isHexOf(key, 32)) throw new DeployError("DEPLOYER_KEY is not a private key");
  return key;
}

/** Base units, or null where the travel rule stays off. */
function readLimit(): bigint | null {
  const limit = process.env["TRAVEL_RULE_LIMIT"];
  if (limit === undefined) return null;
  if (!/^\d{1,19}$/.test(limit)) throw new DeployError("TRAVEL_RULE_LIMIT is not an amount in base units");
  return BigInt(limit);
}

function print(
  { deployment, outcome, members }: DeployResult,
  { folder, devnet }: { folder: string; devnet: boolean },
): void {
  const rows: (readonly [string, string])[] = [
    ["chain", String(deployment.chainId)],
    ["AccessManager", formatAddress(deployment.authority)],
    ...deployment.coins.map(({ symbol, address }) => [`coin ${symbol}`, formatAddress(address)] as const),
    ["Treasury", formatAddress(deployment.treasury)],
    ["VaspRegistry", formatAddress(deployment.registry)],
    ["RedemptionEscrow", formatAddress(deployment.redemptions)],
    ["ClaimEscrow", formatAddress(deployment.claims)],
    ["CommerceEscrow", formatAddress(deployment.commerce)],
    ["FxSwap", formatAddress(deployment.swap)],
    ["Dispatcher", formatAddress(deployment.dispatcher)],
    ["file", join(folder, "deployment.json")],
    ...members.map(({ role, account, delay }) => {
      return [role, `${formatAddress(account)}${delay === 0 ? "" : `  after ${delay} s`}`] as const;
    }),
  ];
  console.log(outcome === "deployed" ? "deployed" : "everything is in place: nothing was sent");
  for (const [name, value] of rows) console.log(`  ${name.padEnd(18)}${value}`);
  console.log("  no administrator can act without a delay");
  if (devnet) console.log("  DEVNET: delays are shortened and minting is on; not for real money");
}

async function main(): Promise<void> {
  const rpcUrl = process.env["RPC_URL"] ?? (await findHardhatUrl()) ?? "http://127.0.0.1:8545";
  const rpc = createRpc({ url: rpcUrl });
  const chainId = Number(await rpc.ask<Hex>("eth_chainId"));
  const devnet = (process.env["DEVNET"] ?? (chainId === localChainId ? "1" : "0")) === "1";
  const [accounts] = devnet ? await rpc.read([{ method: "eth_accounts", params: [] }]) : [];
  const unlocked = accounts?.ok === true ? (accounts.result as readonly Address[]) : [];
  const travelRuleLimit = readLimit();
  const outFolder = process.env["REMESA_DATA"] ?? join(".remesa", String(chainId));
  const result = await deploy({
    rpcUrl,
    deployerKey: readKey(),
    roleAddresses: readRoles(unlocked, devnet),
    ...(travelRuleLimit === null ? {} : { travelRuleLimit }),
    outFolder,
    devnet,
    report: (line) => console.log(line),
  });
  print(result, { folder: outFolder, devnet });
}

try {
  await main();
} catch (error) {
  if (!(error instanceof DeployError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
