// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IEscrow} from "./IEscrow.sol";

/// @title IFxSwap
/// @notice Exchanges one party's coins of one currency for another party's coins of another, both or neither, in one transaction.
/// @dev Amounts are base units of the coin named. Times are Unix seconds. A quote is valid while `block.timestamp < validBefore`; an
/// order's own deadline is inclusive. Nothing stays here between two transactions: whatever a coin refuses undoes the
/// whole swap, so no credit ever arises. No role and no owner. Typed structs are fixed in docs/SIGNATURES.md.
interface IFxSwap is IEscrow {
    /// @notice What both parties agree to: the maker sells `sellAmount` of `sellCoin` to the taker for `buyAmount` of `buyCoin`. Its
    /// EIP-712 digest under this contract's domain is the quote's id.
    struct Quote {
        address maker;
        address taker;
        address sellCoin;
        uint256 sellAmount;
        address buyCoin;
        uint256 buyAmount;
        uint256 validBefore;
        bytes32 salt;
    }

    /// @notice A quote was carried out: the taker has `sellAmount` more of `sellCoin`, the maker `buyAmount` more of `buyCoin`.
    event Swapped(
        bytes32 indexed id,
        address indexed maker,
        address indexed taker,
        address sellCoin,
        uint256 sellAmount,
        address buyCoin,
        uint256 buyAmount
    );

    /// @notice The maker withdrew a quote for ever.
    event QuoteCancelled(bytes32 indexed id, address indexed maker);

    /// @notice Both legs of the quote are in the same `coin`.
    error FxSameCoin(address coin);

    /// @notice The `party` is the zero address, or maker and taker are one.
    error FxPartyInvalid(address party);

    /// @notice The quote was valid before `validBefore`; it is now `time`.
    error FxQuoteExpired(uint256 validBefore, uint256 time);

    /// @notice The quote is valid beyond the `limit`, 30 days from now.
    error FxQuoteTooLong(uint256 validBefore, uint256 limit);

    /// @notice The quote was carried out or cancelled before.
    error FxQuoteUsed(bytes32 id);

    /// @notice `caller` is not the `maker` of the quote.
    error FxMakerOnly(address caller, address maker);

    /// @notice The order's own deadline has passed.
    error FxOrderExpired(uint256 deadline, uint256 time);

    /// @notice The signature is not the `signer`'s over this order and this contract's domain.
    error FxSignatureInvalid(address signer);

    /// @notice Carries a quote out; anyone may submit.
    /// @dev Each party signs one thing, a `ReceiveWithAuthorization` of its own coin to this contract: the maker of `sellCoin` with the
    /// value `sellAmount`, the taker of `buyCoin` with the value `buyAmount`; `validAfter` 0, `validBefore` that of the quote,
    /// nonce = `legNonceOf(id, 1)` for the maker and `legNonceOf(id, 2)` for the taker. So neither leg moves except under
    /// exactly this quote and together with the other.
    ///
    /// **Requires**
    /// - `sellCoin` one of `coins` (EscrowCoinUnknown), `sellAmount` above zero and at most 2^63 − 1 (EscrowAmountOutOfBounds)
    /// - `buyCoin` and `buyAmount` likewise (EscrowCoinUnknown, EscrowAmountOutOfBounds)
    /// - two different coins (FxSameCoin)
    /// - a maker and a taker, not the same (FxPartyInvalid)
    /// - now < `validBefore` (FxQuoteExpired)
    /// - `validBefore` at most 30 days away (FxQuoteTooLong)
    /// - the quote neither carried out nor cancelled (FxQuoteUsed)
    /// - the nonces of the legs no window nonces (EscrowIdTooLow)
    /// - the coins accept both authorizations; their own errors pass through
    /// - the balances here rose by exactly the amounts (EscrowBalanceMismatch)
    /// - the coins pay both parties, travel rule included, each way; their own errors pass through
    ///
    /// **Ensures** the maker has `sellAmount` less and `buyAmount` more, the taker the reverse; the quote is used for ever; nothing is
    /// left here, and nobody else's balance changes.
    ///
    /// **Emits** Swapped; each coin emits AuthorizationUsed and two Transfers.
    /// @return id the quote's id.
    function swap(
        Quote calldata quote,
        bytes calldata makerSignature,
        bytes calldata takerSignature
    ) external returns (bytes32 id);

    /// @notice Withdraws one's own quote; the caller is its maker.
    /// @dev The taker needs no such step: it cancels its leg's authorization in the coin.
    ///
    /// **Requires**
    /// - the quote neither carried out nor cancelled (FxQuoteUsed)
    /// - the caller its maker (FxMakerOnly)
    ///
    /// **Ensures** the quote is used for ever; no coins move.
    ///
    /// **Emits** QuoteCancelled.
    function cancel(Quote calldata quote) external;

    /// @notice Withdraws a quote by the maker's signed `CancelQuote`, which anyone may submit.
    /// @dev **Requires**
    /// - the quote neither carried out nor cancelled (FxQuoteUsed)
    /// - the order's deadline not passed (FxOrderExpired)
    /// - `signature` of the maker (FxSignatureInvalid)
    ///
    /// **Ensures** as `cancel`.
    ///
    /// **Emits** as `cancel`.
    function cancelBySig(Quote calldata quote, uint256 deadline, bytes calldata signature) external;

    /// @notice The id of a quote.
    function idOf(Quote calldata quote) external view returns (bytes32);

    /// @notice The nonce of one leg's authorization: side 1 is the maker's, side 2 the taker's.
    function legNonceOf(bytes32 id, uint256 side) external pure returns (bytes32);

    /// @notice Whether a quote was carried out or cancelled.
    function quoteUsed(bytes32 id) external view returns (bool);

    /// @notice The EIP-712 separator of this contract on the present chain.
    // solhint-disable-next-line func-name-mixedcase
    function DOMAIN_SEPARATOR() external view returns (bytes32);
}
