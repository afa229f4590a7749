/**
 * The desk where an operator works on lanes: what each can do, and pausing, draining, replacing and retiring them. Owns the order of the steps
 * of a rotation and the end of a drain. Promises that a lane which takes no new slots is followed and sent again until its last slot is
 * final, and that a retired one is empty. Keys are never handled here.
 */
import type { Address } from "../domain/hex.ts";
import { laneMoves, type LaneState, type LaneVerb } from "../domain/lane.ts";
import { accepted, type Outcome, type Rejection, refused } from "../domain/rejection.ts";
import type { Chain, Clock, LaneSigner, Notify, OpenSlot, Store, StoredLane } from "./ports.ts";

/** A lane for whoever looks at it. */
export interface LaneView extends StoredLane {
  /** False: the node follows it and sends its bytes again, but can neither reprice nor plan. */
  readonly hasKey: boolean;
  /** Wei; null when the chain did not say. */
  readonly gasBalance: bigint | null;
  /** By nonce, at most `shownSlots`. */
  readonly slots: readonly OpenSlot[];
}

export interface LaneDesk {
  /** Active lanes first, retired last. */
  list(): Promise<readonly LaneView[]>;
  /** Does what the operator asked; the lane as it is afterwards, and of a rotation the one that took its place. */
  act(order: {
    readonly verb: LaneVerb;
    readonly lane: Address;
    readonly by: string;
  }): Promise<Outcome<{ readonly lane: StoredLane; readonly successor: Address | null }>>;
  /** Ends drains, and says which lanes are low. */
  tick(): Promise<void>;
}

export interface LaneDeskParts {
  readonly store: Pick<Store, "readLanes" | "addLanes" | "moveLane" | "readOpenSlots">;
  readonly chain: Pick<Chain, "gasBalance">;
  readonly lanes: { refresh(): Promise<void> };
  readonly signer: Pick<LaneSigner, "lanes" | "funder">;
  readonly clock: Pick<Clock, "now">;
  readonly wake: () => void;
  readonly notify: Notify;
}

/** Open slots shown of a lane: more than a lane ever has while it is healthy. */
export const shownSlots = 100;
const order: Readonly<Record<LaneState, number>> = { active: 0, draining: 1, paused: 2, stored: 3, retired: 4 };

function refuseState(lane: StoredLane, verb: LaneVerb): Rejection {
  const { from, idle } = laneMoves[verb];
  const isFit = from.includes(lane.state);
  return {
    code: "lane_state_invalid",
    subject: lane.address,
    actual: isFit && idle ? `${lane.state}, with open slots` : lane.state,
    limit: idle ? `${from.join(" or ")}, empty` : from.join(" or "),
    remedy: isFit && idle ? "Drain it and wait until it is paused." : `A lane in this state cannot be made to ${verb}.`,
  };
}

export function createLaneDesk(parts: LaneDeskParts): LaneDesk {
  const { store, chain, lanes, signer, clock, wake, notify } = parts;
  const keys = new Set([...signer.lanes, ...(signer.funder === undefined ? [] : [signer.funder])]);

  async function find(address: Address): Promise<StoredLane | undefined> {
    return (await store.readLanes()).find((lane) => lane.address === address);
  }

  /** The first stored lane whose key is here, made active. Null: there is none. */
  async function call(by: string): Promise<Address | null> {
    const stored = new Map((await store.readLanes()).map((lane) => [lane.address, lane.state]));
    for (const address of signer.lanes) {
      if (stored.get(address) !== "stored") continue;
      if (await store.moveLane({ ...laneMoves.resume, address, by, at: clock.now() })) return address;
    }
    return null;
  }

  async function act({ verb, lane: address, by }: Parameters<LaneDesk["act"]>[0]): ReturnType<LaneDesk["act"]> {
    const lane = await find(address);
    if (lane === undefined) {
      return refused({ code: "not_found", subject: address, remedy: "Name a lane that GET /v1/lanes lists." });
    }
    if (lane.role === "funder" && verb === "rotate") {
      const remedy = "No lane takes a funder's place: pause it, set another FUNDER_KEYSTORE and restart.";
      return refused({ code: "lane_state_invalid", subject: address, actual: lane.role, limit: "lane", remedy });
    }
    const move = laneMoves[verb];
    if (!move.from.includes(lane.state)) return refused(refuseState(lane, verb));
    if (verb === "resume" && !keys.has(address)) {
      const remedy = "Its key is not here: add it to LANE_KEYSTORE or credentials.json and restart.";
      return refused({ code: "lane_key_missing", subject: address, remedy });
    }
    // The successor comes first: between the two there is one lane more, never one less.
    const successor = verb === "rotate" ? await call(by) : null;
    if (verb === "rotate" && successor === null) {
      const remedy = "No stored lane is left: raise LANE_SPARE and restart.";
      return refused({ code: "lane_key_missing", subject: address, remedy });
    }
    if (!(await store.moveLane({ ...move, address, by, at: clock.now() }))) {
      return refused(refuseState((await find(address)) ?? lane, verb));
    }
    await lanes.refresh();
    wake();
    return accepted({ lane: (await find(address)) ?? lane, successor });
  }

  async function view(lane: StoredLane): Promise<LaneView> {
    const [gasBalance, slots] = await Promise.all([
      chain.gasBalance(lane.address).catch(() => null),
      store.readOpenSlots(lane.address, shownSlots),
    ]);
    return { ...lane, hasKey: keys.has(lane.address), gasBalance, slots };
  }

  return {
    async list() {
      const all = await Promise.all((await store.readLanes()).map(view));
      return all.toSorted((a, b) => order[a.state] - order[b.state]);
    },
    act,
    async tick() {
      for (const { address, state } of await store.readLanes()) {
        if (state !== "draining") continue;
        const isEmpty = await store.moveLane({ ...laneMoves.drained, address, by: "drained", at: clock.now() });
        if (!isEmpty) continue;
        notify({ step: "sign", code: "lane_drained", subject: address, detail: "no slot is open: it is paused" });
        await lanes.refresh();
      }
    },
  };
}
