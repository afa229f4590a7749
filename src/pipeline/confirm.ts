/**
 * Confirm: follows the chain block by block into the store. Owns what the node believes of the head. Promises that blocks are applied
 * in order on their parents, that a reorg goes back to the common ancestor, and that nothing becomes final that the chain does not
 * hold canonical; a reorg below the final block halts. Where evidence is missing it waits and decides nothing.
 */
import type { BlockRef } from "../domain/facts.ts";
import type { Address, Word } from "../domain/hex.ts";
import type { BooksCheck } from "./post.ts";
import type { Chain, Clock, Deployment, HeadView, Notify, OpenSlot, SlotKey, Store } from "./ports.ts";

export interface FollowerLimits {
  /** Blocks applied per tick. */
  readonly blocks: number;
  /** Slots of a lane that can be open; the planner keeps below it. */
  readonly openSlots: number;
}

export const defaultFollowerLimits: FollowerLimits = { blocks: 64, openSlots: 2_000 };

export interface FollowerParts {
  readonly store: Store;
  readonly chain: Chain;
  readonly deployment: Pick<Deployment, "block">;
  readonly lanes: { watched(): Promise<readonly Address[]>; doubt(lane: Address): void };
  readonly books: BooksCheck;
  readonly clock: Clock;
  readonly limits: FollowerLimits;
  readonly wake: () => void;
  readonly notify: Notify;
}

export interface Follower extends HeadView {
  /** Applies what is new. Returns how many blocks were applied; call again at once while that is the limit. */
  tick(): Promise<number>;
}

/** What a tick works on: the chain's head as first seen, and the newest blocks applied. */
interface Position {
  readonly head: BlockRef;
  readonly latest: BlockRef | null;
  readonly final: BlockRef | null;
}

type Ancestor =
  | { readonly kind: "at"; readonly number: number }
  | { readonly kind: "wait" }
  | { readonly kind: "lost" };

/** The newest applied block that is still on the chain. `lost`: not even the final one is. */
async function findAncestor({ head, latest, final }: Position, parts: FollowerParts): Promise<Ancestor> {
  const { store, chain, deployment } = parts;
  if (latest === null) return { kind: "at", number: deployment.block - 1 };
  const floor = final?.number ?? deployment.block - 1;
  for (let number = Math.min(head.number, latest.number); number >= floor; number--) {
    if (final === null && number === floor) break;
    const ours = number === final?.number ? final : await store.readBlock(number);
    const theirs = number === head.number ? head : await chain.block(number);
    if (ours === null || theirs === null) return { kind: "wait" };
    if (ours.hash === theirs.hash) return { kind: "at", number };
  }
  if (final === null) return { kind: "at", number: floor };
  // A head below our final block proves nothing yet: the provider may only be behind.
  return head.number < final.number ? { kind: "wait" } : { kind: "lost" };
}

/** Refs of the next blocks, each on its parent. Shorter than asked when the chain moved or lags. */
async function readRefs(from: { number: number; parent: Word | null }, { head }: Position, parts: FollowerParts) {
  const refs: BlockRef[] = [];
  let { parent } = from;
  const last = Math.min(head.number, from.number + parts.limits.blocks - 1);
  for (let number = from.number; number <= last; number++) {
    const ref = number === head.number ? head : await parts.chain.block(number);
    if (ref === null || (parent !== null && ref.parent !== parent)) break;
    refs.push(ref);
    parent = ref.hash;
  }
  return refs;
}

async function readOpen({ store, lanes, limits }: FollowerParts): Promise<readonly OpenSlot[]> {
  const slots: OpenSlot[] = [];
  for (const lane of await lanes.watched()) slots.push(...(await store.readOpenSlots(lane, limits.openSlots)));
  return slots;
}

/**
 * Applies the blocks after the ancestor. The open attempts are read after the blocks were seen: whatever a block can carry of ours was
 * committed before it was sent, so none is missed.
 */
async function applyNext(after: { number: number; hash: Word | null }, position: Position, parts: FollowerParts) {
  const { store, chain, clock } = parts;
  const refs = await readRefs({ number: after.number + 1, parent: after.hash }, position, parts);
  if (refs.length === 0) return [];
  const attempts = new Map<Word, SlotKey>();
  for (const { lane, nonce, attempts: tries } of await readOpen(parts)) {
    for (const { hash } of tries) attempts.set(hash, { lane, nonce });
  }
  const applied: BlockRef[] = [];
  for (const ref of refs) {
    const facts = await chain.readBlock(ref, attempts);
    if (facts === null) break;
    await store.applyBlock(facts, clock.now());
    applied.push(ref);
  }
  return applied;
}

async function haltOnce(reason: string, { store, clock, notify }: FollowerParts): Promise<void> {
  if ((await store.readHalt()) !== null) return;
  await store.halt(reason, clock.now());
  notify({ step: "confirm", code: "halted", subject: "chain", detail: reason });
}

/** Makes final what the chain calls final, if the chain still holds that very block. Null when nothing new is. */
async function finalizeNext({ head, latest, final }: Position, parts: FollowerParts): Promise<BlockRef | null> {
  const { store, chain, clock } = parts;
  if (latest === null) return null;
  const agreed = await chain.finalNumber(head);
  if (typeof agreed !== "number") {
    await haltOnce(`endpoints_disagree: ${agreed.disagreement}`, parts);
    return null;
  }
  const target = Math.min(agreed, latest.number);
  if (target < parts.deployment.block || target <= (final?.number ?? -1)) return null;
  const ours = target === latest.number ? latest : await store.readBlock(target);
  const theirs = await chain.block(target);
  if (ours === null || theirs === null || ours.hash !== theirs.hash) return null;
  await store.finalize(target, clock.now());
  return ours;
}

/**
 * Closes slots whose nonce was used by bytes that are not ours, once that is final. Every block up to the final one has been applied
 * with all our attempts at hand: a slot that is not mined by then, while its nonce is used up, was not carried out.
 */
async function abandonPassed(final: BlockRef, parts: FollowerParts): Promise<void> {
  const { store, chain, lanes, limits, notify } = parts;
  for (const lane of await lanes.watched()) {
    const open = await store.readOpenSlots(lane, limits.openSlots);
    const waiting = open.find(({ state }) => state === "signed" || state === "sent");
    if (waiting === undefined) continue;
    const count = await chain.transactionCount(lane, final.number);
    if (count <= waiting.nonce) continue;
    const again = await chain.block(final.number);
    if (again === null || again.hash !== final.hash) continue;
    const closed = await store.abandonSlots(lane, count);
    lanes.doubt(lane);
    const detail = `${closed} slots below nonce ${count} were overtaken by bytes that are not ours`;
    notify({ step: "confirm", code: "slots_abandoned", subject: lane, detail });
  }
}

export function createFollower(parts: FollowerParts): Follower {
  const { store, chain, clock, books, wake, notify } = parts;
  let view: { readonly latest: BlockRef | null; readonly final: BlockRef | null } = { latest: null, final: null };
  let seen: { readonly hash: Word; readonly at: number } | null = null;
  let reorgs = 0;
  let running: Promise<number> | null = null;

  /** Goes back to the common ancestor where blocks were replaced. Null: wait. */
  async function goBack(position: Position): Promise<{ number: number; hash: Word | null } | null> {
    const { latest, final, head } = position;
    const ancestor = await findAncestor(position, parts);
    if (ancestor.kind === "lost") {
      await haltOnce(
        `reorg below the final block ${final?.number ?? 0}: the chain no longer holds ${final?.hash ?? ""}`,
        parts,
      );
      return null;
    }
    if (ancestor.kind === "wait") return null;
    const { number } = ancestor;
    if (latest === null) return { number, hash: null };
    // A shorter chain that agrees with ours as far as it goes is a provider that lags, not a reorg.
    if (number === latest.number || number === head.number) {
      return number === latest.number ? { number, hash: latest.hash } : null;
    }
    await store.revertTo(number, clock.now());
    reorgs += 1;
    const detail = `${latest.number - number} blocks above ${number} were replaced`;
    notify({ step: "confirm", code: "reorg", subject: String(number), detail });
    wake();
    const ours = number === final?.number ? final : await store.readBlock(number);
    view = { latest: ours, final };
    return { number, hash: ours?.hash ?? null };
  }

  function noteHead(head: BlockRef): void {
    if (view.latest?.hash !== head.hash || seen?.hash === head.hash) return;
    seen = { hash: head.hash, at: clock.monotonic() };
  }

  async function follow(): Promise<number> {
    const head = await chain.head();
    view = await store.readCursor();
    const start = await goBack({ head, ...view });
    if (start === null) return 0;
    const applied = await applyNext(start, { head, ...view }, parts);
    const newest = applied.at(-1);
    if (newest !== undefined) view = { ...view, latest: newest };
    noteHead(head);
    const final = await finalizeNext({ head, ...view }, parts);
    if (final !== null) {
      view = { ...view, final };
      await abandonPassed(final, parts);
      await books.check(final.number);
    }
    if (newest !== undefined || final !== null) wake();
    return applied.length;
  }

  return {
    get latest() {
      return view.latest;
    },
    get final() {
      return view.final;
    },
    get reorgs() {
      return reorgs;
    },
    ageMs: () => (seen === null ? Number.POSITIVE_INFINITY : clock.monotonic() - seen.at),
    tick() {
      running ??= follow().finally(() => {
        running = null;
      });
      return running;
    },
  };
}
