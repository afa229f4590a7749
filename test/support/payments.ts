/**
 * A coin, a phrase and rows for tests of the payment files. No side effects on import.
 */
import { type Address, toLower } from "../../src/domain/hex.ts";
import type { Coin } from "../../scripts/payments/check.ts";

export const chainId = 31_337;
export const coin: Coin = {
  symbol: "XUS",
  name: "Remesa Dollar",
  version: "1",
  decimals: 6,
  address: toLower("0xe7f1725E7734CE288F8367e1Bb143E90bb3F0512"),
};
export const treasury: Address = toLower("0xcf7ed3acca5a467e9e704c703e8d87f634fb0fc9");
export const redemptions: Address = toLower("0xdc64a140aa3e981100a9beca4e685f962f0cf6c9");
/** A payee outside of the keystore, in its checksum spelling. */
export const payee = "0x704E7c3333e38c7C3BDC894A6e8e558EB7AACc58";

/** A second coin, for swaps. */
export const quetzal: Coin = {
  ...coin,
  symbol: "XGT",
  name: "Remesa Quetzal",
  address: toLower("0x9fe46736679d2d9a65f0992f2272de9f3c7fa6e0"),
};

export const deployment = {
  chainId,
  authority: toLower("0x5fbdb2315678afecb367f032d93f642f64180aa3"),
  treasury,
  redemptions,
  claims: toLower("0x5fc8d32690cc91d4c39d9d3abcbd16989f875707"),
  commerce: toLower("0x0165878a594ca255338adfa4d48449f69242eb8f"),
  swap: toLower("0xa513e6e4b8f2a923d98304ec87f64353c4d5c853"),
  registry: toLower("0x2279b7a0a67db372996a5fab50d91eaa73d2ebe6"),
  dispatcher: toLower("0x8a791620dd6260079bf849dc5567adc3f2fdc318"),
  coins: [coin, quetzal],
  block: 1,
};

export interface Row {
  readonly reference: string;
  readonly payer: string;
  readonly payee: string;
  readonly amount: string;
  readonly currency: string;
  readonly expiry: string;
  readonly memo: string;
}

const header = "reference,payer,payee,amount,currency,expiry,memo";
export const goodRow: Row = {
  reference: "R-1",
  payer: "customer:1",
  payee,
  amount: "12.50",
  currency: "XUS",
  expiry: "",
  memo: "rent",
};

/** A payments file of the good row with changes, one row each. */
export function writeRows(...changes: readonly Partial<Row>[]): string {
  const rows = changes.map((change) => Object.values({ ...goodRow, ...change }).join(","));
  return `${[header, ...rows].join("\n")}\n`;
}
