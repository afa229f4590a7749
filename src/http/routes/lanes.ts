/**
 * The lanes: what they have, what is open on them, and the operator's word about each. Owns these routes; no key is ever taken in or given out
 * here, and raw bytes stay inside.
 */
import { laneMoves, laneVerbs, type LaneVerb } from "../../domain/lane.ts";
import type { LaneView } from "../../pipeline/lanes.ts";
import type { OpenSlot } from "../../pipeline/ports.ts";
import type { App, RouteParts } from "../app.ts";
import { RejectedError } from "../problem.ts";
import { toHalt, toTime } from "../resources.ts";
import { addressParams, laneBody } from "../schemas.ts";
import { spellAddress } from "../spelling.ts";
import { laneMoved, lanes } from "../views.ts";

export function toAttempt({ hash, maxFeePerGas, maxPriorityFeePerGas, sentAt }: OpenSlot["attempts"][number]) {
  return {
    hash,
    maxFeePerGas: maxFeePerGas.toString(),
    maxPriorityFeePerGas: maxPriorityFeePerGas.toString(),
    sentAt: sentAt === null ? null : toTime(sentAt),
  };
}

export function toSlot({ nonce, state, kind, attempts }: OpenSlot) {
  return { nonce, state, kind, attempts: attempts.map(toAttempt) };
}

function toLane({ address, role, state, epoch, hasKey, moved, gasBalance, slots }: LaneView) {
  return {
    address: spellAddress(address),
    role,
    state,
    epoch: Number(epoch),
    hasKey,
    moved: moved === null ? null : { by: moved.by, at: toTime(moved.at) },
    gasBalance: gasBalance === null ? null : gasBalance.toString(),
    open: slots.length,
    slots: slots.map(toSlot),
  };
}

const meanings: Readonly<Record<LaneVerb, string>> = {
  pause: "Give a lane no new slots; what it has is followed and sent again until final",
  resume: "Let a stored, draining or paused lane take new slots",
  drain: "Give a lane no new slots, and pause it once its last one is final",
  retire: "Never use an empty lane again",
  rotate: "Make a stored lane active and drain this one",
};

function addVerb(app: App, parts: RouteParts, verb: LaneVerb): void {
  app.post(
    `/v1/lanes/:address/${verb}`,
    {
      config: { access: "operator" },
      schema: {
        tags: ["operations"],
        summary: meanings[verb],
        description: `Only from: ${laneMoves[verb].from.join(", ")}. Who did it, when and why is kept with the lane.`,
        params: addressParams,
        body: laneBody,
        response: { 200: laneMoved },
      },
    },
    async (request) => {
      const { caller, params, body } = request;
      if (caller.kind !== "key") {
        throw new RejectedError({ code: "forbidden", subject: "authorization", remedy: "Use an API key." });
      }
      const by = body.reason === undefined ? caller.name : `${caller.name}: ${body.reason}`;
      const outcome = await parts.laneDesk.act({ verb, lane: params.address, by });
      if (!outcome.ok) throw new RejectedError(...outcome.reasons);
      const { lane, successor } = outcome.value;
      request.log.warn({ by, verb, lane: lane.address, successor }, "a lane was moved");
      return {
        address: spellAddress(lane.address),
        state: lane.state,
        successor: successor === null ? null : spellAddress(successor),
      };
    },
  );
}

export function addLanes(app: App, parts: RouteParts): void {
  app.get(
    "/v1/lanes",
    {
      config: { access: "reader" },
      schema: { tags: ["operations"], summary: "The lanes' gas and open slots", response: { 200: lanes } },
    },
    async () => {
      const [halt, intents, views] = await Promise.all([
        parts.store.readHalt(),
        parts.store.countByState(),
        parts.laneDesk.list(),
      ]);
      return { halted: toHalt(halt), intents, lanes: views.map(toLane) };
    },
  );

  for (const verb of laneVerbs) addVerb(app, parts, verb);
}
