/**
 * A devnet's data folder. Owns who may use it (one devnet at a time), which chain it belongs to, and the credentials in it. A folder of
 * another chain is set aside under a dated name; nothing in here is ever deleted, and no secret is printed.
 */
import { randomBytes } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import { generatePrivateKey, privateKeyToAccount } from "viem/accounts";
import { type Credentials, readCredentials, roleNames } from "../../src/config.ts";
import type { Hex } from "../../src/domain/hex.ts";
import { toLower } from "../../src/domain/hex.ts";

/** Sender keys of a devnet: enough for several transactions per block, few enough to read. */
const laneCount = 4;
/** The demo's people; the first pays the second. */
const people = [
  { name: "Ana", country: "US" },
  { name: "Luis", country: "GT" },
] as const;

export interface Folder {
  readonly path: string;
  /** Moves the folder away if it holds anything, and begins an empty one. Returns the new name, or null. */
  setAside(): string | null;
  release(): void;
}

/** Thrown with a sentence for a person: what is wrong and what to do. */
export class DevnetError extends Error {
  override readonly name = "DevnetError";
}

/** Held by the operating system until the process ends, however it ends. */
function takeLock(path: string): Database.Database {
  mkdirSync(path, { recursive: true });
  chmodSync(path, 0o700);
  const lock = new Database(join(path, "devnet.lock"), { timeout: 0 });
  try {
    lock.exec("BEGIN EXCLUSIVE");
    return lock;
  } catch {
    lock.close();
    throw new DevnetError(`${path} is in use by another devnet; stop that one or give --data <another folder>`);
  }
}

function dateName(path: string): string {
  const stamp = new Date()
    .toISOString()
    .replace(/\.\d+Z$/, "Z")
    .replaceAll(":", "");
  const base = `${path}.${stamp}`;
  for (let n = 0; ; n++) {
    const name = n === 0 ? base : `${base}-${n}`;
    if (!existsSync(name)) return name;
  }
}

/** Takes the folder for this process; throws DevnetError when another one has it. */
export function openFolder(path: string): Folder {
  let lock = takeLock(path);
  return {
    path,
    setAside() {
      if (readdirSync(path).every((name) => name.startsWith("devnet.lock"))) return null;
      lock.close();
      const name = dateName(path);
      renameSync(path, name);
      lock = takeLock(path);
      return name;
    },
    release: () => void lock.close(),
  };
}

/** The first block's hash of the chain this folder belongs to; null in a new folder. */
export function readGenesis(path: string): Hex | null {
  const file = join(path, "chain.json");
  if (!existsSync(file)) return null;
  const { genesis } = JSON.parse(readFileSync(file, "utf8")) as { genesis: Hex };
  return genesis;
}

export function writeGenesis(path: string, genesis: Hex): void {
  writeAtomic(join(path, "chain.json"), `${JSON.stringify({ genesis })}\n`);
}

function writeAtomic(file: string, text: string): void {
  writeFileSync(`${file}.new`, text, { mode: 0o600 });
  renameSync(`${file}.new`, file);
}

function createKey(): string {
  return `rk_${randomBytes(32).toString("base64url")}`;
}

function createCredentials(url: string): Credentials {
  return {
    url,
    apiKeys: (["operator", "approver", "auditor"] as const).map((role) => ({ name: role, role, key: createKey() })),
    lanes: Array.from({ length: laneCount }, () => generatePrivateKey()),
    roles: Object.fromEntries(roleNames.map((role) => [role, generatePrivateKey()])),
    wallets: people.map(({ name, country }) => {
      const privateKey = generatePrivateKey();
      return { name, country, address: toLower(privateKeyToAccount(privateKey).address), privateKey };
    }),
  };
}

/** The folder's credentials; fresh random ones in a new folder. Only the address of the node is ever changed afterwards. */
export function prepareCredentials(path: string, url: string): Credentials {
  const file = join(path, "credentials.json");
  const credentials = existsSync(file) ? { ...readCredentials(path), url } : createCredentials(url);
  writeAtomic(file, `${JSON.stringify(credentials, null, 2)}\n`);
  return credentials;
}
