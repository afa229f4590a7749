// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ClaimEscrow} from "../../../contracts/escrow/ClaimEscrow.sol";
import {FxSwap} from "../../../contracts/escrow/FxSwap.sol";
import {IClaimEscrow} from "../../../contracts/interfaces/IClaimEscrow.sol";
import {IFxSwap} from "../../../contracts/interfaces/IFxSwap.sol";
import {vm} from "../Cheats.sol";
import {Party} from "./Party.sol";
import {Town} from "./Town.sol";

/// @notice People who send by link and who swap.
abstract contract Users is Party {
    bytes32 private constant CLAIM_TO = keccak256("ClaimTo(bytes32 id,address recipient,uint256 deadline)");
    bytes32 private constant DECLINE = keccak256("DeclineClaim(bytes32 id,uint256 deadline)");

    ClaimEscrow private immutable _claims;
    FxSwap private immutable _swap;

    constructor() {
        (_claims, _swap) = (_town.claims(), _town.swap());
    }

    function openClaim(uint256 seed, uint256 gaps) external step {
        _open(seed, gaps);
    }

    function claim(uint256 seed, uint256 to) external step {
        (bool found, uint256 i, Town.ClaimEntry memory entry) = _find(seed);
        if (!found) return _open(seed, to);
        address recipient = _who(to % 6);
        _prepare(entry.coin, entry.terms.sender, recipient, entry.terms.amount, seed);
        IClaimEscrow.ClaimTo memory order = IClaimEscrow.ClaimTo(entry.id, recipient, _town.time());
        bytes memory signature = _town.sign(
            _town.LINK_KEY(),
            _claims.DOMAIN_SEPARATOR(),
            keccak256(abi.encode(CLAIM_TO, order))
        );
        Town.Payment memory p = _payment(entry, recipient);
        bytes memory data = abi.encodeCall(ClaimEscrow.claim, (order, signature, ""));
        if (_call(address(this), address(_claims), data)) _close(i, p);
    }

    /// @notice Back to the sender: declined with the link's key, or cancelled by the sender.
    function giveBack(uint256 seed) external step {
        (bool found, uint256 i, Town.ClaimEntry memory entry) = _find(seed / 2);
        if (!found) return _open(seed, seed / 2);
        Town.Payment memory p = _payment(entry, entry.terms.sender);
        bytes memory data = abi.encodeCall(ClaimEscrow.cancel, (entry.id));
        if (seed % 2 == 0) {
            bytes32 structHash = keccak256(abi.encode(DECLINE, entry.id, _town.time()));
            bytes memory signature = _town.sign(_town.LINK_KEY(), _claims.DOMAIN_SEPARATOR(), structHash);
            data = abi.encodeCall(ClaimEscrow.decline, (entry.id, _town.time(), signature));
        }
        if (_call(entry.terms.sender, address(_claims), data)) _close(i, p);
    }

    function swap(uint256 seed, uint256 other) external step {
        (uint256 maker, uint256 taker) = (seed % 6, other % 6);
        if (maker == taker) taker = (taker + 1) % 6;
        IFxSwap.Quote memory quote = IFxSwap.Quote({
            maker: _who(maker),
            taker: _who(taker),
            sellCoin: address(_coin(0)),
            sellAmount: _amount(seed / 8),
            buyCoin: address(_coin(1)),
            buyAmount: _amount(seed / 32),
            validBefore: _town.time() + 1,
            salt: _town.nextId()
        });
        _prepare(0, quote.maker, quote.taker, quote.sellAmount, seed / 128);
        _prepare(1, quote.taker, quote.maker, quote.buyAmount, seed / 128);
        bytes memory data = abi.encodeCall(FxSwap.swap, (quote, _leg(quote, maker, 1), _leg(quote, taker, 2)));
        Town.Payment memory sold = _town.foresee(0, address(0), quote.maker, quote.taker, quote.sellAmount);
        Town.Payment memory bought = _town.foresee(1, address(0), quote.taker, quote.maker, quote.buyAmount);
        if (!_call(address(this), address(_swap), data)) return;
        _town.settled(sold);
        _town.settled(bought);
    }

    function _open(uint256 seed, uint256 gaps) private {
        (uint256 count, , , ) = _town.counts();
        if (count == MOST) return;
        uint256 c = seed % 2;
        IClaimEscrow.Claim memory terms = IClaimEscrow.Claim({
            coin: address(_coin(c)),
            sender: _who((seed / 2) % 6),
            amount: _amount(seed / 16),
            linkKey: vm.addr(_town.LINK_KEY()),
            attestor: address(0),
            handle: 0,
            cancelFrom: _town.time() + (gaps % 1 days),
            expiry: _town.time() + 1 days + (gaps % 9 days),
            salt: _town.nextId()
        });
        bytes32 id = _claims.idOf(terms);
        bytes memory signature = _town.signPull(c, (seed / 2) % 6, address(_claims), terms.amount, terms.expiry, id);
        if (
            !_callFor(
                this.openClaim.selector,
                address(this),
                address(_claims),
                abi.encodeCall(ClaimEscrow.open, (terms, signature))
            )
        ) return;
        _town.took(c, terms.sender, address(_claims), terms.amount);
        _town.addClaim(Town.ClaimEntry(terms, c, id, true));
    }

    function _leg(IFxSwap.Quote memory quote, uint256 person, uint256 side) private view returns (bytes memory) {
        bytes32 nonce = _swap.legNonceOf(_swap.idOf(quote), side);
        uint256 amount = side == 1 ? quote.sellAmount : quote.buyAmount;
        return _town.signPull(side - 1, person, address(_swap), amount, quote.validBefore, nonce);
    }

    function _payment(Town.ClaimEntry memory entry, address party) private view returns (Town.Payment memory) {
        return _town.foresee(entry.coin, address(_claims), entry.terms.sender, party, entry.terms.amount);
    }

    function _close(uint256 i, Town.Payment memory p) private {
        _town.settled(p);
        _town.setClaim(i, false);
    }

    function _find(uint256 seed) private view returns (bool found, uint256 i, Town.ClaimEntry memory entry) {
        (uint256 count, , , ) = _town.counts();
        for (uint256 k = 0; k < count; ++k) {
            i = ((seed % count) + k) % count;
            entry = _town.claimAt(i);
            if (entry.open) return (true, i, entry);
        }
    }
}
