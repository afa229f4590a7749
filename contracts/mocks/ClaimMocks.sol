// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title ClaimMockCoin
/// @notice A coin with a rule between two accounts: it refuses to pay what one had paid in to the other, until told otherwise.
/// @dev It checks no signature. It stands for the travel rule, and calls back like a hostile coin where it is told to.
contract ClaimMockCoin {
    mapping(address account => uint256 amount) public balanceOf;
    mapping(address payer => mapping(address to => bool refused)) public refused;

    /// @notice What a call back into `target` ended in.
    bytes public answer;

    address private _target;
    bytes private _data;
    bool private _atPayment;

    /// @notice The coins of `payer` may not go to `to`.
    error ClaimMockCoinRefused(address payer, address to, uint256 amount);

    function mint(address to, uint256 amount) external {
        balanceOf[to] += amount;
    }

    function refuse(address payer, address to, bool refused_) external {
        refused[payer][to] = refused_;
    }

    /// @notice Calls `target` with `data` in every payment out, or in every payment in.
    function setCallback(address target, bytes calldata data, bool atPayment) external {
        _target = target;
        _data = data;
        _atPayment = atPayment;
    }

    function receiveWithAuthorization(
        address from,
        address to,
        uint256 value,
        uint256,
        uint256,
        bytes32,
        bytes calldata
    ) external {
        if (!_atPayment) _callBack();
        balanceOf[from] -= value;
        balanceOf[to] += value;
    }

    function payFrom(address payer, address to, uint256 amount) external {
        if (refused[payer][to]) revert ClaimMockCoinRefused(payer, to, amount);
        if (_atPayment) _callBack();
        balanceOf[msg.sender] -= amount;
        balanceOf[to] += amount;
    }

    function _callBack() private {
        if (_target == address(0)) return;
        (, answer) = _target.call(_data);
    }
}
