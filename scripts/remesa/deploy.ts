/**
 * `remesa deploy`: puts the contracts of a network on any EVM chain, from a terminal. Works without the node. Promises that running it again
 * changes nothing, that it never takes a private key from the command line, and that it ends with the proof of the role grid.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Command } from "commander";
import { Wallet } from "ethers";
import { DeployError, deploy, type DeployOptions, type DeployResult } from "../../src/chain/deploy.ts";
import { ChainFault } from "../../src/chain/rpc.ts";
import { operatorMembers, type RoleMember, roleMembers } from "../../src/chain/roles.ts";
import { readCredentials } from "../../src/config.ts";
import { type Address, formatAddress, type Hex, isHexOf, parseAddress, toLower } from "../../src/domain/hex.ts";
import { addDryRun, type ChangeOptions, declareVerb } from "../terminal/options.ts";
import { Refusal, toUsage } from "../terminal/refusal.ts";
import { formatBlock, formatTable, showResult } from "../terminal/screen.ts";
import type { Terminal } from "../terminal/terminal.ts";

interface DeployVerbOptions extends ChangeOptions {
  readonly rpcUrl: string;
  readonly keyFile?: string;
  readonly roles?: string;
  readonly out: string;
  readonly devnet?: true;
  readonly travelRuleLimit?: string;
}

type Roles = Readonly<Partial<Record<RoleMember, Address>>>;

function readKey(terminal: Terminal, path: string | undefined): Hex | undefined {
  const text = path === undefined ? terminal.env["REMESA_DEPLOYER_KEY"] : readFileOr(path);
  if (text === undefined || text === "") return undefined;
  const key = toLower(text.trim());
  if (isHexOf(key, 32)) return key;
  throw new Refusal({ reason: "the deployer's key is not 0x and 64 hexadecimal digits", remedy: "Check --key-file." });
}

function readFileOr(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    throw new Refusal({ reason: `${path} cannot be read`, remedy: "Check the file's name." });
  }
}

/** Role addresses of a JSON file; every entry is checked and an unknown role is a mistake. */
function readRoles(path: string): Roles {
  let value: unknown = null;
  try {
    value = JSON.parse(readFileOr(path));
  } catch (error) {
    if (error instanceof Refusal) throw error;
  }
  const entries = typeof value === "object" && value !== null && !Array.isArray(value) ? Object.entries(value) : [];
  const wrong = entries.filter(
    ([role, address]) =>
      !([...roleMembers, ...operatorMembers] as readonly string[]).includes(role) ||
      typeof address !== "string" ||
      parseAddress(address) === null,
  );
  if (entries.length > 0 && wrong.length === 0) {
    return Object.fromEntries(entries.map(([role, address]) => [role, toLower(String(address))]));
  }
  throw new Refusal({
    reason:
      entries.length === 0
        ? `${path} is not a JSON object`
        : `${path}: wrong entries: ${wrong.map(([role]) => role).join(", ")}`,
    remedy: `Give each of ${roleMembers.join(", ")} an address.`,
  });
}

/** A devnet's roles are the keys of its credentials. */
function readDevnetRoles(folder: string): Roles {
  const { roles } = readCredentials(folder);
  return Object.fromEntries(Object.entries(roles).map(([role, key]) => [role, toLower(new Wallet(key).address)]));
}

function chooseRoles(options: DeployVerbOptions): Roles {
  if (options.roles !== undefined) return readRoles(options.roles);
  if (options.devnet === true && existsSync(join(options.out, "credentials.json"))) return readDevnetRoles(options.out);
  throw new Refusal({
    reason: "it is not said who holds which role",
    remedy: `Give --roles <file.json> with an address for each of ${roleMembers.join(", ")}.`,
  });
}

function formatDeployment(terminal: Terminal, { deployment, outcome, members }: DeployResult, path: string): string {
  const block = formatBlock(terminal, [
    ["outcome", outcome === "deployed" ? "deployed" : "unchanged: everything was there already"],
    ["chain", deployment.chainId],
    ["authority", formatAddress(deployment.authority)],
    ...deployment.coins.map((coin) => [coin.symbol, `${formatAddress(coin.address)}  ${coin.name}`] as const),
    ["treasury", formatAddress(deployment.treasury)],
    ["registry", formatAddress(deployment.registry)],
    ["redemptions", formatAddress(deployment.redemptions)],
    ["claims", formatAddress(deployment.claims)],
    ["commerce", formatAddress(deployment.commerce)],
    ["swap", formatAddress(deployment.swap)],
    ["dispatcher", formatAddress(deployment.dispatcher)],
    ["written", path],
  ]);
  const rows = members.map(({ role, account, delay }) => [
    role,
    formatAddress(account),
    delay === 0 ? "at once" : `${delay} s`,
  ]);
  return `${block}\n${formatTable(terminal, { head: ["role", "held by", "acts after"], rows })}`;
}

/** Base units; undefined where the rule stays off. */
function readLimit(text: string | undefined): bigint | undefined {
  if (text === undefined || /^\d{1,19}$/.test(text)) return text === undefined ? undefined : BigInt(text);
  throw toUsage(`--travel-rule-limit is "${text}", not a whole number of base units with at most 19 digits`);
}

async function runDeploy(terminal: Terminal, options: DeployVerbOptions): Promise<void> {
  const travelRuleLimit = readLimit(options.travelRuleLimit);
  const roleAddresses = chooseRoles(options);
  const deployerKey = readKey(terminal, options.keyFile);
  if (options.dryRun === true) {
    const rows = Object.entries(roleAddresses).map(([role, address]) => [role, formatAddress(address)]);
    showResult(terminal, options, {
      value: { dryRun: true, rpcUrl: options.rpcUrl, roles: roleAddresses, out: options.out },
      text: `${formatTable(terminal, { head: ["role", "address"], rows })}Dry run: nothing was sent to ${options.rpcUrl}.\n`,
    });
    return;
  }
  const request: DeployOptions = {
    rpcUrl: options.rpcUrl,
    deployerKey,
    roleAddresses,
    outFolder: options.out,
    devnet: options.devnet === true,
    ...(travelRuleLimit === undefined ? {} : { travelRuleLimit }),
    report: (line) => terminal.note(`${line}\n`),
  };
  try {
    const result = await deploy(request);
    const path = join(options.out, "deployment.json");
    showResult(terminal, options, { value: result, text: formatDeployment(terminal, result, path) });
  } catch (error) {
    if (error instanceof ChainFault) {
      throw new Refusal({
        reason: `the chain at ${options.rpcUrl} does not answer: ${error.message}`,
        remedy: "Start it, or name another one; what was sent before is found again.",
      });
    }
    if (!(error instanceof DeployError)) throw error;
    throw new Refusal({
      reason: error.message,
      remedy: "Remove the cause and run it again: it goes on where it stopped.",
    });
  }
}

export function addDeploy(program: Command, terminal: Terminal): void {
  const verb = declareVerb(program, {
    name: "deploy",
    summary: "put the contracts on a chain",
    example: "deploy --rpc-url http://127.0.0.1:8545 --roles roles.json --key-file deployer.key --out .remesa/31337",
  });
  addDryRun(verb)
    .requiredOption("--out <folder>", "where deployment.json is written")
    .option("--rpc-url <url>", "the chain's JSON-RPC", "http://127.0.0.1:8545")
    .option("--roles <file.json>", "role → address; with --devnet default: the keys in <out>/credentials.json")
    .option(
      "--key-file <file>",
      "file with the deployer's private key; else REMESA_DEPLOYER_KEY, else an unlocked account",
    )
    .option(
      "--travel-rule-limit <units>",
      "base units from which on a payment between two wallet operators' families needs an attestation; default: none does",
    )
    .option("--devnet", "short delays and minting on; never for real money")
    .action((options: DeployVerbOptions) => runDeploy(terminal, options));
}
