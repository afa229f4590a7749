/**
 * Named keys for tests, the same in every run. Owns their derivation and a synchronous EIP-712 signature. No side effects on loading.
 */
import { loadCurve } from "../../src/chain/curve.ts";
import { createDigest, loadKeccak, toHex } from "../../src/chain/digest.ts";
import { toAddress } from "../../src/chain/recover.ts";
import type { Address, Hex } from "../../src/domain/hex.ts";
import type { TypedMessage } from "../../src/domain/signatures.ts";

export interface CurveActor {
  readonly address: Address;
  readonly key: Hex;
}

export interface Actors<N extends string> {
  readonly actors: Readonly<Record<N, CurveActor>>;
  /** 65 bytes r ‖ s ‖ v. */
  sign(name: N, typed: TypedMessage): Hex;
}

export async function createActors<N extends string>(names: readonly N[]): Promise<Actors<N>> {
  const keccak = await loadKeccak();
  const curve = await loadCurve();
  const digest = createDigest(keccak);
  const actors = Object.fromEntries(
    names.map((name): [N, CurveActor] => {
      const key = keccak(Buffer.from(`remesa test ${name}`));
      return [name, { key: toHex(key), address: toAddress(keccak, curve.publicKey(key)) }];
    }),
  ) as Record<N, CurveActor>;
  const bytes = (hex: Hex): Buffer => Buffer.from(hex.slice(2), "hex");
  return {
    actors,
    sign(name, typed) {
      const { signature, recovery } = curve.sign(bytes(digest(typed)), bytes(actors[name].key));
      return `${toHex(signature)}${recovery === 0 ? "1b" : "1c"}`;
    },
  };
}
