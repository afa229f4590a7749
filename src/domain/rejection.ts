/**
 * Expected refusals. A closed list of codes; each value says who or what was refused, the actual value, the limit it met, and a
 * sentence with the remedy. Nothing is thrown for them: they are returned, and every surface maps them exhaustively.
 */

/** Every code the node can answer with. A new one does not compile until `http/problem.ts` maps it. */
export type RejectionCode =
  | "request_malformed"
  | "request_too_large"
  | "content_type_unsupported"
  | "unauthorized"
  | "forbidden"
  | "not_found"
  | "rate_limited"
  | "idempotency_key_missing"
  | "idempotency_key_reused"
  | "idempotency_in_flight"
  | "coin_unknown"
  | "chain_id_wrong"
  | "signature_invalid"
  | "signer_not_permitted"
  | "amount_zero"
  | "amount_not_whole_cents"
  | "payee_invalid"
  | "not_yet_valid"
  | "expired"
  | "validity_too_long"
  | "deadline_invalid"
  | "nonce_in_use"
  | "nonce_used"
  | "nonce_out_of_window"
  | "payer_frozen"
  | "payee_frozen"
  | "insufficient_funds"
  | "deposit_conflict"
  | "reserves_exceeded"
  | "dealer_limit"
  | "approval_missing"
  | "redemption_unknown"
  | "redemption_state_invalid"
  | "agreement_unknown"
  | "agreement_state_invalid"
  | "amount_exceeded"
  | "fee_invalid"
  | "quote_unknown"
  | "quote_state_invalid"
  | "vasp_unknown"
  | "vasp_invalid"
  | "travel_rule"
  | "step_in_flight"
  | "order_signer_missing"
  | "lane_state_invalid"
  | "lane_key_missing"
  | "amount_below_minimum"
  | "sponsor_budget_exhausted"
  | "batch_too_large"
  | "queue_full"
  | "chain_stale"
  | "halted"
  | "storage_unavailable"
  | "events_gone"
  | "webhook_url_refused"
  | "webhook_limit"
  | "internal";

export interface Rejection {
  readonly code: RejectionCode;
  /** Who or what: a field name, an address, an id. */
  readonly subject: string;
  readonly actual?: string;
  readonly limit?: string;
  /** One sentence: what to do now. */
  readonly remedy: string;
  /** Machine-readable extras, such as free nonces. */
  readonly extra?: Readonly<Record<string, unknown>>;
}

/** Either a value or the reasons it was refused; all reasons, not the first. */
export type Outcome<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly reasons: readonly Rejection[] };

export function accepted<T>(value: T): Outcome<T> {
  return { ok: true, value };
}

export function refused<T>(...reasons: readonly Rejection[]): Outcome<T> {
  return { ok: false, reasons };
}
