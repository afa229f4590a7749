/**
 * Hexadecimal text: the shapes that are accepted, and the checksum of a typed address.
 */
import { expect } from "chai";
import fc from "fast-check";
import { formatAddress, isHexOf, parseAddress, toLower, toWord, zeroAddress, zeroWord } from "../../src/domain/hex.ts";
import { seeded } from "./seed.ts";

// The first example of EIP-55.
const checksummed = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed";
const lower = "0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed";
const address = fc
  .array(fc.nat({ max: 255 }), { minLength: 20, maxLength: 20 })
  .map((bytes) => toLower(`0x${Buffer.from(bytes).toString("hex")}`));

describe("isHexOf", () => {
  it("accepts exactly the number of bytes, in either case", () => {
    expect(isHexOf("0x", 0)).to.equal(true);
    expect(isHexOf("0xAb", 1)).to.equal(true);
    expect(isHexOf("0xab", 2)).to.equal(false);
    expect(isHexOf("0xabc", 1)).to.equal(false);
  });

  for (const text of ["ab12", "0Xab", "0xg0", "0x a", "0xa\n", ""]) {
    it(`refuses ${JSON.stringify(text)}`, () => {
      for (const bytes of [0, 1, 2]) expect(isHexOf(text, bytes)).to.equal(false);
    });
  }
});

describe("parseAddress", () => {
  it("lowercases a right checksum", () => {
    expect(parseAddress(checksummed)).to.equal(lower);
  });

  it("accepts digits of one case, which carry no checksum", () => {
    expect(parseAddress(lower)).to.equal(lower);
    expect(parseAddress(`0x${lower.slice(2).toUpperCase()}`)).to.equal(lower);
    expect(parseAddress(zeroAddress)).to.equal(zeroAddress);
  });

  it("refuses a wrong checksum, one letter apart", () => {
    expect(parseAddress(checksummed.replace("A", "a"))).to.equal(null);
  });

  for (const text of ["", lower.slice(2), lower.slice(0, -1), `${lower}0`, ` ${lower}`, zeroWord]) {
    it(`refuses ${JSON.stringify(text)}`, () => {
      expect(parseAddress(text)).to.equal(null);
    });
  }

  it("reads back every address that formatAddress writes", () => {
    fc.assert(
      fc.property(address, (one) => parseAddress(formatAddress(one)) === one),
      seeded(),
    );
  });
});

describe("toWord", () => {
  it("writes 32 big-endian bytes", () => {
    expect(toWord(0n)).to.equal(zeroWord);
    expect(toWord(258n)).to.equal(`0x${"0".repeat(61)}102`);
    expect(toWord((1n << 256n) - 1n)).to.equal(`0x${"f".repeat(64)}`);
  });

  it("keeps the value and the order of values", () => {
    const value = fc.bigInt({ min: 0n, max: (1n << 256n) - 1n });
    fc.assert(
      fc.property(value, value, (a, b) => BigInt(toWord(a)) === a && a < b === toWord(a) < toWord(b)),
      seeded(),
    );
  });
});
