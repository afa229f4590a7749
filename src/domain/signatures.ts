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
} as const;
export type PrimaryType = keyof typeof typedStructs;

/** Which contract's domain signs each struct. */
export const domainOf: Readonly<Record<PrimaryType, "coin" | "treasury" | "redemption">> = {
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
