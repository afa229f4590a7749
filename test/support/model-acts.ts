/**
 * What the model chain carried out, as digests of what was signed: the truth that the node's own judgement of logs is compared with. Read from
 * the transactions themselves, never from the facts the node sees.
 */
import type { Address, Hex, Word } from "../../src/domain/hex.ts";
import { encodeStep } from "./model-agreements.ts";
import type { ModelBlock, ModelChain, Ran } from "./model-chain.ts";
import { cancelDigest, coin, decodeCall, decodeSettle, transferDigest } from "./model-codec.ts";
import { digestOfOrder } from "./model-orders.ts";

export interface Act {
  readonly digest: Word;
  readonly block: number;
  readonly transaction: Word;
  readonly by: Address;
}

function digestOfCall(data: Hex): Word {
  const call = decodeCall(data);
  switch (call.kind) {
    case "mint":
      return call.digest;
    case "cancel":
      return cancelDigest(call.authorizer, call.nonce);
    case "step":
      return encodeStep(call.step).facts.digest;
    case "order":
      return digestOfOrder(call.order);
  }
}

/** A row that was skipped, or one that came twice, was carried out by another transaction or by none. */
function digestsOf({ transaction, mined }: Ran, { log }: ModelBlock): readonly Word[] {
  // Gas money is nobody's intent.
  if (!mined.succeeded || transaction.value > 0n) return [];
  if (transaction.to !== coin || transaction.data.startsWith("0xca11ca1")) return [digestOfCall(transaction.data)];
  const used = log.fences.filter(({ transaction: hash }) => hash === transaction.hash).map(({ fence }) => fence);
  const digests: Word[] = [];
  for (const { authorization, memo } of decodeSettle(transaction.data)) {
    const at = used.findIndex(({ subject, key }) => subject === authorization.from && key === authorization.nonce);
    if (at < 0) continue;
    used.splice(at, 1);
    digests.push(transferDigest(coin, authorization, memo));
  }
  return digests;
}

/** In the order of the chain. */
export function listActs({ blocks }: Pick<ModelChain, "blocks">): readonly Act[] {
  return blocks.flatMap((block) =>
    block.ran.flatMap((ran) =>
      digestsOf(ran, block).map((digest) => ({
        digest,
        block: block.ref.number,
        transaction: ran.transaction.hash,
        by: ran.transaction.from,
      })),
    ),
  );
}
