// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AccessManager} from "@openzeppelin/contracts/access/manager/AccessManager.sol";
import {Stablecoin} from "../../contracts/Stablecoin.sol";
import {CommerceEscrow} from "../../contracts/escrow/CommerceEscrow.sol";
import {ICommerceEscrow} from "../../contracts/interfaces/ICommerceEscrow.sol";
import {HostileCoin} from "../../contracts/mocks/HostileCoin.sol";
import {vm} from "./Cheats.sol";

/// @notice What both the campaign and the single properties start from: an escrow for two coins, the real one and one that
/// refuses to pay when told to, two payers and two merchants with keys, an arbiter and a fee receiver.
contract CommerceWorld {
    uint256 internal constant ARBITER_KEY = 0xa4b17e4;
    address internal constant FEE_RECEIVER = address(0xfee);
    address internal constant STRANGER = address(0xbeef);
    uint256 internal constant FUNDS = 1e12;
    uint256 internal constant NOW = 1_000_000;
    bytes32 internal constant RECEIVE = keccak256(
        "ReceiveWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
    );
    bytes32 internal constant CAPTURE = keccak256(
        "Capture(bytes32 id,uint256 amount,uint256 captured,uint256 voided,uint256 feeBps,bool voidRest,uint256 deadline)"
    );
    bytes32 internal constant VOID = keccak256(
        "Void(bytes32 id,uint256 amount,uint256 captured,uint256 voided,uint256 deadline)"
    );
    bytes32 internal constant DISPUTE = keccak256(
        "DisputePayment(bytes32 id,uint256 captured,uint256 voided,uint256 deadline)"
    );
    bytes32 internal constant RESOLVE = keccak256(
        "ResolvePayment(bytes32 id,uint256 toMerchant,uint256 captured,uint256 voided,uint256 feeBps,uint256 deadline)"
    );

    Stablecoin internal _coin;
    HostileCoin internal _hostile;
    CommerceEscrow internal _escrow;
    uint256[2] internal _payerKeys = [uint256(0xa11ce), uint256(0xb0b)];
    uint256[2] internal _merchantKeys = [uint256(0x5409), uint256(0x5408)];
    mapping(address account => uint256 key) internal _keys;

    function _deploy() internal {
        vm.warp(NOW);
        _coin = new Stablecoin(address(new AccessManager(address(this))), "Remesa Dollar", "XUS", "1");
        _hostile = new HostileCoin();
        address[] memory coins = new address[](2);
        (coins[0], coins[1]) = (address(_coin), address(_hostile));
        _escrow = new CommerceEscrow(coins);
        _coin.setTreasury(address(this));
        _coin.flagEscrow(address(_escrow));
        for (uint256 i = 0; i < 2; ++i) {
            _keys[vm.addr(_payerKeys[i])] = _payerKeys[i];
            _keys[vm.addr(_merchantKeys[i])] = _merchantKeys[i];
            _coin.mint(vm.addr(_payerKeys[i]), FUNDS);
            _hostile.mint(vm.addr(_payerKeys[i]), FUNDS);
        }
        _keys[vm.addr(ARBITER_KEY)] = ARBITER_KEY;
    }

    function _signPayment(ICommerceEscrow.Payment memory terms) internal view returns (bytes memory) {
        return _signReceive(terms.coin, terms.payer, terms.amount, terms.authorizeBy, _escrow.idOf(terms));
    }

    function _signRefund(
        ICommerceEscrow.Payment memory terms,
        uint256 amount,
        uint256 refunded
    ) internal view returns (bytes memory) {
        bytes32 nonce = _escrow.refundNonceOf(_escrow.idOf(terms), refunded);
        return _signReceive(terms.coin, terms.merchant, amount, terms.refundBy, nonce);
    }

    function _signReceive(
        address coin,
        address from,
        uint256 amount,
        uint256 validBefore,
        bytes32 nonce
    ) private view returns (bytes memory) {
        if (coin == address(_hostile)) return "";
        bytes32 structHash = keccak256(abi.encode(RECEIVE, from, address(_escrow), amount, 0, validBefore, nonce));
        return _sign(from, _coin.DOMAIN_SEPARATOR(), structHash);
    }

    function _signOrder(address signer, bytes memory order) internal view returns (bytes memory) {
        return _sign(signer, _escrow.DOMAIN_SEPARATOR(), keccak256(order));
    }

    function _sign(address signer, bytes32 separator, bytes32 structHash) private view returns (bytes memory) {
        bytes32 digest = keccak256(abi.encodePacked(hex"1901", separator, structHash));
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(_keys[signer], digest);
        return abi.encodePacked(r, s, v);
    }

    function _balance(address coin, address account) internal view returns (uint256) {
        return coin == address(_coin) ? _coin.balanceOf(account) : _hostile.balanceOf(account);
    }
}

/// @notice Calls the escrow at random and keeps a model of it that says of every step, beforehand, whether it may happen, and
/// a ghost of what each party really got by each payment, in coins or in credit.
contract CommerceHandler is CommerceWorld {
    /// @dev What the model keeps of a payment: its totals as they ought to be, and what was seen to move.
    struct Model {
        uint256 captured;
        uint256 voided;
        uint256 refunded;
        uint256 feeBps;
        bool disputed;
        int256 toPayer;
        int256 toMerchant;
        int256 toFeeReceiver;
        int256 fromMerchant;
    }

    /// @dev Signed, so that a loss is seen and does not end the call.
    struct Purses {
        int256 payer;
        int256 merchant;
        int256 feeReceiver;
    }

    uint256 private constant MOST = 16;

    bytes32[] private _ids;
    mapping(bytes32 id => Model) private _models;
    mapping(bytes32 id => ICommerceEscrow.Payment) private _terms;
    mapping(bytes32 id => bytes) private _signatures;
    address private immutable _suite = msg.sender;
    uint256 private _time = NOW;
    bool private _refusing;

    /// @notice The first disagreement between the model and the contract; empty as long as there is none.
    string public violation;

    constructor() {
        _deploy();
    }

    function authorize(uint256 seed, uint256 amount, uint256 gaps, uint256 rates, bool useHostile) external {
        vm.warp(_time);
        ICommerceEscrow.Payment memory terms = _draft(seed, amount, gaps, rates, useHostile);
        bytes32 id = _escrow.idOf(terms);
        bool expected = _mayAuthorize(terms, id);
        if (expected && _ids.length == MOST) return;
        bytes memory signature = _signPayment(terms);
        try _escrow.authorize(terms, signature) {
            if (!expected) violation = "COMMERCE-1: authorized twice or against the rules";
            _created(id, terms, signature);
        } catch {
            _refused(expected);
        }
    }

    /// @notice The same terms and the same signature again, in whatever state the first went to.
    function authorizeAgain(uint256 seed) external {
        if (_ids.length == 0) return;
        (bytes32 id, , ICommerceEscrow.Payment memory terms) = _enter(seed);
        try _escrow.authorize(terms, _signatures[id]) {
            violation = "COMMERCE-1: an id was authorized twice";
        } catch {}
    }

    function charge(uint256 seed, uint256 amount, uint256 gaps, uint256 rates, uint256 part) external {
        vm.warp(_time);
        ICommerceEscrow.Payment memory terms = _draft(seed, amount, gaps, rates, part % 2 == 0);
        bytes32 id = _escrow.idOf(terms);
        ICommerceEscrow.Capture memory order = ICommerceEscrow.Capture({
            id: id,
            amount: part % (terms.amount + 2),
            captured: 0,
            voided: 0,
            feeBps: rates % 1_100,
            voidRest: part % 3 == 0,
            deadline: _time
        });
        bool expected = _mayAuthorize(terms, id) && _mayCapture(terms, _models[id], order);
        if (expected && _ids.length == MOST) return;
        bytes memory signature = _signPayment(terms);
        bytes memory merchants = _signOrder(terms.merchant, abi.encode(CAPTURE, order));
        Purses memory before = _purses(terms);
        try _escrow.charge(terms, signature, order, merchants) {
            if (!expected) violation = "COMMERCE-1: charged against the rules";
            _created(id, terms, signature);
            before.payer -= int256(terms.amount);
            _captured(id, terms, order, before);
        } catch {
            _refused(expected);
        }
    }

    /// @dev `twist` bends one thing in some calls: the totals, the signer, the order's time.
    function capture(uint256 seed, uint256 amount, uint256 rate, uint256 twist) external {
        if (_ids.length == 0) return;
        (bytes32 id, Model storage model, ICommerceEscrow.Payment memory terms) = _enter(seed);
        ICommerceEscrow.Capture memory order = ICommerceEscrow.Capture({
            id: id,
            amount: amount % (_remaining(terms, model) + 2),
            captured: model.captured + (twist % 16 == 1 ? 1 : 0),
            voided: model.voided + (twist % 16 == 2 ? 1 : 0),
            feeBps: model.captured > 0 && rate % 4 > 0 ? model.feeBps : rate % 1_100,
            voidRest: twist % 5 == 0,
            deadline: _time - (twist % 16 == 3 ? 1 : 0)
        });
        bool isMerchant = twist % 16 != 4;
        bool expected = isMerchant && _mayCapture(terms, model, order);
        address signer = isMerchant ? terms.merchant : terms.payer;
        bytes memory signature = _signOrder(signer, abi.encode(CAPTURE, order));
        Purses memory before = _purses(terms);
        try _escrow.capture(terms, order, signature) {
            if (!expected) violation = "COMMERCE-1: captured against the rules";
            _captured(id, terms, order, before);
        } catch {
            _refused(expected);
        }
    }

    function void(uint256 seed, uint256 amount, uint256 twist) external {
        if (_ids.length == 0) return;
        (bytes32 id, Model storage model, ICommerceEscrow.Payment memory terms) = _enter(seed);
        uint256 remaining = _remaining(terms, model);
        ICommerceEscrow.Void memory order = ICommerceEscrow.Void({
            id: id,
            amount: amount % (remaining + 2),
            captured: model.captured + (twist % 16 == 1 ? 1 : 0),
            voided: model.voided + (twist % 16 == 2 ? 1 : 0),
            deadline: _time
        });
        bool expected =
            twist % 16 != 1 &&
                twist % 16 != 2 &&
                order.amount > 0 &&
                order.amount <= remaining &&
                _time < _endOf(terms, model);
        bytes memory signature = _signOrder(terms.merchant, abi.encode(VOID, order));
        Purses memory before = _purses(terms);
        try _escrow.void(terms, order, signature) {
            if (!expected) violation = "COMMERCE-1: voided against the rules";
            _givenBack(id, terms, order.amount, before);
        } catch {
            _refused(expected);
        }
    }

    function reclaim(uint256 seed, address stranger) external {
        if (_ids.length == 0) return;
        (bytes32 id, Model storage model, ICommerceEscrow.Payment memory terms) = _enter(seed);
        uint256 remaining = _remaining(terms, model);
        bool expected = remaining > 0 && _time >= _endOf(terms, model);
        Purses memory before = _purses(terms);
        vm.prank(stranger);
        try _escrow.reclaim(terms) {
            if (!expected) violation = "COMMERCE-6: reclaimed early, or what was closed";
            _givenBack(id, terms, remaining, before);
        } catch {
            _refused(expected);
        }
    }

    function refund(uint256 seed, uint256 amount, uint256 twist) external {
        if (_ids.length == 0) return;
        (, Model storage model, ICommerceEscrow.Payment memory terms) = _enter(seed);
        uint256 limit = model.captured - model.refunded;
        amount = amount % (limit + 2);
        uint256 refunded = model.refunded + (twist % 8 == 1 ? 1 : 0);
        bool expected =
            refunded == model.refunded &&
                amount > 0 &&
                amount <= limit &&
                _time < terms.refundBy &&
                amount <= _balance(terms.coin, terms.merchant);
        bytes memory signature = _signRefund(terms, amount, refunded);
        Purses memory before = _purses(terms);
        try _escrow.refund(terms, amount, refunded, signature) {
            if (!expected) violation = "COMMERCE-2: refunded against the rules";
            model.refunded += amount;
            Purses memory later = _purses(terms);
            model.fromMerchant += before.merchant - later.merchant;
            model.toPayer += later.payer - before.payer;
        } catch {
            _refused(expected);
        }
    }

    function dispute(uint256 seed, bool signed) external {
        if (_ids.length == 0) return;
        (bytes32 id, Model storage model, ICommerceEscrow.Payment memory terms) = _enter(seed);
        bool expected =
            terms.arbiter != address(0) && !model.disputed && _time < terms.captureBy && _remaining(terms, model) > 0;
        bool done;
        if (signed) {
            bytes memory order = abi.encode(DISPUTE, id, model.captured, model.voided, _time);
            bytes memory signature = _signOrder(terms.payer, order);
            try _escrow.disputeBySig(terms, _time, signature) {
                done = true;
            } catch {}
        } else {
            vm.prank(terms.payer);
            try _escrow.dispute(terms) {
                done = true;
            } catch {}
        }
        if (done != expected) violation = "COMMERCE-6: a dispute out of turn, or one refused";
        if (done) model.disputed = true;
    }

    function resolve(uint256 seed, uint256 toMerchant, uint256 rate, uint256 twist) external {
        if (_ids.length == 0) return;
        (bytes32 id, Model storage model, ICommerceEscrow.Payment memory terms) = _enter(seed);
        uint256 remaining = _remaining(terms, model);
        ICommerceEscrow.ResolvePayment memory order = ICommerceEscrow.ResolvePayment({
            id: id,
            toMerchant: toMerchant % (remaining + 2),
            captured: model.captured + (twist % 16 == 1 ? 1 : 0),
            voided: model.voided,
            feeBps: model.captured > 0 && rate % 4 > 0 ? model.feeBps : rate % 1_100,
            deadline: _time
        });
        bool isArbiter = twist % 16 != 2;
        bool expected =
            isArbiter &&
                model.disputed &&
                _time < terms.captureBy + 15 days &&
                order.captured == model.captured &&
                order.toMerchant <= remaining &&
                _rateFits(terms, model, order.feeBps);
        bytes memory signature = _signOrder(
            isArbiter ? vm.addr(ARBITER_KEY) : terms.merchant,
            abi.encode(RESOLVE, order)
        );
        Purses memory before = _purses(terms);
        try _escrow.resolve(terms, order, signature) {
            if (!expected) violation = "COMMERCE-7: resolved against the rules";
            if (order.toMerchant > 0) model.feeBps = order.feeBps;
            model.captured += order.toMerchant;
            _givenBack(id, terms, remaining - order.toMerchant, before);
        } catch {
            _refused(expected);
        }
    }

    function withdrawCredit(uint256 seed, bool useHostile) external {
        vm.warp(_time);
        address coin = useHostile ? address(_hostile) : address(_coin);
        (address payer, address party) = _pair(seed % 14);
        uint256 credit = _escrow.creditOf(coin, payer, party);
        uint256 before = _balance(coin, party);
        bool expected = credit > 0 && !(useHostile && _refusing);
        try _escrow.withdrawCredit(coin, payer, party) {
            if (!expected) violation = "ESCROW-2: paid a credit that was not there";
            if (_balance(coin, party) != before + credit) violation = "ESCROW-2: a credit is paid to its party in full";
        } catch {
            _refused(expected);
        }
    }

    function setRefusing(bool on) external {
        _hostile.setRefusing(on);
        _refusing = on;
    }

    function pass(uint256 seconds_) external {
        _time += seconds_ % 3 days;
    }

    // ------------------------------------------------------------------------------------------------- the checks

    function check() external view {
        require(bytes(violation).length == 0, violation);
        for (uint256 i = 0; i < _ids.length; ++i) {
            _checkId(_ids[i]);
        }
        _checkCoin(address(_coin), _coin.totalSupply());
        _checkCoin(address(_hostile), _hostile.totalSupply());
    }

    /// @notice From its last deadline on a stranger's call ends each payment. For the suite alone, at the end of a run.
    function finish() external {
        if (msg.sender != _suite) return;
        for (uint256 i = 0; i < _ids.length; ++i) {
            Model storage model = _models[_ids[i]];
            ICommerceEscrow.Payment memory terms = _terms[_ids[i]];
            uint256 remaining = _remaining(terms, model);
            if (remaining == 0) continue;
            uint256 end = _endOf(terms, model);
            if (_time < end) _time = end;
            vm.warp(_time);
            Purses memory before = _purses(terms);
            vm.prank(STRANGER);
            _escrow.reclaim(terms);
            _givenBack(_ids[i], terms, remaining, before);
        }
        this.check();
        require(
            _escrow.held(address(_coin)) == _creditsOf(address(_coin)),
            "COMMERCE-6: after the last deadline nothing is open"
        );
        require(
            _escrow.held(address(_hostile)) == _creditsOf(address(_hostile)),
            "COMMERCE-6: after the last deadline nothing is open"
        );
    }

    function _checkId(bytes32 id) private view {
        Model storage model = _models[id];
        ICommerceEscrow.Payment memory terms = _terms[id];
        (
            uint256 authorized,
            uint256 captured,
            uint256 voided,
            uint256 refunded,
            uint256 feeBps,
            bool disputed
        ) = _escrow.paymentOf(id);
        require(authorized == terms.amount, "COMMERCE-1: an id keeps what was authorized");
        require(captured + voided <= authorized, "COMMERCE-1: captured and voided pass what was authorized");
        require(refunded <= captured, "COMMERCE-2: refunded passes captured");
        require(
            captured == model.captured && voided == model.voided && refunded == model.refunded,
            "COMMERCE-5: the totals move only by steps that may happen, and what is closed stays closed"
        );
        require(
            feeBps == model.feeBps && disputed == model.disputed,
            "COMMERCE-3: the rate is that of the first capture"
        );
        require(
            model.toFeeReceiver == int256((captured * feeBps) / 10_000),
            "COMMERCE-3: all fees are the formula on the captured total"
        );
        require(
            model.toFeeReceiver <= int256((authorized * terms.maxFeeBps) / 10_000),
            "COMMERCE-3: the fees pass what the payer agreed to"
        );
        require(
            model.toMerchant + model.toFeeReceiver == int256(captured),
            "COMMERCE-4: merchant and fee receiver have what was captured"
        );
        require(model.toPayer == int256(voided + refunded), "COMMERCE-4: the payer has what was voided and refunded");
        require(model.fromMerchant == int256(refunded), "COMMERCE-2: a refund is the merchant's own coins");
    }

    function _checkCoin(address coin, uint256 supply) private view {
        uint256 open;
        for (uint256 i = 0; i < _ids.length; ++i) {
            if (_terms[_ids[i]].coin == coin) open += _remaining(_terms[_ids[i]], _models[_ids[i]]);
        }
        uint256 owed = open + _creditsOf(coin);
        require(_escrow.held(coin) == owed, "ESCROW-1: held is open amounts and credits");
        uint256 balance = _balance(coin, address(_escrow));
        require(balance >= owed, "ESCROW-1: the balance covers all that is owed");
        uint256 named = balance + _balance(coin, FEE_RECEIVER);
        for (uint256 i = 0; i < 2; ++i) {
            named += _balance(coin, vm.addr(_payerKeys[i])) + _balance(coin, vm.addr(_merchantKeys[i]));
        }
        require(named == supply, "COMMERCE-7: nobody but the parties of the terms is paid");
    }

    /// @dev All pairs between which a credit can be: the payers' coins for payers, merchants and the fee receiver, the
    /// merchants' for payers.
    function _pair(uint256 index) private view returns (address payer, address party) {
        if (index >= 10) return (vm.addr(_merchantKeys[index % 2]), vm.addr(_payerKeys[(index / 2) % 2]));
        payer = vm.addr(_payerKeys[index % 2]);
        uint256 role = index / 2;
        if (role == 4) return (payer, FEE_RECEIVER);
        return (payer, vm.addr(role < 2 ? _payerKeys[role] : _merchantKeys[role - 2]));
    }

    function _creditsOf(address coin) private view returns (uint256 sum) {
        for (uint256 i = 0; i < 14; ++i) {
            (address payer, address party) = _pair(i);
            sum += _escrow.creditOf(coin, payer, party);
        }
    }

    // ------------------------------------------------------------------------------------------------- the model

    function _draft(
        uint256 seed,
        uint256 amount,
        uint256 gaps,
        uint256 rates,
        bool useHostile
    ) private view returns (ICommerceEscrow.Payment memory terms) {
        uint256 authorizeBy = _time + (gaps % 2 days);
        uint256 captureBy = authorizeBy + ((gaps >> 32) % 4 days);
        uint256 refundBy = captureBy + ((gaps >> 64) % 10 days);
        if (seed % 17 == 1) refundBy = captureBy - 1;
        if (seed % 17 == 2) refundBy = _time + 180 days + 1;
        if (seed % 17 == 3) (captureBy, refundBy) = (_time + 90 days + 1, _time + 90 days + 1);
        return
            ICommerceEscrow.Payment({
                coin: useHostile ? address(_hostile) : address(_coin),
                payer: vm.addr(_payerKeys[seed % 2]),
                merchant: seed % 19 == 1 ? vm.addr(_payerKeys[seed % 2]) : vm.addr(_merchantKeys[(seed >> 8) % 2]),
                amount: amount % (seed % 3 == 0 ? 200 : 1e11),
                feeReceiver: FEE_RECEIVER,
                minFeeBps: rates % 700,
                maxFeeBps: (rates >> 32) % 1_000,
                arbiter: seed % 4 == 0 ? address(0) : vm.addr(ARBITER_KEY),
                authorizeBy: authorizeBy,
                captureBy: captureBy,
                refundBy: refundBy,
                salt: bytes32(seed % 4)
            });
    }

    function _mayAuthorize(ICommerceEscrow.Payment memory terms, bytes32 id) private view returns (bool) {
        return
            terms.amount > 0 &&
            terms.amount <= _balance(terms.coin, terms.payer) &&
            terms.merchant != terms.payer &&
            terms.minFeeBps <= terms.maxFeeBps &&
            _time < terms.authorizeBy &&
            terms.authorizeBy <= terms.captureBy &&
            terms.captureBy <= terms.refundBy &&
            terms.captureBy <= _time + 90 days &&
            terms.refundBy <= _time + 180 days &&
            _terms[id].amount == 0;
    }

    function _mayCapture(
        ICommerceEscrow.Payment memory terms,
        Model storage model,
        ICommerceEscrow.Capture memory order
    ) private view returns (bool) {
        return
            !model.disputed &&
            _time <= order.deadline &&
            _time < terms.captureBy &&
            order.captured == model.captured &&
            order.voided == model.voided &&
            order.amount > 0 &&
            order.amount <= _remaining(terms, model) &&
            _rateFits(terms, model, order.feeBps);
    }

    function _rateFits(
        ICommerceEscrow.Payment memory terms,
        Model storage model,
        uint256 feeBps
    ) private view returns (bool) {
        if (model.captured > 0) return feeBps == model.feeBps;
        return feeBps >= terms.minFeeBps && feeBps <= terms.maxFeeBps;
    }

    function _enter(
        uint256 seed
    ) private returns (bytes32 id, Model storage model, ICommerceEscrow.Payment memory terms) {
        vm.warp(_time);
        id = _ids[seed % _ids.length];
        return (id, _models[id], _terms[id]);
    }

    function _remaining(ICommerceEscrow.Payment memory terms, Model storage model) private view returns (uint256) {
        uint256 gone = model.captured + model.voided;
        return gone < terms.amount ? terms.amount - gone : 0;
    }

    function _endOf(ICommerceEscrow.Payment memory terms, Model storage model) private view returns (uint256) {
        return terms.captureBy + (model.disputed ? 15 days : 0);
    }

    /// @dev What each party has of the payment's coin, credits included.
    function _purses(ICommerceEscrow.Payment memory terms) private view returns (Purses memory purses) {
        (address coin, address payer, address merchant) = (terms.coin, terms.payer, terms.merchant);
        purses.payer = int256(
            _balance(coin, payer) + _escrow.creditOf(coin, payer, payer) + _escrow.creditOf(coin, merchant, payer)
        );
        purses.merchant = int256(_balance(coin, merchant) + _escrow.creditOf(coin, payer, merchant));
        purses.feeReceiver = int256(_balance(coin, FEE_RECEIVER) + _escrow.creditOf(coin, payer, FEE_RECEIVER));
    }

    function _created(bytes32 id, ICommerceEscrow.Payment memory terms, bytes memory signature) private {
        _ids.push(id);
        (_terms[id], _signatures[id]) = (terms, signature);
    }

    function _captured(
        bytes32 id,
        ICommerceEscrow.Payment memory terms,
        ICommerceEscrow.Capture memory order,
        Purses memory before
    ) private {
        Model storage model = _models[id];
        model.feeBps = order.feeBps;
        model.captured += order.amount;
        _givenBack(id, terms, order.voidRest ? _remaining(terms, model) : 0, before);
    }

    /// @dev Books what is given back, and what all three parties were seen to get by the step.
    function _givenBack(
        bytes32 id,
        ICommerceEscrow.Payment memory terms,
        uint256 amount,
        Purses memory before
    ) private {
        Model storage model = _models[id];
        model.voided += amount;
        if (_remaining(terms, model) == 0) model.disputed = false;
        Purses memory later = _purses(terms);
        model.toPayer += later.payer - before.payer;
        model.toMerchant += later.merchant - before.merchant;
        model.toFeeReceiver += later.feeReceiver - before.feeReceiver;
    }

    function _refused(bool expected) private {
        if (expected) violation = "COMMERCE-5: a step that may happen was refused";
    }
}

/// @notice ESCROW-1, ESCROW-2 and COMMERCE-1 to COMMERCE-7 of docs/INVARIANTS.md.
contract CommerceInvariants {
    CommerceHandler private _handler;

    function setUp() external {
        _handler = new CommerceHandler();
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(_handler);
    }

    /// @notice All of them in one campaign.
    function invariant_ESCROW_1_2_COMMERCE_1_2_3_4_5_6_7() external view {
        _handler.check();
    }

    /// @notice At the end of each run.
    function afterInvariant() external {
        _handler.finish();
    }
}

/// @notice Single properties of the escrow over arbitrary arguments.
contract CommerceProperties is CommerceWorld {
    uint256 private constant CAPTURE_BY = NOW + 10 days;

    function setUp() external {
        _deploy();
    }

    function testFuzz_COMMERCE_3_a_split_costs_what_the_whole_costs(
        uint256 amount,
        uint256 feeBps,
        uint256 first,
        uint256 second
    ) external {
        amount = (amount % (FUNDS - 3)) + 3;
        feeBps = feeBps % 10_001;
        first = (first % (amount - 2)) + 1;
        second = (second % (amount - first - 1)) + 1;
        ICommerceEscrow.Payment memory terms = _authorize(address(_hostile), amount, 1);
        uint256[3] memory parts = [first, second, terms.amount - first - second];
        uint256 done;
        for (uint256 i = 0; i < 3; ++i) {
            require(_capture(terms, parts[i], done, feeBps, gasleft()), "COMMERCE-3: a part was refused");
            done += parts[i];
        }
        uint256 fee = (terms.amount * feeBps) / 10_000;
        require(_hostile.balanceOf(FEE_RECEIVER) == fee, "COMMERCE-3: all fees are the formula on the captured total");
        require(_hostile.balanceOf(terms.merchant) == terms.amount - fee, "COMMERCE-4: the merchant has the rest");
    }

    function testFuzz_COMMERCE_6_exactly_one_side_acts(uint256 time, bool disputed) external {
        ICommerceEscrow.Payment memory one = _authorize(address(_coin), 1e9, 1);
        ICommerceEscrow.Payment memory two = _authorize(address(_coin), 1e9, 2);
        if (disputed) {
            _dispute(one);
            _dispute(two);
        }
        uint256 end = CAPTURE_BY + (disputed ? 15 days : 0);
        time = time % 3 == 0 ? end - 2 + (time % 5) : NOW + (time % 40 days);
        vm.warp(time);
        require(_void(one) != _reclaims(two, gasleft()), "COMMERCE-6: at each moment exactly one side may act");
        require(_remaining(two) == (time >= end ? 0 : 1e9), "COMMERCE-6: the deadline is half-open");
    }

    function testFuzz_COMMERCE_6_a_stranger_ends_everything(
        uint256 captured,
        bool disputed,
        bool refusing,
        uint256 late
    ) external {
        ICommerceEscrow.Payment memory terms = _authorize(address(_hostile), 1e9, 1);
        captured = captured % 1e9;
        if (captured > 0) require(_capture(terms, captured, 0, 100, gasleft()), "the merchant may capture");
        if (disputed) _dispute(terms);
        _hostile.setRefusing(refusing);
        vm.warp(CAPTURE_BY + (disputed ? 15 days : 0) + (late % 1000 days));
        uint256 before = _hostile.balanceOf(terms.payer);
        require(_reclaims(terms, gasleft()) && _remaining(terms) == 0, "COMMERCE-6: nothing is left open");
        uint256 credit = _escrow.creditOf(terms.coin, terms.payer, terms.payer);
        uint256 paid = _hostile.balanceOf(terms.payer) - before;
        require(credit == (refusing ? 1e9 - captured : 0), "ESCROW-3: a refused payment becomes a credit");
        require(paid + credit == 1e9 - captured, "COMMERCE-4: the payer has all that remained");
    }

    function testFuzz_ESCROW_4_starved_gas_is_never_a_credit(uint256 allowance) external {
        ICommerceEscrow.Payment memory terms = _authorize(address(_coin), 1e9, 1);
        bool captured = _capture(terms, 1e8, 0, 100, 20_000 + (allowance % 480_000));
        uint256 credits =
            _escrow.creditOf(terms.coin, terms.payer, terms.merchant) +
                _escrow.creditOf(terms.coin, terms.payer, FEE_RECEIVER);
        require(credits == 0, "ESCROW-4: starved gas became a credit");
        require(
            _coin.balanceOf(terms.merchant) == (captured ? 99e6 : 0) &&
                _coin.balanceOf(FEE_RECEIVER) == (captured ? 1e6 : 0),
            "ESCROW-4: a capture is paid in full or not at all"
        );
    }

    function _authorize(
        address coin,
        uint256 amount,
        uint256 salt
    ) private returns (ICommerceEscrow.Payment memory terms) {
        terms = ICommerceEscrow.Payment({
            coin: coin,
            payer: vm.addr(_payerKeys[0]),
            merchant: vm.addr(_merchantKeys[0]),
            amount: amount,
            feeReceiver: FEE_RECEIVER,
            minFeeBps: 0,
            maxFeeBps: 10_000,
            arbiter: vm.addr(ARBITER_KEY),
            authorizeBy: NOW + 1 days,
            captureBy: CAPTURE_BY,
            refundBy: CAPTURE_BY,
            salt: bytes32(salt)
        });
        _escrow.authorize(terms, _signPayment(terms));
    }

    function _capture(
        ICommerceEscrow.Payment memory terms,
        uint256 amount,
        uint256 captured,
        uint256 feeBps,
        uint256 allowance
    ) private returns (bool done) {
        ICommerceEscrow.Capture memory order = ICommerceEscrow.Capture(
            _escrow.idOf(terms),
            amount,
            captured,
            0,
            feeBps,
            false,
            block.timestamp
        );
        bytes memory signature = _signOrder(terms.merchant, abi.encode(CAPTURE, order));
        (done, ) = address(_escrow).call{gas: allowance}(abi.encodeCall(_escrow.capture, (terms, order, signature)));
    }

    function _void(ICommerceEscrow.Payment memory terms) private returns (bool done) {
        ICommerceEscrow.Void memory order = ICommerceEscrow.Void(_escrow.idOf(terms), 1e9, 0, 0, block.timestamp);
        bytes memory signature = _signOrder(terms.merchant, abi.encode(VOID, order));
        (done, ) = address(_escrow).call(abi.encodeCall(_escrow.void, (terms, order, signature)));
    }

    function _dispute(ICommerceEscrow.Payment memory terms) private {
        vm.prank(terms.payer);
        _escrow.dispute(terms);
    }

    function _reclaims(ICommerceEscrow.Payment memory terms, uint256 allowance) private returns (bool done) {
        vm.prank(STRANGER);
        (done, ) = address(_escrow).call{gas: allowance}(abi.encodeCall(_escrow.reclaim, (terms)));
    }

    function _remaining(ICommerceEscrow.Payment memory terms) private view returns (uint256) {
        (uint256 authorized, uint256 captured, uint256 voided, , , ) = _escrow.paymentOf(_escrow.idOf(terms));
        return authorized - captured - voided;
    }
}
