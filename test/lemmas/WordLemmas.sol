// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AccountWord} from "../../contracts/libraries/AccountWord.sol";

/// @title CreditLemma
/// @notice The library's own `credit`: the balance grows by the amount and everything above it stays.
/// @dev Fields are read by division and remainder, apart from the library's shifts and masks.
contract CreditLemma {
    using AccountWord for uint256;

    function credit(uint256 word, uint256 amount) external pure {
        uint256 balance = word % 2 ** 64;
        require(amount < 2 ** 64 - balance);
        uint256 next = word.credit(amount);
        assert(next % 2 ** 64 == balance + amount);
        assert(next / 2 ** 64 == word / 2 ** 64);
    }
}

/// @title DebitLemma
/// @notice The library's own `debit`: the balance falls by the amount and everything above it stays.
contract DebitLemma {
    using AccountWord for uint256;

    function debit(uint256 word, uint256 amount) external pure {
        uint256 balance = word % 2 ** 64;
        require(amount <= balance);
        uint256 next = word.debit(amount);
        assert(next % 2 ** 64 == balance - amount);
        assert(next / 2 ** 64 == word / 2 ** 64);
    }
}

/// @title SpendNextLemma
/// @notice The library's own `spendNext` adds one at the base and nothing anywhere else.
contract SpendNextLemma {
    using AccountWord for uint256;

    function spendNext(uint256 word) external pure {
        require(word < 2 ** 255);
        assert(word.spendNext() == word + 2 ** 128);
    }
}

/// @title FieldLemma
/// @notice A field put above lower ones by multiplication is read back whole, and so are the lower ones: no two words with other
/// fields are the same number.
contract FieldLemma {
    function aboveBalance(uint256 low, uint256 high) external pure {
        require(low < 2 ** 64 && high < 2 ** 192);
        uint256 word = low + high * 2 ** 64;
        assert(word % 2 ** 64 == low);
        assert(word / 2 ** 64 == high);
    }
}

/// @title FreezeFieldLemma
/// @notice A field that is taken out of a word and put in anew leaves the others as they were: the way `withFreeze`,
/// `withTotalSupply` and `withPaused` write.
/// @dev That the library's masks do what sums do here is what `testFuzz_freezeChangesItsTwoFieldsAlone` and
/// `testFuzz_coinWordFieldsNeverBleed` check.
contract FreezeFieldLemma {
    function replace(uint256 low, uint256 field, uint256 high, uint256 value) external pure {
        require(low < 2 ** 64 && field < 2 ** 64 && high < 2 ** 128 && value < 2 ** 64);
        uint256 word = low + field * 2 ** 64 + high * 2 ** 128;
        uint256 next = word - field * 2 ** 64 + value * 2 ** 64;
        assert(next == low + value * 2 ** 64 + high * 2 ** 128);
    }
}
