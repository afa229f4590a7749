/**
 * The second migration: claims and payments, quotes, and the public exits of everything that escrows keep. Owns their tables; a migration once
 * released is never edited.
 */

/** Seconds a dispute adds to a redemption's last deadline, as it was when this migration was written. */
const dispute = 15 * 86_400;

export const second = [
  `CREATE TABLE agreements (
    number INTEGER PRIMARY KEY,
    id BLOB NOT NULL UNIQUE CHECK (length(id) = 32),
    kind TEXT NOT NULL CHECK (kind IN ('claim', 'payment')),
    escrow BLOB NOT NULL CHECK (length(escrow) = 20),
    terms TEXT NOT NULL
  ) STRICT`,
  // Totals are those after the step; a claim has none.
  `CREATE TABLE agreement_steps (
    agreement INTEGER NOT NULL REFERENCES agreements (number),
    block_number INTEGER NOT NULL,
    log_index INTEGER NOT NULL,
    step TEXT NOT NULL,
    state TEXT NOT NULL,
    actor BLOB NOT NULL,
    amount INTEGER NOT NULL CHECK (amount >= 0),
    fee INTEGER NOT NULL CHECK (fee >= 0),
    captured INTEGER CHECK (captured >= 0),
    voided INTEGER CHECK (voided >= 0),
    refunded INTEGER CHECK (refunded >= 0),
    disputed INTEGER CHECK (disputed IN (0, 1)),
    time INTEGER NOT NULL,
    block_hash BLOB NOT NULL,
    transaction_hash BLOB NOT NULL,
    sender BLOB NOT NULL,
    PRIMARY KEY (agreement, block_number, log_index)
  ) STRICT, WITHOUT ROWID`,
  `CREATE INDEX agreement_steps_block ON agreement_steps (block_number)`,
  // Whom an agreement concerns, newest last; the recipient of a claim only from the block on in which it was claimed.
  `CREATE TABLE agreement_parties (
    account BLOB NOT NULL CHECK (length(account) = 20),
    kind TEXT NOT NULL,
    agreement INTEGER NOT NULL REFERENCES agreements (number),
    block_number INTEGER NOT NULL,
    PRIMARY KEY (account, kind, agreement)
  ) STRICT, WITHOUT ROWID`,
  `CREATE INDEX agreement_parties_block ON agreement_parties (block_number)`,
  `CREATE INDEX agreement_parties_agreement ON agreement_parties (agreement)`,

  // Hot and small: only what is still in an escrow. The row goes with the last step.
  `CREATE TABLE exits (
    id BLOB PRIMARY KEY CHECK (length(id) = 32),
    kind TEXT NOT NULL CHECK (kind IN ('reclaim', 'reclaim-claim', 'reclaim-payment')),
    due INTEGER NOT NULL,
    escrow BLOB NOT NULL CHECK (length(escrow) = 20),
    coin BLOB NOT NULL CHECK (length(coin) = 20),
    amount INTEGER NOT NULL CHECK (amount >= 0)
  ) STRICT, WITHOUT ROWID`,
  `CREATE INDEX exits_due ON exits (due)`,
  `INSERT INTO exits (id, kind, due, escrow, coin, amount)
   SELECT r.id, 'reclaim',
     CASE s.to_state WHEN 'locked' THEN r.accept_by WHEN 'accepted' THEN r.payout_by WHEN 'sent' THEN r.final_by
       ELSE r.final_by + ${dispute} END,
     r.escrow, r.coin, r.amount
   FROM redemptions r JOIN redemption_steps s ON s.redemption = r.id
   WHERE s.to_state IN ('locked', 'accepted', 'sent', 'disputed') AND NOT EXISTS (
     SELECT 1 FROM redemption_steps t
     WHERE t.redemption = r.id AND (t.block_number, t.log_index) > (s.block_number, s.log_index))`,

  // A quote is an offer, no intent: it goes when it expires. \`ended_block\`: where it was swapped or cancelled.
  `CREATE TABLE quotes (
    id BLOB PRIMARY KEY CHECK (length(id) = 32),
    maker BLOB NOT NULL CHECK (length(maker) = 20),
    valid_before INTEGER NOT NULL,
    terms TEXT NOT NULL,
    signature BLOB NOT NULL,
    offered_at INTEGER NOT NULL,
    ended_block INTEGER
  ) STRICT, WITHOUT ROWID`,
  `CREATE INDEX quotes_maker ON quotes (maker)`,
  `CREATE INDEX quotes_expiry ON quotes (valid_before)`,
  `CREATE INDEX quotes_ended ON quotes (ended_block) WHERE ended_block IS NOT NULL`,

  // Parties beyond two: addresses one after the other.
  `ALTER TABLE events ADD COLUMN others BLOB`,
  `CREATE INDEX work_travel ON intent_work (sequence) WHERE reason = 'travel_rule'`,
];
