/**
 * Drafts about wallet operators' families: joining, leaving, and an operator's word about a payee. Owns their structs, fences and calls.
 * Pure.
 */
import { toWord } from "../domain/hex.ts";
import type { Deployment } from "../pipeline/ports.ts";
import { vaspRegistryAbi } from "./abi.ts";
import { type Encodings, never, orderOf, still, toCall, toCallSignature } from "./encoding.ts";
import { toAttestedMemo, toOperatorSubject } from "./families.ts";

export type FamilyKind = "join" | "leave" | "complete-leave" | "travel-attest";

const at = (deployment: Deployment) => ({ to: deployment.registry, abi: vaspRegistryAbi });

export const familyEncodings: Encodings<FamilyKind> = {
  join: {
    coin: ({ coin }) => coin,
    structs({ coin, account, vasp, joinId, deadline }) {
      const message = { account, vasp: BigInt(vasp), joinId, deadline: BigInt(deadline) };
      const struct = { primaryType: "JoinVasp", coin, message } as const;
      return [struct, struct];
    },
    parties: ({ signer, signature, account, accountSignature }) => [
      { signer, signature },
      { signer: account, signature: accountSignature },
    ],
    // the account may have signed one id for two families: the memo says which
    outline({ account, vasp, joinId, deadline }, { deployment }) {
      const fence = { scope: deployment.registry, subject: account, key: joinId };
      const memo = toWord(BigInt(vasp));
      return { ...still, fence, payee: account, memo, validBefore: deadline + 1, subject: joinId };
    },
    act({ signer, signature, accountSignature }, { deployment }, structs) {
      const args = [orderOf(structs), toCallSignature(accountSignature), signer, toCallSignature(signature)];
      return toCall("join", at(deployment), ["join", ...args]);
    },
  },
  leave: {
    coin: ({ coin }) => coin,
    structs({ coin, account, leaveId, deadline }) {
      const message = { account, leaveId, deadline: BigInt(deadline) };
      return [{ primaryType: "LeaveVasp", coin, message }];
    },
    parties: ({ account, signature }) => [{ signer: account, signature }],
    outline({ account, leaveId, deadline }, { deployment }) {
      const fence = { scope: deployment.registry, subject: account, key: leaveId };
      return { ...still, fence, payee: account, validBefore: deadline + 1, subject: leaveId };
    },
    act({ signature }, { deployment }, structs) {
      return toCall("leave", at(deployment), ["leaveBySig", orderOf(structs), toCallSignature(signature)]);
    },
  },
  "complete-leave": {
    coin: ({ coin }) => coin,
    structs: () => [],
    parties: () => [],
    // signed by nobody: what identifies it is who leaves when
    identify: ({ account, leaveAt }, { deployment, keccak }) => {
      return keccak(deployment.registry, account, toWord(BigInt(leaveAt)));
    },
    outline({ account, leaveAt }, { deployment }) {
      const fence = { scope: deployment.registry, subject: account, key: toWord(BigInt(leaveAt)) };
      return { ...still, fence, payee: account, validBefore: never, subject: null };
    },
    act: ({ account }, { deployment }) => toCall("complete-leave", at(deployment), ["completeLeave", account]),
  },
  "travel-attest": {
    coin: ({ coin }) => coin,
    structs({ vasp, attestationId, coin, payer, payee, amount, reference, validUntil }) {
      const parties = { coin, payer, payee, amount };
      const message = { vasp: BigInt(vasp), attestationId, ...parties, ref: reference, validUntil: BigInt(validUntil) };
      return [{ primaryType: "TravelAttestation", coin, message }];
    },
    parties: ({ signer, signature }) => [{ signer, signature }],
    outline({ vasp, attestationId, coin, payer, payee, amount, reference: ref, validUntil }, { deployment }) {
      const fence = { scope: deployment.registry, subject: toOperatorSubject(vasp), key: attestationId };
      const memo = toAttestedMemo({ coin, payer, ref, validUntil: BigInt(validUntil) });
      return { ...still, fence, payee, amount, memo, validBefore: validUntil, subject: attestationId };
    },
    act({ signer, signature }, { deployment }, structs) {
      return toCall("travel-attest", at(deployment), [
        "attestBySig",
        orderOf(structs),
        signer,
        toCallSignature(signature),
      ]);
    },
  },
};
