/**
 * Unfinished intents and the edges they take. Owns `intent_work`: every change of state goes through here, is a conditional write whose row
 * count is checked, is counted against the lifecycle table and tells its event. Promises that an intent's row goes exactly when its
 * outcome is written.
 */
import { type Consumption, judgeConsumption } from "../domain/lifecycle.ts";
import type { Address, Hex } from "../domain/hex.ts";
import type { EndState, Evidence, HeldReason, IntentKind, LiveState } from "../domain/intent.ts";
import { toBackoffMs } from "../domain/plan.ts";
import type { EventType } from "../domain/webhook.ts";
import type { AccountBook } from "./accounts.ts";
import type { Engine } from "./engine.ts";
import { accountsOf, type Events } from "./events.ts";
import { assertInvariant } from "./fault.ts";
import { pack, type Packed } from "./pack.ts";
import { toBlob, toBlobOrNull, toFence } from "./rows.ts";

const workShape = {
  sequence: "int",
  fence: "hex",
  state: "text",
  account: "int?",
  held: "int",
  reason: "text?",
  holds: "int",
  reverts: "int",
  slot: "int?",
  verdict: "text?",
  block_number: "int?",
  block_hash: "hex?",
  transaction_hash: "hex?",
  log_index: "int?",
  sender: "hex?",
} as const;
const factShape = { kind: "text", digest: "hex", payer: "hex?", payee: "hex?", amount: "int", memo: "hex?" } as const;
const workPack = pack(workShape, "w");
const factPack = pack(factShape, "i");

/** A row of work beside the facts that deciding needs. */
export interface WorkRow extends Packed<typeof workShape>, Packed<typeof factShape> {
  readonly state: LiveState;
  readonly kind: IntentKind;
  readonly reason: HeldReason | null;
  readonly verdict: "settled" | "cancelled" | "superseded" | null;
}

// A scalar subquery instead of a join: two cursors cost ten microseconds for each execution.
const columns = `${workPack.sql} || '|' || (SELECT ${factPack.sql} FROM intents i WHERE i.sequence = w.sequence)`;
const workFields = Object.keys(workShape).length;

function toRow(text: string): WorkRow {
  const parts = text.split("|");
  return { ...workPack.readFrom(parts, 0), ...factPack.readFrom(parts, workFields) } as WorkRow;
}

const bySequence = (a: WorkRow, b: WorkRow): number => (a.sequence < b.sequence ? -1 : 1);

export interface SendBack {
  /** Why the edge is taken, as its event tells it. */
  readonly why: string;
  /** Null keeps the reason it had. */
  readonly reason: HeldReason | null;
  /** Not to be planned before, wall milliseconds; null: at once. */
  readonly until: number | null;
  /** True when its slot reverted: the batch around it shrinks next time. */
  readonly reverted: boolean;
}

export interface Judgement {
  /** Its fence was consumed: included when that was this intent (true), else the verdict is kept until it is final. */
  judge(row: WorkRow, consumption: Consumption, evidence: Evidence): boolean;
  /** Writes what was included; rows read before are old then. */
  flush(): void;
}

export interface Work {
  /** Live intents by stored fence: the intent and the cancellation of it. Fences without one are not in the map. */
  ofFences(fences: readonly Hex[]): ReadonlyMap<Hex, readonly WorkRow[]>;
  /** Live intents on a range of fences without a verdict. */
  unjudged(range: readonly [Buffer, Buffer]): readonly WorkRow[];
  /** Planned or sent intents that this slot carries. */
  ofSlot(slot: bigint): readonly WorkRow[];
  /** Judged by blocks above `number`. */
  judgedAbove(number: number): readonly WorkRow[];
  /** Unjudged and past their validity at `time`, Unix seconds. */
  overdue(time: number): readonly WorkRow[];
  /** Opens the judgement of what a block consumed. */
  openJudgement(change: { readonly book: AccountBook; readonly at: number }): Judgement;
  /** A reorg took the block of the verdict away. */
  unjudge(row: WorkRow, change: { slotOpen: boolean; book: AccountBook; at: number }): void;
  /** Back to accepted: its slot is over, it is not. */
  sendBack(row: WorkRow, change: SendBack, at: number): void;
  /** A payee was attested: what waits for the travel rule on its account is looked at again at once. Null: any. */
  attested(payee: Address | null, amount: bigint | null): void;
  hold(item: { sequence: bigint; reason: HeldReason; until: number }, at: number): void;
  /** Ends everything that blocks up to `number` judged, in log order. Returns how many ended. */
  endJudged(number: number, change: { book: AccountBook; at: number }): number;
  end(row: WorkRow, change: { outcome: EndState; book: AccountBook; at: number }): void;
}

interface Included {
  readonly row: WorkRow;
  readonly evidence: Evidence;
}

type EvidenceValues = [number, Buffer, Buffer, number, Buffer];

function toValues(evidence: Evidence): EvidenceValues {
  return [
    evidence.blockNumber,
    toBlob(evidence.blockHash),
    toBlob(evidence.transaction),
    evidence.logIndex,
    toBlob(evidence.by),
  ];
}

function prepare({ database }: Engine) {
  const select = <P extends unknown[]>(where: string) =>
    database.prepare<P, string>(`SELECT ${columns} FROM intent_work w WHERE ${where}`).pluck();
  const evidence = "block_number = ?, block_hash = ?, transaction_hash = ?, log_index = ?, sender = ?";
  return {
    ofFences: database
      .prepare<[string], string>(
        `SELECT ${columns} FROM json_each(?) j CROSS JOIN intent_work w ON w.fence = unhex(substr(j.value, 3))`,
      )
      .pluck(),
    unjudged: select<[Buffer, Buffer]>(
      "w.fence >= ? AND w.fence < ? AND w.verdict IS NULL ORDER BY w.fence, w.is_cancel",
    ),
    one: select<[bigint]>("w.sequence = ?"),
    ofSlot: database
      .prepare<[bigint, bigint], string>(
        `SELECT ${columns} FROM slot_items s JOIN intent_work w ON w.sequence = s.intent
         WHERE s.slot = ? AND w.slot = ? AND w.state IN ('planned', 'sent') ORDER BY s.position`,
      )
      .pluck(),
    // What becomes final is hundreds of rows at a time and moves as sets: no row of it passes through here (17 µs each otherwise).
    countJudged: database.prepare<[number], { state: LiveState; verdict: EndState; count: bigint }>(
      "SELECT state, verdict, count(*) AS count FROM intent_work WHERE block_number <= ? GROUP BY state, verdict",
    ),
    heldJudged: database.prepare<[number], { account: bigint; held: bigint }>(
      `SELECT account, sum(held) AS held FROM intent_work WHERE block_number <= ? AND held > 0 AND account IS NOT NULL
       GROUP BY account`,
    ),
    endJudged: database.prepare<[number, number]>(
      `UPDATE intents SET outcome = w.verdict, reason = NULL, ended_at = ?, block_number = w.block_number,
         block_hash = w.block_hash, transaction_hash = w.transaction_hash, log_index = w.log_index, sender = w.sender
       FROM intent_work w
       WHERE w.block_number <= ? AND intents.sequence = w.sequence AND intents.outcome IS NULL`,
    ),
    removeJudged: database.prepare<[number]>("DELETE FROM intent_work WHERE block_number <= ?"),
    judgedAbove: select<[number]>("w.block_number > ? ORDER BY w.block_number DESC, w.log_index DESC, w.sequence DESC"),
    overdue: select<[number]>("w.valid_before <= ? AND w.verdict IS NULL ORDER BY w.sequence"),
    // One array per row: sequence, state, log index. All of one transaction, so the rest of the evidence is the same.
    include: database.prepare<[number, Buffer, Buffer, Buffer, string]>(
      `UPDATE intent_work SET state = 'included', verdict = 'settled', held = 0, block_number = ?, block_hash = ?,
         transaction_hash = ?, sender = ?, log_index = j.value ->> 2
       FROM json_each(?) j
       WHERE intent_work.sequence = j.value ->> 0 AND intent_work.state = j.value ->> 1 AND intent_work.verdict IS NULL`,
    ),
    remember: database.prepare<[string, ...EvidenceValues, bigint]>(
      `UPDATE intent_work SET verdict = ?, ${evidence} WHERE sequence = ? AND verdict IS NULL`,
    ),
    forget: database.prepare<[string, bigint | null, bigint, bigint, string]>(
      `UPDATE intent_work SET state = ?, slot = ?, held = ?, verdict = NULL, block_number = NULL, block_hash = NULL,
         transaction_hash = NULL, log_index = NULL, sender = NULL
       WHERE sequence = ? AND state = ? AND verdict IS NOT NULL`,
    ),
    sendBack: database.prepare<[string | null, number, bigint, bigint, bigint, string]>(
      `UPDATE intent_work SET state = 'accepted', slot = NULL, reason = ?, held_until = ?, holds = ?, reverts = ?
       WHERE sequence = ? AND state = ?`,
    ),
    hold: database.prepare<[string, number, bigint]>(
      `UPDATE intent_work SET reason = ?, held_until = ?, holds = holds + 1
       WHERE sequence = ? AND state = 'accepted' AND verdict IS NULL`,
    ),
    // Rows match on payee and amount; a call is tried before it costs anything, whoever it pays.
    attested: database.prepare<[Buffer | null, Buffer | null, bigint | null, bigint | null]>(
      `UPDATE intent_work SET held_until = 0 WHERE reason = 'travel_rule' AND state = 'accepted' AND held_until > 0
         AND EXISTS (SELECT 1 FROM intents i WHERE i.sequence = intent_work.sequence
           AND (i.kind <> 'transfer' OR ((? IS NULL OR i.payee = ?) AND (? IS NULL OR i.amount = ?))))`,
    ),
    remove: database.prepare<[bigint, string]>("DELETE FROM intent_work WHERE sequence = ? AND state = ?"),
    end: database.prepare<
      [string, string | null, number, bigint | null, Buffer | null, Buffer | null, bigint | null, Buffer | null, bigint]
    >(`UPDATE intents SET outcome = ?, reason = ?, ended_at = ?, ${evidence} WHERE sequence = ? AND outcome IS NULL`),
  };
}

export function createWork(engine: Engine, events: Events): Work {
  const sql = prepare(engine);

  function tell(row: WorkRow, event: { type: EventType; detail?: Record<string, unknown>; at: number }): void {
    const { kind, payer, payee } = row;
    const facts = { kind, payer, payee, fence: toFence(row.fence) };
    const detail = event.detail ?? null;
    events.append({ type: event.type, intent: row.sequence, ...accountsOf(facts), detail, at: event.at });
  }

  function assertMoved(changes: number, row: WorkRow, to: string): void {
    assertInvariant(changes === 1, "P1", `intent ${row.sequence} did not go from ${row.state} to ${to}`);
  }

  /** Includes rows that one transaction carried out; their events follow in log order. */
  function include(rows: readonly Included[], at: number): void {
    const first = rows[0];
    if (first === undefined) return;
    const states = new Map<LiveState, number>();
    for (const { row } of rows) states.set(row.state, (states.get(row.state) ?? 0) + 1);
    for (const [state, count] of states) engine.tally(state, "included", count);
    const { evidence } = first;
    const list = rows.map(({ row, evidence: { logIndex } }) => `[${row.sequence},"${row.state}",${logIndex}]`);
    const text = `[${list.join(",")}]`;
    const { blockNumber, blockHash, transaction, by } = evidence;
    const { changes } = sql.include.run(blockNumber, toBlob(blockHash), toBlob(transaction), toBlob(by), text);
    assertInvariant(
      changes === rows.length,
      "P1",
      `${rows.length - changes} intents of ${transaction} were not included`,
    );
    events.appendIncluded(text, evidence, at);
  }

  function openJudgement({ book, at }: { readonly book: AccountBook; readonly at: number }): Judgement {
    /** By transaction and sender: a stranger may carry out what another transaction of the same block did not. */
    const pending = new Map<string, Included[]>();
    return {
      judge(row, consumption, evidence) {
        assertInvariant(row.verdict === null, "P2", `the fence of intent ${row.sequence} was consumed twice`);
        const verdict = judgeConsumption(row, consumption);
        if (verdict !== "settled") {
          // Its hold stays until the verdict is final: a reorg may still make it the one that pays.
          assertMoved(sql.remember.run(verdict, ...toValues(evidence), row.sequence).changes, row, verdict);
          return false;
        }
        const key = evidence.transaction + evidence.by;
        const rows = pending.get(key);
        if (rows === undefined) pending.set(key, [{ row, evidence }]);
        else rows.push({ row, evidence });
        // The movement has lowered the balance: holding the amount as well would count it twice.
        if (row.account !== null && row.held > 0n) book.byId(row.account).heldDelta -= row.held;
        return true;
      },
      flush() {
        for (const rows of pending.values()) include(rows, at);
        pending.clear();
      },
    };
  }

  return {
    ofFences(fences) {
      const found = new Map<Hex, WorkRow[]>();
      for (const text of fences.length === 0 ? [] : sql.ofFences.all(JSON.stringify(fences))) {
        const row = toRow(text);
        const rows = found.get(row.fence);
        if (rows === undefined) found.set(row.fence, [row]);
        else rows.push(row);
      }
      for (const rows of found.values()) if (rows.length > 1) rows.sort(bySequence);
      return found;
    },
    unjudged: (range) => sql.unjudged.all(...range).map(toRow),
    ofSlot: (slot) => sql.ofSlot.all(slot, slot).map(toRow),
    judgedAbove: (number) => sql.judgedAbove.all(number).map(toRow),
    overdue: (time) => sql.overdue.all(time).map(toRow),

    openJudgement: (change) => openJudgement(change),

    unjudge(row, { slotOpen, book, at }) {
      if (row.verdict !== "settled") {
        assertMoved(sql.forget.run(row.state, row.slot, row.held, row.sequence, row.state).changes, row, "unjudged");
        return;
      }
      const to = slotOpen ? "sent" : "accepted";
      const held = row.account === null ? 0n : row.amount;
      engine.tally("included", to);
      const slot = slotOpen ? row.slot : null;
      assertMoved(sql.forget.run(to, slot, held, row.sequence, "included").changes, row, to);
      if (row.account !== null) book.byId(row.account).heldDelta += held;
      tell(row, { type: "back", detail: { from: "included", to, why: "reorg" }, at });
    },

    sendBack(row, { why, reason, until, reverted }, at) {
      engine.tally(row.state, "accepted");
      const next = reason ?? row.reason;
      const holds = row.holds + (until === null ? 0n : 1n);
      const reverts = row.reverts + (reverted ? 1n : 0n);
      const { changes } = sql.sendBack.run(next, until ?? 0, holds, reverts, row.sequence, row.state);
      assertMoved(changes, row, "accepted");
      tell(row, { type: "back", detail: { from: row.state, to: "accepted", why }, at });
      if (next !== row.reason) tell(row, { type: "held", detail: { reason: next }, at });
    },

    attested(payee, amount) {
      const blob = toBlobOrNull(payee);
      sql.attested.run(blob, blob, amount, amount);
    },

    hold({ sequence, reason, until }, at) {
      const text = sql.one.get(sequence);
      if (text === undefined || sql.hold.run(reason, until, sequence).changes === 0) return;
      const row = toRow(text);
      if (row.reason !== reason) tell(row, { type: "held", detail: { reason }, at });
    },

    endJudged(number, { book, at }) {
      let count = 0;
      for (const group of sql.countJudged.all(number)) {
        engine.tally(group.state, group.verdict, Number(group.count));
        count += Number(group.count);
      }
      if (count === 0) return 0;
      for (const { account, held } of sql.heldJudged.all(number)) book.byId(account).heldDelta -= held;
      events.appendEnds(number, at);
      const written = sql.endJudged.run(at, number).changes;
      const removed = sql.removeJudged.run(number).changes;
      assertInvariant(written === count && removed === count, "P1", `of ${count} judged intents ${written} ended`);
      return count;
    },

    end(row, { outcome, book, at }) {
      engine.tally(row.state, outcome);
      const isProven = row.verdict === outcome && row.block_number !== null;
      assertInvariant(isProven || outcome === "expired", "P3", `intent ${row.sequence} ended without evidence`);
      const reason = outcome === "expired" ? row.reason : null;
      const { block_number, block_hash, transaction_hash, log_index, sender } = row;
      const proof = [block_number, toBlobOrNull(block_hash), toBlobOrNull(transaction_hash), log_index] as const;
      const values = [...proof, toBlobOrNull(sender)] as const;
      assertMoved(sql.end.run(outcome, reason, at, ...values, row.sequence).changes, row, outcome);
      assertMoved(sql.remove.run(row.sequence, row.state).changes, row, outcome);
      if (row.account !== null && row.held > 0n) book.byId(row.account).heldDelta -= row.held;
      tell(row, { type: outcome, ...(reason === null ? {} : { detail: { reason } }), at });
    },
  };
}

/** Backoff of an item that came back: a second, doubled each time, a minute at most. Wall milliseconds. */
export function nextTry(at: number, holds: bigint): number {
  return at + toBackoffMs(Number(holds));
}
