/**
 * Every operation played: its name, the function of the contract and the function of the model. Owns how the model's arguments become
 * calldata. Promises that both sides get the same arguments; a signature is made real only here.
 */
import { concat, type Interface, Signature as Signed, toBeHex } from "ethers";
import * as claims from "../../model/claims.ts";
import * as coin from "../../model/coin.ts";
import * as commerce from "../../model/commerce.ts";
import { withdrawCredit } from "../../model/escrow.ts";
import { type Frame, type Signature, toWord } from "../../model/frame.ts";
import * as redemption from "../../model/redemption.ts";
import { useAttestation } from "../../model/families.ts";
import * as registry from "../../model/registry.ts";
import * as swap from "../../model/swap.ts";
import type { Stage } from "./stage.ts";

type Sign = (signature: Signature) => string;
export interface Method {
  abi: string;
  model: (c: Frame, ...args: never[]) => void;
  /** The ABI's arguments where they are not the model's with signatures made real. */
  encode?: (args: readonly never[], sign: Sign) => readonly unknown[];
}

const plain = (abi: string, model: Method["model"]): Method => ({ abi, model });

type Signing = [coin.Authorization, Signature];
const bytesOf = ([a, signature]: readonly unknown[], sign: Sign): unknown[] => {
  const [{ from, to, value, validAfter, validBefore, nonce, memo }, signed] = [a, signature] as Signing;
  const memos = memo === undefined ? [] : [memo];
  return [from, to, value, validAfter, validBefore, toWord(nonce), ...memos, sign(signed)];
};
/** Splits the signature, which is last. */
function split(args: readonly unknown[]): unknown[] {
  const { v, r, s } = Signed.from(args.at(-1) as string);
  return [...args.slice(0, -1), v, r, s];
}
const SIX = "address,address,uint256,uint256,uint256,bytes32";

function encodeRow(row: coin.Row, sign: Sign): string {
  const isWide = row.nonce >= coin.WINDOW_NONCES;
  const options = (isWide ? 2 : 0) + (row.memo === undefined ? 0 : 4) + (row.validAfter === 0n ? 0 : 8);
  const kind = row.unsound === "kind" ? 0x21 : 1 + options + (row.long === true ? 16 : 0);
  const signature = sign(row.signature);
  const bytes = concat([
    toBeHex(kind, 1),
    row.from,
    row.to,
    toBeHex(row.value, 8),
    toBeHex(row.validBefore, 5),
    toBeHex(row.nonce, isWide ? 32 : 5),
    row.validAfter === 0n ? "0x" : toBeHex(row.validAfter, 5),
    row.memo ?? "0x",
    row.long === true ? concat([toBeHex(65, 2), signature]) : Signed.from(signature).compactSerialized,
  ]);
  return row.unsound === "cut" ? bytes.slice(0, -2) : bytes;
}

const disbursed = ([d, signature]: readonly unknown[], sign: Sign): unknown[] => {
  const { from, total, rows, validAfter, validBefore, nonce } = d as coin.Disbursement;
  return [from, total, rows, validAfter, validBefore, toWord(nonce), sign(signature as Signature)];
};
const cancelled = ([authorizer, nonce, signature]: readonly unknown[], sign: Sign): unknown[] => [
  authorizer,
  toWord(nonce as bigint),
  sign(signature as Signature),
];
const permitted = (args: readonly unknown[], sign: Sign): unknown[] => [
  ...args.slice(0, -1),
  sign(args.at(-1) as Signature),
];

const COIN = {
  transfer: plain("transfer", coin.transfer),
  transferFrom: plain("transferFrom", coin.transferFrom),
  approve: plain("approve", coin.approve),
  permit: plain("permit(address,address,uint256,uint256,bytes)", coin.permit),
  permitSplit: {
    abi: "permit(address,address,uint256,uint256,uint8,bytes32,bytes32)",
    model: coin.permit,
    encode: (args, sign) => split(permitted(args, sign)),
  },
  transferWithAuthorization: {
    abi: `transferWithAuthorization(${SIX},bytes)`,
    model: coin.transferWithAuthorization,
    encode: bytesOf,
  },
  transferWithAuthorizationSplit: {
    abi: `transferWithAuthorization(${SIX},uint8,bytes32,bytes32)`,
    model: coin.transferWithAuthorization,
    encode: (args, sign) => split(bytesOf(args, sign)),
  },
  receiveWithAuthorization: {
    abi: `receiveWithAuthorization(${SIX},bytes)`,
    model: coin.receiveWithAuthorization,
    encode: bytesOf,
  },
  receiveWithAuthorizationSplit: {
    abi: `receiveWithAuthorization(${SIX},uint8,bytes32,bytes32)`,
    model: coin.receiveWithAuthorization,
    encode: (args, sign) => split(bytesOf(args, sign)),
  },
  transferWithMemo: { abi: "transferWithMemo", model: coin.transferWithMemo, encode: bytesOf },
  cancelAuthorization: {
    abi: "cancelAuthorization(address,bytes32,bytes)",
    model: coin.cancelAuthorization,
    encode: cancelled,
  },
  cancelAuthorizationSplit: {
    abi: "cancelAuthorization(address,bytes32,uint8,bytes32,bytes32)",
    model: coin.cancelAuthorization,
    encode: (args, sign) => split(cancelled(args, sign)),
  },
  skipNonces: plain("skipNonces(uint256)", coin.skipNonces),
  skipNoncesSigned: plain("skipNonces(address,uint256,uint256,bytes)", coin.skipNoncesSigned),
  settle: {
    abi: "settle",
    model: coin.settle,
    encode: ([rows]: readonly unknown[], sign) => [concat((rows as coin.Row[]).map((row) => encodeRow(row, sign)))],
  },
  disburse: { abi: "disburse", model: coin.disburse, encode: disbursed },
  mint: plain("mint", coin.mint),
  burn: plain("burn", coin.burn),
  freeze: plain("freeze", coin.freeze),
  freezeBySig: plain("freezeBySig", coin.freezeBySig),
  unfreeze: plain("unfreeze", coin.unfreeze),
  unfreezeBySig: plain("unfreezeBySig", coin.unfreezeBySig),
  releaseExpired: plain("releaseExpired", coin.releaseExpired),
  seize: plain("seize", coin.seize),
  seizeBySig: plain("seizeBySig", coin.seizeBySig),
  pause: plain("pause", coin.pause),
  unpause: plain("unpause", coin.unpause),
  setTravelRuleLimit: plain("setTravelRuleLimit", coin.setTravelRuleLimit),
  setCustody: plain("setCustody", coin.setCustody),
  setVasp: plain("setVasp", coin.setVasp),
  payFrom: plain("payFrom", coin.payFrom),
} satisfies Record<string, Method>;

const REGISTRY = {
  setComplianceKey: plain("setComplianceKey", registry.setComplianceKey),
  revokeComplianceKey: plain("revokeComplianceKey", registry.revokeComplianceKey),
  join: plain("join", registry.join),
  announceLeave: plain("announceLeave", registry.announceLeave),
  leaveBySig: plain("leaveBySig", registry.leaveBySig),
  expel: plain("expel", registry.expel),
  completeLeave: plain("completeLeave", registry.completeLeave),
  attest: plain("attest", registry.attest),
  attestBySig: plain("attestBySig", registry.attestBySig),
  withdrawAttestations: plain("withdrawAttestations", registry.withdrawAttestations),
  useAttestation: plain("useAttestation", useAttestation),
  suspend: plain("suspend", registry.suspend),
  reinstate: plain("reinstate", registry.reinstate),
} satisfies Record<string, Method>;

const CLAIMS = {
  open: plain("open", claims.open),
  claim: plain("claim", claims.claim),
  decline: plain("decline", claims.decline),
  cancel: plain("cancel", claims.cancel),
  cancelBySig: plain("cancelBySig", claims.cancelBySig),
  reclaim: plain("reclaim", claims.reclaim),
  withdrawCredit: plain("withdrawCredit", withdrawCredit),
} satisfies Record<string, Method>;

const COMMERCE = {
  authorize: plain("authorize", commerce.authorize),
  capture: plain("capture", commerce.capture),
  charge: plain("charge", commerce.charge),
  void: plain("void", commerce.voidPayment),
  reclaim: plain("reclaim", commerce.reclaim),
  refund: plain("refund", commerce.refund),
  dispute: plain("dispute", commerce.dispute),
  disputeBySig: plain("disputeBySig", commerce.disputeBySig),
  resolve: plain("resolve", commerce.resolve),
  withdrawCredit: plain("withdrawCredit", withdrawCredit),
} satisfies Record<string, Method>;

const SWAP = {
  swap: plain("swap", swap.swap),
  cancel: plain("cancel", swap.cancel),
  cancelBySig: plain("cancelBySig", swap.cancelBySig),
} satisfies Record<string, Method>;

const REDEMPTION = {
  lock: plain("lock", redemption.lock),
  cancel: plain("cancel", redemption.cancel),
  cancelBySig: plain("cancelBySig", redemption.cancelBySig),
  accept: plain("accept", redemption.accept),
  acceptBySig: plain("acceptBySig", redemption.acceptBySig),
  reject: plain("reject", redemption.reject),
  rejectBySig: plain("rejectBySig", redemption.rejectBySig),
  approve: plain("approve", redemption.approve),
  approveBySig: plain("approveBySig", redemption.approveBySig),
  markSent: plain("markSent", redemption.markSent),
  markSentBySig: plain("markSentBySig", redemption.markSentBySig),
  confirm: plain("confirm", redemption.confirm),
  confirmBySig: plain("confirmBySig", redemption.confirmBySig),
  dispute: plain("dispute", redemption.dispute),
  disputeBySig: plain("disputeBySig", redemption.disputeBySig),
  resolve: plain("resolve", redemption.resolve),
  resolveBySig: plain("resolveBySig", redemption.resolveBySig),
  reclaim: plain("reclaim", redemption.reclaim),
  burnPending: plain("burnPending", redemption.burnPending),
  setSecondKeyLimit: plain("setSecondKeyLimit", redemption.setSecondKeyLimit),
  withdrawCredit: plain("withdrawCredit", withdrawCredit),
} satisfies Record<string, Method>;

function prefixed<T extends Record<string, Method>, P extends string>(
  prefix: P,
  methods: T,
): Record<`${P}.${keyof T & string}`, Method> {
  return Object.fromEntries(Object.entries(methods).map(([name, method]) => [`${prefix}.${name}`, method])) as never;
}

export const METHODS = {
  ...prefixed("coin", COIN),
  ...prefixed("registry", REGISTRY),
  ...prefixed("claims", CLAIMS),
  ...prefixed("commerce", COMMERCE),
  ...prefixed("swap", SWAP),
  ...prefixed("redemption", REDEMPTION),
};
export type MethodName = keyof typeof METHODS;

const isSignature = (value: unknown): value is Signature =>
  typeof value === "object" && value !== null && "digest" in value && "key" in value;

/** The calldata of a method. */
export function encodeCall(stage: Stage, face: Interface, name: MethodName, args: readonly unknown[]): string {
  const { abi, encode } = METHODS[name] as Method;
  const sign: Sign = ({ key, digest }) => {
    const signer = stage.keys.get(key);
    if (signer === undefined) throw new Error(`nobody has the key of ${key}`);
    return signer.sign(digest).serialized;
  };
  const given = encode?.(args as never, sign) ?? args.map((arg) => (isSignature(arg) ? sign(arg) : arg));
  return face.encodeFunctionData(abi, given);
}
