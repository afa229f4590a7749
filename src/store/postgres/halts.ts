/**
 * What the node knows about itself: the chain its database belongs to, and whether new sends are halted. Owns `meta` and `halts`. Promises
 * that the first identity stays, that at most one halt is open, and that who resumed, when and why is kept.
 */
import type { ChainIdentity, Store } from "../../pipeline/ports.ts";
import { type Engine, prepare } from "./engine.ts";

const bind = prepare("INSERT INTO meta (key, value) VALUES ('chain', $1) ON CONFLICT (key) DO NOTHING");
const bound = prepare("SELECT value FROM meta WHERE key = 'chain'");
const open = prepare("SELECT reason, since FROM halts WHERE resumed_at IS NULL");
const halt = prepare(
  `INSERT INTO halts (reason, since) VALUES ($1, $2)
   ON CONFLICT ((resumed_at IS NULL)) WHERE resumed_at IS NULL DO NOTHING`,
);
const resume = prepare("UPDATE halts SET resumed_by = $1, resumed_at = $2 WHERE resumed_at IS NULL RETURNING reason");
const aboutNobody = { intent: null, account: null, counterparty: null } as const;

export function createHalts(engine: Engine): Pick<Store, "bindChain" | "readHalt" | "halt" | "resume"> {
  return {
    bindChain: (identity) =>
      engine.write({ step: "bindChain", stand: "beside" }, async (tx) => {
        await tx.run(bind, [JSON.stringify(identity)]);
        const row = await tx.get<{ value: string }>(bound);
        return JSON.parse(row?.value ?? "null") as ChainIdentity;
      }),
    async readHalt() {
      const [row] = await engine.all<{ reason: string; since: bigint }>("readHalt", open);
      return row === undefined ? null : { reason: row.reason, since: Number(row.since) };
    },
    halt: (reason, at) =>
      engine.write({ step: "halt", stand: "beside" }, async (tx) => {
        if ((await tx.run(halt, [reason, at])) === 0) return;
        tx.events.push({ type: "halted", ...aboutNobody, detail: { reason }, at });
      }),
    resume: (by, at) =>
      engine.write({ step: "resume", stand: "beside" }, async (tx) => {
        const row = await tx.get<{ reason: string }>(resume, [by, at]);
        if (row === undefined) return;
        tx.events.push({ type: "resumed", ...aboutNobody, detail: { by, reason: row.reason }, at });
      }),
  };
}
