/**
 * Chance from a seed: the same seed gives the same choices. Owns the generator (mulberry32). Not for keys or nonces of anything real.
 */

export interface Random {
  /** A whole number from `least` to `most`, both included. */
  within(least: number, most: number): number;
  pick<T>(items: readonly T[]): T;
  shuffle<T>(items: readonly T[]): T[];
  /** True with that probability, 0 to 1. */
  happens(probability: number): boolean;
}

export function createRandom(seed: number): Random {
  let state = seed >>> 0;

  /** At least 0, below 1. */
  function next(): number {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  const within = (least: number, most: number): number => least + Math.floor(next() * (most - least + 1));
  return {
    within,
    pick(items) {
      const item = items[within(0, items.length - 1)];
      if (item === undefined) throw new RangeError("nothing to pick from");
      return item;
    },
    shuffle(items) {
      const result = [...items];
      for (let last = result.length - 1; last > 0; last--) {
        const other = within(0, last);
        const [a, b] = [result[last], result[other]];
        if (a !== undefined && b !== undefined) [result[last], result[other]] = [b, a];
      }
      return result;
    },
    happens: (probability) => next() < probability,
  };
}
