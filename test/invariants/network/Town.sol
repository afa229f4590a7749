// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AccessManager} from "@openzeppelin/contracts/access/manager/AccessManager.sol";
import {Dispatcher} from "../../../contracts/Dispatcher.sol";
import {Stablecoin} from "../../../contracts/Stablecoin.sol";
import {Treasury} from "../../../contracts/Treasury.sol";
import {VaspRegistry} from "../../../contracts/VaspRegistry.sol";
import {ClaimEscrow} from "../../../contracts/escrow/ClaimEscrow.sol";
import {CommerceEscrow} from "../../../contracts/escrow/CommerceEscrow.sol";
import {FxSwap} from "../../../contracts/escrow/FxSwap.sol";
import {RedemptionEscrow} from "../../../contracts/escrow/RedemptionEscrow.sol";
import {IClaimEscrow} from "../../../contracts/interfaces/IClaimEscrow.sol";
import {ICommerceEscrow} from "../../../contracts/interfaces/ICommerceEscrow.sol";
import {IEscrow} from "../../../contracts/interfaces/IEscrow.sol";
import {IRedemptionEscrow} from "../../../contracts/interfaces/IRedemptionEscrow.sol";
import {IVaspRegistry} from "../../../contracts/interfaces/IVaspRegistry.sol";
import {vm} from "../Cheats.sol";

/// @notice The real contracts, wired as a deployment does, and the ghost store: what everybody must have, told by the parties after
/// each step that succeeded. What differs is kept in `violation`, because a step that reverts would only be taken back.
contract Town {
    /// @dev A payment that is about to be made, and what was there before it.
    struct Payment {
        uint256 coin;
        address escrow;
        address payer;
        address party;
        uint256 amount;
        bool across;
        uint256 attested;
        bool usable;
        uint256 credit;
    }

    struct Freeze {
        uint256 amount;
        uint256 until;
        bytes32 caseId;
    }

    struct ClaimEntry {
        IClaimEscrow.Claim terms;
        uint256 coin;
        bytes32 id;
        bool open;
    }

    struct PaymentEntry {
        ICommerceEscrow.Payment terms;
        uint256 coin;
        bytes32 id;
        uint256 captured;
        uint256 voided;
        uint256 refunded;
        uint256 feeBps;
        bool disputed;
    }

    /// @dev `state` as the escrow numbers it.
    struct RedemptionEntry {
        IRedemptionEscrow.Redemption terms;
        uint256 coin;
        bytes32 id;
        uint256 state;
        bool returned;
    }

    struct Credit {
        uint256 coin;
        address escrow;
        address payer;
        address party;
        uint256 amount;
    }

    uint256 public constant COINS = 2;
    /// @dev People with keys; then come the fee receiver, the custody and the four escrows.
    uint256 public constant PEOPLE = 6;
    uint256 public constant OUTSIDE = 8;
    uint256 public constant ACCOUNTS = 12;
    uint256 public constant FAMILIES = 2;
    uint256 public constant FUNDS = 1e12;
    uint256 private constant OPERATOR_KEY = 0x09e7a7;
    uint256 private constant WHOLE = type(uint256).max;

    address public constant AGENT = address(0xa6e27);
    address public constant DEALER = address(0xdea1e7);
    address public constant ATTESTOR = address(0xa77e57);
    address public constant OFFICER = address(0x0ff1ce);
    uint256 public constant LINK_KEY = 0x117c;
    uint256 public constant ARBITER_KEY = 0xa4b17;

    bytes32 private constant RECEIVE = keccak256(
        "ReceiveWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
    );
    bytes32 private constant JOIN_VASP = keccak256(
        "JoinVasp(address account,uint256 vasp,bytes32 joinId,uint256 deadline)"
    );

    Treasury public treasury;
    VaspRegistry public registry;
    RedemptionEscrow public redemptions;
    ClaimEscrow public claims;
    CommerceEscrow public commerce;
    FxSwap public swap;
    Dispatcher public dispatcher;
    AccessManager private _manager;
    Stablecoin[2] private _coins;
    address[12] private _accounts;
    uint64 private _roles;

    uint256 public time = 100_000_000;
    uint256 private _ids;
    string public violation;

    // the ghost store
    uint256[2] public minted;
    uint256[2] public burned;
    uint256[2] public attested;
    uint256[2] public limit;
    uint256[2] public toBurn;
    mapping(uint256 coin => mapping(address account => uint256)) public wealth;
    mapping(uint256 coin => mapping(address escrow => uint256)) public open;
    mapping(uint256 coin => mapping(address escrow => uint256)) public credited;
    mapping(address account => uint256) public familyOf;
    mapping(uint256 coin => mapping(address account => Freeze)) private _freezes;
    Credit[] private _credits;
    ClaimEntry[] private _claims;
    PaymentEntry[] private _payments;
    RedemptionEntry[] private _redemptions;

    /// @dev How the accounts stood after the step before.
    mapping(uint256 coin => mapping(uint256 account => uint256)) private _lastBalance;
    mapping(uint256 coin => mapping(uint256 account => uint256)) private _lastFrozen;
    mapping(uint256 coin => mapping(uint256 account => uint256)) private _seized;

    /// @dev For how many steps something has been paused.
    uint256 private _pausedFor;

    /// @notice How often value went from one family to another at or above the limit.
    uint256 public crossings;

    constructor() {
        vm.warp(time);
        _manager = new AccessManager(address(this));
        address[] memory coins = new address[](COINS);
        _coins[0] = new Stablecoin(address(_manager), "Remesa Dollar", "XUS", "1");
        _coins[1] = new Stablecoin(address(_manager), "Remesa Quetzal", "XGT", "1");
        (coins[0], coins[1]) = (address(_coins[0]), address(_coins[1]));
        treasury = new Treasury(address(_manager), 1 days);
        registry = new VaspRegistry(address(_manager), coins);
        redemptions = new RedemptionEscrow(address(_manager), coins);
        claims = new ClaimEscrow(coins);
        commerce = new CommerceEscrow(coins);
        swap = new FxSwap(coins);
        dispatcher = new Dispatcher();
        for (uint256 i = 0; i < PEOPLE; ++i) _accounts[i] = vm.addr(keyAt(i));
        (_accounts[6], _accounts[7]) = (address(0xfee), address(0xc057));
        (_accounts[8], _accounts[9]) = (address(redemptions), address(claims));
        (_accounts[10], _accounts[11]) = (address(commerce), address(swap));
        for (uint256 c = 0; c < COINS; ++c) _endow(c);
        treasury.setDealer(DEALER, 2);
        _assign(address(treasury), treasury.attest.selector, ATTESTOR);
        _assign(address(treasury), treasury.setMinting.selector, ATTESTOR);
        _assign(address(redemptions), redemptions.accept.selector, AGENT);
        _assign(address(redemptions), redemptions.reject.selector, AGENT);
        _assign(address(redemptions), redemptions.markSent.selector, AGENT);
        _assign(address(redemptions), redemptions.confirm.selector, AGENT);
        _assign(address(redemptions), redemptions.resolve.selector, vm.addr(ARBITER_KEY));
        _assign(address(registry), registry.suspend.selector, OFFICER);
        _assign(address(registry), registry.reinstate.selector, OFFICER);
        for (uint256 f = 1; f <= FAMILIES; ++f) {
            registry.register(address(this), f == 1 ? "north.example" : "south.example", "");
            registry.setComplianceKey(f, vm.addr(OPERATOR_KEY), time, time + 365 days);
        }
        for (uint256 i = 0; i < 4; ++i) join(i, 1 + i / 2);
        _manager.renounceRole(0, address(this));
    }

    function _endow(uint256 c) private {
        Stablecoin coin = _coins[c];
        coin.setTreasury(address(this));
        coin.setCustody(_accounts[7]);
        coin.setVaspRegistry(address(registry));
        for (uint256 i = OUTSIDE; i < ACCOUNTS; ++i) coin.flagEscrow(_accounts[i]);
        for (uint256 i = 0; i < PEOPLE; ++i) {
            coin.mint(_accounts[i], FUNDS);
            wealth[c][_accounts[i]] = FUNDS;
            _lastBalance[c][i] = FUNDS;
            minted[c] += FUNDS;
        }
        limit[c] = 1e9;
        coin.setTravelRuleLimit(limit[c]);
        coin.setTreasury(address(treasury));
        treasury.setRedemptions(address(coin), address(redemptions));
        treasury.setMinting(address(coin), true);
        _assign(address(coin), coin.burn.selector, address(redemptions));
        _assign(address(coin), coin.freeze.selector, OFFICER);
        _assign(address(coin), coin.unfreeze.selector, OFFICER);
        _assign(address(coin), coin.seize.selector, OFFICER);
        _assign(address(coin), coin.pause.selector, OFFICER);
        _assign(address(coin), coin.unpause.selector, OFFICER);
        _assign(address(coin), coin.setTravelRuleLimit.selector, OFFICER);
    }

    /// @dev A role of its own for every function.
    function _assign(address target, bytes4 selector, address member) private {
        bytes4[] memory selectors = new bytes4[](1);
        selectors[0] = selector;
        _manager.setTargetFunctionRole(target, selectors, ++_roles);
        _manager.grantRole(_roles, member, 0);
    }

    // ------------------------------------------------------------------------------------------------- who and what

    function coinAt(uint256 c) external view returns (Stablecoin) {
        return _coins[c];
    }

    function accountAt(uint256 i) external view returns (address) {
        return _accounts[i];
    }

    function keyAt(uint256 i) public pure returns (uint256) {
        return 0xa11ce + i;
    }

    function balanceOf(uint256 c, address account) public view returns (uint256) {
        return _coins[c].balanceOf(account);
    }

    /// @notice Some id that was never used.
    function nextId() public returns (bytes32) {
        return keccak256(abi.encode("id", ++_ids));
    }

    function pass(uint256 seconds_) external {
        time += seconds_;
        vm.warp(time);
    }

    function sign(uint256 key, bytes32 separator, bytes32 structHash) public pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, keccak256(abi.encodePacked(hex"1901", separator, structHash)));
        return abi.encodePacked(r, s, v);
    }

    function signPull(
        uint256 c,
        uint256 person,
        address to,
        uint256 amount,
        uint256 validBefore,
        bytes32 nonce
    ) external view returns (bytes memory) {
        bytes32 structHash = keccak256(abi.encode(RECEIVE, _accounts[person], to, amount, 0, validBefore, nonce));
        return sign(keyAt(person), _coins[c].DOMAIN_SEPARATOR(), structHash);
    }

    /// @notice Makes a person a member, with both signatures.
    function join(uint256 person, uint256 family) public returns (bool done) {
        address account = _accounts[person];
        IVaspRegistry.JoinVasp memory terms = IVaspRegistry.JoinVasp(account, family, nextId(), time);
        bytes32 structHash = keccak256(abi.encode(JOIN_VASP, terms));
        bytes32 separator = registry.DOMAIN_SEPARATOR();
        bytes memory own = sign(keyAt(person), separator, structHash);
        bytes memory operators = sign(OPERATOR_KEY, separator, structHash);
        try registry.join(terms, own, vm.addr(OPERATOR_KEY), operators) {
            familyOf[account] = family;
            done = true;
        } catch {}
    }

    function left(address account) external {
        familyOf[account] = 0;
    }

    /// @notice The payee's family says that it knows of the payment, where a family has to.
    function attest(uint256 c, address payer, address payee, uint256 amount) external returns (bool done) {
        if (familyOf[payee] == 0) return false;
        IVaspRegistry.TravelAttestation memory a = IVaspRegistry.TravelAttestation({
            vasp: familyOf[payee],
            attestationId: nextId(),
            coin: address(_coins[c]),
            payer: payer,
            payee: payee,
            amount: amount,
            ref: 0,
            validUntil: time + 2 days
        });
        vm.prank(vm.addr(OPERATOR_KEY));
        try registry.attest(a) {
            done = true;
        } catch {}
    }

    // ------------------------------------------------------------------------------------------------- the ghost store

    /// @notice What is there before a payment; `escrow` is zero where the payer pays itself.
    function foresee(
        uint256 c,
        address escrow,
        address payer,
        address party,
        uint256 amount
    ) public view returns (Payment memory p) {
        (p.coin, p.escrow, p.payer, p.party, p.amount) = (c, escrow, payer, party, amount);
        (uint256 ours, uint256 theirs) = (familyOf[payer], familyOf[party]);
        p.across = payer != party && ours != 0 && theirs != 0 && ours != theirs && amount >= limit[c];
        uint256 until;
        uint256 family;
        (p.attested, until, family) = registry.attestationOf(address(_coins[c]), payer, party, amount);
        p.usable = p.attested > 0 && time < until && family == theirs;
        if (escrow != address(0)) p.credit = IEscrow(escrow).creditOf(address(_coins[c]), payer, party);
    }

    /// @notice The payment was made, by the payer or out of an escrow, which may have credited it.
    function settled(Payment memory p) public {
        if (p.amount == 0) return;
        address coin = address(_coins[p.coin]);
        (uint256 left_, , ) = registry.attestationOf(coin, p.payer, p.party, p.amount);
        uint256 credit = p.escrow == address(0) ? 0 : IEscrow(p.escrow).creditOf(coin, p.payer, p.party) - p.credit;
        if (credit == 0) {
            bool consumed = p.usable && p.attested == left_ + 1;
            if (p.across && !consumed) _break("NETWORK-3: value crossed families without an attestation");
            if (!p.across && p.attested != left_) _break("NETWORK-3: an attestation was used for nothing");
            if (p.across) ++crossings;
            move(p.coin, p.escrow == address(0) ? p.payer : p.escrow, p.party, p.amount);
        } else {
            if (!p.across || credit != p.amount) _break("NETWORK-5: a credit that the coin gave no reason for");
            if (p.attested != left_) _break("NETWORK-3: a credit used an attestation");
            _credit(p.coin, p.escrow, p.payer, p.party, credit);
        }
        if (p.escrow != address(0)) open[p.coin][p.escrow] -= p.amount;
    }

    function move(uint256 c, address from, address to, uint256 amount) public {
        wealth[c][from] -= amount;
        wealth[c][to] += amount;
    }

    /// @notice An escrow took coins in.
    function took(uint256 c, address from, address escrow, uint256 amount) external {
        move(c, from, escrow, amount);
        open[c][escrow] += amount;
    }

    function mintedTo(uint256 c, address to, uint256 amount) external {
        wealth[c][to] += amount;
        minted[c] += amount;
        if (_coins[c].totalSupply() > attested[c]) _break("NETWORK-1: minted above the reserves");
    }

    function attestedReserves(uint256 c, uint256 amount) external {
        attested[c] = amount;
    }

    /// @notice A redemption was paid: burned at once, or booked to be.
    function burnedOf(uint256 c, uint256 amount) external {
        open[c][address(redemptions)] -= amount;
        uint256 waits = redemptions.toBurn(address(_coins[c])) - toBurn[c];
        if (waits != 0 && waits != amount) _break("NETWORK-2: a burn that waits in part");
        if (waits == 0) _burn(c, amount);
        else toBurn[c] += amount;
    }

    function burnedPending(uint256 c) external {
        _burn(c, toBurn[c]);
        toBurn[c] = 0;
    }

    function withdrawn(uint256 i, Payment memory p) external {
        Credit storage credit = _credits[i];
        (uint256 left_, , ) = registry.attestationOf(address(_coins[p.coin]), p.payer, p.party, p.amount);
        bool consumed = p.usable && p.attested == left_ + 1;
        if (p.across && !consumed) _break("NETWORK-3: a credit crossed families without an attestation");
        if (p.across) ++crossings;
        credited[p.coin][p.escrow] -= credit.amount;
        move(p.coin, p.escrow, p.party, credit.amount);
        credit.amount = 0;
    }

    function frozen(uint256 c, address account, Freeze memory freeze) external {
        _freezes[c][account] = freeze;
    }

    function seized(uint256 c, uint256 i, uint256 amount) external {
        address account = _accounts[i];
        move(c, account, _accounts[7], amount);
        _seized[c][i] += amount;
        Freeze storage freeze = _freezes[c][account];
        if (time >= freeze.until) _break("NETWORK-4: seized after the freeze's end");
        if (freeze.amount != WHOLE) freeze.amount -= amount;
    }

    function setLimit(uint256 c, uint256 newLimit) external {
        limit[c] = newLimit;
    }

    function freezeOf(uint256 c, address account) external view returns (Freeze memory) {
        return _freezes[c][account];
    }

    /// @notice After each step: nothing frozen before it has left but by seizing, and the coin says of a freeze what was told.
    function finish() external {
        _endPause();
        for (uint256 c = 0; c < COINS; ++c) {
            for (uint256 i = 0; i < OUTSIDE; ++i) {
                uint256 balance = balanceOf(c, _accounts[i]);
                uint256 kept = _min(_lastBalance[c][i], _lastFrozen[c][i]);
                if (balance + _seized[c][i] < kept) _break("NETWORK-4: frozen units left but by seizing");
                _lastBalance[c][i] = balance;
                _lastFrozen[c][i] = _freezes[c][_accounts[i]].amount;
                _seized[c][i] = 0;
            }
        }
    }

    /// @dev A pause of more than eight steps would leave nothing to look at.
    function _endPause() private {
        if (_coins[0].pausedBits() | _coins[1].pausedBits() == 0) _pausedFor = 0;
        else if (++_pausedFor > 8) {
            for (uint256 c = 0; c < COINS; ++c) {
                vm.prank(OFFICER);
                _coins[c].unpause(63);
            }
        }
    }

    function _credit(uint256 c, address escrow, address payer, address party, uint256 amount) private {
        credited[c][escrow] += amount;
        for (uint256 i = 0; i < _credits.length; ++i) {
            Credit storage known = _credits[i];
            if (known.coin == c && known.escrow == escrow && known.payer == payer && known.party == party) {
                known.amount += amount;
                return;
            }
        }
        _credits.push(Credit(c, escrow, payer, party, amount));
    }

    function _burn(uint256 c, uint256 amount) private {
        burned[c] += amount;
        wealth[c][address(redemptions)] -= amount;
    }

    function _break(string memory what) private {
        if (bytes(violation).length == 0) violation = what;
    }

    function report(string calldata what) external {
        _break(what);
    }

    function _min(uint256 a, uint256 b) private pure returns (uint256) {
        return a < b ? a : b;
    }

    // ------------------------------------------------------------------------------------------------- open things

    function addClaim(ClaimEntry calldata entry) external {
        _claims.push(entry);
    }

    function addPayment(PaymentEntry calldata entry) external {
        _payments.push(entry);
    }

    function addRedemption(RedemptionEntry calldata entry) external {
        _redemptions.push(entry);
    }

    function setClaim(uint256 i, bool isOpen) external {
        _claims[i].open = isOpen;
    }

    function setPayment(uint256 i, PaymentEntry calldata entry) external {
        _payments[i] = entry;
    }

    function setRedemption(uint256 i, uint256 state) external {
        _redemptions[i].state = state;
    }

    function setReturned(uint256 i) external {
        if (_redemptions[i].returned) _break("NETWORK-1: a payout was minted back twice");
        _redemptions[i].returned = true;
    }

    function claimAt(uint256 i) external view returns (ClaimEntry memory) {
        return _claims[i];
    }

    function paymentAt(uint256 i) external view returns (PaymentEntry memory) {
        return _payments[i];
    }

    function redemptionAt(uint256 i) external view returns (RedemptionEntry memory) {
        return _redemptions[i];
    }

    function creditAt(uint256 i) external view returns (Credit memory) {
        return _credits[i];
    }

    function counts() external view returns (uint256, uint256, uint256, uint256) {
        return (_claims.length, _payments.length, _redemptions.length, _credits.length);
    }

    // ------------------------------------------------------------------------------------------------- the checks

    /// @notice All that is kept of one coin.
    function check(uint256 c) external view {
        require(bytes(violation).length == 0, violation);
        _checkSupply(c);
        for (uint256 i = OUTSIDE; i < ACCOUNTS; ++i) _checkEscrow(c, _accounts[i]);
        _checkCredits(c);
    }

    function _checkSupply(uint256 c) private view {
        Stablecoin coin = _coins[c];
        uint256 sum;
        for (uint256 i = 0; i < ACCOUNTS; ++i) {
            uint256 balance = coin.balanceOf(_accounts[i]);
            require(balance == wealth[c][_accounts[i]], "NETWORK-5: somebody has more or less than the steps gave");
            sum += balance;
        }
        uint256 supply = coin.totalSupply();
        require(sum == supply, "NETWORK-1: the balances do not add up to the supply");
        require(supply == minted[c] - burned[c], "NETWORK-1: the supply is not minted less burned");
        require(supply <= 2 ** 63 - 1, "NETWORK-1: the supply is above the cap");
    }

    function _checkEscrow(uint256 c, address escrow) private view {
        uint256 owed = open[c][escrow] + credited[c][escrow];
        if (escrow == address(redemptions)) owed += toBurn[c];
        uint256 held = IEscrow(escrow).held(address(_coins[c]));
        require(held == owed, "NETWORK-2: held is not open, credits and what waits to be burned");
        require(_coins[c].balanceOf(escrow) >= held, "NETWORK-2: the balance does not cover what is held");
    }

    function _checkCredits(uint256 c) private view {
        for (uint256 i = 0; i < _credits.length; ++i) {
            Credit storage credit = _credits[i];
            if (credit.coin != c) continue;
            address coin = address(_coins[credit.coin]);
            require(
                IEscrow(credit.escrow).creditOf(coin, credit.payer, credit.party) == credit.amount,
                "NETWORK-5: a credit is not its party's"
            );
        }
    }
}
