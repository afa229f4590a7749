/**
 * How a command ends. Owns the exit codes that other programs rely on and the one error a verb throws on purpose: the reason, and what to do
 * about it. Expected failures are printed as two lines and never with a stack trace.
 */

/** 0 done · 1 refused, with reason and remedy on stderr · 2 bank, books and chain do not agree · 64 wrong usage (sysexits' EX_USAGE). */
export const exitCodes = { done: 0, refused: 1, disagree: 2, usage: 64 } as const;
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

export interface RefusalFacts {
  readonly reason: string;
  /** One sentence: what to do now. */
  readonly remedy: string;
  readonly exitCode?: ExitCode;
}

/** An expected failure of a verb. */
export class Refusal extends Error {
  override readonly name = "Refusal";
  readonly remedy: string;
  readonly exitCode: ExitCode;
  constructor(facts: RefusalFacts) {
    super(facts.reason);
    this.remedy = facts.remedy;
    this.exitCode = facts.exitCode ?? exitCodes.refused;
  }
}

/** Wrong usage that the argument parser cannot see: a value of the wrong form, options that exclude each other. */
export function toUsage(reason: string, remedy = "Run the verb with --help for the forms it takes."): Refusal {
  return new Refusal({ reason, remedy, exitCode: exitCodes.usage });
}
