/**
 * What the package offers to programs: a client of the node's HTTP surface, the typed structs to sign, and the words of the domain.
 * The contracts' ABIs are at `remesa/abi`. Everything else is the node's own and may change.
 */
export { createClient, ProblemError } from "./http/client.ts";
export { formatAmount, parseAmount } from "./domain/amount.ts";
export {
  domainOf,
  typedStructs,
  type PrimaryType,
  type TypedDomain,
  type TypedField,
  type TypedMessage,
} from "./domain/signatures.ts";
export type { Intent, IntentKind, IntentState } from "./domain/intent.ts";
export type { Reconciliation } from "./domain/reconciliation.ts";
export type { Rejection, RejectionCode } from "./domain/rejection.ts";
