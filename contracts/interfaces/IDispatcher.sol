// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title IDispatcher
/// @notice Carries out a list of independent calls in one transaction; one that fails costs only itself.
/// @dev Anyone may dispatch anything: a call brings its own authority inside, as signed payments and orders do, and gains none
/// here. The targets see this contract as their caller, which must therefore never be given a role, a family or coins.
interface IDispatcher {
    /// @notice One call: its target, the gas it may use, and its data. No value is sent.
    struct Call {
        address target;
        uint256 gasLimit;
        bytes data;
    }

    /// @notice Call `index` of the list ended: `success` false when it reverted or used up its gas. `result` is what it
    /// returned or reverted with, cut after 256 bytes.
    event Dispatched(uint256 indexed index, address indexed target, bool success, bytes result);

    /// @notice A list has 1 to `limit` calls.
    error DispatcherListInvalid(uint256 count, uint256 limit);

    /// @notice The gas left before call `index` cannot fund its limit.
    error DispatcherGasTooLow(uint256 index, uint256 available, uint256 needed);

    /// @notice Carries out the calls in their order.
    /// @dev A target without code counts as a success, as any call of it does.
    ///
    /// **Requires**
    /// - 1 to 100 calls (DispatcherListInvalid)
    /// - before each call, gas for its limit, for the 64th part that a call keeps back, and for reporting it
    ///   (DispatcherGasTooLow); the calls before it are undone with it, so that a shortage never becomes an outcome
    ///
    /// **Ensures** each call had exactly its gas limit and ran in its own frame: one that reverts, uses up its gas, answers
    /// with a bomb or calls back changes nothing about the others. This contract keeps nothing, neither state nor coins.
    ///
    /// **Emits** Dispatched for each call, right after it.
    function execute(Call[] calldata calls) external;
}
