// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IRedemptionEscrow} from "./interfaces/IRedemptionEscrow.sol";
import {IStablecoin} from "./interfaces/IStablecoin.sol";
import {ITreasury} from "./interfaces/ITreasury.sol";
import {DealerWord} from "./libraries/DealerWord.sol";
import {ReservesWord} from "./libraries/ReservesWord.sol";
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
    using ReservesWord for uint256;

    /// @dev A struct, so that the place of a word is found once for reading and writing.
    struct Dealer {
        uint256 word;
    }

    /// @dev A struct for the same reason, and a whole word, so that nothing beside it has to be kept.
    struct Use {
        uint256 used;
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
    mapping(bytes32 depositId => Use) private _deposits;
    mapping(bytes32 redemptionId => Use) private _returns;
    mapping(address coin => uint256 word) private _reserves;
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
        (Dealer storage place, uint256 word) = _openDealer(msg.sender);
        _mint(coin, depositId, to, amount, msg.sender, place, word);
    }

    /// @inheritdoc ITreasury
    function mintBySig(MintOrder calldata order, address dealer, bytes calldata signature) external {
        _checkDeadline(order.deadline);
        (Dealer storage place, uint256 word) = _openDealer(dealer);
        _checkSigned(dealer, _hashOf(order), signature);
        _mint(order.coin, order.depositId, order.to, order.amount, dealer, place, word);
    }

    /// @inheritdoc ITreasury
    function mintBatch(address coin, bytes calldata rows) external {
        (Dealer storage place, uint256 word) = _openDealer(msg.sender);
        _mintBatch(coin, msg.sender, place, word.tier(), rows, keccak256(rows));
    }

    /// @inheritdoc ITreasury
    function mintBatchBySig(
        MintBatchOrder calldata order,
        address dealer,
        bytes calldata rows,
        bytes calldata signature
    ) external {
        _checkDeadline(order.deadline);
        (Dealer storage place, uint256 word) = _openDealer(dealer);
        _checkSigned(
            dealer,
            keccak256(abi.encode(MINT_BATCH_ORDER, order.coin, order.rowsHash, order.deadline)),
            signature
        );
        bytes32 actual = keccak256(rows);
        if (actual != order.rowsHash) revert TreasuryRowsMismatch(order.rowsHash, actual);
        _mintBatch(order.coin, dealer, place, word.tier(), rows, actual);
    }

    /// @inheritdoc ITreasury
    function mintReturn(address coin, bytes32 redemptionId, uint256 amount) external {
        _openDealer(msg.sender);
        _mintReturn(coin, redemptionId, amount, msg.sender);
    }

    /// @inheritdoc ITreasury
    function mintReturnBySig(MintReturnOrder calldata order, address dealer, bytes calldata signature) external {
        _checkDeadline(order.deadline);
        _openDealer(dealer);
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
        uint256 word = _reserves[coin];
        if (word.sunset() != 0) revert TreasurySunsetAnnounced(coin, word.sunset());
        uint256 earliest = block.timestamp + SUNSET_NOTICE;
        if (sunset < earliest) revert TreasurySunsetTooSoon(sunset, earliest);
        if (sunset > ReservesWord.MAX_TIME) revert TreasurySunsetTooFar(sunset, ReservesWord.MAX_TIME);
        _reserves[coin] = word.withSunset(sunset);
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
        attested = _reserves[coin].attested();
        outstanding = IStablecoin(coin).totalSupply();
        address escrow = _redemptions[coin];
        if (escrow != address(0)) {
            (, , uint256 sent, ) = IRedemptionEscrow(escrow).pending(coin);
            outstanding -= sent + IRedemptionEscrow(escrow).toBurn(coin);
        }
    }

    /// @inheritdoc ITreasury
    function attestation(address coin) external view returns (uint256 amount, uint256 asOf, uint256 staleAt) {
        uint256 word = _reserves[coin];
        asOf = word.asOf();
        return (word.attested(), asOf, asOf + word.lifetime());
    }

    /// @inheritdoc ITreasury
    function attestationLifetime() external view returns (uint256) {
        return _lifetime;
    }

    /// @inheritdoc ITreasury
    function mintingEnabled(address coin) external view returns (bool) {
        return _reserves[coin].isMinting();
    }

    /// @inheritdoc ITreasury
    function depositUsed(bytes32 depositId) external view returns (bool) {
        return _deposits[depositId].used != 0;
    }

    /// @inheritdoc ITreasury
    function returnUsed(bytes32 redemptionId) external view returns (bool) {
        return _returns[redemptionId].used != 0;
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
        return _reserves[coin].sunset();
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

    /// @dev The word of a dealer that is in a tier, and its place.
    function _openDealer(address dealer) private view returns (Dealer storage place, uint256 word) {
        place = _dealers[dealer];
        word = place.word;
        if (word.tier() == 0) revert TreasuryDealerUnknown(dealer);
    }

    function _checkSigned(address dealer, bytes32 structHash, bytes calldata signature) private view {
        _checkSignature(dealer, _hashTypedDataV4(structHash), signature);
    }

    /// @dev A used deposit is told before any passing condition, so that a repeated order always gets the same answer. The
    /// supply is compared when the coin answers with it: one call to the coin instead of two.
    function _mint(
        address coin,
        bytes32 depositId,
        address to,
        uint256 amount,
        address dealer,
        Dealer storage place,
        uint256 word
    ) private {
        if (amount == 0) revert TreasuryZeroAmount();
        Use storage use = _deposits[depositId];
        if (use.used != 0) revert TreasuryDepositUsed(depositId);
        uint256 attested = _checkDeposits(coin);
        uint256 available = word.available(block.timestamp);
        if (amount > available) revert TreasuryDealerLimitExceeded(dealer, amount, available);
        unchecked {
            place.word = word.withLevel(available - amount, block.timestamp);
        }
        use.used = 1;
        if (word.tier() >= FIRST_APPROVED_TIER) {
            _checkApprovals(dealer, word.tier(), mintKeyOf(dealer, coin, depositId, to, amount));
        }
        emit Minted(depositId, dealer, to, coin, amount);
        _mintCoin(coin, to, amount, attested);
    }

    /// @dev What is true of all rows is asked once; then each row stands for itself.
    function _mintBatch(
        address coin,
        address dealer,
        Dealer storage place,
        uint256 tier,
        bytes calldata rows,
        bytes32 rowsHash
    ) private {
        if (rows.length == 0 || rows.length % ROW_LENGTH != 0 || rows.length > MOST_ROWS * ROW_LENGTH) {
            revert TreasuryRowsMalformed(rows.length);
        }
        uint256 attested = _checkDeposits(coin);
        if (tier >= FIRST_APPROVED_TIER) _checkApprovals(dealer, tier, batchKeyOf(dealer, coin, rowsHash));
        uint256 supply = IStablecoin(coin).totalSupply();
        uint256 index;
        for (uint256 offset = 0; offset < rows.length; offset += ROW_LENGTH) {
            bytes calldata row = rows[offset:offset + ROW_LENGTH];
            uint256 supplyAfter = _mintRow(coin, dealer, place, index, row, attested, supply);
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
        Dealer storage place,
        uint256 index,
        bytes calldata row,
        uint256 attested,
        uint256 supply
    ) private returns (uint256 supplyAfter) {
        bytes32 depositId = bytes32(row[:32]);
        address to = address(bytes20(row[32:52]));
        uint256 amount = uint64(bytes8(row[52:]));
        Use storage use = _deposits[depositId];
        uint256 word = place.word;
        uint256 available = word.available(block.timestamp);
        bytes4 reason;
        if (amount == 0) reason = TreasuryZeroAmount.selector;
        else if (use.used != 0) reason = TreasuryDepositUsed.selector;
        else if (amount > available) reason = TreasuryDealerLimitExceeded.selector;
        else if (supply + amount > attested) reason = TreasuryReservesExceeded.selector;
        else {
            if (gasleft() < GAS_FLOOR) revert TreasuryGasTooLow(gasleft(), GAS_FLOOR);
            unchecked {
                place.word = word.withLevel(available - amount, block.timestamp);
            }
            use.used = 1;
            bool minted;
            (minted, supplyAfter) = _tryMint(coin, to, amount);
            if (minted) {
                _checkSupply(supplyAfter, attested);
                emit Minted(depositId, dealer, to, coin, amount);
                return supplyAfter;
            }
            reason = bytes4(bytes32(supplyAfter));
            supplyAfter = 0;
            place.word = word;
            use.used = 0;
        }
        emit MintSkipped(index, depositId, reason);
    }

    function _mintReturn(address coin, bytes32 redemptionId, uint256 amount, address dealer) private {
        if (amount == 0) revert TreasuryZeroAmount();
        Use storage use = _returns[redemptionId];
        if (use.used != 0) revert TreasuryReturnUsed(redemptionId);
        address holder = _checkReturn(coin, redemptionId, amount);
        uint256 attested = _checkMinting(coin).attested();

        use.used = 1;
        emit ReturnMinted(redemptionId, dealer, holder, coin, amount);
        _mintCoin(coin, holder, amount, attested);
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
    function _checkMinting(address coin) private view returns (uint256 word) {
        word = _reserves[coin];
        if (!word.isMinting()) revert TreasuryMintingOff(coin);
        unchecked {
            uint256 oldest = block.timestamp - word.lifetime() + 1;
            if (word.asOf() < oldest) revert TreasuryAttestationStale(word.asOf(), oldest);
        }
    }

    /// @dev What a mint for a deposit asks of a coin besides. Returns the attested amount.
    function _checkDeposits(address coin) private view returns (uint256 attested) {
        uint256 word = _checkMinting(coin);
        if (word.hasEnded(block.timestamp)) revert TreasurySunset(coin, word.sunset());
        return word.attested();
    }

    function _checkSupply(uint256 supply, uint256 attested) private pure {
        if (supply > attested) revert TreasuryReservesExceeded(supply, attested);
    }

    /// @dev Mints within the reserves, or reverts with the coin's reason.
    function _mintCoin(address coin, address to, uint256 amount, uint256 attested) private {
        (bool minted, uint256 supply) = _tryMint(coin, to, amount);
        if (!minted) {
            assembly ("memory-safe") {
                let start := mload(0x40)
                returndatacopy(start, 0x00, returndatasize())
                revert(start, returndatasize())
            }
        }
        _checkSupply(supply, attested);
    }

    /// @dev `IStablecoin(coin).mint(to, amount)`, at a few hundred gas less. Gives the supply; or, when the coin refused, the first
    /// four bytes of its reason, leftmost, and copies no more of it. An answer of less than a word is no coin's: it reverts.
    function _tryMint(address coin, address to, uint256 amount) private returns (bool minted, uint256 answer) {
        bytes4 selector = IStablecoin.mint.selector;
        assembly ("memory-safe") {
            let start := mload(0x40)
            mstore(start, selector)
            mstore(add(start, 0x04), shr(96, shl(96, to)))
            mstore(add(start, 0x24), amount)
            minted := call(gas(), coin, 0, start, 0x44, 0x00, 0x20)
            switch minted
            case 0 {
                if gt(returndatasize(), 3) {
                    answer := and(mload(0x00), shl(224, 0xffffffff))
                }
            }
            default {
                if lt(returndatasize(), 0x20) {
                    revert(0x00, 0x00)
                }
                answer := mload(0x00)
            }
        }
    }

    function _attest(address coin, uint256 amount, uint256 asOf, bytes32 reportHash, address attestor) private {
        if (amount > ReservesWord.MAX_ATTESTED) revert TreasuryAttestedTooLarge(amount, ReservesWord.MAX_ATTESTED);
        if (asOf > block.timestamp) revert TreasuryAsOfInFuture(asOf, block.timestamp);
        uint256 word = _reserves[coin];
        uint256 oldAsOf = word.asOf();
        if (asOf <= oldAsOf) revert TreasuryAsOfNotNewer(asOf, oldAsOf);
        emit ReservesAttested(coin, attestor, word.attested(), amount, oldAsOf, asOf, reportHash);
        _reserves[coin] = word.withAttestation(amount, asOf, _lifetime);
    }

    function _setMinting(address coin, bool enabled, address actor) private {
        uint256 word = _reserves[coin];
        emit MintingChanged(coin, actor, word.isMinting(), enabled);
        _reserves[coin] = word.withMinting(enabled);
    }

    function _setLifetime(uint256 lifetime) private {
        if (lifetime < SHORTEST_LIFETIME || lifetime > LONGEST_LIFETIME) {
            revert TreasuryLifetimeOutOfBounds(lifetime, SHORTEST_LIFETIME, LONGEST_LIFETIME);
        }
        emit AttestationLifetimeChanged(_lifetime, lifetime);
        _lifetime = lifetime;
    }

    /// @dev The struct hash of a `MintOrder`, whose five words lie in calldata as they are hashed; a dirty address makes it wrong
    /// and is refused besides when it is read.
    function _hashOf(MintOrder calldata order) private pure returns (bytes32 structHash) {
        bytes32 typeHash = MINT_ORDER;
        assembly ("memory-safe") {
            let start := mload(0x40)
            mstore(start, typeHash)
            calldatacopy(add(start, 0x20), order, 0xa0)
            structHash := keccak256(start, 0xc0)
        }
    }
}
