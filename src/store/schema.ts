/**
 * The tables of the embedded engine and the ordered list of migrations that makes them. Owns names, types, keys and the checks that the
 * database itself enforces; a migration once released is never edited. Amounts and times are 64-bit integers, addresses and words are
 * bytes, flags are 0 and 1, JSON is text.
 */
import { type Kysely, sql } from "kysely";
import { type Migration, Migrator } from "kysely/migration";
import { second } from "./escrows.ts";
import { fourth, third } from "./lane-tables.ts";
import { fifth } from "./webhook-tables.ts";

/** Fences are stored as one key, namespace ‖ scope ‖ subject ‖ key, so that an account's window nonces are one range. */
const first = [
  `CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT`,

  `CREATE TABLE halts (
    id INTEGER PRIMARY KEY,
    reason TEXT NOT NULL,
    since INTEGER NOT NULL,
    resumed_by TEXT,
    resumed_at INTEGER
  ) STRICT`,
  // At most one halt is open: a second reason while halted changes nothing.
  `CREATE UNIQUE INDEX halts_open ON halts ((resumed_at IS NULL)) WHERE resumed_at IS NULL`,

  `CREATE TABLE accounts (
    id INTEGER PRIMARY KEY,
    coin BLOB NOT NULL CHECK (length(coin) = 20),
    address BLOB NOT NULL CHECK (length(address) = 20),
    balance INTEGER NOT NULL DEFAULT 0,
    posted INTEGER NOT NULL DEFAULT 0,
    held INTEGER NOT NULL DEFAULT 0 CHECK (held >= 0),
    frozen INTEGER NOT NULL DEFAULT 0 CHECK (frozen >= 0),
    frozen_whole INTEGER NOT NULL DEFAULT 0 CHECK (frozen_whole IN (0, 1)),
    nonce_base INTEGER NOT NULL DEFAULT 0 CHECK (nonce_base >= 0),
    UNIQUE (coin, address)
  ) STRICT`,
  // What an account was before a block that is not final yet: a reorg puts it back.
  `CREATE TABLE account_changes (
    block_number INTEGER NOT NULL,
    account INTEGER NOT NULL REFERENCES accounts (id),
    balance INTEGER NOT NULL,
    frozen INTEGER NOT NULL,
    frozen_whole INTEGER NOT NULL,
    nonce_base INTEGER NOT NULL,
    PRIMARY KEY (account, block_number)
  ) STRICT, WITHOUT ROWID`,
  `CREATE INDEX account_changes_block ON account_changes (block_number)`,

  `CREATE TABLE intents (
    sequence INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    digest BLOB NOT NULL UNIQUE CHECK (length(digest) = 32),
    fence BLOB NOT NULL CHECK (length(fence) = 73),
    coin BLOB NOT NULL CHECK (length(coin) = 20),
    payer BLOB,
    payee BLOB,
    amount INTEGER NOT NULL CHECK (amount >= 0),
    valid_after INTEGER NOT NULL,
    valid_before INTEGER NOT NULL,
    memo BLOB,
    subject BLOB,
    action TEXT NOT NULL CHECK (action IN ('row', 'call')),
    target BLOB NOT NULL CHECK (length(target) = 20),
    data BLOB NOT NULL,
    gas INTEGER NOT NULL,
    reference TEXT,
    accepted_at INTEGER NOT NULL,
    outcome TEXT CHECK (outcome IN ('settled', 'cancelled', 'superseded', 'expired')),
    reason TEXT,
    ended_at INTEGER,
    block_number INTEGER,
    block_hash BLOB,
    transaction_hash BLOB,
    log_index INTEGER,
    sender BLOB,
    CHECK ((outcome IS NULL) = (ended_at IS NULL))
  ) STRICT`,
  `CREATE INDEX intents_payer ON intents (payer, sequence) WHERE payer IS NOT NULL`,
  `CREATE INDEX intents_payee ON intents (payee, sequence) WHERE payee IS NOT NULL`,
  `CREATE INDEX intents_subject ON intents (subject, sequence) WHERE subject IS NOT NULL`,
  `CREATE TRIGGER intents_immutable BEFORE UPDATE OF
    sequence, kind, digest, fence, coin, payer, payee, amount, valid_after, valid_before, memo, subject, action, target, data,
    gas, reference, accepted_at
   ON intents BEGIN SELECT RAISE(ABORT, 'the facts of an intent never change'); END`,

  // Hot and small: only unfinished intents. The foreign key is deferred because the row that guards the fence is written first.
  `CREATE TABLE intent_work (
    sequence INTEGER PRIMARY KEY REFERENCES intents (sequence) DEFERRABLE INITIALLY DEFERRED,
    fence BLOB NOT NULL CHECK (length(fence) = 73),
    is_cancel INTEGER NOT NULL CHECK (is_cancel IN (0, 1)),
    state TEXT NOT NULL CHECK (state IN ('accepted', 'planned', 'sent', 'included')),
    account INTEGER REFERENCES accounts (id),
    held INTEGER NOT NULL CHECK (held >= 0),
    valid_before INTEGER NOT NULL,
    reason TEXT,
    held_until INTEGER NOT NULL DEFAULT 0,
    holds INTEGER NOT NULL DEFAULT 0,
    reverts INTEGER NOT NULL DEFAULT 0,
    slot INTEGER,
    verdict TEXT CHECK (verdict IN ('settled', 'cancelled', 'superseded')),
    block_number INTEGER,
    block_hash BLOB,
    transaction_hash BLOB,
    log_index INTEGER,
    sender BLOB,
    CHECK ((state = 'included') = (verdict IS NOT NULL AND verdict = 'settled')),
    CHECK ((verdict IS NULL) = (block_number IS NULL)),
    CHECK (state <> 'accepted' OR slot IS NULL),
    CHECK (state NOT IN ('planned', 'sent') OR slot IS NOT NULL)
  ) STRICT`,
  `CREATE UNIQUE INDEX work_fence ON intent_work (fence, is_cancel)`,
  `CREATE INDEX work_ready ON intent_work (sequence) WHERE state = 'accepted' AND verdict IS NULL`,
  `CREATE INDEX work_block ON intent_work (block_number) WHERE block_number IS NOT NULL`,
  `CREATE INDEX work_expiry ON intent_work (valid_before)`,

  `CREATE TABLE tallies (state TEXT PRIMARY KEY, count INTEGER NOT NULL CHECK (count >= 0)) STRICT`,
  `INSERT INTO tallies (state, count) VALUES ('accepted', 0), ('planned', 0), ('sent', 0), ('included', 0),
    ('settled', 0), ('cancelled', 0), ('superseded', 0), ('expired', 0)`,

  `CREATE TABLE idempotency (
    owner TEXT NOT NULL,
    key TEXT NOT NULL,
    request_hash BLOB NOT NULL,
    intent INTEGER NOT NULL REFERENCES intents (sequence),
    created_at INTEGER NOT NULL,
    PRIMARY KEY (owner, key)
  ) STRICT, WITHOUT ROWID`,

  // Consumed fences. Window nonces below their account's final base go again: the base says the same in one number.
  `CREATE TABLE fences (
    fence BLOB PRIMARY KEY CHECK (length(fence) = 73),
    how TEXT NOT NULL CHECK (how IN ('used', 'cancelled')),
    match TEXT NOT NULL,
    block_number INTEGER NOT NULL,
    log_index INTEGER NOT NULL,
    transaction_hash BLOB NOT NULL,
    sender BLOB NOT NULL
  ) STRICT, WITHOUT ROWID`,
  `CREATE INDEX fences_block ON fences (block_number)`,

  `CREATE TABLE lanes (
    address BLOB PRIMARY KEY CHECK (length(address) = 20),
    epoch INTEGER NOT NULL,
    next_nonce INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID`,
  `CREATE TABLE slots (
    id INTEGER PRIMARY KEY,
    lane BLOB NOT NULL REFERENCES lanes (address),
    nonce INTEGER NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('settle', 'call', 'empty')),
    state TEXT NOT NULL CHECK (state IN ('signed', 'sent', 'mined', 'final')),
    size INTEGER NOT NULL,
    committed_at INTEGER NOT NULL,
    sent_at INTEGER,
    block_number INTEGER,
    transaction_hash BLOB,
    succeeded INTEGER,
    gas_used INTEGER,
    gas_price INTEGER,
    reason TEXT,
    UNIQUE (lane, nonce)
  ) STRICT`,
  `CREATE INDEX slots_open ON slots (lane, nonce) WHERE state <> 'final'`,
  `CREATE INDEX slots_mined ON slots (block_number) WHERE state = 'mined'`,
  `CREATE TABLE slot_items (
    slot INTEGER NOT NULL REFERENCES slots (id),
    position INTEGER NOT NULL,
    intent INTEGER NOT NULL REFERENCES intents (sequence),
    PRIMARY KEY (slot, position)
  ) STRICT, WITHOUT ROWID`,
  `CREATE INDEX slot_items_intent ON slot_items (intent, slot)`,
  `CREATE TABLE attempts (
    hash BLOB PRIMARY KEY CHECK (length(hash) = 32),
    slot INTEGER NOT NULL REFERENCES slots (id),
    position INTEGER NOT NULL,
    raw BLOB NOT NULL,
    max_fee_per_gas INTEGER NOT NULL,
    max_priority_fee_per_gas INTEGER NOT NULL,
    sent_at INTEGER,
    UNIQUE (slot, position)
  ) STRICT`,

  `CREATE TABLE blocks (
    number INTEGER PRIMARY KEY,
    hash BLOB NOT NULL CHECK (length(hash) = 32),
    parent BLOB NOT NULL CHECK (length(parent) = 32),
    time INTEGER NOT NULL,
    final INTEGER NOT NULL CHECK (final IN (0, 1))
  ) STRICT`,

  `CREATE TABLE movements (
    id INTEGER PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('transfer', 'mint', 'burn')),
    payer INTEGER NOT NULL REFERENCES accounts (id),
    payee INTEGER NOT NULL REFERENCES accounts (id),
    amount INTEGER NOT NULL CHECK (amount >= 0),
    memo BLOB,
    intent INTEGER REFERENCES intents (sequence),
    block_number INTEGER NOT NULL,
    block_hash BLOB NOT NULL CHECK (length(block_hash) = 32),
    time INTEGER NOT NULL,
    log_index INTEGER NOT NULL,
    transaction_hash BLOB NOT NULL,
    sender BLOB NOT NULL,
    final INTEGER NOT NULL CHECK (final IN (0, 1)),
    UNIQUE (block_number, log_index)
  ) STRICT`,
  `CREATE INDEX movements_payer ON movements (payer, id)`,
  `CREATE INDEX movements_payee ON movements (payee, id)`,
  `CREATE INDEX movements_intent ON movements (intent)`,

  `CREATE TABLE ledger_entries (
    entry INTEGER PRIMARY KEY,
    movement INTEGER NOT NULL REFERENCES movements (id),
    account INTEGER NOT NULL REFERENCES accounts (id),
    amount INTEGER NOT NULL
  ) STRICT`,
  `CREATE INDEX ledger_entries_movement ON ledger_entries (movement)`,
  `CREATE TRIGGER ledger_entries_kept BEFORE DELETE ON ledger_entries
   BEGIN SELECT RAISE(ABORT, 'ledger entries are never deleted'); END`,
  `CREATE TRIGGER ledger_entries_immutable BEFORE UPDATE ON ledger_entries
   BEGIN SELECT RAISE(ABORT, 'ledger entries are never edited'); END`,

  `CREATE TABLE redemptions (
    id BLOB PRIMARY KEY CHECK (length(id) = 32),
    escrow BLOB NOT NULL,
    coin BLOB NOT NULL,
    holder BLOB NOT NULL,
    amount INTEGER NOT NULL CHECK (amount >= 0),
    payout BLOB NOT NULL,
    accept_by INTEGER NOT NULL,
    payout_by INTEGER NOT NULL,
    final_by INTEGER NOT NULL,
    salt BLOB NOT NULL
  ) STRICT, WITHOUT ROWID`,
  // Each state is entered once: the key is the guard.
  `CREATE TABLE redemption_steps (
    redemption BLOB NOT NULL REFERENCES redemptions (id),
    to_state TEXT NOT NULL,
    from_state TEXT NOT NULL,
    actor BLOB NOT NULL,
    reference BLOB NOT NULL,
    time INTEGER NOT NULL,
    block_number INTEGER NOT NULL,
    block_hash BLOB NOT NULL,
    transaction_hash BLOB NOT NULL,
    log_index INTEGER NOT NULL,
    sender BLOB NOT NULL,
    PRIMARY KEY (redemption, to_state)
  ) STRICT, WITHOUT ROWID`,
  `CREATE INDEX redemption_steps_block ON redemption_steps (block_number)`,

  // No index by account: it would cost six scattered pages per payment. Streams follow the tail, where a scan is short.
  `CREATE TABLE events (
    sequence INTEGER PRIMARY KEY,
    intent INTEGER,
    type TEXT NOT NULL,
    account BLOB,
    counterparty BLOB,
    detail TEXT,
    at INTEGER NOT NULL
  ) STRICT`,
  `CREATE INDEX events_intent ON events (intent) WHERE intent IS NOT NULL`,
];

const migrations: Readonly<Record<string, Migration>> = {
  "0001-first": {
    async up(db) {
      for (const statement of first) await sql.raw(statement).execute(db);
    },
  },
  "0002-escrows": {
    async up(db) {
      for (const statement of second) await sql.raw(statement).execute(db);
    },
  },
  "0003-lanes": {
    async up(db) {
      for (const statement of third) await sql.raw(statement).execute(db);
    },
  },
  "0004-funder": {
    async up(db) {
      for (const statement of fourth) await sql.raw(statement).execute(db);
    },
  },
  "0005-webhooks": {
    async up(db) {
      for (const statement of fifth) await sql.raw(statement).execute(db);
    },
  },
};

/** Brings the database to the newest schema, each migration in its own transaction; refuses a folder written by a newer version. */
export async function migrate(db: Kysely<Tables>): Promise<void> {
  const migrator = new Migrator({ db, provider: { getMigrations: async () => migrations } });
  const { error } = await migrator.migrateToLatest();
  if (error !== undefined) throw error;
}

/** Columns that the cold reads use, as the driver returns them: every integer is a bigint. */
export interface Tables {
  intents: {
    sequence: bigint;
    kind: string;
    digest: Buffer;
    fence: Buffer;
    coin: Buffer;
    payer: Buffer | null;
    payee: Buffer | null;
    amount: bigint;
    valid_after: bigint;
    valid_before: bigint;
    memo: Buffer | null;
    subject: Buffer | null;
    action: string;
    target: Buffer;
    data: Buffer;
    gas: bigint;
    reference: string | null;
    accepted_at: bigint;
    outcome: string | null;
    reason: string | null;
    ended_at: bigint | null;
    block_number: bigint | null;
    block_hash: Buffer | null;
    transaction_hash: Buffer | null;
    log_index: bigint | null;
    sender: Buffer | null;
  };
  intent_work: {
    sequence: bigint;
    state: string;
    reason: string | null;
    verdict: string | null;
    block_number: bigint | null;
    block_hash: Buffer | null;
    transaction_hash: Buffer | null;
    log_index: bigint | null;
    sender: Buffer | null;
  };
  accounts: { id: bigint; coin: Buffer; address: Buffer };
  movements: {
    id: bigint;
    kind: string;
    payer: bigint;
    payee: bigint;
    amount: bigint;
    memo: Buffer | null;
    intent: bigint | null;
    block_number: bigint;
    block_hash: Buffer;
    time: bigint;
    log_index: bigint;
    transaction_hash: Buffer;
    sender: Buffer;
    final: bigint;
  };
  events: {
    sequence: bigint;
    intent: bigint | null;
    type: string;
    account: Buffer | null;
    counterparty: Buffer | null;
    detail: string | null;
    at: bigint;
  };
}
