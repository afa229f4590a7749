/**
 * Resource ids: the mapping to the store's key, and that ids sort by age as text.
 */
import { expect } from "chai";
import fc from "fast-check";
import { firstSequence, formatId, parseId, prefixes } from "../../src/domain/identifier.ts";
import { seeded } from "./seed.ts";

const prefix = fc.constantFrom(...Object.values(prefixes));
const sequence = fc.bigInt({ min: 0n, max: (1n << 63n) - 1n });

describe("formatId", () => {
  it("writes the prefix and 13 digits without i, l, o and u", () => {
    expect(formatId("tr", 0n)).to.equal("tr_0000000000000");
    expect(formatId("dep", 31n)).to.equal("dep_000000000000z");
    expect(formatId("red", (1n << 63n) - 1n)).to.equal("red_7zzzzzzzzzzzz");
    fc.assert(
      fc.property(prefix, sequence, (kind, value) => /^[a-z]{2,3}_[0-9a-hjkmnp-tv-z]{13}$/.test(formatId(kind, value))),
      seeded(),
    );
  });

  it("sorts as text in the order of the numbers", () => {
    fc.assert(
      fc.property(sequence, sequence, (a, b) => a < b === formatId("tr", a) < formatId("tr", b)),
      seeded(),
    );
  });
});

describe("parseId", () => {
  it("reads back every id that formatId writes", () => {
    fc.assert(
      fc.property(prefix, sequence, (kind, value) => {
        expect(parseId(formatId(kind, value))).to.deep.equal({ prefix: kind, sequence: value });
      }),
      seeded(),
    );
  });

  const good = "tr_0000000000001";
  for (const text of [
    "",
    "tr",
    good.slice(0, -1),
    `${good}0`,
    `${good}\n`,
    good.toUpperCase(),
    "xx_0000000000001",
    "transfer_0000000000001",
    "tr-0000000000001",
    "tr_000000000000i",
    "tr_000000000000l",
    "tr_000000000000o",
    "tr_000000000000u",
    "tr_8000000000000",
  ]) {
    it(`refuses ${JSON.stringify(text)}`, () => {
      expect(parseId(text)).to.equal(null);
    });
  }
});

describe("firstSequence", () => {
  it("leaves 2^20 numbers to each millisecond and stays inside 63 bits beyond the year 2240", () => {
    expect(firstSequence(1)).to.equal(1n << 20n);
    expect(firstSequence(2) - firstSequence(1)).to.equal(1n << 20n);
    expect(firstSequence(1.9)).to.equal(firstSequence(1));
    expect(firstSequence(Date.UTC(2240, 0)) < 1n << 63n).to.equal(true);
  });

  it("never gives a later millisecond a smaller number", () => {
    const time = fc.nat({ max: 2 ** 31 }).map((ms) => ms * 1_000);
    fc.assert(
      fc.property(time, time, (a, b) => a < b === firstSequence(a) < firstSequence(b)),
      seeded(),
    );
  });
});
