/**
 * Quotes as resources: one coin against another, both or neither. Owns their shapes in both directions; a quote is an offer that its maker
 * signed, and becomes an intent when its taker signs, too.
 */
import { z } from "zod";
import type { Intent } from "../domain/intent.ts";
import { isEnded } from "../domain/lifecycle.ts";
import type { StoredQuote } from "../pipeline/ports.ts";
import { agreementStep, toAgreementStep } from "./agreements.ts";
import {
  address,
  addressOut,
  chainId,
  coin,
  seconds,
  signature,
  timeOut,
  units,
  unitsOut,
  word,
  wordOut,
} from "./fields.ts";
import { toTime, toTimeOfSeconds } from "./resources.ts";
import { spellAddress } from "./spelling.ts";

export const quoteBody = z
  .strictObject({
    terms: z.strictObject({
      maker: address,
      taker: address,
      sellCoin: coin,
      sellAmount: units,
      buyCoin: coin,
      buyAmount: units,
      validBefore: seconds,
      salt: word,
    }),
    signature: signature.optional().meta({ description: "The maker's" }),
    chainId: chainId.optional(),
  })
  .meta({ id: "QuoteRequest" });

export const acceptQuoteBody = z.strictObject({
  signature: signature.optional().meta({ description: "The taker's" }),
  chainId: chainId.optional(),
});

export const quoteStates = ["open", "accepting", "swapped", "cancelled", "expired"] as const;

export const quote = z
  .object({
    id: wordOut,
    kind: z.literal("quote"),
    state: z.enum(quoteStates),
    maker: addressOut,
    taker: addressOut,
    sellCoin: addressOut,
    sellAmount: unitsOut,
    buyCoin: addressOut,
    buyAmount: unitsOut,
    validBefore: timeOut,
    offeredAt: timeOut,
    steps: z.array(agreementStep).meta({ description: "The swap and the cancellation as this node took them in" }),
  })
  .meta({ id: "Quote" });

export type QuoteRequest = z.input<typeof quoteBody>;
export type Quote = z.output<typeof quote>;

export interface FoundQuote {
  readonly stored: StoredQuote;
  /** Swap and cancellation, newest first. */
  readonly steps: readonly Intent[];
  /** How the chain has it ended. */
  readonly end: "swap" | "cancel-quote" | null;
  /** Block time, Unix seconds; null before the first block. */
  readonly now: number | null;
}

function toState({ stored, steps, end, now }: FoundQuote): Quote["state"] {
  if (end !== null) return end === "swap" ? "swapped" : "cancelled";
  if (steps.some((intent) => intent.kind === "swap" && !isEnded(intent.state))) return "accepting";
  return now !== null && now >= stored.terms.validBefore ? "expired" : "open";
}

export function toQuote(found: FoundQuote): Quote {
  const { id, terms, offeredAt } = found.stored;
  return {
    id,
    kind: "quote",
    state: toState(found),
    maker: spellAddress(terms.maker),
    taker: spellAddress(terms.taker),
    sellCoin: spellAddress(terms.sellCoin),
    sellAmount: terms.sellAmount.toString(),
    buyCoin: spellAddress(terms.buyCoin),
    buyAmount: terms.buyAmount.toString(),
    validBefore: toTimeOfSeconds(terms.validBefore) ?? "",
    offeredAt: toTime(offeredAt),
    steps: found.steps.map(toAgreementStep),
  };
}
