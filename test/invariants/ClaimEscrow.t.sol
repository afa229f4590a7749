// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AccessManager} from "@openzeppelin/contracts/access/manager/AccessManager.sol";
import {Stablecoin} from "../../contracts/Stablecoin.sol";
import {ClaimEscrow} from "../../contracts/escrow/ClaimEscrow.sol";
import {IClaimEscrow} from "../../contracts/interfaces/IClaimEscrow.sol";
import {HostileCoin} from "../../contracts/mocks/HostileCoin.sol";
import {vm} from "./Cheats.sol";

/// @notice What both the campaign and the single properties start from: an escrow for two coins, the real one and one that
/// refuses to pay when told to; two senders, three links, an attestor and three recipients.
contract ClaimWorld {
    uint256 internal constant FUNDS = 1e12;
    uint256 internal constant ATTESTOR_KEY = 0xa77e57;
    address internal constant STRANGER = address(0xbeef);
    bytes32 internal constant RECEIVE = keccak256(
        "ReceiveWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
    );
    bytes32 internal constant CLAIM_TO = keccak256("ClaimTo(bytes32 id,address recipient,uint256 deadline)");
    bytes32 internal constant ATTEST_CLAIM = keccak256("AttestClaim(bytes32 id,address recipient,uint256 deadline)");
    bytes32 internal constant DECLINE_CLAIM = keccak256("DeclineClaim(bytes32 id,uint256 deadline)");
    bytes32 internal constant CANCEL_CLAIM = keccak256("CancelClaim(bytes32 id,uint256 deadline)");

    Stablecoin internal _coin;
    HostileCoin internal _hostile;
    ClaimEscrow internal _escrow;
    uint256[2] internal _senderKeys = [uint256(0xa11ce), uint256(0xb0b)];
    uint256[3] internal _linkKeys = [uint256(0x11), uint256(0x12), uint256(0x13)];
    address[3] internal _recipients = [address(0xca01), address(0xca02), address(0xca03)];

    function _deploy() internal {
        vm.warp(1_000_000);
        AccessManager manager = new AccessManager(address(this));
        _coin = new Stablecoin(address(manager), "Remesa Dollar", "XUS", "1");
        _hostile = new HostileCoin();
        address[] memory coins = new address[](2);
        (coins[0], coins[1]) = (address(_coin), address(_hostile));
        _escrow = new ClaimEscrow(coins);
        _coin.setTreasury(address(this));
        _coin.flagEscrow(address(_escrow));
        for (uint256 i = 0; i < 2; ++i) {
            _coin.mint(vm.addr(_senderKeys[i]), FUNDS);
            _hostile.mint(vm.addr(_senderKeys[i]), FUNDS);
        }
    }

    function _signOpen(uint256 key, IClaimEscrow.Claim memory terms) internal view returns (bytes memory) {
        if (terms.coin == address(_hostile)) return "";
        bytes32 structHash = keccak256(
            abi.encode(RECEIVE, terms.sender, address(_escrow), terms.amount, 0, terms.expiry, _escrow.idOf(terms))
        );
        return _sign(key, _coin.DOMAIN_SEPARATOR(), structHash);
    }

    function _signTo(
        uint256 key,
        bytes32 typeHash,
        IClaimEscrow.ClaimTo memory order
    ) internal view returns (bytes memory) {
        return _sign(key, _escrow.DOMAIN_SEPARATOR(), keccak256(abi.encode(typeHash, order)));
    }

    function _signBack(
        uint256 key,
        bytes32 typeHash,
        bytes32 id,
        uint256 deadline
    ) internal view returns (bytes memory) {
        return _sign(key, _escrow.DOMAIN_SEPARATOR(), keccak256(abi.encode(typeHash, id, deadline)));
    }

    function _sign(uint256 key, bytes32 separator, bytes32 structHash) internal pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, keccak256(abi.encodePacked(hex"1901", separator, structHash)));
        return abi.encodePacked(r, s, v);
    }

    function _balanceOf(address coin, address account) internal view returns (uint256) {
        return coin == address(_coin) ? _coin.balanceOf(account) : _hostile.balanceOf(account);
    }
}

/// @notice Calls the escrow at random and keeps a model of it that says of every step, beforehand, whether it may happen.
contract ClaimHandler is ClaimWorld {
    /// @dev What the model keeps of a claim. `paid` counts what left it: to a party or to its credit.
    struct Model {
        IClaimEscrow.Claim terms;
        uint256 state;
        uint256 linkKey;
        uint256 senderKey;
        uint256 paid;
        bytes signature;
    }

    uint256 private constant MOST = 24;

    bytes32[] private _ids;
    address[] private _everybody;
    mapping(bytes32 id => Model) private _models;
    mapping(address coin => mapping(address account => uint256)) private _balances;
    mapping(address coin => mapping(address payer => mapping(address party => uint256))) private _credits;
    mapping(address coin => uint256) private _creditSums;
    address private immutable _suite = msg.sender;
    uint256 private _time = 1_000_000;
    bool private _refusing;
    bool private _frozen;

    /// @notice The first disagreement between the model and the contract; empty as long as there is none.
    string public violation;

    constructor() {
        _deploy();
        for (uint256 i = 0; i < 2; ++i) {
            address sender = vm.addr(_senderKeys[i]);
            _everybody.push(sender);
            (_balances[address(_coin)][sender], _balances[address(_hostile)][sender]) = (FUNDS, FUNDS);
        }
        for (uint256 i = 0; i < 3; ++i) {
            _everybody.push(_recipients[i]);
            _everybody.push(vm.addr(_linkKeys[i]));
        }
        _everybody.push(vm.addr(ATTESTOR_KEY));
        _everybody.push(STRANGER);
        _everybody.push(address(this));
    }

    // ------------------------------------------------------------------------------------------------- the steps

    function open(uint256 seed, uint256 amount, uint256 gaps, bool useHostile, bool forged) external {
        vm.warp(_time);
        Model memory model;
        model.senderKey = _senderKeys[seed % 2];
        model.linkKey = _linkKeys[(seed >> 8) % 3];
        model.terms = IClaimEscrow.Claim({
            coin: useHostile ? address(_hostile) : address(_coin),
            sender: vm.addr(model.senderKey),
            amount: amount % 1e11,
            linkKey: seed % 31 == 0 ? address(0) : vm.addr(model.linkKey),
            attestor: seed % 3 == 0 ? vm.addr(ATTESTOR_KEY) : address(0),
            handle: bytes32(seed),
            cancelFrom: _time + ((gaps >> 32) % 3 days),
            expiry: _time + (seed % 7 == 0 ? gaps % 181 days : gaps % 5 days),
            salt: bytes32(seed % 4)
        });
        bytes32 id = _escrow.idOf(model.terms);
        // the hostile coin looks at no signature
        bool signed = useHostile || !forged;
        bool expected = signed && _mayOpen(model.terms, id);
        if (expected && _ids.length == MOST) return;
        model.signature = _signOpen(signed ? model.senderKey : ATTESTOR_KEY, model.terms);
        try _escrow.open(model.terms, model.signature) returns (bytes32 given) {
            if (!expected || given != id) violation = "CLAIM-1: created twice or against the rules";
            _ids.push(id);
            model.state = 1;
            _models[id] = model;
            _balances[model.terms.coin][model.terms.sender] -= model.terms.amount;
        } catch {
            if (expected) violation = "an opening was refused that was allowed";
        }
    }

    /// @notice The same terms and the same signature again, in whatever state the first went to.
    function openAgain(uint256 seed) external {
        (, Model storage model) = _enter(seed);
        if (model.state == 0) return;
        try _escrow.open(model.terms, model.signature) {
            violation = "CLAIM-1: an id was created twice";
        } catch {}
    }

    /// @notice `fault` 1 signs with another link's key, 2 leaves the attestor out, 3 changes the recipient after signing, 4 lets the
    /// order expire, 5 names somebody who cannot be paid; anything else is an honest claim.
    function claim(uint256 seed, uint256 who, uint256 fault) external {
        (bytes32 id, Model storage model) = _enter(seed);
        fault = fault % 12;
        address recipient = fault == 5 ? _nobody(who, model.terms.coin) : _somebody(who);
        IClaimEscrow.ClaimTo memory order = IClaimEscrow.ClaimTo(id, recipient, fault == 4 ? _time - 1 : _time);
        uint256 linkKey = fault == 1 ? ATTESTOR_KEY : _keyOf(model);
        bytes memory link = _signTo(linkKey, CLAIM_TO, order);
        bytes memory attestor = fault == 2 ? link : _signTo(ATTESTOR_KEY, ATTEST_CLAIM, order);
        if (fault == 3) order.recipient = address(uint160(recipient) + 1);
        bool isAttested = model.terms.attestor == address(0) || fault != 2;
        bool isRight = isAttested && fault != 1 && fault != 3 && fault != 4 && fault != 5;
        bool expected = model.state == 1 && _time < model.terms.expiry && isRight;
        vm.prank(STRANGER);
        try _escrow.claim(order, link, attestor) {
            _closed(expected, model, 2, recipient);
        } catch {
            _refused(expected);
        }
    }

    function decline(uint256 seed, uint256 fault) external {
        (bytes32 id, Model storage model) = _enter(seed);
        fault = fault % 6;
        uint256 deadline = fault == 1 ? _time - 1 : _time;
        bytes32 typeHash = fault == 2 ? CANCEL_CLAIM : DECLINE_CLAIM;
        bytes memory signature = _signBack(fault == 3 ? ATTESTOR_KEY : _keyOf(model), typeHash, id, deadline);
        bool expected = model.state == 1 && _time < model.terms.expiry && (fault == 0 || fault > 3);
        vm.prank(STRANGER);
        try _escrow.decline(id, deadline, signature) {
            _closed(expected, model, 3, model.terms.sender);
        } catch {
            _refused(expected);
        }
    }

    function cancel(uint256 seed, bool asStranger) external {
        (bytes32 id, Model storage model) = _enter(seed);
        bool expected = _mayCancel(model) && !asStranger;
        vm.prank(asStranger ? STRANGER : model.terms.sender);
        try _escrow.cancel(id) {
            _closed(expected, model, 4, model.terms.sender);
        } catch {
            _refused(expected);
        }
    }

    function cancelBySig(uint256 seed, uint256 fault) external {
        (bytes32 id, Model storage model) = _enter(seed);
        fault = fault % 6;
        uint256 deadline = fault == 1 ? _time - 1 : _time;
        uint256 key = fault == 2 || model.state == 0 ? _linkKeys[0] : model.senderKey;
        bytes memory signature = _signBack(key, fault == 3 ? DECLINE_CLAIM : CANCEL_CLAIM, id, deadline);
        bool expected = _mayCancel(model) && (fault == 0 || fault > 3);
        vm.prank(STRANGER);
        try _escrow.cancelBySig(id, deadline, signature) {
            _closed(expected, model, 4, model.terms.sender);
        } catch {
            _refused(expected);
        }
    }

    function reclaim(uint256 seed, address caller) external {
        (bytes32 id, Model storage model) = _enter(seed);
        bool expected = model.state == 1 && _time >= model.terms.expiry;
        vm.prank(caller);
        try _escrow.reclaim(id) {
            _closed(expected, model, 5, model.terms.sender);
        } catch {
            _refused(expected);
        }
    }

    function withdrawCredit(uint256 seed, uint256 who, bool useHostile) external {
        vm.warp(_time);
        address coin = useHostile ? address(_hostile) : address(_coin);
        (address payer, address party) = (_everybody[seed % 2], _somebody(who));
        uint256 amount = _credits[coin][payer][party];
        bool expected = amount > 0 && !_refusing;
        vm.prank(STRANGER);
        try _escrow.withdrawCredit(coin, payer, party) {
            if (!expected) violation = "ESCROW-2: paid a credit that was not there";
            _credits[coin][payer][party] = 0;
            _creditSums[coin] -= amount;
            _balances[coin][party] += amount;
        } catch {
            if (expected) violation = "ESCROW-2: a credit could not be had";
        }
    }

    function setRefusing(bool on) external {
        _hostile.setRefusing(on);
        _refusing = on;
    }

    /// @notice Freezes a sender and a recipient in the real coin, or releases them; exits must not notice.
    function setFrozen(bool on) external {
        vm.warp(_time);
        if (on == _frozen) return;
        for (uint256 i = 0; i < 2; ++i) {
            address account = i == 0 ? vm.addr(_senderKeys[0]) : _recipients[0];
            if (on) _coin.freeze(account, type(uint256).max, "case", _time + 1000 days);
            else _coin.unfreeze(account, "case");
        }
        _frozen = on;
    }

    /// @notice Pauses everything in the real coin, or nothing; exits must not notice.
    function setPausing(bool on) external {
        if (on) _coin.pause(63);
        else _coin.unpause(63);
    }

    function pass(uint256 seconds_) external {
        _time += seconds_ % 1 days;
    }

    // ------------------------------------------------------------------------------------------------- the checks

    function check() external view {
        require(bytes(violation).length == 0, violation);
        for (uint256 i = 0; i < _ids.length; ++i) {
            _checkId(_ids[i]);
        }
        for (uint256 i = 0; i < 2; ++i) {
            _checkCoin(i == 0 ? address(_coin) : address(_hostile));
        }
    }

    /// @notice After the last expiry of all, a stranger's calls leave only credits, and then nothing. For the suite alone.
    function finish() external {
        if (msg.sender != _suite) return;
        _time += 200 days;
        vm.warp(_time);
        for (uint256 i = 0; i < _ids.length; ++i) {
            Model storage model = _models[_ids[i]];
            if (model.state != 1) continue;
            vm.prank(STRANGER);
            _escrow.reclaim(_ids[i]);
            _closed(true, model, 5, model.terms.sender);
        }
        for (uint256 i = 0; i < 2; ++i) {
            address coin = i == 0 ? address(_coin) : address(_hostile);
            require(_escrow.held(coin) == _creditSums[coin], "CLAIM-6: after the last expiry only credits are left");
        }
        _hostile.setRefusing(false);
        for (uint256 i = 0; i < 2; ++i) {
            for (uint256 j = 0; j < _everybody.length; ++j) {
                (address payer, address party) = (_everybody[i], _everybody[j]);
                if (_credits[address(_hostile)][payer][party] == 0) continue;
                vm.prank(STRANGER);
                _escrow.withdrawCredit(address(_hostile), payer, party);
            }
        }
        require(_escrow.held(address(_hostile)) == 0, "CLAIM-6: a stranger's calls hand every credit out");
        require(_hostile.balanceOf(address(_escrow)) == 0, "CLAIM-3: what came in went out");
        require(_coin.balanceOf(address(_escrow)) == _creditSums[address(_coin)], "CLAIM-3: what came in went out");
    }

    function _checkCoin(address coin) private view {
        uint256 open_;
        for (uint256 i = 0; i < _ids.length; ++i) {
            Model storage model = _models[_ids[i]];
            if (model.terms.coin == coin && model.state == 1) open_ += model.terms.amount;
        }
        uint256 owed = open_ + _creditSums[coin];
        require(_escrow.held(coin) == owed, "CLAIM-4: held is the open claims and the credits");
        require(_balanceOf(coin, address(_escrow)) >= owed, "ESCROW-1: the balance covers all that is owed");
        uint256 sum = owed;
        for (uint256 i = 0; i < _everybody.length; ++i) {
            address account = _everybody[i];
            uint256 balance = _balanceOf(coin, account);
            require(balance == _balances[coin][account], "CLAIM-3: only the parties named are paid, and exactly");
            sum += balance;
            for (uint256 j = 0; j < 2; ++j) {
                require(
                    _escrow.creditOf(coin, _everybody[j], account) == _credits[coin][_everybody[j]][account],
                    "ESCROW-2: a credit is its party's"
                );
            }
        }
        require(sum == 2 * FUNDS, "CLAIM-3: every coin is a party's, open or a credit");
    }

    function _checkId(bytes32 id) private view {
        Model storage model = _models[id];
        IClaimEscrow.Claim storage terms = model.terms;
        (
            IClaimEscrow.State state,
            address coin,
            address sender,
            uint256 amount,
            address linkKey,
            address attestor,
            uint256 cancelFrom,
            uint256 expiry
        ) = _escrow.claimOf(id);
        require(uint256(state) == model.state, "CLAIM-2: terminal is terminal, and states move only forward");
        require(
            coin == terms.coin && sender == terms.sender && amount == terms.amount,
            "CLAIM-1: an id keeps its terms"
        );
        require(linkKey == terms.linkKey && attestor == terms.attestor, "CLAIM-1: an id keeps its keys");
        require(cancelFrom == terms.cancelFrom && expiry == terms.expiry, "CLAIM-1: an id keeps its times");
        require(model.paid == (model.state == 1 ? 0 : amount), "CLAIM-3: what came in is held, or went out once");
    }

    // ------------------------------------------------------------------------------------------------- the model

    function _enter(uint256 seed) private returns (bytes32 id, Model storage model) {
        vm.warp(_time);
        id = _ids.length == 0 ? bytes32(seed) : _ids[seed % _ids.length];
        model = _models[id];
    }

    function _keyOf(Model storage model) private view returns (uint256) {
        return model.state == 0 ? _linkKeys[0] : model.linkKey;
    }

    function _somebody(uint256 seed) private view returns (address) {
        return _everybody[seed % _everybody.length];
    }

    function _nobody(uint256 seed, address coin) private view returns (address) {
        return
            seed % 3 == 0
                ? address(0)
                : seed % 3 == 1
                    ? address(_escrow)
                    : coin;
    }

    function _mayOpen(IClaimEscrow.Claim memory terms, bytes32 id) private view returns (bool) {
        if (terms.coin == address(_coin)) {
            if (_coin.pausedBits() != 0) return false;
            if (_frozen && terms.sender == vm.addr(_senderKeys[0])) return false;
        }
        return
            terms.linkKey != address(0) &&
            terms.amount > 0 &&
            terms.amount <= _balances[terms.coin][terms.sender] &&
            _time < terms.expiry &&
            terms.expiry <= _time + 180 days &&
            terms.cancelFrom <= terms.expiry &&
            _models[id].state == 0;
    }

    function _mayCancel(Model storage model) private view returns (bool) {
        return model.state == 1 && _time >= model.terms.cancelFrom && _time < model.terms.expiry;
    }

    function _closed(bool expected, Model storage model, uint256 state, address party) private {
        if (!expected) violation = "CLAIM-5: a step out of turn, out of time or without its signature";
        if (model.state != 1) violation = "CLAIM-2: left a terminal state";
        model.state = state;
        IClaimEscrow.Claim storage terms = model.terms;
        model.paid += terms.amount;
        if (terms.coin == address(_hostile) && _refusing) {
            _credits[terms.coin][terms.sender][party] += terms.amount;
            _creditSums[terms.coin] += terms.amount;
        } else {
            _balances[terms.coin][party] += terms.amount;
        }
    }

    function _refused(bool expected) private {
        if (expected) violation = "CLAIM-5: the side whose turn it was could not act";
    }
}

/// @notice ESCROW-1, ESCROW-2 and CLAIM-1 to CLAIM-6 of docs/INVARIANTS.md.
contract ClaimInvariants {
    ClaimHandler private _handler;

    function setUp() external {
        _handler = new ClaimHandler();
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(_handler);
    }

    /// @notice All of them in one campaign.
    function invariant_ESCROW_1_2_CLAIM_1_2_3_4_5_6() external view {
        _handler.check();
    }

    /// @notice At the end of each run.
    function afterInvariant() external {
        _handler.finish();
    }
}

/// @notice Single properties of the escrow over arbitrary arguments.
contract ClaimProperties is ClaimWorld {
    uint256 private constant NOW = 1_000_000;

    function setUp() external {
        _deploy();
    }

    function testFuzz_CLAIM_5_exactly_one_side_acts(uint256 way, uint256 time) external {
        bytes32 first = _open(address(_coin), 1, 1e9);
        bytes32 second = _open(address(_coin), 2, 1e9);
        time = NOW + (time % 4 days);
        vm.warp(time);
        way = way % 3;
        bool acted =
            way == 0
                ? _claims(first, _recipients[0])
                : way == 1
                    ? _declines(first)
                    : _cancels(first);
        bool reclaimed = _reclaims(second, gasleft());
        require(acted != reclaimed, "CLAIM-5: at each moment exactly one side may act");
        require(reclaimed == (time >= NOW + 2 days), "CLAIM-5: the expiry is half-open");
    }

    function testFuzz_CLAIM_5_cancelling_begins_when_the_terms_say(uint256 time) external {
        IClaimEscrow.Claim memory terms = _terms(address(_coin), 1, 1e9);
        terms.cancelFrom = NOW + 1 days;
        bytes32 id = _escrow.open(terms, _signOpen(_senderKeys[0], terms));
        time = NOW + (time % 3 days);
        vm.warp(time);
        require(_cancels(id) == (time >= NOW + 1 days && time < NOW + 2 days), "CLAIM-5: cancelling has its span");
    }

    function testFuzz_CLAIM_3_pays_the_recipient_that_the_key_named(address recipient, uint256 amount) external {
        vm.assume(recipient != address(0) && recipient != address(_escrow) && recipient != address(_coin));
        amount = (amount % FUNDS) + 1;
        bytes32 id = _open(address(_coin), 1, amount);
        uint256 before = _coin.balanceOf(recipient);
        require(_claims(id, recipient), "the key may claim");
        require(_coin.balanceOf(recipient) == before + amount, "CLAIM-3: the recipient has all of it");
        require(_coin.balanceOf(address(_escrow)) == 0, "CLAIM-3: nothing stays");
    }

    function testFuzz_CLAIM_3_no_order_of_another_key_pays(uint256 key, address recipient, uint256 deadline) external {
        key = (key % 1e30) + 1;
        vm.assume(key != _linkKeys[0]);
        bytes32 id = _open(address(_coin), 1, 1e9);
        IClaimEscrow.ClaimTo memory order = IClaimEscrow.ClaimTo(id, recipient, deadline);
        (bool done, ) = address(_escrow).call(
            abi.encodeCall(_escrow.claim, (order, _signTo(key, CLAIM_TO, order), ""))
        );
        require(!done, "CLAIM-3: only the link's key names a recipient");
    }

    function testFuzz_CLAIM_6_a_stranger_ends_every_claim(bool refusing, uint256 late) external {
        bytes32 id = _open(address(_hostile), 1, 1e9);
        _hostile.setRefusing(refusing);
        vm.warp(NOW + 2 days + (late % 1000 days));
        vm.prank(STRANGER);
        _escrow.reclaim(id);
        require(_escrow.stateOf(id) == IClaimEscrow.State.Reclaimed, "CLAIM-6: nothing is left open");
        address sender = vm.addr(_senderKeys[0]);
        uint256 credit = _escrow.creditOf(address(_hostile), sender, sender);
        require(credit == (refusing ? 1e9 : 0), "ESCROW-3: a refused payment becomes a credit");
        require(_hostile.balanceOf(sender) == FUNDS - credit, "CLAIM-6: the sender is paid");
    }

    function testFuzz_ESCROW_4_starved_gas_is_never_a_credit(uint256 allowance) external {
        bytes32 id = _open(address(_coin), 1, 1e9);
        IClaimEscrow.ClaimTo memory order = IClaimEscrow.ClaimTo(id, _recipients[0], NOW);
        bytes memory signature = _signTo(_linkKeys[0], CLAIM_TO, order);
        (bool done, ) = address(_escrow).call{gas: 20_000 + (allowance % 480_000)}(
            abi.encodeCall(_escrow.claim, (order, signature, ""))
        );
        require(
            _escrow.creditOf(address(_coin), vm.addr(_senderKeys[0]), _recipients[0]) == 0,
            "ESCROW-4: starved gas became a credit"
        );
        require(
            _coin.balanceOf(_recipients[0]) == (done ? 1e9 : 0),
            "ESCROW-4: a payment is made in full or not at all"
        );
    }

    function _terms(address coin, uint256 salt, uint256 amount) private view returns (IClaimEscrow.Claim memory) {
        return
            IClaimEscrow.Claim({
                coin: coin,
                sender: vm.addr(_senderKeys[0]),
                amount: amount,
                linkKey: vm.addr(_linkKeys[0]),
                attestor: address(0),
                handle: 0,
                cancelFrom: NOW,
                expiry: NOW + 2 days,
                salt: bytes32(salt)
            });
    }

    function _open(address coin, uint256 salt, uint256 amount) private returns (bytes32) {
        IClaimEscrow.Claim memory terms = _terms(coin, salt, amount);
        return _escrow.open(terms, _signOpen(_senderKeys[0], terms));
    }

    function _claims(bytes32 id, address recipient) private returns (bool done) {
        IClaimEscrow.ClaimTo memory order = IClaimEscrow.ClaimTo(id, recipient, type(uint256).max);
        (done, ) = address(_escrow).call(
            abi.encodeCall(_escrow.claim, (order, _signTo(_linkKeys[0], CLAIM_TO, order), ""))
        );
    }

    function _declines(bytes32 id) private returns (bool done) {
        bytes memory signature = _signBack(_linkKeys[0], DECLINE_CLAIM, id, type(uint256).max);
        (done, ) = address(_escrow).call(abi.encodeCall(_escrow.decline, (id, type(uint256).max, signature)));
    }

    function _cancels(bytes32 id) private returns (bool done) {
        vm.prank(vm.addr(_senderKeys[0]));
        (done, ) = address(_escrow).call(abi.encodeCall(_escrow.cancel, (id)));
    }

    function _reclaims(bytes32 id, uint256 allowance) private returns (bool done) {
        (done, ) = address(_escrow).call{gas: allowance}(abi.encodeCall(_escrow.reclaim, (id)));
    }
}
