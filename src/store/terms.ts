/**
 * Terms of agreements and quotes as the JSON text that is stored, and back. Promises that what is read equals what was written; amounts are
 * decimal text, since JSON has no integers of their size.
 */
import type { ClaimTerms, PaymentTerms, QuoteTerms } from "../domain/agreement.ts";

const amounts: ReadonlySet<string> = new Set(["amount", "sellAmount", "buyAmount"]);

export function toTermsText(terms: ClaimTerms | PaymentTerms | QuoteTerms): string {
  return JSON.stringify(terms, (_, value: unknown) => (typeof value === "bigint" ? value.toString() : value));
}

/** The caller knows which terms it wrote. */
export function readTerms<T extends ClaimTerms | PaymentTerms | QuoteTerms>(text: string): T {
  return JSON.parse(text, (name, value: unknown) => (amounts.has(name) ? BigInt(String(value)) : value)) as T;
}
