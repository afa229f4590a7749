/**
 * Lanes and their slots. Owns epochs, nonces, the bytes committed for them and every attempt. Promises that a nonce is taken, its bytes
 * written and its intents moved in one transaction guarded by the lane's epoch, and that a slot never disappears. Never signs or sends.
 */
import type { SlotMined } from "../../domain/facts.ts";
import type { Address, Word } from "../../domain/hex.ts";
import type { IntentKind } from "../../domain/intent.ts";
import { longestHoldMs } from "../../domain/plan.ts";
import type { Lane, NewAttempt, OpenSlot, PlannedSlot, ReadyIntent, SlotKey, Store } from "../../pipeline/ports.ts";
import { assertInvariant } from "../fault.ts";
import { type ActionRow, toAction, toBlob, toFence, toHex } from "../rows.ts";
import { type AttemptRow, slotColumns, type SlotRow, toOpenSlot } from "../slots.ts";
import { type Engine, prepare, type Session, type Transaction } from "./engine.ts";
import { holdWork, openWork, readSlot } from "./work.ts";

const openLane = prepare(
  `INSERT INTO lanes (address, epoch, next_nonce) VALUES ($1, 1, $2)
   ON CONFLICT (address) DO UPDATE SET epoch = lanes.epoch + 1, next_nonce = greatest(lanes.next_nonce, excluded.next_nonce)
   RETURNING epoch, next_nonce`,
);
const importLane = prepare(
  `INSERT INTO lanes (address, epoch, next_nonce) VALUES ($1, 0, $2)
   ON CONFLICT (address) DO UPDATE SET next_nonce = greatest(lanes.next_nonce, excluded.next_nonce)`,
);
const takeNonce = prepare(
  `UPDATE lanes SET next_nonce = next_nonce + 1
   WHERE address = $1 AND epoch = $2 AND next_nonce = $3 AND state = 'active'`,
);
const addSlot = prepare(
  `INSERT INTO slots (lane, nonce, kind, state, size, committed_at) VALUES ($1, $2, $3, 'signed', $4, $5) RETURNING id`,
);
// The other lane's state, the bound, and the index that allows one slot that is not final for each, decide; no row: one of them said no.
const addFunding = prepare(
  `INSERT INTO slots (lane, nonce, kind, state, size, committed_at, beneficiary, gwei)
   SELECT $1::bytea, $2::bigint, 'empty', 'signed', 0, $3::bigint, l.address, $4::bigint FROM lanes l
   WHERE l.address = $5 AND l.role = 'lane' AND l.state <> 'retired'
     AND (SELECT coalesce(sum(s.gwei), 0) FROM slots s WHERE s.beneficiary IS NOT NULL AND s.committed_at > $6)
       + $4::bigint <= $7::bigint
   ON CONFLICT DO NOTHING RETURNING id`,
);
// Both lanes, in the order in which everybody locks lanes: neither is moved meanwhile, and whoever else funds waits.
const lockLanes = prepare("SELECT 1 FROM lanes WHERE address = ANY ($1::bytea[]) ORDER BY address FOR UPDATE");
const funded = prepare(
  "SELECT coalesce(sum(gwei), 0) AS sum FROM slots WHERE beneficiary IS NOT NULL AND committed_at > $1",
);
const addItems = prepare(
  `INSERT INTO slot_items (slot, position, intent)
   SELECT $1, v.place - 1, v.intent FROM unnest($2::bigint[]) WITH ORDINALITY AS v (intent, place)`,
);
// Locked in sorted order, whatever the order in the slot. One intent twice is one row less than there are items.
const plan = prepare(
  `UPDATE intent_work w SET state = 'planned', slot = $1
   FROM (SELECT sequence FROM intent_work WHERE sequence = ANY ($2::bigint[]) AND state = 'accepted' AND verdict IS NULL
     ORDER BY sequence FOR UPDATE) AS v
   WHERE w.sequence = v.sequence`,
);
const addAttempt = prepare(
  `INSERT INTO attempts (hash, slot, position, raw, max_fee_per_gas, max_priority_fee_per_gas)
   SELECT $1::bytea, s.id, (SELECT count(*) FROM attempts a WHERE a.slot = s.id), $2::bytea, $3::bigint, $4::bigint
   FROM slots s JOIN lanes l ON l.address = s.lane
   WHERE l.address = $5 AND l.epoch = $6 AND s.nonce = $7 AND s.state IN ('signed', 'sent')
   FOR UPDATE OF s FOR SHARE OF l
   ON CONFLICT (hash) DO NOTHING`,
);
const hasAttempt = prepare(
  "SELECT 1 FROM attempts a JOIN slots s ON s.id = a.slot WHERE a.hash = $1 AND s.lane = $2 AND s.nonce = $3",
);
const markAttempts = prepare("UPDATE attempts SET sent_at = $1 WHERE hash = ANY ($2::bytea[]) RETURNING slot");
const markSlots = prepare(
  "UPDATE slots SET state = 'sent', sent_at = $1 WHERE id = ANY ($2::bigint[]) AND state = 'signed'",
);
const markItems = prepare(
  `UPDATE intent_work SET state = 'sent'
   WHERE sequence IN (SELECT intent FROM slot_items WHERE slot = ANY ($1::bigint[])) AND slot = ANY ($1::bigint[])
     AND state = 'planned'`,
);
const abandon = prepare(
  "UPDATE slots SET state = 'final' WHERE lane = $1 AND nonce < $2 AND state IN ('signed', 'sent') RETURNING id",
);
const mine = prepare(
  `UPDATE slots SET state = 'mined', block_number = $1, transaction_hash = $2, succeeded = $3, gas_used = $4, gas_price = $5,
     reason = $6, sent_at = coalesce(sent_at, committed_at)
   WHERE lane = $7 AND nonce = $8 AND state IN ('signed', 'sent') RETURNING id`,
);
const find = prepare("SELECT state FROM slots WHERE lane = $1 AND nonce = $2");
const importSlot = prepare(
  `INSERT INTO slots (lane, nonce, kind, state, size, committed_at, sent_at, block_number, transaction_hash, succeeded,
     gas_used, gas_price)
   VALUES ($1, $2, 'empty', 'mined', 0, $3, $3, $4, $5, $6, $7, $8) RETURNING id`,
);
const unmine = prepare(
  `UPDATE slots SET state = 'sent', block_number = NULL, transaction_hash = NULL, succeeded = NULL, gas_used = NULL,
     gas_price = NULL, reason = NULL WHERE state = 'mined' AND block_number > $1`,
);
const finish = prepare("UPDATE slots SET state = 'final' WHERE state = 'mined' AND block_number <= $1");
const openAmong = prepare("SELECT id FROM slots WHERE id = ANY ($1::bigint[]) AND state IN ('signed', 'sent')");
const open = prepare(
  `SELECT ${slotColumns} FROM slots s WHERE s.lane = $1 AND s.state <> 'final' ORDER BY s.nonce LIMIT $2`,
);
const attemptsOf = prepare(
  `SELECT slot, hash, raw, max_fee_per_gas, max_priority_fee_per_gas, sent_at FROM attempts WHERE slot = ANY ($1::bigint[])
   ORDER BY slot, position`,
);
const ready = prepare(
  `SELECT i.sequence, i.kind, i.fence, i.coin, i.payer, i.payee, i.amount, i.valid_after, i.valid_before, i.action, i.target,
     i.data, i.gas, w.reverts, w.holds, EXISTS (SELECT 1 FROM accounts a
       WHERE a.coin = i.coin AND a.address = i.payee AND (a.balance > 0 OR a.nonce_base > 0)) AS payee_known
   FROM intent_work w JOIN intents i ON i.sequence = w.sequence
   WHERE w.state = 'accepted' AND w.verdict IS NULL AND (w.held_until <= $1 OR w.held_until > $2)
   ORDER BY w.sequence LIMIT $3`,
);

interface ReadyRow extends ActionRow {
  sequence: bigint;
  kind: string;
  fence: Buffer;
  coin: Buffer;
  payer: Buffer | null;
  payee: Buffer | null;
  amount: bigint;
  valid_after: bigint;
  valid_before: bigint;
  reverts: bigint;
  holds: bigint;
  payee_known: boolean;
}

/** Leaves a transaction that must not write anything after all. */
const nothingWritten = new Error("nothing written");

function toReady(row: ReadyRow): ReadyIntent {
  return {
    sequence: row.sequence,
    kind: row.kind as IntentKind,
    fence: toFence(toHex(row.fence)),
    coin: toHex(row.coin),
    payer: row.payer === null ? null : toHex(row.payer),
    payee: row.payee === null ? null : toHex(row.payee),
    amount: row.amount,
    validAfter: Number(row.valid_after),
    validBefore: Number(row.valid_before),
    action: toAction(row),
    reverts: Number(row.reverts),
    holds: Number(row.holds),
    payeeKnown: row.payee_known,
  };
}

type NewBytes = SlotKey & { readonly epoch: bigint; readonly attempt: NewAttempt };

async function insertAttempt(tx: Transaction, { lane, nonce, epoch, attempt }: NewBytes): Promise<boolean> {
  const { hash, raw, maxFeePerGas, maxPriorityFeePerGas } = attempt;
  const bytes = [toBlob(hash), toBlob(raw), maxFeePerGas, maxPriorityFeePerGas];
  return (await tx.run(addAttempt, [...bytes, toBlob(lane), epoch, nonce])) === 1;
}

function addSlotRow(tx: Transaction, { lane, nonce, kind, items, at, funding }: PlannedSlot) {
  if (funding === undefined) return tx.get<{ id: bigint }>(addSlot, [toBlob(lane), nonce, kind, items.length, at]);
  const { to, gwei, bound } = funding;
  return tx.get<{ id: bigint }>(addFunding, [toBlob(lane), nonce, at, gwei, toBlob(to), bound.since, bound.most]);
}

async function commit(tx: Transaction, slot: PlannedSlot): Promise<void> {
  const lane = toBlob(slot.lane);
  if (slot.funding !== undefined) await tx.run(lockLanes, [[lane, toBlob(slot.funding.to)]]);
  // The row stays locked until the commit: a second planner of this lane waits, and then finds the nonce taken.
  if ((await tx.run(takeNonce, [lane, slot.epoch, slot.nonce])) !== 1) throw nothingWritten;
  const row = await addSlotRow(tx, slot);
  if (row === undefined) throw nothingWritten;
  if ((await tx.run(plan, [row.id, slot.items])) !== slot.items.length) throw nothingWritten;
  await tx.run(addItems, [row.id, slot.items]);
  const written = await insertAttempt(tx, slot);
  assertInvariant(written, "P4", `the bytes of ${slot.lane} nonce ${slot.nonce} are those of another slot`);
}

/** Slots with their attempts, in the order given. */
export async function readAttempts(session: Session, rows: readonly SlotRow[]): Promise<readonly OpenSlot[]> {
  if (rows.length === 0) return [];
  const found = await session.all<AttemptRow & { slot: bigint; raw: Buffer }>(attemptsOf, [rows.map(({ id }) => id)]);
  const bySlot = Map.groupBy(found, ({ slot }) => slot);
  return rows.map((row) => toOpenSlot(row, bySlot.get(row.id) ?? [], ({ raw }) => toHex(raw)));
}

async function mark(tx: Transaction, hashes: readonly Word[], at: number): Promise<void> {
  const marked = await tx.all<{ slot: bigint }>(markAttempts, [at, hashes.map(toBlob)]);
  if (marked.length === 0) return;
  const slots = [...new Set(marked.map(({ slot }) => slot))];
  await tx.run(markSlots, [at, slots]);
  // Planned → sent is the only edge this statement can take.
  await tx.run(markItems, [slots]);
}

/** In sorted order, so that two processes which open at once wait for one another. */
async function openAll(
  tx: Transaction,
  lanes: readonly { readonly address: Address; readonly chainNonce: number }[],
): Promise<readonly Lane[]> {
  const opened = new Map<Address, Lane>();
  for (const { address, chainNonce } of [...lanes].sort((a, b) => (a.address < b.address ? -1 : 1))) {
    const row = await tx.get<{ epoch: bigint; next_nonce: bigint }>(openLane, [toBlob(address), chainNonce]);
    if (row === undefined) throw new Error("INSERT … RETURNING returned no row");
    opened.set(address, { address, epoch: row.epoch, nextNonce: Number(row.next_nonce) });
  }
  return lanes.flatMap(({ address }) => opened.get(address) ?? []);
}

async function close(tx: Transaction, lane: Address, options: { below: number; at: number }): Promise<number> {
  const abandoned = await tx.all<{ id: bigint }>(abandon, [toBlob(lane), options.below]);
  const work = openWork(tx, null);
  const change = { why: "its nonce was used by another transaction", reason: null, until: null, reverted: false };
  for (const { id } of abandoned) {
    for (const live of await readSlot(tx, id)) work.sendBack(live, change, options.at);
  }
  await work.flush();
  return abandoned.length;
}

/** A transaction of ours was mined: its slot. One that is not known is imported. */
export async function mineSlot(
  tx: Transaction,
  slot: SlotMined,
  block: { readonly number: number; readonly at: number },
): Promise<bigint> {
  const { lane, nonce, transaction, gasUsed, gasPrice, reason } = slot;
  const blob = toBlob(lane);
  const done = slot.succeeded ? 1 : 0;
  const hash = toBlob(transaction);
  const mined = await tx.get<{ id: bigint }>(mine, [block.number, hash, done, gasUsed, gasPrice, reason, blob, nonce]);
  if (mined !== undefined) return mined.id;
  const known = await tx.get(find, [blob, nonce]);
  assertInvariant(known === undefined, "P4", `${lane} nonce ${nonce} was mined twice`);
  await tx.run(importLane, [blob, nonce + 1]);
  const values = [blob, nonce, block.at, block.number, hash, done, gasUsed, gasPrice];
  const imported = await tx.get<{ id: bigint }>(importSlot, values);
  if (imported === undefined) throw new Error("INSERT … RETURNING returned no row");
  return imported.id;
}

/** Slots mined above `number` are open again. */
export async function unmineAbove(session: Session, number: number): Promise<void> {
  await session.run(unmine, [number]);
}

export async function finishSlots(session: Session, number: number): Promise<void> {
  await session.run(finish, [number]);
}

/** Those of the slots that are neither mined nor final. */
export async function findOpenSlots(session: Session, slots: readonly bigint[]): Promise<ReadonlySet<bigint>> {
  if (slots.length === 0) return new Set();
  return new Set((await session.all<{ id: bigint }>(openAmong, [slots])).map(({ id }) => id));
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

export function createSlots(engine: Engine, now: () => number): Pick<Store, Verbs> {
  return {
    openLanes: (lanes) => engine.write({ step: "openLanes", stand: "beside" }, (tx) => openAll(tx, lanes)),
    readReady: async ({ now: time, limit }) =>
      (await engine.all<ReadyRow>("readReady", ready, [time, time + longestHoldMs, limit])).map(toReady),
    async commitPlan(slot) {
      try {
        await engine.write({ step: "commitPlan", stand: "beside" }, (tx) => commit(tx, slot));
        return true;
      } catch (error) {
        if (error === nothingWritten) return false;
        throw error;
      }
    },
    sumFunded: async (since) => (await engine.all<{ sum: bigint }>("sumFunded", funded, [since]))[0]?.sum ?? 0n,
    hold: (items) => engine.write({ step: "hold", stand: "beside" }, (tx) => holdWork(tx, items, now())),
    readOpenSlots: (lane, limit) =>
      engine.read("readOpenSlots", async (session) =>
        readAttempts(session, await session.all<SlotRow>(open, [toBlob(lane), limit])),
      ),
    markSent: (hashes, at) => engine.write({ step: "markSent", stand: "beside" }, (tx) => mark(tx, hashes, at)),
    addAttempt: (slot) =>
      engine.write({ step: "addAttempt", stand: "beside" }, async (tx) => {
        if (await insertAttempt(tx, slot)) return true;
        const values = [toBlob(slot.attempt.hash), toBlob(slot.lane), slot.nonce];
        return (await tx.get(hasAttempt, values)) !== undefined;
      }),
    abandonSlots: (lane, below) =>
      engine.write({ step: "abandonSlots", stand: "alone" }, (tx) => close(tx, lane, { below, at: now() })),
  };
}
