// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AccessManager} from "@openzeppelin/contracts/access/manager/AccessManager.sol";
import {VaspRegistry} from "../../contracts/VaspRegistry.sol";
import {IVaspRegistry} from "../../contracts/interfaces/IVaspRegistry.sol";
import {VaspMockCoin} from "../../contracts/mocks/VaspMocks.sol";
import {vm} from "./Cheats.sol";

/// @notice Calls the registry at random and keeps a model of it that says of every step, beforehand, whether it may happen.
/// @dev The model is naive: attestations are a list for each payment, consents and ids are counted, nothing is packed.
contract VaspRegistryHandler {
    uint256 public constant ACCOUNTS = 4;
    uint256 public constant KEYS = 3;
    uint256 public constant DOMAINS = 5;
    uint256 public constant COINS = 2;
    uint256 public constant AMOUNTS = 2;
    uint256 public constant IDS = 16;
    uint256 private constant WHOLE = type(uint256).max;

    bytes32 private constant JOIN_VASP = keccak256(
        "JoinVasp(address account,uint256 vasp,bytes32 joinId,uint256 deadline)"
    );
    bytes32 private constant LEAVE_VASP = keccak256("LeaveVasp(address account,bytes32 leaveId,uint256 deadline)");
    bytes32 private constant TRAVEL_ATTESTATION = keccak256(
        "TravelAttestation(uint256 vasp,bytes32 attestationId,address coin,address payer,address payee,uint256 amount,bytes32 ref,uint256 validUntil)"
    );

    struct Given {
        uint256 family;
        uint256 end;
    }

    struct Payment {
        uint256 coin;
        uint256 payer;
        uint256 payee;
        uint256 amount;
    }

    VaspRegistry public registry;
    VaspMockCoin[2] private _coins;
    bytes32 private _separator;
    uint256 private _time = 100_000_000;
    address[4] private _accounts;
    address[3] private _keys;

    /// @notice Grows with every step; says which part of the state a check looks at.
    uint256 public steps;

    // the model
    uint256 public families;
    mapping(uint256 domain => uint256 family) public ownerOf;
    mapping(uint256 family => mapping(uint256 key => uint256)) public fromOf;
    mapping(uint256 family => mapping(uint256 key => uint256)) public untilOf;
    mapping(uint256 family => bool) public suspended;
    mapping(uint256 account => uint256 family) public familyOf;
    mapping(uint256 account => uint256 time) public announcedAt;
    mapping(uint256 account => mapping(uint256 id => uint256)) public consentsOf;
    mapping(uint256 family => mapping(uint256 id => uint256)) public attestedUnder;
    mapping(bytes32 payment => Given[]) private _waiting;
    Payment private _last;
    mapping(bytes32 payment => uint256) public givenFor;
    mapping(bytes32 payment => uint256) public usedFor;
    mapping(uint256 coin => mapping(uint256 account => bool)) public frozen;

    /// @notice How often the rarer steps succeeded, so that a campaign that never gets there can be told.
    uint256 public joins;
    uint256 public departures;
    uint256 public uses;

    /// @notice The first disagreement between the model and the contract; empty as long as there is none.
    string public violation;

    constructor() {
        vm.warp(_time);
        AccessManager manager = new AccessManager(address(this));
        address[] memory coins = new address[](COINS);
        for (uint256 i = 0; i < ACCOUNTS; ++i) _accounts[i] = vm.addr(0xa11ce + i);
        for (uint256 i = 0; i < KEYS; ++i) _keys[i] = vm.addr(0xb0b + i);
        for (uint256 i = 0; i < COINS; ++i) {
            _coins[i] = new VaspMockCoin();
            coins[i] = address(_coins[i]);
        }
        registry = new VaspRegistry(address(manager), coins);
        _separator = registry.DOMAIN_SEPARATOR();
        for (uint256 family = 1; family <= 2; ++family) {
            register(family);
            _setKey(family, family, _time, _time + 100 days);
            join(family, family, family, family, 9);
        }
    }

    function coinAt(uint256 index) public view returns (VaspMockCoin) {
        return _coins[index];
    }

    function accountAt(uint256 index) public view returns (address) {
        return _accounts[index];
    }

    function keyAt(uint256 index) public view returns (address) {
        return _keys[index];
    }

    function domainAt(uint256 index) public pure returns (string memory) {
        string[5] memory names = ["a.example", "b.example", "localhost", "c-d.example", "9.example"];
        return names[index];
    }

    function idAt(uint256 index) public pure returns (bytes32) {
        return keccak256(abi.encode("id", index));
    }

    function waitingOf(bytes32 payment) external view returns (Given[] memory) {
        return _waiting[payment];
    }

    function paymentKey(Payment memory p) public pure returns (bytes32) {
        return keccak256(abi.encode(p));
    }

    // ---------------------------------------------------------------------------------------------- operators

    function register(uint256 domainSeed) public {
        _begin();
        uint256 domain = domainSeed % DOMAINS;
        try registry.register(address(this), domainAt(domain), "") returns (uint256 family) {
            if (ownerOf[domain] != 0) violation = "VASP-1: a domain was given twice";
            if (family != families + 1) violation = "VASP-1: an id was given twice, or skipped";
            families = family;
            ownerOf[domain] = family;
        } catch {
            if (ownerOf[domain] == 0) violation = "a family was refused that was allowed";
        }
    }

    function setKey(uint256 familySeed, uint256 keySeed, uint256 fromSeed, uint256 length) external {
        _begin();
        uint256 from = _time - 2 hours + (fromSeed % 4 hours);
        _setKey(_family(familySeed), keySeed % KEYS, from, from + (length % 10 days));
    }

    function revokeKey(uint256 familySeed, uint256 keySeed) external {
        _begin();
        // most keys stay, or nobody would ever join
        if (keySeed % 4 != 0) return;
        (uint256 family, uint256 key) = (_family(familySeed), familySeed % KEYS);
        try registry.revokeComplianceKey(family, keyAt(key)) {
            if (!_isKnown(family)) violation = "VASP-1: a family that is not there had a key revoked";
            (fromOf[family][key], untilOf[family][key]) = (0, 0);
        } catch {
            if (_isKnown(family)) violation = "a revocation was refused that was allowed";
        }
    }

    function suspend(uint256 familySeed, uint256 flag) external {
        _begin();
        uint256 family = _family(familySeed);
        bool on = flag % 3 == 0;
        bool done;
        if (on) {
            try registry.suspend(family) {
                done = true;
            } catch {}
        } else {
            try registry.reinstate(family) {
                done = true;
            } catch {}
        }
        if (done != _isKnown(family)) violation = "VASP-1: a suspension and the families known disagree";
        if (done) suspended[family] = on;
    }

    function cascadeFreeze(uint256 familySeed, uint256 firstSeed, uint256 secondSeed) external {
        _begin();
        uint256 family = _family(familySeed);
        (uint256 first, uint256 second) = (firstSeed % ACCOUNTS, secondSeed % ACCOUNTS);
        address[] memory accounts = new address[](2);
        (accounts[0], accounts[1]) = (accountAt(first), accountAt(second));
        bool expected =
            _isKnown(family) && suspended[family] && familyOf[first] == family && familyOf[second] == family;
        try registry.cascadeFreeze(family, accounts, bytes32(family), _time + 1 days) {
            if (!expected) violation = "VASP-7: an account was frozen that is no member of a suspended family";
            for (uint256 i = 0; i < COINS; ++i) (frozen[i][first], frozen[i][second]) = (true, true);
        } catch {
            if (expected) violation = "a cascade was refused that was allowed";
        }
    }

    // ------------------------------------------------------------------------------------------------ members

    /// @notice Flaws: 0 the account's signature forged, 1 the key's, 2 late, others none.
    function join(uint256 accountSeed, uint256 familySeed, uint256 keySeed, uint256 idSeed, uint256 flaw) public {
        _begin();
        uint256 account = _accountLike(accountSeed, 0);
        uint256 family = _family(familySeed);
        uint256 key = _validKey(family, keySeed);
        uint256 id = idSeed % IDS;
        flaw = flaw % 10;
        IVaspRegistry.JoinVasp memory terms = IVaspRegistry.JoinVasp(
            accountAt(account),
            family,
            idAt(id),
            flaw == 2 ? _time - 1 : _time
        );
        bytes32 digest = _digest(keccak256(abi.encode(JOIN_VASP, terms)));
        bool expected =
            flaw > 2 &&
                _isKnown(family) &&
                !suspended[family] &&
                familyOf[account] == 0 &&
                consentsOf[account][id] == 0 &&
                _isValid(family, key);
        bytes memory ofAccount = _sign(flaw == 0 ? 0xbad : 0xa11ce + account, digest);
        bytes memory ofKey = _sign(flaw == 1 ? 0xbad : 0xb0b + key, digest);
        try registry.join(terms, ofAccount, keyAt(key), ofKey) {
            if (!expected) violation = _whyNotJoin(account, family, id, flaw);
            familyOf[account] = family;
            consentsOf[account][id] += 1;
            ++joins;
        } catch {
            if (expected) violation = "a joining was refused that was allowed";
        }
    }

    function announceLeave(uint256 accountSeed) external {
        _begin();
        uint256 account = _accountLike(accountSeed, 1);
        bool expected = familyOf[account] != 0 && announcedAt[account] == 0;
        vm.prank(accountAt(account));
        try registry.announceLeave() {
            _afterAnnouncement(account, expected);
        } catch {
            if (expected) violation = "an announcement was refused that was allowed";
        }
    }

    /// @notice Flaws: 0 forged, 1 late, others none.
    function leaveBySig(uint256 accountSeed, uint256 idSeed, uint256 flaw) external {
        _begin();
        uint256 account = _accountLike(accountSeed, 1);
        uint256 id = idSeed % IDS;
        flaw = flaw % 6;
        IVaspRegistry.LeaveVasp memory terms = IVaspRegistry.LeaveVasp(
            accountAt(account),
            idAt(id),
            flaw == 1 ? _time - 1 : _time
        );
        bytes32 digest = _digest(keccak256(abi.encode(LEAVE_VASP, terms)));
        bool expected = flaw > 1 && familyOf[account] != 0 && announcedAt[account] == 0 && consentsOf[account][id] == 0;
        try registry.leaveBySig(terms, _sign(flaw == 0 ? 0xbad : 0xa11ce + account, digest)) {
            if (consentsOf[account][id] != 0) violation = "VASP-3: a consent counted twice";
            _afterAnnouncement(account, expected);
            consentsOf[account][id] += 1;
        } catch {
            if (expected) violation = "a signed announcement was refused that was allowed";
        }
    }

    function expel(uint256 familySeed, uint256 accountSeed) external {
        _begin();
        uint256 account = accountSeed % ACCOUNTS;
        uint256 family = _family(familySeed);
        bool expected = _isKnown(family) && familyOf[account] == family && announcedAt[account] == 0;
        try registry.expel(family, accountAt(account)) {
            _afterAnnouncement(account, expected);
        } catch {
            if (expected) violation = "an expulsion was refused that was allowed";
        }
    }

    function completeLeave(uint256 accountSeed) external {
        _begin();
        uint256 account = _accountLike(accountSeed, 2);
        bool announced = familyOf[account] != 0 && announcedAt[account] != 0;
        bool expected = announced && _time >= announcedAt[account] + 24 hours;
        try registry.completeLeave(accountAt(account)) {
            if (!expected) violation = "VASP-4: an account left within 24 hours of the announcement, or without one";
            (familyOf[account], announcedAt[account]) = (0, 0);
            ++departures;
        } catch {
            if (expected) violation = "a leaving was refused that was allowed";
        }
    }

    // ------------------------------------------------------------------------------------------- attestations

    /// @notice Flaws: 0 forged signature, 1 a family that is not the payee's, 2 the key's own call, others a signature.
    function attest(uint256 paymentSeed, uint256 keySeed, uint256 idSeed, uint256 life, uint256 flaw) external {
        _begin();
        Payment memory p = _payment(paymentSeed);
        p.payee = _accountLike(paymentSeed / 8, 1);
        flaw = flaw % 8;
        uint256 family = flaw == 1 ? _family(paymentSeed) : familyOf[p.payee];
        uint256 key = _validKey(family, keySeed);
        IVaspRegistry.TravelAttestation memory a = IVaspRegistry.TravelAttestation({
            vasp: family,
            attestationId: idAt(idSeed % IDS),
            coin: address(_coins[p.coin]),
            payer: accountAt(p.payer),
            payee: accountAt(p.payee),
            amount: p.amount,
            ref: bytes32(life),
            validUntil: _time + (life % 31 days)
        });
        bool timely = a.validUntil > _time && a.validUntil <= _time + 30 days;
        bool fresh = attestedUnder[family][idSeed % IDS] == 0;
        bool admitted = _isKnown(family) && !suspended[family] && _isValid(family, key);
        bool expected = flaw != 0 && admitted && familyOf[p.payee] == family && fresh && timely;
        if (_attest(a, key, flaw)) {
            if (!expected) violation = _whyNotAttest(fresh, admitted);
            attestedUnder[family][idSeed % IDS] += 1;
            _last = p;
            _afterAttestation(paymentKey(p), family, a.validUntil);
        } else if (expected) {
            violation = "an attestation was refused that was allowed";
        }
    }

    function use(uint256 paymentSeed) external {
        _begin();
        Payment memory p = paymentSeed % 4 == 0 ? _payment(paymentSeed / 4) : _last;
        Given[] storage waiting = _waiting[paymentKey(p)];
        bool expected =
            waiting.length > 0 &&
                _time < waiting[0].end &&
                waiting[0].family == familyOf[p.payee] &&
                !suspended[familyOf[p.payee]] &&
                !suspended[familyOf[p.payer]];
        bool used = _coins[p.coin].pay(registry, accountAt(p.payer), accountAt(p.payee), p.amount);
        if (used && waiting.length == 0) violation = "VASP-5: a payment used an attestation that was not given for it";
        else if (used && !expected) violation = "VASP-6: an attestation counted past its end, family or suspension";
        else if (!used && expected) violation = "an attestation did not count that should";
        if (used && waiting.length > 0) {
            waiting.pop();
            usedFor[paymentKey(p)] += 1;
            ++uses;
        }
    }

    function withdraw(uint256 paymentSeed, uint256 familySeed, uint256 keySeed) external {
        _begin();
        // rarely, or little would be left to use
        if (keySeed % 5 != 0) return;
        Payment memory p = paymentSeed % 4 == 0 ? _payment(paymentSeed / 4) : _last;
        uint256 family = _family(familySeed);
        uint256 key = _validKey(family, keySeed / 5);
        Given[] storage waiting = _waiting[paymentKey(p)];
        bool expected = _isKnown(family) && _isValid(family, key) && waiting.length > 0 && waiting[0].family == family;
        address payer = accountAt(p.payer);
        address payee = accountAt(p.payee);
        vm.prank(keyAt(key));
        try registry.withdrawAttestations(family, address(_coins[p.coin]), payer, payee, p.amount) {
            if (!expected) violation = "VASP-7: attestations were withdrawn by whom they are not";
            delete _waiting[paymentKey(p)];
        } catch {
            if (expected) violation = "a withdrawal was refused that was allowed";
        }
    }

    function pass(uint256 seconds_) external {
        _time += seconds_ % 12 hours;
    }

    // -------------------------------------------------------------------------------------------------- model

    function _begin() private {
        vm.warp(_time);
        ++steps;
    }

    function _setKey(uint256 family, uint256 key, uint256 from, uint256 until) private {
        bool expected = _isKnown(family) && from < until;
        try registry.setComplianceKey(family, keyAt(key), from, until) {
            if (!expected) violation = "VASP-7: a key has a term that is none";
            (fromOf[family][key], untilOf[family][key]) = (from, until);
        } catch {
            if (expected) violation = "a key was refused that was allowed";
        }
    }

    function _afterAnnouncement(uint256 account, bool expected) private {
        if (!expected) violation = "VASP-4: an announcement was taken from a stranger, or twice";
        announcedAt[account] = _time;
    }

    /// @dev Leftovers go, and all that wait end with the first of them.
    function _afterAttestation(bytes32 payment, uint256 family, uint256 end) private {
        Given[] storage waiting = _waiting[payment];
        if (waiting.length > 0 && (waiting[0].family != family || _time >= waiting[0].end)) delete _waiting[payment];
        waiting.push(Given(family, end));
        for (uint256 i = 0; i < waiting.length; ++i) {
            if (waiting[i].end < end) end = waiting[i].end;
        }
        for (uint256 i = 0; i < waiting.length; ++i) waiting[i].end = end;
        givenFor[payment] += 1;
    }

    function _attest(
        IVaspRegistry.TravelAttestation memory a,
        uint256 key,
        uint256 flaw
    ) private returns (bool attested) {
        if (flaw == 2) {
            vm.prank(keyAt(key));
            try registry.attest(a) {
                return true;
            } catch {
                return false;
            }
        }
        bytes32 digest = _digest(keccak256(abi.encode(TRAVEL_ATTESTATION, a)));
        try registry.attestBySig(a, keyAt(key), _sign(flaw == 0 ? 0xbad : 0xb0b + key, digest)) {
            return true;
        } catch {
            return false;
        }
    }

    function _whyNotJoin(
        uint256 account,
        uint256 family,
        uint256 id,
        uint256 flaw
    ) private view returns (string memory) {
        if (consentsOf[account][id] != 0) return "VASP-3: a consent counted twice";
        if (flaw <= 2 || familyOf[account] != 0) return "VASP-2: an account joined without both words, or twice";
        if (!_isKnown(family)) return "VASP-1: an account joined a family that is not there";
        return "VASP-7: a suspended family or a key outside its term admitted";
    }

    function _whyNotAttest(bool fresh, bool admitted) private pure returns (string memory) {
        if (!fresh) return "VASP-5: an attestation's id was given twice";
        if (!admitted) return "VASP-7: a suspended family or a key outside its term attested";
        return "VASP-6: an attestation was taken for another's payee, or outside its time";
    }

    /// @dev A family that is there, or now and then the next one, which is not.
    function _family(uint256 seed) private view returns (uint256) {
        return 1 + (seed % (families + 1));
    }

    /// @dev Mostly an account without family (0), with one (1) or one that announced its leaving (2), else any.
    function _accountLike(uint256 seed, uint256 kind) private view returns (uint256) {
        for (uint256 i = 0; i < ACCOUNTS && seed % 5 != 0; ++i) {
            uint256 account = ((seed % ACCOUNTS) + i) % ACCOUNTS;
            bool member = familyOf[account] != 0;
            if (
                kind == 0
                    ? !member
                    : kind == 1
                        ? member
                        : announcedAt[account] != 0
            ) return account;
        }
        return seed % ACCOUNTS;
    }

    /// @dev Mostly a key that is valid, else any.
    function _validKey(uint256 family, uint256 seed) private view returns (uint256) {
        for (uint256 i = 0; i < KEYS && seed % 5 != 0; ++i) {
            if (_isValid(family, ((seed % KEYS) + i) % KEYS)) return ((seed % KEYS) + i) % KEYS;
        }
        return seed % KEYS;
    }

    function _payment(uint256 seed) private pure returns (Payment memory p) {
        p.coin = seed % COINS;
        p.payer = (seed / 2) % ACCOUNTS;
        p.payee = (seed / 8) % ACCOUNTS;
        p.amount = (seed / 32) % AMOUNTS;
    }

    function _isKnown(uint256 family) private view returns (bool) {
        return family > 0 && family <= families;
    }

    function _isValid(uint256 family, uint256 key) private view returns (bool) {
        return fromOf[family][key] <= _time && _time < untilOf[family][key];
    }

    function _digest(bytes32 structHash) private view returns (bytes32) {
        return keccak256(abi.encodePacked(hex"1901", _separator, structHash));
    }

    function _sign(uint256 key, bytes32 digest) private pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        return abi.encodePacked(r, s, v);
    }
}

/// @notice VASP-1 to VASP-7 of docs/INVARIANTS.md.
contract VaspRegistryInvariants {
    VaspRegistryHandler private _handler;
    VaspRegistry private _registry;

    function setUp() external {
        _handler = new VaspRegistryHandler();
        _registry = _handler.registry();
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(_handler);
    }

    /// @notice All of them in one campaign. Each check looks at one part of the state, another one after every step: what is
    /// wrong stays wrong, and is found when its turn comes.
    function invariant_VASP_1_2_3_4_5_6_7() external view {
        string memory violation = _handler.violation();
        require(bytes(violation).length == 0, violation);
        uint256 turn = uint256(keccak256(abi.encode(_handler.steps())));
        _checkFamily(1 + (turn % _handler.families()), turn);
        _checkAccount(turn % _handler.ACCOUNTS(), turn);
        VaspRegistryHandler.Payment memory p;
        p.coin = turn % _handler.COINS();
        p.payer = (turn / 2) % _handler.ACCOUNTS();
        p.payee = (turn / 8) % _handler.ACCOUNTS();
        p.amount = (turn / 32) % _handler.AMOUNTS();
        _checkPayment(p);
    }

    function _checkFamily(uint256 family, uint256 turn) private view {
        require(_registry.vaspCount() == _handler.families(), "VASP-1: the ids are 1 to their number");
        uint256 domain = turn % _handler.DOMAINS();
        require(
            _registry.idOfDomain(_handler.domainAt(domain)) == _handler.ownerOf(domain),
            "VASP-1: a domain stays with its family"
        );
        (, , , , bool suspended) = _registry.operatorOf(family);
        require(suspended == _handler.suspended(family), "VASP-7: a suspension is as it was told");
        uint256 key = turn % _handler.KEYS();
        (uint256 from, uint256 until) = _registry.keyOf(family, _handler.keyAt(key));
        require(
            from == _handler.fromOf(family, key) && until == _handler.untilOf(family, key),
            "VASP-7: a key's term is as the admin set it"
        );
        uint256 id = turn % _handler.IDS();
        uint256 times = _handler.attestedUnder(family, id);
        require(times <= 1, "VASP-5: an attestation's id is given once");
        require(
            _registry.attestationUsed(family, _handler.idAt(id)) == (times == 1),
            "VASP-5: an id given is used, no other is"
        );
    }

    function _checkAccount(uint256 index, uint256 turn) private view {
        address account = _handler.accountAt(index);
        uint256 family = _handler.familyOf(index);
        require(_registry.vaspOf(account) == family, "VASP-2: an account is in the family it joined");
        for (uint256 i = 0; i < _handler.COINS(); ++i) {
            VaspMockCoin coin = _handler.coinAt(i);
            require(coin.families(account) == family, "VASP-2: every coin says what the registry says");
            require(
                coin.accountOf(account).frozenWhole == _handler.frozen(i, index),
                "VASP-7: only cascades over a suspended family freeze"
            );
        }
        uint256 announced = _handler.announcedAt(index);
        require(
            _registry.leaveAt(account) == (announced == 0 ? 0 : announced + 24 hours),
            "VASP-4: leaving acts 24 hours after the announcement"
        );
        uint256 id = (turn / 8) % _handler.IDS();
        uint256 times = _handler.consentsOf(index, id);
        require(times <= 1, "VASP-3: a consent counts once");
        require(
            _registry.consentUsed(account, _handler.idAt(id)) == (times == 1),
            "VASP-3: a consent that counted is used, no other is"
        );
    }

    function _checkPayment(VaspRegistryHandler.Payment memory p) private view {
        bytes32 payment = _handler.paymentKey(p);
        VaspRegistryHandler.Given[] memory waiting = _handler.waitingOf(payment);
        (uint256 count, uint256 end, uint256 family) = _registry.attestationOf(
            address(_handler.coinAt(p.coin)),
            _handler.accountAt(p.payer),
            _handler.accountAt(p.payee),
            p.amount
        );
        require(count == waiting.length, "VASP-5: as many wait as were given and neither used nor taken back");
        require(
            _handler.usedFor(payment) + count <= _handler.givenFor(payment),
            "VASP-5: never more uses than attestations"
        );
        if (count == 0) {
            require(end == 0 && family == 0, "VASP-5: nothing is left of what was used up");
        } else {
            require(
                end == waiting[0].end && family == waiting[0].family,
                "VASP-6: those that wait end together, with the first of them, and are of one family"
            );
        }
    }
}

/// @notice Single properties of the registry over arbitrary arguments.
contract VaspRegistryProperties {
    uint256 private constant TIME = 100_000_000;
    VaspMockCoin private _coin;
    VaspRegistry private _registry;
    address private constant PAYER = address(0xaaaa);
    uint256 private constant PAYEE_KEY = 0xa11ce;

    function setUp() external {
        vm.warp(TIME);
        AccessManager manager = new AccessManager(address(this));
        _coin = new VaspMockCoin();
        address[] memory coins = new address[](1);
        coins[0] = address(_coin);
        _registry = new VaspRegistry(address(manager), coins);
        _registry.register(address(this), "a.example", "");
        _registry.setComplianceKey(1, vm.addr(PAYEE_KEY), TIME, TIME + 100 days);
        IVaspRegistry.JoinVasp memory terms = IVaspRegistry.JoinVasp(vm.addr(PAYEE_KEY), 1, "joined", TIME);
        bytes32 structHash = keccak256(
            abi.encode(keccak256("JoinVasp(address account,uint256 vasp,bytes32 joinId,uint256 deadline)"), terms)
        );
        bytes32 digest = keccak256(abi.encodePacked(hex"1901", _registry.DOMAIN_SEPARATOR(), structHash));
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(PAYEE_KEY, digest);
        bytes memory signature = abi.encodePacked(r, s, v);
        _registry.join(terms, signature, vm.addr(PAYEE_KEY), signature);
    }

    function testFuzz_VASP_1_host_names(uint8[] calldata seeds, uint256 length) external {
        length = length % 300;
        bytes memory name = new bytes(length);
        bytes memory alphabet = "az09-..aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaA_";
        for (uint256 i = 0; i < length; ++i) {
            uint256 seed = seeds.length == 0 ? 0 : uint256(seeds[i % seeds.length]);
            name[i] = alphabet[seed % alphabet.length];
        }
        try _registry.register(address(this), string(name), "") {
            require(_isHostName(name), "VASP-1: a domain was taken that is no host name");
        } catch {
            require(!_isHostName(name), "a host name was refused");
        }
    }

    function testFuzz_VASP_5_only_exactly_the_payment(
        address payer,
        address payee,
        uint256 amount,
        uint256 other
    ) external {
        amount = amount % 3;
        _attest(amount, TIME + 1 days, bytes32(0));
        (payer, payee) = (other % 3 == 0 ? payer : PAYER, other % 5 == 0 ? payee : vm.addr(PAYEE_KEY));
        bool same = payer == PAYER && payee == vm.addr(PAYEE_KEY) && other % 3 == amount;
        require(_coin.pay(_registry, payer, payee, other % 3) == same, "VASP-5: an attestation is for one payment");
        require(
            _coin.pay(_registry, PAYER, vm.addr(PAYEE_KEY), amount) == !same,
            "VASP-5: an attestation is used once"
        );
    }

    function testFuzz_VASP_6_end_is_half_open(uint256 life, uint256 age) external {
        life = 1 + (life % 30 days);
        age = age % 31 days;
        _attest(7, TIME + life, bytes32(0));
        vm.warp(TIME + age);
        require(
            _coin.pay(_registry, PAYER, vm.addr(PAYEE_KEY), 7) == (age < life),
            "VASP-6: an attestation counts before its end and not from it on"
        );
    }

    function testFuzz_VASP_5_as_often_as_given(uint8 given, uint8 tried) external {
        for (uint256 i = 0; i < given % 32; ++i) _attest(7, TIME + 1 days + i, bytes32(i));
        uint256 used;
        for (uint256 i = 0; i < tried % 40; ++i) {
            if (_coin.pay(_registry, PAYER, vm.addr(PAYEE_KEY), 7)) ++used;
        }
        uint256 most = tried % 40 < given % 32 ? tried % 40 : given % 32;
        require(used == most, "VASP-5: never more uses than attestations, and no fewer");
    }

    function _attest(uint256 amount, uint256 validUntil, bytes32 id) private {
        IVaspRegistry.TravelAttestation memory a = IVaspRegistry.TravelAttestation({
            vasp: 1,
            attestationId: id,
            coin: address(_coin),
            payer: PAYER,
            payee: vm.addr(PAYEE_KEY),
            amount: amount,
            ref: 0,
            validUntil: validUntil
        });
        vm.prank(vm.addr(PAYEE_KEY));
        _registry.attest(a);
    }

    /// @dev Said the other way round: what must not stand beside what, and how long a part may be.
    function _isHostName(bytes memory name) private pure returns (bool) {
        if (name.length == 0 || name.length > 253) return false;
        if (keccak256(name) == keccak256("localhost")) return true;
        (bool dotted, uint256 run) = (false, 0);
        bytes1 previous = ".";
        for (uint256 i = 0; i < name.length; ++i) {
            bytes1 c = name[i];
            if (c == "A" || c == "_") return false;
            if (previous == "." && (c == "." || c == "-")) return false;
            if (previous == "-" && c == ".") return false;
            run = c == "." ? 0 : run + 1;
            if (run > 63) return false;
            dotted = dotted || c == ".";
            previous = c;
        }
        return dotted && previous != "." && previous != "-";
    }
}
