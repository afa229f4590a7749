// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AccessManager} from "@openzeppelin/contracts/access/manager/AccessManager.sol";
import {Stablecoin} from "../../contracts/Stablecoin.sol";
import {Treasury} from "../../contracts/Treasury.sol";
import {ITreasury} from "../../contracts/interfaces/ITreasury.sol";
import {vm} from "./Cheats.sol";

/// @notice Calls the Treasury at random and keeps a model of it that says of every mint, beforehand, whether it may happen.
contract TreasuryHandler {
    uint256 private constant DEPOSITS = 12;
    bytes32 private constant MINT_ORDER = keccak256(
        "MintOrder(address coin,bytes32 depositId,address to,uint256 amount,uint256 deadline)"
    );

    Stablecoin public immutable coin;
    Treasury public immutable treasury;
    uint256[2] private _keys = [uint256(0xa11ce), uint256(0xb0b)];
    uint256 private _time = 1_000_000;

    // the model
    mapping(bytes32 depositId => uint256) public mintsOf;
    mapping(bytes32 depositId => uint256) public mintedOf;
    uint256 public minted;
    uint256 public burned;
    bool[2] public enabled;
    bool public minting;
    uint256 public attested;
    uint256 public asOf;
    uint256 private _staleAt;
    uint256 private _lifetime = 1 days;

    /// @notice The first disagreement between the model and the contract; empty as long as there is none.
    string public violation;

    constructor() {
        vm.warp(_time);
        AccessManager manager = new AccessManager(address(this));
        treasury = new Treasury(address(manager), _lifetime);
        coin = new Stablecoin(address(manager), "Remesa Dollar", "XUS", "1");
        coin.setTreasury(address(treasury));
        setDealer(0, true);
        setMinting(true);
        attest(1e12, 10);
    }

    /// @notice A deposit id of the pool.
    function depositAt(uint256 index) public pure returns (bytes32) {
        return keccak256(abi.encode("deposit", index % DEPOSITS));
    }

    function deposits() external pure returns (uint256) {
        return DEPOSITS;
    }

    function mint(uint256 dealerSeed, uint256 depositSeed, uint256 amount) external {
        vm.warp(_time);
        uint256 dealer = dealerSeed % 2;
        bytes32 depositId = depositAt(depositSeed);
        amount = amount % (attested / 4 + 2);
        bool expected = _mayMint(dealer, depositId, amount);
        vm.prank(vm.addr(_keys[dealer]));
        try treasury.mint(address(coin), depositId, address(this), amount) {
            _afterMint(expected, depositId, amount);
        } catch {
            if (expected) violation = "a mint was refused that was allowed";
        }
    }

    /// @notice By signed order; a forged one carries the other dealer's signature, a late one a deadline of a second ago.
    function mintBySig(uint256 dealerSeed, uint256 depositSeed, uint256 amount, uint256 flaw) external {
        vm.warp(_time);
        uint256 dealer = dealerSeed % 2;
        amount = amount % (attested / 4 + 2);
        bool forged = flaw % 5 == 0;
        bool late = flaw % 5 == 1;
        ITreasury.MintOrder memory order = ITreasury.MintOrder(
            address(coin),
            depositAt(depositSeed),
            address(this),
            amount,
            late ? _time - 1 : _time
        );
        bytes memory signature = _sign(forged ? 1 - dealer : dealer, order);
        bool expected = !forged && !late && _mayMint(dealer, order.depositId, amount);
        try treasury.mintBySig(order, vm.addr(_keys[dealer]), signature) {
            _afterMint(expected, order.depositId, amount);
        } catch {
            if (expected) violation = "a signed mint was refused that was allowed";
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

    function setDealer(uint256 dealerSeed, bool on) public {
        vm.warp(_time);
        treasury.setDealer(vm.addr(_keys[dealerSeed % 2]), on);
        enabled[dealerSeed % 2] = on;
    }

    function setAttestationLifetime(uint256 lifetime) external {
        vm.warp(_time);
        lifetime = 1 hours + (lifetime % 2 days);
        treasury.setAttestationLifetime(lifetime);
        _lifetime = lifetime;
    }

    function pass(uint256 seconds_) external {
        _time += seconds_ % 8 hours;
    }

    function _mayMint(uint256 dealer, bytes32 depositId, uint256 amount) private view returns (bool) {
        return
            enabled[dealer] &&
            amount > 0 &&
            mintsOf[depositId] == 0 &&
            minting &&
            _time < _staleAt &&
            minted - burned + amount <= attested;
    }

    function _afterMint(bool expected, bytes32 depositId, uint256 amount) private {
        if (!expected) violation = _whyNot(depositId, amount);
        mintsOf[depositId] += 1;
        mintedOf[depositId] += amount;
        minted += amount;
    }

    function _whyNot(bytes32 depositId, uint256 amount) private view returns (string memory) {
        if (mintsOf[depositId] > 0) return "TREASURY-1: a deposit was minted twice";
        if (minted - burned + amount > attested) return "TREASURY-2: minted above the attested reserves";
        if (_time >= _staleAt) return "TREASURY-3: minted on a stale attestation";
        if (!minting) return "TREASURY-4: minted while switched off";
        return "TREASURY-6: minted without an enabled dealer's word";
    }

    function _sign(uint256 dealer, ITreasury.MintOrder memory order) private view returns (bytes memory) {
        bytes32 structHash = keccak256(abi.encode(MINT_ORDER, order));
        bytes32 digest = keccak256(abi.encodePacked(hex"1901", treasury.DOMAIN_SEPARATOR(), structHash));
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(_keys[dealer], digest);
        return abi.encodePacked(r, s, v);
    }
}

/// @notice TREASURY-1 to TREASURY-6 of docs/INVARIANTS.md.
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
    function invariant_TREASURY_1_2_3_4_5_6() external view {
        string memory violation = _handler.violation();
        require(bytes(violation).length == 0, violation);
        Treasury treasury = _handler.treasury();
        address coin = address(_handler.coin());

        uint256 sum;
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
        uint256 supply = _handler.coin().totalSupply();
        require(
            supply == sum - _handler.burned(),
            "TREASURY-1: the supply is what deposits brought less what was burned"
        );
        require(_handler.coin().balanceOf(address(treasury)) == 0, "TREASURY-1: the Treasury holds nothing");

        (uint256 attested, uint256 asOf, ) = treasury.attestation(coin);
        require(attested == _handler.attested(), "TREASURY-2: the attested amount is the attestor's");
        require(treasury.mintingEnabled(coin) == _handler.minting(), "TREASURY-4: the switch is as it was set");
        require(asOf == _handler.asOf(), "TREASURY-5: the moment attested only goes forward");
    }
}

/// @notice Single properties of the Treasury over arbitrary arguments.
contract TreasuryProperties {
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
        _treasury.setDealer(address(this), true);
        _treasury.attest(address(_coin), type(uint64).max, 999_999, 0);
    }

    function testFuzz_TREASURY_1_deposit_once_across_amounts(bytes32 depositId, uint64 first, uint256 second) external {
        first = uint64((first % (2 ** 63 - 1)) + 1);
        _treasury.mint(address(_coin), depositId, address(0xbeef), first);
        try _treasury.mint(address(_coin), depositId, address(0xbeef), second) {
            revert("TREASURY-1: a deposit was minted twice");
        } catch {}
        require(_coin.totalSupply() == first, "TREASURY-1: the supply is that of the first mint");
    }

    function testFuzz_TREASURY_2_never_above_reserves(uint128 attested, uint256 amount) external {
        _treasury.attest(address(_coin), attested, 1_000_000, 0);
        bool fits = amount > 0 && amount <= attested && amount <= 2 ** 63 - 1;
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
}
