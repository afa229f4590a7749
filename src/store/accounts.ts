/**
 * Coin accounts in the hot tables. Owns balances, holds, freezes and the base of the nonce window. Promises that a hold is one conditional
 * write, that what a block changes can be put back, and that a batch writes accounts in sorted order. Never posts: that is `posting.ts`.
 */
import type { Address } from "../domain/hex.ts";
import { windowNonceLimit, windowSize } from "../domain/intent.ts";
import type { StoredAccount } from "../pipeline/ports.ts";
import type { Engine } from "./engine.ts";
import { assertInvariant } from "./fault.ts";
import { pack, type Packed } from "./pack.ts";
import { toAccountKey, toBlob, toWindowRange } from "./rows.ts";

const shape = {
  id: "int",
  coin: "hex",
  address: "hex",
  balance: "int",
  posted: "int",
  held: "int",
  frozen: "int",
  frozen_whole: "int",
  nonce_base: "int",
} as const;
type AccountRow = Packed<typeof shape>;
const accountRow = pack(shape, "accounts");
/** The window nonce of a stored fence: its last eight bytes. */
const nonceOf = pack({ nonce: "hex" }, "", { nonce: "substr(fence, 66)" });

/** An account being changed by one transaction. The caller adds to the deltas and sets the rest; `flush` writes it once. */
export interface OpenAccount {
  readonly id: bigint;
  readonly coin: Address;
  readonly address: Address;
  readonly balance: bigint;
  balanceDelta: bigint;
  heldDelta: bigint;
  nonceBase: bigint;
  /** Null when frozen whole. */
  frozen: bigint | null;
}

/** The accounts one transaction touches, loaded once each. */
export interface AccountBook {
  at(coin: Address, address: Address): OpenAccount;
  byId(id: bigint): OpenAccount;
  /** Writes every changed account in sorted order; with a block, what it was before is kept for a reorg. */
  flush(block: number | null): void;
}

export interface Accounts {
  /** Raises the hold when the account can bear it; its id, or null when nothing was written. */
  hold(coin: Address, address: Address, amount: bigint): bigint | null;
  /** Gives a hold of this same transaction back. */
  unhold(account: bigint, amount: bigint): void;
  openBook(): AccountBook;
  read(coin: Address, address: Address): StoredAccount;
  /** The base reached from `base` over consumed nonces. */
  advanceBase(coin: Address, account: Address, base: bigint): bigint;
  /** Puts accounts back to what they were before the first block above `number`. */
  revertTo(number: number): void;
  /** Forgets what accounts were before blocks that are final. */
  forget(number: number): void;
}

function prepare({ database }: Engine) {
  return {
    find: database
      .prepare<[Buffer, Buffer], string>(`SELECT ${accountRow.sql} FROM accounts WHERE coin = ? AND address = ?`)
      .pluck(),
    findById: database.prepare<[bigint], string>(`SELECT ${accountRow.sql} FROM accounts WHERE id = ?`).pluck(),
    add: database
      .prepare<[Buffer, Buffer], string>(
        `INSERT INTO accounts (coin, address) VALUES (?, ?) RETURNING ${accountRow.sql}`,
      )
      .pluck(),
    hold: database
      .prepare<[bigint, Buffer, Buffer, bigint], bigint>(
        `UPDATE accounts SET held = held + ?
         WHERE coin = ? AND address = ? AND frozen_whole = 0 AND balance - frozen - held >= ? RETURNING id`,
      )
      .pluck(),
    unhold: database.prepare<[bigint, bigint]>("UPDATE accounts SET held = held - ? WHERE id = ?"),
    write: database.prepare<[bigint, bigint, bigint, bigint, number, bigint, bigint]>(
      `UPDATE accounts SET balance = balance + ?, held = held + ?, nonce_base = ?, frozen = ?, frozen_whole = ?
       WHERE id = ? AND held + ? >= 0`,
    ),
    keep: database.prepare<[number, bigint, bigint, bigint, bigint, bigint]>(
      `INSERT INTO account_changes (block_number, account, balance, frozen, frozen_whole, nonce_base)
       VALUES (?, ?, ?, ?, ?, ?)`,
    ),
    restore: database.prepare<[number, number]>(
      `UPDATE accounts SET (balance, frozen, frozen_whole, nonce_base) =
         (SELECT c.balance, c.frozen, c.frozen_whole, c.nonce_base FROM account_changes c
          WHERE c.account = accounts.id AND c.block_number > ? ORDER BY c.block_number LIMIT 1)
       WHERE id IN (SELECT account FROM account_changes WHERE block_number > ?)`,
    ),
    drop: database.prepare<[number]>(`DELETE FROM account_changes WHERE block_number > ?`),
    forget: database.prepare<[number]>(`DELETE FROM account_changes WHERE block_number <= ?`),
    consumed: database
      .prepare<[Buffer, Buffer, bigint], string>(
        `SELECT ${nonceOf.sql} FROM fences WHERE fence >= ? AND fence < ? LIMIT ?`,
      )
      .pluck(),
    live: database
      .prepare<[Buffer, Buffer], string>(
        `SELECT DISTINCT ${nonceOf.sql} FROM intent_work WHERE fence >= ? AND fence < ? ORDER BY fence`,
      )
      .pluck(),
  };
}

function createBook(sql: ReturnType<typeof prepare>): AccountBook {
  const byKey = new Map<string, { open: OpenAccount; row: AccountRow }>();
  const byId = new Map<bigint, OpenAccount>();

  function open(row: AccountRow): OpenAccount {
    const account: OpenAccount = {
      id: row.id,
      coin: row.coin,
      address: row.address,
      balance: row.balance,
      balanceDelta: 0n,
      heldDelta: 0n,
      nonceBase: row.nonce_base,
      frozen: row.frozen_whole === 1n ? null : row.frozen,
    };
    byKey.set(toAccountKey(account.coin, account.address), { open: account, row });
    byId.set(account.id, account);
    return account;
  }

  function write({ open: account, row }: { open: OpenAccount; row: AccountRow }, block: number | null): void {
    const frozenBefore = row.frozen_whole === 1n ? null : row.frozen;
    const onChain =
      account.balanceDelta !== 0n || account.nonceBase !== row.nonce_base || account.frozen !== frozenBefore;
    if (!onChain && account.heldDelta === 0n) return;
    if (onChain && block !== null) {
      sql.keep.run(block, row.id, row.balance, row.frozen, row.frozen_whole, row.nonce_base);
    }
    const { changes } = sql.write.run(
      account.balanceDelta,
      account.heldDelta,
      account.nonceBase,
      account.frozen ?? 0n,
      account.frozen === null ? 1 : 0,
      account.id,
      account.heldDelta,
    );
    assertInvariant(changes === 1, "P9", `holds of ${account.address} would fall below zero`);
  }

  return {
    at(coin, address) {
      const known = byKey.get(toAccountKey(coin, address));
      if (known !== undefined) return known.open;
      const key: [Buffer, Buffer] = [toBlob(coin), toBlob(address)];
      const row = sql.find.get(...key) ?? sql.add.get(...key);
      if (row === undefined) throw new Error("INSERT … RETURNING returned no row");
      return open(accountRow.read(row));
    },
    byId(id) {
      const known = byId.get(id);
      if (known !== undefined) return known;
      const row = sql.findById.get(id);
      assertInvariant(row !== undefined, "P9", `account ${id} is gone`);
      return open(accountRow.read(row));
    },
    flush(block) {
      for (const key of [...byKey.keys()].sort()) {
        const entry = byKey.get(key);
        if (entry !== undefined) write(entry, block);
      }
    },
  };
}

export function createAccounts(engine: Engine): Accounts {
  const sql = prepare(engine);
  const toNonce = (text: string): bigint => BigInt(nonceOf.read(text).nonce);

  function consumedFrom(coin: Address, account: Address, from: bigint): bigint[] {
    const range = toWindowRange({ coin, account, from, to: windowNonceLimit });
    // At most a window of them exist, so the limit cuts nothing off; sorted here because an ORDER BY costs more than the query.
    return sql.consumed
      .all(...range, windowSize)
      .map(toNonce)
      .sort((a, b) => (a < b ? -1 : 1));
  }

  return {
    hold: (coin, address, amount) => sql.hold.get(amount, toBlob(coin), toBlob(address), amount) ?? null,
    unhold(account, amount) {
      sql.unhold.run(amount, account);
    },
    openBook: () => createBook(sql),
    read(coin, address) {
      const text = sql.find.get(toBlob(coin), toBlob(address));
      const row = text === undefined ? undefined : accountRow.read(text);
      const nonceBase = row?.nonce_base ?? 0n;
      const all = toWindowRange({ coin, account: address, from: 0n, to: windowNonceLimit });
      return {
        coin,
        address,
        balance: row?.balance ?? 0n,
        posted: row?.posted ?? 0n,
        held: row?.held ?? 0n,
        frozen: row?.frozen_whole === 1n ? null : (row?.frozen ?? 0n),
        nonceBase,
        consumed: consumedFrom(coin, address, nonceBase),
        live: sql.live.all(...all).map(toNonce),
      };
    },
    advanceBase(coin, account, base) {
      let next = base;
      for (const nonce of consumedFrom(coin, account, base)) {
        if (nonce !== next) break;
        next++;
      }
      return next;
    },
    revertTo(number) {
      sql.restore.run(number, number);
      sql.drop.run(number);
    },
    forget(number) {
      sql.forget.run(number);
    },
  };
}
