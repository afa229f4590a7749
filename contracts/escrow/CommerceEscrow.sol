// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {ICommerceEscrow} from "../interfaces/ICommerceEscrow.sol";
import {Signatures} from "../libraries/Signatures.sol";
import {Escrow} from "./Escrow.sol";

/// @title CommerceEscrow
/// @notice A payer's coins put aside for a merchant: captured in parts, given back, refunded, and divided by an arbiter in a dispute.
/// @dev Promises: an id is authorized once, and captured and voided together never pass what was authorized (COMMERCE-1); refunded
/// never passes captured, and each refund is the merchant's own coins (COMMERCE-2); all fees of a payment are the one formula on
/// its captured total, within the bounds its payer signed (COMMERCE-3); of each id what came in is what went out or is still
/// here (COMMERCE-4); a payment of which nothing remains stays so (COMMERCE-5); from the last deadline on anyone's call leaves
/// nothing (COMMERCE-6); nobody but payer, merchant and fee receiver of the terms is ever paid (COMMERCE-7).
/// Assumes: the arbiter of the terms is the payer's and the merchant's own choice; a merchant's key decides over captures alone,
/// and the worst it can do is to capture what its payers authorized.
contract CommerceEscrow is ICommerceEscrow, Escrow {
    /// @dev The first slot serves every step but refunds, and says whether the second holds anything. The rate counts only
    /// once something is captured.
    struct Record {
        uint64 authorized;
        uint64 captured;
        uint64 voided;
        uint16 feeBps;
        bool disputed;
        bool hasRefunds;
        uint64 refunded;
    }

    bytes32 private constant PAYMENT = keccak256(
        "Payment(address coin,address payer,address merchant,uint256 amount,address feeReceiver,uint256 minFeeBps,uint256 maxFeeBps,address arbiter,uint256 authorizeBy,uint256 captureBy,uint256 refundBy,bytes32 salt)"
    );
    bytes32 private constant CAPTURE = keccak256(
        "Capture(bytes32 id,uint256 amount,uint256 captured,uint256 voided,uint256 feeBps,bool voidRest,uint256 deadline)"
    );
    bytes32 private constant VOID = keccak256(
        "Void(bytes32 id,uint256 amount,uint256 captured,uint256 voided,uint256 deadline)"
    );
    bytes32 private constant DISPUTE_PAYMENT = keccak256(
        "DisputePayment(bytes32 id,uint256 captured,uint256 voided,uint256 deadline)"
    );
    bytes32 private constant RESOLVE_PAYMENT = keccak256(
        "ResolvePayment(bytes32 id,uint256 toMerchant,uint256 captured,uint256 voided,uint256 feeBps,uint256 deadline)"
    );
    bytes32 private constant REFUND = keccak256("refund");

    /// @dev Hundredths of a percent in a whole.
    uint256 private constant WHOLE_BPS = 10_000;

    /// @dev As long as card schemes let the longest authorizations live.
    uint256 private constant LONGEST_CAPTURE = 90 days;

    /// @dev As long as buyers are commonly given to complain.
    uint256 private constant LONGEST_REFUND = 180 days;

    /// @dev Time for an arbiter beyond `captureBy`; as long as a redemption waits for its bank at most.
    uint256 private constant ARBITRATION = 15 days;

    mapping(bytes32 id => Record) private _records;

    /// @param coins_ the coins dealt in, kept for ever.
    constructor(address[] memory coins_) Escrow(coins_) EIP712("Remesa Commerce", "1") {}

    /// @inheritdoc ICommerceEscrow
    function authorize(Payment calldata terms, bytes calldata signature) external nonReentrant returns (bytes32 id) {
        return _authorize(terms, signature);
    }

    /// @inheritdoc ICommerceEscrow
    function capture(Payment calldata terms, Capture calldata order, bytes calldata signature) external nonReentrant {
        (bytes32 id, Record storage record) = _known(terms);
        _capture(id, record, terms, order, signature);
    }

    /// @inheritdoc ICommerceEscrow
    function charge(
        Payment calldata terms,
        bytes calldata payerSignature,
        Capture calldata order,
        bytes calldata merchantSignature
    ) external nonReentrant returns (bytes32 id) {
        id = _authorize(terms, payerSignature);
        _capture(id, _records[id], terms, order, merchantSignature);
    }

    /// @inheritdoc ICommerceEscrow
    function void(Payment calldata terms, Void calldata order, bytes calldata signature) external nonReentrant {
        (bytes32 id, Record storage record) = _known(terms);
        bytes32 structHash = keccak256(abi.encode(VOID, order));
        _checkOrder(id, order.id, order.deadline, structHash, terms.merchant, signature);
        _checkBefore(_endOf(record, terms.captureBy));
        _checkTotals(id, record, order.captured, order.voided);
        _checkAmount(id, order.amount, _remaining(record));

        _return(id, record, terms, order.amount, terms.merchant, Step.Void);
    }

    /// @inheritdoc ICommerceEscrow
    function reclaim(Payment calldata terms) external nonReentrant {
        (bytes32 id, Record storage record) = _known(terms);
        uint256 rest = _remaining(record);
        if (rest == 0) revert CommerceNothingLeft(id);
        uint256 deadline = _endOf(record, terms.captureBy);
        if (block.timestamp < deadline) revert CommerceDeadlineNotReached(deadline, block.timestamp);

        _return(id, record, terms, rest, msg.sender, Step.Reclaim);
    }

    /// @inheritdoc ICommerceEscrow
    function refund(
        Payment calldata terms,
        uint256 amount,
        uint256 refunded,
        bytes calldata signature
    ) external nonReentrant {
        (bytes32 id, Record storage record) = _known(terms);
        if (record.refunded != refunded) revert CommerceRefundedChanged(id, record.refunded);
        _checkAmount(id, amount, record.captured - refunded);
        _checkBefore(terms.refundBy);
        bytes32 nonce = refundNonceOf(id, refunded);
        _checkId(nonce);

        record.hasRefunds = true;
        record.refunded = uint64(refunded + amount);
        _emitMoved(id, record, terms.merchant, Step.Refund, amount, 0);
        _take(nonce, terms.coin, terms.merchant, amount, terms.refundBy, signature);
        _payOrCredit(id, terms.coin, terms.merchant, terms.payer, amount);
    }

    /// @inheritdoc ICommerceEscrow
    function dispute(Payment calldata terms) external nonReentrant {
        (bytes32 id, Record storage record) = _known(terms);
        if (msg.sender != terms.payer) revert CommercePayerOnly(msg.sender, terms.payer);
        _dispute(id, record, terms);
    }

    /// @inheritdoc ICommerceEscrow
    function disputeBySig(Payment calldata terms, uint256 deadline, bytes calldata signature) external nonReentrant {
        (bytes32 id, Record storage record) = _known(terms);
        bytes32 structHash = keccak256(abi.encode(DISPUTE_PAYMENT, id, record.captured, record.voided, deadline));
        _checkOrder(id, id, deadline, structHash, terms.payer, signature);
        _dispute(id, record, terms);
    }

    /// @inheritdoc ICommerceEscrow
    function resolve(
        Payment calldata terms,
        ResolvePayment calldata order,
        bytes calldata signature
    ) external nonReentrant {
        (bytes32 id, Record storage record) = _known(terms);
        bytes32 structHash = keccak256(abi.encode(RESOLVE_PAYMENT, order));
        _checkOrder(id, order.id, order.deadline, structHash, terms.arbiter, signature);
        if (!record.disputed) revert CommerceNotDisputed(id);
        _checkBefore(terms.captureBy + ARBITRATION);
        _checkTotals(id, record, order.captured, order.voided);
        uint256 remaining = _remaining(record);
        if (order.toMerchant > remaining) revert CommerceAmountExceeded(id, order.toMerchant, remaining);
        _checkRate(record, terms, order.feeBps);

        uint256 rest = remaining - order.toMerchant;
        uint256 fee = _divide(record, order.toMerchant, order.feeBps, rest);
        _emitMoved(id, record, terms.arbiter, Step.Resolve, order.toMerchant, fee);
        _payOut(id, terms, order.toMerchant, fee, rest);
    }

    /// @inheritdoc ICommerceEscrow
    function paymentOf(
        bytes32 id
    )
        external
        view
        returns (uint256 authorized, uint256 captured, uint256 voided, uint256 refunded, uint256 feeBps, bool disputed)
    {
        Record memory record = _records[id];
        return (record.authorized, record.captured, record.voided, record.refunded, record.feeBps, record.disputed);
    }

    /// @inheritdoc ICommerceEscrow
    // solhint-disable-next-line func-name-mixedcase
    function DOMAIN_SEPARATOR() external view returns (bytes32) {
        return _domainSeparatorV4();
    }

    /// @inheritdoc ICommerceEscrow
    function idOf(Payment calldata terms) public view returns (bytes32) {
        return _hashTypedDataV4(keccak256(abi.encode(PAYMENT, terms)));
    }

    /// @inheritdoc ICommerceEscrow
    function refundNonceOf(bytes32 id, uint256 refunded) public pure returns (bytes32) {
        return keccak256(abi.encode(id, REFUND, refunded));
    }

    /// @inheritdoc ICommerceEscrow
    function feeOf(uint256 captured, uint256 feeBps) public pure returns (uint256) {
        return (captured * feeBps) / WHOLE_BPS;
    }

    function _authorize(Payment calldata terms, bytes calldata signature) private returns (bytes32 id) {
        _checkTerms(terms.coin, terms.amount);
        _checkParties(terms);
        _checkDeadlines(terms.authorizeBy, terms.captureBy, terms.refundBy);
        id = idOf(terms);
        _checkId(id);
        Record storage record = _records[id];
        if (record.authorized != 0) revert CommerceAlreadyAuthorized(id);

        record.authorized = uint64(terms.amount);
        emit PaymentAuthorized(
            id,
            terms.payer,
            terms.merchant,
            terms.coin,
            terms.amount,
            terms.feeReceiver,
            terms.minFeeBps,
            terms.maxFeeBps,
            terms.arbiter,
            terms.authorizeBy,
            terms.captureBy,
            terms.refundBy,
            terms.salt
        );
        _emitMoved(id, record, terms.payer, Step.Authorize, terms.amount, 0);
        _take(id, terms.coin, terms.payer, terms.amount, terms.authorizeBy, signature);
    }

    function _capture(
        bytes32 id,
        Record storage record,
        Payment calldata terms,
        Capture calldata order,
        bytes calldata signature
    ) private {
        bytes32 structHash = keccak256(abi.encode(CAPTURE, order));
        _checkOrder(id, order.id, order.deadline, structHash, terms.merchant, signature);
        if (record.disputed) revert CommerceDisputed(id);
        _checkBefore(terms.captureBy);
        _checkTotals(id, record, order.captured, order.voided);
        uint256 remaining = _remaining(record);
        _checkAmount(id, order.amount, remaining);
        _checkRate(record, terms, order.feeBps);

        uint256 rest = order.voidRest ? remaining - order.amount : 0;
        uint256 fee = _divide(record, order.amount, order.feeBps, rest);
        _emitMoved(id, record, terms.merchant, Step.Capture, order.amount, fee);
        _payOut(id, terms, order.amount, fee, rest);
    }

    function _dispute(bytes32 id, Record storage record, Payment calldata terms) private {
        if (terms.arbiter == address(0)) revert CommerceNotDisputable(id);
        if (record.disputed) revert CommerceDisputed(id);
        _checkBefore(terms.captureBy);
        uint256 remaining = _remaining(record);
        if (remaining == 0) revert CommerceNothingLeft(id);

        record.disputed = true;
        _emitMoved(id, record, terms.payer, Step.Dispute, remaining, 0);
    }

    /// @dev Books a capture and what is given back with it. All fees of a payment are `feeOf` its captured total, so the fee of
    /// one capture is what that rose by.
    function _divide(
        Record storage record,
        uint256 amount,
        uint256 feeBps,
        uint256 rest
    ) private returns (uint256 fee) {
        uint256 captured = record.captured;
        fee = feeOf(captured + amount, feeBps) - feeOf(captured, feeBps);
        if (amount > 0) record.feeBps = uint16(feeBps);
        record.captured = uint64(captured + amount);
        _book(record, rest);
    }

    /// @dev Gives coins back to the payer that were not captured.
    function _return(
        bytes32 id,
        Record storage record,
        Payment calldata terms,
        uint256 amount,
        address actor,
        Step step
    ) private {
        _book(record, amount);
        _emitMoved(id, record, actor, step, amount, 0);
        _payOrCredit(id, terms.coin, terms.payer, terms.payer, amount);
    }

    /// @dev Books what is given back; a payment of which nothing remains has no open dispute.
    function _book(Record storage record, uint256 amount) private {
        record.voided += uint64(amount);
        if (_remaining(record) == 0) record.disputed = false;
    }

    /// @dev Each party apart: one that cannot be paid has a credit, and the others are paid all the same.
    function _payOut(bytes32 id, Payment calldata terms, uint256 amount, uint256 fee, uint256 rest) private {
        _payOrCredit(id, terms.coin, terms.payer, terms.merchant, amount - fee);
        _payOrCredit(id, terms.coin, terms.payer, terms.feeReceiver, fee);
        _payOrCredit(id, terms.coin, terms.payer, terms.payer, rest);
    }

    function _emitMoved(
        bytes32 id,
        Record storage record,
        address actor,
        Step step,
        uint256 amount,
        uint256 fee
    ) private {
        uint256 refunded = record.hasRefunds ? record.refunded : 0;
        emit PaymentMoved(id, actor, uint8(step), amount, fee, record.captured, record.voided, refunded);
    }

    function _known(Payment calldata terms) private view returns (bytes32 id, Record storage record) {
        id = idOf(terms);
        record = _records[id];
        if (record.authorized == 0) revert CommerceUnknown(id);
    }

    function _remaining(Record storage record) private view returns (uint256) {
        return uint256(record.authorized) - record.captured - record.voided;
    }

    /// @dev The moment from which on what remains falls to `reclaim`.
    function _endOf(Record storage record, uint256 captureBy) private view returns (uint256) {
        return record.disputed ? captureBy + ARBITRATION : captureBy;
    }

    function _checkOrder(
        bytes32 id,
        bytes32 orderId,
        uint256 deadline,
        bytes32 structHash,
        address signer,
        bytes calldata signature
    ) private view {
        if (orderId != id) revert CommerceOrderMismatch(orderId, id);
        if (block.timestamp > deadline) revert CommerceOrderExpired(deadline, block.timestamp);
        if (!Signatures.isValid(signer, _hashTypedDataV4(structHash), signature)) {
            revert CommerceSignatureInvalid(signer);
        }
    }

    function _checkTotals(bytes32 id, Record storage record, uint256 captured, uint256 voided) private view {
        if (record.captured != captured || record.voided != voided) {
            revert CommerceStateChanged(id, record.captured, record.voided);
        }
    }

    function _checkRate(Record storage record, Payment calldata terms, uint256 feeBps) private view {
        if (feeBps < terms.minFeeBps || feeBps > terms.maxFeeBps) {
            revert CommerceFeeOutOfBounds(feeBps, terms.minFeeBps, terms.maxFeeBps);
        }
        if (record.captured > 0 && feeBps != record.feeBps) revert CommerceFeeFixed(feeBps, record.feeBps);
    }

    function _checkAmount(bytes32 id, uint256 amount, uint256 limit) private pure {
        if (amount == 0) revert CommerceZeroAmount();
        if (amount > limit) revert CommerceAmountExceeded(id, amount, limit);
    }

    function _checkBefore(uint256 deadline) private view {
        if (block.timestamp >= deadline) revert CommerceDeadlinePassed(deadline, block.timestamp);
    }

    function _checkParties(Payment calldata terms) private view {
        address merchant = terms.merchant;
        if (merchant == address(0) || merchant == terms.payer || merchant == address(this)) {
            revert CommerceMerchantInvalid(merchant);
        }
        address receiver = terms.feeReceiver;
        bool unpayable = receiver == address(this) || (receiver == address(0) && terms.maxFeeBps > 0);
        if (unpayable || terms.minFeeBps > terms.maxFeeBps || terms.maxFeeBps > WHOLE_BPS) {
            revert CommerceFeeTermsInvalid(terms.minFeeBps, terms.maxFeeBps, receiver);
        }
    }

    function _checkDeadlines(uint256 authorizeBy, uint256 captureBy, uint256 refundBy) private view {
        _checkBefore(authorizeBy);
        if (authorizeBy > captureBy || captureBy > refundBy) {
            revert CommerceDeadlinesUnordered(authorizeBy, captureBy, refundBy);
        }
        _checkNear(captureBy, block.timestamp + LONGEST_CAPTURE);
        _checkNear(refundBy, block.timestamp + LONGEST_REFUND);
    }

    function _checkNear(uint256 deadline, uint256 limit) private pure {
        if (deadline > limit) revert CommerceDeadlineTooFar(deadline, limit);
    }
}
