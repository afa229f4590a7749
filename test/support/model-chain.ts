/**
 * A pure model chain behind the port Chain: mempool, blocks, reorgs, reverts and skipped rows, with no time of its own. Blocks come when a
 * test says so. Faults are fields a test sets. Keeps a record of every transaction it ever carried out, per branch.
 */
import { keccak256, stringToHex } from "viem";
import type { BlockFacts, BlockRef, SlotMined } from "../../src/domain/facts.ts";
import { type Address, type Hex, toWord, type Word, zeroAddress, zeroWord } from "../../src/domain/hex.ts";
import type { HeldReason } from "../../src/domain/intent.ts";
import { toSettleData } from "../../src/domain/plan.ts";
import type { Chain, Fees, SendAnswer } from "../../src/pipeline/ports.ts";
import {
  decodeCall,
  decodeSettle,
  decodeTransaction,
  deployment,
  encodeRow,
  type ModelCall,
  type ModelRow,
  type ModelTransaction,
  secondCoin,
} from "./model-codec.ts";
import {
  accountIn,
  type CoinState,
  type Context,
  copyCoin,
  createCoin,
  createLog,
  judgeCall,
  type Log,
  runCall,
  settleRows,
} from "./model-coin.ts";
import { createDesk, type DeskState, judgeMint, judgeOrder, runOrder } from "./model-desk.ts";
import { createEscrows, type EscrowState, judgeStep, runStep } from "./model-escrows.ts";

export interface Ran {
  readonly transaction: ModelTransaction;
  readonly mined: SlotMined;
}

/** Everything that contracts keep. */
export interface World {
  readonly coin: CoinState;
  readonly second: CoinState;
  readonly escrows: EscrowState;
  readonly desk: DeskState;
}

export interface ModelBlock {
  readonly ref: BlockRef;
  readonly log: Log;
  readonly ran: readonly Ran[];
  /** The world after this block. */
  readonly world: World;
  readonly nonces: ReadonlyMap<Address, number>;
}

export interface ModelFaults {
  /** What `send` answers instead of the truth, while the transaction still arrives unless `drop` is set. */
  answer: ((hash: Word) => SendAnswer) | null;
  drop: boolean;
  /** `readBlock` answers null: the provider lags. */
  noReceipts: boolean;
  /** Every read throws. */
  outage: boolean;
  /** `simulate` says all is well. */
  blindSimulation: boolean;
}

export interface ModelChain extends Chain {
  readonly faults: ModelFaults;
  readonly purses: Map<Address, bigint>;
  attested: bigint;
  market: Fees;
  baseFee: bigint;
  /** Seconds between blocks. */
  interval: number;
  /** The state the next block starts from. */
  readonly coin: CoinState;
  /** The other coin, for swaps. */
  readonly second: CoinState;
  readonly escrows: EscrowState;
  readonly desk: DeskState;
  readonly height: number;
  readonly time: number;
  readonly pending: number;
  /** Every transaction hash that was ever handed over. */
  readonly arrived: Set<Word>;
  mine(count?: number): void;
  /** Rows submitted by somebody else, or bytes of a lane that the node does not know; mined in the next block. */
  submit(options: { readonly by: Address; readonly rows?: readonly ModelRow[]; readonly nonce?: number }): void;
  /** Takes `depth` blocks back and mines as many others; transactions return to the mempool unless `drop`. */
  reorg(depth: number, options?: { readonly drop?: boolean }): void;
  /** Forgets a pending transaction, as a node that is full does; `pick` chooses among that many. */
  evict(pick: (count: number) => number): void;
  /** Moves coins outside the node in the next block; from the zero address: issues the second coin. */
  move(from: Address, to: Address, amount: bigint): void;
  /** The canonical blocks, genesis first. */
  readonly blocks: readonly ModelBlock[];
  /** Canonical transactions of these senders, oldest first. */
  transactionsOf(senders: readonly Address[]): readonly ModelTransaction[];
}

const defaultDepth = 2;
/** Wei of a lane that no test made poor. */
const rich = 10n ** 18n;

/** Whose purse is not known is rich, and stays so: only what tests made poor is counted. */
function carry(purses: Map<Address, bigint>, { from, to, value }: ModelTransaction, sign: 1n | -1n): void {
  for (const [who, change] of [
    [from, -value * sign],
    [to, value * sign],
  ] as const) {
    const purse = purses.get(who);
    if (purse !== undefined) purses.set(who, purse + change);
  }
}

/** Rows have no selector of the model's calls. */
function isSettle(to: Address, data: Hex): boolean {
  return to === deployment.coins[0]?.address && !data.startsWith("0xca11ca1");
}

function copyWorld({ coin, second, escrows, desk }: World): World {
  return {
    coin: copyCoin(coin),
    second: copyCoin(second),
    escrows: structuredClone(escrows),
    desk: structuredClone(desk),
  };
}

/** `balances` are minted before the first block the follower sees; a block is final once `depth` others are on it. */
export function createModelChain(balances: ReadonlyMap<Address, bigint> = new Map(), depth = defaultDepth): ModelChain {
  let pool: ModelTransaction[] = [];
  let strangers: { by: Address; rows: readonly ModelRow[]; nonce: number | null }[] = [];
  let moves: { from: Address; to: Address; amount: bigint }[] = [];
  let salt = 0;
  const arrived = new Set<Word>();
  const genesis: ModelBlock = {
    ref: { number: 0, hash: toWord(1n), parent: zeroWord, time: 1_000_000 },
    log: createLog(),
    ran: [],
    world: { coin: createCoin(), second: createCoin(secondCoin), escrows: createEscrows(), desk: createDesk() },
    nonces: new Map(),
  };
  const blocks: ModelBlock[] = [genesis];
  let { coin, second, escrows, desk } = copyWorld(genesis.world);
  const faults: ModelFaults = { answer: null, drop: false, noReceipts: false, outage: false, blindSimulation: false };
  const tip = () => blocks.at(-1) ?? genesis;

  function run(transaction: ModelTransaction, world: { log: Log; time: number; index: { next: number } }): SlotMined {
    const { hash, from, nonce, to, data } = transaction;
    const context = {
      state: coin,
      log: world.log,
      time: world.time,
      hash,
      by: from,
      nextIndex: () => world.index.next++,
    };
    let reason: HeldReason | null = null;
    let succeeded = true;
    if (transaction.value > 0n) carry(chain.purses, transaction, 1n);
    else if (isSettle(to, data)) {
      succeeded = settleRows(context, decodeSettle(data));
      if (!succeeded && coin.paused) reason = "paused";
    } else {
      reason = carryOut(decodeCall(data), context);
      succeeded = reason === null;
    }
    return { lane: from, nonce, transaction: hash, succeeded, gasUsed: 21_000n, gasPrice: 1n, reason };
  }

  function carryOut(call: ModelCall, context: Context): HeldReason | null {
    const coins = [coin, second];
    if (call.kind === "step") return runStep(call.step, { escrows, coins, at: context });
    if (call.kind === "order") return runOrder(call.order, { desk, coins, at: context });
    const barred = call.kind === "mint" ? judgeMint(desk, coin.address, call) : null;
    return barred ?? runCall(context, call);
  }

  /** What a call would say after the newest block. */
  function tryOut(call: ModelCall, by: Address): HeldReason | null {
    const coins = [coin, second];
    const at = { log: createLog(), time: chain.time, hash: zeroWord, by, nextIndex: () => 0 };
    if (call.kind === "step") return judgeStep(call.step, { escrows, coins, at });
    if (call.kind === "order") return judgeOrder(call.order, { desk, coins, at });
    const barred = call.kind === "mint" ? judgeMint(desk, coin.address, call) : null;
    return barred ?? judgeCall(coin, call);
  }

  function canPay({ from, gas, value, maxFeePerGas }: ModelTransaction): boolean {
    return maxFeePerGas >= chain.baseFee && gas * maxFeePerGas + value <= (chain.purses.get(from) ?? rich);
  }

  function takeExecutable(nonces: Map<Address, number>): ModelTransaction | undefined {
    const index = pool.findIndex((next) => next.nonce === (nonces.get(next.from) ?? 0) && canPay(next));
    return index < 0 ? undefined : pool.splice(index, 1)[0];
  }

  function mineOne(): void {
    const parent = tip();
    const number = parent.ref.number + 1;
    const time = parent.ref.time + chain.interval;
    const log = createLog();
    const index = { next: 0 };
    const nonces = new Map(parent.nonces);
    const ran: Ran[] = [];
    if (number === 1) {
      for (const [to, amount] of balances) {
        coin.supply += amount;
        accountIn(coin, to).balance += amount;
        const at = { transaction: toWord(7n), logIndex: index.next++ };
        log.movements.push({
          kind: "mint",
          coin: deployment.coins[0]?.address ?? "0x",
          from: zeroAddress,
          to,
          amount,
          memo: null,
          fence: null,
          ...at,
        });
      }
    }
    for (const { from, to, amount } of moves.splice(0)) {
      const isIssue = from === zeroAddress;
      const state = isIssue ? second : coin;
      if (isIssue) second.supply += amount;
      else accountIn(coin, from).balance -= amount;
      accountIn(state, to).balance += amount;
      const at = { transaction: toWord(BigInt(8 + salt++)), logIndex: index.next++ };
      log.movements.push({
        kind: isIssue ? "mint" : "transfer",
        coin: state.address,
        from,
        to,
        amount,
        memo: null,
        fence: null,
        ...at,
      });
    }
    for (const { by, rows, nonce } of strangers.splice(0)) {
      const data = toSettleData(rows.map((row) => encodeRow(row.authorization, row.memo, row.signature)));
      const used = nonce ?? nonces.get(by) ?? 0;
      const hash = keccak256(stringToHex(`stranger ${by} ${used} ${salt++} ${data}`));
      const to = deployment.coins[0]?.address ?? "0x";
      const transaction = {
        hash,
        from: by,
        nonce: used,
        to,
        data,
        gas: 0n,
        value: 0n,
        maxFeePerGas: 0n,
        maxPriorityFeePerGas: 0n,
      };
      nonces.set(by, used + 1);
      ran.push({ transaction, mined: run(transaction, { log, time, index }) });
    }
    for (let next = takeExecutable(nonces); next !== undefined; next = takeExecutable(nonces)) {
      nonces.set(next.from, next.nonce + 1);
      ran.push({ transaction: next, mined: run(next, { log, time, index }) });
    }
    pool = pool.filter(({ from, nonce }) => nonce >= (nonces.get(from) ?? 0));
    const body = ran.map(({ transaction }) => transaction.hash).join();
    const hash = keccak256(stringToHex(`${parent.ref.hash} ${number} ${time} ${salt} ${body}`));
    blocks.push({
      ref: { number, hash, parent: parent.ref.hash, time },
      log,
      ran,
      world: copyWorld({ coin, second, escrows, desk }),
      nonces,
    });
  }

  function guard(): void {
    if (faults.outage) throw new Error("the provider does not answer");
  }

  function arrive(raw: Hex): SendAnswer {
    const transaction = decodeTransaction(raw);
    const { hash, from, nonce } = transaction;
    if (faults.answer !== null && faults.drop) return faults.answer(hash);
    arrived.add(hash);
    const isNew = !pool.some((other) => other.hash === hash) && nonce >= (tip().nonces.get(from) ?? 0);
    const rival = pool.find((other) => other.from === from && other.nonce === nonce);
    if (isNew && rival !== undefined && transaction.maxFeePerGas * 10n < rival.maxFeePerGas * 11n) {
      return { kind: "unknown", message: "replacement transaction underpriced" };
    }
    if (isNew) pool = [...pool.filter((other) => other !== rival), transaction];
    if (faults.answer !== null) return faults.answer(hash);
    return isNew ? { kind: "answered", hash } : { kind: "unknown", message: "already known" };
  }

  function at(number: number): ModelBlock {
    const block = blocks[number];
    if (block === undefined) throw new Error(`no block ${number}`);
    return block;
  }

  function coinAt(address: Address, number: number): CoinState {
    const { coin: first, second: other } = at(number).world;
    return address === first.address ? first : other;
  }

  const chain: ModelChain = {
    faults,
    purses: new Map(),
    attested: 1n << 62n,
    market: { maxFeePerGas: 100n, maxPriorityFeePerGas: 10n },
    baseFee: 1n,
    interval: 1,
    arrived,
    blocks,
    get coin() {
      return coin;
    },
    get second() {
      return second;
    },
    get escrows() {
      return escrows;
    },
    get desk() {
      return desk;
    },
    get height() {
      return tip().ref.number;
    },
    get time() {
      return tip().ref.time;
    },
    get pending() {
      return pool.length;
    },
    mine(count = 1) {
      for (let i = 0; i < count; i++) mineOne();
    },
    submit({ by, rows = [], nonce }) {
      strangers.push({ by, rows, nonce: nonce ?? null });
    },
    reorg(back, { drop = false } = {}) {
      const removed = blocks.splice(blocks.length - back, back);
      ({ coin, second, escrows, desk } = copyWorld(tip().world));
      for (const { transaction } of removed.flatMap(({ ran }) => ran)) carry(chain.purses, transaction, -1n);
      salt += 1;
      if (!drop)
        pool = [
          ...removed.flatMap(({ ran }) =>
            ran.filter(({ transaction }) => transaction.gas > 0n).map(({ transaction }) => transaction),
          ),
          ...pool,
        ];
      for (let i = 0; i < back; i++) mineOne();
    },
    evict(pick) {
      if (pool.length > 0) pool.splice(pick(pool.length), 1);
    },
    move(from, to, amount) {
      moves.push({ from, to, amount });
    },
    transactionsOf(senders) {
      return blocks
        .flatMap(({ ran }) => ran.map(({ transaction }) => transaction))
        .filter(({ from }) => senders.includes(from));
    },
    async identity() {
      return { chainId: 31337, genesis: genesis.ref.hash, code: {} };
    },
    async head() {
      guard();
      return tip().ref;
    },
    async finalNumber(head) {
      guard();
      return head.number - depth;
    },
    async block(number) {
      guard();
      return blocks[number]?.ref ?? null;
    },
    async readBlock(ref, attempts): Promise<BlockFacts | null> {
      guard();
      const block = blocks[ref.number];
      if (faults.noReceipts || block === undefined || block.ref.hash !== ref.hash) return null;
      const slots = block.ran.flatMap(({ transaction, mined }) => {
        const slot = attempts.get(transaction.hash);
        return slot === undefined ? [] : [{ ...mined, lane: slot.lane, nonce: slot.nonce }];
      });
      return { block: block.ref, ...block.log, nonceSkips: [], slots };
    },
    async send(raws) {
      guard();
      return raws.map(arrive);
    },
    async transactionCount(lane, number) {
      guard();
      return at(number).nonces.get(lane) ?? 0;
    },
    async gasBalance(lane) {
      guard();
      return chain.purses.get(lane) ?? rich;
    },
    async fees() {
      guard();
      return chain.market;
    },
    async gasLimit() {
      guard();
      return 16_777_216n;
    },
    async readAccounts(of, accounts, number) {
      guard();
      return accounts.map((address) => {
        const account = accountIn(coinAt(of, number), address);
        const window = account.window.reduce((bits, nonce) => bits | (1n << (nonce - account.base)), 0n);
        const { balance, frozen, base } = account;
        return { balance, frozen, nonceBase: base, nonceWindow: window, vasp: 0, escrow: false };
      });
    },
    async totalSupply(of, number) {
      guard();
      return coinAt(of, number).supply;
    },
    async coverage(of, number) {
      guard();
      return {
        attested: at(number).world.desk.attested.get(of) ?? chain.attested,
        asOf: at(number).ref.time,
        outstanding: coinAt(of, number).supply,
        mintable: true,
      };
    },
    async isFenceConsumed() {
      throw new Error("the model does not answer this");
    },
    async readVasp() {
      throw new Error("the model does not answer this");
    },
    async readLeaving() {
      throw new Error("the model does not answer this");
    },
    async readDealer() {
      throw new Error("the model does not answer this");
    },
    async simulate({ to, data }) {
      guard();
      if (faults.blindSimulation) return null;
      if (!isSettle(to, data)) return tryOut(decodeCall(data), to);
      if (coin.paused) return "paused";
      return decodeSettle(data).some(({ memo }) => memo !== null && coin.poison.has(memo)) ? "reverted" : null;
    },
  };
  chain.mine(1);
  return chain;
}
