/**
 * How golden pages are compared and how a layout is written down; the contracts themselves are held to the pages in
 * `test/contracts/golden.test.ts`.
 */
import { expect } from "chai";
import { compare, formatLayout } from "../../scripts/golden/pages.ts";

describe("compare", () => {
  it("finds nothing between equal pages, whatever the order of their keys", () => {
    expect(compare({ a: { x: 1, y: "z" }, b: 2 }, { b: 2, a: { y: "z", x: 1 } })).to.deep.equal([]);
  });

  it("names a changed fact with both values and its whole path", () => {
    expect(
      compare({ Coin: { variables: { "1:0": "32 uint256 a" } } }, { Coin: { variables: { "1:0": "32 uint256 b" } } }),
    ).to.deep.equal(['- Coin › variables › 1:0: "32 uint256 a"', '+ Coin › variables › 1:0: "32 uint256 b"']);
  });

  it("names what is gone and what is new", () => {
    expect(compare({ gone: 1, same: 0 }, { same: 0, fresh: { deployed: 2 } })).to.deep.equal([
      "- gone: 1",
      '+ fresh: {"deployed":2}',
    ]);
  });

  it("tells a group from a value", () => {
    expect(compare({ a: { b: 1 } }, { a: 1 })).to.deep.equal(['- a: {"b":1}', "+ a: 1"]);
  });
});

describe("formatLayout", () => {
  it("writes a variable under its slot and offset, without the compiler's node ids", () => {
    const word = { label: "word", slot: "0", offset: 0, type: "t_uint256" };
    const layout = {
      storage: [
        { label: "owner", slot: "0", offset: 0, type: "t_address" },
        { label: "on", slot: "0", offset: 20, type: "t_bool" },
        { label: "accounts", slot: "1", offset: 0, type: "t_mapping(t_address,t_struct(Account)17_storage)" },
      ],
      types: {
        t_address: { label: "address", numberOfBytes: "20" },
        t_bool: { label: "bool", numberOfBytes: "1" },
        t_uint256: { label: "uint256", numberOfBytes: "32" },
        "t_struct(Account)17_storage": { label: "struct Coin.Account", numberOfBytes: "32", members: [word] },
        "t_mapping(t_address,t_struct(Account)17_storage)": {
          label: "mapping(address => struct Coin.Account)",
          numberOfBytes: "32",
        },
      },
    };
    expect(formatLayout(layout)).to.deep.equal({
      variables: {
        "0:0": "20 address owner",
        "0:20": "1 bool on",
        "1:0": "32 mapping(address => struct Coin.Account) accounts",
      },
      structs: { "struct Coin.Account": { "0:0": "32 uint256 word" } },
    });
  });

  it("writes an empty layout as no variables", () => {
    expect(formatLayout({ storage: [], types: null })).to.deep.equal({ variables: {}, structs: {} });
  });
});
