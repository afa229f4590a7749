/**
 * Money as text: what is read, what is refused, and that writing and reading are inverse.
 */
import { expect } from "chai";
import fc from "fast-check";
import { centUnits, coinDecimals, formatAmount, maxAmount, parseAmount, parseUnits } from "../../src/domain/amount.ts";
import { seeded } from "./seed.ts";

const units = fc.bigInt({ min: 0n, max: maxAmount });

describe("parseAmount", () => {
  for (const [text, expected] of [
    ["0", 0n],
    ["1", 1_000_000n],
    ["1234.5", 1_234_500_000n],
    ["0.000001", 1n],
    ["007", 7_000_000n],
    ["9223372036854.775807", maxAmount],
  ] as const) {
    it(`reads ${text} as ${expected} base units`, () => {
      expect(parseAmount(text)).to.equal(expected);
    });
  }

  const refused = ["", " 1", "1 ", "-1", "+1", "1.", ".5", "1,000", "1e3", "0x1", "1.0000001", "١", "NaN", "1.2.3"];
  for (const text of [...refused, "9223372036854.775808", "99999999999999"]) {
    it(`refuses ${JSON.stringify(text)}`, () => {
      expect(parseAmount(text)).to.equal(null);
    });
  }

  it("reads a bank's two decimals as whole cents", () => {
    expect(parseAmount("12.34", 2)).to.equal(1_234n);
    expect(parseAmount("12.345", 2)).to.equal(null);
    expect((parseAmount("12.34") ?? 0n) % centUnits).to.equal(0n);
  });
});

describe("parseUnits", () => {
  it("reads 0 up to the supply cap and nothing above", () => {
    expect(parseUnits("0")).to.equal(0n);
    expect(parseUnits(maxAmount.toString())).to.equal(maxAmount);
    expect(parseUnits((maxAmount + 1n).toString())).to.equal(null);
  });

  for (const text of ["", "00", "01", "-1", "1.0", " 1", "1n", "99999999999999999999"]) {
    it(`refuses ${JSON.stringify(text)}`, () => {
      expect(parseUnits(text)).to.equal(null);
    });
  }

  it("reads every amount that toString writes", () => {
    fc.assert(
      fc.property(units, (value) => parseUnits(value.toString()) === value),
      seeded(),
    );
  });
});

describe("formatAmount", () => {
  for (const [value, text] of [
    [0n, "0.00"],
    [1n, "0.000001"],
    [10_000n, "0.01"],
    [1_234_500_000n, "1,234.50"],
    [999_999_999n, "999.999999"],
    [1_000_000_000_000n, "1,000,000.00"],
    [-1_500_000n, "-1.50"],
    [maxAmount, "9,223,372,036,854.775807"],
  ] as const) {
    it(`writes ${value} as ${text}`, () => {
      expect(formatAmount(value)).to.equal(text);
    });
  }

  it("writes what parseAmount reads back exactly, whatever the amount", () => {
    const options = seeded();
    fc.assert(
      fc.property(units, (value) => parseAmount(formatAmount(value).replaceAll(",", "")) === value),
      options,
    );
    fc.assert(
      fc.property(units, (value) => formatAmount(-value) === (value === 0n ? "0.00" : `-${formatAmount(value)}`)),
      options,
    );
  });

  it("never drops a digit that is not zero", () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 1n, max: 10n ** BigInt(coinDecimals) - 1n }), (fraction) => {
        const digits = formatAmount(fraction).slice(2).padEnd(coinDecimals, "0");
        return BigInt(digits) === fraction;
      }),
      seeded(),
    );
  });
});
