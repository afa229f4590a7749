/** The options of `npm start`: defaults, and a sentence for each wrong one. */
import { expect } from "chai";
import { readOptions } from "../../scripts/devnet/options.ts";

describe("npm start's options", () => {
  it("are port 3000, chain port 8545, Hardhat's chain, its own folder and the demo by default", () => {
    expect(readOptions([])).to.deep.equal({
      port: 3000,
      chainPort: 8545,
      chain: "hardhat",
      data: null,
      fresh: false,
      demo: true,
      json: false,
      unkind: false,
      forSeconds: null,
    });
  });

  it("ask for help with --help and -h", () => {
    expect(readOptions(["--help"])).to.equal(null);
    expect(readOptions(["-h"])).to.equal(null);
  });

  const wrong: readonly (readonly [string, readonly string[], RegExp])[] = [
    ["an unknown option", ["--prot", "1"], /--prot/],
    ["a word that is no option", ["now"], /now/],
    ["port 0", ["--port", "0"], /--port 0: a port is 1 to 65535/],
    ["port 65536", ["--port", "65536"], /--port 65536/],
    ["a port that is no number", ["--chain-port", "8545x"], /--chain-port 8545x/],
    ["one port for both", ["--port", "8545"], /both 8545/],
    ["an unknown chain", ["--chain", "ganache"], /one of hardhat, anvil, none/],
    ["--for without --unkind", ["--for", "5"], /--for belongs to --unkind/],
    ["--unkind for no time", ["--unkind", "--for", "0"], /1 to 86400 seconds/],
    ["--unkind without the demo's wallets", ["--unkind", "--no-demo"], /--no-demo/],
  ];
  for (const [name, args, sentence] of wrong) {
    it(`refuse ${name}`, () => {
      expect(() => readOptions(args)).to.throw(sentence);
    });
  }
});
