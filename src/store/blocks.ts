/**
 * What a block changes. Owns `applyBlock`: movements to balances, consumed fences to verdicts, mined slots and skipped rows to intents that are
 * planned again; everything reversible until the block is final. Promises one transaction per block, applied once. Ends no intent and
 * posts nothing: only finality does.
 */
import type { BlockFacts, BlockRef, FenceConsumed, NoncesSkipped, SlotMined } from "../domain/facts.ts";
import type { Address, Hex, Word } from "../domain/hex.ts";
import { type Evidence, type HeldReason, stepFence } from "../domain/intent.ts";
import type { Store } from "../pipeline/ports.ts";
import type { Agreements } from "./agreements.ts";
import type { AccountBook, AccountName, Accounts } from "./accounts.ts";
import type { Chronicle } from "./chronicle.ts";
import type { Engine } from "./engine.ts";
import { assertInvariant } from "./fault.ts";
import type { Quotes } from "./quotes.ts";
import type { Redemptions } from "./redemptions.ts";
import { type FenceSpace, findWindowNonce, spaceOf, toBlob, toBlobOrNull, toFenceHex, toWindowRange } from "./rows.ts";
import type { Slots } from "./slots.ts";
import { type Judgement, nextTry, type SendBack, type Work, type WorkRow } from "./work.ts";

export interface BlockParts {
  readonly accounts: Accounts;
  readonly agreements: Agreements;
  readonly chronicle: Chronicle;
  readonly quotes: Quotes;
  readonly redemptions: Redemptions;
  readonly slots: Slots;
  readonly work: Work;
}

/** What one transaction of `applyBlock` carries from step to step. */
interface Progress {
  readonly facts: BlockFacts;
  readonly block: BlockRef;
  readonly at: number;
  readonly book: AccountBook;
  readonly judgement: Judgement;
  /** Live intents of every fence the block consumed, by stored fence. */
  readonly waiting: ReadonlyMap<Hex, readonly WorkRow[]>;
  /** Fence (hex of the stored key) → the intent that this block carried out. */
  readonly carried: Map<string, bigint>;
  /** Transaction → the intents it carried out, in order. */
  readonly carriedBy: Map<Word, bigint[]>;
  /** Transaction → the charge it carried out: the capture in it is that intent's work too. */
  readonly charges: Map<Word, bigint>;
  /** Bytes of words that many facts of a block share: its hash, its transactions, their senders. */
  readonly blobs: (hex: Hex) => Buffer;
  /** Transaction → its sender, where the facts tell. */
  readonly senders: ReadonlyMap<Word, Address>;
}

function prepare({ database }: Engine) {
  return {
    consume: database.prepare(
      `INSERT INTO fences (fence, how, match, block_number, log_index, transaction_hash, sender) VALUES (?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT (fence) DO NOTHING`,
    ),
    move: database.prepare(
      `INSERT INTO movements (kind, payer, payee, amount, memo, intent, block_number, block_hash, time, log_index,
         transaction_hash, sender, final) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0)
       ON CONFLICT (block_number, log_index) DO NOTHING`,
    ),
  };
}

export function findSenders(facts: BlockFacts): ReadonlyMap<Word, Address> {
  const senders = new Map<Word, Address>();
  for (const fact of [...facts.movements, ...facts.redemptions, ...facts.agreements, ...facts.nonceSkips]) {
    if (fact.by !== undefined) senders.set(fact.transaction, fact.by);
  }
  for (const fence of facts.fences) senders.set(fence.transaction, fence.by);
  for (const slot of facts.slots) senders.set(slot.transaction, slot.lane);
  return senders;
}

/** Every account whose coins the block moves. */
function* listParties({ movements }: BlockFacts): Iterable<AccountName> {
  for (const { coin, from, to } of movements) {
    yield { coin, address: from };
    yield { coin, address: to };
  }
}

function createBlobs(): (hex: Hex) => Buffer {
  const known = new Map<Hex, Buffer>();
  return (hex) => {
    let blob = known.get(hex);
    if (blob === undefined) {
      blob = toBlob(hex);
      known.set(hex, blob);
    }
    return blob;
  };
}

/** JSON of what a consuming event says, for the record; amounts as text. */
export function toMatchText(match: FenceConsumed["match"]): string {
  return JSON.stringify(match.amount === undefined ? match : { ...match, amount: match.amount.toString() });
}

/** An order's event carries its digest; any other says whose work it is, and what says neither is an authorization. */
export function toSpace({ match: { digest, kinds } }: FenceConsumed): FenceSpace {
  return digest === undefined ? spaceOf(kinds?.[0] ?? "transfer") : "order";
}

/** An approval may be given again once whoever gave it no longer may: its fence is the one that nothing uses up. */
export function isRepeatable({ match }: FenceConsumed): boolean {
  return match.kinds?.includes("approve") === true;
}

/** How an item goes back whose slot was mined without carrying it out. `count`: live items of the slot; `at`: wall milliseconds. */
export function toSendBack(
  mined: SlotMined,
  item: { readonly skip: HeldReason | undefined; readonly holds: bigint; readonly count: number; readonly at: number },
): SendBack {
  const { skip, holds, count, at } = item;
  // One alone backs off; one of many is planned again at once, in a smaller batch, until the culprit is alone.
  const until = skip === undefined && !mined.succeeded && count > 1 ? null : nextTry(at, holds);
  if (!mined.succeeded) return { why: "its slot reverted", reason: mined.reason ?? "reverted", until, reverted: true };
  const why = skip === undefined ? "its slot was mined without it" : "its row was skipped";
  return { why, reason: skip ?? "reverted", until, reverted: false };
}

/** A movement names its fence without saying which kind of number it is: a seizure's is an order's, every other one plain. */
export function findCarried(
  { fence }: BlockFacts["movements"][number],
  carried: ReadonlyMap<string, bigint>,
): bigint | null {
  if (fence === null) return null;
  return carried.get(toFenceHex(fence, "plain")) ?? carried.get(toFenceHex(fence, "order")) ?? null;
}

export function createBlocks(engine: Engine, parts: BlockParts): Pick<Store, "applyBlock"> {
  const sql = prepare(engine);
  const { accounts, agreements, chronicle, quotes, redemptions, slots, work } = parts;

  function toEvidence(progress: Progress, fact: { transaction: Word; logIndex: number }, by: Address): Evidence {
    const { number: blockNumber, hash: blockHash } = progress.block;
    return { blockNumber, blockHash, transaction: fact.transaction, logIndex: fact.logIndex, by };
  }

  function use(consumed: FenceConsumed, fence: Hex, progress: Progress): void {
    const { how, match, logIndex, transaction, by } = consumed;
    const { blobs } = progress;
    const { changes } = sql.consume.run(
      toBlob(fence),
      how,
      toMatchText(match),
      progress.block.number,
      logIndex,
      blobs(transaction),
      blobs(by),
    );
    assertInvariant(changes === 1, "P2", `fence ${consumed.fence.key} of ${consumed.fence.subject} was consumed twice`);
  }

  function findWaiting(progress: Progress, consumed: FenceConsumed, fence: Hex): readonly WorkRow[] {
    if (!isRepeatable(consumed)) return progress.waiting.get(fence) ?? [];
    // What the block says once more may have been judged by what it said before.
    progress.judgement.flush();
    return (work.ofFences([fence]).get(fence) ?? []).filter(({ verdict }) => verdict === null);
  }

  function consume(progress: Progress, consumed: FenceConsumed): void {
    const { block, judgement, carried, carriedBy, charges } = progress;
    const fence = toFenceHex(consumed.fence, toSpace(consumed));
    if (!isRepeatable(consumed)) use(consumed, fence, progress);
    const rows = findWaiting(progress, consumed, fence);
    const charge = charges.get(consumed.transaction);
    if (rows.length === 0 && charge !== undefined && consumed.match.kinds?.includes("capture") === true) {
      carried.set(toFenceHex(consumed.fence, "plain"), charge);
    }
    // A charge is the step right before its capture.
    charges.delete(consumed.transaction);
    for (const row of rows) {
      if (!judgement.judge(row, consumed, toEvidence(progress, consumed, consumed.by))) continue;
      carried.set(row.fence, row.sequence);
      if (row.kind === "charge") charges.set(consumed.transaction, row.sequence);
      const list = carriedBy.get(consumed.transaction);
      if (list === undefined) carriedBy.set(consumed.transaction, [row.sequence]);
      else list.push(row.sequence);
    }
    quotes.end(consumed, block.number);
    if (consumed.match.kinds?.includes("travel-attest") === true) {
      work.attested(consumed.match.payee ?? null, consumed.match.amount ?? null);
    }
  }

  /** The holder killed a range of window nonces: every intent on one of them that was not used is cancelled. */
  function skipNonces(progress: Progress, skip: NoncesSkipped): void {
    const { book, judgement } = progress;
    const { coin, account, oldBase: from, newBase: to } = skip;
    const evidence = toEvidence(progress, skip, progress.senders.get(skip.transaction) ?? account);
    for (const row of work.unjudged(toWindowRange({ coin, account, from, to }))) {
      judgement.judge(row, { how: "cancelled", match: {} }, evidence);
    }
    judgement.flush();
    const open = book.at(coin, account);
    if (open.nonceBase < to) open.nonceBase = to;
  }

  function advanceBases({ facts, book }: Progress): void {
    const touched = new Map<string, { coin: Address; account: Address }>();
    for (const consumed of facts.fences) {
      const { fence } = consumed;
      if (toSpace(consumed) !== "plain" || findWindowNonce(fence) === null) continue;
      touched.set(fence.scope + fence.subject, { coin: fence.scope, account: fence.subject });
    }
    for (const { coin, account } of facts.nonceSkips) touched.set(coin + account, { coin, account });
    const open = [...touched.values()].map(({ coin, account }) => book.at(coin, account));
    const bases = accounts.advanceBases(
      open.map(({ coin, address, nonceBase }) => ({ coin, address, base: nonceBase })),
    );
    for (const [i, account] of open.entries()) account.nonceBase = bases[i] ?? account.nonceBase;
  }

  function moveCoins(progress: Progress): void {
    const { block, book, blobs, carried } = progress;
    for (const movement of progress.facts.movements) {
      const payer = book.at(movement.coin, movement.from);
      const payee = book.at(movement.coin, movement.to);
      payer.balanceDelta -= movement.amount;
      payee.balanceDelta += movement.amount;
      const { changes } = sql.move.run(
        movement.kind,
        payer.id,
        payee.id,
        movement.amount,
        toBlobOrNull(movement.memo),
        findCarried(movement, carried),
        block.number,
        blobs(block.hash),
        block.time,
        movement.logIndex,
        blobs(movement.transaction),
        blobs(progress.senders.get(movement.transaction) ?? movement.from),
      );
      assertInvariant(changes === 1, "P9", `log ${movement.logIndex} of block ${block.number} moved coins twice`);
    }
  }

  function moveRedemptions({ facts, block, carried, senders, at }: Progress): void {
    for (const moved of facts.redemptions) {
      const { id, escrow, from, terms } = moved;
      const made = terms === null ? null : { scope: terms.coin, subject: terms.holder, key: id };
      const intent = carried.get(toFenceHex(made ?? stepFence(escrow, id, from), "plain")) ?? null;
      redemptions.apply({ moved, block, by: senders.get(moved.transaction) ?? moved.actor, intent, at });
    }
  }

  function moveAgreements({ facts, block, carriedBy, senders, at }: Progress): void {
    for (const moved of facts.agreements) {
      const by = senders.get(moved.transaction) ?? moved.actor;
      agreements.apply({ moved, block, by, carried: carriedBy.get(moved.transaction) ?? [], at });
    }
  }

  /** Every item of a mined slot that the block did not carry out goes back: skipped, reverted, or simply not done. */
  function mineSlot({ block, at }: Progress, mined: SlotMined, skipped: ReadonlyMap<string, HeldReason>): void {
    const slot = slots.mine(mined, { number: block.number, at });
    const rows = work.ofSlot(slot);
    for (const row of rows) {
      const change = toSendBack(mined, { skip: skipped.get(row.fence), holds: row.holds, count: rows.length, at });
      work.sendBack(row, change, at);
    }
  }

  function mineSlots(progress: Progress): void {
    const { skips } = progress.facts;
    for (const mined of progress.facts.slots) {
      const skipped = new Map<string, HeldReason>();
      for (const skip of skips) {
        if (skip.transaction !== mined.transaction) continue;
        skipped.set(toFenceHex(skip.fence, "plain"), skip.reason);
      }
      mineSlot(progress, mined, skipped);
    }
  }

  function apply(facts: BlockFacts, at: number): void {
    if (!chronicle.add(facts.block)) return;
    const book = accounts.openBook();
    const senders = findSenders(facts);
    const { block } = facts;
    const progress: Progress = {
      facts,
      block,
      at,
      book,
      blobs: createBlobs(),
      judgement: work.openJudgement({ book, at }),
      waiting: work.ofFences(facts.fences.map((consumed) => toFenceHex(consumed.fence, toSpace(consumed)))),
      carried: new Map(),
      carriedBy: new Map(),
      charges: new Map(),
      senders,
    };
    book.load(listParties(facts));
    for (const consumed of facts.fences) consume(progress, consumed);
    progress.judgement.flush();
    for (const skip of facts.nonceSkips) skipNonces(progress, skip);
    advanceBases(progress);
    moveCoins(progress);
    for (const { coin, account, frozen } of facts.freezes) book.at(coin, account).frozen = frozen;
    moveRedemptions(progress);
    moveAgreements(progress);
    mineSlots(progress);
    book.flush(facts.block.number);
  }

  return { applyBlock: (facts, at) => engine.write("applyBlock", () => apply(facts, at)) };
}
