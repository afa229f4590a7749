/**
 * Redemptions as the chain tells them. Owns their terms and the steps they took; the state is that of the last step. Steps of a block that a
 * reorg removed are deleted, and a redemption without steps with them. Never decides: the escrow does.
 */
import type { BlockRef, RedemptionMoved, RedemptionTerms } from "../domain/facts.ts";
import type { Address, Word } from "../domain/hex.ts";
import { endOf, isLeavable } from "../domain/redemption.ts";
import type { RedemptionState } from "../domain/intent.ts";
import type { StoredRedemption } from "../pipeline/ports.ts";
import type { Engine } from "./engine.ts";
import type { Events, NewEvent } from "./events.ts";
import type { Exits, OpenExit } from "./exits.ts";
import { assertInvariant } from "./fault.ts";
import { toBlob, toHex } from "./rows.ts";

export interface RedemptionRow {
  escrow: Buffer;
  coin: Buffer;
  holder: Buffer;
  amount: bigint;
  payout: Buffer;
  accept_by: bigint;
  payout_by: bigint;
  final_by: bigint;
  salt: Buffer;
}

export interface StepRow {
  from_state: string;
  to_state: string;
  actor: Buffer;
  reference: Buffer;
  time: bigint;
  block_number: bigint;
  block_hash: Buffer;
  transaction_hash: Buffer;
  log_index: bigint;
  sender: Buffer;
}

export interface RedemptionChange {
  readonly moved: RedemptionMoved;
  readonly block: BlockRef;
  /** Sender of the transaction. */
  readonly by: Address;
  /** The intent that this step carried out, when it was one of ours. */
  readonly intent: bigint | null;
  readonly at: number;
}

export interface Redemptions {
  apply(change: RedemptionChange): void;
  revertTo(number: number, at: number): void;
  read(id: Word): StoredRedemption | null;
}

function prepare({ database }: Engine) {
  return {
    create: database.prepare(
      `INSERT INTO redemptions (id, escrow, coin, holder, amount, payout, accept_by, payout_by, final_by, salt)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    ),
    find: database.prepare<[Buffer], RedemptionRow>(
      `SELECT escrow, coin, holder, amount, payout, accept_by, payout_by, final_by, salt FROM redemptions WHERE id = ?`,
    ),
    step: database.prepare(
      `INSERT INTO redemption_steps (redemption, to_state, from_state, actor, reference, time, block_number, block_hash,
         transaction_hash, log_index, sender) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT (redemption, to_state) DO NOTHING`,
    ),
    steps: database.prepare<[Buffer], StepRow>(
      `SELECT from_state, to_state, actor, reference, time, block_number, block_hash, transaction_hash, log_index, sender
       FROM redemption_steps WHERE redemption = ? ORDER BY block_number, log_index`,
    ),
    dropSteps: database.prepare<[number]>("DELETE FROM redemption_steps WHERE block_number > ?"),
    dropEmpty: database.prepare<[Buffer]>(
      `DELETE FROM redemptions WHERE id = ? AND NOT EXISTS (SELECT 1 FROM redemption_steps s WHERE s.redemption = redemptions.id)`,
    ),
    undone: database.prepare<[number], UndoneStep>(
      `SELECT s.redemption, r.holder, s.from_state, s.to_state
       FROM redemption_steps s JOIN redemptions r ON r.id = s.redemption
       WHERE s.block_number > ? ORDER BY s.block_number DESC, s.log_index DESC`,
    ),
  };
}

export function toTerms(row: RedemptionRow): RedemptionTerms {
  return {
    coin: toHex(row.coin),
    holder: toHex(row.holder),
    amount: row.amount,
    payout: toHex(row.payout),
    acceptBy: Number(row.accept_by),
    payoutBy: Number(row.payout_by),
    finalBy: Number(row.final_by),
    salt: toHex(row.salt),
  };
}

/** What is in the escrow has an exit; what has left it has none. */
export function toExit(id: Word, row: RedemptionRow, state: RedemptionState): OpenExit | null {
  if (!isLeavable(state)) return null;
  const terms = toTerms(row);
  const { coin, amount } = terms;
  return { id, kind: "reclaim", due: endOf(state, terms).at, escrow: toHex(row.escrow), coin, amount };
}

export function toStepEvent({ moved, block, by, intent, at }: RedemptionChange, holder: Address): NewEvent {
  const { id, from, to, actor, reference, transaction, logIndex } = moved;
  const evidence = { blockNumber: block.number, blockHash: block.hash, transaction, logIndex, by };
  const detail = { redemption: id, holder, from, to, actor, reference, evidence };
  return { type: "redemption", intent, account: holder, counterparty: null, detail, at };
}

/** A step that a reorg took away. */
export interface UndoneStep {
  redemption: Buffer;
  holder: Buffer;
  from_state: string;
  to_state: string;
}

export function toUndoneEvent(step: UndoneStep, at: number): NewEvent {
  const [redemption, holder] = [toHex(step.redemption), toHex(step.holder)];
  const detail = { redemption, holder, from: step.to_state, to: step.from_state, why: "reorg" };
  return { type: "redemption", intent: null, account: holder, counterparty: null, detail, at };
}

export function toRedemption(id: Word, row: RedemptionRow, rows: readonly StepRow[]): StoredRedemption {
  const steps = rows.map((step) => ({
    from: step.from_state as RedemptionState,
    to: step.to_state as RedemptionState,
    actor: toHex(step.actor),
    reference: toHex(step.reference),
    time: Number(step.time),
    blockNumber: Number(step.block_number),
    blockHash: toHex(step.block_hash),
    transaction: toHex(step.transaction_hash),
    logIndex: Number(step.log_index),
    by: toHex(step.sender),
  }));
  return { id, escrow: toHex(row.escrow), terms: toTerms(row), state: steps.at(-1)?.to ?? "none", steps };
}

export function createRedemptions(engine: Engine, parts: { events: Events; exits: Exits }): Redemptions {
  const sql = prepare(engine);
  const { events, exits } = parts;

  function follow(id: Word, row: RedemptionRow, state: RedemptionState): void {
    const exit = toExit(id, row, state);
    if (exit === null) exits.clear(id);
    else exits.set(exit);
  }

  function create(id: Buffer, { escrow, terms }: RedemptionMoved): void {
    if (terms === null) return;
    sql.create.run(
      id,
      toBlob(escrow),
      toBlob(terms.coin),
      toBlob(terms.holder),
      terms.amount,
      toBlob(terms.payout),
      terms.acceptBy,
      terms.payoutBy,
      terms.finalBy,
      toBlob(terms.salt),
    );
  }

  return {
    apply(change) {
      const { moved, block, by } = change;
      const id = toBlob(moved.id);
      create(id, moved);
      const row = sql.find.get(id);
      assertInvariant(row !== undefined, "P19", `redemption ${moved.id} moved before it was locked`);
      const { changes } = sql.step.run(
        id,
        moved.to,
        moved.from,
        toBlob(moved.actor),
        toBlob(moved.reference),
        block.time,
        block.number,
        toBlob(block.hash),
        toBlob(moved.transaction),
        moved.logIndex,
        toBlob(by),
      );
      assertInvariant(changes === 1, "P2", `redemption ${moved.id} entered ${moved.to} twice`);
      follow(moved.id, row, moved.to);
      events.append(toStepEvent(change, toHex(row.holder)));
    },
    revertTo(number, at) {
      const undone = sql.undone.all(number);
      sql.dropSteps.run(number);
      for (const step of undone) {
        const id = toHex(step.redemption);
        const row = sql.find.get(step.redemption);
        if (sql.dropEmpty.run(step.redemption).changes === 1) exits.clear(id);
        else if (row !== undefined) follow(id, row, step.from_state as RedemptionState);
        events.append(toUndoneEvent(step, at));
      }
    },
    read(id) {
      const row = sql.find.get(toBlob(id));
      if (row === undefined) return null;
      return toRedemption(id, row, sql.steps.all(toBlob(id)));
    },
  };
}
