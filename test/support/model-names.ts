/**
 * Who is who on the model chain: addresses of contracts, coins, lanes and wallets, and what stands for a signature there.
 */
import type { Address, Hex, Word } from "../../src/domain/hex.ts";
import type { Deployment } from "../../src/pipeline/ports.ts";

const address = (digit: string): Address => `0x${digit.repeat(40)}`;
export const coin = address("c");
export const secondCoin = address("f");
export const treasury = address("7");
export const redemptions = address("e");
export const claims = address("1");
export const commerce = address("2");
export const swap = address("3");
export const registry = address("4");
export const dispatcher = address("5");
export const laneA = address("a");
export const laneB = address("b");
/** Gives both of them gas money where a test has it do so. */
export const funder = address("8");
export const dealer = address("d");

export const deployment: Deployment = {
  chainId: 31337,
  authority: address("9"),
  treasury,
  redemptions,
  claims,
  commerce,
  swap,
  registry,
  dispatcher,
  coins: [
    { symbol: "XUS", name: "Remesa Dollar", version: "1", decimals: 6, address: coin },
    { symbol: "XGT", name: "Remesa Quetzal", version: "1", decimals: 6, address: secondCoin },
  ],
  block: 1,
};

/** Of what nobody's signature ends. */
export const neverExpires = 2 ** 40;

/** A wallet of the tests: `wallet(1)`, `wallet(2)` … */
export function wallet(index: number): Address {
  return `0x${(0x1000 + index).toString(16).padStart(40, "0")}`;
}

/** 64 bytes that only pass for this signer and this digest. */
export function signDigest(signer: Address, digest: Word): Hex {
  return `0x${signer.slice(2).padStart(64, "0")}${digest.slice(2)}`;
}
