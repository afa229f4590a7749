// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title CoinWord
/// @notice The arithmetic of the one storage word that the coin keeps for itself.
/// @dev Layout, least significant bit first: totalSupply 64 | paused bits 8 | travel-rule limit 64.
/// Promises: every function changes the fields it names and no others, as long as its stated conditions hold.
library CoinWord {
    /// @dev Fits a signed 64-bit integer, so that every database holds any amount; no sum of balances passes 64 bits.
    uint256 internal constant SUPPLY_CAP = (1 << 63) - 1;
    /// @dev No supply, nothing paused, and a limit that no amount reaches.
    uint256 internal constant INITIAL = ((1 << 64) - 1) << 72;

    /// @dev The highest limit, which means off.
    uint256 internal constant MAX_LIMIT = (1 << 64) - 1;

    uint256 private constant LIMIT_SHIFT = 72;
    uint256 private constant LIMIT_MASK = MAX_LIMIT << LIMIT_SHIFT;
    uint256 private constant SUPPLY_MASK = (1 << 64) - 1;
    uint256 private constant PAUSED_SHIFT = 64;
    uint256 private constant PAUSED_MASK = 0xff << PAUSED_SHIFT;

    function totalSupply(uint256 word) internal pure returns (uint256) {
        return word & SUPPLY_MASK;
    }

    function paused(uint256 word) internal pure returns (uint256) {
        return (word & PAUSED_MASK) >> PAUSED_SHIFT;
    }

    /// @dev From this amount on a payment between two families needs an attestation.
    function travelLimit(uint256 word) internal pure returns (uint256) {
        return (word & LIMIT_MASK) >> LIMIT_SHIFT;
    }

    /// @dev Condition: supply < 2^64.
    function withTotalSupply(uint256 word, uint256 supply) internal pure returns (uint256) {
        return (word & ~SUPPLY_MASK) | supply;
    }

    /// @dev Condition: bits < 2^8.
    function withPaused(uint256 word, uint256 bits) internal pure returns (uint256) {
        return (word & ~PAUSED_MASK) | (bits << PAUSED_SHIFT);
    }

    /// @dev Condition: limit ≤ MAX_LIMIT.
    function withTravelLimit(uint256 word, uint256 limit) internal pure returns (uint256) {
        return (word & ~LIMIT_MASK) | (limit << LIMIT_SHIFT);
    }
}
