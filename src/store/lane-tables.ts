/**
 * The third and the fourth migration: the states of lanes, the gas promised to payers, and gas money for lanes. Owns their columns and tables; a
 * migration once released is never edited.
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

export const fourth = [
  `ALTER TABLE lanes ADD COLUMN role TEXT NOT NULL DEFAULT 'lane' CHECK (role IN ('lane', 'funder'))`,
  // Of a slot that gives gas money: to which lane, and how much.
  `ALTER TABLE slots ADD COLUMN beneficiary BLOB CHECK (length(beneficiary) = 20)`,
  `ALTER TABLE slots ADD COLUMN gwei INTEGER CHECK (gwei > 0)`,
  // One at a time for each lane: the key is the guard.
  `CREATE UNIQUE INDEX slots_funding ON slots (beneficiary) WHERE beneficiary IS NOT NULL AND state <> 'final'`,
  `CREATE INDEX slots_funded ON slots (committed_at) WHERE beneficiary IS NOT NULL`,
];
