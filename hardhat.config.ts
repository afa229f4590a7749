/**
 * The build and the local chain. Owns compiler settings and the networks a person can name on the command line; promises
 * that the compiler is the one in the lockfile (no download) and that the deployed bytecode equals the build.
 */
import { createRequire } from "node:module";
import toolbox from "@nomicfoundation/hardhat-toolbox-mocha-ethers";
import { defineConfig } from "hardhat/config";
import { tasks } from "./scripts/tasks.ts";

const require = createRequire(import.meta.url);
const solc = require.resolve("solc/soljson.js");

/** Code instrumented for coverage must never be what a deployment reads: it is built in a place of its own. */
const build = process.argv.includes("--coverage") ? "cache/coverage/" : "";

/** Seed of fuzz tests and invariants; `npm test` prints it. */
const fuzzSeed = process.env["FUZZ_SEED"] ?? "0x52656d657361";

/** One profile for development and production: what is tested is what is deployed. */
const compiler = {
  version: "0.8.37",
  path: solc,
  settings: {
    viaIR: true,
    optimizer: { enabled: true, runs: 1000 },
    evmVersion: "cancun",
    metadata: { bytecodeHash: "none" as const },
  },
};

export default defineConfig({
  plugins: [toolbox],
  tasks,
  solidity: {
    profiles: { default: compiler, production: compiler },
    npmFilesToBuild: ["@openzeppelin/contracts/access/manager/AccessManager.sol"],
  },
  // Types of the contracts for the tests; generated, so their own style is not ours to check.
  typechain: { tsNocheck: true, outDir: `${build}types/ethers-contracts` },
  paths: {
    artifacts: `${build}artifacts`,
    cache: `${build}cache`,
    tests: { mocha: "test/contracts", solidity: "test/invariants" },
  },
  test: {
    solidity: {
      fsPermissions: { readFile: ["examples/vectors.json"] },
      fuzz: { runs: 256, seed: fuzzSeed },
      invariant: { runs: 256, depth: 100, failOnRevert: false },
    },
  },
  networks: {
    default: { type: "edr-simulated", chainType: "l1", hardfork: "osaka", chainId: 31337 },
    localhost: { type: "http", chainType: "l1", url: process.env["RPC_URL"] ?? "http://127.0.0.1:8545" },
  },
});
