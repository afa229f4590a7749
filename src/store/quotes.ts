/**
 * Quotes that makers signed and takers may accept. Owns the `quotes` table, bounded per maker and swept as they expire; a quote that was swapped
 * or cancelled on chain is open no more. Never decides about a quote: the swap contract does.
 */
import type { QuoteTerms } from "../domain/agreement.ts";
import type { FenceConsumed } from "../domain/facts.ts";
import type { Store, StoredQuote } from "../pipeline/ports.ts";
import { zeroAddress } from "../domain/hex.ts";
import type { Engine } from "./engine.ts";
import { toBlob, toFenceBlob, toHex } from "./rows.ts";
import { readTerms, toTermsText } from "./terms.ts";

/** Expired quotes removed per offer at most: an offer adds one, so they cannot pile up. */
export const sweepSlice = 100;

export type QuoteVerbs = Pick<Store, "offerQuote" | "readQuote" | "readQuoteEnd">;

export interface Quotes extends QuoteVerbs {
  /** A block used the quote up. */
  end(consumed: FenceConsumed, block: number): void;
  revertTo(number: number): void;
}

export interface QuoteRow {
  terms: string;
  signature: Buffer;
  offered_at: bigint;
}

/** How a consumed fence ended a quote; null when it is none of a quote. */
export function toEnd({ kinds }: FenceConsumed["match"]): "swap" | "cancel-quote" | null {
  if (kinds?.includes("swap") === true) return "swap";
  return kinds?.includes("cancel-quote") === true ? "cancel-quote" : null;
}

function prepare({ database }: Engine) {
  return {
    sweep: database.prepare<[number, number]>(
      "DELETE FROM quotes WHERE id IN (SELECT id FROM quotes WHERE valid_before <= ? ORDER BY valid_before LIMIT ?)",
    ),
    isKnown: database.prepare<[Buffer], bigint>("SELECT 1 FROM quotes WHERE id = ?").pluck(),
    add: database.prepare<[Buffer, Buffer, number, string, Buffer, number, Buffer, number, number]>(
      `INSERT INTO quotes (id, maker, valid_before, terms, signature, offered_at) SELECT ?, ?, ?, ?, ?, ?
       WHERE (SELECT count(*) FROM quotes WHERE maker = ? AND ended_block IS NULL AND valid_before > ?) < ?
       ON CONFLICT (id) DO NOTHING`,
    ),
    find: database.prepare<[Buffer], QuoteRow>("SELECT terms, signature, offered_at FROM quotes WHERE id = ?"),
    end: database.prepare<[number, Buffer]>("UPDATE quotes SET ended_block = ? WHERE id = ?"),
    reopen: database.prepare<[number]>("UPDATE quotes SET ended_block = NULL WHERE ended_block > ?"),
    consumed: database.prepare<[Buffer], string>("SELECT match FROM fences WHERE fence = ?").pluck(),
  };
}

export function createQuotes(engine: Engine): Quotes {
  const sql = prepare(engine);

  function offer(
    { id, terms, makerSignature, offeredAt }: StoredQuote,
    bounds: { now: number; limit: number },
  ): boolean {
    const { now, limit } = bounds;
    sql.sweep.run(now, sweepSlice);
    const blob = toBlob(id);
    if (sql.isKnown.get(blob) !== undefined) return true;
    const maker = toBlob(terms.maker);
    const row = [blob, maker, terms.validBefore, toTermsText(terms), toBlob(makerSignature), offeredAt] as const;
    return sql.add.run(...row, maker, now, limit).changes === 1;
  }

  return {
    offerQuote: (quote, bounds) => engine.write("offerQuote", () => offer(quote, bounds)),
    readQuote: (id) =>
      engine.read("readQuote", () => {
        const row = sql.find.get(toBlob(id));
        if (row === undefined) return null;
        const terms = readTerms<QuoteTerms>(row.terms);
        return { id, terms, makerSignature: toHex(row.signature), offeredAt: Number(row.offered_at) };
      }),
    readQuoteEnd: (swap, id) =>
      engine.read("readQuoteEnd", () => {
        const match = sql.consumed.get(toFenceBlob({ scope: swap, subject: zeroAddress, key: id }, "plain"));
        return match === undefined ? null : toEnd(JSON.parse(match) as FenceConsumed["match"]);
      }),
    end(consumed, block) {
      if (toEnd(consumed.match) !== null) sql.end.run(block, toBlob(consumed.fence.key));
    },
    revertTo(number) {
      sql.reopen.run(number);
    },
  };
}
