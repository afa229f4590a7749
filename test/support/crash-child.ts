/**
 * A process that plays the scenario of payments on a real chain and a folder on disk, and kills itself at the port call it is told: the victim of
 * `crash-real.test.ts`. Prints each acknowledgement as it gets it, and the number of port calls at its end. Runs only when started as a
 * program, with a scene as JSON.
 */
import { writeSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { openHouse, type RealScene } from "./crash-house.ts";
import { readValue } from "./model-text.ts";

async function main(scene: RealScene): Promise<void> {
  const { house, faults, mine } = await openHouse(scene);
  const attempt = async (work: () => Promise<unknown>): Promise<void> => {
    await work().catch(() => undefined);
    // No handle is closed and nothing is flushed: what is on disk is what a crash leaves.
    if (faults.dead) process.kill(process.pid, "SIGKILL");
  };
  const say = (line: string): void => void writeSync(1, `${line}\n`);
  const submit = async (from: number, to: number): Promise<void> => {
    for (const outcome of await house.intake.submit(scene.drafts.slice(from, to), null)) {
      if (outcome.kind !== "refused") say(`told ${outcome.intent.digest} ${outcome.intent.sequence}`);
    }
  };
  await attempt(() => house.follower.tick());
  await attempt(() => submit(0, 4));
  await attempt(() => house.planner.tick());
  await attempt(() => house.sender.tick());
  await attempt(() => submit(4, 8));
  await mine();
  for (const step of [house.follower, house.planner, house.sender]) await attempt(() => step.tick());
  for (let block = 0; block < 3; block++) await mine();
  for (const step of [house.follower, house.sender]) await attempt(() => step.tick());
  say(`calls ${faults.calls}`);
  process.exit(0);
}

const [, program, scene] = process.argv;
if (program !== undefined && scene !== undefined && import.meta.url === pathToFileURL(program).href) {
  await main(readValue(scene) as RealScene);
}
