/**
 * A deployment that exists nowhere, for tests of what is pure: every contract at an address that is easy to recognise. No side effects on
 * loading.
 */
import type { Address, Word } from "../../src/domain/hex.ts";
import type { Deployment } from "../../src/pipeline/ports.ts";

export const at = (n: number): Address => `0x${n.toString(16).padStart(40, "0")}`;
export const word = (n: number): Word => `0x${n.toString(16).padStart(64, "0")}`;

export const places = {
  coin: at(0xc0),
  treasury: at(0xc1),
  redemptions: at(0xc2),
  authority: at(0xc3),
  claims: at(0xc4),
  commerce: at(0xc5),
  swap: at(0xc6),
  registry: at(0xc7),
  dispatcher: at(0xc8),
  quetzal: at(0xc9),
} as const;

const { coin, quetzal, ...contracts } = places;

export const deployment: Deployment = {
  chainId: 31_337,
  ...contracts,
  coins: [
    { symbol: "XUS", name: "Remesa Dollar", version: "1", decimals: 6, address: coin },
    { symbol: "XGT", name: "Remesa Quetzal", version: "1", decimals: 6, address: quetzal },
  ],
  block: 0,
};
