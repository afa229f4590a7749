/**
 * Wallet operators as resources: who they are, whose accounts are theirs, and what they attest about payments between families. Owns
 * these shapes; personal data never passes here: an attestation carries a commitment to what the operators exchanged.
 */
import { z } from "zod";
import type { Intent } from "../domain/intent.ts";
import type { Vasp } from "../pipeline/ports.ts";
import {
  address,
  addressOut,
  chainId,
  coin,
  label,
  seconds,
  signature,
  timeOut,
  units,
  unitsOut,
  word,
  wordOut,
} from "./fields.ts";
import { toLife, toTimeOfSeconds } from "./resources.ts";
import { life } from "./schemas.ts";
import { spellAddress } from "./spelling.ts";

const vaspId = z.int().min(1).max(65_535);
export const vaspParams = z.strictObject({
  id: z
    .string()
    .regex(/^[1-9]\d{0,4}$/, "not the number of a wallet operator")
    .transform(Number)
    .pipe(vaspId),
});

export const vasp = z
  .object({ id: z.number(), admin: addressOut, domain: z.string(), baseUrl: z.string(), suspended: z.boolean() })
  .meta({ id: "Vasp", description: "A wallet operator, as the registry has it" });

export const attestationBody = z
  .strictObject({
    coin,
    attestation: z.strictObject({
      vasp: vaspId,
      attestationId: word,
      payer: address,
      payee: address,
      amount: units,
      reference: label,
      validUntil: seconds,
    }),
    signer: address.meta({ description: "A compliance key of the payee's operator" }),
    signature: signature.optional(),
    chainId: chainId.optional(),
  })
  .meta({ id: "AttestationRequest" });

export const joinBody = z.strictObject({
  account: address,
  joinId: word,
  deadline: seconds.optional(),
  signature: signature.optional().meta({ description: "The account's" }),
  signer: address.meta({ description: "A compliance key of the operator" }),
  signerSignature: signature.optional(),
  chainId: chainId.optional(),
});
export const leaveBody = z.strictObject({
  leaveId: word,
  deadline: seconds.optional(),
  signature: signature.optional(),
  chainId: chainId.optional(),
});

export const attestation = z
  .object({
    ...life,
    kind: z.literal("travel-attest"),
    attestationId: wordOut,
    payer: addressOut.nullable(),
    payee: addressOut.nullable(),
    amount: unitsOut,
    validUntil: timeOut.nullable(),
  })
  .meta({ id: "Attestation" });

export const membership = z
  .object({
    ...life,
    kind: z.enum(["join", "leave", "complete-leave"]),
    account: addressOut,
    validUntil: timeOut.nullable(),
  })
  .meta({ id: "Membership" });

export type AttestationRequest = z.input<typeof attestationBody>;
export type JoinRequest = z.input<typeof joinBody>;
export type Attestation = z.output<typeof attestation>;
export type Membership = z.output<typeof membership>;
export type VaspView = z.output<typeof vasp>;

export function toVasp({ id, admin, domain, baseUrl, suspended }: Vasp): VaspView {
  return { id, admin: spellAddress(admin), domain, baseUrl, suspended };
}

export function toAttestation(intent: Intent): Attestation {
  return {
    ...toLife(intent),
    kind: "travel-attest",
    attestationId: intent.fence.key,
    payer: intent.payer === null ? null : spellAddress(intent.payer),
    payee: intent.payee === null ? null : spellAddress(intent.payee),
    amount: intent.amount.toString(),
    validUntil: toTimeOfSeconds(intent.validBefore),
  };
}

export function toMembership(intent: Intent): Membership {
  return {
    ...toLife(intent),
    kind: intent.kind as Membership["kind"],
    account: spellAddress(intent.fence.subject),
    validUntil: toTimeOfSeconds(intent.validBefore),
  };
}
