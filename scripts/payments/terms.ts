/**
 * Terms of claims, payments and swaps as their parties make and keep them. Owns the three records: terms, the signature that opens them, and
 * for a claim the key in its link, which is nowhere else. Amounts are decimal strings of base units, times Unix seconds.
 */
import { randomBytes } from "node:crypto";
import { Wallet } from "ethers";
import { z } from "zod";
import { type Address, type Hex, isHexOf, parseAddress, toLower, type Word } from "../../src/domain/hex.ts";
import type { Network } from "../session.ts";
import { toUsage } from "../terminal/refusal.ts";
import type { Signer } from "../wallets.ts";
import { digestOf, type Message, signStruct, tagHandle, toLegNonce, toReceive } from "./parties.ts";

const address = z
  .string()
  .refine((text) => parseAddress(text) === text, "not a lowercase address") as unknown as z.ZodType<Address>;
const word = z.string().regex(/^0x[0-9a-f]{64}$/) as unknown as z.ZodType<Word>;
const units = z.string().regex(/^\d{1,20}$/);
const signature = z.string().regex(/^0x[0-9a-f]{130}$/) as unknown as z.ZodType<Hex>;
const seconds = z.int().nonnegative();
const signed = { id: word, chainId: z.int(), signature };

export const claimRecord = z.strictObject({
  ...signed,
  terms: z.strictObject({
    coin: address,
    sender: address,
    amount: units,
    linkKey: address,
    attestor: address,
    handle: word,
    cancelFrom: seconds,
    expiry: seconds,
    salt: word,
  }),
  /** Whom it is for, and the bytes that hide it in the terms. */
  to: z.string(),
  blinding: word,
  /** The key in the link: who has it, has the money. */
  linkSecret: word,
});
export type ClaimRecord = z.infer<typeof claimRecord>;

const captureOrder = z.strictObject({ amount: units, feeBps: z.int(), voidRest: z.boolean(), deadline: seconds });
export const paymentRecord = z.strictObject({
  ...signed,
  terms: z.strictObject({
    coin: address,
    payer: address,
    merchant: address,
    amount: units,
    feeReceiver: address,
    minFeeBps: z.int(),
    maxFeeBps: z.int(),
    arbiter: address,
    authorizeBy: seconds,
    captureBy: seconds,
    refundBy: seconds,
    salt: word,
  }),
  /** The merchant's order that is carried out at once. */
  capture: z.strictObject({ order: captureOrder, signature }).nullable(),
});
export type PaymentRecord = z.infer<typeof paymentRecord>;

export const quoteRecord = z.strictObject({
  ...signed,
  terms: z.strictObject({
    maker: address,
    taker: address,
    sellCoin: address,
    sellAmount: units,
    buyCoin: address,
    buyAmount: units,
    validBefore: seconds,
    salt: word,
  }),
});
export type QuoteRecord = z.infer<typeof quoteRecord>;

export function createWord(): Word {
  return `0x${randomBytes(32).toString("hex")}`;
}

type Terms = ClaimRecord["terms"] | PaymentRecord["terms"] | QuoteRecord["terms"];

const amountFields = new Set(["amount", "sellAmount", "buyAmount"]);

/** Terms as they are signed: amounts become integers. */
function toMessage(terms: Terms): Message {
  return Object.fromEntries(
    Object.entries(terms).map(([name, value]) => [name, amountFields.has(name) ? BigInt(value) : value]),
  );
}

/** The digest of the terms: the id on chain. */
export function toTermsId(network: Network, kind: "Claim" | "Payment" | "Quote", terms: Terms): Word {
  return digestOf(network, { primaryType: kind, message: toMessage(terms) });
}

export type ClaimWish = Omit<ClaimRecord["terms"], "sender" | "linkKey" | "handle" | "salt"> & { readonly to: string };

/** Makes a claim with a key of its own for the link. */
export async function createClaim(network: Network, wallet: Signer, wish: ClaimWish): Promise<ClaimRecord> {
  const { to, ...rest } = wish;
  const [salt, blinding, linkSecret] = [createWord(), createWord(), createWord()];
  const sender = toLower(wallet.address);
  const linkKey = toLower(new Wallet(linkSecret).address);
  const terms = { ...rest, sender, linkKey, handle: tagHandle(blinding, to), salt };
  const id = toTermsId(network, "Claim", terms);
  const take = { coin: terms.coin, from: sender, to: network.claims, value: BigInt(terms.amount) };
  const receive = toReceive({ ...take, validBefore: terms.expiry, nonce: id });
  const { chainId } = network;
  return { id, chainId, terms, to, blinding, linkSecret, signature: await signStruct(network, wallet, receive) };
}

export type PaymentWish = Omit<PaymentRecord["terms"], "payer" | "salt">;

/** Makes a payment; with `charge` the merchant's order of all or a part of it rides along. */
export async function createPayment(
  network: Network,
  wallet: Signer,
  wish: PaymentWish,
  charge: { readonly wallet: Signer; readonly order: z.infer<typeof captureOrder> } | null = null,
): Promise<PaymentRecord> {
  const payer = toLower(wallet.address);
  const terms = { ...wish, payer, salt: createWord() };
  const id = toTermsId(network, "Payment", terms);
  const take = { coin: terms.coin, from: payer, to: network.commerce, value: BigInt(terms.amount) };
  const receive = toReceive({ ...take, validBefore: terms.authorizeBy, nonce: id });
  const signature = await signStruct(network, wallet, receive);
  const record = { id, chainId: network.chainId, terms, signature };
  if (charge === null) return { ...record, capture: null };
  const { order } = charge;
  const message = { id, ...order, amount: BigInt(order.amount), captured: 0, voided: 0 };
  const merchants = await signStruct(network, charge.wallet, { primaryType: "Capture", message });
  return { ...record, capture: { order, signature: merchants } };
}

/** The typed leg of one side of a quote. */
function toLeg(network: Network, { id, terms }: Pick<QuoteRecord, "id" | "terms">, side: 1 | 2) {
  const { maker, taker, sellCoin, sellAmount, buyCoin, buyAmount, validBefore } = terms;
  const [coin, from, amount] = side === 1 ? [sellCoin, maker, sellAmount] : [buyCoin, taker, buyAmount];
  const nonce = toLegNonce(id, side);
  return toReceive({ coin, from, to: network.swap, value: BigInt(amount), validBefore, nonce });
}

export type QuoteWish = Omit<QuoteRecord["terms"], "maker" | "salt">;

export async function createQuote(network: Network, wallet: Signer, wish: QuoteWish): Promise<QuoteRecord> {
  const terms = { ...wish, maker: toLower(wallet.address), salt: createWord() };
  const id = toTermsId(network, "Quote", terms);
  const signature = await signStruct(network, wallet, toLeg(network, { id, terms }, 1));
  return { id, chainId: network.chainId, terms, signature };
}

export function signTakersLeg(network: Network, wallet: Signer, record: QuoteRecord): Promise<Hex> {
  return signStruct(network, wallet, toLeg(network, record, 2));
}

// ——— links ———

/** What the recipient gets, by a channel the sender trusts: the claim's id and, behind the #, the key that takes it. */
export function formatLink({ id, linkSecret }: Pick<ClaimRecord, "id" | "linkSecret">): string {
  return `remesa:claim/${id}#${linkSecret.slice(2)}`;
}

export function parseLink(text: string): { readonly id: Word; readonly linkSecret: Word } {
  const [, id = "", key = ""] = /^remesa:claim\/(0x[0-9a-fA-F]{64})#([0-9a-fA-F]{64})$/.exec(text.trim()) ?? [];
  if (isHexOf(id, 32)) return { id: toLower(id), linkSecret: toLower(`0x${key}`) };
  throw toUsage("the link is not remesa:claim/<id>#<key>");
}
