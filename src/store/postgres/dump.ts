/**
 * A consistent copy of a PostgreSQL database while it is in use. Owns the one call of the server's own `pg_dump`, whose custom format `pg_restore`
 * reads. Promises that the password is not among the arguments, which every user of the machine can read. Never writes a partial copy
 * under the name asked for.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { rename, rm } from "node:fs/promises";
import { StoreFault } from "../fault.ts";

/** Text of a failing `pg_dump` that is kept for the fault. */
const maxComplaint = 2_000;

function fail(message: string, retryable: boolean, cause?: unknown): never {
  throw new StoreFault({ step: "backup", message, retryable, cause });
}

/** Throws a fault where `pg_dump` is missing or fails. */
export async function dump(url: string, path: string): Promise<void> {
  const target = new URL(url);
  const password = decodeURIComponent(target.password);
  target.password = "";
  const partial = `${path}.partial`;
  const args = ["--format=custom", "--no-password", `--file=${partial}`, `--dbname=${target.href}`];
  const env = { ...process.env, ...(password === "" ? {} : { PGPASSWORD: password }) };
  const child = spawn("pg_dump", args, { env, stdio: ["ignore", "ignore", "pipe"] });
  let complaint = "";
  child.stderr.setEncoding("utf8");
  child.stderr.on("data", (text: string) => {
    complaint = (complaint + text).slice(0, maxComplaint);
  });
  try {
    const [code] = (await once(child, "close")) as [number | null];
    if (code !== 0) fail(complaint.trim() || `pg_dump ended with ${code}`, true);
    await rename(partial, path);
  } catch (error) {
    await rm(partial, { force: true });
    if (error instanceof StoreFault) throw error;
    const isMissing = error instanceof Error && "code" in error && error.code === "ENOENT";
    if (isMissing) fail("pg_dump is not on this machine's PATH: install PostgreSQL's client programs", false, error);
    fail(String(error), true, error);
  }
}
