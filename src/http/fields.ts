/**
 * Fields as they travel: amounts as strings of base units, addresses with or without checksum, 32-byte words, Unix seconds. Owns the
 * spelling on the wire in both directions; nothing here converts silently: what is not exactly a value is refused with its path.
 */
import { z } from "zod";
import { maxAmount, parseUnits } from "../domain/amount.ts";
import { type Address, type Hex, toLower, type Word } from "../domain/hex.ts";
import { readAddress } from "./spelling.ts";

/** 2^40 − 1: a settlement row carries times in five bytes. */
export const maxSeconds = 2 ** 40 - 1;
/** Bytes of the longest signature a row carries. */
const maxSignatureBytes = 4_096;

/** Base units as a decimal string; becomes bigint. */
export const units = z
  .string()
  .regex(/^(0|[1-9]\d{0,18})$/, "not an amount: a string of base units, digits only")
  .transform((text, context): bigint => {
    const parsed = parseUnits(text);
    if (parsed === null) context.addIssue({ code: "custom", message: `more than ${maxAmount} base units` });
    return parsed ?? 0n;
  });

/** An address; mixed case must match its EIP-55 checksum; becomes lowercase. */
export const address = z
  .string()
  .regex(/^0x[0-9a-fA-F]{40}$/, "not an address")
  .transform((text, context): Address => {
    const parsed = readAddress(text);
    if (parsed === null) context.addIssue({ code: "custom", message: "the checksum of the address does not match" });
    return parsed ?? "0x";
  });

/** 32 bytes; becomes lowercase. */
export const word = z
  .string()
  .regex(/^0x[0-9a-fA-F]{64}$/, "not 32 bytes of hexadecimal text")
  .transform((text): Word => toLower(text));

/** A signature: 64 bytes (ERC-2098), 65 bytes, or longer for contract wallets; becomes lowercase. */
export const signature = z
  .string()
  .max(2 + maxSignatureBytes * 2, `longer than ${maxSignatureBytes} bytes`)
  .regex(/^0x([0-9a-fA-F]{2}){64,}$/, "not a signature: at least 64 bytes of hexadecimal text")
  .transform((text): Hex => toLower(text));

/** Unix seconds. */
export const seconds = z.int("not a whole number of Unix seconds").min(0).max(maxSeconds);

/** A coin by address or by symbol; resolved against the deployment by the route. */
export const coin = z.string().min(1).max(42);

/** Well-formed text without control characters: it is stored and shown, never interpreted. */
export function plainText(most: number): z.ZodString {
  return z
    .string()
    .max(most)
    .regex(/^\P{Cc}*$/u, "contains control characters")
    .refine((text) => text.isWellFormed(), "is not well-formed Unicode");
}

/**
 * A word, or a text of at most 31 bytes that becomes one: its bytes first, zeros after. 31, so that a text never fills the word and
 * cannot be taken for a hash.
 */
export const label = plainText(66).transform((text, context): Word => {
  if (/^0x[0-9a-fA-F]{64}$/.test(text)) return toLower(text);
  const bytes = Buffer.from(text, "utf8");
  if (bytes.length > 31) {
    context.addIssue({ code: "custom", message: "longer than 31 bytes and not a 32-byte word" });
    return "0x";
  }
  return `0x${bytes.toString("hex").padEnd(64, "0")}`;
});

/** The chain a client believes it is on; compared, never used. */
export const chainId = z.int().positive();

// ——— outgoing ———

export const unitsOut = z.string().meta({ description: "Base units, a decimal integer", examples: ["1500000"] });
export const addressOut = z.string().meta({ description: "Address with EIP-55 checksum" });
export const wordOut = z.string().meta({ description: "32 bytes, lowercase hexadecimal" });
export const timeOut = z.string().meta({ description: "RFC 3339, UTC", examples: ["2026-01-01T00:00:00.000Z"] });
export const secondsOut = z.number().meta({ description: "Unix seconds" });
