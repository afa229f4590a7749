/**
 * Payments as resources: coins put aside for a merchant, captured in parts, given back, refunded. Owns their shapes in both directions;
 * promises that the totals shown are the chain's, in the newest block seen.
 */
import { z } from "zod";
import { dueOf, type PaymentTerms } from "../domain/agreement.ts";
import { zeroAddress } from "../domain/hex.ts";
import { prefixes } from "../domain/identifier.ts";
import { agreementStep, type FoundAgreement, signedStep, takenStep, toPending, toTakenSteps } from "./agreements.ts";
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
import { toId, toLife, toTimeOfSeconds } from "./resources.ts";
import { life } from "./schemas.ts";
import { spellAddress } from "./spelling.ts";

const bps = z.int().min(0).max(10_000).meta({ description: "Hundredths of a percent" });

/** The totals an order expects to find; left out before it is signed, those of the newest block. */
const expected = { captured: units.optional(), voided: units.optional() };

const captureOrder = z.strictObject({
  amount: units,
  ...expected,
  feeBps: bps.optional().meta({ description: "Defaults to the least of the terms" }),
  voidRest: z.boolean().default(false),
  deadline: seconds.optional(),
});

const common = { signature: signature.optional(), chainId: chainId.optional() };

export const paymentBody = z
  .strictObject({
    coin,
    terms: z.strictObject({
      payer: address,
      merchant: address,
      amount: units,
      feeReceiver: address.default(zeroAddress),
      minFeeBps: bps.default(0),
      maxFeeBps: bps.default(0),
      arbiter: address.default(zeroAddress),
      authorizeBy: seconds,
      captureBy: seconds,
      refundBy: seconds,
      salt: word,
    }),
    capture: z
      .strictObject({ order: captureOrder, signature: signature.optional() })
      .optional()
      .meta({ description: "Captures at once, in the same transaction: the merchant's order and signature" }),
    ...common,
  })
  .meta({ id: "PaymentRequest" });

export const captureBody = z.strictObject({ order: captureOrder, ...common });
export const voidBody = z.strictObject({
  order: z.strictObject({ amount: units, ...expected, deadline: seconds.optional() }),
  ...common,
});
export const refundBody = z.strictObject({
  order: z.strictObject({ amount: units, refunded: units.optional() }),
  ...common,
});
export const disputeBody = z.strictObject({
  ...signedStep,
  order: z.strictObject({ ...expected, deadline: seconds.optional() }).optional(),
});
export const resolvePaymentBody = z.strictObject({
  order: z.strictObject({ toMerchant: units, ...expected, feeBps: bps.optional(), deadline: seconds.optional() }),
  ...common,
});

export const payment = z
  .object({
    id: z.string(),
    kind: z.enum(["authorize", "charge"]),
    paymentId: wordOut,
    state: z
      .enum(["none", "authorized", "disputed", "closed"])
      .meta({ description: "On chain, in the newest block seen; closed: nothing is left to capture" }),
    intent: z
      .object({ ...life })
      .nullable()
      .meta({ description: "Null when somebody else submitted it" }),
    coin: addressOut,
    payer: addressOut,
    merchant: addressOut.nullable(),
    amount: unitsOut,
    captured: unitsOut,
    voided: unitsOut,
    refunded: unitsOut,
    fees: unitsOut.meta({ description: "Of what was captured, paid to the fee receiver" }),
    remaining: unitsOut,
    feeReceiver: addressOut.nullable(),
    minFeeBps: z.number().nullable(),
    maxFeeBps: z.number().nullable(),
    arbiter: addressOut.nullable(),
    authorizeBy: timeOut,
    captureBy: timeOut.nullable(),
    refundBy: timeOut.nullable(),
    reclaimFrom: timeOut.nullable().meta({ description: "From then on anyone sends the remainder back" }),
    steps: z.array(takenStep),
    pending: z.array(agreementStep),
  })
  .meta({ id: "Payment" });
export const paymentPage = z.object({ data: z.array(payment) });

export type PaymentRequest = z.input<typeof paymentBody>;
export type CaptureInput = z.output<typeof captureOrder>;
export type Payment = z.output<typeof payment>;

export const paymentNames = {
  kind: "payment",
  prefix: prefixes.payment,
  opens: ["authorize", "charge"],
  steps: ["capture", "void", "refund", "dispute-payment", "resolve-payment", "reclaim-payment"],
} as const;

function toOffice(address: PaymentTerms["arbiter"] | undefined): string | null {
  return address === undefined || address === zeroAddress ? null : spellAddress(address);
}

/** Needs the intent or the chain's record, at least one of them. */
export function toPayment({ id, opening, stored, terms, steps }: FoundAgreement<"payment">): Payment {
  const authorizeBy = terms?.authorizeBy ?? opening?.validBefore;
  const [payer, where] = [terms?.payer ?? opening?.payer, terms?.coin ?? opening?.coin];
  if (authorizeBy === undefined || payer === undefined || payer === null || where === undefined) {
    throw new Error("a payment that is neither accepted nor on chain");
  }
  const amount = terms?.amount ?? opening?.amount ?? 0n;
  const { captured = 0n, voided = 0n, refunded = 0n } = stored?.totals ?? {};
  const due = stored === null ? null : dueOf(stored.agreement, stored.state);
  const timeOf = (name: "captureBy" | "refundBy") => (terms === null ? null : toTimeOfSeconds(terms[name]));
  return {
    id: opening === null ? id : toId(opening),
    kind: opening?.kind === "charge" ? "charge" : "authorize",
    paymentId: id,
    state: (stored?.state ?? "none") as Payment["state"],
    intent: opening === null ? null : toLife(opening),
    coin: spellAddress(where),
    payer: spellAddress(payer),
    merchant: toOffice(terms?.merchant),
    amount: amount.toString(),
    captured: captured.toString(),
    voided: voided.toString(),
    refunded: refunded.toString(),
    fees: (stored?.steps ?? []).reduce((sum, { fee }) => sum + fee, 0n).toString(),
    remaining: (stored === null ? 0n : amount - captured - voided).toString(),
    feeReceiver: toOffice(terms?.feeReceiver),
    minFeeBps: terms?.minFeeBps ?? null,
    maxFeeBps: terms?.maxFeeBps ?? null,
    arbiter: toOffice(terms?.arbiter),
    authorizeBy: toTimeOfSeconds(authorizeBy) ?? "",
    captureBy: timeOf("captureBy"),
    refundBy: timeOf("refundBy"),
    reclaimFrom: due === null ? null : toTimeOfSeconds(due),
    steps: toTakenSteps(stored),
    pending: toPending(steps),
  };
}
