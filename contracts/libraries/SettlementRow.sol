// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice A payment that its payer signs. In memory it is word for word what EIP-712 hashes, so that hashing it copies
/// nothing; `memo` counts only under the type hash of `TransferWithMemo`.
struct Authorization {
    bytes32 typeHash;
    address from;
    address to;
    uint256 value;
    uint256 validAfter;
    uint256 validBefore;
    bytes32 nonce;
    bytes32 memo;
}

/// @title SettlementRow
/// @notice Reads the rows of `settle`, as docs/SIGNATURES.md lays them out, and hashes what they authorize.
/// @dev Promises: a row that is accepted has exactly one reading and lies inside the given bytes; decoding writes over every
/// field that counts, so that one piece of memory serves a whole batch.
library SettlementRow {
    bytes32 internal constant TRANSFER_TYPEHASH = keccak256(
        "TransferWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
    );
    bytes32 internal constant MEMO_TYPEHASH = keccak256(
        "TransferWithMemo(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce,bytes32 memo)"
    );

    /// @dev Kind bits. The first is in every row; a zero byte is never a row.
    uint256 internal constant PLAIN = 0x01;
    uint256 internal constant WIDE_NONCE = 0x02;
    uint256 internal constant MEMO = 0x04;
    uint256 internal constant VALID_AFTER = 0x08;
    uint256 internal constant LONG_SIGNATURE = 0x10;
    uint256 private constant KNOWN = 0x1f;

    /// @dev The end of a row that is not well laid out.
    uint256 private constant NOWHERE = type(uint256).max;

    /// @dev kind 1, from 20, to 20, value 8, validBefore 5.
    uint256 private constant HEAD = 54;
    uint256 private constant NARROW_NONCE_LENGTH = 5;
    uint256 private constant COMPACT_LENGTH = 64;
    /// @dev Longest signature a row can carry; a row is meant for wallets, not for data.
    uint256 private constant MAX_SIGNATURE_LENGTH = 4_096;

    /// @dev Reads the row at `offset` into `a`. `signature` is where its signature begins, without the length, and `next`
    /// where the row ends, which is beyond all rows when it is not well laid out. Condition: offset < rows.length.
    function decode(
        bytes calldata rows,
        uint256 offset,
        Authorization memory a
    ) internal pure returns (uint256 kind, uint256 signature, uint256 next) {
        assembly ("memory-safe") {
            let row := add(rows.offset, offset)
            kind := byte(0, calldataload(row))
            mstore(add(a, 0x20), shr(96, calldataload(add(row, 1))))
            mstore(add(a, 0x40), shr(96, calldataload(add(row, 21))))
            mstore(add(a, 0x60), shr(192, calldataload(add(row, 41))))
            mstore(add(a, 0xa0), shr(216, calldataload(add(row, 49))))
            mstore(add(a, 0xc0), shr(216, calldataload(add(row, 54))))
        }
        a.typeHash = TRANSFER_TYPEHASH;
        a.validAfter = 0;
        unchecked {
            signature = offset + HEAD + NARROW_NONCE_LENGTH;
            next = signature + COMPACT_LENGTH;
        }
        if (kind != PLAIN) (signature, next) = _decodeOptions(rows, offset, kind, a);
    }

    /// @dev The optional fields, in their order. Reads beyond the end give zeros or other call data; `next` is beyond the
    /// end then, too.
    function _decodeOptions(
        bytes calldata rows,
        uint256 offset,
        uint256 kind,
        Authorization memory a
    ) private pure returns (uint256 signature, uint256 next) {
        if (kind & PLAIN == 0 || kind > KNOWN) return (0, NOWHERE);
        unchecked {
            uint256 cursor = offset + HEAD;
            if (kind & WIDE_NONCE == 0) {
                cursor += NARROW_NONCE_LENGTH;
            } else {
                a.nonce = _word(rows, cursor);
                if (uint256(a.nonce) >> 40 == 0) return (0, NOWHERE);
                cursor += 32;
            }
            if (kind & VALID_AFTER != 0) {
                a.validAfter = uint256(_word(rows, cursor)) >> 216;
                cursor += 5;
            }
            if (kind & MEMO != 0) {
                a.typeHash = MEMO_TYPEHASH;
                a.memo = _word(rows, cursor);
                cursor += 32;
            }
            uint256 length = COMPACT_LENGTH;
            if (kind & LONG_SIGNATURE != 0) {
                length = uint256(_word(rows, cursor)) >> 240;
                if (length > MAX_SIGNATURE_LENGTH) return (0, NOWHERE);
                cursor += 2;
            }
            return (cursor, cursor + length);
        }
    }

    /// @dev The two words of a compact signature. Condition: the row was decoded and found sound.
    function compact(bytes calldata rows, uint256 signature) internal pure returns (bytes32 r, bytes32 vs) {
        assembly ("memory-safe") {
            let start := add(rows.offset, signature)
            r := calldataload(start)
            vs := calldataload(add(start, 0x20))
        }
    }

    function _word(bytes calldata rows, uint256 offset) private pure returns (bytes32 word) {
        assembly ("memory-safe") {
            word := calldataload(add(rows.offset, offset))
        }
    }

    /// @dev The EIP-712 struct hash: seven words, eight with a memo.
    function structHash(Authorization memory a, uint256 kind) internal pure returns (bytes32 hash) {
        unchecked {
            // the bit itself, moved, is the length of a word
            uint256 length = 0xe0 + ((kind & MEMO) << 3);
            assembly ("memory-safe") {
                hash := keccak256(a, length)
            }
        }
    }
}
