/**
 * The report of a mutation run: one section per source, kept beside the coverage reports. Owns its shape, its file and the score; promises
 * that a section says on which commit and on what code and tests it rests, so that an old one is never taken for a new one.
 */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import type { Mutant } from "./operators.ts";
import { fingerprint, type Ground } from "./plan.ts";
import type { TestName } from "./protocol.ts";

export const reportPath = "coverage/mutants/report.json";
/** Mutants that no test can tell from the original, each with the reason. */
export const explainedPath = "test/golden/mutants.json";

export type State = "killed" | "timeout" | "survived" | "same-code" | "explained" | "invalid";

export interface Judged extends Pick<Mutant, "id" | "function" | "line" | "operator" | "before" | "after"> {
  readonly state: State;
  readonly killer?: TestName;
  readonly reason?: string;
  readonly seconds: number;
}

export interface Section {
  readonly commit: string;
  readonly date: string;
  readonly ground: Ground;
  /** Mutants that the operators make of the source; fewer are judged in a sample. */
  readonly total: number;
  readonly seed?: string;
  /** Whether the controls ended well after the last verdict; a stopped run leaves them to the next. */
  isControlled: boolean;
  readonly mutants: Judged[];
}

export interface SuiteNote {
  readonly profile: string;
  readonly tests: number;
  readonly excluded: readonly TestName[];
  readonly seconds: number;
  /** Milliseconds of each file, and on what code and tests. */
  readonly files: Readonly<Record<string, number>>;
  readonly fingerprint: string;
}

export interface Report {
  readonly compiler: string;
  readonly suites: Record<string, SuiteNote>;
  readonly sources: Record<string, Section>;
}

export interface Explained {
  readonly id: string;
  readonly source: string;
  readonly function: string;
  readonly before: string;
  readonly after: string;
  readonly why: string;
}

export function readReport(compiler: string): Report {
  if (!existsSync(reportPath)) return { compiler, suites: {}, sources: {} };
  return { ...(JSON.parse(readFileSync(reportPath, "utf8")) as Report), compiler };
}

/**
 * The verdicts of an earlier run that still hold. A kill rests on the code and on the file of its killer, however many tests came since; that
 * nobody noticed rests on every test; what the compiler said, on the code alone.
 */
export function keepVerdicts(old: Pick<Section, "ground" | "mutants"> | undefined, ground: Ground): readonly Judged[] {
  // a report of another shape tells nothing
  if (old?.ground?.code !== ground.code) return [];
  const isAllSame = fingerprint(old.ground) === fingerprint(ground);
  return old.mutants.filter(({ state, killer }) => {
    // it may have been the machine
    if (state === "timeout") return false;
    if (isAllSame || state === "invalid" || state === "same-code") return true;
    return killer !== undefined && old.ground.files[killer.file] === ground.files[killer.file];
  });
}

export function writeReport(report: Report): void {
  mkdirSync(dirname(reportPath), { recursive: true });
  writeFileSync(`${reportPath}.new`, JSON.stringify(report, null, 1));
  renameSync(`${reportPath}.new`, reportPath);
}

export function readExplained(): readonly Explained[] {
  return existsSync(explainedPath) ? (JSON.parse(readFileSync(explainedPath, "utf8")) as readonly Explained[]) : [];
}

export interface Score {
  readonly killed: number;
  readonly explained: number;
  readonly survived: number;
  readonly judged: number;
  readonly total: number;
  readonly seconds: number;
}

/** Counts of a section. What the compiler refuses, or makes the same code of, is no mutant. */
export function scoreOf({ mutants, total }: Pick<Section, "mutants" | "total">): Score {
  const count = (...states: State[]): number => mutants.filter(({ state }) => states.includes(state)).length;
  return {
    killed: count("killed", "timeout"),
    explained: count("explained"),
    survived: count("survived"),
    judged: count("killed", "timeout", "explained", "survived"),
    total: total - count("invalid", "same-code"),
    seconds: mutants.reduce((sum, { seconds }) => sum + seconds, 0),
  };
}

/** One line of the closing table. */
export function formatScore(name: string, score: Score): string {
  const { killed, explained, survived, judged, total, seconds } = score;
  const share = judged - explained === 0 ? "–" : `${((100 * killed) / (judged - explained)).toFixed(1)} %`;
  const each = judged === 0 ? "–" : `${(seconds / judged).toFixed(1)} s each`;
  const part = judged === total ? "" : ` (of ${total})`;
  return `${name.padEnd(44)} ${share.padStart(8)}  ${killed} killed, ${explained} explained, ${survived} survived, ${judged} judged${part}, ${each}`;
}

/** Explanations whose mutant the source no longer has. */
export function findStale(explained: readonly Explained[], mutants: readonly Mutant[]): readonly Explained[] {
  const ids = new Set(mutants.map(({ id }) => id));
  return explained.filter(({ id }) => !ids.has(id));
}
