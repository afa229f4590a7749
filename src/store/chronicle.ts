/**
 * The applied blocks. Owns the window of blocks that are not final yet and the last final one. Promises one unbroken chain: a block is added
 * only onto its parent, and nothing final is ever removed.
 */
import type { BlockRef } from "../domain/facts.ts";
import type { Engine } from "./engine.ts";
import { StoreFault } from "./fault.ts";
import { toBlob, toHex } from "./rows.ts";

interface BlockRow {
  number: bigint;
  hash: Buffer;
  parent: Buffer;
  time: bigint;
}

export interface Chronicle {
  /** Adds the block; false when it was added before. Throws a fault when it does not follow the latest one. */
  add(block: BlockRef): boolean;
  latest(): BlockRef | null;
  final(): BlockRef | null;
  at(number: number): BlockRef | null;
  removeAbove(number: number): void;
  /** Makes `number` the last final block and forgets those before it. */
  finish(number: number): void;
}

export function createChronicle({ database }: Engine): Chronicle {
  const columns = "number, hash, parent, time";
  const latest = database.prepare<[], BlockRow>(`SELECT ${columns} FROM blocks ORDER BY number DESC LIMIT 1`);
  const final = database.prepare<[], BlockRow>(
    `SELECT ${columns} FROM blocks WHERE final = 1 ORDER BY number DESC LIMIT 1`,
  );
  const at = database.prepare<[number], BlockRow>(`SELECT ${columns} FROM blocks WHERE number = ?`);
  const insert = database.prepare<[number, Buffer, Buffer, number]>(
    "INSERT INTO blocks (number, hash, parent, time, final) VALUES (?, ?, ?, ?, 0)",
  );
  const remove = database.prepare<[number]>("DELETE FROM blocks WHERE number > ? AND final = 0");
  const finish = database.prepare<[number]>("UPDATE blocks SET final = 1 WHERE number <= ?");
  const prune = database.prepare<[number]>("DELETE FROM blocks WHERE number < ?");

  function toRef(row: BlockRow | undefined): BlockRef | null {
    if (row === undefined) return null;
    return {
      number: Number(row.number),
      hash: toHex(row.hash),
      parent: toHex(row.parent),
      time: Number(row.time),
    };
  }

  const latestRef = (): BlockRef | null => toRef(latest.get());
  const atRef = (number: number): BlockRef | null => toRef(at.get(number));

  return {
    add(block) {
      // The same block again: the answer to the first time was lost.
      if (atRef(block.number)?.hash === block.hash) return false;
      const parent = latestRef();
      if (parent !== null && (block.number !== parent.number + 1 || block.parent !== parent.hash)) {
        const message = `block ${block.number} (${block.hash}) does not follow ${parent.number} (${parent.hash})`;
        throw new StoreFault({ step: "applyBlock", message, retryable: false });
      }
      insert.run(block.number, toBlob(block.hash), toBlob(block.parent), block.time);
      return true;
    },
    latest: latestRef,
    final: () => toRef(final.get()),
    at: atRef,
    removeAbove(number) {
      remove.run(number);
    },
    finish(number) {
      finish.run(number);
      prune.run(number);
    },
  };
}
