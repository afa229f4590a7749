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

// The runner aims only at contracts of this file.

contract NetworkHolders is Holders {
    constructor(Town town) Party(town) {}
}

contract NetworkIssuer is Issuer {
    constructor(Town town) Party(town) {}
}

contract NetworkCompliance is Compliance {
    constructor(Town town) Party(town) {}
}

contract NetworkUsers is Users {
    constructor(Town town) Party(town) {}
}

contract NetworkMerchants is Merchants {
    constructor(Town town) Party(town) {}
}

contract NetworkDesk is Desk {
    constructor(Town town) Party(town) {}
}

contract NetworkStranger is Stranger {
    constructor(Town town) Party(town) {}
}

/// @title NetworkInvariants
/// @notice NETWORK-1 to NETWORK-7 of docs/INVARIANTS.md: all contracts together, wired as a deployment does, and seven parties that
/// use, misuse and leave them, in one campaign.
contract NetworkInvariants {
    Town private _town;
    Stranger private _stranger;
    Party[] private _parties;
    uint256 private _steps;

    function setUp() external {
        _town = new Town();
        _stranger = new NetworkStranger(_town);
        _parties.push(new NetworkHolders(_town));
        _parties.push(new NetworkIssuer(_town));
        _parties.push(new NetworkCompliance(_town));
        _parties.push(new NetworkUsers(_town));
        _parties.push(new NetworkMerchants(_town));
        _parties.push(new NetworkDesk(_town));
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

    /// @notice At the end of each run a stranger ends everything. A party that was asked often got through: more than half of
    /// all that is asked does, so that fewer than two in twenty mean that something is dead.
    function afterInvariant() external {
        for (uint256 i = 0; i < _parties.length; ++i) {
            bool alive = _parties[i].calls() < 20 || _parties[i].successes() * 10 >= _parties[i].calls();
            require(alive, "NETWORK-7: a party never gets through");
        }
        _finish();
    }

    /// @notice A walk through everything the parties can do, driven by fixed numbers: each action has to get through, or the campaign
    /// would say nothing about it.
    function test_NETWORK_7_every_action_gets_through() external {
        _walk(0, [uint256(2), 2, 2, 2, 0, 0, 0, 0, 0]);
        _walk(1, [uint256(1), 2, 0, 0, 0, 0, 0, 0, 0]);
        _walk(3, [uint256(7), 2, 2, 2, 0, 0, 0, 0, 0]);
        _walk(4, [uint256(8), 2, 1, 3, 1, 1, 0, 0, 0]);
        _walk(5, [uint256(8), 1, 6, 1, 5, 1, 2, 2, 0]);
        _walk(1, [uint256(0), 0, 1, 1, 0, 0, 0, 0, 0]);
        _waitToBurn();
        _waitForCredit();
        _walk(2, [uint256(6), 1, 2, 0, 1, 1, 2, 1, 0]);
        _walk(6, [uint256(12), 1, 1, 1, 0, 0, 1, 0, 0]);
        _walk(2, [uint256(0), 0, 0, 1, 0, 1, 0, 0, 1]);
        _walk(6, [uint256(0), 0, 0, 0, 0, 0, 0, 1, 0]);
        for (uint256 party = 0; party < _parties.length; ++party) {
            bytes4[] memory actions = _actionsOf(party);
            for (uint256 i = 0; i < actions.length; ++i) {
                bool alive = _parties[party].successesOf(actions[i]) > 0;
                require(alive, string.concat("NETWORK-7: dead action ", _name(actions[i])));
            }
        }
        require(_town.crossings() >= 3, "NETWORK-7: hardly anything crossed families");
        _finish();
    }

    /// @dev A redemption confirmed while burning is paused, and burned afterwards.
    function _waitToBurn() private {
        Compliance(address(_parties[2])).pause(28);
        _walk(5, [uint256(0), 0, 0, 0, 0, 1, 0, 0, 0]);
        Compliance(address(_parties[2])).pause(1);
        _walk(6, [uint256(0), 0, 0, 0, 0, 1, 0, 0, 0]);
    }

    /// @dev A claim across families while both are suspended, and its credit paid afterwards.
    function _waitForCredit() private {
        for (uint256 family = 0; family < 2; ++family) Compliance(address(_parties[2])).suspend(family);
        for (uint256 tries = 0; tries < 30; ++tries) {
            (, , , uint256 credits) = _town.counts();
            if (credits > 0) break;
            _walk(3, [uint256(1), 1, 0, 0, 0, 0, 0, 0, 0]);
        }
        for (uint256 family = 2; family < 4; ++family) Compliance(address(_parties[2])).suspend(family);
        _walk(6, [uint256(0), 0, 0, 0, 1, 0, 0, 0, 0]);
    }

    /// @dev Each action of a party as often as told, with at most twelve tries for each time.
    function _walk(uint256 party, uint256[9] memory times) private {
        bytes4[] memory actions = _actionsOf(party);
        for (uint256 i = 0; i < actions.length; ++i) {
            uint256 goal = _parties[party].successesOf(actions[i]) + times[i];
            for (uint256 tries = 0; _parties[party].successesOf(actions[i]) < goal; ++tries) {
                require(tries < 12 * times[i], string.concat("NETWORK-7: dead action ", _name(actions[i])));
                _drive(party, actions[i]);
            }
        }
        _checkAll();
    }

    function _finish() private {
        string memory open = _stranger.finish();
        require(bytes(open).length == 0, open);
        _checkAll();
    }

    function _checkAll() private view {
        for (uint256 c = 0; c < 2; ++c) _town.check(c);
    }

    function _drive(uint256 party, bytes4 action) private {
        bytes32 first = keccak256(abi.encode(action, ++_steps));
        bytes32 second = keccak256(abi.encode(first));
        bytes32 third = keccak256(abi.encode(second));
        // more words than the action takes do no harm; a flag reads a word as true or false
        uint256 last = action == Desk.resolve.selector ? uint256(second) % 2 : uint256(second);
        if (party == 4) last = uint256(second);
        (bool done, ) = address(_parties[party]).call(abi.encodePacked(action, abi.encode(first, last, third)));
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
