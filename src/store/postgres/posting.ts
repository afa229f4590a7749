/**
 * Finality and its opposite. Owns `finalize`, which ends intents by final evidence and posts movements to the ledger by double entry, and
 * `revertTo`, which undoes every block that is not final. Promises that nothing ends or is posted before it is final, and that nothing final
 * is ever undone.
 */
import type { BlockRef } from "../../domain/facts.ts";
import { isWindowNonce } from "../../domain/intent.ts";
import { toLedgerAccount, toLines } from "../../domain/ledger.ts";
import type { Store } from "../../pipeline/ports.ts";
import { assertInvariant, StoreFault } from "../fault.ts";
import { toBlob, toFence, toHex, toWindowRange } from "../rows.ts";
import { forgetChanges, openBook, revertAccounts } from "./accounts.ts";
import { revertAgreements } from "./agreements.ts";
import { finishBlocks, readBlockAt, readFinal, readLatest, removeBlocksAbove } from "./chronicle.ts";
import { type Engine, prepare, type Transaction } from "./engine.ts";
import { revertQuotes } from "./quotes.ts";
import { revertRedemptions } from "./redemptions.ts";
import { findOpenSlots, finishSlots, unmineAbove } from "./slots.ts";
import { openWork, readJudgedAbove, readJudgedUpTo, readOverdue } from "./work.ts";

interface MovementRow {
  id: bigint;
  amount: bigint;
  coin: Buffer;
  payer: bigint;
  payee: bigint;
  from_address: Buffer;
  to_address: Buffer;
}

const unposted = prepare(
  `SELECT m.id, m.amount, p.coin, m.payer, m.payee, p.address AS from_address, q.address AS to_address
   FROM movements m JOIN accounts p ON p.id = m.payer JOIN accounts q ON q.id = m.payee
   WHERE m.block_number > $1 AND m.block_number <= $2 AND m.final = 0 ORDER BY m.block_number, m.log_index`,
);
const finish = prepare("UPDATE movements SET final = 1 WHERE block_number > $1 AND block_number <= $2 AND final = 0");
const enter = prepare(
  `INSERT INTO ledger_entries (movement, account, amount)
   SELECT v.movement, v.account, v.amount FROM unnest($1::bigint[], $2::bigint[], $3::bigint[])
     WITH ORDINALITY AS v (movement, account, amount, place) ORDER BY v.place`,
);
const post = prepare(
  `UPDATE accounts a SET posted = a.posted + v.amount FROM unnest($1::bigint[], $2::bigint[]) AS v (id, amount)
   WHERE a.id = v.id`,
);
const dropMovements = prepare("DELETE FROM movements WHERE block_number > $1 AND final = 0");
const dropFences = prepare("DELETE FROM fences WHERE block_number > $1");
const fencesOf = prepare("SELECT fence FROM fences WHERE block_number > $1 AND block_number <= $2");
// The bases at that block: a later one may still be undone, and the nonces below it with it.
const bases = prepare(
  `SELECT a.coin, a.address, coalesce(
     (SELECT c.nonce_base FROM account_changes c WHERE c.account = a.id AND c.block_number > $1 ORDER BY c.block_number LIMIT 1),
     a.nonce_base) AS base
   FROM unnest($2::bytea[], $3::bytea[]) AS v (coin, address) JOIN accounts a ON a.coin = v.coin AND a.address = v.address`,
);
const prune = prepare(
  `DELETE FROM fences f USING unnest($1::bytea[], $2::bytea[]) AS v (low, high)
   WHERE f.fence >= v.low AND f.fence < v.high AND f.block_number <= $3`,
);

interface Span {
  readonly after: number;
  readonly upTo: number;
}

/** Writes the two lines of every movement that became final. */
async function postMovements(tx: Transaction, { after, upTo }: Span): Promise<void> {
  const rows = await tx.all<MovementRow>(unposted, [after, upTo]);
  if (rows.length === 0) return;
  const posted = new Map<bigint, bigint>();
  const entries: { readonly movement: bigint; readonly account: bigint; readonly amount: bigint }[] = [];
  for (const row of rows) {
    const [from, to] = [toHex(row.from_address), toHex(row.to_address)];
    const ids = new Map([
      [toLedgerAccount(from), row.payer],
      [toLedgerAccount(to), row.payee],
    ]);
    for (const line of toLines({ coin: toHex(row.coin), from, to, amount: row.amount })) {
      const account = ids.get(line.account);
      assertInvariant(account !== undefined, "P9", `movement ${row.id} has no account ${line.account}`);
      entries.push({ movement: row.id, account, amount: line.amount });
      posted.set(account, (posted.get(account) ?? 0n) + line.amount);
    }
  }
  await tx.run(enter, [
    entries.map(({ movement }) => movement),
    entries.map(({ account }) => account),
    entries.map(({ amount }) => amount),
  ]);
  const raised = await tx.run(post, [[...posted.keys()], [...posted.values()]]);
  assertInvariant(raised === posted.size, "P9", "an account of a movement is gone");
  const finished = await tx.run(finish, [after, upTo]);
  assertInvariant(finished === rows.length, "P9", "a movement was posted twice or not at all");
}

/** Window nonces below an account's base need no row of their own: the base says that they are spent. */
async function pruneFences(tx: Transaction, { after, upTo }: Span): Promise<void> {
  const owners = new Map<string, { readonly coin: Buffer; readonly address: Buffer }>();
  for (const { fence } of await tx.all<{ fence: Buffer }>(fencesOf, [after, upTo])) {
    const stored = toHex(fence);
    const { scope: coin, subject: account, key } = toFence(stored);
    if (!stored.startsWith("0x00") || !isWindowNonce(key)) continue;
    owners.set(coin + account, { coin: toBlob(coin), address: toBlob(account) });
  }
  if (owners.size === 0) return;
  const list = [...owners.values()];
  const rows = await tx.all<{ coin: Buffer; address: Buffer; base: bigint }>(bases, [
    upTo,
    list.map(({ coin }) => coin),
    list.map(({ address }) => address),
  ]);
  const ranges = rows.map(({ coin, address, base }) =>
    toWindowRange({ coin: toHex(coin), account: toHex(address), from: 0n, to: base }),
  );
  await tx.run(prune, [ranges.map(([low]) => low), ranges.map(([, high]) => high), upTo]);
}

async function endIntents(tx: Transaction, block: BlockRef, at: number): Promise<number> {
  const book = openBook(tx);
  const work = openWork(tx, book);
  const judged = await readJudgedUpTo(tx, block.number);
  const overdue = await readOverdue(tx, block.time);
  await book.loadIds([...judged, ...overdue].map(({ account }) => account));
  for (const live of judged) {
    assertInvariant(live.verdict !== null, "P3", `intent ${live.sequence} was judged without a verdict`);
    work.end(live, live.verdict, at);
  }
  for (const live of overdue) work.end(live, "expired", at);
  await work.flush();
  await book.flush(null);
  return judged.length + overdue.length;
}

async function finalizeUpTo(tx: Transaction, number: number, at: number): Promise<number> {
  const before = (await readFinal(tx))?.number ?? -1;
  const latest = await readLatest(tx);
  // Only applied blocks can be final here, however far the chain is.
  const block = latest === null ? null : await readBlockAt(tx, Math.min(number, latest.number));
  if (block === null || block.number <= before) return 0;
  const span = { after: before, upTo: block.number };
  const ended = await endIntents(tx, block, at);
  await finishSlots(tx, block.number);
  await postMovements(tx, span);
  await pruneFences(tx, span);
  await forgetChanges(tx, block.number);
  await finishBlocks(tx, block.number);
  return ended;
}

async function revert(tx: Transaction, number: number, at: number): Promise<void> {
  const final = await readFinal(tx);
  if (final !== null && number < final.number) {
    const message = `block ${number} is below the final block ${final.number}`;
    throw new StoreFault({ step: "revertTo", message, retryable: false });
  }
  await unmineAbove(tx, number);
  // Chain state first: the holds that come back are added to what the accounts were.
  await revertAccounts(tx, number);
  const book = openBook(tx);
  const work = openWork(tx, book);
  const judged = await readJudgedAbove(tx, number);
  await book.loadIds(judged.map(({ account }) => account));
  const slots = judged.flatMap(({ slot }) => slot ?? []);
  const open = await findOpenSlots(tx, slots);
  for (const live of judged) work.unjudge(live, { slotOpen: live.slot !== null && open.has(live.slot), at });
  await work.flush();
  await book.flush(null);
  await revertRedemptions(tx, number, at);
  await revertAgreements(tx, number, at);
  await revertQuotes(tx, number);
  await tx.run(dropMovements, [number]);
  await tx.run(dropFences, [number]);
  await removeBlocksAbove(tx, number);
}

export function createPosting(engine: Engine): Pick<Store, "finalize" | "revertTo"> {
  return {
    finalize: (number, at) => engine.write({ step: "finalize", stand: "alone" }, (tx) => finalizeUpTo(tx, number, at)),
    revertTo: (number, at) => engine.write({ step: "revertTo", stand: "alone" }, (tx) => revert(tx, number, at)),
  };
}
