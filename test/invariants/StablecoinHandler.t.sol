// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AccessManager} from "@openzeppelin/contracts/access/manager/AccessManager.sol";
import {Stablecoin} from "../../contracts/Stablecoin.sol";
import {ISignedOrders} from "../../contracts/interfaces/ISignedOrders.sol";
import {IStablecoin} from "../../contracts/interfaces/IStablecoin.sol";
import {CoinMockEscrow} from "../../contracts/mocks/CoinMocks.sol";
import {vm, Cheats} from "./Cheats.sol";

/// @title StablecoinHandler
/// @notice Drives the coin with whatever the fuzzer says and keeps a naive account of what must be true afterwards.
/// @dev The ghost store is written from the specification, not from the code: plain mappings, one entry per nonce. Each step
/// predicts whether the coin lets it through and for which error not, and then compares. What differs is kept in `broken`
/// under the id of its invariant, because a handler that reverts would only be taken back.
contract StablecoinHandler {
    /// @dev Holders that sign; then come the escrow, whose index is their number, and the custody account.
    uint256 public constant HOLDERS = 5;
    uint256 public constant CUSTODY = 6;
    uint256 public constant ACCOUNTS = 7;
    uint256 private constant WHOLE = type(uint256).max;
    bytes4 private constant OK = 0;
    bytes4 private constant EXPIRED = ISignedOrders.OrderExpired.selector;

    struct Ghost {
        uint256 balance;
        uint256 frozen;
        bool whole;
        bytes32 caseId;
        uint256 until;
        /// The case outlived a freeze that was seized to the last unit.
        bool emptied;
        uint256 vasp;
        uint256 permits;
        /// What the account's permits allow its spender.
        uint256 allowance;
        /// Lowest unspent window nonce.
        uint256 base;
        /// What the Transfer events alone add up to.
        uint256 indexed_;
    }

    struct Payment {
        uint256 from;
        uint256 to;
        uint256 value;
        uint256 nonce;
        uint256 validAfter;
        uint256 validBefore;
        bool forged;
    }

    Stablecoin public coin;
    CoinMockEscrow public escrow;

    address[ACCOUNTS] private _addresses;
    mapping(address account => uint256) private _indexPlusOne;
    Ghost[ACCOUNTS] private _ghosts;
    mapping(uint256 account => mapping(uint256 nonce => bool)) private _spent;
    mapping(uint256 account => mapping(uint256 nonce => uint256)) private _paidUnder;
    /// @dev What the registry, which this contract is, would still say yes to, and what it should according to the steps.
    mapping(address payer => mapping(address payee => uint256)) private _attested;
    mapping(uint256 payer => mapping(uint256 payee => uint256)) private _granted;
    uint256 public limit = 2 ** 64 - 1;
    uint256 public minted;
    uint256 public burned;
    uint256 public pausedBits;
    uint256 public steps;
    string public broken;

    constructor() {
        AccessManager manager = new AccessManager(address(this));
        coin = new Stablecoin(address(manager), "Remesa Dollar", "XUS", "1");
        escrow = new CoinMockEscrow(IStablecoin(address(coin)));
        for (uint256 i = 0; i < ACCOUNTS; i++) {
            _addresses[i] = i == HOLDERS ? address(escrow) : vm.addr(i == CUSTODY ? 1_000 : i + 1);
            _indexPlusOne[_addresses[i]] = i + 1;
        }
        bytes4[] memory selectors = new bytes4[](11);
        selectors[0] = coin.freeze.selector;
        selectors[1] = coin.unfreeze.selector;
        selectors[2] = coin.pause.selector;
        selectors[3] = coin.unpause.selector;
        selectors[4] = coin.burn.selector;
        selectors[5] = coin.setTreasury.selector;
        selectors[6] = coin.flagEscrow.selector;
        selectors[7] = coin.seize.selector;
        selectors[8] = coin.setCustody.selector;
        selectors[9] = coin.setVaspRegistry.selector;
        selectors[10] = coin.setTravelRuleLimit.selector;
        manager.setTargetFunctionRole(address(coin), selectors, 1);
        manager.grantRole(1, address(this), 0);
        for (uint256 i = 0; i < ACCOUNTS; i++) manager.grantRole(1, accountOf(i), 0);
        coin.setTreasury(address(this));
        coin.setCustody(accountOf(CUSTODY));
        coin.setVaspRegistry(address(this));
        coin.flagEscrow(address(escrow));
        for (uint256 i = 0; i < HOLDERS; i++) {
            coin.mint(accountOf(i), 1_000_000);
            _ghosts[i].balance = 1_000_000;
            _ghosts[i].indexed_ = 1_000_000;
            minted += 1_000_000;
            vm.prank(accountOf(i));
            coin.approve(address(escrow), WHOLE);
            vm.prank(accountOf(i));
            coin.approve(accountOf((i + 1) % HOLDERS), WHOLE);
        }
        vm.recordLogs();
    }

    // ------------------------------------------------------------------------------------------ what is asked

    function accountOf(uint256 index) public view returns (address) {
        return _addresses[index];
    }

    function ghostOf(uint256 index) external view returns (Ghost memory) {
        return _ghosts[index];
    }

    /// @notice The window that the account must have, from one entry per nonce.
    function windowOf(uint256 account) external view returns (uint256 window) {
        uint256 base = _ghosts[account].base;
        for (uint256 i = 0; i < 64; i++) {
            if (_spent[account][base + i]) window += 2 ** i;
        }
    }

    /// @notice Whether the registry's attestations are those that the steps left.
    function areAttestationsAsExpected() external view returns (bool) {
        for (uint256 payer = 0; payer < ACCOUNTS; payer++) {
            for (uint256 payee = 0; payee < ACCOUNTS; payee++) {
                if (_attested[accountOf(payer)][accountOf(payee)] != _granted[payer][payee]) return false;
            }
        }
        return true;
    }

    /// @notice The holder that may spend by the permits of `owner`.
    function spenderOf(uint256 owner) public view returns (address) {
        return accountOf((owner + 2) % HOLDERS);
    }

    // ------------------------------------------------------------------------------------------- the registry

    /// @notice The registry's part: yes while an attestation is left, which that consumes.
    function useAttestation(address payer, address payee, uint256) external returns (bool) {
        if (msg.sender != address(coin) || _attested[payer][payee] == 0) return false;
        _attested[payer][payee]--;
        return true;
    }

    function attest(uint256 payer, uint256 payee) external {
        (payer, payee) = (payer % ACCOUNTS, payee % ACCOUNTS);
        _attested[accountOf(payer)][accountOf(payee)]++;
        _granted[payer][payee]++;
        _finish();
    }

    function setVasp(uint256 account, uint256 vasp) external {
        account %= ACCOUNTS;
        vasp = vasp % 16 == 0 ? 65_535 + ((vasp >> 4) % 2) : (vasp >> 4) % 4;
        bytes4 expected =
            account == HOLDERS
                ? IStablecoin.StablecoinAccountInvalid.selector
                : vasp > 65_535
                    ? IStablecoin.StablecoinVaspInvalid.selector
                    : OK;
        _expect(_call(abi.encodeCall(coin.setVasp, (accountOf(account), vasp))), expected, 9);
        if (expected == OK) _ghosts[account].vasp = vasp;
        _finish();
    }

    function setTravelRuleLimit(uint256 seed) external {
        uint256 next =
            seed % 4 == 0
                ? 2 ** 64 - 1
                : seed % 4 == 1
                    ? 0
                    : (seed >> 2) % 200_000;
        if (seed % 32 == 0) next = 2 ** 64;
        bytes4 expected = next == 2 ** 64 ? IStablecoin.StablecoinLimitInvalid.selector : OK;
        _expect(_call(abi.encodeCall(coin.setTravelRuleLimit, (next))), expected, 9);
        if (expected == OK) limit = next;
        _finish();
    }

    // ---------------------------------------------------------------------------------------------- the steps

    function transfer(uint256 from, uint256 to, uint256 amount) external {
        (from, to) = (from % (HOLDERS + 1), to % ACCOUNTS);
        if (from == HOLDERS) from = CUSTODY;
        amount = _amount(from, amount);
        bytes4 expected =
            pausedBits & 1 != 0 ? IStablecoin.StablecoinPaused.selector : _transferCheck(from, to, amount);
        vm.prank(accountOf(from));
        _expect(_call(abi.encodeCall(coin.transfer, (accountOf(to), amount))), expected, 1);
        if (expected == OK) _move(from, to, amount);
        _finish();
    }

    function transferFrom(uint256 from, uint256 to, uint256 amount) external {
        (from, to) = (from % HOLDERS, to % ACCOUNTS);
        uint256 spender = (from + 1) % HOLDERS;
        amount = _amount(from, amount);
        bytes4 expected = _transferCheck(from, to, amount);
        if (_ghosts[spender].whole) expected = IStablecoin.StablecoinFrozen.selector;
        if (pausedBits & 1 != 0) expected = IStablecoin.StablecoinPaused.selector;
        vm.prank(accountOf(spender));
        _expect(_call(abi.encodeCall(coin.transferFrom, (accountOf(from), accountOf(to), amount))), expected, 1);
        if (expected == OK) _move(from, to, amount);
        _finish();
    }

    /// @notice One signed payment in one of three forms, sometimes forged, early, late or under any nonce.
    function pay(uint256 from, uint256 to, uint256 amount, uint256 nonce, uint256 form, uint256 flaw) external {
        Payment memory p = _payment(from, to, amount, nonce, flaw);
        bytes4 expected = pausedBits & 2 != 0 ? IStablecoin.StablecoinPaused.selector : _paymentCheck(p);
        bytes4 got =
            form % 3 == 0
                ? _payVrs(p)
                : form % 3 == 1
                    ? _payBytes(p)
                    : _payMemo(p);
        _expect(got, expected, 3);
        if (expected == OK) _settled(p);
        _finish();
    }

    /// @notice Three payments in one batch: those that cannot go through are skipped and change nothing.
    function settle(uint256[3] memory froms, uint256[3] memory nonces, uint256 amounts, uint256 flaws) external {
        bytes memory rows;
        bytes4[3] memory expected;
        Payment[3] memory ps;
        bool stopped = pausedBits & 2 != 0;
        for (uint256 i = 0; i < 3; i++) {
            ps[i] = _payment(froms[i], froms[i] >> 128, (amounts >> (i * 64)) % 2 ** 64, nonces[i], flaws >> (i * 8));
            rows = abi.encodePacked(rows, _row(ps[i]));
            if (stopped) continue;
            expected[i] = _paymentCheck(ps[i]);
            if (expected[i] == OK) _settled(ps[i]);
        }
        bytes4 got = _call(abi.encodeCall(coin.settle, (rows)));
        _expect(got, stopped ? IStablecoin.StablecoinPaused.selector : OK, 5);
        if (!stopped) _requireSkips(ps, expected);
        else _finish();
    }

    /// @notice One signature for three payees, any of whom may be impossible.
    function disburse(uint256 from, uint256[3] memory tos, uint256 amounts, uint256 nonce, uint256 flaw) external {
        from %= HOLDERS;
        Payment memory p = _payment(from, 0, 0, nonce, flaw % 16 == 15 ? 0 : flaw);
        p.value = 0;
        uint256[3] memory values;
        bytes memory rows;
        for (uint256 i = 0; i < 3; i++) {
            // one place more than there are accounts: zero
            tos[i] %= ACCOUNTS + 1;
            values[i] = _amount(from, amounts >> (i * 80)) % 2 ** 64;
            if (values[i] > 2 && flaw % 5 != 0) values[i] /= 3;
            p.value += values[i];
            address to = tos[i] == ACCOUNTS ? address(0) : accountOf(tos[i]);
            rows = abi.encodePacked(rows, to, uint64(values[i]));
        }
        uint256 total = (flaw >> 8) % 16 == 0 ? p.value + 1 : p.value;
        bytes4 expected =
            pausedBits & 2 != 0
                ? IStablecoin.StablecoinPaused.selector
                : total != p.value
                    ? IStablecoin.StablecoinTotalMismatch.selector
                    : _disbursementCheck(p);
        bytes4 got = _disburse(p, total, rows);
        _expect(got, expected, 3);
        if (expected != OK) return _finish();
        _spend(from, p.nonce);
        bytes4[3] memory skips;
        for (uint256 i = 0; i < 3; i++) {
            skips[i] = tos[i] == ACCOUNTS ? IStablecoin.ERC20InvalidReceiver.selector : _payeeCheck(from, tos[i]);
            if (skips[i] == OK) skips[i] = _travelCheck(from, tos[i], values[i]);
            if (skips[i] == OK) _move(from, tos[i], values[i]);
        }
        _requireSkips([p, p, p], skips);
        steps++;
    }

    function permit(uint256 owner, uint256 value, uint256 flaw) external {
        owner %= HOLDERS;
        Ghost storage ghost = _ghosts[owner];
        if (value % 4 == 0) value = 0;
        uint256 kind = flaw % 8;
        uint256 deadline = kind == 1 ? block.timestamp - 1 : block.timestamp;
        uint256 counter =
            kind == 2
                ? ghost.permits + 1
                : kind == 3 && ghost.permits > 0
                    ? ghost.permits - 1
                    : ghost.permits;
        bytes4 expected = counter != ghost.permits ? IStablecoin.StablecoinSignatureInvalid.selector : OK;
        if (kind == 1) expected = EXPIRED;
        if (pausedBits & 1 != 0 && value != 0) expected = IStablecoin.StablecoinPaused.selector;
        _expect(_permit(owner, value, counter, deadline), expected, 5);
        if (expected == OK) {
            ghost.permits++;
            ghost.allowance = value;
        }
        _finish();
    }

    /// @notice The spender of a permit takes what it was allowed, or tries to take one more.
    function spendPermit(uint256 owner, uint256 to, uint256 amount) external {
        (owner, to) = (owner % HOLDERS, to % ACCOUNTS);
        Ghost storage ghost = _ghosts[owner];
        amount = amount % 4 == 0 && ghost.allowance < 2 ** 255 ? ghost.allowance + 1 : _amount(owner, amount >> 2);
        bytes4 expected =
            amount > ghost.allowance
                ? bytes4(IStablecoin.ERC20InsufficientAllowance.selector)
                : _transferCheck(owner, to, amount);
        if (_ghosts[(owner + 2) % HOLDERS].whole) expected = IStablecoin.StablecoinFrozen.selector;
        if (pausedBits & 1 != 0) expected = IStablecoin.StablecoinPaused.selector;
        vm.prank(spenderOf(owner));
        _expect(_call(abi.encodeCall(coin.transferFrom, (accountOf(owner), accountOf(to), amount))), expected, 1);
        if (expected == OK) {
            if (ghost.allowance != WHOLE) ghost.allowance -= amount;
            _move(owner, to, amount);
        }
        _finish();
    }

    function seize(uint256 account, uint256 amount, uint256 flaw) external {
        account %= ACCOUNTS;
        Ghost storage ghost = _ghosts[account];
        bytes32 caseId = flaw % 8 == 0 ? keccak256("another case") : ghost.caseId;
        uint256 most = ghost.whole || ghost.balance < ghost.frozen ? ghost.balance : ghost.frozen;
        amount =
            amount % 4 == 0
                ? most
                : amount % 4 == 1
                    ? most + 1
                    : amount % 4 == 2
                        ? 0
                        : most / 3;
        bytes4 expected = _seizeCheck(account, amount, caseId, most);
        _expect(_call(abi.encodeCall(coin.seize, (accountOf(account), amount, caseId))), expected, 2);
        if (expected == OK) {
            ghost.balance -= amount;
            _ghosts[CUSTODY].balance += amount;
            if (!ghost.whole) {
                ghost.frozen -= amount;
                ghost.emptied = ghost.frozen == 0;
            }
        }
        _finish();
    }

    /// @notice Submits a payment a second time, word for word.
    function replay(uint256 from, uint256 nonce, uint256 amount) external {
        from %= HOLDERS;
        Payment memory p = _payment(from, from + 1, amount, nonce, 0);
        if (pausedBits & 2 == 0 && _paymentCheck(p) == OK) {
            _check(_payVrs(p) == OK, "COIN-3: a good payment failed");
            _settled(p);
        }
        _check(_payVrs(p) != OK, "COIN-3: a payment went through twice");
        _finish();
    }

    function cancel(uint256 account, uint256 nonce) external {
        account %= HOLDERS;
        nonce = _nonce(account, nonce);
        bytes4 expected = _nonceCheck(account, nonce);
        bytes32 typeHash = keccak256("CancelAuthorization(address authorizer,bytes32 nonce)");
        bytes memory signature = _sign(account, keccak256(abi.encode(typeHash, accountOf(account), nonce)));
        bytes memory data = abi.encodeWithSignature(
            "cancelAuthorization(address,bytes32,bytes)",
            accountOf(account),
            nonce,
            signature
        );
        _expect(_call(data), expected, 3);
        if (expected == OK) _spend(account, nonce);
        _finish();
    }

    function skip(uint256 account, uint256 distance) external {
        account %= HOLDERS;
        Ghost storage ghost = _ghosts[account];
        uint256 newBase = ghost.base + (distance % 100);
        bytes4 expected = newBase == ghost.base ? IStablecoin.StablecoinNonceBaseInvalid.selector : OK;
        vm.prank(accountOf(account));
        _expect(_call(abi.encodeWithSignature("skipNonces(uint256)", newBase)), expected, 3);
        if (expected == OK) {
            ghost.base = newBase;
            _moveBase(account);
        }
        _finish();
    }

    function mint(uint256 to, uint256 amount) external {
        to %= ACCOUNTS;
        uint256 room = 2 ** 63 - 1 - (minted - burned);
        amount = amount % 8 == 0 ? room + ((amount >> 3) % 3) : amount % 2 ** 40;
        bytes4 expected =
            amount > room ? IStablecoin.StablecoinSupplyCapExceeded.selector : _payeeCheck(HOLDERS + 1, to);
        if (pausedBits & 4 != 0) expected = IStablecoin.StablecoinPaused.selector;
        _expect(_call(abi.encodeCall(coin.mint, (accountOf(to), amount))), expected, 1);
        if (expected == OK) {
            _ghosts[to].balance += amount;
            minted += amount;
        }
        _finish();
    }

    function burn(uint256 from, uint256 amount) external {
        from %= ACCOUNTS;
        amount = _amount(from, amount);
        bytes4 expected = _ghosts[from].whole ? IStablecoin.StablecoinFrozen.selector : _balanceCheck(from, amount);
        if (pausedBits & 8 != 0) expected = IStablecoin.StablecoinPaused.selector;
        vm.prank(accountOf(from));
        _expect(_call(abi.encodeCall(coin.burn, (amount))), expected, 1);
        if (expected == OK) {
            _ghosts[from].balance -= amount;
            burned += amount;
        }
        _finish();
    }

    function freeze(uint256 account, uint256 amount, uint256 duration) external {
        account %= ACCOUNTS;
        amount = amount % 3 == 0 ? WHOLE : 1 + (amount % 2_000_000);
        bytes32 caseId = keccak256(abi.encode(duration, steps));
        uint256 until = block.timestamp + 1 + (duration % 10_000);
        bytes4 expected = account == HOLDERS ? IStablecoin.StablecoinEscrowNotFreezable.selector : OK;
        if (pausedBits & 16 != 0) expected = IStablecoin.StablecoinPaused.selector;
        _expect(_call(abi.encodeCall(coin.freeze, (accountOf(account), amount, caseId, until))), expected, 5);
        if (expected == OK) {
            Ghost storage ghost = _ghosts[account];
            (ghost.whole, ghost.frozen) = amount == WHOLE ? (true, 0) : (false, amount);
            (ghost.caseId, ghost.until, ghost.emptied) = (caseId, until, false);
        }
        _finish();
    }

    function unfreeze(uint256 account) external {
        account %= ACCOUNTS;
        Ghost storage ghost = _ghosts[account];
        bytes4 expected = ghost.caseId == 0 ? IStablecoin.StablecoinNotFrozen.selector : OK;
        if (pausedBits & 16 != 0) expected = IStablecoin.StablecoinPaused.selector;
        _expect(_call(abi.encodeCall(coin.unfreeze, (accountOf(account), ghost.caseId))), expected, 5);
        if (expected == OK) _thaw(ghost);
        _finish();
    }

    function releaseExpired(uint256 account) external {
        account %= ACCOUNTS;
        Ghost storage ghost = _ghosts[account];
        bytes4 expected =
            ghost.caseId == 0
                ? IStablecoin.StablecoinNotFrozen.selector
                : block.timestamp < ghost.until
                    ? IStablecoin.StablecoinFreezeNotEnded.selector
                    : OK;
        _expect(_call(abi.encodeCall(coin.releaseExpired, (accountOf(account)))), expected, 2);
        if (expected == OK) _thaw(ghost);
        _finish();
    }

    function setPaused(uint256 bits, bool on) external {
        // mostly one bit, and mostly off, so that the other steps have something to do
        bits = 1 << (bits % 6);
        if (on) coin.pause(bits);
        else coin.unpause(63);
        pausedBits = on ? pausedBits | bits : 0;
        _check(coin.pausedBits() == pausedBits, "COIN-5: paused bits");
        _finish();
    }

    function pull(uint256 from, uint256 amount) external {
        from %= HOLDERS;
        amount = _amount(from, amount);
        bytes4 expected = _payerCheck(from, amount);
        if (pausedBits & 1 != 0) expected = IStablecoin.StablecoinPaused.selector;
        _expect(_callEscrow(abi.encodeCall(escrow.pull, (accountOf(from), amount))), expected, 8);
        if (expected == OK) _move(from, HOLDERS, amount);
        _finish();
    }

    function payFrom(uint256 payer, uint256 to, uint256 amount) external {
        (payer, to) = (payer % HOLDERS, to % HOLDERS);
        amount = _amount(HOLDERS, amount);
        bytes4 expected = _balanceCheck(HOLDERS, amount);
        if (expected == OK) expected = _travelCheck(payer, to, amount);
        bytes memory data = abi.encodeCall(escrow.payFrom, (accountOf(payer), accountOf(to), amount));
        _expect(_callEscrow(data), expected, 8);
        if (expected == OK) {
            _consume(payer, to, amount);
            _move(HOLDERS, to, amount);
        }
        _finish();
    }

    function pass(uint256 time) external {
        vm.warp(block.timestamp + (time % 3_000));
        _finish();
    }

    // ---------------------------------------------------------------------------------- the specification, naively

    function _transferCheck(uint256 from, uint256 to, uint256 amount) private view returns (bytes4 reason) {
        reason = _payerCheck(from, amount);
        if (reason == OK) reason = _payeeCheck(from, to);
        if (reason == OK) reason = _travelCheck(from, to, amount);
    }

    function _isAcross(uint256 from, uint256 to, uint256 amount) private view returns (bool) {
        (uint256 own, uint256 foreign) = (_ghosts[from].vasp, _ghosts[to].vasp);
        return own != 0 && foreign != 0 && own != foreign && amount >= limit;
    }

    function _travelCheck(uint256 from, uint256 to, uint256 amount) private view returns (bytes4) {
        if (!_isAcross(from, to, amount) || _granted[from][to] > 0) return OK;
        return IStablecoin.StablecoinAttestationMissing.selector;
    }

    function _consume(uint256 from, uint256 to, uint256 amount) private {
        if (!_isAcross(from, to, amount)) return;
        _check(_granted[from][to] > 0, "COIN-9: a payment between families without an attestation");
        if (_granted[from][to] > 0) _granted[from][to]--;
    }

    function _disbursementCheck(Payment memory p) private view returns (bytes4 reason) {
        if (block.timestamp <= p.validAfter) return IStablecoin.StablecoinAuthorizationNotYetValid.selector;
        if (block.timestamp >= p.validBefore) return IStablecoin.StablecoinAuthorizationExpired.selector;
        if (p.forged) return IStablecoin.StablecoinSignatureInvalid.selector;
        reason = _payerCheck(p.from, p.value);
        if (reason == OK) reason = _nonceCheck(p.from, p.nonce);
    }

    function _seizeCheck(uint256 account, uint256 amount, bytes32 caseId, uint256 most) private view returns (bytes4) {
        Ghost storage ghost = _ghosts[account];
        if (pausedBits & 32 != 0) return IStablecoin.StablecoinPaused.selector;
        if (account == CUSTODY) return IStablecoin.StablecoinAccountInvalid.selector;
        if (account == HOLDERS) return IStablecoin.StablecoinEscrowNotSeizable.selector;
        if (ghost.caseId == 0) return IStablecoin.StablecoinNotFrozen.selector;
        if (caseId != ghost.caseId) return IStablecoin.StablecoinCaseMismatch.selector;
        if (block.timestamp >= ghost.until) return IStablecoin.StablecoinFreezeEnded.selector;
        if (amount == 0 || amount > most) return IStablecoin.StablecoinSeizeAmountInvalid.selector;
        if (_ghosts[CUSTODY].whole) return IStablecoin.StablecoinFrozen.selector;
        return OK;
    }

    function _payerCheck(uint256 from, uint256 amount) private view returns (bytes4) {
        if (_ghosts[from].whole) return IStablecoin.StablecoinFrozen.selector;
        return _balanceCheck(from, amount);
    }

    function _balanceCheck(uint256 from, uint256 amount) private view returns (bytes4) {
        Ghost storage ghost = _ghosts[from];
        if (amount > ghost.balance) return IStablecoin.ERC20InsufficientBalance.selector;
        if (amount + ghost.frozen > ghost.balance && amount > 0) return IStablecoin.ERC20InsufficientUnfrozen.selector;
        return OK;
    }

    function _payeeCheck(uint256 from, uint256 to) private view returns (bytes4) {
        if (_ghosts[to].whole && from != HOLDERS) return IStablecoin.StablecoinFrozen.selector;
        if (to == HOLDERS) return IStablecoin.StablecoinEscrowRefusesCredit.selector;
        return OK;
    }

    function _paymentCheck(Payment memory p) private view returns (bytes4 reason) {
        if (block.timestamp <= p.validAfter) return IStablecoin.StablecoinAuthorizationNotYetValid.selector;
        if (block.timestamp >= p.validBefore) return IStablecoin.StablecoinAuthorizationExpired.selector;
        if (p.forged) return IStablecoin.StablecoinSignatureInvalid.selector;
        reason = _payerCheck(p.from, p.value);
        if (reason == OK) reason = _nonceCheck(p.from, p.nonce);
        if (reason == OK) reason = _payeeCheck(p.from, p.to);
        if (reason == OK) reason = _travelCheck(p.from, p.to, p.value);
    }

    function _nonceCheck(uint256 account, uint256 nonce) private view returns (bytes4) {
        if (_nonceSpent(account, nonce)) return IStablecoin.StablecoinAuthorizationUsed.selector;
        if (nonce < 2 ** 40 && nonce >= _ghosts[account].base + 64)
            return IStablecoin.StablecoinNonceOutOfWindow.selector;
        return OK;
    }

    function _nonceSpent(uint256 account, uint256 nonce) private view returns (bool) {
        return _spent[account][nonce] || (nonce < 2 ** 40 && nonce < _ghosts[account].base);
    }

    function _spend(uint256 account, uint256 nonce) private {
        _check(!_nonceSpent(account, nonce), "COIN-3: a nonce was spent twice");
        _spent[account][nonce] = true;
        _moveBase(account);
    }

    function _moveBase(uint256 account) private {
        Ghost storage ghost = _ghosts[account];
        while (_spent[account][ghost.base]) ghost.base++;
    }

    function _settled(Payment memory p) private {
        _paidUnder[p.from][p.nonce]++;
        _check(_paidUnder[p.from][p.nonce] == 1, "COIN-3: a nonce paid twice");
        _spend(p.from, p.nonce);
        _move(p.from, p.to, p.value);
    }

    function _move(uint256 from, uint256 to, uint256 amount) private {
        Ghost storage payer = _ghosts[from];
        if (amount > 0) {
            _check(!payer.whole, "COIN-2: coins left an account frozen whole");
            _check(payer.balance >= payer.frozen + amount, "COIN-2: frozen coins left");
        }
        _consume(from, to, amount);
        payer.balance -= amount;
        _ghosts[to].balance += amount;
    }

    function _thaw(Ghost storage ghost) private {
        (ghost.whole, ghost.frozen, ghost.caseId, ghost.until, ghost.emptied) = (false, 0, 0, 0, false);
    }

    // ------------------------------------------------------------------------------------------------- the forms

    function _payVrs(Payment memory p) private returns (bytes4) {
        string memory name =
            "TransferWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)";
        (uint8 v, bytes32 r, bytes32 s) = _vrs(p, _hash(name, p));
        return
            _call(
                abi.encodePacked(
                    bytes4(
                        keccak256(
                            "transferWithAuthorization(address,address,uint256,uint256,uint256,bytes32,uint8,bytes32,bytes32)"
                        )
                    ),
                    _words(p),
                    abi.encode(v, r, s)
                )
            );
    }

    function _payBytes(Payment memory p) private returns (bytes4) {
        string memory name =
            "TransferWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)";
        (uint8 v, bytes32 r, bytes32 s) = _vrs(p, _hash(name, p));
        bytes memory signature = abi.encodePacked(r, s, v);
        return
            _call(
                abi.encodeWithSignature(
                    "transferWithAuthorization(address,address,uint256,uint256,uint256,bytes32,bytes)",
                    accountOf(p.from),
                    accountOf(p.to),
                    p.value,
                    p.validAfter,
                    p.validBefore,
                    p.nonce,
                    signature
                )
            );
    }

    function _payMemo(Payment memory p) private returns (bytes4) {
        bytes32 typeHash = keccak256(
            "TransferWithMemo(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce,bytes32 memo)"
        );
        bytes32 memo = keccak256("memo");
        (uint8 v, bytes32 r, bytes32 s) = _vrs(p, keccak256(abi.encodePacked(typeHash, _words(p), memo)));
        return
            _call(
                abi.encodeCall(
                    coin.transferWithMemo,
                    (
                        accountOf(p.from),
                        accountOf(p.to),
                        p.value,
                        p.validAfter,
                        p.validBefore,
                        bytes32(p.nonce),
                        memo,
                        abi.encodePacked(r, s, v)
                    )
                )
            );
    }

    function _disburse(Payment memory p, uint256 total, bytes memory rows) private returns (bytes4) {
        bytes32 typeHash = keccak256(
            "Disburse(address from,uint256 total,bytes32 rowsHash,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
        );
        bytes32 structHash = keccak256(
            abi.encode(typeHash, accountOf(p.from), total, keccak256(rows), p.validAfter, p.validBefore, p.nonce)
        );
        (uint8 v, bytes32 r, bytes32 s) = _vrs(p, structHash);
        bytes memory signature = abi.encodePacked(r, s, v);
        bytes memory data = abi.encodeCall(
            coin.disburse,
            (accountOf(p.from), total, rows, p.validAfter, p.validBefore, bytes32(p.nonce), signature)
        );
        return _call(data);
    }

    function _permit(uint256 owner, uint256 value, uint256 counter, uint256 deadline) private returns (bytes4) {
        bytes32 typeHash = keccak256(
            "Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)"
        );
        address spender = spenderOf(owner);
        bytes32 structHash = keccak256(abi.encode(typeHash, accountOf(owner), spender, value, counter, deadline));
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(owner + 1, _digest(structHash));
        bytes memory data = abi.encodeWithSignature(
            "permit(address,address,uint256,uint256,uint8,bytes32,bytes32)",
            accountOf(owner),
            spender,
            value,
            deadline,
            v,
            r,
            s
        );
        return _call(data);
    }

    function _row(Payment memory p) private view returns (bytes memory) {
        string memory name =
            "TransferWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)";
        (uint8 v, bytes32 r, bytes32 s) = _vrs(p, _hash(name, p));
        bool wide = p.nonce >= 2 ** 40;
        bytes memory nonce = wide ? abi.encodePacked(p.nonce) : abi.encodePacked(uint40(p.nonce));
        return
            abi.encodePacked(
                uint8(1 + (wide ? 2 : 0) + 8),
                accountOf(p.from),
                accountOf(p.to),
                uint64(p.value),
                uint40(p.validBefore),
                nonce,
                uint40(p.validAfter),
                r,
                bytes32(uint256(s) | (uint256(v - 27) << 255))
            );
    }

    function _words(Payment memory p) private view returns (bytes memory) {
        return abi.encode(accountOf(p.from), accountOf(p.to), p.value, p.validAfter, p.validBefore, p.nonce);
    }

    function _hash(string memory name, Payment memory p) private view returns (bytes32) {
        return keccak256(abi.encodePacked(keccak256(bytes(name)), _words(p)));
    }

    function _vrs(Payment memory p, bytes32 structHash) private view returns (uint8 v, bytes32 r, bytes32 s) {
        return vm.sign(p.forged ? 99 : p.from + 1, _digest(structHash));
    }

    function _sign(uint256 account, bytes32 structHash) private view returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(account + 1, _digest(structHash));
        return abi.encodePacked(r, s, v);
    }

    function _digest(bytes32 structHash) private view returns (bytes32) {
        return keccak256(abi.encodePacked(hex"1901", coin.DOMAIN_SEPARATOR(), structHash));
    }

    // ------------------------------------------------------------------------------------------------- the rest

    /// @dev Mostly what is there, sometimes one more, sometimes anything that a row can say.
    function _amount(uint256 from, uint256 seed) private view returns (uint256) {
        uint256 held = _ghosts[from].balance;
        uint256 kind = seed % 16;
        seed >>= 4;
        if (kind == 0) return held;
        if (kind == 1) return held + 1;
        if (kind == 2) return seed % 2 ** 64;
        if (kind == 3) return 0;
        return held == 0 ? 0 : seed % (held / 4 + 1);
    }

    /// @dev Mostly in the window, sometimes just outside, sometimes wide, so that nonces meet again.
    function _nonce(uint256 account, uint256 seed) private view returns (uint256) {
        uint256 base = _ghosts[account].base;
        uint256 kind = seed % 8;
        seed >>= 3;
        if (kind == 0) return 2 ** 40 + (seed % 300);
        if (kind == 1) return type(uint256).max - (seed % 300);
        if (kind == 2) return base + 60 + (seed % 8);
        if (kind == 3 && base > 0) return base - 1 - (seed % base);
        if (kind < 6) return base;
        return base + (seed % 6);
    }

    function _payment(
        uint256 from,
        uint256 to,
        uint256 amount,
        uint256 nonce,
        uint256 flaw
    ) private view returns (Payment memory p) {
        from %= HOLDERS;
        uint256 kind = flaw % 16;
        p = Payment({
            from: from,
            to: to % (kind == 15 ? ACCOUNTS : HOLDERS),
            value: _amount(from, amount),
            nonce: _nonce(from, nonce),
            validAfter: kind == 14 ? block.timestamp : block.timestamp - 1,
            validBefore: kind == 13 ? block.timestamp : block.timestamp + 1,
            forged: kind == 12
        });
    }

    function _call(bytes memory data) private returns (bytes4) {
        (bool done, bytes memory result) = address(coin).call(data);
        return done ? OK : bytes4(result);
    }

    function _callEscrow(bytes memory data) private returns (bytes4) {
        (bool done, bytes memory result) = address(escrow).call(data);
        return done ? OK : bytes4(result);
    }

    function _expect(bytes4 got, bytes4 expected, uint256 id) private {
        if (got == expected) return;
        bytes4 missing = IStablecoin.StablecoinAttestationMissing.selector;
        if (got == missing || expected == missing) id = 9;
        if (got == IStablecoin.StablecoinPaused.selector || expected == IStablecoin.StablecoinPaused.selector) id = 5;
        if (id == 1) _check(false, "COIN-1: a step went another way than specified");
        if (id == 2) _check(false, "COIN-2: a freeze went another way than specified");
        if (id == 3) _check(false, "COIN-3: a nonce went another way than specified");
        if (id == 5) _check(false, "COIN-5: a pause bit stops more or less than its row");
        if (id == 8) _check(false, "COIN-8: an escrow went another way than specified");
        if (id == 9) _check(false, "COIN-9: a family went another way than specified");
    }

    function _check(bool good, string memory message) private {
        if (!good && bytes(broken).length == 0) broken = message;
    }

    /// @dev The RowSkipped events are exactly those expected, in order.
    function _requireSkips(Payment[3] memory ps, bytes4[3] memory expected) private {
        Cheats.Log[] memory logs = vm.getRecordedLogs();
        uint256 next;
        for (uint256 i = 0; i < logs.length; i++) {
            if (logs[i].topics[0] != IStablecoin.RowSkipped.selector) continue;
            while (next < 3 && expected[next] == OK) next++;
            if (next == 3) return _check(false, "COIN-4: a good row was skipped");
            _check(uint256(logs[i].topics[1]) == next, "COIN-4: the index of a skipped row");
            _check(logs[i].topics[2] == bytes32(uint256(uint160(accountOf(ps[next].from)))), "COIN-4: its authorizer");
            _check(uint256(logs[i].topics[3]) == ps[next].nonce, "COIN-4: its nonce");
            _check(abi.decode(logs[i].data, (bytes4)) == expected[next], "COIN-4: its reason");
            next++;
        }
        while (next < 3 && expected[next] == OK) next++;
        _check(next == 3, "COIN-4: a bad row was not skipped");
        _index(logs);
    }

    function _finish() private {
        steps++;
        _index(vm.getRecordedLogs());
    }

    /// @dev Adds up the Transfer events, as an indexer does.
    function _index(Cheats.Log[] memory logs) private {
        for (uint256 i = 0; i < logs.length; i++) {
            if (logs[i].emitter != address(coin)) continue;
            if (logs[i].topics[0] != keccak256("Transfer(address,address,uint256)")) continue;
            uint256 amount = abi.decode(logs[i].data, (uint256));
            uint256 payer = _indexPlusOne[address(uint160(uint256(logs[i].topics[1])))];
            uint256 payee = _indexPlusOne[address(uint160(uint256(logs[i].topics[2])))];
            if (payee != 0) _ghosts[payee - 1].indexed_ += amount;
            if (payer != 0) _ghosts[payer - 1].indexed_ -= amount;
        }
    }
}
