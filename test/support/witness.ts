/**
 * The witness of a run: stands between every process and the store and chain it works on, and writes down what only an outsider can know, which
 * bytes were committed before they were sent and what clients were told. Survives every process. What must hold at each call is judged
 * here; a breach is kept, because a loop would swallow what is thrown at it.
 */
import { keccak256 } from "viem";
import type { Hex, Word } from "../../src/domain/hex.ts";
import { isWindowNonce } from "../../src/domain/intent.ts";
import type { Intent } from "../../src/domain/intent.ts";
import type { AcceptOutcome, NewAttempt, Store } from "../../src/pipeline/ports.ts";
import type { ModelChain } from "./model-chain.ts";
import { coin, decodeSettle, decodeTransaction } from "./model-codec.ts";

export interface Witness {
  /** Hash of every attempt that any process committed. */
  readonly committed: ReadonlySet<Word>;
  /** Digest → the intent whose acceptance somebody was told of. */
  readonly told: ReadonlyMap<Word, Intent>;
  /** What was found wrong, each beginning with the property's id. */
  readonly breaches: readonly string[];
  note(outcomes: readonly AcceptOutcome[]): void;
  /** The ports of a process, watched. */
  watch(ports: { readonly store: Store; readonly chain: ModelChain }): { store: Store; chain: ModelChain };
}

/** P6: inside one transaction the window nonces of an account ascend. */
function findDisorder(raw: Hex): string | null {
  const { to, data } = decodeTransaction(raw);
  if (to !== coin || data.startsWith("0xca11ca1")) return null;
  const last = new Map<string, Word>();
  for (const { authorization } of decodeSettle(data)) {
    const { from, nonce } = authorization;
    if (!isWindowNonce(nonce)) continue;
    const before = last.get(from);
    if (before !== undefined && before >= nonce) return `P6: ${from} pays ${nonce} after ${before}`;
    last.set(from, nonce);
  }
  return null;
}

/** `maxFeePerGas`: no committed attempt may pay more (P12). */
export function createWitness({ maxFeePerGas }: { readonly maxFeePerGas: bigint }): Witness {
  const committed = new Set<Word>();
  const told = new Map<Word, Intent>();
  const breaches: string[] = [];

  function keep({ hash, raw, maxFeePerGas: fee }: NewAttempt): void {
    committed.add(hash);
    if (keccak256(raw) !== hash) breaches.push(`P4: the bytes of ${hash} are others`);
    if (fee > maxFeePerGas) breaches.push(`P12: ${hash} pays ${fee} wei per gas`);
    const disorder = findDisorder(raw);
    if (disorder !== null) breaches.push(disorder);
  }

  return {
    committed,
    told,
    breaches,
    note(outcomes) {
      for (const outcome of outcomes) {
        if (outcome.kind === "refused") continue;
        const { digest, sequence } = outcome.intent;
        const before = told.get(digest);
        if (before === undefined) told.set(digest, outcome.intent);
        else if (before.sequence !== sequence) breaches.push(`P10: ${digest} is ${before.sequence} and ${sequence}`);
      }
    },
    watch({ store, chain }) {
      return {
        store: {
          ...store,
          async commitPlan(slot) {
            const done = await store.commitPlan(slot);
            if (done) keep(slot.attempt);
            return done;
          },
          async addAttempt(slot) {
            const done = await store.addAttempt(slot);
            if (done) keep(slot.attempt);
            return done;
          },
        },
        chain: {
          ...chain,
          async send(raws) {
            for (const raw of raws) {
              if (!committed.has(keccak256(raw))) breaches.push(`P4: bytes sent that nobody committed: ${raw}`);
            }
            return chain.send(raws);
          },
        },
      };
    },
  };
}
