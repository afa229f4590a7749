/**
 * Records of what was signed, one file per reference: what a verb sends again instead of signing anew. Owns where they are and what makes two
 * requests the same. Promises that a record is on disk, for its owner's eyes only, before anything of it is sent, and that a reference
 * always means the same thing.
 */
import { existsSync, mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import type { z } from "zod";
import type { Session } from "../session.ts";
import { Refusal, toUsage } from "../terminal/refusal.ts";
import { readText, replaceFile } from "./signed.ts";

/** What a person asked for under a reference, as text. */
export type Asked = Readonly<Record<string, string>>;

export interface Kept<T> {
  readonly asked: Asked;
  readonly record: T;
}

/** `<folder>/<kind>/<reference>.json`, in the data folder unless another one is named. */
export function toRecordPath(
  session: Pick<Session, "folder">,
  options: { readonly kind: string; readonly reference: string; readonly records?: string | undefined },
): string {
  const { kind, reference, records } = options;
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(reference)) {
    throw toUsage(`reference "${reference}" is not 1 to 64 letters, digits, dots, dashes or underscores`);
  }
  return join(records ?? (session.folder === null ? kind : join(session.folder, kind)), `${reference}.json`);
}

/** Reads a record; null when there is none. */
export function readKept<T>(path: string, schema: z.ZodType<T>): Kept<T> | null {
  if (!existsSync(path)) return null;
  let value: unknown = null;
  try {
    value = JSON.parse(readText(path));
  } catch {
    // Left null: the schema refuses it.
  }
  const { asked, record } = (value ?? {}) as Partial<Kept<unknown>>;
  const result = schema.safeParse(record);
  if (result.success && asked !== undefined) return { asked, record: result.data };
  throw new Refusal({ reason: `${path} is not such a record`, remedy: "Move it away, or choose another reference." });
}

function requireSame(path: string, known: Asked, asked: Asked): void {
  const differs = Object.keys({ ...known, ...asked }).filter((name) => known[name] !== asked[name]);
  if (differs.length === 0) return;
  const found = differs.map((name) => `${name} ${known[name] ?? "unset"}`).join(", ");
  throw new Refusal({
    reason: `${path} was made for something else: ${found}`,
    remedy: "Give something new a new reference.",
  });
}

export interface KeepOptions<T> {
  readonly path: string;
  readonly schema: z.ZodType<T>;
  /** What is asked for now; null where the person gave the reference alone. */
  readonly asked: Asked | null;
  readonly make: () => Promise<T>;
  /** True: whatever is made is not written. */
  readonly dryRun?: boolean | undefined;
}

/** The record of a reference: the one on disk when it was made for the same, or a new one. */
export async function keepRecord<T>({ path, schema, asked, make, dryRun }: KeepOptions<T>): Promise<T> {
  const known = readKept(path, schema);
  if (known !== null) {
    if (asked !== null) requireSame(path, known.asked, asked);
    return known.record;
  }
  if (asked === null) throw toUsage(`there is no ${path} yet: say what it is to be, as --help tells`);
  const record = await make();
  if (dryRun === true) return record;
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  replaceFile(path, [`${JSON.stringify({ asked, record }, null, 2)}\n`], 0o600);
  return record;
}
