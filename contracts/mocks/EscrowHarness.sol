// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {Escrow} from "../escrow/Escrow.sol";

/// @title EscrowHarness
/// @notice Opens the checks of the escrow base that no hash can be found to reach.
contract EscrowHarness is Escrow {
    constructor(address[] memory coins_) Escrow(coins_) EIP712("Escrow Harness", "1") {}

    function checkId(bytes32 id) external pure {
        _checkId(id);
    }
}
