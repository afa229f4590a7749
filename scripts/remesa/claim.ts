/**
 * `remesa claim`: money to a person without a wallet yet. Owns opening a claim, taking or declining it with the key in its link, cancelling and
 * reclaiming it. Promises that the link's key is printed only when asked with --link and never leaves this machine otherwise: the node sees
 * what it signed, not the key.
 */
import { existsSync } from "node:fs";
import type { Command } from "commander";
import { Wallet } from "ethers";
import { formatAddress, isHexOf, toLower, type Word, zeroAddress } from "../../src/domain/hex.ts";
import { ProblemError } from "../../src/http/client.ts";
import { formatAgreement, findAgreement, openAgreement, readAgreement, takeStep } from "../agreements.ts";
import {
  choosePassphrase,
  createPhrase,
  createWallets,
  encryptKeystore,
  openKeystore,
  readPassphrase,
  writeKeystore,
} from "../keystore.ts";
import { orderPatienceSeconds } from "../orders.ts";
import { signStruct } from "../payments/parties.ts";
import { keepRecord, readKept, toRecordPath } from "../payments/record.ts";
import type { Claim } from "../payments/resources.ts";
import { claimRecord, createClaim, formatLink, parseLink, type ClaimRecord } from "../payments/terms.ts";
import {
  fetchNetwork,
  findCoin,
  type Living,
  type Network,
  openSession,
  persist,
  readNow,
  type Session,
} from "../session.ts";
import {
  type ActOptions,
  addActOptions,
  addNodeOptions,
  declareGroup,
  declareVerb,
  type NodeOptions,
  readAct,
  readAmount,
  readMoment,
} from "../terminal/options.ts";
import { Refusal, toUsage } from "../terminal/refusal.ts";
import { formatBlock, formatMoney, showResult } from "../terminal/screen.ts";
import type { Terminal } from "../terminal/terminal.ts";
import { addWalletOptions, openWallet, readParty, type WalletOptions } from "../wallets.ts";

interface OpenOptions extends ActOptions, WalletOptions {
  readonly amount?: string;
  readonly to?: string;
  readonly currency: string;
  readonly attestor?: string;
  readonly cancelFrom: string;
  readonly expires: string;
  readonly records?: string;
  readonly link?: true;
}
interface TakeOptions extends ActOptions, WalletOptions {
  readonly to?: string;
  readonly newKeystore?: string;
  readonly attestedBy?: string;
}
interface NamedOptions extends NodeOptions {
  readonly records?: string;
}

/** The node takes a step's signature for an hour of block time; it is used at once. */
const stepSeconds = 3_600;
const patience = { patienceSeconds: orderPatienceSeconds };
const collection = "/v1/claims";

function show(terminal: Terminal, options: NodeOptions, shown: { network: Network; claim: Claim; link?: string }) {
  const { network, claim, link } = shown;
  const coin = network.coins.find(({ address }) => address === toLower(claim.coin));
  const money = (units: string): string =>
    coin === undefined ? `${units} base units` : formatMoney(BigInt(units), coin);
  const pairs = [
    ["claim", claim.id],
    ["id", claim.claimId],
    ["sender", claim.sender],
    ["amount", money(claim.amount)],
    ["attestor", claim.attestor ?? "none"],
    ["sender may cancel from", claim.cancelFrom ?? ""],
    ["expires", claim.expiry],
    ...(link === undefined ? [] : [["link", link] as const]),
  ] as const;
  const { state, intent, steps } = claim;
  showResult(terminal, options, {
    value: link === undefined ? claim : { ...claim, link },
    text: formatAgreement(terminal, { pairs, state, intent, steps, money }),
  });
}

/** What was asked for, with who asks; null where only the reference was given. */
function toAsked(options: OpenOptions, sender: string): Record<string, string> | null {
  const { amount, to, currency, attestor = "none", cancelFrom, expires } = options;
  if (amount === undefined || to === undefined) return null;
  return { sender, amount, to, currency, attestor, cancelFrom, expires };
}

async function makeClaim(
  terminal: Terminal,
  session: Session,
  { network, options }: { network: Network; options: OpenOptions },
): Promise<ClaimRecord> {
  const { amount = "", to = "", attestor } = options;
  const coin = findCoin(network, options.currency);
  const now = readNow(network);
  return createClaim(network, await openWallet(terminal, session, options), {
    coin: coin.address,
    amount: `${readAmount(amount, coin)}`,
    to,
    attestor: attestor === undefined ? zeroAddress : readParty(session, attestor, "--attestor"),
    // by the chain's own clock, which may be a second behind the wall's: "at once" is not "soon"
    cancelFrom: readMoment(options.cancelFrom, { name: "--cancel-from", now: network.blockTime ?? now }),
    expiry: readMoment(options.expires, { name: "--expires", now }),
  });
}

async function runOpen(terminal: Terminal, reference: string, options: OpenOptions): Promise<void> {
  const { waitSeconds } = readAct(options);
  const session = openSession(terminal, options, []);
  const network = await fetchNetwork(session.client);
  const path = toRecordPath(session, { kind: "claims", reference, records: options.records });
  const record = await keepRecord({
    path,
    schema: claimRecord,
    asked: toAsked(options, options.wallet ?? ""),
    make: () => makeClaim(terminal, session, { network, options }),
    dryRun: options.dryRun,
  });
  const { linkSecret: _, blinding: __, to: ___, id, chainId, terms, signature } = record;
  const { coin, ...rest } = terms;
  const body = { coin, terms: rest, signature, chainId };
  if (options.dryRun === true) {
    return showResult(terminal, options, {
      value: { dryRun: true, request: body },
      text: `Would open a claim of ${terms.amount} base units; it expires ${new Date(terms.expiry * 1_000).toISOString()}.\nDry run: nothing was asked.\n`,
    });
  }
  const claim = await openAgreement<Claim>(session.client, { collection, id, body, waitSeconds });
  show(terminal, options, { network, claim, ...(options.link === true ? { link: formatLink(record) } : {}) });
}

/** A claim by its id at the node, its 32-byte id, or the reference of a record. */
function readId(session: Session, name: string, options: NamedOptions): string {
  if (isHexOf(name, 32)) return toLower(name);
  if (/^clm_[0-9a-z]{13}$/.test(name)) return name;
  const kept = readKept(
    toRecordPath(session, { kind: "claims", reference: name, records: options.records }),
    claimRecord,
  );
  if (kept !== null) return kept.record.id;
  throw new Refusal({ reason: `claim ${name} is unknown here`, remedy: "Name it by its id, clm_… or 0x…." });
}

/** Whom the claim pays: a named account, or the first wallet of a new keystore. */
async function chooseRecipient(terminal: Terminal, session: Session, options: TakeOptions) {
  const { to, newKeystore } = options;
  if ((to === undefined) === (newKeystore === undefined)) throw toUsage("give either --to or --new-keystore");
  if (to !== undefined) return readParty(session, to, "--to");
  const path = newKeystore ?? "";
  if (existsSync(path)) {
    const passphrase = await readPassphrase(terminal, options);
    return (await openKeystore({ path, passphrase })).addressAt(0);
  }
  const phrase = createPhrase(12);
  const passphrase = await choosePassphrase(terminal, options);
  if (options.dryRun !== true) writeKeystore(path, await encryptKeystore(phrase, passphrase));
  return createWallets(phrase).addressAt(0);
}

/** The link from the argument, REMESA_LINK or a prompt: the shell remembers what is typed to it. */
async function readLink(terminal: Terminal, given: string | undefined) {
  const text = given ?? terminal.env["REMESA_LINK"] ?? (await terminal.askSecret("Link: "));
  if (text === null || text === "") throw toUsage("no link was given: name it, or set REMESA_LINK");
  return parseLink(text);
}

/**
 * Refuses when the claim went to somebody else: whoever holds the link is first. `order` is what this run sent; sent again it answers with its
 * end. Without one the claim was taken before, and only a key that may read histories can ask whom it paid.
 */
async function requirePaid(
  { terminal, session }: { terminal: Terminal; session: Session },
  { claim, recipient, order }: { claim: Claim; recipient: string; order: unknown },
): Promise<void> {
  const refusal = new Refusal({
    reason: `${claim.id} was taken by somebody else`,
    remedy: "Ask the sender: whoever has the link can take the claim.",
  });
  const { client } = session;
  if (order !== null) {
    const step = await persist(() => client.post<Living>(`${collection}/${claim.claimId}/claim`, order), patience);
    if (step.state !== "settled") throw refusal;
    return;
  }
  try {
    const { data } = await readAgreement<{ data: readonly Claim[] }>(client, `/v1/accounts/${recipient}/claims`);
    if (data.every(({ claimId }) => claimId !== claim.claimId)) throw refusal;
  } catch (error) {
    if (!(error instanceof ProblemError) || error.status !== 401) throw error;
    terminal.note("it was taken before this run; its transaction says whom it paid\n");
  }
}

async function runTake(terminal: Terminal, text: string | undefined, options: TakeOptions): Promise<void> {
  const { waitSeconds } = readAct(options);
  const { id, linkSecret } = await readLink(terminal, text);
  const session = openSession(terminal, options, ["auditor"]);
  const network = await fetchNetwork(session.client);
  const path = `${collection}/${id}`;
  const found = await readAgreement<Claim>(session.client, path);
  const recipient = await chooseRecipient(terminal, session, options);
  const link = new Wallet(linkSecret);
  let sent: unknown = null;
  const make = async (): Promise<unknown> => {
    const order = { recipient, deadline: readNow(network) + stepSeconds };
    const message = { id, ...order };
    const signature = await signStruct(network, link, { primaryType: "ClaimTo", message });
    if (found.attestor === null) return (sent = { order, signature });
    if (options.attestedBy === undefined) throw toUsage("the sender asked for an attestor: give --attested-by");
    const attestor = await openWallet(terminal, session, { ...options, name: options.attestedBy });
    const attestorSignature = await signStruct(network, attestor, { primaryType: "AttestClaim", message });
    return (sent = { order, signature, attestorSignature });
  };
  if (options.dryRun === true) {
    return showResult(terminal, options, {
      value: { dryRun: true, claimId: id, recipient: formatAddress(recipient) },
      text: formatBlock(terminal, [
        ["claim", id],
        ["state", found.state],
        ["recipient", `${formatAddress(recipient)} (dry run: nothing was asked)`],
      ]),
    });
  }
  const claim = await takeStep<Claim>(session.client, {
    path,
    step: "claim",
    kinds: ["claim"],
    isDone: ({ state }) => state === "claimed",
    make,
    waitSeconds,
  });
  if (claim.state === "claimed") {
    await requirePaid({ terminal, session }, { claim, recipient: formatAddress(recipient), order: sent });
  }
  show(terminal, options, { network, claim });
}

interface EndOptions extends ActOptions, WalletOptions, NamedOptions {}

/** Ends a claim by its sender, by its link, or by anyone; `make` makes the body. */
async function runEnd(
  terminal: Terminal,
  name: string | undefined,
  { step, to, options }: { step: "decline" | "cancel" | "reclaim"; to: Claim["state"]; options: EndOptions },
): Promise<void> {
  const { waitSeconds } = readAct(options);
  const session = openSession(terminal, options, []);
  const network = await fetchNetwork(session.client);
  const link = step === "decline" ? await readLink(terminal, name) : null;
  const path = `${collection}/${link?.id ?? readId(session, name ?? "", options)}`;
  const make = async ({ claimId }: Claim): Promise<unknown> => {
    if (step === "reclaim") return {};
    const order = { deadline: readNow(network) + stepSeconds };
    const wallet = link === null ? await openWallet(terminal, session, options) : new Wallet(link.linkSecret);
    const primaryType = step === "cancel" ? "CancelClaim" : "DeclineClaim";
    const message = { id: claimId as Word, ...order };
    return { order, signature: await signStruct(network, wallet, { primaryType, message }) };
  };
  if (options.dryRun === true) {
    const claim = await readAgreement<Claim>(session.client, path);
    return showResult(terminal, options, {
      value: { dryRun: true, step, claimId: claim.claimId, state: claim.state },
      text: `Would ${step} ${claim.id}, which is ${claim.state}.\nDry run: nothing was asked.\n`,
    });
  }
  const claim = await takeStep<Claim>(session.client, {
    path,
    step,
    kinds: [`${step}-claim`],
    isDone: ({ state }) => state === to,
    make,
    waitSeconds,
  });
  show(terminal, options, { network, claim });
}

async function runShow(terminal: Terminal, name: string, options: NamedOptions & { link?: true }): Promise<void> {
  const session = openSession(terminal, options, []);
  const network = await fetchNetwork(session.client);
  const id = readId(session, name, options);
  const claim = await findAgreement<Claim>(session.client, `${collection}/${id}`);
  if (claim === null) {
    throw new Refusal({ reason: `the node knows no claim ${name}`, remedy: "Open it first: `remesa claim open`." });
  }
  if (options.link !== true) return show(terminal, options, { network, claim });
  const path = toRecordPath(session, { kind: "claims", reference: name, records: options.records });
  const kept = readKept(path, claimRecord);
  if (kept === null) throw toUsage("the link is in the sender's record: name the claim by its reference");
  show(terminal, options, { network, claim, link: formatLink(kept.record) });
}

const recordsOption = [
  "--records <folder>",
  "where records and their link keys are kept; default: claims/ in the data folder",
] as const;

function addOpening(group: Command, terminal: Terminal): void {
  const open = declareVerb(group, {
    name: "open",
    summary: "put coins aside for whoever gets the link",
    example: "claim open C-17 --wallet Ana --amount 25.00 --to +50255501234 --link",
  });
  addWalletOptions(addActOptions(open), "the sender's wallet")
    .argument("<reference>", "your reference; the same one is the same claim, always")
    .option("--amount <amount>", "decimal amount")
    .option("--to <handle>", "whom it is for, such as a telephone number; on the chain only as a blinded tag")
    .option("--currency <symbol>", "the coin", "XUS")
    .option("--attestor <account>", "who must confirm the recipient too, such as the sender of a one-time code")
    .option("--cancel-from <time>", "from when on you may take it back: RFC 3339, or +1h, +2d", "+1h")
    .option("--expires <time>", "from when on anyone sends it back: RFC 3339, or +7d; at most 180 days", "+7d")
    .option(...recordsOption)
    .option("--link", "print the link: whoever has it can take the claim")
    .action((reference: string, options: OpenOptions) => runOpen(terminal, reference, options));
  const take = declareVerb(group, {
    name: "take",
    summary: "take a claim with its link; the money goes to the named account",
    example: "claim take 'remesa:claim/0x5c7d…ab2b#91f0…77' --to 0x249C68Fdee94518F3C453E2cefB5a74062214634",
  });
  addWalletOptions(addActOptions(take), "not needed: the link's key signs")
    .argument("[link]", "as the sender gave it; else REMESA_LINK, else a prompt")
    .option("--to <account>", "whom to pay; needs no history and no gas")
    .option("--new-keystore <file>", "pay a new wallet, kept encrypted in this file; the one in it when there is one")
    .option("--attested-by <wallet>", "the attestor's wallet, where the sender asked for one")
    .action((link: string | undefined, options: TakeOptions) => runTake(terminal, link, options));
}

function addEnds(group: Command, terminal: Terminal): void {
  for (const { step, to, summary, argument } of [
    { step: "decline", to: "declined", summary: "send a claim back with its link's key", argument: "[link]" },
    { step: "cancel", to: "cancelled", summary: "take back your own claim", argument: "<claim>" },
    { step: "reclaim", to: "reclaimed", summary: "return an expired claim; needs no key", argument: "<claim>" },
  ] as const) {
    const name = step === "decline" ? "'remesa:claim/0x5c7d…ab2b#91f0…77'" : "C-17";
    const wallet = step === "cancel" ? " --wallet Ana" : "";
    const verb = declareVerb(group, { name: step, summary, example: `claim ${step} ${name}${wallet}` });
    addActOptions(verb)
      .argument(argument, step === "decline" ? "as for take" : "reference, clm_… or 0x…")
      .option(...recordsOption)
      .action((text: string | undefined, options: EndOptions) => runEnd(terminal, text, { step, to, options }));
    if (step === "cancel") addWalletOptions(verb, "the sender's wallet");
  }
}

export function addClaim(program: Command, terminal: Terminal): void {
  const group = declareGroup(program, {
    name: "claim",
    summary: "send money to a person without a wallet yet",
    example: "claim open C-17 --wallet Ana --amount 25.00 --to +50255501234 --link",
  });
  addOpening(group, terminal);
  addEnds(group, terminal);
  const verb = declareVerb(group, {
    name: "show",
    summary: "show a claim and its deadlines",
    example: "claim show C-17",
  });
  addNodeOptions(verb)
    .argument("<claim>", "reference, clm_… or 0x…")
    .option(...recordsOption)
    .option("--link", "print the link again; needs the sender's record")
    .action((name: string, options: NamedOptions & { link?: true }) => runShow(terminal, name, options));
}
