/**
 * Who signed: recovers addresses from digests and signatures in bulk. Owns which forms count (65 bytes r ‖ s ‖ v with v 27 or 28, or
 * the compact 64 bytes of ERC-2098; s in the lower half), hands the event loop back every slice, or the work to a thread, and takes long calls one
 * after the other.
 * Never throws for a bad signature: the answer is null, and a contract may still vouch for it on chain.
 */
import { setImmediate } from "node:timers/promises";
import type { Address, Hex } from "../domain/hex.ts";
import type { Recoverer } from "../pipeline/ports.ts";
import { type Curve, loadCurve } from "./curve.ts";
import { type Keccak, loadKeccak, toHex } from "./digest.ts";
import { answerAll, answerBytes, questionBytes, type RecoverThread } from "./recover-thread.ts";

/** About 5 ms of native recovery: short enough that a request in between does not notice. */
const sliceSize = 50;
/** Signatures from which on a thread is asked: below, passing them there and back costs about what it spares. */
const worthTheWay = 8;
/** Half the order of the curve: of the two values of s only the lower one counts. */
const halfOrder = "7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0";

type Asked = Parameters<Recoverer["recover"]>[0][number];

/** r ‖ s as text and the parity of the point. */
export interface ParsedSignature {
  readonly r: string;
  readonly s: string;
  readonly recovery: 0 | 1;
}

/** Reads either form; null when the bytes are not an ECDSA signature that the contracts would accept. Digits without `0x`. */
export function parseSignature(signature: Hex): ParsedSignature | null {
  if (!/^0x[0-9a-fA-F]*$/.test(signature)) return null;
  const digits = signature.slice(2).toLowerCase();
  const r = digits.slice(0, 64);
  let s = digits.slice(64, 128);
  let recovery: 0 | 1;
  if (digits.length === 130) {
    const v = digits.slice(128);
    if (v !== "1b" && v !== "1c") return null;
    recovery = v === "1b" ? 0 : 1;
  } else if (digits.length === 128) {
    const top = Number.parseInt(s.charAt(0), 16);
    recovery = top >= 8 ? 1 : 0;
    s = (top & 7).toString(16) + s.slice(1);
  } else {
    return null;
  }
  return s > halfOrder ? null : { r, s, recovery };
}

/** The compact form `r ‖ vs` of ERC-2098, digits without `0x`. */
export function toCompact({ r, s, recovery }: ParsedSignature): string {
  const top = Number.parseInt(s.charAt(0), 16) | (recovery << 3);
  return r + top.toString(16) + s.slice(1);
}

/** The 65 bytes `r ‖ s ‖ v`, digits without `0x`. */
export function toLong({ r, s, recovery }: ParsedSignature): string {
  return r + s + (recovery === 0 ? "1b" : "1c");
}

/** The address of a public key's 64 bytes. */
export function toAddress(keccak: Keccak, publicKey: Uint8Array): Address {
  return toHex(keccak(publicKey).subarray(12));
}

/** Writes what the curve is asked; false when the signature has no form that counts, or the digest is none. */
function writeQuestion(bytes: Buffer, at: number, { digest, signature }: Asked): boolean {
  const parsed = parseSignature(signature);
  if (parsed === null || bytes.write(digest.slice(2), at, 32, "hex") !== 32) return false;
  bytes.write(parsed.r, at + 32, 32, "hex");
  bytes.write(parsed.s, at + 64, 32, "hex");
  bytes[at + 96] = parsed.recovery;
  return true;
}

const readAnswer = (answers: Uint8Array, at: number): Address | null =>
  answers[at] === 1 ? toHex(answers.subarray(at + 1, at + answerBytes)) : null;

/**
 * A recoverer over one curve implementation; tests name the fallback, everything else takes the fastest. With a `thread`, calls long enough
 * to be worth the way go there; when it dies, `lost` is told once, and everything is done here again.
 */
export async function createRecoverer(
  options: {
    readonly curve?: Curve;
    readonly thread?: Pick<RecoverThread, "recover">;
    readonly lost?: (error: unknown) => void;
  } = {},
): Promise<Recoverer> {
  const curve = options.curve ?? (await loadCurve());
  const parts = { curve, keccak: await loadKeccak() };
  let thread = options.thread ?? null;

  async function recoverHere(items: readonly Asked[]): Promise<readonly (Address | null)[]> {
    const signers: (Address | null)[] = [];
    const question = Buffer.alloc(questionBytes);
    for (const item of items) {
      if (signers.length > 0 && signers.length % sliceSize === 0) await setImmediate();
      signers.push(writeQuestion(question, 0, item) ? readAnswer(answerAll(parts, question), 0) : null);
    }
    return signers;
  }

  async function recoverThere(
    { recover }: Pick<RecoverThread, "recover">,
    items: readonly Asked[],
  ): Promise<readonly (Address | null)[]> {
    const questions = Buffer.alloc(items.length * questionBytes);
    const asked: number[] = [];
    for (const [i, item] of items.entries()) {
      if (writeQuestion(questions, asked.length * questionBytes, item)) asked.push(i);
    }
    const answers = await recover(questions.subarray(0, asked.length * questionBytes));
    const signers = items.map((): Address | null => null);
    for (const [at, i] of asked.entries()) signers[i] = readAnswer(answers, at * answerBytes);
    return signers;
  }

  // Long calls take turns: side by side they would all end when the last one does, and the first of them could be on its way to the chain
  // meanwhile. A thread takes them in order by itself.
  let last: Promise<unknown> = Promise.resolve();
  function takeTurn(items: readonly Asked[]): Promise<readonly (Address | null)[]> {
    const result = last.then(() => recoverHere(items));
    last = result.catch(() => undefined);
    return result;
  }

  return {
    recover(items) {
      const there = items.length < worthTheWay ? null : thread;
      if (there !== null) {
        return recoverThere(there, items).catch((error: unknown) => {
          if (thread !== null) options.lost?.(error);
          thread = null;
          return takeTurn(items);
        });
      }
      // one slice is done before anybody could wait for it
      return items.length <= sliceSize ? recoverHere(items) : takeTurn(items);
    },
  };
}
