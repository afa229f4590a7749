/**
 * Lanes and their slots. Owns epochs, nonces, the bytes committed for them and every attempt. Promises that a nonce is taken, its bytes
 * written and its intents moved in one transaction guarded by the lane's epoch, and that a slot never disappears. Never signs or sends.
 */
import type { Address, Hex, Word } from "../domain/hex.ts";
import type { IntentKind } from "../domain/intent.ts";
import type { SlotMined } from "../domain/facts.ts";
import type { SlotState } from "../domain/lifecycle.ts";
import { longestHoldMs } from "../domain/plan.ts";
import type { Funding, OpenSlot, PlannedSlot, ReadyIntent, Store } from "../pipeline/ports.ts";
import type { Engine } from "./engine.ts";
import { assertInvariant } from "./fault.ts";
import { pack } from "./pack.ts";
import { toBlob, toFence, toHex } from "./rows.ts";
import type { Work } from "./work.ts";

const readyShape = {
  sequence: "int",
  kind: "text",
  fence: "hex",
  coin: "hex",
  payer: "hex?",
  payee: "hex?",
  amount: "int",
  valid_after: "int",
  valid_before: "int",
  action: "text",
  target: "hex",
  data: "hex",
  gas: "int",
  reverts: "int",
  holds: "int",
  payee_known: "int",
} as const;
const readyRow = pack(readyShape, "i", {
  reverts: "w.reverts",
  holds: "w.holds",
  payee_known: `EXISTS (SELECT 1 FROM accounts a
    WHERE a.coin = i.coin AND a.address = i.payee AND (a.balance > 0 OR a.nonce_base > 0))`,
});

export interface SlotRow {
  id: bigint;
  lane: Buffer;
  nonce: bigint;
  kind: string;
  state: string;
  size: bigint;
  committed_at: bigint;
  sent_at: bigint | null;
  gas_used: bigint | null;
}

export interface AttemptRow {
  hash: Buffer;
  max_fee_per_gas: bigint;
  max_priority_fee_per_gas: bigint;
  sent_at: bigint | null;
}

/** Gas money is stored as a slot that carries no intent, with the lane that it is for. */
export const slotColumns =
  "s.id, s.lane, s.nonce, CASE WHEN s.beneficiary IS NULL THEN s.kind ELSE 'fund' END AS kind, s.state, s.size, s.committed_at, s.sent_at, s.gas_used";

/** Attempts whose bytes are kept as text, 12 MB of them at most. */
const rawsKept = 64;

/** Leaves a transaction that must not write anything after all. */
const nothingWritten = new Error("nothing written");

function prepare({ database }: Engine) {
  return {
    openLane: database.prepare<[Buffer, number], { epoch: bigint; next_nonce: bigint }>(
      `INSERT INTO lanes (address, epoch, next_nonce) VALUES (?, 1, ?)
       ON CONFLICT (address) DO UPDATE SET epoch = epoch + 1, next_nonce = max(next_nonce, excluded.next_nonce)
       RETURNING epoch, next_nonce`,
    ),
    importLane: database.prepare<[Buffer, number]>(
      `INSERT INTO lanes (address, epoch, next_nonce) VALUES (?, 0, ?)
       ON CONFLICT (address) DO UPDATE SET next_nonce = max(next_nonce, excluded.next_nonce)`,
    ),
    takeNonce: database.prepare<[Buffer, bigint, number]>(
      `UPDATE lanes SET next_nonce = next_nonce + 1
       WHERE address = ? AND epoch = ? AND next_nonce = ? AND state = 'active'`,
    ),
    add: database.prepare<[Buffer, number, string, number, number], { id: bigint }>(
      `INSERT INTO slots (lane, nonce, kind, state, size, committed_at) VALUES (?, ?, ?, 'signed', ?, ?) RETURNING id`,
    ),
    // The other lane's state, the bound, and the index that allows one slot that is not final for each, decide; no row: one of them said no.
    addFunding: database.prepare<[Buffer, number, number, bigint, Buffer, number, bigint, bigint], { id: bigint }>(
      `INSERT INTO slots (lane, nonce, kind, state, size, committed_at, beneficiary, gwei)
       SELECT ?, ?, 'empty', 'signed', 0, ?, l.address, ? FROM lanes l
       WHERE l.address = ? AND l.role = 'lane' AND l.state <> 'retired'
         AND (SELECT coalesce(sum(s.gwei), 0) FROM slots s WHERE s.beneficiary IS NOT NULL AND s.committed_at > ?) + ? <= ?
       ON CONFLICT DO NOTHING RETURNING id`,
    ),
    sumFunded: database
      .prepare<[number], bigint>(
        "SELECT coalesce(sum(gwei), 0) FROM slots WHERE beneficiary IS NOT NULL AND committed_at > ?",
      )
      .pluck(),
    // Hundreds of items at a time: one JSON array of their sequences.
    addItems: database.prepare<[bigint, string]>(
      "INSERT INTO slot_items (slot, position, intent) SELECT ?, j.key, j.value FROM json_each(?) j",
    ),
    plan: database.prepare<[bigint, string]>(
      `UPDATE intent_work SET state = 'planned', slot = ? FROM json_each(?) j
       WHERE intent_work.sequence = j.value AND intent_work.state = 'accepted' AND intent_work.verdict IS NULL`,
    ),
    addAttempt: database.prepare<[Buffer, Buffer, bigint, bigint, Buffer, bigint, Buffer, number]>(
      `INSERT INTO attempts (hash, slot, position, raw, max_fee_per_gas, max_priority_fee_per_gas)
       SELECT ?, s.id, (SELECT count(*) FROM attempts a WHERE a.slot = s.id), ?, ?, ?
       FROM slots s JOIN lanes l ON l.address = s.lane
       WHERE l.address = ? AND l.epoch = ? AND s.lane = ? AND s.nonce = ? AND s.state IN ('signed', 'sent')
       ON CONFLICT (hash) DO NOTHING`,
    ),
    hasAttempt: database.prepare<[Buffer, Buffer, number], { found: bigint }>(
      `SELECT 1 AS found FROM attempts a JOIN slots s ON s.id = a.slot WHERE a.hash = ? AND s.lane = ? AND s.nonce = ?`,
    ),
    markAttempt: database.prepare<[number, Buffer], { slot: bigint }>(
      "UPDATE attempts SET sent_at = ? WHERE hash = ? RETURNING slot",
    ),
    markSlot: database.prepare<[number, bigint]>(
      "UPDATE slots SET state = 'sent', sent_at = ? WHERE id = ? AND state = 'signed'",
    ),
    markItems: database.prepare<[bigint, bigint]>(
      `UPDATE intent_work SET state = 'sent'
       WHERE sequence IN (SELECT intent FROM slot_items WHERE slot = ?) AND slot = ? AND state = 'planned'`,
    ),
    abandon: database.prepare<[Buffer, number], { id: bigint }>(
      `UPDATE slots SET state = 'final' WHERE lane = ? AND nonce < ? AND state IN ('signed', 'sent') RETURNING id`,
    ),
    mine: database.prepare<
      [number, Buffer, number, bigint, bigint, string | null, Buffer, number],
      { id: bigint; size: bigint }
    >(
      `UPDATE slots SET state = 'mined', block_number = ?, transaction_hash = ?, succeeded = ?, gas_used = ?, gas_price = ?,
         reason = ?, sent_at = coalesce(sent_at, committed_at)
       WHERE lane = ? AND nonce = ? AND state IN ('signed', 'sent') RETURNING id, size`,
    ),
    find: database.prepare<[Buffer, number], { state: string }>("SELECT state FROM slots WHERE lane = ? AND nonce = ?"),
    importSlot: database.prepare<
      [Buffer, number, number, number, number, Buffer, number, bigint, bigint],
      { id: bigint; size: bigint }
    >(
      `INSERT INTO slots (lane, nonce, kind, state, size, committed_at, sent_at, block_number, transaction_hash, succeeded,
         gas_used, gas_price)
       VALUES (?, ?, 'empty', 'mined', 0, ?, ?, ?, ?, ?, ?, ?) RETURNING id, size`,
    ),
    unmine: database.prepare<[number]>(
      `UPDATE slots SET state = 'sent', block_number = NULL, transaction_hash = NULL, succeeded = NULL, gas_used = NULL,
         gas_price = NULL, reason = NULL WHERE state = 'mined' AND block_number > ?`,
    ),
    finish: database.prepare<[number]>("UPDATE slots SET state = 'final' WHERE state = 'mined' AND block_number <= ?"),
    isOpen: database.prepare<[bigint], { found: bigint }>(
      "SELECT 1 AS found FROM slots WHERE id = ? AND state IN ('signed', 'sent')",
    ),
    open: database.prepare<[Buffer, number], SlotRow>(
      `SELECT ${slotColumns} FROM slots s WHERE s.lane = ? AND s.state <> 'final' ORDER BY s.nonce LIMIT ?`,
    ),
    attempts: database.prepare<[bigint], AttemptRow>(
      `SELECT hash, max_fee_per_gas, max_priority_fee_per_gas, sent_at FROM attempts WHERE slot = ? ORDER BY position`,
    ),
    raw: database.prepare<[Buffer], Buffer>("SELECT raw FROM attempts WHERE hash = ?").pluck(),
    ready: database
      .prepare<[number, number, number], string>(
        `SELECT ${readyRow.sql} FROM intent_work w JOIN intents i ON i.sequence = w.sequence
         WHERE w.state = 'accepted' AND w.verdict IS NULL AND (w.held_until <= ? OR w.held_until > ?)
         ORDER BY w.sequence LIMIT ?`,
      )
      .pluck(),
  };
}

type Verbs =
  | "openLanes"
  | "readReady"
  | "commitPlan"
  | "sumFunded"
  | "readOpenSlots"
  | "markSent"
  | "addAttempt"
  | "abandonSlots"
  | "hold";

export interface Slots extends Pick<Store, Verbs> {
  /** A transaction of ours was mined: the slot and how many items it has. One that we do not know is imported. */
  mine(slot: SlotMined, block: { number: number; at: number }): bigint;
  /** Slots mined above `number` are open again. */
  unmineAbove(number: number): void;
  finishUpTo(number: number): void;
  isOpen(slot: bigint): boolean;
  toOpenSlot(row: SlotRow): OpenSlot;
}

function toReady(text: string): ReadyIntent {
  const row = readyRow.read(text);
  return {
    sequence: row.sequence,
    kind: row.kind as IntentKind,
    fence: toFence(row.fence),
    coin: row.coin,
    payer: row.payer,
    payee: row.payee,
    amount: row.amount,
    validAfter: Number(row.valid_after),
    validBefore: Number(row.valid_before),
    action:
      row.action === "row"
        ? { kind: "row", coin: row.target, row: row.data }
        : { kind: "call", to: row.target, data: row.data, gas: row.gas },
    reverts: Number(row.reverts),
    holds: Number(row.holds),
    payeeKnown: row.payee_known === 1n,
  };
}

/** `rawOf`: the bytes of an attempt, wherever an engine keeps them. */
export function toOpenSlot<A extends AttemptRow>(
  row: SlotRow,
  attempts: readonly A[],
  rawOf: (attempt: A) => Hex,
): OpenSlot {
  return {
    lane: toHex(row.lane),
    nonce: Number(row.nonce),
    state: row.state as SlotState,
    kind: row.kind as OpenSlot["kind"],
    attempts: attempts.map((attempt) => ({
      hash: toHex(attempt.hash),
      raw: rawOf(attempt),
      maxFeePerGas: attempt.max_fee_per_gas,
      maxPriorityFeePerGas: attempt.max_priority_fee_per_gas,
      sentAt: attempt.sent_at === null ? null : Number(attempt.sent_at),
    })),
  };
}

export function createSlots(engine: Engine, parts: { work: Work; now: () => number }): Slots {
  const { work, now } = parts;
  const sql = prepare(engine);

  function insertAttempt(slot: {
    lane: Address;
    nonce: number;
    epoch: bigint;
    attempt: PlannedSlot["attempt"];
  }): boolean {
    const lane = toBlob(slot.lane);
    const { hash, raw, maxFeePerGas, maxPriorityFeePerGas } = slot.attempt;
    const fees = [maxFeePerGas, maxPriorityFeePerGas] as const;
    return sql.addAttempt.run(toBlob(hash), toBlob(raw), ...fees, lane, slot.epoch, lane, slot.nonce).changes === 1;
  }

  function addFunding({ lane, nonce, at }: PlannedSlot, { to, gwei, bound }: Funding): { id: bigint } | undefined {
    return sql.addFunding.get(toBlob(lane), nonce, at, gwei, toBlob(to), bound.since, gwei, bound.most);
  }

  function commit(slot: PlannedSlot): void {
    const lane = toBlob(slot.lane);
    if (sql.takeNonce.run(lane, slot.epoch, slot.nonce).changes !== 1) throw nothingWritten;
    const row =
      slot.funding === undefined
        ? sql.add.get(lane, slot.nonce, slot.kind, slot.items.length, slot.at)
        : addFunding(slot, slot.funding);
    if (row === undefined) throw nothingWritten;
    const items = `[${slot.items.join(",")}]`;
    if (sql.plan.run(row.id, items).changes !== slot.items.length) throw nothingWritten;
    sql.addItems.run(row.id, items);
    engine.tally("accepted", "planned", slot.items.length);
    assertInvariant(
      insertAttempt(slot),
      "P4",
      `the bytes of ${slot.lane} nonce ${slot.nonce} are those of another slot`,
    );
  }

  /** Committed bytes never change; the slots under way are read several times a block, and a batch of rows is 90 kB. */
  const raws = new Map<Word, Hex>();
  function readRaw(row: AttemptRow): Hex {
    const hash = toHex(row.hash);
    let raw = raws.get(hash);
    if (raw !== undefined) return raw;
    const bytes = sql.raw.get(row.hash);
    assertInvariant(bytes !== undefined, "P4", `attempt ${hash} has no bytes`);
    raw = toHex(bytes);
    if (raws.size >= rawsKept) for (const oldest of [...raws.keys()].slice(0, 1)) raws.delete(oldest);
    raws.set(hash, raw);
    return raw;
  }

  const readSlot = (row: SlotRow): OpenSlot => toOpenSlot(row, sql.attempts.all(row.id), readRaw);

  function mark(hash: Word, at: number): void {
    const attempt = sql.markAttempt.get(at, toBlob(hash));
    if (attempt === undefined) return;
    sql.markSlot.run(at, attempt.slot);
    engine.tally("planned", "sent", sql.markItems.run(attempt.slot, attempt.slot).changes);
  }

  return {
    toOpenSlot: readSlot,
    openLanes: (lanes) =>
      engine.write("openLanes", () =>
        lanes.map(({ address, chainNonce }) => {
          const row = sql.openLane.get(toBlob(address), chainNonce);
          if (row === undefined) throw new Error("INSERT … RETURNING returned no row");
          return { address, epoch: row.epoch, nextNonce: Number(row.next_nonce) };
        }),
      ),
    readReady: ({ now, limit }) =>
      engine.read("readReady", () => sql.ready.all(now, now + longestHoldMs, limit).map(toReady)),
    async commitPlan(slot) {
      try {
        await engine.write("commitPlan", () => commit(slot));
        return true;
      } catch (error) {
        if (error === nothingWritten) return false;
        throw error;
      }
    },
    sumFunded: (since) => engine.read("sumFunded", () => sql.sumFunded.get(since) ?? 0n),
    hold: (items) =>
      engine.write("hold", () => {
        for (const item of items) work.hold(item, now());
      }),
    readOpenSlots: (lane, limit) => engine.read("readOpenSlots", () => sql.open.all(toBlob(lane), limit).map(readSlot)),
    markSent: (hashes, at) =>
      engine.write("markSent", () => {
        for (const hash of hashes) mark(hash, at);
      }),
    addAttempt: (slot) =>
      engine.write(
        "addAttempt",
        () =>
          insertAttempt(slot) ||
          sql.hasAttempt.get(toBlob(slot.attempt.hash), toBlob(slot.lane), slot.nonce) !== undefined,
      ),
    abandonSlots: (lane, belowNonce) =>
      engine.write("abandonSlots", () => {
        const abandoned = sql.abandon.all(toBlob(lane), belowNonce);
        const change = { why: "its nonce was used by another transaction", reason: null, until: null, reverted: false };
        for (const { id } of abandoned) {
          for (const row of work.ofSlot(id)) work.sendBack(row, change, now());
        }
        return abandoned.length;
      }),
    mine({ lane, nonce, transaction, succeeded, gasUsed, gasPrice, reason }, { number, at }) {
      const blob = toBlob(lane);
      const done = succeeded ? 1 : 0;
      const mined = sql.mine.get(number, toBlob(transaction), done, gasUsed, gasPrice, reason, blob, nonce);
      if (mined !== undefined) return mined.id;
      const known = sql.find.get(blob, nonce);
      assertInvariant(known === undefined, "P4", `${lane} nonce ${nonce} was mined twice`);
      sql.importLane.run(blob, nonce + 1);
      const imported = sql.importSlot.get(blob, nonce, at, at, number, toBlob(transaction), done, gasUsed, gasPrice);
      if (imported === undefined) throw new Error("INSERT … RETURNING returned no row");
      return imported.id;
    },
    unmineAbove(number) {
      sql.unmine.run(number);
    },
    finishUpTo(number) {
      sql.finish.run(number);
    },
    isOpen: (slot) => sql.isOpen.get(slot) !== undefined,
  };
}
