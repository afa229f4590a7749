/**
 * What a process has used, from `/proc`. Owns reading CPU time and memory of a process that is not ours; answers null where the system does
 * not tell, which is everywhere but on Linux.
 */
import { readFileSync } from "node:fs";

/** USER_HZ of every Linux build that Node runs on. */
const ticksPerSecond = 100;

export interface Usage {
  /** CPU seconds since its start, all threads. */
  readonly cpuSeconds: number;
  /** Resident memory now, and at its highest. */
  readonly residentMb: number;
  readonly peakMb: number;
}

export function readUsage(pid: number): Usage | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // After the command's name, which is in parentheses and may contain anything.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const status = readFileSync(`/proc/${pid}/status`, "utf8");
    const megabytes = (name: string): number =>
      Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(status)?.[1] ?? 0) / 1024;
    const cpuSeconds = (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
    return { cpuSeconds, residentMb: megabytes("VmRSS"), peakMb: megabytes("VmHWM") };
  } catch {
    return null;
  }
}
