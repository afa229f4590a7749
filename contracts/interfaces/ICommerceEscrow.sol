// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IEscrow} from "./IEscrow.sol";

/// @title ICommerceEscrow
/// @notice Holds a payer's coins for a merchant, who captures them in one or several parts, gives them back or refunds them; what
/// the merchant leaves goes back to the payer.
/// @dev Amounts are base units of the coin. Times are Unix seconds, rates are hundredths of a percent. A payment's deadline is
/// half-open: its side may act while `block.timestamp < deadline`, the other from `deadline` on. An order's own deadline is
/// inclusive. Nobody has a role here: every step takes the signature of a party named in the terms, and anyone may submit it.
/// Typed structs are fixed in docs/SIGNATURES.md.
///
/// A payment has no state but its totals. **Remaining** is `authorized − captured − voided`. The merchant may capture and void
/// while something remains and `captureBy` has not come; from `captureBy` on anyone returns the rest to the payer, and then, as
/// after any step that leaves nothing, the payment is closed for ever but for refunds of what was captured. An open dispute
/// stops captures and moves that moment 15 days on, within which the arbiter divides the rest.
interface ICommerceEscrow is IEscrow {
    /// @notice What happened to a payment.
    /// @dev The numbers appear in events; new steps are added at the end.
    enum Step {
        None,
        Authorize,
        Capture,
        Void,
        Reclaim,
        Refund,
        Dispute,
        Resolve
    }

    /// @notice The terms a payer agrees to. Their EIP-712 digest under this contract's domain is the payment's id.
    /// @dev `arbiter` zero: the payment cannot be disputed. `feeReceiver` may be zero where `maxFeeBps` is.
    struct Payment {
        address coin;
        address payer;
        address merchant;
        uint256 amount;
        address feeReceiver;
        uint256 minFeeBps;
        uint256 maxFeeBps;
        address arbiter;
        uint256 authorizeBy;
        uint256 captureBy;
        uint256 refundBy;
        bytes32 salt;
    }

    /// @notice The merchant's order to capture `amount` at the rate `feeBps`, and with `voidRest` to give the rest back.
    /// @dev `captured` and `voided` are the totals it was given at, so an order acts once and on nothing unforeseen.
    struct Capture {
        bytes32 id;
        uint256 amount;
        uint256 captured;
        uint256 voided;
        uint256 feeBps;
        bool voidRest;
        uint256 deadline;
    }

    /// @notice The merchant's order to give `amount` back before it is captured, given at these totals.
    struct Void {
        bytes32 id;
        uint256 amount;
        uint256 captured;
        uint256 voided;
        uint256 deadline;
    }

    /// @notice The arbiter's decision on all that remains: `toMerchant` is captured at `feeBps`, the rest goes back. Given at
    /// these totals.
    struct ResolvePayment {
        bytes32 id;
        uint256 toMerchant;
        uint256 captured;
        uint256 voided;
        uint256 feeBps;
        uint256 deadline;
    }

    /// @notice A payment was created; the full terms.
    event PaymentAuthorized(
        bytes32 indexed id,
        address indexed payer,
        address indexed merchant,
        address coin,
        uint256 amount,
        address feeReceiver,
        uint256 minFeeBps,
        uint256 maxFeeBps,
        address arbiter,
        uint256 authorizeBy,
        uint256 captureBy,
        uint256 refundBy,
        bytes32 salt
    );

    /// @notice A step of a payment and its totals afterwards. `actor` is who decided it: the signer, or the caller of a direct
    /// step. `amount` is what was authorized, captured, voided, reclaimed or refunded by this step; of a dispute it is what remains,
    /// of a resolution what went to the merchant. `fee` is the part of `amount` that went to the fee receiver.
    event PaymentMoved(
        bytes32 indexed id,
        address indexed actor,
        uint8 step,
        uint256 amount,
        uint256 fee,
        uint256 captured,
        uint256 voided,
        uint256 refunded
    );

    /// @notice The merchant of the terms is zero, the payer or this contract.
    error CommerceMerchantInvalid(address merchant);

    /// @notice The rates are not in order or above 10,000, or a fee would have no `receiver` outside this contract.
    error CommerceFeeTermsInvalid(uint256 minFeeBps, uint256 maxFeeBps, address receiver);

    /// @notice The `deadline` for this step was reached; it is now `time`.
    error CommerceDeadlinePassed(uint256 deadline, uint256 time);

    /// @notice The deadlines of the terms are not in order.
    error CommerceDeadlinesUnordered(uint256 authorizeBy, uint256 captureBy, uint256 refundBy);

    /// @notice The `deadline` of the terms is later than `limit`.
    error CommerceDeadlineTooFar(uint256 deadline, uint256 limit);

    /// @notice The `deadline` after which this step is allowed is not reached; it is now `time`.
    error CommerceDeadlineNotReached(uint256 deadline, uint256 time);

    /// @notice A payment under these terms was authorized before.
    error CommerceAlreadyAuthorized(bytes32 id);

    /// @notice No payment under these terms was authorized.
    error CommerceUnknown(bytes32 id);

    /// @notice The order is for the payment `orderId`, the terms are those of `id`.
    error CommerceOrderMismatch(bytes32 orderId, bytes32 id);

    /// @notice The order's own `deadline` has passed.
    error CommerceOrderExpired(uint256 deadline, uint256 time);

    /// @notice The signature is not of `signer` over this order, these totals and this contract's domain.
    error CommerceSignatureInvalid(address signer);

    /// @notice The totals are now `captured` and `voided`, not those the order was given at.
    error CommerceStateChanged(bytes32 id, uint256 captured, uint256 voided);

    /// @notice The total refunded is now `refunded`, not the one the refund was given at.
    error CommerceRefundedChanged(bytes32 id, uint256 refunded);

    /// @notice The amount of the step is zero.
    error CommerceZeroAmount();

    /// @notice The `amount` is above the `limit`: what remains, or what was captured and not yet refunded.
    error CommerceAmountExceeded(bytes32 id, uint256 amount, uint256 limit);

    /// @notice The rate lies outside the bounds of the terms.
    error CommerceFeeOutOfBounds(uint256 feeBps, uint256 minFeeBps, uint256 maxFeeBps);

    /// @notice The first capture of the payment fixed another rate.
    error CommerceFeeFixed(uint256 feeBps, uint256 fixedBps);

    /// @notice The payment has an open dispute.
    error CommerceDisputed(bytes32 id);

    /// @notice The payment has no open dispute.
    error CommerceNotDisputed(bytes32 id);

    /// @notice The terms name no arbiter.
    error CommerceNotDisputable(bytes32 id);

    /// @notice `caller` is not the `payer` of the terms.
    error CommercePayerOnly(address caller, address payer);

    /// @notice Nothing remains of the payment.
    error CommerceNothingLeft(bytes32 id);

    /// @notice Takes a payer's coins in under `terms`; anyone may submit.
    /// @dev `signature` is the payer's `ReceiveWithAuthorization` of the coin: to this contract, `validAfter` 0, `validBefore`
    /// `authorizeBy`, nonce = the id. So the coins move only under exactly these terms.
    ///
    /// **Requires**
    /// - the coin one of `coins` (EscrowCoinUnknown)
    /// - the amount above zero and at most 2^63 − 1 (EscrowAmountOutOfBounds)
    /// - the merchant neither zero nor the payer nor this contract (CommerceMerchantInvalid)
    /// - `minFeeBps ≤ maxFeeBps ≤ 10,000`, the fee receiver not this contract, and not zero where `maxFeeBps` is above zero
    ///   (CommerceFeeTermsInvalid)
    /// - now < `authorizeBy` (CommerceDeadlinePassed)
    /// - `authorizeBy ≤ captureBy ≤ refundBy` (CommerceDeadlinesUnordered)
    /// - `captureBy` at most 90 days and `refundBy` at most 180 days away (CommerceDeadlineTooFar)
    /// - the id no window nonce (EscrowIdTooLow)
    /// - the id new (CommerceAlreadyAuthorized)
    /// - the coin accepts the authorization; its own errors pass through
    /// - the balance here rose by exactly the amount (EscrowBalanceMismatch)
    ///
    /// **Ensures** all of the amount remains; `held` rises by it, the payer has it less; no other payment changes.
    ///
    /// **Emits** PaymentAuthorized, PaymentMoved with the payer as actor; the coin emits AuthorizationUsed and Transfer.
    /// @return id the payment's id.
    function authorize(Payment calldata terms, bytes calldata signature) external returns (bytes32 id);

    /// @notice Pays the merchant a part of a payment, or all that remains, less the fee; anyone may submit the merchant's order.
    /// @dev The fee is rounded on the total captured, so many small captures cost what one does. The first capture fixes the rate.
    ///
    /// **Requires**
    /// - the payment known (CommerceUnknown)
    /// - the order for this payment (CommerceOrderMismatch)
    /// - the order's deadline not passed (CommerceOrderExpired)
    /// - `signature` of the merchant (CommerceSignatureInvalid)
    /// - no open dispute (CommerceDisputed)
    /// - now < `captureBy` (CommerceDeadlinePassed)
    /// - the totals those of the order (CommerceStateChanged)
    /// - the amount above zero (CommerceZeroAmount) and at most what remains (CommerceAmountExceeded)
    /// - the rate within the bounds of the terms (CommerceFeeOutOfBounds) and the one of the first capture (CommerceFeeFixed)
    /// - gas for each payment (EscrowGasTooLow)
    ///
    /// **Ensures** the captured total rises by the amount; the fee receiver has what `feeOf` of the captured total rose by, the
    /// merchant the rest of the amount, and with `voidRest` the payer all that remained; or a credit where the coin refuses.
    /// The refunded total is unchanged.
    ///
    /// **Emits** PaymentMoved with the merchant as actor, and EscrowCredited for each credit.
    function capture(Payment calldata terms, Capture calldata order, bytes calldata signature) external;

    /// @notice Authorizes and captures in one transaction; anyone may submit the two signatures.
    /// @dev WARNING: someone else may submit the payer's signature to `authorize` first; `capture` then takes the same order.
    ///
    /// **Requires** as `authorize`, then as `capture`.
    ///
    /// **Ensures** and **Emits** as `authorize`, then as `capture`.
    /// @return id the payment's id.
    function charge(
        Payment calldata terms,
        bytes calldata payerSignature,
        Capture calldata order,
        bytes calldata merchantSignature
    ) external returns (bytes32 id);

    /// @notice Gives the payer back a part of what remains, or all; anyone may submit the merchant's order.
    /// @dev **Requires**
    /// - the payment known (CommerceUnknown)
    /// - the order for this payment (CommerceOrderMismatch)
    /// - the order's deadline not passed (CommerceOrderExpired)
    /// - `signature` of the merchant (CommerceSignatureInvalid)
    /// - now < `captureBy`, or 15 days later while disputed (CommerceDeadlinePassed); from then on `reclaim` does the same
    /// - the totals those of the order (CommerceStateChanged)
    /// - the amount above zero (CommerceZeroAmount) and at most what remains (CommerceAmountExceeded)
    /// - gas for the payment (EscrowGasTooLow)
    ///
    /// **Ensures** the voided total rises by the amount; the payer has it, or a credit where the coin refuses. An open dispute
    /// stays open unless nothing remains.
    ///
    /// **Emits** PaymentMoved with the merchant as actor, and EscrowCredited for a credit.
    function void(Payment calldata terms, Void calldata order, bytes calldata signature) external;

    /// @notice Returns all that remains to the payer when the time for captures is over; anyone may call.
    /// @dev **Requires**
    /// - the payment known (CommerceUnknown)
    /// - something remaining (CommerceNothingLeft)
    /// - now ≥ `captureBy`, or 15 days later while disputed (CommerceDeadlineNotReached)
    /// - gas for the payment (EscrowGasTooLow)
    ///
    /// **Ensures** nothing remains and no dispute is open; the payer has the rest, or a credit where the coin refuses.
    ///
    /// **Emits** PaymentMoved with the caller as actor, and EscrowCredited for a credit.
    function reclaim(Payment calldata terms) external;

    /// @notice Pays the payer back from the merchant's own coins what was captured; anyone may submit.
    /// @dev `signature` is the merchant's `ReceiveWithAuthorization` of the coin: to this contract, `value` the amount,
    /// `validAfter` 0, `validBefore` `refundBy`, nonce = `refundNonceOf(id, refunded)`. Fees are not given back, so the merchant
    /// pays them where it refunds all it captured.
    ///
    /// **Requires**
    /// - the payment known (CommerceUnknown)
    /// - `refunded` the total refunded so far (CommerceRefundedChanged)
    /// - the amount above zero (CommerceZeroAmount) and at most what was captured and not yet refunded
    ///   (CommerceAmountExceeded)
    /// - now < `refundBy` (CommerceDeadlinePassed)
    /// - the nonce no window nonce (EscrowIdTooLow)
    /// - the coin accepts the authorization; its own errors pass through
    /// - the balance here rose by exactly the amount (EscrowBalanceMismatch)
    /// - gas for the payment (EscrowGasTooLow)
    ///
    /// **Ensures** the refunded total rises by the amount; the merchant has it less, the payer more, or a credit where the coin
    /// refuses. What remains, the rate and a dispute are unchanged.
    ///
    /// **Emits** PaymentMoved with the merchant as actor, and EscrowCredited for a credit; the coin emits AuthorizationUsed and
    /// Transfer.
    function refund(Payment calldata terms, uint256 amount, uint256 refunded, bytes calldata signature) external;

    /// @notice Stops captures and puts what remains to the arbiter; the caller is the payer.
    /// @dev **Requires**
    /// - the payment known (CommerceUnknown)
    /// - the caller its payer (CommercePayerOnly)
    /// - an arbiter in the terms (CommerceNotDisputable)
    /// - no open dispute (CommerceDisputed)
    /// - now < `captureBy` (CommerceDeadlinePassed)
    /// - something remaining (CommerceNothingLeft)
    ///
    /// **Ensures** the dispute is open until nothing remains; no coins move and no total changes.
    ///
    /// **Emits** PaymentMoved with the payer as actor.
    function dispute(Payment calldata terms) external;

    /// @notice As `dispute`, by the payer's signed `DisputePayment` at the present totals, which anyone may submit.
    /// @dev WARNING: a merchant's step in between changes the totals; the payer signs anew, or calls `dispute` itself.
    ///
    /// **Requires**
    /// - the payment known (CommerceUnknown)
    /// - the order's deadline not passed (CommerceOrderExpired)
    /// - `signature` of the payer at the present totals (CommerceSignatureInvalid)
    /// - then as `dispute` after the caller
    ///
    /// **Ensures** and **Emits** as `dispute`.
    function disputeBySig(Payment calldata terms, uint256 deadline, bytes calldata signature) external;

    /// @notice Ends a dispute by the arbiter's decision, which divides all that remains; anyone may submit it.
    /// @dev **Requires**
    /// - the payment known (CommerceUnknown)
    /// - the order for this payment (CommerceOrderMismatch)
    /// - the order's deadline not passed (CommerceOrderExpired)
    /// - `signature` of the arbiter (CommerceSignatureInvalid)
    /// - an open dispute (CommerceNotDisputed)
    /// - now < `captureBy` and 15 days (CommerceDeadlinePassed)
    /// - the totals those of the order (CommerceStateChanged)
    /// - `toMerchant` at most what remains (CommerceAmountExceeded)
    /// - the rate within the bounds of the terms (CommerceFeeOutOfBounds) and the one of the first capture (CommerceFeeFixed),
    ///   also where nothing goes to the merchant
    /// - gas for each payment (EscrowGasTooLow)
    ///
    /// **Ensures** nothing remains and no dispute is open; `toMerchant` is captured as by `capture`, the rest is voided; each
    /// party has its part, or a credit where the coin refuses.
    ///
    /// **Emits** PaymentMoved with the arbiter as actor, and EscrowCredited for each credit.
    function resolve(Payment calldata terms, ResolvePayment calldata order, bytes calldata signature) external;

    /// @notice The id of a payment under `terms`, before or after it is authorized.
    function idOf(Payment calldata terms) external view returns (bytes32);

    /// @notice The totals of a payment; zeros for an unknown id.
    /// @dev `feeBps` is the rate once something is captured, zero before. `disputed` says whether a dispute is open.
    function paymentOf(
        bytes32 id
    )
        external
        view
        returns (uint256 authorized, uint256 captured, uint256 voided, uint256 refunded, uint256 feeBps, bool disputed);

    /// @notice The nonce of the authorization by which the merchant refunds once `refunded` has been refunded in total.
    function refundNonceOf(bytes32 id, uint256 refunded) external pure returns (bytes32);

    /// @notice The fee on a captured total at a rate, rounded down.
    function feeOf(uint256 captured, uint256 feeBps) external pure returns (uint256);

    /// @notice The EIP-712 separator of this contract on the present chain.
    // solhint-disable-next-line func-name-mixedcase
    function DOMAIN_SEPARATOR() external view returns (bytes32);
}
