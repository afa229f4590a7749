// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Signatures
/// @notice Says whether an account signed a digest: ECDSA first, then ERC-1271 when the account has code.
/// @dev Promises: one verdict for every way of writing a signature, so that a delegated account can sign plainly and a
/// contract account can sign at all; never true for the zero address; never true for a signature with `s` in the upper
/// half; the contract asked can neither write, nor keep more than its allowance of gas, nor answer with a bomb (its answer
/// is never copied past one word).
/// Assumes nothing about the account asked. A shortage of gas is the caller's fault and never becomes a verdict.
library Signatures {
    /// @notice The gas left cannot fund the question to the signing contract; the whole transaction has to go.
    error SignaturesGasTooLow(uint256 available, uint256 needed);

    /// @dev Enough for multi-signature wallets of ten owners; small enough that a batch can carry a hostile row.
    uint256 internal constant ERC1271_GAS = 150_000;

    /// @dev The allowance, the 64th part a call keeps back, and the access to the account and to its delegate.
    uint256 internal constant ERC1271_GAS_FLOOR = 156_000;

    /// @dev Longest signature looked at; also the longest one a settlement row can carry.
    uint256 internal constant MAX_LENGTH = 4_096;

    /// @dev Half the order of secp256k1: of the two values of `s` only the lower one counts.
    uint256 private constant HALF_ORDER = 0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0;

    /// @dev `isValidSignature(bytes32,bytes)` of ERC-1271, which is also the answer that means yes.
    bytes4 private constant MAGIC = 0x1626ba7e;

    /// @notice True when `signature` (65 bytes `r ‖ s ‖ v`, or whatever the contract at `signer` accepts) is of `signer`.
    /// @dev Reverts with SignaturesGasTooLow when the contract has to be asked and cannot be funded.
    function isValid(address signer, bytes32 digest, bytes calldata signature) internal view returns (bool) {
        if (signature.length == 65) {
            bytes32 r = bytes32(signature[0:32]);
            bytes32 s = bytes32(signature[32:64]);
            if (_recovers(signer, digest, uint8(signature[64]), r, s)) return true;
        }
        if (signature.length > MAX_LENGTH || signer.code.length == 0) return false;
        return _ask(signer, abi.encodeWithSelector(MAGIC, digest, signature));
    }

    /// @notice True when `(v, r, s)` is of `signer`; a contract at `signer` is shown the 65 bytes `r ‖ s ‖ v`.
    /// @dev Reverts with SignaturesGasTooLow when the contract has to be asked and cannot be funded.
    function isValid(address signer, bytes32 digest, uint8 v, bytes32 r, bytes32 s) internal view returns (bool) {
        if (_recovers(signer, digest, v, r, s)) return true;
        if (signer.code.length == 0) return false;
        return _ask(signer, abi.encodeWithSelector(MAGIC, digest, abi.encodePacked(r, s, v)));
    }

    /// @notice True when the compact form of ERC-2098 is of `signer`; otherwise as `(v, r, s)`.
    /// @dev Reverts with SignaturesGasTooLow when the contract has to be asked and cannot be funded.
    function isValid(address signer, bytes32 digest, bytes32 r, bytes32 vs) internal view returns (bool) {
        unchecked {
            return isValid(signer, digest, uint8(27 + (uint256(vs) >> 255)), r, (vs << 1) >> 1);
        }
    }

    function _recovers(address signer, bytes32 digest, uint8 v, bytes32 r, bytes32 s) private pure returns (bool) {
        if (uint256(s) > HALF_ORDER) return false;
        address recovered = ecrecover(digest, v, r, s);
        return recovered == signer && recovered != address(0);
    }

    /// @dev Only the first word of the answer is ever copied. Nothing is asked that could be cut short for want of gas.
    function _ask(address signer, bytes memory question) private view returns (bool yes) {
        uint256 available = gasleft();
        if (available < ERC1271_GAS_FLOOR) revert SignaturesGasTooLow(available, ERC1271_GAS_FLOOR);
        assembly ("memory-safe") {
            let answered := staticcall(ERC1271_GAS, signer, add(question, 0x20), mload(question), 0x00, 0x20)
            yes := and(and(answered, eq(returndatasize(), 0x20)), eq(mload(0x00), MAGIC))
        }
    }
}
