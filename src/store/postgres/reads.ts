/**
 * Questions about intents, movements and the books that the hot path does not ask. Owns nothing; each answer comes from one snapshot. Never
 * writes.
 */
import { type Address, zeroAddress } from "../../domain/hex.ts";
import type { Intent, IntentState } from "../../domain/intent.ts";
import { toLedgerAccount } from "../../domain/ledger.ts";
import { intentStates } from "../../domain/lifecycle.ts";
import type { Store, StoredMovement, Trace } from "../../pipeline/ports.ts";
import { joinEvents, movementColumns, type MovementRow, movementTables, toMovement, type Reads } from "../reads.ts";
import { type IntentRow, intentColumns, toBlob, toHex, toIntent } from "../rows.ts";
import { slotColumns, type SlotRow } from "../slots.ts";
import { readAccounts } from "./accounts.ts";
import { listAgreements, readAgreement } from "./agreements.ts";
import { readBlockAt, readCursor, readFinal } from "./chronicle.ts";
import { type Engine, prepare, type Session } from "./engine.ts";
import type { Events } from "./events.ts";
import { readDue, sumExits } from "./exits.ts";
import { intentTables, readSequences } from "./intents.ts";
import { readRedemption } from "./redemptions.ts";
import { readAttempts } from "./slots.ts";

const byDigest = prepare(`SELECT ${intentColumns} FROM ${intentTables} WHERE i.digest = $1`);
const slotsOf = prepare(
  `SELECT ${slotColumns}, i.position FROM slot_items i JOIN slots s ON s.id = i.slot WHERE i.intent = $1 ORDER BY s.id`,
);
const movementsOf = prepare(`SELECT ${movementColumns} FROM ${movementTables} WHERE m.intent = $1 ORDER BY m.id`);
const linesOf = prepare(
  `SELECT a.address, e.amount FROM movements m JOIN ledger_entries e ON e.movement = m.id JOIN accounts a ON a.id = e.account
   WHERE m.intent = $1 ORDER BY e.entry`,
);
const counts = prepare(
  "SELECT state, count(*) AS count FROM intent_work GROUP BY state UNION ALL SELECT state, count FROM tallies",
);
const postedOf = prepare(
  "SELECT address, posted FROM accounts WHERE coin = $1 AND address > $2 AND posted <> 0 ORDER BY address LIMIT $3",
);
const sums = prepare(
  `SELECT max(e.entry) AS last, sum(e.amount) AS total, sum(CASE WHEN a.address = $1 THEN e.amount ELSE 0 END) AS issued
   FROM ledger_entries e JOIN accounts a ON a.id = e.account WHERE a.coin = $2 AND e.entry > $3`,
);

// Each side of an account is one index range; an OR over both would read the whole table.
const intentFilter = `($2::text[] IS NULL OR kind = ANY ($2::text[])) AND ($3::bytea IS NULL OR subject = $3)
  AND ($4::bigint IS NULL OR sequence < $4) ORDER BY sequence DESC LIMIT $5`;
const listAll = prepare(
  `SELECT ${intentColumns} FROM ${intentTables}
   WHERE $1::bytea IS NULL AND i.sequence IN (SELECT sequence FROM intents WHERE ${intentFilter})
   ORDER BY i.sequence DESC LIMIT $5`,
);
const listOfAccount = prepare(
  `SELECT ${intentColumns} FROM ${intentTables} WHERE i.sequence IN (
     (SELECT sequence FROM intents WHERE payer = $1 AND ${intentFilter})
     UNION (SELECT sequence FROM intents WHERE payee = $1 AND ${intentFilter}))
   ORDER BY i.sequence DESC LIMIT $5`,
);
const movementsAll = prepare(`SELECT ${movementColumns} FROM ${movementTables} ORDER BY m.id DESC LIMIT $1`);
const movementsOfAccount = prepare(
  `WITH mine AS (SELECT id FROM accounts WHERE address = $1)
   SELECT ${movementColumns} FROM ${movementTables} WHERE m.id IN (
     (SELECT id FROM movements WHERE payer IN (SELECT id FROM mine) ORDER BY id DESC LIMIT $2)
     UNION (SELECT id FROM movements WHERE payee IN (SELECT id FROM mine) ORDER BY id DESC LIMIT $2))
   ORDER BY m.id DESC LIMIT $2`,
);

async function readOne(session: Session, sequence: bigint): Promise<Intent | null> {
  return (await readSequences(session, [sequence]))[0] ?? null;
}

async function readTrace(session: Session, sequence: bigint, events: Events): Promise<Trace | null> {
  const intent = await readOne(session, sequence);
  if (intent === null) return null;
  const rows = await session.all<SlotRow & { position: bigint }>(slotsOf, [sequence]);
  const open = await readAttempts(session, rows);
  const lines = await session.all<{ address: Buffer; amount: bigint }>(linesOf, [sequence]);
  return {
    intent,
    slots: rows.flatMap((row, index) => {
      const slot = open[index];
      if (slot === undefined) return [];
      const { position, size, committed_at, gas_used } = row;
      return [
        {
          ...slot,
          index: Number(position),
          size: Number(size),
          committedAt: Number(committed_at),
          gasUsed: gas_used,
        },
      ];
    }),
    movements: (await session.all<MovementRow>(movementsOf, [sequence])).map(toMovement),
    lines: lines.map(({ address, amount }) => ({ account: toLedgerAccount(toHex(address)), amount })),
    events: joinEvents(intent, rows, await events.ofIntent(session, sequence)),
  };
}

async function listIntents(engine: Engine, query: Parameters<Store["listIntents"]>[0]): Promise<readonly Intent[]> {
  const { account, kinds, subject, before, limit } = query;
  if (kinds?.length === 0) return [];
  const values = [kinds ?? null, subject === undefined ? null : toBlob(subject), before ?? null, limit];
  const rows =
    account === undefined
      ? await engine.all<IntentRow>("listIntents", listAll, [null, ...values])
      : await engine.all<IntentRow>("listIntents", listOfAccount, [toBlob(account), ...values]);
  return rows.map(toIntent);
}

async function listMovements(
  engine: Engine,
  { account, limit }: Parameters<Store["listMovements"]>[0],
): Promise<readonly StoredMovement[]> {
  const rows =
    account === undefined
      ? await engine.all<MovementRow>("listMovements", movementsAll, [limit])
      : await engine.all<MovementRow>("listMovements", movementsOfAccount, [toBlob(account), limit]);
  return rows.map(toMovement);
}

/** Entries are written once and by one transaction at a time, so a sum once taken stays true: later ones are added to it. */
function createSums(engine: Engine): Store["sumLedger"] {
  const summed = new Map<Address, { readonly last: bigint; readonly sum: bigint; readonly issued: bigint }>();
  return async (coin) => {
    const known = summed.get(coin) ?? { last: 0n, sum: 0n, issued: 0n };
    const [row] = await engine.all<{ last: bigint | null; total: bigint | null; issued: bigint | null }>(
      "sumLedger",
      sums,
      [toBlob(zeroAddress), toBlob(coin), known.last],
    );
    const next = {
      last: row?.last ?? known.last,
      sum: known.sum + (row?.total ?? 0n),
      issued: known.issued + (row?.issued ?? 0n),
    };
    // Two at once may have begun at the same place: each is right by itself, the longer one is kept.
    if (next.last >= (summed.get(coin)?.last ?? 0n)) summed.set(coin, next);
    return { sum: next.sum, issued: next.issued };
  };
}

async function readPosted(session: Session, query: Parameters<Store["readPosted"]>[0]) {
  const { coin, after, limit } = query;
  // From the zero address up: it stands for what was issued and holds nothing on chain.
  const values = [toBlob(coin), toBlob(after ?? zeroAddress), limit];
  const rows = await session.all<{ address: Buffer; posted: bigint }>(postedOf, values);
  return {
    final: await readFinal(session),
    balances: rows.map(({ address, posted }) => ({ address: toHex(address), posted })),
  };
}

export function createReads(engine: Engine, events: Events): Reads {
  return {
    readAccounts: (list) => engine.read("readAccounts", (session) => readAccounts(session, list)),
    readCursor: () => readCursor(engine),
    readBlock: (number) => engine.read("readBlock", (session) => readBlockAt(session, number)),
    readIntent: (sequence) => engine.read("readIntent", (session) => readOne(session, sequence)),
    async findByDigest(digest) {
      const [row] = await engine.all<IntentRow>("findByDigest", byDigest, [toBlob(digest)]);
      return row === undefined ? null : toIntent(row);
    },
    listIntents: (query) => listIntents(engine, query),
    listMovements: (query) => listMovements(engine, query),
    readRedemption: (id) => engine.read("readRedemption", (session) => readRedemption(session, id)),
    readAgreement: (id) => engine.read("readAgreement", (session) => readAgreement(session, id)),
    listAgreements: (query) => engine.read("listAgreements", (session) => listAgreements(session, query)),
    listDue: (query) => engine.read("listDue", (session) => readDue(session, query)),
    sumEscrow: ({ escrow, coin }) =>
      engine.read("sumEscrow", async (session) => ({
        open: await sumExits(session, escrow, coin),
        balance: (await readAccounts(session, [{ coin, address: escrow }]))[0]?.balance ?? 0n,
      })),
    async readTrace(sequence) {
      await events.publish();
      return engine.read("readTrace", (session) => readTrace(session, sequence, events));
    },
    readEvents: (query) => events.readAfter(query),
    async countByState() {
      const found = Object.fromEntries(Object.keys(intentStates).map((state) => [state, 0]));
      for (const { state, count } of await engine.all<{ state: string; count: bigint }>("countByState", counts)) {
        found[state] = Number(count);
      }
      return found as Record<IntentState, number>;
    },
    readPosted: (query) => engine.read("readPosted", (session) => readPosted(session, query)),
    sumLedger: createSums(engine),
  };
}
