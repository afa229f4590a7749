/**
 * The pure half of planning: many ready intents → the slots that carry them. Owns order, packing and the checks that save gas.
 * Promises stable order, an account's intents never out of order, and no plan above its limits; the chain still decides everything.
 */
import { strict as assert } from "node:assert";
import { type Address, type Hex, toWord, zeroAddress } from "../domain/hex.ts";
import { type HeldReason, windowNonceLimit } from "../domain/intent.ts";
import { cancelKinds } from "../domain/lifecycle.ts";
import {
  consumeNonce,
  countBytes,
  countSettleBytes,
  judgeNonce,
  longestHoldMs,
  type NonceWindow,
  openWindow,
  toBackoffMs,
  toRowGas,
  toSettleData,
  toSettleGas,
} from "../domain/plan.ts";
import type { ReadyIntent, StoredAccount } from "./ports.ts";

export interface SlotLimits {
  /** Rows of one `settle`. */
  readonly rows: number;
  /** Gas limit of one transaction. */
  readonly gas: bigint;
  /** Call data bytes of one transaction. */
  readonly bytes: number;
}

/** A lane and what it can still take. `busy`: it has slots that are not mined, so a short batch may wait to fill. */
export interface LaneRoom {
  readonly address: Address;
  readonly slots: number;
  readonly busy: boolean;
}

/** What one slot will carry and call. */
export interface SlotPlan {
  readonly kind: "settle" | "call";
  readonly lane: Address;
  readonly to: Address;
  readonly data: Hex;
  readonly gas: bigint;
  readonly items: readonly ReadyIntent[];
}

export interface Hold {
  readonly sequence: bigint;
  readonly reason: HeldReason;
  /** Wall milliseconds. */
  readonly until: number;
}

export interface SlotInputs {
  readonly ready: readonly ReadyIntent[];
  /** Of every payer and authorizer in `ready`. */
  readonly accounts: readonly StoredAccount[];
  readonly lanes: readonly LaneRoom[];
  /** The lanes are others than those that carry what is on its way: an account with something on its way waits, so that nothing overtakes it. */
  readonly moving?: boolean;
  readonly limits: SlotLimits;
  /** Time of the newest block, Unix seconds. */
  readonly blockTime: number;
  /** Wall milliseconds. */
  readonly now: number;
  /** How long the oldest row of a short batch may wait while its lane is busy. */
  readonly lingerMs: number;
}

/** The account whose balance or nonces an intent uses: whoever pays, or the authorizer of a cancellation. Null where none is. */
export function accountOf(item: ReadyIntent): { readonly coin: Address; readonly address: Address } | null {
  if (item.kind === "cancel") return { coin: item.fence.scope, address: item.fence.subject };
  return item.payer === null ? null : { coin: item.coin, address: item.payer };
}

/** The lane an account sticks to, over lanes in any order. Steps of one redemption share a lane: their fences differ in the last byte only. */
export function laneOf(item: Pick<ReadyIntent, "fence">, lanes: readonly Address[]): Address {
  return createLaneChoice(lanes)(item);
}

/** FNV-1a over whose fence it is, so all that one account signs leaves in one order. */
function createLaneChoice(lanes: readonly Address[]): (item: Pick<ReadyIntent, "fence">) => Address {
  const sorted = [...lanes].sort();
  const chosen = new Map<string, Address>();
  return ({ fence: { subject, key } }) => {
    const text = subject === zeroAddress ? key.slice(0, -2) : subject;
    const known = chosen.get(text);
    if (known !== undefined) return known;
    let hash = 0x811c9dc5;
    for (let i = 2; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193) >>> 0;
    const lane = sorted[hash % sorted.length];
    assert(lane !== undefined, "there is a lane");
    chosen.set(text, lane);
    return lane;
  };
}

const toKey = (parts: { readonly coin: Address; readonly address: Address }) => parts.coin + parts.address;
const windowLimit = toWord(windowNonceLimit);

/** Words are lowercase and of one length: as text they compare like the numbers they are. */
function usesWindow(item: ReadyIntent): boolean {
  return (item.kind === "transfer" || item.kind === "cancel") && item.fence.key < windowLimit;
}

/** By sequence; the window nonces of one account ascend over the places that account has. */
export function toPlanOrder(ready: readonly ReadyIntent[]): readonly ReadyIntent[] {
  const isSorted = ready.every((item, index) => index === 0 || (ready[index - 1]?.sequence ?? 0n) < item.sequence);
  const ordered = isSorted ? ready : ready.toSorted((a, b) => (a.sequence < b.sequence ? -1 : 1));
  const places = new Map<string, number[]>();
  for (const [index, item] of ordered.entries()) {
    if (!usesWindow(item)) continue;
    const owner = item.fence.scope + item.fence.subject;
    const list = places.get(owner);
    if (list === undefined) places.set(owner, [index]);
    else list.push(index);
  }
  const result = [...ordered];
  for (const list of places.values()) {
    if (list.length < 2) continue;
    const items = list.flatMap((index) => ordered[index] ?? []);
    items.sort((a, b) => (a.fence.key < b.fence.key ? -1 : 1));
    for (const [at, index] of list.entries()) result[index] = items[at] ?? assert.fail("a place for each");
  }
  return result;
}

/** One account while the plan is made: what it can still spend and which nonces are still open. */
interface Simulated {
  /** Null when the account is frozen whole. */
  available: bigint | null;
  readonly window: NonceWindow;
  readonly flying: ReadonlySet<bigint>;
  /** Window nonces that some live intent will consume. */
  readonly known: ReadonlySet<bigint>;
  /** True when something of the account is planned or sent. */
  readonly isFlying: boolean;
}

function simulate(account: StoredAccount): Simulated {
  const { balance, frozen, nonceBase, consumed, live, inFlight } = account;
  const flying = inFlight.nonces;
  return {
    available: frozen === null ? null : balance - frozen - inFlight.amount,
    window: openWindow(nonceBase, [...consumed, ...flying]),
    flying: new Set(flying),
    known: new Set(live),
    isFlying: flying.length > 0,
  };
}

interface OpenBatch {
  readonly lane: Address;
  readonly coin: Address;
  readonly suspect: boolean;
  readonly items: ReadyIntent[];
  readonly rows: Hex[];
  gas: bigint;
  bytes: number;
  /** Rows it may have: halved for every revert of an item in it. */
  cap: number;
}

/** Packs items into plans in the order they come. `place` says `full` when the item's lane has no room left. */
function createPacker({ lanes, limits, now, lingerMs }: SlotInputs) {
  const room = new Map(lanes.map(({ address, slots }) => [address, slots]));
  const busy = new Map(lanes.map((lane) => [lane.address, lane.busy]));
  const plans: (OpenBatch | SlotPlan)[] = [];
  const open = new Map<string, OpenBatch>();

  function takeSlot(lane: Address): boolean {
    const left = room.get(lane) ?? 0;
    if (left > 0) room.set(lane, left - 1);
    return left > 0;
  }

  function placeRow(
    item: ReadyIntent,
    lane: Address,
    action: { coin: Address; row: Hex },
  ): "placed" | "full" | "oversize" {
    const suspect = item.reverts > 0;
    const gas = toRowGas(action.row, { payeeKnown: item.payeeKnown, reverted: suspect });
    const bytes = countBytes(action.row);
    const cap = Math.max(1, limits.rows >> Math.min(item.reverts, 20));
    if (toSettleGas(gas) > limits.gas || countSettleBytes(bytes) > limits.bytes) return "oversize";
    const key = `${lane}:${action.coin}`;
    let batch = open.get(key);
    const fits =
      batch !== undefined &&
      batch.suspect === suspect &&
      batch.items.length < Math.min(batch.cap, cap) &&
      toSettleGas(batch.gas + gas) <= limits.gas &&
      countSettleBytes(batch.bytes + bytes) <= limits.bytes;
    if (batch === undefined || !fits) {
      if (!takeSlot(lane)) return "full";
      batch = { lane, coin: action.coin, suspect, items: [], rows: [], gas: 0n, bytes: 0, cap };
      open.set(key, batch);
      plans.push(batch);
    }
    batch.items.push(item);
    batch.rows.push(action.row);
    batch.gas += gas;
    batch.bytes += bytes;
    batch.cap = Math.min(batch.cap, cap);
    return "placed";
  }

  function place(item: ReadyIntent, lane: Address): "placed" | "full" | "oversize" {
    const { action } = item;
    if (action.kind === "row") return placeRow(item, lane, action);
    if (action.gas > limits.gas || countBytes(action.data) > limits.bytes) return "oversize";
    if (!takeSlot(lane)) return "full";
    plans.push({ kind: "call", lane, to: action.to, data: action.data, gas: action.gas, items: [item] });
    // What the same account signed later must not ride in a batch that goes first.
    const account = accountOf(item);
    if (account !== null) open.delete(`${lane}:${account.coin}`);
    return "placed";
  }

  /** A batch that is still open, short and young waits while its lane has something to do anyway. */
  function lingers(batch: OpenBatch): boolean {
    const oldest = batch.items.reduce((least, { sequence }) => (sequence < least ? sequence : least), 1n << 63n);
    const isOpen = open.get(`${batch.lane}:${batch.coin}`) === batch && batch.items.length < batch.cap;
    const age = now - Number(oldest >> 20n);
    // Below zero a clock was set back: its time is not waited for.
    return isOpen && busy.get(batch.lane) === true && age >= 0 && age < lingerMs;
  }

  function close(): readonly SlotPlan[] {
    return plans
      .filter((plan) => "kind" in plan || !lingers(plan))
      .map((plan) => ("kind" in plan ? plan : toSettlePlan(plan)));
  }

  return { place, close };
}

function toSettlePlan({ lane, coin, items, rows, gas }: OpenBatch): SlotPlan {
  return { kind: "settle", lane, to: coin, data: toSettleData(rows), gas: toSettleGas(gas), items };
}

/** Splits a settle plan into its first and second half. */
export function halvePlan(plan: SlotPlan): readonly [SlotPlan, SlotPlan] {
  const half = Math.ceil(plan.items.length / 2);
  const make = (items: readonly ReadyIntent[]): SlotPlan => {
    const rows = items.flatMap(({ action }) => (action.kind === "row" ? [action.row] : []));
    const gas = items.reduce((sum, { action, payeeKnown, reverts }) => {
      return action.kind === "row" ? sum + toRowGas(action.row, { payeeKnown, reverted: reverts > 0 }) : sum;
    }, 0n);
    return { ...plan, items, data: toSettleData(rows), gas: toSettleGas(gas) };
  };
  return [make(plan.items.slice(0, half)), make(plan.items.slice(half))];
}

/**
 * Plans slots. Every ready intent ends up in at most one plan, or is held with a reason, or is left for a later call: its lane is
 * full, its batch lingers, or something on its way uses the same fence.
 */
export function planSlots(inputs: SlotInputs): {
  readonly plans: readonly SlotPlan[];
  readonly holds: readonly Hold[];
} {
  const { ready, lanes, blockTime, now } = inputs;
  const chooseLane = createLaneChoice(lanes.map(({ address }) => address));
  const packer = createPacker(inputs);
  const holds: Hold[] = [];
  const stopped = new Set<string>();
  const cancelled = new Set(ready.filter(({ kind }) => cancelKinds.has(kind)).map(toFenceKey));
  const accounts = new Map(inputs.accounts.map((account) => [toKey(account), simulate(account)]));
  const hold = (item: ReadyIntent, reason: HeldReason) => {
    const wait = reason === "not_yet_valid" ? toWaitMs(item.validAfter, blockTime) : toBackoffMs(item.holds);
    holds.push({ sequence: item.sequence, reason, until: now + wait });
  };

  for (const item of toPlanOrder(ready)) {
    // The holder's latest wish comes first: what is about to be cancelled is left alone.
    if (cancelled.size > 0 && !cancelKinds.has(item.kind) && cancelled.has(toFenceKey(item))) continue;
    const account = accountOf(item);
    const owner = account === null ? null : toKey(account);
    if (owner !== null && stopped.has(owner)) continue;
    const state = owner === null ? undefined : accounts.get(owner);
    if (inputs.moving === true && state?.isFlying === true) continue;
    const nonce = usesWindow(item) ? BigInt(item.fence.key) : null;
    if (nonce !== null && state?.flying.has(nonce) === true) continue;
    const reason = judgeTime(item, blockTime) ?? judgeAccount({ item, state, nonce });
    if (reason !== null) {
      hold(item, reason);
      continue;
    }
    const placed = packer.place(item, chooseLane(item));
    if (placed === "oversize") hold(item, "reverted");
    if (placed === "full" && owner !== null) stopped.add(owner);
    if (placed !== "placed" || state === undefined) continue;
    if (nonce !== null) consumeNonce(state.window, nonce);
    if (item.payer !== null && state.available !== null) state.available -= item.amount;
  }
  return { plans: packer.close(), holds };
}

function toFenceKey({ fence }: ReadyIntent): string {
  return `${fence.scope}:${fence.subject}:${fence.key}`;
}

/** Until validAfter has passed in block time, a minute at most: block time may be moved ahead of ours. */
function toWaitMs(validAfter: number, blockTime: number): number {
  return Math.min(longestHoldMs, (validAfter + 1 - blockTime) * 1_000);
}

/** A block may have its parent's time, so only a time strictly between the bounds now is sure to be inside then. */
function judgeTime({ validAfter, validBefore }: ReadyIntent, blockTime: number): HeldReason | null {
  if (validBefore <= blockTime) return "expired";
  return validAfter >= blockTime ? "not_yet_valid" : null;
}

function judgeAccount(checked: {
  readonly item: ReadyIntent;
  readonly state: Simulated | undefined;
  readonly nonce: bigint | null;
}): HeldReason | null {
  const { item, state, nonce } = checked;
  if (state === undefined) return null;
  if (item.payer !== null && item.amount > 0n) {
    if (state.available === null) return "payer_frozen";
    if (state.available < item.amount) return "insufficient_funds";
  }
  if (nonce === null) return null;
  const verdict = judgeNonce(state.window, nonce, state.known);
  return ({ open: null, used: "nonce_used", gap: "nonce_gap", ahead: "nonce_out_of_window" } as const)[verdict];
}
