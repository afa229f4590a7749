/**
 * Signed payments: one JSON object per line, in the order of the payments file. Owns that format, its signing with the payer's key (EIP-712)
 * and its strict reading back. Promises that the same payment gives the same bytes, and that files are replaced whole or not at all.
 */
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { TypedDataEncoder, type TypedDataField } from "ethers";
import { z } from "zod";
import { parseUnits } from "../../src/domain/amount.ts";
import { type Address, type Hex, parseAddress, toLower, type Word } from "../../src/domain/hex.ts";
import { typedStructs } from "../../src/domain/signatures.ts";
import type { Wallets } from "../keystore.ts";
import { Refusal } from "../terminal/refusal.ts";
import type { Payment } from "./check.ts";

const address = z.string().transform((text, context): Address => {
  const parsed = parseAddress(text);
  if (parsed === null) context.addIssue({ code: "custom", message: "not an address" });
  return parsed ?? "0x";
});
const word = z.string().regex(/^0x[0-9a-f]{64}$/, "not 32 bytes of lowercase hex") as unknown as z.ZodType<Word>;
const seconds = z.int().nonnegative();

const signedPaymentSchema = z.strictObject({
  /** Line of the payments file. */
  line: z.int().positive(),
  reference: z.string().min(1).max(140),
  chainId: z.int().positive(),
  coin: address,
  authorization: z.strictObject({
    from: address,
    to: address,
    /** Base units. */
    value: z.string().refine((text) => (parseUnits(text) ?? 0n) > 0n, "not a positive number of base units"),
    validAfter: seconds,
    validBefore: seconds,
    nonce: word,
  }),
  memo: word.nullable(),
  signature: z.string().regex(/^0x[0-9a-f]{130}$/, "not a signature of 65 bytes") as unknown as z.ZodType<Hex>,
  /** What was signed: the payment's identity at the node. */
  digest: word,
});
export type SignedPayment = z.infer<typeof signedPaymentSchema>;

/** Signs one payment with its payer's wallet. */
export async function signPayment(
  payment: Payment,
  context: { readonly chainId: number; readonly wallets: Wallets },
): Promise<SignedPayment> {
  const { coin, from, to, value, validBefore, nonce, memo } = payment;
  const domain = {
    name: coin.name,
    version: coin.version,
    chainId: context.chainId,
    verifyingContract: coin.address,
  };
  const primary = memo === null ? "TransferWithAuthorization" : "TransferWithMemo";
  const types: Record<string, TypedDataField[]> = { [primary]: [...typedStructs[primary]] };
  const authorization = { from, to, value, validAfter: 0, validBefore, nonce };
  const message = memo === null ? authorization : { ...authorization, memo };
  return {
    line: payment.line,
    reference: payment.reference,
    chainId: context.chainId,
    coin: coin.address,
    authorization: { ...authorization, value: value.toString() },
    memo,
    signature: toLower(await context.wallets.at(payment.index).signTypedData(domain, types, message)),
    digest: toLower(TypedDataEncoder.hash(domain, types, message)),
  };
}

/** Writes a file whole: under another name first, flushed, then renamed. */
export function replaceFile(path: string, lines: Iterable<string>, mode = 0o644): void {
  const partial = `${path}.partial`;
  try {
    const file = openSync(partial, "w", mode);
    writeFileSync(file, [...lines].join(""));
    fsyncSync(file);
    closeSync(file);
    renameSync(partial, path);
  } catch (error) {
    throw new Refusal({
      reason: `${path} cannot be written: ${(error as Error).message}`,
      remedy: "Choose a folder that exists and has room.",
    });
  }
}

/** Reads a text file of at most `limitBytes`; refuses what is not UTF-8, since a guess at an encoding would change names and memos. */
export function readText(path: string, limitBytes = 256 * 1024 * 1024): string {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch {
    throw new Refusal({ reason: `${path} cannot be read`, remedy: "Check the file's name." });
  }
  if (bytes.length > limitBytes) {
    throw new Refusal({ reason: `${path} has ${bytes.length} bytes`, remedy: "Split it into several files." });
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new Refusal({ reason: `${path} is not UTF-8 text`, remedy: "Save it as UTF-8." });
  }
}

/** Reads a file of signed payments. One wrong line refuses the whole file: it was written by a program, so something else is wrong. */
export function readSignedPayments(path: string): readonly SignedPayment[] {
  const payments: SignedPayment[] = [];
  for (const [index, line] of readText(path).split("\n").entries()) {
    if (line === "") continue;
    let value: unknown = null;
    try {
      value = JSON.parse(line);
    } catch {
      // Left null: the schema says that it is no object.
    }
    const result = signedPaymentSchema.safeParse(value);
    if (!result.success) {
      const issue = result.error.issues[0];
      throw new Refusal({
        reason: `${path}, line ${index + 1}: ${issue?.path.join(".") || "the line"}: ${issue?.message ?? "malformed"}`,
        remedy: "Write the file again with `remesa sign`.",
      });
    }
    payments.push(result.data);
  }
  return payments;
}
