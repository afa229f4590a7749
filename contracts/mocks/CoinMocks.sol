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

/// @title CoinMockRegistry
/// @notice A registry of wallet operators for tests: answers as told, counts what it is asked, or misbehaves.
contract CoinMockRegistry {
    enum Answer {
        Yes,
        No,
        Reenter,
        BurnGas,
        Revert,
        Garbage
    }

    /// @notice What the registry itself refuses with.
    error CoinMockRegistryRefused();

    IStablecoin private immutable _coin;
    Answer public answer;
    /// @notice Yes answers left; each consumes one.
    uint256 public attestations = type(uint256).max;
    uint256 public asked;
    address public lastPayer;
    address public lastPayee;
    uint256 public lastAmount;
    bytes private _step;
    bool public reentered;

    constructor(IStablecoin coin) {
        _coin = coin;
    }

    function setAnswer(Answer answer_) external {
        answer = answer_;
    }

    function setAttestations(uint256 count) external {
        attestations = count;
    }

    /// @notice The coin is called with `data` in the middle of the next question; what is asked during that is answered yes.
    function reenterWith(bytes calldata data) external {
        answer = Answer.Reenter;
        _step = data;
    }

    function setVasp(address account, uint256 newVasp) external {
        _coin.setVasp(account, newVasp);
    }

    function useAttestation(address payer, address payee, uint256 amount) external returns (bool) {
        Answer told = answer;
        if (told == Answer.Revert) revert CoinMockRegistryRefused();
        while (told == Answer.BurnGas) {}
        if (told == Answer.Garbage) {
            assembly ("memory-safe") {
                mstore(0x00, 2)
                return(0x00, 0x20)
            }
        }
        ++asked;
        (lastPayer, lastPayee, lastAmount) = (payer, payee, amount);
        if (told == Answer.No || attestations == 0) return false;
        if (attestations != type(uint256).max) --attestations;
        if (told == Answer.Reenter) {
            answer = Answer.Yes;
            (reentered, ) = address(_coin).call(_step);
        }
        return true;
    }
}
