// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AccountWord} from "../../contracts/libraries/AccountWord.sol";

/// @title NonceLemma
/// @notice Over any sequence of payments, cancellations and skips a window nonce that was spent stays spent and is never usable
/// again, and none ahead of the window is spent (COIN-3).
/// @dev Follows one nonce, which is any: chosen once and held. `_bit` is the window's bit of it while it lies in the window.
/// The base moves one step at a time and whenever it likes, over other nonces without asking for their bits, which only allows
/// more than the coin does.
contract NonceLemma {
    uint256 private _nonce;
    uint256 private _base;
    bool private _bit;
    bool private _wasSpent;

    constructor(uint256 nonce) {
        require(nonce < AccountWord.WINDOW_NONCES);
        _nonce = nonce;
    }

    /// @dev A payment with the nonce, or its cancellation: the coin asks `isUsable`.
    function spend() external {
        require(_nonce >= _base && _nonce < _base + AccountWord.WINDOW_SIZE && !_bit);
        _bit = true;
        _wasSpent = true;
    }

    /// @dev The base over one spent nonce. A bit below the base is shifted out of the word.
    function advance() external {
        require(_base < AccountWord.MAX_BASE);
        if (_nonce == _base) {
            require(_bit);
            _bit = false;
        }
        _base += 1;
    }

    /// @dev The holder's skip: everything below the new base is spent by it.
    function skip(uint256 newBase) external {
        require(newBase > _base && newBase <= AccountWord.MAX_SKIP);
        if (_nonce < newBase) {
            _wasSpent = true;
            _bit = false;
        }
        _base = newBase;
    }

    function check() external view {
        assert((_nonce < _base || _bit) == _wasSpent);
        assert(_base <= AccountWord.MAX_BASE);
        // Nothing ahead of the window is spent.
        assert(!_wasSpent || _nonce < _base + AccountWord.WINDOW_SIZE);
    }
}
