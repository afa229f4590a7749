/**
 * The applied blocks. Owns the window of blocks that are not final yet and the last final one. Promises one unbroken chain: a block is added
 * only onto its parent, and nothing final is ever removed.
 */
import type { BlockRef } from "../../domain/facts.ts";
import { StoreFault } from "../fault.ts";
import { toBlob, toHex } from "../rows.ts";
import { type Engine, prepare, type Session, type Statement } from "./engine.ts";

interface BlockRow {
  number: bigint;
  hash: Buffer;
  parent: Buffer;
  time: bigint;
}

const columns = "number, hash, parent, time";
const latest = prepare(`SELECT ${columns} FROM blocks ORDER BY number DESC LIMIT 1`);
const final = prepare(`SELECT ${columns} FROM blocks WHERE final = 1 ORDER BY number DESC LIMIT 1`);
const both = prepare(
  `(SELECT ${columns} FROM blocks ORDER BY number DESC LIMIT 1)
   UNION ALL (SELECT ${columns} FROM blocks WHERE final = 1 ORDER BY number DESC LIMIT 1)`,
);
const at = prepare(`SELECT ${columns} FROM blocks WHERE number = $1`);
const insert = prepare("INSERT INTO blocks (number, hash, parent, time, final) VALUES ($1, $2, $3, $4, 0)");
const remove = prepare("DELETE FROM blocks WHERE number > $1 AND final = 0");
const finish = prepare("UPDATE blocks SET final = 1 WHERE number <= $1 AND final = 0");
const prune = prepare("DELETE FROM blocks WHERE number < $1");

function toRef(row: BlockRow | undefined): BlockRef | null {
  if (row === undefined) return null;
  return { number: Number(row.number), hash: toHex(row.hash), parent: toHex(row.parent), time: Number(row.time) };
}

async function read(session: Session, statement: Statement, values: readonly number[] = []): Promise<BlockRef | null> {
  return toRef(await session.get<BlockRow>(statement, values));
}

/** The newest and the newest final block, in one statement: processes ask many times a second. */
export async function readCursor(engine: Engine): Promise<{ latest: BlockRef | null; final: BlockRef | null }> {
  const rows = await engine.all<BlockRow>("readCursor", both);
  return { latest: toRef(rows[0]), final: toRef(rows[1]) };
}

export const readLatest = (session: Session) => read(session, latest);
export const readFinal = (session: Session) => read(session, final);
export const readBlockAt = (session: Session, number: number) => read(session, at, [number]);

/** Adds the block; false when it was added before. Throws a fault when it does not follow the latest one. */
export async function addBlock(session: Session, block: BlockRef): Promise<boolean> {
  // The same block again: the answer to the first time was lost, or another process was faster.
  if ((await readBlockAt(session, block.number))?.hash === block.hash) return false;
  const parent = await readLatest(session);
  if (parent !== null && (block.number !== parent.number + 1 || block.parent !== parent.hash)) {
    const message = `block ${block.number} (${block.hash}) does not follow ${parent.number} (${parent.hash})`;
    throw new StoreFault({ step: "applyBlock", message, retryable: false });
  }
  await session.run(insert, [block.number, toBlob(block.hash), toBlob(block.parent), block.time]);
  return true;
}

export async function removeBlocksAbove(session: Session, number: number): Promise<void> {
  await session.run(remove, [number]);
}

/** Makes `number` the last final block and forgets those before it. */
export async function finishBlocks(session: Session, number: number): Promise<void> {
  await session.run(finish, [number]);
  await session.run(prune, [number]);
}
