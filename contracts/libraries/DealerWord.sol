// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title DealerWord
/// @notice The arithmetic of the one storage word that the Treasury keeps for a dealer.
/// @dev Layout, least significant bit first: tier 8 | level 64 | updatedAt 40. The level is what the bucket had at `updatedAt`;
/// it refills evenly, from empty to full in a day, and never above what the tier holds.
/// Promises: the bucket never has more than its tier holds, whatever the moment; refilling rounds down, so never in the
/// dealer's favour.
/// Assumes: time does not go back; what is spent was available; the tier is at most `HIGHEST_TIER`.
/// Keeps: TREASURY-7.
library DealerWord {
    uint256 internal constant HIGHEST_TIER = 4;

    /// @dev The time from empty to full: the tiers are meant per day.
    uint256 internal constant REFILL_TIME = 1 days;

    /// @dev The first tier holds ten times this, each further tier ten times the one before: 0.5, 5, 50, 500 million coins.
    uint256 private constant TENTH_OF_FIRST = 50_000 * 10 ** 6;

    uint256 private constant LEVEL_SHIFT = 8;
    uint256 private constant UPDATED_SHIFT = 72;
    uint256 private constant TIER_MASK = 0xff;
    uint256 private constant LEVEL_MASK = (1 << 64) - 1;

    function tier(uint256 word) internal pure returns (uint256) {
        return word & TIER_MASK;
    }

    /// @notice What the bucket of a tier holds; nothing when closed.
    function capacity(uint256 tier_) internal pure returns (uint256) {
        unchecked {
            return tier_ == 0 ? 0 : TENTH_OF_FIRST * 10 ** tier_;
        }
    }

    /// @notice What the bucket has at `time`.
    function available(uint256 word, uint256 time) internal pure returns (uint256 level) {
        unchecked {
            uint256 limit = capacity(tier(word));
            level = ((word >> LEVEL_SHIFT) & LEVEL_MASK) + ((time - (word >> UPDATED_SHIFT)) * limit) / REFILL_TIME;
            if (level > limit) level = limit;
        }
    }

    /// @notice The word with `level` in the bucket at `time`.
    function withLevel(uint256 word, uint256 level, uint256 time) internal pure returns (uint256) {
        return tier(word) | (level << LEVEL_SHIFT) | (time << UPDATED_SHIFT);
    }

    /// @notice The word in another tier from `time` on: full if it was closed, otherwise with what it has, if that fits.
    function withTier(uint256 word, uint256 newTier, uint256 time) internal pure returns (uint256) {
        uint256 limit = capacity(newTier);
        uint256 level = tier(word) == 0 ? limit : available(word, time);
        return withLevel(newTier, level > limit ? limit : level, time);
    }
}
