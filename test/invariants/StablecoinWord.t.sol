// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AccountWord} from "../../contracts/libraries/AccountWord.sol";
import {CoinWord} from "../../contracts/libraries/CoinWord.sol";

/// @title StablecoinWordTest
/// @notice The packing arithmetic against a model that keeps every field in a variable of its own.
contract StablecoinWordTest {
    using AccountWord for uint256;
    using CoinWord for uint256;

    struct Model {
        uint256 balance;
        uint256 frozen;
        uint256 base;
        bool[64] window;
        uint256 vasp;
        uint256 flags;
    }

    uint256 private constant END = 2 ** 40;

    // ------------------------------------------------------------------------------------------ the model

    /// @dev Reads a word field by field with division, apart from the library's shifts and masks.
    function _read(uint256 word) private pure returns (Model memory model) {
        model.balance = word % 2 ** 64;
        model.frozen = (word / 2 ** 64) % 2 ** 64;
        model.base = (word / 2 ** 128) % 2 ** 40;
        for (uint256 i = 0; i < 64; i++) {
            model.window[i] = (word / 2 ** (168 + i)) % 2 == 1;
        }
        model.vasp = (word / 2 ** 232) % 2 ** 16;
        model.flags = word / 2 ** 248;
    }

    function _spent(Model memory model, uint256 nonce) private pure returns (bool) {
        if (nonce < model.base) return true;
        return nonce < model.base + 64 && model.window[nonce - model.base];
    }

    /// @dev Sets a nonce, then moves the base one step at a time while its nonce is spent and the lane goes on.
    function _spend(Model memory model, uint256 nonce) private pure {
        model.window[nonce - model.base] = true;
        _settleBase(model);
    }

    function _skip(Model memory model, uint256 newBase) private pure {
        while (model.base < newBase) _step(model);
        _settleBase(model);
    }

    function _settleBase(Model memory model) private pure {
        while (model.window[0] && model.base + 64 < END) _step(model);
    }

    function _step(Model memory model) private pure {
        for (uint256 i = 0; i < 63; i++) {
            model.window[i] = model.window[i + 1];
        }
        model.window[63] = false;
        model.base++;
    }

    function _requireEqual(uint256 word, Model memory model) private pure {
        require(keccak256(abi.encode(_read(word))) == keccak256(abi.encode(model)), "COIN-6: a word field bled");
        require(word.balance() == model.balance, "COIN-6: balance");
        require(word.frozen() == model.frozen, "COIN-6: frozen");
        require(word.nonceBase() == model.base, "COIN-6: nonceBase");
        require(word.vasp() == model.vasp, "COIN-6: vasp");
        require(word.isFrozenWhole() == (model.flags % 2 == 1), "COIN-6: frozen whole");
        require(word.isEscrow() == ((model.flags / 2) % 2 == 1), "COIN-6: escrow");
        for (uint256 i = 0; i < 64; i++) {
            require(((word.nonceWindow() >> i) & 1 == 1) == model.window[i], "COIN-6: nonceWindow");
        }
    }

    /// @dev A word as the coin can have it: the base inside its lane, and unspent unless it is the last.
    function _sound(uint256 word) private pure returns (uint256) {
        uint256 base = (word / 2 ** 128) % 2 ** 40;
        if (base >= AccountWord.MAX_BASE) return word - (base - AccountWord.MAX_BASE) * 2 ** 128;
        return word & ~(uint256(1) << 168);
    }

    // ------------------------------------------------------------------------------------------ account word

    function testFuzz_readsEveryField(uint256 word) external pure {
        _requireEqual(word, _read(word));
    }

    function testFuzz_creditAndDebitChangeTheBalanceAlone(uint256 word, uint64 amount) external pure {
        Model memory model = _read(word);
        if (model.balance + amount < 2 ** 64) {
            Model memory more = _read(word);
            more.balance += amount;
            _requireEqual(word.credit(amount), more);
        }
        if (amount <= model.balance) {
            model.balance -= amount;
            _requireEqual(word.debit(amount), model);
        }
    }

    function testFuzz_availableIsTheBalanceBeyondWhatIsFrozen(uint256 word) external pure {
        Model memory model = _read(word);
        uint256 expected = model.balance > model.frozen ? model.balance - model.frozen : 0;
        require(word.available() == expected, "COIN-2: available");
    }

    function testFuzz_freezeChangesItsTwoFieldsAlone(uint256 word, uint64 amount, bool whole) external pure {
        Model memory model = _read(word);
        uint256 given = whole ? type(uint256).max : amount;
        model.frozen = whole ? 0 : amount;
        model.flags = (model.flags / 2) * 2 + (whole ? 1 : 0);
        uint256 frozenWord = word.withFreeze(given);
        _requireEqual(frozenWord, model);
        require(frozenWord.freezeOf() == given, "COIN-6: freezeOf");
    }

    function testFuzz_seizingTakesOutOfTheFreezeAlone(uint256 word, uint64 amount, bool whole) external pure {
        word = word.withFreeze(whole ? type(uint256).max : word.frozen());
        Model memory model = _read(word);
        uint256 most = whole || model.balance < model.frozen ? model.balance : model.frozen;
        require(word.seizable() == most, "COIN-2: seizable");
        uint256 taken = most == 0 ? 0 : amount % (most + 1);
        if (!whole) model.frozen -= taken;
        _requireEqual(word.withSeized(taken), model);
    }

    function testFuzz_aFamilyChangesItsFieldAlone(uint256 word, uint16 family) external pure {
        Model memory model = _read(word);
        model.vasp = family;
        _requireEqual(word.withVasp(family), model);
    }

    function testFuzz_familiesAreAcrossWhenBothAreThereAndDiffer(uint256 word, uint256 other, bool same) external pure {
        if (same) other = other.withVasp(word.vasp());
        (uint256 own, uint256 foreign) = (_read(word).vasp, _read(other).vasp);
        require(word.isAcross(other) == (own > 0 && foreign > 0 && own != foreign), "COIN-9: across");
        require(word.isAcross(other) == other.isAcross(word), "COIN-9: one way only");
        require(!word.isAcross(word), "COIN-9: across to itself");
        require(!word.withVasp(0).isAcross(other) && !word.isAcross(other.withVasp(0)), "COIN-9: across to none");
    }

    function testFuzz_spendChangesTheNoncesAlone(uint256 word, uint8 offset) external pure {
        word = _sound(word);
        Model memory model = _read(word);
        uint256 nonce = model.base + (offset % 64);
        require(word.isUsable(nonce) == !_spent(model, nonce), "COIN-3: usable");
        if (!word.isUsable(nonce)) return;
        _spend(model, nonce);
        uint256 spentWord = word.spend(nonce);
        _requireEqual(spentWord, model);
        require(spentWord.isSpent(nonce) && !spentWord.isUsable(nonce), "COIN-3: a spent nonce is usable");
    }

    /// @dev The short way of payments in order does what the long way does.
    function testFuzz_spendNextIsSpend(uint256 word, uint256 nonce, bool ordered) external pure {
        word = _sound(word);
        if (ordered) {
            word &= ~(((uint256(1) << 64) - 1) << 168);
            nonce = word.nonceBase();
        }
        if (!word.isNext(nonce)) return;
        require(word.isUsable(nonce), "COIN-3: next but not usable");
        require(word.spendNext() == word.spend(nonce), "COIN-3: the short way differs");
    }

    /// @dev At the end of the lane the short way is not taken: the base would leave its field.
    function test_isNextEndsBeforeTheLane() external pure {
        uint256 last = (AccountWord.MAX_BASE - 1) << 128;
        require(last.isNext(AccountWord.MAX_BASE - 1), "COIN-3: last step");
        require(!last.spendNext().isNext(AccountWord.MAX_BASE), "COIN-3: beyond the lane");
    }

    function testFuzz_aWindowIsNotMistakenForAWideNonce(uint64 window, uint40 base) external pure {
        uint256 word = (uint256(base) << 128) | (uint256(window) << 168);
        uint256 nonce = uint256(base) | (uint256(window) << 40);
        if (window != 0) require(!word.isNext(nonce) && !word.isUsable(nonce), "COIN-3: a bitmap nonce in the window");
    }

    function testFuzz_skipChangesTheNoncesAlone(uint256 word, uint8 distance) external pure {
        word = _sound(word);
        Model memory model = _read(word);
        uint256 newBase = model.base + 1 + (distance % 130);
        if (newBase > AccountWord.MAX_SKIP) return;
        uint256 before = model.base;
        Model memory old = _read(word);
        _skip(model, newBase);
        uint256 skipped = word.skip(newBase);
        _requireEqual(skipped, model);
        for (uint256 nonce = before; nonce < before + 64; nonce++) {
            require(!_spent(old, nonce) || skipped.isSpent(nonce), "COIN-3: a spent nonce re-opened");
        }
        require(!skipped.isUsable(newBase - 1), "COIN-3: a skipped nonce is usable");
    }

    function testFuzz_anySequenceMatchesTheModel(uint256 word, uint256[16] memory steps) external pure {
        word = _sound(word);
        Model memory model = _read(word);
        for (uint256 i = 0; i < steps.length; i++) {
            uint256 kind = steps[i] % 5;
            uint256 amount = (steps[i] >> 8) % 2 ** 64;
            uint256 nonce = model.base + ((steps[i] >> 72) % 70);
            if (kind == 0 && model.balance + amount < 2 ** 64) {
                word = word.credit(amount);
                model.balance += amount;
            } else if (kind == 1 && amount <= model.balance) {
                word = word.debit(amount);
                model.balance -= amount;
            } else if (kind == 2) {
                word = word.withFreeze(amount);
                model.frozen = amount;
                model.flags = (model.flags / 2) * 2;
            } else if (kind == 3 && word.isUsable(nonce)) {
                word = word.spend(nonce);
                _spend(model, nonce);
            } else if (kind == 4 && nonce > model.base && nonce <= AccountWord.MAX_SKIP) {
                word = word.skip(nonce);
                _skip(model, nonce);
            }
            _requireEqual(word, model);
        }
    }

    // --------------------------------------------------------------------------------------------- coin word

    function testFuzz_coinWordFieldsNeverBleed(uint256 word, uint64 supply, uint8 bits, uint64 newLimit) external pure {
        // nothing above the limit is ever set
        word %= 2 ** 136;
        uint256 limit = word >> 72;
        require(word.travelLimit() == limit, "COIN-6: reading the limit");
        uint256 next = word.withTotalSupply(supply);
        require(
            next.totalSupply() == supply && next.paused() == word.paused() && next >> 72 == limit,
            "COIN-6: supply"
        );
        next = word.withPaused(bits);
        require(
            next.paused() == bits && next.totalSupply() == word.totalSupply() && next >> 72 == limit,
            "COIN-6: paused bits"
        );
        next = word.withTravelLimit(newLimit);
        require(
            next.travelLimit() == newLimit &&
                next.totalSupply() == word.totalSupply() &&
                next.paused() == word.paused(),
            "COIN-6: limit"
        );
    }

    function test_coinWordBeginsWithTheLimitOff() external pure {
        require(CoinWord.INITIAL == (2 ** 64 - 1) * 2 ** 72, "COIN-6: initial word");
        require(CoinWord.INITIAL.travelLimit() == CoinWord.MAX_LIMIT, "COIN-6: initial limit");
    }
}
