/**
 * Encrypted key files: Web3 Secret Storage version 3, with one key, or with a phrase (BIP-39) whose wallets lie at m/44'/60'/0'/0/i (BIP-32,
 * BIP-44). Owns opening them. Promises that a wrong passphrase, a broken file and a file that others can read are told apart, and that neither
 * key, phrase nor passphrase is in any error.
 */
import { scrypt as nativeScrypt } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { getBytes, HDNodeWallet, hexlify, Mnemonic, scrypt, Wallet } from "ethers";
import type { Hex } from "../domain/hex.ts";
import { KeystoreRefused, requirePrivate } from "./passphrase.ts";

/** Parent of a phrase's wallets, as every common wallet derives them. */
export const walletsPath = "m/44'/60'/0'/0";
/** scrypt at N = 2^17, r = 8 needs 128 MiB; the rest is head room. A file that asks for more is refused, not served. */
const scryptMemory = 192 * 1024 * 1024;
/** A keystore has under a kilobyte. */
const largestFile = 64 * 1024;

// Node's own scrypt is the same function, about ten times faster than the portable one, so the standard cost is affordable everywhere.
scrypt.register(
  (password, salt, N, r, p, length) =>
    new Promise((resolve, reject) =>
      nativeScrypt(getBytes(password), getBytes(salt), length, { N, r, p, maxmem: scryptMemory }, (error, key) =>
        error === null ? resolve(hexlify(key)) : reject(error),
      ),
    ),
);

/** What a keystore holds: a phrase, or one key. */
export type Opened = { readonly kind: "phrase"; readonly phrase: string } | { readonly kind: "key"; readonly key: Hex };

/** Reads and decrypts a keystore. Throws KeystoreRefused. */
export async function decryptKeystore(path: string, passphrase: string): Promise<Opened> {
  let text: string;
  try {
    if (statSync(path).size > largestFile) throw new Error("too large");
    text = readFileSync(path, "utf8");
  } catch {
    throw new KeystoreRefused("unreadable", `${path} cannot be read`);
  }
  let wallet: Wallet | HDNodeWallet;
  try {
    wallet = await Wallet.fromEncryptedJson(text, passphrase);
  } catch (error) {
    // The cause is left out: a library's error may carry what it was given.
    throw error instanceof Error && error.message.includes("incorrect password")
      ? new KeystoreRefused("wrong_passphrase", `the passphrase does not open ${path}`)
      : new KeystoreRefused("not_a_keystore", `${path} is not an encrypted keystore`);
  }
  const mnemonic = "mnemonic" in wallet ? wallet.mnemonic : null;
  return mnemonic === null
    ? { kind: "key", key: wallet.privateKey as Hex }
    : { kind: "phrase", phrase: mnemonic.phrase };
}

/** The wallets of a phrase: one parent, children derived when asked for. */
export function toParent(phrase: string): HDNodeWallet {
  return HDNodeWallet.fromMnemonic(Mnemonic.fromPhrase(phrase), walletsPath);
}

/**
 * The first `count` private keys of a keystore that only its owner can read. A file with a single key has that one, whatever `count` is.
 * Throws KeystoreRefused.
 */
export async function readKeystoreKeys(options: {
  readonly path: string;
  readonly passphrase: string;
  readonly count: number;
}): Promise<readonly Hex[]> {
  requirePrivate(options.path, "the keystore");
  const opened = await decryptKeystore(options.path, options.passphrase);
  if (opened.kind === "key") return [opened.key];
  const parent = toParent(opened.phrase);
  return Array.from({ length: options.count }, (_, index) => parent.deriveChild(index).privateKey as Hex);
}
