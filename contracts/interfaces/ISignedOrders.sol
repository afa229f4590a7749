// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title ISignedOrders
/// @notice Privileged steps that a role's own key signs and anyone may submit.
/// @dev An order is valid when its signer could call the function it names at this moment without a delay. It carries an
/// inclusive deadline and, unless the step can happen only once anyway, an id used once per signer. Whoever submits it has
/// no say in it, so the key that pays for gas holds no privilege.
interface ISignedOrders {
    /// @notice `signer` spent `orderId`; `digest` is the EIP-712 digest of the order.
    event OrderUsed(address indexed signer, bytes32 indexed orderId, bytes32 digest);

    /// @notice The order's deadline has passed.
    error OrderExpired(uint256 deadline, uint256 time);

    /// @notice The signer has spent this id before.
    error OrderAlreadyUsed(address signer, bytes32 orderId);

    /// @notice The signer may not call the function at once: it has no such role, a delay, or the role was revoked.
    error OrderNotPermitted(address signer, bytes4 selector);

    /// @notice The signature is not the signer's over this order and this contract's domain.
    error OrderSignatureInvalid(address signer);

    /// @notice The authority was fixed when the contract was created.
    error AuthorityFixed(address authority);

    /// @notice Whether `signer` has spent `orderId`.
    function orderUsed(address signer, bytes32 orderId) external view returns (bool);

    /// @notice The EIP-712 separator of this contract on the present chain.
    // solhint-disable-next-line func-name-mixedcase
    function DOMAIN_SEPARATOR() external view returns (bytes32);
}
