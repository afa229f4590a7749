/**
 * Lemmas and what the model checker says of them. Owns how a lemma is found and how the checker's messages become a verdict; promises that
 * only a message about every single assertion counts as a proof. Pure; never starts anything.
 */
import type { CompilerMessage } from "../solidity.ts";

export interface Lemma {
  readonly source: string;
  readonly name: string;
  /** What it says, from its NatSpec. */
  readonly notice: string;
  /** Assertions in it; each has to be proven. */
  readonly assertions: number;
  /** False on purpose: it must be refuted. */
  readonly isControl: boolean;
}

export type Verdict = "proven" | "refuted" | "not proven" | "out of time";

/** The contracts of a source with their notices and their assertions. */
export function readLemmas(source: string, content: string): readonly Lemma[] {
  const parts = content.split(/(?=^\/\/\/ @title )/m);
  return parts.flatMap((part) => {
    const name = /^contract (\w+)/m.exec(part)?.[1];
    if (name === undefined) return [];
    const notes = part.slice(0, part.search(/^contract /m)).replace(/^\/\/\/ ?/gm, "");
    const notice = (/@notice ([\s\S]*?)(?=\n@|$)/.exec(notes)?.[1] ?? "").replace(/\s+/g, " ").trim();
    const body = part.replace(/\/\/[^\n]*/g, "");
    const assertions = [...body.matchAll(/\bassert\(/g)].length;
    return [{ source, name, notice, assertions, isControl: notes.includes("@custom:refuted") }];
  });
}

/** Codes of the checker: proven safe; violated with a counterexample or not shown. */
const SAFE = "9576";
const VIOLATED = "6328";

export function judge(lemma: Lemma, messages: readonly CompilerMessage[]): { verdict: Verdict; detail: string } {
  const errors = messages.filter(({ severity }) => severity === "error");
  if (errors.length > 0) return { verdict: "not proven", detail: errors.map(({ message }) => message).join("; ") };
  const violated = messages.filter(({ errorCode }) => errorCode === VIOLATED);
  const shown = violated.find(({ message }) => message.includes("Assertion violation happens here"));
  if (shown !== undefined) return { verdict: "refuted", detail: shown.message.split("\n").slice(1).join("\n") };
  const safe = messages.filter(({ errorCode }) => errorCode === SAFE).length;
  const isProven = violated.length === 0 && lemma.assertions > 0 && safe === lemma.assertions;
  return { verdict: isProven ? "proven" : "not proven", detail: `${safe} of ${lemma.assertions} assertions` };
}

/** A lemma has to be proven, the control refuted. */
export function isExpected(lemma: Lemma, verdict: Verdict): boolean {
  return verdict === (lemma.isControl ? "refuted" : "proven");
}
