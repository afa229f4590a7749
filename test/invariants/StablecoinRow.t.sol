// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {PayeeRow} from "../../contracts/libraries/PayeeRow.sol";
import {Authorization, SettlementRow} from "../../contracts/libraries/SettlementRow.sol";

/// @title StablecoinRowTest
/// @notice Rows written with the compiler's own packing, read back by the decoder.
contract StablecoinRowTest {
    struct Fields {
        address from;
        address to;
        uint64 value;
        uint40 validBefore;
        uint40 narrowNonce;
        bytes32 wideNonce;
        uint40 validAfter;
        bytes32 memo;
    }

    /// @dev The decoder over dirty memory, as in the middle of a batch.
    function decode(
        bytes calldata rows,
        uint256 offset
    ) external pure returns (uint256 kind, uint256 signature, uint256 next, Authorization memory a) {
        bytes32 dirt = bytes32(type(uint256).max);
        a = Authorization(dirt, address(type(uint160).max), address(type(uint160).max), 1, 2, 3, dirt, dirt);
        (kind, signature, next) = SettlementRow.decode(rows, offset, a);
    }

    function hash(Authorization memory a, uint256 kind) external pure returns (bytes32) {
        return SettlementRow.structHash(a, kind);
    }

    function testFuzz_readsWhatWasWritten(
        Fields memory f,
        uint8 options,
        bytes memory before,
        bytes memory signature
    ) external view {
        uint256 kind = 1 | ((uint256(options) << 1) & 0x1e);
        bool wide = kind & SettlementRow.WIDE_NONCE != 0;
        bool long = kind & SettlementRow.LONG_SIGNATURE != 0;
        if (wide && uint256(f.wideNonce) < 2 ** 40) return;
        if (signature.length > 4_096) return;
        if (!long) signature = new bytes(64);

        bytes memory row = abi.encodePacked(uint8(kind), f.from, f.to, f.value, f.validBefore);
        row = wide ? abi.encodePacked(row, f.wideNonce) : abi.encodePacked(row, f.narrowNonce);
        if (kind & SettlementRow.VALID_AFTER != 0) row = abi.encodePacked(row, f.validAfter);
        if (kind & SettlementRow.MEMO != 0) row = abi.encodePacked(row, f.memo);
        if (long) row = abi.encodePacked(row, uint16(signature.length));
        uint256 start = before.length + row.length;
        bytes memory rows = abi.encodePacked(before, row, signature, before);

        (uint256 readKind, uint256 place, uint256 next, Authorization memory a) = this.decode(rows, before.length);
        require(readKind == kind && place == start && next == start + signature.length, "row: bounds");
        require(a.from == f.from && a.to == f.to && a.value == f.value, "row: payment");
        require(a.validBefore == f.validBefore, "row: validBefore");
        require(a.validAfter == (kind & SettlementRow.VALID_AFTER != 0 ? f.validAfter : 0), "row: validAfter");
        require(a.nonce == (wide ? f.wideNonce : bytes32(uint256(f.narrowNonce))), "row: nonce");
        _requireHash(f, kind, a);
    }

    function _requireHash(Fields memory f, uint256 kind, Authorization memory a) private view {
        bytes memory words = abi.encode(a.typeHash, f.from, f.to, f.value, a.validAfter, f.validBefore, a.nonce);
        if (kind & SettlementRow.MEMO != 0) {
            require(a.typeHash == SettlementRow.MEMO_TYPEHASH && a.memo == f.memo, "row: memo");
            words = abi.encodePacked(words, f.memo);
        } else {
            require(a.typeHash == SettlementRow.TRANSFER_TYPEHASH, "row: type hash");
        }
        require(this.hash(a, kind) == keccak256(words), "row: struct hash");
    }

    function testFuzz_anUnsoundKindHasNoEnd(uint8 kind, bytes memory rest) external view {
        if (kind & 1 == 1 && kind < 32) return;
        (, , uint256 next, ) = this.decode(abi.encodePacked(kind, rest), 0);
        require(next == type(uint256).max, "row: an unknown kind was read");
    }

    function testFuzz_aNarrowNonceInAWideFieldHasNoEnd(Fields memory f) external view {
        bytes memory row = abi.encodePacked(
            uint8(0x03),
            f.from,
            f.to,
            f.value,
            f.validBefore,
            uint256(f.narrowNonce),
            new bytes(64)
        );
        (, , uint256 next, ) = this.decode(row, 0);
        require(next == type(uint256).max, "row: two readings of one nonce");
    }

    // ---------------------------------------------------------------------------------------------- payee rows

    function readPayee(bytes calldata rows, uint256 offset) external pure returns (address to, uint256 amount) {
        return PayeeRow.read(rows, offset);
    }

    function sumPayees(bytes calldata rows) external pure returns (uint256) {
        return PayeeRow.sum(rows);
    }

    function testFuzz_readsThePayeesWritten(address[5] memory tos, uint64[5] memory amounts) external view {
        bytes memory rows;
        uint256 sum;
        for (uint256 i = 0; i < 5; i++) {
            rows = abi.encodePacked(rows, tos[i], amounts[i]);
            sum += amounts[i];
        }
        require(rows.length == 5 * PayeeRow.LENGTH, "payees: length");
        for (uint256 i = 0; i < 5; i++) {
            (address to, uint256 amount) = this.readPayee(rows, i * PayeeRow.LENGTH);
            require(to == tos[i] && amount == amounts[i], "payees: a row");
        }
        require(this.sumPayees(rows) == sum, "payees: the sum");
    }

    function test_theLargestSumOfAllRowsDoesNotOverflow() external view {
        bytes memory rows;
        for (uint256 i = 0; i < PayeeRow.MAX_ROWS; i++) {
            rows = abi.encodePacked(rows, address(1), type(uint64).max);
        }
        require(this.sumPayees(rows) == PayeeRow.MAX_ROWS * uint256(type(uint64).max), "payees: the largest sum");
    }
}
