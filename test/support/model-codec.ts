/**
 * The language of the model chain: how drafts become rows, calls and raw transactions there. Stands in for `chain/` behind the ports Encoder,
 * Recoverer, LaneSigner and OrderSigner. Rows follow docs/SIGNATURES.md; a signature is the signer's address and half the digest.
 */
import { strict as assert } from "node:assert";
import { keccak256, parseTransaction, serializeTransaction, stringToHex } from "viem";
import type { Authorization, Draft } from "../../src/domain/draft.ts";
import type { Address, Hex, Word } from "../../src/domain/hex.ts";
import { toWord, zeroAddress } from "../../src/domain/hex.ts";
import { isWindowNonce } from "../../src/domain/intent.ts";
import type { EncodedDraft, Encoder, LaneSigner, OrderSigner, Recoverer } from "../../src/pipeline/ports.ts";
import { claimId, encodeStep, isStep, type ModelStep, paymentId, quoteId } from "./model-agreements.ts";
import { coin, dealer, laneA, laneB, neverExpires, signDigest, treasury } from "./model-names.ts";
import { encodeOrder, isOrder, mintKey, type ModelOrder, redemptionId } from "./model-orders.ts";
import { readValue } from "./model-text.ts";

export {
  coin,
  dealer,
  deployment,
  funder,
  laneA,
  laneB,
  redemptions,
  secondCoin,
  signDigest,
  treasury,
  wallet,
} from "./model-names.ts";

function digestOf(...parts: readonly (string | number | bigint | boolean | null)[]): Word {
  return keccak256(stringToHex(JSON.stringify(parts.map(String))));
}

export function transferDigest(
  coinAddress: Address,
  { from, to, value, validAfter, validBefore, nonce }: Authorization,
  memo: Word | null,
): Word {
  return digestOf("transfer", coinAddress, from, to, value, validAfter, validBefore, nonce, memo);
}

export function signTransfer(
  authorization: Authorization,
  memo: Word | null = null,
): Draft & { readonly kind: "transfer" } {
  const signature = signDigest(authorization.from, transferDigest(coin, authorization, memo));
  return { kind: "transfer", coin, authorization, memo, signature, reference: null };
}

export function cancelDigest(authorizer: Address, nonce: Word): Word {
  return digestOf("cancel", coin, authorizer, nonce);
}

export function signCancel(authorizer: Address, nonce: bigint): Draft & { readonly kind: "cancel" } {
  const key = toWord(nonce);
  const signature = signDigest(authorizer, cancelDigest(authorizer, key));
  return { kind: "cancel", coin, authorizer, nonce: key, signature };
}

export function signMint(terms: {
  readonly depositId: Word;
  readonly to: Address;
  readonly amount: bigint;
  readonly deadline: number;
}) {
  const digest = digestOf("mint", coin, terms.depositId, terms.to, terms.amount, terms.deadline);
  return { kind: "mint", coin, ...terms, signer: dealer, signature: signDigest(dealer, digest) } as const;
}

const digits = (value: bigint | number, bytes: number) => value.toString(16).padStart(bytes * 2, "0");

export function encodeRow(authorization: Authorization, memo: Word | null, signature: Hex): Hex {
  const { from, to, value, validAfter, validBefore, nonce } = authorization;
  const wide = !isWindowNonce(nonce);
  const kind = 1 | (wide ? 2 : 0) | (memo === null ? 0 : 4) | (validAfter === 0 ? 0 : 8);
  const parts = [
    digits(kind, 1),
    from.slice(2),
    to.slice(2),
    digits(value, 8),
    digits(validBefore, 5),
    wide ? nonce.slice(2) : nonce.slice(-10),
    validAfter === 0 ? "" : digits(validAfter, 5),
    memo === null ? "" : memo.slice(2),
    signature.slice(2),
  ];
  return `0x${parts.join("")}`;
}

export interface ModelRow {
  readonly authorization: Authorization;
  readonly memo: Word | null;
  readonly signature: Hex;
}

/** Reads the rows out of the call data of `settle(bytes)`. */
export function decodeSettle(data: Hex): readonly ModelRow[] {
  const length = Number.parseInt(data.slice(10 + 64, 10 + 128), 16) * 2;
  const body = data.slice(10 + 128, 10 + 128 + length);
  const rows: ModelRow[] = [];
  let at = 0;
  const take = (bytes: number) => {
    const text = body.slice(at, at + bytes * 2);
    assert.equal(text.length, bytes * 2, "the row ends inside the data");
    at += bytes * 2;
    return text;
  };
  while (at < body.length) {
    const kind = Number.parseInt(take(1), 16);
    const [from, to] = [`0x${take(20)}`, `0x${take(20)}`] as [Address, Address];
    const value = BigInt(`0x${take(8)}`);
    const validBefore = Number.parseInt(take(5), 16);
    const nonce = `0x${((kind & 2) !== 0 ? take(32) : take(5)).padStart(64, "0")}` as Word;
    const validAfter = (kind & 8) !== 0 ? Number.parseInt(take(5), 16) : 0;
    const memo = (kind & 4) !== 0 ? (`0x${take(32)}` as Word) : null;
    const signature = `0x${take(64)}` as Hex;
    rows.push({ authorization: { from, to, value, validAfter, validBefore, nonce }, memo, signature });
  }
  return rows;
}

/** A call of the model: what the real chain reads from a selector and its arguments. */
export type ModelCall =
  | {
      readonly kind: "mint";
      readonly depositId: Word;
      readonly to: Address;
      readonly amount: string;
      readonly digest: Word;
    }
  | { readonly kind: "cancel"; readonly authorizer: Address; readonly nonce: Word }
  | { readonly kind: "step"; readonly step: ModelStep }
  | { readonly kind: "order"; readonly order: ModelOrder };
/** What the coin and the Treasury carry out by themselves. */
export type CoinCall = Exclude<ModelCall, { kind: "step" | "order" }>;

export function decodeCall(data: Hex): ModelCall {
  const text = Buffer.from(data.slice(10), "hex").toString();
  if (data.startsWith("0xca11ca12")) return { kind: "step", step: readValue(text) as ModelStep };
  if (data.startsWith("0xca11ca13")) return { kind: "order", order: readValue(text) as ModelOrder };
  return JSON.parse(text) as ModelCall;
}

export function encodeCall(call: CoinCall): Hex {
  return `0xca11ca11${Buffer.from(JSON.stringify(call)).toString("hex")}`;
}

function encodeDraft(draft: Draft): EncodedDraft {
  const plain = {
    memo: null,
    subject: null,
    reference: null,
    validAfter: 0,
    payer: null,
    payee: null,
    amount: 0n,
  } as const;
  if (draft.kind === "transfer") {
    const { authorization, memo, signature, reference } = draft;
    const { from, to, value, validAfter, validBefore, nonce } = authorization;
    const digest = transferDigest(draft.coin, authorization, memo);
    const fence = { scope: draft.coin, subject: from, key: nonce };
    const action = { kind: "row", coin: draft.coin, row: encodeRow(authorization, memo, signature) } as const;
    const moves = { payer: from, payee: to, amount: value, validAfter, validBefore, memo, reference };
    return {
      facts: { ...plain, kind: "transfer", digest, fence, coin: draft.coin, ...moves, action },
      consents: [{ signer: from, digest, signature }],
    };
  }
  if (draft.kind === "cancel") {
    const { authorizer, nonce, signature } = draft;
    const digest = cancelDigest(authorizer, nonce);
    const fence = { scope: coin, subject: authorizer, key: nonce };
    const action = {
      kind: "call",
      to: coin,
      data: encodeCall({ kind: "cancel", authorizer, nonce }),
      gas: 80_000n,
    } as const;
    return {
      facts: { ...plain, kind: "cancel", digest, fence, coin, validBefore: neverExpires, action },
      consents: [{ signer: authorizer, digest, signature }],
    };
  }
  if (isStep(draft)) return encodeStep(draft);
  if (isOrder(draft)) return encodeOrder(draft);
  const { depositId, to, amount, deadline, signer, signature } = draft;
  const digest = digestOf("mint", coin, depositId, to, amount, deadline);
  const fence = { scope: treasury, subject: zeroAddress, key: depositId };
  const data = encodeCall({ kind: "mint", depositId, to, amount: amount.toString(), digest });
  const action = { kind: "call", to: treasury, data, gas: 150_000n } as const;
  const facts = {
    ...plain,
    kind: "mint",
    digest,
    fence,
    coin,
    payee: to,
    amount,
    validBefore: deadline + 1,
    subject: depositId,
    action,
  } as const;
  return { facts, consents: [{ signer, digest, signature }] };
}

export const encoder: Encoder = {
  encode: encodeDraft,
  toTyped: (draft) => ({
    domain: { name: "Model", version: "1", chainId: 31337, verifyingContract: treasury },
    primaryType: "MintOrder",
    message: draft.kind === "mint" ? { amount: draft.amount, depositId: draft.depositId } : {},
  }),
  redemptionId,
  agreementId: (agreement) => {
    if (agreement.kind === "claim") return claimId(agreement.terms);
    return agreement.kind === "payment" ? paymentId(agreement.terms) : quoteId(agreement.terms);
  },
  mintKey,
};

export const recoverer: Recoverer = {
  recover: async (items) =>
    items.map(({ digest, signature }) => {
      const fits = signature.length === 130 && signature.slice(66) === digest.slice(2);
      return fits ? (`0x${signature.slice(26, 66)}` as Address) : null;
    }),
};

export const orderSigner: OrderSigner = {
  addressOf: (role) => (role === "dealer" ? dealer : null),
  sign: async () => `0x${"5".repeat(130)}`,
};

/** Signs by writing the lane's address where r would be. Every signature it ever made is in `signed`. */
export function createModelSigner(
  lanes: readonly Address[] = [laneA, laneB],
  funder?: Address,
): LaneSigner & { readonly signed: Set<Word> } {
  const signed = new Set<Word>();
  return {
    lanes,
    signed,
    ...(funder === undefined ? {} : { funder }),
    async sign({ lane, nonce, to, data, gas, value = 0n, maxFeePerGas, maxPriorityFeePerGas }) {
      const fields = {
        type: "eip1559",
        chainId: 31337,
        nonce,
        to,
        data,
        gas,
        value,
        maxFeePerGas,
        maxPriorityFeePerGas,
      } as const;
      const raw = serializeTransaction(fields, {
        r: `0x${lane.slice(2).padStart(64, "0")}`,
        s: toWord(1n),
        yParity: 0,
      });
      const hash = keccak256(raw);
      signed.add(hash);
      return { raw, hash };
    },
  };
}

export interface ModelTransaction {
  readonly hash: Word;
  readonly from: Address;
  readonly nonce: number;
  readonly to: Address;
  readonly data: Hex;
  readonly gas: bigint;
  /** Wei. */
  readonly value: bigint;
  readonly maxFeePerGas: bigint;
  readonly maxPriorityFeePerGas: bigint;
}

export function decodeTransaction(raw: Hex): ModelTransaction {
  const read = parseTransaction(raw as `0x02${string}`);
  return {
    hash: keccak256(raw),
    from: `0x${(read.r ?? "0x").slice(2).padStart(64, "0").slice(24)}` as Address,
    nonce: read.nonce ?? 0,
    to: (read.to ?? zeroAddress).toLowerCase() as Address,
    data: read.data ?? "0x",
    gas: read.gas ?? 0n,
    value: read.value ?? 0n,
    maxFeePerGas: read.maxFeePerGas ?? 0n,
    maxPriorityFeePerGas: read.maxPriorityFeePerGas ?? 0n,
  };
}
