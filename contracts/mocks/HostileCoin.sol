// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title HostileCoin
/// @notice A coin that breaks the promises the Treasury and the escrows rely on, each when told to.
/// @dev It checks no signature and no role. By default it moves what it is told to move.
contract HostileCoin {
    mapping(address account => uint256 amount) public balanceOf;
    uint256 public totalSupply;

    /// @notice Whether `mint`, `payFrom` and `burn` refuse.
    bool public refusing;

    /// @notice Whether `mint`, `payFrom` and `burn` use up the gas they are given.
    bool public burningGas;

    /// @notice What the escrow's balance moves by beyond what was asked.
    int256 public skew;

    /// @notice Whether a failed call back is passed on.
    bool public passing;

    /// @notice What a call back into `target` with `data` ended in.
    bytes public answer;

    address private _target;
    bytes private _data;

    /// @notice A mint, a payment or a burn was refused.
    error HostileCoinRefused();

    function setRefusing(bool refusing_) external {
        refusing = refusing_;
    }

    function setBurningGas(bool burningGas_) external {
        burningGas = burningGas_;
    }

    function setSkew(int256 skew_) external {
        skew = skew_;
    }

    function setPassing(bool passing_) external {
        passing = passing_;
    }

    function setCallback(address target, bytes calldata data) external {
        _target = target;
        _data = data;
    }

    function mint(address to, uint256 amount) external returns (uint256 supply) {
        _resist();
        totalSupply += amount;
        balanceOf[to] += amount;
        return totalSupply;
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
        _callBack();
        balanceOf[from] -= value;
        balanceOf[to] = uint256(int256(balanceOf[to] + value) + skew);
    }

    function payFrom(address, address to, uint256 amount) external {
        _resist();
        balanceOf[msg.sender] = uint256(int256(balanceOf[msg.sender] - amount) + skew);
        balanceOf[to] += amount;
    }

    function burn(uint256 amount) external {
        _resist();
        balanceOf[msg.sender] = uint256(int256(balanceOf[msg.sender] - amount) + skew);
        totalSupply -= amount;
    }

    function isEscrow(address) external pure returns (bool) {
        return true;
    }

    function _resist() private {
        if (refusing) revert HostileCoinRefused();
        if (burningGas) {
            assembly ("memory-safe") {
                invalid()
            }
        }
        _callBack();
    }

    function _callBack() private {
        if (_target == address(0)) return;
        (bool done, bytes memory result) = _target.call(_data);
        answer = result;
        if (passing && !done) {
            assembly ("memory-safe") {
                revert(add(result, 0x20), mload(result))
            }
        }
    }
}
