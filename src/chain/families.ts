/**
 * Wallet operators' families, as fences and logs spell them. Owns how an operator's number stands for a subject, and what tells two
 * attestations of one id apart. Pure.
 */
import { keccak256 } from "viem";
import { type Address, toWord, type Word } from "../domain/hex.ts";

/** A wallet operator's number as the subject of its fences. */
export function toOperatorSubject(vasp: bigint | number): Address {
  return `0x${toWord(BigInt(vasp)).slice(26)}`;
}

/** What an attestation says beside its id, payee and amount: the hash of coin, payer, reference and end, one after the other. */
export function toAttestedMemo(attested: {
  readonly coin: Address;
  readonly payer: Address;
  readonly ref: Word;
  /** Unix seconds. */
  readonly validUntil: bigint;
}): Word {
  const { coin, payer, ref, validUntil } = attested;
  return keccak256(`${coin}${payer.slice(2)}${ref.slice(2)}${toWord(validUntil).slice(2)}`);
}
