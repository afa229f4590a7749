/**
 * Unfinished intents and the edges they take. Owns `intent_work`: what a transaction decides is collected and written by kind of edge, each write
 * conditional and its rows counted, checked against the lifecycle table, told as an event. Promises that an intent's row goes exactly
 * when its outcome is written.
 */
import type { Address, Hex } from "../../domain/hex.ts";
import type { EndState, Evidence, HeldReason, IntentKind, LiveState } from "../../domain/intent.ts";
import { type Consumption, judgeConsumption } from "../../domain/lifecycle.ts";
import type { EventType } from "../../domain/webhook.ts";
import { accountsOf } from "../events.ts";
import { assertInvariant } from "../fault.ts";
import { toBlob, toBlobOrNull, toFence, toHex } from "../rows.ts";
import type { SendBack } from "../work.ts";
import type { PostgresBook } from "./accounts.ts";
import { prepare, type Session, type Statement, type Transaction } from "./engine.ts";
import { toColumns, type Value } from "./types.ts";

interface Row {
  sequence: bigint;
  fence: Buffer;
  state: string;
  account: bigint | null;
  held: bigint;
  reason: string | null;
  holds: bigint;
  reverts: bigint;
  slot: bigint | null;
  verdict: string | null;
  block_number: bigint | null;
  block_hash: Buffer | null;
  transaction_hash: Buffer | null;
  log_index: bigint | null;
  sender: Buffer | null;
  kind: string;
  digest: Buffer;
  payer: Buffer | null;
  payee: Buffer | null;
  amount: bigint;
  memo: Buffer | null;
}

/** A row of work beside the facts that deciding needs; what the transaction decides is written into it at once. */
export interface Live {
  readonly sequence: bigint;
  readonly fence: Hex;
  state: LiveState;
  readonly account: bigint | null;
  held: bigint;
  reason: HeldReason | null;
  readonly holds: bigint;
  readonly reverts: bigint;
  readonly slot: bigint | null;
  verdict: "settled" | "cancelled" | "superseded" | null;
  /** As stored: block, hash, transaction, log, sender. */
  readonly proof: readonly [bigint | null, Buffer | null, Buffer | null, bigint | null, Buffer | null];
  readonly kind: IntentKind;
  readonly digest: Hex;
  readonly payer: Address | null;
  readonly payee: Address | null;
  readonly amount: bigint;
  readonly memo: Hex | null;
}

const columns = `w.sequence, w.fence, w.state, w.account, w.held, w.reason, w.holds, w.reverts, w.slot, w.verdict, w.block_number,
  w.block_hash, w.transaction_hash, w.log_index, w.sender, i.kind, i.digest, i.payer, i.payee, i.amount, i.memo`;
const tables = "intent_work w JOIN intents i ON i.sequence = w.sequence";
const select = (where: string): Statement => prepare(`SELECT ${columns} FROM ${tables} WHERE ${where}`);

const ofFences = select("w.fence = ANY ($1::bytea[]) ORDER BY w.sequence");
const unjudgedIn = select("w.fence >= $1 AND w.fence < $2 AND w.verdict IS NULL ORDER BY w.fence, w.is_cancel");
const toHold = select(
  "w.sequence = ANY ($1::bigint[]) AND w.state = 'accepted' AND w.verdict IS NULL ORDER BY w.sequence FOR UPDATE OF w",
);
const ofSlot = prepare(
  `SELECT ${columns} FROM slot_items s JOIN intent_work w ON w.sequence = s.intent JOIN intents i ON i.sequence = w.sequence
   WHERE s.slot = $1 AND w.slot = $1 AND w.state IN ('planned', 'sent') ORDER BY s.position`,
);
const judgedUpTo = select("w.block_number <= $1 ORDER BY w.block_number, w.log_index, w.sequence");
const judgedAbove = select("w.block_number > $1 ORDER BY w.block_number DESC, w.log_index DESC, w.sequence DESC");
const overdue = select("w.valid_before <= $1 AND w.verdict IS NULL ORDER BY w.sequence");

const setEvidence = `block_number = v.block_number, block_hash = v.block_hash, transaction_hash = v.transaction_hash,
  log_index = v.log_index, sender = v.sender`;
const evidenceTypes = "$3::bigint[], $4::bytea[], $5::bytea[], $6::bigint[], $7::bytea[]";
const evidenceNames = "block_number, block_hash, transaction_hash, log_index, sender";
const include = prepare(
  `UPDATE intent_work w SET state = 'included', verdict = 'settled', held = 0, ${setEvidence}
   FROM unnest($1::bigint[], $2::text[], ${evidenceTypes}) AS v (sequence, state, ${evidenceNames})
   WHERE w.sequence = v.sequence AND w.state = v.state AND w.verdict IS NULL`,
);
const remember = prepare(
  `UPDATE intent_work w SET verdict = v.verdict, ${setEvidence}
   FROM unnest($1::bigint[], $2::text[], ${evidenceTypes}) AS v (sequence, verdict, ${evidenceNames})
   WHERE w.sequence = v.sequence AND w.verdict IS NULL`,
);
const forget = prepare(
  `UPDATE intent_work w SET state = v.state, slot = v.slot, held = v.held, verdict = NULL, block_number = NULL, block_hash = NULL,
     transaction_hash = NULL, log_index = NULL, sender = NULL
   FROM unnest($1::bigint[], $2::text[], $3::text[], $4::bigint[], $5::bigint[]) AS v (sequence, was, state, slot, held)
   WHERE w.sequence = v.sequence AND w.state = v.was AND w.verdict IS NOT NULL`,
);
const sendBack = prepare(
  `UPDATE intent_work w SET state = 'accepted', slot = NULL, reason = v.reason, held_until = v.held_until, holds = v.holds,
     reverts = v.reverts
   FROM unnest($1::bigint[], $2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[])
     AS v (sequence, was, reason, held_until, holds, reverts)
   WHERE w.sequence = v.sequence AND w.state = v.was`,
);
const hold = prepare(
  `UPDATE intent_work w SET reason = v.reason, held_until = v.held_until, holds = w.holds + v.times
   FROM unnest($1::bigint[], $2::text[], $3::bigint[], $4::bigint[]) AS v (sequence, reason, held_until, times)
   WHERE w.sequence = v.sequence AND w.state = 'accepted' AND w.verdict IS NULL`,
);
// Rows match on payee and amount; a call is tried before it costs anything, whoever it pays.
const attested = prepare(
  `UPDATE intent_work w SET held_until = 0 FROM intents i
   WHERE w.reason = 'travel_rule' AND w.state = 'accepted' AND w.held_until > 0 AND i.sequence = w.sequence
     AND (i.kind <> 'transfer'
       OR (($1::bytea IS NULL OR i.payee = $1) AND ($2::bigint IS NULL OR i.amount = $2)))`,
);
const end = prepare(
  `UPDATE intents i SET outcome = v.outcome, reason = v.reason, ended_at = $8, ${setEvidence}
   FROM unnest($1::bigint[], $2::text[], ${evidenceTypes}, $9::text[]) AS v (sequence, outcome, ${evidenceNames}, reason)
   WHERE i.sequence = v.sequence AND i.outcome IS NULL`,
);
const remove = prepare(
  `DELETE FROM intent_work w USING unnest($1::bigint[], $2::text[]) AS v (sequence, state)
   WHERE w.sequence = v.sequence AND w.state = v.state`,
);

const hexOrNull = (blob: Buffer | null): Hex | null => (blob === null ? null : toHex(blob));

function toLive(row: Row): Live {
  return {
    sequence: row.sequence,
    fence: toHex(row.fence),
    state: row.state as LiveState,
    account: row.account,
    held: row.held,
    reason: row.reason as HeldReason | null,
    holds: row.holds,
    reverts: row.reverts,
    slot: row.slot,
    verdict: row.verdict as Live["verdict"],
    proof: [row.block_number, row.block_hash, row.transaction_hash, row.log_index, row.sender],
    kind: row.kind as IntentKind,
    digest: toHex(row.digest),
    payer: hexOrNull(row.payer),
    payee: hexOrNull(row.payee),
    amount: row.amount,
    memo: hexOrNull(row.memo),
  };
}

async function read(session: Session, statement: Statement, values: readonly Value[]): Promise<readonly Live[]> {
  return (await session.all<Row>(statement, values)).map(toLive);
}

/** Live intents by the fence they wait for, as stored and in hexadecimal; of each the intent and the cancellation of it. */
export async function readFences(session: Session, fences: readonly Buffer[]): Promise<Map<Hex, Live[]>> {
  const found = new Map<Hex, Live[]>();
  for (const live of fences.length === 0 ? [] : await read(session, ofFences, [fences])) {
    found.set(live.fence, [...(found.get(live.fence) ?? []), live]);
  }
  return found;
}

export const readUnjudged = (session: Session, range: readonly [Buffer, Buffer]) => read(session, unjudgedIn, range);
/** Planned or sent intents that this slot carries. */
export const readSlot = (session: Session, slot: bigint) => read(session, ofSlot, [slot]);
export const readJudgedUpTo = (session: Session, number: number) => read(session, judgedUpTo, [number]);
export const readJudgedAbove = (session: Session, number: number) => read(session, judgedAbove, [number]);
/** Unjudged and past their validity at `time`, Unix seconds. */
export const readOverdue = (session: Session, time: number) => read(session, overdue, [time]);

/** A payee was attested: what waits for the travel rule on its account is looked at again at once. Null: any. */
export async function wakeAttested(session: Session, payee: Address | null, amount: bigint | null): Promise<void> {
  await session.run(attested, [toBlobOrNull(payee), amount]);
}

export interface Work {
  /** Its fence was consumed: included when that was this intent, else the verdict is kept until it is final. */
  judge(live: Live, change: { consumption: Consumption; evidence: Evidence; at: number }): boolean;
  /** A reorg took the block of the verdict away. */
  unjudge(live: Live, change: { slotOpen: boolean; at: number }): void;
  /** Back to accepted: its slot is over, it is not. */
  sendBack(live: Live, change: SendBack, at: number): void;
  end(live: Live, outcome: EndState, at: number): void;
  /** Writes what was decided so far: before anything else reads the rows, and at the end. */
  flush(): Promise<void>;
}

type EvidenceValues = readonly [number, Buffer, Buffer, number, Buffer];

function toValues({ blockNumber, blockHash, transaction, logIndex, by }: Evidence): EvidenceValues {
  return [blockNumber, toBlob(blockHash), toBlob(transaction), logIndex, toBlob(by)];
}

/** `book` may be left out where no hold changes. */
export function openWork(tx: Transaction, book: Pick<PostgresBook, "byId"> | null): Work {
  type Judged = { readonly live: Live; readonly was: string; readonly values: EvidenceValues };
  let included: Judged[] = [];
  let remembered: Judged[] = [];
  let forgotten: { live: Live; was: string; slot: bigint | null; held: bigint }[] = [];
  let back: { live: Live; was: string; change: SendBack; reason: string | null }[] = [];
  let ended: { live: Live; outcome: EndState; reason: string | null; at: number }[] = [];

  function tell(live: Live, event: { type: EventType; detail?: Record<string, unknown>; at: number }): void {
    const facts = { kind: live.kind, payer: live.payer, payee: live.payee, fence: toFence(live.fence) };
    const detail = event.detail ?? null;
    tx.events.push({ type: event.type, intent: live.sequence, ...accountsOf(facts), detail, at: event.at });
  }

  function release(live: Live, amount: bigint): void {
    if (live.account !== null && amount !== 0n && book !== null) book.byId(live.account).heldDelta -= amount;
  }

  async function move(rows: number, statement: Statement, values: () => readonly Value[]): Promise<void> {
    if (rows === 0) return;
    const written = await tx.run(statement, values());
    assertInvariant(written === rows, "P1", `${written} of ${rows} intents took the edge they were to take`);
  }

  const judged = (list: readonly Judged[], second: (one: Judged) => string) =>
    toColumns(
      list,
      ({ live }) => live.sequence,
      second,
      ({ values }) => values[0],
      ({ values }) => values[1],
      ({ values }) => values[2],
      ({ values }) => values[3],
      ({ values }) => values[4],
    );

  async function flushEnds(): Promise<void> {
    const list = ended;
    ended = [];
    await move(list.length, end, () => {
      const [sequences = [], outcomes = [], reasons = [], ...proof] = toColumns(
        list,
        ({ live }) => live.sequence,
        ({ outcome }) => outcome,
        ({ reason }) => reason,
        ({ live }) => live.proof[0],
        ({ live }) => live.proof[1],
        ({ live }) => live.proof[2],
        ({ live }) => live.proof[3],
        ({ live }) => live.proof[4],
      );
      return [sequences, outcomes, ...proof, list[0]?.at ?? 0, reasons];
    });
    await move(list.length, remove, () =>
      toColumns(
        list,
        ({ live }) => live.sequence,
        ({ live }) => live.state,
      ),
    );
  }

  return {
    judge(live, { consumption, evidence, at }) {
      assertInvariant(live.verdict === null, "P2", `the fence of intent ${live.sequence} was consumed twice`);
      const verdict = judgeConsumption(live, consumption);
      live.verdict = verdict;
      const values = toValues(evidence);
      if (verdict !== "settled") {
        // Its hold stays until the verdict is final: a reorg may still make it the one that pays.
        remembered.push({ live, was: live.state, values });
        return false;
      }
      tx.move(live.state, "included");
      included.push({ live, was: live.state, values });
      live.state = "included";
      // The movement has lowered the balance: holding the amount as well would count it twice.
      release(live, live.held);
      live.held = 0n;
      tell(live, { type: "included", detail: { evidence }, at });
      return true;
    },

    unjudge(live, { slotOpen, at }) {
      if (live.verdict !== "settled") {
        forgotten.push({ live, was: live.state, slot: live.slot, held: live.held });
        return;
      }
      const to = slotOpen ? "sent" : "accepted";
      const held = live.account === null ? 0n : live.amount;
      tx.move("included", to);
      forgotten.push({ live, was: "included", slot: slotOpen ? live.slot : null, held });
      live.state = to;
      release(live, -held);
      tell(live, { type: "back", detail: { from: "included", to, why: "reorg" }, at });
    },

    sendBack(live, change, at) {
      tx.move(live.state, "accepted");
      const reason = change.reason ?? live.reason;
      back.push({ live, was: live.state, change, reason });
      tell(live, { type: "back", detail: { from: live.state, to: "accepted", why: change.why }, at });
      if (reason !== live.reason) tell(live, { type: "held", detail: { reason }, at });
      live.state = "accepted";
      live.reason = reason;
    },

    end(live, outcome, at) {
      tx.move(live.state, outcome);
      const isProven = live.verdict === outcome && live.proof[0] !== null;
      assertInvariant(isProven || outcome === "expired", "P3", `intent ${live.sequence} ended without evidence`);
      const reason = outcome === "expired" ? live.reason : null;
      ended.push({ live, outcome, reason, at });
      release(live, live.held);
      tell(live, { type: outcome, ...(reason === null ? {} : { detail: { reason } }), at });
    },

    async flush() {
      const [inclusions, verdicts, undone, returned] = [included, remembered, forgotten, back];
      [included, remembered, forgotten, back] = [[], [], [], []];
      await move(inclusions.length, include, () => judged(inclusions, ({ was }) => was));
      await move(verdicts.length, remember, () => judged(verdicts, ({ live }) => live.verdict ?? ""));
      await move(undone.length, forget, () =>
        toColumns(
          undone,
          ({ live }) => live.sequence,
          ({ was }) => was,
          ({ live }) => live.state,
          ({ slot }) => slot,
          ({ held }) => held,
        ),
      );
      await move(returned.length, sendBack, () =>
        toColumns(
          returned,
          ({ live }) => live.sequence,
          ({ was }) => was,
          ({ reason }) => reason,
          ({ change }) => change.until ?? 0,
          ({ live, change }) => live.holds + (change.until === null ? 0n : 1n),
          ({ live, change }) => live.reverts + (change.reverted ? 1n : 0n),
        ),
      );
      await flushEnds();
    },
  };
}

interface Wait {
  readonly sequence: bigint;
  readonly reason: HeldReason;
  readonly until: number;
}

/** Marks accepted intents as waiting; those that have moved on stay as they are. */
export async function holdWork(tx: Transaction, items: readonly Wait[], at: number): Promise<void> {
  if (items.length === 0) return;
  const rows = await read(tx, toHold, [items.map(({ sequence }) => sequence)]);
  const waits = new Map<bigint, { live: Live; until: number; times: number }>();
  const known = new Map(rows.map((live) => [live.sequence, live]));
  for (const { sequence, reason, until } of items) {
    const live = known.get(sequence);
    if (live === undefined) continue;
    if (live.reason !== reason) {
      const facts = { kind: live.kind, payer: live.payer, payee: live.payee, fence: toFence(live.fence) };
      tx.events.push({ type: "held", intent: sequence, ...accountsOf(facts), detail: { reason }, at });
    }
    live.reason = reason;
    waits.set(sequence, { live, until, times: (waits.get(sequence)?.times ?? 0) + 1 });
  }
  const list = [...waits.values()];
  if (list.length === 0) return;
  const values = toColumns(
    list,
    ({ live }) => live.sequence,
    ({ live }) => live.reason,
    ({ until }) => until,
    ({ times }) => times,
  );
  const written = await tx.run(hold, values);
  assertInvariant(written === list.length, "P1", "an accepted intent was locked and yet moved on");
}
