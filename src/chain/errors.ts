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

const notPermitted: Meaning = { held: "signer_not_permitted", rejection: "signer_not_permitted" };
/** Cannot be met through the node's own calls; if it is, a person has to look. */
const unexpected: Meaning = { held: "reverted", rejection: "internal" };
const malformed: Meaning = { held: "reverted", rejection: "request_malformed" };
const payeeInvalid: Meaning = { held: "payee_invalid", rejection: "payee_invalid" };
const nonceUsed: Meaning = { held: "nonce_used", rejection: "nonce_used" };
const deadlineInvalid: Meaning = { held: "reverted", rejection: "deadline_invalid" };

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
  ERC20InsufficientAllowance: { held: "insufficient_funds", rejection: "insufficient_funds" },
  ERC20InsufficientBalance: { held: "insufficient_funds", rejection: "insufficient_funds" },
  ERC20InsufficientUnfrozen: { held: "insufficient_funds", rejection: "insufficient_funds" },
  ERC20InvalidReceiver: payeeInvalid,
  ERC20InvalidSpender: payeeInvalid,
  EscrowAmountOutOfBounds: { held: "reverted", rejection: "amount_zero" },
  EscrowBalanceMismatch: unexpected,
  EscrowCoinInvalid: unexpected,
  EscrowCoinUnknown: { held: "reverted", rejection: "coin_unknown" },
  EscrowGasTooLow: unexpected,
  EscrowIdTooLow: malformed,
  EscrowNoCredit: unexpected,
  EscrowReentered: unexpected,
  FailedCall: unexpected,
  InsufficientBalance: unexpected,
  InvalidShortString: unexpected,
  OrderAlreadyUsed: nonceUsed,
  OrderExpired: { held: "deadline_passed", rejection: "expired" },
  OrderNotPermitted: notPermitted,
  OrderSignatureInvalid: { held: "signature_invalid", rejection: "signature_invalid" },
  RedemptionDeadlineNotReached: { held: "not_yet_valid", rejection: "not_yet_valid" },
  RedemptionDeadlinePassed: { held: "deadline_passed", rejection: "expired" },
  RedemptionDeadlineTooFar: deadlineInvalid,
  RedemptionDeadlinesUnordered: deadlineInvalid,
  RedemptionHolderOnly: notPermitted,
  RedemptionNotWholeCents: { held: "reverted", rejection: "amount_not_whole_cents" },
  RedemptionNothingToBurn: unexpected,
  RedemptionStateInvalid: { held: "redemption_state_invalid", rejection: "redemption_state_invalid" },
  SafeCastOverflowedUintDowncast: unexpected,
  SignaturesGasTooLow: unexpected,
  StablecoinAccountInvalid: payeeInvalid,
  StablecoinAuthorizationExpired: { held: "expired", rejection: "expired" },
  StablecoinAuthorizationNotYetValid: { held: "not_yet_valid", rejection: "not_yet_valid" },
  StablecoinAuthorizationUsed: nonceUsed,
  StablecoinCallerNotEscrow: notPermitted,
  StablecoinCallerNotPayee: notPermitted,
  StablecoinCallerNotTreasury: notPermitted,
  StablecoinCaseMismatch: malformed,
  StablecoinCaseMissing: malformed,
  StablecoinEscrowCodeInvalid: unexpected,
  StablecoinEscrowNotClean: unexpected,
  StablecoinEscrowNotFreezable: payeeInvalid,
  StablecoinEscrowRefusesCredit: payeeInvalid,
  StablecoinEscrowRefusesDebit: { held: "signature_invalid", rejection: "signer_not_permitted" },
  StablecoinFreezeAmountInvalid: malformed,
  StablecoinFreezeEndInvalid: deadlineInvalid,
  StablecoinFreezeNotEnded: { held: "not_yet_valid", rejection: "not_yet_valid" },
  // the selector does not say whose freeze: `explainRevert` and the decoder tell payer from payee
  StablecoinFrozen: { held: "payer_frozen", rejection: "payer_frozen" },
  StablecoinNonceBaseInvalid: malformed,
  StablecoinNonceOutOfWindow: { held: "nonce_out_of_window", rejection: "nonce_out_of_window" },
  StablecoinNotFrozen: malformed,
  StablecoinPauseBitsInvalid: malformed,
  StablecoinPaused: { held: "paused", rejection: "halted" },
  StablecoinRowMalformed: unexpected,
  StablecoinSignatureInvalid: { held: "signature_invalid", rejection: "signature_invalid" },
  StablecoinSupplyCapExceeded: { held: "reserves_exceeded", rejection: "reserves_exceeded" },
  StringTooLong: unexpected,
  TreasuryAsOfInFuture: { held: "not_yet_valid", rejection: "not_yet_valid" },
  TreasuryAsOfNotNewer: { held: "attestation_stale", rejection: "request_malformed" },
  TreasuryAttestationStale: { held: "attestation_stale", rejection: "reserves_exceeded" },
  TreasuryAttestedTooLarge: malformed,
  TreasuryDealerUnknown: notPermitted,
  TreasuryDepositUsed: { held: "nonce_used", rejection: "deposit_conflict" },
  TreasuryEscrowUnknown: unexpected,
  TreasuryLifetimeOutOfBounds: malformed,
  TreasuryMintingOff: { held: "minting_off", rejection: "reserves_exceeded" },
  TreasuryReservesExceeded: { held: "reserves_exceeded", rejection: "reserves_exceeded" },
  TreasuryZeroAmount: { held: "reverted", rejection: "amount_zero" },
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
