/**
 * The tables of the PostgreSQL engine. Owns names, types, keys and the checks that the database itself enforces. Amounts and times are 64-bit
 * integers, addresses and words are bytes, flags are 0 and 1, JSON is text: as in the embedded engine, whose reasons (`schema.ts`, `escrows.ts`)
 * hold here too. A list once released is never edited.
 */
import { webhooks } from "./webhook-tables.ts";

const evidence = `block_number bigint,
    block_hash bytea,
    transaction_hash bytea,
    log_index bigint,
    sender bytea`;

/** Who reads and writes what: intents and the way to the chain. */
const intents = [
  `CREATE TABLE meta (key text PRIMARY KEY, value text NOT NULL)`,
  // Highest sequence given out. Outside the intents' transaction, so that no two of them wait for one another here.
  `CREATE TABLE sequences (name text PRIMARY KEY, last bigint NOT NULL)`,
  `INSERT INTO sequences (name, last) VALUES ('intents', 0)`,
  `CREATE TABLE leases (name text PRIMARY KEY, owner text NOT NULL, epoch bigint NOT NULL, until timestamptz NOT NULL)`,
  `CREATE TABLE halts (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    reason text NOT NULL,
    since bigint NOT NULL,
    resumed_by text,
    resumed_at bigint
  )`,
  `CREATE UNIQUE INDEX halts_open ON halts ((resumed_at IS NULL)) WHERE resumed_at IS NULL`,

  // Room on each page, so that a changed balance stays beside its old one and no index is touched.
  `CREATE TABLE accounts (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    coin bytea NOT NULL CHECK (octet_length(coin) = 20),
    address bytea NOT NULL CHECK (octet_length(address) = 20),
    balance bigint NOT NULL DEFAULT 0,
    posted bigint NOT NULL DEFAULT 0,
    held bigint NOT NULL DEFAULT 0 CHECK (held >= 0),
    frozen bigint NOT NULL DEFAULT 0 CHECK (frozen >= 0),
    frozen_whole smallint NOT NULL DEFAULT 0 CHECK (frozen_whole IN (0, 1)),
    nonce_base bigint NOT NULL DEFAULT 0 CHECK (nonce_base >= 0),
    UNIQUE (coin, address)
  ) WITH (fillfactor = 70)`,
  `CREATE TABLE account_changes (
    block_number bigint NOT NULL,
    account bigint NOT NULL REFERENCES accounts (id),
    balance bigint NOT NULL,
    frozen bigint NOT NULL,
    frozen_whole smallint NOT NULL,
    nonce_base bigint NOT NULL,
    PRIMARY KEY (account, block_number)
  )`,
  `CREATE INDEX account_changes_block ON account_changes (block_number)`,

  `CREATE TABLE intents (
    sequence bigint PRIMARY KEY,
    kind text NOT NULL,
    digest bytea NOT NULL UNIQUE CHECK (octet_length(digest) = 32),
    fence bytea NOT NULL CHECK (octet_length(fence) = 73),
    coin bytea NOT NULL CHECK (octet_length(coin) = 20),
    payer bytea,
    payee bytea,
    amount bigint NOT NULL CHECK (amount >= 0),
    valid_after bigint NOT NULL,
    valid_before bigint NOT NULL,
    memo bytea,
    subject bytea,
    action text NOT NULL CHECK (action IN ('row', 'call')),
    target bytea NOT NULL CHECK (octet_length(target) = 20),
    data bytea NOT NULL,
    gas bigint NOT NULL,
    reference text,
    accepted_at bigint NOT NULL,
    outcome text CHECK (outcome IN ('settled', 'cancelled', 'superseded', 'expired')),
    reason text,
    ended_at bigint,
    ${evidence},
    CHECK ((outcome IS NULL) = (ended_at IS NULL))
  )`,
  `CREATE INDEX intents_payer ON intents (payer, sequence) WHERE payer IS NOT NULL`,
  `CREATE INDEX intents_payee ON intents (payee, sequence) WHERE payee IS NOT NULL`,
  `CREATE INDEX intents_subject ON intents (subject, sequence) WHERE subject IS NOT NULL`,
  `CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS
   $$ BEGIN RAISE EXCEPTION '%', TG_ARGV[0] USING ERRCODE = 'integrity_constraint_violation'; END $$`,
  `CREATE TRIGGER intents_immutable BEFORE UPDATE OF
     sequence, kind, digest, fence, coin, payer, payee, amount, valid_after, valid_before, memo, subject, action, target, data,
     gas, reference, accepted_at
   ON intents FOR EACH ROW EXECUTE FUNCTION refuse_change('the facts of an intent never change')`,

  `CREATE TABLE intent_work (
    sequence bigint PRIMARY KEY REFERENCES intents (sequence),
    fence bytea NOT NULL CHECK (octet_length(fence) = 73),
    is_cancel smallint NOT NULL CHECK (is_cancel IN (0, 1)),
    state text NOT NULL CHECK (state IN ('accepted', 'planned', 'sent', 'included')),
    account bigint REFERENCES accounts (id),
    held bigint NOT NULL CHECK (held >= 0),
    valid_before bigint NOT NULL,
    reason text,
    held_until bigint NOT NULL DEFAULT 0,
    holds bigint NOT NULL DEFAULT 0,
    reverts bigint NOT NULL DEFAULT 0,
    slot bigint,
    verdict text CHECK (verdict IN ('settled', 'cancelled', 'superseded')),
    ${evidence},
    CHECK ((state = 'included') = (verdict IS NOT NULL AND verdict = 'settled')),
    CHECK ((verdict IS NULL) = (block_number IS NULL)),
    CHECK (state <> 'accepted' OR slot IS NULL),
    CHECK (state NOT IN ('planned', 'sent') OR slot IS NOT NULL)
  )`,
  `CREATE UNIQUE INDEX work_fence ON intent_work (fence, is_cancel)`,
  `CREATE INDEX work_ready ON intent_work (sequence) WHERE state = 'accepted' AND verdict IS NULL`,
  `CREATE INDEX work_block ON intent_work (block_number) WHERE block_number IS NOT NULL`,
  `CREATE INDEX work_expiry ON intent_work (valid_before)`,
  `CREATE INDEX work_travel ON intent_work (sequence) WHERE reason = 'travel_rule'`,

  // What has ended, by outcome. What is live is counted in intent_work: a row here that every acceptance wrote would queue them all up.
  `CREATE TABLE tallies (state text PRIMARY KEY, count bigint NOT NULL CHECK (count >= 0))`,
  `INSERT INTO tallies (state, count) VALUES ('settled', 0), ('cancelled', 0), ('superseded', 0), ('expired', 0)`,

  // Gas promised to payers, by day and payer, and to everybody, by hour; days and hours since 1970. What is over is dropped.
  `CREATE TABLE sponsored_days (
    day bigint NOT NULL,
    payer bytea NOT NULL CHECK (octet_length(payer) = 20),
    gas bigint NOT NULL CHECK (gas >= 0),
    PRIMARY KEY (day, payer)
  )`,
  `CREATE TABLE sponsored_hours (hour bigint PRIMARY KEY, gas bigint NOT NULL CHECK (gas >= 0))`,

  `CREATE TABLE idempotency (
    owner text NOT NULL,
    key text NOT NULL,
    request_hash bytea NOT NULL,
    intent bigint NOT NULL REFERENCES intents (sequence),
    created_at bigint NOT NULL,
    PRIMARY KEY (owner, key)
  )`,
  `CREATE TABLE fences (
    fence bytea PRIMARY KEY CHECK (octet_length(fence) = 73),
    how text NOT NULL CHECK (how IN ('used', 'cancelled')),
    match text NOT NULL,
    block_number bigint NOT NULL,
    log_index bigint NOT NULL,
    transaction_hash bytea NOT NULL,
    sender bytea NOT NULL
  )`,
  `CREATE INDEX fences_block ON fences (block_number)`,

  `CREATE TABLE lanes (
    address bytea PRIMARY KEY CHECK (octet_length(address) = 20),
    epoch bigint NOT NULL,
    next_nonce bigint NOT NULL,
    state text NOT NULL DEFAULT 'active' CHECK (state IN ('stored', 'active', 'draining', 'paused', 'retired')),
    moved_by text,
    moved_at bigint
  )`,
  `CREATE TABLE slots (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    lane bytea NOT NULL REFERENCES lanes (address),
    nonce bigint NOT NULL,
    kind text NOT NULL CHECK (kind IN ('settle', 'call', 'empty')),
    state text NOT NULL CHECK (state IN ('signed', 'sent', 'mined', 'final')),
    size bigint NOT NULL,
    committed_at bigint NOT NULL,
    sent_at bigint,
    block_number bigint,
    transaction_hash bytea,
    succeeded smallint,
    gas_used bigint,
    gas_price bigint,
    reason text,
    UNIQUE (lane, nonce)
  )`,
  `CREATE INDEX slots_open ON slots (lane, nonce) WHERE state <> 'final'`,
  `CREATE INDEX slots_mined ON slots (block_number) WHERE state = 'mined'`,
  `CREATE TABLE slot_items (
    slot bigint NOT NULL REFERENCES slots (id),
    position bigint NOT NULL,
    intent bigint NOT NULL REFERENCES intents (sequence),
    PRIMARY KEY (slot, position)
  )`,
  `CREATE INDEX slot_items_intent ON slot_items (intent, slot)`,
  `CREATE TABLE attempts (
    hash bytea PRIMARY KEY CHECK (octet_length(hash) = 32),
    slot bigint NOT NULL REFERENCES slots (id),
    position bigint NOT NULL,
    raw bytea NOT NULL,
    max_fee_per_gas bigint NOT NULL,
    max_priority_fee_per_gas bigint NOT NULL,
    sent_at bigint,
    UNIQUE (slot, position)
  )`,
];

/** What the chain said, the books, and what was published. */
const chain = [
  `CREATE TABLE blocks (
    number bigint PRIMARY KEY,
    hash bytea NOT NULL CHECK (octet_length(hash) = 32),
    parent bytea NOT NULL CHECK (octet_length(parent) = 32),
    time bigint NOT NULL,
    final smallint NOT NULL CHECK (final IN (0, 1))
  )`,
  `CREATE TABLE movements (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('transfer', 'mint', 'burn')),
    payer bigint NOT NULL REFERENCES accounts (id),
    payee bigint NOT NULL REFERENCES accounts (id),
    amount bigint NOT NULL CHECK (amount >= 0),
    memo bytea,
    intent bigint REFERENCES intents (sequence),
    block_number bigint NOT NULL,
    block_hash bytea NOT NULL CHECK (octet_length(block_hash) = 32),
    time bigint NOT NULL,
    log_index bigint NOT NULL,
    transaction_hash bytea NOT NULL,
    sender bytea NOT NULL,
    final smallint NOT NULL CHECK (final IN (0, 1)),
    UNIQUE (block_number, log_index)
  )`,
  `CREATE INDEX movements_payer ON movements (payer, id)`,
  `CREATE INDEX movements_payee ON movements (payee, id)`,
  `CREATE INDEX movements_intent ON movements (intent)`,

  `CREATE TABLE ledger_entries (
    entry bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    movement bigint NOT NULL REFERENCES movements (id),
    account bigint NOT NULL REFERENCES accounts (id),
    amount bigint NOT NULL
  )`,
  `CREATE INDEX ledger_entries_movement ON ledger_entries (movement)`,
  `CREATE TRIGGER ledger_entries_kept BEFORE DELETE ON ledger_entries
   FOR EACH ROW EXECUTE FUNCTION refuse_change('ledger entries are never deleted')`,
  `CREATE TRIGGER ledger_entries_whole BEFORE TRUNCATE ON ledger_entries
   FOR EACH STATEMENT EXECUTE FUNCTION refuse_change('ledger entries are never deleted')`,
  `CREATE TRIGGER ledger_entries_immutable BEFORE UPDATE ON ledger_entries
   FOR EACH ROW EXECUTE FUNCTION refuse_change('ledger entries are never edited')`,

  `CREATE TABLE redemptions (
    id bytea PRIMARY KEY CHECK (octet_length(id) = 32),
    escrow bytea NOT NULL,
    coin bytea NOT NULL,
    holder bytea NOT NULL,
    amount bigint NOT NULL CHECK (amount >= 0),
    payout bytea NOT NULL,
    accept_by bigint NOT NULL,
    payout_by bigint NOT NULL,
    final_by bigint NOT NULL,
    salt bytea NOT NULL
  )`,
  `CREATE TABLE redemption_steps (
    redemption bytea NOT NULL REFERENCES redemptions (id),
    to_state text NOT NULL,
    from_state text NOT NULL,
    actor bytea NOT NULL,
    reference bytea NOT NULL,
    time bigint NOT NULL,
    block_number bigint NOT NULL,
    block_hash bytea NOT NULL,
    transaction_hash bytea NOT NULL,
    log_index bigint NOT NULL,
    sender bytea NOT NULL,
    PRIMARY KEY (redemption, to_state)
  )`,
  `CREATE INDEX redemption_steps_block ON redemption_steps (block_number)`,

  `CREATE TABLE agreements (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id bytea NOT NULL UNIQUE CHECK (octet_length(id) = 32),
    kind text NOT NULL CHECK (kind IN ('claim', 'payment')),
    escrow bytea NOT NULL CHECK (octet_length(escrow) = 20),
    terms text NOT NULL
  )`,
  `CREATE TABLE agreement_steps (
    agreement bigint NOT NULL REFERENCES agreements (number),
    block_number bigint NOT NULL,
    log_index bigint NOT NULL,
    step text NOT NULL,
    state text NOT NULL,
    actor bytea NOT NULL,
    amount bigint NOT NULL CHECK (amount >= 0),
    fee bigint NOT NULL CHECK (fee >= 0),
    captured bigint CHECK (captured >= 0),
    voided bigint CHECK (voided >= 0),
    refunded bigint CHECK (refunded >= 0),
    disputed smallint CHECK (disputed IN (0, 1)),
    time bigint NOT NULL,
    block_hash bytea NOT NULL,
    transaction_hash bytea NOT NULL,
    sender bytea NOT NULL,
    PRIMARY KEY (agreement, block_number, log_index)
  )`,
  `CREATE INDEX agreement_steps_block ON agreement_steps (block_number)`,
  `CREATE TABLE agreement_parties (
    account bytea NOT NULL CHECK (octet_length(account) = 20),
    kind text NOT NULL,
    agreement bigint NOT NULL REFERENCES agreements (number),
    block_number bigint NOT NULL,
    PRIMARY KEY (account, kind, agreement)
  )`,
  `CREATE INDEX agreement_parties_block ON agreement_parties (block_number)`,
  `CREATE INDEX agreement_parties_agreement ON agreement_parties (agreement)`,

  `CREATE TABLE exits (
    id bytea PRIMARY KEY CHECK (octet_length(id) = 32),
    kind text NOT NULL CHECK (kind IN ('reclaim', 'reclaim-claim', 'reclaim-payment')),
    due bigint NOT NULL,
    escrow bytea NOT NULL CHECK (octet_length(escrow) = 20),
    coin bytea NOT NULL CHECK (octet_length(coin) = 20),
    amount bigint NOT NULL CHECK (amount >= 0)
  )`,
  `CREATE INDEX exits_due ON exits (due)`,
  `CREATE TABLE quotes (
    id bytea PRIMARY KEY CHECK (octet_length(id) = 32),
    maker bytea NOT NULL CHECK (octet_length(maker) = 20),
    valid_before bigint NOT NULL,
    terms text NOT NULL,
    signature bytea NOT NULL,
    offered_at bigint NOT NULL,
    ended_block bigint
  )`,
  `CREATE INDEX quotes_maker ON quotes (maker)`,
  `CREATE INDEX quotes_expiry ON quotes (valid_before)`,
  `CREATE INDEX quotes_ended ON quotes (ended_block) WHERE ended_block IS NOT NULL`,

  // Events as transactions write them. Their numbers are in the order of writing, which is not that of committing: no reader sees them.
  `CREATE TABLE outbox (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    intent bigint,
    type text NOT NULL,
    account bytea,
    counterparty bytea,
    others bytea,
    detail text,
    at bigint NOT NULL
  )`,
  // Events as they were published: numbered after their commit, under a lock, without a hole.
  `CREATE TABLE events (
    sequence bigint PRIMARY KEY,
    intent bigint,
    type text NOT NULL,
    account bytea,
    counterparty bytea,
    others bytea,
    detail text,
    at bigint NOT NULL
  )`,
  `CREATE INDEX events_intent ON events (intent) WHERE intent IS NOT NULL`,
];

/** Gas money for lanes: the role of its key, and of a slot that gives it, to which lane and how much. */
const funder = [
  `ALTER TABLE lanes ADD COLUMN role text NOT NULL DEFAULT 'lane' CHECK (role IN ('lane', 'funder'))`,
  `ALTER TABLE slots ADD COLUMN beneficiary bytea CHECK (octet_length(beneficiary) = 20)`,
  `ALTER TABLE slots ADD COLUMN gwei bigint CHECK (gwei > 0)`,
  // One at a time for each lane: the key is the guard.
  `CREATE UNIQUE INDEX slots_funding ON slots (beneficiary) WHERE beneficiary IS NOT NULL AND state <> 'final'`,
  `CREATE INDEX slots_funded ON slots (committed_at) WHERE beneficiary IS NOT NULL`,
];

/** In order; each runs once, in one transaction. */
export const migrations: readonly { readonly name: string; readonly statements: readonly string[] }[] = [
  { name: "0001-first", statements: [...intents, ...chain] },
  { name: "0002-funder", statements: funder },
  { name: "0003-webhooks", statements: webhooks },
];
