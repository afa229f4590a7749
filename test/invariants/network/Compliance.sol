// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Stablecoin} from "../../../contracts/Stablecoin.sol";
import {VaspRegistry} from "../../../contracts/VaspRegistry.sol";
import {Party} from "./Party.sol";
import {Town} from "./Town.sol";

/// @notice Freezing, seizing, pausing; families, their suspension, their attestations and the limit of the travel rule.
abstract contract Compliance is Party {
    function freeze(uint256 seed, uint256 amount) external step {
        (uint256 c, address account) = (seed % 2, _who((seed / 2) % 7));
        Town.Freeze memory next = Town.Freeze({
            amount: seed % 5 == 0 ? type(uint256).max : 1 + (amount % 5e11),
            until: _town.time() + 1 hours + (amount % 2 days),
            caseId: bytes32(1 + (seed % 3))
        });
        bytes memory data = abi.encodeCall(Stablecoin.freeze, (account, next.amount, next.caseId, next.until));
        if (_call(_town.OFFICER(), address(_coin(c)), data)) _town.frozen(c, account, next);
    }

    function unfreeze(uint256 seed) external step {
        (uint256 c, uint256 i) = _findFrozen(seed);
        address account = _who(i);
        bytes32 caseId = _town.freezeOf(c, account).caseId;
        bytes memory data = abi.encodeCall(Stablecoin.unfreeze, (account, caseId));
        if (_call(_town.OFFICER(), address(_coin(c)), data)) _town.frozen(c, account, Town.Freeze(0, 0, 0));
    }

    /// @notice Most of it is asked for after a freeze for the purpose, or there would be little to seize.
    function seize(uint256 seed, uint256 amount) external step {
        (uint256 c, uint256 i) = _findFrozen(seed);
        address account = _who(i);
        Stablecoin coin = _coin(c);
        Town.Freeze memory current = _town.freezeOf(c, account);
        uint256 most = coin.balanceOf(account);
        if (current.amount < most) most = current.amount;
        amount = 1 + (amount % (most / 8 + 2));
        bytes memory data = abi.encodeCall(Stablecoin.seize, (account, amount, current.caseId));
        if (!_call(_town.OFFICER(), address(coin), data)) return;
        if (amount > most) _town.report("NETWORK-4: seized above the freeze");
        _town.seized(c, i, amount);
    }

    /// @notice Mostly the end of a pause.
    function pause(uint256 seed) external step {
        uint256 bits = seed % 4 == 0 ? 1 + ((seed / 4) % 63) : 63;
        bytes memory data =
            seed % 4 == 0 ? abi.encodeCall(Stablecoin.pause, (bits)) : abi.encodeCall(Stablecoin.unpause, (bits));
        for (uint256 c = 0; c < 2; ++c) _call(_town.OFFICER(), address(_coin(c)), data);
    }

    function join(uint256 seed) external step {
        if (_town.join(seed % 6, 1 + ((seed / 8) % 2))) _count();
    }

    function depart(uint256 seed) external step {
        VaspRegistry registry = _town.registry();
        for (uint256 k = 0; k < 6; ++k) {
            address account = _who(((seed % 6) + k) % 6);
            uint256 leaveAt = registry.leaveAt(account);
            if (leaveAt == 0 || leaveAt > _town.time()) continue;
            if (_call(address(this), address(registry), abi.encodeCall(VaspRegistry.completeLeave, (account)))) {
                _town.left(account);
            }
            return;
        }
        if (seed % 3 == 0) _call(_who(seed % 6), address(registry), abi.encodeCall(VaspRegistry.announceLeave, ()));
    }

    function attest(uint256 seed, uint256 payer, uint256 payee) external step {
        if (_town.attest(seed % 2, _who(payer % 6), _who(payee % 6), _amount(seed / 2))) _count();
    }

    function suspend(uint256 seed) external step {
        uint256 family = 1 + (seed % 2);
        bytes memory data =
            seed % 8 < 2
                ? abi.encodeCall(VaspRegistry.suspend, (family))
                : abi.encodeCall(VaspRegistry.reinstate, (family));
        _call(_town.OFFICER(), address(_town.registry()), data);
    }

    function setLimit(uint256 seed) external step {
        uint256 c = seed % 2;
        uint256 limit = seed % 16 == 0 ? 0 : _amount(seed / 2) + ((seed / 8) % 2);
        bytes memory data = abi.encodeCall(Stablecoin.setTravelRuleLimit, (limit));
        if (_call(_town.OFFICER(), address(_coin(c)), data)) _town.setLimit(c, limit);
    }

    function _findFrozen(uint256 seed) private view returns (uint256 c, uint256 i) {
        for (uint256 k = 0; k < 14; ++k) {
            (c, i) = (((seed % 14) + k) % 2, (((seed % 14) + k) / 2) % 7);
            if (_town.freezeOf(c, _who(i)).until > _town.time()) break;
        }
    }
}
