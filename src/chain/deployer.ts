/**
 * One account's transactions, one after the other: sent, waited for, checked. Owns nonce, gas and fees of a deployment; either with a key
 * or with an account that the node itself unlocks. Promises that a step which has not succeeded throws. Not for lanes: those sign
 * through the store.
 */
import { privateKeyToAccount } from "viem/accounts";
import type { Address, Hex, Word } from "../domain/hex.ts";
import { ChainFault, type Rpc, unwrap } from "./rpc.ts";
import { readRevert, toQuantity } from "./views.ts";
import { formatRevert } from "./errors.ts";

/** A call, or a contract to create where `to` is null. */
export interface Sending {
  readonly to: Address | null;
  readonly data: Hex;
}

export interface Deployer {
  readonly address: Address;
  /** Nonce of the next transaction: contracts get their addresses from it. */
  nextNonce(): Promise<number>;
  /** Waits until nothing of the account is on its way any more. */
  waitUntilIdle(): Promise<void>;
  /** Sends all, in order, and waits until all are mined; each one's block. Throws when one did not succeed. */
  send(sendings: readonly Sending[]): Promise<readonly number[]>;
}

/** EIP-7825: no transaction may have more gas. */
const transactionGasCap = 16_777_216n;

/** What a configuring call may use where the node cannot estimate it yet: several fresh slots and an event, doubled. */
const callGas = 300_000n;
/** Gas per byte of a contract's creation code, above `creationGas`: call data, storing it, running the constructor. */
const creationGasPerByte = 240n;
const creationGas = 1_000_000n;

interface RawReceipt {
  readonly status: Hex;
  readonly blockNumber: Hex;
}

export interface DeployerOptions {
  readonly rpc: Rpc;
  readonly chainId: number;
  /** Without a key the node's first unlocked account is used. */
  readonly key?: Hex | undefined;
  /** Milliseconds until a transaction that is not mined is given up; it may still be mined later. */
  readonly waitMs?: number;
}

export async function createDeployer({ rpc, chainId, key, waitMs = 180_000 }: DeployerOptions): Promise<Deployer> {
  const account = key === undefined ? null : privateKeyToAccount(key);
  const unlocked = account === null ? (await rpc.ask<readonly Address[]>("eth_accounts"))[0] : undefined;
  const named = account?.address ?? unlocked;
  if (named === undefined) throw new Error("the node unlocks no account: give the deployer's key");
  const address = named.toLowerCase() as Address;

  const nextNonce = async (): Promise<number> =>
    Number(await rpc.ask<Hex>("eth_getTransactionCount", address, "pending"));

  /** The node's estimate where it has one: a step that builds on one not mined yet cannot be estimated. */
  async function estimate(sendings: readonly Sending[]): Promise<readonly bigint[]> {
    const answers = await rpc.read(
      sendings.map(({ to, data }) => ({
        method: "eth_estimateGas",
        params: [{ from: address, data, ...(to === null ? {} : { to }) }],
      })),
    );
    return sendings.map(({ to, data }, i) => {
      const answer = answers[i];
      const estimated = answer?.ok === true ? (BigInt(answer.result as Hex) * 5n) / 4n : 0n;
      const least = to === null ? creationGas + creationGasPerByte * BigInt(data.length / 2 - 1) : callGas;
      const wanted = estimated > least ? estimated : least;
      return wanted < transactionGasCap ? wanted : transactionGasCap;
    });
  }

  interface Priced extends Sending {
    readonly nonce: number;
    readonly gas: bigint;
    readonly maxFeePerGas: bigint;
    readonly maxPriorityFeePerGas: bigint;
  }

  async function broadcast({ to, data, nonce, gas, maxFeePerGas, maxPriorityFeePerGas }: Priced): Promise<Word> {
    if (account !== null) {
      const fees = { maxFeePerGas, maxPriorityFeePerGas };
      const raw = await account.signTransaction({ type: "eip1559", chainId, nonce, to, data, gas, ...fees });
      return one(await rpc.write([{ method: "eth_sendRawTransaction", params: [raw] }]));
    }
    const request = {
      from: address,
      ...(to === null ? {} : { to }),
      data,
      nonce: toQuantity(nonce),
      gas: toQuantity(gas),
      maxFeePerGas: toQuantity(maxFeePerGas),
      maxPriorityFeePerGas: toQuantity(maxPriorityFeePerGas),
    };
    return one(await rpc.write([{ method: "eth_sendTransaction", params: [request] }]));
  }

  function one(answers: Awaited<ReturnType<Rpc["write"]>>): Word {
    const [answer] = answers;
    if (answer instanceof ChainFault) throw answer;
    return unwrap<Word>(answer, "send");
  }

  async function waitFor(hash: Word): Promise<RawReceipt> {
    const end = performance.now() + waitMs;
    for (let pauseMs = 20; performance.now() < end; pauseMs = Math.min(pauseMs * 2, 2_000)) {
      const receipt = await rpc.ask<RawReceipt | null>("eth_getTransactionReceipt", hash);
      if (receipt !== null) return receipt;
      await new Promise((resolve) => {
        setTimeout(resolve, pauseMs);
      });
    }
    throw new Error(
      `${hash} was not mined in ${waitMs / 1000} s; run the deployment again, it goes on where it stopped`,
    );
  }

  /** What a mined transaction said when it reverted, for the message. */
  async function explain({ to, data }: Sending): Promise<string> {
    const [answer] = await rpc.read([
      { method: "eth_call", params: [{ from: address, data, ...(to === null ? {} : { to }) }, "latest"] },
    ]);
    const revert = answer === undefined ? null : readRevert(answer);
    return revert === null ? "no reason found" : formatRevert(revert);
  }

  async function send(sendings: readonly Sending[]): Promise<readonly number[]> {
    if (sendings.length === 0) return [];
    const limits = await estimate(sendings);
    const first = await nextNonce();
    const block = await rpc.ask<{ readonly baseFeePerGas?: Hex }>("eth_getBlockByNumber", "latest", false);
    const maxPriorityFeePerGas = 1_000_000_000n;
    const maxFeePerGas = 2n * BigInt(block.baseFeePerGas ?? "0x0") + maxPriorityFeePerGas;
    const hashes: Word[] = [];
    for (const [i, sending] of sendings.entries()) {
      const gas = limits[i] ?? callGas;
      hashes.push(await broadcast({ ...sending, nonce: first + i, gas, maxFeePerGas, maxPriorityFeePerGas }));
    }
    const blocks: number[] = [];
    for (const [i, hash] of hashes.entries()) {
      const receipt = await waitFor(hash);
      const sending = sendings[i] as Sending;
      if (BigInt(receipt.status) !== 1n) throw new Error(`${hash} reverted: ${await explain(sending)}`);
      blocks.push(Number(receipt.blockNumber));
    }
    return blocks;
  }

  async function waitUntilIdle(): Promise<void> {
    const end = performance.now() + waitMs;
    for (let pauseMs = 20; performance.now() < end; pauseMs = Math.min(pauseMs * 2, 2_000)) {
      const mined = Number(await rpc.ask<Hex>("eth_getTransactionCount", address, "latest"));
      if (mined >= (await nextNonce())) return;
      await new Promise((resolve) => {
        setTimeout(resolve, pauseMs);
      });
    }
    throw new Error(`${address} has transactions that were not mined in ${waitMs / 1000} s; run the deployment again`);
  }

  return { address, nextNonce, waitUntilIdle, send };
}
