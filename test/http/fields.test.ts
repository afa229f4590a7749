import { expect } from "chai";
import { maxAmount } from "../../src/domain/amount.ts";
import { address, label, plainText, seconds, signature, units, word } from "../../src/http/fields.ts";

const checksummed = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed";

describe("http/fields", () => {
  describe("units", () => {
    for (const [text, value] of [
      ["0", 0n],
      ["1500000", 1_500_000n],
      [maxAmount.toString(), maxAmount],
    ] as const) {
      it(`reads "${text}"`, () => expect(units.parse(text)).to.equal(value));
    }
    for (const bad of [1, "", "-1", "+1", "1.5", "1e6", "01", " 1", "0x10", "1_000", (maxAmount + 1n).toString()]) {
      it(`refuses ${JSON.stringify(bad)}`, () => expect(units.safeParse(bad).success).to.equal(false));
    }
  });

  describe("address", () => {
    it("reads lowercase, uppercase digits and a right checksum, as lowercase", () => {
      const lower = checksummed.toLowerCase();
      expect(address.parse(checksummed)).to.equal(lower);
      expect(address.parse(lower)).to.equal(lower);
      expect(address.parse(`0x${checksummed.slice(2).toUpperCase()}`)).to.equal(lower);
    });
    it("refuses one letter in the wrong case", () => {
      const result = address.safeParse(checksummed.replace("aA", "aa"));
      expect(result.error?.issues[0]?.message).to.equal("the checksum of the address does not match");
    });
    for (const bad of ["", "0x", checksummed.slice(0, -1), `${checksummed}0`, checksummed.slice(2), 5]) {
      it(`refuses ${JSON.stringify(bad)}`, () => expect(address.safeParse(bad).success).to.equal(false));
    }
  });

  describe("word and signature", () => {
    it("reads 32 bytes as lowercase", () =>
      expect(word.parse(`0x${"AB".repeat(32)}`)).to.equal(`0x${"ab".repeat(32)}`));
    it("refuses 31 and 33 bytes", () => {
      expect(word.safeParse(`0x${"ab".repeat(31)}`).success).to.equal(false);
      expect(word.safeParse(`0x${"ab".repeat(33)}`).success).to.equal(false);
    });
    for (const [bytes, accepted] of [
      [63, false],
      [64, true],
      [65, true],
      [4_096, true],
      [4_097, false],
    ] as const) {
      it(`${accepted ? "reads" : "refuses"} a signature of ${bytes} bytes`, () =>
        expect(signature.safeParse(`0x${"1b".repeat(bytes)}`).success).to.equal(accepted));
    }
  });

  describe("seconds", () => {
    for (const [value, accepted] of [
      [0, true],
      [2 ** 40 - 1, true],
      [2 ** 40, false],
      [-1, false],
      [1.5, false],
      ["5", false],
    ] as const) {
      it(`${accepted ? "reads" : "refuses"} ${JSON.stringify(value)}`, () =>
        expect(seconds.safeParse(value).success).to.equal(accepted));
    }
  });

  describe("label", () => {
    it("keeps a word", () => expect(label.parse(`0x${"AB".repeat(32)}`)).to.equal(`0x${"ab".repeat(32)}`));
    it("puts a text's bytes first", () => expect(label.parse("é")).to.equal(`0xc3a9${"0".repeat(60)}`));
    it("reads 31 bytes and refuses 32", () => {
      expect(label.safeParse("a".repeat(31)).success).to.equal(true);
      expect(label.safeParse("a".repeat(32)).success).to.equal(false);
    });
  });

  describe("plainText", () => {
    for (const [name, bad] of [
      ["a NUL", "a\u0000"],
      ["a line feed", "a\nb"],
      ["a lone surrogate", "\ud800"],
      ["too much", "a".repeat(141)],
    ] as const) {
      it(`refuses ${name}`, () => expect(plainText(140).safeParse(bad).success).to.equal(false));
    }
    it("reads 140 characters of any script", () =>
      expect(plainText(140).safeParse("ñ日本".repeat(46)).success).to.equal(true));
  });
});
