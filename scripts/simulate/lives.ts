/**
 * Lives of the simulated node by name: `life:…` with faults of all kinds, `deep:…` with a reorg below the final block, `crash:…` a scenario whose
 * process dies twice at random. A name is all that is needed to live it again. Owns the reading of names; the lives are the tests' own.
 */
import { play } from "../../test/support/crash.ts";
import { faultModes } from "../../test/support/faults.ts";
import { createRandom } from "../../test/support/random.ts";
import { scenarios } from "../../test/support/scenarios.ts";
import { simulate } from "../../test/support/simulation.ts";

export const lifeKinds = ["life", "deep", "crash"] as const;
export type LifeKind = (typeof lifeKinds)[number];

/** Every scenario has more port calls than this, so that the first process always dies; the second may be done before it would. */
const firstCalls = 110;
const secondCalls = 60;

async function crashTwice(seed: string): Promise<string> {
  const random = createRandom(seed);
  const scenario = random.pick(scenarios);
  const first = { at: 1 + random.below(firstCalls), mode: random.pick(["before", "after"] as const) };
  const second = { at: 1 + random.below(secondCalls), mode: random.pick(faultModes) };
  const { calls, struck } = await play(scenario, [first, second]);
  const faults = `${first.mode} ${first.at}, then ${second.mode} ${second.at}${struck ? "" : " (not both reached)"}`;
  return `${calls} calls  ${faults}  ${scenario.name}`;
}

function sum(counts: ReadonlyMap<string, number>): number {
  return [...counts.values()].reduce((total, count) => total + count, 0);
}

/** Null for a name of no kind. */
export function parseKind(name: string): LifeKind | null {
  return lifeKinds.find((kind) => name.startsWith(`${kind}:`)) ?? null;
}

/** Lives that life; returns one line about it, throws when a property did not hold. */
export async function live(name: string): Promise<string> {
  const kind = parseKind(name);
  if (kind === null) throw new Error(`a seed begins with ${lifeKinds.map((known) => `${known}:`).join(", ")}`);
  if (kind === "crash") return crashTwice(name);
  const { calls, nodes, ended, happened, trace } = await simulate({ seed: name, deep: kind === "deep" });
  return `${calls} calls  ${nodes} nodes  ${sum(ended)} intents  ${sum(happened)} mishaps  trace ${trace.slice(0, 12)}`;
}

/** The n-th life of a base seed: mostly whole lives, every fifth a double crash, every tenth a deep reorg. */
export function nameOf(base: string, index: number): string {
  const kind: LifeKind = index % 10 === 0 ? "deep" : index % 5 === 0 ? "crash" : "life";
  return `${kind}:${base}-${index}`;
}
