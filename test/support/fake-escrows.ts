/**
 * What the escrows keep, for tests of the surface: claims, payments, quotes and due exits in memory, and terms that are right in every
 * respect. Owns the store's verbs about them; moves nothing by itself: tests put things into the state they need.
 */
import type {
  AgreementTerms,
  ClaimTerms,
  PaymentTerms,
  PaymentTotals,
  QuoteTerms,
} from "../../src/domain/agreement.ts";
import { type Address, toWord, type Word } from "../../src/domain/hex.ts";
import type { DueExit, Store, StoredAgreement, StoredQuote } from "../../src/pipeline/ports.ts";

export interface Kept {
  readonly agreements: Map<Word, StoredAgreement>;
  readonly quotes: Map<Word, StoredQuote>;
  readonly quoteEnds: Map<Word, "swap" | "cancel-quote">;
  readonly due: DueExit[];
  /** False: every maker has as many open offers as it may. */
  room: boolean;
}

export function createKept(): Kept {
  return { agreements: new Map(), quotes: new Map(), quoteEnds: new Map(), due: [], room: true };
}

function partiesOf({ kind, terms }: AgreementTerms): readonly Address[] {
  return kind === "claim" ? [terms.sender, terms.linkKey] : [terms.payer, terms.merchant, terms.arbiter];
}

type Reads = "readAgreement" | "listAgreements" | "listDue" | "offerQuote" | "readQuote" | "readQuoteEnd";

export function createEscrowReads(kept: Kept): Pick<Store, Reads> {
  return {
    readAgreement: async (id) => kept.agreements.get(id) ?? null,
    async listAgreements({ kind, account, limit }) {
      const found = [...kept.agreements.values()].filter(({ agreement }) => agreement.kind === kind);
      return found.filter(({ agreement }) => partiesOf(agreement).includes(account)).slice(0, limit);
    },
    listDue: async ({ now, limit }) => kept.due.filter(({ due }) => due <= now).slice(0, limit),
    async offerQuote(quote) {
      if (!kept.room) return false;
      if (!kept.quotes.has(quote.id)) kept.quotes.set(quote.id, quote);
      return true;
    },
    readQuote: async (id) => kept.quotes.get(id) ?? null,
    readQuoteEnd: async (_swap, id) => kept.quoteEnds.get(id) ?? null,
  };
}

const by: Address = "0x2000000000000000000000000000000000000001";
const evidence = { blockNumber: 100, blockHash: toWord(100n), transaction: toWord(5n), logIndex: 1, by };

/** The chain has a claim in this state. */
export function putClaim(kept: Kept, claim: { id: Word; escrow: Address; terms: ClaimTerms; state: string }): void {
  const { id, escrow, terms, state } = claim;
  const step = {
    ...evidence,
    step: "open",
    state: "open",
    actor: by,
    amount: terms.amount,
    fee: 0n,
    time: 1_800_000_000,
  };
  const agreement = { kind: "claim", terms } as const;
  kept.agreements.set(id, { id, escrow, agreement, state, totals: null, steps: [step] });
}

/** The chain has a payment with these totals. */
export function putPayment(
  kept: Kept,
  payment: { id: Word; escrow: Address; terms: PaymentTerms; totals?: Partial<PaymentTotals>; fee?: bigint },
): void {
  const { id, escrow, terms, fee = 0n } = payment;
  const totals = { captured: 0n, voided: 0n, refunded: 0n, disputed: false, ...payment.totals };
  const isClosed = totals.captured + totals.voided >= terms.amount;
  const state = isClosed ? "closed" : totals.disputed ? "disputed" : "authorized";
  const taken = { ...evidence, actor: by, time: 1_800_000_000 };
  const steps = [
    { ...taken, step: "authorize", state: "authorized", amount: terms.amount, fee: 0n },
    ...(totals.captured > 0n ? [{ ...taken, step: "capture", state, amount: totals.captured, fee }] : []),
  ];
  kept.agreements.set(id, { id, escrow, agreement: { kind: "payment", terms }, state, totals, steps });
}

interface Scene {
  readonly coin: Address;
  readonly other: Address;
  readonly from: Address;
  readonly to: Address;
  /** Block time, Unix seconds. */
  readonly now: number;
}

/** Terms that an escrow would take at that time. */
export function createClaimTerms({ coin, from, now }: Scene): ClaimTerms {
  return {
    coin,
    sender: from,
    amount: 2_000_000n,
    linkKey: "0xc100000000000000000000000000000000000001",
    attestor: "0xc100000000000000000000000000000000000002",
    handle: toWord(7n),
    cancelFrom: now + 100,
    expiry: now + 1_000,
    salt: toWord(8n),
  };
}

export function createPaymentTerms({ coin, from, to, now }: Scene): PaymentTerms {
  return {
    coin,
    payer: from,
    merchant: to,
    amount: 3_000_000n,
    feeReceiver: "0xc100000000000000000000000000000000000003",
    minFeeBps: 50,
    maxFeeBps: 100,
    arbiter: "0xc100000000000000000000000000000000000004",
    authorizeBy: now + 100,
    captureBy: now + 1_000,
    refundBy: now + 2_000,
    salt: toWord(9n),
  };
}

export function createQuoteTerms({ coin, other, from, to, now }: Scene): QuoteTerms {
  return {
    maker: from,
    taker: to,
    sellCoin: coin,
    sellAmount: 1_000_000n,
    buyCoin: other,
    buyAmount: 7_800_000n,
    validBefore: now + 600,
    salt: toWord(10n),
  };
}

/** Terms as a request states them. */
export function toBody(terms: object, ...without: readonly string[]): Record<string, unknown> {
  const entries = Object.entries(terms).filter(([name]) => !without.includes(name));
  return Object.fromEntries(
    entries.map(([name, value]) => [name, typeof value === "bigint" ? value.toString() : (value as unknown)]),
  );
}
