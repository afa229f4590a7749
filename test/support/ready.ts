/**
 * Ready intents and stored accounts for planning tests: plain values, at one block time.
 */
import type { Draft } from "../../src/domain/draft.ts";
import { toWord } from "../../src/domain/hex.ts";
import type { ReadyIntent, StoredAccount } from "../../src/pipeline/ports.ts";
import { coin, encoder, signCancel, signTransfer, wallet } from "./model-codec.ts";

export const blockTime = 1_000_000;
export const now = 1_800_000_000_000;

export interface Wish {
  readonly sequence: number;
  readonly payer?: number;
  readonly nonce?: bigint;
  readonly amount?: bigint;
  readonly validAfter?: number;
  readonly validBefore?: number;
  readonly reverts?: number;
  readonly holds?: number;
  readonly payeeKnown?: boolean;
}

export function pay(wish: Wish): ReadyIntent {
  const { sequence, payer = 1, nonce = BigInt(sequence), amount = 1n, validAfter = 0 } = wish;
  const validBefore = wish.validBefore ?? blockTime + 3_600;
  const authorization = {
    from: wallet(payer),
    to: wallet(99),
    value: amount,
    validAfter,
    validBefore,
    nonce: toWord(nonce),
  };
  const { facts } = encoder.encode(signTransfer(authorization));
  const { reverts = 0, holds = 0, payeeKnown = true } = wish;
  return { ...facts, sequence: BigInt(sequence), reverts, holds, payeeKnown };
}

export function cancel(sequence: number, nonce: bigint, payer = 1): ReadyIntent {
  const { facts } = encoder.encode(signCancel(wallet(payer), nonce));
  return { ...facts, sequence: BigInt(sequence), reverts: 0, holds: 0, payeeKnown: true };
}

/** Any other draft, ready to be planned. */
export function wish(sequence: number, draft: Draft): ReadyIntent {
  const { facts } = encoder.encode(draft);
  return { ...facts, sequence: BigInt(sequence), reverts: 0, holds: 0, payeeKnown: true };
}

export function book(payer: number, changes: Partial<StoredAccount> = {}): StoredAccount {
  const inFlight = { nonces: [], amount: 0n };
  const empty = { posted: 0n, held: 0n, frozen: 0n, nonceBase: 0n, consumed: [], live: [], inFlight };
  return { coin, address: wallet(payer), balance: 1_000n, ...empty, ...changes };
}
