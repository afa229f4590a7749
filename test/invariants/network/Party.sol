// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Stablecoin} from "../../../contracts/Stablecoin.sol";
import {vm} from "../Cheats.sol";
import {Town} from "./Town.sol";

/// @notice What all parties of the campaign share: the town, the way they call, and the count of what got through.
abstract contract Party {
    uint256 internal constant MOST = 64;

    Town internal immutable _town;
    uint256 public calls;
    uint256 public successes;
    mapping(bytes4 action => uint256) public successesOf;

    /// @dev One step: the town's time before it, the town's look at every account after it.
    modifier step() {
        vm.warp(_town.time());
        ++calls;
        _;
        _town.finish();
    }

    constructor(Town town) {
        _town = town;
    }

    /// @dev The target was looked up before: the next call is the one that comes from `caller`.
    function _call(address caller, address target, bytes memory data) internal returns (bool) {
        return _callFor(msg.sig, caller, target, data);
    }

    /// @dev As `_call`, but counted for another action: one that was taken because the first had nothing to act on.
    function _callFor(bytes4 action, address caller, address target, bytes memory data) internal returns (bool done) {
        vm.prank(caller);
        (done, ) = target.call(data);
        if (done) _countFor(action);
    }

    function _count() internal {
        _countFor(msg.sig);
    }

    function _countFor(bytes4 action) internal {
        ++successes;
        ++successesOf[action];
    }

    function _coin(uint256 c) internal view returns (Stablecoin) {
        return _town.coinAt(c);
    }

    function _who(uint256 i) internal view returns (address) {
        return _town.accountAt(i);
    }

    /// @dev Few different amounts, in whole cents, so that an attestation meets its payment; two of them are at the first limit or above.
    function _amount(uint256 seed) internal pure returns (uint256) {
        uint256[4] memory amounts = [uint256(10_000), 999_990_000, 1_000_000_000, 2_500_000_000];
        return amounts[seed % 4];
    }

    /// @dev The operator of the payee attests most of what has to be.
    function _prepare(uint256 c, address payer, address payee, uint256 amount, uint256 seed) internal {
        if (seed % 4 != 0 && _town.foresee(c, address(0), payer, payee, amount).across) {
            _town.attest(c, payer, payee, amount);
        }
    }
}
