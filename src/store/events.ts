/**
 * The published history. Owns the `events` table: rows are written in the transaction of the change they tell, and read back in order.
 * Types: accepted, held, back (a back edge, with `why`), included, settled, cancelled, superseded, expired, redemption, claim, payment, halted,
 * resumed.
 * Bodies are JSON-safe; what an intent's own row already says is joined when read, not copied. Never tells a client's reference.
 */
import { setImmediate } from "node:timers/promises";
import { ownerOf, paymentStepKinds } from "../domain/agreement.ts";
import type { Address } from "../domain/hex.ts";
import type { Evidence, IntentFacts } from "../domain/intent.ts";
import type { EventType } from "../domain/webhook.ts";
import type { PublishedEvent } from "../pipeline/ports.ts";
import type { Engine } from "./engine.ts";
import { type EvidenceRow, toBlob, toBlobOrNull, toEvidence, toHex } from "./rows.ts";

export interface NewEvent {
  readonly type: EventType;
  readonly intent: bigint | null;
  /** Whom it concerns. */
  readonly account: Address | null;
  readonly counterparty: Address | null;
  /** Whom else. */
  readonly others?: readonly Address[];
  readonly detail: Readonly<Record<string, unknown>> | null;
  readonly at: number;
}

/** Events kept; older ones go, a slice at each finalization. A payment writes three. */
export const eventsKept = 1_000_000n;
/** Events removed per finalization at most, so that a long backlog never makes one transaction long. */
const pruneSlice = 5_000n;

/** Events looked through at a time for one account's: a few milliseconds. */
const scanSlice = 10_000n;

export interface EventRow extends EvidenceRow {
  sequence: bigint;
  intent: bigint | null;
  type: string;
  account: Buffer | null;
  counterparty: Buffer | null;
  others: Buffer | null;
  detail: string | null;
  at: bigint;
  kind: string | null;
  coin: Buffer | null;
  payer: Buffer | null;
  payee: Buffer | null;
  amount: bigint | null;
  memo: Buffer | null;
  subject: Buffer | null;
}

export const eventColumns = `e.sequence, e.intent, e.type, e.account, e.counterparty, e.others, e.detail, e.at, i.kind, i.coin, i.payer, i.payee, i.amount,
  i.memo, i.subject, i.block_number, i.block_hash, i.transaction_hash, i.log_index, i.sender`;
export const eventTables = `events e LEFT JOIN intents i ON i.sequence = e.intent`;

/** Whom an intent concerns: who gives, or whose authorization it is about, and who receives. */
export function accountsOf(facts: Pick<IntentFacts, "kind" | "payer" | "payee" | "fence">): {
  account: Address | null;
  counterparty: Address | null;
} {
  const account = ownerOf(facts);
  return { account, counterparty: facts.payee === account ? null : facts.payee };
}

const ends: ReadonlySet<string> = new Set(["settled", "cancelled", "superseded"]);

/** Addresses one after the other. */
export function joinAddresses(addresses: readonly Address[]): Buffer | null {
  return addresses.length === 0 ? null : Buffer.concat(addresses.map(toBlob));
}

function readAddresses(blob: Buffer | null): readonly Address[] {
  const count = (blob?.length ?? 0) / 20;
  return Array.from({ length: count }, (_, index) => toHex(blob?.subarray(index * 20, index * 20 + 20) ?? Buffer.of()));
}

export function toEvent(row: EventRow): PublishedEvent {
  const two = [row.account, row.counterparty].filter((blob) => blob !== null).map(toHex);
  const accounts = [...two, ...readAddresses(row.others)];
  const hex = (blob: Buffer | null): string | null => (blob === null ? null : toHex(blob));
  const facts =
    row.kind === null
      ? {}
      : {
          kind: row.kind,
          coin: hex(row.coin),
          payer: hex(row.payer),
          payee: hex(row.payee),
          amount: String(row.amount),
          memo: row.kind === "transfer" ? hex(row.memo) : null,
          subject: hex(row.subject),
        };
  const proof = ends.has(row.type) ? { evidence: toEvidence(row) } : {};
  const detail = row.detail === null ? {} : (JSON.parse(row.detail) as Record<string, unknown>);
  return {
    sequence: row.sequence,
    intent: row.intent,
    type: row.type,
    accounts,
    body: { ...facts, ...proof, ...detail },
    at: Number(row.at),
  };
}

interface Page {
  readonly events: readonly PublishedEvent[];
  readonly oldest: bigint;
  readonly newest: bigint;
}

/** Kinds whose fence has an id where others have an account. */
const stepKinds = [...paymentStepKinds].map((kind) => `'${kind}'`).join(", ");
/** Whom an intent of table `i` concerns, as `accountsOf` says it: bytes 22 to 41 of a stored fence are its subject. */
const accountSql = `coalesce(i.payer, CASE WHEN i.kind NOT IN (${stepKinds}) THEN nullif(substr(i.fence, 22, 20), zeroblob(20)) END)`;
const partiesSql = `${accountSql}, CASE WHEN i.payee IS ${accountSql} THEN NULL ELSE i.payee END`;

export interface Events {
  append(event: NewEvent): void;
  /** Of every row in the JSON text (sequence first). */
  appendAccepted(rows: string, at: number): void;
  /** Of every row in the JSON text (sequence first, log index third), all included by one transaction. */
  appendIncluded(rows: string, evidence: Evidence, at: number): void;
  /** Of every intent that a block up to `number` judged: its end, in log order. */
  appendEnds(number: number, at: number): void;
  /** Removes the oldest beyond the bound, a slice at a time. */
  prune(): void;
  ofIntent(sequence: bigint): readonly PublishedEvent[];
  readAfter(query: { readonly after: bigint; readonly limit: number; readonly account?: Address }): Promise<Page>;
}

export function createEvents({ database, read }: Engine, kept: bigint = eventsKept): Events {
  const insert = database.prepare(
    `INSERT INTO events (intent, type, account, counterparty, others, detail, at) VALUES (?, ?, ?, ?, ?, ?, ?)`,
  );
  const insertEnds = database.prepare<[number, number]>(
    `INSERT INTO events (intent, type, account, counterparty, at)
     SELECT w.sequence, w.verdict, ${partiesSql}, ? FROM intent_work w JOIN intents i ON i.sequence = w.sequence
     WHERE w.block_number <= ? ORDER BY w.block_number, w.log_index, w.sequence`,
  );
  const insertAccepted = database.prepare<[number, string]>(
    `INSERT INTO events (intent, type, account, counterparty, at)
     SELECT i.sequence, 'accepted', ${partiesSql}, ? FROM json_each(?) j CROSS JOIN intents i ON i.sequence = j.value ->> 0`,
  );
  const insertIncluded = database.prepare<[string, string, number, string]>(
    `INSERT INTO events (intent, type, account, counterparty, detail, at)
     SELECT i.sequence, 'included', ${partiesSql}, ? || (j.value ->> 2) || ?, ?
     FROM json_each(?) j CROSS JOIN intents i ON i.sequence = j.value ->> 0`,
  );
  const bounds = database.prepare<[], { oldest: bigint | null; newest: bigint | null }>(
    `SELECT (SELECT min(sequence) FROM events) AS oldest, (SELECT max(sequence) FROM events) AS newest`,
  );
  const remove = database.prepare(`DELETE FROM events WHERE sequence < ?`);
  const byIntent = database.prepare<[bigint], EventRow>(
    `SELECT ${eventColumns} FROM ${eventTables} WHERE e.intent = ? ORDER BY e.sequence`,
  );
  const all = database.prepare<[bigint, number], EventRow>(
    `SELECT ${eventColumns} FROM ${eventTables} WHERE e.sequence > ? ORDER BY e.sequence LIMIT ?`,
  );
  const ofAccount = database.prepare<[bigint, bigint, Buffer, Buffer, Buffer, number], EventRow>(
    `SELECT ${eventColumns} FROM ${eventTables}
     WHERE e.sequence > ? AND e.sequence <= ? AND (e.account = ? OR e.counterparty = ? OR instr(e.others, ?) > 0) ORDER BY e.sequence LIMIT ?`,
  );

  function readBounds(): { oldest: bigint; newest: bigint } {
    const { oldest, newest } = bounds.get() ?? { oldest: null, newest: null };
    return { oldest: oldest ?? 1n, newest: newest ?? 0n };
  }

  /** Looks through one slice after the other up to `newest`, and lets others work in between. */
  async function scan(query: { after: bigint; limit: number; account: Address }): Promise<Page> {
    const { oldest, newest } = await read("readEvents", readBounds);
    const blob = toBlob(query.account);
    const found: PublishedEvent[] = [];
    let from = query.after < oldest ? oldest - 1n : query.after;
    while (from < newest && found.length < query.limit) {
      const to = from + scanSlice < newest ? from + scanSlice : newest;
      const left = query.limit - found.length;
      const rows = await read("readEvents", () => ofAccount.all(from, to, blob, blob, blob, left));
      found.push(...rows.map(toEvent));
      from = to;
      if (from < newest) await setImmediate();
    }
    return { events: found, oldest, newest };
  }

  return {
    append({ intent, type, account, counterparty, others = [], detail, at }) {
      const text = detail === null ? null : JSON.stringify(detail);
      const parties = [toBlobOrNull(account), toBlobOrNull(counterparty), joinAddresses(others)];
      insert.run(intent, type, ...parties, text, at);
    },
    appendAccepted(rows, at) {
      insertAccepted.run(at, rows);
    },
    appendIncluded(rows, evidence, at) {
      // Only the log index differs between the rows of a transaction.
      const [head = "", tail = ""] = JSON.stringify({ evidence: { ...evidence, logIndex: -1 } }).split("-1,");
      insertIncluded.run(head, `,${tail}`, at, rows);
    },
    appendEnds(number, at) {
      insertEnds.run(at, number);
    },
    prune() {
      const { oldest, newest } = readBounds();
      const keepFrom = newest - kept + 1n;
      if (keepFrom > oldest) remove.run(keepFrom < oldest + pruneSlice ? keepFrom : oldest + pruneSlice);
    },
    ofIntent: (sequence) => byIntent.all(sequence).map(toEvent),
    readAfter({ after, limit, account }) {
      if (account !== undefined) return scan({ after, limit, account });
      return read("readEvents", () => ({ events: all.all(after, limit).map(toEvent), ...readBounds() }));
    },
  };
}
