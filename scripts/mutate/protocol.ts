/**
 * What the run and its worker say to each other, and the compiler settings to choose from. Owns these shapes and nothing else.
 */
import { buildSettings, type Settings } from "../solidity.ts";
import type { Suite } from "./plan.ts";

/** The quickest settings first: what counts is what the code does, not what it costs. */
export const profiles: Readonly<Record<string, Settings>> = {
  "no optimizer": { ...buildSettings, viaIR: false, optimizer: { enabled: false } },
  optimizer: { ...buildSettings, viaIR: false, optimizer: { enabled: true, runs: 200 } },
  build: buildSettings,
};
export type ProfileName = keyof typeof profiles;

/** One test, by its file and its full title. */
export interface TestName {
  readonly file: string;
  readonly title: string;
}

export interface Baseline {
  readonly profile: string;
  /** Tests that fail on the unchanged code under this profile; they judge nothing. */
  readonly excluded: readonly TestName[];
  /** Milliseconds of each file. */
  readonly files: Readonly<Record<string, number>>;
}

export interface BaselineRequest {
  readonly kind: "baseline";
  readonly suite: Suite;
  readonly profile: string;
}

export interface JudgeRequest {
  readonly kind: "judge";
  readonly source: string;
  readonly content: string;
  /** Tests run even on code that is the same: the control. */
  readonly always?: boolean;
  /** Code that cannot be deployed in place of all: the other control. */
  readonly isBroken?: boolean;
  readonly suites: readonly {
    readonly suite: Suite;
    readonly profile: string;
    readonly excluded: readonly TestName[];
    /** Tests to try before the files, the likeliest to notice first. */
    readonly hints: readonly TestName[];
  }[];
}

/** Asks whether the build's own settings make the same code of both. */
export interface CompareRequest {
  readonly kind: "compare";
  readonly source: string;
  readonly content: string;
  readonly suites: readonly Suite[];
}

export type Request = BaselineRequest | JudgeRequest | CompareRequest;

export type Verdict =
  | { readonly state: "killed"; readonly suite: string; readonly killer: TestName }
  | { readonly state: "survived" }
  | { readonly state: "same-code" }
  | { readonly state: "invalid"; readonly reason: string };

export type Answer =
  | { readonly kind: "ready" }
  | { readonly kind: "baseline"; readonly error?: string; readonly baseline: Baseline; readonly tests: number }
  | { readonly kind: "judge"; readonly verdict: Verdict; readonly compileMs: number; readonly testMs: number };
