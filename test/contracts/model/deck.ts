/**
 * The deck of a run: every dealer well and once with each of its bad choices, shuffled by a seed; how a failing run is made small; and what
 * a run has to have reached. Promises that the same seed gives the same cards.
 */
import fc from "fast-check";
import { METHODS } from "./methods.ts";
import { type Card, countAims, DEALERS, Difference, type Models, playCards, type Tally } from "./play.ts";
import { CONTRACTS, type Stage } from "./stage.ts";

/** Good operations of each dealer. A batch shows a reason per row, so it is dealt more often. */
const GOOD = 2;
const BATCHES: Record<string, number> = { "coin.settle": 25, "coin.disburse": 8, "coin.pause": 8 };
/** Cards played from one beginning: enough for things to meet, few enough for a failure to be made small. */
const HAND = 180;
/** How long a failing hand is made smaller. */
const PATIENCE_MS = 180_000;

/** Errors that no operation of the play can end with, and why. */
const OUT_OF_PLAY: Record<string, string> = {
  AccessManagedInvalidAuthority: "the authority is fixed",
  AccessManagedRequiredDelay: "declared by OpenZeppelin, raised nowhere",
  AuthorityFixed: "the authority is fixed",
  InvalidShortString: "a constructor's",
  StringTooLong: "a constructor's",
  EscrowCoinInvalid: "a constructor's",
  VaspCoinInvalid: "a constructor's",
  EscrowBalanceMismatch: "takes a coin that misbehaves",
  EscrowReentered: "takes a coin that misbehaves",
  EscrowGasTooLow: "the model knows no gas",
  SignaturesGasTooLow: "the model knows no gas",
  EscrowIdTooLow: "takes a hash below 2^40",
  VaspAttestationsFull: "takes 65,535 attestations of one payment",
  StablecoinEscrowCodeInvalid: "escrows are registered before the play",
  StablecoinEscrowNotClean: "escrows are registered before the play",
  VaspAdminInvalid: "operators are registered before the play",
  VaspDomainInvalid: "operators are registered before the play",
  VaspDomainTaken: "operators are registered before the play",
  VaspIdsExhausted: "operators are registered before the play",
  VaspUrlTooLong: "operators are registered before the play",
  VaspNotSuspended: "freezing a family is no part of the travel rule",
  VaspListTooLong: "freezing a family is no part of the travel rule",
};

export function createHands(stage: Stage, seed: number): Card[][] {
  const deck = Object.keys(DEALERS).flatMap((dealer) => {
    const good = Array.from({ length: BATCHES[dealer] ?? GOOD }, () => ({ dealer, aim: 0 }));
    const bad = Array.from({ length: countAims(stage, dealer) }, (_, index) => ({ dealer, aim: index + 1 }));
    return [...good, ...bad];
  });
  const order = fc.shuffledSubarray([...deck.keys()], { minLength: deck.length, maxLength: deck.length });
  const [indexes = []] = fc.sample(order, { seed, numRuns: 1 });
  const cards = indexes.map((index) => ({ ...deck[index]!, seed: (seed + index * 7_919) >>> 0 }));
  return Array.from({ length: Math.ceil(cards.length / HAND) }, (_, at) => cards.slice(at * HAND, (at + 1) * HAND));
}

/** The fewest cards found that still show a difference. Throws what they show; returns where they show none. */
export async function makeSmall(stage: Stage, cards: readonly Card[], models?: Models): Promise<void> {
  const hand = fc.array(fc.constantFrom(...cards), { maxLength: cards.length });
  const options = models === undefined ? {} : { models };
  const check = async (some: readonly Card[]) => playCards(stage, some, options);
  await fc.assert(fc.asyncProperty(hand, check), {
    examples: [[[...cards]]],
    numRuns: 1,
    interruptAfterTimeLimit: PATIENCE_MS,
  });
}

/** Plays a hand; a difference is thrown with the fewest cards that show it. */
export async function playHand(
  stage: Stage,
  cards: readonly Card[],
  given: { tally: Tally; models?: Models },
): Promise<void> {
  try {
    await playCards(stage, cards, given);
  } catch (error) {
    if (!(error instanceof Difference)) throw error;
    await makeSmall(stage, cards.slice(0, error.played), given.models);
    throw error;
  }
}

/** Operations that never went through, and known errors that never came up. */
export function missing(stage: Stage, { methods, errors }: Tally): string[] {
  const never = Object.keys(METHODS).filter((name) => (methods.get(name)?.done ?? 0) === 0);
  const known = new Set<string>();
  for (const name of CONTRACTS) stage.interfaces[name].forEachError((error) => known.add(error.name));
  const unseen = [...known].filter((name) => !(name in OUT_OF_PLAY) && !errors.has(name));
  return [...never.map((name) => `${name} never went through`), ...unseen.map((name) => `${name} never came up`)];
}

/** Errors said to be out of play that came up all the same, or that nobody declares. */
export function misplaced(stage: Stage, { errors }: Tally): string[] {
  const known = new Set<string>();
  for (const name of CONTRACTS) stage.interfaces[name].forEachError((error) => known.add(error.name));
  return Object.keys(OUT_OF_PLAY).filter((name) => errors.has(name) || !known.has(name));
}

/** What happened how often. */
export function tabulate({ steps, methods, errors, skipped }: Tally): string {
  const sorted = <T>(map: ReadonlyMap<string, T>) => [...map].toSorted(([a], [b]) => (a < b ? -1 : 1));
  const line = (name: string, ...numbers: number[]) =>
    `      ${name.padEnd(42)}${numbers.map((number) => String(number).padStart(8)).join("")}`;
  return [
    `      ${steps} steps`,
    `      ${"operation".padEnd(42)}    done refused`,
    ...sorted(methods).map(([name, { done, refused }]) => line(name, done, refused)),
    `      ${"error".padEnd(42)}   times`,
    ...sorted(errors).map(([name, times]) => line(name, times)),
    `      ${"reason of a skipped row".padEnd(42)}   times`,
    ...sorted(skipped).map(([name, times]) => line(name, times)),
  ].join("\n");
}
