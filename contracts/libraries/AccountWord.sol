// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title AccountWord
/// @notice The arithmetic of the one storage word that the coin keeps for an account.
/// @dev Layout, least significant bit first: balance 64 | frozen 64 | nonceBase 40 | nonceWindow 64 | vasp 16 | flags 8.
/// Promises: every function changes the fields it names and no others, as long as its stated conditions hold; it checks
/// none of them, because the coin has just done so.
/// Keeps: COIN-3 (nonces never re-open), COIN-6 (fields never bleed).
library AccountWord {
    /// @dev Flag: nothing may leave, and only escrows pay in.
    uint256 internal constant FROZEN_WHOLE = 1 << 248;
    /// @dev Flag: a registered escrow.
    uint256 internal constant ESCROW = 1 << 249;

    uint256 internal constant BALANCE_MASK = (1 << 64) - 1;
    uint256 internal constant FROZEN_MASK = BALANCE_MASK << 64;
    uint256 internal constant VASP_MASK = 0xffff << 232;
    uint256 internal constant FLAGS_MASK = 0xff << 248;

    /// @dev One test of these bits tells a payer without restrictions.
    uint256 internal constant PAYER_GUARD = FLAGS_MASK | FROZEN_MASK;
    /// @dev One test of these bits tells a payee without restrictions.
    uint256 internal constant PAYEE_GUARD = FLAGS_MASK;

    /// @dev Nonces below this live in the window, the others in the bitmap. 5 bytes in a settlement row.
    uint256 internal constant WINDOW_NONCES = 1 << 40;
    /// @dev Nonces that the window spans from its base.
    uint256 internal constant WINDOW_SIZE = 64;
    /// @dev The base never passes this, so that the window always ends inside its lane; its last bits then just stay set.
    uint256 internal constant MAX_BASE = WINDOW_NONCES - WINDOW_SIZE;
    /// @dev Highest base a holder can skip to: at least one nonce stays usable after any skip.
    uint256 internal constant MAX_SKIP = MAX_BASE - 1;

    uint256 private constant FROZEN_SHIFT = 64;
    uint256 private constant BASE_SHIFT = 128;
    uint256 private constant WINDOW_SHIFT = 168;
    uint256 private constant VASP_SHIFT = 232;
    uint256 private constant BASE_MASK = WINDOW_NONCES - 1;
    uint256 private constant WINDOW_MASK = (1 << 64) - 1;
    uint256 private constant NONCES_MASK = (BASE_MASK << BASE_SHIFT) | (WINDOW_MASK << WINDOW_SHIFT);

    function balance(uint256 word) internal pure returns (uint256) {
        return word & BALANCE_MASK;
    }

    function frozen(uint256 word) internal pure returns (uint256) {
        return (word >> FROZEN_SHIFT) & BALANCE_MASK;
    }

    function nonceBase(uint256 word) internal pure returns (uint256) {
        return (word >> BASE_SHIFT) & BASE_MASK;
    }

    function nonceWindow(uint256 word) internal pure returns (uint256) {
        return (word >> WINDOW_SHIFT) & WINDOW_MASK;
    }

    function vasp(uint256 word) internal pure returns (uint256) {
        return (word >> VASP_SHIFT) & 0xffff;
    }

    function isFrozenWhole(uint256 word) internal pure returns (bool) {
        return word & FROZEN_WHOLE != 0;
    }

    function isEscrow(uint256 word) internal pure returns (bool) {
        return word & ESCROW != 0;
    }

    /// @dev Whether the two accounts have families, and not the same one.
    function isAcross(uint256 word, uint256 other) internal pure returns (bool) {
        (uint256 own, uint256 foreign) = (vasp(word), vasp(other));
        return own != foreign && own != 0 && foreign != 0;
    }

    /// @dev Condition: newVasp < 2^16.
    function withVasp(uint256 word, uint256 newVasp) internal pure returns (uint256) {
        return (word & ~VASP_MASK) | (newVasp << VASP_SHIFT);
    }

    /// @dev What may leave of an account that is not frozen whole.
    function available(uint256 word) internal pure returns (uint256) {
        unchecked {
            (uint256 held, uint256 kept) = (balance(word), frozen(word));
            return held > kept ? held - kept : 0;
        }
    }

    /// @dev Condition: balance + amount < 2^64, which the supply cap guarantees.
    function credit(uint256 word, uint256 amount) internal pure returns (uint256) {
        unchecked {
            return word + amount;
        }
    }

    /// @dev Condition: amount ≤ balance.
    function debit(uint256 word, uint256 amount) internal pure returns (uint256) {
        unchecked {
            return word - amount;
        }
    }

    /// @dev Sets the freeze: 2^256 − 1 is the whole account, 0 none. Condition: otherwise amount < 2^64.
    function withFreeze(uint256 word, uint256 amount) internal pure returns (uint256) {
        word &= ~(FROZEN_WHOLE | FROZEN_MASK);
        return amount == type(uint256).max ? word | FROZEN_WHOLE : word | (amount << FROZEN_SHIFT);
    }

    /// @dev The amount that `withFreeze` was given.
    function freezeOf(uint256 word) internal pure returns (uint256) {
        return isFrozenWhole(word) ? type(uint256).max : frozen(word);
    }

    /// @dev What may be seized: all of an account that is frozen whole, otherwise the frozen coins that are there.
    function seizable(uint256 word) internal pure returns (uint256) {
        (uint256 held, uint256 kept) = (balance(word), frozen(word));
        return isFrozenWhole(word) || held < kept ? held : kept;
    }

    /// @dev Takes `amount` out of what is frozen; a whole freeze stays whole. Condition: amount ≤ `seizable`.
    function withSeized(uint256 word, uint256 amount) internal pure returns (uint256) {
        unchecked {
            return isFrozenWhole(word) ? word : word - (amount << FROZEN_SHIFT);
        }
    }

    /// @dev Whether a window nonce is spent. Condition: nonce < 2^40.
    function isSpent(uint256 word, uint256 nonce) internal pure returns (bool) {
        unchecked {
            uint256 base = nonceBase(word);
            if (nonce < base) return true;
            // a shift of 64 or more leaves nothing: nonces ahead of the window are unspent
            return (nonceWindow(word) >> (nonce - base)) & 1 != 0;
        }
    }

    /// @dev Whether a nonce, of any size, lies in the window and is unspent.
    function isUsable(uint256 word, uint256 nonce) internal pure returns (bool) {
        unchecked {
            // below the base the difference wraps and is far beyond the window
            uint256 offset = nonce - nonceBase(word);
            return offset < WINDOW_SIZE && (word >> (WINDOW_SHIFT + offset)) & 1 == 0;
        }
    }

    /// @dev Whether `nonce`, of any size, is the base and nothing else in the window is spent: payments in order.
    function isNext(uint256 word, uint256 nonce) internal pure returns (bool next) {
        uint256 nonces = (word & NONCES_MASK) >> BASE_SHIFT;
        uint256 end = MAX_BASE;
        assembly ("memory-safe") {
            next := and(eq(nonces, nonce), lt(nonce, end))
        }
    }

    /// @dev Spends the nonce at the base. Condition: `isNext`.
    function spendNext(uint256 word) internal pure returns (uint256) {
        unchecked {
            return word + (1 << BASE_SHIFT);
        }
    }

    /// @dev Spends a window nonce. Condition: `isUsable`.
    function spend(uint256 word, uint256 nonce) internal pure returns (uint256) {
        unchecked {
            uint256 base = nonceBase(word);
            if (nonce != base) return word | (1 << (WINDOW_SHIFT + nonce - base));
            return _withNonces(word, base, nonceWindow(word) | 1);
        }
    }

    /// @dev Spends all window nonces below `newBase`. Condition: base < newBase ≤ MAX_SKIP.
    function skip(uint256 word, uint256 newBase) internal pure returns (uint256) {
        unchecked {
            return _withNonces(word, newBase, nonceWindow(word) >> (newBase - nonceBase(word)));
        }
    }

    /// @dev Stores base and window, the base moved up over spent nonces.
    function _withNonces(uint256 word, uint256 base, uint256 window) private pure returns (uint256) {
        unchecked {
            while (window & 1 != 0 && base < MAX_BASE) {
                window >>= 1;
                ++base;
            }
            return (word & ~NONCES_MASK) | (base << BASE_SHIFT) | (window << WINDOW_SHIFT);
        }
    }
}
