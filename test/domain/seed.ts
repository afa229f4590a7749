/**
 * Seeds of the randomised domain tests: printed, and taken from SEED when a failure is to be replayed. Has no side effects when loaded.
 */

/** Options for `fc.assert`; prints the seed once per test. */
export function seeded(numRuns = 300): { seed: number; numRuns: number } {
  const seed = Number(process.env["SEED"] ?? Date.now() % 2 ** 31);
  console.log(`      seed ${seed}`);
  return { seed, numRuns };
}
