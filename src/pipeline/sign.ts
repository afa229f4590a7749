/**
 * Sign: turns a plan into signed bytes under the lane's next nonce and commits both together. Owns what the process believes of
 * its lanes: epoch and next nonce. Promises that no bytes leave this file before they are committed; a belief that turns out
 * wrong is dropped and read again, never repaired.
 */
import { strict as assert } from "node:assert";
import { parseTransaction } from "viem";
import type { Address, Hex, Word } from "../domain/hex.ts";
import type { LaneRole, LaneState } from "../domain/lane.ts";
import type {
  Chain,
  Fees,
  Funding,
  Lane,
  LaneSigner,
  LaneTransaction,
  NewAttempt,
  OpenSlot,
  Store,
  StoredLane,
} from "./ports.ts";
import type { SlotPlan } from "./slots.ts";

/** Gas money for a lane: a slot of the funder that carries no intent. */
export interface FundPlan {
  readonly kind: "fund";
  /** The funder. */
  readonly lane: Address;
  readonly funding: Funding;
  readonly gas: bigint;
}

export const weiPerGwei = 1_000_000_000n;

export interface CommitOptions {
  readonly plan: SlotPlan | FundPlan;
  readonly fees: Fees;
  /** Wall milliseconds. */
  readonly at: number;
}

export interface Lanes {
  /** Lanes whose slots are followed and sent again: all but stored and retired ones, whether or not their key is still here. */
  watched(role?: LaneRole): Promise<readonly Address[]>;
  /** Reads the lanes' states again: another process may have moved one. Opens none, so nobody's epoch rises. */
  refresh(): Promise<void>;
  /** Lanes that may take new slots, opened on first use; a lane whose commit failed is opened again. */
  current(): Promise<readonly Lane[]>;
  /** Who may give gas money now, and the lanes of this process that may get some; null: there is no funder here, or it is not active. */
  purse(): Promise<Purse | null>;
  /** Signs and commits; false when nothing was written: the lane is read again before it is used. */
  commit(options: CommitOptions): Promise<boolean>;
  /** Commits a further attempt of the slot with the same content and other fees; null when the slot has moved on. */
  replace(slot: OpenSlot, fees: Fees): Promise<NewAttempt | null>;
  /** Rises with every commit: whoever sends looks again. */
  version(): number;
  /** Forgets what is believed of a lane. */
  doubt(lane: Address): void;
  /** Forgets what is believed of all lanes: they are opened anew. */
  doubtAll(): void;
}

export interface Purse {
  readonly funder: Address;
  /** Draining ones as well, and paused ones: these only need gas while something of theirs is open. */
  readonly lanes: readonly { readonly address: Address; readonly state: LaneState }[];
}

/** What a slot's transaction says, read back from its committed bytes. */
export interface SlotBytes extends Fees {
  readonly nonce: number;
  readonly to: Address;
  readonly data: Hex;
  readonly gas: bigint;
  /** Wei. */
  readonly value: bigint;
}

/** Reads committed bytes (EIP-1559). Throws on bytes this node cannot have written. */
export function readBytes(raw: Hex): SlotBytes {
  const read = parseTransaction(raw as `0x02${string}`);
  const { to, gas, maxFeePerGas, maxPriorityFeePerGas } = read;
  assert(to && gas && maxFeePerGas !== undefined, "committed bytes are an EIP-1559 call");
  return {
    nonce: read.nonce ?? 0,
    to: to.toLowerCase() as Address,
    data: read.data ?? "0x",
    gas,
    value: read.value ?? 0n,
    maxFeePerGas,
    maxPriorityFeePerGas: maxPriorityFeePerGas ?? 0n,
  };
}

function toCost({ gas, value }: SlotBytes, maxFeePerGas: bigint): bigint {
  return gas * maxFeePerGas + value;
}

/** What of a plan goes into its bytes. */
function toContent(plan: SlotPlan | FundPlan): Pick<LaneTransaction, "to" | "data" | "gas" | "value"> {
  if (plan.kind !== "fund") return { to: plan.to, data: plan.data, gas: plan.gas };
  return { to: plan.funding.to, data: "0x", gas: plan.gas, value: plan.funding.gwei * weiPerGwei };
}

/** The most the slots can cost per lane, in wei; each attempt's bytes are read once. */
export function createCosts(): (slots: readonly OpenSlot[]) => ReadonlyMap<Address, bigint> {
  let known = new Map<Word, bigint>();
  return (slots) => {
    const seen = new Map<Word, bigint>();
    const sums = new Map<Address, bigint>();
    for (const { lane, attempts } of slots) {
      let most = 0n;
      for (const { hash, raw, maxFeePerGas } of attempts) {
        const cost = known.get(hash) ?? toCost(readBytes(raw), maxFeePerGas);
        seen.set(hash, cost);
        if (cost > most) most = cost;
      }
      sums.set(lane, (sums.get(lane) ?? 0n) + most);
    }
    known = seen;
    return sums;
  };
}

function isWatched(state: LaneState): boolean {
  return state !== "stored" && state !== "retired";
}

/** The signer did not sign: out of reach, or against its policy. Nothing was written. */
export class SignFault extends Error {
  override readonly name = "SignFault";
}

export function createLanes(parts: {
  readonly store: Pick<Store, "openLanes" | "commitPlan" | "addAttempt" | "readLanes" | "addLanes">;
  readonly chain: Pick<Chain, "head" | "transactionCount">;
  readonly signer: LaneSigner;
}): Lanes {
  const { store, chain, signer } = parts;
  const keys = new Set([...signer.lanes, ...(signer.funder === undefined ? [] : [signer.funder])]);
  const known = new Map<Address, Lane>();
  let stored: readonly StoredLane[] | null = null;
  let turn: Promise<unknown> = Promise.resolve();
  let version = 0;

  /** One at a time: opening a lane while its commit is under way would make that commit fail. */
  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = turn.then(work);
    turn = result.catch(() => undefined);
    return result;
  }

  /** The lanes as the store has them now; keys that it has never seen are taken in. */
  async function look(): Promise<readonly StoredLane[]> {
    let lanes = await store.readLanes();
    const seen = new Set(lanes.map(({ address }) => address));
    const fresh = [...keys].filter((address) => !seen.has(address));
    if (fresh.length > 0) {
      await store.addLanes(
        fresh.map((address) => ({
          address,
          state: signer.spare?.has(address) === true ? "stored" : "active",
          role: address === signer.funder ? "funder" : "lane",
        })),
      );
      lanes = await store.readLanes();
    }
    stored = lanes;
    return lanes;
  }

  /** Raises the epoch: whatever was signed for these lanes and not committed is dead, also in this process. */
  async function open(lanes: readonly StoredLane[]): Promise<void> {
    const missing = lanes.filter(({ address, state }) => keys.has(address) && isWatched(state) && !known.has(address));
    if (missing.length === 0) return;
    const head = await chain.head();
    const counted: { address: Address; chainNonce: number }[] = [];
    for (const { address } of missing) {
      counted.push({ address, chainNonce: await chain.transactionCount(address, head.number) });
    }
    for (const lane of await store.openLanes(counted)) known.set(lane.address, lane);
  }

  async function current(): Promise<readonly Lane[]> {
    const lanes = await look();
    await open(lanes);
    return lanes.flatMap(({ address, role, state }) =>
      role === "lane" && state === "active" ? (known.get(address) ?? []) : [],
    );
  }

  async function purse(): Promise<Purse | null> {
    if (signer.funder === undefined) return null;
    const lanes = await look();
    await open(lanes);
    const funder = lanes.find(({ address }) => address === signer.funder);
    // A key that was a lane before stays one: what it has open is not gas money.
    if (funder?.role !== "funder" || funder.state !== "active" || !known.has(funder.address)) return null;
    const own = new Set(signer.lanes);
    const needy = lanes.filter(({ address, role, state }) => role === "lane" && isWatched(state) && own.has(address));
    return { funder: funder.address, lanes: needy };
  }

  async function signBytes(transaction: LaneTransaction): Promise<{ readonly raw: Hex; readonly hash: Word }> {
    try {
      return await signer.sign(transaction);
    } catch (cause) {
      throw new SignFault(`lane ${transaction.lane} nonce ${transaction.nonce}: not signed`, { cause });
    }
  }

  async function commit({ plan, fees, at }: CommitOptions): Promise<boolean> {
    const lane = known.get(plan.lane);
    if (lane === undefined) return false;
    const nonce = lane.nextNonce;
    const { raw, hash } = await signBytes({ lane: plan.lane, nonce, ...toContent(plan), ...fees });
    // Until the commit has answered, the next nonce is unknown: an answer that is lost leaves the lane to be opened again.
    known.delete(plan.lane);
    version += 1;
    const committed = await store.commitPlan({
      lane: plan.lane,
      nonce,
      epoch: lane.epoch,
      kind: plan.kind,
      items: plan.kind === "fund" ? [] : plan.items.map(({ sequence }) => sequence),
      attempt: { hash, raw, ...fees },
      at,
      ...(plan.kind === "fund" ? { funding: plan.funding } : {}),
    });
    if (committed) known.set(plan.lane, { ...lane, nextNonce: nonce + 1 });
    return committed;
  }

  async function replace(slot: OpenSlot, fees: Fees): Promise<NewAttempt | null> {
    await open(await look());
    const lane = known.get(slot.lane);
    const last = slot.attempts.at(-1);
    if (lane === undefined || last === undefined) return null;
    const { nonce, to, data, gas, value } = readBytes(last.raw);
    assert.equal(nonce, slot.nonce, "P4: a slot's bytes carry the slot's nonce");
    const { raw, hash } = await signBytes({ lane: slot.lane, nonce, to, data, gas, value, ...fees });
    const attempt = { hash, raw, ...fees };
    known.delete(slot.lane);
    const added = await store.addAttempt({ lane: slot.lane, nonce, epoch: lane.epoch, attempt });
    if (added) known.set(slot.lane, lane);
    return added ? attempt : null;
  }

  return {
    async watched(only) {
      const lanes = stored ?? (await inTurn(look));
      return lanes.flatMap(({ address, role, state }) =>
        isWatched(state) && (only ?? role) === role ? [address] : [],
      );
    },
    async refresh() {
      await inTurn(look);
    },
    current: () => inTurn(current),
    purse: () => inTurn(purse),
    commit: (options) => inTurn(() => commit(options)),
    replace: (slot, fees) => inTurn(() => replace(slot, fees)),
    version: () => version,
    doubt: (address) => void known.delete(address),
    doubtAll: () => known.clear(),
  };
}
