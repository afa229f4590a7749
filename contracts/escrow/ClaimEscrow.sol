// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {IClaimEscrow} from "../interfaces/IClaimEscrow.sol";
import {Signatures} from "../libraries/Signatures.sol";
import {Escrow} from "./Escrow.sol";

/// @title ClaimEscrow
/// @notice Coins sent to whoever holds a link's key, with a way back to the sender.
/// @dev Promises: an id is created once and keeps its terms (CLAIM-1); a terminal state is terminal (CLAIM-2); each id pays out
/// exactly what came in, once, to the recipient that the link's key named or to the sender (CLAIM-3); what is open is the sum
/// over the ids (CLAIM-4); before expiry the link's key may act and nobody may reclaim, from expiry on the reverse (CLAIM-5);
/// after the last expiry a stranger's calls leave nothing open (CLAIM-6). Nobody holds a power here that the terms do not
/// give: there is no role, no owner and no fee.
/// Assumes: the link's key is known to the recipient alone, or to the recipient and an attestor is named; the sender keeps no
/// copy of it. A sender with a copy can take back what it sent, and nothing else.
contract ClaimEscrow is IClaimEscrow, Escrow {
    /// @dev Three slots, and a fourth where there is an attestor.
    struct Record {
        address coin;
        uint64 amount;
        State state;
        address sender;
        uint40 cancelFrom;
        uint40 expiry;
        address linkKey;
        address attestor;
    }

    bytes32 private constant CLAIM = keccak256(
        "Claim(address coin,address sender,uint256 amount,address linkKey,address attestor,bytes32 handle,uint256 cancelFrom,uint256 expiry,bytes32 salt)"
    );
    bytes32 private constant CLAIM_TO = keccak256("ClaimTo(bytes32 id,address recipient,uint256 deadline)");
    bytes32 private constant ATTEST_CLAIM = keccak256("AttestClaim(bytes32 id,address recipient,uint256 deadline)");
    bytes32 private constant DECLINE_CLAIM = keccak256("DeclineClaim(bytes32 id,uint256 deadline)");
    bytes32 private constant CANCEL_CLAIM = keccak256("CancelClaim(bytes32 id,uint256 deadline)");

    /// @dev Half a year: long enough for somebody to get their first phone, short enough that a lost link is not a lost balance.
    uint256 private constant LONGEST_TERM = 180 days;

    mapping(bytes32 id => Record) private _records;

    /// @param coins_ the coins dealt in, kept for ever.
    constructor(address[] memory coins_) Escrow(coins_) EIP712("Remesa Claims", "1") {}

    /// @inheritdoc IClaimEscrow
    function open(Claim calldata terms, bytes calldata signature) external nonReentrant returns (bytes32 id) {
        _checkTerms(terms.coin, terms.amount);
        if (terms.linkKey == address(0)) revert ClaimLinkKeyMissing();
        _checkBefore(terms.expiry);
        uint256 limit = block.timestamp + LONGEST_TERM;
        if (terms.expiry > limit) revert ClaimExpiryTooFar(terms.expiry, limit);
        if (terms.cancelFrom > terms.expiry) revert ClaimCancelAfterExpiry(terms.cancelFrom, terms.expiry);
        id = idOf(terms);
        _checkId(id);
        Record storage record = _in(id, State.None);

        record.coin = terms.coin;
        record.amount = uint64(terms.amount);
        record.sender = terms.sender;
        record.cancelFrom = uint40(terms.cancelFrom);
        record.expiry = uint40(terms.expiry);
        record.linkKey = terms.linkKey;
        if (terms.attestor != address(0)) record.attestor = terms.attestor;
        emit ClaimOpened(
            id,
            terms.sender,
            terms.coin,
            terms.amount,
            terms.linkKey,
            terms.attestor,
            terms.handle,
            terms.cancelFrom,
            terms.expiry,
            terms.salt
        );
        _move(id, record, msg.sender, State.Open, address(0));
        _take(id, terms.coin, terms.sender, terms.amount, terms.expiry, signature);
    }

    /// @inheritdoc IClaimEscrow
    function claim(
        ClaimTo calldata order,
        bytes calldata linkSignature,
        bytes calldata attestorSignature
    ) external nonReentrant {
        Record storage record = _in(order.id, State.Open);
        _checkOrder(order.deadline);
        address recipient = order.recipient;
        if (recipient == address(0) || recipient == address(this) || recipient == record.coin) {
            revert ClaimRecipientInvalid(recipient);
        }
        _checkBefore(record.expiry);
        address linkKey = record.linkKey;
        _checkSignature(linkKey, keccak256(abi.encode(CLAIM_TO, order)), linkSignature);
        address attestor = record.attestor;
        if (attestor != address(0)) {
            _checkSignature(attestor, keccak256(abi.encode(ATTEST_CLAIM, order)), attestorSignature);
        }
        _close(order.id, record, linkKey, State.Claimed, recipient);
    }

    /// @inheritdoc IClaimEscrow
    function decline(bytes32 id, uint256 deadline, bytes calldata linkSignature) external nonReentrant {
        Record storage record = _in(id, State.Open);
        _checkOrder(deadline);
        _checkBefore(record.expiry);
        address linkKey = record.linkKey;
        _checkSignature(linkKey, keccak256(abi.encode(DECLINE_CLAIM, id, deadline)), linkSignature);
        _close(id, record, linkKey, State.Declined, record.sender);
    }

    /// @inheritdoc IClaimEscrow
    function cancel(bytes32 id) external nonReentrant {
        Record storage record = _in(id, State.Open);
        if (msg.sender != record.sender) revert ClaimSenderOnly(msg.sender, record.sender);
        _cancel(id, record);
    }

    /// @inheritdoc IClaimEscrow
    function cancelBySig(bytes32 id, uint256 deadline, bytes calldata signature) external nonReentrant {
        Record storage record = _in(id, State.Open);
        _checkOrder(deadline);
        _checkSignature(record.sender, keccak256(abi.encode(CANCEL_CLAIM, id, deadline)), signature);
        _cancel(id, record);
    }

    /// @inheritdoc IClaimEscrow
    function reclaim(bytes32 id) external nonReentrant {
        Record storage record = _in(id, State.Open);
        _checkFrom(record.expiry);
        _close(id, record, msg.sender, State.Reclaimed, record.sender);
    }

    /// @inheritdoc IClaimEscrow
    function stateOf(bytes32 id) external view returns (State) {
        return _records[id].state;
    }

    /// @inheritdoc IClaimEscrow
    function claimOf(
        bytes32 id
    )
        external
        view
        returns (
            State state,
            address coin,
            address sender,
            uint256 amount,
            address linkKey,
            address attestor,
            uint256 cancelFrom,
            uint256 expiry
        )
    {
        Record storage record = _records[id];
        (state, coin, sender, amount) = (record.state, record.coin, record.sender, record.amount);
        (linkKey, attestor) = (record.linkKey, record.attestor);
        (cancelFrom, expiry) = (record.cancelFrom, record.expiry);
    }

    /// @inheritdoc IClaimEscrow
    // solhint-disable-next-line func-name-mixedcase
    function DOMAIN_SEPARATOR() external view returns (bytes32) {
        return _domainSeparatorV4();
    }

    /// @inheritdoc IClaimEscrow
    function idOf(Claim calldata terms) public view returns (bytes32) {
        return _hashTypedDataV4(keccak256(abi.encode(CLAIM, terms)));
    }

    function _cancel(bytes32 id, Record storage record) private {
        _checkFrom(record.cancelFrom);
        _checkBefore(record.expiry);
        address sender = record.sender;
        _close(id, record, sender, State.Cancelled, sender);
    }

    /// @dev The one way out: whose coins they were is always the sender, whoever they go to.
    function _close(bytes32 id, Record storage record, address actor, State to, address party) private {
        _move(id, record, actor, to, party);
        _payOrCredit(id, record.coin, record.sender, party, record.amount);
    }

    /// @dev The one place where a state changes: the record and the event together.
    function _move(bytes32 id, Record storage record, address actor, State to, address party) private {
        State from = record.state;
        record.state = to;
        emit ClaimMoved(id, actor, uint8(from), uint8(to), record.amount, party);
    }

    function _in(bytes32 id, State state) private view returns (Record storage record) {
        record = _records[id];
        if (record.state != state) revert ClaimStateInvalid(id, uint8(record.state));
    }

    function _checkBefore(uint256 deadline) private view {
        if (block.timestamp >= deadline) revert ClaimDeadlinePassed(deadline, block.timestamp);
    }

    function _checkFrom(uint256 deadline) private view {
        if (block.timestamp < deadline) revert ClaimDeadlineNotReached(deadline, block.timestamp);
    }

    /// @dev An order's deadline is inclusive: the last second still counts.
    function _checkOrder(uint256 deadline) private view {
        if (block.timestamp > deadline) revert ClaimOrderExpired(deadline, block.timestamp);
    }

    function _checkSignature(address signer, bytes32 structHash, bytes calldata signature) private view {
        if (!Signatures.isValid(signer, _hashTypedDataV4(structHash), signature)) revert ClaimSignatureInvalid(signer);
    }
}
