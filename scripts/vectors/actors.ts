/**
 * The cast of the vectors. Owns the names; keys and addresses are derived from them where the vectors are made.
 */
import { roleMembers } from "../../src/chain/roles.ts";

export const actors = [...roleMembers, "payer", "payee", "holder", "merchant", "link", "operator"] as const;
export type Actor = (typeof actors)[number];
