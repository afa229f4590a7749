/**
 * The index page of the evidence folder. Owns its wording; promises that every line says what was run, when, on which commit and how it
 * ended, and that what is missing or old is called so. Pure.
 */
import { formatScore, type Report, scoreOf } from "../mutate/report.ts";

export interface Step {
  /** File in the folder. */
  readonly file: string;
  readonly about: string;
  /** The command that made it; none for a copied page. */
  readonly command?: string;
  readonly state: "made" | "FAILED" | "copied" | "left out";
  readonly note: string;
  readonly seconds?: number;
}

export interface Facts {
  readonly commit: string;
  readonly isDirty: boolean;
  readonly date: string;
  readonly seed: string;
  readonly steps: readonly Step[];
}

const cell = (text: string): string => text.replaceAll("|", "\\|").replaceAll("\n", " ");

export function formatIndex({ commit, isDirty, date, seed, steps }: Facts): string {
  const rows = steps.map(
    ({ file, about, command, state, note, seconds }) =>
      `| ${state === "left out" ? file : `[${file}](${file})`} | ${cell(about)} | ${command === undefined ? "–" : `\`${cell(command)}\``} | ${state}${seconds === undefined ? "" : `, ${seconds} s`} | ${cell(note)} |`,
  );
  const failed = steps.filter(({ state }) => state === "FAILED");
  return [
    "# Evidence",
    "",
    `Commit \`${commit}\`${isDirty ? ", **with changes that are not committed**" : ""}, made ${date}. Seed of the fuzz tests and invariants: \`${seed}\`.`,
    "",
    failed.length === 0
      ? "Everything that was run passed."
      : `**${failed.length} of the runs failed: ${failed.map(({ file }) => file).join(", ")}.**`,
    "",
    "| file | what | made by | state | note |",
    "|---|---|---|---|---|",
    ...rows,
    "",
    "How to read it, and how to run any of it again: `docs/AUDIT.md`.",
    "",
  ].join("\n");
}

/** The mutation report as a page: score by source, each with its own commit and date, and what is open. */
export function formatMutants(report: Report, isCurrent: (source: string) => boolean): string {
  const sections = Object.entries(report.sources);
  const open = sections.flatMap(([source, { mutants }]) =>
    mutants
      .filter(({ state }) => state === "survived")
      .map(({ id, line, before, after }) => `${id}  ${source}:${line}\n  - ${before}\n  + ${after}`),
  );
  return [
    `compiler ${report.compiler}`,
    "",
    ...sections.map(
      ([source, section]) =>
        `${formatScore(source, scoreOf(section))}\n  commit ${section.commit}, ${section.date}${isCurrent(source) ? "" : ", OLD: source or tests have changed since"}${section.isControlled ? "" : ", controls not run"}`,
    ),
    "",
    open.length === 0 ? "no survivor without an explanation" : `${open.length} survivors without an explanation:`,
    ...open,
    "",
  ].join("\n");
}

/** Run counts of the Solidity suites as the runner prints them: `name (runs: N, …)`. */
export function readRunCounts(output: string): readonly string[] {
  const plain = output.replace(/\u001b\[[0-9;]*m/g, "");
  return [...plain.matchAll(/^\s*[✔✓] (\w+)\S* \((?:runs|Runs): [^)]*\)/gm)].map((match) => match[0].trim());
}
