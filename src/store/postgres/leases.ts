/**
 * Who runs which loop, where several processes share one database. Owns the table `leases`. Promises that one name has one owner at a time by
 * the database's clock, and that the epoch rises whenever the owner changes. Correctness never depends on it: the store's guards hold without.
 */
import type { Leases } from "../../pipeline/ports.ts";
import { type Engine, prepare } from "./engine.ts";

const acquire = prepare(
  `INSERT INTO leases (name, owner, epoch, until) VALUES ($1, $2, 1, clock_timestamp() + $3::bigint * interval '1 millisecond')
   ON CONFLICT (name) DO UPDATE SET owner = excluded.owner, until = excluded.until, epoch = leases.epoch + 1
     WHERE leases.until <= clock_timestamp()
   RETURNING epoch`,
);
const renew = prepare(
  `UPDATE leases SET until = clock_timestamp() + $4::bigint * interval '1 millisecond'
   WHERE name = $1 AND owner = $2 AND epoch = $3 AND until > clock_timestamp() RETURNING epoch`,
);
const release = prepare(
  "UPDATE leases SET until = clock_timestamp() WHERE name = $1 AND owner = $2 AND epoch = $3 RETURNING epoch",
);

/** `owner`: a name no other process has. */
export function createLeases(engine: Engine, owner: string): Leases {
  return {
    async acquire(name, ms) {
      const [row] = await engine.all<{ epoch: bigint }>("acquire", acquire, [name, owner, ms]);
      return row?.epoch ?? null;
    },
    renew: async (name, epoch, ms) =>
      (await engine.all<{ epoch: bigint }>("renew", renew, [name, owner, epoch, ms])).length === 1,
    async release(name, epoch) {
      await engine.all("release", release, [name, owner, epoch]);
    },
  };
}
