// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title ITreasury
/// @notice The only minter of the coins: turns a dealer's word about a bank deposit into coins, once per deposit and never above
/// the reserves that an independent attestor has signed for.
/// @dev Amounts are base units of the coin. Times are Unix seconds. A deadline is inclusive: an order is valid while
/// `block.timestamp <= deadline`. Typed structs are fixed in docs/SIGNATURES.md, roles in docs/ROLES.md.
interface ITreasury {
    /// @notice A dealer's word that a deposit arrived and whom it belongs to.
    /// @dev `depositId` is `keccak256(bank account ‖ entry reference)`; it makes the order single-use, so it has no other id.
    struct MintOrder {
        address coin;
        bytes32 depositId;
        address to;
        uint256 amount;
        uint256 deadline;
    }

    /// @notice An attestor's word about the reserves held against a coin at a moment.
    struct AttestOrder {
        bytes32 orderId;
        address coin;
        uint256 amount;
        uint256 asOf;
        bytes32 reportHash;
        uint256 deadline;
    }

    /// @notice An order to switch the minting of a coin on or off.
    struct MintingOrder {
        bytes32 orderId;
        address coin;
        bool enabled;
        uint256 deadline;
    }

    /// @notice Coins were minted for a deposit.
    event Minted(bytes32 indexed depositId, address indexed dealer, address indexed to, address coin, uint256 amount);

    /// @notice A dealer was enabled or disabled.
    event DealerChanged(address indexed dealer, bool wasEnabled, bool isEnabled);

    /// @notice An attestor signed for the reserves of a coin; the previous amount and moment are given beside the new ones.
    event ReservesAttested(
        address indexed coin,
        address indexed attestor,
        uint256 oldAmount,
        uint256 newAmount,
        uint256 oldAsOf,
        uint256 newAsOf,
        bytes32 reportHash
    );

    /// @notice The minting of a coin was switched by `actor`.
    event MintingChanged(address indexed coin, address indexed actor, bool wasEnabled, bool isEnabled);

    /// @notice The time for which attestations to come support minting was changed.
    event AttestationLifetimeChanged(uint256 oldLifetime, uint256 newLifetime);

    /// @notice The escrow whose sent redemptions count against a coin's outstanding supply was changed.
    event RedemptionsChanged(address indexed coin, address oldEscrow, address newEscrow);

    /// @notice `dealer` is not an enabled dealer, or is the zero address.
    error TreasuryDealerUnknown(address dealer);

    /// @notice An amount of zero was given.
    error TreasuryZeroAmount();

    /// @notice The deposit was minted before, for whatever amount.
    error TreasuryDepositUsed(bytes32 depositId);

    /// @notice The minting of `coin` is switched off.
    error TreasuryMintingOff(address coin);

    /// @notice The newest attestation is of `asOf`; to mint it must be of `oldest` or later.
    error TreasuryAttestationStale(uint256 asOf, uint256 oldest);

    /// @notice The supply would become `supplyAfter`, more than the `attested` reserves.
    error TreasuryReservesExceeded(uint256 supplyAfter, uint256 attested);

    /// @notice The attestation is of `asOf`, later than the present `time`.
    error TreasuryAsOfInFuture(uint256 asOf, uint256 time);

    /// @notice The attestation is of `asOf`, not later than the one already known, of `last`.
    error TreasuryAsOfNotNewer(uint256 asOf, uint256 last);

    /// @notice The attested `amount` is more than the `limit` a word holds.
    error TreasuryAttestedTooLarge(uint256 amount, uint256 limit);

    /// @notice The `lifetime` is outside `[shortest, longest]` seconds.
    error TreasuryLifetimeOutOfBounds(uint256 lifetime, uint256 shortest, uint256 longest);

    /// @notice `escrow` is not flagged as an escrow in `coin`.
    error TreasuryEscrowUnknown(address coin, address escrow);

    /// @notice Mints `amount` of `coin` to `to` for a deposit; the caller is the dealer.
    /// @dev **Requires**
    /// - the caller an enabled dealer (TreasuryDealerUnknown)
    /// - `amount` not zero (TreasuryZeroAmount)
    /// - the deposit never minted, for any coin or amount (TreasuryDepositUsed)
    /// - the minting of `coin` on (TreasuryMintingOff)
    /// - the newest attestation younger than its lifetime (TreasuryAttestationStale)
    /// - total supply plus `amount` at most the attested amount (TreasuryReservesExceeded)
    /// - the coin accepts the mint; its own errors pass through
    ///
    /// **Ensures** `to` has `amount` more, the total supply is `amount` larger, the deposit is used for ever. Attestation,
    /// switch, dealers and every other balance are unchanged.
    ///
    /// **Emits** Minted; the coin emits Transfer from zero.
    function mint(address coin, bytes32 depositId, address to, uint256 amount) external;

    /// @notice Mints by a dealer's signed order, which anyone may submit.
    /// @dev The dealer's word kept here is the authority; the access manager is not asked.
    ///
    /// **Requires**
    /// - the order's deadline not passed (OrderExpired)
    /// - `dealer` enabled (TreasuryDealerUnknown)
    /// - `signature` of the dealer over `order` (OrderSignatureInvalid)
    /// - then as `mint` after the dealer
    ///
    /// **Ensures** as `mint`; the submitter gains nothing.
    ///
    /// **Emits** as `mint`, with the signer as the dealer.
    function mintBySig(MintOrder calldata order, address dealer, bytes calldata signature) external;

    /// @notice Enables or disables a dealer.
    /// @dev **Requires**
    /// - the caller in the role of cell treasury.setDealer of docs/ROLES.md (AccessManagedUnauthorized)
    /// - `dealer` not zero (TreasuryDealerUnknown)
    ///
    /// **Ensures** orders of a disabled dealer no longer mint, whenever they were signed; deposits stay used; nothing else
    /// changes.
    ///
    /// **Emits** DealerChanged, also when nothing changes.
    function setDealer(address dealer, bool enabled) external;

    /// @notice States the reserves held against `coin` at `asOf`; the caller is the attestor.
    /// @dev `reportHash` commits to the report the statement rests on.
    ///
    /// **Requires**
    /// - the caller in the role of cell treasury.attest of docs/ROLES.md (AccessManagedUnauthorized)
    /// - `amount` at most 2^128 − 1 (TreasuryAttestedTooLarge)
    /// - `asOf` not in the future (TreasuryAsOfInFuture)
    /// - `asOf` later than that of the last attestation (TreasuryAsOfNotNewer)
    ///
    /// **Ensures** the attestation of `coin` is replaced. An amount below the supply is accepted, as it is the truth, and
    /// stops minting. The switch and other coins are unchanged.
    ///
    /// **Emits** ReservesAttested.
    function attest(address coin, uint256 amount, uint256 asOf, bytes32 reportHash) external;

    /// @notice States the reserves by an attestor's signed order, which anyone may submit.
    /// @dev **Requires**
    /// - the order valid for `attest` (OrderExpired, OrderAlreadyUsed, OrderNotPermitted, OrderSignatureInvalid)
    /// - then as `attest` after the role
    ///
    /// **Ensures** as `attest`; the order's id is spent.
    ///
    /// **Emits** OrderUsed, ReservesAttested with the signer as the attestor.
    function attestBySig(AttestOrder calldata order, address signer, bytes calldata signature) external;

    /// @notice Sets the seconds for which the attestations to come support minting.
    /// @dev An attestation keeps the lifetime it was given under; to stop minting at once, switch it off.
    ///
    /// **Requires**
    /// - the caller in the role of cell treasury.setAttestationLifetime of docs/ROLES.md (AccessManagedUnauthorized)
    /// - one hour to 45 days (TreasuryLifetimeOutOfBounds)
    ///
    /// **Ensures** only the lifetime changes; attestations already given keep theirs.
    ///
    /// **Emits** AttestationLifetimeChanged.
    function setAttestationLifetime(uint256 lifetime) external;

    /// @notice Switches the minting of `coin` on or off, apart from any pause of the coin. It is off to begin with.
    /// @dev **Requires** the caller in the role of cell treasury.setMinting of docs/ROLES.md (AccessManagedUnauthorized).
    ///
    /// **Ensures** only the switch changes; redemptions and transfers go on.
    ///
    /// **Emits** MintingChanged, also when nothing changes.
    function setMinting(address coin, bool enabled) external;

    /// @notice Switches minting by a signed order, which anyone may submit.
    /// @dev **Requires** the order valid for `setMinting` (OrderExpired, OrderAlreadyUsed, OrderNotPermitted,
    /// OrderSignatureInvalid).
    ///
    /// **Ensures** as `setMinting`; the order's id is spent.
    ///
    /// **Emits** OrderUsed, MintingChanged with the signer as the actor.
    function setMintingBySig(MintingOrder calldata order, address signer, bytes calldata signature) external;

    /// @notice Names the redemption escrow whose sent redemptions `coverage` leaves out; zero names none.
    /// @dev **Requires**
    /// - the caller in the role of cell treasury.setRedemptions of docs/ROLES.md (AccessManagedUnauthorized)
    /// - `escrow` zero, or flagged as an escrow in `coin` (TreasuryEscrowUnknown)
    ///
    /// **Ensures** `coverage` of `coin` reads the new escrow; minting is not affected.
    ///
    /// **Emits** RedemptionsChanged.
    function setRedemptions(address coin, address escrow) external;

    /// @notice What stands behind `coin` and what it owes.
    /// @return attested the amount last attested, 0 if none was.
    /// @return outstanding the total supply less the redemptions whose money the bank has already sent: those marked sent, and
    /// those confirmed that wait to be burned.
    function coverage(address coin) external view returns (uint256 attested, uint256 outstanding);

    /// @notice The last attestation of `coin`; zeros if there was none. It supports minting while `block.timestamp < staleAt`.
    function attestation(address coin) external view returns (uint256 amount, uint256 asOf, uint256 staleAt);

    /// @notice The seconds for which an attestation given now would support minting.
    function attestationLifetime() external view returns (uint256);

    /// @notice Whether the minting of `coin` is switched on.
    function mintingEnabled(address coin) external view returns (bool);

    /// @notice Whether coins were minted for the deposit.
    function depositUsed(bytes32 depositId) external view returns (bool);

    /// @notice Whether `dealer` is enabled.
    function dealerOf(address dealer) external view returns (bool enabled);

    /// @notice The redemption escrow named for `coin`, or zero.
    function redemptionsOf(address coin) external view returns (address escrow);
}
