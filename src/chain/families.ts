/**
 * Consents about wallet operators' families, as the chain shows them. Owns where in a transaction the id of a consent stands: the registry's
 * events do not carry it, the call that caused them does. Pure.
 */
import { toFunctionSelector, toFunctionSignature } from "viem";
import { type Address, type Hex, toWord, type Word } from "../domain/hex.ts";
import { vaspRegistryAbi } from "./abi.ts";

/** A wallet operator's number as the subject of its fences. */
export function toOperatorSubject(vasp: bigint | number): Address {
  return `0x${toWord(BigInt(vasp)).slice(26)}`;
}

function selectorOf(name: string): string {
  const item = vaspRegistryAbi.find((entry) => entry.type === "function" && entry.name === name);
  if (item === undefined) throw new Error(`the ABI has no function ${name}`);
  return toFunctionSelector(toFunctionSignature(item as never)).slice(2);
}

/** Where the id stands: so many words after the selector, the first of which is the account. */
const forms = {
  join: { selector: selectorOf("join"), words: 2 },
  leave: { selector: selectorOf("leaveBySig"), words: 1 },
} as const;

/**
 * Ids of consents of that account in a transaction's call data, wherever they stand in it: a call made directly, through the dispatcher
 * or through a wallet's contract carries the registry's own call data in its. Whoever asks has still to see that the registry used it.
 */
export function findConsents(input: Hex, kind: keyof typeof forms, account: Address): readonly Word[] {
  const { selector, words } = forms[kind];
  const pattern = selector + account.slice(2).padStart(64, "0");
  const digits = input.slice(2);
  const found = new Set<Word>();
  for (let at = digits.indexOf(pattern); at !== -1; at = digits.indexOf(pattern, at + 1)) {
    const start = at + selector.length + 64 * words;
    const id = digits.slice(start, start + 64);
    if (at % 2 === 0 && id.length === 64) found.add(`0x${id}`);
  }
  return [...found];
}
