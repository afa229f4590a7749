/**
 * What a block changes. Owns `applyBlock`: movements to balances, consumed fences to verdicts, mined slots and skipped rows to intents that are
 * planned again; everything reversible until the block is final. What a block touches is read at once, decided in the order of its logs, and
 * written table by table. Promises one transaction per block, applied once. Ends no intent and posts nothing: only finality does.
 */
import type { BlockFacts, FenceConsumed, SlotMined } from "../../domain/facts.ts";
import type { Address, Hex, Word } from "../../domain/hex.ts";
import { type Evidence, type HeldReason, stepFence } from "../../domain/intent.ts";
import type { Store } from "../../pipeline/ports.ts";
import { findCarried, findSenders, isRepeatable, toMatchText, toSendBack, toSpace } from "../blocks.ts";
import { assertInvariant } from "../fault.ts";
import { findWindowNonce, toBlob, toBlobOrNull, toFenceBlob, toFenceHex, toWindowRange } from "../rows.ts";
import { type AccountPlace, advanceBases, openBook, type PostgresBook } from "./accounts.ts";
import { applyAgreement } from "./agreements.ts";
import { addBlock } from "./chronicle.ts";
import { type Engine, prepare, type Transaction } from "./engine.ts";
import { endQuotes } from "./quotes.ts";
import { applyRedemption } from "./redemptions.ts";
import { mineSlot } from "./slots.ts";
import { toColumns } from "./types.ts";
import { type Live, openWork, readFences, readSlot, readUnjudged, wakeAttested, type Work } from "./work.ts";

const consumeAll = prepare(
  `INSERT INTO fences (fence, how, match, block_number, log_index, transaction_hash, sender)
   SELECT v.fence, v.how, v.match, $1, v.log_index, v.transaction_hash, v.sender
   FROM unnest($2::bytea[], $3::text[], $4::text[], $5::bigint[], $6::bytea[], $7::bytea[])
     AS v (fence, how, match, log_index, transaction_hash, sender)
   ON CONFLICT (fence) DO NOTHING`,
);
const moveAll = prepare(
  `INSERT INTO movements (block_number, block_hash, time, final, kind, payer, payee, amount, memo, intent, log_index,
     transaction_hash, sender)
   SELECT $1, $2, $3, 0, v.* FROM unnest($4::text[], $5::bigint[], $6::bigint[], $7::bigint[], $8::bytea[], $9::bigint[],
     $10::bigint[], $11::bytea[], $12::bytea[]) AS v (kind, payer, payee, amount, memo, intent, log_index, transaction_hash, sender)
   ON CONFLICT (block_number, log_index) DO NOTHING`,
);

/** What one transaction carries from step to step. */
interface Progress {
  readonly tx: Transaction;
  readonly facts: BlockFacts;
  readonly at: number;
  readonly book: PostgresBook;
  readonly work: Work;
  /** Live intents by the fence they wait for. */
  readonly waiting: ReadonlyMap<Hex, readonly Live[]>;
  /** Fence (hex of the stored key) → the intent that this block carried out. */
  readonly carried: Map<string, bigint>;
  /** Transaction → the intents it carried out, in order. */
  readonly carriedBy: Map<Word, bigint[]>;
  /** Transaction → the charge it carried out: the capture in it is that intent's work too. */
  readonly charges: Map<Word, bigint>;
  /** Transaction → its sender, where the facts tell. */
  readonly senders: ReadonlyMap<Word, Address>;
}

function isWindowFence(consumed: FenceConsumed): boolean {
  return toSpace(consumed) === "plain" && findWindowNonce(consumed.fence) !== null;
}

/** Every account that the block's facts name. */
function placesOf({ fences, movements, freezes, nonceSkips }: BlockFacts): readonly AccountPlace[] {
  return [
    ...fences.filter(isWindowFence).map(({ fence }) => ({ coin: fence.scope, address: fence.subject })),
    ...movements.flatMap(({ coin, from, to }) => [
      { coin, address: from },
      { coin, address: to },
    ]),
    ...[...freezes, ...nonceSkips].map(({ coin, account }) => ({ coin, address: account })),
  ];
}

async function begin(tx: Transaction, facts: BlockFacts, at: number): Promise<Progress> {
  const book = openBook(tx);
  const waiting = await readFences(
    tx,
    facts.fences.map((consumed) => toFenceBlob(consumed.fence, toSpace(consumed))),
  );
  await book.load(placesOf(facts));
  await book.loadIds([...waiting.values()].flat().map(({ account }) => account));
  const senders = findSenders(facts);
  const work = openWork(tx, book);
  const maps = { carried: new Map(), carriedBy: new Map(), charges: new Map() };
  return { tx, facts, at, book, work, waiting, senders, ...maps };
}

function toEvidence({ facts }: Progress, fact: { transaction: Word; logIndex: number }, by: Address): Evidence {
  const { number: blockNumber, hash: blockHash } = facts.block;
  return { blockNumber, blockHash, transaction: fact.transaction, logIndex: fact.logIndex, by };
}

function consume(progress: Progress, consumed: FenceConsumed): void {
  const { at, work, waiting, carried, carriedBy, charges } = progress;
  const evidence = toEvidence(progress, consumed, consumed.by);
  const rows = waiting.get(toFenceHex(consumed.fence, toSpace(consumed))) ?? [];
  const charge = charges.get(consumed.transaction);
  if (rows.length === 0 && charge !== undefined && consumed.match.kinds?.includes("capture") === true) {
    carried.set(toFenceHex(consumed.fence, "plain"), charge);
  }
  // A charge is the step right before its capture.
  charges.delete(consumed.transaction);
  for (const live of rows) {
    if (isRepeatable(consumed) && live.verdict !== null) continue;
    if (!work.judge(live, { consumption: consumed, evidence, at })) continue;
    carried.set(live.fence, live.sequence);
    if (live.kind === "charge") charges.set(consumed.transaction, live.sequence);
    carriedBy.set(consumed.transaction, [...(carriedBy.get(consumed.transaction) ?? []), live.sequence]);
  }
}

async function consumeFences(progress: Progress): Promise<void> {
  const { tx, facts, work } = progress;
  const used = facts.fences.filter((consumed) => !isRepeatable(consumed));
  if (used.length > 0) {
    const columns = toColumns(
      used,
      (consumed) => toFenceBlob(consumed.fence, toSpace(consumed)),
      ({ how }) => how,
      ({ match }) => toMatchText(match),
      ({ logIndex }) => logIndex,
      ({ transaction }) => toBlob(transaction),
      ({ by }) => toBlob(by),
    );
    const written = await tx.run(consumeAll, [facts.block.number, ...columns]);
    assertInvariant(written === used.length, "P2", `block ${facts.block.number} consumed a fence a second time`);
  }
  for (const consumed of facts.fences) consume(progress, consumed);
  await work.flush();
  await endQuotes(tx, facts.fences, facts.block.number);
  for (const { match } of facts.fences) {
    if (match.kinds?.includes("travel-attest") !== true) continue;
    await wakeAttested(tx, match.payee ?? null, match.amount ?? null);
  }
}

/** The holder killed a range of window nonces: every intent on one of them that was not used is cancelled. */
async function skipNonces(progress: Progress): Promise<void> {
  const { tx, facts, book, work, senders, at } = progress;
  for (const skip of facts.nonceSkips) {
    const { coin, account, oldBase: from, newBase: to } = skip;
    const evidence = toEvidence(progress, skip, senders.get(skip.transaction) ?? account);
    const rows = await readUnjudged(tx, toWindowRange({ coin, account, from, to }));
    await book.loadIds(rows.map((live) => live.account));
    for (const live of rows) work.judge(live, { consumption: { how: "cancelled", match: {} }, evidence, at });
    await work.flush();
    const open = book.at(coin, account);
    if (open.nonceBase < to) open.nonceBase = to;
  }
}

async function raiseBases({ tx, facts, book }: Progress): Promise<void> {
  const touched = new Map<string, ReturnType<PostgresBook["at"]>>();
  for (const { fence } of facts.fences.filter(isWindowFence)) {
    touched.set(fence.scope + fence.subject, book.at(fence.scope, fence.subject));
  }
  for (const { coin, account } of facts.nonceSkips) touched.set(coin + account, book.at(coin, account));
  const accounts = [...touched.values()];
  const bases = await advanceBases(tx, accounts);
  for (const [index, account] of accounts.entries()) account.nonceBase = bases[index] ?? account.nonceBase;
}

async function moveCoins({ tx, facts, book, carried, senders }: Progress): Promise<void> {
  const { block, movements } = facts;
  if (movements.length === 0) return;
  for (const { coin, from, to, amount } of movements) {
    book.at(coin, from).balanceDelta -= amount;
    book.at(coin, to).balanceDelta += amount;
  }
  const columns = toColumns(
    movements,
    ({ kind }) => kind,
    ({ coin, from }) => book.at(coin, from).id,
    ({ coin, to }) => book.at(coin, to).id,
    ({ amount }) => amount,
    ({ memo }) => toBlobOrNull(memo),
    (movement) => findCarried(movement, carried),
    ({ logIndex }) => logIndex,
    ({ transaction }) => toBlob(transaction),
    ({ transaction, from }) => toBlob(senders.get(transaction) ?? from),
  );
  const written = await tx.run(moveAll, [block.number, toBlob(block.hash), block.time, ...columns]);
  assertInvariant(written === movements.length, "P9", `a log of block ${block.number} moved coins twice`);
}

async function moveEscrows({ tx, facts, carried, carriedBy, senders, at }: Progress): Promise<void> {
  const { block } = facts;
  for (const moved of facts.redemptions) {
    const { id, escrow, from, terms } = moved;
    const made = terms === null ? null : { scope: terms.coin, subject: terms.holder, key: id };
    const intent = carried.get(toFenceHex(made ?? stepFence(escrow, id, from), "plain")) ?? null;
    await applyRedemption(tx, { moved, block, by: senders.get(moved.transaction) ?? moved.actor, intent, at });
  }
  for (const moved of facts.agreements) {
    const by = senders.get(moved.transaction) ?? moved.actor;
    await applyAgreement(tx, { moved, block, by, carried: carriedBy.get(moved.transaction) ?? [], at });
  }
}

/** Every item of a mined slot that the block did not carry out goes back: skipped, reverted, or simply not done. */
async function returnItems(
  { tx, facts, work, at }: Progress,
  mined: SlotMined,
  skipped: ReadonlyMap<string, HeldReason>,
): Promise<void> {
  const slot = await mineSlot(tx, mined, { number: facts.block.number, at });
  const rows = await readSlot(tx, slot);
  for (const live of rows) {
    const change = toSendBack(mined, { skip: skipped.get(live.fence), holds: live.holds, count: rows.length, at });
    work.sendBack(live, change, at);
  }
}

async function mineSlots(progress: Progress): Promise<void> {
  const { slots, skips } = progress.facts;
  for (const mined of slots) {
    const skipped = new Map<string, HeldReason>();
    for (const skip of skips) {
      if (skip.transaction === mined.transaction) skipped.set(toFenceHex(skip.fence, "plain"), skip.reason);
    }
    await returnItems(progress, mined, skipped);
  }
  await progress.work.flush();
}

async function apply(tx: Transaction, facts: BlockFacts, at: number): Promise<void> {
  if (!(await addBlock(tx, facts.block))) return;
  const progress = await begin(tx, facts, at);
  await consumeFences(progress);
  await skipNonces(progress);
  await raiseBases(progress);
  await moveCoins(progress);
  for (const { coin, account, frozen } of facts.freezes) progress.book.at(coin, account).frozen = frozen;
  await moveEscrows(progress);
  await mineSlots(progress);
  await progress.book.flush(facts.block.number);
}

export function createBlocks(engine: Engine): Pick<Store, "applyBlock"> {
  return {
    applyBlock: (facts, at) => engine.write({ step: "applyBlock", stand: "alone" }, (tx) => apply(tx, facts, at)),
  };
}
