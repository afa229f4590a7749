/**
 * Intake. Owns the one transaction that turns what was signed into accepted intents: identity by digest, one live intent per fence, the
 * hold on the payer's balance, Idempotency-Keys. Promises one outcome per item in input order, all durable when it returns or none;
 * every guard is a conditional write whose row count is checked.
 */
import { firstSequence } from "../domain/identifier.ts";
import { type Address, zeroAddress } from "../domain/hex.ts";
import type { Intent, IntentFacts } from "../domain/intent.ts";
import { cancelKinds } from "../domain/lifecycle.ts";
import type { Rejection } from "../domain/rejection.ts";
import type { AcceptItem, AcceptOutcome, Idempotency, Store } from "../pipeline/ports.ts";
import type { Accounts } from "./accounts.ts";
import { createClearWay } from "./clear.ts";
import type { Engine } from "./engine.ts";
import { accountsOf, type Events } from "./events.ts";
import { assertInvariant } from "./fault.ts";
import { explainFence, explainFunds, explainKey, listFreeNonces } from "./refusals.ts";
import {
  type IntentRow,
  intentColumns,
  noBase,
  spaceOf,
  toAccountKey,
  toBlob,
  toBlobOrNull,
  toFenceBlob,
  toIntent,
  windowNonceOf,
} from "./rows.ts";
import { createTabs, type StoredTab } from "./sponsorship.ts";

interface IdempotencyRow {
  request_hash: Buffer;
  intent: bigint;
}

function prepare({ database }: Engine) {
  const joined = "intents i LEFT JOIN intent_work w ON w.sequence = i.sequence";
  return {
    last: database.prepare<[], { sequence: bigint | null }>("SELECT max(sequence) AS sequence FROM intents"),
    byKey: database.prepare<[string, string], IdempotencyRow>(
      "SELECT request_hash, intent FROM idempotency WHERE owner = ? AND key = ?",
    ),
    bySequence: database.prepare<[bigint], IntentRow>(`SELECT ${intentColumns} FROM ${joined} WHERE i.sequence = ?`),
    isKnown: database.prepare<[Buffer], bigint>("SELECT sequence FROM intents WHERE digest = ?").pluck(),
    isLive: database
      .prepare<[Buffer, number], bigint>("SELECT sequence FROM intent_work WHERE fence = ? AND is_cancel = ?")
      .pluck(),
    isConsumed: database
      .prepare<[Buffer, Buffer, Buffer, bigint], bigint>(
        `SELECT EXISTS (SELECT 1 FROM fences WHERE fence = ?)
           OR EXISTS (SELECT 1 FROM accounts WHERE coin = ? AND address = ? AND nonce_base > ?)`,
      )
      .pluck(),
    // Guards in one statement: the fence is unused, its nonce is not below the window, and no other live intent has it.
    enter: database.prepare<[bigint, Buffer, number, bigint | null, bigint, number, Buffer, Buffer, Buffer, bigint]>(
      `INSERT INTO intent_work (sequence, fence, is_cancel, state, account, held, valid_before)
       SELECT ?, ?, ?, 'accepted', ?, ?, ?
       WHERE NOT EXISTS (SELECT 1 FROM fences WHERE fence = ?)
         AND NOT EXISTS (SELECT 1 FROM accounts WHERE coin = ? AND address = ? AND nonce_base > ?)
       ON CONFLICT (fence, is_cancel) DO NOTHING`,
    ),
    insert: database.prepare(
      `INSERT INTO intents (sequence, kind, digest, fence, coin, payer, payee, amount, valid_after, valid_before, memo, subject,
         action, target, data, gas, reference, accepted_at)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    ),
    addKey: database.prepare<[string, string, Buffer, bigint, number]>(
      `INSERT INTO idempotency (owner, key, request_hash, intent, created_at) VALUES (?, ?, ?, ?, ?)
       ON CONFLICT (owner, key) DO NOTHING`,
    ),
  };
}

function toAccepted(facts: IntentFacts, sequence: bigint, at: number): Intent {
  return { ...facts, sequence, state: "accepted", reason: null, evidence: null, acceptedAt: at, endedAt: null };
}

function refuse(...reasons: readonly Rejection[]): AcceptOutcome {
  return { kind: "refused", reasons };
}

export type Intake = Pick<Store, "acceptBatch" | "findIdempotent">;

export function createIntake(engine: Engine, parts: { accounts: Accounts; events: Events }): Intake {
  const sql = prepare(engine);
  const { accounts, events } = parts;
  const openTab = createTabs(engine);
  // Highest sequence ever given out; raised in memory only, so a rolled back batch merely leaves a gap.
  let last = sql.last.get()?.sequence ?? 0n;

  function reserve(count: number, at: number): bigint {
    const earliest = firstSequence(at);
    const first = earliest > last ? earliest : last + 1n;
    last = first + BigInt(count) - 1n;
    return first;
  }

  function readOne(sequence: bigint): Intent {
    const row = sql.bySequence.get(sequence);
    if (row === undefined) throw new Error(`intent ${sequence} is referred to but missing`);
    return toIntent(row);
  }

  function checkKey(idempotency: Idempotency, facts: IntentFacts): AcceptOutcome | null {
    const row = sql.byKey.get(idempotency.owner, idempotency.key);
    if (row === undefined) return null;
    if (!row.request_hash.equals(toBlob(idempotency.requestHash))) {
      return refuse(explainKey(idempotency.key, "reused"));
    }
    const intent = readOne(row.intent);
    const same = toFenceBlob(intent.fence, spaceOf(intent.kind)).equals(toFenceBlob(facts.fence, spaceOf(facts.kind)));
    if (same) return { kind: "existing", intent };
    // One key on two different wishes of one request: answering with the first would swallow the second.
    return refuse(explainKey(idempotency.key, "in flight"));
  }

  function explain(facts: IntentFacts, isLive: boolean): Rejection {
    return explainFence(facts, isLive, () =>
      listFreeNonces(accounts.readOne({ coin: facts.coin, address: facts.fence.subject })),
    );
  }

  function explainShort(facts: IntentFacts, payer: Address): Rejection {
    const { balance, held, frozen } = accounts.readOne({ coin: facts.coin, address: payer });
    return explainFunds(facts, payer, frozen === null ? null : balance - frozen - held);
  }

  /** Holds the amount and takes the fence, or says why not and leaves nothing behind. */
  function enter(sequence: bigint, facts: IntentFacts, fence: Buffer): Rejection | null {
    const isCancel = cancelKinds.has(facts.kind) ? 1 : 0;
    const nonce = windowNonceOf(facts) ?? noBase;
    const owner = [toBlob(facts.coin), toBlob(facts.fence.subject)] as const;
    const { payer, amount } = facts;
    const account = payer === null ? null : accounts.hold(facts.coin, payer, amount);
    if (payer !== null && account === null) {
      // A taken fence is the better answer: it stays taken however much money arrives.
      if (sql.isLive.get(fence, isCancel) !== undefined) return explain(facts, true);
      return sql.isConsumed.get(fence, ...owner, nonce) === 1n ? explain(facts, false) : explainShort(facts, payer);
    }
    const held = account === null ? 0n : amount;
    const { validBefore } = facts;
    const entered = sql.enter.run(sequence, fence, isCancel, account, held, validBefore, fence, ...owner, nonce);
    if (entered.changes === 1) return null;
    if (account !== null) accounts.unhold(account, held);
    return explain(facts, sql.isLive.get(fence, isCancel) !== undefined);
  }

  function write(intent: Intent): void {
    const { action, payer } = intent;
    const fence = toFenceBlob(intent.fence, spaceOf(intent.kind));
    const coin = toBlob(intent.coin);
    const [target, data, gas] =
      action.kind === "row" ? [action.coin, action.row, 0n] : [action.to, action.data, action.gas];
    sql.insert.run(
      intent.sequence,
      intent.kind,
      toBlob(intent.digest),
      fence,
      coin,
      // The fence of a payment names its payer: bytes 21 to 40.
      payer === intent.fence.subject ? fence.subarray(21, 41) : toBlobOrNull(payer),
      toBlobOrNull(intent.payee),
      intent.amount,
      intent.validAfter,
      intent.validBefore,
      toBlobOrNull(intent.memo),
      toBlobOrNull(intent.subject),
      action.kind,
      target === intent.coin ? coin : toBlob(target),
      toBlob(data),
      gas,
      intent.reference,
      intent.acceptedAt,
    );
  }

  function tell(intent: Intent): void {
    engine.tally(null, "accepted");
    const at = intent.acceptedAt;
    events.append({ type: "accepted", intent: intent.sequence, ...accountsOf(intent), detail: null, at });
  }

  function acceptOne(item: AcceptItem, given: { sequence: bigint; at: number; tab: StoredTab | null }): AcceptOutcome {
    const { facts, idempotency, sponsored = null } = item;
    const { sequence, at, tab } = given;
    const known = idempotency === null ? null : checkKey(idempotency, facts);
    if (known !== null) return known;
    const remember = (intent: bigint): void => {
      if (idempotency === null) return;
      sql.addKey.run(idempotency.owner, idempotency.key, toBlob(idempotency.requestHash), intent, at);
    };
    const seen = sql.isKnown.get(toBlob(facts.digest));
    if (seen !== undefined) {
      remember(seen);
      return { kind: "existing", intent: readOne(seen) };
    }
    const unpaid = sponsored === null ? null : (tab?.judge(sponsored) ?? null);
    if (unpaid !== null) return refuse(unpaid);
    const fence = toFenceBlob(facts.fence, spaceOf(facts.kind));
    const rejection = enter(sequence, facts, fence);
    if (rejection !== null) return refuse(rejection);
    if (sponsored !== null) tab?.add(sponsored);
    const intent = toAccepted(facts, sequence, at);
    write(intent);
    tell(intent);
    remember(sequence);
    return { kind: "created", intent };
  }

  const way = createClearWay(engine, { accounts, events, write });
  return {
    acceptBatch: (items, at, budget) =>
      engine.write("acceptBatch", () => {
        const tab = budget === undefined ? null : openTab(budget, at);
        const first = reserve(items.length, at);
        const outcomes: AcceptOutcome[] = [];
        // Sorted by account and stable, so that one payer's items keep their order; ids follow the input's order.
        const order = items
          .map(({ facts }, index) => ({ index, key: toAccountKey(facts.coin, facts.payer ?? zeroAddress) }))
          .sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : a.index - b.index));
        const clear = way.open(
          items.map(({ facts }) => facts),
          at,
        );
        for (const { index } of order) {
          const item = items[index];
          if (item === undefined) continue;
          const sequence = first + BigInt(index);
          const { facts, idempotency, sponsored = null } = item;
          const isClear = idempotency === null && (sponsored === null || (tab?.judge(sponsored) ?? null) === null);
          const intent = isClear ? clear.take(facts, () => toAccepted(facts, sequence, at)) : null;
          if (intent === null) {
            clear.leave(facts);
            outcomes[index] = acceptOne(item, { sequence, at, tab });
          } else {
            if (sponsored !== null) tab?.add(sponsored);
            outcomes[index] = { kind: "created", intent };
          }
        }
        clear.flush();
        tab?.settle();
        assertInvariant(Object.keys(outcomes).length === items.length, "P1", "an item of the batch has no outcome");
        return outcomes;
      }),
    findIdempotent: (idempotency) =>
      engine.read("findIdempotent", () => {
        const row = sql.byKey.get(idempotency.owner, idempotency.key);
        if (row === undefined) return { kind: "none" };
        if (!row.request_hash.equals(toBlob(idempotency.requestHash))) return { kind: "reused" };
        return { kind: "hit", intent: readOne(row.intent) };
      }),
  };
}
