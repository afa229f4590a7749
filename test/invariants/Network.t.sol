// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Compliance} from "./network/Compliance.sol";
import {Desk} from "./network/Desk.sol";
import {Holders} from "./network/Holders.sol";
import {Issuer} from "./network/Issuer.sol";
import {Merchants} from "./network/Merchants.sol";
import {Party} from "./network/Party.sol";
import {Stranger} from "./network/Stranger.sol";
import {Town} from "./network/Town.sol";
import {Users} from "./network/Users.sol";

/// @title NetworkInvariants
/// @notice NETWORK-1 to NETWORK-7 of docs/INVARIANTS.md: all contracts together, wired as a deployment does, and seven parties that
/// use, misuse and leave them, in one campaign.
contract NetworkInvariants {
    uint256 private constant STEPS = 500;

    Town private _town;
    Stranger private _stranger;
    Party[] private _parties;

    function setUp() external {
        _town = new Town();
        _stranger = new Stranger(_town);
        _parties.push(new Holders(_town));
        _parties.push(new Issuer(_town));
        _parties.push(new Compliance(_town));
        _parties.push(new Users(_town));
        _parties.push(new Merchants(_town));
        _parties.push(new Desk(_town));
        _parties.push(_stranger);
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](_parties.length);
        for (uint256 i = 0; i < targets.length; ++i) targets[i] = address(_parties[i]);
    }

    /// @notice All of them in one campaign.
    function invariant_NETWORK_1_2_3_4_5_6() external view {
        // one coin after every step, the other after the next: what is wrong stays wrong
        uint256 turn;
        for (uint256 i = 0; i < _parties.length; ++i) turn += _parties[i].calls();
        _town.check(turn % 2);
    }

    /// @notice At the end of each run a stranger ends everything.
    function afterInvariant() external {
        _finish();
    }

    /// @notice The same parties, driven by fixed numbers: what each of them can do has to succeed often, or the campaign would say
    /// nothing about it.
    function test_NETWORK_7_every_party_gets_through() external {
        for (uint256 k = 0; k < STEPS; ++k) {
            uint256 seed = uint256(keccak256(abi.encode("step", k)));
            _drive(seed % _parties.length, seed / 8, k);
            if (k % 50 == 0) _checkAll();
        }
        for (uint256 i = 0; i < _parties.length; ++i) {
            Party party = _parties[i];
            require(party.calls() >= STEPS / 10, "NETWORK-7: a party was hardly asked");
            require(party.successes() * 4 >= party.calls(), "NETWORK-7: a party hardly gets through");
            bytes4[] memory actions = _actionsOf(i);
            for (uint256 j = 0; j < actions.length; ++j) {
                require(
                    party.successesOf(actions[j]) >= 1,
                    string.concat("NETWORK-7: dead action ", _name(actions[j]))
                );
            }
        }
        require(_town.crossings() >= 10, "NETWORK-7: hardly anything crossed families");
        _finish();
    }

    function _finish() private {
        string memory open = _stranger.finish();
        require(bytes(open).length == 0, open);
        _checkAll();
    }

    function _checkAll() private view {
        for (uint256 c = 0; c < 2; ++c) _town.check(c);
    }

    function _drive(uint256 party, uint256 seed, uint256 k) private {
        bytes4[] memory actions = _actionsOf(party);
        bytes32 second = keccak256(abi.encode(seed, k));
        bytes32 third = keccak256(abi.encode(second));
        bytes4 action = actions[seed % actions.length];
        // more words than the action takes do no harm; a flag reads a word as true or false
        bool flag = party == 5 && action == Desk.resolve.selector;
        uint256 last = flag ? uint256(second) % 2 : uint256(second);
        (bool done, ) = address(_parties[party]).call(abi.encodePacked(action, abi.encode(seed / 64, last, third)));
        require(done, string.concat("a step reverted: ", _name(action)));
    }

    function _actionsOf(uint256 party) private pure returns (bytes4[] memory actions) {
        bytes memory packed;
        if (party == 0)
            packed = _pack(
                [
                    Holders.transfer.selector,
                    Holders.payBySig.selector,
                    Holders.spend.selector,
                    Holders.disburse.selector
                ]
            );
        if (party == 1)
            packed = _pack(
                [Issuer.attest.selector, Issuer.mint.selector, Issuer.mintReturn.selector, Issuer.toggle.selector]
            );
        if (party == 2)
            packed = bytes.concat(
                _pack(
                    [
                        Compliance.freeze.selector,
                        Compliance.unfreeze.selector,
                        Compliance.seize.selector,
                        Compliance.pause.selector
                    ]
                ),
                _pack(
                    [
                        Compliance.join.selector,
                        Compliance.depart.selector,
                        Compliance.attest.selector,
                        Compliance.suspend.selector
                    ]
                ),
                Compliance.setLimit.selector
            );
        if (party == 3)
            packed = _pack(
                [Users.openClaim.selector, Users.claim.selector, Users.giveBack.selector, Users.swap.selector]
            );
        if (party == 4)
            packed = bytes.concat(
                _pack(
                    [
                        Merchants.authorize.selector,
                        Merchants.capture.selector,
                        Merchants.void.selector,
                        Merchants.dispute.selector
                    ]
                ),
                Merchants.resolve.selector,
                Merchants.refund.selector
            );
        if (party == 5)
            packed = bytes.concat(
                _pack([Desk.lock.selector, Desk.cancel.selector, Desk.accept.selector, Desk.reject.selector]),
                _pack([Desk.markSent.selector, Desk.confirm.selector, Desk.dispute.selector, Desk.resolve.selector])
            );
        if (party == 6)
            packed = bytes.concat(
                _pack(
                    [
                        Stranger.pass.selector,
                        Stranger.reclaimClaim.selector,
                        Stranger.reclaimPayment.selector,
                        Stranger.reclaimRedemption.selector
                    ]
                ),
                _pack(
                    [
                        Stranger.withdrawCredit.selector,
                        Stranger.burnPending.selector,
                        Stranger.release.selector,
                        Stranger.dispatch.selector
                    ]
                )
            );
        actions = new bytes4[](packed.length / 4);
        for (uint256 i = 0; i < packed.length; ++i) {
            actions[i / 4] |= bytes4(packed[i]) >> (8 * (i % 4));
        }
    }

    function _pack(bytes4[4] memory four) private pure returns (bytes memory) {
        return abi.encodePacked(four[0], four[1], four[2], four[3]);
    }

    function _name(bytes4 action) private pure returns (string memory) {
        bytes memory name = new bytes(8);
        for (uint256 i = 0; i < 8; ++i) {
            uint8 digit = uint8(action[i / 2] >> (i % 2 == 0 ? 4 : 0)) & 0xf;
            name[i] = bytes1(digit + (digit < 10 ? 48 : 87));
        }
        return string(name);
    }
}
