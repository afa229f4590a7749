/**
 * Drafts as the chain sees them: what is signed, which fence it consumes, and the bytes that carry it out. Owns the sum of the tables kind →
 * encoding. Pure and synchronous once created; a draft for a coin this deployment does not have throws, the surface refuses it
 * before.
 */
import { encodeAbiParameters, encodeFunctionData, parseAbiParameters, stringToHex } from "viem";
import type { Draft, UnsignedOrder } from "../domain/draft.ts";
import type { Hex, Word } from "../domain/hex.ts";
import type { IntentKind } from "../domain/intent.ts";
import type { TypedMessage } from "../domain/signatures.ts";
import type { Deployment, EncodedDraft, Encoder } from "../pipeline/ports.ts";
import { stablecoinAbi } from "./abi.ts";
import { createDigest, createDomains, loadKeccak, toHex } from "./digest.ts";
import { claimEncodings, toClaimId } from "./encode-claims.ts";
import { coinEncodings } from "./encode-coin.ts";
import { commerceEncodings, toPaymentId, toQuoteId } from "./encode-commerce.ts";
import { familyEncodings } from "./encode-families.ts";
import { redemptionEncodings, toRedemptionId } from "./encode-redemptions.ts";
import type { Encoding, Encodings, Struct, Tools, Unsigned } from "./encoding.ts";

/** Total over the kinds. */
const encodings: Encodings<IntentKind> = {
  ...coinEncodings,
  ...redemptionEncodings,
  ...claimEncodings,
  ...commerceEncodings,
  ...familyEncodings,
};

/** The encoding of a draft's own kind; the type checker cannot follow that the key and the draft go together. */
function encodingOf(kind: IntentKind): Encoding<Draft> {
  return encodings[kind] as unknown as Encoding<Draft>;
}

/** The encoder of one deployment. Asynchronous only to load the hash. */
export async function createEncoder(deployment: Deployment): Promise<Encoder> {
  const hash = await loadKeccak();
  const digestOf = createDigest(hash);
  const domainFor = createDomains(deployment);
  const coins = new Set(deployment.coins.map((coin) => coin.address));

  const toMessage = ({ primaryType, coin, message }: Struct): TypedMessage => {
    return { domain: domainFor(primaryType, coin), primaryType, message };
  };
  const keccak = (...parts: readonly Hex[]): Word => {
    return toHex(hash(Buffer.from(parts.map((part) => part.slice(2)).join(""), "hex")));
  };
  const tools: Tools = { deployment, digestOf: (struct) => digestOf(toMessage(struct)), keccak };

  function toTyped(draft: Draft | UnsignedOrder, by: "first" | "second" = "first"): TypedMessage {
    const structs = encodingOf(draft.kind).structs(draft as Unsigned<Draft>, tools);
    const struct = structs[by === "first" ? 0 : 1];
    if (struct === undefined) throw new RangeError(`a ${draft.kind} has nothing to sign for the ${by}`);
    return toMessage(struct);
  }

  function encode(draft: Draft): EncodedDraft {
    const encoding = encodingOf(draft.kind);
    const structs = encoding.structs(draft, tools);
    const coin = encoding.coin(draft);
    for (const named of [coin, ...structs.map((struct) => struct.coin)]) {
      if (!coins.has(named)) throw new RangeError(`${named} is not a coin of this deployment`);
    }
    const digests = structs.map(tools.digestOf);
    const digest = encoding.identify?.(draft, tools) ?? digests[0];
    if (digest === undefined) throw new RangeError(`a ${draft.kind} has no identity`);
    const action = encoding.act(draft, tools, structs);
    return {
      facts: { ...encoding.outline(draft, tools), kind: draft.kind, digest, coin, action },
      consents: encoding.parties(draft).map((party, i) => ({ ...party, digest: digests[i] as Word })),
    };
  }

  return {
    encode,
    toTyped,
    redemptionId: (terms) => toRedemptionId(terms, tools),
    agreementId(agreement) {
      switch (agreement.kind) {
        case "claim":
          return toClaimId(agreement.terms, tools);
        case "payment":
          return toPaymentId(agreement.terms, tools);
        case "quote":
          return toQuoteId(agreement.terms, tools);
      }
    },
    mintKey({ dealer, coin, depositId, to, amount }) {
      const fields = parseAbiParameters("bytes32, address, address, bytes32, address, uint256");
      const kind = keccak(stringToHex("mint"));
      return keccak(encodeAbiParameters(fields, [kind, dealer, coin, depositId, to, amount]));
    },
  };
}

/** Call data of `settle` over rows, in order; without rows it does nothing on chain. */
export function encodeSettle(rows: readonly Hex[]): Hex {
  const joined: Hex = `0x${rows.map((row) => row.slice(2)).join("")}`;
  return encodeFunctionData({ abi: stablecoinAbi, functionName: "settle", args: [joined] });
}
