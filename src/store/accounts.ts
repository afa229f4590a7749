/**
 * Coin accounts in the hot tables. Owns balances, holds, freezes and the base of the nonce window. Promises that a hold is one conditional
 * write, that what a block changes can be put back, and that a batch writes accounts in sorted order. Never posts: that is `posting.ts`.
 */
import { type Address, toWord } from "../domain/hex.ts";
import { windowNonceLimit } from "../domain/intent.ts";
import type { StoredAccount } from "../pipeline/ports.ts";
import type { Engine } from "./engine.ts";
import { assertInvariant } from "./fault.ts";
import { pack, type Packed } from "./pack.ts";
import { toAccountKey, toBlob, toOwnerHex } from "./rows.ts";

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

/** A coin account by name. */
export interface AccountName {
  readonly coin: Address;
  readonly address: Address;
}

/** An account being changed by one transaction. The caller adds to the deltas and sets the rest; `flush` writes it once. */
export interface OpenAccount {
  readonly id: bigint;
  readonly coin: Address;
  readonly address: Address;
  readonly balance: bigint;
  readonly held: bigint;
  balanceDelta: bigint;
  heldDelta: bigint;
  nonceBase: bigint;
  /** Null when frozen whole. */
  frozen: bigint | null;
}

/** The accounts one transaction touches, loaded once each. */
export interface AccountBook {
  /** Loads those that exist and are not loaded yet, all in one statement. */
  load(names: Iterable<AccountName>): void;
  at(coin: Address, address: Address): OpenAccount;
  /** One that is loaded. */
  find(coin: Address, address: Address): OpenAccount | undefined;
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
  /** One of each, in order; zeros for one that does not exist. */
  read(names: readonly AccountName[]): readonly StoredAccount[];
  readOne(name: AccountName): StoredAccount;
  /** The base that each account reaches from `base` over its consumed nonces, in order. */
  advanceBases(accounts: readonly (AccountName & { readonly base: bigint })[]): readonly bigint[];
  /** Puts accounts back to what they were before the first block above `number`. */
  revertTo(number: number): void;
  /** Forgets what accounts were before blocks that are final. */
  forget(number: number): void;
}

/** Beyond every window nonce, as the key of a fence. */
const beyondWindow = toWord(windowNonceLimit).slice(2);

function prepare({ database }: Engine) {
  // One statement for many accounts: each costs a search of the index, and no way through the driver of its own.
  const named =
    "json_each(?) j CROSS JOIN accounts ON coin = unhex(substr(j.value, 1, 40)) AND address = unhex(substr(j.value, 41))";
  // Place, nonce, and what is held under it where it is on its way: nothing where it is not.
  const nonces = (table: "fences" | "intent_work", flying: string) =>
    database
      .prepare<[string, string], string>(
        `SELECT j.key || '|' || lower(hex(substr(fence, 66))) || '|' || ${flying} FROM json_each(?) j CROSS JOIN ${table}
         ON fence >= unhex(j.value) AND fence < unhex(substr(j.value, 1, 82) || ?)`,
      )
      .pluck();
  return {
    findAll: database.prepare<[string], string>(`SELECT ${accountRow.sql} FROM ${named}`).pluck(),
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
    // One array per account: id, what is added to balance and held, then base, frozen, frozen whole.
    write: database.prepare<[string]>(
      `UPDATE accounts SET balance = balance + (j.value ->> 1), held = held + (j.value ->> 2), nonce_base = j.value ->> 3,
         frozen = j.value ->> 4, frozen_whole = j.value ->> 5
       FROM json_each(?) j WHERE accounts.id = j.value ->> 0 AND accounts.held + (j.value ->> 2) >= 0`,
    ),
    keep: database.prepare<[number, string]>(
      `INSERT INTO account_changes (block_number, account, balance, frozen, frozen_whole, nonce_base)
       SELECT ?, a.id, a.balance, a.frozen, a.frozen_whole, a.nonce_base FROM json_each(?) j CROSS JOIN accounts a ON a.id = j.value`,
    ),
    restore: database.prepare<[number, number]>(
      `UPDATE accounts SET (balance, frozen, frozen_whole, nonce_base) =
         (SELECT c.balance, c.frozen, c.frozen_whole, c.nonce_base FROM account_changes c
          WHERE c.account = accounts.id AND c.block_number > ? ORDER BY c.block_number LIMIT 1)
       WHERE id IN (SELECT account FROM account_changes WHERE block_number > ?)`,
    ),
    drop: database.prepare<[number]>(`DELETE FROM account_changes WHERE block_number > ?`),
    forget: database.prepare<[number]>(`DELETE FROM account_changes WHERE block_number <= ?`),
    consumed: nonces("fences", "''"),
    live: nonces("intent_work", "CASE WHEN state IN ('planned', 'sent') AND verdict IS NULL THEN held ELSE '' END"),
  };
}
type Sql = ReturnType<typeof prepare>;

/** Text that the statements above split again: 40 digits each. */
function toNames(names: readonly AccountName[]): string {
  return JSON.stringify(names.map(({ coin, address }) => coin.slice(2) + address.slice(2)));
}

interface Nonces {
  /** Ascending, each once. */
  readonly all: bigint[];
  readonly inFlight: { readonly nonces: bigint[]; amount: bigint };
}

/** Window nonces from `from` on that a table knows of each account. */
function listNonces(
  statement: Sql["live"],
  accounts: readonly (AccountName & { readonly from: bigint })[],
): readonly Nonces[] {
  const starts = accounts.map(({ coin, address, from }) => toOwnerHex(coin, address) + toWord(from).slice(2));
  const lists = accounts.map((): Nonces => ({ all: [], inFlight: { nonces: [], amount: 0n } }));
  for (const text of statement.all(JSON.stringify(starts), beyondWindow)) {
    const [place, digits, held] = text.split("|");
    const list = lists[Number(place)];
    if (list === undefined) continue;
    const nonce = BigInt(`0x${digits}`);
    const { all, inFlight } = list;
    // In the order of the index; an intent and its cancellation have one nonce.
    if (all.at(-1) !== nonce) all.push(nonce);
    if (held === undefined || held === "") continue;
    if (inFlight.nonces.at(-1) !== nonce) inFlight.nonces.push(nonce);
    inFlight.amount += BigInt(held);
  }
  return lists;
}

function createBook(sql: Sql): AccountBook {
  const byKey = new Map<string, { open: OpenAccount; row: AccountRow }>();
  const byId = new Map<bigint, OpenAccount>();

  function open(row: AccountRow): OpenAccount {
    const account: OpenAccount = {
      id: row.id,
      coin: row.coin,
      address: row.address,
      balance: row.balance,
      held: row.held,
      balanceDelta: 0n,
      heldDelta: 0n,
      nonceBase: row.nonce_base,
      frozen: row.frozen_whole === 1n ? null : row.frozen,
    };
    byKey.set(toAccountKey(account.coin, account.address), { open: account, row });
    byId.set(account.id, account);
    return account;
  }

  return {
    load(names) {
      const missing = new Map<string, AccountName>();
      for (const name of names) {
        const key = toAccountKey(name.coin, name.address);
        if (!byKey.has(key)) missing.set(key, name);
      }
      if (missing.size > 0)
        for (const text of sql.findAll.all(toNames([...missing.values()]))) open(accountRow.read(text));
    },
    at(coin, address) {
      const known = byKey.get(toAccountKey(coin, address));
      if (known !== undefined) return known.open;
      const key: [Buffer, Buffer] = [toBlob(coin), toBlob(address)];
      const row = sql.find.get(...key) ?? sql.add.get(...key);
      if (row === undefined) throw new Error("INSERT … RETURNING returned no row");
      return open(accountRow.read(row));
    },
    find: (coin, address) => byKey.get(toAccountKey(coin, address))?.open,
    byId(id) {
      const known = byId.get(id);
      if (known !== undefined) return known;
      const row = sql.findById.get(id);
      assertInvariant(row !== undefined, "P9", `account ${id} is gone`);
      return open(accountRow.read(row));
    },
    flush(block) {
      const changed: string[] = [];
      const onChain: bigint[] = [];
      for (const key of [...byKey.keys()].sort()) {
        const entry = byKey.get(key);
        if (entry === undefined) continue;
        const { open: account, row } = entry;
        const { id, balanceDelta, heldDelta, nonceBase, frozen } = account;
        const frozenBefore = row.frozen_whole === 1n ? null : row.frozen;
        const isOnChain = balanceDelta !== 0n || nonceBase !== row.nonce_base || frozen !== frozenBefore;
        if (!isOnChain && heldDelta === 0n) continue;
        if (isOnChain) onChain.push(id);
        changed.push(`[${id},${balanceDelta},${heldDelta},${nonceBase},${frozen ?? 0n},${frozen === null ? 1 : 0}]`);
      }
      if (block !== null && onChain.length > 0) sql.keep.run(block, `[${onChain.join(",")}]`);
      if (changed.length === 0) return;
      const { changes } = sql.write.run(`[${changed.join(",")}]`);
      assertInvariant(
        changes === changed.length,
        "P9",
        `the holds of ${changed.length - changes} accounts would fall below zero`,
      );
    },
  };
}

function toStored(
  name: AccountName,
  row: AccountRow | undefined,
): Omit<StoredAccount, "consumed" | "live" | "inFlight"> {
  return {
    coin: name.coin,
    address: name.address,
    balance: row?.balance ?? 0n,
    posted: row?.posted ?? 0n,
    held: row?.held ?? 0n,
    frozen: row?.frozen_whole === 1n ? null : (row?.frozen ?? 0n),
    nonceBase: row?.nonce_base ?? 0n,
  };
}

export function createAccounts(engine: Engine): Accounts {
  const sql = prepare(engine);

  function read(names: readonly AccountName[]): readonly StoredAccount[] {
    const rows = new Map<string, AccountRow>();
    for (const text of sql.findAll.all(toNames(names))) {
      const row = accountRow.read(text);
      rows.set(toAccountKey(row.coin, row.address), row);
    }
    const stored = names.map((name) => toStored(name, rows.get(toAccountKey(name.coin, name.address))));
    const consumed = listNonces(
      sql.consumed,
      stored.map(({ coin, address, nonceBase }) => ({ coin, address, from: nonceBase })),
    );
    const live = listNonces(
      sql.live,
      names.map(({ coin, address }) => ({ coin, address, from: 0n })),
    );
    return stored.map((account, i) => ({
      ...account,
      consumed: consumed[i]?.all ?? [],
      live: live[i]?.all ?? [],
      inFlight: live[i]?.inFlight ?? { nonces: [], amount: 0n },
    }));
  }

  return {
    hold: (coin, address, amount) => sql.hold.get(amount, toBlob(coin), toBlob(address), amount) ?? null,
    unhold(account, amount) {
      sql.unhold.run(amount, account);
    },
    openBook: () => createBook(sql),
    read,
    readOne(name) {
      const [account] = read([name]);
      assertInvariant(account !== undefined, "P9", `account ${name.address} was not read`);
      return account;
    },
    advanceBases(accounts) {
      const consumed = listNonces(
        sql.consumed,
        accounts.map(({ coin, address, base }) => ({ coin, address, from: base })),
      );
      return accounts.map(({ base }, i) => {
        let next = base;
        for (const nonce of consumed[i]?.all ?? []) {
          if (nonce !== next) break;
          next++;
        }
        return next;
      });
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
