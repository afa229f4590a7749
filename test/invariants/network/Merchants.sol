// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {CommerceEscrow} from "../../../contracts/escrow/CommerceEscrow.sol";
import {ICommerceEscrow} from "../../../contracts/interfaces/ICommerceEscrow.sol";
import {vm} from "../Cheats.sol";
import {Party} from "./Party.sol";
import {Town} from "./Town.sol";

/// @notice Payers and merchants, with a fee for somebody and an arbiter for their disputes.
abstract contract Merchants is Party {
    bytes32 private constant CAPTURE = keccak256(
        "Capture(bytes32 id,uint256 amount,uint256 captured,uint256 voided,uint256 feeBps,bool voidRest,uint256 deadline)"
    );
    bytes32 private constant VOID = keccak256(
        "Void(bytes32 id,uint256 amount,uint256 captured,uint256 voided,uint256 deadline)"
    );
    bytes32 private constant RESOLVE = keccak256(
        "ResolvePayment(bytes32 id,uint256 toMerchant,uint256 captured,uint256 voided,uint256 feeBps,uint256 deadline)"
    );

    CommerceEscrow private immutable _escrow;

    constructor() {
        _escrow = _town.commerce();
    }

    function authorize(uint256 seed, uint256 gaps) external step {
        _authorize(seed, gaps);
    }

    /// @notice All that remains or a part; sometimes the rest goes back with it.
    function capture(uint256 seed, uint256 part) external step {
        (bool found, uint256 i, Town.PaymentEntry memory entry) = _find(seed, false);
        if (!found) return _authorize(seed, seed / 2);
        uint256 remaining = _remaining(entry);
        ICommerceEscrow.Capture memory order = ICommerceEscrow.Capture({
            id: entry.id,
            amount: part % 2 == 0 ? remaining : 1 + (part % remaining),
            captured: entry.captured,
            voided: entry.voided,
            feeBps: entry.captured > 0 ? entry.feeBps : (seed / 8) % 501,
            voidRest: part % 3 == 0,
            deadline: _town.time()
        });
        bytes memory signature = _sign(_keyOf(entry.terms.merchant), keccak256(abi.encode(CAPTURE, order)));
        bytes memory data = abi.encodeCall(CommerceEscrow.capture, (entry.terms, order, signature));
        uint256 rest = order.voidRest ? remaining - order.amount : 0;
        _divide(i, entry, data, [order.amount, order.feeBps, rest, seed / 8]);
    }

    function void(uint256 seed, uint256 part) external step {
        (bool found, uint256 i, Town.PaymentEntry memory entry) = _find(seed, part % 4 == 0);
        if (!found) return _authorize(seed, seed / 2);
        uint256 amount = 1 + (part % _remaining(entry));
        ICommerceEscrow.Void memory order = ICommerceEscrow.Void(
            entry.id,
            amount,
            entry.captured,
            entry.voided,
            _town.time()
        );
        bytes memory signature = _sign(_keyOf(entry.terms.merchant), keccak256(abi.encode(VOID, order)));
        bytes memory data = abi.encodeCall(CommerceEscrow.void, (entry.terms, order, signature));
        _divide(i, entry, data, [0, 0, amount, 0]);
    }

    function dispute(uint256 seed) external step {
        (bool found, uint256 i, Town.PaymentEntry memory entry) = _find(seed, false);
        if (!found) return _authorize(seed, seed / 2);
        bytes memory data = abi.encodeCall(CommerceEscrow.dispute, (entry.terms));
        if (!_call(entry.terms.payer, address(_escrow), data)) return;
        entry.disputed = true;
        _town.setPayment(i, entry);
    }

    function resolve(uint256 seed, uint256 part) external step {
        (bool found, uint256 i, Town.PaymentEntry memory entry) = _find(seed, true);
        if (!found) return _authorize(seed, seed / 2);
        uint256 remaining = _remaining(entry);
        ICommerceEscrow.ResolvePayment memory order = ICommerceEscrow.ResolvePayment({
            id: entry.id,
            toMerchant: part % (remaining + 1),
            captured: entry.captured,
            voided: entry.voided,
            feeBps: entry.captured > 0 ? entry.feeBps : (seed / 8) % 501,
            deadline: _town.time()
        });
        bytes memory signature = _sign(_town.ARBITER_KEY(), keccak256(abi.encode(RESOLVE, order)));
        bytes memory data = abi.encodeCall(CommerceEscrow.resolve, (entry.terms, order, signature));
        _divide(i, entry, data, [order.toMerchant, order.feeBps, remaining - order.toMerchant, seed / 8]);
    }

    function refund(uint256 seed, uint256 part) external step {
        (, uint256 count, , ) = _town.counts();
        for (uint256 k = 0; k < count; ++k) {
            uint256 i = ((seed % count) + k) % count;
            Town.PaymentEntry memory entry = _town.paymentAt(i);
            uint256 most = entry.captured - entry.refunded;
            if (most == 0) continue;
            _refund(i, entry, part % 2 == 0 ? most : 1 + (part % most), seed / 8);
            return;
        }
        _authorize(seed, part);
    }

    function _authorize(uint256 seed, uint256 gaps) private {
        (, uint256 count, , ) = _town.counts();
        if (count == MOST) return;
        (uint256 c, uint256 payer) = (seed % 2, (seed / 2) % 6);
        uint256 captureBy = _town.time() + 1 days + (gaps % 5 days);
        ICommerceEscrow.Payment memory terms = ICommerceEscrow.Payment({
            coin: address(_coin(c)),
            payer: _who(payer),
            merchant: _who((payer + 1 + ((seed / 16) % 5)) % 6),
            amount: _amount(seed / 128),
            feeReceiver: _who(6),
            minFeeBps: 0,
            maxFeeBps: 500,
            arbiter: vm.addr(_town.ARBITER_KEY()),
            authorizeBy: captureBy,
            captureBy: captureBy,
            refundBy: captureBy + 5 days,
            salt: _town.nextId()
        });
        bytes32 id = _escrow.idOf(terms);
        bytes memory signature = _town.signPull(c, payer, address(_escrow), terms.amount, captureBy, id);
        bytes memory data = abi.encodeCall(CommerceEscrow.authorize, (terms, signature));
        if (!_callFor(this.authorize.selector, address(this), address(_escrow), data)) return;
        _town.took(c, terms.payer, address(_escrow), terms.amount);
        _town.addPayment(Town.PaymentEntry(terms, c, id, 0, 0, 0, 0, false));
    }

    function _refund(uint256 i, Town.PaymentEntry memory entry, uint256 amount, uint256 seed) private {
        ICommerceEscrow.Payment memory terms = entry.terms;
        _prepare(entry.coin, terms.merchant, terms.payer, amount, seed);
        Town.Payment memory p = _town.foresee(entry.coin, address(_escrow), terms.merchant, terms.payer, amount);
        bytes32 nonce = _escrow.refundNonceOf(entry.id, entry.refunded);
        uint256 person = _keyOf(terms.merchant) - _town.keyAt(0);
        bytes memory signature = _town.signPull(entry.coin, person, address(_escrow), amount, terms.refundBy, nonce);
        bytes memory data = abi.encodeCall(CommerceEscrow.refund, (terms, amount, entry.refunded, signature));
        if (!_call(address(this), address(_escrow), data)) return;
        _town.took(entry.coin, terms.merchant, address(_escrow), amount);
        _town.settled(p);
        entry.refunded += amount;
        _town.setPayment(i, entry);
    }

    /// @dev `given` is what is captured, its rate, what goes back to the payer, and a seed.
    function _divide(uint256 i, Town.PaymentEntry memory entry, bytes memory data, uint256[4] memory given) private {
        (uint256 amount, uint256 bps, uint256 rest) = (given[0], given[1], given[2]);
        uint256 fee = ((entry.captured + amount) * bps) / 10_000 - (entry.captured * bps) / 10_000;
        ICommerceEscrow.Payment memory terms = entry.terms;
        _prepare(entry.coin, terms.payer, terms.merchant, amount - fee, given[3]);
        Town.Payment[3] memory payments = [
            _town.foresee(entry.coin, address(_escrow), terms.payer, terms.merchant, amount - fee),
            _town.foresee(entry.coin, address(_escrow), terms.payer, terms.feeReceiver, fee),
            _town.foresee(entry.coin, address(_escrow), terms.payer, terms.payer, rest)
        ];
        if (!_call(address(this), address(_escrow), data)) return;
        for (uint256 k = 0; k < 3; ++k) _town.settled(payments[k]);
        entry.captured += amount;
        entry.voided += rest;
        if (amount > 0) entry.feeBps = bps;
        if (_remaining(entry) == 0) entry.disputed = false;
        _town.setPayment(i, entry);
    }

    function _sign(uint256 key, bytes32 structHash) private view returns (bytes memory) {
        return _town.sign(key, _escrow.DOMAIN_SEPARATOR(), structHash);
    }

    function _keyOf(address person) private view returns (uint256 key) {
        for (uint256 i = 0; i < 6; ++i) {
            if (_who(i) == person) key = _town.keyAt(i);
        }
    }

    function _remaining(Town.PaymentEntry memory entry) private pure returns (uint256) {
        return entry.terms.amount - entry.captured - entry.voided;
    }

    function _find(
        uint256 seed,
        bool disputed
    ) private view returns (bool found, uint256 i, Town.PaymentEntry memory entry) {
        (, uint256 count, , ) = _town.counts();
        for (uint256 k = 0; k < count; ++k) {
            i = ((seed % count) + k) % count;
            entry = _town.paymentAt(i);
            if (_remaining(entry) > 0 && entry.disputed == disputed) return (true, i, entry);
        }
    }
}
