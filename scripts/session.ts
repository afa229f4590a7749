/**
 * A verb's session with the running node: which data folder, which URL, which API key, and what to do when the node does not answer. Promises
 * that every question is safe to ask again, so an outage only costs time; no verb ever sees a lost answer as a failure.
 */
import { createHash } from "node:crypto";
import { existsSync, readdirSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { type ApiRole, type Credentials, readCredentials, readDeployment } from "../src/config.ts";
import { type Address, parseAddress } from "../src/domain/hex.ts";
import { type Client, createClient, ProblemError } from "../src/http/client.ts";
import type { Network as NetworkView } from "../src/http/views.ts";
import type { Coin } from "./payments/check.ts";
import type { NodeOptions } from "./terminal/options.ts";
import { Refusal } from "./terminal/refusal.ts";
import type { Terminal } from "./terminal/terminal.ts";

const defaultUrl = "http://127.0.0.1:3000";
/** Longest single wait that the node allows for one request, in seconds. */
const longPollSeconds = 25;
const shortestPauseMs = 200;
const longestPauseMs = 5_000;

/** What a client must know of a network to sign for it. All addresses lowercase. */
export interface Network {
  readonly chainId: number;
  readonly coins: readonly Coin[];
  readonly authority: Address;
  readonly treasury: Address;
  readonly redemptions: Address;
  readonly claims: Address;
  readonly commerce: Address;
  readonly swap: Address;
  readonly registry: Address;
  readonly dispatcher: Address;
  /** Time of the newest block, Unix seconds; null when nobody was asked. Validity is judged by it, not by our clock. */
  readonly blockTime: number | null;
}

export interface Session {
  readonly client: Client;
  readonly url: string;
  /** Null when only a URL was given. */
  readonly folder: string | null;
  readonly credentials: Credentials | null;
}

/** The newest `.remesa/<chainId>/` with credentials; folders set aside have other names and are passed over. */
function findNewestFolder(terminal: Terminal): string | null {
  const root = join(terminal.folder, ".remesa");
  if (!existsSync(root)) return null;
  const folders = readdirSync(root)
    .filter((name) => /^\d+$/.test(name) && existsSync(join(root, name, "credentials.json")))
    .map((name) => ({ path: join(root, name), time: statSync(join(root, name, "credentials.json")).mtimeMs }));
  return folders.toSorted((a, b) => b.time - a.time)[0]?.path ?? null;
}

/** The data folder of `--data`, REMESA_DATA, or the newest one; null when there is none. */
export function findDataFolder(terminal: Terminal, options: Pick<NodeOptions, "data">): string | null {
  const named = options.data ?? terminal.env["REMESA_DATA"];
  if (named === undefined || named === "") return findNewestFolder(terminal);
  if (existsSync(named)) return named;
  throw new Refusal({ reason: `${named} does not exist`, remedy: "Name the node's data folder with --data <folder>." });
}

/** As `findDataFolder`, where the verb cannot do without. */
export function requireDataFolder(terminal: Terminal, options: Pick<NodeOptions, "data">): string {
  const folder = findDataFolder(terminal, options);
  if (folder !== null) return folder;
  throw new Refusal({
    reason: "there is no data folder here",
    remedy: "Name it with --data <folder>, or start a devnet with `npm start`.",
  });
}

/** Opens a session. `roles`: whose key to take from the data folder, the first one that is there. */
export function openSession(terminal: Terminal, options: NodeOptions, roles: readonly ApiRole[]): Session {
  const explicitUrl = options.url ?? terminal.env["REMESA_URL"];
  const explicitKey = options.key ?? terminal.env["REMESA_KEY"];
  const folder = findDataFolder(terminal, options);
  const credentials = folder !== null && existsSync(join(folder, "credentials.json")) ? readCredentials(folder) : null;
  const url = explicitUrl ?? credentials?.url ?? defaultUrl;
  const keys = roles.flatMap((role) => credentials?.apiKeys.filter((apiKey) => apiKey.role === role) ?? []);
  const key = explicitKey ?? keys[0]?.key;
  return { client: createClient(key === undefined ? { url } : { url, key }), url, folder, credentials };
}

function toAddress(text: string): Address {
  const address = parseAddress(text);
  if (address !== null) return address;
  throw new Refusal({
    reason: `the node answered "${text}" as an address`,
    remedy: "Check that --url is a Remesa node.",
  });
}

/** What the running node says about its network. */
export async function fetchNetwork(client: Client, patience: Patience = { patienceSeconds: 0 }): Promise<Network> {
  const network = await persist(() => client.get<NetworkView>("/v1/network"), patience);
  const { contracts } = network;
  return {
    chainId: network.chainId,
    coins: network.coins.map((coin) => ({ ...coin, address: toAddress(coin.address) })),
    authority: toAddress(contracts.authority),
    treasury: toAddress(contracts.treasury),
    redemptions: toAddress(contracts.redemptions),
    claims: toAddress(contracts.claims),
    commerce: toAddress(contracts.commerce),
    swap: toAddress(contracts.swap),
    registry: toAddress(contracts.registry),
    dispatcher: toAddress(contracts.dispatcher),
    blockTime: network.latest === null ? null : Math.floor(Date.parse(network.latest.time) / 1_000),
  };
}

/** The network of `--deployment`: a folder, its deployment.json, or a node's URL; by default the data folder's. */
export async function readNetwork(
  terminal: Terminal,
  options: { readonly deployment?: string; readonly data?: string },
): Promise<Network> {
  const { deployment } = options;
  if (deployment !== undefined && /^https?:\/\//.test(deployment)) {
    return fetchNetwork(createClient({ url: deployment }));
  }
  const folder = deployment ?? requireDataFolder(terminal, options);
  const { block: _, ...found } = readDeployment(basename(folder) === "deployment.json" ? dirname(folder) : folder);
  return { ...found, blockTime: null };
}

/** Now as the chain sees it: its newest block's time, or the wall clock where that is later or no block is known. Unix seconds. */
export function readNow(network: Pick<Network, "blockTime">): number {
  return Math.max(network.blockTime ?? 0, Math.floor(Date.now() / 1_000));
}

export function findCoin(network: Pick<Network, "coins">, symbol: string): Coin {
  const coin = network.coins.find((candidate) => candidate.symbol === symbol);
  if (coin !== undefined) return coin;
  const known = network.coins.map((candidate) => candidate.symbol).join(", ");
  throw new Refusal({ reason: `currency ${symbol} is unknown`, remedy: `The network has ${known}.` });
}

/** An Idempotency-Key that follows from what is asked: the same verb with the same content has the same key. */
export function deriveKey(verb: string, content: readonly (string | number | bigint | boolean | null)[]): string {
  const text = JSON.stringify(content.map((part) => (typeof part === "bigint" ? part.toString() : part)));
  return `${verb}-${createHash("sha256").update(text).digest("hex").slice(0, 40)}`;
}

function isConnectionLost(error: unknown): boolean {
  // What fetch throws when there is no connection, or when it breaks while the answer is read.
  if (error instanceof TypeError) return error.message === "fetch failed" || error.message === "terminated";
  return error instanceof DOMException && error.name === "TimeoutError";
}

function isWorthRepeating(error: unknown): boolean {
  return isConnectionLost(error) || (error instanceof ProblemError && (error.retryable || error.status >= 502));
}

export interface Patience {
  /** How long silence is borne. */
  readonly patienceSeconds: number;
  /** Called before each further attempt. */
  readonly onOutage?: (reason: string) => void;
}

/** Says once per reason that a verb waits, so that it is never silent for minutes. */
export function announceOutage(terminal: Terminal): (reason: string) => void {
  const said = new Set<string>();
  return (reason) => {
    if (!said.has(reason)) terminal.note(`waiting: ${reason}\n`);
    said.add(reason);
  };
}

/** Asks until there is an answer that repeating would not change, for at most `patienceSeconds` of silence. */
export async function persist<T>(ask: () => Promise<T>, options: Patience): Promise<T> {
  const until = performance.now() + options.patienceSeconds * 1_000;
  for (let pause = shortestPauseMs; ; pause = Math.min(pause * 2, longestPauseMs)) {
    try {
      return await ask();
    } catch (error) {
      if (!isWorthRepeating(error) || performance.now() + pause > until) throw error;
      options.onOutage?.(error instanceof ProblemError ? error.code : "node does not answer");
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
  }
}

/** What every resource of the node has that lives until it has ended. */
export interface Living {
  readonly id: string;
  readonly state: string;
  readonly held: boolean;
  readonly reason: string | null;
  readonly digest: string;
  readonly evidence: { readonly transaction: string; readonly block: number; readonly logIndex: number } | null;
}

export const endStates: readonly string[] = ["settled", "cancelled", "superseded", "expired"];

/** Looks at a resource until it has ended or `waitSeconds` are over; returns what it is then. */
export async function waitUntilEnded<T extends Living>(
  client: Client,
  options: { readonly path: string; readonly waitSeconds: number; readonly patienceSeconds: number },
): Promise<T> {
  const until = performance.now() + options.waitSeconds * 1_000;
  for (;;) {
    const left = Math.max(0, Math.ceil((until - performance.now()) / 1_000));
    const wait = Math.min(left, longPollSeconds);
    const resource = await persist(() => client.get<T>(`${options.path}?wait=${wait}`), options);
    if (endStates.includes(resource.state) || left === 0) return resource;
  }
}

/** Turns an error of the node or the connection into a refusal with a remedy; null when it is neither. */
export function toRefusal(error: unknown): Refusal | null {
  if (error instanceof Refusal) return error;
  if (error instanceof ProblemError) {
    const reasons = error.errors.map(({ code, subject, actual, limit }) => {
      const compared = [actual === undefined ? "" : `is ${actual}`, limit === undefined ? "" : `limit ${limit}`];
      return [`${code}: ${subject}`, ...compared.filter((part) => part !== "")].join(" ");
    });
    const remedies = error.errors.map(({ remedy }) => remedy);
    return new Refusal({
      reason: reasons.length > 0 ? reasons.join("; ") : `${error.code}: ${error.detail}`,
      remedy: remedies.length > 0 ? [...new Set(remedies)].join(" ") : error.detail,
    });
  }
  if (isConnectionLost(error)) {
    const { cause } = error as Error;
    const because = cause instanceof Error && cause.message !== "" ? ` (${cause.message})` : "";
    return new Refusal({
      reason: `the node does not answer${because}`,
      remedy: "Start it with `npm start`, or name the right one with --url.",
    });
  }
  return null;
}
