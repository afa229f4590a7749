/**
 * Public exits: what an escrow still keeps, and from when on anyone may send it back. Owns the `exits` table, one row per open redemption, claim
 * and payment. Promises that the row follows the last step in the same transaction, so that what is due is one index range.
 */
import type { Address, Word } from "../../domain/hex.ts";
import type { DueExit, Store } from "../../pipeline/ports.ts";
import type { OpenExit } from "../exits.ts";
import { toBlob, toHex } from "../rows.ts";
import { prepare, type Session } from "./engine.ts";

const set = prepare(
  `INSERT INTO exits (id, kind, due, escrow, coin, amount) VALUES ($1, $2, $3, $4, $5, $6)
   ON CONFLICT (id) DO UPDATE SET due = excluded.due, amount = excluded.amount`,
);
const clear = prepare("DELETE FROM exits WHERE id = $1");
const due = prepare(
  `SELECT x.id, x.kind, x.due FROM exits x
   WHERE x.due <= $1 AND NOT EXISTS (
     SELECT 1 FROM intents i JOIN intent_work w ON w.sequence = i.sequence WHERE i.subject = x.id AND i.kind = x.kind)
   ORDER BY x.due LIMIT $2`,
);
const sum = prepare("SELECT coalesce(sum(amount), 0) AS open FROM exits WHERE escrow = $1 AND coin = $2");

/** Follows the last step: null when nothing is left in the escrow. */
export async function followExit(session: Session, id: Word, exit: OpenExit | null): Promise<void> {
  if (exit === null) {
    await session.run(clear, [toBlob(id)]);
    return;
  }
  const { kind, due: at, escrow, coin, amount } = exit;
  await session.run(set, [toBlob(id), kind, at, toBlob(escrow), toBlob(coin), amount]);
}

export async function readDue(
  session: Session,
  { now, limit }: Parameters<Store["listDue"]>[0],
): Promise<readonly DueExit[]> {
  const rows = await session.all<{ id: Buffer; kind: DueExit["kind"]; due: bigint }>(due, [now, limit]);
  return rows.map((row) => ({ kind: row.kind, id: toHex(row.id), due: Number(row.due) }));
}

/** Sum of what is open in one escrow and coin. */
export async function sumExits(session: Session, escrow: Address, coin: Address): Promise<bigint> {
  return (await session.get<{ open: bigint }>(sum, [toBlob(escrow), toBlob(coin)]))?.open ?? 0n;
}
