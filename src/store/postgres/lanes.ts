/**
 * The states of lanes: which may take new slots, and who said so. Owns the column `state`; the slots themselves are `slots.ts`. Promises that a
 * lane that must be empty cannot be given work meanwhile.
 */
import type { LaneRole, LaneState } from "../../domain/lane.ts";
import type { LaneStates } from "../lanes.ts";
import { toBlob, toHex } from "../rows.ts";
import { type Engine, prepare } from "./engine.ts";
import { toColumns } from "./types.ts";

const all = prepare("SELECT address, epoch, next_nonce, role, state, moved_by, moved_at FROM lanes ORDER BY address");
const add = prepare(
  `INSERT INTO lanes (address, epoch, next_nonce, state, role)
   SELECT address, 0, 0, state, role FROM unnest($1::bytea[], $2::text[], $3::text[]) AS l (address, state, role) ORDER BY address
   ON CONFLICT (address) DO NOTHING`,
);
// A plan takes this lock, too, for its nonce: whoever comes second sees what the first one wrote.
const lock = prepare("SELECT 1 FROM lanes WHERE address = $1 FOR UPDATE");
const move = prepare(
  `UPDATE lanes SET state = $2, moved_by = $3, moved_at = $4 WHERE address = $1 AND state = ANY ($5::text[])
     AND ($6::int = 0 OR NOT EXISTS (
       SELECT 1 FROM slots s WHERE s.state <> 'final' AND (s.lane = $1 OR s.beneficiary = $1)))`,
);

interface LaneRow {
  address: Buffer;
  epoch: bigint;
  next_nonce: bigint;
  role: string;
  state: string;
  moved_by: string | null;
  moved_at: bigint | null;
}

export function createLaneStates(engine: Engine): LaneStates {
  return {
    readLanes: async () =>
      (await engine.all<LaneRow>("readLanes", all)).map((row) => ({
        address: toHex(row.address),
        epoch: row.epoch,
        nextNonce: Number(row.next_nonce),
        role: row.role as LaneRole,
        state: row.state as LaneState,
        moved: row.moved_by === null ? null : { by: row.moved_by, at: Number(row.moved_at ?? 0n) },
      })),
    async addLanes(lanes) {
      const values = toColumns(
        lanes,
        ({ address }) => toBlob(address),
        ({ state }) => state,
        ({ role = "lane" }) => role,
      );
      if (lanes.length > 0) await engine.write({ step: "addLanes", stand: "beside" }, (tx) => tx.run(add, values));
    },
    moveLane: ({ address, from, to, idle, by, at }) =>
      engine.write({ step: "moveLane", stand: "beside" }, async (tx) => {
        await tx.run(lock, [toBlob(address)]);
        return (await tx.run(move, [toBlob(address), to, by, at, [...from], idle ? 1 : 0])) === 1;
      }),
  };
}
