// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {IEscrow} from "../interfaces/IEscrow.sol";
import {IStablecoin} from "../interfaces/IStablecoin.sol";

/// @title Escrow
/// @notice The base of the escrows: taking coins in under terms, paying them out or crediting them, and the books.
/// @dev Promises: per coin the balance is never below what is owed (ESCROW-1); a credit is paid to its party alone (ESCROW-2);
/// a payment the coin refuses becomes a credit of the same amount (ESCROW-3), and a shortage of gas never does (ESCROW-4).
/// Rules for the contracts built on it: the id of a thing is the EIP-712 digest of its terms; coins enter only through
/// `_take`, whose nonce is that id; deadlines are absolute, half-open and capped; exits are callable by anyone, pay only the
/// party named in the terms and are never paused; every step emits id, actor, amount and the new state; personal data is
/// never stored, only salted commitments; every function that changes anything is `nonReentrant`.
/// Assumes: the coins listed are Stablecoins that flagged this contract as an escrow. Every payment names whose coins they
/// were, since the travel rule lies between payer and party; credits are kept apart by payer for the same reason.
abstract contract Escrow is IEscrow, EIP712 {
    /// @dev One slot per coin. `held` is all that is owed, so that it can be compared with the balance.
    struct Book {
        uint64 held;
        bool listed;
    }

    /// @dev The largest amount of any coin in existence.
    uint256 internal constant MAX_AMOUNT = 2 ** 63 - 1;

    /// @dev Below it lie the coin's window nonces, which a holder may use up or skip for other reasons.
    uint256 internal constant LOWEST_ID = 2 ** 40;

    /// @dev A payment to a new account takes under 60,000; new slots are about to cost four times as much.
    uint256 internal constant GAS_FLOOR = 250_000;

    mapping(address coin => Book) private _books;
    mapping(address coin => mapping(address payer => mapping(address party => uint256 amount))) private _credits;
    address[] private _coins;

    /// @dev Set while a function that changes anything runs; forgotten with the transaction.
    bool private transient _entered;

    modifier nonReentrant() {
        if (_entered) revert EscrowReentered();
        _entered = true;
        _;
        _entered = false;
    }

    constructor(address[] memory coins_) {
        for (uint256 i = 0; i < coins_.length; ++i) {
            address coin = coins_[i];
            if (coin.code.length == 0 || _books[coin].listed) revert EscrowCoinInvalid(coin);
            _books[coin].listed = true;
        }
        _coins = coins_;
    }

    /// @inheritdoc IEscrow
    function withdrawCredit(address coin, address payer, address party) external nonReentrant {
        uint256 amount = _credits[coin][payer][party];
        if (amount == 0) revert EscrowNoCredit(coin, payer, party);
        _credits[coin][payer][party] = 0;
        emit EscrowCreditWithdrawn(coin, payer, party, amount);
        _pay(coin, payer, party, amount);
    }

    /// @inheritdoc IEscrow
    function creditOf(address coin, address payer, address party) external view returns (uint256) {
        return _credits[coin][payer][party];
    }

    /// @inheritdoc IEscrow
    function held(address coin) external view returns (uint256) {
        return _books[coin].held;
    }

    /// @inheritdoc IEscrow
    function coins() external view returns (address[] memory) {
        return _coins;
    }

    /// @dev What terms must meet in any escrow: a coin of ours and an amount that can exist.
    function _checkTerms(address coin, uint256 amount) internal view {
        if (!_books[coin].listed) revert EscrowCoinUnknown(coin);
        if (amount == 0 || amount > MAX_AMOUNT) revert EscrowAmountOutOfBounds(amount, MAX_AMOUNT);
    }

    /// @dev An id must not be one of the coin's window nonces.
    function _checkId(bytes32 id) internal pure {
        if (uint256(id) < LOWEST_ID) revert EscrowIdTooLow(id, LOWEST_ID);
    }

    /// @dev Takes coins in by the authorization of `from` with `nonce`: the id of the terms, or for a later pull a nonce derived
    /// from the id, the step and the state before. Terms and nonce were checked.
    function _take(
        bytes32 nonce,
        address coin,
        address from,
        uint256 amount,
        uint256 validBefore,
        bytes calldata signature
    ) internal {
        _books[coin].held += uint64(amount);
        uint256 balance = _balance(coin);
        IStablecoin(coin).receiveWithAuthorization(from, address(this), amount, 0, validBefore, nonce, signature);
        _checkBalance(coin, balance + amount);
    }

    /// @dev Pays `party` what `payer` had paid in, or credits it when the coin refuses. An amount of zero is nothing to do.
    function _payOrCredit(bytes32 id, address coin, address payer, address party, uint256 amount) internal {
        if (amount == 0) return;
        uint256 balance = _balance(coin);
        _checkGas();
        try IStablecoin(coin).payFrom(payer, party, amount) {
            _settle(coin, balance, amount);
        } catch {
            _credits[coin][payer][party] += amount;
            emit EscrowCredited(id, coin, party, payer, amount);
        }
    }

    /// @dev Pays `party` what `payer` had paid in, or reverts with the coin's reason.
    function _pay(address coin, address payer, address party, uint256 amount) internal {
        uint256 balance = _balance(coin);
        IStablecoin(coin).payFrom(payer, party, amount);
        _settle(coin, balance, amount);
    }

    /// @dev Burns coins held here; false when the coin refuses, and then nothing has changed.
    function _tryBurn(address coin, uint256 amount) internal returns (bool burned) {
        uint256 balance = _balance(coin);
        _checkGas();
        try IStablecoin(coin).burn(amount) {
            _settle(coin, balance, amount);
            return true;
        } catch {
            return false;
        }
    }

    /// @dev Burns coins held here, or reverts with the coin's reason.
    function _burn(address coin, uint256 amount) internal {
        uint256 balance = _balance(coin);
        IStablecoin(coin).burn(amount);
        _settle(coin, balance, amount);
    }

    /// @dev Closes an outgoing movement: the balance fell by exactly `amount` and so does what is owed.
    function _settle(address coin, uint256 balance, uint256 amount) private {
        _books[coin].held -= uint64(amount);
        _checkBalance(coin, balance - amount);
    }

    function _balance(address coin) private view returns (uint256) {
        return IStablecoin(coin).balanceOf(address(this));
    }

    function _checkBalance(address coin, uint256 expected) private view {
        uint256 actual = _balance(coin);
        if (actual != expected) revert EscrowBalanceMismatch(coin, expected, actual);
    }

    /// @dev A call keeps back a 64th of the gas; the floor is so far above the need that a failed try is the coin's answer.
    function _checkGas() private view {
        uint256 available = gasleft();
        if (available < GAS_FLOOR) revert EscrowGasTooLow(available, GAS_FLOOR);
    }
}
