/**
 * The steps of a merchant's payment as their signers order them. Owns what is left to do for a total, the order of each step and the struct that
 * is signed for it. Amounts are totals afterwards, so that the same wish twice asks for nothing the second time.
 */
import { toLower, type Word } from "../../src/domain/hex.ts";
import { type Network, readNow } from "../session.ts";
import { readAmount } from "../terminal/options.ts";
import { toUsage } from "../terminal/refusal.ts";
import type { Coin } from "./check.ts";
import { type Struct, toReceive, toRefundNonce } from "./parties.ts";
import type { Payment } from "./resources.ts";

/** The node takes a step's signature for an hour of block time; it is used at once. */
const stepSeconds = 3_600;
export const steps = ["capture", "void", "refund", "dispute", "resolve", "reclaim"] as const;
export type StepName = (typeof steps)[number];
export const kinds: Readonly<Record<StepName, string>> = {
  capture: "capture",
  void: "void",
  refund: "refund",
  dispute: "dispute-payment",
  resolve: "resolve-payment",
  reclaim: "reclaim-payment",
};

/** What a person asks of a step. */
export interface StepWish {
  /** The total afterwards, as a decimal amount. */
  readonly total?: string;
  /** Everything that is left. */
  readonly rest?: true;
  /** For resolve: how much of the rest is the merchant's. */
  readonly toMerchant?: string;
}

/** The total that is asked for of what the step changes; what is left is a total as well. */
function readTotal(payment: Payment, options: StepWish, { step, coin }: { step: StepName; coin: Coin }): bigint {
  const { captured, voided, amount } = payment;
  if (options.rest === true && options.total === undefined) {
    if (step === "refund") return BigInt(captured);
    return BigInt(amount) - BigInt(step === "capture" ? voided : captured);
  }
  if (options.total === undefined || options.rest === true) throw toUsage("give either --total <amount> or --rest");
  return readAmount(options.total, coin);
}

export const doneOf = { capture: "captured", void: "voided", refund: "refunded" } as const;

/** What the step adds to the total so far. */
function toPart(payment: Payment, options: StepWish, what: { step: keyof typeof doneOf; coin: Coin }): bigint {
  return readTotal(payment, options, what) - BigInt(payment[doneOf[what.step]]);
}

export function isDone(payment: Payment, options: StepWish, what: { step: StepName; coin: Coin }): boolean {
  const { step, coin } = what;
  switch (step) {
    case "capture":
    case "void":
    case "refund":
      return toPart(payment, options, { step, coin }) <= 0n;
    case "dispute":
      return payment.state === "disputed";
    case "resolve":
    case "reclaim":
      return payment.state === "closed";
  }
}

/** The body of a step: its order, and the struct that is signed for it. */
export function toOrder(
  payment: Payment,
  options: StepWish,
  what: { step: Exclude<StepName, "reclaim">; coin: Coin; network: Network },
): { readonly order: unknown; readonly struct: Struct } {
  const { step, coin, network } = what;
  const id = payment.paymentId as Word;
  const { captured, voided } = payment;
  const deadline = readNow(network) + stepSeconds;
  const totals = { captured: BigInt(captured), voided: BigInt(voided) };
  const feeBps = payment.minFeeBps ?? 0;
  switch (step) {
    case "capture": {
      const amount = toPart(payment, options, { step, coin });
      const message = { id, amount, ...totals, feeBps, voidRest: false, deadline };
      const order = { amount: `${amount}`, captured, voided, feeBps, voidRest: false, deadline };
      return { order, struct: { primaryType: "Capture", message } };
    }
    case "void": {
      const amount = toPart(payment, options, { step, coin });
      const order = { amount: `${amount}`, captured, voided, deadline };
      return { order, struct: { primaryType: "Void", message: { id, amount, ...totals, deadline } } };
    }
    case "refund": {
      const value = toPart(payment, options, { step, coin });
      const { refunded, refundBy, merchant } = payment;
      const nonce = toRefundNonce(id, BigInt(refunded));
      const validBefore = Date.parse(refundBy ?? "") / 1_000;
      const take = { coin: coin.address, from: toLower(merchant ?? ""), to: network.commerce };
      return {
        order: { amount: `${value}`, refunded },
        struct: toReceive({ ...take, value, validBefore, nonce }),
      };
    }
    case "dispute": {
      const order = { captured, voided, deadline };
      return { order, struct: { primaryType: "DisputePayment", message: { id, ...totals, deadline } } };
    }
    case "resolve": {
      if (options.toMerchant === undefined)
        throw toUsage("say with --to-merchant how much of the rest is the merchant's");
      const toMerchant = options.toMerchant === "0" ? 0n : readAmount(options.toMerchant, coin);
      const message = { id, toMerchant, ...totals, feeBps, deadline };
      const order = { toMerchant: `${toMerchant}`, captured, voided, feeBps, deadline };
      return { order, struct: { primaryType: "ResolvePayment", message } };
    }
  }
}
