// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {IDispatcher} from "./interfaces/IDispatcher.sol";

/// @title Dispatcher
/// @notice Carries out a list of independent calls in one transaction; one that fails costs only itself.
/// @dev Promises: the outcome of a call is its own, given its gas limit in full: no other call and no shortage of gas becomes
/// part of it; what a call answers costs this contract at most 256 bytes. It has no storage, no role, no coins and no way to
/// accept or send value, so a call that comes back to it finds nothing to use.
/// Assumes: each call is worth what it carries inside; nobody trusts this contract as a caller.
contract Dispatcher is IDispatcher {
    /// @dev As many as fit a transaction of 2^24 gas at 160,000 each.
    uint256 private constant MAX_CALLS = 100;

    /// @dev Holds any error of ours with its arguments; a longer answer tells nobody more.
    uint256 private constant MAX_RESULT = 256;

    /// @dev The access to the target and to its delegate take 5,200, the event 4,400, the loop 1,000; the rest is room.
    uint256 private constant RESERVE = 15_000;

    /// @inheritdoc IDispatcher
    function execute(Call[] calldata calls) external {
        uint256 count = calls.length;
        if (count == 0 || count > MAX_CALLS) revert DispatcherListInvalid(count, MAX_CALLS);
        bytes memory result = new bytes(MAX_RESULT);
        for (uint256 i = 0; i < count; ++i) {
            Call calldata item = calls[i];
            bool success = _call(i, item.target, item.gasLimit, item.data, result);
            emit Dispatched(i, item.target, success, result);
        }
    }

    /// @dev One call. Its data lies in memory that is not kept, and its answer in `result`, so that a long list costs no more
    /// memory than its longest call. Copy, check and call are one block, so that nothing comes between to use that memory, and
    /// what the copy costs is not taken from what was checked.
    function _call(
        uint256 index,
        address target,
        uint256 gasLimit,
        bytes calldata data,
        bytes memory result
    ) private returns (bool success) {
        // a call passes on at most 63 of 64 parts of the gas there is; a limit above that would be cut short in silence
        uint256 needed = Math.saturatingAdd(Math.saturatingAdd(gasLimit, gasLimit / 63 + 1), RESERVE);
        uint256 available;
        uint256 limit = MAX_RESULT;
        assembly ("memory-safe") {
            let start := mload(0x40)
            calldatacopy(start, data.offset, data.length)
            available := gas()
            if iszero(lt(available, needed)) {
                success := call(gasLimit, target, 0, start, data.length, 0, 0)
                let size := returndatasize()
                if gt(size, limit) {
                    size := limit
                }
                mstore(result, size)
                returndatacopy(add(result, 0x20), 0, size)
            }
        }
        if (available < needed) revert DispatcherGasTooLow(index, available, needed);
    }
}
