/**
 * Between JavaScript's values and PostgreSQL's, for the driver. Owns which type a column is read as: every integer a bigint, bytes a Buffer;
 * and how rows become arrays for `unnest`. Promises that no integer ever passes through a floating-point number. Never runs a statement.
 */
import pg from "pg";

const { builtins } = pg.types;

/** All widths alike, so that a row reads the same here as from the embedded engine; sums of 64-bit integers are `numeric`. */
const integers: ReadonlySet<number> = new Set([builtins.INT2, builtins.INT4, builtins.INT8, builtins.NUMERIC]);

/** The driver's parsers, for this engine's connections only. */
export const types: pg.CustomTypesConfig = {
  getTypeParser: ((oid: number, format?: "text" | "binary") =>
    integers.has(oid) && format !== "binary"
      ? (text: string) => BigInt(text)
      : pg.types.getTypeParser(oid, format)) as pg.CustomTypesConfig["getTypeParser"],
};

/** What a statement's parameter can be. */
export type Value = string | number | bigint | Buffer | null | readonly (string | number | bigint | Buffer | null)[];

/** Rows as one array per column: the parameters of `unnest($1, $2, …)`. */
export function toColumns<T>(
  rows: readonly T[],
  ...columns: readonly ((row: T) => string | number | bigint | Buffer | null)[]
): Value[] {
  return columns.map((column) => rows.map(column));
}
