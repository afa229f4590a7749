// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title IVaspRegistry
/// @notice What the coin asks of the registry of wallet operators.
interface IVaspRegistry {
    /// @notice Consumes one attestation of the payee's operator for this payment in the calling coin; false when there is none.
    function useAttestation(address payer, address payee, uint256 amount) external returns (bool);
}
