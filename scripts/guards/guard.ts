/**
 * What a guard is: lines of the node that keep one failure from happening, what the code would be without them, and the test that notices. Owns the
 * shape alone; the guards are in sending.ts and deciding.ts.
 */

/** F1 … F22 are the failures of docs/AUDIT.md; P12 and rule 12 bound what may be spent and when. */
export type Failure = `F${number}` | "P12" | "rule 12";

export interface Guard {
  /** Lowercase words joined by hyphens; unique. */
  readonly id: string;
  readonly failure: Failure;
  /** What the guard does, for the table. */
  readonly says: string;
  readonly file: string;
  /** Stands exactly once in the file. */
  readonly text: string;
  /** Stands there instead when the guard is gone. */
  readonly without: string;
  readonly test: { readonly file: string; readonly title: string };
}

/** Test files that several guards name. */
export const testFiles = {
  failures: "test/pipeline/regressions.test.ts",
  trouble: "test/pipeline/regressions-trouble.test.ts",
  sqlite: "test/store/sqlite.test.ts",
} as const;
