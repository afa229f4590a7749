/**
 * The second migration of the PostgreSQL engine: webhooks and what waits for them. Owns their tables, which are those of the embedded engine
 * (`webhook-tables.ts` there, with the reasons); a migration once released is never edited.
 */
export const webhooks = [
  `CREATE TABLE webhooks (
    id text PRIMARY KEY,
    owner text NOT NULL,
    key text NOT NULL,
    request_hash text NOT NULL,
    url text NOT NULL,
    secret text NOT NULL,
    account bytea CHECK (account IS NULL OR octet_length(account) = 20),
    types text,
    cursor bigint NOT NULL CHECK (cursor >= 0),
    created_at bigint NOT NULL,
    revision bigint NOT NULL DEFAULT 1,
    disabled text CHECK (disabled IN ('gone', 'gave_up')),
    failures bigint NOT NULL DEFAULT 0 CHECK (failures >= 0),
    last_error text,
    missed bigint NOT NULL DEFAULT 0 CHECK (missed >= 0),
    UNIQUE (owner, key)
  )`,
  `CREATE TABLE deliveries (
    webhook text NOT NULL REFERENCES webhooks (id),
    sequence bigint NOT NULL,
    intent bigint,
    event_id text NOT NULL,
    body text NOT NULL,
    tries bigint NOT NULL CHECK (tries >= 0),
    next_at bigint NOT NULL,
    PRIMARY KEY (webhook, sequence)
  )`,
];
