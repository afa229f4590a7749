/**
 * Comma-separated values, strictly as in RFC 4180, UTF-8. Owns reading records with the line they begin on and writing them back. Promises
 * to guess nothing: a stray quote, a bare carriage return or an unclosed quote is a problem of its record, told with its line.
 */

export interface CsvRecord {
  /** Line of the file on which the record begins, counted from 1. */
  readonly line: number;
  readonly fields: readonly string[];
  /** Null when the record is well formed. */
  readonly problem: string | null;
}

interface Field {
  readonly text: string;
  /** Index of the first character after the field. */
  readonly end: number;
  readonly problem: string | null;
}

function endOfLine(source: string, from: number): number {
  const at = source.indexOf("\n", from);
  return at === -1 ? source.length : at;
}

/** True at `,`, at a line's end (`\n` or `\r\n`) and at the end of the text. */
function isFieldEnd(source: string, at: number): boolean {
  const character = source[at];
  return character === undefined || character === "," || character === "\n" || source.startsWith("\r\n", at);
}

function readPlain(source: string, start: number): Field {
  let at = start;
  while (!isFieldEnd(source, at)) {
    const character = source[at];
    if (character === '"') return { text: "", end: at, problem: "a quote inside a field that is not quoted" };
    if (character === "\r") return { text: "", end: at, problem: "a carriage return without a line feed" };
    at++;
  }
  return { text: source.slice(start, at), end: at, problem: null };
}

function readQuoted(source: string, start: number): Field {
  let text = "";
  for (let at = start + 1; ; ) {
    const quote = source.indexOf('"', at);
    if (quote === -1) {
      return { text, end: source.length, problem: "a quote that is never closed; nothing after it was read" };
    }
    text += source.slice(at, quote);
    if (source[quote + 1] !== '"') {
      const problem = isFieldEnd(source, quote + 1) ? null : "text after a closing quote";
      return { text, end: quote + 1, problem };
    }
    text += '"';
    at = quote + 2;
  }
}

function readRecord(source: string, start: number): { fields: readonly string[]; end: number; problem: string | null } {
  const fields: string[] = [];
  for (let at = start; ; ) {
    const field = source[at] === '"' ? readQuoted(source, at) : readPlain(source, at);
    fields.push(field.text);
    if (field.problem !== null) return { fields, end: endOfLine(source, field.end), problem: field.problem };
    if (source[field.end] !== ",") return { fields, end: endOfLine(source, field.end), problem: null };
    at = field.end + 1;
  }
}

function countLines(text: string): number {
  return text.split("\n").length - 1;
}

/** Reads all records in order. Blank lines are passed over; a byte order mark at the beginning is too. */
export function parseCsv(text: string): readonly CsvRecord[] {
  const source = text.startsWith("\uFEFF") ? text.slice(1) : text;
  const records: CsvRecord[] = [];
  let line = 1;
  for (let at = 0; at < source.length; ) {
    const { fields, end, problem } = readRecord(source, at);
    if (problem !== null || fields.length > 1 || fields[0] !== "") records.push({ line, fields, problem });
    line += countLines(source.slice(at, end + 1));
    at = end + 1;
  }
  return records;
}

/** One record with its line feed; fields are quoted where they must be. */
export function formatCsvRecord(fields: readonly string[]): string {
  return `${fields.map((field) => (/[",\r\n]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field)).join(",")}\n`;
}
