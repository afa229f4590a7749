// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {MessageHashUtils} from "@openzeppelin/contracts/utils/cryptography/MessageHashUtils.sol";
import {ShortString, ShortStrings} from "@openzeppelin/contracts/utils/ShortStrings.sol";
import {AccountState, FreezeOrder, IStablecoin, SeizeOrder, UnfreezeOrder} from "./interfaces/IStablecoin.sol";
import {AccountWord} from "./libraries/AccountWord.sol";
import {CoinFreezes} from "./libraries/CoinFreezes.sol";
import {CoinWord} from "./libraries/CoinWord.sol";
import {PayeeRow} from "./libraries/PayeeRow.sol";
import {Authorization, SettlementRow} from "./libraries/SettlementRow.sol";
import {Signatures} from "./libraries/Signatures.sol";
import {SignedOrders} from "./libraries/SignedOrders.sol";

/// @title Stablecoin
/// @notice A fully reserved coin of six decimals whose holders pay by signature.
/// @dev Promises: no upgrade, no owner, one power per role; a holder's coins move only by the holder's call, signature or
/// allowance; a relayer has no say in what it submits; a bad row of a batch costs nobody else anything.
/// Assumes: the authority grants roles as docs/ROLES.md says; the treasury mints only against reserves; a registered escrow
/// names the true payer in `payFrom` and pays out what it took in; the registry of wallet operators knows the families.
/// Keeps: COIN-1 to COIN-9 of docs/INVARIANTS.md.
contract Stablecoin is CoinFreezes, SignedOrders {
    using AccountWord for uint256;
    using CoinWord for uint256;

    uint256 private constant PAUSE_TRANSFER = 1;
    uint256 private constant PAUSE_AUTHORIZATION = 2;
    uint256 private constant PAUSE_MINT = 4;
    uint256 private constant PAUSE_BURN = 8;
    /// @dev All bits with a meaning, those of freezing (16) and seizing (32) included.
    uint256 private constant PAUSE_KNOWN = 63;

    bytes32 private constant RECEIVE_TYPEHASH = keccak256(
        "ReceiveWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
    );
    bytes32 private constant CANCEL_TYPEHASH = keccak256("CancelAuthorization(address authorizer,bytes32 nonce)");
    bytes32 private constant SKIP_TYPEHASH = keccak256("SkipNonces(address account,uint256 newBase,uint256 deadline)");
    bytes32 private constant DISBURSE_TYPEHASH = keccak256(
        "Disburse(address from,uint256 total,bytes32 rowsHash,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
    );
    bytes32 private constant PERMIT_TYPEHASH = keccak256(
        "Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)"
    );
    bytes32 private constant FREEZE_TYPEHASH = keccak256(
        "FreezeOrder(bytes32 orderId,address account,uint256 amount,bytes32 caseId,uint256 until,uint256 deadline)"
    );
    bytes32 private constant UNFREEZE_TYPEHASH = keccak256(
        "UnfreezeOrder(bytes32 orderId,address account,bytes32 caseId,uint256 deadline)"
    );
    bytes32 private constant SEIZE_TYPEHASH = keccak256(
        "SeizeOrder(bytes32 orderId,address account,uint256 amount,bytes32 caseId,uint256 deadline)"
    );

    ShortString private immutable _symbol;

    mapping(address owner => mapping(address spender => uint256 amount)) private _allowances;
    mapping(address owner => uint256 nonce) private _permits;
    address private _treasury;

    constructor(
        address authority_,
        string memory name_,
        string memory symbol_,
        string memory version_
    ) SignedOrders(authority_, name_, version_) {
        _symbol = ShortStrings.toShortString(symbol_);
    }

    // ------------------------------------------------------------------------------------------------- ERC-20

    /// @inheritdoc IStablecoin
    function transfer(address to, uint256 amount) external returns (bool) {
        _requireNotPaused(PAUSE_TRANSFER);
        _transfer(msg.sender, to, amount);
        return true;
    }

    /// @inheritdoc IStablecoin
    function approve(address spender, uint256 amount) external returns (bool) {
        if (amount != 0) _requireNotPaused(PAUSE_TRANSFER);
        _approve(msg.sender, spender, amount);
        return true;
    }

    /// @inheritdoc IStablecoin
    function permit(
        address owner,
        address spender,
        uint256 value,
        uint256 deadline,
        uint8 v,
        bytes32 r,
        bytes32 s
    ) external {
        _requireSigned(owner, _permitHash(owner, spender, value, deadline), v, r, s);
        _approve(owner, spender, value);
    }

    /// @inheritdoc IStablecoin
    function permit(
        address owner,
        address spender,
        uint256 value,
        uint256 deadline,
        bytes calldata signature
    ) external {
        _requireSigned(owner, _permitHash(owner, spender, value, deadline), signature);
        _approve(owner, spender, value);
    }

    /// @inheritdoc IStablecoin
    function transferFrom(address from, address to, uint256 amount) external returns (bool) {
        _requireNotPaused(PAUSE_TRANSFER);
        if (_accounts[msg.sender].word.isFrozenWhole()) revert StablecoinFrozen(msg.sender);
        mapping(address spender => uint256) storage allowances = _allowances[from];
        uint256 allowed = allowances[msg.sender];
        if (amount > allowed) revert ERC20InsufficientAllowance(msg.sender, allowed, amount);
        if (allowed != type(uint256).max) {
            unchecked {
                allowances[msg.sender] = allowed - amount;
            }
        }
        _transfer(from, to, amount);
        return true;
    }

    // ----------------------------------------------------------------------------------------------- EIP-3009

    /// @inheritdoc IStablecoin
    function transferWithAuthorization(
        address from,
        address to,
        uint256 value,
        uint256 validAfter,
        uint256 validBefore,
        bytes32 nonce,
        uint8 v,
        bytes32 r,
        bytes32 s
    ) external {
        Authorization memory a = Authorization(
            SettlementRow.TRANSFER_TYPEHASH,
            from,
            to,
            value,
            validAfter,
            validBefore,
            nonce,
            0
        );
        _requireTimely(a);
        _requireSigned(from, SettlementRow.structHash(a, SettlementRow.PLAIN), v, r, s);
        _raise(_spend(a));
    }

    /// @inheritdoc IStablecoin
    function transferWithAuthorization(
        address from,
        address to,
        uint256 value,
        uint256 validAfter,
        uint256 validBefore,
        bytes32 nonce,
        bytes calldata signature
    ) external {
        _authorize(
            Authorization(SettlementRow.TRANSFER_TYPEHASH, from, to, value, validAfter, validBefore, nonce, 0),
            SettlementRow.PLAIN,
            signature
        );
    }

    /// @inheritdoc IStablecoin
    function receiveWithAuthorization(
        address from,
        address to,
        uint256 value,
        uint256 validAfter,
        uint256 validBefore,
        bytes32 nonce,
        uint8 v,
        bytes32 r,
        bytes32 s
    ) external {
        Authorization memory a = Authorization(RECEIVE_TYPEHASH, from, to, value, validAfter, validBefore, nonce, 0);
        _requirePayee(to);
        _requireTimely(a);
        _requireSigned(from, SettlementRow.structHash(a, SettlementRow.PLAIN), v, r, s);
        _raise(_spend(a));
    }

    /// @inheritdoc IStablecoin
    function receiveWithAuthorization(
        address from,
        address to,
        uint256 value,
        uint256 validAfter,
        uint256 validBefore,
        bytes32 nonce,
        bytes calldata signature
    ) external {
        _requirePayee(to);
        _authorize(
            Authorization(RECEIVE_TYPEHASH, from, to, value, validAfter, validBefore, nonce, 0),
            SettlementRow.PLAIN,
            signature
        );
    }

    /// @inheritdoc IStablecoin
    function transferWithMemo(
        address from,
        address to,
        uint256 value,
        uint256 validAfter,
        uint256 validBefore,
        bytes32 nonce,
        bytes32 memo,
        bytes calldata signature
    ) external {
        _authorize(
            Authorization(SettlementRow.MEMO_TYPEHASH, from, to, value, validAfter, validBefore, nonce, memo),
            SettlementRow.MEMO,
            signature
        );
        emit Memo(memo);
    }

    /// @inheritdoc IStablecoin
    function cancelAuthorization(address authorizer, bytes32 nonce, uint8 v, bytes32 r, bytes32 s) external {
        _requireSigned(authorizer, keccak256(abi.encode(CANCEL_TYPEHASH, authorizer, nonce)), v, r, s);
        _cancel(authorizer, nonce);
    }

    /// @inheritdoc IStablecoin
    function cancelAuthorization(address authorizer, bytes32 nonce, bytes calldata signature) external {
        _requireSigned(authorizer, keccak256(abi.encode(CANCEL_TYPEHASH, authorizer, nonce)), signature);
        _cancel(authorizer, nonce);
    }

    /// @inheritdoc IStablecoin
    function skipNonces(uint256 newBase) external {
        _skip(msg.sender, newBase);
    }

    /// @inheritdoc IStablecoin
    function skipNonces(address account, uint256 newBase, uint256 deadline, bytes calldata signature) external {
        _checkDeadline(deadline);
        _requireSigned(account, keccak256(abi.encode(SKIP_TYPEHASH, account, newBase, deadline)), signature);
        _skip(account, newBase);
    }

    /// @inheritdoc IStablecoin
    function authorizationState(address authorizer, bytes32 nonce) external view returns (bool) {
        uint256 number = uint256(nonce);
        if (number < AccountWord.WINDOW_NONCES) return _accounts[authorizer].word.isSpent(number);
        return _bitmaps[authorizer][number >> 8] & (1 << (number & 0xff)) != 0;
    }

    /// @inheritdoc IStablecoin
    function settle(bytes calldata rows) external {
        _requireNotPaused(PAUSE_AUTHORIZATION);
        bytes32 separator = _domainSeparatorV4();
        Authorization memory a;
        uint256 offset;
        uint256 index;
        while (offset < rows.length) {
            (uint256 kind, uint256 signature, uint256 next) = SettlementRow.decode(rows, offset, a);
            if (next > rows.length) revert StablecoinRowMalformed(offset);
            bytes4 reason = _settleRow(a, separator, kind, rows, signature, next);
            if (reason != 0) emit RowSkipped(index, a.from, a.nonce, reason);
            else if (kind & SettlementRow.MEMO != 0) emit Memo(a.memo);
            offset = next;
            unchecked {
                ++index;
            }
        }
    }

    /// @inheritdoc IStablecoin
    function disburse(
        address from,
        uint256 total,
        bytes calldata rows,
        uint256 validAfter,
        uint256 validBefore,
        bytes32 nonce,
        bytes calldata signature
    ) external {
        _requireNotPaused(PAUSE_AUTHORIZATION);
        _requireRows(rows, total);
        _requireNow(validAfter, validBefore);
        bytes32 structHash = keccak256(
            abi.encode(DISBURSE_TYPEHASH, from, total, keccak256(rows), validAfter, validBefore, nonce)
        );
        _requireSigned(from, structHash, signature);
        uint256 paid = _spendRows(from, total, rows, nonce);
        emit Disbursed(from, nonce, total, paid);
    }

    // --------------------------------------------------------------------------------------------------- supply

    /// @inheritdoc IStablecoin
    function mint(address to, uint256 amount) external returns (uint256 supply) {
        if (msg.sender != _treasury) revert StablecoinCallerNotTreasury(msg.sender, _treasury);
        uint256 coin = _requireNotPaused(PAUSE_MINT);
        _raise(_receiverFailure(to));
        uint256 room = CoinWord.SUPPLY_CAP - coin.totalSupply();
        if (amount > room) revert StablecoinSupplyCapExceeded(_saturatingSupply(coin, amount), CoinWord.SUPPLY_CAP);
        Account storage payee = _accounts[to];
        uint256 word = payee.word;
        _raise(_payeeFailure(0, to, word));
        unchecked {
            supply = coin.totalSupply() + amount;
        }
        _coin = coin.withTotalSupply(supply);
        payee.word = word.credit(amount);
        _logTransfer(address(0), to, amount);
    }

    /// @inheritdoc IStablecoin
    function burn(uint256 amount) external restricted {
        uint256 coin = _requireNotPaused(PAUSE_BURN);
        Account storage holder = _accounts[msg.sender];
        uint256 word = holder.word;
        if (word.isFrozenWhole()) revert StablecoinFrozen(msg.sender);
        _raise(_balanceFailure(msg.sender, word, amount));
        unchecked {
            _coin = coin.withTotalSupply(coin.totalSupply() - amount);
        }
        holder.word = word.debit(amount);
        _logTransfer(msg.sender, address(0), amount);
    }

    /// @inheritdoc IStablecoin
    function setTreasury(address newTreasury) external restricted {
        _requireOffice(newTreasury);
        emit TreasuryChanged(_treasury, newTreasury);
        _treasury = newTreasury;
    }

    // ----------------------------------------------------------------------------------------- freeze and pause

    /// @inheritdoc IStablecoin
    function freeze(address account, uint256 amount, bytes32 caseId, uint256 until) external restricted {
        _freeze(account, amount, caseId, until);
    }

    /// @inheritdoc IStablecoin
    function freezeBySig(FreezeOrder calldata order, address signer, bytes calldata signature) external {
        bytes32 structHash = keccak256(abi.encode(FREEZE_TYPEHASH, order));
        _useOrder(signer, this.freeze.selector, order.deadline, structHash, signature, order.orderId);
        _freeze(order.account, order.amount, order.caseId, order.until);
    }

    /// @inheritdoc IStablecoin
    function unfreeze(address account, bytes32 caseId) external restricted {
        _unfreeze(account, caseId);
    }

    /// @inheritdoc IStablecoin
    function unfreezeBySig(UnfreezeOrder calldata order, address signer, bytes calldata signature) external {
        bytes32 structHash = keccak256(abi.encode(UNFREEZE_TYPEHASH, order));
        _useOrder(signer, this.unfreeze.selector, order.deadline, structHash, signature, order.orderId);
        _unfreeze(order.account, order.caseId);
    }

    /// @inheritdoc IStablecoin
    function seize(address account, uint256 amount, bytes32 caseId) external restricted {
        _seize(account, amount, caseId);
    }

    /// @inheritdoc IStablecoin
    function seizeBySig(SeizeOrder calldata order, address signer, bytes calldata signature) external {
        bytes32 structHash = keccak256(abi.encode(SEIZE_TYPEHASH, order));
        _useOrder(signer, this.seize.selector, order.deadline, structHash, signature, order.orderId);
        _seize(order.account, order.amount, order.caseId);
    }

    /// @inheritdoc IStablecoin
    function setCustody(address newCustody) external restricted {
        _requireOffice(newCustody);
        emit CustodyChanged(_custody, newCustody);
        _custody = newCustody;
    }

    /// @inheritdoc IStablecoin
    function pause(uint256 bits) external restricted {
        _setPaused(_coin.paused() | _requirePauseBits(bits));
    }

    /// @inheritdoc IStablecoin
    function unpause(uint256 bits) external restricted {
        _setPaused(_coin.paused() & ~_requirePauseBits(bits));
    }

    // ------------------------------------------------------------------------------------------------- escrows

    /// @inheritdoc IStablecoin
    function flagEscrow(address account) external restricted {
        if (account == address(this) || account == _treasury || account == _custody || account == _vaspRegistry) {
            revert StablecoinAccountInvalid(account);
        }
        if (!_hasOwnCode(account)) revert StablecoinEscrowCodeInvalid(account);
        uint256 word = _accounts[account].word;
        uint256 dirt =
            AccountWord.BALANCE_MASK | AccountWord.FROZEN_MASK | AccountWord.VASP_MASK | AccountWord.FLAGS_MASK;
        if (word & dirt != 0 || _hasCase(account)) revert StablecoinEscrowNotClean(account, word);
        _accounts[account].word = word | AccountWord.ESCROW;
        emit EscrowFlagged(account);
    }

    /// @inheritdoc IStablecoin
    function payFrom(address payer, address to, uint256 amount) external {
        Account storage escrow = _accounts[msg.sender];
        uint256 word = escrow.word;
        if (!word.isEscrow()) revert StablecoinCallerNotEscrow(msg.sender);
        if (payer == address(0)) revert StablecoinAccountInvalid(payer);
        _raise(_balanceFailure(msg.sender, word, amount));
        _raise(_receiverFailure(to));
        Account storage payee = _accounts[to];
        uint256 payeeWord = payee.word;
        _raise(_payeeFailure(word, to, payeeWord));
        if (payeeWord.vasp() != 0) _requireAttested(payer, to, payeeWord, amount, escrow);
        _write(escrow, word, payee, payeeWord, msg.sender, to, amount);
    }

    // -------------------------------------------------------------------------------------------- wallet operators

    /// @inheritdoc IStablecoin
    function setVaspRegistry(address newRegistry) external restricted {
        _requireOffice(newRegistry);
        emit VaspRegistryChanged(_vaspRegistry, newRegistry);
        _vaspRegistry = newRegistry;
    }

    /// @inheritdoc IStablecoin
    function setTravelRuleLimit(uint256 limit) external restricted {
        if (limit > CoinWord.MAX_LIMIT) revert StablecoinLimitInvalid(limit, CoinWord.MAX_LIMIT);
        uint256 coin = _coin;
        emit TravelRuleLimitChanged(coin.travelLimit(), limit);
        _coin = coin.withTravelLimit(limit);
    }

    /// @inheritdoc IStablecoin
    function setVasp(address account, uint256 newVasp) external {
        if (msg.sender != _vaspRegistry) revert StablecoinCallerNotRegistry(msg.sender, _vaspRegistry);
        _requireOffice(account);
        if (account == _treasury) revert StablecoinAccountInvalid(account);
        if (newVasp > type(uint16).max) revert StablecoinVaspInvalid(newVasp, type(uint16).max);
        uint256 word = _accounts[account].word;
        emit VaspChanged(account, word.vasp(), newVasp);
        _accounts[account].word = word.withVasp(newVasp);
    }

    // --------------------------------------------------------------------------------------------------- views

    /// @notice The name, which is also that of the EIP-712 domain.
    function name() external view returns (string memory) {
        return _EIP712Name();
    }

    /// @notice The ticker.
    function symbol() external view returns (string memory) {
        return ShortStrings.toString(_symbol);
    }

    /// @notice One coin is 10^6 base units.
    function decimals() external pure returns (uint8) {
        return 6;
    }

    /// @inheritdoc IERC20
    function totalSupply() external view returns (uint256) {
        return _coin.totalSupply();
    }

    /// @inheritdoc IERC20
    function balanceOf(address account) external view returns (uint256) {
        return _accounts[account].word.balance();
    }

    /// @inheritdoc IERC20
    function allowance(address owner, address spender) external view returns (uint256) {
        return _allowances[owner][spender];
    }

    /// @inheritdoc IStablecoin
    function nonces(address owner) external view returns (uint256) {
        return _permits[owner];
    }

    /// @inheritdoc IStablecoin
    function treasury() external view returns (address) {
        return _treasury;
    }

    /// @inheritdoc IStablecoin
    function vaspRegistry() external view returns (address) {
        return _vaspRegistry;
    }

    /// @inheritdoc IStablecoin
    function pausedBits() external view returns (uint256) {
        return _coin.paused();
    }

    /// @inheritdoc IStablecoin
    function isEscrow(address account) external view returns (bool) {
        return _accounts[account].word.isEscrow();
    }

    /// @inheritdoc IStablecoin
    function accountOf(address account) external view returns (AccountState memory state) {
        uint256 word = _accounts[account].word;
        state.balance = word.balance();
        state.frozen = word.frozen();
        state.nonceBase = word.nonceBase();
        state.nonceWindow = word.nonceWindow();
        state.vasp = word.vasp();
        state.frozenWhole = word.isFrozenWhole();
        state.escrow = word.isEscrow();
    }

    /// @inheritdoc IStablecoin
    function wordOf(address account) external view returns (uint256) {
        return _accounts[account].word;
    }

    /// @inheritdoc IStablecoin
    function coinWord() external view returns (uint256) {
        return _coin;
    }

    // ------------------------------------------------------------------------------------------------ internals

    /// @dev The single call with a signature in one piece.
    function _authorize(Authorization memory a, uint256 kind, bytes calldata signature) private {
        _requireTimely(a);
        _requireSigned(a.from, SettlementRow.structHash(a, kind), signature);
        _raise(_spend(a));
    }

    /// @dev One row of a batch: the checks of the single call in the same order. Returns 0, or why nothing changed.
    function _settleRow(
        Authorization memory a,
        bytes32 separator,
        uint256 kind,
        bytes calldata rows,
        uint256 signature,
        uint256 next
    ) private returns (bytes4) {
        if (_isOutside(a.validAfter, a.validBefore)) return bytes4(_timeFailure(a.validAfter, a.validBefore));
        bytes32 digest = MessageHashUtils.toTypedDataHash(separator, SettlementRow.structHash(a, kind));
        bool signed;
        if (kind & SettlementRow.LONG_SIGNATURE == 0) {
            (bytes32 r, bytes32 vs) = SettlementRow.compact(rows, signature);
            signed = Signatures.isValid(a.from, digest, r, vs);
        } else {
            signed = Signatures.isValid(a.from, digest, rows[signature:next]);
        }
        if (!signed) return StablecoinSignatureInvalid.selector;
        bytes memory failure = _spend(a);
        return failure.length == 0 ? bytes4(0) : bytes4(failure);
    }

    function _setPaused(uint256 bits) private {
        uint256 coin = _coin;
        emit PauseChanged(msg.sender, coin.paused(), bits);
        _coin = coin.withPaused(bits);
    }

    function _requirePauseBits(uint256 bits) private pure returns (uint256) {
        if (bits == 0 || bits > PAUSE_KNOWN) revert StablecoinPauseBitsInvalid(bits, PAUSE_KNOWN);
        return bits;
    }

    function _requirePayee(address to) private view {
        _requireNotPaused(PAUSE_AUTHORIZATION);
        if (msg.sender != to) revert StablecoinCallerNotPayee(msg.sender, to);
    }

    function _requireTimely(Authorization memory a) private view {
        _requireNotPaused(PAUSE_AUTHORIZATION);
        _requireNow(a.validAfter, a.validBefore);
    }

    function _requireNow(uint256 validAfter, uint256 validBefore) private view {
        if (_isOutside(validAfter, validBefore)) _raise(_timeFailure(validAfter, validBefore));
    }

    function _isOutside(uint256 validAfter, uint256 validBefore) private view returns (bool) {
        return block.timestamp <= validAfter || block.timestamp >= validBefore;
    }

    function _timeFailure(uint256 validAfter, uint256 validBefore) private view returns (bytes memory) {
        return
            block.timestamp <= validAfter
                ? abi.encodeWithSelector(StablecoinAuthorizationNotYetValid.selector, validAfter, block.timestamp)
                : abi.encodeWithSelector(StablecoinAuthorizationExpired.selector, validBefore, block.timestamp);
    }

    /// @dev Whole rows, not too many, and their sum as it was signed.
    function _requireRows(bytes calldata rows, uint256 total) private pure {
        uint256 count = rows.length / PayeeRow.LENGTH;
        uint256 end = count * PayeeRow.LENGTH;
        if (end != rows.length || count == 0) revert StablecoinRowMalformed(end);
        if (count > PayeeRow.MAX_ROWS) revert StablecoinRowsTooMany(count, PayeeRow.MAX_ROWS);
        uint256 sum = PayeeRow.sum(rows);
        if (sum != total) revert StablecoinTotalMismatch(total, sum);
    }

    function _requireSigned(address signer, bytes32 structHash, bytes calldata signature) private view {
        if (!Signatures.isValid(signer, _hashTypedDataV4(structHash), signature)) {
            revert StablecoinSignatureInvalid(signer);
        }
    }

    function _requireSigned(address signer, bytes32 structHash, uint8 v, bytes32 r, bytes32 s) private view {
        if (!Signatures.isValid(signer, _hashTypedDataV4(structHash), v, r, s)) {
            revert StablecoinSignatureInvalid(signer);
        }
    }

    function _approve(address owner, address spender, uint256 amount) private {
        if (spender == address(0)) revert ERC20InvalidSpender(spender);
        _allowances[owner][spender] = amount;
        emit Approval(owner, spender, amount);
    }

    /// @dev What `owner` signs under its next permit nonce, which is spent here: a permit that fails takes this back.
    function _permitHash(address owner, address spender, uint256 value, uint256 deadline) private returns (bytes32) {
        if (value != 0) _requireNotPaused(PAUSE_TRANSFER);
        _checkDeadline(deadline);
        return keccak256(abi.encode(PERMIT_TYPEHASH, owner, spender, value, _permits[owner]++, deadline));
    }

    /// @dev The travel rule of an escrow's payment, between the payer it names and the payee. A return is no payment.
    function _requireAttested(
        address payer,
        address to,
        uint256 payeeWord,
        uint256 amount,
        Account storage escrow
    ) private {
        uint256 word = _accounts[payer].word;
        if (payer == to || !word.isAcross(payeeWord)) return;
        uint256 escrowWord = escrow.word;
        _raise(_travelFailure(payer, word, to, payeeWord, amount));
        if (escrow.word != escrowWord) revert StablecoinAttestationMissing(payer, to, amount);
    }

    /// @dev An account that can hold an office of the coin, or belong to a wallet operator.
    function _requireOffice(address account) private view {
        if (account == address(0) || account == address(this) || _accounts[account].word.isEscrow()) {
            revert StablecoinAccountInvalid(account);
        }
    }

    /// @dev Code that is not the delegation of EIP-7702, which reads as 0xef0100 and an address.
    function _hasOwnCode(address account) private view returns (bool) {
        if (account.code.length == 0) return false;
        bytes32 start;
        assembly ("memory-safe") {
            mstore(0x00, 0)
            extcodecopy(account, 0x00, 0x00, 0x03)
            start := mload(0x00)
        }
        return bytes3(start) != 0xef0100;
    }

    /// @dev The supply that was asked for, to be told in an error, without a chance to overflow.
    function _saturatingSupply(uint256 coin, uint256 amount) private pure returns (uint256) {
        unchecked {
            uint256 supply = coin.totalSupply() + amount;
            return supply < amount ? type(uint256).max : supply;
        }
    }
}
