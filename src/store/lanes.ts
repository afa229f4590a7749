/**
 * The states of lanes: which may take new slots, and who said so. Owns the column `state`; the slots themselves are `slots.ts`. Promises that
 * every move is one conditional write, so that a lane that must be empty cannot be given work meanwhile.
 */
import type { LaneRole, LaneState } from "../domain/lane.ts";
import type { Store } from "../pipeline/ports.ts";
import type { Engine } from "./engine.ts";
import { toBlob, toHex } from "./rows.ts";

interface LaneRow {
  address: Buffer;
  epoch: bigint;
  next_nonce: bigint;
  role: string;
  state: string;
  moved_by: string | null;
  moved_at: bigint | null;
}

export type LaneStates = Pick<Store, "readLanes" | "addLanes" | "moveLane">;

export function createLaneStates(engine: Engine): LaneStates {
  const { database } = engine;
  const all = database.prepare<[], LaneRow>(
    "SELECT address, epoch, next_nonce, role, state, moved_by, moved_at FROM lanes ORDER BY address",
  );
  const add = database.prepare<[Buffer, string, string]>(
    "INSERT INTO lanes (address, epoch, next_nonce, state, role) VALUES (?, 0, 0, ?, ?) ON CONFLICT (address) DO NOTHING",
  );
  const move = database.prepare<[string, string, number, Buffer, string, number]>(
    `UPDATE lanes SET state = ?, moved_by = ?, moved_at = ?
     WHERE address = ? AND state IN (SELECT value FROM json_each(?))
       AND (? = 0 OR (NOT EXISTS (SELECT 1 FROM slots s WHERE s.lane = lanes.address AND s.state <> 'final')
         AND NOT EXISTS (SELECT 1 FROM slots s WHERE s.beneficiary = lanes.address AND s.state <> 'final')))`,
  );

  return {
    readLanes: () =>
      engine.read("readLanes", () =>
        all.all().map((row) => ({
          address: toHex(row.address),
          epoch: row.epoch,
          nextNonce: Number(row.next_nonce),
          role: row.role as LaneRole,
          state: row.state as LaneState,
          moved: row.moved_by === null ? null : { by: row.moved_by, at: Number(row.moved_at ?? 0n) },
        })),
      ),
    addLanes: (lanes) =>
      engine.write("addLanes", () => {
        for (const { address, state, role = "lane" } of lanes) add.run(toBlob(address), state, role);
      }),
    moveLane: ({ address, from, to, idle, by, at }) =>
      engine.write("moveLane", () => {
        const { changes } = move.run(to, by, at, toBlob(address), JSON.stringify(from), idle ? 1 : 0);
        return changes === 1;
      }),
  };
}
