/**
 * The third migration: the states of lanes, and the gas promised to payers. Owns their columns and tables; a migration once released is never
 * edited.
 */

export const third = [
  `ALTER TABLE lanes ADD COLUMN state TEXT NOT NULL DEFAULT 'active'
     CHECK (state IN ('stored', 'active', 'draining', 'paused', 'retired'))`,
  `ALTER TABLE lanes ADD COLUMN moved_by TEXT`,
  `ALTER TABLE lanes ADD COLUMN moved_at INTEGER`,
  // Gas promised to payers, by day and payer, and to everybody, by hour; days and hours since 1970. What is over is dropped.
  `CREATE TABLE sponsored_days (
    day INTEGER NOT NULL,
    payer BLOB NOT NULL CHECK (length(payer) = 20),
    gas INTEGER NOT NULL CHECK (gas >= 0),
    PRIMARY KEY (day, payer)
  ) STRICT, WITHOUT ROWID`,
  `CREATE TABLE sponsored_hours (hour INTEGER PRIMARY KEY, gas INTEGER NOT NULL CHECK (gas >= 0)) STRICT`,
];
