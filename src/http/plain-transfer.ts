/**
 * The transfer as nearly every program sends it, read without the schema: 3 µs instead of 13. Owns no rule: `transferBody` is the law, and
 * a property test holds this to it. What is not plainly right (another spelling, a note, a mistake) is answered null, and the schema decides
 * and explains. Never accepts what the schema would refuse, nor reads it differently.
 */
import { maxAmount } from "../domain/amount.ts";
import type { Address, Hex, Word } from "../domain/hex.ts";
import { maxSeconds } from "./fields.ts";
import type { TransferInput } from "./schemas.ts";

const addressForm = /^0x[0-9a-f]{40}$/;
const wordForm = /^0x[0-9a-f]{64}$/;
/** 64 or 65 bytes: anybody's but a contract's. */
const signatureForm = /^0x[0-9a-f]{128}(?:[0-9a-f]{2})?$/;
const unitsForm = /^(0|[1-9]\d{0,18})$/;

type Fields = Readonly<Record<string, unknown>>;

/** The object itself when it has these fields, may have those, and nothing else. */
function readFields(value: unknown, required: number, isKnown: ReadonlySet<string>): Fields | null {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return null;
  const keys = Object.keys(value);
  if (keys.length < required || !keys.every((key) => isKnown.has(key))) return null;
  return value as Fields;
}

const isForm = (value: unknown, form: RegExp): value is Hex => typeof value === "string" && form.test(value);
const isSeconds = (value: unknown): value is number =>
  typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= maxSeconds;

const bodyKeys: ReadonlySet<string> = new Set(["coin", "authorization", "memo", "signature", "reference"]);
const authorizationKeys: ReadonlySet<string> = new Set(["from", "to", "value", "validAfter", "validBefore", "nonce"]);

function readAuthorization(value: unknown): TransferInput["authorization"] | null {
  const fields = readFields(value, 6, authorizationKeys);
  if (fields === null) return null;
  const { from, to, value: units, validAfter, validBefore, nonce } = fields;
  if (!isForm(from, addressForm) || !isForm(to, addressForm) || !isForm(nonce, wordForm)) return null;
  if (!isSeconds(validAfter) || !isSeconds(validBefore)) return null;
  if (typeof units !== "string" || !unitsForm.test(units)) return null;
  const amount = BigInt(units);
  if (amount > maxAmount) return null;
  return { from: from as Address, to: to as Address, value: amount, validAfter, validBefore, nonce: nonce as Word };
}

/** What the schema would make of it; null where only the schema knows. */
export function readPlainTransfer(item: unknown): TransferInput | null {
  const fields = readFields(item, 3, bodyKeys);
  if (fields === null) return null;
  const { coin, memo, signature, reference } = fields;
  const authorization = readAuthorization(fields["authorization"]);
  if (authorization === null || !isForm(coin, addressForm) || !isForm(signature, signatureForm)) return null;
  if (reference !== undefined && reference !== null) return null;
  if (memo !== undefined && memo !== null && !isForm(memo, wordForm)) return null;
  return {
    coin,
    authorization,
    ...("memo" in fields ? { memo } : {}),
    signature,
    ...("reference" in fields ? { reference } : {}),
  };
}
