// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title ControlLemma
/// @notice False on purpose: a payment to oneself written like one between two accounts makes coins out of nothing.
/// @dev A prover that does not refute this proves nothing with the other lemmas.
/// @custom:refuted
contract ControlLemma {
    uint256 private _balance = 100;

    function transferToSelf(uint256 amount) external {
        require(amount <= _balance);
        uint256 debited = _balance - amount;
        uint256 credited = _balance + amount;
        _balance = debited;
        _balance = credited;
        assert(_balance == 100);
    }
}
