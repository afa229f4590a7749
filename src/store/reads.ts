/**
 * Questions about intents, movements and the books that the hot path does not ask. Owns nothing; each answer comes from one snapshot. Lists
 * with optional filters are built with Kysely, the rest is plain SQL. Never writes.
 */
import { sql } from "kysely";
import { type Address, zeroAddress } from "../domain/hex.ts";
import type { Intent, IntentState } from "../domain/intent.ts";
import { toLedgerAccount } from "../domain/ledger.ts";
import { intentStates } from "../domain/lifecycle.ts";
import type { PublishedEvent, Store, StoredMovement, Trace } from "../pipeline/ports.ts";
import type { Accounts } from "./accounts.ts";
import type { Agreements } from "./agreements.ts";
import type { Chronicle } from "./chronicle.ts";
import type { Engine } from "./engine.ts";
import type { Events } from "./events.ts";
import type { Exits } from "./exits.ts";
import type { Redemptions } from "./redemptions.ts";
import { type IntentRow, intentColumns, toBlob, toHex, toIntent } from "./rows.ts";
import { slotColumns, type SlotRow, type Slots } from "./slots.ts";

export interface MovementRow {
  kind: string;
  coin: Buffer;
  payer: Buffer;
  payee: Buffer;
  amount: bigint;
  memo: Buffer | null;
  intent: bigint | null;
  block_number: bigint;
  block_hash: Buffer;
  time: bigint;
  log_index: bigint;
  transaction_hash: Buffer;
  sender: Buffer;
  final: bigint;
}

export const movementColumns = `m.id, m.kind, p.coin, p.address AS payer, q.address AS payee, m.amount, m.memo, m.intent, m.block_number,
  m.block_hash, m.time, m.log_index, m.transaction_hash, m.sender, m.final`;
export const movementTables = "movements m JOIN accounts p ON p.id = m.payer JOIN accounts q ON q.id = m.payee";
const intentTables = "intents i LEFT JOIN intent_work w ON w.sequence = i.sequence";

export function toMovement(row: MovementRow): StoredMovement {
  return {
    kind: row.kind as StoredMovement["kind"],
    coin: toHex(row.coin),
    from: toHex(row.payer),
    to: toHex(row.payee),
    amount: row.amount,
    memo: row.memo === null ? null : toHex(row.memo),
    intent: row.intent,
    final: row.final === 1n,
    time: Number(row.time),
    blockNumber: Number(row.block_number),
    blockHash: toHex(row.block_hash),
    transaction: toHex(row.transaction_hash),
    logIndex: Number(row.log_index),
    by: toHex(row.sender),
  };
}

function prepare({ database }: Engine) {
  return {
    bySequence: database.prepare<[bigint], IntentRow>(
      `SELECT ${intentColumns} FROM ${intentTables} WHERE i.sequence = ?`,
    ),
    byDigest: database.prepare<[Buffer], IntentRow>(`SELECT ${intentColumns} FROM ${intentTables} WHERE i.digest = ?`),
    slotsOf: database.prepare<[bigint], SlotRow & { position: bigint }>(
      `SELECT ${slotColumns}, i.position FROM slot_items i JOIN slots s ON s.id = i.slot WHERE i.intent = ? ORDER BY s.id`,
    ),
    movementsOf: database.prepare<[bigint], MovementRow>(
      `SELECT ${movementColumns} FROM ${movementTables} WHERE m.intent = ? ORDER BY m.id`,
    ),
    linesOf: database.prepare<[bigint], { address: Buffer; amount: bigint }>(
      `SELECT a.address, e.amount FROM movements m JOIN ledger_entries e ON e.movement = m.id JOIN accounts a ON a.id = e.account
       WHERE m.intent = ? ORDER BY e.entry`,
    ),
    tallies: database.prepare<[], { state: string; count: bigint }>("SELECT state, count FROM tallies"),
    posted: database.prepare<[Buffer, Buffer, number], { address: Buffer; posted: bigint }>(
      "SELECT address, posted FROM accounts WHERE coin = ? AND address > ? AND posted <> 0 ORDER BY address LIMIT ?",
    ),
    sums: database.prepare<
      [Buffer, Buffer, bigint],
      { last: bigint | null; total: bigint | null; issued: bigint | null }
    >(
      `SELECT max(e.entry) AS last, sum(e.amount) AS total, sum(CASE WHEN a.address = ? THEN e.amount ELSE 0 END) AS issued
       FROM ledger_entries e JOIN accounts a ON a.id = e.account WHERE a.coin = ? AND e.entry > ?`,
    ),
  };
}

type Verbs =
  | "readAccounts"
  | "readCursor"
  | "readBlock"
  | "readIntent"
  | "findByDigest"
  | "listIntents"
  | "listMovements"
  | "readRedemption"
  | "readAgreement"
  | "listAgreements"
  | "listDue"
  | "sumEscrow"
  | "readTrace"
  | "readEvents"
  | "countByState"
  | "readPosted"
  | "sumLedger";

export type Reads = Pick<Store, Verbs>;

export interface ReadParts {
  readonly accounts: Accounts;
  readonly agreements: Agreements;
  readonly chronicle: Chronicle;
  readonly events: Events;
  readonly exits: Exits;
  readonly redemptions: Redemptions;
  readonly slots: Slots;
}

/** Events that the slots tell: when it was planned and first sent. They are not stored, and have no place in the stream. */
function deriveEvents(intent: Intent, rows: readonly SlotRow[]): readonly PublishedEvent[] {
  const { sequence } = intent;
  const accountsOfIt = [intent.payer, intent.payee].filter((address) => address !== null);
  return rows.flatMap((row) => {
    const body = { lane: toHex(row.lane), nonce: Number(row.nonce) };
    const told = { sequence: 0n, intent: sequence, accounts: accountsOfIt, body };
    const planned = { ...told, type: "planned", at: Number(row.committed_at) };
    return row.sent_at === null ? [planned] : [planned, { ...told, type: "sent", at: Number(row.sent_at) }];
  });
}

/** Stable: what happened in the same millisecond stays in the order accepted, planned, sent, the rest. */
export function joinEvents(
  intent: Intent,
  rows: readonly SlotRow[],
  stored: readonly PublishedEvent[],
): readonly PublishedEvent[] {
  const rank = (type: string): number => ["accepted", "planned", "sent"].indexOf(type) + 1 || 4;
  return [...stored, ...deriveEvents(intent, rows)].sort((a, b) => a.at - b.at || rank(a.type) - rank(b.type));
}

export function createReads(engine: Engine, parts: ReadParts): Reads {
  const sqls = prepare(engine);
  const { accounts, agreements, chronicle, events, exits, redemptions, slots } = parts;
  // Entries are written once (triggers see to it), so a sum once taken stays true: each process adds them all up once, then the new ones.
  const summed = new Map<Address, { last: bigint; sum: bigint; issued: bigint }>();

  function readOne(sequence: bigint): Intent | null {
    const row = sqls.bySequence.get(sequence);
    return row === undefined ? null : toIntent(row);
  }

  function trace(sequence: bigint): Trace | null {
    const intent = readOne(sequence);
    if (intent === null) return null;
    const rows = sqls.slotsOf.all(sequence);
    const stored = events.ofIntent(sequence);
    return {
      intent,
      slots: rows.map((row) => ({
        ...slots.toOpenSlot(row),
        index: Number(row.position),
        size: Number(row.size),
        committedAt: Number(row.committed_at),
        gasUsed: row.gas_used,
      })),
      movements: sqls.movementsOf.all(sequence).map(toMovement),
      lines: sqls.linesOf
        .all(sequence)
        .map(({ address, amount }) => ({ account: toLedgerAccount(toHex(address)), amount })),
      events: joinEvents(intent, rows, stored),
    };
  }

  function sum(coin: Address): { sum: bigint; issued: bigint } {
    const known = summed.get(coin) ?? { last: 0n, sum: 0n, issued: 0n };
    const row = sqls.sums.get(toBlob(zeroAddress), toBlob(coin), known.last);
    const next = {
      last: row?.last ?? known.last,
      sum: known.sum + (row?.total ?? 0n),
      issued: known.issued + (row?.issued ?? 0n),
    };
    summed.set(coin, next);
    return { sum: next.sum, issued: next.issued };
  }

  return {
    readAccounts: (list) => engine.read("readAccounts", () => accounts.read(list)),
    readCursor: () => engine.read("readCursor", () => ({ latest: chronicle.latest(), final: chronicle.final() })),
    readBlock: (number) => engine.read("readBlock", () => chronicle.at(number)),
    readIntent: (sequence) => engine.read("readIntent", () => readOne(sequence)),
    findByDigest: (digest) =>
      engine.read("findByDigest", () => {
        const row = sqls.byDigest.get(toBlob(digest));
        return row === undefined ? null : toIntent(row);
      }),
    listIntents: (query) => listIntents(engine, query),
    listMovements: (query) => listMovements(engine, query),
    readRedemption: (id) => engine.read("readRedemption", () => redemptions.read(id)),
    readAgreement: (id) => engine.read("readAgreement", () => agreements.read(id)),
    listAgreements: (query) => engine.read("listAgreements", () => agreements.list(query)),
    listDue: (query) => engine.read("listDue", () => exits.due(query)),
    sumEscrow: ({ escrow, coin }) =>
      engine.read("sumEscrow", () => ({
        open: exits.sum(escrow, coin),
        balance: accounts.readOne({ coin, address: escrow }).balance,
      })),
    readTrace: (sequence) => engine.read("readTrace", () => trace(sequence)),
    readEvents: (query) => events.readAfter(query),
    countByState: () =>
      engine.read("countByState", () => {
        const counts = Object.fromEntries(Object.keys(intentStates).map((state) => [state, 0]));
        for (const { state, count } of sqls.tallies.all()) counts[state] = Number(count);
        return counts as Record<IntentState, number>;
      }),
    readPosted: ({ coin, after, limit }) =>
      engine.read("readPosted", () => ({
        final: chronicle.final(),
        // From the zero address up: it stands for what was issued and holds nothing on chain.
        balances: sqls.posted
          .all(toBlob(coin), toBlob(after ?? zeroAddress), limit)
          .map(({ address, posted }) => ({ address: toHex(address), posted })),
      })),
    sumLedger: (coin) => engine.read("sumLedger", () => sum(coin)),
  };
}

/** Newest first. Each side of an account is one index range; an OR over both would read the whole table. */
async function listIntents({ kysely }: Engine, query: Parameters<Store["listIntents"]>[0]): Promise<readonly Intent[]> {
  const { account, kinds, subject, before, limit } = query;
  const side = (column: "payer" | "payee" | null) => {
    let found = kysely.selectFrom("intents").select("sequence").orderBy("sequence", "desc").limit(limit);
    if (column !== null && account !== undefined) found = found.where(column, "=", toBlob(account));
    if (kinds !== undefined) found = found.where("kind", "in", [...kinds]);
    if (subject !== undefined) found = found.where("subject", "=", toBlob(subject));
    if (before !== undefined) found = found.where("sequence", "<", before);
    return found;
  };
  if (kinds?.length === 0) return [];
  const sides = account === undefined ? [side(null)] : [side("payer"), side("payee")];
  const found = sql.join(
    sides.map((one) => sql`SELECT sequence FROM (${one})`),
    sql` UNION `,
  );
  const { rows } = await sql<IntentRow>`
    SELECT ${sql.raw(intentColumns)} FROM ${sql.raw(intentTables)} WHERE i.sequence IN (${found})
    ORDER BY i.sequence DESC LIMIT ${limit}`.execute(kysely);
  return rows.map(toIntent);
}

async function listMovements(
  { kysely }: Engine,
  { account, limit }: Parameters<Store["listMovements"]>[0],
): Promise<readonly StoredMovement[]> {
  const side = (column: "payer" | "payee" | null) => {
    const found = kysely.selectFrom("movements").select("id").orderBy("id", "desc").limit(limit);
    if (column === null || account === undefined) return found;
    const ids = kysely.selectFrom("accounts").select("id").where("address", "=", toBlob(account));
    return found.where(column, "in", ids);
  };
  const sides = account === undefined ? [side(null)] : [side("payer"), side("payee")];
  const found = sql.join(
    sides.map((one) => sql`SELECT id FROM (${one})`),
    sql` UNION `,
  );
  const { rows } = await sql<MovementRow>`
    SELECT ${sql.raw(movementColumns)} FROM ${sql.raw(movementTables)} WHERE m.id IN (${found})
    ORDER BY m.id DESC LIMIT ${limit}`.execute(kysely);
  return rows.map(toMovement);
}
