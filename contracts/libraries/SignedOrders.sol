// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {AuthorityUtils} from "@openzeppelin/contracts/access/manager/AuthorityUtils.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {ISignedOrders} from "../interfaces/ISignedOrders.sol";
import {Signatures} from "./Signatures.sol";

/// @title SignedOrders
/// @notice The base of every contract that accepts a role's signature in place of its call.
/// @dev Promises: an order acts only before its deadline, only while its signer could make the call itself without a delay,
/// and an id at most once per signer. The authority is fixed for good.
/// Assumes: the authority answers `canCall` truthfully; a function that uses `_checkOrder` alone can happen only once for
/// other reasons.
abstract contract SignedOrders is ISignedOrders, AccessManaged, EIP712 {
    mapping(address signer => mapping(bytes32 orderId => bool used)) private _orders;

    constructor(
        address authority_,
        string memory name_,
        string memory version_
    ) AccessManaged(authority_) EIP712(name_, version_) {}

    /// @inheritdoc ISignedOrders
    function orderUsed(address signer, bytes32 orderId) public view returns (bool) {
        return _orders[signer][orderId];
    }

    /// @inheritdoc ISignedOrders
    // solhint-disable-next-line func-name-mixedcase
    function DOMAIN_SEPARATOR() external view returns (bytes32) {
        return _domainSeparatorV4();
    }

    /// @notice Always reverts with AuthorityFixed: a contract whose rules could be swapped would promise nothing.
    function setAuthority(address) public view override {
        revert AuthorityFixed(authority());
    }

    /// @dev Spends `orderId` of `signer` on one step. `selector` names the restricted function the order stands for.
    /// Requires, in this order:
    /// - the deadline not passed (OrderExpired)
    /// - the id unused (OrderAlreadyUsed)
    /// - the signer able to call `selector` at once (OrderNotPermitted)
    /// - the signature valid over `structHash` (OrderSignatureInvalid)
    /// Ensures: the id is spent. Emits: OrderUsed.
    function _useOrder(
        address signer,
        bytes4 selector,
        uint256 deadline,
        bytes32 structHash,
        bytes calldata signature,
        bytes32 orderId
    ) internal {
        _checkDeadline(deadline);
        if (_orders[signer][orderId]) revert OrderAlreadyUsed(signer, orderId);
        bytes32 digest = _checkOrder(signer, selector, deadline, structHash, signature);
        _orders[signer][orderId] = true;
        emit OrderUsed(signer, orderId, digest);
    }

    /// @dev As `_useOrder` for steps that carry no id: changes nothing and returns the order's digest.
    function _checkOrder(
        address signer,
        bytes4 selector,
        uint256 deadline,
        bytes32 structHash,
        bytes calldata signature
    ) internal view returns (bytes32 digest) {
        _checkDeadline(deadline);
        (bool immediate, ) = AuthorityUtils.canCallWithDelay(authority(), signer, address(this), selector);
        if (!immediate) revert OrderNotPermitted(signer, selector);
        digest = _hashTypedDataV4(structHash);
        if (!Signatures.isValid(signer, digest, signature)) revert OrderSignatureInvalid(signer);
    }

    /// @dev Whether `account` may call `selector`, at once or after its delay: what an earlier word of a role still counts by.
    function _mayCall(address account, bytes4 selector) internal view returns (bool) {
        (bool immediate, uint32 delay) = AuthorityUtils.canCallWithDelay(authority(), account, address(this), selector);
        return immediate || delay != 0;
    }

    /// @dev A deadline is inclusive: the last second still counts.
    function _checkDeadline(uint256 deadline) internal view {
        if (block.timestamp > deadline) revert OrderExpired(deadline, block.timestamp);
    }
}
