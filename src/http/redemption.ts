/**
 * One redemption, put together from the lock the node accepted and from what the chain has. Owns finding it by either of its two names
 * and the typed data a holder signs.
 */
import type { Draft } from "../domain/draft.ts";
import { type Word } from "../domain/hex.ts";
import { prefixes } from "../domain/identifier.ts";
import { type TypedMessage, typedStructs } from "../domain/signatures.ts";
import type { Encoder } from "../pipeline/ports.ts";
import type { ServerDeps } from "./deps.ts";
import { RejectedError } from "./problem.ts";
import { findBySubject, readIntent, toWordId } from "./read.ts";
import { type RedemptionParts, stepKinds } from "./resources.ts";
import type { ToSign } from "./schemas.ts";
import { spellAddress } from "./spelling.ts";

/** Steps that have not ended: each state has at most one live step; room for those that just ended. */
const pendingLimit = 20;

/** Reads a redemption by `red_…` or by its 32-byte id. Throws `redemption_unknown`. */
export async function findRedemption(
  { store, head }: Pick<ServerDeps, "store" | "head">,
  id: string,
): Promise<RedemptionParts> {
  const wanted = toWordId(id);
  const lock =
    wanted === null
      ? await readIntent({ store }, id, prefixes.redemption)
      : await findBySubject({ store }, wanted, "lock");
  const redemptionId = wanted ?? lock?.subject ?? null;
  if (redemptionId === null) throw new Error("a lock without its redemption id");
  const stored = await store.readRedemption(redemptionId);
  if (lock === null && stored === null) {
    throw new RejectedError({
      code: "redemption_unknown",
      subject: id,
      remedy: "Check the id, and wait until the lock is in a block.",
    });
  }
  const pending = await store.listIntents({ subject: redemptionId, kinds: stepKinds, limit: pendingLimit });
  return { redemptionId, lock, stored, pending, now: head.latest?.time ?? null };
}

const domainFields = [
  { name: "name", type: "string" },
  { name: "version", type: "string" },
  { name: "chainId", type: "uint256" },
  { name: "verifyingContract", type: "address" },
];

/** Integers as decimal strings: `eth_signTypedData_v4` takes them, and JSON numbers would lose digits. */
export function toTypedMessage({ domain, primaryType, message }: TypedMessage): ToSign["typedData"] {
  const entries = Object.entries(message).map(([name, value]) => [
    name,
    typeof value === "bigint" ? value.toString() : value,
  ]);
  return {
    domain: { ...domain, verifyingContract: spellAddress(domain.verifyingContract) },
    primaryType,
    types: { EIP712Domain: domainFields, [primaryType]: [...typedStructs[primaryType]] },
    message: Object.fromEntries(entries),
  };
}

export function toTypedData(encoder: Encoder, draft: Draft, redemptionId: Word): ToSign {
  return { redemptionId, typedData: toTypedMessage(encoder.toTyped(draft)) };
}
