/**
 * Intake's straight way: items of a batch that nothing stands against, accepted as sets. Owns what "nothing" is: a digest and a fence that
 * nobody knows, also not in this batch, and a payer that can bear the sum. Promises that every guard is also a condition of the write, whose row
 * count is checked; whatever is not clear goes the way of `intake.ts`, item by item, which names the reason. Never refuses.
 */
import type { Hex } from "../domain/hex.ts";
import type { Intent, IntentFacts } from "../domain/intent.ts";
import { cancelKinds } from "../domain/lifecycle.ts";
import type { AccountBook, Accounts } from "./accounts.ts";
import type { Engine } from "./engine.ts";
import type { Events } from "./events.ts";
import { assertInvariant } from "./fault.ts";
import { noBase, spaceOf, toAccountKey, toFenceHex, windowNonceOf } from "./rows.ts";

interface Accepted {
  readonly intent: Intent;
  /** Of the payer; null where nobody pays. */
  readonly account: bigint | null;
}

export interface ClearWay {
  /** The intent when nothing stands against the item: it is among those that `flush` writes. Else null. */
  take(facts: IntentFacts, toIntent: () => Intent): Intent | null;
  /** Writes what was taken. */
  flush(): void;
  /** Before an item goes the other way: writes what was taken, and takes nothing more of what that item may change. */
  leave(facts: IntentFacts): void;
}

function prepare({ database }: Engine) {
  return {
    // Digits of digest and stored fence, one after the other.
    known: database
      .prepare<[string], bigint>(
        `SELECT j.key FROM json_each(?) j
         WHERE EXISTS (SELECT 1 FROM intents WHERE digest = unhex(substr(j.value, 1, 64)))
           OR EXISTS (SELECT 1 FROM intent_work WHERE fence = unhex(substr(j.value, 65)))
           OR EXISTS (SELECT 1 FROM fences WHERE fence = unhex(substr(j.value, 65)))`,
      )
      .pluck(),
    // One array per intent: sequence, is it a cancellation, the payer's account, the window nonce.
    enter: database.prepare<[string]>(
      `INSERT INTO intent_work (sequence, fence, is_cancel, state, account, held, valid_before)
       SELECT i.sequence, i.fence, j.value ->> 1, 'accepted', j.value ->> 2, iif(j.value ->> 2 IS NULL, 0, i.amount), i.valid_before
       FROM json_each(?) j CROSS JOIN intents i ON i.sequence = j.value ->> 0
       WHERE NOT EXISTS (SELECT 1 FROM fences f WHERE f.fence = i.fence)
         AND NOT EXISTS (SELECT 1 FROM accounts a
           WHERE a.coin = i.coin AND a.address = substr(i.fence, 22, 20) AND a.nonce_base > j.value ->> 3)
       ON CONFLICT (fence, is_cancel) DO NOTHING`,
    ),
    // One array per account: id, what is held in addition.
    hold: database.prepare<[string]>(
      `UPDATE accounts SET held = held + (j.value ->> 1) FROM json_each(?) j
       WHERE accounts.id = j.value ->> 0 AND frozen_whole = 0 AND balance - frozen - held >= j.value ->> 1`,
    ),
  };
}

export interface ClearParts {
  readonly accounts: Accounts;
  readonly events: Events;
  /** Writes the immutable row of an intent. */
  readonly write: (intent: Intent) => void;
}

/** Whether the payer can bear it beside what this batch holds already, and the nonce is not below the window. */
function isBearable(facts: IntentFacts, book: AccountBook): bigint | null | false {
  const nonce = windowNonceOf(facts);
  if (nonce !== null && (book.find(facts.coin, facts.fence.subject)?.nonceBase ?? 0n) > nonce) return false;
  if (facts.payer === null) return null;
  const account = book.find(facts.coin, facts.payer);
  if (account === undefined || account.frozen === null) return false;
  const available = account.balance - account.frozen - account.held - account.heldDelta;
  if (available < facts.amount) return false;
  account.heldDelta += facts.amount;
  return account.id;
}

export function createClearWay(engine: Engine, { accounts, events, write }: ClearParts) {
  const sql = prepare(engine);

  function writeAll(taken: readonly Accepted[], at: number): void {
    const rows: string[] = [];
    const holds = new Map<bigint, bigint>();
    // Ascending keys are appended to their tables; in any other order every second page is split.
    const ordered = taken.toSorted((a, b) => (a.intent.sequence < b.intent.sequence ? -1 : 1));
    for (const { intent, account } of ordered) {
      write(intent);
      const isCancel = cancelKinds.has(intent.kind) ? 1 : 0;
      rows.push(`[${intent.sequence},${isCancel},${account},${windowNonceOf(intent) ?? noBase}]`);
      if (account !== null) holds.set(account, (holds.get(account) ?? 0n) + intent.amount);
    }
    const text = `[${rows.join(",")}]`;
    const entered = sql.enter.run(text).changes;
    assertInvariant(entered === rows.length, "P2", `${rows.length - entered} fences were taken under the write lock`);
    const held = sql.hold.run(`[${[...holds].map(([id, amount]) => `[${id},${amount}]`).join(",")}]`).changes;
    assertInvariant(held === holds.size, "P9", `${holds.size - held} accounts were spent under the write lock`);
    engine.tally(null, "accepted", rows.length);
    events.appendAccepted(text, at);
  }

  /** Of items in any order, all of them read before the first is taken. */
  function open(items: readonly IntentFacts[], at: number): ClearWay {
    const fences = items.map((facts) => toFenceHex(facts.fence, spaceOf(facts.kind)));
    const pairs = items.map(({ digest }, i) => digest.slice(2) + (fences[i]?.slice(2) ?? ""));
    const known = new Set(sql.known.all(JSON.stringify(pairs)));
    const taken = new Set<Hex>();
    for (const [i, { digest }] of items.entries()) if (known.has(BigInt(i))) taken.add(digest).add(fences[i] ?? "0x");
    const left = new Set<string>();
    const book = accounts.openBook();
    let pending: Accepted[] = [];
    book.load(
      items.flatMap(({ coin, payer, fence: { subject } }) => [
        { coin, address: subject },
        ...(payer === null || payer === subject ? [] : [{ coin, address: payer }]),
      ]),
    );

    function flush(): void {
      if (pending.length === 0) return;
      writeAll(pending, at);
      pending = [];
    }

    return {
      take(facts, toIntent) {
        const fence = toFenceHex(facts.fence, spaceOf(facts.kind));
        // Also the second on one fence in this batch: a cancellation beside its transfer takes the other way.
        if (taken.has(facts.digest) || taken.has(fence)) return null;
        if (facts.payer !== null && left.has(toAccountKey(facts.coin, facts.payer))) return null;
        const account = isBearable(facts, book);
        if (account === false) return null;
        taken.add(facts.digest).add(fence);
        const intent = toIntent();
        pending.push({ intent, account });
        return intent;
      },
      flush,
      leave(facts) {
        flush();
        taken.add(facts.digest).add(toFenceHex(facts.fence, spaceOf(facts.kind)));
        if (facts.payer !== null) left.add(toAccountKey(facts.coin, facts.payer));
      },
    };
  }

  return { open };
}
