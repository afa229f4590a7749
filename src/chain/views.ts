/**
 * Reading contracts: account words, supplies, reserves, fences, and why a call would revert. Owns which view answers which question
 * and which answers of a client mean "the call reverted". Reads only; every read names its block.
 */
import { toFunctionSelector, toFunctionSignature } from "viem";
import { type Address, type Hex, toWord, type Word } from "../domain/hex.ts";
import type { HeldReason } from "../domain/intent.ts";
import type { Chain, ChainAccount, Deployment } from "../pipeline/ports.ts";
import {
  claimEscrowAbi,
  commerceEscrowAbi,
  fxSwapAbi,
  redemptionEscrowAbi,
  stablecoinAbi,
  treasuryAbi,
  vaspRegistryAbi,
} from "./abi.ts";
import { type AnyAbi, encodeView, toFenceQuestion } from "./fences.ts";
import type { KeptPayment, KeptTerms } from "./logs.ts";
import { explainRevert } from "./errors.ts";
import { ChainFault, type Rpc, type RpcAnswer, type RpcRequest, unwrap } from "./rpc.ts";
import { parseAccountWord } from "./word.ts";

/** A height, or a hash where the answer must be of exactly that block (EIP-1898). */
export type BlockTag = number | { readonly blockHash: Word } | "latest";

export interface Call {
  readonly to: Address;
  readonly data: Hex;
  readonly from?: Address;
  readonly gas?: bigint;
}

/** No key, no role: what a stranger could do. */
const nobody: Address = "0x000000000000000000000000000000000000dead";
/** The pause bit of minting, as the coin numbers them. */
const pausedMint = 4n;

export function toTag(block: BlockTag): unknown {
  return typeof block === "number" ? toQuantity(block) : block;
}

/** A number as JSON-RPC writes it. */
export function toQuantity(value: bigint | number): Hex {
  return `0x${value.toString(16)}`;
}

export function toCallRequest(call: Call, block: BlockTag): RpcRequest {
  const { from = nobody, to, data, gas } = call;
  const transaction = { from, to, data, ...(gas === undefined ? {} : { gas: toQuantity(gas) }) };
  return { method: "eth_call", params: [transaction, toTag(block)] };
}

/** The revert data of a call that failed in the EVM, `0x` where there is none; null when the answer says something else. */
export function readRevert(answer: RpcAnswer): Hex | null {
  if (answer.ok) return null;
  const { code, message, data } = answer;
  const inner = typeof data === "object" && data !== null ? (data as { data?: unknown }).data : data;
  if (code === 3 && typeof inner === "string" && /^0x([0-9a-f]{2})*$/i.test(inner)) return inner as Hex;
  // no client has a code of its own for these; the wordings are those of Hardhat, anvil and geth
  return /out of gas|OutOfGas|execution reverted|invalid opcode/i.test(message) ? "0x" : null;
}

/**
 * Whose coins a call takes: the account a freeze would be blamed on. Null where it takes nobody's. In a coin's call it is the
 * first argument; the terms an escrow is given begin with the coin, then the payer, a quote with the maker, then the taker, who asks.
 */
function payerOf({ to, data }: Call, deployment: Deployment): Address | null {
  const isCoin = deployment.coins.some((coin) => coin.address === to);
  const isTerms =
    takers.has(data.slice(0, 10)) &&
    [deployment.redemptions, deployment.claims, deployment.commerce, deployment.swap].includes(to);
  if (!isCoin && !isTerms) return null;
  // a refund takes the merchant's, who comes third
  const word = isCoin ? 0 : data.slice(0, 10) === refundSelector ? 2 : 1;
  const start = 10 + 64 * word + 24;
  return data.length < start + 40 ? null : `0x${data.slice(start, start + 40)}`;
}

function selectorOf(abi: AnyAbi, name: string): string {
  const item = (abi as readonly { readonly type: string; readonly name?: string }[]).find(
    (entry) => entry.type === "function" && entry.name === name,
  );
  if (item === undefined) throw new Error(`the ABI has no function ${name}`);
  return toFunctionSelector(toFunctionSignature(item as never));
}

const refundSelector = selectorOf(commerceEscrowAbi, "refund");
/** Calls of escrows that take coins from an account. */
const takers: ReadonlySet<string> = new Set([
  selectorOf(redemptionEscrowAbi, "lock"),
  selectorOf(claimEscrowAbi, "open"),
  selectorOf(commerceEscrowAbi, "authorize"),
  selectorOf(commerceEscrowAbi, "charge"),
  selectorOf(fxSwapAbi, "swap"),
  refundSelector,
]);

export interface Views
  extends Pick<
    Chain,
    "readAccounts" | "totalSupply" | "coverage" | "isFenceConsumed" | "readVasp" | "readLeaving" | "readDealer"
  > {
  /** Why a call fails at that block; null when it succeeds there. */
  explain(call: Call, block: BlockTag): Promise<HeldReason | null>;
  /** Of these accounts, those frozen whole; coin and account joined. */
  findFrozen(
    accounts: readonly { readonly coin: Address; readonly account: Address }[],
    block: BlockTag,
  ): Promise<ReadonlySet<string>>;
  /** What may not leave each of these accounts, coin and account joined; null when frozen whole. */
  readFrozen(
    accounts: readonly { readonly coin: Address; readonly account: Address }[],
    block: BlockTag,
  ): Promise<ReadonlyMap<string, bigint | null>>;
  readRedemptions(
    ids: readonly { readonly escrow: Address; readonly id: Word }[],
    block: BlockTag,
  ): Promise<ReadonlyMap<Word, KeptTerms>>;
  /** Payments as they stand at that block; those nobody authorized are left out. */
  readPayments(ids: readonly Word[], block: BlockTag): Promise<ReadonlyMap<Word, KeptPayment>>;
  /** When each of these accounts leaves its family, Unix seconds; 0 where it has not said so. */
  readLeaveTimes(accounts: readonly Address[], block: BlockTag): Promise<ReadonlyMap<Address, bigint>>;
}

/** `text` of an answer that holds strings: the dynamic value whose offset stands in that word. */
function textAt(words: readonly bigint[], index: number): string {
  const start = Number(words[index] ?? 0n) / 32;
  const length = Number(words[start] ?? 0n);
  const digits = words.slice(start + 1, start + 1 + Math.ceil(length / 32)).map((word) => toWord(word).slice(2));
  return Buffer.from(digits.join("").slice(0, 2 * length), "hex").toString("utf8");
}

const toAddress = (word: bigint): Address => `0x${toWord(word).slice(26)}`;

export function createViews({ rpc, deployment }: { readonly rpc: Rpc; readonly deployment: Deployment }): Views {
  /** Runs views at one block; each answer as its 32-byte words. */
  async function view(calls: readonly Call[], block: BlockTag): Promise<readonly (readonly bigint[])[]> {
    const answers = await rpc.read(calls.map((call) => toCallRequest(call, block)));
    return answers.map((answer) => {
      const result = unwrap<string>(answer, "eth_call");
      const words = result.slice(2).match(/.{64}/g);
      // an address without code answers nothing: the chain is not the one we think it is
      if (words === null)
        throw new ChainFault("evidence", { step: "view", message: "a contract of ours has no answer" });
      return words.map((word) => BigInt(`0x${word}`));
    });
  }

  const viewOne = async (call: Call, block: BlockTag): Promise<readonly bigint[]> =>
    (await view([call], block))[0] ?? [];

  const wordCall = (coin: Address, account: Address): Call => ({
    to: coin,
    data: encodeView(stablecoinAbi, "wordOf", [account]),
  });

  async function readAccounts(coin: Address, accounts: readonly Address[], number: number): Promise<ChainAccount[]> {
    const words = await view(
      accounts.map((account) => wordCall(coin, account)),
      number,
    );
    return words.map(([word]) => parseAccountWord(word ?? 0n));
  }

  async function totalSupply(coin: Address, number: number): Promise<bigint> {
    const [supply] = await viewOne({ to: coin, data: encodeView(stablecoinAbi, "totalSupply", []) }, number);
    return supply ?? 0n;
  }

  async function coverage(coin: Address, number: number): ReturnType<Chain["coverage"]> {
    const treasury = (name: string, ...args: readonly unknown[]): Call => ({
      to: deployment.treasury,
      data: encodeView(treasuryAbi, name, args),
    });
    const [covered, attestation, enabled, paused] = await view(
      [
        treasury("coverage", coin),
        treasury("attestation", coin),
        treasury("mintingEnabled", coin),
        { to: coin, data: encodeView(stablecoinAbi, "pausedBits", []) },
      ],
      number,
    );
    const block = await rpc.ask<{ readonly timestamp: Hex } | null>("eth_getBlockByNumber", toQuantity(number), false);
    const [, asOf = 0n, staleAt = 0n] = attestation ?? [];
    const isFresh = block !== null && BigInt(block.timestamp) < staleAt;
    const isOn = (enabled?.[0] ?? 0n) !== 0n && ((paused?.[0] ?? 0n) & pausedMint) === 0n;
    return {
      attested: covered?.[0] ?? 0n,
      asOf: Number(asOf),
      outstanding: covered?.[1] ?? 0n,
      mintable: isOn && isFresh,
    };
  }

  const isFenceConsumed: Chain["isFenceConsumed"] = async (intent, number) => {
    const question = toFenceQuestion(intent);
    return question.isConsumed(await viewOne(question, number));
  };

  async function explain(call: Call, block: BlockTag): Promise<HeldReason | null> {
    const [answer] = await rpc.read([toCallRequest(call, block)]);
    if (answer?.ok === true) return null;
    const revert = answer === undefined ? null : readRevert(answer);
    if (revert === null) unwrap(answer, "eth_call");
    return explainRevert(revert as Hex, payerOf(call, deployment));
  }

  const readFrozen: Views["readFrozen"] = async (accounts, block) => {
    const words = await view(
      accounts.map(({ coin, account }) => wordCall(coin, account)),
      block,
    );
    return new Map(
      accounts.map(({ coin, account }, i) => [coin + account, parseAccountWord(words[i]?.[0] ?? 0n).frozen]),
    );
  };

  const findFrozen: Views["findFrozen"] = async (accounts, block) => {
    const frozen = await readFrozen(accounts, block);
    return new Set([...frozen].flatMap(([account, amount]) => (amount === null ? [account] : [])));
  };

  const toRegistry = (name: string, ...args: readonly unknown[]): Call => ({
    to: deployment.registry,
    data: encodeView(vaspRegistryAbi, name, args),
  });

  const readPayments: Views["readPayments"] = async (ids, block) => {
    const answers = await view(
      ids.map((id) => ({ to: deployment.commerce, data: encodeView(commerceEscrowAbi, "paymentOf", [id]) })),
      block,
    );
    return new Map(
      ids.flatMap((id, i): readonly [Word, KeptPayment][] => {
        const [authorized = 0n, captured = 0n, voided = 0n, , , disputed] = answers[i] ?? [];
        return authorized === 0n ? [] : [[id, { authorized, captured, voided, disputed: disputed === 1n }]];
      }),
    );
  };

  const readLeaveTimes: Views["readLeaveTimes"] = async (accounts, block) => {
    const answers = await view(
      accounts.map((account) => toRegistry("leaveAt", account)),
      block,
    );
    return new Map(accounts.map((account, i) => [account, answers[i]?.[0] ?? 0n]));
  };

  const readVasp: Views["readVasp"] = async (id) => {
    const words = await viewOne(toRegistry("operatorOf", BigInt(id)), "latest");
    const [admin = 0n, , , , suspended] = words;
    if (admin === 0n) return null;
    const texts = { domain: textAt(words, 2), baseUrl: textAt(words, 3) };
    return { id, admin: toAddress(admin), ...texts, suspended: suspended === 1n };
  };

  const readLeaving: Views["readLeaving"] = async (account) => {
    const time = (await readLeaveTimes([account], "latest")).get(account) ?? 0n;
    return time === 0n ? null : Number(time);
  };

  const readDealer: Views["readDealer"] = async (dealer) => {
    const call = { to: deployment.treasury, data: encodeView(treasuryAbi, "dealerOf", [dealer]) };
    const [tier = 0n, available = 0n] = await viewOne(call, "latest");
    return { tier: Number(tier), available };
  };

  const readRedemptions: Views["readRedemptions"] = async (ids, block) => {
    const answers = await view(
      ids.map(({ escrow, id }) => ({ to: escrow, data: encodeView(redemptionEscrowAbi, "redemptionOf", [id]) })),
      block,
    );
    return new Map(
      ids.map(({ id }, i): [Word, KeptTerms] => {
        const [, , holder = 0n, , acceptBy, payoutBy, finalBy] = answers[i] ?? [];
        const kept = { acceptBy: Number(acceptBy), payoutBy: Number(payoutBy), finalBy: Number(finalBy) };
        return [id, { holder: toAddress(holder), ...kept }];
      }),
    );
  };

  const reads = { readAccounts, totalSupply, coverage, isFenceConsumed, readVasp, readLeaving, readDealer };
  const evidence = { explain, findFrozen, readFrozen, readRedemptions, readPayments, readLeaveTimes };
  return { ...reads, ...evidence };
}
