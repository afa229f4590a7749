// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AccessManager} from "@openzeppelin/contracts/access/manager/AccessManager.sol";
import {Stablecoin} from "../../contracts/Stablecoin.sol";
import {FxSwap} from "../../contracts/escrow/FxSwap.sol";
import {IFxSwap} from "../../contracts/interfaces/IFxSwap.sol";
import {HostileCoin} from "../../contracts/mocks/HostileCoin.sol";
import {vm} from "./Cheats.sol";

/// @notice What both the campaign and the single properties start from: a swap for three coins, two real ones and one that
/// refuses to pay when told to; three parties with all of them.
contract SwapWorld {
    uint256 internal constant FUNDS = 1e12;
    address internal constant STRANGER = address(0xbeef);
    bytes32 internal constant RECEIVE = keccak256(
        "ReceiveWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
    );
    bytes32 internal constant CANCEL_QUOTE = keccak256("CancelQuote(bytes32 id,uint256 deadline)");

    Stablecoin internal _dollar;
    Stablecoin internal _quetzal;
    HostileCoin internal _hostile;
    FxSwap internal _swap;
    address[3] internal _coins;
    uint256[3] internal _keys = [uint256(0xa11ce), uint256(0xb0b), uint256(0xca401)];

    function _deploy() internal {
        vm.warp(1_000_000);
        AccessManager manager = new AccessManager(address(this));
        _dollar = new Stablecoin(address(manager), "Remesa Dollar", "XUS", "1");
        _quetzal = new Stablecoin(address(manager), "Remesa Quetzal", "XGT", "1");
        _hostile = new HostileCoin();
        _coins = [address(_dollar), address(_quetzal), address(_hostile)];
        address[] memory coins = new address[](3);
        for (uint256 i = 0; i < 3; ++i) {
            coins[i] = _coins[i];
        }
        _swap = new FxSwap(coins);
        _dollar.setTreasury(address(this));
        _quetzal.setTreasury(address(this));
        _dollar.flagEscrow(address(_swap));
        _quetzal.flagEscrow(address(_swap));
        for (uint256 i = 0; i < 3; ++i) {
            address party = vm.addr(_keys[i]);
            _dollar.mint(party, FUNDS);
            _quetzal.mint(party, FUNDS);
            _hostile.mint(party, FUNDS);
        }
    }

    function _signLeg(uint256 key, IFxSwap.Quote memory quote, uint256 side) internal view returns (bytes memory) {
        address coin = side == 1 ? quote.sellCoin : quote.buyCoin;
        if (coin == address(_hostile)) return "";
        bytes32 structHash = keccak256(
            abi.encode(
                RECEIVE,
                side == 1 ? quote.maker : quote.taker,
                address(_swap),
                side == 1 ? quote.sellAmount : quote.buyAmount,
                0,
                quote.validBefore,
                keccak256(abi.encode(_swap.idOf(quote), side))
            )
        );
        return _sign(key, Stablecoin(coin).DOMAIN_SEPARATOR(), structHash);
    }

    function _signCancel(uint256 key, bytes32 id, uint256 deadline) internal view returns (bytes memory) {
        return _sign(key, _swap.DOMAIN_SEPARATOR(), keccak256(abi.encode(CANCEL_QUOTE, id, deadline)));
    }

    function _sign(uint256 key, bytes32 separator, bytes32 structHash) internal pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, keccak256(abi.encodePacked(hex"1901", separator, structHash)));
        return abi.encodePacked(r, s, v);
    }

    function _balanceOf(address coin, address account) internal view returns (uint256) {
        return Stablecoin(coin).balanceOf(account);
    }
}

/// @notice Calls the swap at random and keeps a model of it that says of every step, beforehand, whether it may happen.
contract SwapHandler is SwapWorld {
    enum Fate {
        Open,
        Swapped,
        Cancelled
    }

    /// @dev What the model keeps of a quote that both parties signed.
    struct Model {
        IFxSwap.Quote quote;
        Fate fate;
        uint256 makerKey;
        uint256 takerKey;
    }

    uint256 private constant MOST = 32;

    bytes32[] private _ids;
    mapping(bytes32 id => Model) private _models;
    mapping(address coin => mapping(address account => uint256)) private _balances;
    address[] private _everybody;
    address private immutable _suite = msg.sender;
    uint256 private _time = 1_000_000;
    bool private _refusing;
    bool private _paused;
    bool private _frozen;

    /// @notice The first disagreement between the model and the contract; empty as long as there is none.
    string public violation;

    constructor() {
        _deploy();
        for (uint256 i = 0; i < 3; ++i) {
            address party = vm.addr(_keys[i]);
            _everybody.push(party);
            for (uint256 j = 0; j < 3; ++j) {
                _balances[_coins[j]][party] = FUNDS;
            }
        }
        _everybody.push(STRANGER);
        _everybody.push(address(this));
        _everybody.push(address(_swap));
    }

    // ------------------------------------------------------------------------------------------------- the steps

    /// @notice Two parties agree to a quote off the chain; mostly a right one.
    function agree(uint256 seed, uint256 sellAmount, uint256 buyAmount, uint256 term) external {
        if (_ids.length == MOST) return;
        Model memory model;
        model.makerKey = _keys[seed % 3];
        model.takerKey = _keys[(seed % 3) + 1 == 3 ? 0 : (seed % 3) + 1];
        uint256 coins = (seed >> 16) % 3;
        model.quote = IFxSwap.Quote({
            maker: seed % 29 == 0 ? address(0) : vm.addr(model.makerKey),
            taker: seed % 31 == 0 ? vm.addr(model.makerKey) : vm.addr(model.takerKey),
            sellCoin: _coins[coins],
            sellAmount: sellAmount % 2e11,
            buyCoin: seed % 23 == 0 ? _coins[coins] : _coins[(coins + 1 + ((seed >> 24) % 2)) % 3],
            buyAmount: buyAmount % 2e11,
            validBefore: _time + (seed % 5 == 0 ? term % 31 days : term % 3 days),
            salt: bytes32(_ids.length % 3)
        });
        bytes32 id = _swap.idOf(model.quote);
        if (_models[id].makerKey != 0) return;
        _ids.push(id);
        _models[id] = model;
    }

    /// @notice Somebody submits a quote, in whatever state it is. `fault` 1 and 2 forge one side's leg, 3 changes the amount sold, 4 the
    /// taker; anything else is honest.
    function swap(uint256 seed, uint256 fault, address caller) external {
        (bytes32 id, Model storage model) = _enter(seed);
        fault = fault % 10;
        IFxSwap.Quote memory quote = model.quote;
        bytes memory maker = model.makerKey == 0 ? bytes("") : _signLeg(model.makerKey, quote, 1);
        bytes memory taker = model.makerKey == 0 ? bytes("") : _signLeg(model.takerKey, quote, 2);
        if (model.makerKey != 0 && fault == 1) maker = _signLeg(model.takerKey, quote, 1);
        if (model.makerKey != 0 && fault == 2) taker = _signLeg(model.makerKey, quote, 2);
        if (fault == 3) quote.sellAmount += 1;
        if (fault == 4) quote.taker = STRANGER;
        bool bent = fault == 3 || fault == 4 || _forged(model, fault);
        bool expected = _maySwap(model) && !bent;
        // the hostile coin looks at no signature: what is bent there may happen, so it is not tried
        if (bent && (quote.sellCoin == address(_hostile) || quote.buyCoin == address(_hostile))) return;
        vm.prank(caller);
        try _swap.swap(quote, maker, taker) returns (bytes32 given) {
            if (!expected || given != id) violation = "SWAP-1: swapped twice, cancelled, or against the rules";
            if (_time >= quote.validBefore) violation = "SWAP-4: swapped out of time";
            _swapped(model);
        } catch {
            if (expected) violation = "a swap was refused that was allowed";
        }
    }

    /// @notice The maker, or with `asTaker` the taker, withdraws a quote.
    function cancel(uint256 seed, bool asTaker) external {
        (, Model storage model) = _enter(seed);
        address caller = asTaker ? model.quote.taker : model.quote.maker;
        bool expected =
            model.makerKey != 0 && model.fate == Fate.Open && caller == model.quote.maker && caller != address(0);
        if (caller == address(0)) caller = STRANGER;
        vm.prank(caller);
        try _swap.cancel(model.quote) {
            _cancelled(expected, model);
        } catch {
            if (expected) violation = "SWAP-4: a maker could not withdraw its quote";
        }
    }

    function cancelBySig(uint256 seed, uint256 fault) external {
        (bytes32 id, Model storage model) = _enter(seed);
        if (model.makerKey == 0) return;
        fault = fault % 5;
        uint256 deadline = fault == 1 ? _time - 1 : _time;
        uint256 key = fault == 2 ? model.takerKey : model.makerKey;
        bytes memory signature = _signCancel(key, fault == 3 ? keccak256(abi.encode(id)) : id, deadline);
        bool expected = model.fate == Fate.Open && model.quote.maker != address(0) && (fault == 0 || fault == 4);
        vm.prank(STRANGER);
        try _swap.cancelBySig(model.quote, deadline, signature) {
            _cancelled(expected, model);
        } catch {
            if (expected) violation = "SWAP-4: a maker could not withdraw its quote";
        }
    }

    /// @notice There is never a credit to withdraw.
    function withdrawCredit(uint256 seed) external {
        vm.warp(_time);
        address payer = _everybody[seed % _everybody.length];
        address party = _everybody[(seed >> 8) % _everybody.length];
        try _swap.withdrawCredit(_coins[(seed >> 16) % 3], payer, party) {
            violation = "SWAP-3: there was a credit";
        } catch {}
    }

    function setRefusing(bool on) external {
        _hostile.setRefusing(on);
        _refusing = on;
    }

    /// @notice Pauses the dollar's signed payments, or nothing.
    function setPausing(bool on) external {
        if (on) _dollar.pause(2);
        else _dollar.unpause(2);
        _paused = on;
    }

    /// @notice Freezes the first party in the quetzal, or releases it.
    function setFrozen(bool on) external {
        vm.warp(_time);
        if (on == _frozen) return;
        address party = vm.addr(_keys[0]);
        if (on) _quetzal.freeze(party, type(uint256).max, "case", _time + 1000 days);
        else _quetzal.unfreeze(party, "case");
        _frozen = on;
    }

    function pass(uint256 seconds_) external {
        _time += seconds_ % 1 days;
    }

    // ------------------------------------------------------------------------------------------------- the checks

    function check() external view {
        require(bytes(violation).length == 0, violation);
        for (uint256 i = 0; i < 3; ++i) {
            address coin = _coins[i];
            require(_swap.held(coin) == 0, "SWAP-3: nothing is held between two transactions");
            require(_balanceOf(coin, address(_swap)) == 0, "SWAP-3: the swap's own balance is nothing");
            uint256 sum;
            for (uint256 j = 0; j < _everybody.length; ++j) {
                address account = _everybody[j];
                uint256 balance = _balanceOf(coin, account);
                require(
                    balance == _balances[coin][account],
                    "SWAP-2: a swap moves its two amounts between its two parties; SWAP-5: nothing else moves"
                );
                sum += balance;
                for (uint256 k = 0; k < 3; ++k) {
                    require(_swap.creditOf(coin, _everybody[k], account) == 0, "SWAP-3: no credit exists");
                }
            }
            require(sum == 3 * FUNDS, "SWAP-2: every coin is a party's");
        }
        for (uint256 i = 0; i < _ids.length; ++i) {
            require(
                _swap.quoteUsed(_ids[i]) == (_models[_ids[i]].fate != Fate.Open),
                "SWAP-1: a quote is used once it was carried out or cancelled, and not before"
            );
        }
    }

    /// @notice After the last quote's time none can be carried out. For the suite alone, at the end of a run.
    function finish() external {
        if (msg.sender != _suite) return;
        vm.warp(_time + 40 days);
        for (uint256 i = 0; i < _ids.length; ++i) {
            Model storage model = _models[_ids[i]];
            bytes memory maker = _signLeg(model.makerKey, model.quote, 1);
            bytes memory taker = _signLeg(model.takerKey, model.quote, 2);
            try _swap.swap(model.quote, maker, taker) {
                revert("SWAP-4: a quote outlived its time");
            } catch {}
        }
    }

    // ------------------------------------------------------------------------------------------------- the model

    function _enter(uint256 seed) private returns (bytes32 id, Model storage model) {
        vm.warp(_time);
        id = _ids.length == 0 ? bytes32(seed) : _ids[seed % _ids.length];
        model = _models[id];
    }

    function _forged(Model storage model, uint256 fault) private view returns (bool) {
        return
            (fault == 1 && model.quote.sellCoin != address(_hostile)) ||
            (fault == 2 && model.quote.buyCoin != address(_hostile));
    }

    function _maySwap(Model storage model) private view returns (bool) {
        IFxSwap.Quote storage quote = model.quote;
        if (model.makerKey == 0 || model.fate != Fate.Open) return false;
        if (quote.maker == address(0) || quote.maker == quote.taker || quote.sellCoin == quote.buyCoin) return false;
        if (_time >= quote.validBefore || quote.validBefore > _time + 30 days) return false;
        return
            _mayPay(quote.sellCoin, quote.maker, quote.sellAmount) &&
            _mayPay(quote.buyCoin, quote.taker, quote.buyAmount);
    }

    function _mayPay(address coin, address payer, uint256 amount) private view returns (bool) {
        if (amount == 0 || amount > _balances[coin][payer]) return false;
        if (coin == address(_hostile) && _refusing) return false;
        if (coin == address(_dollar) && _paused) return false;
        return coin != address(_quetzal) || !_frozen || payer != vm.addr(_keys[0]);
    }

    function _swapped(Model storage model) private {
        if (model.fate != Fate.Open) violation = "SWAP-1: a quote was carried out twice or after its end";
        model.fate = Fate.Swapped;
        IFxSwap.Quote storage quote = model.quote;
        _balances[quote.sellCoin][quote.maker] -= quote.sellAmount;
        _balances[quote.sellCoin][quote.taker] += quote.sellAmount;
        _balances[quote.buyCoin][quote.taker] -= quote.buyAmount;
        _balances[quote.buyCoin][quote.maker] += quote.buyAmount;
    }

    function _cancelled(bool expected, Model storage model) private {
        if (!expected) violation = "SWAP-1: cancelled by another than its maker, or after its end";
        model.fate = Fate.Cancelled;
    }
}

/// @notice SWAP-1 to SWAP-5 of docs/INVARIANTS.md.
contract SwapInvariants {
    SwapHandler private _handler;

    function setUp() external {
        _handler = new SwapHandler();
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(_handler);
    }

    /// @notice All of them in one campaign.
    function invariant_SWAP_1_2_3_4_5() external view {
        _handler.check();
    }

    /// @notice At the end of each run.
    function afterInvariant() external {
        _handler.finish();
    }
}

/// @notice Single properties of the swap over arbitrary arguments.
contract SwapProperties is SwapWorld {
    uint256 private constant NOW = 1_000_000;

    function setUp() external {
        _deploy();
    }

    function testFuzz_SWAP_2_moves_exactly_its_amounts(uint256 sell, uint256 buy, address caller) external {
        IFxSwap.Quote memory quote = _quote((sell % FUNDS) + 1, (buy % FUNDS) + 1);
        require(_swaps(quote, caller, gasleft()), "a right quote is carried out");
        require(_dollar.balanceOf(quote.maker) == FUNDS - quote.sellAmount, "SWAP-2: the maker gave what it sold");
        require(_dollar.balanceOf(quote.taker) == FUNDS + quote.sellAmount, "SWAP-2: the taker has what was sold");
        require(_quetzal.balanceOf(quote.maker) == FUNDS + quote.buyAmount, "SWAP-2: the maker has what it bought");
        require(_quetzal.balanceOf(quote.taker) == FUNDS - quote.buyAmount, "SWAP-2: the taker gave what was bought");
        require(_dollar.balanceOf(caller) == 0 || _isParty(caller), "SWAP-2: whoever submits has nothing of it");
    }

    function testFuzz_SWAP_4_a_quote_ends_at_its_time(uint256 time) external {
        IFxSwap.Quote memory quote = _quote(1e6, 2e6);
        vm.warp(NOW + (time % 2 days));
        bool expected = NOW + (time % 2 days) < NOW + 1 days;
        require(_swaps(quote, STRANGER, gasleft()) == expected, "SWAP-4: the time is half-open");
    }

    function testFuzz_SWAP_4_a_withdrawn_quote_is_dead(bool signed, uint256 deadline) external {
        IFxSwap.Quote memory quote = _quote(1e6, 2e6);
        deadline = NOW + (deadline % 1000 days);
        if (signed) {
            _swap.cancelBySig(quote, deadline, _signCancel(_keys[0], _swap.idOf(quote), deadline));
        } else {
            vm.prank(quote.maker);
            _swap.cancel(quote);
        }
        require(!_swaps(quote, STRANGER, gasleft()), "SWAP-4: a withdrawn quote moves nothing");
    }

    function testFuzz_SWAP_5_starved_gas_changes_nothing(uint256 allowance) external {
        IFxSwap.Quote memory quote = _quote(1e6, 2e6);
        bool done = _swaps(quote, STRANGER, 20_000 + (allowance % 480_000));
        require(_swap.quoteUsed(_swap.idOf(quote)) == done, "SWAP-5: all or nothing");
        require(_dollar.balanceOf(quote.taker) == FUNDS + (done ? 1e6 : 0), "SWAP-5: all or nothing");
        require(_quetzal.balanceOf(quote.maker) == FUNDS + (done ? 2e6 : 0), "SWAP-5: all or nothing");
        require(_swap.held(address(_dollar)) + _swap.held(address(_quetzal)) == 0, "SWAP-3: nothing is held");
    }

    function testFuzz_SWAP_5_a_refused_leg_undoes_the_other(bool hostileSells, uint256 amount) external {
        amount = (amount % FUNDS) + 1;
        IFxSwap.Quote memory quote = _quote(amount, amount);
        if (hostileSells) quote.sellCoin = address(_hostile);
        else quote.buyCoin = address(_hostile);
        _hostile.setRefusing(true);
        require(!_swaps(quote, STRANGER, gasleft()), "SWAP-5: a refusal undoes the swap");
        for (uint256 i = 0; i < 3; ++i) {
            require(_balanceOf(_coins[i], quote.maker) == FUNDS, "SWAP-5: the maker has everything");
            require(_balanceOf(_coins[i], quote.taker) == FUNDS, "SWAP-5: the taker has everything");
        }
        _hostile.setRefusing(false);
        require(_swaps(quote, STRANGER, gasleft()), "SWAP-5: the quote is as good as before");
    }

    function _quote(uint256 sellAmount, uint256 buyAmount) private view returns (IFxSwap.Quote memory) {
        return
            IFxSwap.Quote({
                maker: vm.addr(_keys[0]),
                taker: vm.addr(_keys[1]),
                sellCoin: address(_dollar),
                sellAmount: sellAmount,
                buyCoin: address(_quetzal),
                buyAmount: buyAmount,
                validBefore: NOW + 1 days,
                salt: 0
            });
    }

    function _swaps(IFxSwap.Quote memory quote, address caller, uint256 allowance) private returns (bool done) {
        bytes memory step = abi.encodeCall(
            _swap.swap,
            (quote, _signLeg(_keys[0], quote, 1), _signLeg(_keys[1], quote, 2))
        );
        vm.prank(caller);
        (done, ) = address(_swap).call{gas: allowance}(step);
    }

    function _isParty(address account) private view returns (bool) {
        return account == vm.addr(_keys[0]) || account == vm.addr(_keys[1]) || account == vm.addr(_keys[2]);
    }
}
