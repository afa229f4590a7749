// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title ITreasury
/// @notice The only minter of the coins: turns a dealer's word about a bank deposit into coins, once per deposit and never above
/// the reserves that an independent attestor has signed for.
/// @dev Amounts are base units of the coin. Times are Unix seconds. A deadline is inclusive: an order is valid while
/// `block.timestamp <= deadline`. Typed structs are fixed in docs/SIGNATURES.md, roles in docs/ROLES.md.
///
/// A dealer stands in a tier. The tier says how much its bucket holds, over all coins together, and what else a mint needs:
///
/// | tier | the bucket holds | approvals | delay after the last needed approval |
/// |---|---|---|---|
/// | 0 | closed | | |
/// | 1 | 500,000 coins | none | |
/// | 2 | 5,000,000 | none | |
/// | 3 | 50,000,000 | two | none |
/// | 4 | 500,000,000 | three | one hour |
///
/// The bucket starts full and refills evenly, from empty to full in 24 hours. So over any stretch of time a dealer mints at
/// most what the bucket holds and what refills meanwhile: no more than twice the tier in 24 hours, once the tier in the long run.
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

    /// @notice A dealer's word about many deposits of one coin at once; `rowsHash` is the keccak256 of the rows.
    struct MintBatchOrder {
        address coin;
        bytes32 rowsHash;
        uint256 deadline;
    }

    /// @notice A dealer's word that the payout of a burned redemption came back from the bank.
    /// @dev The redemption makes the order single-use, so it has no other id.
    struct MintReturnOrder {
        address coin;
        bytes32 redemptionId;
        uint256 amount;
        uint256 deadline;
    }

    /// @notice An approver's word for one mint or one batch, named by its key.
    /// @dev An approver counts once per key, so the order has no other id.
    struct ApproveMintOrder {
        bytes32 mintKey;
        uint256 deadline;
    }

    /// @notice An approver and the moment it approved.
    struct Approval {
        address approver;
        uint40 approvedAt;
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

    /// @notice A row of a batch was left out: `reason` is the selector of the error of the single call, zero if the coin gave none.
    event MintSkipped(uint256 indexed index, bytes32 indexed depositId, bytes4 reason);

    /// @notice Coins were minted back to the holder of a redemption whose payout the bank returned.
    event ReturnMinted(
        bytes32 indexed redemptionId,
        address indexed dealer,
        address indexed to,
        address coin,
        uint256 amount
    );

    /// @notice `approver` approved a mint or a batch; the key has `count` approvals now.
    event MintApproved(bytes32 indexed mintKey, address indexed approver, uint256 count);

    /// @notice A dealer was put into another tier; 0 is closed.
    event DealerChanged(address indexed dealer, uint256 oldTier, uint256 newTier);

    /// @notice From `sunset` on no deposit is minted in `coin` any more.
    event SunsetAnnounced(address indexed coin, uint256 sunset);

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

    /// @notice `dealer` is in no tier, or is the zero address.
    error TreasuryDealerUnknown(address dealer);

    /// @notice There is no such `tier`; the highest is `limit`.
    error TreasuryTierUnknown(uint256 tier, uint256 limit);

    /// @notice The bucket of `dealer` has only `available` of the `amount`.
    error TreasuryDealerLimitExceeded(address dealer, uint256 amount, uint256 available);

    /// @notice `approver` has approved the key before.
    error TreasuryAlreadyApproved(bytes32 mintKey, address approver);

    /// @notice The key has as many approvals as are kept, `limit`.
    error TreasuryApprovalsFull(bytes32 mintKey, uint256 limit);

    /// @notice The key has `have` approvals of accounts that may still approve, and the dealer's tier asks for `need`.
    error TreasuryApprovalsMissing(bytes32 mintKey, uint256 have, uint256 need);

    /// @notice The approved mint may happen from `readyAt` on; it is now `time`.
    error TreasuryMintTooEarly(bytes32 mintKey, uint256 readyAt, uint256 time);

    /// @notice `dealer` is among those who approved its own mint.
    error TreasuryApproverIsDealer(address dealer);

    /// @notice The rows, of `length` bytes, are not 1 to 200 rows of 60 bytes.
    error TreasuryRowsMalformed(uint256 length);

    /// @notice The order is for rows of the hash `rowsHash`; those given hash to `actual`.
    error TreasuryRowsMismatch(bytes32 rowsHash, bytes32 actual);

    /// @notice Too little gas is left to ask the coin for a row: `available` is below `needed`; the whole batch has to go.
    error TreasuryGasTooLow(uint256 available, uint256 needed);

    /// @notice The minting of `coin` ended at `sunset` for good.
    error TreasurySunset(address coin, uint256 sunset);

    /// @notice The end of minting at `sunset` is before `earliest`, 30 days from now.
    error TreasurySunsetTooSoon(uint256 sunset, uint256 earliest);

    /// @notice The end of minting at `sunset` is later than the `limit` a word holds.
    error TreasurySunsetTooFar(uint256 sunset, uint256 limit);

    /// @notice The end of minting of `coin` was announced before, for `sunset`.
    error TreasurySunsetAnnounced(address coin, uint256 sunset);

    /// @notice The redemption is in `state`, or not one of this coin: there is no payout of it that could have come back.
    error TreasuryReturnInvalid(bytes32 redemptionId, uint8 state);

    /// @notice The `amount` is more than the redemption's, `limit`.
    error TreasuryReturnTooLarge(uint256 amount, uint256 limit);

    /// @notice The redemption's payout was minted back before, for whatever amount.
    error TreasuryReturnUsed(bytes32 redemptionId);

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
    /// - the caller in a tier (TreasuryDealerUnknown)
    /// - `amount` not zero (TreasuryZeroAmount)
    /// - the deposit never minted, for any coin or amount (TreasuryDepositUsed)
    /// - the minting of `coin` on (TreasuryMintingOff)
    /// - the newest attestation younger than its lifetime (TreasuryAttestationStale)
    /// - `coin` before its announced end (TreasurySunset)
    /// - `amount` in the dealer's bucket (TreasuryDealerLimitExceeded)
    /// - in tiers 3 and 4: no approval by the dealer itself (TreasuryApproverIsDealer), as many approvals under `mintKeyOf` as
    /// the tier asks for, of accounts that may still approve (TreasuryApprovalsMissing), and in tier 4 an hour gone by since
    /// the last one needed (TreasuryMintTooEarly)
    /// - the coin accepts the mint; its own errors pass through
    /// - the total supply then at most the attested amount (TreasuryReservesExceeded)
    ///
    /// **Ensures** `to` has `amount` more, the total supply is `amount` larger, the deposit is used for ever, the dealer's bucket
    /// has `amount` less. Attestation, switch, tiers, other buckets and every other balance are unchanged.
    ///
    /// **Emits** Minted; the coin emits Transfer from zero.
    function mint(address coin, bytes32 depositId, address to, uint256 amount) external;

    /// @notice Mints by a dealer's signed order, which anyone may submit.
    /// @dev The dealer's word kept here is the authority; the access manager is not asked.
    ///
    /// **Requires**
    /// - the order's deadline not passed (OrderExpired)
    /// - `dealer` in a tier (TreasuryDealerUnknown)
    /// - `signature` of the dealer over `order` (OrderSignatureInvalid)
    /// - then as `mint` after the dealer
    ///
    /// **Ensures** as `mint`; the submitter gains nothing.
    ///
    /// **Emits** as `mint`, with the signer as the dealer.
    function mintBySig(MintOrder calldata order, address dealer, bytes calldata signature) external;

    /// @notice Mints for up to 200 deposits of one coin; the caller is the dealer. A row that cannot be minted is left out.
    /// @dev `rows` are 1 to 200 rows of 60 bytes, one after the other: depositId 32, to 20, amount 8. What one row cannot be
    /// minted for is told by MintSkipped; such a row changes nothing, so its deposit may come again, in a later batch or by the
    /// same order until its deadline. WARNING: each row asks for 250,000 gas to be left before the coin is called, of which it
    /// uses a small part.
    ///
    /// **Requires**
    /// - the caller in a tier (TreasuryDealerUnknown)
    /// - the rows whole and 1 to 200 (TreasuryRowsMalformed)
    /// - the minting of `coin` on (TreasuryMintingOff)
    /// - the newest attestation younger than its lifetime (TreasuryAttestationStale)
    /// - `coin` before its announced end (TreasurySunset)
    /// - in tiers 3 and 4 the approvals and the delay as in `mint`, under `batchKeyOf`
    /// - for each row gas for the coin's mint (TreasuryGasTooLow)
    ///
    /// **Ensures** each row in turn is minted as by `mint`, or left out without any effect: for amount zero
    /// (TreasuryZeroAmount), a used deposit (TreasuryDepositUsed), an amount above the bucket (TreasuryDealerLimitExceeded) or
    /// above the reserves (TreasuryReservesExceeded), or what the coin refuses it for.
    ///
    /// **Emits** for each row Minted and the coin's Transfer, or MintSkipped.
    function mintBatch(address coin, bytes calldata rows) external;

    /// @notice Mints a batch by a dealer's signed order, which anyone may submit.
    /// @dev **Requires**
    /// - the order's deadline not passed (OrderExpired)
    /// - `dealer` in a tier (TreasuryDealerUnknown)
    /// - `signature` of the dealer over `order` (OrderSignatureInvalid)
    /// - the rows those of the order (TreasuryRowsMismatch)
    /// - then as `mintBatch` after the dealer
    ///
    /// **Ensures** as `mintBatch`; submitted again, the rows minted before are left out as used.
    ///
    /// **Emits** as `mintBatch`, with the signer as the dealer.
    function mintBatchBySig(
        MintBatchOrder calldata order,
        address dealer,
        bytes calldata rows,
        bytes calldata signature
    ) external;

    /// @notice Mints the payout of a burned redemption back to its holder, because the bank returned it; the caller is the dealer.
    /// @dev Outside the dealer's bucket, the approvals and the announced end: these coins were in circulation before.
    ///
    /// **Requires**
    /// - the caller in a tier (TreasuryDealerUnknown)
    /// - `amount` not zero (TreasuryZeroAmount)
    /// - the redemption never minted back (TreasuryReturnUsed)
    /// - a redemption escrow named for `coin` (TreasuryEscrowUnknown)
    /// - the redemption Burned there, in this coin (TreasuryReturnInvalid)
    /// - `amount` at most the redemption's (TreasuryReturnTooLarge)
    /// - the minting of `coin` on (TreasuryMintingOff)
    /// - the newest attestation younger than its lifetime (TreasuryAttestationStale)
    /// - the coin accepts the mint; its own errors pass through
    /// - the total supply then at most the attested amount (TreasuryReservesExceeded)
    ///
    /// **Ensures** the redemption's holder has `amount` more, the total supply is `amount` larger, the return is used for ever.
    /// The redemption stays Burned; buckets, deposits, attestation, switch and every other balance are unchanged.
    ///
    /// **Emits** ReturnMinted; the coin emits Transfer from zero.
    function mintReturn(address coin, bytes32 redemptionId, uint256 amount) external;

    /// @notice Mints a returned payout by a dealer's signed order, which anyone may submit.
    /// @dev **Requires**
    /// - the order's deadline not passed (OrderExpired)
    /// - `dealer` in a tier (TreasuryDealerUnknown)
    /// - `signature` of the dealer over `order` (OrderSignatureInvalid)
    /// - then as `mintReturn` after the dealer
    ///
    /// **Ensures** as `mintReturn`.
    ///
    /// **Emits** as `mintReturn`, with the signer as the dealer.
    function mintReturnBySig(MintReturnOrder calldata order, address dealer, bytes calldata signature) external;

    /// @notice Approves one mint or one batch by its key, `mintKeyOf` or `batchKeyOf`.
    /// @dev WARNING: look at what the key stands for before approving; the key alone says nothing. An approval does not end by
    /// itself: it stops counting when the approver loses its role.
    ///
    /// **Requires**
    /// - the caller in the role of cell treasury.approveMint of docs/ROLES.md (AccessManagedUnauthorized)
    /// - the caller new to this key (TreasuryAlreadyApproved)
    /// - fewer than 16 approvals of the key (TreasuryApprovalsFull)
    ///
    /// **Ensures** the key has one approval more, with the present time; nothing is minted and nothing else changes.
    ///
    /// **Emits** MintApproved.
    function approveMint(bytes32 mintKey) external;

    /// @notice Approves by an approver's signed order, which anyone may submit.
    /// @dev **Requires**
    /// - the order valid for `approveMint` (OrderExpired, OrderNotPermitted, OrderSignatureInvalid)
    /// - then as `approveMint` after the role
    ///
    /// **Ensures** as `approveMint`.
    ///
    /// **Emits** MintApproved with the signer as the approver.
    function approveMintBySig(ApproveMintOrder calldata order, address signer, bytes calldata signature) external;

    /// @notice Puts a dealer into a tier; 0 closes it.
    /// @dev **Requires**
    /// - the caller in the role of cell treasury.setDealer of docs/ROLES.md (AccessManagedUnauthorized)
    /// - `dealer` not zero (TreasuryDealerUnknown)
    /// - `tier` at most 4 (TreasuryTierUnknown)
    ///
    /// **Ensures** orders of a closed dealer no longer mint, whenever they were signed. A dealer that was closed starts with a
    /// full bucket; any other keeps what its bucket has, but no more than the new tier holds. Deposits stay used; nothing
    /// else changes.
    ///
    /// **Emits** DealerChanged, also when nothing changes.
    function setDealer(address dealer, uint256 tier) external;

    /// @notice Announces the end of the minting of `coin`, once and for good.
    /// @dev **Requires**
    /// - the caller in the role of cell treasury.announceSunset of docs/ROLES.md (AccessManagedUnauthorized)
    /// - none announced for `coin` before (TreasurySunsetAnnounced)
    /// - `sunset` at least 30 days away (TreasurySunsetTooSoon)
    /// - `sunset` at most 2^40 − 1 (TreasurySunsetTooFar)
    ///
    /// **Ensures** from `sunset` on no deposit is minted in `coin`; until then all goes on, and returned payouts, transfers and
    /// redemptions go on afterwards too.
    ///
    /// **Emits** SunsetAnnounced.
    function announceSunset(address coin, uint256 sunset) external;

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
    /// those confirmed that wait to be burned. A disputed one counts as outstanding.
    function coverage(address coin) external view returns (uint256 attested, uint256 outstanding);

    /// @notice The last attestation of `coin`; zeros if there was none. It supports minting while `block.timestamp < staleAt`.
    function attestation(address coin) external view returns (uint256 amount, uint256 asOf, uint256 staleAt);

    /// @notice The seconds for which an attestation given now would support minting.
    function attestationLifetime() external view returns (uint256);

    /// @notice Whether the minting of `coin` is switched on.
    function mintingEnabled(address coin) external view returns (bool);

    /// @notice Whether coins were minted for the deposit.
    function depositUsed(bytes32 depositId) external view returns (bool);

    /// @notice Whether the payout of a redemption was minted back.
    function returnUsed(bytes32 redemptionId) external view returns (bool);

    /// @notice The tier of `dealer`, 0 if closed, and what its bucket has at this moment.
    function dealerOf(address dealer) external view returns (uint256 tier, uint256 available);

    /// @notice The key under which a mint by `dealer` is approved.
    function mintKeyOf(
        address dealer,
        address coin,
        bytes32 depositId,
        address to,
        uint256 amount
    ) external view returns (bytes32 mintKey);

    /// @notice The key under which a batch by `dealer` is approved; `rowsHash` is the keccak256 of the rows.
    function batchKeyOf(address dealer, address coin, bytes32 rowsHash) external view returns (bytes32 mintKey);

    /// @notice All approvals of a key in the order they were given, those of accounts that may no longer approve included.
    function approvalsOf(bytes32 mintKey) external view returns (Approval[] memory);

    /// @notice When the minting of `coin` ends; 0 if no end was announced.
    function sunsetOf(address coin) external view returns (uint256 sunset);

    /// @notice The redemption escrow named for `coin`, or zero.
    function redemptionsOf(address coin) external view returns (address escrow);
}
