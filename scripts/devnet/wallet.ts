/**
 * A payer's side of a transfer: the fields and the signature, as a phone would make them. Owns the conversion of a wallet's key and a wish
 * into the body of `POST /v1/transfers`. The same wish under the same nonce gives the same bytes, so sending it again is always safe.
 */
import { privateKeyToAccount } from "viem/accounts";
import { type Address, type Hex, toWord, type Word } from "../../src/domain/hex.ts";
import { type TypedField, typedStructs } from "../../src/domain/signatures.ts";
import type { TransferRequest } from "../../src/http/schemas.ts";

export interface CoinFacts {
  readonly symbol: string;
  readonly name: string;
  readonly version: string;
  readonly decimals: number;
  readonly address: Address;
}

export interface Wish {
  readonly chainId: number;
  readonly coin: CoinFacts;
  readonly payer: { readonly address: Address; readonly privateKey: Hex };
  readonly to: Address;
  /** Base units. */
  readonly value: bigint;
  /** Unix seconds. */
  readonly validBefore: number;
  readonly nonce: Word;
  readonly reference?: string;
}

/** 32 random bytes: a bitmap nonce, free whatever else is under way. */
export function createNonce(): Word {
  return toWord(crypto.getRandomValues(new BigUint64Array(4)).reduce((word, part) => (word << 64n) | part, 0n));
}

export async function signTransfer(wish: Wish): Promise<TransferRequest> {
  const { coin, payer, to, value, validBefore, nonce } = wish;
  const primaryType = "TransferWithAuthorization";
  const fields: readonly TypedField[] = typedStructs[primaryType];
  const signature = await privateKeyToAccount(payer.privateKey).signTypedData({
    domain: { name: coin.name, version: coin.version, chainId: wish.chainId, verifyingContract: coin.address },
    types: { [primaryType]: [...fields] },
    primaryType,
    message: { from: payer.address, to, value, validAfter: 0n, validBefore: BigInt(validBefore), nonce },
  });
  return {
    coin: coin.address,
    authorization: { from: payer.address, to, value: value.toString(), validAfter: 0, validBefore, nonce },
    signature,
    ...(wish.reference === undefined ? {} : { reference: wish.reference }),
  };
}
