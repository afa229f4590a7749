// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AccountState} from "../../contracts/interfaces/IStablecoin.sol";
import {Stablecoin} from "../../contracts/Stablecoin.sol";
import {StablecoinHandler} from "./StablecoinHandler.t.sol";

/// @title StablecoinInvariants
/// @notice All invariants of the coin in one campaign: after every step the coin equals the naive account of it.
contract StablecoinInvariants {
    StablecoinHandler private _handler;
    Stablecoin private _coin;

    function setUp() external {
        _handler = new StablecoinHandler();
        _coin = _handler.coin();
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(_handler);
    }

    /// @notice COIN-1 to COIN-9; see docs/INVARIANTS.md.
    function invariant_coin() external view {
        string memory broken = _handler.broken();
        require(bytes(broken).length == 0, broken);
        uint256 sum;
        for (uint256 i = 0; i < _handler.ACCOUNTS(); i++) {
            sum += _requireAccount(i);
        }
        uint256 supply = _coin.totalSupply();
        require(sum == supply, "COIN-1: the balances do not add up to the supply");
        require(supply == _handler.minted() - _handler.burned(), "COIN-1: supply is not minted less burned");
        require(supply <= 2 ** 63 - 1, "COIN-1: supply above the cap");
        require(_coin.pausedBits() == _handler.pausedBits(), "COIN-5: paused bits");
        require(_coin.coinWord() >> 72 == _handler.limit(), "COIN-6: the travel-rule limit bled");
        require(_handler.areAttestationsAsExpected(), "COIN-9: an attestation too many or too few was consumed");
        require(_coin.balanceOf(address(_coin)) == 0, "COIN-1: the coin holds itself");
    }

    function _requireAccount(uint256 index) private view returns (uint256) {
        address account = _handler.accountOf(index);
        StablecoinHandler.Ghost memory ghost = _handler.ghostOf(index);
        AccountState memory state = _coin.accountOf(account);
        require(state.balance == ghost.balance, "COIN-1: a balance differs");
        require(state.balance == ghost.indexed_, "COIN-7: the Transfer events do not give the balance");
        require(state.frozen == ghost.frozen && state.frozenWhole == ghost.whole, "COIN-2: a freeze differs");
        require(state.nonceBase == ghost.base, "COIN-3: a base differs");
        require(state.nonceWindow == _handler.windowOf(index), "COIN-3: a nonce differs");
        require(state.vasp == ghost.vasp, "COIN-6: a family bled");
        require(state.escrow == (index == _handler.HOLDERS()), "COIN-6: a flag bled");
        require(!state.escrow || state.vasp == 0, "COIN-9: an escrow with a family");
        (bytes32 caseId, uint256 until) = _coin.freezeCaseOf(account);
        require(caseId == ghost.caseId && until == ghost.until, "COIN-2: a case differs");
        require(
            (caseId != 0) == (state.frozenWhole || state.frozen != 0 || ghost.emptied),
            "COIN-2: a freeze without a case"
        );
        require(_coin.nonces(account) == ghost.permits, "COIN-3: a permit counter differs");
        if (index < _handler.HOLDERS()) {
            require(_coin.allowance(account, _handler.spenderOf(index)) == ghost.allowance, "COIN-1: an allowance");
        }
        return state.balance;
    }
}
