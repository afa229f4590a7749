/**
 * Wallet operators' families: who belongs to whom, and the attestations the travel rule asks for. Owns these routes, all of them open: the
 * account's and the operator's signatures are the authority. Without them a route answers with what is to be signed. Whose keys count
 * is the registry's to say: it is asked before anything is taken in.
 */
import type { FamilyDraft } from "../../domain/draft.ts";
import { prefixes } from "../../domain/identifier.ts";
import type { HeldReason, IntentFacts } from "../../domain/intent.ts";
import type { RejectionCode } from "../../domain/rejection.ts";
import { findTaken, toAgreementToSign, toSign } from "../agreements.ts";
import type { App, RouteParts } from "../app.ts";
import {
  attestation,
  attestationBody,
  joinBody,
  leaveBody,
  membership,
  toAttestation,
  toMembership,
  toVasp,
  vasp,
  vaspParams,
} from "../families.ts";
import { RejectedError, toFaultCode } from "../problem.ts";
import { readIntent, refuseUnknown } from "../read.ts";
import { addressParams, emptyBody, idParams, waitQuery } from "../schemas.ts";
import { checkChain, readCoin, type Submitted, toDeadline, toStatus } from "../submission.ts";

function missing(subject: string): RejectedError {
  const remedy = "Send every signed field with the signature.";
  return new RejectedError({ code: "request_malformed", subject, remedy });
}

/** A family is the same in every coin; the intent is booked under the first. */
function firstCoin({ deployment }: RouteParts) {
  const [coin] = deployment.coins;
  if (coin === undefined) throw new Error("a deployment without a coin");
  return coin.address;
}

/** What the registry says no with, in the words of a refusal; everything else is `vasp_invalid`. */
const refusals: Readonly<Partial<Record<HeldReason, RejectionCode>>> = {
  signature_invalid: "signature_invalid",
  signer_not_permitted: "signer_not_permitted",
  nonce_used: "nonce_used",
  not_yet_valid: "not_yet_valid",
  expired: "expired",
  deadline_passed: "expired",
};

/** What the registry would say to it now; null when it would carry it out. A chain out of sight says neither. */
async function ask(parts: RouteParts, { kind, action }: Pick<IntentFacts, "kind" | "action">) {
  if (action.kind !== "call") return null;
  try {
    return await parts.chain.simulate(action);
  } catch (error) {
    if (!(error instanceof Error) || toFaultCode(error) !== "chain_stale") throw error;
    const remedy = "The registry could not be asked, so nothing was created: send the same request again.";
    throw new RejectedError({ code: "chain_stale", subject: kind, remedy });
  }
}

/**
 * Takes in what the registry would carry out now. These drafts cost their signer no coins, so whatever it would not do must not wait
 * here: any key could fill the queue with it. What is known by its digest is the same resource, whatever the registry says by now.
 */
async function submitCarried(parts: RouteParts, draft: FamilyDraft): Promise<Submitted> {
  const { facts } = parts.encoder.encode(draft);
  const known = await parts.store.findByDigest(facts.digest);
  const reason = known === null ? await ask(parts, facts) : null;
  if (reason === null) return parts.submission.submit(draft);
  const remedy = "Check key, operator, account and id: the registry would refuse this now.";
  throw new RejectedError({ code: refusals[reason] ?? "vasp_invalid", subject: draft.kind, actual: reason, remedy });
}

function addAttestations(app: App, parts: RouteParts): void {
  app.post(
    "/v1/attestations",
    {
      config: { access: "public" },
      schema: {
        tags: ["families"],
        summary: "Attest that both operators know the parties of one payment",
        description:
          "`signature` is of a compliance key of the payee's operator. Without it: 200 with the typed data to sign, and nothing is created.",
        body: attestationBody,
        response: { 200: attestation.or(toSign), 202: attestation },
      },
    },
    async (request, reply) => {
      const { coin, attestation: given, signer, signature, chainId } = request.body;
      checkChain(parts.deployment, chainId);
      const base = { kind: "travel-attest", coin: readCoin(parts.deployment, coin), ...given, signer } as const;
      if (signature === undefined) {
        const draft = { ...base, signature: "0x" } as const;
        return reply.code(200).send(toAgreementToSign(parts, { draft, id: given.attestationId }));
      }
      const submitted = await submitCarried(parts, { ...base, signature });
      return reply.code(toStatus(submitted, reply)).send(toAttestation(submitted.intent));
    },
  );

  app.get(
    "/v1/attestations/:id",
    {
      config: { access: "public" },
      schema: {
        tags: ["families"],
        summary: "Read an attestation, or wait for its end",
        params: idParams,
        querystring: waitQuery,
        response: { 200: attestation },
      },
    },
    async (request) => {
      const intent = await readIntent(parts, request.params.id, prefixes.attestation);
      return toAttestation(await parts.waiting.wait(intent, request.query.wait));
    },
  );
}

function addMembers(app: App, parts: RouteParts): void {
  app.get(
    "/v1/vasps/:id",
    {
      config: { access: "public" },
      schema: {
        tags: ["families"],
        summary: "A wallet operator by its number",
        params: vaspParams,
        response: { 200: vasp },
      },
    },
    async (request) => {
      const found = await parts.chain.readVasp(request.params.id);
      if (found !== null) return toVasp(found);
      const remedy = "Use a number that the registry gave out.";
      throw new RejectedError({ code: "vasp_unknown", subject: "id", actual: String(request.params.id), remedy });
    },
  );

  app.post(
    "/v1/vasps/:id/members",
    {
      config: { access: "public" },
      schema: {
        tags: ["families"],
        summary: "Make an account a wallet operator's: both sign the same JoinVasp",
        description: "Without both signatures: 200 with the typed data that both sign, and nothing is created.",
        params: vaspParams,
        body: joinBody,
        response: { 200: membership.or(toSign), 202: membership },
      },
    },
    async (request, reply) => {
      const { account, joinId, deadline, signature, signer, signerSignature, chainId } = request.body;
      checkChain(parts.deployment, chainId);
      const base = {
        kind: "join",
        coin: firstCoin(parts),
        account,
        vasp: request.params.id,
        joinId,
        deadline: deadline ?? toDeadline(parts),
        signer,
      } as const;
      if (signature === undefined || signerSignature === undefined) {
        const draft = { ...base, signature: "0x", accountSignature: "0x" } as const;
        return reply.code(200).send(toAgreementToSign(parts, { draft, id: joinId }));
      }
      if (deadline === undefined) throw missing("deadline");
      const signed = { signature: signerSignature, accountSignature: signature };
      const submitted = await submitCarried(parts, { ...base, ...signed });
      return reply.code(toStatus(submitted, reply)).send(toMembership(submitted.intent));
    },
  );

  app.get(
    "/v1/memberships/:id",
    {
      config: { access: "public" },
      schema: {
        tags: ["families"],
        summary: "Read a joining or a leaving, or wait for its end",
        params: idParams,
        querystring: waitQuery,
        response: { 200: membership },
      },
    },
    async (request) => {
      const intent = await readIntent(parts, request.params.id, prefixes.membership);
      return toMembership(await parts.waiting.wait(intent, request.query.wait));
    },
  );
}

function addLeaving(app: App, parts: RouteParts): void {
  app.post(
    "/v1/accounts/:address/leave",
    {
      config: { access: "public" },
      schema: {
        tags: ["families"],
        summary: "Announce that an account leaves its wallet operator; it may go 24 hours later",
        description: "`signature` is the account's LeaveVasp. Without it: 200 with the typed data to sign.",
        params: addressParams,
        body: leaveBody,
        response: { 200: membership.or(toSign), 202: membership },
      },
    },
    async (request, reply) => {
      const { leaveId, deadline, signature, chainId } = request.body;
      checkChain(parts.deployment, chainId);
      const account = request.params.address;
      const base = { kind: "leave", coin: firstCoin(parts), account, leaveId } as const;
      if (signature === undefined) {
        const draft = { ...base, deadline: deadline ?? toDeadline(parts), signature: "0x" } as const;
        return reply.code(200).send(toAgreementToSign(parts, { draft, id: leaveId }));
      }
      if (deadline === undefined) throw missing("deadline");
      const submitted = await submitCarried(parts, { ...base, deadline, signature });
      return reply.code(toStatus(submitted, reply)).send(toMembership(submitted.intent));
    },
  );

  app.post(
    "/v1/accounts/:address/complete-leave",
    {
      config: { access: "public" },
      schema: {
        tags: ["families"],
        summary: "Let an announced leaving take effect; anyone may ask",
        description: "Needs no signature and no Idempotency-Key: a repeat is the same step.",
        params: addressParams,
        body: emptyBody.nullish(),
        response: { 200: membership, 202: membership },
      },
    },
    async (request, reply) => {
      const account = request.params.address;
      const leaveAt = await parts.chain.readLeaving(account);
      if (leaveAt === null) {
        const kinds = ["complete-leave"] as const;
        const taken = findTaken(await parts.store.listIntents({ account, kinds, limit: 1 }), "complete-leave");
        if (taken !== null) return reply.code(200).send(toMembership(taken));
        throw refuseUnknown("leaving", account);
      }
      const draft = { kind: "complete-leave", coin: firstCoin(parts), account, leaveAt } as const;
      const submitted = await parts.submission.submit(draft);
      return reply.code(toStatus(submitted, reply)).send(toMembership(submitted.intent));
    },
  );
}

export function addFamilies(app: App, parts: RouteParts): void {
  addAttestations(app, parts);
  addMembers(app, parts);
  addLeaving(app, parts);
}
