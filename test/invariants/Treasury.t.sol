// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AccessManager} from "@openzeppelin/contracts/access/manager/AccessManager.sol";
import {Stablecoin} from "../../contracts/Stablecoin.sol";
import {Treasury} from "../../contracts/Treasury.sol";
import {IRedemptionEscrow} from "../../contracts/interfaces/IRedemptionEscrow.sol";
import {ITreasury} from "../../contracts/interfaces/ITreasury.sol";
import {DealerWord} from "../../contracts/libraries/DealerWord.sol";
import {ReservesWord} from "../../contracts/libraries/ReservesWord.sol";
import {vm} from "./Cheats.sol";

/// @notice Stands for a redemption escrow: a few redemptions of known amounts, most of them burned.
contract Redemptions {
    address private immutable _coin;
    address private immutable _holder;

    constructor(address coin, address holder) {
        (_coin, _holder) = (coin, holder);
    }

    /// @notice Of six, the first four are burned, the fifth is sent, the sixth is another coin's.
    function redemptionOf(
        bytes32 id
    ) external view returns (IRedemptionEscrow.State, address, address, uint256, uint256, uint256, uint256) {
        uint256 index = uint256(id);
        IRedemptionEscrow.State state = index == 4 ? IRedemptionEscrow.State.Sent : IRedemptionEscrow.State.Burned;
        return (state, index == 5 ? address(this) : _coin, _holder, (index + 1) * 1e9, 0, 0, 0);
    }
}

/// @notice Calls the Treasury at random and keeps a model of it that says of every mint, beforehand, whether it may happen.
contract TreasuryHandler {
    /// @dev What the model keeps of a dealer: its bucket, and every mint since it was opened, with the largest bucket it had
    /// meanwhile.
    struct Dealer {
        uint256 tier;
        uint256 level;
        uint256 updatedAt;
        uint256 largest;
        uint256[] amounts;
        uint256[] times;
    }

    struct Approved {
        uint256 approver;
        uint256 time;
    }

    uint256 private constant DEPOSITS = 12;
    uint256 private constant RETURNS = 6;
    uint256 private constant APPROVERS = 5;
    bytes32 private constant MINT_ORDER = keccak256(
        "MintOrder(address coin,bytes32 depositId,address to,uint256 amount,uint256 deadline)"
    );

    Stablecoin public immutable coin;
    Treasury public immutable treasury;
    AccessManager private immutable _manager;
    uint256[2] private _keys = [uint256(0xa11ce), uint256(0xb0b)];
    uint256 private _time = 1_000_000;

    // the model
    mapping(bytes32 depositId => uint256) public mintsOf;
    mapping(bytes32 depositId => uint256) public mintedOf;
    mapping(bytes32 redemptionId => uint256) public returnsOf;
    mapping(bytes32 redemptionId => uint256) public returnedOf;
    mapping(bytes32 mintKey => Approved[]) private _approvals;
    bool[APPROVERS] private _mayApprove;
    uint256 public minted;
    uint256 public burned;
    Dealer[2] private _dealers;
    bool public minting;
    uint256 public attested;
    uint256 public asOf;
    uint256 public sunset;
    uint256 private _staleAt;
    uint256 private _lifetime = 1 days;

    /// @notice The first disagreement between the model and the contract; empty as long as there is none.
    string public violation;

    constructor() {
        vm.warp(_time);
        _manager = new AccessManager(address(this));
        treasury = new Treasury(address(_manager), _lifetime);
        coin = new Stablecoin(address(_manager), "Remesa Dollar", "XUS", "1");
        coin.setTreasury(address(treasury));
        Redemptions redemptions = new Redemptions(address(coin), address(this));
        coin.flagEscrow(address(redemptions));
        treasury.setRedemptions(address(coin), address(redemptions));
        bytes4[] memory selectors = new bytes4[](1);
        selectors[0] = treasury.approveMint.selector;
        _manager.setTargetFunctionRole(address(treasury), selectors, 1);
        for (uint256 i = 0; i < APPROVERS; ++i) {
            setApprover(i, true);
        }
        setDealer(0, 2);
        setDealer(1, 3);
        setMinting(true);
        attest(1e15 - 1, 10);
    }

    /// @notice A deposit id of the pool.
    function depositAt(uint256 index) public pure returns (bytes32) {
        return keccak256(abi.encode("deposit", index % DEPOSITS));
    }

    function deposits() external pure returns (uint256) {
        return DEPOSITS;
    }

    function returns_() external pure returns (uint256) {
        return RETURNS;
    }

    /// @notice What the bucket of a dealer should have.
    function bucketOf(uint256 dealer) external view returns (uint256 tier, uint256 level) {
        return (_dealers[dealer].tier, _level(dealer));
    }

    function dealerAt(uint256 dealer) public view returns (address) {
        return vm.addr(_keys[dealer]);
    }

    /// @notice The last approver is the second dealer, who may approve but not what it mints itself.
    function approverAt(uint256 index) public view returns (address) {
        return index == APPROVERS - 1 ? dealerAt(1) : vm.addr(0xa0 + index);
    }

    function time() external view returns (uint256) {
        return _time;
    }

    // ------------------------------------------------------------------------------------------------- the calls

    /// @notice `help` says how many approve before, and whether an hour goes by.
    function mint(uint256 dealerSeed, uint256 depositSeed, uint256 amountSeed, uint256 help) external {
        vm.warp(_time);
        uint256 dealer = dealerSeed % 2;
        bytes32 depositId = depositAt(depositSeed);
        uint256 amount = _chooseAmount(dealer, amountSeed);
        bytes32 mintKey = treasury.mintKeyOf(dealerAt(dealer), address(coin), depositId, address(this), amount);
        _help(mintKey, help);
        bool expected = _mayMint(dealer, depositId, amount) && _isApproved(dealer, mintKey);
        vm.prank(dealerAt(dealer));
        try treasury.mint(address(coin), depositId, address(this), amount) {
            _afterMint(expected, dealer, depositId, amount);
        } catch {
            if (expected) violation = "a mint was refused that was allowed";
        }
    }

    /// @notice By signed order; a forged one carries the other dealer's signature, a late one a deadline of a second ago.
    function mintBySig(uint256 dealerSeed, uint256 depositSeed, uint256 amountSeed, uint256 flaw) external {
        vm.warp(_time);
        uint256 dealer = dealerSeed % 2;
        bool forged = flaw % 5 == 0;
        bool late = flaw % 5 == 1;
        ITreasury.MintOrder memory order = ITreasury.MintOrder(
            address(coin),
            depositAt(depositSeed),
            address(this),
            _chooseAmount(dealer, amountSeed),
            0
        );
        bytes32 mintKey = treasury.mintKeyOf(
            dealerAt(dealer),
            address(coin),
            order.depositId,
            address(this),
            order.amount
        );
        _help(mintKey, flaw >> 8);
        order.deadline = late ? _time - 1 : _time;
        bytes memory signature = _sign(forged ? 1 - dealer : dealer, order);
        bool expected =
            !forged && !late && _mayMint(dealer, order.depositId, order.amount) && _isApproved(dealer, mintKey);
        try treasury.mintBySig(order, dealerAt(dealer), signature) {
            _afterMint(expected, dealer, order.depositId, order.amount);
        } catch {
            if (expected) violation = "a signed mint was refused that was allowed";
        }
    }

    /// @notice One to four rows; the model says of each whether it is minted or left out.
    function mintBatch(uint256 dealerSeed, uint256 seed, uint256 help) external {
        vm.warp(_time);
        uint256 dealer = dealerSeed % 2;
        bytes memory rows;
        uint256 count = 1 + (seed % 4);
        uint256[] memory amounts = new uint256[](count);
        for (uint256 i = 0; i < count; ++i) {
            amounts[i] = _chooseAmount(dealer, uint256(keccak256(abi.encode(seed, i))));
            bytes32 depositId = depositAt(seed >> (8 * (i + 1)));
            rows = bytes.concat(rows, abi.encodePacked(depositId, address(this), uint64(amounts[i])));
        }
        bytes32 mintKey = treasury.batchKeyOf(dealerAt(dealer), address(coin), keccak256(rows));
        _help(mintKey, help);
        bool expected = _dealers[dealer].tier > 0 && _mayMintDeposits() && _isApproved(dealer, mintKey);
        vm.prank(dealerAt(dealer));
        try treasury.mintBatch(address(coin), rows) {
            if (!expected) violation = "a batch was minted against the rules";
            for (uint256 i = 0; i < count; ++i) {
                bytes32 depositId = depositAt(seed >> (8 * (i + 1)));
                if (_mayMint(dealer, depositId, amounts[i])) _afterMint(true, dealer, depositId, amounts[i]);
            }
        } catch {
            if (expected) violation = "a batch was refused that was allowed";
        }
    }

    function mintReturn(uint256 dealerSeed, uint256 seed, uint256 amount) external {
        vm.warp(_time);
        uint256 dealer = dealerSeed % 2;
        bytes32 id = bytes32(seed % RETURNS);
        uint256 limit = ((seed % RETURNS) + 1) * 1e9;
        amount = amount % (limit + 2);
        bool expected =
            _dealers[dealer].tier > 0 &&
                amount > 0 &&
                amount <= limit &&
                returnsOf[id] == 0 &&
                seed % RETURNS < 4 &&
                _isSupported(amount);
        vm.prank(dealerAt(dealer));
        try treasury.mintReturn(address(coin), id, amount) {
            if (!expected) violation = "TREASURY-9: a payout was minted back against the rules";
            returnsOf[id] += 1;
            returnedOf[id] += amount;
            minted += amount;
        } catch {
            if (expected) violation = "a return was refused that was allowed";
        }
    }

    function burn(uint256 amount) external {
        vm.warp(_time);
        uint256 balance = coin.balanceOf(address(this));
        amount = amount % (balance + 1);
        coin.burn(amount);
        burned += amount;
    }

    function attest(uint256 amount, uint256 age) public {
        vm.warp(_time);
        amount = amount % 1e15;
        uint256 moment = _time + 10 - (age % 1 days);
        bool expected = moment <= _time && moment > asOf;
        try treasury.attest(address(coin), amount, moment, bytes32(age)) {
            if (!expected) violation = "TREASURY-5: an attestation of the future or the past was taken";
            (attested, asOf, _staleAt) = (amount, moment, moment + _lifetime);
        } catch {
            if (expected) violation = "an attestation was refused that was allowed";
        }
    }

    function setMinting(bool on) public {
        vm.warp(_time);
        treasury.setMinting(address(coin), on);
        minting = on;
    }

    function setDealer(uint256 dealerSeed, uint256 tier) public {
        vm.warp(_time);
        Dealer storage dealer = _dealers[dealerSeed % 2];
        tier = tier % 5;
        treasury.setDealer(dealerAt(dealerSeed % 2), tier);
        uint256 level = _level(dealerSeed % 2);
        uint256 limit = _limitOf(tier);
        if (dealer.tier == 0) {
            delete dealer.amounts;
            delete dealer.times;
            dealer.largest = 0;
            level = limit;
        }
        (dealer.tier, dealer.level, dealer.updatedAt) = (tier, level < limit ? level : limit, _time);
        if (limit > dealer.largest) dealer.largest = limit;
    }

    function setApprover(uint256 seed, bool on) public {
        uint256 approver = seed % APPROVERS;
        if (on) _manager.grantRole(1, approverAt(approver), 0);
        else _manager.revokeRole(1, approverAt(approver));
        _mayApprove[approver] = on;
    }

    function setAttestationLifetime(uint256 lifetime) external {
        vm.warp(_time);
        lifetime = 1 hours + (lifetime % 2 days);
        treasury.setAttestationLifetime(lifetime);
        _lifetime = lifetime;
    }

    /// @notice Seldom, since nothing is minted for deposits after it.
    function announceSunset(uint256 seed) external {
        vm.warp(_time);
        if (seed % 8 != 0) return;
        uint256 moment = _time + 29 days + ((seed >> 8) % 3 days);
        bool expected = sunset == 0 && moment >= _time + 30 days;
        try treasury.announceSunset(address(coin), moment) {
            if (!expected) violation = "TREASURY-10: an end was announced twice or too soon";
            sunset = moment;
        } catch {
            if (expected) violation = "an end was refused that was allowed";
        }
    }

    function pass(uint256 seconds_) external {
        _time += seconds_ % 16 == 0 ? 12 days : seconds_ % 8 hours;
    }

    // ------------------------------------------------------------------------------------------------- the model

    /// @dev Around what the bucket has, small, or anything.
    function _chooseAmount(uint256 dealer, uint256 seed) private view returns (uint256) {
        if (seed % 4 == 0) return _level(dealer) + 1 - ((seed >> 8) % 3 == 0 ? 0 : 1);
        if (seed % 4 == 1) return (seed >> 8) % 1e10;
        return (seed >> 8) % (attested / 4 + 2);
    }

    /// @dev The naive bucket: what it had, and what has come in since by the second, up to the brim.
    function _level(uint256 index) private view returns (uint256 level) {
        Dealer storage dealer = _dealers[index];
        uint256 limit = _limitOf(dealer.tier);
        level = dealer.level + ((_time - dealer.updatedAt) * limit) / 1 days;
        if (level > limit) level = limit;
    }

    function _limitOf(uint256 tier) private pure returns (uint256) {
        uint256[5] memory limits = [uint256(0), 5e11, 5e12, 5e13, 5e14];
        return limits[tier];
    }

    function _help(bytes32 mintKey, uint256 help) private {
        for (uint256 i = 0; i < help % 6; ++i) {
            uint256 approver = ((help >> 8) + i) % APPROVERS;
            bool expected = _mayApprove[approver];
            for (uint256 j = 0; j < _approvals[mintKey].length; ++j) {
                if (_approvals[mintKey][j].approver == approver) expected = false;
            }
            vm.prank(approverAt(approver));
            try treasury.approveMint(mintKey) {
                if (!expected) violation = "TREASURY-8: approved twice or without the role";
                _approvals[mintKey].push(Approved(approver, _time));
            } catch {
                if (expected) violation = "an approval was refused that was allowed";
            }
        }
        if ((help >> 16) % 3 == 0) _time += 1 hours - 1 + ((help >> 24) % 2);
        vm.warp(_time);
    }

    function _isApproved(uint256 dealer, bytes32 mintKey) private view returns (bool) {
        uint256 tier = _dealers[dealer].tier;
        if (tier < 3) return true;
        uint256 have;
        uint256 lastNeeded;
        for (uint256 i = 0; i < _approvals[mintKey].length; ++i) {
            Approved memory approved = _approvals[mintKey][i];
            if (approverAt(approved.approver) == dealerAt(dealer)) return false;
            if (!_mayApprove[approved.approver]) continue;
            ++have;
            if (have == tier - 1) lastNeeded = approved.time;
        }
        return have >= tier - 1 && (tier == 3 || _time >= lastNeeded + 1 hours);
    }

    function _isSupported(uint256 amount) private view returns (bool) {
        return minting && _time < _staleAt && minted - burned + amount <= attested;
    }

    function _mayMintDeposits() private view returns (bool) {
        return minting && _time < _staleAt && (sunset == 0 || _time < sunset);
    }

    function _mayMint(uint256 dealer, bytes32 depositId, uint256 amount) private view returns (bool) {
        return
            _dealers[dealer].tier > 0 &&
            amount > 0 &&
            mintsOf[depositId] == 0 &&
            _isSupported(amount) &&
            _mayMintDeposits() &&
            amount <= _level(dealer);
    }

    function _afterMint(bool expected, uint256 dealer, bytes32 depositId, uint256 amount) private {
        if (!expected) violation = _whyNot(dealer, depositId, amount);
        Dealer storage state = _dealers[dealer];
        (state.level, state.updatedAt) = (_level(dealer) - amount, _time);
        state.amounts.push(amount);
        state.times.push(_time);
        _checkWindows(state);
        mintsOf[depositId] += 1;
        mintedOf[depositId] += amount;
        minted += amount;
    }

    /// @dev From every earlier mint until now: at most a full bucket and what came in meanwhile; so in a day at most twice.
    function _checkWindows(Dealer storage state) private {
        uint256 sum;
        for (uint256 i = state.amounts.length; i > 0; --i) {
            sum += state.amounts[i - 1];
            uint256 span = _time - state.times[i - 1];
            if (sum > state.largest + (span * state.largest) / 1 days) {
                violation = "TREASURY-7: more was minted than a full bucket and its refill";
            }
            if (span < 1 days && sum > 2 * state.largest) {
                violation = "TREASURY-7: more was minted than twice the tier within a day";
            }
        }
    }

    function _whyNot(uint256 dealer, bytes32 depositId, uint256 amount) private view returns (string memory) {
        if (mintsOf[depositId] > 0) return "TREASURY-1: a deposit was minted twice";
        if (minted - burned + amount > attested) return "TREASURY-2: minted above the attested reserves";
        if (_time >= _staleAt) return "TREASURY-3: minted on a stale attestation";
        if (!minting) return "TREASURY-4: minted while switched off";
        if (_dealers[dealer].tier == 0) return "TREASURY-6: minted without the word of a dealer in a tier";
        if (amount > _level(dealer)) return "TREASURY-7: minted above the dealer's bucket";
        if (sunset != 0 && _time >= sunset) return "TREASURY-10: minted after the announced end";
        return "TREASURY-8: minted without the approvals of the tier";
    }

    function _sign(uint256 dealer, ITreasury.MintOrder memory order) private view returns (bytes memory) {
        bytes32 structHash = keccak256(abi.encode(MINT_ORDER, order));
        bytes32 digest = keccak256(abi.encodePacked(hex"1901", treasury.DOMAIN_SEPARATOR(), structHash));
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(_keys[dealer], digest);
        return abi.encodePacked(r, s, v);
    }
}

/// @notice TREASURY-1 to TREASURY-10 of docs/INVARIANTS.md.
contract TreasuryInvariants {
    TreasuryHandler private _handler;

    function setUp() external {
        _handler = new TreasuryHandler();
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(_handler);
    }

    /// @notice All of them in one campaign.
    function invariant_TREASURY_1_2_3_4_5_6_7_8_9_10() external {
        vm.warp(_handler.time());
        string memory violation = _handler.violation();
        require(bytes(violation).length == 0, violation);
        Treasury treasury = _handler.treasury();
        address coin = address(_handler.coin());

        uint256 sum = _checkDeposits(treasury) + _checkReturns(treasury);
        uint256 supply = _handler.coin().totalSupply();
        require(
            supply == sum - _handler.burned(),
            "TREASURY-1: the supply is what deposits and returns brought less what was burned"
        );
        require(_handler.coin().balanceOf(address(treasury)) == 0, "TREASURY-1: the Treasury holds nothing");

        (uint256 attested, uint256 asOf, ) = treasury.attestation(coin);
        require(attested == _handler.attested(), "TREASURY-2: the attested amount is the attestor's");
        require(treasury.mintingEnabled(coin) == _handler.minting(), "TREASURY-4: the switch is as it was set");
        require(asOf == _handler.asOf(), "TREASURY-5: the moment attested only goes forward");
        require(treasury.sunsetOf(coin) == _handler.sunset(), "TREASURY-10: the announced end stays");
        _checkBuckets(treasury);
    }

    function _checkDeposits(Treasury treasury) private view returns (uint256 sum) {
        for (uint256 i = 0; i < _handler.deposits(); ++i) {
            bytes32 depositId = _handler.depositAt(i);
            uint256 mints = _handler.mintsOf(depositId);
            require(mints <= 1, "TREASURY-1: a deposit is minted at most once");
            require(
                treasury.depositUsed(depositId) == (mints == 1),
                "TREASURY-1: a minted deposit is used, no other is"
            );
            sum += _handler.mintedOf(depositId);
        }
    }

    function _checkReturns(Treasury treasury) private view returns (uint256 sum) {
        for (uint256 i = 0; i < _handler.returns_(); ++i) {
            bytes32 id = bytes32(i);
            require(_handler.returnsOf(id) <= 1, "TREASURY-9: a payout is minted back at most once");
            require(_handler.returnedOf(id) <= (i + 1) * 1e9, "TREASURY-9: a payout is minted back at most in full");
            require(
                treasury.returnUsed(id) == (_handler.returnsOf(id) == 1),
                "TREASURY-9: a payout minted back is used, no other is"
            );
            sum += _handler.returnedOf(id);
        }
    }

    function _checkBuckets(Treasury treasury) private view {
        for (uint256 i = 0; i < 2; ++i) {
            (uint256 tier, uint256 available) = treasury.dealerOf(_handler.dealerAt(i));
            (uint256 expectedTier, uint256 expected) = _handler.bucketOf(i);
            require(tier == expectedTier, "TREASURY-6: the tier is as it was set");
            require(available == expected, "TREASURY-7: the bucket has what the model says");
            require(available <= DealerWord.capacity(tier), "TREASURY-7: the bucket is never above its tier");
        }
    }
}

/// @notice Single properties of the Treasury over arbitrary arguments.
contract TreasuryProperties {
    using DealerWord for uint256;
    using ReservesWord for uint256;

    AccessManager private _manager;
    Stablecoin private _coin;
    Treasury private _treasury;

    function setUp() external {
        vm.warp(1_000_000);
        _manager = new AccessManager(address(this));
        _treasury = new Treasury(address(_manager), 1 days);
        _coin = new Stablecoin(address(_manager), "Remesa Dollar", "XUS", "1");
        _coin.setTreasury(address(_treasury));
        _treasury.setMinting(address(_coin), true);
        _treasury.setDealer(address(this), 2);
        _treasury.attest(address(_coin), type(uint64).max, 999_999, 0);
    }

    function testFuzz_TREASURY_1_deposit_once_across_amounts(bytes32 depositId, uint64 first, uint256 second) external {
        first = uint64((first % 5e12) + 1);
        _treasury.mint(address(_coin), depositId, address(0xbeef), first);
        vm.warp(1_000_000 + 12 hours);
        try _treasury.mint(address(_coin), depositId, address(0xbeef), second) {
            revert("TREASURY-1: a deposit was minted twice");
        } catch {}
        require(_coin.totalSupply() == first, "TREASURY-1: the supply is that of the first mint");
    }

    function testFuzz_TREASURY_2_never_above_reserves(uint64 attested, uint256 amount, bool around) external {
        attested = attested % 6e12;
        amount = around ? uint256(attested) + 1 - (amount % 3 == 0 ? 0 : 1) : amount % 7e12;
        _treasury.attest(address(_coin), attested, 1_000_000, 0);
        bool fits = amount > 0 && amount <= attested && amount <= 5e12;
        try _treasury.mint(address(_coin), bytes32(amount), address(0xbeef), amount) {
            require(fits, "TREASURY-2: minted above the attested reserves");
        } catch {
            require(!fits, "a mint within the reserves was refused");
        }
        require(_coin.totalSupply() <= attested, "TREASURY-2: the supply is above the attested reserves");
    }

    function testFuzz_TREASURY_3_lifetime_is_half_open(uint256 age) external {
        age = age % 2 days;
        vm.warp(999_999 + age);
        try _treasury.mint(address(_coin), bytes32(age), address(0xbeef), 1) {
            require(age < 1 days, "TREASURY-3: minted on a stale attestation");
        } catch {
            require(age >= 1 days, "a mint on a fresh attestation was refused");
        }
    }

    /// @notice However a day is cut into mints, a full bucket and its refill are the most that comes out.
    function testFuzz_TREASURY_7_cutting_a_day_gains_nothing(uint256 tier, uint64[12] calldata waits) external pure {
        tier = 1 + (tier % 4);
        uint256 limit = DealerWord.capacity(tier);
        uint256 start = 1_000_000;
        uint256 word = uint256(0).withTier(tier, start);
        uint256 now_ = start;
        uint256 sum;
        for (uint256 i = 0; i < waits.length; ++i) {
            now_ += waits[i] % 2 hours;
            uint256 available = word.available(now_);
            require(available <= limit, "TREASURY-7: the bucket is never above its tier");
            sum += available;
            word = word.withLevel(0, now_);
        }
        require(sum <= limit + ((now_ - start) * limit) / 1 days, "TREASURY-7: cutting a day into mints gained");
    }

    /// @notice The fields of a dealer's word do not bleed, and a change of tier only ever lowers the bucket, unless it opens.
    function testFuzz_TREASURY_7_a_change_of_tier(
        uint256 tier,
        uint256 newTier,
        uint64 spent,
        uint40 wait
    ) external pure {
        (tier, newTier) = (tier % 5, newTier % 5);
        uint256 limit = DealerWord.capacity(tier);
        uint256 word = uint256(0).withTier(tier, 1_000_000);
        word = word.withLevel(limit - (limit == 0 ? 0 : spent % (limit + 1)), 1_000_000);
        uint256 then = 1_000_000 + uint256(wait) / 2;
        uint256 before = word.available(then);
        word = word.withTier(newTier, then);
        uint256 newLimit = DealerWord.capacity(newTier);
        uint256 expected =
            tier == 0
                ? newLimit
                : before < newLimit
                    ? before
                    : newLimit;
        require(word.tier() == newTier, "TREASURY-7: the tier is as it was set");
        require(word.available(then) == expected, "TREASURY-7: a change of tier fills nothing");
        require(word.available(then + 1 days) == newLimit, "TREASURY-7: a day fills any bucket");
    }

    /// @notice Each field of a coin's word changes alone.
    function testFuzz_TREASURY_2_fields_of_the_reserves(
        uint128 amount,
        uint40 moment,
        uint24 lifetime,
        uint40 end,
        bool on
    ) external pure {
        uint256 word = uint256(0).withSunset(end).withMinting(on).withAttestation(amount, moment, lifetime);
        _checkFields(word, amount, moment, lifetime);
        require(word.sunset() == end && word.isMinting() == on, "TREASURY-4: a field of the reserves changed");
        word = word.withMinting(!on);
        _checkFields(word, amount, moment, lifetime);
        require(word.sunset() == end && word.isMinting() == !on, "TREASURY-4: a field of the reserves changed");
        word = word.withSunset(~uint256(end) & type(uint40).max);
        _checkFields(word, amount, moment, lifetime);
        require(word.isMinting() == !on, "TREASURY-4: a field of the reserves changed");
    }

    /// @notice The end is half-open, and zero is no end.
    function testFuzz_TREASURY_10_the_end_is_half_open(uint40 end, uint40 moment) external pure {
        bool ended = end != 0 && moment >= end;
        require(uint256(0).withSunset(end).hasEnded(moment) == ended, "TREASURY-10: the end is half-open");
    }

    function _checkFields(uint256 word, uint256 amount, uint256 moment, uint256 lifetime) private pure {
        require(
            word.attested() == amount && word.asOf() == moment && word.lifetime() == lifetime,
            "TREASURY-2: a field of the reserves changed"
        );
    }
}
