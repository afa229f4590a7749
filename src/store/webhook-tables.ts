/**
 * The fifth migration: webhooks and what waits for them. Owns their tables; a migration once released is never edited. Secrets stand here as they
 * are, because they sign: whoever has the database, or a copy of it, can sign as this node towards its webhooks.
 */
export const fifth = [
  `CREATE TABLE webhooks (
    id TEXT PRIMARY KEY,
    owner TEXT NOT NULL,
    key TEXT NOT NULL,
    request_hash TEXT NOT NULL,
    url TEXT NOT NULL,
    secret TEXT NOT NULL,
    account BLOB CHECK (account IS NULL OR length(account) = 20),
    types TEXT,
    cursor INTEGER NOT NULL CHECK (cursor >= 0),
    created_at INTEGER NOT NULL,
    revision INTEGER NOT NULL DEFAULT 1,
    disabled TEXT CHECK (disabled IN ('gone', 'gave_up')),
    failures INTEGER NOT NULL DEFAULT 0 CHECK (failures >= 0),
    last_error TEXT,
    missed INTEGER NOT NULL DEFAULT 0 CHECK (missed >= 0),
    UNIQUE (owner, key)
  ) STRICT, WITHOUT ROWID`,
  // Hot and small: only what did not arrive, and what stands behind it. The row goes when it has arrived.
  `CREATE TABLE deliveries (
    webhook TEXT NOT NULL REFERENCES webhooks (id),
    sequence INTEGER NOT NULL,
    intent INTEGER,
    event_id TEXT NOT NULL,
    body TEXT NOT NULL,
    tries INTEGER NOT NULL CHECK (tries >= 0),
    next_at INTEGER NOT NULL,
    PRIMARY KEY (webhook, sequence)
  ) STRICT, WITHOUT ROWID`,
];
