// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IEscrow} from "./IEscrow.sol";

/// @title IClaimEscrow
/// @notice Holds a sender's coins for somebody who has no account yet: whoever holds the link's key names the account they go
/// to, or declines them; what nobody claims goes back to the sender.
/// @dev Amounts are base units of the coin. Times are Unix seconds. A claim's own times are half-open: it can be claimed, declined or
/// cancelled while `block.timestamp < expiry` and reclaimed from `expiry` on, so exactly one side may act at any moment. An
/// order's own deadline is inclusive. No role and no owner. Typed structs are fixed in docs/SIGNATURES.md.
interface IClaimEscrow is IEscrow {
    /// @notice Where a claim stands.
    /// @dev The numbers appear in events and errors; new states are added at the end.
    /// - None: the id is unknown. Goes to Open.
    /// - Open: the coins are here. Goes to Claimed or Declined by the link's key, to Cancelled by the sender from cancelFrom on, to
    ///   Reclaimed by anyone from expiry on.
    /// - Claimed: the recipient has the coins or a credit for them. Terminal.
    /// - Declined: the link's key gave the coins back to the sender. Terminal.
    /// - Cancelled: the sender took the coins back. Terminal.
    /// - Reclaimed: the coins went back to the sender because nobody claimed them in time. Terminal.
    enum State {
        None,
        Open,
        Claimed,
        Declined,
        Cancelled,
        Reclaimed
    }

    /// @notice The terms a sender agrees to. Their EIP-712 digest under this contract's domain is the claim's id.
    /// @dev `linkKey` is the address of the key inside the link; `attestor`, when not zero, is a second key that must agree to the
    /// recipient (for example after a one-time code). `handle` is a tag of the recipient's handle, salted for this payment
    /// alone; the handle itself never reaches the chain. `cancelFrom` 0 lets the sender cancel at once, `cancelFrom` =
    /// `expiry` never.
    struct Claim {
        address coin;
        address sender;
        uint256 amount;
        address linkKey;
        address attestor;
        bytes32 handle;
        uint256 cancelFrom;
        uint256 expiry;
        bytes32 salt;
    }

    /// @notice The order of the link's key to pay a claim to `recipient`.
    struct ClaimTo {
        bytes32 id;
        address recipient;
        uint256 deadline;
    }

    /// @notice A claim was created; the full terms.
    event ClaimOpened(
        bytes32 indexed id,
        address indexed sender,
        address indexed coin,
        uint256 amount,
        address linkKey,
        address attestor,
        bytes32 handle,
        uint256 cancelFrom,
        uint256 expiry,
        bytes32 salt
    );

    /// @notice A claim went from one state to another. `actor` is the signer of an order, otherwise the caller. `party` is who the
    /// amount is paid or credited to; zero while it stays here.
    event ClaimMoved(bytes32 indexed id, address indexed actor, uint8 from, uint8 to, uint256 amount, address party);

    /// @notice The claim is in `state`, from which this step does not lead on.
    error ClaimStateInvalid(bytes32 id, uint8 state);

    /// @notice The terms name no link key, so nobody could ever claim.
    error ClaimLinkKeyMissing();

    /// @notice The `deadline` for this step was reached; it is now `time`.
    error ClaimDeadlinePassed(uint256 deadline, uint256 time);

    /// @notice The `deadline` from which this step is allowed is not reached; it is now `time`.
    error ClaimDeadlineNotReached(uint256 deadline, uint256 time);

    /// @notice The `expiry` is later than the `limit`, 180 days from now.
    error ClaimExpiryTooFar(uint256 expiry, uint256 limit);

    /// @notice The sender could cancel only after the claim has expired.
    error ClaimCancelAfterExpiry(uint256 cancelFrom, uint256 expiry);

    /// @notice The order's own deadline has passed.
    error ClaimOrderExpired(uint256 deadline, uint256 time);

    /// @notice The `recipient` is the zero address, the claim's coin or this contract.
    error ClaimRecipientInvalid(address recipient);

    /// @notice The signature is not the `signer`'s over this order and this contract's domain.
    error ClaimSignatureInvalid(address signer);

    /// @notice `caller` is not the `sender` of the claim.
    error ClaimSenderOnly(address caller, address sender);

    /// @notice Puts a sender's coins here under `terms`; anyone may submit.
    /// @dev `signature` is the sender's `ReceiveWithAuthorization` of the coin: to this contract, `validAfter` 0, `validBefore`
    /// `expiry`, nonce = the id. So the coins move only under exactly these terms.
    ///
    /// **Requires**
    /// - the coin one of `coins` (EscrowCoinUnknown)
    /// - the amount above zero and at most 2^63 − 1 (EscrowAmountOutOfBounds)
    /// - a link key (ClaimLinkKeyMissing)
    /// - now < `expiry` (ClaimDeadlinePassed)
    /// - `expiry` at most 180 days away (ClaimExpiryTooFar)
    /// - `cancelFrom ≤ expiry` (ClaimCancelAfterExpiry)
    /// - the id no window nonce (EscrowIdTooLow)
    /// - the id new (ClaimStateInvalid)
    /// - the coin accepts the authorization; its own errors pass through
    /// - the balance here rose by exactly the amount (EscrowBalanceMismatch)
    ///
    /// **Ensures** the claim is Open; `held` rises by the amount, the sender has it less; other claims and credits are unchanged.
    ///
    /// **Emits** ClaimOpened, ClaimMoved from None with the caller as actor and no party; the coin emits AuthorizationUsed and
    /// Transfer.
    /// @return id the claim's id.
    function open(Claim calldata terms, bytes calldata signature) external returns (bytes32 id);

    /// @notice Pays a claim to the recipient that the link's key names; anyone may submit.
    /// @dev Copying the signatures from a pending transaction gains nothing: they name the recipient. The key is never a secret that
    /// is revealed. `attestorSignature` is the attestor's `AttestClaim` over the same three members; it is not looked at
    /// where the terms name no attestor.
    ///
    /// **Requires**
    /// - the claim Open (ClaimStateInvalid)
    /// - the order's deadline not passed (ClaimOrderExpired)
    /// - the recipient neither zero, this contract nor the coin (ClaimRecipientInvalid)
    /// - now < `expiry` (ClaimDeadlinePassed)
    /// - `linkSignature` of the link's key (ClaimSignatureInvalid)
    /// - `attestorSignature` of the attestor, where there is one (ClaimSignatureInvalid)
    /// - gas for the payment (EscrowGasTooLow)
    ///
    /// **Ensures** the claim is Claimed for ever; the recipient has the coins, or a credit where the coin refuses to pay: until then
    /// the travel rule between sender and recipient, for ever an escrow as the recipient.
    ///
    /// **Emits** ClaimMoved with the link's key as actor and the recipient as party, and EscrowCredited for a credit.
    function claim(ClaimTo calldata order, bytes calldata linkSignature, bytes calldata attestorSignature) external;

    /// @notice Gives a claim back to its sender by the `DeclineClaim` that the link's key signed; anyone may submit.
    /// @dev **Requires**
    /// - the claim Open (ClaimStateInvalid)
    /// - the order's deadline not passed (ClaimOrderExpired)
    /// - now < `expiry` (ClaimDeadlinePassed); from then on `reclaim` does the same
    /// - `linkSignature` of the link's key (ClaimSignatureInvalid)
    /// - gas for the payment (EscrowGasTooLow)
    ///
    /// **Ensures** the claim is Declined for ever; the sender has the coins, or a credit where the coin refuses to pay.
    ///
    /// **Emits** ClaimMoved with the link's key as actor and the sender as party, and EscrowCredited for a credit.
    function decline(bytes32 id, uint256 deadline, bytes calldata linkSignature) external;

    /// @notice Takes one's own claim back, from the moment the terms allow it; the caller is the sender.
    /// @dev **Requires**
    /// - the claim Open (ClaimStateInvalid)
    /// - the caller its sender (ClaimSenderOnly)
    /// - now ≥ `cancelFrom` (ClaimDeadlineNotReached)
    /// - now < `expiry` (ClaimDeadlinePassed); from then on `reclaim` does the same
    /// - gas for the payment (EscrowGasTooLow)
    ///
    /// **Ensures** the claim is Cancelled for ever; the sender has the coins, or a credit where the coin refuses to pay.
    ///
    /// **Emits** ClaimMoved with the sender as actor and as party, and EscrowCredited for a credit.
    function cancel(bytes32 id) external;

    /// @notice Takes a claim back by the sender's signed `CancelClaim`, which anyone may submit.
    /// @dev **Requires**
    /// - the claim Open (ClaimStateInvalid)
    /// - the order's deadline not passed (ClaimOrderExpired)
    /// - `signature` of the sender (ClaimSignatureInvalid)
    /// - then as `cancel` after the sender
    ///
    /// **Ensures** as `cancel`.
    ///
    /// **Emits** as `cancel`.
    function cancelBySig(bytes32 id, uint256 deadline, bytes calldata signature) external;

    /// @notice Returns a claim that expired to its sender; anyone may call.
    /// @dev **Requires**
    /// - the claim Open (ClaimStateInvalid)
    /// - now ≥ `expiry` (ClaimDeadlineNotReached)
    /// - gas for the payment (EscrowGasTooLow)
    ///
    /// **Ensures** the claim is Reclaimed for ever; the sender has the coins, or a credit where the coin refuses to pay.
    ///
    /// **Emits** ClaimMoved with the caller as actor and the sender as party, and EscrowCredited for a credit.
    function reclaim(bytes32 id) external;

    /// @notice The id of a claim under `terms`, before or after it is opened.
    function idOf(Claim calldata terms) external view returns (bytes32);

    /// @notice The state of a claim; None for an unknown id.
    function stateOf(bytes32 id) external view returns (State);

    /// @notice What is kept of a claim; zeros for an unknown id. Handle and salt are in ClaimOpened alone.
    function claimOf(
        bytes32 id
    )
        external
        view
        returns (
            State state,
            address coin,
            address sender,
            uint256 amount,
            address linkKey,
            address attestor,
            uint256 cancelFrom,
            uint256 expiry
        );

    /// @notice The EIP-712 separator of this contract on the present chain.
    // solhint-disable-next-line func-name-mixedcase
    function DOMAIN_SEPARATOR() external view returns (bytes32);
}
