// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IStablecoin} from "../interfaces/IStablecoin.sol";
import {IVaspRegistry} from "../interfaces/IVaspRegistry.sol";
import {AccountWord} from "./AccountWord.sol";
import {CoinWord} from "./CoinWord.sol";
import {PayeeRow} from "./PayeeRow.sol";
import {Authorization} from "./SettlementRow.sol";

/// @title CoinLedger
/// @notice The coin's accounts: the checks that stand before every payment, the payment itself, and the nonces.
/// @dev Promises: balances and nonces change here and nowhere else, except that the coin credits what it mints and debits
/// what it burns; a payment changes both sides or nothing. A check returns its failure as revert data, which a single call
/// raises and a batch reports, so that there is one set of checks for both.
/// Assumes: whoever calls has settled who may ask; here is decided only what the accounts allow. Nothing is assumed of the
/// registry but its answer: what it was asked about is looked at again afterwards.
/// Keeps: COIN-2, COIN-3, COIN-4, COIN-7, COIN-8 and COIN-9 of docs/INVARIANTS.md.
///
/// How it stays cheap: all that the coin knows of an account is one storage word, so that replay protection, freeze, family
/// and escrow flag come with the balance; one test tells that neither side of a payment has a restriction and that no
/// family is left.
abstract contract CoinLedger is IStablecoin {
    using AccountWord for uint256;
    using CoinWord for uint256;

    /// @dev See AccountWord.
    struct Account {
        uint256 word;
    }

    mapping(address account => Account) internal _accounts;
    mapping(address authorizer => mapping(uint256 index => uint256 bits)) internal _bitmaps;
    /// @dev See CoinWord.
    uint256 internal _coin = CoinWord.INITIAL;
    address internal _vaspRegistry;

    /// @dev Returns the coin's word, which has been read anyway.
    function _requireNotPaused(uint256 bits) internal view returns (uint256 coin) {
        coin = _coin;
        if (coin.paused() & bits != 0) revert StablecoinPaused(bits);
    }

    /// @dev Carries out an authorization whose time and signature are good: the nonce, the payment, their two events.
    /// Changes nothing when it returns a failure.
    function _spend(Authorization memory a) internal returns (bytes memory failure) {
        (address from, address to, uint256 value, uint256 nonce) = (a.from, a.to, a.value, uint256(a.nonce));
        Account storage payer = _accounts[from];
        Account storage payee = _accounts[to];
        (uint256 word, uint256 payeeWord) = (payer.word, payee.word);
        if (word.isNext(nonce) && _isPlain(word, payeeWord, from, to, value)) {
            _logAuthorizationUsed(from, nonce);
            payer.word = word.spendNext().debit(value);
            payee.word = payeeWord.credit(value);
            _logTransfer(from, to, value);
            return failure;
        }
        failure = _spendFailure(a, word, payeeWord);
        if (failure.length != 0) return failure;
        _logAuthorizationUsed(from, nonce);
        _write(payer, _spendNonce(from, word, nonce), payee, payeeWord, from, to, value);
    }

    /// @dev The transfer checks with a nonce.
    function _spendFailure(
        Authorization memory a,
        uint256 word,
        uint256 payeeWord
    ) private returns (bytes memory failure) {
        failure = _payerFailure(a.from, word, a.value);
        if (failure.length == 0) failure = _receiverFailure(a.to);
        if (failure.length == 0) failure = _nonceFailure(a.from, word, uint256(a.nonce));
        if (failure.length == 0) failure = _payeeFailure(word, a.to, payeeWord);
        if (failure.length == 0 && word.isAcross(payeeWord)) {
            failure = _travelFailure(a.from, word, a.to, payeeWord, a.value);
            // the words were looked at again, but a bitmap nonce is in neither
            if (failure.length == 0) _raise(_nonceFailure(a.from, word, uint256(a.nonce)));
        }
    }

    /// @dev Pays every row, or skips it, out of a total that leaves the payer at once and whose rest comes back at the end, so
    /// that no row can be paid twice over. Layout, time and signature are good.
    function _spendRows(
        address from,
        uint256 total,
        bytes calldata rows,
        bytes32 nonce
    ) internal returns (uint256 paid) {
        Account storage payer = _accounts[from];
        uint256 word = payer.word;
        _raise(_payerFailure(from, word, total));
        _raise(_nonceFailure(from, word, uint256(nonce)));
        _logAuthorizationUsed(from, uint256(nonce));
        word = _spendNonce(from, word, uint256(nonce)).debit(total);
        payer.word = word;
        unchecked {
            for (uint256 offset = 0; offset < rows.length; offset += PayeeRow.LENGTH) {
                (address to, uint256 amount) = PayeeRow.read(rows, offset);
                Account storage payee = _accounts[to];
                uint256 payeeWord = payee.word;
                if (!_isOpen(word, payeeWord, to)) {
                    bytes4 reason = _rowFailure(from, to, payeeWord, amount);
                    if (reason != 0) {
                        emit RowSkipped(offset / PayeeRow.LENGTH, from, nonce, reason);
                        continue;
                    }
                }
                payee.word = payeeWord.credit(amount);
                paid += amount;
                _logTransfer(from, to, amount);
            }
            if (paid != total) payer.word = payer.word.credit(total - paid);
        }
    }

    /// @dev The transfer checks of a payee.
    function _rowFailure(address from, address to, uint256 payeeWord, uint256 amount) private returns (bytes4) {
        uint256 word = _accounts[from].word;
        bytes memory failure = _receiverFailure(to);
        if (failure.length == 0) failure = _payeeFailure(word, to, payeeWord);
        if (failure.length == 0 && word.isAcross(payeeWord)) {
            failure = _travelFailure(from, word, to, payeeWord, amount);
        }
        return failure.length == 0 ? bytes4(0) : bytes4(failure);
    }

    /// @dev A payment by call: the transfer checks without a nonce.
    function _transfer(address from, address to, uint256 amount) internal {
        Account storage payer = _accounts[from];
        Account storage payee = _accounts[to];
        (uint256 word, uint256 payeeWord) = (payer.word, payee.word);
        if (!_isPlain(word, payeeWord, from, to, amount)) {
            _raise(_payerFailure(from, word, amount));
            _raise(_receiverFailure(to));
            _raise(_payeeFailure(word, to, payeeWord));
            if (word.isAcross(payeeWord)) _raise(_travelFailure(from, word, to, payeeWord, amount));
        }
        _write(payer, word, payee, payeeWord, from, to, amount);
    }

    /// @dev Every payment between accounts ends here, or does the same two lines in `_spend`.
    function _write(
        Account storage payer,
        uint256 word,
        Account storage payee,
        uint256 payeeWord,
        address from,
        address to,
        uint256 amount
    ) internal {
        if (from == to) {
            payer.word = word;
        } else {
            payer.word = word.debit(amount);
            payee.word = payeeWord.credit(amount);
        }
        _logTransfer(from, to, amount);
    }

    /// @dev The short way to yes: two different accounts of the same family or of none, neither with a restriction of any
    /// kind, and the balance is there.
    /// No means: look. One branch for all, since this is asked of every payment.
    function _isPlain(
        uint256 word,
        uint256 payeeWord,
        address from,
        address to,
        uint256 amount
    ) private view returns (bool plain) {
        uint256 restrictions = (word & AccountWord.PAYER_GUARD) | (payeeWord & AccountWord.PAYEE_GUARD);
        restrictions |= (word ^ payeeWord) & AccountWord.VASP_MASK;
        uint256 held = word.balance();
        assembly ("memory-safe") {
            let odd := or(or(iszero(to), eq(to, address())), or(eq(from, to), gt(amount, held)))
            plain := iszero(or(restrictions, odd))
        }
    }

    /// @dev The short way to yes for a payee alone.
    function _isOpen(uint256 word, uint256 payeeWord, address to) private view returns (bool open) {
        uint256 restrictions = (payeeWord & AccountWord.PAYEE_GUARD) | ((word ^ payeeWord) & AccountWord.VASP_MASK);
        assembly ("memory-safe") {
            open := iszero(or(restrictions, or(iszero(to), eq(to, address()))))
        }
    }

    function _payerFailure(address from, uint256 word, uint256 amount) private pure returns (bytes memory failure) {
        if (word.isFrozenWhole()) return abi.encodeWithSelector(StablecoinFrozen.selector, from);
        if (word.isEscrow()) return abi.encodeWithSelector(StablecoinEscrowRefusesDebit.selector, from);
        return _balanceFailure(from, word, amount);
    }

    function _balanceFailure(address from, uint256 word, uint256 amount) internal pure returns (bytes memory failure) {
        uint256 held = word.balance();
        if (amount > held) return abi.encodeWithSelector(ERC20InsufficientBalance.selector, from, held, amount);
        uint256 free = word.available();
        if (amount > free) return abi.encodeWithSelector(ERC20InsufficientUnfrozen.selector, from, free, amount);
    }

    function _receiverFailure(address to) internal view returns (bytes memory failure) {
        if (to == address(0) || to == address(this)) {
            return abi.encodeWithSelector(ERC20InvalidReceiver.selector, to);
        }
    }

    function _payeeFailure(
        uint256 payerWord,
        address to,
        uint256 payeeWord
    ) internal view returns (bytes memory failure) {
        if (payeeWord.isFrozenWhole() && !payerWord.isEscrow()) {
            return abi.encodeWithSelector(StablecoinFrozen.selector, to);
        }
        if (payeeWord.isEscrow() && msg.sender != to) {
            return abi.encodeWithSelector(StablecoinEscrowRefusesCredit.selector, to);
        }
    }

    /// @dev The travel rule, the last check before the writes: it consumes an attestation. A registry that fails, or is left
    /// without gas, takes the whole transaction with it, so that neither ever looks like a missing attestation; one that
    /// comes back into the coin and touches either account has answered for something else. Condition: `isAcross`.
    function _travelFailure(
        address from,
        uint256 word,
        address to,
        uint256 payeeWord,
        uint256 amount
    ) internal returns (bytes memory failure) {
        if (amount < _coin.travelLimit()) return failure;
        bool attested = IVaspRegistry(_vaspRegistry).useAttestation(from, to, amount);
        failure = abi.encodeWithSelector(StablecoinAttestationMissing.selector, from, to, amount);
        if (!attested) return failure;
        if (_accounts[from].word != word || _accounts[to].word != payeeWord) _raise(failure);
        return new bytes(0);
    }

    function _nonceFailure(address from, uint256 word, uint256 nonce) private view returns (bytes memory failure) {
        bool spent;
        if (nonce < AccountWord.WINDOW_NONCES) {
            spent = word.isSpent(nonce);
            if (!spent && !word.isUsable(nonce)) {
                return abi.encodeWithSelector(StablecoinNonceOutOfWindow.selector, nonce, word.nonceBase());
            }
        } else {
            spent = _bitmaps[from][nonce >> 8] & (1 << (nonce & 0xff)) != 0;
        }
        if (spent) return abi.encodeWithSelector(StablecoinAuthorizationUsed.selector, from, nonce);
    }

    /// @dev Spends a nonce found unspent: a bitmap nonce in storage, a window nonce in the word returned.
    function _spendNonce(address from, uint256 word, uint256 nonce) private returns (uint256) {
        if (nonce < AccountWord.WINDOW_NONCES) return word.spend(nonce);
        _bitmaps[from][nonce >> 8] |= 1 << (nonce & 0xff);
        return word;
    }

    function _cancel(address authorizer, bytes32 nonce) internal {
        Account storage account = _accounts[authorizer];
        uint256 word = account.word;
        _raise(_nonceFailure(authorizer, word, uint256(nonce)));
        account.word = _spendNonce(authorizer, word, uint256(nonce));
        emit AuthorizationCanceled(authorizer, nonce);
    }

    function _skip(address account, uint256 newBase) internal {
        uint256 word = _accounts[account].word;
        uint256 base = word.nonceBase();
        if (newBase <= base || newBase > AccountWord.MAX_SKIP) {
            revert StablecoinNonceBaseInvalid(newBase, base, AccountWord.MAX_SKIP);
        }
        word = word.skip(newBase);
        _accounts[account].word = word;
        emit NoncesSkipped(account, base, word.nonceBase());
    }

    function _logAuthorizationUsed(address from, uint256 nonce) private {
        bytes32 topic = AuthorizationUsed.selector;
        assembly ("memory-safe") {
            log3(0x00, 0x00, topic, from, nonce)
        }
    }

    function _logTransfer(address from, address to, uint256 amount) internal {
        bytes32 topic = IERC20.Transfer.selector;
        assembly ("memory-safe") {
            mstore(0x00, amount)
            log3(0x00, 0x20, topic, from, to)
        }
    }

    /// @dev Reverts with `failure`, if there is one.
    function _raise(bytes memory failure) internal pure {
        if (failure.length == 0) return;
        assembly ("memory-safe") {
            revert(add(failure, 0x20), mload(failure))
        }
    }
}
