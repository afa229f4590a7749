/**
 * Quotes that makers signed and takers may accept. Owns the `quotes` table, bounded per maker and swept as they expire; a quote that was swapped
 * or cancelled on chain is open no more. Never decides about a quote: the swap contract does.
 */
import type { QuoteTerms } from "../../domain/agreement.ts";
import type { FenceConsumed } from "../../domain/facts.ts";
import { type Address, type Word, zeroAddress } from "../../domain/hex.ts";
import type { Store, StoredQuote } from "../../pipeline/ports.ts";
import { type QuoteRow, sweepSlice, toEnd } from "../quotes.ts";
import { toBlob, toFenceBlob, toHex } from "../rows.ts";
import { readTerms, toTermsText } from "../terms.ts";
import { type Engine, lockSpace, locks, prepare, type Session } from "./engine.ts";

/** One offer at a time: two at once of one maker would both find room for the last one. */
const lock = prepare(`SELECT pg_advisory_xact_lock(${lockSpace}, ${locks.quotes})`);
const sweep = prepare(
  "DELETE FROM quotes WHERE id IN (SELECT id FROM quotes WHERE valid_before <= $1 ORDER BY valid_before LIMIT $2)",
);
const isKnown = prepare("SELECT 1 FROM quotes WHERE id = $1");
const add = prepare(
  `INSERT INTO quotes (id, maker, valid_before, terms, signature, offered_at)
   SELECT $1::bytea, $2::bytea, $3::bigint, $4::text, $5::bytea, $6::bigint
   WHERE (SELECT count(*) FROM quotes WHERE maker = $2 AND ended_block IS NULL AND valid_before > $7) < $8
   ON CONFLICT (id) DO NOTHING`,
);
const find = prepare("SELECT terms, signature, offered_at FROM quotes WHERE id = $1");
const end = prepare("UPDATE quotes SET ended_block = $1 WHERE id = ANY ($2::bytea[])");
const reopen = prepare("UPDATE quotes SET ended_block = NULL WHERE ended_block > $1");
const consumed = prepare("SELECT match FROM fences WHERE fence = $1");

/** A block used these fences up: the quotes among them are over. */
export async function endQuotes(session: Session, list: readonly FenceConsumed[], block: number): Promise<void> {
  const ids = list.filter(({ match }) => toEnd(match) !== null).map(({ fence }) => toBlob(fence.key));
  if (ids.length > 0) await session.run(end, [block, ids]);
}

export async function revertQuotes(session: Session, number: number): Promise<void> {
  await session.run(reopen, [number]);
}

type Bounds = Parameters<Store["offerQuote"]>[1];

async function offer(session: Session, quote: StoredQuote, { now, limit }: Bounds): Promise<boolean> {
  const { id, terms, makerSignature, offeredAt } = quote;
  await session.run(lock);
  await session.run(sweep, [now, sweepSlice]);
  const blob = toBlob(id);
  if ((await session.get(isKnown, [blob])) !== undefined) return true;
  const row = [blob, toBlob(terms.maker), terms.validBefore, toTermsText(terms), toBlob(makerSignature), offeredAt];
  return (await session.run(add, [...row, now, limit])) === 1;
}

async function readQuote(session: Session, id: Word): Promise<StoredQuote | null> {
  const row = await session.get<QuoteRow>(find, [toBlob(id)]);
  if (row === undefined) return null;
  const terms = readTerms<QuoteTerms>(row.terms);
  return { id, terms, makerSignature: toHex(row.signature), offeredAt: Number(row.offered_at) };
}

async function readEnd(session: Session, swap: Address, id: Word): Promise<"swap" | "cancel-quote" | null> {
  const fence = toFenceBlob({ scope: swap, subject: zeroAddress, key: id }, "plain");
  const row = await session.get<{ match: string }>(consumed, [fence]);
  return row === undefined ? null : toEnd(JSON.parse(row.match) as FenceConsumed["match"]);
}

export function createQuotes(engine: Engine): Pick<Store, "offerQuote" | "readQuote" | "readQuoteEnd"> {
  return {
    offerQuote: (quote, bounds) =>
      engine.write({ step: "offerQuote", stand: "beside" }, (tx) => offer(tx, quote, bounds)),
    readQuote: (id) => engine.read("readQuote", (session) => readQuote(session, id)),
    readQuoteEnd: (swap, id) => engine.read("readQuoteEnd", (session) => readEnd(session, swap, id)),
  };
}
