/**
 * secp256k1: signing and recovering, native where the platform has the binding, WebAssembly otherwise. Owns that choice and nothing
 * else; both answer alike and tests hold them to a third, pure implementation. Never falls back to the package's own JavaScript.
 */
import { createRequire } from "node:module";
import type * as NativeModule from "secp256k1";
import type * as WasmModule from "tiny-secp256k1";

export interface Curve {
  readonly kind: "native" | "wasm";
  /** The 64 bytes of the public key, or null when no key fits. `signature` is r ‖ s. */
  recover(digest: Uint8Array, signature: Uint8Array, recovery: 0 | 1): Uint8Array | null;
  /** Deterministic (RFC 6979), low s. */
  sign(digest: Uint8Array, key: Uint8Array): { readonly signature: Uint8Array; readonly recovery: number };
  /** The 64 bytes of the public key. Throws when the key is not one. */
  publicKey(key: Uint8Array): Uint8Array;
}

const require = createRequire(import.meta.url);

/** The binding itself: the package's main entry would replace it silently by JavaScript where it is missing. */
export function createNativeCurve(): Curve {
  const native = require("secp256k1/bindings.js") as typeof NativeModule;
  return {
    kind: "native",
    recover(digest, signature, recovery) {
      try {
        return native.ecdsaRecover(signature, recovery, digest, false).subarray(1);
      } catch {
        return null;
      }
    },
    sign(digest, key) {
      const { signature, recid } = native.ecdsaSign(digest, key);
      return { signature, recovery: recid };
    },
    publicKey: (key) => native.publicKeyCreate(key, false).subarray(1),
  };
}

export async function createWasmCurve(): Promise<Curve> {
  const wasm: typeof WasmModule = await import("tiny-secp256k1");
  return {
    kind: "wasm",
    recover(digest, signature, recovery) {
      try {
        return wasm.recover(digest, signature, recovery, false)?.subarray(1) ?? null;
      } catch {
        return null;
      }
    },
    sign(digest, key) {
      const { signature, recoveryId } = wasm.signRecoverable(digest, key);
      return { signature, recovery: recoveryId };
    },
    publicKey(key) {
      const point = wasm.pointFromScalar(key, false);
      if (point === null) throw new RangeError("not a private key");
      return point.subarray(1);
    },
  };
}

let loading: Promise<Curve> | undefined;

/** The fastest implementation this platform runs; chosen once. */
export function loadCurve(): Promise<Curve> {
  loading ??= (async () => {
    try {
      return createNativeCurve();
    } catch {
      return createWasmCurve();
    }
  })();
  return loading;
}
