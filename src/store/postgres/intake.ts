/**
 * Intake. Owns the one transaction that turns what was signed into accepted intents. What can decide is read at once and payers are locked in
 * sorted order; items are decided one after the other in memory; the writes are conditional, by table, and counted. A count that differs
 * means that another process was faster: the transaction is run again. Promises one outcome per item in input order, all durable or none.
 */
import { zeroAddress } from "../../domain/hex.ts";
import { firstSequence } from "../../domain/identifier.ts";
import type { Intent, IntentFacts } from "../../domain/intent.ts";
import { cancelKinds } from "../../domain/lifecycle.ts";
import type { Rejection } from "../../domain/rejection.ts";
import type { AcceptItem, AcceptOutcome, Idempotency, Store } from "../../pipeline/ports.ts";
import { accountsOf } from "../events.ts";
import { assertInvariant } from "../fault.ts";
import { explainFence, explainFunds, explainKey, listFreeNonces } from "../refusals.ts";
import { spaceOf, toAccountKey, toBlob, toFenceBlob, toHex, windowNonceOf } from "../rows.ts";
import { type AccountPlace, lockAccounts, readAccounts } from "./accounts.ts";
import { type Engine, overtaken, prepare, type Session, type Transaction } from "./engine.ts";
import { readSequences, writeIntents, writeKeys, writeWork, type NewKey, type NewWork } from "./intents.ts";

const keys = prepare(
  `SELECT k.owner, k.key, k.request_hash, k.intent FROM unnest($1::text[], $2::text[]) AS p (owner, key)
   JOIN idempotency k ON k.owner = p.owner AND k.key = p.key`,
);
const digests = prepare("SELECT digest, sequence FROM intents WHERE digest = ANY ($1::bytea[])");
const live = prepare("SELECT fence, is_cancel FROM intent_work WHERE fence = ANY ($1::bytea[])");
const consumed = prepare("SELECT fence FROM fences WHERE fence = ANY ($1::bytea[])");
const bases = prepare(
  `SELECT a.coin, a.address, a.nonce_base FROM unnest($1::bytea[], $2::bytea[]) AS p (coin, address)
   JOIN accounts a ON a.coin = p.coin AND a.address = p.address`,
);
const raiseHolds = prepare(
  `UPDATE accounts a SET held = a.held + v.amount FROM unnest($1::bigint[], $2::bigint[]) AS v (id, amount)
   WHERE a.id = v.id AND a.frozen_whole = 0 AND a.balance - a.frozen - a.held >= v.amount`,
);

interface Payer {
  readonly id: bigint;
  readonly isFrozen: boolean;
  /** Balance − frozen − held, without what this batch has promised. */
  readonly available: bigint;
  promised: bigint;
}

/** What one transaction knows, and adds to as it decides. */
interface Knowledge {
  readonly keys: Map<string, { readonly hash: Buffer; readonly intent: bigint }>;
  readonly digests: Map<string, bigint>;
  /** `fence` or `fence!` for the cancellation of it. */
  readonly live: Set<string>;
  readonly consumed: ReadonlySet<string>;
  readonly payers: ReadonlyMap<string, Payer>;
  readonly bases: ReadonlyMap<string, bigint>;
  /** Intents seen before or made here, by sequence. */
  readonly intents: Map<bigint, Intent>;
  readonly created: Intent[];
  readonly work: NewWork[];
  readonly newKeys: NewKey[];
}

const toKey = ({ owner, key }: { owner: string; key: string }): string => `${owner}\0${key}`;
const toLiveKey = (fence: string, isCancel: boolean): string => (isCancel ? `${fence}!` : fence);

function unique(places: readonly AccountPlace[]): readonly AccountPlace[] {
  return [...new Map(places.map((place) => [toAccountKey(place.coin, place.address), place])).values()];
}

async function readKeys(session: Session, list: readonly Idempotency[]): Promise<Knowledge["keys"]> {
  if (list.length === 0) return new Map();
  const unlike = [...new Map(list.map((one) => [toKey(one), one])).values()];
  const rows = await session.all<{ owner: string; key: string; request_hash: Buffer; intent: bigint }>(keys, [
    unlike.map(({ owner }) => owner),
    unlike.map(({ key }) => key),
  ]);
  return new Map(rows.map((row) => [toKey(row), { hash: row.request_hash, intent: row.intent }]));
}

async function readBases(session: Session, facts: readonly IntentFacts[]): Promise<ReadonlyMap<string, bigint>> {
  const owners = unique(
    facts.filter((one) => windowNonceOf(one) !== null).map(({ coin, fence }) => ({ coin, address: fence.subject })),
  );
  if (owners.length === 0) return new Map();
  const rows = await session.all<{ coin: Buffer; address: Buffer; nonce_base: bigint }>(bases, [
    owners.map(({ coin }) => toBlob(coin)),
    owners.map(({ address }) => toBlob(address)),
  ]);
  return new Map(rows.map((row) => [toAccountKey(toHex(row.coin), toHex(row.address)), row.nonce_base]));
}

async function learn(tx: Transaction, items: readonly AcceptItem[]): Promise<Knowledge> {
  const facts = items.map((item) => item.facts);
  const fences = facts.map(({ fence, kind }) => toFenceBlob(fence, spaceOf(kind)));
  // Payers first: whoever shares one waits here, and reads everything else after.
  const payers = await lockAccounts(
    tx,
    unique(facts.flatMap(({ coin, payer }) => (payer === null ? [] : [{ coin, address: payer }]))),
  );
  const known = await readKeys(
    tx,
    items.flatMap(({ idempotency }) => idempotency ?? []),
  );
  const seen = await tx.all<{ digest: Buffer; sequence: bigint }>(digests, [facts.map(({ digest }) => toBlob(digest))]);
  const taken = await tx.all<{ fence: Buffer; is_cancel: bigint }>(live, [fences]);
  const used = await tx.all<{ fence: Buffer }>(consumed, [fences]);
  const existing = [...seen.map(({ sequence }) => sequence), ...[...known.values()].map(({ intent }) => intent)];
  return {
    keys: known,
    digests: new Map(seen.map(({ digest, sequence }) => [toHex(digest), sequence])),
    live: new Set(taken.map(({ fence, is_cancel }) => toLiveKey(toHex(fence), is_cancel === 1n))),
    consumed: new Set(used.map(({ fence }) => toHex(fence))),
    payers: new Map(
      [...payers].map(([key, { id, balance, held, frozen, frozen_whole }]) => [
        key,
        { id, isFrozen: frozen_whole === 1n, available: balance - frozen - held, promised: 0n },
      ]),
    ),
    bases: await readBases(tx, facts),
    intents: new Map((await readSequences(tx, existing)).map((intent) => [intent.sequence, intent])),
    created: [],
    work: [],
    newKeys: [],
  };
}

function knownIntent({ intents }: Knowledge, sequence: bigint): Intent {
  const intent = intents.get(sequence);
  assertInvariant(intent !== undefined, "P1", `intent ${sequence} is referred to but missing`);
  return intent;
}

function isConsumed(facts: IntentFacts, fence: string, known: Knowledge): boolean {
  const nonce = windowNonceOf(facts);
  const base = known.bases.get(toAccountKey(facts.coin, facts.fence.subject)) ?? 0n;
  return known.consumed.has(fence) || (nonce !== null && base > nonce);
}

/** Not free: explained once everything is written, when it is known which nonces are. */
interface Taken {
  readonly kind: "taken";
  readonly facts: IntentFacts;
  readonly isLive: boolean;
}

/** Holds the amount and takes the fence, or says why not and leaves nothing behind. */
function enter(sequence: bigint, facts: IntentFacts, known: Knowledge): Rejection | Taken | null {
  const fence = toFenceBlob(facts.fence, spaceOf(facts.kind));
  const hex = toHex(fence);
  const isCancel = cancelKinds.has(facts.kind);
  const isLive = known.live.has(toLiveKey(hex, isCancel));
  // A taken fence is the better answer: it stays taken however much money arrives.
  if (isLive || isConsumed(facts, hex, known)) return { kind: "taken", facts, isLive };
  const { payer: address, amount, validBefore } = facts;
  const payer = address === null ? undefined : known.payers.get(toAccountKey(facts.coin, address));
  if (address !== null) {
    const canPay = payer !== undefined && !payer.isFrozen && payer.available - payer.promised >= amount;
    if (!canPay) {
      const left = (payer?.available ?? 0n) - (payer?.promised ?? 0n);
      return explainFunds(facts, address, payer?.isFrozen === true ? null : left);
    }
    payer.promised += amount;
  }
  const held = payer === undefined ? 0n : amount;
  known.work.push({ sequence, fence, isCancel, account: payer?.id ?? null, held, validBefore });
  known.live.add(toLiveKey(hex, isCancel));
  return null;
}

function checkKey({ idempotency, facts }: AcceptItem, known: Knowledge): AcceptOutcome | null {
  const row = idempotency === null ? undefined : known.keys.get(toKey(idempotency));
  if (row === undefined || idempotency === null) return null;
  if (!row.hash.equals(toBlob(idempotency.requestHash))) {
    return { kind: "refused", reasons: [explainKey(idempotency.key, "reused")] };
  }
  const intent = knownIntent(known, row.intent);
  const same = toFenceBlob(intent.fence, spaceOf(intent.kind)).equals(toFenceBlob(facts.fence, spaceOf(facts.kind)));
  if (same) return { kind: "existing", intent };
  // One key on two different wishes of one request: answering with the first would swallow the second.
  return { kind: "refused", reasons: [explainKey(idempotency.key, "in flight")] };
}

function remember({ idempotency }: AcceptItem, intent: bigint, known: Knowledge, at: number): void {
  if (idempotency === null || known.keys.has(toKey(idempotency))) return;
  const hash = toBlob(idempotency.requestHash);
  known.keys.set(toKey(idempotency), { hash, intent });
  known.newKeys.push({ owner: idempotency.owner, key: idempotency.key, hash, intent, at });
}

interface Place {
  readonly sequence: bigint;
  readonly at: number;
}

function decide(item: AcceptItem, { sequence, at }: Place, known: Knowledge): AcceptOutcome | Taken {
  const { facts } = item;
  const answered = checkKey(item, known);
  if (answered !== null) return answered;
  const seen = known.digests.get(facts.digest);
  if (seen !== undefined) {
    remember(item, seen, known, at);
    return { kind: "existing", intent: knownIntent(known, seen) };
  }
  const obstacle = enter(sequence, facts, known);
  if (obstacle !== null) return "code" in obstacle ? { kind: "refused", reasons: [obstacle] } : obstacle;
  const intent: Intent = {
    ...facts,
    sequence,
    state: "accepted",
    reason: null,
    evidence: null,
    acceptedAt: at,
    endedAt: null,
  };
  known.digests.set(facts.digest, sequence);
  known.intents.set(sequence, intent);
  known.created.push(intent);
  remember(item, sequence, known, at);
  return { kind: "created", intent };
}

async function write(tx: Transaction, known: Knowledge, at: number): Promise<void> {
  const holds = [...known.payers.values()].filter(({ promised }) => promised !== 0n);
  if (holds.length > 0) {
    const raised = await tx.run(raiseHolds, [holds.map(({ id }) => id), holds.map(({ promised }) => promised)]);
    if (raised !== holds.length) throw overtaken;
  }
  // Fewer rows than decided: another process took a digest, a fence or a key after this transaction had looked.
  if ((await writeIntents(tx, known.created)) !== known.created.length) throw overtaken;
  if ((await writeWork(tx, known.work)) !== known.work.length) throw overtaken;
  if ((await writeKeys(tx, known.newKeys)) !== known.newKeys.length) throw overtaken;
  for (const intent of known.created) {
    tx.move(null, "accepted");
    tx.events.push({ type: "accepted", intent: intent.sequence, ...accountsOf(intent), detail: null, at });
  }
}

async function explain(tx: Transaction, decided: readonly (AcceptOutcome | Taken)[]): Promise<AcceptOutcome[]> {
  const taken = decided.filter((one) => one.kind === "taken");
  const owners = unique(taken.map(({ facts }) => ({ coin: facts.coin, address: facts.fence.subject })));
  const accounts = new Map(
    (await readAccounts(tx, owners)).map((account) => [toAccountKey(account.coin, account.address), account]),
  );
  return decided.map((one) => {
    if (one.kind !== "taken") return one;
    const { facts, isLive } = one;
    const account = accounts.get(toAccountKey(facts.coin, facts.fence.subject));
    const reason = explainFence(facts, isLive, () => (account === undefined ? [] : listFreeNonces(account)));
    return { kind: "refused", reasons: [reason] };
  });
}

/** Sequences of their own for `count` intents, time-ordered over all processes. Lost in a crash, it is only a gap. */
async function reserve(engine: Engine, count: number, at: number): Promise<bigint> {
  const least = firstSequence(at) - 1n;
  // Without waiting for the disk: the intents' own commit comes later in the log and takes this one with it.
  const [row] = await engine.script<{ last: bigint }>(
    "acceptBatch",
    `BEGIN; SET LOCAL synchronous_commit = off;
     UPDATE sequences SET last = greatest(last, ${least}) + ${count} WHERE name = 'intents' RETURNING last; COMMIT`,
  );
  assertInvariant(row !== undefined, "P1", "there is no counter of intents");
  return row.last - BigInt(count) + 1n;
}

export function createIntake(engine: Engine): Pick<Store, "acceptBatch" | "findIdempotent"> {
  async function accept(tx: Transaction, items: readonly AcceptItem[], first: Place): Promise<AcceptOutcome[]> {
    const known = await learn(tx, items);
    const decided: (AcceptOutcome | Taken)[] = [];
    // Sorted by account and stable, so that one payer's items keep their order; ids follow the input's order.
    const order = items
      .map(({ facts }, index) => ({ index, key: toAccountKey(facts.coin, facts.payer ?? zeroAddress) }))
      .sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : a.index - b.index));
    for (const { index } of order) {
      const item = items[index];
      if (item === undefined) continue;
      decided[index] = decide(item, { sequence: first.sequence + BigInt(index), at: first.at }, known);
    }
    assertInvariant(Object.keys(decided).length === items.length, "P1", "an item of the batch has no outcome");
    await write(tx, known, first.at);
    return explain(tx, decided);
  }

  return {
    async acceptBatch(items, at) {
      if (items.length === 0) return [];
      const sequence = await reserve(engine, items.length, at);
      return engine.write({ step: "acceptBatch", stand: "beside" }, (tx) => accept(tx, items, { sequence, at }));
    },
    findIdempotent: (idempotency) =>
      engine.read("findIdempotent", async (session) => {
        const row = (await readKeys(session, [idempotency])).get(toKey(idempotency));
        if (row === undefined) return { kind: "none" };
        if (!row.hash.equals(toBlob(idempotency.requestHash))) return { kind: "reused" };
        const [intent] = await readSequences(session, [row.intent]);
        assertInvariant(intent !== undefined, "P1", `intent ${row.intent} is referred to but missing`);
        return { kind: "hit", intent };
      }),
  };
}
