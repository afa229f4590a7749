/**
 * Every typed struct that somebody signs, as docs/SIGNATURES.md writes it. Owns nothing else; the type strings are copied from that page,
 * not from the contracts.
 */
import type { TypedDataField } from "ethers";

function fields(members: string): readonly TypedDataField[] {
  return members.split(",").map((member) => {
    const [type = "", name = ""] = member.split(" ");
    return { name, type };
  });
}

const AUTHORIZATION = "address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce";

export const STRUCTS = {
  // the coin
  TransferWithAuthorization: fields(AUTHORIZATION),
  ReceiveWithAuthorization: fields(AUTHORIZATION),
  TransferWithMemo: fields(`${AUTHORIZATION},bytes32 memo`),
  CancelAuthorization: fields("address authorizer,bytes32 nonce"),
  SkipNonces: fields("address account,uint256 newBase,uint256 deadline"),
  Permit: fields("address owner,address spender,uint256 value,uint256 nonce,uint256 deadline"),
  Disburse: fields("address from,uint256 total,bytes32 rowsHash,uint256 validAfter,uint256 validBefore,bytes32 nonce"),
  FreezeOrder: fields("bytes32 orderId,address account,uint256 amount,bytes32 caseId,uint256 until,uint256 deadline"),
  UnfreezeOrder: fields("bytes32 orderId,address account,bytes32 caseId,uint256 deadline"),
  SeizeOrder: fields("bytes32 orderId,address account,uint256 amount,bytes32 caseId,uint256 deadline"),
  // the registry of wallet operators
  JoinVasp: fields("address account,uint256 vasp,bytes32 joinId,uint256 deadline"),
  LeaveVasp: fields("address account,bytes32 leaveId,uint256 deadline"),
  TravelAttestation: fields(
    "uint256 vasp,bytes32 attestationId,address coin,address payer,address payee,uint256 amount,bytes32 ref,uint256 validUntil",
  ),
  // the escrows
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
  Redemption: fields(
    "address coin,address holder,uint256 amount,bytes32 payout,uint256 acceptBy,uint256 payoutBy,uint256 finalBy,bytes32 salt",
  ),
  CancelRedemption: fields("bytes32 id,uint256 deadline"),
  DisputeRedemption: fields("bytes32 id,uint256 deadline"),
  AcceptOrder: fields("bytes32 id,uint256 deadline"),
  RejectOrder: fields("bytes32 id,uint8 state,bytes32 reason,uint256 deadline"),
  MarkSentOrder: fields("bytes32 id,bytes32 bankReference,uint256 deadline"),
  ConfirmOrder: fields("bytes32 id,bytes32 bankReference,uint256 deadline"),
  ApproveOrder: fields("bytes32 id,uint256 deadline"),
  ResolveOrder: fields("bytes32 id,bool paid,bytes32 ref,uint256 deadline"),
} as const;

export type StructName = keyof typeof STRUCTS;
