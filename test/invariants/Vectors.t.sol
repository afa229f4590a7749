// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Authorization, SettlementRow} from "../../contracts/libraries/SettlementRow.sol";

/// @notice The cheat codes that read `examples/vectors.json`.
interface Files {
    function readFile(string calldata file) external view returns (string memory);

    function parseJsonString(string calldata json, string calldata key) external pure returns (string memory);

    function parseJsonBytes(string calldata json, string calldata key) external pure returns (bytes memory);

    function parseJsonBytes32(string calldata json, string calldata key) external pure returns (bytes32);

    function parseJsonAddress(string calldata json, string calldata key) external pure returns (address);

    function parseJsonUint(string calldata json, string calldata key) external pure returns (uint256);

    function parseJsonBool(string calldata json, string calldata key) external pure returns (bool);

    function keyExistsJson(string calldata json, string calldata key) external view returns (bool);

    function toString(uint256 value) external pure returns (string memory);
}

/// @title VectorsTest
/// @notice The worked values of `examples/vectors.json`, computed again in Solidity from the type strings and messages alone.
contract VectorsTest {
    using SettlementRow for Authorization;

    Files private constant FILES = Files(0x7109709ECfa91a80626fF3989D68f67F5b1DD12D);
    bytes32 private constant DOMAIN_TYPEHASH = keccak256(
        "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
    );

    string private _json;

    function setUp() public {
        _json = FILES.readFile("examples/vectors.json");
    }

    function test_every_struct_has_its_digest_and_its_signer() public view {
        string memory json = _json;
        uint256 count;
        for (
            string memory path = _at("structs", count);
            FILES.keyExistsJson(json, path);
            path = _at("structs", ++count)
        ) {
            bytes32 digest = _digest(json, path);
            string memory name = FILES.parseJsonString(json, _join(path, "name"));
            require(digest == FILES.parseJsonBytes32(json, _join(path, "digest")), _join("digest of", name));
            string memory signer = FILES.parseJsonString(json, _join(path, "signer"));
            address key = FILES.parseJsonAddress(json, string.concat(".keys.", signer, ".address"));
            bytes memory signature = FILES.parseJsonBytes(json, _join(path, "signature"));
            require(_recover(digest, signature) == key, _join("signer of", name));
        }
        require(count == 65, "every struct was looked at");
    }

    function test_every_row_reads_as_its_struct() public view {
        string memory json = _json;
        uint256 count;
        for (string memory path = _at("rows", count); FILES.keyExistsJson(json, path); path = _at("rows", ++count)) {
            bytes memory row = FILES.parseJsonBytes(json, _join(path, "row"));
            string memory name = FILES.parseJsonString(json, _join(path, "struct"));
            bytes32 digest = this.digestOfRow(row, _separator(json, "coin"));
            require(digest == FILES.parseJsonBytes32(json, _join(_find(json, name), "digest")), _join("row of", name));
        }
        require(count == 6, "every row was looked at");
    }

    /// @dev External, because rows are read from call data.
    function digestOfRow(bytes calldata row, bytes32 separator) external pure returns (bytes32) {
        Authorization memory a;
        (uint256 kind, , uint256 next) = SettlementRow.decode(row, 0, a);
        require(next == row.length, "the row is sound and has no rest");
        return keccak256(abi.encodePacked(hex"1901", separator, a.structHash(kind)));
    }

    function _digest(string memory json, string memory path) private pure returns (bytes32) {
        string memory types = FILES.parseJsonString(json, _join(path, "typeString"));
        bytes memory encoded = abi.encodePacked(keccak256(bytes(types)));
        bytes memory text = bytes(types);
        uint256 cursor;
        while (text[cursor] != "(") ++cursor;
        while (text[cursor] != ")") {
            (string memory kind, uint256 middle) = _word(text, cursor + 1);
            (string memory field, uint256 end) = _word(text, middle + 1);
            encoded = bytes.concat(encoded, _value(json, string.concat(path, ".message.", field), kind));
            cursor = end;
        }
        bytes32 separator = _separator(json, FILES.parseJsonString(json, _join(path, "domain")));
        return keccak256(abi.encodePacked(hex"1901", separator, keccak256(encoded)));
    }

    function _value(string memory json, string memory path, string memory kind) private pure returns (bytes32) {
        bytes32 hash = keccak256(bytes(kind));
        if (hash == keccak256("bytes32")) return FILES.parseJsonBytes32(json, path);
        if (hash == keccak256("address")) return bytes32(uint256(uint160(FILES.parseJsonAddress(json, path))));
        if (hash == keccak256("bool")) return bytes32(uint256(FILES.parseJsonBool(json, path) ? 1 : 0));
        return bytes32(FILES.parseJsonUint(json, path));
    }

    function _separator(string memory json, string memory domain) private pure returns (bytes32) {
        string memory path = string.concat(".domains.", domain);
        return
            keccak256(
                abi.encode(
                    DOMAIN_TYPEHASH,
                    keccak256(bytes(FILES.parseJsonString(json, _join(path, "name")))),
                    keccak256(bytes(FILES.parseJsonString(json, _join(path, "version")))),
                    FILES.parseJsonUint(json, _join(path, "chainId")),
                    FILES.parseJsonAddress(json, _join(path, "verifyingContract"))
                )
            );
    }

    /// @dev Where the struct of that name stands.
    function _find(string memory json, string memory name) private pure returns (string memory path) {
        for (uint256 i = 0; ; ++i) {
            path = _at("structs", i);
            if (keccak256(bytes(FILES.parseJsonString(json, _join(path, "name")))) == keccak256(bytes(name)))
                return path;
        }
    }

    function _recover(bytes32 digest, bytes memory signature) private pure returns (address) {
        (bytes32 r, bytes32 s) = (bytes32(0), bytes32(0));
        assembly ("memory-safe") {
            r := mload(add(signature, 0x20))
            s := mload(add(signature, 0x40))
        }
        return ecrecover(digest, uint8(signature[64]), r, s);
    }

    /// @dev The word that begins at `from`, and where it ends: at a blank, a comma or the closing bracket.
    function _word(bytes memory text, uint256 from) private pure returns (string memory word, uint256 end) {
        end = from;
        while (text[end] != " " && text[end] != "," && text[end] != ")") ++end;
        bytes memory copy = new bytes(end - from);
        for (uint256 i = 0; i < copy.length; ++i) copy[i] = text[from + i];
        return (string(copy), end);
    }

    function _at(string memory list, uint256 index) private pure returns (string memory) {
        return string.concat(".", list, "[", FILES.toString(index), "]");
    }

    function _join(string memory path, string memory field) private pure returns (string memory) {
        return string.concat(path, ".", field);
    }
}
