// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {CoinWord} from "../../contracts/libraries/CoinWord.sol";

/// @title ConservationLemma
/// @notice Over any sequence of payments, batches, mints and burns the balances add up to the supply, which never passes the
/// cap (COIN-1).
/// @dev `_held` is the balance of one account, which is any; `_others` is the sum of all the rest. Payments among the others
/// and to oneself change neither. Each step checks what the coin checks and writes what the coin writes; who may ask is left
/// open, which only allows more. Both sums stay at or below the cap, so an amount within the room left cannot wrap a word.
contract ConservationLemma {
    uint256 private _held;
    uint256 private _others;
    uint256 private _supply;

    function mintToHolder(uint256 amount) external {
        require(amount <= CoinWord.SUPPLY_CAP - _supply);
        _supply += amount;
        _held += amount;
    }

    function mintToOthers(uint256 amount) external {
        require(amount <= CoinWord.SUPPLY_CAP - _supply);
        _supply += amount;
        _others += amount;
    }

    function burnByHolder(uint256 amount) external {
        require(amount <= _held);
        _supply -= amount;
        _held -= amount;
    }

    function burnByOthers(uint256 amount) external {
        require(amount <= _others);
        _supply -= amount;
        _others -= amount;
    }

    /// @dev transfer, transferFrom, the signed forms, payFrom, seize, and each row of a batch that is carried out. A batch is
    /// rows one after the other, and a row that is skipped changes nothing, so every batch is a sequence of these.
    function payOut(uint256 amount) external {
        require(amount <= _held);
        _held -= amount;
        _others += amount;
    }

    function payIn(uint256 amount) external {
        require(amount <= _others);
        _others -= amount;
        _held += amount;
    }

    function check() external view {
        assert(_held + _others == _supply);
        assert(_supply <= CoinWord.SUPPLY_CAP);
    }
}

/// @title SupplyLemma
/// @notice The supply is what was minted less what was burned.
contract SupplyLemma {
    uint256 private _supply;
    uint256 private _minted;
    uint256 private _burned;

    function mint(uint256 amount) external {
        require(amount <= CoinWord.SUPPLY_CAP - _supply);
        // The sum over all time: a word is more than anybody lives to fill.
        require(_minted <= type(uint256).max - amount);
        _supply += amount;
        _minted += amount;
    }

    function burn(uint256 amount) external {
        require(amount <= _supply);
        _supply -= amount;
        _burned += amount;
    }

    function check() external view {
        assert(_supply + _burned == _minted);
        assert(_supply <= CoinWord.SUPPLY_CAP);
    }
}
