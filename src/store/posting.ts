/**
 * Finality and its opposite. Owns `finalize`, which ends intents by final evidence and posts movements to the ledger by double entry, and
 * `revertTo`, which undoes every block that is not final. Promises that nothing ends or is posted before it is final, and that nothing final
 * is ever undone.
 */
import type { BlockRef } from "../domain/facts.ts";
import { toLedgerAccount, toLines } from "../domain/ledger.ts";
import { isWindowNonce } from "../domain/intent.ts";
import type { Store } from "../pipeline/ports.ts";
import type { BlockParts } from "./blocks.ts";
import type { Engine } from "./engine.ts";
import type { Events } from "./events.ts";
import { assertInvariant, StoreFault } from "./fault.ts";
import { pack } from "./pack.ts";
import { toBlob, toFence, toWindowRange } from "./rows.ts";

const movementShape = {
  id: "int",
  amount: "int",
  coin: "hex",
  payer: "int",
  payee: "int",
  from: "hex",
  to: "hex",
} as const;
const movementRow = pack(movementShape, "m", { coin: "p.coin", from: "p.address", to: "q.address" });
const fenceRow = pack({ fence: "hex" }, "fences");

function prepare({ database }: Engine) {
  return {
    unposted: database
      .prepare<[number, number], string>(
        `SELECT ${movementRow.sql} FROM movements m JOIN accounts p ON p.id = m.payer JOIN accounts q ON q.id = m.payee
         WHERE m.block_number > ? AND m.block_number <= ? AND m.final = 0 ORDER BY m.block_number, m.log_index`,
      )
      .pluck(),
    finish: database.prepare<[number, number]>(
      "UPDATE movements SET final = 1 WHERE block_number > ? AND block_number <= ? AND final = 0",
    ),
    enter: database.prepare<[bigint, bigint, bigint]>(
      "INSERT INTO ledger_entries (movement, account, amount) VALUES (?, ?, ?)",
    ),
    post: database.prepare<[bigint, bigint]>("UPDATE accounts SET posted = posted + ? WHERE id = ?"),
    dropMovements: database.prepare<[number]>("DELETE FROM movements WHERE block_number > ? AND final = 0"),
    dropFences: database.prepare<[number]>("DELETE FROM fences WHERE block_number > ?"),
    fences: database
      .prepare<[number, number], string>(
        `SELECT ${fenceRow.sql} FROM fences WHERE block_number > ? AND block_number <= ?`,
      )
      .pluck(),
    // The base at that block: a later one may still be undone, and the nonces below it with it.
    base: database
      .prepare<[number, Buffer, Buffer], bigint>(
        `SELECT coalesce(
         (SELECT c.nonce_base FROM account_changes c WHERE c.account = a.id AND c.block_number > ? ORDER BY c.block_number LIMIT 1),
         a.nonce_base) AS nonce_base
       FROM accounts a WHERE a.coin = ? AND a.address = ?`,
      )
      .pluck(),
    pruneFences: database.prepare<[Buffer, Buffer, number]>(
      "DELETE FROM fences WHERE fence >= ? AND fence < ? AND block_number <= ?",
    ),
  };
}

export type Posting = Pick<Store, "finalize" | "revertTo">;

export function createPosting(engine: Engine, parts: BlockParts & { readonly events: Events }): Posting {
  const sql = prepare(engine);
  const { accounts, agreements, chronicle, events, quotes, redemptions, slots, work } = parts;

  /** Writes the two lines of every movement that became final. */
  function post(after: number, upTo: number): void {
    const posted = new Map<bigint, bigint>();
    const rows = sql.unposted.all(after, upTo);
    for (const text of rows) {
      const row = movementRow.read(text);
      const ids = new Map([
        [toLedgerAccount(row.from), row.payer],
        [toLedgerAccount(row.to), row.payee],
      ]);
      for (const line of toLines(row)) {
        const id = ids.get(line.account);
        assertInvariant(id !== undefined, "P9", `movement ${row.id} has no account ${line.account}`);
        sql.enter.run(row.id, id, line.amount);
        posted.set(id, (posted.get(id) ?? 0n) + line.amount);
      }
    }
    for (const [id, amount] of [...posted].sort(([a], [b]) => (a < b ? -1 : 1))) sql.post.run(amount, id);
    assertInvariant(
      sql.finish.run(after, upTo).changes === rows.length,
      "P9",
      "a movement was posted twice or not at all",
    );
  }

  /** Window nonces below an account's base need no row of their own: the base says that they are spent. */
  function pruneFences(after: number, upTo: number): void {
    const seen = new Set<string>();
    for (const text of sql.fences.all(after, upTo)) {
      const stored = fenceRow.read(text).fence;
      const { scope: coin, subject: account, key } = toFence(stored);
      if (!stored.startsWith("0x00") || !isWindowNonce(key) || seen.has(coin + account)) continue;
      seen.add(coin + account);
      const to = sql.base.get(upTo, toBlob(coin), toBlob(account)) ?? 0n;
      sql.pruneFences.run(...toWindowRange({ coin, account, from: 0n, to }), upTo);
    }
  }

  function endIntents(block: BlockRef, at: number): number {
    const book = accounts.openBook();
    const judged = work.judgedUpTo(block.number);
    for (const row of judged) {
      assertInvariant(row.verdict !== null, "P3", `intent ${row.sequence} was judged without a verdict`);
      work.end(row, { outcome: row.verdict, book, at });
    }
    const overdue = work.overdue(block.time);
    for (const row of overdue) work.end(row, { outcome: "expired", book, at });
    book.flush(null);
    return judged.length + overdue.length;
  }

  function finish(number: number, at: number): number {
    const before = chronicle.final()?.number ?? -1;
    const latest = chronicle.latest();
    // Only applied blocks can be final here, however far the chain is.
    const block = latest === null ? null : chronicle.at(Math.min(number, latest.number));
    if (block === null || block.number <= before) return 0;
    const ended = endIntents(block, at);
    slots.finishUpTo(block.number);
    post(before, block.number);
    pruneFences(before, block.number);
    accounts.forget(block.number);
    chronicle.finish(block.number);
    events.prune();
    return ended;
  }

  function revert(number: number, at: number): void {
    const final = chronicle.final();
    if (final !== null && number < final.number) {
      const message = `block ${number} is below the final block ${final.number}`;
      throw new StoreFault({ step: "revertTo", message, retryable: false });
    }
    slots.unmineAbove(number);
    // Chain state first: the holds that come back are added to what the accounts were.
    accounts.revertTo(number);
    const book = accounts.openBook();
    for (const row of work.judgedAbove(number)) {
      work.unjudge(row, { slotOpen: row.slot !== null && slots.isOpen(row.slot), book, at });
    }
    book.flush(null);
    redemptions.revertTo(number, at);
    agreements.revertTo(number, at);
    quotes.revertTo(number);
    sql.dropMovements.run(number);
    sql.dropFences.run(number);
    chronicle.removeAbove(number);
  }

  return {
    finalize: (number, at) => engine.write("finalize", () => finish(number, at)),
    revertTo: (number, at) => engine.write("revertTo", () => revert(number, at)),
  };
}
