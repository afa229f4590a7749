// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IRedemptionEscrow} from "../interfaces/IRedemptionEscrow.sol";
import {Signatures} from "../libraries/Signatures.sol";
import {SignedOrders} from "../libraries/SignedOrders.sol";
import {Escrow} from "./Escrow.sol";

/// @title RedemptionEscrow
/// @notice Coins against money in a bank account, step by step, with a way out of every step for the holder.
/// @dev Promises: an id is created once (REDEMPTION-1); a terminal state is terminal, so a redemption is either burned or
/// returned and never both (REDEMPTION-2); each id pays out exactly what came in, to the burn or to its holder (REDEMPTION-3);
/// the published totals are the sums over the ids (REDEMPTION-4); at each moment exactly one side may act (REDEMPTION-5);
/// after the last deadline anyone's call leaves nothing open (REDEMPTION-6); at or above the second key's limit nothing is
/// marked sent by one key alone (REDEMPTION-7). Neither the agent nor the arbiter can pay itself or keep coins.
/// Assumes: the desk marks a redemption sent before its money leaves the bank; the coins grant this contract the role to burn
/// its own balance (without it burning only waits).
contract RedemptionEscrow is IRedemptionEscrow, Escrow, SignedOrders {
    /// @dev Two slots. The later deadlines are kept as seconds after acceptBy; 30 days fit 24 bits.
    struct Record {
        address coin;
        uint64 amount;
        State state;
        address holder;
        uint40 acceptBy;
        uint24 payoutAfter;
        uint24 finalAfter;
    }

    /// @dev One slot per coin, and a second for what is rarely touched.
    struct Totals {
        uint64 locked;
        uint64 accepted;
        uint64 sent;
        uint64 toBurn;
        uint64 disputed;
    }

    bytes32 private constant REDEMPTION = keccak256(
        "Redemption(address coin,address holder,uint256 amount,bytes32 payout,uint256 acceptBy,uint256 payoutBy,uint256 finalBy,bytes32 salt)"
    );
    bytes32 private constant CANCEL_REDEMPTION = keccak256("CancelRedemption(bytes32 id,uint256 deadline)");
    bytes32 private constant DISPUTE_REDEMPTION = keccak256("DisputeRedemption(bytes32 id,uint256 deadline)");
    bytes32 private constant ACCEPT_ORDER = keccak256("AcceptOrder(bytes32 id,uint256 deadline)");
    bytes32 private constant REJECT_ORDER = keccak256(
        "RejectOrder(bytes32 id,uint8 state,bytes32 reason,uint256 deadline)"
    );
    bytes32 private constant MARK_SENT_ORDER = keccak256(
        "MarkSentOrder(bytes32 id,bytes32 bankReference,uint256 deadline)"
    );
    bytes32 private constant CONFIRM_ORDER = keccak256(
        "ConfirmOrder(bytes32 id,bytes32 bankReference,uint256 deadline)"
    );

    bytes32 private constant APPROVE_ORDER = keccak256("ApproveOrder(bytes32 id,uint256 deadline)");
    bytes32 private constant RESOLVE_ORDER = keccak256(
        "ResolveOrder(bytes32 id,bool paid,bytes32 ref,uint256 deadline)"
    );

    /// @dev Base units in a cent: the coins have 6 decimals, banks have 2.
    uint256 private constant CENT = 10_000;

    /// @dev Long enough for the slowest bank, short enough that nobody waits a quarter for coins the desk forgot.
    uint256 private constant LONGEST_TERM = 30 days;

    /// @dev How long after finalBy the arbiter may decide: banks answer an inquiry within two weeks.
    uint256 private constant DISPUTE_TERM = 15 days;

    mapping(bytes32 id => Record) private _records;
    mapping(address coin => Totals) private _totals;
    mapping(bytes32 id => address approver) private _approvers;

    /// @dev Kept as the difference from 2^256 − 1, so that a limit never set is off.
    mapping(address coin => uint256 belowMax) private _secondKeyLimits;

    /// @param authority_ the access manager, kept for ever.
    /// @param coins_ the coins dealt in, kept for ever.
    constructor(
        address authority_,
        address[] memory coins_
    ) Escrow(coins_) SignedOrders(authority_, "Remesa Redemption", "1") {}

    /// @inheritdoc IRedemptionEscrow
    function lock(Redemption calldata terms, bytes calldata signature) external nonReentrant returns (bytes32 id) {
        _checkTerms(terms.coin, terms.amount);
        if (terms.amount % CENT != 0) revert RedemptionNotWholeCents(terms.amount);
        _checkDeadlines(terms.acceptBy, terms.payoutBy, terms.finalBy);
        id = idOf(terms);
        _checkId(id);
        Record storage record = _records[id];
        if (record.state != State.None) revert RedemptionStateInvalid(id, uint8(record.state));

        record.coin = terms.coin;
        record.amount = uint64(terms.amount);
        record.holder = terms.holder;
        record.acceptBy = uint40(terms.acceptBy);
        record.payoutAfter = uint24(terms.payoutBy - terms.acceptBy);
        record.finalAfter = uint24(terms.finalBy - terms.acceptBy);
        emit RedemptionLocked(
            id,
            terms.holder,
            terms.coin,
            terms.amount,
            terms.payout,
            terms.acceptBy,
            terms.payoutBy,
            terms.finalBy,
            terms.salt
        );
        _move(id, record, msg.sender, State.Locked, bytes32(0));
        _take(id, terms.coin, terms.holder, terms.amount, terms.acceptBy, signature);
    }

    /// @inheritdoc IRedemptionEscrow
    function cancel(bytes32 id) external nonReentrant {
        Record storage record = _in(id, State.Locked);
        _checkHolder(record);
        _checkBefore(_deadlineOf(id, record));
        _return(id, record, msg.sender, bytes32(0));
    }

    /// @inheritdoc IRedemptionEscrow
    function cancelBySig(bytes32 id, uint256 deadline, bytes calldata signature) external nonReentrant {
        Record storage record = _in(id, State.Locked);
        address holder = _checkHolderSigned(record, CANCEL_REDEMPTION, id, deadline, signature);
        _checkBefore(_deadlineOf(id, record));
        _return(id, record, holder, bytes32(0));
    }

    /// @inheritdoc IRedemptionEscrow
    function accept(bytes32 id) external restricted nonReentrant {
        _accept(id, msg.sender);
    }

    /// @inheritdoc IRedemptionEscrow
    function acceptBySig(AcceptOrder calldata order, address signer, bytes calldata signature) external nonReentrant {
        bytes32 structHash = keccak256(abi.encode(ACCEPT_ORDER, order.id, order.deadline));
        _checkOrder(signer, this.accept.selector, order.deadline, structHash, signature);
        _accept(order.id, signer);
    }

    /// @inheritdoc IRedemptionEscrow
    function reject(bytes32 id, bytes32 reason) external restricted nonReentrant {
        _reject(id, msg.sender, reason);
    }

    /// @inheritdoc IRedemptionEscrow
    function rejectBySig(RejectOrder calldata order, address signer, bytes calldata signature) external nonReentrant {
        bytes32 structHash = keccak256(abi.encode(REJECT_ORDER, order.id, order.state, order.reason, order.deadline));
        _checkOrder(signer, this.reject.selector, order.deadline, structHash, signature);
        uint8 state = uint8(_records[order.id].state);
        if (state != order.state) revert RedemptionStateInvalid(order.id, state);
        _reject(order.id, signer, order.reason);
    }

    /// @inheritdoc IRedemptionEscrow
    function approve(bytes32 id) external restricted nonReentrant {
        _approve(id, msg.sender);
    }

    /// @inheritdoc IRedemptionEscrow
    function approveBySig(ApproveOrder calldata order, address signer, bytes calldata signature) external nonReentrant {
        bytes32 structHash = keccak256(abi.encode(APPROVE_ORDER, order.id, order.deadline));
        _checkOrder(signer, this.approve.selector, order.deadline, structHash, signature);
        _approve(order.id, signer);
    }

    /// @inheritdoc IRedemptionEscrow
    function markSent(bytes32 id, bytes32 bankReference) external restricted nonReentrant {
        _markSent(id, msg.sender, bankReference);
    }

    /// @inheritdoc IRedemptionEscrow
    function markSentBySig(
        MarkSentOrder calldata order,
        address signer,
        bytes calldata signature
    ) external nonReentrant {
        bytes32 structHash = keccak256(abi.encode(MARK_SENT_ORDER, order.id, order.bankReference, order.deadline));
        _checkOrder(signer, this.markSent.selector, order.deadline, structHash, signature);
        _markSent(order.id, signer, order.bankReference);
    }

    /// @inheritdoc IRedemptionEscrow
    function confirm(bytes32 id, bytes32 bankReference) external restricted nonReentrant {
        _confirm(id, msg.sender, bankReference);
    }

    /// @inheritdoc IRedemptionEscrow
    function confirmBySig(ConfirmOrder calldata order, address signer, bytes calldata signature) external nonReentrant {
        bytes32 structHash = keccak256(abi.encode(CONFIRM_ORDER, order.id, order.bankReference, order.deadline));
        _checkOrder(signer, this.confirm.selector, order.deadline, structHash, signature);
        _confirm(order.id, signer, order.bankReference);
    }

    /// @inheritdoc IRedemptionEscrow
    function dispute(bytes32 id) external nonReentrant {
        Record storage record = _in(id, State.Sent);
        _checkHolder(record);
        _checkBefore(_deadlineOf(id, record));
        _move(id, record, msg.sender, State.Disputed, bytes32(0));
    }

    /// @inheritdoc IRedemptionEscrow
    function disputeBySig(bytes32 id, uint256 deadline, bytes calldata signature) external nonReentrant {
        Record storage record = _in(id, State.Sent);
        address holder = _checkHolderSigned(record, DISPUTE_REDEMPTION, id, deadline, signature);
        _checkBefore(_deadlineOf(id, record));
        _move(id, record, holder, State.Disputed, bytes32(0));
    }

    /// @inheritdoc IRedemptionEscrow
    function resolve(bytes32 id, bool paid, bytes32 ref) external restricted nonReentrant {
        _resolve(id, msg.sender, paid, ref);
    }

    /// @inheritdoc IRedemptionEscrow
    function resolveBySig(ResolveOrder calldata order, address signer, bytes calldata signature) external nonReentrant {
        bytes32 structHash = keccak256(abi.encode(RESOLVE_ORDER, order.id, order.paid, order.ref, order.deadline));
        _checkOrder(signer, this.resolve.selector, order.deadline, structHash, signature);
        _resolve(order.id, signer, order.paid, order.ref);
    }

    /// @inheritdoc IRedemptionEscrow
    function reclaim(bytes32 id) external nonReentrant {
        Record storage record = _records[id];
        uint256 deadline = _deadlineOf(id, record);
        if (block.timestamp < deadline) revert RedemptionDeadlineNotReached(deadline, block.timestamp);
        _return(id, record, msg.sender, bytes32(0));
    }

    /// @inheritdoc IRedemptionEscrow
    function burnPending(address coin) external nonReentrant {
        uint256 amount = _totals[coin].toBurn;
        if (amount == 0) revert RedemptionNothingToBurn(coin);
        _totals[coin].toBurn = 0;
        emit RedemptionPendingBurned(coin, msg.sender, amount);
        _burn(coin, amount);
    }

    /// @inheritdoc IRedemptionEscrow
    function setSecondKeyLimit(address coin, uint256 limit) external restricted nonReentrant {
        _checkTerms(coin, MAX_AMOUNT);
        emit RedemptionSecondKeyLimitChanged(coin, secondKeyLimitOf(coin), limit);
        _secondKeyLimits[coin] = type(uint256).max - limit;
    }

    /// @inheritdoc IRedemptionEscrow
    function stateOf(bytes32 id) external view returns (State) {
        return _records[id].state;
    }

    /// @inheritdoc IRedemptionEscrow
    function redemptionOf(
        bytes32 id
    )
        external
        view
        returns (
            State state,
            address coin,
            address holder,
            uint256 amount,
            uint256 acceptBy,
            uint256 payoutBy,
            uint256 finalBy
        )
    {
        Record memory record = _records[id];
        acceptBy = record.acceptBy;
        payoutBy = acceptBy + record.payoutAfter;
        finalBy = acceptBy + record.finalAfter;
        return (record.state, record.coin, record.holder, record.amount, acceptBy, payoutBy, finalBy);
    }

    /// @inheritdoc IRedemptionEscrow
    function pending(
        address coin
    ) external view returns (uint256 locked, uint256 accepted, uint256 sent, uint256 disputed) {
        Totals storage totals = _totals[coin];
        return (totals.locked, totals.accepted, totals.sent, totals.disputed);
    }

    /// @inheritdoc IRedemptionEscrow
    function toBurn(address coin) external view returns (uint256) {
        return _totals[coin].toBurn;
    }

    /// @inheritdoc IRedemptionEscrow
    function approverOf(bytes32 id) external view returns (address approver) {
        return _approvers[id];
    }

    /// @inheritdoc IRedemptionEscrow
    function secondKeyLimitOf(address coin) public view returns (uint256 limit) {
        return type(uint256).max - _secondKeyLimits[coin];
    }

    /// @inheritdoc IRedemptionEscrow
    function idOf(Redemption calldata terms) public view returns (bytes32) {
        return
            _hashTypedDataV4(
                keccak256(
                    abi.encode(
                        REDEMPTION,
                        terms.coin,
                        terms.holder,
                        terms.amount,
                        terms.payout,
                        terms.acceptBy,
                        terms.payoutBy,
                        terms.finalBy,
                        terms.salt
                    )
                )
            );
    }

    function _accept(bytes32 id, address actor) private {
        Record storage record = _in(id, State.Locked);
        _checkBefore(_deadlineOf(id, record));
        _move(id, record, actor, State.Accepted, bytes32(0));
    }

    function _reject(bytes32 id, address actor, bytes32 reason) private {
        Record storage record = _records[id];
        if (record.state != State.Accepted) _in(id, State.Locked);
        _checkBefore(_deadlineOf(id, record));
        _return(id, record, actor, reason);
    }

    function _markSent(bytes32 id, address actor, bytes32 bankReference) private {
        Record storage record = _in(id, State.Accepted);
        _checkBefore(_deadlineOf(id, record));
        _checkSecondKey(id, record, actor);
        _move(id, record, actor, State.Sent, bankReference);
    }

    function _approve(bytes32 id, address approver) private {
        Record storage record = _in(id, State.Accepted);
        _checkBefore(_deadlineOf(id, record));
        address current = _approvers[id];
        if (_mayApprove(current)) revert RedemptionAlreadyApproved(id, current);
        _approvers[id] = approver;
        emit RedemptionApproved(id, approver);
    }

    function _checkSecondKey(bytes32 id, Record storage record, address actor) private view {
        uint256 limit = secondKeyLimitOf(record.coin);
        uint256 amount = record.amount;
        if (amount < limit) return;
        address approver = _approvers[id];
        if (!_mayApprove(approver)) revert RedemptionApprovalMissing(id, amount, limit);
        if (approver == actor) revert RedemptionSameKey(actor);
    }

    /// @dev An approval counts as long as its giver could give it again.
    function _mayApprove(address approver) private view returns (bool) {
        return approver != address(0) && _mayCall(approver, this.approve.selector);
    }

    function _confirm(bytes32 id, address actor, bytes32 bankReference) private {
        Record storage record = _in(id, State.Sent);
        _checkBefore(_deadlineOf(id, record));
        _burnOrDefer(id, record, actor, bankReference);
    }

    function _resolve(bytes32 id, address actor, bool paid, bytes32 ref) private {
        Record storage record = _in(id, State.Disputed);
        _checkBefore(_deadlineOf(id, record));
        if (paid) _burnOrDefer(id, record, actor, ref);
        else _return(id, record, actor, ref);
    }

    /// @dev Terminal and without a way to fail: what the coin does not burn now waits for `burnPending`.
    function _burnOrDefer(bytes32 id, Record storage record, address actor, bytes32 ref) private {
        _move(id, record, actor, State.Burned, ref);
        address coin = record.coin;
        uint64 amount = record.amount;
        if (!_tryBurn(coin, amount)) {
            _totals[coin].toBurn += amount;
            emit RedemptionBurnDeferred(id, coin, amount);
        }
    }

    function _return(bytes32 id, Record storage record, address actor, bytes32 ref) private {
        _move(id, record, actor, State.Returned, ref);
        _payOrCredit(id, record.coin, record.holder, record.holder, record.amount);
    }

    /// @dev The one place where a state changes: the record, the totals and the event together.
    function _move(bytes32 id, Record storage record, address actor, State to, bytes32 ref) private {
        State from = record.state;
        uint64 amount = record.amount;
        Totals storage totals = _totals[record.coin];
        if (from == State.Locked) totals.locked -= amount;
        if (from == State.Accepted) totals.accepted -= amount;
        if (from == State.Sent) totals.sent -= amount;
        if (from == State.Disputed) totals.disputed -= amount;
        if (to == State.Locked) totals.locked += amount;
        if (to == State.Accepted) totals.accepted += amount;
        if (to == State.Sent) totals.sent += amount;
        if (to == State.Disputed) totals.disputed += amount;
        record.state = to;
        emit RedemptionMoved(id, actor, uint8(from), uint8(to), amount, ref);
    }

    function _in(bytes32 id, State state) private view returns (Record storage record) {
        record = _records[id];
        if (record.state != state) revert RedemptionStateInvalid(id, uint8(record.state));
    }

    function _checkHolder(Record storage record) private view {
        if (msg.sender != record.holder) revert RedemptionHolderOnly(msg.sender, record.holder);
    }

    /// @dev The holder's word about its own redemption, in one of the two structs of id and deadline. Returns the holder.
    function _checkHolderSigned(
        Record storage record,
        bytes32 typeHash,
        bytes32 id,
        uint256 deadline,
        bytes calldata signature
    ) private view returns (address holder) {
        _checkDeadline(deadline);
        holder = record.holder;
        bytes32 digest = _hashTypedDataV4(keccak256(abi.encode(typeHash, id, deadline)));
        if (!Signatures.isValid(holder, digest, signature)) revert OrderSignatureInvalid(holder);
    }

    /// @dev The moment at which the redemption's state falls to `reclaim`.
    function _deadlineOf(bytes32 id, Record storage record) private view returns (uint256) {
        State state = record.state;
        if (state == State.Locked) return record.acceptBy;
        if (state == State.Accepted) return uint256(record.acceptBy) + record.payoutAfter;
        if (state == State.Sent) return uint256(record.acceptBy) + record.finalAfter;
        if (state == State.Disputed) return uint256(record.acceptBy) + record.finalAfter + DISPUTE_TERM;
        revert RedemptionStateInvalid(id, uint8(state));
    }

    function _checkBefore(uint256 deadline) private view {
        if (block.timestamp >= deadline) revert RedemptionDeadlinePassed(deadline, block.timestamp);
    }

    function _checkDeadlines(uint256 acceptBy, uint256 payoutBy, uint256 finalBy) private view {
        _checkBefore(acceptBy);
        if (acceptBy >= payoutBy || payoutBy >= finalBy) {
            revert RedemptionDeadlinesUnordered(acceptBy, payoutBy, finalBy);
        }
        uint256 limit = block.timestamp + LONGEST_TERM;
        if (finalBy > limit) revert RedemptionDeadlineTooFar(finalBy, limit);
    }
}
