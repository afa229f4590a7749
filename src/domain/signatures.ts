/**
 * Typed structs (EIP-712) exactly as `docs/SIGNATURES.md` fixes them. Owns field names, order and types: the packed digest, viem
 * and ethers all sign from this table, and `examples/vectors.json` holds them to it.
 */
import type { Address } from "./hex.ts";

export interface TypedField {
  readonly name: string;
  readonly type: "address" | "uint256" | "uint8" | "bytes32" | "bool";
}

function fields(text: string): readonly TypedField[] {
  return text.split(",").map((field) => {
    const [type, name] = field.split(" ");
    return { type, name } as TypedField;
  });
}

const authorization = "address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce";

/** Primary type → its fields in order. */
export const typedStructs = {
  TransferWithAuthorization: fields(authorization),
  ReceiveWithAuthorization: fields(authorization),
  CancelAuthorization: fields("address authorizer,bytes32 nonce"),
  TransferWithMemo: fields(`${authorization},bytes32 memo`),
  SkipNonces: fields("address account,uint256 newBase,uint256 deadline"),
  FreezeOrder: fields("bytes32 orderId,address account,uint256 amount,bytes32 caseId,uint256 until,uint256 deadline"),
  UnfreezeOrder: fields("bytes32 orderId,address account,bytes32 caseId,uint256 deadline"),
  MintOrder: fields("address coin,bytes32 depositId,address to,uint256 amount,uint256 deadline"),
  AttestOrder: fields("bytes32 orderId,address coin,uint256 amount,uint256 asOf,bytes32 reportHash,uint256 deadline"),
  MintingOrder: fields("bytes32 orderId,address coin,bool enabled,uint256 deadline"),
  Redemption: fields(
    "address coin,address holder,uint256 amount,bytes32 payout,uint256 acceptBy,uint256 payoutBy,uint256 finalBy,bytes32 salt",
  ),
  CancelRedemption: fields("bytes32 id,uint256 deadline"),
  AcceptOrder: fields("bytes32 id,uint256 deadline"),
  RejectOrder: fields("bytes32 id,uint8 state,bytes32 reason,uint256 deadline"),
  MarkSentOrder: fields("bytes32 id,bytes32 bankReference,uint256 deadline"),
  ConfirmOrder: fields("bytes32 id,bytes32 bankReference,uint256 deadline"),
  ApproveOrder: fields("bytes32 id,uint256 deadline"),
  DisputeRedemption: fields("bytes32 id,uint256 deadline"),
  ResolveOrder: fields("bytes32 id,bool paid,bytes32 ref,uint256 deadline"),
  Permit: fields("address owner,address spender,uint256 value,uint256 nonce,uint256 deadline"),
  Disburse: fields("address from,uint256 total,bytes32 rowsHash,uint256 validAfter,uint256 validBefore,bytes32 nonce"),
  SeizeOrder: fields("bytes32 orderId,address account,uint256 amount,bytes32 caseId,uint256 deadline"),
  ApproveMintOrder: fields("bytes32 mintKey,uint256 deadline"),
  MintBatchOrder: fields("address coin,bytes32 rowsHash,uint256 deadline"),
  MintReturnOrder: fields("address coin,bytes32 redemptionId,uint256 amount,uint256 deadline"),
  Claim: fields(
    "address coin,address sender,uint256 amount,address linkKey,address attestor,bytes32 handle,uint256 cancelFrom,uint256 expiry,bytes32 salt",
  ),
  ClaimTo: fields("bytes32 id,address recipient,uint256 deadline"),
  AttestClaim: fields("bytes32 id,address recipient,uint256 deadline"),
  DeclineClaim: fields("bytes32 id,uint256 deadline"),
  CancelClaim: fields("bytes32 id,uint256 deadline"),
  Payment: fields(
    "address coin,address payer,address merchant,uint256 amount,address feeReceiver,uint256 minFeeBps,uint256 maxFeeBps,address arbiter,uint256 authorizeBy,uint256 captureBy,uint256 refundBy,bytes32 salt",
  ),
  Capture: fields(
    "bytes32 id,uint256 amount,uint256 captured,uint256 voided,uint256 feeBps,bool voidRest,uint256 deadline",
  ),
  Void: fields("bytes32 id,uint256 amount,uint256 captured,uint256 voided,uint256 deadline"),
  DisputePayment: fields("bytes32 id,uint256 captured,uint256 voided,uint256 deadline"),
  ResolvePayment: fields(
    "bytes32 id,uint256 toMerchant,uint256 captured,uint256 voided,uint256 feeBps,uint256 deadline",
  ),
  Quote: fields(
    "address maker,address taker,address sellCoin,uint256 sellAmount,address buyCoin,uint256 buyAmount,uint256 validBefore,bytes32 salt",
  ),
  CancelQuote: fields("bytes32 id,uint256 deadline"),
  JoinVasp: fields("address account,uint256 vasp,bytes32 joinId,uint256 deadline"),
  LeaveVasp: fields("address account,bytes32 leaveId,uint256 deadline"),
  TravelAttestation: fields(
    "uint256 vasp,bytes32 attestationId,address coin,address payer,address payee,uint256 amount,bytes32 ref,uint256 validUntil",
  ),
} as const;
export type PrimaryType = keyof typeof typedStructs;

/** The contracts that have a domain. */
export type DomainName = "coin" | "treasury" | "redemption" | "claim" | "commerce" | "swap" | "registry";
/** Which contract's domain signs each struct. */
export const domainOf: Readonly<Record<PrimaryType, DomainName>> = {
  TransferWithAuthorization: "coin",
  ReceiveWithAuthorization: "coin",
  CancelAuthorization: "coin",
  TransferWithMemo: "coin",
  SkipNonces: "coin",
  FreezeOrder: "coin",
  UnfreezeOrder: "coin",
  MintOrder: "treasury",
  AttestOrder: "treasury",
  MintingOrder: "treasury",
  Redemption: "redemption",
  CancelRedemption: "redemption",
  AcceptOrder: "redemption",
  RejectOrder: "redemption",
  MarkSentOrder: "redemption",
  ConfirmOrder: "redemption",
  ApproveOrder: "redemption",
  DisputeRedemption: "redemption",
  ResolveOrder: "redemption",
  Permit: "coin",
  Disburse: "coin",
  SeizeOrder: "coin",
  ApproveMintOrder: "treasury",
  MintBatchOrder: "treasury",
  MintReturnOrder: "treasury",
  Claim: "claim",
  ClaimTo: "claim",
  AttestClaim: "claim",
  DeclineClaim: "claim",
  CancelClaim: "claim",
  Payment: "commerce",
  Capture: "commerce",
  Void: "commerce",
  DisputePayment: "commerce",
  ResolvePayment: "commerce",
  Quote: "swap",
  CancelQuote: "swap",
  JoinVasp: "registry",
  LeaveVasp: "registry",
  TravelAttestation: "registry",
};

/** An EIP-712 domain; no salt. */
export interface TypedDomain {
  readonly name: string;
  readonly version: string;
  readonly chainId: number;
  readonly verifyingContract: Address;
}

/** A struct ready to be signed: bigint for integers, lowercase hex for addresses and words. */
export interface TypedMessage {
  readonly domain: TypedDomain;
  readonly primaryType: PrimaryType;
  readonly message: Readonly<Record<string, bigint | boolean | string>>;
}
