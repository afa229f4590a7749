/**
 * Send: hands committed bytes to the chain. Owns what has been handed over and when, the order within a lane, rebroadcast, and the price
 * of the head slot. Promises to send only committed bytes, in nonce order, again and again until they are mined; whatever the
 * chain answers means "maybe sent". Goes on while halted.
 */
import type { Address, Word } from "../domain/hex.ts";
import type { Chain, Clock, Fees, HeadView, NewAttempt, Notify, OpenSlot, Store } from "./ports.ts";
import { type Lanes, SignFault } from "./sign.ts";

export interface SenderLimits {
  /** Slots of a lane that are looked at. */
  readonly openSlots: number;
  /** Transactions handed over per lane and tick. */
  readonly batch: number;
  /** Milliseconds after which bytes that are not mined are handed over again. */
  readonly rebroadcastMs: number;
  /** Blocks a lane's head slot waits before its price is looked at. */
  readonly repriceBlocks: number;
  /** Wei per gas; at the cap the slot is only rebroadcast. */
  readonly maxFeePerGas: bigint;
  /** Attempts of one slot: 16 raises of an eighth are a factor of 6.5. */
  readonly attempts: number;
}

export const defaultSenderLimits: SenderLimits = {
  openSlots: 1_000,
  batch: 64,
  rebroadcastMs: 5_000,
  repriceBlocks: 20,
  maxFeePerGas: 500_000_000_000n,
  attempts: 16,
};

export interface SenderParts {
  readonly store: Pick<Store, "readOpenSlots" | "markSent">;
  readonly chain: Pick<Chain, "send" | "fees">;
  readonly lanes: Lanes;
  readonly clock: Clock;
  readonly head: HeadView;
  readonly limits: SenderLimits;
  readonly notify: Notify;
}

export interface Sender {
  /** Hands over what is due on every lane. Returns how many transactions were. Throws when store or chain are out. */
  tick(): Promise<number>;
}

/** Reading open slots means reading their bytes; with nothing new it is done this often. */
const maxQuietMs = 500;

/** What this process remembers of bytes it handed over. Losing it costs one more broadcast. */
interface Handed {
  readonly at: number;
  /** Height when this attempt was first handed over; null when it was not known then. */
  readonly block: number | null;
}

/** Nodes replace a pending transaction only when both fields rise by a tenth; an eighth leaves no doubt. */
function toRaised(fee: bigint): bigint {
  return (fee * 9n + 7n) / 8n;
}

/** The fees of a further attempt, or null when they have not moved above what the last one pays. */
export function toReplacementFees(last: Fees, now: Fees): Fees | null {
  if (now.maxFeePerGas <= last.maxFeePerGas && now.maxPriorityFeePerGas <= last.maxPriorityFeePerGas) return null;
  const most = (a: bigint, b: bigint) => (a > b ? a : b);
  const maxPriorityFeePerGas = most(toRaised(last.maxPriorityFeePerGas), now.maxPriorityFeePerGas);
  const raised = most(toRaised(last.maxFeePerGas), now.maxFeePerGas);
  return { maxFeePerGas: most(raised, maxPriorityFeePerGas), maxPriorityFeePerGas };
}

export function createSender(parts: SenderParts): Sender {
  const { store, chain, lanes, clock, head, limits, notify } = parts;
  let handed = new Map<Word, Handed>();
  let running: Promise<number> | null = null;
  let quiet: { readonly mark: string; readonly until: number } | null = null;
  let reorgs = head.reorgs;

  function isDue(slot: OpenSlot): boolean {
    const last = slot.attempts.at(-1);
    if (last === undefined) return false;
    const before = handed.get(last.hash);
    return before === undefined || clock.monotonic() - before.at >= limits.rebroadcastMs;
  }

  /** A further attempt for the head slot when it waits for its price; null when it may go on waiting. */
  async function reprice(slot: OpenSlot): Promise<NewAttempt | null> {
    const last = slot.attempts.at(-1);
    const before = last === undefined ? undefined : handed.get(last.hash);
    const waited = (head.latest?.number ?? 0) - (before?.block ?? Number.POSITIVE_INFINITY);
    if (last === undefined || waited < limits.repriceBlocks) return null;
    const fees = toReplacementFees(last, await chain.fees());
    if (fees === null) return null;
    if (fees.maxFeePerGas > limits.maxFeePerGas || slot.attempts.length >= limits.attempts) {
      const detail = `nonce ${slot.nonce}: ${fees.maxFeePerGas} wei per gas after ${slot.attempts.length} attempts`;
      notify({ step: "send", code: "reprice_capped", subject: slot.lane, detail });
      return null;
    }
    try {
      return await lanes.replace(slot, fees);
    } catch (error) {
      if (!(error instanceof SignFault)) throw error;
      notify({ step: "sign", code: "not_signed", subject: slot.lane, detail: String(error.cause) });
      return null;
    }
  }

  async function handOver(lane: Address, due: readonly (NewAttempt & { readonly sentAt: number | null })[]) {
    const answers = await chain.send(due.map(({ raw }) => raw));
    const sent: Word[] = [];
    const tried: Word[] = [];
    for (const [index, { hash, sentAt }] of due.entries()) {
      const answer = answers[index] ?? { kind: "unknown", message: "no answer" };
      tried.push(hash);
      if (answer.kind === "refused") {
        // Refused now is not refused for good: the slot stays, and is sent again.
        notify({ step: "send", code: "refused", subject: lane, detail: `${hash}: ${answer.message}` });
        continue;
      }
      if (answer.kind === "answered" && answer.hash !== hash) {
        notify({ step: "send", code: "hash_differs", subject: lane, detail: `${hash}: answered ${answer.hash}` });
      }
      if (sentAt === null) sent.push(hash);
    }
    if (sent.length > 0) await store.markSent(sent, clock.now());
    const block = head.latest?.number ?? null;
    for (const hash of tried) handed.set(hash, { at: clock.monotonic(), block: handed.get(hash)?.block ?? block });
  }

  /** Returns the hashes still worth remembering and how many transactions were handed over. */
  async function sendLane(lane: Address): Promise<{ readonly open: readonly Word[]; readonly count: number }> {
    const slots = await store.readOpenSlots(lane, limits.openSlots);
    const unmined = slots.filter(({ state }) => state === "signed" || state === "sent");
    const first = unmined[0];
    const further = first === undefined ? null : await reprice(first);
    const due: (NewAttempt & { readonly sentAt: number | null })[] =
      further === null ? [] : [{ ...further, sentAt: null }];
    for (const slot of unmined) {
      const last = slot.attempts.at(-1);
      const replaced = slot === first && further !== null;
      if (last !== undefined && !replaced && due.length < limits.batch && isDue(slot)) due.push(last);
    }
    if (due.length > 0) await handOver(lane, due);
    const open = unmined.flatMap(({ attempts }) => attempts.map(({ hash }) => hash));
    return { open: further === null ? open : [...open, further.hash], count: due.length };
  }

  /** What would make another look worth while: a commit, a block, or time. */
  function toMark(): string {
    return `${lanes.version()} ${head.reorgs} ${head.latest?.hash ?? ""}`;
  }

  async function sendAll(): Promise<number> {
    const mark = toMark();
    if (mark === quiet?.mark && clock.monotonic() < quiet.until) return 0;
    quiet = null;
    // What a reorg dropped is in no block, and whoever took blocks back may have forgotten the rest: all of it is due at once.
    if (head.reorgs !== reorgs) {
      ({ reorgs } = head);
      handed = new Map([...handed].map(([hash, { block }]) => [hash, { at: Number.NEGATIVE_INFINITY, block }]));
    }
    let count = 0;
    let isMore = false;
    const kept = new Map<Word, Handed>();
    for (const lane of await lanes.watched()) {
      const result = await sendLane(lane);
      count += result.count;
      isMore ||= result.count >= limits.batch;
      for (const hash of result.open) {
        const before = handed.get(hash);
        if (before !== undefined) kept.set(hash, before);
      }
    }
    handed = kept;
    if (!isMore) quiet = { mark, until: clock.monotonic() + Math.min(limits.rebroadcastMs, maxQuietMs) };
    return count;
  }

  return {
    tick() {
      running ??= sendAll().finally(() => {
        running = null;
      });
      return running;
    },
  };
}
