// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Stablecoin} from "../../../contracts/Stablecoin.sol";
import {Party} from "./Party.sol";
import {Town} from "./Town.sol";

/// @notice People who pay each other in the coins: by call, by signature, one to many, and by what they allowed.
abstract contract Holders is Party {
    bytes32 private constant TRANSFER = keccak256(
        "TransferWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
    );
    bytes32 private constant DISBURSE = keccak256(
        "Disburse(address from,uint256 total,bytes32 rowsHash,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
    );

    function transfer(uint256 from, uint256 to, uint256 seed) external step {
        Town.Payment memory p = _draft(from, to, seed);
        address coin = address(_coin(p.coin));
        if (_call(p.payer, coin, abi.encodeCall(Stablecoin.transfer, (p.party, p.amount)))) _town.settled(p);
    }

    function payBySig(uint256 from, uint256 to, uint256 seed) external step {
        Town.Payment memory p = _draft(from, to, seed);
        Stablecoin coin = _coin(p.coin);
        bytes32 nonce = _town.nextId();
        uint256 end = _town.time() + 1;
        bytes32 structHash = keccak256(abi.encode(TRANSFER, p.payer, p.party, p.amount, 0, end, nonce));
        bytes memory signature = _town.sign(_town.keyAt(from % 6), coin.DOMAIN_SEPARATOR(), structHash);
        bytes memory data = abi.encodeWithSignature(
            "transferWithAuthorization(address,address,uint256,uint256,uint256,bytes32,bytes)",
            p.payer,
            p.party,
            p.amount,
            0,
            end,
            nonce,
            signature
        );
        if (!_call(address(this), address(coin), data)) return;
        _town.settled(p);
        (bool again, ) = address(coin).call(data);
        if (again) _town.report("NETWORK-5: a signature paid twice");
    }

    function spend(uint256 from, uint256 to, uint256 seed) external step {
        Town.Payment memory p = _draft(from, to, seed);
        Stablecoin coin = _coin(p.coin);
        address spender = _who(((from % 6) + 1) % 6);
        _call(p.payer, address(coin), abi.encodeCall(Stablecoin.approve, (spender, p.amount)));
        if (coin.allowance(p.payer, spender) != p.amount) return;
        if (_call(spender, address(coin), abi.encodeCall(Stablecoin.transferFrom, (p.payer, p.party, p.amount)))) {
            _town.settled(p);
        }
    }

    /// @notice Two payees; a row that is refused stays with the payer.
    function disburse(uint256 from, uint256 to, uint256 seed) external step {
        Town.Payment memory first = _draft(from, (from % 6) + 1 + (to % 2), seed);
        Town.Payment memory second = _draft(from, (from % 6) + 3 + (to % 2), seed);
        Stablecoin coin = _coin(first.coin);
        uint256 before = coin.balanceOf(first.party);
        uint256 beforeSecond = coin.balanceOf(second.party);
        if (!_call(address(this), address(coin), _encodeRows(coin, first, second, from % 6))) return;
        if (coin.balanceOf(first.party) != before) _town.settled(first);
        if (coin.balanceOf(second.party) != beforeSecond) _town.settled(second);
    }

    function _encodeRows(
        Stablecoin coin,
        Town.Payment memory first,
        Town.Payment memory second,
        uint256 person
    ) private returns (bytes memory) {
        bytes memory rows = abi.encodePacked(first.party, uint64(first.amount), second.party, uint64(second.amount));
        uint256 total = first.amount + second.amount;
        bytes32 nonce = _town.nextId();
        uint256 end = _town.time() + 1;
        bytes32 structHash = keccak256(abi.encode(DISBURSE, first.payer, total, keccak256(rows), 0, end, nonce));
        bytes memory signature = _town.sign(_town.keyAt(person), coin.DOMAIN_SEPARATOR(), structHash);
        return abi.encodeCall(Stablecoin.disburse, (first.payer, total, rows, 0, end, nonce, signature));
    }

    function _draft(uint256 from, uint256 to, uint256 seed) private returns (Town.Payment memory) {
        (address payer, address payee) = (_who(from % 6), _who(to % 6));
        (uint256 c, uint256 amount) = (seed % 2, _amount(seed / 2));
        _prepare(c, payer, payee, amount, seed / 8);
        return _town.foresee(c, address(0), payer, payee, amount);
    }
}
