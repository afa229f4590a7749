// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {BitMaps} from "@openzeppelin/contracts/utils/structs/BitMaps.sol";
import {AccountState} from "./interfaces/IStablecoin.sol";
import {IVaspRegistry} from "./interfaces/IVaspRegistry.sol";
import {SignedOrders} from "./libraries/SignedOrders.sol";

/// @title IVaspCoin
/// @notice All that the registry asks of a coin.
interface IVaspCoin {
    function setVasp(address account, uint256 newVasp) external;
    function freeze(address account, uint256 amount, bytes32 caseId, uint256 until) external;
    function isEscrow(address account) external view returns (bool);
    function treasury() external view returns (address);
    function accountOf(address account) external view returns (AccountState memory);
}

/// @title VaspRegistry
/// @notice The wallet operators, their members, and their attestations of payments between families.
/// @dev Promises: a family's id and domain are given once (VASP-1); an account is in one family at most, by its own signature
/// and the family's, and every coin says the same (VASP-2); a consent counts once (VASP-3); nobody leaves within 24 hours of
/// the announcement (VASP-4); no payment uses an attestation that was not given for exactly it, no attestation is used twice,
/// and an id is given once (VASP-5); an attestation counts only before its end, for the payee's present family, while neither
/// family is suspended (VASP-6); a key acts only within its term, a suspended family neither admits nor attests (VASP-7).
/// Holds no coins and has no way to move any.
/// Assumes: the coins listed are Stablecoins that name this contract as their registry and gave it the freezer's role; they do
/// not call back. State is written before a coin is called.
contract VaspRegistry is IVaspRegistry, SignedOrders {
    using BitMaps for BitMaps.BitMap;

    struct Operator {
        address admin;
        address offeredAdmin;
        string domain;
        string baseUrl;
    }

    struct Term {
        uint64 validFrom;
        uint64 validUntil;
    }

    struct Member {
        uint16 vasp;
        uint40 leaveAt;
    }

    /// @dev The attestations of one payment that wait, in one slot. It is empty when none is left.
    struct Waiting {
        uint16 count;
        uint40 validUntil;
        uint16 vasp;
    }

    bytes32 private constant JOIN_VASP = keccak256(
        "JoinVasp(address account,uint256 vasp,bytes32 joinId,uint256 deadline)"
    );
    bytes32 private constant LEAVE_VASP = keccak256("LeaveVasp(address account,bytes32 leaveId,uint256 deadline)");
    bytes32 private constant TRAVEL_ATTESTATION = keccak256(
        "TravelAttestation(uint256 vasp,bytes32 attestationId,address coin,address payer,address payee,uint256 amount,bytes32 ref,uint256 validUntil)"
    );

    /// @dev What the 16 bits of an account's word hold.
    uint256 private constant MAX_ID = type(uint16).max;

    /// @dev What 16 bits hold beside the other fields of the slot.
    uint256 private constant MAX_WAITING = type(uint16).max;

    /// @dev The longest host name there is, and the longest part of one (RFC 1035).
    uint256 private constant MAX_DOMAIN = 253;
    uint256 private constant MAX_LABEL = 63;

    /// @dev Room for any sensible place, at no sensible price for more.
    uint256 private constant MAX_URL = 512;

    /// @dev A key that nobody renews within a year, a leap year included, is a key nobody looks after.
    uint256 private constant MAX_KEY_TERM = 366 days;

    /// @dev Time for a freezer to act before an account slips out of its family.
    uint256 private constant LEAVE_DELAY = 24 hours;

    /// @dev A payment known to both operators is made within weeks.
    uint256 private constant MAX_ATTESTATION = 30 days;

    /// @dev Measured: 100 accounts in two coins take less than the 2^24 gas of a transaction.
    uint256 private constant MAX_FREEZES = 100;

    /// @dev Every join and every leaving visits all of them.
    uint256 private constant MAX_COINS = 16;

    mapping(uint256 id => Operator) private _operators;
    mapping(bytes32 domainHash => uint256 id) private _domains;
    mapping(uint256 id => mapping(address key => Term)) private _keys;
    mapping(address account => Member) private _members;
    mapping(address account => mapping(bytes32 id => bool used)) private _consents;
    mapping(uint256 vasp => mapping(bytes32 attestationId => bool used)) private _attestations;
    mapping(bytes32 payment => Waiting) private _waiting;
    mapping(address coin => bool listed) private _listed;
    BitMaps.BitMap private _suspended;
    address[] private _coins;
    uint256 private _count;

    /// @param authority_ the access manager, kept for ever.
    /// @param coins_ the coins, kept for ever: at most 16, each with code and listed once.
    constructor(address authority_, address[] memory coins_) SignedOrders(authority_, "Remesa Vasps", "1") {
        if (coins_.length > MAX_COINS) revert VaspListTooLong(coins_.length, MAX_COINS);
        for (uint256 i = 0; i < coins_.length; ++i) {
            address coin = coins_[i];
            if (coin.code.length == 0 || _listed[coin]) revert VaspCoinInvalid(coin);
            _listed[coin] = true;
        }
        _coins = coins_;
    }

    // ---------------------------------------------------------------------------------------------- operators

    /// @inheritdoc IVaspRegistry
    function register(
        address admin,
        string calldata domain,
        string calldata baseUrl
    ) external restricted returns (uint256 id) {
        if (admin == address(0)) revert VaspAdminInvalid(admin);
        if (!_isHostName(bytes(domain))) revert VaspDomainInvalid(domain);
        bytes32 domainHash = keccak256(bytes(domain));
        if (_domains[domainHash] != 0) revert VaspDomainTaken(domain, _domains[domainHash]);
        _checkUrl(baseUrl);
        if (_count == MAX_ID) revert VaspIdsExhausted(MAX_ID);

        id = ++_count;
        _domains[domainHash] = id;
        _operators[id] = Operator(admin, address(0), domain, baseUrl);
        emit VaspRegistered(id, admin, domain, baseUrl);
    }

    /// @inheritdoc IVaspRegistry
    function offerAdmin(uint256 id, address newAdmin) external {
        Operator storage operator = _ownOperator(id);
        operator.offeredAdmin = newAdmin;
        emit VaspAdminOffered(id, msg.sender, newAdmin);
    }

    /// @inheritdoc IVaspRegistry
    function acceptAdmin(uint256 id) external {
        Operator storage operator = _knownOperator(id);
        address offered = operator.offeredAdmin;
        if (msg.sender != offered) revert VaspAdminOnly(msg.sender, offered);
        emit VaspAdminChanged(id, operator.admin, offered);
        operator.admin = offered;
        operator.offeredAdmin = address(0);
    }

    /// @inheritdoc IVaspRegistry
    function setBaseUrl(uint256 id, string calldata url) external {
        Operator storage operator = _ownOperator(id);
        _checkUrl(url);
        emit VaspBaseUrlChanged(id, operator.baseUrl, url);
        operator.baseUrl = url;
    }

    /// @inheritdoc IVaspRegistry
    function setComplianceKey(uint256 id, address key, uint256 validFrom, uint256 validUntil) external {
        _ownOperator(id);
        if (key == address(0)) revert VaspKeyInvalid(id, key, block.timestamp);
        uint256 limit = block.timestamp + MAX_KEY_TERM;
        if (validFrom >= validUntil || validUntil > limit) revert VaspKeyTermInvalid(validFrom, validUntil, limit);
        _setTerm(id, key, validFrom, validUntil);
    }

    /// @inheritdoc IVaspRegistry
    function revokeComplianceKey(uint256 id, address key) external {
        _ownOperator(id);
        _setTerm(id, key, 0, 0);
    }

    // ------------------------------------------------------------------------------------------------ members

    /// @inheritdoc IVaspRegistry
    function join(
        JoinVasp calldata terms,
        bytes calldata accountSignature,
        address key,
        bytes calldata keySignature
    ) external {
        (address account, uint256 vasp) = (terms.account, terms.vasp);
        _checkDeadline(terms.deadline);
        _knownOperator(vasp);
        _checkNotSuspended(vasp);
        _checkAccount(account);
        if (_members[account].vasp != 0) revert VaspAlreadyMember(account, _members[account].vasp);
        _checkConsent(account, terms.joinId);
        _checkKey(vasp, key);
        bytes32 digest = _hashTypedDataV4(keccak256(abi.encode(JOIN_VASP, terms)));
        _checkSignature(account, digest, accountSignature);
        _checkSignature(key, digest, keySignature);

        _consents[account][terms.joinId] = true;
        _members[account].vasp = uint16(vasp);
        emit VaspJoined(vasp, account, key, terms.joinId);
        _tellCoins(account, vasp);
    }

    /// @inheritdoc IVaspRegistry
    function announceLeave() external {
        _announceLeave(_stayingMember(msg.sender, 0), msg.sender, msg.sender, 0);
    }

    /// @inheritdoc IVaspRegistry
    function leaveBySig(LeaveVasp calldata terms, bytes calldata signature) external {
        address account = terms.account;
        _checkDeadline(terms.deadline);
        Member storage member = _stayingMember(account, 0);
        _checkConsent(account, terms.leaveId);
        _checkSignature(account, _hashTypedDataV4(keccak256(abi.encode(LEAVE_VASP, terms))), signature);

        _consents[account][terms.leaveId] = true;
        _announceLeave(member, account, account, terms.leaveId);
    }

    /// @inheritdoc IVaspRegistry
    function expel(uint256 id, address account) external {
        _ownOperator(id);
        _announceLeave(_stayingMember(account, id), account, msg.sender, 0);
    }

    /// @inheritdoc IVaspRegistry
    function completeLeave(address account) external {
        Member memory member = _members[account];
        if (member.vasp == 0) revert VaspNotMember(account, 0);
        if (member.leaveAt == 0) revert VaspNotLeaving(account);
        if (block.timestamp < member.leaveAt) revert VaspLeaveTooEarly(member.leaveAt, block.timestamp);

        delete _members[account];
        emit VaspLeft(member.vasp, account);
        _tellCoins(account, 0);
    }

    // ------------------------------------------------------------------------------------------- attestations

    /// @inheritdoc IVaspRegistry
    function attest(TravelAttestation calldata attestation) external {
        _checkAttestor(attestation.vasp, msg.sender);
        _attest(attestation);
    }

    /// @inheritdoc IVaspRegistry
    function attestBySig(TravelAttestation calldata attestation, address key, bytes calldata signature) external {
        _checkAttestor(attestation.vasp, key);
        _checkSignature(key, _hashTypedDataV4(keccak256(abi.encode(TRAVEL_ATTESTATION, attestation))), signature);
        _attest(attestation);
    }

    /// @inheritdoc IVaspRegistry
    function withdrawAttestations(uint256 vasp, address coin, address payer, address payee, uint256 amount) external {
        _knownOperator(vasp);
        _checkKey(vasp, msg.sender);
        bytes32 payment = _paymentKey(coin, payer, payee, amount);
        Waiting memory waiting = _waiting[payment];
        if (waiting.vasp != vasp) revert VaspAttestationMissing(vasp, coin, payer, payee, amount);
        delete _waiting[payment];
        emit TravelAttestationsWithdrawn(vasp, msg.sender, coin, payer, payee, amount, waiting.count);
    }

    /// @inheritdoc IVaspRegistry
    function useAttestation(address payer, address payee, uint256 amount) external returns (bool) {
        if (!_listed[msg.sender]) revert VaspCoinUnknown(msg.sender);
        bytes32 payment = _paymentKey(msg.sender, payer, payee, amount);
        Waiting memory waiting = _waiting[payment];
        if (waiting.count == 0 || block.timestamp >= waiting.validUntil) return false;
        if (waiting.vasp != _members[payee].vasp) return false;
        // no family has the id 0, so an account without one is never of a suspended family
        if (_suspended.get(waiting.vasp) || _suspended.get(_members[payer].vasp)) return false;

        if (waiting.count == 1) delete _waiting[payment];
        else _waiting[payment].count = waiting.count - 1;
        emit TravelAttestationUsed(msg.sender, payer, payee, amount);
        return true;
    }

    // --------------------------------------------------------------------------------------------- suspension

    /// @inheritdoc IVaspRegistry
    function suspend(uint256 id) external restricted {
        _setSuspended(id, true);
    }

    /// @inheritdoc IVaspRegistry
    function reinstate(uint256 id) external restricted {
        _setSuspended(id, false);
    }

    /// @inheritdoc IVaspRegistry
    function cascadeFreeze(uint256 id, address[] calldata accounts, bytes32 caseId, uint256 until) external restricted {
        _knownOperator(id);
        if (!_suspended.get(id)) revert VaspNotSuspended(id);
        if (accounts.length > MAX_FREEZES) revert VaspListTooLong(accounts.length, MAX_FREEZES);
        address[] memory coins_ = _coins;
        for (uint256 i = 0; i < accounts.length; ++i) {
            if (_members[accounts[i]].vasp != id) revert VaspNotMember(accounts[i], id);
            for (uint256 j = 0; j < coins_.length; ++j) {
                IVaspCoin coin = IVaspCoin(coins_[j]);
                if (coin.accountOf(accounts[i]).frozenWhole) continue;
                coin.freeze(accounts[i], type(uint256).max, caseId, until);
            }
        }
    }

    // -------------------------------------------------------------------------------------------------- views

    /// @inheritdoc IVaspRegistry
    function vaspOf(address account) external view returns (uint256 id) {
        return _members[account].vasp;
    }

    /// @inheritdoc IVaspRegistry
    function operatorOf(
        uint256 id
    )
        external
        view
        returns (address admin, address offeredAdmin, string memory domain, string memory baseUrl, bool suspended)
    {
        Operator storage operator = _operators[id];
        return (operator.admin, operator.offeredAdmin, operator.domain, operator.baseUrl, _suspended.get(id));
    }

    /// @inheritdoc IVaspRegistry
    function idOfDomain(string calldata domain) external view returns (uint256 id) {
        return _domains[keccak256(bytes(domain))];
    }

    /// @inheritdoc IVaspRegistry
    function keyOf(uint256 id, address key) external view returns (uint256 validFrom, uint256 validUntil) {
        Term storage term = _keys[id][key];
        return (term.validFrom, term.validUntil);
    }

    /// @inheritdoc IVaspRegistry
    function attestationOf(
        address coin,
        address payer,
        address payee,
        uint256 amount
    ) external view returns (uint256 count, uint256 validUntil, uint256 vasp) {
        Waiting storage waiting = _waiting[_paymentKey(coin, payer, payee, amount)];
        return (waiting.count, waiting.validUntil, waiting.vasp);
    }

    /// @inheritdoc IVaspRegistry
    function attestationUsed(uint256 vasp, bytes32 attestationId) external view returns (bool) {
        return _attestations[vasp][attestationId];
    }

    /// @inheritdoc IVaspRegistry
    function consentUsed(address account, bytes32 id) external view returns (bool) {
        return _consents[account][id];
    }

    /// @inheritdoc IVaspRegistry
    function leaveAt(address account) external view returns (uint256) {
        return _members[account].leaveAt;
    }

    /// @inheritdoc IVaspRegistry
    function coins() external view returns (address[] memory) {
        return _coins;
    }

    /// @inheritdoc IVaspRegistry
    function vaspCount() external view returns (uint256) {
        return _count;
    }

    // ------------------------------------------------------------------------------------------------- checks

    function _knownOperator(uint256 id) private view returns (Operator storage operator) {
        operator = _operators[id];
        if (operator.admin == address(0)) revert VaspUnknown(id);
    }

    function _ownOperator(uint256 id) private view returns (Operator storage operator) {
        operator = _knownOperator(id);
        if (msg.sender != operator.admin) revert VaspAdminOnly(msg.sender, operator.admin);
    }

    function _checkNotSuspended(uint256 id) private view {
        if (_suspended.get(id)) revert VaspSuspended(id);
    }

    function _checkKey(uint256 id, address key) private view {
        Term memory term = _keys[id][key];
        if (block.timestamp < term.validFrom || block.timestamp >= term.validUntil) {
            revert VaspKeyInvalid(id, key, block.timestamp);
        }
    }

    function _checkAttestor(uint256 vasp, address key) private view {
        _knownOperator(vasp);
        _checkNotSuspended(vasp);
        _checkKey(vasp, key);
    }

    function _checkAccount(address account) private view {
        if (account == address(0) || _listed[account]) revert VaspAccountInvalid(account);
        for (uint256 i = 0; i < _coins.length; ++i) {
            IVaspCoin coin = IVaspCoin(_coins[i]);
            if (coin.treasury() == account || coin.isEscrow(account)) revert VaspAccountInvalid(account);
        }
    }

    /// @dev Zero is the id of no consent: the events say with it that there was none.
    function _checkConsent(address account, bytes32 id) private view {
        if (id == 0 || _consents[account][id]) revert VaspConsentUsed(account, id);
    }

    function _checkUrl(string calldata url) private pure {
        uint256 length = bytes(url).length;
        if (length > MAX_URL) revert VaspUrlTooLong(length, MAX_URL);
    }

    /// @dev A member of `vasp`, or of any family for 0, that has not announced its leaving. Announcing anew would put the
    /// moment off, and so let a family hold an account for ever.
    function _stayingMember(address account, uint256 vasp) private view returns (Member storage member) {
        member = _members[account];
        if (member.vasp == 0 || (vasp != 0 && member.vasp != vasp)) revert VaspNotMember(account, vasp);
        if (member.leaveAt != 0) revert VaspAlreadyLeaving(account, member.leaveAt);
    }

    /// @dev Labels of `a-z0-9-` between dots, none empty, none with a hyphen at an end; at least two, or `localhost`.
    function _isHostName(bytes calldata name) private pure returns (bool) {
        uint256 length = name.length;
        if (length > MAX_DOMAIN) return false;
        uint256 start;
        for (uint256 i = 0; i <= length; ++i) {
            if (i < length && name[i] != ".") {
                bytes1 c = name[i];
                if ((c < "a" || c > "z") && (c < "0" || c > "9") && c != "-") return false;
                continue;
            }
            if (i == start || i - start > MAX_LABEL || name[start] == "-" || name[i - 1] == "-") return false;
            if (i == length) break;
            start = i + 1;
        }
        return start != 0 || keccak256(name) == keccak256("localhost");
    }

    // ------------------------------------------------------------------------------------------------- writes

    function _setTerm(uint256 id, address key, uint256 validFrom, uint256 validUntil) private {
        Term storage term = _keys[id][key];
        emit VaspKeyChanged(id, key, term.validFrom, term.validUntil, validFrom, validUntil);
        (term.validFrom, term.validUntil) = (uint64(validFrom), uint64(validUntil));
    }

    function _announceLeave(Member storage member, address account, address actor, bytes32 leaveId) private {
        uint256 from = block.timestamp + LEAVE_DELAY;
        member.leaveAt = uint40(from);
        emit VaspLeaving(member.vasp, account, actor, from, leaveId);
    }

    /// @dev The attestation's family and key were checked.
    function _attest(TravelAttestation calldata a) private {
        if (!_listed[a.coin]) revert VaspCoinUnknown(a.coin);
        if (_members[a.payee].vasp != a.vasp) revert VaspNotMember(a.payee, a.vasp);
        if (_attestations[a.vasp][a.attestationId]) revert VaspAttestationUsed(a.vasp, a.attestationId);
        if (block.timestamp >= a.validUntil) revert VaspAttestationExpired(a.validUntil, block.timestamp);
        uint256 limit = block.timestamp + MAX_ATTESTATION;
        if (a.validUntil > limit) revert VaspAttestationTooLong(a.validUntil, limit);

        bytes32 payment = _paymentKey(a.coin, a.payer, a.payee, a.amount);
        Waiting memory waiting = _waiting[payment];
        bool counts = waiting.vasp == a.vasp && block.timestamp < waiting.validUntil;
        uint256 count = counts ? waiting.count : 0;
        if (count == MAX_WAITING) revert VaspAttestationsFull(count, MAX_WAITING);

        uint256 end = counts ? Math.min(waiting.validUntil, a.validUntil) : a.validUntil;
        _waiting[payment] = Waiting(uint16(count + 1), uint40(end), uint16(a.vasp));
        _attestations[a.vasp][a.attestationId] = true;
        emit TravelAttested(a.vasp, a.attestationId, a.coin, a.payer, a.payee, a.amount, a.ref, a.validUntil);
    }

    function _setSuspended(uint256 id, bool suspended) private {
        _knownOperator(id);
        emit VaspSuspendedChanged(id, msg.sender, _suspended.get(id), suspended);
        _suspended.setTo(id, suspended);
    }

    function _tellCoins(address account, uint256 vasp) private {
        for (uint256 i = 0; i < _coins.length; ++i) IVaspCoin(_coins[i]).setVasp(account, vasp);
    }

    function _paymentKey(address coin, address payer, address payee, uint256 amount) private pure returns (bytes32) {
        return keccak256(abi.encode(coin, payer, payee, amount));
    }
}
