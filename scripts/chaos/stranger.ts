/**
 * Somebody who sees signed payments and brings them to the chain with gas of his own. Owns his key and how he sends; needs no node and no permission.
 * That is harmless and must stay so: such a payment is settled, once, and the node says so.
 */
import { createWalletClient, http, keccak256, stringToHex } from "viem";
import { privateKeyToAccount } from "viem/accounts";
import { createEncoder } from "../../src/chain/encode.ts";
import { readDeployment } from "../../src/config.ts";
import { type Address, type Hex, toLower, type Word } from "../../src/domain/hex.ts";
import { toSettleData } from "../../src/domain/plan.ts";
import type { TransferRequest } from "../../src/http/schemas.ts";
import { connect, findDeployerKey, fund } from "../devnet/rpc.ts";
import type { Stage } from "./stage.ts";

const gas = 300_000n;
const priorityFee = 1_000_000_000n;

export interface Stranger {
  /** Payments handed to the chain so far. */
  readonly count: number;
  /** Sends the signed row; whether it is carried out, or the node was first, is the chain's business. Never throws. */
  settle(body: TransferRequest): Promise<void>;
}

export async function createStranger(stage: Stage, seed: number): Promise<Stranger> {
  const { chainUrl, chainId, coin, data } = stage;
  const account = privateKeyToAccount(keccak256(stringToHex(`chaos stranger ${seed}`)));
  await fund({ url: chainUrl, deployerKey: findDeployerKey(chainId), accounts: [toLower(account.address)] });
  const encoder = await createEncoder(readDeployment(data));
  const client = connect(chainUrl);
  const wallet = createWalletClient({ account, transport: http(chainUrl) });
  let count = 0;
  let turn: Promise<unknown> = Promise.resolve();

  async function send({ authorization, signature }: TransferRequest): Promise<void> {
    const { from, to, value, validAfter, validBefore, nonce: key } = authorization;
    const parties = { from: from as Address, to: to as Address };
    const terms = { ...parties, value: BigInt(value), validAfter, validBefore, nonce: key as Word };
    const signed = { coin: coin.address, authorization: terms, signature: signature as Hex };
    const { facts } = encoder.encode({ kind: "transfer", ...signed, memo: null, reference: null });
    if (facts.action.kind !== "row") return;
    const [nonce, block] = await Promise.all([
      client.getTransactionCount({ address: account.address, blockTag: "pending" }),
      client.getBlock(),
    ]);
    const fees = { maxFeePerGas: (block.baseFeePerGas ?? 0n) * 4n + priorityFee, maxPriorityFeePerGas: priorityFee };
    const call = { to: coin.address, data: toSettleData([facts.action.row]), gas, nonce };
    const raw = await wallet.signTransaction({ ...fees, ...call, chain: null, chainId });
    await client.sendRawTransaction({ serializedTransaction: raw });
    count += 1;
  }

  return {
    get count() {
      return count;
    },
    settle(body) {
      // One after another: he has one nonce at a time. A reorg may take what he sent; he does not care.
      const result = turn.then(() => send(body)).catch(() => undefined);
      turn = result;
      return result;
    },
  };
}
