// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC5267} from "@openzeppelin/contracts/interfaces/IERC5267.sol";
import {ISignedOrders} from "./ISignedOrders.sol";

/// @title IVaspRegistry
/// @notice The wallet operators (families), who belongs to them, and their word that a payment from another family is known
/// to them.
/// @dev A family has an admin, who keeps its particulars, and compliance keys with a term, which sign. A key is **valid** while
/// `validFrom <= block.timestamp < validUntil`. A consent's deadline is inclusive, the moments of leaving and of an attestation's
/// end are half-open: leaving acts from `leaveAt` on, an attestation counts before `validUntil`. A family that is **suspended**
/// takes no members, attests nothing, and neither pays nor is paid across families where the coin asks for an attestation.
/// Typed structs are fixed in docs/SIGNATURES.md, roles in docs/ROLES.md.
interface IVaspRegistry is ISignedOrders, IERC5267 {
    /// @notice The consent to belong to a family, signed by the account and by a compliance key of the family.
    struct JoinVasp {
        address account;
        uint256 vasp;
        bytes32 joinId;
        uint256 deadline;
    }

    /// @notice An account's word that it leaves its family.
    struct LeaveVasp {
        address account;
        bytes32 leaveId;
        uint256 deadline;
    }

    /// @notice The word of the payee's family that it knows of one payment of exactly `amount` from `payer`. `ref` stands for what
    /// the two operators exchanged about it.
    struct TravelAttestation {
        uint256 vasp;
        bytes32 attestationId;
        address coin;
        address payer;
        address payee;
        uint256 amount;
        bytes32 ref;
        uint256 validUntil;
    }

    // ------------------------------------------------------------------------------------------------- events

    /// @notice A family was registered.
    event VaspRegistered(uint256 indexed id, address indexed admin, string domain, string baseUrl);

    /// @notice The admin offered its place to `newAdmin`; zero takes the offer back.
    event VaspAdminOffered(uint256 indexed id, address indexed admin, address indexed newAdmin);

    /// @notice The offer was accepted.
    event VaspAdminChanged(uint256 indexed id, address indexed oldAdmin, address indexed newAdmin);

    /// @notice Where the operator answers was changed.
    event VaspBaseUrlChanged(uint256 indexed id, string oldUrl, string newUrl);

    /// @notice The term of a compliance key was changed; zeros are no term.
    event VaspKeyChanged(
        uint256 indexed id,
        address indexed key,
        uint256 oldFrom,
        uint256 oldUntil,
        uint256 newFrom,
        uint256 newUntil
    );

    /// @notice A family was suspended or reinstated by `actor`.
    event VaspSuspendedChanged(uint256 indexed id, address actor, bool wasSuspended, bool isSuspended);

    /// @notice `account` belongs to the family by its consent `joinId`; `key` signed for the family.
    event VaspJoined(uint256 indexed vasp, address indexed account, address key, bytes32 joinId);

    /// @notice `actor`, the account or its family's admin, announced that the account leaves; this can be completed from
    /// `leaveAt` on. `leaveId` is the account's signed consent; zero where it was announced directly, by the account or the admin.
    event VaspLeaving(
        uint256 indexed vasp,
        address indexed account,
        address indexed actor,
        uint256 leaveAt,
        bytes32 leaveId
    );

    /// @notice `account` belongs to no family any more.
    event VaspLeft(uint256 indexed vasp, address indexed account);

    /// @notice The payee's family knows of one payment.
    event TravelAttested(
        uint256 indexed vasp,
        bytes32 indexed attestationId,
        address coin,
        address payer,
        address payee,
        uint256 amount,
        bytes32 ref,
        uint256 validUntil
    );

    /// @notice The coin used one attestation up for a payment.
    event TravelAttestationUsed(address indexed coin, address indexed payer, address indexed payee, uint256 amount);

    /// @notice `count` unused attestations were taken back.
    event TravelAttestationsWithdrawn(
        uint256 indexed vasp,
        address indexed key,
        address coin,
        address payer,
        address payee,
        uint256 amount,
        uint256 count
    );

    // ------------------------------------------------------------------------------------------------- errors

    /// @notice No family has this id.
    error VaspUnknown(uint256 id);

    /// @notice Every id up to `limit` is given away.
    error VaspIdsExhausted(uint256 limit);

    /// @notice The admin of a family is not zero.
    error VaspAdminInvalid(address admin);

    /// @notice Only `admin`, or for an acceptance the account the place was offered to, may do this.
    error VaspAdminOnly(address caller, address admin);

    /// @notice The domain is not a lowercase host name.
    error VaspDomainInvalid(string domain);

    /// @notice The domain is that of family `id`.
    error VaspDomainTaken(string domain, uint256 id);

    /// @notice The base URL has `length` bytes.
    error VaspUrlTooLong(uint256 length, uint256 limit);

    /// @notice A term ends after it begins and not after `limit`.
    error VaspKeyTermInvalid(uint256 validFrom, uint256 validUntil, uint256 limit);

    /// @notice `key` is not a compliance key of the family that is valid at `time`, or is zero.
    error VaspKeyInvalid(uint256 id, address key, uint256 time);

    /// @notice The family is suspended.
    error VaspSuspended(uint256 id);

    /// @notice The family is not suspended.
    error VaspNotSuspended(uint256 id);

    /// @notice The account cannot belong to a family: zero, a coin, a coin's treasury or one of its escrows.
    error VaspAccountInvalid(address account);

    /// @notice The account belongs to family `vasp` already.
    error VaspAlreadyMember(address account, uint256 vasp);

    /// @notice The account does not belong to family `vasp`; 0 stands for any family.
    error VaspNotMember(address account, uint256 vasp);

    /// @notice The account has used this id for a consent before, or it is zero.
    error VaspConsentUsed(address account, bytes32 id);

    /// @notice The account is leaving already, from `leaveAt` on.
    error VaspAlreadyLeaving(address account, uint256 leaveAt);

    /// @notice The account has not announced that it leaves.
    error VaspNotLeaving(address account);

    /// @notice Leaving can be completed from `leaveAt` on.
    error VaspLeaveTooEarly(uint256 leaveAt, uint256 time);

    /// @notice The coin is none of ours.
    error VaspCoinUnknown(address coin);

    /// @notice The coin has no code, or is listed twice.
    error VaspCoinInvalid(address coin);

    /// @notice The family has given an attestation under this id before.
    error VaspAttestationUsed(uint256 vasp, bytes32 attestationId);

    /// @notice The attestation counts only before `validUntil`.
    error VaspAttestationExpired(uint256 validUntil, uint256 time);

    /// @notice The attestation ends at most at `limit`.
    error VaspAttestationTooLong(uint256 validUntil, uint256 limit);

    /// @notice As many attestations of the same payment as can be counted wait to be used.
    error VaspAttestationsFull(uint256 count, uint256 limit);

    /// @notice The family has no attestation of this payment that waits to be used.
    error VaspAttestationMissing(uint256 vasp, address coin, address payer, address payee, uint256 amount);

    /// @notice The list has `count` members.
    error VaspListTooLong(uint256 count, uint256 limit);

    // ---------------------------------------------------------------------------------------------- operators

    /// @notice Registers a family and gives it the next id.
    /// @dev A domain is a host name in lower case: 1 to 253 characters of `a-z0-9.-`, with a dot or `localhost`, each label of 1 to
    /// 63 characters that neither begins nor ends with a hyphen. So one place has one way to be written.
    ///
    /// **Requires**
    /// - the caller in the role of cell vasp.register of docs/ROLES.md (AccessManagedUnauthorized)
    /// - `admin` not zero (VaspAdminInvalid)
    /// - `domain` a host name (VaspDomainInvalid) of no other family (VaspDomainTaken)
    /// - `baseUrl` of at most 512 bytes (VaspUrlTooLong)
    /// - an id left, of 65,535 (VaspIdsExhausted)
    ///
    /// **Ensures** the family has the id after the last one given; it keeps both id and domain for ever, is not suspended, has no
    /// keys and no members. No other family changes.
    ///
    /// **Emits** VaspRegistered.
    function register(address admin, string calldata domain, string calldata baseUrl) external returns (uint256 id);

    /// @notice Offers the admin's place to `newAdmin`; zero takes an offer back.
    /// @dev **Requires**
    /// - a known family (VaspUnknown)
    /// - the caller its admin (VaspAdminOnly)
    ///
    /// **Ensures** only the offer changes; the admin stays until it is accepted.
    ///
    /// **Emits** VaspAdminOffered.
    function offerAdmin(uint256 id, address newAdmin) external;

    /// @notice Takes the admin's place that was offered to the caller.
    /// @dev **Requires**
    /// - a known family (VaspUnknown)
    /// - the caller the one it was offered to (VaspAdminOnly)
    ///
    /// **Ensures** the caller is the admin and no offer is left; keys, members and particulars are unchanged.
    ///
    /// **Emits** VaspAdminChanged.
    function acceptAdmin(uint256 id) external;

    /// @notice Changes where the operator answers.
    /// @dev **Requires**
    /// - a known family (VaspUnknown)
    /// - the caller its admin (VaspAdminOnly)
    /// - at most 512 bytes (VaspUrlTooLong)
    ///
    /// **Ensures** only the URL changes.
    ///
    /// **Emits** VaspBaseUrlChanged, also when nothing changes.
    function setBaseUrl(uint256 id, string calldata url) external;

    /// @notice Sets the term of a compliance key. Several keys may be valid at once, so that one is replaced without a gap.
    /// @dev **Requires**
    /// - a known family (VaspUnknown)
    /// - the caller its admin (VaspAdminOnly)
    /// - `key` not zero (VaspKeyInvalid)
    /// - `validFrom` < `validUntil` ≤ now + 366 days (VaspKeyTermInvalid)
    ///
    /// **Ensures** the key has this term in place of any it had; other keys and what it signed before are unchanged.
    ///
    /// **Emits** VaspKeyChanged.
    function setComplianceKey(uint256 id, address key, uint256 validFrom, uint256 validUntil) external;

    /// @notice Ends a compliance key at once.
    /// @dev **Requires**
    /// - a known family (VaspUnknown)
    /// - the caller its admin (VaspAdminOnly)
    ///
    /// **Ensures** the key has no term; what it signed and was not yet submitted is void, attestations already given stay (they
    /// can be withdrawn by another key).
    ///
    /// **Emits** VaspKeyChanged, also when nothing changes.
    function revokeComplianceKey(uint256 id, address key) external;

    // ------------------------------------------------------------------------------------------------ members

    /// @notice Makes an account a member of a family by the signatures of both; anyone may submit them.
    /// @dev **Requires**
    /// - the deadline not passed (OrderExpired)
    /// - a known family (VaspUnknown), not suspended (VaspSuspended)
    /// - the account not zero, and no coin, treasury or escrow in any of the coins (VaspAccountInvalid)
    /// - the account in no family (VaspAlreadyMember)
    /// - the id not zero, and unused by the account (VaspConsentUsed)
    /// - `key` a valid compliance key of the family (VaspKeyInvalid)
    /// - a valid signature of the account, then one of `key`, over `terms` (OrderSignatureInvalid)
    ///
    /// **Ensures** the account belongs to the family here and in every coin; the id is spent. Balances, freezes and the account's
    /// other consents are unchanged.
    ///
    /// **Emits** VaspJoined; each coin emits VaspChanged.
    function join(
        JoinVasp calldata terms,
        bytes calldata accountSignature,
        address key,
        bytes calldata keySignature
    ) external;

    /// @notice Announces that the caller leaves its family in 24 hours.
    /// @dev **Requires**
    /// - the caller a member of a family (VaspNotMember)
    /// - not leaving already (VaspAlreadyLeaving)
    ///
    /// **Ensures** leaving can be completed from 24 hours from now on; until then, and until it is completed, the account
    /// is a member like any other.
    ///
    /// **Emits** VaspLeaving.
    function announceLeave() external;

    /// @notice Announces that an account leaves by its signature; anyone may submit it.
    /// @dev **Requires**
    /// - the deadline not passed (OrderExpired)
    /// - the account a member of a family (VaspNotMember)
    /// - not leaving already (VaspAlreadyLeaving)
    /// - the id not zero, and unused by the account (VaspConsentUsed)
    /// - a valid signature of the account (OrderSignatureInvalid)
    ///
    /// **Ensures** as `announceLeave`; the id is spent.
    ///
    /// **Emits** VaspLeaving.
    function leaveBySig(LeaveVasp calldata terms, bytes calldata signature) external;

    /// @notice Announces that the family lets an account go in 24 hours.
    /// @dev **Requires**
    /// - a known family (VaspUnknown)
    /// - the caller its admin (VaspAdminOnly)
    /// - the account a member of it (VaspNotMember)
    /// - not leaving already (VaspAlreadyLeaving)
    ///
    /// **Ensures** as `announceLeave`.
    ///
    /// **Emits** VaspLeaving.
    function expel(uint256 id, address account) external;

    /// @notice Ends the membership of an account that announced it; anyone may call it.
    /// @dev **Requires**
    /// - the account a member of a family (VaspNotMember)
    /// - announced as leaving (VaspNotLeaving)
    /// - 24 hours passed since (VaspLeaveTooEarly)
    ///
    /// **Ensures** the account belongs to no family, here and in every coin. Balances and freezes are unchanged; attestations for
    /// it stay unused unless it joins the same family again before they end.
    ///
    /// **Emits** VaspLeft; each coin emits VaspChanged.
    function completeLeave(address account) external;

    // ------------------------------------------------------------------------------------------- attestations

    /// @notice States that the payee's family knows of one payment; the caller is one of its compliance keys.
    /// @dev Attestations of the same coin, payer, payee and amount are counted together and end together: at the earliest end
    /// among those that still count.
    ///
    /// **Requires**
    /// - a known family (VaspUnknown), not suspended (VaspSuspended)
    /// - the caller a valid compliance key of it (VaspKeyInvalid)
    /// - the coin one of ours (VaspCoinUnknown)
    /// - the payee a member of the family (VaspNotMember)
    /// - the id unused by the family (VaspAttestationUsed)
    /// - now < `validUntil` (VaspAttestationExpired) ≤ now + 30 days (VaspAttestationTooLong)
    /// - fewer than 65,535 waiting (VaspAttestationsFull)
    ///
    /// **Ensures** one more payment of exactly this amount may be made; the id is spent. A later end than that of those waiting
    /// is lowered to theirs, an earlier one becomes that of all; leftovers that ended or are of another family are gone.
    ///
    /// **Emits** TravelAttested.
    function attest(TravelAttestation calldata attestation) external;

    /// @notice States the same by the signature of a compliance key; anyone may submit it.
    /// @dev **Requires**
    /// - a known family (VaspUnknown), not suspended (VaspSuspended)
    /// - `key` a valid compliance key of it (VaspKeyInvalid)
    /// - its valid signature (OrderSignatureInvalid)
    /// - then as `attest` after the key
    ///
    /// **Ensures** as `attest`.
    ///
    /// **Emits** TravelAttested.
    function attestBySig(TravelAttestation calldata attestation, address key, bytes calldata signature) external;

    /// @notice Takes the family's unused attestations of a payment back; the caller is one of its compliance keys.
    /// @dev Works while the family is suspended.
    ///
    /// **Requires**
    /// - a known family (VaspUnknown)
    /// - the caller a valid compliance key of it (VaspKeyInvalid)
    /// - at least one attestation of it waiting, ended or not (VaspAttestationMissing)
    ///
    /// **Ensures** none is left; their ids stay spent. Other payments are unchanged.
    ///
    /// **Emits** TravelAttestationsWithdrawn.
    function withdrawAttestations(uint256 vasp, address coin, address payer, address payee, uint256 amount) external;

    /// @notice Uses one attestation up for a payment that the calling coin is about to make, and says whether there was one.
    /// @dev Never calls out.
    ///
    /// **Requires** the caller one of our coins (VaspCoinUnknown).
    ///
    /// **Ensures** true and one fewer waiting, when there is one that has not ended, of the family the payee belongs to now, and
    /// neither the payee's nor the payer's family is suspended. Otherwise false, and nothing changes.
    ///
    /// **Emits** TravelAttestationUsed when true.
    function useAttestation(address payer, address payee, uint256 amount) external returns (bool);

    // --------------------------------------------------------------------------------------------- suspension

    /// @notice Suspends a family.
    /// @dev **Requires**
    /// - the caller in the role of cell vasp.suspend of docs/ROLES.md (AccessManagedUnauthorized)
    /// - a known family (VaspUnknown)
    ///
    /// **Ensures** the family is suspended. Members stay, may leave, and pay as before inside the family and below the coin's
    /// limit; attestations wait.
    ///
    /// **Emits** VaspSuspendedChanged, also when nothing changes.
    function suspend(uint256 id) external;

    /// @notice Ends a suspension.
    /// @dev **Requires**
    /// - the caller in the role of cell vasp.reinstate of docs/ROLES.md (AccessManagedUnauthorized)
    /// - a known family (VaspUnknown)
    ///
    /// **Ensures** the family is not suspended; attestations that waited and have not ended count again. Freezes stay.
    ///
    /// **Emits** VaspSuspendedChanged, also when nothing changes.
    function reinstate(uint256 id) external;

    /// @notice Freezes members of a suspended family whole, in every coin.
    /// @dev This contract holds the freezer's role in the coins. An account frozen whole already keeps its case and end.
    ///
    /// **Requires**
    /// - the caller in the role of cell vasp.cascadeFreeze of docs/ROLES.md (AccessManagedUnauthorized)
    /// - a known family (VaspUnknown), suspended (VaspNotSuspended)
    /// - at most 100 accounts (VaspListTooLong)
    /// - each a member of the family (VaspNotMember)
    /// - each coin accepts the freeze; its own errors pass through
    ///
    /// **Ensures** each account is frozen whole in each coin, under this case until `until` where it was not before; a freeze of
    /// part of it is replaced. Memberships and balances are unchanged.
    ///
    /// **Emits** nothing itself; the coins emit Frozen.
    function cascadeFreeze(uint256 id, address[] calldata accounts, bytes32 caseId, uint256 until) external;

    // -------------------------------------------------------------------------------------------------- views

    /// @notice The family of an account; 0 is none.
    function vaspOf(address account) external view returns (uint256 id);

    /// @notice The particulars of a family; all empty if it is unknown.
    function operatorOf(
        uint256 id
    )
        external
        view
        returns (address admin, address offeredAdmin, string memory domain, string memory baseUrl, bool suspended);

    /// @notice The family with a domain; 0 is none.
    function idOfDomain(string calldata domain) external view returns (uint256 id);

    /// @notice The term of a compliance key; zeros if it has none.
    function keyOf(uint256 id, address key) external view returns (uint256 validFrom, uint256 validUntil);

    /// @notice The attestations of a payment that wait to be used: how many, until when they count, and whose they are.
    function attestationOf(
        address coin,
        address payer,
        address payee,
        uint256 amount
    ) external view returns (uint256 count, uint256 validUntil, uint256 vasp);

    /// @notice Whether a family has given an attestation under this id.
    function attestationUsed(uint256 vasp, bytes32 attestationId) external view returns (bool);

    /// @notice Whether an account has used this id for a consent.
    function consentUsed(address account, bytes32 id) external view returns (bool);

    /// @notice When the leaving of an account can be completed; 0 if it is not leaving.
    function leaveAt(address account) external view returns (uint256);

    /// @notice The coins that know families by this registry.
    function coins() external view returns (address[] memory);

    /// @notice How many families there are; their ids are 1 to this number.
    function vaspCount() external view returns (uint256);
}
