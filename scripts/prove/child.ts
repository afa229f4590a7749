/**
 * One lemma in a process of its own: asks the compiler's model checker and prints its messages as JSON. The checker has no time limit of its
 * own that gives the same answer twice, so whoever starts this ends it. Arguments: the source, the contract.
 */
import { buildSettings, compile, readSources } from "../solidity.ts";

const [source = "", contract = ""] = process.argv.slice(2);
const modelChecker = {
  engine: "chc",
  contracts: { [source]: [contract] },
  targets: ["assert"],
  solvers: ["z3"],
  showProvedSafe: true,
  showUnproved: true,
  showUnsupported: true,
};
const output = compile(readSources([source]), { ...buildSettings, modelChecker }, { "*": { "*": [] } });
process.stdout.write(JSON.stringify(output.errors ?? []));
