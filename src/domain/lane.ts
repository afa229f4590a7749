/**
 * A lane's life: from a key that is only kept, over sending, to one that is never used again. Owns the states and what an operator may ask of a
 * lane in each of them; the store makes each move as one conditional write. What a lane has committed is watched, sent again and repriced in
 * every state.
 */

/**
 * `stored`: its key is at hand, nothing was ever sent from it · `active`: takes new slots · `draining`: takes none, and is paused once none is
 * open · `paused`: takes none · `retired`: empty, and never used again.
 */
export const laneStates = ["stored", "active", "draining", "paused", "retired"] as const;
export type LaneState = (typeof laneStates)[number];

/** `lane`: carries what was accepted · `funder`: gives lanes gas money, and carries nothing else. */
export const laneRoles = ["lane", "funder"] as const;
export type LaneRole = (typeof laneRoles)[number];

export const laneVerbs = ["pause", "resume", "drain", "retire", "rotate"] as const;
export type LaneVerb = (typeof laneVerbs)[number];

export interface LaneMove {
  readonly from: readonly LaneState[];
  readonly to: LaneState;
  /** Only while no slot of the lane is open. */
  readonly idle: boolean;
}

/** `rotate` drains the lane after another one took its place; `drained` is nobody's wish, it follows from the last slot's end. */
export const laneMoves: Readonly<Record<LaneVerb | "drained", LaneMove>> = {
  pause: { from: ["active", "draining"], to: "paused", idle: false },
  resume: { from: ["stored", "draining", "paused"], to: "active", idle: false },
  drain: { from: ["active", "paused"], to: "draining", idle: false },
  retire: { from: ["stored", "draining", "paused"], to: "retired", idle: true },
  rotate: { from: ["active"], to: "draining", idle: false },
  drained: { from: ["draining"], to: "paused", idle: true },
};
