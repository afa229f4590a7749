/**
 * Whose key signs: a wallet of an encrypted keystore, or in a devnet one of its people or roles by name. Owns those names and the options that
 * carry them; promises that no key is ever taken from the command line, where the shell would remember it.
 */
import type { Command } from "commander";
import { type HDNodeWallet, Wallet } from "ethers";
import { type Address, parseAddress, toLower } from "../src/domain/hex.ts";
import { openKeystore, parseCustomer, readPassphrase } from "./keystore.ts";
import type { Session } from "./session.ts";
import { Refusal, toUsage } from "./terminal/refusal.ts";
import type { Terminal } from "./terminal/terminal.ts";

export type Signer = Wallet | HDNodeWallet;

export interface WalletOptions {
  readonly wallet?: string;
  readonly keystore?: string;
  readonly passphraseFile?: string;
}

export function addWalletOptions(verb: Command, whose: string): Command {
  return verb
    .option(
      "--wallet <wallet>",
      `${whose}: customer:<index> of --keystore, or in a devnet a wallet by name or role:<name>`,
    )
    .option("--keystore <file>", "encrypted keystore of the wallet")
    .option("--passphrase-file <file>", "file with the passphrase; else REMESA_PASSPHRASE, else a prompt");
}

function findDemo(session: Session, name: string): Wallet | null {
  const { credentials } = session;
  const person = credentials?.wallets.find((wallet) => wallet.name.toLowerCase() === name.toLowerCase());
  if (person !== undefined) return new Wallet(person.privateKey);
  const role = Object.entries(credentials?.roles ?? {}).find(([known]) => `role:${known}` === name);
  return role === undefined ? null : new Wallet(role[1]);
}

function refuseUnknown(session: Session, name: string): Refusal {
  const names = session.credentials?.wallets.map((wallet) => wallet.name).join(", ") ?? "";
  return new Refusal({
    reason: `wallet "${name}" is unknown`,
    remedy: `Give --wallet customer:<index> with --keystore <file>${names === "" ? "" : `, or one of ${names}`}.`,
  });
}

/** Opens the wallet that `--wallet` names, or another one named `name` with the same keystore. */
export async function openWallet(
  terminal: Terminal,
  session: Session,
  options: WalletOptions & { readonly name?: string },
): Promise<Signer> {
  const name = options.name ?? options.wallet;
  if (name === undefined) throw toUsage("name whose key signs with --wallet");
  const index = parseCustomer(name);
  if (index !== null && options.keystore !== undefined) {
    const passphrase = await readPassphrase(terminal, options);
    return (await openKeystore({ path: options.keystore, passphrase })).at(index);
  }
  const demo = findDemo(session, name);
  if (demo !== null) return demo;
  throw refuseUnknown(session, name);
}

/** An account by its address, or in a devnet by the name of its wallet. */
export function readParty(session: Session, text: string, option: string): Address {
  const demo = findDemo(session, text);
  if (demo !== null) return toLower(demo.address);
  const address = parseAddress(text);
  if (address !== null) return address;
  throw toUsage(`${option} "${text}" is neither an address with a right checksum nor a wallet of this devnet`);
}
