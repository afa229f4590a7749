/**
 * Redemptions as the chain tells them. Owns their terms and the steps they took; the state is that of the last step. Steps of a block that a
 * reorg removed are deleted, and a redemption without steps with them. Never decides: the escrow does.
 */
import type { RedemptionMoved } from "../../domain/facts.ts";
import type { Word } from "../../domain/hex.ts";
import type { RedemptionState } from "../../domain/intent.ts";
import type { StoredRedemption } from "../../pipeline/ports.ts";
import { assertInvariant } from "../fault.ts";
import {
  type RedemptionChange,
  type RedemptionRow,
  type StepRow,
  toExit,
  toRedemption,
  toStepEvent,
  toUndoneEvent,
  type UndoneStep,
} from "../redemptions.ts";
import { toBlob, toHex } from "../rows.ts";
import { prepare, type Session, type Transaction } from "./engine.ts";
import { followExit } from "./exits.ts";

const create = prepare(
  `INSERT INTO redemptions (id, escrow, coin, holder, amount, payout, accept_by, payout_by, final_by, salt)
   VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
);
const find = prepare(
  "SELECT escrow, coin, holder, amount, payout, accept_by, payout_by, final_by, salt FROM redemptions WHERE id = $1",
);
const addStep = prepare(
  `INSERT INTO redemption_steps (redemption, to_state, from_state, actor, reference, time, block_number, block_hash,
     transaction_hash, log_index, sender) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
   ON CONFLICT (redemption, to_state) DO NOTHING`,
);
const steps = prepare(
  `SELECT from_state, to_state, actor, reference, time, block_number, block_hash, transaction_hash, log_index, sender
   FROM redemption_steps WHERE redemption = $1 ORDER BY block_number, log_index`,
);
const dropSteps = prepare("DELETE FROM redemption_steps WHERE block_number > $1");
const dropEmpty = prepare(
  `DELETE FROM redemptions r WHERE r.id = $1 AND NOT EXISTS (SELECT 1 FROM redemption_steps s WHERE s.redemption = r.id)`,
);
const undone = prepare(
  `SELECT s.redemption, r.holder, s.from_state, s.to_state FROM redemption_steps s JOIN redemptions r ON r.id = s.redemption
   WHERE s.block_number > $1 ORDER BY s.block_number DESC, s.log_index DESC`,
);

async function createRedemption(tx: Transaction, { id, escrow, terms }: RedemptionMoved): Promise<void> {
  if (terms === null) return;
  const { coin, holder, amount, payout, acceptBy, payoutBy, finalBy, salt } = terms;
  const blobs = [toBlob(id), toBlob(escrow), toBlob(coin), toBlob(holder)];
  await tx.run(create, [...blobs, amount, toBlob(payout), acceptBy, payoutBy, finalBy, toBlob(salt)]);
}

export async function applyRedemption(tx: Transaction, change: RedemptionChange): Promise<void> {
  const { moved, block, by } = change;
  const id = toBlob(moved.id);
  await createRedemption(tx, moved);
  const row = await tx.get<RedemptionRow>(find, [id]);
  assertInvariant(row !== undefined, "P19", `redemption ${moved.id} moved before it was locked`);
  const what = [id, moved.to, moved.from, toBlob(moved.actor), toBlob(moved.reference)];
  const where = [block.time, block.number, toBlob(block.hash), toBlob(moved.transaction), moved.logIndex, toBlob(by)];
  const added = await tx.run(addStep, [...what, ...where]);
  assertInvariant(added === 1, "P2", `redemption ${moved.id} entered ${moved.to} twice`);
  await followExit(tx, moved.id, toExit(moved.id, row, moved.to));
  tx.events.push(toStepEvent(change, toHex(row.holder)));
}

export async function revertRedemptions(tx: Transaction, number: number, at: number): Promise<void> {
  const gone = await tx.all<UndoneStep>(undone, [number]);
  await tx.run(dropSteps, [number]);
  for (const step of gone) {
    const id = toHex(step.redemption);
    const row = await tx.get<RedemptionRow>(find, [step.redemption]);
    if ((await tx.run(dropEmpty, [step.redemption])) === 1) await followExit(tx, id, null);
    else if (row !== undefined) await followExit(tx, id, toExit(id, row, step.from_state as RedemptionState));
    tx.events.push(toUndoneEvent(step, at));
  }
}

export async function readRedemption(session: Session, id: Word): Promise<StoredRedemption | null> {
  const row = await session.get<RedemptionRow>(find, [toBlob(id)]);
  return row === undefined ? null : toRedemption(id, row, await session.all<StepRow>(steps, [toBlob(id)]));
}
