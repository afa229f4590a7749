// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AccountState, IStablecoin} from "../interfaces/IStablecoin.sol";
import {IVaspRegistry} from "../interfaces/IVaspRegistry.sol";

/// @title VaspMockFamilies
/// @notice The part of a coin that the registry tells about families and that asks it about payments.
abstract contract VaspMockFamilies {
    mapping(address account => uint256 vasp) public families;

    /// @notice How often the registry told a family.
    uint256 public told;

    /// @notice What the registry last answered to `pay`.
    bool public answer;

    address private _target;
    bytes private _data;

    event VaspChanged(address indexed account, uint256 oldVasp, uint256 newVasp);

    function setVasp(address account, uint256 newVasp) external {
        emit VaspChanged(account, families[account], newVasp);
        families[account] = newVasp;
        ++told;
        if (_target != address(0)) _forward(_target, _data);
    }

    /// @notice What `setVasp` calls before it returns.
    function setCallback(address target, bytes calldata data) external {
        _target = target;
        _data = data;
    }

    /// @notice Asks as a coin does for a payment between families.
    function pay(IVaspRegistry registry, address payer, address payee, uint256 amount) external returns (bool) {
        answer = registry.useAttestation(payer, payee, amount);
        return answer;
    }

    function _forward(address target, bytes memory data) private {
        (bool done, bytes memory result) = target.call(data);
        if (!done) {
            assembly ("memory-safe") {
                revert(add(result, 0x20), mload(result))
            }
        }
    }
}

/// @title VaspMockCoin
/// @notice A coin of which tests say who its treasury and its escrows are, and that keeps the freezes it is told.
contract VaspMockCoin is VaspMockFamilies {
    address public treasury;
    mapping(address account => bool escrow) public isEscrow;
    mapping(address account => AccountState) private _accounts;
    mapping(address account => bytes32 caseId) private _cases;
    mapping(address account => uint256 until) private _ends;

    /// @notice How often a freeze was told.
    uint256 public freezes;

    function setTreasury(address treasury_) external {
        treasury = treasury_;
    }

    function setEscrow(address account, bool escrow) external {
        isEscrow[account] = escrow;
    }

    function freeze(address account, uint256 amount, bytes32 caseId, uint256 until) external {
        bool whole = amount == type(uint256).max;
        _accounts[account].frozenWhole = whole;
        _accounts[account].frozen = whole ? 0 : amount;
        (_cases[account], _ends[account]) = (caseId, until);
        ++freezes;
    }

    function accountOf(address account) external view returns (AccountState memory) {
        return _accounts[account];
    }

    function freezeCaseOf(address account) external view returns (bytes32 caseId, uint256 until) {
        return (_cases[account], _ends[account]);
    }
}

/// @title VaspMockFront
/// @notice A coin whose families are kept here and whose everything else is that of a real coin.
contract VaspMockFront is VaspMockFamilies {
    IStablecoin private immutable _coin;

    constructor(IStablecoin coin) {
        _coin = coin;
    }

    function freeze(address account, uint256 amount, bytes32 caseId, uint256 until) external {
        _coin.freeze(account, amount, caseId, until);
    }

    function isEscrow(address account) external view returns (bool) {
        return _coin.isEscrow(account);
    }

    function treasury() external view returns (address) {
        return _coin.treasury();
    }

    function accountOf(address account) external view returns (AccountState memory) {
        return _coin.accountOf(account);
    }

    function freezeCaseOf(address account) external view returns (bytes32 caseId, uint256 until) {
        return _coin.freezeCaseOf(account);
    }
}

/// @title DispatchMockTarget
/// @notice Something to call that behaves or misbehaves in every way a call can.
contract DispatchMockTarget {
    /// @notice How often `add` ended well, and what was added.
    uint256 public calls;
    uint256 public sum;

    /// @notice The gas that `measure` last began with.
    uint256 public gasSeen;

    /// @notice `amount` is too large.
    error DispatchMockTooLarge(uint256 amount, uint256 limit);

    function add(uint256 amount) external returns (uint256) {
        ++calls;
        sum += amount;
        return sum;
    }

    /// @notice Writes, then reverts, so that a trace would be left if its frame were not its own.
    function refuse(uint256 amount) external {
        sum += amount;
        revert DispatchMockTooLarge(amount, 0);
    }

    function burnGas() external {
        ++calls;
        bool burns = true;
        while (burns) {}
    }

    /// @notice Answers, or reverts, with `size` bytes of ones.
    function answer(uint256 size, bool well) external pure {
        assembly ("memory-safe") {
            let start := mload(0x40)
            for {
                let at := 0
            } lt(at, size) {
                at := add(at, 0x20)
            } {
                mstore(add(start, at), not(0))
            }
            if well {
                return(start, size)
            }
            revert(start, size)
        }
    }

    /// @notice Answers with `size` bytes of untouched memory: the largest bomb for the gas.
    function bomb(uint256 size) external pure {
        assembly ("memory-safe") {
            revert(add(mload(0x40), 0x1000), size)
        }
    }

    function measure() external {
        gasSeen = gasleft();
    }

    /// @notice Calls back into whoever called, with `data`.
    function reenter(bytes calldata data) external {
        ++calls;
        (bool done, bytes memory result) = msg.sender.call(data);
        if (!done) {
            assembly ("memory-safe") {
                revert(add(result, 0x20), mload(result))
            }
        }
    }
}
