// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title PayeeRow
/// @notice Reads the rows of `disburse`, as docs/SIGNATURES.md lays them out: payee 20 bytes, value 8.
/// @dev Promises: a row is read from its own bytes alone. Checks nothing: the coin does so first.
library PayeeRow {
    uint256 internal constant LENGTH = 28;
    /// @dev So many payees, all of them new, fit into the 2^24 gas of one transaction.
    uint256 internal constant MAX_ROWS = 500;

    /// @dev The payee and the value of the row at `offset`. Condition: the row lies inside `rows`.
    function read(bytes calldata rows, uint256 offset) internal pure returns (address to, uint256 amount) {
        assembly ("memory-safe") {
            let row := calldataload(add(rows.offset, offset))
            to := shr(96, row)
            amount := and(shr(32, row), 0xffffffffffffffff)
        }
    }

    /// @dev What all rows add up to. Condition: whole rows, no more than MAX_ROWS, so that no sum overflows.
    function sum(bytes calldata rows) internal pure returns (uint256 total) {
        unchecked {
            for (uint256 offset = 0; offset < rows.length; offset += LENGTH) {
                (, uint256 amount) = read(rows, offset);
                total += amount;
            }
        }
    }
}
