/**
 * Rounds of the Solidity suites: what a round printed, and the seed of the next one. Owns the reading of the runner's output; pure.
 */
import { createHash } from "node:crypto";

export interface Round {
  readonly passed: number;
  readonly failed: number;
  /** The failing tests with what the runner printed of each: the message, the counterexample, the sequence of calls. */
  readonly failure: string;
}

/** Reads the runner's closing counts; a run without any counts as one failure. */
export function readRound(output: string, code: number): Round {
  const plain = output.replace(/\u001b\[[0-9;]*m/g, "");
  const sum = (pattern: RegExp): number =>
    [...plain.matchAll(pattern)].reduce((total, match) => total + Number(match[1]), 0);
  const passed = sum(/^\s*(\d+) passing\b/gm);
  const counted = sum(/^\s*(\d+) (?:failing|failed)\b/gm);
  const failed = counted === 0 && (code !== 0 || passed === 0) ? 1 : counted;
  const start = plain.search(/^\s*\d+ (?:failing|failed)\b/m);
  return { passed, failed, failure: failed === 0 ? "" : plain.slice(start < 0 ? 0 : start).trim() };
}

/** The seed of a round: all follow from the first, so that a whole night can be run again. */
export function seedOf(first: string, round: number): string {
  if (round === 1) return first;
  return `0x${createHash("sha256").update(`${first}\0${round}`).digest("hex").slice(0, 32)}`;
}

/** One line of JSON per round makes the record. */
export function sumRounds(rounds: readonly { readonly passed: number; readonly failed: number }[]): string {
  const total = (key: "passed" | "failed"): number => rounds.reduce((sum, round) => sum + round[key], 0);
  return `${rounds.length} rounds, ${total("passed")} passed, ${total("failed")} failed`;
}
