/**
 * Gas promised to users, counted per payer and day and for everybody per hour. Owns `sponsored_days` and `sponsored_hours`. Promises that a batch
 * writes one row per payer and one for its hour, each conditional on the budget and checked, and that both tables hold no more than two days.
 */
import { type Address, zeroAddress } from "../domain/hex.ts";
import type { Rejection } from "../domain/rejection.ts";
import { dayMs, hourMs, refuseSponsorship, type SponsorBudget, type Sponsored } from "../domain/sponsorship.ts";
import type { Engine } from "./engine.ts";
import { assertInvariant } from "./fault.ts";
import { toBlob } from "./rows.ts";

/** What one batch takes from the budget, in the transaction that accepts it. */
export interface Tab {
  /** Why it does not fit into what is left; null when it does. */
  judge(sponsored: Sponsored): Rejection | null;
  add(sponsored: Sponsored): void;
  /** Writes what was added. */
  settle(): void;
}

interface Line {
  /** Gas of the day before this batch, and with it. */
  readonly before: bigint;
  sum: bigint;
  readonly payer: Address;
  /** Null until it had to be asked. */
  isNew: boolean | null;
}

/** Rows of days that are over dropped per batch: a batch adds at most 500, so they go faster than they come. */
const droppedAtOnce = 1_000;
/** Of a payer's oldest intents, how many are looked at for one that settled. */
const lookedAt = 200;

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
export function createTabs(engine: Engine): (budget: SponsorBudget, at: number) => Tab {
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
    const lines = new Map<Address, Line>();
    const hourBefore = sql.hour.get(hour) ?? 0n;
    let hourSum = hourBefore;

    function lineOf(payer: Address): Line {
      const known = lines.get(payer);
      if (known !== undefined) return known;
      const before = sql.day.get(day, toBlob(payer)) ?? 0n;
      const line: Line = { before, sum: before, payer, isNew: null };
      lines.set(payer, line);
      return line;
    }

    /** Asked only where it makes a difference. */
    function isNew(line: Line): boolean {
      line.isNew ??= sql.hasSettled.get(toBlob(line.payer), lookedAt) !== 1n;
      return line.isNew;
    }

    return {
      judge({ payer, gas }) {
        if (hourSum + gas > budget.perHour) {
          const found = { subject: "everybody", scope: "hour", used: hourSum, limit: budget.perHour } as const;
          return refuseSponsorship({ ...found, wanted: gas, at });
        }
        if (payer === null || payer === zeroAddress) return null;
        const line = lineOf(payer);
        const found = { subject: payer, used: line.sum, wanted: gas, at };
        if (line.sum + gas > budget.payerPerDay) {
          return refuseSponsorship({ ...found, scope: "payer", limit: budget.payerPerDay });
        }
        if (line.sum + gas <= budget.newPayerPerDay || !isNew(line)) return null;
        return refuseSponsorship({ ...found, scope: "new payer", limit: budget.newPayerPerDay });
      },
      add({ payer, gas }) {
        hourSum += gas;
        if (payer !== null && payer !== zeroAddress) lineOf(payer).sum += gas;
      },
      settle() {
        if (hourSum === hourBefore) return;
        clean(day, hour);
        const counted = sql.addHour.run(hour, hourSum - hourBefore, budget.perHour);
        assertInvariant(counted.changes === 1, "P12", `hour ${hour} has more gas than its budget`);
        const changed = [...lines.values()].filter(({ sum, before }) => sum > before);
        changed.sort((a, b) => (a.payer < b.payer ? -1 : 1));
        for (const { payer, sum, before } of changed) {
          const { changes } = sql.addDay.run(day, toBlob(payer), sum - before, budget.payerPerDay);
          assertInvariant(changes === 1, "P12", `${payer} has more gas on day ${day} than its budget`);
        }
      },
    };
  };
}
