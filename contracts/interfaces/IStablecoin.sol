// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC5267} from "@openzeppelin/contracts/interfaces/IERC5267.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Metadata} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Metadata.sol";
import {ISignedOrders} from "./ISignedOrders.sol";

/// @notice A freezer's signed order; see docs/SIGNATURES.md.
struct FreezeOrder {
    bytes32 orderId;
    address account;
    uint256 amount;
    bytes32 caseId;
    uint256 until;
    uint256 deadline;
}

/// @notice A signed order to lift a freeze; see docs/SIGNATURES.md.
struct UnfreezeOrder {
    bytes32 orderId;
    address account;
    bytes32 caseId;
    uint256 deadline;
}

/// @notice A signed order to move frozen coins into custody; see docs/SIGNATURES.md.
struct SeizeOrder {
    bytes32 orderId;
    address account;
    uint256 amount;
    bytes32 caseId;
    uint256 deadline;
}

/// @notice An account's word, decoded.
struct AccountState {
    /// Base units held.
    uint256 balance;
    /// Base units that may not leave; may exceed the balance. 0 while the account is frozen whole.
    uint256 frozen;
    /// First nonce of the sliding window; everything below is spent for good.
    uint256 nonceBase;
    /// Bit i set: nonce `nonceBase + i` is spent.
    uint256 nonceWindow;
    /// Wallet operator (family); 0 is none.
    uint256 vasp;
    /// Nothing may leave, and only escrows may pay in.
    bool frozenWhole;
    /// A registered escrow.
    bool escrow;
}

/// @title IStablecoin
/// @notice A fully reserved coin of six decimals whose holders pay by signature.
/// @dev The checks common to every movement of coins, in this order, are called **the transfer checks** below:
/// 1. the payer is not frozen whole (StablecoinFrozen) and is not an escrow (StablecoinEscrowRefusesDebit)
/// 2. the payer holds the amount (ERC20InsufficientBalance), and holds it beyond what is frozen (ERC20InsufficientUnfrozen)
/// 3. the payee is neither zero nor the coin (ERC20InvalidReceiver)
/// 4. where there is a nonce, it is unspent (StablecoinAuthorizationUsed) and not ahead of the window
///    (StablecoinNonceOutOfWindow)
/// 5. the payee is not frozen whole (StablecoinFrozen), and if it is an escrow, it is the caller
///    (StablecoinEscrowRefusesCredit)
/// 6. **the travel rule**: when payer and payee belong to different families and the amount is at or above the limit, the
///    registry of wallet operators consumes an attestation for exactly this payment (StablecoinAttestationMissing). It is
///    asked last, so that it consumes nothing for a payment that fails otherwise. A registry that reverts or runs out of
///    gas reverts the whole call, `settle` and `disburse` included; one that comes back into the coin and changes either
///    account has not attested. Accounts without a family are not asked about, and nor are mint, burn and seize.
///
/// An amount of 0 and a payment to oneself are allowed and emit their one `Transfer`.
///
/// A **signature** is valid as docs/SIGNATURES.md says: ECDSA first, then ERC-1271. Where a contract has to be asked and
/// the gas left cannot fund the question, every function reverts with SignaturesGasTooLow, `settle` included.
///
/// An **office** of the coin (treasury, custody, registry) is held by an account that is neither zero nor the coin nor an
/// escrow.
interface IStablecoin is IERC20Metadata, ISignedOrders, IERC5267 {
    // ------------------------------------------------------------------------------------------------- events

    /// @notice EIP-3009: `nonce` of `authorizer` is spent. Immediately followed by the `Transfer` it authorized.
    event AuthorizationUsed(address indexed authorizer, bytes32 indexed nonce);

    /// @notice EIP-3009: `nonce` of `authorizer` is spent without a payment.
    event AuthorizationCanceled(address indexed authorizer, bytes32 indexed nonce);

    /// @notice The memo signed with the `Transfer` just before.
    event Memo(bytes32 indexed memo);

    /// @notice Every nonce of `account` below `newBase` is spent. `newBase` is the base now stored: it may be above the one
    /// asked for where the nonces from there on were spent already.
    event NoncesSkipped(address indexed account, uint256 oldBase, uint256 newBase);

    /// @notice Row `index` of a batch changed nothing; `reason` selects the error that the single call would revert with.
    event RowSkipped(uint256 indexed index, address indexed authorizer, bytes32 indexed nonce, bytes4 reason);

    /// @notice `from` spent `nonce` on many payments; `paid` of the signed `total` went to payees, the rest stayed.
    event Disbursed(address indexed from, bytes32 indexed nonce, uint256 total, uint256 paid);

    /// @notice `account` is frozen under `caseId` until `until`. `amount` 2^256 − 1 is the whole account. `oldCaseId` and
    /// `oldAmount` are those of the case it replaces, 0 where there was none.
    event Frozen(
        address indexed account,
        bytes32 indexed caseId,
        bytes32 indexed oldCaseId,
        uint256 oldAmount,
        uint256 amount,
        uint256 until
    );

    /// @notice The freeze of `amount` under `caseId` was lifted by decision.
    event Unfrozen(address indexed account, bytes32 indexed caseId, uint256 amount);

    /// @notice The freeze of `amount` under `caseId` was lifted because its end, `until`, had come.
    event FreezeReleased(address indexed account, bytes32 indexed caseId, uint256 amount, uint256 until);

    /// @notice `amount` of `account`, frozen under `caseId`, moved to `custody` with the `Transfer` just before.
    event Seized(address indexed account, bytes32 indexed caseId, address indexed custody, uint256 amount);

    /// @notice The paused bits changed by a call of `caller`.
    event PauseChanged(address indexed caller, uint256 oldBits, uint256 newBits);

    /// @notice The one address that mints changed.
    event TreasuryChanged(address indexed oldTreasury, address indexed newTreasury);

    /// @notice The one address that seized coins go to changed.
    event CustodyChanged(address indexed oldCustody, address indexed newCustody);

    /// @notice The registry of wallet operators changed.
    event VaspRegistryChanged(address indexed oldRegistry, address indexed newRegistry);

    /// @notice From `newLimit` base units on a payment between families needs an attestation; 2^64 − 1 is off.
    event TravelRuleLimitChanged(uint256 oldLimit, uint256 newLimit);

    /// @notice `account` belongs to the family of the wallet operator `newVasp`; 0 is none.
    event VaspChanged(address indexed account, uint256 oldVasp, uint256 newVasp);

    /// @notice `escrow` is a registered escrow from now on.
    event EscrowFlagged(address indexed escrow);

    // ------------------------------------------------------------------------------------------------- errors

    /// @notice ERC-6093: the payer holds less than the amount.
    error ERC20InsufficientBalance(address sender, uint256 balance, uint256 needed);

    /// @notice ERC-6093: the spender is allowed less than the amount.
    error ERC20InsufficientAllowance(address spender, uint256 allowance, uint256 needed);

    /// @notice ERC-6093: the payee is zero or the coin.
    error ERC20InvalidReceiver(address receiver);

    /// @notice ERC-6093: the spender is zero.
    error ERC20InvalidSpender(address spender);

    /// @notice The account keeps part of its balance frozen; `available` is the rest.
    error ERC20InsufficientUnfrozen(address account, uint256 available, uint256 needed);

    /// @notice The account is frozen whole.
    error StablecoinFrozen(address account);

    /// @notice The account has no freeze to lift.
    error StablecoinNotFrozen(address account);

    /// @notice `bits` are those of the called function that are paused.
    error StablecoinPaused(uint256 bits);

    /// @notice No bit is named, or a bit outside `known`.
    error StablecoinPauseBitsInvalid(uint256 bits, uint256 known);

    /// @notice The authorization is valid only after `validAfter`.
    error StablecoinAuthorizationNotYetValid(uint256 validAfter, uint256 time);

    /// @notice The authorization was valid only before `validBefore`.
    error StablecoinAuthorizationExpired(uint256 validBefore, uint256 time);

    /// @notice The nonce is spent: by a payment, a cancellation or a skip.
    error StablecoinAuthorizationUsed(address authorizer, bytes32 nonce);

    /// @notice The nonce lies 64 or more above the first unspent one.
    error StablecoinNonceOutOfWindow(uint256 nonce, uint256 base);

    /// @notice The new base is not above the present one, or above `limit`.
    error StablecoinNonceBaseInvalid(uint256 newBase, uint256 base, uint256 limit);

    /// @notice The signature is not of `signer` over these values and this coin.
    error StablecoinSignatureInvalid(address signer);

    /// @notice Only the payee may submit a receive authorization.
    error StablecoinCallerNotPayee(address caller, address payee);

    /// @notice Only the treasury mints.
    error StablecoinCallerNotTreasury(address caller, address treasury);

    /// @notice Only an escrow pays out on a payer's behalf.
    error StablecoinCallerNotEscrow(address caller);

    /// @notice An escrow takes in coins only by pulling them itself.
    error StablecoinEscrowRefusesCredit(address escrow);

    /// @notice An escrow pays out only through `payFrom`.
    error StablecoinEscrowRefusesDebit(address escrow);

    /// @notice An escrow cannot be frozen: it holds other people's coins.
    error StablecoinEscrowNotFreezable(address escrow);

    /// @notice The account has no code of its own (none at all, or a delegation).
    error StablecoinEscrowCodeInvalid(address account);

    /// @notice The account has a balance, a freeze, a family or is an escrow already; `word` shows which.
    error StablecoinEscrowNotClean(address account, uint256 word);

    /// @notice The account cannot play this part: zero, the coin, the treasury, or an escrow.
    error StablecoinAccountInvalid(address account);

    /// @notice A frozen amount is 1 to `limit`, or 2^256 − 1 for the whole account.
    error StablecoinFreezeAmountInvalid(uint256 amount, uint256 limit);

    /// @notice A freeze ends later than now.
    error StablecoinFreezeEndInvalid(uint256 until, uint256 time);

    /// @notice The freeze has not come to its end.
    error StablecoinFreezeNotEnded(address account, uint256 until, uint256 time);

    /// @notice A freeze names a case; 0 is none.
    error StablecoinCaseMissing(address account);

    /// @notice The account is frozen under another case.
    error StablecoinCaseMismatch(address account, bytes32 caseId, bytes32 current);

    /// @notice The freeze has come to its end: it still holds the coins, but nothing is seized under it any more.
    error StablecoinFreezeEnded(address account, uint256 until, uint256 time);

    /// @notice There is no custody account to seize to.
    error StablecoinCustodyMissing();

    /// @notice An escrow cannot be seized from: it holds other people's coins.
    error StablecoinEscrowNotSeizable(address account);

    /// @notice Nothing, or more than the freeze holds, is to be seized.
    error StablecoinSeizeAmountInvalid(address account, uint256 amount, uint256 limit);

    /// @notice The registry has no attestation for this payment between two families.
    error StablecoinAttestationMissing(address payer, address payee, uint256 amount);

    /// @notice Only the registry of wallet operators moves accounts between families.
    error StablecoinCallerNotRegistry(address caller, address registry);

    /// @notice A wallet operator's id has 16 bits.
    error StablecoinVaspInvalid(uint256 vasp, uint256 limit);

    /// @notice A travel-rule limit is at most `max`, which is off.
    error StablecoinLimitInvalid(uint256 limit, uint256 max);

    /// @notice The row at `offset` is not laid out as docs/SIGNATURES.md says.
    error StablecoinRowMalformed(uint256 offset);

    /// @notice One call carries at most `limit` rows.
    error StablecoinRowsTooMany(uint256 count, uint256 limit);

    /// @notice The rows do not add up to the total that was signed.
    error StablecoinTotalMismatch(uint256 total, uint256 sum);

    /// @notice The supply would pass its cap.
    error StablecoinSupplyCapExceeded(uint256 supply, uint256 cap);

    // ------------------------------------------------------------------------------------------------- ERC-20

    /// @notice Pay `amount` to `to`.
    /// @dev **Requires**
    /// - the transfer bit not paused (StablecoinPaused)
    /// - the transfer checks
    ///
    /// **Ensures** the caller's balance falls and `to`'s rises by `amount`; supply, allowances, nonces and freezes are
    /// untouched. Returns true.
    ///
    /// **Emits** Transfer.
    function transfer(address to, uint256 amount) external override(IERC20) returns (bool);

    /// @notice Let `spender` take up to `amount`; 2^256 − 1 is without limit and never falls.
    /// @dev **Requires**
    /// - the transfer bit not paused, unless `amount` is 0 (StablecoinPaused)
    /// - `spender` not zero (ERC20InvalidSpender)
    ///
    /// **Ensures** the allowance is `amount`, whatever it was; nothing else changes. Returns true.
    ///
    /// **Emits** Approval.
    function approve(address spender, uint256 amount) external override(IERC20) returns (bool);

    /// @notice Take `amount` of `from` under an allowance and pay it to `to`.
    /// @dev **Requires**
    /// - the transfer bit not paused (StablecoinPaused)
    /// - the caller not frozen whole (StablecoinFrozen)
    /// - an allowance of `amount` (ERC20InsufficientAllowance)
    /// - the transfer checks
    ///
    /// **Ensures** as `transfer` from `from`; the allowance falls by `amount` unless it is without limit. Returns true.
    ///
    /// **Emits** Transfer.
    function transferFrom(address from, address to, uint256 amount) external override(IERC20) returns (bool);

    /// @notice EIP-2612: as `approve` by the signature of `owner`; anyone may submit it.
    /// @dev **Requires**
    /// - the transfer bit not paused, unless `value` is 0 (StablecoinPaused)
    /// - `deadline` not passed (OrderExpired)
    /// - a valid signature of `owner` over its next permit nonce (StablecoinSignatureInvalid)
    /// - `spender` not zero (ERC20InvalidSpender)
    ///
    /// **Ensures** the allowance is `value`, whatever it was, and `nonces(owner)` is one higher; nothing else changes, the
    /// nonces of payments included.
    ///
    /// **Emits** Approval.
    function permit(
        address owner,
        address spender,
        uint256 value,
        uint256 deadline,
        uint8 v,
        bytes32 r,
        bytes32 s
    ) external;

    /// @notice As above with the signature in one piece.
    /// @dev **Requires**, **Ensures** and **Emits** as the form with `(v, r, s)`.
    function permit(address owner, address spender, uint256 value, uint256 deadline, bytes calldata signature) external;

    /// @notice EIP-2612: the nonce that the next permit of `owner` carries. It counts permits alone.
    function nonces(address owner) external view returns (uint256);

    // ----------------------------------------------------------------------------------------------- EIP-3009

    /// @notice Carry out a payment that `from` signed; anyone may submit it.
    /// @dev **Requires**
    /// - the authorization bit not paused (StablecoinPaused)
    /// - `validAfter` < now (StablecoinAuthorizationNotYetValid) and now < `validBefore` (StablecoinAuthorizationExpired)
    /// - a valid signature of `from` (StablecoinSignatureInvalid)
    /// - the transfer checks
    ///
    /// **Ensures** `nonce` is spent and `value` moved; supply, allowances, freezes and families are untouched.
    ///
    /// **Emits** AuthorizationUsed, Transfer.
    function transferWithAuthorization(
        address from,
        address to,
        uint256 value,
        uint256 validAfter,
        uint256 validBefore,
        bytes32 nonce,
        uint8 v,
        bytes32 r,
        bytes32 s
    ) external;

    /// @notice As above with the signature in one piece.
    /// @dev **Requires**, **Ensures** and **Emits** as the form with `(v, r, s)`.
    function transferWithAuthorization(
        address from,
        address to,
        uint256 value,
        uint256 validAfter,
        uint256 validBefore,
        bytes32 nonce,
        bytes calldata signature
    ) external;

    /// @notice Take in a payment that `from` signed to the caller; nobody else can submit it.
    /// @dev **Requires**
    /// - the authorization bit not paused (StablecoinPaused)
    /// - the caller is `to` (StablecoinCallerNotPayee)
    /// - then as `transferWithAuthorization`
    ///
    /// **Ensures** and **Emits** as `transferWithAuthorization`.
    function receiveWithAuthorization(
        address from,
        address to,
        uint256 value,
        uint256 validAfter,
        uint256 validBefore,
        bytes32 nonce,
        uint8 v,
        bytes32 r,
        bytes32 s
    ) external;

    /// @notice As above with the signature in one piece.
    /// @dev **Requires**, **Ensures** and **Emits** as the form with `(v, r, s)`.
    function receiveWithAuthorization(
        address from,
        address to,
        uint256 value,
        uint256 validAfter,
        uint256 validBefore,
        bytes32 nonce,
        bytes calldata signature
    ) external;

    /// @notice As `transferWithAuthorization`, with a memo that the payer signed along.
    /// @dev **Requires** as `transferWithAuthorization`, the signature over `TransferWithMemo`.
    ///
    /// **Ensures** as `transferWithAuthorization`.
    ///
    /// **Emits** AuthorizationUsed, Transfer, Memo.
    function transferWithMemo(
        address from,
        address to,
        uint256 value,
        uint256 validAfter,
        uint256 validBefore,
        bytes32 nonce,
        bytes32 memo,
        bytes calldata signature
    ) external;

    /// @notice Spend a nonce without paying. Works while paused and while frozen.
    /// @dev **Requires**
    /// - a valid signature of `authorizer` (StablecoinSignatureInvalid)
    /// - the nonce unspent (StablecoinAuthorizationUsed) and not ahead of the window (StablecoinNonceOutOfWindow)
    ///
    /// **Ensures** `nonce` is spent; nothing else changes.
    ///
    /// **Emits** AuthorizationCanceled.
    function cancelAuthorization(address authorizer, bytes32 nonce, uint8 v, bytes32 r, bytes32 s) external;

    /// @notice As above with the signature in one piece.
    /// @dev **Requires**, **Ensures** and **Emits** as the form with `(v, r, s)`.
    function cancelAuthorization(address authorizer, bytes32 nonce, bytes calldata signature) external;

    /// @notice Spend every nonce of the caller below `newBase`. Works while paused and while frozen.
    /// @dev **Requires** the present base < `newBase` ≤ 2^40 − 65 (StablecoinNonceBaseInvalid).
    ///
    /// **Ensures** the base is `newBase`, or the next unspent nonce above; nonces from there on keep their state; bitmap
    /// nonces are untouched.
    ///
    /// **Emits** NoncesSkipped.
    function skipNonces(uint256 newBase) external;

    /// @notice As above for `account`, which signed it; anyone may submit it.
    /// @dev **Requires**
    /// - `deadline` not passed (OrderExpired)
    /// - a valid signature of `account` (StablecoinSignatureInvalid)
    /// - the present base < `newBase` ≤ 2^40 − 65 (StablecoinNonceBaseInvalid)
    ///
    /// **Ensures** and **Emits** as the direct form.
    function skipNonces(address account, uint256 newBase, uint256 deadline, bytes calldata signature) external;

    /// @notice Whether `nonce` of `authorizer` is spent, by a payment, a cancellation or a skip.
    /// @dev A window nonce ahead of the window is unspent, though it cannot be used yet.
    function authorizationState(address authorizer, bytes32 nonce) external view returns (bool);

    /// @notice Carry out many signed payments, laid out one after the other as docs/SIGNATURES.md says.
    /// @dev A row that a single call would refuse is skipped; it changes nothing, and the others go on. A contract signer is
    /// shown a compact signature as 65 bytes `r ‖ s ‖ v`.
    ///
    /// **Requires**
    /// - the authorization bit not paused (StablecoinPaused)
    /// - every row well laid out (StablecoinRowMalformed)
    /// - gas for every question to a signing contract (SignaturesGasTooLow)
    ///
    /// **Ensures** of every row in turn: as `transferWithAuthorization`, or `transferWithMemo` where it has a memo; or
    /// nothing at all.
    ///
    /// **Emits** for every row in turn: AuthorizationUsed, Transfer and, where there is one, Memo; or RowSkipped alone.
    function settle(bytes calldata rows) external;

    /// @notice Pay up to 500 payees under one signature of `from`; anyone may submit it. `rows` are laid out as
    /// docs/SIGNATURES.md says.
    /// @dev A payee that cannot be paid is skipped and its amount stays with `from`; the nonce is spent all the same.
    ///
    /// **Requires**
    /// - the authorization bit not paused (StablecoinPaused)
    /// - at least one row and no part of one (StablecoinRowMalformed), at most 500 (StablecoinRowsTooMany), which add up to
    ///   `total` (StablecoinTotalMismatch)
    /// - `validAfter` < now (StablecoinAuthorizationNotYetValid) and now < `validBefore` (StablecoinAuthorizationExpired)
    /// - a valid signature of `from` (StablecoinSignatureInvalid)
    /// - the transfer checks 1, 2 with the total, and 4
    ///
    /// **Ensures** `nonce` is spent; of every row in turn, its value moved under the transfer checks 3, 5 and 6, or nothing;
    /// supply, allowances, freezes and families are untouched.
    ///
    /// **Emits** AuthorizationUsed; for every row in turn Transfer, or RowSkipped alone; then Disbursed.
    function disburse(
        address from,
        uint256 total,
        bytes calldata rows,
        uint256 validAfter,
        uint256 validBefore,
        bytes32 nonce,
        bytes calldata signature
    ) external;

    // --------------------------------------------------------------------------------------------------- supply

    /// @notice Create `amount` for `to`.
    /// @dev **Requires**
    /// - the caller is the treasury (StablecoinCallerNotTreasury)
    /// - the mint bit not paused (StablecoinPaused)
    /// - `to` neither zero nor the coin (ERC20InvalidReceiver)
    /// - the supply at most 2^63 − 1 afterwards (StablecoinSupplyCapExceeded)
    /// - `to` not frozen whole (StablecoinFrozen) and no escrow (StablecoinEscrowRefusesCredit)
    ///
    /// **Ensures** the supply and the balance of `to` rise by `amount`; nothing else changes. Returns the supply afterwards.
    ///
    /// **Emits** Transfer from zero.
    function mint(address to, uint256 amount) external returns (uint256 supply);

    /// @notice Destroy `amount` of the caller's own balance.
    /// @dev **Requires**
    /// - the caller in the role of cell coin.burn of docs/ROLES.md (AccessManagedUnauthorized)
    /// - the burn bit not paused (StablecoinPaused)
    /// - the caller not frozen whole (StablecoinFrozen)
    /// - the balance (ERC20InsufficientBalance), beyond what is frozen (ERC20InsufficientUnfrozen)
    ///
    /// **Ensures** the supply and the caller's balance fall by `amount`; nothing else changes.
    ///
    /// **Emits** Transfer to zero.
    function burn(uint256 amount) external;

    /// @notice Name the one address that mints.
    /// @dev **Requires**
    /// - the caller in the role of cell coin.setTreasury of docs/ROLES.md (AccessManagedUnauthorized)
    /// - `newTreasury` fit for an office (StablecoinAccountInvalid)
    ///
    /// **Ensures** only `newTreasury` mints from now on; nothing else changes.
    ///
    /// **Emits** TreasuryChanged.
    function setTreasury(address newTreasury) external;

    // ----------------------------------------------------------------------------------------- freeze and pause

    /// @notice Freeze `amount` of `account`, or the whole account (2^256 − 1), under a case. It replaces any case before.
    /// @dev A frozen amount does not have to be there: what comes in later is held up to it. Receiving stays possible,
    /// except for an account frozen whole, into which only escrows pay. A freeze does not end by itself at `until`.
    ///
    /// **Requires**
    /// - the caller in the role of cell coin.freeze of docs/ROLES.md (AccessManagedUnauthorized)
    /// - the freeze bit not paused (StablecoinPaused)
    /// - `account` not zero (StablecoinAccountInvalid) and no escrow (StablecoinEscrowNotFreezable)
    /// - `caseId` not zero (StablecoinCaseMissing)
    /// - `amount` 1 to 2^64 − 1, or 2^256 − 1 (StablecoinFreezeAmountInvalid)
    /// - now < `until` (StablecoinFreezeEndInvalid)
    ///
    /// **Ensures** the freeze, its case and its end are exactly these; balance, nonces and family are untouched.
    ///
    /// **Emits** Frozen.
    function freeze(address account, uint256 amount, bytes32 caseId, uint256 until) external;

    /// @notice As `freeze`, by the order that `signer` signed; cell coin.freezeBySig of docs/ROLES.md.
    /// @dev **Requires**
    /// - the order valid (OrderExpired, OrderAlreadyUsed, OrderNotPermitted, OrderSignatureInvalid)
    /// - then as `freeze`
    ///
    /// **Ensures** as `freeze`; the order's id is spent.
    ///
    /// **Emits** OrderUsed, Frozen.
    function freezeBySig(FreezeOrder calldata order, address signer, bytes calldata signature) external;

    /// @notice Lift the freeze of `account` under `caseId`.
    /// @dev **Requires**
    /// - the caller in the role of cell coin.unfreeze of docs/ROLES.md (AccessManagedUnauthorized)
    /// - the freeze bit not paused (StablecoinPaused)
    /// - a freeze (StablecoinNotFrozen) under this case (StablecoinCaseMismatch)
    ///
    /// **Ensures** nothing of `account` is frozen and its case is gone; balance, nonces and family are untouched.
    ///
    /// **Emits** Unfrozen.
    function unfreeze(address account, bytes32 caseId) external;

    /// @notice As `unfreeze`, by the order that `signer` signed; cell coin.unfreezeBySig of docs/ROLES.md.
    /// @dev **Requires**
    /// - the order valid (OrderExpired, OrderAlreadyUsed, OrderNotPermitted, OrderSignatureInvalid)
    /// - then as `unfreeze`
    ///
    /// **Ensures** as `unfreeze`; the order's id is spent.
    ///
    /// **Emits** OrderUsed, Unfrozen.
    function unfreezeBySig(UnfreezeOrder calldata order, address signer, bytes calldata signature) external;

    /// @notice Lift a freeze whose end has come; anyone may. Works while paused.
    /// @dev **Requires**
    /// - a freeze (StablecoinNotFrozen)
    /// - now ≥ its end (StablecoinFreezeNotEnded)
    ///
    /// **Ensures** as `unfreeze`.
    ///
    /// **Emits** FreezeReleased.
    function releaseExpired(address account) external;

    /// @notice Move `amount` of `account`, which is frozen under `caseId`, into custody.
    /// @dev A whole freeze yields up to the whole balance, a partial one up to what it holds. The freeze need not be lifted,
    /// and its case stays, even where nothing is left frozen under it.
    ///
    /// **Requires**
    /// - the caller in the role of cell coin.seize of docs/ROLES.md (AccessManagedUnauthorized)
    /// - the seize bit not paused (StablecoinPaused)
    /// - a custody account (StablecoinCustodyMissing), which `account` is not (StablecoinAccountInvalid)
    /// - `account` no escrow (StablecoinEscrowNotSeizable)
    /// - a freeze (StablecoinNotFrozen) under this case (StablecoinCaseMismatch), before its end (StablecoinFreezeEnded)
    /// - `amount` above 0 and at most the balance, or where the freeze is partial at most the frozen coins that are there
    ///   (StablecoinSeizeAmountInvalid)
    /// - the custody account not frozen whole (StablecoinFrozen)
    ///
    /// **Ensures** the balance of `account` falls and that of custody rises by `amount`; a partial freeze falls by `amount`, a
    /// whole one stays; case, end, nonces, families and supply are untouched.
    ///
    /// **Emits** Transfer, Seized.
    function seize(address account, uint256 amount, bytes32 caseId) external;

    /// @notice As `seize`, by the order that `signer` signed; cell coin.seizeBySig of docs/ROLES.md.
    /// @dev **Requires**
    /// - the order valid (OrderExpired, OrderAlreadyUsed, OrderNotPermitted, OrderSignatureInvalid)
    /// - then as `seize`
    ///
    /// **Ensures** as `seize`; the order's id is spent.
    ///
    /// **Emits** OrderUsed, Transfer, Seized.
    function seizeBySig(SeizeOrder calldata order, address signer, bytes calldata signature) external;

    /// @notice Name the one address that seized coins go to.
    /// @dev **Requires**
    /// - the caller in the role of cell coin.setCustody of docs/ROLES.md (AccessManagedUnauthorized)
    /// - `newCustody` fit for an office (StablecoinAccountInvalid)
    ///
    /// **Ensures** what is seized from now on goes to `newCustody`; what was seized stays where it is.
    ///
    /// **Emits** CustodyChanged.
    function setCustody(address newCustody) external;

    /// @notice Stop the functions behind `bits`: 1 transfer, 2 authorization, 4 mint, 8 burn, 16 freeze, 32 seize.
    /// @dev Bit 1 stops transfer, transferFrom, approve and permit of more than 0; bit 2 the signed payments, settle and
    /// disburse; bit 16 freeze and unfreeze. Nothing stops cancelAuthorization, skipNonces, approve and permit of 0,
    /// releaseExpired, payFrom, setVasp and the views.
    ///
    /// **Requires**
    /// - the caller in the role of cell coin.pause of docs/ROLES.md (AccessManagedUnauthorized)
    /// - `bits` not 0 and at most 63 (StablecoinPauseBitsInvalid)
    ///
    /// **Ensures** `bits` are paused, other bits as before; nothing else changes.
    ///
    /// **Emits** PauseChanged.
    function pause(uint256 bits) external;

    /// @notice Let the functions behind `bits` go on.
    /// @dev **Requires**
    /// - the caller in the role of cell coin.unpause of docs/ROLES.md (AccessManagedUnauthorized)
    /// - `bits` not 0 and at most 63 (StablecoinPauseBitsInvalid)
    ///
    /// **Ensures** `bits` are not paused, other bits as before; nothing else changes.
    ///
    /// **Emits** PauseChanged.
    function unpause(uint256 bits) external;

    // ------------------------------------------------------------------------------------------------- escrows

    /// @notice Register a contract that holds coins for others. It stays one for good.
    /// @dev **Requires**
    /// - the caller in the role of cell coin.flagEscrow of docs/ROLES.md (AccessManagedUnauthorized)
    /// - `account` neither the coin nor the treasury, custody or registry (StablecoinAccountInvalid)
    /// - code at `account` that is not a delegation (StablecoinEscrowCodeInvalid)
    /// - no balance, freeze, case, family or flag (StablecoinEscrowNotClean)
    ///
    /// **Ensures** `account` takes in coins only by pulling them itself, pays out only through `payFrom` and `burn`, belongs to
    /// no family and cannot be frozen or seized from; nothing else changes.
    ///
    /// **Emits** EscrowFlagged.
    function flagEscrow(address account) external;

    /// @notice Pay `amount` of the calling escrow to `to`, on behalf of `payer`, whose coins they were.
    /// @dev The only way out of an escrow besides `burn`, and the only way into an account frozen whole. No pause stops it.
    ///
    /// **Requires**
    /// - the caller is an escrow (StablecoinCallerNotEscrow)
    /// - `payer` not zero (StablecoinAccountInvalid)
    /// - the escrow's balance (ERC20InsufficientBalance)
    /// - `to` neither zero nor the coin (ERC20InvalidReceiver), nor another escrow (StablecoinEscrowRefusesCredit)
    /// - the travel rule between `payer` and `to`, unless they are the same (StablecoinAttestationMissing)
    ///
    /// **Ensures** the escrow's balance falls and `to`'s rises by `amount`; `payer`'s word is untouched.
    ///
    /// **Emits** Transfer from the escrow.
    function payFrom(address payer, address to, uint256 amount) external;

    // -------------------------------------------------------------------------------------------- wallet operators

    /// @notice Name the registry of wallet operators.
    /// @dev **Requires**
    /// - the caller in the role of cell coin.setVaspRegistry of docs/ROLES.md (AccessManagedUnauthorized)
    /// - `newRegistry` fit for an office (StablecoinAccountInvalid)
    ///
    /// **Ensures** only `newRegistry` is asked for attestations and sets families from now on; every account keeps its own.
    ///
    /// **Emits** VaspRegistryChanged.
    function setVaspRegistry(address newRegistry) external;

    /// @notice Set the amount, in base units, from which on a payment between families needs an attestation. 0 is every
    /// such payment, 2^64 − 1 none.
    /// @dev **Requires**
    /// - the caller in the role of cell coin.setTravelRuleLimit of docs/ROLES.md (AccessManagedUnauthorized)
    /// - `limit` at most 2^64 − 1 (StablecoinLimitInvalid)
    ///
    /// **Ensures** the limit is `limit`; supply and paused bits are untouched.
    ///
    /// **Emits** TravelRuleLimitChanged.
    function setTravelRuleLimit(uint256 limit) external;

    /// @notice Put `account` into the family of the wallet operator `newVasp`; 0 takes it out.
    /// @dev Who may join and leave, the registry decides. No pause stops it.
    ///
    /// **Requires**
    /// - the caller is the registry (StablecoinCallerNotRegistry)
    /// - `account` neither zero, the coin, the treasury nor an escrow (StablecoinAccountInvalid)
    /// - `newVasp` at most 65,535 (StablecoinVaspInvalid)
    ///
    /// **Ensures** the family of `account` is `newVasp`; balance, freeze and nonces are untouched.
    ///
    /// **Emits** VaspChanged.
    function setVasp(address account, uint256 newVasp) external;

    // --------------------------------------------------------------------------------------------------- views

    /// @notice The one address that mints.
    function treasury() external view returns (address);

    /// @notice The one address that seized coins go to; zero while there is none.
    function custody() external view returns (address);

    /// @notice The registry of wallet operators; zero while there is none, and then no account has a family.
    function vaspRegistry() external view returns (address);

    /// @notice The bits that are paused; see `pause`.
    function pausedBits() external view returns (uint256);

    /// @notice Whether `account` is a registered escrow.
    function isEscrow(address account) external view returns (bool);

    /// @notice The case under which `account` is frozen and its end; both 0 where there is none.
    function freezeCaseOf(address account) external view returns (bytes32 caseId, uint256 until);

    /// @notice All that the coin keeps of `account`, decoded.
    function accountOf(address account) external view returns (AccountState memory);

    /// @notice All that the coin keeps of `account`, as stored: from the least significant bit, balance 64, frozen 64,
    /// nonceBase 40, nonceWindow 64, vasp 16, flags 8 (bit 0 frozen whole, bit 1 escrow).
    function wordOf(address account) external view returns (uint256);

    /// @notice The coin's own word, as stored: from the least significant bit, totalSupply 64, paused bits 8, travel-rule
    /// limit 64 (2^64 − 1 is off).
    function coinWord() external view returns (uint256);
}
