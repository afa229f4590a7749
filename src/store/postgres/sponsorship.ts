/**
 * Gas promised to users, counted per payer and day and for everybody per hour. Owns `sponsored_days` and `sponsored_hours`. Promises that every
 * count is a conditional write within the budget, whatever other processes accept at the same time; a batch that was overtaken is judged
 * again.
 */
import { type Address, zeroAddress } from "../../domain/hex.ts";
import { dayMs, hourMs, openTab, type SponsorBudget, type Sponsored, type Tab } from "../../domain/sponsorship.ts";
import { toBlob, toHex } from "../rows.ts";
import { lookedAt } from "../sponsorship.ts";
import { overtaken, prepare, type Transaction } from "./engine.ts";

/** Rows of days that are over dropped per batch: a batch adds at most 1,000, so they go as fast as they come. */
const droppedAtOnce = 1_000;

const hourOf = prepare("SELECT gas FROM sponsored_hours WHERE hour = $1");
const daysOf = prepare("SELECT payer, gas FROM sponsored_days WHERE day = $1 AND payer = ANY ($2::bytea[])");
const settledOf = prepare(
  `SELECT p.payer FROM unnest($1::bytea[]) AS p (payer)
   WHERE EXISTS (SELECT 1 FROM (SELECT outcome FROM intents i WHERE i.payer = p.payer ORDER BY sequence LIMIT ${lookedAt}) AS first
     WHERE outcome = 'settled')`,
);
const addHour = prepare(
  `INSERT INTO sponsored_hours AS h (hour, gas) VALUES ($1, $2)
   ON CONFLICT (hour) DO UPDATE SET gas = h.gas + excluded.gas WHERE h.gas + excluded.gas <= $3`,
);
const addDays = prepare(
  `INSERT INTO sponsored_days AS d (day, payer, gas)
   SELECT $1::bigint, payer, gas FROM unnest($2::bytea[], $3::bigint[]) AS n (payer, gas) ORDER BY payer
   ON CONFLICT (day, payer) DO UPDATE SET gas = d.gas + excluded.gas WHERE d.gas + excluded.gas <= $4`,
);
const dropDays = prepare(
  `DELETE FROM sponsored_days WHERE (day, payer) IN
     (SELECT day, payer FROM sponsored_days WHERE day < $1 ORDER BY day, payer LIMIT ${droppedAtOnce} FOR UPDATE SKIP LOCKED)`,
);
const dropHours = prepare("DELETE FROM sponsored_hours WHERE hour < $1");

export interface StoredTab extends Tab {
  /** Writes what was added; throws `overtaken` when another process has used the room meanwhile. */
  settle(): Promise<void>;
}

/** Reads what the batch's payers have used. `wanted`: everything it may ask for, so that nothing is read in between. */
async function readCounts(
  tx: Transaction,
  { wanted, budget, day }: { wanted: readonly Sponsored[]; budget: SponsorBudget; day: number },
) {
  const asked = new Map<Address, bigint>();
  for (const { payer, gas } of wanted) {
    if (payer !== null && payer !== zeroAddress) asked.set(payer, (asked.get(payer) ?? 0n) + gas);
  }
  const rows = await tx.all<{ payer: Buffer; gas: bigint }>(daysOf, [day, [...asked.keys()].map(toBlob)]);
  const days = new Map<Address, bigint>(rows.map(({ payer, gas }) => [toHex(payer), gas]));
  // Whether somebody is new is asked only where it makes a difference.
  const unsure = [...asked].filter(([payer, gas]) => (days.get(payer) ?? 0n) + gas > budget.newPayerPerDay);
  const settled = await tx.all<{ payer: Buffer }>(settledOf, [unsure.map(([payer]) => toBlob(payer))]);
  const old = new Set<Address>(settled.map(({ payer }) => toHex(payer)));
  return { days, old };
}

/** Opens the tab of a batch in its transaction. `at`: Unix milliseconds. */
export async function openStoredTab(
  tx: Transaction,
  options: { readonly budget: SponsorBudget; readonly wanted: readonly Sponsored[]; readonly at: number },
): Promise<StoredTab> {
  const { budget, wanted, at } = options;
  const [day, hour] = [Math.floor(at / dayMs), Math.floor(at / hourMs)];
  const used = await tx.get<{ gas: bigint }>(hourOf, [hour]);
  const { days, old } = await readCounts(tx, { wanted, budget, day });
  const tab = openTab({
    budget,
    at,
    counts: { hour: used?.gas ?? 0n, dayOf: (payer) => days.get(payer) ?? 0n, isNew: (payer) => !old.has(payer) },
  });
  return {
    ...tab,
    async settle() {
      const added = tab.sum();
      if (added.hour === 0n) return;
      if (used === undefined) {
        // Once an hour. Yesterday stays: clocks that are set back a little must not find an empty account.
        await tx.run(dropDays, [day - 1]);
        await tx.run(dropHours, [hour - 24]);
      }
      if ((await tx.run(addHour, [hour, added.hour, budget.perHour])) !== 1) throw overtaken;
      if (added.days.length === 0) return;
      const columns = [added.days.map(({ payer }) => toBlob(payer)), added.days.map(({ gas }) => gas)];
      if ((await tx.run(addDays, [day, ...columns, budget.payerPerDay])) !== added.days.length) throw overtaken;
    },
  };
}
