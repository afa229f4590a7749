// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {RedemptionEscrow} from "../../../contracts/escrow/RedemptionEscrow.sol";
import {IRedemptionEscrow} from "../../../contracts/interfaces/IRedemptionEscrow.sol";
import {vm} from "../Cheats.sol";
import {Party} from "./Party.sol";
import {Town} from "./Town.sol";

/// @notice Holders who redeem, the bank desk that pays them, and the arbiter between them.
abstract contract Desk is Party {
    RedemptionEscrow private immutable _escrow;

    constructor() {
        _escrow = _town.redemptions();
    }

    function lock(uint256 seed, uint256 gaps) external step {
        _lock(seed, gaps);
    }

    function cancel(uint256 seed) external step {
        (bool found, uint256 i, Town.RedemptionEntry memory entry) = _find(seed, 1);
        if (!found || seed % 3 != 0) return _lock(seed, seed / 2);
        _return(i, entry, entry.terms.holder, abi.encodeCall(RedemptionEscrow.cancel, (entry.id)));
    }

    function accept(uint256 seed) external step {
        (bool found, uint256 i, Town.RedemptionEntry memory entry) = _find(seed, 1);
        if (!found) return _lock(seed, seed / 2);
        bytes memory data = abi.encodeCall(RedemptionEscrow.accept, (entry.id));
        if (_call(_town.AGENT(), address(_escrow), data)) _town.setRedemption(i, 2);
    }

    function reject(uint256 seed) external step {
        (bool found, uint256 i, Town.RedemptionEntry memory entry) = _find(seed, 1 + (seed % 2));
        if (!found || seed % 3 != 0) return _lock(seed, seed / 2);
        _return(i, entry, _town.AGENT(), abi.encodeCall(RedemptionEscrow.reject, (entry.id, bytes32(seed))));
    }

    function markSent(uint256 seed) external step {
        (bool found, uint256 i, Town.RedemptionEntry memory entry) = _find(seed, 2);
        if (!found) return _lock(seed, seed / 2);
        bytes memory data = abi.encodeCall(RedemptionEscrow.markSent, (entry.id, bytes32(seed)));
        if (_call(_town.AGENT(), address(_escrow), data)) _town.setRedemption(i, 3);
    }

    function confirm(uint256 seed) external step {
        (bool found, uint256 i, Town.RedemptionEntry memory entry) = _find(seed, 3);
        if (!found) return _lock(seed, seed / 2);
        bytes memory data = abi.encodeCall(RedemptionEscrow.confirm, (entry.id, bytes32(seed)));
        if (_call(_town.AGENT(), address(_escrow), data)) _burned(i, entry);
    }

    function dispute(uint256 seed) external step {
        (bool found, uint256 i, Town.RedemptionEntry memory entry) = _find(seed, 3);
        if (!found) return _lock(seed, seed / 2);
        bytes memory data = abi.encodeCall(RedemptionEscrow.dispute, (entry.id));
        if (_call(entry.terms.holder, address(_escrow), data)) _town.setRedemption(i, 6);
    }

    function resolve(uint256 seed, bool paid) external step {
        (bool found, uint256 i, Town.RedemptionEntry memory entry) = _find(seed, 6);
        if (!found) return _lock(seed, seed / 2);
        bytes memory data = abi.encodeCall(RedemptionEscrow.resolve, (entry.id, paid, bytes32(seed)));
        address arbiter = vm.addr(_town.ARBITER_KEY());
        if (!paid) _return(i, entry, arbiter, data);
        else if (_call(arbiter, address(_escrow), data)) _burned(i, entry);
    }

    function _lock(uint256 seed, uint256 gaps) private {
        (, , uint256 count, ) = _town.counts();
        if (count == MOST) return;
        (uint256 c, uint256 holder) = (seed % 2, (seed / 2) % 6);
        uint256 acceptBy = _town.time() + 1 days + (gaps % 3 days);
        IRedemptionEscrow.Redemption memory terms = IRedemptionEscrow.Redemption({
            coin: address(_coin(c)),
            holder: _who(holder),
            amount: _amount(seed / 16),
            payout: 0,
            acceptBy: acceptBy,
            payoutBy: acceptBy + 2 days,
            finalBy: acceptBy + 4 days,
            salt: _town.nextId()
        });
        bytes32 id = _escrow.idOf(terms);
        bytes memory signature = _town.signPull(c, holder, address(_escrow), terms.amount, acceptBy, id);
        if (
            !_callFor(
                this.lock.selector,
                address(this),
                address(_escrow),
                abi.encodeCall(RedemptionEscrow.lock, (terms, signature))
            )
        ) return;
        _town.took(c, terms.holder, address(_escrow), terms.amount);
        _town.addRedemption(Town.RedemptionEntry(terms, c, id, 1, false));
    }

    function _burned(uint256 i, Town.RedemptionEntry memory entry) private {
        _town.burnedOf(entry.coin, entry.terms.amount);
        _town.setRedemption(i, 4);
    }

    function _return(uint256 i, Town.RedemptionEntry memory entry, address caller, bytes memory data) private {
        address holder = entry.terms.holder;
        Town.Payment memory p = _town.foresee(entry.coin, address(_escrow), holder, holder, entry.terms.amount);
        if (!_call(caller, address(_escrow), data)) return;
        _town.settled(p);
        _town.setRedemption(i, 5);
    }

    function _find(
        uint256 seed,
        uint256 state
    ) private view returns (bool found, uint256 i, Town.RedemptionEntry memory entry) {
        (, , uint256 count, ) = _town.counts();
        for (uint256 k = 0; k < count; ++k) {
            i = ((seed % count) + k) % count;
            entry = _town.redemptionAt(i);
            if (entry.state == state) return (true, i, entry);
        }
    }
}
