/**
 * `remesa keys`: makes, imports and shows keystores. Works without a node and without a network. Promises to print a phrase or a private key
 * only when asked with --reveal, and never to take one from the command line, where the shell would remember it.
 */
import { readFileSync } from "node:fs";
import type { Command } from "commander";
import { formatAddress } from "../../src/domain/hex.ts";
import {
  choosePassphrase,
  createPhrase,
  createWallets,
  encryptKeystore,
  openKeystore,
  parsePhrase,
  readPassphrase,
  type Wallets,
  walletsPath,
  writeKeystore,
} from "../keystore.ts";
import { addDryRun, type ChangeOptions, declareVerb, type OutputOptions, readWhole } from "../terminal/options.ts";
import { Refusal, toUsage } from "../terminal/refusal.ts";
import { formatBlock, formatTable, showResult } from "../terminal/screen.ts";
import type { Terminal } from "../terminal/terminal.ts";

interface NewKeystoreOptions extends ChangeOptions {
  readonly out: string;
  readonly passphraseFile?: string;
}

interface ShowOptions extends OutputOptions {
  readonly keystore: string;
  readonly passphraseFile?: string;
  readonly from: string;
  readonly count: string;
  readonly reveal?: true;
}

/** More than this on one screen is a mistake; page with --from. */
const shownLimit = 1_000;

async function saveKeystore(terminal: Terminal, phrase: string, options: NewKeystoreOptions): Promise<void> {
  const path = options.out;
  const passphrase = await choosePassphrase(terminal, options);
  const address = formatAddress(createWallets(phrase).addressAt(0));
  if (options.dryRun !== true) writeKeystore(path, await encryptKeystore(phrase, passphrase));
  const shown = options.dryRun === true ? `${path} (dry run: nothing was written)` : path;
  showResult(terminal, options, {
    value: { keystore: options.dryRun === true ? null : path, address },
    text: formatBlock(terminal, [
      ["keystore", shown],
      ["first wallet", `${address}  (customer:0, ${walletsPath}/0)`],
      ["the phrase", "was not printed; `remesa keys show --reveal` prints it, to be kept on paper"],
    ]),
  });
}

async function readPhrase(terminal: Terminal, phraseFile: string | undefined): Promise<string> {
  let text: string | null;
  try {
    text = phraseFile === undefined ? await terminal.askSecret("Phrase: ") : readFileSync(phraseFile, "utf8");
  } catch {
    throw new Refusal({ reason: `${phraseFile} cannot be read`, remedy: "Name a file that holds the phrase." });
  }
  if (text === null) {
    throw new Refusal({
      reason: "no phrase was given",
      remedy: "Use --phrase-file <file>, or run it in a terminal and type it.",
    });
  }
  const phrase = parsePhrase(text);
  if (phrase !== null) return phrase;
  throw new Refusal({
    reason: "the phrase is not a BIP-39 phrase: a word is unknown or the checksum is wrong",
    remedy: "Compare it word for word with the paper; nothing was written.",
  });
}

function listWallets(wallets: Wallets, options: { from: number; count: number; reveal: boolean }) {
  return Array.from({ length: options.count }, (_, offset) => {
    const index = options.from + offset;
    const wallet = wallets.at(index);
    return {
      customer: `customer:${index}`,
      path: `${walletsPath}/${index}`,
      address: formatAddress(wallets.addressAt(index)),
      ...(options.reveal ? { privateKey: wallet.privateKey } : {}),
    };
  });
}

async function showKeystore(terminal: Terminal, options: ShowOptions): Promise<void> {
  const from = readWhole(options.from, { name: "--from", least: 0, most: 2 ** 31 - 1 - shownLimit });
  const count = readWhole(options.count, { name: "--count", least: 1, most: shownLimit });
  const reveal = options.reveal === true;
  const wallets = await openKeystore({
    path: options.keystore,
    passphrase: await readPassphrase(terminal, options),
  });
  const list = listWallets(wallets, { from, count, reveal });
  const table = formatTable(terminal, {
    head: ["customer", "path", "address", ...(reveal ? ["private key"] : [])],
    rows: list.map((wallet) => Object.values(wallet)),
  });
  showResult(terminal, options, {
    value: { ...(reveal ? { phrase: wallets.phrase } : {}), wallets: list },
    text: reveal ? `${formatBlock(terminal, [["phrase", wallets.phrase]])}\n${table}` : table,
  });
}

export function addKeys(program: Command, terminal: Terminal): void {
  const keys = program
    .command("keys")
    .summary("make, import and show encrypted keystores")
    .description("Makes, imports and shows encrypted keystores: one phrase each, wallets at m/44'/60'/0'/0/<index>.")
    .addHelpText("after", "\nExample:\n  $ remesa keys create --out treasury.json\n");
  const passphrase = [
    "--passphrase-file <file>",
    "file with the passphrase; else REMESA_PASSPHRASE, else a prompt",
  ] as const;

  addDryRun(
    declareVerb(keys, {
      name: "create",
      summary: "make a new phrase and encrypt it",
      example: "keys create --out treasury.json",
    }),
  )
    .requiredOption("--out <file>", "the keystore to write; never overwritten")
    .option("--words <count>", "length of the phrase, 12 or 24", "24")
    .option(...passphrase)
    .action(async (options: NewKeystoreOptions & { words: string }) => {
      if (options.words !== "12" && options.words !== "24")
        throw toUsage(`--words is "${options.words}", not 12 or 24`);
      await saveKeystore(terminal, createPhrase(options.words === "12" ? 12 : 24), options);
    });

  addDryRun(
    declareVerb(keys, {
      name: "import",
      summary: "encrypt a phrase you have",
      example: "keys import --phrase-file phrase.txt --out treasury.json",
    }),
  )
    .requiredOption("--out <file>", "the keystore to write; never overwritten")
    .option("--phrase-file <file>", "file with the phrase; else a prompt")
    .option(...passphrase)
    .action(async (options: NewKeystoreOptions & { phraseFile?: string }) => {
      await saveKeystore(terminal, await readPhrase(terminal, options.phraseFile), options);
    });

  declareVerb(keys, {
    name: "show",
    summary: "list the wallets of a keystore",
    example: "keys show --keystore treasury.json --count 5",
  })
    .requiredOption("--keystore <file>", "the keystore")
    .option("--from <index>", "first wallet shown", "0")
    .option("--count <count>", "how many", "5")
    .option("--reveal", "print the phrase and the private keys too")
    .option(...passphrase)
    .action((options: ShowOptions) => showKeystore(terminal, options));
}
