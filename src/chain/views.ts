/**
 * Reading contracts: account words, supplies, reserves, fences, and why a call would revert. Owns which view answers which question
 * and which answers of a client mean "the call reverted". Reads only; every read names its block.
 */
import { type EncodeFunctionDataParameters, encodeFunctionData } from "viem";
import { type Address, type Hex, toWord, type Word } from "../domain/hex.ts";
import { type Fence, type HeldReason, redemptionStates } from "../domain/intent.ts";
import type { Chain, ChainAccount, Deployment } from "../pipeline/ports.ts";
import { redemptionEscrowAbi, stablecoinAbi, treasuryAbi } from "./abi.ts";
import type { KeptTerms } from "./decode.ts";
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

/** Whose coins a call takes: the account a freeze would be blamed on. Null where it takes nobody's. */
function payerOf({ to, data }: Call, deployment: Deployment): Address | null {
  if (to === deployment.treasury) return null;
  const word = to === deployment.redemptions ? 1 : 0;
  const start = 10 + 64 * word + 24;
  return data.length < start + 40 ? null : `0x${data.slice(start, start + 40)}`;
}

export interface Views {
  readonly readAccounts: Chain["readAccounts"];
  readonly totalSupply: Chain["totalSupply"];
  readonly coverage: Chain["coverage"];
  readonly isFenceConsumed: Chain["isFenceConsumed"];
  /** Why a call fails at that block; null when it succeeds there. */
  explain(call: Call, block: BlockTag): Promise<HeldReason | null>;
  /** Of these accounts, those frozen whole; coin and account joined. */
  findFrozen(
    accounts: readonly { readonly coin: Address; readonly account: Address }[],
    block: BlockTag,
  ): Promise<ReadonlySet<string>>;
  readRedemptions(
    ids: readonly { readonly escrow: Address; readonly id: Word }[],
    block: BlockTag,
  ): Promise<ReadonlyMap<Word, KeptTerms>>;
}

type AnyAbi = typeof stablecoinAbi | typeof treasuryAbi | typeof redemptionEscrowAbi;

function encodeView(abi: AnyAbi, functionName: string, args: readonly unknown[]): Hex {
  return encodeFunctionData({ abi, functionName, args } as unknown as EncodeFunctionDataParameters);
}

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

  /**
   * A step's fence holds the redemption's id with its last byte replaced, so the 256 ids it may stand for are asked; ids are
   * digests, at most one of them exists. States are numbered along the edges: a later one means that `from` was left.
   */
  async function isStepTaken(fence: Fence, number: number): Promise<boolean> {
    const from = Number.parseInt(fence.key.slice(-2), 16);
    const stem = fence.key.slice(0, -2);
    const ids = Array.from({ length: 256 }, (_, i): Word => `${stem as Hex}${i.toString(16).padStart(2, "0")}`);
    const states = await view(
      ids.map((id) => ({ to: fence.scope, data: encodeView(redemptionEscrowAbi, "stateOf", [id]) })),
      number,
    );
    return states.some(([state]) => Number(state ?? 0n) > from && Number(state) < redemptionStates.length);
  }

  const isFenceConsumed: Chain["isFenceConsumed"] = async (kind, fence, number) => {
    switch (kind) {
      case "transfer":
      case "cancel":
      case "lock":
        return isTrue({
          to: fence.scope,
          data: encodeView(stablecoinAbi, "authorizationState", [fence.subject, fence.key]),
        });
      case "mint":
        return isTrue({ to: fence.scope, data: encodeView(treasuryAbi, "depositUsed", [fence.key]) });
      case "attest":
      case "minting":
      case "freeze":
      case "unfreeze":
        return isTrue({ to: fence.scope, data: encodeView(treasuryAbi, "orderUsed", [fence.subject, fence.key]) });
      default:
        return isStepTaken(fence, number);
    }
    async function isTrue(call: Call): Promise<boolean> {
      return (await viewOne(call, number))[0] === 1n;
    }
  };

  async function explain(call: Call, block: BlockTag): Promise<HeldReason | null> {
    const [answer] = await rpc.read([toCallRequest(call, block)]);
    if (answer?.ok === true) return null;
    const revert = answer === undefined ? null : readRevert(answer);
    if (revert === null) unwrap(answer, "eth_call");
    return explainRevert(revert as Hex, payerOf(call, deployment));
  }

  const findFrozen: Views["findFrozen"] = async (accounts, block) => {
    const words = await view(
      accounts.map(({ coin, account }) => wordCall(coin, account)),
      block,
    );
    const frozen = accounts.filter((_, i) => parseAccountWord(words[i]?.[0] ?? 0n).frozen === null);
    return new Set(frozen.map(({ coin, account }) => coin + account));
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
        return [id, { holder: `0x${toWord(holder).slice(26)}`, ...kept }];
      }),
    );
  };

  return { readAccounts, totalSupply, coverage, isFenceConsumed, explain, findFrozen, readRedemptions };
}
