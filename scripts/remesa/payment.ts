/**
 * `remesa payment`: put coins aside for a merchant, capture them in parts, give back, refund, dispute. Owns the sides' orders. Promises that an
 * amount is always named as the total afterwards, so that the same command twice captures, voids and refunds once.
 */
import type { Command } from "commander";
import { isHexOf, toLower, zeroAddress } from "../../src/domain/hex.ts";
import { formatAgreement, openAgreement, readAgreement, takeStep } from "../agreements.ts";
import { doneOf, isDone, kinds, type StepName, type StepWish, steps, toOrder } from "../payments/merchant.ts";
import { signStruct } from "../payments/parties.ts";
import { type Asked, keepRecord, readKept, toRecordPath } from "../payments/record.ts";
import type { Payment } from "../payments/resources.ts";
import { createPayment, type PaymentRecord, paymentRecord } from "../payments/terms.ts";
import type { Coin } from "../payments/check.ts";
import { fetchNetwork, findCoin, type Network, openSession, readNow, type Session } from "../session.ts";
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
  readWhole,
} from "../terminal/options.ts";
import { Refusal } from "../terminal/refusal.ts";
import { formatMoney, showResult } from "../terminal/screen.ts";
import type { Terminal } from "../terminal/terminal.ts";
import { addWalletOptions, openWallet, readParty, type WalletOptions } from "../wallets.ts";

interface OpenOptions extends ActOptions, WalletOptions {
  readonly amount?: string;
  readonly merchant?: string;
  readonly merchantWallet?: string;
  readonly currency: string;
  readonly feeReceiver?: string;
  readonly feeBps: string;
  readonly arbiter?: string;
  readonly authorizeBy: string;
  readonly captureBy: string;
  readonly refundBy: string;
  readonly records?: string;
}
interface NamedOptions extends NodeOptions {
  readonly records?: string;
}
interface StepInput extends ActOptions, WalletOptions, NamedOptions, StepWish {}

const collection = "/v1/payments";
const stepSeconds = 3_600;
function toCoin(network: Network, address: string): Coin {
  const coin = network.coins.find((known) => known.address === toLower(address));
  if (coin !== undefined) return coin;
  throw new Refusal({ reason: `coin ${address} is unknown`, remedy: "Check that --url is the payment's node." });
}

function show(terminal: Terminal, options: NodeOptions, shown: { network: Network; payment: Payment }): void {
  const { network, payment } = shown;
  const coin = toCoin(network, payment.coin);
  const money = (units: string): string => formatMoney(BigInt(units), coin);
  const { state, intent, steps } = payment;
  const pairs = [
    ["payment", payment.id],
    ["id", payment.paymentId],
    ["payer", payment.payer],
    ["merchant", payment.merchant ?? ""],
    ["amount", money(payment.amount)],
    ["captured", `${money(payment.captured)}, fees ${money(payment.fees)}`],
    ["voided", money(payment.voided)],
    ["refunded", money(payment.refunded)],
    ["remaining", money(payment.remaining)],
    ["anyone reclaims from", payment.reclaimFrom ?? "nothing is left"],
  ] as const;
  showResult(terminal, options, {
    value: payment,
    text: formatAgreement(terminal, { pairs, state, intent, steps, money }),
  });
}

// ——— opening ———

function toAsked(options: OpenOptions): Asked | null {
  const { amount, merchant, merchantWallet, wallet } = options;
  const to = merchant ?? merchantWallet;
  if (amount === undefined || to === undefined || wallet === undefined) return null;
  const { currency, feeReceiver = "none", feeBps, arbiter = "none", authorizeBy, captureBy, refundBy } = options;
  return {
    payer: wallet,
    merchant: to,
    amount,
    currency,
    feeReceiver,
    feeBps,
    arbiter,
    authorizeBy,
    captureBy,
    refundBy,
  };
}

/** `25` allows exactly that rate, `0..50` any in between. */
function readBounds(text: string): readonly [number, number] {
  const [low = "", high = low] = text.split("..");
  const read = (part: string) => readWhole(part, { name: "--fee-bps", least: 0, most: 10_000 });
  return [read(low), read(high)];
}

async function makePayment(
  terminal: Terminal,
  session: Session,
  { network, options }: { network: Network; options: OpenOptions },
): Promise<PaymentRecord> {
  const { merchantWallet, merchant, feeReceiver, arbiter } = options;
  const coin = findCoin(network, options.currency);
  const now = readNow(network);
  const [minFeeBps, maxFeeBps] = readBounds(options.feeBps);
  const amount = `${readAmount(options.amount ?? "", coin)}`;
  const payer = await openWallet(terminal, session, options);
  const merchants =
    merchantWallet === undefined ? null : await openWallet(terminal, session, { ...options, name: merchantWallet });
  const wish = {
    coin: coin.address,
    merchant: merchants === null ? readParty(session, merchant ?? "", "--merchant") : toLower(merchants.address),
    amount,
    feeReceiver: feeReceiver === undefined ? zeroAddress : readParty(session, feeReceiver, "--fee-receiver"),
    minFeeBps,
    maxFeeBps,
    arbiter: arbiter === undefined ? zeroAddress : readParty(session, arbiter, "--arbiter"),
    authorizeBy: readMoment(options.authorizeBy, { name: "--authorize-by", now }),
    captureBy: readMoment(options.captureBy, { name: "--capture-by", now }),
    refundBy: readMoment(options.refundBy, { name: "--refund-by", now }),
  };
  if (merchants === null) return createPayment(network, payer, wish);
  const order = { amount, feeBps: minFeeBps, voidRest: false, deadline: now + stepSeconds };
  return createPayment(network, payer, wish, { wallet: merchants, order });
}

async function runOpen(terminal: Terminal, reference: string, options: OpenOptions): Promise<void> {
  const { waitSeconds } = readAct(options);
  const session = openSession(terminal, options, []);
  const network = await fetchNetwork(session.client);
  const record = await keepRecord({
    path: toRecordPath(session, { kind: "payments", reference, records: options.records }),
    schema: paymentRecord,
    asked: toAsked(options),
    make: () => makePayment(terminal, session, { network, options }),
    dryRun: options.dryRun,
  });
  const { id, chainId, terms, signature, capture } = record;
  const { coin, ...rest } = terms;
  const body = { coin, terms: rest, signature, chainId, ...(capture === null ? {} : { capture }) };
  if (options.dryRun === true) {
    return showResult(terminal, options, {
      value: { dryRun: true, request: body },
      text: `Would ${capture === null ? "authorize" : "charge"} ${terms.amount} base units for ${terms.merchant}.\nDry run: nothing was asked.\n`,
    });
  }
  show(terminal, options, {
    network,
    payment: await openAgreement<Payment>(session.client, { collection, id, body, waitSeconds }),
  });
}

// ——— steps ———

function readId(session: Session, name: string, options: NamedOptions): string {
  if (isHexOf(name, 32)) return toLower(name);
  if (/^pay_[0-9a-z]{13}$/.test(name)) return name;
  const path = toRecordPath(session, { kind: "payments", reference: name, records: options.records });
  const kept = readKept(path, paymentRecord);
  if (kept !== null) return kept.record.id;
  throw new Refusal({ reason: `payment ${name} is unknown here`, remedy: "Name it by its id, pay_… or 0x…." });
}

async function runStep(
  terminal: Terminal,
  name: string,
  { step, options }: { step: StepName; options: StepInput },
): Promise<void> {
  const { waitSeconds } = readAct(options);
  const session = openSession(terminal, options, []);
  const network = await fetchNetwork(session.client);
  const path = `${collection}/${readId(session, name, options)}`;
  const found = await readAgreement<Payment>(session.client, path);
  const coin = toCoin(network, found.coin);
  if (options.dryRun === true) {
    const done = isDone(found, options, { step, coin });
    const order = done || step === "reclaim" ? null : toOrder(found, options, { step, coin, network }).order;
    return showResult(terminal, options, {
      value: { dryRun: true, step, done, order },
      text: `${done ? `Nothing is left to do: ${found.id} is past it.` : `Would ${step} ${found.id}: ${JSON.stringify(order)}`}\nDry run: nothing was asked.\n`,
    });
  }
  const make = async (payment: Payment): Promise<unknown> => {
    if (step === "reclaim") return {};
    const { order, struct } = toOrder(payment, options, { step, coin, network });
    return { order, signature: await signStruct(network, await openWallet(terminal, session, options), struct) };
  };
  const payment = await takeStep<Payment>(session.client, {
    path,
    step,
    kinds: [kinds[step]],
    isDone: (now) => isDone(now, options, { step, coin }),
    make,
    waitSeconds,
  });
  show(terminal, options, { network, payment });
}

// ——— the command line ———

const recordsOption = ["--records <folder>", "where records are kept; default: payments/ in the data folder"] as const;

function addOpening(group: Command, terminal: Terminal): void {
  for (const { name, summary, merchant, example } of [
    {
      name: "authorize",
      summary: "put coins aside for a merchant, who captures them later",
      merchant: ["--merchant <account>", "whom it is for"],
      example: "payment authorize ORDER-7 --wallet Ana --merchant Luis --amount 100.00",
    },
    {
      name: "charge",
      summary: "pay a merchant at once, with a refund window",
      merchant: ["--merchant-wallet <wallet>", "the merchant's wallet: it signs the capture"],
      example: "payment charge ORDER-8 --wallet Ana --merchant-wallet Luis --amount 40.00",
    },
  ] as const) {
    const verb = declareVerb(group, { name, summary, example });
    addWalletOptions(addActOptions(verb), "the payer's wallet")
      .argument("<reference>", "your reference; the same one is the same payment, always")
      .option("--amount <amount>", "decimal amount")
      .option(merchant[0], merchant[1])
      .option("--currency <symbol>", "the coin", "XUS")
      .option("--fee-receiver <account>", "who takes a fee of what is captured")
      .option("--fee-bps <bounds>", "hundredths of a percent: 25, or 0..50", "0")
      .option("--arbiter <account>", "who decides a dispute; without one there is none")
      .option("--authorize-by <time>", "RFC 3339 or +1h", "+1h")
      .option("--capture-by <time>", "at most 90 days; then anyone returns the rest", "+7d")
      .option("--refund-by <time>", "at most 180 days", "+30d")
      .option(...recordsOption)
      .action((reference: string, options: OpenOptions) => runOpen(terminal, reference, options));
  }
}

const stepFacts: Readonly<Record<StepName, { summary: string; whose: string | null; example: string }>> = {
  capture: { summary: "take some or all of it", whose: "the merchant's", example: "--wallet Luis --total 30.00" },
  void: { summary: "give some or all of the rest back", whose: "the merchant's", example: "--wallet Luis --rest" },
  refund: { summary: "pay back what was captured", whose: "the merchant's", example: "--wallet Luis --total 5.00" },
  dispute: { summary: "stop captures until the arbiter decides", whose: "the payer's", example: "--wallet Ana" },
  resolve: {
    summary: "divide the rest of a disputed payment",
    whose: "the arbiter's",
    example: "--wallet role:arbiter --to-merchant 20.00",
  },
  reclaim: { summary: "return the rest after the deadline; needs no key", whose: null, example: "" },
};

export function addPayment(program: Command, terminal: Terminal): void {
  const group = declareGroup(program, {
    name: "payment",
    summary: "authorize, capture, void, refund and dispute a merchant's payment",
    example: "payment authorize ORDER-7 --wallet Ana --merchant Luis --amount 100.00",
  });
  addOpening(group, terminal);
  for (const step of steps) {
    const { summary, whose, example } = stepFacts[step];
    const verb = declareVerb(group, { name: step, summary, example: `payment ${step} ORDER-7 ${example}`.trimEnd() });
    addActOptions(verb)
      .argument("<payment>", "reference, pay_… or 0x…")
      .option(...recordsOption)
      .action((name: string, options: StepInput) => runStep(terminal, name, { step, options }));
    if (whose !== null) addWalletOptions(verb, `${whose} wallet`);
    if (step in doneOf) {
      verb
        .option("--total <amount>", `the total afterwards: the same total is reached once`)
        .option("--rest", "everything that is left");
    }
    if (step === "resolve") verb.option("--to-merchant <amount>", "of the rest; 0 gives all of it back");
  }
  const verb = declareVerb(group, {
    name: "show",
    summary: "show a payment, its totals and deadlines",
    example: "payment show ORDER-7",
  });
  addNodeOptions(verb)
    .argument("<payment>", "reference, pay_… or 0x…")
    .option(...recordsOption)
    .action(async (name: string, options: NamedOptions) => {
      const session = openSession(terminal, options, []);
      const network = await fetchNetwork(session.client);
      const payment = await readAgreement<Payment>(session.client, `${collection}/${readId(session, name, options)}`);
      show(terminal, options, { network, payment });
    });
}
