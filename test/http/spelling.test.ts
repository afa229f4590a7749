import { expect } from "chai";
import fc from "fast-check";
import { formatAddress, parseAddress, toLower } from "../../src/domain/hex.ts";
import { readAddress, spellAddress } from "../../src/http/spelling.ts";

const seed = Number(process.env["SEED"] ?? Date.now() % 2 ** 31);
const address = fc
  .uint8Array({ minLength: 20, maxLength: 20 })
  .map((bytes) => toLower(`0x${Buffer.from(bytes).toString("hex")}`));

describe(`http/spelling (seed ${seed})`, () => {
  it("spells the examples of EIP-55", () => {
    for (const example of [
      "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
      "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
      "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB",
      "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
    ]) {
      expect(spellAddress(toLower(example))).to.equal(example);
    }
  });

  it("spells every address as the domain does", () => {
    fc.assert(
      fc.property(address, (one) => spellAddress(one) === formatAddress(one)),
      { seed, numRuns: 300 },
    );
  });

  it("reads and refuses what the domain reads and refuses, one letter's case changed", () => {
    fc.assert(
      fc.property(address, fc.nat(39), (one, index) => {
        const spelled: string = spellAddress(one);
        const at = spelled.charAt(index + 2);
        const changed = at === at.toLowerCase() ? at.toUpperCase() : at.toLowerCase();
        const other = spelled.slice(0, index + 2) + changed + spelled.slice(index + 3);
        return [one, spelled, other, `0x${one.slice(2).toUpperCase()}`, `${spelled}0`, spelled.slice(2)].every(
          (text) => readAddress(text) === parseAddress(text),
        );
      }),
      { seed, numRuns: 300 },
    );
  });
});
