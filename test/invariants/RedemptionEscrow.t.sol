// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AccessManager} from "@openzeppelin/contracts/access/manager/AccessManager.sol";
import {Stablecoin} from "../../contracts/Stablecoin.sol";
import {RedemptionEscrow} from "../../contracts/escrow/RedemptionEscrow.sol";
import {IRedemptionEscrow} from "../../contracts/interfaces/IRedemptionEscrow.sol";
import {HostileCoin} from "../../contracts/mocks/HostileCoin.sol";
import {vm} from "./Cheats.sol";

/// @notice What both the campaign and the single properties start from: an escrow for two coins, the real one and one that
/// refuses to pay and to burn when told to, and two holders with keys.
contract RedemptionWorld {
    uint256 internal constant AGENT_KEY = 0xa6e27;
    uint256 internal constant COSIGNER_KEY = 0xc051;
    uint256 internal constant ARBITER_KEY = 0xa4b17;
    uint256 internal constant FUNDS = 1e12;
    bytes32 internal constant RECEIVE = keccak256(
        "ReceiveWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
    );
    bytes32 internal constant CANCEL = keccak256("CancelRedemption(bytes32 id,uint256 deadline)");
    bytes32 internal constant DISPUTE = keccak256("DisputeRedemption(bytes32 id,uint256 deadline)");
    bytes32 internal constant RESOLVE = keccak256("ResolveOrder(bytes32 id,bool paid,bytes32 ref,uint256 deadline)");
    bytes32 internal constant CONFIRM = keccak256("ConfirmOrder(bytes32 id,bytes32 bankReference,uint256 deadline)");

    AccessManager internal _manager;
    Stablecoin internal _coin;
    HostileCoin internal _hostile;
    RedemptionEscrow internal _escrow;
    uint256[2] internal _holderKeys = [uint256(0xa11ce), uint256(0xb0b)];

    function _deploy() internal {
        vm.warp(1_000_000);
        _manager = new AccessManager(address(this));
        _coin = new Stablecoin(address(_manager), "Remesa Dollar", "XUS", "1");
        _hostile = new HostileCoin();
        address[] memory coins = new address[](2);
        (coins[0], coins[1]) = (address(_coin), address(_hostile));
        _escrow = new RedemptionEscrow(address(_manager), coins);
        _coin.setTreasury(address(this));
        _coin.flagEscrow(address(_escrow));
        _assign(address(_coin), _coin.burn.selector, 1, address(_escrow));
        address agent = vm.addr(AGENT_KEY);
        _assign(address(_escrow), _escrow.accept.selector, 2, agent);
        _assign(address(_escrow), _escrow.reject.selector, 2, agent);
        _assign(address(_escrow), _escrow.markSent.selector, 2, agent);
        _assign(address(_escrow), _escrow.confirm.selector, 2, agent);
        _assign(address(_escrow), _escrow.approve.selector, 3, vm.addr(COSIGNER_KEY));
        _manager.grantRole(3, agent, 0);
        _assign(address(_escrow), _escrow.resolve.selector, 4, vm.addr(ARBITER_KEY));
        for (uint256 i = 0; i < 2; ++i) {
            _coin.mint(vm.addr(_holderKeys[i]), FUNDS);
            _hostile.mint(vm.addr(_holderKeys[i]), FUNDS);
        }
    }

    function _assign(address target, bytes4 selector, uint64 role, address member) private {
        bytes4[] memory selectors = new bytes4[](1);
        selectors[0] = selector;
        _manager.setTargetFunctionRole(target, selectors, role);
        _manager.grantRole(role, member, 0);
    }

    function _signLock(uint256 key, IRedemptionEscrow.Redemption memory terms) internal view returns (bytes memory) {
        if (terms.coin == address(_hostile)) return "";
        bytes32 structHash = keccak256(
            abi.encode(RECEIVE, terms.holder, address(_escrow), terms.amount, 0, terms.acceptBy, _escrow.idOf(terms))
        );
        return _sign(key, _coin.DOMAIN_SEPARATOR(), structHash);
    }

    function _sign(uint256 key, bytes32 separator, bytes32 structHash) internal pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, keccak256(abi.encodePacked(hex"1901", separator, structHash)));
        return abi.encodePacked(r, s, v);
    }
}

/// @notice Calls the escrow at random and keeps a model of it that says of every step, beforehand, whether it may happen.
contract RedemptionHandler is RedemptionWorld {
    enum Exit {
        Open,
        Burned,
        Returned
    }

    /// @dev What the model keeps of a redemption. `paid` counts what left it: to the burn, to its holder, to a credit.
    struct Model {
        address coin;
        address holder;
        uint256 amount;
        uint256 state;
        uint256[7] deadlines;
        address approver;
        uint256 paid;
        Exit exit;
    }

    uint256 private constant MOST = 24;

    bytes32[] private _ids;
    mapping(bytes32 id => Model) private _models;
    mapping(bytes32 id => IRedemptionEscrow.Redemption) private _terms;
    mapping(bytes32 id => bytes) private _signatures;
    address private immutable _suite = msg.sender;
    mapping(address coin => mapping(address holder => uint256)) public creditOf;
    mapping(address coin => uint256) public credits;
    mapping(address coin => uint256) public toBurn;
    mapping(address coin => uint256) public burned;
    uint256 private _time = 1_000_000;
    bool private _refusing;
    bool private _pausing;
    mapping(address coin => uint256) private _limits;

    /// @notice The first disagreement between the model and the contract; empty as long as there is none.
    string public violation;

    constructor() {
        _deploy();
        (_limits[address(_coin)], _limits[address(_hostile)]) = (type(uint256).max, type(uint256).max);
    }

    function lock(uint256 seed, uint256 cents, uint256 gaps, bool useHostile) external {
        vm.warp(_time);
        uint256 key = _holderKeys[seed % 2];
        uint256 acceptBy = _time + (gaps % 3 days);
        uint256 payoutBy = acceptBy + ((gaps >> 32) % 3 days);
        IRedemptionEscrow.Redemption memory terms = IRedemptionEscrow.Redemption({
            coin: useHostile ? address(_hostile) : address(_coin),
            holder: vm.addr(key),
            amount: (cents % 1e7) * 10_000 + (seed % 7 == 0 ? 1 : 0),
            payout: bytes32(seed),
            acceptBy: acceptBy,
            payoutBy: payoutBy,
            finalBy: payoutBy + ((gaps >> 64) % 27 days),
            salt: bytes32(seed % 4)
        });
        bytes32 id = _escrow.idOf(terms);
        bool expected = _mayLock(terms, id);
        if (expected && _ids.length == MOST) return;
        bytes memory signature = _signLock(key, terms);
        try _escrow.lock(terms, signature) {
            if (!expected) violation = "REDEMPTION-1: created twice or against the rules";
            _ids.push(id);
            (_terms[id], _signatures[id]) = (terms, signature);
            _models[id] = Model({
                coin: terms.coin,
                holder: terms.holder,
                amount: terms.amount,
                state: 1,
                deadlines: [0, terms.acceptBy, terms.payoutBy, terms.finalBy, 0, 0, terms.finalBy + 15 days],
                approver: address(0),
                paid: 0,
                exit: Exit.Open
            });
        } catch {
            if (expected) violation = "a lock was refused that was allowed";
        }
    }

    /// @notice The same terms and the same signature again, in whatever state the first went to.
    function lockAgain(uint256 seed) external {
        vm.warp(_time);
        if (_ids.length == 0) return;
        bytes32 id = _pick(seed);
        try _escrow.lock(_terms[id], _signatures[id]) {
            violation = "REDEMPTION-1: an id was created twice";
        } catch {}
    }

    function cancel(uint256 seed, bool signed) external {
        (bytes32 id, Model storage model) = _enter(seed);
        if (model.state == 0) return;
        bool expected = model.state == 1 && _time < model.deadlines[1];
        if (signed) {
            uint256 key = vm.addr(_holderKeys[0]) == model.holder ? _holderKeys[0] : _holderKeys[1];
            bytes32 structHash = keccak256(abi.encode(CANCEL, id, _time));
            bytes memory signature = _sign(key, _escrow.DOMAIN_SEPARATOR(), structHash);
            try _escrow.cancelBySig(id, _time, signature) {
                _returned(expected, model);
            } catch {
                _refused(expected);
            }
        } else {
            vm.prank(model.holder);
            try _escrow.cancel(id) {
                _returned(expected, model);
            } catch {
                _refused(expected);
            }
        }
    }

    function accept(uint256 seed) external {
        (bytes32 id, Model storage model) = _enter(seed);
        bool expected = model.state == 1 && _time < model.deadlines[1];
        vm.prank(vm.addr(AGENT_KEY));
        try _escrow.accept(id) {
            _moved(expected, model, 2);
        } catch {
            _refused(expected);
        }
    }

    function reject(uint256 seed) external {
        (bytes32 id, Model storage model) = _enter(seed);
        bool expected = (model.state == 1 || model.state == 2) && _time < model.deadlines[model.state];
        vm.prank(vm.addr(AGENT_KEY));
        try _escrow.reject(id, bytes32(seed)) {
            _returned(expected, model);
        } catch {
            _refused(expected);
        }
    }

    function markSent(uint256 seed) external {
        (bytes32 id, Model storage model) = _enter(seed);
        bool expected = model.state == 2 && _time < model.deadlines[2];
        bool free = model.amount < _limits[model.coin] || model.approver == vm.addr(COSIGNER_KEY);
        vm.prank(vm.addr(AGENT_KEY));
        try _escrow.markSent(id, bytes32(seed)) {
            if (!free) violation = "REDEMPTION-7: marked sent by one key alone above the limit";
            _moved(expected && free, model, 3);
        } catch {
            _refused(expected && free);
        }
    }

    /// @notice By the cosigner, or by the agent, who may but does not help itself by it.
    function approve(uint256 seed, bool byAgent) external {
        (bytes32 id, Model storage model) = _enter(seed);
        bool expected = model.state == 2 && _time < model.deadlines[2] && model.approver == address(0);
        address approver = vm.addr(byAgent ? AGENT_KEY : COSIGNER_KEY);
        vm.prank(approver);
        try _escrow.approve(id) {
            if (!expected) violation = "REDEMPTION-7: approved out of turn or out of time";
            model.approver = approver;
        } catch {
            _refused(expected);
        }
    }

    function setSecondKeyLimit(uint256 cents, bool useHostile) external {
        address coin = useHostile ? address(_hostile) : address(_coin);
        uint256 limit = cents % 3 == 0 ? type(uint256).max : (cents % 1e7) * 10_000;
        _escrow.setSecondKeyLimit(coin, limit);
        _limits[coin] = limit;
    }

    function dispute(uint256 seed, bool signed) external {
        (bytes32 id, Model storage model) = _enter(seed);
        if (model.state == 0) return;
        bool expected = model.state == 3 && _time < model.deadlines[3];
        if (signed) {
            uint256 key = vm.addr(_holderKeys[0]) == model.holder ? _holderKeys[0] : _holderKeys[1];
            bytes32 structHash = keccak256(abi.encode(DISPUTE, id, _time));
            bytes memory signature = _sign(key, _escrow.DOMAIN_SEPARATOR(), structHash);
            try _escrow.disputeBySig(id, _time, signature) {
                _moved(expected, model, 6);
            } catch {
                _refused(expected);
            }
        } else {
            vm.prank(model.holder);
            try _escrow.dispute(id) {
                _moved(expected, model, 6);
            } catch {
                _refused(expected);
            }
        }
    }

    function resolve(uint256 seed, bool paid, bool signed) external {
        (bytes32 id, Model storage model) = _enter(seed);
        bool expected = model.state == 6 && _time < model.deadlines[6];
        bool done;
        if (signed) {
            IRedemptionEscrow.ResolveOrder memory order = IRedemptionEscrow.ResolveOrder(
                id,
                paid,
                bytes32(seed),
                _time
            );
            bytes32 structHash = keccak256(abi.encode(RESOLVE, order));
            bytes memory signature = _sign(ARBITER_KEY, _escrow.DOMAIN_SEPARATOR(), structHash);
            try _escrow.resolveBySig(order, vm.addr(ARBITER_KEY), signature) {
                done = true;
            } catch {}
        } else {
            vm.prank(vm.addr(ARBITER_KEY));
            try _escrow.resolve(id, paid, bytes32(seed)) {
                done = true;
            } catch {}
        }
        if (!done) _refused(expected);
        else if (paid) _burned(expected, model);
        else _returned(expected, model);
    }

    function confirm(uint256 seed, bool signed) external {
        (bytes32 id, Model storage model) = _enter(seed);
        bool expected = model.state == 3 && _time < model.deadlines[3];
        if (signed) {
            IRedemptionEscrow.ConfirmOrder memory order = IRedemptionEscrow.ConfirmOrder(id, bytes32(seed), _time);
            bytes32 structHash = keccak256(abi.encode(CONFIRM, order));
            bytes memory signature = _sign(AGENT_KEY, _escrow.DOMAIN_SEPARATOR(), structHash);
            try _escrow.confirmBySig(order, vm.addr(AGENT_KEY), signature) {
                _burned(expected, model);
            } catch {
                _refused(expected);
            }
        } else {
            vm.prank(vm.addr(AGENT_KEY));
            try _escrow.confirm(id, bytes32(seed)) {
                _burned(expected, model);
            } catch {
                _refused(expected);
            }
        }
    }

    function reclaim(uint256 seed, address stranger) external {
        (bytes32 id, Model storage model) = _enter(seed);
        bool open = (model.state >= 1 && model.state <= 3) || model.state == 6;
        bool expected = open && _time >= model.deadlines[model.state];
        vm.prank(stranger);
        try _escrow.reclaim(id) {
            _returned(expected, model);
        } catch {
            _refused(expected);
        }
    }

    function burnPending(bool useHostile) external {
        vm.warp(_time);
        address coin = useHostile ? address(_hostile) : address(_coin);
        bool expected = toBurn[coin] > 0 && !_obstructed(coin);
        try _escrow.burnPending(coin) {
            if (!expected) violation = "ESCROW-1: burned what did not wait";
            burned[coin] += toBurn[coin];
            toBurn[coin] = 0;
        } catch {
            _refused(expected);
        }
    }

    function withdrawCredit(uint256 seed, bool useHostile) external {
        vm.warp(_time);
        address coin = useHostile ? address(_hostile) : address(_coin);
        address holder = vm.addr(_holderKeys[seed % 2]);
        bool expected = creditOf[coin][holder] > 0 && !_refusing;
        try _escrow.withdrawCredit(coin, holder, holder) {
            if (!expected) violation = "ESCROW-2: paid a credit that was not there";
            credits[coin] -= creditOf[coin][holder];
            creditOf[coin][holder] = 0;
        } catch {
            _refused(expected);
        }
    }

    function setRefusing(bool on) external {
        _hostile.setRefusing(on);
        _refusing = on;
    }

    function setPausing(bool on) external {
        if (on) _coin.pause(8);
        else _coin.unpause(8);
        _pausing = on;
    }

    function pass(uint256 seconds_) external {
        _time += seconds_ % 1 days;
    }

    // ------------------------------------------------------------------------------------------------- the checks

    function check() external view {
        require(bytes(violation).length == 0, violation);
        _checkCoin(address(_coin), _coin.balanceOf(address(_escrow)));
        _checkCoin(address(_hostile), _hostile.balanceOf(address(_escrow)));
        for (uint256 i = 0; i < _ids.length; ++i) {
            _checkId(_ids[i]);
        }
        require(
            _coin.totalSupply() + burned[address(_coin)] == 2 * FUNDS,
            "REDEMPTION-3: the supply fell by what was burned and no more"
        );
        for (uint256 i = 0; i < 2; ++i) {
            _checkHolder(address(_coin), vm.addr(_holderKeys[i]), _coin.balanceOf(vm.addr(_holderKeys[i])));
            _checkHolder(address(_hostile), vm.addr(_holderKeys[i]), _hostile.balanceOf(vm.addr(_holderKeys[i])));
        }
    }

    /// @notice After the last deadline of all, anyone's calls leave nothing open. For the suite alone, at the end of a run.
    function finish() external {
        if (msg.sender != _suite) return;
        _time += 60 days;
        vm.warp(_time);
        for (uint256 i = 0; i < _ids.length; ++i) {
            if (_models[_ids[i]].exit == Exit.Open) {
                vm.prank(address(0xbeef));
                _escrow.reclaim(_ids[i]);
            }
        }
        _checkNothingOpen(address(_coin));
        _checkNothingOpen(address(_hostile));
    }

    function _checkNothingOpen(address coin) private view {
        (uint256 locked, uint256 accepted, uint256 sent, uint256 disputed) = _escrow.pending(coin);
        require(locked + accepted + sent + disputed == 0, "REDEMPTION-6: after the last deadline nothing is open");
    }

    function _checkCoin(address coin, uint256 balance) private view {
        uint256[7] memory open;
        for (uint256 i = 0; i < _ids.length; ++i) {
            Model storage model = _models[_ids[i]];
            if (model.coin == coin && model.exit == Exit.Open) open[model.state] += model.amount;
        }
        (uint256 locked, uint256 accepted, uint256 sent, uint256 disputed) = _escrow.pending(coin);
        require(
            locked == open[1] && accepted == open[2] && sent == open[3] && disputed == open[6],
            "REDEMPTION-4: the totals are the sums over the ids"
        );
        require(_escrow.toBurn(coin) == toBurn[coin], "REDEMPTION-4: what waits to be burned is what was confirmed");
        uint256 owed = open[1] + open[2] + open[3] + open[6] + credits[coin] + toBurn[coin];
        require(_escrow.held(coin) == owed, "ESCROW-1: held is open amounts, credits and what waits to be burned");
        require(balance >= owed, "ESCROW-1: the balance covers all that is owed");
    }

    function _checkId(bytes32 id) private view {
        Model storage model = _models[id];
        (IRedemptionEscrow.State state, address coin, address holder, uint256 amount, , , ) = _escrow.redemptionOf(id);
        require(uint256(state) == model.state, "REDEMPTION-2: terminal is terminal, and states move only forward");
        require(
            coin == model.coin && holder == model.holder && amount == model.amount,
            "REDEMPTION-1: an id keeps its terms"
        );
        require(_escrow.approverOf(id) == model.approver, "REDEMPTION-7: the approver is who approved");
        require(
            model.paid == (model.exit == Exit.Open ? 0 : amount),
            "REDEMPTION-3: what came in is held, or went out once"
        );
    }

    function _checkHolder(address coin, address holder, uint256 balance) private view {
        uint256 away = _escrow.creditOf(coin, holder, holder);
        require(away == creditOf[coin][holder], "ESCROW-2: a credit is its party's");
        for (uint256 i = 0; i < _ids.length; ++i) {
            Model storage model = _models[_ids[i]];
            if (model.coin == coin && model.holder == holder && model.exit != Exit.Returned) away += model.amount;
        }
        require(balance + away == FUNDS, "REDEMPTION-3: a holder has all that is neither open, burned nor credited");
    }

    // ------------------------------------------------------------------------------------------------- the model

    function _enter(uint256 seed) private returns (bytes32 id, Model storage model) {
        vm.warp(_time);
        id = _ids.length == 0 ? bytes32(seed) : _pick(seed);
        model = _models[id];
    }

    function _pick(uint256 seed) private view returns (bytes32) {
        return _ids[seed % _ids.length];
    }

    function _mayLock(IRedemptionEscrow.Redemption memory terms, bytes32 id) private view returns (bool) {
        uint256 balance =
            terms.coin == address(_coin) ? _coin.balanceOf(terms.holder) : _hostile.balanceOf(terms.holder);
        return
            terms.amount > 0 &&
            terms.amount % 10_000 == 0 &&
            terms.amount <= balance &&
            _time < terms.acceptBy &&
            terms.acceptBy < terms.payoutBy &&
            terms.payoutBy < terms.finalBy &&
            terms.finalBy <= _time + 30 days &&
            _models[id].state == 0;
    }

    function _obstructed(address coin) private view returns (bool) {
        return coin == address(_coin) ? _pausing : _refusing;
    }

    function _moved(bool expected, Model storage model, uint256 state) private {
        if (!expected) violation = "REDEMPTION-5: a step out of turn or out of time";
        model.state = state;
    }

    function _returned(bool expected, Model storage model) private {
        if (model.exit != Exit.Open) violation = "REDEMPTION-2: left a terminal state";
        _moved(expected, model, 5);
        model.exit = Exit.Returned;
        model.paid += model.amount;
        if (model.coin == address(_hostile) && _refusing) {
            creditOf[model.coin][model.holder] += model.amount;
            credits[model.coin] += model.amount;
        }
    }

    function _burned(bool expected, Model storage model) private {
        if (model.exit != Exit.Open) violation = "REDEMPTION-2: left a terminal state";
        _moved(expected, model, 4);
        model.exit = Exit.Burned;
        model.paid += model.amount;
        if (_obstructed(model.coin)) toBurn[model.coin] += model.amount;
        else burned[model.coin] += model.amount;
    }

    function _refused(bool expected) private {
        if (expected) violation = "REDEMPTION-5: the side whose turn it was could not act";
    }
}

/// @notice ESCROW-1, ESCROW-2 and REDEMPTION-1 to REDEMPTION-7 of docs/INVARIANTS.md.
contract RedemptionInvariants {
    RedemptionHandler private _handler;

    function setUp() external {
        _handler = new RedemptionHandler();
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(_handler);
    }

    /// @notice All of them in one campaign.
    function invariant_ESCROW_1_2_REDEMPTION_1_2_3_4_5_6_7() external view {
        _handler.check();
    }

    /// @notice At the end of each run.
    function afterInvariant() external {
        _handler.finish();
    }
}

/// @notice Single properties of the escrow over arbitrary arguments.
contract RedemptionProperties is RedemptionWorld {
    uint256 private constant NOW = 1_000_000;

    function setUp() external {
        _deploy();
    }

    function testFuzz_REDEMPTION_5_exactly_one_side_acts(uint256 stage, uint256 time) external {
        stage = stage % 4;
        bytes32 first = _reach(stage, address(_coin), 1);
        bytes32 second = _reach(stage, address(_coin), 2);
        time = NOW + (time % 20 days);
        vm.warp(time);
        bool acted = _act(stage, first);
        bool reclaimed = _reclaims(second, gasleft());
        require(acted != reclaimed, "REDEMPTION-5: at each moment exactly one side may act");
        require(reclaimed == (time >= _deadlineOf(stage)), "REDEMPTION-5: the deadline is half-open");
    }

    function testFuzz_REDEMPTION_6_a_stranger_ends_every_state(uint256 stage, bool refusing, uint256 late) external {
        stage = stage % 4;
        bytes32 id = _reach(stage, address(_hostile), 1);
        _hostile.setRefusing(refusing);
        vm.warp(_deadlineOf(stage) + (late % 1000 days));
        vm.prank(address(0xbeef));
        _escrow.reclaim(id);
        require(_escrow.stateOf(id) == IRedemptionEscrow.State.Returned, "REDEMPTION-6: nothing is left open");
    }

    function testFuzz_ESCROW_3_a_refused_payment_is_a_credit(uint256 stage, uint256 cents) external {
        stage = stage % 4;
        uint256 amount = ((cents % 1e8) + 1) * 10_000;
        bytes32 id = _lock(address(_hostile), 1, amount);
        _advance(stage, id);
        _hostile.setRefusing(true);
        vm.warp(_deadlineOf(stage));
        _escrow.reclaim(id);
        address holder = vm.addr(_holderKeys[0]);
        require(
            _escrow.creditOf(address(_hostile), holder, holder) == amount,
            "ESCROW-3: a refused payment becomes a credit"
        );
        require(_escrow.held(address(_hostile)) == amount, "ESCROW-1: a credit is owed");
        _hostile.setRefusing(false);
        _escrow.withdrawCredit(address(_hostile), holder, holder);
        require(_hostile.balanceOf(holder) == FUNDS, "ESCROW-2: a credit is paid to its party");
    }

    function testFuzz_ESCROW_4_starved_gas_is_never_a_credit(uint256 stage, uint256 allowance) external {
        stage = stage % 4;
        bytes32 id = _reach(stage, address(_coin), 1);
        vm.warp(_deadlineOf(stage));
        address holder = vm.addr(_holderKeys[0]);
        uint256 before = _coin.balanceOf(holder);
        bool reclaimed = _reclaims(id, 20_000 + (allowance % 480_000));
        require(_escrow.creditOf(address(_coin), holder, holder) == 0, "ESCROW-4: starved gas became a credit");
        require(
            _coin.balanceOf(holder) == before + (reclaimed ? 1e9 : 0),
            "ESCROW-4: a payment is made in full or not at all"
        );
    }

    function testFuzz_ESCROW_4_starved_gas_never_defers_a_burn(uint256 allowance) external {
        bytes32 id = _reach(2, address(_coin), 1);
        uint256 supply = _coin.totalSupply();
        vm.prank(vm.addr(AGENT_KEY));
        (bool confirmed, ) = address(_escrow).call{gas: 20_000 + (allowance % 480_000)}(
            abi.encodeCall(_escrow.confirm, (id, 0))
        );
        require(_escrow.toBurn(address(_coin)) == 0, "ESCROW-4: starved gas put off a burn");
        require(
            _coin.totalSupply() == supply - (confirmed ? 1e9 : 0),
            "ESCROW-4: a burn is made in full or not at all"
        );
    }

    function _reach(uint256 stage, address coin, uint256 salt) private returns (bytes32 id) {
        id = _lock(coin, salt, 1e9);
        _advance(stage, id);
    }

    function _lock(address coin, uint256 salt, uint256 amount) private returns (bytes32) {
        IRedemptionEscrow.Redemption memory terms = IRedemptionEscrow.Redemption({
            coin: coin,
            holder: vm.addr(_holderKeys[0]),
            amount: amount,
            payout: 0,
            acceptBy: NOW + 1 days,
            payoutBy: NOW + 2 days,
            finalBy: NOW + 3 days,
            salt: bytes32(salt)
        });
        return _escrow.lock(terms, _signLock(_holderKeys[0], terms));
    }

    /// @dev Stages: 0 locked, 1 accepted, 2 sent, 3 disputed.
    function _advance(uint256 stage, bytes32 id) private {
        for (uint256 i = 0; i < stage && i < 2; ++i) {
            require(_act(i, id), "the desk may act before the deadline");
        }
        if (stage == 3) {
            vm.prank(vm.addr(_holderKeys[0]));
            _escrow.dispute(id);
        }
    }

    function _deadlineOf(uint256 stage) private pure returns (uint256) {
        return stage == 3 ? NOW + 18 days : NOW + (stage + 1) * 1 days;
    }

    /// @dev The next step of the desk, or of the arbiter, from a stage.
    function _act(uint256 stage, bytes32 id) private returns (bool done) {
        bytes memory step =
            stage == 0
                ? abi.encodeCall(_escrow.accept, (id))
                : stage == 1
                    ? abi.encodeCall(_escrow.markSent, (id, 0))
                    : stage == 2
                        ? abi.encodeCall(_escrow.confirm, (id, 0))
                        : abi.encodeCall(_escrow.resolve, (id, true, 0));
        vm.prank(vm.addr(stage == 3 ? ARBITER_KEY : AGENT_KEY));
        (done, ) = address(_escrow).call(step);
    }

    function _reclaims(bytes32 id, uint256 allowance) private returns (bool done) {
        (done, ) = address(_escrow).call{gas: allowance}(abi.encodeCall(_escrow.reclaim, (id)));
    }
}
