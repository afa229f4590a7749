/**
 * Why intake refuses: a fence that was not free, in the words of each kind, money that is not there, a key used before. Owns the mapping from
 * kinds to refusals; promises one for every kind. Reads nothing.
 */
import type { Address } from "../domain/hex.ts";
import { type IntentFacts, type IntentKind, windowSize } from "../domain/intent.ts";
import type { Rejection } from "../domain/rejection.ts";
import type { StoredAccount } from "../pipeline/ports.ts";

type Family = "nonce" | "deposit" | "order" | "redemption" | "agreement" | "quote" | "membership";

/** What each kind uses up. */
const familyOf: Readonly<Record<IntentKind, Family>> = {
  transfer: "nonce",
  cancel: "nonce",
  lock: "nonce",
  mint: "deposit",
  "cancel-redemption": "redemption",
  accept: "redemption",
  approve: "redemption",
  reject: "redemption",
  "mark-sent": "redemption",
  confirm: "redemption",
  dispute: "redemption",
  resolve: "redemption",
  reclaim: "redemption",
  attest: "order",
  minting: "order",
  freeze: "order",
  unfreeze: "order",
  seize: "order",
  "approve-mint": "order",
  "travel-attest": "order",
  join: "order",
  leave: "order",
  "complete-leave": "membership",
  "open-claim": "agreement",
  claim: "agreement",
  "decline-claim": "agreement",
  "cancel-claim": "agreement",
  "reclaim-claim": "agreement",
  authorize: "agreement",
  charge: "agreement",
  capture: "agreement",
  void: "agreement",
  refund: "agreement",
  "dispute-payment": "agreement",
  "resolve-payment": "agreement",
  "reclaim-payment": "agreement",
  swap: "quote",
  "cancel-quote": "quote",
};

type Spent = Pick<Rejection, "code" | "remedy">;

const spent: Readonly<Record<Exclude<Family, "nonce" | "deposit">, Spent>> = {
  order: { code: "nonce_used", remedy: "This id was used: sign again under a new one." },
  redemption: { code: "redemption_state_invalid", remedy: "The redemption has left this state: read it again." },
  agreement: {
    code: "agreement_state_invalid",
    remedy: "It has moved on from this state, or was made already: read it again.",
  },
  quote: { code: "quote_state_invalid", remedy: "This quote was swapped or cancelled: ask for a new one." },
  membership: { code: "vasp_invalid", remedy: "The account has left its operator already." },
};

/** `freeNonces` is asked only where it helps. */
export function explainFence(
  facts: Pick<IntentFacts, "kind" | "fence">,
  isLive: boolean,
  freeNonces: () => readonly string[],
): Rejection {
  const subject = facts.fence.key;
  const family = familyOf[facts.kind];
  if (family === "deposit") {
    const remedy = isLive
      ? "This deposit is being minted under another order: follow that one."
      : "This deposit was minted already: a deposit id mints once.";
    return { code: "deposit_conflict", subject, remedy };
  }
  if (family === "nonce") {
    const extra = { freeNonces: freeNonces() };
    return isLive
      ? {
          code: "nonce_in_use",
          subject,
          remedy: "Another payment under this nonce is on its way: use a free nonce.",
          extra,
        }
      : { code: "nonce_used", subject, remedy: "This nonce was used or cancelled: sign with a free one.", extra };
  }
  if (!isLive) return { ...spent[family], subject };
  return { code: "step_in_flight", subject, remedy: "Another order for this step is on its way: wait for it." };
}

/** Free window nonces named in a refusal: a wallet picks one at random. */
const freeNoncesShown = 16;

export function listFreeNonces({
  nonceBase,
  consumed,
  live,
}: Pick<StoredAccount, "nonceBase" | "consumed" | "live">): readonly string[] {
  const taken = new Set([...consumed, ...live]);
  const free: string[] = [];
  for (let nonce = nonceBase; nonce < nonceBase + windowSize && free.length < freeNoncesShown; nonce++) {
    if (!taken.has(nonce)) free.push(nonce.toString());
  }
  return free;
}

/** `available`: null where the account is frozen whole. */
export function explainFunds(facts: Pick<IntentFacts, "amount">, payer: Address, available: bigint | null): Rejection {
  if (available === null) {
    return { code: "payer_frozen", subject: payer, remedy: "The account is frozen: its issuer can say why." };
  }
  return {
    code: "insufficient_funds",
    subject: payer,
    actual: String(available),
    limit: String(facts.amount),
    remedy: "Pay less, or wait until money that is on its way in has arrived.",
  };
}

/** `reused`: with another body; `in flight`: on another wish of the same request. */
export function explainKey(key: string, why: "reused" | "in flight"): Rejection {
  return why === "reused"
    ? {
        code: "idempotency_key_reused",
        subject: key,
        remedy: "Use a new Idempotency-Key for a new request; repeat the old body to get the old answer.",
      }
    : {
        code: "idempotency_in_flight",
        subject: key,
        remedy: "The first request under this key is being carried out: repeat it to get its answer.",
      };
}
