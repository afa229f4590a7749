// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title IEscrow
/// @notice What every Remesa escrow offers: it says what it owes, and hands out what it could not pay when it was due.
/// @dev Amounts are base units of the coin named.
interface IEscrow {
    /// @notice Coins due to `party` could not be paid and wait for `withdrawCredit`.
    /// `payer` is who had paid them in.
    event EscrowCredited(
        bytes32 indexed id,
        address indexed coin,
        address indexed party,
        address payer,
        uint256 amount
    );

    /// @notice Coins that waited for `party` were paid to it.
    event EscrowCreditWithdrawn(address indexed coin, address indexed payer, address indexed party, uint256 amount);

    /// @notice The constructor's list holds an address without code or one twice.
    error EscrowCoinInvalid(address coin);

    /// @notice `coin` is not one of this escrow's coins.
    error EscrowCoinUnknown(address coin);

    /// @notice The `amount` is zero or above the `limit` any coin can hold.
    error EscrowAmountOutOfBounds(uint256 amount, uint256 limit);

    /// @notice The `id` lies among the coin's window nonces, below `lowest`.
    error EscrowIdTooLow(bytes32 id, uint256 lowest);

    /// @notice The coin moved this escrow's balance to `actual` where `expected` was due.
    error EscrowBalanceMismatch(address coin, uint256 expected, uint256 actual);

    /// @notice Too little gas is left to try a payment: `available` is below `needed`.
    error EscrowGasTooLow(uint256 available, uint256 needed);

    /// @notice Nothing of `payer` waits for `party` in `coin`.
    error EscrowNoCredit(address coin, address payer, address party);

    /// @notice A coin or a signer called back while a function of the escrow was running.
    error EscrowReentered();

    /// @notice Pays out what `payer` had paid in and waits for `party`; anyone may call.
    /// @dev **Requires**
    /// - something of `payer` waits for `party` (EscrowNoCredit)
    /// - the coin pays it, travel rule included; its own errors pass through
    ///
    /// **Ensures** `party`, and nobody else, has the whole credit more; the credit is zero; other credits and open amounts
    /// are unchanged.
    ///
    /// **Emits** EscrowCreditWithdrawn; the coin emits Transfer.
    function withdrawCredit(address coin, address payer, address party) external;

    /// @notice What `payer` had paid in and waits for `party` because it could not be paid when due.
    function creditOf(address coin, address payer, address party) external view returns (uint256);

    /// @notice Everything this escrow owes in `coin`: open amounts, credits, and amounts booked to be burned.
    /// @dev The escrow's balance is never below it.
    function held(address coin) external view returns (uint256);

    /// @notice The coins this escrow deals in; fixed at deployment.
    function coins() external view returns (address[] memory);
}
