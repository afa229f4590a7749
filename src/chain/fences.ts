/**
 * Fences read from the chain: which view of which contract says that a fence is consumed, for every kind of intent. Owns that table. Pure;
 * asking is the caller's.
 */
import { type EncodeFunctionDataParameters, encodeFunctionData } from "viem";
import { parsePaymentFence } from "../domain/agreement.ts";
import type { Hex, Word } from "../domain/hex.ts";
import { type Fence, type IntentFacts, type IntentKind, redemptionStates } from "../domain/intent.ts";
import {
  claimEscrowAbi,
  commerceEscrowAbi,
  fxSwapAbi,
  redemptionEscrowAbi,
  stablecoinAbi,
  treasuryAbi,
  vaspRegistryAbi,
} from "./abi.ts";

export type AnyAbi =
  | typeof stablecoinAbi
  | typeof treasuryAbi
  | typeof redemptionEscrowAbi
  | typeof claimEscrowAbi
  | typeof commerceEscrowAbi
  | typeof fxSwapAbi
  | typeof vaspRegistryAbi;

export function encodeView(abi: AnyAbi, functionName: string, args: readonly unknown[]): Hex {
  return encodeFunctionData({ abi, functionName, args } as unknown as EncodeFunctionDataParameters);
}

/** A view to call on the fence's scope, and how its words are read. */
export interface FenceQuestion {
  readonly to: Fence["scope"];
  readonly data: Hex;
  isConsumed(words: readonly bigint[]): boolean;
}

type Asker = (intent: { readonly fence: Fence; readonly subject: Word }) => Omit<FenceQuestion, "to">;

const isTrue = ([word]: readonly bigint[]): boolean => word === 1n;
const isSet = ([word = 0n]: readonly bigint[]): boolean => word !== 0n;

const authorization: Asker = ({ fence }) => {
  return { data: encodeView(stablecoinAbi, "authorizationState", [fence.subject, fence.key]), isConsumed: isTrue };
};
/** The Treasury and the coins keep orders alike. */
const order: Asker = ({ fence }) => {
  return { data: encodeView(treasuryAbi, "orderUsed", [fence.subject, fence.key]), isConsumed: isTrue };
};

/** How far along its way a redemption is in each state, by the contract's numbers: a dispute lies between sent and its ends. */
const ranks: Readonly<Record<(typeof redemptionStates)[number], number>> = {
  none: 0,
  locked: 1,
  accepted: 2,
  sent: 3,
  disputed: 4,
  burned: 5,
  returned: 5,
};
const rankOf = (number: number): number => {
  const state = redemptionStates[number];
  return state === undefined ? 0 : ranks[state];
};

/** The fence's last byte is the state that is left; the subject is the redemption's id. */
const step: Asker = ({ fence, subject }) => ({
  data: encodeView(redemptionEscrowAbi, "stateOf", [subject]),
  isConsumed: ([state = 0n]) => rankOf(Number(state)) > rankOf(Number.parseInt(fence.key.slice(-2), 16)),
});

/** Open is 1; every other state that a claim has had is an end. */
const claim: Asker = ({ fence }) => ({
  data: encodeView(claimEscrowAbi, "stateOf", [fence.key]),
  isConsumed: ([state = 0n]) => state > 1n,
});

/** What was captured and voided only rises, and a dispute is opened once. */
const paymentStep: Asker = ({ fence }) => {
  const before = parsePaymentFence(fence);
  return {
    data: encodeView(commerceEscrowAbi, "paymentOf", [before.id]),
    isConsumed([, captured = 0n, voided = 0n, , , disputed]) {
      const now = captured + voided;
      return now > before.ended || (now === before.ended && disputed === 1n && !before.disputed);
    },
  };
};

const quote: Asker = ({ fence }) => {
  return { data: encodeView(fxSwapAbi, "quoteUsed", [fence.key]), isConsumed: isTrue };
};
const consent: Asker = ({ fence }) => {
  return { data: encodeView(vaspRegistryAbi, "consentUsed", [fence.subject, fence.key]), isConsumed: isTrue };
};

const askers: Readonly<Record<IntentKind, Asker>> = {
  transfer: authorization,
  cancel: authorization,
  lock: authorization,
  "open-claim": authorization,
  authorize: authorization,
  charge: authorization,
  refund: authorization,
  mint: ({ fence }) => ({ data: encodeView(treasuryAbi, "depositUsed", [fence.key]), isConsumed: isTrue }),
  attest: order,
  minting: order,
  freeze: order,
  unfreeze: order,
  seize: order,
  "approve-mint": ({ fence }) => ({
    data: encodeView(treasuryAbi, "approvalsOf", [fence.key]),
    // an offset, a length, then pairs of approver and time
    isConsumed: (words) => words.slice(2).some((word, i) => i % 2 === 0 && word === BigInt(fence.subject)),
  }),
  "cancel-redemption": step,
  accept: step,
  reject: step,
  "mark-sent": step,
  confirm: step,
  dispute: step,
  resolve: step,
  reclaim: step,
  approve: ({ subject }) => ({ data: encodeView(redemptionEscrowAbi, "approverOf", [subject]), isConsumed: isSet }),
  claim,
  "decline-claim": claim,
  "cancel-claim": claim,
  "reclaim-claim": claim,
  capture: paymentStep,
  void: paymentStep,
  "dispute-payment": paymentStep,
  "resolve-payment": paymentStep,
  "reclaim-payment": paymentStep,
  swap: quote,
  "cancel-quote": quote,
  join: consent,
  leave: consent,
  "complete-leave": ({ fence }) => ({
    data: encodeView(vaspRegistryAbi, "leaveAt", [fence.subject]),
    // it has left, or joined and announced it again since
    isConsumed: ([time = 0n]) => time !== BigInt(fence.key),
  }),
  "travel-attest": ({ fence }) => ({
    data: encodeView(vaspRegistryAbi, "attestationUsed", [BigInt(fence.subject), fence.key]),
    isConsumed: isTrue,
  }),
};

/** What to ask about an intent's fence. Steps of a redemption are asked about by their subject, a whole id that
 * their fences hold but for a byte. */
export function toFenceQuestion(intent: Pick<IntentFacts, "kind" | "fence" | "subject">): FenceQuestion {
  const { kind, fence, subject } = intent;
  return { to: fence.scope, ...askers[kind]({ fence, subject: subject ?? fence.key }) };
}
