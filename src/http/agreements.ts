/**
 * What claims, payments and quotes have in common on the wire: the steps the node took in, the typed data somebody still has to sign, and
 * finding an agreement by either of its names. Owns those shapes; the terms are each resource's own.
 */
import { z } from "zod";
import type { StoredAgreement } from "../pipeline/ports.ts";
import type { AgreementKind, ClaimTerms, PaymentTerms } from "../domain/agreement.ts";
import type { Draft } from "../domain/draft.ts";
import type { Hex, Word } from "../domain/hex.ts";
import type { Prefix } from "../domain/identifier.ts";
import type { Intent, IntentKind } from "../domain/intent.ts";
import { isEnded } from "../domain/lifecycle.ts";
import type { ServerDeps } from "./deps.ts";
import { timeOut, unitsOut, addressOut, wordOut, signature, chainId, seconds } from "./fields.ts";
import { RejectedError } from "./problem.ts";
import { findBySubject, readIntent, toWordId } from "./read.ts";
import { toTypedMessage } from "./redemption.ts";
import { toEvidence, toLife, toTime, toTimeOfSeconds } from "./resources.ts";
import { evidence, life, typedMessage } from "./schemas.ts";
import { spellAddress } from "./spelling.ts";

/** What every step of the holder's own carries: a deadline that was signed, and the signature. */
export const signedStep = {
  order: z.strictObject({ deadline: seconds }).optional(),
  signature: signature.optional(),
  chainId: chainId.optional(),
};
export const signedStepBody = z.strictObject(signedStep);

const stepKinds = [
  "claim",
  "decline-claim",
  "cancel-claim",
  "reclaim-claim",
  "capture",
  "void",
  "refund",
  "dispute-payment",
  "resolve-payment",
  "reclaim-payment",
  "swap",
  "cancel-quote",
] as const satisfies readonly IntentKind[];

export const agreementStep = z
  .object({
    ...life,
    kind: z.enum(stepKinds),
    agreementId: wordOut.meta({ description: "Digest of the terms: the claim's, payment's or quote's id on chain" }),
    amount: unitsOut,
    validUntil: timeOut.nullable(),
  })
  .meta({ id: "AgreementStep" });
export type AgreementStep = z.output<typeof agreementStep>;

export const toSign = z
  .object({
    agreementId: wordOut,
    typedData: typedMessage,
    second: typedMessage.optional().meta({ description: "What the other signer signs, where two must" }),
  })
  .meta({ id: "AgreementToSign", description: "Typed data to sign; nothing was created" });
export type AgreementToSign = z.output<typeof toSign>;

/** A step as the chain tells it. */
export const takenStep = evidence.extend({
  step: z.string(),
  state: z.string(),
  actor: addressOut,
  amount: unitsOut,
  fee: unitsOut,
  at: timeOut,
});

export function toAgreementStep(intent: Intent): AgreementStep {
  return {
    ...toLife(intent),
    kind: intent.kind as AgreementStep["kind"],
    agreementId: intent.subject ?? intent.digest,
    amount: intent.amount.toString(),
    validUntil: toTimeOfSeconds(intent.validBefore),
  };
}

export function toTakenSteps(stored: StoredAgreement | null) {
  return (stored?.steps ?? []).map((taken) => ({
    ...toEvidence(taken),
    step: taken.step,
    state: taken.state,
    actor: spellAddress(taken.actor),
    amount: taken.amount.toString(),
    fee: taken.fee.toString(),
    at: toTime(taken.time * 1_000),
  }));
}

/** What is to be signed for a draft: by the first signer, and by the second where there is one. */
export function toAgreementToSign(
  { encoder }: Pick<ServerDeps, "encoder">,
  options: { readonly draft: Draft; readonly id: Word; readonly both?: boolean },
): AgreementToSign {
  const { draft, id, both = false } = options;
  return {
    agreementId: id,
    typedData: toTypedMessage(encoder.toTyped(draft)),
    ...(both ? { second: toTypedMessage(encoder.toTyped(draft, "second")) } : {}),
  };
}

interface TermsOf {
  readonly claim: ClaimTerms;
  readonly payment: PaymentTerms;
}

/** An agreement from both sides: the intent that opened it here, and what the chain has. */
export interface FoundAgreement<K extends AgreementKind> {
  readonly id: Word;
  /** Null when somebody else submitted it. */
  readonly opening: Intent | null;
  readonly stored: StoredAgreement | null;
  readonly terms: TermsOf[K] | null;
  /** Steps the node took in, newest first. */
  readonly steps: readonly Intent[];
}

/** Steps looked at: the newest; of a payment in a hundred parts the older ones have ended. */
const stepLimit = 20;

interface Names<K extends AgreementKind> {
  readonly kind: K;
  readonly prefix: Prefix;
  /** The intents that open it. */
  readonly opens: readonly IntentKind[];
  readonly steps: readonly IntentKind[];
}

/** Finds one by the node's id or by its 32-byte id. Throws `agreement_unknown`. */
export async function findAgreement<K extends AgreementKind>(
  { store }: Pick<ServerDeps, "store">,
  id: string,
  names: Names<K>,
): Promise<FoundAgreement<K>> {
  const wanted = toWordId(id);
  const opening =
    wanted === null
      ? await readIntent({ store }, id, names.prefix)
      : await findBySubject({ store }, wanted, ...names.opens);
  const found = wanted ?? opening?.subject ?? null;
  if (found === null) throw refuseAgreement(id);
  const stored = await store.readAgreement(found);
  const isKind = stored === null || stored.agreement.kind === names.kind;
  if (!isKind || (opening === null && stored === null)) throw refuseAgreement(id);
  const steps = await store.listIntents({ subject: found, kinds: names.steps, limit: stepLimit });
  // the kind was compared just now, which the type checker cannot carry over to the terms
  const terms = stored === null ? null : (stored.agreement.terms as TermsOf[K]);
  return { id: found, opening, stored, terms, steps };
}

function refuseAgreement(id: string): RejectedError {
  return new RejectedError({
    code: "agreement_unknown",
    subject: id,
    remedy: "Check the id, and wait until the terms are in a block.",
  });
}

/** The terms, which the node knows from the block that has them. */
export function readTerms<K extends AgreementKind>({ id, terms }: FoundAgreement<K>): TermsOf[K] {
  if (terms !== null) return terms;
  throw refuseAgreement(id);
}

/** The deadline that was signed; missing with a signature it cannot be known. */
export function readSigned(order: { readonly deadline: number } | undefined): number {
  if (order === undefined) throw refuseUnstated("deadline");
  return order.deadline;
}

/** What was signed is stated: read from the newest block instead, a repeat after that block moved on would be another thing. */
export function readStated<T>(signature: Hex | undefined, name: string, stated: T | undefined, found: T): T {
  if (stated === undefined && signature !== undefined) throw refuseUnstated(name);
  return stated ?? found;
}

function refuseUnstated(name: string): RejectedError {
  const remedy = `Send the ${name} that was signed.`;
  return new RejectedError({ code: "request_malformed", subject: `order.${name}`, remedy });
}

/** The public exit already taken: what repeats a request after a block carried it out. */
export function findTaken(steps: readonly Intent[], kind: IntentKind): Intent | null {
  return steps.find((step) => step.kind === kind && (step.state === "settled" || step.state === "included")) ?? null;
}

export function toPending(steps: readonly Intent[]): AgreementStep[] {
  return steps.filter((intent) => !isEnded(intent.state)).map(toAgreementStep);
}
