/**
 * The hand on a node's wall clock: owns the file that `clock.ts` reads in the node's process. Promises that a jump counts only once that process has
 * answered that it took place; a node that is started again begins where its clock was.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { extname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

const seenMs = 2_000;

export interface WallClock {
  /** What the node's process has to be told. */
  readonly env: Readonly<Record<string, string>>;
  /** Milliseconds it is ahead of the true time. */
  readonly offset: number;
  /** Moves it to that many milliseconds ahead. False: the process did not take it up in time, as one that is just being started. */
  moveTo(ms: number, pid: number): Promise<boolean>;
}

/** `path`: a file to make, on a disk that is never full. */
export function createWallClock(path: string): WallClock {
  let offset = 0;
  const preload = new URL(`clock${extname(import.meta.url)}`, import.meta.url).href;
  const options = [process.env["NODE_OPTIONS"] ?? "", `--import=${preload}`].filter((option) => option !== "");
  const answer = `${path}.seen`;
  writeFileSync(path, "0");
  return {
    env: { NODE_OPTIONS: options.join(" "), REMESA_CHAOS_CLOCK: path },
    get offset() {
      return offset;
    },
    async moveTo(ms, pid) {
      offset = ms;
      writeFileSync(path, String(ms));
      for (const end = performance.now() + seenMs; performance.now() < end; await sleep(10)) {
        if (existsSync(answer) && readFileSync(answer, "utf8") === `${pid} ${ms}`) return true;
      }
      return false;
    },
  };
}
