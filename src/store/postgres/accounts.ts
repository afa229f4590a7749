/**
 * Coin accounts in the hot tables. Owns balances, holds, freezes and the base of the nonce window. Promises that what a block changes can be
 * put back, that a transaction loads its accounts at once and writes each of them once, and that accounts are locked in sorted order.
 * Never posts: that is `posting.ts`.
 */
import type { Address } from "../../domain/hex.ts";
import { windowNonceLimit } from "../../domain/intent.ts";
import type { StoredAccount } from "../../pipeline/ports.ts";
import type { AccountBook, OpenAccount } from "../accounts.ts";
import { assertInvariant } from "../fault.ts";
import { toAccountKey, toBlob, toHex, toWindowRange } from "../rows.ts";
import { prepare, type Session } from "./engine.ts";
import { toColumns } from "./types.ts";

export interface AccountPlace {
  readonly coin: Address;
  readonly address: Address;
}

/** One row of `accounts`. */
export interface AccountRow {
  readonly id: bigint;
  readonly coin: Buffer;
  readonly address: Buffer;
  readonly balance: bigint;
  readonly posted: bigint;
  readonly held: bigint;
  readonly frozen: bigint;
  readonly frozen_whole: bigint;
  readonly nonce_base: bigint;
}

const columns = "a.id, a.coin, a.address, a.balance, a.posted, a.held, a.frozen, a.frozen_whole, a.nonce_base";
const places = "unnest($1::bytea[], $2::bytea[])";
/** The window nonce of a stored fence: its last eight bytes, as hexadecimal text. */
const nonceOf = (fence: string): string => `encode(substring(${fence} FROM 66), 'hex')`;
/** The stored fence of an account's window nonce. */
const fenceOf = (coin: string, address: string, nonce: string): string =>
  `'\\x00'::bytea || ${coin} || ${address} || '\\x${"00".repeat(24)}'::bytea || int8send(${nonce})`;

const find = prepare(
  `SELECT ${columns} FROM ${places} AS p (coin, address) JOIN accounts a ON a.coin = p.coin AND a.address = p.address`,
);
// Sorted, so that two batches which share accounts wait for one another instead of both for ever.
const lock = prepare(
  `SELECT ${columns} FROM accounts a
   WHERE (a.coin, a.address) IN (SELECT * FROM ${places}) ORDER BY a.coin, a.address FOR NO KEY UPDATE`,
);
const findById = prepare(`SELECT ${columns} FROM accounts a WHERE a.id = ANY ($1::bigint[])`);
const add = prepare(
  `INSERT INTO accounts (coin, address) SELECT DISTINCT * FROM ${places} AS p (coin, address) ON CONFLICT DO NOTHING`,
);
const write = prepare(
  `UPDATE accounts a SET balance = a.balance + v.balance, held = a.held + v.held, nonce_base = v.nonce_base,
     frozen = v.frozen, frozen_whole = v.frozen_whole
   FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::smallint[])
     AS v (id, balance, held, nonce_base, frozen, frozen_whole)
   WHERE a.id = v.id AND a.held + v.held >= 0`,
);
const keep = prepare(
  `INSERT INTO account_changes (block_number, account, balance, frozen, frozen_whole, nonce_base)
   SELECT $1, * FROM unnest($2::bigint[], $3::bigint[], $4::bigint[], $5::smallint[], $6::bigint[])`,
);
const restore = prepare(
  `UPDATE accounts a SET balance = c.balance, frozen = c.frozen, frozen_whole = c.frozen_whole, nonce_base = c.nonce_base
   FROM (SELECT DISTINCT ON (account) * FROM account_changes WHERE block_number > $1 ORDER BY account, block_number) c
   WHERE a.id = c.account`,
);
const drop = prepare("DELETE FROM account_changes WHERE block_number > $1");
const forget = prepare("DELETE FROM account_changes WHERE block_number <= $1");
const consumed = prepare(
  `SELECT p.place, ${nonceOf("f.fence")} AS nonce
   FROM unnest($1::bigint[], $2::bytea[], $3::bytea[]) AS p (place, low, high) JOIN fences f ON f.fence >= p.low AND f.fence < p.high
   ORDER BY f.fence`,
);
const readAll = prepare(
  `SELECT ${columns},
     ARRAY(SELECT ${nonceOf("f.fence")} FROM fences f
       WHERE f.fence >= ${fenceOf("p.coin", "p.address", "coalesce(a.nonce_base, 0)")} AND f.fence < p.high ORDER BY f.fence) AS consumed,
     coalesce(n.live, '{}') AS live, coalesce(n.flying, '{}') AS flying, coalesce(n.promised, 0) AS promised
   FROM unnest($1::bytea[], $2::bytea[], $3::bytea[], $4::bytea[]) WITH ORDINALITY AS p (coin, address, low, high, place)
     LEFT JOIN accounts a ON a.coin = p.coin AND a.address = p.address
     CROSS JOIN LATERAL (
       SELECT array_agg(DISTINCT w.nonce ORDER BY w.nonce) AS live,
         array_agg(DISTINCT w.nonce ORDER BY w.nonce) FILTER (WHERE w.flies) AS flying, sum(w.held) FILTER (WHERE w.flies) AS promised
       FROM (SELECT ${nonceOf("fence")} AS nonce, held, state IN ('planned', 'sent') AND verdict IS NULL AS flies
         FROM intent_work WHERE fence >= p.low AND fence < p.high) AS w
     ) AS n
   ORDER BY p.place`,
);

const toNonce = (text: string): bigint => BigInt(`0x${text}`);
const toPlaces = (list: readonly AccountPlace[]) =>
  toColumns(
    list,
    ({ coin }) => toBlob(coin),
    ({ address }) => toBlob(address),
  );

/** Locks those that exist until the transaction ends; by key. */
export async function lockAccounts(
  session: Session,
  list: readonly AccountPlace[],
): Promise<ReadonlyMap<string, AccountRow>> {
  if (list.length === 0) return new Map();
  const rows = await session.all<AccountRow>(lock, toPlaces(list));
  return new Map(rows.map((row) => [toAccountKey(toHex(row.coin), toHex(row.address)), row]));
}

type StoredRow = { readonly [K in keyof AccountRow]: AccountRow[K] | null } & {
  readonly consumed: readonly string[];
  readonly live: readonly string[];
  readonly flying: readonly string[];
  readonly promised: bigint;
};

/** Accounts as the port shows them, in the order asked for. */
export async function readAccounts(session: Session, list: readonly AccountPlace[]): Promise<readonly StoredAccount[]> {
  if (list.length === 0) return [];
  const ranges = list.map(({ coin, address }) =>
    toWindowRange({ coin, account: address, from: 0n, to: windowNonceLimit }),
  );
  const bounds = toColumns(
    ranges,
    ([low]) => low,
    ([, high]) => high,
  );
  const rows = await session.all<StoredRow>(readAll, [...toPlaces(list), ...bounds]);
  return list.map(({ coin, address }, index) => {
    const row = rows[index];
    assertInvariant(row !== undefined, "P9", `no answer about ${address}`);
    return {
      coin,
      address,
      balance: row.balance ?? 0n,
      posted: row.posted ?? 0n,
      held: row.held ?? 0n,
      frozen: row.frozen_whole === 1n ? null : (row.frozen ?? 0n),
      nonceBase: row.nonce_base ?? 0n,
      consumed: row.consumed.map(toNonce),
      live: row.live.map(toNonce),
      inFlight: { nonces: row.flying.map(toNonce), amount: row.promised },
    };
  });
}

/** The bases that these accounts reach over consumed nonces, in order. */
export async function advanceBases(session: Session, list: readonly OpenAccount[]): Promise<readonly bigint[]> {
  if (list.length === 0) return [];
  const ranges = list.map(({ coin, address: account, nonceBase }) =>
    toWindowRange({ coin, account, from: nonceBase, to: windowNonceLimit }),
  );
  const bases = list.map(({ nonceBase }) => nonceBase);
  const found = await session.all<{ place: bigint; nonce: string }>(consumed, [
    list.map((_, index) => index),
    ranges.map(([low]) => low),
    ranges.map(([, high]) => high),
  ]);
  for (const { place, nonce } of found) {
    const index = Number(place);
    const base = bases[index] ?? 0n;
    if (toNonce(nonce) === base) bases[index] = base + 1n;
  }
  return bases;
}

/** The accounts of one transaction that stands alone: load first, then change them in memory, then flush. */
export interface PostgresBook extends Omit<AccountBook, "flush" | "load"> {
  /** Loads those not loaded yet; makes those that do not exist. */
  load(list: readonly AccountPlace[]): Promise<void>;
  loadIds(ids: readonly (bigint | null)[]): Promise<void>;
  /** Writes every changed account; with a block, what it was before is kept for a reorg. */
  flush(block: number | null): Promise<void>;
}

interface Entry {
  readonly open: OpenAccount;
  readonly row: AccountRow;
}

const isOnChain = ({ open, row }: Entry): boolean =>
  open.balanceDelta !== 0n ||
  open.nonceBase !== row.nonce_base ||
  open.frozen !== (row.frozen_whole === 1n ? null : row.frozen);

async function writeEntries(session: Session, entries: readonly Entry[], block: number | null): Promise<void> {
  const kept = block === null ? [] : entries.filter(isOnChain);
  if (kept.length > 0) {
    const before = toColumns(
      kept,
      ({ row }) => row.id,
      ({ row }) => row.balance,
      ({ row }) => row.frozen,
      ({ row }) => row.frozen_whole,
      ({ row }) => row.nonce_base,
    );
    await session.run(keep, [block, ...before]);
  }
  if (entries.length === 0) return;
  const values = toColumns(
    entries,
    ({ open }) => open.id,
    ({ open }) => open.balanceDelta,
    ({ open }) => open.heldDelta,
    ({ open }) => open.nonceBase,
    ({ open }) => open.frozen ?? 0n,
    ({ open }) => (open.frozen === null ? 1 : 0),
  );
  const written = await session.run(write, values);
  assertInvariant(written === entries.length, "P9", "the holds of an account would fall below zero");
}

export function openBook(session: Session): PostgresBook {
  const byKey = new Map<string, Entry>();
  const byId = new Map<bigint, OpenAccount>();

  function open(row: AccountRow): void {
    if (byId.has(row.id)) return;
    const account: OpenAccount = {
      id: row.id,
      coin: toHex(row.coin),
      address: toHex(row.address),
      balance: row.balance,
      held: row.held,
      balanceDelta: 0n,
      heldDelta: 0n,
      nonceBase: row.nonce_base,
      frozen: row.frozen_whole === 1n ? null : row.frozen,
    };
    byKey.set(toAccountKey(account.coin, account.address), { open: account, row });
    byId.set(account.id, account);
  }

  return {
    async load(list) {
      const missing = new Map(
        list
          .map((place) => [toAccountKey(place.coin, place.address), place] as const)
          .filter(([key]) => !byKey.has(key)),
      );
      if (missing.size === 0) return;
      const wanted = toPlaces([...missing.values()]);
      const rows = await session.all<AccountRow>(find, wanted);
      rows.forEach(open);
      if (rows.length === missing.size) return;
      await session.run(add, wanted);
      (await session.all<AccountRow>(find, wanted)).forEach(open);
    },
    async loadIds(ids) {
      const missing = new Set(ids.filter((id) => id !== null && !byId.has(id)));
      if (missing.size > 0) (await session.all<AccountRow>(findById, [[...missing]])).forEach(open);
    },
    at(coin, address) {
      const entry = byKey.get(toAccountKey(coin, address));
      assertInvariant(entry !== undefined, "P9", `account ${address} was not loaded`);
      return entry.open;
    },
    find: (coin, address) => byKey.get(toAccountKey(coin, address))?.open,
    byId(id) {
      const account = byId.get(id);
      assertInvariant(account !== undefined, "P9", `account ${id} is gone`);
      return account;
    },
    async flush(block) {
      const changed = [...byKey.values()].filter((entry) => isOnChain(entry) || entry.open.heldDelta !== 0n);
      await writeEntries(session, changed, block);
    },
  };
}

/** Puts accounts back to what they were before the first block above `number`. */
export async function revertAccounts(session: Session, number: number): Promise<void> {
  await session.run(restore, [number]);
  await session.run(drop, [number]);
}

/** Forgets what accounts were before blocks that are final. */
export async function forgetChanges(session: Session, number: number): Promise<void> {
  await session.run(forget, [number]);
}
