/**
 * The guards of the node in the order of the failures they prevent. Owns the order and the list of failures that must have one; each text stands exactly
 * once in its file, which test/scripts/guards.test.ts checks.
 */
import { decidingGuards } from "./deciding.ts";
import type { Failure, Guard } from "./guard.ts";
import { sendingGuards } from "./sending.ts";

export const allFailures: readonly Failure[] = Array.from({ length: 22 }, (_, index) => `F${index + 1}` as const);

/** Failures by number, the others after them. */
function placeOf({ failure }: Guard): number {
  const place = allFailures.indexOf(failure);
  return place < 0 ? allFailures.length : place;
}

export const guards: readonly Guard[] = [...sendingGuards, ...decidingGuards].toSorted(
  (a, b) => placeOf(a) - placeOf(b),
);
