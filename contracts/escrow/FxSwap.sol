// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {IFxSwap} from "../interfaces/IFxSwap.sol";
import {Signatures} from "../libraries/Signatures.sol";
import {Escrow} from "./Escrow.sol";

/// @title FxSwap
/// @notice Two payments in two coins, both or neither, by two signatures over one quote.
/// @dev Promises: a quote is carried out or cancelled, once (SWAP-1); a swap moves exactly its two amounts between exactly its
/// two parties (SWAP-2); between two transactions nothing is held here and no credit exists (SWAP-3); a quote moves nothing
/// once its time has come or its maker withdrew it (SWAP-4); an attempt that fails changes nothing (SWAP-5). Nobody holds a
/// power here that the quote does not give: there is no role, no owner and no fee.
/// Assumes nothing about the two parties, who need not trust each other or whoever submits.
contract FxSwap is IFxSwap, Escrow {
    bytes32 private constant QUOTE = keccak256(
        "Quote(address maker,address taker,address sellCoin,uint256 sellAmount,address buyCoin,uint256 buyAmount,uint256 validBefore,bytes32 salt)"
    );
    bytes32 private constant CANCEL_QUOTE = keccak256("CancelQuote(bytes32 id,uint256 deadline)");

    /// @dev The sides of a quote, of which the nonces of the legs are made.
    uint256 private constant MAKER = 1;
    uint256 private constant TAKER = 2;

    /// @dev As long as the longest rate that is quoted for a delivery; a forgotten quote ends within a month.
    uint256 private constant LONGEST_TERM = 30 days;

    mapping(bytes32 id => bool used) private _used;

    /// @param coins_ the coins dealt in, kept for ever.
    constructor(address[] memory coins_) Escrow(coins_) EIP712("Remesa Swap", "1") {}

    /// @inheritdoc IFxSwap
    function swap(
        Quote calldata quote,
        bytes calldata makerSignature,
        bytes calldata takerSignature
    ) external nonReentrant returns (bytes32 id) {
        _checkQuote(quote);
        id = _unused(quote);
        bytes32 makerNonce = legNonceOf(id, MAKER);
        bytes32 takerNonce = legNonceOf(id, TAKER);
        _checkId(makerNonce);
        _checkId(takerNonce);

        _used[id] = true;
        emit Swapped(id, quote.maker, quote.taker, quote.sellCoin, quote.sellAmount, quote.buyCoin, quote.buyAmount);
        _take(makerNonce, quote.sellCoin, quote.maker, quote.sellAmount, quote.validBefore, makerSignature);
        _take(takerNonce, quote.buyCoin, quote.taker, quote.buyAmount, quote.validBefore, takerSignature);
        _pay(quote.sellCoin, quote.maker, quote.taker, quote.sellAmount);
        _pay(quote.buyCoin, quote.taker, quote.maker, quote.buyAmount);
    }

    /// @inheritdoc IFxSwap
    function cancel(Quote calldata quote) external nonReentrant {
        bytes32 id = _unused(quote);
        if (msg.sender != quote.maker) revert FxMakerOnly(msg.sender, quote.maker);
        _cancel(id, quote.maker);
    }

    /// @inheritdoc IFxSwap
    function cancelBySig(Quote calldata quote, uint256 deadline, bytes calldata signature) external nonReentrant {
        bytes32 id = _unused(quote);
        if (block.timestamp > deadline) revert FxOrderExpired(deadline, block.timestamp);
        bytes32 digest = _hashTypedDataV4(keccak256(abi.encode(CANCEL_QUOTE, id, deadline)));
        if (!Signatures.isValid(quote.maker, digest, signature)) revert FxSignatureInvalid(quote.maker);
        _cancel(id, quote.maker);
    }

    /// @inheritdoc IFxSwap
    function quoteUsed(bytes32 id) external view returns (bool) {
        return _used[id];
    }

    /// @inheritdoc IFxSwap
    // solhint-disable-next-line func-name-mixedcase
    function DOMAIN_SEPARATOR() external view returns (bytes32) {
        return _domainSeparatorV4();
    }

    /// @inheritdoc IFxSwap
    function idOf(Quote calldata quote) public view returns (bytes32) {
        return _hashTypedDataV4(keccak256(abi.encode(QUOTE, quote)));
    }

    /// @inheritdoc IFxSwap
    function legNonceOf(bytes32 id, uint256 side) public pure returns (bytes32) {
        return keccak256(abi.encode(id, side));
    }

    function _cancel(bytes32 id, address maker) private {
        _used[id] = true;
        emit QuoteCancelled(id, maker);
    }

    function _unused(Quote calldata quote) private view returns (bytes32 id) {
        id = idOf(quote);
        if (_used[id]) revert FxQuoteUsed(id);
    }

    function _checkQuote(Quote calldata quote) private view {
        _checkTerms(quote.sellCoin, quote.sellAmount);
        _checkTerms(quote.buyCoin, quote.buyAmount);
        if (quote.sellCoin == quote.buyCoin) revert FxSameCoin(quote.sellCoin);
        if (quote.maker == address(0)) revert FxPartyInvalid(quote.maker);
        if (quote.taker == address(0) || quote.taker == quote.maker) revert FxPartyInvalid(quote.taker);
        if (block.timestamp >= quote.validBefore) revert FxQuoteExpired(quote.validBefore, block.timestamp);
        uint256 limit = block.timestamp + LONGEST_TERM;
        if (quote.validBefore > limit) revert FxQuoteTooLong(quote.validBefore, limit);
    }
}
