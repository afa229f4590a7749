// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Cheats
/// @notice The few cheat codes of the Solidity test runner that the suites use.
interface Cheats {
    struct Log {
        bytes32[] topics;
        bytes data;
        address emitter;
    }

    /// @notice Sets the time.
    function warp(uint256 time) external;

    /// @notice The next call comes from `caller`.
    function prank(address caller) external;

    /// @notice The address of a private key.
    function addr(uint256 key) external pure returns (address);

    /// @notice Signs a digest with a private key.
    function sign(uint256 key, bytes32 digest) external pure returns (uint8 v, bytes32 r, bytes32 s);

    /// @notice Throws a fuzzed input away.
    function assume(bool condition) external pure;

    /// @notice Starts to record logs; `getRecordedLogs` takes them.
    function recordLogs() external;

    function getRecordedLogs() external returns (Log[] memory);
}

Cheats constant vm = Cheats(0x7109709ECfa91a80626fF3989D68f67F5b1DD12D);
