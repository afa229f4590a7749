/**
 * Hierarchical keys for people: one phrase (BIP-39), its wallets at m/44'/60'/0'/0/i (BIP-32, BIP-44), kept in an encrypted JSON keystore
 * (scrypt at its standard cost). Promises that a phrase or key is on disk only encrypted, mode 0600, and that no file is overwritten.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { HDNodeWallet, Mnemonic, randomBytes } from "ethers";
import { decryptKeystore, type Opened, toParent, walletsPath } from "../src/chain/keystore.ts";
import { KeystoreRefused } from "../src/chain/passphrase.ts";
import { type Address, toLower } from "../src/domain/hex.ts";
import { Refusal } from "./terminal/refusal.ts";
import type { Terminal } from "./terminal/terminal.ts";

export { walletsPath };
/** Shortest passphrase for a new keystore: below this a stolen file is worth guessing. */
export const passphraseLength = 12;
/** BIP-32: hardened indices begin here. */
const indexLimit = 2 ** 31;

/** The wallets of one phrase, derived when first asked for. */
export interface Wallets {
  readonly phrase: string;
  at(index: number): HDNodeWallet;
  addressAt(index: number): Address;
  /** Index of an address among the first `accounts` wallets; null when it is none of them. */
  find(address: Address): number | null;
}

/** `accounts` bounds the search by address. */
export function createWallets(phrase: string, accounts = 1_000): Wallets {
  const parent = toParent(phrase);
  const wallets = new Map<number, HDNodeWallet>();
  const indices = new Map<Address, number>();
  let searched = 0;
  const at = (index: number): HDNodeWallet => {
    const known = wallets.get(index);
    if (known !== undefined) return known;
    const wallet = parent.deriveChild(index);
    wallets.set(index, wallet);
    indices.set(toLower(wallet.address), index);
    return wallet;
  };
  return {
    phrase,
    at,
    addressAt: (index) => toLower(at(index).address),
    find(address) {
      for (; !indices.has(address) && searched < accounts; searched++) at(searched);
      return indices.get(address) ?? null;
    },
  };
}

/** Reads `customer:17` as 17; null when the text has another form. */
export function parseCustomer(text: string): number | null {
  const match = /^customer:(0|[1-9]\d{0,9})$/.exec(text);
  const index = Number(match?.[1] ?? Number.NaN);
  return Number.isSafeInteger(index) && index < indexLimit ? index : null;
}

/** A new random phrase of 12 or 24 words. */
export function createPhrase(words: 12 | 24): string {
  return Mnemonic.fromEntropy(randomBytes(words === 12 ? 16 : 32)).phrase;
}

/** Reads a phrase someone wrote down; null when a word or the checksum is wrong. */
export function parsePhrase(text: string): string | null {
  const phrase = text.trim().toLowerCase().split(/\s+/).join(" ");
  return Mnemonic.isValidMnemonic(phrase) ? phrase : null;
}

export async function encryptKeystore(phrase: string, passphrase: string): Promise<string> {
  return `${await HDNodeWallet.fromMnemonic(Mnemonic.fromPhrase(phrase)).encrypt(passphrase)}\n`;
}

/** Writes a keystore that must not exist yet. */
export function writeKeystore(path: string, json: string): void {
  try {
    writeFileSync(path, json, { mode: 0o600, flag: "wx" });
  } catch (error) {
    const exists = (error as NodeJS.ErrnoException).code === "EEXIST";
    throw new Refusal({
      reason: exists ? `${path} exists already` : `${path} cannot be written: ${(error as Error).message}`,
      remedy: exists ? "A keystore is never overwritten: choose another --out." : "Choose another --out.",
    });
  }
}

const remedies: Readonly<Record<KeystoreRefused["why"], string>> = {
  unreadable: "Name the keystore with --keystore <file>; `remesa keys create` makes one.",
  not_a_keystore: "Name a file that `remesa keys create` or `import` wrote.",
  wrong_passphrase: "Check the passphrase and try again.",
  single_key: "Wallets are derived from a phrase: use `remesa keys import` with the phrase.",
  open_to_others: "Take the others' right to read it away.",
};

/** Opens a keystore. Refuses a file that is none, one without a phrase, and a wrong passphrase. */
export async function openKeystore(options: {
  readonly path: string;
  readonly passphrase: string;
  readonly accounts?: number;
}): Promise<Wallets> {
  let opened: Opened;
  try {
    opened = await decryptKeystore(options.path, options.passphrase);
  } catch (error) {
    if (!(error instanceof KeystoreRefused)) throw error;
    throw new Refusal({ reason: error.message, remedy: remedies[error.why] });
  }
  if (opened.kind === "key") {
    throw new Refusal({ reason: `${options.path} holds a single key, not a phrase`, remedy: remedies.single_key });
  }
  return createWallets(opened.phrase, options.accounts);
}

function readSecretFile(path: string): string {
  try {
    return readFileSync(path, "utf8").replace(/\r?\n$/, "");
  } catch {
    throw new Refusal({
      reason: `${path} cannot be read`,
      remedy: "Name a file that holds the passphrase on one line.",
    });
  }
}

/** The passphrase from `--passphrase-file`, REMESA_PASSPHRASE or a prompt, in this order. */
export async function readPassphrase(
  terminal: Terminal,
  options: { passphraseFile?: string | undefined },
): Promise<string> {
  if (options.passphraseFile !== undefined) return readSecretFile(options.passphraseFile);
  const given = terminal.env["REMESA_PASSPHRASE"];
  if (given !== undefined && given !== "") return given;
  const typed = await terminal.askSecret("Passphrase: ");
  if (typed !== null && typed !== "") return typed;
  throw new Refusal({
    reason: "no passphrase was given",
    remedy: "Use --passphrase-file <file>, set REMESA_PASSPHRASE, or run it in a terminal and type it.",
  });
}

/** A passphrase for a new keystore: long enough, and typed twice when it is typed. */
export async function choosePassphrase(
  terminal: Terminal,
  options: { passphraseFile?: string | undefined },
): Promise<string> {
  const passphrase = await readPassphrase(terminal, options);
  if (passphrase.length < passphraseLength) {
    throw new Refusal({
      reason: `the passphrase has ${passphrase.length} characters, at least ${passphraseLength} are needed`,
      remedy: "Choose a longer passphrase: it alone protects the keys when the file is stolen.",
    });
  }
  const silent = options.passphraseFile !== undefined || Boolean(terminal.env["REMESA_PASSPHRASE"]);
  if (!silent && (await terminal.askSecret("Again:      ")) !== passphrase) {
    throw new Refusal({ reason: "the two passphrases differ", remedy: "Run it again and type the same one twice." });
  }
  return passphrase;
}
