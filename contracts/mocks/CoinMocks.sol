// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IStablecoin} from "../interfaces/IStablecoin.sol";

/// @title CoinMockWallet
/// @notice A contract signer for tests: accepts the plain signature of its owner, or misbehaves as told.
contract CoinMockWallet {
    enum Answer {
        Honest,
        Always,
        WrongMagic,
        DirtyMagic,
        Short,
        Long,
        Bomb,
        Revert,
        BurnGas
    }

    address public immutable owner;
    Answer public answer;

    constructor(address owner_) {
        owner = owner_;
    }

    function setAnswer(Answer answer_) external {
        answer = answer_;
    }

    function isValidSignature(bytes32 digest, bytes calldata signature) external view returns (bytes4) {
        if (answer == Answer.Honest) {
            if (signature.length != 65) return 0xffffffff;
            bytes32 r = bytes32(signature[0:32]);
            bytes32 s = bytes32(signature[32:64]);
            return ecrecover(digest, uint8(signature[64]), r, s) == owner ? this.isValidSignature.selector : bytes4(0);
        }
        if (answer == Answer.Always) return this.isValidSignature.selector;
        if (answer == Answer.WrongMagic) return 0x1626ba7f;
        if (answer == Answer.Revert) revert();
        bool burns = answer == Answer.BurnGas;
        while (burns) {}
        uint256 length =
            answer == Answer.Short
                ? 4
                : answer == Answer.Long
                    ? 64
                    : answer == Answer.Bomb
                        ? 40_000
                        : 32;
        uint256 dirt = answer == Answer.DirtyMagic ? 1 : 0;
        bytes4 magic = this.isValidSignature.selector;
        assembly ("memory-safe") {
            let start := mload(0x40)
            mstore(start, or(magic, dirt))
            return(start, length)
        }
    }

    /// @notice Calls `target`, so that the wallet can be a caller, too.
    function execute(address target, bytes calldata data) external returns (bytes memory result) {
        bool done;
        (done, result) = target.call(data);
        if (!done) {
            assembly ("memory-safe") {
                revert(add(result, 0x20), mload(result))
            }
        }
    }
}

/// @title CoinMockEscrow
/// @notice The least that holds coins for others: pulls them by any way in, pays them out, burns them.
contract CoinMockEscrow {
    IStablecoin private immutable _coin;

    constructor(IStablecoin coin) {
        _coin = coin;
    }

    function pull(address from, uint256 amount) external {
        _coin.transferFrom(from, address(this), amount);
    }

    function payFrom(address payer, address to, uint256 amount) external {
        _coin.payFrom(payer, to, amount);
    }

    function burn(uint256 amount) external {
        _coin.burn(amount);
    }

    /// @notice Calls the coin with anything.
    function call(bytes calldata data) external {
        (bool done, bytes memory result) = address(_coin).call(data);
        if (!done) {
            assembly ("memory-safe") {
                revert(add(result, 0x20), mload(result))
            }
        }
    }
}
