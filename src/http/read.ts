/**
 * Finding what an id in a path names. Owns the refusal for everything that is not there; an id of another kind is as unknown as one that
 * never was.
 */
import { isHexOf, toLower, type Word } from "../domain/hex.ts";
import type { Prefix } from "../domain/identifier.ts";
import type { Intent, IntentKind } from "../domain/intent.ts";
import { isEnded } from "../domain/lifecycle.ts";
import type { ServerDeps } from "./deps.ts";
import { RejectedError } from "./problem.ts";
import { prefixOf, toSequence } from "./resources.ts";

export function refuseUnknown(subject: string, actual: string): RejectedError {
  return new RejectedError({ code: "not_found", subject, actual, remedy: "Use an id that this node gave out." });
}

/** The intent behind an id with one of these prefixes. */
export async function readIntent(
  { store }: Pick<ServerDeps, "store">,
  id: string,
  ...wanted: readonly Prefix[]
): Promise<Intent> {
  const sequence = toSequence(id, ...wanted);
  const intent = sequence === null ? null : await store.readIntent(sequence);
  if (intent === null || !wanted.includes(prefixOf[intent.kind])) throw refuseUnknown("id", id);
  return intent;
}

/** Intents of one subject looked at: the newest ones; an older one than these has ended long ago. */
const looked = 50;

/** The intent of a subject that counts: the one that settled, otherwise the live one, otherwise the newest. */
export async function findBySubject(
  { store }: Pick<ServerDeps, "store">,
  subject: Word,
  ...kinds: readonly IntentKind[]
): Promise<Intent | null> {
  const found = await store.listIntents({ subject, kinds, limit: looked });
  return (
    found.find((intent) => intent.state === "settled") ??
    found.find((intent) => !isEnded(intent.state)) ??
    found[0] ??
    null
  );
}

/** A 32-byte word where an id may also be one; null for anything else. */
export function toWordId(id: string): Word | null {
  return isHexOf(id, 32) ? toLower(id) : null;
}
