// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IRedemptionEscrow} from "./interfaces/IRedemptionEscrow.sol";
import {IStablecoin} from "./interfaces/IStablecoin.sol";
import {ITreasury} from "./interfaces/ITreasury.sol";
import {DealerWord} from "./libraries/DealerWord.sol";
import {Signatures} from "./libraries/Signatures.sol";
import {SignedOrders} from "./libraries/SignedOrders.sol";

/// @title Treasury
/// @notice The only minter of the coins.
/// @dev Promises: a deposit is minted at most once, whatever the coin and the amount (TREASURY-1); the supply never rises
/// above the amount last attested (TREASURY-2), nor on an attestation past its lifetime (TREASURY-3), nor for a coin switched
/// off (TREASURY-4); attested moments only go forward (TREASURY-5); only the word of a dealer in a tier mints (TREASURY-6), never
/// above its bucket (TREASURY-7) and in the upper tiers never without its approvals (TREASURY-8); a payout is minted back at
/// most once and at most in full (TREASURY-9); after its announced end a coin is minted for no deposit (TREASURY-10).
/// Holds no coins and has no way to move any.
/// Assumes: a coin whose minting was switched on is a Stablecoin that names this contract as its treasury, mints exactly
/// what it is told and answers with its supply; the attestor is independent of the dealers, the approvers are of both.
/// State is written before the coin is called, so a coin that calls back finds the deposit used and the bucket lower.
contract Treasury is ITreasury, SignedOrders {
    using DealerWord for uint256;

    /// @dev All that minting asks of a coin, in one slot; so the lifetime is kept with the attestation it was given under.
    /// `sunset` is the moment the minting for deposits ends, zero if none was announced.
    struct Reserves {
        uint128 attested;
        uint40 asOf;
        uint24 lifetime;
        bool minting;
        uint40 sunset;
    }

    /// @dev A struct, so that the place of a word is found once for reading and writing.
    struct Dealer {
        uint256 word;
    }

    bytes32 private constant MINT_ORDER = keccak256(
        "MintOrder(address coin,bytes32 depositId,address to,uint256 amount,uint256 deadline)"
    );
    bytes32 private constant MINT_BATCH_ORDER = keccak256(
        "MintBatchOrder(address coin,bytes32 rowsHash,uint256 deadline)"
    );
    bytes32 private constant MINT_RETURN_ORDER = keccak256(
        "MintReturnOrder(address coin,bytes32 redemptionId,uint256 amount,uint256 deadline)"
    );
    bytes32 private constant APPROVE_MINT_ORDER = keccak256("ApproveMintOrder(bytes32 mintKey,uint256 deadline)");
    bytes32 private constant ATTEST_ORDER = keccak256(
        "AttestOrder(bytes32 orderId,address coin,uint256 amount,uint256 asOf,bytes32 reportHash,uint256 deadline)"
    );
    bytes32 private constant MINTING_ORDER = keccak256(
        "MintingOrder(bytes32 orderId,address coin,bool enabled,uint256 deadline)"
    );

    /// @dev The kinds in the single-use keys of mints: for a deposit, and for a payout that came back.
    bytes32 private constant DEPOSIT = keccak256("deposit");
    bytes32 private constant RETURN = keccak256("return");

    /// @dev The kinds in the keys of approvals.
    bytes32 private constant MINT = keccak256("mint");
    bytes32 private constant BATCH = keccak256("batch");

    /// @dev From this tier on a mint needs approvals, as many as the tier's number less one.
    uint256 private constant FIRST_APPROVED_TIER = 3;

    /// @dev The tier whose approved mints wait, and how long: time for somebody to look.
    uint256 private constant DELAYED_TIER = 4;
    uint256 private constant APPROVAL_DELAY = 1 hours;

    /// @dev Far more than any tier needs; a mint looks at all of them.
    uint256 private constant MOST_APPROVALS = 16;

    /// @dev A row of a batch: depositId 32, to 20, amount 8. So many rows to new accounts fit a transaction of 16 million gas.
    uint256 private constant ROW_LENGTH = 60;
    uint256 private constant MOST_ROWS = 200;

    /// @dev A mint to a new account takes under 60,000; new slots are about to cost four times as much.
    uint256 private constant GAS_FLOOR = 250_000;

    /// @dev Time for everybody who deposits to make other arrangements.
    uint256 private constant SUNSET_NOTICE = 30 days;

    /// @dev Below an hour no attestor keeps up and minting only flickers.
    uint256 private constant SHORTEST_LIFETIME = 1 hours;

    /// @dev A monthly report plus two weeks to write it; fits 24 bits.
    uint256 private constant LONGEST_LIFETIME = 45 days;

    mapping(address dealer => Dealer) private _dealers;
    mapping(bytes32 key => bool used) private _keys;
    mapping(address coin => Reserves) private _reserves;
    mapping(address coin => address escrow) private _redemptions;
    mapping(bytes32 mintKey => Approval[]) private _approvals;
    uint256 private _lifetime;

    /// @param authority_ the access manager, kept for ever.
    /// @param lifetime the first attestation lifetime, within the bounds of `setAttestationLifetime`.
    constructor(address authority_, uint256 lifetime) SignedOrders(authority_, "Remesa Treasury", "1") {
        _setLifetime(lifetime);
    }

    /// @inheritdoc ITreasury
    function mint(address coin, bytes32 depositId, address to, uint256 amount) external {
        _mint(coin, depositId, to, amount, msg.sender, _openWord(msg.sender));
    }

    /// @inheritdoc ITreasury
    function mintBySig(MintOrder calldata order, address dealer, bytes calldata signature) external {
        _checkDeadline(order.deadline);
        uint256 word = _openWord(dealer);
        bytes32 structHash = keccak256(
            abi.encode(MINT_ORDER, order.coin, order.depositId, order.to, order.amount, order.deadline)
        );
        _checkSigned(dealer, structHash, signature);
        _mint(order.coin, order.depositId, order.to, order.amount, dealer, word);
    }

    /// @inheritdoc ITreasury
    function mintBatch(address coin, bytes calldata rows) external {
        uint256 word = _openWord(msg.sender);
        _mintBatch(coin, msg.sender, word.tier(), rows, keccak256(rows));
    }

    /// @inheritdoc ITreasury
    function mintBatchBySig(
        MintBatchOrder calldata order,
        address dealer,
        bytes calldata rows,
        bytes calldata signature
    ) external {
        _checkDeadline(order.deadline);
        uint256 word = _openWord(dealer);
        _checkSigned(
            dealer,
            keccak256(abi.encode(MINT_BATCH_ORDER, order.coin, order.rowsHash, order.deadline)),
            signature
        );
        bytes32 actual = keccak256(rows);
        if (actual != order.rowsHash) revert TreasuryRowsMismatch(order.rowsHash, actual);
        _mintBatch(order.coin, dealer, word.tier(), rows, actual);
    }

    /// @inheritdoc ITreasury
    function mintReturn(address coin, bytes32 redemptionId, uint256 amount) external {
        _openWord(msg.sender);
        _mintReturn(coin, redemptionId, amount, msg.sender);
    }

    /// @inheritdoc ITreasury
    function mintReturnBySig(MintReturnOrder calldata order, address dealer, bytes calldata signature) external {
        _checkDeadline(order.deadline);
        _openWord(dealer);
        bytes32 structHash = keccak256(
            abi.encode(MINT_RETURN_ORDER, order.coin, order.redemptionId, order.amount, order.deadline)
        );
        _checkSigned(dealer, structHash, signature);
        _mintReturn(order.coin, order.redemptionId, order.amount, dealer);
    }

    /// @inheritdoc ITreasury
    function approveMint(bytes32 mintKey) external restricted {
        _approve(mintKey, msg.sender);
    }

    /// @inheritdoc ITreasury
    function approveMintBySig(ApproveMintOrder calldata order, address signer, bytes calldata signature) external {
        bytes32 structHash = keccak256(abi.encode(APPROVE_MINT_ORDER, order.mintKey, order.deadline));
        _checkOrder(signer, this.approveMint.selector, order.deadline, structHash, signature);
        _approve(order.mintKey, signer);
    }

    /// @inheritdoc ITreasury
    function setDealer(address dealer, uint256 tier) external restricted {
        if (dealer == address(0)) revert TreasuryDealerUnknown(dealer);
        if (tier > DealerWord.HIGHEST_TIER) revert TreasuryTierUnknown(tier, DealerWord.HIGHEST_TIER);
        uint256 word = _dealers[dealer].word;
        _dealers[dealer].word = word.withTier(tier, block.timestamp);
        emit DealerChanged(dealer, word.tier(), tier);
    }

    /// @inheritdoc ITreasury
    function announceSunset(address coin, uint256 sunset) external restricted {
        Reserves storage reserves = _reserves[coin];
        if (reserves.sunset != 0) revert TreasurySunsetAnnounced(coin, reserves.sunset);
        uint256 earliest = block.timestamp + SUNSET_NOTICE;
        if (sunset < earliest) revert TreasurySunsetTooSoon(sunset, earliest);
        if (sunset > type(uint40).max) revert TreasurySunsetTooFar(sunset, type(uint40).max);
        reserves.sunset = uint40(sunset);
        emit SunsetAnnounced(coin, sunset);
    }

    /// @inheritdoc ITreasury
    function attest(address coin, uint256 amount, uint256 asOf, bytes32 reportHash) external restricted {
        _attest(coin, amount, asOf, reportHash, msg.sender);
    }

    /// @inheritdoc ITreasury
    function attestBySig(AttestOrder calldata order, address signer, bytes calldata signature) external {
        bytes32 structHash = keccak256(
            abi.encode(
                ATTEST_ORDER,
                order.orderId,
                order.coin,
                order.amount,
                order.asOf,
                order.reportHash,
                order.deadline
            )
        );
        _useOrder(signer, this.attest.selector, order.deadline, structHash, signature, order.orderId);
        _attest(order.coin, order.amount, order.asOf, order.reportHash, signer);
    }

    /// @inheritdoc ITreasury
    function setAttestationLifetime(uint256 lifetime) external restricted {
        _setLifetime(lifetime);
    }

    /// @inheritdoc ITreasury
    function setMinting(address coin, bool enabled) external restricted {
        _setMinting(coin, enabled, msg.sender);
    }

    /// @inheritdoc ITreasury
    function setMintingBySig(MintingOrder calldata order, address signer, bytes calldata signature) external {
        bytes32 structHash = keccak256(
            abi.encode(MINTING_ORDER, order.orderId, order.coin, order.enabled, order.deadline)
        );
        _useOrder(signer, this.setMinting.selector, order.deadline, structHash, signature, order.orderId);
        _setMinting(order.coin, order.enabled, signer);
    }

    /// @inheritdoc ITreasury
    function setRedemptions(address coin, address escrow) external restricted {
        if (escrow != address(0) && !IStablecoin(coin).isEscrow(escrow)) revert TreasuryEscrowUnknown(coin, escrow);
        emit RedemptionsChanged(coin, _redemptions[coin], escrow);
        _redemptions[coin] = escrow;
    }

    /// @inheritdoc ITreasury
    function coverage(address coin) external view returns (uint256 attested, uint256 outstanding) {
        attested = _reserves[coin].attested;
        outstanding = IStablecoin(coin).totalSupply();
        address escrow = _redemptions[coin];
        if (escrow != address(0)) {
            (, , uint256 sent, ) = IRedemptionEscrow(escrow).pending(coin);
            outstanding -= sent + IRedemptionEscrow(escrow).toBurn(coin);
        }
    }

    /// @inheritdoc ITreasury
    function attestation(address coin) external view returns (uint256 amount, uint256 asOf, uint256 staleAt) {
        Reserves storage reserves = _reserves[coin];
        asOf = reserves.asOf;
        return (reserves.attested, asOf, asOf + reserves.lifetime);
    }

    /// @inheritdoc ITreasury
    function attestationLifetime() external view returns (uint256) {
        return _lifetime;
    }

    /// @inheritdoc ITreasury
    function mintingEnabled(address coin) external view returns (bool) {
        return _reserves[coin].minting;
    }

    /// @inheritdoc ITreasury
    function depositUsed(bytes32 depositId) external view returns (bool) {
        return _keys[_keyOf(DEPOSIT, depositId)];
    }

    /// @inheritdoc ITreasury
    function returnUsed(bytes32 redemptionId) external view returns (bool) {
        return _keys[_keyOf(RETURN, redemptionId)];
    }

    /// @inheritdoc ITreasury
    function dealerOf(address dealer) external view returns (uint256 tier, uint256 available) {
        uint256 word = _dealers[dealer].word;
        return (word.tier(), word.available(block.timestamp));
    }

    /// @inheritdoc ITreasury
    function approvalsOf(bytes32 mintKey) external view returns (Approval[] memory) {
        return _approvals[mintKey];
    }

    /// @inheritdoc ITreasury
    function sunsetOf(address coin) external view returns (uint256 sunset) {
        return _reserves[coin].sunset;
    }

    /// @inheritdoc ITreasury
    function redemptionsOf(address coin) external view returns (address escrow) {
        return _redemptions[coin];
    }

    /// @inheritdoc ITreasury
    function mintKeyOf(
        address dealer,
        address coin,
        bytes32 depositId,
        address to,
        uint256 amount
    ) public pure returns (bytes32 mintKey) {
        return keccak256(abi.encode(MINT, dealer, coin, depositId, to, amount));
    }

    /// @inheritdoc ITreasury
    function batchKeyOf(address dealer, address coin, bytes32 rowsHash) public pure returns (bytes32 mintKey) {
        return keccak256(abi.encode(BATCH, dealer, coin, rowsHash));
    }

    /// @dev The word of a dealer that is in a tier.
    function _openWord(address dealer) private view returns (uint256 word) {
        word = _dealers[dealer].word;
        if (word.tier() == 0) revert TreasuryDealerUnknown(dealer);
    }

    function _checkSigned(address dealer, bytes32 structHash, bytes calldata signature) private view {
        if (!Signatures.isValid(dealer, _hashTypedDataV4(structHash), signature)) revert OrderSignatureInvalid(dealer);
    }

    /// @dev A used deposit is told before any passing condition, so that a repeated order always gets the same answer. The
    /// supply is compared when the coin answers with it: one call to the coin instead of two.
    function _mint(address coin, bytes32 depositId, address to, uint256 amount, address dealer, uint256 word) private {
        if (amount == 0) revert TreasuryZeroAmount();
        bytes32 key = _keyOf(DEPOSIT, depositId);
        if (_keys[key]) revert TreasuryDepositUsed(depositId);
        uint256 attested = _checkDeposits(coin);
        uint256 available = word.available(block.timestamp);
        if (amount > available) revert TreasuryDealerLimitExceeded(dealer, amount, available);
        if (word.tier() >= FIRST_APPROVED_TIER) {
            _checkApprovals(dealer, word.tier(), mintKeyOf(dealer, coin, depositId, to, amount));
        }

        unchecked {
            _dealers[dealer].word = word.withLevel(available - amount, block.timestamp);
        }
        _keys[key] = true;
        emit Minted(depositId, dealer, to, coin, amount);
        _checkSupply(IStablecoin(coin).mint(to, amount), attested);
    }

    /// @dev What is true of all rows is asked once; then each row stands for itself.
    function _mintBatch(address coin, address dealer, uint256 tier, bytes calldata rows, bytes32 rowsHash) private {
        if (rows.length == 0 || rows.length % ROW_LENGTH != 0 || rows.length > MOST_ROWS * ROW_LENGTH) {
            revert TreasuryRowsMalformed(rows.length);
        }
        uint256 attested = _checkDeposits(coin);
        if (tier >= FIRST_APPROVED_TIER) _checkApprovals(dealer, tier, batchKeyOf(dealer, coin, rowsHash));
        uint256 supply = IStablecoin(coin).totalSupply();
        uint256 index;
        for (uint256 offset = 0; offset < rows.length; offset += ROW_LENGTH) {
            bytes calldata row = rows[offset:offset + ROW_LENGTH];
            uint256 supplyAfter = _mintRow(coin, dealer, index, row, attested, supply);
            if (supplyAfter != 0) supply = supplyAfter;
            unchecked {
                ++index;
            }
        }
    }

    /// @dev The checks of the single mint in the same order, the reserves beforehand. Returns the supply, or 0 for a row left out.
    function _mintRow(
        address coin,
        address dealer,
        uint256 index,
        bytes calldata row,
        uint256 attested,
        uint256 supply
    ) private returns (uint256 supplyAfter) {
        bytes32 depositId = bytes32(row[:32]);
        address to = address(bytes20(row[32:52]));
        uint256 amount = uint64(bytes8(row[52:]));
        bytes32 key = _keyOf(DEPOSIT, depositId);
        Dealer storage place = _dealers[dealer];
        uint256 word = place.word;
        uint256 available = word.available(block.timestamp);
        bytes4 reason;
        if (amount == 0) reason = TreasuryZeroAmount.selector;
        else if (_keys[key]) reason = TreasuryDepositUsed.selector;
        else if (amount > available) reason = TreasuryDealerLimitExceeded.selector;
        else if (supply + amount > attested) reason = TreasuryReservesExceeded.selector;
        else {
            if (gasleft() < GAS_FLOOR) revert TreasuryGasTooLow(gasleft(), GAS_FLOOR);
            unchecked {
                place.word = word.withLevel(available - amount, block.timestamp);
            }
            _keys[key] = true;
            try IStablecoin(coin).mint(to, amount) returns (uint256 answer) {
                _checkSupply(answer, attested);
                emit Minted(depositId, dealer, to, coin, amount);
                return answer;
            } catch {
                reason = _reason();
                place.word = word;
                _keys[key] = false;
            }
        }
        emit MintSkipped(index, depositId, reason);
    }

    function _mintReturn(address coin, bytes32 redemptionId, uint256 amount, address dealer) private {
        if (amount == 0) revert TreasuryZeroAmount();
        bytes32 key = _keyOf(RETURN, redemptionId);
        if (_keys[key]) revert TreasuryReturnUsed(redemptionId);
        address holder = _checkReturn(coin, redemptionId, amount);
        Reserves memory reserves = _checkMinting(coin);

        _keys[key] = true;
        emit ReturnMinted(redemptionId, dealer, holder, coin, amount);
        _checkSupply(IStablecoin(coin).mint(holder, amount), reserves.attested);
    }

    function _checkReturn(address coin, bytes32 redemptionId, uint256 amount) private view returns (address) {
        address escrow = _redemptions[coin];
        if (escrow == address(0)) revert TreasuryEscrowUnknown(coin, escrow);
        (IRedemptionEscrow.State state, address redeemed, address holder, uint256 limit, , , ) = IRedemptionEscrow(
            escrow
        ).redemptionOf(redemptionId);
        if (state != IRedemptionEscrow.State.Burned || redeemed != coin) {
            revert TreasuryReturnInvalid(redemptionId, uint8(state));
        }
        if (amount > limit) revert TreasuryReturnTooLarge(amount, limit);
        return holder;
    }

    function _approve(bytes32 mintKey, address approver) private {
        Approval[] storage approvals = _approvals[mintKey];
        uint256 count = approvals.length;
        for (uint256 i = 0; i < count; ++i) {
            if (approvals[i].approver == approver) revert TreasuryAlreadyApproved(mintKey, approver);
        }
        if (count == MOST_APPROVALS) revert TreasuryApprovalsFull(mintKey, MOST_APPROVALS);
        approvals.push(Approval(approver, uint40(block.timestamp)));
        emit MintApproved(mintKey, approver, count + 1);
    }

    /// @dev Approvals stand in the order of their moments, so the last one needed is the last one counted.
    function _checkApprovals(address dealer, uint256 tier, bytes32 mintKey) private view {
        Approval[] storage approvals = _approvals[mintKey];
        uint256 need = tier - 1;
        uint256 have;
        uint256 readyAt;
        for (uint256 i = 0; i < approvals.length; ++i) {
            Approval memory approval = approvals[i];
            if (approval.approver == dealer) revert TreasuryApproverIsDealer(dealer);
            if (have < need && _mayCall(approval.approver, this.approveMint.selector)) {
                ++have;
                readyAt = approval.approvedAt;
            }
        }
        if (have < need) revert TreasuryApprovalsMissing(mintKey, have, need);
        if (tier >= DELAYED_TIER) readyAt += APPROVAL_DELAY;
        if (block.timestamp < readyAt) revert TreasuryMintTooEarly(mintKey, readyAt, block.timestamp);
    }

    /// @dev What every mint asks of a coin. Returns all that is known of it.
    function _checkMinting(address coin) private view returns (Reserves memory reserves) {
        reserves = _reserves[coin];
        if (!reserves.minting) revert TreasuryMintingOff(coin);
        uint256 oldest = block.timestamp - reserves.lifetime + 1;
        if (reserves.asOf < oldest) revert TreasuryAttestationStale(reserves.asOf, oldest);
    }

    /// @dev What a mint for a deposit asks of a coin besides. Returns the attested amount.
    function _checkDeposits(address coin) private view returns (uint256 attested) {
        Reserves memory reserves = _checkMinting(coin);
        uint256 sunset = reserves.sunset;
        if (sunset != 0 && block.timestamp >= sunset) revert TreasurySunset(coin, sunset);
        return reserves.attested;
    }

    function _checkSupply(uint256 supply, uint256 attested) private pure {
        if (supply > attested) revert TreasuryReservesExceeded(supply, attested);
    }

    /// @dev The selector of the error that the last call ended with, zero if it gave less than one. Nothing more is copied.
    function _reason() private pure returns (bytes4 reason) {
        assembly ("memory-safe") {
            if gt(returndatasize(), 3) {
                returndatacopy(0x00, 0x00, 0x04)
                reason := and(mload(0x00), shl(224, 0xffffffff))
            }
        }
    }

    function _attest(address coin, uint256 amount, uint256 asOf, bytes32 reportHash, address attestor) private {
        if (amount > type(uint128).max) revert TreasuryAttestedTooLarge(amount, type(uint128).max);
        if (asOf > block.timestamp) revert TreasuryAsOfInFuture(asOf, block.timestamp);
        Reserves storage reserves = _reserves[coin];
        uint256 oldAsOf = reserves.asOf;
        if (asOf <= oldAsOf) revert TreasuryAsOfNotNewer(asOf, oldAsOf);
        emit ReservesAttested(coin, attestor, reserves.attested, amount, oldAsOf, asOf, reportHash);
        reserves.attested = uint128(amount);
        reserves.asOf = uint40(asOf);
        reserves.lifetime = uint24(_lifetime);
    }

    function _setMinting(address coin, bool enabled, address actor) private {
        emit MintingChanged(coin, actor, _reserves[coin].minting, enabled);
        _reserves[coin].minting = enabled;
    }

    function _setLifetime(uint256 lifetime) private {
        if (lifetime < SHORTEST_LIFETIME || lifetime > LONGEST_LIFETIME) {
            revert TreasuryLifetimeOutOfBounds(lifetime, SHORTEST_LIFETIME, LONGEST_LIFETIME);
        }
        emit AttestationLifetimeChanged(_lifetime, lifetime);
        _lifetime = lifetime;
    }

    function _keyOf(bytes32 kind, bytes32 id) private pure returns (bytes32) {
        return keccak256(abi.encode(kind, id));
    }
}
