// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Dispatcher} from "../../../contracts/Dispatcher.sol";
import {IStablecoin} from "../../../contracts/interfaces/IStablecoin.sol";
import {ClaimEscrow} from "../../../contracts/escrow/ClaimEscrow.sol";
import {CommerceEscrow} from "../../../contracts/escrow/CommerceEscrow.sol";
import {RedemptionEscrow} from "../../../contracts/escrow/RedemptionEscrow.sol";
import {IDispatcher} from "../../../contracts/interfaces/IDispatcher.sol";
import {IEscrow} from "../../../contracts/interfaces/IEscrow.sol";
import {IRedemptionEscrow} from "../../../contracts/interfaces/IRedemptionEscrow.sol";
import {Party} from "./Party.sol";
import {Town} from "./Town.sol";

/// @notice Somebody who has no part in anything: calls the public exits, through the dispatcher too, and lets time pass.
abstract contract Stranger is Party {
    address private constant CALLER = address(0xbeef);
    address private immutable _suite = msg.sender;

    /// @notice Hours, now and then days.
    function pass(uint256 seed) external step {
        _town.pass(seed % 4 == 0 ? seed % 4 days : seed % 8 hours);
        _count();
    }

    function reclaimClaim(uint256 seed) external step {
        (uint256 count, , , ) = _town.counts();
        for (uint256 k = 0; k < count; ++k) if (_endClaim(((seed % count) + k) % count, seed % 4 == 0)) return;
        _wait(seed);
    }

    function reclaimPayment(uint256 seed) external step {
        (, uint256 count, , ) = _town.counts();
        for (uint256 k = 0; k < count; ++k) if (_endPayment(((seed % count) + k) % count, seed % 4 == 0)) return;
        _wait(seed);
    }

    function reclaimRedemption(uint256 seed) external step {
        (, , uint256 count, ) = _town.counts();
        for (uint256 k = 0; k < count; ++k) if (_endRedemption(((seed % count) + k) % count, seed % 4 == 0)) return;
        _wait(seed);
    }

    function withdrawCredit(uint256 seed) external step {
        (, , , uint256 count) = _town.counts();
        for (uint256 k = 0; k < count; ++k) {
            uint256 i = ((seed % count) + k) % count;
            Town.Credit memory credit = _town.creditAt(i);
            if (credit.amount == 0) continue;
            _prepare(credit.coin, credit.payer, credit.party, credit.amount, seed);
            _withdraw(i, credit);
            return;
        }
        _wait(seed);
    }

    function burnPending(uint256 seed) external step {
        uint256 c = seed % 2;
        address escrow = address(_town.redemptions());
        bytes memory data = abi.encodeCall(RedemptionEscrow.burnPending, (address(_coin(c))));
        if (_call(CALLER, escrow, data)) _town.burnedPending(c);
        else _wait(seed);
    }

    function release(uint256 seed) external step {
        for (uint256 k = 0; k < 14; ++k) {
            (uint256 c, address account) = (((seed % 14) + k) % 2, _who((((seed % 14) + k) / 2) % 7));
            Town.Freeze memory freeze = _town.freezeOf(c, account);
            if (freeze.caseId == 0 || (freeze.until > _town.time() && seed % 4 != 0)) continue;
            bytes memory data = abi.encodeCall(IStablecoin.releaseExpired, (account));
            if (!_call(CALLER, address(_coin(c)), data)) return;
            if (_town.time() < freeze.until) _town.report("NETWORK-4: released before the freeze's end");
            _town.frozen(c, account, Town.Freeze(0, 0, 0));
            return;
        }
        _wait(seed);
    }

    /// @notice Everything there is to end, in one list; what cannot end costs only itself.
    function dispatch(uint256 seed) external step {
        (uint256 claims, uint256 payments, , ) = _town.counts();
        if (claims == 0 || payments == 0) return _wait(seed);
        (uint256 i, uint256 j) = (seed % claims, (seed / 16) % payments);
        Town.ClaimEntry memory claim = _town.claimAt(i);
        Town.PaymentEntry memory payment = _town.paymentAt(j);
        IDispatcher.Call[] memory list = new IDispatcher.Call[](2);
        bytes memory first = abi.encodeCall(ClaimEscrow.reclaim, (claim.id));
        bytes memory second = abi.encodeCall(CommerceEscrow.reclaim, (payment.terms));
        list[0] = IDispatcher.Call(address(_town.claims()), 1_000_000, first);
        list[1] = IDispatcher.Call(address(_town.commerce()), 1_000_000, second);
        Town.Payment memory one = _back(claim.coin, list[0].target, claim.terms.sender, claim.terms.amount);
        uint256 rest = payment.terms.amount - payment.captured - payment.voided;
        Town.Payment memory two = _back(payment.coin, list[1].target, payment.terms.payer, rest);
        if (!_call(CALLER, address(_town.dispatcher()), abi.encodeCall(Dispatcher.execute, (list)))) return;
        if (claim.open && uint256(_town.claims().stateOf(claim.id)) != 1) {
            _town.settled(one);
            _town.setClaim(i, false);
        }
        (, uint256 captured, uint256 voided, , , ) = _town.commerce().paymentOf(payment.id);
        if (rest > 0 && payment.terms.amount == captured + voided) {
            _town.settled(two);
            _closed(j, payment, rest);
        }
    }

    /// @notice Ends everything, long after the last deadline; afterwards nothing is owed but credits and what waits to be burned.
    function finish() external returns (string memory) {
        if (msg.sender != _suite) return "";
        _town.pass(400 days);
        (uint256 claims, uint256 payments, uint256 redemptions, uint256 credits) = _town.counts();
        for (uint256 i = 0; i < claims; ++i) _endClaim(i, true);
        for (uint256 i = 0; i < payments; ++i) _endPayment(i, true);
        for (uint256 i = 0; i < redemptions; ++i) _endRedemption(i, true);
        for (uint256 i = 0; i < credits; ++i) {
            Town.Credit memory credit = _town.creditAt(i);
            if (credit.amount > 0) _withdraw(i, credit);
        }
        for (uint256 c = 0; c < 2; ++c) {
            for (uint256 i = 8; i < 12; ++i) {
                if (_town.open(c, _who(i)) != 0) return "NETWORK-6: something stays open after its last deadline";
            }
        }
        return "";
    }

    /// @dev There was nothing to do.
    function _wait(uint256 seed) private {
        _town.pass(seed % 2 hours);
        _countFor(this.pass.selector);
    }

    /// @dev `any`: also before its end, when it has to fail.
    function _endClaim(uint256 i, bool any) private returns (bool done) {
        Town.ClaimEntry memory entry = _town.claimAt(i);
        if (!entry.open || (!any && _town.time() < entry.terms.expiry)) return false;
        address escrow = address(_town.claims());
        Town.Payment memory p = _back(entry.coin, escrow, entry.terms.sender, entry.terms.amount);
        done = _call(CALLER, escrow, abi.encodeCall(ClaimEscrow.reclaim, (entry.id)));
        if (!done) return false;
        if (_town.time() < entry.terms.expiry) _town.report("NETWORK-6: a stranger ended a claim before its deadline");
        _town.settled(p);
        _town.setClaim(i, false);
    }

    function _endPayment(uint256 i, bool any) private returns (bool done) {
        Town.PaymentEntry memory entry = _town.paymentAt(i);
        uint256 rest = entry.terms.amount - entry.captured - entry.voided;
        uint256 end = entry.terms.captureBy + (entry.disputed ? 15 days : 0);
        if (rest == 0 || (!any && _town.time() < end)) return false;
        address escrow = address(_town.commerce());
        Town.Payment memory p = _back(entry.coin, escrow, entry.terms.payer, rest);
        done = _call(CALLER, escrow, abi.encodeCall(CommerceEscrow.reclaim, (entry.terms)));
        if (!done) return false;
        if (_town.time() < end) _town.report("NETWORK-6: a stranger ended a payment before its deadline");
        _town.settled(p);
        _closed(i, entry, rest);
    }

    function _endRedemption(uint256 i, bool any) private returns (bool done) {
        Town.RedemptionEntry memory entry = _town.redemptionAt(i);
        if (entry.state == 4 || entry.state == 5) return false;
        IRedemptionEscrow.Redemption memory terms = entry.terms;
        uint256[7] memory ends = [0, terms.acceptBy, terms.payoutBy, terms.finalBy, 0, 0, terms.finalBy + 15 days];
        uint256 end = ends[entry.state];
        if (!any && _town.time() < end) return false;
        address escrow = address(_town.redemptions());
        Town.Payment memory p = _back(entry.coin, escrow, terms.holder, terms.amount);
        done = _call(CALLER, escrow, abi.encodeCall(RedemptionEscrow.reclaim, (entry.id)));
        if (!done) return false;
        if (_town.time() < end) _town.report("NETWORK-6: a stranger ended a redemption before its deadline");
        _town.settled(p);
        _town.setRedemption(i, 5);
    }

    function _withdraw(uint256 i, Town.Credit memory credit) private {
        Town.Payment memory p = _town.foresee(credit.coin, credit.escrow, credit.payer, credit.party, credit.amount);
        address coin = address(_coin(credit.coin));
        bytes memory data = abi.encodeCall(IEscrow.withdrawCredit, (coin, credit.payer, credit.party));
        if (_call(CALLER, credit.escrow, data)) _town.withdrawn(i, p);
    }

    /// @dev What goes back to whom it came from.
    function _back(
        uint256 c,
        address escrow,
        address party,
        uint256 amount
    ) private view returns (Town.Payment memory) {
        return _town.foresee(c, escrow, party, party, amount);
    }

    function _closed(uint256 i, Town.PaymentEntry memory entry, uint256 rest) private {
        entry.voided += rest;
        entry.disputed = false;
        _town.setPayment(i, entry);
    }
}
