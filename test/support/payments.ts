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

export const deployment = {
  chainId,
  authority: toLower("0x5fbdb2315678afecb367f032d93f642f64180aa3"),
  treasury,
  redemptions,
  coins: [coin],
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
