/**
 * What a contract's revert means to the node. Owns the table error name → why an intent waits and what a client is told; it does not
 * compile until it names every error of the ABIs, and a test walks them. Decoding never throws: unknown data is `reverted`.
 */
import { decodeErrorResult, toFunctionSelector, toFunctionSignature } from "viem";
import type { Address, Hex } from "../domain/hex.ts";
import type { HeldReason } from "../domain/intent.ts";
import type { RejectionCode } from "../domain/rejection.ts";
import { type ContractErrorName, errorAbi } from "./abi.ts";

interface Meaning {
  readonly held: HeldReason;
  readonly rejection: RejectionCode;
}

const meaning = (held: HeldReason, rejection: RejectionCode): Meaning => ({ held, rejection });
const notPermitted = meaning("signer_not_permitted", "signer_not_permitted");
/** Cannot be met through the node's own calls; if it is, a person has to look. */
const unexpected = meaning("reverted", "internal");
const malformed = meaning("reverted", "request_malformed");
const payeeInvalid = meaning("payee_invalid", "payee_invalid");
const nonceUsed = meaning("nonce_used", "nonce_used");
const deadlineInvalid = meaning("reverted", "deadline_invalid");
const deadlinePassed = meaning("deadline_passed", "expired");
const tooEarly = meaning("not_yet_valid", "not_yet_valid");
const signatureInvalid = meaning("signature_invalid", "signature_invalid");
const agreementState = meaning("agreement_state_invalid", "agreement_state_invalid");
const quoteUsed = meaning("agreement_state_invalid", "quote_state_invalid");
const amountZero = meaning("reverted", "amount_zero");
const amountExceeded = meaning("agreement_state_invalid", "amount_exceeded");
const feeInvalid = meaning("fee_invalid", "fee_invalid");
const familyInvalid = meaning("vasp_invalid", "vasp_invalid");
const noReserves = meaning("reserves_exceeded", "reserves_exceeded");
const approvalMissing = meaning("approval_missing", "approval_missing");

/** Total over the ABIs. */
export const errorMeanings: Readonly<Record<ContractErrorName, Meaning>> = {
  AccessManagedInvalidAuthority: unexpected,
  AccessManagedRequiredDelay: notPermitted,
  AccessManagedUnauthorized: notPermitted,
  AccessManagerAlreadyScheduled: unexpected,
  AccessManagerBadConfirmation: unexpected,
  AccessManagerExpired: unexpected,
  AccessManagerInvalidInitialAdmin: unexpected,
  AccessManagerLockedFunction: unexpected,
  AccessManagerLockedRole: unexpected,
  AccessManagerNotReady: unexpected,
  AccessManagerNotScheduled: unexpected,
  AccessManagerUnauthorizedAccount: notPermitted,
  AccessManagerUnauthorizedCall: notPermitted,
  AccessManagerUnauthorizedCancel: notPermitted,
  AccessManagerUnauthorizedConsume: notPermitted,
  AddressEmptyCode: unexpected,
  AuthorityFixed: unexpected,
  ClaimCancelAfterExpiry: deadlineInvalid,
  ClaimDeadlineNotReached: tooEarly,
  ClaimDeadlinePassed: deadlinePassed,
  ClaimExpiryTooFar: deadlineInvalid,
  ClaimLinkKeyMissing: malformed,
  ClaimOrderExpired: deadlinePassed,
  ClaimRecipientInvalid: payeeInvalid,
  ClaimSenderOnly: notPermitted,
  ClaimSignatureInvalid: signatureInvalid,
  ClaimStateInvalid: agreementState,
  CommerceAlreadyAuthorized: agreementState,
  CommerceAmountExceeded: amountExceeded,
  CommerceDeadlineNotReached: tooEarly,
  CommerceDeadlinePassed: deadlinePassed,
  CommerceDeadlineTooFar: deadlineInvalid,
  CommerceDeadlinesUnordered: deadlineInvalid,
  CommerceDisputed: agreementState,
  CommerceFeeFixed: feeInvalid,
  CommerceFeeOutOfBounds: feeInvalid,
  CommerceFeeTermsInvalid: feeInvalid,
  CommerceMerchantInvalid: payeeInvalid,
  CommerceNotDisputable: agreementState,
  CommerceNotDisputed: agreementState,
  CommerceNothingLeft: agreementState,
  CommerceOrderExpired: deadlinePassed,
  CommerceOrderMismatch: malformed,
  CommercePayerOnly: notPermitted,
  CommerceRefundedChanged: agreementState,
  CommerceSignatureInvalid: signatureInvalid,
  CommerceStateChanged: agreementState,
  CommerceUnknown: meaning("agreement_state_invalid", "agreement_unknown"),
  CommerceZeroAmount: amountZero,
  DispatcherGasTooLow: unexpected,
  DispatcherListInvalid: unexpected,
  ERC20InsufficientAllowance: meaning("insufficient_funds", "insufficient_funds"),
  ERC20InsufficientBalance: meaning("insufficient_funds", "insufficient_funds"),
  ERC20InsufficientUnfrozen: meaning("insufficient_funds", "insufficient_funds"),
  ERC20InvalidReceiver: payeeInvalid,
  ERC20InvalidSpender: payeeInvalid,
  EscrowAmountOutOfBounds: amountZero,
  EscrowBalanceMismatch: unexpected,
  EscrowCoinInvalid: unexpected,
  EscrowCoinUnknown: meaning("reverted", "coin_unknown"),
  EscrowGasTooLow: unexpected,
  EscrowIdTooLow: malformed,
  EscrowNoCredit: unexpected,
  EscrowReentered: unexpected,
  FailedCall: unexpected,
  FxMakerOnly: notPermitted,
  FxOrderExpired: deadlinePassed,
  FxPartyInvalid: payeeInvalid,
  FxQuoteExpired: meaning("expired", "expired"),
  FxQuoteTooLong: meaning("reverted", "validity_too_long"),
  FxQuoteUsed: quoteUsed,
  FxSameCoin: malformed,
  FxSignatureInvalid: signatureInvalid,
  InsufficientBalance: unexpected,
  InvalidShortString: unexpected,
  OrderAlreadyUsed: nonceUsed,
  OrderExpired: deadlinePassed,
  OrderNotPermitted: notPermitted,
  OrderSignatureInvalid: signatureInvalid,
  RedemptionAlreadyApproved: meaning("redemption_state_invalid", "redemption_state_invalid"),
  RedemptionApprovalMissing: approvalMissing,
  RedemptionDeadlineNotReached: tooEarly,
  RedemptionDeadlinePassed: deadlinePassed,
  RedemptionDeadlineTooFar: deadlineInvalid,
  RedemptionDeadlinesUnordered: deadlineInvalid,
  RedemptionHolderOnly: notPermitted,
  RedemptionNotWholeCents: meaning("reverted", "amount_not_whole_cents"),
  RedemptionNothingToBurn: unexpected,
  RedemptionSameKey: notPermitted,
  RedemptionStateInvalid: meaning("redemption_state_invalid", "redemption_state_invalid"),
  SafeCastOverflowedUintDowncast: unexpected,
  SignaturesGasTooLow: unexpected,
  StablecoinAccountInvalid: payeeInvalid,
  StablecoinAttestationMissing: meaning("travel_rule", "travel_rule"),
  StablecoinAuthorizationExpired: meaning("expired", "expired"),
  StablecoinAuthorizationNotYetValid: tooEarly,
  StablecoinAuthorizationUsed: nonceUsed,
  StablecoinCallerNotEscrow: notPermitted,
  StablecoinCallerNotPayee: notPermitted,
  StablecoinCallerNotRegistry: notPermitted,
  StablecoinCallerNotTreasury: notPermitted,
  StablecoinCaseMismatch: malformed,
  StablecoinCaseMissing: malformed,
  StablecoinCustodyMissing: unexpected,
  StablecoinEscrowCodeInvalid: unexpected,
  StablecoinEscrowNotClean: unexpected,
  StablecoinEscrowNotFreezable: payeeInvalid,
  StablecoinEscrowNotSeizable: payeeInvalid,
  StablecoinEscrowRefusesCredit: payeeInvalid,
  StablecoinEscrowRefusesDebit: meaning("signature_invalid", "signer_not_permitted"),
  StablecoinFreezeAmountInvalid: malformed,
  StablecoinFreezeEndInvalid: deadlineInvalid,
  StablecoinFreezeEnded: deadlinePassed,
  StablecoinFreezeNotEnded: tooEarly,
  // the selector does not say whose freeze: `explainRevert` and the decoder tell payer from payee
  StablecoinFrozen: meaning("payer_frozen", "payer_frozen"),
  StablecoinLimitInvalid: malformed,
  StablecoinNonceBaseInvalid: malformed,
  StablecoinNonceOutOfWindow: meaning("nonce_out_of_window", "nonce_out_of_window"),
  StablecoinNotFrozen: malformed,
  StablecoinPauseBitsInvalid: malformed,
  StablecoinPaused: meaning("paused", "halted"),
  StablecoinRowMalformed: unexpected,
  StablecoinRowsTooMany: malformed,
  StablecoinSeizeAmountInvalid: meaning("reverted", "amount_exceeded"),
  StablecoinSignatureInvalid: signatureInvalid,
  StablecoinSupplyCapExceeded: noReserves,
  StablecoinTotalMismatch: malformed,
  StablecoinVaspInvalid: unexpected,
  StringTooLong: unexpected,
  TreasuryAlreadyApproved: nonceUsed,
  TreasuryApprovalsFull: unexpected,
  TreasuryApprovalsMissing: approvalMissing,
  TreasuryApproverIsDealer: notPermitted,
  TreasuryAsOfInFuture: tooEarly,
  TreasuryAsOfNotNewer: meaning("attestation_stale", "request_malformed"),
  TreasuryAttestationStale: meaning("attestation_stale", "reserves_exceeded"),
  TreasuryAttestedTooLarge: malformed,
  TreasuryDealerLimitExceeded: meaning("dealer_limit", "dealer_limit"),
  TreasuryDealerUnknown: notPermitted,
  TreasuryDepositUsed: meaning("nonce_used", "deposit_conflict"),
  TreasuryEscrowUnknown: unexpected,
  TreasuryGasTooLow: unexpected,
  TreasuryLifetimeOutOfBounds: malformed,
  TreasuryMintTooEarly: meaning("approval_missing", "not_yet_valid"),
  TreasuryMintingOff: meaning("minting_off", "reserves_exceeded"),
  TreasuryReservesExceeded: noReserves,
  TreasuryReturnInvalid: meaning("redemption_state_invalid", "redemption_state_invalid"),
  TreasuryReturnTooLarge: meaning("reverted", "amount_exceeded"),
  TreasuryReturnUsed: nonceUsed,
  TreasuryRowsMalformed: malformed,
  TreasuryRowsMismatch: malformed,
  TreasurySunset: meaning("minting_off", "expired"),
  TreasurySunsetAnnounced: malformed,
  TreasurySunsetTooFar: deadlineInvalid,
  TreasurySunsetTooSoon: deadlineInvalid,
  TreasuryTierUnknown: malformed,
  TreasuryZeroAmount: amountZero,
  VaspAccountInvalid: familyInvalid,
  VaspAdminInvalid: familyInvalid,
  VaspAdminOnly: notPermitted,
  VaspAlreadyLeaving: familyInvalid,
  VaspAlreadyMember: familyInvalid,
  VaspAttestationExpired: deadlinePassed,
  VaspAttestationMissing: meaning("reverted", "not_found"),
  VaspAttestationTooLong: meaning("reverted", "validity_too_long"),
  VaspAttestationUsed: nonceUsed,
  VaspAttestationsFull: familyInvalid,
  VaspCoinInvalid: unexpected,
  VaspCoinUnknown: meaning("reverted", "coin_unknown"),
  VaspConsentUsed: nonceUsed,
  VaspDomainInvalid: malformed,
  VaspDomainTaken: familyInvalid,
  VaspIdsExhausted: unexpected,
  VaspKeyInvalid: notPermitted,
  VaspKeyTermInvalid: deadlineInvalid,
  VaspLeaveTooEarly: tooEarly,
  VaspListTooLong: malformed,
  VaspNotLeaving: familyInvalid,
  VaspNotMember: familyInvalid,
  VaspNotSuspended: familyInvalid,
  VaspSuspended: familyInvalid,
  VaspUnknown: meaning("vasp_invalid", "vasp_unknown"),
  VaspUrlTooLong: malformed,
};

const nameBySelector = new Map<string, ContractErrorName>(
  errorAbi.map((item) => [toFunctionSelector(toFunctionSignature({ ...item, type: "function" } as never)), item.name]),
);

/** The error a four-byte selector stands for; null when no contract of ours declares it. */
export function nameError(selector: Hex): ContractErrorName | null {
  return nameBySelector.get(selector.slice(0, 10)) ?? null;
}

/** Why an intent waits, from a selector alone: what `RowSkipped` carries. */
export function toHeldReason(selector: Hex): HeldReason {
  const name = nameError(selector);
  return name === null ? "reverted" : errorMeanings[name].held;
}

/** Why a call reverted, from its revert data. `payer` tells whose freeze it was; null where the call takes nobody's coins. */
export function explainRevert(data: Hex, payer: Address | null): HeldReason {
  const name = nameError(data);
  if (name === null) return "reverted";
  if (name !== "StablecoinFrozen") return errorMeanings[name].held;
  return `0x${data.slice(34, 74).toLowerCase()}` === payer ? "payer_frozen" : "payee_frozen";
}

/** What a client is told about a revert. */
export function toRejectionCode(data: Hex): RejectionCode {
  const name = nameError(data);
  return name === null ? "internal" : errorMeanings[name].rejection;
}

/** `Name(argument, …)`, for people and logs; the bare data when it is not ours. */
export function formatRevert(data: Hex): string {
  try {
    const { errorName, args } = decodeErrorResult({ abi: errorAbi, data });
    return `${errorName}(${(args ?? []).join(", ")})`;
  } catch {
    return data === "0x" ? "no revert data" : `unknown error ${data.slice(0, 10)}`;
  }
}
