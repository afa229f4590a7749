/**
 * The golden files against the contracts as built: a variable that moved, a byte of code or a unit of gas more or less shows as a line that
 * somebody has to accept with `npm run golden -- --write`. Not for instrumented code, which has other sizes and costs.
 */
import { expect } from "chai";
import { compare, readLayouts, readPage, readSizes } from "../../scripts/golden/pages.ts";
import { measureGasGrid } from "../support/gas-grid.ts";
import { isInstrumented } from "../support/treasury.ts";

if (!isInstrumented()) {
  describe("golden files", () => {
    it("keep every storage variable in its slot", function () {
      this.timeout(120_000);
      const present = readLayouts();
      expect(Object.keys(present)).to.include("Stablecoin");
      expect(compare(readPage("layout"), present)).to.deep.equal([]);
    });

    it("keep the length of every deployed contract's code", () => {
      const present = readSizes();
      expect(Object.keys(present)).to.include("Stablecoin");
      expect(compare(readPage("sizes"), present)).to.deep.equal([]);
    });

    it("keep the gas of a signed payment for every freeze, pause, recipient, nonce lane and signature", async function () {
      this.timeout(120_000);
      const present = await measureGasGrid();
      expect(Object.keys(present)).to.have.length(3 * 3 * 2 * 2 * 5);
      expect(compare(readPage("gas"), present)).to.deep.equal([]);
    });
  });
}
