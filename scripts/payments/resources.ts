/**
 * The node's agreements as verbs read them. Types alone: the shapes are the node's.
 */
export type { Claim } from "../../src/http/claims.ts";
export type { Attestation, Membership, VaspView } from "../../src/http/families.ts";
export type { Payment } from "../../src/http/payments.ts";
export type { Quote } from "../../src/http/quotes.ts";
export type { Exits } from "../../src/http/routes/exits.ts";
