/**
 * Gas promised to users, counted per payer and day and for everybody per hour. Owns `sponsored_days` and `sponsored_hours`. Promises that a batch
 * writes one row per payer and one for its hour, each conditional on the budget and checked, and that both tables hold no more than two days.
 */
import type { Address } from "../domain/hex.ts";
import { dayMs, hourMs, openTab, type SponsorBudget, type Tab } from "../domain/sponsorship.ts";
import type { Engine } from "./engine.ts";
import { assertInvariant } from "./fault.ts";
import { toBlob } from "./rows.ts";

/** A tab in the transaction that accepts its batch. */
export interface StoredTab extends Tab {
  /** Writes what was added. */
  settle(): void;
}

/** Rows of days that are over dropped per batch: a batch adds at most 500, so they go faster than they come. */
const droppedAtOnce = 1_000;
/** Of a payer's oldest intents, how many are looked at for one that settled. */
export const lookedAt = 200;

function prepare({ database }: Engine) {
  return {
    day: database
      .prepare<[number, Buffer], bigint>("SELECT gas FROM sponsored_days WHERE day = ? AND payer = ?")
      .pluck(),
    hour: database.prepare<[number], bigint>("SELECT gas FROM sponsored_hours WHERE hour = ?").pluck(),
    hasSettled: database
      .prepare<[Buffer, number], bigint>(
        `SELECT EXISTS (SELECT 1 FROM (SELECT outcome FROM intents WHERE payer = ? ORDER BY sequence LIMIT ?)
           WHERE outcome = 'settled')`,
      )
      .pluck(),
    addDay: database.prepare<[number, Buffer, bigint, bigint]>(
      `INSERT INTO sponsored_days (day, payer, gas) VALUES (?, ?, ?)
       ON CONFLICT (day, payer) DO UPDATE SET gas = gas + excluded.gas WHERE gas + excluded.gas <= ?`,
    ),
    addHour: database.prepare<[number, bigint, bigint]>(
      `INSERT INTO sponsored_hours (hour, gas) VALUES (?, ?)
       ON CONFLICT (hour) DO UPDATE SET gas = gas + excluded.gas WHERE gas + excluded.gas <= ?`,
    ),
    dropDays: database.prepare<[number, number]>(
      `DELETE FROM sponsored_days WHERE (day, payer) IN
         (SELECT day, payer FROM sponsored_days WHERE day < ? ORDER BY day, payer LIMIT ?)`,
    ),
    dropHours: database.prepare<[number]>("DELETE FROM sponsored_hours WHERE hour < ?"),
  };
}

/** Opens tabs. The write lock is taken when a transaction begins, so what a tab reads stands until it is settled. */
export function createTabs(engine: Engine): (budget: SponsorBudget, at: number) => StoredTab {
  const sql = prepare(engine);
  let cleaned = -1;

  function clean(day: number, hour: number): void {
    if (cleaned === hour) return;
    // Yesterday stays: clocks that are set back a little must not find an empty account.
    const { changes } = sql.dropDays.run(day - 1, droppedAtOnce);
    sql.dropHours.run(hour - 24);
    if (changes < droppedAtOnce) cleaned = hour;
  }

  return (budget, at) => {
    const [day, hour] = [Math.floor(at / dayMs), Math.floor(at / hourMs)];
    const news = new Map<Address, boolean>();
    const tab = openTab({
      budget,
      at,
      counts: {
        hour: sql.hour.get(hour) ?? 0n,
        dayOf: (payer) => sql.day.get(day, toBlob(payer)) ?? 0n,
        isNew(payer) {
          const isNew = news.get(payer) ?? sql.hasSettled.get(toBlob(payer), lookedAt) !== 1n;
          news.set(payer, isNew);
          return isNew;
        },
      },
    });
    return {
      ...tab,
      settle() {
        const added = tab.sum();
        if (added.hour === 0n) return;
        clean(day, hour);
        const counted = sql.addHour.run(hour, added.hour, budget.perHour);
        assertInvariant(counted.changes === 1, "P12", `hour ${hour} has more gas than its budget`);
        for (const { payer, gas } of added.days) {
          const { changes } = sql.addDay.run(day, toBlob(payer), gas, budget.payerPerDay);
          assertInvariant(changes === 1, "P12", `${payer} has more gas on day ${day} than its budget`);
        }
      },
    };
  };
}
