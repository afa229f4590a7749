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

const sum = (usages: readonly (Usage | null)[]): Usage | null =>
  usages.reduce((total, usage) =>
    total === null || usage === null
      ? null
      : {
          cpuSeconds: total.cpuSeconds + usage.cpuSeconds,
          residentMb: total.residentMb + usage.residentMb,
          peakMb: total.peakMb + usage.peakMb,
        },
  );

/** Several processes together; null when one of them cannot be read. */
export function readUsages(pids: readonly number[]): Usage | null {
  return pids.length === 0 ? null : sum(pids.map((pid) => readUsage(pid)));
}

/** A process and its children, those that have ended included. Memory they share is counted in each. */
export function readFamilyUsage(pid: number): Usage | null {
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ").filter(Boolean);
    const living = children.flatMap((child) => readUsage(Number(child)) ?? []);
    const parent = readUsage(pid);
    if (parent === null) return null;
    const [childUser = 0, childSystem = 0] = readFields(pid).slice(13, 15).map(Number);
    const ended = { cpuSeconds: (childUser + childSystem) / ticksPerSecond, residentMb: 0, peakMb: 0 };
    return sum([parent, ended, ...living]);
  } catch {
    return null;
  }
}

/** The fields of `/proc/<pid>/stat` after the command's name, which is in parentheses and may contain anything. */
function readFields(pid: number): readonly string[] {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
}

export function readUsage(pid: number): Usage | null {
  try {
    const fields = readFields(pid);
    const status = readFileSync(`/proc/${pid}/status`, "utf8");
    const megabytes = (name: string): number =>
      Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(status)?.[1] ?? 0) / 1024;
    const cpuSeconds = (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
    return { cpuSeconds, residentMb: megabytes("VmRSS"), peakMb: megabytes("VmHWM") };
  } catch {
    return null;
  }
}
