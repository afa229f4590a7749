/**
 * The Chain port over JSON-RPC: heads, blocks as facts, broadcasts and views. Owns what counts as final and what a broadcast's answer
 * proves: almost nothing, unless an exact and tested rule of that client says so. Promises that the facts of a block are all from
 * that one block hash, or none. Never decides on an intent.
 */
import type { BlockFacts, BlockRef, SlotMined } from "../domain/facts.ts";
import type { Address, Hex, Word } from "../domain/hex.ts";
import type { Chain, Deployment, Fees, SendAnswer, SlotKey } from "../pipeline/ports.ts";
import { decodeBlock, listWatched } from "./decode.ts";
import { loadKeccak, toHex } from "./digest.ts";
import type { Answers, RawLog } from "./logs.ts";
import { findQuestions, type Questions } from "./questions.ts";
import { ChainFault, createRpc, type RpcAnswer, type RpcOptions, unwrap } from "./rpc.ts";
import { createViews, toQuantity } from "./views.ts";

/** `finalized` is the chain's own tag; a depth is counted from the head. */
export type Finality = "finalized" | { readonly depth: number };

export interface ChainOptions extends RpcOptions {
  readonly deployment: Deployment;
  readonly finality: Finality;
  /**
   * Wei per gas that the planner pays at most. While the market is below it, `fees` stays at or below it; above, `fees` tells the real
   * price, so that the planner sees it and holds.
   */
  readonly maxFeePerGas?: bigint;
}

/** The follower's blocks of one tick. */
const blocksSeen = 64;
/** EIP-7825: no transaction may have more gas. */
const transactionGasCap = 16_777_216n;
/** What a client that knows no priority fee is offered: 1 gwei. */
const fallbackPriorityFee = 1_000_000_000n;

interface RawBlock {
  readonly number: Hex;
  readonly hash: Word;
  readonly parentHash: Word;
  readonly timestamp: Hex;
  readonly gasLimit: Hex;
  readonly baseFeePerGas?: Hex;
  readonly transactions: readonly Word[];
}

interface RawReceipt {
  readonly blockHash: Word;
  readonly status: Hex;
  readonly gasUsed: Hex;
  readonly effectiveGasPrice: Hex;
  readonly logs: readonly RawLog[];
}

interface RawTransaction {
  readonly from: Address;
  readonly to: Address | null;
  readonly input: Hex;
  readonly gas: Hex;
}

/** A client's own words for "this broadcast put nothing into my pool". It says nothing about an earlier one of the same bytes. */
interface RefusalRule {
  readonly client: RegExp;
  readonly code: number;
  readonly message: RegExp;
}

/** Each one is provoked by a test against that client; anything else is "maybe sent". */
export const refusalRules: readonly RefusalRule[] = [
  {
    client: /^HardhatNetwork\/3\./,
    code: -32000,
    message:
      /^Sender doesn't have enough funds to send tx\. The max upfront cost is: \d+ and the sender's balance is: \d+\.$/,
  },
  {
    client: /^HardhatNetwork\/3\./,
    code: -32000,
    message: /^Transaction maxFeePerGas \(\d+\) is too low for the next block, which has a baseFeePerGas of \d+$/,
  },
  { client: /^anvil\/v1\./, code: -32003, message: /^Insufficient funds for gas \* price \+ value$/ },
  { client: /^anvil\/v1\./, code: -32003, message: /^max fee per gas less than block base fee$/ },
];

/** What an answer to `eth_sendRawTransaction` proves. */
export function classifySend(answer: RpcAnswer | ChainFault, client: string): SendAnswer {
  if (answer instanceof ChainFault) return { kind: "unknown", message: answer.message };
  if (answer.ok) {
    const hash = answer.result;
    const isHash = typeof hash === "string" && /^0x[0-9a-f]{64}$/i.test(hash);
    return isHash
      ? { kind: "answered", hash: hash.toLowerCase() as Hex }
      : { kind: "unknown", message: "the answer is not a hash" };
  }
  const { code, message } = answer;
  const isRefused = refusalRules.some(
    (rule) => rule.client.test(client) && rule.code === code && rule.message.test(message),
  );
  return { kind: isRefused ? "refused" : "unknown", message: `${code} ${message}`.slice(0, 500) };
}

function toRef(block: RawBlock): BlockRef {
  return {
    number: Number(block.number),
    hash: block.hash.toLowerCase() as Word,
    parent: block.parentHash.toLowerCase() as Word,
    time: Number(block.timestamp),
  };
}

const lower = <T extends Hex>(hex: T): T => hex.toLowerCase() as T;

/** A Chain over one endpoint. Connects lazily: nothing is asked before the first call. */
export function createChain(options: ChainOptions): Chain {
  const { deployment, finality, maxFeePerGas } = options;
  const rpc = createRpc(options);
  const views = createViews({ rpc, deployment });
  const watched = listWatched(deployment);
  const isWatched = new Set<string>(watched);
  let client: Promise<string> | undefined;

  /** Blocks answered lately, by hash: what a hash stands for does not change, and the follower reads the block it has just been told of. */
  const seen = new Map<Word, RawBlock>();

  async function fetchBlock(tag: Hex | "latest" | "finalized"): Promise<RawBlock | null> {
    const block = await rpc.ask<RawBlock | null>("eth_getBlockByNumber", tag, false);
    if (block !== null) {
      seen.set(lower(block.hash), block);
      if (seen.size > blocksSeen) for (const oldest of [...seen.keys()].slice(0, 1)) seen.delete(oldest);
    }
    return block;
  }

  async function fetchHead(): Promise<RawBlock> {
    const block = await fetchBlock("latest");
    if (block === null) throw new ChainFault("malformed", { step: "head", message: "the chain has no latest block" });
    return block;
  }

  /** Rules are per client: asked once, and again after a failure. */
  async function clientVersion(): Promise<string> {
    client ??= rpc.ask<string>("web3_clientVersion");
    try {
      return await client;
    } catch {
      client = undefined;
      return "";
    }
  }

  async function identity(): ReturnType<Chain["identity"]> {
    const addresses = [deployment.authority, ...watched, deployment.dispatcher];
    const [chainId, genesis, ...codes] = await rpc.read([
      { method: "eth_chainId", params: [] },
      { method: "eth_getBlockByNumber", params: ["0x0", false] },
      ...addresses.map((address) => ({ method: "eth_getCode", params: [address, "latest"] })),
    ]);
    const keccak = await loadKeccak();
    const first = unwrap<RawBlock | null>(genesis, "eth_getBlockByNumber");
    if (first === null) throw new ChainFault("evidence", { step: "identity", message: "the chain has no block 0" });
    const hashes = codes.map((code) => {
      return toHex(keccak(Buffer.from(unwrap<Hex>(code, "eth_getCode").slice(2), "hex")));
    });
    return {
      chainId: Number(unwrap<Hex>(chainId, "eth_chainId")),
      genesis: lower(first.hash),
      code: Object.fromEntries(addresses.map((address, i) => [address, hashes[i] as Word])),
    };
  }

  async function finalNumber(head: BlockRef): Promise<number> {
    if (finality !== "finalized") return Math.max(-1, head.number - finality.depth);
    const block = await fetchBlock("finalized");
    return block === null ? -1 : Math.min(Number(block.number), head.number);
  }

  async function fees(): Promise<Fees> {
    const [latest, tip] = await rpc.read([
      { method: "eth_getBlockByNumber", params: ["latest", false] },
      { method: "eth_maxPriorityFeePerGas", params: [] },
    ]);
    const block = unwrap<RawBlock | null>(latest, "eth_getBlockByNumber");
    const base = BigInt(block?.baseFeePerGas ?? "0x0");
    const priority = tip?.ok === true ? BigInt(tip.result as Hex) : fallbackPriorityFee;
    // twice the base fee survives five full blocks in a row
    const wanted = 2n * base + priority;
    const isAffordable = maxFeePerGas !== undefined && base + priority <= maxFeePerGas;
    const most = isAffordable && maxFeePerGas < wanted ? maxFeePerGas : wanted;
    return { maxFeePerGas: most, maxPriorityFeePerGas: priority };
  }

  async function gasLimit(): Promise<bigint> {
    const limit = BigInt((await fetchHead()).gasLimit);
    return limit < transactionGasCap ? limit : transactionGasCap;
  }

  async function send(raws: readonly Hex[]): Promise<readonly SendAnswer[]> {
    if (raws.length === 0) return [];
    const answers = await rpc.write(raws.map((raw) => ({ method: "eth_sendRawTransaction", params: [raw] })));
    const version = answers.some((answer) => !(answer instanceof ChainFault) && !answer.ok)
      ? await clientVersion()
      : "";
    return answers.map((answer) => classifySend(answer, version));
  }

  /** Why a mined call reverted: replayed on the state before the block, then on the state after it. Null when it would succeed. */
  async function explainReverted(transaction: RawTransaction, ref: BlockRef): Promise<SlotMined["reason"]> {
    if (transaction.to === null) return "reverted";
    const { from, to, input: data, gas } = transaction;
    const call = { from: lower(from), to: lower(to), data: lower(data), gas: BigInt(gas) };
    try {
      const before = await views.explain(call, { blockHash: ref.parent });
      return before ?? (await views.explain(call, { blockHash: ref.hash }));
    } catch (error) {
      // a client that keeps no old state; the revert itself is a fact all the same
      if (error instanceof ChainFault && error.kind === "answer") return null;
      throw error;
    }
  }

  /** What is in a block: our receipts and every log of our contracts; null when it belongs to another block by now. */
  async function readContents(
    block: RawBlock,
    attempts: ReadonlyMap<Word, SlotKey>,
  ): Promise<{ readonly receipts: ReadonlyMap<Word, RawReceipt>; readonly logs: readonly RawLog[] } | null> {
    const ours = block.transactions.map(lower).filter((hash) => attempts.has(hash));
    // where every transaction is ours, the receipts hold all logs there are, and asking for them twice doubles the work
    const isOursAlone = ours.length === block.transactions.length;
    // the block once more, in the same exchange: it may have been seen a moment ago and be replaced by now
    const [again, ...answers] = await rpc.read([
      { method: "eth_getBlockByNumber", params: [block.number, false] },
      ...ours.map((hash) => ({ method: "eth_getTransactionReceipt", params: [hash] })),
      ...(isOursAlone ? [] : [{ method: "eth_getLogs", params: [{ blockHash: block.hash, address: watched }] }]),
    ]);
    const now = unwrap<RawBlock | null>(again, "eth_getBlockByNumber");
    if (now === null || lower(now.hash) !== lower(block.hash)) return null;
    const receipts = new Map<Word, RawReceipt>();
    for (const [i, hash] of ours.entries()) {
      const receipt = unwrap<RawReceipt | null>(answers[i], "eth_getTransactionReceipt");
      if (receipt === null) throw new ChainFault("evidence", { step: "readBlock", message: `no receipt for ${hash}` });
      if (lower(receipt.blockHash) !== lower(block.hash)) return null;
      receipts.set(hash, receipt);
    }
    const said = [...receipts.values()].flatMap(({ logs }) =>
      logs.filter((log) => isWatched.has(lower(log.address as Address))),
    );
    if (isOursAlone) return { receipts, logs: said };
    const logs = unwrap<readonly RawLog[]>(answers[ours.length], "eth_getLogs");
    checkLogs(logs.filter((log) => receipts.has(lower(log.transactionHash as Word))).length, said.length);
    return { receipts, logs };
  }

  /** The mined slots among a block's transactions. */
  async function readSlots(
    block: BlockRef,
    attempts: ReadonlyMap<Word, SlotKey>,
    receipts: ReadonlyMap<Word, RawReceipt>,
  ): Promise<readonly SlotMined[]> {
    const slots: SlotMined[] = [];
    for (const [transaction, receipt] of receipts) {
      const { lane, nonce } = attempts.get(transaction) as SlotKey;
      const succeeded = BigInt(receipt.status) === 1n;
      const gasUsed = BigInt(receipt.gasUsed);
      const gasPrice = BigInt(receipt.effectiveGasPrice);
      const reason = succeeded ? null : await explainReverted(await fetchTransaction(transaction), block);
      slots.push({ lane, nonce, transaction, succeeded, gasUsed, gasPrice, reason });
    }
    return slots;
  }

  /** A provider whose log index lags behind its blocks would make payments vanish: the receipt knows better. */
  function checkLogs(found: number, expected: number): void {
    if (expected === found) return;
    const message = `${found} of ${expected} logs of our transactions were answered`;
    throw new ChainFault("evidence", { step: "readBlock", message });
  }

  async function fetchTransaction(hash: Word): Promise<RawTransaction> {
    const transaction = await rpc.ask<RawTransaction | null>("eth_getTransactionByHash", hash);
    if (transaction === null)
      throw new ChainFault("evidence", { step: "readBlock", message: `no transaction ${hash}` });
    return transaction;
  }

  async function readBlock(ref: BlockRef, attempts: ReadonlyMap<Word, SlotKey>): Promise<BlockFacts | null> {
    const block = seen.get(ref.hash) ?? (await fetchBlock(toQuantity(ref.number)));
    if (block === null || lower(block.hash) !== ref.hash) return null;
    const contents = await readContents(block, attempts);
    if (contents === null) return null;
    const { logs: raws } = contents;
    const slots = await readSlots(ref, attempts, contents.receipts);
    const senders = new Map<Word, Address>();
    for (const slot of slots) senders.set(slot.transaction, slot.lane);

    const questions = findQuestions(raws, (transaction) => senders.has(transaction));
    const answers = await answer(questions, { ref, senders });
    return decodeBlock({ block: toRef(block), raws, deployment, answers, slots });
  }

  /** Everything that logs do not say and decoding needs, at exactly this block or the one before it. */
  async function answer(
    questions: Questions,
    found: { readonly ref: BlockRef; readonly senders: ReadonlyMap<Word, Address> },
  ): Promise<Answers> {
    const [here, before] = [{ blockHash: found.ref.hash }, { blockHash: found.ref.parent }];
    const senders = new Map(found.senders);
    const wanted = questions.transactions;
    const transactions = await rpc.read(wanted.map((hash) => ({ method: "eth_getTransactionByHash", params: [hash] })));
    for (const [i, hash] of wanted.entries()) {
      const transaction = unwrap<RawTransaction | null>(transactions[i], "eth_getTransactionByHash");
      if (transaction === null)
        throw new ChainFault("evidence", { step: "readBlock", message: `no transaction ${hash}` });
      senders.set(hash, lower(transaction.from));
    }
    return {
      senders,
      frozenWhole: await views.findFrozen(questions.payers, here),
      frozen: await views.readFrozen(questions.seized, here),
      redemptions: await views.readRedemptions(questions.redemptions, here),
      payments: await views.readPayments(questions.payments, before),
      leaveTimes: await views.readLeaveTimes(questions.leavers, before),
    };
  }

  return {
    identity,
    head: async () => toRef(await fetchHead()),
    finalNumber,
    async block(number) {
      const block = await fetchBlock(toQuantity(number));
      return block === null ? null : toRef(block);
    },
    readBlock,
    send,
    transactionCount: async (lane, number) =>
      Number(await rpc.ask<Hex>("eth_getTransactionCount", lane, toQuantity(number))),
    gasBalance: async (lane) => BigInt(await rpc.ask<Hex>("eth_getBalance", lane, "latest")),
    fees,
    gasLimit,
    readAccounts: views.readAccounts,
    totalSupply: views.totalSupply,
    coverage: views.coverage,
    isFenceConsumed: views.isFenceConsumed,
    readVasp: views.readVasp,
    readLeaving: views.readLeaving,
    readDealer: views.readDealer,
    simulate: (call) => views.explain(call, "latest"),
  };
}
