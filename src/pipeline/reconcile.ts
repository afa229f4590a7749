/**
 * Reconcile: bank = books = chain at a final block, to the base unit. Owns the statement and the halt that a difference causes. Promises
 * that both sides of every comparison are read at the same block, and that a difference is seen twice before it counts; never
 * corrects anything.
 */
import { strict as assert } from "node:assert";
import type { BlockRef } from "../domain/facts.ts";
import type { Address } from "../domain/hex.ts";
import type { Difference, Reconciliation } from "../domain/reconciliation.ts";
import type { Chain, Clock, Deployment, Notify, Reconciler, Store } from "./ports.ts";

/** Accounts compared per page: one multi-call's worth. */
const pageSize = 200;
/** Differences named in a statement; more of them say nothing more. */
const maxDifferences = 100;
/** The final block moves while the books are read; a few tries always meet it standing still. */
const maxTries = 20;

interface Parts {
  readonly store: Store;
  readonly chain: Chain;
  readonly deployment: Deployment;
  readonly clock: Clock;
  readonly notify: Notify;
}
type Coin = Deployment["coins"][number];
type CoinStatement = Reconciliation["coins"][number];

async function assertCanonical(block: BlockRef, chain: Chain): Promise<void> {
  const theirs = await chain.block(block.number);
  assert.equal(theirs?.hash, block.hash, `block ${block.number} is final here and not on the chain`);
}

/** Compares one page of accounts at the block the page is of. */
async function comparePage(options: { coin: Address; after: Address | null }, { store, chain }: Parts) {
  const { coin, after } = options;
  const { final, balances } = await store.readPosted({ coin, after, limit: pageSize });
  const differences: Difference[] = [];
  if (final !== null && balances.length > 0) {
    const accounts = balances.map(({ address }) => address);
    const onChain = await chain.readAccounts(coin, accounts, final.number);
    await assertCanonical(final, chain);
    for (const [index, { address, posted }] of balances.entries()) {
      const balance = onChain[index]?.balance ?? 0n;
      if (balance !== posted)
        differences.push({ kind: "account", coin, account: address, books: posted, chain: balance });
    }
  }
  return {
    last: balances.length < pageSize ? null : (balances.at(-1)?.address ?? null),
    count: balances.length,
    differences,
  };
}

async function compareAccounts(coin: Address, parts: Parts) {
  const differences: Difference[] = [];
  let accounts = 0;
  let after: Address | null = null;
  do {
    let page = await comparePage({ coin, after }, parts);
    // Once more: what is really wrong is wrong again.
    if (page.differences.length > 0) page = await comparePage({ coin, after }, parts);
    differences.push(...page.differences);
    accounts += page.count;
    after = page.last;
  } while (after !== null);
  return { accounts, differences };
}

/** The sums of the books, and the final block they are of. */
async function readSums(coin: Address, { store, clock }: Parts) {
  for (let tries = 0; tries < maxTries; tries++) {
    const before = (await store.readCursor()).final;
    const sums = await store.sumLedger(coin);
    const after = (await store.readCursor()).final;
    if (before !== null && before.hash === after?.hash) return { block: before, ...sums };
    await clock.sleep(10);
  }
  throw new Error("no final block stood still long enough to read the books");
}

/** The totals: books against chain, bank against chain, at one block. */
async function compareTotals({ address, symbol }: Coin, parts: Parts) {
  const { chain } = parts;
  const { block, sum, issued } = await readSums(address, parts);
  const supply = await chain.totalSupply(address, block.number);
  const { attested, asOf, outstanding } = await chain.coverage(address, block.number);
  await assertCanonical(block, chain);
  const books = -issued;
  const differences: Difference[] = [];
  const add = (kind: Difference["kind"], ours: bigint, theirs: bigint) => {
    differences.push({ kind, coin: address, account: null, books: ours, chain: theirs });
  };
  if (sum !== 0n) add("ledger", sum, 0n);
  if (books !== supply) add("supply", books, supply);
  if (outstanding > attested) add("reserves", attested, outstanding);
  const statement = { coin: address, symbol, bank: attested, bankAsOf: asOf, books, chain: supply, outstanding };
  return { block, statement, differences };
}

/**
 * The escrows' own books: each has at least what is open in it. Both sides come from one snapshot of the store, whose balances the other
 * comparisons hold against the chain; swaps keep nothing from one block to the next.
 */
async function compareEscrows(coin: Address, { store, deployment }: Parts) {
  const escrows: CoinStatement["escrows"][number][] = [];
  const differences: Difference[] = [];
  for (const escrow of [deployment.redemptions, deployment.claims, deployment.commerce]) {
    const { open, balance } = await store.sumEscrow({ escrow, coin });
    escrows.push({ escrow, open, balance });
    if (balance < open) differences.push({ kind: "escrow", coin, account: escrow, books: open, chain: balance });
  }
  return { escrows, differences };
}

async function compareCoin(coin: Coin, parts: Parts) {
  let totals = await compareTotals(coin, parts);
  if (totals.differences.length > 0) totals = await compareTotals(coin, parts);
  const { accounts, differences } = await compareAccounts(coin.address, parts);
  const kept = await compareEscrows(coin.address, parts);
  const statement: CoinStatement = { ...totals.statement, accounts, escrows: kept.escrows };
  return {
    block: totals.block,
    statement,
    differences: [...totals.differences, ...differences, ...kept.differences],
  };
}

function formatHalt(difference: Difference, count: number): string {
  const { kind, coin, account, books, chain } = difference;
  const where = account === null ? coin : `${account} in ${coin}`;
  return `reconciliation: ${count} differences, first ${kind} of ${where}: ${books} against ${chain}`;
}

/** `run` throws when a side cannot be read: that is no statement, and no difference. */
export function createReconciler(parts: Parts): Reconciler {
  const { store, deployment, clock, notify } = parts;
  let statement: Reconciliation | null = null;
  let running: Promise<Reconciliation> | null = null;

  async function run(): Promise<Reconciliation> {
    const results = [];
    for (const coin of deployment.coins) results.push(await compareCoin(coin, parts));
    const newest = results.at(-1);
    assert(newest !== undefined, "a deployment has a coin");
    const differences = results.flatMap((result) => result.differences);
    const { number, hash, time } = newest.block;
    const first = differences[0];
    if (first !== undefined) {
      const reason = formatHalt(first, differences.length);
      notify({ step: "reconcile", code: "difference", subject: first.coin, detail: reason });
      if ((await store.readHalt()) === null) await store.halt(reason, clock.now());
    }
    statement = {
      block: number,
      blockHash: hash,
      blockTime: time,
      agrees: first === undefined,
      coins: results.map((result) => result.statement),
      differences: differences.slice(0, maxDifferences),
    };
    return statement;
  }

  return {
    latest: () => statement,
    run() {
      running ??= run().finally(() => {
        running = null;
      });
      return running;
    },
  };
}
