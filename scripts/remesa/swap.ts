/**
 * `remesa swap`: one coin against another, both or neither. Owns offering, accepting and cancelling a quote. Promises that the taker signs for
 * the terms in the offer's file, whose id is computed here: a node cannot put other terms behind the same id.
 */
import { existsSync } from "node:fs";
import type { Command } from "commander";
import { type Address, isHexOf, toLower } from "../../src/domain/hex.ts";
import { findAgreement, readAgreement, takeStep } from "../agreements.ts";
import { orderPatienceSeconds } from "../orders.ts";
import { signStruct } from "../payments/parties.ts";
import { type Asked, keepRecord, type Kept, readKept, toRecordPath } from "../payments/record.ts";
import type { Quote } from "../payments/resources.ts";
import { createQuote, type QuoteRecord, quoteRecord, signTakersLeg, toTermsId } from "../payments/terms.ts";
import { fetchNetwork, findCoin, type Network, openSession, persist, readNow, type Session } from "../session.ts";
import {
  type ActOptions,
  addActOptions,
  addDryRun,
  addNodeOptions,
  declareGroup,
  declareVerb,
  type ChangeOptions,
  type NodeOptions,
  readAct,
  readAmount,
  readMoment,
} from "../terminal/options.ts";
import { Refusal } from "../terminal/refusal.ts";
import { formatBlock, formatMoney, formatState, showResult } from "../terminal/screen.ts";
import type { Terminal } from "../terminal/terminal.ts";
import { addWalletOptions, openWallet, readParty, type WalletOptions } from "../wallets.ts";

interface OfferOptions extends NodeOptions, ChangeOptions, WalletOptions {
  readonly taker?: string;
  readonly sell?: string;
  readonly buy?: string;
  readonly validFor: string;
  readonly records?: string;
}
interface EndOptions extends ActOptions, WalletOptions {
  readonly records?: string;
}

const collection = "/v1/quotes";
const stepSeconds = 3_600;

/** `100.00 XUS` as an amount and its coin. */
function readSide(network: Network, text: string): { readonly coin: Address; readonly amount: string } {
  const [amount = "", symbol = "XUS"] = text.trim().split(/\s+/);
  const coin = findCoin(network, symbol);
  return { coin: coin.address, amount: `${readAmount(amount, coin)}` };
}

function describe(network: Network, terms: Record<"sellCoin" | "sellAmount" | "buyCoin" | "buyAmount", string>) {
  const money = (coin: string, units: string): string => {
    const known = network.coins.find(({ address }) => address === toLower(coin));
    return known === undefined ? `${units} base units of ${coin}` : formatMoney(BigInt(units), known);
  };
  return { sells: money(terms.sellCoin, terms.sellAmount), buys: money(terms.buyCoin, terms.buyAmount) };
}

function show(terminal: Terminal, options: NodeOptions, shown: { network: Network; quote: Quote }): void {
  const { network, quote } = shown;
  const { sells, buys } = describe(network, quote);
  const evidence = quote.steps.find(({ state }) => state === "settled")?.evidence ?? null;
  showResult(terminal, options, {
    value: quote,
    text: formatBlock(terminal, [
      ["quote", quote.id],
      ["maker", `${quote.maker} gives ${sells}`],
      ["taker", `${quote.taker} gives ${buys}`],
      ["valid until", quote.validBefore],
      ["state", formatState(terminal, quote.state)],
      ...(evidence === null ? [] : [["transaction", evidence.transaction] as const]),
    ]),
  });
}

function toPath(session: Session, reference: string, records: string | undefined): string {
  return toRecordPath(session, { kind: "swaps", reference, records });
}

/** The offer as the node takes it; offering it again is the same offer. */
async function postOffer(session: Session, { terms, signature, chainId }: QuoteRecord): Promise<Quote> {
  const post = () => session.client.post<Quote>(collection, { terms, signature, chainId });
  return persist(post, { patienceSeconds: orderPatienceSeconds });
}

async function runOffer(terminal: Terminal, reference: string, options: OfferOptions): Promise<void> {
  const session = openSession(terminal, options, []);
  const network = await fetchNetwork(session.client);
  const { wallet, taker, sell, buy, validFor } = options;
  const path = toPath(session, reference, options.records);
  const asked: Asked | null =
    wallet === undefined || taker === undefined || sell === undefined || buy === undefined
      ? null
      : { maker: wallet, taker, sell, buy, validFor };
  const make = async (): Promise<QuoteRecord> => {
    const [give, get] = [readSide(network, sell ?? ""), readSide(network, buy ?? "")];
    return createQuote(network, await openWallet(terminal, session, options), {
      taker: readParty(session, taker ?? "", "--taker"),
      sellCoin: give.coin,
      sellAmount: give.amount,
      buyCoin: get.coin,
      buyAmount: get.amount,
      validBefore: readMoment(validFor, { name: "--valid-for", now: readNow(network) }),
    });
  };
  const record = await keepRecord({ path, schema: quoteRecord, asked, make, dryRun: options.dryRun });
  if (options.dryRun === true) {
    const { sells, buys } = describe(network, record.terms);
    return showResult(terminal, options, {
      value: { dryRun: true, request: { terms: record.terms, signature: record.signature } },
      text: `Would offer ${sells} for ${buys}.\nDry run: nothing was asked.\n`,
    });
  }
  const quote = await postOffer(session, record);
  if (options.json !== true) terminal.note(`the offer for the taker: ${path}\n`);
  show(terminal, options, { network, quote });
}

/** The offer of a file or of a record here; refuses one whose id is not that of its terms. */
function readOffer(session: Session, network: Network, what: { name: string; records: string | undefined }) {
  const { name, records } = what;
  const path = existsSync(name) ? name : toPath(session, name, records);
  const kept: Kept<QuoteRecord> | null = readKept(path, quoteRecord);
  if (kept === null) throw new Refusal({ reason: `there is no offer ${name}`, remedy: "Ask the maker for its file." });
  const { record } = kept;
  if (record.chainId === network.chainId && toTermsId(network, "Quote", record.terms) === record.id) return record;
  throw new Refusal({ reason: `${name} is not an offer of this network`, remedy: "Do not sign it; ask the maker." });
}

async function runAccept(terminal: Terminal, name: string, options: EndOptions): Promise<void> {
  const { waitSeconds } = readAct(options);
  const session = openSession(terminal, options, []);
  const network = await fetchNetwork(session.client);
  const record = readOffer(session, network, { name, records: options.records });
  const { sells, buys } = describe(network, record.terms);
  if (options.dryRun === true) {
    return showResult(terminal, options, {
      value: { dryRun: true, id: record.id, terms: record.terms },
      text: `Would give ${buys} and get ${sells}.\nDry run: nothing was asked.\n`,
    });
  }
  const path = `${collection}/${record.id}`;
  if ((await findAgreement<Quote>(session.client, path)) === null) await postOffer(session, record);
  const quote = await takeStep<Quote>(session.client, {
    path,
    step: "accept",
    kinds: ["swap"],
    isDone: ({ state }) => state === "swapped",
    make: async () => ({
      signature: await signTakersLeg(network, await openWallet(terminal, session, options), record),
    }),
    waitSeconds,
  });
  show(terminal, options, { network, quote });
}

function readId(session: Session, name: string, records: string | undefined): string {
  if (isHexOf(name, 32)) return toLower(name);
  const kept = readKept(existsSync(name) ? name : toPath(session, name, records), quoteRecord);
  if (kept !== null) return kept.record.id;
  throw new Refusal({ reason: `quote ${name} is unknown here`, remedy: "Name it by its id, 0x…." });
}

async function runCancel(terminal: Terminal, name: string, options: EndOptions): Promise<void> {
  const { waitSeconds } = readAct(options);
  const session = openSession(terminal, options, []);
  const network = await fetchNetwork(session.client);
  const id = toLower(readId(session, name, options.records));
  const path = `${collection}/${id}`;
  if (options.dryRun === true) {
    const { state } = await readAgreement<Quote>(session.client, path);
    return showResult(terminal, options, {
      value: { dryRun: true, id, state },
      text: `Would cancel ${id}, which is ${state}.\nDry run: nothing was asked.\n`,
    });
  }
  const quote = await takeStep<Quote>(session.client, {
    path,
    step: "cancel",
    kinds: ["cancel-quote"],
    isDone: ({ state }) => state === "cancelled",
    make: async () => {
      const order = { deadline: readNow(network) + stepSeconds };
      const wallet = await openWallet(terminal, session, options);
      const message = { id, ...order };
      return { order, signature: await signStruct(network, wallet, { primaryType: "CancelQuote", message }) };
    },
    waitSeconds,
  });
  show(terminal, options, { network, quote });
}

const recordsOption = ["--records <folder>", "where offers are kept; default: swaps/ in the data folder"] as const;

export function addSwap(program: Command, terminal: Terminal): void {
  const group = declareGroup(program, {
    name: "swap",
    summary: "exchange one coin for another, both or neither",
    example: 'swap offer FX-3 --wallet Ana --taker Luis --sell "100.00 XUS" --buy "775.00 XGT"',
  });
  const offer = declareVerb(group, {
    name: "offer",
    summary: "sign a quote for a taker; nothing moves yet",
    example: 'swap offer FX-3 --wallet Ana --taker Luis --sell "100.00 XUS" --buy "775.00 XGT"',
  });
  addWalletOptions(addDryRun(addNodeOptions(offer)), "the maker's wallet")
    .argument("<reference>", "your reference; the same one is the same offer, always")
    .option("--taker <account>", "who may take it")
    .option("--sell <amount>", 'what you give, such as "100.00 XUS"')
    .option("--buy <amount>", 'what you get, such as "775.00 XGT"')
    .option("--valid-for <time>", "RFC 3339, or +30m, +24h; at most 30 days", "+1h")
    .option(...recordsOption)
    .action((reference: string, options: OfferOptions) => runOffer(terminal, reference, options));
  const accept = declareVerb(group, {
    name: "accept",
    summary: "take an offer: both legs move in one transaction",
    example: "swap accept FX-3 --wallet Luis",
  });
  addWalletOptions(addActOptions(accept), "the taker's wallet")
    .argument("<offer>", "the offer's file, or its reference in the data folder")
    .option(...recordsOption)
    .action((name: string, options: EndOptions) => runAccept(terminal, name, options));
  const cancel = declareVerb(group, {
    name: "cancel",
    summary: "withdraw an offer, on chain",
    example: "swap cancel FX-3 --wallet Ana",
  });
  addWalletOptions(addActOptions(cancel), "the maker's wallet")
    .argument("<offer>", "file, reference, or 0x…")
    .option(...recordsOption)
    .action((name: string, options: EndOptions) => runCancel(terminal, name, options));
  const look = declareVerb(group, { name: "show", summary: "show a quote", example: "swap show FX-3" });
  addNodeOptions(look)
    .argument("<offer>", "file, reference, or 0x…")
    .option(...recordsOption)
    .action(async (name: string, options: NodeOptions & { records?: string }) => {
      const session = openSession(terminal, options, []);
      const network = await fetchNetwork(session.client);
      const path = `${collection}/${readId(session, name, options.records)}`;
      show(terminal, options, { network, quote: await readAgreement<Quote>(session.client, path) });
    });
}
