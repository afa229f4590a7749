/**
 * A thread that strikes its share of a scenario's port calls: every `of`-th call from `first` on, in every way. Posts how many faults it ran,
 * or the first one after which something did not hold.
 */
import { isMainThread, parentPort, workerData } from "node:worker_threads";
import { play } from "./crash.ts";
import { faultModes } from "./faults.ts";
import { scenarios } from "./scenarios.ts";

export interface Share {
  readonly scenario: string;
  readonly calls: number;
  readonly first: number;
  readonly of: number;
}
export interface ShareResult {
  readonly run: number;
  readonly failure: string | null;
}

async function strike({ scenario: name, calls, first, of }: Share): Promise<ShareResult> {
  const scenario = scenarios.find((one) => one.name === name);
  if (scenario === undefined) return { run: 0, failure: `no scenario ${name}` };
  let run = 0;
  for (let at = first; at <= calls; at += of) {
    for (const mode of faultModes) {
      try {
        const { struck } = await play(scenario, [{ at, mode }]);
        if (!struck) throw new Error("the fault did not happen");
      } catch (error) {
        const why = error instanceof Error ? (error.stack ?? error.message) : String(error);
        return { run, failure: `call ${at} of ${calls}, ${mode}: ${why}` };
      }
      run += 1;
    }
  }
  return { run, failure: null };
}

if (!isMainThread) parentPort?.postMessage(await strike(workerData as Share), []);
