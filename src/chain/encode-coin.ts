/**
 * Drafts that a coin or the Treasury carries out by itself: transfers, cancellations, mints, and the orders of roles. Owns their structs,
 * fences and calls. Pure.
 */
import type { DraftOf, Encodings, Outline, Struct, Tools, Unsigned } from "./encoding.ts";
import type { FreezeDraft, TransferDraft } from "../domain/draft.ts";
import { type Address, type Word, zeroAddress } from "../domain/hex.ts";
import type { Action, IntentKind } from "../domain/intent.ts";
import { stablecoinAbi, treasuryAbi } from "./abi.ts";
import { never, orderOf, still, toCall, toCallSignature } from "./encoding.ts";
import { encodeRow } from "./row.ts";

export type CoinKind =
  | "transfer"
  | "cancel"
  | "mint"
  | "approve-mint"
  | "attest"
  | "minting"
  | "freeze"
  | "unfreeze"
  | "seize";

/** The whole account, in a freeze order. */
const wholeAccount = (1n << 256n) - 1n;

function toTransferStruct({ coin, authorization, memo }: Unsigned<TransferDraft>): Struct {
  const { from, to, value, validAfter, validBefore, nonce } = authorization;
  const message = { from, to, value, validAfter: BigInt(validAfter), validBefore: BigInt(validBefore), nonce };
  return memo === null
    ? { primaryType: "TransferWithAuthorization", coin, message }
    : { primaryType: "TransferWithMemo", coin, message: { ...message, memo } };
}

/** A transfer is a row; one that no row can carry (a validity beyond five bytes, a giant signature) is a call of its own. */
function toTransferAction(draft: TransferDraft): Action {
  const row = encodeRow(draft);
  if (row !== null) return { kind: "row", coin: draft.coin, row };
  const { from, to, value, validAfter, validBefore, nonce } = draft.authorization;
  const head = [from, to, value, BigInt(validAfter), BigInt(validBefore), nonce];
  const target = { to: draft.coin, abi: stablecoinAbi };
  const signature = toCallSignature(draft.signature);
  return draft.memo === null
    ? toCall("transfer", target, ["transferWithAuthorization", ...head, signature])
    : toCall("transfer", target, ["transferWithMemo", ...head, draft.memo, signature]);
}

/** An order of a role: signed by `signer`, and carried out by a call that takes the struct, the signer and the signature. */
type Order = DraftOf<Exclude<CoinKind, "transfer" | "cancel">>;

function toOrderCall(
  kind: IntentKind,
  functionName: string,
): (draft: Order, tools: Tools, structs: readonly Struct[]) => Action {
  return (draft, { deployment }, structs) => {
    const isCoins = draft.kind === "freeze" || draft.kind === "unfreeze" || draft.kind === "seize";
    const target = isCoins ? { to: draft.coin, abi: stablecoinAbi } : { to: deployment.treasury, abi: treasuryAbi };
    return toCall(kind, target, [functionName, orderOf(structs), draft.signer, toCallSignature(draft.signature)]);
  };
}

/** An order with an id of its own, kept by its target beside the signer. */
function toOrderOutline(
  scope: Address,
  draft: { readonly signer: Address; readonly orderId: Word; readonly deadline: number },
  account: Address | null = null,
): Outline {
  const fence = { scope, subject: draft.signer, key: draft.orderId };
  return { ...still, fence, payee: account, validBefore: draft.deadline + 1, subject: draft.orderId };
}

const coin = ({ coin: named }: { readonly coin: Address }): Address => named;
const signed = ({ signer, signature }: Order) => [{ signer, signature }];

export const coinEncodings: Encodings<CoinKind> = {
  transfer: {
    coin,
    structs: (draft) => [toTransferStruct(draft)],
    parties: ({ authorization, signature }) => [{ signer: authorization.from, signature }],
    outline(draft) {
      const { from, to, value, validAfter, validBefore, nonce } = draft.authorization;
      const fence = { scope: draft.coin, subject: from, key: nonce };
      const { memo, reference } = draft;
      return { fence, payer: from, payee: to, amount: value, validAfter, validBefore, memo, subject: null, reference };
    },
    act: toTransferAction,
  },
  cancel: {
    coin,
    structs: ({ coin: named, authorizer, nonce }) => [
      { primaryType: "CancelAuthorization", coin: named, message: { authorizer, nonce } },
    ],
    parties: ({ authorizer, signature }) => [{ signer: authorizer, signature }],
    outline(draft) {
      const fence = { scope: draft.coin, subject: draft.authorizer, key: draft.nonce };
      return { ...still, fence, payee: draft.authorizer, validBefore: never, subject: null };
    },
    act(draft) {
      const signature = toCallSignature(draft.signature);
      const target = { to: draft.coin, abi: stablecoinAbi };
      return toCall("cancel", target, ["cancelAuthorization", draft.authorizer, draft.nonce, signature]);
    },
  },
  mint: {
    coin,
    structs({ coin: named, depositId, to, amount, deadline }) {
      const message = { coin: named, depositId, to, amount, deadline: BigInt(deadline) };
      return [{ primaryType: "MintOrder", coin: named, message }];
    },
    parties: signed,
    outline(draft, { deployment }) {
      const fence = { scope: deployment.treasury, subject: zeroAddress, key: draft.depositId };
      const moved = { payee: draft.to, amount: draft.amount };
      return { ...still, fence, ...moved, validBefore: draft.deadline + 1, subject: draft.depositId };
    },
    act: toOrderCall("mint", "mintBySig"),
  },
  "approve-mint": {
    coin,
    structs: ({ coin: named, mintKey, deadline }) => [
      { primaryType: "ApproveMintOrder", coin: named, message: { mintKey, deadline: BigInt(deadline) } },
    ],
    parties: signed,
    outline(draft, { deployment }) {
      return toOrderOutline(deployment.treasury, { ...draft, orderId: draft.mintKey });
    },
    act: toOrderCall("approve-mint", "approveMintBySig"),
  },
  attest: {
    coin,
    structs({ coin: named, orderId, amount, asOf, reportHash, deadline }) {
      const times = { asOf: BigInt(asOf), deadline: BigInt(deadline) };
      return [
        { primaryType: "AttestOrder", coin: named, message: { orderId, coin: named, amount, reportHash, ...times } },
      ];
    },
    parties: signed,
    outline: (draft, { deployment }) => toOrderOutline(deployment.treasury, draft),
    act: toOrderCall("attest", "attestBySig"),
  },
  minting: {
    coin,
    structs({ coin: named, orderId, enabled, deadline }) {
      const message = { orderId, coin: named, enabled, deadline: BigInt(deadline) };
      return [{ primaryType: "MintingOrder", coin: named, message }];
    },
    parties: signed,
    outline: (draft, { deployment }) => toOrderOutline(deployment.treasury, draft),
    act: toOrderCall("minting", "setMintingBySig"),
  },
  freeze: {
    coin,
    structs({ coin: named, orderId, account, amount, caseId, until, deadline }: Unsigned<FreezeDraft>) {
      const times = { until: BigInt(until), deadline: BigInt(deadline) };
      const message = { orderId, account, amount: amount ?? wholeAccount, caseId, ...times };
      return [{ primaryType: "FreezeOrder", coin: named, message }];
    },
    parties: signed,
    outline: (draft) => toOrderOutline(draft.coin, draft, draft.account),
    act: toOrderCall("freeze", "freezeBySig"),
  },
  unfreeze: {
    coin,
    structs({ coin: named, orderId, account, caseId, deadline }) {
      const message = { orderId, account, caseId, deadline: BigInt(deadline) };
      return [{ primaryType: "UnfreezeOrder", coin: named, message }];
    },
    parties: signed,
    outline: (draft) => toOrderOutline(draft.coin, draft, draft.account),
    act: toOrderCall("unfreeze", "unfreezeBySig"),
  },
  seize: {
    coin,
    structs({ coin: named, orderId, account, amount, caseId, deadline }) {
      const message = { orderId, account, amount, caseId, deadline: BigInt(deadline) };
      return [{ primaryType: "SeizeOrder", coin: named, message }];
    },
    parties: signed,
    // held for nobody: what is seized is frozen already, and so not available
    outline: (draft) => ({ ...toOrderOutline(draft.coin, draft, draft.account), amount: draft.amount }),
    act: toOrderCall("seize", "seizeBySig"),
  },
};
