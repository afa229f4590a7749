/**
 * Drafts about claims: opening one, the four ways out of it. Owns their structs, fences and calls. A claim is left once, so all four
 * share one fence. Pure.
 */
import { claimFence, type ClaimTerms } from "../domain/agreement.ts";
import type { EndClaimDraft } from "../domain/draft.ts";
import type { Word } from "../domain/hex.ts";
import type { Deployment } from "../pipeline/ports.ts";
import { claimEscrowAbi } from "./abi.ts";
import {
  type Encoding,
  type Encodings,
  never,
  orderOf,
  still,
  type Struct,
  toCall,
  toCallSignature,
  type Tools,
  toReceive,
  toStep,
} from "./encoding.ts";

export type ClaimKind = "open-claim" | "claim" | EndClaimDraft["kind"] | "reclaim-claim";

export function toClaimStruct(terms: ClaimTerms): Struct {
  const { coin, sender, amount, linkKey, attestor, handle, salt } = terms;
  const times = { cancelFrom: BigInt(terms.cancelFrom), expiry: BigInt(terms.expiry) };
  const message = { coin, sender, amount, linkKey, attestor, handle, ...times, salt };
  return { primaryType: "Claim", coin, message };
}

export function toClaimId(terms: ClaimTerms, tools: Tools): Word {
  return tools.digestOf(toClaimStruct(terms));
}

const at = (deployment: Deployment) => ({ to: deployment.claims, abi: claimEscrowAbi });

/** The two ways out that one party signs. */
function toEndEncoding(kind: EndClaimDraft["kind"]): Encoding<EndClaimDraft> {
  const isSender = kind === "cancel-claim";
  return {
    coin: ({ coin }) => coin,
    structs: (draft) => [toStep(isSender ? "CancelClaim" : "DeclineClaim", draft)],
    parties: ({ signer, signature }) => [{ signer, signature }],
    outline({ id, signer, deadline }, { deployment }) {
      const fence = claimFence(deployment.claims, id);
      return { ...still, fence, payee: isSender ? signer : null, validBefore: deadline + 1, subject: id };
    },
    act({ id, deadline, signature }, { deployment }) {
      const functionName = isSender ? "cancelBySig" : "decline";
      return toCall(kind, at(deployment), [functionName, id, BigInt(deadline), toCallSignature(signature)]);
    },
  };
}

export const claimEncodings: Encodings<ClaimKind> = {
  "open-claim": {
    coin: ({ terms }) => terms.coin,
    structs({ terms }, tools) {
      const { coin, sender, amount, expiry } = terms;
      const to = tools.deployment.claims;
      const nonce = toClaimId(terms, tools);
      return [toReceive({ coin, from: sender, to, value: amount, validBefore: expiry, nonce })];
    },
    parties: ({ terms, signature }) => [{ signer: terms.sender, signature }],
    outline({ terms }, tools) {
      const { coin, sender, amount, expiry } = terms;
      const id = toClaimId(terms, tools);
      const fence = { scope: coin, subject: sender, key: id };
      const parties = { payer: sender, payee: tools.deployment.claims, amount };
      return { ...still, fence, ...parties, validBefore: expiry, subject: id };
    },
    act({ terms, signature }, { deployment }) {
      return toCall("open-claim", at(deployment), ["open", toClaimStruct(terms).message, toCallSignature(signature)]);
    },
  },
  claim: {
    coin: ({ coin }) => coin,
    structs({ id, coin, recipient, deadline }) {
      const message = { id, recipient, deadline: BigInt(deadline) };
      return [
        { primaryType: "ClaimTo", coin, message },
        { primaryType: "AttestClaim", coin, message },
      ];
    },
    parties({ signer, signature, attestor }) {
      const link = { signer, signature };
      return attestor === null ? [link] : [link, attestor];
    },
    outline({ id, recipient, deadline }, { deployment }) {
      const fence = claimFence(deployment.claims, id);
      return { ...still, fence, payee: recipient, validBefore: deadline + 1, subject: id };
    },
    act({ signature, attestor }, { deployment }, structs) {
      const attested = attestor === null ? "0x" : toCallSignature(attestor.signature);
      return toCall("claim", at(deployment), ["claim", orderOf(structs), toCallSignature(signature), attested]);
    },
  },
  "decline-claim": toEndEncoding("decline-claim"),
  "cancel-claim": toEndEncoding("cancel-claim"),
  "reclaim-claim": {
    coin: ({ coin }) => coin,
    structs: () => [],
    parties: () => [],
    // signed by nobody: a claim is reclaimed once
    identify: ({ id }, { deployment, keccak }) => keccak(deployment.claims, id),
    outline({ id }, { deployment }) {
      return { ...still, fence: claimFence(deployment.claims, id), validBefore: never, subject: id };
    },
    act: ({ id }, { deployment }) => toCall("reclaim-claim", at(deployment), ["reclaim", id]),
  },
};
