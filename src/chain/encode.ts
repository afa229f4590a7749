/**
 * Drafts as the chain sees them: what is signed, which fence it consumes, and the bytes that carry it out. Owns the call data and the gas
 * limit of every kind. Pure and synchronous once created; a draft for a coin this deployment does not have throws, the
 * surface refuses it before.
 */
import { type EncodeFunctionDataParameters, encodeFunctionData } from "viem";
import type { Draft, StepDraft, TransferDraft, UnsignedOrder } from "../domain/draft.ts";
import type { RedemptionTerms } from "../domain/facts.ts";
import { type Address, type Hex, type Word, zeroAddress } from "../domain/hex.ts";
import { type IntentFacts, type IntentKind, redemptionStates, stepFence } from "../domain/intent.ts";
import type { PrimaryType, TypedMessage } from "../domain/signatures.ts";
import type { Deployment, EncodedDraft, Encoder } from "../pipeline/ports.ts";
import { redemptionEscrowAbi, stablecoinAbi, treasuryAbi } from "./abi.ts";
import { createDigest, createDomains, loadKeccak, toHex } from "./digest.ts";
import { parseSignature, toLong } from "./recover.ts";
import { encodeRow } from "./row.ts";

/** Later than any block: what needs no deadline of its own. The first second that no longer fits a row. */
export const never = 2 ** 40;
/** The whole account, in a freeze order. */
const wholeAccount = (1n << 256n) - 1n;

/** Asking a contract signer: its allowance, the 64th part a call keeps back and the access, as `Signatures.sol` has them. */
const contractSignerGas = 160_000n;
/** What an escrow wants to see before it tries a payment or a burn, as `Escrow.sol` has it, with the 64th part kept back. */
const escrowGas = 260_000n;

/**
 * Gas limit of each call: its measured use with every slot new, rounded up by a quarter, plus a contract signer where a signature is
 * checked, plus the escrow's floor where coins leave an escrow. A limit costs nothing but room in a block, and a call that
 * runs out of gas would be blamed on its intent.
 */
export const gasLimits: Readonly<Record<IntentKind, bigint>> = {
  transfer: 110_000n + contractSignerGas,
  cancel: 75_000n + contractSignerGas,
  mint: 150_000n + contractSignerGas,
  lock: 260_000n + contractSignerGas,
  "cancel-redemption": 100_000n + contractSignerGas + escrowGas,
  accept: 80_000n + contractSignerGas,
  reject: 100_000n + contractSignerGas + escrowGas,
  "mark-sent": 80_000n + contractSignerGas,
  confirm: 120_000n + contractSignerGas + escrowGas,
  reclaim: 100_000n + escrowGas,
  attest: 110_000n + contractSignerGas,
  minting: 110_000n + contractSignerGas,
  freeze: 160_000n + contractSignerGas,
  unfreeze: 110_000n + contractSignerGas,
};

type Unsigned = Draft | UnsignedOrder;

/** What the holder signs to redeem: the coin's authorization to the escrow, whose nonce is the redemption's id. */
function toLockMessage(terms: RedemptionTerms, id: Word, escrow: Address): TypedMessage["message"] {
  return {
    from: terms.holder,
    to: escrow,
    value: terms.amount,
    validAfter: 0n,
    validBefore: BigInt(terms.acceptBy),
    nonce: id,
  };
}

function toTermsMessage(terms: RedemptionTerms): TypedMessage["message"] {
  return {
    coin: terms.coin,
    holder: terms.holder,
    amount: terms.amount,
    payout: terms.payout,
    acceptBy: BigInt(terms.acceptBy),
    payoutBy: BigInt(terms.payoutBy),
    finalBy: BigInt(terms.finalBy),
    salt: terms.salt,
  };
}

function toTransferMessage(draft: TransferDraft): TypedMessage["message"] {
  const { from, to, value, validAfter, validBefore, nonce } = draft.authorization;
  const message = { from, to, value, validAfter: BigInt(validAfter), validBefore: BigInt(validBefore), nonce };
  return draft.memo === null ? message : { ...message, memo: draft.memo };
}

type Step = Omit<StepDraft, "signer" | "signature">;

function toStepMessage(step: Step): TypedMessage["message"] {
  const base = { id: step.id, deadline: BigInt(step.deadline) };
  switch (step.kind) {
    case "cancel-redemption":
    case "accept":
      return base;
    case "reject":
      return { ...base, state: BigInt(redemptionStates.indexOf(step.from)), reason: step.reference };
    case "mark-sent":
    case "confirm":
      return { ...base, bankReference: step.reference };
  }
}

const stepTypes: Readonly<Record<StepDraft["kind"], PrimaryType>> = {
  "cancel-redemption": "CancelRedemption",
  accept: "AcceptOrder",
  reject: "RejectOrder",
  "mark-sent": "MarkSentOrder",
  confirm: "ConfirmOrder",
};

/** The struct of a draft and the values in it; the domain is added by the caller. */
function toStruct(draft: Exclude<Unsigned, { kind: "reclaim" | "lock" }>): {
  readonly primaryType: PrimaryType;
  readonly message: TypedMessage["message"];
} {
  switch (draft.kind) {
    case "transfer":
      return {
        primaryType: draft.memo === null ? "TransferWithAuthorization" : "TransferWithMemo",
        message: toTransferMessage(draft),
      };
    case "cancel":
      return {
        primaryType: "CancelAuthorization",
        message: { authorizer: draft.authorizer, nonce: draft.nonce },
      };
    case "mint": {
      const { coin, depositId, to, amount } = draft;
      return { primaryType: "MintOrder", message: { coin, depositId, to, amount, deadline: BigInt(draft.deadline) } };
    }
    case "attest": {
      const { orderId, coin, amount, reportHash } = draft;
      const times = { asOf: BigInt(draft.asOf), deadline: BigInt(draft.deadline) };
      return { primaryType: "AttestOrder", message: { orderId, coin, amount, reportHash, ...times } };
    }
    case "minting": {
      const { orderId, coin, enabled } = draft;
      return { primaryType: "MintingOrder", message: { orderId, coin, enabled, deadline: BigInt(draft.deadline) } };
    }
    case "freeze": {
      const { orderId, account, caseId } = draft;
      const times = { until: BigInt(draft.until), deadline: BigInt(draft.deadline) };
      return {
        primaryType: "FreezeOrder",
        message: { orderId, account, amount: draft.amount ?? wholeAccount, caseId, ...times },
      };
    }
    case "unfreeze": {
      const { orderId, account, caseId } = draft;
      return { primaryType: "UnfreezeOrder", message: { orderId, account, caseId, deadline: BigInt(draft.deadline) } };
    }
    default:
      return { primaryType: stepTypes[draft.kind], message: toStepMessage(draft) };
  }
}

/** A signature as a call carries it: plain 65 bytes where it is ECDSA, whatever a contract wants to see otherwise. */
function toCallSignature(signature: Hex): Hex {
  const parsed = parseSignature(signature);
  return parsed === null ? signature : `0x${toLong(parsed)}`;
}

/** The type checker cannot follow a function name chosen at run time; the vectors and the chain tests do. */
function encodeCall(abi: readonly unknown[], functionName: string, args: readonly unknown[]): Hex {
  return encodeFunctionData({ abi, functionName, args } as unknown as EncodeFunctionDataParameters);
}

const stepFunctions: Readonly<Record<Exclude<StepDraft["kind"], "cancel-redemption">, string>> = {
  accept: "acceptBySig",
  reject: "rejectBySig",
  "mark-sent": "markSentBySig",
  confirm: "confirmBySig",
};

type Signed = Exclude<Draft, { kind: "transfer" }>;

/** Call data of everything that is not a row. `order` is the struct that was signed. */
function toCallData(draft: Signed, order: TypedMessage["message"]): Hex {
  switch (draft.kind) {
    case "cancel":
      return encodeCall(stablecoinAbi, "cancelAuthorization", [
        draft.authorizer,
        draft.nonce,
        toCallSignature(draft.signature),
      ]);
    case "lock":
      return encodeCall(redemptionEscrowAbi, "lock", [toTermsMessage(draft.terms), toCallSignature(draft.signature)]);
    case "cancel-redemption":
      return encodeCall(redemptionEscrowAbi, "cancelBySig", [
        draft.id,
        BigInt(draft.deadline),
        toCallSignature(draft.signature),
      ]);
    case "reclaim":
      return encodeCall(redemptionEscrowAbi, "reclaim", [draft.id]);
    case "mint":
      return encodeCall(treasuryAbi, "mintBySig", [order, draft.signer, toCallSignature(draft.signature)]);
    case "attest":
      return encodeCall(treasuryAbi, "attestBySig", [order, draft.signer, toCallSignature(draft.signature)]);
    case "minting":
      return encodeCall(treasuryAbi, "setMintingBySig", [order, draft.signer, toCallSignature(draft.signature)]);
    case "freeze":
      return encodeCall(stablecoinAbi, "freezeBySig", [order, draft.signer, toCallSignature(draft.signature)]);
    case "unfreeze":
      return encodeCall(stablecoinAbi, "unfreezeBySig", [order, draft.signer, toCallSignature(draft.signature)]);
    default:
      return encodeCall(redemptionEscrowAbi, stepFunctions[draft.kind], [
        order,
        draft.signer,
        toCallSignature(draft.signature),
      ]);
  }
}

/** What every kind has in common when nothing moves. */
const still = { payer: null, payee: null, amount: 0n, validAfter: 0, memo: null, reference: null } as const;

type Outline = Omit<IntentFacts, "kind" | "digest" | "coin" | "action">;

/** Fence, parties, times and subject of a draft, apart from how it is carried out. */
function toOutline(draft: Draft, deployment: Deployment, id: Word | null): Outline {
  switch (draft.kind) {
    case "transfer": {
      const { from, to, value, validAfter, validBefore, nonce } = draft.authorization;
      const fence = { scope: draft.coin, subject: from, key: nonce };
      const parties = { payer: from, payee: to, amount: value };
      return {
        fence,
        ...parties,
        validAfter,
        validBefore,
        memo: draft.memo,
        subject: null,
        reference: draft.reference,
      };
    }
    case "cancel": {
      const fence = { scope: draft.coin, subject: draft.authorizer, key: draft.nonce };
      return { ...still, fence, payee: draft.authorizer, validBefore: never, subject: null };
    }
    case "lock": {
      const { coin, holder, amount, acceptBy } = draft.terms;
      const fence = { scope: coin, subject: holder, key: id as Word };
      const parties = { payer: holder, payee: deployment.redemptions, amount };
      return { ...still, fence, ...parties, validBefore: acceptBy, subject: id };
    }
    case "mint": {
      const fence = { scope: deployment.treasury, subject: zeroAddress, key: draft.depositId };
      const moved = { payee: draft.to, amount: draft.amount };
      return { ...still, fence, ...moved, validBefore: draft.deadline + 1, subject: draft.depositId };
    }
    case "attest":
    case "minting": {
      const fence = { scope: deployment.treasury, subject: draft.signer, key: draft.orderId };
      return { ...still, fence, validBefore: draft.deadline + 1, subject: draft.orderId };
    }
    case "freeze":
    case "unfreeze": {
      const fence = { scope: draft.coin, subject: draft.signer, key: draft.orderId };
      return { ...still, fence, payee: draft.account, validBefore: draft.deadline + 1, subject: draft.orderId };
    }
    case "reclaim":
      return {
        ...still,
        fence: stepFence(deployment.redemptions, draft.id, draft.from),
        validBefore: never,
        subject: draft.id,
      };
    default:
      return {
        ...still,
        fence: stepFence(deployment.redemptions, draft.id, draft.from),
        payee: draft.kind === "cancel-redemption" ? draft.signer : null,
        validBefore: draft.deadline + 1,
        subject: draft.id,
      };
  }
}

/** Which contract a call goes to. */
function targetOf(draft: Signed, deployment: Deployment): Address {
  switch (draft.kind) {
    case "cancel":
    case "freeze":
    case "unfreeze":
      return draft.coin;
    case "mint":
    case "attest":
    case "minting":
      return deployment.treasury;
    default:
      return deployment.redemptions;
  }
}

function signerOf(draft: Draft): Address | null {
  switch (draft.kind) {
    case "transfer":
      return draft.authorization.from;
    case "cancel":
      return draft.authorizer;
    case "lock":
      return draft.terms.holder;
    case "reclaim":
      return null;
    default:
      return draft.signer;
  }
}

/** A transfer is a row; one that no row can carry (a validity beyond five bytes, a giant signature) is a call of its own. */
function toTransferAction(draft: TransferDraft): IntentFacts["action"] {
  const row = encodeRow(draft);
  if (row !== null) return { kind: "row", coin: draft.coin, row };
  const { from, to, value, validAfter, validBefore, nonce } = draft.authorization;
  const head = [from, to, value, BigInt(validAfter), BigInt(validBefore), nonce];
  const signature = toCallSignature(draft.signature);
  const data =
    draft.memo === null
      ? encodeCall(stablecoinAbi, "transferWithAuthorization", [...head, signature])
      : encodeCall(stablecoinAbi, "transferWithMemo", [...head, draft.memo, signature]);
  return { kind: "call", to: draft.coin, data, gas: gasLimits.transfer };
}

/** The encoder of one deployment. Asynchronous only to load the hash. */
export async function createEncoder(deployment: Deployment): Promise<Encoder> {
  const keccak = await loadKeccak();
  const digestOf = createDigest(keccak);
  const domainFor = createDomains(deployment);
  const isCoin = new Set(deployment.coins.map((coin) => coin.address));

  function redemptionId(terms: RedemptionTerms): Word {
    return digestOf({
      domain: domainFor("Redemption", null),
      primaryType: "Redemption",
      message: toTermsMessage(terms),
    });
  }

  function toTyped(draft: Unsigned): TypedMessage {
    if (draft.kind === "reclaim") throw new RangeError("a reclaim is nobody's to sign");
    if (draft.kind === "lock") {
      const message = toLockMessage(draft.terms, redemptionId(draft.terms), deployment.redemptions);
      const primaryType = "ReceiveWithAuthorization";
      return { domain: domainFor(primaryType, draft.terms.coin), primaryType, message };
    }
    const { primaryType, message } = toStruct(draft);
    return { domain: domainFor(primaryType, draft.coin), primaryType, message };
  }

  /** A reclaim is signed by nobody: what identifies it is which state of which redemption it ends. */
  function reclaimDigest(id: Word, from: StepDraft["from"]): Word {
    const state = redemptionStates.indexOf(from).toString(16).padStart(2, "0");
    return toHex(keccak(Buffer.from(deployment.redemptions.slice(2) + id.slice(2) + state, "hex")));
  }

  function encode(draft: Draft): EncodedDraft {
    const coin = draft.kind === "lock" ? draft.terms.coin : draft.coin;
    if (!isCoin.has(coin)) throw new RangeError(`${coin} is not a coin of this deployment`);
    const typed = draft.kind === "reclaim" ? null : toTyped(draft);
    const digest = draft.kind === "reclaim" ? reclaimDigest(draft.id, draft.from) : digestOf(typed as TypedMessage);
    const id = draft.kind === "lock" ? ((typed as TypedMessage).message["nonce"] as Word) : null;
    const action: IntentFacts["action"] =
      draft.kind === "transfer"
        ? toTransferAction(draft)
        : {
            kind: "call",
            to: targetOf(draft, deployment),
            data: toCallData(draft, typed?.message ?? {}),
            gas: gasLimits[draft.kind],
          };
    return {
      facts: { ...toOutline(draft, deployment, id), kind: draft.kind, digest, coin, action },
      signer: signerOf(draft),
      signature: draft.kind === "reclaim" ? null : draft.signature,
    };
  }

  return { encode, toTyped, redemptionId };
}

/** Call data of `settle` over rows, in order; without rows it does nothing on chain. */
export function encodeSettle(rows: readonly Hex[]): Hex {
  return encodeCall(stablecoinAbi, "settle", [`0x${rows.map((row) => row.slice(2)).join("")}`]);
}
