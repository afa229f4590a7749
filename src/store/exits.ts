/**
 * Public exits: what an escrow still keeps, and from when on anyone may send it back. Owns the `exits` table, one row per open redemption, claim
 * and payment. Promises that the row follows the last step in the same transaction, so that what is due is one index range.
 */
import type { Address, Word } from "../domain/hex.ts";
import type { DueExit, Store } from "../pipeline/ports.ts";
import type { Engine } from "./engine.ts";
import { toBlob, toHex } from "./rows.ts";

export interface OpenExit {
  readonly id: Word;
  readonly kind: DueExit["kind"];
  /** Unix seconds. */
  readonly due: number;
  readonly escrow: Address;
  readonly coin: Address;
  /** Base units still in the escrow. */
  readonly amount: bigint;
}

export interface Exits {
  set(exit: OpenExit): void;
  clear(id: Word): void;
  due(query: Parameters<Store["listDue"]>[0]): readonly DueExit[];
  /** Sum of what is open in one escrow and coin. */
  sum(escrow: Address, coin: Address): bigint;
}

export function createExits({ database }: Engine): Exits {
  const set = database.prepare<[Buffer, string, number, Buffer, Buffer, bigint]>(
    `INSERT INTO exits (id, kind, due, escrow, coin, amount) VALUES (?, ?, ?, ?, ?, ?)
     ON CONFLICT (id) DO UPDATE SET due = excluded.due, amount = excluded.amount`,
  );
  const clear = database.prepare<[Buffer]>("DELETE FROM exits WHERE id = ?");
  const due = database.prepare<[number, number], { id: Buffer; kind: DueExit["kind"]; due: bigint }>(
    `SELECT x.id, x.kind, x.due FROM exits x
     WHERE x.due <= ? AND NOT EXISTS (
       SELECT 1 FROM intents i JOIN intent_work w ON w.sequence = i.sequence WHERE i.subject = x.id AND i.kind = x.kind)
     ORDER BY x.due LIMIT ?`,
  );
  const sum = database
    .prepare<[Buffer, Buffer], bigint>("SELECT coalesce(sum(amount), 0) FROM exits WHERE escrow = ? AND coin = ?")
    .pluck();
  return {
    set({ id, kind, due: at, escrow, coin, amount }) {
      set.run(toBlob(id), kind, at, toBlob(escrow), toBlob(coin), amount);
    },
    clear(id) {
      clear.run(toBlob(id));
    },
    due: ({ now, limit }) =>
      due.all(now, limit).map((row) => ({ kind: row.kind, id: toHex(row.id), due: Number(row.due) })),
    sum: (escrow, coin) => sum.get(toBlob(escrow), toBlob(coin)) ?? 0n,
  };
}
