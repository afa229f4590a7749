/**
 * What the parties of an agreement sign: structs of docs/SIGNATURES.md under their contracts' domains. Owns building them from what the party
 * itself knows, so that nobody signs what a node made up; ids are computed here, not believed.
 */
import { AbiCoder, id as hashText, keccak256, TypedDataEncoder, type TypedDataField } from "ethers";
import { createDomains } from "../../src/chain/digest.ts";
import { type Address, type Hex, toLower, type Word } from "../../src/domain/hex.ts";
import { type PrimaryType, typedStructs } from "../../src/domain/signatures.ts";
import type { Network } from "../session.ts";
import type { Signer } from "../wallets.ts";

export type Message = Readonly<Record<string, bigint | number | string | boolean>>;

/** `coin` is the contract where the struct is the coin's own. */
export interface Struct {
  readonly primaryType: PrimaryType;
  readonly coin?: Address;
  readonly message: Message;
}

function prepare(network: Network, { primaryType, coin, message }: Struct) {
  const domain = createDomains({ ...network, block: 0 })(primaryType, coin ?? null);
  const types: Record<string, TypedDataField[]> = { [primaryType]: [...typedStructs[primaryType]] };
  return { domain: { ...domain }, types, message: { ...message } };
}

/** The struct's EIP-712 digest: the id where the struct is the terms of something. */
export function digestOf(network: Network, struct: Struct): Word {
  const { domain, types, message } = prepare(network, struct);
  return toLower(TypedDataEncoder.hash(domain, types, message));
}

export async function signStruct(network: Network, wallet: Signer, struct: Struct): Promise<Hex> {
  const { domain, types, message } = prepare(network, struct);
  return toLower(await wallet.signTypedData(domain, types, message));
}

/** The holder's word that `to`, an escrow, may take coins under `nonce`. */
export function toReceive(take: {
  readonly coin: Address;
  readonly from: Address;
  readonly to: Address;
  readonly value: bigint;
  readonly validBefore: number;
  readonly nonce: Word;
}): Struct {
  const { coin, ...message } = take;
  return { primaryType: "ReceiveWithAuthorization", coin, message: { ...message, validAfter: 0 } };
}

const abi = AbiCoder.defaultAbiCoder();

/** Nonce of the merchant's refund of a payment of which `refunded` was paid back before. */
export function toRefundNonce(id: Word, refunded: bigint): Word {
  return toLower(keccak256(abi.encode(["bytes32", "bytes32", "uint256"], [id, hashText("refund"), refunded])));
}

/** Nonce of a leg of a quote: side 1 is the maker's, 2 the taker's. */
export function toLegNonce(id: Word, side: 1 | 2): Word {
  return toLower(keccak256(abi.encode(["bytes32", "uint256"], [id, side])));
}

/** The salted tag of a recipient's handle: who knows the blinding can check it, nobody can look it up. */
export function tagHandle(blinding: Word, handle: string): Word {
  return toLower(keccak256(abi.encode(["bytes32", "string"], [blinding, handle])));
}
