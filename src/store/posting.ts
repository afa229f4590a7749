/**
 * Finality and its opposite. Owns `finalize`, which ends intents by final evidence and posts movements to the ledger by double entry, and
 * `revertTo`, which undoes every block that is not final. Promises that nothing ends or is posted before it is final, and that nothing final
 * is ever undone.
 */
import type { BlockRef } from "../domain/facts.ts";
import type { Store } from "../pipeline/ports.ts";
import type { BlockParts } from "./blocks.ts";
import type { Engine } from "./engine.ts";
import type { Events } from "./events.ts";
import { assertInvariant, StoreFault } from "./fault.ts";

/** The base at block `:upTo`: a later one may still be undone, and the nonces below it with it. */
const baseThen = `coalesce(
  (SELECT c.nonce_base FROM account_changes c WHERE c.account = a.id AND c.block_number > :upTo ORDER BY c.block_number LIMIT 1),
  a.nonce_base)`;

/** What became final: blocks `after` < number ≤ `upTo`. */
interface Span {
  readonly after: number;
  readonly upTo: number;
}

function prepare({ database }: Engine) {
  const unposted = "movements WHERE block_number > :after AND block_number <= :upTo AND final = 0";
  const enter = (line: string) =>
    database.prepare<[Span]>(
      `INSERT INTO ledger_entries (movement, account, amount) SELECT id, ${line} FROM ${unposted} ORDER BY block_number, log_index`,
    );
  return {
    // The two lines of `domain/ledger`: the same account gives what the other receives. The zero address's account is \`issued\`.
    give: enter("payer, -amount"),
    receive: enter("payee, amount"),
    post: database.prepare<[Span]>(
      `UPDATE accounts SET posted = posted + lines.amount
       FROM (SELECT account, sum(amount) AS amount
         FROM (SELECT payer AS account, -amount AS amount FROM ${unposted} UNION ALL SELECT payee, amount FROM ${unposted})
         GROUP BY account) AS lines
       WHERE accounts.id = lines.account`,
    ),
    finish: database.prepare<[Span]>(`UPDATE movements SET final = 1 WHERE id IN (SELECT id FROM ${unposted})`),
    dropMovements: database.prepare<[number]>("DELETE FROM movements WHERE block_number > ? AND final = 0"),
    dropFences: database.prepare<[number]>("DELETE FROM fences WHERE block_number > ?"),
    // Owner: the first 41 bytes of a stored fence, space ‖ coin ‖ account. Only plain fences whose key is a window nonce have one here.
    pruneFences: database.prepare<[Span]>(
      `WITH owners AS (
         SELECT DISTINCT substr(fence, 1, 41) AS owner FROM fences
         WHERE block_number > :after AND block_number <= :upTo AND substr(fence, 1, 1) = x'00' AND substr(fence, 42, 24) = zeroblob(24)
       ), spent AS MATERIALIZED (
         SELECT CAST(owner || zeroblob(32) AS BLOB) AS first,
           CAST(owner || unhex(printf('%064x', ${baseThen})) AS BLOB) AS beyond
         FROM owners JOIN accounts a ON a.coin = substr(owner, 2, 20) AND a.address = substr(owner, 22, 20)
       )
       DELETE FROM fences WHERE fence IN (
         SELECT f.fence FROM spent CROSS JOIN fences f ON f.fence >= first AND f.fence < beyond WHERE f.block_number <= :upTo)`,
    ),
  };
}

export type Posting = Pick<Store, "finalize" | "revertTo">;

export function createPosting(engine: Engine, parts: BlockParts & { readonly events: Events }): Posting {
  const sql = prepare(engine);
  const { accounts, agreements, chronicle, events, quotes, redemptions, slots, work } = parts;

  /** Writes the two lines of every movement that became final. */
  function post(span: Span): void {
    const given = sql.give.run(span).changes;
    const received = sql.receive.run(span).changes;
    sql.post.run(span);
    const finished = sql.finish.run(span).changes;
    const isEven = given === finished && received === finished;
    assertInvariant(isEven, "P9", `of ${finished} movements ${given} were given and ${received} received`);
  }

  function endIntents(block: BlockRef, at: number): number {
    const book = accounts.openBook();
    const judged = work.endJudged(block.number, { book, at });
    const overdue = work.overdue(block.time);
    for (const row of overdue) work.end(row, { outcome: "expired", book, at });
    book.flush(null);
    return judged + overdue.length;
  }

  function finish(number: number, at: number): number {
    const before = chronicle.final()?.number ?? -1;
    const latest = chronicle.latest();
    // Only applied blocks can be final here, however far the chain is.
    const block = latest === null ? null : chronicle.at(Math.min(number, latest.number));
    if (block === null || block.number <= before) return 0;
    const ended = endIntents(block, at);
    slots.finishUpTo(block.number);
    const span = { after: before, upTo: block.number };
    post(span);
    // Window nonces below an account's base need no row of their own: the base says that they are spent.
    sql.pruneFences.run(span);
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
