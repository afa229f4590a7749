// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IEscrow} from "./IEscrow.sol";

/// @title IRedemptionEscrow
/// @notice Holds a holder's coins while the bank desk pays money to the holder's bank account, then burns them; or returns them
/// if the desk declines, fails or disappears. The holder may dispute a payout that is said to be sent.
/// @dev Amounts are base units of the coin. Times are Unix seconds. A state deadline is half-open: the side that must act may do so
/// while `block.timestamp < deadline`, the other from `deadline` on, so exactly one may act at any moment. An order's own
/// deadline is inclusive. Typed structs are fixed in docs/SIGNATURES.md, roles in docs/ROLES.md.
interface IRedemptionEscrow is IEscrow {
    /// @notice Where a redemption stands.
    /// @dev The numbers appear in events and errors; new states are added at the end.
    /// - None: the id is unknown. Goes to Locked.
    /// - Locked: the coins are here. Goes to Accepted; to Returned by cancel, reject, or reclaim from acceptBy on.
    /// - Accepted: the desk took it on. Goes to Sent; to Returned by reject, or reclaim from payoutBy on.
    /// - Sent: the desk is about to send, or has sent, the money. Goes to Burned; to Disputed; to Returned by reclaim from finalBy
    /// on.
    /// - Burned: the money arrived; the coins are burned or booked to be burned. Terminal.
    /// - Returned: the holder has the coins back or a credit for them. Terminal.
    /// - Disputed: the holder says that the money did not arrive. Goes to Burned or Returned by the arbiter; to Returned by
    /// reclaim from finalBy + 15 days on.
    enum State {
        None,
        Locked,
        Accepted,
        Sent,
        Burned,
        Returned,
        Disputed
    }

    /// @notice The terms a holder agrees to. Their EIP-712 digest under this contract's domain is the redemption's id.
    /// @dev `payout` is a salted commitment to the holder's bank account; the account itself never reaches the chain.
    struct Redemption {
        address coin;
        address holder;
        uint256 amount;
        bytes32 payout;
        uint256 acceptBy;
        uint256 payoutBy;
        uint256 finalBy;
        bytes32 salt;
    }

    /// @notice The agent's order to take a redemption on.
    struct AcceptOrder {
        bytes32 id;
        uint256 deadline;
    }

    /// @notice The agent's order to decline a redemption. It names the state it was given in, because a redemption can be
    /// declined from two and an order must not outlive the state it was meant for.
    struct RejectOrder {
        bytes32 id;
        uint8 state;
        bytes32 reason;
        uint256 deadline;
    }

    /// @notice The agent's order to record that the money is about to be sent.
    struct MarkSentOrder {
        bytes32 id;
        bytes32 bankReference;
        uint256 deadline;
    }

    /// @notice The agent's order to record that the money arrived.
    struct ConfirmOrder {
        bytes32 id;
        bytes32 bankReference;
        uint256 deadline;
    }

    /// @notice The cosigner's order to approve that a redemption is marked sent.
    struct ApproveOrder {
        bytes32 id;
        uint256 deadline;
    }

    /// @notice The arbiter's order to end a dispute. `ref` is a code or a commitment to the grounds, never personal data.
    struct ResolveOrder {
        bytes32 id;
        bool paid;
        bytes32 ref;
        uint256 deadline;
    }

    /// @notice A redemption was created; the full terms.
    event RedemptionLocked(
        bytes32 indexed id,
        address indexed holder,
        address indexed coin,
        uint256 amount,
        bytes32 payout,
        uint256 acceptBy,
        uint256 payoutBy,
        uint256 finalBy,
        bytes32 salt
    );

    /// @notice A redemption went from one state to another. `actor` is the signer of an order, otherwise the caller. `ref` is the
    /// reason of a rejection, the bank reference of a step of the desk, the grounds of the arbiter, otherwise zero.
    event RedemptionMoved(bytes32 indexed id, address indexed actor, uint8 from, uint8 to, uint256 amount, bytes32 ref);

    /// @notice The coin could not burn a confirmed redemption now; the amount waits for `burnPending`.
    event RedemptionBurnDeferred(bytes32 indexed id, address indexed coin, uint256 amount);

    /// @notice Coins of confirmed redemptions that waited were burned.
    event RedemptionPendingBurned(address indexed coin, address indexed actor, uint256 amount);

    /// @notice `approver`, a second key, approved that the redemption is marked sent.
    event RedemptionApproved(bytes32 indexed id, address indexed approver);

    /// @notice The amount from which redemptions of `coin` need a second key was changed; 2^256 − 1 is never.
    event RedemptionSecondKeyLimitChanged(address indexed coin, uint256 oldLimit, uint256 newLimit);

    /// @notice The redemption is in `state`, from which this step does not lead on.
    error RedemptionStateInvalid(bytes32 id, uint8 state);

    /// @notice `caller` is not the `holder` of the redemption.
    error RedemptionHolderOnly(address caller, address holder);

    /// @notice The `amount` is not whole cents of 10,000 base units; a bank cannot pay it.
    error RedemptionNotWholeCents(uint256 amount);

    /// @notice The deadlines do not lie strictly one after the other.
    error RedemptionDeadlinesUnordered(uint256 acceptBy, uint256 payoutBy, uint256 finalBy);

    /// @notice The last deadline `finalBy` is later than the `limit`, 30 days from now.
    error RedemptionDeadlineTooFar(uint256 finalBy, uint256 limit);

    /// @notice The `deadline` for this step was reached; it is now `time`.
    error RedemptionDeadlinePassed(uint256 deadline, uint256 time);

    /// @notice The `deadline` after which this step is allowed is not reached; it is now `time`.
    error RedemptionDeadlineNotReached(uint256 deadline, uint256 time);

    /// @notice The `amount` is at or above `limit` and no account that may approve has approved the redemption.
    error RedemptionApprovalMissing(bytes32 id, uint256 amount, uint256 limit);

    /// @notice The redemption has the approval of `approver`, which still counts.
    error RedemptionAlreadyApproved(bytes32 id, address approver);

    /// @notice `key` approved the redemption, so another has to mark it sent.
    error RedemptionSameKey(address key);

    /// @notice Nothing waits to be burned in `coin`.
    error RedemptionNothingToBurn(address coin);

    /// @notice Locks a holder's coins under `terms`; anyone may submit.
    /// @dev `signature` is the holder's `ReceiveWithAuthorization` of the coin: to this contract, `validAfter` 0, `validBefore`
    /// `acceptBy`, nonce = the id. So the coins move only under exactly these terms.
    ///
    /// **Requires**
    /// - the coin one of `coins` (EscrowCoinUnknown)
    /// - the amount above zero and at most 2^63 − 1 (EscrowAmountOutOfBounds)
    /// - the amount whole cents (RedemptionNotWholeCents)
    /// - now < `acceptBy` (RedemptionDeadlinePassed)
    /// - `acceptBy < payoutBy < finalBy` (RedemptionDeadlinesUnordered)
    /// - `finalBy` at most 30 days away (RedemptionDeadlineTooFar)
    /// - the id no window nonce (EscrowIdTooLow)
    /// - the id new (RedemptionStateInvalid)
    /// - the coin accepts the authorization; its own errors pass through
    /// - the balance here rose by exactly the amount (EscrowBalanceMismatch)
    ///
    /// **Ensures** the redemption is Locked; `held` and the locked total rise by the amount, the holder has it less.
    ///
    /// **Emits** RedemptionLocked, RedemptionMoved from None with the caller as actor; the coin emits AuthorizationUsed and
    /// Transfer.
    /// @return id the redemption's id.
    function lock(Redemption calldata terms, bytes calldata signature) external returns (bytes32 id);

    /// @notice Takes one's own redemption back before the desk accepts it; the caller is the holder.
    /// @dev **Requires**
    /// - the redemption Locked (RedemptionStateInvalid)
    /// - the caller its holder (RedemptionHolderOnly)
    /// - now < `acceptBy` (RedemptionDeadlinePassed); from then on `reclaim` does the same
    /// - gas for the payment (EscrowGasTooLow)
    ///
    /// **Ensures** the redemption is Returned for ever; the holder has the coins, or a credit where the coin refuses to pay.
    ///
    /// **Emits** RedemptionMoved, and EscrowCredited for a credit.
    function cancel(bytes32 id) external;

    /// @notice Takes a redemption back by the holder's signed `CancelRedemption`, which anyone may submit.
    /// @dev **Requires**
    /// - the redemption Locked (RedemptionStateInvalid)
    /// - the order's deadline not passed (OrderExpired)
    /// - `signature` of the holder (OrderSignatureInvalid)
    /// - then as `cancel` after the holder
    ///
    /// **Ensures** as `cancel`.
    ///
    /// **Emits** as `cancel`, with the holder as actor.
    function cancelBySig(bytes32 id, uint256 deadline, bytes calldata signature) external;

    /// @notice Takes a redemption on.
    /// @dev **Requires**
    /// - the caller in the role of cell redemption.accept of docs/ROLES.md (AccessManagedUnauthorized)
    /// - the redemption Locked (RedemptionStateInvalid)
    /// - now < `acceptBy` (RedemptionDeadlinePassed)
    ///
    /// **Ensures** the redemption is Accepted and can no longer be cancelled; the coins stay here.
    ///
    /// **Emits** RedemptionMoved.
    function accept(bytes32 id) external;

    /// @notice As `accept`, by the order that `signer` signed; anyone may submit it.
    /// @dev A step order has no id of its own: each state is left once, so it acts at most once.
    ///
    /// **Requires**
    /// - the order valid for `accept` (OrderExpired, OrderNotPermitted, OrderSignatureInvalid)
    /// - then as `accept` after the role
    ///
    /// **Ensures** as `accept`.
    ///
    /// **Emits** as `accept`, with the signer as actor.
    function acceptBySig(AcceptOrder calldata order, address signer, bytes calldata signature) external;

    /// @notice Declines a redemption, before or after it was accepted but before money is sent.
    /// @dev `reason` is a code or a commitment, never personal data.
    ///
    /// **Requires**
    /// - the caller in the role of cell redemption.reject of docs/ROLES.md (AccessManagedUnauthorized)
    /// - the redemption Locked or Accepted (RedemptionStateInvalid)
    /// - now < `acceptBy`, or `payoutBy` when accepted (RedemptionDeadlinePassed)
    /// - gas for the payment (EscrowGasTooLow)
    ///
    /// **Ensures** the redemption is Returned for ever; the holder has the coins, or a credit where the coin refuses to pay.
    ///
    /// **Emits** RedemptionMoved with the reason, and EscrowCredited for a credit.
    function reject(bytes32 id, bytes32 reason) external;

    /// @notice As `reject`, by the order that `signer` signed; anyone may submit it.
    /// @dev **Requires**
    /// - the order valid for `reject` (OrderExpired, OrderNotPermitted, OrderSignatureInvalid)
    /// - the redemption in the state that the order names (RedemptionStateInvalid)
    /// - then as `reject` after the role
    ///
    /// **Ensures** as `reject`.
    ///
    /// **Emits** as `reject`, with the signer as actor.
    function rejectBySig(RejectOrder calldata order, address signer, bytes calldata signature) external;

    /// @notice Approves, as the second key, that an accepted redemption is marked sent; below the limit it has no effect.
    /// @dev **Requires**
    /// - the caller in the role of cell redemption.approve of docs/ROLES.md (AccessManagedUnauthorized)
    /// - the redemption Accepted (RedemptionStateInvalid)
    /// - now < `payoutBy` (RedemptionDeadlinePassed)
    /// - no approval yet by an account that may still approve (RedemptionAlreadyApproved)
    ///
    /// **Ensures** the caller is the redemption's approver; its state, the coins and everything else are unchanged.
    ///
    /// **Emits** RedemptionApproved.
    function approve(bytes32 id) external;

    /// @notice As `approve`, by the order that `signer` signed; anyone may submit it.
    /// @dev **Requires**
    /// - the order valid for `approve` (OrderExpired, OrderNotPermitted, OrderSignatureInvalid)
    /// - then as `approve` after the role
    ///
    /// **Ensures** as `approve`.
    ///
    /// **Emits** as `approve`, with the signer as approver.
    function approveBySig(ApproveOrder calldata order, address signer, bytes calldata signature) external;

    /// @notice Records that the money is about to leave; the desk does it *before* the wire leaves the bank.
    /// @dev WARNING: a wire sent without it can be followed by a return from `payoutBy` on.
    ///
    /// **Requires**
    /// - the caller in the role of cell redemption.markSent of docs/ROLES.md (AccessManagedUnauthorized)
    /// - the redemption Accepted (RedemptionStateInvalid)
    /// - now < `payoutBy` (RedemptionDeadlinePassed)
    /// - at or above `secondKeyLimitOf` the coin: approved, by an account that may still approve (RedemptionApprovalMissing)
    /// and is not the caller (RedemptionSameKey)
    ///
    /// **Ensures** the redemption is Sent; the coins stay here and the Treasury no longer counts them as outstanding.
    ///
    /// **Emits** RedemptionMoved with the bank reference.
    function markSent(bytes32 id, bytes32 bankReference) external;

    /// @notice As `markSent`, by the order that `signer` signed; anyone may submit it.
    /// @dev **Requires**
    /// - the order valid for `markSent` (OrderExpired, OrderNotPermitted, OrderSignatureInvalid)
    /// - then as `markSent` after the role
    ///
    /// **Ensures** as `markSent`.
    ///
    /// **Emits** as `markSent`, with the signer as actor.
    function markSentBySig(MarkSentOrder calldata order, address signer, bytes calldata signature) external;

    /// @notice Records that the money arrived, and burns the coins.
    /// @dev Once the requirements hold it cannot fail: a coin that refuses to burn (paused, role withdrawn) only puts the
    /// burning off, so no pause can make a payout and a return both happen.
    ///
    /// **Requires**
    /// - the caller in the role of cell redemption.confirm of docs/ROLES.md (AccessManagedUnauthorized)
    /// - the redemption Sent (RedemptionStateInvalid)
    /// - now < `finalBy` (RedemptionDeadlinePassed)
    /// - gas for the burn (EscrowGasTooLow)
    ///
    /// **Ensures** the redemption is Burned for ever; the coins are burned, or booked in `toBurn`, from where nothing but
    /// `burnPending` moves them.
    ///
    /// **Emits** RedemptionMoved with the bank reference, and RedemptionBurnDeferred when the burn waits.
    function confirm(bytes32 id, bytes32 bankReference) external;

    /// @notice As `confirm`, by the order that `signer` signed; anyone may submit it.
    /// @dev **Requires**
    /// - the order valid for `confirm` (OrderExpired, OrderNotPermitted, OrderSignatureInvalid)
    /// - then as `confirm` after the role
    ///
    /// **Ensures** as `confirm`.
    ///
    /// **Emits** as `confirm`, with the signer as actor.
    function confirmBySig(ConfirmOrder calldata order, address signer, bytes calldata signature) external;

    /// @notice Says that a payout marked sent did not arrive; the caller is the holder.
    /// @dev **Requires**
    /// - the redemption Sent (RedemptionStateInvalid)
    /// - the caller its holder (RedemptionHolderOnly)
    /// - now < `finalBy` (RedemptionDeadlinePassed); from then on `reclaim` returns the coins
    ///
    /// **Ensures** the redemption is Disputed: the desk can no longer confirm it; the coins stay here and the Treasury counts them
    /// as outstanding again.
    ///
    /// **Emits** RedemptionMoved.
    function dispute(bytes32 id) external;

    /// @notice Disputes a redemption by the holder's signed `DisputeRedemption`, which anyone may submit.
    /// @dev **Requires**
    /// - the redemption Sent (RedemptionStateInvalid)
    /// - the order's deadline not passed (OrderExpired)
    /// - `signature` of the holder (OrderSignatureInvalid)
    /// - then as `dispute` after the holder
    ///
    /// **Ensures** as `dispute`.
    ///
    /// **Emits** as `dispute`, with the holder as actor.
    function disputeBySig(bytes32 id, uint256 deadline, bytes calldata signature) external;

    /// @notice Ends a dispute: the money arrived (`paid`) and the coins are burned, or it did not and they go back.
    /// @dev **Requires**
    /// - the caller in the role of cell redemption.resolve of docs/ROLES.md (AccessManagedUnauthorized)
    /// - the redemption Disputed (RedemptionStateInvalid)
    /// - now < `finalBy` + 15 days (RedemptionDeadlinePassed)
    /// - gas for the burn or the payment (EscrowGasTooLow)
    ///
    /// **Ensures** the redemption is Burned as by `confirm`, or Returned as by `reject`, for ever.
    ///
    /// **Emits** RedemptionMoved with `ref`; RedemptionBurnDeferred when the burn waits, EscrowCredited for a credit.
    function resolve(bytes32 id, bool paid, bytes32 ref) external;

    /// @notice As `resolve`, by the order that `signer` signed; anyone may submit it.
    /// @dev **Requires**
    /// - the order valid for `resolve` (OrderExpired, OrderNotPermitted, OrderSignatureInvalid)
    /// - then as `resolve` after the role
    ///
    /// **Ensures** as `resolve`.
    ///
    /// **Emits** as `resolve`, with the signer as actor.
    function resolveBySig(ResolveOrder calldata order, address signer, bytes calldata signature) external;

    /// @notice Returns the coins when the desk, or the arbiter, let the deadline of the redemption's state pass; anyone may call.
    /// @dev **Requires**
    /// - the redemption Locked, Accepted, Sent or Disputed (RedemptionStateInvalid)
    /// - now ≥ `acceptBy`, `payoutBy`, `finalBy` or `finalBy` + 15 days respectively (RedemptionDeadlineNotReached)
    /// - gas for the payment (EscrowGasTooLow)
    ///
    /// **Ensures** the redemption is Returned for ever; the holder has the coins, or a credit where the coin refuses to pay.
    ///
    /// **Emits** RedemptionMoved, and EscrowCredited for a credit.
    function reclaim(bytes32 id) external;

    /// @notice Burns the coins of confirmed redemptions that could not be burned when confirmed; anyone may call.
    /// @dev **Requires**
    /// - something waits (RedemptionNothingToBurn)
    /// - the coin burns it; its own errors pass through
    ///
    /// **Ensures** `toBurn` of the coin is zero; total supply, `held` and the balance here are smaller by what it was.
    ///
    /// **Emits** RedemptionPendingBurned; the coin emits Transfer to zero.
    function burnPending(address coin) external;

    /// @notice Sets the amount from which a redemption of `coin` needs a second key to be marked sent; 2^256 − 1 is never, as to
    /// begin with.
    /// @dev **Requires**
    /// - the caller in the role of cell redemption.setSecondKeyLimit of docs/ROLES.md (AccessManagedUnauthorized)
    /// - the coin one of `coins` (EscrowCoinUnknown)
    ///
    /// **Ensures** only the limit of `coin` changes; it holds for every redemption not yet marked sent.
    ///
    /// **Emits** RedemptionSecondKeyLimitChanged, also when nothing changes.
    function setSecondKeyLimit(address coin, uint256 limit) external;

    /// @notice The id of a redemption under `terms`, before or after it is locked.
    function idOf(Redemption calldata terms) external view returns (bytes32);

    /// @notice The state of a redemption; None for an unknown id.
    function stateOf(bytes32 id) external view returns (State);

    /// @notice What is kept of a redemption; zeros for an unknown id.
    function redemptionOf(
        bytes32 id
    )
        external
        view
        returns (
            State state,
            address coin,
            address holder,
            uint256 amount,
            uint256 acceptBy,
            uint256 payoutBy,
            uint256 finalBy
        );

    /// @notice The open redemptions of `coin`, summed by state.
    function pending(
        address coin
    ) external view returns (uint256 locked, uint256 accepted, uint256 sent, uint256 disputed);

    /// @notice The account that approved a redemption last, or zero; it may have lost its role since.
    function approverOf(bytes32 id) external view returns (address approver);

    /// @notice The amount from which a redemption of `coin` needs a second key; 2^256 − 1 is never.
    function secondKeyLimitOf(address coin) external view returns (uint256 limit);

    /// @notice The coins of confirmed redemptions that wait to be burned.
    function toBurn(address coin) external view returns (uint256);
}
