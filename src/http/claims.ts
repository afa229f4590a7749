/**
 * Claims as resources: money to a person without a wallet yet. Owns their shapes in both directions; promises that the key in the link is
 * never asked for: what it signs is enough.
 */
import { z } from "zod";
import { type ClaimState, claimStates, type ClaimTerms } from "../domain/agreement.ts";
import { zeroAddress } from "../domain/hex.ts";
import { prefixes } from "../domain/identifier.ts";
import { agreementStep, type FoundAgreement, takenStep, toPending, toTakenSteps } from "./agreements.ts";
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

export const claimBody = z
  .strictObject({
    coin,
    terms: z.strictObject({
      sender: address,
      amount: units,
      linkKey: address.meta({ description: "Address of the key in the link" }),
      attestor: address.default(zeroAddress),
      handle: word,
      cancelFrom: seconds,
      expiry: seconds,
      salt: word,
    }),
    signature: signature.optional(),
    chainId: chainId.optional(),
  })
  .meta({ id: "ClaimRequest" });

export const takeBody = z.strictObject({
  order: z.strictObject({ recipient: address, deadline: seconds.optional() }),
  signature: signature.optional(),
  attestorSignature: signature.optional(),
  chainId: chainId.optional(),
});

export const claim = z
  .object({
    id: z.string(),
    kind: z.literal("open-claim"),
    claimId: wordOut,
    state: z.enum(claimStates).meta({ description: "On chain, in the newest block seen" }),
    intent: z
      .object({ ...life })
      .nullable()
      .meta({ description: "Null when somebody else submitted it" }),
    coin: addressOut,
    sender: addressOut,
    amount: unitsOut,
    linkKey: addressOut.nullable(),
    attestor: addressOut.nullable(),
    handle: wordOut.nullable(),
    cancelFrom: timeOut.nullable(),
    expiry: timeOut,
    steps: z.array(takenStep),
    pending: z.array(agreementStep),
    exits: z.array(
      z.object({
        step: z.enum(["claim", "decline", "cancel", "reclaim"]),
        by: z.enum(["link key", "sender", "anyone"]),
        from: timeOut.nullable(),
        before: timeOut.nullable(),
        open: z.boolean(),
      }),
    ),
  })
  .meta({ id: "Claim" });
export const claimPage = z.object({ data: z.array(claim) });

export type ClaimRequest = z.input<typeof claimBody>;
export type Claim = z.output<typeof claim>;

export const claimNames = {
  kind: "claim",
  prefix: prefixes.claim,
  opens: ["open-claim"],
  steps: ["claim", "decline-claim", "cancel-claim", "reclaim-claim"],
} as const;

/** Who may end it now, until or from when. */
function toExits(terms: ClaimTerms | null, state: ClaimState, now: number | null): Claim["exits"] {
  if (terms === null || state !== "open") return [];
  const { expiry, cancelFrom } = terms;
  const ends = toTimeOfSeconds(expiry);
  const running = now !== null && now < expiry;
  const begins = toTimeOfSeconds(cancelFrom);
  return [
    { step: "claim", by: "link key", from: null, before: ends, open: running },
    { step: "decline", by: "link key", from: null, before: ends, open: running },
    { step: "cancel", by: "sender", from: begins, before: ends, open: running && now >= cancelFrom },
    { step: "reclaim", by: "anyone", from: ends, before: null, open: now !== null && now >= expiry },
  ];
}

/** Needs the intent or the chain's record, at least one of them. `now` is block time, Unix seconds. */
export function toClaim({ id, opening, stored, terms, steps }: FoundAgreement<"claim">, now: number | null): Claim {
  const expiry = terms?.expiry ?? opening?.validBefore;
  const [from, where] = [terms?.sender ?? opening?.payer, terms?.coin ?? opening?.coin];
  if (expiry === undefined || from === undefined || from === null || where === undefined) {
    throw new Error("a claim that is neither accepted nor on chain");
  }
  const state = (stored?.state ?? "none") as ClaimState;
  return {
    id: opening === null ? id : toId(opening),
    kind: "open-claim",
    claimId: id,
    state,
    intent: opening === null ? null : toLife(opening),
    coin: spellAddress(where),
    sender: spellAddress(from),
    amount: (terms?.amount ?? opening?.amount ?? 0n).toString(),
    linkKey: terms === null ? null : spellAddress(terms.linkKey),
    attestor: terms === null || terms.attestor === zeroAddress ? null : spellAddress(terms.attestor),
    handle: terms?.handle ?? null,
    cancelFrom: terms === null ? null : toTimeOfSeconds(terms.cancelFrom),
    expiry: toTimeOfSeconds(expiry) ?? "",
    steps: toTakenSteps(stored),
    pending: toPending(steps),
    exits: toExits(terms, state, now),
  };
}
