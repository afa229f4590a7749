/**
 * A redemption as its holder makes it: terms, the salted commitment to the bank account, one signature. Owns the record file that keeps account
 * and blinding, which never reach the chain. Promises that the record is on disk before anything is sent, and that the same reference
 * always means the same redemption.
 */
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { AbiCoder, keccak256, TypedDataEncoder, type TypedDataField, type Wallet, type HDNodeWallet } from "ethers";
import { z } from "zod";
import { centUnits } from "../../src/domain/amount.ts";
import { type Address, type Hex, parseAddress, toLower, type Word } from "../../src/domain/hex.ts";
import { type PrimaryType, typedStructs } from "../../src/domain/signatures.ts";
import type { Network } from "../session.ts";
import { Refusal } from "../terminal/refusal.ts";
import type { Coin } from "./check.ts";
import { readText, replaceFile } from "./signed.ts";

/** The desk has a day to take it on, five bank days to send, fifteen days until the money must be there; then anyone may return the coins. */
const hours = { accept: 24, payout: 7 * 24, final: 15 * 24 } as const;

const address = z
  .string()
  .refine((text) => parseAddress(text) === text, "not a lowercase address") as unknown as z.ZodType<Address>;
const word = z.string().regex(/^0x[0-9a-f]{64}$/) as unknown as z.ZodType<Word>;
const recordSchema = z.strictObject({
  reference: z.string(),
  /** The bank account as text, and the 32 random bytes that hide it in its commitment; secret between holder and desk. */
  account: z.string(),
  blinding: word,
  chainId: z.int(),
  coin: z.string(),
  terms: z.strictObject({
    holder: address,
    /** Base units. */
    amount: z.string().regex(/^\d+$/),
    payout: word,
    acceptBy: z.int(),
    payoutBy: z.int(),
    finalBy: z.int(),
    salt: word,
  }),
  signature: z.string().regex(/^0x[0-9a-f]{130}$/) as unknown as z.ZodType<Hex>,
  redemptionId: word,
});
export type RedemptionRecord = z.infer<typeof recordSchema>;

/**
 * `keccak256(abi.encode(blinding, account text))`. The blinding is not the salt of the terms: that one is public, and account numbers are few
 * enough to be tried one by one.
 */
export function commitPayout(blinding: Word, account: string): Word {
  return toLower(keccak256(AbiCoder.defaultAbiCoder().encode(["bytes32", "string"], [blinding, account])));
}

function typesOf(primary: PrimaryType): Record<string, TypedDataField[]> {
  return { [primary]: [...typedStructs[primary]] };
}

/** Makes and signs the terms. The redemption's id is their digest, and the coin's authorization carries it as its nonce. */
export async function createRedemption(options: {
  readonly wallet: Wallet | HDNodeWallet;
  readonly network: Pick<Network, "chainId" | "redemptions">;
  readonly coin: Coin;
  readonly amount: bigint;
  readonly account: string;
  readonly reference: string;
  /** Unix seconds. */
  readonly now: number;
}): Promise<RedemptionRecord> {
  const { wallet, network, coin, amount, account, reference, now } = options;
  if (amount % centUnits !== 0n) {
    throw new Refusal({
      reason: "the amount is not whole cents",
      remedy: "A bank pays cents: give at most two decimal places.",
    });
  }
  const { chainId, redemptions } = network;
  const holder = toLower(wallet.address);
  const [salt, blinding] = [randomBytes(32), randomBytes(32)].map((bytes): Word => `0x${bytes.toString("hex")}`) as [
    Word,
    Word,
  ];
  const times = {
    acceptBy: now + hours.accept * 3_600,
    payoutBy: now + hours.payout * 3_600,
    finalBy: now + hours.final * 3_600,
  };
  const payout = commitPayout(blinding, account);
  const escrow = { name: "Remesa Redemption", version: "1", chainId, verifyingContract: redemptions };
  const terms = { coin: coin.address, holder, amount, payout, ...times, salt };
  const redemptionId = toLower(TypedDataEncoder.hash(escrow, typesOf("Redemption"), terms));
  const domain = { name: coin.name, version: coin.version, chainId, verifyingContract: coin.address };
  const signature = await wallet.signTypedData(domain, typesOf("ReceiveWithAuthorization"), {
    from: holder,
    to: redemptions,
    value: amount,
    validAfter: 0,
    validBefore: times.acceptBy,
    nonce: redemptionId,
  });
  return {
    reference,
    account,
    blinding,
    chainId,
    coin: coin.symbol,
    terms: { holder, amount: `${amount}`, payout, ...times, salt },
    signature: toLower(signature),
    redemptionId,
  };
}

/** Reads a record; null when there is none. */
export function readRecord(path: string): RedemptionRecord | null {
  if (!existsSync(path)) return null;
  let value: unknown = null;
  try {
    value = JSON.parse(readText(path));
  } catch {
    // Left null: the schema refuses it.
  }
  const result = recordSchema.safeParse(value);
  if (result.success) return result.data;
  throw new Refusal({
    reason: `${path} is not a redemption's record`,
    remedy: "Move it away; without its record a redemption's bank account cannot be proved.",
  });
}

/** Writes a record for its owner's eyes only. */
export function writeRecord(path: string, record: RedemptionRecord): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  replaceFile(path, [`${JSON.stringify(record, null, 2)}\n`], 0o600);
}

/** Refuses a record that was made for something else under the same reference. */
export function requireSame(
  record: RedemptionRecord,
  asked: { holder: Address; amount: bigint; account: string; chainId: number },
): void {
  const { terms } = record;
  const differs = [
    terms.holder === asked.holder ? null : `holder ${terms.holder}`,
    terms.amount === `${asked.amount}` ? null : `amount ${terms.amount} base units`,
    record.account === asked.account ? null : "another bank account",
    record.chainId === asked.chainId ? null : `chain ${record.chainId}`,
  ].filter((part) => part !== null);
  if (differs.length === 0) return;
  throw new Refusal({
    reason: `reference ${record.reference} belongs to a redemption with ${differs.join(", ")}`,
    remedy: "Give a new redemption a new --reference.",
  });
}
