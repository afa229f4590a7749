/**
 * Brings a database to this program's schema. Owns the table `migrations`. Promises that each migration runs once, whole or not at all, however
 * many processes start at once, and that a database which a newer program has changed is refused.
 */
import { StoreFault } from "../fault.ts";
import { type Engine, prepare, type Session } from "./engine.ts";
import { migrations } from "./schema.ts";

const table = prepare(
  `CREATE TABLE IF NOT EXISTS migrations (name text PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT clock_timestamp())`,
);
const applied = prepare("SELECT name FROM migrations ORDER BY name");
const record = prepare("INSERT INTO migrations (name) VALUES ($1)");

function refuse(name: string): never {
  const message = `the database was changed by a newer program (migration ${name}): start that one, or restore a backup`;
  throw new StoreFault({ step: "open", message, retryable: false });
}

async function bring(session: Session): Promise<void> {
  const known = new Set(migrations.map(({ name }) => name));
  const names = new Set((await session.all<{ name: string }>(applied)).map(({ name }) => name));
  for (const name of names) if (!known.has(name)) refuse(name);
  for (const { name, statements } of migrations) {
    if (names.has(name)) continue;
    for (const statement of statements) await session.run(prepare(statement));
    await session.run(record, [name]);
  }
}

/** Throws a fault that is not retryable when the database is newer than this program. */
export async function migrate(engine: Engine): Promise<void> {
  // Alone: a second process waits here until the first is done, and then finds nothing left to do.
  await engine.write({ step: "open", stand: "alone" }, async (tx) => {
    await tx.run(table);
    await bring(tx);
  });
}
