// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title ReservesWord
/// @notice The arithmetic of the one storage word that the Treasury keeps for a coin: all that minting asks of it.
/// @dev Layout, least significant bit first: attested 128 | asOf 40 | lifetime 24 | sunset 40 | minting 1. The lifetime is kept
/// with the attestation it was given under. The sunset is the moment the minting for deposits ends, zero if none was announced.
/// Promises: every function changes the fields it names and no others, as long as what it is given fits them; it checks
/// nothing, because the Treasury has just done so.
library ReservesWord {
    uint256 internal constant MAX_ATTESTED = type(uint128).max;
    uint256 internal constant MAX_TIME = type(uint40).max;

    uint256 private constant AS_OF_SHIFT = 128;
    uint256 private constant LIFETIME_SHIFT = 168;
    uint256 private constant SUNSET_SHIFT = 192;
    uint256 private constant LIFETIME_MASK = type(uint24).max;
    uint256 private constant MINTING = 1 << 232;

    function attested(uint256 word) internal pure returns (uint256) {
        return word & MAX_ATTESTED;
    }

    function asOf(uint256 word) internal pure returns (uint256) {
        return (word >> AS_OF_SHIFT) & MAX_TIME;
    }

    function lifetime(uint256 word) internal pure returns (uint256) {
        return (word >> LIFETIME_SHIFT) & LIFETIME_MASK;
    }

    function sunset(uint256 word) internal pure returns (uint256) {
        return (word >> SUNSET_SHIFT) & MAX_TIME;
    }

    /// @notice Whether a sunset was announced and came.
    function hasEnded(uint256 word, uint256 time) internal pure returns (bool) {
        unchecked {
            // without a sunset the difference wraps to the largest number there is
            return sunset(word) - 1 < time;
        }
    }

    function isMinting(uint256 word) internal pure returns (bool) {
        return word & MINTING != 0;
    }

    function withMinting(uint256 word, bool on) internal pure returns (uint256) {
        return on ? word | MINTING : word & ~MINTING;
    }

    function withSunset(uint256 word, uint256 moment) internal pure returns (uint256) {
        return (word & ~(MAX_TIME << SUNSET_SHIFT)) | (moment << SUNSET_SHIFT);
    }

    function withAttestation(
        uint256 word,
        uint256 amount,
        uint256 moment,
        uint256 seconds_
    ) internal pure returns (uint256) {
        uint256 rest = (word >> SUNSET_SHIFT) << SUNSET_SHIFT;
        return rest | amount | (moment << AS_OF_SHIFT) | (seconds_ << LIFETIME_SHIFT);
    }
}
