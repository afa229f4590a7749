// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {IRedemptionEscrow} from "./interfaces/IRedemptionEscrow.sol";
import {IStablecoin} from "./interfaces/IStablecoin.sol";
import {ITreasury} from "./interfaces/ITreasury.sol";
import {Signatures} from "./libraries/Signatures.sol";
import {SignedOrders} from "./libraries/SignedOrders.sol";

/// @title Treasury
/// @notice The only minter of the coins.
/// @dev Promises: a deposit is minted at most once, whatever the coin and the amount (TREASURY-1); the supply never rises
/// above the amount last attested (TREASURY-2), nor on an attestation past its lifetime (TREASURY-3), nor for a coin switched
/// off (TREASURY-4); attested moments only go forward (TREASURY-5); only an enabled dealer's word mints (TREASURY-6).
/// Holds no coins and has no way to move any.
/// Assumes: a coin whose minting was switched on is a Stablecoin that names this contract as its treasury, and mints exactly
/// what it is told; the attestor is independent of the dealers.
/// State is written before the coin is called, so a coin that calls back finds the deposit used.
contract Treasury is ITreasury, SignedOrders {
    /// @dev All that minting asks of a coin, in one slot; so the lifetime is kept with the attestation it was given under.
    struct Reserves {
        uint128 attested;
        uint40 asOf;
        uint24 lifetime;
        bool minting;
    }

    bytes32 private constant MINT_ORDER = keccak256(
        "MintOrder(address coin,bytes32 depositId,address to,uint256 amount,uint256 deadline)"
    );
    bytes32 private constant ATTEST_ORDER = keccak256(
        "AttestOrder(bytes32 orderId,address coin,uint256 amount,uint256 asOf,bytes32 reportHash,uint256 deadline)"
    );
    bytes32 private constant MINTING_ORDER = keccak256(
        "MintingOrder(bytes32 orderId,address coin,bool enabled,uint256 deadline)"
    );

    /// @dev The kind in the single-use key of a mint for a deposit; other kinds of mint get other keys.
    bytes32 private constant DEPOSIT = keccak256("deposit");

    /// @dev Bit 0 of a dealer's word. The rest is kept for the tier and the bucket, so that one read decides a mint.
    uint256 private constant DEALER_ENABLED = 1;

    /// @dev Below an hour no attestor keeps up and minting only flickers.
    uint256 private constant SHORTEST_LIFETIME = 1 hours;

    /// @dev A monthly report plus two weeks to write it; fits 24 bits.
    uint256 private constant LONGEST_LIFETIME = 45 days;

    mapping(address dealer => uint256 word) private _dealers;
    mapping(bytes32 key => bool used) private _keys;
    mapping(address coin => Reserves) private _reserves;
    mapping(address coin => address escrow) private _redemptions;
    uint256 private _lifetime;

    /// @param authority_ the access manager, kept for ever.
    /// @param lifetime the first attestation lifetime, within the bounds of `setAttestationLifetime`.
    constructor(address authority_, uint256 lifetime) SignedOrders(authority_, "Remesa Treasury", "1") {
        _setLifetime(lifetime);
    }

    /// @inheritdoc ITreasury
    function mint(address coin, bytes32 depositId, address to, uint256 amount) external {
        _checkDealer(msg.sender);
        _mint(coin, depositId, to, amount, msg.sender);
    }

    /// @inheritdoc ITreasury
    function mintBySig(MintOrder calldata order, address dealer, bytes calldata signature) external {
        _checkDeadline(order.deadline);
        _checkDealer(dealer);
        bytes32 structHash = keccak256(
            abi.encode(MINT_ORDER, order.coin, order.depositId, order.to, order.amount, order.deadline)
        );
        if (!Signatures.isValid(dealer, _hashTypedDataV4(structHash), signature)) revert OrderSignatureInvalid(dealer);
        _mint(order.coin, order.depositId, order.to, order.amount, dealer);
    }

    /// @inheritdoc ITreasury
    function setDealer(address dealer, bool enabled) external restricted {
        if (dealer == address(0)) revert TreasuryDealerUnknown(dealer);
        uint256 word = _dealers[dealer];
        _dealers[dealer] = enabled ? word | DEALER_ENABLED : word & ~DEALER_ENABLED;
        emit DealerChanged(dealer, word & DEALER_ENABLED != 0, enabled);
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
            (, , uint256 sent) = IRedemptionEscrow(escrow).pending(coin);
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
        return _keys[_depositKey(depositId)];
    }

    /// @inheritdoc ITreasury
    function dealerOf(address dealer) external view returns (bool enabled) {
        return _dealers[dealer] & DEALER_ENABLED != 0;
    }

    /// @inheritdoc ITreasury
    function redemptionsOf(address coin) external view returns (address escrow) {
        return _redemptions[coin];
    }

    function _checkDealer(address dealer) private view {
        if (_dealers[dealer] & DEALER_ENABLED == 0) revert TreasuryDealerUnknown(dealer);
    }

    /// @dev A used deposit is told before any passing condition, so that a repeated order always gets the same answer.
    function _mint(address coin, bytes32 depositId, address to, uint256 amount, address dealer) private {
        if (amount == 0) revert TreasuryZeroAmount();
        bytes32 key = _depositKey(depositId);
        if (_keys[key]) revert TreasuryDepositUsed(depositId);
        _checkReserves(coin, amount);

        _keys[key] = true;
        emit Minted(depositId, dealer, to, coin, amount);
        IStablecoin(coin).mint(to, amount);
    }

    function _checkReserves(address coin, uint256 amount) private view {
        Reserves memory reserves = _reserves[coin];
        if (!reserves.minting) revert TreasuryMintingOff(coin);
        uint256 oldest = block.timestamp - reserves.lifetime + 1;
        if (reserves.asOf < oldest) revert TreasuryAttestationStale(reserves.asOf, oldest);
        uint256 supplyAfter = Math.saturatingAdd(IStablecoin(coin).totalSupply(), amount);
        if (supplyAfter > reserves.attested) revert TreasuryReservesExceeded(supplyAfter, reserves.attested);
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

    function _depositKey(bytes32 depositId) private pure returns (bytes32) {
        return keccak256(abi.encode(DEPOSIT, depositId));
    }
}
