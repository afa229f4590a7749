/**
 * Rows of intents: reading them by sequence and writing new ones, many at a time. Owns the columns of `intents`, `intent_work` at acceptance and
 * `idempotency`. Promises that a write which meets a row of another process writes less than it was given and says so. Never decides.
 */
import type { Intent } from "../../domain/intent.ts";
import { type IntentRow, intentColumns, spaceOf, toBlob, toBlobOrNull, toFenceBlob, toIntent } from "../rows.ts";
import { prepare, type Session } from "./engine.ts";
import { toColumns } from "./types.ts";

export const intentTables = "intents i LEFT JOIN intent_work w ON w.sequence = i.sequence";

const bySequences = prepare(`SELECT ${intentColumns} FROM ${intentTables} WHERE i.sequence = ANY ($1::bigint[])`);
// In the order of the unique key they may meet another process at: two that share several wait for one another, not both for ever.
const addIntents = prepare(
  `INSERT INTO intents (sequence, kind, digest, fence, coin, payer, payee, amount, valid_after, valid_before, memo, subject,
     action, target, data, gas, reference, accepted_at)
   SELECT * FROM unnest($1::bigint[], $2::text[], $3::bytea[], $4::bytea[], $5::bytea[], $6::bytea[], $7::bytea[], $8::bigint[],
     $9::bigint[], $10::bigint[], $11::bytea[], $12::bytea[], $13::text[], $14::bytea[], $15::bytea[], $16::bigint[],
     $17::text[], $18::bigint[]) AS v (sequence, kind, digest) ORDER BY v.digest
   ON CONFLICT (digest) DO NOTHING`,
);
const addWork = prepare(
  `INSERT INTO intent_work (state, sequence, fence, is_cancel, account, held, valid_before)
   SELECT 'accepted', v.* FROM unnest($1::bigint[], $2::bytea[], $3::smallint[], $4::bigint[], $5::bigint[], $6::bigint[])
     AS v (sequence, fence, is_cancel)
   WHERE NOT EXISTS (SELECT 1 FROM fences f WHERE f.fence = v.fence) ORDER BY v.fence, v.is_cancel
   ON CONFLICT (fence, is_cancel) DO NOTHING`,
);
const addKeys = prepare(
  `INSERT INTO idempotency (owner, key, request_hash, intent, created_at)
   SELECT * FROM unnest($1::text[], $2::text[], $3::bytea[], $4::bigint[], $5::bigint[]) AS v (owner, key) ORDER BY v.owner, v.key
   ON CONFLICT (owner, key) DO NOTHING`,
);

export async function readSequences(session: Session, sequences: readonly bigint[]): Promise<readonly Intent[]> {
  if (sequences.length === 0) return [];
  return (await session.all<IntentRow>(bySequences, [sequences])).map(toIntent);
}

/** How many were written. */
export async function writeIntents(session: Session, intents: readonly Intent[]): Promise<number> {
  if (intents.length === 0) return 0;
  const columns = toColumns(
    intents,
    ({ sequence }) => sequence,
    ({ kind }) => kind,
    ({ digest }) => toBlob(digest),
    ({ fence, kind }) => toFenceBlob(fence, spaceOf(kind)),
    ({ coin }) => toBlob(coin),
    ({ payer }) => toBlobOrNull(payer),
    ({ payee }) => toBlobOrNull(payee),
    ({ amount }) => amount,
    ({ validAfter }) => validAfter,
    ({ validBefore }) => validBefore,
    ({ memo }) => toBlobOrNull(memo),
    ({ subject }) => toBlobOrNull(subject),
    ({ action }) => action.kind,
    ({ action }) => toBlob(action.kind === "row" ? action.coin : action.to),
    ({ action }) => toBlob(action.kind === "row" ? action.row : action.data),
    ({ action }) => (action.kind === "row" ? 0n : action.gas),
    ({ reference }) => reference,
    ({ acceptedAt }) => acceptedAt,
  );
  return session.run(addIntents, columns);
}

export interface NewWork {
  readonly sequence: bigint;
  readonly fence: Buffer;
  readonly isCancel: boolean;
  readonly account: bigint | null;
  readonly held: bigint;
  readonly validBefore: number;
}

/** How many were written: fewer when a fence has been taken. */
export async function writeWork(session: Session, work: readonly NewWork[]): Promise<number> {
  if (work.length === 0) return 0;
  const columns = toColumns(
    work,
    ({ sequence }) => sequence,
    ({ fence }) => fence,
    ({ isCancel }) => (isCancel ? 1 : 0),
    ({ account }) => account,
    ({ held }) => held,
    ({ validBefore }) => validBefore,
  );
  return session.run(addWork, columns);
}

export interface NewKey {
  readonly owner: string;
  readonly key: string;
  readonly hash: Buffer;
  readonly intent: bigint;
  readonly at: number;
}

/** How many were written: fewer when a key has been used. */
export async function writeKeys(session: Session, list: readonly NewKey[]): Promise<number> {
  if (list.length === 0) return 0;
  const columns = toColumns(
    list,
    ({ owner }) => owner,
    ({ key }) => key,
    ({ hash }) => hash,
    ({ intent }) => intent,
    ({ at }) => at,
  );
  return session.run(addKeys, columns);
}
