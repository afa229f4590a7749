// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IStablecoin} from "../interfaces/IStablecoin.sol";
import {AccountWord} from "./AccountWord.sol";
import {CoinLedger} from "./CoinLedger.sol";

/// @title CoinFreezes
/// @notice The coin's freezes: the case of each, their end, and what may be seized under them.
/// @dev Promises: a freeze has exactly one case, and only under it is it lifted or are coins seized; seizing moves coins to
/// the one custody account and destroys none; an escrow is neither frozen nor seized.
/// Assumes: whoever calls has settled who may ask.
/// Keeps: COIN-2 of docs/INVARIANTS.md.
abstract contract CoinFreezes is CoinLedger {
    using AccountWord for uint256;

    struct FreezeCase {
        bytes32 caseId;
        uint256 until;
    }

    uint256 private constant PAUSE_FREEZE = 16;
    uint256 private constant PAUSE_SEIZE = 32;

    mapping(address account => FreezeCase) private _cases;
    address internal _custody;

    /// @inheritdoc IStablecoin
    function releaseExpired(address account) external {
        FreezeCase memory current = _cases[account];
        if (current.caseId == 0) revert StablecoinNotFrozen(account);
        if (block.timestamp < current.until) revert StablecoinFreezeNotEnded(account, current.until, block.timestamp);
        emit FreezeReleased(account, current.caseId, _lift(account), current.until);
    }

    /// @inheritdoc IStablecoin
    function custody() external view returns (address) {
        return _custody;
    }

    /// @inheritdoc IStablecoin
    function freezeCaseOf(address account) external view returns (bytes32 caseId, uint256 until) {
        FreezeCase storage current = _cases[account];
        return (current.caseId, current.until);
    }

    function _freeze(address account, uint256 amount, bytes32 caseId, uint256 until) internal {
        _requireNotPaused(PAUSE_FREEZE);
        if (account == address(0)) revert StablecoinAccountInvalid(account);
        uint256 word = _accounts[account].word;
        if (word.isEscrow()) revert StablecoinEscrowNotFreezable(account);
        if (caseId == 0) revert StablecoinCaseMissing(account);
        if (amount == 0 || (amount > type(uint64).max && amount != type(uint256).max)) {
            revert StablecoinFreezeAmountInvalid(amount, type(uint64).max);
        }
        if (until <= block.timestamp) revert StablecoinFreezeEndInvalid(until, block.timestamp);
        emit Frozen(account, caseId, _cases[account].caseId, word.freezeOf(), amount, until);
        _accounts[account].word = word.withFreeze(amount);
        _cases[account] = FreezeCase(caseId, until);
    }

    function _unfreeze(address account, bytes32 caseId) internal {
        _requireNotPaused(PAUSE_FREEZE);
        _requireCase(account, caseId);
        emit Unfrozen(account, caseId, _lift(account));
    }

    function _seize(address account, uint256 amount, bytes32 caseId) internal {
        _requireNotPaused(PAUSE_SEIZE);
        address keeper = _custody;
        if (keeper == address(0)) revert StablecoinCustodyMissing();
        if (account == keeper) revert StablecoinAccountInvalid(account);
        Account storage holder = _accounts[account];
        uint256 word = holder.word;
        if (word.isEscrow()) revert StablecoinEscrowNotSeizable(account);
        _requireCase(account, caseId);
        uint256 until = _cases[account].until;
        if (block.timestamp >= until) revert StablecoinFreezeEnded(account, until, block.timestamp);
        uint256 limit = word.seizable();
        if (amount == 0 || amount > limit) revert StablecoinSeizeAmountInvalid(account, amount, limit);
        Account storage kept = _accounts[keeper];
        uint256 keptWord = kept.word;
        if (keptWord.isFrozenWhole()) revert StablecoinFrozen(keeper);
        _write(holder, word.withSeized(amount), kept, keptWord, account, keeper, amount);
        emit Seized(account, caseId, keeper, amount);
    }

    /// @dev Whether a case, which no freeze may be left of, still names the account.
    function _hasCase(address account) internal view returns (bool) {
        return _cases[account].caseId != 0;
    }

    function _requireCase(address account, bytes32 caseId) private view {
        bytes32 current = _cases[account].caseId;
        if (current == 0) revert StablecoinNotFrozen(account);
        if (caseId != current) revert StablecoinCaseMismatch(account, caseId, current);
    }

    /// @dev Takes freeze and case away and returns the amount that was frozen.
    function _lift(address account) private returns (uint256 amount) {
        uint256 word = _accounts[account].word;
        amount = word.freezeOf();
        _accounts[account].word = word.withFreeze(0);
        delete _cases[account];
    }
}
