/**
 * A small disk of its own for the node's folder, so that it can be full: a file system in memory, mounted below the temporary folder. Owns the mount
 * and the file that fills it. Needs Linux and the right to mount; where that is missing there is no such disk, and nothing is mounted.
 */
import { execFileSync } from "node:child_process";
import { closeSync, mkdirSync, openSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";

/** Room for an hour of payments, small enough to be filled in no time. */
const megabytes = 256;

export interface Disk {
  /** Leaves not a byte free. */
  fill(): void;
  free(): void;
  close(): void;
}

function fillFile(path: string): void {
  const file = openSync(path, "a");
  try {
    for (const size of [1 << 20, 1 << 12, 1]) {
      const block = Buffer.alloc(size);
      try {
        for (;;) writeSync(file, block);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
      }
    }
  } finally {
    closeSync(file);
  }
}

/** Mounts a disk at `path`; null where this user may not. */
export function mountDisk(path: string): Disk | null {
  mkdirSync(path, { recursive: true });
  if (process.platform !== "linux" || process.getuid?.() !== 0) return null;
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${megabytes}m,mode=700`, "tmpfs", path], { stdio: "ignore" });
  } catch {
    return null;
  }
  const filler = join(path, "filler");
  return {
    fill: () => fillFile(filler),
    free: () => rmSync(filler, { force: true }),
    close: () => void execFileSync("umount", ["--lazy", path], { stdio: "ignore" }),
  };
}
