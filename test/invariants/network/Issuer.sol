// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Treasury} from "../../../contracts/Treasury.sol";
import {Party} from "./Party.sol";
import {Town} from "./Town.sol";

/// @notice The issuer's side: attestor, dealer and the switch.
abstract contract Issuer is Party {
    bytes32 private _lastDeposit;

    /// @notice Reserves that leave room for more, or are short.
    function attest(uint256 seed) external step {
        uint256 c = seed % 2;
        _town.pass(1);
        uint256 amount = _coin(c).totalSupply() + 1e12;
        if (seed % 16 < 2) amount -= 2e12;
        _attest(c, amount);
    }

    function mint(uint256 seed, uint256 to) external step {
        uint256 c = seed % 2;
        _renew(c);
        bytes32 deposit = seed % 8 == 1 ? _lastDeposit : _town.nextId();
        (address payee, uint256 amount) = (_who(to % 6), _amount(seed / 8));
        bytes memory data = abi.encodeCall(Treasury.mint, (address(_coin(c)), deposit, payee, amount));
        bool used = _town.treasury().depositUsed(deposit);
        if (!_call(_town.DEALER(), address(_town.treasury()), data)) return;
        if (used) _town.report("NETWORK-1: a deposit was minted twice");
        _town.mintedTo(c, payee, amount);
        _lastDeposit = deposit;
    }

    /// @notice The payout of a burned redemption came back.
    function mintReturn(uint256 seed) external step {
        (, , uint256 count, ) = _town.counts();
        for (uint256 k = 0; k < count; ++k) {
            uint256 i = ((seed % count) + k) % count;
            Town.RedemptionEntry memory entry = _town.redemptionAt(i);
            if (entry.state != 4 || (entry.returned && seed % 4 != 0)) continue;
            _renew(entry.coin);
            bytes memory data = abi.encodeCall(Treasury.mintReturn, (entry.terms.coin, entry.id, entry.terms.amount));
            if (!_call(_town.DEALER(), address(_town.treasury()), data)) return;
            _town.setReturned(i);
            _town.mintedTo(entry.coin, entry.terms.holder, entry.terms.amount);
            return;
        }
    }

    function toggle(uint256 seed) external step {
        bool on = seed % 6 != 0;
        address coin = address(_coin(seed % 2));
        _call(_town.ATTESTOR(), address(_town.treasury()), abi.encodeCall(Treasury.setMinting, (coin, on)));
    }

    /// @dev A report before the old one is stale.
    function _renew(uint256 c) private {
        (, , uint256 staleAt) = _town.treasury().attestation(address(_coin(c)));
        if (staleAt > _town.time()) return;
        _attest(c, _coin(c).totalSupply() + 1e12);
    }

    function _attest(uint256 c, uint256 amount) private {
        bytes memory data = abi.encodeCall(Treasury.attest, (address(_coin(c)), amount, _town.time(), bytes32(0)));
        if (_call(_town.ATTESTOR(), address(_town.treasury()), data)) _town.attestedReserves(c, amount);
    }
}
