/**
 * `npm run simulate -- --seeds N`: lives the node again and again in the simulation, each life from a seed of its own that it prints, and exits 1 at
 * the first in which a property does not hold. Options: `--minutes M` ends after that time, `--base B` begins with that base seed, and
 * `--seed S` lives one printed seed again, call for call.
 */
import { randomBytes } from "node:crypto";
import { parseArgs } from "node:util";
import { live, nameOf, parseKind } from "./simulate/lives.ts";

const { values } = parseArgs({
  options: {
    seeds: { type: "string" },
    seed: { type: "string" },
    minutes: { type: "string" },
    base: { type: "string", default: randomBytes(4).toString("hex") },
  },
});

function fail(line: string): never {
  process.stderr.write(`${line}\n`);
  process.exit(64);
}

function readNumber(name: string, text: string | undefined, usual: number): number {
  const value = text === undefined ? usual : Number(text);
  if (!(value > 0)) fail(`--${name} wants a number above 0, not ${text}`);
  return value;
}

const minutes = readNumber("minutes", values.minutes, Number.POSITIVE_INFINITY);
const seeds = readNumber("seeds", values.seeds, values.minutes === undefined ? 20 : Number.POSITIVE_INFINITY);
if (values.seed !== undefined && parseKind(values.seed) === null) {
  fail(`--seed wants a seed as it was printed, such as life:1a2b3c4d-1, not ${values.seed}`);
}

/** True when every property held. */
async function run(name: string): Promise<boolean> {
  try {
    process.stdout.write(`ok    ${name}  ${await live(name)}\n`);
    return true;
  } catch (error) {
    const text = error instanceof Error ? `${error.message}\n${String(error.cause ?? "")}` : String(error);
    process.stdout.write(`FAIL  ${name}  ${text}\nagain: npm run simulate -- --seed ${name}\n`);
    return false;
  }
}

const started = performance.now();
const isTime = (): boolean => performance.now() - started < minutes * 60_000;
let isSound = true;
let lived = 0;
for (; lived < (values.seed === undefined ? seeds : 1) && isSound && isTime(); lived++) {
  isSound = await run(values.seed ?? nameOf(values.base, lived + 1));
}
process.stdout.write(`${isSound ? lived : lived - 1} passed, ${isSound ? 0 : 1} failed\n`);
process.exitCode = isSound ? 0 : 1;
