/**
 * What the node knows about itself: the chain its folder belongs to, and whether new sends are halted. Owns `meta` and `halts`. Promises
 * that the first identity stays, that at most one halt is open, and that who resumed, when and why is kept.
 */
import type { ChainIdentity, Store } from "../pipeline/ports.ts";
import type { Engine } from "./engine.ts";
import type { Events } from "./events.ts";

export type Halts = Pick<Store, "bindChain" | "readHalt" | "halt" | "resume">;

export function createHalts(engine: Engine, events: Events): Halts {
  const { database } = engine;
  const bind = database.prepare<[string]>(
    "INSERT INTO meta (key, value) VALUES ('chain', ?) ON CONFLICT (key) DO NOTHING",
  );
  const bound = database.prepare<[], { value: string }>("SELECT value FROM meta WHERE key = 'chain'");
  const open = database.prepare<[], { reason: string; since: bigint }>(
    "SELECT reason, since FROM halts WHERE resumed_at IS NULL",
  );
  const halt = database.prepare<[string, number]>(
    `INSERT INTO halts (reason, since) VALUES (?, ?) ON CONFLICT ((resumed_at IS NULL)) WHERE resumed_at IS NULL DO NOTHING`,
  );
  const resume = database.prepare<[string, number], { reason: string }>(
    "UPDATE halts SET resumed_by = ?, resumed_at = ? WHERE resumed_at IS NULL RETURNING reason",
  );
  const aboutNobody = { intent: null, account: null, counterparty: null } as const;

  return {
    bindChain: (identity) =>
      engine.write("bindChain", () => {
        bind.run(JSON.stringify(identity));
        return JSON.parse(bound.get()?.value ?? "null") as ChainIdentity;
      }),
    readHalt: () =>
      engine.read("readHalt", () => {
        const row = open.get();
        return row === undefined ? null : { reason: row.reason, since: Number(row.since) };
      }),
    halt: (reason, at) =>
      engine.write("halt", () => {
        if (halt.run(reason, at).changes === 0) return;
        events.append({ type: "halted", ...aboutNobody, detail: { reason }, at });
      }),
    resume: (by, at) =>
      engine.write("resume", () => {
        const row = resume.get(by, at);
        if (row === undefined) return;
        events.append({ type: "resumed", ...aboutNobody, detail: { by, reason: row.reason }, at });
      }),
  };
}
