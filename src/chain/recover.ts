/**
 * Who signed: recovers addresses from digests and signatures in bulk. Owns which forms count (65 bytes r ‖ s ‖ v with v 27 or 28, or
 * the compact 64 bytes of ERC-2098; s in the lower half), hands the event loop back every slice and takes long calls one after the other.
 * Never throws for a bad signature: the answer is null, and a contract may still vouch for it on chain.
 */
import { setImmediate } from "node:timers/promises";
import type { Address, Hex, Word } from "../domain/hex.ts";
import type { Recoverer } from "../pipeline/ports.ts";
import { type Curve, loadCurve } from "./curve.ts";
import { type Keccak, loadKeccak, toHex } from "./digest.ts";

/** About 5 ms of native recovery: short enough that a request in between does not notice. */
const sliceSize = 50;
/** Half the order of the curve: of the two values of s only the lower one counts. */
const halfOrder = "7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0";

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

/** A recoverer over one curve implementation; tests name the fallback, everything else takes the fastest. */
export async function createRecoverer(options: { readonly curve?: Curve } = {}): Promise<Recoverer> {
  const curve = options.curve ?? (await loadCurve());
  const keccak = await loadKeccak();
  const digestBytes = Buffer.alloc(32);
  const signatureBytes = Buffer.alloc(64);

  function recoverOne(digest: Word, signature: Hex): Address | null {
    const parsed = parseSignature(signature);
    if (parsed === null || digestBytes.write(digest.slice(2), 0, 32, "hex") !== 32) return null;
    signatureBytes.write(parsed.r, 0, 32, "hex");
    signatureBytes.write(parsed.s, 32, 32, "hex");
    const publicKey = curve.recover(digestBytes, signatureBytes, parsed.recovery);
    return publicKey === null ? null : toAddress(keccak, publicKey);
  }

  async function recoverAll(items: Parameters<Recoverer["recover"]>[0]): Promise<readonly (Address | null)[]> {
    const signers: (Address | null)[] = [];
    for (const { digest, signature } of items) {
      if (signers.length > 0 && signers.length % sliceSize === 0) await setImmediate();
      signers.push(recoverOne(digest, signature));
    }
    return signers;
  }

  let last: Promise<unknown> = Promise.resolve();
  return {
    recover(items) {
      // One slice is done before anybody could wait for it. Longer calls take turns: side by side they would all end when the last one does,
      // and the first of them could be on its way to the chain meanwhile.
      if (items.length <= sliceSize) return recoverAll(items);
      const result = last.then(() => recoverAll(items));
      last = result.catch(() => undefined);
      return result;
    },
  };
}
